// The cases of test/answers-own, written here and answered by a real Flink: its columns, rows, changes and refusals.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Answer, judge } from '../../fixtures/answers.ts'

const FOLDER = fileURLToPath(new URL('../../answers-own', import.meta.url))
const GROUPS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && entry.name !== 'data' ? [entry.name] : []))

test.each(GROUPS)('%s: own cases answer as Flink does', (group) => {
  const wrong: string[] = []
  for (const file of readdirSync(join(FOLDER, group))) {
    if (!file.endsWith('.sql')) continue
    const path = join(FOLDER, group, file)
    const sql = readFileSync(path, 'utf8').replaceAll('${DATA}', join(FOLDER, 'data'))
    const verdict = judge(sql, JSON.parse(readFileSync(path.replace('.sql', '.json'), 'utf8')) as Answer)
    if (verdict !== 'agreed') wrong.push(`${group}/${file}: ${verdict}`)
  }
  expect(wrong).toEqual([])
})
