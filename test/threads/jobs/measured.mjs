// A job whose functions do what the params say with each pushed number: burn time, make garbage, keep state, count.
import { defineJob, t, valueState } from 'millrace'

const last = valueState('last', t.string())

export default defineJob(import.meta, (env, { burnMs = 0, garbage = 0 }) => {
  env
    .input('numbers')
    .union(env.fromElements(0))
    .flatMap(function* ({ from, count } = { from: 0, count: 0 }) {
      for (let number = from; number < from + (count ?? 0); number++) yield number
    })
    .keyBy((number) => number)
    .process({
      open: (context) => void context.metrics.counter('opened').value++,
      processElement(number, context, out) {
        context.metrics.counter(number % 2 === 0 ? 'even' : 'odd').value++
        context.getState(last).update(`number ${number}`)
        const untilMs = performance.now() + burnMs
        while (performance.now() < untilMs);
        for (let round = 0; round < garbage; round++) if (Array.from({ length: 1000 }, () => number).length === 0) return
        out.collect(number)
      },
    })
    .name('Keep')
    .output('numbers')
})
