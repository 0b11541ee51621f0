// Two endless sources of one alignment group, one fast and one slow, each with a reader on every worker. Each reader counts its own event time up
// from 0; the fast ones note how far they are ahead of the slowest, at the moment they see a record.
import { datagenSource, defineJob, defineSchema, t, WatermarkStrategy } from 'millrace'

export default defineJob(import.meta, (env, { shared, maxDriftMs, slowRowsPerSecond, endMs }) => {
  const words = new Int32Array(shared)
  const readers = (source) => {
    let atMs = 0
    const strategy = WatermarkStrategy.forMonotonousTimestamps()
      .withTimestampAssigner(() => atMs++)
      .withWatermarkAlignment('both', maxDriftMs)
    return env.fromSource(source, strategy)
  }
  const schema = defineSchema({ value: t.int() })
  // Words: for each subtask the time its slow reader is at, then for each the largest lead of its fast reader.
  readers(datagenSource(schema, { rowsPerSecond: slowRowsPerSecond }))
    .process({
      processElement: (_row, context, out) => {
        Atomics.store(words, context.subtaskIndex, context.timestamp())
        if (context.timestamp() === endMs) out.collect(context.subtaskIndex)
      },
    })
    .output('reached')
  readers(datagenSource(schema, { rowsPerSecond: Infinity }))
    .process({
      processElement: (_row, context) => {
        const { subtaskIndex, parallelism } = context
        let slowest = Infinity
        for (let subtask = 0; subtask < parallelism; subtask++) slowest = Math.min(slowest, Atomics.load(words, subtask))
        const lead = parallelism + subtaskIndex
        Atomics.store(words, lead, Math.max(Atomics.load(words, lead), context.timestamp() - slowest))
      },
    })
    .forEach(() => {})
})
