// Triggers: when a window is evaluated. A trigger holds no data of its own: what it remembers is state of the key and the window, so one
// instance serves all windows. Called by the window operator on its thread. Names and rules are Flink's.

import { PlanError } from '../../base/errors.ts'
import { t } from '../../batch/types.ts'
import {
  type ListStateDescriptor,
  type ReducingState,
  type ReducingStateDescriptor,
  reducingState,
  type StateDescriptor,
  type StateStore,
  type ValueState,
  valueState,
} from '../../state/state.ts'
import { requireDurationMs } from './duration.ts'
import type { GlobalWindow } from './window.ts'
import { TimeWindow, type Window } from './window.ts'

/** What happens to a window. The two bits are independent: FIRE = 1, PURGE = 2. */
export const TriggerResult = {
  /** Nothing. */
  CONTINUE: 0,
  /** The window's function is called; its contents stay. */
  FIRE: 1,
  /** The contents are cleared without a call. */
  PURGE: 2,
  FIRE_AND_PURGE: 3,
} as const
export type TriggerResult = (typeof TriggerResult)[keyof typeof TriggerResult]

/** Whether a trigger works with windows that merge. */
export function canMerge(trigger: Trigger<never, never>): boolean {
  return trigger.canMerge?.() ?? trigger.onMerge !== undefined
}

/** Whether the function is called. */
export function isFire(result: TriggerResult): boolean {
  return (result & TriggerResult.FIRE) !== 0
}

/** Whether the contents are cleared. */
export function isPurge(result: TriggerResult): boolean {
  return (result & TriggerResult.PURGE) !== 0
}

/** What a trigger works with: the state and the timers of the current key and window. */
export interface TriggerContext {
  currentProcessingTime(): number
  /** Epoch ms; -Infinity before the first watermark. */
  currentWatermark(): number
  /** {@link Trigger.onEventTime} is called once the watermark has reached `timeMs`. The same time twice is one timer. */
  registerEventTimeTimer(timeMs: number): void
  registerProcessingTimeTimer(timeMs: number): void
  deleteEventTimeTimer(timeMs: number): void
  deleteProcessingTimeTimer(timeMs: number): void
  /** State of the current key and window; the names are the trigger's own. */
  readonly getPartitionedState: StateStore['getState']
}

/** What a trigger works with while windows merge. */
export interface OnMergeContext extends TriggerContext {
  /** Adds up the state of the windows that merged in that of the result. */
  mergePartitionedState<T>(descriptor: ReducingStateDescriptor<T> | ListStateDescriptor<T>): void
}

/** A state descriptor of any type. */
export type TriggerState = Pick<StateDescriptor, 'kind' | 'name'>

/**
 * Decides when a window is evaluated.
 *
 * The operator calls {@link onElement} after each record was added to a window, {@link onEventTime} and {@link onProcessingTime} for timers that
 * the trigger registered (and once for the end of the window's life), {@link onMerge} when windows become one, and {@link clear} when a window
 * is dropped.
 */
export interface Trigger<T = never, W extends Window = never> {
  /** The states it asks its context for: named here, they lie beside their window and are faster. */
  readonly states?: readonly TriggerState[]
  onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult
  onProcessingTime(timeMs: number, window: W, context: TriggerContext): TriggerResult
  onEventTime(timeMs: number, window: W, context: TriggerContext): TriggerResult
  /** Whether it works with windows that merge. @default whether there is an {@link onMerge} */
  canMerge?(): boolean
  /** `window` is the result; the timers of the windows that merged are gone unless {@link clear} leaves them, in which case they are ignored. */
  onMerge?(window: W, context: OnMergeContext): void
  /** Removes everything the trigger holds for the window: state and timers. */
  clear(window: W, context: TriggerContext): void
}

/** Fires once the watermark passes the end of the window, and for each late record that is still allowed. */
export class EventTimeTrigger implements Trigger<unknown, Window> {
  static readonly #instance = new EventTimeTrigger()

  private constructor() {}

  static create(): EventTimeTrigger {
    return EventTimeTrigger.#instance
  }

  onElement(_element: unknown, _timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= context.currentWatermark()) return TriggerResult.FIRE
    context.registerEventTimeTimer(window.maxTimestamp())
    return TriggerResult.CONTINUE
  }

  onEventTime(timeMs: number, window: Window): TriggerResult {
    return timeMs === window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  canMerge(): boolean {
    return true
  }

  onMerge(window: Window, context: OnMergeContext): void {
    // Behind the watermark the next record fires the window; a timer would fire it twice.
    if (window.maxTimestamp() > context.currentWatermark()) context.registerEventTimeTimer(window.maxTimestamp())
  }

  clear(window: Window, context: TriggerContext): void {
    context.deleteEventTimeTimer(window.maxTimestamp())
  }

  toString(): string {
    return 'EventTimeTrigger()'
  }
}

/** Fires when processing time passes the end of the window. */
export class ProcessingTimeTrigger implements Trigger<unknown, Window> {
  static readonly #instance = new ProcessingTimeTrigger()

  private constructor() {}

  static create(): ProcessingTimeTrigger {
    return ProcessingTimeTrigger.#instance
  }

  onElement(_element: unknown, _timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    context.registerProcessingTimeTimer(window.maxTimestamp())
    return TriggerResult.CONTINUE
  }

  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.FIRE
  }

  canMerge(): boolean {
    return true
  }

  onMerge(window: Window, context: OnMergeContext): void {
    if (window.maxTimestamp() > context.currentProcessingTime()) context.registerProcessingTimeTimer(window.maxTimestamp())
  }

  clear(window: Window, context: TriggerContext): void {
    context.deleteProcessingTimeTimer(window.maxTimestamp())
  }

  toString(): string {
    return 'ProcessingTimeTrigger()'
  }
}

const add = (left: number, right: number): number => left + right
const earlier = (left: number, right: number): number => Math.min(left, right)

/** Fires at every `maxCount` records. */
export class CountTrigger implements Trigger<unknown, Window> {
  readonly maxCount: number
  readonly #count = reducingState('count', add, t.safeInt())
  readonly states: readonly TriggerState[] = [this.#count]

  private constructor(maxCount: number) {
    if (!Number.isSafeInteger(maxCount) || maxCount < 1)
      throw new PlanError('INVALID_TRIGGER', `Cannot make a CountTrigger of ${maxCount}: the count must be an integer of 1 or more`)
    this.maxCount = maxCount
  }

  static of(maxCount: number): CountTrigger {
    return new CountTrigger(maxCount)
  }

  onElement(_element: unknown, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    const count = context.getPartitionedState(this.#count)
    count.add(1)
    if (count.get()! < this.maxCount) return TriggerResult.CONTINUE
    count.clear()
    return TriggerResult.FIRE
  }

  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  canMerge(): boolean {
    return true
  }

  onMerge(_window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(this.#count)
  }

  clear(_window: Window, context: TriggerContext): void {
    context.getPartitionedState(this.#count).clear()
  }

  toString(): string {
    return `CountTrigger(${this.maxCount})`
  }
}

/** Turns every FIRE of another trigger into FIRE_AND_PURGE. */
export class PurgingTrigger<T, W extends Window> implements Trigger<T, W> {
  readonly nestedTrigger: Trigger<T, W>
  readonly states: readonly TriggerState[]

  private constructor(nestedTrigger: Trigger<T, W>) {
    this.nestedTrigger = nestedTrigger
    this.states = nestedTrigger.states ?? []
  }

  static of<T, W extends Window>(nestedTrigger: Trigger<T, W>): PurgingTrigger<T, W> {
    return new PurgingTrigger(nestedTrigger)
  }

  onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return purged(this.nestedTrigger.onElement(element, timestamp, window, context))
  }

  onEventTime(timeMs: number, window: W, context: TriggerContext): TriggerResult {
    return purged(this.nestedTrigger.onEventTime(timeMs, window, context))
  }

  onProcessingTime(timeMs: number, window: W, context: TriggerContext): TriggerResult {
    return purged(this.nestedTrigger.onProcessingTime(timeMs, window, context))
  }

  canMerge(): boolean {
    return canMerge(this.nestedTrigger)
  }

  onMerge(window: W, context: OnMergeContext): void {
    this.nestedTrigger.onMerge?.(window, context)
  }

  clear(window: W, context: TriggerContext): void {
    this.nestedTrigger.clear(window, context)
  }

  toString(): string {
    return 'PurgingTrigger()'
  }
}

function purged(result: TriggerResult): TriggerResult {
  return isFire(result) ? TriggerResult.FIRE_AND_PURGE : result
}

/** The next multiple of the interval behind `nowMs`, or the end of the window if that comes first. */
function nextFireMs(nowMs: number, intervalMs: number, window: Window): number {
  return Math.min(TimeWindow.startWithOffset(nowMs, 0, intervalMs) + intervalMs, window.maxTimestamp())
}

/** What the two continuous triggers share: the time of the next firing, the earliest of those of windows that merge. */
abstract class ContinuousTrigger {
  readonly intervalMs: number
  protected readonly fireTime = reducingState('fire-time', earlier, t.safeInt())
  readonly states: readonly TriggerState[] = [this.fireTime]

  protected constructor(name: string, intervalMs: number) {
    if (requireDurationMs(`the interval of a ${name}`, intervalMs) <= 0)
      throw new PlanError('INVALID_TRIGGER', `Cannot make a ${name} with an interval of ${intervalMs} ms: it must be above 0`)
    this.intervalMs = intervalMs
  }

  protected state(context: TriggerContext): ReducingState<number> {
    return context.getPartitionedState(this.fireTime)
  }

  canMerge(): boolean {
    return true
  }
}

/** Fires at every interval of event time (at its multiples) for windows that hold something, and at the end of the window. */
export class ContinuousEventTimeTrigger extends ContinuousTrigger implements Trigger<unknown, Window> {
  static of(intervalMs: number): ContinuousEventTimeTrigger {
    return new ContinuousEventTimeTrigger('ContinuousEventTimeTrigger', intervalMs)
  }

  onElement(_element: unknown, timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= context.currentWatermark()) return TriggerResult.FIRE
    if (window.maxTimestamp() !== Infinity) context.registerEventTimeTimer(window.maxTimestamp())
    const fireTime = this.state(context)
    if (fireTime.get() === null) this.#registerNext(nextFireMs(timestamp, this.intervalMs, window), context, fireTime)
    return TriggerResult.CONTINUE
  }

  onEventTime(timeMs: number, window: Window, context: TriggerContext): TriggerResult {
    if (timeMs === window.maxTimestamp()) return TriggerResult.FIRE
    const fireTime = this.state(context)
    if (fireTime.get() !== timeMs) return TriggerResult.CONTINUE
    fireTime.clear()
    this.#registerNext(Math.min(timeMs + this.intervalMs, window.maxTimestamp()), context, fireTime)
    return TriggerResult.FIRE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onMerge(window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(this.fireTime)
    const next = this.state(context).get()
    if (next !== null) context.registerEventTimeTimer(next)
    if (window.maxTimestamp() > context.currentWatermark() && window.maxTimestamp() !== Infinity) context.registerEventTimeTimer(window.maxTimestamp())
  }

  clear(window: Window, context: TriggerContext): void {
    const fireTime = this.state(context)
    const next = fireTime.get()
    if (next !== null) {
      context.deleteEventTimeTimer(next)
      fireTime.clear()
    }
    if (window.maxTimestamp() !== Infinity) context.deleteEventTimeTimer(window.maxTimestamp())
  }

  override toString(): string {
    return `ContinuousEventTimeTrigger(${this.intervalMs})`
  }

  #registerNext(timeMs: number, context: TriggerContext, fireTime: ReducingState<number>): void {
    fireTime.add(timeMs)
    context.registerEventTimeTimer(timeMs)
  }
}

/** Fires at every interval of processing time (at its multiples) for windows that hold something. */
export class ContinuousProcessingTimeTrigger extends ContinuousTrigger implements Trigger<unknown, Window> {
  static of(intervalMs: number): ContinuousProcessingTimeTrigger {
    return new ContinuousProcessingTimeTrigger('ContinuousProcessingTimeTrigger', intervalMs)
  }

  onElement(_element: unknown, _timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    const fireTime = this.state(context)
    if (fireTime.get() === null) this.#registerNext(nextFireMs(context.currentProcessingTime(), this.intervalMs, window), context, fireTime)
    return TriggerResult.CONTINUE
  }

  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onProcessingTime(timeMs: number, window: Window, context: TriggerContext): TriggerResult {
    const fireTime = this.state(context)
    if (fireTime.get() !== timeMs) return TriggerResult.CONTINUE
    fireTime.clear()
    const next = Math.min(timeMs + this.intervalMs, window.maxTimestamp())
    if (next > timeMs) this.#registerNext(next, context, fireTime)
    return TriggerResult.FIRE
  }

  onMerge(_window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(this.fireTime)
    const next = this.state(context).get()
    if (next !== null) context.registerProcessingTimeTimer(next)
  }

  clear(_window: Window, context: TriggerContext): void {
    const fireTime = this.state(context)
    const next = fireTime.get()
    if (next === null) return
    context.deleteProcessingTimeTimer(next)
    fireTime.clear()
  }

  override toString(): string {
    return `ContinuousProcessingTimeTrigger(${this.intervalMs})`
  }

  #registerNext(timeMs: number, context: TriggerContext, fireTime: ReducingState<number>): void {
    fireTime.add(timeMs)
    context.registerProcessingTimeTimer(timeMs)
  }
}

/** Fires when a record is further than a threshold from the one that fired last (or came first). Not for sessions. */
export class DeltaTrigger<T> implements Trigger<T, Window> {
  readonly threshold: number
  readonly #delta: (from: T, to: T) => number
  readonly #last = valueState<T>('last-element')
  readonly states: readonly TriggerState[] = [this.#last]

  private constructor(threshold: number, delta: (from: T, to: T) => number) {
    this.threshold = threshold
    this.#delta = delta
  }

  /** @param delta The distance of a record to the one that fired last. */
  static of<T>(threshold: number, delta: (from: T, to: T) => number): DeltaTrigger<T> {
    return new DeltaTrigger(threshold, delta)
  }

  onElement(element: T, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    const last = this.#state(context)
    const value = last.value()
    if (value === null) {
      last.update(keep(element))
      return TriggerResult.CONTINUE
    }
    if (!(this.#delta(value, element) > this.threshold)) return TriggerResult.CONTINUE
    last.update(keep(element))
    return TriggerResult.FIRE
  }

  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  canMerge(): boolean {
    return false
  }

  clear(_window: Window, context: TriggerContext): void {
    this.#state(context).clear()
  }

  toString(): string {
    return `DeltaTrigger(${this.threshold})`
  }

  #state(context: TriggerContext): ValueState<T> {
    return context.getPartitionedState(this.#last)
  }
}

/** A row is valid during the call only: its columns are copied. */
function keep<T>(element: T): T {
  const row = element as { toObject?: () => T }
  return typeof row === 'object' && row !== null && typeof row.toObject === 'function' ? row.toObject() : element
}

/**
 * Fires as another trigger says, and when processing time has moved on by a timeout since a window got its first record (or its last one).
 */
export class ProcessingTimeoutTrigger<T, W extends Window> implements Trigger<T, W> {
  readonly nestedTrigger: Trigger<T, W>
  readonly timeoutMs: number
  readonly resetTimerOnNewRecord: boolean
  readonly shouldClearOnTimeout: boolean
  readonly #timeout = valueState('timeout', t.safeInt())
  readonly states: readonly TriggerState[]

  private constructor(nestedTrigger: Trigger<T, W>, timeoutMs: number, resetTimerOnNewRecord: boolean, shouldClearOnTimeout: boolean) {
    if (requireDurationMs('the timeout of a ProcessingTimeoutTrigger', timeoutMs) <= 0)
      throw new PlanError('INVALID_TRIGGER', `Cannot make a ProcessingTimeoutTrigger with a timeout of ${timeoutMs} ms: it must be above 0`)
    this.nestedTrigger = nestedTrigger
    this.timeoutMs = timeoutMs
    this.resetTimerOnNewRecord = resetTimerOnNewRecord
    this.shouldClearOnTimeout = shouldClearOnTimeout
    this.states = [this.#timeout, ...(nestedTrigger.states ?? [])]
  }

  /**
   * @param timeoutMs Above 0.
   * @param resetTimerOnNewRecord Whether the timeout counts from the last record rather than the first.
   * @param shouldClearOnTimeout Whether a timeout clears what the trigger and the nested one remember.
   */
  static of<T, W extends Window>(
    nestedTrigger: Trigger<T, W>,
    timeoutMs: number,
    resetTimerOnNewRecord: boolean = false,
    shouldClearOnTimeout: boolean = true,
  ): ProcessingTimeoutTrigger<T, W> {
    return new ProcessingTimeoutTrigger(nestedTrigger, timeoutMs, resetTimerOnNewRecord, shouldClearOnTimeout)
  }

  onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult {
    const result = this.nestedTrigger.onElement(element, timestamp, window, context)
    if (isFire(result)) {
      this.clear(window, context)
      return result
    }
    const timeout = context.getPartitionedState(this.#timeout)
    const dueMs = timeout.value()
    if (dueMs !== null && !this.resetTimerOnNewRecord) return result
    if (dueMs !== null) context.deleteProcessingTimeTimer(dueMs)
    const nextMs = context.currentProcessingTime() + this.timeoutMs
    timeout.update(nextMs)
    context.registerProcessingTimeTimer(nextMs)
    return result
  }

  onProcessingTime(timeMs: number, window: W, context: TriggerContext): TriggerResult {
    return this.#fired(this.nestedTrigger.onProcessingTime(timeMs, window, context), window, context)
  }

  onEventTime(timeMs: number, window: W, context: TriggerContext): TriggerResult {
    return this.#fired(this.nestedTrigger.onEventTime(timeMs, window, context), window, context)
  }

  canMerge(): boolean {
    return canMerge(this.nestedTrigger)
  }

  onMerge(window: W, context: OnMergeContext): void {
    // The record that made the windows merge sets a timeout for the result.
    this.nestedTrigger.onMerge?.(window, context)
  }

  clear(window: W, context: TriggerContext): void {
    const timeout = context.getPartitionedState(this.#timeout)
    const dueMs = timeout.value()
    if (dueMs !== null) {
      context.deleteProcessingTimeTimer(dueMs)
      timeout.clear()
    }
    this.nestedTrigger.clear(window, context)
  }

  toString(): string {
    return `ProcessingTimeoutTrigger(${this.timeoutMs})`
  }

  #fired(result: TriggerResult, window: W, context: TriggerContext): TriggerResult {
    if (this.shouldClearOnTimeout) this.clear(window, context)
    return isPurge(result) ? TriggerResult.FIRE_AND_PURGE : TriggerResult.FIRE
  }
}

/** Never fires: the default of global windows. */
export class NeverTrigger implements Trigger<unknown, GlobalWindow> {
  static readonly #instance = new NeverTrigger()

  private constructor() {}

  static create(): NeverTrigger {
    return NeverTrigger.#instance
  }

  onElement(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE
  }

  canMerge(): boolean {
    return true
  }

  onMerge(): void {}

  clear(): void {}

  toString(): string {
    return 'NeverTrigger()'
  }
}
