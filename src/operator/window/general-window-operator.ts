// The general window operator: custom assigners and triggers, evictors, windows that merge, window functions. Aligned windows of built-in
// aggregates go through the columnar one instead. Runs on the worker's thread. Semantics are those of Flink's WindowOperator; a window is the
// namespace of its contents, its trigger's state and its timers.

import { assert } from '../../base/assert.ts'
import { PlanError, UserFunctionError } from '../../base/errors.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import { t } from '../../batch/types.ts'
import type { AggregateFunction, KeyedSnapshotWriter, KeyedStateBackend, StateDescriptor, ValueState } from '../../state/state.ts'
import { valueState } from '../../state/state.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import { type OutputTag, type ReduceFunction, refusePromise } from '../function.ts'
import type { OperatorDescription, SnapshotReader } from '../operator.ts'
import { EventTimeSessionWindows, isMergingAssigner, ProcessingTimeSessionWindows, type WindowAssigner } from './assigners.ts'
import type { Evictor, TimestampedValue } from './evictors.ts'
import { declarationsOf, KeyedRowOperator, type KeyedRowInput } from '../keyed-row-operator.ts'
import { MergingWindowSet, type MergeListener } from './merging-window-set.ts'
import { ownFunction } from './own-function.ts'
import { AggregatedRows, aggregateRows } from './row-aggregates.ts'
import { type AggregatePlan, formatAggregates } from './slice-aggregates.ts'
import { canMerge, EventTimeTrigger, isFire, isPurge, ProcessingTimeTrigger, type Trigger } from './triggers.ts'
import { AggregatedContents, CoGroupedContents, type ContentsState, ListedContents, ReducedContents, TimestampedContents } from './window-contents.ts'
import { WindowContext, type WindowHost, WindowTriggerContext } from './window-contexts.ts'
import type { ProcessWindowFunction } from './window-function.ts'
import { NO_WINDOW_COUNTER, TimeWindow, type Window, type WindowSerializer } from './window.ts'

/** What a window keeps of its records until it fires. */
export type WindowContents =
  /** One record: the fold of all so far, of `schema` if that is not the records'. The function may return either of its arguments. */
  | { readonly kind: 'reduce'; readonly reduce: (left: never, right: never) => unknown; readonly schema?: Schema }
  /** One accumulator, stored as `type` says. Windows that merge need `aggregate.merge`. */
  | { readonly kind: 'aggregate'; readonly aggregate: AggregateFunction<never, unknown, unknown>; readonly type?: LogicalType }
  /** The accumulators of built-in aggregates, which are one row. */
  | { readonly kind: 'builtIn'; readonly plans: readonly AggregatePlan[] }
  /** Every record; needs a function. */
  | { readonly kind: 'list' }
  /** Every record of two inputs; the function gets two lists. */
  | { readonly kind: 'coGroup' }

/** A window operator's description. */
export interface GeneralWindowOptions {
  /** The records and their key: one input, two for `coGroup`. Without a key all records share the windows. */
  readonly inputs: readonly KeyedRowInput[]
  readonly outputSchema: Schema
  readonly assigner: WindowAssigner<never, Window>
  /** @default the assigner's */
  readonly trigger?: Trigger<never, never>
  readonly evictor?: Evictor<unknown, never>
  readonly contents: WindowContents
  /** Called at each firing; without one the folded record or the aggregate's result is the result. */
  readonly function?: ProcessWindowFunction<never, never>
  /**
   * How long after its end a window is kept for late records, each of which fires it again. Event time only.
   *
   * @default 0
   */
  readonly allowedLatenessMs?: number
  /** Where records of each input go that are too late for every window; they are counted in any case. */
  readonly lateOutputs?: readonly (OutputTag | undefined)[]
}

/** Numbers that are stored for one window that merges. */
const SESSION_NUMBERS = 4
const CONTENTS_TEXTS = {
  reduce: 'one record',
  aggregate: 'one accumulator',
  builtIn: 'accumulators',
  list: 'every record',
  coGroup: 'every record of two streams',
}
const MERGING_SET = valueState('merging-window-set', t.array(t.double()))

/** What an assigner or a trigger calls itself; one of the user's that does not say it goes by the name of its class. */
function nameOfPart(part: object): string {
  const text = String(part) // oxlint-disable-line typescript/no-base-to-string -- looked at below
  return text.startsWith('[object') ? part.constructor.name : text
}

/** Groups the records of each key by windows and calls a function when a trigger says so. */
export class GeneralWindowOperator extends KeyedRowOperator<unknown> implements MergeListener<Window>, WindowHost {
  readonly #assigner: WindowAssigner<unknown, Window>
  readonly #serializer: WindowSerializer<Window>
  readonly #trigger: Trigger<unknown, Window>
  readonly #evictor: Evictor<unknown, Window> | undefined
  readonly #contentsOptions: WindowContents
  readonly #function: ProcessWindowFunction<unknown, unknown> | undefined
  readonly #allowedLatenessMs: number
  readonly #lateOutputs: readonly (OutputTag | undefined)[]
  readonly #isEventTime: boolean
  readonly #merging: MergingWindowSet<Window> | null
  /** Sessions with their default trigger, the common case of windows that merge, go a shorter way: see {@link #addToSession}. */
  readonly #isSession: boolean
  #contents!: ContentsState
  #mergingState!: ValueState<readonly number[]>
  #triggerContext!: WindowTriggerContext
  #processContext!: WindowContext
  /** Whether the function's `open` has run, so that its `close` is due. */
  #opened = false

  /** @throws {PlanError} `INVALID_WINDOW` if the parts do not go together. */
  constructor(options: GeneralWindowOptions) {
    super(options.inputs, options.outputSchema)
    checkOptions(options)
    this.#assigner = options.assigner
    this.#serializer = this.#assigner.getWindowSerializer()
    this.#trigger = options.trigger ?? this.#assigner.getDefaultTrigger()
    this.#evictor = options.evictor
    this.#contentsOptions = options.contents
    this.#function = options.function && ownFunction<ProcessWindowFunction<unknown, unknown>>(options.function)
    this.#allowedLatenessMs = options.allowedLatenessMs ?? 0
    this.#lateOutputs = options.lateOutputs ?? []
    this.#isEventTime = this.#assigner.isEventTime()
    this.#isSession =
      (this.#assigner instanceof EventTimeSessionWindows && this.#trigger instanceof EventTimeTrigger) ||
      (this.#assigner instanceof ProcessingTimeSessionWindows && this.#trigger instanceof ProcessingTimeTrigger)
    this.#merging = isMergingAssigner(this.#assigner) ? new MergingWindowSet(this.#assigner, this.#serializer) : null
  }

  protected override openFunction(): void {
    const { backend } = this
    this.#contents = this.#contentsIn(backend)
    if (this.#merging !== null) this.#mergingState = backend.getState(MERGING_SET, 'key')
    this.#triggerContext = new WindowTriggerContext(this)
    this.#processContext = new WindowContext(this, this.#merging !== null)
    for (const state of this.#trigger.states ?? []) this.#triggerContext.getPartitionedState(state as never)
    this.#opened = true
    this.callFunction(() => this.#function?.open?.(this.runtimeContext()))
  }

  describe(): OperatorDescription {
    const options = this.#contentsOptions
    return {
      type: 'windows',
      traits: {
        windows: nameOfPart(this.#assigner),
        // How often a trigger of a kind fires may change.
        trigger: nameOfPart(this.#trigger).replace(/\(.*/s, ''),
        contents: this.#evictor === undefined ? CONTENTS_TEXTS[options.kind] : 'every record with its time',
        ...(options.kind === 'builtIn' && { aggregates: formatAggregates(this.inputs[0].schema, options.plans) }),
      },
      states: [
        ...declarationsOf((backend) => {
          this.#contentsIn(backend)
          if (this.#merging !== null) backend.getState(MERGING_SET, 'key')
        }),
      ],
      declaresMore: true,
    }
  }

  #contentsIn(backend: KeyedStateBackend): ContentsState {
    const options = this.#contentsOptions
    const { schema } = this.inputs[0]
    if (this.#evictor !== undefined) return new TimestampedContents(backend, schema)
    switch (options.kind) {
      case 'reduce':
        return new ReducedContents(backend, options.schema ?? schema, options.reduce as ReduceFunction<unknown>)
      case 'builtIn':
        return new AggregatedRows(backend, schema, options.plans)
      case 'aggregate':
        return new AggregatedContents(backend, options.aggregate, options.type)
      case 'list':
        return new ListedContents(backend, schema)
      case 'coGroup':
        return new CoGroupedContents(backend, schema, this.inputs[1].schema)
    }
  }

  override snapshot(writer: KeyedSnapshotWriter): void {
    super.snapshot(writer)
    this.#contents.snapshot?.(writer)
  }

  override restore(reader: SnapshotReader): void {
    super.restore(reader)
    this.#contents.restore?.(reader)
  }

  override close(): void {
    try {
      if (this.#opened) this.callFunction(() => this.#function?.close?.())
    } finally {
      super.close()
    }
  }

  protected override onRow(row: unknown, timestampMs: number, input: number): void {
    const windows = this.#assigner.assignWindows(row, timestampMs, this.times)
    const isTaken =
      this.#merging === null
        ? this.#addToWindows(windows, row, timestampMs, input)
        : this.#isSession
          ? this.#addToSession(windows[0] as TimeWindow, row, timestampMs, input)
          : this.#addToMergingWindows(this.#merging, windows, row, timestampMs, input)
    if (isTaken) return
    // A record behind the watermark that no window takes is late; so is one all of whose windows are gone.
    if (this.#isEventTime && (windows.length > 0 || timestampMs + this.#allowedLatenessMs <= this.watermarkMs)) this.#onLateRow(row, timestampMs, input)
    else this.context.metrics.counter(NO_WINDOW_COUNTER).value++
  }

  #addToWindows(windows: readonly Window[], row: unknown, timestampMs: number, input: number): boolean {
    const trigger = this.#trigger
    let isTaken = false
    for (const window of windows) {
      if (this.#isLate(window)) continue
      isTaken = true
      this.enter(window)
      this.#contents.add(row, timestampMs, input)
      this.#triggerContext.window = window
      const result = trigger.onElement(row, timestampMs, window, this.#triggerContext)
      if (isFire(result)) this.#fire(window)
      if (isPurge(result)) this.#contents.clear()
      this.#registerCleanup(window)
    }
    return isTaken
  }

  #addToMergingWindows(merging: MergingWindowSet<Window>, windows: readonly Window[], row: unknown, timestampMs: number, input: number): boolean {
    const trigger = this.#trigger
    let isTaken = false
    merging.load(this.#mergingState.value())
    for (const newWindow of windows) {
      const window = merging.add(newWindow, this)
      if (this.#isLate(window)) {
        merging.retire(window)
        continue
      }
      isTaken = true
      const stateWindow = merging.stateWindowOf(window)!
      this.enter(stateWindow)
      this.#contents.add(row, timestampMs, input)
      this.enter(window)
      this.#triggerContext.window = window
      const result = trigger.onElement(row, timestampMs, window, this.#triggerContext)
      if (result !== 0) {
        this.enter(stateWindow)
        if (isFire(result)) this.#fire(window)
        if (isPurge(result)) this.#contents.clear()
        this.enter(window)
      }
      this.#registerCleanup(window)
    }
    if (merging.changed) this.#mergingState.update(merging.store())
    return isTaken
  }

  /*
   * Sessions without the detour over a merging set and trigger calls. The stored numbers are those of MergingWindowSet (start and end of each window,
   * then of the window in whose namespace its contents lie), but the timers lie in the namespace of the contents too: it stays the same while the
   * session grows, so that a record that prolongs a session moves two timers and nothing else.
   */
  #addToSession({ start, end }: TimeWindow, row: unknown, timestampMs: number, input: number): boolean {
    const { backend } = this
    const sessions = this.#mergingState.value()
    const count = sessions === null ? 0 : sessions.length
    let from = start
    let to = end
    let target = -1
    let isChanged = true
    let swallowed = 0
    for (let at = 0; at < count; at += SESSION_NUMBERS) {
      if (sessions![at] > end || sessions![at + 1] < start) continue
      if (target === -1) target = at
      else swallowed++
      from = Math.min(from, sessions![at])
      to = Math.max(to, sessions![at + 1])
    }
    if (this.#isEventTime && to - 1 + this.#allowedLatenessMs <= this.watermarkMs) return false
    let next: number[] | null = null
    if (target === -1) {
      next = sessions === null ? [from, to, from, to] : [...sessions, from, to, from, to]
      backend.setNamespace(from, to)
    } else {
      const stateFirst = sessions![target + 2]
      const stateSecond = sessions![target + 3]
      backend.setNamespace(stateFirst, stateSecond)
      isChanged = from !== sessions![target] || to !== sessions![target + 1]
      if (isChanged) {
        this.#moveSessionTimers(sessions![target + 1], to)
        next = [...sessions!]
        next[target] = from
        next[target + 1] = to
        if (swallowed > 0) next = this.#swallow(next, target, start, end)
        backend.setNamespace(stateFirst, stateSecond)
      }
    }
    if (next !== null) this.#mergingState.update(next)
    this.#contents.add(row, timestampMs, input)
    if (this.#isEventTime && to - 1 <= this.watermarkMs) this.#fire(new TimeWindow(from, to))
    if (isChanged) this.#registerSessionTimers(to)
    return true
  }

  /** Moves the contents of the other sessions that touch [start, end) to the one at `target` and forgets them. */
  #swallow(sessions: readonly number[], target: number, start: number, end: number): number[] {
    const { backend } = this
    const left: number[] = []
    for (let at = 0; at < sessions.length; at += SESSION_NUMBERS) {
      if (at === target || sessions[at] > end || sessions[at + 1] < start) {
        left.push(sessions[at], sessions[at + 1], sessions[at + 2], sessions[at + 3])
        continue
      }
      backend.setNamespace(sessions[at + 2], sessions[at + 3])
      this.#moveSessionTimers(sessions[at + 1], Infinity)
      const taken = this.#contents.take()
      if (taken === null) continue
      backend.setNamespace(sessions[target + 2], sessions[target + 3])
      this.#contents.put(taken)
    }
    return left
  }

  #registerSessionTimers(end: number): void {
    if (!this.#isEventTime) {
      this.processingTimers.registerInNamespace(end - 1)
      return
    }
    // A session behind the watermark has fired for its record; only its end is left.
    if (end - 1 > this.watermarkMs) this.eventTimers.registerInNamespace(end - 1)
    if (this.#allowedLatenessMs > 0) this.eventTimers.registerInNamespace(end - 1 + this.#allowedLatenessMs)
  }

  /** Takes the timers of the current namespace's session back, if it does not end at `end`. */
  #moveSessionTimers(oldEnd: number, end: number): void {
    if (oldEnd === end) return
    const timers = this.#isEventTime ? this.eventTimers : this.processingTimers
    timers.deleteInNamespace(oldEnd - 1)
    if (this.#isEventTime && this.#allowedLatenessMs > 0) timers.deleteInNamespace(oldEnd - 1 + this.#allowedLatenessMs)
  }

  #onSessionTimer(timeMs: number): void {
    const { namespaceFirst, namespaceSecond } = this.backend
    const sessions = this.#mergingState.value()!
    let at = 0
    while (at < sessions.length && (sessions[at + 2] !== namespaceFirst || sessions[at + 3] !== namespaceSecond)) at += SESSION_NUMBERS
    assert(at < sessions.length, 'a timer of a session that is gone')
    const window = new TimeWindow(sessions[at], sessions[at + 1])
    if (timeMs === window.maxTimestamp()) this.#fire(window)
    if (timeMs !== this.#cleanupMs(window)) return
    this.#contents.clear()
    if (this.#function?.clear !== undefined) {
      this.#processContext.window = window
      this.#function.clear(this.#processContext)
    }
    this.#mergingState.update(sessions.length === SESSION_NUMBERS ? null : sessions.filter((_, index) => index < at || index >= at + SESSION_NUMBERS))
  }

  /** Called by the merging set: moves trigger state, timers and contents of merged windows to the result. */
  onMerge(result: Window, merged: readonly Window[], stateResult: Window, mergedStates: readonly Window[]): void {
    const endMs = result.maxTimestamp()
    if (this.#isEventTime ? endMs + this.#allowedLatenessMs <= this.watermarkMs : endMs <= this.nowMs)
      throw new UserFunctionError(
        'WINDOW_MERGED_INTO_THE_PAST',
        `Cannot merge windows into one that ends at ${endMs}: that is before the current time ${this.#isEventTime ? this.watermarkMs : this.nowMs}, so that it would never fire`,
      )
    const context = this.#triggerContext
    this.enter(result)
    context.window = result
    context.merged = merged
    this.#trigger.onMerge?.(result, context)
    for (const window of merged) {
      this.enter(window)
      context.window = window
      this.#trigger.clear(window, context)
      this.#deleteCleanup(window)
    }
    for (const window of mergedStates) {
      this.enter(window)
      const taken = this.#contents.take()
      if (taken === null) continue
      this.enter(stateResult)
      this.#contents.put(taken)
    }
  }

  protected override onEventTimer(timers: TimerDomain): void {
    this.#onTimer(timers.firedMs, true)
  }

  protected override onProcessingTimer(timers: TimerDomain): void {
    this.#onTimer(timers.firedMs, false)
  }

  #onTimer(timeMs: number, isEventTime: boolean): void {
    if (this.#isSession) {
      this.#onSessionTimer(timeMs)
      return
    }
    const { backend } = this
    const merging = this.#merging
    const window = this.#serializer.deserialize(backend.namespaceFirst, backend.namespaceSecond)
    let stateWindow = window
    if (merging !== null) {
      merging.load(this.#mergingState.value())
      const found = merging.stateWindowOf(window)
      // A timer that the trigger has left behind for a window that is gone.
      if (found === undefined) return
      stateWindow = found
    }
    const context = this.#triggerContext
    context.window = window
    const result = isEventTime ? this.#trigger.onEventTime(timeMs, window, context) : this.#trigger.onProcessingTime(timeMs, window, context)
    this.enter(stateWindow)
    if (isFire(result)) this.#fire(window)
    if (isPurge(result)) this.#contents.clear()
    if (isEventTime === this.#isEventTime && timeMs === this.#cleanupMs(window)) this.#drop(window)
  }

  /** Clears everything of a window. The namespace is that of its contents. */
  #drop(window: Window): void {
    this.#contents.clear()
    this.enter(window)
    this.#triggerContext.window = window
    this.#trigger.clear(window, this.#triggerContext)
    if (this.#function?.clear !== undefined) {
      this.#processContext.window = window
      this.#function.clear(this.#processContext)
    }
    if (this.#merging === null) return
    this.#merging.retire(window)
    if (this.#merging.changed) this.#mergingState.update(this.#merging.store())
  }

  /** Calls the function with the contents of the current namespace, if there are any. */
  #fire(window: Window): void {
    const elements = this.#contents.get()
    if (elements === null) return
    if (this.#evictor === undefined) this.#emit(window, elements)
    else this.#fireEvicting(window, elements as readonly TimestampedValue<unknown>[], this.#evictor)
  }

  #fireEvicting(window: Window, elements: readonly TimestampedValue<unknown>[], evictor: Evictor<unknown, Window>): void {
    const before = evictor.evictBefore(elements, window, this.times)
    const values = folded(
      this.#contentsOptions,
      this.inputs[0].schema,
      before.map(({ value }) => value),
    )
    if (values !== null) this.#emit(window, values)
    const after = evictor.evictAfter(before, window, this.times)
    if (after.length !== elements.length || after.some((element, index) => element !== elements[index])) (this.#contents as TimestampedContents).replace(after)
  }

  #emit(window: Window, elements: readonly unknown[]): void {
    const { collector } = this
    collector.timestampMs = window.maxTimestamp()
    if (this.#function === undefined) {
      collector.collect(elements[0])
      return
    }
    this.#processContext.window = window
    refusePromise(this.#function.process(this.backend.currentKeyValue(), this.#processContext, elements, collector))
  }

  #onLateRow(row: unknown, timestampMs: number, input: number): void {
    this.context.metrics.lateRecords++
    const tag = this.#lateOutputs[input]
    if (tag !== undefined) this.collector.collectSide(tag.id, tag.schema, row, timestampMs)
  }

  #isLate(window: Window): boolean {
    return this.#isEventTime && this.#cleanupMs(window) <= this.watermarkMs
  }

  /** When the window is dropped, in its own time. */
  #cleanupMs(window: Window): number {
    return this.#isEventTime ? window.maxTimestamp() + this.#allowedLatenessMs : window.maxTimestamp()
  }

  #registerCleanup(window: Window): void {
    const timeMs = this.#cleanupMs(window)
    if (timeMs !== Infinity) (this.#isEventTime ? this.eventTimers : this.processingTimers).registerInNamespace(timeMs)
  }

  #deleteCleanup(window: Window): void {
    const timeMs = this.#cleanupMs(window)
    if (timeMs !== Infinity) (this.#isEventTime ? this.eventTimers : this.processingTimers).deleteInNamespace(timeMs)
  }

  enter(window: Window): void {
    this.backend.setNamespace(this.#serializer.first(window), this.#serializer.second(window))
  }

  stateOf(descriptor: StateDescriptor, prefix: string, scope: 'key' | 'namespace'): unknown {
    return this.backend.getState((prefix === '' ? descriptor : { ...descriptor, name: prefix + descriptor.name }) as never, scope)
  }

  timersOf(isEventTime: boolean): TimerDomain {
    return isEventTime ? this.eventTimers : this.processingTimers
  }

  collectTagged<T>(tag: OutputTag<T>, value: T): void {
    this.collector.collectTagged(tag, value)
  }
}

/** What the function gets of the records that an evictor has left; null for nothing. */
function folded(contents: WindowContents, schema: Schema, values: readonly unknown[]): readonly unknown[] | null {
  switch (contents.kind) {
    case 'list':
    case 'coGroup':
      return values
    case 'reduce':
      return values.length === 0 ? null : [values.reduce(contents.reduce as ReduceFunction<unknown>)]
    case 'builtIn':
      return [aggregateRows(schema, contents.plans, values)]
    case 'aggregate': {
      const aggregate = contents.aggregate as AggregateFunction<unknown, unknown, unknown>
      let accumulator = aggregate.createAccumulator()
      for (const value of values) accumulator = aggregate.add(value, accumulator)
      return [aggregate.getResult(accumulator)]
    }
  }
}

function checkOptions({ inputs, assigner, trigger, evictor, contents, function: windowFunction, allowedLatenessMs = 0 }: GeneralWindowOptions): void {
  assert(inputs.length === (contents.kind === 'coGroup' ? 2 : 1), 'a window operator has one input, a coGroup two')
  if (contents.kind === 'coGroup' && evictor !== undefined)
    throw new PlanError('INVALID_WINDOW', 'Cannot use an evictor with coGroup or join: they keep the records of each side apart')
  if (!(allowedLatenessMs >= 0))
    throw new PlanError('INVALID_WINDOW', `Cannot make a window with an allowed lateness of ${allowedLatenessMs} ms: it cannot be negative`)
  if ((contents.kind === 'list' || contents.kind === 'coGroup') && windowFunction === undefined)
    throw new PlanError('INVALID_WINDOW', 'Cannot make a window without a function: it would keep records and do nothing with them')
  if (!isMergingAssigner(assigner)) return
  if (!canMerge(trigger ?? assigner.getDefaultTrigger()))
    throw new PlanError(
      'INVALID_WINDOW',
      'Cannot use this trigger with windows that merge: a merging window assigner cannot be used with a trigger that does not support merging',
    )
  if (contents.kind === 'aggregate' && contents.aggregate.merge === undefined)
    throw new PlanError('INVALID_WINDOW', 'Cannot aggregate windows that merge: the aggregate function has no merge', {
      hint: 'Give it merge(left, right), which joins two accumulators.',
    })
}
