// The named inputs and outputs of a job as the program around the engine holds them. Runs on the program's thread.

import { JobError, PlanError } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import type { ProgramEdgeSpec } from '../plan/transformation.ts'

/** What a push waits for: that the job has taken the record, or that a checkpoint which holds it is complete. */
export type PushUntil = 'accepted' | 'checkpoint'

/** How a record is pushed. */
export interface PushOptions {
  /**
   * `accepted`: until the job has taken the record; if the job fails behind that it may be lost. `checkpoint`: until the next checkpoint or savepoint is
   * complete, or the job has finished, so that nothing loses it; if the promise rejects, push the record again once the job runs again. That takes as long
   * as checkpoints are apart: push many, and await them together.
   *
   * @default 'accepted'
   */
  readonly until?: PushUntil
}

const PUSH_KEYS: OptionKeys<PushOptions> = { until: true }

/**
 * What a push is to wait for.
 *
 * @param sources How many sources of the job the input has.
 * @throws {PlanError} `INVALID_OPTION` if it is none of what there is, or nobody could say when a checkpoint holds the record.
 */
export function untilOf(options: PushOptions | undefined, input: string, takesCheckpoints: boolean, sources: number): PushUntil {
  if (options === undefined) return 'accepted'
  refuseUnknownOptions(`push to input "${input}"`, options, PUSH_KEYS)
  const { until = 'accepted' } = options
  if (until !== 'accepted' && until !== 'checkpoint')
    throw new PlanError('INVALID_OPTION', `Cannot push to input "${input}" until ${JSON.stringify(until)}: it must be "accepted" or "checkpoint"`)
  if (until === 'accepted') return until
  const what = `Cannot push to input "${input}" until a checkpoint is complete`
  if (!takesCheckpoints) throw new PlanError('INVALID_OPTION', `${what}: the job takes none`, { hint: 'Set execution.checkpointing.dir to a folder.' })
  if (sources > 1)
    throw new PlanError('INVALID_OPTION', `${what}: ${sources} sources of the job share the input`, {
      hint: 'Ask the environment for the input once, and use that stream twice.',
    })
  return until
}

/** Pushes records to a named input of a running job. */
export interface InputHandle<R = unknown> {
  /**
   * Resolves when the engine has accepted the record: awaiting it is the backpressure. It comes to the job as structured clone gives it, decimals as
   * decimals.
   *
   * @param options Whether to wait for a checkpoint that holds the record.
   * @throws {JobError} If the job has ended.
   * @throws {StateError} `VALUE_NOT_ENCODABLE` if it holds what cannot be taken to another thread.
   * @throws {PlanError} `INVALID_OPTION`
   * @example
   * const orders = engine.submit(alerts, { options: { 'execution.checkpointing.dir': 'checkpoints' } }).input<Order>('orders')
   * await orders.push({ user: 'ada', amount: 12 }, { until: 'checkpoint' }) // whatever happens now, it counts
   */
  push(record: R, options?: PushOptions): Promise<void>
  /** Says that nothing follows: the source ends. */
  end(): Promise<void>
}

/**
 * The records of a named output, each handed out once: to a `for await`, or to a subscription; several of them share the records. Leaving a
 * `for await` cancels the job.
 */
export interface OutputHandle<R = unknown> extends AsyncIterable<R> {
  /**
   * Calls a function with every record from now on; a promise that it returns is awaited before the next one, which holds the job back.
   *
   * @returns Resolves when the output has ended. Rejects with what failed the job, or with what the function threw, which cancels the job.
   */
  subscribe(callback: (record: R) => void | Promise<void>): Promise<void>
}

/**
 * The pushes that no source has taken yet: they fail when the job ends. Each forgets the job once it is taken, as a race with the job's result, which
 * outlives them all, would not.
 */
export class PendingPushes {
  readonly #refusals = new Set<(failure: unknown) => void>()

  /**
   * Settles as `accepted` does, or rejects once {@link end} is called.
   *
   * @param ended The error if the job has ended without a failure.
   */
  untilEnd(accepted: Promise<unknown>, ended: () => JobError): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (failure: unknown): void => reject(failure ?? ended())
      this.#refusals.add(refuse)
      const forget = (): boolean => this.#refusals.delete(refuse)
      accepted.finally(forget).then(() => resolve(), reject)
    })
  }

  /** The job has ended; `failure` is what failed it. */
  end(failure?: unknown): void {
    for (const refuse of this.#refusals) refuse(failure)
    this.#refusals.clear()
  }
}

/** The records of an output that have come and were not taken yet. */
export class OutputQueue implements OutputHandle {
  readonly #taken: (count: number) => void
  readonly #cancel: () => void
  readonly #records: unknown[] = []
  #next = 0
  /** One for each reader that waits: several share the records. */
  readonly #waiting: (() => void)[] = []
  #ended = false
  #failure: unknown

  /**
   * @param taken Told how many records the program has taken.
   * @param cancel Cancels the job: nobody wants the rest.
   */
  constructor(taken: (count: number) => void, cancel: () => void) {
    this.#taken = taken
    this.#cancel = cancel
  }

  /** How many have come and were not taken. */
  get size(): number {
    return this.#records.length - this.#next
  }

  add(records: readonly unknown[]): void {
    // What has been taken goes once it is half of the list: each record is moved at most once a take.
    if (this.#next * 2 >= this.#records.length) {
      this.#records.splice(0, this.#next)
      this.#next = 0
    }
    for (const record of records) this.#records.push(record)
    this.#wake()
  }

  end(failure?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    try {
      while (await this.#some()) while (this.#next < this.#records.length) yield this.#take()
    } finally {
      if (!this.#ended) this.#cancel()
    }
  }

  async subscribe(callback: (record: unknown) => void | Promise<void>): Promise<void> {
    try {
      while (await this.#some())
        while (this.#next < this.#records.length) {
          const answer = callback(this.#take())
          if (answer !== undefined) await answer
        }
    } finally {
      if (!this.#ended) this.#cancel()
    }
  }

  /** Resolves when there are records: false if none will come. @throws what failed the job. */
  async #some(): Promise<boolean> {
    while (this.#next === this.#records.length) {
      if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        return false
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return true
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #take(): unknown {
    const record = this.#records[this.#next++]
    this.#taken(1)
    return record
  }
}

/**
 * The error of a name that the job does not have, or has with other columns; undefined if all is well.
 *
 * @param schema What the program expects, if it says so.
 */
export function edgeError(
  kind: 'input' | 'output',
  name: string,
  schema: string | undefined,
  jobName: string,
  known: readonly ProgramEdgeSpec[],
): JobError | undefined {
  const edges = known.filter((edge) => edge.name === name)
  if (edges.length === 0) {
    const list = known.length === 0 ? 'none' : [...new Set(known.map((edge) => `"${edge.name}"`))].join(', ')
    return new JobError(kind === 'input' ? 'UNKNOWN_INPUT' : 'UNKNOWN_OUTPUT', `Cannot find ${kind} "${name}" in job "${jobName}": it has ${list}`)
  }
  if (schema === undefined || edges.some((edge) => edge.schema === schema)) return undefined
  return new JobError('SCHEMA_MISMATCH', `Cannot use ${kind} "${name}" of job "${jobName}" as ${schema}: it is ${edges[0].schema}`)
}
