// Makes views of their definitions.

import { type Catalog, type CatalogTable, type CatalogView, type TablePath, type ViewColumn } from './catalog.ts'
import { sameType } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { QueryBinder } from './query-binder.ts'
import { SqlError } from './sql-error.ts'
import { renameTables } from './syntax-walk.ts'
import type { CreateView, Expression, Name, QualifiedName, Query } from './syntax-tree.ts'
import { isProctime } from './table-definition.ts'
import { expandQuery } from './view-expander.ts'

/** Operators and functions whose result has the type of their first operand, as a time attribute too. */
const PASSED_ON = new Set(['+', '-', 'COALESCE', 'IFNULL', 'MAX', 'MIN', 'FIRST_VALUE', 'LAST_VALUE'])

/**
 * A view of a query, which must have a meaning now, whoever asks for it later.
 *
 * @throws {SqlError} as {@link QueryBinder}; `WRONG_COLUMN_COUNT`, `DUPLICATE_COLUMN`.
 */
export function makeView(
  path: TablePath,
  isTemporary: boolean,
  { columns: names, query, comment }: Pick<CreateView, 'columns' | 'query' | 'comment'>,
  text: string,
  catalog: Catalog,
): CatalogView {
  checkNames(names.length > 0 ? names : selectedNames(query), text)
  const plan = new QueryBinder(text, catalog).bind(query)
  if (names.length > 0 && names.length !== plan.columns.length)
    throw new SqlError('WRONG_COLUMN_COUNT', text, names[0], `${names.length} names stand for ${plan.columns.length} columns`)
  const columnNames = names.map((name) => name.text)
  const expanded = expandedAs(plan, query, text, catalog)
  return {
    kind: 'view',
    path,
    isTemporary,
    columnNames,
    query: expanded ?? renameTables(query, (name) => qualified(name, catalog, text)),
    isExpanded: expanded !== undefined,
    text,
    columns: plan.columns.map(({ name, type }, index) => ({ name: columnNames[index] ?? name, type, timeAttribute: timeAttributeOf(plan, index) })),
    comment,
  }
}

/** The query with all names written out, if it still answers the same columns then. */
function expandedAs(plan: LogicalPlan, query: Query, text: string, catalog: Catalog): Query | undefined {
  const expanded = expandQuery(query, catalog, text)
  if (expanded === undefined) return undefined
  try {
    const { columns } = new QueryBinder(text, catalog).bind(expanded)
    const isSame =
      columns.length === plan.columns.length &&
      columns.every(({ name, type }, index) => name === plan.columns[index].name && sameType(type, plan.columns[index].type))
    return isSame ? expanded : undefined
  } catch (error) {
    if (error instanceof SqlError) return undefined
    throw error
  }
}

/** The name with its catalog and database. */
function qualified(name: QualifiedName, catalog: Catalog, text: string): QualifiedName {
  const [own] = name.parts.toReversed()
  const parts = catalog.fullPath(name, text).map((part): Name => ({ text: part, start: own.start, end: own.end }))
  return { ...name, parts: [...parts.slice(0, 2), own] }
}

function checkNames(names: readonly Name[], text: string): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name.text)) throw new SqlError('DUPLICATE_COLUMN', text, name, `There are two columns "${name.text}"`, 'Name one of them otherwise, with AS.')
    seen.add(name.text)
  }
}

/** Names that are written in the first SELECT; * makes names of its own where they are taken. */
function selectedNames(query: Query): readonly Name[] {
  switch (query.kind) {
    case 'select':
      return query.items.flatMap(({ expression, alias }) => alias ?? referenced(expression) ?? [])
    case 'set operation':
      return selectedNames(query.left)
    case 'ordered':
      return selectedNames(query.query)
    case 'with':
      return selectedNames(query.body)
    default:
      return []
  }
}

function referenced(expression: Expression): Name | undefined {
  return expression.kind === 'reference' ? expression.parts[expression.parts.length - 1] : undefined
}

/** Whether Flink calls a column of a plan a time attribute: by its type, which functions that answer with an operand's type pass on. */
function timeAttributeOf(plan: LogicalPlan, index: number): ViewColumn['timeAttribute'] {
  const { time } = plan.columns[index]
  if (time !== undefined) return time === 'event' ? 'ROWTIME' : 'PROCTIME'
  switch (plan.kind) {
    case 'scan':
      return tableTimeAttribute(plan.table, index)
    case 'project':
      return expressionTime(plan.expressions[index], plan.input)
    case 'filter':
    case 'sort':
      return timeAttributeOf(plan.input, index)
    case 'aggregate': {
      const { length } = plan.keys
      if (index < length) return expressionTime(plan.keys[index], plan.input)
      const aggregate = plan.aggregates.at(index - length)
      return aggregate !== undefined && PASSED_ON.has(aggregate.name) ? expressionTime(aggregate.operands[0], plan.input) : undefined
    }
    case 'join': {
      const { length } = plan.left.columns
      return index < length ? timeAttributeOf(plan.left, index) : timeAttributeOf(plan.right, index - length)
    }
    case 'set operation':
      return timeAttributeOf(plan.left, index)
    default:
      return undefined
  }
}

/** Whether a column of a table is a time by which windows can be made. */
export function tableTimeAttribute({ columns, watermark }: CatalogTable, index: number): ViewColumn['timeAttribute'] {
  if (watermark?.column === columns[index].name) return 'ROWTIME'
  return isProctime(columns[index]) ? 'PROCTIME' : undefined
}

function expressionTime(expression: BoundExpression, input: LogicalPlan): ViewColumn['timeAttribute'] {
  if (expression.kind === 'column') return expression.index < 0 ? undefined : timeAttributeOf(input, expression.index)
  if (expression.kind !== 'call') return undefined
  if (expression.name === 'PROCTIME') return 'PROCTIME'
  return PASSED_ON.has(expression.name) ? expressionTime(expression.operands[0], input) : undefined
}
