// DEFLATE (RFC 1951) in steps: takes input and gives output piece by piece, without an event loop. The state lies in the slab; the output
// goes to a buffer that keeps the last 32 KiB before it, where matches copy from. Invariant: nothing is read outside of the input, nothing
// written behind the end of the output, and no match reaches before the output's first byte, whatever the input holds.
//
//   state    header (64 bytes, below) | lengths u8[320] | counts, symbols and quick tables for literals, then for distances

export const INFLATE_PHASE: usize = 0
export const INFLATE_FINAL: usize = 4
export const INFLATE_BITS: usize = 8
export const INFLATE_BIT_COUNT: usize = 16
/** Bytes left of a stored block. */
export const INFLATE_STORED: usize = 20
/** Where the call stopped reading and writing. */
export const INFLATE_INPUT: usize = 24
export const INFLATE_OUTPUT: usize = 28

const LENGTHS: usize = 64
const LITERALS: usize = 64 + 320
/** u16 counts[16], u16 symbols[288], u16 quick[1024]. */
const TREE_SYMBOLS: usize = 32
const TREE_QUICK: usize = 32 + 576
const TREE_BYTES: usize = 32 + 576 + 2048
const DISTANCES: usize = LITERALS + TREE_BYTES
const QUICK_BITS: u32 = 10

const PHASE_HEADER: u32 = 0
const PHASE_STORED: u32 = 1
const PHASE_CODES: u32 = 2
const PHASE_END: u32 = 3

/** Every output byte that the input allows has been made. */
const NEED_INPUT: u32 = 0
const OUTPUT_FULL: u32 = 1
const STREAM_END: u32 = 2
const DAMAGED: u32 = 3

/** A block's header is parsed in one go: no header is longer. */
const HEADER_BYTES_MAX: usize = 640
/** A literal, or a length with its distance: 48 bits at most. */
const SYMBOL_BYTES_MAX: usize = 8
const MATCH_MAX: usize = 258

/** Base and extra bits of lengths 257..285 and distances 0..29. */
const LENGTH_BASE: usize = memory.data<u16>([3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258])
const LENGTH_EXTRA: usize = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0])
const DISTANCE_BASE: usize = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
])
const DISTANCE_EXTRA: usize = memory.data<u8>([0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13])
const CODE_ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])

// The bit reader of the call at hand.
let bits: u64 = 0
let bitCount: u32 = 0
let at: usize = 0
let inputEnd: usize = 0
/** More bits were taken than there are. */
let overrun: bool = false

/**
 * Goes on with a stream. Reads [input, end) and writes [output, outputEnd), where [window, output) holds what was written before (up to
 * 32 KiB matter). `last`: no more input will come. Returns 0: more input is needed (what is not consumed must be given again), 1: the output
 * is full (at least 258 bytes must be free), 2: the stream has ended, 3: it is damaged. The state says how far it came.
 */
export function inflate(state: usize, input: usize, end: usize, window: usize, output: usize, outputEnd: usize, last: bool): u32 {
  bits = load<u64>(state, INFLATE_BITS)
  bitCount = load<u32>(state, INFLATE_BIT_COUNT)
  at = input
  inputEnd = end
  overrun = false
  let out = output
  let result = DAMAGED
  for (;;) {
    const phase = load<u32>(state, INFLATE_PHASE)
    if (phase == PHASE_HEADER) {
      if (load<u32>(state, INFLATE_FINAL) != 0) {
        store<u32>(state, PHASE_END, INFLATE_PHASE)
        continue
      }
      if (!last && inputEnd - at < HEADER_BYTES_MAX) { result = NEED_INPUT; break }
      if (!readBlockHeader(state)) { result = DAMAGED; break }
    } else if (phase == PHASE_STORED) {
      const left = load<u32>(state, INFLATE_STORED)
      const take = min<usize>(min<usize>(left, inputEnd - at), outputEnd - out)
      memory.copy(out, at, take)
      at += take
      out += take
      store<u32>(state, left - <u32>take, INFLATE_STORED)
      if (left == <u32>take) store<u32>(state, PHASE_HEADER, INFLATE_PHASE)
      else { result = out == outputEnd ? OUTPUT_FULL : last ? DAMAGED : NEED_INPUT; break }
    } else if (phase == PHASE_CODES) {
      const stop = readCodes(state, window, out, outputEnd, last)
      out = load<u32>(state, INFLATE_OUTPUT)
      if (stop != STREAM_END) { result = stop; break }
      store<u32>(state, PHASE_HEADER, INFLATE_PHASE)
    } else { result = STREAM_END; break }
    if (overrun) { result = DAMAGED; break }
  }
  // Whole bytes go back to the input: bits of less than one byte stay.
  const spare = bitCount >> 3
  at -= spare
  bitCount -= spare << 3
  bits &= (<u64>1 << <u64>bitCount) - 1
  store<u64>(state, bits, INFLATE_BITS)
  store<u32>(state, bitCount, INFLATE_BIT_COUNT)
  store<u32>(state, <u32>at, INFLATE_INPUT)
  store<u32>(state, <u32>out, INFLATE_OUTPUT)
  // Input that ended within the stream is damage of the caller's file, which it words itself.
  return overrun ? DAMAGED : result
}

/** Fills the bit buffer to more than 48 bits, as far as there are bytes. */
// @ts-ignore: decorator
@inline function fill(): void {
  if (inputEnd - at >= 8) {
    bits |= load<u64>(at) << <u64>bitCount
    const take = (63 - bitCount) >> 3
    at += take
    bitCount += take << 3
    // Bits above the count must be zero: the load brought more than was taken.
    bits &= bitCount == 64 ? u64.MAX_VALUE : (<u64>1 << <u64>bitCount) - 1
  } else {
    while (bitCount <= 56 && at < inputEnd) {
      bits |= <u64>load<u8>(at) << <u64>bitCount
      at += 1
      bitCount += 8
    }
  }
}

function take(count: u32): u32 {
  if (bitCount < count) {
    fill()
    if (bitCount < count) { overrun = true; return 0 }
  }
  const value = <u32>(bits & ((<u64>1 << <u64>count) - 1))
  bits >>= <u64>count
  bitCount -= count
  return value
}

function readBlockHeader(state: usize): bool {
  store<u32>(state, take(1), INFLATE_FINAL)
  const kind = take(2)
  if (overrun) return false
  if (kind == 0) {
    take(bitCount & 7)
    const length = take(16)
    const complement = take(16)
    if (overrun || (length ^ 0xffff) != complement) return false
    // The bit buffer holds whole bytes now: they are data.
    at -= bitCount >> 3
    bits = 0
    bitCount = 0
    store<u32>(state, length, INFLATE_STORED)
    store<u32>(state, PHASE_STORED, INFLATE_PHASE)
    return true
  }
  const lengths = state + LENGTHS
  if (kind == 1) {
    memory.fill(lengths, 8, 144)
    memory.fill(lengths + 144, 9, 112)
    memory.fill(lengths + 256, 7, 24)
    memory.fill(lengths + 280, 8, 8)
    if (!buildTree(state + LITERALS, lengths, 288)) return false
    // Two of the 32 codes stand for nothing; readCodes refuses them.
    memory.fill(lengths, 5, 32)
    if (!buildTree(state + DISTANCES, lengths, 32)) return false
  } else if (kind == 2) {
    const literals = take(5) + 257
    const distances = take(5) + 1
    const codes = take(4) + 4
    if (overrun || literals > 286 || distances > 30) return false
    memory.fill(lengths, 0, 19)
    for (let index: u32 = 0; index < codes; index++) store<u8>(lengths + load<u8>(CODE_ORDER + index), <u8>take(3))
    if (overrun || !buildTree(state + LITERALS, lengths, 19)) return false
    // The lengths of both alphabets stand in one run.
    const total = literals + distances
    let index: u32 = 0
    memory.fill(lengths, 0, 320)
    while (index < total) {
      const symbol = readSymbol(state + LITERALS)
      if (overrun || symbol > 18) return false
      if (symbol < 16) {
        store<u8>(lengths + index, <u8>symbol)
        index += 1
        continue
      }
      let repeated: u8 = 0
      let times: u32 = 0
      if (symbol == 16) {
        if (index == 0) return false
        repeated = load<u8>(lengths + index - 1)
        times = 3 + take(2)
      } else if (symbol == 17) times = 3 + take(3)
      else times = 11 + take(7)
      if (overrun || index + times > total) return false
      memory.fill(lengths + index, repeated, times)
      index += times
    }
    // Without an end no block could stop.
    if (load<u8>(lengths + 256) == 0) return false
    if (!buildTree(state + DISTANCES, lengths + literals, distances) || !buildTree(state + LITERALS, lengths, literals)) return false
  } else return false
  store<u32>(state, PHASE_CODES, INFLATE_PHASE)
  return true
}

/** Canonical codes from their lengths. Returns false if there are more codes than fit, or too few (one of one bit may be alone). */
function buildTree(tree: usize, lengths: usize, count: u32): bool {
  memory.fill(tree, 0, TREE_BYTES)
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const slot = tree + (<usize>load<u8>(lengths + symbol) << 1)
    store<u16>(slot, load<u16>(slot) + 1)
  }
  store<u16>(tree, 0)
  let left: i32 = 1
  let codes: u32 = 0
  for (let length: u32 = 1; length <= 15; length++) {
    left = (left << 1) - <i32>load<u16>(tree + (length << 1))
    codes += load<u16>(tree + (length << 1))
    if (left < 0) return false
  }
  if (left > 0 && (codes > 1 || (codes == 1 && load<u16>(tree + 2) == 0))) return false
  // Where the symbols of each length begin, and their first code.
  for (let length: u32 = 1, first: u32 = 0, offset: u32 = 0; length <= 15; length++) {
    const ofLength: u32 = load<u16>(tree + (length << 1))
    first <<= 1
    if (ofLength == 0) continue
    let index = offset
    let code = first
    for (let symbol: u32 = 0; symbol < count; symbol++) {
      if (load<u8>(lengths + symbol) != length) continue
      store<u16>(tree + TREE_SYMBOLS + (index << 1), <u16>symbol)
      if (length <= QUICK_BITS) {
        // Codes come with their first bit lowest.
        const step = 1 << length
        for (let slot = reverse(code, length); slot < (1 << QUICK_BITS); slot += step) store<u16>(tree + TREE_QUICK + (slot << 1), <u16>((symbol << 4) | length))
      }
      index += 1
      code += 1
    }
    first += ofLength
    offset += ofLength
  }
  return true
}

function reverse(code: u32, length: u32): u32 {
  let reversed: u32 = 0
  for (let bit: u32 = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit)
  return reversed
}

/** The next symbol; 0xffff and an overrun, or a code that does not exist. */
// @ts-ignore: decorator
@inline function readSymbol(tree: usize): u32 {
  if (bitCount < 15) fill()
  const quick: u32 = load<u16>(tree + TREE_QUICK + (<usize>(<u32>bits & ((1 << QUICK_BITS) - 1)) << 1))
  const length = quick & 15
  if (length != 0 && length <= bitCount) {
    bits >>= <u64>length
    bitCount -= length
    return quick >> 4
  }
  return readLongSymbol(tree)
}

function readLongSymbol(tree: usize): u32 {
  let code: i32 = 0
  let first: i32 = 0
  let index: i32 = 0
  for (let length: u32 = 1; length <= 15; length++) {
    if (bitCount < length) { overrun = true; return 0xffff }
    code |= <i32>(bits >> <u64>(length - 1)) & 1
    const count: i32 = load<u16>(tree + (length << 1))
    if (code - count < first) {
      bits >>= <u64>length
      bitCount -= length
      return load<u16>(tree + TREE_SYMBOLS + (<usize>(index + (code - first)) << 1))
    }
    index += count
    first = (first + count) << 1
    code <<= 1
  }
  return 0xffff
}

/** Literals and matches until the block ends (STREAM_END), or input or room does. */
function readCodes(state: usize, window: usize, output: usize, outputEnd: usize, last: bool): u32 {
  const literals = state + LITERALS
  const distances = state + DISTANCES
  let out = output
  let result = DAMAGED
  for (;;) {
    if (outputEnd - out < MATCH_MAX) { result = OUTPUT_FULL; break }
    // A symbol is not begun that the input might not finish.
    if (!last && inputEnd - at < SYMBOL_BYTES_MAX) { result = NEED_INPUT; break }
    const symbol = readSymbol(literals)
    if (symbol < 256) {
      if (overrun) break
      store<u8>(out, <u8>symbol)
      out += 1
      continue
    }
    if (symbol == 256) { result = overrun ? DAMAGED : STREAM_END; break }
    if (symbol > 285) break
    const lengthIndex = symbol - 257
    const length = <usize>load<u16>(LENGTH_BASE + (lengthIndex << 1)) + take(load<u8>(LENGTH_EXTRA + lengthIndex))
    const distanceIndex = readSymbol(distances)
    if (distanceIndex > 29) break
    const distance = <usize>load<u16>(DISTANCE_BASE + (distanceIndex << 1)) + take(load<u8>(DISTANCE_EXTRA + distanceIndex))
    if (overrun || distance > out - window) break
    let from = out - distance
    const stop = out + length
    if (distance >= 8 && outputEnd - stop >= 8) {
      while (out < stop) {
        store<u64>(out, load<u64>(from))
        out += 8
        from += 8
      }
      out = stop
    } else {
      while (out < stop) {
        store<u8>(out, load<u8>(from))
        out += 1
        from += 1
      }
    }
  }
  store<u32>(state, <u32>out, INFLATE_OUTPUT)
  return result
}
