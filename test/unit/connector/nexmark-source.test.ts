// Nexmark and datagen as sources: splits, pace, positions in snapshots; and the file writer.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { nodeFileSystem } from '../../../src/base/file-system.ts'
import { Slab } from '../../../src/base/slab.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { Schema, t } from '../../../src/batch/types.ts'
import { datagenSource } from '../../../src/connector/datagen/datagen-source.ts'
import { rangeSplits, type RowRange } from '../../../src/connector/datagen/range-source.ts'
import { writeNexmarkFile } from '../../../src/connector/nexmark/nexmark-file.ts'
import { NEXMARK_BIDS } from '../../../src/connector/nexmark/nexmark-layout.ts'
import { NexmarkReference, nexmarkJsonLine } from '../../../src/connector/nexmark/nexmark-reference.ts'
import { nexmarkSource } from '../../../src/connector/nexmark/nexmark-source.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../../../src/kernels/kernels.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../../src/operator/operator.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit } from '../../../src/operator/source.ts'

let slab: Slab
let kernels: Kernels
beforeAll(() => {
  slab = new Slab()
  kernels = instantiateKernels(compileKernels(), slab)
})

const noSides: Output = { hasCapacity: () => true, emit: () => {}, emitWatermark: () => {}, emitStatus: () => {}, side: () => undefined }

function contextOf(clock: VirtualClock, parallelism = 1, batchRowsMax = 500): OperatorContext {
  return {
    slab,
    kernels,
    clock,
    operatorName: 'source',
    uid: 'source',
    subtaskIndex: 0,
    parallelism,
    maxParallelism: 128,
    batchRowsMax,
    tableSeed: 1,
    isCheckpointed: false,
    files: nodeFileSystem,
    program: { send: () => {}, pendingCount: () => 0, receive: () => undefined },
    heldMs: () => 0,
    wake: () => {},
    metrics: { lateRecords: 0, badRecords: 0, bytesRead: 0, bytesWritten: 0, counter: () => ({ value: 0 }) },
    log: () => {},
    option: () => undefined,
  }
}

/** Polls until nothing comes; splits are taken from `splits` as they are needed. */
function drain(reader: SourceReader, splits: SourceSplit[], batchesMax = Infinity): unknown[] {
  const rows: unknown[] = []
  for (let batches = 0; batches < batchesMax;) {
    const result = reader.poll(noSides)
    if (result === PollResult.NEEDS_SPLIT) {
      const split = splits.shift()
      if (split === undefined) reader.noMoreSplits()
      else reader.assign(split, 1)
    } else if (result === PollResult.BATCH) {
      rows.push(...batchToObjects(reader.batch).map(({ row }) => row))
      batches++
    } else break
  }
  return rows
}

const elementsOf = (reader: SourceReader): Uint8Array[] => {
  const values: Uint8Array[] = []
  reader.snapshot({ element: (_state, value) => void values.push(value.slice()) } as SnapshotWriter)
  return values
}
const readerOf = (values: readonly Uint8Array[]): SnapshotReader => ({ keyed: () => {}, elements: (_state, visit) => values.forEach((value) => visit(value)) })

const ids = (source: Source, splits: readonly SourceSplit[]): unknown[] => drain(source.createReader(contextOf(new VirtualClock())), [...splits])

describe('rangeSplits()', () => {
  test('covers a bounded range once, in order', () => {
    const ranges = rangeSplits(100_000, 3).map(({ payload }) => payload as RowRange)
    expect(ranges.map(({ first, end }) => [first, end])).toEqual([
      [0, 32_768],
      [32_768, 65_536],
      [65_536, 98_304],
      [98_304, 100_000],
    ])
    expect(rangeSplits(0, 3)).toEqual([])
    expect(rangeSplits(9e12, 1).length).toBeLessThanOrEqual(65_536)
  })

  test('gives each reader of an endless range every n-th block', () => {
    const ranges = rangeSplits(Infinity, 2).map(({ payload }) => payload as RowRange)
    expect(ranges.map(({ first, stride, block }) => [first, stride, block])).toEqual([
      [0, 65_536, 32_768],
      [32_768, 65_536, 32_768],
    ])
  })
})

describe('nexmarkSource', () => {
  const settings = { eventCount: 70_000, disorderMs: 20, seed: 4 }
  const schema = new Schema([NEXMARK_BIDS.fields[2]])

  test('emits one sequence whatever the number of readers', () => {
    const source = nexmarkSource({ ...settings, table: 'bid', schema })
    const splits = source.enumerate(2)
    expect(splits).toHaveLength(3)
    const whole = ids(source, splits)
    expect(whole).toHaveLength(64_400)
    expect([...ids(source, splits.slice(0, 1)), ...ids(source, splits.slice(1))]).toEqual(whole)
    expect([source.bounded, source.describe()]).toEqual([true, 'nexmark(bid, 70000 events, 10000 a second, disorder 20 ms, seed 4)'])
  })

  test('goes on after a restore exactly where the snapshot was taken', () => {
    const source = nexmarkSource({ ...settings, table: 'bid', schema })
    const whole = ids(source, source.enumerate(1))
    const splits = [...source.enumerate(1)]
    const reader = source.createReader(contextOf(new VirtualClock()))
    const before = drain(reader, splits, 70)
    const restored = source.createReader(contextOf(new VirtualClock()))
    restored.restore(readerOf(elementsOf(reader)))
    expect([...before, ...drain(restored, splits)]).toEqual(whole)
  })

  test('endless, emits the shares of two readers in turn when both are restored into one', () => {
    const source = nexmarkSource({ table: 'person', schema: new Schema([{ name: 'id', type: t.safeInt().logical }]) })
    const states = source.enumerate(2).flatMap((split) => {
      const reader = source.createReader(contextOf(new VirtualClock(), 2))
      reader.assign(split, 1)
      return elementsOf(reader)
    })
    const restored = source.createReader(contextOf(new VirtualClock(), 1, 32_768))
    restored.restore(readerOf(states))
    expect(drain(restored, [], 4)).toEqual(Array.from({ length: Math.ceil((4 * 32_768) / 50) }, (_, index) => ({ id: 1000 + index })))
  })

  test('endless, emits block after block of its share', () => {
    const source = nexmarkSource({ table: 'person', schema: new Schema([{ name: 'id', type: t.safeInt().logical }]) })
    expect(source.bounded).toBe(false)
    const reader = source.createReader(contextOf(new VirtualClock(), 2, 32_768))
    const rows = drain(reader, [source.enumerate(2)[1]], 2) as { id: number }[]
    expect([rows.length, rows[0].id, rows.at(-1)!.id]).toEqual([1310, 1000 + 656, 1000 + Math.floor((4 * 32_768 - 1) / 50)])
  })

  test('passes over positions without a row of its kind, one at a time if it must', () => {
    const source = nexmarkSource({ eventCount: 200, table: 'person', schema: new Schema([{ name: 'id', type: t.safeInt().logical }]) })
    const reader = source.createReader(contextOf(new VirtualClock(7), 1, 1))
    const rows: unknown[] = []
    const splits = [...source.enumerate(1)]
    for (let polls = 0; polls < 40; polls++) rows.push(...drain(reader, splits))
    expect(rows).toEqual([{ id: 1000 }, { id: 1001 }, { id: 1002 }, { id: 1003 }])
  })

  test('paced, emits as many events as time has passed for and says when to come back', () => {
    const clock = new VirtualClock(1000)
    const source = nexmarkSource({ eventRate: 100, paced: true, stopAtMs: 5000, table: 'events' })
    const reader = source.createReader(contextOf(clock))
    const splits = [...source.enumerate(1)]
    expect(drain(reader, splits)).toHaveLength(1)
    expect(reader.retryAtMs).toBe(1010)
    clock.advanceMs(255)
    expect(drain(reader, splits)).toHaveLength(25)
    expect(reader.retryAtMs).toBe(1260)
    clock.setMs(5000)
    expect(reader.poll(noSides)).toBe(PollResult.FINISHED)
  })

  test('with keep-alive, waits after its last event', () => {
    const source = nexmarkSource({ eventCount: 10, keepAlive: true })
    const reader = source.createReader(contextOf(new VirtualClock()))
    expect(drain(reader, [...source.enumerate(1)])).toHaveLength(10)
    expect([reader.poll(noSides), reader.retryAtMs, source.bounded]).toEqual([PollResult.NOTHING, Infinity, false])
    reader.close()
  })
})

describe('datagenSource', () => {
  test('emits its rows at its pace, shared by its readers', () => {
    const clock = new VirtualClock(0)
    const source = datagenSource(new Schema([{ name: 'n', type: t.int().logical }]), {
      rowsPerSecond: 1000,
      fields: { n: { kind: 'sequence', start: '5', end: '104' } },
    })
    expect([source.bounded, source.describe()]).toEqual([true, 'datagen(100 rows, 1000 a second, seed 1)'])
    const reader = source.createReader(contextOf(clock, 2))
    const splits = [...source.enumerate(2)]
    expect(drain(reader, splits)).toEqual([{ n: 5 }])
    clock.advanceMs(20)
    expect(drain(reader, splits)).toEqual(Array.from({ length: 10 }, (_, index) => ({ n: 6 + index })))
    clock.advanceMs(1000)
    expect(drain(reader, splits)).toHaveLength(89)
    expect(reader.poll(noSides)).toBe(PollResult.FINISHED)
    reader.close()
  })
})

describe('writeNexmarkFile()', () => {
  test('writes the lines of all events', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexmark-'))
    try {
      const path = join(folder, 'events.jsonl')
      const options = { eventCount: 5000, eventRate: 100, disorderMs: 3000 }
      const summary = writeNexmarkFile(path, options)
      const text = readFileSync(path, 'utf8')
      expect(summary).toEqual({ events: 5000, bytes: text.length })
      const lines = text.split('\n')
      expect(lines).toHaveLength(5001)
      const reference = new NexmarkReference(options)
      for (const position of [0, 1, 2499, 4999]) expect(lines[position]).toBe(nexmarkJsonLine(reference.eventAt(position)))
      expect(() => writeNexmarkFile(folder, options)).toThrow(expect.objectContaining({ code: 'FILE_WRITE' }))
      expect(() => writeNexmarkFile(path, {})).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
