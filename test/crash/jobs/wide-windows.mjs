// Tumbling and sliding windows of many keys: what slices hold of them does not fit into a small cache.
import {
  avg,
  count,
  countDistinct,
  defineJob,
  fileSink,
  jsonFormat,
  max,
  min,
  seconds,
  SlidingEventTimeWindows,
  sum,
  topN,
  TumblingEventTimeWindows,
} from 'millrace'
import { readRecords } from './records.mjs'

export default defineJob(import.meta, (env, params) => {
  const records = readRecords(env, params.in)
  records
    .keyBy('key', 'amount')
    .window(TumblingEventTimeWindows.of(seconds(10)))
    .aggregate({ records: count(), total: sum('seq'), least: min('seq'), most: max('seq'), mean: avg('seq') })
    .sinkTo(fileSink({ path: `${String(params.out)}/tumbling/`, format: jsonFormat() }))
  records
    .keyBy('amount')
    .window(SlidingEventTimeWindows.of(seconds(20), seconds(5)))
    .aggregate({
      records: count(),
      total: sum('seq'),
      most: max('seq'),
      keys: countDistinct('key'),
      longest: max('pad'),
      last: topN(2, 'seq', { columns: ['seq'] }),
    })
    .sinkTo(fileSink({ path: `${String(params.out)}/sliding/`, format: jsonFormat() }))
})
