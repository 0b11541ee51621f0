// Drives the writer of a sink of tables by hand: rows of any kind, commits and checkpoints one by one.
import { batchFromObjects, type BatchRowInit, freeBatch } from '../../../src/batch/batch-rows.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import type { Schema } from '../../../src/batch/types.ts'
import { type CommittingSinkWriter, isCommitting, type Sink } from '../../../src/operator/sink.ts'
import { Snapshot, testContext, type TestContext } from './file-probe.ts'

/** More than a server needs on a machine that others use too. */
const TURNS_MAX = 10_000_000

export class TableProbe {
  readonly context: TestContext
  readonly writer: CommittingSinkWriter
  readonly #schema: Schema

  /** @param snapshot What the run goes on from. */
  constructor(sink: Sink, schema: Schema, options: { readonly snapshot?: Snapshot; readonly isCheckpointed?: boolean } = {}) {
    this.context = { ...testContext(), isCheckpointed: options.isCheckpointed ?? true, uid: 'table' }
    this.#schema = schema
    const writer = sink.createWriter(schema, this.context)
    if (!isCommitting(writer)) throw new Error('the sink does not commit')
    this.writer = writer
    if (options.snapshot !== undefined) writer.restore(options.snapshot)
  }

  /** Waits until the store is open. @throws what is wrong with it. */
  async open(): Promise<this> {
    for (let turns = 0; !this.writer.hasCapacity(); turns++) {
      if (turns === TURNS_MAX) throw new Error('the store does not open')
      await new Promise(setImmediate)
    }
    return this
  }

  async write(...rows: readonly BatchRowInit[]): Promise<void> {
    await this.open()
    const batch = batchFromObjects(this.context.slab, this.#schema, rows)
    try {
      this.writer.write(batch)
    } finally {
      freeBatch(batch)
    }
  }

  /** Writes rows and prepares them: what a checkpoint holds. */
  async epoch(...rows: readonly object[]): Promise<Uint8Array> {
    await this.write(...rows.map((row) => ({ row })))
    const [committable] = this.writer.prepareCommit()
    return committable
  }

  /** Writes rows of any kind and commits them. */
  async commit(...rows: readonly BatchRowInit[]): Promise<void> {
    await this.write(...rows)
    for (const committable of this.writer.prepareCommit()) await this.writer.commit(committable)
  }

  snapshot(): Snapshot {
    const snapshot = new Snapshot()
    this.writer.snapshot(snapshot)
    return snapshot
  }

  close(): void {
    this.writer.close()
  }
}

/** The rows of an upsert stream. */
export const insert = (row: object): BatchRowInit => ({ row })
export const before = (row: object): BatchRowInit => ({ row, kind: RowKind.UPDATE_BEFORE })
export const after = (row: object): BatchRowInit => ({ row, kind: RowKind.UPDATE_AFTER })
export const remove = (row: object): BatchRowInit => ({ row, kind: RowKind.DELETE })
