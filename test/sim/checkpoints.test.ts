// Whole jobs that crash and go on from their newest checkpoint: the same answers as without a crash, each record once.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import type { Random } from '../../src/base/random.ts'
import { t } from '../../src/batch/types.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { compileRowReader } from '../../src/operator/row-code.ts'
import type { CommittingSinkWriter, Sink } from '../../src/operator/sink.ts'
import { count, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { listState, mapState, valueState, type ListState, type MapState, type ValueState } from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'
import { expectSame, overSeeds, pick, type Row, runUnder, SCHEMA } from './simulation.ts'

const folder = scratchFolder()
/** In all seeds of a test together: a crash may come before the first checkpoint, or behind the end. */
const RESTORES_MIN = process.env['SIM_SEED'] === undefined ? 15 : -1

/** What a sink has committed: each piece once, however often it is committed, by whichever writer. */
class Delivered {
  readonly #pieces = new Map<string, readonly unknown[]>()
  #writers = 0

  get rows(): readonly unknown[] {
    return [...this.#pieces.values()].flat()
  }

  /** A sink whose rows are state until a checkpoint covers them, and then again at the end. */
  readonly sink: Sink = {
    name: 'Delivered',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'what tests look at',
    createWriter: (schema): CommittingSinkWriter => {
      const reader = compileRowReader(schema)
      // As files of different attempts have different names.
      const writer = this.#writers++
      let pieces = 0
      let rows: unknown[] = []
      let hasFinished = false
      return {
        hasCapacity: () => true,
        write: (batch) => {
          reader.bind(batch)
          for (; batch.begin < batch.end; batch.begin++) {
            reader.seek(batch.physicalRow(batch.begin))
            const record = reader.record()
            rows.push(isRow(record) ? record.toObject() : record)
          }
          reader.release()
          return true
        },
        flush: () => true,
        finish: () => (hasFinished = true),
        prepareCommit: () => {
          // Some checkpoints commit nothing; the end commits all.
          const [piece, left] = pieces++ % 3 === 1 && !hasFinished ? [[], rows] : [rows, []]
          rows = left
          return piece.length === 0 ? [] : [Buffer.from(JSON.stringify({ id: `${writer}.${pieces}`, piece }))]
        },
        commit: (committable) => {
          const { id, piece } = JSON.parse(Buffer.from(committable).toString()) as { id: string; piece: unknown[] }
          this.#pieces.set(id, piece)
        },
        snapshot: (state) => state.element('rows', Buffer.from(JSON.stringify(rows))),
        restore: (from) => from.elements('rows', (bytes) => rows.push(...(JSON.parse(Buffer.from(bytes).toString()) as unknown[]))),
        close: () => {},
      }
    },
  }
}

const isRow = (record: unknown): record is { toObject(): unknown } => typeof record === 'object' && record !== null && 'toObject' in record

/** Counts and lists what it has seen of a key; timers of both kinds tell it later. */
function remembering(): KeyedProcessFunction<string, Row, string> {
  let seen: ValueState<number>
  let ids: ListState<number>
  let firsts: MapState<number, number>
  return {
    open(context) {
      seen = context.getState(valueState('seen', t.int()))
      ids = context.getState(listState('ids', t.int()))
      firsts = context.getState(mapState('firsts', t.int(), t.int()))
    },
    processElement({ id, key, at }, context, out) {
      seen.update((seen.value() ?? 0) + 1)
      ids.add(id)
      if (!firsts.has(id % 5)) firsts.put(id % 5, id)
      context.timerService.registerEventTimeTimer(at + 10)
      out.collect(`${key} has ${seen.value()} with ${id}`)
    },
    onTimer(timeMs, context, out) {
      out.collect(`${context.getCurrentKey()} at ${timeMs}: ${seen.value()}, ${[...ids.get()].join()}, ${[...firsts.entries()].join()}`)
      if (timeMs % 3 === 0) ids.clear()
    },
  }
}

const ordered = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

/** Jobs that answer the same however their steps are ordered. */
const JOBS: Readonly<Record<string, (rows: DataStream<Row>, sink: Sink) => void>> = {
  'functions with state and timers': (rows, sink) => void rows.keyBy('key').process(remembering()).sinkTo(sink),
  'windows in columns': (rows, sink) =>
    void rows
      .keyBy('key')
      .window(SlidingEventTimeWindows.of(20, 10))
      .aggregate({ rows: count(), most: max('id'), all: sum('id') })
      .sinkTo(sink),
  sessions: (rows, sink) =>
    void rows
      .keyBy((row) => row.key)
      .window(EventTimeSessionWindows.withGap(8))
      .reduce((left, right) => ({ id: left.id + right.id, key: left.key, at: Math.max(left.at, right.at) }))
      .map(({ id, key, at }) => `${key} ${id} ${at}`)
      .sinkTo(sink),
  'a window behind a window': (rows, sink) =>
    void rows
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(10))
      .aggregate({ rows: count() })
      .windowAll(TumblingEventTimeWindows.of(30))
      .aggregate({ keys: count(), rows: sum('rows') })
      .sinkTo(sink),
  'an interval join': (rows, sink) =>
    void rows
      .filter((row) => row.id % 2 === 0)
      .keyBy('key')
      .intervalJoin(rows.filter((row) => row.id % 2 === 1).keyBy('key'))
      .between(-9, 9)
      .process({ processElement: (left, right, _context, out) => out.collect(`${left.id} ${right.id}`) })
      .sinkTo(sink),
}

/** Runs a job without crashes, then with some under a random course, and compares. Returns how often it was restored. */
async function crashAndCompare(
  seed: number,
  random: Random,
  parallelism: number,
  define: (env: StreamExecutionEnvironment, sink: Sink) => void,
): Promise<number> {
  const expected = new Delivered()
  const { steps } = await runUnder(seed, parallelism, (env) => define(env, expected.sink))
  const delivered = new Delivered()
  const { restores, lateRecords } = await runUnder(seed, parallelism, (env) => define(env, delivered.sink), {
    checkpointSteps: 1 + random.integer(Math.ceil(steps / 6)),
    crashSteps: Array.from({ length: 1 + random.integer(4) }, () => random.integer(Math.ceil(steps * 1.5))),
    ...(random.integer(2) === 0 && { crashParallelism: Array.from({ length: 4 }, () => pick(random, [1, 2, 3, 4, 6])) }),
  })
  expect(lateRecords).toBe(0)
  expectSame(delivered.rows, expected.rows, `parallelism ${parallelism}`)
  return restores
}

function randomInput(random: Random): readonly Row[] {
  let atMs = 0
  return Array.from({ length: 1 + random.integer(200) }, (_, id) => ({ id, key: `k${random.integer(6)}`, at: (atMs += random.integer(7)) }))
}

test.each(Object.entries(JOBS))('a job that crashes and is restored answers as one that does not: %s', async (_name, define) => {
  let restores = 0
  await overSeeds(30, async (seed, random) => {
    const input = randomInput(random)
    restores += await crashAndCompare(seed, random, pick(random, [1, 2, 3]), (env, sink) =>
      define(env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(ordered), sink),
    )
  })()
  expect(restores).toBeGreaterThan(RESTORES_MIN)
})

test('splits of files are read once by several readers that crash', async () => {
  let restores = 0
  await overSeeds(40, async (seed, random) => {
    const path = join(folder, 'rows.jsonl')
    writeFileSync(
      path,
      randomInput(random)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    )
    restores += await crashAndCompare(seed, random, pick(random, [1, 2, 4, 6]), (env, sink) => {
      env
        .fromSource(fileSource({ path, format: jsonFormat(), schema: SCHEMA, splitBytes: 200, readBytes: 64 }), ordered)
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(25))
        .aggregate({ rows: count(), all: sum('id') })
        .sinkTo(sink)
    })
  })()
  expect(restores).toBeGreaterThan(RESTORES_MIN)
})

test('files that are written by a job that crashes hold each record once, whenever that is and however many write', async () => {
  let restores = 0
  await overSeeds(60, async (seed, random) => {
    const results = join(folder, `results-${seed}`)
    const input = randomInput(random)
    const inFiles = join(results, 'input.jsonl')
    mkdirSync(results)
    writeFileSync(inFiles, input.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const define = (env: StreamExecutionEnvironment): void => {
      const rows = env.fromSource(fileSource({ path: inFiles, format: jsonFormat(), schema: SCHEMA, splitBytes: 300, readBytes: 64 }), ordered)
      // Sinks of one subtask and of many end at different times: with other chains behind a crash, some parts of a chain have ended and some have not.
      rows
        .keyBy('key')
        .window(SlidingEventTimeWindows.of(20, 10))
        .aggregate({ rows: count(), all: sum('id') })
        .sinkTo(fileSink({ path: join(results, 'sliding.jsonl'), format: jsonFormat() }))
      rows
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(15))
        .aggregate({ rows: count() })
        .sinkTo(fileSink({ path: join(results, 'windows/'), format: jsonFormat() }))
      rows
        .filter((row) => row.id % 3 === 0)
        .select('id')
        .sinkTo(fileSink({ path: join(results, 'thirds.jsonl'), format: jsonFormat() }))
    }
    const resultsOf = (): string[] =>
      readdirSync(results, { recursive: true, encoding: 'utf8' })
        .filter((name) => /^(?:sliding|thirds|windows\/).*jsonl?$/.test(name))
        .flatMap((name) =>
          readFileSync(join(results, name), 'utf8')
            .split('\n')
            .slice(0, -1)
            .map((line) => `${name.replace(/-\d+/g, '')} ${line}`),
        )
    const parallelism = pick(random, [1, 2, 3])
    const { steps } = await runUnder(seed, parallelism, define)
    const expected = resultsOf()
    for (const name of ['sliding.jsonl', 'thirds.jsonl', 'windows']) rmSync(join(results, name), { recursive: true, force: true })
    const run = await runUnder(seed, parallelism, define, {
      checkpointSteps: 1 + random.integer(Math.ceil(steps / 6)),
      // Also between the last checkpoint and what is committed for it.
      crashSteps: Array.from({ length: 1 + random.integer(6) }, () => random.integer(Math.ceil(steps * 1.5))),
      ...(random.integer(3) > 0 && { crashParallelism: Array.from({ length: 6 }, () => pick(random, [1, 2, 3, 4])) }),
    })
    restores += run.restores
    expectSame(resultsOf(), expected, `parallelism ${parallelism}`)
    expect(readdirSync(results, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.inprogress'))).toEqual([])
  })()
  expect(restores).toBeGreaterThan(RESTORES_MIN)
})
