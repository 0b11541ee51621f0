// The two ways in: an engine for job modules on threads, and an environment that runs bare closures on the calling thread.

import { systemClock } from '../../base/clock.ts'
import { JobError, PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import { isUnderTest } from '../../base/platform.ts'
import { Engine } from '../../engine/engine.ts'
import { LocalEdge, LocalJobHandle } from '../../engine/local-handle.ts'
import { logToStandardError } from '../../engine/log-text.ts'
import { type ExecutionPlan, formatPlan, planJob } from '../../plan/execution-plan.ts'
import { maxParallelismOf } from '../../plan/job-program.ts'
import type { LogicalGraph } from '../../plan/transformation.ts'
import { exchangeRingBytes } from '../../runtime/control-layout.ts'
import { loadHistograms } from '../../runtime/job-metrics.ts'
import { refuseCheckpoints } from '../../runtime/checkpoint-options.ts'
import { LocalExecutor } from '../../runtime/local-executor.ts'
import type { DataStream } from './data-stream.ts'
import { type CloseableIterator, StreamExecutionEnvironment } from './environment.ts'

/** The output that `executeAndCollect` of a stream reads. */
const COLLECTED = 'collected'
const LOCAL_NAME = 'local'

/** Options of a local environment. */
export interface LocalOptions {
  /**
   * Whether development checks are on (the option `millrace.dev`): a row that is kept after its function returned throws where it is used.
   *
   * @default true under a test runner: where `NODE_ENV` is `test`, or under `node --test`
   */
  readonly dev?: boolean
}

/** How a job of a local environment runs. */
export interface ExecuteOptions {
  /** @default 'local' */
  readonly name?: string
  readonly signal?: AbortSignal
  /** A line that an operator logged. @default standard error */
  readonly onLog?: (operatorName: string, subtaskIndex: number, message: string) => void
}

const LOCAL_KEYS: OptionKeys<LocalOptions> = { dev: true }
const EXECUTE_KEYS: OptionKeys<ExecuteOptions> = { name: true, signal: true, onLog: true }

/**
 * An environment whose jobs are bare closures: they run on the calling thread, in one subtask each, giving the event loop its turns. For tests,
 * scripts and small embeddings; jobs that should use every core are modules (`defineJob`).
 *
 * As in Flink each execution takes the sinks that were added since the one before; streams stay and may be given further sinks.
 */
export class LocalEnvironment extends StreamExecutionEnvironment {
  /**
   * Runs everything defined so far to its end.
   *
   * @throws {PlanError} `INVALID_LOCAL_JOB` if the job has named inputs or outputs, which need {@link executeAsync}.
   * @throws what failed the job; the signal's reason if it is aborted.
   */
  async execute(options: ExecuteOptions = {}): Promise<void> {
    refuseUnknownOptions('run the job', options, EXECUTE_KEYS)
    const graph = this.wholeGraph().takeSinks()
    const [edge] = [...graph.programInputs, ...graph.programOutputs]
    if (edge !== undefined)
      throw new PlanError('INVALID_LOCAL_JOB', `Cannot run the job to its end: nobody is there to use its input or output "${edge.name}"`, {
        hint: 'Start it with executeAsync(), whose handle has input(name) and output(name); or use fromAsyncIterable, forEach and executeAndCollect.',
      })
    options.signal?.throwIfAborted()
    const { state } = await this.#start(graph, options).result
    if (state === 'cancelled') throw options.signal?.reason
  }

  /**
   * Starts everything defined so far; it runs whenever the program around it waits.
   *
   * @example
   * const env = Millrace.local()
   * env.input<number>('numbers').map((number) => number * 2).output('doubled')
   * const running = env.executeAsync()
   * const doubled = running.output<number>('doubled').subscribe((number) => console.log(number))
   * await running.input('numbers').push(21)
   * await running.input('numbers').end()
   * await doubled
   */
  executeAsync(options: ExecuteOptions = {}): LocalJobHandle {
    refuseUnknownOptions('run the job', options, EXECUTE_KEYS)
    return this.#start(this.wholeGraph().takeSinks(), options)
  }

  /**
   * Runs the job and returns the records of one stream, in the order they came.
   *
   * @example
   * const env = Millrace.local()
   * const lengths = await env.executeAndCollect(env.fromElements('a', 'bb').map((word) => word.length)) // [1, 2]
   */
  async executeAndCollect<R>(stream: DataStream<R>, options: ExecuteOptions = {}): Promise<R[]> {
    const records: R[] = []
    stream.forEach((record) => records.push(typeof record === 'object' && record !== null && 'toObject' in record ? { ...record } : record))
    await this.execute(options)
    return records
  }

  /** @internal See {@link DataStream.executeAndCollect}. */
  override executeAndIterate<R>(stream: DataStream<R>, name?: string): CloseableIterator<R> {
    stream.output(COLLECTED)
    const job = this.executeAsync(name === undefined ? {} : { name })
    const records = job.output<R>(COLLECTED)[Symbol.asyncIterator]()
    const close = (): Promise<void> => job.cancel()
    return {
      next: () => records.next(),
      return: async () => {
        await close()
        return { done: true, value: undefined }
      },
      close,
      [Symbol.asyncIterator]() {
        return this
      },
      [Symbol.asyncDispose]: close,
    }
  }

  /**
   * What the next execution would run, as `millrace explain` prints it for job modules: tasks, chains, exchanges, schemas. Runs nothing, and leaves the
   * sinks to that execution.
   *
   * @throws {PlanError} If it could not be executed.
   * @example
   * const env = Millrace.local()
   * env.fromElements('to', 'be').map((word) => word.length).print()
   * console.log(env.explain()) // Job "local": 1 worker, 1 task ...
   */
  explain({ name = LOCAL_NAME }: Pick<ExecuteOptions, 'name'> = {}): string {
    const graph = this.wholeGraph().ofNewSinks()
    const plan = this.#plan(graph, name)
    return `${formatPlan(plan, graph, (exchange) => exchangeRingBytes(plan, exchange))}\n\nRuns on the calling thread: its functions are bare closures.`
  }

  #plan(graph: LogicalGraph, jobName: string): ExecutionPlan {
    const { parallelism = 1 } = this.settings
    if (parallelism !== 1)
      throw new PlanError('INVALID_PARALLELISM', `Cannot run bare closures with parallelism ${parallelism}: subtasks would share what the closures keep`, {
        hint: 'Leave it at 1, since all of it runs on one thread. A job module (defineJob) uses every core; runJob(program, { parallelism }) tests one.',
      })
    return planJob(graph, { jobName, parallelism, maxParallelism: maxParallelismOf(this.settings) })
  }

  #start(graph: LogicalGraph, options: ExecuteOptions): LocalJobHandle {
    const { name = LOCAL_NAME } = options
    const plan = this.#plan(graph, name)
    refuseCheckpoints(this.settings.options)
    const edge = new LocalEdge()
    const executor = new LocalExecutor(plan, graph, {
      clock: systemClock,
      options: this.settings.options,
      program: edge,
      log: options.onLog ?? logToStandardError,
    })
    return new LocalJobHandle(name, graph, executor, edge, loadHistograms(this.settings.options), options.signal)
  }
}

/** Options of an engine. */
export interface EngineOptions {
  /** Closes the engine when aborted. */
  readonly signal?: AbortSignal
}

const ENGINE_KEYS: OptionKeys<EngineOptions> = { signal: true }

/** Where a program starts. */
export const Millrace = {
  /**
   * Starts an engine in this process. It costs nothing until a job is submitted.
   *
   * @throws {PlanError} `JOB_RUNS_PROGRAM` on a thread of an engine: the module of a job starts the program around it. `ENGINE_BUNDLED` if the engine
   * was bundled into the program and is not installed.
   * @throws {JobError} `ENGINE_CLOSED` if the signal is aborted already.
   * @example
   * await using engine = await Millrace.start()
   * const { metrics } = await engine.submit(job).result
   */
  async start(options: EngineOptions = {}): Promise<Engine> {
    refuseUnknownOptions('start an engine', options, ENGINE_KEYS)
    if (options.signal?.aborted) throw new JobError('ENGINE_CLOSED', 'Cannot start an engine: the signal is aborted already', { cause: options.signal.reason })
    return new Engine(options)
  },

  /** An environment that runs on the calling thread. */
  local(options: LocalOptions = {}): LocalEnvironment {
    refuseUnknownOptions('make a local environment', options, LOCAL_KEYS)
    const { dev = isUnderTest() } = options
    return new LocalEnvironment().set('millrace.dev', dev)
  },
} as const
