// The contract of tables that are asked for the rows of keys: by a join that looks each record's key up when the record comes.

import type { OperatorContext } from '../../operator/operator.ts'

/** A value as the store has it: the engine's type decides what is made of it. */
export type StoredValue = string | number | bigint | Uint8Array | null

/** The columns that were asked for, in their order. */
export type StoredRow = readonly StoredValue[]

/** Asks one table, for one subtask. Lives on the subtask's thread, and needs its event loop. */
export interface LookupReader {
  /**
   * The rows of each key, by the places of the keys. One call at a time.
   *
   * @param keys Values of the key columns, none of them NULL, as the engine has them: the form of each is that of its type.
   * @throws {ConnectorError} `TABLE_NOT_FOUND`, `SCHEMA_MISMATCH`; what the store fails with.
   */
  lookup(keys: readonly (readonly unknown[])[]): Promise<readonly (readonly StoredRow[])[]>
  /** Lets go of the connection at once, whatever is under way on it. */
  close(): void
}

/** A table that can be asked. */
export interface LookupTable {
  /** Shown in errors: without secrets. */
  readonly target: string
  createReader(context: OperatorContext): LookupReader
}
