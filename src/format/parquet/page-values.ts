// The values of one decompressed Parquet page, in every encoding but dictionary codes, brought to one of two shapes: 32-bit words or byte
// strings within the page. Invariant: counts and lengths that a damaged file claims are compared with the bytes before memory is made or read.

import type { Encoding, SchemaElement } from 'hyparquet'
import { HybridDecoder } from './hybrid-decoder.ts'
import { PAGE_BYTES_MAX } from './parquet-library.ts'

/** Raw values of one leaf: words (INT32, INT64, FLOAT, DOUBLE, BOOLEAN as 0 or 1, INT96 as 3), or byte strings with their offsets. */
export interface RawValues {
  readonly count: number
  readonly words: Int32Array
  readonly bytes: Uint8Array
  /** Start of each byte string; its end is in `ends`. */
  readonly starts: Int32Array
  readonly ends: Int32Array
}

const NO_WORDS = new Int32Array(0)
export const NO_VALUES: RawValues = { count: 0, words: NO_WORDS, bytes: new Uint8Array(0), starts: NO_WORDS, ends: NO_WORDS }

/** Words of a raw value by physical type; 0 for byte strings. */
export function rawWordsOf(element: SchemaElement): number {
  switch (element.type) {
    case 'INT64':
    case 'DOUBLE':
      return 2
    case 'INT96':
      return 3
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return 0
    default:
      return 1
  }
}

/** Words that doubles may lie on: a buffer of its own, a multiple of eight bytes. */
export function laneArray(words: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer((words + (words & 1)) * 4), 0, words)
}

/**
 * Reads `count` values from `page[at..]`.
 *
 * @throws {RangeError} If the page ends before, contradicts itself, or is of an encoding that the type does not have.
 */
export function parseValues(element: SchemaElement, encoding: Encoding, page: Uint8Array, at: number, count: number): RawValues {
  if (count === 0) return NO_VALUES
  switch (encoding) {
    case 'PLAIN':
      return parsePlain(element, page, at, count)
    case 'RLE':
      if (element.type === 'BOOLEAN') return parseBooleanRuns(page, at, count)
      break
    case 'DELTA_BINARY_PACKED':
      if (element.type === 'INT32' || element.type === 'INT64') return { ...NO_VALUES, count, words: unpackDeltas(page, at, count, rawWordsOf(element)).words }
      break
    case 'DELTA_LENGTH_BYTE_ARRAY':
      if (element.type === 'BYTE_ARRAY') return parseDeltaLengths(page, at, count)
      break
    case 'DELTA_BYTE_ARRAY':
      if (rawWordsOf(element) === 0) return parseDeltaStrings(page, at, count)
      break
    case 'BYTE_STREAM_SPLIT':
      if (element.type !== 'BYTE_ARRAY' && element.type !== 'BOOLEAN' && element.type !== 'INT96') return parseByteStreams(element, page, at, count)
      break
    default:
  }
  throw new RangeError(`a page of ${element.type} values is encoded as ${encoding}`)
}

function parsePlain(element: SchemaElement, page: Uint8Array, at: number, count: number): RawValues {
  const words = rawWordsOf(element)
  if (count > (page.length - at) * 8) outOfBytes()
  if (element.type === 'BOOLEAN') {
    const bits = new Int32Array(count)
    for (let index = 0; index < count; index++) bits[index] = (page[at + (index >>> 3)] >>> (index & 7)) & 1
    return { ...NO_VALUES, count, words: bits }
  }
  if (words > 0) {
    const length = count * words * 4
    if (at + length > page.length) outOfBytes()
    const values = laneArray(count * words)
    new Uint8Array(values.buffer).set(page.subarray(at, at + length))
    return { ...NO_VALUES, count, words: values }
  }
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  const fixed = element.type === 'FIXED_LEN_BYTE_ARRAY' ? (element.type_length ?? 0) : -1
  let from = at
  for (let index = 0; index < count; index++) {
    let length = fixed
    if (fixed < 0) {
      if (from + 4 > page.length) outOfBytes()
      length = readInt32(page, from)
      from += 4
    }
    if (length < 0 || from + length > page.length) outOfBytes()
    starts[index] = from
    from += length
    ends[index] = from
  }
  return { count, words: NO_WORDS, bytes: page, starts, ends }
}

/** Booleans as runs, behind their length in four bytes. */
function parseBooleanRuns(page: Uint8Array, at: number, count: number): RawValues {
  const decoder = new HybridDecoder()
  decoder.reset(page, at + 4, page.length, 1)
  const words = new Int32Array(count)
  decoder.read(words, 0, count)
  return { ...NO_VALUES, count, words }
}

function parseDeltaLengths(page: Uint8Array, at: number, count: number): RawValues {
  const { words: ends, end } = unpackDeltas(page, at, count, 1)
  const starts = new Int32Array(count)
  let from = end
  for (let index = 0; index < count; index++) {
    const length = ends[index]
    if (length < 0 || from + length > page.length) outOfBytes()
    starts[index] = from
    from += length
    ends[index] = from
  }
  return { count, words: NO_WORDS, bytes: page, starts, ends }
}

/** Each string repeats a prefix of the one before. */
function parseDeltaStrings(page: Uint8Array, at: number, count: number): RawValues {
  const { words: prefixes, end } = unpackDeltas(page, at, count, 1)
  const suffixes = parseDeltaLengths(page, end, count)
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  let total = 0
  for (let index = 0; index < count; index++) {
    const prefix = prefixes[index]
    const before = index === 0 ? 0 : ends[index - 1] - starts[index - 1]
    if (prefix < 0 || prefix > before) throw new RangeError('a string repeats more than the one before has')
    starts[index] = total
    total += prefix + suffixes.ends[index] - suffixes.starts[index]
    if (total > PAGE_BYTES_MAX) throw new RangeError(`the strings of a page have more than ${PAGE_BYTES_MAX} bytes`)
    ends[index] = total
  }
  const bytes = new Uint8Array(total)
  for (let index = 0; index < count; index++) {
    const start = starts[index]
    const prefix = prefixes[index]
    if (prefix > 0) bytes.copyWithin(start, starts[index - 1], starts[index - 1] + prefix)
    bytes.set(page.subarray(suffixes.starts[index], suffixes.ends[index]), start + prefix)
  }
  return { count, words: NO_WORDS, bytes, starts, ends }
}

/** First bytes of all values, then second bytes, and so on. */
function parseByteStreams(element: SchemaElement, page: Uint8Array, at: number, count: number): RawValues {
  const words = rawWordsOf(element)
  const width = words > 0 ? words * 4 : (element.type_length ?? 0)
  if (width <= 0 || at + count * width > page.length) outOfBytes()
  const values = words > 0 ? laneArray(count * words) : NO_WORDS
  const bytes = words > 0 ? new Uint8Array(values.buffer) : new Uint8Array(count * width)
  for (let stream = 0; stream < width; stream++) {
    const from = at + stream * count
    for (let index = 0; index < count; index++) bytes[index * width + stream] = page[from + index]!
  }
  if (words > 0) return { ...NO_VALUES, count, words: values }
  const starts = Int32Array.from({ length: count }, (_, index) => index * width)
  return { count, words: NO_WORDS, bytes, starts, ends: starts.map((start) => start + width) }
}

/** Blocks of miniblocks of bit-packed differences. The sums wrap, as the format wants. `end` is the first byte behind. */
function unpackDeltas(page: Uint8Array, start: number, count: number, words: number): { words: Int32Array; end: number } {
  let at = start
  const readVarInt = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= page.length) outOfBytes()
      const byte = page[at++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 128) return value
    }
    throw new RangeError('a number of more than 64 bits')
  }
  const readZigZag = (): bigint => {
    const value = readVarInt()
    return (value >> 1n) ^ -(value & 1n)
  }
  const blockValues = Number(readVarInt())
  const miniblocks = Number(readVarInt())
  const total = Number(readVarInt())
  const perMiniblock = blockValues / miniblocks
  if (total !== count) throw new RangeError(`a page announces ${count} values and has ${total}`)
  if (!(Number.isInteger(perMiniblock) && perMiniblock > 0 && perMiniblock <= PAGE_BYTES_MAX)) throw new RangeError('a block of differences is divided wrongly')
  const first = readZigZag()
  const values = laneArray(count * words)
  let low = Number(BigInt.asIntN(32, first))
  let high = Number(BigInt.asIntN(32, first >> 32n))
  values[0] = low
  if (words === 2) values[1] = high
  let done = 1
  while (done < count) {
    const least = readZigZag()
    const leastLow = Number(BigInt.asUintN(32, least))
    const leastHigh = Number(BigInt.asIntN(32, least >> 32n))
    const widths = at
    at += miniblocks
    for (let miniblock = 0; miniblock < miniblocks && done < count; miniblock++) {
      if (widths + miniblock >= page.length) outOfBytes()
      const width = page[widths + miniblock]
      if (width > 64) throw new RangeError(`differences of ${width} bits`)
      let bit = at * 8
      // The last miniblock may be cut short; its values are not.
      const end = Math.min(count, done + perMiniblock)
      if (bit + (end - done) * width > page.length * 8) outOfBytes()
      for (; done < end; done++, bit += width) {
        const deltaLow = readBits(page, bit, Math.min(width, 32))
        const deltaHigh = width > 32 ? readBits(page, bit + 32, width - 32) : 0
        const sum = (low >>> 0) + leastLow + deltaLow
        low = sum | 0
        high = (high + leastHigh + deltaHigh + Math.floor(sum / 4294967296)) | 0
        values[done * words] = low
        if (words === 2) values[done * 2 + 1] = high
      }
      at += (perMiniblock / 8) * width
    }
  }
  return { words: values, end: Math.min(at, page.length) }
}

/** Up to 32 bits from a bit position on, as an unsigned number. */
function readBits(bytes: Uint8Array, bit: number, width: number): number {
  let value = 0
  let scale = 1
  let left = width
  // Positions reach past 2^31, so no shifts here.
  let byte = Math.floor(bit / 8)
  let offset = bit - byte * 8
  while (left > 0) {
    const take = Math.min(8 - offset, left)
    value += ((bytes[byte] >>> offset) & ((1 << take) - 1)) * scale
    scale *= 1 << take
    left -= take
    offset = 0
    byte++
  }
  return value
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}

function outOfBytes(): never {
  throw new RangeError('a page ends within its values')
}
