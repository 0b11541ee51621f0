// When a partition of a folder is complete, and the file that says so. One committer decides for all writers of a sink, as in Flink: it commits their
// files too, so that what is said to be complete is there. Runs on the subtask's thread. Invariant: a success file is written only behind a checkpoint in
// which no writer has an open file of the partition, and behind the commit of all files that were closed for it.

import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { readValue } from '../../batch/values.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import type { CommittingSinkWriter, Sink } from '../../operator/sink.ts'
import { requireDurationMs } from '../../operator/window/duration.ts'
import { committedText, type FileCommittable, FileCommitter } from './file-committer.ts'
import type { PartitionTime } from './partition-time.ts'

/** When a partition is said to be complete, and how: `sink.partition-commit.*` of Flink's file system connector. */
export interface PartitionCommitOptions {
  /**
   * `partition-time`: the watermark is beyond the partition's time and `delay`. `process-time`: `delay` has passed by the machine's clock since its
   * first record came; with 0, at each checkpoint. @default process-time
   */
  readonly trigger?: 'process-time' | 'partition-time'
  /** In ms. For partitions of an hour by their time: `hours(1)`. @default 0 */
  readonly delay?: number
  /** What is done then. `success-file`: an empty file is written. */
  readonly policyKind?: 'success-file'
  /** @default _SUCCESS */
  readonly successFileName?: string
}

const KEYS: OptionKeys<PartitionCommitOptions> = { trigger: true, delay: true, policyKind: true, successFileName: true }

/** The options with their defaults. */
export interface PartitionCommit {
  readonly isByWatermark: boolean
  readonly delayMs: number
  readonly successFileName: string
}

/** @throws {PlanError} `INVALID_OPTION`, `INVALID_DURATION` */
export function partitionCommitOf(options: PartitionCommitOptions): PartitionCommit {
  refuseUnknownOptions('commit partitions', options, KEYS)
  const { trigger = 'process-time', delay = 0, policyKind = 'success-file', successFileName = '_SUCCESS' } = options
  const refuse = (what: string, value: unknown): never => {
    throw new PlanError('INVALID_OPTION', `Cannot commit partitions: ${what}, not ${JSON.stringify(value)}`)
  }
  if (trigger !== 'process-time' && trigger !== 'partition-time') refuse('trigger is "process-time" or "partition-time"', trigger)
  if (policyKind !== 'success-file') refuse('policyKind is "success-file"', policyKind)
  if (typeof successFileName !== 'string' || !/^[^/\0]+$/.test(successFileName) || /^\.\.?$/.test(successFileName))
    refuse('successFileName must be the name of a file', successFileName)
  if (requireDurationMs('the delay of the commit of partitions', delay) < 0) refuse('delay must not be negative', delay)
  return { isByWatermark: trigger === 'partition-time', delayMs: delay, successFileName }
}

/**
 * What a writer tells the committer: a file that is to be committed, a partition of which it has an open file still, or one of which it has committed a
 * file itself, in a job without checkpoints.
 */
export type WriterReport = FileCommittable | { readonly open: string } | Pick<FileCommittable, 'partition'>

/** A partition of which something has been written since it was committed last, if ever it was. */
interface PendingPartition {
  readonly partition: string
  /** Its time, or when something of it was first heard of: epoch ms. */
  readonly sinceMs: number
}

const PENDING_STATE = 'pending-partitions'

/** Commits files and partitions. */
class PartitionCommitter implements CommittingSinkWriter {
  readonly #context: OperatorContext
  readonly #commit: PartitionCommit
  readonly #time: PartitionTime | undefined
  readonly #files: FileCommitter
  /** Prepared by writers since the last barrier. */
  #reported: Uint8Array[] = []
  readonly #pending = new Map<string, PendingPartition>()
  /** Partitions of which a writer had an open file at the barrier. */
  readonly #open = new Set<string>()
  #watermarkMs = -Infinity
  #isFinished = false

  constructor(root: string, commit: PartitionCommit, time: PartitionTime | undefined, context: OperatorContext) {
    this.#context = context
    this.#commit = commit
    this.#time = time
    this.#files = new FileCommitter(root, commit.successFileName, context)
  }

  hasCapacity(): boolean {
    return true
  }

  write(batch: RecordBatch): boolean {
    for (; batch.begin < batch.end; batch.begin++) {
      const bytes = readValue(batch.columns[0], batch.physicalRow(batch.begin)) as Uint8Array
      const report = JSON.parse(committedText(bytes)) as WriterReport
      const partition = 'open' in report ? report.open : report.partition
      if ('open' in report) this.#open.add(partition)
      else if ('inProgress' in report) this.#reported.push(bytes)
      if (!this.#pending.has(partition)) this.#pending.set(partition, { partition, sinceMs: this.#sinceMs(partition) })
    }
    return true
  }

  writeWatermark(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs
  }

  flush(): boolean {
    return true
  }

  finish(): boolean {
    this.#isFinished = true
    return true
  }

  prepareCommit(): readonly Uint8Array[] {
    this.#files.isRestoring = false
    const committables = this.#reported
    this.#reported = []
    for (const pending of this.#pending.values()) {
      if (!this.#isDue(pending)) continue
      this.#pending.delete(pending.partition)
      committables.push(Buffer.from(JSON.stringify({ success: pending.partition })))
    }
    this.#open.clear()
    return committables
  }

  commit(committable: Uint8Array): void {
    this.#files.commit(committable)
  }

  endCommits(): void {
    this.#files.endCommits()
  }

  snapshot(writer: SnapshotWriter): void {
    for (const pending of this.#pending.values()) writer.element(PENDING_STATE, Buffer.from(JSON.stringify(pending)))
  }

  restore(reader: SnapshotReader): void {
    this.#files.isRestoring = true
    reader.elements(PENDING_STATE, (element) => {
      const pending = JSON.parse(committedText(element)) as PendingPartition
      this.#pending.set(pending.partition, pending)
    })
  }

  close(): void {}

  #sinceMs(partition: string): number {
    // JSON has no infinity.
    return this.#time === undefined ? this.#context.clock.nowMs() : Math.min(this.#time.timeMs(partition), Number.MAX_SAFE_INTEGER)
  }

  /** At the end of the input each is. */
  #isDue({ partition, sinceMs }: PendingPartition): boolean {
    return this.#isFinished || (!this.#open.has(partition) && isPartitionDue(this.#commit, sinceMs, this.#watermarkMs, this.#context.clock.nowMs()))
  }
}

/** The committer behind the writers of a file sink. */
export function partitionCommitter(root: string, commit: PartitionCommit, time: PartitionTime | undefined): Sink {
  return {
    name: 'File: Committer',
    needsEventLoop: false,
    parallelismMax: 1,
    describe: () => `${root}: ${commit.successFileName} in each partition`,
    createWriter: (_schema, context) => new PartitionCommitter(root, commit, time, context),
  }
}

/** Whether the time has come, as far as one writer sees, for a partition to be complete: then its file must not stay open. */
export function isPartitionDue(commit: PartitionCommit, sinceMs: number, watermarkMs: number, nowMs: number): boolean {
  if (commit.isByWatermark) return watermarkMs > sinceMs + commit.delayMs
  return commit.delayMs === 0 || nowMs > sinceMs + commit.delayMs
}
