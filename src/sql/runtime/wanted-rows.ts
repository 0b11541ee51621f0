// Which rows of tables of stores are asked for: comparisons of a stored column with a constant, which the store may answer. All of them are looked at
// once more behind the source.

import { type LogicalType, sameType, withNullability } from '../../batch/types.ts'
import { SCAN_OPERATORS, type ScanCondition, type ScanOperator, type ScanQuery } from '../../connector/lookup/scan-table.ts'
import type { BoundExpression } from '../bound-expression.ts'
import type { CatalogTable } from '../catalog.ts'
import { columnsOf } from '../expressions.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { interpret } from '../interpreter.ts'
import type { LogicalPlan, ScanPlan } from '../logical-plan.ts'
import { isFixed, scanConditions } from '../scan-conditions.ts'
import type { SessionContext } from './sql-operator.ts'

const MIRRORED: Readonly<Record<string, ScanOperator>> = { '=': '=', '<>': '<>', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/** By table of connector 'jdbc'; without an entry all rows are asked for. */
export function wantedRows(plans: readonly LogicalPlan[], session: SessionContext): ReadonlyMap<CatalogTable, ScanQuery['wanted']> {
  const context = { ...session, nowMs: () => 0, watermarkMs: () => -Infinity }
  return scanConditions(plans, (condition, plan) => (plan.table.options.get('connector') === 'jdbc' ? conditionOf(condition, plan, context) : undefined))
}

function conditionOf(condition: BoundExpression, plan: ScanPlan, context: EvaluationContext): ScanCondition | undefined {
  if (condition.kind !== 'call' || !isFixed(condition)) return undefined
  const { name, operands } = condition
  const [left, right] = operands
  if (!SCAN_OPERATORS.some((operator) => operator === name)) return undefined
  const operator = name as ScanOperator
  if (right === undefined) {
    const column = storedColumn(left, plan)
    return column && { column, operator, value: undefined }
  }
  return compared(left, operator, right, plan, context) ?? compared(right, MIRRORED[operator], left, plan, context)
}

function compared(of: BoundExpression, operator: ScanOperator, value: BoundExpression, plan: ScanPlan, context: EvaluationContext): ScanCondition | undefined {
  const column = storedColumn(of, plan)
  if (column === undefined || columnsOf(value).size > 0 || !isSame(column.type, value.type)) return undefined
  let constant
  try {
    constant = interpret(value, context)([])
  } catch {
    // Whoever computes it of a row says what is wrong.
    return undefined
  }
  // A text that a column's type may cut is longer than the type says.
  if (constant === null || (column.type.kind === 'VARCHAR' && (constant as string).length >= column.type.length)) return undefined
  return { column, operator, value: constant }
}

function storedColumn(expression: BoundExpression, { table, places }: ScanPlan): ScanCondition['column'] | undefined {
  const column = expression.kind === 'column' ? table.columns[places[expression.index]] : undefined
  return column === undefined || column.computed !== undefined ? undefined : { name: column.name, type: column.type }
}

/** Whether values are compared as they are. */
function isSame(column: LogicalType, value: LogicalType): boolean {
  if (column.kind === 'VARCHAR') return value.kind === 'VARCHAR' || value.kind === 'CHAR'
  return sameType(withNullability(column, true), withNullability(value, true))
}
