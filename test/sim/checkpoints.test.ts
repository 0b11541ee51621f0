// Whole jobs that crash and go on from their newest checkpoint: the same answers as without a crash, each record once.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'
import { crashAndCompare, Delivered, JOBS, ordered, randomInput, RESTORES_MIN } from './crashes.ts'
import { expectSame, overSeeds, pick, type Row, runUnder, SCHEMA } from './simulation.ts'

const folder = scratchFolder()

test.each(Object.entries(JOBS))('a job that crashes and is restored answers as one that does not: %s', async (_name, define) => {
  let restores = 0
  await overSeeds(30, async (seed, random) => {
    const input = randomInput(random)
    const run = await crashAndCompare(seed, random, pick(random, [1, 2, 3]), (env, sink) =>
      define(env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(ordered), sink),
    )
    restores += run.restores
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
    const run = await crashAndCompare(seed, random, pick(random, [1, 2, 4, 6]), (env, sink) => {
      env
        .fromSource(fileSource({ path, format: jsonFormat(), schema: SCHEMA, splitBytes: 200, readBytes: 64 }), ordered)
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(25))
        .aggregate({ rows: count(), all: sum('id') })
        .sinkTo(sink)
    })
    restores += run.restores
  })()
  expect(restores).toBeGreaterThan(RESTORES_MIN)
})

/** The lines of all results, with the names of their files but for what a run may name otherwise. An empty file counts with its name. */
function writtenIn(results: string): string[] {
  return readdirSync(results, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^input|\.inprogress$/.test(name) && statSync(join(results, name)).isFile())
    .flatMap((name) =>
      readFileSync(join(results, name), 'utf8')
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${name.replace(/part-[-\dg]+/, 'part')} ${line}`),
    )
}

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
    const resultsOf = (): string[] => writtenIn(results)
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

test('a source is read on however often there are checkpoints', async () => {
  const delivered = new Delivered()
  const input = Array.from({ length: 20 }, (_, id): Row => ({ id, key: `k${id % 3}`, at: id }))
  // The next one begins as soon as one is complete.
  const { checkpoints } = await runJob((env) => void env.fromCollection(input, SCHEMA).sinkTo(delivered.sink), { batchRowsMax: 1, checkpointSteps: 0 })
  expectSame(delivered.rows, input, 'what was read')
  expect(checkpoints).toBeGreaterThan(input.length / 2)
})

test.each([
  { how: 'aligned', settings: {} },
  { how: 'while barriers overtake', settings: { ringBytesMax: 512, options: { 'execution.checkpointing.unaligned.enabled': 'true' } } },
])(
  'part files that are closed while a job runs that crashes hold each record once, and each partition is said to be complete: $how',
  async ({ how, settings }) => {
    let [restores, inFlight] = [0, 0]
    await overSeeds(12, async (seed, random) => {
      const results = join(folder, `rolled-${how}-${seed}`)
      mkdirSync(results)
      const inFiles = join(results, 'input.jsonl')
      writeFileSync(
        inFiles,
        randomInput(random)
          .slice(0, 60)
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      )
      const rollingPolicy = { fileSize: 100 + random.integer(400), onCheckpoint: random.integer(2) === 0 }
      const define = (env: StreamExecutionEnvironment): void => {
        const rows = env.fromSource(fileSource({ path: inFiles, format: jsonFormat(), schema: SCHEMA, splitBytes: 300, readBytes: 64 }), ordered).rebalance()
        rows.sinkTo(fileSink({ path: join(results, 'rolled/'), format: jsonFormat(), rollingPolicy }))
        rows.sinkTo(fileSink({ path: join(results, 'keys/'), format: jsonFormat(), partitionBy: ['key'], partitionCommit: {}, rollingPolicy }))
      }
      const parallelism = pick(random, [1, 2, 3])
      const { steps } = await runUnder(seed, parallelism, define)
      const expected = writtenIn(results)
      for (const name of ['rolled', 'keys']) rmSync(join(results, name), { recursive: true, force: true })
      const run = await runUnder(seed, parallelism, define, {
        ...settings,
        checkpointSteps: 1 + random.integer(Math.ceil(steps / 3)),
        crashSteps: Array.from({ length: 1 + random.integer(4) }, () => random.integer(Math.ceil(steps * 1.5))),
        ...(random.integer(3) > 0 && { crashParallelism: Array.from({ length: 4 }, () => pick(random, [1, 2, 3, 4])) }),
      })
      restores += run.restores
      inFlight += run.restoresInFlight
      expectSame(writtenIn(results), expected, `parallelism ${parallelism}`)
      expect(readdirSync(results, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.inprogress'))).toEqual([])
    })()
    expect(restores).toBeGreaterThan(0)
    expect(inFlight > 0).toBe(how !== 'aligned' && process.env['SIM_SEED'] === undefined)
  },
)
