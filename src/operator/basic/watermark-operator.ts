// Assigns event timestamps and generates watermarks, row by row, as crossings in the batch. Runs on the worker's thread, behind the source.

import { BadRecordError, PlanError } from '../../base/errors.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../../batch/crossings.ts'
import { readInt64AsNumber, RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import { formatType, type Schema } from '../../batch/types.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { WatermarkMerger } from '../../time/watermark-merger.ts'
import type { TimestampLimits, WatermarkGenerator, WatermarkStrategySpec } from '../../time/watermark-strategy.ts'
import type { WatermarkView } from '../../time/watermark-view.ts'
import { refusePromise, userError } from '../function.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, type SnapshotWriter, StatelessOperator } from '../operator.ts'
import { compileRowReader, DEV_OPTION, type RowReader } from '../row-code.ts'
import { RowPace } from '../row-pace.ts'

const MICROS_PER_MS = 1000
/** How often generators are asked without a record: Flink's default. */
const EMIT_INTERVAL_MS_DEFAULT = 200
/** Counts records whose timestamps are not believed. */
const OUTLYING_COUNTER = 'outlyingTimestamps'

/** What differs between the APIs: DataStream's bounded generator stays 1 ms behind, SQL's watermark is the value itself and begins at 0. */
export interface WatermarkRules {
  readonly behindMs: number
  readonly initialMs: number
  /** What to do about records without a time. */
  readonly nullHint: string
}

export const DATASTREAM_WATERMARK_RULES: WatermarkRules = {
  behindMs: 1,
  initialMs: WATERMARK_MIN,
  nullHint: 'Filter such records out before timestamps are assigned, or declare the column NOT NULL with onBadRecord: skip.',
}

/** How far time has come: of several parts the one furthest behind counts. Of each split that has been begun: it may go on in any subtask. */
const WATERMARK_STATE = `${UNION_STATE_PREFIX}watermark`
const SPLITS_STATE = `${UNION_STATE_PREFIX}splits`

/** How far time has come in one split. */
interface SplitTime {
  /** 0 as long as no record has named it. */
  split: number
  /** Largest timestamp, and the last watermark. */
  maxMs: number
  watermarkMs: number
  readonly generator: WatermarkGenerator<unknown> | undefined
  isIdle: boolean
  /** When the last record came, and for how long the input had been held back until then. */
  lastRecordMs: number
  lastHeldMs: number
}

/**
 * Follows a {@link WatermarkStrategySpec}, split by split. Of splits that are read one after the other the current one counts; of those that are
 * read by turns the slowest that is not idle. The stream's watermark never falls. Those from upstream end here.
 */
export class WatermarkOperator extends StatelessOperator {
  override readonly crossings = 'queue'
  readonly outputSchema: Schema
  readonly #spec: WatermarkStrategySpec
  readonly #grid: WatermarkView
  readonly #rules: WatermarkRules
  readonly #column: number
  readonly #scale: 'ms' | 'micros'
  #view!: RecordBatch
  #pace!: RowPace
  #reader: RowReader | undefined
  /** Own timestamps, where they are not a column of the batch. */
  #timestamps = 0
  #timestampRows = 0
  #current!: SplitTime
  /** Splits that are read by turns, as the reader lists them, and their merged watermark; null while the current one is alone. */
  #open: readonly SplitTime[] = []
  #openSplits: readonly number[] | undefined
  #merger: WatermarkMerger | null = null
  /** Of a snapshot: how far time had come in each of several splits. */
  readonly #restored = new Map<number, readonly [watermarkMs: number, maxMs: number]>()
  #emitIntervalMs = 0
  /** When the generators are asked next; Infinity if they do not want to be. */
  #emitDueMs = Infinity
  /** The rows that are left where some have timestamps that are not believed. */
  #selection = 0
  #selectionRows = 0
  #idle = false

  /** @throws {PlanError} If the timestamp column is unknown or of a type that holds no time. */
  constructor(schema: Schema, spec: WatermarkStrategySpec, grid: WatermarkView, rules: WatermarkRules = DATASTREAM_WATERMARK_RULES) {
    super()
    this.outputSchema = schema
    this.#spec = spec
    this.#grid = grid
    this.#rules = rules
    this.#column = spec.timestamps.kind === 'column' ? schema.requireIndex(spec.timestamps.name) : -1
    this.#scale = this.#column === -1 ? 'ms' : timeScale(schema, this.#column)
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#pace = new RowPace(context.clock)
    if (this.#spec.timestamps.kind === 'function' || this.#spec.generator.kind === 'custom')
      this.#reader = compileRowReader(this.outputSchema, context.option(DEV_OPTION) === 'true')
    this.#emitIntervalMs = Number(context.option('pipeline.auto-watermark-interval') ?? EMIT_INTERVAL_MS_DEFAULT)
    // Made before there is a record: its generator may be asked, and it may become idle.
    this.#enter(this.#newSplit(0, this.#rules.initialMs))
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const { crossings } = batch
    const isEnd = crossings.count > 0 && crossings.watermarks[crossings.count - 1] === WATERMARK_MAX
    if (batch.begin === batch.end) return !isEnd || this.advance(WATERMARK_MAX, output)
    this.#findSplit(batch)
    this.#wake(this.#current)
    if (this.#idle) {
      this.#idle = false
      output.emitStatus(false)
      if (!output.hasCapacity()) return false
    }
    const view = this.#view.viewOf(batch)
    this.#assign(view)
    // How far this call gets. Limits leave fewer rows; a slow generator ends the view sooner.
    let reached = view.end
    if (this.#spec.limits !== undefined && view.timestamps !== 0) this.#applyLimits(view, this.#spec.limits)
    const { end } = view
    // Of records that hold time nothing is learned; those that do not are in another split.
    if (batch.holdsTime) view.crossings.clear()
    else if (this.#spec.generator.kind === 'bounded') this.#generateBounded(view, this.#spec.generator.boundMs + this.#rules.behindMs)
    else if (this.#spec.generator.kind === 'custom') this.#generateCustom(view)
    if (view.end < end) reached = batch.positionOf(view.physicalRow(view.end - 1) + 1)
    this.#merger?.mergeCrossings(this.#open.indexOf(this.#current), view)
    batch.begin = reached
    const ends = isEnd && reached === batch.end
    if (ends) view.crossings.add(view.rowCount, WATERMARK_MAX)
    if (view.begin < view.end) output.emit(view)
    else if (ends) output.emitWatermark(WATERMARK_MAX)
    return reached === batch.end
  }

  /** Of upstream's watermarks only the end of time goes on. */
  override advance(watermarkMs: number, output: Output): boolean {
    if (watermarkMs < WATERMARK_MAX) return true
    if (!output.hasCapacity()) return false
    output.emitWatermark(watermarkMs)
    return true
  }

  override nextProcessingTimeMs(): number {
    if (this.#idle) return Infinity
    let dueMs = this.#emitDueMs
    for (const split of this.#open) dueMs = Math.min(dueMs, this.#idleDueMs(split))
    return dueMs
  }

  override fireTimers(_upToMs: number, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const nowMs = this.context.clock.nowMs()
    const watermarkMs = this.#streamWatermarkMs()
    this.#open.forEach((split, index) => {
      if (this.#idleDueMs(split) > nowMs) return
      split.isIdle = true
      this.#merger?.setIdle(index, true)
    })
    if (this.#emitDueMs <= nowMs) this.#askGenerators(nowMs)
    if (this.#streamWatermarkMs() > watermarkMs) output.emitWatermark(this.#streamWatermarkMs())
    if (!this.#open.every(({ isIdle }) => isIdle)) return true
    if (!output.hasCapacity()) return false
    this.#idle = true
    output.emitStatus(true)
    return true
  }

  describe(): OperatorDescription {
    return { type: 'watermark generator' }
  }

  /** The watermark is state: lateness after a restore is judged as if nothing had happened. When rescaling, the least of the parts counts. */
  override snapshot(writer: SnapshotWriter): void {
    writer.element(WATERMARK_STATE, new Uint8Array(new Float64Array([this.#streamWatermarkMs(), this.#current.maxMs]).buffer))
    for (const { split, watermarkMs, maxMs } of this.#open) writer.element(SPLITS_STATE, new Uint8Array(new Float64Array([split, watermarkMs, maxMs]).buffer))
    // Splits that were begun before the job was restored, some of which this subtask has not come to yet.
    for (const [split, [watermarkMs, maxMs]] of this.#restored)
      writer.element(SPLITS_STATE, new Uint8Array(new Float64Array([split, watermarkMs, maxMs]).buffer))
  }

  override restore(reader: SnapshotReader): void {
    let watermarkMs = Infinity
    let maxMs = Infinity
    reader.elements(WATERMARK_STATE, (bytes) => {
      const [watermark, max] = new Float64Array(bytes.slice().buffer)
      watermarkMs = Math.min(watermarkMs, watermark)
      maxMs = Math.min(maxMs, max)
    })
    reader.elements(SPLITS_STATE, (bytes) => {
      const [split, watermark, max] = new Float64Array(bytes.slice().buffer)
      // 0: no record had come.
      if (split === 0) return
      // Several parts may know of it; time only grows.
      const [knownMs, knownMaxMs] = this.#restored.get(split) ?? [WATERMARK_MIN, WATERMARK_MIN]
      this.#restored.set(split, [Math.max(knownMs, watermark), Math.max(knownMaxMs, max)])
    })
    if (watermarkMs === Infinity) return
    this.#current.watermarkMs = watermarkMs
    this.#current.maxMs = maxMs
  }

  override close(): void {
    if (this.#selection !== 0) this.context.slab.free(this.#selection, this.#selectionRows * 4 + BUFFER_SLACK_BYTES)
    if (this.#timestamps !== 0) this.context.slab.free(this.#timestamps, this.#timestampRows * 8 + BUFFER_SLACK_BYTES)
  }

  /** Gives the pending rows of the view their timestamps. A slow function gets through a part of them: then the view ends there. */
  #assign(view: RecordBatch): void {
    const { timestamps } = this.#spec
    switch (timestamps.kind) {
      case 'record':
        return
      case 'column': {
        const column = view.columns[this.#column]
        if (column.nullCount > 0) this.#refuseNull(view)
        view.timestamps = this.#scale === 'ms' ? column.values : this.#fromMicros(view, column.values)
        return
      }
      case 'ingestion': {
        const target = this.#ownTimestamps(view.rowCount)
        const { lastRecordMs } = this.#current
        for (let position = view.begin; position < view.end; position++) writeInt64(view.slab, target + view.physicalRow(position) * 8, lastRecordMs)
        view.timestamps = target
        return
      }
      case 'function':
        this.#user(() => this.#call(view, timestamps.assign as (record: unknown, recordTimestampMs: number) => number))
    }
  }

  #call(view: RecordBatch, assign: (record: unknown, recordTimestampMs: number) => number): void {
    const target = this.#ownTimestamps(view.rowCount)
    const { slab } = this.context
    const reader = this.#reader!
    const pace = this.#pace
    pace.begin()
    reader.bind(view)
    let position = view.begin
    while (position < view.end) {
      const row = view.physicalRow(position++)
      reader.seek(row)
      const ms = assign(reader.record(), view.timestampOf(row))
      refusePromise(ms)
      if (!Number.isFinite(ms))
        throw new BadRecordError('INVALID_TIMESTAMP', `Cannot assign a timestamp in operator "${this.context.operatorName}": the assigner returned ${ms}`)
      writeInt64(slab, target + row * 8, Math.floor(ms))
      if (pace.tick()) break
    }
    reader.release()
    view.end = position
    view.timestamps = target
  }

  #fromMicros(batch: RecordBatch, values: number): number {
    const target = this.#ownTimestamps(batch.rowCount)
    const { slab } = this.context
    for (let row = 0; row < batch.rowCount; row++) writeInt64(slab, target + row * 8, Math.floor(readInt64AsNumber(slab, values + row * 8) / MICROS_PER_MS))
    return target
  }

  #ownTimestamps(rows: number): number {
    if (rows > this.#timestampRows) {
      const { slab } = this.context
      if (this.#timestamps !== 0) slab.free(this.#timestamps, this.#timestampRows * 8 + BUFFER_SLACK_BYTES)
      this.#timestampRows = Math.max(rows, this.context.batchRowsMax)
      this.#timestamps = slab.allocate(this.#timestampRows * 8 + BUFFER_SLACK_BYTES)
    }
    return this.#timestamps
  }

  /** Takes the rows out whose timestamps lie outside. They are rare: a batch without them costs a look at each timestamp. */
  #applyLimits(view: RecordBatch, { maxFutureMs, minMs, onOutside }: Required<TimestampLimits>): void {
    const { slab } = this.context
    const { i32, u32 } = slab
    const base = view.timestamps >>> 2
    const selection = view.selection >>> 2
    const maxMs = this.#current.lastRecordMs + maxFutureMs
    let outsideCount = 0
    for (let position = view.begin; position < view.end; position++) {
      const row = selection === 0 ? position : i32[selection + position]
      const timestampMs = i32[base + row * 2 + 1] * 4294967296 + u32[base + row * 2]
      if (timestampMs >= minMs && timestampMs <= maxMs) continue
      if (outsideCount++ === 0) this.#reportOutside(timestampMs, onOutside)
    }
    if (outsideCount === 0) return
    const metrics = this.context.metrics
    metrics.badRecords += outsideCount
    metrics.counter(OUTLYING_COUNTER).value += outsideCount
    const rows = view.end - view.begin
    if (rows > this.#selectionRows) {
      if (this.#selection !== 0) slab.free(this.#selection, this.#selectionRows * 4 + BUFFER_SLACK_BYTES)
      this.#selectionRows = Math.max(rows, this.context.batchRowsMax)
      this.#selection = slab.allocate(this.#selectionRows * 4 + BUFFER_SLACK_BYTES)
    }
    const target = this.#selection >>> 2
    let count = 0
    for (let position = view.begin; position < view.end; position++) {
      const row = view.physicalRow(position)
      const timestampMs = readInt64AsNumber(slab, view.timestamps + row * 8)
      if (timestampMs >= minMs && timestampMs <= maxMs) slab.i32[target + count++] = row
    }
    view.selection = this.#selection
    view.selectedCount = count
    view.rewind()
  }

  /** @throws {BadRecordError} `TIMESTAMP_OUT_OF_RANGE` if such records fail the job. */
  #reportOutside(timestampMs: number, onOutside: 'fail' | 'skip'): void {
    const { operatorName, metrics } = this.context
    const { lastRecordMs } = this.#current
    const reason = timestampMs > lastRecordMs ? 'too far ahead of the clock' : 'too far in the past'
    const text = `the timestamp ${timestampMs} (epoch ms) lies ${reason}, which is at ${lastRecordMs}`
    if (onOutside === 'fail')
      throw new BadRecordError('TIMESTAMP_OUT_OF_RANGE', `Cannot assign a timestamp in operator "${operatorName}": ${text}`, {
        hint: "Correct the data, widen withTimestampLimits(...), or leave such records out with onOutside: 'skip'.",
      })
    if (metrics.counter(OUTLYING_COUNTER).value === 0) this.context.log(`left out a record: ${text}`)
  }

  #refuseNull(batch: RecordBatch): void {
    const column = batch.columns[this.#column]
    for (let position = batch.begin; position < batch.end; position++)
      if (!column.isValid(batch.physicalRow(position)))
        throw new BadRecordError(
          'NULL_TIMESTAMP',
          `Cannot assign a timestamp in operator "${this.context.operatorName}": column "${this.outputSchema.fields[this.#column].name}" is NULL`,
          { hint: this.#rules.nullHint },
        )
  }

  /** Follows the largest timestamp; records only crossings that a consumer can see, and the last of the batch. */
  #generateBounded(view: RecordBatch, behindMs: number): void {
    const { slab, kernels } = this.context
    if (view.timestamps === 0) return
    const { i32, u32 } = slab
    const base = view.timestamps >>> 2
    const selection = view.selection >>> 2
    const { crossings } = view
    const current = this.#current
    let { maxMs, watermarkMs } = current
    let wantedMs = nextVisibleMs(this.#grid, watermarkMs, this.#rules.initialMs) + behindMs
    let row = -1
    /** Where the greatest timestamp so far came, if it did in this batch. */
    let maxRow = -1
    const greatestMs = view.begin < view.end ? kernels.timesMax(view.timestamps, view.selection, view.begin, view.end - view.begin) : WATERMARK_MIN
    if (greatestMs < wantedMs) {
      // Nothing that a consumer can see before the end of the batch.
      maxMs = Math.max(maxMs, greatestMs)
      if (view.begin < view.end) row = view.physicalRow(view.end - 1)
    } else
      for (let position = view.begin; position < view.end; position++) {
        row = selection === 0 ? position : i32[selection + position]
        const timestampMs = i32[base + row * 2 + 1] * 4294967296 + u32[base + row * 2]
        if (timestampMs <= maxMs) continue
        if (timestampMs >= wantedMs) {
          // What is made there is behind the watermark just before, however the records were cut into batches.
          if (maxMs - behindMs > watermarkMs) crossings.add(maxRow + 1, maxMs - behindMs)
          watermarkMs = timestampMs - behindMs
          crossings.add(row + 1, watermarkMs)
          wantedMs = nextVisibleMs(this.#grid, watermarkMs, this.#rules.initialMs) + behindMs
        }
        maxMs = timestampMs
        maxRow = row
      }
    if (maxMs - behindMs > watermarkMs) {
      watermarkMs = maxMs - behindMs
      crossings.add(row + 1, watermarkMs)
    }
    current.maxMs = maxMs
    current.watermarkMs = watermarkMs
  }

  #streamWatermarkMs(): number {
    return this.#merger === null ? this.#current.watermarkMs : this.#merger.watermarkMs
  }

  /** When a split becomes idle if no record comes. */
  #idleDueMs({ isIdle, lastRecordMs, lastHeldMs }: SplitTime): number {
    const { idlenessMs } = this.#spec
    return idlenessMs === undefined || isIdle ? Infinity : lastRecordMs + idlenessMs + this.context.heldMs() - lastHeldMs
  }

  /** A record of the split has come. */
  #wake(split: SplitTime): void {
    split.lastRecordMs = this.context.clock.nowMs()
    split.lastHeldMs = this.context.heldMs()
    if (!split.isIdle) return
    split.isIdle = false
    this.#merger?.setIdle(this.#open.indexOf(split), false)
  }

  #findSplit({ split, openSplits }: RecordBatch): void {
    if (openSplits !== this.#openSplits) this.#openAll(openSplits)
    if (split === this.#current.split) return
    if (this.#merger !== null) this.#current = this.#open.find((other) => other.split === split)!
    else if (this.#current.split === 0) {
      this.#current.split = split
      this.#takeRestored(this.#current)
    } else this.#enter(this.#newSplit(split, this.#current.watermarkMs))
    // Splits come in order: those in front of it are others' or read.
    if (this.#merger === null) for (const other of this.#restored.keys()) if (other < split) this.#restored.delete(other)
  }

  /** The only split from now on. */
  #enter(split: SplitTime): void {
    this.#current = split
    this.#open = [split]
  }

  /** Other splits are read by turns than before: those that stay keep their time. */
  #openAll(openSplits: readonly number[] | undefined): void {
    const watermarkMs = this.#streamWatermarkMs()
    this.#openSplits = openSplits
    if (openSplits === undefined) {
      this.#merger = null
      this.#enter({ ...this.#current, watermarkMs })
      return
    }
    const open = openSplits.map((split) => this.#open.find((other) => other.split === split) ?? this.#newSplit(split, this.#rules.initialMs))
    const merger = new WatermarkMerger(open.length)
    merger.restore(watermarkMs)
    open.forEach((split, index) => {
      merger.setIdle(index, split.isIdle)
      merger.advance(index, split.watermarkMs)
    })
    this.#open = open
    this.#merger = merger
    this.#current = open[0]
  }

  #newSplit(split: number, watermarkMs: number): SplitTime {
    const { generator: spec } = this.#spec
    const generator = spec.kind === 'custom' ? this.#user(() => spec.create() as WatermarkGenerator<unknown>) : undefined
    const isPeriodic = generator?.onPeriodicEmit !== undefined && this.#emitIntervalMs > 0
    const nowMs = this.context.clock.nowMs()
    if (isPeriodic && this.#emitDueMs === Infinity) this.#emitDueMs = nowMs + this.#emitIntervalMs
    const time = { split, maxMs: WATERMARK_MIN, watermarkMs, generator, isIdle: false, lastRecordMs: nowMs, lastHeldMs: this.context.heldMs() }
    this.#takeRestored(time)
    return time
  }

  /** A split that was begun before the job was restored goes on with its time, unless this subtask's has come further. */
  #takeRestored(time: SplitTime): void {
    const restored = this.#restored.get(time.split)
    if (restored === undefined) return
    this.#restored.delete(time.split)
    time.watermarkMs = Math.max(time.watermarkMs, restored[0])
    time.maxMs = Math.max(time.maxMs, restored[1])
  }

  /** Asks the generators of splits that are not idle for watermarks that follow the clock. */
  #askGenerators(nowMs: number): void {
    this.#emitDueMs = nowMs + this.#emitIntervalMs
    this.#open.forEach((split, index) => {
      if (split.isIdle) return
      const watermarkMs = this.#user(() => split.generator!.onPeriodicEmit?.(nowMs))
      if (watermarkMs === undefined || !(watermarkMs > split.watermarkMs)) return
      split.watermarkMs = watermarkMs
      this.#merger?.advance(index, watermarkMs)
    })
  }

  #generateCustom(view: RecordBatch): void {
    const reader = this.#reader!
    const pace = this.#pace
    // Rows that were just given their timestamps would be given them again.
    const canPause = this.#spec.timestamps.kind !== 'function'
    pace.begin()
    reader.bind(view)
    this.#user(() => {
      const generator = this.#current.generator!
      let position = view.begin
      while (position < view.end) {
        const row = view.physicalRow(position++)
        reader.seek(row)
        this.#advance(view, row + 1, generator.onEvent(reader.record(), view.timestampOf(row)))
        if (canPause && pace.tick()) view.end = position
      }
      reader.release()
      if (view.begin < view.end) this.#advance(view, view.physicalRow(view.end - 1) + 1, generator.onBatchEnd?.())
    })
  }

  #user<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
  }

  #advance(view: RecordBatch, position: number, watermarkMs: number | undefined): void {
    if (watermarkMs === undefined || !(watermarkMs > this.#current.watermarkMs)) return
    this.#current.watermarkMs = watermarkMs
    view.crossings.add(position, watermarkMs)
  }
}

/** The smallest watermark above `watermarkMs` that changes anything behind this operator, where time begins with `initialMs`, which is not sent. */
function nextVisibleMs(view: WatermarkView, watermarkMs: number, initialMs: number): number {
  switch (view.kind) {
    case 'none':
      return Infinity
    case 'every':
      return watermarkMs === WATERMARK_MIN ? WATERMARK_MIN : watermarkMs + 1
    case 'grid': {
      // What comes first may have passed many windows.
      if (watermarkMs <= initialMs) return initialMs + 1
      // Windows [s, e) fire at e - 1.
      const passed = Math.floor((watermarkMs + 1 - view.offsetMs) / view.periodMs)
      return (passed + 1) * view.periodMs + view.offsetMs - 1
    }
  }
}

function timeScale(schema: Schema, column: number): 'ms' | 'micros' {
  const { name, type } = schema.fields[column]
  if (type.kind === 'BIGINT') return 'ms'
  if ((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision <= 6) return type.precision <= 3 ? 'ms' : 'micros'
  throw new PlanError(
    'INVALID_TIMESTAMP_COLUMN',
    `Cannot take timestamps from column "${name}": its type is ${formatType(type)}, expected TIMESTAMP, TIMESTAMP_LTZ (precision 0 to 6) or BIGINT`,
  )
}
