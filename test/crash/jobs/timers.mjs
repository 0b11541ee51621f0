// A process function with timers of event time, whose results do not depend on the order in which several readers bring the records of a key: each
// instant of a key has a timer, which tells what came at that instant.
import { csvFormat, defineJob, fileSink, mapState, t } from 'millrace'
import { readRecords } from './records.mjs'

const counts = mapState('counts', t.safeInt(), t.int())
const totals = mapState('totals', t.safeInt(), t.int())
const DELAY = 300

export default defineJob(import.meta, (env, params) => {
  readRecords(env, params.in)
    .keyBy('key')
    .process({
      processElement({ amount }, context) {
        const at = context.timestamp()
        const [countOf, totalOf] = [context.getState(counts), context.getState(totals)]
        countOf.put(at, (countOf.get(at) ?? 0) + 1)
        totalOf.put(at, (totalOf.get(at) ?? 0) + amount)
        context.timerService.registerEventTimeTimer(at + DELAY)
      },
      onTimer(timeMs, context, out) {
        const at = timeMs - DELAY
        const [countOf, totalOf] = [context.getState(counts), context.getState(totals)]
        out.collect({ key: context.getCurrentKey(), at, records: countOf.get(at), total: totalOf.get(at) })
        countOf.remove(at)
        totalOf.remove(at)
      },
    })
    .returns({ key: t.string(), at: t.safeInt(), records: t.int(), total: t.int() })
    .sinkTo(fileSink({ path: `${String(params.out)}/timers/`, format: csvFormat() }))
})
