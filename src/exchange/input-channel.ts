// The receiving end of one channel: frames in the ring -> stream elements. Runs on the consumer's thread, in whose slab the ring lies.

import type { Slab } from '../base/slab.ts'
import { BatchDecoder } from '../batch/batch-codec.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import { EMPTY, type RingConsumer } from '../ring/ring.ts'
import { ControlElement } from './control-element.ts'
import { FrameKind } from './frame-kind.ts'

/** What {@link InputChannel.poll} found when the ring is empty. */
export const NO_ELEMENT = 0

/** Reads elements of one upstream subtask. */
export class InputChannel {
  readonly ring: RingConsumer
  /** Which input of the operator it feeds. */
  readonly input: number
  /** The batch of the last BATCH element: lies in the ring, good until {@link release}. */
  batch!: RecordBatch
  /** The last control element. */
  readonly control = new ControlElement()
  /** Bytes of all frames taken. */
  bytesIn = 0
  /** Barrier alignment: not polled while held. */
  held = false
  readonly #slab: Slab
  readonly #decoder: BatchDecoder
  readonly #data: DataView
  /** Parts of an oversized batch gathered so far. */
  #parts: Uint8Array[] = []
  #assembled = 0
  #assembledBytes = 0

  constructor(ring: RingConsumer, input: number, slab: Slab, schema: Schema) {
    this.ring = ring
    this.input = input
    this.#slab = slab
    this.#decoder = new BatchDecoder(slab, schema)
    // The ring lies where it does from the start: a slab that grows keeps its old buffer's bytes in place.
    this.#data = new DataView(slab.memory.buffer)
  }

  /**
   * Takes the next element; returns its kind, or {@link NO_ELEMENT}. Control elements are released at once; so are parts of an oversized batch,
   * which are kept here until the last one makes it whole.
   */
  poll(): FrameKind | typeof NO_ELEMENT {
    const { ring } = this
    const address = ring.poll()
    if (address === EMPTY) return NO_ELEMENT
    const kind = ring.frameKind as FrameKind
    this.bytesIn += ring.frameLength
    if (kind === FrameKind.BATCH_PART || (kind === FrameKind.BATCH && this.#parts.length > 0)) {
      this.#parts.push(this.#slab.u8.slice(address, address + ring.frameLength))
      ring.release()
      if (kind === FrameKind.BATCH_PART) return kind
      this.#assemble()
      this.batch = this.#decoder.decode(this.#assembled, this.#assembledBytes)
      return kind
    }
    if (kind === FrameKind.BATCH) {
      this.batch = this.#decoder.decode(address, ring.frameLength)
      return kind
    }
    this.control.read(kind, this.#data, address)
    ring.release()
    return kind
  }

  /** Gives the room of the last batch back. */
  release(): void {
    if (this.#assembled !== 0) {
      this.#slab.free(this.#assembled, this.#assembledBytes)
      this.#assembled = 0
    }
    this.ring.release()
  }

  #assemble(): void {
    this.#assembledBytes = this.#parts.reduce((sum, part) => sum + part.length, 0)
    this.#assembled = this.#slab.allocate(this.#assembledBytes)
    let at = this.#assembled
    for (const part of this.#parts) {
      this.#slab.u8.set(part, at)
      at += part.length
    }
    this.#parts = []
  }
}
