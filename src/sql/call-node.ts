// Nodes of calls.

import type { Call, Expression, Name } from './syntax-tree.ts'

/** A call of which nothing more is known; it stands where its name does. */
export function callNode(syntax: Call['syntax'], name: readonly Name[], operands: readonly Expression[]): Call {
  return {
    kind: 'call',
    syntax,
    name: name.map(({ text, start, end }) => ({ text, start, end })),
    operands,
    quantifier: undefined,
    filter: undefined,
    withinGroup: undefined,
    nulls: undefined,
    clauses: [],
    start: name[0].start,
    end: name.at(-1)!.end,
  }
}
