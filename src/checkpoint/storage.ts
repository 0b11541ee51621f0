// Where checkpoints are kept: the contract of a local folder today, made so that object stores can fulfil it (conditional create, list, one atomic
// publish; nothing is renamed or changed in place). One suite runs against every storage (test/contract/checkpoint-storage.test.ts).

/** One job's checkpoints. Numbers are given once; a checkpoint is there for readers once it is published, whole or not at all. */
export interface CheckpointStorage {
  /** How messages name a checkpoint, or a file of it. */
  nameOf(checkpointId: number, file?: string): string
  /** Published checkpoints, in ascending order. */
  list(): Promise<readonly number[]>
  /** The greatest number that was ever begun, published or not, and not removed since; 0 if none was. */
  lastBegun(): Promise<number>
  /** @throws {RestoreError} `CHECKPOINT_EXISTS` if the number was begun before: by another process, which then owns the job. */
  begin(checkpointId: number): Promise<CheckpointUpload>
  /** Reads a whole file. @throws what the storage throws. */
  read(checkpointId: number, file: string): Promise<Uint8Array>
  /**
   * Makes durable that a checkpoint is published. Whoever published it may have crashed between the two, and what is committed for it must not
   * outlive it.
   *
   * @throws what the storage throws.
   */
  confirm(checkpointId: number): Promise<void>
  /** Removes a checkpoint, published or not. One that readers might still find is unpublished first. */
  remove(checkpointId: number): Promise<void>
  /** Takes a published checkpoint out of the list. Its files stay, for those that build on it. */
  unpublish(checkpointId: number): Promise<void>
  /**
   * Removes what was begun before `beforeId` and is not published.
   *
   * @param except What is not removed.
   */
  removeUnpublished(beforeId: number, except?: ReadonlySet<number>): Promise<void>
}

/** A checkpoint that is being written. Calls come one after the other. */
export interface CheckpointUpload {
  /** Appends to a file of the checkpoint. `bytes` are the caller's again once the promise is settled. */
  append(file: string, bytes: Uint8Array): Promise<void>
  /** Makes every file durable, then the checkpoint visible, durably: the commit point. Nothing may be called behind it. */
  publish(metadata: Uint8Array): Promise<void>
  /** Gives up, and removes what was written as far as that is possible. */
  abandon(): Promise<void>
}

/** The file that is written last: with it a checkpoint is published. */
export const METADATA_FILE = '_metadata'
