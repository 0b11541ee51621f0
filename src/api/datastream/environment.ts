// Where a job's program begins: the environment records transformations. It plans and runs nothing; engine/ does.

import { PlanError } from '../../base/errors.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { defineSchema, OBJECT_SCHEMA, Schema, t } from '../../batch/types.ts'
import { programSource } from '../../connector/program/program-source.ts'
import { collectionSource } from '../../connector/collection/collection-source.ts'
import { sequenceSource } from '../../connector/datagen/sequence-source.ts'
import { fileSource } from '../../connector/file/file-source.ts'
import type { StreamFactory } from '../../connector/stream/stream-intake.ts'
import { asyncIterableSource } from '../../connector/stream/stream-source.ts'
import { parseOption } from '../../engine/options.ts'
import { textFormat } from '../../format/text-format.ts'
import type { Source } from '../../operator/source.ts'
import { type Edge, LogicalGraph } from '../../plan/transformation.ts'
import type { WatermarkStrategy } from '../../time/watermark-strategy.ts'
import { DataStream } from './data-stream.ts'
import { KeyedStream } from './keyed-stream.ts'

const LINES = defineSchema({ line: t.string() })

/** Records that come one by one. Leaving the loop over it, or closing it, cancels the job that makes them. */
export interface CloseableIterator<R> extends AsyncIterableIterator<R>, AsyncDisposable {
  close(): Promise<void>
}

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
  readonly #unplanned: (() => void)[] = []

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
  fromCollection<R>(values: readonly R[]): DataStream<R, never>
  fromCollection<R>(values: readonly R[], schema: Schema<R> | undefined): DataStream<R>
  fromCollection<R>(values: readonly R[], schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(collectionSource(values, schema))
  }

  /** A stream of the values of an async iterable, which the factory makes when the job starts; with a schema they are rows in columns. */
  fromAsyncIterable<R>(factory: StreamFactory<R>): DataStream<R, never>
  fromAsyncIterable<R>(factory: StreamFactory<R>, schema: Schema<R> | undefined): DataStream<R>
  fromAsyncIterable<R>(factory: StreamFactory<R>, schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(asyncIterableSource(factory, schema))
  }

  /** A stream of what the program around the engine pushes to this name (`handle.input(name).push(record)`), until it ends the input. */
  input<R>(name: string): DataStream<R, never>
  input<R>(name: string, schema: Schema<R> | undefined): DataStream<R>
  input<R>(name: string, schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): DataStream<R> {
    return this.from(programSource(name, schema))
  }

  /** A stream of the given values. @throws {PlanError} If there are none. */
  fromElements<R>(...values: R[]): DataStream<R, never> {
    if (values.length === 0) throw new PlanError('INVALID_COLLECTION', 'Cannot make a stream: fromElements needs at least one value')
    return this.fromCollection(values)
  }

  /** A stream of the given values, or of those of one array; with a schema they are rows in columns. */
  fromData<R>(values: readonly R[], schema?: Schema<R>): DataStream<R>
  fromData<R>(...values: readonly R[]): DataStream<R>
  fromData(...values: readonly unknown[]): DataStream<unknown> {
    const [first, schema] = values
    if (Array.isArray(first) && (values.length === 1 || schema instanceof Schema)) return this.fromCollection(first, schema as Schema | undefined)
    return this.fromElements(...values)
  }

  /** A stream of the integers from `from` to `to`, both included; in order within each of its subtasks. */
  fromSequence(from: number, to: number): DataStream<number> {
    return this.from(sequenceSource(from, to))
  }

  /** A stream of the lines of a file, a folder or a glob, blank ones too. */
  readTextFile(path: string): DataStream<string> {
    return this.from(fileSource({ path, format: textFormat(), schema: LINES })).map(({ line }) => line)
  }

  /** @internal Calls `plan` whenever the job is about to be planned: it adds to the graph what has been collected so far. */
  beforePlanning(plan: () => void): void {
    this.#unplanned.push(plan)
  }

  /** @internal The graph with all that was collected for it. */
  wholeGraph(): LogicalGraph {
    for (const plan of this.#unplanned) plan()
    return this.graph
  }

  /** @internal Makes keyed streams for the others, whose class theirs extends. */
  keyedStream<R>(before: DataStream<R>, edges: readonly Omit<Edge, 'input'>[], key: KeySpec, members?: readonly string[]): KeyedStream<R, never, never, never> {
    return new KeyedStream(before, edges, key, members)
  }

  /** @internal Runs the job and iterates over the records of one stream; a local environment can. */
  executeAndIterate<R>(_stream: DataStream<R>, _name?: string): CloseableIterator<R> {
    throw new PlanError('INVALID_COLLECT', 'Cannot collect records here: the program of a job only describes it', {
      hint: 'End the stream in output(name) and read handle.output(name); or use the environment of Millrace.local().',
    })
  }
}
