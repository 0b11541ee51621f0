// A process that was stopped (SIGSTOP) while it ran a job, at any instant, and wakes up (SIGCONT) after another start has gone on with the job: it must have
// ended before that one begins, so that it writes nothing. The result is that of a run that nobody stopped, and stays so.
//
//   ZOMBIES       how many, 10 if it is not set
//   CRASH_SEED    repeats the draws of a run
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { scratchFolder } from '../fixtures/command.ts'
import { dice } from '../fixtures/dice.ts'
import { CrashRun, differenceOf, ended, isFinishedAlready, recordLines, writeLines } from './harness.ts'

const ZOMBIES = Number(process.env['ZOMBIES'] ?? 10)
const SEED = Number(process.env['CRASH_SEED'] ?? crypto.getRandomValues(new Uint32Array(1))[0])
/** How long a zombie sleeps: the figure. */
const SLEEP_MS = 5000

const folder = scratchFolder()

/** Sends a signal. Returns false if there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** Every file below a folder, with its size and when it was written. */
const filesIn = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => [name, statSync(join(path, name))] as const)
    .filter(([, stat]) => stat.isFile())
    .map(([name, stat]) => `${name} ${stat.size} ${stat.mtimeMs}`)
    .toSorted()

test('a process that wakes up when another has gone on with its job writes nothing', async () => {
  const random = dice(SEED)
  writeLines(join(folder, 'records.jsonl'), recordLines(11, 300_000, 60))
  const job = { path: 'test/crash/jobs/windows.mjs', parallelism: 2, params: { in: join(folder, 'records.jsonl') } }
  const undisturbed = new CrashRun(job, join(folder, 'undisturbed'))
  const whole = undisturbed.start()
  await undisturbed.listening(whole)
  const answeredMs = performance.now()
  expect((await ended(whole)).status).toBe(0)
  const usualMs = performance.now() - answeredMs
  const expected = await undisturbed.written()
  let taken = 0
  for (let zombie = 0; zombie < ZOMBIES; zombie++) {
    const run = new CrashRun(job, join(folder, `zombie-${zombie}`))
    const isSupervised = random(2) === 0
    const stopsSupervisor = isSupervised && random(2) === 0
    const first = run.start(isSupervised)
    const pid = await run.listening(first)
    await sleep(random(Math.ceil(usualMs * 0.9)))
    if (stopsSupervisor) first.child.kill('SIGSTOP')
    if (pid !== undefined) signal(pid, 'SIGSTOP')
    const stoppedMs = performance.now()
    const second = await ended(run.start())
    const course = `CRASH_SEED=${SEED}, zombie ${zombie}, supervised ${String(isSupervised)}: ${second.status}\n${second.stderr}`
    expect(second.status === 0 || isFinishedAlready(second), course).toBe(true)
    if (/is killed/.test(second.stderr)) {
      taken++
      expect(signal(pid!, 'SIGCONT') && !/\) Z /.test(readFileSync(`/proc/${pid!}/stat`, 'utf8')), course).toBe(false)
    }
    const before = [filesIn(run.path('results')), filesIn(run.path('checkpoints'))]
    await sleep(Math.max(0, SLEEP_MS - (performance.now() - stoppedMs)))
    for (const one of [pid, first.child.pid]) if (one !== undefined) signal(one, 'SIGCONT')
    await ended(first)
    expect([filesIn(run.path('results')), filesIn(run.path('checkpoints'))], course).toEqual(before)
    const { difference, examples } = await differenceOf(run, expected)
    expect(difference, [course, ...examples].join('\n')).toEqual({ lost: 0, duplicated: 0, outOfOrder: 0, inProgress: 0 })
    run.remove()
  }
  process.stdout.write(`  seed ${SEED}: ${taken} of ${ZOMBIES} were stopped in time, and taken over from\n`)
  expect(taken).toBeGreaterThan(ZOMBIES / 3)
})
