/*
 * The kernels of kept rows and the memory behind them, against their twin: rows of every kind in batches of two slices, offered to a few entries;
 * slices merged into a window; rows that nothing refers to dropped; everything written and read back. The columns of a batch may be coded by a
 * dictionary.
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import type { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { type LogicalType, Schema } from '../../src/batch/types.ts'
import { readValue, writeValue } from '../../src/batch/values.ts'
import { KeepOrder } from '../../src/kernels/keep.ts'
import { keepRows, type TwinValue } from '../../src/kernels/twin/rows.ts'
import { KeptRows } from '../../src/operator/window/kept-rows.ts'
import type { AggregatePlan } from '../../src/operator/window/slice-aggregates.ts'
import { ByteReader, ByteWriter } from '../../src/state/value-codec.ts'
import type { SegmentTable } from '../../src/state/segment-table.ts'
import { testContext } from '../unit/connector/file-probe.ts'
import { randomColumn, randomRows, SCALAR_TYPES } from './row-arbitrary.ts'

const ENTRIES = 4
const BASE = 16
const BATCH_ROWS = 400
const ID: LogicalType = { kind: 'INT', nullable: false }

/** A slice: its entries, what was offered to each, and what is kept. */
class Slice {
  readonly addresses: number[]
  readonly list: number
  readonly offered: number[][] = Array.from({ length: ENTRIES }, () => [])
  readonly table: SegmentTable
  kept: KeptRows
  readonly context: ReturnType<typeof testContext>
  readonly schema: Schema
  readonly plan: AggregatePlan
  readonly areaBytes: number

  constructor(context: ReturnType<typeof testContext>, schema: Schema, plan: AggregatePlan, areaBytes: number) {
    this.context = context
    this.schema = schema
    this.plan = plan
    this.areaBytes = areaBytes
    const { slab } = context
    this.addresses = Array.from({ length: ENTRIES }, () => slab.allocateZeroed(BASE + areaBytes))
    this.list = slab.allocate(ENTRIES * 4)
    slab.u32.set(this.addresses, this.list >>> 2)
    this.table = { valueOffset: BASE, forEachEntries: (visit: (entries: number, n: number) => void) => visit(this.list, ENTRIES) } as SegmentTable
    this.kept = new KeptRows(context, schema, plan)
  }

  /** The ids of the rows that each entry keeps. */
  results(): number[][] {
    const { slab } = this.context
    const out = Column.allocate(slab, this.plan.field.type, ENTRIES)
    this.kept.emit(BASE, this.list, ENTRIES, out, 0)
    const results = this.addresses.map((_, entry) => (readValue(out, entry) as { id: number }[]).map(({ id }) => id))
    out.free()
    return results
  }

  /** Everything through bytes into a fresh memory, as a snapshot does it. */
  restore(): void {
    const { slab } = this.context
    const writer = new ByteWriter()
    for (const address of this.addresses) this.kept.save(writer, address, BASE)
    const bytes = writer.copy()
    this.kept.free()
    this.kept = new KeptRows(this.context, this.schema, this.plan)
    const reader = new ByteReader().load(bytes, 0, bytes.length)
    for (const address of this.addresses) this.kept.load(reader, slab.u32, (address + BASE) >>> 2)
  }
}

/** The column with each value in a dictionary, from the last row to the first. */
function withDictionary(slab: Slab, column: Column, rowCount: number): Column {
  const dictionary = Column.allocate(slab, column.type, rowCount + 1)
  const coded = Column.borrow(slab, column.type)
  coded.rowCapacity = rowCount
  coded.values = slab.allocate(rowCount * 4 + 64)
  coded.validity = column.validity
  coded.nullCount = column.nullCount
  for (let row = 0; row < rowCount; row++) {
    writeValue(dictionary, row, readValue(column, rowCount - 1 - row))
    slab.i32[(coded.values >>> 2) + row] = rowCount - 1 - row
  }
  coded.setDictionary(dictionary)
  return coded
}

it('kept rows are those that come first in their order, however they came together', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), fc.constantFrom(1, 3, 70), fc.constantFrom(...Object.values(KeepOrder)), (seed, limit, order) => {
      const random = new Random(seed)
      const context = testContext()
      const { slab } = context
      const type = SCALAR_TYPES[random.integer(SCALAR_TYPES.length)]
      const schema = new Schema([
        { name: 'value', type },
        { name: 'id', type: ID },
      ])
      const rowFields = [schema.fields[1]]
      const plan: AggregatePlan = {
        field: { name: 'top', type: { kind: 'ARRAY', nullable: false, element: { kind: 'ROW', nullable: false, fields: rowFields } } },
        kind: 'topN',
        column: 0,
        domain: 'kept',
        keep: { limit, order, columns: [1, 0], orderedBy: 1 },
        addedDigits: 0,
        offset: 8,
        flag: 1,
      }
      const areaBytes = 8 + ((limit + 2) & ~1) * 4
      const [left, right] = [new Slice(context, schema, plan, areaBytes), new Slice(context, schema, plan, areaBytes)]
      const values: TwinValue[] = []
      const check = (slice: Slice): void => expect(slice.results()).toEqual(slice.offered.map((rows) => keepRows(rows, values, order, limit)))

      for (let round = 0; round < 12; round++) {
        const slice = random.integer(2) === 0 ? left : right
        const first = values.length
        const { column, values: fresh } = randomColumn(random, slab, type, random.integer(BATCH_ROWS))
        values.push(...fresh)
        const ids = Column.allocate(slab, ID, fresh.length + 1)
        fresh.forEach((_, row) => (slab.i32[(ids.values >>> 2) + row] = first + row))
        const isCoded = type.kind === 'VARCHAR' && random.integer(2) === 0
        const batch = new RecordBatch(slab, schema, [isCoded ? withDictionary(slab, column, fresh.length) : column, ids])
        const { selection, begin, n, rows } = randomRows(random, slab, fresh.length)
        const entries = slab.allocate(n * 4 + 64)
        rows.forEach((row, index) => {
          const entry = random.integer(ENTRIES)
          slab.u32[(entries >>> 2) + index] = slice.addresses[entry]
          slice.offered[entry].push(first + row)
        })
        slice.kept.fold(batch, { entries, n, selection, begin }, BASE, first)
        if (random.integer(2) === 0) slice.kept.settle(slice.table)
        if (random.integer(4) === 0) slice.restore()
      }
      check(left)
      check(right)
      const merged = new Slice(context, schema, plan, areaBytes)
      for (const part of [right, left]) {
        merged.kept.merge(part.kept, BASE, merged.list, part.list, ENTRIES)
        part.offered.forEach((rows, entry) => merged.offered[entry].push(...rows))
      }
      // Arrival is told by sequences, not by which slice is merged first.
      for (const rows of merged.offered) rows.sort((a, b) => a - b)
      check(merged)
      check(left)
      // Entries of one slice: the later half becomes part of the earlier.
      const half = ENTRIES / 2
      left.kept.merge(left.kept, BASE, left.list, left.list + half * 4, half)
      left.kept.release(left.list + half * 4, half, BASE)
      for (let entry = 0; entry < half; entry++) {
        slab.fill(left.addresses[half + entry] + BASE, 0, areaBytes)
        left.offered[entry] = [...left.offered[entry], ...left.offered[half + entry]].sort((a, b) => a - b)
        left.offered[half + entry] = []
      }
      left.kept.settle(left.table)
      check(left)
      // Nothing stays of what has gone.
      left.kept.release(left.list, half, BASE)
      for (const address of left.addresses) slab.fill(address + BASE, 0, areaBytes)
      left.kept.settle(left.table)
      expect(left.kept.bytesInUse).toBe(0)
    }),
    { numRuns: 120 },
  )
})
