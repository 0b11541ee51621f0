// Windows of a keyed stream as users write them. Built-in aggregates over aligned event-time windows run in columns, by slices; everything
// else runs in the general window operator. The answers are the same.

import { PlanError } from '../../base/errors.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { ReduceFunction } from '../../operator/function.ts'
import type { Operator } from '../../operator/operator.ts'
import { type RollingAggregate, rollingReduce, rollingSchema } from '../../operator/process/process-operators.ts'
import {
  CumulativeEventTimeWindows,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  type WindowAssigner,
  WindowStagger,
} from '../../operator/window/assigners.ts'
import type { Evictor } from '../../operator/window/evictors.ts'
import { GeneralWindowOperator, type WindowContents } from '../../operator/window/general-window-operator.ts'
import {
  type AggregateRow,
  type Aggregates,
  type AggregatesOn,
  type ColumnOf,
  type Ordered,
  planAggregates,
  type Summable,
  topN,
  type TopOrder,
} from '../../operator/window/slice-aggregates.ts'
import { SliceWindowOperator, sliceWindowSchema } from '../../operator/window/slice-window-operator.ts'
import { type AlignedWindows, watermarkViewOf } from '../../operator/window/slices.ts'
import { TopRowsOperator, topRowsSchema } from '../../operator/window/top-rows-operator.ts'
import type { Trigger } from '../../operator/window/triggers.ts'
import { TimeWindow, type Window } from '../../operator/window/window.ts'
import type { ProcessWindowFunction } from '../../operator/window/window-function.ts'
import { keyFieldsOf, WINDOW_END, WINDOW_START, windowResultSchema } from '../../operator/window/window-result.ts'
import type { TransformationBody } from '../../plan/transformation.ts'
import type { AggregateFunction } from '../../state/state.ts'
import type { WatermarkView } from '../../time/watermark-view.ts'
import type { DataStream } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'
import { checkFunction } from './process-body.ts'
import type { OutputTag } from './stream.ts'

/** The columns that every result of built-in aggregates over windows of time has beside key and aggregates. */
export interface WindowBounds {
  /** Epoch ms, inclusive. */
  readonly windowStart: number
  /** Epoch ms, exclusive. */
  readonly windowEnd: number
}

/** What a result tells of a window of type `W`: windows of counts and global ones have no bounds. */
export type BoundsOf<W> = W extends TimeWindow ? WindowBounds : unknown

interface WindowSettings<R, W extends Window> {
  readonly assigner: WindowAssigner<R, W>
  readonly trigger?: Trigger<R, W>
  readonly evictor?: Evictor<R, W>
  readonly allowedLatenessMs: number
  readonly lateTag?: OutputTag<R>
}

/**
 * The windows of a keyed stream.
 *
 * @typeParam R The record. @typeParam K The key. @typeParam KeyRow The key columns, for built-in aggregates.
 */
export class WindowedStream<R, K, KeyRow, W extends Window, Columns = unknown> {
  declare protected readonly columns: Columns
  readonly #input: KeyedStream<R, K, KeyRow>
  readonly #settings: WindowSettings<R, W>

  constructor(input: KeyedStream<R, K, KeyRow>, settings: WindowSettings<R, W>) {
    this.#input = input
    this.#settings = settings
  }

  /** Fires as this trigger says instead of the assigner's default. */
  trigger(trigger: Trigger<R, W>): WindowedStream<R, K, KeyRow, W, Columns> {
    return new WindowedStream(this.#input, { ...this.#settings, trigger })
  }

  /** Removes records from a window before (or after) its function sees them; keeps all records of the window. */
  evictor(evictor: Evictor<R, W>): WindowedStream<R, K, KeyRow, W, Columns> {
    return new WindowedStream(this.#input, { ...this.#settings, evictor })
  }

  /** Keeps windows for `latenessMs` behind their end; a late record fires its window again. Event time only. */
  allowedLateness(latenessMs: number): WindowedStream<R, K, KeyRow, W, Columns> {
    return new WindowedStream(this.#input, { ...this.#settings, allowedLatenessMs: latenessMs })
  }

  /** Sends records that are too late for every window to a side output. They are counted in any case. */
  sideOutputLateData(tag: OutputTag<R>): WindowedStream<R, K, KeyRow, W, Columns> {
    return new WindowedStream(this.#input, { ...this.#settings, lateTag: tag })
  }

  /** A user's aggregate: one result per key and window. With a window function: what that makes of the result. */
  aggregate<ACC, OUT>(fn: AggregateFunction<R, ACC, OUT>): DataStream<OUT>
  aggregate<ACC, RESULT, OUT>(fn: AggregateFunction<R, ACC, RESULT>, window: ProcessWindowFunction<RESULT, OUT, K, W>): DataStream<OUT>
  /**
   * Built-in aggregates: a row per key and window with the key columns (`key`, if a function makes the key), `windowStart` and `windowEnd` for
   * windows of time, and one column an aggregate. Aligned event-time windows are computed in columns.
   *
   * @example
   * flights.keyBy('origin').window(TumblingEventTimeWindows.of(hours(1))).aggregate({ flights: count(), meanDelay: avg('delay') })
   */
  aggregate<A extends AggregatesOn<R, Columns>>(aggregates: A): DataStream<KeyRow & BoundsOf<W> & AggregateRow<R, A>>
  aggregate(fn: object, window?: object): unknown {
    if (isAggregateFunction(fn))
      return this.#general('Aggregate', { kind: 'aggregate', aggregate: fn }, window as ProcessWindowFunction<never, unknown> | undefined)
    const { schema, ...body } = this.#builtIn(fn as Aggregates)
    return this.#input.keyedOperator(
      `Window(${nameOf(this.#settings.assigner)})`,
      { kind: 'operator', needsEventLoop: false, givesTimestamps: true, ...body },
      schema,
    )
  }

  /**
   * The `limit` records with the greatest values of a column (or the least, with `order: 'ascending'`), per key and window: whole records, best
   * first, with their `rank` from 1 on. Equal ones keep their order of arrival; NULLs are left out.
   *
   * @throws {PlanError} `DUPLICATE_COLUMN` if the records have a column `rank` already.
   * @example
   * flights.keyBy('origin').window(TumblingEventTimeWindows.of(days(1))).topN(3, 'delay')
   */
  topN(
    limit: number,
    column: [Columns] extends [never] ? never : ColumnOf<R, Ordered>,
    options: { readonly order?: TopOrder } = {},
  ): DataStream<R & { readonly rank: number }> {
    const { schema } = this.#input
    const { watermarks, sides, create } = this.#builtIn({ top: topN(limit, column, options) })
    const body: TransformationBody = {
      kind: 'operator',
      watermarks,
      needsEventLoop: false,
      givesTimestamps: true,
      sides,
      create: () => new TopRowsOperator(create(), schema, limit),
    }
    return this.#input.keyedOperator(`Top(${nameOf(this.#settings.assigner)})`, body, topRowsSchema(schema) as Schema<R & { readonly rank: number }>)
  }

  /** The sum of a column: the first record of each window with the column replaced. Its type is that of the built-in aggregate. */
  sum(column: ColumnOf<R, Summable>): DataStream<R, Columns> {
    return this.#rolling('Sum', 'sum', column)
  }

  /** The least value of a column: the first record of each window with the column replaced. */
  min(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('Min', 'min', column)
  }

  /** The greatest value of a column: the first record of each window with the column replaced. */
  max(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('Max', 'max', column)
  }

  /** The record of each window with the least value of a column; of equal ones the first. */
  minBy(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('MinBy', 'minBy', column)
  }

  /** The record of each window with the greatest value of a column; of equal ones the first. */
  maxBy(column: ColumnOf<R, Ordered>): DataStream<R, Columns> {
    return this.#rolling('MaxBy', 'maxBy', column)
  }

  /** Folds the records of each window to one. With a window function: what that makes of it. */
  reduce(fn: ReduceFunction<R>): DataStream<R, Columns>
  reduce<OUT>(fn: ReduceFunction<R>, window: ProcessWindowFunction<R, OUT, K, W>): DataStream<OUT>
  reduce(fn: ReduceFunction<R>, window?: object): unknown {
    const contents = { kind: 'reduce', reduce: fn } as const
    if (window === undefined) return this.#general('Reduce', contents, undefined, this.#input.schema)
    return this.#general('Reduce', contents, window as ProcessWindowFunction<never, unknown>)
  }

  /** Calls a function with all records of each window. */
  process<OUT>(fn: ProcessWindowFunction<R, OUT, K, W>): DataStream<OUT, never> {
    return this.#general('Process', { kind: 'list' }, fn) as DataStream<OUT, never>
  }

  /** Calls a function with the key, the window and all its records; it returns the results. */
  apply<OUT>(fn: (key: K, window: W, records: readonly R[]) => Iterable<OUT>): DataStream<OUT, never> {
    return this.process({
      process(key, context, elements, out) {
        for (const result of fn(key, context.window, elements)) out.collect(result)
      },
    })
  }

  #rolling(name: string, aggregate: RollingAggregate, column: string): DataStream<R, Columns> {
    const { schema } = this.#input
    const result = rollingSchema(schema, column, aggregate)
    const reduce = rollingReduce(schema, column, aggregate)
    return this.#general(name, { kind: 'reduce', reduce, schema: result }, undefined, result) as DataStream<R, Columns>
  }

  /** The operator of built-in aggregates: the columnar one if it can. */
  #builtIn(aggregates: Aggregates): BuiltInWindows {
    const { assigner, trigger, evictor, allowedLatenessMs, lateTag } = this.#settings
    const { schema, key, members } = this.#input
    if (members !== undefined)
      throw new PlanError('INVALID_AGGREGATE', `Cannot compute built-in aggregates by ${members.join(', ')}: the records have no columns`, {
        hint: 'Declare them in front of keyBy: returns({ ... }).',
      })
    if (lateTag !== undefined && lateTag.schema.toString() !== schema.toString())
      throw new PlanError(
        'SCHEMA_MISMATCH',
        `Cannot send late records to side output "${lateTag.id}": they are ${schema.toString()}, the tag declares ${lateTag.schema.toString()}`,
        { hint: 'Give the tag the schema of the stream: new OutputTag(id, schema).' },
      )
    const sides = lateTag === undefined ? [] : [lateTag]
    const windows = alignedWindowsOf(assigner)
    if (windows !== undefined && trigger === undefined && evictor === undefined && allowedLatenessMs === 0) {
      const options = { inputSchema: schema, key, windows, aggregates, lateOutput: lateTag?.id }
      return { schema: sliceWindowSchema(options), watermarks: watermarkViewOf(windows), sides, create: () => new SliceWindowOperator(options) }
    }
    const { plans } = planAggregates(schema, aggregates, false)
    const hasBounds = (assigner.getWindowSerializer() as unknown) === TimeWindow.serializer
    const result = windowResultSchema(schema, key, hasBounds, plans)
    const fn = resultFunction(
      keyFieldsOf(schema, key).map(({ name }) => name),
      hasBounds,
    )
    return { schema: result, watermarks: { kind: 'every' }, sides, create: this.#generalOperator({ kind: 'builtIn', plans }, fn, result) }
  }

  #general(name: string, contents: WindowContents, fn: ProcessWindowFunction<never, unknown> | undefined, schema: Schema = OBJECT_SCHEMA): DataStream<unknown> {
    if (fn !== undefined || contents.kind === 'list') checkFunction(`${name}(${nameOf(this.#settings.assigner)})`, fn, ['process'])
    const body = (result: Schema): TransformationBody => ({
      kind: 'operator',
      watermarks: { kind: 'every' },
      needsEventLoop: false,
      givesTimestamps: true,
      sides: 'any',
      withSchema: body,
      create: this.#generalOperator(contents, fn, result),
    })
    return this.#input.keyedOperator(`${name}(${nameOf(this.#settings.assigner)})`, body(schema), schema)
  }

  /** @throws {PlanError} `INVALID_WINDOW` if the settings do not go together. */
  #generalOperator(contents: WindowContents, fn: ProcessWindowFunction<never, unknown> | undefined, outputSchema: Schema): () => Operator {
    const { assigner, trigger, evictor, allowedLatenessMs, lateTag } = this.#settings
    const { schema, key } = this.#input
    const create = (): Operator =>
      new GeneralWindowOperator({
        // No key column: all records share the windows.
        inputs: [{ schema, key: key.kind === 'columns' && key.columns.length === 0 ? undefined : key }],
        outputSchema,
        assigner,
        ...(trigger && { trigger }),
        ...(evictor && { evictor }),
        contents,
        ...(fn && { function: fn }),
        allowedLatenessMs,
        lateOutputs: [lateTag],
      })
    // Made once here for its checks.
    create()
    return create
  }
}

/** How built-in aggregates are computed. */
interface BuiltInWindows {
  readonly schema: Schema
  readonly watermarks: WatermarkView
  readonly sides: readonly OutputTag<unknown>[]
  readonly create: () => Operator
}

/** Puts the key and the bounds of the window in front of the aggregates. */
function resultFunction(keyNames: readonly string[], hasBounds: boolean): ProcessWindowFunction<never, unknown> {
  return {
    process(key: unknown, { window }, elements: readonly object[], out) {
      const row: Record<string, unknown> = {}
      if (keyNames.length === 1) row[keyNames[0]] = key
      else keyNames.forEach((name, index) => (row[name] = (key as readonly unknown[])[index]))
      if (hasBounds) {
        row[WINDOW_START] = (window as TimeWindow).start
        row[WINDOW_END] = (window as TimeWindow).end
      }
      out.collect(Object.assign(row, elements[0]))
    },
  }
}

function isAggregateFunction(value: object): value is AggregateFunction<never, never, unknown> {
  return 'createAccumulator' in value && typeof value.createAccumulator === 'function'
}

/** The assigner's windows as slices know them; undefined if they are not aligned in event time. */
function alignedWindowsOf(assigner: unknown): AlignedWindows | undefined {
  if (assigner instanceof TumblingEventTimeWindows)
    return assigner.stagger === WindowStagger.ALIGNED ? { kind: 'tumbling', sizeMs: assigner.sizeMs, offsetMs: assigner.offsetMs } : undefined
  if (assigner instanceof SlidingEventTimeWindows) return { kind: 'sliding', sizeMs: assigner.sizeMs, slideMs: assigner.slideMs, offsetMs: assigner.offsetMs }
  if (assigner instanceof CumulativeEventTimeWindows)
    return { kind: 'cumulative', sizeMs: assigner.maxSizeMs, stepMs: assigner.stepMs, offsetMs: assigner.offsetMs }
  return undefined
}

/** How an assigner is shown: its own text if it has one, else its class. */
function nameOf(assigner: object): string {
  const text = (assigner as { toString(): string }).toString()
  return text === '[object Object]' ? assigner.constructor.name : text
}
