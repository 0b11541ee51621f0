// Joins of two streams: by window (join, coGroup) and by distance in time (intervalJoin), step by step as in Flink. Each step is a new object.

import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { Collector } from '../../operator/function.ts'
import { IntervalJoinOperator, type ProcessJoinFunction } from '../../operator/join/interval-join-operator.ts'
import type { WindowAssigner } from '../../operator/window/assigners.ts'
import { type CoGroupFunction, coGroupOfJoin, CoGroupOperator, type JoinFunction } from '../../operator/window/co-group-operator.ts'
import type { Trigger } from '../../operator/window/triggers.ts'
import type { Window } from '../../operator/window/window.ts'
import type { TransformationBody } from '../../plan/transformation.ts'
import type { DataStream, KeyOfColumns } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'
import { checkFunction } from './process-body.ts'
import type { OutputTag } from './stream.ts'

/** What differs between join and coGroup: the stream that its windows become. */
type Windows<J> = (left: KeyedStream<never, unknown>, right: KeyedStream<never, unknown>, settings: WindowJoinSettings) => J

/** Two streams that are to meet by key and window: `where` says the key of the first. */
class Joining<R1, R2, J> {
  readonly #left: DataStream<R1>
  readonly #right: DataStream<R2>
  readonly #windows: Windows<J>

  protected constructor(left: DataStream<R1>, right: DataStream<R2>, windows: Windows<J>) {
    this.#left = left
    this.#right = right
    this.#windows = windows
  }

  /** The key of the first stream: columns by name, or a function. */
  where<const C extends readonly [keyof R1 & string, ...(keyof R1 & string)[]]>(...columns: C): JoinWhere<R1, R2, KeyOfColumns<R1, C>, J>
  where<Key>(selector: (record: R1) => Key): JoinWhere<R1, R2, Key, J>
  where(...key: readonly never[]): unknown {
    return new JoinWhere<R1, R2, never, J>(this.#left.keyBy(...(key as readonly [never])) as unknown as KeyedStream<never, unknown>, this.#right, this.#windows)
  }
}

/** Holds where a key is of the type that the first stream's has. Of the whole step `S`, as `Returned` is of the whole stream. */
type Matching<S, KEY> = S extends JoinWhere<infer _R1, infer _R2, infer K, infer _J> ? ([KEY] extends [K] ? unknown : never) : never

/** The key of the first stream is known: `equalTo` says that of the second. */
export class JoinWhere<R1, R2, K, J> {
  readonly #left: KeyedStream<never, unknown>
  readonly #right: DataStream<R2>
  readonly #windows: Windows<J>

  constructor(left: KeyedStream<never, unknown>, right: DataStream<R2>, windows: Windows<J>) {
    this.#left = left
    this.#right = right
    this.#windows = windows
  }

  /** The key of the second stream, of the same type. */
  equalTo<const C extends readonly [keyof R2 & string, ...(keyof R2 & string)[]], S = JoinWhere<R1, R2, K, J>>(
    this: S & Matching<S, KeyOfColumns<R2, C>>,
    ...columns: C
  ): JoinEqualTo<R1, R2, J>
  equalTo(selector: (record: R2) => K): JoinEqualTo<R1, R2, J>
  equalTo(...key: readonly never[]): unknown {
    return new JoinEqualTo<R1, R2, J>(this.#left, this.#right.keyBy(...(key as readonly [never])) as unknown as KeyedStream<never, unknown>, this.#windows)
  }
}

/** Both keys are known: `window` follows. */
export class JoinEqualTo<R1, R2, J> {
  readonly #left: KeyedStream<never, unknown>
  readonly #right: KeyedStream<never, unknown>
  readonly #windows: Windows<J>

  constructor(left: KeyedStream<never, unknown>, right: KeyedStream<never, unknown>, windows: Windows<J>) {
    this.#left = left
    this.#right = right
    this.#windows = windows
  }

  /** The windows in which records meet. */
  window(assigner: WindowAssigner<NoInfer<R1 | R2>, Window>): J {
    return this.#windows(this.#left, this.#right, { assigner, allowedLatenessMs: 0 })
  }
}

/** Two streams that are to be joined: `where(...).equalTo(...).window(...).apply(...)`. */
export class JoinedStreams<R1, R2> extends Joining<R1, R2, WindowJoinedStreams<R1, R2>> {
  constructor(left: DataStream<R1>, right: DataStream<R2>) {
    super(left, right, (...windows) => new WindowJoinedStreams(...windows))
  }
}

/** Two streams whose records are to be brought together: `where(...).equalTo(...).window(...).apply(...)`. */
export class CoGroupedStreams<R1, R2> extends Joining<R1, R2, WindowCoGroupedStreams<R1, R2>> {
  constructor(left: DataStream<R1>, right: DataStream<R2>) {
    super(left, right, (...windows) => new WindowCoGroupedStreams(...windows))
  }
}

interface WindowJoinSettings {
  readonly assigner: WindowAssigner<never, Window>
  readonly trigger?: Trigger<never, never>
  readonly allowedLatenessMs: number
  readonly lateLeftOutput?: OutputTag<unknown>
  readonly lateRightOutput?: OutputTag<unknown>
}

/** What windows of both kinds share. */
abstract class WindowsOfTwo<R1, R2> {
  readonly #left: KeyedStream<never, unknown>
  readonly #right: KeyedStream<never, unknown>
  readonly #settings: WindowJoinSettings

  constructor(left: KeyedStream<never, unknown>, right: KeyedStream<never, unknown>, settings: WindowJoinSettings) {
    this.#left = left
    this.#right = right
    this.#settings = settings
  }

  /** Fires as this trigger says instead of the assigner's default. */
  trigger(trigger: Trigger<R1 | R2, Window>): this {
    return this.#with({ trigger })
  }

  /** Keeps windows for `latenessMs` behind their end; a late record fires its window again. */
  allowedLateness(latenessMs: number): this {
    return this.#with({ allowedLatenessMs: latenessMs })
  }

  /** Sends left records that are too late for every window to a side output. They are counted in any case. */
  sideOutputLeftLateData(tag: OutputTag<R1>): this {
    return this.#with({ lateLeftOutput: tag })
  }

  sideOutputRightLateData(tag: OutputTag<R2>): this {
    return this.#with({ lateRightOutput: tag })
  }

  protected applied<OUT>(name: string, fn: CoGroupFunction<R1, R2, OUT>): DataStream<OUT> {
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
    return left.keyedOperator(name, body(OBJECT_SCHEMA), OBJECT_SCHEMA as Schema<OUT>, [right.edges])
  }

  #with(settings: Partial<WindowJoinSettings>): this {
    const Windows = this.constructor as new (...parts: ConstructorParameters<typeof WindowJoinedStreams>) => this
    return new Windows(this.#left, this.#right, { ...this.#settings, ...settings })
  }
}

/** Two streams joined by key and window: `apply` follows. */
export class WindowJoinedStreams<R1, R2> extends WindowsOfTwo<R1, R2> {
  /** Calls a function with every pair of each key and window: it returns a record, or collects any number of them. */
  apply<OUT>(fn: JoinFunction<R1, R2, OUT> | ((left: R1, right: R2, out: Collector<OUT>) => OUT | void)): DataStream<OUT> {
    return this.applied('WindowJoin', coGroupOfJoin(fn))
  }
}

/** Two streams brought together by key and window: `apply` follows. */
export class WindowCoGroupedStreams<R1, R2> extends WindowsOfTwo<R1, R2> {
  /** Calls a function with all records of both streams of each key and window, also where one has none. */
  apply<OUT>(fn: CoGroupFunction<R1, R2, OUT>): DataStream<OUT> {
    return this.applied('CoGroup', fn)
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

/** Two keyed streams that are to be joined by distance in time: `between` says which. */
export class IntervalJoin<R1, R2> {
  readonly #left: KeyedStream<R1, unknown>
  readonly #right: KeyedStream<R2, unknown>

  constructor(left: KeyedStream<R1, unknown>, right: KeyedStream<R2, unknown>) {
    this.#left = left
    this.#right = right
  }

  /** The time of the right record lies in [left + lower, left + upper], both in ms. */
  between(lowerBoundMs: number, upperBoundMs: number): IntervalJoinedStreams<R1, R2> {
    return new IntervalJoinedStreams(this.#left, this.#right, { lowerBoundMs, upperBoundMs })
  }
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
    checkFunction('IntervalJoin', fn, ['processElement'])
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
    return left.keyedOperator('IntervalJoin', result, OBJECT_SCHEMA as Schema<OUT>, [right.edges])
  }
}
