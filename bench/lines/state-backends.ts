// Updates of one number a key, through the state contract, where the keys outgrow memory: the backend lmdb against a get and a put for each record on
// LMDB itself, and against the backend memory where nearly all records find their key in the cache; and windows of more keys than fit.

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { Random } from '../../src/base/random.ts'
import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import type { Output } from '../../src/operator/operator.ts'
import { count, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../src/operator/window/slice-window-operator.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { type KeyedStateBackend, valueState } from '../../src/state/state.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { BATCH_ROWS, newStage, TABLE_SEED } from '../stage.ts'

const SCHEMA = defineSchema({ key: t.bigint() })
const WINDOW_SCHEMA = defineSchema({ key: t.bigint(), value: t.bigint() })
const WINDOW_MS = 1000
const MIB = 2 ** 20
/** Of a hundred records so many have one of the keys that fit. */
const HOT_PERCENT = 95

/** Keys, the cache, batches of updates behind those that have warmed it, and keys that fit. */
interface Shape {
  readonly keys: number
  readonly cacheBytes: number
  readonly warmBatches: number
  readonly batches: number
  /** 0: all keys are equally likely. */
  readonly hotKeys: number
}

function uniform({ smoke, full }: Settings): Shape {
  if (smoke) return { keys: 50_000, cacheBytes: MIB, warmBatches: 2, batches: 4, hotKeys: 0 }
  return full
    ? { keys: 100_000_000, cacheBytes: 512 * MIB, warmBatches: 1024, batches: 1024, hotKeys: 0 }
    : { keys: 5_000_000, cacheBytes: 26 * MIB, warmBatches: 64, batches: 128, hotKeys: 0 }
}

function mostlyHot({ smoke }: Settings): Shape {
  return smoke
    ? { keys: 50_000, cacheBytes: 2 * MIB, warmBatches: 2, batches: 4, hotKeys: 5000 }
    : { keys: 4_000_000, cacheBytes: 128 * MIB, warmBatches: 512, batches: 512, hotKeys: 500_000 }
}

/** The keys of the batches of updates, one batch after the other. */
function* keysOf({ keys, warmBatches, batches, hotKeys }: Shape): Generator<Uint32Array> {
  const random = new Random(11)
  const ids = new Uint32Array(BATCH_ROWS)
  for (let batch = 0; batch < warmBatches + batches; batch++) {
    for (let row = 0; row < BATCH_ROWS; row++) ids[row] = random.integer(hotKeys > 0 && random.integer(100) < HOT_PERCENT ? hotKeys : keys)
    yield ids
  }
}

/** Anonymous and shared memory of this process; mapped pages of files do not count. */
function residentBytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0)
}

/** Gives each key a 1, then adds 1 with each update. Computes the sum of what the updates found. */
async function backend(shape: Shape, make: (store: KeyStore) => KeyedStateBackend): Promise<Sample> {
  const { slab, kernels } = newStage()
  const key = { kind: 'columns', columns: [0] } as const
  const options = { slab, kernels, subtaskIndex: 0, parallelism: 1, maxParallelism: 128, tableSeed: TABLE_SEED, timers: false }
  const state = make(new KeyStore({ ...options, inputs: [{ schema: SCHEMA, key }] }))
  const count = state.getState(valueState('count', t.double()))
  const column = Column.allocate(slab, SCHEMA.fields[0].type, BATCH_ROWS)
  const batch = new RecordBatch(slab, SCHEMA, [column])
  batch.rowCount = BATCH_ROWS
  let most = 0
  let found = 0
  let updated = 0
  const update = (idOf: (row: number) => number, n: number): void => {
    const at = column.values >>> 2
    for (let row = 0; row < n; row++) {
      slab.u32[at + row * 2] = idOf(row)
      slab.u32[at + row * 2 + 1] = 0
    }
    const handles = state.resolve(batch, 0, n) >>> 2
    for (let row = 0; row < n; row++) {
      state.select(slab.u32[handles + row])
      const old = count.value() ?? 0
      found += old
      count.update(old + 1)
    }
    state.settle()
    if (updated++ % 64 === 0) most = Math.max(most, residentBytes())
  }
  for (let from = 0; from < shape.keys; from += BATCH_ROWS) update((row) => from + row, Math.min(BATCH_ROWS, shape.keys - from))
  const batches = keysOf(shape)
  for (let warm = 0; warm < shape.warmBatches; warm++) {
    const ids = batches.next().value as Uint32Array
    update((row) => ids[row], BATCH_ROWS)
  }
  const time = await timed(() => {
    for (const ids of batches) update((row) => ids[row], BATCH_ROWS)
  })
  most = Math.max(most, residentBytes())
  const keys = state.keyCount
  state.close()
  return sample(time, `${keys} keys, ${found} found`, { residentBytes: most })
}

const lmdb = (shape: Shape, { folder }: Settings): Promise<Sample> =>
  backend(shape, (store) => new LmdbStateBackend(store, { directory: join(folder, 'state'), cacheBytes: shape.cacheBytes }))

/** A get and a put for each record, in one transaction a batch. */
async function naive(shape: Shape, { folder }: Settings): Promise<Sample> {
  const path = join(folder, 'naive')
  const root = open<Buffer, Buffer>({ path, noSync: true, overlappingSync: false, keyEncoding: 'binary', encoding: 'binary' })
  const key = Buffer.alloc(8)
  const value = Buffer.alloc(8)
  let found = 0
  const add = (id: number, isNew: boolean): void => {
    // Big endian: in the order in which they are loaded.
    key.writeUInt32BE(id, 4)
    const old = isNew ? 0 : root.getBinaryFast(key)!.readDoubleLE(0)
    found += old
    value.writeDoubleLE(old + 1, 0)
    root.putSync(key, value)
  }
  const update = (ids: ArrayLike<number>, n: number, isNew: boolean): void =>
    root.transactionSync(() => {
      for (let row = 0; row < n; row++) add(ids[row], isNew)
    })
  for (let from = 0; from < shape.keys; from += BATCH_ROWS) {
    const n = Math.min(BATCH_ROWS, shape.keys - from)
    update(
      Uint32Array.from({ length: n }, (_, row) => from + row),
      n,
      true,
    )
  }
  const batches = keysOf(shape)
  for (let warm = 0; warm < shape.warmBatches; warm++) update(batches.next().value as Uint32Array, BATCH_ROWS, false)
  const time = await timed(() => {
    for (const ids of batches) update(ids, BATCH_ROWS, false)
  })
  await root.close()
  rmSync(path, { recursive: true })
  return sample(time, `${shape.keys} keys, ${found} found`)
}

interface WindowShape {
  readonly keys: number
  readonly cacheBytes: number
  readonly batches: number
}

function windowShape({ smoke }: Settings): WindowShape {
  return smoke ? { keys: 20_000, cacheBytes: MIB, batches: 4 } : { keys: 1_000_000, cacheBytes: 26 * MIB, batches: 256 }
}

/** Folds rows into two windows, one after the other, and fires them; keys uniform. Computes the sums of what comes out. */
async function windows(shape: WindowShape, type: 'lmdb' | 'memory', { folder }: Settings): Promise<Sample> {
  const { slab, context } = newStage()
  const options = new Map([
    ['state.backend.type', type],
    ['state.backend.lmdb.dir', join(folder, 'windows')],
    ['state.backend.lmdb.cache-size', `${shape.cacheBytes}`],
  ])
  const operator = new SliceWindowOperator({
    inputSchema: WINDOW_SCHEMA,
    key: { kind: 'columns', columns: [0] },
    windows: { kind: 'tumbling', sizeMs: WINDOW_MS, offsetMs: 0 },
    aggregates: { rows: count(), total: sum('value'), most: max('value') },
    lateOutput: undefined,
  })
  operator.open({ ...context, option: (key) => options.get(key) })
  const columns = WINDOW_SCHEMA.fields.map(({ type: column }) => Column.allocate(slab, column, BATCH_ROWS))
  const batch = new RecordBatch(slab, WINDOW_SCHEMA, columns)
  batch.timestamps = slab.allocate(BATCH_ROWS * 8)
  batch.rowCount = BATCH_ROWS
  const random = new Random(17)
  let results = 0
  let total = 0
  let most = 0
  const output: Output = {
    hasCapacity: () => true,
    emit: (emitted) => {
      results += emitted.end - emitted.begin
      const at = emitted.columns[4].values >>> 3
      for (let row = emitted.begin; row < emitted.end; row++) total += Number(slab.i64[at + row])
    },
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  const fold = (window: number): void => {
    for (let row = 0; row < BATCH_ROWS; row++) {
      slab.i64[(columns[0].values >>> 3) + row] = BigInt(random.integer(shape.keys))
      slab.i64[(columns[1].values >>> 3) + row] = BigInt(row)
      slab.i64[(batch.timestamps >>> 3) + row] = BigInt(window * WINDOW_MS + (row % WINDOW_MS))
    }
    batch.begin = 0
    batch.end = BATCH_ROWS
    while (!operator.processBatch(batch, output));
    most = Math.max(most, slab.allocatedBytes)
  }
  const time = await timed(() => {
    for (let window = 0; window < 2; window++) {
      for (let index = 0; index < shape.batches; index++) fold(window)
      while (!operator.advance((window + 1) * WINDOW_MS - 1, output)) most = Math.max(most, slab.allocatedBytes)
    }
  })
  operator.close()
  return sample(time, `${results} results, ${total} in all`, { slabBytes: most })
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const { settings } = runner
  const samples = await runner.interleave(['lmdb', 'naive', 'hot-lmdb', 'hot-memory', 'windows-lmdb', 'windows-memory'], runner.rounds(settings.full ? 1 : 3))
  const rate = (variant: keyof typeof samples, { batches }: Shape): number => (batches * BATCH_ROWS) / medianOf(samples[variant]) / 1e6
  const shape = uniform(settings)
  const hot = mostlyHot(settings)
  const [ours, theirs] = [rate('lmdb', shape), rate('naive', shape)]
  const [cached, inMemory] = [rate('hot-lmdb', hot), rate('hot-memory', hot)]
  const windowed = windowShape(settings)
  const windowRate = (variant: 'windows-lmdb' | 'windows-memory'): number => (2 * windowed.batches * BATCH_ROWS) / medianOf(samples[variant]) / 1e6
  const slabMib = (variant: 'windows-lmdb' | 'windows-memory'): string => (medianOf(samples[variant], ({ figures }) => figures['slabBytes']) / MIB).toFixed(0)
  const isFull = settings.full
  const note = `${shape.keys / 1e6} M keys, cache ${shape.cacheBytes / MIB} MiB; s: ${raw(samples.lmdb)} | ${raw(samples.naive)}`
  const check = agreement(samples.lmdb, samples.naive)
  return [
    { name: 'lmdb', value: ours, unit: 'M/s', baseline: theirs, ratio: ours / theirs, bound: { of: 'ratio', least: 4 }, check, note },
    { name: 'lmdb.throughput', value: ours, unit: 'M/s', baseline: null, ratio: null, bound: isFull ? { of: 'value', least: 0.4 } : null, check: 'ok' },
    {
      name: 'lmdb.memory',
      value: medianOf(samples.lmdb, ({ figures }) => figures['residentBytes']) / MIB,
      unit: 'MiB',
      baseline: null,
      ratio: null,
      bound: { of: 'value', most: 1024 },
      check: 'ok',
    },
    {
      name: 'lmdb.cached',
      value: cached,
      unit: 'M/s',
      baseline: inMemory,
      ratio: cached / inMemory,
      bound: { of: 'ratio', least: 0.5 },
      check: agreement(samples['hot-lmdb'], samples['hot-memory']),
      note: `s: ${raw(samples['hot-lmdb'])} | ${raw(samples['hot-memory'])}`,
    },
    {
      name: 'lmdb.windows',
      value: windowRate('windows-lmdb'),
      unit: 'M/s',
      baseline: windowRate('windows-memory'),
      ratio: windowRate('windows-lmdb') / windowRate('windows-memory'),
      bound: null,
      check: agreement(samples['windows-lmdb'], samples['windows-memory']),
      note: `slab ${slabMib('windows-lmdb')} MiB | ${slabMib('windows-memory')} MiB; s: ${raw(samples['windows-lmdb'])} | ${raw(samples['windows-memory'])}`,
    },
  ]
}

export const stateBackends: Benchmark = {
  name: 'state-backends',
  title: 'updates of a number a key beyond memory; against a get and a put each, and against memory',
  data: [],
  variants: {
    lmdb: (settings) => lmdb(uniform(settings), settings),
    naive: (settings) => naive(uniform(settings), settings),
    'hot-lmdb': (settings) => lmdb(mostlyHot(settings), settings),
    'hot-memory': (settings) => backend(mostlyHot(settings), (store) => new MemoryStateBackend(store)),
    'windows-lmdb': (settings) => windows(windowShape(settings), 'lmdb', settings),
    'windows-memory': (settings) => windows(windowShape(settings), 'memory', settings),
  },
  run,
}
