// Pipes: what a reader of standard input sees. A named pipe stands in, opened so that it does not block.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PipeInput, WOULD_BLOCK } from '../../../src/connector/file/byte-input.ts'
import { scratchFolder, testContext } from './file-probe.ts'

const folder = scratchFolder()

test('an empty pipe says to come back, a closed one that it has ended', () => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')
  const { slab, metrics } = testContext()
  const address = slab.allocate(100)
  const input = new PipeInput(reader, metrics)
  expect(input.read(slab, address, 100)).toBe(WOULD_BLOCK)
  writeSync(writer, 'hello')
  expect(input.read(slab, address, 3)).toBe(3)
  expect(input.read(slab, address + 3, 97)).toBe(2)
  expect(Buffer.from(slab.u8.slice(address, address + 5)).toString()).toBe('hello')
  expect(metrics.bytesRead).toBe(5)
  closeSync(writer)
  expect(input.read(slab, address, 100)).toBe(0)
  input.close()
  closeSync(reader)
  expect(() => input.read(slab, address, 100)).toThrow('Cannot read "standard input"')
})
