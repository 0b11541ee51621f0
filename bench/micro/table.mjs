// Micro-benchmark of key tables: encode, find or insert, count, a batch of 8192 rows at a time, against a Map of the same keys.
//   node bench/micro/table.mjs [kernels.wasm]
import { build } from 'esbuild'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const outfile = join(folder, 'table.mjs')
await build({
  stdin: {
    contents: `
      export { Slab } from './src/base/slab.ts'
      export { instantiateKernels } from './src/kernels/kernels.ts'
      export { KeyEncoder } from './src/kernels/keys.ts'
      export { SegmentTable } from './src/state/segment-table.ts'
      export { Column } from './src/batch/column.ts'
      export { writeText } from './src/batch/values.ts'
      export { Random } from './src/base/random.ts'`,
    resolveDir: root,
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  outfile,
  logLevel: 'error',
})
const { Slab, instantiateKernels, KeyEncoder, SegmentTable, Column, writeText, Random } = await import(pathToFileURL(outfile).href)
const module = new WebAssembly.Module(readFileSync(process.argv[2] ?? join(root, 'dist', 'kernels.wasm')))

const BATCH = 8192
const BATCHES = 256
const ROUNDS = 7
const BIGINT = { kind: 'BIGINT', nullable: false, safeInteger: false }
const STRING = { kind: 'VARCHAR', nullable: false, length: 2147483647 }

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1]
}

/** Fills BATCHES columns, then counts by key through all of them; the first round inserts. */
function measure(name, type, form, distinct, makeKey) {
  const slab = new Slab()
  const kernels = instantiateKernels(module, slab)
  const random = new Random(7)
  const columns = []
  const ids = new Int32Array(BATCH * BATCHES)
  for (let batch = 0; batch < BATCHES; batch++) {
    const column = Column.allocate(slab, type, BATCH)
    for (let row = 0; row < BATCH; row++) {
      const id = random.integer(distinct)
      ids[batch * BATCH + row] = id
      makeKey(slab, column, row, id)
    }
    columns.push(column.descriptor)
  }
  const table = new SegmentTable(slab, kernels, { form, valueBytes: 8, maxParallelism: 128, slotSeed: 12345 })
  const encoder = new KeyEncoder(slab, kernels, form, 1)
  const entries = slab.allocate(BATCH * 4)
  const times = { encode: [], find: [], count: [], total: [] }
  let first = 0
  for (let round = 0; round <= ROUNDS; round++) {
    let encode = 0
    let find = 0
    let count = 0
    for (const column of columns) {
      const t0 = performance.now()
      encoder.encode([column], 0, 0, BATCH)
      const t1 = performance.now()
      table.findOrInsert(encoder, entries)
      const t2 = performance.now()
      kernels.aggregateCount(entries, BATCH, table.valueOffset)
      const t3 = performance.now()
      encode += t1 - t0
      find += t2 - t1
      count += t3 - t2
    }
    if (round === 0) first = encode + find + count
    else {
      times.encode.push(encode)
      times.find.push(find)
      times.count.push(count)
      times.total.push(encode + find + count)
    }
  }
  const map = new Map()
  const keys = type === BIGINT ? Array.from(ids) : Array.from(ids, (id) => `user-${id}-${id % 977}-key`)
  const mapTimes = []
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    for (let row = 0; row < keys.length; row++) map.set(keys[row], (map.get(keys[row]) ?? 0) + 1)
    mapTimes.push(performance.now() - start)
  }
  const rows = BATCH * BATCHES
  const ns = (ms) => ((ms * 1e6) / rows).toFixed(1)
  // The check of the result: all counts together are all rows.
  let counted = 0
  table.forEachEntries((list, n) => {
    for (let index = 0; index < n; index++) counted += slab.i32[(slab.u32[(list >>> 2) + index] + table.valueOffset) >>> 2]
  })
  const ok = counted === rows * (ROUNDS + 1) && table.entryCount === map.size
  console.log(
    `${name}: ${ns(median(times.total))} ns/row (encode ${ns(median(times.encode))}, find ${ns(median(times.find))}, count ${ns(median(times.count))}; first pass ${ns(first)}), ` +
      `Map ${ns(median(mapTimes))}, ${(median(mapTimes) / median(times.total)).toFixed(1)}x, ${table.segmentCount} segments, ${(table.bytes / 1048576).toFixed(1)} MiB, ${ok ? 'ok' : 'WRONG'}`,
  )
}

const integer = (slab, column, row, id) => {
  slab.i32[(column.values >>> 2) + row * 2] = Math.imul(id, 2654435761)
  slab.i32[(column.values >>> 2) + row * 2 + 1] = id & 3
}
const text = (slab, column, row, id) => {
  const start = slab.i32[(column.offsets >>> 2) + row]
  column.dataLength = start
  column.ensureData(64)
  slab.i32[(column.offsets >>> 2) + row + 1] = start + writeText(slab.u8, column.data + start, `user-${id}-${id % 977}-key`)
}
measure('int64, 10 K keys', BIGINT, 0, 10_000, integer)
measure('int64, 200 K keys', BIGINT, 0, 200_000, integer)
measure('int64, 1 M keys', BIGINT, 0, 1_000_000, integer)
measure('string of 13-19 bytes, 10 K keys', STRING, 1, 10_000, text)
measure('string of 13-19 bytes, 100 K keys', STRING, 1, 100_000, text)
