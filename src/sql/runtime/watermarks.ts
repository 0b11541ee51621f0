// The watermark generators of WATERMARK clauses.

import type { Schema } from '../../batch/types.ts'
import type { WatermarkStrategySpec } from '../../time/watermark-strategy.ts'
import type { BoundExpression } from '../bound-expression.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { interpret } from '../interpreter.ts'
import { splitTimestamp } from '../times.ts'
import { rowOf } from './row-codec.ts'

/**
 * The generator of a watermark expression: one that stays a constant behind the column where it says so, else one that computes it of each row, where
 * NULL is no watermark.
 *
 * @param column The place of the time attribute.
 */
export function boundOf(expression: BoundExpression, column: number, schema: Schema, context: EvaluationContext): WatermarkStrategySpec['generator'] {
  if (isColumn(expression, column)) return { kind: 'bounded', boundMs: 0 }
  if (expression.kind === 'call' && expression.name === '-' && isColumn(expression.operands[0], column)) {
    const [, behind] = expression.operands
    if (behind.kind === 'literal' && behind.type.kind === 'INTERVAL_DAY_TIME' && typeof behind.value === 'number' && behind.value >= 0)
      return { kind: 'bounded', boundMs: behind.value }
  }
  const evaluate = interpret(expression, context)
  return {
    kind: 'custom',
    create: () => ({
      onEvent(record: never): number | undefined {
        const value = evaluate(rowOf(schema, record))
        return value === null ? undefined : splitTimestamp(value as number | bigint).ms
      },
    }),
  }
}

function isColumn(expression: BoundExpression, index: number): boolean {
  return expression.kind === 'column' && expression.index === index
}
