// The suite every source must pass: splits, positions and batches as the contract of SourceReader says.
import { describe, expect, it } from 'vitest'
import { batchToObjects } from '../../src/batch/batch-rows.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit } from '../../src/operator/source.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { text } from '../sim/simulation.ts'
import { type TestContext, testContext } from '../unit/connector/file-probe.ts'

/** Tests that an implementation does not pass, each with its reason. */
export interface SourceContractOptions {
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[]
  /** How many rows the source has. */
  readonly rows: number
}

const NO_SIDES = { hasCapacity: () => true, emit() {}, emitWatermark() {}, emitStatus() {}, side: () => undefined }
const POLLS_MAX = 100_000

/** Hands out the splits of a source to its readers, in order. */
class Splits {
  readonly all: readonly SourceSplit[]
  next = 0

  constructor(all: readonly SourceSplit[]) {
    this.all = all
  }

  give(reader: SourceReader): void {
    const split = this.all[this.next]
    if (split === undefined) reader.noMoreSplits()
    else reader.assign(split, ++this.next)
  }
}

class Probe {
  readonly context: TestContext
  readonly reader: SourceReader
  readonly rows: string[] = []
  readonly splits: number[] = []
  readonly #before: number
  isFinished = false

  constructor(source: Source, batchRowsMax: number = 64, snapshot?: MemorySnapshot) {
    this.context = testContext(batchRowsMax)
    this.#before = this.context.slab.allocatedBytes
    this.reader = source.createReader(this.context)
    if (snapshot !== undefined) this.reader.restore(snapshot.reader())
  }

  /** Polls until there is a batch; false at the end. */
  batch(splits: Splits): boolean {
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const { reader, context } = this
      switch (reader.poll(NO_SIDES)) {
        case PollResult.NEEDS_SPLIT:
          splits.give(reader)
          break
        case PollResult.FINISHED:
          this.isFinished = true
          return false
        case PollResult.NOTHING:
          expect(reader.retryAtMs, 'a reader without event loop says when to come back').toBeLessThan(Infinity)
          context.clock.setMs(Math.max(reader.retryAtMs, context.clock.nowMs() + 1))
          break
        case PollResult.BATCH: {
          const { batch } = reader
          expect(batch.end - batch.begin).toBeGreaterThan(0)
          expect(batch.end - batch.begin).toBeLessThanOrEqual(context.batchRowsMax)
          expect([batch.begin, batch.end]).toEqual([0, batch.logicalCount])
          for (const { row } of batchToObjects(batch)) {
            this.rows.push(text(row))
            this.splits.push(batch.split)
          }
          return true
        }
      }
    }
    throw new Error('the reader neither brings anything nor ends')
  }

  all(splits: Splits): this {
    while (this.batch(splits));
    return this
  }

  snapshot(): MemorySnapshot {
    const snapshot = new MemorySnapshot()
    this.reader.snapshot(snapshot)
    return snapshot
  }

  /** Bytes of the slab that the reader still holds. */
  closed(): number {
    this.reader.close()
    return this.context.slab.allocatedBytes - this.#before
  }
}

/** Runs the suite for a bounded source that needs no event loop. `newSource` makes the same source each time. */
export function sourceContract(name: string, newSource: () => Source, options: SourceContractOptions): void {
  const skipped = new Set(options.skip?.flatMap(({ tests }) => tests))
  const test = (title: string, run: () => void): void => {
    const define = skipped.has(title) ? it.skip : it
    define(title, run)
  }
  const splits = (): Splits => new Splits(newSource().enumerate(2))
  const allRows = (): string[] => new Probe(newSource()).all(splits()).rows

  describe(`${name} keeps the source contract`, () => {
    test('it lists the same splits each time, each with a name of its own, as plain data', () => {
      const [first, second] = [newSource().enumerate(2), newSource().enumerate(2)]
      expect(second).toEqual(first)
      expect(structuredClone(first)).toEqual(first)
      expect(JSON.parse(JSON.stringify(first))).toEqual(first)
      expect(new Set(first.map(({ id }) => id)).size).toBe(first.length)
    })

    test('one reader brings every row, split after split', () => {
      const list = splits()
      const probe = new Probe(newSource()).all(list)
      expect(probe.rows.length).toBe(options.rows)
      expect(probe.splits).toEqual([...probe.splits].sort((a, b) => a - b))
      expect(new Set(probe.splits).size).toBeLessThanOrEqual(list.all.length)
      expect(Math.max(...probe.splits)).toBeLessThanOrEqual(list.all.length)
      probe.closed()
    })

    test('splits that travelled as plain data read the same', () => {
      const list = new Splits(JSON.parse(JSON.stringify(newSource().enumerate(2))) as SourceSplit[])
      expect(new Probe(newSource()).all(list).rows).toEqual(allRows())
    })

    test('the size of batches changes nothing', () => {
      const rows = allRows()
      for (const batchRowsMax of [1, 7, 1000]) expect(new Probe(newSource(), batchRowsMax).all(splits()).rows).toEqual(rows)
    })

    test('readers share the splits: together they bring every row once', () => {
      const rows = allRows()
      for (const readers of [2, 3]) {
        const list = splits()
        const probes = Array.from({ length: readers }, () => new Probe(newSource(), 16))
        while (probes.some((probe) => !probe.isFinished)) for (const probe of probes) if (!probe.isFinished) probe.batch(list)
        expect(probes.flatMap((probe) => probe.rows).sort()).toEqual([...rows].sort())
      }
    })

    test('a reader that has finished stays finished', () => {
      const list = splits()
      const probe = new Probe(newSource()).all(list)
      for (let again = 0; again < 3; again++) expect(probe.batch(list)).toBe(false)
      expect(probe.rows.length).toBe(options.rows)
    })

    test('a snapshot between any two batches is exact: a fresh reader goes on with the next row', () => {
      const rows = allRows()
      const stops = Math.max(1, Math.ceil(rows.length / 13))
      for (let stop = 0; stop <= stops; stop++) {
        const list = splits()
        const first = new Probe(newSource(), 13)
        for (let batches = 0; batches < stop; batches++) first.batch(list)
        const snapshot = first.snapshot()
        const taken = [...first.rows]
        const second = new Probe(newSource(), 5, snapshot).all(list)
        expect([...taken, ...second.rows], `after ${stop} batches`).toEqual(rows)
      }
    })

    test('a snapshot is a copy and leaves the reader as it was', () => {
      const list = splits()
      const probe = new Probe(newSource(), 10)
      probe.batch(list)
      const early = probe.snapshot()
      const rest = list.next
      probe.snapshot()
      probe.all(list)
      expect(probe.rows).toEqual(allRows())
      const again = splits()
      again.next = rest
      const second = new Probe(newSource(), 10, early).all(again)
      expect([...probe.rows.slice(0, probe.rows.length - second.rows.length), ...second.rows]).toEqual(probe.rows)
    })

    test('fewer readers go on with the splits of more', () => {
      const rows = allRows()
      const list = splits()
      const probes = [new Probe(newSource(), 9), new Probe(newSource(), 9)]
      for (const probe of probes) probe.batch(list)
      const snapshot = new MemorySnapshot()
      for (const probe of probes) probe.reader.snapshot(snapshot)
      const merged = new Probe(newSource(), 9, snapshot).all(list)
      expect([...probes.flatMap((probe) => probe.rows), ...merged.rows].sort()).toEqual([...rows].sort())
    })

    test('its memory comes back, whenever it is closed', () => {
      expect(new Probe(newSource()).closed()).toBe(0)
      const half = new Probe(newSource(), 10)
      half.batch(splits())
      expect(half.closed()).toBe(0)
      expect(new Probe(newSource()).all(splits()).closed()).toBe(0)
    })
  })
}
