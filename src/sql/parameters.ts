// What a program puts into a SQL text: values and tables. They are nodes of the syntax tree from the beginning, never text that is read.

import type { LogicalPlan } from './logical-plan.ts'
import type { Span } from './sql-error.ts'
import type { Expression } from './syntax-tree.ts'

/** Stands in the text at its span, whatever is written there. */
export type Parameter = Span &
  (
    | { readonly kind: 'value'; readonly expression: Expression }
    /** `name` is what its columns may be named with where the query gives it no other. */
    | { readonly kind: 'table'; readonly name: string; readonly plan: () => LogicalPlan }
  )
