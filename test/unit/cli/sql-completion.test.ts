// What the tab key offers while SQL is typed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { completions } from '../../../src/cli/sql-completion.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { scratchFolder } from '../connector/file-probe.ts'
import { initials } from '../../fixtures/sql-functions.ts'

const SETUP = "CREATE VIEW sellers AS SELECT 1 AS seller_id, 'a' AS `seller name`; CREATE VIEW bids AS SELECT 2 AS bid_price, 3 AS price;"
const session = new SqlSession()
for (const statement of parseScript(SETUP)) session.execute(statement, SETUP)

const folder = scratchFolder()
mkdirSync(join(folder, 'flights'))
for (const name of ['flights.csv', 'flows.jsonl', '.hidden.csv']) writeFileSync(join(folder, name), '')

function offered(line: string, before = ''): string[] {
  return completions(line, before, session, ['\\d', '\\dt', '\\q'])[0]
}

test.each([
  ['sel', ['select', 'sellers', 'seller_id']],
  ['SELEC', ['SELECT']],
  ['SELECT * FROM ', ['sellers', 'bids']],
  ['SELECT * FROM b', ['bids']],
  ['DESCRIBE s', ['sellers']],
  ['SELECT sellers.', ['seller_id', '`seller name`']],
  ['SELECT bids.p', ['price']],
  ['\\d', ['\\d', '\\dt']],
  ['\\d se', ['sellers']],
  ['SELECT ', []],
])('%s', (line, names) => {
  const found = offered(line)
  expect(found).toEqual(expect.arrayContaining(names))
  if (names.length < 2) expect(found).toEqual(names)
})

test('columns are those of the tables that the statement names', () => {
  expect(offered('SELECT 1 FROM sellers WHERE price')).toEqual([])
  expect(offered('WHERE bid_', 'SELECT 1 FROM bids')).toEqual(['bid_price'])
})

test('functions of users are completed too', () => {
  const of = new SqlSession()
  of.createTemporaryFunction('initials', initials)
  expect(completions('SELECT initials', '', of, [])[0]).toEqual(['initials'])
})

test('words are completed from their beginning', () => {
  expect(completions('SELECT COUN', '', session, [])[1]).toBe('COUN')
})

test('files in quotes, which are closed behind them; folders go on', () => {
  expect(completions(`SELECT * FROM '${folder}/fl`, '', session, [])).toEqual([
    [`${folder}/flights.csv'`, `${folder}/flights/`, `${folder}/flows.jsonl'`],
    `${folder}/fl`,
  ])
  expect(offered(`COPY v TO '${folder}/flo`)).toEqual([`${folder}/flows.jsonl'`])
  expect(offered(`SUMMARIZE '${folder}/.h`)).toEqual([`${folder}/.hidden.csv'`])
  expect(offered(`\\i ${folder}/flow`)).toEqual([`${folder}/flows.jsonl`])
  expect(offered(`SELECT 1 FROM '${folder}/none/`)).toEqual([])
  expect(offered(`SELECT 'fl`)).toEqual([])
})

test('options, those of SQL and those of the engine', () => {
  expect(offered("SET 'table.exec.mini")).toEqual(['table.exec.mini-batch.allow-latency', 'table.exec.mini-batch.enabled', 'table.exec.mini-batch.size'])
  expect(offered("RESET 'parallelism.d")).toEqual(['parallelism.default'])
})
