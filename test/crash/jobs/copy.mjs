// No exchange at all: each reader has a sink of its own, and which of them reads a split is left to chance.
import { csvFormat, defineJob, fileSink } from 'millrace'
import { readRecords } from './records.mjs'

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in)
    .filter((record) => record.seq % 3 === 0)
    .select('key', 'seq', 'amount')
    .sinkTo(fileSink({ path: `${String(params.out)}/copied/`, format: csvFormat() }))
})
