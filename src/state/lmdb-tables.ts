// Tables that outgrow memory: those of an operator that folds rows into the entries of a few tables (a window's slices), and reads all of a table when it
// is done with it. A table is a cache here: an entry that is new in it is looked up in the table's file before anything is folded into it, and what was
// not used for the longest is written, some thousand neighbours at a time. Runs on the worker's thread, between two batches or two parts of one.
//
// What is in memory is the truth, whether or not it lies in a file as well. A row keeps the epoch in which its entry was last used, so that a checkpoint
// need not write what an earlier one holds. Epochs are the tables' own: one begins with each checkpoint, and with each round of the cache.
//
// Beside its value area an entry may have a tail, which lies elsewhere in memory. A table may be a set: its entries have no value, so that nothing is
// looked up when one is made, and all of them may go; they stand in its file where their owner's key stands.
//
//   row           u32 key word (kernels/table-layout.ts) | the payload, padded to words | u32 epoch | value area | u32 bytes of the tail | the tail, padded
//                 to words. The last two only if there are tails

import type { KeyGroupRange } from '../base/key-groups.ts'
import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../kernels/column-layout.ts'
import { KeyEncoder } from '../kernels/keys.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { ENTRY_FLAGS_OFFSET, ENTRY_HASH_OFFSET, ENTRY_KEY_OFFSET, ENTRY_WORD_OFFSET, KeyForm } from '../kernels/table-layout.ts'
import { LmdbEnvironment } from './lmdb-environment.ts'
import { type CacheContents, CacheHand, type LmdbOptions, LmdbRows, Positions, STEP_ENTRIES } from './lmdb-rows.ts'
import type { RecordSource } from './record-rooms.ts'
import type { SegmentTable } from './segment-table.ts'
import { ByteReader, ByteWriter } from './value-codec.ts'

/** What the tables have in common. */
export interface LmdbTablesOptions extends LmdbOptions {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
}

/** What entries have beside their value areas, which refer to it. */
export interface EntryTails {
  /** About how many bytes of the slab they take. */
  readonly bytesInUse: number
  save(entry: number, writer: ByteWriter): void
  /** Reads what {@link save} wrote, and has the entry refer to it. */
  load(entry: number, reader: ByteReader): void
  /** Notes that entries u32[n] are about to go. What they had may stay in the slab for a while. */
  release(entries: number, n: number): void
}

/** What is not as usual of a table. */
export interface CachedTableOptions {
  readonly tails?: EntryTails | undefined
  /** Of a set: the address of the u64 hashes of the owners of entries u32[n], valid until the next call. */
  readonly ownersOf?: ((entries: number, n: number) => number) | undefined
}

/** In the epoch of an entry that was read to be looked at, and goes again. */
const READ = 0x40000000
const EPOCH_MAX = READ - 1
/** Behind every epoch. */
const ANY_EPOCH = 0x7fffffff
/** There may be many tables, whose last ones then stay in memory; keyed state has few databases, and needs them. */
const DATABASES_FOR_KEYS = 256
/** Words of a row, for a first guess, where rows differ. */
const KEY_WORDS_GUESS = 6
const NO_BYTES = new Uint8Array(0)

/** The tables of one operator. */
export class LmdbTables implements CacheContents {
  readonly options: LmdbTablesOptions
  readonly environment: LmdbEnvironment
  readonly places: Positions
  /** The epoch that has begun. */
  epoch = 1
  readonly #hand = new CacheHand(this)
  readonly #tables: CachedTable[] = []
  // Where the hand is.
  #next = 0
  #route = 0
  #isAround = false
  // When the last two rounds began.
  #roundEpoch = 1
  #lastRoundEpoch = 1
  /** Of checkpoints: the epochs that began with them. */
  readonly #checkpoints = new Map<number, number>()

  constructor(options: LmdbTablesOptions) {
    this.options = options
    this.environment = LmdbEnvironment.open(options.directory)
    this.places = new Positions(options.keyGroups)
  }

  /** Has the entries of an empty table leave memory when they may. Its epoch is set here from now on. */
  add(table: SegmentTable, options: CachedTableOptions = {}): CachedTable {
    const cached = new CachedTable(this, table, options)
    this.#tables.push(cached)
    return cached
  }

  /** A table is no more. */
  remove(cached: CachedTable): void {
    this.#tables.splice(this.#tables.indexOf(cached), 1)
    this.#next = this.#route = 0
    // Another one may get the database.
    cached.file.clear()
    cached.file.close()
  }

  noteRead(n: number): void {
    this.#hand.noteRead(n)
  }

  /** Writes entries and releases them while all take more than they may. Entries move. */
  shrink(): void {
    this.#hand.run(this.options.cacheBytes / this.environment.users)
  }

  get bytesInUse(): number {
    let bytes = 0
    for (const cached of this.#tables) bytes += cached.bytesInUse
    return bytes
  }

  get isAround(): boolean {
    return this.#isAround
  }

  evictNext(): number {
    const cached = this.#tables[this.#next]
    const { table } = cached
    const end = table.partEnd(this.#route, STEP_ENTRIES)
    const count = cached.evict(this.#route, end, this.#lastRoundEpoch)
    this.#route = end
    this.#isAround = false
    if (end >= table.routeEnd) {
      table.trim()
      this.#route = 0
      this.#next = (this.#next + 1) % this.#tables.length
      this.#isAround = this.#next === 0
    }
    return count
  }

  beginRound(): void {
    this.#lastRoundEpoch = this.#roundEpoch
    this.#roundEpoch = this.#beginEpoch()
  }

  /**
   * Begins the epoch up to a checkpoint: what is used from now on is told from what was used before.
   *
   * @param checkpointId 0 if nobody will ask.
   */
  beginCheckpoint(checkpointId: number): void {
    if (checkpointId > 0) this.#checkpoints.set(checkpointId, this.#beginEpoch())
  }

  /** The first epoch that entries may have which were used since {@link beginCheckpoint}; what is older is forgotten. 0: any may have been. */
  epochSince(checkpointId: number): number {
    if (checkpointId === 0) return 0
    for (const older of this.#checkpoints.keys()) if (older < checkpointId) this.#checkpoints.delete(older)
    return this.#checkpoints.get(checkpointId) ?? 0
  }

  close(): void {
    for (const { file } of this.#tables) file.close()
    this.environment.close()
  }

  #beginEpoch(): number {
    this.epoch = Math.min(EPOCH_MAX, this.epoch + 1)
    for (const { table } of this.#tables) table.epoch = this.epoch
    return this.epoch
  }
}

/** A table and what of it is not in memory. */
export class CachedTable extends LmdbRows {
  readonly table: SegmentTable
  readonly #tables: LmdbTables
  readonly #slab: Slab
  protected readonly rowWords: number
  readonly #valueWords: number
  readonly #encoder: KeyEncoder
  readonly #tails: EntryTails | undefined
  readonly #writer = new ByteWriter()
  readonly #reader = new ByteReader()
  readonly #ownersOf: ((entries: number, n: number) => number) | undefined
  // Of the entries being gathered: the hashes of their owners, and which one it is.
  #owners = 0
  #gathered = 0
  // Scratch: the keys of rows, and what is found of them.
  #scratch = 0
  #scratchBytes = 0

  constructor(tables: LmdbTables, table: SegmentTable, { tails, ownersOf }: CachedTableOptions) {
    super(tables.environment, tables.places, DATABASES_FOR_KEYS)
    this.#tails = tails
    this.#ownersOf = ownersOf
    this.#encoder = new KeyEncoder(tables.options.slab, tables.options.kernels, table.form, 1)
    this.table = table
    this.#tables = tables
    this.#slab = table.slab
    this.#valueWords = table.valueBytes >>> 2
    this.rowWords = table.form === KeyForm.VALUE && tails === undefined ? 4 + this.#valueWords : 0
    table.epoch = tables.epoch
  }

  /** Whether all of it is in memory. */
  get isInMemory(): boolean {
    return this.file.entryCount === 0
  }

  get bytesInUse(): number {
    return this.table.bytesInUse + (this.#tails?.bytesInUse ?? 0)
  }

  /** How many entries there are, some of them counted twice. */
  get entriesMax(): number {
    return this.table.entryCount + this.file.entryCount
  }

  /** Fills in the entries u32[n] that have just been made. */
  load(entries: number, n: number): void {
    this.#tables.noteRead(n)
    if (this.isInMemory) return
    const { u32 } = this.#slab
    this.gather(n, (index) => u32[(entries >>> 2) + index])
    this.environment.beginRead()
    try {
      this.readRows(n, (entry, row) => this.#readEntry(row, entry))
    } finally {
      this.environment.endRead()
    }
  }

  /** Writes and releases entries with routes from..end-1 that were not used since an epoch; of a set all. Returns how many there were. */
  evict(from: number, end: number, before: number): number {
    if (!this.file.isWritable) return 0
    let count = 0
    this.table.forEachOlder(from, end, this.#ownersOf === undefined ? before : ANY_EPOCH, (entries, n) => {
      const { u32 } = this.#slab
      this.file.epoch = this.#tables.epoch
      this.file.expect(this.table.entryCount * (this.rowWords === 0 ? this.#valueWords + KEY_WORDS_GUESS : this.rowWords + 1))
      this.#owners = this.#ownersOf?.(entries, n) ?? 0
      this.gather(n, (index) => u32[(entries >>> 2) + (this.#gathered = index)])
      this.writeRows(n)
      this.#remove(entries, n)
      count += n
    })
    return count
  }

  /** Writes and releases all entries. */
  evictAll(): void {
    for (let from = 0; from < this.table.routeEnd;) {
      const end = this.table.partEnd(from, STEP_ENTRIES)
      this.evict(from, end, ANY_EPOCH)
      from = end
    }
  }

  #remove(entries: number, n: number): void {
    this.#tails?.release(entries, n)
    this.table.remove(entries, n)
  }

  /** Reads what of the routes from..end-1 is not in memory. Entries move. {@link forget} has it go again; until then nothing may be looked up. */
  read(from: number, end: number): void {
    if (this.isInMemory) return
    this.#forEachPart(this.positionOfRoute(from), this.positionOfRoute(end), (begin, n) => {
      const { file } = this
      const out = this.#entriesOf(begin, n, this.table)
      const { u32 } = this.#slab
      for (let index = 0; index < n; index++) {
        const entry = u32[(out >>> 2) + index]
        const flags = (entry + ENTRY_FLAGS_OFFSET) >>> 2
        // Not new: what is in memory is the truth.
        if (u32[flags] >>> 31 === 0) continue
        this.#readEntry(file.rowAt(begin + index), entry)
        u32[flags] = READ
      }
    })
  }

  /**
   * Puts those entries of a set into another one whose owners stand between two positions.
   *
   * @param into Of the same keys.
   */
  copyTo(into: SegmentTable, first: number, last: number): void {
    if (!this.isInMemory) this.#forEachPart(first, last, (begin, n) => void this.#entriesOf(begin, n, into))
    // What could not be written.
    this.table.forEachEntries((entries, n) => {
      const list = this.#slab.allocate(n * 8)
      const { u32 } = this.#slab
      this.#owners = this.#ownersOf!(entries, n)
      let count = 0
      for (this.#gathered = 0; this.#gathered < n; this.#gathered++) {
        const entry = u32[(entries >>> 2) + this.#gathered]
        const position = this.positionOf(entry)
        if (position >= first && position < last) u32[(list >>> 2) + count++] = entry
      }
      if (count > 0) into.findOrInsert(this.table.keysOf(list, count), list + n * 4)
      this.#slab.free(list, n * 8)
    })
  }

  /** Takes the buckets with rows between two positions in hand, one after the other. */
  #forEachPart(first: number, last: number, visit: (begin: number, n: number) => void): void {
    const { file } = this
    for (let bucket = file.bucketOf(first); bucket < last && this.takeBucket(bucket); bucket = file.bucketBehind(bucket)) {
      const begin = file.lowerBound(first)
      const n = file.lowerBound(last) - begin
      if (n > 0) visit(begin, n)
    }
  }

  /** Lists the entries with routes from..end-1 that are in memory, as u32 in a block of the slab that the caller frees. */
  list(from: number, end: number): { readonly entries: number; readonly bytes: number; readonly count: number } {
    const bytes = (this.table.countWithin(from, end) + 1) * 4
    const entries = this.#slab.allocate(bytes)
    let count = 0
    this.table.forEachOlder(from, end, ANY_EPOCH, (list, n) => {
      this.#slab.copy(entries + count * 4, list, n * 4)
      count += n
    })
    return { entries, bytes, count }
  }

  /** Releases those of the entries u32[n] that {@link read} has read. */
  forget(entries: number, n: number): void {
    const { u32 } = this.#slab
    let count = 0
    for (let at = entries >>> 2, end = at + n; at < end; at++)
      if ((u32[(u32[at] + ENTRY_FLAGS_OFFSET) >>> 2] & READ) !== 0) u32[(entries >>> 2) + count++] = u32[at]
    this.#remove(entries, count)
  }

  /** The entries as records of a snapshot, but for those that are not in memory: see {@link forEachCold}. */
  records(namespace: Uint8Array, valueBytes: number): RecordSource {
    const source = this.table.records(namespace, valueBytes)
    return {
      slab: source.slab,
      mayWait: false,
      begin: (since, until, target) => source.begin(this.#tables.epochSince(since), until, target),
    }
  }

  /**
   * Visits the entries that are not in memory and were used since {@link LmdbTables.beginCheckpoint}.
   *
   * @param since 0: all that are not in memory.
   * @param visit Gets the value area of each, and its tail.
   */
  forEachCold(since: number, visit: (keyGroup: number, key: Uint8Array, value: Uint8Array, tail: Uint8Array) => void): void {
    if (this.isInMemory) return
    const { file } = this
    const epoch = this.#tables.epochSince(since)
    for (let bucket = 0; bucket < this.places.end; bucket = file.bucketBehind(bucket)) {
      if (file.changeOf(bucket) < epoch || !this.takeBucket(bucket) || file.count === 0) continue
      const { words } = file
      const out = this.#entriesOf(0, file.count, undefined)
      const { u32 } = this.#slab
      for (let index = 0; index < file.count; index++) {
        const row = file.rowAt(index)
        const value = row + this.#keyWordsOf(row) + 1
        if (u32[(out >>> 2) + index] !== 0 || words[value - 1] < epoch) continue
        const at = words.byteOffset + value * 4
        const area = new Uint8Array(words.buffer, at, this.#valueWords * 4)
        visit(this.places.groupOf(file.positionOf(index)), this.#keyBytesOf(row), area, this.#tailOf(row))
      }
    }
  }

  /** Removes all that is not in memory. */
  clear(): void {
    this.file.clear()
  }

  /** Gives back what it takes beside the table. */
  free(): void {
    this.#tables.remove(this)
    this.#encoder.free()
    if (this.#scratchBytes > 0) this.#slab.free(this.#scratch, this.#scratchBytes)
  }

  protected positionOf(entry: number): number {
    const { u32 } = this.#slab
    const high = u32[(this.#owners === 0 ? entry + ENTRY_HASH_OFFSET + 4 : this.#owners + this.#gathered * 8 + 4) >>> 2]
    return this.places.of(high % this.#tables.options.maxParallelism, high)
  }

  protected isRowOf(row: number, entry: number): boolean {
    const { u32 } = this.#slab
    const { words } = this.file
    const word = u32[(entry + ENTRY_WORD_OFFSET) >>> 2]
    if (words[row] !== word) return false
    const bytes = (word & 0xffffff) - 1
    const at = this.#payloadOf(entry, bytes) >>> 2
    const whole = bytes >>> 2
    for (let index = 0; index < whole; index++) if (words[row + 1 + index] !== u32[at + index]) return false
    return (bytes & 3) === 0 || words[row + 1 + whole] === (u32[at + whole] & ((1 << ((bytes & 3) * 8)) - 1)) >>> 0
  }

  protected putRow(position: number, entry: number, old: number): boolean {
    const { u32 } = this.#slab
    const word = u32[(entry + ENTRY_WORD_OFFSET) >>> 2]
    const bytes = (word & 0xffffff) - 1
    const keyWords = this.#keyWordsFor(bytes)
    const writer = this.#writer
    writer.at = 0
    this.#tails?.save(entry, writer)
    const begin = this.file.beginRow(position, keyWords + 1 + this.#valueWords + 2 + (writer.at >>> 2))
    const { stage } = this.file
    let at = begin
    stage[at++] = word
    const from = this.#payloadOf(entry, bytes) >>> 2
    const whole = bytes >>> 2
    for (let index = 0; index < keyWords - 1; index++) stage[at++] = index < whole ? u32[from + index] : 0
    if ((bytes & 3) !== 0) stage[begin + 1 + whole] = u32[from + whole] & ((1 << ((bytes & 3) * 8)) - 1)
    stage[at++] = u32[(entry + ENTRY_FLAGS_OFFSET) >>> 2] & ANY_EPOCH
    const value = (entry + this.table.valueOffset) >>> 2
    for (let index = 0; index < this.#valueWords; index++) stage[at++] = u32[value + index]!
    if (this.#tails !== undefined) {
      stage[at++] = writer.at
      const end = at + ((writer.at + 3) >>> 2)
      if (end > at) stage[end - 1] = 0
      new Uint8Array(stage.buffer).set(writer.bytes.subarray(0, writer.at), at * 4)
      at = end
    }
    this.file.endRow(at)
    if (old < 0) return true
    const { words } = this.file
    const row = this.file.rowAt(old)
    if (this.rowWords === 0 && this.file.rowEnd(old) - row !== at - begin) return true
    for (let index = 0; index < at - begin; index++) if (words[row + index] !== stage[begin + index]) return true
    return false
  }

  protected commit(): void {
    this.file.commit(() => {})
  }

  /** The first position that entries with a route may have. */
  positionOfRoute(route: number): number {
    return route * (2 ** 32 / this.table.routeEnd)
  }

  #payloadOf(entry: number, bytes: number): number {
    const { form, keyBytes } = this.table
    const at = entry + ENTRY_KEY_OFFSET
    return form === KeyForm.VALUE || bytes <= keyBytes ? at : this.#slab.u32[at >>> 2]
  }

  /** Words of the key of a row. */
  #keyWordsOf(row: number): number {
    return this.#keyWordsFor((this.file.words[row] & 0xffffff) - 1)
  }

  #keyWordsFor(payloadBytes: number): number {
    return this.rowWords === 0 ? 1 + ((payloadBytes + 3) >>> 2) : 3
  }

  /** Canonical. */
  #keyBytesOf(row: number): Uint8Array {
    const { words } = this.file
    const word = words[row]
    const length = word & 0xffffff
    const from = words.byteOffset + (row + 1) * 4
    const bytes = new Uint8Array(words.buffer.slice(from, from + length))
    bytes[length - 1] = word >>> 24
    return bytes
  }

  #readEntry(row: number, entry: number): void {
    const { u32 } = this.#slab
    const { words } = this.file
    const from = row + this.#keyWordsOf(row) + 1
    const to = (entry + this.table.valueOffset) >>> 2
    for (let index = 0; index < this.#valueWords; index++) u32[to + index] = words[from + index]!
    if (this.#tails === undefined) return
    const tail = this.#tailOf(row)
    this.#tails.load(entry, this.#reader.load(tail, 0, tail.length))
  }

  #tailOf(row: number): Uint8Array {
    if (this.#tails === undefined) return NO_BYTES
    const { words } = this.file
    const at = row + this.#keyWordsOf(row) + 1 + this.#valueWords
    return new Uint8Array(words.buffer, words.byteOffset + (at + 1) * 4, words[at])
  }

  /**
   * Address of u32[n] entries of the keys of n rows of the bucket in hand, 0 where there is none.
   *
   * @param into Where they are made if there are none; undefined: nowhere.
   */
  #entriesOf(begin: number, n: number, into: SegmentTable | undefined): number {
    const { file } = this
    const { words } = file
    let dataBytes = 0
    for (let index = begin; index < begin + n; index++) dataBytes += words[file.rowAt(index)] & 0xffffff
    // u32 out[n] | u32 offsets[n + 1] | the bytes
    const bytes = n * 8 + 4 + dataBytes + BUFFER_SLACK_BYTES
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) this.#slab.free(this.#scratch, this.#scratchBytes)
      this.#scratchBytes = bytes * 2
      this.#scratch = this.#slab.allocate(this.#scratchBytes)
    }
    const out = this.#scratch
    const offsets = out + n * 4
    const data = offsets + (n + 1) * 4
    const { u8, u32 } = this.#slab
    const source = new Uint8Array(words.buffer, words.byteOffset)
    let at = 0
    for (let index = 0; index < n; index++) {
      const row = file.rowAt(begin + index)
      const word = words[row]
      const payloadBytes = (word & 0xffffff) - 1
      u32[(offsets >>> 2) + index] = at
      const from = (row + 1) * 4
      for (let byte = 0; byte < payloadBytes; byte++) u8[data + at + byte] = source[from + byte]!
      at += payloadBytes
      u8[data + at++] = word >>> 24
    }
    u32[(offsets >>> 2) + n] = at
    const keys = this.#encoder.encodeCanonical(offsets, data, n)
    if (into === undefined) this.table.find(keys, out)
    else into.findOrInsert(keys, out)
    return out
  }
}
