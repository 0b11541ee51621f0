// Runs that take checkpoints: they go on after failures, kills and ends of their supervisor, and each result is there once.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, job, scratchFolder } from '../fixtures/command.ts'

const COUNT = 12_000
const folder = scratchFolder()
const input = join(folder, 'numbers.jsonl')
writeFileSync(input, Array.from({ length: COUNT }, (_, n) => `{"n":${n}}\n`).join(''))

/** A run of its own: its folders, and how it is started. */
class Run {
  readonly output: string
  readonly #state: string
  readonly #folder: string

  constructor(name: string) {
    this.#folder = join(folder, name)
    mkdirSync(this.#folder)
    this.output = join(this.#folder, 'result.jsonl')
    this.#state = join(this.#folder, 'state')
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  start(settings: Readonly<Record<string, string>> = {}, params: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Command {
    const set = Object.entries({
      'execution.checkpointing.dir': this.#state,
      'execution.checkpointing.interval': '20',
      'restart-strategy.exponential-delay.initial-backoff': '10',
      ...settings,
    }).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    const given = Object.entries({ input, output: this.output, ...params }).flatMap(([key, value]) => [`--${key}`, value])
    return new Command(['run', job('recovering.js'), '--parallelism', '2', ...flags, ...set, '--', ...given])
  }

  /** The process that runs the job now. */
  get engine(): number {
    const jobFolder = join(this.#state, 'recovering')
    const attempt = Math.max(
      ...readdirSync(jobFolder)
        .flatMap((name) => /^attempt-(\d+)$/.exec(name)?.[1] ?? [])
        .map(Number),
    )
    return (JSON.parse(readFileSync(join(jobFolder, `attempt-${attempt}`), 'utf8')) as { pid: number }).pid
  }

  /** Each number once, and how many of its kind had come by then. */
  expectResult(): void {
    const rows = readFileSync(this.output, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; seen: number })
    expect(rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
    const last = new Map<number, number>()
    for (const { n, seen } of rows) {
      expect(seen).toBe((last.get(n % 10) ?? 0) + 1)
      last.set(n % 10, seen)
    }
  }
}

/** Whether a process runs: one that has ended may keep its number until somebody asks after it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('a run with checkpoints', () => {
  test('that fails is started again from its newest checkpoint, and says so', async () => {
    const run = new Run('failing')
    const marks = [1, 2, 3].map((index) => run.path(`mark-${index}`))
    const { status, stderr } = await run.start({}, { marks: marks.join() }).ended
    expect({ status, failures: stderr.match(/threw Error: failure \d/g) }).toEqual({
      status: 0,
      failures: ['threw Error: failure 1', 'threw Error: failure 2', 'threw Error: failure 3'],
    })
    expect(stderr.match(/The job has failed; starting it again in/g)).toHaveLength(3)
    run.expectResult()
    const again = await run.start().ended
    expect([again.status, again.stderr]).toEqual([3, expect.stringMatching(/JOB_FINISHED[^]*--fresh/) as string])
    const fresh = await run.start({}, {}, '--fresh').ended
    expect(fresh.status).toBe(0)
    run.expectResult()
  })

  test('whose engine is killed goes on in another', async () => {
    const run = new Run('killed')
    const command = run.start({}, { gate: run.path('gate') })
    for (let kills = 1; kills <= 3; kills++) {
      await command.says(new RegExp(`(?:at the gate[^]*){${kills}}`))
      process.kill(run.engine, 'SIGKILL')
      await command.says(new RegExp(`(?:The engine was ended by SIGKILL; starting it again[^]*){${kills}}`))
    }
    await command.says(/(?:at the gate[^]*){4}/)
    writeFileSync(run.path('gate'), '')
    expect((await command.ended).status).toBe(0)
    run.expectResult()
  })

  test('whose engine is stopped is started again: nothing comes from it any more', async () => {
    const run = new Run('frozen')
    const command = run.start({ 'millrace.worker.hang-timeout': '5 s' }, { gate: run.path('gate') })
    await command.says(/at the gate/)
    const { engine } = run
    process.kill(engine, 'SIGSTOP')
    await command.says(/The engine was ended by SIGKILL; starting it again/)
    writeFileSync(run.path('gate'), '')
    expect((await command.ended).status).toBe(0)
    expect(isAlive(engine)).toBe(false)
    run.expectResult()
  })

  test.skipIf(process.platform === 'win32')('of which the system holds a worker is started again, and the folder is not given up before', async () => {
    const run = new Run('held')
    execFileSync('mkfifo', [run.path('pipe')])
    const command = run.start({ 'millrace.worker.hang-timeout': '4 s' }, { pipe: run.path('pipe'), held: run.path('held') })
    await command.says(/WORKER_HUNG/)
    expect(run.engine).toBeGreaterThan(0)
    const { status, stderr } = await command.ended
    expect([status, stderr]).toEqual([0, expect.stringMatching(/The job has failed; starting it again/) as string])
    run.expectResult()
  })

  test('whose supervisor is killed does not outlive it, and goes on when it is started again', async () => {
    const run = new Run('orphaned')
    const command = run.start({}, { gate: run.path('gate') })
    await command.says(/at the gate/)
    const engine = run.engine
    command.child.kill('SIGKILL')
    await command.ended
    const second = run.start({}, { gate: run.path('gate') })
    await second.says(/at the gate/)
    expect(isAlive(engine)).toBe(false)
    writeFileSync(run.path('gate'), '')
    expect((await second.ended).status).toBe(0)
    run.expectResult()
  })

  test('is refused while another process runs it', async () => {
    const run = new Run('twice')
    const command = run.start({}, { gate: run.path('gate') })
    await command.says(/at the gate/)
    const { status, stderr } = await run.start().ended
    expect([status, stderr]).toEqual([3, expect.stringMatching(new RegExp(`JOB_RUNNING[^]*process ${run.engine} runs it`)) as string])
    writeFileSync(run.path('gate'), '')
    expect((await command.ended).status).toBe(0)
    run.expectResult()
  })

  test.each([
    ['none', {}, 1],
    ['fixed-delay', { 'restart-strategy.fixed-delay.attempts': '2', 'restart-strategy.fixed-delay.delay': '1' }, 3],
    ['failure-rate', { 'restart-strategy.failure-rate.max-failures-per-interval': '1', 'restart-strategy.failure-rate.delay': '1' }, 2],
  ])('is given up as its strategy says: %s', async (type, settings, starts) => {
    const run = new Run(`given-up-${type}`)
    const marks = Array.from({ length: 4 }, (_, index) => run.path(`mark-${index}`))
    const { status, stderr } = await run.start({ 'restart-strategy.type': type, ...settings }, { marks: marks.join() }).ended
    expect(status).toBe(1)
    expect(stderr.match(/threw Error: failure/g)).toHaveLength(starts)
    expect(existsSync(run.output)).toBe(false)
    // What it had is not lost.
    expect((await run.start({}, { marks: marks.join() }).ended).status).toBe(0)
    run.expectResult()
  })

  test('is refused where none can be taken or found', async () => {
    const run = new Run('nowhere')
    const inspected = await run.start({}, {}, '--inspect=0').ended
    expect([inspected.status, inspected.stderr]).toEqual([2, expect.stringMatching(/INVALID_LOCAL_JOB[^]*calling thread/) as string])
    const fresh = await new Command(['run', job('ten-rows.js'), '--fresh']).ended
    expect([fresh.status, fresh.stderr]).toEqual([2, expect.stringMatching(/INVALID_OPTION[^]*Cannot begin anew[^]*execution\.checkpointing\.dir/) as string])
  })

  test('that cannot start is not started again', async () => {
    const run = new Run('impossible')
    const missing = await run.start({}, { input: run.path('nothing.jsonl') }).ended
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringMatching(/FILE_NOT_FOUND/) as string])
    expect(missing.stderr).not.toMatch(/starting it again/)
    const wrong = await run.start({ 'restart-strategy.type': 'sometimes' }).ended
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringMatching(/restart-strategy\.type[^]*one of none/) as string])
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s cancels it, once, and it goes on later', async (signal, code) => {
    const run = new Run(`cancelled-${signal}`)
    const command = run.start({}, { gate: run.path('gate') })
    await command.says(/at the gate/)
    command.child.kill(signal)
    await command.says(/Cancelling/)
    writeFileSync(run.path('gate'), '')
    const { status, stderr } = await command.ended
    expect([status, stderr]).toEqual([code, expect.not.stringMatching(/starting it again/) as string])
    expect((await run.start().ended).status).toBe(0)
    run.expectResult()
  })
})
