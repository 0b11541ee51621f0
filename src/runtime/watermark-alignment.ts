// Watermark alignment: sources of one group pause while they are too far ahead, in event time, of the slowest. Every subtask publishes its
// watermark in its metric slots and reads those of the others; nobody decides for all.

import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import { MetricSlot } from './subtask-metrics.ts'

/** The group's view from one of its subtasks. */
export class WatermarkAlignment {
  readonly #maxDriftMs: number
  /** Metric slots of every subtask of the group, the own ones among them. */
  readonly #members: readonly Float64Array[]

  constructor(maxDriftMs: number, members: readonly Float64Array[]) {
    this.#maxDriftMs = maxDriftMs
    this.#members = members
  }

  /** Whether a source with this watermark must wait for the others. */
  mustWait(watermarkMs: number): boolean {
    if (watermarkMs === WATERMARK_MIN) return false
    let slowestMs = WATERMARK_MAX
    for (const slots of this.#members) {
      if (slots[MetricSlot.HAS_ENDED] === 1 || slots[MetricSlot.IS_IDLE] === 1) continue
      slowestMs = Math.min(slowestMs, slots[MetricSlot.HAS_STARTED] === 1 ? slots[MetricSlot.SOURCE_WATERMARK_MS] : WATERMARK_MIN)
    }
    return watermarkMs > slowestMs + this.#maxDriftMs
  }
}
