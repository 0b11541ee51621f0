// Word count with tables and SQL: prints each word with its count, most frequent first.
//   millrace run examples/word-count/word-count-table.ts -- --path words.txt
import { defineJob, defineSchema, fileSource, fn, sql, StreamTableEnvironment, t, textFormat } from 'millrace'

export default defineJob(import.meta, async (env, { path = 'words.txt', limit = 10 }) => {
  const tables = await StreamTableEnvironment.create(env)
  tables.executeSql(`
    SET 'execution.runtime-mode' = 'batch';
    CREATE TABLE printed (word STRING, n BIGINT) WITH ('connector' = 'print')`)

  const words = env
    .from(fileSource({ path: path as string, format: textFormat(), schema: defineSchema({ line: t.string() }) }))
    .flatMap(({ line }) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
    .map((word) => ({ word }))
    .returns({ word: t.string() })
  const counts = tables
    .fromDataStream(words)
    .groupBy('word')
    .aggregate(() => ({ n: fn.count() }))
  tables.sqlQuery(sql`SELECT * FROM ${counts} ORDER BY n DESC, word LIMIT ${Number(limit)}`).insertInto('printed')
})
