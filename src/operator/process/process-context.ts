// The context objects that process functions get: made once per operator; what changes with each record they look up. Runs on the worker's thread.

import { StateError } from '../../base/errors.ts'
import type { MapState, MapStateDescriptor, OperatorStateBackend, ReadOnlyMapState, StateDescriptor } from '../../state/state.ts'
import type { TimerService } from '../../time/timer-service.ts'
import type { KeyedProcessContext, OutputTag, ProcessContext, ReadOnlyBroadcastStateStore, RuntimeContext } from '../function.ts'
import type { OperatorContext } from '../operator.ts'
import type { ProcessLoop } from '../row-code.ts'
import { runtimeContextOf } from '../runtime-context.ts'
import type { KeyedState } from './keyed-state.ts'
import type { SideOutputs } from './side-outputs.ts'

/** What contexts are made from. */
export interface ProcessEngine {
  readonly context: OperatorContext
  readonly loop: ProcessLoop
  readonly sides: SideOutputs
  readonly keyed: KeyedState | null
  readonly operatorState: OperatorStateBackend
  /** The broadcast states that were declared; undefined for functions without a broadcast input. */
  readonly broadcastStates: readonly MapStateDescriptor<unknown, unknown>[] | undefined
  watermarkMs(): number
}

/** Given to `open`. */
export function openContextOf(engine: ProcessEngine): RuntimeContext {
  const { keyed, operatorState } = engine
  return {
    ...runtimeContextOf(engine.context),
    getListState: operatorState.getListState.bind(operatorState),
    getUnionListState: operatorState.getUnionListState.bind(operatorState),
    ...(keyed !== null && { getState: keyed.backend.getState.bind(keyed.backend) }),
  } as RuntimeContext
}

/** Given with the records of one input; that of a broadcast input has no key. */
export function processContextOf(engine: ProcessEngine, isBroadcast: boolean): ProcessContext {
  const { context, loop, sides, keyed } = engine
  const plain: ProcessContext = {
    ...runtimeContextOf(engine.context),
    timestamp: loop.timestamp,
    currentWatermark: engine.watermarkMs,
    currentProcessingTime: () => context.clock.nowMs(),
    output: (tag: OutputTag, value: unknown) => sides.emit(tag, value),
  }
  const shared = { ...plain, ...broadcastPartOf(engine, isBroadcast) }
  if (keyed === null) return shared
  if (isBroadcast) return { ...shared, applyToKeyedState: applyToKeyedStateOf(keyed) } as ProcessContext
  return { ...shared, ...keyedPartOf(engine, keyed) }
}

function keyedPartOf(
  engine: ProcessEngine,
  keyed: KeyedState,
): Pick<KeyedProcessContext, 'getCurrentKey' | 'timerService' | 'getState'> & { timeDomain(): string } {
  const { context, loop } = engine
  const { store, backend, eventTimers, processingTimers } = keyed
  const timerService: TimerService = {
    currentWatermark: engine.watermarkMs,
    currentProcessingTime: () => context.clock.nowMs(),
    registerEventTimeTimer: (timeMs) => eventTimers.register(checkedTime(timeMs)),
    registerProcessingTimeTimer: (timeMs) => processingTimers.register(checkedTime(timeMs)),
    deleteEventTimeTimer: (timeMs) => eventTimers.delete(checkedTime(timeMs)),
    deleteProcessingTimeTimer: (timeMs) => processingTimers.delete(checkedTime(timeMs)),
  }
  // Text is decoded once; other keys are read faster, or are the function's own to change.
  let textRecord = 0
  let textRemovals = 0
  let text = ''
  return {
    timerService,
    getState: backend.getState.bind(backend),
    getCurrentKey() {
      const { record } = store.key
      if (record === textRecord && store.removals === textRemovals) return text
      const key = store.valueOf(record)
      if (typeof key === 'string') {
        text = key
        textRecord = record
        textRemovals = store.removals
      }
      return key
    },
    timeDomain: () => (loop.firedEventTime ? 'event' : 'processing'),
  }
}

/** Broadcast states: to be changed by the records of the broadcast input, to be read by the others, so that all subtasks have the same. */
function broadcastPartOf({ operatorState, broadcastStates }: ProcessEngine, isBroadcast: boolean): Partial<ReadOnlyBroadcastStateStore> {
  if (broadcastStates === undefined) return {}
  const handles = new Map<string, ReadOnlyMapState<unknown, unknown>>()
  for (const descriptor of broadcastStates) {
    const state = operatorState.getBroadcastState(descriptor)
    handles.set(descriptor.name, isBroadcast ? state : readOnly(state))
  }
  return {
    getBroadcastState<K, V>({ name }: MapStateDescriptor<K, V>) {
      const handle = handles.get(name)
      if (handle === undefined)
        throw new StateError(
          'UNKNOWN_BROADCAST_STATE',
          `Cannot use broadcast state "${name}": declared are ${[...handles.keys()].map((known) => `"${known}"`).join(', ')}`,
          {
            hint: 'Give its descriptor to broadcast(...).',
          },
        )
      return handle as ReadOnlyMapState<K, V>
    },
  }
}

function readOnly<K, V>(state: MapState<K, V>): ReadOnlyMapState<K, V> {
  return {
    get: (key) => state.get(key),
    has: (key) => state.has(key),
    entries: () => state.entries(),
    keys: () => state.keys(),
    values: () => state.values(),
    isEmpty: () => state.isEmpty(),
  }
}

function checkedTime(timeMs: number): number {
  if (typeof timeMs !== 'number' || timeMs !== timeMs)
    throw new TypeError(`Cannot use ${String(timeMs)} as the time of a timer: it must be a number of epoch milliseconds`)
  return timeMs
}

function applyToKeyedStateOf({ backend, store }: KeyedState) {
  return (descriptor: StateDescriptor, visit: (key: unknown, state: unknown) => void): void => {
    const state = backend.getState(descriptor as never)
    backend.forEachKey(descriptor, () => visit(store.valueOf(store.key.record), state))
  }
}
