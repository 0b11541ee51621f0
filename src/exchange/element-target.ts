// What a chain hands on, in order: the stream elements, as calls. A chained operator's driver and an exchange's writer take them alike.

import type { RecordBatch } from '../batch/record-batch.ts'
import type { CheckpointBarrier, LatencyMarker } from './control-element.ts'

/**
 * Takes stream elements in order. After each `offer…` the caller asks {@link hasCapacity} before the next; an element that was offered is
 * taken for good. A batch must stay unchanged until {@link hasCapacity} says true again.
 */
export interface ElementTarget {
  hasCapacity(): boolean
  offerBatch(batch: RecordBatch): void
  offerWatermark(watermarkMs: number): void
  /** The input went idle (left out of the minimum) or active again. */
  offerStatus(idle: boolean): void
  offerBarrier(barrier: CheckpointBarrier): void
  offerMarker(marker: LatencyMarker): void
  offerEnd(): void
}
