// The one place that adds up a worker's memory: every user of the slab, a commented line each, and what happens when it is full.
//
//   user                  how much                                       at its limit
//   --------------------  ---------------------------------------------  ----------------------------------------------------------------
//   kernels' page         SLAB_RESERVED_BYTES                            fixed
//   control, metrics      half a KiB an operator, 4 KiB a sink           fixed at start (runtime/control-layout.ts)
//   inbound rings         RING_BUDGET_BYTES, shared by all channels      no credit: the producer holds its batch, backpressure reaches the source
//   frames                a quarter of a ring; longer rows in parts      a record above RECORD_BYTES_MAX is a bad record (policy of the source)
//   stages                a channel: 2,048 rows, from its first small    sent as a frame once full
//                         batch on (exchange/channel-stage.ts)
//   batches, arenas       an operator: batch rows x row width, doubling  the slab is full
//   state tables          the keys alive; segments split at 64 K         the slab is full
//   -- sum <= slab budget (workerMemoryBytes)                            StateError SLAB_FULL: the job fails and says what to do
//
// What lies on the JavaScript heap (object columns, user code, caches) is bounded by V8, not here.

import { availableMemoryBytes } from './platform.ts'
import { SLAB_BYTES_MAX } from './slab.ts'

/** Rings of one worker share this much, whatever their number. */
export const RING_BUDGET_BYTES = 64 << 20
/** A ring is never smaller: below it frames fragment. */
export const RING_BYTES_MIN = 64 << 10
/** A ring is never larger: beyond it caches suffer (1 MiB rings moved more than those of 4 MiB). */
export const RING_BYTES_MAX = 1 << 20
/** The longest record that is read; also the line limit of text formats. */
export const RECORD_BYTES_MAX = 1 << 20
/** Part of the memory this process may use that all slabs together may take; the rest is V8's and the system's. */
export const SLABS_SHARE = 0.75

/** Capacity of each of `ringCount` inbound rings of a worker: a power of two. */
export function ringBytesOf(ringCount: number, bytesMax: number = RING_BYTES_MAX): number {
  const share = RING_BUDGET_BYTES / Math.max(1, ringCount)
  return Math.min(bytesMax, Math.max(RING_BYTES_MIN, 2 ** Math.floor(Math.log2(share))))
}

/** Slab budget of each of `workers` workers in bytes, unless `millrace.worker.memory-max` says otherwise. */
export function workerMemoryBytes(workers: number): number {
  return Math.min(SLAB_BYTES_MAX, Math.floor((availableMemoryBytes() * SLABS_SHARE) / workers))
}
