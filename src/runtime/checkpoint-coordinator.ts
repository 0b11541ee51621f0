// Decides when checkpoints begin, waits for their parts, has them kept, and tells the workers. Runs on the coordinator's thread. Invariant: one
// checkpoint at a time; nobody hears that one is complete before it survives everything.

import type { Clock } from '../base/clock.ts'
import { JobError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import type { CheckpointOrigin, CheckpointStore } from '../checkpoint/checkpoint-store.ts'
import type { JobSnapshot } from '../checkpoint/job-snapshot.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'
import { type EndedSubtask, PendingCheckpoint } from './pending-checkpoint.ts'

/** What it needs of the job. */
export interface CheckpointCoordinatorOptions extends Pick<CheckpointOptions, 'intervalMs' | 'minPauseMs' | 'timeoutMs' | 'tolerableFailures'> {
  readonly plan: ExecutionPlan
  readonly splits: JobSnapshot['splits']
  readonly store: CheckpointStore
  readonly origin: Omit<CheckpointOrigin, 'timestampMs'>
  readonly clock: Clock
  /** The greatest number that was given so far. */
  readonly lastId: number
  /** Has the sources send barriers. */
  begin(checkpointId: number): void
  /** A checkpoint is kept: notes its number where the next start finds it. @throws what goes wrong: then nothing is committed. */
  note(checkpointId: number): void
  /** A checkpoint is kept and noted: what was prepared for it may be committed. */
  complete(checkpointId: number): void
  fail(error: Error): void
  log(message: string): void
}

/** Takes the checkpoints of one job. */
export class CheckpointCoordinator {
  readonly #options: CheckpointCoordinatorOptions
  readonly #ended = new Map<string, EndedSubtask>()
  readonly #subtasks: number
  #lastId: number
  #pending: { readonly checkpoint: PendingCheckpoint; readonly beganMs: number } | undefined
  /** The checkpoint that is being written. */
  #saving: Promise<void> | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: CheckpointCoordinatorOptions) {
    this.#options = options
    this.#lastId = options.lastId
    this.#subtasks = options.plan.tasks.reduce((sum, { parallelism }) => sum + parallelism, 0)
    this.#schedule(options.intervalMs)
  }

  /** A barrier has reached a part. */
  acknowledge(checkpointId: number, part: string, file: Uint8Array, hadEnded: boolean): void {
    if (this.#pending?.checkpoint.checkpointId !== checkpointId) return
    this.#pending.checkpoint.acknowledge(part, file, hadEnded)
    failPoint('checkpoint.acknowledged')
    this.#tryComplete()
  }

  subtaskEnded(ended: EndedSubtask): void {
    this.#ended.set(ended.head, ended)
    this.#tryComplete()
    this.#tryLast()
  }

  /** Takes no more checkpoints; the promise is settled once none is being written. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#pending = undefined
    await this.#saving
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#begin(), delayMs)
  }

  #begin(): void {
    if (this.#stopped) return
    const checkpointId = ++this.#lastId
    this.#pending = { checkpoint: new PendingCheckpoint(this.#options.plan, checkpointId), beganMs: this.#options.clock.nowMs() }
    this.#timer = setTimeout(() => {
      this.#pending = undefined
      this.#failed(new JobError('CHECKPOINT_TIMEOUT', `Checkpoint ${checkpointId} was not complete after ${this.#options.timeoutMs} ms`))
    }, this.#options.timeoutMs)
    failPoint('checkpoint.before-begin')
    this.#options.begin(checkpointId)
    failPoint('checkpoint.begun')
    this.#tryComplete()
  }

  /** When all has been processed, what waits to be committed waits for one more checkpoint. */
  #tryLast(): void {
    if (this.#pending !== undefined || this.#saving !== undefined || this.#ended.size < this.#subtasks) return
    for (const { isWaiting } of this.#ended.values()) if (isWaiting) return this.#schedule(0)
  }

  #tryComplete(): void {
    const { plan, splits, store, origin } = this.#options
    const pending = this.#pending
    const complete = pending?.checkpoint.complete(this.#ended)
    if (pending === undefined || complete === undefined) return
    this.#pending = undefined
    clearTimeout(this.#timer)
    failPoint('checkpoint.parts-complete')
    const save = async (): Promise<void> => {
      try {
        await store.save({ ...complete, splits }, { ...origin, timestampMs: pending.beganMs })
        failPoint('checkpoint.before-note')
        this.#options.note(complete.checkpointId)
      } catch (error) {
        this.#saving = undefined
        this.#failed(
          new JobError('CHECKPOINT_FAILED', `Cannot keep checkpoint ${complete.checkpointId} of job "${plan.jobName}": ${(error as Error).message}`, {
            cause: error,
          }),
        )
        return
      }
      this.#saving = undefined
      this.#failures = 0
      failPoint('checkpoint.kept')
      this.#options.complete(complete.checkpointId)
      failPoint('checkpoint.told')
      this.#scheduleNext(pending.beganMs)
      try {
        failPoint('prune.before')
        await store.prune(complete.checkpointId)
        failPoint('prune.done')
      } catch (error) {
        this.#options.log(`Cannot remove checkpoints before ${complete.checkpointId}: ${(error as Error).message}`)
      }
    }
    this.#saving = save()
  }

  #scheduleNext(beganMs: number): void {
    const { clock, intervalMs, minPauseMs } = this.#options
    this.#schedule(Math.max(minPauseMs, intervalMs - (clock.nowMs() - beganMs)))
    this.#tryLast()
  }

  /** One more than is tolerated in a row fails the job. */
  #failed(error: JobError): void {
    if (this.#stopped) return
    if (++this.#failures > this.#options.tolerableFailures) {
      this.#options.fail(error)
      return
    }
    this.#options.log(error.message)
    this.#scheduleNext(this.#options.clock.nowMs())
  }
}
