import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const script = fileURLToPath(new URL('exits.mjs', import.meta.url))

/** What the script prints in a process of its own, which must end by itself. */
async function output(way: string, ...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, way], { timeout: 40_000 })
  return stdout.trim()
}

describe('a process exits by itself', () => {
  test.concurrent.each(['finished', 'failed', 'not planned'])('after a job that has %s', async (way) => {
    expect(await output(way)).toMatch(/left$/)
  })

  test.each(['cancelled', 'cancelled before it ran', 'closed', 'disposed'])('at once and with nothing running after a job that was %s', async (way) => {
    expect(await output(way)).toBe('0 threads, nothing left')
  })

  test('after a job whose worker was lost', async () => {
    expect(await output('lost')).toMatch(/^WORKER_LOST\n/)
  })

  test('after a job whose worker ran out of memory', async () => {
    expect(await output('out of memory', '--max-old-space-size=64')).toMatch(/^WORKER_LOST\n/)
  })
})

test('a job that waits for input uses next to nothing of a core', async () => {
  expect(Number(await output('idle'))).toBeLessThan(2)
})

test('a job whose output nobody reads does not spin', async () => {
  expect(Number(await output('blocked'))).toBeLessThan(20)
})
