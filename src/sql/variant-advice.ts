// What to write where a VARIANT and something else meet: there are no CASTs between them.

import { formatType, isText, type LogicalType, withNullability } from '../batch/types.ts'

/** How the one becomes the other; undefined: neither is a VARIANT, or both are. */
export function adviceOnVariant(from: LogicalType, to: LogicalType): string | undefined {
  if (from.kind === to.kind) return undefined
  if (from.kind === 'VARIANT')
    return isText(to) ? 'JSON_STRING makes a text of it.' : `Write CAST(JSON_STRING(...) AS ${formatType(withNullability(to, true))}).`
  return to.kind === 'VARIANT' ? 'PARSE_JSON makes a VARIANT of a text.' : undefined
}
