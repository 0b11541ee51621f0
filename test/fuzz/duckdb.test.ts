// Random queries against DuckDB: in streaming, with a change for each row and with those of a batch folded, on one worker and on two, and in batch mode.
// The rows that are left must be those of DuckDB. Where DuckDB fails (a number is too large for it) there is nothing to compare; what is refused here is
// refused with a reason on the list.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { systemClock } from '../../src/base/clock.ts'
import { PlanError } from '../../src/base/errors.ts'
import { RowKind } from '../../src/batch/record-batch.ts'
import type { Field, LogicalType } from '../../src/batch/types.ts'
import { jsonOf } from '../../src/sql/changelog-format.ts'
import { queryJob } from '../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../src/sql/session.ts'
import { parseScript } from '../../src/sql/statement-parser.ts'
import type { Value } from '../../src/sql/value.ts'
import { QueryMaker, randomTable, TABLES, type Text } from './random-queries.ts'
import { Draws, report, trials } from './seeds.ts'

/** Queries over the rows of the same tables. */
const OF_THE_SAME_TABLES = 25

/** So many are told at most. */
const WRONG_MAX = 20

/** Why a query may be refused, by the code of the error and a part of its message. */
const REFUSALS: readonly (readonly [code: string, part: RegExp, why: string])[] = []

const MODES = [
  { name: 'batch', options: { 'execution.runtime-mode': 'batch' }, parallelism: 1 },
  { name: 'folded', options: {}, parallelism: 1 },
  { name: 'folded on two workers', options: {}, parallelism: 2 },
  { name: 'row by row', options: { 'table.exec.mini-batch.enabled': 'false' }, parallelism: 1 },
] as const
type Mode = (typeof MODES)[number]

/** A value in a form that both sides share. */
function canonical(value: unknown, { kind }: LogicalType): string {
  if (value === null || value === undefined) return 'NULL'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  switch (kind) {
    case 'DOUBLE':
      return String(Number(Number(value).toPrecision(12)))
    case 'DECIMAL':
    case 'TIMESTAMP':
      // Noughts behind the point.
      return text.replace(/(?<=\.\d*)0+$/, '').replace(/\.$/, '')
    default:
      return text
  }
}

type Bag = Map<string, number>

function add(bag: Bag, line: string, times: number): void {
  const next = (bag.get(line) ?? 0) + times
  if (next === 0) bag.delete(line)
  else bag.set(line, next)
}

function differenceOf(expected: Bag, found: Bag): string {
  const lines: string[] = []
  for (const [line, times] of expected) if (found.get(line) !== times) lines.push(`${times} x ${line} there, ${found.get(line) ?? 0} here`)
  for (const [line, times] of found) if (!expected.has(line)) lines.push(`0 x ${line} there, ${times} here`)
  return lines.slice(0, 3).join('; ')
}

class Tables {
  readonly #session = new SqlSession()
  readonly #connection: DuckDBConnection

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  static async make(connection: DuckDBConnection, draws: Draws): Promise<Tables> {
    const tables = new Tables(connection)
    for (const name of TABLES) {
      const { ours, theirs } = randomTable(draws, name)
      for (const statement of parseScript(ours)) tables.#session.execute(statement, ours)
      await connection.run(theirs.replace('CREATE VIEW', 'CREATE OR REPLACE TABLE'))
    }
    return tables
  }

  run(text: string, { options, parallelism }: Mode): { readonly columns: readonly Field[]; readonly rows: Bag } {
    const session = this.#session
    session.options.clear()
    for (const [key, value] of Object.entries(options)) session.options.set(key, value)
    const [statement] = parseScript(text)
    const result = session.execute(statement, text)
    if (result.kind !== 'query') throw new Error(text)
    const { columns } = result.plan
    const rows: Bag = new Map()
    const take = (kind: RowKind, row: readonly Value[]): void => {
      const line = row.map((value, index) => canonical(jsonOf(value, columns[index].type), columns[index].type)).join(' | ')
      add(rows, line, kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER ? 1 : -1)
    }
    queryJob(result.plan, session, take, { clock: systemClock, parallelism, log() {} }).executor.runToEnd()
    return { columns, rows }
  }

  async ask(text: string): Promise<readonly (readonly unknown[])[]> {
    return (await this.#connection.runAndReadAll(text)).getRowsJson()
  }
}

let connection: DuckDBConnection
beforeAll(async () => (connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()))
afterAll(() => connection.closeSync())

const { first, count } = trials(3200, 100)

describe('random queries', () => {
  test(`${count} answer what DuckDB answers, from seed ${first}`, async () => {
    const wrong: string[] = []
    const refusals = new Map<string, number>()
    let compared = 0
    let tooLarge = 0
    let tables: Tables | undefined
    for (let seed = first; count === 1 ? seed === first : compared < count; seed++) {
      if (tables === undefined || seed % OF_THE_SAME_TABLES === 0) tables = await Tables.make(connection, new Draws(Math.floor(seed / OF_THE_SAME_TABLES)))
      const draws = new Draws(seed)
      const maker = new QueryMaker(draws)
      const query: Text = maker.query()
      const modes = maker.isForBatch ? [MODES[0]] : [MODES[0], draws.pick(MODES.slice(1))]
      const fail = (what: string): void => void wrong.push(`SEED=${seed} ${query.ours}\n  there: ${query.theirs}\n  ${what}`)
      let answer: readonly (readonly unknown[])[]
      try {
        answer = await tables.ask(query.theirs)
      } catch (error) {
        if (/Overflow|Out of Range|out of range/.test((error as Error).message)) tooLarge++
        else fail(`DuckDB: ${(error as Error).message}`)
        continue
      }
      let runs = 0
      for (const mode of modes)
        try {
          const { columns, rows } = tables.run(query.ours, mode)
          const expected: Bag = new Map()
          for (const row of answer) add(expected, row.map((value, index) => canonical(value, columns[index].type)).join(' | '), 1)
          const difference = differenceOf(expected, rows)
          if (difference !== '') fail(`${mode.name}: ${difference}`)
          runs++
        } catch (error) {
          const reason = error instanceof PlanError ? REFUSALS.find(([code, part]) => code === error.code && part.test(error.message)) : undefined
          if (reason === undefined) fail(`${mode.name}: ${(error as Error).stack?.split('\n', 5).join(' ')}`)
          else refusals.set(`${mode.name}: ${reason[2]}`, (refusals.get(`${mode.name}: ${reason[2]}`) ?? 0) + 1)
        }
      if (runs > 0) compared++
      if (wrong.length >= WRONG_MAX) break
    }
    report(`against DuckDB: ${compared} queries from seed ${first} on, ${tooLarge} have numbers that are too large there, ${JSON.stringify([...refusals])}`)
    expect(wrong.sort((left, right) => left.length - right.length)).toEqual([])
  }, 900_000)
})
