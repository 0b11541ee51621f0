// The inner join of windows of event time whose rows only come: both sides of each window are kept as records, and pairs are made as columns when the
// watermark passes its end. Other joins of windows, and windows whose borders lie on no grid, are those of window-buffer-operators.ts. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { readInt64AsNumber, type RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import { type AlignedWindows, formatWindows, nextFiringMs } from '../../operator/window/slices.ts'
import { FIRST_RECORD, type StorePosition } from '../../state/record-store.ts'
import { type KeyedSnapshotWriter, OWN_STATE_PREFIX } from '../../state/state.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'
import { type ColumnJoinSpec, JoinPairs, PAIRS_MAX } from './join-pairs.ts'
import { JOIN_ROWS_MAX, KeptSide, type StoredRows, storedRowsOf } from './kept-side.ts'
import type { SessionContext } from './sql-operator.ts'

/** A join of two inputs with keys of the same types, of which windows are a part. */
export interface ColumnWindowJoinSpec extends ColumnJoinSpec {
  /** Of each input the column that has the end of its rows' window, never NULL. */
  readonly ends: readonly [number, number]
  readonly windows: AlignedWindows
}

type Sides = readonly [KeptSide, KeptSide]

interface OpenWindow {
  readonly endMs: number
  readonly sides: Sides
  /** The epoch in which it was opened: see KeyedSnapshotWriter. */
  readonly epoch: number
}

/** A window whose pairs are made, and how far: those of a part of its left rows, and the place behind it. */
interface Firing {
  readonly window: OpenWindow
  batch: RecordBatch | undefined
  behind: StorePosition
}

const STATES: readonly [StateSchema, StateSchema] = [
  { name: 'left', kind: 'rows' },
  { name: 'right', kind: 'rows' },
]
const WATERMARK_STATE = `${OWN_STATE_PREFIX}watermark`
/** Sides that are empty, for windows to come. */
const SPARE_SIDES_MAX = 4
/** Left rows whose pairs are made there is room for at first. */
const PART_ROWS = 64

export class ColumnWindowJoinOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnWindowJoinSpec
  readonly #session: SessionContext
  readonly #pairsMax: number
  #pairs!: JoinPairs
  /** Left rows of the window whose pairs are made. */
  #part!: BatchBuilder
  /** By end. */
  readonly #windows = new Map<number, OpenWindow>()
  readonly #spare: Sides[] = []
  #watermarkMs = WATERMARK_MIN
  #firing: Firing | undefined
  /** Address of int32 rows[JOIN_ROWS_MAX]: those of one window. */
  #rows = 0
  #epoch = 0
  /** Windows that were closed, each in its epoch, as far as a checkpoint may still hold them. */
  #closed: { readonly endMs: number; readonly epoch: number }[] = []

  /** @param pairsMax Pairs that are made at once, at most {@link PAIRS_MAX}. */
  constructor(spec: ColumnWindowJoinSpec, session: SessionContext, pairsMax: number = PAIRS_MAX) {
    super()
    this.#spec = spec
    this.#session = session
    this.#pairsMax = pairsMax
    this.outputSchema = spec.outputSchema
  }

  describe(): OperatorDescription {
    const traits = { windows: formatWindows(this.#spec.windows) }
    return { type: 'window join by columns', traits, states: STATES.map((schema) => ({ schema })), hasTimers: false }
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#pairs = new JoinPairs(context, this.#spec, this.#session, this.#pairsMax)
    this.#part = new BatchBuilder(context.slab, this.#spec.inputs[0].schema, PART_ROWS)
    this.#rows = context.slab.allocate(JOIN_ROWS_MAX * 4)
  }

  /** Whether the last call has ended because it had made pairs enough. */
  get hasPaused(): boolean {
    return this.#pairs.hasPaused
  }

  override nextCutMs(): number {
    return this.#watermarkMs === WATERMARK_MIN ? WATERMARK_MIN : nextFiringMs(this.#spec.windows, this.#watermarkMs)
  }

  processBatch(batch: RecordBatch, _output: Output, input: number): boolean {
    const { inputs, refusesNull } = this.#spec
    while (batch.begin < batch.end) {
      const n = Math.min(batch.end - batch.begin, JOIN_ROWS_MAX)
      this.#keep(batch, input, this.#pairs.list(batch, batch.begin, n, inputs[input].key, refusesNull))
      batch.begin += n
    }
    return true
  }

  /** Keeps the `n` listed rows, those of each window at once. */
  #keep(batch: RecordBatch, input: number, n: number): void {
    const { u32 } = this.context.slab
    const { values } = batch.columns[this.#spec.ends[input]]
    const listed = this.#pairs.rows
    const counts = new Map<number, number>()
    let lastMs = NaN
    let count = 0
    for (let index = 0; index < n; index++) {
      const endMs = readInt64AsNumber(this.context.slab, values + u32[(listed >>> 2) + index] * 8)
      if (endMs !== lastMs) {
        if (count > 0) counts.set(lastMs, count)
        lastMs = endMs
        count = counts.get(endMs) ?? 0
      }
      count++
    }
    if (count > 0) counts.set(lastMs, count)
    if (counts.size === 1) {
      this.#add(batch, input, lastMs, listed, n)
      return
    }
    // Of several windows: their rows one window behind the other.
    const places = new Map<number, number>()
    let place = this.#rows >>> 2
    for (const [endMs, rows] of counts) {
      places.set(endMs, place)
      place += rows
    }
    for (let index = 0; index < n; index++) {
      const row = u32[(listed >>> 2) + index]
      const endMs = readInt64AsNumber(this.context.slab, values + row * 8)
      const at = places.get(endMs)!
      u32[at] = row
      places.set(endMs, at + 1)
    }
    for (const [endMs, rows] of counts) this.#add(batch, input, endMs, (places.get(endMs)! - rows) * 4, rows)
  }

  /** Keeps int32 `rows[n]` of one window. */
  #add(batch: RecordBatch, input: number, endMs: number, rows: number, n: number): void {
    if (endMs - 1 <= this.#watermarkMs) {
      this.context.metrics.lateRecords += n
      return
    }
    const side = this.#window(endMs).sides[input]
    side.add(batch, rows, n, side.keysOf(batch, rows, n), this.#pairs.entries)
  }

  #window(endMs: number): OpenWindow {
    let window = this.#windows.get(endMs)
    if (window === undefined) {
      const [left, right] = this.#spec.inputs
      const sides: Sides = this.#spare.pop() ?? [
        new KeptSide(this.context, left.schema, left.key, STATES[0]),
        new KeptSide(this.context, right.schema, right.key, STATES[1]),
      ]
      this.#windows.set(endMs, (window = { endMs, sides, epoch: this.#epoch }))
    }
    return window
  }

  override advance(watermarkMs: number, output: Output): boolean {
    for (;;) {
      if (this.#firing !== undefined && !this.#emitPairs(this.#firing, output)) return false
      const endMs = Math.min(...this.#windows.keys())
      if (endMs === Infinity || endMs - 1 > watermarkMs) break
      this.#firing = { window: this.#windows.get(endMs)!, batch: undefined, behind: FIRST_RECORD }
    }
    this.#watermarkMs = watermarkMs
    return true
  }

  /** Makes the pairs of a window that are left, and closes it. False: the output refused. */
  #emitPairs(firing: Firing, output: Output): boolean {
    const { slab } = this.context
    const [left, right] = firing.window.sides
    const pairs = this.#pairs
    for (;;) {
      if (firing.batch !== undefined && pairs.isPending && !pairs.emit(firing.batch, output, 0, right)) return false
      if (right.isEmpty) break
      const { batch, behind } = left.part(firing.behind, this.#part)
      const n = batch.rowCount
      if (n === 0) break
      firing.batch = batch
      firing.behind = behind
      for (let index = 0; index < n; index++) slab.u32[(pairs.rows >>> 2) + index] = index
      pairs.begin(left.keysOf(batch, pairs.rows, n), n, right)
    }
    this.#firing = undefined
    this.#close(firing.window)
    return true
  }

  #close({ endMs, sides }: OpenWindow): void {
    this.#windows.delete(endMs)
    if (this.#epoch > 0) this.#closed.push({ endMs, epoch: this.#epoch })
    if (this.#spare.length < SPARE_SIDES_MAX) {
      for (const side of sides) side.clear()
      this.#spare.push(sides)
    } else for (const side of sides) side.free()
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    const { since } = writer
    for (const state of STATES) describeState(writer, state)
    const canChange = since > 0 && [...this.#windows.values()].every(({ epoch, sides }) => epoch >= since || sides.every((side) => side.knows(since)))
    STATES.forEach(({ name }, input) => {
      const isChange = canChange && writer.changes(name)
      if (isChange) for (const { endMs, epoch } of this.#closed) if (epoch >= since) writer.dropped(name, namespaceOf(endMs))
      for (const { endMs, sides } of this.#windows.values()) sides[input].snapshotIn(writer, namespaceOf(endMs), isChange)
    })
    if (since > 0) this.#closed = this.#closed.filter(({ epoch }) => epoch >= since)
    this.#epoch = writer.nextEpoch
    writer.element(WATERMARK_STATE, new Uint8Array(new Float64Array([this.#watermarkMs]).buffer))
  }

  restore(reader: SnapshotReader): void {
    STATES.forEach(({ name }, input) => {
      const windows = new Map<number, StoredRows[]>()
      reader.keyed(name, (_keyGroup, namespace, key, value) => {
        const endMs = new DataView(namespace.buffer, namespace.byteOffset, 8).getFloat64(0, true)
        const records = windows.get(endMs) ?? []
        windows.set(endMs, records)
        records.push(storedRowsOf(key, value))
      })
      for (const [endMs, records] of windows) this.#window(endMs).sides[input].restoreFrom(records)
    })
    // Of several parts the one furthest behind: lateness is judged as if nothing had happened.
    let watermarkMs = Infinity
    reader.elements(WATERMARK_STATE, (bytes) => {
      watermarkMs = Math.min(watermarkMs, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true))
    })
    if (watermarkMs !== Infinity) this.#watermarkMs = watermarkMs
  }

  override close(): void {
    for (const { sides } of this.#windows.values()) for (const side of sides) side.free()
    for (const sides of this.#spare) for (const side of sides) side.free()
    if (this.#rows > 0) this.context.slab.free(this.#rows, JOIN_ROWS_MAX * 4)
    this.#pairs?.free()
    this.#part?.free()
  }
}

function namespaceOf(endMs: number): Uint8Array {
  return new Uint8Array(new Float64Array([endMs]).buffer)
}
