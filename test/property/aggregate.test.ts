import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { Decimal, type LogicalType } from '../../src/batch/types.ts'
import { readValue } from '../../src/batch/values.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { aggregate, type TwinValue } from '../../src/kernels/twin/rows.ts'
import { randomColumn, randomRows, SCALAR_TYPES } from './row-arbitrary.ts'

const module = compileKernels()
const NUMBERS = SCALAR_TYPES.filter(({ kind }) => ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE'].includes(kind))
const NAMES = ['count', 'sum', 'min', 'max', 'first', 'last'] as const
const BIGINT: LogicalType = { kind: 'BIGINT', nullable: true, safeInteger: false }
const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: true }
const ENTRY_BYTES = 128
const FLAGS = 8
const ENTRIES = 7

/** Entries in the slab and what was folded into each. */
class Accumulators {
  readonly addresses: number[]
  readonly values: TwinValue[][] = Array.from({ length: ENTRIES }, () => [])
  readonly list: number

  constructor(slab: Slab) {
    this.addresses = Array.from({ length: ENTRIES }, () => slab.allocateZeroed(ENTRY_BYTES))
    this.list = slab.allocate(ENTRIES * 4)
    slab.u32.set(this.addresses, this.list >>> 2)
  }
}

const offsetOf = (index: number): number => 16 + index * 8

describe('aggregate kernels', () => {
  it('fold columns of any number kind into entries, merge entries, and write columns', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const type = NUMBERS[random.integer(NUMBERS.length)]
        const isFloat = type.kind === 'FLOAT' || type.kind === 'DOUBLE'
        const [left, right] = [new Accumulators(slab), new Accumulators(slab)]
        for (const target of [left, right, left]) {
          const { column, values } = randomColumn(random, slab, type, random.integer(60))
          const { selection, begin, n, rows } = randomRows(random, slab, values.length)
          const chosen = rows.map(() => random.integer(ENTRIES - 1))
          const entries = slab.allocate(n * 4 + 64)
          slab.u32.set(
            chosen.map((entry) => target.addresses[entry]),
            entries >>> 2,
          )
          const { descriptor } = column
          kernels.aggregateCountColumn(entries, n, offsetOf(0), descriptor, selection, begin)
          kernels.aggregateSum(entries, n, offsetOf(1), FLAGS, 1, descriptor, selection, begin)
          kernels.aggregateMin(entries, n, offsetOf(2), FLAGS, 2, descriptor, selection, begin)
          kernels.aggregateMax(entries, n, offsetOf(3), FLAGS, 4, descriptor, selection, begin)
          kernels.aggregateFirst(entries, n, offsetOf(4), FLAGS, 8, descriptor, selection, begin)
          kernels.aggregateLast(entries, n, offsetOf(5), FLAGS, 16, descriptor, selection, begin)
          kernels.aggregateCount(entries, n, offsetOf(6))
          rows.forEach((row, index) => target.values[chosen[index]].push(values[row]))
        }
        const check = (names: readonly (typeof NAMES)[number][]): void => {
          const rows = left.values.map((values) => values.length)
          names.forEach((name) => {
            const index = NAMES.indexOf(name)
            const out = Column.allocate(slab, isFloat && name !== 'count' ? DOUBLE : BIGINT, ENTRIES + 1)
            const flag = name === 'count' ? 0 : 1 << (index - 1)
            const write = isFloat && name !== 'count' ? kernels.aggregateToColumnFloat : kernels.aggregateToColumn
            write(left.list, ENTRIES, offsetOf(index), FLAGS, flag, out.descriptor, 1)
            left.values.forEach((values, entry) => expect([name, readValue(out, entry + 1)]).toEqual([name, aggregate(name, values)]))
          })
          const counts = Column.allocate(slab, BIGINT, ENTRIES)
          kernels.aggregateToColumn(left.list, ENTRIES, offsetOf(6), 0, 0, counts.descriptor, 0)
          expect(rows.map((_, entry) => readValue(counts, entry))).toEqual(rows.map(BigInt))
          if (!names.includes('sum')) return
          const averages = Column.allocate(slab, DOUBLE, ENTRIES)
          kernels.aggregateAverageToColumn(left.list, ENTRIES, offsetOf(1), Number(isFloat), offsetOf(0), averages.descriptor, 0)
          left.values.forEach((values, entry) => {
            const sum = aggregate('sum', values)
            expect(readValue(averages, entry)).toEqual(sum === null ? null : Number(sum) / Number(aggregate('count', values)))
          })
        }
        check(NAMES)
        kernels.aggregateMergeSum(left.list, right.list, ENTRIES, offsetOf(0), 0, 0)
        if (isFloat) kernels.aggregateMergeSumFloat(left.list, right.list, ENTRIES, offsetOf(1), FLAGS, 1)
        else kernels.aggregateMergeSum(left.list, right.list, ENTRIES, offsetOf(1), FLAGS, 1)
        if (isFloat) kernels.aggregateMergeMinFloat(left.list, right.list, ENTRIES, offsetOf(2), FLAGS, 2)
        else kernels.aggregateMergeMin(left.list, right.list, ENTRIES, offsetOf(2), FLAGS, 2)
        if (isFloat) kernels.aggregateMergeMaxFloat(left.list, right.list, ENTRIES, offsetOf(3), FLAGS, 4)
        else kernels.aggregateMergeMax(left.list, right.list, ENTRIES, offsetOf(3), FLAGS, 4)
        kernels.aggregateMergeSum(left.list, right.list, ENTRIES, offsetOf(6), 0, 0)
        left.values.forEach((values, entry) => values.push(...right.values[entry]))
        // First and last are not merged in this form: it does not tell which came earlier. Sums of floats depend on their order; what is least or
        // greatest does not.
        check(NAMES.slice(0, -2).filter((name) => name !== 'sum' || !isFloat))
        kernels.aggregateReset(left.list, ENTRIES, 8, ENTRY_BYTES - 8)
        expect(left.addresses.every((address) => slab.u8.subarray(address, address + ENTRY_BYTES).every((byte) => byte === 0))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('sum DECIMALs in 128 bits, and divide the sums; beyond 38 digits there is NULL', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.constantFrom(10, 38), fc.integer({ min: 0, max: 6 }), (seed, precision, digits) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const type: LogicalType = { kind: 'DECIMAL', nullable: true, precision, scale: precision === 10 ? 2 : 0 }
        const { column, values } = randomColumn(random, slab, type, random.integer(60))
        const [target, source] = [slab.allocateZeroed(64), slab.allocateZeroed(64)]
        const list = slab.allocate(values.length * 4 + 64)
        values.forEach((_, row) => (slab.u32[(list >>> 2) + row] = row % 2 === 0 ? target : source))
        kernels.aggregateSumDecimal(list, values.length, 16, 8, 1, column.descriptor, 0, 0)
        kernels.aggregateCountColumn(list, values.length, 32, column.descriptor, 0, 0)
        const pair = slab.allocate(8)
        slab.u32.set([target, source], pair >>> 2)
        kernels.aggregateMergeSumDecimal(pair, pair + 4, 1, 16, 8, 1)
        kernels.aggregateMergeSum(pair, pair + 4, 1, 32, 8, 0)
        const sums = Column.allocate(slab, { kind: 'DECIMAL', nullable: true, precision: 38, scale: type.scale }, 1)
        kernels.aggregateToColumnDecimal(pair, 1, 16, 8, 1, sums.descriptor, 0)
        const means = Column.allocate(slab, { kind: 'DECIMAL', nullable: true, precision: 38, scale: type.scale + digits }, 1)
        kernels.aggregateAverageToColumnDecimal(pair, 1, 16, 8, 1, 32, digits, means.descriptor, 0)
        const halves = [0, 1].map((half) => sumOf(values.filter((_, row) => row % 2 === half) as (bigint | null)[]))
        const total = halves.includes('beyond') ? 'beyond' : sumOf(halves as (bigint | null)[])
        expect(readValue(sums, 0)).toEqual(typeof total === 'bigint' ? new Decimal(total, type.scale) : null)
        const mean = typeof total === 'bigint' ? halfUp(total * 10n ** BigInt(digits), BigInt(values.filter((value) => value !== null).length)) : null
        expect(readValue(means, 0)).toEqual(mean === null || isBeyond(mean) ? null : new Decimal(mean, type.scale + digits))
      }),
      { numRuns: 300 },
    )
  })

  it('divide sums of BIGINTs that do not wrap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.boolean(), (seed, isWide) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const type: LogicalType = isWide ? { kind: 'DECIMAL', nullable: true, precision: 38, scale: 0 } : BIGINT
        const { column, values } = randomColumn(random, slab, type, random.integer(40))
        const entry = slab.allocateZeroed(64)
        const list = slab.allocate(values.length * 4 + 64)
        slab.u32.fill(entry, list >>> 2, (list >>> 2) + values.length + 1)
        kernels.aggregateSumDecimal(list, values.length, 16, 8, 1, column.descriptor, 0, 0)
        kernels.aggregateCountColumn(list, values.length, 32, column.descriptor, 0, 0)
        const means = Column.allocate(slab, DOUBLE, 2)
        kernels.aggregateWideAverageToColumn(list, 1, 16, 32, means.descriptor, 1)
        const present = values.filter((value) => value !== null) as bigint[]
        const total = BigInt.asIntN(
          128,
          present.reduce((sum, value) => sum + value, 0n),
        )
        expect(readValue(means, 1)).toEqual(present.length === 0 ? null : Number(total) / present.length)
      }),
      { numRuns: 300 },
    )
  })
})

const isBeyond = (value: bigint): boolean => value >= 10n ** 38n || value <= -(10n ** 38n)

/** The sum of unscaled decimals that are not NULL, null without any; 'beyond' once it has had more than 38 digits. */
function sumOf(values: readonly (bigint | null)[]): bigint | null | 'beyond' {
  let total: bigint | null = null
  for (const value of values) {
    if (value === null) continue
    total = (total ?? 0n) + value
    if (isBeyond(total)) return 'beyond'
  }
  return total
}

function halfUp(dividend: bigint, divisor: bigint): bigint {
  const magnitude = dividend < 0n ? -dividend : dividend
  const rounded = (magnitude * 2n + divisor) / (divisor * 2n)
  return dividend < 0n ? -rounded : rounded
}
