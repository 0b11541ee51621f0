// Rows made on the fly, cheap enough (some 5 ns a row) to measure what comes behind them: a key, a number, an event time. What stands at a row
// number depends on the number alone.

import { type OperatorContext } from '../../src/operator/operator.ts'
import type { Source, SourceReader, SourceSplit } from '../../src/operator/source.ts'
import { RangeReader, rangeSplits } from '../../src/connector/datagen/range-source.ts'
import { defineSchema, t } from '../../src/batch/types.ts'

export const GENERATED = defineSchema({ key: t.int(), amount: t.double(), price: t.double(), at: t.timestamp(3) })

export interface GeneratedOptions {
  readonly rows: number
  readonly keys: number
  /** Rows in one millisecond of event time. */
  readonly rowsPerMs: number
}

export const BASE_MS = Date.UTC(2026, 0, 1)
const BASE_HIGH = Math.floor(BASE_MS / 2 ** 32)
const BASE_LOW = BASE_MS % 2 ** 32

/** The key of a row number. */
export function keyOf(number: number, keys: number): number {
  let h = Math.imul(number ^ (number >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return ((h ^ (h >>> 15)) >>> 1) % keys
}

export const amountOf = (number: number): number => number & 1023
export const priceOf = (number: number): number => (number & 255) * 0.25

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
    const { keys, rowsPerMs } = this.#options
    return new RangeReader(context, this.schema, {
      generate(first, count, batch) {
        const { slab } = context
        const { i32, u32, f64 } = slab
        const [key, amount, price, at] = batch.columns.map((column) => column.values) as [number, number, number, number]
        for (let row = 0; row < count; row++) {
          const number = first + row
          i32[(key >>> 2) + row] = keyOf(number, keys)
          f64[(amount >>> 3) + row] = amountOf(number)
          f64[(price >>> 3) + row] = priceOf(number)
          const low = BASE_LOW + Math.floor(number / rowsPerMs)
          const carry = low >= 2 ** 32 ? 1 : 0
          u32[(at >>> 2) + row * 2] = low
          i32[(at >>> 2) + row * 2 + 1] = BASE_HIGH + carry
        }
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
