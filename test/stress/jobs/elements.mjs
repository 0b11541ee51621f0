// Everything that travels between workers, in a mix: rows of every width, watermarks, idleness, latency markers, ends of input; by key, in turn, to
// all and to one. What arrives is known from the rows alone: each is in its window, or late, since time ends while a source is idle if the others
// have ended.
import { count, datagenSource, defineJob, defineSchema, OutputTag, sum, t, TumblingEventTimeWindows, WatermarkStrategy } from 'millrace'

const SCHEMA = defineSchema({ id: t.int(), text: t.string() })
const ELEMENT = { id: t.int(), bucket: t.int(), length: t.int() }

export default defineJob(import.meta, (env, { rows }) => {
  const source = datagenSource(SCHEMA, {
    rowsPerSecond: Infinity,
    fields: { id: { kind: 'sequence', start: '0', end: String(rows - 1) }, text: { length: 60, varLen: true } },
  })
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness(rows)
    .withTimestampAssigner((row) => row.id)
    .withIdleness(1)
  const stream = env.fromSource(source, strategy)
  const late = new OutputTag('late', defineSchema(ELEMENT))
  const windows = stream
    .keyBy('id')
    .process({ processElement: ({ id, text }, _context, out) => out.collect({ id, bucket: id % 97, length: text.length }) })
    .returns(ELEMENT)
    .keyBy('bucket')
    .window(TumblingEventTimeWindows.of(1000))
    .sideOutputLateData(late)
    .aggregate({ rows: count(), length: sum('length') })
  windows.output('windows')
  windows.getSideOutput(late).output('late')
  stream
    .rebalance()
    .map(({ id }) => id)
    .filter((id) => id % 100 === 0)
    .output('hundreds')
})
