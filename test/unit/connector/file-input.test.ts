// Pipes: what a reader of standard input sees. A named pipe stands in.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { WOULD_BLOCK } from '../../../src/connector/file/byte-input.ts'
import { PipeInput } from '../../../src/connector/file/standard-input.ts'
import type { OperatorMetrics } from '../../../src/operator/operator.ts'
import { scratchFolder, testContext } from './file-probe.ts'

const folder = scratchFolder()
const open: (() => void)[] = []
afterEach(() => open.splice(0).forEach((close) => close()))

let pipes = 0
/** Both ends of a pipe, and an input that reads one of them. */
function pipe(): {
  readonly reader: number
  readonly writer: number
  readonly metrics: OperatorMetrics
  woken(): Promise<void>
  take(length: number): string | number
} {
  const path = join(folder, `pipe-${pipes++}`)
  execFileSync('mkfifo', [path])
  // A pipe can be opened by either end alone only without waiting for the other; the reader waits all the same, as standard input does.
  const opener = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')
  const reader = openSync(path, 'r')
  closeSync(opener)
  const { slab, metrics } = testContext()
  let wake = (): void => {}
  const input = new PipeInput(reader, metrics, () => wake())
  open.push(() => {
    input.close()
    closeSync(reader)
  })
  const address = slab.allocate(1 << 20)
  return {
    reader,
    writer,
    metrics,
    woken: () => new Promise((resolve) => (wake = resolve)),
    take(length) {
      const count = input.read(slab, address, length)
      return count > 0 ? Buffer.from(slab.u8.slice(address, address + count)).toString() : count
    },
  }
}

describe('an input that reads a pipe', () => {
  test('says to come back while it is empty, wakes when something has come, and when the other end has gone', async () => {
    const { writer, metrics, woken, take } = pipe()
    expect(take(100)).toBe(WOULD_BLOCK)
    const came = woken()
    writeSync(writer, 'hello')
    await came
    expect([take(3), take(97), take(100)]).toEqual(['hel', 'lo', WOULD_BLOCK])
    const ended = woken()
    closeSync(writer)
    await ended
    expect([take(100), metrics.bytesRead]).toEqual([0, 5])
  })

  test('gives what the event loop has taken in before what is still in the pipe', async () => {
    const { writer, woken, take } = pipe()
    const came = woken()
    writeSync(writer, 'a'.repeat(10))
    await came
    writeSync(writer, 'b'.repeat(10))
    expect([take(4), take(100), take(100), take(100)]).toEqual(['aaaa', 'aaaaaa', 'bbbbbbbbbb', WOULD_BLOCK])
    closeSync(writer)
  })

  test('leaves in the pipe what it has no room for, and gives every byte in order', async () => {
    const path = join(folder, 'sent')
    const sent = Array.from({ length: 60_000 }, (_, index) => `${index} `.padEnd(64, 'x')).join('')
    writeFileSync(path, sent)
    const { writer, woken, take } = pipe()
    const child = spawn('cat', [path], { stdio: ['ignore', writer, 'ignore'] })
    closeSync(writer)
    let received = ''
    for (;;) {
      const came = woken()
      const bytes = take(5000)
      if (bytes === 0) break
      if (bytes === WOULD_BLOCK) await came
      else received += bytes
      if (received.length % 3 === 0) await new Promise(setImmediate)
    }
    expect(received).toBe(sent)
    expect(child.exitCode ?? 0).toBe(0)
  })

  test('leaves the descriptor as it was for others who share it', () => {
    const { reader, writer } = pipe()
    writeSync(writer, 'x')
    // The input has not had a turn of the event loop, so nothing is taken.
    expect(readSync(reader, Buffer.alloc(10))).toBe(1)
    closeSync(writer)
  })
})
