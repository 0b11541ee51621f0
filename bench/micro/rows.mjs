// Micro-benchmark of the kernels that move rows: scatter, gather, select, sort, dictionary, checksum. Batches of 8192 rows, hot in the cache.
//   node bench/micro/rows.mjs [kernels.wasm]
import { build } from 'esbuild'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const outfile = join(folder, 'rows.mjs')
await build({
  stdin: {
    contents: `
      export { Slab } from './src/base/slab.ts'
      export { instantiateKernels } from './src/kernels/kernels.ts'
      export { KeyEncoder } from './src/kernels/keys.ts'
      export { Scatterer } from './src/kernels/scatter.ts'
      export { gatherRows } from './src/kernels/gather.ts'
      export { sortScratchBytes } from './src/kernels/sort.ts'
      export { Column } from './src/batch/column.ts'
      export { writeValue } from './src/batch/values.ts'
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
const { Slab, instantiateKernels, KeyEncoder, Scatterer, gatherRows, sortScratchBytes, Column, writeValue, Random } = await import(pathToFileURL(outfile).href)
const slab = new Slab()
const kernels = instantiateKernels(new WebAssembly.Module(readFileSync(process.argv[2] ?? join(root, 'dist', 'kernels.wasm'))), slab)
const random = new Random(1)

const ROWS = 8192
const ROUNDS = 400

/** Median nanoseconds a row of `run`, after `prepare`, which is not timed. */
function measure(name, run, prepare = () => {}, rows = ROWS) {
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    prepare()
    const start = performance.now()
    run()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  console.log(`${name}: ${((times[ROUNDS >> 1] * 1e6) / rows).toFixed(2)} ns/row`)
}

const int64 = Column.allocate(slab, { kind: 'BIGINT', nullable: false, safeInteger: true }, ROWS)
const nullable = Column.allocate(slab, { kind: 'BIGINT', nullable: true, safeInteger: true }, ROWS)
const double = Column.allocate(slab, { kind: 'DOUBLE', nullable: false }, ROWS)
const text = Column.allocate(slab, { kind: 'VARCHAR', nullable: false, length: 100 }, ROWS)
for (let row = 0; row < ROWS; row++) {
  const id = random.integer(100_000)
  writeValue(int64, row, id * 977)
  writeValue(nullable, row, id % 10 === 0 ? null : id)
  writeValue(double, row, random.next() * 1000)
  writeValue(text, row, `user-${id % 500}-${id % 13}-key`)
}
const half = slab.allocate(ROWS * 4 + 64)
let halfCount = 0
for (let row = 0; row < ROWS; row++) if (random.integer(2) === 0) slab.i32[(half >>> 2) + halfCount++] = row
const out = slab.allocate(ROWS * 4 + 64)

const keys = new KeyEncoder(slab, kernels, 0, 1).encode([int64.descriptor], 0, 0, ROWS)
for (const targets of [2, 4, 16]) {
  const scatterer = new Scatterer(slab, kernels, targets, 128)
  measure(`scatter by key group to ${targets}, hashes given`, () => scatterer.scatter(keys.hashes, 0, 0, ROWS))
}
for (const [name, column] of [
  ['int64', int64],
  ['int64 with NULLs', nullable],
  ['string of 13 bytes', text],
]) {
  const target = Column.allocate(slab, column.type, ROWS)
  if (column === text) target.ensureData(1 << 20)
  measure(
    `gather half of the rows, ${name}`,
    () => gatherRows(slab, kernels, column, target, half, 0, halfCount, 0),
    () => target.clear(),
    halfCount,
  )
}
measure('select int64 < constant', () => kernels.selectInteger(2, int64.descriptor, 48_850_000n, 0, 0, ROWS, out))
measure('select double >= constant', () => kernels.selectFloat(5, double.descriptor, 500, 0, 0, ROWS, out))
const needle = slab.allocate(128)
slab.u8.set(new TextEncoder().encode('user-77-'), needle)
measure('select string = constant', () => kernels.selectText(0, text.descriptor, needle, 8, 0, 0, ROWS, out))
measure('select string starts with', () => kernels.selectText(6, text.descriptor, needle, 8, 0, 0, ROWS, out))
measure('select string contains', () => kernels.selectText(8, text.descriptor, needle, 8, 0, 0, ROWS, out))
const scratch = slab.allocate(sortScratchBytes(ROWS))
const identity = () => {
  for (let row = 0; row < ROWS; row++) slab.i32[(out >>> 2) + row] = row
}
measure('sort by int64', () => kernels.sortRows(int64.descriptor, 0, 1, out, ROWS, scratch), identity)
measure('sort by double', () => kernels.sortRows(double.descriptor, 1, 1, out, ROWS, scratch), identity)
measure('sort by string', () => kernels.sortRows(text.descriptor, 0, 1, out, ROWS, scratch), identity)
measure('first 10 by double', () => kernels.sortTop(double.descriptor, 1, out, ROWS, 10, scratch), identity)
const texts = new KeyEncoder(slab, kernels, 1, 1)
const [codes, firsts, slots] = [slab.allocate(ROWS * 4), slab.allocate(ROWS * 4), slab.allocate(32_768 * 4)]
measure('dictionary codes of strings (6500 distinct), hashing included', () => {
  texts.encode([text.descriptor], 0, 0, ROWS)
  kernels.dictionaryEncode(texts.hashes, texts.keys, texts.words, ROWS, 8192, slots, 32_768, codes, firsts)
})
const region = slab.allocate(1 << 20)
measure(
  'checksum (XXH64), a byte',
  () => kernels.hash64(region, 1 << 20, 0n),
  () => {},
  1 << 20,
)
