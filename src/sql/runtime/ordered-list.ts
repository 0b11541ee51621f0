// Numbers in an order that somebody else knows: what is put in goes to its place, what is taken out is found again, in the time of a few comparisons. Used by
// one thread.

/** Numbers in one leaf at most; what is full becomes two. */
const LEAF_MAX = 512

/** Negative, zero or positive; zero of a number and itself alone. */
export type Comparison = (left: number, right: number) => number

/** A list of leaves, in order: to find a place is to find a leaf by its first number, then a place in it. */
export class OrderedList {
  readonly #compare: Comparison
  readonly #leafMax: number
  readonly #leaves: Uint32Array[] = []
  readonly #sizes: number[] = []
  #length = 0

  /** @param compare Of u32 numbers. */
  constructor(compare: Comparison, leafMax: number = LEAF_MAX) {
    this.#compare = compare
    this.#leafMax = leafMax
  }

  get length(): number {
    return this.#length
  }

  /** Puts a number in that is not there. */
  insert(number: number): void {
    this.#length++
    if (this.#leaves.length === 0) {
      this.#leaves.push(new Uint32Array(this.#leafMax).fill(number, 0, 1))
      this.#sizes.push(1)
      return
    }
    let index = this.#leafOf(number)
    let at = this.#placeIn(index, number)
    if (this.#sizes[index] === this.#leafMax) {
      this.#split(index)
      const size = this.#sizes[index]
      if (at > size) {
        at -= size
        index++
      }
    }
    const leaf = this.#leaves[index]
    leaf.copyWithin(at + 1, at, this.#sizes[index]++)
    leaf[at] = number
  }

  /** Takes a number out that is there. */
  remove(number: number): void {
    const index = this.#leafOf(number)
    const at = this.#placeIn(index, number) - 1
    const leaf = this.#leaves[index]
    const size = --this.#sizes[index]
    leaf.copyWithin(at, at + 1, size + 1)
    this.#length--
    if (size === 0) this.#drop(index)
    else if (index + 1 < this.#leaves.length && size + this.#sizes[index + 1] <= this.#leafMax >>> 1) {
      leaf.set(this.#leaves[index + 1].subarray(0, this.#sizes[index + 1]), size)
      this.#sizes[index] += this.#sizes[index + 1]
      this.#drop(index + 1)
    }
  }

  /**
   * Lists numbers from the first one on that does not lie before something.
   *
   * @param isBefore True of numbers at the front of the list, false of all others.
   * @param isIn Where it is false the list ends.
   * @param out Has room for `max` numbers from place `at` on. Returns how many were written.
   */
  listFrom(isBefore: (number: number) => boolean, isIn: (number: number) => boolean, max: number, out: Uint32Array, at: number): number {
    const leaves = this.#leaves
    let [low, high] = [0, leaves.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(leaves[middle][0])) low = middle + 1
      else high = middle
    }
    // The first leaf that begins behind it; it may begin within the one in front.
    let index = Math.max(0, low - 1)
    let place = 0
    if (leaves.length > 0) {
      let end = this.#sizes[index]
      while (place < end) {
        const middle = (place + end) >>> 1
        if (isBefore(leaves[index][middle])) place = middle + 1
        else end = middle
      }
    }
    let count = 0
    while (count < max && index < leaves.length) {
      if (place === this.#sizes[index]) {
        index++
        place = 0
        continue
      }
      const number = leaves[index][place++]
      if (!isIn(number)) break
      out[at + count++] = number
    }
    return count
  }

  /** Gives all numbers, in order, new names: 0, 1, 2 ... @param renamed Called with each old name in front of that. */
  rename(renamed: (number: number, name: number) => void): void {
    let name = 0
    this.#leaves.forEach((leaf, index) => {
      for (let at = 0; at < this.#sizes[index]; at++) {
        renamed(leaf[at], name)
        leaf[at] = name++
      }
    })
  }

  /** The last leaf that does not begin behind a number. */
  #leafOf(number: number): number {
    let [low, high] = [1, this.#leaves.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#leaves[middle][0], number) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The place behind all numbers of a leaf that are not behind a number. */
  #placeIn(index: number, number: number): number {
    const leaf = this.#leaves[index]
    let [low, high] = [0, this.#sizes[index]]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(leaf[middle], number) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #split(index: number): void {
    const leaf = this.#leaves[index]
    const half = this.#leafMax >>> 1
    const next = new Uint32Array(this.#leafMax)
    next.set(leaf.subarray(half))
    this.#leaves.splice(index + 1, 0, next)
    this.#sizes.splice(index + 1, 0, this.#leafMax - half)
    this.#sizes[index] = half
  }

  #drop(index: number): void {
    this.#leaves.splice(index, 1)
    this.#sizes.splice(index, 1)
  }
}
