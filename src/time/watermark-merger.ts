// The watermark of several channels: the minimum over those that are neither idle nor ended (Flink's valve). Runs on the worker's thread.

import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import type { RecordBatch } from '../batch/record-batch.ts'

/** What a channel says of itself. */
export const WatermarkStatus = { ACTIVE: 0, IDLE: 1, ENDED: 2 } as const
export type WatermarkStatus = (typeof WatermarkStatus)[keyof typeof WatermarkStatus]

const { ACTIVE, IDLE, ENDED } = WatermarkStatus

/**
 * Merges the watermarks of `channelCount` channels. The merged watermark never falls: a channel that comes back from idleness behind it
 * waits there until it has caught up.
 */
export class WatermarkMerger {
  readonly #watermarks: Float64Array
  readonly #states: Float64Array
  #merged = WATERMARK_MIN

  /** @param slots Where it keeps the channels' watermarks (first half) and statuses (second half): shared memory, if others are to see them. */
  constructor(channelCount: number, slots: Float64Array = new Float64Array(channelCount * 2)) {
    this.#watermarks = slots.subarray(0, channelCount).fill(WATERMARK_MIN)
    this.#states = slots.subarray(slots.length / 2, slots.length / 2 + channelCount).fill(ACTIVE)
  }

  /** The merged watermark in epoch ms. */
  get watermarkMs(): number {
    return this.#merged
  }

  /** Whether every channel that has not ended is idle (false once all have ended). */
  get isIdle(): boolean {
    let idle = false
    for (const state of this.#states) {
      if (state === ACTIVE) return false
      if (state === IDLE) idle = true
    }
    return idle
  }

  get hasEnded(): boolean {
    return this.#states.every((state) => state === ENDED)
  }

  /** The last watermark of one channel, and whether it counts. */
  channelWatermarkMs(channel: number): number {
    return this.#watermarks[channel]
  }

  /** Takes a channel's watermark; returns the merged one. */
  advance(channel: number, watermarkMs: number): number {
    if (watermarkMs > this.#watermarks[channel]) this.#watermarks[channel] = watermarkMs
    return this.#update()
  }

  setIdle(channel: number, idle: boolean): number {
    if (this.#states[channel] !== ENDED) this.#states[channel] = idle ? IDLE : ACTIVE
    return this.#update()
  }

  /** The channel will bring nothing more. When the last one ends the merged watermark is +Infinity. */
  end(channel: number): number {
    this.#states[channel] = ENDED
    this.#watermarks[channel] = WATERMARK_MAX
    return this.#update()
  }

  /**
   * Replaces the crossings of a batch that came through `channel` by those of the merged watermark, and takes the last one over. The other
   * channels stand still meanwhile, so a crossing is bounded by their minimum.
   */
  mergeCrossings(channel: number, batch: RecordBatch): void {
    const { crossings } = batch
    if (crossings.count === 0) return
    const { positions, watermarks } = crossings
    const bound = this.#minimum(channel)
    let kept = 0
    for (let index = 0; index < crossings.count; index++) {
      const own = watermarks[index]
      if (own > this.#watermarks[channel]) this.#watermarks[channel] = own
      const merged = Math.min(own, bound)
      if (merged <= this.#merged) continue
      this.#merged = merged
      positions[kept] = positions[index]!
      watermarks[kept++] = merged
    }
    crossings.count = kept
  }

  /** All that it knows: the merged watermark, those of the channels, and their statuses. */
  save(): Float64Array {
    return Float64Array.of(this.#merged, ...this.#watermarks, ...this.#states)
  }

  /** Takes over what {@link save} has given, for as many channels. */
  load(saved: Float64Array): void {
    const count = this.#states.length
    this.#merged = saved[0]!
    this.#watermarks.set(saved.subarray(1, 1 + count))
    this.#states.set(saved.subarray(1 + count))
  }

  /** Knows nothing of the channels again, but keeps the merged watermark. */
  forgetChannels(): void {
    this.#watermarks.fill(WATERMARK_MIN)
    this.#states.fill(ACTIVE)
  }

  /** Raises the merged watermark to at least this: the state of a restored snapshot. */
  restore(watermarkMs: number): void {
    this.#merged = Math.max(this.#merged, watermarkMs)
  }

  #minimum(except: number): number {
    let minimum = WATERMARK_MAX
    for (let channel = 0; channel < this.#states.length; channel++)
      if (channel !== except && this.#states[channel] === ACTIVE && this.#watermarks[channel] < minimum) minimum = this.#watermarks[channel]!
    return minimum
  }

  #update(): number {
    let minimum = WATERMARK_MAX
    let active = false
    let ended = true
    for (let channel = 0; channel < this.#states.length; channel++) {
      // A channel at the end of time is about to end: it does not speak for those that are idle.
      if (this.#states[channel] === ENDED || this.#watermarks[channel] === WATERMARK_MAX) continue
      ended = false
      if (this.#states[channel] === IDLE) continue
      active = true
      if (this.#watermarks[channel] < minimum) minimum = this.#watermarks[channel]!
    }
    // With every channel idle time stands still; once every channel has ended it is at its end.
    if ((active || ended) && minimum > this.#merged) this.#merged = minimum
    return this.#merged
  }
}
