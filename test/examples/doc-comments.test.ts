// The `@example`s of what users see: each compiles, and those that need nothing from outside run.
import { beforeAll, expect, test } from 'vitest'
import { docExamples, fragmentModule, Scratch } from './snippets.ts'

const STREAMS = `
const env = Millrace.local()
const schema = defineSchema({ user: t.string(), item: t.string(), amount: t.double() })
`
const FLIGHTS = `
const env = Millrace.local()
const flight = defineSchema({ origin: t.string(), delay: t.int(), date: t.timestamp(3) })
type Flight = RowOfSchema<typeof flight>
const flights = env
  .fromCollection<Flight>([{ origin: 'SFO', delay: 20, date: 0 }], flight)
  .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Flight>().withTimestampAssigner('date'))
const bids = env.fromCollection([{ price: 7 }], defineSchema({ price: t.double() }))
`
const TABLES = `
const env = Millrace.local()
const tables = await StreamTableEnvironment.create(env)
const bid = defineSchema({ auction: t.safeInt(), bidder: t.safeInt(), price: t.safeInt(), channel: t.string(), url: t.string(), ts: t.timestamp(3) })
type Bid = RowOfSchema<typeof bid>
const stream = env
  .fromCollection<Bid>([{ auction: 1, bidder: 2, price: 700, channel: 'app', url: 'https://host/', ts: 0 }], bid)
  .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Bid>().withTimestampAssigner('ts'))
const bids = tables.fromDataStream(stream, { rowtime: 'ts' })
const auctions = tables.fromDataStream(env.fromCollection([{ id: 1, item: 'book' }], defineSchema({ id: t.safeInt(), item: t.string() })))
`
const CHANGES = `${TABLES}
const product = defineSchema({ rowKind: t.string(), product: t.string(), price: t.safeInt() })
const changes = env.fromCollection([{ rowKind: '+U', product: 'pen', price: 3 }], product) as unknown as DataStream<Change<{ product: string; price: number }>>
`
const VERSIONS = `${TABLES}
const order = defineSchema({ id: t.safeInt(), currency: t.string(), price: t.double(), at: t.timestamp(3) })
const rate = defineSchema({ currency: t.string(), rate: t.double(), at: t.timestamp(3) })
type Order = RowOfSchema<typeof order>
type Rate = RowOfSchema<typeof rate>
const orders = tables.fromDataStream(
  env
    .fromCollection<Order>([{ id: 1, currency: 'EUR', price: 3, at: 5 }], order)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Order>().withTimestampAssigner('at')),
  { rowtime: 'at' },
)
const rates = tables.fromDataStream(
  env
    .fromCollection<Rate>([{ currency: 'EUR', rate: 2, at: 1 }], rate)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Rate>().withTimestampAssigner('at')),
  { rowtime: 'at', primaryKey: ['currency'] },
)
const posts = tables.fromDataStream(env.fromCollection([{ tags: ['news'] }], defineSchema({ tags: t.array(t.string()) })))
`
const JOB = 'declare const job: JobProgram\n'
/** Compiled, not run: there is nothing to read. */
const WITHOUT_SAVEPOINT = 'declare const absent: unknown\n'
const COUNTS = 'declare const counts: DataStream<{ page: string; windowStart: number; views: number }>\n'

/** Files with examples, and what these build on. A `declare` stands for what a program has: such an example is compiled, not run. */
const PRELUDES: Record<string, string> = {
  'src/api/datastream/async-data-stream.ts': `${STREAMS}
const orders = env.fromCollection([{ user: 'ada', item: 'book', amount: 7 }], schema)
const lookup = async (item: string, signal: AbortSignal): Promise<number> => (signal.aborted ? 0 : item.length)
`,
  'src/api/datastream/data-stream.ts': FLIGHTS,
  'src/api/datastream/environment.ts': '',
  'src/api/datastream/job.ts': '',
  'src/api/datastream/millrace.ts': JOB,
  'src/api/datastream/windowed-stream.ts': FLIGHTS,
  'src/api/table/expression.ts': TABLES,
  'src/api/table/expression-functions.ts': TABLES,
  'src/api/table/sql-text.ts': `${TABLES}tables.createTemporaryView('bids', bids)\ndeclare const engine: Engine\n`,
  'src/api/table/stream-table-environment.ts': CHANGES,
  'src/api/table/table.ts': VERSIONS,
  'src/api/table/windows.ts': TABLES,
  'src/batch/types.ts': '',
  'src/checkpoint/savepoint-reader.ts': WITHOUT_SAVEPOINT,
  'src/checkpoint/savepoint-writer.ts': '',
  'src/connector/file/file-sink.ts': '',
  'src/connector/postgres/postgres-sink.ts': COUNTS,
  'src/connector/sqlite/sqlite-sink.ts': COUNTS,
  'src/connector/stream/stream-source.ts': `${STREAMS}const emitter = new EventEmitter()\n`,
  'src/connector/stream/writable-sink.ts': `${STREAMS}declare const response: ServerResponse\nconst alerts = env.fromElements(1)\n`,
  'src/engine/engine.ts': 'declare const alerts: JobProgram\ndeclare const engine: Engine\n',
  'src/engine/program-handles.ts':
    'declare const alerts: JobProgram\ndeclare const engine: Engine\ninterface Order { readonly user: string; readonly amount: number }\n',
  'src/format/text-format.ts': '',
  'src/operator/function.ts': 'type Click = { readonly user: string }\n',
  'src/state/state.ts': '',
  'src/testing/run-job.ts': `
const job = defineJob(import.meta, (env) => {
  env.input('orders', defineSchema({ id: t.int() })).map((order) => order.id).output('ids')
})
`,
  'src/time/watermark-strategy.ts': 'interface Bid { readonly dateTime: number }\n',
}

const examples = Object.entries(PRELUDES).flatMap(([path, prelude]) =>
  docExamples(path).map((example, index) => ({ ...example, prelude, name: `${path.replaceAll(/\W/g, '_')}_${index}` })),
)
const scratch = new Scratch()
beforeAll(() => {
  for (const { name, text, prelude } of examples) scratch.write(`${name}.ts`, fragmentModule(text, prelude))
})

test('every example compiles', () => {
  expect(Object.keys(PRELUDES).filter((path) => docExamples(path).length === 0)).toEqual([])
  expect(scratch.typeCheck()).toBe('')
})

test('every example that needs nothing from outside runs', async () => {
  const runnable = examples.filter(({ prelude }) => !prelude.includes('declare '))
  expect(runnable.length).toBeGreaterThan(5)
  for (const { name } of runnable) await scratch.compile(name)
  // One process for all.
  scratch.write('all.js', `for (const name of ${JSON.stringify(runnable.map(({ name }) => name))}) await import(\`./\${name}.js\`)\n`)
  expect(scratch.run('all.js')).toMatchObject({ status: 0, stderr: '' })
})
