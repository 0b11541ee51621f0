// Makes folders, with those around them.

import { dirname, resolve } from 'node:path'
import { isNotOurs, syncFolder } from './durable.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'

/** So many names of folders are known to be durable at most: more are synced once more than they need be. */
const DURABLE_NAMES_MAX = 4096
/** Folders whose names, and those of the folders around them, this thread has synced. */
const durableNames = new WeakMap<FileSystem, Set<string>>()

/**
 * Folder by folder: Node's recursive form never returns where the system refuses with "no such file" (in /proc).
 *
 * @param isDurable Whether the folder's name, and those of all folders around it, must survive a loss of power. That holds for folders that are there
 *   already too: who made them may have crashed before they were synced.
 * @throws what the system throws.
 */
export function makeFolder(path: string, files: FileSystem = nodeFileSystem, isDurable: boolean = false): void {
  if (isDurable) makeDurable(resolve(path), files)
  else if (files.stat(path) === undefined) {
    makeFolder(dirname(path), files)
    make(path, files)
  }
}

function makeDurable(path: string, files: FileSystem): void {
  let known = durableNames.get(files)
  if (known === undefined) durableNames.set(files, (known = new Set()))
  const isThere = files.stat(path) !== undefined
  const parent = dirname(path)
  if ((isThere && known.has(path)) || parent === path) return
  makeDurable(parent, files)
  if (!isThere) make(path, files)
  try {
    syncFolder(files, parent)
  } catch (error) {
    if (!isThere || !isNotOurs(error)) throw error
  }
  if (known.size >= DURABLE_NAMES_MAX) known.clear()
  known.add(path)
}

function make(path: string, files: FileSystem): void {
  try {
    files.makeFolder(path)
  } catch (error) {
    // Another thread or process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
