import { describe, expect, test, vi } from 'vitest'
import { Millrace } from '../../../src/api/datastream/millrace.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { runJob } from '../../../src/testing/run-job.ts'
import { keptBytes } from '../../fixtures/kept-bytes.ts'

describe('execute()', () => {
  test('runs each sink once, however often it is called', async () => {
    const env = Millrace.local()
    const seen: string[] = []
    const numbers = env.fromElements(1, 2).map((number) => {
      seen.push(`map ${number}`)
      return number
    })
    numbers.forEach((number) => seen.push(`first ${number}`))
    await env.execute()
    // How many rows go at once is a matter of time.
    const of = (who: string): string[] => seen.filter((one) => one.startsWith(who))
    expect([...of('map'), ...of('first')]).toEqual(['map 1', 'map 2', 'first 1', 'first 2'])
    expect(seen.splice(0).length).toBe(4)
    numbers.forEach((number) => seen.push(`second ${number}`))
    await env.execute()
    expect([...of('map'), ...of('second')]).toEqual(['map 1', 'map 2', 'second 1', 'second 2'])
    expect(seen.length).toBe(4)
  })

  test('takes the sinks of a job that fails too, and leaves out what leads to no new sink', async () => {
    const env = Millrace.local()
    const failing = env.fromElements(1).map(() => {
      throw new RangeError('no')
    })
    failing.forEach(() => {})
    await expect(env.execute()).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
    expect(await env.executeAndCollect(env.fromElements(3))).toEqual([3])
    await expect(env.execute()).rejects.toMatchObject({ code: 'NO_SINK' })
  })

  test('tells what functions log on standard error, unless the program takes it', async () => {
    const written: unknown[] = []
    const standardError = vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(text) > 0)
    try {
      const env = Millrace.local()
      const logging = env.fromElements(1).process<number>({ processElement: (value, context) => context.log(`saw ${value}`) })
      logging.forEach(() => {})
      await env.execute()
      expect(written).toEqual(['[Process #0] saw 1\n'])
      logging.forEach(() => {})
      const taken: unknown[] = []
      await env.execute({ onLog: (...line) => taken.push(line) })
      expect(taken).toEqual([['Process', 0, 'saw 1']])
      expect(written).toHaveLength(1)
    } finally {
      standardError.mockRestore()
    }
  })

  test('refuses named inputs and outputs, which nobody could use, with advice', async () => {
    const env = Millrace.local()
    env.input<number>('numbers').forEach(() => {})
    await expect(env.execute()).rejects.toMatchObject({ code: 'INVALID_LOCAL_JOB', hint: expect.stringContaining('executeAsync') as string })
    env.fromElements(1).output('ones')
    await expect(env.execute()).rejects.toMatchObject({ code: 'INVALID_LOCAL_JOB', message: expect.stringContaining('"ones"') as string })
  })

  test('refuses a parallelism in which subtasks would share closures', async () => {
    const env = Millrace.local().setParallelism(2)
    env.fromElements(1).forEach(() => {})
    await expect(env.execute()).rejects.toMatchObject({ code: 'INVALID_PARALLELISM', hint: expect.stringContaining('runJob') as string })
  })

  test('throws the reason of its signal', async () => {
    const env = Millrace.local()
    const abortion = new AbortController()
    env
      .fromAsyncIterable(async function* () {
        yield 1
        await new Promise(() => {})
      })
      .forEach(() => abortion.abort(new RangeError('enough')))
    await expect(env.execute({ signal: abortion.signal })).rejects.toThrow('enough')
    env.fromElements(1).forEach(() => {})
    await expect(env.execute({ signal: abortion.signal })).rejects.toThrow('enough')
  })
})

describe('executeAsync()', () => {
  const schema = defineSchema({ id: t.int(), name: t.string() })

  test('takes what is pushed and hands out what comes, as rows of the schema', async () => {
    const env = Millrace.local()
    env
      .input('people', schema)
      .filter(({ id }) => id % 2 === 0)
      .output('even')
    const job = env.executeAsync({ name: 'people' })
    const even: string[] = []
    const subscription = job.output('even', schema).subscribe(({ id, name }) => void even.push(`${name}${id}`))
    const people = job.input('people', schema)
    for (let id = 0; id < 5; id++) await people.push({ id, name: 'p' })
    await people.end()
    await subscription
    expect(even).toEqual(['p0', 'p2', 'p4'])
    expect(await job.result).toMatchObject({ state: 'finished' })
    await expect(people.push({ id: 6, name: 'late' })).rejects.toMatchObject({ code: 'JOB_ENDED' })
  })

  test('names inputs and outputs that the job does not have, or has with other columns', async () => {
    const env = Millrace.local()
    env.input('people', schema).output('all')
    const job = env.executeAsync()
    const other = defineSchema({ id: t.int() })
    const next = (records: AsyncIterable<unknown>) => records[Symbol.asyncIterator]().next()
    await expect(next(job.output('some'))).rejects.toMatchObject({ code: 'UNKNOWN_OUTPUT', message: expect.stringContaining('"all"') as string })
    await expect(job.input('animals').push(1)).rejects.toMatchObject({ code: 'UNKNOWN_INPUT' })
    await expect(job.input('people', other).push({ id: 1 })).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
    await job.cancel()
    expect(await job.result).toMatchObject({ state: 'cancelled' })
  })

  test('a subscription whose function is slow holds the job back, one whose function throws cancels it', async () => {
    const env = Millrace.local()
    env.fromElements(...Array.from({ length: 100 }, (_, number) => number)).output('numbers')
    const job = env.executeAsync()
    let running = 0
    const seen: number[] = []
    await job.output<number>('numbers').subscribe(async (number) => {
      expect(++running).toBe(1)
      await new Promise(setImmediate)
      running--
      seen.push(number)
    })
    expect(seen).toHaveLength(100)

    env.input('forever').output('echo')
    const endless = env.executeAsync()
    const failing = endless.output('echo').subscribe(() => {
      throw new RangeError('enough')
    })
    await endless.input('forever').push(1)
    await expect(failing).rejects.toThrow('enough')
    expect(await endless.result).toMatchObject({ state: 'cancelled' })
  })

  test('a running job keeps nothing of what was pushed and taken', async () => {
    const env = Millrace.local()
    env
      .input('numbers')
      .filter(() => false)
      .output('none')
    await using job = env.executeAsync()
    const push = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number += 100) await Promise.all(Array.from({ length: 100 }, () => job.input('numbers').push(number)))
    }
    await push(1000)
    expect(await keptBytes(() => push(30_000))).toBeLessThan(5_000_000)
  })

  test('leaving a for await cancels the job, and so does disposing of it', async () => {
    const env = Millrace.local()
    env.input('numbers').output('numbers')
    const job = env.executeAsync()
    await job.input('numbers').push(1)
    for await (const number of job.output('numbers')) {
      expect(number).toBe(1)
      break
    }
    expect(await job.result).toMatchObject({ state: 'cancelled' })
    env.input('again').output('again')
    const second = env.executeAsync()
    await second[Symbol.asyncDispose]()
    expect(await second.result).toMatchObject({ state: 'cancelled' })
  })

  test('an output fails with what failed the job', async () => {
    const env = Millrace.local()
    env
      .fromElements(1)
      .map(() => {
        throw new RangeError('no')
      })
      .output('out')
    const job = env.executeAsync()
    await expect(job.output('out').subscribe(() => {})).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
    await expect(job.result).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
  })
})

describe('development checks', () => {
  const schema = defineSchema({ id: t.int() })
  const rows = [{ id: 1 }, { id: 2 }]

  test('a row that is kept throws in runJob and in a local environment under a test runner, unless they are told otherwise', async () => {
    const keep = (env: Parameters<Extract<Parameters<typeof runJob>[0], (env: never, params: never) => unknown>>[0]): void => {
      const kept: { id: number }[] = []
      env
        .fromCollection(rows, schema)
        .map((row) => kept.push(row) + kept[0].id)
        .forEach(() => {})
    }
    await expect(runJob(keep)).rejects.toMatchObject({ code: 'ROW_RETAINED' })
    await runJob(keep, { options: { 'millrace.dev': 'false' } })
    const local = Millrace.local()
    keep(local)
    await expect(local.execute()).rejects.toMatchObject({ code: 'ROW_RETAINED' })
    const unchecked = Millrace.local({ dev: false })
    keep(unchecked)
    await unchecked.execute()
  })
})

describe('explain()', () => {
  test('returns the plan of what the next execution runs, and leaves it to that', async () => {
    const env = Millrace.local()
    const words = env.fromElements('to', 'be')
    const lengths: number[] = []
    words.map((word) => word.length).forEach((length) => lengths.push(length))
    const text = env.explain({ name: 'lengths' })
    expect(text).toMatch(
      /^Job "lengths": 1 worker, 1 task\n\nTask 0: parallelism 1\n {2}Collection: 2 values {2}\[uid .*\n[^]*\n {2}Map {2}\[uid [^]*\n\nRuns on the calling thread/,
    )
    expect(env.explain({ name: 'lengths' })).toBe(text)
    expect(lengths).toEqual([])
    await env.execute()
    expect(lengths).toEqual([2, 2])
    expect(() => env.explain()).toThrow(expect.objectContaining({ code: 'NO_SINK' }))
  })

  test('shows how records are exchanged, and refuses what could not be executed', () => {
    const env = Millrace.local()
    env.fromElements(1, 2).union(env.fromElements(3)).print()
    expect(env.explain()).toMatch(/ {2}<- task 0, forward, rings of \d+ KiB/)
    expect(() => env.setParallelism(2).explain()).toThrow(expect.objectContaining({ code: 'INVALID_PARALLELISM' }))
  })
})

describe('metrics of a handle', () => {
  test('are those of the job while it runs, and stay once it has ended', async () => {
    const env = Millrace.local()
    env
      .input<number>('numbers')
      .filter((number) => number > 1)
      .output('large')
    const job = env.executeAsync()
    const large = job.output<number>('large')[Symbol.asyncIterator]()
    expect(job.metrics.tasks.map(({ rowsOut }) => rowsOut)).toEqual([0])
    await job.input('numbers').push(1)
    await job.input('numbers').push(2)
    expect(await large.next()).toEqual({ done: false, value: 2 })
    const [{ operators }] = job.metrics.tasks
    expect(operators.map(({ rowsIn }) => rowsIn)).toEqual([2, 2, 1])
    expect(job.metrics.latency).toBeUndefined()
    await job.input('numbers').end()
    const { state, metrics } = await job.result
    expect({ state, ended: metrics.tasks[0].ended }).toEqual({ state: 'finished', ended: true })
    expect(job.metrics).toBe(metrics)
  })

  test('tell the latency where it is measured, and are there for a job that fails', async () => {
    const env = Millrace.local().set('metrics.latency.interval', 1)
    env.fromElements(1).forEach(() => {})
    expect((await env.executeAsync().result).metrics.latency).toMatchObject({ count: expect.any(Number) as number })
    env.fromElements(1, 2).forEach((number) => {
      if (number === 2) throw new RangeError('no')
    })
    const failing = env.executeAsync()
    await expect(failing.result).rejects.toThrow('no')
    expect(failing.metrics.workers).toHaveLength(1)
  })
})
