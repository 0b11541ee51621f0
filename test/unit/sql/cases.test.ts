// The cases of test/answers as far as they can be run: a real Flink's columns, rows, changes and refusals.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { type Field, formatType } from '../../../src/batch/types.ts'
import { changeText, runScript } from '../../../src/sql/runtime/run-script.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { typeOf } from './answers.ts'

const FOLDER = fileURLToPath(new URL('../../answers', import.meta.url))
const GROUPS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && entry.name !== 'data' ? [entry.name] : []))
/** So many agree, never fewer than yesterday. */
const AGREED_LEAST = 536
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

type Change = readonly [kind: string, ...values: unknown[]]

interface Answer {
  readonly compare: 'changelog' | 'folded'
  readonly changelog: readonly Change[]
  readonly columns: readonly (readonly [name: string, type: string])[] | null
  readonly upsertKey?: readonly number[]
  readonly error?: string
}

/** Runs a case with a change for each row, as Flink makes them. */
function run(sql: string): { readonly columns: readonly Field[]; readonly changelog: readonly Change[] } {
  let columns: readonly Field[] = []
  const changelog: Change[] = []
  runScript(
    `SET 'table.exec.mini-batch.enabled' = 'false';\n${sql}`,
    {
      columns: (given) => (columns = given),
      change: (kind, row) => changelog.push(changeText(kind, row, columns) as Change),
    },
    { log() {} },
  )
  return { columns, changelog }
}

function isNotThere(error: unknown): boolean {
  return (error instanceof SqlError || error instanceof PlanError) && error.code === 'NOT_SUPPORTED'
}

/** 'agreed', 'later', or what is wrong. */
function judge(sql: string, answer: Answer): string {
  let own: ReturnType<typeof run>
  try {
    own = run(sql)
  } catch (error) {
    if (isNotThere(error)) return process.env['CASES'] === undefined ? 'later' : `later: ${(error as Error).message.split('\n')[0]}`
    return answer.error === undefined ? `failed: ${(error as Error).message}` : 'agreed'
  }
  if (answer.error !== undefined) return `answered, where Flink says ${answer.error}`
  const found = own.columns.map(({ name, type }) => [name, formatType(type)])
  const expected = answer.columns!.map(([name, type]) => [name, formatType(typeOf(type))])
  if (JSON.stringify(found) !== JSON.stringify(expected)) return `columns ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`
  const types = answer.columns!.map(([, type]) => type)
  const rows = difference(folded(answer.changelog, types, answer.upsertKey), folded(own.changelog, types))
  if (rows !== '') return `rows: ${rows}`
  if (answer.compare === 'folded') return 'agreed'
  const changes = difference(bag(answer.changelog, types), bag(own.changelog, types))
  return changes === '' ? 'agreed' : `changes: ${changes}`
}

/** A value as it is compared: floating point to so many digits. */
function canonical(value: unknown, type: string): string {
  const isFloating = /FLOAT|DOUBLE/.test(type)
  if (typeof value === 'string' && /^(?:TINYINT|SMALLINT|INT|BIGINT)\b/.test(type)) return value
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'number' && isFloating ? Number(part.toPrecision(type.includes('FLOAT') ? 6 : 12)) : part,
  )
}

function lineOf([, ...values]: Change, types: readonly string[]): string {
  return values.map((value, index) => canonical(value, types[index])).join(' | ')
}

function count(counts: Map<string, number>, line: string, change: number): void {
  const next = (counts.get(line) ?? 0) + change
  if (next === 0) counts.delete(line)
  else counts.set(line, next)
}

/** The rows that changes leave, and how often each is there. Those of an upsert stream replace each other by its key. */
function folded(changelog: readonly Change[], types: readonly string[], upsertKey?: readonly number[]): Map<string, number> {
  const rows = new Map<string, number>()
  const live = new Map<string, string>()
  for (const change of changelog) {
    const line = lineOf(change, types)
    const isAdded = change[0].startsWith('+')
    if (upsertKey === undefined) count(rows, line, isAdded ? 1 : -1)
    else {
      const key = JSON.stringify(upsertKey.map((column) => change[column + 1]))
      const known = live.get(key)
      if (known !== undefined) count(rows, known, -1)
      live.delete(key)
      if (!isAdded) continue
      live.set(key, line)
      count(rows, line, 1)
    }
  }
  return rows
}

function bag(changelog: readonly Change[], types: readonly string[]): Map<string, number> {
  const changes = new Map<string, number>()
  for (const change of changelog) count(changes, `${change[0]} ${lineOf(change, types)}`, 1)
  return changes
}

function difference(expected: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): string {
  const lines: string[] = []
  for (const [line, times] of expected) if ((found.get(line) ?? 0) < times) lines.push(`missing ${line}`)
  for (const [line, times] of found) if ((expected.get(line) ?? 0) < times) lines.push(`unexpected ${line}`)
  return lines.slice(0, 4).join('; ')
}

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
