// Numbers the records of each key, with states of three kinds and timers of event time. What comes out of each record depends on all of its key
// before it, and on the timers in between, so that one that is lost, doubled or out of place shows.
import { defineJob, fileSink, jsonFormat, listState, mapState, t, valueState } from 'millrace'
import { readRecords } from './records.mjs'

const running = valueState('running', t.int())
const fired = valueState('fired', t.int())
const recent = listState('recent', t.int())
const remainders = mapState('remainders', t.int(), t.int())

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in, true)
    .keyBy('key')
    .process({
      processElement({ key, seq, at, amount }, context, out) {
        const count = context.getState(running)
        const number = (count.value() ?? 0) + 1
        count.update(number)
        const list = context.getState(recent)
        list.add(amount)
        const map = context.getState(remainders)
        map.put(seq % 7, (map.get(seq % 7) ?? 0) + amount)
        if (seq % 5 === 0) context.timerService.registerEventTimeTimer(at + 300)
        let total = 0
        for (const one of list.get()) total += one
        out.collect({ key, seq, number, recent: total, remainder: map.get(seq % 7), fired: context.getState(fired).value() ?? 0 })
      },
      onTimer(_timeMs, context) {
        const count = context.getState(fired)
        count.update((count.value() ?? 0) + 1)
        context.getState(recent).clear()
        if (count.value() % 10 === 0) context.getState(remainders).clear()
      },
    })
    .returns({ key: t.string(), seq: t.int(), number: t.int(), recent: t.int(), remainder: t.int(), fired: t.int() })
    .sinkTo(fileSink({ path: `${String(params.out)}/numbered/`, format: jsonFormat() }))
})
