// A sink that sums what it gets, in an order-free way, and writes the sums to a file when the input ends: one file a subtask.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readInt64AsNumber, type RecordBatch } from '../../src/batch/record-batch.ts'
import { PhysicalKind } from '../../src/kernels/column-layout.ts'
import type { Sink } from '../../src/operator/sink.ts'

/** Sums over rows of integers. */
export interface Totals {
  rows: number
  /** Sum of a hash of each row, modulo 2^32: equal for equal multisets of rows. */
  hash: number
  /** Sum of the last column. */
  sum: number
}

export function mixIn(hash: number, value: number): number {
  const low = value % 4294967296
  let h = Math.imul(hash ^ low, 0x85ebca6b)
  h = Math.imul((h ^ (h >>> 13)) + Math.floor(value / 4294967296), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function addRow({ slab, columns }: RecordBatch, row: number, totals: Totals): void {
  let hash = 0
  let value = 0
  for (let index = 0; index < columns.length; index++) {
    const { values, kind } = columns[index]
    value = kind === PhysicalKind.INT64 ? readInt64AsNumber(slab, values + row * 8) : slab.i32[(values >>> 2) + row]
    hash = mixIn(hash, value)
  }
  totals.rows++
  totals.hash = (totals.hash + hash) >>> 0
  totals.sum += value
}

/** For streams whose columns are all integers or timestamps, none NULL. */
export function checkSink(path: string): Sink {
  return {
    name: 'Check',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'sums',
    createWriter(_schema, context) {
      const totals: Totals = { rows: 0, hash: 0, sum: 0 }
      const openedMs = context.clock.monotonicMs()
      return {
        hasCapacity: () => true,
        write(batch) {
          const { begin, end } = batch
          batch.begin = end
          for (let position = begin; position < end; position++) addRow(batch, batch.physicalRow(position), totals)
          return true
        },
        flush: () => true,
        finish() {
          writeFileSync(`${path}.${context.subtaskIndex}`, JSON.stringify({ ...totals, openedMs, finishedMs: context.clock.monotonicMs() }))
          return true
        },
        snapshot: () => {},
        restore: () => {},
        close: () => {},
      }
    },
  }
}

/** What all writers of a check sink wrote, summed, and the time from when the first was opened to when the last had all; the files are removed. */
export function takeResult(path: string): { readonly totals: Totals; readonly passSeconds: number } {
  const totals: Totals = { rows: 0, hash: 0, sum: 0 }
  let openedMs = Infinity
  let finishedMs = -Infinity
  for (const file of takeFiles(path)) {
    const part = JSON.parse(file) as Totals & { readonly openedMs: number; readonly finishedMs: number }
    totals.rows += part.rows
    totals.hash = (totals.hash + part.hash) >>> 0
    totals.sum += part.sum
    openedMs = Math.min(openedMs, part.openedMs)
    finishedMs = Math.max(finishedMs, part.finishedMs)
  }
  return { totals, passSeconds: (finishedMs - openedMs) / 1000 }
}

/** Contents of the files PATH.0, PATH.1, …, which are removed. */
export function takeFiles(path: string): string[] {
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(`${basename(path)}.`))
    .map((name) => {
      const text = readFileSync(join(dirname(path), name), 'utf8')
      rmSync(join(dirname(path), name))
      return text
    })
}
