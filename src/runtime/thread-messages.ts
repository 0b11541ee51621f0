// What the main thread, the coordinator's thread and the workers say to each other. Plain data, structured-clonable.

import type { WasmMemory } from '../base/webassembly.ts'
import type { MessagePort } from 'node:worker_threads'
import type { ErrorRecord } from '../base/errors.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'

/** How a job is to be run. */
export interface JobRequest {
  readonly jobName: string
  /** Undefined while the module is being bundled: then a `module` command follows. */
  readonly jobUrl: string | undefined
  readonly params: Readonly<Record<string, unknown>>
  /** Undefined: the program's own, else the cores of the machine. */
  readonly parallelism: number | undefined
  readonly options: ReadonlyMap<string, string>
}

/** Main thread -> coordinator. */
export type CoordinatorCommand =
  | { readonly kind: 'cancel' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'module'; readonly jobUrl: string }
  /** The module could not be made: the job fails with this. */
  | { readonly kind: 'refuse'; readonly error: ErrorRecord }

/** Totals of one task over its subtasks. */
export interface TaskMetrics {
  readonly task: string
  readonly operators: readonly { readonly name: string; readonly rowsOut: number }[]
  readonly rowsIn: number
  readonly bytesOut: number
  readonly lateRecords: number
  readonly badRecords: number
  /** The least watermark of its subtasks in epoch ms. */
  readonly watermarkMs: number
  readonly backpressured: boolean
  /** Milliseconds in which its subtasks worked, and in which an output held them back; summed over them. */
  readonly busyMs: number
  readonly backpressuredMs: number
  /** Bytes in its inbound rings. */
  readonly backlogBytes: number
  readonly ended: boolean
}

/** Time that latency markers took from source to sink, in milliseconds; empty unless `metrics.latency.interval` is set. */
export interface LatencyMetrics {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** A job's metrics at one moment. */
export interface JobMetrics {
  readonly runningMs: number
  readonly tasks: readonly TaskMetrics[]
  /** Bytes in use in the slabs of all workers. */
  readonly slabBytes: number
  readonly latency: LatencyMetrics | undefined
  /** Garbage collection of the workers: number of pauses, their sum and the longest. */
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
}

/** Coordinator -> main thread. */
export type CoordinatorEvent =
  | { readonly kind: 'planned'; readonly plan: ExecutionPlan; readonly planText: string }
  /** The workers run. Their memories hold the doorbells to ring after a push; the ports, one a worker, carry records of named inputs and outputs. */
  | {
      readonly kind: 'running'
      readonly memories: readonly WasmMemory[]
      readonly ports: readonly MessagePort[]
      readonly inputs: readonly string[]
      readonly outputs: readonly string[]
      /** One int32 for each output: records sent and not taken yet. */
      readonly outputPending: SharedArrayBuffer
    }
  | { readonly kind: 'metrics'; readonly metrics: JobMetrics }
  | { readonly kind: 'log'; readonly operatorName: string; readonly subtaskIndex: number; readonly message: string }
  | { readonly kind: 'finished'; readonly metrics: JobMetrics }
  | { readonly kind: 'cancelled'; readonly metrics: JobMetrics | undefined }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }

/** Worker -> main thread, on the program port. `ended` is the last message: ports of different threads are not ordered with each other. */
export type ProgramMessage =
  | { readonly output: string; readonly records: readonly unknown[] }
  /** A pushed message was taken by the source. */
  | { readonly accepted: number }
  | { readonly ended: true }

/** Main thread -> worker, on the program port. */
export type PushMessage = { readonly id: number; readonly input: string; readonly records: readonly unknown[] | 'ended' }

/** How a worker's task ended. */
export type WorkerOutcome =
  | { readonly kind: 'ended' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly task: string; readonly subtaskIndex: number; readonly error: ErrorRecord }
