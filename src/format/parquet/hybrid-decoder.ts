// Parquet's hybrid of run lengths and bit packing, which carries definition levels and dictionary codes. Reads any number of values at a
// time and keeps its place, so that a page is decoded in steps of a batch. Never reads outside of the bytes it was given.

const EMPTY = new Uint8Array(0)

/** Widest value whose bits, at any offset within a byte, lie in four bytes. */
const WINDOW_BITS_MAX = 25

/** A decoder with a cursor; {@link reset} gives it new bytes. */
export class HybridDecoder {
  #bytes: Uint8Array = EMPTY
  #at = 0
  #end = 0
  #width = 0
  /** Values left in the current run. */
  #left = 0
  /** Whether the current run repeats {@link #value}; otherwise its values are packed from bit {@link #bit} on. */
  #repeats = true
  #value = 0
  /** Bit position of the next packed value, from the start of the bytes at {@link #packedAt}. */
  #bit = 0
  #packedAt = 0

  /** Decodes `bytes[start, end)` as values of `width` bits. */
  reset(bytes: Uint8Array, start: number, end: number, width: number): void {
    if (width > 32) throw new RangeError(`values of ${width} bits`)
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#width = width
    this.#left = 0
  }

  /** Whether the next `count` values all lie in one run that repeats `value`. */
  repeats(value: number, count: number): boolean {
    if (count === 0) return true
    if (this.#left === 0) this.#nextRun()
    return this.#repeats && this.#value === value && this.#left >= count
  }

  /**
   * Reads `count` values into `target[from..]`.
   *
   * @throws {RangeError} If the bytes end before.
   */
  read(target: Int32Array, from: number, count: number): void {
    let at = from
    const end = from + count
    while (at < end) {
      if (this.#left === 0) this.#nextRun()
      const take = Math.min(this.#left, end - at)
      if (this.#repeats) target.fill(this.#value, at, at + take)
      else this.#unpack(target, at, take)
      this.#left -= take
      at += take
    }
  }

  /** Passes over `count` values. */
  skip(count: number): void {
    let left = count
    while (left > 0) {
      if (this.#left === 0) this.#nextRun()
      const take = Math.min(this.#left, left)
      if (!this.#repeats) this.#bit += take * this.#width
      this.#left -= take
      left -= take
    }
  }

  #nextRun(): void {
    // A width of zero bits needs no runs: every value is 0.
    if (this.#width === 0) {
      this.#repeats = true
      this.#value = 0
      this.#left = 0x7fffffff
      return
    }
    const header = this.#readVarInt()
    if ((header & 1) === 0) {
      this.#repeats = true
      this.#left = header >>> 1
      let value = 0
      const bytes = (this.#width + 7) >>> 3
      if (this.#at + bytes > this.#end) outOfBytes()
      for (let index = 0; index < bytes; index++) value |= this.#bytes[this.#at + index] << (index * 8)
      this.#value = value
      this.#at += bytes
    } else {
      this.#repeats = false
      const groups = header >>> 1
      this.#packedAt = this.#at
      this.#bit = 0
      const wanted = groups * this.#width
      // Writers may cut the last group short: only whole values that are there count.
      const there = Math.min(wanted, this.#end - this.#at)
      this.#left = there === wanted ? groups * 8 : Math.floor((there * 8) / this.#width)
      this.#at += there
    }
    if (this.#left === 0 && this.#at >= this.#end) outOfBytes()
  }

  #readVarInt(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) outOfBytes()
      const byte = this.#bytes[this.#at++]
      value |= (byte & 0x7f) << shift
      if (byte < 128) return value >>> 0
    }
    throw new RangeError('a run length of more than 32 bits')
  }

  #unpack(target: Int32Array, from: number, count: number): void {
    const bytes = this.#bytes
    const width = this.#width
    const base = this.#packedAt
    const mask = width === 32 ? -1 : (1 << width) - 1
    let bit = this.#bit
    let at = from
    const end = from + count
    if (width <= WINDOW_BITS_MAX) {
      // Four bytes always hold the value; the last few values come from below so that no byte behind the end is touched.
      const lastWindow = (bytes.length - base - 4) * 8
      for (; at < end && bit <= lastWindow; at++, bit += width) {
        const byte = base + (bit >>> 3)
        target[at] = ((bytes[byte] | (bytes[byte + 1] << 8) | (bytes[byte + 2] << 16) | (bytes[byte + 3] << 24)) >>> (bit & 7)) & mask
      }
    }
    for (; at < end; at++, bit += width) {
      let value = 0
      for (let index = 0; index < width; index++) value |= ((bytes[base + ((bit + index) >>> 3)] >>> ((bit + index) & 7)) & 1) << index
      target[at] = value
    }
    this.#bit = bit
  }
}

function outOfBytes(): never {
  throw new RangeError('a page ends within its values')
}
