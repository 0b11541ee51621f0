// What a query means: a tree of relations, each with its columns. Made by the binder, changed by the optimiser.

import type { RowKind } from '../batch/record-batch.ts'
import type { Field } from '../batch/types.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import type { CatalogTable, Origin } from './catalog.ts'
import type { LookupHint } from './lookup-hint.ts'

/** A relation. Expressions name columns of the input by their places. */
export type LogicalPlan =
  | ScanPlan
  | ValuesPlan
  | ProjectPlan
  | FilterPlan
  | AggregatePlan
  | ExpandPlan
  | JoinPlan
  | SetPlan
  | SortPlan
  | WindowPlan
  | OverPlan
  | RankPlan
  | UnnestPlan
  | ChangelogPlan
  | LateRowsPlan

/** A column, and what time has to do with it. */
export interface PlanColumn extends Field {
  /** It is a time attribute: watermarks are about it, or it is the time of the machine. */
  readonly time?: 'event' | 'processing' | undefined
  /** It says which window a row is in. */
  readonly window?: WindowColumn | undefined
}

/** The column of a window table function: the beginning, the end, or the last instant of a window. */
export interface WindowColumn {
  readonly of: WindowSpec
  /** `key`: sessions are of each of its values. */
  readonly part: 'start' | 'end' | 'time' | 'key'
}

/** How windows lie, in milliseconds. Of one object columns of one function tell that they belong together. */
export interface WindowSpec {
  readonly kind: 'TUMBLE' | 'HOP' | 'CUMULATE' | 'SESSION'
  /** The longest window; of a session the gap. */
  readonly sizeMs: number
  /** From the beginning of one window to that of the next (HOP), from one end to the next (CUMULATE). */
  readonly stepMs: number
  readonly offsetMs: number
  /** Whether windows are of the time of the machine. */
  readonly time: 'event' | 'processing'
  /** Whether times are instants, and windows lie as clocks on the wall show them. */
  readonly isLocal: boolean
  /** How many columns sessions are of each value of. */
  readonly keyCount: number
  /** Whether it was said in GROUP BY. */
  readonly isLegacy: boolean
}

interface Relation {
  readonly columns: readonly PlanColumn[]
  /** The view that this is the query of, for who names it. */
  readonly view?: string
  /** Where it was written. Its own expressions and calls have their places in the same text; 0 to 0 for those that nobody has written. */
  readonly origin?: Origin | undefined
  /** Of operators that find rows late: who reads them, by input. */
  readonly late?: readonly (LateOutput | undefined)[]
}

/** Late rows that somebody reads. */
export interface LateOutput {
  readonly id: string
  /** The columns of the input that they have; behind them stand the operator, the watermark and how late they are. */
  readonly kept: readonly number[]
  readonly columns: readonly PlanColumn[]
}

/** All rows of a table. */
export interface ScanPlan extends Relation {
  readonly kind: 'scan'
  readonly table: CatalogTable
  /** Which of the table's columns these are: a query may leave some out, and name them anew. */
  readonly places: readonly number[]
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
  /** Nobody has written it: of the columns that a table is read with for all, it leaves those that are asked for here. */
  readonly isNarrowing?: true
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
  /** Groups of windows: which keys are their beginning and end. Their results come when the windows end. */
  readonly window: { readonly spec: WindowSpec; readonly start: number; readonly end: number } | undefined
  /** How long a group is kept that nothing comes to, in ms; 0: for ever. Undefined: as long as the job says. Windows end by themselves. */
  readonly ttlMs?: number
}

/** Each row once for each set of keys: its columns, then the keys, NULL where the set does not have them, then the number of the set. */
export interface ExpandPlan extends Relation {
  readonly kind: 'expand'
  readonly input: LogicalPlan
  readonly keys: readonly BoundExpression[]
  readonly sets: readonly (readonly boolean[])[]
}

/** How a join is done: without bounds, within bounds of time, window by window, or as of a time. */
export type JoinStrategy =
  | { readonly kind: 'regular' }
  /** right time in [left time + lower, left time + upper]. */
  | {
      readonly kind: 'interval'
      readonly leftTime: number
      readonly rightTime: number
      readonly lowerMs: number
      readonly upperMs: number
      readonly time: 'event' | 'processing'
    }
  | { readonly kind: 'window'; readonly leftEnd: number; readonly rightEnd: number }
  /** The version of the right side's row that holds at the time of the left one. */
  | { readonly kind: 'temporal'; readonly leftTime: number; readonly rightTime: number }
  /** The rows that a table has for the values of the left row when that comes. */
  | { readonly kind: 'lookup'; readonly hint: LookupHint | undefined; readonly origin: Origin }

/** Pairs of rows for which a condition over the columns of both is TRUE; of outer sides also rows without a partner, beside NULLs. */
export interface JoinPlan extends Relation {
  readonly kind: 'join'
  /** SEMI and ANTI: the rows of the left side that have, or have no, partner. */
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'SEMI' | 'ANTI'
  readonly left: LogicalPlan
  readonly right: LogicalPlan
  /** Undefined: all pairs. */
  readonly condition: BoundExpression | undefined
  readonly strategy: JoinStrategy
  /** How long rows of each side are kept, as in {@link AggregatePlan.ttlMs}, where there are no bounds. */
  readonly ttl?: readonly [left: number | undefined, right: number | undefined]
}

/** The rows of two inputs, whose columns have the same types, as multisets (`all`) or sets. */
export interface SetPlan extends Relation {
  readonly kind: 'set operation'
  readonly operator: 'UNION' | 'INTERSECT' | 'EXCEPT'
  readonly all: boolean
  readonly left: LogicalPlan
  readonly right: LogicalPlan
}

export interface SortKey {
  readonly expression: BoundExpression
  readonly descending: boolean
  readonly nullsFirst: boolean
}

/** Rows in an order, or the first of them. */
export interface SortPlan extends Relation {
  readonly kind: 'sort'
  readonly input: LogicalPlan
  readonly keys: readonly SortKey[]
  readonly offset: number
  /** How many behind the offset; undefined: all. */
  readonly fetch: number | undefined
}

/** Rows with the windows that they are in: once for each, with beginning, end and last instant behind their columns. */
export interface WindowPlan extends Relation {
  readonly kind: 'window'
  readonly input: LogicalPlan
  readonly spec: WindowSpec
  /** The column that says when; of processing time -1 where nobody else asks for it. */
  readonly time: number
  /** Of sessions: the columns whose values have sessions of their own. */
  readonly partition: readonly number[]
  /**
   * What rows say where something else makes windows of them: the slice that they are in, what they are a session of, or only when they are. Set by the
   * planner. @default windows
   */
  readonly rows?: 'slices' | 'parts' | 'times'
}

/** What is computed of the rows around one. */
export interface BoundOver extends BoundAggregate {
  readonly partition: readonly BoundExpression[]
  readonly order: readonly SortKey[]
  readonly frame: BoundFrame
}

/** From where to where around a row; undefined bounds are without end. Offsets count rows, or say how far values lie apart. */
export interface BoundFrame {
  readonly unit: 'ROWS' | 'RANGE'
  /** Behind the row below zero. */
  readonly from: number | undefined
  readonly to: number | undefined
}

/** Rows with what is computed of those around them behind their columns. */
export interface OverPlan extends Relation {
  readonly kind: 'over'
  readonly input: LogicalPlan
  readonly calls: readonly BoundOver[]
}

/** The rows that come first in an order, of each partition: those from one rank to another. */
export interface RankPlan extends Relation {
  readonly kind: 'rank'
  readonly input: LogicalPlan
  readonly partition: readonly BoundExpression[]
  readonly order: readonly SortKey[]
  readonly function: 'ROW_NUMBER' | 'RANK' | 'DENSE_RANK'
  readonly from: number
  /** A number, or a column of each partition. */
  readonly to: number | { readonly column: number }
  /** Whether the rank is a column behind the others. */
  readonly hasRank: boolean
}

/** Rows beside each element of a collection that they hold, or each row that a function makes of them. */
export interface UnnestPlan extends Relation {
  readonly kind: 'unnest'
  readonly input: LogicalPlan
  readonly collection: BoundExpression
  readonly withOrdinality: boolean
  /** Whether a row without elements stays, beside NULLs. */
  readonly isOuter: boolean
  /** What must hold of a row and an element. */
  readonly condition: BoundExpression | undefined
}

/** The changes of a relation as rows that only come (`to`), or such rows as the changes that they tell of (`from`). */
export interface ChangelogPlan extends Relation {
  readonly kind: 'changelog'
  readonly input: LogicalPlan
  readonly direction: 'to' | 'from'
  /** The column of codes that say what each change is: of the rows that only come. */
  readonly op: number
  /** `to`: changes without a code are left out. */
  readonly codes: readonly (readonly [code: string, kind: RowKind])[]
  /** A time of the input that stands behind the other columns once more. */
  readonly rowtime?: number
}

/** The rows that have come too late for another relation of the same job. */
export interface LateRowsPlan extends Relation {
  readonly kind: 'late rows'
  /** The id of a {@link LateOutput}. */
  readonly of: string
}
