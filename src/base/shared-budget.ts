// What the slabs of all jobs of a process take together: an account in shared memory, written by whoever grows a slab. Jobs that run at the same
// time share it as they grow, instead of each being promised all of it. Invariant: a process's used bytes are the sum over its jobs.

import { assert } from './assert.ts'

const PAGE_BYTES = 65_536
/** Words of a process: pages in use, and how many there may be. */
const USED = 0
const LIMIT = 1

/** Plain data for other threads: the process's words, and one word of the job: pages it has taken. */
export interface BudgetMemory {
  readonly process: SharedArrayBuffer
  readonly job: SharedArrayBuffer
}

/** One job's share of its process's budget. Any thread may hold one over the same memory. */
export class SharedBudget {
  readonly memory: BudgetMemory
  readonly #process: Int32Array
  readonly #job: Int32Array

  constructor(memory: BudgetMemory) {
    this.memory = memory
    this.#process = new Int32Array(memory.process)
    this.#job = new Int32Array(memory.job)
  }

  /** The words of a process whose slabs may take `bytesMax` bytes together. */
  static ofProcess(bytesMax: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(8)
    new Int32Array(buffer)[LIMIT] = Math.floor(bytesMax / PAGE_BYTES)
    return buffer
  }

  /** The budget of a new job of the process. */
  static ofJob(process: SharedArrayBuffer): SharedBudget {
    return new SharedBudget({ process, job: new SharedArrayBuffer(4) })
  }

  /** Takes `bytes`, whole pages, if the jobs of the process together stay within their budget. */
  tryTake(bytes: number): boolean {
    assert(bytes % PAGE_BYTES === 0, 'budget is taken by the page')
    const pages = bytes / PAGE_BYTES
    // Pairs with the same in other workers and with release(): counts only, publishes nothing. Who exceeds the limit takes its pages back; another
    // one refused meanwhile would have been refused a moment earlier or later too.
    if (Atomics.add(this.#process, USED, pages) + pages > Atomics.load(this.#process, LIMIT)) {
      Atomics.sub(this.#process, USED, pages)
      return false
    }
    Atomics.add(this.#job, 0, pages)
    return true
  }

  /** Gives back all that the job has taken. Called by the owner of the job once no thread of it runs any more. */
  release(): void {
    // Pairs with tryTake() in threads that have ended.
    Atomics.sub(this.#process, USED, Atomics.exchange(this.#job, 0, 0))
  }

  /** Bytes that all jobs of the process have taken, and that they may take. */
  get usedBytes(): number {
    // A figure for messages: nothing is decided by it.
    return Atomics.load(this.#process, USED) * PAGE_BYTES
  }

  get bytesMax(): number {
    // Written before any other thread had the memory.
    return Atomics.load(this.#process, LIMIT) * PAGE_BYTES
  }
}
