// `${NAME}` in scripts.
import { expect, test } from 'vitest'
import { fillVariables } from '../../../src/sql/script-variables.ts'

const ENVIRONMENT = { DATA: '/data', TABLE: 't', EMPTY: '' }

test.each([
  ["'path' = '${DATA}/a.csv'", "'path' = '/data/a.csv'"],
  ['SELECT * FROM ${TABLE}${EMPTY}', 'SELECT * FROM t'],
  ['SELECT 1 -- ${NOBODY} its\n, `${TABLE}`', 'SELECT 1 -- ${NOBODY} its\n, `t`'],
  ['/* ${NOBODY} */ SELECT 1', '/* ${NOBODY} */ SELECT 1'],
  ["'it''s -- ${TABLE}'", "'it''s -- t'"],
  ["'$${TABLE} $$'", "'${TABLE} $$'"],
  ["REGEXP_REPLACE(a, '$', '$1')", "REGEXP_REPLACE(a, '$', '$1')"],
])('%s', (text, filled) => {
  expect(fillVariables(text, ENVIRONMENT)).toBe(filled)
})

test.each(['${NOBODY}', '${}', '${no name}'])('%s is an error that says where', (variable) => {
  expect(() => fillVariables(`SELECT 1,\n  'a${variable}'`, ENVIRONMENT)).toThrow(/There is no environment variable ".*", line 2, column 5\n/)
})
