// Windows of a keyed stream as users write them. Built-in aggregates over aligned event-time windows run in columns, by slices; everything
// else runs in the general window operator. The answers are the same.

import { PlanError } from '../../base/errors.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { ReduceFunction } from '../../operator/function.ts'
import { CumulativeEventTimeWindows, SlidingEventTimeWindows, TumblingEventTimeWindows, type WindowAssigner } from '../../operator/window/assigners.ts'
import type { Evictor } from '../../operator/window/evictors.ts'
import { GeneralWindowOperator, type WindowContents } from '../../operator/window/general-window-operator.ts'
import type { AggregateRow, Aggregates } from '../../operator/window/slice-aggregates.ts'
import { SliceWindowOperator, sliceWindowSchema } from '../../operator/window/slice-window-operator.ts'
import { type AlignedWindows, watermarkViewOf } from '../../operator/window/slices.ts'
import type { Trigger } from '../../operator/window/triggers.ts'
import type { Window } from '../../operator/window/window.ts'
import type { ProcessWindowFunction } from '../../operator/window/window-function.ts'
import type { TransformationBody } from '../../plan/transformation.ts'
import type { AggregateFunction } from '../../state/state.ts'
import type { DataStream } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'
import type { OutputTag } from './stream.ts'

/** The columns that every built-in window result has beside key and aggregates. */
export interface WindowBounds {
  /** Epoch ms, inclusive. */
  readonly windowStart: number
  /** Epoch ms, exclusive. */
  readonly windowEnd: number
}

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
export class WindowedStream<R, K, KeyRow, W extends Window> {
  readonly #input: KeyedStream<R, K, KeyRow>
  readonly #settings: WindowSettings<R, W>

  constructor(input: KeyedStream<R, K, KeyRow>, settings: WindowSettings<R, W>) {
    this.#input = input
    this.#settings = settings
  }

  /** Fires as this trigger says instead of the assigner's default. */
  trigger(trigger: Trigger<R, W>): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this.#input, { ...this.#settings, trigger })
  }

  /** Removes records from a window before (or after) its function sees them; keeps all records of the window. */
  evictor(evictor: Evictor<R, W>): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this.#input, { ...this.#settings, evictor })
  }

  /** Keeps windows for `latenessMs` behind their end; a late record fires its window again. Event time only. */
  allowedLateness(latenessMs: number): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this.#input, { ...this.#settings, allowedLatenessMs: latenessMs })
  }

  /** Sends records that are too late for every window to a side output. They are counted in any case. */
  sideOutputLateData(tag: OutputTag<R>): WindowedStream<R, K, KeyRow, W> {
    return new WindowedStream(this.#input, { ...this.#settings, lateTag: tag })
  }

  /**
   * Built-in aggregates: a row per key and window with the key columns, `windowStart`, `windowEnd`, and one column an aggregate.
   *
   * @example
   * flights.keyBy('origin').window(TumblingEventTimeWindows.of(hours(1))).aggregate({ flights: count(), meanDelay: avg('delay') })
   */
  aggregate<A extends Aggregates>(aggregates: A): DataStream<KeyRow & WindowBounds & AggregateRow<A>>
  /** A user's aggregate: one result per key and window. With a window function: what that makes of the result. */
  aggregate<ACC, OUT>(fn: AggregateFunction<R, ACC, OUT>): DataStream<OUT>
  aggregate<ACC, RESULT, OUT>(fn: AggregateFunction<R, ACC, RESULT>, window: ProcessWindowFunction<RESULT, OUT, K, W>): DataStream<OUT>
  aggregate(fn: object, window?: object): unknown {
    if (isAggregateFunction(fn))
      return this.#general('Aggregate', { kind: 'aggregate', aggregate: fn }, window as ProcessWindowFunction<never, unknown> | undefined)
    return this.#builtIn(fn as Aggregates)
  }

  /** Folds the records of each window to one. With a window function: what that makes of it. */
  reduce(fn: ReduceFunction<R>): DataStream<R>
  reduce<OUT>(fn: ReduceFunction<R>, window: ProcessWindowFunction<R, OUT, K, W>): DataStream<OUT>
  reduce(fn: ReduceFunction<R>, window?: object): unknown {
    return this.#general('Reduce', { kind: 'reduce', reduce: fn }, window as ProcessWindowFunction<never, unknown> | undefined)
  }

  /** Calls a function with all records of each window. */
  process<OUT>(fn: ProcessWindowFunction<R, OUT, K, W>): DataStream<OUT> {
    return this.#general('Process', { kind: 'list' }, fn) as DataStream<OUT>
  }

  /** Calls a function with the key, the window and all its records; it returns the results. */
  apply<OUT>(fn: (key: K, window: W, records: readonly R[]) => Iterable<OUT>): DataStream<OUT> {
    return this.process({
      process(key, context, elements, out) {
        for (const result of fn(key, context.window, elements)) out.collect(result)
      },
    })
  }

  #builtIn(aggregates: Aggregates): DataStream<unknown> {
    const { assigner, trigger, evictor, allowedLatenessMs, lateTag } = this.#settings
    const windows = alignedWindowsOf(assigner)
    const input = this.#input
    if (windows === undefined || trigger !== undefined || evictor !== undefined || allowedLatenessMs > 0)
      throw new PlanError(
        'INVALID_AGGREGATE',
        `Cannot compute built-in aggregates over ${nameOf(assigner)} with these settings: they need tumbling, sliding or cumulative event-time windows without trigger, evictor and lateness`,
        {
          hint: 'Use an AggregateFunction, reduce() or process() here.',
        },
      )
    const options = { inputSchema: input.schema, key: input.key, windows, aggregates, lateOutput: lateTag?.id }
    const schema = sliceWindowSchema(options)
    return input.operator(
      `Window(${nameOf(assigner)})`,
      { kind: 'operator', watermarks: watermarkViewOf(windows), needsEventLoop: false, givesTimestamps: true, create: () => new SliceWindowOperator(options) },
      schema,
    )
  }

  #general(name: string, contents: WindowContents, fn: ProcessWindowFunction<never, unknown> | undefined): DataStream<unknown> {
    const { assigner, trigger, evictor, allowedLatenessMs, lateTag } = this.#settings
    const input = this.#input
    const body = (schema: Schema): TransformationBody => ({
      kind: 'operator',
      watermarks: { kind: 'every' },
      needsEventLoop: false,
      givesTimestamps: true,
      withSchema: body,
      create: () =>
        new GeneralWindowOperator({
          // No key column: all records share the windows.
          inputs: [{ schema: input.schema, key: input.key.kind === 'columns' && input.key.columns.length === 0 ? undefined : input.key }],
          outputSchema: schema,
          assigner: assigner,
          ...(trigger && { trigger: trigger }),
          ...(evictor && { evictor: evictor }),
          contents,
          ...(fn && { function: fn }),
          allowedLatenessMs,
          lateOutputs: [lateTag],
        }),
    })
    // Made once here for its checks.
    const result = body(OBJECT_SCHEMA)
    if (result.kind === 'operator') result.create({ kind: 'none' })
    return input.operator(`${name}(${nameOf(assigner)})`, result, OBJECT_SCHEMA)
  }
}

function isAggregateFunction(value: object): value is AggregateFunction<never, never, unknown> {
  return 'createAccumulator' in value && typeof value.createAccumulator === 'function'
}

/** The assigner's windows as slices know them; undefined if they are not aligned in event time. */
function alignedWindowsOf(assigner: unknown): AlignedWindows | undefined {
  if (assigner instanceof TumblingEventTimeWindows) return { kind: 'tumbling', sizeMs: assigner.sizeMs, offsetMs: assigner.offsetMs }
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
