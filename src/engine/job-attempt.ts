// One start of a job: the threads that run it, and what they say. Runs on the main thread. Invariant: `onEnd` is called once, however the attempt ends.

import { setTimeout as sleep } from 'node:timers/promises'
import { fromErrorRecord, JobError, type MillraceError, PlanError } from '../base/errors.ts'
import { processSlabBytes } from '../base/memory-budget.ts'
import { SharedBudget } from '../base/shared-budget.ts'
import { JOB_MODULE_HINT } from '../plan/job-program.ts'
import { hangTimeoutMsOf } from '../runtime/coordinator-ticks.ts'
import type { CoordinatorCommand, CoordinatorEvent, JobMetrics, JobRequest } from '../runtime/thread-messages.ts'
import { CoordinatorWatch } from './coordinator-watch.ts'
import type { JobThreads, ThreadCache } from './job-threads.ts'
import { RunningJob } from './running-job.ts'

/** What the slabs of all jobs of this process share, whichever engine runs them; made with the first job. */
let processBudget: SharedArrayBuffer | undefined
/** How long the last records of a job that has failed may take to come: those of a thread that does not end never do. */
const DRAIN_MS_MAX = 1000
/** How long the threads of an attempt that has failed may take to end. */
const END_MS_MAX = 5000

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly state: 'finished' | 'cancelled' | 'stopped'; readonly metrics: JobMetrics | undefined }
  | { readonly state: 'failed'; readonly error: unknown }

/** What is heard of an attempt. */
export interface AttemptListener {
  onPlanned(event: Extract<CoordinatorEvent, { kind: 'planned' }>): void
  onRunning(job: RunningJob): void
  onRecords(output: string, records: readonly unknown[]): void
  onMetrics(metrics: JobMetrics): void
  /** A checkpoint is complete. */
  onCheckpoint(checkpointId: number): void
  onLog(operatorName: string, subtaskIndex: number, message: string): void
  onSavepoint(id: number, error: Error | undefined): void
  /** Its records have come by then; its threads may still run. */
  onEnd(end: AttemptEnd): void
}

/** An attempt: starts with its constructor. */
export class JobAttempt {
  /** Resolves when nothing of it runs on its threads any more. */
  readonly released: Promise<void>
  readonly #jobName: string
  readonly #listener: AttemptListener
  readonly #watch: CoordinatorWatch
  readonly #threads: JobThreads
  /** Its number among the jobs of its threads. */
  readonly #run: number
  #release!: () => void
  /** Settles when every worker has sent its last record. */
  #drained: Promise<unknown> = Promise.resolve()
  #isPlanned = false
  /** How it ended, once the coordinator has told. */
  #told: CoordinatorEvent['kind'] | undefined
  #hasEnded = false
  /** Cancelled before it ran, by ending its threads. */
  #isAbandoned = false

  constructor(request: JobRequest, threads: ThreadCache, listener: AttemptListener) {
    this.#jobName = request.jobName
    this.#listener = listener
    this.released = new Promise((resolve) => (this.#release = resolve))
    this.#watch = new CoordinatorWatch(
      hangTimeoutMsOf(request.options),
      () => this.tell({ kind: 'ask' }),
      (timeoutMs) => this.#hang(timeoutMs),
    )
    const budget = SharedBudget.ofJob((processBudget ??= SharedBudget.ofProcess(processSlabBytes())))
    this.#threads = threads.run(
      { request, budget },
      {
        onEvent: (event) => this.#take(event),
        onError: (error: Error & { code?: unknown }) => this.#fail(coordinatorFailure(error, this.#jobName, this.#isPlanned)),
        onReleased: () => this.#onReleased(),
      },
    )
    this.#run = this.#threads.currentRun
  }

  /** The number of its coordinator's thread. */
  get threadId(): number {
    return this.#threads.threadId
  }

  /** Whether its plan was made. */
  get isPlanned(): boolean {
    return this.#isPlanned
  }

  /** Whether it has come to an end that is no failure, or is about to. */
  get isEnding(): boolean {
    return this.#told !== undefined && this.#told !== 'failed'
  }

  tell(command: CoordinatorCommand): void {
    this.#threads.tell(this.#run, command)
  }

  /** Ends it with its threads: the coordinator's may never come back to hear that it is cancelled. */
  abandon(): void {
    this.#isAbandoned = true
    this.#threads.terminate()
  }

  /** Resolves once nothing of it runs any more and all of its records have come: with false if that takes too long. */
  async isGone(): Promise<boolean> {
    const late = new AbortController()
    const isReleased = await Promise.race([
      this.released.then(() => true),
      sleep(END_MS_MAX, false, { signal: late.signal })
        // What has come while this thread stood still is heard first.
        .then(() => new Promise<false>((resolve) => void setImmediate(() => resolve(false))))
        .catch(() => false),
    ])
    late.abort()
    if (isReleased) await this.#drained
    return isReleased
  }

  #take(event: CoordinatorEvent): void {
    // Of one that hung, and comes back for a moment.
    if (this.#hasEnded) return
    if (event.kind === 'finished' || event.kind === 'cancelled' || event.kind === 'stopped' || event.kind === 'failed') {
      this.#told = event.kind
      this.#watch.end()
    } else this.#watch.heard()
    switch (event.kind) {
      case 'planned':
        this.#isPlanned = true
        this.#watch.setTimeoutMs(hangTimeoutMsOf(event.options))
        this.#listener.onPlanned(event)
        return
      case 'running': {
        const job = new RunningJob(event, (output, records) => this.#listener.onRecords(output, records))
        this.#drained = job.drained
        this.#listener.onRunning(job)
        return
      }
      case 'metrics':
        this.#listener.onMetrics(event.metrics)
        return
      case 'checkpoint':
        this.#listener.onCheckpoint(event.checkpointId)
        return
      case 'log':
        this.#listener.onLog(event.operatorName, event.subtaskIndex, event.message)
        return
      case 'savepoint':
        this.#listener.onSavepoint(event.id, event.error && fromErrorRecord(event.error))
        return
      case 'finished':
      case 'stopped':
        // What the workers sent may still be on its way: other ports, other order.
        void this.#drained.then(() => this.#end({ state: event.kind, metrics: event.metrics }))
        return
      case 'cancelled':
        this.#end({ state: 'cancelled', metrics: event.metrics })
        return
      case 'failed': {
        const late = sleep(DRAIN_MS_MAX, undefined, { ref: false })
        void Promise.race([this.#drained, late]).then(() => this.#fail(fromErrorRecord(event.error)))
      }
    }
  }

  #hang(timeoutMs: number): void {
    this.#fail(
      new JobError('COORDINATOR_HUNG', `The coordinator thread of job "${this.#jobName}" has not answered for ${timeoutMs} ms`, {
        hint: 'The module of the job, its program or a source that is planned blocks it; look for endless loops or blocking calls.',
      }),
    )
    this.#threads.terminate()
  }

  #onReleased(): void {
    this.#watch.end()
    this.#release()
    if (this.#told !== undefined) return
    if (this.#isAbandoned) this.#end({ state: 'cancelled', metrics: undefined })
    else this.#fail(new JobError('COORDINATOR_LOST', 'The coordinator thread ended before the job did'))
  }

  #fail(error: unknown): void {
    this.#end({ state: 'failed', error })
  }

  #end(end: AttemptEnd): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#listener.onEnd(end)
  }
}

/** What an error that ended the coordinator's thread means. Classes do not survive the way between threads. */
function coordinatorFailure(error: Error & { readonly code?: unknown }, jobName: string, isPlanned: boolean): MillraceError {
  if (error.code === 'JOB_RUNS_PROGRAM') return new PlanError(error.code, error.message, { hint: JOB_MODULE_HINT, cause: error })
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new JobError('COORDINATOR_LOST', `The coordinator thread of job "${jobName}" ran out of memory`, {
      cause: error,
      hint: 'The module of the job or its program keeps too much there: have sources read it instead, or give each thread more with --max-old-space-size.',
    })
  return new JobError('COORDINATOR_LOST', `The coordinator thread failed: ${String(error)}`, {
    cause: error,
    ...(!isPlanned && { hint: `The module of the job did more than define it. ${JOB_MODULE_HINT}` }),
  })
}
