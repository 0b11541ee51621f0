// What a store with transactions has to offer to the write-ahead sink (transactional-writer.ts): a transaction, statements in it, and rows. One store
// belongs to one writer and lives on its thread; its calls come one after the other.

import type { RecordBatch } from '../../batch/record-batch.ts'

/** What a statement may be given. */
export type SqlValue = string | number | bigint | boolean | Uint8Array | null

/** A transaction that has begun. */
export interface Transaction {
  /** Runs one statement. Its parameters are written `$1`, `$2`, …, each once and in this order. */
  query(sql: string, values: readonly SqlValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Writes the pending rows of a batch, which is valid until the call has returned its promise. */
  write(batch: RecordBatch): Promise<void>
}

/** See the file's head. */
export interface TransactionalStore {
  /** Shown in errors: `table "x" of SQLite database "y"`. Without secrets. */
  readonly target: string
  /** What a statement that reads a row to change it has at its end: `FOR UPDATE`; empty where a transaction has the store to itself. */
  readonly lockClause: string
  /**
   * Called once, before anything else: connects, makes the table of markers if it is not there, and compares the table of rows with the schema.
   *
   * @throws {ConnectorError} `TABLE_NOT_FOUND`, `SCHEMA_MISMATCH`, or what {@link transaction} throws.
   */
  open(): Promise<void>
  /**
   * Runs `work` in a transaction: committed, durably, when the promise is fulfilled. If it is rejected the transaction was rolled back, or (when the
   * connection was lost) nobody knows.
   */
  transaction(work: (transaction: Transaction) => Promise<void>): Promise<void>
  /** Whether it may help to try again: the connection was lost, another transaction was in the way. */
  isTransient(error: unknown): boolean
  /** Lets go of the connection at once, whatever is under way on it. */
  close(): void
}
