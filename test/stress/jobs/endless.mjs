// Never ends by itself: rows by key and in turn, a named input beside them.
import { datagenSource, defineJob, defineSchema, t, WatermarkStrategy } from 'millrace'

export default defineJob(import.meta, (env) => {
  env
    .fromSource(datagenSource(defineSchema({ key: t.int(), text: t.string() }), { rowsPerSecond: Infinity }), WatermarkStrategy.noWatermarks())
    .name('Rows')
    .keyBy('key')
    .process({ processElement: ({ key }, _context, out) => out.collect(key) })
    .name('Keys')
    .rebalance()
    .forEach(() => {})
    .name('End')
  env
    .input('numbers')
    .rebalance()
    .map((number) => number + 1)
    .output('numbers')
})
