// The embeddable front: submits jobs, hands out handles to them. Runs on the main thread, which stays free: a job has its coordinator's thread
// and its workers, from job-threads.ts.

import type { MessagePort } from 'node:worker_threads'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fromErrorRecord, JobError, type MillraceError, PlanError, type StateError, toErrorRecord } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import { checkParallelism } from '../base/key-groups.ts'
import { heapsNote, processSlabBytes } from '../base/memory-budget.ts'
import { heapFlagBytes, isEngineThread, packageRoot } from '../base/platform.ts'
import { SharedBudget } from '../base/shared-budget.ts'
import { decimalsWithin, notCloneable, restoreDecimals } from '../batch/cloned-values.ts'
import type { Decimal, Schema } from '../batch/types.ts'
import { logToStandardError } from './log-text.ts'
import { parseOption } from './options.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { isJobProgram, JOB_MODULE_HINT, type JobProgram } from '../plan/job-program.ts'
import type { ProgramEdgeSpec } from '../plan/transformation.ts'
import { Doorbell } from '../ring/parking.ts'
import { CoordinatorWatch } from './coordinator-watch.ts'
import { type JobThreads, ThreadCache } from './job-threads.ts'
import { hangTimeoutMsOf } from '../runtime/coordinator-ticks.ts'
import { DOORBELL_ADDRESS } from '../runtime/control-layout.ts'
import { edgeError, type InputHandle, type OutputHandle, OutputQueue, PendingPushes } from './program-handles.ts'
import type { CoordinatorCommand, CoordinatorEvent, JobMetrics, JobRequest, ProgramMessage, PushMessage } from '../runtime/thread-messages.ts'

/** What the slabs of all jobs of this process share, whichever engine runs them; made with the first job. Whether its heaps have been told of. */
const shared: { budget: SharedArrayBuffer | undefined; hasToldHeaps: boolean } = { budget: undefined, hasToldHeaps: false }

/** How a job is submitted. */
export interface SubmitOptions {
  /** Shown everywhere; the module's file name unless given. */
  readonly name?: string
  /** Given to the job's program as its second argument. Structured-clonable. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Number of workers. @default what the program sets, else the cores this process may use */
  readonly parallelism?: number
  /** Configuration options by key; win over those the program sets. */
  readonly options?: Readonly<Record<string, string>>
  /**
   * With `execution.checkpointing.dir`: begins anew, and moves what earlier runs have kept aside. Otherwise the job goes on from its newest
   * checkpoint.
   *
   * @default false
   */
  readonly fresh?: boolean
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
  signal: true,
  onMetrics: true,
  onLog: true,
}

/** How a job ended. */
export interface JobResult {
  readonly state: 'finished' | 'cancelled'
  readonly metrics: JobMetrics
}

const NO_METRICS: JobMetrics = { runningMs: 0, tasks: [], workers: [], slabBytes: 0, latency: undefined, gc: { count: 0, totalMs: 0, maxMs: 0 } }
/** How long a job that is cancelled before it runs may take to hear of it. */
const START_GRACE_MS = 1000
const TYPESCRIPT = /\.[cm]?tsx?$/
const DISPLAY_NAME = /([^/\\]+?)(\.[cm]?[jt]s)?$/

/** A submitted job. */
export class JobHandle implements AsyncDisposable {
  readonly name: string
  /** Resolves when the job finished or was cancelled; rejects with the error that failed it. */
  readonly result: Promise<JobResult>
  readonly #threads: JobThreads
  /** The job's number among those of its threads. */
  readonly #run: number
  /** Resolves when nothing of the job runs on its threads any more. */
  readonly #released: Promise<void>
  readonly #outputs = new Map<string, OutputQueue>()
  readonly #pushes = new PendingPushes()
  /** Schemas of outputs, where the program has said what it expects. */
  readonly #schemas = new Map<string, string>()
  /** Resolves once the job runs; without it if the job ends before. Rejects with what failed it until then. */
  readonly #started: Promise<RunningJob | undefined>
  readonly #planned: Promise<{ plan: ExecutionPlan; text: string }>
  #metrics: JobMetrics = NO_METRICS
  #job: RunningJob | undefined
  #hasStarted = false
  #isPlanned = false
  /** The coordinator has told how the job ended. */
  #ended = false
  /** The handle has told everybody. */
  #settled = false
  /** Cancelled before it ran, by ending its threads. */
  #isAbandoned = false

  /** @internal Handles are made by {@link Engine.submit}. */
  constructor(request: JobRequest, options: SubmitOptions, threads: ThreadCache) {
    this.name = request.jobName
    const budget = SharedBudget.ofJob((shared.budget ??= SharedBudget.ofProcess(processSlabBytes())))
    let released!: () => void
    this.#released = new Promise((resolve) => (released = resolve))
    let planned!: (value: { plan: ExecutionPlan; text: string }) => void
    let running!: (job: RunningJob) => void
    this.#planned = new Promise((resolve) => (planned = resolve))
    const started = new Promise<RunningJob>((resolve) => (running = resolve))
    let finish!: (result: JobResult) => void
    let fail!: (error: unknown) => void
    this.result = new Promise<JobResult>((resolve, reject) => {
      finish = resolve
      fail = reject
    })
    const log = options.onLog ?? logToStandardError
    const watch = new CoordinatorWatch(
      hangTimeoutMsOf(request.options),
      () => this.#tell({ kind: 'ask' }),
      (timeoutMs) => {
        const failure = new JobError('COORDINATOR_HUNG', `The coordinator thread of job "${this.name}" has not answered for ${timeoutMs} ms`, {
          hint: 'The module of the job, its program or a source that is planned blocks it; look for endless loops or blocking calls.',
        })
        this.#settle(failure)
        fail(failure)
        this.#threads.terminate()
      },
    )
    this.#threads = threads.run(
      { request, budget },
      {
        onEvent: (event) => {
          if (event.kind === 'finished' || event.kind === 'cancelled' || event.kind === 'failed') {
            this.#ended = true
            watch.end()
          } else watch.heard()
          switch (event.kind) {
            case 'planned':
              this.#isPlanned = true
              watch.setTimeoutMs(event.hangTimeoutMs)
              planned({ plan: event.plan, text: event.planText })
              tellHeaps(event.plan.workers, log)
              return
            case 'running':
              this.#hasStarted = true
              this.#job = new RunningJob(event, (output, records) => this.#queue(output).add(records))
              for (const [output, queue] of this.#outputs) this.#checkOutput(output, queue)
              running(this.#job)
              return
            case 'metrics':
              this.#metrics = event.metrics
              options.onMetrics?.(event.metrics)
              return
            case 'log':
              log(event.operatorName, event.subtaskIndex, event.message)
              return
            case 'finished':
              this.#metrics = event.metrics
              // What the workers sent may still be on its way: other ports, other order.
              void (this.#job?.drained ?? Promise.resolve()).then(() => {
                this.#settle()
                finish({ state: 'finished', metrics: event.metrics })
              })
              return
            case 'cancelled':
              this.#metrics = event.metrics ?? this.#metrics
              this.#settle()
              finish({ state: 'cancelled', metrics: this.#metrics })
              return
            case 'failed': {
              const error = fromErrorRecord(event.error)
              this.#settle(error)
              fail(error)
            }
          }
        },
        onError: (error: Error & { code?: unknown }) => {
          const failure = coordinatorFailure(error, this.name, this.#isPlanned)
          this.#settle(failure)
          fail(failure)
        },
        onReleased: () => {
          watch.end()
          released()
          if (this.#ended) return
          if (this.#isAbandoned) {
            this.#settle()
            finish({ state: 'cancelled', metrics: this.#metrics })
            return
          }
          const error = new JobError('COORDINATOR_LOST', 'The coordinator thread ended before the job did')
          this.#settle(error)
          fail(error)
        },
      },
    )
    this.#run = this.#threads.currentRun
    // Whoever awaits `result` hears of a failure; nobody else must make the process die of an unhandled rejection.
    this.result.catch(() => {})
    this.#started = Promise.race([started, this.result.then(() => undefined)])
    this.#started.catch(() => {})
    const { signal } = options
    if (signal === undefined) return
    const onAbort = (): void => void this.cancel()
    signal.addEventListener('abort', onAbort, { once: true })
    // The signal may outlive many jobs.
    void this.stopped().then(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
  }

  /** The metrics of the last tick; the final ones once the job has ended. */
  get metrics(): JobMetrics {
    return this.#metrics
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
    if (!this.#settled) this.#tell({ kind: 'cancel' })
    // Before the job runs, the coordinator's thread is the job's module's and program's, which may never come back to hear of it.
    const timer = setTimeout(() => {
      if (this.#job !== undefined || this.#settled) return
      this.#isAbandoned = true
      this.#threads.terminate()
    }, START_GRACE_MS)
    await this.stopped()
    clearTimeout(timer)
  }

  /** @internal Bundles the job's TypeScript module and tells the coordinator, which waits for it. */
  async bundle(jobUrl: string): Promise<void> {
    try {
      const { resolveJobModule } = await import('./job-bundle.ts')
      const { url } = await resolveJobModule(jobUrl)
      this.#tell({ kind: 'module', jobUrl: url })
    } catch (error) {
      this.#tell({ kind: 'refuse', error: toErrorRecord(error) })
    }
  }

  /** @internal Resolves when nothing of the job runs any more, however it ended. */
  async stopped(): Promise<void> {
    await this.result.catch(() => {})
    await this.#released
  }

  /** Ends the sources as if their input had ended, and lets the rest finish. */
  async stop(): Promise<JobResult> {
    if (!this.#settled) this.#tell({ kind: 'stop' })
    return this.result
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
    const send = async (records: PushMessage['records']): Promise<void> => {
      const job = await this.#started
      if (job === undefined || this.#settled) throw ended()
      const error = edgeError('input', name, schema?.toString(), this.name, job.inputs)
      if (error !== undefined) throw error
      await this.#pushes.untilEnd(job.push(name, records), ended)
    }
    return { push: (record) => send([record]), end: () => send('ended') }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel()
  }

  #tell(command: CoordinatorCommand): void {
    this.#threads.tell(this.#run, command)
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

/** Tells once that the heaps of workers may take more than is meant for them. */
function tellHeaps(workers: number, log: NonNullable<SubmitOptions['onLog']>): void {
  const note = shared.hasToldHeaps ? undefined : heapsNote(workers, heapFlagBytes())
  if (note === undefined) return
  shared.hasToldHeaps = true
  log('', 0, `note: ${note}`)
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

/** Records that are to be sent together, and the promise of all who pushed them. */
interface Pushed {
  readonly id: number
  readonly input: string
  readonly records: unknown[] | 'ended'
  readonly decimals: Decimal[]
  readonly accepted: Promise<void>
  readonly refuse: (error: StateError) => void
}

/** The main thread's ends of the ports of a running job. */
class RunningJob {
  readonly #ports: readonly MessagePort[]
  readonly #doorbells: readonly Doorbell[]
  readonly inputs: readonly ProgramEdgeSpec[]
  readonly outputs: readonly ProgramEdgeSpec[]
  /** Names of the outputs, in the order of their counters. */
  readonly #outputNames: readonly string[]
  readonly #pending: Int32Array
  readonly #outbox: Pushed[] = []
  /** Pushed messages that no source has taken yet, by id. */
  readonly #waiting = new Map<number, () => void>()
  #pushes = 0
  /** Resolves when every worker has sent its last record. */
  readonly drained: Promise<unknown>

  constructor(event: Extract<CoordinatorEvent, { kind: 'running' }>, receive: (output: string, records: readonly unknown[]) => void) {
    this.#ports = event.ports
    this.#doorbells = event.memories.map((memory) => new Doorbell(memory.buffer, DOORBELL_ADDRESS))
    this.inputs = event.inputs
    this.outputs = event.outputs
    this.#outputNames = [...new Set(event.outputs.map(({ name }) => name))]
    this.#pending = new Int32Array(event.outputPending)
    this.drained = Promise.all(
      this.#ports.map(
        (port) =>
          new Promise<void>((resolve) => {
            port.on('message', (message: ProgramMessage) => {
              if ('ended' in message) resolve()
              else if ('accepted' in message) this.#accept(message.accepted)
              else {
                restoreDecimals(message.decimals)
                receive(message.output, message.records)
              }
            })
            port.on('close', resolve)
          }),
      ),
    )
  }

  #accept(id: number): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }

  /** The program has taken `count` records: the workers may send more. */
  taken(output: string, count: number): void {
    // Pairs with Atomics.add and load in the worker's PortEdge, whose sink looks again after the mail below.
    const before = Atomics.sub(this.#pending, this.#outputNames.indexOf(output), count)
    if (before % TAKEN_RING_INTERVAL < count) for (const doorbell of this.#doorbells) doorbell.post()
  }

  /**
   * Resolves when the source has taken the records. Records pushed in one turn of the event loop travel together.
   *
   * @throws {StateError} `VALUE_NOT_ENCODABLE`
   */
  push(input: string, records: PushMessage['records']): Promise<void> {
    const decimals = records === 'ended' ? [] : decimalsWithin(records, inputPlace(input))
    const last = this.#outbox[this.#outbox.length - 1]
    if (last !== undefined && last.input === input && last.records !== 'ended' && records !== 'ended') {
      last.records.push(...records)
      last.decimals.push(...decimals)
      return last.accepted
    }
    const id = ++this.#pushes
    let refuse!: (error: StateError) => void
    const accepted = new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, resolve)
      refuse = reject
    })
    this.#outbox.push({ id, input, records: records === 'ended' ? records : [...records], decimals, accepted, refuse })
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush())
    return accepted
  }

  #flush(): void {
    for (const { id, input, records, decimals, refuse } of this.#outbox.splice(0)) {
      try {
        // Inputs are read by subtask 0.
        this.#ports[0].postMessage({ id, input, records, decimals } satisfies PushMessage)
      } catch (error) {
        this.#waiting.delete(id)
        refuse(notCloneable(inputPlace(input), error))
      }
    }
    // Mail: a message at the port is nothing that a worker's hasWork() sees.
    this.#doorbells[0].post()
  }

  close(): void {
    for (const port of this.#ports) port.close()
  }
}

function inputPlace(input: string): string {
  return `input "${input}"`
}

const TAKEN_RING_INTERVAL = 1024

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

  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => void this.close()

  /**
   * @internal Engines are made by `Millrace.start`.
   * @param options Closes the engine when aborted; whether threads wait for further jobs.
   */
  constructor({ signal, keepsThreads = true }: { readonly signal?: AbortSignal; readonly keepsThreads?: boolean } = {}) {
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
   * @param job What `defineJob` returned, or the URL of the module that exports it. A TypeScript module is bundled first.
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
    const isTypeScript = TYPESCRIPT.test(jobUrl)
    const jobName = options.name ?? DISPLAY_NAME.exec(new URL(jobUrl).pathname)?.[1] ?? 'job'
    // Before any thread is started for it.
    if (options.parallelism !== undefined) checkParallelism(jobName, options.parallelism)
    const handle = new JobHandle(
      {
        jobName,
        jobUrl: isTypeScript ? undefined : jobUrl,
        source: isJobProgram(job) ? job.source : undefined,
        params: options.params ?? {},
        parallelism: options.parallelism,
        options: new Map(Object.entries(options.options ?? {}).map(([key, text]) => [key, parseOption(key, text).value])),
        fresh: options.fresh === true,
      },
      options,
      this.#threads,
    )
    if (isTypeScript) void handle.bundle(jobUrl)
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
