// What triggers and window functions see of their operator. The host makes the right key and namespace current before it calls them.

import { UserFunctionError } from '../../base/errors.ts'
import type { ListStateDescriptor, ReducingStateDescriptor, StateDescriptor, StateStore } from '../../state/state.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { OutputTag } from '../function.ts'
import type { OnMergeContext } from './triggers.ts'
import type { ProcessWindowContext } from './window-function.ts'
import type { Window } from './window.ts'

/** The window operator as contexts need it. */
export interface WindowHost {
  readonly times: { currentWatermark(): number; currentProcessingTime(): number }
  /** Makes the window's namespace the current one. */
  enter(window: Window): void
  /** The handle of a state whose name is put behind a prefix, so that triggers and functions do not meet. */
  stateOf(descriptor: StateDescriptor, prefix: string, scope: 'key' | 'namespace'): unknown
  timersOf(isEventTime: boolean): TimerDomain
  collectTagged<T>(tag: OutputTag<T>, value: T): void
}

/** Handles by descriptor: functions ask for theirs at every call. */
class StateCache {
  readonly #operator: WindowHost
  readonly #prefix: string
  readonly #scope: 'key' | 'namespace'
  readonly #handles = new WeakMap<object, unknown>()

  constructor(operator: WindowHost, prefix: string, scope: 'key' | 'namespace') {
    this.#operator = operator
    this.#prefix = prefix
    this.#scope = scope
  }

  readonly getState = ((descriptor: StateDescriptor): unknown => {
    let handle = this.#handles.get(descriptor)
    if (handle === undefined) this.#handles.set(descriptor, (handle = this.#operator.stateOf(descriptor, this.#prefix, this.#scope)))
    return handle
  }) as StateStore['getState']
}

/** What triggers see. The namespace is that of `window` whenever a trigger runs. */
export class WindowTriggerContext implements OnMergeContext {
  window!: Window
  merged: readonly Window[] = []
  readonly getPartitionedState: StateStore['getState']
  readonly #operator: WindowHost

  constructor(operator: WindowHost) {
    this.#operator = operator
    this.getPartitionedState = new StateCache(operator, 'trigger.', 'namespace').getState
  }

  currentWatermark(): number {
    return this.#operator.times.currentWatermark()
  }

  currentProcessingTime(): number {
    return this.#operator.times.currentProcessingTime()
  }

  registerEventTimeTimer(timeMs: number): void {
    this.#operator.timersOf(true).registerInNamespace(timeMs)
  }

  registerProcessingTimeTimer(timeMs: number): void {
    this.#operator.timersOf(false).registerInNamespace(timeMs)
  }

  deleteEventTimeTimer(timeMs: number): void {
    this.#operator.timersOf(true).deleteInNamespace(timeMs)
  }

  deleteProcessingTimeTimer(timeMs: number): void {
    this.#operator.timersOf(false).deleteInNamespace(timeMs)
  }

  mergePartitionedState<T>(descriptor: ReducingStateDescriptor<T> | ListStateDescriptor<T>): void {
    const operator = this.#operator
    const result = this.window
    if (descriptor.kind === 'list') {
      const state = this.getPartitionedState(descriptor)
      for (const window of this.merged) {
        operator.enter(window)
        const values = state.get()
        state.clear()
        operator.enter(result)
        state.addAll(values)
      }
    } else {
      const state = this.getPartitionedState(descriptor)
      for (const window of this.merged) {
        operator.enter(window)
        const value = state.get()
        if (value === null) continue
        state.clear()
        operator.enter(result)
        state.add(value)
      }
    }
    operator.enter(result)
  }
}

/** What window functions see. */
export class WindowContext implements ProcessWindowContext {
  window!: Window
  readonly windowState: StateStore
  readonly globalState: StateStore
  readonly #operator: WindowHost

  constructor(operator: WindowHost, merges: boolean) {
    this.#operator = operator
    this.globalState = new StateCache(operator, '', 'key')
    this.windowState = merges ? { getState: refuseWindowState } : new StateCache(operator, 'window.', 'namespace')
  }

  currentWatermark(): number {
    return this.#operator.times.currentWatermark()
  }

  currentProcessingTime(): number {
    return this.#operator.times.currentProcessingTime()
  }

  output<T>(tag: OutputTag<T>, value: T): void {
    this.#operator.collectTagged(tag, value)
  }
}

function refuseWindowState(): never {
  throw new UserFunctionError('NO_WINDOW_STATE', 'Cannot use per-window state: it is not allowed with windows that merge', {
    hint: 'Use globalState, keyed by what identifies the session.',
  })
}
