// Windows: the table functions TUMBLE, HOP, CUMULATE and SESSION, and the same as GROUP BY items with what tells their bounds.

import { formatType, type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { ExpressionBinder } from './expression-binder.ts'
import type { LogicalPlan, PlanColumn, WindowSpec } from './logical-plan.ts'
import { project, type Rows } from './plans.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Argument, Call, Expression, Name, QualifiedName, Query, TableArgument } from './syntax-tree.ts'

const KINDS = ['TUMBLE', 'HOP', 'CUMULATE', 'SESSION'] as const
type Kind = (typeof KINDS)[number]

/** The arguments of each function behind the table, by their names. */
const ARGUMENTS: Readonly<Record<Kind, readonly string[]>> = {
  TUMBLE: ['TIMECOL', 'SIZE', 'OFFSET'],
  HOP: ['TIMECOL', 'SLIDE', 'SIZE', 'OFFSET'],
  CUMULATE: ['TIMECOL', 'STEP', 'SIZE', 'OFFSET'],
  SESSION: ['TIMECOL', 'GAP'],
}

/** What windows add to the columns of rows. */
const ADDED = ['window_start', 'window_end', 'window_time'] as const
const TIMESTAMP: LogicalType = { kind: 'TIMESTAMP', precision: 3, nullable: false }

export function isWindowFunction(name: string): name is Kind {
  return KINDS.includes(name as Kind)
}

/**
 * The plan of a call in FROM.
 *
 * @param tableOf The plan of the table that it is about.
 * @throws {SqlError}
 */
export function windowTable(call: Call, text: string, tableOf: (table: QualifiedName | Query) => LogicalPlan): LogicalPlan {
  const error = (code: string, span: Span, message: string, hint?: string): SqlError => new SqlError(code, text, span, message, hint)
  const kind = call.name[0].text.toUpperCase() as Kind
  const names = ['DATA', ...ARGUMENTS[kind]]
  const isNamed = call.operands.some((operand) => operand.kind === 'argument')
  const argument = (name: string): Expression | undefined => {
    if (!isNamed) return call.operands[names.indexOf(name)]
    return call.operands.find((operand): operand is Argument => operand.kind === 'argument' && operand.name.text.toUpperCase() === name)?.value
  }
  const wrong = (): SqlError =>
    error('WRONG_ARGUMENTS', call, `${kind} takes a table and ${ARGUMENTS[kind].join(', ')}`, `Write ${kind}(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE).`)
  const table = tableArgumentOf(argument('DATA'))
  if (table === undefined || call.operands.length > names.length) throw wrong()
  const input = tableOf(table.table)
  const time = argument('TIMECOL')
  if (time?.kind !== 'descriptor' || time.columns.length !== 1) throw wrong()
  const column = columnOf(input, time.columns[0], error)
  for (const name of ADDED.slice(0, 2))
    if (input.columns.some((one) => one.name === name))
      throw error('AMBIGUOUS_COLUMN', call, `The table has a column "${name}" already`, 'Leave it out of the table.')
  const [sizeMs, stepMs, offsetMs] = (['SIZE', 'SLIDE', 'OFFSET'] as const).map((name) => {
    const given = argument(name === 'SIZE' && kind === 'SESSION' ? 'GAP' : name === 'SLIDE' && kind === 'CUMULATE' ? 'STEP' : name)
    if (given === undefined) return name === 'OFFSET' || (name === 'SLIDE' && (kind === 'TUMBLE' || kind === 'SESSION')) ? undefined : Number.NaN
    return intervalOf(new ExpressionBinder(text, []).bind(given), given, name, error)
  })
  if (Number.isNaN(sizeMs) || Number.isNaN(stepMs)) throw wrong()
  const spec = specOf(kind, sizeMs!, stepMs, offsetMs ?? 0, input.columns[column], call, error, false)
  const partition = table.partitionBy.map((expression) => {
    const bound = new ExpressionBinder(
      text,
      input.columns.map(({ name, type }) => ({ name, table: undefined, type })),
    ).bind(expression)
    if (bound.kind !== 'column') throw error('NOT_SUPPORTED', expression, 'PARTITION BY names columns')
    return bound.index
  })
  return windowPlan(input, spec, column, partition)
}

function tableArgumentOf(expression: Expression | undefined): TableArgument | undefined {
  if (expression === undefined) return undefined
  if (expression.kind === 'table') return expression
  const { start, end } = expression
  if (expression.kind === 'query') return { kind: 'table', table: expression.query, partitionBy: [], orderBy: [], start, end }
  if (expression.kind === 'reference') return { kind: 'table', table: { parts: expression.parts, start, end }, partitionBy: [], orderBy: [], start, end }
  return undefined
}

type ErrorOf = (code: string, span: Span, message: string, hint?: string) => SqlError

function columnOf(input: LogicalPlan, name: Name, error: ErrorOf): number {
  const index = input.columns.findIndex((column) => column.name === name.text)
  if (index < 0) throw error('UNKNOWN_COLUMN', name, `There is no column "${name.text}"`)
  if (input.columns[index].time === undefined)
    throw error('WRONG_TYPE', name, `"${name.text}" is no time attribute, but ${formatType(input.columns[index].type)}`, 'Declare a WATERMARK for it.')
  return index
}

function intervalOf(bound: BoundExpression, span: Span, what: string, error: ErrorOf): number {
  if (bound.type.kind !== 'INTERVAL_DAY_TIME' || bound.kind !== 'literal' || typeof bound.value !== 'number')
    throw error('WRONG_TYPE', span, `${what} is a constant interval of days or less, and this is ${formatType(bound.type)}`, "Write INTERVAL '1' MINUTE.")
  return bound.value
}

function specOf(
  kind: Kind,
  sizeMs: number,
  stepMs: number | undefined,
  offsetMs: number,
  { type, time }: PlanColumn,
  span: Span,
  error: ErrorOf,
  isLegacy: boolean,
): WindowSpec {
  if (!(sizeMs > 0) || (stepMs !== undefined && !(stepMs > 0))) throw error('WRONG_ARGUMENTS', span, `The sizes of ${kind} windows are above 0`)
  if (kind === 'CUMULATE' && sizeMs % stepMs! !== 0) throw error('WRONG_ARGUMENTS', span, 'The size of CUMULATE is a multiple of its step')
  if (kind === 'TUMBLE' && Math.abs(offsetMs) >= sizeMs) throw error('WRONG_ARGUMENTS', span, 'The offset of TUMBLE is less than its size')
  return { kind, sizeMs, stepMs: stepMs ?? sizeMs, offsetMs, time: time!, isLocal: type.kind === 'TIMESTAMP_LTZ', keyCount: 0, isLegacy }
}

function windowPlan(input: LogicalPlan, shape: WindowSpec, time: number, partition: readonly number[]): LogicalPlan {
  const spec = { ...shape, keyCount: partition.length }
  const { type } = input.columns[time]
  const timeType = { ...type, precision: 3, nullable: false } as LogicalType
  const added: PlanColumn[] = [
    { name: 'window_start', type: TIMESTAMP, window: { of: spec, part: 'start' } },
    { name: 'window_end', type: TIMESTAMP, window: { of: spec, part: 'end' } },
    { name: 'window_time', type: timeType, time: spec.time, window: { of: spec, part: 'time' } },
  ]
  const columns = input.columns.map((column, index): PlanColumn => (partition.includes(index) ? { ...column, window: { of: spec, part: 'key' } } : column))
  return { kind: 'window', input, spec, time, partition, columns: [...columns, ...added] }
}

/** `GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)` and its like: at most one of a SELECT. */
export class GroupWindows {
  readonly spec: WindowSpec | undefined
  /** The windows' columns, as keys of the groups. */
  readonly keys: readonly BoundExpression[] = []
  readonly #call: Call | undefined
  readonly #text: string
  readonly #keyCount: number

  /** Puts the windows' columns behind those of the rows. */
  constructor(text: string, rows: Rows, binder: ExpressionBinder, keys: readonly Expression[]) {
    this.#text = text
    const calls = keys.filter((key) => this.isWindow(key)) as readonly Call[]
    this.#keyCount = keys.length - calls.length
    if (calls.length === 0) return
    if (calls.length > 1) throw this.#error('TOO_MANY_WINDOWS', calls[1], 'GROUP BY has one window at most')
    const [call] = calls
    this.#call = call
    const kind = call.name[0].text.toUpperCase() as Kind
    const error: ErrorOf = (...details) => this.#error(...details)
    const [time, ...intervals] = call.operands
    if (time === undefined || intervals.length !== (kind === 'HOP' || kind === 'CUMULATE' ? 2 : 1))
      throw this.#error('WRONG_ARGUMENTS', call, `${kind} takes a time attribute and ${ARGUMENTS[kind].slice(1, -1).join(', ') || 'its gap'}`)
    const bound = binder.bind(time)
    const column = bound.kind === 'column' ? rows.plan.columns[bound.index] : undefined
    if (bound.kind !== 'column' || column?.time === undefined)
      throw this.#error('WRONG_TYPE', time, `A window is of a time attribute, and this is ${formatType(bound.type)}`, 'Declare a WATERMARK for it.')
    const [first, second] = intervals.map((interval) => intervalOf(binder.bind(interval), interval, 'A window', error))
    this.spec = specOf(kind, second ?? first, second === undefined ? undefined : first, 0, column, call, error, true)
    // Of sessions each group has its own.
    let input = rows.plan
    let partition: readonly number[] = []
    if (kind === 'SESSION') {
      const own = keys.filter((key) => key !== call).map((key) => binder.bind(key))
      const width = input.columns.length
      const columns = input.columns.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, start: 0, end: 0 }))
      input = project(input, [...columns, ...own], [...input.columns, ...own.map(({ type }, index) => ({ name: `$key${index}`, type }))])
      partition = own.map((_, index) => width + index)
    }
    const width = input.columns.length
    const plan = windowPlan(input, this.spec, bound.index, partition)
    rows.plan = plan
    this.keys = rows.plan.columns.slice(width).map(({ type }, index) => ({ kind: 'column', index: width + index, type, start: call.start, end: call.end }))
  }

  /** Whether a GROUP BY item is a window. */
  isWindow(expression: Expression): boolean {
    return (
      expression.kind === 'call' && expression.syntax === 'function' && expression.name.length === 1 && isWindowFunction(expression.name[0].text.toUpperCase())
    )
  }

  /** What TUMBLE_START and its like are among the keys of the groups; undefined for other expressions. */
  auxiliary(expression: Expression): BoundExpression | undefined {
    if (expression.kind !== 'call' || expression.name.length !== 1) return undefined
    const match = /^(TUMBLE|HOP|SESSION|CUMULATE)_(START|END|ROWTIME|PROCTIME)$/.exec(expression.name[0].text.toUpperCase())
    if (match === null) return undefined
    const own = this.#call
    const argumentsOf = (call: Call): string =>
      call.operands.map(({ start, end }) => this.#text.slice(start, end).replaceAll(/\s+/g, ' ').toUpperCase()).join(',')
    if (own === undefined || own.name[0].text.toUpperCase() !== match[1] || argumentsOf(own) !== argumentsOf(expression))
      throw this.#error('WRONG_PLACE', expression, `There is no such window in GROUP BY`, `Write GROUP BY ${match[1]}(...) with the same arguments.`)
    const { start, end } = expression
    if (match[2] === 'PROCTIME' && this.spec!.time === 'event')
      return { kind: 'literal', value: null, type: { kind: 'TIMESTAMP_LTZ', precision: 3, nullable: true }, start, end }
    const part = match[2] === 'START' ? 0 : match[2] === 'END' ? 1 : 2
    const { type } = this.keys[part]
    return { kind: 'column', index: this.#keyCount + part, type: part === 2 ? withNullability(type, true) : type, start, end }
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}
