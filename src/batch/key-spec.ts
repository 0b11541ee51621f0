// Where the key of a record lies. Plain data, part of the plan.

/** How the key of a record is found. Columns are indexes into the schema of the edge. */
export type KeySpec =
  /** The canonical bytes of these columns: of the value for one, of the composite for several. */
  | { readonly kind: 'columns'; readonly columns: readonly number[] }
  /** A column that already holds canonical key bytes: what a key function returned. */
  | { readonly kind: 'encoded'; readonly column: number }
