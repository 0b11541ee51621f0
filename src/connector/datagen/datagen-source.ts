// The datagen source: made-up rows of any schema at a pace. Row numbers are dealt to readers in blocks, so that sequences have no gaps.

import type { RowOfSchema, Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import type { Source, SourceReader, SourceSplit } from '../../operator/source.ts'
import { DatagenGenerator } from './datagen-generator.ts'
import type { DatagenOptions } from './datagen-options.ts'
import { RangeReader, rangeSplits } from './range-source.ts'

/** Emits sequences and random values. */
class DatagenSource implements Source {
  readonly name = 'datagen'
  readonly schema: Schema
  readonly bounded: boolean
  readonly needsEventLoop = false
  readonly parallelismMax = Infinity
  readonly #generator: DatagenGenerator

  constructor(schema: Schema, options: DatagenOptions = {}) {
    this.schema = schema
    this.#generator = new DatagenGenerator(schema, options)
    this.bounded = this.#generator.settings.rowCount !== Infinity
  }

  describe(): string {
    const { rowCount, rowsPerSecond, seed } = this.#generator.settings
    return `datagen(${rowCount === Infinity ? 'endless' : `${rowCount} rows`}, ${rowsPerSecond} a second, seed ${seed})`
  }

  enumerate(parallelism: number): readonly SourceSplit[] {
    return rangeSplits(this.#generator.settings.rowCount, parallelism)
  }

  createReader(context: OperatorContext): SourceReader {
    const generator = this.#generator
    return new RangeReader(context, this.schema, {
      generate: (first, count, batch, nowMs) => generator.generate(first, count, batch, nowMs),
      rowsPerSecond: generator.settings.rowsPerSecond,
      keepAlive: false,
      stopAtMs: Infinity,
      close: () => {},
    })
  }
}

/**
 * A source of made-up rows of any schema, but for `any`: random values, or sequences that bound it.
 *
 * @throws {PlanError} `INVALID_OPTION`, `UNKNOWN_OPTION`, `UNSUPPORTED_TYPE`, `UNKNOWN_COLUMN`.
 * @example datagenSource(click, { rowCount: 1000, fields: { user: { length: 8 } } })
 */
export function datagenSource<S extends Schema>(schema: S, options: DatagenOptions<keyof RowOfSchema<S> & string> = {}): Source<RowOfSchema<S>> {
  return new DatagenSource(schema, options) as Source<RowOfSchema<S>>
}
