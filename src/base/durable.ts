// Makes files and names of files survive a loss of power: a file's own sync does not keep its name, nor a folder's that of the folder.

import type { FileSystem } from './file-system.ts'

/** What systems say of a folder that this process may not sync, or that cannot be synced: it has changed nothing there. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'])

/** Whether the sync of a folder that was there before has failed because it is another one's. */
export function isNotOurs(error: unknown): boolean {
  return NOT_OURS.has((error as NodeJS.ErrnoException).code ?? '')
}

/** Syncs a folder: what was created, renamed and removed in it is so for good. @throws what the system throws. */
export function syncFolder(files: FileSystem, path: string): void {
  const folder = files.open(path, 'r')
  try {
    files.sync(folder)
  } finally {
    files.close(folder)
  }
}

/** {@link syncFolder} while the calling thread does other things. */
export async function syncFolderAsync({ async: files }: FileSystem, path: string): Promise<void> {
  const folder = await files.open(path, 'r')
  try {
    await files.sync(folder)
  } finally {
    await files.close(folder)
  }
}

/**
 * Writes a file that is not there yet, or anew, and syncs it.
 *
 * @throws what the system throws; then the file is removed, as far as that is possible: what a sync has refused is never synced again.
 */
export function writeSynced(files: FileSystem, path: string, content: Uint8Array): void {
  const file = files.open(path, 'w')
  try {
    try {
      for (let at = 0; at < content.length;) at += files.write(file, content, at, content.length - at, null)
      files.sync(file)
    } finally {
      files.close(file)
    }
  } catch (error) {
    try {
      files.remove(path)
    } catch {
      // What went wrong first is what counts.
    }
    throw error
  }
}
