// The operators of chains under the harness: all at once and row by row, refused, restored, in random batches. Windows, joins and process
// functions have theirs beside their own tests.
import { expect, test } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { type DataType, defineSchema, OBJECT_SCHEMA, Schema, t } from '../../src/batch/types.ts'
import { callbackSink } from '../../src/connector/collection/callback-sink.ts'
import { AsyncOperator } from '../../src/operator/async/async-operator.ts'
import { BatchOperator, type ColumnBatch } from '../../src/operator/basic/batch-operator.ts'
import { ColumnOperator } from '../../src/operator/basic/column-operator.ts'
import { KeyOperator } from '../../src/operator/basic/key-operator.ts'
import { ProjectOperator, projectedSchemaOf } from '../../src/operator/basic/project-operator.ts'
import { type NamedRowStage, rowOperator } from '../../src/operator/basic/row-operator.ts'
import { SinkOperator } from '../../src/operator/basic/sink-operator.ts'
import { WatermarkOperator } from '../../src/operator/basic/watermark-operator.ts'
import type { Operator } from '../../src/operator/operator.ts'
import { count, first, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../src/operator/window/slice-window-operator.ts'
import type { AlignedWindows } from '../../src/operator/window/slices.ts'
import type { BoundExpression } from '../../src/sql/bound-expression.ts'
import { ColumnJoinOperator } from '../../src/sql/runtime/column-join-operator.ts'
import { ExpandOperator } from '../../src/sql/runtime/expand-operator.ts'
import type { SessionContext } from '../../src/sql/runtime/sql-operator.ts'
import { type HarnessResult, type HarnessStep, runAsyncOperatorHarness, runOperatorHarness } from '../../src/testing/operator-harness.ts'
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

test('an inner join in columns answers the same however it is run, with more pairs of a batch than are made at once', () => {
  const [left, right] = [SCHEMA, SCHEMA]
  const outputSchema = new Schema([...left.fields, ...right.fields.map(({ name, type }) => ({ name: `${name}_2`, type }))])
  const inputs = [
    { schema: left, key: [1], width: 4 },
    { schema: right, key: [1], width: 4 },
  ] as const
  const session = { timeZone: 'UTC', nowMs: () => 0 } as unknown as SessionContext
  // The amount of the left row is less than that of the right one.
  const place = (index: number): BoundExpression => ({ kind: 'column', index, type: outputSchema.fields[index].type, start: 0, end: 0 })
  const type = { kind: 'BOOLEAN', nullable: true } as const
  const isLess: BoundExpression = { kind: 'call', name: '<', operands: [place(3), place(7)], clauses: [], type, start: 0, end: 0 }
  for (const [seed, condition] of [
    [1, undefined],
    [2, undefined],
    [3, isLess],
  ] as const) {
    const rows = steps(seed).flatMap((step, index) => ('row' in step ? [{ row: step.row as Row, input: index % 2 }] : []))
    const [ones, others] = [0, 1].map((input) => rows.flatMap((step) => (step.input === input ? [step.row] : [])))
    const isPair = (one: Row, other: Row): boolean => one.key !== null && one.key === other.key && (condition === undefined || one.amount < other.amount)
    const pairs = ones.reduce((sum, one) => sum + others.filter((other) => isPair(one, other)).length, 0)
    const { rows: out } = runOperatorHarness({
      create: () => new ColumnJoinOperator({ inputs, outputSchema, refusesNull: [true], condition }, session, 2),
      inputs: inputs.map(({ schema }) => ({ schema })),
      steps: rows,
      seed,
    })
    expect(out).toHaveLength(pairs)
    expect(pairs).toBeGreaterThan(20)
  }
})

test('rows of grouping sets are the same for each set however it is run', () => {
  const outputSchema = defineSchema({ id: t.int(), key: t.string().nullable(), k: t.string().nullable(), a: t.double().nullable(), set: t.int() })
  const sets = [
    [true, false],
    [false, true],
    [false, false],
  ]
  for (const seed of [1, 2, 3]) {
    const { rows: out } = harness(
      () => new ExpandOperator({ width: 2, keys: [1, 3], sets }, outputSchema),
      seed,
      ({ set }: { readonly set: number }) => set,
    )
    const given = steps(seed).flatMap((step) => ('row' in step ? [step.row as Row] : []))
    for (const [set, [hasKey, hasAmount]] of sets.entries()) {
      const expected = given.map(({ id, key, amount }) => ({ id, key, k: hasKey ? key : null, a: hasAmount ? amount : null, set }))
      expect(out.map(({ row }) => row).filter((row) => (row as { readonly set: number }).set === set)).toEqual(expected)
    }
  }
})

test('a function of batches that looks at each row alone sends the same however it is run', () => {
  const double = (batch: ColumnBatch, out: { collect(value: unknown): void }): void => {
    const amounts = batch.column('amount').values as Float64Array
    for (const row of batch.rows) out.collect(amounts[row] * 2)
  }
  // What it collects has the time of its batch, so the records here have none.
  const rows = steps(1).flatMap((step) => ('row' in step ? [{ row: step.row }] : []))
  const { rows: out } = runOperatorHarness({ create: () => new BatchOperator(SCHEMA, double, OBJECT_SCHEMA), inputs: [{ schema: SCHEMA }], steps: rows })
  expect(out.map(({ row }) => row)).toEqual(rows.map(({ row }) => (row as Row).amount * 2))
})

const COLUMN_OPERATORS: Record<string, () => Operator> = {
  'a computed column': () => new ColumnOperator(SCHEMA, 'twice', t.double().logical, (row: Row) => row.amount * 2),
  'a column that is replaced': () => new ColumnOperator(SCHEMA, 'amount', t.double().logical, (row: Row) => -row.amount),
}

test.each(Object.keys(COLUMN_OPERATORS))('%s sends the same however it is run', (name) => {
  for (const seed of [1, 2, 3]) expect(harness(COLUMN_OPERATORS[name], seed).rows).toHaveLength(40)
})

test('a sink gets every record once and in order, however it is run', () => {
  const runs: number[][] = []
  const seen: number[] = []
  const sink = callbackSink<Row>((row) => {
    // Every run begins with the first record.
    if (row.id === 0) runs.push([])
    runs.at(-1)!.push(row.id)
    seen.push(row.id)
  })
  harness(() => new SinkOperator(sink, SCHEMA))
  expect(runs.length).toBeGreaterThan(10)
  for (const run of runs) expect(run).toEqual(Array.from({ length: 40 }, (_, id) => id))
  expect(seen.length).toBe(runs.length * 40)
})

test('ingestion time is that of the clock, however records come', () => {
  const timed = steps(5).flatMap((step, index) => ('row' in step ? [{ processingTime: 100 + index }, { row: step.row }] : []))
  const { rows } = runOperatorHarness({
    create: () => new WatermarkOperator(SCHEMA, WatermarkStrategy.forIngestionTime<Row>().spec, { kind: 'every' }),
    inputs: [{ schema: SCHEMA }],
    steps: timed,
  })
  expect(rows.map(({ timestamp }) => timestamp)).toEqual(timed.flatMap((step) => ('processingTime' in step ? [step.processingTime] : [])))
})

test('a stream becomes idle and active again at the same places, however it is run', () => {
  const [first, second, third] = steps(6).filter((step) => 'row' in step)
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(5).withTimestampAssigner('at').withIdleness(100)
  const { main } = runOperatorHarness({
    create: () => new WatermarkOperator(SCHEMA, strategy.spec, { kind: 'every' }),
    inputs: [{ schema: SCHEMA }],
    startMs: 1000,
    steps: [
      { row: first.row },
      { processingTime: 1050 },
      { row: second.row },
      { processingTime: 1200 },
      { processingTime: 1300 },
      { row: third.row },
      { processingTime: 1390 },
      { processingTime: 1500 },
    ],
  })
  const told = main.flatMap((event): unknown[] => ('idle' in event ? [event.idle ? 'idle' : 'active'] : 'row' in event ? [(event.row as Row).id] : []))
  expect(told).toEqual([0, 1, 'idle', 'active', 2, 'idle'])
})

test.each([true, false])('asynchronous calls answer the same however they are run (ordered: %s)', async (ordered) => {
  const invoke = async (row: unknown): Promise<unknown[]> => {
    const { id, amount } = row as Row
    for (let turns = (id * 7) % 5; turns > 0; turns--) await new Promise(setImmediate)
    return id % 4 === 0 ? [] : [{ id, amount }]
  }
  for (const seed of [1, 2]) {
    const { rows } = await runAsyncOperatorHarness({
      create: () => new AsyncOperator(SCHEMA, { asyncInvoke: invoke }, OBJECT_SCHEMA, ordered, { capacity: 4 }),
      inputs: [{ schema: SCHEMA }],
      steps: steps(seed),
      seed,
      // Unordered results keep their place between two watermarks only.
      ...(!ordered && { keyOf: (row: Row) => row.id }),
    })
    expect(rows).toHaveLength(30)
  }
})
