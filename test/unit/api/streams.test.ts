import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { defineJob } from '../../../src/api/datastream/job.ts'
import { Millrace } from '../../../src/api/datastream/millrace.ts'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { CumulativeEventTimeWindows, TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { count } from '../../../src/operator/window/slice-aggregates.ts'
import { formatPlan, planJob } from '../../../src/plan/execution-plan.ts'
import { type ValueState, valueState } from '../../../src/state/state.ts'
import { runJob } from '../../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const schema = defineSchema({ user: t.string(), amount: t.int(), at: t.timestamp(3) })
interface Row {
  readonly user: string
  readonly amount: number
  readonly at: number
}
const rows: readonly Row[] = Array.from({ length: 40 }, (_, index) => ({ user: `u${index % 3}`, amount: index, at: index }))
const text = (records: Iterable<unknown> | undefined): string[] => [...(records ?? [])].map((record) => JSON.stringify(record)).sort()
const byTime = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

describe.each([
  ['columns', (row: Row) => row.user],
  ['a function', (row: Row) => row.user.length + row.user],
] as const)('a stream keyed by %s', (by, selector) => {
  const keyed = (env: StreamExecutionEnvironment) => {
    const stream = env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime)
    return by === 'columns' ? stream.keyBy('user') : stream.keyBy(selector)
  }

  test.each([1, 2])('does what every stream does, with the records as they are (parallelism %i)', async (parallelism) => {
    const { outputs } = await runJob(
      (env) => {
        const stream = keyed(env)
        stream.map((row) => ({ ...row })).output('map')
        stream.filter((row) => row.amount % 2 === 0).output('filter')
        stream.flatMap((row) => [row.amount, -row.amount]).output('flatMap')
        stream.select('amount').output('select')
        stream.union(env.fromCollection(rows, schema)).output('union')
        stream.rebalance().output('rebalance')
        stream
          .keyBy((row) => row.amount % 5)
          .reduce((left) => left)
          .output('keyed again')
        stream
          .keyBy('amount')
          .reduce((left) => left)
          .output('keyed by column')
        stream.output('output')
        stream
          .countWindowAll(10)
          .apply((_key, _window, records) => [records.length])
          .output('ten')
      },
      { parallelism },
    )
    expect(text(outputs.get('map'))).toEqual(text(rows))
    expect(text(outputs.get('filter'))).toEqual(text(rows.filter(({ amount }) => amount % 2 === 0)))
    expect(text(outputs.get('flatMap'))).toEqual(text(rows.flatMap(({ amount }) => [amount, -amount])))
    expect(text(outputs.get('select'))).toEqual(text(rows.map(({ amount }) => ({ amount }))))
    expect(text(outputs.get('union'))).toEqual(text([...rows, ...rows]))
    for (const name of ['rebalance', 'output', 'keyed by column']) expect(text(outputs.get(name)), name).toEqual(text(rows))
    const firsts = (outputs.get('keyed again') as Row[]).map(({ amount }) => amount % 5)
    expect(text(firsts)).toEqual(text(rows.map(({ amount }) => amount % 5)))
    expect(outputs.get('ten')).toEqual([10, 10, 10, 10])
  })

  test.each([1, 2])('gives functions with a life cycle the state of the key, each subtask its own (parallelism %i)', async (parallelism) => {
    const log: string[] = []
    const seen = valueState('seen', t.int())
    const opened = (context: { getState(descriptor: typeof seen): ValueState<number> }): { next(): number } => {
      const state = context.getState(seen)
      log.push('open')
      return {
        next() {
          const next = (state.value() ?? 0) + 1
          state.update(next)
          return next
        },
      }
    }
    const { outputs } = await runJob(
      (env) => {
        const stream = keyed(env)
        let mapped: ReturnType<typeof opened>
        let filtered: ReturnType<typeof opened>
        let flat: ReturnType<typeof opened>
        stream
          .map({
            open: (context) => void (mapped = opened(context)),
            map: (row) => ({ user: row.user, nth: mapped.next() }),
            close: () => void log.push('close'),
          })
          .returns({ user: t.string(), nth: t.int() })
          .output('map')
        stream.filter({ open: (context) => void (filtered = opened(context)), filter: () => filtered.next() === 2 }).output('filter')
        stream
          .flatMap<string>({ open: (context) => void (flat = opened(context)), flatMap: (row) => (flat.next() === 1 ? [row.user] : undefined) })
          .output('flatMap')
      },
      { parallelism },
    )
    const nth = rows.map(({ user }, index) => ({ user, nth: Math.floor(index / 3) + 1 }))
    expect(text(outputs.get('map'))).toEqual(text(nth))
    expect(text(outputs.get('filter'))).toEqual(text(rows.slice(3, 6)))
    expect(text(outputs.get('flatMap'))).toEqual(text(['u0', 'u1', 'u2']))
    expect(log.filter((line) => line === 'open')).toHaveLength(3 * parallelism)
    expect(log.filter((line) => line === 'close')).toHaveLength(parallelism)
  })
})

test('functions with a life cycle are opened and closed on streams without keys too, and keep rows and their time', async () => {
  const log: string[] = []
  const { outputs } = await runJob((env) => {
    const stream = env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime)
    stream
      .filter({ open: ({ operatorName }) => void log.push(`open ${operatorName}`), filter: (row) => row.amount < 3, close: () => void log.push('close') })
      .process<string>({ processElement: (row, context, out) => out.collect(`${row.user}@${context.timestamp()}`) })
      .output('timed')
  })
  expect(outputs.get('timed')).toEqual(['u0@0', 'u1@1', 'u2@2'])
  expect(log).toEqual(['open Filter', 'close'])
})

test.each([1, 2])('what was opened is closed when a later function cannot be, and the first failure is the one told (parallelism %i)', async (parallelism) => {
  const log: string[] = []
  const opened = runJob(
    (env) => {
      env
        .fromCollection(rows, schema)
        .map({
          open: () => void log.push('open'),
          map: (row) => row.user,
          close: () => {
            log.push('close')
            throw new Error('second')
          },
        })
        .rebalance()
        .map({
          open: () => {
            throw new Error('first')
          },
          map: (user) => user,
        })
        .output('never')
    },
    { parallelism },
  )
  await expect(opened).rejects.toThrow('first')
  expect(log.filter((line) => line === 'close')).toHaveLength(log.filter((line) => line === 'open').length)
  expect(log).toContain('close')
  const failed = runJob((env) => {
    env
      .fromCollection(rows, schema)
      .map({
        map: () => {
          throw new Error('first')
        },
        close: () => {
          throw new Error('second')
        },
      })
      .output('never')
  })
  await expect(failed).rejects.toThrow('first')
})

test('a function key leads to the operator behind it, however parallel that is', () => {
  const env = new StreamExecutionEnvironment()
  const keyed = env.fromCollection(rows, schema).keyBy((row) => row.user.length)
  keyed
    .map((row) => row.amount)
    .setParallelism(2)
    .output('two')
  keyed
    .filter((row) => row.amount > 1)
    .setMaxParallelism(1000)
    .output('all')
  keyed.assignTimestampsAndWatermarks(byTime).output('timed')
  const { exchanges, tasks } = planJob(env.graph, { jobName: 'test', parallelism: 4, maxParallelism: undefined })
  const hashed = exchanges.filter(({ partitioner }) => partitioner === 'hash').map(({ toTask, maxParallelism }) => ({ task: tasks[toTask], maxParallelism }))
  expect(hashed.map(({ task, maxParallelism }) => [task.parallelism, maxParallelism, task.operators[1].name])).toEqual([
    [2, 128, 'Map'],
    [4, 1000, 'Filter'],
    [4, 128, 'Timestamps/Watermarks'],
  ])
})

test.each([4, Number.NaN, -1, '1', undefined])('a partition function that returns %s fails the job, and names the operator', async (partition) => {
  const run = runJob(
    (env) =>
      void env
        .fromCollection(rows, schema)
        .partitionCustom(() => partition as number)
        .map((row) => row.amount)
        .output('amounts'),
    { parallelism: 2 },
  )
  await expect(run).rejects.toMatchObject({ code: 'PARTITION_OUT_OF_RANGE', message: expect.stringContaining('Map') as string })
})

test.each([
  ['one subtask to one', 1, 1],
  ['two subtasks to one', 2, 1],
])('a partition function is called from %s, and held to its range', async (_, parallelism, target) => {
  const job = (partition: (amount: number, count: number) => number) =>
    runJob(
      (env) =>
        void env
          .fromCollection(rows, schema)
          .map((row) => row.amount)
          .partitionCustom(partition)
          .map((amount) => amount)
          .setParallelism(target)
          .output('amounts'),
      { parallelism },
    )
  await expect(job((amount, count) => (amount === rows.at(-1)!.amount ? count : 0))).rejects.toMatchObject({ code: 'PARTITION_OUT_OF_RANGE' })
  const thrown = job(() => {
    throw new RangeError('no place')
  })
  await expect(thrown).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
  const { outputs } = await job((_amount, count) => count - 1)
  expect(text(outputs.get('amounts'))).toEqual(text(rows.map(({ amount }) => amount)))
})

test('a partition function of a local environment is called', async () => {
  const env = Millrace.local()
  env
    .fromCollection([1, 2])
    .partitionCustom((value) => value)
    .forEach(() => undefined)
  await expect(env.execute()).rejects.toMatchObject({ code: 'PARTITION_OUT_OF_RANGE' })
})

test('an output without records is empty', async () => {
  const { outputs } = await runJob(
    (env) =>
      void env
        .fromCollection(rows, schema)
        .filter(() => false)
        .output('none'),
  )
  expect(outputs.get('none')).toEqual([])
})

test('records without columns are keyed by their members, but for built-in aggregates', async () => {
  const { outputs } = await runJob((env) => {
    const stream = env.fromCollection(rows).map(({ user, amount }) => ({ user, even: amount % 2 === 0, amount }))
    stream
      .keyBy('user')
      .reduce((left, right) => ({ ...right, amount: left.amount + right.amount }))
      .output('one')
    stream
      .keyBy('user', 'even')
      .process<string>({ processElement: (_record, context, out) => out.collect(JSON.stringify(context.getCurrentKey())) })
      .output('two')
  })
  const last = (outputs.get('one') as Row[]).findLast(({ user }) => user === 'u1')
  expect(last?.amount).toBe(rows.filter(({ user }) => user === 'u1').reduce((sum, { amount }) => sum + amount, 0))
  expect(new Set(outputs.get('two'))).toEqual(new Set(['u0', 'u1', 'u2'].flatMap((user) => [`["${user}",true]`, `["${user}",false]`])))
  const windows = new StreamExecutionEnvironment()
    .fromCollection(rows)
    .map((row) => row)
    .keyBy('user')
    .window(TumblingEventTimeWindows.of(10))
  expect(() => windows.aggregate({ rows: count() })).toThrow(
    expect.objectContaining({ code: 'INVALID_AGGREGATE', hint: expect.stringContaining('returns') as string }),
  )
})

test('a keyed stream has the side outputs of the operator in front of it, and no settings of its own', async () => {
  const odd = new OutputTag<number>('odd')
  const { outputs } = await runJob((env) => {
    const keyed = env
      .fromElements(1, 2, 3)
      .process<number>({ processElement: (value, context, out) => (value % 2 === 1 ? context.output(odd, value) : out.collect(value)) })
      .keyBy((value) => value)
    keyed.getSideOutput(odd).output('odd')
    keyed.output('even')
    expect(() => keyed.name('x')).toThrow(expect.objectContaining({ code: 'INVALID_SETTING' }))
  })
  expect([outputs.get('odd'), outputs.get('even')]).toEqual([[1, 3], [2]])
})

describe('two streams', () => {
  const people = defineSchema({ name: t.string(), born: t.timestamp(3) })
  const persons = [
    { name: 'u0', born: 5 },
    { name: 'u1', born: 6 },
    { name: 'u9', born: 7 },
  ]
  const both = (env: StreamExecutionEnvironment) => ({
    left: env.fromCollection(rows, schema).assignTimestampsAndWatermarks(byTime),
    right: env
      .fromCollection(persons, people)
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<(typeof persons)[number]>().withTimestampAssigner('born')),
  })

  test.each([1, 2])('are joined and brought together by key and window, keys of columns with keys of functions (parallelism %i)', async (parallelism) => {
    const windows = TumblingEventTimeWindows.of(10)
    const { outputs } = await runJob(
      (env) => {
        const { left, right } = both(env)
        const joined = left
          .join(right)
          .where('user')
          .equalTo((person) => person.name)
          .window(windows)
        joined.apply((row, person) => `${row.amount}${person.name}`).output('pairs')
        joined.apply<string>((row, person, out) => void (row.amount > 5 && (out.collect(person.name), out.collect(person.name)))).output('flat')
        left
          .coGroup(right)
          .where('user')
          .equalTo('name')
          .window(windows)
          .apply<string>({ coGroup: (first, second, out) => out.collect(`${first.length}:${second.map(({ name }) => name).join()}`) })
          .output('groups')
      },
      { parallelism },
    )
    expect(text(outputs.get('pairs'))).toEqual(text(['0u0', '3u0', '6u0', '9u0', '1u1', '4u1', '7u1']))
    expect(text(outputs.get('flat'))).toEqual(text(['u0', 'u0', 'u0', 'u0', 'u1', 'u1']))
    expect((outputs.get('groups') as string[]).filter((group) => !group.endsWith(':')).toSorted()).toEqual(['0:u9', '3:u1', '4:u0'])
  })

  test('are connected first and keyed then', async () => {
    // Records of both streams are counted in one state of their key.
    const met = valueState('met', t.int())
    const meet = (
      _record: unknown,
      context: { getCurrentKey(): unknown; getState(descriptor: typeof met): ValueState<number> },
      out: { collect(value: string): void },
    ) => {
      const state = context.getState(met)
      state.update((state.value() ?? 0) + 1)
      out.collect(`${String(context.getCurrentKey())} ${state.value()}`)
    }
    const { outputs } = await runJob((env) => {
      const { left, right } = both(env)
      const process = { processElement1: meet, processElement2: meet }
      left.connect(right).keyBy('user', 'name').process<string>(process).output('columns')
      left.connect(right).keyBy(['user'], ['name']).process<string>(process).output('lists')
      left
        .connect(right)
        .keyBy(
          (row) => row.user,
          (person) => person.name,
        )
        .process<string>(process)
        .output('functions')
    })
    for (const name of ['columns', 'lists', 'functions']) {
      const counted = ['u0 15', 'u1 14', 'u2 13', 'u9 1'].map((line) => line.split(' ') as [string, string])
      expect(outputs.get(name), name).toHaveLength(rows.length + persons.length)
      for (const [key, last] of counted) expect(outputs.get(name), name).toContain(`${key} ${last}`)
    }
  })
})

describe('plans', () => {
  const plan = (define: (env: StreamExecutionEnvironment) => void, parallelism: number = 2) => {
    const env = new StreamExecutionEnvironment()
    define(env)
    const planned = planJob(env.graph, { jobName: 'test', parallelism, maxParallelism: undefined })
    return { chains: planned.tasks.map(({ name }) => name), text: formatPlan(planned, env.graph) }
  }

  test('chains begin and end where they are told to', () => {
    const chains = (settings: (stream: ReturnType<StreamExecutionEnvironment['fromSequence']>) => typeof stream) =>
      plan((env) =>
        settings(env.fromSequence(1, 9).map((value) => value))
          .map((value) => value + 1)
          .name('Next')
          .print(),
      ).chains
    expect(chains((stream) => stream)).toEqual(['Sequence -> Map, Next -> Print'])
    expect(chains((stream) => stream.startNewChain())).toEqual(['Sequence', 'Map, Next -> Print'])
    expect(chains((stream) => stream.disableChaining())).toEqual(['Sequence', 'Map', 'Next -> Print'])
  })

  test('forward keeps subtasks together, and refuses another parallelism', () => {
    expect(plan((env) => env.fromSequence(1, 9).forward().print()).chains).toEqual(['Sequence -> Print'])
    expect(() => plan((env) => env.fromSequence(1, 9).forward().print().setParallelism(1))).toThrow(expect.objectContaining({ code: 'INVALID_PARTITION' }))
  })

  test('a description stands beside its operator', () => {
    expect(
      plan((env) =>
        env
          .fromSequence(1, 9)
          .map((value) => value)
          .setDescription('as they are')
          .print(),
      ).text,
    ).toContain('Map (as they are)')
  })

  test('shuffle spreads records evenly', async () => {
    const { outputs } = await runJob((env) => void env.fromSequence(1, 1000).shuffle().output('all'), { parallelism: 2, batchRowsMax: 10 })
    expect((outputs.get('all') as number[]).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
  })
})

describe('where streams come from', () => {
  test('fromData takes values, an array, an array with a schema', async () => {
    const env = Millrace.local()
    expect(await env.executeAndCollect(env.fromData(1, 2))).toEqual([1, 2])
    expect(await env.executeAndCollect(env.fromData([1, 2]))).toEqual([1, 2])
    expect(await env.executeAndCollect(env.fromData([1], [2]))).toEqual([[1], [2]])
    expect(await env.executeAndCollect(env.fromData(rows.slice(0, 2), schema).select('amount'))).toEqual([{ amount: 0 }, { amount: 1 }])
  })

  test.each([1, 2, 4])('fromSequence gives each number once, with both ends (parallelism %i)', async (parallelism) => {
    const { outputs } = await runJob((env) => void env.fromSequence(-5, 99_994).output('numbers'), { parallelism })
    expect((outputs.get('numbers') as number[]).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100_000 }, (_, index) => index - 5))
    expect(() => Millrace.local().fromSequence(2, 1)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  test('readTextFile gives the lines of a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-text-'))
    try {
      writeFileSync(join(folder, 'words.txt'), 'to be,\n"or"\n\n not')
      const env = Millrace.local()
      expect(await env.executeAndCollect(env.readTextFile(join(folder, 'words.txt')))).toEqual(['to be,', '"or"', '', ' not'])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('executeAndCollect() of a stream', () => {
  test('iterates over the records as they come', async () => {
    const seen: number[] = []
    for await (const value of Millrace.local().fromSequence(1, 3).executeAndCollect()) seen.push(value)
    expect(seen).toEqual([1, 2, 3])
  })

  test('is closed by leaving the loop, by close() before the first record, by disposing of it', async () => {
    const env = Millrace.local()
    let closed = 0
    const endless = () =>
      env
        .fromAsyncIterable(async function* () {
          for (let value = 0; ; value++) yield value
        })
        .map({ map: (value) => value, close: () => void closed++ })
        .executeAndCollect()
    for await (const value of endless()) if (value === 2) break
    expect(closed).toBe(1)
    await endless().close()
    expect(closed).toBe(2)
    {
      await using records = endless()
      expect(await records.next()).toEqual({ done: false, value: 0 })
    }
    expect(closed).toBe(3)
  })

  test('throws what fails the job, and says in a job module what to do instead', async () => {
    const failing = Millrace.local()
      .fromElements(1)
      .map(() => {
        throw new RangeError('no')
      })
    await expect(failing.executeAndCollect().next()).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
    expect(() => new StreamExecutionEnvironment().fromElements(1).executeAndCollect()).toThrow(
      expect.objectContaining({ code: 'INVALID_COLLECT', hint: expect.stringContaining('output') as string }),
    )
  })
})

test.each(['execute', 'executeAsync'])('%s() in the program of a job says who executes it', async (name) => {
  const program = (env: StreamExecutionEnvironment): void => {
    env.fromElements(1).output('numbers')
    ;(env as unknown as Record<string, () => void>)[name]()
  }
  const refusal = {
    code: 'INVALID_EXECUTE',
    message: 'Cannot execute the job here: its program only defines streams',
    hint: expect.stringContaining('engine.submit') as string,
  }
  await expect(runJob(program)).rejects.toMatchObject(refusal)
  await expect(defineJob(import.meta, program).build({})).rejects.toMatchObject(refusal)
})

test('windows of all records cumulate in one subtask', async () => {
  const { outputs } = await runJob(
    (env) =>
      void env
        .fromCollection(rows, schema)
        .assignTimestampsAndWatermarks(byTime)
        .keyBy('user')
        .windowAll(CumulativeEventTimeWindows.of(20, 10))
        .aggregate({ rows: count() })
        .output('counts'),
    { parallelism: 2 },
  )
  expect((outputs.get('counts') as { rows: number }[]).map((row) => row.rows)).toEqual([10, 20, 10, 20])
})
