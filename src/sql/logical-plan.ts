// What a query means: a tree of relations, each with its columns. Made by the binder, changed by the optimiser.

import type { Field } from '../batch/types.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'

/** A relation. Expressions name columns of the input by their places. */
export type LogicalPlan = ScanPlan | ValuesPlan | ProjectPlan | FilterPlan | AggregatePlan | JoinPlan | SetPlan | SortPlan

interface Relation {
  readonly columns: readonly Field[]
}

/** All rows of a table, with all of its columns. */
export interface ScanPlan extends Relation {
  readonly kind: 'scan'
  readonly table: CatalogTable
}

/** Rows of constants. */
export interface ValuesPlan extends Relation {
  readonly kind: 'values'
  readonly rows: readonly (readonly BoundExpression[])[]
}

export interface ProjectPlan extends Relation {
  readonly kind: 'project'
  readonly input: LogicalPlan
  readonly expressions: readonly BoundExpression[]
}

/** The rows for which a condition is TRUE. */
export interface FilterPlan extends Relation {
  readonly kind: 'filter'
  readonly input: LogicalPlan
  readonly condition: BoundExpression
}

/** A row for each group of rows that agree in all keys: the keys, then the aggregates. Without keys there is one group. */
export interface AggregatePlan extends Relation {
  readonly kind: 'aggregate'
  readonly input: LogicalPlan
  readonly keys: readonly BoundExpression[]
  readonly aggregates: readonly BoundAggregate[]
}

/** Pairs of rows for which a condition over the columns of both is TRUE; of outer sides also rows without a partner, beside NULLs. */
export interface JoinPlan extends Relation {
  readonly kind: 'join'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL'
  readonly left: LogicalPlan
  readonly right: LogicalPlan
  /** Undefined: all pairs. */
  readonly condition: BoundExpression | undefined
}

/** The rows of two inputs, whose columns have the same types, as multisets (`all`) or sets. */
export interface SetPlan extends Relation {
  readonly kind: 'set operation'
  readonly operator: 'UNION' | 'INTERSECT' | 'EXCEPT'
  readonly all: boolean
  readonly left: LogicalPlan
  readonly right: LogicalPlan
}

/** Rows in an order, or the first of them. */
export interface SortPlan extends Relation {
  readonly kind: 'sort'
  readonly input: LogicalPlan
  readonly keys: readonly { readonly expression: BoundExpression; readonly descending: boolean; readonly nullsFirst: boolean }[]
  readonly offset: number
  /** How many behind the offset; undefined: all. */
  readonly fetch: number | undefined
}
