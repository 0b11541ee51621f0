import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/base/assert.ts'
import { Random } from '../../../src/base/random.ts'
import { SharedBudget } from '../../../src/base/shared-budget.ts'
import { BLOCK_ALIGNMENT_BYTES, createSlabMemory, PAGE_BYTES, Slab, SLAB_BYTES_MAX, SLAB_RESERVED_BYTES } from '../../../src/base/slab.ts'
import type { WasmMemory } from '../../../src/base/webassembly.ts'

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

test('ranges are filled and copied, also onto themselves, at any address', () => {
  const random = new Random(11)
  const slab = new Slab()
  const address = slab.allocate(4096)
  const expected = new Uint8Array(4096)
  slab.fill(address, 0, 4096)
  for (let step = 0; step < 500; step++) {
    const bytes = random.integer(600)
    const [to, from] = [random.integer(4096 - bytes), random.integer(4096 - bytes)]
    if (random.integer(2) === 0) {
      const value = random.integer(256)
      slab.fill(address + to, value, bytes)
      expected.fill(value, to, to + bytes)
    } else {
      slab.copy(address + to, address + from, bytes)
      expected.copyWithin(to, from, from + bytes)
    }
  }
  expect(slab.u8.slice(address, address + 4096)).toEqual(expected)
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

test('a full slab names what the block is for, its size and the operator', () => {
  const slab = new Slab(4 << 20)
  slab.user = { activeOperatorName: 'Count' }
  const use = { describeUse: () => 'a table of 12 keys in 4096 bytes' }
  const message =
    /^Cannot allocate 8388608 bytes for a table of 12 keys in 4096 bytes in operator "Count": the worker's memory budget of 4194304 bytes is used up \(/
  expect(() => slab.allocate(8 << 20, use)).toThrow(message)
  expect(() => slab.allocateZeroed(8 << 20, use)).toThrow(message)
})

test("a memory's maximum is its slab's budget", () => {
  const slab = new Slab(4 << 20)
  expect(slab.bytesMax).toBe(4 << 20)
  slab.memory.grow((slab.bytesMax - slab.u8.length) / PAGE_BYTES)
  expect(() => slab.memory.grow(1)).toThrow(RangeError)
})

test('a memory that the system does not let grow is a full slab, not a RangeError', () => {
  const memory: WasmMemory = Object.assign(createSlabMemory(0, 8 << 20), {
    grow: () => {
      throw new RangeError('Unable to grow instance memory')
    },
  })
  const slab = new Slab(8 << 20, memory)
  expect(() => slab.allocate(2 << 20)).toThrow(
    expect.objectContaining({
      code: 'SLAB_FULL',
      message: expect.stringContaining('the system refused') as string,
      cause: expect.any(RangeError) as RangeError,
    }) as Error,
  )
  expect(slab.allocate(1000) % BLOCK_ALIGNMENT_BYTES).toBe(0)
})

test('slabs that share a budget leave each other what they do not take, and grow by less before they are refused', () => {
  const process = SharedBudget.ofProcess(7 << 20)
  const slabs = [0, 1].map(() => {
    const budget = SharedBudget.ofJob(process)
    const memory = createSlabMemory(0, 8 << 20)
    expect(budget.tryTake(memory.buffer.byteLength)).toBe(true)
    return { budget, slab: new Slab(8 << 20, memory, 0, false, budget) }
  })
  const [one, other] = slabs
  one.slab.allocate(2 << 20)
  // Five of seven MiB are taken: the usual four more are refused, the needed one is not.
  expect(one.budget.usedBytes).toBe(6 << 20)
  other.slab.allocate(1 << 20)
  expect(one.budget.usedBytes).toBeLessThanOrEqual(7 << 20)
  expect(() => other.slab.allocate(2 << 20)).toThrow(/the jobs of this process have used up the 7340032 bytes that they share/)
  one.budget.release()
  expect(other.slab.allocate(2 << 20) % BLOCK_ALIGNMENT_BYTES).toBe(0)
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
