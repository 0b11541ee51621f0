// Streams as users write them: each method adds a transformation and returns the next stream. Types here, plain data below.

import { PlanError } from '../../base/errors.ts'
import { type DataType, defineSchema, isObjectSchema, OBJECT_SCHEMA, type RowOf, Schema } from '../../batch/types.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { callbackSink } from '../../connector/collection/callback-sink.ts'
import { printSink } from '../../connector/print-sink.ts'
import { programSink } from '../../connector/program/program-sink.ts'
import { type BatchFunction, BatchOperator } from '../../operator/basic/batch-operator.ts'
import { ColumnOperator, schemaWithColumn } from '../../operator/basic/column-operator.ts'
import { KeyOperator, keyedSchemaOf } from '../../operator/basic/key-operator.ts'
import { ProjectOperator, projectedSchemaOf } from '../../operator/basic/project-operator.ts'
import { type NamedRowStage, rowOperator } from '../../operator/basic/row-operator.ts'
import { sideMismatch } from '../../operator/process/side-outputs.ts'
import { WatermarkOperator } from '../../operator/basic/watermark-operator.ts'
import type { Collector, FilterFunction, FlatMapFunction, MapFunction, ProcessFunction } from '../../operator/function.ts'
import type { AnyProcessFunction, ProcessInput } from '../../operator/process/process-operator.ts'
import type { Sink } from '../../operator/sink.ts'
import { addSink } from '../../plan/sink-transformation.ts'
import { type Edge, haveTimestamps, type Partitioner, type Transformation, type TransformationBody } from '../../plan/transformation.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import type { GlobalWindow, Window } from '../../operator/window/window.ts'
import type { MapStateDescriptor } from '../../state/state.ts'
import type { WatermarkView } from '../../time/watermark-view.ts'
import type { WatermarkStrategy } from '../../time/watermark-strategy.ts'
import type { CloseableIterator, StreamExecutionEnvironment } from './environment.ts'
import { BroadcastConnectedStream, ConnectedStreams } from './connected-streams.ts'
import { CoGroupedStreams, JoinedStreams } from './joined-streams.ts'
import type { KeyedStream } from './keyed-stream.ts'
import { checkFunction, isRichFunction, processBody, processFunctionOf } from './process-body.ts'
import { BroadcastStream, type OutputTag, Stream } from './stream.ts'
import type { WindowedStream } from './windowed-stream.ts'

/**
 * A stream of records of type `R`.
 *
 * Records of streams with a declared schema are rows: flyweights over columns, valid until the function returns (`row.toObject()` keeps one).
 * What a function returns is any value of JavaScript, unless {@link returns} declares columns for it.
 *
 * @typeParam Columns `never` where the records are known to have no columns, so that what needs some is a compile error.
 */
export class DataStream<R, Columns = unknown> extends Stream<R> {
  declare protected readonly columns: Columns
  readonly #last: Transformation | undefined

  /** Streams are made by the environment and by other streams. */
  constructor(
    environment: StreamExecutionEnvironment,
    source: Transformation | readonly Omit<Edge, 'input'>[],
    schema: Schema<R>,
    partitioner: Partitioner = { kind: 'forward' },
  ) {
    const edges = Array.isArray(source)
      ? (source as readonly Omit<Edge, 'input'>[])
      : [{ from: source as Transformation, side: undefined, partitioner, schema }]
    super(environment, schema, edges)
    this.#last = Array.isArray(source) ? undefined : (source as Transformation)
  }

  // ---- settings of the operator that made this stream ----

  /** Names the operator in plans, metrics and errors. */
  name(name: string): this {
    this.#settings('name').name = name
    return this
  }

  /** Gives the operator's state a stable identity, so that a changed program finds it again. */
  uid(uid: string): this {
    this.#settings('uid').uid = uid
    return this
  }

  setParallelism(parallelism: number): this {
    this.#settings('setParallelism').parallelism = parallelism
    return this
  }

  /** Number of the operator's key groups, whatever others have: the ceiling of its parallelism for as long as its state lives. */
  setMaxParallelism(maxParallelism: number): this {
    this.#settings('setMaxParallelism').maxParallelism = maxParallelism
    return this
  }

  /** What `explain` says of the operator beside its name. */
  setDescription(description: string): this {
    this.#settings('setDescription').description = description
    return this
  }

  /** Begins a new chain with the operator: it is kept out of its producer's. */
  startNewChain(): this {
    this.#settings('startNewChain').chaining = 'head'
    return this
  }

  /** Keeps the operator in a chain of its own. */
  disableChaining(): this {
    this.#settings('disableChaining').chaining = 'never'
    return this
  }

  // ---- functions ----

  /** One record for each record. */
  map<T>(fn: ((record: R) => T) | MapFunction<R, T>): DataStream<T, never> {
    const given = new Error()
    Error.captureStackTrace(given, this.map)
    return this.#rows('Map', 'map', fn, OBJECT_SCHEMA as Schema<T>, given)
  }

  /** The records for which the function is true. */
  filter(fn: ((record: R) => boolean) | FilterFunction<R>): DataStream<R, Columns> {
    // In a stream of rows the columns stay: a filter selects.
    return this.#rows('Filter', 'filter', fn, this.schema)
  }

  /** Any number of records for each record: the function collects them, or returns an iterable. */
  flatMap<T>(fn: ((record: R, out: Collector<T>) => Iterable<T> | void) | FlatMapFunction<R, T>): DataStream<T, never> {
    return this.#rows('FlatMap', 'flatMap', fn, OBJECT_SCHEMA as Schema<T>)
  }

  /**
   * Declares the columns of what the function before it returns, so that its records travel in columns: faster over an exchange, and usable
   * by name in built-in aggregates and sinks.
   *
   * @throws {PlanError} If the operator before is not a user function.
   */
  returns<T, S = DataStream<R>>(this: S, schema: Schema<T> & Returned<S, T>): DataStream<T>
  returns<C extends Record<string, DataType<unknown>>, S = DataStream<R>>(this: S, columns: C & Returned<S, RowOf<C>>): DataStream<RowOf<C>>
  returns(columns: object): unknown {
    const schema: Schema = columns instanceof Schema ? columns : defineSchema(columns as Record<string, DataType<unknown>>)
    const last = this.#last
    if (last === undefined || last.body.kind !== 'operator' || last.body.withSchema === undefined)
      throw new PlanError(
        'INVALID_RETURNS',
        `Cannot declare columns for "${last?.settings.name ?? 'this stream'}": returns() follows map, flatMap, process and other functions`,
      )
    return new DataStream(this.environment, this.environment.graph.replace(last, last.body.withSchema(schema), schema), schema)
  }

  /** Calls a function with each record and its context: side outputs, timestamps, watermark. For state and timers key the stream first. */
  process<OUT>(fn: ProcessFunction<R, OUT>): DataStream<OUT, never> {
    checkFunction('Process', fn, ['processElement'])
    const schema = OBJECT_SCHEMA as Schema<OUT>
    return this.operator('Process', processBody([{ schema: this.schema, key: undefined, method: 'processElement' }], fn as AnyProcessFunction, schema), schema)
  }

  /**
   * Calls a function with whole batches: columns as typed arrays, for those who want no row objects.
   *
   * @example
   * bids.processBatch((batch, out) => {
   *   const price = batch.column('price').values as Float64Array
   *   let total = 0
   *   for (const row of batch.rows) total += price[row]
   *   out.collect(total)
   * })
   */
  processBatch<OUT>(fn: BatchFunction<OUT>): DataStream<OUT, never> {
    const { schema } = this
    const body = (declared: Schema): TransformationBody => ({
      kind: 'operator',
      watermarks: { kind: 'none' },
      needsEventLoop: false,
      sides: 'any',
      withSchema: body,
      create: () => new BatchOperator(schema, fn, declared),
    })
    return this.operator('ProcessBatch', body(OBJECT_SCHEMA), OBJECT_SCHEMA as Schema<OUT>)
  }

  /** Connects two streams in one function. */
  connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<R, B, never>
  connect<R2>(other: DataStream<R2>): ConnectedStreams<R, R2, never>
  connect(other: object): unknown {
    return other instanceof BroadcastStream ? new BroadcastConnectedStream(this, other) : new ConnectedStreams(this, other as DataStream<unknown>)
  }

  /**
   * Groups all records into windows, in one subtask. What follows runs there too, in the order of the results, up to the next `keyBy` or partitioning,
   * unless it is told its parallelism.
   */
  windowAll<W extends Window>(assigner: WindowAssigner<R, W>): WindowedStream<R, null, unknown, W, Columns> {
    return this.#keyedByNothing().window(assigner)
  }

  /** Windows of `size` records, beginning anew, or every `slide` records over the last `size`; in one subtask. */
  countWindowAll(size: number, slide?: number): WindowedStream<R, null, unknown, GlobalWindow, Columns> {
    return this.#keyedByNothing().countWindow(size, slide)
  }

  /**
   * Joins pairs of records with equal keys in the same window.
   *
   * @example
   * const delayed = flights.filter((flight) => flight.delay > 15)
   * const pairs = flights.join(delayed).where('origin').equalTo('origin').window(TumblingEventTimeWindows.of(hours(1)))
   * pairs.apply((flight, late) => late.delay - flight.delay)
   */
  join<R2>(other: DataStream<R2>): JoinedStreams<R, R2> {
    return new JoinedStreams(this, other)
  }

  /** Brings together all records of both streams with equal keys in the same window, also where one stream has none. */
  coGroup<R2>(other: DataStream<R2>): CoGroupedStreams<R, R2> {
    return new CoGroupedStreams(this, other)
  }

  /**
   * Adds a column (or replaces one) computed from each row, of a type of fixed width; the other columns pass untouched.
   *
   * @example
   * flights.withColumn('late', t.int(), (flight) => (flight.delay > 15 ? 1 : 0))
   */
  withColumn<N extends string, T>(name: N, type: DataType<T>, fn: (row: R) => T): DataStream<Omit<R, N> & { readonly [K in N]: T }> {
    const { schema } = this
    const result = schemaWithColumn(schema, name, type.logical) as Schema<Omit<R, N> & { readonly [K in N]: T }>
    const create = (): ColumnOperator => new ColumnOperator(schema, name, type.logical, fn)
    return this.operator(`Column(${name})`, { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create }, result)
  }

  /** Some of the columns, in this order; `{ to: 'from' }` renames. Copies nothing. */
  select<K extends keyof R & string>(...columns: K[]): DataStream<Pick<R, K>> {
    const schema = projectedSchemaOf(this.schema, columns)
    const indexes = columns.map((column) => this.schema.requireIndex(column))
    return this.operator(
      'Select',
      { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create: () => new ProjectOperator(schema, indexes) },
      schema as Schema<Pick<R, K>>,
    )
  }

  /**
   * Assigns event timestamps and generates watermarks, as parallel as this stream is; replaces those from before.
   *
   * @throws {PlanError} `NO_TIMESTAMP` if the strategy takes the timestamps that records have, and these have none.
   */
  assignTimestampsAndWatermarks<Needed>(strategy: WatermarkStrategy<R, Needed> & Timed<Columns, Needed>): DataStream<R, Columns> {
    const { schema } = this
    // Made once here for its checks; operators are made on the workers.
    new WatermarkOperator(schema, strategy.spec, { kind: 'none' })
    const { alignment, timestamps, generator } = strategy.spec
    if (timestamps.kind === 'record' && generator.kind === 'bounded' && !haveTimestamps(this.edges))
      throw new PlanError('NO_TIMESTAMP', `Cannot generate watermarks: the records of "${this.edges[0].from.settings.name}" have no timestamps`, {
        hint: 'Say where they are: withTimestampAssigner(column), or withTimestampAssigner((record) => ...); or use forIngestionTime().',
      })
    const create = (grid: WatermarkView): WatermarkOperator => new WatermarkOperator(schema, strategy.spec, grid)
    const body: TransformationBody = {
      kind: 'operator',
      watermarks: { kind: 'none' },
      needsEventLoop: false,
      followsInput: true,
      generatesWatermarks: true,
      givesTimestamps: timestamps.kind !== 'record',
      passesSides: true,
      create,
      ...(alignment && { alignment }),
    }
    return this.operator('Timestamps/Watermarks', body, schema)
  }

  // ---- partitioning ----

  /**
   * Partitions by key: columns (or members of records) by name, or a function of the record that returns a number, string, bigint, boolean, bytes, or
   * an array of them. Results of built-in aggregates have the columns; of a function the column `key`, of `type` if it is declared, else of any value
   * of JavaScript.
   */
  keyBy<const C extends readonly [keyof R & string, ...(keyof R & string)[]]>(...columns: C): KeyedStream<R, KeyOfColumns<R, C>, Pick<R, C[number]>, Columns>
  keyBy<Key>(selector: (record: R) => Key, type?: DataType<Key>): KeyedStream<R, Key, { readonly key: Key }, Columns>
  keyBy(...key: readonly unknown[]): KeyedStream<R, never, never, never> {
    const { environment, schema } = this
    const [first, type] = key
    if (typeof first !== 'function' && !isObjectSchema(schema)) {
      const spec: KeySpec = { kind: 'columns', columns: (key as string[]).map((column) => schema.requireIndex(column)) }
      return environment.keyedStream(this, this.partitioned({ kind: 'hash', key: spec }), spec)
    }
    const selector = typeof first === 'function' ? (first as (record: unknown) => unknown) : memberSelector(key as string[])
    const keyed = keyedSchemaOf(schema)
    const body: TransformationBody = {
      kind: 'operator',
      watermarks: { kind: 'none' },
      needsEventLoop: false,
      followsInput: true,
      create: () => new KeyOperator(schema, selector),
    }
    const spec: KeySpec = { kind: 'encoded', column: keyed.fields.length - 1, ...(type !== undefined && { type: (type as DataType<unknown>).logical }) }
    // Keys are computed where the records are sent, for each stream of a union apart: records of one sender and key stay in order.
    const extracted = this.partitioned({ kind: 'forward' }).map((edge) =>
      new DataStream<R>(environment, [edge], schema).operator('Key', body, keyed as Schema<R>),
    )
    const edges = extracted.flatMap((stream) => stream.partitioned({ kind: 'hash', key: spec }))
    return environment.keyedStream(this, edges, spec, typeof first === 'function' ? undefined : (key as string[]))
  }

  /** Subtask i sends to subtask i. @throws {PlanError} `INVALID_PARTITION` when planned, if the operator behind has another parallelism. */
  forward(): DataStream<R, Columns> {
    return new DataStream(this.environment, this.partitioned({ kind: 'forward', strict: true }), this.schema)
  }

  /** Spreads records evenly in no particular order: as {@link rebalance}. */
  shuffle(): DataStream<R, Columns> {
    return this.rebalance()
  }

  /** Deals records out evenly, a batch at a time. */
  rebalance(): DataStream<R, Columns> {
    return new DataStream(this.environment, this.partitioned({ kind: 'rebalance' }), this.schema)
  }

  /** Deals records out evenly among the subtasks of the sender's share. */
  rescale(): DataStream<R, Columns> {
    return new DataStream(this.environment, this.partitioned({ kind: 'rescale' }), this.schema)
  }

  /** Gives every record to every subtask. */
  broadcast(): DataStream<R, Columns>
  /** The same, to be connected with a stream whose function keeps these broadcast states. */
  broadcast(...states: [MapStateDescriptor<unknown, unknown>, ...MapStateDescriptor<unknown, unknown>[]]): BroadcastStream<R>
  broadcast(...states: MapStateDescriptor<unknown, unknown>[]): DataStream<R, Columns> | BroadcastStream<R> {
    if (states.length > 0) return new BroadcastStream(this.environment, this.schema, this.partitioned({ kind: 'broadcast' }), states)
    return new DataStream(this.environment, this.partitioned({ kind: 'broadcast' }), this.schema)
  }

  /** Gives every record to the first subtask. */
  global(): DataStream<R, Columns> {
    return new DataStream(this.environment, this.partitioned({ kind: 'global' }), this.schema)
  }

  /**
   * Partitions by the user's own rule: the function returns the index of the subtask, in 0..`subtaskCount` - 1. It is called for every record, also
   * where there is one subtask only. Another index fails the job with `PARTITION_OUT_OF_RANGE`.
   */
  partitionCustom(partition: (record: R, subtaskCount: number) => number): DataStream<R, Columns> {
    return new DataStream(this.environment, this.partitioned({ kind: 'custom', partition: partition }), this.schema)
  }

  /** The records of all streams together; order only within each. @throws {PlanError} If a schema differs. */
  union(...others: DataStream<R>[]): DataStream<R, Columns> {
    for (const other of others)
      if (other.schema.toString() !== this.schema.toString())
        throw new PlanError('SCHEMA_MISMATCH', `Cannot make a union: ${this.schema.toString()} and ${other.schema.toString()} differ`, {
          hint: 'Bring both to one schema with map(...).returns(...).',
        })
    return new DataStream(
      this.environment,
      [this, ...others].flatMap((stream) => stream.recordEdges()),
      this.schema,
    )
  }

  // ---- ends ----

  /**
   * The side output of the operator that made this stream; behind a source with watermarks, that of the source. It is empty if a function never
   * sends to the tag; it may be read several times.
   *
   * @throws {PlanError} `INVALID_SIDE_OUTPUT` if that operator cannot have it; `SCHEMA_MISMATCH` if it is known to be of other columns. A function that
   * sends to a tag of the same id with other columns fails the job by that code.
   */
  getSideOutput<T>(tag: OutputTag<T>): DataStream<T> {
    let from = this.#last
    while (from?.body.kind === 'operator' && from.body.passesSides === true) from = from.edges.length === 1 ? from.edges[0].from : undefined
    if (from === undefined)
      throw new PlanError('INVALID_SIDE_OUTPUT', 'Cannot read a side output of this stream: take it from the stream that the operator returned')
    const { body, settings } = from
    const sides = body.kind === 'source' ? 'any' : body.kind === 'sink' ? [] : (body.sides ?? [])
    if (sides !== 'any') {
      const side = sides.find(({ id }) => id === tag.id)
      if (side === undefined)
        throw new PlanError('INVALID_SIDE_OUTPUT', `Cannot read side output "${tag.id}" of "${settings.name}": nothing is sent there`, {
          hint: 'Side outputs are those of process functions, late records of windows and joins, and bad records of sources.',
        })
      if (side.schema.toString() !== tag.schema.toString()) throw sideMismatch(tag.id, tag.schema, side.schema)
    }
    return new DataStream(this.environment, [{ from, side: tag.id, partitioner: { kind: 'forward' }, schema: tag.schema }], tag.schema)
  }

  /** Ends the stream in a sink. The result only sets its name, uid and parallelism. */
  sinkTo(sink: Sink): DataStreamSink {
    return this.#sink(sink)
  }

  /** @internal {@link sinkTo}, where this stream only prepares records for the sink. */
  preparedSink(sink: Sink): DataStreamSink {
    return this.#sink(sink, this as unknown as DataStream<never>)
  }

  /** Prints every record on standard output, as Flink's print connector does. */
  print(identifier?: string): DataStreamSink {
    return this.sinkTo(printSink(identifier === undefined ? {} : { identifier }))
  }

  /** Prints every record on standard error. */
  printToErr(identifier?: string): DataStreamSink {
    return this.sinkTo(printSink({ standardError: true, ...(identifier !== undefined && { identifier }) }))
  }

  /**
   * Runs the job of a local environment and iterates over the records of this stream as they come; leaving the loop, or `close()`, cancels the job.
   *
   * @throws {PlanError} `INVALID_COLLECT` in the program of a job module: there, end the stream in {@link output}.
   * @example
   * for await (const length of Millrace.local().fromElements('a', 'bb').map((word) => word.length).executeAndCollect()) console.log(length)
   */
  executeAndCollect(name?: string): CloseableIterator<R> {
    return this.environment.executeAndIterate(this, name)
  }

  /** Ends the stream in a named output, which the program around the engine reads (`handle.output(name)`). */
  output(name: string): DataStreamSink {
    return this.sinkTo(programSink(name))
  }

  /** Calls a function with every record, on the subtask's thread. */
  forEach(callback: (record: R) => void): DataStreamSink {
    return this.sinkTo(callbackSink(callback)).name('ForEach')
  }

  /** @internal Adds an operator that reads this stream. */
  operator<T, C = unknown>(
    name: string,
    body: TransformationBody,
    schema: Schema<T>,
    others: readonly (readonly Omit<Edge, 'input'>[])[] = [],
    parallelismMax?: number,
  ): DataStream<T, C> {
    const edges = [this.recordEdges(), ...others].flatMap((list, input) => list.map((edge) => ({ ...edge, input })))
    return new DataStream(this.environment, this.environment.graph.add(name, body, edges, schema, parallelismMax), schema)
  }

  /** @internal Edges that carry the records alone, without what a key needs beside them. */
  recordEdges(): readonly Omit<Edge, 'input'>[] {
    return this.edges
  }

  /** @internal Edges on which the sender partitions otherwise. */
  partitioned(partitioner: Partitioner): readonly Omit<Edge, 'input'>[] {
    return this.edges.map((edge) => ({ ...edge, partitioner }))
  }

  /** @param given Where the program gave the function, for what it returns. */
  #rows<T, C>(name: string, kind: NamedRowStage['kind'], fn: unknown, schema: Schema<T>, given?: Error): DataStream<T, C> {
    if (isRichFunction(fn, kind)) {
      const input: ProcessInput = { schema: this.schema, key: undefined, method: 'processElement' }
      return this.operator(name, processBody([input], processFunctionOf(fn), schema), schema)
    }
    if (typeof fn !== 'function') throw new PlanError('INVALID_FUNCTION', `Cannot add ${name}: expected a function, got ${typeof fn}`)
    return this.operator(name, rowBody(this.schema, { name, kind, fn, ...(given && { given }) } as unknown as NamedRowStage, schema), schema)
  }

  #keyedByNothing(): KeyedStream<R, null, unknown, Columns> {
    return this.environment.keyedStream(this, this.partitioned({ kind: 'global' }), { kind: 'columns', columns: [] })
  }

  #sink(sink: Sink, before?: DataStream<never>): DataStreamSink {
    const edges = this.recordEdges().map((edge) => ({ ...edge, input: 0 }))
    const { writer, committer } = addSink(this.environment.graph, sink, edges, this.schema)
    return new DataStreamSink(writer, before, committer)
  }

  #settings(method: string): Transformation['settings'] {
    if (this.#last === undefined) throw new PlanError('INVALID_SETTING', `Cannot call ${method}() on this stream: it is not the output of one operator`)
    return this.#last.settings
  }
}

/**
 * What `returns` asks of its columns: that they are those of the records of stream `S`. Where they are not, the compiler shows this type and both rows.
 * Of the stream, not of its records, so that streams of more special records stay streams of more general ones.
 */
export type Returned<S, ROW> =
  S extends DataStream<infer R> ? (unknown extends R ? unknown : [R] extends [ROW] ? unknown : { readonly recordsAre: R; readonly columnsAre: ROW }) : never

/**
 * What records without columns ask of a watermark strategy: that it takes timestamps from no column. Where it does, the compiler shows this type; a
 * function finds them, `returns()` declares columns.
 */
export type Timed<Columns, Needed> = [Columns] extends [never] ? (unknown extends Needed ? unknown : { readonly recordsHaveNoColumns: Needed }) : unknown

/** The key of a stream keyed by columns: the column's value for one, a tuple for several. */
export type KeyOfColumns<R, C extends readonly (keyof R)[]> = C extends readonly [infer K extends keyof R] ? R[K] : { readonly [I in keyof C]: R[C[I]] }

/** A key function for members of records that have no columns. */
function memberSelector(names: readonly string[]): (record: unknown) => unknown {
  const [name] = names
  if (names.length === 1) return (record) => (record as Record<string, unknown>)[name]
  return (record) => names.map((member) => (record as Record<string, unknown>)[member])
}

function rowBody(input: Schema, stage: NamedRowStage, output: Schema): TransformationBody {
  return {
    kind: 'operator',
    watermarks: { kind: 'none' },
    needsEventLoop: false,
    rowStages: { inputSchema: input, stages: [stage] },
    create: () => rowOperator(input, [stage], output),
    ...(stage.kind !== 'filter' && { withSchema: (schema: Schema) => rowBody(input, stage, schema) }),
  }
}

/** The end of a stream. */
export class DataStreamSink {
  readonly #transformation: Transformation
  readonly #before: DataStream<never> | undefined
  readonly #committer: Transformation | undefined

  /**
   * @param before What only prepares records for the sink, and so is as parallel as it.
   * @param committer What commits for the sink's writers: it is called after the sink.
   */
  constructor(transformation: Transformation, before?: DataStream<never>, committer?: Transformation) {
    this.#transformation = transformation
    this.#before = before
    this.#committer = committer
  }

  name(name: string): this {
    this.#transformation.settings.name = name
    if (this.#committer !== undefined) this.#committer.settings.name = `${name}: Committer`
    return this
  }

  uid(uid: string): this {
    this.#transformation.settings.uid = uid
    this.#transformation.settings.hasFixedUid = false
    if (this.#committer !== undefined) this.#committer.settings.uid = `${uid}-committer`
    return this
  }

  setParallelism(parallelism: number): this {
    this.#transformation.settings.parallelism = parallelism
    this.#before?.setParallelism(parallelism)
    return this
  }
}
