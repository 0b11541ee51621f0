// LMDB for state that outgrows memory: one environment for all backends of a worker, in a folder of its own, which is made when the first of them is
// opened and removed behind the last. Runs on the worker's thread; every call is synchronous, since a worker has no event loop to wait with.
//
// Nothing here outlives its process: an environment is never opened again, so nothing is synced, and nothing of it has to be verified. Transactions
// that write loop over bytes that are ready and do nothing else (an error or the end of a thread in the middle of one would leave it locked); reading
// transactions are short, since pages that one may still see are not used again.

import { readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type * as LmdbModule from 'lmdb'
import { StateError } from '../base/errors.ts'
import { makeFolder } from '../base/make-folder.ts'
import { isProcessAlive, processStartOf } from '../base/process-identity.ts'

/** Address space, not disk: the file grows as it is written. */
const MAP_BYTES = 2 ** 40
/** Up to four for each operator with keyed state; for each slice of windows of which something has left memory one, and one for each countDistinct. */
const DATABASES_MAX = 1024
const FOLDER = /^millrace-state-(\d+)-(\w+)-\d+-\d+$/
/** What an error of the system's says when the disk is full: LMDB tells it as an input/output error. */
const FULL_CODES = new Set<unknown>(['ENOSPC', 'EDQUOT', 5, 28, 122])

type Store = LmdbModule.Database<Uint8Array, number>
/** `ensureReadTxn` is missing in the package's types. */
type RootStore = LmdbModule.RootDatabase<Uint8Array, number> & { ensureReadTxn(): void }
/** Options that they lack. */
interface OpenOptions extends LmdbModule.RootDatabaseOptionsWithPath {
  readonly noReadAhead: boolean
}

/** One environment and who uses it. */
export class LmdbEnvironment {
  /** This thread's environments by the folder that they were asked for in. */
  static readonly #open = new Map<string, LmdbEnvironment>()
  static #count = 0
  readonly folder: string
  readonly #parent: string
  readonly #root: RootStore
  #users = 0
  /** Numbers of those that are open. */
  readonly #databases = new Set<number>()

  private constructor(parent: string) {
    this.#parent = parent
    this.folder = join(parent, `millrace-state-${process.pid}-${processStartOf(process.pid) ?? 'x'}-${threadId}-${LmdbEnvironment.#count++}`)
    const { open } = createRequire(import.meta.url)('lmdb') as typeof LmdbModule
    const options: OpenOptions = {
      path: this.folder,
      noSync: true,
      overlappingSync: false,
      noReadAhead: true,
      noMemInit: true,
      mapSize: MAP_BYTES,
      maxDbs: DATABASES_MAX,
      eventTurnBatching: false,
      cache: false,
    }
    this.#root = open(options) as unknown as RootStore
  }

  /**
   * The environment of this thread in a folder; the caller closes it once.
   *
   * @param parent Made if it is not there. What processes that have ended left in it is removed.
   * @throws {StateError} `STATE_STORE_FAILED` if there can be none.
   */
  static open(parent: string): LmdbEnvironment {
    let environment = this.#open.get(parent)
    if (environment === undefined) {
      try {
        makeFolder(parent)
        removeLeftovers(parent)
        environment = new LmdbEnvironment(parent)
      } catch (error) {
        throw new StateError('STATE_STORE_FAILED', `Cannot keep state in "${parent}": ${(error as Error).message}`, {
          cause: error,
          hint: 'Set state.backend.lmdb.dir to a folder on a local disk.',
        })
      }
      this.#open.set(parent, environment)
    }
    environment.#users++
    return environment
  }

  /** How many backends share it. */
  get users(): number {
    return this.#users
  }

  /** How many more databases can be opened. */
  get databasesLeft(): number {
    return DATABASES_MAX - this.#databases.size
  }

  /** A database of its own, empty, whose keys are u32. Only while there is room. */
  openDatabase(): LmdbDatabase {
    let number = 0
    while (this.#databases.has(number)) number++
    this.#databases.add(number)
    return new LmdbDatabase(this, this.#root.openDB<Uint8Array, number>({ name: `${number}`, keyEncoding: 'uint32', encoding: 'binary', cache: false }), () =>
      this.#databases.delete(number),
    )
  }

  /** Begins a reading transaction: what {@link LmdbDatabase.get} sees from now on. */
  beginRead(): void {
    // The package ends such a transaction by a timer. On a worker without an event loop no timer fires, and they would add up.
    const { setTimeout } = globalThis
    globalThis.setTimeout = (() => NO_TIMER) as unknown as typeof setTimeout
    try {
      this.#root.ensureReadTxn()
    } finally {
      globalThis.setTimeout = setTimeout
    }
  }

  endRead(): void {
    this.#root.resetReadTxn()
  }

  /**
   * Writes what `write` puts, all or nothing.
   *
   * @param write Puts bytes that are ready and does nothing else: it must not throw, and not run user code.
   * @throws {StateError} `STATE_DISK_FULL` if there is no room; `STATE_STORE_FAILED` for any other reason.
   */
  commit(write: () => void): void {
    try {
      this.#root.transactionSync(write, SYNCHRONOUS)
    } catch (error) {
      const isFull = FULL_CODES.has((error as { code?: unknown }).code)
      throw new StateError(
        isFull ? 'STATE_DISK_FULL' : 'STATE_STORE_FAILED',
        `Cannot write state to "${this.folder}": ${isFull ? 'the disk is full, or fails' : (error as Error).message}`,
        {
          cause: error,
          hint: isFull ? 'Make room on the disk, or set state.backend.lmdb.dir to a folder on a larger one.' : 'Look at the disk, and start the job again.',
        },
      )
    }
  }

  /** Called once for each {@link open}. The last one removes the folder. */
  close(): void {
    if (--this.#users > 0) return
    LmdbEnvironment.#open.delete(this.#parent)
    try {
      // Nothing is being written: it is closed when this returns, and the promise has nothing more to tell.
      void this.#root.close()
    } finally {
      rmSync(this.folder, { recursive: true, force: true })
    }
  }
}

const NO_TIMER = Object.freeze({})
/** `SYNCHRONOUS_COMMIT`: an enumeration that the package's types have and its code does not export. */
const SYNCHRONOUS = 2 as LmdbModule.TransactionFlags

/** One database: bytes by u32 keys. */
export class LmdbDatabase {
  readonly #environment: LmdbEnvironment
  readonly #store: Store
  readonly #onClose: () => void

  /** @param environment Closed with it. */
  constructor(environment: LmdbEnvironment, store: Store, onClose: () => void) {
    this.#environment = environment
    this.#store = store
    this.#onClose = onClose
  }

  /** The bytes of a key; good until the next call of any database of this thread. Only between `beginRead` and `endRead`. */
  get(key: number): Uint8Array | undefined {
    return this.#store.getBinaryFast(key)
  }

  /** A copy of the bytes of a key that is there. Only between `beginRead` and `endRead`. */
  copyOf(key: number): Uint8Array {
    const bytes = this.get(key)!
    // What the package gives is a Buffer, whose own `slice` copies nothing.
    return Uint8Array.prototype.slice.call(bytes, 0, bytes.length)
  }

  /** Only in {@link LmdbEnvironment.commit}. The bytes are not shared memory. */
  put(key: number, bytes: Uint8Array): void {
    void this.#store.put(key, bytes)
  }

  /** Only in {@link LmdbEnvironment.commit}. */
  remove(key: number): void {
    void this.#store.remove(key)
  }

  /** Removes everything. A transaction of its own. */
  clear(): void {
    this.#environment.commit(() => this.#store.clearSync())
  }

  /** Removes everything, unless the environment is about to go as a whole. */
  close(): void {
    this.#onClose()
    if (this.#environment.users > 1) this.#store.dropSync()
  }
}

/** Removes the folders of processes that were killed. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, started] = FOLDER.exec(name) ?? []
    if (pid === undefined || isProcessAlive({ pid: Number(pid), started: started === 'x' ? undefined : started })) continue
    // Of another user's, say: not worth failing for.
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch {}
  }
}
