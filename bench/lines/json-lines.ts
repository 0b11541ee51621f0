// Nexmark JSON lines to columns: the file source against JSON.parse, the scanner alone from memory, the reading alone.

import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { BUFFER_SLACK_BYTES } from '../../src/kernels/column-layout.ts'
import { BatchBuilder } from '../../src/batch/batch-builder.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { forEachLine } from '../lines-of-text.ts'
import { checkColumns, HandColumns, projectEventTime, Q0_SCHEMA, Q0Check } from '../nexmark-q0.ts'
import { BATCH_ROWS, newStage, readAll } from '../stage.ts'

const BLOCK_BYTES = 1 << 20
const LINE_FEED = 10

async function fromFile({ data }: Settings): Promise<Sample> {
  const path = data['nexmark-4m']!
  const { slab, context } = newStage()
  const eventTime = slab.allocate(BATCH_ROWS * 8 + BUFFER_SLACK_BYTES)
  const source = fileSource({ path, format: jsonFormat(), schema: Q0_SCHEMA })
  const time = await timed(() => readAll(source, context, (batch) => projectEventTime(batch, eventTime)))
  const check = new Q0Check()
  readAll(source, context, (batch) => {
    projectEventTime(batch, eventTime)
    checkColumns(batch, eventTime, check)
  })
  return sample(time, String(check))
}

async function byHand({ data }: Pick<Settings, 'data'>): Promise<Sample> {
  const path = data['nexmark-4m']!
  const read = (batch: (columns: HandColumns) => void): void => {
    const columns = new HandColumns()
    forEachLine(path, (line) => {
      columns.add(line)
      if (columns.rows < BATCH_ROWS) return
      batch(columns)
      columns.rows = 0
    })
    batch(columns)
  }
  const time = await timed(() => read(() => {}))
  const check = new Q0Check()
  read((columns) => columns.check(check))
  return sample(time, String(check))
}

/** The scanner over a file in memory, far larger than the caches; the second time, its code being compiled by then. */
async function fromMemory({ data }: Settings): Promise<Sample> {
  const { slab, kernels } = newStage()
  const text = readFileSync(data['nexmark-1m']!)
  const input = slab.allocate(text.length + BUFFER_SLACK_BYTES)
  slab.u8.set(text, input)
  const builder = new BatchBuilder(slab, Q0_SCHEMA, BATCH_ROWS)
  const decoder = jsonFormat().createDecoder(Q0_SCHEMA, slab, kernels, false)
  const eventTime = slab.allocate(BATCH_ROWS * 8 + BUFFER_SLACK_BYTES)
  const scan = (visit: () => void): void => {
    for (let at = input; at < input + text.length;) {
      decoder.bind(builder.begin(false, false))
      const { rows, consumed } = decoder.decode(at, Math.min(at + BLOCK_BYTES, input + text.length), 0, BATCH_ROWS, true)
      at += consumed
      builder.finish(rows)
      visit()
    }
  }
  const check = new Q0Check()
  scan(() => {
    projectEventTime(builder.batch, eventTime)
    checkColumns(builder.batch, eventTime, check)
  })
  const time = await timed(() => scan(() => {}))
  return sample(time, String(check))
}

/** The same by hand: what the scanner is to have found there. */
async function handOfMemory({ data }: Settings): Promise<Sample> {
  return byHand({ data: { 'nexmark-4m': data['nexmark-1m']! } })
}

/** Blocks read into the slab and not looked at. */
async function reading({ data }: Settings): Promise<Sample> {
  const { slab } = newStage()
  const block = slab.allocate(BLOCK_BYTES)
  slab.touch(block, BLOCK_BYTES)
  const path = data['nexmark-4m']!
  const time = await timed(() => {
    const file = openSync(path, 'r')
    let last = 0
    for (;;) {
      const count = readSync(file, slab.u8, block, BLOCK_BYTES, null)
      if (count === 0) break
      last = slab.u8[block + count - 1]!
    }
    closeSync(file)
    return last
  })
  return sample(time, time.result === LINE_FEED ? 'read' : 'no line feed at the end')
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const { data } = runner.settings
  const samples = await runner.interleave(['file', 'hand', 'memory', 'reading'], runner.rounds(3))
  const expected = await runner.measure('hand-memory')
  const rate = (variant: keyof typeof samples): number =>
    statSync(data[variant === 'memory' ? 'nexmark-1m' : 'nexmark-4m']!).size / 1e9 / medianOf(samples[variant])
  const line = (name: string, variant: keyof typeof samples, bound: Line['bound'], check: string, baseline: number | null = null): Line => ({
    name,
    value: rate(variant),
    unit: 'GB/s',
    baseline,
    ratio: baseline === null ? null : rate(variant) / baseline,
    bound,
    check,
    note: `s: ${raw(samples[variant])}`,
  })
  const check = agreement(samples.file, samples.hand)
  return [
    { ...line('json-lines', 'file', { of: 'ratio', least: 14 }, check, rate('hand')), note: `s: ${raw(samples.file)}; JSON.parse: ${raw(samples.hand)}` },
    line('json-lines.throughput', 'file', { of: 'value', least: 2 }, check),
    line('json-lines.kernel', 'memory', { of: 'value', least: 3 }, agreement(samples.memory, [expected])),
    line('json-lines.reading', 'reading', null, agreement(samples.reading)),
  ]
}

export const jsonLines: Benchmark = {
  name: 'json-lines',
  title: 'Nexmark JSON lines to columns, against JSON.parse per line',
  data: ['nexmark-4m', 'nexmark-1m'],
  variants: { file: fromFile, hand: byHand, memory: fromMemory, 'hand-memory': handOfMemory, reading },
  run,
}
