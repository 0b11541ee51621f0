// Joins of two keyed streams: by window (coGroup, join) and by distance in time (intervalJoin).

import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { IntervalJoinOperator, type ProcessJoinFunction } from '../../operator/join/interval-join-operator.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import { type CoGroupFunction, coGroupOfJoin, CoGroupOperator, type JoinFunction } from '../../operator/window/co-group-operator.ts'
import type { Trigger } from '../../operator/window/triggers.ts'
import type { Window } from '../../operator/window/window.ts'
import type { TransformationBody } from '../../plan/transformation.ts'
import type { DataStream } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'
import type { OutputTag } from './stream.ts'

interface WindowJoinSettings<R1, R2> {
  readonly assigner: WindowAssigner<never, Window>
  readonly trigger?: Trigger<never, never>
  readonly allowedLatenessMs: number
  readonly lateLeftOutput?: OutputTag<R1>
  readonly lateRightOutput?: OutputTag<R2>
}

/** Two keyed streams, grouped by key and window. */
export class WindowJoinedStreams<R1, R2> {
  readonly #left: KeyedStream<R1, unknown>
  readonly #right: KeyedStream<R2, unknown>
  readonly #settings: WindowJoinSettings<R1, R2>

  constructor(left: KeyedStream<R1, unknown>, right: KeyedStream<R2, unknown>, settings: WindowJoinSettings<R1, R2>) {
    this.#left = left
    this.#right = right
    this.#settings = settings
  }

  trigger(trigger: Trigger<R1 | R2, Window>): WindowJoinedStreams<R1, R2> {
    return new WindowJoinedStreams(this.#left, this.#right, { ...this.#settings, trigger: trigger })
  }

  allowedLateness(latenessMs: number): WindowJoinedStreams<R1, R2> {
    return new WindowJoinedStreams(this.#left, this.#right, { ...this.#settings, allowedLatenessMs: latenessMs })
  }

  /** Sends left records that are too late for every window to a side output. They are counted in any case. */
  sideOutputLeftLateData(tag: OutputTag<R1>): WindowJoinedStreams<R1, R2> {
    return new WindowJoinedStreams(this.#left, this.#right, { ...this.#settings, lateLeftOutput: tag })
  }

  sideOutputRightLateData(tag: OutputTag<R2>): WindowJoinedStreams<R1, R2> {
    return new WindowJoinedStreams(this.#left, this.#right, { ...this.#settings, lateRightOutput: tag })
  }

  /** Calls a function with all records of both streams of each key and window, also where one has none. */
  coGroup<OUT>(fn: CoGroupFunction<R1, R2, OUT>): DataStream<OUT> {
    return this.#apply('CoGroup', fn)
  }

  /** Calls a function with every pair of each key and window. */
  join<OUT>(fn: JoinFunction<R1, R2, OUT> | ((left: R1, right: R2) => OUT)): DataStream<OUT> {
    return this.#apply('WindowJoin', coGroupOfJoin(fn))
  }

  #apply<OUT>(name: string, fn: CoGroupFunction<R1, R2, OUT>): DataStream<OUT> {
    const left = this.#left
    const right = this.#right
    const settings = this.#settings
    const body = (schema: Schema): TransformationBody => ({
      kind: 'operator',
      watermarks: { kind: 'every' },
      needsEventLoop: false,
      givesTimestamps: true,
      sides: 'any',
      withSchema: body,
      create: () =>
        new CoGroupOperator({
          left: { schema: left.schema, key: left.key },
          right: { schema: right.schema, key: right.key },
          outputSchema: schema,
          function: fn,
          ...settings,
        }),
    })
    return left.operator(name, body(OBJECT_SCHEMA), OBJECT_SCHEMA as Schema<OUT>, [right.edges])
  }
}

interface IntervalSettings<R1, R2> {
  readonly lowerBoundMs: number
  readonly upperBoundMs: number
  readonly lowerBoundExclusive?: boolean
  readonly upperBoundExclusive?: boolean
  readonly lateLeftOutput?: OutputTag<R1>
  readonly lateRightOutput?: OutputTag<R2>
}

/** Pairs of records of one key whose distance in time lies in an interval: right.time in [left.time + lower, left.time + upper]. */
export class IntervalJoinedStreams<R1, R2> {
  readonly #left: KeyedStream<R1, unknown>
  readonly #right: KeyedStream<R2, unknown>
  readonly #settings: IntervalSettings<R1, R2>

  constructor(left: KeyedStream<R1, unknown>, right: KeyedStream<R2, unknown>, settings: IntervalSettings<R1, R2>) {
    this.#left = left
    this.#right = right
    this.#settings = settings
  }

  lowerBoundExclusive(): IntervalJoinedStreams<R1, R2> {
    return new IntervalJoinedStreams(this.#left, this.#right, { ...this.#settings, lowerBoundExclusive: true })
  }

  upperBoundExclusive(): IntervalJoinedStreams<R1, R2> {
    return new IntervalJoinedStreams(this.#left, this.#right, { ...this.#settings, upperBoundExclusive: true })
  }

  /** Sends left records that are behind the watermark to a side output. They are counted in any case. */
  sideOutputLeftLateData(tag: OutputTag<R1>): IntervalJoinedStreams<R1, R2> {
    return new IntervalJoinedStreams(this.#left, this.#right, { ...this.#settings, lateLeftOutput: tag })
  }

  sideOutputRightLateData(tag: OutputTag<R2>): IntervalJoinedStreams<R1, R2> {
    return new IntervalJoinedStreams(this.#left, this.#right, { ...this.#settings, lateRightOutput: tag })
  }

  /** Calls a function with each pair, when the later of the two comes. */
  process<OUT>(fn: ProcessJoinFunction<R1, R2, OUT>): DataStream<OUT> {
    const left = this.#left
    const right = this.#right
    const settings = this.#settings
    const body = (schema: Schema): TransformationBody => ({
      kind: 'operator',
      watermarks: { kind: 'every' },
      needsEventLoop: false,
      sides: 'any',
      withSchema: body,
      create: () =>
        new IntervalJoinOperator({
          left: { schema: left.schema, key: left.key },
          right: { schema: right.schema, key: right.key },
          outputSchema: schema,
          function: fn,
          ...settings,
        }),
    })
    const result = body(OBJECT_SCHEMA)
    // Made once here for its checks.
    if (result.kind === 'operator') result.create({ kind: 'none' })
    return left.operator('IntervalJoin', result, OBJECT_SCHEMA as Schema<OUT>, [right.edges])
  }
}
