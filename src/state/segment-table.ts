// Keyed state in memory: a directory of segments of fixed-width entries, found by key in kernels, a batch at a time. Owned by one thread.
// Invariant: an entry's address is good until its key is removed or a later findOrInsert splits its segment (only then are entries moved).

import { assert } from '../base/assert.ts'
import type { Slab, SlabUse } from '../base/slab.ts'
import type { Column } from '../batch/column.ts'
import { writeValue } from '../batch/values.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import type { KeyBatch, KeyKernels } from '../kernels/keys.ts'
import * as layout from '../kernels/table-layout.ts'
import { KeyForm } from '../kernels/table-layout.ts'
import type { TableKernels } from '../kernels/table.ts'
import { keyPartsOf, keyValueOf } from './key-value.ts'
import { EPOCH_END, NO_RECORDS, type RecordPieces, type RecordSource, type RecordTarget } from './record-rooms.ts'
import { TableRecords, type WrittenTable } from './table-records.ts'

/**
 * So many rows at once are best looked up and then folded into their entries: a lookup of more ends with its first entries out of the cache and their
 * pages out of the TLB (1 M keys: 6.5 ns a row for the count of a whole batch).
 */
export const FOLD_ROWS = 512

/** In a cache a few neighbours are looked for at a time, in all of their segment, and no split should last: entries that a segment of it holds at most. */
export const CACHE_SEGMENT_ENTRIES = 8192

const SLOTS_MIN = 64
const CHUNK_BYTES_MIN = 2048
const CHUNK_BYTES_MAX = 256 * 1024
/** So many entries at least share a chunk of the largest size, so that the chunk list of a segment never runs over. */
const CHUNK_ENTRIES = 4096
const HEAP_BYTES_MIN = 4096
const HEAP_BYTES_MAX = 256 * 1024
/** Beyond so many chunks (of a segment that cannot be split) chunks double again. */
const CHUNKS_REGULAR = 40
const ROUTE_HASH_BITS = 16
/** A full segment becomes 2 to the power of this many: an entry moves once while its table grows by that factor. */
const SPLIT_BITS = 3
/** Room for fewer entries than this is not worth giving back, nor is less than a third of it. */
const TRIM_ENTRIES_MIN = 512
const TRIM_SHARE = 2 / 3
/** Chunks of a full segment of a cache: what one segment has too much no other one can use. */
const CACHE_CHUNKS = 32
/** About what the index takes for an entry. */
const INDEX_BYTES_PER_ENTRY = 24
const NO_GROUP_MASK = 0xffffffff

/** What a table holds and whose keys. */
export interface SegmentTableOptions {
  /** Form of the keys; see `keyFormOf`. */
  readonly form: KeyForm
  /** Width of the key area in bytes form, a multiple of 8: longer payloads go to a heap. @default 24 */
  readonly keyBytes?: number
  /** Bytes of the value area; rounded up to a multiple of 8. */
  readonly valueBytes: number
  readonly maxParallelism: number
  /** The key groups of the subtask. Keys of other groups must not come here. @default all */
  readonly firstGroup?: number
  readonly lastGroup?: number
  /** Spreads the slots; one per job, never stored. */
  readonly slotSeed: number
  /** How many entries to make room for at once: what a predecessor of the same kind held. */
  readonly expectedEntries?: number
  /** How many entries a segment may hold before it is split. @default SEGMENT_ENTRIES_MAX */
  readonly segmentEntriesMax?: number
  /** The segments to begin with, 2 to the power of this: so many entries are to come that all will be needed, and splits would leave blocks behind. @default 0 */
  readonly depth?: number
  /** Told which entries lie elsewhere now. Must not change the table. @default nobody */
  readonly onMove?: (entries: number, n: number) => void
}

/** One segment: its block in the slab and what TypeScript alone needs to know of it. */
interface Segment {
  readonly address: number
  readonly depth: number
  /** The top `depth` bits of the routes it serves. */
  readonly prefix: number
  slots: number
  readonly chunks: { readonly address: number; readonly bytes: number }[]
  heap: { readonly address: number; readonly bytes: number }[]
}

/**
 * A table of entries by key.
 *
 * A batch's keys come from a `KeyEncoder`; entries come back as addresses, one a row, which the aggregate kernels take. An entry's value area
 * starts at `valueOffset` and is zero when the entry is new.
 */
export class SegmentTable implements SlabUse, WrittenTable {
  readonly slab: Slab
  readonly form: KeyForm
  readonly keyBytes: number
  readonly valueBytes: number
  readonly entryBytes: number
  /** Byte offset of the value area in an entry. */
  readonly valueOffset: number
  readonly #kernels: TableKernels
  readonly #control: number
  readonly #word: number
  readonly #routeBits: number
  readonly #groups: number
  readonly #segmentEntriesMax: number
  readonly #onMove: SegmentTableOptions['onMove']
  #depth = 0
  #directory = 0
  /** Segments by directory index; neighbours share one. */
  #segments: Segment[] = []
  #newEntries = 0
  #newCapacity = 0
  readonly #keys = { form: KeyForm.VALUE as KeyForm, count: 0, hashes: 0, keys: 0, words: 0, capacity: 0 }
  #list = 0
  #bytes = 0
  #free = false
  /** See {@link epoch}. */
  #epoch = 0
  /** Entries that wait to be written. */
  #waiting: TableRecords | undefined

  constructor(slab: Slab, kernels: TableKernels & KeyKernels, options: SegmentTableOptions) {
    this.slab = slab
    this.#kernels = kernels
    this.form = options.form
    this.keyBytes = options.form === KeyForm.VALUE ? 8 : (options.keyBytes ?? 24)
    assert(this.keyBytes % 8 === 0 && this.keyBytes >= 8, 'the key area is a multiple of 8 bytes')
    this.valueBytes = (options.valueBytes + 7) & ~7
    this.valueOffset = layout.ENTRY_KEY_OFFSET + this.keyBytes
    this.entryBytes = this.valueOffset + this.valueBytes
    this.#segmentEntriesMax = options.segmentEntriesMax ?? layout.SEGMENT_ENTRIES_MAX
    this.#onMove = options.onMove
    const firstGroup = options.firstGroup ?? 0
    const groups = (options.lastGroup ?? options.maxParallelism - 1) - firstGroup + 1
    this.#groups = groups
    this.#routeBits = ROUTE_HASH_BITS + (32 - Math.clz32(Math.max(groups, 1) - 1))
    this.#control = slab.allocateZeroed(layout.TABLE_BYTES)
    this.#word = this.#control >>> 2
    const powerOfTwo = (options.maxParallelism & (options.maxParallelism - 1)) === 0
    this.#set(layout.TABLE_KEY_FORM, this.form)
    this.#set(layout.TABLE_ENTRY_BYTES, this.entryBytes)
    this.#set(layout.TABLE_KEY_BYTES, this.keyBytes)
    this.#set(layout.TABLE_FIRST_GROUP, firstGroup)
    this.#set(layout.TABLE_MAX_PARALLELISM, options.maxParallelism)
    this.#set(layout.TABLE_GROUP_MASK, powerOfTwo ? options.maxParallelism - 1 : NO_GROUP_MASK)
    this.#set(layout.TABLE_SLOT_MULTIPLIER, (Math.imul(options.slotSeed, 0x9e3779b1) ^ 0x85ebca6b) | 1)
    this.#set(layout.TABLE_SCRATCH, this.#allocate(layout.TABLE_SCRATCH_BYTES))
    this.#bytes += layout.TABLE_BYTES
    this.#start(options.expectedEntries ?? 0)
    const depth = Math.min(options.depth ?? 0, this.#routeBits)
    if (depth > 0) this.#divide(this.#segments[0], depth)
  }

  /** Number of live entries. */
  get entryCount(): number {
    return this.#get(layout.TABLE_ENTRY_COUNT)
  }

  /** Bytes of the slab that the table holds. */
  get bytes(): number {
    return this.#bytes
  }

  /** About how many bytes the entries take. */
  get bytesInUse(): number {
    const entries = this.entryCount * (this.entryBytes + INDEX_BYTES_PER_ENTRY)
    return this.form === KeyForm.VALUE ? entries : entries + this.#heapBytesInUse
  }

  get #heapBytesInUse(): number {
    const { u32 } = this.slab
    let bytes = 0
    this.#segments.forEach(({ address, heap }, index) => {
      if (heap.length === 0 || address === this.#segments[index - 1]?.address) return
      const at = address >>> 2
      for (const block of heap) bytes += block.bytes
      bytes -= u32[at + layout.SEGMENT_HEAP_DEAD] + (u32[at + layout.SEGMENT_HEAP_END] - u32[at + layout.SEGMENT_HEAP_NEXT])
    })
    return bytes
  }

  /** Gives memory back that the entries with routes from..to-1 no longer need. Entries move. */
  trim(from: number = 0, to: number = this.routeEnd): void {
    for (let route = from; route < to;) {
      const segment = this.#segmentAt(route)
      const room = segment.chunks.reduce((sum, { bytes }) => sum + bytes, 0) / this.entryBytes
      if (room >= TRIM_ENTRIES_MIN && this.slab.u32[(segment.address >>> 2) + layout.SEGMENT_COUNT] <= room * TRIM_SHARE) this.#divide(segment, 0)
      route = (segment.prefix + 1) * 2 ** (this.#routeBits - segment.depth)
    }
  }

  /** What a full slab says of the table. */
  describeUse(): string {
    return `a table of ${this.entryCount} keys in ${this.#bytes} bytes`
  }

  /** Number of segments. */
  get segmentCount(): number {
    return this.#distinctSegments().length
  }

  /** Address of the control block, for kernels. */
  get address(): number {
    return this.#control
  }

  /**
   * Finds the entry of every key, inserting those that are missing, and writes u32 `out[keys.count]`.
   *
   * @returns How many entries are new; {@link listNew} names them.
   * @throws {StateError} `SLAB_FULL` if the slab has no room.
   */
  findOrInsert(keys: KeyBatch, out: number): number {
    const n = keys.count
    this.#set(layout.TABLE_INSERTED, 0)
    let row = 0
    while ((row = this.#kernels.tableFindOrInsert(this.#control, keys.hashes, keys.keys, keys.words, row, n, out)) < n) {
      // A split moves entries: what was written to `out` so far may be stale.
      if (this.#grow()) row = 0
    }
    this.#waiting?.keep(out, n)
    return this.#get(layout.TABLE_INSERTED)
  }

  /**
   * Lists the new ones among the `n` entries that {@link findOrInsert} has just written to `out`, in order of their first rows. A table whose caller
   * wants this once wants it after every call that inserted.
   *
   * @returns Address of their u32 entries, as many as were inserted. Valid until the next call.
   */
  listNew(out: number, n: number): number {
    if (n > this.#newCapacity) {
      if (this.#newCapacity > 0) this.#release(this.#newEntries, this.#newCapacity * 4)
      this.#newCapacity = Math.max(n, 1024)
      this.#newEntries = this.#allocate(this.#newCapacity * 4)
    }
    this.#kernels.tableTakeNew(out, n, this.#newEntries)
    return this.#newEntries
  }

  /** Finds the entry of every key: u32 `out[keys.count]`, 0 where there is none. */
  find(keys: KeyBatch, out: number): void {
    this.#kernels.tableFind(this.#control, keys.hashes, keys.keys, keys.words, keys.count, out)
  }

  /** Removes `n` entries: each live, each named once. */
  remove(entries: number, n: number): void {
    this.#waiting?.keep(entries, n)
    this.#kernels.tableRemove(this.#control, entries, n)
  }

  /**
   * Visits all entries in the order of their routes, in lists of u32 addresses. The visitor must not insert; it may remove what it was given.
   */
  forEachEntries(visit: (entries: number, n: number) => void): void {
    this.#visit(this.#distinctSegments(), visit)
  }

  #visit(segments: readonly Segment[], visit: (entries: number, n: number) => void): void {
    if (this.#list === 0) this.#list = this.#allocate(this.#listBytes())
    for (const segment of segments) {
      for (let chunk = 0; chunk < segment.chunks.length; chunk++) {
        const n = this.#kernels.segmentChunkEntries(this.#control, segment.address, chunk, this.#list)
        if (n > 0) visit(this.#list, n)
      }
    }
  }

  /** Routes are less than this: key groups from the table's first on, then bits of the hash. */
  get routeEnd(): number {
    return 2 ** this.#routeBits
  }

  /** The end of a part of about `entries` entries that begins at a route: a segment, or some of its routes. */
  partEnd(from: number, entries: number): number {
    const segment = this.#segmentAt(from)
    const parts = Math.ceil(this.slab.u32[(segment.address >>> 2) + layout.SEGMENT_COUNT] / entries)
    const width = 2 ** (this.#routeBits - segment.depth)
    const step = parts <= 1 ? width : Math.max(1, width / powerOfTwoFrom(parts))
    return Math.floor(from / step) * step + step
  }

  /**
   * Visits the entries with routes from..to-1 that were last looked up before an epoch, in lists of u32 addresses, one for each segment. The visitor must not
   * insert; it may remove what it was given.
   */
  forEachOlder(from: number, to: number, before: number, visit: (entries: number, n: number) => void): void {
    for (let route = from; route < to;) {
      const { address, depth, prefix } = this.#segmentAt(route)
      const bytes = (this.slab.u32[(address >>> 2) + layout.SEGMENT_COUNT] + 1) * 4
      const list = this.slab.allocate(bytes)
      const n = this.#kernels.segmentOlderEntries(this.#control, address, from, to, before, list)
      if (n > 0) visit(list, n)
      this.slab.free(list, bytes)
      route = (prefix + 1) * 2 ** (this.#routeBits - depth)
    }
  }

  /** How many entries there are in the segments that hold the routes from..to-1. */
  countWithin(from: number, to: number): number {
    let count = 0
    for (let route = from; route < to;) {
      const { address, depth, prefix } = this.#segmentAt(route)
      count += this.slab.u32[(address >>> 2) + layout.SEGMENT_COUNT]
      route = (prefix + 1) * 2 ** (this.#routeBits - depth)
    }
    return count
  }

  segmentOf(route: number): { readonly address: number; readonly chunks: readonly number[]; readonly lastRoute: number } {
    const segment = this.#segmentAt(route)
    const { address, depth, prefix } = segment
    return { address, chunks: segment.chunks.map((_, chunk) => this.#chunkSlots(segment, chunk)), lastRoute: (prefix + 1) * 2 ** (this.#routeBits - depth) - 1 }
  }

  #segmentAt(route: number): Segment {
    return this.#segments[Math.floor(route / 2 ** (this.#routeBits - this.#depth))]
  }

  /**
   * Visits all entries by key group, groups ascending (a large group in several calls): what a snapshot is made of. The visitor must not
   * insert or remove.
   */
  forEachKeyGroup(visit: (keyGroup: number, entries: number, n: number) => void): void {
    const { slab } = this
    const firstGroup = this.#get(layout.TABLE_FIRST_GROUP)
    for (const segment of this.#distinctSegments()) {
      const n = slab.u32[(segment.address >>> 2) + layout.SEGMENT_COUNT]
      if (n === 0) continue
      const { from, groups } = this.#groupsOf(segment.depth, segment.prefix)
      const list = slab.allocate(n * 4)
      const counts = slab.allocate((groups + 1) * 4)
      this.#kernels.segmentEntriesByGroup(this.#control, segment.address, from, groups, counts, list)
      for (let group = 0; group < groups; group++) {
        const start = slab.u32[(counts >>> 2) + group]
        const end = slab.u32[(counts >>> 2) + group + 1]
        if (end > start) visit(firstGroup + from + group, list + start * 4, end - start)
      }
      slab.free(list, n * 4)
      slab.free(counts, (groups + 1) * 4)
    }
  }

  /** The epoch that entries get from now on when {@link findOrInsert} finds them: they are about to change. 0 stands for none. */
  set epoch(epoch: number) {
    this.#epoch = epoch
    this.#setEpochs()
  }

  /** While entries wait to be written, those that are found are given their epoch once that is done. */
  #setEpochs(): void {
    const waits = this.#waiting !== undefined
    this.#set(layout.TABLE_EPOCH, waits ? 0 : this.#epoch)
    this.#set(layout.TABLE_EPOCH_NEW, waits ? this.#epoch : 0)
  }

  /**
   * The entries as records of a snapshot. While some of them wait, whatever changes an entry has found it by {@link findOrInsert}, and since it began.
   *
   * @param namespace Its bytes, 0 or 8 of them.
   * @param valueBytes How much of the value area is written.
   */
  records(namespace: Uint8Array, valueBytes: number): RecordSource {
    // A caller uses one array for many names.
    const name = namespace.slice()
    return { slab: this.slab, mayWait: true, begin: (since, until, target) => this.#beginRecords(name, valueBytes, since, until, target) }
  }

  #beginRecords(namespace: Uint8Array, valueBytes: number, since: number, until: number, target: RecordTarget): RecordPieces {
    assert(this.#waiting === undefined, 'a table is written for two snapshots')
    if (this.entryCount === 0) return NO_RECORDS
    const written = { namespace, valueOffset: this.valueOffset, valueBytes, since, until }
    const end = (): void => {
      this.#waiting = undefined
      this.#setEpochs()
    }
    const pieces = new TableRecords(this, this.#kernels, this.#get(layout.TABLE_FIRST_GROUP), this.#groups, written, target, end)
    if (until < EPOCH_END) {
      this.#waiting = pieces
      this.epoch = until
    }
    return pieces
  }

  /** The key groups that the routes of a segment hold, from the table's first group on. */
  #groupsOf(depth: number, prefix: number): { readonly from: number; readonly groups: number } {
    const width = 2 ** (this.#routeBits - depth - ROUTE_HASH_BITS)
    return { from: Math.floor(prefix * width), groups: Math.max(1, width) }
  }

  /**
   * The keys of `n` entries, for {@link findOrInsert} into another table of the same form. Valid until the next call and until this table
   * changes.
   */
  keysOf(entries: number, n: number): KeyBatch {
    const keys = this.#keys
    if (n > keys.capacity) {
      if (keys.capacity > 0) this.#releaseKeys()
      keys.capacity = Math.max(n, 1024)
      keys.hashes = this.#allocate(keys.capacity * 8)
      keys.keys = this.#allocate(keys.capacity * 8)
      keys.words = this.#allocate(keys.capacity * 4)
    }
    keys.form = this.form
    keys.count = n
    this.#kernels.entryKeys(this.#control, entries, n, keys.hashes, keys.keys, keys.words)
    return keys
  }

  /**
   * Finds or inserts every key of this table in `target` (of the same form) and lets the caller merge the values: `combine` gets lists of
   * entries side by side. This table stays as it is.
   */
  mergeInto(target: SegmentTable, combine: (targets: number, sources: number, n: number) => void): void {
    assert(target.form === this.form, 'tables of different key forms cannot be merged')
    this.forEachEntries((sources, n) => {
      const targets = this.slab.allocate(n * 4)
      target.findOrInsert(this.keysOf(sources, n), targets)
      combine(targets, sources, n)
      this.slab.free(targets, n * 4)
    })
  }

  /**
   * The canonical key bytes of one entry, copied.
   *
   * @param reuse Taken for the copy if it is as long.
   */
  keyBytesOf(entry: number, reuse?: Uint8Array): Uint8Array {
    const { slab } = this
    const word = slab.u32[(entry + layout.ENTRY_WORD_OFFSET) >>> 2]
    const length = word & 0xffffff
    const inline = this.form === KeyForm.VALUE || length - 1 <= this.keyBytes
    const at = inline ? entry + layout.ENTRY_KEY_OFFSET : slab.u32[(entry + layout.ENTRY_KEY_OFFSET) >>> 2]
    if (reuse?.length === length) {
      const { u8 } = slab
      for (let index = 0; index < length - 1; index++) reuse[index] = u8[at + index]!
      reuse[length - 1] = word >>> 24
      return reuse
    }
    const bytes = slab.u8.slice(at, at + length)
    bytes[length - 1] = word >>> 24
    return bytes
  }

  /**
   * Writes the keys of `n` entries to rows row..row + n - 1 of the key columns, one a part of the key, making room for them. Rows are written
   * in ascending order, like all appending.
   */
  keysToColumns(entries: number, n: number, columns: readonly Column[], row: number): void {
    columns.forEach((column, part) => {
      column.ensureRows(row + n)
      if (column.kind === PhysicalKind.LIST || column.kind === PhysicalKind.STRUCT) {
        for (let index = 0; index < n; index++) {
          const bytes = this.keyBytesOf(this.slab.u32[(entries >>> 2) + index])
          writeValue(column, row + index, keyValueOf(columns.length === 1 ? bytes : keyPartsOf(bytes)[part], column.type))
        }
        return
      }
      if (column.kind === PhysicalKind.BYTES) column.ensureData(this.#kernels.entryKeyPartBytes(this.#control, entries, n, part, columns.length))
      this.#kernels.entryKeysToColumn(this.#control, entries, n, part, columns.length, column.descriptor, row)
    })
  }

  /** Removes everything. The memory goes back to the slab, but for one small segment with room for `expectedEntries`. */
  clear(expectedEntries: number = 0): void {
    this.#waiting?.finish()
    this.#dropSegments()
    this.#set(layout.TABLE_ENTRY_COUNT, 0)
    this.#start(expectedEntries)
  }

  /** Gives all memory back. The table must not be used afterwards. */
  free(): void {
    if (this.#free) return
    this.#waiting?.finish()
    this.#free = true
    this.#dropSegments()
    this.#release(this.#get(layout.TABLE_SCRATCH), layout.TABLE_SCRATCH_BYTES)
    if (this.#newCapacity > 0) this.#release(this.#newEntries, this.#newCapacity * 4)
    if (this.#list !== 0) this.#release(this.#list, this.#listBytes())
    if (this.#keys.capacity > 0) this.#releaseKeys()
    this.slab.free(this.#control, layout.TABLE_BYTES)
    this.#bytes = 0
  }

  #get(field: number): number {
    return this.slab.u32[this.#word + field]
  }

  #set(field: number, value: number): void {
    this.slab.u32[this.#word + field] = value
  }

  #allocate(bytes: number): number {
    const address = this.slab.allocate(bytes, this)
    this.#bytes += bytes
    return address
  }

  #release(address: number, bytes: number): void {
    this.#bytes -= bytes
    this.slab.free(address, bytes)
  }

  #releaseKeys(): void {
    const { hashes, keys, words, capacity } = this.#keys
    this.#release(hashes, capacity * 8)
    this.#release(keys, capacity * 8)
    this.#release(words, capacity * 4)
  }

  /** Segments in the order of their routes. */
  #distinctSegments(): Segment[] {
    return this.#segments.filter((segment, index) => segment !== this.#segments[index - 1])
  }

  #listBytes(): number {
    return Math.ceil((this.#chunkBytesMax() * 2) / this.entryBytes) * 4
  }

  get #chunkBytesMin(): number {
    return powerOfTwoFrom(Math.max(CHUNK_BYTES_MIN, this.entryBytes * 8 + layout.CHUNK_SLACK_BYTES))
  }

  #chunkBytesMax(): number {
    if (this.#segmentEntriesMax < layout.SEGMENT_ENTRIES_MAX)
      return Math.max(this.#chunkBytesMin, powerOfTwoFrom((this.entryBytes * this.#segmentEntriesMax) / CACHE_CHUNKS))
    return Math.max(CHUNK_BYTES_MAX, powerOfTwoFrom(this.entryBytes * CHUNK_ENTRIES))
  }

  #start(expectedEntries: number): void {
    this.#depth = 0
    this.#set(layout.TABLE_DEPTH, 0)
    this.#set(layout.TABLE_ROUTE_SHIFT, this.#routeBits)
    this.#directory = this.#allocate(4)
    this.#set(layout.TABLE_DIRECTORY, this.#directory)
    this.#segments = [this.#newSegment(0, 0, expectedEntries)]
    this.#writeDirectory()
  }

  #dropSegments(): void {
    for (const segment of this.#distinctSegments()) this.#dropSegment(segment)
    this.#release(this.#directory, 4 << this.#depth)
    this.#segments = []
  }

  #dropSegment(segment: Segment): void {
    this.#release(this.slab.u32[segment.address >>> 2], segment.slots * 8)
    for (const { address, bytes } of segment.chunks) this.#release(address, bytes)
    for (const { address, bytes } of segment.heap) this.#release(address, bytes)
    this.#release(segment.address, layout.SEGMENT_BYTES)
  }

  #writeDirectory(): void {
    const at = this.#directory >>> 2
    this.#segments.forEach((segment, index) => (this.slab.u32[at + index] = segment.address))
  }

  #newSegment(depth: number, prefix: number, expectedEntries: number): Segment {
    const expected = Math.min(expectedEntries, this.#segmentEntriesMax)
    const slots = powerOfTwoFrom(Math.max(SLOTS_MIN, expected * 2))
    const address = this.#allocate(layout.SEGMENT_BYTES)
    this.slab.fill(address, 0, layout.SEGMENT_BYTES)
    const segment: Segment = { address, depth, prefix, slots: 0, chunks: [], heap: [] }
    this.#newIndex(segment, slots)
    if (expected > 0) this.#addChunk(segment, powerOfTwoFrom((expected * this.entryBytes) >>> 1))
    return segment
  }

  #newIndex(segment: Segment, slots: number): void {
    const bytes = slots * 8
    const index = this.#allocate(bytes)
    this.slab.fill(index, 0, bytes)
    const at = segment.address >>> 2
    segment.slots = slots
    this.slab.u32[at + layout.SEGMENT_INDEX] = index
    this.slab.u32[at + layout.SEGMENT_SLOTS] = slots
    // Filled to one half: four slots read at once then name the entry of nearly every key.
    this.slab.u32[at + layout.SEGMENT_LIMIT] = Math.min(slots >>> 1, this.#segmentEntriesMax)
  }

  /** Gives the pending segment room. Returns whether entries moved. */
  #grow(): boolean {
    const address = this.#get(layout.TABLE_PENDING_SEGMENT)
    const segment = this.#segments.find((candidate) => candidate.address === address)
    assert(segment !== undefined, 'a kernel asked for room in a segment that is not of this table')
    switch (this.#get(layout.TABLE_PENDING_REASON)) {
      case layout.GROW_INDEX:
        if (this.slab.u32[(address >>> 2) + layout.SEGMENT_COUNT] >= this.#segmentEntriesMax && segment.depth < this.#routeBits) {
          this.#divide(segment, Math.min(SPLIT_BITS, this.#routeBits - segment.depth))
          return true
        }
        this.#growIndex(segment)
        return false
      case layout.GROW_ENTRIES:
        this.#addChunk(segment, 0)
        return false
      default:
        this.#growHeap(segment, this.#get(layout.TABLE_PENDING_BYTES))
        return false
    }
  }

  #growIndex(segment: Segment): void {
    const at = segment.address >>> 2
    const old = this.slab.u32[at + layout.SEGMENT_INDEX]
    const oldSlots = segment.slots
    // A segment of the largest size whose keys all share one route keeps its entries; only its index goes on growing.
    this.#newIndex(segment, oldSlots * 2)
    if (this.slab.u32[at + layout.SEGMENT_COUNT] >= this.#segmentEntriesMax) this.slab.u32[at + layout.SEGMENT_LIMIT] = segment.slots >>> 1
    this.#kernels.segmentReindex(this.#control, segment.address)
    this.#release(old, oldSlots * 8)
  }

  #addChunk(segment: Segment, wanted: number): void {
    const count = segment.chunks.length
    assert(count < layout.SEGMENT_CHUNKS_MAX, 'the chunk list of a segment is full')
    const total = segment.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
    const regular = Math.min(this.#chunkBytesMax(), Math.max(this.#chunkBytesMin, wanted, powerOfTwoFrom(total)))
    const bytes = count < CHUNKS_REGULAR ? regular : regular * 2 ** (count - CHUNKS_REGULAR)
    const address = this.#allocate(bytes)
    // Zero entries are what insertion expects; it also touches the fresh pages by writes.
    this.slab.fill(address, 0, bytes)
    const end = address + Math.floor((bytes - layout.CHUNK_SLACK_BYTES) / this.entryBytes) * this.entryBytes
    const at = segment.address >>> 2
    const u32 = this.slab.u32
    u32[at + layout.SEGMENT_CHUNKS + count * 2] = address
    u32[at + layout.SEGMENT_CHUNKS + count * 2 + 1] = end
    u32[at + layout.SEGMENT_CHUNK_COUNT] = count + 1
    u32[at + layout.SEGMENT_NEXT] = address
    u32[at + layout.SEGMENT_END] = end
    segment.chunks.push({ address, bytes })
  }

  #growHeap(segment: Segment, needed: number): void {
    const u32 = this.slab.u32
    const at = segment.address >>> 2
    const total = segment.heap.reduce((sum, block) => sum + block.bytes, 0)
    const dead = u32[at + layout.SEGMENT_HEAP_DEAD]
    const old = segment.heap
    // Half of it dead: the living move together into one block with room for as much again.
    const compact = dead * 2 > total
    const size = compact ? (total - dead) * 2 : Math.min(HEAP_BYTES_MAX, Math.max(HEAP_BYTES_MIN, total))
    const bytes = powerOfTwoFrom(Math.max(size, needed + (compact ? total - dead : 0)) + layout.CHUNK_SLACK_BYTES)
    const address = this.#allocate(bytes)
    this.slab.touch(address, bytes)
    const view = this.slab.u32
    view[at + layout.SEGMENT_HEAP_NEXT] = address
    view[at + layout.SEGMENT_HEAP_END] = address + bytes - layout.CHUNK_SLACK_BYTES
    segment.heap = compact ? [{ address, bytes }] : [...old, { address, bytes }]
    if (!compact) return
    view[at + layout.SEGMENT_HEAP_DEAD] = 0
    this.#kernels.segmentCompactHeap(this.#control, segment.address)
    for (const block of old) this.#release(block.address, block.bytes)
  }

  /** Replaces a segment by 2 to the power of `bits`, by the next bits of the route; entries move. */
  #divide(segment: Segment, bits: number): void {
    this.#waiting?.finishSegment(segment.prefix * 2 ** (this.#routeBits - segment.depth))
    const entryCount = this.#get(layout.TABLE_ENTRY_COUNT)
    const inserted = this.#get(layout.TABLE_INSERTED)
    const count = this.slab.u32[(segment.address >>> 2) + layout.SEGMENT_COUNT]
    const depth = segment.depth + bits
    while (this.#depth < depth) this.#doubleDirectory()
    const expected = (count >>> bits) + (count >>> (bits + 4))
    const parts = Array.from({ length: 2 ** bits }, (_, part) => this.#newSegment(depth, segment.prefix * 2 ** bits + part, expected))
    const first = segment.prefix * 2 ** (this.#depth - segment.depth)
    const width = 2 ** (this.#depth - depth)
    for (let index = 0; index < width * parts.length; index++) this.#segments[first + index] = parts[Math.floor(index / width)]!
    this.#writeDirectory()
    for (let chunk = 0; chunk < segment.chunks.length; chunk++) {
      const slots = this.#chunkSlots(segment, chunk)
      let moved = 0
      while ((moved = this.#kernels.segmentMove(this.#control, segment.address, chunk, moved)) < slots) {
        const deeper = this.#grow()
        // Each part has room for all of it: none can ask to be split before everything has moved.
        assert(!deeper, 'a segment was split while it was being filled')
      }
    }
    this.#set(layout.TABLE_ENTRY_COUNT, entryCount)
    this.#set(layout.TABLE_INSERTED, inserted)
    this.#dropSegment(segment)
    if (this.#onMove !== undefined) this.#visit(parts, this.#onMove)
  }

  #chunkSlots(segment: Segment, chunk: number): number {
    const u32 = this.slab.u32
    const at = segment.address >>> 2
    const last = chunk === segment.chunks.length - 1
    const end = last ? u32[at + layout.SEGMENT_NEXT] : u32[at + layout.SEGMENT_CHUNKS + chunk * 2 + 1]
    return (end - u32[at + layout.SEGMENT_CHUNKS + chunk * 2]) / this.entryBytes
  }

  #doubleDirectory(): void {
    this.#release(this.#directory, 4 << this.#depth)
    this.#depth++
    this.#directory = this.#allocate(4 << this.#depth)
    this.#set(layout.TABLE_DIRECTORY, this.#directory)
    this.#set(layout.TABLE_DEPTH, this.#depth)
    this.#set(layout.TABLE_ROUTE_SHIFT, this.#routeBits - this.#depth)
    this.#segments = this.#segments.flatMap((segment) => [segment, segment])
    this.#writeDirectory()
  }
}

function powerOfTwoFrom(value: number): number {
  return value <= 1 ? 1 : 2 ** (32 - Math.clz32(value - 1))
}
