// What people mistype, and what they are told: the golden file holds each statement and its error. UPDATE_MISTAKES=1 writes it anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../../src/base/errors.ts'
import { insertJobOf } from '../../../src/sql/runtime/compiled-plans.ts'
import { insertJob, queryJob } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'

const GOLDEN = new URL('mistakes.txt', import.meta.url)
const SETUP = `CREATE TABLE t (id INT, a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'json');
CREATE TABLE u (id INT, a INT) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'json');
CREATE TABLE s (a INT, b STRING) WITH ('connector' = 'blackhole');`

function refusalOf(sql: string): MillraceError {
  const session = new SqlSession()
  for (const statement of parseScript(SETUP)) session.execute(statement, SETUP)
  try {
    for (const statement of parseScript(sql)) {
      const result = session.execute(statement, sql)
      const options = { log() {} }
      if (result.kind === 'query') queryJob(result.plan, session, () => {}, options)
      const job = insertJobOf(result, session)
      if (job !== undefined) insertJob(job, options)
    }
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new Error(`Not refused: ${sql}`)
}

/** As the command tells it. */
function told({ code, message, hint }: MillraceError): string {
  const folder = process.cwd()
  return `error [${code}]: ${message}${hint === undefined ? '' : `\n  hint: ${hint}`}`.replaceAll(folder, '/folder')
}

const golden = readFileSync(GOLDEN, 'utf8')
const mistakes = golden
  .split(/^> /m)
  .slice(1)
  .map((block) => {
    const [sql, ...lines] = block.trimEnd().split('\n')
    // A line feed is written out.
    return { sql: sql.replaceAll('\\n', '\n'), error: lines.join('\n') }
  })
if (process.env.UPDATE_MISTAKES === '1')
  writeFileSync(GOLDEN, mistakes.map(({ sql }) => `> ${sql.replaceAll('\n', '\\n')}\n${told(refusalOf(sql))}\n`).join('\n'))

describe('mistakes', () => {
  test.each(mistakes)('$sql', ({ sql, error }) => expect(told(refusalOf(sql))).toBe(error))

  test('are many, and nearly all are shown where they are, with what to do', () => {
    const refusals = mistakes.map(({ sql }) => refusalOf(sql))
    expect(refusals.length).toBeGreaterThan(100)
    expect(refusals.filter((refusal) => refusal instanceof SqlError).length / refusals.length).toBeGreaterThan(0.94)
    expect(refusals.filter(({ hint }) => hint !== undefined).length / refusals.length).toBeGreaterThan(0.7)
  })
})
