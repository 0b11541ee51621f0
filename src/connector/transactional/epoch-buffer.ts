// The rows of one epoch (what a sink was given between two checkpoints) as bytes that travel in the checkpoint. Used by one thread.
//
//   0          frames: batches in the wire form (schemas/batch.fbs), one behind the other, each a multiple of 64 bytes
//   directory  an entry each: u32 bytes of the frame
//   tail       the writer, 36 characters | f64 epoch | f64 rows | the schema in UTF-8 | u32 bytes of the schema | u32 frames | u16 version | "EP"
//
// Little endian. Checkpoints have checksums, so that these bytes have none.

import { ConnectorError, RestoreError } from '../../base/errors.ts'
import { encodeBatch, encodedBytesMax } from '../../batch/batch-codec.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'

const INITIAL_BYTES = 64 << 10
/** It is held in memory, and written into a checkpoint whole. */
const EPOCH_BYTES_MAX = 1 << 30
const WRITER_BYTES = 36
const VERSION = 1
const MARK = 'EP'
const END_BYTES = 12

/** An epoch of one writer. */
export interface Epoch {
  /** Identity of the writer: unique for each run of each subtask. */
  readonly writer: string
  /** From 1 on, without gaps for each writer. */
  readonly epoch: number
  readonly rowCount: number
  /** What the schema of the rows looked like. */
  readonly schema: string
  /** Views on the bytes. */
  readonly frames: readonly Uint8Array[]
}

/** Collects the rows of the current epoch. */
export class EpochBuffer {
  readonly #schema: string
  #bytes = new Uint8Array(0)
  #at = 0
  #rows = 0
  #lengths: number[] = []

  constructor(schema: Schema) {
    this.#schema = schema.toString()
  }

  /** Bytes of the rows so far. */
  get byteLength(): number {
    return this.#at
  }

  get rowCount(): number {
    return this.#rows
  }

  /**
   * Appends the pending rows of a batch.
   *
   * @throws {ConnectorError} `EPOCH_TOO_LARGE`
   */
  append(batch: RecordBatch): void {
    const { begin, end } = batch
    if (begin === end) return
    this.#reserve(encodedBytesMax(batch, begin, end))
    const length = encodeBatch(batch, begin, end, this.#bytes, this.#at)
    this.#lengths.push(length)
    this.#at += length
    this.#rows += end - begin
  }

  /** The epoch's bytes, and begins the next one; undefined if it has no rows, unless an epoch without rows is wanted. */
  take(writer: string, epoch: number, evenEmpty: boolean = false): Uint8Array | undefined {
    if (this.#rows === 0 && !evenEmpty) return undefined
    const schema = Buffer.from(this.#schema)
    this.#reserve(this.#lengths.length * 4 + WRITER_BYTES + 16 + schema.length + END_BYTES)
    const tail = Buffer.from(this.#bytes.buffer, this.#at)
    let at = 0
    for (const length of this.#lengths) at = tail.writeUInt32LE(length, at)
    at += tail.write(writer, at, WRITER_BYTES, 'latin1')
    at = tail.writeDoubleLE(epoch, at)
    at = tail.writeDoubleLE(this.#rows, at)
    at += schema.copy(tail, at)
    at = tail.writeUInt32LE(schema.length, at)
    at = tail.writeUInt32LE(this.#lengths.length, at)
    at = tail.writeUInt16LE(VERSION, at)
    at += tail.write(MARK, at, 'latin1')
    const taken = this.#bytes.subarray(0, this.#at + at)
    // What was taken lives on by itself.
    this.#bytes = new Uint8Array(0)
    this.#at = 0
    this.#rows = 0
    this.#lengths = []
    return taken
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.length) return
    if (needed > EPOCH_BYTES_MAX)
      throw new ConnectorError('EPOCH_TOO_LARGE', `Cannot hold more than ${EPOCH_BYTES_MAX} bytes of rows for one checkpoint`, {
        hint: 'Take checkpoints more often (execution.checkpointing.interval), or raise the parallelism of the sink.',
      })
    const grown = new Uint8Array(Math.min(EPOCH_BYTES_MAX, Math.max(needed, this.#bytes.length * 2, INITIAL_BYTES)))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/**
 * Reads what {@link EpochBuffer.take} gave.
 *
 * @throws {RestoreError} `SNAPSHOT_VERSION` if another release wrote it in a form that this one does not know; `SNAPSHOT_DAMAGED`.
 */
export function openEpoch(bytes: Uint8Array): Epoch {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.length - END_BYTES
  if (end < WRITER_BYTES + 16 || buffer.toString('latin1', buffer.length - MARK.length) !== MARK)
    throw new RestoreError('SNAPSHOT_DAMAGED', 'Cannot commit the rows of a checkpoint: they do not end as such rows do')
  const version = buffer.readUInt16LE(end + 8)
  if (version !== VERSION)
    throw new RestoreError('SNAPSHOT_VERSION', `Cannot commit the rows of a checkpoint: they have version ${version}, expected ${VERSION}`)
  const frameCount = buffer.readUInt32LE(end + 4)
  const schemaAt = end - buffer.readUInt32LE(end)
  const writerAt = schemaAt - WRITER_BYTES - 16
  const directoryAt = writerAt - frameCount * 4
  if (directoryAt < 0) throw new RestoreError('SNAPSHOT_DAMAGED', 'Cannot commit the rows of a checkpoint: they are shorter than they say')
  const frames: Uint8Array[] = []
  let at = 0
  for (let frame = 0; frame < frameCount; frame++) {
    const length = buffer.readUInt32LE(directoryAt + frame * 4)
    frames.push(bytes.subarray(at, at + length))
    at += length
  }
  if (at !== directoryAt) throw new RestoreError('SNAPSHOT_DAMAGED', 'Cannot commit the rows of a checkpoint: they have another length than they say')
  return {
    writer: buffer.toString('latin1', writerAt, writerAt + WRITER_BYTES),
    epoch: buffer.readDoubleLE(writerAt + WRITER_BYTES),
    rowCount: buffer.readDoubleLE(writerAt + WRITER_BYTES + 8),
    schema: buffer.toString('utf8', schemaAt, end),
    frames,
  }
}
