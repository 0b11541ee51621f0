// A job whose sink takes nothing: its checkpoint is complete all the same, since barriers overtake what waits, and what was in flight comes once.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratchFolder } from '../fixtures/command.ts'
import { failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const folder = scratchFolder()
const ROWS = 200_000

test('without it the checkpoint waits for the sinks, and is given up', async () => {
  const scratch = join(folder, 'aligned')
  mkdirSync(join(scratch, 'out'), { recursive: true })
  const handle = engine().submit(jobUrl('blocked-sink'), {
    parallelism: 2,
    name: 'blocked',
    params: { rows: ROWS, out: join(scratch, 'out'), fails: true },
    options: {
      'execution.checkpointing.dir': join(scratch, 'checkpoints'),
      // The sinks are blocked long before.
      'execution.checkpointing.interval': '1 s',
      'execution.checkpointing.timeout': '1 s',
      'restart-strategy.type': 'none',
      'millrace.channel.memory-max': '16 kb',
    },
  })
  expect(await failureOf(handle.result)).toMatchObject({ code: 'CHECKPOINT_TIMEOUT' })
})

test.each([
  { before: 2, after: 2 },
  { before: 2, after: 3 },
  { before: 3, after: 1 },
])(
  'a checkpoint is complete while the sinks take nothing, at once, and the job goes on from it: parallelism $before, then $after',
  async ({ before, after }) => {
    const scratch = join(folder, `${before}-${after}`)
    const out = join(scratch, 'out')
    mkdirSync(out, { recursive: true })
    const options = {
      'execution.checkpointing.dir': join(scratch, 'checkpoints'),
      'execution.checkpointing.interval': '10 ms',
      'execution.checkpointing.unaligned.enabled': 'true',
      'restart-strategy.type': 'none',
      'millrace.channel.memory-max': '16 kb',
    }
    const submit = (parallelism: number, fails: boolean) =>
      engine().submit(jobUrl('blocked-sink'), { parallelism, name: 'blocked', params: { rows: ROWS, out, fails }, options })
    expect(await failureOf(submit(before, true).result)).toMatchObject({ message: expect.stringContaining('complete while blocked') as string })
    expect(readdirSync(out)).toEqual([])
    expect((await submit(after, false).result).state).toBe('finished')
    const written = readdirSync(out).map((name) => JSON.parse(readFileSync(join(out, name), 'utf8')) as { count: number; sum: number })
    expect(written.length).toBe(after)
    expect(written.reduce((all, { count }) => all + count, 0)).toBe(ROWS)
    expect(written.reduce((all, { sum }) => all + sum, 0)).toBe((ROWS * (ROWS + 1)) / 2)
  },
)
