/*
 * The columnar window operator against the general one, over aligned windows, where both apply: every aggregate over a column of every kind, in any
 * disorder, driven in every way. They share the plan of the aggregates and nothing else. Compared: the results with their timestamps (as a
 * multiset: the order of keys is the operator's own), and the number of late records.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { Decimal, defineSchema, type Schema, t } from '../../src/batch/types.ts'
import type { Operator } from '../../src/operator/operator.ts'
import {
  CumulativeEventTimeWindows,
  EventTimeSessionWindows,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  type WindowAssigner,
} from '../../src/operator/window/assigners.ts'
import { GeneralWindowOperator } from '../../src/operator/window/general-window-operator.ts'
import { type Aggregates, avg, count, countDistinct, first, last, max, min, planAggregates, sum, topN } from '../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../src/operator/window/slice-window-operator.ts'
import type { AlignedWindows } from '../../src/operator/window/slices.ts'
import { TopRowsOperator } from '../../src/operator/window/top-rows-operator.ts'
import { windowResultSchema } from '../../src/operator/window/window-result.ts'
import type { ProcessWindowFunction } from '../../src/operator/window/window-function.ts'
import type { TimeWindow } from '../../src/operator/window/window.ts'
import { CachedTable } from '../../src/state/lmdb-tables.ts'
import { drive, type Driven, type Step, WAYS } from '../unit/operator/window/drive.ts'

const SCHEMA = defineSchema({
  key: t.string(),
  tiny: t.tinyint().nullable(),
  long: t.bigint().nullable(),
  safe: t.safeInt(),
  float: t.float().nullable(),
  small: t.decimal(8, 2).nullable(),
  wide: t.decimal(38, 0).nullable(),
  flag: t.boolean().nullable(),
  text: t.string().nullable(),
  nanos: t.timestamp(9).nullable(),
  tags: t.array(t.string()).nullable(),
}) as Schema
const KEY = { kind: 'columns', columns: [0] } as const
/** Nothing stays in memory behind a batch. */
const LMDB = { 'state.backend.type': 'lmdb', 'state.backend.lmdb.dir': join(tmpdir(), 'millrace-tests'), 'state.backend.lmdb.cache-size': '0' }

const record = fc.record({
  key: fc.constantFrom('a', 'b', 'a key longer than an entry has room for'),
  tiny: fc.option(fc.integer({ min: -128, max: 127 })),
  long: fc.option(fc.oneof(fc.bigInt({ min: -3n, max: 3n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
  safe: fc.integer({ min: -1000, max: 1000 }),
  // Quarters: their sums are exact in any order.
  float: fc.option(fc.integer({ min: -8, max: 8 }).map((value) => value / 4)),
  small: fc.option(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((value) => new Decimal(BigInt(value), 2))),
  wide: fc.option(
    fc
      .oneof(fc.bigInt({ min: -9n, max: 9n }), fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }), fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }))
      .map((value) => new Decimal(value, 0)),
  ),
  flag: fc.option(fc.boolean()),
  text: fc.option(fc.constantFrom('', 'a', 'flight', 'flights', 'flight 12', '日本語', '😀', '￦')),
  nanos: fc.option(fc.bigInt({ min: -5n, max: 5n }).map((value) => value * 333_333_333n)),
  tags: fc.option(fc.array(fc.constantFrom('x', 'yy'), { maxLength: 2 })),
})

const AGGREGATES: Aggregates = Object.fromEntries([
  ['rows', count()],
  ...['tiny', 'text'].map((name) => [`count ${name}`, count(name)]),
  ...['tiny', 'wide', 'text', 'nanos'].map((name) => [`different ${name}`, countDistinct(name)]),
  ...['tiny', 'long', 'safe', 'float', 'small'].flatMap((name) => [
    [`sum ${name}`, sum(name)],
    [`mean ${name}`, avg(name)],
  ]),
  ...['long', 'flag', 'text', 'nanos'].flatMap((name) => [
    [`least ${name}`, min(name)],
    [`most ${name}`, max(name)],
  ]),
  ...['tiny', 'tags'].flatMap((name) => [
    [`first ${name}`, first(name)],
    [`last ${name}`, last(name)],
  ]),
])

const shapes: fc.Arbitrary<{ windows: AlignedWindows; assigner: WindowAssigner<unknown, TimeWindow> }> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 11 })).map(([sizeMs, offset]) => ({
    windows: { kind: 'tumbling', sizeMs, offsetMs: offset % sizeMs } as const,
    assigner: TumblingEventTimeWindows.of(sizeMs, offset % sizeMs),
  })),
  fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
    .filter(([size, slide]) => size >= slide)
    .map(([sizeMs, slideMs]) => ({
      windows: { kind: 'sliding', sizeMs, slideMs, offsetMs: 0 } as const,
      assigner: SlidingEventTimeWindows.of(sizeMs, slideMs),
    })),
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })).map(([stepMs, count]) => ({
    windows: { kind: 'cumulative', sizeMs: stepMs * count, stepMs, offsetMs: 0 } as const,
    assigner: CumulativeEventTimeWindows.of(stepMs * count, stepMs),
  })),
)

const inputs = fc.array(
  fc.oneof({ weight: 5, arbitrary: fc.tuple(record, fc.integer({ min: -12, max: 6 })) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }) }),
  { maxLength: 50 },
)

/** Records around a time that moves on; watermarks trail it. */
function stepsOf(list: readonly (number | readonly [unknown, number])[]): Step[] {
  let time = 0
  let watermark = -Infinity
  const steps: Step[] = []
  for (const item of list) {
    if (typeof item !== 'number') steps.push({ row: item[0], at: time + item[1] })
    else if ((time += item) - 5 > watermark) steps.push({ watermark: (watermark = time - 5) })
  }
  return [...steps, { watermark: Infinity }]
}

const withKeyAndBounds: ProcessWindowFunction<object, object, string, TimeWindow> = {
  process: (key, { window }, [result], out) => out.collect({ key, windowStart: window.start, windowEnd: window.end, ...result }),
}

function general(assigner: WindowAssigner<unknown, TimeWindow>, aggregates: Aggregates): Operator {
  const { plans } = planAggregates(SCHEMA, aggregates, false)
  return new GeneralWindowOperator({
    inputs: [{ schema: SCHEMA, key: KEY }],
    outputSchema: windowResultSchema(SCHEMA, KEY, true, plans),
    assigner,
    contents: { kind: 'builtIn', plans },
    function: withKeyAndBounds,
  })
}

const shown = ({ rows }: Driven): string[] =>
  rows.map(({ row, timestamp }) => JSON.stringify([timestamp, row], (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)))

it('built-in aggregates are the same in columns and record by record', () => {
  fc.assert(
    fc.property(
      shapes,
      inputs,
      fc.integer({ min: 0, max: WAYS.length - 1 }),
      fc.integer({ min: 0, max: WAYS.length - 1 }),
      fc.integer({ min: 1, max: 4 }),
      ({ windows, assigner }, list, way, otherWay, limit) => {
        const steps = stepsOf(list)
        const aggregates: Aggregates = {
          ...AGGREGATES,
          longest: topN(limit, 'text'),
          least: topN(limit, 'wide', { order: 'ascending', columns: ['tags', 'wide', 'flag'] }),
          soonest: topN(limit, 'nanos', { order: 'ascending', columns: ['safe'] }),
        }
        const options = { inputSchema: SCHEMA, key: KEY, windows, aggregates, lateOutput: undefined }
        const columnar = drive(() => new SliceWindowOperator(options), steps, { schemas: [SCHEMA], ...WAYS[way][1] })
        const byRecord = drive(() => general(assigner, aggregates), steps, { schemas: [SCHEMA], settings: way === otherWay ? {} : LMDB, ...WAYS[otherWay][1] })
        expect(shown(columnar).toSorted()).toEqual(shown(byRecord).toSorted())
        expect(columnar.late).toBe(byRecord.late)
        expect([columnar.leakedBytes, byRecord.leakedBytes]).toEqual([0, 0])
      },
    ),
    { numRuns: 100 },
  )
})

// No cache: behind each batch everything leaves memory, and comes back.
it.each(['text', 'safe', 'flag', 'float', 'two columns'])('aggregates of slices that are not in memory are the same, by %s', (name) => {
  const columns = name === 'two columns' ? [4, 1] : [SCHEMA.fields.findIndex((field) => field.name === name)]
  const key = { kind: 'columns', columns } as const
  const read = vi.spyOn(CachedTable.prototype, 'read')
  fc.assert(
    fc.property(shapes, inputs, fc.integer({ min: 0, max: WAYS.length - 1 }), fc.integer({ min: 0, max: WAYS.length - 1 }), ({ windows }, list, way, other) => {
      const steps = stepsOf(list)
      const aggregates = { ...AGGREGATES, top: topN(2, 'wide', { order: 'ascending', columns: ['tags', 'text'] }) }
      const options = { inputSchema: SCHEMA, key, windows, aggregates, lateOutput: undefined }
      const inMemory = drive(() => new SliceWindowOperator(options), steps, { schemas: [SCHEMA], ...WAYS[way][1] })
      const cached = drive(() => new SliceWindowOperator(options), steps, { schemas: [SCHEMA], settings: LMDB, ...WAYS[other][1] })
      expect(shown(cached).toSorted()).toEqual(shown(inMemory).toSorted())
      expect([cached.late, cached.held, cached.leakedBytes]).toEqual([inMemory.late, inMemory.held, 0])
    }),
    { numRuns: 25 },
  )
  expect(read).toHaveBeenCalled()
})

it('sums and means of wide DECIMALs are the same in windows of one slice, where both add in the order of arrival', () => {
  fc.assert(
    fc.property(inputs, fc.integer({ min: 0, max: WAYS.length - 1 }), (list, way) => {
      const steps = stepsOf(list)
      const aggregates = { total: sum('wide'), mean: avg('wide') }
      const windows = { kind: 'tumbling', sizeMs: 7, offsetMs: 0 } as const
      const options = { inputSchema: SCHEMA, key: KEY, windows, aggregates, lateOutput: undefined }
      const columnar = drive(() => new SliceWindowOperator(options), steps, { schemas: [SCHEMA], ...WAYS[way][1] })
      const byRecord = drive(() => general(TumblingEventTimeWindows.of(7), aggregates), steps, { schemas: [SCHEMA] })
      expect(shown(columnar).toSorted()).toEqual(shown(byRecord).toSorted())
    }),
    { numRuns: 100 },
  )
})

it('the rows of a top are the elements of its array, with their rank', () => {
  fc.assert(
    fc.property(shapes, inputs, fc.integer({ min: 0, max: WAYS.length - 1 }), fc.integer({ min: 1, max: 4 }), ({ windows, assigner }, list, way, limit) => {
      const steps = stepsOf(list)
      const aggregates = { top: topN(limit, 'text') }
      const options = { inputSchema: SCHEMA, key: KEY, windows, aggregates, lateOutput: undefined }
      const tops = drive(() => new SliceWindowOperator(options), steps, { schemas: [SCHEMA] })
      const expected = tops.rows.flatMap(({ row, ...rest }) =>
        (row as { top: object[] }).top.map((element, index) => ({ ...rest, row: { ...element, rank: index + 1 } })),
      )
      for (const create of [() => new SliceWindowOperator(options), () => general(assigner, aggregates)]) {
        const driven = drive(() => new TopRowsOperator(create(), SCHEMA, limit), steps, { schemas: [SCHEMA], ...WAYS[way][1] })
        expect(shown(driven).toSorted()).toEqual(shown({ ...driven, rows: expected }).toSorted())
        expect(driven.leakedBytes).toBe(0)
      }
    }),
    { numRuns: 100 },
  )
})

interface Visit {
  readonly key: string
  readonly long: bigint | null
  readonly safe: number
  readonly tiny: number | null
}

/** What sessions give, by the definition: records of a key belong together while none is further from the next than the gap. */
function modelOfSessions(gap: number, limit: number, list: readonly Step[]): { rows: string[]; late: number } {
  interface Session {
    key: string
    start: number
    end: number
    visits: { arrival: number; visit: Visit }[]
  }
  let sessions: Session[] = []
  const rows: string[] = []
  let late = 0
  let watermark = -Infinity
  list.forEach((step, arrival) => {
    if ('watermark' in step) {
      watermark = step.watermark
      for (const { key, start, end, visits } of sessions.filter((session) => session.end - 1 <= watermark)) {
        const all = visits.toSorted((a, b) => a.arrival - b.arrival).map(({ visit }) => visit)
        const longs = all.flatMap(({ long }) => (long === null ? [] : [long]))
        const tinies = all.flatMap(({ tiny }) => (tiny === null ? [] : [tiny]))
        const row = {
          key,
          windowStart: start,
          windowEnd: end,
          first: tinies[0] ?? null,
          last: tinies.at(-1) ?? null,
          mean: longs.length === 0 ? null : Number(longs.reduce((a, b) => a + b)) / longs.length,
          // Sorting keeps the order of equal ones.
          top: all
            .filter(({ tiny }) => tiny !== null)
            .toSorted((a, b) => b.tiny! - a.tiny!)
            .slice(0, limit)
            .map(({ safe }) => ({ safe })),
        }
        rows.push(JSON.stringify([end - 1, row]))
      }
      sessions = sessions.filter((session) => session.end - 1 > watermark)
      return
    }
    const { row: visit, at } = step as { row: Visit; at: number }
    const touched = sessions.filter((session) => session.key === visit.key && session.start <= at + gap && session.end >= at)
    const end = Math.max(at + gap, ...touched.map((session) => session.end))
    if (end - 1 <= watermark) {
      late++
      return
    }
    const start = Math.min(at, ...touched.map((session) => session.start))
    const visits = [...touched.flatMap((session) => session.visits), { arrival, visit }]
    sessions = [...sessions.filter((session) => !touched.includes(session)), { key: visit.key, start, end, visits }]
  })
  return { rows, late }
}

it('where sessions merge, first, last and the order of a top are those of arrival, and means do not wrap', () => {
  const aggregates = { first: first('tiny'), last: last('tiny'), mean: avg('long'), top: topN(2, 'tiny', { columns: ['safe'] }) }
  const sessions = (): Operator => general(EventTimeSessionWindows.withGap(4), aggregates)
  const check = (steps: readonly Step[], way: (typeof WAYS)[number][1]): void => {
    const driven = drive(sessions, steps, { schemas: [SCHEMA], settings: LMDB, ...way })
    const model = modelOfSessions(4, 2, steps)
    expect(shown(driven).toSorted()).toEqual(model.rows.toSorted())
    expect([driven.late, driven.leakedBytes]).toEqual([model.late, 0])
  }
  // A record without a value has begun the session that stays; the other's came first.
  const blank = { key: 'a', tiny: null, long: null, safe: 0, float: null, small: null, wide: null, flag: null, text: null, nanos: null, tags: null }
  const at = (time: number, tiny: number | null): Step => ({ row: { ...blank, tiny, safe: time }, at: time })
  check([at(0, null), at(9, 1), at(1, 2), at(5, null), { watermark: Infinity }], {})
  fc.assert(
    fc.property(inputs, fc.integer({ min: 0, max: WAYS.length - 1 }), (list, way) => check(stepsOf(list), WAYS[way][1])),
    { numRuns: 200 },
  )
})
