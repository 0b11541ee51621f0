import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { OutputTag } from '../../../src/api/datastream/stream.ts'
import type { DataStream } from '../../../src/api/datastream/data-stream.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { runJob } from '../../../src/testing/run-job.ts'

const rows = [
  { a: 1, b: 'x' },
  { a: 2, b: 'y' },
  { a: 3, b: 'z' },
]
const schema = defineSchema({ a: t.int(), b: t.string() })
type Row = (typeof rows)[number]
const tag = new OutputTag<Row>('side')

const ways: Readonly<Record<string, (stream: DataStream<Row>) => DataStream<Row>>> = {
  map: (stream) => stream.map<Row>((row) => row),
  'map and an exchange': (stream) => stream.map<Row>((row) => row).rebalance(),
  flatMap: (stream) => stream.flatMap((row) => [row]),
  process: (stream) => stream.process<Row>({ processElement: (row, _context, out) => out.collect(row) }),
  'keyed process': (stream) => stream.keyBy('a').process<Row>({ processElement: (row, _context, out) => out.collect(row) }),
  'a side output without columns': (stream) => stream.process<Row>({ processElement: (row, context) => context.output(tag, row) }).getSideOutput(tag),
  'two inputs': (stream) =>
    stream.connect(stream.filter(() => false)).map<Row>(
      (row) => row,
      (row) => row,
    ),
}

test.each(Object.entries(ways))('a row that is given on as it is becomes a record of its own (%s)', async (_name, way) => {
  const { outputs } = await runJob((env) => void way(env.fromCollection(rows, schema)).output('rows'))
  expect(outputs.get('rows')).toEqual(rows)
})

test('a row shows its values', async () => {
  const seen: string[] = []
  await runJob((env) => void env.fromCollection(rows, schema).forEach((row) => void seen.push(inspect(row))))
  expect(seen).toEqual(rows.map((row) => inspect(row)))
})
