// Window counts over rows that a seed makes, with late ones to a side output.
import { count, defineJob, defineSchema, OutputTag, sum, t, TumblingEventTimeWindows, WatermarkStrategy } from 'millrace'

const columns = { id: t.int(), key: t.string(), at: t.safeInt(), amount: t.int() }

export default defineJob(import.meta, (env, { rows }) => {
  const late = new OutputTag('late', defineSchema(columns))
  const input = Array.from({ length: rows }, (_, id) => ({ id, key: `k${(id * 7919) % 101}`, at: id - ((id * 31) % 50), amount: id % 13 }))
  const windows = env
    .fromCollection(input, defineSchema(columns))
    .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness(30).withTimestampAssigner('at'))
    .filter((row) => row.id % 5 !== 0)
    .setParallelism(1)
    .map((row) => ({ ...row, amount: row.amount + 1 }))
    .setParallelism(1)
    .returns(columns)
    .keyBy((row) => row.key)
    .window(TumblingEventTimeWindows.of(100))
    .sideOutputLateData(late)
    .aggregate({ rows: count(), total: sum('amount') })
  windows.output('windows')
  windows
    .getSideOutput(late)
    .map((row) => row.id)
    .output('late')
})
