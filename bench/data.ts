// The files that benchmarks read, made in the run (a file's way into the page cache decides how fast it is read back, so nothing is kept from
// run to run) and removed after it.

import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../src/base/random.ts'
import { writeNexmarkFile } from '../src/connector/nexmark/nexmark-file.ts'

export type DataName = 'nexmark-1m' | 'nexmark-4m' | 'csv-1m'
export type DataPaths = Readonly<Partial<Record<DataName, string>>>

/** Divides every row count in smoke mode. */
const SMOKE_DIVISOR = 100
const CSV_BLOCK_ROWS = 10_000

export function rowsOf(name: DataName, smoke: boolean): number {
  const rows = name === 'nexmark-4m' ? 4_000_000 : 1_000_000
  return smoke ? rows / SMOKE_DIVISOR : rows
}

/** Makes a file and returns its path. */
export function writeData(name: DataName, folder: string, smoke: boolean): string {
  const rows = rowsOf(name, smoke)
  const path = join(folder, name === 'csv-1m' ? `${name}.csv` : `${name}.jsonl`)
  // Event time as dense as in the first version of the benchmark's usual settings: 10 s hold 100,000 events.
  if (name === 'csv-1m') writeCsv(path, rows)
  else writeNexmarkFile(path, { eventCount: rows, eventRate: 10_000, seed: 42 })
  return path
}

/** Six columns: an integer, a string, a decimal number, a boolean, a timestamp, a text that needs quotes now and then. */
function writeCsv(path: string, rows: number): void {
  const random = new Random(11)
  const file = openSync(path, 'w')
  writeSync(file, 'id,name,price,active,at,comment\n')
  const startMs = Date.UTC(2026, 0, 1)
  let atMs = startMs
  for (let first = 0; first < rows; first += CSV_BLOCK_ROWS) {
    const lines: string[] = []
    for (let id = first; id < Math.min(rows, first + CSV_BLOCK_ROWS); id++) {
      atMs += random.integer(2_000)
      const at = new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
      const word = `item ${random.integer(1_000_000)}`
      const draw = random.integer(10)
      const comment = draw === 0 ? `"${word}, ""${id % 97}"""` : draw === 1 ? '' : word
      lines.push(`${id},user-${random.integer(50_000)},${(random.integer(10_000_000) / 100).toFixed(2)},${random.integer(2) === 0},${at},${comment}\n`)
    }
    writeSync(file, lines.join(''))
  }
  closeSync(file)
}

export function megabytesOf(path: string): number {
  return statSync(path).size / 1e6
}
