// The cases of test/answers as far as they can be run: a real Flink's columns, rows, changes and refusals.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Answer, judge } from '../../fixtures/answers.ts'

const FOLDER = fileURLToPath(new URL('../../answers', import.meta.url))
const GROUPS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && entry.name !== 'data' ? [entry.name] : []))
/** So many agree, never fewer than yesterday. */
const AGREED_LEAST = 547
/** Cases whose answer is a defect of Flink. */
const QUIRKS = new Set(
  readFileSync(join(FOLDER, 'quirks.txt'), 'utf8')
    .split('\n')
    .map((line) => line.split('\t')[0]),
)

/** Cases that are known to be wrong here, with what is missing. */
const OPEN = new Map(
  readFileSync(join(FOLDER, 'open.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t') as [string, string]),
)

const agreed: string[] = []
const cases: string[] = []

test.each(GROUPS)('%s: what runs answers as Flink does', (group) => {
  const wrong: string[] = []
  for (const file of readdirSync(join(FOLDER, group))) {
    if (!file.endsWith('.sql')) continue
    const name = `${group}/${file.replace('.sql', '')}`
    const sql = readFileSync(join(FOLDER, group, file), 'utf8').replaceAll('${DATA}', join(FOLDER, 'data'))
    const answer = JSON.parse(readFileSync(join(FOLDER, group, file.replace('.sql', '.json')), 'utf8')) as Answer
    const verdict = judge(sql, answer)
    cases.push(name)
    if (verdict === 'agreed') agreed.push(name)
    else if (verdict !== 'later' && !QUIRKS.has(name) && !(OPEN.has(name) && process.env['CASES'] === undefined)) wrong.push(`${name}: ${verdict}`)
  }
  expect(wrong).toEqual([])
})

test('cases that are known to be wrong are there', () => {
  expect([...OPEN.keys()].filter((name) => !cases.includes(name))).toEqual([])
})

test('more cases agree than before', () => {
  process.stdout.write(`  answers: ${agreed.length} of ${cases.length} cases agree with Flink\n`)
  expect(agreed.length).toBeGreaterThanOrEqual(AGREED_LEAST)
})
