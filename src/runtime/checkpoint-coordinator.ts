// Decides when checkpoints begin, waits for their parts, has them kept, and tells the workers. Runs on the coordinator's thread. Invariant: one
// checkpoint at a time, savepoints among them; nobody hears that one is complete before it survives everything.

import type { Clock, Timers } from '../base/clock.ts'
import { JobError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import type { CheckpointOrigin, CheckpointStore } from '../checkpoint/checkpoint-store.ts'
import type { CapturedCheckpoint, JobSnapshot, PartSnapshot } from '../checkpoint/job-snapshot.ts'
import { assertNoSavepoint } from '../checkpoint/local-storage.ts'
import { writeSavepoint } from '../checkpoint/savepoint.ts'
import type { OperatorSignature } from '../checkpoint/operator-signature.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'
import { type EndedSubtask, type InFlight, PendingCheckpoint } from './pending-checkpoint.ts'

/** What a user asks for. */
export interface SavepointRequest {
  /** Path of the folder that takes it. Undefined, to stop a job that takes checkpoints: its last checkpoint is enough. */
  readonly folder: string | undefined
  /**
   * What becomes of the job: it goes on; or it stops, and nothing follows the savepoint; or first its sources end and everything that waits for the end
   * of time fires, so that it finishes.
   */
  readonly mode: 'continue' | 'stop' | 'drain'
}

/** What it needs of the job. */
export interface CheckpointCoordinatorOptions extends Pick<CheckpointOptions, 'timeoutMs'> {
  readonly plan: ExecutionPlan
  /** What the operators are, by uid. */
  readonly signatures: () => ReadonlyMap<string, OperatorSignature>
  readonly splits: JobSnapshot['splits']
  /** Where and how often checkpoints are kept; undefined for a job that takes only savepoints. */
  readonly periodic:
    | (Pick<CheckpointOptions, 'intervalMs' | 'minPauseMs' | 'tolerableFailures' | 'alignedTimeoutMs'> & { readonly store: CheckpointStore })
    | undefined
  readonly origin: Omit<CheckpointOrigin, 'timestampMs'>
  readonly clock: Clock
  readonly timers: Timers
  /** The greatest number that was given so far. */
  readonly lastId: number
  /** Whether the job goes on from a checkpoint with batches in flight: the first one of this run is aligned then, so that none are left behind it. */
  readonly restoresInFlight: boolean
  /** Has the sources send barriers, of a savepoint if one is wanted: behind one that stops the job they read nothing, until {@link resume}. */
  begin(checkpointId: number, savepoint: SavepointRequest['mode'] | undefined): void
  /** Has the barriers of a checkpoint that has begun overtake what is in flight. */
  overtake(checkpointId: number): void
  /** A checkpoint that should have been the last one has failed. */
  resume(): void
  /** Ends the sources as if their input had ended, for a savepoint. */
  drain(): void
  /** Ends the workers, once they have committed what they have been told of. */
  end(): void
  /** A checkpoint is kept: notes its number where the next start finds it. @throws what goes wrong: then nothing is committed. */
  note(checkpointId: number): void
  /** A checkpoint is kept and noted, so long after it began: what was prepared for it may be committed. */
  complete(checkpointId: number, durationMs: number): void
  fail(error: Error): void
  log(message: string): void
}

/** A request, and whoever waits for it. */
interface Requested extends SavepointRequest {
  settle(error?: Error): void
}

/** Takes the checkpoints and savepoints of one job. */
export class CheckpointCoordinator {
  readonly #options: CheckpointCoordinatorOptions
  readonly #ended = new Map<string, EndedSubtask>()
  /** Those of them whose end is in a checkpoint that is kept, by their heads: what they wait for has come. */
  readonly #covered = new Set<string>()
  readonly #subtasks: number
  #lastId: number
  /** `beganMs` is monotonic: the machine's clock may be set while the checkpoint is taken. */
  #pending:
    | { readonly checkpoint: PendingCheckpoint; readonly timestampMs: number; readonly beganMs: number; readonly requested: Requested | undefined }
    | undefined
  /** Whether a checkpoint is being written. */
  #isSaving = false
  /** What is being written, and what is being removed behind it. */
  #work: Promise<unknown> = Promise.resolve()
  /** The savepoint that waits for its turn, is under way, or is being written. */
  #requested: Requested | undefined
  #failures = 0
  /** Takes back the timer of the next checkpoint, or of the end of the one under way, if one is set. */
  #unset: () => void = () => {}
  /** Takes back the timer with which the barriers of the checkpoint under way begin to overtake, if one is set. */
  #unsetOvertaking: () => void = () => {}
  #mayOvertake: boolean
  #stopped = false

  constructor(options: CheckpointCoordinatorOptions) {
    this.#options = options
    this.#mayOvertake = !options.restoresInFlight
    this.#lastId = options.lastId
    this.#subtasks = options.plan.tasks.reduce((sum, { parallelism }) => sum + parallelism, 0)
    if (options.periodic !== undefined) this.#schedule(options.periodic.intervalMs)
  }

  /** A barrier has reached a part. */
  acknowledge(checkpointId: number, id: string, part: PartSnapshot, hadEnded: boolean, inFlight: InFlight): void {
    if (this.#pending?.checkpoint.checkpointId !== checkpointId) return
    this.#pending.checkpoint.acknowledge(id, part, hadEnded, inFlight)
    failPoint('checkpoint.acknowledged')
    this.#tryComplete()
  }

  /** What a barrier has overtaken in front of a part has been collected. */
  takeInFlight(checkpointId: number, part: string, file: Uint8Array | undefined): void {
    if (this.#pending?.checkpoint.checkpointId !== checkpointId) return
    this.#pending.checkpoint.takeInFlight(part, file)
    failPoint('checkpoint.in-flight-taken')
    this.#tryComplete()
  }

  subtaskEnded(ended: EndedSubtask): void {
    this.#ended.set(ended.head, ended)
    this.#tryComplete()
    this.#tryLast()
  }

  /**
   * Takes a savepoint, at once or behind the checkpoint that is under way. The promise is settled when it survives everything.
   *
   * @throws {PlanError} `SAVEPOINT_EXISTS`. {@link JobError} `SAVEPOINT_IN_PROGRESS` while another one is asked for; `SAVEPOINT_FAILED`; `JOB_ENDED`. The job
   *   then goes on.
   */
  async takeSavepoint(request: SavepointRequest): Promise<void> {
    if (this.#stopped) throw this.#jobEnded()
    if (this.#requested !== undefined)
      throw new JobError('SAVEPOINT_IN_PROGRESS', `Cannot take a savepoint of job "${this.#options.plan.jobName}": another one is being taken`, {
        hint: 'Ask again when it is there.',
      })
    if (request.folder === undefined && (this.#options.periodic === undefined || request.mode === 'continue'))
      throw new JobError('SAVEPOINT_FAILED', `Cannot take a savepoint of job "${this.#options.plan.jobName}": nothing says where it is to be kept`, {
        hint: 'Name a folder.',
      })
    await new Promise<void>((resolve, reject) => {
      this.#requested = {
        ...request,
        settle: (error) => {
          this.#requested = undefined
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      void this.#beginRequested(this.#requested)
    })
  }

  /** Everything has been processed: waits for a savepoint that was asked for in time. */
  async finish(): Promise<void> {
    await this.#work
    this.#tryLast()
    await this.#work
  }

  /** Takes no more checkpoints; the promise is settled once none is being written, nor removed. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unset()
    this.#unsetOvertaking()
    this.#pending = undefined
    await this.#work
    this.#requested?.settle(this.#jobEnded())
  }

  async #beginRequested(requested: Requested): Promise<void> {
    try {
      // Before anything is held up for it.
      if (requested.folder !== undefined) await assertNoSavepoint(requested.folder)
    } catch (error) {
      requested.settle(error as Error)
      return
    }
    failPoint('savepoint.requested')
    // The job may have ended meanwhile.
    if (this.#requested !== requested) return
    if (requested.mode === 'drain') this.#options.drain()
    this.#tryLast()
    if (this.#isTurnOf(requested) && this.#pending === undefined && !this.#isSaving) this.#begin()
  }

  /** A job that is drained has its savepoint when everything has ended. */
  #isTurnOf(requested: Requested | undefined): boolean {
    return requested !== undefined && (requested.mode !== 'drain' || this.#ended.size === this.#subtasks)
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return
    this.#unset()
    this.#unset = this.#options.timers.after(delayMs, () => this.#begin())
  }

  #begin(): void {
    if (this.#stopped) return
    const { plan, clock, timers, timeoutMs } = this.#options
    this.#unset()
    const checkpointId = ++this.#lastId
    const requested = this.#isTurnOf(this.#requested) ? this.#requested : undefined
    const checkpoint = new PendingCheckpoint(plan, this.#options.signatures(), checkpointId)
    this.#pending = { checkpoint, timestampMs: clock.nowMs(), beganMs: clock.monotonicMs(), requested }
    this.#unset = timers.after(timeoutMs, () => {
      this.#unsetOvertaking()
      this.#pending = undefined
      const error = new JobError('CHECKPOINT_TIMEOUT', `Checkpoint ${checkpointId} was not complete after ${timeoutMs} ms`)
      if (requested === undefined) return this.#failed(error)
      this.#failedSavepoint(requested, error)
      this.#scheduleNext(clock.monotonicMs())
    })
    failPoint('checkpoint.before-begin')
    this.#options.begin(checkpointId, requested?.mode)
    failPoint('checkpoint.begun')
    if (requested === undefined) this.#scheduleOvertaking(checkpointId)
    this.#tryComplete()
  }

  /** A checkpoint that is not complete by then does without alignment; a savepoint never does. */
  #scheduleOvertaking(checkpointId: number): void {
    const { periodic, timers } = this.#options
    const alignedTimeoutMs = periodic?.alignedTimeoutMs
    if (alignedTimeoutMs === undefined || !this.#mayOvertake) return
    const overtake = (): void => {
      this.#options.overtake(checkpointId)
      failPoint('checkpoint.overtaking')
    }
    if (alignedTimeoutMs === 0) overtake()
    else this.#unsetOvertaking = timers.after(alignedTimeoutMs, overtake)
  }

  /** When all has been processed, what waits to be committed waits for one more checkpoint; so does a savepoint. */
  #tryLast(): void {
    if (this.#pending !== undefined || this.#isSaving || this.#ended.size < this.#subtasks) return
    if (this.#requested !== undefined) return this.#begin()
    if (this.#options.periodic === undefined) return
    for (const { head, isWaiting } of this.#ended.values()) if (isWaiting && !this.#covered.has(head)) return this.#schedule(0)
  }

  #tryComplete(): void {
    const pending = this.#pending
    const complete = pending?.checkpoint.complete(this.#ended)
    if (pending === undefined || complete === undefined) return
    this.#pending = undefined
    this.#unset()
    this.#unsetOvertaking()
    failPoint('checkpoint.parts-complete')
    const snapshot = { ...complete, splits: this.#options.splits }
    const origin = { ...this.#options.origin, timestampMs: pending.timestampMs }
    const save = async (): Promise<void> => {
      const { requested } = pending
      let failure: JobError | undefined
      try {
        await this.#keep(snapshot, origin, pending.beganMs)
      } catch (error) {
        failure = error as JobError
        if (requested !== undefined) this.#failedSavepoint(requested, failure)
      }
      if (requested !== undefined && failure === undefined) await this.#keepSavepoint(requested, snapshot, origin)
      this.#isSaving = false
      if (failure !== undefined) return this.#failed(failure)
      this.#scheduleNext(pending.beganMs)
      await this.#prune(snapshot.checkpointId)
    }
    this.#isSaving = true
    this.#work = Promise.all([this.#work, save()])
  }

  /** Keeps a checkpoint, and tells the workers. @throws {JobError} `CHECKPOINT_FAILED` */
  async #keep(snapshot: CapturedCheckpoint, origin: CheckpointOrigin, beganMs: number): Promise<void> {
    const { plan, periodic, clock } = this.#options
    if (periodic === undefined) return
    const { checkpointId } = snapshot
    try {
      await periodic.store.save(snapshot, origin)
      failPoint('checkpoint.before-note')
      this.#options.note(checkpointId)
    } catch (cause) {
      throw new JobError('CHECKPOINT_FAILED', `Cannot keep checkpoint ${checkpointId} of job "${plan.jobName}": ${(cause as Error).message}`, { cause })
    }
    this.#failures = 0
    for (const part of snapshot.ended) this.#covered.add(part)
    this.#mayOvertake = true
    failPoint('checkpoint.kept')
    this.#options.complete(checkpointId, clock.monotonicMs() - beganMs)
    failPoint('checkpoint.told')
  }

  async #prune(checkpointId: number): Promise<void> {
    const { periodic } = this.#options
    if (periodic === undefined) return
    try {
      failPoint('prune.before')
      await periodic.store.prune(checkpointId)
      failPoint('prune.done')
    } catch (error) {
      this.#options.log(`Cannot remove checkpoints before ${checkpointId}: ${(error as Error).message}`)
    }
  }

  /** Writes a savepoint, behind the checkpoint that is the same: what was committed for it is nowhere twice, whatever the next start goes on from. */
  async #keepSavepoint(requested: Requested, snapshot: CapturedCheckpoint, origin: CheckpointOrigin): Promise<void> {
    try {
      if (requested.folder !== undefined) await writeSavepoint(requested.folder, snapshot, origin)
    } catch (error) {
      this.#failedSavepoint(requested, error as Error)
      return
    }
    failPoint('savepoint.before-end')
    if (requested.mode === 'stop') {
      this.#stopped = true
      this.#options.end()
    }
    requested.settle()
  }

  #failedSavepoint(requested: Requested, cause: Error): void {
    const { plan } = this.#options
    requested.settle(new JobError('SAVEPOINT_FAILED', `Cannot take a savepoint of job "${plan.jobName}": ${cause.message}`, { cause }))
    if (requested.mode === 'stop') this.#options.resume()
  }

  #scheduleNext(beganMs: number): void {
    const { clock, periodic } = this.#options
    if (this.#stopped) return
    // Asked for while this one was under way.
    if (this.#isTurnOf(this.#requested)) return this.#begin()
    if (periodic !== undefined) this.#schedule(Math.max(periodic.minPauseMs, periodic.intervalMs - (clock.monotonicMs() - beganMs)))
    this.#tryLast()
  }

  /** One more than is tolerated in a row fails the job. */
  #failed(error: JobError): void {
    if (this.#stopped) return
    const { periodic } = this.#options
    if (++this.#failures > (periodic?.tolerableFailures ?? 0)) {
      this.#options.fail(error)
      return
    }
    this.#options.log(error.message)
    if (this.#isTurnOf(this.#requested)) return this.#begin()
    // Not at once, even if the job is at its end: what has failed may need a while.
    if (periodic !== undefined) this.#schedule(Math.max(periodic.minPauseMs, periodic.intervalMs))
  }

  #jobEnded(): JobError {
    return new JobError('JOB_ENDED', `Cannot take a savepoint of job "${this.#options.plan.jobName}": it has ended`)
  }
}
