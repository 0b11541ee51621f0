// How fast the JSON-lines kernel reads Nexmark events: q0's columns (and all bid columns), from memory, one thread. Prints GB/s and ns a row,
// and a checksum of what was read, compared with JSON.parse.
//   node bench/micro/json-scan.mjs FILE.jsonl.gz [events]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { build } from 'esbuild'

// The sources, bundled into dist/ so that they find the kernels there.
const bundle = await build({
  stdin: {
    contents: `export { Slab } from './src/base/slab.ts'
      export { compileKernels, instantiateKernels } from './src/kernels/kernels.ts'
      export { JsonScanPlan } from './src/kernels/json-scan.ts'
      export { TestColumns } from './test/fixtures/kernel-columns.ts'
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
writeFileSync('dist/.bench-json-scan.mjs', bundle.outputFiles[0].contents)
const { Slab, JsonScanPlan, TestColumns, TypeCode, compileKernels, instantiateKernels } = await import(
  new URL('../../dist/.bench-json-scan.mjs', import.meta.url).href
)

const [file, events = '1000000'] = process.argv.slice(2)
const text = gunzipSync(readFileSync(file))
const lines = text.toString().trimEnd().split('\n').length
const copies = Math.ceil(Number(events) / lines)
const total = text.length * copies

const field = (name, type, more = {}) => ({ name, type, nullable: true, ...more })
const bigint = (name) => field(name, TypeCode.BIGINT)
const string = (name) => field(name, TypeCode.VARCHAR)
const time = (name) => field(name, TypeCode.TIMESTAMP, { precision: 3 })
const row = (name, children, flattened = false) => field(name, TypeCode.ROW, { children, flattened })
const schemas = {
  q0: [
    field('event_type', TypeCode.INT),
    row('person', [time('dateTime')]),
    row('auction', [time('dateTime')]),
    row('bid', [bigint('auction'), bigint('bidder'), bigint('price'), time('dateTime'), string('extra')]),
  ],
  'all bid': [
    field('event_type', TypeCode.INT),
    row('bid', [bigint('auction'), bigint('bidder'), bigint('price'), string('channel'), string('url'), time('dateTime'), string('extra')]),
  ],
  everything: [
    field('event_type', TypeCode.INT),
    row('person', [
      bigint('id'),
      string('name'),
      string('emailAddress'),
      string('creditCard'),
      string('city'),
      string('state'),
      time('dateTime'),
      string('extra'),
    ]),
    row('auction', [
      bigint('id'),
      string('itemName'),
      string('description'),
      bigint('initialBid'),
      bigint('reserve'),
      time('dateTime'),
      time('expires'),
      bigint('seller'),
      bigint('category'),
      string('extra'),
    ]),
    row('bid', [bigint('auction'), bigint('bidder'), bigint('price'), string('channel'), string('url'), time('dateTime'), string('extra')]),
  ],
}

const slab = new Slab()
const kernels = instantiateKernels(process.env.KERNELS ? new WebAssembly.Module(readFileSync(process.env.KERNELS)) : compileKernels('fast'), slab)
const input = slab.allocate(total + 64)
for (let copy = 0; copy < copies; copy++) slab.u8.set(text, input + copy * text.length)
const batchRows = Number(process.env.BATCH_ROWS ?? 8192)
const expected =
  text
    .toString()
    .trimEnd()
    .split('\n')
    .reduce((sum, line) => sum + (JSON.parse(line).bid?.price ?? 0), 0) * copies

for (const [name, fields] of Object.entries(schemas)) {
  const columns = new TestColumns(slab, fields, batchRows, 4 << 20)
  const plan = new JsonScanPlan(slab, fields, { conversion: 'flink' })
  const times = []
  for (let round = 0; round < 7; round++) {
    let at = input
    let rows = 0
    let sum = 0
    const started = performance.now()
    while (at < input + total) {
      // A fresh batch: lengths and null counts at zero.
      plan.setColumns(columns.descriptors)
      reset(columns)
      const result = plan.scan(kernels, at, Math.min(at + (1 << 20), input + total), 0, batchRows)
      if (result.status > 1) throw new Error(`status ${result.status} reason ${result.reason} at ${at + result.problem - input}`)
      at += result.consumed
      rows += result.rows
      if (round === 0)
        for (let index = 0; index < result.rows; index++) {
          const bid = columns.row(index).bid
          if (bid !== null) sum += Number(bid.price)
        }
    }
    const ms = performance.now() - started
    if (round === 0) {
      if (rows !== lines * copies || sum !== expected) throw new Error(`rows ${rows} sum ${sum}, expected ${lines * copies} ${expected}`)
      continue
    }
    times.push(ms)
  }
  times.sort((a, b) => a - b)
  const ms = times[times.length >> 1]
  console.log(
    `${name}: ${ms.toFixed(1)} ms, ${(total / ms / 1e6).toFixed(2)} GB/s, ${((ms * 1e6) / (lines * copies)).toFixed(1)} ns/row (best ${times[0].toFixed(1)} ms), slow rows ${plan.counters.slowRows}`,
  )
}

function reset(columns) {
  const clear = (descriptor) => {
    const word = descriptor / 4
    slab.u32[word + 7] = 0
    slab.u32[word + 9] = 0
    for (let child = 0; child < slab.u32[word + 11]; child++) clear(slab.u32[slab.u32[word + 10] / 4 + child])
  }
  columns.descriptors.forEach(clear)
}
