// The tables on order and timers in README.md, row by row where a run can show it.
import { type DataStream, defineSchema, type KeyedProcessFunction, Millrace, t, WatermarkStrategy } from 'millrace'
import { runJob } from 'millrace/testing'
import { expect, test } from 'vitest'

const schema = defineSchema({ key: t.string(), at: t.timestamp(3) })
interface Row {
  readonly key: string
  readonly at: number
}
const byTime = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

/** Says what reached it; `timers` registers what it likes. */
function telling(
  timers: (row: Row, register: { event(timeMs: number): void; processing(inMs: number): void }) => void,
): KeyedProcessFunction<string, Row, string> {
  return {
    processElement(row, context, out) {
      const { timerService } = context
      out.collect(`${row.key} ${row.at}`)
      timers(row, {
        event: (timeMs) => timerService.registerEventTimeTimer(timeMs),
        processing: (inMs) => timerService.registerProcessingTimeTimer(timerService.currentProcessingTime() + inMs),
      })
    },
    onTimer(timeMs, context, out) {
      out.collect(`timer ${context.getCurrentKey()} ${context.timeDomain() === 'event' ? timeMs : 'processing'}`)
    },
  }
}

const told = (rows: readonly Row[], timers: Parameters<typeof telling>[0]): Promise<string[]> => {
  const env = Millrace.local()
  return env.executeAndCollect(env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime).keyBy('key').process(telling(timers)))
}

test('timers fire by time, those of one time in the order they were registered, once however often that was', async () => {
  const rows = ['b', 'a', 'c', 'b'].map((key, at) => ({ key, at }))
  expect(await told(rows, (row, { event }) => event(row.key === 'c' ? 90 : 100))).toEqual([
    'b 0',
    'a 1',
    'c 2',
    'b 3',
    'timer c 90',
    'timer b 100',
    'timer a 100',
  ])
})

test('a record comes before a timer of its millisecond, a timer before the records behind the watermark that reached it', async () => {
  const rows = [0, 20, 20, 21, 22].map((at) => ({ key: 'a', at }))
  expect(await told(rows, (row, { event }) => row.at === 0 && event(20))).toEqual(['a 0', 'a 20', 'a 20', 'a 21', 'timer a 20', 'a 22'])
})

test('a timer in the past fires with the next advance', async () => {
  const rows = [10, 20, 30].map((at) => ({ key: 'a', at }))
  expect(await told(rows, (row, { event }) => row.at === 20 && event(1))).toEqual(['a 10', 'a 20', 'timer a 1', 'a 30'])
})

test('at the end of the input every event-time timer fires, and no processing-time timer', async () => {
  const both = await told([{ key: 'a', at: 0 }], (_row, { event, processing }) => {
    event(1_000_000)
    processing(60_000)
  })
  expect(both).toEqual(['a 0', 'timer a 1000000'])
})

interface Numbered {
  readonly key: number
  readonly index: number
}
const numbered = defineSchema({ key: t.int(), index: t.int() })

/** Whether a `keyBy` behind `spread` sees the records of each key in the order in which they were sent. */
async function isInOrder(seed: number, spread: (stream: DataStream<Numbered>) => DataStream<Numbered>): Promise<boolean> {
  const { outputs } = await runJob(
    (env) => {
      const passed: KeyedProcessFunction<number, Numbered, Numbered> = { processElement: (row, _context, out) => out.collect({ ...row }) }
      spread(env.input('records', numbered)).keyBy('key').process(passed).output('seen')
    },
    { parallelism: 2, seed, batchRowsMax: 8, inputs: { records: Array.from({ length: 400 }, (_, index) => ({ key: index % 3, index })) } },
  )
  const seen = outputs.get('seen') as readonly Numbered[]
  expect(seen.length).toBe(400)
  const last = [-1, -1, -1]
  return seen.every(({ key, index }) => {
    const follows = index > last[key]
    last[key] = index
    return follows
  })
}

const SEEDS = [1, 2, 3, 4, 5]
const copied = (stream: DataStream<Numbered>): DataStream<Numbered> => stream.map((row) => ({ ...row })).returns(numbered)
const inOrder = (spread: Parameters<typeof isInOrder>[1]): Promise<boolean[]> => Promise.all(SEEDS.map((seed) => isInOrder(seed, spread)))

test('keyBy keeps the order of each key, for records of one sender', async () => {
  expect(await inOrder((stream) => stream)).not.toContain(false)
  expect(await inOrder((stream) => copied(stream).setParallelism(1))).not.toContain(false)
})

test('rebalance breaks it, and so does a step to an operator of another parallelism', async () => {
  expect(await inOrder((stream) => copied(stream.rebalance()))).toContain(false)
  expect(await inOrder(copied)).toContain(false)
})
