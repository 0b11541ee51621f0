// As windows.mjs, into tables: one that is appended to, one by keys.
import { avg, count, defineJob, max, min, seconds, SlidingEventTimeWindows, sum, TumblingEventTimeWindows } from 'millrace'
import { readRecords } from './records.mjs'
import { tableSink } from './tables.mjs'

export default defineJob(import.meta, (env, params) => {
  const keyed = readRecords(env, params.in).keyBy('key')
  keyed
    .window(TumblingEventTimeWindows.of(seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), least: min('seq'), most: max('seq'), mean: avg('amount') })
    .sinkTo(tableSink(params, 'tumbling'))
  keyed
    .window(SlidingEventTimeWindows.of(seconds(4), seconds(1)))
    .aggregate({ records: count(), total: sum('amount'), most: max('seq') })
    .sinkTo(tableSink(params, 'sliding', ['key', 'windowStart']))
})
