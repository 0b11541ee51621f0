// The fixed region of a worker's slab: control words, doorbell, metric slots and inbound rings, laid out before any thread starts and never
// moved. Every thread computes the same layout from the plan.
//
//   SLAB_RESERVED_BYTES          control words (int32, one cache line each)
//     + 0    command             RUN, STOP (drain the sources), CANCEL
//     + 128  heartbeat           counts the worker's loop; the coordinator sees a hang when it stands still
//     + 256  doorbell            ring/parking.ts
//   then     split counters      one cache line for each source task (worker 0's slab): next split to hand out
//   then     split progress      one int32 for each source task and subtask: index of the split being read
//   then     subtask slots       one block for each subtask of the worker: float64 slots (runtime/subtask-metrics.ts), then latency buckets
//   then     inbound rings

import { RING_BYTES_MAX, ringBytesOf } from '../base/memory-budget.ts'
import { SLAB_RESERVED_BYTES } from '../base/slab.ts'
import type { ExecutionPlan, PlanExchange } from '../plan/execution-plan.ts'
import { LATENCY_BYTES } from '../metrics/latency-histogram.ts'
import { DOORBELL_BYTES } from '../ring/parking.ts'
import { RING_ALIGNMENT_BYTES, ringRegionBytes } from '../ring/ring-layout.ts'

const LINE_BYTES = 128

export const Command = { RUN: 0, STOP: 1, CANCEL: 2 } as const
export type Command = (typeof Command)[keyof typeof Command]

export const COMMAND_ADDRESS = SLAB_RESERVED_BYTES
export const HEARTBEAT_ADDRESS = COMMAND_ADDRESS + LINE_BYTES
export const DOORBELL_ADDRESS = HEARTBEAT_ADDRESS + LINE_BYTES
const SPLITS_ADDRESS = DOORBELL_ADDRESS + DOORBELL_BYTES

/** Float64 slots of one subtask; the first ones are named in subtask-metrics.ts, the rest are its operators'. */
export const SUBTASK_SLOTS = 128
const SUBTASK_BYTES = SUBTASK_SLOTS * 8 + LATENCY_BYTES

/** One channel of an exchange, and where its ring lies in the consumer's slab. */
export interface ChannelPlace {
  readonly exchange: PlanExchange
  readonly fromSubtask: number
  readonly toSubtask: number
  readonly address: number
  readonly capacityBytes: number
}

/** The layout of one worker's fixed region. */
export interface WorkerLayout {
  readonly workerIndex: number
  readonly channels: readonly ChannelPlace[]
  /** Bytes behind the kernels' page that the slab's allocator leaves alone. */
  readonly fixedBytes: number
}

/** Which downstream subtasks a sender has channels to. */
export function channelTargets(exchange: PlanExchange, fromSubtask: number, fromParallelism: number, toParallelism: number): readonly number[] {
  if (exchange.partitioner === 'forward') return [fromSubtask]
  if (exchange.partitioner === 'global') return [0]
  if (exchange.partitioner === 'rescale') {
    if (toParallelism <= fromParallelism) return [Math.floor((fromSubtask * toParallelism) / fromParallelism)]
    const first = Math.floor((fromSubtask * toParallelism) / fromParallelism)
    const end = Math.floor(((fromSubtask + 1) * toParallelism) / fromParallelism)
    return Array.from({ length: end - first }, (_, index) => first + index)
  }
  return Array.from({ length: toParallelism }, (_, index) => index)
}

/**
 * Lays out the fixed region of a worker.
 *
 * @param ringBytesMax Capacity of its rings at most, a power of two; tests make them tiny, so that everything waits for credit.
 */
export function layoutWorker(plan: ExecutionPlan, workerIndex: number, ringBytesMax: number = RING_BYTES_MAX): WorkerLayout {
  const places: Omit<ChannelPlace, 'address' | 'capacityBytes'>[] = []
  for (const exchange of plan.exchanges) {
    const from = plan.tasks[exchange.fromTask].parallelism
    const to = plan.tasks[exchange.toTask].parallelism
    if (workerIndex >= to) continue
    for (let fromSubtask = 0; fromSubtask < from; fromSubtask++)
      if (channelTargets(exchange, fromSubtask, from, to).includes(workerIndex)) places.push({ exchange, fromSubtask, toSubtask: workerIndex })
  }
  const capacityBytes = ringBytesOf(places.length, ringBytesMax)
  let address = align(subtaskSlotsAddress(plan) + plan.tasks.length * SUBTASK_BYTES)
  const channels = places.map((place) => {
    const channel = { ...place, address, capacityBytes }
    address = align(address + ringRegionBytes(capacityBytes))
    return channel
  })
  return { workerIndex, channels, fixedBytes: address - SLAB_RESERVED_BYTES }
}

/** Address of a source task's hand-out counter in worker 0's slab. */
export function splitCounterAddress(taskId: number): number {
  return SPLITS_ADDRESS + taskId * LINE_BYTES
}

/** Address, in worker 0's slab, of the split index that a subtask of a source task is reading. */
export function splitProgressAddress(plan: ExecutionPlan, taskId: number, subtask: number): number {
  return SPLITS_ADDRESS + plan.tasks.length * LINE_BYTES + (taskId * plan.workers + subtask) * 4
}

/** Address of the latency buckets of a task's subtask: those of markers that ended there. */
export function latencyBucketsAddress(plan: ExecutionPlan, taskId: number): number {
  return subtaskSlotsAddress(plan, taskId) + SUBTASK_SLOTS * 8
}

/** Address of the metric slots of a task's subtask in its worker's slab. */
export function subtaskSlotsAddress(plan: ExecutionPlan, taskId: number = 0): number {
  return align(splitProgressAddress(plan, plan.tasks.length, 0)) + taskId * SUBTASK_BYTES
}

function align(address: number): number {
  return Math.ceil(address / RING_ALIGNMENT_BYTES) * RING_ALIGNMENT_BYTES
}
