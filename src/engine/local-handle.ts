// A job of bare closures on the calling thread, as the program around it sees it: what JobHandle is for jobs on threads of their own.

import { JobError } from '../base/errors.ts'
import type { Schema } from '../batch/types.ts'
import type { ProgramEdge } from '../operator/operator.ts'
import type { LogicalGraph } from '../plan/transformation.ts'
import type { Histograms } from '../runtime/job-metrics.ts'
import type { LocalExecutor } from '../runtime/local-executor.ts'
import type { JobMetrics } from '../runtime/thread-messages.ts'
import type { JobResult } from './engine.ts'
import { edgeError, type InputHandle, type OutputHandle, OutputQueue, PendingPushes, type PushOptions, untilOf } from './program-handles.ts'

type Pushed = { readonly records: readonly unknown[] | 'ended'; readonly accepted: () => void }

/** The program's edge within one thread: queues on both sides. */
export class LocalEdge implements ProgramEdge {
  /** Ends the executor's pause. */
  wake: () => void = () => {}
  cancel: () => void = () => {}
  readonly #pushed = new Map<string, Pushed[]>()
  readonly #outputs = new Map<string, OutputQueue>()
  readonly #pending = new Map<string, number>()

  send(output: string, records: readonly unknown[]): void {
    this.#pending.set(output, this.pendingCount(output) + records.length)
    this.queue(output).add(records)
  }

  pendingCount(output: string): number {
    return this.#pending.get(output) ?? 0
  }

  receive(input: string): readonly unknown[] | 'ended' | undefined {
    const pushed = this.#pushed.get(input)?.shift()
    pushed?.accepted()
    return pushed?.records
  }

  /** Resolves when the source has taken the records. */
  push(input: string, records: readonly unknown[] | 'ended'): Promise<void> {
    return new Promise((accepted) => {
      const queue = this.#pushed.get(input)
      if (queue === undefined) this.#pushed.set(input, [{ records, accepted }])
      else queue.push({ records, accepted })
      this.wake()
    })
  }

  queue(output: string): OutputQueue {
    let queue = this.#outputs.get(output)
    if (queue === undefined) {
      const taken = (count: number): void => {
        this.#pending.set(output, this.pendingCount(output) - count)
        this.wake()
      }
      this.#outputs.set(output, (queue = new OutputQueue(taken, () => this.cancel())))
    }
    return queue
  }

  end(failure?: unknown): void {
    for (const queue of this.#outputs.values()) queue.end(failure)
  }
}

/** A running job of a local environment. */
export class LocalJobHandle implements AsyncDisposable {
  readonly name: string
  /** Resolves when the job finished or was cancelled; rejects with what failed it. */
  readonly result: Promise<JobResult>
  readonly #graph: LogicalGraph
  readonly #edge: LocalEdge
  readonly #cancellation = new AbortController()
  readonly #pushes = new PendingPushes()
  #ended = false
  #readMetrics: () => JobMetrics

  /** @internal Handles are made by {@link LocalEnvironment.executeAsync}. */
  constructor(
    name: string,
    graph: LogicalGraph,
    executor: LocalExecutor,
    edge: LocalEdge,
    histograms: Promise<Histograms | undefined>,
    signal: AbortSignal | undefined,
  ) {
    this.name = name
    this.#graph = graph
    this.#edge = edge
    this.#readMetrics = () => executor.metrics.read()
    const cancel = (): void => {
      this.#cancellation.abort()
      executor.wake()
    }
    edge.wake = () => executor.wake()
    edge.cancel = cancel
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    this.result = this.#run(executor, histograms).finally(() => signal?.removeEventListener('abort', cancel))
    // Whoever awaits `result` hears of a failure.
    this.result.catch(() => {})
  }

  /** The metrics now; the final ones once the job has ended. See `JobHandle.metrics`. */
  get metrics(): JobMetrics {
    return this.#readMetrics()
  }

  async #run(executor: LocalExecutor, histograms: Promise<Histograms | undefined>): Promise<JobResult> {
    const { signal } = this.#cancellation
    try {
      // A turn of the caller's at least: it may ask for outputs before their first record.
      executor.metrics.histograms = await histograms
      await executor.run(signal)
      this.#end()
      return { state: 'finished', metrics: this.metrics }
    } catch (error) {
      const failure = error === signal.reason ? undefined : error
      this.#end(failure)
      if (failure !== undefined) throw failure
      return { state: 'cancelled', metrics: this.metrics }
    }
  }

  #end(failure?: unknown): void {
    const { metrics } = this
    // Without the executor, whose memories the last reading does not need.
    this.#readMetrics = () => metrics
    this.#ended = true
    this.#edge.end(failure)
    this.#pushes.end(failure)
  }

  /** The records of a named output; see `JobHandle.output`. */
  output<R = unknown>(name: string, schema?: Schema<R>): OutputHandle<R> {
    const queue = this.#edge.queue(name)
    const error = edgeError('output', name, schema?.toString(), this.name, this.#graph.programOutputs)
    if (error !== undefined || this.#ended) queue.end(error)
    return queue as OutputHandle<unknown> as OutputHandle<R>
  }

  /** A named input; see `JobHandle.input`. */
  input<R = unknown>(name: string, schema?: Schema<R>): InputHandle<R> {
    const ended = (): JobError => new JobError('JOB_ENDED', `Cannot push to input "${name}": job "${this.name}" has ended`)
    const send = async (records: readonly unknown[] | 'ended', options?: PushOptions): Promise<void> => {
      const error = edgeError('input', name, schema?.toString(), this.name, this.#graph.programInputs)
      if (error !== undefined) throw error
      if (this.#ended) throw ended()
      untilOf(options, name, false, 1)
      await this.#pushes.untilEnd(this.#edge.push(name, records), ended)
    }
    return { push: (record, options) => send([record], options), end: () => send('ended') }
  }

  /** Ends the job now; what was in flight is dropped. Resolves when everything has stopped. */
  async cancel(): Promise<void> {
    this.#edge.cancel()
    await this.result.catch(() => {})
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel()
  }
}
