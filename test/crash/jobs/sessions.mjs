// Sessions with a function of the user's, and a window over all of them behind.
import { count, csvFormat, defineJob, EventTimeSessionWindows, fileSink, jsonFormat, max, seconds, sum, t, TumblingEventTimeWindows } from 'millrace'
import { readRecords } from './records.mjs'

// The gap is odd, and times are even: whether a session and a record at its very end become one depends on whether the watermark came between them,
// which is not the same each time where several splits are read at once.
export default defineJob(import.meta, (env, params) => {
  const sessions = readRecords(env, params.in)
    .keyBy('key')
    .window(EventTimeSessionWindows.withGap(121))
    .reduce((left, right) => ({ ...left, seq: Math.max(left.seq, right.seq), at: Math.max(left.at, right.at), amount: left.amount + right.amount, pad: '' }))
    .map(({ key, seq, at, amount }) => ({ key, seq, at, amount }))
    .returns({ key: t.string(), seq: t.int(), at: t.timestamp(3), amount: t.int() })
  sessions.sinkTo(fileSink({ path: `${String(params.out)}/sessions/`, format: jsonFormat() }))
  sessions
    .windowAll(TumblingEventTimeWindows.of(seconds(1)))
    .aggregate({ sessions: count(), total: sum('amount'), most: max('seq') })
    .sinkTo(fileSink({ path: `${String(params.out)}/seconds.csv`, format: csvFormat() }))
})
