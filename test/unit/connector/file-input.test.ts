// Pipes: what a reader of standard input sees. A named pipe stands in.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { type ByteInput, WOULD_BLOCK } from '../../../src/connector/file/byte-input.ts'
import { SniffedInput } from '../../../src/connector/file/compression.ts'
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

/** Everything that an input gives which comes in these pieces, with a pause before each and before the end. */
function contentsOf(pieces: readonly Uint8Array[], length: number): { text: string; pauses: number; failure: string | undefined } {
  const context = testContext()
  const { slab } = context
  let next = 0
  let left: Uint8Array = new Uint8Array()
  let hasPaused = false
  const raw: ByteInput = {
    read(_slab, address, bytes) {
      if (left.length === 0) {
        hasPaused = !hasPaused
        if (hasPaused) return WOULD_BLOCK
        left = pieces[next++] ?? left
      }
      const count = Math.min(bytes, left.length)
      slab.u8.set(left.subarray(0, count), address)
      left = left.subarray(count)
      return count
    },
    close() {},
  }
  const input = new SniffedInput(raw, 'standard input', context)
  const address = slab.allocate(length)
  let text = ''
  let pauses = 0
  try {
    for (let count = input.read(slab, address, length); count > 0 || count === WOULD_BLOCK; count = input.read(slab, address, length)) {
      if (count === WOULD_BLOCK) pauses++
      else text += Buffer.from(slab.u8.slice(address, address + count)).toString('latin1')
    }
    return { text, pauses, failure: input.failure?.message }
  } finally {
    input.close()
    slab.free(address, length)
    expect(slab.allocatedBytes).toBe(0)
  }
}

describe('an input whose first bytes tell how it is compressed', () => {
  const cut = (bytes: Uint8Array, size: number): Uint8Array[] =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
  const words = Array.from({ length: 2000 }, (_, index) => `word ${index * 7919}\n`).join('')
  const gzip = Buffer.concat([gzipSync(words), gzipSync(words, { level: 0 }), Buffer.alloc(20)])

  test.each([1, 3, 1000, 1 << 20])('gives gzip decompressed and anything else as it is, in pieces of %d bytes', (size) => {
    for (const length of [1, 100, 1 << 20]) {
      expect(contentsOf(cut(gzip, size), length)).toMatchObject({ text: words + words, failure: undefined })
      for (const plain of ['', 'P', 'PK', '\x1f', '\x1f\x8b', '\x1f\x8b\x07 and more', words])
        expect(contentsOf(cut(Buffer.from(plain, 'latin1'), size), length)).toMatchObject({ text: plain, failure: undefined })
    }
  })

  test('does not wait for more than it needs to tell', () => {
    expect(contentsOf([Buffer.from('x')], 100)).toEqual({ text: 'x', pauses: 2, failure: undefined })
  })

  test('gives what comes before damage', () => {
    const { text, failure } = contentsOf(cut(gzipSync(words).subarray(0, -5), 100), 100)
    expect([text, failure]).toEqual([words, expect.stringContaining('Cannot read "standard input": it ends early')])
  })

  test.each([0, 6])('gives what comes before the cut of a stream of level %d', (level) => {
    const { text, failure } = contentsOf(cut(gzipSync(words, { level }).subarray(0, -1000), 100), 100)
    expect(failure).toContain('Cannot read "standard input": it ends early')
    expect(text).not.toBe('')
    expect(words.startsWith(text)).toBe(true)
  })

  test('refuses other compressions', () => {
    expect(() => contentsOf([Buffer.from([0x28, 0xb5]), Buffer.from([0x2f, 0xfd])], 100)).toThrow(
      'Cannot read "standard input": it is compressed with zstd; only gzip is supported',
    )
  })
})
