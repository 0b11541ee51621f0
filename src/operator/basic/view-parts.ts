// Parts of a batch as views, for operators whose functions may be too slow for a whole batch in one step. Used by one operator on its thread.

import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Output } from '../operator.ts'

/** Deals out the rows and crossings of batches, part by part. */
export class ViewParts {
  /** The batch that has been begun; null between batches. */
  #bound: RecordBatch | null = null
  /** How many of its crossings were dealt out. */
  #crossing = 0

  /**
   * Makes `view` show the pending rows up to logical position `end` with the crossings in front of and behind them, and moves on to there. Crossings
   * behind the last row of a part go with it.
   */
  take(batch: RecordBatch, end: number, view: RecordBatch): RecordBatch {
    if (this.#bound !== batch) {
      this.#bound = batch
      this.#crossing = 0
    }
    view.viewOf(batch)
    view.end = end
    const { crossings } = batch
    const isLast = end === batch.end
    if (isLast && this.#crossing === 0) view.crossings.copyFrom(crossings)
    else
      for (; this.#crossing < crossings.count; this.#crossing++) {
        const position = crossings.positions[this.#crossing]
        if (!isLast && batch.positionOf(position) > end) break
        view.crossings.add(position, crossings.watermarks[this.#crossing])
      }
    if (isLast) this.#bound = null
    batch.begin = end
    return view
  }
}

/** Emits those rows of a view that are listed, int32 selection[count]; without any only the last watermark among them. */
export function emitSelected(view: RecordBatch, selection: number, count: number, output: Output): void {
  view.selection = selection
  view.selectedCount = count
  view.rewind()
  const { crossings } = view
  if (count > 0) output.emit(view)
  else if (crossings.count > 0) output.emitWatermark(crossings.watermarks[crossings.count - 1])
}
