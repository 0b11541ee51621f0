// Interval join: pairs the records of two keyed streams whose timestamps lie within an interval of each other. Runs on the worker's thread. Each
// record waits in state, by its timestamp, until no partner can come any more. Semantics are those of Flink's IntervalJoinOperator.
//
// A namespace is (side, timestamp): it holds the records of that side with that timestamp and the timer that removes them.

import { PlanError, UserFunctionError } from '../../base/errors.ts'
import { type Schema, t } from '../../batch/types.ts'
import { type ListState, type MapState, mapState } from '../../state/state.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { Collector, OutputTag, RichFunction, RuntimeContext } from '../function.ts'
import { requireDurationMs } from '../window/duration.ts'
import { type KeyedRowInput, KeyedRowOperator } from '../window/keyed-row-operator.ts'
import { ownFunction } from '../window/own-function.ts'
import { recordTypeOf, typedList } from '../window/window-contents.ts'

/** What a {@link ProcessJoinFunction} learns about a pair. Valid only until the function returns. */
export interface ProcessJoinContext extends RuntimeContext {
  leftTimestamp(): number
  rightTimestamp(): number
  /** The later of the two: results carry it. */
  timestamp(): number
  /** Sends a record to a side output, with {@link timestamp}. */
  output<T>(tag: OutputTag<T>, value: T): void
}

/** Processes each pair of an interval join. */
export interface ProcessJoinFunction<IN1, IN2, OUT> extends RichFunction {
  /** Called once for each pair, when the later of the two arrives. Rows are valid until it returns. */
  processElement(left: IN1, right: IN2, context: ProcessJoinContext, out: Collector<OUT>): void
}

/** An interval join's description: right.ts in [left.ts + lower, left.ts + upper]. */
export interface IntervalJoinOptions {
  readonly left: KeyedRowInput
  readonly right: KeyedRowInput
  readonly outputSchema: Schema
  /** Milliseconds, negative for partners before the left record. */
  readonly lowerBoundMs: number
  readonly upperBoundMs: number
  /** @default false */
  readonly lowerBoundExclusive?: boolean
  /** @default false */
  readonly upperBoundExclusive?: boolean
  readonly function: ProcessJoinFunction<never, never, unknown>
  /** Where records behind the watermark go; they are counted in any case and join nothing. */
  readonly lateLeftOutput?: OutputTag
  readonly lateRightOutput?: OutputTag
}

const LEFT = 0
const RIGHT = 1

/** The waiting records of one side. */
interface Buffer {
  readonly rows: ListState<unknown>
  /** Timestamps under which the current key has rows. */
  readonly times: MapState<number, boolean>
}

/** Joins two streams by key and distance in time. */
export class IntervalJoinOperator extends KeyedRowOperator<unknown> {
  readonly #lowerBoundMs: number
  readonly #upperBoundMs: number
  readonly #function: ProcessJoinFunction<unknown, unknown, unknown>
  readonly #lateOutputs: readonly (OutputTag | undefined)[]
  #buffers!: readonly [Buffer, Buffer]
  #processContext!: JoinContext
  #opened = false

  /** @throws {PlanError} `INVALID_JOIN` if the interval is empty. */
  constructor(options: IntervalJoinOptions) {
    super([options.left, options.right], options.outputSchema)
    const { lowerBoundMs, upperBoundMs } = options
    this.#lowerBoundMs = requireDurationMs('a lower bound', lowerBoundMs) + (options.lowerBoundExclusive === true ? 1 : 0)
    this.#upperBoundMs = requireDurationMs('an upper bound', upperBoundMs) - (options.upperBoundExclusive === true ? 1 : 0)
    if (this.#lowerBoundMs > this.#upperBoundMs)
      throw new PlanError(
        'INVALID_JOIN',
        `Cannot join between ${lowerBoundMs} ms and ${upperBoundMs} ms: lowerBound <= upperBound must be fulfilled, exclusive bounds counted`,
      )
    this.#function = ownFunction<ProcessJoinFunction<unknown, unknown, unknown>>(options.function)
    this.#lateOutputs = [options.lateLeftOutput, options.lateRightOutput]
  }

  protected override openFunction(): void {
    const { backend } = this
    const buffer = (side: string, schema: Schema): Buffer => ({
      rows: backend.getState(typedList(`${side}-buffer`, recordTypeOf(schema)), 'namespace'),
      times: backend.getState(mapState(`${side}-times`, t.safeInt(), t.boolean()), 'key'),
    })
    this.#buffers = [buffer('left', this.inputs[LEFT].schema), buffer('right', this.inputs[RIGHT].schema)]
    const context = this.runtimeContext()
    this.#processContext = new JoinContext(context, (tag, value) => this.collector.collectTagged(tag, value))
    this.#opened = true
    this.#function.open?.(context)
  }

  override close(): void {
    try {
      if (this.#opened) this.#function.close?.()
    } finally {
      super.close()
    }
  }

  protected override onRow(row: unknown, timestampMs: number, input: number): void {
    if (timestampMs === -Infinity)
      throw new UserFunctionError('NO_TIMESTAMP', 'Cannot join a record by its time: it carries no timestamp', {
        hint: 'Call assignTimestampsAndWatermarks(...) on both inputs of an interval join.',
      })
    if (timestampMs < this.watermarkMs) {
      this.context.metrics.lateRecords++
      const tag = this.#lateOutputs[input]
      if (tag !== undefined) this.collector.collectSide(tag.id, tag.schema, row, timestampMs)
      return
    }
    const { backend } = this
    const own = this.#buffers[input]
    const lower = input === LEFT ? this.#lowerBoundMs : -this.#upperBoundMs
    const upper = input === LEFT ? this.#upperBoundMs : -this.#lowerBoundMs
    own.times.put(timestampMs, true)
    backend.setNamespace(input, timestampMs)
    own.rows.add(row)
    this.eventTimers.registerInNamespace(timestampMs + Math.max(upper, 0))
    this.#joinWith(row, timestampMs, input, timestampMs + lower, timestampMs + upper)
  }

  /** Pairs a record with the waiting ones of the other side. */
  #joinWith(row: unknown, timestampMs: number, input: number, fromMs: number, toMs: number): void {
    const { backend, collector } = this
    const context = this.#processContext
    const other = 1 - input
    const { rows, times } = this.#buffers[other]
    for (const otherMs of times.keys()) {
      if (otherMs < fromMs || otherMs > toMs) continue
      backend.setNamespace(other, otherMs)
      context.leftMs = input === LEFT ? timestampMs : otherMs
      context.rightMs = input === LEFT ? otherMs : timestampMs
      collector.timestampMs = Math.max(timestampMs, otherMs)
      for (const partner of rows.get()) this.#function.processElement(input === LEFT ? row : partner, input === LEFT ? partner : row, context, collector)
    }
  }

  protected override onEventTimer(_timers: TimerDomain): void {
    const side = this.backend.namespaceFirst
    const { rows, times } = this.#buffers[side === LEFT ? LEFT : RIGHT]
    times.remove(this.backend.namespaceSecond)
    rows.clear()
  }

  protected override onProcessingTimer(): void {}
}

/** What join functions see. */
class JoinContext implements ProcessJoinContext {
  leftMs = -Infinity
  rightMs = -Infinity
  readonly operatorName: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly metrics: RuntimeContext['metrics']
  readonly log: RuntimeContext['log']
  readonly option: RuntimeContext['option']
  readonly output: <T>(tag: OutputTag<T>, value: T) => void

  constructor(context: RuntimeContext, output: <T>(tag: OutputTag<T>, value: T) => void) {
    this.operatorName = context.operatorName
    this.subtaskIndex = context.subtaskIndex
    this.parallelism = context.parallelism
    this.metrics = context.metrics
    this.log = context.log
    this.option = context.option
    this.output = output
  }

  leftTimestamp(): number {
    return this.leftMs
  }

  rightTimestamp(): number {
    return this.rightMs
  }

  timestamp(): number {
    return Math.max(this.leftMs, this.rightMs)
  }
}
