// How fast the JSON writer kernel writes Nexmark bids (five columns, and all event columns), from memory, one thread. Prints GB/s out and ns a
// row; the output of the first round is read back and compared.
//   node bench/micro/json-format.mjs FILE.jsonl.gz
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { build } from 'esbuild'

const bundle = await build({
  stdin: {
    contents: `export { Slab } from './src/base/slab.ts'
      export { compileKernels, instantiateKernels } from './src/kernels/kernels.ts'
      export { JsonScanPlan } from './src/kernels/json-scan.ts'
      export { JsonFormatPlan } from './src/kernels/json-format.ts'
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
writeFileSync('dist/.bench-json-format.mjs', bundle.outputFiles[0].contents)
const { Slab, JsonScanPlan, JsonFormatPlan, TestColumns, TypeCode, compileKernels, instantiateKernels } = await import(
  new URL('../../dist/.bench-json-format.mjs', import.meta.url).href
)

const events = gunzipSync(readFileSync(process.argv[2]))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
const field = (name, type, more = {}) => ({ name, type, nullable: true, ...more })
const bigint = (name) => field(name, TypeCode.BIGINT)
const string = (name) => field(name, TypeCode.VARCHAR)
const time = (name) => field(name, TypeCode.TIMESTAMP, { precision: 3 })
const row = (name, children) => field(name, TypeCode.ROW, { children })
const cases = {
  'five bid columns': [
    [bigint('auction'), bigint('bidder'), bigint('price'), time('dateTime'), string('extra')],
    events.filter((event) => event.bid).map(({ bid }) => bid),
  ],
  'all events': [
    [
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
    events,
  ],
  'four doubles': [
    ['a', 'b', 'c', 'd'].map((name) => field(name, TypeCode.DOUBLE)),
    events.map((_, index) => ({ a: index / 7, b: index / 100, c: index * 1e10, d: Math.sin(index) })),
  ],
}
const slab = new Slab()
const kernels = instantiateKernels(process.env.KERNELS ? new WebAssembly.Module(readFileSync(process.env.KERNELS)) : compileKernels('fast'), slab)
const input = slab.allocate(4 << 20)
const out = slab.allocate((4 << 20) + 64)
for (const [name, [fields, rows]] of Object.entries(cases)) {
  const text = Buffer.from(rows.map((value) => `${JSON.stringify(value)}\n`).join(''))
  slab.u8.set(text, input)
  const columns = new TestColumns(slab, fields, rows.length, 4 << 20)
  const scan = new JsonScanPlan(slab, fields, { conversion: 'flink' })
  scan.setColumns(columns.descriptors)
  scan.scan(kernels, input, input + text.length, 0, rows.length)
  const plan = new JsonFormatPlan(slab, fields)
  plan.setColumns(columns.descriptors)
  const once = () => plan.format(kernels, 0, 0, rows.length, out, out + (4 << 20))
  const { bytes, nextRow } = once()
  const back = Buffer.from(slab.u8.slice(out, out + bytes))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const project = (value) => JSON.stringify(fields.map((wanted) => value[wanted.name]))
  if (nextRow !== rows.length || back.some((value, index) => project(value) !== project(rows[index]))) throw new Error('wrong output')
  const times = []
  for (let round = 0; round < 9; round++) {
    const started = performance.now()
    for (let pass = 0; pass < 50; pass++) once()
    times.push(((performance.now() - started) * 1e6) / 50)
  }
  times.sort((a, b) => a - b)
  const ns = times[4]
  console.log(`${name}: ${(bytes / ns).toFixed(2)} GB/s out, ${(ns / rows.length).toFixed(1)} ns/row, ${(bytes / rows.length).toFixed(0)} bytes/row`)
}
