// Several files whose times overlap: under `timeOrder: 'none'` no row is late because of the order in which files are read, whatever the
// parallelism, the cuts and who steps when; under `sequence` rows of an earlier time in a later file are.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defineSchema, t } from '../../src/batch/types.ts'
import { fileSource, type FileSourceOptions } from '../../src/connector/file/file-source.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count } from '../../src/operator/window/slice-aggregates.ts'
import { runJob, type JobRun } from '../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'

const schema = defineSchema({ at: t.safeInt(), key: t.int() })
const folder = scratchFolder()
/** Four files, the times of each in order and all over the same range; the third begins earliest. */
const FILES = [3, 2, 0, 1].map((first, index) => {
  const path = join(folder, `part-${index}.jsonl`)
  const times = Array.from({ length: 60 }, (_, row) => first * 5 + row * 10)
  writeFileSync(path, times.map((at, row) => `{"at":${at},"key":${row % 3}}\n`).join(''))
  return times
})
const ROWS = FILES.flat().length

async function countByWindow(options: Partial<FileSourceOptions<typeof schema>>, parallelism: number, seed: number, throughMap: boolean): Promise<JobRun> {
  return runJob(
    (env) => {
      const rows = env.from(fileSource({ path: join(folder, '*.jsonl'), format: jsonFormat(), schema, ...options }))
      const mapped = throughMap ? rows.map(({ at, key }) => ({ at, key })).returns(schema) : rows
      mapped
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ at: number; key: number }>().withTimestampAssigner('at'))
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(100))
        .aggregate({ rows: count() })
        .output('windows')
    },
    { parallelism, seed, batchRowsMax: 16 },
  )
}
const total = ({ outputs }: JobRun): number => (outputs.get('windows') ?? []).reduce((sum: number, each) => sum + Number((each as { rows: unknown }).rows), 0)

test.each([1, 2, 3])('none: every row is on time, parallelism %d', async (parallelism) => {
  for (let seed = 1; seed <= 6; seed++)
    for (const throughMap of [false, true]) {
      const run = await countByWindow({ timeOrder: 'none', splitBytes: seed % 2 === 0 ? 400 : 1 << 20, readBytes: 256 }, parallelism, seed, throughMap)
      expect([run.lateRecords, total(run)]).toEqual([0, ROWS])
      // A window more than once would mean that it fired before its last row.
      expect(
        new Set(run.outputs.get('windows')!.map((each) => JSON.stringify(each, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value))))
          .size,
      ).toBe(run.outputs.get('windows')!.length)
    }
})

test('sequence: what a later file brings from before is late, and counted', async () => {
  const run = await countByWindow({ timeOrder: 'sequence' }, 1, 1, false)
  expect(run.lateRecords).toBeGreaterThan(ROWS / 2)
  expect(run.lateRecords + total(run)).toBe(ROWS)
})

test('none: time passes in the last file', async () => {
  const marks: number[] = []
  await runJob(
    (env) => {
      env
        .from(fileSource({ path: join(folder, '*.jsonl'), format: jsonFormat(), schema, timeOrder: 'none' }))
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ at: number; key: number }>().withTimestampAssigner('at'))
        .keyBy('key')
        .process({ processElement: (_row, ctx) => void marks.push(ctx.currentWatermark()) })
        .output('none')
    },
    { batchRowsMax: 16 },
  )
  expect(marks.slice(0, 180).every((mark) => mark < 0)).toBe(true)
  expect(marks.slice(190)).toEqual(FILES[3].slice(9, 59).map((at) => at - 1))
})
