// A source whose records come at given instants of processing time, for jobs under a virtual clock.
import { BatchBuilder } from '../../src/batch/batch-builder.ts'
import type { Schema } from '../../src/batch/types.ts'
import { PollResult, type Source } from '../../src/operator/source.ts'
import { compileRowWriter } from '../../src/operator/row-code.ts'

/** Records that come together. */
export interface Arrival<R> {
  readonly atMs: number
  readonly records: readonly R[]
}

/** Ends at `endMs`, behind the last arrival. */
export function timedSource<R>(name: string, schema: Schema<R>, arrivals: readonly Arrival<R>[], endMs: number): Source<R> {
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
          const { atMs, records } = arrivals[arrival]
          if (clock.nowMs() < atMs) return PollResult.NOTHING
          const rows = Math.min(batchRowsMax, records.length - taken)
          writer.bind(builder.begin(false, false))
          for (let row = 0; row < rows; row++) writer.write(row, records[taken + row])
          builder.finish(rows)
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
