// Where a job's program begins: the environment records transformations. It plans and runs nothing; engine/ does.

import { PlanError } from '../../base/errors.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { programSource } from '../../connector/program/program-source.ts'
import { collectionSource } from '../../connector/collection/collection-source.ts'
import type { StreamFactory } from '../../connector/stream/stream-intake.ts'
import { asyncIterableSource } from '../../connector/stream/stream-source.ts'
import { parseOption } from '../../engine/options.ts'
import type { Source } from '../../operator/source.ts'
import { LogicalGraph } from '../../plan/transformation.ts'
import type { WatermarkStrategy } from '../../time/watermark-strategy.ts'
import { DataStream } from './data-stream.ts'

/** Settings of a job that its program may change; the command line and `submit` options win over them. */
export interface JobSettings {
  parallelism: number | undefined
  maxParallelism: number | undefined
  readonly options: Map<string, string>
}

/**
 * Records what a job's program does.
 *
 * @example
 * export default defineJob(import.meta, (env) => {
 *   env.fromElements('to', 'be', 'or', 'not', 'to', 'be').map((word) => word.length).output('lengths')
 * })
 */
export class StreamExecutionEnvironment {
  readonly graph = new LogicalGraph()
  readonly settings: JobSettings = { parallelism: undefined, maxParallelism: undefined, options: new Map() }

  /** Number of parallel subtasks of every operator that does not set its own. */
  setParallelism(parallelism: number): this {
    this.settings.parallelism = parallelism
    return this
  }

  /** Number of key groups: the ceiling of the parallelism for as long as the job's state lives. */
  setMaxParallelism(maxParallelism: number): this {
    this.settings.maxParallelism = maxParallelism
    return this
  }

  /** Sets a configuration option of the job; see `millrace options`. */
  set(key: string, value: string | number | boolean): this {
    const option = parseOption(key, String(value))
    this.settings.options.set(option.key, option.value)
    return this
  }

  /** A stream of the source's records, without watermarks of its own. */
  from<R>(source: Source<R>): DataStream<R> {
    const transformation = this.graph.add(source.name, { kind: 'source', source }, [], source.schema, source.parallelismMax)
    return new DataStream(this, transformation, source.schema)
  }

  /**
   * A stream of the source's records with timestamps and watermarks.
   *
   * @throws {PlanError} `INVALID_SOURCE` if it is none, or the strategy is missing.
   */
  fromSource<R>(source: Source<R>, strategy: WatermarkStrategy<R>, name?: string): DataStream<R> {
    if ((strategy as WatermarkStrategy<R> | undefined)?.spec === undefined)
      throw new PlanError('INVALID_SOURCE', 'Cannot make a stream: fromSource(source, strategy) needs a watermark strategy', {
        hint: 'Pass WatermarkStrategy.forMonotonousTimestamps() or another one; for records without event time call from(source).',
      })
    const stream = this.from(source)
    return (name === undefined ? stream : stream.name(name)).assignTimestampsAndWatermarks(strategy)
  }

  /** A stream of the given values; with a schema they are rows in columns. */
  fromCollection<R>(values: readonly R[], schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(collectionSource(values, schema))
  }

  /** A stream of the values of an async iterable, which the factory makes when the job starts; with a schema they are rows in columns. */
  fromAsyncIterable<R>(factory: StreamFactory<R>, schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(asyncIterableSource(factory, schema))
  }

  /** A stream of what the program around the engine pushes to this name (`handle.input(name).push(record)`), until it ends the input. */
  input<R>(name: string, schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(programSource(name, schema))
  }

  /** A stream of the given values. @throws {PlanError} If there are none. */
  fromElements<R>(...values: R[]): DataStream<R> {
    if (values.length === 0) throw new PlanError('INVALID_COLLECTION', 'Cannot make a stream: fromElements needs at least one value')
    return this.fromCollection(values)
  }
}
