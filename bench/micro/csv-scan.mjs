// How fast the CSV kernel reads six mixed columns (int, string, double, boolean, timestamp, a text that is sometimes quoted), from memory, one
// thread. Prints GB/s and ns a row; the sums of the first round are compared with what was written.
//   node bench/micro/csv-scan.mjs [rows]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const bundle = await build({
  stdin: {
    contents: `export { Slab } from './src/base/slab.ts'
      export { compileKernels, instantiateKernels } from './src/kernels/kernels.ts'
      export { CsvScanPlan } from './src/kernels/csv-scan.ts'
      export { TestColumns } from './test/fixtures/kernel-columns.ts'
      export { Random } from './src/base/random.ts'
      export { TypeCode } from './src/kernels/column-layout.ts'`,
    resolveDir: process.cwd(),
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  packages: 'external',
})
mkdirSync('dist', { recursive: true })
writeFileSync('dist/.bench-csv-scan.mjs', bundle.outputFiles[0].contents)
const { Slab, CsvScanPlan, TestColumns, Random, TypeCode, compileKernels, instantiateKernels } = await import(
  new URL('../../dist/.bench-csv-scan.mjs', import.meta.url).href
)

const rows = Number(process.argv[2] ?? 1_000_000)
const random = new Random(1)
const start = Date.UTC(2026, 0, 1)
const chunks = []
let ids = 0
let prices = 0
for (let row = 0; row < rows; row++) {
  const price = Math.round(random.next() * 1e6) / 100
  ids += row
  prices += price
  const note = row % 10 === 0 ? `"said ""hello"", then left"` : `note ${row % 1000}`
  chunks.push(
    `${row},name-${Math.floor(random.next() * 1e5)},${price},${row % 3 === 0},${new Date(start + row * 37).toISOString().slice(0, 23).replace('T', ' ')},${note}\n`,
  )
}
const text = Buffer.from(chunks.join(''))
const slab = new Slab()
const kernels = instantiateKernels(process.env.KERNELS ? new WebAssembly.Module(readFileSync(process.env.KERNELS)) : compileKernels('fast'), slab)
const input = slab.allocate(text.length + 64)
slab.u8.set(text, input)
const field = (name, type, more = {}) => ({ name, type, nullable: true, ...more })
const fields = [
  field('id', TypeCode.INT),
  field('name', TypeCode.VARCHAR),
  field('price', TypeCode.DOUBLE),
  field('flag', TypeCode.BOOLEAN),
  field('at', TypeCode.TIMESTAMP, { precision: 3 }),
  field('note', TypeCode.VARCHAR),
]
const batchRows = 8192
const columns = new TestColumns(slab, fields, batchRows, 2 << 20)
const plan = new CsvScanPlan(slab, fields, { conversion: 'strict' })
const times = []
for (let round = 0; round < 8; round++) {
  let at = input
  let seen = 0
  let idSum = 0
  let priceSum = 0
  const started = performance.now()
  while (at < input + text.length) {
    for (const descriptor of columns.descriptors) slab.u32[descriptor / 4 + 9] = 0
    plan.setColumns(columns.descriptors)
    const result = plan.scan(kernels, at, Math.min(at + (1 << 20), input + text.length), 0, batchRows)
    if (result.status > 1) throw new Error(`status ${result.status} reason ${result.reason}`)
    at += result.consumed
    seen += result.rows
    if (round === 0)
      for (let row = 0; row < result.rows; row++) {
        const value = columns.row(row)
        idSum += value.id
        priceSum += value.price
      }
  }
  const ns = (performance.now() - started) * 1e6
  if (round === 0) {
    if (seen !== rows || idSum !== ids || priceSum !== prices) throw new Error('wrong rows')
    continue
  }
  times.push(ns)
}
times.sort((a, b) => a - b)
console.log(
  `six columns: ${(times[3] / 1e6).toFixed(1)} ms, ${(text.length / times[3]).toFixed(2)} GB/s, ${(times[3] / rows).toFixed(1)} ns/row, ${(text.length / rows).toFixed(1)} bytes/row, general way ${((plan.counters.slowRows / 8 / rows) * 100).toFixed(1)} %`,
)
