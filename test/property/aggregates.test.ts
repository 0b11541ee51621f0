// Aggregates of distinct values, of which several share what they keep: against a list of the rows.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { LogicalType } from '../../src/batch/types.ts'
import type { BoundAggregate, BoundColumn } from '../../src/sql/bound-expression.ts'
import { Aggregates } from '../../src/sql/runtime/aggregates/aggregates.ts'
import { heapCollections } from '../../src/sql/runtime/aggregates/collections.ts'
import { keyOf, type Value } from '../../src/sql/value.ts'

const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: true }
const TEXT: LogicalType = { kind: 'VARCHAR', length: 2_147_483_647, nullable: true }
const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: true }
const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: true }
const SPAN = { start: 0, end: 0 }
const CONTEXT = { timeZone: 'UTC', currentCatalog: '', currentDatabase: '', nowMs: () => 0, watermarkMs: () => 0 }

const column = (index: number, type: LogicalType): BoundColumn => ({ kind: 'column', index, type, ...SPAN })
const VALUES = [column(0, BIGINT), column(1, TEXT), column(2, DOUBLE)]
const FILTERS = [undefined, column(3, BOOLEAN), column(4, BOOLEAN)]

/** Rows: a whole number, a text, a double, and two filters; of few values, so that they meet again. */
const row = fc.tuple(
  fc.option(fc.constantFrom(0n, 1n, -1n, 9_007_199_254_740_993n, 9_007_199_254_740_992n, -(2n ** 63n))),
  fc.option(fc.constantFrom('', 'a', 'ä', '0', '1', 'a text that is longer than short ones are')),
  fc.option(fc.constantFrom(0, -0, 1, NaN, Infinity, 0.5)),
  fc.option(fc.boolean()),
  fc.option(fc.boolean()),
)

/** COUNT(DISTINCT) of each column with each filter, and of two columns together. */
const operandLists = [...VALUES.map((value) => [value]), [VALUES[0], VALUES[1]]]
const calls = operandLists.flatMap((operands) =>
  FILTERS.map((filter): BoundAggregate => ({ name: 'COUNT', type: BIGINT, operands, isDistinct: true, filter, ignoresNull: false, ...SPAN })),
)

/** What each call has to answer. */
function expected(rows: readonly (readonly Value[])[]): readonly bigint[] {
  return calls.map(({ operands, filter }) => {
    const texts = rows
      .filter((one) => filter === undefined || one[(filter as BoundColumn).index] === true)
      .map((one) => operands.map((operand) => one[(operand as BoundColumn).index]))
      .filter((values) => !values.includes(null))
      .map((values) => values.map(keyOf).join())
    return BigInt(new Set(texts).size)
  })
}

it('count each value once for each aggregate, whether rows come alone or in parts', () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 12 }), { maxLength: 4 }), (parts) => {
      const whole = new Aggregates(calls, false, CONTEXT, heapCollections)
      const alone = new Aggregates(calls, false, CONTEXT, heapCollections)
      const [merged, folded] = [whole.create(), alone.create()]
      for (const rows of parts) {
        const part = new Aggregates(calls, false, CONTEXT, heapCollections)
        const accumulators = part.create()
        for (const one of rows) {
          part.fold(accumulators, one, 1)
          alone.fold(folded, one, 1)
        }
        whole.merge(merged, accumulators, part.entries())
      }
      const answer = expected(parts.flat())
      expect(alone.results(folded)).toEqual(answer)
      expect(whole.results(merged)).toEqual(answer)
    }),
  )
})

it('forget values that are taken back as often as they came', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), fc.array(row, { maxLength: 12 }), (gone, kept) => {
      const aggregates = new Aggregates(calls, true, CONTEXT, heapCollections)
      const accumulators = aggregates.create()
      for (const one of [...gone, ...kept]) aggregates.fold(accumulators, one, 1)
      for (const one of gone) aggregates.fold(accumulators, one, -1)
      expect(aggregates.results(accumulators)).toEqual(expected(kept))
    }),
  )
})

it('sum whole numbers exactly, beyond what a number of JavaScript holds', () => {
  const sums: readonly BoundAggregate[] = ['SUM', 'AVG'].map((name) => ({
    name,
    type: BIGINT,
    operands: [VALUES[0]],
    isDistinct: false,
    filter: undefined,
    ignoresNull: false,
    ...SPAN,
  }))
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 12 }), fc.nat(), (values, at) => {
      const aggregates = new Aggregates(sums, true, CONTEXT, heapCollections)
      const accumulators = aggregates.create()
      const gone = values[at % values.length] >> 12n
      for (const value of [gone, ...values]) aggregates.fold(accumulators, [value], 1)
      aggregates.fold(accumulators, [gone], -1)
      const total = BigInt.asIntN(
        64,
        values.reduce((sum, value) => sum + value, 0n),
      )
      expect(aggregates.results(accumulators)).toEqual([total, total / BigInt(values.length)])
    }),
  )
})
