// TO_CHANGELOG and FROM_CHANGELOG: the changes of a table as rows that only come, with a column of codes that says what each change is; and the other way
// round.

import { suggest } from '../base/suggest.ts'
import { RowKind } from '../batch/record-batch.ts'
import { formatType, isText, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { ExpressionBinder } from './expression-binder.ts'
import type { ChangelogFunction } from './flink-functions.ts'
import { STRING } from './functions/scalar-function.ts'
import type { ChangelogPlan, LogicalPlan, PlanColumn } from './logical-plan.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Argument, Call, Expression, Name, QualifiedName, Query, TableArgument } from './syntax-tree.ts'

const ARGUMENTS = ['input', 'op', 'op_mapping', 'on_time', 'uid'] as const
type ArgumentName = (typeof ARGUMENTS)[number]
/** So many of them have places. */
const PLACED = 3

/** The column of codes, unless `op` names another. */
const OP = 'op'
/** The time that `on_time` puts behind the columns. */
const ROWTIME = 'rowtime'

/** Words for changes, by their kinds. */
const KIND_NAMES: readonly string[] = Object.keys(RowKind)

/**
 * The plan of a call in FROM.
 *
 * @param tableOf The plan of the table that it is about.
 * @throws {SqlError}
 */
export function changelogTable(call: Call, text: string, tableOf: (table: QualifiedName | Query) => LogicalPlan): ChangelogPlan {
  return new ChangelogBinder(call, text).bind(tableOf)
}

/** The names of a call's columns, by those of the table that it is about. */
export function changelogColumns(call: Call, columns: readonly string[]): readonly string[] {
  const operandOf = (name: ArgumentName): Expression | undefined =>
    call.operands.find((operand): operand is Argument => operand.kind === 'argument' && operand.name.text === name)?.value ??
    call.operands[ARGUMENTS.indexOf(name)]
  const descriptor = operandOf('op')
  const op = descriptor?.kind === 'descriptor' ? descriptor.columns[0].text : OP
  if (call.name[0].text.toUpperCase() === 'FROM_CHANGELOG') return columns.filter((column) => column !== op)
  const hasTime = call.operands.some((operand) => operand.kind === 'argument' && operand.name.text === 'on_time' && operand.value.kind === 'descriptor')
  return [op, ...columns, ...(hasTime ? [ROWTIME] : [])]
}

class ChangelogBinder {
  readonly #call: Call
  readonly #name: ChangelogFunction
  readonly #text: string

  constructor(call: Call, text: string) {
    this.#call = call
    this.#name = call.name[0].text.toUpperCase() as ChangelogFunction
    this.#text = text
  }

  bind(tableOf: (table: QualifiedName | Query) => LogicalPlan): ChangelogPlan {
    const given = this.#arguments()
    const table = tableArgumentOf(given.get('input'))
    if (table === undefined) throw this.#wrong(given.get('input') ?? this.#call, `${this.#name} takes a table`)
    const [part, clause] = table.partitionBy.length > 0 ? [table.partitionBy[0], 'PARTITION BY'] : [table.orderBy[0]?.expression, 'ORDER BY']
    if (part !== undefined) throw this.#error('WRONG_ARGUMENTS', part, `${this.#name} takes rows one by one: there is no ${clause}`, `Leave out ${clause}.`)
    this.#checkUid(given.get('uid'))
    const op = this.#opOf(given.get('op'))
    const mapping = this.#mappingOf(given.get('op_mapping'))
    const input = tableOf(table.table)
    const plan = this.#name === 'TO_CHANGELOG' ? this.#to(input, op, mapping) : this.#from(input, op, mapping)
    const rowtime = this.#rowtimeOf(given.get('on_time'), plan)
    const columns = rowtime === undefined ? plan.columns : [...plan.columns, rowtime.column]
    const taken = columns.find(({ name }, index) => columns.findIndex((other) => other.name === name) < index)
    if (taken !== undefined)
      throw this.#error('DUPLICATE_COLUMN', op ?? this.#call, `There are two columns "${taken.name}"`, 'Name the column of codes by op => DESCRIPTOR(...).')
    const origin = { text: this.#text, start: this.#call.start, end: this.#call.end }
    return { ...plan, columns, ...(rowtime !== undefined && { rowtime: rowtime.place }), origin }
  }

  /** The time attribute that stands behind the columns, and its place in the input. */
  #rowtimeOf(given: Expression | undefined, { input }: ChangelogPlan): { readonly place: number; readonly column: PlanColumn } | undefined {
    if (given === undefined || isNull(given)) return undefined
    if (given.kind !== 'descriptor' || given.columns.length !== 1) throw this.#wrong(given, 'on_time names one column')
    if (this.#name === 'FROM_CHANGELOG')
      throw this.#error('WRONG_ARGUMENTS', given, 'on_time is of rows that only come, and FROM_CHANGELOG makes changes', 'Leave out on_time.')
    const [name] = given.columns
    const place = input.columns.findIndex((column) => column.name === name.text)
    if (place < 0) throw this.#error('UNKNOWN_COLUMN', name, `There is no column "${name.text}"`)
    const { type, time } = input.columns[place]
    if (time !== 'event') throw this.#error('WRONG_TYPE', name, `"${name.text}" is no time attribute, but ${formatType(type)}`, 'Declare a WATERMARK for it.')
    return { place, column: { name: ROWTIME, type: withNullability(type, false), time } }
  }

  #to(input: LogicalPlan, op: Name | undefined, mapping: Mapping | undefined): ChangelogPlan {
    const codes = mapping === undefined ? KIND_NAMES.map((name, kind): [string, RowKind] => [name, kind as RowKind]) : []
    for (const [kinds, code] of mapping ?? [])
      for (const { kind, value } of this.#kindsIn(kinds)) {
        if (codes.some(([, known]) => known === kind)) throw this.#error('WRONG_ARGUMENTS', value, `${KIND_NAMES[kind]} has a code already`)
        codes.push([code.text, kind])
      }
    const column: PlanColumn = { name: op?.text ?? OP, type: STRING }
    return { kind: 'changelog', input, direction: 'to', op: 0, codes, columns: [column, ...input.columns.map(passed)] }
  }

  #from(input: LogicalPlan, op: Name | undefined, mapping: Mapping | undefined): ChangelogPlan {
    const name = op?.text ?? OP
    const place = input.columns.findIndex((column) => column.name === name)
    if (place < 0) {
      const near = suggest(
        name,
        input.columns.map((column) => column.name),
      )
      const hint = op === undefined ? 'Name the column of codes: op => DESCRIPTOR(...).' : near === undefined ? undefined : `Did you mean "${near}"?`
      throw this.#error('UNKNOWN_COLUMN', op ?? this.#call, `There is no column "${name}"`, hint)
    }
    if (input.columns.length === 1) throw this.#error('WRONG_ARGUMENTS', op ?? this.#call, `The table has no column but "${name}", of which nothing is left`)
    const { type } = input.columns[place]
    if (!isText(type))
      throw this.#error(
        'WRONG_TYPE',
        op ?? this.#call,
        `The codes of changes are texts, and "${name}" is ${formatType(type)}`,
        `CAST it in the table: (SELECT CAST(${name} AS STRING) AS ${name}, ... FROM t).`,
      )
    return {
      ...{ kind: 'changelog', direction: 'from', input, op: place, codes: this.#codesOf(mapping) },
      columns: input.columns.filter((_, index) => index !== place).map(passed),
    }
  }

  #codesOf(mapping: Mapping | undefined): ChangelogPlan['codes'] {
    if (mapping === undefined) return KIND_NAMES.map((name, kind) => [name, kind as RowKind])
    const codes = mapping.flatMap(([list, named], index) => {
      const [kind, ...more] = this.#kindsIn(named)
      if (more.length > 0) throw this.#error('WRONG_ARGUMENTS', named.span, 'A code is of one change', `Write '${list.text}', '${KIND_NAMES[kind.kind]}'.`)
      const isTwice = mapping.slice(0, index).some(([, other]) => other.text.trim() === named.text.trim())
      if (isTwice)
        throw this.#error('WRONG_ARGUMENTS', named.span, `${KIND_NAMES[kind.kind]} has codes already`, `Write all of its codes with commas between: 'c, r'.`)
      return listed(list.text).map((code): readonly [string, RowKind, Span] => [code, kind.kind, list.span])
    })
    for (const [index, [code, , span]] of codes.entries())
      if (codes.findIndex(([other]) => other === code) < index) throw this.#error('WRONG_ARGUMENTS', span, `The code '${code}' is of a change already`)
    const has = (kind: RowKind): boolean => codes.some(([, other]) => other === kind)
    if (has(RowKind.UPDATE_AFTER) && !has(RowKind.UPDATE_BEFORE))
      throw this.#error(
        'WRONG_ARGUMENTS',
        mapping[0][0].span,
        'A row that is after an update takes the place of one that was, and nothing is mapped to UPDATE_BEFORE',
        'Map a code to UPDATE_BEFORE, or have the changes without rows that were: INSERT and DELETE.',
      )
    return codes.map(([code, kind]) => [code, kind])
  }

  /** The changes that a text lists. */
  #kindsIn({ text, span }: Entry): readonly { readonly kind: RowKind; readonly value: Span }[] {
    return listed(text).map((name) => {
      const kind = KIND_NAMES.indexOf(name)
      if (kind < 0) {
        const near = suggest(name.toUpperCase(), KIND_NAMES)
        throw this.#error('WRONG_ARGUMENTS', span, `There is no change '${name}', but ${KIND_NAMES.join(', ')}`, near && `Did you mean ${near}?`)
      }
      return { kind: kind as RowKind, value: span }
    })
  }

  // ---- arguments ----

  #arguments(): ReadonlyMap<ArgumentName, Expression> {
    const { operands } = this.#call
    const found = new Map<ArgumentName, Expression>()
    const named = operands.filter((operand): operand is Argument => operand.kind === 'argument')
    if (named.length > 0 && named.length < operands.length)
      throw this.#wrong(
        operands.find(({ kind }) => kind !== 'argument')!,
        'Arguments are given by their names or by their places, not both',
      )
    for (const [place, operand] of operands.entries()) {
      if (place >= PLACED && operand.kind !== 'argument') throw this.#wrong(operand, `${this.#name} takes ${PLACED} arguments by their places`)
      const name = operand.kind === 'argument' ? this.#argumentOf(operand.name) : ARGUMENTS[place]
      if (found.has(name)) throw this.#wrong(operand, `The argument ${name} is there twice`)
      const value = operand.kind === 'argument' ? operand.value : operand
      if (value.kind !== 'literal' || value.type !== 'default') found.set(name, value)
    }
    return found
  }

  #argumentOf(name: Name): ArgumentName {
    const known = ARGUMENTS.find((one) => one === name.text)
    if (known !== undefined) return known
    const near = suggest(name.text.toLowerCase(), ARGUMENTS)
    throw this.#error(
      'WRONG_ARGUMENTS',
      name,
      `${this.#name} has no argument ${name.text}`,
      near === undefined ? `It has ${ARGUMENTS.join(', ')}.` : `Did you mean ${near}?`,
    )
  }

  #opOf(given: Expression | undefined): Name | undefined {
    if (given === undefined || isNull(given)) return undefined
    if (given.kind !== 'descriptor' || given.columns.length !== 1) throw this.#wrong(given, 'op names one column')
    return given.columns[0]
  }

  #checkUid(given: Expression | undefined): void {
    if (given === undefined || isNull(given)) return
    const isUid = given.kind === 'literal' && given.type === 'string' && /^[A-Za-z_][\w-]*$/.test(given.text)
    if (!isUid) throw this.#wrong(given, 'uid is a text of letters, digits, _ and -')
  }

  #mappingOf(given: Expression | undefined): Mapping | undefined {
    if (given === undefined || isNull(given)) return undefined
    const bound = new ExpressionBinder(this.#text, []).bind(given)
    const wrong = (span: Span): SqlError => this.#wrong(span, 'op_mapping is a MAP of texts that are written there')
    const isNothing = bound.kind === 'cast' && bound.operand.kind === 'literal' && bound.operand.value === null
    if (bound.type.kind === 'MAP' && (isNothing || (bound.kind === 'literal' && bound.value === null))) return undefined
    if (bound.kind !== 'call' || bound.name !== 'MAP') throw wrong(given)
    const entries = bound.operands.map((operand): Entry => {
      const value = literalOf(operand)
      if (value === undefined) throw wrong(operand)
      return { text: value, span: operand }
    })
    // Of a key that is there twice the last value holds.
    const mapping: [Entry, Entry][] = []
    for (let index = 0; index < entries.length; index += 2) {
      const known = mapping.find(([key]) => key.text === entries[index].text)
      if (known === undefined) mapping.push([entries[index], entries[index + 1]])
      else known[1] = entries[index + 1]
    }
    return mapping
  }

  #wrong(span: Span, message: string): SqlError {
    const hint =
      this.#name === 'TO_CHANGELOG'
        ? `Write TO_CHANGELOG(input => TABLE t), and what else there is behind it: op => DESCRIPTOR(op), op_mapping => MAP['INSERT', 'c', 'DELETE', 'd'].`
        : `Write FROM_CHANGELOG(input => TABLE t), and what else there is behind it: op => DESCRIPTOR(op), op_mapping => MAP['c, r', 'INSERT', 'd', 'DELETE'].`
    return this.#error('WRONG_ARGUMENTS', span, message, hint)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

/** A text of a mapping, and where it stands. */
interface Entry {
  readonly text: string
  readonly span: Span
}

type Mapping = readonly (readonly [key: Entry, value: Entry])[]

function isNull(expression: Expression): boolean {
  return expression.kind === 'literal' && expression.type === 'null'
}

/** A text that is written there, as it is in a type that it shares with others. */
function literalOf(expression: BoundExpression): string | undefined {
  if (expression.kind === 'cast' && expression.type.kind === 'VARCHAR') {
    const text = literalOf(expression.operand)
    return text !== undefined && text.length <= expression.type.length ? text : undefined
  }
  return expression.kind === 'literal' && typeof expression.value === 'string' ? expression.value : undefined
}

/** Times pass; which window a row is in is not known any more. */
function passed({ name, type, time }: PlanColumn): PlanColumn {
  return { name, type, time }
}

/** The parts of a list; nothing at its end is no part. */
function listed(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim())
  while (parts.length > 1 && parts[parts.length - 1] === '') parts.pop()
  return parts
}

function tableArgumentOf(expression: Expression | undefined): TableArgument | undefined {
  if (expression === undefined) return undefined
  if (expression.kind === 'table') return expression
  const { start, end } = expression
  if (expression.kind === 'query') return { kind: 'table', table: expression.query, partitionBy: [], orderBy: [], start, end }
  return undefined
}
