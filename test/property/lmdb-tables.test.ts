// Tables whose entries leave memory against plain maps: whatever is added, evicted, read through by ranges, dropped and restored. Nearly nothing fits into
// memory, so that all of it comes and goes all the time.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { Slab } from '../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyEncoder } from '../../src/kernels/keys.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { type CachedTable, LmdbTables } from '../../src/state/lmdb-tables.ts'
import { SegmentTable } from '../../src/state/segment-table.ts'
import type { KeyedSnapshotReader, KeyedSnapshotWriter } from '../../src/state/state.ts'
import { TableRestore } from '../../src/state/table-restore.ts'
import { Checkpoints } from '../fixtures/checkpoints.ts'

const module = compileKernels()
const directory = join(tmpdir(), 'millrace-tests')
const KEY_GROUPS = { start: 0, end: 127 }
const SPACES = 3
const VALUE_BYTES = 16
/** Added at once. */
const KEYS_MAX = 1500

const nameOf = (space: number): Uint8Array => Uint8Array.of(space, 0, 0, 0, 0, 0, 0, 0)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Tables by number, and the work of an operator on them. */
class Tables {
  readonly slab = new Slab()
  readonly #kernels = instantiateKernels(module, this.slab)
  readonly #form: KeyForm
  readonly #tables: LmdbTables
  readonly #encoder: KeyEncoder
  readonly #spaces = new Map<number, CachedTable>()
  #epoch = 0
  #dropped: { readonly space: number; readonly epoch: number }[] = []

  constructor(form: KeyForm, cacheBytes: number) {
    this.#form = form
    this.#tables = new LmdbTables({ slab: this.slab, kernels: this.#kernels, keyGroups: KEY_GROUPS, maxParallelism: 128, directory, cacheBytes })
    this.#encoder = new KeyEncoder(this.slab, this.#kernels, form, 1)
  }

  at(space: number): CachedTable {
    let cached = this.#spaces.get(space)
    if (cached === undefined) {
      const options = { form: this.#form, keyBytes: 8, valueBytes: VALUE_BYTES, maxParallelism: 128, slotSeed: 1, segmentEntriesMax: 256 }
      this.#spaces.set(space, (cached = this.#tables.add(new SegmentTable(this.slab, this.#kernels, options))))
    }
    return cached
  }

  /** Adds a number to the value of each key. */
  add(space: number, keys: readonly Uint8Array[], value: number): void {
    const { slab } = this
    const cached = this.at(space)
    const { table } = cached
    const dataBytes = keys.reduce((sum, key) => sum + key.length, 0)
    const scratch = slab.allocate((keys.length * 2 + 1) * 4 + dataBytes + 64)
    const out = scratch
    const offsets = out + keys.length * 4
    const data = offsets + (keys.length + 1) * 4
    let at = 0
    keys.forEach((key, index) => {
      slab.u32[(offsets >>> 2) + index] = at
      slab.u8.set(key, data + at)
      at += key.length
    })
    slab.u32[(offsets >>> 2) + keys.length] = at
    const inserted = table.findOrInsert(this.#encoder.encodeCanonical(offsets, data, keys.length), out)
    if (inserted > 0) cached.load(table.listNew(out, keys.length), inserted)
    for (let index = 0; index < keys.length; index++) {
      const word = (slab.u32[(out >>> 2) + index] + table.valueOffset) >>> 2
      slab.u32[word + 1] = slab.u32[word + 1] + value
      slab.u32[word + 3] = keys[index].length
    }
    slab.free(scratch, (keys.length * 2 + 1) * 4 + dataBytes + 64)
    this.#tables.shrink()
  }

  /** All of a space, by ranges. */
  read(space: number, ranges: number): Map<string, number> {
    const { slab } = this
    const cached = this.at(space)
    const { table } = cached
    const found = new Map<string, number>()
    const width = table.routeEnd / ranges
    for (let from = 0; from < table.routeEnd; from += width) {
      cached.read(from, from + width)
      const { entries, bytes, count } = cached.list(from, from + width)
      for (let index = 0; index < count; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        const key = table.keyBytesOf(entry)
        expect(found.has(hex(key)), 'an entry is read once').toBe(false)
        found.set(hex(key), slab.u32[((entry + table.valueOffset) >>> 2) + 1])
        expect(slab.u32[((entry + table.valueOffset) >>> 2) + 3]).toBe(key.length)
      }
      cached.forget(entries, count)
      slab.free(entries, bytes)
    }
    return found
  }

  drop(space: number): void {
    const cached = this.at(space)
    const { table } = cached
    // Used again, or not.
    if (space % 2 === 0) {
      cached.clear()
      table.clear()
    } else {
      cached.free()
      table.free()
      this.#spaces.delete(space)
    }
    this.#dropped.push({ space, epoch: this.#epoch })
  }

  readonly snapshot = (writer: KeyedSnapshotWriter): void => {
    const isChange = writer.changes('t')
    if (isChange) for (const { space, epoch } of this.#dropped) if (epoch >= writer.since) writer.dropped('t', nameOf(space))
    this.#epoch = writer.nextEpoch
    for (const [space, cached] of this.#spaces) {
      writer.records('t', cached.records(nameOf(space), VALUE_BYTES))
      cached.forEachCold(isChange ? writer.since : 0, (keyGroup, key, value) => writer.keyed('t', keyGroup, nameOf(space), key, value))
    }
    this.#tables.beginCheckpoint(writer.nextEpoch)
  }

  restore(reader: KeyedSnapshotReader): void {
    const restores = new Map<number, TableRestore>()
    let count = 0
    reader.keyed('t', (_group, namespace, key, value) => {
      if (++count % 100 === 0) this.#tables.shrink()
      let restore = restores.get(namespace[0])
      if (restore === undefined) restores.set(namespace[0], (restore = new TableRestore(this.slab, this.#kernels, this.at(namespace[0]).table, VALUE_BYTES)))
      restore.add(key, value)
    })
    for (const restore of restores.values()) restore.finish()
  }

  get bytesInUse(): number {
    return this.#tables.bytesInUse
  }

  close(): void {
    for (const { table } of this.#spaces.values()) table.free()
    for (const cached of this.#spaces.values()) cached.free()
    this.#tables.close()
    this.#encoder.free()
  }
}

const step = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      space: fc.nat(SPACES - 1),
      from: fc.nat(3000),
      length: fc.integer({ min: 1, max: KEYS_MAX }),
      stride: fc.integer({ min: 1, max: 3 }),
      value: fc.nat(99),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ kind: fc.constant('read' as const), space: fc.nat(SPACES - 1), ranges: fc.constantFrom(1, 4, 64, 2 ** 12) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('drop' as const), space: fc.nat(SPACES - 1) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.boolean() }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
)

it.each([
  ['numbers', KeyForm.VALUE],
  ['texts', KeyForm.BYTES],
] as const)('tables by %s are maps, and what checkpoints hold of them is what was there', (_name, form) => {
  const keyOf = (key: number): Uint8Array =>
    keyBytesOf(key === 7 ? null : form === KeyForm.VALUE ? key * 1e9 : `${'k'.repeat(key % 5 === 0 ? key % 57 : 0)}${key}`)
  let incremental = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), fc.constantFrom(0, 10_000, 100_000), (steps, cacheBytes) => {
      let tables = new Tables(form, cacheBytes)
      let checkpoints = new Checkpoints(tables.slab)
      let model = new Map<number, Map<string, number>>()
      let kept = new Map<number, Map<string, number>>()
      const modelOf = (space: number): Map<string, number> => {
        let values = model.get(space)
        if (values === undefined) model.set(space, (values = new Map()))
        return values
      }
      const copyOf = (all: Map<number, Map<string, number>>): Map<number, Map<string, number>> =>
        new Map([...all].map(([space, values]) => [space, new Map(values)]))
      try {
        for (const each of steps) {
          if (each.kind === 'add') {
            const keys = Array.from({ length: each.length }, (_, index) => keyOf(each.from + index * each.stride))
            tables.add(each.space, keys, each.value)
            for (const key of keys) modelOf(each.space).set(hex(key), (modelOf(each.space).get(hex(key)) ?? 0) + each.value)
            // Behind each batch at least as many go as came; keys of texts take 220 bytes at most of what is allowed here for each, in 900 runs.
            expect(tables.bytesInUse).toBeLessThan(cacheBytes + KEYS_MAX * 300)
          } else if (each.kind === 'read') expect(tables.read(each.space, each.ranges)).toEqual(modelOf(each.space))
          else if (each.kind === 'drop') {
            tables.drop(each.space)
            model.delete(each.space)
          } else if (each.kind === 'checkpoint') {
            checkpoints.take(tables.snapshot, each.isCompleted)
            if (each.isCompleted) kept = copyOf(model)
          } else {
            incremental += checkpoints.incremental
            tables.close()
            tables = new Tables(form, cacheBytes)
            checkpoints = new Checkpoints(tables.slab, checkpoints)
            const reader = checkpoints.reader()
            if (reader !== undefined) tables.restore(reader)
            model = copyOf(kept)
          }
        }
        for (let space = 0; space < SPACES; space++) expect(tables.read(space, 16)).toEqual(modelOf(space))
        const found = new Map<number, Map<string, number>>()
        checkpoints.reader()?.keyed('t', (_group, namespace, key, value) => {
          const values = found.get(namespace[0]) ?? new Map<string, number>()
          expect(values.has(hex(key)), 'an entry is read once').toBe(false)
          found.set(namespace[0], values.set(hex(key), new DataView(value.buffer, value.byteOffset).getUint32(4, true)))
        })
        expect(found).toEqual(new Map([...kept].filter(([, values]) => values.size > 0)))
        incremental += checkpoints.incremental
      } finally {
        tables.close()
      }
    }),
    { numRuns: 40 },
  )
  expect(incremental).toBeGreaterThan(5)
})
