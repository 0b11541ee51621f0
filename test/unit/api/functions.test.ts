import * as arrow from 'apache-arrow'
import { expect, test } from 'vitest'
import { AsyncDataStream } from '../../../src/api/datastream/async-data-stream.ts'
import { Millrace } from '../../../src/api/datastream/millrace.ts'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { AsyncRetryStrategies } from '../../../src/operator/async/retry-strategy.ts'
import { EventTimeSessionWindows, TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { count } from '../../../src/operator/window/slice-aggregates.ts'
import type { TimeWindow } from '../../../src/operator/window/window.ts'
import { mapState, valueState } from '../../../src/state/state.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const schema = defineSchema({ user: t.string(), amount: t.int(), at: t.timestamp(3) })
const rows = [
  { user: 'a', amount: 1, at: 0 },
  { user: 'b', amount: 10, at: 5 },
  { user: 'a', amount: 2, at: 8 },
  { user: 'a', amount: 4, at: 40 },
  { user: 'b', amount: 20, at: 41 },
]
const byTime = WatermarkStrategy.forMonotonousTimestamps<(typeof rows)[number]>().withTimestampAssigner('at')

test('a keyed process function has state and timers of the key of each record', async () => {
  const env = Millrace.local()
  const total = valueState('total', t.int())
  const stream = env
    .fromCollection(rows, schema)
    .assignTimestampsAndWatermarks(byTime)
    .keyBy('user')
    .process<string>({
      processElement(row, context, out) {
        const state = context.getState(total)
        const sum = (state.value() ?? 0) + row.amount
        state.update(sum)
        if (sum === row.amount) context.timerService.registerEventTimeTimer(row.at + 20)
        out.collect(`${context.getCurrentKey()}=${sum}`)
      },
      onTimer(timeMs, context, out) {
        out.collect(`${context.getCurrentKey()}@${timeMs}=${context.getState(total).value()}`)
      },
    })
  expect(await env.executeAndCollect(stream)).toEqual(['a=1', 'b=10', 'a=3', 'a=7', 'a@20=7', 'b@25=10', 'b=30'])
})

test('process refuses what lacks its methods, with the operator and what is expected', () => {
  const stream = Millrace.local().fromCollection(rows, schema)
  const keyed = stream.keyBy('user')
  const refusal = (message: string): Error => expect.objectContaining({ code: 'INVALID_FUNCTION', message: `Cannot add ${message}` }) as Error
  expect(() => stream.process((() => {}) as never)).toThrow(
    expect.objectContaining({
      ...{ code: 'INVALID_FUNCTION', message: 'Cannot add Process: expected an object with processElement(...), got function' },
      hint: 'Give the function as a method: { processElement(...) { ... } }, or an instance of the class.',
    }) as Error,
  )
  expect(() => stream.process({} as never)).toThrow(refusal('Process: expected an object with processElement(...), got an object without processElement'))
  expect(() => keyed.process(null as never)).toThrow(refusal('KeyedProcess: expected an object with processElement(...), got null'))
  expect(() => stream.connect(stream).process({ processElement1() {} } as never)).toThrow(
    refusal('CoProcess: expected an object with processElement1(...) and processElement2(...), got an object without processElement2'),
  )
  const windows = keyed.window(TumblingEventTimeWindows.of(10))
  expect(() => windows.process({ processElement() {} } as never)).toThrow(
    refusal(`Process(${String(TumblingEventTimeWindows.of(10))}): expected an object with process(...), got an object without process`),
  )
  expect(() => windows.process(undefined as never)).toThrow('expected an object with process(...), got undefined')
  expect(() => windows.reduce((first) => first, (() => []) as never)).toThrow('expected an object with process(...), got function')
  expect(() =>
    keyed
      .intervalJoin(keyed)
      .between(0, 1)
      .process((() => {}) as never),
  ).toThrow('Cannot add IntervalJoin: expected an object with processElement(...), got function')
})

test('reduce answers every record by the fold so far', async () => {
  const env = Millrace.local()
  const stream = env.fromCollection(rows, schema).keyBy('user').sum('amount')
  expect((await env.executeAndCollect(stream)).map(({ user, amount }) => `${user}${amount}`)).toEqual(['a1', 'b10', 'a3', 'a7', 'b30'])
})

test('sessions merge and fire when the watermark has passed their gap', async () => {
  const env = Millrace.local()
  const stream = env
    .fromCollection(rows, schema)
    .assignTimestampsAndWatermarks(byTime)
    .keyBy('user')
    .window(EventTimeSessionWindows.withGap(10))
    .apply((user, window, records) => [`${user} [${window.start},${window.end}) ${records.map(({ amount }) => amount).join('+')}`])
  expect((await env.executeAndCollect(stream)).sort()).toEqual(['a [0,18) 1+2', 'a [40,50) 4', 'b [41,51) 20', 'b [5,15) 10'])
})

test('windowAll counts all records together', async () => {
  const env = Millrace.local()
  const stream = env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime).windowAll(TumblingEventTimeWindows.of(10)).aggregate({ rows: count() })
  expect(await env.executeAndCollect(stream)).toEqual([
    { windowStart: 0, windowEnd: 10, rows: 3 },
    { windowStart: 40, windowEnd: 50, rows: 2 },
  ])
})

test('two keyed streams share state in one function', async () => {
  const env = Millrace.local()
  const names = env.fromCollection([{ id: 'a', name: 'Ada' }], defineSchema({ id: t.string(), name: t.string() }))
  const name = valueState('name', t.string())
  const waiting = mapState('waiting', t.int(), t.int())
  const joined = env
    .fromCollection(rows, schema)
    .keyBy('user')
    .connect(names.keyBy('id'))
    .process<string>({
      processElement1(row, context, out) {
        const known = context.getState(name).value()
        if (known === null) context.getState(waiting).put(row.at, row.amount)
        else out.collect(`${known} ${row.amount}`)
      },
      processElement2(row, context, out) {
        context.getState(name).update(row.name)
        for (const amount of context.getState(waiting).values()) out.collect(`${row.name} ${amount}`)
        context.getState(waiting).clear()
      },
    })
  expect((await env.executeAndCollect(joined)).sort()).toEqual(['Ada 1', 'Ada 2', 'Ada 4'])
})

test('an interval join pairs records of one key by their distance in time', async () => {
  const env = Millrace.local()
  const left = env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime).keyBy('user')
  const right = env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime).keyBy('user')
  const pairs = left
    .intervalJoin(right)
    .between(1, 10)
    .process<string>({ processElement: (one, other, _context, out) => out.collect(`${one.user}${one.amount}-${other.amount}`) })
  expect(await env.executeAndCollect(pairs)).toEqual(['a1-2'])
})

test.each([true, false])('asynchronous calls answer every record (ordered: %s), with retries', async (ordered) => {
  const env = Millrace.local()
  const failed = new Set<number>()
  const numbers = env.fromCollection(Array.from({ length: 50 }, (_, index) => index))
  const call = async (value: number): Promise<number> => {
    if (value % 10 === 3 && !failed.has(value)) {
      failed.add(value)
      throw new Error('not now')
    }
    for (let turn = 0; turn < value % 4; turn++) await Promise.resolve()
    return value * 2
  }
  const options = { capacity: 7, retry: AsyncRetryStrategies.fixedDelay(1, 1) }
  const doubled = await env.executeAndCollect(
    ordered ? AsyncDataStream.orderedWait(numbers, call, options) : AsyncDataStream.unorderedWait(numbers, call, options),
  )
  const expected = Array.from({ length: 50 }, (_, index) => index * 2)
  expect(ordered ? doubled : doubled.sort((a, b) => a - b)).toEqual(expected)
  expect(failed.size).toBe(5)
})

test.each([true, false])('asynchronous calls are in flight together although batches in front of them are filtered away (ordered: %s)', async (ordered) => {
  const env = Millrace.local()
  env.set('millrace.batch.rows-max', 1)
  const [capacity, records] = [50, 1000]
  let open = 0
  let peak = 0
  let release!: () => void
  const isFull = new Promise<void>((resolve) => (release = resolve))
  const call = async (row: { readonly at: number }): Promise<number> => {
    peak = Math.max(peak, ++open)
    if (peak === capacity) release()
    await isFull
    open--
    return row.at
  }
  const stream = env
    .fromCollection(
      Array.from({ length: records }, (_, at) => ({ at })),
      defineSchema({ at: t.timestamp(3) }),
    )
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ readonly at: number }>().withTimestampAssigner('at'))
    .filter((row) => row.at % 5 === 0)
  const results = await env.executeAndCollect(
    ordered ? AsyncDataStream.orderedWait(stream, call, { capacity }) : AsyncDataStream.unorderedWait(stream, call, { capacity }),
  )
  expect(peak).toBe(capacity)
  expect(results).toEqual(Array.from({ length: records / 5 }, (_, index) => index * 5))
})

test('aligned sources stay within their drift of event time', async () => {
  const env = Millrace.local()
  env.set('millrace.batch.rows-max', 10)
  const times = defineSchema({ at: t.timestamp(3), source: t.int() })
  const strategy = WatermarkStrategy.forMonotonousTimestamps<{ readonly at: number; readonly source: number }>()
    .withTimestampAssigner('at')
    .withWatermarkAlignment('both', 50)
  const source = (index: number, stepMs: number) =>
    env
      .fromCollection(
        Array.from({ length: 300 }, (_, row) => ({ at: row * stepMs, source: index })),
        times,
      )
      .assignTimestampsAndWatermarks(strategy)
  const seen = await env.executeAndCollect(source(0, 10).union(source(1, 1)))
  const latest = [-Infinity, -Infinity]
  let drift = 0
  for (const row of seen.slice(
    0,
    seen.findIndex((_, index) => seen.slice(index + 1).every((rest) => rest.source === 0)),
  )) {
    latest[row.source] = row.at
    if (latest[1] > -Infinity) drift = Math.max(drift, latest[0] - latest[1])
  }
  expect(seen.length).toBe(600)
  // A batch of ten rows may be on its way when the limit is reached.
  expect(drift).toBeLessThanOrEqual(50 + 10 * 10 + 10)
})

test('a batch function reads columns as typed arrays', async () => {
  const env = Millrace.local()
  const totals = env
    .fromCollection(rows, schema)
    .filter((row) => row.user === 'a')
    .processBatch<{ rows: number; total: number; users: string }>((batch, out) => {
      const amount = batch.column('amount').values as Int32Array
      const user = batch.column('user')
      let total = 0
      for (const row of batch.rows) total += amount[row]
      out.collect({ rows: batch.rows.length, total, users: [...batch.rows].map((row) => String(user.value(row))).join('') })
    })
  // On a machine that is busy the filter may pass them on in several batches.
  const sums = await env.executeAndCollect(totals)
  expect(sums.reduce((all, one) => ({ rows: all.rows + one.rows, total: all.total + one.total, users: all.users + one.users }))).toEqual({
    rows: 3,
    total: 7,
    users: 'aaa',
  })
})

test('a batch function gets its rows as an Arrow batch, which lives as long as the call', async () => {
  const env = Millrace.local()
  const copies = env
    .fromCollection(rows, schema)
    .filter((row) => row.amount < 20)
    .processBatch<Uint8Array>((batch, out) => out.collect(arrow.tableToIPC(new arrow.Table([batch.toArrow(arrow)]))))
  const read = (await env.executeAndCollect(copies)).flatMap((bytes) => arrow.tableFromIPC(bytes).toArray())
  expect(read.map((row) => (row as { toJSON(): unknown }).toJSON())).toEqual(rows.filter(({ amount }) => amount < 20))
})

test('toArrow() says what it takes', async () => {
  const env = Millrace.local()
  env
    .fromElements(1)
    .processBatch((batch) => batch.toArrow({} as never))
    .forEach(() => {})
  await expect(env.execute()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('npm install apache-arrow') as string })
})

test('a computed column stands beside the others, untouched ones stay as they are', async () => {
  const env = Millrace.local()
  const stream = env
    .fromCollection(rows, schema)
    .filter((row) => row.amount < 20)
    .withColumn('half', t.double().nullable(), (row) => (row.amount === 1 ? null : row.amount / 2))
    .select('user', 'half')
  expect(await env.executeAndCollect(stream)).toEqual([
    { user: 'a', half: null },
    { user: 'b', half: 5 },
    { user: 'a', half: 1 },
    { user: 'a', half: 2 },
  ])
})

test('a batch function sends records to side outputs', async () => {
  const env = Millrace.local()
  const tag = new OutputTag<string>('big')
  const seen: string[] = []
  const big: string[] = []
  const users = env
    .fromCollection(rows, schema)
    .assignTimestampsAndWatermarks(byTime)
    .processBatch<string>((batch, out, context) => {
      const [user, amount] = [batch.column('user'), batch.column('amount').values as Int32Array]
      for (const row of batch.rows) {
        if (amount[row] >= 10) context.output(tag, `${context.operatorName} ${user.value(row) as string} ${amount[row]}`)
        else out.collect(user.value(row) as string)
      }
    })
    .name('Split')
  users.forEach((user) => seen.push(user))
  users.getSideOutput(tag).forEach((text) => big.push(text))
  await env.execute()
  expect(seen).toEqual(['a', 'a', 'a'])
  expect(big).toEqual(['Split b 10', 'Split b 20'])
})

test('window joins send late records of each side to a side output, and coGroups what their function sends', async () => {
  const env = Millrace.local()
  const [lateLeft, lateRight, lonely] = [new OutputTag('left', schema), new OutputTag('right', schema), new OutputTag<string>('lonely')]
  // A record that takes time far ahead, then one for a window that has passed.
  const input = (amounts: readonly number[]) =>
    env
      .fromCollection(
        amounts.map((amount) => ({ user: 'a', amount, at: amount })),
        schema,
      )
      .assignTimestampsAndWatermarks(byTime)
  env.set('millrace.batch.rows-max', 1)
  const groups = input([1, 100, 2])
    .coGroup(input([3, 20, 100, 4, 5]))
    .where('user')
    .equalTo('user')
    .window(TumblingEventTimeWindows.of(10))
    .sideOutputLeftLateData(lateLeft)
    .sideOutputRightLateData(lateRight)
    .apply<string>({
      coGroup(left, right, out, context) {
        if (left.length === 0 || right.length === 0) context.output(lonely, `${left.length} ${right.length} at ${String((context.window as TimeWindow).start)}`)
        else out.collect(`${left.length} ${right.length}`)
      },
    })
  const seen: Record<string, unknown[]> = { groups: [], left: [], right: [], lonely: [] }
  groups.forEach((text) => seen['groups'].push(text))
  groups.getSideOutput(lateLeft).forEach((row) => seen['left'].push(row.amount))
  groups.getSideOutput(lateRight).forEach((row) => seen['right'].push(row.amount))
  groups.getSideOutput(lonely).forEach((text) => seen['lonely'].push(text))
  await env.execute()
  expect(seen).toEqual({ groups: ['1 1', '1 1'], left: [2], right: [4, 5], lonely: ['0 1 at 20'] })
})
