// Whatever a CSV file holds: what is found out about it fits all of it, and texts are read as they stand.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Field } from '../../src/batch/types.ts'
import { runScript } from '../../src/sql/runtime/run-script.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'

const path = join(scratchFolder(), 'any.csv')

/** Values that are near to being of one type or another. */
const POOL = [
  ...['true', 'FALSE', 'True', 't', '0', '1', '-1', '+3', '-0', '007', '-01', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
  ...['1.5', '.5', '5.', '.', '-', '+', 'e', '1e5', '1E-400', '1e400', '-1.e+3', '0x1', 'NaN', 'Infinity', '1_000', ' 5', '5 '],
  ...['2024-02-29', '2023-02-29', '0000-01-01', '0001-01-01', '9999-12-31', '2024-1-1', '2024-01-01 10:00:00', '2024-01-01T10:00:00', '2024-01-01 10:00'],
  ...['2024-01-01T10:00:00Z', '2024-01-01 10:00:00.123456789Z', '2024-01-01 10:00:00.1234567890', '0001-01-01 00:00:00', '9999-12-31 23:59:59.999'],
  ...['1500-01-01 00:00:00.123456', '2024-01-01 23:59:60', '2024-01-01T10:00:00+02:00', 'x', 'a,b', 'a;b', 'a\tb', 'a|b', 'say "x"', 'two\nlines', 'ü', '#'],
]

/** `undefined` stands for NULL. */
const text = fc.record({ text: fc.option(fc.constantFrom(...POOL, ''), { nil: undefined, freq: 6 }), isQuoted: fc.boolean() })
const column = fc.uniqueArray(text, { minLength: 1, maxLength: 3 })
const table = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  columns: fc.array(column, { minLength: 2, maxLength: 4 }),
  choices: fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
})

function written(value: string | undefined, isQuoted: boolean): string {
  if (value === undefined) return ''
  return isQuoted || value === '' || /[",;\t|\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

test('types fit all values, and texts stay as they are', () => {
  fc.assert(
    fc.property(table, ({ delimiter, columns, choices }) => {
      const rows = choices.map((choice) => columns.map((pool, index) => pool[choice[index] % pool.length]))
      const lines = rows.map((row) => row.map((value) => written(value.text, value.isQuoted)).join(delimiter))
      writeFileSync(path, `${[columns.map((_, index) => `name ${index}`).join(delimiter), ...lines].join('\n')}\n`)
      let fields: readonly Field[] = []
      const read: (readonly unknown[])[] = []
      runScript(`SELECT * FROM '${path}'`, { columns: (given) => (fields = given), change: (_, row) => read.push(row) }, { log() {} })
      expect(fields.map(({ name }) => name)).toEqual(columns.map((_, index) => `name ${index}`))
      expect(read).toHaveLength(rows.length)
      for (const [index, { type }] of fields.entries())
        for (const [at, row] of rows.entries()) {
          const given = row[index].text
          const value = read[at][index]
          if (given === undefined || type.kind === 'VARCHAR') expect(value).toBe(given ?? null)
          else if (type.kind === 'BIGINT') expect(value).toBe(BigInt(given))
          else if (type.kind === 'DOUBLE') expect(value).toBe(Number(given))
          else if (type.kind === 'BOOLEAN') expect(value).toBe(given.toLowerCase() === 'true')
          else expect(value).not.toBeNull()
        }
    }),
    { numRuns: 300 },
  )
})
