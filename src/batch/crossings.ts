// Watermark crossings of a batch: where, between its rows, the watermark moved. A growable list of (position, watermark), positions never
// falling, watermarks rising.

/** The watermark before any was seen. */
export const WATERMARK_MIN = -Infinity
/** The watermark after the last record of a bounded input. */
export const WATERMARK_MAX = Infinity

/**
 * Where the watermark moves within a batch. A crossing at position p holds for every row whose physical index is at least p: it stands
 * between rows p - 1 and p; position `rowCount` stands behind the last row. Watermarks are epoch milliseconds, ±Infinity for the ends.
 */
export class Crossings {
  count = 0
  positions: Int32Array = new Int32Array(16)
  watermarks: Float64Array = new Float64Array(16)

  /** Appends a crossing. `position` is at least that of the last one; a second crossing at one position replaces the first. */
  add(position: number, watermarkMs: number): void {
    if (this.count > 0 && this.positions[this.count - 1] === position) {
      this.watermarks[this.count - 1] = watermarkMs
      return
    }
    if (this.count === this.positions.length) this.#grow()
    this.positions[this.count] = position
    this.watermarks[this.count++] = watermarkMs
  }

  clear(): void {
    this.count = 0
  }

  copyFrom(other: Crossings): void {
    while (this.positions.length < other.count) this.#grow()
    this.positions.set(other.positions.subarray(0, other.count))
    this.watermarks.set(other.watermarks.subarray(0, other.count))
    this.count = other.count
  }

  #grow(): void {
    const positions = new Int32Array(this.positions.length * 2)
    positions.set(this.positions)
    this.positions = positions
    const watermarks = new Float64Array(positions.length)
    watermarks.set(this.watermarks)
    this.watermarks = watermarks
  }
}
