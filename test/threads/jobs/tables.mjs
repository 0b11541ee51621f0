// Both APIs in one job: numbers of a file as a stream, a table, windows of SQL and groups, streams again, and an INSERT. Fails once if `mark` names a file that
// is not there.
import { existsSync, writeFileSync } from 'node:fs'
import { defineJob, defineSchema, fileSink, fileSource, fn, jsonFormat, sql, StreamTableEnvironment, t, Tumble, WatermarkStrategy } from 'millrace'

const NUMBER = defineSchema({ n: t.safeInt(), at: t.timestamp(3) })

export default defineJob(import.meta, async (env, { input, output, mark }) => {
  const tables = await StreamTableEnvironment.create(env)
  tables.executeSql(sql`
    CREATE TABLE digits (digit BIGINT, numbers BIGINT, total BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = ${`${String(output)}/digits`});
  `)
  const stream = env
    .from(fileSource({ path: input, format: jsonFormat(), schema: NUMBER, splitBytes: 4096, readBytes: 512 }))
    .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness(50).withTimestampAssigner('at'))
  const numbers = tables.fromDataStream(stream, { rowtime: 'at' })
  const windows = numbers
    .where((row) => row.n.mod(2).eq(0))
    .window(Tumble.over(1000).on('at'))
    .groupBy('window_start', 'window_end', 'window_time')
    .aggregate((row) => ({ numbers: fn.count(), total: row.n.sum() }))
  windows
    .toDataStream()
    .keyBy((window) => window.window_start % 7)
    .map((window) => {
      if (typeof mark === 'string' && window.window_start > 2000 && !existsSync(mark)) {
        writeFileSync(mark, '')
        throw new Error('failed once')
      }
      return { start: window.window_start, time: window.window_time, numbers: Number(window.numbers), total: window.total }
    })
    .returns({ start: t.timestamp(3), time: t.timestamp(3), numbers: t.int(), total: t.safeInt().nullable() })
    .sinkTo(fileSink({ path: `${String(output)}/windows.jsonl`, format: jsonFormat() }))
  // Counted as they change, and again of the changes.
  const digits = tables.sqlQuery(sql`SELECT MOD(n, ${10}) AS digit, COUNT(*) AS numbers, SUM(n) AS total FROM ${numbers} GROUP BY MOD(n, ${10})`)
  const again = tables.fromChangelogStream(digits.toChangelogStream())
  again
    .aggregate((row) => ({ digits: fn.count(), numbers: row.numbers.sum() }))
    .toChangelogStream()
    .output('totals')
  tables
    .sqlQuery(sql`SELECT * FROM ${numbers}`)
    .window(Tumble.over(100_000_000).on('at'))
    .groupBy((row) => ({ start: row.window_start, end: row.window_end, digit: row.n.mod(10) }))
    .select((row) => ({ digit: row.digit, numbers: fn.count(), total: row.n.sum() }))
    .insertInto('digits')
})
