// What OVER computes of all rows of a partition: aggregates of frames, ranks, neighbours.

import type { BoundAggregate } from '../bound-expression.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import type { BoundOver } from '../logical-plan.ts'
import type { Ordering } from '../ordering.ts'
import { splitTimestamp } from '../times.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { heapCollections } from './aggregates/collections.ts'

type Rows = readonly (readonly Value[])[]

/** Computes one call for each of the rows, which are in their order. */
type Compute = (rows: Rows) => readonly Value[]

/** The calls of one partition and order. */
export class OverFunctions {
  readonly #calls: readonly Compute[]

  constructor(calls: readonly BoundOver[], ordering: Ordering, context: EvaluationContext) {
    this.#calls = calls.map((call) => rankOf(call, ordering) ?? neighbourOf(call, context) ?? frameOf(call, ordering, context))
  }

  /** The results of all calls, by row. */
  compute(rows: Rows): readonly (readonly Value[])[] {
    const columns = this.#calls.map((compute) => compute(rows))
    return rows.map((_, index) => columns.map((column) => column[index]))
  }
}

function rankOf({ name, operands }: BoundOver, ordering: Ordering): Compute | undefined {
  const isPeer = (rows: Rows, index: number): boolean => index > 0 && ordering(rows[index - 1], rows[index]) === 0
  switch (name) {
    case 'ROW_NUMBER':
      return (rows) => rows.map((_, index) => BigInt(index + 1))
    case 'RANK': {
      return (rows) => ranksOf(rows, isPeer).map(BigInt)
    }
    case 'DENSE_RANK':
      return (rows) => {
        let rank = 0
        return rows.map((_, index) => BigInt(isPeer(rows, index) ? rank : ++rank))
      }
    case 'PERCENT_RANK':
      return (rows) => ranksOf(rows, isPeer).map((rank) => (rows.length <= 1 ? 0 : (rank - 1) / (rows.length - 1)))
    case 'CUME_DIST':
      return (rows) =>
        // Flink counts peers one by one.
        rows.map((_, index) => (index + 1) / rows.length)
    case 'NTILE': {
      const [count] = operands
      const tiles = count?.kind === 'literal' ? Number(count.value) : 1
      return (rows) => {
        const size = Math.floor(rows.length / tiles)
        const larger = rows.length % tiles
        return rows.map((_, index) =>
          BigInt(index < larger * (size + 1) ? Math.floor(index / (size + 1)) + 1 : larger + Math.floor((index - larger * (size + 1)) / size) + 1),
        )
      }
    }
    default:
      return undefined
  }
}

function ranksOf(rows: Rows, isPeer: (rows: Rows, index: number) => boolean): readonly number[] {
  let rank = 1
  return rows.map((_, index) => (isPeer(rows, index) ? rank : (rank = index + 1)))
}

/** LAG and LEAD. */
function neighbourOf({ name, operands }: BoundOver, context: EvaluationContext): Compute | undefined {
  if (name !== 'LAG' && name !== 'LEAD') return undefined
  const [value, distance, otherwise] = operands.map((operand) => interpret(operand, context)) as [Evaluate, Evaluate?, Evaluate?]
  return (rows) =>
    rows.map((row, index) => {
      const steps = distance === undefined ? 1 : Number(distance(row))
      const at = name === 'LAG' ? index - steps : index + steps
      if (at >= 0 && at < rows.length) return value(rows[at])
      return otherwise === undefined ? null : otherwise(row)
    })
}

/** An aggregate of the rows between two bounds around each. */
function frameOf(call: BoundOver, ordering: Ordering, context: EvaluationContext): Compute {
  const { frame, order } = call
  const [key] = order
  const keyOf = key && interpret(key.expression, context)
  const sign = key?.descending === true ? -1 : 1
  const distanceOf = (row: readonly Value[]): number | undefined => {
    const value = keyOf(row)
    if (value === null) return undefined
    return (typeof value === 'bigint' && key.expression.type.kind.startsWith('TIMESTAMP') ? splitTimestamp(value).ms : Number(value)) * sign
  }
  return (rows) => {
    const isIn = (index: number, other: number): boolean => {
      if (frame.unit === 'ROWS') return (frame.from === undefined || other >= index + frame.from) && (frame.to === undefined || other <= index + frame.to)
      const side = other < index ? -1 : other > index ? 1 : 0
      const isPeer = side === 0 || ordering(rows[index], rows[other]) === 0
      if (isPeer) return (frame.from ?? -1) <= 0 && (frame.to ?? 1) >= 0
      // Behind the peers, or in front of them; by which column of the order does not matter.
      if (side < 0 ? (frame.from ?? -1) >= 0 : (frame.to ?? 1) <= 0) return false
      if (side < 0 ? frame.from === undefined && (frame.to ?? 0) >= 0 : frame.to === undefined && (frame.from ?? 0) <= 0) return true
      const [own, its] = [distanceOf(rows[index]), distanceOf(rows[other])]
      if (own === undefined || its === undefined) return side < 0 ? frame.from === undefined : frame.to === undefined
      const distance = its - own
      return (frame.from === undefined || distance >= frame.from) && (frame.to === undefined || distance <= frame.to)
    }
    return rows.map((_, index) => {
      const aggregates = new Aggregates([call satisfies BoundAggregate], false, context, heapCollections)
      const accumulators = aggregates.create()
      for (const [other, row] of rows.entries()) if (isIn(index, other)) aggregates.fold(accumulators, row, 1)
      return aggregates.results(accumulators)[0]
    })
  }
}
