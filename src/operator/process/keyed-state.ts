// Keyed state and timers of one operator, opened, written and read as one. Runs on the worker's thread.

import { StateKind } from '../../kernels/snapshot-layout.ts'
import { KeyStore, type KeyedInput } from '../../state/key-store.ts'
import { namespaceBytes, setNamespaceBytes } from '../../state/memory-backend.ts'
import { openStateBackend } from '../../state/state-backend.ts'
import type { KeyedSnapshotWriter, KeyedStateBackend } from '../../state/state.ts'
import { describeState, EVENT_TIMERS_STATE, PROCESSING_TIMERS_STATE } from '../../state/state-schema.ts'
import { TimerQueue } from '../../time/timer-queue.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { OperatorContext, SnapshotReader } from '../operator.ts'

const TIMER_STATES = [EVENT_TIMERS_STATE, PROCESSING_TIMERS_STATE] as const
const NO_NAMESPACE = new Uint8Array(0)
/** Timers restored between two looks at the memory. */
const SETTLE_TIMERS = 4096

/** What {@link openKeyedState} makes. */
export interface KeyedState {
  readonly backend: KeyedStateBackend
  readonly store: KeyStore
  readonly eventTimers: TimerDomain
  readonly processingTimers: TimerDomain
  snapshot(writer: KeyedSnapshotWriter): void
  restore(reader: SnapshotReader): void
  close(): void
}

/** Without timers: nothing comes, nothing is kept. */
const noTimers: TimerDomain = {
  register() {},
  delete() {},
  registerInNamespace() {},
  deleteInNamespace() {},
  nextMs: Infinity,
  poll: () => false,
  firedMs: Number.NaN,
  firedInNamespace: false,
  count: 0,
}

/**
 * Opens the keyed state of an operator.
 *
 * @param withTimers Whether there can be timers; without, registering one does nothing.
 */
export function openKeyedState(context: OperatorContext, inputs: readonly KeyedInput[], withTimers: boolean): KeyedState {
  const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed } = context
  const store = new KeyStore({ slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed, inputs, timers: withTimers })
  const backend = openStateBackend(store, context.isCheckpointed, (key) => context.option(key))
  const queues = withTimers ? [new TimerQueue(store, 0), new TimerQueue(store, 1)] : []
  return {
    backend,
    store,
    eventTimers: queues[0] ?? noTimers,
    processingTimers: queues[1] ?? noTimers,
    snapshot(writer) {
      backend.snapshot(writer)
      queues.forEach((queue, domain) => snapshotTimers(store, queue, domain as 0 | 1, writer))
    },
    restore(reader) {
      // What begins to expire with this restore counts as refreshed now.
      backend.setProcessingTimeMs(context.clock.nowMs())
      backend.restore(reader)
      queues.forEach((queue, domain) => restoreTimers({ store, backend }, queue, TIMER_STATES[domain], reader))
      store.select(0)
    },
    close() {
      for (const queue of queues) queue.close()
      backend.close()
    },
  }
}

function snapshotTimers(store: KeyStore, queue: TimerQueue, domain: 0 | 1, writer: KeyedSnapshotWriter): void {
  const state = TIMER_STATES[domain]
  if (queue.count > 0) describeState(writer, { name: state, kind: 'timers' })
  const place = { kind: StateKind.TIMER, offset: store.timerOffset(domain), presence: 0, mask: 0, ttlOffset: 0, ttlMs: 0 }
  for (const scope of ['key', 'namespace'] as const) writer.records(state, store.records(scope, place))
  const write = (keyGroup: number, namespace: Uint8Array, key: Uint8Array, timeMs: number, sequence: number): void => {
    const value = new Uint8Array(16)
    const view = new DataView(value.buffer)
    view.setFloat64(0, timeMs, true)
    view.setFloat64(8, sequence, true)
    writer.keyed(state, keyGroup, namespace, key, value)
  }
  // Collected first: visiting selects records. They are shown only: what is used now is of the next checkpoint.
  const further: { readonly record: number; readonly timeMs: number; readonly sequence: number }[] = []
  queue.forEachFurther((record, timeMs, sequence) => further.push({ record, timeMs, sequence }))
  for (const { record, timeMs, sequence } of further) {
    const namespace = store.showRecord(record) ? namespaceBytes(store.namespaceFirst, store.namespaceSecond) : NO_NAMESPACE
    write(store.groupOf(store.key.record), namespace, store.bytesOf(store.key.record), timeMs, sequence)
  }
  store.tier?.forEachTimer(domain, write)
  store.select(0)
}

function restoreTimers(
  { store, backend }: { readonly store: KeyStore; readonly backend: KeyedStateBackend },
  queue: TimerQueue,
  state: string,
  reader: SnapshotReader,
): void {
  let count = 0
  reader.keyed(state, (keyGroup, namespace, key, value) => {
    if (keyGroup < store.keyGroups.start || keyGroup > store.keyGroups.end) return
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    store.select(store.resolveKey(key))
    if (namespace.length > 0) {
      setNamespaceBytes(store, namespace)
      store.makeNamespace()
    }
    queue.restore(view.getFloat64(0, true), view.getFloat64(8, true))
    // Lets a backend that keeps only some keys in memory make room.
    if (++count % SETTLE_TIMERS === 0) backend.settle()
  })
}
