// Checkpoints in a folder: `chk-N/` with its files and, once it is complete, `_metadata`. Every file is synced, then `_metadata` under another
// name, which is renamed; then the folders. A savepoint is the same in a folder of the user's. What a sync has refused is never synced again: the checkpoint is given up.

import { dirname, join } from 'node:path'
import { syncFolderAsync } from '../base/durable.ts'
import { PlanError, RestoreError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { type AsyncFileCalls, type FileSystem, type FolderEntry, isMissing, nodeFileSystem } from '../base/file-system.ts'
import { makeFolder } from '../base/make-folder.ts'
import { type CheckpointStorage, type CheckpointUpload, METADATA_FILE } from './storage.ts'

/** As numbers are written: what is read as a number is found under its name again. */
const FOLDER = /^chk-([1-9]\d*)$/
const UNPUBLISHED_METADATA = `${METADATA_FILE}.tmp`

/** A {@link CheckpointStorage} in a folder of this machine, which need not exist. */
export class LocalCheckpointStorage implements CheckpointStorage {
  readonly #folder: string
  readonly #files: FileSystem

  constructor(folder: string, files: FileSystem = nodeFileSystem) {
    this.#folder = folder
    this.#files = files
  }

  nameOf(checkpointId: number, file: string = ''): string {
    return join(this.#folder, `chk-${checkpointId}`, file)
  }

  async list(): Promise<readonly number[]> {
    const published: number[] = []
    for (const id of await this.#begun()) if (await this.#isPublished(id)) published.push(id)
    return published
  }

  async lastBegun(): Promise<number> {
    return (await this.#begun()).at(-1) ?? 0
  }

  async begin(checkpointId: number): Promise<CheckpointUpload> {
    makeFolder(this.#folder, this.#files, true)
    const folder = this.nameOf(checkpointId)
    try {
      await this.#files.async.makeFolder(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new RestoreError('CHECKPOINT_EXISTS', `Cannot begin checkpoint ${checkpointId}: "${folder}" is there already`, {
        cause: error,
        hint: 'Another process runs this job.',
      })
    }
    failPoint('storage.begun')
    return new LocalUpload(this.#files, this.#folder, folder, true)
  }

  read(checkpointId: number, file: string): Promise<Uint8Array> {
    return this.#files.async.read(this.nameOf(checkpointId, file))
  }

  async confirm(checkpointId: number): Promise<void> {
    await syncFolderAsync(this.#files, this.nameOf(checkpointId))
    await syncFolderAsync(this.#files, this.#folder)
    failPoint('restore.confirmed')
  }

  async remove(checkpointId: number): Promise<void> {
    // First, so that nobody finds a checkpoint of which files are missing.
    await this.#files.async.remove(this.nameOf(checkpointId, METADATA_FILE))
    failPoint('prune.unpublished-old')
    await removeAll(this.#files.async, this.nameOf(checkpointId))
  }

  async unpublish(checkpointId: number): Promise<void> {
    await this.#files.async.remove(this.nameOf(checkpointId, METADATA_FILE))
    failPoint('prune.unpublished-base')
  }

  async removeUnpublished(beforeId: number, except?: ReadonlySet<number>): Promise<void> {
    for (const id of await this.#begun()) if (id < beforeId && except?.has(id) !== true && !(await this.#isPublished(id))) await this.remove(id)
  }

  async #begun(): Promise<readonly number[]> {
    try {
      const entries = await this.#files.async.list(this.#folder)
      return entries
        .flatMap(({ name, isFolder }) => (isFolder ? (FOLDER.exec(name)?.[1] ?? []) : []))
        .map(Number)
        .filter(Number.isSafeInteger)
        .sort((left, right) => left - right)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async #isPublished(checkpointId: number): Promise<boolean> {
    return (await this.#files.async.stat(this.nameOf(checkpointId, METADATA_FILE))) !== undefined
  }
}

/**
 * Begins a savepoint: a folder of its own, of any name, in which all that is written lies.
 *
 * @param folder Made if it is not there, with those around it; one that is there must be empty.
 * @throws {PlanError} `SAVEPOINT_EXISTS`; and what the system throws.
 */
export async function beginSavepoint(folder: string, files: FileSystem = nodeFileSystem): Promise<CheckpointUpload> {
  makeFolder(dirname(folder), files, true)
  let isOwn = true
  try {
    await files.async.makeFolder(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    await assertNoSavepoint(folder, files)
    isOwn = false
  }
  failPoint('savepoint.begun')
  return new LocalUpload(files, dirname(folder), folder, isOwn)
}

/** @throws {PlanError} `SAVEPOINT_EXISTS` for a folder that holds something, and for a file. */
export async function assertNoSavepoint(folder: string, files: FileSystem = nodeFileSystem): Promise<void> {
  let entries: readonly FolderEntry[] = []
  try {
    entries = await files.async.list(folder)
  } catch (error) {
    if (isMissing(error)) return
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error
    throw new PlanError('SAVEPOINT_EXISTS', `Cannot write a savepoint to "${folder}": it is, or lies in, a file`, { cause: error })
  }
  if (entries.length > 0)
    throw new PlanError('SAVEPOINT_EXISTS', `Cannot write a savepoint to "${folder}": the folder is not empty`, {
      hint: 'Each savepoint has a folder of its own.',
    })
}

class LocalUpload implements CheckpointUpload {
  readonly #files: FileSystem
  readonly #parent: string
  readonly #folder: string
  readonly #isOwn: boolean
  /** Descriptors of the files that are being written, by name. */
  readonly #open = new Map<string, number>()
  /** Names of files that are its own, in a folder that was there. */
  readonly #created: string[] = []

  /** @param isOwn Whether the folder was made for it: then it goes too if the upload is abandoned. */
  constructor(files: FileSystem, parent: string, folder: string, isOwn: boolean) {
    this.#files = files
    this.#parent = parent
    this.#folder = folder
    this.#isOwn = isOwn
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const files = this.#files.async
    let file = this.#open.get(name)
    if (file === undefined) {
      this.#open.set(name, (file = await files.open(join(this.#folder, name), 'wx')))
      this.#created.push(name)
    }
    await writeAll(files, file, bytes)
    failPoint('storage.appended')
  }

  async publish(metadata: Uint8Array): Promise<void> {
    const files = this.#files.async
    for (const [name, file] of this.#open) {
      await files.sync(file)
      this.#open.delete(name)
      await files.close(file)
    }
    failPoint('storage.files-synced')
    const unpublished = join(this.#folder, UNPUBLISHED_METADATA)
    const file = await files.open(unpublished, 'wx')
    this.#created.push(UNPUBLISHED_METADATA, METADATA_FILE)
    try {
      await writeAll(files, file, metadata)
      failPoint('storage.metadata-written')
      await files.sync(file)
      failPoint('storage.metadata-synced')
    } finally {
      await files.close(file)
    }
    // The names of the files, before the one that speaks of them.
    await syncFolderAsync(this.#files, this.#folder)
    failPoint('storage.folder-synced')
    await files.rename(unpublished, join(this.#folder, METADATA_FILE))
    failPoint('storage.renamed')
    await syncFolderAsync(this.#files, this.#folder)
    await syncFolderAsync(this.#files, this.#parent)
    failPoint('storage.published')
  }

  async abandon(): Promise<void> {
    const files = this.#files.async
    for (const file of this.#open.values()) await files.close(file).catch(() => {})
    this.#open.clear()
    // The metadata first, so that nobody finds a checkpoint of which files are missing.
    if (this.#isOwn) {
      await files.remove(join(this.#folder, METADATA_FILE))
      await removeAll(files, this.#folder)
    } else for (const name of this.#created.toReversed()) await files.remove(join(this.#folder, name))
  }
}

async function writeAll(files: AsyncFileCalls, file: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await files.write(file, bytes, at, bytes.length - at, null)
}

/** Removes a folder and all that is in it; does nothing where there is none. */
async function removeAll(files: AsyncFileCalls, folder: string): Promise<void> {
  try {
    for (const { name, isFolder } of await files.list(folder)) {
      if (isFolder) await removeAll(files, join(folder, name))
      else await files.remove(join(folder, name))
    }
    await files.removeFolder(folder)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
