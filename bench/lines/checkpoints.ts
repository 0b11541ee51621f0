// What checkpoints cost: a window job with 1 M keys with and without one every second, the pauses that they make, and how much one writes when few
// keys have changed.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Millrace } from 'millrace'
import { decodeMetadata } from '../../src/checkpoint/metadata.ts'
import { agreement, type Benchmark, type Line, median, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { takeFiles, takeResult } from '../jobs/check-sink.ts'
import { jobUrl } from '../jobs/run-job.ts'

const WORKERS = 2
const SMOKE_DIVISOR = 200

interface Shape {
  readonly rows: number
  readonly isFunction?: boolean
  readonly fewerFrom?: { readonly row: number; readonly keys: number }
}

const keysIn = (smoke: boolean): number => 1_000_000 / (smoke ? SMOKE_DIVISOR : 1)

/** Runs the job; with checkpoints if there is an interval. */
async function runCheckpointed({ smoke, folder }: Settings, shape: Shape, intervalMs: number | undefined): Promise<Sample> {
  const divisor = smoke ? SMOKE_DIVISOR : 1
  const result = join(folder, 'checkpointed')
  const pauses = join(folder, 'pauses')
  const checkpoints = join(folder, 'checkpoints')
  rmSync(checkpoints, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const { rows, fewerFrom, ...kind } = shape
  const params = {
    ...{ ...kind, rows: rows / divisor, keys: keysIn(smoke), result, pauses },
    ...(fewerFrom && { fewerFrom: { row: fewerFrom.row / divisor, keys: fewerFrom.keys / divisor } }),
  }
  const options =
    intervalMs === undefined
      ? {}
      : {
          'execution.checkpointing.dir': checkpoints,
          'execution.checkpointing.interval': `${smoke ? 20 : intervalMs} ms`,
          'execution.checkpointing.num-retained': '100',
        }
  const time = await timed(async () => {
    await using engine = await Millrace.start()
    return await engine.submit(jobUrl('checkpointed'), { name: 'checkpointed', params, parallelism: WORKERS, options }).result
  })
  const { totals } = takeResult(result)
  const watched = takeFiles(pauses).map((file) => JSON.parse(file) as { longestMs: number; seconds: number })
  return sample(time, totals, {
    pauseMs: Math.max(0, ...watched.map(({ longestMs }) => longestMs)),
    readingSeconds: Math.max(0, ...watched.map(({ seconds }) => seconds)),
    ...(intervalMs === undefined ? {} : sizesOf(join(checkpoints, 'checkpointed'))),
  })
}

/** Of the checkpoints in a folder: how many, the bytes of the largest that was written whole, and in the middle of those that hold changes. */
function sizesOf(folder: string): { checkpoints: number; wholeBytes: number; changeBytes: number } {
  const wholes: number[] = []
  const changes: number[] = []
  const taken = readdirSync(folder).filter((name) => name.startsWith('chk-'))
  for (const name of taken) {
    const path = join(folder, name, '_metadata')
    const { checkpointId, files, operators } = decodeMetadata(readFileSync(path), path)
    let [whole, change] = [0, 0]
    for (const { parts } of operators)
      for (const { subtask, file, bytes } of parts) {
        if (files[file].checkpointId !== checkpointId) continue
        if (parts.some((other) => other.subtask === subtask && files[other.file].checkpointId < checkpointId)) change += bytes
        else whole += bytes
      }
    if (change > 0) changes.push(change + whole)
    else wholes.push(whole)
  }
  return { checkpoints: taken.length, wholeBytes: Math.max(0, ...wholes), changeBytes: changes.length === 0 ? 0 : median(changes) }
}

const UNIFORM: Shape = { rows: 200_000_000 }
const FUNCTION: Shape = { rows: 60_000_000, isFunction: true }
/** All keys come some ten times, then one in a hundred. */
const FEW: Shape = { rows: 100_000_000, fewerFrom: { row: 10_000_000, keys: 10_000 } }
const INTERVAL_MS = 1000
const FEW_INTERVAL_MS = 200

async function run(runner: Runner): Promise<readonly Line[]> {
  const { off, on } = await runner.interleave(['off', 'on'], runner.rounds(3))
  const functions = await runner.interleave(['functionOff', 'functionOn'], runner.rounds(3))
  const { few } = await runner.interleave(['few'], runner.rounds(1))
  const figure = (samples: readonly Sample[], name: string): number => medianOf(samples, ({ figures }) => figures[name])
  const cost = (name: string, rows: number, without: readonly Sample[], withThem: readonly Sample[]): readonly Line[] => {
    const [value, baseline] = [withThem, without].map((samples) => rows / 1e6 / figure(samples, 'readingSeconds'))
    return [
      {
        name,
        value,
        unit: 'M rows/s',
        baseline,
        ratio: value / baseline,
        bound: { of: 'ratio', least: 0.95 },
        check: agreement(without, withThem),
        note: `checkpoints: ${raw(withThem, ({ figures }) => figures['checkpoints'], 0)}; s: ${raw(withThem, ({ figures }) => figures['readingSeconds'])}, without ${raw(without, ({ figures }) => figures['readingSeconds'])}`,
      },
      {
        name: `${name}-pause`,
        value: figure(withThem, 'pauseMs'),
        unit: 'ms',
        baseline: figure(without, 'pauseMs'),
        ratio: null,
        bound: { of: 'value', most: 20 },
        check: agreement(without, withThem),
        note: `longest time between two batches of a source, ms: ${raw(withThem, ({ figures }) => figures['pauseMs'], 1)}, without ${raw(without, ({ figures }) => figures['pauseMs'], 1)}`,
      },
    ]
  }
  const divisor = runner.settings.smoke ? SMOKE_DIVISOR : 1
  const [whole, change] = [figure(few, 'wholeBytes'), figure(few, 'changeBytes')]
  return [
    ...cost('checkpoints', UNIFORM.rows / divisor, off, on),
    ...cost('checkpoints-function', FUNCTION.rows / divisor, functions.functionOff, functions.functionOn),
    {
      name: 'checkpoint-changes',
      value: change / 1e6,
      unit: 'MB',
      baseline: whole / 1e6,
      ratio: change / whole,
      bound: { of: 'ratio', most: 0.05 },
      check: agreement(few),
      note: `1 % of the keys changed since the checkpoint before; ${raw(few, ({ figures }) => figures['checkpoints'], 0)} checkpoints`,
    },
  ]
}

export const checkpoints: Benchmark = {
  name: 'checkpoints',
  title: 'a window job with 1 M keys and a checkpoint every second, and what a checkpoint writes of 1 % changed keys',
  data: [],
  jobs: ['checkpointed'],
  variants: {
    off: (settings) => runCheckpointed(settings, UNIFORM, undefined),
    on: (settings) => runCheckpointed(settings, UNIFORM, INTERVAL_MS),
    functionOff: (settings) => runCheckpointed(settings, FUNCTION, undefined),
    functionOn: (settings) => runCheckpointed(settings, FUNCTION, INTERVAL_MS),
    few: (settings) => runCheckpointed(settings, FEW, FEW_INTERVAL_MS),
  },
  run,
}
