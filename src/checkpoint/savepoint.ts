// A savepoint: what a checkpoint is, in a folder that the user names. All names in it are relative, so that it can be moved and copied; nothing but
// the user removes it.

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isNotOurs, syncFolderAsync } from '../base/durable.ts'
import { RestoreError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { nodeFileSystem } from '../base/file-system.ts'
import { type CheckpointOrigin, type LoadedSnapshot, loadSnapshot, uploadSnapshot } from './checkpoint-store.ts'
import type { CapturedCheckpoint, JobSnapshot } from './job-snapshot.ts'
import { beginSavepoint } from './local-storage.ts'
import { METADATA_FILE } from './storage.ts'

/**
 * Writes a savepoint; when the promise is settled it survives everything.
 *
 * @throws {PlanError} `SAVEPOINT_EXISTS` if the folder holds something; and what the system throws: nothing is left of it then.
 */
export async function writeSavepoint(folder: string, captured: CapturedCheckpoint | JobSnapshot, origin: CheckpointOrigin): Promise<void> {
  await uploadSnapshot(await beginSavepoint(folder), captured, origin)
  failPoint('savepoint.published')
}

/** Makes durable that a savepoint is there: whoever wrote it may have crashed before that, and what is committed for it must not outlive it. */
export async function confirmSavepoint(folder: string): Promise<void> {
  for (const path of [folder, dirname(folder)])
    try {
      await syncFolderAsync(nodeFileSystem, path)
    } catch (error) {
      if (!isNotOurs(error)) throw error
    }
}

/**
 * Reads a savepoint, or a checkpoint, whose every byte is what was written.
 *
 * @throws {RestoreError} `NO_SAVEPOINT` if there is none, `SNAPSHOT_DAMAGED`, `SNAPSHOT_VERSION`; and what the system throws.
 */
export async function readSavepoint(folder: string): Promise<LoadedSnapshot> {
  // Only a checkpoint builds on others, which lie beside it.
  const nameOf = (file: string, otherId?: number): string => join(otherId === undefined ? folder : join(dirname(folder), `chk-${otherId}`), file)
  try {
    return await loadSnapshot((file, otherId) => readFile(nameOf(file, otherId)), nameOf)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    throw new RestoreError('NO_SAVEPOINT', `Cannot read a savepoint in "${folder}": "${METADATA_FILE}" or a file that it names is not there`, {
      cause: error,
      hint: 'Name the folder that `millrace savepoint create` or `millrace stop --savepoint` was given.',
    })
  }
}
