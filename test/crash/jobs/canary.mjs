// A job that is wrong: it numbers the records of each key outside of its state, where no checkpoint finds the numbers.
import { defineJob, fileSink, jsonFormat, t } from 'millrace'
import { readRecords } from './records.mjs'

export default defineJob(import.meta, (env, params) => {
  const numbers = new Map()
  readRecords(env, params.in, true)
    .keyBy('key')
    .process({
      processElement({ key, seq }, _context, out) {
        const number = (numbers.get(key) ?? 0) + 1
        numbers.set(key, number)
        out.collect({ key, seq, number })
      },
    })
    .returns({ key: t.string(), seq: t.int(), number: t.int() })
    .sinkTo(fileSink({ path: `${String(params.out)}/numbered/`, format: jsonFormat() }))
})
