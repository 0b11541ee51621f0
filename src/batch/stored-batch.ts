// Batches as bytes that outlive their memory: state, and what is read back from it.

import type { Slab } from '../base/slab.ts'
import { type BatchDecoder, encodeBatch, encodedBytesMax } from './batch-codec.ts'
import { WIRE_ALIGNMENT_BYTES } from './batch-codec-layout.ts'
import { verifyBatch } from './batch-verifier.ts'
import type { RecordBatch } from './record-batch.ts'

/** All rows of a batch. */
export function bytesOfBatch(batch: RecordBatch): Uint8Array {
  const bytes = new Uint8Array(encodedBytesMax(batch, 0, batch.rowCount))
  return bytes.subarray(0, encodeBatch(batch, 0, batch.rowCount, bytes, 0))
}

/**
 * Reads what {@link bytesOfBatch} wrote. The batch is good while `visit` runs.
 *
 * @param decoder Of the batch's schema.
 * @throws {RestoreError} `BATCH_MALFORMED`
 */
export function visitStoredBatch(slab: Slab, decoder: BatchDecoder, stored: Uint8Array, visit: (batch: RecordBatch) => void): void {
  verifyBatch(stored, decoder.batch.schema)
  const bytes = stored.length + WIRE_ALIGNMENT_BYTES
  const room = slab.allocate(bytes)
  const address = Math.ceil(room / WIRE_ALIGNMENT_BYTES) * WIRE_ALIGNMENT_BYTES
  slab.u8.set(stored, address)
  visit(decoder.decode(address, stored.length))
  slab.free(room, bytes)
}
