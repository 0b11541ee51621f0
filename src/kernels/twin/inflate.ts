// DEFLATE (RFC 1951) in plain TypeScript: a whole stream at once, bit by bit, codes as maps. Slow and simple on purpose; the oracle of the kernel
// `inflate` in property tests.

import { InflateResult } from '../inflate.ts'

/** What a stream was found to be. */
export interface Inflated {
  readonly result: typeof InflateResult.STREAM_END | typeof InflateResult.DAMAGED
  /** Bytes up to its end or its damage, one that was begun among them. */
  readonly consumed: number
  /** What it gave until then. */
  readonly bytes: Uint8Array
}

/** Symbols by their codes. A code is a number: its bits, the first one highest, with a one in front of them. */
type Codes = ReadonlyMap<number, number>

const END_OF_BLOCK = 256
const CODE_BITS_MAX = 15
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const FIXED_LITERALS = codesOf(Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)))
const FIXED_DISTANCES = codesOf(Array.from({ length: 32 }, () => 5))

/** Says that a stream is damaged, or ends early. */
class Damage extends Error {}

/** Reads the stream that `compressed` begins with. */
export function inflateTwin(compressed: Uint8Array): Inflated {
  const reader = new BitReader(compressed)
  const out: number[] = []
  let result: Inflated['result'] = InflateResult.STREAM_END
  try {
    while (!readBlock(reader, out));
  } catch (error) {
    if (!(error instanceof Damage)) throw error
    result = InflateResult.DAMAGED
  }
  return { result, consumed: Math.ceil(reader.position / 8), bytes: Uint8Array.from(out) }
}

/** The lowest bit of each byte comes first. What cannot be read is not passed over. */
class BitReader {
  readonly #bytes: Uint8Array
  /** In bits. */
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  #peek(position: number): number {
    if (position >= this.#bytes.length * 8) throw new Damage('it ends early')
    return (this.#bytes[position >>> 3] >>> (position & 7)) & 1
  }

  /** A number, whose lowest bit comes first. */
  number(bits: number): number {
    let value = 0
    for (let bit = 0; bit < bits; bit++) value |= this.#peek(this.position + bit) << bit
    this.position += bits
    return value
  }

  /** A symbol by its code, whose highest bit comes first. */
  symbol(codes: Codes): number {
    let code = 1
    for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
      code = code * 2 + this.#peek(this.position + bits - 1)
      const symbol = codes.get(code)
      if (symbol === undefined) continue
      this.position += bits
      return symbol
    }
    throw new Damage('no symbol has this code')
  }

  skipToByte(): void {
    this.position = Math.ceil(this.position / 8) * 8
  }
}

/** Whether it was the last one. */
function readBlock(reader: BitReader, out: number[]): boolean {
  const isFinal = reader.number(1) === 1
  const kind = reader.number(2)
  if (kind === 0) readStored(reader, out)
  else if (kind === 1) readSymbols(reader, FIXED_LITERALS, FIXED_DISTANCES, out)
  else if (kind === 2) {
    const { literals, distances } = readCodes(reader)
    readSymbols(reader, literals, distances, out)
  } else throw new Damage('no block is of this kind')
  return isFinal
}

function readStored(reader: BitReader, out: number[]): void {
  reader.skipToByte()
  const length = reader.number(16)
  if (reader.number(16) !== 0xffff - length) throw new Damage('the length of a stored block is damaged')
  for (let index = 0; index < length; index++) out.push(reader.number(8))
}

function readCodes(reader: BitReader): { literals: Codes; distances: Codes } {
  const literalCount = reader.number(5) + 257
  const distanceCount = reader.number(5) + 1
  const codeLengthCount = reader.number(4) + 4
  if (literalCount > 286 || distanceCount > 30) throw new Damage('there are more codes than symbols')
  const codeLengths = Array.from({ length: 19 }, () => 0)
  for (const symbol of CODE_LENGTH_ORDER.slice(0, codeLengthCount)) codeLengths[symbol] = reader.number(3)
  const codes = codesOf(codeLengths)

  // The lengths of both alphabets stand in one run.
  const lengths: number[] = []
  while (lengths.length < literalCount + distanceCount) {
    const symbol = reader.symbol(codes)
    if (symbol < 16) lengths.push(symbol)
    else {
      if (symbol === 16 && lengths.length === 0) throw new Damage('there is nothing to repeat')
      const repeated = symbol === 16 ? lengths.at(-1)! : 0
      const times = symbol === 16 ? 3 + reader.number(2) : symbol === 17 ? 3 + reader.number(3) : 11 + reader.number(7)
      for (let index = 0; index < times; index++) lengths.push(repeated)
    }
  }
  if (lengths.length > literalCount + distanceCount) throw new Damage('a repetition is too long')
  if (lengths[END_OF_BLOCK] === 0) throw new Damage('the block has no end')
  return { literals: codesOf(lengths.slice(0, literalCount)), distances: codesOf(lengths.slice(literalCount)) }
}

/** Codes in the order of their lengths, those of one length in the order of their symbols. */
function codesOf(lengths: readonly number[]): Codes {
  const used = lengths.filter((length) => length > 0)
  // A code of n bits takes its share of all that could come: 1/2^n.
  const taken = used.reduce((sum, length) => sum + 2 ** -length, 0)
  const isAlone = used.length === 1 && used[0] === 1
  if (taken !== 1 && used.length > 0 && !isAlone) throw new Damage('the codes do not fit')
  const codes = new Map<number, number>()
  let next = 0
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    next *= 2
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === bits) codes.set(2 ** bits + next++, symbol)
  }
  return codes
}

/** Literals and matches until the end of the block. */
function readSymbols(reader: BitReader, literals: Codes, distances: Codes, out: number[]): void {
  for (;;) {
    const symbol = reader.symbol(literals)
    if (symbol === END_OF_BLOCK) return
    if (symbol < END_OF_BLOCK) out.push(symbol)
    else {
      if (symbol > 285) throw new Damage('no length has this symbol')
      const length = readLength(reader, symbol - 257)
      const distanceSymbol = reader.symbol(distances)
      if (distanceSymbol > 29) throw new Damage('no distance has this symbol')
      const distance = readDistance(reader, distanceSymbol)
      if (distance > out.length) throw new Damage('a match reaches before the beginning')
      for (let index = 0; index < length; index++) out.push(out[out.length - distance])
    }
  }
}

/** Lengths from 3 on: eight steps of 1, then four each of 2, 4, 8 and so on; the last one is 258 alone. */
function readLength(reader: BitReader, index: number): number {
  if (index === 28) return 258
  if (index < 8) return 3 + index
  const bits = (index >>> 2) - 1
  return 3 + ((4 + (index & 3)) << bits) + reader.number(bits)
}

/** Distances from 1 on: four steps of 1, then two each of 2, 4, 8 and so on. */
function readDistance(reader: BitReader, index: number): number {
  if (index < 4) return 1 + index
  const bits = (index >>> 1) - 1
  return 1 + ((2 + (index & 1)) << bits) + reader.number(bits)
}
