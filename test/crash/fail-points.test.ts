// Exactly once, at each step of the protocols: jobs of three kinds end, as by SIGKILL, at every place that src/base/fail-points.ts names, also while they
// are restored; started again they finish, and the result is that of a run that nobody ended.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root, scratchFolder } from '../fixtures/command.ts'
import { CrashRun, differenceOf, recordLines, type Written, writeLines } from './harness.ts'

const folder = scratchFolder()
const path = (name: string): string => join(folder, name)

/** The names, read from the source: the built package does not export them. */
const NAMES = [...readFileSync(join(root, 'src/base/fail-points.ts'), 'utf8').matchAll(/^ {2}'([\w.-]+)',$/gm)].map(([, name]) => name)

const JOBS = [
  { name: 'windows', params: { in: path('records.jsonl') }, parallelism: 2 },
  { name: 'process', params: { in: path('records.jsonl') }, parallelism: 2 },
  { name: 'join', params: { in: path('records.jsonl'), right: path('right.jsonl') }, parallelism: 1 },
] as const

const expected = new Map<string, Written>()
const describe = ({ name, params, parallelism }: (typeof JOBS)[number]) => ({ path: join('test/crash/jobs', `${name}.mjs`), params, parallelism })

beforeAll(async () => {
  writeLines(path('records.jsonl'), recordLines(7, 60_000, 40))
  writeLines(path('right.jsonl'), recordLines(8, 30_000, 40))
  for (const job of JOBS) {
    const run = new CrashRun(describe(job), path(`undisturbed-${job.name}`))
    await run.finish()
    expected.set(job.name, run.written())
  }
})

test('there are enough of them', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(40)
  expect(new Set(NAMES).size).toBe(NAMES.length)
})

test.each(NAMES)('a job that ends at %s goes on and answers as one that does not', async (name) => {
  let reached = 0
  for (const job of JOBS) {
    const run = new CrashRun(describe(job), path(`${name}-${job.name}`))
    // What is restored needs a checkpoint; what happens once happens the first time.
    if (name.startsWith('restore.sink')) await run.failAt('sink.before-commit', job.parallelism)
    else if (name.startsWith('restore.')) await run.failAt('checkpoint.told:2', job.parallelism)
    const again = name.startsWith('checkpoint.') || name.startsWith('storage.') || name.startsWith('prune.') ? [1, 3] : [1]
    let isFinished = false
    for (const time of again) {
      if (isFinished) break
      const { signal } = await run.failAt(`${name}:${time}`, job.parallelism)
      if (signal === null) isFinished = true
      else reached++
    }
    if (!isFinished) await run.finish()
    const { difference, examples } = differenceOf(run, expected.get(job.name)!)
    expect(difference, [job.name, ...examples].join('\n')).toEqual({ lost: 0, duplicated: 0, outOfOrder: 0, inProgress: 0 })
    run.remove()
  }
  expect(reached, 'no job came there').toBeGreaterThan(0)
})
