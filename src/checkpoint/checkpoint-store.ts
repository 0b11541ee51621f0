// Keeps the checkpoints of a job in a storage: writes them, forgets old ones, and finds the newest whose every byte is what was written.

import { crc32 } from 'node:zlib'
import { assert } from '../base/assert.ts'
import { crc32Combine } from '../base/crc32-combine.ts'
import { JobError, MillraceError, RestoreError } from '../base/errors.ts'
import { isDiskFailure } from '../base/file-system.ts'
import { type EncodedSnapshotFile, encodeSnapshotFile } from '../state/snapshot-file.ts'
import { type CapturedCheckpoint, type JobSnapshot, partId } from './job-snapshot.ts'
import { decodeMetadata, encodeMetadata, type Metadata, type MetadataFile, type MetadataOperator, type MetadataPart } from './metadata.ts'
import { type CheckpointStorage, type CheckpointUpload, METADATA_FILE } from './storage.ts'

/** All state that a checkpoint adds lies in one file: one sync. */
const STATE_FILE = 'state'
/** So much is handed to the storage at once. */
const BUFFER_BYTES = 1 << 20

/** What a checkpoint says of where it comes from. */
export type CheckpointOrigin = Pick<Metadata, 'jobName' | 'engineVersion' | 'attempt' | 'timestampMs'>

/** A checkpoint or savepoint that was read. */
export interface LoadedSnapshot {
  readonly snapshot: JobSnapshot
  readonly metadata: Metadata
}

/** A checkpoint that was found. */
export interface FoundCheckpoint extends LoadedSnapshot {
  /** Newer ones that were passed over, and what was wrong with each. */
  readonly warnings: readonly string[]
}

/** The checkpoints of one job. */
export class CheckpointStore {
  readonly #storage: CheckpointStorage
  readonly #retained: number
  /** Checkpoints that were saved, from the last complete one on: one that was saved and not noted is not built on, what comes next builds on the one before. */
  readonly #saved = new Map<number, Metadata>()
  /** The checkpoints that each of those kept is made of, as far as that was looked up. */
  readonly #bases = new Map<number, readonly number[]>()

  /** @param retained How many complete checkpoints are kept: at least 1. */
  constructor(storage: CheckpointStorage, retained: number) {
    this.#storage = storage
    this.#retained = retained
  }

  /** The greatest number that was given so far. */
  async lastId(): Promise<number> {
    try {
      return await this.#storage.lastBegun()
    } catch (error) {
      throw unreadable(error)
    }
  }

  /**
   * Writes a checkpoint; when the promise is settled it survives everything. Of parts that wrote changes, the base is the last one that was complete.
   *
   * @throws what the storage throws; nothing is left of it then.
   */
  async save(captured: CapturedCheckpoint, origin: CheckpointOrigin): Promise<void> {
    const { checkpointId } = captured
    const metadata = await uploadSnapshot(await this.#storage.begin(checkpointId), captured, origin, (uid, subtask, base) => this.#partsOf(uid, subtask, base))
    this.#saved.set(checkpointId, metadata)
    this.#bases.set(checkpointId, basesOf(metadata))
  }

  /** Where an earlier checkpoint has what a part builds on. */
  #partsOf(uid: string, subtask: number, base: number): BasePart[] {
    const last = this.#saved.get(base)
    assert(last !== undefined, 'changes were written since a checkpoint that was not saved')
    const { parts } = last.operators.find((operator) => operator.uid === uid)!
    return parts.filter((part) => part.subtask === subtask).map((part) => ({ ...part, file: last.files[part.file] }))
  }

  /** Removes what is not to be kept once `checkpointId` is complete, but for the files that those kept build on. */
  async prune(checkpointId: number): Promise<void> {
    for (const id of this.#saved.keys()) if (id < checkpointId) this.#saved.delete(id)
    const published = await this.#storage.list()
    const kept = published.filter((id) => id <= checkpointId).slice(-this.#retained)
    const needed = new Set<number>()
    for (const id of published) if (id >= kept[0]) for (const base of await this.#basesOf(id)) needed.add(base)
    for (const id of published) {
      if (id >= kept[0]) continue
      this.#bases.delete(id)
      if (needed.has(id)) await this.#storage.unpublish(id)
      else await this.#storage.remove(id)
    }
    await this.#storage.removeUnpublished(checkpointId, needed)
  }

  /** The checkpoints that one is made of. One that cannot be read is of no use, whatever is kept for it. */
  async #basesOf(checkpointId: number): Promise<readonly number[]> {
    const known = this.#bases.get(checkpointId)
    if (known !== undefined) return known
    let bases: readonly number[] = []
    try {
      bases = basesOf(decodeMetadata(await this.#storage.read(checkpointId, METADATA_FILE), this.#storage.nameOf(checkpointId, METADATA_FILE)))
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
    }
    this.#bases.set(checkpointId, bases)
    return bases
  }

  /**
   * The newest checkpoint that is, to the byte, what was written, and will be there after a loss of power; undefined if there never was one.
   *
   * @param lastId The last one that was complete, as far as that is known: if it has gone, that is told.
   * @throws {RestoreError} `NO_CHECKPOINT_VERIFIES` if there are some and none is; `SNAPSHOT_VERSION` if the newest is in a format of another release.
   *   {@link JobError} `CHECKPOINTS_UNREADABLE` if the storage cannot be read now: that says nothing of the checkpoints.
   */
  async newest(lastId: number = 0): Promise<FoundCheckpoint | undefined> {
    let published: readonly number[]
    try {
      published = await this.#storage.list()
    } catch (error) {
      throw unreadable(error)
    }
    const warnings: string[] = []
    if (lastId > (published.at(-1) ?? 0))
      warnings.push(`Checkpoint ${lastId} is passed over: it was complete, and "${this.#storage.nameOf(lastId, METADATA_FILE)}" has gone`)
    for (const id of published.toReversed()) {
      try {
        const loaded = await this.#load(id)
        await this.#storage.confirm(id)
        return { ...loaded, warnings }
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'SNAPSHOT_VERSION') throw error
        // That it cannot be read now does not make it damaged: sinks have committed for it, so an older one would bring rows again.
        if (isDiskFailure(error))
          throw unreadable(error, `If "${this.#storage.nameOf(id)}" can be read no more, move it away: the one before it is taken then.`)
        warnings.push(`Checkpoint ${id} is passed over: ${(error as Error).message}`)
      }
    }
    if (warnings.length === 0) return undefined
    throw new RestoreError('NO_CHECKPOINT_VERIFIES', `Cannot restore the job: none of its checkpoints is as it was written`, {
      hint: `${warnings.join('; ')}. Bring back a copy, or start anew with --fresh.`,
    })
  }

  async #load(checkpointId: number): Promise<LoadedSnapshot> {
    const storage = this.#storage
    const nameOf = (file: string, id: number = checkpointId): string => storage.nameOf(id, file)
    return loadSnapshot((file, id = checkpointId) => storage.read(id, file), nameOf, checkpointId)
  }
}

/** What an earlier checkpoint has of a part, and in which file. */
type BasePart = Omit<MetadataPart, 'file'> & { readonly file: MetadataFile }

/**
 * Writes a checkpoint or savepoint that has begun; when the promise is settled it survives everything.
 *
 * @param basePartsOf What the base of a part that wrote changes has of it. A savepoint has none: nobody writes changes for it.
 * @throws what the storage throws; nothing is left of it then.
 */
export async function uploadSnapshot(
  upload: CheckpointUpload,
  captured: CapturedCheckpoint | JobSnapshot,
  origin: CheckpointOrigin,
  basePartsOf?: (uid: string, subtask: number, base: number) => readonly BasePart[],
): Promise<Metadata> {
  const { checkpointId } = captured
  try {
    const state = new StateFile(upload)
    const files: MetadataFile[] = []
    /** Index of a file of an earlier checkpoint. */
    const indexOf = (file: MetadataFile): number => {
      const known = files.findIndex(({ checkpointId: id, name }) => id === file.checkpointId && name === file.name)
      return known === -1 ? files.push(file) - 1 : known
    }
    const operators: MetadataOperator[] = []
    const added: { file: number }[] = []
    for (const operator of captured.operators) {
      const parts: MetadataPart[] = []
      const inFlight: MetadataPart[] = []
      const ended = []
      for (let subtask = 0; subtask < operator.parallelism; subtask++) {
        const id = partId(operator.uid, subtask)
        if (captured.ended.has(id)) ended.push(subtask)
        const overtaken = captured.inFlight.get(id)
        if (overtaken !== undefined) {
          const place = { subtask, file: 0, offset: state.bytes, bytes: await state.write(encodedFileOf(overtaken)) }
          added.push(place)
          inFlight.push(place)
        }
        const base = 'files' in captured ? 0 : (captured.parts.get(id)?.base ?? 0)
        if (base > 0) {
          assert(basePartsOf !== undefined, 'a savepoint of changes only')
          for (const { file, ...place } of basePartsOf(operator.uid, subtask, base)) parts.push({ ...place, file: indexOf(file) })
        }
        for (const encoded of encodedFilesOf(captured, id)) {
          const own = { subtask, file: 0, offset: state.bytes, bytes: await state.write(encoded) }
          added.push(own)
          parts.push(own)
        }
      }
      operators.push({ ...operator, parts, inFlight, ended, splits: captured.splits.get(operator.uid) })
    }
    // Also one of no bytes is there if a part points into it.
    if (added.length > 0) {
      await state.flush()
      const index = files.push({ checkpointId, name: STATE_FILE, bytes: state.bytes, crc32: state.crc32 }) - 1
      for (const part of added) part.file = index
    }
    const metadata = { ...origin, checkpointId, files, operators }
    await upload.publish(encodeMetadata(metadata))
    return metadata
  } catch (error) {
    await upload.abandon().catch(() => {})
    throw error
  }
}

/** What is to be written of a part: one that was captured is put together now, one that was read is written as it is. */
function encodedFilesOf(snapshot: CapturedCheckpoint | JobSnapshot, id: string): readonly EncodedSnapshotFile[] {
  if ('files' in snapshot) return (snapshot.files.get(id) ?? []).map(encodedFileOf)
  const part = snapshot.parts.get(id)
  return part === undefined ? [] : [encodeSnapshotFile(part.sections)]
}

function encodedFileOf(bytes: Uint8Array): EncodedSnapshotFile {
  return { pieces: [bytes], bytes: bytes.length, crc32: crc32(bytes) }
}

/**
 * Reads a checkpoint or savepoint whose every byte is what was written.
 *
 * @param read Reads a whole file of it, or of another checkpoint that it builds on, by that one's number.
 * @param nameOf How messages name such a file.
 * @param expectedId Its number, if that is known: nothing is read that another one names.
 * @throws {RestoreError} `SNAPSHOT_DAMAGED`, `SNAPSHOT_VERSION`; and what `read` throws.
 */
export async function loadSnapshot(
  read: (file: string, otherId?: number) => Promise<Uint8Array>,
  nameOf: (file: string, otherId?: number) => string,
  expectedId?: number,
): Promise<LoadedSnapshot> {
  const metadata = decodeMetadata(await read(METADATA_FILE), nameOf(METADATA_FILE))
  if (expectedId !== undefined && metadata.checkpointId !== expectedId)
    throw damagedState(nameOf(METADATA_FILE), `it is of checkpoint ${metadata.checkpointId}`)
  const contents: Uint8Array[] = []
  for (const { checkpointId, name, bytes, crc32: checksum } of metadata.files) {
    const otherId = checkpointId === metadata.checkpointId ? undefined : checkpointId
    const content = await read(name, otherId)
    if (content.length !== bytes) throw damagedState(nameOf(name, otherId), `it has ${content.length} bytes of ${bytes}`)
    if (crc32(content) !== checksum) throw damagedState(nameOf(name, otherId), 'its checksum is wrong')
    // Shared, so that every worker reads the same bytes.
    const shared = new Uint8Array(new SharedArrayBuffer(bytes))
    shared.set(content)
    contents.push(shared)
  }
  const files = new Map<string, Uint8Array[]>()
  const inFlight = new Map<string, Uint8Array>()
  const splits = new Map<string, MetadataOperator['splits'] & {}>()
  const ended = new Set<string>()
  for (const operator of metadata.operators) {
    for (const { subtask, file, offset, bytes } of operator.parts) {
      const id = partId(operator.uid, subtask)
      files.set(id, [...(files.get(id) ?? []), contents[file].subarray(offset, offset + bytes)])
    }
    for (const { subtask, file, offset, bytes } of operator.inFlight)
      inFlight.set(partId(operator.uid, subtask), contents[file].subarray(offset, offset + bytes))
    for (const subtask of operator.ended) ended.add(partId(operator.uid, subtask))
    if (operator.splits !== undefined) splits.set(operator.uid, operator.splits)
  }
  const operators = metadata.operators.map(({ uid, name, parallelism, maxParallelism, signature }) => ({ uid, name, parallelism, maxParallelism, signature }))
  return { snapshot: { checkpointId: metadata.checkpointId, operators, splits, files, inFlight, ended }, metadata }
}

function damagedState(file: string, reason: string): RestoreError {
  return new RestoreError('SNAPSHOT_DAMAGED', `Cannot read the state in "${file}": ${reason}`)
}

/** The file of state that a checkpoint adds, as it is written. */
class StateFile {
  readonly #upload: CheckpointUpload
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #buffered = 0
  bytes = 0
  crc32 = 0

  constructor(upload: CheckpointUpload) {
    this.#upload = upload
  }

  /** Returns how many bytes it is longer. */
  async write({ pieces, bytes, crc32: checksum }: EncodedSnapshotFile): Promise<number> {
    for (const piece of pieces)
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + BUFFER_BYTES - this.#buffered)
        this.#buffer.set(part, this.#buffered)
        this.#buffered += part.length
        at += part.length
        if (this.#buffered === BUFFER_BYTES) await this.flush()
      }
    this.crc32 = this.bytes === 0 ? checksum : crc32Combine(this.crc32, checksum, bytes)
    this.bytes += bytes
    return bytes
  }

  async flush(): Promise<void> {
    await this.#upload.append(STATE_FILE, this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }
}

function basesOf({ files }: Metadata): readonly number[] {
  return files.map(({ checkpointId }) => checkpointId)
}

function unreadable(error: unknown, hint: string = 'With the disk mended, start the job again.'): JobError {
  return new JobError('CHECKPOINTS_UNREADABLE', `Cannot read the checkpoints of the job: ${(error as Error).message}`, { cause: error, hint })
}
