import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import { PlanError } from '../../../src/base/errors.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { count } from '../../../src/operator/window/slice-aggregates.ts'
import { runJob } from '../../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const numbers = new OutputTag('odd', defineSchema({ value: t.int() }))
const words = new OutputTag('odd', defineSchema({ value: t.string() }))
const schema = defineSchema({ key: t.string(), at: t.timestamp(3) })

/** Sends odd numbers to a side output as one tag says, and reads them as another. */
function split(env: StreamExecutionEnvironment, sent: OutputTag<{ value: number }>, read: OutputTag<never>, exchange: boolean): void {
  const main = env.fromCollection([1, 2, 3]).process<number>({
    processElement(value, context, out) {
      if (value % 2 === 1) context.output(sent, { value })
      else out.collect(value)
    },
  })
  const side = main.getSideOutput(read)
  ;(exchange ? side.rebalance() : side).output('side')
  main.output('main')
}

test.each([false, true])('a side output arrives as its tag says, and one read as other columns fails by name (over an exchange: %s)', async (exchange) => {
  const options = { parallelism: exchange ? 2 : 1 }
  const { outputs } = await runJob((env) => split(env, numbers, numbers as never, exchange), options)
  expect(outputs.get('side')).toEqual([{ value: 1 }, { value: 3 }])
  expect(outputs.get('main')).toEqual([2])
  const failure = runJob((env) => split(env, numbers, words as never, exchange), options)
  await expect(failure).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH', message: expect.stringContaining('"odd"') as string })
})

test('two readers of one side output must agree, whether or not anything is sent', async () => {
  const failure = runJob((env) => {
    const main = env.fromCollection([1]).process<number>({ processElement: (value, _context, out) => out.collect(value) })
    main.getSideOutput(numbers).output('numbers')
    main.getSideOutput(words).output('words')
  })
  await expect(failure).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
})

test('a tag that a function never sends to gives an empty stream that ends', async () => {
  const { outputs } = await runJob((env) => {
    const main = env.fromCollection([1]).process<number>({ processElement: (value, _context, out) => out.collect(value) })
    main.getSideOutput(numbers).output('side')
    main.output('main')
  })
  expect([outputs.get('side') ?? [], outputs.get('main')]).toEqual([[], [1]])
})

test('an operator that has no such side output is named when it is asked for one', () => {
  const env = new StreamExecutionEnvironment()
  const refused = (read: () => unknown, code: string): void => {
    expect(read).toThrow(PlanError)
    expect(read).toThrow(expect.objectContaining({ code }))
  }
  refused(
    () =>
      env
        .fromElements(1)
        .map((value) => value)
        .name('Doubler')
        .getSideOutput(numbers),
    'INVALID_SIDE_OUTPUT',
  )
  const windows = env
    .fromCollection([{ key: 'a', at: 1 }], schema)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ key: string; at: number }>().withTimestampAssigner('at'))
    .keyBy('key')
    .window(TumblingEventTimeWindows.of(10))
  const late = new OutputTag('late', schema)
  windows.sideOutputLateData(late).aggregate({ rows: count() }).getSideOutput(late)
  refused(() => windows.aggregate({ rows: count() }).getSideOutput(late), 'INVALID_SIDE_OUTPUT')
  refused(() => windows.sideOutputLateData(late).aggregate({ rows: count() }).getSideOutput(new OutputTag('late')), 'SCHEMA_MISMATCH')
  refused(() => windows.sideOutputLateData(new OutputTag('late')).aggregate({ rows: count() }), 'SCHEMA_MISMATCH')
})
