// Bitmaps in SQL, beside what a real Flink answers in test/answers-own/bitmap: in checkpoints, in functions of users, and where they are refused.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { RoaringBitmap } from '../../../src/base/roaring-bitmap.ts'
import { type Field, t } from '../../../src/batch/types.ts'
import type { JobSnapshot } from '../../../src/checkpoint/job-snapshot.ts'
import { changeSink } from '../../../src/sql/runtime/change-sink.ts'
import { queryOptions } from '../../../src/sql/runtime/query-options.ts'
import { executorOf } from '../../../src/sql/runtime/run-query.ts'
import { changeText, runScript } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { scalarFunction } from '../../../src/sql/user-functions.ts'
import type { Change } from '../../fixtures/answers.ts'

const folder = mkdtempSync(join(tmpdir(), 'bitmaps-'))
afterAll(() => rmSync(folder, { recursive: true }))

function changesOf(sql: string, session = new SqlSession()): readonly Change[] {
  let columns: readonly Field[] = []
  const changes: Change[] = []
  runScript(
    sql,
    { columns: (given) => (columns = given), change: (kind, row) => changes.push(changeText(kind, row, columns) as Change) },
    { session, log() {} },
  )
  return changes
}

/** The rows that are left in the end. */
function left(changes: readonly Change[]): readonly string[] {
  const rows: string[] = []
  for (const [kind, ...values] of changes)
    if (kind.startsWith('+')) rows.push(JSON.stringify(values))
    else rows.splice(rows.indexOf(JSON.stringify(values)), 1)
  return rows.toSorted()
}

describe('aggregates of bitmaps', () => {
  const events = Array.from({ length: 400 }, (_, index) => ({ k: `k${index % 3}`, n: (index * 7919) % 100 }))
  writeFileSync(join(folder, 'events.json'), events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  // Each third of what came is taken back later.
  const taken = (index: number): boolean => index % 3 === 0 && index < 300
  const changing = events.flatMap((after, index) => [
    { op: 'c', before: null, after },
    ...(index >= 50 && taken(index - 50) ? [{ op: 'd', before: events[index - 50], after: null }] : []),
  ])
  writeFileSync(join(folder, 'changes.json'), changing.map((change) => `${JSON.stringify(change)}\n`).join(''))

  test.each([
    ['events.json', 'json', () => true],
    ['changes.json', 'debezium-json', (index: number) => !taken(index)],
  ] as const)('of %s are in checkpoints, which as many subtasks read or others', (file, format, isLeft) => {
    const sql = `CREATE TABLE events (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${join(folder, file)}', 'format' = '${format}');
      SELECT k, BITMAP_BUILD_AGG(n) AS b, BITMAP_BUILD_AGG(DISTINCT n) AS d, BITMAP_OR_AGG(m) AS o, BITMAP_AND_AGG(m) AS a, BITMAP_XOR_AGG(m) AS x,
        BITMAP_OR_CARDINALITY_AGG(m) AS oc, BITMAP_XOR_CARDINALITY_AGG(m) AS xc
      FROM (SELECT k, n, BITMAP_BUILD(ARRAY[n, 1000, 70000 + MOD(n, 3)]) AS m FROM events) GROUP BY k;`
    const changes: Change[] = []
    let covered = 0
    const executor = (parallelism: number, restore?: JobSnapshot) => {
      const session = new SqlSession()
      const results = parseScript(sql).map((statement) => session.execute(statement, sql))
      const { plan } = results.at(-1) as Extract<(typeof results)[number], { readonly kind: 'query' }>
      const sink = changeSink((kind, row) => changes.push(changeText(kind, row, plan.columns) as Change))
      const counting = {
        ...sink,
        createWriter: (...given: Parameters<typeof sink.createWriter>) => ({ ...sink.createWriter(...given), snapshot: () => (covered = changes.length) }),
      }
      const options = {
        ...queryOptions(session, [plan]),
        jobName: 'bitmaps',
        clock: new VirtualClock(),
        parallelism,
        options: undefined,
        batchRowsMax: 16,
        log() {},
      }
      return executorOf((planner) => planner.addSink(plan, counting), { ...options, isCheckpointed: true, ...(restore && { restore }) })
    }
    let snapshot: JobSnapshot | undefined
    for (const [index, parallelism] of [1, 2, 3].entries()) {
      const job = executor(parallelism, snapshot)
      const rows = changes.length
      let found: JobSnapshot | undefined
      for (let isUnderWay = false; found === undefined && !job.hasProcessed;) {
        if (!isUnderWay && changes.length > rows) {
          isUnderWay = true
          job.startCheckpoint(index + 1)
        }
        job.step()
        if (isUnderWay) found = job.takeCheckpoint()
      }
      expect(found).toBeDefined()
      job.abandon()
      changes.length = covered
      snapshot = found
    }
    executor(2, snapshot).runToEnd()
    const expected = ['k0', 'k1', 'k2'].map((k) => {
      const values = events.filter((event, index) => event.k === k && isLeft(index)).map(({ n }) => n)
      const maps = values.map((n) => RoaringBitmap.of([n, 1000, 70_000 + (n % 3)]))
      const built = RoaringBitmap.of(values)
      const [or, and, xor] = [
        maps.reduce((one, other) => one.or(other)),
        maps.reduce((one, other) => one.and(other)),
        maps.reduce((one, other) => one.xor(other)),
      ]
      return JSON.stringify([k, ...[built, built, or, and, xor].map(String), or.cardinality, xor.cardinality])
    })
    expect(left(changes)).toEqual(expected)
  })

  test('of windows are those of their slices', () => {
    const [[, both, or]] = changesOf(`CREATE TABLE e (n INT, ts AS TO_TIMESTAMP_LTZ(n, 0), WATERMARK FOR ts AS ts)
        WITH ('connector' = 'datagen', 'number-of-rows' = '3000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '3000');
      SELECT BITMAP_BUILD_AGG(n) AS b, BITMAP_OR_AGG(BITMAP_BUILD(ARRAY[n])) AS o FROM TABLE(HOP(TABLE e, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '2' HOUR))
        GROUP BY window_start, window_end HAVING BITMAP_CARDINALITY(BITMAP_BUILD_AGG(n)) = 3000`)
    expect([both, or]).toEqual(Array.from({ length: 2 }, () => `{${Array.from({ length: 3000 }, (_, index) => index + 1).join(',')}}`))
  })
})

describe('functions of users', () => {
  const session = (eval_: (bitmap: Uint8Array) => Uint8Array): SqlSession => {
    const own = new SqlSession()
    own.createTemporaryFunction('f', scalarFunction({ arguments: [t.bitmap()], returns: t.bitmap(), eval: eval_ }))
    return own
  }

  test('take and give the bytes of bitmaps', () => {
    const next = session((bytes) =>
      RoaringBitmap.of(
        RoaringBitmap.fromBytes(bytes)
          .toArray()
          .map((value) => value + 1),
      ).toBytes(),
    )
    expect(changesOf('SELECT f(BITMAP_BUILD(ARRAY[1, 5])) AS x', next)).toEqual([['+I', '{2,6}']])
  })

  test('give no other bytes', () => {
    expect(() =>
      changesOf(
        'SELECT f(BITMAP_BUILD(ARRAY[1])) AS x',
        session(() => Uint8Array.of(1, 2)),
      ),
    ).toThrow(/is no BITMAP NOT NULL, which is a Roaring bitmap in a Uint8Array/)
  })
})

test.each([
  ["SELECT BITMAP_FROM_BYTES(x'0011223344') AS x", 'These bytes are no Roaring bitmap: they begin with no mark of one'],
  ['SELECT BITMAP_BUILD(ARRAY[1]) < BITMAP_BUILD(ARRAY[2]) AS x', '< does not take BITMAP, BITMAP'],
  ['SELECT * FROM (SELECT BITMAP_BUILD(ARRAY[1]) AS b) ORDER BY b', 'Values of type BITMAP have no order'],
  ['SELECT BITMAP_OR_AGG(x) AS b FROM (VALUES (1)) AS v (x)', 'BITMAP_OR_AGG does not take INT NOT NULL'],
  ['SELECT CAST(BITMAP_BUILD(ARRAY[1]) AS INT) AS x', 'Cannot cast BITMAP to INT'],
  [
    `CREATE TABLE t (b BITMAP) WITH ('connector' = 'filesystem', 'path' = '${folder}/x', 'format' = 'json'); SELECT * FROM t`,
    'Cannot read or write column "b" as JSON: it is BITMAP',
  ],
  [
    `CREATE TABLE t (a INT, b ARRAY<BITMAP>) WITH ('connector' = 'filesystem', 'path' = '${folder}/x', 'format' = 'csv'); SELECT * FROM t`,
    'Cannot read or write column "b" as CSV: it is ARRAY<BITMAP>',
  ],
  ["CREATE TABLE t (b BITMAP) WITH ('connector' = 'datagen'); SELECT * FROM t", 'Cannot generate the column "b": datagen makes no values of type BITMAP'],
])('%s is refused', (sql, message) => {
  expect(() => changesOf(sql)).toThrow(message)
})
