// Bound expressions as plans show them, after Flink: columns by their names, operators in parentheses, casts that nobody wrote too, but for
// those of literals.

import type { BoundAggregate, BoundClause, BoundExpression, BoundLiteral } from './bound-expression.ts'
import { jsonOf } from './changelog-format.ts'
import { stringText } from './expression-text.ts'
import type { SortKey } from './logical-plan.ts'
import { shortTypeText } from './type-text.ts'

/** Names of the columns that expressions are about, by their places. */
export type ColumnNames = readonly string[]

const INFIX = /^(?:[-+*/%=<>|]+|AND|OR|LIKE|IS (?:NOT )?DISTINCT FROM)$/

/**
 * An expression.
 *
 * @example
 * boundText(condition, ['price', 'bidder']) // ((price > 100) AND bidder IS NOT NULL)
 */
export function boundText(expression: BoundExpression, names: ColumnNames): string {
  switch (expression.kind) {
    case 'literal':
      return literalText(expression)
    case 'column':
      return names[expression.index]
    case 'cast':
      if (expression.isImplicit && expression.operand.kind === 'literal') return literalText(expression.operand)
      return `${expression.isTry ? 'TRY_CAST' : 'CAST'}(${boundText(expression.operand, names)} AS ${shortTypeText(expression.type)})`
    case 'case': {
      const branches = expression.branches.map(({ when, result }) => `WHEN ${boundText(when, names)} THEN ${boundText(result, names)}`)
      return `CASE ${branches.join(' ')} ELSE ${boundText(expression.otherwise, names)} END`
    }
    case 'call':
      return callText(expression, names)
  }
}

function callText({ name, operands, clauses }: BoundExpression & { readonly kind: 'call' }, names: ColumnNames): string {
  const [first, second] = operands
  const given = operands.map((operand) => boundText(operand, names))
  if (operands.length > 1 && INFIX.test(name)) return `(${given.join(` ${name} `)})`
  if (name.startsWith('PREFIX ')) return `${name.slice('PREFIX '.length)}${given[0]}`
  if (name === 'NOT') return `NOT ${given[0]}`
  if (name.startsWith('IS ') && operands.length === 1) return `${given[0]} ${name}`
  if (name === 'ITEM') return `${given[0]}[${given[1]}]`
  if (name === 'FIELD' && first.type.kind === 'ROW' && second.kind === 'literal') return `${given[0]}.${first.type.fields[second.value as number].name}`
  if (name === 'ARRAY' || name === 'MAP') return `${name}[${given.join(', ')}]`
  return `${name}(${[given.join(', '), ...clauses.map((clause) => clauseText(clause, names))].join(' ')})`
}

function clauseText({ words, type, value }: BoundClause, names: ColumnNames): string {
  if (type !== undefined) return `${words} ${shortTypeText(type)}`
  return value === undefined ? words : words.replace('DEFAULT', () => `DEFAULT ${boundText(value, names)}`)
}

/** A value as a literal. */
export function literalText({ value, type }: Pick<BoundLiteral, 'value' | 'type'>): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint' && type.kind === 'BIGINT') return String(value)
  const text = String(jsonOf(value, type))
  switch (type.kind) {
    case 'BOOLEAN':
      return text.toUpperCase()
    case 'CHAR':
    case 'VARCHAR':
      return stringText(text)
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return `${type.kind} '${text}'`
    case 'INTERVAL_DAY_TIME':
    case 'INTERVAL_YEAR_MONTH':
      return `INTERVAL '${text}'`
    default:
      return text
  }
}

/** Expressions, with the names that they get where those say more. */
export function selectText(expressions: readonly BoundExpression[], names: ColumnNames, outputNames: ColumnNames): string {
  return expressions.map((expression, index) => named(boundText(expression, names), outputNames[index])).join(', ')
}

function named(text: string, name: string): string {
  return text === name ? text : `${text} AS ${name}`
}

export function boundTexts(expressions: readonly BoundExpression[], names: ColumnNames): string {
  return expressions.map((expression) => boundText(expression, names)).join(', ')
}

/** Aggregates, with the names of their results. */
export function aggregateTexts(aggregates: readonly BoundAggregate[], names: ColumnNames, outputNames: ColumnNames): readonly string[] {
  return aggregates.map(({ name, operands, isDistinct, filter, ignoresNull }, index) => {
    const given = operands.length === 0 && name === 'COUNT' ? '*' : boundTexts(operands, names)
    const behind = `${ignoresNull ? ' IGNORE NULLS' : ''}${filter === undefined ? '' : ` FILTER (WHERE ${boundText(filter, names)})`}`
    return named(`${name}(${isDistinct ? 'DISTINCT ' : ''}${given})${behind}`, outputNames[index])
  })
}

/** ORDER BY. Where NULL stands is told where it is not as by default: it is the least value. */
export function orderText(keys: readonly SortKey[], names: ColumnNames): string {
  return keys
    .map(({ expression, descending, nullsFirst }) => {
      const nulls = nullsFirst === descending ? ` NULLS ${nullsFirst ? 'FIRST' : 'LAST'}` : ''
      return `${boundText(expression, names)} ${descending ? 'DESC' : 'ASC'}${nulls}`
    })
    .join(', ')
}
