// Part files of a folder: when they are closed, by which partition they are kept, and when a partition is said to be complete.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../../src/base/file-system.ts'
import { batchFromObjects, freeBatch } from '../../../src/batch/batch-rows.ts'
import { Decimal, defineSchema, type Schema, t } from '../../../src/batch/types.ts'
import { fileSink, type FileSinkOptions } from '../../../src/connector/file/file-sink.ts'
import { partitionPath, partitionValues } from '../../../src/connector/file/partition-path.ts'
import { PartitionTime } from '../../../src/connector/file/partition-time.ts'
import { csvFormat } from '../../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import { SinkOperator } from '../../../src/operator/basic/sink-operator.ts'
import { COMMITTABLE_SCHEMA } from '../../../src/operator/sink.ts'
import type { Output } from '../../../src/operator/operator.ts'
import type { RecordBatch } from '../../../src/batch/record-batch.ts'
import { scratchFolder, Snapshot, testContext, type TestContext } from './file-probe.ts'

const folder = scratchFolder()
let folders = 0
const format = jsonFormat()
const schema = defineSchema({ id: t.int(), day: t.string().nullable() })
const NOWHERE: Output = { hasCapacity: () => true, emit: () => {}, emitWatermark: () => {}, emitStatus: () => {}, side: () => undefined }

/** Everything below a folder, as paths from there on. */
function filesIn(path: string): string[] {
  return existsSync(path)
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => statSync(join(path, name)).isFile())
        .sort()
    : []
}

/** A sink as a job with checkpoints drives it: a writer, and the committer behind it. */
class SinkProbe {
  readonly path: string
  readonly context: TestContext
  readonly #schema: Schema
  #writer: SinkOperator
  #committer: SinkOperator | undefined
  #checkpointId = 0

  constructor(
    options: Partial<FileSinkOptions>,
    settings: { isCheckpointed?: boolean; path?: string; of?: Schema; restore?: Snapshots; files?: FileSystem } = {},
  ) {
    this.path = settings.path ?? join(folder, `parts-${folders++}`)
    this.context = { ...testContext(), isCheckpointed: settings.isCheckpointed ?? true, files: settings.files ?? nodeFileSystem }
    this.#schema = settings.of ?? schema
    const sink = fileSink({ path: `${this.path}/`, format, ...options })
    this.#writer = new SinkOperator(sink, this.#schema)
    this.#writer.open(this.context)
    if (sink.committer !== undefined) {
      this.#committer = new SinkOperator(sink.committer, COMMITTABLE_SCHEMA)
      this.#committer.open(this.context)
    }
    if (settings.restore === undefined) return
    this.#writer.restore(settings.restore.writer)
    this.#committer?.restore(settings.restore.committer)
  }

  get #output(): Output {
    const committer = this.#committer
    if (committer === undefined) return NOWHERE
    return { ...NOWHERE, emit: (batch: RecordBatch) => void committer.processBatch(batch, NOWHERE), emitWatermark: (ms) => void committer.advance(ms) }
  }

  put(...rows: (object | number)[]): this {
    const batch = batchFromObjects(
      this.context.slab,
      this.#schema,
      rows.map((row) => ({ row: typeof row === 'number' ? { id: row, day: null } : row })),
    )
    expect(this.#writer.processBatch(batch, this.#output)).toBe(true)
    freeBatch(batch)
    return this
  }

  watermark(ms: number): this {
    this.#writer.advance(ms)
    this.#output.emitWatermark(ms)
    return this
  }

  /** A barrier passes; the checkpoint is not complete yet. */
  barrier(): Snapshots {
    const checkpointId = ++this.#checkpointId
    const snapshots = { checkpointId, writer: new Snapshot(), committer: new Snapshot() }
    expect(this.#writer.prepareCommit(checkpointId, this.#output)).toBe(true)
    this.#writer.snapshot(snapshots.writer)
    this.#committer?.prepareCommit(checkpointId, NOWHERE)
    this.#committer?.snapshot(snapshots.committer)
    return snapshots
  }

  complete({ checkpointId }: Snapshots): void {
    this.#writer.notifyCheckpointComplete(checkpointId)
    this.#committer?.notifyCheckpointComplete(checkpointId)
  }

  checkpoint(): this {
    this.complete(this.barrier())
    return this
  }

  /** Time passes. */
  pass(ms: number): this {
    this.context.clock.advanceMs(ms)
    if (this.#writer.nextProcessingTimeMs() <= this.context.clock.nowMs()) this.#writer.fireTimers()
    return this
  }

  end(): this {
    expect(this.#writer.endInput(this.#output)).toBe(true)
    expect(this.#committer?.endInput(NOWHERE) ?? true).toBe(true)
    this.complete({ checkpointId: this.#checkpointId + 1, writer: new Snapshot(), committer: new Snapshot() })
    return this.stop()
  }

  stop(): this {
    this.#writer.close()
    this.#committer?.close()
    return this
  }

  get files(): string[] {
    return filesIn(this.path)
  }
}

interface Snapshots {
  readonly checkpointId: number
  readonly writer: Snapshot
  readonly committer: Snapshot
}

describe('rolling', () => {
  test('a part that is closed is pending until its checkpoint is complete', () => {
    const probe = new SinkProbe({ rollingPolicy: { onCheckpoint: true } }).put(1)
    expect(probe.files).toEqual(['.part-0.json.inprogress'])
    const first = probe.barrier()
    probe.put(2)
    expect(probe.files).toEqual(['.part-0-1.json.inprogress', '.part-0.json.inprogress'])
    probe.complete(first)
    expect(probe.files).toEqual(['.part-0-1.json.inprogress', 'part-0.json'])
    expect(readFileSync(join(probe.path, 'part-0.json'), 'utf8')).toBe('{"id":1,"day":null}\n')
    expect(probe.end().files).toEqual(['part-0-1.json', 'part-0.json'])
  })

  test('without onCheckpoint a part stays in progress over checkpoints', () => {
    const probe = new SinkProbe({}).put(1).checkpoint().put(2).checkpoint()
    expect(probe.files).toEqual(['.part-0.json.inprogress'])
    expect(probe.end().files).toEqual(['part-0.json'])
  })

  test('no part is larger than fileSize, but for a record that is so alone', () => {
    const probe = new SinkProbe({ rollingPolicy: { fileSize: 45 } })
    const long = 'x'.repeat(100)
    probe.put(1, 2, 3, { id: 4, day: long }, 5, 6).end()
    const parts = probe.files.map((name) => readFileSync(join(probe.path, name), 'utf8')).sort()
    expect(parts).toEqual([
      '{"id":1,"day":null}\n{"id":2,"day":null}\n',
      '{"id":3,"day":null}\n',
      `{"id":4,"day":"${long}"}\n`,
      '{"id":5,"day":null}\n{"id":6,"day":null}\n',
    ])
  })

  test('each part of a CSV folder has its header', () => {
    const probe = new SinkProbe({ format: csvFormat({ header: true }), rollingPolicy: { fileSize: 13 } })
    probe.put(1, 2, 3).end()
    expect(probe.files.map((name) => readFileSync(join(probe.path, name), 'utf8')).sort()).toEqual(['id,day\n1,\n2,\n', 'id,day\n3,\n'].sort())
  })

  test.each([
    ['as old as rolloverInterval', { rolloverInterval: 100, inactivityInterval: Infinity, checkInterval: 10 }, 30],
    ['idle for inactivityInterval', { rolloverInterval: Infinity, inactivityInterval: 50, checkInterval: 10 }, Infinity],
  ])('a part that is %s is closed', (_, rollingPolicy, everyMs) => {
    const probe = new SinkProbe({ rollingPolicy }).put(0)
    let closedMs = -1
    for (let ms = 10; ms <= 200 && closedMs < 0; ms += 10) {
      probe.pass(10)
      if (ms % everyMs === 0 && ms < 100) probe.put(ms)
      probe.checkpoint()
      if (probe.files.includes('part-0.json')) closedMs = ms
    }
    expect(closedMs).toBe(everyMs === Infinity ? 50 : 100)
    probe.stop()
  })

  test('intervals are looked at each checkInterval only', () => {
    const probe = new SinkProbe({ rollingPolicy: { rolloverInterval: 10, checkInterval: 100 } }).put(1)
    expect(probe.pass(99).checkpoint().files).toEqual(['.part-0.json.inprogress'])
    expect(probe.pass(1).checkpoint().files).toEqual(['part-0.json'])
    probe.stop()
  })

  test('by default a part is closed at 128 MiB, after a minute, or after a minute without records', () => {
    const { rollingPolicy } = fileSink({ path: 'out/', format })
    expect(rollingPolicy).toEqual({ fileSize: 134_217_728, rolloverInterval: 60_000, inactivityInterval: 60_000, checkInterval: 60_000, onCheckpoint: false })
  })

  test('without checkpoints a part that is closed has its name at once, the last one at the end', () => {
    const probe = new SinkProbe({ rollingPolicy: { fileSize: 25 } }, { isCheckpointed: false }).put(1, 2)
    expect(probe.files).toEqual(['.part-0-1.json.inprogress', 'part-0.json'])
    expect(probe.end().files).toEqual(['part-0-1.json', 'part-0.json'])
  })
})

describe('restoring', () => {
  const options = { rollingPolicy: { onCheckpoint: true } }

  test('what was pending is finished, what came behind is gone, and no name is given twice', () => {
    const probe = new SinkProbe(options).put(1)
    const snapshots = probe.barrier()
    probe.put(2).stop()
    expect(probe.files).toEqual(['.part-0-1.json.inprogress', '.part-0.json.inprogress'])
    const again = new SinkProbe(options, { path: probe.path, restore: snapshots })
    expect(again.files).toContain('part-0.json')
    expect(again.put(20).end().files).toEqual(['part-0-1.json', 'part-0.json'])
    expect(again.files.map((name) => readFileSync(join(again.path, name), 'utf8'))).toEqual(['{"id":20,"day":null}\n', '{"id":1,"day":null}\n'])
  })

  test('a finished file that somebody has taken away is no reason not to go on', () => {
    const probe = new SinkProbe(options).put(1)
    const snapshots = probe.barrier()
    probe.complete(snapshots)
    probe.stop()
    rmSync(join(probe.path, 'part-0.json'))
    const again = new SinkProbe(options, { path: probe.path, restore: snapshots })
    expect(again.context.lines.join()).toContain('part-0.json" was complete before the job failed, and is there no more')
    expect(again.put(2).end().files).toEqual(['part-0-1.json'])
  })

  test('one of another length is', () => {
    const probe = new SinkProbe(options).put(1)
    const snapshots = probe.barrier()
    probe.complete(snapshots)
    probe.stop()
    writeFileSync(join(probe.path, 'part-0.json'), 'another')
    expect(() => new SinkProbe(options, { path: probe.path, restore: snapshots })).toThrow(/Cannot write ".*part-0.json"/)
  })

  test('a part in progress keeps its age', () => {
    const probe = new SinkProbe({ rollingPolicy: { rolloverInterval: 100, checkInterval: 10 } }).put(1).pass(90)
    const snapshots = probe.barrier()
    probe.stop()
    const again = new SinkProbe({ rollingPolicy: { rolloverInterval: 100, checkInterval: 10 } }, { path: probe.path, restore: snapshots })
    again.context.clock.setMs(95)
    expect(again.pass(10).checkpoint().files).toEqual(['part-0.json'])
    again.stop()
  })
})

describe('partitions', () => {
  test('rows go to the folder of their values, without those', () => {
    const of = defineSchema({ id: t.int(), day: t.string().nullable(), hour: t.int().nullable() })
    const probe = new SinkProbe({ partitionBy: ['day', 'hour'] }, { of })
    probe.put(
      { id: 1, day: '2026-01-01', hour: 5 },
      { id: 2, day: 'a/b', hour: null },
      { id: 3, day: '2026-01-01', hour: 5 },
      { id: 4, day: '', hour: 0 },
      { id: 5, day: null, hour: 0 },
    )
    expect(probe.files.every((name) => /^\.part-0(?:-\d)?\.json\.inprogress$/.test(name))).toBe(true)
    probe.end()
    expect(Object.fromEntries(probe.files.map((name) => [name.replace(/\/part-.*/, ''), readFileSync(join(probe.path, name), 'utf8')]))).toEqual({
      'day=2026-01-01/hour=5': '{"id":1}\n{"id":3}\n',
      'day=a%2Fb/hour=__HIVE_DEFAULT_PARTITION__': '{"id":2}\n',
      'day=__HIVE_DEFAULT_PARTITION__/hour=0': '{"id":4}\n{"id":5}\n',
    })
  })

  test.each([
    [t.boolean(), true, 'true'],
    [t.bigint(), 2n ** 60n, '1152921504606846976'],
    [t.decimal(10, 2), new Decimal(120n, 2), '1.20'],
    [t.date(), 20_454, '2026-01-01'],
    [t.timestamp(3), 1500, '1970-01-01T00%3A00%3A01.500'],
    [t.double(), -0, '-0.0'],
  ] as const)('a value of type %# is written as Flink writes it', (type, value, text) => {
    const of = defineSchema({ id: t.int(), p: type })
    const probe = new SinkProbe({ partitionBy: ['p'] }, { of })
    probe.put({ id: 1, p: value }).end()
    expect(probe.files).toEqual([`p=${text}/part-0.json`])
  })

  test('names are escaped and read back', () => {
    const values = ['a/b=c', '100%', 'tab\t', '[x]', 'ü🙂', '\u007f', 'plain']
    const path = partitionPath(['a=b', ...values.slice(1).map((_, index) => `c${index}`)], values)
    expect(path.split('/')).toEqual(['a%3Db=a%2Fb%3Dc', 'c0=100%25', 'c1=tab%09', 'c2=%5Bx%5D', 'c3=ü🙂', 'c4=%7F', 'c5=plain'])
    expect(partitionValues(path)).toEqual(values)
  })

  test('more rows than the parts of all partitions may hold: those used longest ago are written out, and each row is there once, in order', () => {
    const of = defineSchema({ id: t.int(), p: t.int(), text: t.string() })
    const probe = new SinkProbe({ partitionBy: ['p'] }, { of })
    const partitions = 700
    const text = 'x'.repeat(15_000)
    const { slab, metrics } = probe.context
    let most = 0
    for (let round = 0; round < 4; round++)
      for (let from = 0; from < partitions; from += 100) {
        probe.put(...Array.from({ length: 100 }, (_, index) => ({ id: round, p: ((from + index) * 3) % partitions, text })))
        most = Math.max(most, slab.allocatedBytes)
      }
    expect(metrics.bytesWritten).toBeGreaterThan(0)
    // 32 MiB, and what a batch of 100 rows and the encoder need.
    expect(most).toBeLessThan(40 << 20)
    probe.end()
    expect(probe.files.length).toBe(partitions)
    const expected = [0, 1, 2, 3].map((id) => `{"id":${id},"text":"${text}"}\n`).join('')
    for (const name of probe.files) expect(readFileSync(join(probe.path, name), 'utf8') === expected, name).toBe(true)
  })

  test('a commit syncs each folder once, those of partitions before the one around them', () => {
    const opened = new Map<number, string>()
    const synced: string[] = []
    const files: FileSystem = {
      ...nodeFileSystem,
      open(path, mode) {
        const file = nodeFileSystem.open(path, mode)
        opened.set(file, path)
        return file
      },
      sync(file) {
        synced.push(opened.get(file)!)
        nodeFileSystem.sync(file)
      },
    }
    const probe = new SinkProbe({ partitionBy: ['day'], rollingPolicy: { fileSize: 1, onCheckpoint: true } }, { files })
    probe.put(...[1, 2, 3, 4, 5, 6].map((id) => ({ id, day: id % 2 === 0 ? 'even' : 'odd' })))
    const snapshots = probe.barrier()
    const inside = (paths: readonly string[]): string[] => paths.filter((path) => !path.endsWith('.inprogress')).map((path) => relative(probe.path, path))
    // All folders around it, which an earlier run may have made and not synced.
    expect(inside(synced).slice(-2), 'names of the folder and of parts').toEqual(['..', ''])
    synced.length = 0
    probe.complete(snapshots)
    expect(inside(synced).slice(0, 2).sort()).toEqual(['day=even', 'day=odd'])
    expect(inside(synced).slice(2)).toEqual([''])
    synced.length = 0
    probe.put({ id: 7, day: 'odd' })
    const next = probe.barrier()
    synced.length = 0
    probe.complete(next)
    expect(inside(synced), 'the name of the folder is durable').toEqual(['day=odd'])
    probe.end()
  })

  test('more partitions than descriptors: each row is there once, in order, and memory and descriptors come back', () => {
    const of = defineSchema({ id: t.int(), p: t.int() })
    const probe = new SinkProbe({ partitionBy: ['p'] }, { of })
    const before = readdirSync('/proc/self/fd').length
    const partitions = 700
    let most = 0
    for (let round = 0; round < 3; round++)
      for (let from = 0; from < partitions; from += 350) {
        probe.put(...Array.from({ length: 350 }, (_, index) => ({ id: round, p: ((from + index) * 3) % partitions })))
        most = Math.max(most, readdirSync('/proc/self/fd').length - before)
      }
    expect(most).toBeLessThanOrEqual(130)
    probe.end()
    expect(probe.files.length).toBe(partitions)
    for (const name of probe.files) expect(readFileSync(join(probe.path, name), 'utf8')).toBe('{"id":0}\n{"id":1}\n{"id":2}\n')
    expect(readdirSync('/proc/self/fd').length - before).toBeLessThanOrEqual(1)
  })

  test('what another run wrote of a partition stays', () => {
    const options = { partitionBy: ['day'] }
    const first = new SinkProbe(options, { isCheckpointed: false }).put({ id: 1, day: 'x' }).end()
    const second = new SinkProbe(options, { isCheckpointed: false, path: first.path }).put({ id: 2, day: 'x' }).end()
    expect(second.files).toEqual(['day=x/part-0-1.json', 'day=x/part-0.json'])
  })
})

describe('the commit of partitions', () => {
  const hours = (day: string, hour: number): number => Date.parse(`${day}T${String(hour).padStart(2, '0')}:00:00Z`)
  const byTime: Partial<FileSinkOptions> = { partitionBy: ['day'], partitionCommit: { trigger: 'partition-time', delay: 3_600_000 } }
  const row = (id: number, day: string | null): object => ({ id, day })
  const success = (probe: SinkProbe): string[] => probe.files.filter((name) => name.endsWith('_SUCCESS'))

  test('comes behind the checkpoint at which the watermark is beyond time and delay, with all its files', () => {
    const probe = new SinkProbe(byTime).put(row(1, '2026-01-01'), row(2, '2026-01-02'))
    probe.watermark(hours('2026-01-01', 1)).checkpoint()
    expect(success(probe)).toEqual([])
    probe.watermark(hours('2026-01-01', 1) + 1)
    const snapshots = probe.barrier()
    expect(success(probe)).toEqual([])
    probe.complete(snapshots)
    expect(probe.files).toEqual(['.part-0-1.json.inprogress', 'day=2026-01-01/_SUCCESS', 'day=2026-01-01/part-0.json'])
    // A late row: a new part, and the file again.
    const file = join(probe.path, 'day=2026-01-01/_SUCCESS')
    utimesSync(file, 1, 1)
    probe.put(row(3, '2026-01-01')).checkpoint()
    expect(probe.files).toContain('day=2026-01-01/part-0-2.json')
    expect(statSync(file).mtimeMs, 'it is written anew').toBeGreaterThan(1000)
    expect(success(probe.end())).toEqual(['day=2026-01-01/_SUCCESS', 'day=2026-01-02/_SUCCESS'])
  })

  test('of a partition whose time is NULL comes at the end', () => {
    const probe = new SinkProbe(byTime).put(row(1, null)).watermark(Number.MAX_SAFE_INTEGER).checkpoint()
    expect(success(probe)).toEqual([])
    expect(success(probe.end())).toEqual(['day=__HIVE_DEFAULT_PARTITION__/_SUCCESS'])
  })

  test('of one whose text is no time fails', () => {
    expect(() => new SinkProbe(byTime).put(row(1, 'soon'))).toThrow('Cannot read the time of partition "day=soon": "soon" is not yyyy-MM-dd HH:mm:ss')
  })

  test('by the clock comes when the delay has passed since the first row', () => {
    const probe = new SinkProbe({ partitionBy: ['day'], partitionCommit: { delay: 1000, successFileName: 'done' } }).put(row(1, 'x')).checkpoint()
    probe.pass(1000).checkpoint()
    expect(probe.files).toEqual(['.part-0.json.inprogress'])
    probe.pass(1).checkpoint()
    expect(probe.files).toEqual(['day=x/done', 'day=x/part-0.json'])
    probe.stop()
  })

  test('waits for a writer that has a file of the partition open', () => {
    const sink = fileSink({ path: `${join(folder, `parts-${folders++}`)}/`, format, ...byTime })
    const context = { ...testContext(), isCheckpointed: true }
    const committer = new SinkOperator(sink.committer!, COMMITTABLE_SCHEMA)
    committer.open(context)
    // A writer whose stream is idle: its own watermark is behind that of the others.
    const idle = new SinkOperator(sink, schema)
    idle.open(context)
    const rows = batchFromObjects(context.slab, schema, [{ row: row(1, '2026-01-01') }])
    idle.processBatch(rows, NOWHERE)
    const toCommitter: Output = { ...NOWHERE, emit: (batch) => void committer.processBatch(batch, NOWHERE) }
    const checkpoint = (checkpointId: number): void => {
      idle.prepareCommit(checkpointId, toCommitter)
      committer.prepareCommit(checkpointId, NOWHERE)
      committer.notifyCheckpointComplete(checkpointId)
    }
    committer.advance(hours('2026-01-03', 0))
    checkpoint(1)
    expect(filesIn(sink.path)).toEqual(['.part-0.json.inprogress'])
    idle.advance(hours('2026-01-03', 0))
    checkpoint(2)
    expect(filesIn(sink.path)).toEqual(['day=2026-01-01/_SUCCESS', 'day=2026-01-01/part-0.json'])
    idle.close()
    committer.close()
  })

  test('without checkpoints comes at the end', () => {
    const probe = new SinkProbe({ ...byTime, rollingPolicy: { fileSize: 10 } }, { isCheckpointed: false }).put(row(1, '2026-01-01'), row(2, '2026-01-01'))
    probe.watermark(hours('2026-02-01', 0))
    expect(success(probe)).toEqual([])
    expect(probe.end().files).toEqual(['day=2026-01-01/_SUCCESS', 'day=2026-01-01/part-0-1.json', 'day=2026-01-01/part-0.json'])
  })

  test.each([
    [{}, 'day=2026-01-02/hour=7', Date.UTC(2026, 0, 2)],
    [{ timestampPattern: '$day $hour:00:00' }, 'day=2026-1-2/hour=7', Date.UTC(2026, 0, 2, 7)],
    [{ timestampPattern: '$day $hour:30:15.25' }, 'day=2026-01-02/hour=07', Date.UTC(2026, 0, 2, 7, 30, 15, 250)],
    [{ timestampPattern: '$day$hour', timestampFormatter: 'yyyyMMddHH' }, 'day=20260102/hour=07', Date.UTC(2026, 0, 2, 7)],
    [{ timestampPattern: '$day at $hour', timestampFormatter: "d.M.yyyy 'at' H" }, 'day=2.1.2026/hour=7', Date.UTC(2026, 0, 2, 7)],
    [{ timestampPattern: '$day $hour:00:00' }, 'day=2026-01-02/hour=__HIVE_DEFAULT_PARTITION__', Infinity],
  ])('times are read as they are written: %#', (options, path, timeMs) => {
    expect(new PartitionTime(['day', 'hour'], options).timeMs(path)).toBe(timeMs)
  })
})

test('wrong options are refused', () => {
  const make =
    (options: object): (() => unknown) =>
    () =>
      fileSink({ path: 'out/', format, ...options })
  expect(make({ path: 'out.json', rollingPolicy: { onCheckpoint: true } })).toThrow('rollingPolicy is for folders, and "out.json" is a file')
  expect(make({ path: '-', partitionBy: ['day'] })).toThrow('partitionBy is for folders, and "-" is standard output')
  expect(make({ rollingPolicy: { fileSize: 0 } })).toThrow('fileSize must be a whole number from 1 on, or Infinity, not 0')
  expect(make({ rollingPolicy: { rolloverInterval: '5 min' } })).toThrow('rolloverInterval must be a whole number')
  expect(make({ rollingPolicy: { fileBytes: 1 } })).toThrow('no option is called "fileBytes"')
  expect(make({ partitionBy: ['a', 'a'] })).toThrow('partitionBy must be a list of columns, each once')
  expect(make({ partitionCommit: {} })).toThrow('partitionCommit needs partitions')
  expect(make({ partitionBy: ['day'], partitionTimeExtractor: {} })).toThrow('partitionTimeExtractor is of use only where')
  expect(make({ partitionBy: ['day'], partitionCommit: { trigger: 'watermark' } })).toThrow('trigger is "process-time" or "partition-time", not "watermark"')
  expect(make({ partitionBy: ['day'], partitionCommit: { delay: -1 } })).toThrow('delay must not be negative')
  expect(make({ partitionBy: ['day'], partitionCommit: { successFileName: 'a/b' } })).toThrow('successFileName must be the name of a file')
  const timed = (partitionTimeExtractor: object): object => ({ partitionBy: ['day'], partitionCommit: { trigger: 'partition-time' }, partitionTimeExtractor })
  expect(make(timed({ timestampPattern: '$dt' }))).toThrow('timestampPattern "$dt" names no column of partitionBy')
  expect(make(timed({ timestampFormatter: 'yyyy-QQ' }))).toThrow('"QQ" means nothing in timestampFormatter')
  const open =
    (options: object, of: Schema = schema): (() => unknown) =>
    () =>
      fileSink({ path: 'out/', format, ...options }).createWriter(of, testContext())
  expect(open({ partitionBy: ['dya'] })).toThrow('dya')
  expect(open({ partitionBy: ['id', 'day'] })).toThrow('partitionBy names all columns')
  expect(open({ partitionBy: ['list'] }, defineSchema({ id: t.int(), list: t.array(t.int()) }))).toThrow('no folder is named after ARRAY')
})
