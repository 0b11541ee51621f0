// The cases of test/answers on two workers with narrow rings between them: the rows are those of one worker.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Field, formatType } from '../../src/batch/types.ts'
import { changeText, runScript } from '../../src/sql/runtime/run-script.ts'
import { type Answer, type Change, difference, folded } from '../fixtures/answers.ts'

const FOLDER = fileURLToPath(new URL('../answers', import.meta.url))
const GROUPS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && entry.name !== 'data' ? [entry.name] : []))
const NARROW = new Map([['millrace.channel.memory-max', '512']])

/** The rows that a script leaves; undefined if it fails: that is for cases.test.ts to judge. */
function rowsOf(sql: string, parallelism: number): Map<string, number> | undefined {
  let columns: readonly Field[] = []
  const changelog: Change[] = []
  const target = {
    columns: (given: readonly Field[]) => (columns = given),
    change: (...[kind, row]: Parameters<Parameters<typeof runScript>[1]['change']>) => changelog.push(changeText(kind, row, columns) as Change),
  }
  try {
    // Row by row, since CURRENT_WATERMARK tells where batches end.
    runScript(`SET 'table.exec.mini-batch.enabled' = 'false';\n${sql}`, target, { log() {}, parallelism, options: NARROW })
  } catch (error) {
    if (parallelism === 1) return undefined
    throw error
  }
  return folded(
    changelog,
    columns.map(({ type }) => formatType(type)),
  )
}

test.each(GROUPS)('%s: two workers answer as one does', (group) => {
  const wrong: string[] = []
  for (const file of readdirSync(join(FOLDER, group))) {
    if (!file.endsWith('.sql')) continue
    const answer = JSON.parse(readFileSync(join(FOLDER, group, file.replace('.sql', '.json')), 'utf8')) as Answer
    if (answer.error !== undefined) continue
    const sql = readFileSync(join(FOLDER, group, file), 'utf8').replaceAll('${DATA}', join(FOLDER, 'data'))
    const expected = rowsOf(sql, 1)
    const verdict = expected === undefined ? '' : difference(expected, rowsOf(sql, 2)!)
    if (verdict !== '') wrong.push(`${file}: ${verdict}`)
  }
  expect(wrong).toEqual([])
})
