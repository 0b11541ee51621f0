// What of expressions becomes WebAssembly, and when it hands rows over to the code in JavaScript. What it computes is held against the interpreter in
// test/fuzz/column-code.test.ts.
import { expect, test } from 'vitest'
import { Slab } from '../../../../src/base/slab.ts'
import { batchFromObjects } from '../../../../src/batch/batch-rows.ts'
import { Column } from '../../../../src/batch/column.ts'
import { Decimal, defineSchema, t } from '../../../../src/batch/types.ts'
import { ExpressionBinder } from '../../../../src/sql/expression-binder.ts'
import { compileNumbers, type NumberProgram } from '../../../../src/sql/runtime/number-code.ts'
import { readColumn } from '../../../../src/sql/runtime/row-codec.ts'
import { parseExpression } from '../../../../src/sql/statement-parser.ts'

const SCHEMA = defineSchema({
  i: t.int().nullable(),
  l: t.bigint().nullable(),
  d: t.decimal(12, 2).nullable(),
  x: t.double().nullable(),
  b: t.boolean().nullable(),
  ts: t.timestamp(3).nullable(),
  s: t.string().nullable(),
})
const SCOPE = SCHEMA.fields.map(({ name, type }) => ({ name, type, table: 't' }))
const bound = (text: string) => new ExpressionBinder(text, SCOPE).bind(parseExpression(text))

test.each([
  'i + 1',
  'l * l - 3',
  'MOD(l, 123)',
  'i / 7',
  'd * 2 + 1.5',
  '0.908 * d',
  'x * 2e0 / x',
  'CAST(i AS BIGINT)',
  'CAST(d AS DOUBLE)',
  'HOUR(ts)',
  'CASE WHEN i = 0 THEN l WHEN b THEN 2 END',
  'i > 3 AND l <= 7 OR NOT b',
  'd BETWEEN 1 AND 20.5',
  "ts >= TIMESTAMP '2026-01-01 00:00:00'",
  's IS NULL OR i IS NOT NULL',
])('%s is computed', (text) => {
  const slab = new Slab()
  const before = slab.allocatedBytes
  const program = compileNumbers(undefined, [bound(text)], slab)
  expect(program).toBeDefined()
  program!.free()
  expect(slab.allocatedBytes).toBe(before)
})

test.each(["s || 'a'", 'UPPER(s)', 'i / i', 'x = x', 'd / 3', 'CAST(s AS INT)', 'POWER(x, 2)', "s > 'a'"])('%s is left', (text) => {
  const expression = bound(text)
  expect(compileNumbers(expression.type.kind === 'BOOLEAN' ? expression : undefined, [expression], new Slab())).toBeUndefined()
})

const ROWS = [
  { i: 1, l: 5n, d: Decimal.parse('1.25'), x: 0.5, b: true, ts: 0, s: 'a' },
  { i: null, l: 9_223_372_036_854_775_807n, d: Decimal.parse('9999999999.99'), x: null, b: null, ts: null, s: null },
]

function over(rows: readonly object[], program: (slab: Slab) => NumberProgram) {
  const slab = new Slab()
  const batch = batchFromObjects(
    slab,
    SCHEMA,
    rows.map((row) => ({ row })),
  )
  const made = program(slab)
  made.bind(batch)
  return { slab, made }
}

test('rows with numbers that are too large are left to others, NULL or not', () => {
  const expression = bound('0.908 * l')
  const { slab, made } = over(ROWS, (of) => compileNumbers(undefined, [expression], of)!)
  const target = Column.allocate(slab, expression.type, ROWS.length)
  expect(made.compute(0, 0, 1, 0, target)).toBe(true)
  expect(String(readColumn(target, 0))).toBe('4.540')
  expect(made.compute(0, 0, 2, 0, target)).toBe(false)
  expect(made.compute(0, 1, 2, 0, target)).toBe(false)
})

test('a filter says so too', () => {
  const { slab, made } = over(ROWS, (of) => compileNumbers(bound('0.908 * l > 4'), [], of)!)
  const out = slab.allocate(8)
  expect(made.filter!(0, 1, 0, out)).toBe(1)
  expect(made.filter!(0, 2, 0, out)).toBe(-1)
})

test('NULLs are counted where they are, range after range', () => {
  const expression = bound('i + 1')
  const { slab, made } = over([ROWS[0], ROWS[1], ROWS[0]], (of) => compileNumbers(undefined, [expression], of)!)
  const target = Column.allocate(slab, { ...expression.type, nullable: true }, 3)
  expect(made.compute(0, 0, 2, 0, target)).toBe(true)
  expect(made.compute(0, 2, 3, 0, target)).toBe(true)
  expect([target.nullCount, ...[0, 1, 2].map((row) => readColumn(target, row))]).toEqual([1, 2, null, 2])
})

test('a column that is NOT NULL is not computed where a value may be NULL', () => {
  const expression = bound('i + 1')
  const { slab, made } = over(ROWS, (of) => compileNumbers(undefined, [expression], of)!)
  expect(made.compute(0, 0, 1, 0, Column.allocate(slab, { ...expression.type, nullable: false }, 2))).toBe(false)
})
