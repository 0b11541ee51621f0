// The rows of partitions that come and go, in an order: in columns, found again by what tells them apart. What has gone is left behind until half of the rows
// are such; then the others move, in their order. Owned by one operator, on its thread.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchDecoder } from '../../batch/batch-codec.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import { Column } from '../../batch/column.ts'
import { RecordBatch, RowKind, writeInt64 } from '../../batch/record-batch.ts'
import { bytesOfBatch, visitStoredBatch } from '../../batch/stored-batch.ts'
import { type Field, Schema } from '../../batch/types.ts'
import { gatherRows } from '../../kernels/gather.ts'
import type { OperatorContext, SnapshotReader } from '../../operator/operator.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'
import { OrderedList } from './ordered-list.ts'
import { type ColumnOrder, RowOrder } from './row-order.ts'
import { isAddition } from './sql-operator.ts'

export interface RankedRowsSpec {
  readonly schema: Schema
  /** The columns of the partition; undefined: all rows are in one. */
  readonly key: readonly number[] | undefined
  /** Columns that tell rows apart, those of the partition among them. Rows that agree in all columns may be there several times. */
  readonly identity: readonly number[]
  /** Whether rows replace those that they are not told apart from, and what is said to have been is not looked at. */
  readonly replaces: boolean
  readonly order: readonly ColumnOrder[]
}

export const RANKED_ROWS: StateSchema = { name: 'rows', kind: 'rows' }
const SEQUENCE: Field = { name: '$sequence', type: { kind: 'BIGINT', nullable: false, safeInteger: true } }
const ROWS_MIN = 1024
/** Of an entry of the partitions: u32 number + 1 | u32 of none. Of one of the rows: u32 first row + 1, last row + 1; the others lie between. */
const ENTRY_VALUE_BYTES = 8
/** Stands for the last row of an entry that is to be removed. */
const GONE = 0xffffffff
/** Rows of a snapshot's record at most, and rows whose keys are looked at together. */
const RECORD_ROWS = 4096
const NO_NAMESPACE = new Uint8Array()

/** See the file's head. */
export class RankedRows {
  readonly #context: OperatorContext
  readonly #spec: RankedRowsSpec
  readonly #goneMax: number
  readonly #keys: BatchKeys | undefined
  readonly #partitions: SegmentTable | undefined
  readonly #identityKeys: BatchKeys
  readonly #identities: SegmentTable
  #columns: readonly Column[]
  #rowCount = 0
  readonly #order: RowOrder
  readonly #list: OrderedList
  /** By row: its partition, when it came, and the next one that is not told apart from it, + 1. */
  #partitionOf = new Uint32Array(ROWS_MIN)
  #sequenceOf = new Float64Array(ROWS_MIN)
  #nextSame = new Uint32Array(ROWS_MIN)
  #sequence = 0
  /** By partition: how many rows it has, and the step that has touched it last. */
  #rowsIn = new Uint32Array(ROWS_MIN)
  #stamps = new Uint32Array(ROWS_MIN)
  #stamp = 0
  /** Numbers of partitions that are no more, and the next one that never was. */
  #freeNumbers: number[] = []
  #partitionCount = 0
  /** What the step under way has touched: partitions, and their entries. */
  #touched = new Uint32Array(ROWS_MIN)
  #touchedEntries = new Uint32Array(ROWS_MIN)
  #touchedCount = 0
  /** Address of u32 partitions, identities and added rows of a step. */
  #scratch = 0
  #scratchRows = 0
  #bound = 0
  readonly #isBefore = (row: number): boolean => this.#partitionOf[row] < this.#bound
  readonly #isIn = (row: number): boolean => this.#partitionOf[row] === this.#bound

  /** @param goneMax So many rows that have gone are left behind whatever there is beside them. */
  constructor(context: OperatorContext, spec: RankedRowsSpec, goneMax: number = ROWS_MIN) {
    const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed } = context
    const { schema, key, identity, order } = spec
    this.#context = context
    this.#spec = spec
    this.#goneMax = goneMax
    const { start, end } = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    if (key !== undefined) {
      this.#keys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: key })
      this.#partitions = new SegmentTable(slab, kernels, {
        form: this.#keys.form,
        valueBytes: ENTRY_VALUE_BYTES,
        maxParallelism,
        firstGroup: start,
        lastGroup: end,
        slotSeed: tableSeed,
      })
    }
    this.#identityKeys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: identity })
    this.#identities = new SegmentTable(slab, kernels, { form: this.#identityKeys.form, valueBytes: ENTRY_VALUE_BYTES, maxParallelism, slotSeed: tableSeed })
    this.#columns = this.#newColumns(ROWS_MIN)
    this.#order = new RowOrder(order, this.#columns)
    this.#list = new OrderedList((left, right) => this.#compare(left, right))
  }

  /** How many rows there are. */
  get count(): number {
    return this.#list.length
  }

  /**
   * Takes the changes at logical positions begin..begin + n - 1 of a batch.
   *
   * @param touch Called with each partition that they are of, before it changes.
   */
  take(batch: RecordBatch, begin: number, n: number, touch: (partition: number) => void): void {
    const { slab } = this.#context
    this.#reserveScratch(n)
    const [partitions, identities, added] = [this.#scratch, this.#scratch + n * 4, this.#scratch + n * 8]
    if (this.#partitions !== undefined) this.#partitions.findOrInsert(this.#keys!.encode(batch, batch.selection, begin, n), partitions)
    this.#identities.findOrInsert(this.#identityKeys.encode(batch, batch.selection, begin, n), identities)
    const first = this.#rowCount
    let row = first
    for (let index = 0; index < n; index++) {
      const physical = batch.physicalRow(begin + index)
      if (isAddition(batch.kindOf(physical))) slab.i32[(added >>> 2) + row++ - first] = physical
    }
    this.#append(batch, added, row - first)
    this.#stamp++
    this.#touchedCount = 0
    row = first
    for (let index = 0; index < n; index++) {
      const kind = batch.kindOf(batch.physicalRow(begin + index))
      const partition = this.#touch(slab.u32[(partitions >>> 2) + index], touch)
      const at = this.#wordOf(slab.u32[(identities >>> 2) + index])
      if (isAddition(kind)) this.#add(row++, partition, at, this.#sequence++)
      else if (!this.#spec.replaces || kind === RowKind.DELETE) this.#takeAway(partition, at)
    }
    this.#forget(identities, n)
  }

  /** The partitions that the last changes were of: none has gone before {@link endStep}. */
  get touched(): Uint32Array {
    return this.#touched.subarray(0, this.#touchedCount)
  }

  /** Lists the first rows of a partition, `max` at most, into `out` from `at` on. Returns how many. */
  listFirst(partition: number, max: number, out: Uint32Array, at: number): number {
    if (this.#rowsIn[partition] === 0) return 0
    this.#bound = partition
    return this.#list.listFrom(this.#isBefore, this.#isIn, max, out, at)
  }

  /** Appends rows, int32[n], to columns from row `row` on: those that have gone in the last step are still there. */
  gather(rows: number, n: number, columns: readonly Column[], row: number): void {
    const { slab, kernels } = this.#context
    columns.forEach((column, index) => gatherRows(slab, kernels, this.#columns[index], column, rows, 0, n, row))
  }

  /** What the last changes were of is no longer looked at: rows may move. */
  endStep(): void {
    const gone = this.#scratch
    const { u32 } = this.#context.slab
    let count = 0
    for (let index = 0; index < this.#touchedCount; index++) {
      const partition = this.#touched[index]
      if (this.#rowsIn[partition] > 0 || this.#partitions === undefined) continue
      u32[(gone >>> 2) + count++] = this.#touchedEntries[index]
      this.#freeNumbers.push(partition)
    }
    this.#touchedCount = 0
    if (count > 0) this.#partitions!.remove(gone, count)
    if (this.#rowCount > this.#list.length * 2 + this.#goneMax) this.#move()
  }

  /** Writes all rows, each record those of one key group. */
  snapshot(writer: KeyedSnapshotWriter): void {
    const { slab, maxParallelism } = this.#context
    describeState(writer, RANKED_ROWS)
    const fields = this.#storedFields
    const builder = new BatchBuilder(slab, new Schema(fields), RECORD_ROWS)
    const rows = slab.allocate(RECORD_ROWS * 4)
    const view = new RecordBatch(slab, this.#spec.schema, this.#columns)
    const byGroup = new Map<number, number[]>()
    let recordId = 0
    const write = (keyGroup: number, list: readonly number[]): void => {
      slab.i32.set(list, rows >>> 2)
      const batch = builder.begin(false, false)
      builder.ensureRows(list.length)
      this.gather(rows, list.length, batch.columns.slice(0, -1), 0)
      const { values } = batch.columns[fields.length - 1]
      list.forEach((row, index) => writeInt64(slab, values + index * 8, this.#sequenceOf[row]))
      builder.finish(list.length)
      writer.keyed(RANKED_ROWS.name, keyGroup, NO_NAMESPACE, new Uint8Array(new Float64Array([recordId++]).buffer), bytesOfBatch(batch))
    }
    const ordered = new Uint32Array(this.#list.length)
    this.#list.listFrom(
      () => false,
      () => true,
      ordered.length,
      ordered,
      0,
    )
    view.rowCount = this.#rowCount
    for (let first = 0; first < ordered.length; first += RECORD_ROWS) {
      const some = ordered.subarray(first, first + RECORD_ROWS)
      slab.u32.set(some, rows >>> 2)
      const hashes = this.#keys?.encode(view, rows, 0, some.length).hashes ?? 0
      some.forEach((row, index) => {
        // Rows of one partition alone are all of the key group that the driver sends them to.
        const keyGroup = hashes === 0 ? 0 : slab.u32[((hashes + 4) >>> 2) + index * 2] % maxParallelism
        let list = byGroup.get(keyGroup)
        if (list === undefined) byGroup.set(keyGroup, (list = []))
        list.push(row)
      })
      for (const [keyGroup, list] of byGroup) {
        if (list.length < RECORD_ROWS) continue
        write(keyGroup, list.splice(0, RECORD_ROWS))
      }
    }
    for (const [keyGroup, list] of byGroup) if (list.length > 0) write(keyGroup, list)
    slab.free(rows, RECORD_ROWS * 4)
    builder.free()
  }

  restore(reader: SnapshotReader): void {
    const { slab } = this.#context
    const decoder = new BatchDecoder(slab, new Schema(this.#storedFields))
    const { fields } = this.#spec.schema
    const view = new RecordBatch(slab, this.#spec.schema, [])
    // Rows that are not told apart in the order in which they came.
    const records: Uint8Array[] = []
    reader.keyed(RANKED_ROWS.name, (_keyGroup, _namespace, _key, value) => void records.push(value.slice()))
    for (const record of records)
      visitStoredBatch(slab, decoder, record, (batch) => {
        view.viewOf(batch)
        view.columns = batch.columns.slice(0, fields.length)
        const { values } = batch.columns[fields.length]
        this.#restoreRows(view, (row) => slab.i32[(values >>> 2) + row * 2 + 1] * 4294967296 + slab.u32[(values >>> 2) + row * 2])
      })
    decoder.free()
  }

  free(): void {
    this.#partitions?.free()
    this.#keys?.free()
    this.#identities.free()
    this.#identityKeys.free()
    for (const column of this.#columns) column.free()
    if (this.#scratchRows > 0) this.#context.slab.free(this.#scratch, this.#scratchRows * 12)
  }

  get #storedFields(): readonly Field[] {
    return [...this.#spec.schema.fields, SEQUENCE]
  }

  #newColumns(rows: number): readonly Column[] {
    return this.#spec.schema.fields.map(({ type }) => Column.allocate(this.#context.slab, type, rows))
  }

  #compare(left: number, right: number): number {
    return this.#partitionOf[left] - this.#partitionOf[right] || this.#order.compare(left, right) || this.#sequenceOf[left] - this.#sequenceOf[right]
  }

  #wordOf(identity: number): number {
    return (identity + this.#identities.valueOffset) >>> 2
  }

  /** Appends rows, int32[n], of a batch. */
  #append({ columns }: RecordBatch, rows: number, n: number): void {
    const { slab, kernels } = this.#context
    const first = this.#rowCount
    this.#columns.forEach((column, index) => gatherRows(slab, kernels, columns[index], column, rows, 0, n, first))
    this.#rowCount += n
    this.#partitionOf = grown(this.#partitionOf, this.#rowCount)
    if (this.#rowCount > this.#sequenceOf.length) {
      const sequences = new Float64Array(Math.max(this.#rowCount, this.#sequenceOf.length * 2))
      sequences.set(this.#sequenceOf)
      this.#sequenceOf = sequences
    }
    this.#nextSame = grown(this.#nextSame, this.#rowCount)
    this.#order.note(first, this.#rowCount)
  }

  /** The partition of an entry, whose rows are about to change. */
  #touch(entry: number, touch: (partition: number) => void): number {
    const { u32 } = this.#context.slab
    let partition = 0
    if (this.#partitions !== undefined) {
      const at = (entry + this.#partitions.valueOffset) >>> 2
      if (u32[at] === 0) {
        partition = this.#freeNumbers.pop() ?? this.#partitionCount++
        this.#rowsIn = grown(this.#rowsIn, partition + 1)
        this.#stamps = grown(this.#stamps, partition + 1)
        u32[at] = partition + 1
      } else partition = u32[at] - 1
    }
    if (this.#stamps[partition] === this.#stamp) return partition
    this.#stamps[partition] = this.#stamp
    this.#touched = grown(this.#touched, this.#touchedCount + 1)
    this.#touchedEntries = grown(this.#touchedEntries, this.#touchedCount + 1)
    this.#touched[this.#touchedCount] = partition
    this.#touchedEntries[this.#touchedCount++] = entry
    touch(partition)
    return partition
  }

  #add(row: number, partition: number, at: number, sequence: number): void {
    const { u32 } = this.#context.slab
    this.#partitionOf[row] = partition
    this.#sequenceOf[row] = sequence
    this.#nextSame[row] = 0
    if (u32[at] === 0) {
      u32[at] = row + 1
      this.#rowsIn[partition]++
    } else if (this.#spec.replaces) {
      // What does not change its place among those that the order does not tell apart stays where it is.
      const old = u32[at] - 1
      if (this.#order.compare(old, row) === 0) this.#sequenceOf[row] = this.#sequenceOf[old]
      this.#list.remove(old)
      u32[at] = row + 1
    } else {
      this.#nextSame[u32[at + 1] - 1] = row + 1
      this.#rowsIn[partition]++
    }
    u32[at + 1] = row + 1
    this.#list.insert(row)
  }

  /** Takes the first one of rows that are not told apart. What was never there is passed over. */
  #takeAway(partition: number, at: number): void {
    const { u32 } = this.#context.slab
    if (u32[at] === 0) return
    const row = u32[at] - 1
    u32[at] = this.#nextSame[row]
    this.#list.remove(row)
    this.#rowsIn[partition]--
  }

  /** Removes those of the entries u32[n] that have no rows. */
  #forget(entries: number, n: number): void {
    const { u32 } = this.#context.slab
    let count = 0
    for (let index = entries >>> 2, end = index + n; index < end; index++) {
      const entry = u32[index]
      const at = this.#wordOf(entry)
      if (u32[at] !== 0 || u32[at + 1] === GONE) continue
      u32[at + 1] = GONE
      u32[(entries >>> 2) + count++] = entry
    }
    if (count > 0) this.#identities.remove(entries, count)
  }

  /** Has the rows that are left move together, in their order. */
  #move(): void {
    const { slab, kernels } = this.#context
    const old = this.#columns
    const count = this.#list.length
    const places = new Uint32Array(count)
    const names = new Uint32Array(this.#rowCount)
    this.#list.rename((row, name) => {
      places[name] = row
      names[row] = name
    })
    const rows = slab.allocate(Math.max(1, count) * 4)
    slab.u32.set(places, rows >>> 2)
    this.#columns = this.#newColumns(Math.max(count, ROWS_MIN))
    this.#columns.forEach((column, index) => gatherRows(slab, kernels, old[index], column, rows, 0, count, 0))
    slab.free(rows, Math.max(1, count) * 4)
    for (const column of old) column.free()
    this.#order.move(this.#columns, places)
    const [partitionOf, sequenceOf, nextSame] = [this.#partitionOf, this.#sequenceOf, this.#nextSame]
    const capacity = Math.max(count * 2, ROWS_MIN)
    this.#partitionOf = new Uint32Array(capacity)
    this.#sequenceOf = new Float64Array(capacity)
    this.#nextSame = new Uint32Array(capacity)
    for (let row = 0; row < count; row++) {
      this.#partitionOf[row] = partitionOf[places[row]]
      this.#sequenceOf[row] = sequenceOf[places[row]]
      const next = nextSame[places[row]]
      this.#nextSame[row] = next === 0 ? 0 : names[next - 1] + 1
    }
    this.#rowCount = count
    this.#identities.forEachEntries((entries, n) => {
      const { u32 } = slab
      for (let index = entries >>> 2, end = index + n; index < end; index++) {
        const at = this.#wordOf(u32[index])
        u32[at] = names[u32[at] - 1] + 1
        u32[at + 1] = names[u32[at + 1] - 1] + 1
      }
    })
  }

  #restoreRows(batch: RecordBatch, sequenceAt: (row: number) => number): void {
    const { slab } = this.#context
    const n = batch.rowCount
    this.#reserveScratch(n)
    const [partitions, identities] = [this.#scratch, this.#scratch + n * 4]
    if (this.#partitions !== undefined) this.#partitions.findOrInsert(this.#keys!.encode(batch, 0, 0, n), partitions)
    this.#identities.findOrInsert(this.#identityKeys.encode(batch, 0, 0, n), identities)
    const rows = this.#scratch + n * 8
    for (let row = 0; row < n; row++) slab.i32[(rows >>> 2) + row] = row
    const first = this.#rowCount
    this.#append(batch, rows, n)
    this.#stamp++
    this.#touchedCount = 0
    for (let row = 0; row < n; row++) {
      const sequence = sequenceAt(row)
      this.#sequence = Math.max(this.#sequence, sequence + 1)
      this.#add(first + row, this.#touch(slab.u32[(partitions >>> 2) + row], pass), this.#wordOf(slab.u32[(identities >>> 2) + row]), sequence)
    }
    this.#touchedCount = 0
  }

  #reserveScratch(rows: number): void {
    if (rows <= this.#scratchRows) return
    const { slab } = this.#context
    if (this.#scratchRows > 0) slab.free(this.#scratch, this.#scratchRows * 12)
    this.#scratchRows = rows
    this.#scratch = slab.allocate(rows * 12)
  }
}

function pass(): void {}

/** The same numbers with room for so many. */
function grown(numbers: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (length <= numbers.length) return numbers
  const larger = new Uint32Array(Math.max(length, numbers.length * 2))
  larger.set(numbers)
  return larger
}
