// Writes one subtask's records into a file, a device, or part files of a folder, by partition if there are such. Runs on the subtask's thread.
//
// A part file is in progress, under a hidden name, from its first record until its policy closes it; pending from then on, until the checkpoint that
// holds its committable is complete; finished once it has its name. What is in progress at a checkpoint goes on behind a restore, cut to what it was.
// Invariant: a file has its final name only when it is complete; what is no file is never replaced by one.

import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../base/durable.ts'
import { ConnectorError, RestoreError } from '../../base/errors.ts'
import { failPoint } from '../../base/fail-points.ts'
import { type FileSystem, isDiskFailure, nodeFileSystem } from '../../base/file-system.ts'
import { makeFolder } from '../../base/make-folder.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { LineEncoder, LineFormat } from '../../format/line-format.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { type CommittingSinkWriter, refuseChanges } from '../../operator/sink.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { committedText, FileCommitter, notWritable } from './file-committer.ts'
import { STANDARD_PATH } from './file-listing.ts'
import type { FileSink } from './file-sink.ts'
import { PartFile, type PartFileInit, RECORD_BYTES_MAX, recordTooLarge, STANDARD_OUTPUT } from './part-file.ts'
import { leastUsed, PartPool } from './part-pool.ts'
import { isPartitionDue, type WriterReport } from './partition-commit.ts'
import { Partitioner, SPLIT_ROWS_MAX } from './partitioner.ts'
import { isOutdated } from './rolling-policy.ts'

/** Into which rows of partitions are encoded. */
const ENCODED_BYTES = 512 << 10
/**
 * So many parts are in progress at once, each with an element of state at every checkpoint: beyond that some of those that were used longest ago are
 * closed.
 */
const PARTS_MAX = 65_536
const CLOSED_AT_ONCE = 1024

/**
 * Parts that are in progress: each goes on in the subtask whose number it has in its name, or in another if there are fewer now; so no subtask makes
 * a part of that name anew.
 */
const PARTS_STATE = `${UNION_STATE_PREFIX}parts`
/** What names were given so far: those of parts beyond them belong to runs that no checkpoint knows. */
const NAMES_STATE = `${UNION_STATE_PREFIX}names`

/** The names that a subtask has given. */
interface Names {
  readonly subtask: number
  /**
   * How often the number of subtasks has changed, and what it is: from the first change on it is in the names of parts, since a part of the same number
   * may be complete already.
   */
  readonly generation: number
  readonly parallelism: number
  /** How many parts of this generation it has begun. */
  readonly count: number
}

/** The name of a part in progress: subtask, label of the sink, generation, number, format. */
const PART_IN_PROGRESS = /^\.part-(\d+)(-u[0-9a-f]+)?(?:-g(\d+))?(?:-(\d+))?\.(\w+)\.inprogress$/

/** Where rows of one partition go. Without partitions there is one of it. */
interface Bucket {
  /** Its folder, from the sink's on. */
  readonly partition: string
  /** Undefined between two parts. */
  part: PartFile | undefined
  /** The time of the partition, or when its first row came since it was due last: epoch ms. */
  sinceMs: number
}

/** Writes files, as `fileSink` describes. */
export class FileWriter implements CommittingSinkWriter {
  readonly #sink: FileSink
  readonly #context: OperatorContext
  readonly #encoder: LineEncoder
  readonly #files: FileSystem
  readonly #committer: FileCommitter
  readonly #partitioner: Partitioner | undefined
  /** Given if there are partitions. */
  readonly #pool: PartPool | undefined
  /** The buffer that rows of partitions are encoded into, 0 without any. */
  #encoded = 0
  #encodedBytes = ENCODED_BYTES
  /** Rows as they are written: without the columns that the names of folders hold. */
  readonly #view: RecordBatch
  /** Indexes of the columns that are written. */
  readonly #columns: readonly number[]
  readonly #buckets = new Map<string, Bucket>()
  /** Those in progress. */
  readonly #parts = new Set<PartFile>()
  #uses = 0
  /** The folder in which parts were begun whose names are not durable yet: all parts in progress lie in the same. */
  #unsynced: string | undefined
  /** In the names of parts. */
  #generation = 0
  readonly #label: string
  #count = 0
  /** The names that the checkpoint knew from which the job goes on. */
  #restoredNames: readonly Names[] = []
  #isTidy = false
  #isFinished = false
  #watermarkMs = -Infinity
  #checkAtMs = Infinity
  /** Complete, and not handed out to be committed yet. */
  #complete: WriterReport[] = []
  /** Of a job without checkpoints: partitions that the committer is to hear of at the end. */
  readonly #finished = new Set<string>()

  constructor(sink: FileSink, schema: Schema, context: OperatorContext) {
    this.#sink = sink
    this.#context = context
    this.#files = context.files
    this.#label = sink.labelOf(context)
    const { partitionDefaultName, partitionBy } = sink
    this.#columns = schema.fields.flatMap(({ name }, index) => (partitionBy.includes(name) ? [] : [index]))
    const written = sink.writtenSchema(schema)
    this.#view = new RecordBatch(context.slab, written, [])
    this.#encoder = (sink.format as LineFormat).createEncoder(written, context.slab, context.kernels)
    this.#committer = new FileCommitter(sink.path, '', context)
    this.#partitioner = partitionBy.length === 0 ? undefined : new Partitioner(context, schema, partitionBy, partitionDefaultName)
    if (this.#partitioner === undefined) this.#bucketOf('')
    else {
      this.#pool = new PartPool()
      this.#encoded = context.slab.allocate(ENCODED_BYTES + BUFFER_SLACK_BYTES)
    }
  }

  hasCapacity(): boolean {
    // Only what is written straight through ever refuses, and that is alone.
    const part = this.#partitioner === undefined ? this.#bucketOf('').part : undefined
    return part === undefined || !part.isFull || part.writeOut()
  }

  write(batch: RecordBatch): boolean {
    refuseChanges(batch, 'to a file: a file of lines holds inserted records only')
    const nowMs = this.#sink.isFolder ? this.#context.clock.nowMs() : 0
    const partitioner = this.#partitioner
    if (partitioner === undefined) {
      this.#encoder.bind(batch)
      batch.begin = this.#encode(this.#bucketOf(''), batch.selection, batch.begin, batch.end, nowMs)
      return batch.begin === batch.end
    }
    const view = this.#view.viewOf(batch)
    view.columns = this.#columns.map((index) => batch.columns[index])
    this.#encoder.bind(view)
    while (batch.begin < batch.end) {
      const end = Math.min(batch.end, batch.begin + SPLIT_ROWS_MAX)
      const groups = partitioner.split(batch, batch.begin, end - batch.begin)
      if (groups === 1) this.#encode(this.#bucketOf(partitioner.pathOf(0)), batch.selection, batch.begin, end, nowMs)
      else
        for (let group = 0; group < groups; group++)
          this.#encode(this.#bucketOf(partitioner.pathOf(group)), partitioner.rowsOf(group), 0, partitioner.countOf(group), nowMs)
      batch.begin = end
    }
    return true
  }

  writeWatermark(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs
  }

  flush(): boolean {
    // Nobody reads the many parts of partitions before they are closed.
    return this.#pool !== undefined || (this.#bucketOf('').part?.writeOut() ?? true)
  }

  nextProcessingTimeMs(): number {
    return this.#checkAtMs
  }

  onProcessingTime(nowMs: number): void {
    if (nowMs < this.#checkAtMs) return
    for (const bucket of this.#buckets.values()) if (bucket.part !== undefined && isOutdated(this.#sink.rollingPolicy, bucket.part, nowMs)) this.#roll(bucket)
    this.#checkAtMs = this.#parts.size === 0 ? Infinity : nowMs + this.#sink.rollingPolicy.checkInterval
  }

  finish(): boolean {
    // A file is there even if it holds nothing; a part file is not.
    if (!this.#sink.isFolder && this.#parts.size === 0) this.#begin(this.#bucketOf(''), 0)
    if (!this.flush()) return false
    this.#isFinished = true
    for (const bucket of this.#buckets.values()) if (bucket.part !== undefined) this.#roll(bucket)
    this.#tidy()
    failPoint('file.finished')
    return true
  }

  prepareCommit(): readonly Uint8Array[] {
    this.#committer.isRestoring = false
    this.#tidy()
    const { partitionCommit, rollingPolicy, isFolder } = this.#sink
    const nowMs = this.#context.clock.nowMs()
    for (const bucket of this.#buckets.values()) {
      const isDue = partitionCommit !== undefined && isPartitionDue(partitionCommit, bucket.sinceMs, this.#watermarkMs, nowMs)
      if (bucket.part !== undefined && (isDue || (isFolder && rollingPolicy.onCheckpoint))) this.#roll(bucket)
      else if (bucket.part !== undefined && partitionCommit !== undefined) this.#complete.push({ open: bucket.partition })
      // What is forgotten here is made anew with its next row. How long a partition has been there by the clock is not forgotten before it is due.
      const isForgotten = isDue || partitionCommit === undefined || partitionCommit.isByWatermark
      if (bucket.part === undefined && isForgotten && this.#partitioner !== undefined) this.#buckets.delete(bucket.partition)
    }
    this.#syncNames()
    const complete = this.#complete
    for (const partition of this.#finished) complete.push({ partition })
    this.#complete = []
    return complete.map((piece) => Buffer.from(JSON.stringify(piece)))
  }

  commit(committable: Uint8Array): void {
    this.#committer.commit(committable)
  }

  endCommits(): void {
    this.#committer.endCommits()
  }

  snapshot(writer: SnapshotWriter): void {
    const first: PartFile | undefined = this.#parts.values().next().value
    if (first?.isDirect === true) return
    const { parallelism, subtaskIndex } = this.#context
    const names: Names = { subtask: subtaskIndex, generation: this.#generation, parallelism, count: this.#count }
    writer.element(NAMES_STATE, Buffer.from(JSON.stringify(names)))
    this.#syncNames()
    for (const part of this.#parts) {
      part.writeOut()
      part.sync()
      const { path, inProgress, bytes, partition, createdMs, updatedMs } = part
      writer.element(PARTS_STATE, Buffer.from(JSON.stringify({ path, inProgress, bytes, partition, createdMs, updatedMs })))
    }
  }

  restore(reader: SnapshotReader): void {
    this.#committer.isRestoring = true
    const { subtaskIndex, parallelism } = this.#context
    const names: Names[] = []
    reader.elements(NAMES_STATE, (element) => void names.push(JSON.parse(committedText(element)) as Names))
    this.#restoredNames = names
    const generation = generationOf(names)
    const isMoved = names.some((before) => before.parallelism !== parallelism)
    const own = names.find((before) => before.subtask === subtaskIndex && before.generation === generation)
    this.#generation = isMoved ? generation + 1 : Math.max(0, generation)
    this.#count = isMoved || own === undefined ? 0 : own.count
    reader.elements(PARTS_STATE, (element) => {
      const init = JSON.parse(committedText(element)) as PartFileInit
      if (Number(PART_IN_PROGRESS.exec(basename(init.inProgress))?.[1] ?? 0) % parallelism !== subtaskIndex) return
      this.#resume(init)
    })
  }

  close(): void {
    const parts = [...this.#parts]
    this.#parts.clear()
    this.#partitioner?.free()
    this.#encoder.free()
    if (this.#encoded !== 0) this.#context.slab.free(this.#encoded, this.#encodedBytes + BUFFER_SLACK_BYTES)
    for (const part of parts) part.close()
  }

  #bucketOf(partition: string): Bucket {
    const known = this.#buckets.get(partition)
    if (known !== undefined) return known
    const { partitionTime, partitionCommit } = this.#sink
    const isByWatermark = partitionCommit?.isByWatermark === true
    const sinceMs = isByWatermark ? partitionTime!.timeMs(partition) : partitionCommit === undefined ? 0 : this.#context.clock.nowMs()
    const bucket: Bucket = { partition, part: undefined, sinceMs }
    this.#buckets.set(partition, bucket)
    return bucket
  }

  /** Encodes the rows `begin..end` of `selection` into the bucket's part, and into those that follow it. Returns how far it came. */
  #encode(bucket: Bucket, selection: number, begin: number, end: number, nowMs: number): number {
    const encoder = this.#encoder
    const { isFolder, rollingPolicy } = this.#sink
    const fileBytesMax = isFolder ? rollingPolicy.fileSize : Infinity
    const isShared = this.#pool !== undefined
    let at = begin
    while (at < end) {
      const part = bucket.part ?? this.#begin(bucket, nowMs)
      part.used = ++this.#uses
      if (!isShared && part.isFull && !part.writeOut()) return at
      const target = isShared ? this.#encoded : part.to
      const targetEnd = isShared ? this.#encoded + this.#encodedBytes : part.end
      const room = Math.max(0, fileBytesMax - part.bytes)
      let { position, end: to } = encoder.encode(selection, at, end, target, Math.min(targetEnd, target + room))
      // The encoder asks for room for the longest form that a record may have: near the end of a part's size one alone says how long it is. The first
      // record of a part may be larger than a part should be.
      if (position === at && room < targetEnd - target) {
        const next = encoder.encode(selection, at, at + 1, target, targetEnd)
        if (part.bytes > encoder.header.length && next.end - target > room) {
          this.#roll(bucket)
          continue
        }
        position = next.position
        to = next.end
      }
      if (!isShared) part.advance(to)
      else if (to > target) part.append(target, to - target)
      if (position === at) {
        if (isShared) this.#growEncoded()
        else if (part.isEmpty) part.grow()
        else if (!part.writeOut()) return at
      }
      at = position
      part.updatedMs = nowMs
    }
    return at
  }

  /** Makes room for a record that does not fit in the empty buffer. */
  #growEncoded(): void {
    const { slab } = this.#context
    const bytes = this.#encodedBytes * 2
    if (bytes > RECORD_BYTES_MAX) throw recordTooLarge(this.#encodedBytes)
    slab.free(this.#encoded, this.#encodedBytes + BUFFER_SLACK_BYTES)
    this.#encoded = 0
    this.#encoded = slab.allocate(bytes + BUFFER_SLACK_BYTES)
    this.#encodedBytes = bytes
  }

  /** Begins the part that rows go to: with the first row, so that its header is written once. */
  #begin(bucket: Bucket, nowMs: number): PartFile {
    this.#tidy()
    if (this.#parts.size >= PARTS_MAX) for (const { partition } of leastUsed(this.#parts, CLOSED_AT_ONCE)) this.#roll(this.#buckets.get(partition)!)
    const { init, file } = this.#create(bucket.partition, nowMs)
    const part = new PartFile(init, file, this.#pool, this.#context)
    part.used = ++this.#uses
    bucket.part = part
    this.#parts.add(part)
    this.#putHeader(part)
    if (this.#checkAtMs === Infinity && this.#sink.isFolder) this.#checkAtMs = nowMs + this.#sink.rollingPolicy.checkInterval
    return part
  }

  #putHeader(part: PartFile): void {
    const { header } = this.#encoder
    const isShared = this.#pool !== undefined
    while (header.length > (isShared ? this.#encodedBytes : part.end - part.to)) {
      if (isShared) this.#growEncoded()
      else part.grow()
    }
    this.#context.slab.u8.set(header, isShared ? this.#encoded : part.to)
    if (!isShared) part.advance(part.to + header.length)
    else if (header.length > 0) part.append(this.#encoded, header.length)
  }

  /** Closes the part of a bucket: it is pending from now on. Without checkpoints nothing can take it back, and it gets its name. */
  #roll(bucket: Bucket): void {
    const part = bucket.part!
    const { isCheckpointed } = this.#context
    const { path, inProgress, partition, isDirect, bytes } = part
    part.writeOut()
    if (!isDirect) part.sync()
    this.#parts.delete(part)
    part.close()
    bucket.part = undefined
    if (isDirect) return
    failPoint('file.rolled')
    const piece = { path, inProgress, bytes, partition }
    if (isCheckpointed || this.#isFinished) this.#complete.push(piece)
    else {
      this.#committer.rename(piece)
      if (this.#sink.partitionCommit !== undefined) this.#finished.add(partition)
    }
  }

  /** Goes on with a part of the job that this one goes on from. */
  #resume(init: PartFileInit): void {
    const { inProgress, bytes, partition } = init
    try {
      const file = this.#files.open(inProgress, 'r+')
      try {
        if (this.#files.stat(inProgress)!.size < bytes) throw new Error(`it has fewer than ${bytes} bytes`)
        this.#files.truncate(file, bytes)
        failPoint('restore.file-reopened')
      } finally {
        this.#files.close(file)
      }
    } catch (error) {
      if (isDiskFailure(error)) throw notWritable(inProgress, error)
      throw new RestoreError('FILE_CHANGED', `Cannot go on writing "${inProgress}": ${(error as Error).message}`, { cause: error })
    }
    const part = new PartFile({ ...init, isDirect: false }, -1, this.#pool, this.#context)
    this.#parts.add(part)
    const bucket = this.#bucketOf(partition)
    // With fewer subtasks than before a bucket may get several: all but one are complete.
    if (bucket.part !== undefined) this.#roll(bucket)
    bucket.part = part
    if (this.#sink.isFolder) this.#checkAtMs = Math.min(this.#checkAtMs, this.#context.clock.nowMs() + this.#sink.rollingPolicy.checkInterval)
  }

  /**
   * Removes parts that a run began which failed before a checkpoint spoke of them: others may have got those rows since. Their numbers are those
   * whose parts would go on here, see {@link PARTS_STATE}. Done before the first part is begun.
   */
  #tidy(): void {
    if (this.#isTidy) return
    this.#isTidy = true
    const { path, format, isFolder } = this.#sink
    const { subtaskIndex, parallelism } = this.#context
    if (!isFolder) return
    const generation = generationOf(this.#restoredNames)
    try {
      if (this.#files.stat(path) === undefined) return
      for (const { name } of this.#files.list(path)) {
        const [, subtask, label = '', ofGeneration = '0', number = '0', ofFormat] = PART_IN_PROGRESS.exec(name) ?? []
        if (ofFormat !== format.name || label !== this.#label || Number(subtask) % parallelism !== subtaskIndex) continue
        // Of a subtask that had ended all parts are known, and so are those of generations before.
        const known = Number(ofGeneration) < generation ? Infinity : Number(ofGeneration) > generation ? 0 : this.#knownCount(Number(subtask), generation)
        if (Number(number) >= known) this.#files.remove(join(path, name))
      }
      failPoint('file.tidied')
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  /** Makes the names of parts durable: their own syncs keep their bytes only. */
  #syncNames(): void {
    const folder = this.#unsynced
    this.#unsynced = undefined
    if (folder === undefined || !this.#context.isCheckpointed) return
    try {
      syncFolder(this.#files, folder)
    } catch (error) {
      throw notWritable(folder, error)
    }
  }

  #knownCount(subtask: number, generation: number): number {
    const names = this.#restoredNames.find((before) => before.subtask === subtask && before.generation === generation)
    return names === undefined ? Infinity : names.count
  }

  /** The name of the next part. */
  #name(): string {
    const { format } = this.#sink
    const generation = this.#generation === 0 ? '' : `-g${this.#generation}`
    const number = this.#count === 0 ? '' : `-${this.#count}`
    return `part-${this.#context.subtaskIndex}${this.#label}${generation}${number}.${format.name}`
  }

  #create(partition: string, nowMs: number): { readonly init: PartFileInit; readonly file: number } {
    const { path: root, isFolder, isStandard } = this.#sink
    if (isStandard) return { init: directPart(STANDARD_PATH, nowMs), file: STANDARD_OUTPUT }
    const nameOf = (): string => (isFolder ? join(root, partition, this.#name()) : root)
    let name = nameOf()
    try {
      let stat = this.#files.stat(name)
      // What other runs wrote of a partition stays: rows are added to it.
      if (partition !== '')
        while (stat !== undefined) {
          this.#count++
          name = nameOf()
          stat = this.#files.stat(name)
        }
      if (stat?.isDirectory() === true) throw new Error('it is a folder')
      if (stat?.isFIFO() === true || stat?.isCharacterDevice() === true) return { init: directPart(name, nowMs), file: -1 }
      if (stat?.isFile() === false)
        throw new ConnectorError('NOT_A_FILE', `Cannot write "${name}": it is ${stat.isSocket() ? 'a socket' : 'a block device'}, not a file`, {
          hint: 'Write to "-" and pipe standard output into it.',
        })
      // Folders of partitions are not there before they hold something.
      const path = partition === '' ? this.#files.behindLinks(name) : name
      const inProgress = inProgressIn(partition === '' ? dirname(path) : root, path)
      const folder = dirname(inProgress)
      makeFolder(folder, this.#files, this.#context.isCheckpointed)
      const file = this.#files.open(inProgress, 'w')
      this.#unsynced = folder
      if (isFolder) this.#count++
      failPoint('file.created')
      return { init: { path, inProgress, partition, isDirect: false, bytes: 0, createdMs: nowMs, updatedMs: nowMs }, file }
    } catch (error) {
      throw notWritable(name, error)
    }
  }
}

/** Where a file lies until it is complete. */
export function inProgressIn(folder: string, path: string): string {
  return join(folder, `.${basename(path)}.inprogress`)
}

/** Where a single file lies until it is complete. */
export function inProgressPath(path: string): string {
  const target = nodeFileSystem.behindLinks(path)
  return inProgressIn(dirname(target), target)
}

/** The generation of the checkpoint that a job goes on from; -1 without one. */
function generationOf(names: readonly Names[]): number {
  return names.reduce((generation, before) => Math.max(generation, before.generation), -1)
}

function directPart(path: string, nowMs: number): PartFileInit {
  return { path, inProgress: path, partition: '', isDirect: true, bytes: 0, createdMs: nowMs, updatedMs: nowMs }
}
