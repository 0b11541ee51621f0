// State tables against a Map from canonical key bytes: every operation in random order, with segments so small that splits happen all the time.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyGroupOf } from '../../src/base/key-groups.ts'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { type LogicalType, typeWordOf } from '../../src/batch/types.ts'
import { writeValue } from '../../src/batch/values.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/kernels.ts'
import { KeyEncoder, keyFormOf } from '../../src/kernels/keys.ts'
import { keyBytesOfRow } from '../../src/kernels/twin/keys.ts'
import { TableTwin } from '../../src/kernels/twin/table.ts'
import { SegmentTable } from '../../src/state/segment-table.ts'

const module = compileKernels()
const ROWS_MAX = 300

/** Keys are compared as text, in lists: a call of `expect` for each pair of bytes takes longer than what it checks. */
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const KEY_TYPES: readonly (readonly LogicalType[])[] = [
  [{ kind: 'BIGINT', nullable: false, safeInteger: false }],
  [{ kind: 'INT', nullable: true }],
  [{ kind: 'DOUBLE', nullable: true }],
  [{ kind: 'BOOLEAN', nullable: true }],
  [{ kind: 'VARCHAR', nullable: true, length: 1000 }],
  [{ kind: 'DECIMAL', nullable: true, precision: 12, scale: 2 }],
  [{ kind: 'TIMESTAMP', nullable: true, precision: 9 }],
  [{ kind: 'ARRAY', nullable: true, element: { kind: 'INT', nullable: true } }],
  [
    { kind: 'VARCHAR', nullable: true, length: 1000 },
    { kind: 'BIGINT', nullable: false, safeInteger: true },
  ],
  [
    { kind: 'ROW', nullable: true, fields: [{ name: 'a', type: { kind: 'INT', nullable: true } }] },
    { kind: 'FLOAT', nullable: false },
    { kind: 'DECIMAL', nullable: false, precision: 30, scale: 4 },
  ],
]

/** The `id`-th value of a type; few ids give NULL or an odd value. */
function valueOf(type: LogicalType, id: number): unknown {
  if (type.nullable && id % 17 === 3) return null
  switch (type.kind) {
    case 'BIGINT':
      return type.safeInteger ? id * 1_000_003 : BigInt(id) * 0x1_0000_0001_0001n - 7n
    case 'INT':
      return id * 31 - 500
    case 'DOUBLE':
    case 'FLOAT':
      return id % 5 === 0 ? NaN : id % 3 === 0 ? id / 4 : id
    case 'BOOLEAN':
      return id % 2 === 0
    case 'VARCHAR':
      return id % 4 === 0 ? `key-${id}-${'x'.repeat(id % 60)}` : `k${id}`
    case 'DECIMAL':
      return BigInt(id)
    case 'TIMESTAMP':
      return BigInt(id) * 1_000_001n
    case 'ARRAY':
      return Array.from({ length: id % 5 }, (_, index) => (index === 2 ? null : id + index))
    default:
      return { a: id % 3 === 0 ? null : id }
  }
}

interface Setup {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly types: readonly LogicalType[]
  readonly random: Random
  readonly maxParallelism: number
  readonly encoder: KeyEncoder
  readonly makeTable: () => SegmentTable
  readonly twin: TableTwin
}

function setUp(seed: number): Setup {
  const random = new Random(seed)
  const slab = new Slab()
  const kernels = instantiateKernels(module, slab)
  const types = KEY_TYPES[random.integer(KEY_TYPES.length)]
  const maxParallelism = [1, 7, 128, 32_768][random.integer(4)]
  const segmentEntriesMax = [4, 16, 100, 65_536][random.integer(4)]
  const probe = types.map((type) => ({ kind: Column.allocate(slab, type, 1).kind, typeCode: typeWordOf(type) & 255 }))
  const form = keyFormOf(probe)
  return {
    slab,
    kernels,
    types,
    random,
    maxParallelism,
    encoder: new KeyEncoder(slab, kernels, form, types.length),
    twin: new TableTwin(),
    makeTable: () =>
      new SegmentTable(slab, kernels, {
        form,
        valueBytes: 12,
        keyBytes: 8 * (1 + random.integer(4)),
        maxParallelism,
        segmentEntriesMax,
        slotSeed: random.uint32(),
        expectedEntries: random.integer(50),
      }),
  }
}

/** Columns of random keys out of `distinct`, and the canonical bytes of each row in hex. */
function randomKeys({ slab, types, random }: Setup, distinct: number): { columns: Column[]; keys: string[] } {
  const count = 1 + random.integer(ROWS_MAX)
  const columns = types.map((type) => Column.allocate(slab, type, count))
  for (let row = 0; row < count; row++) {
    const id = random.integer(distinct)
    columns.forEach((column, index) => writeValue(column, row, valueOf(types[index], id + index)))
  }
  const descriptors = columns.map((column) => column.descriptor)
  return { columns, keys: Array.from({ length: count }, (_, row) => hexOf(keyBytesOfRow(slab, descriptors, row))) }
}

function readList(slab: Slab, address: number, n: number): number[] {
  return [...slab.u32.subarray(address >>> 2, (address >>> 2) + n)]
}

function checkAgainst(setup: Setup, table: SegmentTable, model: ReadonlyMap<string, bigint>): void {
  const { slab, maxParallelism } = setup
  expect(table.entryCount).toBe(model.size)
  const found = new Map<string, bigint>()
  /** The group that each entry came with, and its key's. */
  const [groups, keyGroups]: [number[], number[]] = [[], []]
  table.forEachKeyGroup((keyGroup, entries, n) => {
    for (const entry of readList(slab, entries, n)) {
      const bytes = table.keyBytesOf(entry)
      groups.push(keyGroup)
      keyGroups.push(keyGroupOf(bytes, maxParallelism))
      found.set(hexOf(bytes), slab.i64[(entry + table.valueOffset) >>> 3])
    }
  })
  expect(groups).toEqual(keyGroups)
  expect(groups).toEqual(groups.toSorted((left, right) => left - right))
  expect(found).toEqual(model)
  const all: number[] = []
  table.forEachEntries((entries, n) => all.push(...readList(slab, entries, n)))
  expect(new Set(all).size).toBe(model.size)
}

/** Finds or inserts the keys that the encoder holds, and counts them. */
function insertAll({ slab, kernels, encoder, twin }: Setup, table: SegmentTable, model: Map<string, bigint>, keys: readonly string[], out: number): void {
  const newCount = table.findOrInsert(encoder, out)
  kernels.aggregateCount(out, keys.length, table.valueOffset)
  const { entries, newKeys } = twin.findOrInsert(keys)
  expect(newCount).toBe(newKeys.length)
  expect(readList(slab, table.listNew(out, keys.length), newCount).map((entry) => hexOf(table.keyBytesOf(entry)))).toEqual(newKeys)
  const found = readList(slab, out, keys.length)
  expect(found.map((entry) => hexOf(table.keyBytesOf(entry)))).toEqual(keys)
  expect(found.map((entry) => found.indexOf(entry))).toEqual(entries.map((entry) => entries.indexOf(entry)))
  for (const key of keys) model.set(key, (model.get(key) ?? 0n) + 1n)
}

/** Finds the keys that the encoder holds, and removes half of those that are there. */
function removeSome({ slab, encoder, random, twin }: Setup, table: SegmentTable, model: Map<string, bigint>, keys: readonly string[], out: number): void {
  table.find(encoder, out)
  const entries = readList(slab, out, keys.length)
  expect(entries.map((entry) => entry !== 0)).toEqual(keys.map((key) => model.has(key)))
  const removed = [...new Set(entries)].filter((entry) => entry !== 0 && random.integer(2) === 0)
  for (const entry of removed) {
    const key = hexOf(table.keyBytesOf(entry))
    model.delete(key)
    twin.remove(key)
  }
  slab.u32.set(removed, out >>> 2)
  table.remove(out, removed.length)
}

describe('SegmentTable', () => {
  it('does what a Map from key bytes does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const setup = setUp(seed)
        const { slab, random, encoder } = setup
        const table = setup.makeTable()
        const model = new Map<string, bigint>()
        const distinct = [3, 50, 1000, 20_000][random.integer(4)]
        const out = slab.allocate(ROWS_MAX * 4)
        for (let step = 0; step < 12; step++) {
          const { columns, keys } = randomKeys(setup, distinct)
          encoder.encode(
            columns.map((column) => column.descriptor),
            0,
            0,
            keys.length,
          )
          const choice = random.integer(8)
          if (choice < 5) insertAll(setup, table, model, keys, out)
          else if (choice < 7) removeSome(setup, table, model, keys, out)
          else if (random.integer(3) === 0) {
            table.clear(random.integer(100))
            model.clear()
            setup.twin.clear()
          }
          for (const column of columns) column.free()
        }
        checkAgainst(setup, table, model)
        const before = slab.allocatedBytes
        const held = table.bytes
        table.free()
        table.free()
        expect(before - slab.allocatedBytes).toBeGreaterThanOrEqual(held)
      }),
      { numRuns: 150 },
    )
  })

  it('gives its keys back as columns, as bytes for a restore, and to a merge', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const setup = setUp(seed)
        const { slab, kernels, types, encoder, random } = setup
        const [table, restored, merged] = [setup.makeTable(), setup.makeTable(), setup.makeTable()]
        const model = new Map<string, bigint>()
        const out = slab.allocate(ROWS_MAX * 4)
        for (let step = 0; step < 4; step++) {
          const { columns, keys } = randomKeys(setup, 400)
          encoder.encode(
            columns.map((column) => column.descriptor),
            0,
            0,
            keys.length,
          )
          table.findOrInsert(encoder, out)
          kernels.aggregateCount(out, keys.length, table.valueOffset)
          for (const key of keys) model.set(key, (model.get(key) ?? 0n) + 1n)
        }
        table.forEachEntries((entries, n) => {
          const columns = types.map((type) => Column.allocate(slab, type, 2))
          columns.forEach((column, index) => writeValue(column, 0, valueOf(types[index], 1)))
          const descriptors = columns.map((column) => column.descriptor)
          const before = keyBytesOfRow(slab, descriptors, 0)
          table.keysToColumns(entries, n, columns, 1)
          expect(readList(slab, entries, n).map((_, index) => hexOf(keyBytesOfRow(slab, descriptors, index + 1)))).toEqual(
            readList(slab, entries, n).map((entry) => hexOf(table.keyBytesOf(entry))),
          )
          expect(keyBytesOfRow(slab, descriptors, 0)).toEqual(before)

          const bytes = kernels.entryKeyBytes(entries, n)
          const keys = slab.allocate(bytes + 64)
          const offsets = slab.allocate((n + 1) * 4)
          const values = slab.allocate(n * 8)
          const restoredEntries = slab.allocate(n * 4)
          kernels.entryWriteKeys(table.address, entries, n, offsets, keys)
          kernels.entryWriteValues(entries, n, table.valueOffset, 8, values)
          expect(restored.findOrInsert(encoder.encodeCanonical(offsets, keys, n), restoredEntries)).toBe(n)
          kernels.entryReadValues(restoredEntries, n, restored.valueOffset, 8, values)
        })
        checkAgainst(setup, restored, model)
        const twice = random.integer(2) === 0
        for (const source of twice ? [table, restored] : [table]) {
          source.mergeInto(merged, (targets, sources, n) => {
            if (merged.valueOffset === source.valueOffset) kernels.aggregateMergeSum(targets, sources, n, merged.valueOffset, 0, 0)
            else
              readList(slab, sources, n).forEach(
                (entry, index) => (slab.i64[(slab.u32[(targets >>> 2) + index] + merged.valueOffset) >>> 3] += slab.i64[(entry + source.valueOffset) >>> 3]),
              )
          })
        }
        checkAgainst(setup, merged, new Map([...model].map(([key, count]) => [key, count * (twice ? 2n : 1n)])))
      }),
      { numRuns: 80 },
    )
  })
})
