// Tumbling and sliding windows of built-in aggregates: one sink of part files, one of a single file. With `slow` it takes some seconds.
import { avg, count, csvFormat, defineJob, fileSink, jsonFormat, max, min, seconds, SlidingEventTimeWindows, sum, TumblingEventTimeWindows } from 'millrace'
import { readRecords } from './records.mjs'

/** So many records are read between two waits of a millisecond. */
const PACE = 48
const nobody = new Int32Array(new SharedArrayBuffer(4))

export default defineJob(import.meta, (env, params) => {
  let read = 0
  const records = readRecords(env, params.in)
  const paced = params.slow ? records.filter(() => ++read % PACE > 0 || Atomics.wait(nobody, 0, 0, 1) !== 'ok') : records
  const keyed = paced.keyBy('key')
  keyed
    .window(TumblingEventTimeWindows.of(seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), least: min('seq'), most: max('seq'), mean: avg('amount') })
    .sinkTo(fileSink({ path: `${String(params.out)}/tumbling/`, format: jsonFormat() }))
  keyed
    .window(SlidingEventTimeWindows.of(seconds(4), seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), most: max('seq') })
    .sinkTo(fileSink({ path: `${String(params.out)}/sliding.csv`, format: csvFormat() }))
})
