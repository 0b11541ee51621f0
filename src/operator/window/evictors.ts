// Evictors: which records of a window are thrown away before or after its function sees them. Pure functions over the window's records;
// a window with an evictor keeps every record. Names and rules are Flink's.

import { PlanError } from '../../base/errors.ts'
import { requireDurationMs } from './duration.ts'
import type { Window } from './window.ts'

/** A record kept in a window, with its timestamp in epoch ms (-Infinity without one). */
export interface TimestampedValue<T> {
  readonly value: T
  readonly timestamp: number
}

/** What an evictor may look at beside the records. */
export interface EvictorContext {
  /** Processing time in epoch ms. */
  currentProcessingTime(): number
  /** Epoch ms; -Infinity before the first watermark. */
  currentWatermark(): number
}

/**
 * Throws records of a window away. Called by the operator on the worker's thread, at each firing, with all records of the window in the
 * order of arrival (where windows have merged, one's behind another's); what it returns stays, in the same order. What is gone is gone from the window's state too.
 */
export interface Evictor<T = never, W extends Window = never> {
  /** Before the window function is called. Returns `elements` itself to evict nothing. */
  evictBefore(elements: readonly TimestampedValue<T>[], window: W, context: EvictorContext): readonly TimestampedValue<T>[]
  /** After the window function was called with what {@link evictBefore} has left. */
  evictAfter(elements: readonly TimestampedValue<T>[], window: W, context: EvictorContext): readonly TimestampedValue<T>[]
}

/** The part that the ready-made evictors share: they evict either before or after. */
abstract class EitherSideEvictor<T> implements Evictor<T, Window> {
  readonly doEvictAfter: boolean

  constructor(doEvictAfter: boolean) {
    this.doEvictAfter = doEvictAfter
  }

  evictBefore(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[] {
    return this.doEvictAfter ? elements : this.evict(elements)
  }

  evictAfter(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[] {
    return this.doEvictAfter ? this.evict(elements) : elements
  }

  protected abstract evict(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[]
}

/** Keeps the last `maxCount` records. */
export class CountEvictor<T> extends EitherSideEvictor<T> {
  readonly maxCount: number

  private constructor(maxCount: number, doEvictAfter: boolean) {
    super(doEvictAfter)
    if (!Number.isSafeInteger(maxCount) || maxCount < 0)
      throw new PlanError('INVALID_EVICTOR', `Cannot make a CountEvictor that keeps ${maxCount} records: the count must be an integer of 0 or more`)
    this.maxCount = maxCount
  }

  static of<T = unknown>(maxCount: number, doEvictAfter: boolean = false): CountEvictor<T> {
    return new CountEvictor(maxCount, doEvictAfter)
  }

  protected evict(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[] {
    return elements.length <= this.maxCount ? elements : elements.slice(elements.length - this.maxCount)
  }
}

/** Keeps the records whose distance to the last one is below the threshold. */
export class DeltaEvictor<T> extends EitherSideEvictor<T> {
  readonly threshold: number
  readonly #delta: (from: T, to: T) => number

  private constructor(threshold: number, delta: (from: T, to: T) => number, doEvictAfter: boolean) {
    super(doEvictAfter)
    this.threshold = threshold
    this.#delta = delta
  }

  /** @param delta The distance of an older record to the last one of the window. */
  static of<T>(threshold: number, delta: (from: T, to: T) => number, doEvictAfter: boolean = false): DeltaEvictor<T> {
    return new DeltaEvictor(threshold, delta, doEvictAfter)
  }

  protected evict(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[] {
    const last = elements.at(-1)
    return last === undefined ? elements : elements.filter((element) => this.#delta(element.value, last.value) < this.threshold)
  }
}

/** Keeps the records that are less than a span older than the newest one; everything, if records carry no timestamps. */
export class TimeEvictor<T> extends EitherSideEvictor<T> {
  readonly windowSizeMs: number

  private constructor(windowSizeMs: number, doEvictAfter: boolean) {
    super(doEvictAfter)
    this.windowSizeMs = requireDurationMs('the span of a TimeEvictor', windowSizeMs)
  }

  static of<T = unknown>(windowSizeMs: number, doEvictAfter: boolean = false): TimeEvictor<T> {
    return new TimeEvictor(windowSizeMs, doEvictAfter)
  }

  protected evict(elements: readonly TimestampedValue<T>[]): readonly TimestampedValue<T>[] {
    if (elements.length === 0 || elements[0].timestamp === -Infinity) return elements
    let newest = -Infinity
    for (const { timestamp } of elements) newest = Math.max(newest, timestamp)
    return elements.filter((element) => element.timestamp > newest - this.windowSizeMs)
  }
}
