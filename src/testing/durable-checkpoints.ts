// Checkpoints of a job on the calling thread, kept as those of a job on threads: the same coordinator, storage and folder of the job, with steps for
// milliseconds. Invariant: what a run does to the disk depends on its options and its seed alone, if the disk is one in memory.

import type { Clock } from '../base/clock.ts'
import type { FileSystem } from '../base/file-system.ts'
import { packageVersion } from '../base/platform.ts'
import { CheckpointStore, type FoundCheckpoint } from '../checkpoint/checkpoint-store.ts'
import { JobDirectory } from '../checkpoint/job-directory.ts'
import type { PartSnapshot } from '../checkpoint/job-snapshot.ts'
import { LocalCheckpointStorage } from '../checkpoint/local-storage.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { CheckpointCoordinator } from '../runtime/checkpoint-coordinator.ts'
import type { CheckpointOptions } from '../runtime/checkpoint-options.ts'
import type { LocalExecutor } from '../runtime/local-executor.ts'
import type { EndedSubtask, InFlight } from '../runtime/pending-checkpoint.ts'

/** Turns that the promises of a coordinator get with each step of the job: so much that a disk in memory keeps up with it. */
const TURNS_PER_STEP = 16

/** Where and how they are kept. */
export interface DurableCheckpointOptions {
  readonly jobName: string
  /** `intervalMs` and `alignedTimeoutMs` count steps. */
  readonly settings: CheckpointOptions
  readonly files: FileSystem
  log(message: string): void
}

/** The checkpoints of one run of a job, up to its end or a crash. */
export class DurableCheckpoints {
  readonly found: FoundCheckpoint | undefined
  readonly #options: DurableCheckpointOptions
  readonly #directory: JobDirectory
  readonly #store: CheckpointStore
  readonly #lastId: number
  #coordinator: CheckpointCoordinator | undefined
  #failure: Error | undefined
  /** Complete ones. */
  #count = 0
  #steps = 0
  /** Has the workers commit. */
  #told: (() => void) | undefined
  /** Timers that are set. */
  readonly #alarms = new Set<{ readonly at: number; readonly run: () => void }>()

  private constructor(
    options: DurableCheckpointOptions,
    parts: { readonly directory: JobDirectory; readonly store: CheckpointStore; readonly found: FoundCheckpoint | undefined; readonly lastId: number },
  ) {
    this.#options = options
    this.#directory = parts.directory
    this.#store = parts.store
    this.#lastId = parts.lastId
    this.found = parts.found
  }

  /** Claims the job's folder and looks for the newest checkpoint. @throws what a start of the job throws. */
  static async open(options: DurableCheckpointOptions): Promise<DurableCheckpoints> {
    const { jobName, settings, files, log } = options
    // Who ran it before has failed or crashed: it was this process, which in truth would be gone.
    const directory = JobDirectory.claim(settings.directory, jobName, {}, { files, isAlive: () => false })
    const store = new CheckpointStore(new LocalCheckpointStorage(directory.folder, files), settings.retained)
    const found = await store.newest(directory.lastCheckpointId)
    for (const warning of found?.warnings ?? []) log(warning)
    return new DurableCheckpoints(options, { directory, store, found, lastId: await store.lastId() })
  }

  /** Begins to take checkpoints of a job. */
  start(plan: ExecutionPlan, executor: LocalExecutor): void {
    const { settings, log } = this.#options
    const clock: Clock = { nowMs: () => this.#steps, monotonicMs: () => this.#steps }
    this.#coordinator = new CheckpointCoordinator({
      plan,
      signatures: () => executor.signatures,
      splits: executor.splits,
      periodic: { ...settings, store: this.#store },
      timeoutMs: settings.timeoutMs,
      origin: { jobName: plan.jobName, engineVersion: packageVersion(), attempt: this.#directory.attempt },
      clock,
      timers: {
        after: (delay, run) => {
          const alarm = { at: this.#steps + delay, run }
          this.#alarms.add(alarm)
          return () => void this.#alarms.delete(alarm)
        },
      },
      lastId: this.#lastId,
      restoresInFlight: this.found !== undefined && this.found.snapshot.inFlight.size > 0,
      begin: (checkpointId) => executor.offerBarrier(checkpointId),
      overtake: (checkpointId) => executor.overtake(checkpointId),
      // Nobody asks for savepoints.
      resume() {},
      drain() {},
      end() {},
      note: (checkpointId) => this.#directory.noteCheckpoint(checkpointId),
      complete: (checkpointId) => {
        this.#count++
        // Not from within the coordinator: workers hear of it in a step of theirs.
        this.#told = () => executor.completeCheckpoint(checkpointId)
      },
      fail: (error) => (this.#failure ??= error),
      log,
    })
  }

  get count(): number {
    return this.#count
  }

  acknowledge(checkpointId: number, id: string, part: PartSnapshot, hadEnded: boolean, inFlight: InFlight): void {
    this.#coordinator!.acknowledge(checkpointId, id, part, hadEnded, inFlight)
  }

  takeInFlight(checkpointId: number, part: string, file: Uint8Array | undefined): void {
    this.#coordinator!.takeInFlight(checkpointId, part, file)
  }

  subtaskEnded(ended: EndedSubtask): void {
    this.#coordinator!.subtaskEnded(ended)
  }

  /** Lets `steps` go by. @throws what fails the job. */
  async step(steps: number): Promise<void> {
    this.#steps = steps
    for (let turn = 0; turn < TURNS_PER_STEP; turn++) await Promise.resolve()
    if (this.#failure !== undefined) throw this.#failure
    const told = this.#told
    this.#told = undefined
    told?.()
    for (const alarm of [...this.#alarms]) if (alarm.at <= steps && this.#alarms.delete(alarm)) alarm.run()
  }

  /** Ends the run; where it crashed nothing is called. */
  async close(hasFinished: boolean): Promise<void> {
    await this.#coordinator?.stop()
    this.#directory.release(hasFinished ? 'finished' : 'failed')
  }
}
