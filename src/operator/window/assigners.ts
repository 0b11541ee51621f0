// Window assigners: which windows a record belongs to. Pure functions of the record, its timestamp and (for processing time) the clock; one
// instance may serve several operators of one thread. Names and rules are Flink's.

import { PlanError, UserFunctionError } from '../../base/errors.ts'
import { freshSeed, Random } from '../../base/random.ts'
import { requireDurationMs } from './duration.ts'
import { EventTimeTrigger, NeverTrigger, ProcessingTimeTrigger, type Trigger } from './triggers.ts'
import { GlobalWindow, TimeWindow, type Window, type WindowSerializer } from './window.ts'

/** What an assigner may look at beside the record. */
export interface WindowAssignerContext {
  /** Processing time in epoch ms. */
  currentProcessingTime(): number
}

/**
 * Assigns records to windows.
 *
 * The operator calls {@link assignWindows} once a record, on the worker's thread. Assigners are deterministic: nothing they keep may change
 * an answer (a cache may).
 */
export interface WindowAssigner<T = never, W extends Window = Window> {
  /**
   * The windows that the record belongs to; none is allowed. The array is read before the next call and never changed, so it may be reused.
   *
   * @param element Valid during the call.
   * @param timestamp Epoch ms; -Infinity if the record carries none.
   */
  assignWindows(element: T, timestamp: number, context: WindowAssignerContext): readonly W[]
  /** The trigger used unless the user sets one. */
  getDefaultTrigger(): Trigger<T, W>
  getWindowSerializer(): WindowSerializer<W>
  /** Whether windows end in event time (lateness applies) or in processing time. */
  isEventTime(): boolean
}

/** An assigner whose windows may merge as records arrive: sessions. */
export interface MergingWindowAssigner<T = never, W extends Window = Window> extends WindowAssigner<T, W> {
  /**
   * Decides which of `windows` merge. Calls `merge` once for every group of two or more; groups are disjoint.
   *
   * @param windows All windows in flight of one key and the new one, in no order, without duplicates.
   */
  mergeWindows(windows: readonly W[], merge: (merged: readonly W[], result: W) => void): void
}

/** Whether an assigner merges its windows. */
export function isMergingAssigner<T, W extends Window>(assigner: WindowAssigner<T, W>): assigner is MergingWindowAssigner<T, W> {
  return 'mergeWindows' in assigner
}

/** Returns the gap of the session that the record opens, in ms, above 0. */
export type SessionWindowTimeGapExtractor<T> = (element: T) => number

function requireTimestamp(timestamp: number): void {
  if (timestamp === -Infinity)
    throw new UserFunctionError('NO_TIMESTAMP', 'Cannot assign a record to an event-time window: it carries no timestamp', {
      hint: 'Call assignTimestampsAndWatermarks(...) in front of the window, or use processing-time windows.',
    })
}

function offsetError(name: string, rule: string, values: string): PlanError {
  return new PlanError('INVALID_WINDOW', `Cannot make ${name} with ${values}: the parameters must satisfy ${rule}`)
}

/** By how much the windows of a subtask are shifted, so that not all subtasks fire at once. Chosen when its first record comes. */
export const WindowStagger = {
  /** Not at all. */
  ALIGNED: 'ALIGNED',
  /** By chance, less than the size. */
  RANDOM: 'RANDOM',
  /** By the processing time at which the first record comes, within a window of it. */
  NATURAL: 'NATURAL',
} as const
export type WindowStagger = (typeof WindowStagger)[keyof typeof WindowStagger]

function staggerMs(stagger: WindowStagger, nowMs: number, sizeMs: number): number {
  switch (stagger) {
    case 'ALIGNED':
      return 0
    case 'RANDOM':
      return new Random(freshSeed()).integer(sizeMs)
    case 'NATURAL':
      return Math.max(0, nowMs - TimeWindow.startWithOffset(nowMs, 0, sizeMs))
  }
}

/** What tumbling windows of both times have in common: every record in exactly one window. */
abstract class TumblingWindows {
  readonly sizeMs: number
  readonly offsetMs: number
  readonly stagger: WindowStagger
  #shiftMs = NaN
  // Records of one window come together: the last answer is usually the next one.
  #last: readonly TimeWindow[] = []
  #start = NaN

  protected constructor(name: string, sizeMs: number, offsetMs: number, stagger: WindowStagger) {
    requireDurationMs('a window size', sizeMs)
    requireDurationMs('a window offset', offsetMs)
    if (sizeMs <= 0 || Math.abs(offsetMs) >= sizeMs) throw offsetError(name, 'size > 0 and abs(offset) < size', `size=${sizeMs} ms, offset=${offsetMs} ms`)
    this.sizeMs = sizeMs
    this.offsetMs = offsetMs
    this.stagger = stagger
  }

  protected windowsAt(timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    // Of the subtask, and lost with it: windows that a restore brings back keep their own bounds.
    if (Number.isNaN(this.#shiftMs)) this.#shiftMs = (this.offsetMs + staggerMs(this.stagger, context.currentProcessingTime(), this.sizeMs)) % this.sizeMs
    const start = TimeWindow.startWithOffset(timestamp, this.#shiftMs, this.sizeMs)
    if (start !== this.#start) {
      this.#start = start
      this.#last = [new TimeWindow(start, start + this.sizeMs)]
    }
    return this.#last
  }

  getWindowSerializer(): WindowSerializer<TimeWindow> {
    return TimeWindow.serializer
  }
}

/** Windows of a fixed size in event time, side by side. */
export class TumblingEventTimeWindows extends TumblingWindows implements WindowAssigner<unknown, TimeWindow> {
  /**
   * @param sizeMs Above 0.
   * @param offsetMs Shifts all windows; smaller than the size. Windows of days in UTC+8: `of(days(1), hours(-8))`.
   * @param stagger Shifts those of each subtask further; the same in whatever order the subtask's records come.
   */
  static of(sizeMs: number, offsetMs: number = 0, stagger: WindowStagger = WindowStagger.ALIGNED): TumblingEventTimeWindows {
    return new TumblingEventTimeWindows('TumblingEventTimeWindows', sizeMs, offsetMs, stagger)
  }

  assignWindows(_element: unknown, timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    requireTimestamp(timestamp)
    return this.windowsAt(timestamp, context)
  }

  getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return EventTimeTrigger.create()
  }

  isEventTime(): boolean {
    return true
  }

  override toString(): string {
    return `TumblingEventTimeWindows(${this.sizeMs})`
  }
}

/** Windows of a fixed size in processing time, side by side. */
export class TumblingProcessingTimeWindows extends TumblingWindows implements WindowAssigner<unknown, TimeWindow> {
  /** @see TumblingEventTimeWindows.of */
  static of(sizeMs: number, offsetMs: number = 0, stagger: WindowStagger = WindowStagger.ALIGNED): TumblingProcessingTimeWindows {
    return new TumblingProcessingTimeWindows('TumblingProcessingTimeWindows', sizeMs, offsetMs, stagger)
  }

  assignWindows(_element: unknown, _timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    return this.windowsAt(context.currentProcessingTime(), context)
  }

  getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return ProcessingTimeTrigger.create()
  }

  isEventTime(): boolean {
    return false
  }

  override toString(): string {
    return `TumblingProcessingTimeWindows(${this.sizeMs})`
  }
}

/** What sliding windows of both times have in common: latest window first, as in Flink. */
abstract class SlidingWindows {
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
  #last: readonly TimeWindow[] = []
  // The last answer holds for timestamps in this range.
  #from = NaN
  #to = NaN

  protected constructor(name: string, sizeMs: number, slideMs: number, offsetMs: number) {
    requireDurationMs('a window size', sizeMs)
    requireDurationMs('a window slide', slideMs)
    requireDurationMs('a window offset', offsetMs)
    if (sizeMs <= 0 || slideMs <= 0 || Math.abs(offsetMs) >= slideMs)
      throw offsetError(name, 'size > 0 and abs(offset) < slide', `size=${sizeMs} ms, slide=${slideMs} ms, offset=${offsetMs} ms`)
    this.sizeMs = sizeMs
    this.slideMs = slideMs
    this.offsetMs = offsetMs
  }

  protected windowsAt(timestamp: number): readonly TimeWindow[] {
    if (timestamp >= this.#from && timestamp < this.#to) return this.#last
    const { sizeMs, slideMs } = this
    const lastStart = TimeWindow.startWithOffset(timestamp, this.offsetMs, slideMs)
    const windows: TimeWindow[] = []
    for (let start = lastStart; start > timestamp - sizeMs; start -= slideMs) windows.push(new TimeWindow(start, start + sizeMs))
    // The answer changes where a window begins, or where the oldest ends (between two begins, if the slide does not divide the size).
    const oldest = windows.at(-1)
    this.#from = windows.length === 0 ? timestamp : Math.max(lastStart, oldest!.end - slideMs)
    this.#to = windows.length === 0 ? timestamp : Math.min(lastStart + slideMs, oldest!.end)
    this.#last = windows
    return windows
  }

  getWindowSerializer(): WindowSerializer<TimeWindow> {
    return TimeWindow.serializer
  }
}

/**
 * Windows of a fixed size in event time, one beginning every slide. A slide above the size leaves gaps: records in them are in no window and only
 * counted (`recordsInNoWindow`).
 */
export class SlidingEventTimeWindows extends SlidingWindows implements WindowAssigner<unknown, TimeWindow> {
  /** @param offsetMs Shifts all windows; smaller than the slide. */
  static of(sizeMs: number, slideMs: number, offsetMs: number = 0): SlidingEventTimeWindows {
    return new SlidingEventTimeWindows('SlidingEventTimeWindows', sizeMs, slideMs, offsetMs)
  }

  assignWindows(_element: unknown, timestamp: number): readonly TimeWindow[] {
    requireTimestamp(timestamp)
    return this.windowsAt(timestamp)
  }

  getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return EventTimeTrigger.create()
  }

  isEventTime(): boolean {
    return true
  }

  override toString(): string {
    return `SlidingEventTimeWindows(${this.sizeMs}, ${this.slideMs})`
  }
}

/** Windows of a fixed size in processing time, one beginning every slide. */
export class SlidingProcessingTimeWindows extends SlidingWindows implements WindowAssigner<unknown, TimeWindow> {
  /** @see SlidingEventTimeWindows.of */
  static of(sizeMs: number, slideMs: number, offsetMs: number = 0): SlidingProcessingTimeWindows {
    return new SlidingProcessingTimeWindows('SlidingProcessingTimeWindows', sizeMs, slideMs, offsetMs)
  }

  assignWindows(_element: unknown, _timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    return this.windowsAt(context.currentProcessingTime())
  }

  getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return ProcessingTimeTrigger.create()
  }

  isEventTime(): boolean {
    return false
  }

  override toString(): string {
    return `SlidingProcessingTimeWindows(${this.sizeMs}, ${this.slideMs})`
  }
}

/**
 * Windows that grow by a step up to a maximal size and start again: for a size S and a step s, [0, s), [0, 2 s) .. [0, S), [S, S + s) ..
 * A record belongs to every one that ends behind it.
 */
export class CumulativeEventTimeWindows implements WindowAssigner<unknown, TimeWindow> {
  readonly maxSizeMs: number
  readonly stepMs: number
  readonly offsetMs: number
  #last: readonly TimeWindow[] = []
  #from = NaN
  #to = NaN

  private constructor(maxSizeMs: number, stepMs: number, offsetMs: number) {
    requireDurationMs('a window size', maxSizeMs)
    requireDurationMs('a window step', stepMs)
    requireDurationMs('a window offset', offsetMs)
    const values = `size=${maxSizeMs} ms, step=${stepMs} ms, offset=${offsetMs} ms`
    if (maxSizeMs <= 0 || stepMs <= 0 || Math.abs(offsetMs) >= maxSizeMs)
      throw offsetError('CumulativeEventTimeWindows', 'size > 0, step > 0 and abs(offset) < size', values)
    if (maxSizeMs % stepMs !== 0) throw offsetError('CumulativeEventTimeWindows', 'size is an integral multiple of step', values)
    this.maxSizeMs = maxSizeMs
    this.stepMs = stepMs
    this.offsetMs = offsetMs
  }

  /**
   * @param maxSizeMs Size of the largest window, a multiple of the step.
   * @param stepMs By how much each window is longer than the one before.
   * @param offsetMs Shifts all windows; smaller than the largest size.
   */
  static of(maxSizeMs: number, stepMs: number, offsetMs: number = 0): CumulativeEventTimeWindows {
    return new CumulativeEventTimeWindows(maxSizeMs, stepMs, offsetMs)
  }

  assignWindows(_element: unknown, timestamp: number): readonly TimeWindow[] {
    requireTimestamp(timestamp)
    if (timestamp >= this.#from && timestamp < this.#to) return this.#last
    const { maxSizeMs, stepMs } = this
    const start = TimeWindow.startWithOffset(timestamp, this.offsetMs, maxSizeMs)
    const firstEnd = TimeWindow.startWithOffset(timestamp, this.offsetMs, stepMs) + stepMs
    const windows: TimeWindow[] = []
    for (let end = firstEnd; end <= start + maxSizeMs; end += stepMs) windows.push(new TimeWindow(start, end))
    this.#from = firstEnd - stepMs
    this.#to = firstEnd
    this.#last = windows
    return windows
  }

  getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return EventTimeTrigger.create()
  }

  getWindowSerializer(): WindowSerializer<TimeWindow> {
    return TimeWindow.serializer
  }

  isEventTime(): boolean {
    return true
  }

  toString(): string {
    return `CumulativeEventTimeWindows(${this.maxSizeMs}, ${this.stepMs})`
  }
}

/** Sessions of both times: a record opens [t, t + gap), windows that overlap or touch merge. */
abstract class SessionWindows<T> {
  readonly #gap: number | SessionWindowTimeGapExtractor<T>

  protected constructor(name: string, gap: number | SessionWindowTimeGapExtractor<T>) {
    if (typeof gap === 'number' && requireDurationMs('a session gap', gap) <= 0) throw offsetError(name, '0 < gap', `gap=${gap} ms`)
    this.#gap = gap
  }

  protected sessionAt(element: T, timestamp: number): readonly TimeWindow[] {
    const gap = this.#gap
    if (typeof gap === 'number') return [new TimeWindow(timestamp, timestamp + gap)]
    const dynamic = gap(element)
    if (!(dynamic > 0) || !Number.isSafeInteger(dynamic))
      throw new UserFunctionError(
        'INVALID_SESSION_GAP',
        `Cannot open a session with a gap of ${String(dynamic)} ms: a dynamic session gap must satisfy 0 < gap and be a whole number`,
      )
    return [new TimeWindow(timestamp, timestamp + dynamic)]
  }

  mergeWindows(windows: readonly TimeWindow[], merge: (merged: readonly TimeWindow[], result: TimeWindow) => void): void {
    mergeTimeWindows(windows, merge)
  }

  getWindowSerializer(): WindowSerializer<TimeWindow> {
    return TimeWindow.serializer
  }

  protected describe(name: string): string {
    return `${name}(${typeof this.#gap === 'number' ? this.#gap : 'dynamic'})`
  }
}

/** Sessions in event time. */
export class EventTimeSessionWindows<T = unknown> extends SessionWindows<T> implements MergingWindowAssigner<T, TimeWindow> {
  /** Sessions of records at most `gapMs` apart: two records exactly `gapMs` apart are in one session. */
  static withGap(gapMs: number): EventTimeSessionWindows {
    return new EventTimeSessionWindows('EventTimeSessionWindows', gapMs)
  }

  /** Sessions whose gap each record decides for itself. */
  static withDynamicGap<T>(gapOf: SessionWindowTimeGapExtractor<T>): EventTimeSessionWindows<T> {
    return new EventTimeSessionWindows('EventTimeSessionWindows', gapOf)
  }

  assignWindows(element: T, timestamp: number): readonly TimeWindow[] {
    requireTimestamp(timestamp)
    return this.sessionAt(element, timestamp)
  }

  getDefaultTrigger(): Trigger<T, TimeWindow> {
    return EventTimeTrigger.create()
  }

  isEventTime(): boolean {
    return true
  }

  override toString(): string {
    return this.describe('EventTimeSessionWindows')
  }
}

/** Sessions in processing time. */
export class ProcessingTimeSessionWindows<T = unknown> extends SessionWindows<T> implements MergingWindowAssigner<T, TimeWindow> {
  /** @see EventTimeSessionWindows.withGap */
  static withGap(gapMs: number): ProcessingTimeSessionWindows {
    return new ProcessingTimeSessionWindows('ProcessingTimeSessionWindows', gapMs)
  }

  /** @see EventTimeSessionWindows.withDynamicGap */
  static withDynamicGap<T>(gapOf: SessionWindowTimeGapExtractor<T>): ProcessingTimeSessionWindows<T> {
    return new ProcessingTimeSessionWindows('ProcessingTimeSessionWindows', gapOf)
  }

  assignWindows(element: T, _timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    return this.sessionAt(element, context.currentProcessingTime())
  }

  getDefaultTrigger(): Trigger<T, TimeWindow> {
    return ProcessingTimeTrigger.create()
  }

  isEventTime(): boolean {
    return false
  }

  override toString(): string {
    return this.describe('ProcessingTimeSessionWindows')
  }
}

const GLOBAL_WINDOWS: readonly GlobalWindow[] = [GlobalWindow.INSTANCE]

/** One window for everything: useful with a trigger of one's own, since the default never fires. */
export class GlobalWindows implements WindowAssigner<unknown, GlobalWindow> {
  readonly #defaultTrigger: Trigger<unknown, GlobalWindow>

  private constructor(defaultTrigger: Trigger<unknown, GlobalWindow>) {
    this.#defaultTrigger = defaultTrigger
  }

  static create(): GlobalWindows {
    return new GlobalWindows(NeverTrigger.create())
  }

  /** Fires once, when the bounded input has ended. */
  static createWithEndOfStreamTrigger(): GlobalWindows {
    return new GlobalWindows(EventTimeTrigger.create())
  }

  assignWindows(): readonly GlobalWindow[] {
    return GLOBAL_WINDOWS
  }

  getDefaultTrigger(): Trigger<unknown, GlobalWindow> {
    return this.#defaultTrigger
  }

  getWindowSerializer(): WindowSerializer<GlobalWindow> {
    return GlobalWindow.serializer
  }

  isEventTime(): boolean {
    return true
  }

  toString(): string {
    return 'GlobalWindows()'
  }
}

/** Merges time windows that overlap or touch, for assigners of sessions. */
export function mergeTimeWindows(windows: readonly TimeWindow[], merge: (merged: readonly TimeWindow[], result: TimeWindow) => void): void {
  const sorted = [...windows].sort((left, right) => left.start - right.start)
  let group: TimeWindow[] = []
  let cover: TimeWindow | undefined
  const flush = (): void => {
    if (group.length > 1) merge(group, cover!)
  }
  for (const window of sorted) {
    if (cover !== undefined && cover.intersects(window)) {
      group.push(window)
      cover = cover.cover(window)
    } else {
      flush()
      group = [window]
      cover = window
    }
  }
  flush()
}
