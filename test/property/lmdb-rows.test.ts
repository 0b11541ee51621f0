// Rows of buckets against a plain map: whichever columns differ from when on, whatever is added, changed, looked up and removed.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { LmdbEnvironment } from '../../src/state/lmdb-environment.ts'
import { LmdbRows, Positions } from '../../src/state/lmdb-rows.ts'

const directory = join(tmpdir(), 'millrace-tests')

/** Items are numbers; what a row says of one begins with the number. */
class Rows extends LmdbRows {
  /** What is to be written of items; empty: nothing is to be kept. */
  readonly values = new Map<number, readonly number[]>()
  protected readonly rowWords: number

  constructor(rowWords: number) {
    super(LmdbEnvironment.open(directory), new Positions({ start: 0, end: 0 }))
    this.rowWords = rowWords
  }

  write(items: readonly number[]): void {
    this.gather(items.length, (index) => items[index])
    this.writeRows(items.length)
  }

  read(items: readonly number[]): Map<number, readonly number[]> {
    const found = new Map<number, readonly number[]>()
    this.gather(items.length, (index) => items[index])
    this.environment.beginRead()
    try {
      this.readRows(items.length, (item, row) => found.set(item, [...this.file.words.subarray(row, row + this.#wordsOf(row))]))
    } finally {
      this.environment.endRead()
    }
    return found
  }

  readAll(): Map<number, readonly number[]> {
    const { file } = this
    const all = new Map<number, readonly number[]>()
    for (let bucket = 0; this.takeBucket(bucket); bucket = file.bucketBehind(bucket))
      for (let index = 0; index < file.count; index++) {
        const row = [...file.words.subarray(file.rowAt(index), file.rowEnd(index))]
        expect(file.positionOf(index)).toBe(this.positionOf(row[0]))
        all.set(row[0], row.slice(0, this.rowWords === 0 ? row[1] : this.rowWords))
      }
    return all
  }

  close(): void {
    this.file.close()
    this.environment.close()
  }

  /** The same for some of them. */
  protected positionOf(item: number): number {
    return Math.imul(item & ~1, 0x9e3779b1) >>> 0
  }

  protected isRowOf(row: number, item: number): boolean {
    return this.file.words[row] === item
  }

  protected putRow(position: number, item: number, old: number): boolean {
    const value = this.values.get(item)!
    if (value.length === 0) return old >= 0
    const begin = this.file.beginRow(position, value.length)
    const { stage } = this.file
    value.forEach((word, index) => (stage[begin + index] = word))
    this.file.endRow(begin + value.length)
    if (old < 0 || this.file.rowEnd(old) - this.file.rowAt(old) !== value.length) return true
    const row = this.file.rowAt(old)
    return value.some((word, index) => this.file.words[row + index] !== word)
  }

  protected commit(): void {
    this.file.commit(() => {})
  }

  #wordsOf(row: number): number {
    return this.rowWords === 0 ? this.file.words[row + 1] : this.rowWords
  }
}

it.each([1, 2, 6, 40, 0])('rows of %s words come back as they were written', (rowWords) => {
  const step = fc.record({ kind: fc.constantFrom('add', 'change', 'remove'), count: fc.integer({ min: 1, max: 3000 }), column: fc.nat(39), seed: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const rows = new Rows(rowWords)
      const kept = new Map<number, readonly number[]>()
      try {
        for (const { kind, count, column, seed } of steps) {
          const random = new Random(seed)
          const items = new Set<number>()
          for (let index = 0; index < count; index++) items.add(random.integer(kind === 'add' ? 1_000_000 : 5000))
          for (const item of items) {
            const width = rowWords === 0 ? 2 + random.integer(5) : rowWords
            const value = kept.get(item)?.slice(0, width) ?? [item, ...Array.from({ length: width - 1 }, () => 7)]
            if (rowWords === 0) value[1] = value.length
            // A column that nearly always is the same, and is large where it is not.
            else if (kind === 'change' && rowWords > 1) value[1 + (column % (rowWords - 1))] = random.integer(10) === 0 ? 0xffffff00 + random.integer(3) : 8
            rows.values.set(item, kind === 'remove' ? [] : value)
            if (kind === 'remove') kept.delete(item)
            else kept.set(item, value)
          }
          rows.write([...items])
          expect(rows.read([...items])).toEqual(new Map([...kept].filter(([item]) => items.has(item))))
        }
        expect(rows.readAll()).toEqual(kept)
        expect(rows.file.entryCount).toBe(kept.size)
      } finally {
        rows.close()
      }
    }),
    { numRuns: 12 },
  )
})
