// Plans a job, makes the memories, has the workers run it, watches them, and tells the main thread, which only talks to this one. Runs on the
// coordinator's thread. Invariant: one job at a time; only after one that finished and left nothing behind do the threads wait for the next.

import type { WasmMemory, WasmModule } from '../base/webassembly.ts'
import { isAbsolute, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { systemClock, systemTimers } from '../base/clock.ts'
import { failPoint } from '../base/fail-points.ts'
import { fromErrorRecord, JobError, PlanError, RUN_FRAGMENT, toErrorRecord } from '../base/errors.ts'
import { processSlabBytes, workerMemoryBytes } from '../base/memory-budget.ts'
import { availableCores, packageVersion } from '../base/platform.ts'
import { freshSeed } from '../base/random.ts'
import { SharedBudget } from '../base/shared-budget.ts'
import { compileKernels } from '../kernels/kernels.ts'
import { type ExecutionPlan, formatPlan, planJob, type PlanOptions } from '../plan/execution-plan.ts'
import { jobProgramOf, maxParallelismOf } from '../plan/job-program.ts'
import type { LogicalGraph } from '../plan/transformation.ts'
import { Doorbell, PARK_TIMEOUT_MS_MAX } from '../ring/parking.ts'
import { spinMicrosFor } from '../ring/idle-strategy.ts'
import { answerTimeoutMsOf, hangTimeoutMsOf, TICK_MS, TICK_MS_IDLE } from './coordinator-ticks.ts'
import { CheckpointStore } from '../checkpoint/checkpoint-store.ts'
import type { EndStatus, JobDirectory } from '../checkpoint/job-directory.ts'
import type { JobSnapshot } from '../checkpoint/job-snapshot.ts'
import { assertRestorable } from '../checkpoint/restore-decision.ts'
import { summarize } from '../checkpoint/snapshot-summary.ts'
import { LocalCheckpointStorage } from '../checkpoint/local-storage.ts'
import { confirmSavepoint, readSavepoint } from '../checkpoint/savepoint.ts'
import { claimJob } from './claim-job.ts'
import type { ControlHandlers } from './control-server.ts'
import { CheckpointCoordinator, type SavepointRequest } from './checkpoint-coordinator.ts'
import { allowsNonRestoredState, type CheckpointOptions, checkpointOptionsOf, checkpointTimeoutMsOf, savepointOf } from './checkpoint-options.ts'
import {
  CHECKPOINTS_ADDRESS,
  Command,
  COMMAND_ADDRESS,
  COMPLETE_CHECKPOINT_ADDRESS,
  DOORBELL_ADDRESS,
  FINAL_CHECKPOINT_ADDRESS,
  HEARTBEAT_ADDRESS,
  OVERTAKING_CHECKPOINT_ADDRESS,
  SAVEPOINT_ADDRESS,
} from './control-layout.ts'
import { enumerateSplits, splitsByUid } from './enumerate-splits.ts'
import { inFlightRefusals } from './in-flight.ts'
import { JobMetricsReader, loadHistograms } from './job-metrics.ts'
import { plannedOperators, signaturesOf } from './planned-operators.ts'
import { activeResources, leavesNothing } from './leftovers.ts'
import type { CoordinatorCommand, CoordinatorEvent, JobStart, ThreadsCommand, WorkerEvent, WorkerOutcome } from './thread-messages.ts'
import { endThread, watchStrayErrors } from './stray-errors.ts'
import { divertConsole } from './user-console.ts'
import { startWorkerPool } from './worker-pool.ts'
import type { WorkerTask } from './worker.ts'
import { batchRowsMaxOf, createWorkerMemory, ringBytesMaxOf, type WorkerSettings } from './worker-runtime.ts'

/** What the main thread starts this one with. */
export interface CoordinatorData {
  readonly workerUrl: string
  /** The first job. */
  readonly start: JobStart
}

/** How long a worker that was told to end may take, before its thread is ended. */
const CANCEL_TIMEOUT_MS = 10_000
/** How long the threads of workers that are ended may take. */
const END_MS_MAX = 2000
/** Workers whose memories have grown beyond this part of what the process may use for slabs, all together, give them back at once, and end. */
const KEPT_SHARE = 0.25

/** What one job leaves to the next: workers that wait, their code, and their memories, whose pages the system has given already. */
interface Kept {
  readonly pool: Piscina
  readonly kernels: WasmModule | undefined
  readonly memories: readonly WasmMemory[]
  /** How far each memory may grow. */
  readonly slabBytesMax: number
}

/** Runs jobs, one after the other, as long as their threads are kept; then ends this one. */
export async function coordinate({ workerUrl, start }: CoordinatorData, port: MessagePort, pool: Piscina): Promise<void> {
  let kept: Kept = { pool, kernels: undefined, memories: [], slabBytesMax: 0 }
  let current: { readonly run: number; readonly coordinator: Coordinator } | undefined
  let go: (next: JobStart | undefined) => void
  port.on('message', (message: ThreadsCommand) => {
    if (message.kind !== 'job') go(message.kind === 'start' ? message.start : undefined)
    // What was sent to a job that had ended by then is nothing to the next one.
    else if (message.run === current?.run) current.coordinator.take(message.command)
  })
  for (let next: JobStart | undefined = start; next !== undefined;) {
    const following = new Promise<JobStart | undefined>((resolve) => (go = resolve))
    const coordinator: Coordinator = new Coordinator(workerUrl, next, port, kept)
    current = { run: next.run, coordinator }
    // Memories that it does not use must not stay because of this one.
    kept = { ...kept, memories: [] }
    const left = await coordinator.run()
    if (left === undefined) break
    current = undefined
    kept = left
    next = await following
    if (next === undefined) await kept.pool.destroy()
  }
  // What a job's module has left running here must not keep the thread.
  endThread()
}

function jobHasEnded(status: EndStatus): never {
  throw new JobError('JOB_ENDED', `Cannot take a savepoint: the job has ended, and is ${status}`)
}

/** The module as these threads load it for their `run`-th job: anew, with variables of its own. */
function moduleUrlOf(jobUrl: string, run: number): string {
  return run === 1 ? jobUrl : `${jobUrl}${RUN_FRAGMENT}${run}`
}

/** One job's coordinator. */
class Coordinator {
  readonly #workerUrl: string
  readonly #start: JobStart
  readonly #port: MessagePort
  #plan!: ExecutionPlan
  readonly #memories: WasmMemory[] = []
  #slabBytesMax = 0
  #kernels: WasmModule | undefined
  /** What the job before has left, until it is used. */
  #kept: Kept | undefined
  #pool: Piscina
  /** Set once the pool is being destroyed: a second call would have piscina start new threads. */
  #destroyed: Promise<void> | undefined
  /** What failed the job: the first failure decides, the others follow from it. */
  #failure: unknown
  /** Whether each worker's run has not ended yet. */
  readonly #isRunning: boolean[] = []
  /** Every worker has ended and left nothing behind. */
  #isClean = false
  #outputs: readonly string[] = []
  #outputPending = new SharedArrayBuffer(0)
  #programPorts: MessagePort[] = []
  #metrics!: JobMetricsReader
  #checkpoints: CheckpointCoordinator | undefined
  #directory: JobDirectory | undefined
  /** How the job has ended, once its folder has been given up. */
  readonly #ended: Promise<EndStatus>
  #tellEnded!: (status: EndStatus) => void
  /** Settled once savepoints can be taken; never, if the job ends before. */
  readonly #running: Promise<CheckpointCoordinator>
  #becomeRunning!: (checkpoints: CheckpointCoordinator) => void
  #jobUrl = ''
  /** The URL of a module that is bundled while this thread starts. */
  readonly #module: Promise<string>
  #takeModule!: (jobUrl: string) => void
  #refuseModule!: (error: Error) => void
  #cancelled = false
  #stopped = false

  /** @param kept Workers, as many as the job will most likely want, and the memories of the job before. */
  constructor(workerUrl: string, start: JobStart, port: MessagePort, kept: Kept) {
    this.#workerUrl = workerUrl
    this.#start = start
    this.#kept = kept
    this.#pool = kept.pool
    this.#port = port
    this.#ended = new Promise((resolve) => (this.#tellEnded = resolve))
    this.#running = new Promise((resolve) => (this.#becomeRunning = resolve))
    this.#module = new Promise((resolve, reject) => {
      this.#takeModule = resolve
      this.#refuseModule = reject
    })
    // Only a job that waits for its module hears of it.
    this.#module.catch(() => {})
  }

  /** Runs the job. Returns what may be used for another one; undefined if the threads have ended. */
  async run(): Promise<Kept | undefined> {
    divertConsole((message) => this.#log(message))
    const before = activeResources()
    const stray = new Promise<never>((_, reject) => watchStrayErrors('the coordinator', reject))
    try {
      const outcome = await Promise.race([this.#runJob(), stray])
      if (outcome.kind !== 'finished') this.#post(outcome)
      else {
        // Who cancels a job that has ended already ends its threads.
        const isLean = this.#memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) <= processSlabBytes() * KEPT_SHARE
        const isKept = this.#start.keepsThreads && isLean && this.#isClean && (await leavesNothing(before)) && !this.#cancelled && this.#destroyed === undefined
        this.#post({ ...outcome, isKept })
        if (isKept) return { pool: this.#pool, kernels: this.#kernels, memories: this.#memories, slabBytesMax: this.#slabBytesMax }
      }
    } catch (error) {
      this.#post({ kind: 'failed', error: toErrorRecord(error) })
    }
    await this.#destroyPool()
    return undefined
  }

  async #runJob(): Promise<CoordinatorEvent> {
    const { request } = this.#start
    // From here on user code may keep this thread.
    this.#post({ kind: 'alive' })
    const moduleUrl = request.jobUrl ?? (await this.#module)
    if (this.#cancelled) return { kind: 'cancelled', metrics: undefined }
    this.#jobUrl = moduleUrlOf(moduleUrl, this.#start.run)
    const program = jobProgramOf((await import(this.#jobUrl)) as object, moduleUrl, request.source)
    const built = await program.build(request.params)
    const planOptions: PlanOptions = {
      jobName: request.jobName,
      parallelism: request.parallelism ?? built.parallelism ?? availableCores(),
      maxParallelism: maxParallelismOf(built, request.options),
    }
    this.#plan = planJob(built.graph, planOptions)
    const plan = this.#plan
    const options = new Map([...built.options, ...request.options])
    this.#post({ kind: 'planned', plan, planText: formatPlan(plan, built.graph), options })
    const checkpointing = checkpointOptionsOf(options)
    if (checkpointing === undefined && (request.fresh || request.takeOver))
      throw new PlanError('INVALID_OPTION', `Cannot ${request.fresh ? 'begin anew' : 'take the job over'}: nothing says where checkpoints are kept`, {
        hint: 'Set execution.checkpointing.dir to the folder.',
      })
    if (checkpointing === undefined) return this.#runPlanned(built.graph, planOptions, options, undefined)
    const { directory, control } = await claimJob(checkpointing.directory, plan.jobName, {
      fresh: request.fresh,
      takeOver: request.takeOver,
      savepoint: savepointOf(options),
      supervisorPid: request.supervisorPid,
      liveThreads: this.#start.liveThreads,
      ...(request.endedThread !== undefined && { endedThread: request.endedThread }),
      answerTimeoutMs: answerTimeoutMsOf(options),
      handlers: this.#handlers(),
      log: (message) => this.#log(message),
    })
    this.#directory = directory
    let outcome: CoordinatorEvent | undefined
    try {
      outcome = await this.#runPlanned(built.graph, planOptions, options, { options: checkpointing, directory })
      return outcome
    } finally {
      // Another process that claims the folder listens in it.
      control?.hide()
      if (await this.#haveWorkersEnded())
        this.#release(directory, outcome?.kind === 'finished' || outcome?.kind === 'stopped' || outcome?.kind === 'cancelled' ? outcome.kind : 'failed')
      await control?.end()
    }
  }

  /** A thread that a call of the system holds may still write: then the folder stays this process's until its end. */
  async #haveWorkersEnded(): Promise<boolean> {
    if (this.#destroyed === undefined) return true
    const late = sleep(END_MS_MAX, false, { ref: false })
    return Promise.race([this.#destroyed.then(() => true), late])
  }

  /** What other processes may ask. */
  #handlers(): ControlHandlers {
    const request = async (savepoint: SavepointRequest): Promise<void> => {
      const outside = savepoint.folder === undefined ? '..' : relative(this.#directory!.folder, savepoint.folder)
      if (!outside.startsWith('..') && !isAbsolute(outside))
        throw new PlanError('INVALID_ARGUMENT', `Cannot write a savepoint to "${savepoint.folder}": it lies in the folder of the job`, {
          hint: 'Checkpoints come and go there; name another folder.',
        })
      await Promise.race([this.takeSavepoint(savepoint), this.#ended.then(jobHasEnded)])
    }
    return {
      status: () => ({
        ...{ job: this.#plan.jobName, pid: process.pid, attempt: this.#directory?.attempt ?? 0 },
        ...{ state: this.#checkpoints === undefined ? 'starting' : 'running', checkpoint: this.#directory?.lastCheckpointId ?? 0 },
      }),
      cancel: async () => {
        this.take({ kind: 'cancel' })
        return { status: await this.#ended }
      },
      stop: async ({ savepoint, drain = false }) => {
        await request({ folder: savepoint, mode: drain ? 'drain' : 'stop' })
        const status = await this.#ended
        return { status, checkpoint: this.#directory!.lastCheckpointId, savepoint }
      },
      savepoint: async ({ directory }) => {
        await request({ folder: directory, mode: 'continue' })
        return { savepoint: directory }
      },
    }
  }

  #release(directory: JobDirectory, status: EndStatus): void {
    try {
      directory.release(status)
      this.#tellEnded(status)
    } catch (error) {
      // What has failed the job says more. One that has finished must not run again.
      if (status === 'finished') throw error
      this.#log((error as Error).message)
    }
  }

  async #runPlanned(
    graph: LogicalGraph,
    planOptions: PlanOptions,
    options: ReadonlyMap<string, string>,
    checkpointing: { readonly options: CheckpointOptions; readonly directory: JobDirectory } | undefined,
  ): Promise<CoordinatorEvent> {
    const plan = this.#plan
    const store = checkpointing && new CheckpointStore(new LocalCheckpointStorage(checkpointing.directory.folder), checkpointing.options.retained)
    const planned = once(() => plannedOperators(plan, graph))
    const checkRestore = (title: string, snapshot: JobSnapshot): void => {
      const { operators } = assertRestorable(title, summarize(snapshot), planned(), allowsNonRestoredState(options), inFlightRefusals(plan, graph, snapshot))
      for (const { name, uid, verdict, reason } of operators) if (verdict === 'drop') this.#log(`State of "${name}" (uid "${uid}") is dropped: ${reason}`)
    }
    const checkpoint = store && (await this.#findCheckpoint(store, checkpointing.directory.lastCheckpointId, checkRestore))
    const restore =
      checkpoint ?? (await this.#readSavepoint(checkpointing === undefined ? savepointOf(options) : checkpointing.directory.savepoint, checkRestore))
    // Numbers go on behind those of a savepoint too: stores may know them.
    const lastCheckpointId = Math.max(restore?.checkpointId ?? 0, store === undefined ? 0 : await store.lastId())
    const splits = enumerateSplits(plan, graph, restore)
    this.#outputs = [...new Set(graph.programOutputs.map(({ name }) => name))]
    this.#outputPending = new SharedArrayBuffer(Math.max(1, this.#outputs.length) * 4)
    // Memory that was set by hand is what the user wants, whatever other jobs take.
    const memoryMax = options.get('millrace.worker.memory-max')
    const slabBytesMax = memoryMax === undefined ? workerMemoryBytes(plan.workers) : Number(memoryMax)
    const ringBytesMax = ringBytesMaxOf(options)
    const budget = memoryMax === undefined ? new SharedBudget(this.#start.budget) : undefined
    this.#slabBytesMax = slabBytesMax
    const kept = this.#kept
    this.#kept = undefined
    const used = kept?.slabBytesMax === slabBytesMax ? kept.memories : []
    for (let index = 0; index < plan.workers; index++) this.#memories.push(createWorkerMemory(plan, index, slabBytesMax, ringBytesMax, budget, used[index]))
    if (this.#cancelled) return { kind: 'cancelled', metrics: undefined }
    if (this.#stopped) this.#send(Command.STOP)
    this.#metrics = new JobMetricsReader(plan, this.#memories, systemClock, await loadHistograms(options), ringBytesMax)
    if (plan.workers !== this.#pool.maxThreads) {
      await this.#pool.destroy()
      this.#pool = startWorkerPool(this.#workerUrl, plan.workers)
    }
    const kernels = (this.#kernels = kept?.kernels ?? compileKernels())
    const tableSeed = freshSeed()
    const runs = this.#memories.map((_, workerIndex) => {
      const settings = {
        ...{ kernels, tableSeed, splits, options, slabBytesMax, ringBytesMax, lastCheckpointId },
        isCheckpointed: checkpointing !== undefined,
        isIncremental: checkpointing?.options.isIncremental === true,
        ...(budget && { budget: budget.memory }),
        ...(restore && { restore }),
      }
      return this.#runWorker(workerIndex, { ...planOptions }, settings)
    })
    const ports = this.#programPorts
    this.#port.postMessage(
      {
        kind: 'running',
        memories: this.#memories,
        ports,
        inputs: graph.programInputs,
        outputs: graph.programOutputs,
        outputPending: this.#outputPending,
      } satisfies CoordinatorEvent,
      ports,
    )
    const stopWatching = this.#watch(options)
    const checkpoints = new CheckpointCoordinator({
      plan,
      signatures: () => signaturesOf(planned()),
      splits: splitsByUid(plan, splits),
      periodic: checkpointing && { ...checkpointing.options, store: store! },
      timeoutMs: checkpointTimeoutMsOf(options),
      origin: { jobName: plan.jobName, engineVersion: packageVersion(), attempt: checkpointing?.directory.attempt ?? 1 },
      clock: systemClock,
      timers: systemTimers,
      lastId: lastCheckpointId,
      restoresInFlight: restore !== undefined && restore.inFlight.size > 0,
      begin: (checkpointId, savepoint) => {
        // In front of the number: whoever sees that knows what it is.
        if (savepoint !== undefined) this.#tellWorkers(SAVEPOINT_ADDRESS, checkpointId)
        if (savepoint === 'stop') this.#tellWorkers(FINAL_CHECKPOINT_ADDRESS, checkpointId)
        this.#tellWorkers(CHECKPOINTS_ADDRESS, checkpointId)
      },
      overtake: (checkpointId) => this.#tellWorkers(OVERTAKING_CHECKPOINT_ADDRESS, checkpointId),
      resume: () => this.#tellWorkers(FINAL_CHECKPOINT_ADDRESS, 0),
      drain: () => this.#send(Command.DRAIN),
      end: () => this.#send(Command.END),
      note: (checkpointId) => checkpointing?.directory.noteCheckpoint(checkpointId),
      complete: (checkpointId, durationMs) => {
        this.#tellWorkers(COMPLETE_CHECKPOINT_ADDRESS, checkpointId)
        this.#metrics.noteCheckpoint(checkpointId, durationMs)
        this.#post({ kind: 'checkpoint', checkpointId })
      },
      fail: (error) => this.#fail(error, CANCEL_TIMEOUT_MS),
      log: (message) => this.#log(message),
    })
    this.#checkpoints = checkpoints
    this.#becomeRunning(checkpoints)
    try {
      const outcome = await this.#outcome(runs)
      if (outcome.kind === 'finished') await checkpoints.finish()
      return outcome
    } finally {
      await checkpoints.stop()
      stopWatching()
    }
  }

  /**
   * Takes a savepoint, once the job runs.
   *
   * @throws as {@link CheckpointCoordinator.takeSavepoint}; and what ends the job before.
   */
  async takeSavepoint(request: SavepointRequest): Promise<void> {
    await (await this.#running).takeSavepoint(request)
  }

  async #readSavepoint(folder: string | undefined, check: (title: string, snapshot: JobSnapshot) => void): Promise<JobSnapshot | undefined> {
    if (folder === undefined) return undefined
    const { snapshot, metadata } = await readSavepoint(folder)
    await confirmSavepoint(folder)
    failPoint('restore.savepoint-read')
    check(`the savepoint in "${folder}"`, snapshot)
    this.#log(`Starts from the savepoint in "${folder}" of ${new Date(metadata.timestampMs).toISOString()}`)
    return snapshot
  }

  /**
   * The checkpoint to go on from, if there is one.
   *
   * @param lastId The last one that was complete, as the job's folder says.
   */
  async #findCheckpoint(store: CheckpointStore, lastId: number, check: (title: string, snapshot: JobSnapshot) => void): Promise<JobSnapshot | undefined> {
    const found = await store.newest(lastId)
    if (found === undefined) return undefined
    failPoint('restore.found')
    for (const warning of found.warnings) this.#log(warning)
    check(`checkpoint ${found.snapshot.checkpointId}`, found.snapshot)
    failPoint('restore.checked')
    this.#log(`Goes on from checkpoint ${found.snapshot.checkpointId} of ${new Date(found.metadata.timestampMs).toISOString()}`)
    return found.snapshot
  }

  #runWorker(
    workerIndex: number,
    planOptions: PlanOptions,
    shared: Omit<WorkerSettings, 'plan' | 'workerIndex' | 'memories' | 'batchRowsMax'>,
  ): Promise<WorkerOutcome> {
    const { request } = this.#start
    const events = new MessageChannel()
    const program = new MessageChannel()
    this.#programPorts.push(program.port1)
    const take = (event: WorkerEvent): void => {
      if (event.kind === 'counter') this.#metrics.nameCounter(workerIndex, event.counter)
      else if (event.kind === 'snapshot') this.#checkpoints?.acknowledge(event.checkpointId, event.id, event.part, event.hadEnded, event.inFlight)
      else if (event.kind === 'inFlight') this.#checkpoints?.takeInFlight(event.checkpointId, event.id, event.file)
      else if (event.kind === 'subtaskEnded') this.#checkpoints?.subtaskEnded(event.ended)
      else this.#post(event)
    }
    events.port1.on('message', take)
    this.#isRunning[workerIndex] = true
    const task: WorkerTask = {
      settings: { ...shared, plan: this.#plan, workerIndex, memories: this.#memories, batchRowsMax: batchRowsMaxOf(shared.options) },
      jobUrl: this.#jobUrl,
      params: request.params,
      planOptions,
      // The coordinator wakes rarely; the workers are who wants the cores.
      spinMicros: spinMicrosFor(this.#plan.workers, availableCores()),
      events: events.port2,
      program: program.port2,
      outputPending: this.#outputPending,
      outputs: this.#outputs,
      keepsThread: this.#start.keepsThreads,
    }
    return (this.#pool.run(task, { transferList: [events.port2, program.port2] as never }) as Promise<WorkerOutcome>).finally(() => {
      this.#isRunning[workerIndex] = false
      // The worker's last lines may have come and not been read: its outcome takes another way.
      for (let last = receiveMessageOnPort(events.port1); last !== undefined; last = receiveMessageOnPort(events.port1)) take(last.message as WorkerEvent)
      events.port1.close()
    })
  }

  /** Waits for all workers. The first that fails, or is lost, ends the others. */
  async #outcome(runs: readonly Promise<WorkerOutcome>[]): Promise<CoordinatorEvent> {
    const outcomes = await Promise.all(
      runs.map(async (run): Promise<WorkerOutcome> => {
        try {
          const outcome = await run
          if (outcome.kind === 'failed') this.#fail(fromErrorRecord(outcome.error), CANCEL_TIMEOUT_MS)
          return outcome
        } catch (error) {
          // A lost worker: piscina would start another one, but its state is gone, so the job fails and the pool goes with it.
          const isOutOfMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
          if (!this.#cancelled)
            this.#fail(
              new JobError('WORKER_LOST', `A worker thread ${isOutOfMemory ? 'ran out of memory' : 'ended unexpectedly'}`, {
                cause: error,
                ...(isOutOfMemory && { hint: 'Give it more with --max-old-space-size, or lower the parallelism.' }),
              }),
              CANCEL_TIMEOUT_MS,
            )
          return { kind: 'cancelled' }
        }
      }),
    )
    if (this.#failure !== undefined) return { kind: 'failed', error: toErrorRecord(this.#failure) }
    if (outcomes.some((outcome) => outcome.kind === 'cancelled')) return { kind: 'cancelled', metrics: this.#metrics.read() }
    if (outcomes.some((outcome) => outcome.kind === 'stopped')) return { kind: 'stopped', metrics: this.#metrics.read() }
    this.#isClean = outcomes.every((outcome) => outcome.kind === 'ended' && outcome.isClean)
    return { kind: 'finished', metrics: this.#metrics.read(), isKept: false }
  }

  /** Decides that the job fails, once. What fails later only follows: workers that were told to end, threads that were ended. */
  #fail(error: unknown, graceMs: number): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#endWorkers(graceMs)
  }

  /** Tells all workers to end; those that have not after `graceMs` go with their threads. */
  #endWorkers(graceMs: number): void {
    this.#send(Command.CANCEL)
    setTimeout(() => void this.#destroyPool(), graceMs).unref()
  }

  #destroyPool(): Promise<void> {
    return (this.#destroyed ??= this.#pool.destroy())
  }

  /** Metrics and hang detection, a few times a second. Returns what ends it. */
  #watch(options: ReadonlyMap<string, string>): () => void {
    const timeoutMs = hangTimeoutMsOf(options)
    const watched = this.#memories.map(({ buffer }) => ({
      words: new Int32Array(buffer),
      doorbell: new Doorbell(buffer, DOORBELL_ADDRESS),
      heartbeat: -1,
      sinceMs: systemClock.monotonicMs(),
    }))
    let rows = -1
    let timer: NodeJS.Timeout
    const tick = (): void => {
      const metrics = this.#metrics.read()
      this.#post({ kind: 'metrics', metrics })
      const nowMs = systemClock.monotonicMs()
      for (const [index, worker] of watched.entries()) {
        // Pairs with Atomics.add in the worker's loop; orders nothing.
        const heartbeat = Atomics.load(worker.words, HEARTBEAT_ADDRESS >>> 2)
        // A parked worker moves when its park ends. One that is stuck in a callback of its event loop looks parked too.
        const allowedMs = timeoutMs + (worker.doorbell.isParked() ? PARK_TIMEOUT_MS_MAX : 0)
        if (heartbeat !== worker.heartbeat || !this.#isRunning[index]) {
          worker.heartbeat = heartbeat
          worker.sinceMs = nowMs
        } else if (nowMs - worker.sinceMs > allowedMs && !this.#cancelled)
          this.#fail(
            new JobError('WORKER_HUNG', `Worker ${index} has not moved for ${timeoutMs} ms`, {
              hint: 'A user function blocks its thread; look for endless loops or blocking calls.',
            }),
            0,
          )
      }
      const rowsNow = metrics.tasks.reduce((sum, { rowsIn, operators }) => operators.reduce((total, { rowsOut }) => total + rowsOut, sum + rowsIn), 0)
      timer = setTimeout(tick, rowsNow === rows ? TICK_MS_IDLE : TICK_MS)
      rows = rowsNow
    }
    timer = setTimeout(tick, TICK_MS)
    return () => clearTimeout(timer)
  }

  /** Does what the main thread says. */
  take(command: CoordinatorCommand): void {
    if (command.kind === 'ask') this.#post({ kind: 'alive' })
    else if (command.kind === 'module') this.#takeModule(command.jobUrl)
    else if (command.kind === 'refuse') this.#refuseModule(fromErrorRecord(command.error))
    else if (command.kind === 'savepoint') {
      const { id, request } = command
      const tell = (error: unknown): void => this.#post({ kind: 'savepoint', id, error: error === undefined ? undefined : toErrorRecord(error) })
      this.takeSavepoint(request).then(tell, tell)
    } else if (command.kind === 'cancel') {
      this.#cancelled = true
      this.#takeModule('')
      this.#endWorkers(CANCEL_TIMEOUT_MS)
    } else if (!this.#stopped) {
      this.#stopped = true
      this.#send(Command.STOP)
    }
  }

  #send(command: number): void {
    this.#tellWorkers(COMMAND_ADDRESS, command)
  }

  /** Writes a control word of every worker. */
  #tellWorkers(address: number, word: number): void {
    for (const memory of this.#memories) {
      // Pairs with Atomics.load in the worker's loop; the mail behind it wakes a parked worker and keeps an awake one from parking.
      Atomics.store(new Int32Array(memory.buffer), address >>> 2, word)
      new Doorbell(memory.buffer, DOORBELL_ADDRESS).post()
    }
  }

  #log(message: string): void {
    this.#post({ kind: 'log', operatorName: '', subtaskIndex: 0, message })
  }

  #post(event: CoordinatorEvent): void {
    this.#port.postMessage(event)
  }
}

/** Makes something when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
