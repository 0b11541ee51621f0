// Jobs that crash and are restored, and a sink that knows what was committed: for tests of checkpoints.
import { expect } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import type { Random } from '../../src/base/random.ts'
import { t } from '../../src/batch/types.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { compileRowReader } from '../../src/operator/row-code.ts'
import type { CommittingSinkWriter, Sink } from '../../src/operator/sink.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { listState, mapState, valueState, type ListState, type MapState, type ValueState } from '../../src/state/state.ts'
import type { RunJobOptions } from '../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { expectSame, pick, type Row, runUnder } from './simulation.ts'

/** In all seeds of a test together: a crash may come before the first checkpoint, or behind the end. */
export const RESTORES_MIN = process.env['SIM_SEED'] === undefined ? 15 : -1

/** What a sink has committed: each piece once, however often it is committed, by whichever writer. */
export class Delivered {
  readonly #pieces = new Map<string, readonly unknown[]>()
  readonly #isBlocked: () => boolean
  #writers = 0

  /** @param isBlocked Asked before each row: whether the writer can take no more now. */
  constructor(isBlocked: () => boolean = () => false) {
    this.#isBlocked = isBlocked
  }

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
            if (this.#isBlocked()) return false
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

export const ordered = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

/** Jobs that answer the same however their steps are ordered. */
export const JOBS: Readonly<Record<string, (rows: DataStream<Row>, sink: Sink) => void>> = {
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
  // Their one key is in none of the key groups that the first of several subtasks would have. No result comes at the very end of a session.
  'windows over all keys, by rows': (rows, sink) =>
    void rows
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(4))
      .aggregate({ rows: count(), all: max('id') })
      .windowAll(EventTimeSessionWindows.withGap(9))
      .reduce((left, right) => ({ ...left, rows: left.rows + right.rows, all: Math.max(left.all ?? 0, right.all ?? 0) }))
      .map(({ rows: count, all }) => `${count} ${all}`)
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

/** What a test wants of a course with crashes. */
export interface CrashCourse {
  readonly options?: RunJobOptions
  readonly isBlocked?: () => boolean
  /** Whether the job may go on at another parallelism. @default true */
  readonly isMoved?: boolean
}

/** Runs a job without crashes, then with some under a random course, and compares. Returns how often it was restored, and with records in flight. */
export async function crashAndCompare(
  seed: number,
  random: Random,
  parallelism: number,
  define: (env: StreamExecutionEnvironment, sink: Sink) => void,
  course: CrashCourse = {},
): Promise<{ readonly restores: number; readonly restoresInFlight: number }> {
  const expected = new Delivered()
  const { steps } = await runUnder(seed, parallelism, (env) => define(env, expected.sink))
  const delivered = new Delivered(course.isBlocked)
  const { restores, restoresInFlight, lateRecords } = await runUnder(seed, parallelism, (env) => define(env, delivered.sink), {
    checkpointSteps: 1 + random.integer(Math.ceil(steps / 6)),
    crashSteps: Array.from({ length: 1 + random.integer(4) }, () => random.integer(Math.ceil(steps * 1.5))),
    ...course.options,
    ...(course.isMoved !== false && random.integer(2) === 0 && { crashParallelism: Array.from({ length: 4 }, () => pick(random, [1, 2, 3, 4, 6])) }),
  })
  expect(lateRecords).toBe(0)
  expectSame(delivered.rows, expected.rows, `parallelism ${parallelism}`)
  return { restores, restoresInFlight }
}

export function randomInput(random: Random): readonly Row[] {
  let atMs = 0
  return Array.from({ length: 1 + random.integer(200) }, (_, id) => ({ id, key: `k${random.integer(6)}`, at: (atMs += random.integer(7)) }))
}
