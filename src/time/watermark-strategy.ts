// How event timestamps and watermarks come about: the strategy that a user declares on a source or a stream. Descriptions only; the operator
// that follows one is operator/basic/watermark-operator.ts.

import { PlanError } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'

/** Takes the event timestamp out of a record: epoch milliseconds. */
export type TimestampAssigner<R> = (record: R, recordTimestampMs: number) => number

/** A user's own watermark generator. One instance per split. */
export interface WatermarkGenerator<R> {
  /** Called for every record. Returns the new watermark in epoch ms, or undefined to leave it. */
  onEvent(record: R, timestampMs: number): number | undefined
  /**
   * Called when a batch has ended: the place to return a watermark now and then instead of for every record. How the input is cut into batches is
   * up to the engine and changes from run to run: so does, then, which records are late and when windows fire. Where answers must not, return
   * watermarks from {@link onEvent}.
   */
  onBatchEnd?(): number | undefined
  /**
   * Called as often as `pipeline.auto-watermark-interval` says, records or none, but not while the stream is idle: the place for watermarks that
   * follow the clock.
   *
   * @param processingTimeMs Now, in epoch ms.
   */
  onPeriodicEmit?(processingTimeMs: number): number | undefined
}

/** Which event timestamps are believed, see {@link WatermarkStrategy.withTimestampLimits}. */
export interface TimestampLimits {
  /**
   * How far a timestamp may lie ahead of the clock of the machine, in milliseconds.
   * @default 24 hours
   */
  readonly maxFutureMs?: number
  /**
   * The earliest timestamp, in epoch milliseconds.
   * @default 1870-01-01 00:00:00
   */
  readonly minMs?: number
  /**
   * What happens to a record outside: `fail`, the job fails; `skip`, it is left out and counted as a bad record (counter `outlyingTimestamps`),
   * and the first one is told in the log.
   * @default 'fail'
   */
  readonly onOutside?: 'fail' | 'skip'
}

const LIMIT_KEYS: OptionKeys<TimestampLimits> = { maxFutureMs: true, minMs: true, onOutside: true }

const MAX_FUTURE_MS_DEFAULT = 24 * 3_600_000
const MIN_MS_DEFAULT = Date.UTC(1870, 0, 1)

/** The frozen form of a strategy. */
export interface WatermarkStrategySpec {
  readonly generator:
    | { readonly kind: 'none' }
    /** Watermark = largest timestamp - boundMs - 1. */
    | { readonly kind: 'bounded'; readonly boundMs: number }
    | { readonly kind: 'custom'; readonly create: () => WatermarkGenerator<never> }
  /** `record`: what the source gives (broker time), or what an earlier strategy assigned. */
  readonly timestamps:
    | { readonly kind: 'record' }
    | { readonly kind: 'ingestion' }
    | { readonly kind: 'column'; readonly name: string }
    | { readonly kind: 'function'; readonly assign: TimestampAssigner<never> }
  /** Idle after this long without a record, in ms of processing time; undefined = never. */
  readonly idlenessMs: number | undefined
  readonly alignment: { readonly group: string; readonly maxDriftMs: number } | undefined
  /** Undefined: every timestamp is believed. */
  readonly limits: Required<TimestampLimits> | undefined
}

/** Names of the columns that can hold event time, by the strategy and not its records, so that a strategy of any records is one of each. */
export type TimestampColumn<S> =
  S extends WatermarkStrategy<infer R> ? { [K in keyof R & string]: R[K] extends number | bigint | null ? K : never }[keyof R & string] : never

/**
 * A watermark strategy, built as in Flink.
 *
 * @typeParam R The record type. @typeParam Needed `string` if it takes timestamps from a column.
 * @example
 * const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Bid>(4_000).withTimestampAssigner('dateTime').withIdleness(60_000)
 */
export class WatermarkStrategy<R = unknown, Needed = unknown> {
  declare protected readonly needed: Needed
  readonly spec: WatermarkStrategySpec

  private constructor(spec: WatermarkStrategySpec) {
    this.spec = Object.freeze(spec)
  }

  static #of<R>(generator: WatermarkStrategySpec['generator']): WatermarkStrategy<R> {
    return new WatermarkStrategy({ generator, timestamps: { kind: 'record' }, idlenessMs: undefined, alignment: undefined, limits: undefined })
  }

  /** For timestamps that never fall within a split: the watermark follows 1 ms behind the largest. */
  static forMonotonousTimestamps<R>(): WatermarkStrategy<R> {
    return WatermarkStrategy.#of({ kind: 'bounded', boundMs: 0 })
  }

  /**
   * For records that come at most `boundMs` milliseconds out of order: the watermark is the largest timestamp - `boundMs` - 1.
   *
   * @throws {PlanError} If `boundMs` is negative or not finite.
   */
  static forBoundedOutOfOrderness<R>(boundMs: number): WatermarkStrategy<R> {
    return WatermarkStrategy.#of({ kind: 'bounded', boundMs: duration('an out-of-orderness', boundMs, 0) })
  }

  /** For watermarks that the records tell themselves (punctuated), or any other rule. `create` is called once per split. */
  static forGenerator<R>(create: () => WatermarkGenerator<R>): WatermarkStrategy<R> {
    return WatermarkStrategy.#of({ kind: 'custom', create: create })
  }

  /** Timestamps without watermarks: event time stands still until the end of the input. */
  static noWatermarks<R>(): WatermarkStrategy<R> {
    return WatermarkStrategy.#of({ kind: 'none' })
  }

  /** Event time is the time at which the record enters the engine. */
  static forIngestionTime<R>(): WatermarkStrategy<R> {
    return new WatermarkStrategy({
      generator: { kind: 'bounded', boundMs: 0 },
      timestamps: { kind: 'ingestion' },
      idlenessMs: undefined,
      alignment: undefined,
      limits: undefined,
    })
  }

  /** Where the timestamp is: a column (TIMESTAMP, TIMESTAMP_LTZ, or BIGINT epoch ms), or a function of the record. Without it: those that the records have. */
  withTimestampAssigner<S = WatermarkStrategy<R>>(this: S, column: TimestampColumn<S>): WatermarkStrategy<R, string>
  withTimestampAssigner<S = WatermarkStrategy<R>>(this: S, assigner: TimestampColumn<S> | TimestampAssigner<R>): WatermarkStrategy<R>
  withTimestampAssigner(assigner: string | TimestampAssigner<R>): WatermarkStrategy<R> {
    const timestamps: WatermarkStrategySpec['timestamps'] =
      typeof assigner === 'string' ? { kind: 'column', name: assigner } : { kind: 'function', assign: assigner }
    return new WatermarkStrategy({ ...this.spec, timestamps })
  }

  /**
   * After `timeoutMs` without a record the stream counts as idle: nobody waits for its watermark any more. Time for which alignment or
   * backpressure keeps its records back does not count.
   */
  withIdleness(timeoutMs: number): WatermarkStrategy<R, Needed> {
    return new WatermarkStrategy({ ...this.spec, idlenessMs: duration('an idleness timeout', timeoutMs, 1) })
  }

  /**
   * Does not believe timestamps that lie too far in the future or the past. Without it one record from the year 2999 moves the watermark there, and
   * every record behind it is late. The clock is looked at once a batch. Not on by default: input that was made up or shifted has its own time.
   *
   * @throws {PlanError} `INVALID_OPTION`, `INVALID_DURATION`
   */
  withTimestampLimits(limits: TimestampLimits = {}): WatermarkStrategy<R, Needed> {
    refuseUnknownOptions('use timestamp limits', limits, LIMIT_KEYS)
    const { maxFutureMs = MAX_FUTURE_MS_DEFAULT, minMs = MIN_MS_DEFAULT, onOutside = 'fail' } = limits
    if (!Number.isFinite(minMs)) throw new PlanError('INVALID_OPTION', `Cannot use timestamp limits: minMs must be a finite number, not ${minMs}`)
    if (onOutside !== 'fail' && onOutside !== 'skip')
      throw new PlanError('INVALID_OPTION', `Cannot use timestamp limits: onOutside must be fail or skip, not ${JSON.stringify(onOutside)}`)
    return new WatermarkStrategy({ ...this.spec, limits: { maxFutureMs: duration('a future', maxFutureMs, 0), minMs, onOutside } })
  }

  /**
   * Sources of one group pause when they are more than `maxDriftMs` of event time ahead of the slowest, wherever behind them the watermarks
   * are generated. A source belongs to one group at most.
   *
   * It is decided in front of each batch, not of each record: a source may be ahead by the drift and the batch that passes it
   * (`millrace.batch.rows-max` records, less where fewer are there), and by what lies in channels if an exchange stands between it and its watermarks.
   */
  withWatermarkAlignment(group: string, maxDriftMs: number): WatermarkStrategy<R, Needed> {
    return new WatermarkStrategy({ ...this.spec, alignment: { group, maxDriftMs: duration('a drift', maxDriftMs, 0) } })
  }
}

function duration(what: string, ms: number, min: number): number {
  if (!Number.isFinite(ms) || ms < min) throw new PlanError('INVALID_DURATION', `Cannot use ${what} of ${ms} ms: it must be a finite number of at least ${min}`)
  return ms
}
