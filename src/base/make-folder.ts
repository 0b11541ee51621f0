// Makes folders, with those around them.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** Folder by folder: Node's recursive form never returns where the system refuses with "no such file" (in /proc). @throws what the system throws. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Another thread or process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
