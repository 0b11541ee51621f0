// The table of commit markers, and what follows from a marker. A row says for one writer which epochs have been committed: it changes in the very
// transaction that writes the rows, so that both are there or neither is. The statements are those that SQLite and PostgreSQL both know.
//
//   the marker of a writer    own epoch                 epoch of an earlier run, restored
//   --------------------------|-------------------------|-----------------------------------
//   says so much, or more     | skip                    | skip
//   says less, open           | write                   | write
//   says less, closed         | refuse: fenced          | write
//   is not there              | first epoch: write      | skip: a later run has settled it
//                             | others: refuse: fenced  |
//
// A run that goes on from a checkpoint closes the writers that the checkpoint knows before it does anything else. So an earlier run that was only asleep
// cannot commit what it prepared behind that checkpoint, which the new run makes again.

import type { Transaction } from './transactional-store.ts'

/** Made beside the rows, in the same database. */
export const MARKERS_TABLE = 'millrace_commits'

/** For errors too: whoever may not create tables has it made by somebody else. */
export const MARKERS_DDL =
  `CREATE TABLE IF NOT EXISTS ${MARKERS_TABLE} (writer VARCHAR(36) NOT NULL PRIMARY KEY, sink TEXT NOT NULL, epoch BIGINT NOT NULL, ` +
  'closed SMALLINT NOT NULL, committed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)'

/** What a marker says. */
export interface Marker {
  readonly epoch: number
  readonly isClosed: boolean
}

/** What is to be done with an epoch: `gap` and `fenced` mean that somebody else has been at the store. */
export type Decision = 'write' | 'skip' | 'fenced' | 'gap'

/** The table at the file's head. */
export function decide(marker: Marker | undefined, epoch: number, isOwn: boolean): Decision {
  if (marker === undefined) return isOwn ? 'fenced' : 'skip'
  if (marker.epoch >= epoch) return 'skip'
  if (!isOwn) return 'write'
  if (marker.isClosed) return 'fenced'
  return marker.epoch === epoch - 1 ? 'write' : 'gap'
}

/** Reads and locks a writer's marker. The first epoch of a writer makes it. */
export async function lockMarker(transaction: Transaction, lockClause: string, writer: string, sink: string, canCreate: boolean): Promise<Marker | undefined> {
  if (canCreate)
    await transaction.query(`INSERT INTO ${MARKERS_TABLE} (writer, sink, epoch, closed) VALUES ($1, $2, 0, 0) ON CONFLICT (writer) DO NOTHING`, [writer, sink])
  const [row] = await transaction.query(`SELECT epoch, closed FROM ${MARKERS_TABLE} WHERE writer = $1 ${lockClause}`, [writer])
  return row && { epoch: Number(row['epoch']), isClosed: Number(row['closed']) === 1 }
}

/** Notes that an epoch is committed. */
export async function setMarker(transaction: Transaction, writer: string, epoch: number): Promise<void> {
  await transaction.query(`UPDATE ${MARKERS_TABLE} SET epoch = $1, committed_at = CURRENT_TIMESTAMP WHERE writer = $2`, [epoch, writer])
}

/** Ends a writer of an earlier run. Returns the last epoch that it committed. */
export async function closeWriter(transaction: Transaction, writer: string, sink: string): Promise<number> {
  const [row] = await transaction.query(
    `INSERT INTO ${MARKERS_TABLE} (writer, sink, epoch, closed) VALUES ($1, $2, 0, 1) ON CONFLICT (writer) DO UPDATE SET closed = 1 RETURNING epoch`,
    [writer, sink],
  )
  return Number(row['epoch'])
}

/** Forgets a writer of a run before the last: nothing that may still be restored waits for it. */
export async function deleteMarker(transaction: Transaction, writer: string): Promise<void> {
  await transaction.query(`DELETE FROM ${MARKERS_TABLE} WHERE writer = $1`, [writer])
}
