// OVER in the order of time with a frame of time, against a count by hand: however far the watermark stays behind, so that many rows are computed at once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { QueryJob } from '../fixtures/query-job.ts'

const folder = mkdtempSync(join(tmpdir(), 'over-frames-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a frame of time has all rows of its time', () => {
  const file = join(folder, 'rows.jsonl')
  // Seconds from one row to the next, and its key.
  const rowArbitrary = fc.record({ step: fc.integer({ min: 0, max: 9 }), key: fc.constantFrom('a', 'b') })
  fc.assert(
    fc.property(
      fc.array(rowArbitrary, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(0, 4, 10, 90),
      (given, frame, delay) => {
        let seconds = 100
        const rows = given.map(({ step, key }, id) => ({ id, key, seconds: (seconds += step) }))
        writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
        const { changelog } = new QueryJob(`CREATE TABLE t (id INT, key STRING, seconds INT, ts AS CAST(TO_TIMESTAMP_LTZ(seconds, 0) AS TIMESTAMP(3)),
        WATERMARK FOR ts AS ts - INTERVAL '${delay}' SECOND) WITH ('connector' = 'filesystem', 'path' = '${file}', 'format' = 'json');
        SELECT id, COUNT(*) OVER (PARTITION BY key ORDER BY ts RANGE BETWEEN INTERVAL '${frame}' SECOND PRECEDING AND CURRENT ROW) FROM t`).run()
        const found = new Map(changelog.map(([, id, count]) => [id as number, Number(count)]))
        // A row at the time of the watermark that its own time has made is late where there is no delay.
        for (const row of rows) {
          const seen = rows.filter(
            (other) => found.has(other.id) && other.key === row.key && other.seconds <= row.seconds && other.seconds >= row.seconds - frame,
          )
          if (found.has(row.id)) expect(found.get(row.id)).toBe(seen.length)
          else expect(delay).toBe(0)
        }
      },
    ),
    { numRuns: 60 },
  )
})
