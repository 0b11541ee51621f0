// Runs a whole job on the calling thread, step by step: `Millrace.local()`, and tests with a virtual clock and a seeded scheduler. The same
// worker runtimes as on threads, with the same rings between them.

import { assert } from '../base/assert.ts'
import type { WasmModule } from '../base/webassembly.ts'
import type { Clock } from '../base/clock.ts'
import { closeAllOrThrow } from '../base/close.ts'
import { VirtualClock } from '../base/clock.ts'
import type { FileSystem } from '../base/file-system.ts'
import type { Random } from '../base/random.ts'
import { workerMemoryBytes } from '../base/memory-budget.ts'
import { compileKernels } from '../kernels/kernels.ts'
import type { ProgramEdge } from '../operator/operator.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { LogicalGraph } from '../plan/transformation.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { CheckpointCoordinator } from './checkpoint-coordinator.ts'
import { enumerateSplits, splitsByUid } from './enumerate-splits.ts'
import { type JobSnapshot, jobSnapshotOf } from '../checkpoint/job-snapshot.ts'
import type { OperatorSignature } from '../checkpoint/operator-signature.ts'
import { assertRestorable } from '../checkpoint/restore-decision.ts'
import { summarize } from '../checkpoint/snapshot-summary.ts'
import { allowsNonRestoredState, isIncremental } from './checkpoint-options.ts'
import { inFlightRefusals } from './in-flight.ts'
import { type EndedSubtask, endedSubtaskOf, PendingCheckpoint } from './pending-checkpoint.ts'
import { type Histograms, JobMetricsReader } from './job-metrics.ts'
import { plannedOperators, signaturesOf } from './planned-operators.ts'
import { closeQuietly } from './worker-loop.ts'
import { batchRowsMaxOf, createWorkerMemory, ringBytesMaxOf, WorkerRuntime } from './worker-runtime.ts'

/** Steps between two turns of the event loop, so that a job on the calling thread does not shut out the program around it. */
const STEPS_PER_TURN = 64
const SLEEP_MS_MAX = 50

/** What differs between runs on the calling thread. */
export interface LocalExecutorOptions {
  readonly clock: Clock
  /** Picks which subtask steps next; without it they take turns. */
  readonly scheduler?: Random
  readonly batchRowsMax?: number
  readonly slabBytesMax?: number
  readonly options?: ReadonlyMap<string, string>
  readonly program?: ProgramEdge
  /** Capacity of the rings at most: a power of two from 512 on. */
  readonly ringBytesMax?: number
  /** Asked each time an output is asked for room: true makes it say no this once. */
  readonly refuse?: () => boolean
  /** Whether checkpoints will be taken; the last one behind the end of the job, see {@link LocalExecutor.hasProcessed}. @default false */
  readonly isCheckpointed?: boolean
  /** The checkpoint to go on from: of a job with the same plan. */
  readonly restore?: JobSnapshot
  /** Who takes the checkpoints, instead of {@link LocalExecutor.startCheckpoint}. */
  readonly checkpoints?: Pick<CheckpointCoordinator, 'acknowledge' | 'takeInFlight' | 'subtaskEnded'> | undefined
  /** Where sinks write files. @default the machine's file system */
  readonly files?: FileSystem | undefined
  /** Given if latency is to be among the metrics. */
  readonly histograms?: Histograms | undefined
  log(operatorName: string, subtaskIndex: number, message: string): void
}

/** For jobs without named inputs and outputs. */
const NO_PROGRAM: ProgramEdge = { send: () => {}, pendingCount: () => 0, receive: () => 'ended' }

const compiled: { module: WasmModule | undefined } = { module: undefined }

/** The kernels of this thread, compiled on first use. */
function kernelsModule(): WasmModule {
  return (compiled.module ??= compileKernels())
}

/** A job on the calling thread. */
export class LocalExecutor {
  readonly workers: readonly WorkerRuntime[]
  readonly metrics: JobMetricsReader
  readonly #clock: Clock
  readonly #scheduler: Random | undefined
  readonly plan: ExecutionPlan
  #closed = false
  /** The splits of each source, by uid. */
  readonly splits: JobSnapshot['splits']
  /** The last checkpoint that was taken. */
  #last: JobSnapshot | undefined
  /** What the operators are, by uid. */
  readonly signatures: ReadonlyMap<string, OperatorSignature>
  /** The checkpoint under way. */
  #pending: PendingCheckpoint | undefined
  readonly #endedSubtasks = new Map<string, EndedSubtask>()
  /** Ends the pause that the executor is in. */
  #wake: (() => void) | undefined

  /**
   * Builds every operator.
   *
   * @param graph What the plan was made of; one for each worker where functions must not share what they keep, as on threads.
   * @throws what an operator's `open` or a source throws; nothing is left open then.
   */
  constructor(plan: ExecutionPlan, graph: LogicalGraph | readonly LogicalGraph[], options: LocalExecutorOptions) {
    this.#clock = options.clock
    this.#scheduler = options.scheduler
    this.plan = plan
    const { refuse } = options
    const ringBytesMax = options.ringBytesMax ?? ringBytesMaxOf(options.options)
    const graphs = graph instanceof LogicalGraph ? [graph] : graph
    const slabBytesMax = options.slabBytesMax ?? workerMemoryBytes(plan.workers)
    const memories = Array.from({ length: plan.workers }, (_, index) => createWorkerMemory(plan, index, slabBytesMax, ringBytesMax))
    this.metrics = new JobMetricsReader(plan, memories, options.clock, options.histograms, ringBytesMax)
    const { restore } = options
    const planned = restore !== undefined || options.isCheckpointed === true ? plannedOperators(plan, graphs[0]) : []
    this.signatures = signaturesOf(planned)
    if (restore !== undefined) {
      const allows = allowsNonRestoredState(options.options ?? new Map())
      assertRestorable(`checkpoint ${restore.checkpointId}`, summarize(restore), planned, allows, inFlightRefusals(plan, graphs[0], restore))
    }
    const splits = enumerateSplits(plan, graphs[0], restore)
    this.splits = splitsByUid(plan, splits)
    const workers: WorkerRuntime[] = []
    try {
      for (let workerIndex = 0; workerIndex < plan.workers; workerIndex++)
        workers.push(
          new WorkerRuntime(
            {
              plan,
              workerIndex,
              memories,
              kernels: kernelsModule(),
              slabBytesMax,
              batchRowsMax: options.batchRowsMax ?? batchRowsMaxOf(options.options),
              tableSeed: 0x5eed + workerIndex,
              options: options.options ?? new Map(),
              splits,
              ringBytesMax,
              isCheckpointed: options.isCheckpointed === true,
              isIncremental: options.isCheckpointed === true && isIncremental(options.options ?? new Map()),
              lastCheckpointId: 0,
              ...(restore && { restore }),
            },
            graphs[Math.min(workerIndex, graphs.length - 1)],
            {
              clock: options.clock,
              program: options.program ?? NO_PROGRAM,
              wake: () => this.#wake?.(),
              log: options.log,
              announceCounter: (counter) => this.metrics.nameCounter(workerIndex, counter),
              files: options.files,
              snapshotTaken: (checkpointId, id, part, ended, inFlight) => {
                if (options.checkpoints !== undefined) options.checkpoints.acknowledge(checkpointId, id, part, ended, inFlight)
                else if (this.#pending?.checkpointId === checkpointId) this.#pending.acknowledge(id, part, ended, inFlight)
              },
              inFlightTaken: (checkpointId, id, file) => {
                if (options.checkpoints !== undefined) options.checkpoints.takeInFlight(checkpointId, id, file)
                else if (this.#pending?.checkpointId === checkpointId) this.#pending.takeInFlight(id, file)
              },
              subtaskEnded: (subtask) => {
                if (options.isCheckpointed !== true) return
                const ended = endedSubtaskOf(subtask)
                if (options.checkpoints === undefined) this.#endedSubtasks.set(ended.head, ended)
                else options.checkpoints.subtaskEnded(ended)
              },
              ...(refuse && { refuse }),
            },
          ),
        )
    } catch (error) {
      for (const worker of workers) closeQuietly(worker)
      throw error
    }
    this.workers = workers
  }

  get hasEnded(): boolean {
    return this.workers.every((worker) => worker.hasEnded)
  }

  /** Whether all has been processed: what is left to be committed waits for a last checkpoint. */
  get hasProcessed(): boolean {
    return this.workers.every((worker) => worker.subtasks.every((subtask) => subtask.hasEnded))
  }

  /** Starts a checkpoint. Only one may be under way. */
  startCheckpoint(checkpointId: number): void {
    assert(this.#pending === undefined, 'a checkpoint is under way')
    this.#pending = new PendingCheckpoint(this.plan, this.signatures, checkpointId)
    this.offerBarrier(checkpointId)
  }

  /** Has every source send a barrier. */
  offerBarrier(checkpointId: number): void {
    const barrier = { checkpointId, timestampMs: this.#clock.nowMs(), kind: BarrierKind.CHECKPOINT }
    for (const worker of this.workers) worker.offerBarrier(barrier)
  }

  /** The barriers of a checkpoint that has begun overtake what is in flight from now on. */
  overtake(checkpointId: number): void {
    const barrier = { checkpointId, timestampMs: this.#clock.nowMs(), kind: BarrierKind.UNALIGNED_CHECKPOINT }
    for (const worker of this.workers) worker.overtake(barrier)
  }

  /** The checkpoint under way, once every part has taken its snapshot or has ended; then none is under way. */
  takeCheckpoint(): JobSnapshot | undefined {
    const complete = this.#pending?.complete(this.#endedSubtasks)
    if (complete === undefined) return undefined
    this.#pending = undefined
    this.#last = jobSnapshotOf({ ...complete, splits: this.splits }, this.#last)
    return this.#last
  }

  /** A checkpoint is kept: what was prepared for it is committed. */
  completeCheckpoint(checkpointId: number): void {
    for (const worker of this.workers) worker.notifyCheckpointComplete(checkpointId)
  }

  /** One step of one subtask (with a scheduler) or of all of them. Returns whether anything moved. */
  step(): boolean {
    if (this.#scheduler === undefined) {
      let moved = false
      for (const worker of this.workers) if (worker.step()) moved = true
      return moved
    }
    const open = this.workers.flatMap((worker) => worker.subtasks.filter((subtask) => !subtask.isClosed))
    if (open.length === 0) return false
    return open[this.#scheduler.integer(open.length)].step()
  }

  /**
   * Runs to the end, giving the event loop a turn now and then.
   *
   * @throws what a step throws, after everything was closed; the signal's reason if it is aborted.
   */
  async run(signal?: AbortSignal): Promise<void> {
    try {
      for (let steps = 1; !this.hasEnded; steps++) {
        signal?.throwIfAborted()
        if (!this.step()) await this.#pause()
        if (steps % STEPS_PER_TURN === 0) await new Promise(setImmediate)
      }
    } catch (error) {
      this.abandon()
      throw error
    }
    this.close()
  }

  /** Runs to the end without ever leaving the calling function: needs sources that never wait for the event loop, and a virtual clock for timers. */
  runToEnd(): void {
    let idle = 0
    try {
      while (!this.hasEnded) {
        if (this.step()) idle = 0
        else if (++idle > IDLE_STEPS_MAX * this.workers.length && (idle > STUCK_STEPS_MAX || !this.#passTime()))
          throw new Error('Cannot go on: every subtask waits for something outside')
      }
    } catch (error) {
      this.abandon()
      throw error
    }
    this.close()
  }

  /** Ends a pause of {@link run}: there may be something to do. */
  wake(): void {
    this.#wake?.()
  }

  /** Closes whatever is still open after a failure, which what fails now must not hide: it goes to the log. */
  abandon(): void {
    this.#closed = true
    for (const worker of this.workers) closeQuietly(worker)
  }

  /** Closes whatever is still open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeAllOrThrow(this.workers)
  }

  /** With a virtual clock, time jumps to the next instant at which something is due. */
  #passTime(): boolean {
    const nextMs = Math.min(...this.workers.map((worker) => worker.nextTimeMs))
    if (!(this.#clock instanceof VirtualClock) || nextMs === Infinity) return false
    this.#clock.setMs(Math.max(nextMs, this.#clock.nowMs() + 1))
    return true
  }

  async #pause(): Promise<void> {
    if (this.workers.some((worker) => worker.hasWork()) || this.#passTime()) return
    const nextMs = Math.min(...this.workers.map((worker) => worker.nextTimeMs))
    const waitMs = Math.min(SLEEP_MS_MAX, Math.max(0, nextMs - this.#clock.nowMs()))
    if (waitMs < 1) {
      await new Promise(setImmediate)
      return
    }
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, waitMs)
    })
    clearTimeout(timer)
    this.#wake = undefined
  }
}

/** With a random scheduler a step may miss the one subtask that can move: so many misses in a row mean that none can. */
const IDLE_STEPS_MAX = 1000
/** So many in a row, time passing meanwhile, mean that it does not help. */
const STUCK_STEPS_MAX = 10_000_000
