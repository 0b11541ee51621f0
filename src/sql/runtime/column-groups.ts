// The groups of a GROUP BY in tables: accumulators by key, the values that DISTINCT has seen, the texts that MIN and MAX keep. Rows are folded in by kernels,
// a batch at a time. With the backend lmdb the table of accumulators is a cache; the values of DISTINCT stay in memory. Owned by one operator, on its thread.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchDecoder } from '../../batch/batch-codec.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import { Column } from '../../batch/column.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { bytesOfBatch, visitStoredBatch } from '../../batch/stored-batch.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import { writeValue } from '../../batch/values.ts'
import { KeyEncoder } from '../../kernels/keys.ts'
import { ENTRY_HASH_OFFSET } from '../../kernels/table-layout.ts'
import type { OperatorContext, SnapshotReader } from '../../operator/operator.ts'
import { KeptRows, tailsOf } from '../../operator/window/kept-rows.ts'
import { emit, fold, type FoldRows } from '../../operator/window/slice-aggregates.ts'
import type { CachedTable, LmdbTables } from '../../state/lmdb-tables.ts'
import { CACHE_SEGMENT_ENTRIES, SegmentTable } from '../../state/segment-table.ts'
import { openTables } from '../../state/state-backend.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { describeState, type StateDeclaration, type StateSchema } from '../../state/state-schema.ts'
import { TableRestore } from '../../state/table-restore.ts'
import { ByteReader, ByteWriter } from '../../state/value-codec.ts'
import type { ColumnAggregate, ColumnAggregatePlan } from './column-aggregates.ts'
import { type DistinctPairs, PairsByKey, PairsByNumber } from './distinct-pairs.ts'

/** What is grouped. */
export interface ColumnGroupsSpec {
  readonly schema: Schema
  /** The columns of the key. */
  readonly key: readonly number[]
  readonly plan: ColumnAggregatePlan
  /** Whether its only aggregate keeps whole rows, so that these are the state. @default false */
  readonly keepsRows?: boolean
}

/** Aggregates of the different values of one column. */
interface DistinctSet {
  readonly column: number
  readonly pairs: DistinctPairs
  readonly members: readonly ColumnAggregate[]
  /** The FILTER that all of them have; undefined: they differ. */
  readonly filter: number | undefined
}

/** Rows that count for some aggregates. */
interface FilteredAggregates {
  readonly filter: number
  readonly aggregates: readonly ColumnAggregate[]
}

/** Lists of rows that are under way at once, each of entries and of rows. */
const LISTS = { TAKEN: 0, FILTERED: 1, VALUED: 2, NEW: 3, ADDED: 4, COUNT: 5 } as const
/** What is known of each value of a {@link DistinctSet}: a bit for each member that has counted it. */
const PAIR_BYTES = 8
const SET_MEMBERS_MAX = 31
/** Behind the value area that is state, two u32: the stamp of the step that has touched the group last, and the number of the group. */
const OWN_BYTES = 8
const NUMBER_OFFSET = 4
/** Rows between two looks at the memory, where entries are read and written. */
const CACHED_ROWS_PER_STEP = 1024
const ROWS_PER_STEP = 8192
/** Groups that are no more, beyond which the next checkpoint is written whole. */
const REMOVED_MAX = 1 << 20
const NO_NAMESPACE = new Uint8Array()
/** Of records that hold the rows of many groups, as a batch. */
const ROWS_NAMESPACE = new Uint8Array(1)
const GROUPS_PER_RECORD = 1024
const GROUPS: StateSchema = { name: 'groups', kind: 'groups' }

function distinctSchema(index: number, type: LogicalType): StateSchema {
  return { name: `distinct-${index}`, kind: 'distinct', type }
}

/** Members of sets of different values, by column: those of one column share a set, as far as it has bits. */
function setsOf(aggregates: readonly ColumnAggregate[]): readonly (readonly ColumnAggregate[])[] {
  const sets: ColumnAggregate[][] = []
  for (const aggregate of aggregates) {
    if (!aggregate.isDistinct) continue
    const set = sets.find(([first, ...others]) => first.plan.column === aggregate.plan.column && others.length < SET_MEMBERS_MAX - 1)
    if (set === undefined) sets.push([aggregate])
    else set.push(aggregate)
  }
  return sets
}

/** The states of groups. */
export function groupStatesOf({ schema, plan }: ColumnGroupsSpec): readonly StateDeclaration[] {
  const distinct = setsOf(plan.aggregates).map(([{ plan: of }], index) => ({ schema: distinctSchema(index, schema.fields[of.column].type) }))
  return [{ schema: GROUPS }, ...distinct]
}

/** Groups, and what is folded into them. */
export class ColumnGroups {
  readonly #context: OperatorContext
  readonly #spec: ColumnGroupsSpec
  readonly #keys: BatchKeys
  readonly #table: SegmentTable
  readonly #tier: LmdbTables | undefined
  readonly #cached: CachedTable | undefined
  readonly #filtered: readonly FilteredAggregates[]
  readonly #sets: readonly DistinctSet[]
  /** What aggregates keep that keep rows. */
  readonly #kept = new Map<ColumnAggregate['plan'], KeptRows>()
  readonly #keptRows: readonly KeptRows[]
  /** Row r of the batch in hand is record `sequence` + r of all that have come. */
  #sequence = 0
  #stamp = 0
  /** Address of u32 entries of rows, those that were touched, and {@link LISTS}. */
  #scratch = 0
  #scratchRows = 0
  /** See KeyedSnapshotWriter; and the groups that are no more, each in its epoch, as far as a checkpoint may still hold them, since one of which some were forgotten. */
  #epoch = 0
  #forgottenEpoch = 0
  #removed: { readonly key: Uint8Array; readonly keyGroup: number; readonly epoch: number }[] = []

  constructor(context: OperatorContext, spec: ColumnGroupsSpec) {
    const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed } = context
    const { schema, plan } = spec
    const { aggregates } = plan
    this.#context = context
    this.#spec = spec
    const key: KeySpec = { kind: 'columns', columns: spec.key }
    this.#keys = new BatchKeys(slab, kernels, schema, key)
    const keyGroups = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    this.#tier = openTables({ slab, kernels, keyGroups, maxParallelism }, (option) => context.option(option))
    this.#table = new SegmentTable(slab, kernels, {
      form: this.#keys.form,
      valueBytes: plan.valueBytes + OWN_BYTES,
      maxParallelism,
      firstGroup: keyGroups.start,
      lastGroup: keyGroups.end,
      slotSeed: tableSeed,
      ...(this.#tier !== undefined && { segmentEntriesMax: CACHE_SEGMENT_ENTRIES }),
    })
    for (const { plan: of } of aggregates) if (of.domain === 'kept') this.#kept.set(of, new KeptRows(context, schema, of))
    this.#keptRows = [...this.#kept.values()]
    this.#cached = this.#tier?.add(this.#table, { tails: this.#keptRows.length === 0 ? undefined : tailsOf(this.#table, this.#keptRows) })
    const filters = new Set(aggregates.map(({ filter }) => filter))
    this.#filtered = Array.from(filters, (filter) => ({
      filter,
      aggregates: aggregates.filter((aggregate) => aggregate.filter === filter && !aggregate.isDistinct),
    })).filter(({ aggregates: some }) => some.length > 0)
    const groups = { table: this.#table, numberOffset: this.#table.valueOffset + plan.valueBytes + NUMBER_OFFSET, count: 0 }
    this.#sets = setsOf(aggregates).map((members): DistinctSet => {
      const [{ filter, plan: of }] = members
      const { column } = of
      const pairs =
        this.#tier === undefined
          ? new PairsByNumber(context, schema, spec.key, groups, column, PAIR_BYTES)
          : new PairsByKey(context, schema, spec.key, this.#table, column, PAIR_BYTES)
      return { column, pairs, members, filter: members.every((member) => member.filter === filter) ? filter : undefined }
    })
  }

  /** Rows that are found and folded at once at most. */
  get rowsPerStep(): number {
    return this.#tier === undefined ? ROWS_PER_STEP : CACHED_ROWS_PER_STEP
  }

  /** Whether some of it may not be in memory. */
  get isCached(): boolean {
    return this.#tier !== undefined
  }

  /** How many groups are in memory. */
  get count(): number {
    return this.#table.entryCount
  }

  /**
   * Finds the groups of the rows at logical positions begin..begin + n - 1, or makes them.
   *
   * @returns Address of their u32 entries, valid until groups are found again.
   */
  find(batch: RecordBatch, begin: number, n: number): number {
    this.#reserve(n)
    const entries = this.#scratch
    const inserted = this.#table.findOrInsert(this.#keys.encode(batch, batch.selection, begin, n), entries)
    if (this.#cached !== undefined && inserted > 0) this.#cached.load(this.#table.listNew(entries, n), inserted)
    return entries
  }

  /** The group of the key that has one column, with a value that is given. */
  findOne(type: LogicalType, value: unknown): void {
    const { slab, kernels } = this.#context
    const column = Column.allocate(slab, type, 1)
    writeValue(column, 0, value)
    const encoder = new KeyEncoder(slab, kernels, this.#keys.form, 1)
    this.#reserve(1)
    this.#table.findOrInsert(encoder.encode([column.descriptor], 0, 0, 1), this.#scratch)
    encoder.free()
    column.free()
  }

  /** Lists those of the groups that {@link find} has found, each once: u32 entries at the address, and how many. */
  touch(n: number): { readonly touched: number; readonly count: number } {
    const touched = this.#scratch + this.#scratchRows * 4
    const { valueOffset } = this.#table
    this.#stamp = (this.#stamp + 1) >>> 0 || 1
    return { touched, count: this.#context.kernels.groupsTouch(this.#scratch, n, valueOffset + this.#spec.plan.valueBytes, this.#stamp, touched) }
  }

  /** How many rows a group has. */
  rowCountOf(entry: number): number {
    const at = (entry + this.#table.valueOffset + this.#spec.plan.rowCountOffset) >>> 2
    const { u32, i32 } = this.#context.slab
    return i32[at + 1] * 4294967296 + u32[at]
  }

  /** Moves those of the groups u32[n] that have rows to the front. Returns how many. */
  alive(entries: number, n: number): number {
    const { u32 } = this.#context.slab
    let count = 0
    for (let at = entries >>> 2, end = at + n; at < end; at++) if (this.rowCountOf(u32[at]) > 0) u32[(entries >>> 2) + count++] = u32[at]
    return count
  }

  /** Folds the rows in whose groups {@link find} has found. */
  fold(batch: RecordBatch, begin: number, n: number): void {
    const { kernels } = this.#context
    const { kinds, selection } = batch
    const rows = { entries: this.#scratch, n, selection, begin }
    if (kinds === 0) {
      kernels.aggregateCount(rows.entries, n, this.#table.valueOffset + this.#spec.plan.rowCountOffset)
      this.#add(batch, rows)
      return
    }
    const added = this.#list(LISTS.ADDED)
    const taken = this.#list(LISTS.TAKEN)
    const rowCount = this.#table.valueOffset + this.#spec.plan.rowCountOffset
    const { slab } = this.#context
    const counts = slab.allocate(8)
    kernels.groupsCount(rows.entries, n, kinds, rowCount, selection, begin, added.entries, added.rows, taken.entries, taken.rows, counts)
    const [addedCount, takenCount] = [slab.u32[counts >>> 2], slab.u32[(counts >>> 2) + 1]]
    slab.free(counts, 8)
    this.#add(batch, { entries: added.entries, n: addedCount, selection: added.rows, begin: 0 })
    this.#take(batch, { entries: taken.entries, n: takenCount, selection: taken.rows, begin: 0 })
  }

  /** Of groups that keep rows: the word in the slab behind which one refers to them, in order; it says how many there are. */
  placesOf(entry: number): number {
    return (entry + this.#table.valueOffset + this.#spec.plan.aggregates[0].plan.offset) >>> 2
  }

  /** Of groups that keep rows: appends such rows, u32[n] references, to columns. Those that have lost their places are there until others are folded in. */
  gather(rows: number, n: number, columns: readonly Column[], row: number): void {
    this.#keptRows[0].gather(rows, n, columns, row)
  }

  /** A batch has been folded in. */
  endBatch(batch: RecordBatch): void {
    if (this.#keptRows.length === 0) return
    this.#sequence += batch.rowCount
    for (const kept of this.#keptRows) kept.settle(this.#table)
  }

  /** Writes keys of groups u32[n] to rows from `row` on. */
  emitKeys(entries: number, n: number, columns: readonly Column[], row: number): void {
    this.#table.keysToColumns(entries, n, columns, row)
  }

  /** Writes results of groups u32[n] to rows from `row` on, which have room. */
  emit(entries: number, n: number, columns: readonly Column[], row: number): void {
    const { kernels } = this.#context
    const { valueOffset } = this.#table
    this.#spec.plan.aggregates.forEach(({ plan, countOffset }, index) => {
      const kept = this.#kept.get(plan)
      if (kept !== undefined) {
        kept.emit(valueOffset, entries, n, columns[index], row)
        return
      }
      if (countOffset >= 0) kernels.aggregateFlagCounts(entries, n, valueOffset, plan.flag, valueOffset + countOffset)
      emit(kernels, plan, valueOffset, entries, n, columns[index], row)
    })
  }

  /** Removes groups u32[n] that have no rows. Those that may lie outside of memory too are emptied: else what is there would come back. */
  remove(entries: number, n: number): void {
    if (n === 0) return
    for (const kept of this.#keptRows) kept.release(entries, n, this.#table.valueOffset)
    const { slab, kernels, maxParallelism } = this.#context
    if (this.#cached !== undefined) {
      kernels.aggregateReset(entries, n, this.#table.valueOffset, this.#spec.plan.valueBytes)
      return
    }
    if (this.#epoch > 0)
      for (let index = 0; index < n; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        const keyGroup = slab.u32[(entry + ENTRY_HASH_OFFSET + 4) >>> 2] % maxParallelism
        this.#removed.push({ key: this.#table.keyBytesOf(entry), keyGroup, epoch: this.#epoch })
      }
    if (this.#removed.length > REMOVED_MAX) {
      this.#removed = []
      this.#forgottenEpoch = this.#epoch
    }
    this.#table.remove(entries, n)
  }

  /** Visits all groups, in lists of u32 entries, none of which is visited again. The visitor must not find any. */
  *lists(): Generator<{ readonly entries: number; readonly count: number }> {
    const { slab } = this.#context
    const table = this.#table
    const cached = this.#cached
    if (cached === undefined || cached.isInMemory) {
      const bytes = Math.max(1, table.entryCount) * 4
      const entries = slab.allocate(bytes)
      let count = 0
      table.forEachEntries((list, n) => {
        slab.copy(entries + count * 4, list, n * 4)
        count += n
      })
      yield { entries, count }
      slab.free(entries, bytes)
      return
    }
    const width = Math.max(1, table.routeEnd / 2 ** Math.ceil(Math.log2(Math.max(1, cached.entriesMax / CACHED_ROWS_PER_STEP))))
    for (let from = 0; from < table.routeEnd; from += width) {
      cached.read(from, from + width)
      const { entries, bytes, count } = cached.list(from, from + width)
      yield { entries, count }
      cached.forget(entries, count)
      for (const kept of this.#keptRows) kept.settle(table)
      slab.free(entries, bytes)
    }
  }

  /** Has entries leave memory while they take more than they may. */
  makeRoom(): void {
    if (this.#tier === undefined) return
    this.#tier.shrink()
    for (const kept of this.#keptRows) kept.settle(this.#table)
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    const { valueBytes } = this.#spec.plan
    const table = this.#table
    for (const { schema } of groupStatesOf(this.#spec)) describeState(writer, schema)
    // What rows are kept of changes without the table being told.
    const isChange = this.#keptRows.length === 0 && writer.since > this.#forgottenEpoch && writer.changes(GROUPS.name)
    if (isChange) for (const { key, keyGroup, epoch } of this.#removed) if (epoch >= writer.since) writer.removed(GROUPS.name, keyGroup, NO_NAMESPACE, key)
    // A savepoint asks for no changes, and the next checkpoint for those since the one before.
    if (writer.since > 0) this.#removed = this.#removed.filter(({ epoch }) => epoch >= writer.since)
    this.#epoch = writer.nextEpoch
    if (this.#keptRows.length === 0) writer.records(GROUPS.name, (this.#cached ?? table).records(NO_NAMESPACE, valueBytes))
    else if (this.#spec.keepsRows === true && this.#cached === undefined) this.#snapshotRows(writer)
    else this.#snapshotKept(writer)
    this.#cached?.forEachCold(isChange ? writer.since : 0, (keyGroup, key, value, tail) => {
      const area = value.subarray(0, valueBytes)
      writer.keyed(GROUPS.name, keyGroup, NO_NAMESPACE, key, this.#keptRows.length === 0 ? area : Buffer.concat([area, tail]))
    })
    this.#sets.forEach(({ column, pairs }, index) => pairs.snapshot(writer, distinctSchema(index, this.#spec.schema.fields[column].type).name))
    if (this.#cached === undefined) table.epoch = this.#epoch
    this.#tier?.beginCheckpoint(writer.nextEpoch)
  }

  #snapshotKept(writer: KeyedSnapshotWriter): void {
    const { slab } = this.#context
    const { valueBytes } = this.#spec.plan
    const table = this.#table
    const bytes = new ByteWriter()
    table.forEachKeyGroup((keyGroup, entries, n) => {
      for (let index = 0; index < n; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        const at = entry + table.valueOffset
        bytes.at = 0
        bytes.raw(slab.u8.subarray(at, at + valueBytes))
        for (const kept of this.#keptRows) kept.save(bytes, entry, table.valueOffset)
        const value = new Uint8Array(bytes.at)
        bytes.copyTo(value, 0)
        writer.keyed(GROUPS.name, keyGroup, NO_NAMESPACE, table.keyBytesOf(entry), value)
      }
    })
  }

  /** Writes the rows of groups as batches: folded in again, they make the same groups. */
  #snapshotRows(writer: KeyedSnapshotWriter): void {
    const { slab } = this.#context
    const { schema, plan } = this.#spec
    const { limit } = plan.aggregates[0].plan.keep!
    const builder = new BatchBuilder(slab, schema, GROUPS_PER_RECORD)
    const rows = slab.allocate(GROUPS_PER_RECORD * limit * 4)
    let index = 0
    this.#table.forEachKeyGroup((keyGroup, entries, n) => {
      for (let begin = 0; begin < n; begin += GROUPS_PER_RECORD) {
        const count = this.#keptRows[0].list(entries + begin * 4, Math.min(GROUPS_PER_RECORD, n - begin), this.#table.valueOffset, rows)
        const batch = builder.begin(false, false)
        builder.ensureRows(count)
        this.#keptRows[0].gather(rows, count, batch.columns, 0)
        builder.finish(count)
        writer.keyed(GROUPS.name, keyGroup, ROWS_NAMESPACE, new Uint8Array(new Uint32Array([index++]).buffer), bytesOfBatch(batch))
      }
    })
    slab.free(rows, GROUPS_PER_RECORD * limit * 4)
    builder.free()
  }

  /** Folds the rows of groups in again. */
  #refold(batch: RecordBatch): void {
    for (let begin = 0; begin < batch.end; begin += this.rowsPerStep) {
      const n = Math.min(batch.end - begin, this.rowsPerStep)
      this.find(batch, begin, n)
      this.fold(batch, begin, n)
    }
    this.endBatch(batch)
  }

  restore(reader: SnapshotReader): void {
    const { slab, kernels } = this.#context
    const { valueBytes } = this.#spec.plan
    const groups = new TableRestore(slab, kernels, this.#table, valueBytes)
    const bytes = new ByteReader()
    let count = 0
    let decoder: BatchDecoder | undefined
    reader.keyed(GROUPS.name, (_keyGroup, namespace, key, value) => {
      if (namespace.length > 0) {
        visitStoredBatch(slab, (decoder ??= new BatchDecoder(slab, this.#spec.schema)), value, (batch) => this.#refold(batch))
        this.makeRoom()
        return
      }
      if (this.#tier !== undefined && ++count % CACHED_ROWS_PER_STEP === 0) {
        groups.flush()
        this.makeRoom()
      }
      if (this.#keptRows.length === 0) {
        groups.add(key, value)
        return
      }
      const area = value.slice(0, valueBytes)
      bytes.load(value, 0, value.length).at = valueBytes
      for (const kept of this.#keptRows) this.#sequence = Math.max(this.#sequence, kept.load(bytes, new Uint32Array(area.buffer), 0) + 1)
      groups.add(key, area)
    })
    groups.finish()
    decoder?.free()
    this.#sets.forEach(({ column, pairs }, index) => {
      const restore = pairs.restore()
      reader.keyed(distinctSchema(index, this.#spec.schema.fields[column].type).name, (_keyGroup, _namespace, key, value) => {
        restore.add(key, value)
      })
      restore.finish()
    })
    this.makeRoom()
  }

  free(): void {
    this.#cached?.free()
    this.#table.free()
    for (const kept of this.#keptRows) kept.free()
    for (const { pairs } of this.#sets) pairs.free()
    this.#tier?.close()
    this.#keys.free()
    if (this.#scratchRows > 0) this.#context.slab.free(this.#scratch, this.#scratchBytes)
  }

  get #scratchBytes(): number {
    return this.#scratchRows * 4 * (2 + LISTS.COUNT * 2)
  }

  #reserve(rows: number): void {
    if (rows <= this.#scratchRows) return
    const { slab } = this.#context
    if (this.#scratchRows > 0) slab.free(this.#scratch, this.#scratchBytes)
    this.#scratchRows = rows
    this.#scratch = slab.allocate(this.#scratchBytes)
  }

  #list(list: number): { readonly entries: number; readonly rows: number } {
    const bytes = this.#scratchRows * 4
    const entries = this.#scratch + (2 + list * 2) * bytes
    return { entries, rows: entries + bytes }
  }

  #add(batch: RecordBatch, rows: FoldRows): void {
    for (const { filter, aggregates } of this.#filtered) {
      const counted = this.#where(batch, filter, rows)
      for (const aggregate of aggregates) this.#addTo(aggregate, batch, counted)
    }
    for (const set of this.#sets) this.#addToSet(set, batch, rows)
  }

  #addTo({ plan, countOffset }: ColumnAggregate, batch: RecordBatch, rows: FoldRows): void {
    const { kernels } = this.#context
    const base = this.#table.valueOffset
    const { entries, n, selection, begin } = rows
    const kept = this.#kept.get(plan)
    if (kept !== undefined) kept.fold(batch, rows, base, this.#sequence)
    else fold(kernels, plan, base, batch.columns, rows)
    if (countOffset >= 0 && plan.kind === 'sum')
      kernels.aggregateCountColumn(entries, n, base + countOffset, batch.columns[plan.column].descriptor, selection, begin)
  }

  #addToSet({ column, pairs, members, filter }: DistinctSet, batch: RecordBatch, rows: FoldRows): void {
    const { kernels } = this.#context
    const counted = this.#where(batch, filter ?? -1, rows)
    const { entries, rows: valued } = this.#list(LISTS.VALUED)
    const { descriptor } = batch.columns[column]
    const n = kernels.groupsNotNull(counted.entries, counted.n, descriptor, counted.selection, counted.begin, entries, valued)
    if (n === 0) return
    const found = pairs.find(batch, entries, valued, n)
    const fresh = this.#list(LISTS.NEW)
    members.forEach((member, bit) => {
      const filtering = filter === undefined && member.filter >= 0 ? batch.columns[member.filter].descriptor : 0
      const count = kernels.groupsOfNew(entries, found, n, pairs.valueOffset, 1 << bit, filtering, valued, 0, fresh.entries, fresh.rows)
      if (count > 0) this.#addTo(member, batch, { entries: fresh.entries, n: count, selection: fresh.rows, begin: 0 })
    })
  }

  #take(batch: RecordBatch, rows: FoldRows): void {
    const { kernels } = this.#context
    const base = this.#table.valueOffset
    for (const { filter, aggregates } of this.#filtered) {
      const { entries, n, selection, begin } = this.#where(batch, filter, rows)
      for (const { plan, countOffset } of aggregates) {
        // What is taken back is replaced by what goes further.
        if (plan.kind === 'min' || plan.kind === 'max') continue
        const at = base + plan.offset
        if (plan.column === -1) {
          kernels.aggregateUncount(entries, n, at)
          continue
        }
        const { descriptor } = batch.columns[plan.column]
        if (plan.kind === 'count') {
          kernels.aggregateUncountColumn(entries, n, at, descriptor, selection, begin)
          continue
        }
        if (plan.domain === 'decimal') kernels.aggregateUnsumDecimal(entries, n, at, base, plan.flag, descriptor, selection, begin)
        else kernels.aggregateUnsum(entries, n, at, descriptor, selection, begin)
        kernels.aggregateUncountColumn(entries, n, base + countOffset, descriptor, selection, begin)
      }
    }
  }

  /** The rows that a filter lets in. */
  #where(batch: RecordBatch, filter: number, rows: FoldRows): FoldRows {
    if (filter === -1) return rows
    const { entries, rows: selection } = this.#list(LISTS.FILTERED)
    const n = this.#context.kernels.groupsWhere(rows.entries, rows.n, batch.columns[filter].descriptor, rows.selection, rows.begin, entries, selection)
    return { entries, n, selection, begin: 0 }
  }
}
