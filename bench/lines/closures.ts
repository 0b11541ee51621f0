// map and filter with a user's closures over three numeric columns, against a hand-written loop over objects that were parsed before.
// The operator of the two is driven directly, as its driver does. A ratio near 1: judged by processor seconds over pairs of processes.

import { BatchBuilder } from '../../src/batch/batch-builder.ts'
import type { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { rowOperator } from '../../src/operator/basic/row-operator.ts'
import type { Output } from '../../src/operator/operator.ts'
import { agreement, type Benchmark, type Line, median, medianOf, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { amountOf, keyOf, priceOf } from '../jobs/generated-source.ts'
import { BATCH_ROWS, newStage } from '../stage.ts'

const KEYS = 10_000
const PASSES = 40

interface Row {
  readonly key: number
  readonly amount: number
  readonly price: number
}
const INPUT = defineSchema({ key: t.int(), amount: t.double(), price: t.double() })
const RESULT = defineSchema({ key: t.int(), total: t.double() })

const isWanted = (row: Row): boolean => row.amount * row.price > 10_000 && row.key % 3 !== 0
const totalOf = (row: Row): { key: number; total: number } => ({ key: row.key, total: row.amount * row.price * 1.19 })

const rowsIn = (smoke: boolean): number => (smoke ? BATCH_ROWS : 128 * BATCH_ROWS)
const passesIn = (smoke: boolean): number => (smoke ? 1 : PASSES)

async function columns({ smoke }: Settings): Promise<Sample> {
  const { slab, context } = newStage()
  const batches: RecordBatch[] = []
  for (let first = 0; first < rowsIn(smoke); first += BATCH_ROWS) {
    const builder = new BatchBuilder(slab, INPUT, BATCH_ROWS)
    const batch = builder.begin(false, false)
    const [key, amount, price] = batch.columns.map(({ values }) => values) as [number, number, number]
    for (let row = 0; row < BATCH_ROWS; row++) {
      slab.i32[(key >>> 2) + row] = keyOf(first + row, KEYS)
      slab.f64[(amount >>> 3) + row] = amountOf(first + row)
      slab.f64[(price >>> 3) + row] = priceOf(first + row)
    }
    batches.push(builder.finish(BATCH_ROWS))
  }
  const operator = rowOperator(
    INPUT,
    [
      { kind: 'filter', name: 'Filter', fn: isWanted },
      { kind: 'map', name: 'Map', fn: totalOf },
    ],
    RESULT,
  )
  operator.open(context)
  let count = 0
  let sum = 0
  const output: Output = {
    hasCapacity: () => true,
    emit(batch) {
      const keys = batch.columns[0].values >>> 2
      const totals = batch.columns[1].values >>> 3
      const { i32, f64 } = slab
      for (let row = 0; row < batch.rowCount; row++) sum += i32[keys + row] + f64[totals + row]
      count += batch.rowCount
    },
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  const time = await timed(() => {
    for (let pass = 0; pass < passesIn(smoke); pass++)
      for (const batch of batches) {
        batch.rewind()
        while (!operator.processBatch(batch, output, 0));
      }
  })
  operator.close()
  return sample(time, `${count} rows, ${sum.toPrecision(10)}`)
}

async function objects({ smoke }: Settings): Promise<Sample> {
  const rows: Row[] = Array.from(
    { length: rowsIn(smoke) },
    (_, number) => JSON.parse(JSON.stringify({ key: keyOf(number, KEYS), amount: amountOf(number), price: priceOf(number) })) as Row,
  )
  let count = 0
  let sum = 0
  // Results are kept for a batch, as whoever comes next would want them; else the optimiser would never make them.
  const results: ReturnType<typeof totalOf>[] = []
  const consume = (): void => {
    for (const { key, total } of results) sum += key + total
    count += results.length
    results.length = 0
  }
  const time = await timed(() => {
    for (let pass = 0; pass < passesIn(smoke); pass++) {
      for (const row of rows) {
        if (isWanted(row)) results.push(totalOf(row))
        if (results.length === BATCH_ROWS) consume()
      }
      consume()
    }
  })
  return sample(time, `${count} rows, ${sum.toPrecision(10)}`)
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['columns', 'objects'], runner.rounds(15))
  const rows = rowsIn(runner.settings.smoke) * passesIn(runner.settings.smoke)
  const ratios = samples.columns.map(({ cpuSeconds }, pair) => samples.objects[pair].cpuSeconds / cpuSeconds)
  return [
    {
      name: 'closures',
      value: (medianOf(samples.columns, ({ cpuSeconds }) => cpuSeconds) * 1e9) / rows,
      unit: 'cpu ns/row',
      baseline: (medianOf(samples.objects, ({ cpuSeconds }) => cpuSeconds) * 1e9) / rows,
      ratio: median(ratios),
      bound: { of: 'ratio', least: 1 },
      check: agreement(samples.columns, samples.objects),
      note: `ratios of the pairs: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
    },
  ]
}

export const closures: Benchmark = {
  name: 'closures',
  title: 'map and filter with closures over columns, against a loop over objects',
  data: [],
  variants: { columns, objects },
  run,
}
