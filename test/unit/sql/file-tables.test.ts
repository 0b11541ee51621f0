// The options of tables of files: what they ask of the file sink, and which are refused.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function insert(name: string, options: string): void {
  const script = `CREATE TABLE files (\`day\` STRING, n INT) PARTITIONED BY (\`day\`)
    WITH ('connector' = 'filesystem', 'path' = '${join(folder, name)}', 'format' = 'json'${options});
    INSERT INTO files VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-01', 3);`
  runScript(script, { columns() {}, change() {} }, { log() {} })
}

/** What readers see in a folder. */
function shown(name: string): readonly string[] {
  return readdirSync(join(folder, name))
    .filter((one) => !one.startsWith('.'))
    .toSorted()
}

test('partitions are folders, and a file says when one is complete', () => {
  insert('marked', ", 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.success-file.name' = 'done'")
  expect(shown('marked')).toEqual(['day=2026-01-01', 'day=2026-01-02'])
  expect(existsSync(join(folder, 'marked/day=2026-01-01/done'))).toBe(true)
  insert('unmarked', '')
  expect(shown('unmarked/day=2026-01-01')).toEqual(['part-0.json'])
})

test.each([
  ['json', ''],
  ['csv', ''],
  ['parquet', ''],
  ['json', 'PARTITIONED BY (`day`)'],
])('several INSERTs of a job write parts of their own into one table of %s %s', (format, partitions) => {
  const path = join(folder, `shared-${format}-${partitions.length}`)
  const table = (name: string): string =>
    `CREATE TABLE ${name} (\`day\` STRING, n INT) ${partitions} WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = '${format}');`
  const rows: number[] = []
  const write = `EXECUTE STATEMENT SET BEGIN
      INSERT INTO t SELECT 'a', n FROM (VALUES (1), (2)) AS v (n);
      INSERT INTO t SELECT 'b', n FROM (VALUES (3), (4)) AS v (n);
      INSERT INTO u SELECT 'a', n FROM (VALUES (5)) AS v (n);
    END;`
  const script = `${table('t')} ${table('u')} ${write} ${write} SELECT n FROM t;`
  runScript(script, { columns() {}, change: (_, row) => void rows.push(row[0] as number) }, { log() {} })
  // Lines of an earlier run are replaced, since the names are the same; files of Parquet, and of partitions, are added to them.
  const once = [1, 2, 3, 4, 5]
  const isAdded = format === 'parquet' || partitions !== ''
  expect(rows.toSorted((one, other) => one - other)).toEqual(isAdded ? once.flatMap((n) => [n, n]) : once)
  expect(readdirSync(path).filter((name) => name.startsWith('.'))).toEqual([])
})

test('a part is closed when it has the size that is asked for', () => {
  insert('small', ", 'sink.rolling-policy.file-size' = '1 b'")
  const texts = shown('small/day=2026-01-01').map((name) => readFileSync(join(folder, 'small/day=2026-01-01', name), 'utf8'))
  expect(texts.toSorted()).toEqual(['{"n":1}\n', '{"n":3}\n'])
})

test.each([
  ["'sink.rolling-policy.file-size' = 'large'", "'sink.rolling-policy.file-size' is 'large'"],
  ["'sink.rolling-policy.rollover-interval' = '5 fortnights'", "'sink.rolling-policy.rollover-interval' is '5 fortnights'"],
  ["'sink.rolling-polcy.file-size' = '1 mb'", "there is no option 'sink.rolling-polcy.file-size'"],
  ["'sink.partition-commit.policy.kind' = 'metastore,success-file'", "'sink.partition-commit.policy.kind' is 'metastore,success-file'"],
  ["'auto-compaction' = 'true'", 'files are not compacted'],
  ["'json.ignore-parse-error' = 'true'", "there is no option 'json.ignore-parse-error'"],
])('%s is refused', (option, message) => {
  expect(() => insert('refused', `, ${option}`)).toThrow(message)
  expect(existsSync(join(folder, 'refused'))).toBe(false)
})
