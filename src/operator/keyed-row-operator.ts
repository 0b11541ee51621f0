// What operators share that meet keyed records one by one, with timers of event and processing time between them: the window operators and the
// interval join. Walks a batch and its crossings with a cursor, so that every refusal of the output resumes where it stood. Runs on the
// worker's thread. Invariant: a record sees exactly the watermark that stands in front of it.

import { nullKeyBytes } from '../base/key-bytes.ts'
import { WATERMARK_MIN } from '../batch/crossings.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import { assertInserts, type RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import { type KeyedSnapshotWriter, type KeyedStateBackend, OWN_STATE_PREFIX, type StateDescriptor, type StateScope } from '../state/state.ts'
import { keyedDeclarationOf, type StateDeclaration } from '../state/state-schema.ts'
import type { TimerDomain } from '../time/timer-service.ts'
import { type KeyedRuntimeContext, refusePromise, userError } from './function.ts'
import type { Operator, OperatorContext, Output, SnapshotReader } from './operator.ts'
import { type KeyedState, openKeyedState } from './process/keyed-state.ts'
import { compileRowReader, DEV_OPTION, type RowReader } from './row-code.ts'
import { RowPace } from './row-pace.ts'
import { runtimeContextOf } from './runtime-context.ts'
import { RowCollector } from './window/row-collector.ts'

/** Rows of a step at most, where user code runs: it is slower than kernels. */
const ROWS_PER_STEP = 1024
/** Stands for the key of records that all have one: its bytes are given, never read from a column. */
const CONSTANT_KEY: KeySpec = { kind: 'encoded', column: 0 }
const WATERMARK_STATE = `${OWN_STATE_PREFIX}watermark`

/** One input: what its records look like and where their key lies; undefined = all records have one key. */
export interface KeyedRowInput {
  /** The columns that functions see. The batches may have the key's column behind them. */
  readonly schema: Schema
  readonly key: KeySpec | undefined
}

/** The states that something declares when it is given a backend. */
export function declarationsOf(declare: (backend: KeyedStateBackend) => void): readonly StateDeclaration[] {
  const declarations: StateDeclaration[] = []
  const recorder = { getState: (descriptor: StateDescriptor, scope: StateScope = 'key') => void declarations.push(keyedDeclarationOf(descriptor, scope)) }
  declare(recorder as unknown as KeyedStateBackend)
  return declarations
}

/** What a {@link KeyedRowOperator} gathers its results in, turn by turn, as {@link RowCollector} does. */
export interface TurnCollector {
  readonly isFull: boolean
  begin(output: Output): void
  watermark(watermarkMs: number): void
  flush(output: Output): boolean
  free(): void
}

/** Drives rows, watermarks and timers; subclasses say what each does. */
export abstract class KeyedRowOperator<OUT, C extends TurnCollector = RowCollector<OUT>> implements Operator {
  readonly crossings: Operator['crossings'] = 'carry'
  readonly outputSchema: Schema
  protected readonly inputs: readonly KeyedRowInput[]
  protected context!: OperatorContext
  protected backend!: KeyedStateBackend
  protected eventTimers!: TimerDomain
  protected processingTimers!: TimerDomain
  protected collector!: C
  protected watermarkMs = WATERMARK_MIN
  /** Processing time of the current step. */
  protected nowMs = 0
  /** Time as functions, assigners and evictors ask for it. */
  readonly times = { currentWatermark: (): number => this.watermarkMs, currentProcessingTime: (): number => this.nowMs }
  #state!: KeyedState
  #pace!: RowPace
  #timerPace!: RowPace
  #readers: RowReader[] = []
  #bound: RecordBatch | null = null
  #crossing = 0

  protected constructor(inputs: readonly KeyedRowInput[], outputSchema: Schema) {
    this.inputs = inputs
    this.outputSchema = outputSchema
  }

  /** Makes what results are gathered in. */
  protected createCollector(): C {
    return new RowCollector<OUT>(this.context, this.outputSchema) as TurnCollector as C
  }

  /** Makes what reads the rows of an input for {@link onRow}. */
  protected createReader(schema: Schema): RowReader {
    return compileRowReader(schema, this.context.option(DEV_OPTION) === 'true')
  }

  /** Whether it takes updates and deletions, not only inserted records. */
  protected get takesChanges(): boolean {
    return false
  }

  /** Rows of a step at most. */
  protected get rowsPerStep(): number {
    return ROWS_PER_STEP
  }

  /** The rows of a step have been given, or timers are about to fire between them: what was kept back while keys are known is written and collected. */
  protected endStep(): void {}

  /** Declares states and opens the user's function; the last step of `open`. */
  protected abstract openFunction(): void
  /** A record of the current key. `row` is valid during the call. */
  protected abstract onRow(row: unknown, timestampMs: number, input: number): void
  /** A timer of the current key (and namespace) has come: `timers.firedMs`. */
  protected abstract onEventTimer(timers: TimerDomain): void
  protected abstract onProcessingTimer(timers: TimerDomain): void

  open(context: OperatorContext): void {
    this.context = context
    this.collector = this.createCollector()
    this.#pace = new RowPace(context.clock)
    this.#timerPace = new RowPace(context.clock)
    this.#readers = this.inputs.map(({ schema }) => this.createReader(schema))
    const inputs = this.inputs.map(({ schema, key }) => ({ schema, key: key ?? CONSTANT_KEY }))
    const state = (this.#state = openKeyedState(context, inputs, true))
    this.backend = state.backend
    this.eventTimers = state.eventTimers
    this.processingTimers = state.processingTimers
    this.openFunction()
  }

  processBatch(batch: RecordBatch, output: Output, input: number): boolean {
    const { collector } = this
    if (!collector.flush(output)) return false
    if (this.#bound !== batch) {
      if (!this.takesChanges) assertInserts(batch)
      this.#bound = batch
      this.#crossing = 0
    } else if (batch.begin === batch.end && this.#crossing === batch.crossings.count) return this.#finishBatch()
    if (!output.hasCapacity()) return false
    this.#beginStep(output)
    try {
      this.#walk(batch, output, input)
      this.endStep()
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    this.backend.settle()
    if (!collector.flush(output)) return false
    return batch.begin === batch.end && this.#crossing === batch.crossings.count && this.#finishBatch()
  }

  get hasPaused(): boolean {
    return this.#pace.hasEnded || this.#timerPace.hasEnded
  }

  nextCutMs(): number {
    return -Infinity
  }

  advance(watermarkMs: number, output: Output): boolean {
    const { collector } = this
    if (!collector.flush(output)) return false
    if (this.eventTimers.nextMs > watermarkMs) {
      // Nothing is due: the common case needs no capacity.
      this.watermarkMs = Math.max(this.watermarkMs, watermarkMs)
      return true
    }
    if (!output.hasCapacity()) return false
    this.#beginStep(output)
    const done = this.#fireEventTimers(watermarkMs, output)
    this.backend.settle()
    return done && collector.flush(output)
  }

  nextProcessingTimeMs(): number {
    return this.processingTimers.nextMs
  }

  fireTimers(upToMs: number, output: Output): boolean {
    const { collector } = this
    if (!collector.flush(output)) return false
    if (this.processingTimers.nextMs > upToMs) return true
    if (!output.hasCapacity()) return false
    this.#beginStep(output)
    this.nowMs = Math.max(this.nowMs, upToMs)
    let done = true
    try {
      while (done && this.processingTimers.poll(upToMs)) {
        this.onProcessingTimer(this.processingTimers)
        if (this.#timerPace.tick()) done = false
        else if (collector.isFull) done = this.#turn(output)
      }
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    this.backend.settle()
    return done && collector.flush(output)
  }

  endInput(_output: Output, _input: number): boolean {
    return true
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#state.snapshot(writer)
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, this.watermarkMs, true)
    writer.element(WATERMARK_STATE, bytes)
  }

  restore(reader: SnapshotReader): void {
    this.#state.restore(reader)
    this.backend.settle()
    // Of several parts the one furthest behind: lateness is judged as if nothing had happened.
    let watermarkMs = Infinity
    reader.elements(WATERMARK_STATE, (bytes) => {
      watermarkMs = Math.min(watermarkMs, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true))
    })
    if (watermarkMs !== Infinity) this.watermarkMs = watermarkMs
  }

  close(): void {
    this.collector?.free()
    this.#state?.close()
  }

  /** The context of a function's `open`. */
  protected runtimeContext(): KeyedRuntimeContext {
    const { context, backend } = this
    return {
      ...runtimeContextOf(context),
      getState: ((descriptor: never) => backend.getState(descriptor, 'key')) as KeyedRuntimeContext['getState'],
    }
  }

  /** Calls a method of the user's function that is neither given records nor asked for any. */
  protected callFunction(call: () => unknown): void {
    try {
      refusePromise(call())
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
  }

  #finishBatch(): true {
    this.#bound = null
    return true
  }

  #beginStep(output: Output): void {
    this.#timerPace.begin(this.#pace.begin())
    this.nowMs = this.context.clock.nowMs()
    this.backend.setProcessingTimeMs(this.nowMs)
    this.collector.begin(output)
  }

  /** Emits what is there and starts anew. False: refused. */
  #turn(output: Output): boolean {
    const { collector } = this
    if (!collector.flush(output) || !output.hasCapacity()) return false
    collector.begin(output)
    return true
  }

  #walk(batch: RecordBatch, output: Output, input: number): void {
    const { collector, backend } = this
    const { crossings } = batch
    const reader = this.#readers[input]
    const { key } = this.inputs[input]
    const stop = Math.min(batch.end, batch.begin + this.rowsPerStep)
    const first = batch.begin
    const handles = key === undefined ? 0 : backend.resolve(batch, first, stop, input) >>> 2
    const constant = key === undefined ? backend.resolveKey(nullKeyBytes()) : 0
    reader.bind(batch)
    let position = first
    for (;;) {
      let limit = stop
      if (this.#crossing < crossings.count) {
        const at = batch.positionOf(crossings.positions[this.#crossing])
        if (at <= position || position === batch.end) {
          const watermarkMs = crossings.watermarks[this.#crossing]
          if (!this.#fireEventTimers(watermarkMs, output)) break
          collector.watermark(watermarkMs)
          this.#crossing++
          continue
        }
        limit = Math.min(stop, at)
      }
      if (position === stop) break
      while (position < limit) {
        const row = batch.physicalRow(position)
        backend.select(key === undefined ? constant : batch.slab.u32[handles + position - first])
        reader.seek(row)
        position++
        // Moved before the call: what it emitted must not be emitted again.
        batch.begin = position
        this.onRow(reader.record(), batch.timestampOf(row), input)
        if (this.#pace.tick() || (collector.isFull && !this.#turn(output))) {
          reader.release()
          return
        }
      }
      reader.release()
    }
  }

  /** Fires event-time timers up to the watermark. False: the output refused or the step's time is over; the rest waits for the next call. */
  #fireEventTimers(watermarkMs: number, output: Output): boolean {
    const { eventTimers, collector } = this
    if (watermarkMs > this.watermarkMs) this.watermarkMs = watermarkMs
    try {
      if (eventTimers.nextMs <= watermarkMs) this.endStep()
      while (eventTimers.poll(watermarkMs)) {
        this.onEventTimer(eventTimers)
        if (this.#timerPace.tick() || (collector.isFull && !this.#turn(output))) return false
      }
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    return true
  }
}
