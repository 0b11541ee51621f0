// What the main thread, the coordinator's thread and the workers say to each other. Plain data, structured-clonable.

import type { WasmMemory } from '../base/webassembly.ts'
import type { MessagePort } from 'node:worker_threads'
import type { ErrorRecord } from '../base/errors.ts'
import type { BudgetMemory } from '../base/shared-budget.ts'
import type { Decimal } from '../batch/types.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { ProgramEdgeSpec } from '../plan/transformation.ts'
import type { PartSnapshot } from '../checkpoint/job-snapshot.ts'
import type { SavepointRequest } from './checkpoint-coordinator.ts'
import type { EndedSubtask, InFlight } from './pending-checkpoint.ts'
import type { CounterName } from './subtask.ts'

/** How a job is to be run. */
export interface JobRequest {
  readonly jobName: string
  /** Undefined while the module is being bundled: then a `module` command follows. */
  readonly jobUrl: string | undefined
  /** Text of the job's program, if a program was submitted and not a URL. */
  readonly source: string | undefined
  readonly params: Readonly<Record<string, unknown>>
  /** Undefined: the program's own, else the cores of the machine. */
  readonly parallelism: number | undefined
  readonly options: ReadonlyMap<string, string>
  /** Whether what an earlier run has kept is moved aside. */
  readonly fresh: boolean
  /** Whether a process that runs the job, and answers, is told to end. */
  readonly takeOver: boolean
  /** The process that starts this one again when it fails. */
  readonly supervisorPid: number | undefined
  /** The coordinator's thread of the attempt before this one, in the same process: it has ended, and may not have given up the job's folder. */
  readonly endedThread?: number
}

/** A job, for threads that run one after the other. */
export interface JobStart {
  /** How many jobs the threads have been given, this one included. */
  readonly run: number
  readonly request: JobRequest
  readonly budget: BudgetMemory
  /** Coordinators' threads of this process that have not ended, this one left out. */
  readonly liveThreads: readonly number[]
  /** Whether the threads are to wait for another job once this one has finished. */
  readonly keepsThreads: boolean
}

/** Main thread -> the coordinator's thread. */
export type ThreadsCommand =
  /** After a job whose threads are kept. */
  | { readonly kind: 'start'; readonly start: JobStart }
  | { readonly kind: 'end' }
  /** For a job that may have ended meanwhile. */
  | { readonly kind: 'job'; readonly run: number; readonly command: CoordinatorCommand }

/** Main thread -> coordinator of a job. */
export type CoordinatorCommand =
  /** Wants `alive`. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'stop' }
  /** Wants `savepoint` with the same number. */
  | { readonly kind: 'savepoint'; readonly id: number; readonly request: SavepointRequest }
  | { readonly kind: 'module'; readonly jobUrl: string }
  /** The module could not be made: the job fails with this. */
  | { readonly kind: 'refuse'; readonly error: ErrorRecord }

/** Counts of one operator, summed over the subtasks. */
export interface OperatorTotals {
  readonly name: string
  /** Rows that came in; of a source those it has read. */
  readonly rowsIn: number
  /** Rows it has emitted, side outputs not counted; none of a sink. */
  readonly rowsOut: number
  /** Bytes that came through exchanges; of a source those it has read from outside. None between operators of one chain. */
  readonly bytesIn: number
  /** Bytes sent into exchanges; of a sink those it has written to the outside. */
  readonly bytesOut: number
  readonly lateRecords: number
  readonly badRecords: number
  /** What user functions and connectors count, by the names they gave. */
  readonly counters: Readonly<Record<string, number>>
  /** Of a sink: what markers took that ended there. Undefined unless `metrics.latency.interval` is set. */
  readonly latency: LatencyMetrics | undefined
}

/** One channel into a subtask. */
export interface ChannelMetrics {
  /** The task and subtask that write it. */
  readonly fromTask: string
  readonly fromSubtask: number
  /** Which input of the task's first operator it feeds. */
  readonly input: number
  /** The last watermark that came through it, in epoch ms. */
  readonly watermarkMs: number
  /** Whether its watermark counts. */
  readonly status: 'active' | 'idle' | 'ended'
  /** Bytes that wait in it or are being worked on, and those it has room for. */
  readonly backlogBytes: number
  readonly capacityBytes: number
}

/** Where one subtask stands. */
export interface SubtaskMetrics {
  readonly watermarkMs: number
  /** Milliseconds in which it worked, had nothing to do, and was held back by a full output: together its whole life. */
  readonly busyMs: number
  readonly idleMs: number
  readonly backpressuredMs: number
  readonly backpressured: boolean
  readonly ended: boolean
  readonly channels: readonly ChannelMetrics[]
}

/** Totals of one task over its subtasks. */
export interface TaskMetrics {
  readonly task: string
  readonly operators: readonly OperatorTotals[]
  readonly subtasks: readonly SubtaskMetrics[]
  /** Rows that its first operator took in. */
  readonly rowsIn: number
  /** Rows that the ends of the chain have emitted or, where they are sinks, taken. */
  readonly rowsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly lateRecords: number
  readonly badRecords: number
  /** The least watermark of its subtasks in epoch ms. */
  readonly watermarkMs: number
  readonly backpressured: boolean
  readonly busyMs: number
  readonly idleMs: number
  readonly backpressuredMs: number
  /** Bytes in its inbound rings. */
  readonly backlogBytes: number
  readonly ended: boolean
}

/** Time that latency markers took from source to sink, in milliseconds. */
export interface LatencyMetrics {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** Garbage collections: number of pauses, their sum and the longest. */
export interface GcMetrics {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
}

/** One worker's memory. */
export interface WorkerMetrics {
  /** Bytes in use in its slab: now, at most so far, and what the budget allows. */
  readonly slabBytes: number
  readonly slabBytesPeak: number
  readonly slabBytesMax: number
  readonly gc: GcMetrics
}

/** The newest checkpoint that a run has completed. */
export interface CheckpointMetrics {
  readonly checkpointId: number
  /** From its barriers' start until it was kept. */
  readonly durationMs: number
  /** Since then. */
  readonly ageMs: number
}

/** A job's metrics at one moment. */
export interface JobMetrics {
  readonly runningMs: number
  readonly tasks: readonly TaskMetrics[]
  readonly workers: readonly WorkerMetrics[]
  /** Bytes in use in the slabs of all workers. */
  readonly slabBytes: number
  /** Over all sinks. Undefined unless `metrics.latency.interval` is set. */
  readonly latency: LatencyMetrics | undefined
  /** Of all workers. */
  readonly gc: GcMetrics
  /** Undefined before the first one of this run. */
  readonly lastCheckpoint: CheckpointMetrics | undefined
}

/** Coordinator -> main thread. */
export type CoordinatorEvent =
  | { readonly kind: 'alive' }
  /** With the options of the program and of whoever has submitted it. */
  | { readonly kind: 'planned'; readonly plan: ExecutionPlan; readonly planText: string; readonly options: ReadonlyMap<string, string> }
  /** The workers run. Their memories hold the doorbells to ring after a push; the ports, one a worker, carry records of named inputs and outputs. */
  | {
      readonly kind: 'running'
      readonly memories: readonly WasmMemory[]
      readonly ports: readonly MessagePort[]
      readonly inputs: readonly ProgramEdgeSpec[]
      readonly outputs: readonly ProgramEdgeSpec[]
      /** One int32 for each name of an output, in the order of their first appearance: records sent and not taken yet. */
      readonly outputPending: SharedArrayBuffer
    }
  | { readonly kind: 'metrics'; readonly metrics: JobMetrics }
  /** It is kept: nothing of it is lost any more. Of savepoints too. */
  | { readonly kind: 'checkpoint'; readonly checkpointId: number }
  | { readonly kind: 'log'; readonly operatorName: string; readonly subtaskIndex: number; readonly message: string }
  /** A savepoint has been taken, unless an error says why not. */
  | { readonly kind: 'savepoint'; readonly id: number; readonly error: ErrorRecord | undefined }
  /** `isKept`: nothing of the job runs any more, and its threads wait for another one. Otherwise they are about to end, as after all that follows. */
  | { readonly kind: 'finished'; readonly metrics: JobMetrics; readonly isKept: boolean }
  | { readonly kind: 'cancelled'; readonly metrics: JobMetrics | undefined }
  /** Behind a savepoint. */
  | { readonly kind: 'stopped'; readonly metrics: JobMetrics }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }

/** Worker -> coordinator. */
export type WorkerEvent =
  | Extract<CoordinatorEvent, { kind: 'log' }>
  | { readonly kind: 'counter'; readonly counter: CounterName }
  /** A barrier has reached a part, which wrote this. */
  | {
      readonly kind: 'snapshot'
      readonly checkpointId: number
      readonly id: string
      readonly part: PartSnapshot
      readonly hadEnded: boolean
      readonly inFlight: InFlight
    }
  /** What the barrier has overtaken in front of a part; undefined if it was nothing. */
  | { readonly kind: 'inFlight'; readonly checkpointId: number; readonly id: string; readonly file: Uint8Array | undefined }
  | { readonly kind: 'subtaskEnded'; readonly ended: EndedSubtask }

/** Worker -> main thread, on the program port. `ended` is the last message: ports of different threads are not ordered with each other. */
export type ProgramMessage =
  | { readonly output: string; readonly records: readonly unknown[]; readonly decimals: readonly Decimal[] }
  /** A pushed message was taken by the source. */
  | { readonly accepted: number }
  /** What was pushed to an input up to a message is in the checkpoint of that number, and in all behind it. */
  | { readonly input: string; readonly held: number; readonly checkpointId: number }
  | { readonly ended: true }

/** Main thread -> worker, on the program port. */
export type PushMessage = {
  readonly id: number
  readonly input: string
  readonly records: readonly unknown[] | 'ended'
  /** Those within the records, whose class structured clone drops. */
  readonly decimals: readonly Decimal[]
}

/** How a worker's task ended. */
export type WorkerOutcome =
  /** `isClean`: user code has left nothing on the thread, which may run another job. */
  | { readonly kind: 'ended'; readonly isClean: boolean }
  | { readonly kind: 'cancelled' }
  /** Behind the savepoint that stopped the job, for which everything has been committed. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly task: string; readonly subtaskIndex: number; readonly error: ErrorRecord }
