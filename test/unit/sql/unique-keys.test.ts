// What tells rows apart, where tables are read in part.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const people = [1, 2, 3].map((id) => JSON.stringify({ before: null, after: { id, city: id < 3 ? 'a' : 'b', age: id }, op: 'c' }))
  writeFileSync(join(folder, 'people.json'), people.join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The first two cities, by their names. */
test.each([
  ['the key is not read', 'SELECT city FROM people ORDER BY city LIMIT 2'],
  ['another column has the name of the key', 'SELECT id FROM people AS p(x, id, y) ORDER BY id LIMIT 2'],
])('first rows do not take the place of each other where %s', (_, query) => {
  const table = `CREATE TABLE people (id BIGINT, city STRING, age INT, PRIMARY KEY (id) NOT ENFORCED)
    WITH ('connector' = 'filesystem', 'path' = '${join(folder, 'people.json')}', 'format' = 'debezium-json');`
  const rows: unknown[] = []
  runScript(table + query, { columns() {}, change: (_kind, row) => rows.push(...row) }, { log() {} })
  expect(rows).toEqual(['a', 'a'])
})
