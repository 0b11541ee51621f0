// Entries outside of memory: a hash file in LMDB whose buckets grow one by one (linear hashing), so that a flush writes a value for many entries and
// nothing ever stops to be rehashed. Runs on the worker's thread. Everything is u32 words, so that rows are copied by plain loops.
//
// An entry has a position: where it stands among all, 0 to 2^32 - 1. The leading bits of positions make buckets: `level` bits behind the pointer
// `split`, one bit more before it. A bucket's key is the first position in it; entries lie in the order of their positions, so a bucket is split by
// cutting it in two, and buckets follow each other as entries do.
//
// Rows of one width are packed: a column, which is the words at one place of the rows, is kept once if all rows of the bucket have the same there. The
// upper halves of keys and counts mostly do, and what says which states there are. A bucket that is written again keeps its columns; one that a row
// does not fit gets another, and the halves of a split one have only those that they need.
//
//   bucket   u32 entries | u32 word of the first row | u32 words of a row, 0 = they differ | u32 columns that differ, by their bits
//            | a whole row, of which the other columns count, only if rows have one width | positions[entries]
//            | ends of rows[entries], from the first row on, only if they differ | rows, packed if they have one width

import { assert } from '../base/assert.ts'
import type { LmdbDatabase, LmdbEnvironment } from './lmdb-environment.ts'

const HEADER = 4
const ROWS_AT = 1
const ROW_WORDS = 2
const COLUMNS = 3
/** Columns behind these always differ. */
const COLUMNS_MAX = 32
/** So many words a bucket has on the average: one page, of which it fills more than half and less than all. */
const BUCKET_WORDS = 1000
const LEVEL_MAX = 30
/** What is staged is committed beyond this. */
const STAGE_WORDS = 1 << 20

/** Which columns of the rows of one bucket differ, and what the others are. */
class RowShape {
  rowWords = 0
  /** The columns that differ, by their bits. */
  columns = 0
  /** A whole row. */
  row: Uint32Array = new Uint32Array(COLUMNS_MAX)
  /** The columns that differ, and those that do not. */
  different: Uint32Array = new Uint32Array(COLUMNS_MAX)
  same: Uint32Array = new Uint32Array(COLUMNS_MAX)
  differentCount = 0
  sameCount = 0

  /** Takes the columns, and the row from this word on. */
  set(rowWords: number, columns: number, words: Uint32Array, at: number): void {
    if (rowWords !== this.rowWords || columns !== this.columns) this.#arrange(rowWords, columns)
    const { row } = this
    for (let column = 0; column < rowWords; column++) row[column] = words[at + column]!
  }

  /** The columns of another one, and those in which a row differs from it. */
  columnsWith(words: Uint32Array, at: number): number {
    const { same, sameCount, row } = this
    let { columns } = this
    for (let index = 0; index < sameCount; index++) {
      const column = same[index]
      if (words[at + column] !== row[column]) columns |= 1 << column
    }
    return columns >>> 0
  }

  #arrange(rowWords: number, columns: number): void {
    this.rowWords = rowWords
    this.columns = columns
    if (rowWords > this.row.length) {
      this.row = new Uint32Array(rowWords)
      this.different = new Uint32Array(rowWords)
      this.same = new Uint32Array(rowWords)
    }
    this.differentCount = this.sameCount = 0
    for (let column = 0; column < rowWords; column++) {
      if (column >= COLUMNS_MAX || ((columns >>> column) & 1) !== 0) this.different[this.differentCount++] = column
      else this.same[this.sameCount++] = column
    }
  }
}

/** What is done with the entries of a file; see {@link BucketFile}. */
export class BucketFile {
  readonly #environment: LmdbEnvironment
  /** Opened when something is written first. */
  #database: LmdbDatabase | undefined
  /** The part of all positions that are in use: key groups may be fewer than their bits could name. */
  readonly #usedShare: number
  readonly #databasesForOthers: number
  /** What is written is noted as a change of this epoch. */
  epoch = 0
  #level = 0
  #split = 0
  /** Epoch of the last change, for each half of the buckets that are not split yet, and each of the others. */
  #changes = new Uint32Array(2)
  #entryCount = 0
  #wordCount = 0
  // The bucket in hand.
  #words: Uint32Array = new Uint32Array(0)
  #count = 0
  #positionsAt = 0
  #rowsAt = 0
  #rowWords = 0
  /** Words from one row to the next, if they have one width. */
  #stride = 0
  /** Whether rows are packed: then {@link words} are those of one row. */
  #isPacked = false
  readonly #shape = new RowShape()
  /** Number of the row that was unpacked, -1: none. */
  #unpacked = -1
  // What the package gave last, and its words.
  #bytes: Uint8Array | undefined
  #bytesWords = this.#words
  // What waits for the next commit: buckets side by side, their keys and ends.
  #stage = new Uint32Array(STAGE_WORDS + (STAGE_WORDS >>> 2))
  #stageAt = 0
  readonly #stagedKeys: number[] = []
  readonly #stagedEnds: number[] = []
  #stagedEntries = 0
  #stagedWords = 0
  // The bucket being written.
  readonly #begunShape = new RowShape()
  /** Whether it has the shape of the bucket in hand. */
  #isAlike = false
  #begunRowWords = 0
  #begunPositions = 0
  /** Where a whole row is that will be packed. */
  #row = 0
  #begun = 0
  #begunCount = 0
  #begunRows = 0
  #begunMax = 0
  #patched = -1

  /** @param databasesForOthers So many databases must be left behind its own. */
  constructor(environment: LmdbEnvironment, usedShare: number, databasesForOthers: number = 0) {
    this.#environment = environment
    this.#usedShare = usedShare
    this.#databasesForOthers = databasesForOthers
  }

  /** Whether something can be written: not if there are too many files. */
  get isWritable(): boolean {
    return this.#database !== undefined || this.#environment.databasesLeft > this.#databasesForOthers
  }

  get entryCount(): number {
    return this.#entryCount
  }

  /** Entries of the bucket in hand. */
  get count(): number {
    return this.#count
  }

  /** The bucket of a position. */
  bucketOf(position: number): number {
    const level = this.#level
    if (level === 0 && this.#split === 0) return 0
    const index = level === 0 ? 0 : position >>> (32 - level)
    const bits = index < this.#split ? level + 1 : level
    return bits === 0 ? 0 : ((position >>> (32 - bits)) << (32 - bits)) >>> 0
  }

  /** The bucket behind another one; 2^32 behind the last. */
  bucketBehind(bucket: number): number {
    const bits = this.#level + (this.#level === 0 ? (this.#split > 0 ? 1 : 0) : bucket >>> (32 - this.#level) < this.#split ? 1 : 0)
    return bucket + 2 ** (32 - bits)
  }

  /** Takes a bucket in hand. Only within a reading transaction. Returns how many entries it has. */
  read(bucket: number): number {
    const bytes = this.#database?.get(bucket)
    this.#count = 0
    if (bytes === undefined) return 0
    // It is the package's buffer for values nearly always.
    if (bytes !== this.#bytes) {
      const isAligned = (bytes.byteOffset & 3) === 0
      this.#bytesWords = isAligned ? new Uint32Array(bytes.buffer, bytes.byteOffset) : new Uint32Array(Uint8Array.prototype.slice.call(bytes).buffer)
      this.#bytes = isAligned ? bytes : undefined
    }
    const words = (this.#words = this.#bytesWords)
    const rowWords = words[ROW_WORDS]
    this.#count = words[0]
    this.#rowsAt = words[ROWS_AT]
    this.#rowWords = rowWords
    this.#positionsAt = HEADER + rowWords
    this.#isPacked = rowWords !== 0
    if (this.#isPacked) {
      this.#shape.set(rowWords, words[COLUMNS], words, HEADER)
      this.#stride = this.#shape.differentCount
      this.#unpacked = -1
    }
    return this.#count
  }

  /** The words of the bucket in hand. Good until the next {@link read}, and the next {@link rowAt} unless it was kept. */
  get words(): Uint32Array {
    return this.#isPacked ? this.#shape.row : this.#words
  }

  /** A copy of the bucket in hand becomes the bucket in hand, which the next read of anything leaves alone. Its rows are not packed. */
  keep(): void {
    const count = this.#count
    const rowWords = this.#rowWords
    if (!this.#isPacked) {
      this.#words = this.#words.slice(0, this.wordCount)
      return
    }
    const words = new Uint32Array(count * (1 + rowWords))
    for (let index = 0; index < count; index++) {
      words[index] = this.positionOf(index)
      this.rowAt(index)
      for (let column = 0; column < rowWords; column++) words[count + index * rowWords + column] = this.#shape.row[column]!
    }
    this.#words = words
    this.#positionsAt = 0
    this.#rowsAt = count
    this.#stride = rowWords
    this.#isPacked = false
  }

  positionOf(index: number): number {
    return this.#words[this.#positionsAt + index]
  }

  /** Word of the first of a row of the bucket in hand. */
  rowAt(index: number): number {
    if (this.#isPacked) {
      if (index !== this.#unpacked) this.#unpack(index)
      return 0
    }
    if (this.#rowWords !== 0) return this.#rowsAt + index * this.#stride
    return this.#rowsAt + (index === 0 ? 0 : this.#words[HEADER + this.#count + index - 1])
  }

  rowEnd(index: number): number {
    if (this.#rowWords !== 0) return this.rowAt(index) + this.#rowWords
    return this.#rowsAt + this.#words[HEADER + this.#count + index]
  }

  #unpack(index: number): void {
    const { row, different, differentCount } = this.#shape
    const words = this.#words
    const at = this.#rowsAt + index * differentCount
    for (let place = 0; place < differentCount; place++) row[different[place]] = words[at + place]!
    this.#unpacked = index
  }

  /** Whether rows of the bucket in hand differ in length. */
  get hasVariableRows(): boolean {
    return this.#rowWords === 0
  }

  /** The first entry of the bucket in hand at or behind a position; the count if there is none. */
  lowerBound(position: number): number {
    const words = this.#words
    const first = this.#positionsAt
    const end = first + this.#count
    if (first === end || words[first] >= position) return 0
    if (words[end - 1] < position) return this.#count
    // Hashes are spread evenly: it is a few entries from where it should be.
    let at = first + Math.floor(((position - words[first]) / (words[end - 1] - words[first])) * (this.#count - 1))
    while (words[at] < position) at++
    while (words[at - 1] >= position) at--
    return at - first
  }

  /** Begins a file of about so many words in all. Only while it is empty. */
  expect(words: number): void {
    if (this.#entryCount > 0 || this.#level > 0 || this.#split > 0) return
    this.#setLevel(Math.min(LEVEL_MAX, Math.max(0, Math.ceil(Math.log2(words / (BUCKET_WORDS * this.#usedShare))))))
  }

  #setLevel(level: number): void {
    const old = this.#changes
    const bits = level - this.#level
    const changes = new Uint32Array(2 ** (level + 1))
    for (let index = 0; index < changes.length; index++) changes[index] = old[index >>> bits]!
    this.#changes = changes
    this.#level = level
  }

  /**
   * Begins to write a bucket anew.
   *
   * @param entriesMax How many entries it may have.
   * @param rowWords Words of each row, 0 = they differ.
   * @param keepsShape Whether it has at least the columns of the bucket in hand.
   */
  beginBucket(entriesMax: number, rowWords: number, keepsShape: boolean): void {
    this.#begun = this.#stageAt
    this.#begunCount = 0
    this.#begunMax = entriesMax
    this.#begunRowWords = rowWords
    this.#begunPositions = this.#begun + HEADER + rowWords
    this.#begunRows = this.#begunPositions + entriesMax * (rowWords === 0 ? 2 : 1)
    this.#reserve(this.#begunRows)
    this.#isAlike = keepsShape && rowWords !== 0 && this.#count > 0 && this.#rowWords === rowWords
    if (this.#isAlike) this.#begunShape.set(rowWords, this.#shape.columns, this.#words, HEADER)
    this.#stageAt = this.#begunRows
  }

  /** Words of each row of the bucket in hand; 0: they differ. */
  get rowWords(): number {
    return this.#rowWords
  }

  /** Begins to write the bucket in hand anew as it is, but for rows that {@link patchRow} names. Only if its rows have one width. */
  beginPatch(): void {
    const words = this.wordCount
    this.#reserve(this.#stageAt + words)
    this.#stage.set(this.#words.subarray(0, words), this.#stageAt)
    this.#begun = this.#stageAt
    this.#begunCount = this.#begunMax = this.#count
    this.#begunRowWords = this.#rowWords
    this.#begunRows = this.#begun + this.#rowsAt
    this.#begunShape.set(this.#rowWords, this.#shape.columns, this.#words, HEADER)
    this.#stageAt += words
  }

  /** Has the next row that is begun take the place of one of the bucket in hand. */
  patchRow(index: number): void {
    this.#patched = index
  }

  /** Whether the row that {@link patchRow} has named was not written, or did not fit. */
  get isPatching(): boolean {
    return this.#patched >= 0
  }

  /** Begins a row of up to `wordsMax` words, behind those of lower positions. Returns where in {@link stage} it begins. */
  beginRow(position: number, wordsMax: number): number {
    const rowWords = this.#begunRowWords
    if (rowWords === 0) {
      this.#reserve(this.#stageAt + wordsMax)
      this.#stage[this.#begunPositions + this.#begunCount] = position
      return this.#stageAt
    }
    // A whole row, at the other end, until it is packed.
    this.#reserve(this.#stageAt + 2 * rowWords)
    if (this.#patched < 0) this.#stage[this.#begunPositions + this.#begunCount] = position
    return (this.#row = this.#stage.length - rowWords)
  }

  get stage(): Uint32Array {
    return this.#stage
  }

  /** Ends the row at this word of {@link stage}. */
  endRow(end: number): void {
    if (this.#begunRowWords !== 0) {
      this.#packRow(this.#stage, this.#row)
      return
    }
    this.#stage[this.#begun + HEADER + this.#begunMax + this.#begunCount] = end - this.#begunRows
    this.#begunCount++
    this.#stageAt = end
  }

  /** Puts a whole row, which lies at a word of `source`, into its place. */
  #packRow(source: Uint32Array, from: number): void {
    const shape = this.#begunShape
    if (this.#begunCount === 0 && !this.#isAlike) shape.set(this.#begunRowWords, 0, source, from)
    const columns = shape.columnsWith(source, from)
    if (columns !== shape.columns) {
      // A bucket that is patched stays as wide as it is.
      if (this.#patched >= 0) return
      this.#widen(columns)
    }
    const { different, differentCount } = shape
    const stage = this.#stage
    let at = this.#stageAt
    if (this.#patched >= 0) at = this.#begunRows + this.#patched * differentCount
    else {
      this.#begunCount++
      this.#stageAt += differentCount
    }
    for (let place = 0; place < differentCount; place++) stage[at + place] = source[from + different[place]]!
    this.#patched = -1
  }

  /** Gives the rows that have been written more columns. */
  #widen(columns: number): void {
    const shape = this.#begunShape
    const count = this.#begunCount
    const oldColumns = shape.columns
    const oldStride = shape.differentCount
    shape.set(shape.rowWords, columns, shape.row, 0)
    const { row, different, differentCount: stride } = shape
    this.#reserve(this.#begunRows + (count + 1) * stride + shape.rowWords)
    const stage = this.#stage
    // From behind: nothing is written where something is still to be read.
    for (let index = count - 1; index >= 0; index--) {
      let from = this.#begunRows + (index + 1) * oldStride
      for (let place = stride - 1; place >= 0; place--) {
        const column = different[place]
        const isOld = column >= COLUMNS_MAX || ((oldColumns >>> column) & 1) !== 0
        stage[this.#begunRows + index * stride + place] = isOld ? stage[--from] : row[column]
      }
    }
    this.#stageAt = this.#begunRows + count * stride
    this.#isAlike = false
  }

  /** Writes rows from..to-1 of the bucket in hand as they are. */
  copyRows(from: number, to: number): void {
    if (from >= to) return
    if (this.#begunRowWords === 0) {
      for (let index = from; index < to; index++) this.#copyRow(index)
      return
    }
    const words = this.#words
    const stride = this.#stride
    const count = (to - from) * stride
    this.#reserve(this.#stageAt + count)
    let { stage } = this
    if (!this.#isAlike) {
      for (let index = from; index < to; index++) {
        stage[this.#begunPositions + this.#begunCount] = this.positionOf(index)
        this.rowAt(index)
        this.#reserve(this.#stageAt + this.#rowWords)
        this.#packRow(this.#shape.row, 0)
        stage = this.#stage
      }
      return
    }
    let at = this.#begunPositions + this.#begunCount
    for (let word = this.#positionsAt + from, end = word + to - from; word < end; word++) stage[at++] = words[word]!
    at = this.#stageAt
    for (let word = this.#rowsAt + from * stride, end = word + count; word < end; word++) stage[at++] = words[word]!
    this.#stageAt = at
    this.#begunCount += to - from
  }

  #copyRow(index: number): void {
    const from = this.rowAt(index)
    const end = this.rowEnd(index)
    let at = this.beginRow(this.positionOf(index), end - from + 1)
    const { stage, words } = this
    for (let word = from; word < end; word++) stage[at++] = words[word]!
    // A row of fixed width among others: nothing lies behind what all rows have.
    if (this.#rowWords !== 0) stage[at++] = 0
    this.endRow(at)
  }

  /**
   * Ends the bucket, which takes the place of what is stored of it.
   *
   * @param oldEntries How many entries it had, of how many words in all.
   */
  endBucket(bucket: number, oldEntries: number, oldWords: number): void {
    const stage = this.#stage
    const count = this.#begunCount
    if (count === 0) this.#stageAt = this.#begun
    else {
      const rowWords = this.#begunRowWords
      stage[this.#begun] = count
      stage[this.#begun + ROWS_AT] = this.#begunRows - this.#begun
      stage[this.#begun + ROW_WORDS] = rowWords
      stage[this.#begun + COLUMNS] = rowWords === 0 ? 0 : this.#begunShape.columns
      for (let column = 0; column < rowWords; column++) stage[this.#begun + HEADER + column] = this.#begunShape.row[column]!
      // Ends stand behind the positions, of which there may be fewer than was thought.
      const gap = this.#begunMax - count
      if (rowWords === 0 && gap > 0) {
        const from = this.#begun + HEADER + this.#begunMax
        for (let index = 0; index < count; index++) stage[from - gap + index] = stage[from + index]!
      }
    }
    this.#stagedKeys.push(bucket)
    this.#stagedEnds.push(this.#stageAt)
    this.#stagedEntries += count - oldEntries
    this.#stagedWords += this.#stageAt - this.#begun - oldWords
  }

  /** Drops the bucket that was begun. */
  dropBucket(): void {
    this.#patched = -1
    this.#stageAt = this.#begun
  }

  /** Words of the bucket in hand. */
  get wordCount(): number {
    if (this.#count === 0) return 0
    return this.#rowWords === 0 ? this.rowEnd(this.#count - 1) : this.#rowsAt + this.#count * this.#stride
  }

  /** Whether so much is staged that it should be committed. */
  get isStageFull(): boolean {
    return this.#stageAt > STAGE_WORDS
  }

  /**
   * Writes what is staged.
   *
   * @param more Puts into other databases what belongs to it, under the same rules.
   */
  commit(more: () => void): void {
    const keys = this.#stagedKeys
    const ends = this.#stagedEnds
    const bytes = new Uint8Array(this.#stage.buffer)
    const database = (this.#database ??= this.#environment.openDatabase())
    for (const key of keys) this.#noteChange(key)
    this.#environment.commit(() => {
      let start = 0
      for (let index = 0; index < keys.length; index++) {
        const end = ends[index]
        if (end === start) database.remove(keys[index])
        else database.put(keys[index], bytes.subarray(start * 4, end * 4))
        start = end
      }
      more()
    })
    this.#entryCount += this.#stagedEntries
    this.#wordCount += this.#stagedWords
    keys.length = ends.length = this.#stageAt = this.#stagedEntries = this.#stagedWords = 0
  }

  /** Splits buckets until they have their size again. Nothing may be staged. */
  splitFull(): void {
    assert(this.#stagedKeys.length === 0, 'buckets are split before others are committed')
    while (this.#isFull()) {
      this.#environment.beginRead()
      try {
        // Within one level, so that no bucket is read that is still staged.
        const { length } = { length: 2 ** this.#level }
        while (this.#split < length && !this.isStageFull && this.#isFull()) this.#splitNext()
      } finally {
        this.#environment.endRead()
      }
      this.commit(nothing)
      if (this.#split === 2 ** this.#level) {
        this.#setLevel(this.#level + 1)
        this.#split = 0
      }
    }
  }

  /** The least epoch in which something was written to a bucket last: its entries are no newer than that. */
  changeOf(bucket: number): number {
    return this.#changes[bucket >>> (31 - this.#level)]
  }

  /** Removes everything. */
  clear(): void {
    if (this.#entryCount > 0) this.#database!.clear()
    this.#level = this.#split = this.#entryCount = this.#wordCount = 0
    this.#changes = new Uint32Array(2)
  }

  close(): void {
    this.#database?.close()
  }

  #noteChange(bucket: number): void {
    const first = bucket >>> (31 - this.#level)
    const end = first + (this.bucketBehind(bucket) - bucket) / 2 ** (31 - this.#level)
    this.#changes.fill(this.epoch, first, end)
  }

  #isFull(): boolean {
    return this.#level < LEVEL_MAX && this.#wordCount + this.#stagedWords > BUCKET_WORDS * this.#usedShare * (2 ** this.#level + this.#split)
  }

  #splitNext(): void {
    const level = this.#level
    const low = level === 0 ? 0 : (this.#split << (32 - level)) >>> 0
    const high = low + 2 ** (31 - level)
    const count = this.read(low)
    const cut = this.lowerBound(high)
    if (cut < count) {
      const { wordCount } = this
      this.#stageRows(0, cut)
      this.endBucket(low, count, wordCount)
      this.#stageRows(cut, count)
      this.endBucket(high, 0, 0)
    }
    this.#split++
  }

  #stageRows(from: number, to: number): void {
    this.beginBucket(to - from, this.#rowWords, false)
    this.copyRows(from, to)
  }

  #reserve(words: number): void {
    if (words <= this.#stage.length) return
    const larger = new Uint32Array(words + (words >>> 1))
    larger.set(this.#stage)
    this.#stage = larger
  }
}

function nothing(): void {}
