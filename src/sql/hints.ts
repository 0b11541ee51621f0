// Hints: which there are.

import { suggest } from '../base/suggest.ts'
import { SqlError } from './sql-error.ts'
import type { Hint } from './syntax-tree.ts'

const HINTS = ['OPTIONS', 'STATE_TTL', 'LOOKUP', 'BROADCAST', 'SHUFFLE_HASH', 'SHUFFLE_MERGE', 'NEST_LOOP', 'MULTI_JOIN']

/** @throws {SqlError} `UNKNOWN_HINT` */
export function checkHints(hints: readonly Hint[], text: string): void {
  for (const { name } of hints) {
    if (HINTS.includes(name.text.toUpperCase())) continue
    const near = suggest(name.text.toUpperCase(), HINTS)
    throw new SqlError(
      'UNKNOWN_HINT',
      text,
      name,
      `There is no hint ${name.text}`,
      near === undefined ? `There are ${HINTS.join(', ')}.` : `Did you mean ${near}?`,
    )
  }
}
