// The transformation of a process function, of any kind. Plain data for the planner.

import { PlanError } from '../../base/errors.ts'
import type { Schema } from '../../batch/types.ts'
import { type Collector, type FilterFunction, type FlatMapFunction, type MapFunction, type ProcessFunction, refusePromise } from '../../operator/function.ts'
import { type AnyProcessFunction, type ProcessInput, ProcessOperator } from '../../operator/process/process-operator.ts'
import { ownFunction } from '../../operator/window/own-function.ts'
import type { TransformationBody } from '../../plan/transformation.ts'

/**
 * @param inputs Keyed inputs first, as the operator wants them.
 * @param fn The user's function, or what makes one of our own for each subtask.
 */
export function processBody(inputs: readonly ProcessInput[], fn: AnyProcessFunction | (() => AnyProcessFunction), schema: Schema): TransformationBody {
  return {
    kind: 'operator',
    watermarks: { kind: 'every' },
    needsEventLoop: false,
    sides: 'any',
    withSchema: (declared) => processBody(inputs, fn, declared),
    create: () => new ProcessOperator(inputs, typeof fn === 'function' ? fn() : fn, schema),
  }
}

/**
 * Refuses what is no function with a life cycle: programs in JavaScript may give anything.
 *
 * @param methods What it must have.
 * @throws {PlanError} `INVALID_FUNCTION`
 */
export function checkFunction(operatorName: string, fn: unknown, methods: readonly string[]): void {
  const isObject = typeof fn === 'object' && fn !== null
  const missing = methods.find((method) => !isObject || typeof (fn as Record<string, unknown>)[method] !== 'function')
  if (missing === undefined) return
  const expected = methods.map((method) => `${method}(...)`).join(' and ')
  const given = isObject ? `an object without ${missing}` : fn === null ? 'null' : typeof fn
  throw new PlanError('INVALID_FUNCTION', `Cannot add ${operatorName}: expected an object with ${expected}, got ${given}`, {
    ...(typeof fn === 'function' && { hint: `Give the function as a method: { ${methods[0]}(...) { ... } }, or an instance of the class.` }),
  })
}

/** Functions of records as the API takes them with a life cycle. */
export type RichRowFunction = MapFunction<never, unknown, never> | FilterFunction<never, never> | FlatMapFunction<never, unknown, never>

/** Whether a function was given as an object with a life cycle; `method` is what it must have. */
export function isRichFunction(fn: unknown, method: 'map' | 'filter' | 'flatMap'): fn is RichRowFunction {
  return typeof fn === 'object' && fn !== null && typeof (fn as Record<string, unknown>)[method] === 'function'
}

/** The process functions that such a function is: makes one for each subtask. */
export function processFunctionOf(fn: RichRowFunction): () => AnyProcessFunction {
  return () => {
    const own = ownFunction(fn) as MapFunction<unknown, unknown> & FilterFunction<unknown> & FlatMapFunction<unknown, unknown>
    const process: ProcessFunction<unknown, unknown> = {
      open: (context) => own.open?.(context),
      close: () => own.close?.(),
      processElement:
        typeof own.map === 'function'
          ? (value, _context, out) => out.collect(own.map(value))
          : typeof own.filter === 'function'
            ? (value, _context, out) => {
                const isKept = own.filter(value)
                refusePromise(isKept)
                if (isKept) out.collect(value)
              }
            : (value, _context, out) => collectAll(own.flatMap(value, out), out),
    }
    return process
  }
}

function collectAll(values: Iterable<unknown> | void, out: Collector<unknown>): void {
  refusePromise(values)
  if (values !== undefined && values !== null) for (const value of values) out.collect(value)
}
