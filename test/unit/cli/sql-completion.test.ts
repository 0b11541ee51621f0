// What the tab key offers while SQL is typed.
import { expect, test } from 'vitest'
import { completions } from '../../../src/cli/sql-completion.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { SqlSession } from '../../../src/sql/session.ts'

const SETUP = "CREATE VIEW sellers AS SELECT 1 AS seller_id, 'a' AS `seller name`; CREATE VIEW bids AS SELECT 2 AS bid_price, 3 AS price;"
const session = new SqlSession()
for (const statement of parseScript(SETUP)) session.execute(statement, SETUP)

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

test('words are completed from their beginning', () => {
  expect(completions('SELECT COUN', '', session, [])[1]).toBe('COUN')
})
