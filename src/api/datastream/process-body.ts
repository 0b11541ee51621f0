// The transformation of a process function, of any kind. Plain data for the planner.

import type { Schema } from '../../batch/types.ts'
import { type AnyProcessFunction, type ProcessInput, ProcessOperator } from '../../operator/process/process-operator.ts'
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
