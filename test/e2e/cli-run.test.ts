// `millrace run` from outside: what it prints where, how it exits, how it is interrupted.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, job, root, run, scratchFolder } from '../fixtures/command.ts'

/** A job that gives `count` numbers to a function of nothing. */
function writeJob(path: string, count: number): void {
  writeFileSync(
    path,
    `import { defineJob } from 'millrace'\nexport default defineJob(import.meta, (env) => { env.fromCollection(Array(${count}).fill(1)).forEach(() => {}) })\n`,
  )
}

describe('a job that finishes', () => {
  test('in JavaScript exits with 0 and tells rows and tasks on standard error only', async () => {
    const { status, stdout, stderr } = await run('run', job('ten-rows.js'))
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(stderr).toMatch(/^ten-rows finished in [\d.]+ s: 10 rows read, 7 written, .* rows\/s\n {2}task +rows in +rows out.*\n/)
  })

  test('in TypeScript is bundled once, gets its params, and finds files beside itself', async () => {
    const cache = scratchFolder()
    const first = await new Command(['run', job('numbers.ts'), '--json', '--name', 'n', '--', '--limit', '1000'], { env: { TMPDIR: cache } }).ended
    expect(first).toMatchObject({ status: 0, stdout: '' })
    expect(JSON.parse(first.stderr)).toMatchObject({ job: 'n', state: 'finished', rowsRead: 1000, rowsWritten: 1000 })
    // esbuild is not even started when nothing has changed.
    const second = await new Command(['run', job('numbers.ts'), '--json'], { env: { TMPDIR: cache, ESBUILD_BINARY_PATH: '/nowhere' } }).ended
    expect(second.status).toBe(0)
    expect(JSON.parse(second.stderr)).toMatchObject({ job: 'numbers', rowsRead: 10 })
  })

  test('with --parallelism runs in that many subtasks', async () => {
    const { stderr } = await run('run', job('subtasks.js'), '--parallelism', '3', '--quiet')
    expect(stderr.split('\n').filter((line) => line.includes('subtask')).length).toBe(3)
  })

  test('with --quiet says nothing', async () => {
    expect(await run('run', job('ten-rows.js'), '--quiet')).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })

  test("notes Flink's options that mean nothing here", async () => {
    const { status, stderr } = await run('run', job('ten-rows.js'), '--set', 'taskmanager.numberOfTaskSlots=4')
    expect(status).toBe(0)
    expect(stderr).toMatch(/^note: taskmanager.numberOfTaskSlots has no effect/)
  })

  test('prints rows on standard output and nothing else', async () => {
    const { status, stdout, stderr } = await run('run', job('printing.js'))
    expect({ status, stdout }).toEqual({ status: 0, stdout: '+I[a, 1]\n+I[b, 2]\n' })
    expect(stderr).toMatch(/^talk\n/)
  })

  test('ends in silence when the reader of its rows has gone', async () => {
    const command = new Command(['run', job('printing-much.js')])
    command.child.stdout!.once('data', () => command.child.stdout!.destroy())
    expect(await command.ended).toMatchObject({ status: 141, stderr: '' })
  })

  test('writes no escape codes into pipes', async () => {
    const { stderr } = await run('run', job('ten-rows.js'))
    expect(stderr).not.toContain('\u001b')
  })
})

describe('where a job lies', () => {
  test.each(['job.js', 'job.mjs', 'job.ts'])('%s runs outside of any project, with the engine that runs it', async (name) => {
    const cwd = scratchFolder()
    writeJob(join(cwd, name), 12)
    const { status, stderr } = await new Command(['run', name], { cwd }).ended
    expect(stderr).toContain('12 rows read')
    expect(status).toBe(0)
  })

  test('packages are found from the job, not from the bundle', async () => {
    const cwd = scratchFolder()
    mkdirSync(join(cwd, 'node_modules/dozen'), { recursive: true })
    writeFileSync(
      join(cwd, 'node_modules/dozen/package.json'),
      '{ "name": "dozen", "version": "1.0.0", "type": "module", "exports": { ".": { "node": "./node.js", "default": "./other.js" } } }',
    )
    writeFileSync(join(cwd, 'node_modules/dozen/node.js'), 'export default 12\n')
    writeFileSync(join(cwd, 'node_modules/dozen/other.js'), 'export default 13\n')
    mkdirSync(join(cwd, 'jobs'))
    writeFileSync(
      join(cwd, 'jobs/job.ts'),
      "import dozen from 'dozen'\nimport { defineJob } from 'millrace'\nexport default defineJob(import.meta, (env) => { env.fromCollection(Array<number>(dozen).fill(1)).forEach(() => {}) })\n",
    )
    expect((await new Command(['run', 'jobs/job.ts'], { cwd }).ended).stderr).toContain('12 rows read')
  })

  test('an installed package is imported as it lies', async () => {
    const cwd = scratchFolder()
    mkdirSync(join(cwd, 'node_modules'))
    symlinkSync(root, join(cwd, 'node_modules/millrace'), 'dir')
    writeJob(join(cwd, 'job.js'), 3)
    const { status, stderr } = await new Command(['run', 'job.js'], { cwd, env: { ESBUILD_BINARY_PATH: '/nowhere' } }).ended
    expect(stderr).toContain('3 rows read')
    expect(status).toBe(0)
  })

  test('a changed import makes another bundle', async () => {
    const cwd = scratchFolder()
    cpSync(join(root, job('numbers.ts')), join(cwd, 'numbers.ts'))
    cpSync(join(root, job('numbers-library.ts')), join(cwd, 'numbers-library.ts'))
    writeFileSync(join(cwd, 'numbers-factor.txt'), '1')
    expect((await new Command(['run', 'numbers.ts'], { cwd }).ended).status).toBe(0)
    writeFileSync(join(cwd, 'numbers-library.ts'), "export function double(): number { throw new Error('changed') }\n")
    const { status, stderr } = await new Command(['run', 'numbers.ts'], { cwd }).ended
    expect(status).toBe(1)
    expect(stderr).toContain('numbers-library.ts:1:42')
  })
})

describe('a job that fails', () => {
  test("exits with 1 and tells the user's own lines, of the source, and none of the engine", async () => {
    const { status, stdout, stderr } = await run('run', job('failing.ts'))
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^error \[USER_FUNCTION_FAILED\]: .*Cannot read properties of undefined \(reading 'length'\)\n/)
    expect(stderr).toContain('    at nameLength (test/fixtures/jobs/failing.ts:9:20)\n')
    expect(stderr).not.toMatch(/src\/|dist\/|node:/)
  })

  test("with --verbose tells the engine's lines too", async () => {
    expect((await run('run', job('failing.ts'), '--verbose')).stderr).toMatch(/RowOperator\.processBatch/)
  })

  test('with --json tells the error as JSON', async () => {
    const { status, stderr } = await run('run', job('failing.ts'), '--json')
    expect(status).toBe(1)
    expect(JSON.parse(stderr)).toMatchObject({ state: 'failed', error: { name: 'UserFunctionError', code: 'USER_FUNCTION_FAILED' } })
  })

  test.each([
    ['has no sink', 'no-sink.js', /\[NO_SINK\].*\n {2}hint: End each stream/],
    ['does not export one', 'not-a-job.js', /\[NOT_A_JOB\].*not-a-job\.js/],
    ['exports one by name', 'named-job.js', /\[NOT_A_JOB\].*named-job\.js.*\n {2}hint: It exports a job as "job": export that as default\./],
    ['leaves out import.meta', 'job-without-meta.js', /\[NOT_A_JOB\].*expected import\.meta[^]* {4}at .*job-without-meta\.js:3:\d+/],
    ['throws while it is planned', 'throwing-program.ts', /Error: no such table\n {4}at .*throwing-program\.ts:6:9/],
  ])('before it runs, because it %s, exits with 2', async (_, name, text) => {
    const { status, stdout, stderr } = await run('run', job(name))
    expect(stderr).toMatch(text)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test('because its program needs more memory than there is says so, and what to do', async () => {
    const { status, stderr } = await new Command(['run', job('hungry-program.js'), '--parallelism', '1'], { nodeArgs: ['--max-old-space-size=64'] }).ended
    expect(stderr).toMatch(/error \[COORDINATOR_LOST\]: The coordinator thread of job "hungry-program" ran out of memory\n {2}hint: .*--max-old-space-size/)
    expect(stderr).not.toMatch(/did more than define it/)
    expect(status).toBe(2)
  })

  test.each(['broken.js', 'broken.ts'])('because it does not parse (%s) tells where, and exits with 2', async (name) => {
    const cwd = scratchFolder()
    symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'), 'dir')
    writeFileSync(
      join(cwd, name),
      "import { defineJob } from 'millrace'\nexport default defineJob(import.meta, (env) => {\n  env.fromElements(1).map((value => value)\n})\n",
    )
    const { status, stdout, stderr } = await new Command(['run', name], { cwd }).ended
    expect(stderr).toContain(`${join(cwd, name)}:4:1: Expected ")" but found "}"\n    })\n    ^\n`)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test.each(['job.js', 'job.ts'])('because %s imports a name that millrace does not have tells where, and what was meant', async (name) => {
    const cwd = scratchFolder()
    mkdirSync(join(cwd, 'node_modules'))
    symlinkSync(root, join(cwd, 'node_modules/millrace'), 'dir')
    writeFileSync(join(cwd, 'helper.js'), 'export const one = 1\n')
    writeFileSync(
      join(cwd, name),
      "import { one } from './helper.js'\nimport {\n  t,\n  defineJobb,\n} from 'millrace'\nexport default defineJobb(import.meta, () => one)\n",
    )
    for (const command of ['run', 'explain']) {
      const { status, stderr } = await new Command([command, name], { cwd }).ended
      expect(stderr).toBe(
        `error [UNKNOWN_EXPORT]: Cannot import "defineJobb" from "millrace": there is no such export\n  hint: Did you mean "defineJob"?\n    at ${name}:4:3\n`,
      )
      expect(status).toBe(2)
    }
  })

  test('because an import does not exist tells where', async () => {
    const cwd = scratchFolder()
    writeFileSync(join(cwd, 'job.ts'), "import x from 'not-installed'\nexport default x\n")
    const { status, stderr } = await new Command(['run', 'job.ts'], { cwd }).ended
    expect(status).toBe(2)
    expect(stderr).toContain(`${join(cwd, 'job.ts')}:1:15: Could not resolve "not-installed"`)
  })
})

describe('--dev', () => {
  test.each([
    ['keep', 'ROW_RETAINED', 'careless.ts:11:19', 'Keep row.toObject()'],
    ['return', 'UNDEFINED_RETURNED', 'careless.ts:15:8', 'Return a value'],
  ])("tells a mistake at the user's line (%s) that is not seen without it", async (how, code, place, hint) => {
    const careless = ['run', job('careless.ts'), '--quiet', '--parallelism', '1']
    expect(await run(...careless, '--', '--how', how)).toMatchObject({ status: 0, stderr: '' })
    const { status, stderr } = await run(...careless, '--dev', '--', '--how', how)
    expect(stderr).toContain(`error [${code}]: `)
    expect(stderr).toContain(`  hint: ${hint}`)
    expect(stderr.split('\n')[2]).toContain(place)
    expect(status).toBe(1)
  })
})

describe('asynchronous mistakes', () => {
  test('a promise of a synchronous function, a rejection and process.exit are told with what to do or where', async () => {
    for (const [how, text] of [
      [
        'promise',
        'error [PROMISE_RETURNED]: Function of operator "Map" (subtask 0) returned a promise: it must be synchronous\n  hint: Call asynchronous functions by AsyncDataStream',
      ],
      [
        'rejection',
        'error [USER_FUNCTION_FAILED]: A promise of user code was rejected and nobody handled it in worker 0: Error: lost\n    at <anonymous> (test/fixtures/jobs/astray.ts:9:52)',
      ],
      [
        'exit',
        'error [USER_FUNCTION_FAILED]: Function of operator "Map" (subtask 0) threw Error: process.exit(7) would end the thread of the job\n    at <anonymous> (test/fixtures/jobs/astray.ts:10:42)',
      ],
    ]) {
      const { status, stderr } = await run('run', job('astray.ts'), '--quiet', '--parallelism', '1', '--', '--how', how)
      expect(stderr).toContain(text)
      expect(status).toBe(1)
    }
  })
})

test('a flag that overrides the heap limits of workers is told, once', async () => {
  const { status, stderr } = await new Command(['run', job('ten-rows.js'), '--quiet'], { nodeArgs: ['--max-old-space-size=1000000'] }).ended
  expect(stderr).toMatch(/^note: --max-old-space-size lets each of \d+ workers have a heap of 1000000 MiB; .*\n$/)
  expect(status).toBe(0)
})

describe('interruption', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s cancels a job that waits, and it exits with %i', async (signal, code) => {
    const command = new Command(['run', job('endless.js'), '--parallelism', '2'])
    await command.says(/running/)
    command.child.kill(signal)
    const { status, stdout, stderr } = await command.ended
    expect({ status, stdout }).toEqual({ status: code, stdout: '' })
    expect(stderr).toMatch(/Cancelling/)
    expect(stderr).toMatch(/endless was cancelled in/)
  })

  test.each(['map', 'filter', 'key', 'process', 'forEach'])('SIGINT ends a job whose %s function is slow without waiting for its batch', async (kind) => {
    const command = new Command(['run', job('slow.js'), '--parallelism', '1', '--', '--kind', kind])
    await command.says(/at it/)
    const killedMs = performance.now()
    command.child.kill('SIGINT')
    const { status, stderr } = await command.ended
    expect(status).toBe(130)
    // A batch of such rows takes 50 s, and workers that do not listen are given 10. The end takes a tenth of a second, on a busy machine more.
    expect(performance.now() - killedMs).toBeLessThan(8000)
    const [, written] = /rows read, ([\d,]+) written/.exec(stderr)!
    expect(Number(written.replace(',', ''))).toBeGreaterThan(10)
  })

  test('a second signal kills a job that does not listen', async () => {
    const command = new Command(['run', job('blocking.js')])
    await command.says(/blocking now/)
    command.child.kill('SIGINT')
    await command.says(/Ctrl-C again kills/)
    command.child.kill('SIGINT')
    expect(await command.ended).toMatchObject({ signal: 'SIGKILL' })
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('a second %s ends a job whose module never returns, before any worker runs', async (signal) => {
    const command = new Command(['run', job('blocking-module.js')])
    await command.says(/loading now/)
    command.child.kill(signal)
    await command.says(/Cancelling/)
    command.child.kill(signal)
    const ended = await command.ended
    // A second after the first signal the engine ends the thread by itself: that may come before, where the cores are busy.
    expect([130, 143, 'SIGKILL']).toContain(ended.signal ?? ended.status)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s just while the command begins to exit is not lost', async (signal) => {
    // Sent in the moment in which the run's listeners are taken off: the system hands it over, and no listener has heard it.
    const sendsSignal = `for (const name of ['off', 'removeAllListeners']) {
        const remove = process[name]
        process[name] = function (...args) {
          process[name] = remove
          process.kill(process.pid, '${signal}')
          return remove.apply(this, args)
        }
      }`
    const command = new Command(['run', job('ten-rows.js')], { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(sendsSignal)}`] })
    expect(await command.ended).toMatchObject({ status: null, signal })
  })
})

describe('--parallelism', () => {
  test('beyond what a machine bears is refused with the bound, also if the job sets it', async () => {
    const { status, stderr } = await run('run', job('ten-rows.js'), '--parallelism', '30000')
    expect(stderr).toMatch(/\[INVALID_PARALLELISM\]: Cannot run job "ten-rows" with a parallelism of 30000: it must be an integer in 1\.\.\d+ on this machine/)
    expect(status).toBe(2)
    expect(await run('run', job('too-parallel.js'))).toMatchObject({ status: 2, stderr: expect.stringContaining('with a parallelism of 30000') as string })
  })
})

describe('--watch', () => {
  test('runs a job again when a file that it imports changes, also after it did not parse', async () => {
    const cwd = scratchFolder()
    cpSync(join(root, job('numbers-library.ts')), join(cwd, 'library.ts'))
    writeFileSync(
      join(cwd, 'job.ts'),
      "import { defineJob } from 'millrace'\nimport { double } from './library.ts'\nexport default defineJob(import.meta, (env) => { env.fromCollection(Array<number>(double(2)).fill(1)).forEach(() => {}) })\n",
    )
    const command = new Command(['run', '--watch', 'job.ts'], { cwd })
    await command.says(/4 rows read[^]*Waiting for changes/)
    writeFileSync(join(cwd, 'library.ts'), 'export function double(value: number): number { return value * 3 }\n')
    await command.says(/6 rows read[^]*Waiting for changes/)
    writeFileSync(join(cwd, 'library.ts'), 'export function double(value: number): number { return value * }\n')
    await command.says(/library\.ts:1:\d+: Unexpected[^]*Waiting for changes of job\.ts/)
    writeFileSync(join(cwd, 'library.ts'), 'export function double(value: number): number { return value * 4 }\n')
    await command.says(/8 rows read[^]*Waiting for changes/)
    command.child.kill('SIGINT')
    expect(await command.ended).toMatchObject({ status: 130, stdout: '' })
  })
})

describe('--inspect', () => {
  test('runs on the calling thread under the inspector that is open', async () => {
    const { status, stdout, stderr } = await new Command(['run', '--inspect', job('failing.ts')], { nodeArgs: ['--inspect=0'] }).ended
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('    at nameLength (test/fixtures/jobs/failing.ts:9:20)\n')
  })

  test('opens an inspector and waits for a debugger', async () => {
    const command = new Command(['run', '--inspect=127.0.0.1:0', job('ten-rows.js')])
    await command.says(/Debugger listening on ws:\/\/127\.0\.0\.1:\d+/)
    expect(command.stderr).toContain('Waiting for a debugger')
    command.child.kill('SIGKILL')
    expect(await command.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' })
  })
})

test('the source map of a bundle leads a debugger to the job', async () => {
  const cache = scratchFolder()
  const { stderr } = await new Command(['run', '--inspect', job('where.ts')], { nodeArgs: ['--inspect=0'], env: { TMPDIR: cache } }).ended
  const bundle = /bundle (file:\S+)/.exec(stderr)?.[1]
  expect(bundle).toBeDefined()
  const text = readFileSync(new URL(bundle!), 'utf8')
  const map = JSON.parse(readFileSync(new URL(/\/\/# sourceMappingURL=(.*)/.exec(text)![1], bundle), 'utf8')) as { sources: string[] }
  expect(map.sources.map((source) => new URL(source, bundle).pathname)).toContain(join(root, job('where.ts')))
  expect(stderr).toContain(`meta file://${join(root, job('where.ts'))}`)
})
