// Keeps the checkpoints of a job in a storage: writes them, forgets old ones, and finds the newest whose every byte is what was written.

import { crc32 } from 'node:zlib'
import { MillraceError, RestoreError } from '../base/errors.ts'
import { type JobSnapshot, partId } from './job-snapshot.ts'
import { decodeMetadata, encodeMetadata, type Metadata, type MetadataOperator } from './metadata.ts'
import { type CheckpointStorage, METADATA_FILE } from './storage.ts'

/** All state of a checkpoint lies in one file: one sync. */
const STATE_FILE = 'state'

/** What a checkpoint says of where it comes from. */
export type CheckpointOrigin = Pick<Metadata, 'jobName' | 'engineVersion' | 'attempt' | 'timestampMs'>

/** A checkpoint that was found. */
export interface FoundCheckpoint {
  readonly snapshot: JobSnapshot
  readonly metadata: Metadata
  /** Newer ones that were passed over, and what was wrong with each. */
  readonly warnings: readonly string[]
}

/** The checkpoints of one job. */
export class CheckpointStore {
  readonly #storage: CheckpointStorage
  readonly #retained: number

  /** @param retained How many complete checkpoints are kept: at least 1. */
  constructor(storage: CheckpointStorage, retained: number) {
    this.#storage = storage
    this.#retained = retained
  }

  /** The greatest number that was given so far. */
  lastId(): Promise<number> {
    return this.#storage.lastBegun()
  }

  /** Writes a checkpoint; when the promise is settled it survives everything. @throws what the storage throws; nothing is left of it then. */
  async save(snapshot: JobSnapshot, origin: CheckpointOrigin): Promise<void> {
    const upload = await this.#storage.begin(snapshot.checkpointId)
    try {
      let bytes = 0
      let checksum = 0
      const operators: MetadataOperator[] = []
      for (const operator of snapshot.operators) {
        const parts = []
        const ended = []
        for (let subtask = 0; subtask < operator.parallelism; subtask++) {
          const id = partId(operator.uid, subtask)
          if (snapshot.ended.has(id)) ended.push(subtask)
          const file = snapshot.files.get(id)
          if (file === undefined) continue
          parts.push({ subtask, file: 0, offset: bytes, bytes: file.length })
          await upload.append(STATE_FILE, file)
          bytes += file.length
          checksum = crc32(file, checksum)
        }
        operators.push({ ...operator, parts, ended, splits: snapshot.splits.get(operator.uid) })
      }
      // Also one of no bytes is there if a part points into it.
      const files = operators.every(({ parts }) => parts.length === 0) ? [] : [{ name: STATE_FILE, bytes, crc32: checksum }]
      await upload.publish(encodeMetadata({ ...origin, checkpointId: snapshot.checkpointId, files, operators }))
    } catch (error) {
      await upload.abandon().catch(() => {})
      throw error
    }
  }

  /** Removes what is not to be kept once `checkpointId` is complete. */
  async prune(checkpointId: number): Promise<void> {
    const published = await this.#storage.list()
    const kept = published.filter((id) => id <= checkpointId).slice(-this.#retained)
    for (const id of published) if (id < kept[0]) await this.#storage.remove(id)
    await this.#storage.removeUnpublished(checkpointId)
  }

  /**
   * The newest checkpoint that is, to the byte, what was written; undefined if there never was one.
   *
   * @param lastId The last one that was complete, as far as that is known: if it has gone, that is told.
   * @throws {RestoreError} `NO_CHECKPOINT_VERIFIES` if there are some and none is; `SNAPSHOT_VERSION` if the newest is in a format of another release.
   */
  async newest(lastId: number = 0): Promise<FoundCheckpoint | undefined> {
    const published = await this.#storage.list()
    const warnings: string[] = []
    if (lastId > (published.at(-1) ?? 0))
      warnings.push(`Checkpoint ${lastId} is passed over: it was complete, and "${this.#storage.nameOf(lastId, METADATA_FILE)}" has gone`)
    for (const id of published.toReversed()) {
      try {
        return { ...(await this.#load(id)), warnings }
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'SNAPSHOT_VERSION') throw error
        warnings.push(`Checkpoint ${id} is passed over: ${(error as Error).message}`)
      }
    }
    if (warnings.length === 0) return undefined
    throw new RestoreError('NO_CHECKPOINT_VERIFIES', `Cannot restore the job: none of its checkpoints is as it was written`, {
      hint: `${warnings.join('; ')}. Bring back a copy, or start anew with --fresh.`,
    })
  }

  async #load(checkpointId: number): Promise<{ readonly snapshot: JobSnapshot; readonly metadata: Metadata }> {
    const storage = this.#storage
    const metadata = decodeMetadata(await storage.read(checkpointId, METADATA_FILE), storage.nameOf(checkpointId, METADATA_FILE))
    const damaged = (file: string, reason: string): RestoreError =>
      new RestoreError('SNAPSHOT_DAMAGED', `Cannot read the state in "${storage.nameOf(checkpointId, file)}": ${reason}`)
    if (metadata.checkpointId !== checkpointId) throw damaged(METADATA_FILE, `it is of checkpoint ${metadata.checkpointId}`)
    const contents: Uint8Array[] = []
    for (const { name, bytes, crc32: checksum } of metadata.files) {
      const content = await storage.read(checkpointId, name)
      if (content.length !== bytes) throw damaged(name, `it has ${content.length} bytes of ${bytes}`)
      if (crc32(content) !== checksum) throw damaged(name, 'its checksum is wrong')
      // Shared, so that every worker reads the same bytes.
      const shared = new Uint8Array(new SharedArrayBuffer(bytes))
      shared.set(content)
      contents.push(shared)
    }
    const files = new Map<string, Uint8Array>()
    const splits = new Map<string, MetadataOperator['splits'] & {}>()
    const ended = new Set<string>()
    for (const operator of metadata.operators) {
      for (const { subtask, file, offset, bytes } of operator.parts) files.set(partId(operator.uid, subtask), contents[file].subarray(offset, offset + bytes))
      for (const subtask of operator.ended) ended.add(partId(operator.uid, subtask))
      if (operator.splits !== undefined) splits.set(operator.uid, operator.splits)
    }
    const operators = metadata.operators.map(({ uid, name, parallelism, maxParallelism }) => ({ uid, name, parallelism, maxParallelism }))
    return { snapshot: { checkpointId, operators, splits, files, ended }, metadata }
  }
}
