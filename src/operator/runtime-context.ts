// The part of an operator's context that user functions see.

import type { RuntimeContext } from './function.ts'
import type { OperatorContext } from './operator.ts'

export function runtimeContextOf(context: OperatorContext): RuntimeContext {
  return {
    operatorName: context.operatorName,
    subtaskIndex: context.subtaskIndex,
    parallelism: context.parallelism,
    metrics: context.metrics,
    log: (message) => context.log(message),
    option: (key) => context.option(key),
  }
}
