// Two sources, joined by distance in time.
import { csvFormat, defineJob, fileSink, t } from 'millrace'
import { readRecords } from './records.mjs'

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in)
    .keyBy('key')
    .intervalJoin(readRecords(env, params.right).keyBy('key'))
    .between(-50, 50)
    .process({
      processElement: (left, right, _context, out) => out.collect({ key: left.key, left: left.seq, right: right.seq, product: left.amount * right.amount }),
    })
    .returns({ key: t.string(), left: t.int(), right: t.int(), product: t.int() })
    .sinkTo(fileSink({ path: `${String(params.out)}/joined/`, format: csvFormat() }))
})
