// Runs process functions: keyed or not, of one or two inputs, with state, timers and side outputs. Walks a batch and the crossings between its
// rows with a cursor. Runs on the worker's thread. Invariant: a record sees exactly the watermark that stands in front of it, and every timer at or
// below that watermark has fired.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { assertInserts, type RecordBatch } from '../../batch/record-batch.ts'
import { Schema } from '../../batch/types.ts'
import { HeapOperatorState } from '../../state/operator-state.ts'
import { BROADCAST_STATE_PREFIX, type KeyedSnapshotWriter, type MapStateDescriptor, OWN_STATE_PREFIX } from '../../state/state.ts'
import { schemaOf } from '../../state/state-schema.ts'
import { KEY_COLUMN } from '../basic/key-operator.ts'
import { refusePromise, type RichFunction, userError } from '../function.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { Operator, OperatorContext, OperatorDescription, Output, SnapshotReader } from '../operator.ts'
import { ownFunction } from '../window/own-function.ts'
import { compileProcessLoop, DEV_OPTION, type ProcessLoop } from '../row-code.ts'
import { RowPace } from '../row-pace.ts'
import { type KeyedState, openKeyedState } from './keyed-state.ts'
import { openContextOf, type ProcessEngine, processContextOf } from './process-context.ts'
import { SideOutputs } from './side-outputs.ts'

/** Rows of a step at most: user code is slower than kernels. */
const ROWS_PER_STEP = 1024
const WATERMARK_STATE = `${OWN_STATE_PREFIX}watermark`

/** One input of a process function. */
export interface ProcessInput {
  /** Schema of the edge; the column of a key function's keys is not shown to the function. */
  readonly schema: Schema
  /** Where the key lies; undefined on inputs that are not keyed. */
  readonly key: KeySpec | undefined
  /** The method that takes its records. */
  readonly method: 'processElement' | 'processElement1' | 'processElement2' | 'processBroadcastElement'
  /** For the broadcast input: the states that its records may change and those of the other may read. */
  readonly states?: readonly MapStateDescriptor<unknown, unknown>[] | undefined
}

/** A function whose methods {@link ProcessInput.method} names. */
export type AnyProcessFunction = RichFunction<never> & { onTimer?(timeMs: number, context: never, out: never): void }

/** The operator of all process functions. The inputs that have keys come first. */
export class ProcessOperator implements Operator {
  readonly crossings = 'carry'
  readonly outputSchema: Schema
  readonly #inputs: readonly ProcessInput[]
  readonly #fn: AnyProcessFunction
  #context!: OperatorContext
  #builder!: BatchBuilder
  #loop!: ProcessLoop
  #pace!: RowPace
  #timerPace!: RowPace
  #sides!: SideOutputs
  #state: KeyedState | null = null
  readonly #operatorState = new HeapOperatorState()
  #watermarkMs = WATERMARK_MIN
  /** Whether records carry timestamps, as far as has been seen. */
  #timestamps = false
  #opened = false
  // The batch in hand and how many of its crossings are done.
  #bound: RecordBatch | null = null
  #crossing = 0

  constructor(inputs: readonly ProcessInput[], fn: AnyProcessFunction, outputSchema: Schema) {
    this.#inputs = inputs.map((input) => ({ ...input, schema: visibleSchema(input.schema) }))
    this.#fn = ownFunction(fn)
    this.outputSchema = outputSchema
  }

  open(context: OperatorContext): void {
    this.#context = context
    const fn = this.#fn
    const keyed = this.#inputs.flatMap(({ schema, key }) => (key === undefined ? [] : [{ schema, key }]))
    if (keyed.length > 0) this.#state = openKeyedState(context, keyed, fn.onTimer !== undefined)
    this.#pace = new RowPace(context.clock)
    this.#timerPace = new RowPace(context.clock)
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
    this.#loop = compileProcessLoop({
      inputs: this.#inputs.map(({ schema, method, key }) => ({ schema, method, keyed: key !== undefined })),
      output: this.outputSchema,
      fn,
      ensureRows: (rows) => this.#builder.ensureRows(rows),
      keys: this.#state?.store,
      isDev: context.option(DEV_OPTION) === 'true',
    })
    this.#sides = new SideOutputs(context, this.#loop.stamp)
    const engine: ProcessEngine = {
      context,
      loop: this.#loop,
      sides: this.#sides,
      keyed: this.#state,
      operatorState: this.#operatorState,
      broadcastStates: this.#inputs.find(({ states }) => states !== undefined)?.states,
      watermarkMs: () => this.#watermarkMs,
    }
    this.#loop.contexts = this.#inputs.map(({ method }) => processContextOf(engine, method === 'processBroadcastElement'))
    this.#opened = true
    this.#call(() => refusePromise(fn.open?.(openContextOf(engine) as never)))
  }

  processBatch(batch: RecordBatch, output: Output, input: number): boolean {
    if (this.#bound !== batch) {
      assertInserts(batch)
      this.#bound = batch
      this.#crossing = 0
    }
    this.#beginPace()
    for (;;) {
      if (!output.hasCapacity()) return false
      const { begin } = batch
      this.#step(batch, output, input)
      if (batch.begin === batch.end && this.#crossing === batch.crossings.count) break
      // Timers may have filled the output before the first row: then go on while there is room. Rows end a step.
      if (this.hasPaused || (batch.begin > begin && batch.begin < batch.end)) return false
    }
    this.#bound = null
    return true
  }

  get hasPaused(): boolean {
    return this.#pace.hasEnded || this.#timerPace.hasEnded
  }

  nextCutMs(): number {
    return Infinity
  }

  advance(watermarkMs: number, output: Output): boolean {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs)
    const timers = this.#state?.eventTimers
    if (timers === undefined || timers.nextMs > watermarkMs) return true
    this.#beginPace()
    for (;;) {
      if (!output.hasCapacity()) return false
      this.#beginStep(output, true)
      const done = this.#call(() => this.#fire(timers, watermarkMs, true))
      this.#endStep(output, WATERMARK_MIN)
      if (done) return true
      if (this.hasPaused) return false
    }
  }

  nextProcessingTimeMs(): number {
    return this.#state?.processingTimers.nextMs ?? Infinity
  }

  fireTimers(upToMs: number, output: Output): boolean {
    const timers = this.#state?.processingTimers
    if (timers === undefined || timers.nextMs > upToMs) return true
    this.#beginPace()
    for (;;) {
      if (!output.hasCapacity()) return false
      this.#beginStep(output, this.#timestamps)
      const done = this.#call(() => this.#fire(timers, upToMs, false))
      this.#endStep(output, WATERMARK_MIN)
      if (done) return true
      if (this.hasPaused) return false
    }
  }

  endInput(_output: Output, _input: number): boolean {
    return true
  }

  describe(): OperatorDescription {
    const broadcast = this.#inputs.flatMap(({ states }) => states ?? [])
    return {
      type: 'process function',
      states: [
        ...broadcast.map((descriptor) => ({
          schema: schemaOf(BROADCAST_STATE_PREFIX + descriptor.name, 'broadcast', descriptor),
          evolution: descriptor.evolution,
        })),
      ],
      declaresMore: true,
      hasTimers: this.#fn.onTimer !== undefined,
    }
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#state?.backend.setProcessingTimeMs(this.#context.clock.nowMs())
    this.#state?.snapshot(writer)
    this.#operatorState.snapshot(writer)
    const bytes = new Uint8Array(9)
    new DataView(bytes.buffer).setFloat64(0, this.#watermarkMs, true)
    bytes[8] = Number(this.#timestamps)
    writer.element(WATERMARK_STATE, bytes)
  }

  restore(reader: SnapshotReader): void {
    this.#state?.backend.setProcessingTimeMs(this.#context.clock.nowMs())
    this.#state?.restore(reader)
    this.#operatorState.restore(reader)
    // Of several parts the one furthest behind.
    let watermarkMs = Infinity
    reader.elements(WATERMARK_STATE, (bytes) => {
      watermarkMs = Math.min(watermarkMs, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true))
      if (bytes[8] === 1) this.#timestamps = true
    })
    if (watermarkMs !== Infinity) this.#watermarkMs = watermarkMs
  }

  close(): void {
    try {
      if (this.#opened) this.#call(() => refusePromise(this.#fn.close?.()))
    } finally {
      this.#state?.close()
      this.#operatorState.close()
      this.#sides?.close()
      this.#builder?.free()
    }
  }

  /** Processes rows and crossings until the output batch is full, a step's rows are done or the batch is. */
  #step(batch: RecordBatch, output: Output, input: number): void {
    const { crossings } = batch
    const loop = this.#loop
    const pace = this.#pace
    const rowsMax = this.#context.batchRowsMax
    const timers = this.#state?.eventTimers
    const withTimestamps = batch.timestamps !== 0
    this.#timestamps ||= withTimestamps
    const target = this.#beginStep(output, withTimestamps || crossings.count > 0)
    const begin = batch.begin
    const stop = Math.min(batch.end, begin + ROWS_PER_STEP)
    const isKeyed = this.#inputs[input].key !== undefined
    const keys = isKeyed ? this.#state!.backend.resolve(batch, begin, stop, input) : 0
    loop.bindSource(input, batch)
    let position = begin
    let watermarkMs = WATERMARK_MIN
    try {
      while (position < stop || this.#crossing < crossings.count) {
        // Crossings in front of the next row hold for it; those behind the last row of this step wait unless the batch ends here.
        let limit = stop
        if (this.#crossing < crossings.count) {
          const at = batch.positionOf(crossings.positions[this.#crossing])
          if (at <= position) {
            const crossed = crossings.watermarks[this.#crossing]
            if (crossed > this.#watermarkMs) this.#watermarkMs = crossed
            if (timers !== undefined && timers.nextMs <= crossed && !this.#fire(timers, crossed, true)) break
            this.#crossing++
            watermarkMs = crossed
            target.crossings.add(loop.count, crossed)
            this.#sides.cross(crossed)
            continue
          }
          limit = Math.min(stop, at)
        }
        if (position === stop) break
        const from = position
        const to = Math.min(limit, from + pace.rows)
        position = loop.run(input, from, to, rowsMax, keys + (from - begin) * 4)
        if (position < to) break
        if (pace.isOver(to - from) && position < stop) break
      }
    } catch (error) {
      throw userError(this.#context.operatorName, this.#context.subtaskIndex, error)
    }
    batch.begin = position
    this.#endStep(output, watermarkMs)
  }

  #beginStep(output: Output, withTimestamps: boolean): RecordBatch {
    const target = this.#builder.begin(withTimestamps, false)
    const loop = this.#loop
    loop.count = 0
    loop.bindTarget(target)
    this.#sides.begin(output, withTimestamps)
    this.#state?.backend.setProcessingTimeMs(this.#context.clock.nowMs())
    return target
  }

  /** Sends what the step made; `watermarkMs` is the last crossing in it. */
  #beginPace(): void {
    this.#timerPace.begin(this.#pace.begin())
  }

  /** Fires timers up to a time. False: the output batch is full, or the step's time is over. */
  #fire(timers: TimerDomain, upToMs: number, isEventTime: boolean): boolean {
    const loop = this.#loop
    const pace = this.#timerPace
    const rowsMax = this.#context.batchRowsMax
    for (;;) {
      const { rows } = pace
      if (loop.fire(timers, upToMs, rowsMax, isEventTime, rows)) return true
      if (pace.isOver(rows) || loop.count >= rowsMax) return false
    }
  }

  #endStep(output: Output, watermarkMs: number): void {
    this.#state?.backend.settle()
    this.#sides.end()
    const rows = this.#loop.count
    if (rows > 0) output.emit(this.#builder.finish(rows))
    else if (watermarkMs > WATERMARK_MIN) output.emitWatermark(watermarkMs)
  }

  #call<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw userError(this.#context.operatorName, this.#context.subtaskIndex, error)
    }
  }
}

/** The schema without the column of a key function's keys. */
function visibleSchema(schema: Schema): Schema {
  return schema.indexOf(KEY_COLUMN) === -1 ? schema : new Schema(schema.fields.filter(({ name }) => name !== KEY_COLUMN))
}
