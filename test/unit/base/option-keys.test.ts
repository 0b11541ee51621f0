// Misspelt options, in every function of the package that takes an object of them.
import {
  AsyncDataStream,
  csvFormat,
  datagenSource,
  defineSchema,
  fileSink,
  fileSource,
  jsonFormat,
  mapState,
  Millrace,
  nexmarkSource,
  printSink,
  readableSource,
  t,
  textFormat,
  topN,
  valueState,
  WatermarkStrategy,
  writableSink,
} from 'millrace'
import { runJob } from 'millrace/testing'
import { describe, expect, test } from 'vitest'

/** Options as a program without types may give them. */
// oxlint-disable-next-line typescript/no-explicit-any -- any object is accepted where options are
type Untyped = any

const schema = defineSchema({ id: t.bigint() })
const format = jsonFormat()
const stream = (): Untyped => {
  throw new Error('not opened here')
}
const file = { path: 'rows.jsonl', format, schema }
const numbers = () => Millrace.local().fromElements(1)

/** What is made of options, the beginning of its complaints, a misspelt option, and the one that is meant. */
const FACTORIES: readonly (readonly [name: string, make: (options: Untyped) => unknown, purpose: string, misspelt: string, meant: string])[] = [
  ['csvFormat', csvFormat, 'make a CSV format', 'delimeter', 'delimiter'],
  ['jsonFormat', jsonFormat, 'make a JSON format', 'failOnMissingFields', 'failOnMissingField'],
  ['textFormat', textFormat, 'make a text format', 'utf-8', 'utf8'],
  ['fileSource', (options) => fileSource({ ...file, ...options }), 'make a file source', 'formt', 'format'],
  ['fileSink', (options) => fileSink({ path: 'rows.jsonl', format, ...options }), 'make a file sink', 'pth', 'path'],
  ['readableSource', (options) => readableSource(stream, options), 'make a source', 'onBadRecords', 'onBadRecord'],
  ['writableSink', (options) => writableSink(stream, options), 'make a sink', 'foramt', 'format'],
  ['printSink', printSink, 'make a print sink', 'identifer', 'identifier'],
  ['nexmarkSource', nexmarkSource, 'make a Nexmark source', 'eventcount', 'eventCount'],
  ['orderedWait', (options) => AsyncDataStream.orderedWait(numbers(), stream, options), 'make asynchronous calls', 'timeout', 'timeoutMs'],
  ['withTimestampLimits', (options) => WatermarkStrategy.noWatermarks().withTimestampLimits(options), 'use timestamp limits', 'maxFuture', 'maxFutureMs'],
  ['topN', (options) => topN(3, 'id', options), 'keep the top rows', 'colums', 'columns'],
  ['local', Millrace.local, 'make a local environment', 'dve', 'dev'],
  ['valueState', (options) => valueState('sum', t.double(), options), 'declare state "sum"', 'tll', 'ttl'],
  ['a TTL', (ttl) => mapState('sums', t.string(), t.double(), { ttl: { ttlMs: 1, ...ttl } }), 'let state "sums" expire', 'updatetype', 'updateType'],
  ['executeAsync', (options) => Millrace.local().executeAsync(options), 'run the job', 'nmae', 'name'],
]

describe.each(FACTORIES)('options of %s', (_name, make, purpose, misspelt, meant) => {
  test('are refused if no option is called so', () => {
    for (const value of [true, undefined])
      expect(() => make({ [misspelt]: value })).toThrow(
        expect.objectContaining({
          name: 'PlanError',
          code: 'INVALID_OPTION',
          message: `Cannot ${purpose}: no option is called "${misspelt}"`,
          hint: `Did you mean "${meant}"?`,
        }),
      )
  })

  test('are listed where none is near', () => {
    expect(() => make({ constructor: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', hint: expect.stringMatching(`^Its options are .*\\b${meant}\\b`) as string }),
    )
  })
})

test('known options may be undefined', () => {
  csvFormat({ delimiter: undefined } as Untyped)
  fileSource({ ...file, follow: undefined } as Untyped)
  expect(printSink({ identifier: undefined } as Untyped).name).toBe('Print')
})

test('options are an object', () => {
  expect(() => printSink('words' as Untyped)).toThrow('Cannot make a print sink: expected an object of options, not "words"')
  expect(() => csvFormat(null as Untyped)).toThrow('Cannot make a CSV format: expected an object of options, not null')
})

test('engine.submit refuses them before anything starts', async () => {
  await using engine = await Millrace.start()
  expect(() => engine.submit('file:///job.js', { paralelism: 2 } as Untyped)).toThrow('Cannot submit a job: no option is called "paralelism"')
})

test('Millrace.start and runJob refuse them', async () => {
  await expect(Millrace.start({ singal: undefined } as Untyped)).rejects.toThrow('Cannot start an engine: no option is called "singal"')
  await expect(runJob(() => {}, { paralelism: 2 } as Untyped)).rejects.toThrow('Cannot run the job: no option is called "paralelism"')
})

test('datagen has a complaint of its own', () => {
  expect(() => datagenSource(schema, { rowCuont: 5 } as Untyped)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }))
})
