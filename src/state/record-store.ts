// Rows that are kept for long, one record each (kernels/records-layout.ts): what is added takes its own bytes, and what is given back is used again. Owned by one
// operator, on its thread. Invariant: a record stays where it is until it is given back, or all of them move.

import { Slab, type SlabUse } from '../base/slab.ts'
import type { Column } from '../batch/column.ts'
import { childTypesOf, type LogicalType, physicalKindOf } from '../batch/types.ts'
import { readValue, writeValue } from '../batch/values.ts'
import { PhysicalKind, VALUE_BYTES } from '../kernels/column-layout.ts'
import * as layout from '../kernels/records-layout.ts'
import type { RecordKernels } from '../kernels/records.ts'

const PAGE_BYTES_MIN = 4096
const PAGE_BYTES_MAX = 256 * 1024
const FIELD_WORDS = 2
const TOTAL_BYTES = 16

interface Page {
  readonly address: number
  readonly bytes: number
  /** Where its last record ends; of the last page the control block knows. */
  end: number
}

/** A place between two records, or in front or behind all: see {@link RecordStore.list}. `page` pages begin in front of it. */
export interface StorePosition {
  readonly page: number
  readonly address: number
}

/** In front of all records. */
export const FIRST_RECORD: StorePosition = { page: 0, address: 0 }

/** Records of rows of some columns. */
export class RecordStore implements SlabUse {
  readonly #slab: Slab
  readonly #kernels: RecordKernels
  readonly #types: readonly LogicalType[]
  readonly #kinds: readonly PhysicalKind[]
  readonly #ownBytes: number
  readonly #control: number
  readonly #controlBytes: number
  readonly #word: number
  /** Address of u32 descriptors of columns. */
  readonly #columns: number
  #pages: Page[] = []
  #pageBytes = 0
  /** Values of JavaScript, and those that hold some: the place of the slot in a record by field, the values by slot, and free slots. */
  readonly #slotted: readonly { readonly field: number; readonly offset: number }[]
  #objects: unknown[] = []
  #freeSlots: number[] = []

  /** @param types Of the columns. @param ownBytes How many bytes of each record are its owner's, behind its header; a multiple of 8. */
  constructor(slab: Slab, kernels: RecordKernels, types: readonly LogicalType[], ownBytes: number = 0) {
    this.#slab = slab
    this.#kernels = kernels
    this.#types = types
    this.#kinds = types.map((type) => (holdsObjects(type) ? PhysicalKind.OBJECT : physicalKindOf(type)))
    this.#ownBytes = ownBytes
    this.#controlBytes = layout.STORE_BYTES + types.length * FIELD_WORDS * 4
    this.#control = slab.allocateZeroed(this.#controlBytes)
    this.#word = this.#control >>> 2
    this.#columns = slab.allocate(Math.max(1, types.length) * 4)
    this.#slotted = this.#layOut()
  }

  /** What a full slab says of the store. */
  describeUse(): string {
    return `rows in ${this.usedBytes} bytes`
  }

  /** Bytes of the records in use. */
  get usedBytes(): number {
    return this.#get(layout.STORE_USED_BYTES)
  }

  /** Bytes of records that were given back and not used again. */
  get freeBytes(): number {
    return this.#get(layout.STORE_FREE_BYTES)
  }

  /** Where an owner's bytes lie in a record. */
  static readonly ownOffset = layout.RECORD_OWN

  /** Byte address of the control block, for kernels. */
  get address(): number {
    return this.#control
  }

  /** Makes a record of each of the rows at logical positions begin..begin + n - 1: u32 `out[n]`. Columns may have dictionaries. */
  add(columns: readonly Column[], selection: number, begin: number, n: number, out: number): void {
    this.#name(columns)
    for (let done = 0; ;) {
      done += this.#kernels.recordsAdd(this.#control, this.#columns, selection, begin + done, n - done, out + done * 4)
      if (done === n) break
      this.#addPage()
    }
    for (const { field, offset } of this.#slotted) {
      const { i32, u32 } = this.#slab
      for (let index = 0; index < n; index++) {
        const slot = this.#freeSlots.pop() ?? this.#objects.length
        this.#objects[slot] = readValue(columns[field], selection === 0 ? begin + index : i32[(selection >>> 2) + begin + index])
        u32[u32[(out >>> 2) + index] * 2 + (offset >>> 2)] = slot
      }
    }
  }

  /**
   * Appends records u32 `refs[n]`, 0 for a row of NULLs, to columns, making room for them.
   *
   * @param columns As many of them as are wanted, from the first on, undefined for those that are not; plain ones, with `row` rows so far.
   */
  read(refs: number, n: number, columns: readonly (Column | undefined)[], row: number): void {
    if (n === 0) return
    columns.forEach((column, field) => {
      if (column === undefined) return
      column.ensureRows(row + n)
      const kind = this.#kinds[field]
      if (kind === PhysicalKind.BYTES) column.ensureData(this.#kernels.recordsLength(this.#control, refs, n, field))
      else if (kind > PhysicalKind.BYTES && kind !== PhysicalKind.OBJECT) this.#ensureNested(refs, n, field, column, row)
    })
    this.#name(columns)
    this.#kernels.recordsRead(this.#control, refs, n, this.#columns, columns.length, row)
    for (const { field, offset } of this.#slotted) {
      const column = columns[field]
      if (column === undefined) continue
      for (let index = 0; index < n; index++) {
        const { u32 } = this.#slab
        const ref = u32[(refs >>> 2) + index]
        writeValue(column, row + index, ref === 0 ? null : this.#objects[u32[ref * 2 + (offset >>> 2)]])
      }
    }
  }

  /** Gives records u32 `refs[n]` back, each named once. */
  free(refs: number, n: number): void {
    const { u32 } = this.#slab
    for (const { offset } of this.#slotted)
      for (let index = 0; index < n; index++) {
        const slot = u32[u32[(refs >>> 2) + index] * 2 + (offset >>> 2)]
        this.#objects[slot] = undefined
        this.#freeSlots.push(slot)
      }
    this.#kernels.recordsFree(this.#control, refs, n)
  }

  /**
   * Has all records move together, and gives the room of those away that were given back.
   *
   * @param visit Calls `move` with u32 lists of all records that were not, and how many they are; the lists then name them where they are now.
   */
  moveAll(visit: (move: (refs: number, n: number) => void) => void): void {
    const pages = this.#pages
    this.#pages = []
    this.#forget()
    visit((refs, n) => {
      for (let done = 0; ;) {
        done += this.#kernels.recordsMove(this.#control, refs + done * 4, n - done)
        if (done === n) break
        this.#addPage()
      }
    })
    for (const { address, bytes } of pages) this.#slab.free(address, bytes)
  }

  /** The place behind the last record. */
  get position(): StorePosition {
    return { page: this.#pages.length, address: this.#get(layout.STORE_NEXT) }
  }

  /**
   * Lists records behind a position, in the order in which they came, of a store that none was given back to.
   *
   * @param out Room for `max` references.
   * @returns How many they are, 0 at the end, and the place behind them.
   */
  list(since: StorePosition, out: number, max: number): { readonly n: number; readonly behind: StorePosition } {
    let { page, address } = since
    for (;;) {
      const end = page === this.#pages.length ? this.#get(layout.STORE_NEXT) : (this.#pages[page - 1]?.end ?? 0)
      if (address < end) {
        const n = this.#kernels.recordsList(address, end, out, max)
        const last = this.#slab.u32[(out >>> 2) + n - 1] * 8
        return { n, behind: { page, address: last + this.#slab.u32[(last + layout.RECORD_BYTES) >>> 2] } }
      }
      if (page === this.#pages.length) return { n: 0, behind: since }
      address = this.#pages[page++].address
    }
  }

  /** Drops all records. */
  clear(): void {
    for (const { address, bytes } of this.#pages) this.#slab.free(address, bytes)
    this.#pages = []
    this.#objects = []
    this.#freeSlots = []
    this.#forget()
  }

  /** Gives all memory back. The store must not be used afterwards. */
  close(): void {
    this.clear()
    this.#slab.free(this.#control, this.#controlBytes)
    this.#slab.free(this.#columns, Math.max(1, this.#types.length) * 4)
  }

  #get(field: number): number {
    return this.#slab.u32[this.#word + field]
  }

  #set(field: number, value: number): void {
    this.#slab.u32[this.#word + field] = value
  }

  /** Says where fields lie: slots, which are words, first. */
  #layOut(): readonly { readonly field: number; readonly offset: number }[] {
    const kinds = this.#kinds
    const slotted: { readonly field: number; readonly offset: number }[] = []
    let offset = layout.RECORD_OWN + this.#ownBytes
    const place = (field: number, bytes: number): void => {
      const at = layout.STORE_FIELDS + field * FIELD_WORDS
      this.#set(at, kinds[field])
      this.#set(at + 1, offset)
      offset += bytes
    }
    kinds.forEach((kind, field) => {
      if (kind !== PhysicalKind.OBJECT) return
      slotted.push({ field, offset })
      place(field, 4)
    })
    kinds.forEach((kind, field) => {
      if (kind < PhysicalKind.BYTES) place(field, kind === PhysicalKind.TIMESTAMP_NANOS ? 12 : Math.max(1, VALUE_BYTES[kind]))
    })
    const long = kinds.flatMap((kind, field) => (kind >= PhysicalKind.BYTES && kind !== PhysicalKind.OBJECT ? [field] : []))
    this.#set(layout.STORE_ENDS, offset)
    this.#set(layout.STORE_END_COUNT, long.length)
    // The end of one is the beginning of the next.
    for (const field of long) place(field, 4)
    if (long.length > 0) offset += 4
    this.#set(layout.STORE_NULLS, offset)
    this.#set(layout.STORE_FIELD_COUNT, kinds.length)
    this.#set(layout.STORE_FIXED_BYTES, offset + ((kinds.length + 7) >>> 3))
    return slotted
  }

  #name(columns: readonly (Column | undefined)[]): void {
    const { u32 } = this.#slab
    columns.forEach((column, field) => (u32[(this.#columns >>> 2) + field] = column?.descriptor ?? 0))
  }

  #addPage(): void {
    const needed = this.#get(layout.STORE_PENDING_BYTES) + layout.RECORD_PAGE_SLACK_BYTES
    this.#pageBytes = Math.min(PAGE_BYTES_MAX, Math.max(PAGE_BYTES_MIN, this.#pageBytes * 2))
    const bytes = Slab.blockBytes(Math.max(this.#pageBytes, needed))
    const address = this.#slab.allocate(bytes, this)
    const last = this.#pages.at(-1)
    if (last !== undefined) last.end = this.#get(layout.STORE_NEXT)
    this.#pages.push({ address, bytes, end: 0 })
    this.#set(layout.STORE_NEXT, address)
    this.#set(layout.STORE_END, address + bytes - layout.RECORD_PAGE_SLACK_BYTES)
  }

  /** Nothing is in use, and nothing free. */
  #forget(): void {
    for (let word = layout.STORE_NEXT; word < layout.STORE_FIELD_COUNT; word++) this.#set(word, 0)
    this.#slab.fill(this.#control + layout.STORE_FREE * 4, 0, (layout.STORE_SCRATCH - layout.STORE_FREE) * 4)
    this.#pageBytes = 0
  }

  /** Makes room below a nested column. */
  #ensureNested(refs: number, n: number, field: number, column: Column, row: number): void {
    const bytes = nodesOf(column) * TOTAL_BYTES
    const totals = this.#slab.allocateZeroed(bytes)
    this.#kernels.recordsCount(this.#control, refs, n, field, column.descriptor, totals)
    this.#ensureBelow(column, row, n, totals)
    this.#slab.free(totals, bytes)
  }

  /** @param rows That come to a column, from its row `row` on. Returns the totals behind those of the column. */
  #ensureBelow(column: Column, row: number, rows: number, totals: number): number {
    const slab = this.#slab
    let at = totals + TOTAL_BYTES
    if (column.kind === PhysicalKind.BYTES) column.ensureData(slab.f64[(totals >>> 3) + 1])
    const isStruct = column.kind === PhysicalKind.STRUCT
    const first = isStruct || column.children.length === 0 ? row : slab.i32[(column.offsets >>> 2) + row]
    for (const child of column.children) {
      const count = isStruct ? rows : slab.f64[at >>> 3]
      child.ensureRows(first + count)
      at = this.#ensureBelow(child, first, count, at)
    }
    return at
  }
}

function holdsObjects(type: LogicalType): boolean {
  return physicalKindOf(type) === PhysicalKind.OBJECT || childTypesOf(type).some((child) => holdsObjects(child.type))
}

/** How many columns there are in one and below it. */
function nodesOf({ children }: Column): number {
  return children.reduce((sum, child) => sum + nodesOf(child), 1)
}
