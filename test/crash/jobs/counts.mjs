// Counts the records of many keys, with a state of each kind and no timers: all of it may leave memory. What comes out of each record depends on all of
// its key before it.
import { defineJob, fileSink, jsonFormat, listState, mapState, t, valueState } from 'millrace'
import { readRecords } from './records.mjs'

const running = valueState('running', t.int())
const any = valueState('any')
const recent = listState('recent', t.int())
const remainders = mapState('remainders', t.int(), t.int())

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in, true)
    .keyBy(({ key, amount }) => `${key}-${amount}`)
    .process({
      open(context) {
        context.getState(running)
        context.getState(recent)
      },
      processElement({ key, seq, amount }, context, out) {
        const count = context.getState(running)
        const nth = (count.value() ?? 0) + 1
        count.update(nth)
        const last = context.getState(any)
        const before = last.value()?.seq ?? -1
        last.update({ seq })
        const list = context.getState(recent)
        if (nth % 3 === 0) list.clear()
        list.add(seq)
        const map = context.getState(remainders)
        map.put(seq % 7, (map.get(seq % 7) ?? 0) + 1)
        let total = 0
        for (const one of list.get()) total += one
        out.collect({ key, amount, seq, nth, before, recent: total, remainder: map.get(seq % 7) })
      },
    })
    .returns({ key: t.string(), amount: t.int(), seq: t.int(), nth: t.int(), before: t.int(), recent: t.int(), remainder: t.int() })
    .sinkTo(fileSink({ path: `${String(params.out)}/counts/`, format: jsonFormat() }))
})
