// Finds out which rows of tables anybody asks for: by conditions that stand above all that reads them.

import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { columnsOf, conjunctsOf, replaceColumns } from './expressions.ts'
import { scalarCodeOf } from './functions/functions.ts'
import type { LogicalPlan, ScanPlan } from './logical-plan.ts'
import { inputsOf } from './plans.ts'

/**
 * What must hold of rows of tables that somebody looks at: all of one of these lists. Without an entry all rows are asked for.
 *
 * @param of What is taken of a condition over the columns of a scan; undefined: nothing.
 */
export function scanConditions<T>(
  plans: readonly LogicalPlan[],
  of: (condition: BoundExpression, plan: ScanPlan) => T | undefined,
): ReadonlyMap<CatalogTable, readonly (readonly T[])[]> {
  const found = new Map<CatalogTable, T[][]>()
  const visit = (plan: ScanPlan, conditions: readonly BoundExpression[]): void => {
    const reads = found.get(plan.table) ?? []
    reads.push(conditions.flatMap((condition) => of(condition, plan) ?? []))
    found.set(plan.table, reads)
  }
  for (const plan of plans) walk(plan, [], visit)
  // Who asks for everything, asks for what the others leave out too.
  return new Map([...found].filter(([, reads]) => reads.every((conditions) => conditions.length > 0)))
}

/** @param conditions Hold of all rows of the plan that anybody looks at. */
function walk(plan: LogicalPlan, conditions: readonly BoundExpression[], visit: (plan: ScanPlan, conditions: readonly BoundExpression[]) => void): void {
  switch (plan.kind) {
    case 'scan':
      return visit(plan, conditions)
    case 'filter':
      return walk(plan.input, [...conditions, ...conjunctsOf(plan.condition)], visit)
    case 'project':
      return walk(
        plan.input,
        conditions.map((condition) => replaceColumns(condition, ({ index }) => plan.expressions[index])),
        visit,
      )
    case 'join': {
      const width = plan.left.columns.length
      const { type, strategy } = plan
      const isOf = (condition: BoundExpression, isLeft: boolean): boolean => [...columnsOf(condition)].every((column) => column < width === isLeft)
      const left = type === 'RIGHT' || type === 'FULL' ? [] : conditions.filter((condition) => isOf(condition, true))
      // Of versions the one that holds may be one for which a condition does not.
      const takesRight = (type === 'INNER' || type === 'RIGHT') && strategy.kind !== 'temporal'
      const right = takesRight ? conditions.filter((condition) => isOf(condition, false)) : []
      walk(plan.left, left, visit)
      walk(
        plan.right,
        right.map((condition) => replaceColumns(condition, (column) => ({ ...column, index: column.index - width }))),
        visit,
      )
      return
    }
    default:
      for (const input of inputsOf(plan)) walk(input, [], visit)
  }
}

/** Whether an expression has the same value each time that it is computed of the same columns. */
export function isFixed(expression: BoundExpression): boolean {
  switch (expression.kind) {
    case 'literal':
    case 'column':
      return true
    case 'cast':
      return isFixed(expression.operand)
    case 'case':
      return isFixed(expression.otherwise) && expression.branches.every(({ when, result }) => isFixed(when) && isFixed(result))
    case 'call':
      return (
        scalarCodeOf(expression)?.isDeterministic !== false &&
        expression.operands.every(isFixed) &&
        expression.clauses.every(({ value }) => value === undefined || isFixed(value))
      )
  }
}
