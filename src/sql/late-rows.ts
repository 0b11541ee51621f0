// `late_rows('name')`: the rows that have come too late for an operator of another INSERT of the same statement set, as a table. Finds the operators
// that a name stands for, and marks them in their plans.

import { suggest } from '../base/suggest.ts'
import { sameType } from '../batch/types.ts'
import type { CatalogTable } from './catalog.ts'
import type { LateOutput, LogicalPlan, PlanColumn, RankPlan } from './logical-plan.ts'
import { freeName, inputsOf, mapInputs, windowOf } from './plans.ts'
import { SqlError } from './sql-error.ts'
import type { Call } from './syntax-tree.ts'
import { nodesOf } from './syntax-walk.ts'

const NAME = 'LATE_ROWS'
/** What plans call operators that find rows late. */
const OPERATORS = { aggregate: 'WindowAggregate', window: 'Session', over: 'OverAggregate', sort: 'Sort', join: 'WindowJoin' } as const

/** Whether a call asks for late rows. */
export function isLateRows(call: Call): boolean {
  return call.user === undefined && call.name.length === 1 && call.name[0].text.toUpperCase() === NAME
}

/** Whether a statement asks for late rows somewhere. */
export function readsLateRows(tree: unknown): boolean {
  for (const node of nodesOf(tree)) if (node.kind === 'table function' && isLateRows(node.call)) return true
  return false
}

/** One input of an operator that finds rows late. */
interface Judge {
  /** Plans that say the same are one operator. */
  readonly text: string
  readonly input: number
  /** As EXPLAIN calls it. */
  readonly name: string
  /** The table that its INSERT writes, views that hold it, and the tables and views that its rows come from. */
  readonly tables: readonly string[]
  readonly kept: readonly number[]
  readonly columns: readonly PlanColumn[]
}

/** An INSERT whose late rows may be read. */
export interface Judged {
  readonly table: string
  readonly plan: LogicalPlan
}

/** The late rows of the INSERTs of one statement set. */
export class LateRows {
  readonly #judges: readonly Judge[]
  /** Who reads the late rows of operators, by their texts. */
  readonly #read = new Map<string, (LateOutput | undefined)[]>()
  #outputs = 0

  constructor(inserts: readonly Judged[]) {
    this.#judges = inserts.flatMap(({ table, plan }) => judgesOf(plan, [table]))
  }

  /** The relation that a call stands for. @throws {SqlError} `WRONG_ARGUMENTS`, `UNKNOWN_OPERATOR`, `AMBIGUOUS_OPERATOR` */
  find(call: Call, text: string): LogicalPlan {
    const { name, operator } = argumentsOf(call, text)
    const ofName = this.#judges.filter(({ tables }) => tables.some((table) => table === name || table.endsWith(`.${name}`)))
    const named = ofName.filter((judge) => operator === undefined || judge.name === operator)
    const found = named.filter(({ text: own, input }, index) => named.findIndex((one) => one.text === own && one.input === input) === index)
    const [first] = found
    if (first === undefined) throw this.#unknown(call, text, name, operator, ofName)
    const other = found.find(({ columns }) => !areSame(columns, first.columns))
    if (other !== undefined)
      throw new SqlError(
        'AMBIGUOUS_OPERATOR',
        text,
        call,
        `"${name}" stands for several operators whose inputs have other columns: ${shownJudges(found)}`,
        `Name the table that one of the INSERTs writes, or say which operator: late_rows('${name}', '${first.name}').`,
      )
    const all = found.map((judge): LogicalPlan => ({ kind: 'late rows', of: this.#outputOf(judge), columns: first.columns }))
    return all.reduce((left, right) => ({ kind: 'set operation', operator: 'UNION', all: true, left, right, columns: first.columns }))
  }

  /** The same plan, whose operators give the late rows that are read. */
  marked(plan: LogicalPlan): LogicalPlan {
    if (this.#read.size === 0) return plan
    const late = judgeName(plan) === undefined ? undefined : this.#read.get(textOf(plan))
    const own = late === undefined ? {} : { late }
    const marked = mapInputs(plan, (input) => this.marked(input))
    return marked === plan ? plan : { ...marked, ...own }
  }

  #outputOf({ text, input, kept, columns }: Judge): string {
    const outputs = this.#read.get(text) ?? []
    this.#read.set(text, outputs)
    outputs[input] ??= { id: `late rows ${this.#outputs++}`, kept, columns }
    return outputs[input].id
  }

  #unknown(call: Call, text: string, name: string, operator: string | undefined, ofName: readonly Judge[]): SqlError {
    const known = [...new Set(this.#judges.flatMap(({ tables }) => tables.map((table) => table.split('.').at(-1)!)))]
    const near = suggest(name, known)
    const message =
      ofName.length > 0 ? `"${name}" has no operator ${operator} that finds rows late` : `No operator of the other INSERTs finds rows of "${name}" late`
    const hint =
      ofName.length > 0
        ? `There is ${shownJudges(ofName)}.`
        : near === undefined
          ? this.#judges.length === 0
            ? 'Windows of event time, OVER and ORDER BY in its order, and the first row of a key by it do.'
            : `There is ${shownJudges(this.#judges)}.`
          : `Did you mean ${near}?`
    return new SqlError('UNKNOWN_OPERATOR', text, call, message, hint)
  }
}

/** Says that there are no other INSERTs. */
export function lateRowsAlone(call: Call, text: string): SqlError {
  return new SqlError(
    'WRONG_PLACE',
    text,
    call,
    'late_rows stands in a STATEMENT SET, and reads what comes too late for operators of its other INSERTs',
    'Write EXECUTE STATEMENT SET BEGIN ... END around both.',
  )
}

function argumentsOf(call: Call, text: string): { readonly name: string; readonly operator: string | undefined } {
  const given = call.operands.map((operand) => (operand.kind === 'literal' && operand.type === 'string' ? operand.text : undefined))
  const [name, operator] = given
  if (name === undefined || given.length > 2 || (given.length === 2 && operator === undefined))
    throw new SqlError('WRONG_ARGUMENTS', text, call, 'late_rows takes the name of a table in quotes, and of an operator', "Write late_rows('clicks').")
  return { name, operator }
}

/** The operators of a plan that find rows late. */
function judgesOf(plan: LogicalPlan, above: readonly string[]): readonly Judge[] {
  const holders = plan.view === undefined ? above : [...above, plan.view]
  const below = inputsOf(plan).flatMap((input) => judgesOf(input, holders))
  const name = judgeName(plan)
  if (name === undefined) return below
  const own = inputsOf(plan).map((input, index): Judge => {
    const isOfWindows = plan.kind === 'aggregate' || plan.kind === 'join' || name === 'WindowRank'
    // Which window a row was in is no column of it.
    const kept = input.columns.flatMap(({ window }, place) => (isOfWindows && window !== undefined && window.part !== 'key' ? [] : [place]))
    const columns = kept.map((place): PlanColumn => ({ name: input.columns[place].name, type: input.columns[place].type }))
    return {
      text: textOf(plan),
      input: index,
      name,
      tables: [...holders, ...sourcesOf(input)],
      kept,
      columns: withLateness(columns, isOfInstants(plan, input)),
    }
  })
  return [...own, ...below]
}

/** Behind the columns: which operator, its watermark, and how many milliseconds before the row it was done with what the row is of. */
function withLateness(columns: readonly PlanColumn[], areInstants: boolean): readonly PlanColumn[] {
  const all = [...columns]
  const added: readonly PlanColumn[] = [
    { name: 'operator', type: { kind: 'VARCHAR', length: 2_147_483_647, nullable: false } },
    { name: 'watermark', type: { kind: areInstants ? 'TIMESTAMP_LTZ' : 'TIMESTAMP', precision: 3, nullable: false } },
    { name: 'lateness', type: { kind: 'BIGINT', safeInteger: false, nullable: false } },
  ]
  for (const column of added) all.push({ ...column, name: freeName(column.name, all) })
  return all
}

/** Whether the times of an operator are instants. */
function isOfInstants(plan: LogicalPlan, input: LogicalPlan): boolean {
  if (plan.kind === 'aggregate' && plan.window !== undefined) return plan.window.spec.isLocal
  if (plan.kind === 'window') return plan.spec.isLocal
  const window = input.columns.find((column) => column.window !== undefined)?.window
  return window === undefined ? input.columns.some(({ time, type }) => time === 'event' && type.kind === 'TIMESTAMP_LTZ') : window.of.isLocal
}

/** What an operator is called, if it finds rows late. */
function judgeName(plan: LogicalPlan): string | undefined {
  const isEvent = (input: LogicalPlan, expression: { readonly kind: string; readonly index?: number } | undefined): boolean =>
    expression?.kind === 'column' && input.columns[expression.index!]?.time === 'event'
  switch (plan.kind) {
    case 'aggregate':
      return plan.window !== undefined && plan.window.spec.time === 'event' && plan.window.spec.kind !== 'SESSION' ? OPERATORS.aggregate : undefined
    case 'window':
      return plan.spec.kind === 'SESSION' && plan.spec.time === 'event' ? OPERATORS.window : undefined
    case 'over':
      return isEvent(plan.input, plan.calls[0].order[0]?.expression) ? OPERATORS.over : undefined
    case 'sort':
      return plan.fetch === undefined && isEvent(plan.input, plan.keys[0]?.expression) ? OPERATORS.sort : undefined
    case 'join':
      return plan.strategy.kind === 'window' && plan.left.columns[plan.strategy.leftEnd].window?.of.time === 'event' ? OPERATORS.join : undefined
    case 'rank':
      return rankName(plan, isEvent)
    default:
      return undefined
  }
}

function rankName(
  { input, partition, order, to, hasRank }: RankPlan,
  isEvent: (input: LogicalPlan, expression: RankPlan['order'][number]['expression']) => boolean,
): string | undefined {
  const window = windowOf(partition.map((expression) => (expression.kind === 'column' ? input.columns[expression.index] : {})))
  if (window !== undefined && typeof to === 'number') return window.spec.time === 'event' ? 'WindowRank' : undefined
  const [first] = order
  const keepsFirst = order.length === 1 && to === 1 && !hasRank && !first.descending && isEvent(input, first.expression)
  return keepsFirst ? 'Deduplicate' : undefined
}

/** The tables and views that rows come from without passing another operator that finds them late. */
function sourcesOf(plan: LogicalPlan): readonly string[] {
  if (plan.kind === 'scan') return [plan.table.path.join('.')]
  const views = plan.view === undefined ? [] : [plan.view]
  return judgeName(plan) === undefined ? [...views, ...inputsOf(plan).flatMap(sourcesOf)] : views
}

function textOf(plan: LogicalPlan): string {
  return JSON.stringify(plan, (name, value: unknown) => {
    if (name === 'start' || name === 'end' || name === 'view' || name === 'origin') return undefined
    if (name === 'table' && typeof value === 'object') return (value as CatalogTable).path
    return typeof value === 'bigint' ? `${value}n` : value
  })
}

function shownJudges(judges: readonly Judge[]): string {
  return judges.map(({ name, tables }) => `${name} of ${[...new Set(tables)].join(', ')}`).join('; ')
}

function areSame(one: readonly PlanColumn[], other: readonly PlanColumn[]): boolean {
  return one.length === other.length && one.every(({ name, type }, index) => name === other[index].name && sameType(type, other[index].type))
}
