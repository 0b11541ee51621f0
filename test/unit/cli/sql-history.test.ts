// The file of what was typed.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { historyPath, SqlHistory } from '../../../src/cli/sql-history.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('lies where states of programs lie, else in the home folder', () => {
  expect(historyPath({ XDG_STATE_HOME: '/states' })).toBe('/states/millrace/history')
  expect(historyPath({})).toBe(join(homedir(), '.millrace_history'))
})

test('a statement is one line, once, the newest first; with comments in it it keeps its lines', () => {
  const path = join(folder, 'new', 'history')
  const history = new SqlHistory(path)
  for (const lines of [['SELECT', '  1;'], ['SELECT 2;'], ['SELECT 1;'], ['SELECT -- all', '3;']]) history.add(lines)
  expect(history.entries).toEqual(['3;', 'SELECT -- all', 'SELECT 1;', 'SELECT 2;'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(new SqlHistory(path).entries.slice(0, 2)).toEqual(['3;', 'SELECT -- all'])
})

test('a file that others may read is closed to them', () => {
  const path = join(folder, 'open')
  writeFileSync(path, 'SELECT 1;\n', { mode: 0o644 })
  expect(new SqlHistory(path).entries).toEqual(['SELECT 1;'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('only the newest are kept', () => {
  const path = join(folder, 'long')
  writeFileSync(path, Array.from({ length: 2500 }, (_, index) => `${index}\n`).join(''))
  const { entries } = new SqlHistory(path)
  expect([entries.length, entries[0], entries.at(-1)]).toEqual([1000, '2499', '1500'])
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(1001)
})

test('a place that cannot be written is no error', () => {
  const history = new SqlHistory(join(folder, 'long', 'below-a-file'))
  history.add(['SELECT 1;'])
  expect(history.entries).toEqual(['SELECT 1;'])
})
