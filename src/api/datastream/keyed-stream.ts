// Streams partitioned by key: state, timers and windows are per key.

import type { KeySpec } from '../../batch/key-spec.ts'
import type { Schema } from '../../batch/types.ts'
import { callbackSink } from '../../connector/collection/callback-sink.ts'
import { ProjectOperator } from '../../operator/basic/project-operator.ts'
import type { Sink } from '../../operator/sink.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import type { Window } from '../../operator/window/window.ts'
import type { Edge, TransformationBody } from '../../plan/transformation.ts'
import { DataStream, type DataStreamSink } from './data-stream.ts'
import type { StreamExecutionEnvironment } from './environment.ts'
import { Stream } from './stream.ts'
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

  /** Groups the records of each key into windows. */
  window<W extends Window>(assigner: WindowAssigner<R, W>): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this, { assigner, allowedLatenessMs: 0 })
  }

  /** Ends the stream in a sink; records of one key reach one writer, in order. */
  sinkTo(sink: Sink): DataStreamSink {
    return this.#records().sinkTo(sink)
  }

  /** Calls a function with every record, on the subtask that owns its key. */
  forEach(callback: (record: R) => void): DataStreamSink {
    return this.sinkTo(callbackSink(callback)).name('ForEach')
  }

  /** @internal Adds an operator that reads this stream, and others beside it. */
  operator<T>(name: string, body: TransformationBody, schema: Schema<T>, others: readonly (readonly Omit<Edge, 'input'>[])[] = []): DataStream<T> {
    return new DataStream(this.environment, this.edges, this.schema).operator(name, body, schema, others)
  }

  /** The records without the hidden key column, where the subtasks that own their keys see them. */
  #records(): DataStream<R> {
    const { environment, edges, schema, key } = this
    const keyed = new DataStream(environment, edges, schema)
    if (key.kind === 'columns') return keyed
    const indexes = schema.fields.map((_, index) => index)
    return keyed.operator('Records', { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create: () => new ProjectOperator(schema, indexes) }, schema)
  }
}
