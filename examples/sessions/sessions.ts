// Sessions of clicks: a session of a user ends when half a minute has passed without a click. Clicks that come too late for their session
// are not lost: they go to a file of their own.
//   millrace run examples/sessions/sessions.ts -- --out sessions.jsonl --late late.jsonl
import { fileURLToPath } from 'node:url'
import {
  defineJob,
  defineSchema,
  EventTimeSessionWindows,
  fileSink,
  fileSource,
  jsonFormat,
  OutputTag,
  type RowOfSchema,
  seconds,
  t,
  WatermarkStrategy,
} from 'millrace'

const click = defineSchema({ user: t.string(), page: t.string(), at: t.timestamp(3) })
type Click = RowOfSchema<typeof click>

export default defineJob(import.meta, (env, params) => {
  const late = new OutputTag('late clicks', click)
  const path = (params.in as string | undefined) ?? fileURLToPath(new URL('clicks.jsonl', import.meta.url))
  const sessions = env
    .fromSource(
      fileSource({ path, format: jsonFormat(), schema: click }),
      WatermarkStrategy.forBoundedOutOfOrderness<Click>(seconds(5)).withTimestampAssigner('at'),
    )
    .keyBy('user')
    .window(EventTimeSessionWindows.withGap(seconds(30)))
    .sideOutputLateData(late)
    .apply((user, window, clicks) => [{ user, start: window.start, end: window.end, clicks: clicks.length, pages: clicks.map(({ page }) => page) }])
    .returns({ user: t.string(), start: t.timestamp(3), end: t.timestamp(3), clicks: t.safeInt(), pages: t.array(t.string()) })
  sessions.sinkTo(fileSink({ path: (params.out as string | undefined) ?? 'sessions.jsonl', format: jsonFormat() })).name('Sessions')
  sessions
    .getSideOutput(late)
    .sinkTo(fileSink({ path: (params.late as string | undefined) ?? 'late.jsonl', format: jsonFormat() }))
    .name('Late clicks')
})
