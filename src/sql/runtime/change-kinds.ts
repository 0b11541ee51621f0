// Which kinds of changes a stream may bring.

import { RowKind } from '../../batch/record-batch.ts'

/** A set of kinds: a bit for each. */
export type ChangeKinds = number

export const INSERTS: ChangeKinds = 1 << RowKind.INSERT
export const UPDATES_BEFORE: ChangeKinds = 1 << RowKind.UPDATE_BEFORE
export const UPDATES_AFTER: ChangeKinds = 1 << RowKind.UPDATE_AFTER
export const DELETES: ChangeKinds = 1 << RowKind.DELETE
/** Rows that come and change, and never go. */
export const INSERTS_AND_UPDATES: ChangeKinds = INSERTS | UPDATES_BEFORE | UPDATES_AFTER
export const ALL_CHANGES: ChangeKinds = INSERTS_AND_UPDATES | DELETES

/** As EXPLAIN CHANGELOG_MODE writes them: `I,UB,UA,D`. */
export function changelogModeText(kinds: ChangeKinds): string {
  const names = [
    [INSERTS, 'I'],
    [UPDATES_BEFORE, 'UB'],
    [UPDATES_AFTER, 'UA'],
    [DELETES, 'D'],
  ] as const
  return names.flatMap(([kind, name]) => ((kinds & kind) === 0 ? [] : [name])).join(',')
}
