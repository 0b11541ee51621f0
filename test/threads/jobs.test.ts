import { getEventListeners, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { Decimal, defineSchema, JobError, Millrace, PlanError, StateError, t, UserFunctionError } from 'millrace'
import { runJob } from 'millrace/testing'
import { describe, expect, test } from 'vitest'
import type { CoordinatorData } from '../../src/runtime/coordinator.ts'
import type { CoordinatorEvent, JobRequest, PushMessage } from '../../src/runtime/thread-messages.ts'
import { keptBytes } from '../fixtures/kept-bytes.ts'
import { collect, failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()

const text = (records: readonly unknown[]): string[] => records.map((record) => JSON.stringify(record)).sort()

describe('results', () => {
  test.each([1, 2])('windows over an exchange are those of the calling thread, with parallelism %i', async (parallelism) => {
    const params = { rows: 30_000 }
    const { default: job } = (await import(jobUrl('windows').href)) as { default: Parameters<typeof runJob>[0] }
    const local = await runJob(job, { params })
    const handle = engine().submit(jobUrl('windows'), { params, parallelism })
    const [windows, late] = await Promise.all([collect(handle.output('windows')), collect(handle.output('late')), handle.result])
    expect(text(windows)).toEqual(text(local.outputs.get('windows')!))
    expect(text(late)).toEqual(text(local.outputs.get('late')!))
    expect(late.length).toBeGreaterThan(100)
    const { state, metrics } = await handle.result
    expect(state).toBe('finished')
    expect(metrics.tasks.reduce((sum, task) => sum + task.lateRecords, 0)).toBe(late.length)
  })

  test.each([1, 2])('what is pushed comes out, each once, in order of each push, with parallelism %i', async (parallelism) => {
    const handle = engine().submit(jobUrl('echo'), { parallelism })
    const input = handle.input<number>('numbers')
    const pushed = (async () => {
      for (let number = 0; number < 500; number++) await input.push(number)
      await Promise.all(Array.from({ length: 2000 }, (_, index) => input.push(500 + index)))
      await input.end()
    })()
    const doubled = await collect(handle.output<number>('doubled'))
    await pushed
    expect([...doubled].sort((a, b) => a - b)).toEqual(Array.from({ length: 2500 }, (_, number) => number * 2))
    if (parallelism === 1) expect(doubled).toEqual([...doubled].sort((a, b) => a - b))
    expect((await handle.result).state).toBe('finished')
  })

  test('decimals come to the job and back as decimals, in rows and wherever values hold them', async () => {
    const [price, part] = [Decimal.parse('12.30'), Decimal.parse('-0.5')]
    class Offer {
      price = price
    }
    const offer: object = new Offer()
    const handle = engine().submit(jobUrl('values'), { parallelism: 1 })
    const [values, prices] = [handle.output('values'), handle.output('prices')].map(collect)
    const pushed = [price, [price, price], { deep: { in: { it: { lies: { a: price } } } } }, new Map([[part, new Set([price])]]), offer, 1n, 'none']
    await Promise.all(pushed.map((value) => handle.input('values').push(value)))
    await handle.input('prices').push({ price, parts: [part, part] })
    await Promise.all(['values', 'prices'].map((name) => handle.input(name).end()))
    expect(await values).toStrictEqual(pushed.map((value) => (value === offer ? { price } : value)))
    expect(await prices).toStrictEqual([{ price, parts: [part, part] }])
  })

  test('a value that cannot leave its thread is refused to who pushes it, and fails the job that makes it', async () => {
    const handle = engine().submit(jobUrl('values'), { parallelism: 1 })
    const values = collect(handle.output('values'))
    const input = handle.input('values')
    const revocable = Proxy.revocable({ seen: 1 }, {})
    const results = await Promise.allSettled([input.push('before'), input.push({ call: () => 1 }), input.push(new URL('https://example.com')), input.push(3)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      code: 'VALUE_NOT_ENCODABLE',
      message: 'Cannot send a record to input "values": the function "call" cannot leave its thread',
    })
    expect(await failureOf(input.push({ hidden: revocable.proxy }))).toMatchObject({ code: 'VALUE_NOT_ENCODABLE' })
    await input.push('function')
    expect(await failureOf(handle.result)).toMatchObject({ code: 'VALUE_NOT_ENCODABLE', message: expect.stringContaining('output "values"') as string })
    expect(await failureOf(values)).toBeInstanceOf(StateError)
  })

  test('a running job keeps nothing of what was pushed and taken', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
    void handle.output('doubled').subscribe(() => {})
    const push = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number += 1000) await Promise.all(Array.from({ length: 1000 }, () => handle.input('numbers').push(number)))
    }
    await push(1000)
    expect(await keptBytes(() => push(30_000))).toBeLessThan(10_000_000)
    await handle.cancel()
  })

  test('a subscription is called with every record, one after the other, and ends with the output', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
    const seen: number[] = []
    let running = 0
    const subscription = handle.output<number>('doubled').subscribe(async (number) => {
      expect(++running).toBe(1)
      await new Promise(setImmediate)
      running--
      seen.push(number)
    })
    for (let number = 0; number < 20; number++) await handle.input('numbers').push(number)
    await handle.input('numbers').end()
    await subscription
    expect(seen).toEqual(Array.from({ length: 20 }, (_, number) => number * 2))
  })

  test('a subscription whose function throws cancels the job and rejects; one to a job that fails rejects with its failure', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
    const subscription = handle.output('doubled').subscribe(() => {
      throw new RangeError('enough')
    })
    await handle.input('numbers').push(1)
    await expect(subscription).rejects.toThrow('enough')
    expect((await handle.result).state).toBe('cancelled')

    const failing = engine().submit(jobUrl('echo'), { params: { fail: 1 }, parallelism: 1 })
    const failure = failureOf(failing.output('doubled').subscribe(() => {}))
    await failing
      .input('numbers')
      .push(1)
      .catch(() => {})
    expect((await failure).code).toBe('USER_FUNCTION_FAILED')
  })

  test('an input and an output are held against the schemas that the program expects', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
    const schema = defineSchema({ number: t.int() })
    expect((await failureOf(collect(handle.output('doubled', schema)))).code).toBe('SCHEMA_MISMATCH')
    expect((await failureOf(handle.input('numbers', schema).push({ number: 1 }))).code).toBe('SCHEMA_MISMATCH')
    await handle.cancel()
  })

  test('two engines and several jobs in one process do not know each other', async () => {
    await using other = await Millrace.start()
    const handles = [engine(), other, other].map((one) => one.submit(jobUrl('echo'), { parallelism: 1 }))
    const outputs = handles.map((handle) => collect(handle.output<number>('doubled')))
    for (const [index, handle] of handles.entries()) await handle.input('numbers').push(index)
    for (const handle of handles) await handle.input('numbers').end()
    expect(await Promise.all(outputs)).toEqual([[0], [2], [4]])
  })
})

describe('watermark alignment', () => {
  test('a fast source stays within the drift of a slow one, over all subtasks of both', async () => {
    const [maxDriftMs, rowsMax, parallelism, endMs] = [2000, 64, 2, 6000]
    const shared = new SharedArrayBuffer(parallelism * 2 * 4)
    const words = new Int32Array(shared)
    const handle = engine().submit(jobUrl('aligned'), {
      params: { shared, maxDriftMs, slowRowsPerSecond: 6000, endMs },
      parallelism,
      options: { 'millrace.batch.rows-max': String(rowsMax) },
    })
    // Until the slow readers of all subtasks are there: threads may start long after each other.
    const reached = new Set<number>()
    for await (const subtask of handle.output<number>('reached')) if (reached.add(subtask).size === parallelism) break
    await handle.stopped()
    expect(reached).toEqual(new Set([0, 1]))
    for (const leadMs of words.subarray(parallelism)) {
      expect(leadMs).toBeGreaterThan(maxDriftMs / 2)
      // A batch may begin at the limit, another one be in the hands of the slow one's function; watermarks are one millisecond behind.
      expect(leadMs).toBeLessThanOrEqual(maxDriftMs + 2 * rowsMax + 2)
    }
  })
})

describe('backpressure', () => {
  test('a job whose output nobody reads stands still and loses nothing', async () => {
    const handle = engine().submit(jobUrl('flood'), { params: { records: 200_000 }, parallelism: 2 })
    await handle.input('start').push(0)
    await handle.input('start').end()
    let sum = 0
    let count = 0
    let seen: number | undefined
    for await (const record of handle.output<number>('flood')) {
      // Slow at first: the workers stand, the queue in this process stays bounded.
      if (count < 20) await new Promise((resolve) => setTimeout(resolve, 20))
      if (count === 20) seen = handle.metrics.tasks.find(({ task }) => task.includes('Output'))!.operators[0].rowsOut
      sum += record
      count++
    }
    expect(seen).toBeLessThan(200_000)
    expect([count, sum]).toEqual([200_000, (200_000 * 199_999) / 2])
  })
})

describe('the end', () => {
  test('leaving a for await cancels its job', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 2 })
    await handle.input('numbers').push(21)
    for await (const record of handle.output('doubled')) {
      expect(record).toBe(42)
      break
    }
    expect((await handle.result).state).toBe('cancelled')
  })

  test('cancel ends a job in full flow, once and again', async () => {
    const handle = engine().submit(jobUrl('flood'), { params: { records: 1_000_000 }, parallelism: 2 })
    await handle.input('start').push(0)
    for await (const _ of handle.output('flood')) if (handle.metrics.runningMs > 0) break
    await Promise.all([handle.cancel(), handle.cancel()])
    await handle.cancel()
    expect((await handle.result).state).toBe('cancelled')
  })

  test('cancel ends a job that has not started', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 2 })
    await handle.cancel()
    expect((await handle.result).state).toBe('cancelled')
    expect(await collect(handle.output('doubled'))).toEqual([])
    expect((await failureOf(handle.input('numbers').push(1))).code).toBe('JOB_ENDED')
  })

  // Once the whole process was aborted, when a worker's thread was ended while it loaded its module.
  test.each(['computes', 'waits'])('cancel ends a job whose program never comes back: it %s', async (way) => {
    const handle = engine().submit(jobUrl('endless'), { params: { way } })
    await handle.cancel()
    await expect(handle.result).resolves.toMatchObject({ state: 'cancelled' })
    await expect(handle.input('any').push(1)).rejects.toMatchObject({ code: 'JOB_ENDED' })
  })

  test('a program that blocks the coordinator fails its job, which names it', async () => {
    const handle = engine().submit(jobUrl('blocked-coordinator'), { params: { way: 'planning' }, options: { 'millrace.worker.hang-timeout': '500 ms' } })
    await expect(handle.result).rejects.toMatchObject({
      code: 'COORDINATOR_HUNG',
      message: 'The coordinator thread of job "blocked-coordinator" has not answered for 500 ms',
      hint: expect.stringContaining('endless loops') as string,
    })
    await handle.cancel()
  })

  test('a coordinator that is blocked while the job runs fails it', async () => {
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const handle = engine().submit(jobUrl('blocked-coordinator'), {
      params: { way: 'running', flag },
      options: { 'millrace.worker.hang-timeout': '500 ms' },
      parallelism: 1,
    })
    const numbers = handle.output<number>('numbers')[Symbol.asyncIterator]()
    await handle.input('numbers').push(7)
    expect((await numbers.next()).value).toBe(7)
    Atomics.store(flag, 0, 1)
    await expect(numbers.next()).rejects.toMatchObject({ code: 'COORDINATOR_HUNG' })
    await expect(handle.result).rejects.toMatchObject({ code: 'COORDINATOR_HUNG' })
  })

  test('a coordinator that waits for its program for longer than the timeout is not hung: it answers', async () => {
    const handle = engine().submit(jobUrl('late'), { options: { 'millrace.worker.hang-timeout': '500 ms' }, parallelism: 1 })
    expect((await handle.result).state).toBe('finished')
  })

  test('a job that fails or is cancelled while its threads start takes nothing else along', async () => {
    for (let round = 0; round < 8; round++) {
      const missing = [1, 2].map(() => engine().submit(new URL('missing.ts', import.meta.url), { parallelism: 4 }))
      for (const { result } of missing) await expect(result).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
      const cancelled = [1, 2].map(() => engine().submit(jobUrl('echo'), { parallelism: 4 }))
      for (let turn = 0; turn < round * 250; turn++) await new Promise(setImmediate)
      for (const handle of cancelled) await handle.cancel()
      for (const { result } of cancelled) expect((await result).state).toBe('cancelled')
    }
    // A hundred and sixty threads start.
  }, 180_000)

  test('an aborted signal cancels, before and after the start', async () => {
    expect((await engine().submit(jobUrl('echo'), { signal: AbortSignal.abort() }).result).state).toBe('cancelled')
    const controller = new AbortController()
    const handle = engine().submit(jobUrl('echo'), { signal: controller.signal, parallelism: 1 })
    await handle.input('numbers').push(1)
    controller.abort()
    expect((await handle.result).state).toBe('cancelled')
  })

  test('stop ends the sources and lets the rest finish, whenever it is asked', async () => {
    const early = engine().submit(jobUrl('echo'), { parallelism: 2 })
    expect((await early.stop()).state).toBe('finished')
    const handle = engine().submit(jobUrl('echo'), { parallelism: 2 })
    await handle.input('numbers').push(4)
    const doubled = collect(handle.output('doubled'))
    expect((await handle.stop()).state).toBe('finished')
    expect(await doubled).toEqual([8])
  })

  test('an engine whose signal is aborted closes: its jobs are cancelled, and it forgets the signal', async () => {
    const controller = new AbortController()
    const closing = await Millrace.start({ signal: controller.signal })
    const handle = closing.submit(jobUrl('echo'), { parallelism: 1 })
    await handle.input('numbers').push(1)
    controller.abort()
    expect((await handle.result).state).toBe('cancelled')
    expect(() => closing.submit(jobUrl('echo'))).toThrow(/the engine is closed/)
    await expect(Millrace.start({ signal: controller.signal })).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    const other = new AbortController()
    await (await Millrace.start({ signal: other.signal })).close()
    expect(getEventListeners(other.signal, 'abort')).toEqual([])
  })

  test('a closed engine takes no jobs and has none', async () => {
    const closing = await Millrace.start()
    const handle = closing.submit(jobUrl('echo'), { parallelism: 1 })
    await closing.close()
    expect((await handle.result).state).toBe('cancelled')
    expect(() => closing.submit(jobUrl('echo'))).toThrow(/the engine is closed/)
  })
})

describe('failures', () => {
  const line =
    readFileSync(jobUrl('failing'), 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('throw new TypeError')) + 1

  test.each(['map', 'filter', 'partition', 'flatMap', 'key', 'open', 'process', 'sink'])(
    "a function that throws in %s fails the job with the user's line",
    async (where) => {
      for (const parallelism of [1, 2]) {
        // With one subtask nothing is partitioned.
        if (where === 'partition' && parallelism === 1) continue
        const handle = engine().submit(jobUrl('failing'), { params: { where }, parallelism })
        const error = await failureOf(handle.result)
        expect(error).toBeInstanceOf(UserFunctionError)
        expect(error.code).toBe('USER_FUNCTION_FAILED')
        expect(error.message).toMatch(/TypeError: cannot digest/)
        expect((error.cause as Error).stack).toContain(`failing.mjs:${line}:`)
        await handle[Symbol.asyncDispose]()
      }
    },
  )

  test('a failure names the operator, and reaches whoever reads or pushes', async () => {
    const handle = engine().submit(jobUrl('echo'), { params: { fail: 3 }, parallelism: 2 })
    const reading = failureOf(collect(handle.output('doubled')))
    const pushing = (async () => {
      for (let number = 0; ; number++) await handle.input('numbers').push(number)
    })()
    expect((await reading).message).toMatch(/operator "Map".*RangeError: no 3 here/)
    expect((await failureOf(pushing)).code).toMatch(/USER_FUNCTION_FAILED|JOB_ENDED/)
    expect((await failureOf(handle.result)).code).toBe('USER_FUNCTION_FAILED')
  })

  test("a program that throws fails the job with the user's line", async () => {
    const error = await failureOf(engine().submit(jobUrl('failing'), { params: { where: 'program' } }).result)
    expect(`${error.stack}\n${(error.cause as Error | undefined)?.stack}`).toContain(`failing.mjs:${line}:`)
  })

  test('a module without a job is refused', async () => {
    const error = await failureOf(engine().submit(jobUrl('no-default')).result)
    expect(error).toBeInstanceOf(PlanError)
    expect(error.code).toBe('NOT_A_JOB')
  })

  test('a module that does not exist is refused by name', async () => {
    expect((await failureOf(engine().submit(jobUrl('nowhere')).result)).message).toMatch(/nowhere\.mjs/)
  })

  test('a program that builds another graph on each thread is refused', async () => {
    const error = await failureOf(engine().submit(jobUrl('undecided'), { parallelism: 2 }).result)
    expect(error).toBeInstanceOf(PlanError)
    expect(error.code).toBe('GRAPH_NOT_DETERMINISTIC')
  })

  test('a worker that user code ends fails the job as lost', async () => {
    const handle = engine().submit(jobUrl('leaving'), { params: { how: 'exit' }, parallelism: 2 })
    handle
      .input('go')
      .push(1)
      .catch(() => {})
    const error = await failureOf(handle.result)
    expect(error).toBeInstanceOf(JobError)
    expect(error.code).toBe('WORKER_LOST')
    await handle[Symbol.asyncDispose]()
  })

  test('a worker in an endless loop is torn down on cancel', async () => {
    const handle = engine().submit(jobUrl('leaving'), { params: { how: 'loop' }, parallelism: 2 })
    await handle.input('go').push(1)
    await handle.cancel()
    expect((await handle.result).state).toBe('cancelled')
  })

  test('a worker that stands still in user code is found', async () => {
    const handle = engine().submit(jobUrl('leaving'), { params: { how: 'loop' }, parallelism: 2, options: { 'millrace.worker.hang-timeout': '500' } })
    await handle.input('go').push(1)
    expect((await failureOf(handle.result)).code).toBe('WORKER_HUNG')
    await handle[Symbol.asyncDispose]()
  })

  test('a worker that ended before the others is not taken for hung', async () => {
    let ticked!: () => void
    const ticks = new Promise<void>((resolve) => (ticked = resolve))
    const handle = engine().submit(jobUrl('half-ended'), {
      parallelism: 2,
      // Together with a park, for which it allows, less than the job is watched: long for a busy machine all the same.
      options: { 'millrace.worker.hang-timeout': '1000' },
      onMetrics: ({ runningMs }) => {
        if (runningMs > 3000) ticked()
      },
    })
    await Promise.race([ticks, handle.result])
    await handle.input('numbers').push(1)
    await handle.input('numbers').end()
    expect((await handle.result).state).toBe('finished')
  })

  test('a failure is told although a fellow of the worker that failed stands still', async () => {
    const handle = engine().submit(jobUrl('leaving'), { params: { how: 'loop' }, parallelism: 2 })
    // Records pushed one by one go to the workers in turn, and the first worker is the one that reads them.
    for (const record of ['pass', 'stand still']) await handle.input('go').push(record)
    handle
      .input('go')
      .push('throw')
      .catch(() => {})
    expect((await failureOf(handle.result)).message).toMatch(/thrown/)
    await handle[Symbol.asyncDispose]()
  })

  test('the coordinator tells one outcome of a job, also when workers hang and their pool is destroyed', async () => {
    const dist = new URL('../../dist/', import.meta.url)
    const request: JobRequest = {
      jobName: 'hung',
      jobUrl: jobUrl('leaving').href,
      source: undefined,
      params: { how: 'loop' },
      parallelism: 2,
      fresh: false,
      takeOver: false,
      supervisorPid: undefined,
      options: new Map([
        ['millrace.worker.hang-timeout', '300'],
        ['millrace.worker.memory-max', String(64 << 20)],
      ]),
    }
    const budget = { process: new SharedArrayBuffer(8), job: new SharedArrayBuffer(4) }
    const workerData: CoordinatorData = {
      workerUrl: new URL('worker-entry.cjs', dist).href,
      start: { run: 1, request, budget, liveThreads: [], keepsThreads: true },
    }
    const coordinator = new Worker(new URL('coordinator.js', dist), { workerData })
    const outcomes: string[] = []
    coordinator.on('message', (event: CoordinatorEvent) => {
      if (event.kind === 'running') for (const id of [1, 2]) event.ports[0].postMessage({ id, input: 'go', records: [id], decimals: [] } satisfies PushMessage)
      if (event.kind === 'finished' || event.kind === 'cancelled') outcomes.push(event.kind)
      if (event.kind === 'failed') outcomes.push(event.error.code!)
    })
    await once(coordinator, 'exit')
    expect(outcomes).toEqual(['WORKER_HUNG'])
  })

  test('state beyond the memory of a worker fails the job, naming the operator, what grew and how far', async () => {
    const handle = engine().submit(jobUrl('many-keys'), {
      params: { keys: 10_000_000 },
      parallelism: 2,
      options: { 'millrace.worker.memory-max': '24 mb' },
    })
    const error = await failureOf(handle.result)
    expect(error).toBeInstanceOf(StateError)
    expect(error.message).toMatch(
      /^Cannot allocate \d+ bytes for (a table of \d+ keys in \d+ bytes|\d+ records of keyed state|long keys and values of keyed state in \d+ bytes) in operator "Sum": the worker's memory budget of 25165824 bytes/,
    )
    expect([error.code, error.hint]).toEqual(['SLAB_FULL', expect.stringContaining('TTL')])
  })

  test('a memory that has no room for the channels is refused before anything runs', async () => {
    const options = { 'millrace.worker.memory-max': '1 mb' }
    const error = await failureOf(engine().submit(jobUrl('echo'), { parallelism: 2, options }).result)
    expect(error.message).toMatch(/^Cannot make room for the inbound channels of worker 0: .* budget is 1048576$/)
  })

  test('a signal that outlives its jobs keeps nothing of them', async () => {
    const { signal } = new AbortController()
    for (let job = 0; job < 2; job++) {
      const handle = engine().submit(jobUrl('no-default'), { signal })
      await failureOf(handle.result)
      await handle[Symbol.asyncDispose]()
    }
    expect(getEventListeners(signal, 'abort').length).toBe(0)
  })

  test('names of inputs and outputs that the job does not have are refused', async () => {
    const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
    expect((await failureOf(handle.input('nmubers').push(1))).code).toBe('UNKNOWN_INPUT')
    expect((await failureOf(collect(handle.output('dubbled')))).code).toBe('UNKNOWN_OUTPUT')
    await handle.cancel()
  })
})
