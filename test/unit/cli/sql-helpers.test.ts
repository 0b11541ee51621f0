// The commands of the console that are no SQL.
import { expect, test } from 'vitest'
import { HELP, HELPERS, helperOf } from '../../../src/cli/sql-helpers.ts'

test.each([
  ['\\q', { kind: 'leave' }],
  ['exit;', { kind: 'leave' }],
  ['.quit', { kind: 'leave' }],
  ['help', { kind: 'help' }],
  ['.help', { kind: 'help' }],
  ['\\d', { kind: 'run', sql: 'SHOW TABLES' }],
  ['.tables', { kind: 'run', sql: 'SHOW TABLES' }],
  ["\\d 'a b.csv';", { kind: 'run', sql: "DESCRIBE 'a b.csv'" }],
  ['\\dv', { kind: 'run', sql: 'SHOW VIEWS' }],
  ['\\l', { kind: 'run', sql: 'SHOW DATABASES' }],
  ['\\df', { kind: 'run', sql: 'SHOW FUNCTIONS' }],
  ['\\df json', { kind: 'run', sql: "SHOW FUNCTIONS ILIKE 'json%'" }],
  ['\\df *_value?', { kind: 'run', sql: "SHOW FUNCTIONS ILIKE '%\\_value_'" }],
  ['.schema t', { kind: 'run', sql: 'SHOW CREATE TABLE t' }],
  ['\\i a.sql', { kind: 'file', path: 'a.sql' }],
  [".read 'my file.sql'", { kind: 'file', path: 'my file.sql' }],
  ['\\x', { kind: 'expanded', expansion: undefined }],
  ['\\x off', { kind: 'expanded', expansion: 'off' }],
  ['\\x Auto', { kind: 'expanded', expansion: 'auto' }],
  ['\\x sideways', { kind: 'refused', message: '\\x is "sideways"', hint: 'Write \\x on, \\x off or \\x auto.' }],
  ['.timer on', { kind: 'timing', isOn: true }],
  ['\\timing maybe', { kind: 'refused', message: '\\timing is "maybe"', hint: 'Write \\timing on or \\timing off.' }],
  ['\\i', { kind: 'refused', message: '\\i takes the name of a file', hint: 'Write \\i script.sql.' }],
  ['\\timin', { kind: 'refused', message: 'There is no helper "\\timin"', hint: 'Did you mean \\timing?' }],
  ['.mode csv', { kind: 'refused', message: 'There is no command ".mode"', hint: expect.stringContaining('--format') }],
  ['.nothing', { kind: 'refused', message: 'There is no command ".nothing"', hint: '\\? lists what there is.' }],
  ['SELECT 1', undefined],
  ['.5 + 1', undefined],
  ['', undefined],
])('%s', (line, action) => expect(helperOf(line)).toEqual(action))

test('the help tells every helper', () => expect(HELPERS.filter((helper) => !HELP.includes(`${helper} `))).toEqual([]))
