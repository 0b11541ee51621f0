// In which order inputs are joined that are all inner: whatever it is, the rows are those of all pairs that fulfil the conditions.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

function rowsOf(script: string): unknown[][] {
  const rows: unknown[][] = []
  runScript(script, { columns() {}, change: (_kind, row) => rows.push([...row]) }, { log() {} })
  return rows
}

/** The tables of a plan, in the order in which they are joined. */
function orderOf(script: string, tables: readonly string[]): string {
  const [[text]] = rowsOf(script) as [[string]]
  const [, physical] = text.split('== Physical Plan ==')
  return tables.toSorted((one, other) => physical.indexOf(`.${one}]`) - physical.indexOf(`.${other}]`)).join(' ')
}

const table = (name: string, rows: number): string =>
  `CREATE TABLE ${name} (k INT, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '${rows}', 'fields.k.kind' = 'random', 'fields.v.kind' = 'random');\n`
const NAMES = ['aa', 'bb', 'cc', 'dd']
const TABLES = NAMES.map((name, index) => table(name, [1_000_000, 500_000, 1_000, 10][index])).join('')
const CHAIN = 'SELECT * FROM aa, bb, cc, dd WHERE aa.k = dd.k AND dd.v = cc.k AND cc.v = bb.k'
const BATCH = "SET 'execution.runtime-mode' = 'batch';\n"

test.each([
  ['joins that have a condition stay as they are written', 'SELECT * FROM aa JOIN bb ON aa.k = bb.k JOIN cc ON cc.k = bb.v', '', 'aa bb cc'],
  ['rows are not paired with all others where a condition pairs them with some', CHAIN, '', 'aa dd cc bb'],
  ['what nothing is compared with comes last', 'SELECT * FROM aa, bb, cc WHERE aa.k = cc.k', '', 'aa cc bb'],
  ['a single row may be joined first', 'SELECT * FROM aa, (SELECT COUNT(*) AS c FROM bb) AS single, cc WHERE aa.k = cc.k', '', 'aa bb cc'],
  ['where it is wanted small tables come first', CHAIN, "SET 'table.optimizer.join-reorder-enabled' = 'true';\n", 'cc dd bb aa'],
  ['in batch they do unless it is not wanted', CHAIN, BATCH, 'cc dd bb aa'],
  ['and stay as they are written then', CHAIN, `${BATCH}SET 'table.optimizer.join-reorder-enabled' = 'false';\n`, 'aa dd cc bb'],
  ['outer joins stay where they are', 'SELECT * FROM aa LEFT JOIN bb ON TRUE JOIN dd ON aa.k = dd.k AND bb.k = dd.v', BATCH, 'aa bb dd'],
])('%s', (_, query, settings, expected) => {
  const tables = NAMES.filter((name) => query.includes(name))
  expect(orderOf(`${TABLES}${settings}EXPLAIN ${query}`, tables)).toBe(expected)
})

const cell = fc.option(fc.integer({ min: 0, max: 2 }), { nil: null })
const relation = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 4 })
const joins = fc.integer({ min: 3, max: 5 }).chain((count) => {
  const column = fc.tuple(fc.nat(count - 1), fc.nat(1))
  return fc.record({
    relations: fc.array(relation, { minLength: count, maxLength: count }),
    conditions: fc.array(fc.tuple(column, fc.constantFrom('=', '<', 'IS NOT DISTINCT FROM'), column), { minLength: 1, maxLength: 5 }),
    isBatch: fc.boolean(),
  })
})

test('the rows are those of all pairs that fulfil the conditions', () => {
  fc.assert(
    fc.property(joins, ({ relations, conditions, isBatch }) => {
      const inputs = relations.map(
        (rows, index) =>
          `(VALUES ${rows.map((row) => `(${row.map((value) => (value === null ? 'CAST(NULL AS INT)' : value)).join(', ')})`).join(', ')}) AS r${index}(c0, c1)`,
      )
      const nameOf = ([input, place]: readonly [number, number]): string => `r${input}.c${place}`
      const where = conditions.map(([one, operator, other]) => `${nameOf(one)} ${operator} ${nameOf(other)}`).join(' AND ')
      const script = `${isBatch ? BATCH : ''}SELECT * FROM ${inputs.join(', ')} WHERE ${where}`
      const holds = (row: readonly (number | null)[]): boolean =>
        conditions.every(([[one, a], operator, [other, b]]) => {
          const [left, right] = [row[one * 2 + a], row[other * 2 + b]]
          if (operator === 'IS NOT DISTINCT FROM') return left === right
          return left !== null && right !== null && (operator === '=' ? left === right : left < right)
        })
      const pairs = relations.reduce<(number | null)[][]>((rows, next) => rows.flatMap((row) => next.map((other) => [...row, ...other])), [[]])
      const texts = (rows: readonly unknown[][]): readonly string[] => rows.map((row) => row.join()).toSorted()
      expect(texts(rowsOf(script)), script).toEqual(texts(pairs.filter(holds)))
    }),
    { numRuns: 150 },
  )
})
