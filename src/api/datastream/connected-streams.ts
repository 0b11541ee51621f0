// Two streams of different records that meet in one function.

import { PlanError } from '../../base/errors.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { BroadcastProcessFunction, Collector, CoProcessFunction, KeyedBroadcastProcessFunction, KeyedCoProcessFunction } from '../../operator/function.ts'
import type { AnyProcessFunction, ProcessInput } from '../../operator/process/process-operator.ts'
import { DataStream, type KeyOfColumns } from './data-stream.ts'
import { checkFunction, processBody } from './process-body.ts'
import { BroadcastStream, type Stream } from './stream.ts'

function connect<OUT>(
  name: string,
  inputs: readonly [Stream<never>, Stream<never>],
  methods: readonly [ProcessInput['method'], ProcessInput['method']],
  fn: AnyProcessFunction,
): DataStream<OUT> {
  checkFunction(name, fn, methods)
  const [first, second] = inputs
  const described = inputs.map((stream, index): ProcessInput => ({
    schema: stream.edges[0].schema,
    key: stream.key,
    method: methods[index],
    states: stream instanceof BroadcastStream ? stream.states : undefined,
  }))
  const schema = OBJECT_SCHEMA as Schema<OUT>
  return new DataStream(first.environment, first.edges, first.schema).operator(name, processBody(described, fn, schema), schema, [second.edges])
}

/** Holds where a key has the type of the other one. */
type Keyed<KEY, OTHER> = [KEY] extends [OTHER] ? unknown : never

type KeyArgument = string | readonly string[] | ((record: never) => unknown)

function keyed<R>(stream: DataStream<R>, key: KeyArgument): DataStream<R> {
  if (typeof key === 'function') return stream.keyBy(key as (record: R) => unknown)
  const [first, ...rest] = (typeof key === 'string' ? [key] : key) as (keyof R & string)[]
  return stream.keyBy(first, ...rest)
}

/** Two connected streams: both keyed (state is shared by key), or neither. */
export class ConnectedStreams<R1, R2, K> {
  readonly #first: DataStream<R1>
  readonly #second: DataStream<R2>

  /** @throws {PlanError} If one is keyed and the other is not. */
  constructor(first: DataStream<R1>, second: DataStream<R2>) {
    if ((first.key === undefined) !== (second.key === undefined))
      throw new PlanError('INVALID_CONNECT', 'Cannot connect a keyed stream with one that is not keyed', {
        hint: 'Key both streams, or neither; to give every record of one to all subtasks, broadcast it with a state descriptor.',
      })
    this.#first = first
    this.#second = second
  }

  /** Keys both streams: by a column of each, by as many of each, or by functions; state is then shared by key. */
  keyBy<C1 extends keyof R1 & string, C2 extends keyof R2 & string>(first: C1, second: C2 & Keyed<R2[C2], R1[C1]>): ConnectedStreams<R1, R2, R1[C1]>
  keyBy<const C1 extends readonly (keyof R1 & string)[], const C2 extends readonly (keyof R2 & string)[] & { readonly length: C1['length'] }>(
    first: C1,
    second: C2,
  ): ConnectedStreams<R1, R2, KeyOfColumns<R1, C1>>
  keyBy<Key>(first: (record: R1) => Key, second: (record: R2) => Key): ConnectedStreams<R1, R2, Key>
  keyBy(first: KeyArgument, second: KeyArgument): ConnectedStreams<R1, R2, never> {
    return new ConnectedStreams<R1, R2, never>(keyed(this.#first, first), keyed(this.#second, second))
  }

  /** One function for the records of both; with state and timers per key if the streams are keyed. */
  process<OUT>(fn: [K] extends [never] ? CoProcessFunction<R1, R2, OUT> : KeyedCoProcessFunction<K, R1, R2, OUT>): DataStream<OUT> {
    return connect('CoProcess', [this.#first as never, this.#second as never], ['processElement1', 'processElement2'], fn as AnyProcessFunction)
  }

  /** A function for each stream, with results of one type. */
  map<OUT>(first: (record: R1) => OUT, second: (record: R2) => OUT): DataStream<OUT> {
    return this.#process({
      processElement1: (record, _context, out) => out.collect(first(record)),
      processElement2: (record, _context, out) => out.collect(second(record)),
    })
  }

  /** A function for each stream that makes any number of results. */
  flatMap<OUT>(first: (record: R1, out: Collector<OUT>) => void, second: (record: R2, out: Collector<OUT>) => void): DataStream<OUT> {
    return this.#process({
      processElement1: (record, _context, out) => first(record, out),
      processElement2: (record, _context, out) => second(record, out),
    })
  }

  /** The operator calls the same methods, keyed or not. */
  #process<OUT>(fn: CoProcessFunction<R1, R2, OUT>): DataStream<OUT> {
    return connect('CoProcess', [this.#first as never, this.#second as never], ['processElement1', 'processElement2'], fn as AnyProcessFunction)
  }
}

/** A stream connected with a broadcast stream, whose records every subtask sees. */
export class BroadcastConnectedStream<R, B, K> {
  readonly #first: DataStream<R>
  readonly #broadcast: BroadcastStream<B>

  constructor(first: DataStream<R>, broadcast: BroadcastStream<B>) {
    this.#first = first
    this.#broadcast = broadcast
  }

  /** One function for both: only the broadcast side may change broadcast state. */
  process<OUT>(fn: [K] extends [never] ? BroadcastProcessFunction<R, B, OUT> : KeyedBroadcastProcessFunction<K, R, B, OUT>): DataStream<OUT> {
    return connect(
      'BroadcastProcess',
      [this.#first as never, this.#broadcast as never],
      ['processElement', 'processBroadcastElement'],
      fn as AnyProcessFunction,
    )
  }
}
