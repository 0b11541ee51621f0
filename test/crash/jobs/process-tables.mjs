// Numbers the records of each key, into a table that is appended to: a row that is lost, doubled or out of place shows.
import { defineJob, t, valueState } from 'millrace'
import { readRecords } from './records.mjs'
import { tableSink } from './tables.mjs'

const running = valueState('running', t.int())
const fired = valueState('fired', t.int())

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in, true)
    .keyBy('key')
    .process({
      processElement({ key, seq, at }, context, out) {
        const count = context.getState(running)
        const number = (count.value() ?? 0) + 1
        count.update(number)
        if (seq % 5 === 0) context.timerService.registerEventTimeTimer(at + 300)
        out.collect({ key, seq, number, fired: context.getState(fired).value() ?? 0 })
      },
      onTimer(_timeMs, context) {
        const count = context.getState(fired)
        count.update((count.value() ?? 0) + 1)
      },
    })
    .returns({ key: t.string(), seq: t.int(), number: t.int(), fired: t.int() })
    .sinkTo(tableSink(params, 'numbered'))
})
