// Aggregates of groups, of windows and with OVER: what a real Flink 2.3 answered for each of the scripts of aggregates.jsonl.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Answer, judge } from '../../fixtures/answers.ts'

const DATA = fileURLToPath(new URL('../../answers/data', import.meta.url))

const ANSWERS = readFileSync(new URL('aggregates.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Answer & { readonly name: string; readonly sql: string })

test.each(ANSWERS)('$name', ({ sql, ...answer }) => {
  expect(judge(sql.replaceAll('${DATA}', DATA), answer)).toBe('agreed')
})
