// The file, print and blackhole sinks.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RoaringBitmap } from '../../../src/base/roaring-bitmap.ts'
import { type BatchRowInit, batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { Decimal, defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../src/batch/types.ts'
import { blackholeSink } from '../../../src/connector/blackhole-sink.ts'
import { fileSink } from '../../../src/connector/file/file-sink.ts'
import { fileSource } from '../../../src/connector/file/file-source.ts'
import { printedValue, printSink } from '../../../src/connector/print-sink.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import type { Sink, SinkWriter } from '../../../src/operator/sink.ts'
import { finishWriter, readAll, scratchFolder, Snapshot, testContext, type TestContext } from './file-probe.ts'

const folder = scratchFolder()
const schema = defineSchema({ id: t.int(), text: t.string().nullable() })
const format = jsonFormat()

function open(
  sink: Sink,
  of: Schema = schema,
  context: TestContext = testContext(),
): { writer: SinkWriter; put(...rows: (BatchRowInit | number)[]): void; context: TestContext } {
  const writer = sink.createWriter(of, context)
  return {
    writer,
    context,
    put(...rows) {
      const batch = batchFromObjects(
        context.slab,
        of,
        rows.map((row) => (typeof row === 'number' ? { row: { id: row, text: `text ${row}` } } : row)),
      )
      expect(writer.write(batch)).toBe(true)
      expect(batch.begin).toBe(batch.end)
    },
  }
}

describe('fileSink', () => {
  test('a file has its name only when it is complete', () => {
    const path = join(folder, 'deep/er/out.json')
    const { writer, put, context } = open(fileSink({ path, format }))
    put(1, 2)
    expect(writer.flush()).toBe(true)
    expect(existsSync(path)).toBe(false)
    expect(readdirSync(join(folder, 'deep/er'))).toEqual(['.out.json.inprogress'])
    put({ row: { id: 3, text: null } })
    expect(finishWriter(writer)).toBe(true)
    const before = context.slab.allocatedBytes
    writer.close()
    expect(context.slab.allocatedBytes).toBeLessThan(before)
    expect(readFileSync(path, 'utf8')).toBe('{"id":1,"text":"text 1"}\n{"id":2,"text":"text 2"}\n{"id":3,"text":null}\n')
    expect(readdirSync(join(folder, 'deep/er'))).toEqual(['out.json'])
  })

  test('a file that exists is replaced at the end, and stays if the job fails', () => {
    const path = join(folder, 'old.json')
    writeFileSync(path, 'old')
    const failed = open(fileSink({ path, format }))
    failed.put(1)
    failed.writer.close()
    expect(readFileSync(path, 'utf8')).toBe('old')
    const { writer } = open(fileSink({ path, format }))
    finishWriter(writer)
    writer.close()
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  test('a folder takes a part of each subtask that has rows', () => {
    const sink = fileSink({ path: join(folder, 'parts/'), format })
    expect([sink.parallelismMax, fileSink({ path: join(folder, 'one.json'), format }).parallelismMax]).toEqual([Infinity, 1])
    for (const subtaskIndex of [0, 1, 2]) {
      const { writer, put } = open(sink, schema, { ...testContext(), subtaskIndex })
      if (subtaskIndex !== 1) put(subtaskIndex)
      finishWriter(writer)
      writer.close()
    }
    expect(readdirSync(join(folder, 'parts'))).toEqual(['part-0.json', 'part-2.json'])
    expect(readAll(fileSource({ path: join(folder, 'parts'), format, schema })).map(({ id }) => id)).toEqual([0, 2])
  })

  test('many rows and rows larger than the buffer come out as they went in', () => {
    const path = join(folder, 'large.json')
    const { writer, put } = open(fileSink({ path, format }))
    const rows = Array.from({ length: 3000 }, (_, id) => ({ id, text: '"\\é🙂\n'.repeat(id % 50) }))
    rows[1500].text = 'x'.repeat(1_300_000)
    for (let at = 0; at < rows.length; at += 500) put(...rows.slice(at, at + 500).map((row) => ({ row })))
    finishWriter(writer)
    writer.close()
    expect(readAll(fileSource({ path, format, schema, lineBytesMax: 2 << 20 }))).toEqual(rows)
  })

  test('a snapshot, restored, goes on in the same file without what came after it', () => {
    const path = join(folder, 'restored.json')
    const first = open(fileSink({ path, format }))
    first.put(1, 2)
    const snapshot = new Snapshot()
    first.writer.snapshot(snapshot)
    first.put(3, 4)
    first.writer.flush()
    first.writer.close()
    const second = open(fileSink({ path, format }))
    second.writer.restore(snapshot)
    second.put(30)
    finishWriter(second.writer)
    second.writer.close()
    expect(readAll(fileSource({ path, format, schema })).map(({ id }) => id)).toEqual([1, 2, 30])
    const third = open(fileSink({ path, format }))
    expect(() => third.writer.restore(snapshot)).toThrow(/Cannot go on writing ".*\.restored\.json\.inprogress"/)
  })

  test('a part file that a run left which failed is gone when the writer of its name ends without a row', () => {
    const path = join(folder, 'parts-left/')
    const first = open(fileSink({ path, format }))
    first.put(1)
    first.writer.flush()
    first.writer.close()
    expect(readdirSync(path)).toEqual(['.part-0.json.inprogress'])
    // The rows went to another subtask this time, which shares the folder.
    writeFileSync(join(path, '.part-1.json.inprogress'), 'another')
    // One whose number is that of no subtask any more goes with those of the same rest.
    writeFileSync(join(path, '.part-2.json.inprogress'), 'of a run with more subtasks')
    const second = open(fileSink({ path, format }), schema, { ...testContext(), parallelism: 2 })
    expect(finishWriter(second.writer)).toBe(true)
    second.writer.close()
    expect(readdirSync(path)).toEqual(['.part-1.json.inprogress'])
  })

  test('rows through a selection', () => {
    const path = join(folder, 'selected.json')
    const { writer, context } = open(fileSink({ path, format }))
    const batch = batchFromObjects(
      context.slab,
      schema,
      Array.from({ length: 6 }, (_, id) => ({ row: { id, text: null } })),
    )
    batch.selection = context.slab.allocate(128)
    context.slab.i32.set([1, 4, 5], batch.selection >>> 2)
    batch.selectedCount = 3
    batch.rewind()
    batch.begin = 1
    expect(writer.write(batch)).toBe(true)
    finishWriter(writer)
    expect(readAll(fileSource({ path, format, schema })).map(({ id }) => id)).toEqual([4, 5])
  })

  test('values of JavaScript are written as JSON, with exact integers', () => {
    const path = join(folder, 'objects.json')
    const { writer, put } = open(fileSink({ path, format }), OBJECT_SCHEMA)
    put({ row: { a: 2n ** 60n, b: new Map([['k', 1]]), c: new Decimal(120n, 2), d: Uint8Array.of(1, 2), e: undefined } }, { row: 'text' }, { row: [1, '5'] })
    finishWriter(writer)
    expect(readFileSync(path, 'utf8')).toBe('{"a":1152921504606846976,"b":{"k":1},"c":"1.20","d":"AQI="}\n"text"\n[1,"5"]\n')
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(() => open(fileSink({ path, format }), OBJECT_SCHEMA).put({ row: loop })).toThrow('Cannot write a record as JSON')
  })

  test.each(['a file', 'nothing yet'])('a link that leads to %s stays, and what it leads to is written', (kind) => {
    const at = join(folder, `links-${kind.length}`)
    mkdirSync(join(at, 'real'), { recursive: true })
    if (kind === 'a file') writeFileSync(join(at, 'real/out.json'), 'old')
    symlinkSync('real/out.json', join(at, 'second'))
    symlinkSync('second', join(at, 'first.json'))
    const { writer, put } = open(fileSink({ path: join(at, 'first.json'), format }))
    put(1)
    writer.flush()
    expect(readdirSync(join(at, 'real'))).toContain('.out.json.inprogress')
    finishWriter(writer)
    writer.close()
    expect(lstatSync(join(at, 'first.json')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(at, 'real/out.json'), 'utf8')).toBe('{"id":1,"text":"text 1"}\n')
    expect([readdirSync(at), readdirSync(join(at, 'real'))]).toEqual([['first.json', 'real', 'second'], ['out.json']])
  })

  test('a link that leads to itself is refused', () => {
    const path = join(folder, 'loop.json')
    symlinkSync('loop.json', path)
    expect(() => open(fileSink({ path, format })).put(1)).toThrow(`Cannot write "${path}": ELOOP`)
  })

  test.each(['itself', 'a link to it'])('a named pipe, by %s, waits for its reader, holds the job back while it is full, and stays one', (by) => {
    const pipe = join(folder, `pipe-${by.length}`)
    const path = by === 'itself' ? pipe : `${pipe}-link`
    execFileSync('mkfifo', [pipe])
    if (path !== pipe) symlinkSync(pipe, path)
    const { writer, put } = open(fileSink({ path, format }))
    const text = 'x'.repeat(300_000)
    put({ row: { id: 1, text } })
    expect([writer.flush(), writer.hasCapacity()]).toEqual([false, false])
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const buffer = Buffer.alloc(1 << 20)
    let received = ''
    // The pipe takes less than a line at a time.
    for (let writes = 0; !finishWriter(writer); writes++) {
      expect(writes).toBeLessThan(100)
      received += buffer.toString('utf8', 0, readSync(reader, buffer))
    }
    for (let count = 1; count > 0; received += buffer.toString('utf8', 0, count)) count = readSync(reader, buffer)
    expect(received).toBe(`{"id":1,"text":"${text}"}\n`)
    closeSync(reader)
    writer.close()
    expect(lstatSync(pipe).isFIFO()).toBe(true)
    expect(readdirSync(folder).filter((name) => name.includes('inprogress') && name.includes('pipe'))).toEqual([])
  })

  test('the reader of a named pipe sees the end of no rows, and its leaving is named', () => {
    const path = join(folder, 'silent')
    execFileSync('mkfifo', [path])
    const empty = open(fileSink({ path, format }))
    expect(finishWriter(empty.writer)).toBe(false)
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    expect(finishWriter(empty.writer)).toBe(true)
    expect(readSync(reader, Buffer.alloc(10))).toBe(0)
    const { writer, put } = open(fileSink({ path, format }))
    put(1)
    expect(writer.flush()).toBe(true)
    const snapshot = new Snapshot()
    writer.snapshot(snapshot)
    snapshot.elements('parts', () => expect.unreachable())
    closeSync(reader)
    put(2)
    expect(() => writer.flush()).toThrow(`Cannot write to "${path}": its reader has gone`)
    writer.close()
  })

  test('a socket is refused', async () => {
    const path = join(folder, 'socket')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    expect(() => open(fileSink({ path, format })).put(1)).toThrow(`Cannot write "${path}": it is a socket, not a file`)
    expect(lstatSync(path).isSocket()).toBe(true)
    await new Promise((resolve) => server.close(resolve))
  })

  test('updates, folders in the way and wrong options are refused', () => {
    expect(() => open(fileSink({ path: join(folder, 'kinds.json'), format })).put({ kind: RowKind.DELETE, row: { id: 1, text: null } })).toThrow(
      'Cannot write an update or a deletion',
    )
    expect(() => open(fileSink({ path: '/proc/nope/x.json', format })).put(1)).toThrow('Cannot write "/proc/nope/x.json"')
    expect(() => fileSink({ path: '', format })).toThrow('path must be a string')
    expect(() => fileSink({ path: 'x', format: {} as never })).toThrow('format must be made by')
    expect(fileSink({ path: '-', format }).describe()).toBe('standard output as JSON lines, strict')
  })
})

describe('printSink', () => {
  function print(of: Schema, rows: BatchRowInit[], options = {}, context = testContext()): string {
    let text = ''
    const { writer, put } = open(printSink({ write: (more) => void (text += more), ...options }), of, context)
    put(...rows)
    finishWriter(writer)
    return text
  }

  test('prints kinds and values as Flink does', () => {
    const of = defineSchema({ a: t.int(), b: t.string().nullable(), at: t.timestamp(3) })
    expect(
      print(of, [
        { kind: RowKind.INSERT, row: { a: 1, b: 'x', at: 0 } },
        { kind: RowKind.UPDATE_AFTER, row: { a: 2, b: null, at: 1500 } },
      ]),
    ).toBe('+I[1, x, 1970-01-01T00:00]\n+U[2, null, 1970-01-01T00:00:01.500]\n')
  })

  test.each([
    [t.double(), 1, '1.0'],
    [t.double(), 0.1, '0.1'],
    [t.double(), 1e7, '1.0E7'],
    [t.double(), 12345678.9, '1.23456789E7'],
    [t.double(), 0.001, '0.001'],
    [t.double(), 0.00012, '1.2E-4'],
    [t.double(), -0, '-0.0'],
    [t.double(), NaN, 'NaN'],
    [t.double(), -Infinity, '-Infinity'],
    [t.float(), Math.fround(0.1), '0.1'],
    [t.float(), Math.fround(1.1e10), '1.1E10'],
    [t.boolean(), true, 'true'],
    [t.bigint(), 2n ** 60n, '1152921504606846976'],
    [t.decimal(10, 2), new Decimal(120n, 2), '1.20'],
    [t.date(), -1, '1969-12-31'],
    [t.date(), 11016, '2000-02-29'],
    [t.date(), -719529, '-0001-12-31'],
    [t.date(), 2932897, '+10000-01-01'],
    [t.time(3), 3_600_000, '01:00'],
    [t.time(3), 3_661_020, '01:01:01.020'],
    [t.timestamp(6), 1_000_001_000n, '1970-01-01T00:00:01.000001'],
    [t.timestamp(9), -1n, '1969-12-31T23:59:59.999999999'],
    [t.timestampLtz(3), 60_000, '1970-01-01T00:01:00Z'],
    [t.bytes(), Uint8Array.of(1, 255), '[1, -1]'],
    [t.bitmap(), RoaringBitmap.of([3, -1]).toBytes(), '{3,4294967295}'],
    [t.array(t.int()), [1, 2], '[1, 2]'],
    [t.map(t.string(), t.double()), new Map([['a', 1]]), '{a=1.0}'],
    [t.row({ x: t.int(), y: t.string().nullable() }), { x: 1, y: null }, '+I[1, null]'],
  ] as const)('%# prints as %s', (type, value, text) => {
    expect(printedValue(value, type.logical)).toBe(text)
  })

  test('an identifier and the subtask stand before each line', () => {
    const of = defineSchema({ a: t.int() })
    const rows = [{ row: { a: 1 } }]
    expect(print(of, rows, { identifier: 'out' })).toBe('out> +I[1]\n')
    expect(print(of, rows, { identifier: 'out' }, { ...testContext(), parallelism: 2, subtaskIndex: 1 })).toBe('out:2> +I[1]\n')
    expect(print(of, rows, {}, { ...testContext(), parallelism: 2 })).toBe('1> +I[1]\n')
    expect(print(OBJECT_SCHEMA, [{ row: { a: [1, { b: 'c' }] } }, { row: 'x' }])).toBe("{ a: [ 1, { b: 'c' } ] }\nx\n")
  })
})

describe('blackholeSink', () => {
  test('counts', () => {
    const { put, context } = open(blackholeSink())
    put(1, 2, 3)
    expect(context.counters.get('recordsForgotten')!.value).toBe(3)
  })
})
