/*
 * Stores of records against a map of values: rows of columns of any type, coded ones too, are added, given back and read in any order, also as a row of NULLs; all that
 * are left move together; those that have come since a position are listed. Blocks of the slab are followed by a pattern that nothing may write.
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { Schema, withNullability } from '../../src/batch/types.ts'
import { readValue } from '../../src/batch/values.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { FIRST_RECORD, RecordStore, type StorePosition } from '../../src/state/record-store.ts'
import { randomBatch, randomSchema } from './batch-arbitrary.ts'

const module = compileKernels()
const ROWS_MAX = 80
const OWN_BYTES = 8

/** A slab whose blocks are followed by a pattern. */
function open(schema: Schema): { readonly slab: Slab; readonly store: RecordStore; readonly types: Schema } {
  const slab = new Slab(undefined, undefined, 0, true)
  // A reference to nothing reads as NULLs.
  const types = new Schema(schema.fields.map(({ name, type }) => ({ name, type: withNullability(type, true) })))
  const store = new RecordStore(
    slab,
    instantiateKernels(module, slab),
    types.fields.map(({ type }) => type),
    OWN_BYTES,
  )
  return { slab, store, types }
}

/** The values of records, 0 for none. */
function valuesOf(slab: Slab, store: RecordStore, types: Schema, refs: readonly number[], wanted: (field: number) => boolean, parts: number): unknown[][] {
  const list = slab.allocate(refs.length * 4 + 4)
  slab.u32.set(refs, list >>> 2)
  const columns = types.fields.map(({ type }, field) => (wanted(field) ? Column.allocate(slab, type, 2) : undefined))
  for (let part = 0, begin = 0; part < parts; part++) {
    const end = part === parts - 1 ? refs.length : begin + Math.floor((refs.length - begin) / 2)
    store.read(list + begin * 4, end - begin, columns, begin)
    begin = end
  }
  const values = refs.map((_, row) => columns.map((column) => (column === undefined ? undefined : readValue(column, row))))
  for (const column of columns) column?.free()
  slab.free(list, refs.length * 4 + 4)
  return values
}

it('records hold the rows that they were made of until they are given back', () => {
  let moves = 0
  let reused = 0
  fc.assert(
    fc.property(fc.integer({ min: 0 }), (seed) => {
      const random = new Random(seed)
      const schema = randomSchema(random)
      const { slab, store, types } = open(schema)
      const rows = new Map<number, readonly unknown[]>()
      for (let round = 0; round < 8; round++) {
        const { batch } = randomBatch(random, slab, schema, ROWS_MAX)
        const values = Array.from({ length: batch.rowCount }, (_, row) => batch.columns.map((column) => readValue(column, row)))
        const n = batch.end
        const out = slab.allocate(n * 4 + 4)
        const freeBytes = store.freeBytes
        store.add(batch.columns, batch.selection, 0, n, out)
        if (store.freeBytes < freeBytes) reused++
        for (let index = 0; index < n; index++) {
          const ref = slab.u32[(out >>> 2) + index]
          expect(rows.has(ref)).toBe(false)
          rows.set(ref, values[batch.physicalRow(index)])
        }
        const refs = [...rows.keys()]
        const gone = refs.filter(() => random.integer(3) === 0)
        const list = slab.allocate(gone.length * 4 + 4)
        slab.u32.set(gone, list >>> 2)
        store.free(list, gone.length)
        for (const ref of gone) rows.delete(ref)
        if (random.integer(4) === 0) {
          const left = [...rows.keys()]
          const moved = slab.allocate(left.length * 4 + 4)
          slab.u32.set(left, moved >>> 2)
          store.moveAll((move) => move(moved, left.length))
          const kept = left.map((ref) => rows.get(ref)!)
          rows.clear()
          kept.forEach((row, index) => rows.set(slab.u32[(moved >>> 2) + index], row))
          expect(store.freeBytes).toBe(0)
          moves++
        }
        const asked = [...rows.keys(), 0].filter(() => random.integer(2) === 0)
        const isWanted = (field: number): boolean => (seed + field + round) % 4 !== 0
        const expected = asked.map((ref) => types.fields.map((_, field) => (isWanted(field) ? (ref === 0 ? null : rows.get(ref)![field]) : undefined)))
        expect(valuesOf(slab, store, types, asked, isWanted, 1 + random.integer(3))).toEqual(expected)
        slab.verify()
      }
      store.clear()
      expect([store.usedBytes, store.freeBytes]).toEqual([0, 0])
      store.close()
    }),
    { numRuns: 60 },
  )
  expect(moves).toBeGreaterThan(30)
  expect(reused).toBeGreaterThan(30)
})

it('records are listed in the order in which they came, from where they had come before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), (seed) => {
      const random = new Random(seed)
      const schema = randomSchema(random, 3)
      const { slab, store } = open(schema)
      const all: number[] = []
      const list = slab.allocate(64)
      const listed = (since: StorePosition): number[] => {
        const { n, behind } = store.list(since, list, 16)
        return n === 0 ? [] : [...slab.u32.slice(list >>> 2, (list >>> 2) + n), ...listed(behind)]
      }
      for (let round = 0; round < 8; round++) {
        const { position } = store
        const { batch } = randomBatch(random, slab, schema, ROWS_MAX)
        const out = slab.allocate(batch.end * 4 + 4)
        store.add(batch.columns, batch.selection, 0, batch.end, out)
        const fresh = [...slab.u32.slice(out >>> 2, (out >>> 2) + batch.end)]
        all.push(...fresh)
        expect(listed(position)).toEqual(fresh)
        expect(listed(store.position)).toEqual([])
      }
      expect(listed(FIRST_RECORD)).toEqual(all)
      store.close()
    }),
    { numRuns: 30 },
  )
})
