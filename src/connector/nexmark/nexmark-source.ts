// The Nexmark generator as a source: positions of the stream are dealt to readers in blocks, so that together they emit one sequence.

import type { Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import type { Source, SourceReader, SourceSplit } from '../../operator/source.ts'
import { RangeReader, rangeSplits } from '../datagen/range-source.ts'
import { NexmarkGenerator } from './nexmark-generator.ts'
import { nexmarkSchema, type NexmarkTable } from './nexmark-layout.ts'
import { type NexmarkOptions, type NexmarkSettings, resolveNexmarkOptions } from './nexmark-options.ts'

/** Emits Nexmark events. */
export class NexmarkSource implements Source {
  readonly name = 'nexmark'
  readonly schema: Schema
  readonly bounded: boolean
  readonly needsEventLoop = false
  readonly parallelismMax = Infinity
  readonly givesTimestamps: boolean
  readonly settings: NexmarkSettings
  readonly #table: NexmarkTable

  /**
   * @param table All events, or those of one kind as flat rows.
   * @param schema The columns wanted, see {@link NexmarkGenerator.generateColumns}; all by default.
   * @throws {PlanError} `INVALID_OPTION`
   */
  constructor(options: NexmarkOptions = {}, table: NexmarkTable = 'events', schema: Schema = nexmarkSchema(table)) {
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
