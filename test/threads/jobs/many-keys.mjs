// Sums by key where every record brings a key of its own: state that only grows.
import { datagenSource, defineJob, defineSchema, reducingState, t, WatermarkStrategy } from 'millrace'

export default defineJob(import.meta, (env, { keys }) => {
  const total = reducingState('total', (left, right) => left + right, t.double())
  const source = datagenSource(defineSchema({ key: t.int() }), {
    rowsPerSecond: Infinity,
    fields: { key: { kind: 'sequence', start: '1', end: String(keys) } },
  })
  env
    .fromSource(source, WatermarkStrategy.noWatermarks())
    .keyBy('key')
    .process({
      processElement: ({ key }, context) => context.getState(total).add(key),
    })
    .name('Sum')
    .forEach(() => {})
})
