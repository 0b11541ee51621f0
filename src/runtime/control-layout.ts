// The fixed region of a worker's slab: control words, doorbell, metric slots and inbound rings, laid out before any thread starts and never
// moved. Every thread computes the same layout from the plan.
//
//   SLAB_RESERVED_BYTES          control words (int32, one cache line each)
//     + 0    command             RUN, STOP (drain the sources), DRAIN (the same, for a savepoint), CANCEL, END (behind a savepoint)
//     + 128  heartbeat           counts the worker's loop; the coordinator sees a hang when it stands still
//     + 256  checkpoints         the last one that has begun, the last one that is complete, the one behind which sources
//                              stand still, the last one that is a savepoint, the last one that overtakes
//     + 384  doorbell            ring/parking.ts
//   then     split counters      one cache line for each source task (worker 0's slab): next split to hand out
//   then     split progress      one int32 for each source task and subtask: index of the split being read
//   then     worker slots        runtime/subtask-metrics.ts
//   then     subtask blocks      one for each task, on every worker: float64 slots of subtask, operators and channels, then latency buckets
//   then     inbound rings

import { RING_BYTES_MAX, ringBytesOf } from '../base/memory-budget.ts'
import { SLAB_RESERVED_BYTES } from '../base/slab.ts'
import type { ExecutionPlan, PlanExchange, PlanTask } from '../plan/execution-plan.ts'
import { LATENCY_BUCKETS, LATENCY_BYTES } from '../metrics/latency-histogram.ts'
import { DOORBELL_BYTES } from '../ring/parking.ts'
import { RING_ALIGNMENT_BYTES, ringRegionBytes } from '../ring/ring-layout.ts'
import { CHANNEL_SLOTS, OPERATOR_SLOTS, SUBTASK_SLOTS, WORKER_SLOTS } from './subtask-metrics.ts'

const LINE_BYTES = 128

export const Command = { RUN: 0, STOP: 1, CANCEL: 2, DRAIN: 3, END: 4 } as const
export type Command = (typeof Command)[keyof typeof Command]

export const COMMAND_ADDRESS = SLAB_RESERVED_BYTES
export const HEARTBEAT_ADDRESS = COMMAND_ADDRESS + LINE_BYTES
/** Number of the last checkpoint that has begun; 0: none. */
export const CHECKPOINTS_ADDRESS = HEARTBEAT_ADDRESS + LINE_BYTES
/** Number of the last checkpoint that is complete; 0: none. */
export const COMPLETE_CHECKPOINT_ADDRESS = CHECKPOINTS_ADDRESS + 4
/** Number of the checkpoint behind which sources stand still; 0: none. */
export const FINAL_CHECKPOINT_ADDRESS = CHECKPOINTS_ADDRESS + 8
/** Number of the last checkpoint that is a savepoint, for which everything is written; 0: none. */
export const SAVEPOINT_ADDRESS = CHECKPOINTS_ADDRESS + 12
/** Number of the last checkpoint whose barriers overtake; 0: none. */
export const OVERTAKING_CHECKPOINT_ADDRESS = CHECKPOINTS_ADDRESS + 16
export const DOORBELL_ADDRESS = CHECKPOINTS_ADDRESS + LINE_BYTES
const SPLITS_ADDRESS = DOORBELL_ADDRESS + DOORBELL_BYTES

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
  let address = align(subtaskBlockAddress(plan, plan.tasks.length))
  const channels = places.map((place) => {
    const channel = { ...place, address, capacityBytes }
    address = align(address + ringRegionBytes(capacityBytes))
    return channel
  })
  return { workerIndex, channels, fixedBytes: address - SLAB_RESERVED_BYTES }
}

/** Capacity of each ring of an exchange at its first consumer; others may have fewer rings, and so larger ones. */
export function exchangeRingBytes(plan: ExecutionPlan, exchange: PlanExchange): number {
  return layoutWorker(plan, 0).channels.find((channel) => channel.exchange.id === exchange.id)!.capacityBytes
}

/** Address of a source task's hand-out counter in worker 0's slab. */
export function splitCounterAddress(taskId: number): number {
  return SPLITS_ADDRESS + taskId * LINE_BYTES
}

/** Address, in worker 0's slab, of the split index that a subtask of a source task is reading. */
export function splitProgressAddress(plan: ExecutionPlan, taskId: number, subtask: number): number {
  return SPLITS_ADDRESS + plan.tasks.length * LINE_BYTES + (taskId * plan.workers + subtask) * 4
}

/** The slots of a worker, in its memory. */
export function workerSlots(buffer: ArrayBufferLike, plan: ExecutionPlan): Float64Array {
  return new Float64Array(buffer, workerSlotsAddress(plan), WORKER_SLOTS)
}

/** The slots of a task's subtask, in its worker's memory. */
export function subtaskSlots(buffer: ArrayBufferLike, plan: ExecutionPlan, taskId: number): Float64Array {
  return new Float64Array(buffer, subtaskBlockAddress(plan, taskId), SUBTASK_SLOTS)
}

/** The slots of one operator of a subtask's chain. */
export function operatorSlots(buffer: ArrayBufferLike, plan: ExecutionPlan, taskId: number, operatorIndex: number): Float64Array {
  return new Float64Array(buffer, operatorSlotsAddress(plan, taskId, operatorIndex), OPERATOR_SLOTS)
}

/** The slots of the channels into a subtask: the watermarks of all of them, then their statuses; in the order of the worker's layout. */
export function channelSlots(buffer: ArrayBufferLike, plan: ExecutionPlan, taskId: number): Float64Array {
  const address = operatorSlotsAddress(plan, taskId, plan.tasks[taskId].operators.length)
  return new Float64Array(buffer, address, channelsMax(plan, taskId) * CHANNEL_SLOTS)
}

/** The latency buckets of a sink in a subtask's chain: those of markers that ended there. */
export function latencyBuckets(buffer: ArrayBufferLike, plan: ExecutionPlan, taskId: number, operatorIndex: number): Int32Array {
  const { operators } = plan.tasks[taskId]
  const address = operatorSlotsAddress(plan, taskId, operators.length) + channelsMax(plan, taskId) * CHANNEL_SLOTS * 8
  return new Int32Array(buffer, address + sinksAmong(operators.slice(0, operatorIndex)) * LATENCY_BYTES, LATENCY_BUCKETS)
}

function workerSlotsAddress(plan: ExecutionPlan): number {
  return align(splitProgressAddress(plan, plan.tasks.length, 0))
}

/** Blocks lie one behind the other in the order of the tasks, at the same place in every memory: a worker without the subtask leaves it empty. */
function subtaskBlockAddress(plan: ExecutionPlan, taskId: number): number {
  let address = align(workerSlotsAddress(plan) + WORKER_SLOTS * 8)
  for (const { id, operators } of plan.tasks.slice(0, taskId)) {
    const slots = SUBTASK_SLOTS + operators.length * OPERATOR_SLOTS + channelsMax(plan, id) * CHANNEL_SLOTS
    address = align(address + slots * 8 + sinksAmong(operators) * LATENCY_BYTES)
  }
  return address
}

function operatorSlotsAddress(plan: ExecutionPlan, taskId: number, operatorIndex: number): number {
  return subtaskBlockAddress(plan, taskId) + (SUBTASK_SLOTS + operatorIndex * OPERATOR_SLOTS) * 8
}

/** Channels that a subtask of the task can have, whatever the partitioners. */
function channelsMax(plan: ExecutionPlan, taskId: number): number {
  return plan.exchanges.reduce((sum, { fromTask, toTask }) => (toTask === taskId ? sum + plan.tasks[fromTask].parallelism : sum), 0)
}

function sinksAmong(operators: PlanTask['operators']): number {
  return operators.filter(({ kind }) => kind === 'sink').length
}

function align(address: number): number {
  return Math.ceil(address / RING_ALIGNMENT_BYTES) * RING_ALIGNMENT_BYTES
}
