// Rows as lines, a column each.
import { expect, test } from 'vitest'
import { recordLines } from '../../../src/cli/record-lines.ts'

const PLAIN = { bold: (text: string) => text, dim: (text: string) => text }

test('names stand above each other, rows have numbers, NULL is shown, and nothing moves the cursor', () => {
  expect(
    recordLines(
      ['id', 'naïve 日本'],
      [
        ['1', 'a\nb'],
        [null, ''],
      ],
      9,
      PLAIN,
    ),
  ).toEqual(['─[ 9 ]──────────────', 'id         │ 1', 'naïve 日本 │ a\\nb', '─[ 10 ]─────────────', 'id         │ NULL', 'naïve 日本 │ '])
})
