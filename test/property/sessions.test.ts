// Sessions in columns: the operator against a tiny model, in all ways that the harness runs one, and its timers against a list. As queries they are held against
// the operators that take row after row in folded-groups.test.ts.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchFromObjects, batchToObjects, freeBatch } from '../../src/batch/batch-rows.ts'
import { defineSchema, Schema, t } from '../../src/batch/types.ts'
import type { Output } from '../../src/operator/operator.ts'
import type { BoundAggregate } from '../../src/sql/bound-expression.ts'
import { planWindowAggregates } from '../../src/sql/runtime/column-aggregates.ts'
import { ColumnSessionOperator } from '../../src/sql/runtime/column-session-operator.ts'
import { SessionTimers } from '../../src/sql/runtime/session-timers.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { type HarnessStep, runOperatorHarness } from '../../src/testing/operator-harness.ts'
import { testContext } from '../unit/connector/file-probe.ts'

const GAP_MS = 5
const LONG_KEY = 'a key that is too long for an entry of the table'
const SCHEMA = defineSchema({
  key: t.string().nullable(),
  time: t.timestamp(3).nullable(),
  value: t.bigint(),
  text: t.string().nullable(),
  part: t.double(),
}) as Schema

function aggregate(name: string, ...operands: readonly unknown[]): BoundAggregate {
  return { name, operands, isDistinct: false, filter: undefined } as unknown as BoundAggregate
}

const TEXT = { kind: 'column', index: 3, type: SCHEMA.fields[3].type, start: 0, end: 0 }
const PART = { kind: 'column', index: 4, type: SCHEMA.fields[4].type, start: 0, end: 0 }
const VALUE = { kind: 'column', index: 2, type: SCHEMA.fields[2].type, start: 0, end: 0 }
const BIGINT = t.bigint().nullable().logical
const RESULTS = [
  { name: 'count', type: BIGINT },
  { name: 'sum', type: BIGINT },
  { name: 'least', type: BIGINT },
  { name: 'last', type: t.string().nullable().logical },
  { name: 'parts', type: t.double().nullable().logical },
]

function sessions(): ColumnSessionOperator {
  const bound = t.timestamp(3).nullable().logical
  const aggregates = [aggregate('COUNT'), aggregate('SUM', VALUE), aggregate('MIN', VALUE), aggregate('MAX', TEXT), aggregate('SUM', PART)]
  const planned = planWindowAggregates(aggregates, (expression) => (expression as unknown as typeof TEXT).index, RESULTS)
  const resultSchema = new Schema([SCHEMA.fields[0], { name: 'start', type: bound }, { name: 'end', type: bound }, ...RESULTS])
  return new ColumnSessionOperator({
    inputSchema: SCHEMA,
    key: { kind: 'columns', columns: [0] },
    gapMs: GAP_MS,
    aggregates: { ...planned, resultSchema },
    timeColumn: 1,
  })
}

interface RowOf {
  readonly key: string | null
  readonly time: number | null
  readonly value: bigint
  readonly text: string | null
  readonly part: number
}

interface Session {
  readonly key: string | null
  readonly start: number
  readonly end: number
  readonly values: readonly number[]
  readonly texts: readonly string[]
  /** A sum of sums: where they are rounded says in which order they were added. */
  readonly parts: number
}

/** What comes of rows and watermarks, and how many rows are late. */
function modelOf(steps: readonly HarnessStep[]): { readonly rows: readonly unknown[]; readonly late: number } {
  let open: readonly Session[] = []
  const over: Session[] = []
  let late = 0
  let watermark = -Infinity
  const pass = (to: number): void => {
    watermark = Math.max(watermark, to)
    over.push(...open.filter(({ end }) => end - 1 <= watermark).toSorted((one, other) => one.end - other.end))
    open = open.filter(({ end }) => end - 1 > watermark)
  }
  for (const step of steps) {
    if ('watermark' in step) pass(step.watermark)
    if (!('row' in step)) continue
    const { key, time, value, text, part } = step.row as RowOf
    const at = time ?? NaN
    const met = open.filter((one) => one.key === key && one.start <= at + GAP_MS && one.end >= at)
    const merged = {
      key,
      start: Math.min(at, ...met.map(({ start }) => start)),
      end: Math.max(at + GAP_MS, ...met.map(({ end }) => end)),
      values: [...met.flatMap(({ values }) => values), Number(value)],
      texts: [...met.flatMap(({ texts }) => texts), ...(text === null ? [] : [text])],
      parts: met.reduce((sum, { parts }) => sum + parts, 0) + part,
    }
    if (time === null || merged.end - 1 <= watermark) late++
    else open = [...open.filter((one) => !met.includes(one)), merged]
  }
  pass(Infinity)
  const rows = over.map(({ key, start, end, values, texts, parts }) => ({
    key,
    start,
    end,
    count: BigInt(values.length),
    sum: BigInt(values.reduce((sum, value) => sum + value, 0)),
    least: BigInt(Math.min(...values)),
    last: texts.toSorted().at(-1) ?? null,
    parts,
  }))
  return { rows, late }
}

function textsOf(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)))
}

/** Of a few keys, next to the edges of sessions and in the middle between two. */
const rowArbitrary = fc.record({
  row: fc.record({
    key: fc.constantFrom('a', 'a', 'a', LONG_KEY, null),
    time: fc.option(
      fc.oneof(
        fc.integer({ min: -30, max: 30 }),
        fc.integer({ min: -6, max: 6 }).map((part) => part * GAP_MS),
      ),
      { freq: 20 },
    ),
    value: fc.bigInt({ min: -9n, max: 9n }),
    text: fc.constantFrom(null, '', 'b', 'bb', 'a text that is longer'),
    part: fc.constantFrom(0.1, 0.2, 0.7, 1e16, -1e16),
  }),
})
/** Watermarks stay so far behind the greatest time. */
const lagArbitrary = fc.record({ lag: fc.integer({ min: 0, max: 70 }) })
const stepsArbitrary = fc
  .array(fc.oneof({ arbitrary: rowArbitrary, weight: 5 }, { arbitrary: lagArbitrary, weight: 1 }), { minLength: 1, maxLength: 60, size: 'max' })
  .map((steps) => {
    let greatest = -Infinity
    let watermark = -Infinity
    return steps.flatMap((step, index): HarnessStep[] => {
      if ('row' in step) {
        greatest = Math.max(greatest, step.row.time ?? -Infinity)
        return [step]
      }
      // Watermarks rise, and of two next to each other one is seen.
      if (greatest - step.lag <= watermark || 'lag' in (steps[index + 1] ?? {})) return []
      watermark = greatest - step.lag
      return [{ watermark }]
    })
  })

test('sessions in columns, however they are run', () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.nat(1000), (steps, seed) => {
      const { rows, lateRecords } = runOperatorHarness({
        create: sessions,
        inputs: [{ schema: SCHEMA }],
        steps,
        seed,
        randomRuns: 2,
        keyOf: (row: { readonly key: string | null }) => row.key,
      })
      const expected = modelOf(steps)
      expect(textsOf(rows.map(({ row }) => row)).toSorted()).toEqual(textsOf(expected.rows).toSorted())
      expect(lateRecords).toBe(expected.late)
      const ends = rows.map(({ row }) => (row as { readonly end: number }).end)
      if (steps.every((step) => !('watermark' in step))) expect(ends).toEqual(ends.toSorted((one, other) => one - other))
    }),
    { numRuns: 100 },
  )
})

/** Always takes what it is given. */
function collectorOf(rows: unknown[], watermarks: number[] = []): Output {
  return {
    hasCapacity: () => true,
    emit: (batch) => void rows.push(...batchToObjects(batch).map(({ row }) => row)),
    emitWatermark: (watermarkMs) => void watermarks.push(watermarkMs),
    emitStatus: () => {},
    side: () => undefined,
  }
}

test('watermarks that come once more behind a restore are passed on, and rows are as late as before', () => {
  const context = testContext()
  const snapshot = new MemorySnapshot()
  const first = sessions()
  first.open(context)
  first.advance(100, collectorOf([]))
  first.snapshot(snapshot)
  first.close()
  const second = sessions()
  second.open(context)
  second.restore(snapshot.reader())
  const rows: unknown[] = []
  const watermarks: number[] = []
  const batch = batchFromObjects(
    context.slab,
    SCHEMA,
    [96, 97].map((time) => ({ row: { key: 'a', time, value: 1n, text: null, part: 0 } })),
  )
  batch.crossings.add(0, 50)
  expect(second.processBatch(batch, collectorOf(rows, watermarks))).toBe(true)
  expect(watermarks).toEqual([50])
  expect(context.metrics.lateRecords).toBe(1)
  second.advance(Infinity, collectorOf(rows))
  expect(rows).toMatchObject([{ key: 'a', start: 97, end: 102, count: 1n }])
  freeBatch(batch)
  second.close()
})

test('sessions of so many keys that entries of the table move', () => {
  const context = testContext(512)
  const operator = sessions()
  operator.open(context)
  const rows: unknown[] = []
  const output = collectorOf(rows)
  const keyCount = 70_000
  const give = (from: number, to: number, time: (index: number) => number, watermark?: number): void => {
    for (let begin = from; begin < to; begin += 5000) {
      const keys = Array.from({ length: Math.min(5000, to - begin) }, (_, index) => begin + index)
      const batch = batchFromObjects(
        context.slab,
        SCHEMA,
        keys.map((key) => ({ row: { key: `${key}`, time: time(key), value: BigInt(key), text: key % 3 === 0 ? null : `${key}`, part: 0 } })),
      )
      if (watermark !== undefined) batch.crossings.add(0, watermark)
      expect(operator.processBatch(batch, output)).toBe(true)
      freeBatch(batch)
    }
  }
  // Sessions in front of and behind each other, and some that are over when the rows of a batch come that has entries move.
  give(0, 60_000, (key) => key % 7)
  give(0, 60_000, (key) => 100 + (key % 7))
  give(0, 60_000, (key) => 50 + (key % 7))
  give(60_000, 65_000, () => 50)
  give(65_000, keyCount, () => 50, 20)
  expect(rows.length).toBe(60_000)
  // Every other row is late, so that what late rows keep is dropped over and over.
  for (let from = 0; from < keyCount; from += 10_000) {
    give(from, from + 5000, () => 0)
    give(from, from + 10_000, (key) => 53 + (key % 3))
  }
  expect(context.metrics.lateRecords).toBe(keyCount / 2)
  operator.advance(Infinity, output)
  expect(rows.length).toBe(60_000 * 3 + 10_000)
  const sums = new Map<string, number>()
  for (const { key, count, last } of rows as { readonly key: string; readonly count: bigint; readonly last: string | null }[]) {
    sums.set(key, (sums.get(key) ?? 0) + Number(count))
    if (last !== (Number(key) % 3 === 0 ? null : key)) throw new Error(`Key ${key} has ${last}`)
  }
  expect(new Set(sums.values())).toEqual(new Set([2, 4]))
  operator.close()
})

test('nothing stays of what sessions keep that are over, have become one, or that came too late', () => {
  const context = testContext()
  const operator = sessions()
  operator.open(context)
  const rows: unknown[] = []
  const output = collectorOf(rows)
  const times = [100, 108, 104, 1]
  let allocated = 0
  for (let round = 0; round < 60; round++) {
    // Two sessions of each key, what makes them one, and a late row.
    for (const time of times) {
      const batch = batchFromObjects(
        context.slab,
        SCHEMA,
        Array.from({ length: 20 }, (_, key) => ({
          row: { key: `${key}`, time: round * 200 + time, value: 1n, text: `${round} ${time} `.padEnd(time === 1 ? 10_000 : 1000, 'x'), part: 0 },
        })),
      )
      if (time === 1) batch.crossings.add(0, round * 200 + 50)
      expect(operator.processBatch(batch, output)).toBe(true)
      freeBatch(batch)
    }
    expect(operator.advance(round * 200 + 150, output)).toBe(true)
    if (round === 20) allocated = context.slab.allocatedBytes
  }
  expect(rows.length).toBe(60 * 20)
  expect(context.metrics.lateRecords).toBe(60 * 20)
  expect(context.slab.allocatedBytes).toBeLessThanOrEqual(allocated + 64 * 1024)
  operator.close()
})

test('timers come in the order of time, whatever that of adding is', () => {
  const timeArbitrary = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), fc.maxSafeInteger())
  const stepArbitrary = fc.oneof(
    { arbitrary: fc.record({ add: timeArbitrary }), weight: 4 },
    { arbitrary: fc.record({ later: fc.nat(), byMs: fc.nat(5000) }), weight: 2 },
    { arbitrary: fc.record({ to: timeArbitrary }), weight: 1 },
  )
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 80, size: 'max' }), (steps) => {
      const times = [NaN]
      const links = [0]
      const timers = new SessionTimers({ dueMsOf: (one) => times[one], nextOf: (one) => links[one], setNext: (one, next) => (links[one] = next) })
      const waiting = new Set<number>()
      let now = -Infinity
      const poll = (to: number): void => {
        now = Math.max(now, to)
        const due = [...waiting].filter((one) => times[one] <= to).map((one) => times[one])
        const found: number[] = []
        for (let one = timers.poll(to); one !== 0; one = timers.poll(to)) {
          found.push(times[one])
          expect(waiting.delete(one)).toBe(true)
        }
        expect(found).toEqual(due.toSorted((one, other) => one - other))
        expect(Math.min(...[...waiting].map((one) => times[one]))).toBeGreaterThanOrEqual(timers.nextMs)
      }
      for (const step of steps)
        if ('add' in step) {
          if (step.add <= now) continue
          waiting.add(times.push(step.add) - 1)
          links.push(0)
          timers.add(times.length - 1)
        } else if ('later' in step) {
          const one = [...waiting][step.later % waiting.size]
          if (one !== undefined) times[one] = Math.min(times[one] + step.byMs, Number.MAX_SAFE_INTEGER)
        } else if (step.to > now) poll(step.to)
      poll(Infinity)
      expect(waiting.size).toBe(0)
    }),
    { numRuns: 300 },
  )
})
