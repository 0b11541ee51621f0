// Streams partitioned by key: state, timers and windows are per key.

import type { KeySpec } from '../../batch/key-spec.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { callbackSink } from '../../connector/collection/callback-sink.ts'
import type { KeyedProcessFunction, ReduceFunction } from '../../operator/function.ts'
import { ProjectOperator } from '../../operator/basic/project-operator.ts'
import type { Sink } from '../../operator/sink.ts'
import type { AnyProcessFunction } from '../../operator/process/process-operator.ts'
import { type RollingAggregate, rollingReduce, RollingReduce, rollingSchema } from '../../operator/process/process-operators.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import { countWindows } from '../../operator/window/count-windows.ts'
import type { Evictor } from '../../operator/window/evictors.ts'
import type { ColumnOf, Ordered, Summable } from '../../operator/window/slice-aggregates.ts'
import type { GlobalWindow, Window } from '../../operator/window/window.ts'
import type { Edge, TransformationBody } from '../../plan/transformation.ts'
import { BroadcastConnectedStream, type ConnectedInput, ConnectedStreams } from './connected-streams.ts'
import { DataStream, type DataStreamSink } from './data-stream.ts'
import type { StreamExecutionEnvironment } from './environment.ts'
import { IntervalJoinedStreams, WindowJoinedStreams } from './joined-streams.ts'
import { processBody } from './process-body.ts'
import { BroadcastStream, Stream } from './stream.ts'
import { WindowedStream } from './windowed-stream.ts'

/**
 * A stream of records of type `R`, partitioned by a key of type `K`; `KeyRow` are its key columns, where it is keyed by columns.
 */
export class KeyedStream<R, K, KeyRow = unknown> extends Stream<R> {
  readonly key: KeySpec
  declare protected readonly keyType: K
  declare protected readonly keyRow: KeyRow

  constructor(environment: StreamExecutionEnvironment, schema: Schema<R>, edges: readonly Omit<Edge, 'input'>[], key: KeySpec) {
    super(environment, schema, edges)
    this.key = key
  }

  /** Calls a function with each record, with state and timers of its key. */
  process<OUT>(fn: KeyedProcessFunction<K, R, OUT>): DataStream<OUT> {
    const schema = OBJECT_SCHEMA as Schema<OUT>
    return this.operator('KeyedProcess', this.#processBody(fn as AnyProcessFunction, schema), schema)
  }

  /** Folds the records of each key; every record is answered by the fold so far. */
  reduce(fn: ReduceFunction<R>): DataStream<R> {
    return this.#reduce('Reduce', fn, this.schema)
  }

  /**
   * The running sum of a column: the first record of the key with the column replaced. Integers sum up to BIGINT (bigints wrap at 64 bits), floats to
   * DOUBLE, DECIMAL(p, s) to DECIMAL(38, s).
   */
  sum(column: ColumnOf<R, Summable>): DataStream<R> {
    return this.#rolling('Sum', 'sum', column)
  }

  /** The running minimum of a column: the first record of the key with the column replaced. Text is ordered bytewise. */
  min(column: ColumnOf<R, Ordered>): DataStream<R> {
    return this.#rolling('Min', 'min', column)
  }

  /** The running maximum of a column: the first record of the key with the column replaced. */
  max(column: ColumnOf<R, Ordered>): DataStream<R> {
    return this.#rolling('Max', 'max', column)
  }

  /** The record with the least value of a column so far; of equal ones the first. */
  minBy(column: ColumnOf<R, Ordered>): DataStream<R> {
    return this.#rolling('MinBy', 'minBy', column)
  }

  /** The record with the greatest value of a column so far; of equal ones the first. */
  maxBy(column: ColumnOf<R, Ordered>): DataStream<R> {
    return this.#rolling('MaxBy', 'maxBy', column)
  }

  /** Connects two streams in one function; keyed streams share state by key. */
  connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<R, B, K>
  connect<R2>(other: KeyedStream<R2, K>): ConnectedStreams<R, R2, K>
  connect(other: object): unknown {
    const first = { stream: this, key: this.key }
    return other instanceof BroadcastStream
      ? new BroadcastConnectedStream(first, other)
      : new ConnectedStreams(first, connectedInputOf(other as Stream<unknown>))
  }

  /** Groups the records of both streams by key and window: `coGroup` or `join` follows. */
  joinWindow<R2>(other: KeyedStream<R2, K>, assigner: WindowAssigner<NoInfer<R | R2>, Window>): WindowJoinedStreams<R, R2> {
    return new WindowJoinedStreams(this, other, { assigner: assigner, allowedLatenessMs: 0 })
  }

  /** Joins by distance in time: the other record's time lies in [own + lower, own + upper], both in ms. */
  intervalJoin<R2>(other: KeyedStream<R2, K>, lowerBoundMs: number, upperBoundMs: number): IntervalJoinedStreams<R, R2> {
    return new IntervalJoinedStreams(this, other, { lowerBoundMs, upperBoundMs })
  }

  /** Windows of `size` records of a key, beginning anew, or every `slide` records over the last `size`. */
  countWindow(size: number, slide?: number): WindowedStream<R, K, KeyRow, GlobalWindow> {
    const { assigner, trigger, evictor } = countWindows(size, slide)
    const windows = this.window(assigner).trigger(trigger)
    return evictor === undefined ? windows : windows.evictor(evictor as Evictor<R, GlobalWindow>)
  }

  /** Groups the records of each key into windows. */
  window<W extends Window>(assigner: WindowAssigner<R, W>): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this, { assigner, allowedLatenessMs: 0 })
  }

  /** Ends the stream in a sink; records of one key reach one writer, in order. */
  sinkTo(sink: Sink): DataStreamSink {
    return this.key.kind === 'columns' ? this.#records().sinkTo(sink) : this.#records().preparedSink(sink)
  }

  /** Calls a function with every record, on the subtask that owns its key. */
  forEach(callback: (record: R) => void): DataStreamSink {
    return this.sinkTo(callbackSink(callback)).name('ForEach')
  }

  /** @internal Adds an operator that reads this stream, and others beside it. */
  operator<T>(name: string, body: TransformationBody, schema: Schema<T>, others: readonly (readonly Omit<Edge, 'input'>[])[] = []): DataStream<T> {
    return new DataStream(this.environment, this.edges, this.schema).operator(name, body, schema, others)
  }

  #rolling(name: string, aggregate: RollingAggregate, column: string): DataStream<R> {
    const reduce = rollingReduce(this.schema, column, aggregate) as unknown as ReduceFunction<R>
    return this.#reduce(`${name}(${column})`, reduce, rollingSchema(this.schema, column, aggregate))
  }

  #reduce(name: string, fn: ReduceFunction<R>, schema: Schema<R>): DataStream<R> {
    return this.operator(
      name,
      this.#processBody(() => new RollingReduce(fn, schema) as AnyProcessFunction, schema),
      schema,
    )
  }

  #processBody(fn: AnyProcessFunction | (() => AnyProcessFunction), schema: Schema): TransformationBody {
    return processBody([{ schema: this.edges[0].schema, key: this.key, method: 'processElement' }], fn, schema)
  }

  /** The records without the hidden key column, where the subtasks that own their keys see them. */
  #records(): DataStream<R> {
    const { environment, edges, schema, key } = this
    const keyed = new DataStream(environment, edges, schema)
    if (key.kind === 'columns') return keyed
    const indexes = schema.fields.map((_, index) => index)
    return keyed.operator(
      'Records',
      { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create: () => new ProjectOperator(schema, indexes) },
      schema,
    )
  }
}

/** A stream as one of two inputs: with its key, if it is keyed. */
export function connectedInputOf<R>(stream: Stream<R>): ConnectedInput<R> {
  return { stream, key: stream instanceof KeyedStream ? (stream as KeyedStream<R, unknown>).key : undefined }
}
