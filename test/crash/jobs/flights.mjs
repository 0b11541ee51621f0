// Row groups of a Parquet file, read in parallel: flights by airport and day.
import {
  avg,
  count,
  csvFormat,
  defineJob,
  defineSchema,
  fileSink,
  fileSource,
  hours,
  parquetFormat,
  t,
  TumblingEventTimeWindows,
  WatermarkStrategy,
} from 'millrace'

export default defineJob(import.meta, (env, params) => {
  const schema = defineSchema({ date: t.timestamp(3), delay: t.int(), origin: t.string() })
  env
    .fromSource(fileSource({ path: params.in, format: parquetFormat(), schema }), WatermarkStrategy.forMonotonousTimestamps().withTimestampAssigner('date'))
    .keyBy('origin')
    .window(TumblingEventTimeWindows.of(hours(24)))
    .aggregate({ flights: count(), meanDelay: avg('delay') })
    .sinkTo(fileSink({ path: `${String(params.out)}/days/`, format: csvFormat() }))
})
