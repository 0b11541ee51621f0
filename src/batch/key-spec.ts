// Where the key of a record lies. Plain data, part of the plan.

import type { LogicalType } from './types.ts'

/** How the key of a record is found. Columns are indexes into the schema of the edge. */
export type KeySpec =
  /** The canonical bytes of these columns: of the value for one, of the composite for several. */
  | { readonly kind: 'columns'; readonly columns: readonly number[] }
  /** A column that already holds canonical key bytes: what a key function returned, of `type` if the program has said so. */
  | { readonly kind: 'encoded'; readonly column: number; readonly type?: LogicalType }
