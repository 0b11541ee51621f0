// Counting by key, from columns: the state table of the engine from empty, against a Map from empty.

import { Column } from '../../src/batch/column.ts'
import { writeText } from '../../src/batch/values.ts'
import { Random } from '../../src/base/random.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { KeyEncoder } from '../../src/kernels/keys.ts'
import { FOLD_ROWS, SegmentTable } from '../../src/state/segment-table.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { BATCH_ROWS, newStage, TABLE_SEED } from '../stage.ts'

const BATCHES = 1024
const BIGINT = { kind: 'BIGINT', nullable: false, safeInteger: false } as const
const STRING = { kind: 'VARCHAR', nullable: false, length: 2_147_483_647 } as const
/** Scatters ids over 30 bits, where a Map is at its best: small integers. */
const integerKey = (id: number): number => Math.imul(id, 0x9e3779b1) >>> 2
const textKey = (id: number): string => `user-${id}-${id % 977}-key`

interface Shape {
  readonly name: string
  readonly keys: number
  readonly isText: boolean
}

const INTEGERS: Shape = { name: 'int64', keys: 1_000_000, isText: false }
const TEXTS: Shape = { name: 'string', keys: 100_000, isText: true }

const batchesIn = (smoke: boolean): number => (smoke ? 8 : BATCHES)

function* idsOf(shape: Shape, smoke: boolean): Generator<Int32Array> {
  const random = new Random(7)
  for (let batch = 0; batch < batchesIn(smoke); batch++) yield Int32Array.from({ length: BATCH_ROWS }, () => random.integer(shape.keys))
}

/** Equal for tables with the same counts: distinct keys, rows, sum of squares. */
const summary = (keys: number, rows: number, squares: number): string => `${keys} keys, ${rows} rows, ${squares}`

async function table(shape: Shape, { smoke }: Settings): Promise<Sample> {
  const { slab, kernels } = newStage()
  const form = shape.isText ? KeyForm.BYTES : KeyForm.VALUE
  const columns: number[] = []
  for (const ids of idsOf(shape, smoke)) {
    const column = Column.allocate(slab, shape.isText ? STRING : BIGINT, BATCH_ROWS)
    if (shape.isText) column.ensureData(BATCH_ROWS * 24)
    for (let row = 0; row < BATCH_ROWS; row++) {
      if (!shape.isText) {
        slab.i32[(column.values >>> 2) + row * 2] = integerKey(ids[row])
        slab.i32[(column.values >>> 2) + row * 2 + 1] = 0
        continue
      }
      const start = row === 0 ? 0 : slab.i32[(column.offsets >>> 2) + row]
      if (row === 0) slab.i32[column.offsets >>> 2] = 0
      const end = start + writeText(slab.u8, column.data + start, textKey(ids[row]))
      slab.i32[(column.offsets >>> 2) + row + 1] = end
      column.dataLength = end
    }
    columns.push(column.descriptor)
  }
  const encoder = new KeyEncoder(slab, kernels, form, 1)
  const entries = slab.allocate(FOLD_ROWS * 4)
  const counts = new SegmentTable(slab, kernels, { form, valueBytes: 8, maxParallelism: 128, slotSeed: TABLE_SEED })
  const time = await timed(() => {
    for (const column of columns)
      for (let begin = 0; begin < BATCH_ROWS; begin += FOLD_ROWS) {
        encoder.encode([column], 0, begin, FOLD_ROWS)
        counts.findOrInsert(encoder, entries)
        kernels.aggregateCount(entries, FOLD_ROWS, counts.valueOffset)
      }
  })
  let rows = 0
  let squares = 0
  counts.forEachEntries((list, n) => {
    for (let index = 0; index < n; index++) {
      const count = slab.i32[(slab.u32[(list >>> 2) + index] + counts.valueOffset) >>> 2]
      rows += count
      squares += count * count
    }
  })
  return sample(time, summary(counts.entryCount, rows, squares))
}

async function map<K>(shape: Shape, { smoke }: Settings, keyOf: (id: number) => K): Promise<Sample> {
  const keys: K[] = []
  for (const ids of idsOf(shape, smoke)) for (const id of ids) keys.push(keyOf(id))
  const counts = new Map<K, number>()
  const time = await timed(() => {
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  })
  let rows = 0
  let squares = 0
  for (const count of counts.values()) {
    rows += count
    squares += count * count
  }
  return sample(time, summary(counts.size, rows, squares))
}

/** One string object a key, as if interned: hashes are remembered, equality is identity. The Map's best case. */
function mapOfInterned(settings: Settings): Promise<Sample> {
  const texts = Array.from({ length: TEXTS.keys }, (_, id) => textKey(id))
  return map(TEXTS, settings, (id) => texts[id])
}

/** A string object a row, as a parser makes them. */
function mapOfFresh(settings: Settings): Promise<Sample> {
  return map(TEXTS, settings, (id) => Buffer.from(textKey(id)).toString('latin1'))
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['int64', 'int64-map', 'string', 'string-map', 'string-map-fresh'], runner.rounds(5))
  const rows = batchesIn(runner.settings.smoke) * BATCH_ROWS
  const nanos = (variant: keyof typeof samples): number => (medianOf(samples[variant]) * 1e9) / rows
  const line = (name: string, ours: keyof typeof samples, theirs: keyof typeof samples, bound: Line['bound']): Line => ({
    name,
    value: nanos(ours),
    unit: 'ns/row',
    baseline: nanos(theirs),
    ratio: nanos(theirs) / nanos(ours),
    bound,
    check: agreement(samples[ours], samples[theirs]),
    note: `ns: ${raw(samples[ours], ({ seconds }) => (seconds * 1e9) / rows, 1)}; Map: ${raw(samples[theirs], ({ seconds }) => (seconds * 1e9) / rows, 1)}`,
  })
  return [
    line('count-int64', 'int64', 'int64-map', { of: 'ratio', least: 5 }),
    line('count-string', 'string', 'string-map', { of: 'ratio', least: 4 }),
    line('count-string.fresh', 'string', 'string-map-fresh', null),
  ]
}

export const countByKey: Benchmark = {
  name: 'count-by-key',
  title: 'count by int64 key (1 M keys) and by string key (100 K keys), against Map',
  data: [],
  variants: {
    int64: (settings) => table(INTEGERS, settings),
    'int64-map': (settings) => map(INTEGERS, settings, integerKey),
    string: (settings) => table(TEXTS, settings),
    'string-map': mapOfInterned,
    'string-map-fresh': mapOfFresh,
  },
  run,
}
