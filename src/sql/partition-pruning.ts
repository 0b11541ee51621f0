// Finds out which partitions of tables nobody asks for: by conditions on the columns that the tables are partitioned by.

import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { columnsOf, replaceColumns } from './expressions.ts'
import type { LogicalPlan, ScanPlan } from './logical-plan.ts'
import { isFixed, scanConditions } from './scan-conditions.ts'

/** What must hold of the values of the partition columns, in the order of PARTITIONED BY: all of one of these lists. */
export type PartitionConditions = readonly (readonly BoundExpression[])[]

/** By table; without an entry all partitions are asked for. */
export function partitionConditions(plans: readonly LogicalPlan[]): ReadonlyMap<CatalogTable, PartitionConditions> {
  return scanConditions(plans, ofPartition)
}

/** A condition on partition columns alone, over these; nothing for others, and for those that may be answered otherwise next time. */
function ofPartition(condition: BoundExpression, { table, places }: ScanPlan): BoundExpression | undefined {
  const keys = table.definition.partitionedBy.map(({ name }) => name)
  const columns = [...columnsOf(condition)]
  const keyOf = (column: number): number => keys.indexOf(table.columns[places[column]].name)
  if (columns.length === 0 || columns.some((column) => keyOf(column) < 0) || !isFixed(condition)) return undefined
  return replaceColumns(condition, (column) => ({ ...column, index: keyOf(column.index) }))
}
