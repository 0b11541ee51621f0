// Golden jobs: one subtask; two, killed behind the second checkpoint, and then three that go on from it, whichever backend wrote it and whichever reads
// it. The same final result each time.

import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { scratchFolder } from '../fixtures/command.ts'
import { type Backend, type CrashJob, CrashRun, differenceOf, recordLines, type Written, writeLines } from './harness.ts'

const folder = scratchFolder()
const input = join(folder, 'records.jsonl')
const BACKENDS: readonly Backend[] = ['memory', 'lmdb']

const JOBS = ['counts', 'sessions', 'wide-windows'] as const
const golden = new Map<string, Written>()
const jobOf = (name: string): CrashJob => ({ path: join('test/crash/jobs', `${name}.mjs`), parallelism: 1, params: { in: input } })

beforeAll(async () => {
  writeLines(input, recordLines(4, 40_000, 60))
  for (const name of JOBS) {
    const run = new CrashRun(jobOf(name), join(folder, name))
    await run.finish(1, 'memory')
    golden.set(name, await run.written())
    expect([...(await run.written()).values()].flat(2).length).toBeGreaterThan(100)
    run.remove()
  }
}, 300_000)

test.each(JOBS.flatMap((name) => BACKENDS.flatMap((writer) => BACKENDS.map((reader) => ({ name, writer, reader })))))(
  '$name: what two subtasks with $writer have kept, three with $reader go on from',
  async ({ name, writer, reader }) => {
    const run = new CrashRun(jobOf(name), join(folder, `${name}-${writer}-${reader}`))
    const { signal } = await run.failAt('checkpoint.told:2', 2, writer)
    expect(signal).toBe('SIGKILL')
    const { stderr } = await run.finish(3, reader)
    expect(stderr).toContain('Goes on from checkpoint 2')
    const { difference, examples } = await differenceOf(run, golden.get(name)!)
    expect(difference, examples.join('\n')).toMatchObject({ lost: 0, duplicated: 0, inProgress: 0 })
    run.remove()
  },
)
