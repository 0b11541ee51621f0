// Golden jobs: what a job writes at parallelism 1, it also writes if it begins at 2, takes three checkpoints, is killed, and goes on at 3: the same
// records to the byte, in whatever order and files.

import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { scratchFolder } from '../fixtures/command.ts'
import { CrashRun, recordLines, writeLines, type Written } from './harness.ts'

const folder = scratchFolder()
const path = (name: string): string => join(folder, name)

/** State backends. */
const BACKENDS = [{ backend: 'memory' }, { backend: 'lmdb' }] as const
const JOBS = [
  { job: 'windows', params: { in: path('many.jsonl') } },
  { job: 'process', params: { in: path('some.jsonl') } },
  { job: 'timers', params: { in: path('some.jsonl') } },
  { job: 'join', params: { in: path('some.jsonl'), right: path('right.jsonl') } },
] as const
const CHECKPOINTS = 3
/** So short that there are three of them long before the end. */
const INTERVAL = 'execution.checkpointing.interval=10'

beforeAll(() => {
  writeLines(path('many.jsonl'), recordLines(31, 120_000, 40))
  writeLines(path('some.jsonl'), recordLines(32, 80_000, 40))
  writeLines(path('right.jsonl'), recordLines(33, 40_000, 40))
})

/** The records of each sink, sorted. */
function sorted(written: Written): Readonly<Record<string, string>> {
  return Object.fromEntries([...written].map(([sink, files]) => [sink, files.flat().sort().join('\n')]))
}

test.each(BACKENDS.flatMap((backend) => JOBS.map((job) => ({ ...backend, ...job }))))(
  '$job: parallelism 1, and 2 with three checkpoints, a kill and 3, give the same result; $backend',
  async ({ backend, job, params }) => {
    const describe = (parallelism: number) => ({ path: join('test/crash/jobs', `${job}.mjs`), parallelism, params, backend, settings: [INTERVAL] })
    const alone = new CrashRun(describe(1), path(`${backend}-${job}-alone`))
    await alone.finish()
    const golden = sorted(await alone.written())
    expect(Object.values(golden).join('\n').split('\n').length).toBeGreaterThan(1000)

    const moved = new CrashRun(describe(3), path(`${backend}-${job}-moved`))
    const killed = await moved.failAt(`checkpoint.told:${CHECKPOINTS}`, 2)
    expect(killed.signal).toBe('SIGKILL')
    const { stderr } = await moved.finish()
    expect(Number(/Goes on from checkpoint (\d+)/.exec(stderr)?.[1])).toBeGreaterThanOrEqual(CHECKPOINTS)
    expect(moved.inProgress()).toBe(0)
    expect(sorted(await moved.written())).toEqual(golden)
    alone.remove()
    moved.remove()
  },
)
