// The one place that adds up memory: every user of a worker's slab, a commented line each, and what happens when it is full.
//
//   user                  how much                                       at its limit
//   --------------------  ---------------------------------------------  ----------------------------------------------------------------
//   kernels' page         SLAB_RESERVED_BYTES                            fixed
//   control, metrics      half a KiB an operator, 4 KiB a sink           fixed at start (runtime/control-layout.ts)
//   inbound rings         RING_BUDGET_BYTES, shared by all channels      no credit: the producer holds its batch, backpressure reaches the source
//   frames                a quarter of a ring; longer rows in parts      a line above the lineBytesMax of its source is bad (its policy); rows of
//                                                                        other sources and of functions go in parts, however long
//   stages                a channel: 2,048 rows, from its first small    sent as a frame once full
//                         batch on (exchange/channel-stage.ts)
//   batches, arenas       an operator: batch rows x row width, doubling  the slab is full
//   state tables          the keys alive; segments split at 64 K         the slab is full
//   -- sum <= slab budget (workerMemoryBytes)                            StateError SLAB_FULL: the job fails and says what to do
//
// What this process may use is divided once:
//
//   slabs                 SLABS_SHARE, for all jobs together (base/shared-budget.ts); a worker's at most its part of it
//   JavaScript heaps      HEAPS_SHARE over the workers of a job (object columns, user code, caches): V8 ends a thread that needs more. Never below
//                         HEAP_BYTES_MIN a worker: in a small container what that takes more is taken from the slabs. --max-old-space-size overrides
//                         it; that is told (heapsNote), and slabs keep their share: a limit is not what is taken
//   the rest              the heaps of the main thread and the coordinator, young generations, code, the system's page cache

import { availableMemoryBytes } from './platform.ts'
import { SLAB_BYTES_MAX } from './slab.ts'

/** Rings of one worker share this much, whatever their number. */
export const RING_BUDGET_BYTES = 64 << 20
/** A ring is never smaller by itself: below it frames fragment. `millrace.channel.memory-max` may ask for less. */
export const RING_BYTES_MIN = 64 << 10
/** A ring is never larger: beyond it caches suffer (1 MiB rings moved more than those of 4 MiB). */
export const RING_BYTES_MAX = 1 << 20
/** The longest line that a source reads unless its option `lineBytesMax` says otherwise. */
export const LINE_BYTES_MAX_DEFAULT = 1 << 20
/** The most that the option may say. */
export const LINE_BYTES_MAX_LIMIT = 256 << 20
/** Part of the memory this process may use that all slabs together may take. */
export const SLABS_SHARE = 0.6
/** Part of it that the heaps of a job's workers together may take. */
export const HEAPS_SHARE = 0.25
/** Below it a thread does not even load the engine and a job's module. */
const HEAP_BYTES_MIN = 64 << 20

/** Capacity of each of `ringCount` inbound rings of a worker: a power of two. */
export function ringBytesOf(ringCount: number, bytesMax: number = RING_BYTES_MAX): number {
  const share = RING_BUDGET_BYTES / Math.max(1, ringCount)
  return Math.min(bytesMax, Math.max(RING_BYTES_MIN, 2 ** Math.floor(Math.log2(share))))
}

/** What all slabs of this process may take together, in bytes. */
export function processSlabBytes(availableBytes: number = availableMemoryBytes()): number {
  return Math.floor(availableBytes * SLABS_SHARE)
}

/**
 * Slab budget of each of `workers` workers in bytes, unless `millrace.worker.memory-max` says otherwise. Where heaps cannot be as small as their share
 * wants, slabs give way: what is left may be too little for a worker's channels, which then says so.
 */
export function workerMemoryBytes(workers: number, availableBytes: number = availableMemoryBytes()): number {
  const besideHeaps = availableBytes * (SLABS_SHARE + HEAPS_SHARE) - workers * workerHeapBytes(workers, Infinity, availableBytes)
  return Math.max(0, Math.min(SLAB_BYTES_MAX, Math.floor(Math.min(processSlabBytes(availableBytes), besideHeaps) / workers)))
}

/**
 * Largest heap of each of `workers` worker threads in bytes.
 *
 * @param defaultBytes What V8 would give a thread: never more than that.
 */
export function workerHeapBytes(workers: number, defaultBytes: number, availableBytes: number = availableMemoryBytes()): number {
  return Math.min(defaultBytes, Math.max(HEAP_BYTES_MIN, Math.floor((availableBytes * HEAPS_SHARE) / workers)))
}

/**
 * Room for young objects on each worker thread, in bytes; V8 takes a third of it at a time. It would give three times as much to what keeps making
 * objects, by and by; what is collected every 10 ms instead of every 20 costs no more, and a job's memory stays what it was after a second.
 */
export const WORKER_YOUNG_BYTES = 12 * 2 ** 20

/**
 * What to tell of a `--max-old-space-size` that lets the heaps of a job's workers grow beyond their share; undefined if they stay within it.
 *
 * @param flagBytes The flag's, which V8 takes for each thread instead of {@link workerHeapBytes}.
 */
export function heapsNote(workers: number, flagBytes: number | undefined, availableBytes: number = availableMemoryBytes()): string | undefined {
  const meantBytes = workerHeapBytes(workers, Infinity, availableBytes)
  if (flagBytes === undefined || flagBytes <= meantBytes) return undefined
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  return `--max-old-space-size lets each of ${workers} workers have a heap of ${mib(flagBytes)}; the engine would give it ${mib(meantBytes)} of the ${mib(availableBytes)} that this process may use`
}
