// How many different values there are, in 16 KiB: HyperLogLog over 64-bit hashes.

const INDEX_BITS = 14
const REGISTERS = 1 << INDEX_BITS
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
const LARGEST_RANK = 64 - INDEX_BITS + 1

/** Takes hashes, says how many different ones there were: off by less than one in a hundred, mostly. */
export class DistinctSketch {
  readonly #ranks = new Uint8Array(REGISTERS)

  /** A hash in two halves, of which each bit is as good as any other. */
  add(high: number, low: number): void {
    const register = high >>> (32 - INDEX_BITS)
    const rest = ((high << INDEX_BITS) | (low >>> (32 - INDEX_BITS))) >>> 0
    const rank = rest !== 0 ? Math.clz32(rest) + 1 : Math.min(LARGEST_RANK, 33 + Math.clz32(low << INDEX_BITS))
    if (rank > this.#ranks[register]) this.#ranks[register] = rank
  }

  get count(): number {
    let [sum, empty] = [0, 0]
    for (const rank of this.#ranks) {
      sum += 2 ** -rank
      if (rank === 0) empty++
    }
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum
    // As long as many registers are empty, their number says more.
    return Math.round(raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw)
  }
}
