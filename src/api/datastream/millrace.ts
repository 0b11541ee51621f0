// The two ways in: an engine for job modules on threads, and an environment that runs bare closures on the calling thread.

import { systemClock } from '../../base/clock.ts'
import { JobError } from '../../base/errors.ts'
import { Engine } from '../../engine/engine.ts'
import { planJob } from '../../plan/execution-plan.ts'
import { maxParallelismOf } from '../../plan/job-program.ts'
import { LocalExecutor } from '../../runtime/local-executor.ts'
import type { DataStream } from './data-stream.ts'
import { StreamExecutionEnvironment } from './environment.ts'

/** How a local environment runs. */
export interface ExecuteOptions {
  /** @default 'local' */
  readonly name?: string
  readonly signal?: AbortSignal
  /** A line that an operator logged. @default dropped */
  readonly onLog?: (operatorName: string, subtaskIndex: number, message: string) => void
}

/**
 * An environment whose jobs are bare closures: they run on the calling thread, whatever the parallelism, giving the event loop its turns.
 * For tests, scripts and small embeddings; jobs that should use every core are modules (`defineJob`).
 */
export class LocalEnvironment extends StreamExecutionEnvironment {
  /** Runs everything defined so far to its end. @throws what failed the job; the signal's reason if it is aborted. */
  async execute(options: ExecuteOptions = {}): Promise<void> {
    const parallelism = this.settings.parallelism ?? 1
    const plan = planJob(this.graph, { jobName: options.name ?? 'local', parallelism, maxParallelism: maxParallelismOf(this.settings) })
    const executor = new LocalExecutor(plan, this.graph, { clock: systemClock, options: this.settings.options, log: options.onLog ?? (() => {}) })
    await executor.run(options.signal)
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
}

/** Options of an engine. */
export interface EngineOptions {
  /** Closes the engine when aborted. */
  readonly signal?: AbortSignal
}

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
    if (options.signal?.aborted) throw new JobError('ENGINE_CLOSED', 'Cannot start an engine: the signal is aborted already', { cause: options.signal.reason })
    const engine = new Engine()
    options.signal?.addEventListener('abort', () => void engine.close(), { once: true })
    return engine
  },

  /** An environment that runs on the calling thread. */
  local(): LocalEnvironment {
    return new LocalEnvironment()
  },
} as const
