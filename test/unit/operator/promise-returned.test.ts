/* oxlint-disable unicorn/no-thenable -- what has a `then` is what this is about */
import { describe, expect, test } from 'vitest'
import { AsyncDataStream } from '../../../src/api/datastream/async-data-stream.ts'
import type { WindowJoinedStreams } from '../../../src/api/datastream/joined-streams.ts'
import { type LocalEnvironment, Millrace } from '../../../src/api/datastream/millrace.ts'
import type { DataStream } from '../../../src/api/datastream/data-stream.ts'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import { UserFunctionError } from '../../../src/base/errors.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { GlobalWindows } from '../../../src/operator/window/assigners.ts'
import { CountTrigger } from '../../../src/operator/window/triggers.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const schema = defineSchema({ key: t.string(), value: t.int() })
interface Row {
  readonly key: string
  readonly value: number
}

/** What TypeScript lets pass, or the linter would. */
const asynchronous = (async () => {}) as never

/** Windows that fire with a record of each stream. */
const pairs = (rows: DataStream<Row>): WindowJoinedStreams<Row, Row> =>
  rows.join(rows).where('key').equalTo('key').window(GlobalWindows.create()).trigger(CountTrigger.of(2))

/** Each gives an asynchronous function to another operator; what TypeScript refuses already is cast. */
const mistakes: Readonly<Record<string, (rows: DataStream<Row>) => { forEach(callback: () => void): unknown } | void>> = {
  'map, with a result': (rows) => rows.map(async (row) => row.value * 2),
  'map, failing': (rows) =>
    rows.map(async () => {
      throw new Error('nobody would have heard of it')
    }),
  'map, with another function behind it': (rows) => rows.map(async (row) => row.value).map((value) => typeof value),
  'map into columns': (rows) => rows.map(async ({ key, value }) => ({ key, value })).returns(schema as never),
  'map, with a thenable that is no Promise': (rows) => rows.map((row) => ({ then: (resolve: (value: number) => void) => resolve(row.value) })),
  'filter alone': (rows) => rows.filter((async (row: Row) => row.value > 1) as never),
  'filter behind map': (rows) => rows.map((row) => row.value).filter((async (value: number) => value > 1) as never),
  flatMap: (rows) => rows.flatMap((async (row: Row) => [row.value]) as never),
  'flatMap, by the collector': (rows) =>
    rows.flatMap((async (row: Row, out: { collect(value: number): void }) => {
      await Promise.resolve()
      out.collect(row.value)
    }) as never),
  'flatMap, of promises': (rows) => rows.flatMap((row) => [Promise.resolve(row.value)]),
  'map by an object': (rows) => rows.map({ map: async (row) => row.value }),
  'filter by an object': (rows) => rows.filter({ filter: (async (row: Row) => row.value > 1) as never }),
  'filter by an object, of a key': (rows) => rows.keyBy('key').filter({ filter: asynchronous }),
  'flatMap by an object': (rows) => rows.flatMap({ flatMap: asynchronous }),
  'open of a map function': (rows) => rows.map({ open: asynchronous, map: (row) => row.value }),
  withColumn: (rows) => rows.withColumn('twice', t.int(), (async (row: Row) => row.value * 2) as never),
  'key function': (rows) => rows.keyBy(async (row) => row.key).reduce((left) => left),
  'timestamp function': (rows) =>
    rows.assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((async () => 1) as never)),
  processBatch: (rows) => rows.processBatch(asynchronous),
  processElement: (rows) => rows.process({ processElement: asynchronous }),
  'processElement, collecting a promise': (rows) => rows.process({ processElement: (row, _, out) => out.collect(Promise.resolve(row.value)) }),
  'processElement, a promise to a side output': (rows) => {
    const tag = new OutputTag('side')
    const stream = rows.process({ processElement: (row, context) => context.output(tag, Promise.resolve(row.value)) })
    stream.getSideOutput(tag).forEach(() => {})
    return stream
  },
  'open of a process function': (rows) => rows.process({ open: asynchronous, processElement: () => {} }),
  'close of a process function': (rows) => rows.process({ close: asynchronous, processElement: () => {} }),
  onTimer: (rows) =>
    rows.keyBy('key').process({
      processElement: (_, context) => context.timerService.registerEventTimeTimer(1),
      onTimer: asynchronous,
    }),
  'window function': (rows) => rows.keyBy('key').countWindow(1).process({ process: asynchronous }),
  'aggregate of windows': (rows) =>
    rows
      .keyBy('key')
      .countWindow(1)
      .aggregate({ createAccumulator: () => 0, add: (row, sum) => sum + row.value, getResult: async (sum) => sum }),
  'open of a window function': (rows) =>
    rows
      .keyBy('key')
      .countWindow(1)
      .process({ open: asynchronous, process: () => {} }),
  'join function': (rows) => pairs(rows).apply(async (left, right) => left.value + right.value),
  'join function that collects': (rows) => pairs(rows).apply({ join: asynchronous }),
  'coGroup function': (rows) =>
    rows.coGroup(rows).where('key').equalTo('key').window(GlobalWindows.create()).trigger(CountTrigger.of(2)).apply({ coGroup: asynchronous }),
  'open of an asynchronous function': (rows) => AsyncDataStream.orderedWait(rows, { open: asynchronous, asyncInvoke: async (row) => [row] }),
  forEach: (rows) => void rows.forEach(asynchronous).name('Mistake'),
}

function rowsOf(env: LocalEnvironment): DataStream<Row> {
  return env.fromCollection([{ key: 'a', value: 1 }], schema)
}

describe('a promise of a synchronous function is refused', () => {
  test.each(Object.keys(mistakes))('%s', async (kind) => {
    const env = Millrace.local()
    const stream = mistakes[kind](rowsOf(env))
    stream?.forEach(() => {})
    const error = await env.execute().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserFunctionError)
    expect(error).toMatchObject({ code: 'PROMISE_RETURNED', hint: expect.stringContaining('AsyncDataStream.orderedWait') as string })
    expect((error as Error).message).toMatch(/^Function of operator ".+" \(subtask 0\) returned a promise/)
  })

  test('by the name of the operator, of several functions fused into one loop the guilty one', async () => {
    const env = Millrace.local()
    rowsOf(env)
      .map((row) => row.value)
      .name('Good')
      .map(async (value) => value)
      .name('Bad')
      .map(() => 1)
      .name('Behind')
      .forEach(() => {})
    await expect(env.execute()).rejects.toThrow('Function of operator "Bad"')
  })
})

test('records with a column or a member called then are no promises', async () => {
  const env = Millrace.local()
  const dated = env.fromCollection([{ then: 'now', value: 1 }], defineSchema({ then: t.string(), value: t.int() }))
  const values = await env.executeAndCollect(dated.map((row) => row).map((row) => ({ then: row.then })))
  expect(values).toEqual([{ then: 'now' }])
})
