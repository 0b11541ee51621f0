// CSV to columns: six columns of mixed types, typed, against udsv in blocks of 1 MiB.

import { closeSync, openSync, readSync } from 'node:fs'
import { inferSchema, initParser } from 'udsv'
import { readInt64AsNumber } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { csvFormat } from '../../src/format/csv/csv-format.ts'
import { megabytesOf, rowsOf } from '../data.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { TimeReader } from '../nexmark-q0.ts'
import { newStage, readAll } from '../stage.ts'

const BLOCK_BYTES = 1 << 20
const LINE_FEED = 10

const SCHEMA = defineSchema({ id: t.bigint(), name: t.string(), price: t.double(), active: t.boolean(), at: t.timestamp(3), comment: t.string().nullable() })

class Check {
  rows = 0
  #ids = 0
  #cents = 0
  #active = 0
  #times = 0
  #texts = 0

  add(id: number, price: number, active: boolean, atMs: number): void {
    this.rows++
    this.#ids += id
    this.#cents += Math.round(price * 100)
    this.#active += active ? 1 : 0
    this.#times = (this.#times + atMs) % 1_000_000_007
  }

  text(length: number, byteAt: (index: number) => number): void {
    for (let index = 0; index < length; index++) this.#texts = (this.#texts * 31 + byteAt(index)) % 1_000_000_007
    this.#texts += 7
  }

  toString(): string {
    return [this.rows, this.#ids, this.#cents, this.#active, this.#times, this.#texts].join(' ')
  }
}

async function ours({ data }: Settings): Promise<Sample> {
  const { slab, context } = newStage()
  // Splits without looking for quotes, as udsv's blocks are cut: no line feed lies inside of a field.
  const source = fileSource({ path: data['csv-1m']!, format: csvFormat({ lineFeedsInQuotes: false }), schema: SCHEMA })
  const time = await timed(() => readAll(source, context, () => {}))
  const check = new Check()
  readAll(source, context, (batch) => {
    const [id, name, price, active, at, comment] = batch.columns
    for (let row = 0; row < batch.rowCount; row++) {
      const isActive = (slab.u8[active.values + (row >>> 3)] & (1 << (row & 7))) !== 0
      check.add(readInt64AsNumber(slab, id.values + row * 8), slab.f64[(price.values >>> 3) + row], isActive, readInt64AsNumber(slab, at.values + row * 8))
      for (const text of [name, comment]) {
        if (!text.isValid(row)) continue
        const start = slab.i32[(text.offsets >>> 2) + row]
        const { u8 } = slab
        const from = text.data + start
        check.text(slab.i32[(text.offsets >>> 2) + row + 1] - start, (index) => u8[from + index])
      }
    }
  })
  return sample(time, String(check))
}

/** udsv takes whole lines behind a header; it leaves the timestamp as text, and is not charged for that. */
async function udsv({ data }: Settings): Promise<Sample> {
  const read = (visit: (columns: unknown[][]) => void): void => {
    const file = openSync(data['csv-1m']!, 'r')
    const block = Buffer.allocUnsafe(BLOCK_BYTES + 65_536)
    let carried = 0
    let header = ''
    let parser: ReturnType<typeof initParser> | undefined
    for (;;) {
      const count = readSync(file, block, carried, BLOCK_BYTES, null)
      if (count === 0) break
      const end = block.lastIndexOf(LINE_FEED, carried + count - 1) + 1
      const text = block.toString('latin1', 0, end - 1)
      if (parser === undefined) {
        header = text.slice(0, text.indexOf('\n') + 1)
        parser = initParser(inferSchema(text))
        visit(parser.typedCols(text))
      } else visit(parser.typedCols(header + text))
      block.copyWithin(0, end, carried + count)
      carried = carried + count - end
    }
    closeSync(file)
  }
  const time = await timed(() => read(() => {}))
  const check = new Check()
  const times = new TimeReader()
  read((columns) => {
    const [id, name, price, active, at, comment] = columns as [number[], string[], number[], boolean[], string[], (string | null)[]]
    for (let row = 0; row < id.length; row++) {
      check.add(id[row], price[row], active[row], times.read(at[row]))
      for (const text of [name[row], comment[row]!]) if (text !== null) check.text(text.length, (index) => text.charCodeAt(index))
    }
  })
  return sample(time, String(check))
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['ours', 'udsv'], runner.rounds(5))
  const rows = rowsOf('csv-1m', runner.settings.smoke) / 1e6
  const value = rows / medianOf(samples.ours)
  const baseline = rows / medianOf(samples.udsv)
  return [
    {
      name: 'csv',
      value,
      unit: 'M rows/s',
      baseline,
      ratio: value / baseline,
      bound: { of: 'ratio', least: 10 },
      check: agreement(samples.ours, samples.udsv),
      note: `s: ${raw(samples.ours)}; udsv: ${raw(samples.udsv)}; ${megabytesOf(runner.settings.data['csv-1m']!).toFixed(0)} MB`,
    },
  ]
}

export const csv: Benchmark = { name: 'csv', title: 'CSV to typed columns, against udsv', data: ['csv-1m'], variants: { ours, udsv }, run }
