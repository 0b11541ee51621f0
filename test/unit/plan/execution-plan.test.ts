import { describe, expect, test } from 'vitest'
import { type LocalEnvironment, Millrace } from '../../../src/api/datastream/millrace.ts'
import { PlanError } from '../../../src/base/errors.ts'
import { availableCores } from '../../../src/base/platform.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { blackholeSink } from '../../../src/connector/blackhole-sink.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { count } from '../../../src/operator/window/slice-aggregates.ts'
import { type ExecutionPlan, formatPlan, planJob, type PlanOptions } from '../../../src/plan/execution-plan.ts'
import { runJob } from '../../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const click = defineSchema({ user: t.string(), page: t.int(), at: t.timestamp(3) })
const clicks = [{ user: 'ann', page: 1, at: 5 }]
const byTime = WatermarkStrategy.forMonotonousTimestamps<(typeof clicks)[number]>().withTimestampAssigner('at')
const sink = blackholeSink

type Program = (env: LocalEnvironment) => void

function planOf(program: Program, options: Partial<PlanOptions> = {}): ExecutionPlan {
  const env = Millrace.local()
  program(env)
  return planJob(env.graph, { jobName: 'job', parallelism: 2, maxParallelism: undefined, ...options })
}

/** Tasks as the names of their operators. */
const tasksOf = ({ tasks }: ExecutionPlan): string[] => tasks.map(({ name }) => name)
const exchangesOf = ({ exchanges }: ExecutionPlan): string[] => exchanges.map(({ fromTask, toTask, partitioner }) => `${fromTask} ${partitioner} ${toTask}`)
const operatorOf = ({ tasks }: ExecutionPlan, name: string) => tasks.flatMap(({ operators }) => operators).find((operator) => operator.name === name)!

const reading: Program = (env) =>
  void env
    .fromCollection(clicks, click)
    .rebalance()
    .map((row) => row.page)
    .name('Page')
    .filter((page) => page > 0)
    .name('Positive')
    .sinkTo(sink())
const counting: Program = (env) => void env.fromCollection(clicks, click).keyBy('user').sum('page').name('Sum').sinkTo(sink())

describe('planJob() chains', () => {
  test('operators of one parallelism that records pass straight through, and no others', () => {
    const plan = planOf(reading)
    expect(tasksOf(plan)).toEqual(['Collection', 'Page, Positive -> Blackhole'])
    expect(exchangesOf(plan)).toEqual(['0 rebalance 1'])
    expect(plan.tasks.map(({ parallelism }) => parallelism)).toEqual([1, 2])
    expect(plan.workers).toBe(2)
  })

  test('across any partitioner between two single subtasks', () => {
    const plan = planOf(counting, { parallelism: 1 })
    expect(tasksOf(plan)).toEqual(['Collection -> Sum -> Blackhole'])
    expect(exchangesOf(plan)).toEqual([])
  })

  test('nothing to an operator that wants no chain, or that has several inputs', () => {
    const program: Program = (env) => {
      const [left, right] = [env.fromElements(1), env.fromElements(2)]
      left
        .union(right)
        .map((value) => value + 1)
        .name('Union')
        .map((value) => value)
        .name('Alone')
        .disableChaining()
        .sinkTo(sink())
    }
    expect(tasksOf(planOf(program, { parallelism: 1 }))).toEqual(['Collection', 'Collection', 'Union', 'Alone', 'Blackhole'])
  })

  test('functions into one loop as long as values pass as they are', () => {
    const program: Program = (env) => {
      env
        .fromElements(1)
        .map((value) => ({ value }))
        .name('A')
        .filter(() => true)
        .name('B')
        .map((row) => row)
        .name('C')
        .returns(defineSchema({ value: t.int() }))
        .map((row) => row.value)
        .name('D')
        .sinkTo(sink())
    }
    expect(tasksOf(planOf(program, { parallelism: 1 }))).toEqual(['Collection -> A, B, C -> D -> Blackhole'])
  })

  test('a forward edge between different parallelisms as a rebalance', () => {
    const program: Program = (env) =>
      void env
        .fromElements(1)
        .map((value) => value)
        .setParallelism(2)
        .sinkTo(sink())
    expect(exchangesOf(planOf(program))).toEqual(['0 rebalance 1'])
  })
})

describe('planJob() gives windows over all keys one subtask', () => {
  const overAll =
    (windows: number | undefined, behind: number | undefined): Program =>
    (env) => {
      const counts = env
        .fromCollection(clicks, click)
        .assignTimestampsAndWatermarks(byTime)
        .rebalance()
        .map((row) => row)
        .returns(click)
        .windowAll(TumblingEventTimeWindows.of(10))
        .aggregate({ rows: count() })
        .name('All')
      if (windows !== undefined) counts.setParallelism(windows)
      const told = counts.map(({ rows }) => rows).name('Told')
      if (behind !== undefined) told.setParallelism(behind)
      told
        .keyBy((rows) => rows)
        .reduce((left) => left)
        .name('Keyed')
        .sinkTo(sink())
    }
  const parallelismOf = (plan: ExecutionPlan, name: string): number =>
    plan.tasks.find(({ operators }) => operators.some((operator) => operator.name === name))!.parallelism

  test('and what follows in their order, up to the next key', () => {
    const plan = planOf(overAll(undefined, undefined))
    expect(['All', 'Told', 'Keyed'].map((name) => parallelismOf(plan, name))).toEqual([1, 1, 2])
    expect(parallelismOf(planOf(overAll(1, 2)), 'Told')).toBe(2)
  })

  test('and refuses another parallelism for them', () => {
    expect(() => planOf(overAll(2, undefined))).toThrow(
      expect.objectContaining({
        code: 'INVALID_PARALLELISM',
        message: `Cannot run "All" with parallelism 2: all of its state is one key's, so it has one subtask`,
      }) as Error,
    )
  })
})

describe('planJob() finds the watermarks that consumers see', () => {
  const windows = (...makers: (() => TumblingEventTimeWindows | SlidingEventTimeWindows)[]): Program => {
    return (env) => {
      const stream = env.fromCollection(clicks, click).assignTimestampsAndWatermarks(byTime)
      for (const make of makers) stream.keyBy('user').window(make()).aggregate({ n: count() }).sinkTo(sink())
    }
  }
  const gridOf = (program: Program) => operatorOf(planOf(program, { parallelism: 1 }), 'Timestamps/Watermarks').grid

  test('at the borders of one window', () => {
    expect(gridOf(windows(() => TumblingEventTimeWindows.of(10_000, 3_000)))).toEqual({ kind: 'grid', periodMs: 10_000, offsetMs: 3_000 })
    expect(gridOf(windows(() => SlidingEventTimeWindows.of(25_000, 10_000)))).toEqual({ kind: 'grid', periodMs: 10_000, offsetMs: 5_000 })
  })

  test('at the borders of all of several: the greatest common divisor of periods and of the distance of offsets', () => {
    const ten = () => TumblingEventTimeWindows.of(10_000)
    expect(gridOf(windows(ten, () => TumblingEventTimeWindows.of(15_000)))).toEqual({ kind: 'grid', periodMs: 5_000, offsetMs: 0 })
    expect(gridOf(windows(ten, () => TumblingEventTimeWindows.of(10_000, 4_000)))).toEqual({ kind: 'grid', periodMs: 2_000, offsetMs: 0 })
    expect(gridOf(windows(ten, ten))).toEqual({ kind: 'grid', periodMs: 10_000, offsetMs: 0 })
  })

  test('every one with sessions behind, none with nobody', () => {
    const sessions: Program = (env) => {
      const stream = env.fromCollection(clicks, click).assignTimestampsAndWatermarks(byTime).keyBy('user')
      stream.window(TumblingEventTimeWindows.of(10_000)).aggregate({ n: count() }).sinkTo(sink())
      stream
        .window(EventTimeSessionWindows.withGap(5))
        .apply((user) => [user])
        .sinkTo(sink())
    }
    expect(gridOf(sessions)).toEqual({ kind: 'every' })
    expect(gridOf((env) => void env.fromCollection(clicks, click).assignTimestampsAndWatermarks(byTime).sinkTo(sink()))).toEqual({ kind: 'none' })
  })
})

describe('a max parallelism', () => {
  const twoSums =
    (first: number | undefined, second: number | undefined): Program =>
    (env) => {
      const sums = env.fromCollection(clicks, click).keyBy('user').sum('page').name('First')
      if (first !== undefined) sums.setMaxParallelism(first)
      const again = sums.keyBy('page').sum('page').name('Second')
      if (second !== undefined) again.setMaxParallelism(second)
      again.sinkTo(sink())
    }

  test.each([1, 2])('belongs to its operator and the exchange in front of it, at parallelism %i', (parallelism) => {
    const plan = planOf(twoSums(64, 32), { parallelism })
    expect(['First', 'Second', 'Blackhole'].map((name) => operatorOf(plan, name).maxParallelism)).toEqual([64, 32, 128])
    expect(plan.exchanges.filter(({ partitioner }) => partitioner === 'hash').map(({ maxParallelism }) => maxParallelism)).toEqual(
      parallelism === 1 ? [] : [64, 32],
    )
    expect(plan.exchanges.filter(({ partitioner }) => partitioner !== 'hash').every(({ maxParallelism }) => maxParallelism === undefined)).toBe(true)
  })

  test('is the one of the job where an operator sets none, and 128 where nobody does', () => {
    const plan = planOf(twoSums(64, undefined), { maxParallelism: 256 })
    expect([plan.maxParallelism, operatorOf(plan, 'First').maxParallelism, operatorOf(plan, 'Second').maxParallelism]).toEqual([256, 64, 256])
    expect(planOf(twoSums(undefined, undefined)).maxParallelism).toBe(128)
  })

  // Others do not bear as many workers.
  test.runIf(availableCores() > 32)('is the parallelism where nobody sets one and that is above 128', () => {
    expect(planOf(twoSums(undefined, undefined), { parallelism: 129 }).maxParallelism).toBe(129)
  })

  test('below the parallelism, or out of range, is refused with advice', () => {
    const refuse = (program: Program, options: Partial<PlanOptions>) => (): unknown => planOf(program, options)
    expect(refuse(twoSums(64, 3), { parallelism: 4 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_PARALLELISM',
        message: 'Cannot run "Second" with parallelism 4: its max parallelism is 3',
        hint: expect.stringContaining('Lower the parallelism, or raise the max parallelism') as string,
      }) as Error,
    )
    expect(refuse(counting, { parallelism: 4, maxParallelism: 3 })).toThrow('its max parallelism is 3')
    for (const value of [0, 1.5, 32_769, Number.NaN]) expect(refuse(counting, { maxParallelism: value })).toThrow('it must be an integer in 1..32768')
  })

  test('changes no answer, however operators are chained', async () => {
    const words = Array.from({ length: 300 }, (_, index) => ({ user: `u${index % 17}`, page: index % 5, at: index }))
    const answers = []
    for (const parallelism of [1, 2]) {
      const env = Millrace.local()
      env.fromCollection(words, click).keyBy('user').sum('page').setMaxParallelism(7).keyBy('page').sum('page').setMaxParallelism(3).output('sums')
      const { outputs } = await runJob(env, { parallelism })
      answers.push(outputs.get('sums')!.length)
    }
    expect(answers).toEqual([300, 300])
  })
})

describe('a plan', () => {
  test('is frozen all the way down', () => {
    const plan = planOf((env) => {
      const stream = env.fromCollection(clicks, click).assignTimestampsAndWatermarks(byTime).keyBy('user')
      stream.window(TumblingEventTimeWindows.of(10_000)).aggregate({ n: count() }).sinkTo(sink())
    })
    const loose: string[] = []
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return
      if (!Object.isFrozen(value)) loose.push(path)
      for (const [name, part] of Object.entries(value)) visit(part, `${path}.${name}`)
    }
    visit(plan, 'plan')
    expect(loose).toEqual([])
  })

  test('has one digest each time it is made, another one for anything that is different', () => {
    const { digest } = planOf(counting)
    expect(planOf(counting).digest).toBe(digest)
    const others = [
      planOf(counting, { jobName: 'other' }),
      planOf(counting, { parallelism: 3 }),
      planOf(counting, { maxParallelism: 64 }),
      planOf((env) => void env.fromCollection(clicks, click).keyBy('page').sum('page').name('Sum').sinkTo(sink())),
      planOf((env) => void env.fromCollection(clicks, click).keyBy('user').sum('page').name('Total').sinkTo(sink())),
      planOf((env) => void env.fromCollection(clicks, click).keyBy('user').sum('page').name('Sum').uid('sum').sinkTo(sink())),
      planOf((env) => void env.fromCollection(clicks, click).keyBy('user').sum('page').name('Sum').setMaxParallelism(64).sinkTo(sink())),
      planOf((env) => void env.fromCollection(clicks, click).keyBy('user').sum('page').name('Sum').disableChaining().sinkTo(sink()), { parallelism: 1 }),
      planOf(counting, { parallelism: 1 }),
    ]
    expect(new Set([digest, ...others.map((other) => other.digest)]).size).toBe(others.length + 1)
  })

  test('is refused without a sink, with one uid twice, with more subtasks than workers', () => {
    expect(() => planOf((env) => void env.fromElements(1))).toThrow(PlanError)
    expect(() => planOf((env) => void env.fromElements(1).uid('a').sinkTo(sink()).uid('a'))).toThrow(
      'Cannot give the uid "a" to "Blackhole": "Collection" has it already',
    )
    expect(() =>
      planOf(
        (env) =>
          void env
            .fromElements(1)
            .map((value) => value)
            .setParallelism(3)
            .sinkTo(sink()),
      ),
    ).toThrow('with parallelism 3: the job has 2 workers')
  })

  test('prints itself with what is not usual about it', () => {
    const env = Millrace.local()
    env
      .fromCollection(clicks, click)
      .assignTimestampsAndWatermarks(byTime)
      .keyBy('user')
      .window(TumblingEventTimeWindows.of(10_000, 500))
      .aggregate({ n: count() })
      .name('Count')
      .setMaxParallelism(64)
      .sinkTo(sink())
    const plan = planJob(env.graph, { jobName: 'job', parallelism: 2, maxParallelism: 256 })
    expect(formatPlan(plan, env.graph, () => 65_536).split('\n')).toEqual([
      'Job "job": 2 workers, 2 tasks, max parallelism 256',
      '',
      'Task 0: parallelism 1',
      '  Collection: 1 rows  [uid Collection#0]',
      '    (user STRING NOT NULL, page INT NOT NULL, at TIMESTAMP(3) NOT NULL)',
      '  Timestamps/Watermarks  [uid Timestamps/Watermarks#1]',
      '    watermarks: where they pass n * 10000 ms + 500 ms',
      '    (user STRING NOT NULL, page INT NOT NULL, at TIMESTAMP(3) NOT NULL)',
      '',
      'Task 1: parallelism 2',
      '  <- task 0, hash by user, rings of 64 KiB',
      '  Count  [uid Count#2, max parallelism 64]',
      '    (user STRING NOT NULL, windowStart TIMESTAMP(3) NOT NULL, windowEnd TIMESTAMP(3) NOT NULL, n BIGINT NOT NULL)',
      '  Blackhole: nothing is kept  [uid Blackhole#3]',
    ])
  })
})
