// Tables of made-up rows: Flink's options, where they end, and that no number is left out or made twice over a crash.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { InsertJob, rowsOf, runSql } from '../../fixtures/sql-script.ts'

const folder = mkdtempSync(join(tmpdir(), 'datagen-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tableOf = (columns: string, options: string): string => `CREATE TABLE made (${columns}) WITH ('connector' = 'datagen'${options});`
const SEQUENCE = ", 'fields.n.kind' = 'sequence', 'fields.n.start' = '5', 'fields.n.end' = '9'"

describe('a table of connector datagen', () => {
  it('ends with the shortest sequence', async () => {
    const rows = await runSql(
      `${tableOf('n BIGINT, s STRING', `${SEQUENCE}, 'fields.s.kind' = 'sequence', 'fields.s.start' = '1', 'fields.s.end' = '3'`)} SELECT * FROM made`,
    )
    expect(rows).toEqual([
      ['+I', 5, '1'],
      ['+I', 6, '2'],
      ['+I', 7, '3'],
    ])
  })

  it('has as many rows as are asked for, between the limits of each column', async () => {
    const options =
      ", 'number-of-rows' = '300', 'rows-per-second' = '1000000', 'fields.i.min' = '-3', 'fields.i.max' = '3', 'fields.s.length' = '8'," +
      " 'fields.v.length' = '4', 'fields.v.var-len' = 'true', 'fields.d.min' = '1.25', 'fields.d.max' = '1.50', 'fields.u.null-rate' = '0.5'," +
      " 'fields.t.max-past' = '1 h'"
    const columns = 'i INT, s STRING, v STRING, d DECIMAL(5, 2), u INT, t TIMESTAMP_LTZ(3)'
    const [[, ...counts]] = (
      await runSql(
        `${tableOf(columns, options)}
         SELECT COUNT(*), MIN(i), MAX(i), MIN(CHAR_LENGTH(s)), MAX(CHAR_LENGTH(s)), MIN(CHAR_LENGTH(v)), MAX(CHAR_LENGTH(v)), MIN(d) >= 1.25, MAX(d) <= 1.5,
           COUNT(u) BETWEEN 75 AND 225, COUNT(t) FROM made`,
      )
    ).toReversed()
    expect(counts).toEqual([300, -3, 3, 8, 8, 1, 4, true, true, true, 300])
  })

  it('gives computed columns and watermarks', async () => {
    const table = tableOf('n BIGINT, twice AS n * 2, t AS TO_TIMESTAMP_LTZ(n * 1000, 3), WATERMARK FOR t AS t', SEQUENCE)
    const rows = await runSql(
      `${table} SELECT window_end, SUM(twice) FROM TABLE(TUMBLE(TABLE made, DESCRIPTOR(t), INTERVAL '3' SECOND)) GROUP BY window_start, window_end`,
    )
    expect(rows).toEqual([
      ['+I', '1970-01-01 00:00:06', 10],
      ['+I', '1970-01-01 00:00:09', 42],
      ['+I', '1970-01-01 00:00:12', 18],
    ])
  })

  it.each([1, 2])('goes on behind a checkpoint where it was, with %i subtasks', async (parallelism) => {
    const path = join(folder, `restored-${parallelism}`)
    const script = `${tableOf('n BIGINT', ", 'rows-per-second' = '1000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '500'")}
      CREATE TABLE kept (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'json');
      INSERT INTO kept SELECT * FROM made`
    const job = new InsertJob(script, { parallelism })
    await job.finish(await job.crash(4))
    const kept = await runSql(`CREATE TABLE kept (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'json'); SELECT * FROM kept`)
    expect(rowsOf(kept)).toEqual(Array.from({ length: 500 }, (_, index) => `[${index + 1}]`).toSorted())
  })

  it.each([
    ['n INT', ", 'rows-per-secnd' = '5'", 'Cannot set "rows-per-secnd" of a datagen table: there is no such option'],
    ['n INT', ", 'fields.n.kind' = 'sequence'", 'a sequence needs start and end'],
    ['n INT', ", 'fields.m.min' = '1'", 'Cannot find column "m"'],
    ['n INT NOT NULL', ", 'fields.n.null-rate' = '0.1'", 'Cannot generate rows with fields.n.null-rate = 0.1: the column is INT NOT NULL'],
    ['n INT', ", 'fields.n.min' = 'one'", 'fields.n.min = one'],
    ['b BOOLEAN', ", 'fields.b.max' = 'true'", 'a random BOOLEAN has no use for it'],
  ])('%s%s is refused', async (columns, options, message) => {
    await expect(runSql(`${tableOf(columns, options)} SELECT * FROM made`)).rejects.toThrow(message)
  })

  it('is refused in batch mode where it does not end', async () => {
    const text = `SET 'execution.runtime-mode' = 'batch'; ${tableOf('n INT', '')} SELECT * FROM made`
    await expect(runSql(text)).rejects.toThrow('Table "made" never ends, and batch mode answers when all rows are there')
  })

  it('takes no rows', async () => {
    await expect(runSql(`${tableOf('n INT', '')} INSERT INTO made VALUES (1)`)).rejects.toThrow("connector 'datagen' only makes rows")
  })
})
