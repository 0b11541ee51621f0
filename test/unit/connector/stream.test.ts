import { EventEmitter, on } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Millrace } from '../../../src/api/datastream/millrace.ts'
import { ConnectorError, PlanError } from '../../../src/base/errors.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { asyncIterableSource, readableSource, type ReadableSourceOptions } from '../../../src/connector/stream/stream-source.ts'
import type { StreamFactory } from '../../../src/connector/stream/stream-intake.ts'
import type { OutputFactory } from '../../../src/connector/stream/stream-target.ts'
import { writableSink, type WritableSinkOptions } from '../../../src/connector/stream/writable-sink.ts'
import { csvFormat } from '../../../src/format/csv/csv-format.ts'
import { textFormat } from '../../../src/format/text-format.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import { PollResult, type Source, type SourceReader } from '../../../src/operator/source.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { SideOutput, Snapshot, testContext } from './file-probe.ts'

const schema = defineSchema({ id: t.int(), name: t.string().nullable() })
interface Row {
  readonly id: number
  readonly name: string | null
}
const rows = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, name: id % 7 === 0 ? null : `näme ${id}` }))

async function* slowly<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const [index, value] of values.entries()) {
    if (index % 100 === 99) await new Promise(setImmediate)
    yield value
  }
}

async function read<R>(factory: StreamFactory<unknown>, options: ReadableSourceOptions): Promise<R[]> {
  const env = Millrace.local()
  return (await env.executeAndCollect(env.from(readableSource(factory, options)))) as R[]
}

/** Cuts bytes at random places, empty chunks included. */
function cut(bytes: Uint8Array, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((place) => place % (bytes.length + 1)).toSorted((left, right) => left - right), bytes.length]
  return at.slice(1).map((end, index) => Buffer.from(bytes.subarray(at[index], end)))
}

describe('sources of values', () => {
  test('an async iterable gives its values in order, however many', async () => {
    const values = Array.from({ length: 20_000 }, (_, index) => index)
    const env = Millrace.local()
    expect(await env.executeAndCollect(env.fromAsyncIterable(() => slowly(values)))).toEqual(values)
  })

  test('rows with a schema go into columns', async () => {
    const env = Millrace.local()
    expect(await env.executeAndCollect(env.fromAsyncIterable<Row>(() => slowly(rows(3000)), schema))).toEqual(rows(3000))
  })

  test.each([
    ['an array', () => rows(10)],
    ['a promise of an iterable', () => Promise.resolve(slowly(rows(10)))],
    ['a Node stream of objects', () => Readable.from(rows(10))],
    ['a web stream of objects', () => ReadableStream.from(rows(10))],
  ])('%s is read to its end', async (_name, factory) => {
    expect(await read(factory, { schema })).toEqual(rows(10))
  })

  test('an iterable is asked for values only as far ahead as a batch', async () => {
    let asked = 0
    let seen = 0
    let aheadMost = 0
    const env = Millrace.local().set('millrace.batch.rows-max', 100)
    env
      .fromAsyncIterable(function* () {
        for (; asked < 5000; asked++) yield asked
      })
      .forEach(() => (aheadMost = Math.max(aheadMost, asked - ++seen)))
    await env.execute()
    expect(seen).toBe(5000)
    expect(aheadMost).toBeLessThanOrEqual(200)
  })

  test('values arrive while the stream goes on', async () => {
    const emitter = new EventEmitter()
    const cancel = new AbortController()
    const seen: unknown[] = []
    const env = Millrace.local()
    env
      .fromAsyncIterable((signal) => on(emitter, 'order', { signal }))
      .forEach(([order]) => {
        seen.push(order)
        if (seen.length < 3) setImmediate(() => emitter.emit('order', seen.length))
        else cancel.abort(new Error('enough'))
      })
    setImmediate(() => emitter.emit('order', 0))
    await expect(env.execute({ signal: cancel.signal })).rejects.toThrow('enough')
    expect(seen).toEqual([0, 1, 2])
    expect(emitter.listenerCount('order')).toBe(0)
  })

  test('what the iterable throws fails the job with its cause, behind the values in front of it', async () => {
    const cause = new Error('the socket broke')
    const seen: unknown[] = []
    const env = Millrace.local()
    env
      .fromAsyncIterable(async function* () {
        yield 1
        yield 2
        await new Promise(setImmediate)
        throw cause
      })
      .forEach((value) => seen.push(value))
    const error = await env.execute().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConnectorError)
    expect(error).toMatchObject({ code: 'STREAM_FAILED', message: 'Cannot read stream: the socket broke', cause })
    expect(seen).toEqual([1, 2])
  })

  test('the error of a Node stream and of a web stream fails the job with its cause', async () => {
    const cause = new Error('gone')
    const node = (): Readable => new Readable({ objectMode: true, read(): void { this.destroy(cause) } }) // prettier-ignore
    const web = (): ReadableStream => new ReadableStream({ pull: (controller) => controller.error(cause) })
    await expect(read(node, {})).rejects.toMatchObject({ code: 'STREAM_FAILED', cause })
    await expect(read(web, {})).rejects.toMatchObject({ code: 'STREAM_FAILED', cause })
  })

  test('a job that ends early stops a Node stream, a web stream and a generator', async () => {
    const node = new PassThrough({ objectMode: true })
    node.write(1)
    let webCancelled = false
    const web = new ReadableStream({ start: (controller) => controller.enqueue(1), cancel: () => void (webCancelled = true) })
    let isReturned = false
    let isAborted = false
    const generator: StreamFactory<number> = async function* (signal) {
      signal.addEventListener('abort', () => (isAborted = true))
      try {
        for (let value = 0; ; value++) yield value
      } finally {
        isReturned = true
      }
    }
    for (const source of [readableSource(() => node), readableSource(() => web), asyncIterableSource(generator)]) {
      const env = Millrace.local()
      env.from(source).forEach(() => {
        throw new Error('enough')
      })
      await expect(env.execute()).rejects.toThrow('enough')
    }
    await new Promise(setImmediate)
    expect([node.destroyed, webCancelled, isReturned, isAborted]).toEqual([true, true, true, true])
  })

  test('what is no stream is refused, before or when the job runs', async () => {
    expect(() => asyncIterableSource([1, 2] as never)).toThrow(PlanError)
    await expect(read(() => 5 as never, {})).rejects.toMatchObject({ code: 'INVALID_STREAM' })
  })
})

describe('sources of bytes', () => {
  test('lines of JSON are read alike however the bytes are cut', async () => {
    const bytes = Buffer.from(rows(40).map((row) => `${JSON.stringify(row)}\n`).join('').slice(0, -1)) // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 30 }), fc.boolean(), async (cuts, isWeb) => {
        const chunks = cut(bytes, cuts)
        const factory = (): Readable | ReadableStream => (isWeb ? ReadableStream.from(chunks) : Readable.from(chunks, { objectMode: false }))
        expect(await read(factory, { format: jsonFormat(), schema })).toEqual(rows(40))
      }),
      { numRuns: 30 },
    )
  })

  test('CSV with a header and text without one are read from strings', async () => {
    const csv = ['na', 'me,id\r\nx,1\r\n"a\nb"', ',2\r\n']
    expect(await read(() => Readable.from(csv), { format: csvFormat({ header: true }), schema })).toEqual([
      { id: 1, name: 'x' },
      { id: 2, name: 'a\nb' },
    ])
    const line = defineSchema({ line: t.string() })
    expect(await read(() => Readable.from(['to be\nor ', 'not\n']), { format: textFormat(), schema: line })).toEqual([{ line: 'to be' }, { line: 'or not' }])
  })

  test('a chunk larger than a block, and an empty stream, are read', async () => {
    const text = rows(60_000)
      .map((row) => JSON.stringify(row))
      .join('\n')
    expect(Buffer.byteLength(text)).toBeGreaterThan(1 << 20)
    expect(await read(() => [text], { format: jsonFormat(), schema })).toEqual(rows(60_000))
    expect(await read(() => [], { format: jsonFormat(), schema })).toEqual([])
  })

  test('a bad record fails with its line, or is skipped and counted', async () => {
    const text = '{"id":1,"name":"a"}\n{"id":"x"}\n{"id":3,"name":null}\n'
    await expect(read(() => [text], { format: jsonFormat(), schema })).rejects.toThrow('stream line 2')
    expect(await read(() => [text], { format: jsonFormat(), schema, onBadRecord: 'skip' })).toEqual([
      { id: 1, name: 'a' },
      { id: 3, name: null },
    ])
  })

  test('objects in a stream of bytes are refused', async () => {
    await expect(read(() => Readable.from(rows(2)), { format: jsonFormat(), schema })).rejects.toMatchObject({ code: 'INVALID_CHUNK' })
    expect(() => readableSource(() => [], { format: jsonFormat() })).toThrow('needs a schema')
    for (const lineBytesMax of [0, 1.5, 2 ** 28 + 1])
      expect(() => readableSource(() => [], { format: jsonFormat(), schema, lineBytesMax })).toThrow(
        `lineBytesMax=${lineBytesMax} must be an integer in 1..268435456`,
      )
  })
})

/** Reads a source to its end; after every poll a snapshot goes into a fresh reader. */
async function readRestoring(source: Source): Promise<unknown[]> {
  const context = testContext(8)
  const bytesBefore = context.slab.allocatedBytes
  const seen: unknown[] = []
  const sides = new SideOutput()
  let reader: SourceReader = source.createReader(context)
  let isAssigned = false
  for (;;) {
    const result = reader.poll(sides)
    if (result === PollResult.FINISHED) break
    if (result === PollResult.NOTHING) await new Promise(setImmediate)
    else if (result === PollResult.NEEDS_SPLIT) {
      if (isAssigned) reader.noMoreSplits()
      else reader.assign(source.enumerate(1)[0], 1)
      isAssigned = true
    } else {
      seen.push(...batchToObjects(reader.batch).map(({ row }) => row))
      const snapshot = new Snapshot()
      reader.snapshot(snapshot)
      reader.close()
      reader = source.createReader(context)
      reader.restore(snapshot)
    }
  }
  reader.close()
  expect(context.slab.allocatedBytes).toBe(bytesBefore)
  return seen
}

describe('positions', () => {
  test('a restored reader passes over the values that were read before', async () => {
    expect(await readRestoring(asyncIterableSource(() => slowly(rows(100)), schema))).toEqual(rows(100))
  })

  test('a restored reader goes on behind the last byte decoded, with the columns of the header', async () => {
    const json = rows(100)
      .map((row) => JSON.stringify(row))
      .join('\n')
    const csv = `name,id\n${rows(100)
      .map(({ id, name }) => `${name ?? ''},${id}\n`)
      .join('')}`
    const chunks = (text: string): Buffer[] => cut(Buffer.from(text), [3, 9, 70, 71, 72, 500, 900])
    expect(await readRestoring(readableSource(() => slowly(chunks(json)), { format: jsonFormat(), schema }))).toEqual(rows(100))
    expect(await readRestoring(readableSource(() => slowly(chunks(csv)), { format: csvFormat({ header: true }), schema }))).toEqual(rows(100))
  })
})

/** A Node stream that takes chunks only over turns of the event loop. */
function slowWritable(options: { objectMode?: boolean; highWaterMark?: number; failAt?: number }): {
  readonly stream: Writable
  readonly chunks: unknown[]
  most: () => number
} {
  const chunks: unknown[] = []
  let most = 0
  const stream = new Writable({
    ...options,
    write(chunk, _encoding, done) {
      most = Math.max(most, stream.writableLength)
      chunks.push(chunk)
      setImmediate(() => done(chunks.length === options.failAt ? new Error('the disk is full') : null))
    },
  })
  return { stream, chunks, most: () => most }
}

async function write(records: readonly Row[], factory: OutputFactory, options: WritableSinkOptions): Promise<void> {
  const env = Millrace.local()
  env.fromCollection(records, schema).sinkTo(writableSink(factory, options))
  await env.execute()
}

describe('sinks', () => {
  test('a Node stream gets lines and is ended', async () => {
    const { stream, chunks } = slowWritable({})
    await write(rows(20_000), () => stream, { format: jsonFormat() })
    expect(stream.writableFinished).toBe(true)
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe(rows(20_000).map((row) => `${JSON.stringify(row)}\n`).join('')) // prettier-ignore
  })

  test('a stream gets the header of CSV once, also without records', async () => {
    const { stream, chunks } = slowWritable({})
    await write([], () => Promise.resolve(stream), { format: csvFormat({ header: true }) })
    expect(
      Buffer.concat(chunks as Buffer[])
        .toString()
        .trim(),
    ).toBe('id,name')
  })

  test('a full stream holds the job back', async () => {
    const { stream, chunks, most } = slowWritable({ objectMode: true, highWaterMark: 3 })
    await write(rows(200), () => stream, {})
    expect(chunks).toEqual(rows(200))
    expect(most()).toBeLessThanOrEqual(3)
  })

  test('a web stream gets objects or bytes, no faster than it takes them', async () => {
    const values: unknown[] = []
    let isClosed = false
    const sink = {
      write: async (value: unknown): Promise<void> => {
        await new Promise(setImmediate)
        values.push(value)
      },
      close: () => void (isClosed = true),
    }
    await write(rows(50), () => new WritableStream(sink), {})
    expect([values, isClosed]).toEqual([rows(50), true])
    values.length = 0
    await write(rows(50), () => new WritableStream(sink), { format: jsonFormat() })
    expect(Buffer.concat(values as Buffer[]).toString()).toBe(rows(50).map((row) => `${JSON.stringify(row)}\n`).join('')) // prettier-ignore
  })

  test('a stream that others use is left open, when everything is in it', async () => {
    for (const objectMode of [false, true]) {
      const { stream, chunks } = slowWritable({ objectMode })
      await write(rows(5), () => stream, { end: false, ...(!objectMode && { format: jsonFormat() }) })
      expect([stream.writableLength, stream.writableEnded, stream.listenerCount('drain'), stream.listenerCount('error')]).toEqual([0, false, 0, 0])
      expect(chunks.length).toBeGreaterThan(0)
    }
    const web = new WritableStream()
    await write(rows(5), () => web, { end: false })
    expect(web.locked).toBe(false)
  })

  test('the failure of a stream fails the job with its cause', async () => {
    const { stream } = slowWritable({ objectMode: true, failAt: 2 })
    await expect(write(rows(100), () => stream, {})).rejects.toMatchObject({ code: 'STREAM_FAILED', message: 'Cannot write stream: the disk is full' })
    const cause = new Error('refused')
    await expect(write(rows(100), () => new WritableStream({ write: () => Promise.reject(cause) }), {})).rejects.toMatchObject({ code: 'STREAM_FAILED', cause })
    await expect(write(rows(1), () => Promise.reject(cause), {})).rejects.toMatchObject({ code: 'STREAM_FAILED', cause })
    await expect(write(rows(1), () => ({}) as never, {})).rejects.toMatchObject({ code: 'INVALID_STREAM' })
  })

  test('a stream that somebody else ends fails the job', async () => {
    const { stream } = slowWritable({ objectMode: true, highWaterMark: 1 })
    setImmediate(() => stream.end())
    await expect(write(rows(1000), () => stream, {})).rejects.toMatchObject({ code: 'STREAM_FAILED' })
  })

  test('a job that fails destroys its stream', async () => {
    const { stream } = slowWritable({})
    let isAborted = false
    const web = new WritableStream({ abort: () => void (isAborted = true) })
    for (const factory of [(): Writable => stream, (): WritableStream => web]) {
      const env = Millrace.local()
      env
        .fromAsyncIterable(async function* (signal) {
          yield 1
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        })
        .map(() => Buffer.from('one'))
        .sinkTo(writableSink(factory))
      env
        .fromAsyncIterable(() => slowly(rows(500)))
        .filter(({ id }) => id === 400)
        .forEach(() => {
          throw new Error('failed')
        })
      await expect(env.execute()).rejects.toThrow('failed')
    }
    await new Promise(setImmediate)
    expect([stream.destroyed, isAborted]).toEqual([true, true])
  })
})
