// Micro-benchmarks of the engine's inner pieces, one call each as the engine makes it; in nanoseconds, for finding what got slower.
//   npm run bench -- --micro
// One process, one thread, hot caches: for comparing a piece with itself, not for promises. Larger ones stand beside as scripts of their own.

import benny from 'benny'
import { Random } from '../../src/base/random.ts'
import { BatchDecoder, BatchEncoder } from '../../src/batch/batch-codec.ts'
import { BatchBuilder } from '../../src/batch/batch-builder.ts'
import type { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { KeyEncoder } from '../../src/kernels/keys.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { compileRowReader } from '../../src/operator/row-code.ts'
import { ringRegionBytes } from '../../src/ring/ring-layout.ts'
import { SpscRing } from '../../src/ring/spsc-ring.ts'
import { SegmentTable } from '../../src/state/segment-table.ts'
import { BATCH_ROWS, newStage, TABLE_SEED } from '../stage.ts'

const RING_BYTES = 1 << 20
const FRAME_BYTES = 64
const KEYS = 10_000

/** Runs all, printing as it goes. `smoke` runs each a few times only. */
export async function runMicroBenchmarks(smoke: boolean): Promise<void> {
  const { slab, kernels } = newStage()
  const options = smoke ? { minSamples: 1, maxTime: 0.01 } : {}

  const memory = new SharedArrayBuffer(ringRegionBytes(RING_BYTES))
  SpscRing.initialize(memory, 0, RING_BYTES)
  const producer = new SpscRing(memory, 0, RING_BYTES)
  const consumer = new SpscRing(memory, 0, RING_BYTES)

  const schema = defineSchema({ id: t.safeInt(), amount: t.double(), price: t.double(), at: t.timestamp(3) })
  const builder = new BatchBuilder(slab, schema, BATCH_ROWS)
  const batch: RecordBatch = builder.begin(false, false)
  const random = new Random(3)
  for (let row = 0; row < BATCH_ROWS; row++) {
    slab.i64[(batch.columns[0].values >>> 3) + row] = BigInt(random.integer(KEYS))
    slab.f64[(batch.columns[1].values >>> 3) + row] = row
    slab.f64[(batch.columns[2].values >>> 3) + row] = row / 7
    slab.i64[(batch.columns[3].values >>> 3) + row] = BigInt(row)
  }
  builder.finish(BATCH_ROWS)
  const encoder = new BatchEncoder(schema)
  const decoder = new BatchDecoder(slab, schema)
  const frame = slab.allocate(encoder.encodedBytesMax(batch, 0, BATCH_ROWS))
  let frameBytes = encoder.encode(batch, 0, BATCH_ROWS, slab.u8, frame)

  const keys = new KeyEncoder(slab, kernels, KeyForm.VALUE, 1)
  const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 128, slotSeed: TABLE_SEED })
  const entries = slab.allocate(BATCH_ROWS * 4)
  const reader = compileRowReader(schema)
  let sum = 0

  const suite = await benny.suite(
    'engine',
    benny.add(
      `ring: claim, commit, publish, poll, release a frame of ${FRAME_BYTES} bytes`,
      () => {
        producer.tryClaim(FRAME_BYTES)
        producer.commit(1, FRAME_BYTES)
        producer.publish()
        consumer.poll()
        consumer.release()
      },
      options,
    ),
    benny.add(
      `codec: write ${BATCH_ROWS} rows of 4 columns as a frame`,
      () => {
        frameBytes = encoder.encode(batch, 0, BATCH_ROWS, slab.u8, frame)
      },
      options,
    ),
    benny.add(
      'codec: read that frame',
      () => {
        sum += decoder.decode(frame, frameBytes).rowCount
      },
      options,
    ),
    benny.add(
      `state: encode ${BATCH_ROWS} keys, find them among ${KEYS}, count`,
      () => {
        keys.encode([batch.columns[0].descriptor], 0, 0, BATCH_ROWS)
        table.findOrInsert(keys, entries)
        kernels.aggregateCount(entries, BATCH_ROWS, table.valueOffset)
      },
      options,
    ),
    benny.add(
      `rows: read 2 columns of ${BATCH_ROWS} rows as objects`,
      () => {
        reader.bind(batch)
        for (let row = 0; row < BATCH_ROWS; row++) {
          reader.seek(row)
          const { amount, price } = reader.record() as { amount: number; price: number }
          sum += amount * price
        }
      },
      options,
    ),
    benny.cycle(({ name }, { results }) => {
      const { details } = results.find((result) => result.name === name)!
      return `${name}: ${(details.median * 1e9).toFixed(0)} ns`
    }),
  )
  if (suite.results.length !== 5 || !(sum > 0) || table.entryCount > KEYS) throw new Error('a micro-benchmark computed nothing')
}
