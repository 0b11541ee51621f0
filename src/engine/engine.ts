// The embeddable front: submits jobs, hands out handles to them. Runs on the main thread, which stays free: a job has its coordinator's thread
// and its workers, from job-threads.ts.

import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../base/clock.ts'
import { hasCode, JobError, MillraceError, PlanError, toErrorRecord, withHint } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import { checkParallelism } from '../base/key-groups.ts'
import { heapsNote } from '../base/memory-budget.ts'
import { heapFlagBytes, isEngineThread, packageRoot } from '../base/platform.ts'
import { freshSeed, Random } from '../base/random.ts'
import type { Schema } from '../batch/types.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { isJobProgram, JOB_MODULE_HINT, type JobProgram } from '../plan/job-program.ts'
import type { ProgramEdgeSpec } from '../plan/transformation.ts'
import { CHECKPOINT_DIR_OPTION } from '../runtime/checkpoint-options.ts'
import type { SavepointRequest } from '../runtime/checkpoint-coordinator.ts'
import type { CoordinatorCommand, JobMetrics, JobRequest, PushMessage } from '../runtime/thread-messages.ts'
import { JobAttempt } from './job-attempt.ts'
import { ThreadCache } from './job-threads.ts'
import { logToStandardError } from './log-text.ts'
import { parseOption } from './options.ts'
import { edgeError, type InputHandle, type OutputHandle, OutputQueue, PendingPushes, type PushOptions, untilOf } from './program-handles.ts'
import { mayEndOtherwise, type RestartRefusal, Restarts, THREADS_STAY } from './restart-strategy.ts'
import type { RunningJob } from './running-job.ts'

/** Of this process, whichever engine runs its jobs. */
let hasToldHeaps = false

/** How a job is submitted. */
export interface SubmitOptions {
  /** Shown everywhere; the module's file name unless given. */
  readonly name?: string
  /** Given to the job's program as its second argument. Structured-clonable. Not to be changed while the job runs: it may be started again. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Number of workers. @default what the program sets, else the cores this process may use */
  readonly parallelism?: number
  /**
   * Configuration options by key; win over those the program sets.
   *
   * With `execution.checkpointing.dir`, or a `restart-strategy.type`, a job that fails is started again in this process. {@link JobHandle.result} settles
   * once it has ended for good; the hint of its error says why it was not started again.
   */
  readonly options?: Readonly<Record<string, string>>
  /**
   * With `execution.checkpointing.dir`: begins anew, and moves what earlier runs have kept aside. Otherwise the job goes on from its newest
   * checkpoint.
   *
   * @default false
   */
  readonly fresh?: boolean
  /**
   * With `execution.checkpointing.dir`: a process that runs the job and answers is told to end, without a savepoint, and this one goes on with the job from
   * its newest checkpoint. Otherwise it keeps the job, and this start is refused with `JOB_RUNNING`. One that does not answer is killed in any case, see
   * `millrace.job.answer-timeout`.
   *
   * @default false
   */
  readonly takeOver?: boolean
  /** Cancels the job when aborted. */
  readonly signal?: AbortSignal
  /** Called a few times a second while rows move, once a second while none does. */
  readonly onMetrics?: (metrics: JobMetrics) => void
  /** A line that an operator logged. @default standard error */
  readonly onLog?: (operatorName: string, subtaskIndex: number, message: string) => void
}

const SUBMIT_KEYS: OptionKeys<SubmitOptions> = {
  name: true,
  params: true,
  parallelism: true,
  options: true,
  fresh: true,
  takeOver: true,
  signal: true,
  onMetrics: true,
  onLog: true,
}

/** How a job ended. */
export interface JobResult {
  /** `stopped`: by a savepoint, from which it can go on. */
  readonly state: 'finished' | 'cancelled' | 'stopped'
  readonly metrics: JobMetrics
}

const NO_METRICS: JobMetrics = {
  runningMs: 0,
  tasks: [],
  workers: [],
  slabBytes: 0,
  latency: undefined,
  gc: { count: 0, totalMs: 0, maxMs: 0 },
  lastCheckpoint: undefined,
}
/** How long a job that is cancelled before it runs may take to hear of it. */
const START_GRACE_MS = 1000
/** Files of which the engine's threads import something else. */
const NOT_IMPORTED = /\.(?:[cm]?tsx?|sql)$/
const DISPLAY_NAME = /([^/\\]+?)(\.(?:[cm]?[jt]s|sql))?$/

/** A submitted job. */
export class JobHandle implements AsyncDisposable {
  readonly name: string
  /** Resolves when the job finished, was cancelled or stopped; rejects with the error that failed it for good. */
  readonly result: Promise<JobResult>
  readonly #threads: ThreadCache
  readonly #options: SubmitOptions
  readonly #log: NonNullable<SubmitOptions['onLog']>
  /** What the next attempt is started with. */
  #request: JobRequest
  #attempt: JobAttempt
  readonly #restarts: Restarts | undefined
  readonly #outputs = new Map<string, OutputQueue>()
  readonly #pushes = new PendingPushes()
  /** Savepoints that were asked for and are not there yet, by number: called with what went wrong. */
  readonly #savepoints = new Map<number, (error: unknown) => void>()
  #savepointsAsked = 0
  /** What was asked for between two attempts. */
  readonly #waiting: CoordinatorCommand[] = []
  /** Schemas of outputs, where the program has said what it expects. */
  readonly #schemas = new Map<string, string>()
  /** Resolves once the job has run, or has ended without. Rejects with what failed it until then. */
  readonly #started: Promise<unknown>
  readonly #planned: Promise<{ plan: ExecutionPlan; text: string }>
  #metrics: JobMetrics = NO_METRICS
  #job: RunningJob | undefined
  #inputs: readonly ProgramEdgeSpec[] = []
  #takesCheckpoints = false
  #hasStarted = false
  #restartCount = 0
  #isCancelled = false
  #isStopped = false
  /** The handle has told everybody. */
  #settled = false
  /** An attempt has failed, and the next one is not there yet. */
  #isBetween = false
  /** Ends the wait for the next attempt. */
  #endPause: (() => void) | undefined
  readonly #tellPlanned: (value: { plan: ExecutionPlan; text: string }) => void
  readonly #tellStarted: () => void
  readonly #finish: (result: JobResult) => void
  readonly #fail: (error: unknown) => void

  /**
   * @internal Handles are made by {@link Engine.submit}.
   * @param restarts Whether the job may be started again in this process.
   */
  constructor(request: JobRequest, options: SubmitOptions, threads: ThreadCache, restarts: boolean) {
    this.name = request.jobName
    this.#request = request
    this.#options = options
    this.#threads = threads
    this.#log = options.onLog ?? logToStandardError
    this.#restarts = restarts ? new Restarts(new Random(freshSeed())) : undefined
    let planned!: (value: { plan: ExecutionPlan; text: string }) => void
    let running!: () => void
    let finish!: (result: JobResult) => void
    let fail!: (error: unknown) => void
    this.#planned = new Promise((resolve) => (planned = resolve))
    const started = new Promise<void>((resolve) => (running = resolve))
    this.result = new Promise<JobResult>((resolve, reject) => {
      finish = resolve
      fail = reject
    })
    this.#tellPlanned = planned
    this.#tellStarted = running
    this.#finish = finish
    this.#fail = fail
    this.#attempt = this.#start()
    // Whoever awaits `result` hears of a failure; nobody else must make the process die of an unhandled rejection.
    this.result.catch(() => {})
    this.#started = Promise.race([started, this.result])
    this.#started.catch(() => {})
    const { signal } = options
    if (signal === undefined) return
    const onAbort = (): void => void this.cancel()
    signal.addEventListener('abort', onAbort, { once: true })
    // The signal may outlive many jobs.
    void this.stopped().then(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
  }

  #start(): JobAttempt {
    return new JobAttempt(this.#request, this.#threads, {
      onPlanned: ({ plan, planText, options }) => {
        this.#takesCheckpoints = options.has(CHECKPOINT_DIR_OPTION)
        this.#restarts?.configure(options)
        this.#tellPlanned({ plan, text: planText })
        tellHeaps(plan.workers, this.#log)
      },
      onRunning: (job) => {
        this.#hasStarted = true
        this.#job = job
        this.#inputs = job.inputs
        for (const [output, queue] of this.#outputs) {
          job.expect(output, queue.size)
          this.#checkOutput(output, queue)
        }
        this.#tellStarted()
      },
      onRecords: (output, records) => this.#queue(output).add(records),
      onMetrics: (metrics) => {
        this.#metrics = metrics
        this.#options.onMetrics?.(metrics)
      },
      onCheckpoint: (checkpointId) => this.#job?.complete(checkpointId),
      onLog: this.#log,
      onSavepoint: (id, error) => {
        // How the job has ended, or that it goes on, says more.
        if (!hasCode(error, 'JOB_ENDED')) this.#savepoints.get(id)?.(error)
      },
      onEnd: (end) => {
        // Whoever waits for a checkpoint hears that the job has finished before the handle ends all pushes.
        if (end.state === 'finished' && this.#job?.finish() === true) setImmediate(() => this.#end(end.state, end.metrics))
        else if (end.state !== 'failed') this.#end(end.state, end.metrics)
        else this.#goOn(end.error).catch((error: unknown) => this.#giveUp(error))
      },
    })
  }

  /** The attempt has failed: starts another one after a while, unless the job has failed for good. */
  async #goOn(error: unknown): Promise<void> {
    const attempt = this.#attempt
    if (this.#restarts === undefined || this.#isCancelled) return this.#giveUp(error)
    // Another process, or one that could not say so, has done the rest.
    if (this.#restartCount > 0 && hasCode(error, 'JOB_FINISHED')) return this.#end('finished')
    const hasRun = attempt.isPlanned && this.#hasStarted
    if (!hasRun || !mayEndOtherwise(error)) return this.#giveUp(error)
    const refusal = this.#restarts.refusal(
      this.#inputs.map(({ name }) => name),
      error,
    )
    if (refusal !== undefined) return this.#giveUp(error, refusal)
    this.#isBetween = true
    const missed = new JobError('SAVEPOINT_FAILED', `Cannot take a savepoint of job "${this.name}": it has failed, and is about to be started again`, {
      cause: error,
    })
    for (const settle of [...this.#savepoints.values()]) settle(missed)
    const isGone = await attempt.isGone()
    if (this.#settled) return
    if (!isGone) return this.#giveUp(error, THREADS_STAY)
    this.#job?.close()
    this.#job = undefined
    const decision = this.#restarts.onFailure(systemClock.monotonicMs())
    if ('reason' in decision) return this.#giveUp(error, decision)
    const { delayMs } = decision
    const restart = this.#restartCount + 1
    this.#log('', 0, `The job has failed; starting it again in ${(delayMs / 1000).toFixed(1)} s (restart ${restart}): ${shortText(error)}`)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    if (this.#settled) return
    this.#restartCount = restart
    this.#isBetween = false
    // What the first start has begun is gone on with.
    this.#request = { ...this.#request, fresh: false, takeOver: false, endedThread: attempt.threadId }
    this.#attempt = this.#start()
    for (const command of this.#waiting.splice(0)) this.#attempt.tell(command)
    if (this.#isStopped) this.#attempt.tell({ kind: 'stop' })
  }

  /** Fails the job for good. */
  #giveUp(error: unknown, refusal?: RestartRefusal): void {
    const failure = refusal === undefined ? error : withNote(error, refusal)
    if (refusal?.isUnexpected === true) this.#log('', 0, `The job has failed, and is not started again: ${refusal.reason}`)
    this.#settle(failure)
    this.#fail(failure)
  }

  #end(state: JobResult['state'], metrics: JobMetrics = this.#metrics): void {
    this.#metrics = metrics
    this.#settle()
    this.#finish({ state, metrics })
  }

  /** The metrics of the last tick; the final ones once the job has ended. Those of a job that was started again begin anew. */
  get metrics(): JobMetrics {
    return this.#metrics
  }

  /**
   * How often the job was started again after a failure, see `restart-strategy.type`. Records of outputs that came behind the checkpoint from which it
   * goes on come again.
   *
   * @example
   * const handle = engine.submit(alerts, { options: { 'execution.checkpointing.dir': 'checkpoints' } })
   * await handle.result
   * if (handle.restartCount > 0) console.log(`finished at start ${handle.restartCount + 1}`)
   */
  get restartCount(): number {
    return this.#restartCount
  }

  /** @internal Whether the job's workers have been started. */
  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** The execution plan, once it is made. */
  plan(): Promise<{ plan: ExecutionPlan; text: string }> {
    return Promise.race([this.#planned, this.result.then(() => this.#planned)])
  }

  /** Ends the job now; what was in flight is dropped. Resolves when everything has stopped. */
  async cancel(): Promise<void> {
    this.#isCancelled = true
    if (this.#isBetween) this.#endBetween()
    else if (!this.#settled) this.#attempt.tell({ kind: 'cancel' })
    // Before the job runs, the coordinator's thread is the job's module's and program's, which may never come back to hear of it.
    const timer = setTimeout(() => {
      if (this.#job === undefined && !this.#settled) this.#attempt.abandon()
    }, START_GRACE_MS)
    await this.stopped()
    clearTimeout(timer)
  }

  /** Ends a job of which nothing runs. */
  #endBetween(): void {
    if (!this.#settled) this.#end('cancelled')
    this.#endPause?.()
  }

  /** @internal Bundles the job's TypeScript module and tells the coordinator, which waits for it. */
  async bundle(jobUrl: string): Promise<void> {
    try {
      const { resolveJobModule } = await import('./job-bundle.ts')
      const { url, mayWritePlan } = await resolveJobModule(jobUrl)
      if (mayWritePlan === true) await ((await import(url)) as { readonly default: JobProgram }).default.prepare?.(this.#request.params)
      this.#request = { ...this.#request, jobUrl: url }
      this.#attempt.tell({ kind: 'module', jobUrl: url })
    } catch (error) {
      this.#attempt.tell({ kind: 'refuse', error: toErrorRecord(error) })
    }
  }

  /** @internal Resolves when nothing of the job runs any more, however it ended. */
  async stopped(): Promise<void> {
    await this.result.catch(() => {})
    await this.#attempt.released
  }

  /** Ends the sources as if their input had ended, and lets the rest finish. A job that waits to be started again is cancelled. */
  async stop(): Promise<JobResult> {
    this.#isStopped = true
    if (this.#isBetween) this.#endBetween()
    else if (!this.#settled) this.#attempt.tell({ kind: 'stop' })
    return this.result
  }

  /**
   * Takes a savepoint, and goes on: the state of the job with the position of every source, from which a job can start (`execution.state-recovery.path`),
   * this one or a changed one, at any parallelism. It waits for the job to run, and for a checkpoint that is under way. In a job that takes checkpoints a
   * savepoint is one too.
   *
   * @param directory Folder of the savepoint: not there yet, or empty. It can be moved and copied, and nothing but its owner removes it.
   * @returns Resolves with its absolute path when it survives everything.
   * @throws {PlanError} `SAVEPOINT_EXISTS` if the folder holds something.
   * @throws {JobError} `SAVEPOINT_IN_PROGRESS` while another one is taken; `SAVEPOINT_FAILED`, `CHECKPOINT_FAILED` if it cannot be kept: the job goes on;
   *   `JOB_ENDED`.
   * @example
   * const handle = engine.submit(alerts)
   * const path = await handle.triggerSavepoint('savepoints/before-the-upgrade')
   */
  triggerSavepoint(directory: string): Promise<string> {
    return this.#savepoint(directory, 'continue')
  }

  /**
   * Takes a savepoint and stops the job, so that nothing follows the savepoint: its sources read no more, sinks commit what they have, no timer fires. If
   * the savepoint fails the job goes on.
   *
   * @param directory As for {@link triggerSavepoint}.
   * @param options With `drain` the sources end first, as if their input had: every window and event-time timer fires, and the job has finished. Only for
   *   jobs that end for good: one that starts from the savepoint finds nothing left to do.
   * @returns Resolves with the path of the savepoint once nothing of the job runs any more.
   * @throws as {@link triggerSavepoint}; and what fails the job behind its savepoint.
   * @example
   * const handle = engine.submit(alerts)
   * await handle.stopWithSavepoint('savepoints/friday')
   * engine.submit(alerts, { options: { 'execution.state-recovery.path': 'savepoints/friday' } })
   */
  async stopWithSavepoint(directory: string, { drain = false }: { readonly drain?: boolean } = {}): Promise<string> {
    const path = await this.#savepoint(directory, drain ? 'drain' : 'stop')
    await this.stopped()
    await this.result
    return path
  }

  async #savepoint(directory: string, mode: SavepointRequest['mode']): Promise<string> {
    if (typeof directory !== 'string' || directory === '')
      throw new PlanError('INVALID_ARGUMENT', `Cannot take a savepoint of job "${this.name}": expected the path of a folder`)
    const folder = resolve(directory)
    const ended = new JobError('JOB_ENDED', `Cannot take a savepoint of job "${this.name}": it has ended`)
    if (this.#settled || this.#attempt.isEnding) throw ended
    const id = ++this.#savepointsAsked
    await new Promise<void>((settle, refuse) => {
      this.#savepoints.set(id, (error) => {
        this.#savepoints.delete(id)
        if (error === undefined) settle()
        else refuse(error)
      })
      const command: CoordinatorCommand = { kind: 'savepoint', id, request: { folder, mode } }
      if (this.#isBetween) this.#waiting.push(command)
      else this.#attempt.tell(command)
      this.result.then(
        () => this.#savepoints.get(id)?.(ended),
        (error: unknown) => this.#savepoints.get(id)?.(error),
      )
    })
    return folder
  }

  /**
   * The records of a named output, from the first one on if asked for before the job runs.
   *
   * @param schema Of the records: gives them their type, and is held against that of the output.
   * @example
   * engine.submit(alerts).output<string>('alerts').subscribe((alert) => console.log(alert))
   */
  output<R = unknown>(name: string, schema?: Schema<R>): OutputHandle<R> {
    return this.#queue(name, schema?.toString()) as OutputHandle<unknown> as OutputHandle<R>
  }

  /** A named input; a schema gives its records their type, and is held against that of the input. */
  input<R = unknown>(name: string, schema?: Schema<R>): InputHandle<R> {
    const ended = (): JobError => new JobError('JOB_ENDED', `Cannot push to input "${name}": job "${this.name}" has ended`)
    const send = async (records: PushMessage['records'], options?: PushOptions): Promise<void> => {
      await this.#started
      if (!this.#hasStarted || this.#settled) throw ended()
      const error = edgeError('input', name, schema?.toString(), this.name, this.#inputs)
      if (error !== undefined) throw error
      const job = this.#job
      // A job with inputs is not started again: it is about to fail.
      if (job === undefined) throw ended()
      const until = untilOf(options, name, this.#takesCheckpoints, this.#inputs.filter((input) => input.name === name).length)
      await this.#pushes.untilEnd(job.push(name, records, until), ended)
    }
    return { push: (record, options) => send([record], options), end: () => send('ended') }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel()
  }

  #queue(output: string, schema?: string): OutputQueue {
    let queue = this.#outputs.get(output)
    if (queue === undefined) {
      queue = new OutputQueue(
        (count) => this.#job?.taken(output, count),
        () => void this.cancel(),
      )
      this.#outputs.set(output, queue)
      if (this.#settled) queue.end()
    }
    if (schema !== undefined) this.#schemas.set(output, schema)
    this.#checkOutput(output, queue)
    return queue
  }

  /** Ends the queue of an output that the running job does not have, or has with other columns. */
  #checkOutput(output: string, queue: OutputQueue): void {
    const error = this.#job && edgeError('output', output, this.#schemas.get(output), this.name, this.#job.outputs)
    if (error !== undefined) queue.end(error)
  }

  #settle(failure?: unknown): void {
    if (this.#settled) return
    this.#settled = true
    for (const queue of this.#outputs.values()) queue.end(failure)
    this.#pushes.end(failure)
    this.#job?.close()
    // It refers to the workers' memories.
    this.#job = undefined
  }
}

/** An error in a line of the log. */
function shortText(error: unknown): string {
  return error instanceof MillraceError ? `${error.code}: ${error.message}` : String(error)
}

/** The error, with why its job is not started again behind its hint. */
function withNote(error: unknown, { reason, isUnexpected }: RestartRefusal): unknown {
  if (!(error instanceof MillraceError) || (!isUnexpected && error.hint !== undefined)) return error
  return withHint(error, [error.hint, `The job is not started again: ${reason}.`].filter((part) => part !== undefined).join(' '))
}

/** Tells once that the heaps of workers may take more than is meant for them. */
function tellHeaps(workers: number, log: NonNullable<SubmitOptions['onLog']>): void {
  const note = hasToldHeaps ? undefined : heapsNote(workers, heapFlagBytes())
  if (note === undefined) return
  hasToldHeaps = true
  log('', 0, `note: ${note}`)
}

/**
 * Runs jobs in this process. Two engines in one process do not know each other.
 *
 * The threads of a job that has finished wait a few seconds for the next one, which starts on them in milliseconds. Each job has its module loaded
 * anew, with variables of its own; what that imports is loaded once a thread, and whatever imports the job's module back gets its first copy.
 * Threads on which user code has left something running, or much memory, and those of jobs that failed or were cancelled, end with their job.
 */
export class Engine implements AsyncDisposable {
  readonly #threads: ThreadCache
  readonly #jobs = new Set<JobHandle>()
  #closed = false
  readonly #restarts: boolean
  readonly #supervisorPid: number | undefined

  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => void this.close()

  /**
   * @internal Engines are made by `Millrace.start`.
   * @param options Closes the engine when aborted; whether threads wait for further jobs; whether jobs that have failed are started again in this process;
   *   which process starts this one again when it fails.
   */
  constructor({
    signal,
    keepsThreads = true,
    restarts = true,
    supervisorPid,
  }: { readonly signal?: AbortSignal; readonly keepsThreads?: boolean; readonly restarts?: boolean; readonly supervisorPid?: number | undefined } = {}) {
    this.#restarts = restarts
    this.#supervisorPid = supervisorPid
    if (isEngineThread())
      throw new PlanError('JOB_RUNS_PROGRAM', 'Cannot start an engine on a thread of an engine: the module of the job starts the program around it', {
        hint: JOB_MODULE_HINT,
      })
    this.#threads = new ThreadCache(pathToFileURL(join(packageRoot(), 'dist/')), keepsThreads)
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /**
   * Starts a job.
   *
   * @param job What `defineJob` returned, or the URL of the module that exports it. A TypeScript module is bundled first. Or SQL: the URL of a script, whose
   * variables are the params, or a text of the tag `sql`.
   * @throws {JobError} `ENGINE_CLOSED` after {@link close}.
   * @throws {PlanError} `INVALID_PARALLELISM`
   * @example
   * const handle = engine.submit(alerts, { params: { threshold: 10 } })
   * for await (const alert of handle.output('alerts')) console.log(alert)
   */
  submit(job: JobProgram | URL | string, options: SubmitOptions = {}): JobHandle {
    if (this.#closed) throw new JobError('ENGINE_CLOSED', 'Cannot submit a job: the engine is closed')
    refuseUnknownOptions('submit a job', options, SUBMIT_KEYS)
    const jobUrl = isJobProgram(job) ? job.url : String(job)
    const { pathname } = new URL(jobUrl)
    const isImported = !NOT_IMPORTED.test(pathname)
    const jobName = options.name ?? DISPLAY_NAME.exec(pathname)?.[1] ?? 'job'
    // Before any thread is started for it.
    if (options.parallelism !== undefined) checkParallelism(jobName, options.parallelism)
    const handle = new JobHandle(
      {
        jobName,
        jobUrl: isImported ? jobUrl : undefined,
        source: isJobProgram(job) ? job.source : undefined,
        params: options.params ?? {},
        parallelism: options.parallelism,
        options: new Map(
          Object.entries(options.options ?? {})
            .map(([key, text]) => parseOption(key, text))
            .map(({ key, value }) => [key, value]),
        ),
        fresh: options.fresh === true,
        takeOver: options.takeOver === true,
        supervisorPid: this.#supervisorPid,
      },
      options,
      this.#threads,
      this.#restarts,
    )
    if (!isImported) void handle.bundle(jobUrl)
    this.#jobs.add(handle)
    void handle.stopped().then(() => this.#jobs.delete(handle))
    return handle
  }

  /** Cancels all jobs and waits until nothing of them runs. */
  async close(): Promise<void> {
    this.#closed = true
    // The signal may outlive many engines.
    this.#signal?.removeEventListener('abort', this.#onAbort)
    await Promise.all([...this.#jobs].map((job) => job.cancel()))
    await this.#threads.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
