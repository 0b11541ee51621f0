// What aggregates of groups are made of, where these are computed in parts first: the aggregates of the parts, how those are put together, and how the results
// follow from that, to the last digit and in whatever order parts come.

import { type LogicalType, withNullability } from '../batch/types.ts'
import { type BoundAggregate, type BoundExpression, textOf } from './bound-expression.ts'
import { BIGINT } from './functions/scalar-function.ts'
import type { PlanColumn } from './logical-plan.ts'
import { columnAt } from './plans.ts'

const NOWHERE = { start: 0, end: 0 }

/** What puts the results of parts together, by what they are results of. */
const MERGED_BY: Readonly<Record<string, string>> = { COUNT: 'SUM', SUM: 'SUM', MIN: 'MIN', MAX: 'MAX' }

const INTEGERS: ReadonlySet<LogicalType['kind']> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT'])
/** No sum of values of so many digits has more than a DECIMAL can have. */
const ADDED_DIGITS_MAX = 19

/** Whether it matters that equal values count once. */
export function isOfDifferent({ name, isDistinct }: BoundAggregate): boolean {
  return isDistinct && name !== 'MIN' && name !== 'MAX'
}

/** Whether the result follows from those of parts, to the last digit, in whatever order they change. */
export function isMergeable({ name, operands: [operand], user }: BoundAggregate): boolean {
  if (user !== undefined) return false
  switch (name) {
    case 'COUNT':
    case 'MIN':
    case 'MAX':
      return true
    case 'SUM':
    case 'AVG':
      return INTEGERS.has(operand.type.kind) || (operand.type.kind === 'DECIMAL' && operand.type.precision <= ADDED_DIGITS_MAX)
    default:
      return false
  }
}

/** Where a result is found among those of the parts. */
type Result = { readonly kind: 'part'; readonly part: number } | { readonly kind: 'mean'; readonly total: number; readonly count: number }

/** The aggregates of the parts, each once, and what becomes of them. */
export class AggregateParts {
  readonly aggregates: BoundAggregate[] = []
  readonly #texts: string[] = []
  readonly #results: readonly Result[]

  /** @param aggregates Each {@link isMergeable}. */
  constructor(aggregates: readonly BoundAggregate[]) {
    this.#results = aggregates.map((aggregate) => this.#resultOf(aggregate))
  }

  /**
   * What puts parts together.
   *
   * @param first The column of the first of their results.
   * @param isGlobal Whether there is a group even where there is no row.
   */
  merged(first: number, isGlobal: boolean): readonly BoundAggregate[] {
    return this.aggregates.map(({ name, type }, index) => ({
      name: MERGED_BY[name],
      operands: [columnAt({ type }, first + index)],
      isDistinct: false,
      filter: undefined,
      ignoresNull: false,
      type: withNullability(type, isGlobal || type.nullable),
      ...NOWHERE,
    }))
  }

  /** Whether parts put together are the results already. */
  areResults(isGlobal: boolean): boolean {
    const results = this.#results
    return !isGlobal && results.length === this.aggregates.length && results.every((result, index) => result.kind === 'part' && result.part === index)
  }

  /** The results of parts that were put together. @param first The column of the first of those. @param columns Of the results. */
  results(first: number, isGlobal: boolean, columns: readonly Pick<PlanColumn, 'type'>[]): readonly BoundExpression[] {
    const merged = this.merged(first, isGlobal)
    const partAt = (part: number): BoundExpression => columnAt(merged[part], first + part)
    return this.#results.map((result, index): BoundExpression => {
      const { type } = columns[index]
      if (result.kind === 'mean') return meanOf(partAt(result.total), partAt(result.count), type)
      const { name } = this.aggregates[result.part]
      return isGlobal && name === 'COUNT' ? callOf('COALESCE', [partAt(result.part), ZERO], type) : partAt(result.part)
    })
  }

  #resultOf(aggregate: BoundAggregate): Result {
    const { name, operands } = aggregate
    if (name !== 'AVG') return { kind: 'part', part: this.#part({ ...aggregate, isDistinct: isOfDifferent(aggregate) }) }
    // Sums of means have room for more than those of SUM.
    const wide = operands.map((operand) => (INTEGERS.has(operand.type.kind) ? castTo(operand, BIGINT) : operand))
    const [{ type: addedType }] = wide
    const sumType = addedType.kind === 'DECIMAL' ? { ...addedType, precision: 38 } : addedType
    const total = this.#part({ ...aggregate, name: 'SUM', operands: wide, type: sumType })
    // Different values are kept once for both.
    const count = this.#part({ ...aggregate, name: 'COUNT', operands: aggregate.isDistinct ? wide : operands, type: BIGINT })
    return { kind: 'mean', total, count }
  }

  #part(aggregate: BoundAggregate): number {
    const { name, operands, isDistinct, filter, type } = aggregate
    const text = JSON.stringify([name, operands.map(textOf), isDistinct, filter && textOf(filter)])
    const known = this.#texts.indexOf(text)
    if (known >= 0) return known
    this.#texts.push(text)
    return this.aggregates.push({ ...aggregate, type: withNullability(type, name !== 'COUNT') }) - 1
  }
}

/** What a row is alone, as a part of an aggregate. @param part One of {@link AggregateParts.aggregates}, of no different values. */
export function partOfRow({ name, operands: [operand], filter, type }: BoundAggregate): BoundExpression {
  const isCount = name === 'COUNT'
  const whole = isCount ? ONE : castTo(operand, type)
  const nothing: BoundExpression = isCount ? ZERO : { kind: 'literal', value: null, type, ...NOWHERE }
  const isMissing = isCount && operand?.type.nullable === true ? [{ when: callOf('IS NULL', [operand], NEVER_NULL), result: nothing }] : []
  if (isMissing.length === 0 && filter === undefined) return whole
  const isCounted = filter === undefined ? [] : [{ when: filter, result: whole }]
  return { kind: 'case', branches: [...isMissing, ...isCounted], otherwise: filter === undefined ? whole : nothing, type, ...NOWHERE }
}

const NEVER_NULL: LogicalType = { kind: 'BOOLEAN', nullable: false }
const ZERO: BoundExpression = { kind: 'literal', value: 0n, type: withNullability(BIGINT, false), ...NOWHERE }
const ONE: BoundExpression = { ...ZERO, value: 1n }

/** As AVG computes it: of whole numbers a whole one. */
function meanOf(total: BoundExpression, count: BoundExpression, type: LogicalType): BoundExpression {
  const mean = callOf('/', [total, count], type.kind === 'DECIMAL' ? type : withNullability(BIGINT, type.nullable))
  return castTo(mean, type)
}

function castTo(operand: BoundExpression, type: LogicalType): BoundExpression {
  if (operand.type.kind === type.kind) return operand
  return { kind: 'cast', operand, type: withNullability(type, operand.type.nullable), isTry: false, isImplicit: true, ...NOWHERE }
}

export function callOf(name: string, operands: readonly BoundExpression[], type: LogicalType): BoundExpression {
  return { kind: 'call', name, operands, clauses: [], type, ...NOWHERE }
}
