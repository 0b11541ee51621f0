// Checkpoints in a folder: `chk-N/` with its files and, once it is complete, `_metadata`. Every file is synced, then `_metadata` under another
// name, which is renamed; then the folders. What a sync has refused is never synced again: the checkpoint is given up.

import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RestoreError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { makeFolder } from '../base/make-folder.ts'
import { type CheckpointStorage, type CheckpointUpload, METADATA_FILE } from './storage.ts'

/** As numbers are written: what is read as a number is found under its name again. */
const FOLDER = /^chk-([1-9]\d*)$/
const UNPUBLISHED_METADATA = `${METADATA_FILE}.tmp`

/** A {@link CheckpointStorage} in a folder of this machine, which need not exist. */
export class LocalCheckpointStorage implements CheckpointStorage {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  nameOf(checkpointId: number, file: string = ''): string {
    return join(this.#folder, `chk-${checkpointId}`, file)
  }

  async list(): Promise<readonly number[]> {
    const published: number[] = []
    for (const id of await this.#begun()) if (await exists(this.nameOf(id, METADATA_FILE))) published.push(id)
    return published
  }

  async lastBegun(): Promise<number> {
    return (await this.#begun()).at(-1) ?? 0
  }

  async begin(checkpointId: number): Promise<CheckpointUpload> {
    makeFolder(this.#folder)
    const folder = this.nameOf(checkpointId)
    try {
      await mkdir(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new RestoreError('CHECKPOINT_EXISTS', `Cannot begin checkpoint ${checkpointId}: "${folder}" is there already`, {
        cause: error,
        hint: 'Another process runs this job.',
      })
    }
    failPoint('storage.begun')
    return new LocalUpload(this.#folder, folder)
  }

  read(checkpointId: number, file: string): Promise<Uint8Array> {
    return readFile(this.nameOf(checkpointId, file))
  }

  async remove(checkpointId: number): Promise<void> {
    // First, so that nobody finds a checkpoint of which files are missing.
    await rm(this.nameOf(checkpointId, METADATA_FILE), { force: true })
    failPoint('prune.unpublished-old')
    await rm(this.nameOf(checkpointId), { recursive: true, force: true })
  }

  async removeUnpublished(beforeId: number): Promise<void> {
    for (const id of await this.#begun()) if (id < beforeId && !(await exists(this.nameOf(id, METADATA_FILE)))) await this.remove(id)
  }

  async #begun(): Promise<readonly number[]> {
    try {
      const entries = await readdir(this.#folder, { withFileTypes: true })
      return entries
        .flatMap((entry) => (entry.isDirectory() ? (FOLDER.exec(entry.name)?.[1] ?? []) : []))
        .map(Number)
        .filter(Number.isSafeInteger)
        .sort((left, right) => left - right)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
}

class LocalUpload implements CheckpointUpload {
  readonly #parent: string
  readonly #folder: string
  readonly #files = new Map<string, FileHandle>()

  constructor(parent: string, folder: string) {
    this.#parent = parent
    this.#folder = folder
  }

  async append(file: string, bytes: Uint8Array): Promise<void> {
    let handle = this.#files.get(file)
    if (handle === undefined) this.#files.set(file, (handle = await open(join(this.#folder, file), 'wx')))
    await writeAll(handle, bytes)
    failPoint('storage.appended')
  }

  async publish(metadata: Uint8Array): Promise<void> {
    for (const [file, handle] of this.#files) {
      await handle.datasync()
      await handle.close()
      this.#files.delete(file)
    }
    failPoint('storage.files-synced')
    const unpublished = join(this.#folder, UNPUBLISHED_METADATA)
    const handle = await open(unpublished, 'wx')
    try {
      await writeAll(handle, metadata)
      failPoint('storage.metadata-written')
      await handle.datasync()
      failPoint('storage.metadata-synced')
    } finally {
      await handle.close()
    }
    // The names of the files, before the one that speaks of them.
    await syncFolder(this.#folder)
    failPoint('storage.folder-synced')
    await rename(unpublished, join(this.#folder, METADATA_FILE))
    failPoint('storage.renamed')
    await syncFolder(this.#folder)
    await syncFolder(this.#parent)
    failPoint('storage.published')
  }

  async abandon(): Promise<void> {
    for (const handle of this.#files.values()) await handle.close().catch(() => {})
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
