// What all streams have in common. Apart from data-stream.ts and keyed-stream.ts, which make each other.

import type { KeySpec } from '../../batch/key-spec.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { BAD_RECORD_SCHEMA, BAD_RECORDS_SIDE } from '../../format/bad-records.ts'
import type { Edge } from '../../plan/transformation.ts'
import type { MapStateDescriptor } from '../../state/state.ts'
import type { StreamExecutionEnvironment } from './environment.ts'

/** Names a side output and its record type. */
export class OutputTag<T> {
  readonly id: string
  readonly schema: Schema<T>

  constructor(id: string, schema: Schema<T> = OBJECT_SCHEMA as Schema<T>) {
    this.id = id
    this.schema = schema
  }
}

/** The side output of records that a source could not read, under the policy `dead-letter`. */
export const BAD_RECORDS = new OutputTag(BAD_RECORDS_SIDE, BAD_RECORD_SCHEMA)

/** What every stream can do: it is the output of a transformation, read through some partitioning. */
export abstract class Stream<R> {
  readonly environment: StreamExecutionEnvironment
  readonly schema: Schema<R>
  /** Where the key lies in what the edges carry, if the stream is keyed. */
  readonly key: KeySpec | undefined = undefined
  /** Edges that a consumer of this stream gets; several for a union. */
  readonly edges: readonly Omit<Edge, 'input'>[]

  constructor(environment: StreamExecutionEnvironment, schema: Schema<R>, edges: readonly Omit<Edge, 'input'>[]) {
    this.environment = environment
    this.schema = schema
    this.edges = edges
  }
}

/** A stream whose records every subtask sees; connect it with another one. */
export class BroadcastStream<R> extends Stream<R> {
  /** Tells it from streams of every other kind, to the compiler too. */
  readonly isBroadcast = true
  /** The broadcast states that its function keeps. */
  readonly states: readonly MapStateDescriptor<unknown, unknown>[]

  constructor(
    environment: StreamExecutionEnvironment,
    schema: Schema<R>,
    edges: readonly Omit<Edge, 'input'>[],
    states: readonly MapStateDescriptor<unknown, unknown>[],
  ) {
    super(environment, schema, edges)
    this.states = states
  }
}
