// Where statements end that are typed line by line.
import { expect, test } from 'vitest'
import { isBlank, isComplete } from '../../../src/cli/statement-text.ts'

test.each([
  'SELECT 1;',
  'SELECT 1; ',
  'SELECT 1; -- done',
  "SELECT ';';",
  "SELECT 'it''s';",
  'SELECT `a;`;',
  '/* ; */ SELECT 1;',
  'SELECT 1; SELECT 2;',
  'BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;',
  'EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;',
  'BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END; SELECT 1;',
  ';',
])('%s is complete', (text) => {
  expect(isComplete(text)).toBe(true)
})

test.each([
  'SELECT 1',
  'SELECT 1 -- ;',
  "SELECT ';",
  "SELECT 'it'';",
  'SELECT `a;',
  'SELECT 1 /* ;',
  'SELECT 1 /*/;',
  'SELECT 1; SELECT',
  'BEGIN STATEMENT SET;',
  'BEGIN STATEMENT SET; INSERT INTO a SELECT 1;',
  'EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;',
])('%s goes on', (text) => {
  expect(isComplete(text)).toBe(false)
})

test('comments and white space are nothing, an open comment is something', () => {
  expect(['', ' \n', '-- a', '/* a */ '].map(isBlank)).toEqual([true, true, true, true])
  expect(['/* a', "''", ';', 'a'].map(isBlank)).toEqual([false, false, false, false])
})
