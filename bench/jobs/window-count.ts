// Bids counted by bidder in tumbling windows of 10 s, from Nexmark JSON lines: file, scan, watermarks, exchange by key, window, sums.

import { count, defineJob, defineSchema, fileSource, jsonFormat, seconds, t, TumblingEventTimeWindows, WatermarkStrategy } from 'millrace'
import { unnest } from './bids.ts'
import { checkSink } from './check-sink.ts'

const BID = defineSchema({ bidder: t.bigint(), dateTime: t.timestamp(3) })
const EVENT = defineSchema({ bid: t.row({ bidder: t.bigint(), dateTime: t.timestamp(3) }).nullable() })

export default defineJob(import.meta, (env, { path, result }) => {
  const events = env.from(fileSource({ path: path as string, format: jsonFormat(), schema: EVENT })).name('Events')
  unnest(events, 'bid', BID)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ dateTime: number }>().withTimestampAssigner('dateTime') as never)
    .keyBy('bidder')
    .window(TumblingEventTimeWindows.of(seconds(10)))
    .aggregate({ bids: count() })
    .select('bidder', 'windowStart', 'bids')
    .sinkTo(checkSink(result as string))
})
