// The operators of chains under the harness: all at once and row by row, refused, restored, in random batches. Windows, joins and process
// functions have theirs beside their own tests.
import { expect, test } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { type DataType, defineSchema, OBJECT_SCHEMA, t } from '../../src/batch/types.ts'
import { KeyOperator } from '../../src/operator/basic/key-operator.ts'
import { ProjectOperator, projectedSchemaOf } from '../../src/operator/basic/project-operator.ts'
import { type NamedRowStage, rowOperator } from '../../src/operator/basic/row-operator.ts'
import { WatermarkOperator } from '../../src/operator/basic/watermark-operator.ts'
import type { Operator } from '../../src/operator/operator.ts'
import { count, first, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../src/operator/window/slice-window-operator.ts'
import type { AlignedWindows } from '../../src/operator/window/slices.ts'
import { type HarnessResult, type HarnessStep, runOperatorHarness } from '../../src/testing/operator-harness.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'

const COLUMNS: Record<string, DataType<never>> = { id: t.int(), key: t.string().nullable(), at: t.safeInt(), amount: t.double() } as never
const SCHEMA = defineSchema(COLUMNS)
interface Row {
  readonly id: number
  readonly key: string | null
  readonly at: number
  readonly amount: number
}

function steps(seed: number, rows: number = 40): HarnessStep[] {
  const random = new Random(seed)
  const list: HarnessStep[] = []
  let watermarkMs = 0
  for (let id = 0; id < rows; id++) {
    const at = id * 4 - random.integer(12)
    list.push({ row: { id, key: random.integer(5) === 0 ? null : `k${random.integer(4)}`, at, amount: random.integer(50) / 2 }, timestamp: at })
    if (random.integer(4) === 0) list.push({ watermark: (watermarkMs = Math.max(watermarkMs, at - 6)) })
  }
  return list
}

const stage = (kind: NamedRowStage['kind'], fn: (value: never, out: never) => unknown): NamedRowStage => ({ kind, fn, name: kind }) as never
const byColumn = (record: { readonly row: unknown }): Row => record.row as Row
const harness = (create: () => Operator, seed: number = 1, keyOf?: (row: never) => unknown): HarnessResult =>
  runOperatorHarness({ create, inputs: [{ schema: SCHEMA }], steps: steps(seed), seed, ...(keyOf && { keyOf }) })

const OPERATORS: Record<string, () => Operator> = {
  'a filter': () => rowOperator(SCHEMA, [stage('filter', (row: Row) => row.id % 3 !== 0)], SCHEMA),
  'a filter that lets nothing pass': () => rowOperator(SCHEMA, [stage('filter', () => false)], SCHEMA),
  'a map to rows': () => rowOperator(SCHEMA, [stage('map', (row: Row) => ({ ...row, amount: -row.amount }))], SCHEMA),
  'a map to objects': () => rowOperator(SCHEMA, [stage('map', (row: Row) => ({ twice: row.id * 2 }))], OBJECT_SCHEMA),
  'a flatMap': () =>
    rowOperator(SCHEMA, [stage('flatMap', (row: Row) => Array.from({ length: row.id % 4 }, (_, copy) => ({ ...row, id: row.id * 10 + copy })))], SCHEMA),
  'map, filter and flatMap in one loop': () =>
    rowOperator(
      SCHEMA,
      [
        stage('map', (row: Row) => ({ ...row, id: row.id + 1 })),
        stage('filter', (row: Row) => row.id % 2 === 0),
        stage('flatMap', (row: Row, out: { collect(value: unknown): void }) => (out.collect(row.id), out.collect(-row.id))),
      ],
      OBJECT_SCHEMA,
    ),
  'a projection': () => new ProjectOperator(projectedSchemaOf(SCHEMA, ['amount', 'id']), [3, 0]),
  'a key function': () => new KeyOperator(SCHEMA, (row) => [(row as Row).key, (row as Row).id % 3]),
}

test.each(Object.keys(OPERATORS))('%s sends the same however it is run', (name) => {
  for (const seed of [1, 2, 3]) harness(OPERATORS[name], seed)
  expect(harness(OPERATORS['a projection']).rows.map(({ row }) => (row as Row).id)).toEqual(Array.from({ length: 40 }, (_, id) => id))
})

test.each([
  ['bounded', WatermarkStrategy.forBoundedOutOfOrderness<Row>(5).withTimestampAssigner('at')],
  ['monotonous by function', WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.at)],
  [
    'punctuated',
    WatermarkStrategy.forGenerator<Row>(() => ({ onEvent: (row, atMs) => (row.id % 5 === 0 ? atMs - 20 : undefined) })).withTimestampAssigner('at'),
  ],
] as const)('timestamps and watermarks are the same however they are made: %s', (_name, strategy) => {
  const { rows: out, main } = runOperatorHarness({
    create: () => new WatermarkOperator(SCHEMA, strategy.spec, { kind: 'every' }),
    inputs: [{ schema: SCHEMA }],
    // Watermarks from upstream, far ahead of these records, end here.
    steps: steps(4).map((step) => ('row' in step ? { row: step.row } : 'watermark' in step ? { watermark: step.watermark + 10_000 } : step)),
  })
  expect(main.every((event) => !('watermark' in event) || event.watermark < 10_000 || event.watermark === Infinity)).toBe(true)
  expect(out.map(({ timestamp }) => timestamp)).toEqual(out.map((record) => byColumn(record).at))
  expect(main.some((event) => 'watermark' in event && event.watermark < Infinity)).toBe(true)
})

const WINDOWS: Record<string, AlignedWindows> = {
  tumbling: { kind: 'tumbling', sizeMs: 10, offsetMs: 3 },
  sliding: { kind: 'sliding', sizeMs: 25, slideMs: 10, offsetMs: 0 },
  'sliding with gaps': { kind: 'sliding', sizeMs: 5, slideMs: 20, offsetMs: 0 },
  cumulative: { kind: 'cumulative', sizeMs: 40, stepMs: 10, offsetMs: 0 },
}

test.each(Object.keys(WINDOWS))('%s windows in columns answer the same however they are run', (name) => {
  for (const seed of [1, 2]) {
    const create = (): Operator =>
      new SliceWindowOperator({
        inputSchema: SCHEMA,
        key: { kind: 'columns', columns: [1] },
        windows: WINDOWS[name],
        aggregates: { rows: count(), total: sum('amount'), largest: max('amount'), earliest: first('id') },
        lateOutput: undefined,
      })
    const keyOf = (row: { key: string | null; windowEnd: number }): unknown => row.key
    const { rows } = harness(create, seed, keyOf)
    expect(rows.length).toBeGreaterThan(0)
  }
})
