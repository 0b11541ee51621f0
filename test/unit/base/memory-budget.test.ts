import { describe, expect, test } from 'vitest'
import {
  HEAPS_SHARE,
  heapsNote,
  processSlabBytes,
  RING_BUDGET_BYTES,
  RING_BYTES_MAX,
  RING_BYTES_MIN,
  ringBytesOf,
  SLABS_SHARE,
  workerHeapBytes,
  workerMemoryBytes,
} from '../../../src/base/memory-budget.ts'
import { AssertionError } from '../../../src/base/assert.ts'
import { SharedBudget } from '../../../src/base/shared-budget.ts'
import { PAGE_BYTES, SLAB_BYTES_MAX } from '../../../src/base/slab.ts'
import { isRingCapacity } from '../../../src/ring/ring-layout.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

describe('ringBytesOf()', () => {
  test('shares the budget of a worker among its rings, between the least and the largest ring', () => {
    const limit = RING_BUDGET_BYTES / RING_BYTES_MIN
    for (let count = 0; count <= limit * 2; count++) {
      const bytes = ringBytesOf(count)
      expect(isRingCapacity(bytes)).toBe(true)
      expect(bytes).toBeGreaterThanOrEqual(RING_BYTES_MIN)
      expect(bytes).toBeLessThanOrEqual(RING_BYTES_MAX)
      if (count <= limit) expect(bytes * count).toBeLessThanOrEqual(RING_BUDGET_BYTES)
    }
    expect([1, 64, 65, 128, 129, 1024, 5000].map((count) => ringBytesOf(count) / 1024)).toEqual([1024, 1024, 512, 512, 256, 64, 64])
  })

  test('takes what a caller allows at most', () => {
    expect([ringBytesOf(1, 512), ringBytesOf(5000, 512), ringBytesOf(1, 2 ** 17)]).toEqual([512, 512, 2 ** 17])
  })
})

describe('the memory of a process', () => {
  test('slabs and heaps of all workers stay within it, whatever it is', () => {
    expect(SLABS_SHARE + HEAPS_SHARE).toBeLessThan(0.9)
    for (const available of [512 * MIB, 2 * GIB, 8 * GIB, 64 * GIB, 512 * GIB])
      for (const workers of [1, 2, 16, 128]) {
        const slabs = workerMemoryBytes(workers, available) * workers
        expect(slabs).toBeLessThanOrEqual(processSlabBytes(available))
        expect(workerMemoryBytes(workers, available)).toBeLessThanOrEqual(SLAB_BYTES_MAX)
        const heap = workerHeapBytes(workers, 4 * GIB, available)
        if (heap > 64 * MIB) expect(slabs + heap * workers).toBeLessThanOrEqual(available * 0.85 + 1)
      }
  })

  test('a worker takes its part of the slabs, at most what 32 bits address', () => {
    expect(workerMemoryBytes(2, 4 * GIB)).toBe(Math.floor((4 * GIB * SLABS_SHARE) / 2))
    expect(workerMemoryBytes(1, 512 * GIB)).toBe(SLAB_BYTES_MAX)
  })

  test('in a small container slabs give way to heaps that cannot be smaller', () => {
    for (const [available, workers] of [
      [256 * MIB, 2],
      [512 * MIB, 4],
      [GIB, 8],
      [2 * GIB, 16],
      [256 * MIB, 8],
    ] as const) {
      const slabs = workerMemoryBytes(workers, available) * workers
      const heaps = workerHeapBytes(workers, 4 * GIB, available) * workers
      expect(slabs).toBeGreaterThanOrEqual(0)
      if (slabs > 0) expect(slabs + heaps).toBeLessThanOrEqual(available * (SLABS_SHARE + HEAPS_SHARE))
    }
  })

  test('a heap is never more than what V8 gives by itself, and never too small to start', () => {
    expect(workerHeapBytes(1, 2 * GIB, 512 * GIB)).toBe(2 * GIB)
    expect(workerHeapBytes(64, 2 * GIB, 512 * MIB)).toBe(64 * MIB)
    expect(workerHeapBytes(2, 4 * GIB, 4 * GIB)).toBe((4 * GIB * HEAPS_SHARE) / 2)
  })
})

describe('SharedBudget', () => {
  test('SharedBudget.tryTake() refuses what the jobs of a process together may not have, and a released job leaves all it had', () => {
    const process = SharedBudget.ofProcess(10 * PAGE_BYTES + 1)
    const one = SharedBudget.ofJob(process)
    const other = SharedBudget.ofJob(process)
    // Another thread's view of the same job.
    const worker = new SharedBudget(one.memory)
    expect([one.tryTake(4 * PAGE_BYTES), worker.tryTake(2 * PAGE_BYTES), other.tryTake(4 * PAGE_BYTES)]).toEqual([true, true, true])
    expect([one.tryTake(PAGE_BYTES), other.tryTake(PAGE_BYTES), one.usedBytes]).toEqual([false, false, 10 * PAGE_BYTES])
    one.release()
    expect([other.usedBytes, other.tryTake(7 * PAGE_BYTES), other.tryTake(6 * PAGE_BYTES)]).toEqual([4 * PAGE_BYTES, false, true])
    one.release()
    other.release()
    expect([other.usedBytes, other.bytesMax]).toEqual([0, 10 * PAGE_BYTES])
  })

  test('SharedBudget.tryTake() takes whole pages only', () => {
    expect(() => SharedBudget.ofJob(SharedBudget.ofProcess(GIB)).tryTake(100)).toThrow(AssertionError)
  })
})

describe('heapsNote()', () => {
  test('tells of a flag that lets heaps grow beyond their share, with both sizes', () => {
    expect(heapsNote(2, 2 * GIB, 8 * GIB)).toBe(
      '--max-old-space-size lets each of 2 workers have a heap of 2048 MiB; the engine would give it 1024 MiB of the 8192 MiB that this process may use',
    )
  })

  test('has nothing to tell of a flag within the share, or of none', () => {
    expect(heapsNote(2, GIB, 8 * GIB)).toBeUndefined()
    expect(heapsNote(2, undefined, 8 * GIB)).toBeUndefined()
  })
})
