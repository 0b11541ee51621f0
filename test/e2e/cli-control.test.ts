// Jobs as other processes see them: listed, cancelled, stopped behind a savepoint, taken over from a process that hangs.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, job, run, runningJob, scratchFolder } from '../fixtures/command.ts'

const COUNT = 20_000
const folder = scratchFolder()
const input = join(folder, 'numbers.jsonl')
writeFileSync(
  input,
  Array.from(
    { length: COUNT },
    (_, n) => `${JSON.stringify({ n, at: new Date(Date.UTC(2026, 0, 1) + n).toISOString().slice(0, -1).replace('T', ' ') })}\n`,
  ).join(''),
)

interface Listed {
  readonly name: string
  readonly status: string
  readonly attempt: number
  readonly checkpoint: number | null
  readonly pid: number | null
}

/** A job of its own: its folders, and how it is started and asked. */
class Job {
  readonly output: string
  readonly dir: string
  readonly #folder: string

  constructor(name: string) {
    this.#folder = join(folder, name)
    this.output = join(this.#folder, 'output')
    this.dir = join(this.#folder, 'checkpoints')
    mkdirSync(this.output, { recursive: true })
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  /** @param slow Whether it takes long: then it is asked something meanwhile. */
  start(slow: boolean, settings: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Command {
    const set = Object.entries({
      'execution.checkpointing.dir': this.dir,
      'execution.checkpointing.interval': '50',
      'restart-strategy.exponential-delay.initial-backoff': '10',
      'millrace.channel.memory-max': '4 kb',
      'millrace.job.answer-timeout': '2 s',
      ...settings,
    }).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    const params = ['--input', input, '--output', this.output, ...(slow ? ['--slow'] : [])]
    return new Command(['run', 'test/threads/jobs/counting.mjs', '--name', 'counting', '-p', '2', ...flags, ...set, '--', ...params])
  }

  async list(): Promise<Listed[]> {
    const { stdout } = await run('list', '--dir', this.dir, '--json')
    return JSON.parse(stdout || '[]') as Listed[]
  }

  /** Resolves with the job's process once it has a checkpoint. */
  runs(command: Command): Promise<number> {
    return runningJob(command, this.dir)
  }

  /** Each number once, and how many of its key had come by then. */
  expectResult(): void {
    const parts = readdirSync(join(this.output, 'counts'))
    expect(parts.filter((name) => name.endsWith('.inprogress'))).toEqual([])
    const rows = parts.flatMap((name) =>
      readFileSync(join(this.output, 'counts', name), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { n: number; seen: number }),
    )
    expect(rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
    const seen = rows.map(({ seen: one }) => one).toSorted((a, b) => a - b)
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, index) => Math.floor(index / 10) + 1))
    expect(readFileSync(join(this.output, 'seconds.jsonl'), 'utf8').split('\n').filter(Boolean)).toHaveLength(COUNT / 1000)
  }
}

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return existsSync('/proc/self/stat') && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

describe('a job that another process runs', () => {
  test('is listed, stopped behind a savepoint, and goes on where it stopped', async () => {
    const one = new Job('stopped')
    const command = one.start(true)
    const pid = await one.runs(command)
    expect(isGone(pid)).toBe(false)
    expect(await one.list()).toMatchObject([{ name: 'counting', status: 'running', attempt: 1, checkpoint: expect.any(Number) as number, pid }])
    const taken = one.path('savepoint')
    const stopped = await run('stop', 'counting', '--dir', one.dir, '--savepoint', taken)
    expect(stopped).toMatchObject({
      status: 0,
      stdout: `${taken}\n`,
      stderr: expect.stringMatching(/^counting was stopped behind checkpoint \d+\n$/) as string,
    })
    const { status, stderr } = await command.ended
    expect([status, stderr]).toEqual([0, expect.stringMatching(/counting was stopped in/) as string])
    expect(await one.list()).toMatchObject([{ name: 'counting', status: 'stopped', pid: null }])
    expect(readdirSync(join(one.dir, 'counting')).filter((file) => !/^(?:chk|attempt)-\d+$|^job.json$/.test(file))).toEqual([])
    const again = await run('stop', join(one.dir, 'counting'))
    expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/JOB_NOT_RUNNING[^]*it is not running: stopped/) as string])
    const second = await one.start(false, {}, '--fresh', '--from-savepoint', taken, '-p', '3').ended
    expect([second.status, second.stderr]).toEqual([0, expect.stringContaining(`Starts from the savepoint in "${taken}"`) as string])
    one.expectResult()
    expect((await one.list()).map(({ status: how }) => how)).toEqual(['finished', 'stopped'])
    const table = await run('list', '--dir', one.dir)
    expect(table.stdout).toMatch(/^name .*status .*attempt .*checkpoint .*pid .*since\ncounting +finished .*\ncounting \(counting\.old-1\) +stopped /)
  })

  test('is stopped without a savepoint too, and goes on from its last checkpoint with the same command', async () => {
    const one = new Job('paused')
    const command = one.start(true)
    await one.runs(command)
    expect((await run('stop', 'counting', '--dir', one.dir)).status).toBe(0)
    expect((await command.ended).status).toBe(0)
    const { status, stderr } = await one.start(false).ended
    expect([status, stderr]).toEqual([0, expect.stringMatching(/Goes on from checkpoint/) as string])
    one.expectResult()
  })

  test('is drained: it has finished', async () => {
    const one = new Job('drained')
    const command = one.start(true)
    await one.runs(command)
    const taken = one.path('savepoint')
    const stopped = await run('stop', 'counting', '--dir', one.dir, '--drain', '--savepoint', taken)
    expect(stopped).toMatchObject({ status: 0, stdout: `${taken}\n`, stderr: expect.stringContaining('has finished') as string })
    expect((await command.ended).status).toBe(0)
    expect(await one.list()).toMatchObject([{ status: 'finished' }])
    expect(existsSync(join(one.output, 'seconds.jsonl'))).toBe(true)
    expect(readdirSync(join(one.output, 'counts')).filter((name) => name.endsWith('.inprogress'))).toEqual([])
  })

  test('gives savepoints and goes on; cancelled, it is another that starts from one', async () => {
    const one = new Job('copied')
    const command = one.start(true)
    await one.runs(command)
    const taken = one.path('savepoints/first')
    expect(await run('savepoint', 'create', 'counting', taken, '--dir', one.dir)).toMatchObject({ status: 0, stdout: `${taken}\n`, stderr: '' })
    expect(await run('savepoint', 'create', 'counting', taken, '--dir', one.dir)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/SAVEPOINT_EXISTS[^]*is not empty/) as string,
    })
    const inside = join(one.dir, 'counting', 'mine')
    expect((await run('savepoint', 'create', 'counting', inside, '--dir', one.dir)).stderr).toMatch(/INVALID_ARGUMENT[^]*in the folder of the job/)
    expect(await run('cancel', 'counting', '--dir', one.dir)).toMatchObject({ status: 0, stderr: 'counting was cancelled\n' })
    expect((await command.ended).status).toBe(130)
    expect(await one.list()).toMatchObject([{ status: 'cancelled' }])
    const { status } = await one.start(false, {}, '--name', 'copy', '--from-savepoint', taken).ended
    expect(status).toBe(0)
    one.expectResult()
  })

  test('hears what is no request, and is not harmed', async () => {
    const one = new Job('attacked')
    const command = one.start(true)
    await one.runs(command)
    const say = (bytes: Buffer | string): Promise<string> =>
      new Promise((resolve) => {
        let heard = ''
        const socket = connect(join(one.dir, 'counting', 'control.sock'))
        socket.on('data', (chunk) => {
          heard += chunk.toString()
          socket.destroy()
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve(heard))
        socket.write(bytes)
      })
    expect(await say('{"v":1,"id":1,"command":"fly"}\n')).toMatch(/"id":1,"error":\{[^}]*UNKNOWN_COMMAND/)
    expect(await say(Buffer.alloc(1 << 20, 'x'))).toMatch(/INVALID_REQUEST[^}]*bytes/)
    expect(await say(Buffer.from([0, 255, 10]))).toMatch(/INVALID_REQUEST/)
    expect(await say('{"v":1,"id":2,"command":"stop","savepoint":"relative"}\n')).toMatch(/"id":2,"error":\{[^}]*absolute/)
    expect(await run('stop', 'counting', '--dir', one.dir)).toMatchObject({ status: 0 })
    expect((await command.ended).status).toBe(0)
    expect((await one.start(false).ended).status).toBe(0)
    one.expectResult()
  })

  test('keeps it, if it answers, unless it is to be taken over', async () => {
    const one = new Job('taken-over')
    const first = one.start(true)
    await one.runs(first)
    const refused = await one.start(false).ended
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringMatching(/JOB_RUNNING/) as string])
    const second = await one.start(false, {}, '--take-over').ended
    expect([second.status, second.stderr]).toEqual([0, expect.stringMatching(/it is told to end[^]*Goes on from checkpoint/) as string])
    expect((await first.ended).status).toBe(130)
    one.expectResult()
  })

  test('and that waits to be started again is listed and cancelled', async () => {
    const one = new Job('restarting')
    const marks = one.path('mark')
    const params = ['--input', input, '--output', one.path('result.jsonl'), '--marks', marks]
    const set = [`execution.checkpointing.dir=${one.dir}`, 'restart-strategy.type=fixed-delay', 'restart-strategy.fixed-delay.delay=1 h']
    const command = new Command(['run', job('recovering.js'), ...set.flatMap((one) => ['--set', one]), '--', ...params])
    await command.says(/starting it again in/)
    expect(await one.list()).toMatchObject([{ name: 'recovering', status: 'restarting', pid: null }])
    expect((await run('stop', 'recovering', '--dir', one.dir)).stderr).toMatch(/JOB_NOT_RUNNING[^]*about to be started again[^]*or cancel it/)
    expect((await run('cancel', 'recovering', '--dir', one.dir)).status).toBe(0)
    expect((await command.ended).status).toBe(143)
    expect(await one.list()).toMatchObject([{ status: 'failed' }])
  })
})

describe('a process that was stopped while it ran a job', () => {
  test.each([
    ['the engine', false],
    ['the engine and its supervisor', true],
  ])('is ended by the next start, of two one: %s', async (_, stopsSupervisor) => {
    const one = new Job(`zombie-${String(stopsSupervisor)}`)
    const first = one.start(true)
    const pid = await one.runs(first)
    if (stopsSupervisor) first.child.kill('SIGSTOP')
    process.kill(pid, 'SIGSTOP')
    if (stopsSupervisor) expect((await run('stop', 'counting', '--dir', one.dir)).stderr).toMatch(/JOB_NOT_ANSWERING/)
    const seconds = await Promise.all([one.start(false).ended, one.start(false).ended])
    const said = seconds.map(({ stderr }) => stderr).join('\n')
    expect(new Set(seconds.map(({ status }) => status)), said).toEqual(new Set([0, 3]))
    // Who ends it need not be who goes on.
    expect(said).toContain(`Process ${pid} runs the job and does not answer: it is killed`)
    expect(said).toContain('Goes on from checkpoint')
    expect(isGone(pid)).toBe(true)
    expect((await first.ended).signal).toBe('SIGKILL')
    one.expectResult()
  })
})
