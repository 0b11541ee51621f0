// The columnar window operator: built-in aggregates over aligned windows (tumbling, sliding, cumulative) of event or processing time, by slices. Records
// are folded into one table a slice, in kernels; windows of several slices merge them when they fire. With the backend lmdb the tables are a cache, and
// windows of which something is not in memory fire by ranges of keys. Runs on the worker's thread.

import { type KeyGroupRange, keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import type { Column } from '../../batch/column.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../../batch/crossings.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { assertInserts, readInt64AsNumber, RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import { type LogicalType, Schema } from '../../batch/types.ts'
import { writeValue } from '../../batch/values.ts'
import { RestoreError, UserFunctionError } from '../../base/errors.ts'
import { ENTRY_HASH_OFFSET } from '../../kernels/table-layout.ts'
import { TableRestore } from '../../state/table-restore.ts'
import { keyValueOf } from '../../state/key-value.ts'
import type { CachedTable, LmdbTables } from '../../state/lmdb-tables.ts'
import { CACHE_SEGMENT_ENTRIES, FOLD_ROWS, SegmentTable } from '../../state/segment-table.ts'
import { type KeyedSnapshotWriter, OWN_STATE_PREFIX } from '../../state/state.ts'
import { openTables } from '../../state/state-backend.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'
import { ByteReader, ByteWriter } from '../../state/value-codec.ts'
import type { Operator, OperatorContext, OperatorDescription, Output, SnapshotReader, SnapshotWriter } from '../operator.ts'
import { DistinctValues } from './distinct-values.ts'
import { KeptRows, tailsOf } from './kept-rows.ts'
import { type AggregatePlan, type Aggregates, emit, fold, type FoldRows, formatAggregates, merge, planAggregates } from './slice-aggregates.ts'
import { type AlignedWindows, formatWindows, lastWindowEndMs, nextFiringMs, nextWindowEndMs, sliceEndMs, sliceStartMs, windowStartMs } from './slices.ts'
import { NO_WINDOW_COUNTER } from './window.ts'
import { windowResultSchema } from './window-result.ts'

/** The watermark and the end of the last window that has fired; of several parts those furthest behind count. */
const WATERMARK_STATE = `${OWN_STATE_PREFIX}watermark`

/**
 * Of windows of processing time, which of them have ended, by runs of key groups: the first group and the end of the last window. One element a run; of
 * several parts each tells of its own groups.
 */
const FIRED_STATE = `${OWN_STATE_PREFIX}fired`

/** How windows of processing time lie: as clocks on the wall show them, say, which go forward and back. */
export interface WindowTimes {
  /** The time of an instant, as windows count it. */
  localOf(instantMs: number): number
  /** The last instant whose time lies in front of a window's end. Never less for a later end. */
  firesAt(endMs: number): number
}

/** What the operator does. */
export interface SliceWindowOptions {
  /** Schema of the records. */
  readonly inputSchema: Schema
  readonly key: KeySpec
  readonly windows: AlignedWindows
  /** By name; or planned, with the columns of the result: those of the key, both bounds of the window, and one for each of them. */
  readonly aggregates: Aggregates | PlannedAggregates
  /** Which column has the records' times, as milliseconds. @default their timestamps */
  readonly timeColumn?: number
  /** Windows of processing time: a record is in those of the instant at which it comes, and none is late. @default of event time */
  readonly times?: WindowTimes
  /** Side output for late records; undefined drops them, counted. */
  readonly lateOutput: string | undefined
}

/** Aggregates with accumulators laid out by whoever knows them; countDistinct has no filter. */
export interface PlannedAggregates {
  readonly plans: readonly AggregatePlan[]
  readonly valueBytes: number
  readonly resultSchema: Schema
  /** Of each the BOOLEAN column of the rows that count for it; -1: all do. */
  readonly filters: readonly number[]
}

function isPlanned(aggregates: SliceWindowOptions['aggregates']): aggregates is PlannedAggregates {
  return 'resultSchema' in aggregates && aggregates.resultSchema instanceof Schema
}

/** One slice: the accumulators of its keys. */
interface Slice {
  readonly startMs: number
  readonly lastEndMs: number
  readonly table: SegmentTable
  /** Its entries that are not in memory. */
  readonly cached: CachedTable | undefined
  /** What each countDistinct has seen, and of that what is not in memory. */
  readonly distinct: readonly SegmentTable[]
  readonly cachedDistinct: readonly CachedTable[]
  /** What each aggregate keeps that keeps rows. */
  readonly kept: readonly KeptRows[]
  /** Address of the int32 rows of the batch in hand that fall into it. */
  rows: number
  rowCapacity: number
  rowCount: number
}

/** A window that is being emitted: entries of it, and how far they have been. */
interface Firing {
  readonly endMs: number
  readonly parts: readonly Slice[]
  /** The table and the kept rows to read: a slice's, or `merged`. */
  readonly table: SegmentTable
  readonly kept: readonly KeptRows[]
  readonly merged: boolean
  entries: number
  entriesBytes: number
  count: number
  next: number
  /** Where the entries begin that come after these, if it goes by ranges of routes. */
  route: number
  /** How wide a range is; 0: the entries are all that there are. */
  readonly rangeRoutes: number
  /** What each countDistinct has seen of the keys of a range. */
  readonly seen: readonly SegmentTable[]
}

/** What a slice has of its own. */
type Tables = Pick<Slice, 'table' | 'cached' | 'distinct' | 'cachedDistinct' | 'kept'>

/** The columns of a result. */
export function sliceWindowSchema(options: Pick<SliceWindowOptions, 'inputSchema' | 'key'> & { readonly aggregates: Aggregates }): Schema {
  return windowResultSchema(options.inputSchema, options.key, true, planAggregates(options.inputSchema, options.aggregates, false).plans)
}

/** Of some key groups other windows have ended than of the others: a restore has brought them together. */
interface Behind {
  /** End of the last window, by key group from the subtask's first on. */
  readonly firedMs: Float64Array
  readonly mostMs: number
}

/** See the file's head. Results carry the window's last millisecond as their timestamp. */
export class SliceWindowOperator implements Operator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #options: SliceWindowOptions
  readonly #plans: readonly AggregatePlan[]
  readonly #keptPlans: readonly AggregatePlan[]
  /** By plan: see {@link PlannedAggregates}. */
  readonly #filters: readonly number[]
  readonly #valueBytes: number
  #context!: OperatorContext
  #keys!: BatchKeys
  #builder!: BatchBuilder
  #lateView!: RecordBatch
  #late: Slice | undefined
  /** By start, in no order: there are few. */
  readonly #slices = new Map<number, Slice>()
  /** Tables of dropped slices, emptied, for the next ones. */
  readonly #spare: Tables[] = []
  /** Of each countDistinct; and where its accumulator lies. */
  #distinct: readonly DistinctValues[] = []
  readonly #distinctPlans: readonly AggregatePlan[]
  #tier: LmdbTables | undefined
  #hasPaused = false
  #expectedEntries = 0
  /** Scratch. */
  #entries = 0
  /** Row r of the batch in hand is record `sequence` + r of all that have come. */
  #sequence = 0
  #watermarkMs = WATERMARK_MIN
  #firing: Firing | undefined
  /** End of the last window fired. */
  #firedMs = WATERMARK_MIN
  /** Of windows of processing time; undefined: {@link #firedMs} is of all keys. */
  #behind: Behind | undefined
  /** When the next window of processing time is over; undefined: not known. */
  #dueMs: number | undefined
  /** See KeyedSnapshotWriter; and the slices that were dropped, each in its epoch, as far as a checkpoint may still hold them. */
  #epoch = 0
  #dropped: { readonly startMs: number; readonly epoch: number }[] = []

  constructor(options: SliceWindowOptions) {
    this.#options = options
    const { inputSchema, key, windows, aggregates } = options
    const { plans, valueBytes } = isPlanned(aggregates) ? aggregates : planAggregates(inputSchema, aggregates, windows.kind !== 'tumbling')
    this.#plans = plans
    this.#filters = isPlanned(aggregates) ? aggregates.filters : plans.map(() => -1)
    this.#keptPlans = plans.filter(({ domain }) => domain === 'kept')
    this.#distinctPlans = plans.filter(({ kind }) => kind === 'countDistinct')
    this.#valueBytes = valueBytes
    this.outputSchema = isPlanned(aggregates) ? aggregates.resultSchema : sliceWindowSchema({ inputSchema, key, aggregates })
  }

  open(context: OperatorContext): void {
    this.#context = context
    this.#keys = new BatchKeys(context.slab, context.kernels, this.#options.inputSchema, this.#options.key)
    this.#distinct = this.#distinctPlans.map(({ column }) => new DistinctValues(context, this.#options.inputSchema, this.#options.key, this.#keys.form, column))
    this.#tier = this.#openTier()
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
    this.#lateView = new RecordBatch(context.slab, this.#options.inputSchema, [])
    this.#entries = context.slab.allocate(SCRATCH_BYTES)
  }

  /** Nothing changes from one end of a window to the next, but for records in gaps: see {@link #scatter}. */
  nextCutMs(): number {
    if (this.#options.times !== undefined) return Infinity
    return this.#watermarkMs === WATERMARK_MIN ? WATERMARK_MIN : nextFiringMs(this.#options.windows, this.#watermarkMs)
  }

  /** Whether the last call has ended because reading and writing had taken long enough. */
  get hasPaused(): boolean {
    return this.#hasPaused
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    const tier = this.#tier
    if (tier === undefined) return this.#processRows(batch, output)
    const { end } = batch
    batch.end = Math.min(end, batch.begin + CACHED_ROWS_PER_STEP)
    const done = this.#processRows(batch, output)
    batch.end = end
    this.#makeRoom(tier)
    this.#hasPaused = done && batch.begin < end
    return done && batch.begin === end
  }

  #makeRoom(tier: LmdbTables): void {
    tier.shrink()
    if (this.#keptPlans.length > 0) for (const { table, kept } of this.#slices.values()) for (const rows of kept) rows.settle(table)
  }

  #processRows(batch: RecordBatch, output: Output): boolean {
    const { begin, end } = batch
    if (begin === end) return true
    assertInserts(batch)
    if (this.#options.times !== undefined) {
      this.#foldNow(batch, this.#options.times)
      return true
    }
    const late = this.#options.lateOutput === undefined ? undefined : output.side(this.#options.lateOutput)
    if (late !== undefined && !late.hasCapacity()) return false
    if (this.#timestampsOf(batch) === 0)
      throw new UserFunctionError(
        'NO_TIMESTAMP',
        `Cannot assign records to event-time windows in operator "${this.#context.operatorName}": they carry no timestamps`,
        {
          hint: 'Call assignTimestampsAndWatermarks(...) in front of the window.',
        },
      )
    const whole = this.#sliceOfAll(batch)
    if (whole !== undefined) this.#fold(batch, whole, batch.selection, begin, end - begin)
    else {
      this.#scatter(batch)
      for (const slice of this.#slices.values()) {
        if (slice.rowCount > 0) this.#fold(batch, slice, slice.rows, 0, slice.rowCount)
        slice.rowCount = 0
      }
      this.#emitLate(batch, late)
    }
    this.#endRows(batch)
    return true
  }

  #endRows(batch: RecordBatch): void {
    // Of a batch that comes in pieces too, each row is behind those before it.
    this.#sequence += batch.rowCount
    batch.begin = batch.end
  }

  /** Records that come at one instant are in one slice. */
  #foldNow(batch: RecordBatch, times: WindowTimes): void {
    const { begin, end } = batch
    const { windows } = this.#options
    const localMs = times.localOf(this.#context.clock.nowMs())
    if (localMs < this.#firedMs) {
      // The clock was set back: windows that it comes to again are told again.
      this.#firedMs = localMs
      this.#behind = undefined
      this.#dueMs = undefined
    }
    const startMs = sliceStartMs(windows, localMs)
    if (lastWindowEndMs(windows, startMs) === -Infinity) this.#context.metrics.counter(NO_WINDOW_COUNTER).value += end - begin
    else this.#fold(batch, this.#slice(startMs), batch.selection, begin, end - begin)
    this.#endRows(batch)
  }

  advance(watermarkMs: number, output: Output): boolean {
    if (this.#options.times !== undefined) return true
    if (!this.#fireUntil(watermarkMs, output)) return false
    this.#watermarkMs = watermarkMs
    return true
  }

  nextProcessingTimeMs(): number {
    return this.#options.times === undefined ? Infinity : (this.#dueMs ??= this.#overAtMs(this.#nextEndMs()))
  }

  fireTimers(upToMs: number, output: Output): boolean {
    return this.#options.times === undefined || this.#fireUntil(upToMs, output)
  }

  /** Emits the windows that are over when time has come so far. False: the output refused. */
  #fireUntil(timeMs: number, output: Output): boolean {
    this.#hasPaused = false
    for (;;) {
      if (this.#firing !== undefined && !this.#emitFiring(this.#firing, output)) return false
      const endMs = this.#nextEndMs()
      if (endMs === Infinity || this.#overAtMs(endMs) > timeMs) return true
      this.#fire(endMs)
    }
  }

  /** End of the next window to fire; Infinity if there is none. */
  #nextEndMs(): number {
    // Windows that had passed before a slice came to be stay passed: its records count only in those still to come.
    const afterMs = Math.max(this.#firedMs, this.#watermarkMs + 1)
    let endMs = Infinity
    for (const slice of this.#slices.values()) endMs = Math.min(endMs, nextWindowEndMs(this.#options.windows, slice.startMs, afterMs))
    return endMs
  }

  /** The watermark, or the instant, at which a window is over. */
  #overAtMs(endMs: number): number {
    const { times } = this.#options
    return times === undefined || endMs === Infinity ? endMs - 1 : times.firesAt(endMs)
  }

  endInput(): boolean {
    return true
  }

  describe(): OperatorDescription {
    const { inputSchema, windows, times } = this.#options
    const states = this.#distinctPlans.map(({ column }, index) => ({ schema: distinctSchema(index, inputSchema.fields[column].type) }))
    return {
      type: 'aligned windows',
      traits: {
        windows: `${formatWindows(windows)}${times === undefined ? '' : ', of processing time'}`,
        aggregates: formatAggregates(inputSchema, this.#plans),
      },
      states: [{ schema: SLICES_SCHEMA }, ...states],
      hasTimers: false,
    }
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    describeState(writer, SLICES_SCHEMA)
    this.#distinct.forEach(({ column }, index) => describeState(writer, distinctSchema(index, this.#options.inputSchema.fields[column].type)))
    const start = new Uint8Array(8)
    const name = (startMs: number): Uint8Array => {
      new DataView(start.buffer).setFloat64(0, startMs, true)
      return start
    }
    // What rows are kept of changes without the table being told.
    const isChange = this.#keptPlans.length === 0 && writer.changes(SLICES_SCHEMA.name)
    if (isChange) for (const { startMs, epoch } of this.#dropped) if (epoch >= writer.since) writer.dropped(SLICES_SCHEMA.name, name(startMs))
    if (writer.since > 0) this.#dropped = this.#dropped.filter(({ epoch }) => epoch >= writer.since)
    this.#epoch = writer.nextEpoch
    for (const { startMs, table, cached, distinct, cachedDistinct, kept } of this.#slices.values()) {
      if (kept.length === 0) writer.records(SLICES_SCHEMA.name, (cached ?? table).records(name(startMs), this.#valueBytes))
      else this.#snapshotKept(writer, name(startMs), table, kept)
      cached?.forEachCold(isChange ? writer.since : 0, (keyGroup, key, value, tail) =>
        writer.keyed(SLICES_SCHEMA.name, keyGroup, start, key, kept.length === 0 ? value : Buffer.concat([value.subarray(0, this.#valueBytes), tail])),
      )
      this.#distinct.forEach((values, index) => {
        values.snapshot(writer, distinctName(index), name(startMs), distinct[index])
        cachedDistinct[index]?.forEachCold(0, (keyGroup, key) => writer.keyed(distinctName(index), keyGroup, start, key, NO_VALUE))
      })
      if (cached === undefined) table.epoch = this.#epoch
    }
    this.#tier?.beginCheckpoint(writer.nextEpoch)
    if (this.#options.times === undefined) writer.element(WATERMARK_STATE, new Uint8Array(new Float64Array([this.#watermarkMs, this.#firedMs]).buffer))
    else this.#snapshotFired(writer)
  }

  get #keyGroups(): KeyGroupRange {
    const { subtaskIndex, parallelism, maxParallelism } = this.#context
    return keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
  }

  /** End of the last window that has fired of a key group's keys. */
  #firedOf(keyGroup: number): number {
    return this.#behind === undefined ? this.#firedMs : Math.max(this.#behind.firedMs[keyGroup - this.#keyGroups.start], this.#firedMs)
  }

  #snapshotFired(writer: SnapshotWriter): void {
    const { start, end } = this.#keyGroups
    let lastMs = NaN
    for (let keyGroup = start; keyGroup <= end; keyGroup++) {
      const firedMs = this.#firedOf(keyGroup)
      if (firedMs !== lastMs) writer.element(FIRED_STATE, new Uint8Array(new Float64Array([keyGroup, firedMs]).buffer))
      lastMs = firedMs
    }
  }

  #snapshotKept(writer: SnapshotWriter, namespace: Uint8Array, table: SegmentTable, kept: readonly KeptRows[]): void {
    const { slab } = this.#context
    const bytes = new ByteWriter()
    // Most keys are as long as the one before, and so are values.
    let key: Uint8Array = new Uint8Array()
    let value: Uint8Array = new Uint8Array()
    table.forEachKeyGroup((keyGroup, entries, n) => {
      for (let index = 0; index < n; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        const at = entry + table.valueOffset
        bytes.at = 0
        bytes.raw(slab.u8.subarray(at, at + this.#valueBytes))
        for (const rows of kept) rows.save(bytes, entry, table.valueOffset)
        key = table.keyBytesOf(entry, key)
        if (value.length !== bytes.at) value = new Uint8Array(bytes.at)
        bytes.copyTo(value, 0)
        writer.keyed(SLICES_SCHEMA.name, keyGroup, namespace, key, value)
      }
    })
  }

  restore(reader: SnapshotReader): void {
    const { slab, kernels } = this.#context
    const slices = new Map<number, TableRestore>()
    const restoreOf = (startMs: number): TableRestore => {
      let restore = slices.get(startMs)
      if (restore === undefined) slices.set(startMs, (restore = new TableRestore(slab, kernels, this.#slice(startMs).table, this.#valueBytes)))
      return restore
    }
    const bytes = new ByteReader()
    let count = 0
    const makeRoom = (restores: ReadonlyMap<number, TableRestore>): void => {
      if (this.#tier === undefined || ++count % CACHED_ROWS_PER_STEP !== 0) return
      for (const restore of restores.values()) restore.flush()
      this.#makeRoom(this.#tier)
    }
    reader.keyed(SLICES_SCHEMA.name, (_keyGroup, namespace, key, value) => {
      makeRoom(slices)
      const startMs = new DataView(namespace.buffer, namespace.byteOffset, 8).getFloat64(0, true)
      const restore = restoreOf(startMs)
      if (this.#keptPlans.length === 0) {
        restore.add(key, value)
        return
      }
      const area = value.slice(0, this.#valueBytes)
      bytes.load(value, 0, value.length).at = this.#valueBytes
      for (const rows of this.#slice(startMs).kept) this.#sequence = Math.max(this.#sequence, rows.load(bytes, new Uint32Array(area.buffer), 0) + 1)
      restore.add(key, area)
    })
    for (const restore of slices.values()) restore.finish()
    this.#tier?.shrink()
    this.#distinct.forEach((values, index) => {
      const pairs = new Map<number, TableRestore>()
      reader.keyed(distinctName(index), (_keyGroup, namespace, key) => {
        makeRoom(pairs)
        const startMs = new DataView(namespace.buffer, namespace.byteOffset, 8).getFloat64(0, true)
        let restore = pairs.get(startMs)
        if (restore === undefined) pairs.set(startMs, (restore = values.restore(this.#slice(startMs).distinct[index])))
        restore.add(key)
      })
      for (const restore of pairs.values()) restore.finish()
      this.#tier?.shrink()
    })
    this.#dueMs = undefined
    if (this.#options.times !== undefined) {
      this.#restoreFired(reader)
      return
    }
    let watermarkMs = WATERMARK_MAX
    let firedMs = WATERMARK_MAX
    let lastFiredMs = WATERMARK_MIN
    reader.elements(WATERMARK_STATE, (bytes) => {
      const [watermark, fired] = new Float64Array(bytes.slice().buffer)
      watermarkMs = Math.min(watermarkMs, watermark)
      firedMs = Math.min(firedMs, fired)
      lastFiredMs = Math.max(lastFiredMs, fired)
    })
    if (watermarkMs === WATERMARK_MAX && firedMs === WATERMARK_MAX) return
    // Parts stand at different times where a barrier has overtaken watermarks. Of tumbling windows nothing is left behind those that have fired.
    if (lastFiredMs > watermarkMs + 1 && this.#options.windows.kind !== 'tumbling' && slices.size > 0)
      throw new RestoreError(
        'IN_FLIGHT_NOT_RESTORED',
        `Cannot restore operator "${this.#context.operatorName}" at another parallelism: some of its subtasks had come further in time than others, and their windows overlap`,
        { hint: 'Start the job once more at the parallelism that it had: its first checkpoint is aligned.' },
      )
    this.#watermarkMs = watermarkMs
    this.#firedMs = firedMs
  }

  #restoreFired(reader: SnapshotReader): void {
    const runs: (readonly [keyGroup: number, firedMs: number])[] = []
    reader.elements(FIRED_STATE, (bytes) => {
      const [keyGroup, firedMs] = new Float64Array(bytes.slice().buffer)
      runs.push([keyGroup, firedMs])
    })
    if (runs.length === 0) return
    runs.sort(([one], [other]) => one - other)
    const { start, end } = this.#keyGroups
    const fired = Float64Array.from({ length: end - start + 1 }, (_, index) => runs.findLast(([keyGroup]) => keyGroup <= start + index)?.[1] ?? WATERMARK_MIN)
    const mostMs = Math.max(...fired)
    this.#firedMs = Math.min(...fired)
    // Barriers come to subtasks in front of a window's end and behind it.
    this.#behind = this.#firedMs === mostMs ? undefined : { firedMs: fired, mostMs }
  }

  close(): void {
    const { slab } = this.#context
    if (this.#firing !== undefined) this.#freeFiring(this.#firing)
    for (const slice of this.#slices.values()) {
      freeTables(slice)
      if (slice.rowCapacity > 0) slab.free(slice.rows, slice.rowCapacity * 4)
    }
    this.#slices.clear()
    for (const spare of this.#spare) freeTables(spare)
    this.#tier?.close()
    for (const values of this.#distinct) values.free()
    if (this.#late !== undefined && this.#late.rowCapacity > 0) slab.free(this.#late.rows, this.#late.rowCapacity * 4)
    if (this.#entries > 0) slab.free(this.#entries, SCRATCH_BYTES)
    this.#keys?.free()
    this.#builder?.free()
  }

  /** Address of the int64 times of physical rows; 0: they have none. */
  #timestampsOf(batch: RecordBatch): number {
    const { timeColumn } = this.#options
    return timeColumn === undefined ? batch.timestamps : batch.columns[timeColumn].values
  }

  /** The slice that holds all pending rows, if one does and it is not late: the common case, which needs no selection. */
  #sliceOfAll(batch: RecordBatch): Slice | undefined {
    const { slab, selection, begin, end } = batch
    const timestamps = this.#timestampsOf(batch)
    const firstMs = readInt64AsNumber(slab, timestamps + batch.physicalRow(begin) * 8)
    const { windows } = this.#options
    const startMs = sliceStartMs(windows, firstMs)
    const endMs = sliceEndMs(windows, startMs)
    if (lastWindowEndMs(windows, startMs) - 1 <= this.#watermarkMs) return undefined
    return this.#context.kernels.timesWithin(timestamps, selection, begin, end - begin, startMs, endMs) === 1 ? this.#slice(startMs) : undefined
  }

  /**
   * Lists the pending rows of each slice, and the late ones. A row in a gap between windows is late if the watermark has passed it when it comes;
   * else it is only counted.
   */
  #scatter(batch: RecordBatch): void {
    const { slab } = this.#context
    const base = this.#timestampsOf(batch) >>> 2
    const selection = batch.selection >>> 2
    const rows = batch.end - batch.begin
    const { windows } = this.#options
    const { crossings } = batch
    let crossing = 0
    let watermarkMs = this.#watermarkMs
    let outsideCount = 0
    for (const slice of this.#slices.values()) this.#reserveRows(slice, rows)
    let slice: Slice | undefined
    let startMs = NaN
    let endMs = NaN
    let isGap = false
    let { i32, u32 } = slab
    for (let position = batch.begin; position < batch.end; position++) {
      const row = selection === 0 ? position : i32[selection + position]
      const timestampMs = i32[base + row * 2 + 1] * 4294967296 + u32[base + row * 2]
      if (!(timestampMs >= startMs && timestampMs < endMs)) {
        startMs = sliceStartMs(windows, timestampMs)
        endMs = sliceEndMs(windows, startMs)
        const lastEndMs = lastWindowEndMs(windows, startMs)
        isGap = lastEndMs === -Infinity
        slice = lastEndMs - 1 <= this.#watermarkMs ? this.#lateSlice() : this.#slice(startMs)
        if (slice.rowCapacity < rows) this.#reserveRows(slice, rows)
        i32 = slab.i32
        u32 = slab.u32
      }
      if (isGap) {
        while (crossing < crossings.count && crossings.positions[crossing] <= row) watermarkMs = Math.max(watermarkMs, crossings.watermarks[crossing++])
        if (timestampMs > watermarkMs) {
          outsideCount++
          continue
        }
      }
      i32[(slice!.rows >>> 2) + slice!.rowCount++] = row
    }
    if (outsideCount > 0) this.#context.metrics.counter(NO_WINDOW_COUNTER).value += outsideCount
  }

  #fold(batch: RecordBatch, slice: Slice, selection: number, begin: number, n: number): void {
    for (let done = 0; done < n; done += FOLD_ROWS) this.#foldPart(batch, slice, selection, begin + done, Math.min(FOLD_ROWS, n - done))
  }

  #foldPart(batch: RecordBatch, slice: Slice, selection: number, begin: number, n: number): void {
    const { table, cached } = slice
    const entries = this.#entries
    const inserted = table.findOrInsert(this.#keys.encode(batch, selection, begin, n), entries)
    if (cached !== undefined && inserted > 0) cached.load(table.listNew(entries, n), inserted)
    const rows = { entries, n, selection, begin }
    let nextKept = 0
    this.#plans.forEach((plan, index) => {
      const counted = this.#where(batch, this.#filters[index], rows)
      if (plan.domain !== 'kept') fold(this.#context.kernels, plan, table.valueOffset, batch.columns, counted)
      else slice.kept[nextKept++].fold(batch, counted, table.valueOffset, this.#sequence)
    })
    for (const kept of slice.kept) kept.settle(table)
    this.#distinct.forEach((values, index) => values.insert(slice.distinct[index], batch, selection, begin, n))
  }

  /** The rows that a filter lets in. */
  #where(batch: RecordBatch, filter: number, rows: FoldRows): FoldRows {
    if (filter === -1) return rows
    const { entries, n, selection, begin } = rows
    const listed = this.#entries + FOLD_ROWS * 4
    const counted = listed + FOLD_ROWS * 4
    return {
      entries: listed,
      n: this.#context.kernels.groupsWhere(entries, n, batch.columns[filter].descriptor, selection, begin, listed, counted),
      selection: counted,
      begin: 0,
    }
  }

  /** Late records are counted, and go to the side output if somebody reads it. */
  #emitLate(batch: RecordBatch, late: Output | undefined): void {
    const slice = this.#late
    if (slice === undefined || slice.rowCount === 0) return
    this.#context.metrics.lateRecords += slice.rowCount
    if (late !== undefined) {
      const view = this.#lateView.viewOf(batch)
      view.selection = slice.rows
      view.selectedCount = slice.rowCount
      view.rewind()
      // Nothing is cut at crossings that end no slice; whoever reads late records sees them all the same.
      const { crossings } = batch
      const lastRow = batch.physicalRow(batch.end - 1)
      for (let index = 0; index < crossings.count && crossings.positions[index] <= lastRow; index++)
        if (crossings.watermarks[index] > this.#watermarkMs) view.crossings.add(crossings.positions[index], crossings.watermarks[index])
      late.emit(view)
    }
    slice.rowCount = 0
  }

  #lateSlice(): Slice {
    return (this.#late ??= {
      startMs: NaN,
      lastEndMs: NaN,
      table: undefined as never,
      cached: undefined,
      distinct: [],
      cachedDistinct: [],
      kept: [],
      rows: 0,
      rowCapacity: 0,
      rowCount: 0,
    })
  }

  #slice(startMs: number): Slice {
    let slice = this.#slices.get(startMs)
    if (slice === undefined) {
      const tables = this.#spare.pop() ?? this.#newTables()
      if (tables.cached === undefined) tables.table.epoch = this.#epoch
      slice = { startMs, lastEndMs: lastWindowEndMs(this.#options.windows, startMs), ...tables, rows: 0, rowCapacity: 0, rowCount: 0 }
      this.#slices.set(startMs, slice)
      this.#dueMs = undefined
    }
    return slice
  }

  #newTables(): Tables {
    const table = this.#newTable()
    const kept = this.#newKept()
    const distinct = this.#distinct.map((values) => values.newTable(this.#expectedEntries))
    const tier = this.#tier
    if (tier === undefined) return { table, cached: undefined, distinct, cachedDistinct: [], kept }
    const cachedDistinct = this.#distinct.map((values, index) =>
      tier.add(distinct[index], { ownersOf: (entries, n) => values.ownersOf(distinct[index], entries, n) }),
    )
    return { table, cached: tier.add(table, { tails: kept.length === 0 ? undefined : tailsOf(table, kept) }), distinct, cachedDistinct, kept }
  }

  #openTier(): LmdbTables | undefined {
    const { slab, kernels, maxParallelism } = this.#context
    return openTables({ slab, kernels, keyGroups: this.#keyGroups, maxParallelism }, (key) => this.#context.option(key))
  }

  #newKept(): readonly KeptRows[] {
    return this.#keptPlans.map((plan) => new KeptRows(this.#context, this.#options.inputSchema, plan))
  }

  #newTable(): SegmentTable {
    const { slab, kernels, maxParallelism, tableSeed } = this.#context
    const range = this.#keyGroups
    return new SegmentTable(slab, kernels, {
      form: this.#keys.form,
      valueBytes: this.#valueBytes,
      maxParallelism,
      firstGroup: range.start,
      lastGroup: range.end,
      slotSeed: tableSeed,
      expectedEntries: this.#expectedEntries,
      ...(this.#tier !== undefined && { segmentEntriesMax: CACHE_SEGMENT_ENTRIES }),
    })
  }

  /** Begins to emit the window that ends at `endMs`: from its one slice, or from a merge of several. */
  #fire(endMs: number): void {
    const startMs = windowStartMs(this.#options.windows, endMs)
    const parts = [...this.#slices.values()]
      .filter((slice) => slice.startMs >= startMs && slice.startMs < endMs)
      .sort((left, right) => left.startMs - right.startMs)
    const merged = parts.length > 1
    const { table, kept } = merged ? { table: this.#newTable(), kept: this.#newKept() } : parts[0]
    const empty = { endMs, parts, table, kept, merged, entries: 0, entriesBytes: 0, count: 0, next: 0, route: 0 }
    if (parts.every(isInMemory)) {
      if (merged) for (const part of parts) part.table.mergeInto(table, (targets, sources, n) => this.#merge(empty, part, targets, sources, n))
      const firing = (this.#firing = { ...empty, rangeRoutes: 0, seen: [] })
      this.#listEntries(firing)
      this.#distinct.forEach((values, index) =>
        this.#countDistinct(
          values,
          parts.map((part) => part.distinct[index]),
          this.#distinctPlans[index].offset,
          firing,
        ),
      )
      this.#expectedEntries = table.entryCount
    } else {
      // What lies together there lies by values here.
      for (const { cachedDistinct } of parts) for (const cached of cachedDistinct) cached.evictAll()
      const entries = parts.reduce(
        (sum, { cached, cachedDistinct }) => sum + cachedDistinct.reduce((most, { entriesMax }) => Math.max(most, entriesMax), cached!.entriesMax),
        0,
      )
      const rangeRoutes = Math.max(1, table.routeEnd / 2 ** Math.ceil(Math.log2(Math.max(1, entries / RANGE_ENTRIES))))
      this.#firing = { ...empty, rangeRoutes, seen: this.#distinct.map((values) => values.newTable(RANGE_ENTRIES)) }
      this.#expectedEntries = RANGE_ENTRIES
      this.#readRange(this.#firing)
    }
  }

  #merge({ table, kept }: Pick<Firing, 'table' | 'kept'>, part: Slice, targets: number, sources: number, n: number): void {
    for (const plan of this.#plans) merge(this.#context.kernels, plan, table.valueOffset, targets, sources, n)
    kept.forEach((rows, index) => rows.merge(part.kept[index], table.valueOffset, targets, sources, n))
  }

  /** Makes all entries of the table those that are emitted. */
  #listEntries(firing: Firing): void {
    const { slab } = this.#context
    firing.count = firing.table.entryCount
    firing.entries = slab.allocate((firing.entriesBytes = Math.max(1, firing.count) * 4))
    let at = firing.entries
    firing.table.forEachEntries((list, n) => {
      slab.copy(at, list, n * 4)
      at += n * 4
    })
  }

  /** Goes on to the next range of keys, all of which is in memory until {@link #endRange}. */
  #readRange(firing: Firing): void {
    const { route } = firing
    const end = route + firing.rangeRoutes
    firing.route = end
    firing.next = 0
    this.#readEntries(firing, route, end)
    this.#distinct.forEach((values, index) => {
      const seen = firing.seen[index]
      for (const { cached, cachedDistinct } of firing.parts) cachedDistinct[index].copyTo(seen, cached!.positionOfRoute(route), cached!.positionOfRoute(end))
      values.count(seen, firing.table, this.#distinctPlans[index].offset, firing.entries, firing.count)
      seen.clear(seen.entryCount)
    })
  }

  #readEntries(firing: Firing, route: number, end: number): void {
    const { slab } = this.#context
    const { parts, table, merged } = firing
    for (const part of parts) {
      const cached = part.cached!
      cached.read(route, end)
      const { entries, bytes, count } = cached.list(route, end)
      if (!merged) {
        firing.entries = entries
        firing.entriesBytes = bytes
        firing.count = count
        return
      }
      if (count > 0) {
        const targets = slab.allocate(count * 4)
        table.findOrInsert(part.table.keysOf(entries, count), targets)
        this.#merge(firing, part, targets, entries, count)
        slab.free(targets, count * 4)
        cached.forget(entries, count)
        for (const rows of part.kept) rows.settle(part.table)
      }
      slab.free(entries, bytes)
    }
    this.#listEntries(firing)
  }

  #endRange(firing: Firing): void {
    const { rangeRoutes, merged, table, kept, parts, entries, entriesBytes, count } = firing
    if (rangeRoutes > 0) {
      if (merged) {
        table.clear(count)
        for (const rows of kept) rows.clear()
      } else {
        parts[0].cached!.forget(entries, count)
        for (const rows of kept) rows.settle(table)
      }
    }
    this.#context.slab.free(entries, entriesBytes)
    firing.entriesBytes = 0
  }

  #freeFiring(firing: Firing): void {
    if (firing.entriesBytes > 0) this.#context.slab.free(firing.entries, firing.entriesBytes)
    for (const seen of firing.seen) seen.free()
    if (firing.merged) freeTables({ ...firing, cached: undefined, distinct: [], cachedDistinct: [] })
  }

  /** Counts the values of some slices into the accumulators of all entries of a window. */
  #countDistinct(values: DistinctValues, parts: readonly SegmentTable[], accumulator: number, { table, entries, count }: Firing): void {
    if (parts.length === 1) {
      values.count(parts[0], table, accumulator, entries, count)
      return
    }
    const merged = values.newTable(Math.max(...parts.map((part) => part.entryCount)))
    for (const part of parts) part.mergeInto(merged, () => {})
    values.count(merged, table, accumulator, entries, count)
    merged.free()
  }

  /** Emits what is left of a window. False: the output refused. */
  #emitFiring(firing: Firing, output: Output): boolean {
    const { kernels, batchRowsMax } = this.#context
    const keyCount = this.outputSchema.fields.length - 2 - this.#plans.length
    while (firing.next < firing.count) {
      if (!output.hasCapacity()) return false
      let n = Math.min(batchRowsMax, firing.count - firing.next)
      let entries = firing.entries + firing.next * 4
      if (this.#behind === undefined) firing.next += n
      else {
        const taken = Math.min(n, FOLD_ROWS)
        firing.next += taken
        n = this.#unfired(this.#behind, entries, taken, firing.endMs)
        entries = this.#entries
        if (n === 0) continue
      }
      const batch = this.#builder.begin(true, false)
      const { columns } = batch
      if (this.#options.key.kind === 'encoded') this.#emitKeys(firing.table, entries, n, columns[0], this.#options.key.type)
      else if (keyCount > 0) firing.table.keysToColumns(entries, n, columns.slice(0, keyCount), 0)
      this.#fill(columns[keyCount].values, n, windowStartMs(this.#options.windows, firing.endMs))
      this.#fill(columns[keyCount + 1].values, n, firing.endMs)
      let nextKept = 0
      this.#plans.forEach((plan, index) => {
        const column = columns[keyCount + 2 + index]
        if (plan.domain === 'kept') firing.kept[nextKept++].emit(firing.table.valueOffset, entries, n, column, 0)
        else emit(kernels, plan, firing.table.valueOffset, entries, n, column, 0)
      })
      this.#fill(batch.timestamps, n, this.#overAtMs(firing.endMs))
      output.emit(this.#builder.finish(n))
    }
    this.#endRange(firing)
    if (firing.rangeRoutes > 0 && firing.route < firing.table.routeEnd) {
      this.#readRange(firing)
      this.#hasPaused = true
      return false
    }
    this.#freeFiring(firing)
    this.#firedMs = firing.endMs
    if (this.#behind !== undefined && this.#firedMs >= this.#behind.mostMs) this.#behind = undefined
    this.#firing = undefined
    this.#dueMs = undefined
    this.#dropSlices()
    return true
  }

  /** Lists those of the entries u32[n] in the scratch of {@link #entries} whose keys have not been told of a window. Returns how many. */
  #unfired({ firedMs }: Behind, entries: number, n: number, endMs: number): number {
    const { slab, maxParallelism } = this.#context
    const { u32 } = slab
    const { start } = this.#keyGroups
    let count = 0
    for (let index = 0; index < n; index++) {
      const entry = u32[(entries >>> 2) + index]
      const keyGroup = u32[(entry + ENTRY_HASH_OFFSET + 4) >>> 2] % maxParallelism
      if (firedMs[keyGroup - start] < endMs) u32[(this.#entries >>> 2) + count++] = entry
    }
    return count
  }

  /** Keys that a function has made, as user code knows them. */
  #emitKeys(table: SegmentTable, entries: number, n: number, column: Column, type: LogicalType | undefined): void {
    const { slab } = this.#context
    for (let row = 0; row < n; row++) writeValue(column, row, keyValueOf(table.keyBytesOf(slab.u32[(entries >>> 2) + row]), type))
  }

  #dropSlices(): void {
    for (const slice of this.#slices.values()) {
      if (slice.lastEndMs > this.#firedMs) continue
      this.#slices.delete(slice.startMs)
      if (this.#epoch > 0) this.#dropped.push({ startMs: slice.startMs, epoch: this.#epoch })
      const { table, cached, distinct, cachedDistinct, kept } = slice
      cached?.clear()
      for (const values of cachedDistinct) values.clear()
      if (this.#spare.length < SPARE_TABLES_MAX) {
        table.clear(this.#expectedEntries)
        for (const values of distinct) values.clear(values.entryCount)
        for (const rows of kept) rows.clear()
        this.#spare.push({ table, cached, distinct, cachedDistinct, kept })
      } else freeTables(slice)
      if (slice.rowCapacity > 0) this.#context.slab.free(slice.rows, slice.rowCapacity * 4)
    }
  }

  #fill(address: number, n: number, value: number): void {
    const { slab } = this.#context
    writeInt64(slab, address, value)
    for (let filled = 1; filled < n; filled *= 2) slab.copy(address + filled * 8, address, Math.min(filled, n - filled) * 8)
  }

  #reserveRows(slice: Slice, rows: number): void {
    if (slice.rowCapacity >= rows) return
    const { slab, batchRowsMax } = this.#context
    const capacity = Math.max(rows, batchRowsMax)
    const address = slab.allocate(capacity * 4)
    if (slice.rowCapacity > 0) {
      slab.copy(address, slice.rows, slice.rowCount * 4)
      slab.free(slice.rows, slice.rowCapacity * 4)
    }
    slice.rows = address
    slice.rowCapacity = capacity
  }
}

const SPARE_TABLES_MAX = 4
/** Of rows that are folded at once: their entries, and the entries and places of those that a filter lets in. */
const SCRATCH_BYTES = FOLD_ROWS * 12
/** Rows between two looks at the memory, where entries are read and written. */
const CACHED_ROWS_PER_STEP = 1024
/** About so many entries, of all slices, are in memory at once when a window fires by ranges. */
const RANGE_ENTRIES = 4096
const NO_VALUE = new Uint8Array(0)
const SLICES_SCHEMA: StateSchema = { name: 'slices', kind: 'slices' }

function distinctName(index: number): string {
  return `distinct-${index}`
}

function distinctSchema(index: number, type: LogicalType): StateSchema {
  return { name: distinctName(index), kind: 'distinct', type }
}

/** Whether all of a slice is. */
function isInMemory({ cached, cachedDistinct }: Slice): boolean {
  return cached?.isInMemory !== false && cachedDistinct.every((values) => values.isInMemory)
}

function freeTables({ table, cached, distinct, cachedDistinct, kept }: Tables): void {
  cached?.free()
  for (const values of cachedDistinct) values.free()
  table.free()
  for (const values of distinct) values.free()
  for (const rows of kept) rows.free()
}
