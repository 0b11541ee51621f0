// A worker's memory: one shared WebAssembly memory with an allocator of power-of-two blocks. One thread allocates; others only read and
// write regions handed to them by address. Invariant: a block never moves, so an address stays good until it is freed.

import { type BulkOperations, bulkOperationsOf, createMemory, type WasmMemory } from './webassembly.ts'
import { assert } from './assert.ts'
import { StateError } from './errors.ts'
import type { SharedBudget } from './shared-budget.ts'

export const PAGE_BYTES = 65_536
/** Kernels own the first page: AssemblyScript's static data lies there. */
export const SLAB_RESERVED_BYTES = PAGE_BYTES
/** Blocks start on cache lines; so do column buffers (Arrow asks for 64 too). */
export const BLOCK_ALIGNMENT_BYTES = 64
const INITIAL_PAGES = 16
const GROW_BYTES_MIN = 4 << 20
const SMALLEST_CLASS = 6
const LARGEST_CLASS = 31
const TOUCH_STEP_BYTES = 4096
/** The pattern behind blocks of a slab with canaries. */
const CANARY = 0xc5
const CANARY_BYTES = 16
/** Blocks of the largest class have no room for it. */
const GUARDED_BYTES_MAX = 2 ** (LARGEST_CLASS - 1)

/** Largest memory of one slab: what 32-bit WebAssembly can address. */
export const SLAB_BYTES_MAX = 65_536 * PAGE_BYTES

/** What a block is for, as an error tells it when there is no room. */
export interface SlabUse {
  /** A noun with its size, like `a table of 12 keys in 4096 bytes`. */
  describeUse(): string
}

/**
 * One shared memory and its allocator.
 *
 * Whole-memory views (`u8`, `i32`, …) are replaced when the memory grows. Old views stay valid up to their old length (shared memory is
 * never moved or detached), so code may keep a view for the length of one call and must re-read the property afterwards.
 */
export class Slab {
  readonly memory: WasmMemory
  u8!: Uint8Array
  u16!: Uint16Array
  i8!: Int8Array
  i16!: Int16Array
  i32!: Int32Array
  u32!: Uint32Array
  f32!: Float32Array
  f64!: Float64Array
  i64!: BigInt64Array
  u64!: BigUint64Array
  /** Whose code runs now, for errors; set by whoever runs operators. */
  user: { readonly activeOperatorName: string } | undefined
  readonly #bulk: BulkOperations
  readonly #bytesMax: number
  readonly #budget: SharedBudget | undefined
  /** First byte never handed out yet. */
  #top: number
  #allocatedBytes = 0
  /** Blocks in use and what was asked for; null without canaries. */
  readonly #blocks: Map<number, number> | null
  readonly #free: number[][] = Array.from({ length: LARGEST_CLASS + 1 }, () => [])

  /**
   * @param bytesMax The memory budget in bytes, at most {@link SLAB_BYTES_MAX}; rounded up to whole pages.
   * @param memory The memory to manage: a fresh one unless given (made by {@link createSlabMemory}, shared with other threads).
   * @param fixedBytes Size of the region behind the kernels' page that the allocator leaves alone: rings and control words, laid out before
   * the threads start and never moved, so that foreign views of it stay good.
   * @param canaries Whether every block is followed by a pattern that {@link verify} and {@link free} check: for tests, which find writes past
   * the end of a block that way.
   * @param budget What the slab grows at the expense of, beside its own budget; without it nothing. What the memory had at first is not taken here.
   */
  constructor(
    bytesMax: number = SLAB_BYTES_MAX,
    memory: WasmMemory = createSlabMemory(0, bytesMax),
    fixedBytes: number = 0,
    canaries: boolean = false,
    budget?: SharedBudget,
  ) {
    this.#budget = budget
    this.#blocks = canaries ? new Map() : null
    this.#bytesMax = slabPagesMax(fixedBytes, bytesMax) * PAGE_BYTES
    this.memory = memory
    this.#bulk = bulkOperationsOf(memory)
    this.#top = SLAB_RESERVED_BYTES + Math.ceil(fixedBytes / PAGE_BYTES) * PAGE_BYTES
    this.refresh()
    assert(this.#top <= this.u8.length, 'fixed region lies outside the memory')
  }

  /** Bytes in blocks that are allocated now. */
  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** The memory budget in bytes. */
  get bytesMax(): number {
    return this.#bytesMax
  }

  /**
   * Takes a block of at least `bytes` bytes, aligned to its own size up to a page and to 64 bytes at least. Contents are undefined.
   *
   * @param use What the block is for; asked only when there is no room.
   * @throws {StateError} `SLAB_FULL` if a budget does not allow it, or the system has no memory to give.
   */
  allocate(bytes: number, use?: SlabUse): number {
    const guarded = this.#blocks !== null && bytes <= GUARDED_BYTES_MAX
    const sizeClass = classOf(guarded ? bytes + CANARY_BYTES : bytes)
    const free = this.#free[sizeClass]
    const size = 2 ** sizeClass
    if (free.length === 0) {
      // Small blocks are cut from a page at a time, so that the bump pointer stays page aligned.
      const extent = Math.max(size, PAGE_BYTES)
      const first = this.#extend(extent, use)
      for (let address = first + extent - size; address >= first; address -= size) free.push(address)
    }
    this.#allocatedBytes += 2 ** classOf(bytes)
    const address = free.pop()!
    if (guarded) {
      this.#blocks.set(address, bytes)
      this.fill(address + bytes, CANARY, CANARY_BYTES)
    }
    return address
  }

  /** {@link allocate}, with every byte zero. */
  allocateZeroed(bytes: number, use?: SlabUse): number {
    const address = this.allocate(bytes, use)
    this.fill(address, 0, bytes)
    return address
  }

  /** Sets `bytes` bytes to `value`, 0 to 255; much faster than the views' own `fill`. */
  fill(address: number, value: number, bytes: number): void {
    this.#bulk.fill(address, value, bytes)
  }

  /** Copies `bytes` bytes; the ranges may overlap. Faster than the views' `copyWithin`, most of all where the two stand differently to words. */
  copy(target: number, source: number, bytes: number): void {
    this.#bulk.copy(target, source, bytes)
  }

  /** Gives a block back. `bytes` is what it was allocated with (any value of the same size class). */
  free(address: number, bytes: number): void {
    assert(address >= SLAB_RESERVED_BYTES && address % BLOCK_ALIGNMENT_BYTES === 0, 'freed address is not a block')
    this.#allocatedBytes -= 2 ** classOf(bytes)
    const guarded = this.#blocks !== null && bytes <= GUARDED_BYTES_MAX
    this.#free[guarded ? this.#checkedClass(address, bytes) : classOf(bytes)].push(address)
  }

  /** Checks the pattern behind every block, if there are patterns. Called by tests' builds after each step of a subtask. */
  verify(): void {
    if (this.#blocks === null) return
    for (const [address, bytes] of this.#blocks) this.#verifyBlock(address, bytes)
  }

  #checkedClass(address: number, bytes: number): number {
    const allocated = this.#blocks!.get(address)
    assert(allocated !== undefined, 'freed address is not an allocated block')
    assert(classOf(allocated) === classOf(bytes), 'block is freed with another size than it was allocated with')
    this.#verifyBlock(address, allocated)
    this.#blocks!.delete(address)
    return classOf(allocated + CANARY_BYTES)
  }

  #verifyBlock(address: number, bytes: number): void {
    const { u8 } = this
    for (let at = address + bytes; at < address + bytes + CANARY_BYTES; at++) assert(u8[at] === CANARY, 'a block was written past its end')
  }

  /** The usable size of a block asked for with `bytes`. */
  static blockBytes(bytes: number): number {
    return 2 ** classOf(bytes)
  }

  /** Writes one byte into every page of a fresh block: cheaper by half than a first touch by a read (a hash probe), and far cheaper with threads. */
  touch(address: number, bytes: number): void {
    const u8 = this.u8
    for (let at = address; at < address + bytes; at += TOUCH_STEP_BYTES) u8[at] = 0
  }

  /** Renews the whole-memory views after the memory grew. Called by the slab itself, and by threads that hold a foreign slab. */
  refresh(): void {
    const buffer = this.memory.buffer
    this.u8 = new Uint8Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.i8 = new Int8Array(buffer)
    this.i16 = new Int16Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f32 = new Float32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.i64 = new BigInt64Array(buffer)
    this.u64 = new BigUint64Array(buffer)
  }

  #extend(bytes: number, use: SlabUse | undefined): number {
    const address = this.#top
    const end = address + bytes
    if (end > this.#bytesMax) this.#full(bytes, use, `the worker's memory budget of ${this.#bytesMax} bytes is used up`)
    if (end > this.u8.length) {
      const wanted = Math.min(this.#bytesMax, Math.max(end, this.u8.length + GROW_BYTES_MIN, Math.floor(this.u8.length * 1.25)))
      this.#grow(wanted, end, bytes, use)
    }
    this.#top = end
    return address
  }

  /** Grows the memory to `wantedBytes`, or to the `neededBytes` if the other jobs of the process leave no more. */
  #grow(wantedBytes: number, neededBytes: number, bytes: number, use: SlabUse | undefined): void {
    const budget = this.#budget
    const moreBytes = (size: number): number => Math.ceil((size - this.u8.length) / PAGE_BYTES) * PAGE_BYTES
    let more = moreBytes(wantedBytes)
    if (budget !== undefined && !budget.tryTake(more)) {
      more = moreBytes(neededBytes)
      if (!budget.tryTake(more)) this.#full(bytes, use, `the jobs of this process have used up the ${budget.bytesMax} bytes that they share`)
    }
    try {
      this.memory.grow(more / PAGE_BYTES)
    } catch (error) {
      this.#full(bytes, use, `the system refused ${more} bytes more`, error)
    }
    this.refresh()
  }

  #full(bytes: number, use: SlabUse | undefined, reason: string, cause?: unknown): never {
    const what = use === undefined ? '' : ` for ${use.describeUse()}`
    const where = this.user === undefined ? '' : ` in operator "${this.user.activeOperatorName}"`
    throw new StateError('SLAB_FULL', `Cannot allocate ${bytes} bytes${what}${where}: ${reason} (${this.#allocatedBytes} bytes in use by this worker)`, {
      cause,
      hint: 'Give the process more memory or raise millrace.worker.memory-max, set state.backend.type to lmdb, give the state a TTL, or lower the parallelism.',
    })
  }
}

/**
 * A shared memory for a slab of `bytesMax` bytes, with a fixed region of `fixedBytes`. Its maximum is the budget: so much address space it takes, and
 * no code can grow it beyond.
 *
 * @throws {StateError} `SLAB_FULL` if the system has no room for it.
 */
export function createSlabMemory(fixedBytes: number = 0, bytesMax: number = SLAB_BYTES_MAX): WasmMemory {
  const initial = slabPages(fixedBytes)
  const most = slabPagesMax(fixedBytes, bytesMax)
  try {
    return createMemory(initial, most)
  } catch (cause) {
    throw new StateError('SLAB_FULL', `Cannot make a worker's memory of ${initial * PAGE_BYTES} bytes that may grow to ${bytesMax}: the system refused it`, {
      cause,
      hint: 'Lower millrace.worker.memory-max or the parallelism, or give the process more address space (ulimit -v).',
    })
  }
}

/**
 * Makes a memory that a slab of the same budget has used as good as new, for a fixed region of `fixedBytes`. Blocks are not cleared: nobody expects
 * that.
 *
 * @returns false if it is too small, and untouched.
 */
export function renewSlabMemory(memory: WasmMemory, fixedBytes: number): boolean {
  if (memory.buffer.byteLength < slabPages(fixedBytes) * PAGE_BYTES) return false
  bulkOperationsOf(memory).fill(0, 0, SLAB_RESERVED_BYTES + fixedBytes)
  return true
}

/** Pages that a slab's memory starts with. */
function slabPages(fixedBytes: number): number {
  return INITIAL_PAGES + Math.ceil(fixedBytes / PAGE_BYTES)
}

/** Pages that a slab's memory may have: its budget, though never less than it starts with. */
function slabPagesMax(fixedBytes: number, bytesMax: number): number {
  assert(bytesMax > 0 && bytesMax <= SLAB_BYTES_MAX, 'slab budget out of range')
  return Math.max(slabPages(fixedBytes), Math.ceil(bytesMax / PAGE_BYTES))
}

function classOf(bytes: number): number {
  assert(bytes > 0 && bytes <= 2 ** LARGEST_CLASS, 'block size out of range')
  return Math.max(SMALLEST_CLASS, 32 - Math.clz32(bytes - 1))
}
