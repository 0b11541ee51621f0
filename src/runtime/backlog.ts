// What waits in front of one operator, beside what its channels hold: elements that came while a barrier overtook them, and batches of a restored
// checkpoint that had been overtaken. Copies, so that whoever sent them may go on. Runs on the worker's thread. First come, first served.

import type { Slab } from '../base/slab.ts'
import { BatchDecoder, encodeBatch, encodedBytesMax } from '../batch/batch-codec.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { ChannelElement } from '../exchange/input-channel.ts'

/** A batch that a barrier has overtaken: bytes as a channel carries them. */
export interface OvertakenBatch {
  /** The place of the edge that it came through among those of its operator. */
  readonly edge: number
  readonly bytes: Uint8Array
}

/** A batch that waits. */
export interface WaitingBatch extends OvertakenBatch {
  readonly kind: 'batch'
  readonly input: number
  readonly schema: Schema
  /** Of a restored job: what senders know of time they tell again, so that the crossings in it are left out. */
  readonly isRestored?: boolean
}

/** An element that waits. */
export type WaitingElement =
  | WaitingBatch
  | { readonly kind: 'watermark'; readonly watermarkMs: number }
  | { readonly kind: 'status'; readonly isIdle: boolean }
  | { readonly kind: 'marker'; readonly marker: LatencyMarker }
  /** Of a savepoint, which overtakes nothing. */
  | { readonly kind: 'barrier'; readonly barrier: CheckpointBarrier }
  | { readonly kind: 'end'; readonly input: number }

/** What a barrier has overtaken in the channels of a gate. */
export interface OvertakenInGate {
  /** By channel, in the order of the gate. */
  readonly channels: readonly { readonly edge: number; readonly elements: readonly ChannelElement[] }[]
  /** What was known of time at the barrier: {@link WatermarkMerger.save}. */
  readonly time: Float64Array
}

/** Copies the pending rows of a batch, and the crossings among and behind them, as a channel would carry them. */
export function copyRows(batch: RecordBatch, begin: number, end: number): Uint8Array {
  const view = new RecordBatch(batch.slab, batch.schema, batch.columns).viewOf(batch)
  // To the encoder it ends here, so that the crossing behind the last row goes along.
  if (view.selection === 0) view.rowCount = end
  else view.selectedCount = end
  view.crossings.copyFrom(batch.crossings)
  const bytes = new Uint8Array(encodedBytesMax(view, begin, end))
  return bytes.subarray(0, encodeBatch(view, begin, end, bytes, 0))
}

/** A queue of copied elements. */
export class Backlog {
  readonly #slab: Slab
  readonly #elements: WaitingElement[] = []
  readonly #decoders = new Map<Schema, BatchDecoder>()
  /** The batch that was taken last: where it lies in the slab. */
  #address = 0
  #bytes = 0

  constructor(slab: Slab) {
    this.#slab = slab
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0
  }

  /** The batches that wait, in order. */
  get batches(): readonly OvertakenBatch[] {
    return this.#elements.flatMap((element) => (element.kind === 'batch' ? [element] : []))
  }

  push(element: WaitingElement): void {
    this.#elements.push(element)
  }

  /** Puts an element in front of all others: it had been taken, and comes back. */
  putBack(element: WaitingElement): void {
    this.#elements.unshift(element)
  }

  /** Takes the first element. */
  take(): WaitingElement {
    return this.#elements.shift()!
  }

  /** Reads a batch that was taken. It is valid until {@link release}. */
  decode({ bytes, schema, isRestored = false }: WaitingBatch): RecordBatch {
    let decoder = this.#decoders.get(schema)
    if (decoder === undefined) this.#decoders.set(schema, (decoder = new BatchDecoder(this.#slab, schema)))
    this.#bytes = bytes.length
    this.#address = this.#slab.allocate(bytes.length)
    this.#slab.u8.set(bytes, this.#address)
    const batch = decoder.decode(this.#address, bytes.length)
    if (isRestored) batch.crossings.clear()
    return batch
  }

  /** Nobody reads the batch any more that was decoded last. */
  release(): void {
    if (this.#address !== 0) this.#slab.free(this.#address, this.#bytes)
    this.#address = 0
  }

  /** Gives all memory back. */
  close(): void {
    this.release()
    for (const decoder of this.#decoders.values()) decoder.free()
    this.#decoders.clear()
  }
}
