// The function interfaces that users implement, and the error their failures become. Contracts only; operators call them, on the worker's thread.

import { MillraceError, UserFunctionError } from '../base/errors.ts'
import type { Schema } from '../batch/types.ts'
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  ReadOnlyMapState,
  ReducingState,
  ReducingStateDescriptor,
  StateStore,
  ValueState,
  ValueStateDescriptor,
} from '../state/state.ts'
import type { TimerService } from '../time/timer-service.ts'

/** What {@link refusePromise} throws; {@link userError} knows the operator. */
class PromiseReturned extends Error {}

/** Refuses what a synchronous function returned if it is a promise, or anything else with a `then`: nobody would wait for it. */
export function refusePromise(value: unknown): void {
  if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function') return
  // The function is told once: not again when the promise rejects.
  if (value instanceof Promise) value.catch(() => {})
  throw new PromiseReturned()
}

/** Wraps what a user function threw, unless it already is an error of the engine. */
export function userError(operatorName: string, subtaskIndex: number, thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  if (thrown instanceof PromiseReturned)
    return new UserFunctionError(
      'PROMISE_RETURNED',
      `Function of operator "${operatorName}" (subtask ${subtaskIndex}) returned a promise: it must be synchronous`,
      {
        hint: 'Call asynchronous functions by AsyncDataStream.orderedWait(...) or unorderedWait(...).',
      },
    )
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return new UserFunctionError('USER_FUNCTION_FAILED', `Function of operator "${operatorName}" (subtask ${subtaskIndex}) threw ${text}`, { cause: thrown })
}

/** Names a side output and the schema of its records. */
export interface OutputTag<T = unknown> {
  readonly id: string
  readonly schema: Schema<T>
}

/** Takes the records a function makes. Valid only until the function returns. */
export interface Collector<T> {
  /** @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the value does not fit the declared schema. */
  collect(value: T): void
}

/** What a function learns about where it runs. */
export interface RuntimeContext {
  readonly operatorName: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly metrics: {
    /**
     * The counter of this name; add to its `value`. The job's metrics show it with the operator, summed over the subtasks. An operator has 64
     * of its own; whatever is counted under further names is shown together, as "others".
     */
    counter(name: string): { value: number }
  }
  /** Writes a line to the operator's log: standard error, unless the program takes it by `onLog`. */
  log(message: string): void
  /** The job's configuration value, or undefined. */
  option(key: string): string | undefined
}

/** State of the subtask. A restore fills it after `open`. */
export interface OperatorStateStore {
  /** A list whose elements a restore deals out among the subtasks. */
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  /** A list all of whose elements, of all subtasks, a restore gives to each subtask. */
  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
}

/** Given to `open` of process functions. */
export interface ProcessRuntimeContext extends RuntimeContext, OperatorStateStore {}

/** Given to `open` of functions on keyed streams. Declare states here: it makes them fast. */
export interface KeyedRuntimeContext extends RuntimeContext, StateStore {}

/** Given to `open` of process functions on keyed streams. */
export interface KeyedProcessRuntimeContext extends ProcessRuntimeContext, KeyedRuntimeContext {}

/** A function with a life cycle. */
export interface RichFunction<C = RuntimeContext> {
  /** Called once, before the first record (and before state is restored: handles fill later). */
  open?(context: C): void
  /** Called once at the end, also after a failure. */
  close?(): void
}

/** One record for each record, with a life cycle; on keyed streams with state of the record's key. */
export interface MapFunction<IN, OUT, C = ProcessRuntimeContext> extends RichFunction<C> {
  map(value: IN): OUT
}

/** The records for which it is true, with a life cycle; on keyed streams with state of the record's key. */
export interface FilterFunction<IN, C = ProcessRuntimeContext> extends RichFunction<C> {
  filter(value: IN): boolean
}

/** Any number of records for each record, with a life cycle; on keyed streams with state of the record's key. */
export interface FlatMapFunction<IN, OUT, C = ProcessRuntimeContext> extends RichFunction<C> {
  /** Collects its results, or returns an iterable of them. */
  flatMap(value: IN, out: Collector<OUT>): Iterable<OUT> | void
}

/** Given with each record. Valid only until the function returns. */
export interface ProcessContext extends RuntimeContext {
  /** Event time of the record in epoch ms (in `onTimer`: the timer's time); -Infinity if records carry none. */
  timestamp(): number
  currentWatermark(): number
  currentProcessingTime(): number
  /** Sends a record to a side output. It gets the timestamp of the current record. */
  output<T>(tag: OutputTag<T>, value: T): void
}

/** Given with each record of a keyed stream. */
export interface KeyedProcessContext<K = unknown> extends ProcessContext, StateStore {
  /** The key as the key function returned it or as its column shows it; an array for several columns. An integral key of a key function is a number. */
  getCurrentKey(): K
  readonly timerService: TimerService
}

/** Given to `onTimer`. */
export interface OnTimerContext<K = unknown> extends KeyedProcessContext<K> {
  timeDomain(): 'event' | 'processing'
}

/** Processes records one by one. */
export interface ProcessFunction<IN, OUT> extends RichFunction<ProcessRuntimeContext> {
  processElement(value: IN, context: ProcessContext, out: Collector<OUT>): void
}

/**
 * Processes the records of a keyed stream one by one, with state and timers of the record's key.
 *
 * @example
 * const clicks = valueState('clicks', t.int())
 * const counter: KeyedProcessFunction<string, Click, string> = {
 *   processElement(click, context, out) {
 *     const state = context.getState(clicks)
 *     state.update((state.value() ?? 0) + 1)
 *     out.collect(`${click.user}: ${state.value()}`)
 *   },
 * }
 */
export interface KeyedProcessFunction<K, IN, OUT> extends RichFunction<KeyedProcessRuntimeContext> {
  processElement(value: IN, context: KeyedProcessContext<K>, out: Collector<OUT>): void
  /** A timer of a key has come. Without this method timers are not kept. */
  onTimer?(timeMs: number, context: OnTimerContext<K>, out: Collector<OUT>): void
}

/** Processes the records of two streams. */
export interface CoProcessFunction<IN1, IN2, OUT> extends RichFunction<ProcessRuntimeContext> {
  processElement1(value: IN1, context: ProcessContext, out: Collector<OUT>): void
  processElement2(value: IN2, context: ProcessContext, out: Collector<OUT>): void
}

/** Processes the records of two streams keyed alike; both see the same state and timers. */
export interface KeyedCoProcessFunction<K, IN1, IN2, OUT> extends RichFunction<KeyedProcessRuntimeContext> {
  processElement1(value: IN1, context: KeyedProcessContext<K>, out: Collector<OUT>): void
  processElement2(value: IN2, context: KeyedProcessContext<K>, out: Collector<OUT>): void
  onTimer?(timeMs: number, context: OnTimerContext<K>, out: Collector<OUT>): void
}

/** Access to broadcast state. */
export interface BroadcastStateStore {
  /** The map of this name, the same in every subtask. Change it only by what the broadcast record says: every subtask must come to the same. */
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>
}

/** Broadcast state for those who may only read it. */
export interface ReadOnlyBroadcastStateStore {
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): ReadOnlyMapState<K, V>
}

export interface BroadcastContext extends ProcessContext, BroadcastStateStore {}

export interface KeyedBroadcastContext extends BroadcastContext {
  /** Calls `visit` with each key of this subtask that has such a state. */
  applyToKeyedState<T>(descriptor: ValueStateDescriptor<T>, visit: (key: unknown, state: ValueState<T>) => void): void
  applyToKeyedState<T>(descriptor: ListStateDescriptor<T>, visit: (key: unknown, state: ListState<T>) => void): void
  applyToKeyedState<K, V>(descriptor: MapStateDescriptor<K, V>, visit: (key: unknown, state: MapState<K, V>) => void): void
  applyToKeyedState<T>(descriptor: ReducingStateDescriptor<T>, visit: (key: unknown, state: ReducingState<T>) => void): void
  applyToKeyedState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>, visit: (key: unknown, state: AggregatingState<IN, OUT>) => void): void
}

/** Processes a stream and a broadcast stream, whose records every subtask sees. */
export interface BroadcastProcessFunction<IN, BROADCAST, OUT> extends RichFunction<ProcessRuntimeContext> {
  processElement(value: IN, context: ProcessContext & ReadOnlyBroadcastStateStore, out: Collector<OUT>): void
  processBroadcastElement(value: BROADCAST, context: BroadcastContext, out: Collector<OUT>): void
}

/** The same for a keyed stream. The broadcast side sees no current key. */
export interface KeyedBroadcastProcessFunction<K, IN, BROADCAST, OUT> extends RichFunction<KeyedProcessRuntimeContext> {
  processElement(value: IN, context: KeyedProcessContext<K> & ReadOnlyBroadcastStateStore, out: Collector<OUT>): void
  processBroadcastElement(value: BROADCAST, context: KeyedBroadcastContext, out: Collector<OUT>): void
  onTimer?(timeMs: number, context: OnTimerContext<K> & ReadOnlyBroadcastStateStore, out: Collector<OUT>): void
}

/** Joins two records of a key into one. A record that is returned or kept by reference is one of the two or a new one. */
export type ReduceFunction<T> = (left: T, right: T) => T
