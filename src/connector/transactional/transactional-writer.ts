// The write-ahead sink for stores with transactions: rows wait in memory, go into the checkpoint as bytes, and once it is complete one transaction
// writes them together with a commit marker (commit-markers.ts). Runs on the subtask's thread; commits run on its event loop, between two steps.
// Invariant: an epoch is in the store if and only if its marker says so.

import { randomUUID } from 'node:crypto'
import { assert } from '../../base/assert.ts'
import { ConnectorError, MillraceError, RestoreError } from '../../base/errors.ts'
import { failPoint } from '../../base/fail-points.ts'
import { BatchDecoder } from '../../batch/batch-codec.ts'
import { verifyBatch } from '../../batch/batch-verifier.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { ChannelStage, STAGE_ROWS_MAX } from '../../exchange/channel-stage.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { type CommittingSinkWriter, refuseChanges } from '../../operator/sink.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { closeWriter, decide, deleteMarker, lockMarker, MARKERS_TABLE, setMarker } from './commit-markers.ts'
import { type Epoch, EpochBuffer, openEpoch } from './epoch-buffer.ts'
import type { Transaction, TransactionalStore } from './transactional-store.ts'

/** Fewer rows wait for others, so that a batch of one row does not cost a header. */
const SMALL_BATCH_ROWS = 512
/** Without checkpoints so much is committed at once, at most. */
const FLUSH_BYTES = 8 << 20
/** With pauses of 0.1, 0.2, 0.4, ... s between them. */
const TRIES_MAX = 6
const FIRST_PAUSE_MS = 100

/**
 * Writers that a later run must know: those of the run that took the checkpoint, each with its last epoch, and those of the runs before, until every writer has
 * settled them. An element each.
 */
const WRITERS_STATE = `${UNION_STATE_PREFIX}writers`

interface KnownWriter {
  readonly writer: string
  /** The last epoch that it had prepared. */
  readonly epoch: number
  /** Of an earlier run: whether whoever says so has closed it and committed all that it had prepared. */
  readonly isSettled: boolean
  readonly isEarlier: boolean
}

/** When rows are committed where no checkpoint says it, and how often that is tried. */
export interface CommitTuning {
  /** So many rows are committed at once. @default as many as 8 MiB hold */
  readonly rowsMax?: number
  /** Rows wait so long for others. @default until the job flushes its sinks, about 100 ms */
  readonly intervalMs?: number
  /** @default 6 */
  readonly triesMax?: number
}

/** How one writer differs from another. */
export interface TransactionalWriterOptions {
  readonly tuning?: CommitTuning
  readonly store: TransactionalStore
  /** Whether the store has keys, by which rows are replaced and deleted; otherwise it takes inserted rows only. */
  readonly hasKeys: boolean
}

/** See the file's head. */
export class TransactionalWriter implements CommittingSinkWriter {
  readonly commitsOnFlush = true
  readonly #context: OperatorContext
  readonly #schema: Schema
  readonly #store: TransactionalStore
  readonly #hasKeys: boolean
  readonly #tuning: CommitTuning
  readonly #decoder: BatchDecoder
  readonly #stage: ChannelStage
  readonly #view: RecordBatch
  readonly #buffer: EpochBuffer
  readonly #writer = randomUUID()
  /** The last that was prepared. */
  #epoch = 0
  /** Writers of earlier runs: their last epochs. */
  #earlier = new Map<string, number>()
  /** Of those the ones that nothing waits for any more. */
  #forgotten: readonly string[] = []
  /** Whether all that earlier runs had prepared is committed. */
  #isSettled = false
  readonly #opened: Promise<void>
  #isOpen = false
  #failure: unknown
  #hasFinished = false
  /** Whether the last epoch was handed out. */
  #hasLeft = false
  #isClosed = false
  /** When rows that wait must be committed, where an interval says so. */
  #dueMs = Infinity
  /** Ends the pause before a next try. */
  #endPause: (() => void) | undefined

  constructor(schema: Schema, context: OperatorContext, { store, hasKeys, tuning = {} }: TransactionalWriterOptions) {
    this.#schema = schema
    this.#context = context
    this.#store = store
    this.#hasKeys = hasKeys
    this.#tuning = tuning
    this.#decoder = new BatchDecoder(context.slab, schema)
    this.#stage = new ChannelStage(context.slab, context.kernels, schema)
    this.#view = new RecordBatch(context.slab, schema, [])
    this.#buffer = new EpochBuffer(schema)
    this.#opened = this.#open()
    this.#opened
      .then(
        () => (this.#isOpen = true),
        (error: unknown) => (this.#failure = error),
      )
      .finally(() => {
        if (!this.#isClosed) context.wake()
      })
  }

  hasCapacity(): boolean {
    this.#check()
    return this.#isOpen && (this.#context.isCheckpointed || !this.#isFull)
  }

  write(batch: RecordBatch): boolean {
    if (!this.#hasKeys)
      refuseChanges(batch, `to ${this.#store.target}: without keys it takes inserted records only`, 'Give the sink the keys by which rows are replaced.')
    const view = this.#view.viewOf(batch)
    const { length } = this.#schema.fields
    if (view.columns.length > length) view.columns = view.columns.slice(0, length)
    view.timestamps = 0
    if (view.end - view.begin > SMALL_BATCH_ROWS) {
      this.#unstage()
      this.#buffer.append(view)
    } else if (!this.#stage.tryAppend(view)) {
      this.#unstage()
      assert(this.#stage.tryAppend(view), 'an empty stage takes any small batch')
    }
    if (this.#stage.rowCount > STAGE_ROWS_MAX - SMALL_BATCH_ROWS) this.#unstage()
    batch.begin = batch.end
    const { intervalMs } = this.#tuning
    if (intervalMs !== undefined && this.#dueMs === Infinity && !this.#context.isCheckpointed) this.#dueMs = this.#context.clock.nowMs() + intervalMs
    return true
  }

  nextProcessingTimeMs(): number {
    return this.#dueMs
  }

  /** What is due was committed, or waits for the commit under way. */
  onProcessingTime(nowMs: number): void {
    if (this.#dueMs <= nowMs) this.#dueMs = nowMs + FIRST_PAUSE_MS
  }

  flush(): boolean {
    this.#check()
    return true
  }

  /** Also without a row: a table that is not there is an error all the same. */
  finish(): boolean {
    this.#check()
    this.#hasFinished = this.#isOpen
    return this.#isOpen
  }

  prepareCommit(): readonly Uint8Array[] {
    this.#check()
    if (this.#mayWait) return []
    this.#dueMs = Infinity
    this.#unstage()
    // The last epoch removes the marker where no checkpoint speaks of it, so it is there if any was.
    const isNeeded = this.#isLeaving && !this.#hasLeft && this.#epoch > 0
    this.#hasLeft = this.#isLeaving
    const bytes = this.#buffer.take(this.#writer, this.#epoch + 1, isNeeded)
    if (bytes === undefined) return []
    this.#epoch++
    return [bytes]
  }

  async commit(committable: Uint8Array): Promise<void> {
    const epoch = openEpoch(committable)
    const isOwn = epoch.writer === this.#writer
    if (epoch.schema !== this.#schema.toString())
      throw new RestoreError(
        'SCHEMA_CHANGED',
        `Cannot commit the rows of the checkpoint: they are ${epoch.schema}, and the sink now gets ${this.#schema.toString()}`,
        {
          hint: 'Start the job as it was once more, so that it commits them; then change it.',
        },
      )
    if (!isOwn) for (const frame of epoch.frames) verifyBatch(frame, this.#schema)
    await this.#opened
    await this.#insist(`commit ${epoch.rowCount} rows to`, () => this.#commitOnce(epoch, isOwn))
    if (!isOwn) return
    this.#isSettled = true
    if (this.#isLeaving && epoch.epoch === this.#epoch)
      await this.#insist('end the writer of', () => this.#store.transaction((transaction) => deleteMarker(transaction, this.#writer)))
  }

  snapshot(writer: SnapshotWriter): void {
    const known: KnownWriter[] = [{ writer: this.#writer, epoch: this.#epoch, isSettled: false, isEarlier: false }]
    for (const [earlier, epoch] of this.#earlier) known.push({ writer: earlier, epoch, isSettled: this.#isSettled, isEarlier: true })
    for (const one of known) writer.element(WRITERS_STATE, Buffer.from(JSON.stringify(one)))
  }

  restore(reader: SnapshotReader): void {
    const mentions = new Map<string, KnownWriter[]>()
    reader.elements(WRITERS_STATE, (element) => {
      const known = JSON.parse(Buffer.from(element).toString()) as KnownWriter
      mentions.set(known.writer, [...(mentions.get(known.writer) ?? []), known])
    })
    const forgotten: string[] = []
    // In one order for all writers: they lock the same rows.
    for (const writer of [...mentions.keys()].toSorted()) {
      const all = mentions.get(writer)!
      if (all.every(({ isEarlier, isSettled }) => isEarlier && isSettled)) forgotten.push(writer)
      else this.#earlier.set(writer, Math.max(...all.map(({ epoch }) => epoch)))
    }
    this.#forgotten = forgotten
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#endPause?.()
    this.#store.close()
    this.#decoder.free()
    this.#stage.free()
  }

  /** Whether all has been written, and nobody will go on from here. */
  get #isLeaving(): boolean {
    return this.#hasFinished && !this.#context.isCheckpointed
  }

  get #isFull(): boolean {
    const { rowsMax = Infinity } = this.#tuning
    return this.#buffer.byteLength >= FLUSH_BYTES || this.#buffer.rowCount + this.#stage.rowCount >= rowsMax
  }

  /** Whether the rows so far may wait for others: nothing but an interval says when they are committed. */
  get #mayWait(): boolean {
    return this.#dueMs !== Infinity && !this.#hasFinished && !this.#isFull && this.#context.clock.nowMs() < this.#dueMs
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Encodes the rows of small batches. */
  #unstage(): void {
    if (this.#stage.rowCount === 0) return
    this.#buffer.append(this.#stage.batch)
    this.#stage.clear()
  }

  /** Begins when the writer is made; goes on behind {@link restore}, which is called in the same turn of the event loop. */
  async #open(): Promise<void> {
    await Promise.resolve()
    if (this.#isClosed) return
    await this.#insist('open', () => this.#store.open())
    if (this.#earlier.size === 0 && this.#forgotten.length === 0) return
    await this.#insist('take over', () => this.#store.transaction((transaction) => this.#takeOver(transaction)))
    failPoint('restore.writers-closed')
  }

  /** Ends the writers of earlier runs: one that is only asleep finds itself shut out when it wakes up. */
  async #takeOver(transaction: Transaction): Promise<void> {
    for (const [writer, epoch] of this.#earlier) {
      const committed = await closeWriter(transaction, writer, this.#context.uid)
      if (committed <= epoch) continue
      // Its rows come again: their keys find them where there are keys.
      const message = `${this.#store.target} holds ${committed - epoch} epochs that were written behind the checkpoint`
      if (!this.#hasKeys)
        throw new RestoreError('STORE_AHEAD', `Cannot go on from the checkpoint: ${message}, and would get their rows twice`, {
          hint: 'Restore a newer checkpoint; or remove those rows, and then the rows of this sink from the table millrace_commits.',
        })
      this.#context.log(`${message}: they are written again`)
    }
    for (const writer of this.#forgotten) await deleteMarker(transaction, writer)
  }

  async #commitOnce({ writer, epoch, frames }: Epoch, isOwn: boolean): Promise<void> {
    failPoint('transaction.before')
    let bytes = 0
    await this.#store.transaction(async (transaction) => {
      failPoint('transaction.begun')
      const marker = await lockMarker(transaction, this.#store.lockClause, writer, this.#context.uid, isOwn && epoch === 1)
      failPoint('transaction.marker-locked')
      const decision = decide(marker, epoch, isOwn)
      if (decision === 'skip') return
      if (decision !== 'write') throw fenced(this.#store.target, epoch, decision, marker?.epoch)
      for (const frame of frames) {
        bytes += frame.length
        await this.#writeFrame(transaction, frame)
        if (this.#isClosed) throw new Error('the sink was closed')
      }
      failPoint('transaction.rows-written')
      await setMarker(transaction, writer, epoch)
      failPoint('transaction.marker-written')
    })
    failPoint('transaction.committed')
    this.#context.metrics.bytesWritten += bytes
  }

  #writeFrame(transaction: Transaction, frame: Uint8Array): Promise<void> {
    const { slab } = this.#context
    const address = slab.allocate(frame.length)
    try {
      slab.u8.set(frame, address)
      return transaction.write(this.#decoder.decode(address, frame.length))
    } finally {
      slab.free(address, frame.length)
    }
  }

  /** Tries again while that may help, a few times. */
  async #insist(purpose: string, step: () => Promise<void>): Promise<void> {
    const { triesMax = TRIES_MAX } = this.#tuning
    for (let tries = 1; ; tries++)
      try {
        await step()
        return
      } catch (error) {
        if (error instanceof MillraceError || this.#isClosed) throw error
        const isTransient = this.#store.isTransient(error)
        if (!isTransient || tries === triesMax)
          throw new ConnectorError(
            'STORE_FAILED',
            `Cannot ${purpose} ${this.#store.target}: ${(error as Error).message}${isTransient ? ` (${tries} tries)` : ''}`,
            { cause: error },
          )
        await this.#pause(FIRST_PAUSE_MS * 2 ** (tries - 1))
      }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function fenced(target: string, epoch: number, decision: 'fenced' | 'gap', committed: number | undefined): ConnectorError {
  const reason = decision === 'gap' ? `its marker says ${committed}` : committed === undefined ? 'its marker is gone' : 'a later run of the job has taken over'
  return new ConnectorError('SINK_FENCED', `Cannot commit epoch ${epoch} to ${target}: ${reason}`, {
    hint: `Leave the table ${MARKERS_TABLE} alone while the job runs, and run the job once.`,
  })
}
