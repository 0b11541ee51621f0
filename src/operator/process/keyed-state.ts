// Keyed state and timers of one operator, opened, written and read as one. Runs on the worker's thread.

import { KeyStore, type KeyedInput } from '../../state/key-store.ts'
import { MemoryStateBackend, namespaceBytes, setNamespaceBytes } from '../../state/memory-backend.ts'
import type { KeyedStateBackend } from '../../state/state.ts'
import { TimerQueue } from '../../time/timer-queue.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../operator.ts'

const TIMER_STATES = ['timers:event', 'timers:processing'] as const
const NO_NAMESPACE = new Uint8Array(0)

/** What {@link openKeyedState} makes. */
export interface KeyedState {
  readonly backend: KeyedStateBackend
  readonly store: KeyStore
  readonly eventTimers: TimerDomain
  readonly processingTimers: TimerDomain
  snapshot(writer: SnapshotWriter): void
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
  const backend = new MemoryStateBackend(store)
  const queues = withTimers ? [new TimerQueue(store, 0), new TimerQueue(store, 1)] : []
  return {
    backend,
    store,
    eventTimers: queues[0] ?? noTimers,
    processingTimers: queues[1] ?? noTimers,
    snapshot(writer) {
      backend.snapshot(writer)
      queues.forEach((queue, domain) => snapshotTimers(store, queue, TIMER_STATES[domain], writer))
    },
    restore(reader) {
      backend.restore(reader)
      queues.forEach((queue, domain) => restoreTimers(store, queue, TIMER_STATES[domain], reader))
      store.select(0)
    },
    close() {
      for (const queue of queues) queue.close()
      backend.close()
    },
  }
}

function snapshotTimers(store: KeyStore, queue: TimerQueue, state: string, writer: SnapshotWriter): void {
  // Collected first: visiting selects records.
  const timers: { readonly record: number; readonly timeMs: number; readonly sequence: number }[] = []
  queue.forEach((record, timeMs, sequence) => timers.push({ record, timeMs, sequence }))
  for (const { record, timeMs, sequence } of timers) {
    const namespace = store.selectRecord(record) ? namespaceBytes(store.namespaceFirst, store.namespaceSecond) : NO_NAMESPACE
    const value = new Uint8Array(16)
    const view = new DataView(value.buffer)
    view.setFloat64(0, timeMs, true)
    view.setFloat64(8, sequence, true)
    writer.keyed(state, store.groupOf(store.key.record), namespace, store.bytesOf(store.key.record), value)
  }
  store.select(0)
}

function restoreTimers(store: KeyStore, queue: TimerQueue, state: string, reader: SnapshotReader): void {
  const timers: { readonly key: Uint8Array; readonly namespace: Uint8Array; readonly timeMs: number; readonly sequence: number }[] = []
  reader.keyed(state, (keyGroup, namespace, key, value) => {
    if (keyGroup < store.keyGroups.start || keyGroup > store.keyGroups.end) return
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    timers.push({ key: key.slice(), namespace: namespace.slice(), timeMs: view.getFloat64(0, true), sequence: view.getFloat64(8, true) })
  })
  // Registered again in their order.
  timers.sort((left, right) => left.sequence - right.sequence)
  for (const { key, namespace, timeMs } of timers) {
    store.select(store.resolveKey(key))
    if (namespace.length === 0) queue.register(timeMs)
    else {
      setNamespaceBytes(store, namespace)
      queue.registerInNamespace(timeMs)
    }
  }
}
