// Digests of plans: what a relation's rows are, and what each of its columns is, whatever names they have been given and wherever they stand. They
// follow from what a query says alone, not from what else is in the script, so that the state of an operator is found again in a changed one.

import { createHash } from 'node:crypto'
import { formatType, type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundAggregate, BoundExpression, LiteralValue } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { conjunctsOf } from './expressions.ts'
import type { JoinPlan, LogicalPlan, SortKey, WindowSpec } from './logical-plan.ts'
import { inputsOf } from './plans.ts'

/** What a relation is. */
export interface PlanDigest {
  /** Which rows there are: a projection changes none. */
  readonly rows: string
  /** What each column is. */
  readonly columns: readonly string[]
}

/** A text of fixed length for anything that JSON can say, and bigints. */
export function digestOfParts(parts: unknown): string {
  const text = JSON.stringify(parts, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
  return createHash('sha1').update(text).digest('hex').slice(0, DIGEST_LENGTH)
}

const DIGEST_LENGTH = 16

/** Which rows a table has: its options may change, those of a hint make another table of it. */
export function tableDigest({ path, options, definition }: CatalogTable): readonly unknown[] {
  const hinted = [...options].filter(([key, value]) => definition.options.get(key) !== value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return hinted.length === 0 ? ['table', ...path] : ['table', ...path, hinted]
}

/** Digests of plans, each of which is made once. */
export class PlanDigests {
  readonly #known = new WeakMap<LogicalPlan, PlanDigest>()
  /** Which operator finds rows late that are read, and at which of its inputs, by their ids. */
  readonly #late = new Map<string, { readonly finder: LogicalPlan; readonly input: number; readonly kept: readonly number[] }>()

  /** Tells where late rows come from, before a plan that reads them is asked for. */
  addLate(plan: LogicalPlan): void {
    plan.late?.forEach((one, input) => one && this.#late.set(one.id, { finder: plan, input, kept: one.kept }))
    inputsOf(plan).forEach((input) => this.addLate(input))
  }

  of(plan: LogicalPlan): PlanDigest {
    const known = this.#known.get(plan)
    if (known !== undefined) return known
    const made = this.#make(plan)
    this.#known.set(plan, made)
    return made
  }

  /** What an operator keeps that makes a relation: its results are not told apart by what is computed of them further on. */
  stateOf(plan: LogicalPlan): unknown {
    const { rows, columns } = this.of(plan)
    // What groups keep of their rows is said by their keys and aggregates.
    if (plan.kind === 'aggregate') return [rows, columns]
    return [rows, columns, inputsOf(plan).map((input) => this.of(input).columns)]
  }

  #make(plan: LogicalPlan): PlanDigest {
    const inputs = inputsOf(plan).map((input) => this.of(input))
    const [input] = inputs
    switch (plan.kind) {
      case 'scan':
        return scanDigest(plan.table, plan.places)
      case 'values': {
        const rows = digestOfParts(['values', plan.rows.map((row) => row.map((cell) => expressionDigest(cell, [])))])
        return { rows, columns: added(rows, plan.columns.length) }
      }
      case 'project':
        return { rows: input.rows, columns: plan.expressions.map((expression) => columnDigest(expression, input.columns)) }
      case 'filter':
        return { rows: digestOfParts(['filter', input.rows, conditionDigest(plan.condition, input.columns)]), columns: input.columns }
      case 'aggregate': {
        const keys = plan.keys.map((key) => columnDigest(key, input.columns))
        const window = plan.window && [windowDigest(plan.window.spec), plan.window.start, plan.window.end]
        const rows = digestOfParts(['aggregate', input.rows, keys, window])
        return { rows, columns: [...keys, ...plan.aggregates.map((aggregate) => digestOfParts([rows, aggregateDigest(aggregate, input.columns)]))] }
      }
      case 'expand': {
        const keys = plan.keys.map((key) => columnDigest(key, input.columns))
        const rows = digestOfParts(['expand', input.rows, keys, plan.sets])
        return { rows, columns: [...input.columns, ...added(rows, plan.columns.length - input.columns.length)] }
      }
      case 'join':
        return joinDigest(plan, inputs)
      case 'set operation': {
        const sides = inputs.map((side) => [side.rows, plan.operator === 'UNION' && plan.all ? [] : side.columns])
        const rows = digestOfParts([plan.operator, plan.all, sides])
        return { rows, columns: plan.columns.map((_, index) => digestOfParts([rows, inputs.map(({ columns }) => columns[index])])) }
      }
      case 'sort':
        if (plan.fetch === undefined) return input
        return { ...input, rows: digestOfParts(['first', input.rows, orderDigest(plan.keys, input.columns), plan.offset, plan.fetch]) }
      case 'window': {
        const parts = [...(plan.spec.time === 'event' ? [plan.time] : []), ...plan.partition].map((column) => input.columns[column])
        const rows = digestOfParts(['window', input.rows, windowDigest(plan.spec), parts, plan.rows])
        return { rows, columns: [...input.columns, ...added(rows, plan.columns.length - input.columns.length)] }
      }
      case 'over': {
        const calls = plan.calls.map((call) =>
          digestOfParts([
            ...[input.rows, aggregateDigest(call, input.columns), call.partition.map((one) => columnDigest(one, input.columns))],
            ...[orderDigest(call.order, input.columns), call.frame],
          ]),
        )
        return { rows: input.rows, columns: [...input.columns, ...calls] }
      }
      case 'rank': {
        const to = typeof plan.to === 'number' ? plan.to : input.columns[plan.to.column]
        const partition = plan.partition.map((one) => columnDigest(one, input.columns))
        const rows = digestOfParts(['rank', plan.function, input.rows, partition, orderDigest(plan.order, input.columns), plan.from, to])
        return { rows, columns: [...input.columns, ...added(rows, plan.columns.length - input.columns.length)] }
      }
      case 'unnest': {
        const all = [...input.columns, ...added('element', plan.columns.length - input.columns.length)]
        const condition = plan.condition && conditionDigest(plan.condition, all)
        const collection = expressionDigest(plan.collection, input.columns)
        const rows = digestOfParts(['unnest', input.rows, collection, plan.withOrdinality, plan.isOuter, condition])
        return { rows, columns: [...input.columns, ...added(rows, plan.columns.length - input.columns.length)] }
      }
      case 'changelog': {
        const rows = digestOfParts(['changelog', plan.direction, input.rows, input.columns, plan.op, plan.codes])
        const own = plan.direction === 'to' ? [...added(rows, 1), ...input.columns] : input.columns.filter((_, index) => index !== plan.op)
        return { rows, columns: plan.rowtime === undefined ? own : [...own, input.columns[plan.rowtime]] }
      }
      case 'late rows': {
        const { finder, input: place, kept } = this.#late.get(plan.of)!
        const rows = digestOfParts(['late rows', this.of(finder).rows, place])
        const { columns } = this.of(inputsOf(finder)[place])
        return { rows, columns: [...kept.map((column) => columns[column]), ...added(rows, plan.columns.length - kept.length)] }
      }
    }
  }
}

function scanDigest(table: CatalogTable, places: readonly number[]): PlanDigest {
  const { columns } = table
  const own = tableDigest(table)
  const stored = columns.flatMap(({ name, type, computed, metadataKey }) =>
    computed === undefined ? [digestOfParts([own, metadataKey === undefined ? 'column' : 'metadata', metadataKey ?? name, typeText(type)])] : [],
  )
  let next = 0
  const all = columns.map(({ computed }) => (computed === undefined ? stored[next++] : columnDigest(computed, stored)))
  return { rows: digestOfParts(own), columns: places.map((place) => all[place]) }
}

function joinDigest({ type, condition, strategy }: JoinPlan, [left, right]: readonly PlanDigest[]): PlanDigest {
  const sideOf = (side: string, columns: readonly string[]): readonly string[] => columns.map((column) => digestOfParts([side, column]))
  const [leftColumns, rightColumns] = [sideOf('left', left.columns), sideOf('right', right.columns)]
  const all = [...leftColumns, ...rightColumns]
  const places =
    strategy.kind === 'regular' || strategy.kind === 'lookup'
      ? []
      : strategy.kind === 'window'
        ? [leftColumns[strategy.leftEnd], rightColumns[strategy.rightEnd]]
        : [leftColumns[strategy.leftTime], rightColumns[strategy.rightTime], ...(strategy.kind === 'interval' ? [strategy.lowerMs, strategy.upperMs] : [])]
  const rows = digestOfParts(['join', type, left.rows, right.rows, condition && conditionDigest(condition, all), strategy.kind, places])
  return { rows, columns: type === 'SEMI' || type === 'ANTI' ? left.columns : all }
}

/** Columns that a relation puts behind those of its input. */
function added(rows: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => digestOfParts([rows, index]))
}

function windowDigest({ kind, sizeMs, stepMs, offsetMs, time, isLocal, keyCount, isLegacy }: WindowSpec): unknown {
  return [kind, sizeMs, stepMs, offsetMs, time, isLocal, keyCount, isLegacy]
}

/** A condition, in whatever order its parts are said. */
function conditionDigest(condition: BoundExpression, columns: readonly string[]): readonly string[] {
  return conjunctsOf(condition)
    .map((conjunct) => digestOfParts(expressionDigest(conjunct, columns)))
    .toSorted()
}

function orderDigest(keys: readonly SortKey[], columns: readonly string[]): readonly unknown[] {
  return keys.map(({ expression, descending, nullsFirst }) => [columnDigest(expression, columns), descending, nullsFirst])
}

function aggregateDigest({ name, operands, isDistinct, filter, ignoresNull, user }: BoundAggregate, columns: readonly string[]): unknown {
  const parts = operands.map((operand) => expressionDigest(operand, columns))
  return ['aggregate', name, parts, isDistinct, filter && conditionDigest(filter, columns), ignoresNull, ...(user === undefined ? [] : [user])]
}

/** A column that an expression makes: one that is only named is what it was. */
function columnDigest(expression: BoundExpression, columns: readonly string[]): string {
  return expression.kind === 'column' ? columns[expression.index] : digestOfParts(expressionDigest(expression, columns))
}

function expressionDigest(expression: BoundExpression, columns: readonly string[]): unknown {
  switch (expression.kind) {
    case 'literal':
      return ['literal', typeText(expression.type), literalDigest(expression.value)]
    case 'column':
      return columns[expression.index]
    case 'cast':
      return ['cast', typeText(expression.type), expression.isTry, expressionDigest(expression.operand, columns)]
    case 'case':
      return [
        'case',
        expression.branches.map(({ when, result }) => [expressionDigest(when, columns), expressionDigest(result, columns)]),
        expressionDigest(expression.otherwise, columns),
      ]
    case 'call': {
      const { name, operands, clauses, user } = expression
      const [of, place] = operands
      // By its name: where it stands depends on which of its row's fields are read.
      if (name === 'FIELD' && of.type.kind === 'ROW' && place.kind === 'literal')
        return ['field', expressionDigest(of, columns), of.type.fields[Number(place.value)].name]
      const said = clauses.map(({ words, type, value }) => [words, type && typeText(type), value && expressionDigest(value, columns)])
      return [name, operands.map((operand) => expressionDigest(operand, columns)), said, ...(user === undefined ? [] : [user])]
    }
  }
}

/** The same for equal values, whichever class holds their bytes. */
function literalDigest(value: LiteralValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return typeof value === 'number' ? String(value) : value
}

function typeText(type: LogicalType): string {
  return formatType(withNullability(type, true))
}
