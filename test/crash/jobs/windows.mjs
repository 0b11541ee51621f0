// Tumbling and sliding windows of built-in aggregates: one sink of part files, one of a single file.
import { avg, count, csvFormat, defineJob, fileSink, jsonFormat, max, min, seconds, SlidingEventTimeWindows, sum, TumblingEventTimeWindows } from 'millrace'
import { readRecords } from './records.mjs'

export default defineJob(import.meta, (env, params) => {
  const keyed = readRecords(env, params.in).keyBy('key')
  keyed
    .window(TumblingEventTimeWindows.of(seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), least: min('seq'), most: max('seq'), mean: avg('amount') })
    .sinkTo(fileSink({ path: `${String(params.out)}/tumbling/`, format: jsonFormat() }))
  keyed
    .window(SlidingEventTimeWindows.of(seconds(4), seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), most: max('seq') })
    .sinkTo(fileSink({ path: `${String(params.out)}/sliding.csv`, format: csvFormat() }))
})
