import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import { VirtualClock } from '../../../src/base/clock.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { CumulativeEventTimeWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { avg, count, countDistinct, max, min, sum } from '../../../src/operator/window/slice-aggregates.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../../src/runtime/local-executor.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const schema = defineSchema({ key: t.string(), value: t.int().nullable(), name: t.string().nullable(), at: t.timestamp(3) })
type Row = { readonly key: string; readonly value: number | null; readonly name: string | null; readonly at: number }

test('what a window sends is behind the same watermark however its input was cut', () => {
  const times = [1, 3, 7, 8, 12, 13, 30, 31, 45]
  const seen = [1, 2, 3, 4, 1000].map((batchRowsMax) => {
    const env = new StreamExecutionEnvironment()
    const results: unknown[] = []
    env
      .fromCollection<Row>(
        times.map((at) => ({ key: 'a', value: 1, name: null, at })),
        schema,
      )
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at'))
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(10))
      .aggregate({ rows: count() })
      .process<string>({ processElement: (row, context, out) => out.collect(`${row.windowStart}: ${row.rows}, ${context.currentWatermark()}`) })
      .forEach((line) => results.push(line))
    const plan = planJob(env.graph, { jobName: 'test', parallelism: 1, maxParallelism: undefined })
    new LocalExecutor(plan, env.graph, { clock: new VirtualClock(), log: () => {}, batchRowsMax }).runToEnd()
    return results
  })
  for (const results of seen) expect(results).toEqual(['0: 4, 7', '10: 2, 12', '30: 2, 30', '40: 1, 44'])
})

const shapes = {
  tumbling: () => TumblingEventTimeWindows.of(10),
  'tumbling with offset': () => TumblingEventTimeWindows.of(10, 3),
  sliding: () => SlidingEventTimeWindows.of(15, 5),
  'sliding with a slide that does not divide the size': () => SlidingEventTimeWindows.of(10, 4),
  'sliding with gaps': () => SlidingEventTimeWindows.of(4, 10),
  'sliding with two slices a slide': () => SlidingEventTimeWindows.of(17, 7, 2),
  cumulative: () => CumulativeEventTimeWindows.of(20, 5),
} as const

/**
 * The definition: each record joins the windows that have not passed when it comes; a window is told when the watermark has passed it. Late is a
 * record that joins none and is behind the watermark: between two windows it may be in none and on time.
 */
function reference(rows: readonly Row[], assigner: ReturnType<(typeof shapes)[keyof typeof shapes]>, boundMs: number): { windows: unknown[]; late: Row[] } {
  const contents = new Map<string, Row[]>()
  const late: Row[] = []
  let watermark = -Infinity
  for (const row of rows) {
    const windows = assigner.assignWindows(row, row.at, { currentProcessingTime: () => 0 })
    const open = windows.filter((window) => window.maxTimestamp() > watermark)
    if (open.length === 0 && row.at <= watermark) late.push(row)
    for (const window of open) {
      const id = JSON.stringify([window.start, window.end, row.key])
      contents.set(id, [...(contents.get(id) ?? []), row])
    }
    watermark = Math.max(watermark, row.at - boundMs - 1)
  }
  const windows = [...contents].map(([id, members]) => {
    const [windowStart, windowEnd, key] = JSON.parse(id) as [number, number, string]
    const values = members.flatMap(({ value }) => (value === null ? [] : [value]))
    const none = values.length === 0
    const total = values.reduce((left, right) => left + right, 0)
    return {
      key,
      windowStart,
      windowEnd,
      rows: members.length,
      values: values.length,
      total: none ? null : total,
      least: none ? null : Math.min(...values),
      most: none ? null : Math.max(...values),
      mean: none ? null : total / values.length,
      different: new Set(values).size,
      times: new Set(members.map(({ at }) => at)).size,
      names: new Set(members.flatMap(({ name }) => (name === null ? [] : [name]))).size,
    }
  })
  return { windows, late }
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort()
}

test.each(Object.keys(shapes) as (keyof typeof shapes)[])(
  '%s windows in columns answer as their definition for any order, parallelism and batch size',
  (shape) => {
    const row = fc.record({
      key: fc.constantFrom('a', 'bé', ''),
      value: fc.option(fc.integer({ min: -9, max: 9 })),
      name: fc.option(fc.constantFrom('', 'x', 'a name longer than an entry has room for')),
      at: fc.integer({ min: -30, max: 80 }),
    })
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 60 }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 2),
        (rows, boundMs, batchRowsMax, parallelism) => {
          const env = new StreamExecutionEnvironment()
          const tag = new OutputTag('late', schema)
          const windows: unknown[] = []
          const late: unknown[] = []
          const result = env
            .fromCollection(rows, schema)
            .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Row>(boundMs).withTimestampAssigner('at'))
            .keyBy('key')
            .window(shapes[shape]())
            .sideOutputLateData(tag)
            .aggregate({
              rows: count(),
              values: count('value'),
              total: sum('value'),
              least: min('value'),
              most: max('value'),
              mean: avg('value'),
              different: countDistinct('value'),
              times: countDistinct('at'),
              names: countDistinct('name'),
            })
          result.forEach((record) => windows.push({ ...record }))
          result.getSideOutput(tag).forEach((record) => late.push({ ...record }))
          const plan = planJob(env.graph, { jobName: 'windows', parallelism, maxParallelism: undefined })
          new LocalExecutor(plan, env.graph, { clock: new VirtualClock(), log: () => {}, batchRowsMax }).runToEnd()
          const expected = reference(rows, shapes[shape](), boundMs)
          expect(sorted(windows)).toEqual(sorted(expected.windows))
          expect(sorted(late)).toEqual(sorted(expected.late))
        },
      ),
      { numRuns: 60 },
    )
  },
)
