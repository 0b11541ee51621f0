// The Nexmark generator as a source: positions of the stream are dealt to readers in blocks, so that together they emit one sequence.

import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { RowOfSchema, Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import type { Source, SourceReader, SourceSplit } from '../../operator/source.ts'
import { RangeReader, rangeSplits } from '../datagen/range-source.ts'
import { NexmarkGenerator } from './nexmark-generator.ts'
import { nexmarkSchema, type NexmarkSchemas, type NexmarkTable } from './nexmark-layout.ts'
import { NEXMARK_DEFAULTS, type NexmarkOptions, type NexmarkSettings, resolveNexmarkOptions } from './nexmark-options.ts'

/** Options of {@link nexmarkSource}. */
export interface NexmarkSourceOptions<T extends NexmarkTable, S extends Schema> extends NexmarkOptions {
  /**
   * All events, in columns of which two of three are NULL, or those of one kind as flat rows.
   * @default 'events'
   */
  readonly table?: T
  /**
   * The columns wanted, some of the table's: for `events` with any of their fields, and `dateTime` for the time of every event.
   * @default all of the table's
   */
  readonly schema?: S
}

const KEYS: OptionKeys<NexmarkSourceOptions<NexmarkTable, Schema>> = { ...NEXMARK_DEFAULTS, table: true, schema: true }

/** Emits Nexmark events. */
class NexmarkSource implements Source {
  readonly name = 'nexmark'
  readonly schema: Schema
  readonly bounded: boolean
  readonly needsEventLoop = false
  readonly parallelismMax = Infinity
  readonly givesTimestamps: boolean
  readonly settings: NexmarkSettings
  readonly #table: NexmarkTable

  constructor({ table = 'events', schema = nexmarkSchema(table), ...options }: NexmarkSourceOptions<NexmarkTable, Schema>) {
    this.settings = resolveNexmarkOptions(options)
    this.#table = table
    this.schema = schema
    this.givesTimestamps = schema.indexOf('dateTime') !== -1
    this.bounded = !this.settings.keepAlive && (this.settings.eventCount > 0 || this.settings.stopAtMs >= 0)
  }

  describe(): string {
    const { eventCount, eventRate, disorderMs, seed } = this.settings
    const count = eventCount === 0 ? 'endless' : `${eventCount} events`
    return `nexmark(${this.#table}, ${count}, ${eventRate} a second, disorder ${disorderMs} ms, seed ${seed})`
  }

  enumerate(parallelism: number): readonly SourceSplit[] {
    return rangeSplits(this.settings.eventCount === 0 ? Infinity : this.settings.eventCount, parallelism)
  }

  createReader(context: OperatorContext): SourceReader {
    const { settings } = this
    const generator = new NexmarkGenerator(context.slab, context.kernels, settings)
    return new RangeReader(context, this.schema, {
      generate: (first, count, batch) => generator.generateColumns(first, count, batch, this.#table),
      rowsPerSecond: settings.paced ? settings.eventRate : Infinity,
      keepAlive: settings.keepAlive,
      stopAtMs: settings.stopAtMs < 0 ? Infinity : settings.stopAtMs,
      close: () => generator.close(),
    })
  }
}

/**
 * A source of the events of the Nexmark benchmark: persons, auctions and bids. The number of an event and the seed decide what it is, so that any
 * number of readers make one sequence.
 *
 * @throws {PlanError} `INVALID_OPTION`
 * @example nexmarkSource({ table: 'bid', eventCount: 100_000, schema: defineSchema({ auction: t.bigint(), price: t.bigint() }) })
 */
export function nexmarkSource<T extends NexmarkTable = 'events', S extends Schema = NexmarkSchemas[T]>(
  options: NexmarkSourceOptions<T, S> = {},
): Source<RowOfSchema<S>> {
  refuseUnknownOptions<NexmarkSourceOptions<NexmarkTable, Schema>>('make a Nexmark source', options, KEYS)
  return new NexmarkSource(options) as Source<RowOfSchema<S>>
}
