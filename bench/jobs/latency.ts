// Rows on schedule through a hash exchange; each consumer keeps a histogram of how late it sees them.

import { writeFileSync } from 'node:fs'
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import { defineJob, type Sink } from 'millrace'
import { TickerSource } from './ticker-source.ts'

/** Latencies are recorded in units of 100 ns. */
export const UNITS_PER_MS = 10_000
export const UNITS_MAX = 10_000 * UNITS_PER_MS

function latencySink(path: string, warmupMs: number): Sink {
  return {
    name: 'Latency',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'a histogram',
    createWriter(_schema, { clock, subtaskIndex }) {
      const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: UNITS_MAX, numberOfSignificantValueDigits: 3 })
      let startMs = -1
      let rows = 0
      return {
        hasCapacity: () => true,
        write(batch) {
          const nowMs = clock.monotonicMs()
          const { f64 } = batch.slab
          const due = batch.columns[1].values >>> 3
          for (; batch.begin < batch.end; batch.begin++) {
            const dueMs = f64[due + batch.physicalRow(batch.begin)]
            if (startMs < 0) startMs = dueMs
            rows++
            if (dueMs - startMs >= warmupMs) histogram.recordValue(Math.min(UNITS_MAX, Math.max(1, Math.round((nowMs - dueMs) * UNITS_PER_MS))))
          }
          return true
        },
        flush: () => true,
        finish() {
          writeFileSync(`${path}.${subtaskIndex}`, JSON.stringify({ rows, histogram: encodeIntoCompressedBase64(histogram) }))
          return true
        },
        snapshot: () => {},
        restore: () => {},
        close: () => {},
      }
    },
  }
}

export default defineJob(import.meta, (env, { rowsPerSecond, seconds, warmupSeconds, result }) => {
  env
    .from(new TickerSource(rowsPerSecond as number, (seconds as number) + (warmupSeconds as number)))
    .keyBy('key')
    .sinkTo(latencySink(result as string, (warmupSeconds as number) * 1000))
})
