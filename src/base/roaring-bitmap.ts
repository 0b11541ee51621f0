// Sets of 32-bit integers as Roaring bitmaps: chunks of 65,536 values each, few of them listed, many as bits. Read and written in RoaringBitmap's portable format.

/** Values of a chunk: sorted and at most {@link LISTED_MAX}, or, of more, a bit each. Never changed once it is part of a bitmap that others may hold. */
type Chunk = Uint16Array | Uint32Array

/** So many values of a chunk are listed at most: from there on bits are shorter. */
const LISTED_MAX = 4096
const CHUNK_BITS = 65_536
const CHUNK_WORDS = CHUNK_BITS / 32
const BITS_BYTES = CHUNK_BITS / 8
/** In the first word of bytes in which no chunk is written as runs; the count of chunks follows. */
const COOKIE_WITHOUT_RUNS = 12_346
/** In the lower half of the first word of others; the count of chunks, less one, is in the upper half. */
const COOKIE = 12_347
/** From so many chunks on there are offsets although there are runs. */
const OFFSETS_FROM = 4
/** A text that is longer ends before its next value. */
const TEXT_LENGTH_MAX = 0x80000

/** Bytes that are no bitmap. */
export class NotABitmapError extends RangeError {
  /** @param reason A clause, of the bytes. */
  constructor(reason: string) {
    super(`These bytes are no Roaring bitmap: ${reason}`)
  }
}

type Combine = (left: Chunk | undefined, right: Chunk | undefined) => Chunk | undefined

/** A set of 32-bit integers, which are ordered without their sign: -1 is the last one. */
export class RoaringBitmap {
  /** Upper halves of values, ascending. */
  readonly #keys: number[] = []
  readonly #chunks: Chunk[] = []

  /** @param values Integers of 32 bits, with or without a sign, in any order, more than once too. */
  static of(values: ArrayLike<number>): RoaringBitmap {
    const sorted = Uint32Array.from(values).sort()
    const bitmap = new RoaringBitmap()
    for (let start = 0; start < sorted.length;) {
      const key = sorted[start] >>> 16
      let end = start + 1
      while (end < sorted.length && sorted[end] >>> 16 === key) end++
      const lows = new Uint16Array(end - start)
      let count = 0
      for (let at = start; at < end; at++) if (at === start || sorted[at] !== sorted[at - 1]) lows[count++] = sorted[at] & 0xffff
      bitmap.#append(key, count <= LISTED_MAX ? lows.slice(0, count) : bitsOf(lows.subarray(0, count)))
      start = end
    }
    return bitmap
  }

  /** Reads what is at the start of `bytes`. @throws {NotABitmapError} */
  static fromBytes(bytes: Uint8Array): RoaringBitmap {
    const bitmap = new RoaringBitmap()
    const reader = new Reader(bytes)
    const cookie = reader.uint32()
    const hasRuns = (cookie & 0xffff) === COOKIE
    if (!hasRuns && cookie !== COOKIE_WITHOUT_RUNS) throw new NotABitmapError('they begin with no mark of one')
    const count = hasRuns ? (cookie >>> 16) + 1 : reader.uint32()
    if (count > CHUNK_BITS) throw new NotABitmapError(`there are no ${count} chunks`)
    const runs = hasRuns ? reader.take((count + 7) >> 3) : undefined
    const isRun = (index: number): boolean => runs !== undefined && ((runs[index >> 3] >> (index & 7)) & 1) === 1
    const headers = Array.from({ length: count }, () => ({ key: reader.uint16(), count: reader.uint16() + 1 }))
    if (!hasRuns || count >= OFFSETS_FROM) reader.take(4 * count)
    for (const [index, header] of headers.entries()) {
      if (index > 0 && header.key <= headers[index - 1].key) throw new NotABitmapError('their chunks are in no order')
      bitmap.#append(header.key, isRun(index) ? reader.runs() : header.count <= LISTED_MAX ? reader.list(header.count) : reader.bits())
    }
    return bitmap
  }

  #append(key: number, chunk: Chunk | undefined): void {
    if (chunk === undefined || chunk.length === 0) return
    this.#keys.push(key)
    this.#chunks.push(chunk)
  }

  /** How many values there are. */
  get cardinality(): number {
    return this.#chunks.reduce((sum, chunk) => sum + countOf(chunk), 0)
  }

  /** The values of both. */
  and(other: RoaringBitmap): RoaringBitmap {
    return this.#combined(other, (left, right) => (left === undefined || right === undefined ? undefined : fitted(left, right, (one, two) => one & two)))
  }

  /** The values of either. */
  or(other: RoaringBitmap): RoaringBitmap {
    return this.#combined(other, (left, right) => (left === undefined || right === undefined ? (left ?? right) : fitted(left, right, (one, two) => one | two)))
  }

  /** The values of one of both. */
  xor(other: RoaringBitmap): RoaringBitmap {
    return this.#combined(other, (left, right) => (left === undefined || right === undefined ? (left ?? right) : fitted(left, right, (one, two) => one ^ two)))
  }

  /** The values that the other one has not. */
  andNot(other: RoaringBitmap): RoaringBitmap {
    return this.#combined(other, (left, right) => (left === undefined || right === undefined ? left : fitted(left, right, (one, two) => one & ~two)))
  }

  #combined(other: RoaringBitmap, combine: Combine): RoaringBitmap {
    const bitmap = new RoaringBitmap()
    const [keys, others] = [this.#keys, other.#keys]
    let [at, beside] = [0, 0]
    while (at < keys.length || beside < others.length) {
      const key = Math.min(keys[at] ?? CHUNK_BITS, others[beside] ?? CHUNK_BITS)
      const left = keys[at] === key ? this.#chunks[at++] : undefined
      const right = others[beside] === key ? other.#chunks[beside++] : undefined
      bitmap.#append(key, combine(left, right))
    }
    return bitmap
  }

  /** The values with their signs, in order without these. */
  toArray(): Int32Array {
    const values = new Int32Array(this.cardinality)
    let at = 0
    for (const [index, chunk] of this.#chunks.entries()) {
      const base = this.#keys[index] << 16
      for (const low of listOf(chunk)) values[at++] = base | low
    }
    return values
  }

  /** As `{1,2,4294967295}`; a long text ends with `...}`. */
  toString(): string {
    let text = '{'
    for (const [index, chunk] of this.#chunks.entries()) {
      const base = this.#keys[index] * CHUNK_BITS
      for (const low of listOf(chunk)) {
        if (text.length > 1) text += ','
        if (text.length > TEXT_LENGTH_MAX) return `${text}...}`
        text += base + low
      }
    }
    return `${text}}`
  }

  /** Each chunk is written in the form that is shortest, so that equal sets have equal bytes. */
  toBytes(): Uint8Array {
    const count = this.#chunks.length
    const runCounts = this.#chunks.map(runCountOf)
    const isRun = this.#chunks.map((chunk, index) => runBytesOf(runCounts[index]) < (chunk instanceof Uint16Array ? 2 * chunk.length : BITS_BYTES))
    const hasRuns = isRun.includes(true)
    const sizes = this.#chunks.map((chunk, index) => (isRun[index] ? runBytesOf(runCounts[index]) : chunk.byteLength))
    const hasOffsets = !hasRuns || count >= OFFSETS_FROM
    const flagBytes = hasRuns ? 4 + ((count + 7) >> 3) : 8
    const headBytes = flagBytes + 4 * count + (hasOffsets ? 4 * count : 0)
    const writer = new Writer(sizes.reduce((sum, size) => sum + size, headBytes))
    if (hasRuns) {
      writer.uint32(COOKIE | ((count - 1) << 16))
      for (let first = 0; first < count; first += 8) writer.uint8(isRun.slice(first, first + 8).reduce((flags, flag, bit) => flags | (Number(flag) << bit), 0))
    } else {
      writer.uint32(COOKIE_WITHOUT_RUNS)
      writer.uint32(count)
    }
    for (const [index, chunk] of this.#chunks.entries()) {
      writer.uint16(this.#keys[index])
      writer.uint16(countOf(chunk) - 1)
    }
    let offset = headBytes
    if (hasOffsets)
      for (const size of sizes) {
        writer.uint32(offset)
        offset += size
      }
    for (const [index, chunk] of this.#chunks.entries()) {
      if (isRun[index]) writer.runs(chunk, runCounts[index])
      else if (chunk instanceof Uint16Array) for (const low of chunk) writer.uint16(low)
      else for (const word of chunk) writer.uint32(word)
    }
    return writer.bytes
  }
}

/** How many bytes so many runs take: their count, and of each its start and length. */
function runBytesOf(runs: number): number {
  return 2 + 4 * runs
}

function bitsOf(list: Uint16Array): Uint32Array {
  const words = new Uint32Array(CHUNK_WORDS)
  for (const low of list) words[low >>> 5] |= 1 << (low & 31)
  return words
}

function listOf(chunk: Chunk): Uint16Array {
  if (chunk instanceof Uint16Array) return chunk
  const list = new Uint16Array(countOf(chunk))
  let at = 0
  for (let word = 0; word < CHUNK_WORDS; word++)
    for (let bits = chunk[word]; bits !== 0; bits &= bits - 1) list[at++] = (word << 5) | (31 - Math.clz32(bits & -bits))
  return list
}

function countOf(chunk: Chunk): number {
  if (chunk instanceof Uint16Array) return chunk.length
  let count = 0
  for (const word of chunk) count += ones(word)
  return count
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/** How many stretches of neighbours there are. */
function runCountOf(chunk: Chunk): number {
  let runs = 0
  if (chunk instanceof Uint16Array) {
    for (let at = 0; at < chunk.length; at++) if (at === 0 || chunk[at] !== chunk[at - 1] + 1) runs++
    return runs
  }
  let last = 0
  for (const word of chunk) {
    // Ones that have no one before them.
    runs += ones(word & ~((word << 1) | last))
    last = word >>> 31
  }
  return runs
}

/** Bits combined word by word, in the form that their number asks for. */
function fitted(left: Chunk, right: Chunk, combine: (left: number, right: number) => number): Chunk {
  const [ours, theirs] = [left instanceof Uint16Array ? bitsOf(left) : left, right instanceof Uint16Array ? bitsOf(right) : right]
  const words = new Uint32Array(CHUNK_WORDS)
  for (let at = 0; at < CHUNK_WORDS; at++) words[at] = combine(ours[at], theirs[at])
  return ofBits(words)
}

function ofBits(words: Uint32Array): Chunk {
  return countOf(words) <= LISTED_MAX ? listOf(words) : words
}

/** Reads little-endian numbers. Nothing of what it returns is a view of the bytes. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** @throws {NotABitmapError} if there are fewer bytes. */
  take(count: number): Uint8Array {
    const start = this.#at
    if (start + count > this.#bytes.length) throw new NotABitmapError(`they end after ${this.#bytes.length}`)
    this.#at += count
    return this.#bytes.subarray(start, this.#at)
  }

  uint16(): number {
    this.take(2)
    return this.#view.getUint16(this.#at - 2, true)
  }

  uint32(): number {
    this.take(4)
    return this.#view.getUint32(this.#at - 4, true)
  }

  list(count: number): Chunk {
    const list = Uint16Array.from({ length: count }, () => this.uint16())
    for (let at = 1; at < count; at++) if (list[at] <= list[at - 1]) throw new NotABitmapError('their values are in no order')
    return list
  }

  bits(): Chunk {
    return ofBits(Uint32Array.from({ length: CHUNK_WORDS }, () => this.uint32()))
  }

  runs(): Chunk {
    const words = new Uint32Array(CHUNK_WORDS)
    for (let left = this.uint16(); left > 0; left--) {
      const start = this.uint16()
      const end = start + this.uint16()
      if (end >= CHUNK_BITS) throw new NotABitmapError('one of their runs ends behind its chunk')
      for (let low = start; low <= end; low++) words[low >>> 5] |= 1 << (low & 31)
    }
    return ofBits(words)
  }
}

/** Writes little-endian numbers. */
class Writer {
  readonly bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
    this.#view = new DataView(this.bytes.buffer)
  }

  uint8(value: number): void {
    this.#view.setUint8(this.#at++, value)
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#at, value, true)
    this.#at += 2
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  /** Of each run its start, and how many values follow that. */
  runs(chunk: Chunk, count: number): void {
    this.uint16(count)
    const list = listOf(chunk)
    for (let start = 0; start < list.length;) {
      let end = start
      while (end + 1 < list.length && list[end + 1] === list[end] + 1) end++
      this.uint16(list[start])
      this.uint16(end - start)
      start = end + 1
    }
  }
}
