// The threads of jobs, as the main thread sees them: a coordinator's thread and, through it, its workers. Starting them takes longer than many a
// job runs: so they are kept for a while after a job that finished and left nothing behind on them. Runs on the main thread.

import { Worker } from 'node:worker_threads'
import type { SharedBudget } from '../base/shared-budget.ts'
import type { CoordinatorData } from '../runtime/coordinator.ts'
import type { CoordinatorCommand, CoordinatorEvent, JobRequest, JobStart, ThreadsCommand } from '../runtime/thread-messages.ts'

/** How long threads wait for another job. */
const WAIT_MS_MAX = 5000
/** Each job leaves its module behind on the threads that it ran on. */
const RUNS_MAX = 100

/** Coordinators' threads that have not ended. */
const live = new Set<number>()

/** What a job hears from its threads. */
export interface ThreadsListener {
  onEvent(event: CoordinatorEvent): void
  /** The coordinator's thread has failed; it ends. */
  onError(error: Error): void
  /** Nothing of the job runs any more. The last that is heard. */
  onReleased(): void
}

/** What a job brings for its threads. They give its budget back once they have no memory of it any more. */
export interface NewJob {
  readonly request: JobRequest
  readonly budget: SharedBudget
}

/** Hands threads to jobs, and keeps those that may be used again. */
export class ThreadCache {
  readonly #folder: URL
  readonly #keeps: boolean
  readonly #all = new Set<JobThreads>()

  /**
   * @param folder Where the threads' programs lie.
   * @param keeps Whether threads wait for further jobs.
   */
  constructor(folder: URL, keeps: boolean) {
    this.#folder = folder
    this.#keeps = keeps
  }

  /** Starts a job on threads that wait, if there are some of as many workers, or on new ones. */
  run(job: NewJob, listener: ThreadsListener): JobThreads {
    for (const threads of this.#all)
      if (threads.isWaiting && threads.parallelism === job.request.parallelism) {
        threads.run(job, listener)
        return threads
      }
    const threads = new JobThreads(this.#folder, job, listener, this.#keeps)
    // What others hold for jobs that may never come, this one may need.
    for (const other of this.#all) if (other.isWaiting) other.end()
    this.#all.add(threads)
    void threads.exited.then(() => this.#all.delete(threads))
    return threads
  }

  /** Ends the threads that wait. Resolves when none is left. No job may run any more. */
  async close(): Promise<void> {
    for (const threads of this.#all) if (threads.isWaiting) threads.end()
    await Promise.all([...this.#all].map(({ exited }) => exited))
  }
}

/** One coordinator's thread with its workers. */
export class JobThreads {
  /** What the first job asked for: whoever asks for the same finds as many workers. */
  readonly parallelism: number | undefined
  /** The coordinator's number among the threads of this process. */
  readonly threadId: number
  /** Resolves when all of them have ended: the coordinator's thread ends last. */
  readonly exited: Promise<void>
  readonly #coordinator: Worker
  readonly #keeps: boolean
  #listener: ThreadsListener | undefined
  /** Of the job that runs, or of the last one while its memories wait. */
  #budget: SharedBudget
  #run = 1
  #isWaiting = false
  #waitTimer: NodeJS.Timeout | undefined

  constructor(folder: URL, job: NewJob, listener: ThreadsListener, keeps: boolean) {
    this.parallelism = job.request.parallelism
    this.#listener = listener
    this.#keeps = keeps
    this.#budget = job.budget
    const workerData: CoordinatorData = { workerUrl: new URL('worker-entry.cjs', folder).href, start: this.#startOf(job, 1) }
    this.#coordinator = new Worker(new URL('coordinator.js', folder), { workerData, execArgv: ['--enable-source-maps'] })
    this.threadId = this.#coordinator.threadId
    live.add(this.threadId)
    this.#coordinator.on('message', (event: CoordinatorEvent) => {
      this.#listener?.onEvent(event)
      if (event.kind === 'finished' && event.isKept) this.#wait()
    })
    this.#coordinator.on('error', (error: Error) => this.#listener?.onError(error))
    this.exited = new Promise((resolve) =>
      this.#coordinator.once('exit', () => {
        clearTimeout(this.#waitTimer)
        live.delete(this.threadId)
        this.#isWaiting = false
        this.#budget.release()
        this.#release()
        resolve()
      }),
    )
  }

  /** Which of the threads' jobs runs: commands to it carry this. */
  get currentRun(): number {
    return this.#run
  }

  /** Whether they may be given another job. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** Starts another job on threads that wait. */
  run(job: NewJob, listener: ThreadsListener): void {
    const start = this.#startOf(job, this.#run + 1)
    // Throws if the request cannot be cloned: then the threads go on waiting.
    this.#post({ kind: 'start', start })
    // The new job takes as much, once its module is loaded.
    this.#budget.release()
    clearTimeout(this.#waitTimer)
    this.#isWaiting = false
    this.#coordinator.ref()
    this.#listener = listener
    this.#budget = job.budget
    this.#run = start.run
  }

  /** Tells a job; nothing happens if it has ended. */
  tell(run: number, command: CoordinatorCommand): void {
    this.#post({ kind: 'job', run, command })
  }

  /** Ends threads that do not listen, in the middle of what they do. */
  terminate(): void {
    void this.#coordinator.terminate()
  }

  /** Ends threads that wait. */
  end(): void {
    clearTimeout(this.#waitTimer)
    this.#isWaiting = false
    // Whoever closes an engine waits for it.
    this.#coordinator.ref()
    this.#post({ kind: 'end' })
  }

  #wait(): void {
    this.#isWaiting = true
    // Whoever waits for nothing else may end its process.
    this.#coordinator.unref()
    this.#waitTimer = setTimeout(() => this.end(), WAIT_MS_MAX).unref()
    this.#release()
  }

  #startOf({ request, budget }: NewJob, run: number): JobStart {
    return { run, request, budget: budget.memory, liveThreads: [...live].filter((id) => id !== this.threadId), keepsThreads: this.#keeps && run < RUNS_MAX }
  }

  #post(command: ThreadsCommand): void {
    this.#coordinator.postMessage(command)
  }

  #release(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.onReleased()
  }
}
