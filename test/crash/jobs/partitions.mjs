// Records by their time, each few seconds a folder, in parts that are closed all the time; a folder is said to be complete when time has passed it.
import { defineJob, fileSink, jsonFormat, t } from 'millrace'
import { readRecords } from './records.mjs'

const SPAN_MS = 3000

export default defineJob(import.meta, (env, params) => {
  const spanOf = (at) => new Date(Math.floor(at / SPAN_MS) * SPAN_MS).toISOString().slice(0, 19).replace('T', ' ')
  readRecords(env, params.in)
    .map(({ key, seq, at, amount }) => ({ key, seq, amount, span: spanOf(at) }))
    .returns({ key: t.string(), seq: t.int(), amount: t.int(), span: t.string() })
    .sinkTo(
      fileSink({
        path: `${String(params.out)}/spans/`,
        format: jsonFormat(),
        partitionBy: ['span'],
        partitionCommit: { trigger: 'partition-time', delay: SPAN_MS },
        rollingPolicy: { fileSize: 200_000, rolloverInterval: 200, checkInterval: 50 },
      }),
    )
})
