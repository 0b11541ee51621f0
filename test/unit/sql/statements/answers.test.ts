// Statements one after the other as a real Flink 2.3 answers them: their rows, or that it refuses. A refusal's code is ours.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatType } from '../../../../src/batch/types.ts'
import { SqlSession } from '../../../../src/sql/session.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { parseScript } from '../../../../src/sql/statement-parser.ts'

interface Answer {
  /** A session begins. */
  readonly new?: true
  readonly sql: string
  readonly columns?: readonly (readonly [name: string, type: string])[]
  readonly rows?: readonly (readonly unknown[])[]
  readonly refused?: string
}

const FOLDER = new URL('.', import.meta.url)

function answersOf(file: string): readonly Answer[] {
  const lines = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Answer)
}

/** What a statement comes to, as the answers say it. */
function outcome(session: SqlSession, sql: string): Partial<Answer> {
  try {
    const [statement] = parseScript(sql)
    const result = session.execute(statement, sql)
    return result.kind === 'rows' ? { columns: result.columns.map(({ name, type }) => [name, formatType(type)]), rows: result.rows } : {}
  } catch (error) {
    if (error instanceof SqlError) return { refused: error.code }
    throw error
  }
}

describe('statements answer as Flink does', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl') && file !== 'expressions.jsonl')
  test.each(files)('%s', (file) => {
    let session = new SqlSession()
    for (const answer of answersOf(file)) {
      if (answer.new === true) session = new SqlSession()
      else expect({ sql: answer.sql, ...outcome(session, answer.sql) }).toEqual(answer)
    }
  })
})
