// Makes names of files survive a loss of power: a file's own sync does not.

import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Syncs a folder: what was created, renamed and removed in it is so for good. @throws what the system throws. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
