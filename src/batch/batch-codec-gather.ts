// Moves selected rows from one memory into another, a width at a time. The two are different slabs, so no kernel reaches both.
// Invariant: nothing is written behind the last byte that is asked for.

/** Up to here a loop over words beats the call of `set` on a view made for it. */
const SMALL_UNALIGNED_COPY_BYTES = 96

/** Views on one memory: a slab's, or that into which a frame is written. */
export interface Views {
  readonly u8: Uint8Array
  readonly i16: Int16Array
  readonly i32: Int32Array
  readonly f64: Float64Array
  readonly i64: BigInt64Array
  /** For words at any address. */
  readonly data: DataView
}

const viewsByBuffer = new WeakMap<ArrayBufferLike, Views>()

export function viewsOf(buffer: ArrayBufferLike): Views {
  let views = viewsByBuffer.get(buffer)
  if (views === undefined) {
    const bytes = buffer.byteLength
    views = {
      u8: new Uint8Array(buffer),
      i16: new Int16Array(buffer, 0, bytes >>> 1),
      i32: new Int32Array(buffer, 0, bytes >>> 2),
      f64: new Float64Array(buffer, 0, bytes >>> 3),
      i64: new BigInt64Array(buffer, 0, bytes >>> 3),
      data: new DataView(buffer),
    }
    viewsByBuffer.set(buffer, views)
  }
  return views
}

// One function a width, so that each sees one kind of array.

export function gatherBytes(source: Uint8Array, sourceAt: number, target: Uint8Array, targetAt: number, count: number, list: Int32Array): void {
  for (let index = 0; index < count; index++) target[targetAt + index] = source[sourceAt + list[index]]!
}

export function gatherHalfWords(source: Int16Array, sourceAt: number, target: Int16Array, targetAt: number, count: number, list: Int32Array): void {
  for (let index = 0; index < count; index++) target[targetAt + index] = source[sourceAt + list[index]]!
}

export function gatherWords(source: Int32Array, sourceAt: number, target: Int32Array, targetAt: number, count: number, list: Int32Array): void {
  for (let index = 0; index < count; index++) target[targetAt + index] = source[sourceAt + list[index]]!
}

// As BigInt64Array: optimised code makes no BigInt of it, and unlike doubles every pattern of bits survives.
export function gatherLongs(source: BigInt64Array, sourceAt: number, target: BigInt64Array, targetAt: number, count: number, list: Int32Array): void {
  for (let index = 0; index < count; index++) target[targetAt + index] = source[sourceAt + list[index]]!
}

export function gatherLongPairs(source: BigInt64Array, sourceAt: number, target: BigInt64Array, targetAt: number, count: number, list: Int32Array): void {
  for (let index = 0; index < count; index++) {
    const at = sourceAt + list[index] * 2
    target[targetAt + index * 2] = source[at]!
    target[targetAt + index * 2 + 1] = source[at + 1]!
  }
}

/** Gathers strings; -1 is an empty one. Arguments are byte addresses. Returns the bytes of all of them. */
export function gatherText(
  source: Views,
  sourceOffsets: number,
  sourceData: number,
  target: Views,
  targetOffsets: number,
  targetData: number,
  count: number,
  list: Int32Array,
): number {
  const from = source.i32
  const to = target.i32
  const at = sourceOffsets >>> 2
  const out = targetOffsets >>> 2
  let length = 0
  to[out] = 0
  for (let index = 0; index < count; index++) {
    // Neighbours are copied as one piece.
    const row = list[index]
    if (row >= 0) {
      const start = from[at + row]
      let end = from[at + row + 1]
      while (index + 1 < count && list[index + 1] === list[index] + 1) {
        to[out + index + 1] = length + end - start
        index++
        end = from[at + list[index] + 1]!
      }
      copyUnaligned(source, sourceData + start, target, targetData + length, end - start)
      length += end - start
    }
    to[out + index + 1] = length
  }
  return length
}

function copyUnaligned(source: Views, from: number, target: Views, to: number, bytes: number): void {
  if (bytes > SMALL_UNALIGNED_COPY_BYTES) {
    target.u8.set(source.u8.subarray(from, from + bytes), to)
    return
  }
  if (bytes < 4) {
    for (let at = 0; at < bytes; at++) target.u8[to + at] = source.u8[from + at]!
    return
  }
  const sourceData = source.data
  const targetData = target.data
  const last = bytes - 4
  for (let at = 0; at < last; at += 4) targetData.setInt32(to + at, sourceData.getInt32(from + at, true), true)
  // The last word overlaps the one before.
  targetData.setInt32(to + last, sourceData.getInt32(from + last, true), true)
}

export function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
