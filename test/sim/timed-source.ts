// A source whose records come at given instants of processing time, for jobs under a virtual clock.
import { BatchBuilder } from '../../src/batch/batch-builder.ts'
import type { Schema } from '../../src/batch/types.ts'
import { PollResult, type Source } from '../../src/operator/source.ts'
import { compileRowWriter } from '../../src/operator/row-code.ts'

/** Records that come together. */
export interface Arrival<R> {
  readonly atMs: number
  readonly records: readonly R[]
  /** The split they come from. @default 0 */
  readonly split?: number
}

/** Ends at `endMs`, behind the last arrival. Arrivals of several splits are read by turns. */
export function timedSource<R>(name: string, schema: Schema<R>, arrivals: readonly Arrival<R>[], endMs: number): Source<R> {
  const splits = [...new Set(arrivals.map(({ split = 0 }) => split))]
  return {
    name,
    schema,
    bounded: true,
    needsEventLoop: false,
    parallelismMax: 1,
    describe: () => `${arrivals.length} arrivals`,
    enumerate: () => [],
    createReader({ slab, batchRowsMax, clock }) {
      const builder = new BatchBuilder(slab, schema, batchRowsMax)
      const writer = compileRowWriter(schema)
      let [arrival, taken] = [0, 0]
      return {
        get batch() {
          return builder.batch
        },
        get retryAtMs() {
          return arrival < arrivals.length ? arrivals[arrival].atMs : endMs
        },
        poll() {
          if (arrival === arrivals.length) return clock.nowMs() >= endMs ? PollResult.FINISHED : PollResult.NOTHING
          const { atMs, records, split = 0 } = arrivals[arrival]
          if (clock.nowMs() < atMs) return PollResult.NOTHING
          const rows = Math.min(batchRowsMax, records.length - taken)
          writer.bind(builder.begin(false, false))
          for (let row = 0; row < rows; row++) writer.write(row, records[taken + row])
          const batch = builder.finish(rows)
          batch.split = split
          if (splits.length > 1) batch.openSplits = splits
          taken += rows
          if (taken === records.length) [arrival, taken] = [arrival + 1, 0]
          return PollResult.BATCH
        },
        assign() {},
        noMoreSplits() {},
        snapshot() {},
        restore() {},
        close: () => builder.free(),
      }
    },
  }
}
