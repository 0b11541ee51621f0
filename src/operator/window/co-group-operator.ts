// Window coGroup and window join: the records of two streams that have the same key and fall into the same window, side by side. A window
// operator with two inputs; joins are coGroups that pair. Runs on the worker's thread.

import type { Schema } from '../../batch/types.ts'
import type { Collector, OutputTag, RichFunction } from '../function.ts'
import type { WindowAssigner } from './assigners.ts'
import { GeneralWindowOperator } from './general-window-operator.ts'
import type { KeyedRowInput } from '../keyed-row-operator.ts'
import { ownFunction } from './own-function.ts'
import type { Trigger } from './triggers.ts'
import type { ProcessWindowContext, ProcessWindowFunction } from './window-function.ts'
import type { Window } from './window.ts'

/** Evaluates the records of two streams that share key and window. */
export interface CoGroupFunction<IN1, IN2, OUT> extends RichFunction {
  /** Called at each firing; one of the lists may be empty. Records are in order of arrival; the function may keep them. */
  coGroup(first: readonly IN1[], second: readonly IN2[], out: Collector<OUT>, context: ProcessWindowContext): void
}

/** Makes records of a pair. */
export interface JoinFunction<IN1, IN2, OUT> extends RichFunction {
  /** Returns the pair's record, or collects any number of them and returns nothing. */
  join(first: IN1, second: IN2, out: Collector<OUT>): OUT | void
}

/** The coGroup of an inner join: every pair of a window, in order of arrival of the first, then of the second. Made once for each operator. */
export function coGroupOfJoin<IN1, IN2, OUT>(join: JoinFunction<IN1, IN2, OUT> | JoinFunction<IN1, IN2, OUT>['join']): CoGroupFunction<IN1, IN2, OUT> {
  const fn: JoinFunction<IN1, IN2, OUT> = typeof join === 'function' ? { join } : ownFunction(join)
  return {
    open: (context) => fn.open?.(context),
    close: () => fn.close?.(),
    coGroup(first, second, out) {
      for (const left of first)
        for (const right of second) {
          const joined = fn.join(left, right, out)
          if (joined !== undefined) out.collect(joined)
        }
    },
  }
}

/** A coGroup's description. */
export interface CoGroupOptions {
  readonly left: KeyedRowInput
  readonly right: KeyedRowInput
  readonly outputSchema: Schema
  readonly assigner: WindowAssigner<never, Window>
  /** @default the assigner's */
  readonly trigger?: Trigger<never, never>
  readonly function: CoGroupFunction<never, never, unknown>
  /** @default 0 */
  readonly allowedLatenessMs?: number
  /** Where records go that are too late for every window; they are counted in any case. */
  readonly lateLeftOutput?: OutputTag
  readonly lateRightOutput?: OutputTag
}

/** Groups the records of two streams by key and window. */
export class CoGroupOperator extends GeneralWindowOperator {
  /** @throws {PlanError} `INVALID_WINDOW` if the parts do not go together. */
  constructor(options: CoGroupOptions) {
    const { left, right, outputSchema, assigner, trigger, allowedLatenessMs } = options
    super({
      inputs: [left, right],
      outputSchema,
      assigner,
      ...(trigger && { trigger }),
      contents: { kind: 'coGroup' },
      function: windowFunctionOf(options.function),
      allowedLatenessMs: allowedLatenessMs ?? 0,
      lateOutputs: [options.lateLeftOutput, options.lateRightOutput],
    })
  }
}

function windowFunctionOf(given: CoGroupFunction<unknown, unknown, unknown>): ProcessWindowFunction<readonly unknown[], unknown> {
  const fn = ownFunction(given)
  return {
    open: (context) => fn.open?.(context),
    close: () => fn.close?.(),
    process(_key, context, [first, second], out) {
      return fn.coGroup(first, second, out, context)
    },
  }
}
