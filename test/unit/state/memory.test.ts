// The pieces that keyed state is kept in.

import { describe, expect, it } from 'vitest'
import { PAGE_BYTES, Slab } from '../../../src/base/slab.ts'
import { Random } from '../../../src/base/random.ts'
import { BlobHeap } from '../../../src/state/blob-heap.ts'
import { PairIndex } from '../../../src/state/pair-index.ts'
import { RecordPool } from '../../../src/state/record-pool.ts'

describe('RecordPool', () => {
  it('gives zeroed records that do not overlap, and uses freed ones again', () => {
    const slab = new Slab()
    const before = slab.allocatedBytes
    const pool = new RecordPool(slab, 40)
    const live = new Set<number>()
    const random = new Random(1)
    let clean = true
    for (let n = 0; n < 20_000; n++) {
      if (live.size > 0 && random.integer(3) === 0) {
        const record = [...live][0]
        live.delete(record)
        pool.free(record)
      } else {
        const record = pool.allocate()
        clean &&= slab.u8.subarray(record, record + 40).every((byte) => byte === 0) && !live.has(record)
        slab.u8.fill(0xff, record, record + 40)
        live.add(record)
      }
    }
    const seen: number[] = []
    pool.forEach((record) => seen.push(record))
    const swept = new Set<number>()
    let cursor = 0
    do cursor = pool.sweep(cursor, 100, (record) => swept.add(record))
    while (cursor !== 0)
    const sorted = [...live].sort((left, right) => left - right)
    expect([clean, pool.count, seen.sort((left, right) => left - right)]).toEqual([true, live.size, sorted])
    expect([...swept].sort((left, right) => left - right)).toEqual(sorted)
    pool.close()
    expect(slab.allocatedBytes).toBe(before)
  })
})

describe('BlobHeap', () => {
  it('gives blocks that keep their bytes until they are freed', () => {
    const slab = new Slab()
    const before = slab.allocatedBytes
    const heap = new BlobHeap(slab)
    const random = new Random(2)
    const blocks: { address: number; bytes: number; mark: number }[] = []
    let intact = true
    const check = ({ address, bytes, mark }: { address: number; bytes: number; mark: number }): void => {
      intact &&= slab.u8[address] === mark && slab.u8[address + bytes - 1] === mark
    }
    for (let n = 0; n < 20_000; n++) {
      const bytes = 1 + (random.integer(20) === 0 ? random.integer(PAGE_BYTES * 2) : random.integer(100))
      if (blocks.length > 200) {
        const [block] = blocks.splice(random.integer(blocks.length), 1)
        check(block)
        heap.free(block.address, block.bytes)
      }
      const block = { address: heap.allocate(bytes), bytes, mark: n & 255 }
      slab.u8.fill(block.mark, block.address, block.address + bytes)
      blocks.push(block)
    }
    for (const block of blocks) {
      check(block)
      const resized = heap.resize(block.address, block.bytes, block.bytes, block.bytes + 100)
      intact &&= slab.u8[resized] === block.mark && slab.u8[resized + block.bytes - 1] === block.mark
      heap.free(resized, block.bytes + 100)
    }
    heap.close()
    expect([intact, slab.allocatedBytes]).toEqual([true, before])
  })
})

describe('PairIndex', () => {
  it('finds what was added and not removed', () => {
    const slab = new Slab()
    const index = new PairIndex(slab, { owner: 4, first: 8, second: 16 })
    const pool = new RecordPool(slab, 24)
    const records = new Map<string, number>()
    const random = new Random(3)
    const numbers = [0, -1, 1.7e12, -Infinity, Infinity, 2 ** 52, 5, 6]
    let right = true
    for (let n = 0; n < 20_000; n++) {
      const owner = 64 * (1 + random.integer(50))
      const first = numbers[random.integer(numbers.length)]
      const second = numbers[random.integer(numbers.length)]
      const id = `${owner} ${first} ${second}`
      const known = records.get(id) ?? 0
      right &&= index.find(owner, first, second) === known
      if (known === 0) {
        const record = pool.allocate()
        slab.u32[record >>> 2] = 1
        slab.u32[(record + 4) >>> 2] = owner
        slab.f64[(record + 8) >>> 3] = first
        slab.f64[(record + 16) >>> 3] = second
        index.add(record)
        records.set(id, record)
      } else if (random.integer(2) === 0) {
        index.remove(known)
        pool.free(known)
        records.delete(id)
      }
    }
    expect([right, index.count]).toEqual([true, records.size])
  })
})
