// A job that waits: for the program's input, for a file to grow; an exchange and an open window stand between.

import { count, defineJob, defineSchema, fileSource, jsonFormat, seconds, t, TumblingEventTimeWindows, WatermarkStrategy } from 'millrace'

const CLICK = defineSchema({ user: t.string(), at: t.timestamp(3) })

export default defineJob(import.meta, (env, { path }) => {
  const watermarks = WatermarkStrategy.forMonotonousTimestamps<{ user: string; at: number }>().withTimestampAssigner('at')
  env
    .fromSource(fileSource({ path: path as string, format: jsonFormat(), schema: CLICK, follow: true }), watermarks)
    .keyBy('user')
    .window(TumblingEventTimeWindows.of(seconds(10)))
    .aggregate({ clicks: count() })
    .output('counts')
  env
    .input('clicks', CLICK)
    .keyBy('user')
    .forEach(() => {})
})
