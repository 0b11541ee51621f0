// Streams partitioned by key: state, timers and windows are per key.

import type { KeySpec } from '../../batch/key-spec.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type {
  Collector,
  FilterFunction,
  FlatMapFunction,
  KeyedProcessFunction,
  KeyedProcessRuntimeContext,
  MapFunction,
  ReduceFunction,
} from '../../operator/function.ts'
import { ProjectOperator } from '../../operator/basic/project-operator.ts'
import type { Sink } from '../../operator/sink.ts'
import type { AnyProcessFunction } from '../../operator/process/process-operator.ts'
import { type RollingAggregate, rollingReduce, RollingReduce, rollingSchema } from '../../operator/process/process-operators.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import { countWindows } from '../../operator/window/count-windows.ts'
import type { Evictor } from '../../operator/window/evictors.ts'
import type { ColumnOf, Ordered, Summable } from '../../operator/window/slice-aggregates.ts'
import type { GlobalWindow, Window } from '../../operator/window/window.ts'
import type { Edge, Partitioner, TransformationBody } from '../../plan/transformation.ts'
import type { BroadcastConnectedStream, ConnectedStreams } from './connected-streams.ts'
import { DataStream, type DataStreamSink } from './data-stream.ts'
import { IntervalJoin } from './joined-streams.ts'
import { checkFunction, isRichFunction, processBody, processFunctionOf, type RichRowFunction } from './process-body.ts'
import type { BroadcastStream, OutputTag } from './stream.ts'
import { WindowedStream } from './windowed-stream.ts'

/**
 * A stream of records of type `R`, partitioned by a key of type `K`; `KeyRow` are its key columns, where it is keyed by columns. It can do what every
 * stream can; what is computed from it is no longer keyed.
 */
export class KeyedStream<R, K, KeyRow = unknown, Columns = unknown> extends DataStream<R, Columns> {
  override readonly key: KeySpec
  /** @internal The members of records without columns that it was keyed by. */
  readonly members: readonly string[] | undefined
  declare protected readonly keyType: K
  declare protected readonly keyRow: KeyRow
  readonly #before: DataStream<R>

  /**
   * Streams are keyed by {@link DataStream.keyBy}.
   *
   * @param before The stream that was keyed.
   * @param edges As `key` says; with the column of keys behind the records' where a function makes them.
   */
  constructor(before: DataStream<R>, edges: readonly Omit<Edge, 'input'>[], key: KeySpec, members: readonly string[] | undefined) {
    super(before.environment, edges, before.schema)
    this.#before = before
    this.key = key
    this.members = members
  }

  /** One record for each record; an object with a life cycle has state of the record's key. */
  override map<T>(fn: ((record: R) => T) | MapFunction<R, T, KeyedProcessRuntimeContext>): DataStream<T, never> {
    return isRichFunction(fn, 'map') ? this.#rich('Map', fn, OBJECT_SCHEMA as Schema<T>) : super.map(fn)
  }

  /** The records for which the function is true; an object with a life cycle has state of the record's key. */
  override filter(fn: ((record: R) => boolean) | FilterFunction<R, KeyedProcessRuntimeContext>): DataStream<R, Columns> {
    return isRichFunction(fn, 'filter') ? this.#rich('Filter', fn, this.schema) : super.filter(fn)
  }

  /** Any number of records for each record; an object with a life cycle has state of the record's key. */
  override flatMap<T>(fn: ((record: R, out: Collector<T>) => Iterable<T> | void) | FlatMapFunction<R, T, KeyedProcessRuntimeContext>): DataStream<T, never> {
    return isRichFunction(fn, 'flatMap') ? this.#rich('FlatMap', fn, OBJECT_SCHEMA as Schema<T>) : super.flatMap(fn as (record: R) => Iterable<T>)
  }

  /** Calls a function with each record, with state and timers of its key. */
  override process<OUT>(fn: KeyedProcessFunction<K, R, OUT>): DataStream<OUT, never> {
    checkFunction('KeyedProcess', fn, ['processElement'])
    const schema = OBJECT_SCHEMA as Schema<OUT>
    return this.keyedOperator('KeyedProcess', this.#processBody(fn as AnyProcessFunction, schema), schema)
  }

  /** Folds the records of each key; every record is answered by the fold so far. */
  reduce(fn: ReduceFunction<R>): DataStream<R, Columns> {
    return this.#reduce('Reduce', fn, this.schema)
  }

  /**
   * The running sum of a column: the first record of the key with the column replaced. Integers sum up to BIGINT (bigints wrap at 64 bits), floats to
   * DOUBLE, DECIMAL(p, s) to DECIMAL(38, s).
   */
  sum(column: ColumnOf<R, Summable>): DataStream<R, Columns> {
    return this.#rolling('Sum', 'sum', column)
  }

  /** The running minimum of a column: the first record of the key with the column replaced. Text is ordered bytewise. */
  min(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('Min', 'min', column)
  }

  /** The running maximum of a column: the first record of the key with the column replaced. */
  max(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('Max', 'max', column)
  }

  /** The record with the least value of a column so far; of equal ones the first. */
  minBy(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('MinBy', 'minBy', column)
  }

  /** The record with the greatest value of a column so far; of equal ones the first. */
  maxBy(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('MaxBy', 'maxBy', column)
  }

  /** Connects two streams in one function; keyed streams share state by key. */
  override connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<R, B, K>
  override connect<R2, KeyRow2>(other: KeyedStream<R2, K, KeyRow2>): ConnectedStreams<R, R2, K>
  override connect(other: never): never {
    return super.connect(other) as never
  }

  /** Joins by distance in time: `between` follows. */
  intervalJoin<R2, KeyRow2>(other: KeyedStream<R2, K, KeyRow2>): IntervalJoin<R, R2> {
    return new IntervalJoin(this, other)
  }

  /** Windows of `size` records of a key, beginning anew, or every `slide` records over the last `size`. */
  countWindow(size: number, slide?: number): WindowedStream<R, K, KeyRow, GlobalWindow, Columns> {
    const { assigner, trigger, evictor } = countWindows(size, slide)
    const windows = this.window(assigner).trigger(trigger)
    return evictor === undefined ? windows : windows.evictor(evictor as Evictor<R, GlobalWindow>)
  }

  /** Groups the records of each key into windows. */
  window<W extends Window>(assigner: WindowAssigner<R, W>): WindowedStream<R, K, KeyRow, W, Columns> {
    return new WindowedStream(this, { assigner, allowedLatenessMs: 0 })
  }

  /** The side output of the operator in front of the key. */
  override getSideOutput<T>(tag: OutputTag<T>): DataStream<T> {
    return this.#before.getSideOutput(tag)
  }

  /** Ends the stream in a sink; records of one key reach one writer, in order. */
  override sinkTo(sink: Sink): DataStreamSink {
    return this.key.kind === 'columns' ? super.sinkTo(sink) : this.#withoutKey().preparedSink(sink)
  }

  /** @internal Adds an operator that reads this stream with its key, and others beside it. */
  keyedOperator<T, C = unknown>(
    name: string,
    body: TransformationBody,
    schema: Schema<T>,
    others: readonly (readonly Omit<Edge, 'input'>[])[] = [],
  ): DataStream<T, C> {
    // Keyed by nothing, all state is one key's: of the other subtasks none could have it, nor would a restore find whose it is.
    const isOneKey = this.key.kind === 'columns' && this.key.columns.length === 0
    return new DataStream(this.environment, this.edges, this.schema).operator(name, body, schema, others, isOneKey ? 1 : undefined)
  }

  /** @internal */
  override recordEdges(): readonly Omit<Edge, 'input'>[] {
    return this.key.kind === 'columns' ? this.edges : this.#withoutKey().edges
  }

  /** @internal */
  override partitioned(partitioner: Partitioner): readonly Omit<Edge, 'input'>[] {
    if (this.key.kind === 'columns') return super.partitioned(partitioner)
    // The last partitioning counts: records do not travel to the owner of their key first.
    const { environment, schema } = this
    return super.partitioned({ kind: 'forward' }).flatMap((edge) => this.#project(new DataStream(environment, [edge], schema), true).partitioned(partitioner))
  }

  #rich<T, C>(name: string, fn: RichRowFunction, schema: Schema<T>): DataStream<T, C> {
    return this.keyedOperator(name, this.#processBody(processFunctionOf(fn), schema), schema)
  }

  #rolling(name: string, aggregate: RollingAggregate, column: string): DataStream<R, Columns> {
    const reduce = rollingReduce(this.schema, column, aggregate) as unknown as ReduceFunction<R>
    return this.#reduce(`${name}(${column})`, reduce, rollingSchema(this.schema, column, aggregate))
  }

  #reduce(name: string, fn: ReduceFunction<R>, schema: Schema<R>): DataStream<R, Columns> {
    return this.keyedOperator(
      name,
      this.#processBody(() => new RollingReduce(fn, schema), schema),
      schema,
    )
  }

  #processBody(fn: AnyProcessFunction | (() => AnyProcessFunction), schema: Schema): TransformationBody {
    return processBody([{ schema: this.edges[0].schema, key: this.key, method: 'processElement' }], fn, schema)
  }

  /** The records without the hidden key column, for one consumer, whose subtasks own their keys. */
  #withoutKey(): DataStream<R> {
    return this.#project(new DataStream(this.environment, this.edges, this.schema), false)
  }

  /** @param isSender Whether that happens where the keys are made, or where they are wanted. */
  #project(keyed: DataStream<R>, isSender: boolean): DataStream<R> {
    const { schema } = this
    const indexes = schema.fields.map((_, index) => index)
    const create = (): ProjectOperator => new ProjectOperator(schema, indexes)
    const body: TransformationBody = {
      kind: 'operator',
      watermarks: { kind: 'none' },
      needsEventLoop: false,
      [isSender ? 'followsInput' : 'followsOutput']: true,
      create,
    }
    return keyed.operator('Records', body, schema)
  }
}
