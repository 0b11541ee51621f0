// Two streams of different records that meet in one function.

import { PlanError } from '../../base/errors.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { BroadcastProcessFunction, Collector, CoProcessFunction, KeyedBroadcastProcessFunction, KeyedCoProcessFunction } from '../../operator/function.ts'
import type { AnyProcessFunction, ProcessInput } from '../../operator/process/process-operator.ts'
import { DataStream } from './data-stream.ts'
import { processBody } from './process-body.ts'
import type { BroadcastStream, Stream } from './stream.ts'

/** A stream and where its key lies, if it has one. */
export interface ConnectedInput<R> {
  readonly stream: Stream<R>
  readonly key: KeySpec | undefined
  /** The states of a broadcast stream. */
  readonly states?: ProcessInput['states']
}

function connect<OUT>(
  name: string,
  inputs: readonly [ConnectedInput<never>, ConnectedInput<never>],
  methods: readonly [ProcessInput['method'], ProcessInput['method']],
  fn: AnyProcessFunction,
): DataStream<OUT> {
  const [first, second] = inputs
  const described = inputs.map(({ stream, key, states }, index): ProcessInput => ({ schema: stream.edges[0].schema, key, method: methods[index], states }))
  const schema = OBJECT_SCHEMA as Schema<OUT>
  return new DataStream(first.stream.environment, first.stream.edges, first.stream.schema).operator(name, processBody(described, fn, schema), schema, [
    second.stream.edges,
  ])
}

/** Two connected streams: both keyed (state is shared by key), or neither. */
export class ConnectedStreams<R1, R2, K> {
  readonly #first: ConnectedInput<R1>
  readonly #second: ConnectedInput<R2>

  /** @throws {PlanError} If one is keyed and the other is not. */
  constructor(first: ConnectedInput<R1>, second: ConnectedInput<R2>) {
    if ((first.key === undefined) !== (second.key === undefined))
      throw new PlanError('INVALID_CONNECT', 'Cannot connect a keyed stream with one that is not keyed', {
        hint: 'Key both streams, or neither; to give every record of one to all subtasks, broadcast it with a state descriptor.',
      })
    this.#first = first
    this.#second = second
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
  readonly #first: ConnectedInput<R>
  readonly #broadcast: ConnectedInput<B>

  constructor(first: ConnectedInput<R>, broadcast: BroadcastStream<B>) {
    this.#first = first
    this.#broadcast = { stream: broadcast, key: undefined, states: broadcast.states }
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
