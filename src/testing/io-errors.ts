// Errors of the disk, injected: a file system around another one in which chosen calls fail as the system lets them fail. For tests of jobs.

import { type AsyncFileCalls, FILE_CALLS, type FileCall, type FileCalls, type FileSystem } from '../base/file-system.ts'

/** What a disk or the system answers. */
export type IoErrorCode = 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EMFILE' | 'ENFILE' | 'ENOMEM' | 'EROFS'

/** An error that calls to the disk get. */
export interface IoError {
  readonly code: IoErrorCode
  /** The first call that fails, from 1 on, counted over the run among those that {@link calls} names. */
  readonly at: number
  /** How many calls fail from there on. Infinity: the disk is broken for good. @default 1 */
  readonly times?: number
  /** Which calls are counted and may fail. @default all of them */
  readonly calls?: readonly FileCall[]
  /** Whether the disk does what it was told before it says that it failed: as a reply that is lost. @default false */
  readonly isDone?: boolean
}

const MESSAGES: Readonly<Record<IoErrorCode, string>> = {
  EIO: 'i/o error',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EMFILE: 'too many open files',
  ENFILE: 'file table overflow',
  ENOMEM: 'not enough memory',
  EROFS: 'read-only file system',
}

/** An error as `node:fs` throws it. */
export function systemError(code: string, message: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${message}, ${call} '${path}'`), { code, syscall: call, path })
}

/** The calls of a file system that is all synchronous, as promises. */
export function asyncCallsOf(calls: FileCalls): AsyncFileCalls {
  const all = FILE_CALLS.map((call) => [call, async (...args: unknown[]) => (calls[call] as (...given: unknown[]) => unknown)(...args)] as const)
  return Object.fromEntries(all) as unknown as AsyncFileCalls
}

/** What a disk in memory adds: what becomes of a file that could not be synced. */
export interface FailingSync {
  /** What was written to a file since it was synced may be lost from now on, and counts as written. */
  failSync(file: number): void
}

/** Another file system, some of whose calls fail. */
export class FaultyFileSystem {
  /** How many calls were made so far. */
  calls = 0
  /** How many of them failed on purpose. */
  failures = 0
  readonly #inner: FileSystem & Partial<FailingSync>
  readonly #errors: readonly IoError[]
  /** Of each error: how many of its calls were made. */
  readonly #counts: number[]
  #lives = 0

  constructor(inner: FileSystem & Partial<FailingSync>, errors: readonly IoError[]) {
    this.#inner = inner
    this.#errors = errors
    this.#counts = errors.map(() => 0)
  }

  /** It, as one process sees it: whatever was given out before does nothing from now on, as when its process has ended. */
  begin(): FileSystem {
    const life = ++this.#lives
    const sync = FILE_CALLS.map((call) => [call, (...args: unknown[]) => this.#call(life, call, args)] as const)
    const async = FILE_CALLS.map((call) => [call, (...args: unknown[]) => this.#callAsync(life, call, args)] as const)
    return { ...Object.fromEntries(sync), async: Object.fromEntries(async) } as unknown as FileSystem
  }

  #call(life: number, call: FileCall, args: readonly unknown[]): unknown {
    if (life !== this.#lives) throw systemError('EBADF', 'the process has ended', call, String(args[0]))
    const error = this.#next(call)
    const run = (): unknown => (this.#inner[call] as (...given: readonly unknown[]) => unknown)(...args)
    if (error === undefined) return run()
    // A descriptor is given back even so.
    if (error.isDone === true || call === 'close') run()
    throw this.#fail(error, call, args)
  }

  async #callAsync(life: number, call: FileCall, args: readonly unknown[]): Promise<unknown> {
    if (life !== this.#lives) return new Promise(() => {})
    const error = this.#next(call)
    const run = (): Promise<unknown> => (this.#inner.async[call] as (...given: readonly unknown[]) => Promise<unknown>)(...args)
    if (error === undefined) return run()
    if (error.isDone === true || call === 'close') await run()
    throw this.#fail(error, call, args)
  }

  /** The error that this call gets. */
  #next(call: FileCall): IoError | undefined {
    this.calls++
    let found: IoError | undefined
    for (const [index, error] of this.#errors.entries()) {
      if (error.calls?.includes(call) === false) continue
      const count = ++this.#counts[index]
      if (count >= error.at && count < error.at + (error.times ?? 1)) found ??= error
    }
    if (found !== undefined) this.failures++
    return found
  }

  #fail({ code, isDone }: IoError, call: FileCall, [target]: readonly unknown[]): Error {
    if (call === 'sync' && isDone !== true) this.#inner.failSync?.(target as number)
    return systemError(code, MESSAGES[code], call, String(target))
  }
}
