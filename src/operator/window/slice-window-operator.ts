// The columnar window operator: built-in aggregates over aligned event-time windows (tumbling, sliding, cumulative), by slices. Records are
// folded into one table a slice, in kernels; windows of several slices merge them when they fire. Runs on the worker's thread.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import type { Column } from '../../batch/column.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../../batch/crossings.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { assertInserts, RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import { writeValue } from '../../batch/values.ts'
import { UserFunctionError } from '../../base/errors.ts'
import { restoreEntries, type SnapshotEntries } from '../../state/table-restore.ts'
import { keyValueOf } from '../../state/key-value.ts'
import { FOLD_ROWS, SegmentTable } from '../../state/segment-table.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { ByteReader, ByteWriter } from '../../state/value-codec.ts'
import type { Operator, OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../operator.ts'
import { DistinctValues } from './distinct-values.ts'
import { KeptRows } from './kept-rows.ts'
import { type AggregatePlan, type Aggregates, emit, fold, merge, planAggregates } from './slice-aggregates.ts'
import { type AlignedWindows, lastWindowEndMs, nextFiringMs, nextWindowEndMs, sliceEndMs, sliceStartMs, windowStartMs } from './slices.ts'
import { NO_WINDOW_COUNTER } from './window.ts'
import { windowResultSchema } from './window-result.ts'

/** The watermark and the end of the last window that has fired; of several parts those furthest behind count. */
const WATERMARK_STATE = `${UNION_STATE_PREFIX}watermark`

/** What the operator does. */
export interface SliceWindowOptions {
  /** Schema of the records. */
  readonly inputSchema: Schema
  readonly key: KeySpec
  readonly windows: AlignedWindows
  readonly aggregates: Aggregates
  /** Side output for late records; undefined drops them, counted. */
  readonly lateOutput: string | undefined
}

/** One slice: the accumulators of its keys. */
interface Slice {
  readonly startMs: number
  readonly lastEndMs: number
  readonly table: SegmentTable
  /** What each countDistinct has seen. */
  readonly distinct: readonly SegmentTable[]
  /** What each aggregate keeps that keeps rows. */
  readonly kept: readonly KeptRows[]
  /** Address of the int32 rows of the batch in hand that fall into it. */
  rows: number
  rowCapacity: number
  rowCount: number
}

/** A window that is being emitted: its entries, and how far they have been. */
interface Firing {
  readonly endMs: number
  /** The table and the kept rows to read: a slice's, or `merged`. */
  readonly table: SegmentTable
  readonly kept: readonly KeptRows[]
  readonly merged: boolean
  readonly entries: number
  readonly count: number
  next: number
}

/** The columns of a result. */
export function sliceWindowSchema(options: Pick<SliceWindowOptions, 'inputSchema' | 'key' | 'aggregates'>): Schema {
  return windowResultSchema(options.inputSchema, options.key, true, planAggregates(options.inputSchema, options.aggregates, false).plans)
}

/** See the file's head. Results carry the window's last millisecond as their timestamp. */
export class SliceWindowOperator implements Operator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #options: SliceWindowOptions
  readonly #plans: readonly AggregatePlan[]
  readonly #keptPlans: readonly AggregatePlan[]
  readonly #valueBytes: number
  #context!: OperatorContext
  #keys!: BatchKeys
  #builder!: BatchBuilder
  #lateView!: RecordBatch
  #late: Slice | undefined
  /** By start, in no order: there are few. */
  readonly #slices = new Map<number, Slice>()
  /** Tables of dropped slices, emptied, for the next ones. */
  readonly #spare: Pick<Slice, 'table' | 'distinct' | 'kept'>[] = []
  #distinct: readonly DistinctValues[] = []
  #expectedEntries = 0
  #entries = 0
  /** Row r of the batch in hand is record `sequence` + r of all that have come. */
  #sequence = 0
  #watermarkMs = WATERMARK_MIN
  #firing: Firing | undefined
  /** End of the last window fired. */
  #firedMs = WATERMARK_MIN

  constructor(options: SliceWindowOptions) {
    this.#options = options
    const { plans, valueBytes } = planAggregates(options.inputSchema, options.aggregates, options.windows.kind !== 'tumbling')
    this.#plans = plans
    this.#keptPlans = plans.filter(({ domain }) => domain === 'kept')
    this.#valueBytes = valueBytes
    this.outputSchema = sliceWindowSchema(options)
  }

  open(context: OperatorContext): void {
    this.#context = context
    this.#keys = new BatchKeys(context.slab, context.kernels, this.#options.inputSchema, this.#options.key)
    this.#distinct = this.#plans
      .filter(({ kind }) => kind === 'countDistinct')
      .map((plan) => new DistinctValues(context, this.#options.inputSchema, this.#options.key, this.#keys.form, plan))
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
    this.#lateView = new RecordBatch(context.slab, this.#options.inputSchema, [])
    this.#entries = context.slab.allocate(FOLD_ROWS * 4)
  }

  /** Nothing changes from one end of a window to the next, but for records in gaps: see {@link #scatter}. */
  nextCutMs(): number {
    return this.#watermarkMs === WATERMARK_MIN ? WATERMARK_MIN : nextFiringMs(this.#options.windows, this.#watermarkMs)
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    const { begin, end } = batch
    if (begin === end) return true
    assertInserts(batch)
    const late = this.#options.lateOutput === undefined ? undefined : output.side(this.#options.lateOutput)
    if (late !== undefined && !late.hasCapacity()) return false
    if (batch.timestamps === 0)
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
    // Of a batch that comes in pieces too, each row is behind those before it.
    this.#sequence += batch.rowCount
    batch.begin = end
    return true
  }

  advance(watermarkMs: number, output: Output): boolean {
    for (;;) {
      if (this.#firing !== undefined && !this.#emitFiring(this.#firing, output)) return false
      // Windows that had passed before a slice came to be stay passed: its records count only in those still to come.
      const afterMs = Math.max(this.#firedMs, this.#watermarkMs + 1)
      let endMs = Infinity
      for (const slice of this.#slices.values()) endMs = Math.min(endMs, nextWindowEndMs(this.#options.windows, slice.startMs, afterMs))
      if (endMs === Infinity || endMs - 1 > watermarkMs) break
      this.#fire(endMs)
    }
    this.#watermarkMs = watermarkMs
    return true
  }

  nextProcessingTimeMs(): number {
    return Infinity
  }

  fireTimers(): boolean {
    return true
  }

  endInput(): boolean {
    return true
  }

  snapshot(writer: SnapshotWriter): void {
    const { slab } = this.#context
    const start = new Uint8Array(8)
    const bytes = new ByteWriter()
    // Most keys are as long as the one before, and so are values.
    let key: Uint8Array = new Uint8Array()
    let value: Uint8Array = new Uint8Array()
    for (const { startMs, table, distinct, kept } of this.#slices.values()) {
      new DataView(start.buffer).setFloat64(0, startMs, true)
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
          writer.keyed('slices', keyGroup, start, key, value)
        }
      })
      this.#distinct.forEach((values, index) => values.snapshot(writer, `distinct-${index}`, start, distinct[index], table))
    }
    writer.element(WATERMARK_STATE, new Uint8Array(new Float64Array([this.#watermarkMs, this.#firedMs]).buffer))
  }

  restore(reader: SnapshotReader): void {
    const { slab } = this.#context
    const slices = new Map<number, SnapshotEntries>()
    const bytes = new ByteReader()
    reader.keyed('slices', (_keyGroup, namespace, key, value) => {
      const startMs = new DataView(namespace.buffer, namespace.byteOffset, 8).getFloat64(0, true)
      const entries = slices.get(startMs) ?? { keys: [], values: [] }
      slices.set(startMs, entries)
      entries.keys.push(key.slice())
      const area = value.slice(0, this.#valueBytes)
      entries.values.push(area)
      bytes.load(value, 0, value.length).at = this.#valueBytes
      for (const rows of this.#slice(startMs).kept) this.#sequence = Math.max(this.#sequence, rows.load(bytes, new DataView(area.buffer)) + 1)
    })
    for (const [startMs, entries] of slices) restoreEntries(slab, this.#context.kernels, this.#slice(startMs).table, entries)
    this.#distinct.forEach((values, index) => {
      const keys = new Map<number, Uint8Array[]>()
      reader.keyed(`distinct-${index}`, (_keyGroup, namespace, key) => {
        const startMs = new DataView(namespace.buffer, namespace.byteOffset, 8).getFloat64(0, true)
        const list = keys.get(startMs) ?? []
        keys.set(startMs, list)
        list.push(key.slice())
      })
      for (const [startMs, list] of keys) values.restore(this.#slice(startMs).distinct[index], list)
    })
    let watermarkMs = WATERMARK_MAX
    let firedMs = WATERMARK_MAX
    reader.elements(WATERMARK_STATE, (bytes) => {
      const [watermark, fired] = new Float64Array(bytes.slice().buffer)
      watermarkMs = Math.min(watermarkMs, watermark)
      firedMs = Math.min(firedMs, fired)
    })
    if (watermarkMs === WATERMARK_MAX && firedMs === WATERMARK_MAX) return
    this.#watermarkMs = watermarkMs
    this.#firedMs = firedMs
  }

  close(): void {
    const { slab } = this.#context
    if (this.#firing?.merged) freeTables({ ...this.#firing, distinct: [] })
    for (const slice of this.#slices.values()) {
      freeTables(slice)
      if (slice.rowCapacity > 0) slab.free(slice.rows, slice.rowCapacity * 4)
    }
    this.#slices.clear()
    for (const spare of this.#spare) freeTables(spare)
    for (const values of this.#distinct) values.free()
    if (this.#late !== undefined && this.#late.rowCapacity > 0) slab.free(this.#late.rows, this.#late.rowCapacity * 4)
    if (this.#entries > 0) slab.free(this.#entries, FOLD_ROWS * 4)
    this.#keys?.free()
    this.#builder?.free()
  }

  /** The slice that holds all pending rows, if one does and it is not late: the common case, which needs no selection. */
  #sliceOfAll(batch: RecordBatch): Slice | undefined {
    const { timestamps, selection, begin, end } = batch
    const firstMs = batch.timestampOf(batch.physicalRow(batch.begin))
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
    const base = batch.timestamps >>> 2
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
    const { table } = slice
    const entries = this.#entries
    table.findOrInsert(this.#keys.encode(batch, selection, begin, n), entries)
    const rows = { entries, n, selection, begin }
    for (const plan of this.#plans) fold(this.#context.kernels, plan, table.valueOffset, batch.columns, rows)
    for (const kept of slice.kept) {
      kept.fold(batch, rows, table.valueOffset, this.#sequence)
      kept.settle(table)
    }
    this.#distinct.forEach((values, index) => values.insert(slice.distinct[index], batch, selection, begin, n))
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
    return (this.#late ??= { startMs: NaN, lastEndMs: NaN, table: undefined as never, distinct: [], kept: [], rows: 0, rowCapacity: 0, rowCount: 0 })
  }

  #slice(startMs: number): Slice {
    let slice = this.#slices.get(startMs)
    if (slice === undefined) {
      const tables = this.#spare.pop() ?? {
        table: this.#newTable(),
        distinct: this.#distinct.map((values) => values.newTable(this.#expectedEntries)),
        kept: this.#newKept(),
      }
      slice = { startMs, lastEndMs: lastWindowEndMs(this.#options.windows, startMs), ...tables, rows: 0, rowCapacity: 0, rowCount: 0 }
      this.#slices.set(startMs, slice)
    }
    return slice
  }

  #newKept(): readonly KeptRows[] {
    return this.#keptPlans.map((plan) => new KeptRows(this.#context, this.#options.inputSchema, plan))
  }

  #newTable(): SegmentTable {
    const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed } = this.#context
    const range = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    return new SegmentTable(slab, kernels, {
      form: this.#keys.form,
      valueBytes: this.#valueBytes,
      maxParallelism,
      firstGroup: range.start,
      lastGroup: range.end,
      slotSeed: tableSeed,
      expectedEntries: this.#expectedEntries,
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
    if (merged)
      for (const part of parts)
        part.table.mergeInto(table, (targets, sources, n) => {
          for (const plan of this.#plans) merge(this.#context.kernels, plan, table.valueOffset, targets, sources, n)
          kept.forEach((rows, index) => rows.merge(part.kept[index], table.valueOffset, targets, sources, n))
        })
    this.#distinct.forEach((values, index) =>
      this.#countDistinct(
        values,
        parts.map((part) => part.distinct[index]),
        table,
      ),
    )
    const { slab } = this.#context
    const count = table.entryCount
    const entries = slab.allocate(Math.max(1, count) * 4)
    let at = entries
    table.forEachEntries((list, n) => {
      slab.copy(at, list, n * 4)
      at += n * 4
    })
    this.#expectedEntries = count
    this.#firing = { endMs, table, kept, merged, entries, count, next: 0 }
  }

  /** Counts the values of some slices into the accumulators of `table`. */
  #countDistinct(values: DistinctValues, parts: readonly SegmentTable[], table: SegmentTable): void {
    if (parts.length === 1) {
      values.count(parts[0], table)
      return
    }
    const merged = values.newTable(Math.max(...parts.map((part) => part.entryCount)))
    for (const part of parts) part.mergeInto(merged, () => {})
    values.count(merged, table)
    merged.free()
  }

  /** Emits what is left of a window. False: the output refused. */
  #emitFiring(firing: Firing, output: Output): boolean {
    const { slab, kernels, batchRowsMax } = this.#context
    const keyCount = this.outputSchema.fields.length - 2 - this.#plans.length
    while (firing.next < firing.count) {
      if (!output.hasCapacity()) return false
      const n = Math.min(batchRowsMax, firing.count - firing.next)
      const entries = firing.entries + firing.next * 4
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
      this.#fill(batch.timestamps, n, firing.endMs - 1)
      firing.next += n
      output.emit(this.#builder.finish(n))
    }
    slab.free(firing.entries, Math.max(1, firing.count) * 4)
    if (firing.merged) freeTables({ ...firing, distinct: [] })
    this.#firedMs = firing.endMs
    this.#firing = undefined
    this.#dropSlices()
    return true
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
      const { table, distinct, kept } = slice
      if (this.#spare.length < SPARE_TABLES_MAX) {
        table.clear(this.#expectedEntries)
        for (const values of distinct) values.clear(values.entryCount)
        for (const rows of kept) rows.clear()
        this.#spare.push({ table, distinct, kept })
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

function freeTables({ table, distinct, kept }: Pick<Slice, 'table' | 'distinct' | 'kept'>): void {
  table.free()
  for (const values of distinct) values.free()
  for (const rows of kept) rows.free()
}
