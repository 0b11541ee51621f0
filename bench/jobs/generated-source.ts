// Rows made on the fly, cheap enough (some 5 ns a row) to measure what comes behind them: a key, a number, an event time. What stands at a row
// number depends on the number alone.

import type { Slab } from '../../src/base/slab.ts'
import type { Column } from '../../src/batch/column.ts'
import type { OperatorContext } from '../../src/operator/operator.ts'
import type { Source, SourceReader, SourceSplit } from '../../src/operator/source.ts'
import { RangeReader, rangeSplits } from '../../src/connector/datagen/range-source.ts'
import { defineSchema, t } from '../../src/batch/types.ts'

export const GENERATED = defineSchema({ key: t.int(), amount: t.double(), price: t.double(), at: t.timestamp(3) })

export interface GeneratedOptions {
  readonly rows: number
  readonly keys: number
  /** Rows in one millisecond of event time. */
  readonly rowsPerMs: number
  /** From this row on there are fewer keys. */
  readonly fewerFrom?: { readonly row: number; readonly keys: number }
  /** Told when a reader has made a batch. */
  readonly made?: (context: OperatorContext) => void
}

export const BASE_MS = Date.UTC(2026, 0, 1)

/** The key of a row number. */
export function keyOf(number: number, keys: number): number {
  let h = Math.imul(number ^ (number >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return ((h ^ (h >>> 15)) >>> 1) % keys
}

export const amountOf = (number: number): number => number & 1023
export const priceOf = (number: number): number => (number & 255) * 0.25

function fill(slab: Slab, columns: readonly Column[], first: number, count: number, keys: number, rowsPerMs: number): void {
  const { i32, u32, f64 } = slab
  const [keyColumn, amountColumn, priceColumn, atColumn] = columns as [Column, Column, Column, Column]
  const key = keyColumn.values >>> 2
  const amount = amountColumn.values >>> 3
  const price = priceColumn.values >>> 3
  const at = atColumn.values >>> 2
  let timeMs = BASE_MS + Math.floor(first / rowsPerMs)
  let high = Math.floor(timeMs / 2 ** 32)
  let low = timeMs - high * 2 ** 32
  let left = rowsPerMs - (first % rowsPerMs)
  for (let row = 0; row < count; row++) {
    const number = (first + row) | 0
    i32[key + row] = keyOf(number, keys)
    f64[amount + row] = amountOf(number)
    f64[price + row] = priceOf(number)
    u32[at + row * 2] = low
    i32[at + row * 2 + 1] = high
    if (--left > 0) continue
    timeMs++
    high = Math.floor(timeMs / 2 ** 32)
    low = timeMs - high * 2 ** 32
    left = rowsPerMs
  }
}

export class GeneratedSource implements Source<{ key: number; amount: number; price: number; at: number }> {
  readonly name = 'generated'
  readonly schema = GENERATED
  readonly bounded = true
  readonly needsEventLoop = false
  readonly parallelismMax = Infinity
  readonly #options: GeneratedOptions

  constructor(options: GeneratedOptions) {
    this.#options = options
  }

  describe(): string {
    return `${this.#options.rows} rows, ${this.#options.keys} keys`
  }

  enumerate(parallelism: number): readonly SourceSplit[] {
    return rangeSplits(this.#options.rows, parallelism)
  }

  createReader(context: OperatorContext): SourceReader {
    const { keys, rowsPerMs, fewerFrom, made } = this.#options
    return new RangeReader(context, this.schema, {
      generate(first, count, batch) {
        made?.(context)
        fill(context.slab, batch.columns, first, count, fewerFrom !== undefined && first >= fewerFrom.row ? fewerFrom.keys : keys, rowsPerMs)
        batch.rowCount = count
        batch.timestamps = 0
        batch.selection = 0
        batch.crossings.clear()
        batch.rewind()
        return count
      },
      rowsPerSecond: Infinity,
      keepAlive: false,
      stopAtMs: Infinity,
      close: () => {},
    })
  }
}
