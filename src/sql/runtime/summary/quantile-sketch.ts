// Quantiles of numbers in bounded memory: a merging t-digest. As long as few have come it has kept all of them, and is exact.

/** Numbers that are kept as they are before they are merged. */
const BUFFER_SIZE = 4096
/** What is left of a merge: about so many centroids at most, small ones at both ends. */
const COMPRESSION = 400
const CENTROIDS_MAX = 2 * COMPRESSION

/** Takes numbers, says quantiles. */
export class QuantileSketch {
  readonly #buffer = new Float64Array(BUFFER_SIZE)
  #buffered = 0
  /** Means in ascending order, and how many numbers each stands for. */
  #means = new Float64Array(CENTROIDS_MAX)
  #weights = new Float64Array(CENTROIDS_MAX)
  #spareMeans = new Float64Array(CENTROIDS_MAX)
  #spareWeights = new Float64Array(CENTROIDS_MAX)
  #centroids = 0
  /** Over the centroids. */
  #merged = 0

  /** NaN has no place in an order, and is passed over. */
  add(value: number): void {
    if (value !== value) return
    if (this.#buffered === BUFFER_SIZE) this.#merge()
    this.#buffer[this.#buffered++] = value
  }

  /** The number below which `share` of all lie, between two of them by the line; undefined if there are none. */
  quantile(share: number): number | undefined {
    const count = this.#merged + this.#buffered
    if (count === 0) return undefined
    const target = share * (count - 1)
    const values = this.#buffer.subarray(0, this.#buffered).sort()
    let [before, beforeAt, passed] = [Number.NaN, Number.NaN, 0]
    for (let centroid = 0, single = 0; centroid < this.#centroids || single < values.length;) {
      const isSingle = centroid === this.#centroids || (single < values.length && values[single] <= this.#means[centroid])
      const [mean, weight] = isSingle ? [values[single++], 1] : [this.#means[centroid], this.#weights[centroid++]]
      // The place of the one in the middle of those that it stands for.
      const at = passed + (weight - 1) / 2
      if (target <= at) return beforeAt !== beforeAt || target === at ? mean : before + ((mean - before) * (target - beforeAt)) / (at - beforeAt)
      before = mean
      beforeAt = at
      passed += weight
    }
    return before
  }

  #merge(): void {
    const values = this.#buffer.subarray(0, this.#buffered).sort()
    const [means, weights] = [this.#spareMeans, this.#spareWeights]
    const total = this.#merged + values.length
    let [count, passed, mean, weight, limit] = [0, 0, 0, 0, 0]
    for (let centroid = 0, single = 0; centroid < this.#centroids || single < values.length;) {
      const isSingle = centroid === this.#centroids || (single < values.length && values[single] <= this.#means[centroid])
      const nextMean = isSingle ? values[single++] : this.#means[centroid]
      const nextWeight = isSingle ? 1 : this.#weights[centroid++]
      if (weight > 0 && passed + weight + nextWeight > limit) {
        means[count] = mean
        weights[count++] = weight
        passed += weight
        weight = 0
      }
      if (weight === 0) {
        limit = total * shareBehind(passed / total)
        mean = nextMean
        weight = nextWeight
      } else {
        weight += nextWeight
        // Of equal numbers the mean is the same to the last bit.
        mean += ((nextMean - mean) * nextWeight) / weight
      }
    }
    means[count] = mean
    weights[count++] = weight
    this.#spareMeans = this.#means
    this.#spareWeights = this.#weights
    this.#means = means
    this.#weights = weights
    this.#centroids = count
    this.#merged = total
    this.#buffered = 0
  }
}

/** How far the centroid that begins at a share may reach: one step on the scale that is steep at both ends. */
function shareBehind(share: number): number {
  const step = (COMPRESSION / (2 * Math.PI)) * Math.asin(2 * share - 1) + 1
  const angle = (step * 2 * Math.PI) / COMPRESSION
  return angle >= Math.PI / 2 ? 1 : (Math.sin(angle) + 1) / 2
}
