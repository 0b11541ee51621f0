// GROUP BY of sessions whose aggregates are folded in kernels: rows find the session of their key one after the other, in event time, and are folded into
// these together. What kernels cannot fold, rows that change, sessions without groups or of other keys, and those of processing time or of clocks on the
// wall are SessionOperator's and WindowAggregateOperator's.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import type { Column } from '../../batch/column.ts'
import { Crossings, WATERMARK_MIN } from '../../batch/crossings.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { assertInserts, type RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { Operator, OperatorContext, OperatorDescription, Output, SnapshotReader } from '../../operator/operator.ts'
import { KeptRows } from '../../operator/window/kept-rows.ts'
import { type AggregatePlan, emit, fold, type FoldRows, formatAggregates, merge } from '../../operator/window/slice-aggregates.ts'
import type { PlannedAggregates } from '../../operator/window/slice-window-operator.ts'
import { FOLD_ROWS, SegmentTable } from '../../state/segment-table.ts'
import { type KeyedSnapshotWriter, OWN_STATE_PREFIX } from '../../state/state.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'
import { TableRestore } from '../../state/table-restore.ts'
import { ByteReader, ByteWriter } from '../../state/value-codec.ts'
import { OpenSessions, SESSION_KEY_BYTES, SESSION_VALUES } from './open-sessions.ts'

export interface ColumnSessionSpec {
  readonly inputSchema: Schema
  readonly key: KeySpec
  /** The longest time between two rows of one session. */
  readonly gapMs: number
  /** With the columns of the result: those of the key, both bounds of the session, and one for each aggregate. None is of different values. */
  readonly aggregates: PlannedAggregates
  /** Which column has the rows' times. Rows without one are in no session: they are counted as late. */
  readonly timeColumn: number
}

const SESSIONS: StateSchema = { name: 'sessions', kind: 'sessions' }
/** The watermark; of several parts the one furthest behind counts. */
const WATERMARK_STATE = `${OWN_STATE_PREFIX}watermark`
const NO_NAMESPACE = new Uint8Array()
/** Rows between two times that results leave. */
const ROWS_PER_STEP = 8192
/** Of rows that are folded at once: their entries, their sessions, and both lists of those that a filter lets in. */
const SCRATCH_BYTES = FOLD_ROWS * 16

/** See the file's head. */
export class ColumnSessionOperator implements Operator {
  readonly crossings = 'carry'
  readonly outputSchema: Schema
  readonly #spec: ColumnSessionSpec
  /** Whether it makes a difference in which order rows are folded and sessions put together: doubles are rounded. */
  readonly #isOrdered: boolean
  #context!: OperatorContext
  #keys!: BatchKeys
  #table!: SegmentTable
  #sessions!: OpenSessions
  #builder!: BatchBuilder
  /** What aggregates keep that keep rows. */
  readonly #kept = new Map<AggregatePlan, KeptRows>()
  #keptRows: readonly KeptRows[] = []
  /** Row r of the batch in hand is record `sequence` + r of all that have come. */
  #sequence = 0
  #scratch = 0
  /** A session that nobody asks for: late rows are folded into it. */
  #nobody = 0
  #watermarkMs = WATERMARK_MIN
  #bound: RecordBatch | undefined
  #crossing = 0
  /** Sessions that are over, u32 each, those that have left in front; and the watermarks between them. */
  #due = 0
  #dueCapacity = 0
  #dueCount = 0
  #dueNext = 0
  #mark = 0
  readonly #marks = new Crossings()

  constructor(spec: ColumnSessionSpec) {
    this.#spec = spec
    this.outputSchema = spec.aggregates.resultSchema
    this.#isOrdered = spec.aggregates.plans.some(({ kind, domain }) => domain === 'float' && (kind === 'sum' || kind === 'avg'))
  }

  describe(): OperatorDescription {
    const { inputSchema, gapMs, aggregates } = this.#spec
    const texts = aggregates.plans.map((plan, index) => {
      const filter = aggregates.filters[index]
      return `${formatAggregates(inputSchema, [plan])}${filter === -1 ? '' : ` where ${inputSchema.fields[filter].name}`}`
    })
    return {
      type: 'session windows by columns',
      traits: { windows: `sessions with a gap of ${gapMs} ms`, aggregates: texts.join(', ') },
      states: [{ schema: SESSIONS }],
      hasTimers: false,
    }
  }

  open(context: OperatorContext): void {
    this.#context = context
    const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed, batchRowsMax } = context
    const { inputSchema, key, gapMs, aggregates } = this.#spec
    this.#keys = new BatchKeys(slab, kernels, inputSchema, key)
    const keyGroups = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    this.#table = new SegmentTable(slab, kernels, {
      form: this.#keys.form,
      valueBytes: SESSION_KEY_BYTES,
      maxParallelism,
      firstGroup: keyGroups.start,
      lastGroup: keyGroups.end,
      slotSeed: tableSeed,
      onMove: (entries, n) => this.#sessions.follow(entries, n),
    })
    this.#sessions = new OpenSessions(slab, gapMs, this.#table.valueOffset, aggregates.valueBytes, FOLD_ROWS)
    this.#builder = new BatchBuilder(slab, this.outputSchema, batchRowsMax)
    for (const plan of aggregates.plans) if (plan.domain === 'kept') this.#kept.set(plan, new KeptRows(context, inputSchema, plan))
    this.#keptRows = [...this.#kept.values()]
    this.#scratch = slab.allocate(SCRATCH_BYTES)
    this.#nobody = slab.allocateZeroed(SESSION_VALUES + aggregates.valueBytes)
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    if (this.#bound !== batch) {
      assertInserts(batch)
      this.#bound = batch
      this.#crossing = 0
    }
    for (;;) {
      if (!this.#emitDue(output)) return false
      if (batch.begin === batch.end && this.#crossing === batch.crossings.count) break
      this.#step(batch)
    }
    this.#bound = undefined
    this.#sequence += batch.rowCount
    return true
  }

  nextCutMs(): number {
    return -Infinity
  }

  advance(watermarkMs: number, output: Output): boolean {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs)
    for (;;) {
      if (!this.#emitDue(output)) return false
      this.#sessions.reserve(0)
      if (!this.#poll(this.#context.batchRowsMax)) return true
    }
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

  snapshot(writer: KeyedSnapshotWriter): void {
    const { slab } = this.#context
    const table = this.#table
    describeState(writer, SESSIONS)
    const bytes = new ByteWriter()
    // Most of what is open changes until the next one. Most keys are as long as the one before, and so are values.
    let key: Uint8Array = new Uint8Array()
    let value: Uint8Array = new Uint8Array()
    table.forEachKeyGroup((keyGroup, entries, n) => {
      for (let index = 0; index < n; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        bytes.at = 0
        this.#sessions.save(entry, bytes, this.#keptRows)
        key = table.keyBytesOf(entry, key)
        if (value.length !== bytes.at) value = new Uint8Array(bytes.at)
        bytes.copyTo(value, 0)
        writer.keyed(SESSIONS.name, keyGroup, NO_NAMESPACE, key, value)
      }
    })
    writer.element(WATERMARK_STATE, new Uint8Array(new Float64Array([this.#watermarkMs]).buffer))
  }

  restore(reader: SnapshotReader): void {
    const { slab, kernels } = this.#context
    const restore = new TableRestore(slab, kernels, this.#table, SESSION_KEY_BYTES)
    const bytes = new ByteReader()
    const area = new Uint32Array(SESSION_KEY_BYTES / 4)
    const areaBytes = new Uint8Array(area.buffer)
    reader.keyed(SESSIONS.name, (_keyGroup, _namespace, key, value) => {
      const sequence = this.#sessions.load(bytes.load(value, 0, value.length), value.length, this.#keptRows, area)
      this.#sequence = Math.max(this.#sequence, sequence + 1)
      restore.add(key, areaBytes)
    })
    restore.finish()
    this.#table.forEachEntries((entries, n) => this.#sessions.follow(entries, n))
    let watermarkMs = Infinity
    reader.elements(WATERMARK_STATE, (bytes) => {
      watermarkMs = Math.min(watermarkMs, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true))
    })
    if (watermarkMs !== Infinity) this.#watermarkMs = watermarkMs
  }

  close(): void {
    const { slab } = this.#context
    this.#keys?.free()
    this.#table?.free()
    this.#sessions?.free()
    this.#builder?.free()
    for (const kept of this.#keptRows) kept.free()
    if (this.#scratch > 0) slab.free(this.#scratch, SCRATCH_BYTES)
    if (this.#nobody > 0) slab.free(this.#nobody, SESSION_VALUES + this.#spec.aggregates.valueBytes)
    if (this.#dueCapacity > 0) slab.free(this.#due, this.#dueCapacity * 4)
  }

  /** Takes rows, and the watermarks between them; behind the last row those that follow. */
  #step(batch: RecordBatch): void {
    const { crossings } = batch
    const end = Math.min(batch.end, batch.begin + ROWS_PER_STEP)
    while (batch.begin < end) {
      const n = Math.min(FOLD_ROWS, end - batch.begin)
      this.#take(batch, batch.begin, n)
      batch.begin += n
    }
    if (batch.begin < batch.end) return
    this.#sessions.reserve(0)
    while (this.#crossing < crossings.count) this.#pass(crossings.watermarks[this.#crossing++])
  }

  #take(batch: RecordBatch, begin: number, n: number): void {
    const { slab, metrics } = this.#context
    const sessions = this.#sessions
    const entries = this.#scratch
    const found = entries + FOLD_ROWS * 4
    this.#table.findOrInsert(this.#keys.encode(batch, batch.selection, begin, n), entries)
    sessions.reserve(n)
    const { crossings } = batch
    const { positions } = crossings
    const time = batch.columns[this.#spec.timeColumn]
    const times = time.values >>> 2
    const validity = time.nullCount > 0 ? time.validity : 0
    const selection = batch.selection >>> 2
    const { u8, i32, u32 } = slab
    let crossing = this.#crossing
    let crossingRow = crossing < crossings.count ? positions[crossing] : Infinity
    let folded = 0
    let lateCount = 0
    for (let index = 0; index < n; index++) {
      const row = selection === 0 ? begin + index : i32[selection + begin + index]
      while (crossingRow <= row) {
        this.#pass(crossings.watermarks[crossing++])
        crossingRow = crossing < crossings.count ? positions[crossing] : Infinity
      }
      let session = 0
      if (validity === 0 || ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 1)
        session = sessions.place(u32[(entries >>> 2) + index], i32[times + row * 2 + 1] * 4294967296 + u32[times + row * 2], this.#watermarkMs)
      if (session === 0) {
        session = this.#nobody
        lateCount++
      }
      if (this.#isOrdered && sessions.mergeCount > 0) {
        this.#fold(batch, begin, folded, index)
        this.#merge()
        folded = index
      }
      u32[(found >>> 2) + index] = session
    }
    this.#crossing = crossing
    this.#fold(batch, begin, folded, n)
    this.#merge()
    if (lateCount > 0) {
      metrics.lateRecords += lateCount
      this.#table.remove(entries, sessions.listEmpty(entries, n))
      slab.u32[entries >>> 2] = this.#nobody
      for (const kept of this.#keptRows) kept.release(entries, 1, SESSION_VALUES)
      slab.fill(this.#nobody + SESSION_VALUES, 0, this.#spec.aggregates.valueBytes)
    }
    for (const kept of this.#keptRows) kept.settle(sessions)
  }

  /** Folds rows into the sessions that were found for them. */
  #fold(batch: RecordBatch, begin: number, from: number, to: number): void {
    const { kernels } = this.#context
    const { plans, filters } = this.#spec.aggregates
    const entries = this.#scratch + (FOLD_ROWS + from) * 4
    const rows = { entries, n: to - from, selection: batch.selection, begin: begin + from }
    plans.forEach((plan, index) => {
      const counted = this.#where(batch, filters[index], rows)
      const kept = this.#kept.get(plan)
      if (kept === undefined) fold(kernels, plan, SESSION_VALUES, batch.columns, counted)
      else kept.fold(batch, counted, SESSION_VALUES, this.#sequence)
    })
  }

  /** The rows that a filter lets in. */
  #where(batch: RecordBatch, filter: number, rows: FoldRows): FoldRows {
    if (filter === -1) return rows
    const { entries, n, selection, begin } = rows
    const listed = this.#scratch + FOLD_ROWS * 8
    const counted = listed + FOLD_ROWS * 4
    const count = this.#context.kernels.groupsWhere(entries, n, batch.columns[filter].descriptor, selection, begin, listed, counted)
    return { entries: listed, n: count, selection: counted, begin: 0 }
  }

  /** Puts sessions together that rows have made one. */
  #merge(): void {
    const { targets, sources, mergeCount } = this.#sessions
    if (mergeCount > 0) for (const plan of this.#spec.aggregates.plans) merge(this.#context.kernels, plan, SESSION_VALUES, targets, sources, mergeCount)
    for (const kept of this.#keptRows) {
      for (let at = 0; at < mergeCount * 4; at += 4) kept.merge(kept, SESSION_VALUES, targets + at, sources + at, 1)
      if (mergeCount > 0) kept.release(sources, mergeCount, SESSION_VALUES)
    }
    this.#sessions.settle()
  }

  /** The watermark moves between two rows. Behind a restore it may be where it has been before. */
  #pass(watermarkMs: number): void {
    if (watermarkMs > this.#watermarkMs) {
      this.#watermarkMs = watermarkMs
      if (this.#sessions.nextMs <= watermarkMs) this.#poll(Infinity)
    }
    this.#marks.add(this.#dueCount, watermarkMs)
  }

  /** Takes sessions that are over. Returns whether there was one. */
  #poll(most: number): boolean {
    const before = this.#dueCount
    for (let taken = 0; taken < most; taken++) {
      const session = this.#sessions.poll(this.#watermarkMs)
      if (session === 0) break
      if (this.#dueCount === this.#dueCapacity) this.#growDue()
      this.#context.slab.u32[(this.#due >>> 2) + this.#dueCount++] = session
    }
    return this.#dueCount > before
  }

  #growDue(): void {
    const { slab, batchRowsMax } = this.#context
    const capacity = Math.max(batchRowsMax, this.#dueCapacity * 2)
    const due = slab.allocate(capacity * 4)
    if (this.#dueCapacity > 0) {
      slab.copy(due, this.#due, this.#dueCount * 4)
      slab.free(this.#due, this.#dueCapacity * 4)
    }
    this.#due = due
    this.#dueCapacity = capacity
  }

  /** Emits the sessions that are over, and the watermarks between them. False: the output refused. */
  #emitDue(output: Output): boolean {
    const { slab, batchRowsMax } = this.#context
    const marks = this.#marks
    while (this.#dueNext < this.#dueCount) {
      if (!output.hasCapacity()) return false
      const n = Math.min(batchRowsMax, this.#dueCount - this.#dueNext)
      const batch = this.#builder.begin(false, false)
      this.#write(this.#due + this.#dueNext * 4, n, batch.columns)
      for (; this.#mark < marks.count && marks.positions[this.#mark] <= this.#dueNext + n; this.#mark++)
        batch.crossings.add(marks.positions[this.#mark] - this.#dueNext, marks.watermarks[this.#mark])
      this.#dueNext += n
      output.emit(this.#builder.finish(n))
    }
    if (this.#mark < marks.count) {
      if (!output.hasCapacity()) return false
      output.emitWatermark(marks.watermarks[marks.count - 1])
    }
    marks.clear()
    this.#mark = 0
    if (this.#dueCount === 0) return true
    for (const kept of this.#keptRows) kept.release(this.#due, this.#dueCount, SESSION_VALUES)
    const empty = slab.allocate(this.#dueCount * 4)
    this.#table.remove(empty, this.#sessions.release(this.#due, this.#dueCount, empty))
    slab.free(empty, this.#dueCount * 4)
    this.#dueCount = this.#dueNext = 0
    return true
  }

  #write(list: number, n: number, columns: readonly Column[]): void {
    const { slab, kernels } = this.#context
    const sessions = this.#sessions
    const { plans } = this.#spec.aggregates
    const keyCount = columns.length - 2 - plans.length
    const entries = slab.allocate(n * 4)
    const [start, end] = [columns[keyCount].values, columns[keyCount + 1].values]
    const { u32 } = slab
    for (let index = 0; index < n; index++) {
      const session = u32[(list >>> 2) + index]
      u32[(entries >>> 2) + index] = sessions.entryOf(session)
      writeInt64(slab, start + index * 8, sessions.startOf(session))
      writeInt64(slab, end + index * 8, sessions.endOf(session))
    }
    this.#table.keysToColumns(entries, n, columns.slice(0, keyCount), 0)
    plans.forEach((plan, index) => {
      const column = columns[keyCount + 2 + index]
      const kept = this.#kept.get(plan)
      if (kept === undefined) emit(kernels, plan, SESSION_VALUES, list, n, column, 0)
      else kept.emit(SESSION_VALUES, list, n, column, 0)
    })
    slab.free(entries, n * 4)
  }
}
