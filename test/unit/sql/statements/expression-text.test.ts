import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { expressionText } from '../../../../src/sql/expression-text.ts'
import { parseExpression } from '../../../../src/sql/statement-parser.ts'

/** Expressions of computed columns, and how a real Flink's SHOW CREATE TABLE writes them. */
const WRITTEN = readFileSync(new URL('expressions.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as [expression: string, text: string])

describe('expressions are written as Flink writes them', () => {
  test.each(WRITTEN)('%s', (expression, text) => expect(expressionText(parseExpression(expression), expression)).toBe(text))

  test('what was written is read as the same', () => {
    // Texts that only Flink reads: its own names for what is not written so.
    const own = WRITTEN.filter(([, text]) => !/u&'|\$|PERIOD|TIMESTAMP WITH/.test(text))
    for (const [, text] of own) expect(expressionText(parseExpression(text), text)).toBe(text)
  })
})
