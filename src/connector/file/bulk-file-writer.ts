// Writes one subtask's records as files that are not lines (Parquet): into a file, or into part files of a folder, by partition if there are such. Runs on
// the subtask's thread.
//
// Such a file cannot be gone on with from the middle, so a part is closed at each checkpoint, as Flink's bulk formats are: nothing is in progress in any
// checkpoint. A part is in progress, under a hidden name, from its first record; pending from then on, until the checkpoint that holds its committable is
// complete; finished once it has its name, which no other run gives.

import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { syncFolder } from '../../base/durable.ts'
import { ConnectorError } from '../../base/errors.ts'
import type { FileSystem } from '../../base/file-system.ts'
import { makeFolder } from '../../base/make-folder.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { ParquetEncoder, type ParquetFileEncoder } from '../../format/parquet/parquet-encoder.ts'
import type { ParquetFormat } from '../../format/parquet/parquet-format.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { type CommittingSinkWriter, refuseChanges } from '../../operator/sink.ts'
import { FileCommitter, type FileCommittable, notWritable } from './file-committer.ts'
import type { FileSink } from './file-sink.ts'
import { inProgressIn } from './file-writer.ts'
import type { WriterReport } from './partition-commit.ts'
import { Partitioner, SPLIT_ROWS_MAX } from './partitioner.ts'
import { isOutdated } from './rolling-policy.ts'

/** So much is gathered for all parts together before the largest become row groups. */
const GATHERED_BYTES_MAX = 64 << 20
/** What an earlier run has left: the number of the subtask is in it, and the label of the sink. */
const IN_PROGRESS = /^\.part-(\d+)(-u[0-9a-f]+)?-[0-9a-f-]{36}-\d+\.parquet\.inprogress$/

/** A part in progress. */
interface Part extends FileCommittable {
  readonly encoder: ParquetFileEncoder
  readonly createdMs: number
  updatedMs: number
  /** Written so far. */
  bytes: number
}

/** See the file's head. */
export class BulkFileWriter implements CommittingSinkWriter {
  readonly #sink: FileSink
  readonly #context: OperatorContext
  readonly #files: FileSystem
  readonly #committer: FileCommitter
  readonly #encoder: ParquetEncoder
  readonly #partitioner: Partitioner | undefined
  /** Rows as they are written: without the columns that the names of folders hold. */
  readonly #view: RecordBatch
  readonly #columns: readonly number[]
  /** In progress, by partition. */
  readonly #parts = new Map<string, Part>()
  readonly #run = randomUUID()
  #count = 0
  #checkAtMs = Infinity
  #isTidy = false
  #isFinished = false
  #unsynced: string | undefined
  #complete: WriterReport[] = []
  /** Of a job without checkpoints: partitions that the committer is to hear of at the end. */
  readonly #finished = new Set<string>()

  /** @throws {ConnectorError} `NOT_A_FOLDER` for a single file in a job that takes checkpoints. */
  constructor(sink: FileSink, schema: Schema, context: OperatorContext) {
    if (!sink.isFolder && context.isCheckpointed)
      throw new ConnectorError('NOT_A_FOLDER', `Cannot write "${sink.path}" as Parquet: at each checkpoint a file is complete, and it is one file`, {
        hint: 'Write into a folder: end the path with a slash.',
      })
    const { partitionBy, partitionDefaultName } = sink
    this.#sink = sink
    this.#context = context
    this.#files = context.files
    this.#committer = new FileCommitter(sink.path, '', context)
    const written = sink.writtenSchema(schema)
    this.#encoder = new ParquetEncoder(written, sink.format as ParquetFormat)
    this.#view = new RecordBatch(context.slab, written, [])
    this.#columns = written.fields.map(({ name }) => schema.requireIndex(name))
    this.#partitioner = partitionBy.length === 0 ? undefined : new Partitioner(context, schema, partitionBy, partitionDefaultName)
  }

  hasCapacity(): boolean {
    return true
  }

  write(batch: RecordBatch): boolean {
    refuseChanges(batch, 'to a file: Parquet holds inserted records only')
    const nowMs = this.#context.clock.nowMs()
    const view = this.#view.viewOf(batch)
    view.columns = this.#columns.map((index) => batch.columns[index])
    const partitioner = this.#partitioner
    while (batch.begin < batch.end) {
      const end = Math.min(batch.end, batch.begin + SPLIT_ROWS_MAX)
      const groups = partitioner === undefined ? 1 : partitioner.split(batch, batch.begin, end - batch.begin)
      for (let group = 0; group < groups; group++) {
        const partition = partitioner === undefined ? '' : partitioner.pathOf(group)
        if (groups === 1) this.#add(partition, view, batch.selection, batch.begin, end, nowMs)
        else this.#add(partition, view, partitioner!.rowsOf(group), 0, partitioner!.countOf(group), nowMs)
      }
      batch.begin = end
    }
    return true
  }

  flush(): boolean {
    return true
  }

  nextProcessingTimeMs(): number {
    return this.#checkAtMs
  }

  onProcessingTime(nowMs: number): void {
    if (nowMs < this.#checkAtMs) return
    for (const part of this.#parts.values()) if (this.#sink.isFolder && isOutdated(this.#sink.rollingPolicy, part, nowMs)) this.#roll(part)
    this.#checkAtMs = this.#parts.size === 0 ? Infinity : nowMs + this.#sink.rollingPolicy.checkInterval
  }

  finish(): boolean {
    // A file is there even if it holds nothing; a part file is not.
    if (!this.#sink.isFolder && this.#parts.size === 0) this.#begin('', 0)
    this.#isFinished = true
    for (const part of this.#parts.values()) this.#roll(part)
    this.#tidy()
    return true
  }

  prepareCommit(): readonly Uint8Array[] {
    this.#committer.isRestoring = false
    this.#tidy()
    for (const part of this.#parts.values()) this.#roll(part)
    if (this.#unsynced !== undefined && this.#context.isCheckpointed) this.#guard(this.#unsynced, (folder) => syncFolder(this.#files, folder))
    this.#unsynced = undefined
    const complete = [...this.#complete, ...Array.from(this.#finished, (partition) => ({ partition }))]
    this.#complete = []
    return complete.map((piece) => Buffer.from(JSON.stringify(piece)))
  }

  commit(committable: Uint8Array): void {
    this.#committer.commit(committable)
  }

  endCommits(): void {
    this.#committer.endCommits()
  }

  snapshot(_writer: SnapshotWriter): void {}

  restore(_reader: SnapshotReader): void {
    this.#committer.isRestoring = true
  }

  close(): void {
    this.#parts.clear()
    this.#partitioner?.free()
  }

  #add(partition: string, view: RecordBatch, selection: number, begin: number, end: number, nowMs: number): void {
    const { i32 } = this.#context.slab
    const { fileSize } = this.#sink.rollingPolicy
    let part = this.#parts.get(partition)
    for (let at = begin; at < end; at++) {
      part ??= this.#begin(partition, nowMs)
      part.encoder.add(view, selection === 0 ? at : i32[(selection >>> 2) + at])
      part.updatedMs = nowMs
      if (part.encoder.isFull) this.#append(part, part.encoder.takeGroup())
      if (this.#sink.isFolder && part.bytes >= fileSize) {
        this.#roll(part)
        part = undefined
      }
    }
    this.#bound()
  }

  /** What is gathered for many parts must not be too much altogether. */
  #bound(): void {
    if (this.#parts.size < 2) return
    let bytes = 0
    for (const { encoder } of this.#parts.values()) bytes += encoder.pendingBytes
    if (bytes < GATHERED_BYTES_MAX) return
    const largest = [...this.#parts.values()].toSorted((one, other) => other.encoder.pendingBytes - one.encoder.pendingBytes)
    for (const part of largest) {
      if (bytes < GATHERED_BYTES_MAX / 2) return
      bytes -= part.encoder.pendingBytes
      this.#append(part, part.encoder.takeGroup())
    }
  }

  #begin(partition: string, nowMs: number): Part {
    this.#tidy()
    const { path: root, isFolder } = this.#sink
    const name = `part-${this.#context.subtaskIndex}${this.#sink.labelOf(this.#context)}-${this.#run}-${this.#count++}.parquet`
    const path = isFolder ? join(root, partition, name) : this.#files.behindLinks(root)
    const inProgress = inProgressIn(isFolder ? root : dirname(path), path)
    this.#guard(inProgress, () => {
      makeFolder(dirname(inProgress), this.#files, this.#context.isCheckpointed)
      this.#files.close(this.#files.open(inProgress, 'w'))
    })
    this.#unsynced = dirname(inProgress)
    const part: Part = { path, inProgress, partition, encoder: this.#encoder.begin(), createdMs: nowMs, updatedMs: nowMs, bytes: 0 }
    this.#parts.set(partition, part)
    if (this.#checkAtMs === Infinity && isFolder) this.#checkAtMs = nowMs + this.#sink.rollingPolicy.checkInterval
    return part
  }

  #append(part: Part, bytes: Uint8Array, isLast: boolean = false): void {
    this.#guard(part.inProgress, (path) => {
      const file = this.#files.open(path, 'r+')
      try {
        for (let at = 0; at < bytes.length;) at += this.#files.write(file, bytes, at, bytes.length - at, part.bytes + at)
        if (isLast && this.#context.isCheckpointed) this.#files.sync(file)
      } finally {
        this.#files.close(file)
      }
    })
    part.bytes += bytes.length
    this.#context.metrics.bytesWritten += bytes.length
  }

  /** Closes a part: it is pending from now on. Without checkpoints nothing can take it back, and it gets its name. */
  #roll(part: Part): void {
    this.#append(part, part.encoder.finish(), true)
    const { path, inProgress, partition, bytes } = part
    this.#parts.delete(partition)
    const piece = { path, inProgress, partition, bytes }
    if (this.#context.isCheckpointed || this.#isFinished) this.#complete.push(piece)
    else {
      this.#committer.rename(piece)
      if (this.#sink.partitionCommit !== undefined) this.#finished.add(partition)
    }
  }

  /**
   * Removes parts that a run began which failed before a checkpoint spoke of them. Done before the first part is begun: what the checkpoint holds as
   * prepared has its name by then.
   */
  #tidy(): void {
    if (this.#isTidy) return
    this.#isTidy = true
    const { path, isFolder } = this.#sink
    const { subtaskIndex, parallelism } = this.#context
    if (!isFolder || this.#files.stat(path) === undefined) return
    const own = this.#sink.labelOf(this.#context)
    this.#guard(path, () => {
      for (const { name } of this.#files.list(path)) {
        const [, subtask, label = ''] = IN_PROGRESS.exec(name) ?? []
        if (subtask !== undefined && label === own && Number(subtask) % parallelism === subtaskIndex) this.#files.remove(join(path, name))
      }
    })
  }

  #guard(path: string, step: (path: string) => void): void {
    try {
      step(path)
    } catch (error) {
      throw notWritable(path, error)
    }
  }
}
