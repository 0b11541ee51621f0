// Finds out which partitions of tables nobody asks for: by conditions on the columns that the tables are partitioned by.

import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { columnsOf, conjunctsOf, replaceColumns } from './expressions.ts'
import { scalarCodeOf } from './functions/functions.ts'
import type { LogicalPlan, ScanPlan } from './logical-plan.ts'
import { inputsOf } from './plans.ts'

/** What must hold of the values of the partition columns, in the order of PARTITIONED BY: all of one of these lists. */
export type PartitionConditions = readonly (readonly BoundExpression[])[]

/** By table; without an entry all partitions are asked for. */
export function partitionConditions(plans: readonly LogicalPlan[]): ReadonlyMap<CatalogTable, PartitionConditions> {
  const found = new Map<CatalogTable, BoundExpression[][]>()
  for (const plan of plans) walk(plan, [], found)
  // Who asks for everything, asks for what the others leave out too.
  return new Map([...found].filter(([, reads]) => reads.every((conditions) => conditions.length > 0)))
}

/** @param conditions Hold of all rows of the plan that anybody looks at. */
function walk(plan: LogicalPlan, conditions: readonly BoundExpression[], found: Map<CatalogTable, BoundExpression[][]>): void {
  switch (plan.kind) {
    case 'scan': {
      const reads = found.get(plan.table) ?? []
      reads.push(conditions.flatMap((condition) => ofPartition(condition, plan)))
      found.set(plan.table, reads)
      return
    }
    case 'filter':
      return walk(plan.input, [...conditions, ...conjunctsOf(plan.condition)], found)
    case 'project':
      return walk(
        plan.input,
        conditions.map((condition) => replaceColumns(condition, ({ index }) => plan.expressions[index])),
        found,
      )
    case 'join': {
      const width = plan.left.columns.length
      const { type } = plan
      const isOf = (condition: BoundExpression, isLeft: boolean): boolean => [...columnsOf(condition)].every((column) => column < width === isLeft)
      const left = type === 'RIGHT' || type === 'FULL' ? [] : conditions.filter((condition) => isOf(condition, true))
      const right = type === 'INNER' || type === 'RIGHT' ? conditions.filter((condition) => isOf(condition, false)) : []
      walk(plan.left, left, found)
      walk(
        plan.right,
        right.map((condition) => replaceColumns(condition, (column) => ({ ...column, index: column.index - width }))),
        found,
      )
      return
    }
    default:
      for (const input of inputsOf(plan)) walk(input, [], found)
  }
}

/** A condition on partition columns alone, over these; nothing for others, and for those that may be answered otherwise next time. */
function ofPartition(condition: BoundExpression, { table, places }: ScanPlan): BoundExpression[] {
  const keys = table.definition.partitionedBy.map(({ name }) => name)
  const columns = [...columnsOf(condition)]
  const keyOf = (column: number): number => keys.indexOf(table.columns[places[column]].name)
  if (columns.length === 0 || columns.some((column) => keyOf(column) < 0) || !isFixed(condition)) return []
  return [replaceColumns(condition, (column) => ({ ...column, index: keyOf(column.index) }))]
}

function isFixed(expression: BoundExpression): boolean {
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
