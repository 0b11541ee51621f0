import { describe, expect, it } from 'vitest'
import { textKeyBytes } from '../../../src/base/key-bytes.ts'
import { Slab } from '../../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { type KeyBatch, KeyEncoder } from '../../../src/kernels/keys.ts'
import { KeyForm, SEGMENT_ENTRIES_MAX } from '../../../src/kernels/table-layout.ts'
import { SegmentTable } from '../../../src/state/segment-table.ts'

const module = compileKernels()

/** A key batch of texts, from their canonical bytes. */
function textKeys(slab: Slab, encoder: KeyEncoder, texts: readonly string[]): KeyBatch {
  const all = texts.map(textKeyBytes)
  const offsets = slab.allocate((texts.length + 1) * 4)
  const data = slab.allocate(all.reduce((sum, bytes) => sum + bytes.length, 0) + 64)
  let at = 0
  all.forEach((bytes, index) => {
    slab.u32[(offsets >>> 2) + index] = at
    slab.u8.set(bytes, data + at)
    at += bytes.length
  })
  slab.u32[(offsets >>> 2) + texts.length] = at
  return encoder.encodeCanonical(offsets, data, texts.length)
}

/** Key batches of int64 keys first..first + n - 1 whose hashes the test chooses. */
function chosenKeys(slab: Slab, first: number, n: number, hashOf: (key: number) => bigint): KeyBatch {
  const hashes = slab.allocate(n * 8)
  const keys = slab.allocate(n * 8)
  for (let index = 0; index < n; index++) {
    slab.u64[(hashes >>> 3) + index] = hashOf(first + index)
    slab.i64[(keys >>> 3) + index] = BigInt(first + index)
  }
  return { form: KeyForm.VALUE, count: n, hashes, keys, words: 0 }
}

describe('SegmentTable', () => {
  it('keeps its size while long keys come and go', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const encoder = new KeyEncoder(slab, kernels, KeyForm.BYTES, 1)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.BYTES, valueBytes: 8, maxParallelism: 128, slotSeed: 1 })
    const stays = Array.from({ length: 50 }, (_, index) => `stays-${index}-`.padEnd(120, 's'))
    const [out, kept] = [slab.allocate(4096), slab.allocate(4096)]
    table.findOrInsert(textKeys(slab, encoder, stays), kept)
    const entries = [...slab.u32.subarray(kept >>> 2, (kept >>> 2) + 50)]
    let bytes = 0
    for (let round = 0; round < 300; round++) {
      const texts = Array.from({ length: 50 }, (_, index) => `goes-${round}-${index}-`.padEnd(100, 'g'))
      expect(table.findOrInsert(textKeys(slab, encoder, texts), out)).toBe(50)
      table.remove(out, 50)
      if (round === 100) bytes = table.bytes
    }
    expect(table.bytes).toBe(bytes)
    expect(table.entryCount).toBe(50)
    // The heap was compacted many times; entries stood still and their keys are what they were.
    expect(entries.map((entry) => table.keyBytesOf(entry))).toEqual(stays.map(textKeyBytes))
    table.find(textKeys(slab, encoder, stays), out)
    expect([...slab.u32.subarray(out >>> 2, (out >>> 2) + 50)]).toEqual(entries)
  })

  it('splits segments when they are full and finds everything again', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 128, slotSeed: 7 })
    const mix = (key: number): bigint => BigInt.asUintN(64, BigInt(key) * 0x9e3779b97f4a7c15n)
    const out = slab.allocate(16_384 * 4)
    const total = 3 * SEGMENT_ENTRIES_MAX
    for (let first = 0; first < total; first += 16_384) expect(table.findOrInsert(chosenKeys(slab, first, 16_384, mix), out)).toBe(16_384)
    expect(table.entryCount).toBe(total)
    expect(table.segmentCount).toBeGreaterThan(3)
    for (let first = 0; first < total; first += 16_384) {
      table.find(chosenKeys(slab, first, 16_384, mix), out)
      for (let index = 0; index < 16_384; index += 97) expect(slab.i64[(slab.u32[(out >>> 2) + index] + 16) >>> 3]).toBe(BigInt(first + index))
    }
  })

  it('lets a segment grow on when all its keys share one route', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 1, slotSeed: 7, segmentEntriesMax: 64 })
    const sameRoute = (key: number): bigint => (0xabcd0000n << 32n) | BigInt(key)
    const out = slab.allocate(4096 * 4)
    expect(table.findOrInsert(chosenKeys(slab, 0, 4096, sameRoute), out)).toBe(4096)
    expect(table.findOrInsert(chosenKeys(slab, 0, 4096, sameRoute), out)).toBe(0)
    // 16 bits of route, three a split and the last alone: each split leaves its empty siblings behind.
    expect(table.segmentCount).toBe(1 + 5 * 7 + 1)
    let seen = 0
    table.forEachKeyGroup((keyGroup, _entries, n) => {
      expect(keyGroup).toBe(0)
      seen += n
    })
    expect(seen).toBe(4096)
  })

  it('tells keys apart whose hashes are equal', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 128, slotSeed: 3 })
    const out = slab.allocate(40 * 4)
    expect(
      table.findOrInsert(
        chosenKeys(slab, 0, 40, () => 42n),
        out,
      ),
    ).toBe(40)
    table.find(
      chosenKeys(slab, 38, 4, () => 42n),
      out,
    )
    expect([...slab.u32.subarray(out >>> 2, (out >>> 2) + 4)].map((entry) => entry !== 0)).toEqual([true, true, false, false])
  })

  it('starts with the key groups of its subtask', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, {
      form: KeyForm.VALUE,
      valueBytes: 8,
      maxParallelism: 100,
      firstGroup: 34,
      lastGroup: 66,
      slotSeed: 3,
      segmentEntriesMax: 16,
    })
    const inRange = (key: number): bigint => (BigInt(100 * (key * 7919) + 34 + (key % 33)) << 32n) | BigInt(key * 31)
    const out = slab.allocate(500 * 4)
    table.findOrInsert(chosenKeys(slab, 0, 500, inRange), out)
    const groups: number[] = []
    table.forEachKeyGroup((keyGroup) => groups.push(keyGroup))
    expect([...new Set(groups)]).toEqual(Array.from({ length: 33 }, (_, index) => 34 + index))
    expect(groups).toEqual(groups.toSorted((left, right) => left - right))
  })

  it('fails when the slab is full, saying what to do', () => {
    const slab = new Slab(2 << 20)
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 256, maxParallelism: 128, slotSeed: 3 })
    const keys = chosenKeys(slab, 0, 8192, (key) => BigInt(key) * 0x1_0000_0001n)
    expect(() => table.findOrInsert(keys, slab.allocate(8192 * 4))).toThrow(/memory budget/)
  })

  it('tells, part by part, which entries were not looked up since an epoch', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 128, slotSeed: 1, segmentEntriesMax: 256 })
    const hashOf = (key: number): bigint => BigInt.asUintN(64, BigInt(key) * 0x9e3779b97f4a7c15n)
    const out = slab.allocate(5000 * 4)
    table.epoch = 1
    table.findOrInsert(chosenKeys(slab, 0, 5000, hashOf), out)
    table.epoch = 2
    table.findOrInsert(chosenKeys(slab, 1000, 500, hashOf), out)
    const keyAt = (entry: number): number => slab.u32[(entry + table.valueOffset - 8) >>> 2]
    const older = (before: number): { keys: number[]; longest: number } => {
      const keys: number[] = []
      let longest = 0
      for (let from = 0; from < table.routeEnd;) {
        const end = table.partEnd(from, 50)
        expect(end).toBeGreaterThan(from)
        let part = 0
        table.forEachOlder(from, end, before, (entries, n) => {
          part += n
          for (let index = 0; index < n; index++) keys.push(keyAt(slab.u32[(entries >>> 2) + index]))
        })
        longest = Math.max(longest, part)
        from = end
      }
      return { keys: keys.sort((left, right) => left - right), longest }
    }
    expect(older(1).keys).toEqual([])
    const all = Array.from({ length: 5000 }, (_, key) => key)
    expect(older(2).keys).toEqual(all.filter((key) => key < 1000 || key >= 1500))
    expect(older(3).keys).toEqual(all)
    expect(older(3).longest).toBeLessThan(100)
    // All at once.
    let count = 0
    table.forEachOlder(0, table.routeEnd, 3, (_, n) => (count += n))
    expect(count).toBe(5000)
  })
})
