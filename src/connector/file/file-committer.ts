// Gives files their names and partitions their success files, so that both survive a loss of power. Runs on the subtask's thread. Invariant: what is
// committed twice, by whomever, is committed once.

import { dirname, join } from 'node:path'
import { syncFolder, writeSynced } from '../../base/durable.ts'
import { ConnectorError } from '../../base/errors.ts'
import { failPoint } from '../../base/fail-points.ts'
import { type FileSystem, isMissing } from '../../base/file-system.ts'
import { makeFolder } from '../../base/make-folder.ts'
import type { OperatorContext } from '../../operator/operator.ts'

/** A file that is complete and waits for its name. */
export interface FileCommittable {
  readonly path: string
  readonly inProgress: string
  readonly bytes: number
  /** Its folder, from the sink's on; empty if that has no partitions. */
  readonly partition: string
}

/** A partition that is complete. */
interface SuccessCommittable {
  readonly success: string
}

/** So many folders are known to be durable at most: more are synced once more than they need be. */
const DURABLE_FOLDERS_MAX = 65_536
const NOTHING = new Uint8Array(0)

/** What a committable or an element of state says. */
export function committedText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

export function notWritable(path: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error
  return new ConnectorError('FILE_NOT_WRITABLE', `Cannot write "${path}": ${(error as Error).message}`, { cause: error })
}

/** Commits for one writer or committer. */
export class FileCommitter {
  /** Whether what is committed may have been committed before the job failed, and taken away by whoever reads it. */
  isRestoring = false
  /** Whether the last piece was a success file. */
  #isSuccess = false
  readonly #root: string
  readonly #successFileName: string
  readonly #context: OperatorContext
  readonly #files: FileSystem
  /** Folders whose own names are durable. */
  readonly #durable = new Set<string>()
  /** Folders in which names are not durable yet, and how deep they lie below the sink's. */
  readonly #unsynced = new Map<string, number>()

  constructor(root: string, successFileName: string, context: OperatorContext) {
    this.#root = root
    this.#successFileName = successFileName
    this.#context = context
    this.#files = context.files
  }

  /** Durable with {@link endCommits}. What success files speak of is synced before them. */
  commit(committable: Uint8Array): void {
    const piece = JSON.parse(committedText(committable)) as FileCommittable | SuccessCommittable
    const isSuccess = 'success' in piece
    if (isSuccess && !this.#isSuccess) this.#syncFolders()
    this.#isSuccess = isSuccess
    if (isSuccess) this.#writeSuccess(piece.success)
    else this.rename(piece)
  }

  /** Syncs each folder once, in which something was committed. */
  endCommits(): void {
    this.#isSuccess = false
    this.#syncFolders()
  }

  /** Gives a file its name, which is not durable yet. */
  rename({ path, inProgress, bytes, partition }: FileCommittable): void {
    try {
      if (partition !== '') this.#makeFolder(dirname(path))
      failPoint('file.before-rename')
      try {
        this.#files.rename(inProgress, path)
        failPoint('file.renamed')
      } catch (error) {
        if (!isMissing(error)) throw error
        const size = this.#files.stat(path)?.size
        if (size === undefined && this.isRestoring) {
          this.#context.log(`"${path}" was complete before the job failed, and is there no more: whoever reads the files has taken it, or it is lost`)
          return
        }
        if (size !== bytes) throw error
      }
    } catch (error) {
      throw notWritable(path, error)
    }
    this.#changed(dirname(path), partition)
    failPoint('file.committed')
  }

  /** Writes the empty file anew if it is there: who waits for changes sees one. */
  #writeSuccess(partition: string): void {
    const folder = join(this.#root, partition)
    const path = join(folder, this.#successFileName)
    try {
      failPoint('partition.before-success')
      this.#makeFolder(folder)
      if (this.#context.isCheckpointed) writeSynced(this.#files, path, NOTHING)
      else this.#files.close(this.#files.open(path, 'w'))
      failPoint('partition.success-written')
    } catch (error) {
      throw notWritable(path, error)
    }
    this.#changed(folder, partition)
    failPoint('partition.committed')
  }

  /** A folder may be gone with its files, if whoever reads them has taken them: then it is new again. */
  #makeFolder(folder: string): void {
    if (this.#files.stat(folder) !== undefined) return
    this.#durable.delete(folder)
    makeFolder(folder, this.#files)
  }

  /** A name in a folder has changed: it is to be made durable, with the names of the folders around it up to the sink's. */
  #changed(folder: string, partition: string): void {
    if (!this.#context.isCheckpointed) return
    let level = partition === '' ? 0 : partition.split('/').length
    this.#unsynced.set(folder, level)
    if (level === 0 || this.#durable.has(folder)) return
    for (let around = dirname(folder); level-- > 0; around = dirname(around)) this.#unsynced.set(around, level)
  }

  /** The deepest first: a file is in its folder for good before the folder that it came from may forget it. */
  #syncFolders(): void {
    const folders = [...this.#unsynced].sort(([, left], [, right]) => right - left)
    this.#unsynced.clear()
    for (const [folder] of folders)
      try {
        syncFolder(this.#files, folder)
      } catch (error) {
        throw notWritable(folder, error)
      }
    if (this.#durable.size + folders.length > DURABLE_FOLDERS_MAX) this.#durable.clear()
    for (const [folder] of folders) this.#durable.add(folder)
  }
}
