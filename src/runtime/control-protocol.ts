// How a process talks to the one that runs a job: lines of JSON over the unix socket in the job's folder. What stands in a line is not trusted by
// either side.
//
//   > {"v":1,"id":1,"command":"savepoint","directory":"/backup/friday"}
//   < {"v":1,"id":1,"result":{"savepoint":"/backup/friday"}}
//   > {"v":1,"id":2,"command":"fly"}
//   < {"v":1,"id":2,"error":{"code":"UNKNOWN_COMMAND","message":"Cannot do \"fly\": ..."}}
//
// Several requests may wait at once; answers come in the order in which they are ready. `id` is the asker's, null in the answer to a line that has none.

import { closeSync, openSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { EndStatus } from '../checkpoint/job-directory.ts'

/** Other versions are refused, with this number. */
export const CONTROL_VERSION = 1
/** Bytes of a line at most: paths are the longest that stands in it. */
export const LINE_BYTES_MAX = 64 << 10
/** Its name in the job's folder. */
export const SOCKET_FILE = 'control.sock'
/** Systems allow 108 bytes, or 104, the last one 0. */
const SOCKET_PATH_BYTES_MAX = 103

/** What can be asked. Paths are absolute. */
export type ControlRequest =
  | { readonly command: 'status' }
  /** Ends the job now. Answered when it has ended. */
  | { readonly command: 'cancel' }
  /** Ends the job behind a checkpoint, which is also written to a folder if one is given. Answered when it has ended. */
  | { readonly command: 'stop'; readonly savepoint?: string; readonly drain?: boolean }
  | { readonly command: 'savepoint'; readonly directory: string }

/** What is answered, by command. */
export interface ControlResults {
  readonly status: RunningStatus
  readonly cancel: { readonly status: EndStatus }
  readonly stop: { readonly status: EndStatus; readonly checkpoint: number; readonly savepoint?: string | undefined }
  readonly savepoint: { readonly savepoint: string }
}

/** How a job stands. */
export interface RunningStatus {
  readonly job: string
  readonly pid: number
  readonly attempt: number
  /** `starting` until its workers run. */
  readonly state: 'starting' | 'running'
  /** The last checkpoint that is complete; 0: none. */
  readonly checkpoint: number
}

/** An answer, without the number of its request. */
export type ControlAnswer =
  | { readonly result: object }
  | { readonly error: { readonly code: string; readonly message: string; readonly hint?: string | undefined; readonly name?: string } }

/**
 * Calls a function with a path that names a socket, short enough for the system: on Linux by way of the folder's descriptor, elsewhere relative.
 *
 * @throws {Error} If there is none. What the function throws.
 */
export async function withSocketPath<T>(folder: string, name: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, name)
  const fits = (one: string): boolean => Buffer.byteLength(one) <= SOCKET_PATH_BYTES_MAX
  if (fits(path)) return use(path)
  if (process.platform !== 'linux') {
    const near = relative(process.cwd(), path)
    if (fits(near)) return use(near)
    throw new Error(`the path "${path}" is too long for a socket`)
  }
  const descriptor = openSync(folder, 'r')
  try {
    return await use(`/proc/self/fd/${descriptor}/${name}`)
  } finally {
    closeSync(descriptor)
  }
}
