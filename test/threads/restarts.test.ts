// Jobs that an engine starts again in its process: what they wrote is there once, and who holds a handle hears how they end, once.
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JobHandle, type JobResult, Millrace, RestoreError, type SubmitOptions, UserFunctionError } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { collect, failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-restarts-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const COUNT = 6000
const input = join(scratch, 'numbers.jsonl')
writeFileSync(input, Array.from({ length: COUNT }, (_, n) => `{"n":${n}}\n`).join(''))

interface Count {
  readonly n: number
  readonly seen: number
}

/** Each number once, and how many of its kind had come by then. */
function expectCounts(counts: readonly Count[]): void {
  expect(counts.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
  const last = new Map<number, number>()
  for (const { n, seen } of counts) {
    expect(seen).toBe((last.get(n % 10) ?? 0) + 1)
    last.set(n % 10, seen)
  }
}

/** How often a job has failed, how often it is to, and whether it waits for the test. */
function failuresOf(count: number): Int32Array {
  const failures = new Int32Array(new SharedArrayBuffer(12))
  failures[1] = count
  return failures
}

/** A job in a folder of its own, which fails so many times in such a way. */
class Run {
  readonly folder = mkdtempSync(join(scratch, 'run-'))
  readonly output = join(this.folder, 'result.jsonl')
  /** Says how the job stands. */
  readonly jobFile = join(this.folder, 'state/job/job.json')
  readonly log: string[] = []
  readonly #failures: Int32Array
  readonly #way: string
  #onLine: (line: string) => void = () => {}

  constructor(way: string, failures: number) {
    this.#way = way
    this.#failures = failuresOf(failures)
  }

  get failures(): number {
    return this.#failures[0]
  }

  submit({ options = {}, params = {}, ...rest }: SubmitOptions = {}, on = engine()): JobHandle {
    return on.submit(jobUrl('recovering'), {
      name: 'job',
      params: { input, output: this.output, failures: this.#failures, way: this.#way, jobFile: this.jobFile, ...params },
      options: {
        'execution.checkpointing.dir': join(this.folder, 'state'),
        'execution.checkpointing.interval': '20',
        'millrace.channel.memory-max': '4 kb',
        ...options,
      },
      parallelism: 2,
      onLog: (_operator, _subtask, line) => {
        this.log.push(line)
        this.#onLine(line)
      },
      ...rest,
    })
  }

  /** Calls back with a line of the log, in the turn in which it is told. */
  atLine(pattern: RegExp, callback: () => void): void {
    this.#onLine = (line) => {
      if (pattern.test(line)) callback()
    }
  }

  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => this.atLine(pattern, resolve))
  }

  /** Resolves when the function waits. */
  async atGate(): Promise<void> {
    const { value } = (Atomics as unknown as { waitAsync: (...args: unknown[]) => { value: Promise<string> | string } }).waitAsync(this.#failures, 2, 0)
    await value
  }

  openGate(): void {
    Atomics.store(this.#failures, 2, 0)
  }

  linesOf(pattern: RegExp): string[] {
    return this.log.filter((line) => pattern.test(line))
  }

  expectResult(): void {
    expectCounts(
      readFileSync(this.output, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Count),
    )
  }
}

const AGAIN = /^The job has failed; starting it again/
const SOON = { 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.delay': '1', 'restart-strategy.fixed-delay.attempts': '3' }
const LATE = { ...SOON, 'restart-strategy.fixed-delay.delay': '1 h' }

describe('a job that fails', () => {
  test.each([1, 2])('is started again from its newest checkpoint, by default where it takes some: parallelism %i', async (parallelism) => {
    const run = new Run('checkpoint', 3)
    const handle = run.submit({ parallelism, options: { 'restart-strategy.exponential-delay.initial-backoff': '1' } })
    expect((await handle.result).state).toBe('finished')
    expect([run.failures, handle.restartCount]).toEqual([3, 3])
    expect(run.linesOf(AGAIN).map((line) => line.replace(/in 0\.\d s/, 'soon'))).toEqual(
      [1, 2, 3].map((nth) => expect.stringMatching(`soon \\(restart ${nth}\\): USER_FUNCTION_FAILED: .*failure ${nth}$`) as string),
    )
    expect(run.linesOf(/^Goes on from checkpoint/)).toHaveLength(3)
    run.expectResult()
  })

  test('is started again as its program says, and begins anew without checkpoints', async () => {
    const run = new Run('record', 2)
    const handle = engine().submit(jobUrl('recovering'), {
      params: { input, output: run.output, way: 'record', failures: failuresOf(2), set: SOON },
      parallelism: 1,
      onLog: (_operator, _subtask, line) => run.log.push(line),
    })
    expect((await handle.result).state).toBe('finished')
    expect([handle.restartCount, run.linesOf(AGAIN).length]).toEqual([2, 2])
    run.expectResult()
  })

  test('delivers to the program what came behind the checkpoint again, and loses nothing', async () => {
    const run = new Run('checkpoint', 2)
    const handle = run.submit({ params: { output: undefined }, options: SOON })
    const counts = await collect(handle.output<Count>('counts'))
    expect([(await handle.result).state, handle.restartCount]).toEqual(['finished', 2])
    expect(counts.length).toBeGreaterThanOrEqual(COUNT)
    // Whatever came twice was the same.
    expectCounts([...new Map(counts.map((count) => [count.n, count])).values()].toSorted((a, b) => a.seen - b.seen))
  })

  test('and was to stop its sources is started again, and stops', async () => {
    const run = new Run('gate', 1)
    const handle = run.submit({ options: SOON })
    await run.atGate()
    const stopped = handle.stop()
    run.openGate()
    expect([(await stopped).state, handle.restartCount]).toEqual(['finished', 1])
  })

  test('fails the savepoint that waits for it, and takes one that is asked for before it runs again', async () => {
    const run = new Run('gate', 1)
    const handle = run.submit({ options: SOON })
    await run.atGate()
    const missed = failureOf(handle.triggerSavepoint(join(run.folder, 'missed')))
    const taken = new Promise<string>((resolve, reject) => {
      run.atLine(AGAIN, () => void handle.triggerSavepoint(join(run.folder, 'taken')).then(resolve, reject))
    })
    run.openGate()
    expect(await missed).toMatchObject({ code: 'SAVEPOINT_FAILED', message: expect.stringContaining('about to be started again') as string })
    expect(existsSync(join(await taken, '_metadata'))).toBe(true)
    expect((await handle.result).state).toBe('finished')
    run.expectResult()
  })

  test('with its coordinator is started again at once: the folder of the job is that of a thread that has ended', async () => {
    const run = new Run('hang', 1)
    const handle = run.submit({ options: { ...SOON, 'millrace.worker.hang-timeout': '500 ms', 'millrace.job.answer-timeout': '1 h' } })
    expect([(await handle.result).state, handle.restartCount]).toEqual(['finished', 1])
    expect(run.linesOf(AGAIN)).toEqual([expect.stringContaining('COORDINATOR_HUNG') as string])
    run.expectResult()
  })
})

describe('a job is given up', () => {
  test.each([
    [
      'fixed-delay',
      { 'restart-strategy.fixed-delay.attempts': '2', 'restart-strategy.fixed-delay.delay': '1' },
      'restart-strategy.fixed-delay.attempts is 2',
      3,
    ],
    [
      'failure-rate',
      { 'restart-strategy.failure-rate.max-failures-per-interval': '1', 'restart-strategy.failure-rate.delay': '1' },
      'more than 1 failures in 60000 ms',
      2,
    ],
  ])('as its strategy says, with its last error, and goes on when it is submitted again: %s', async (type, settings, why, starts) => {
    const run = new Run('checkpoint', starts)
    const handle = run.submit({ options: { 'restart-strategy.type': type, ...settings } })
    const error = await failureOf(handle.result)
    expect(error).toBeInstanceOf(UserFunctionError)
    expect(error).toMatchObject({
      message: expect.stringContaining(`failure ${starts}`) as string,
      hint: expect.stringContaining(`The job is not started again: ${why}.`) as string,
    })
    expect((error.cause as Error).stack).toMatch(/recovering\.mjs:\d+/)
    expect(handle.restartCount).toBe(starts - 1)
    expect(run.linesOf(/not started again/)).toEqual([`The job has failed, and is not started again: ${why}`])
    expect(existsSync(run.output)).toBe(false)
    expect((await run.submit().result).state).toBe('finished')
    run.expectResult()
  })

  test('at its first failure without checkpoints, or without a strategy: the hint says so, and the log says nothing', async () => {
    const run = new Run('record', 2)
    expect(await failureOf(run.submit({ options: { 'restart-strategy.type': 'none' } }).result)).toMatchObject({
      code: 'USER_FUNCTION_FAILED',
      hint: 'The job is not started again: restart-strategy.type is none.',
    })
    const failing = engine().submit(jobUrl('failing'), { params: { where: 'map' }, parallelism: 1, onLog: (_operator, _subtask, line) => run.log.push(line) })
    expect(await failureOf(failing.result)).toMatchObject({ hint: 'The job is not started again: execution.checkpointing.dir is not set.' })
    expect(run.linesOf(/start/)).toEqual([])
  })

  test('if it reads what the program pushes: the program alone has that', async () => {
    const log: string[] = []
    const handle = engine().submit(jobUrl('echo'), { params: { fail: 3 }, options: SOON, parallelism: 1, onLog: (_operator, _subtask, line) => log.push(line) })
    void handle
      .output('doubled')
      .subscribe(() => {})
      .catch(() => {})
    const numbers = handle.input<number>('numbers')
    for (const number of [1, 2, 3]) await numbers.push(number)
    expect(await failureOf(handle.result)).toMatchObject({
      code: 'USER_FUNCTION_FAILED',
      hint: expect.stringMatching(/not started again: what was pushed to "numbers".*submit the job and push it again/) as string,
    })
    expect(await failureOf(numbers.push(4))).toMatchObject({ code: 'JOB_ENDED' })
    expect([handle.restartCount, log.length]).toEqual([0, 1])
    expect(log[0]).toMatch(/^The job has failed, and is not started again: what was pushed to "numbers"/)
  })

  test('if it cannot start', async () => {
    const run = new Run('record', 0)
    const missing = run.submit({ params: { input: join(scratch, 'nothing.jsonl') }, options: SOON })
    expect(await failureOf(missing.result)).toMatchObject({ code: 'FILE_NOT_FOUND' })
    const wrong = engine().submit(jobUrl('failing'), { params: { where: 'program' }, options: SOON, parallelism: 1 })
    expect(await failureOf(wrong.result)).toMatchObject({ name: 'TypeError' })
    expect([missing.restartCount, wrong.restartCount, run.linesOf(/start/).length]).toEqual([0, 0, 0])
  })

  test('if it cannot go on from what it has kept', async () => {
    const run = new Run('checkpoint', 2)
    run.atLine(AGAIN, () => writeFileSync(run.jobFile, 'damaged'))
    const handle = run.submit({ options: SOON })
    const error = await failureOf(handle.result)
    expect(error).toBeInstanceOf(RestoreError)
    expect([error.code, handle.restartCount]).toEqual(['SNAPSHOT_DAMAGED', 1])
  })

  test.skipIf(process.platform === 'win32')('if the system holds one of its threads, which might still write', async () => {
    const run = new Run('held', 1)
    const pipe = join(run.folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const handle = run.submit({ params: { pipe }, options: { ...SOON, 'millrace.worker.hang-timeout': '500 ms' } })
    expect(await failureOf(handle.result)).toMatchObject({ code: 'WORKER_HUNG', hint: expect.stringContaining('a thread of it has not ended') as string })
    expect(handle.restartCount).toBe(0)
    const again = { ...SOON, 'millrace.job.answer-timeout': '100' }
    expect(await failureOf(run.submit({ options: again }).result)).toMatchObject({
      code: 'JOB_RUNNING',
      message: expect.stringContaining('a thread that does not end') as string,
    })
    // Somebody writes to the pipe: the thread may end.
    closeSync(openSync(pipe, 'r+'))
    await handle.stopped()
    expect((await run.submit({ options: again }).result).state).toBe('finished')
    run.expectResult()
  })
})

describe('while a job waits to be started again', () => {
  test.each<[string, (handle: JobHandle, abort: AbortController) => Promise<unknown>]>([
    ['cancel()', (handle) => handle.cancel()],
    ['stop()', (handle) => handle.stop()],
    [
      'its signal',
      (handle, abort) => {
        abort.abort()
        return handle.stopped()
      },
    ],
  ])('%s ends it, and it goes on when it is submitted again', async (_, end) => {
    const run = new Run('checkpoint', 1)
    const abort = new AbortController()
    const waits = run.says(AGAIN)
    const handle = run.submit({ options: LATE, signal: abort.signal })
    await waits
    await end(handle, abort)
    expect([(await handle.result).state, handle.restartCount]).toEqual(['cancelled', 0])
    await handle.stopped()
    expect((await run.submit().result).state).toBe('finished')
    run.expectResult()
  })

  test('leaving the for await of an output ends it', async () => {
    const run = new Run('checkpoint', 1)
    const waits = run.says(AGAIN)
    const handle = run.submit({ params: { output: undefined }, options: LATE })
    for await (const _ of handle.output('counts')) {
      await waits
      break
    }
    expect((await handle.result).state).toBe('cancelled')
  })

  test('closing the engine ends it', async () => {
    const run = new Run('record', 1)
    const own = await Millrace.start()
    const waits = run.says(AGAIN)
    const handle = run.submit({ options: LATE }, own)
    await waits
    const results: JobResult[] = []
    void handle.result.then((result) => results.push(result))
    await own.close()
    expect(results).toMatchObject([{ state: 'cancelled' }])
  })
})
