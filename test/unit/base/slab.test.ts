import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/base/assert.ts'
import { Random } from '../../../src/base/random.ts'
import { BLOCK_ALIGNMENT_BYTES, PAGE_BYTES, Slab, SLAB_BYTES_MAX, SLAB_RESERVED_BYTES } from '../../../src/base/slab.ts'

test('blocks are aligned to their size up to a page, and never overlap', () => {
  const random = new Random(7)
  const slab = new Slab()
  const blocks: { address: number; bytes: number }[] = []
  for (let step = 0; step < 3000; step++) {
    if (blocks.length > 0 && random.integer(3) === 0) {
      const { address, bytes } = blocks.splice(random.integer(blocks.length), 1)[0]
      slab.free(address, bytes)
    } else {
      const bytes = 1 + random.integer(random.integer(10) === 0 ? 300_000 : 2000)
      blocks.push({ address: slab.allocate(bytes), bytes })
    }
  }
  blocks.sort((a, b) => a.address - b.address)
  for (const [index, { address, bytes }] of blocks.entries()) {
    expect(address % Math.min(PAGE_BYTES, Slab.blockBytes(bytes))).toBe(0)
    expect(address).toBeGreaterThanOrEqual(index === 0 ? SLAB_RESERVED_BYTES : blocks[index - 1].address + blocks[index - 1].bytes)
  }
  expect(slab.allocatedBytes).toBe(blocks.reduce((sum, { bytes }) => sum + Slab.blockBytes(bytes), 0))
})

test('a freed block is handed out again', () => {
  const slab = new Slab()
  const address = slab.allocate(1000)
  slab.free(address, 1000)
  expect(slab.allocate(600)).toBe(address)
})

test('growing keeps contents, old views their length, and addresses their meaning', () => {
  const slab = new Slab()
  const before = slab.u8
  const address = slab.allocateZeroed(100)
  before[address] = 7
  slab.allocate(8 << 20)
  expect(slab.u8.length).toBeGreaterThan(before.length)
  expect([slab.u8[address], before[address], slab.i64.length * 8]).toEqual([7, 7, slab.u8.length])
  before[address] = 8
  expect(slab.u8[address]).toBe(8)
})

test('a full slab refuses with advice and stays usable', () => {
  const slab = new Slab(4 << 20)
  const used = slab.allocatedBytes
  expect(() => slab.allocate(8 << 20)).toThrow(expect.objectContaining({ code: 'SLAB_FULL', hint: expect.stringContaining('memory-max') as string }) as Error)
  expect(slab.allocatedBytes).toBe(used)
  expect(slab.allocate(1 << 20) % BLOCK_ALIGNMENT_BYTES).toBe(0)
})

test('allocateZeroed() clears what a block held before', () => {
  const slab = new Slab()
  const address = slab.allocate(128)
  slab.u8.fill(0xff, address, address + 128)
  slab.free(address, 128)
  const again = slab.allocateZeroed(128)
  expect([again, slab.u8.slice(again, again + 128).every((byte) => byte === 0)]).toEqual([address, true])
})

test('refresh() shows a foreign holder of the memory that it grew', () => {
  const owner = new Slab()
  const foreign = Object.assign(Object.create(Slab.prototype) as Slab, { memory: owner.memory })
  foreign.refresh()
  owner.allocate(16 << 20)
  expect(foreign.u8.length).toBeLessThan(owner.u8.length)
  foreign.refresh()
  expect(foreign.u8.length).toBe(owner.u8.length)
})

test('impossible budgets, sizes and addresses are bugs', () => {
  expect(() => new Slab(SLAB_BYTES_MAX + 1)).toThrow(AssertionError)
  expect(() => new Slab().allocate(0)).toThrow(AssertionError)
  expect(() => new Slab().free(SLAB_RESERVED_BYTES + 1, 64)).toThrow(AssertionError)
})
