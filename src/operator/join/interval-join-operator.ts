// Interval join: pairs the records of two keyed streams whose timestamps lie within an interval of each other. Runs on the worker's thread. Each
// record waits in state, by its timestamp, until no partner can come any more. Semantics are those of Flink's IntervalJoinOperator.
//
// A namespace is (side, bucket of time): it holds the records of that side whose timestamps lie in the bucket and the timer that removes them. A
// bucket is half of the interval, so that a record meets few buckets and few records in vain. Single records expire as if each had a timer.

import { PlanError, UserFunctionError } from '../../base/errors.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import type { KeyedStateBackend, ListState } from '../../state/state.ts'
import { type Collector, type OutputTag, refusePromise, type RichFunction, type RuntimeContext } from '../function.ts'
import type { OperatorDescription } from '../operator.ts'
import { requireDurationMs } from '../window/duration.ts'
import { declarationsOf, type KeyedRowInput, KeyedRowOperator } from '../keyed-row-operator.ts'
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

const BUCKETS_PER_INTERVAL = 2

/** A waiting record. */
interface Waiting {
  readonly timestamp: number
  /** Whether it came when the watermark stood at its timestamp: it stays until the watermark moves on. */
  readonly atWatermark: boolean
  readonly row: unknown
}

/** Joins two streams by key and distance in time. */
export class IntervalJoinOperator extends KeyedRowOperator<unknown> {
  readonly #lowerBoundMs: number
  readonly #upperBoundMs: number
  readonly #function: ProcessJoinFunction<unknown, unknown, unknown>
  readonly #lateOutputs: readonly (OutputTag | undefined)[]
  readonly #bucketMs: number
  #buffers!: readonly [ListState<Waiting>, ListState<Waiting>]
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
    this.#bucketMs = Math.ceil((this.#upperBoundMs - this.#lowerBoundMs + 1) / BUCKETS_PER_INTERVAL)
    this.#function = ownFunction<ProcessJoinFunction<unknown, unknown, unknown>>(options.function)
    this.#lateOutputs = [options.lateLeftOutput, options.lateRightOutput]
  }

  protected override openFunction(): void {
    this.#buffers = this.#buffersIn(this.backend)
    const context = this.runtimeContext()
    this.#processContext = new JoinContext(context, (tag, value) => this.collector.collectTagged(tag, value))
    this.#opened = true
    this.callFunction(() => this.#function.open?.(context))
  }

  describe(): OperatorDescription {
    return {
      type: 'interval join',
      traits: { bounds: `${this.#lowerBoundMs} ms to ${this.#upperBoundMs} ms` },
      states: declarationsOf((backend) => this.#buffersIn(backend)),
      declaresMore: true,
    }
  }

  #buffersIn(backend: KeyedStateBackend): readonly [ListState<Waiting>, ListState<Waiting>] {
    const buffer = (side: string, schema: Schema): ListState<Waiting> => {
      const timestamp: LogicalType = { kind: 'BIGINT', nullable: false, safeInteger: true }
      const row = recordTypeOf(schema) ?? { kind: 'OBJECT', nullable: true }
      const fields = [
        { name: 'timestamp', type: timestamp },
        { name: 'atWatermark', type: { kind: 'BOOLEAN', nullable: false } as const },
        { name: 'row', type: row },
      ]
      return backend.getState(typedList<Waiting>(`${side}-buffer`, { kind: 'ROW', nullable: false, fields }), 'namespace')
    }
    return [buffer('left', this.inputs[LEFT].schema), buffer('right', this.inputs[RIGHT].schema)]
  }

  override close(): void {
    try {
      if (this.#opened) this.callFunction(() => this.#function.close?.())
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
    const lower = input === LEFT ? this.#lowerBoundMs : -this.#upperBoundMs
    const upper = input === LEFT ? this.#upperBoundMs : -this.#lowerBoundMs
    const bucket = Math.floor(timestampMs / this.#bucketMs)
    backend.setNamespace(input, bucket)
    this.#buffers[input].add({ timestamp: timestampMs, atWatermark: timestampMs === this.watermarkMs, row })
    this.eventTimers.registerInNamespace((bucket + 1) * this.#bucketMs - 1 + this.#keepMs(input))
    this.#joinWith(row, timestampMs, input, timestampMs + lower, timestampMs + upper)
  }

  /** How long behind its timestamp a record of a side waits for partners. */
  #keepMs(input: number): number {
    return Math.max(input === LEFT ? this.#upperBoundMs : -this.#lowerBoundMs, 0)
  }

  /** Pairs a record with the waiting ones of the other side. */
  #joinWith(row: unknown, timestampMs: number, input: number, fromMs: number, toMs: number): void {
    const { backend, collector } = this
    const context = this.#processContext
    const other = 1 - input
    const buffer = this.#buffers[other]
    // Those at or before this time have expired, although their bucket may still be there; but for those that came since the watermark moved.
    const { watermarkMs } = this
    const expiredMs = watermarkMs - this.#keepMs(other)
    const last = Math.floor(toMs / this.#bucketMs)
    for (let bucket = Math.floor(Math.max(fromMs, expiredMs) / this.#bucketMs); bucket <= last; bucket++) {
      backend.setNamespace(other, bucket)
      for (const { timestamp, atWatermark, row: partner } of buffer.get()) {
        if (timestamp < fromMs || timestamp > toMs || (timestamp <= expiredMs && !(atWatermark && timestamp === watermarkMs))) continue
        context.leftMs = input === LEFT ? timestampMs : timestamp
        context.rightMs = input === LEFT ? timestamp : timestampMs
        collector.timestampMs = Math.max(timestampMs, timestamp)
        refusePromise(this.#function.processElement(input === LEFT ? row : partner, input === LEFT ? partner : row, context, collector))
      }
    }
  }

  protected override onEventTimer(): void {
    this.#buffers[this.backend.namespaceFirst === LEFT ? LEFT : RIGHT].clear()
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
