// The sending end of one channel: stream elements -> frames in the ring, which lies in the consumer's slab. Runs on the producer's thread.

import type { RecordBatch } from '../batch/record-batch.ts'
import { encodeBatch, encodedBytesMax } from '../batch/batch-codec.ts'
import { NO_SPACE, type RingProducer } from '../ring/ring.ts'
import { CONTROL_BYTES_MAX, type ControlElement } from './control-element.ts'
import { FrameKind } from './frame-kind.ts'

const ROWS_TRIED_FIRST = 8192

/** Writes elements of one upstream subtask for one downstream subtask. Every method may refuse (`false`): try again when there is credit. */
export class ChannelWriter {
  readonly ring: RingProducer
  /** Views of the region that holds the ring: its owner laid it out before the threads started, so they stay good. */
  readonly #u8: Uint8Array
  readonly #data: DataView
  /** Rows to try first: what fitted into a frame lately, or more. Measuring many more than fit costs more than sending them. */
  #rowsTried = ROWS_TRIED_FIRST
  /** The frame that was refused last: where it ends, -1 = none, and its bytes. Trying it again measures nothing. */
  #refusedEnd = -1
  #refusedBytes = 0
  /** An encoded batch that is longer than a frame, on its way in parts. */
  #oversized: Uint8Array | null = null
  #oversizedSent = 0
  bytesOut = 0
  /** Takes frames for which the ring has no room: they wait here, in front of whatever is sent later. Set while a barrier overtakes records. */
  overdraws = false
  /** What waits, first come first. */
  #overdraft: { readonly kind: FrameKind; readonly bytes: Uint8Array }[] = []

  constructor(ring: RingProducer, buffer: ArrayBufferLike) {
    this.ring = ring
    this.#u8 = new Uint8Array(buffer)
    this.#data = new DataView(buffer)
  }

  /**
   * Sends as many of the logical positions `from..to` as fit into one frame. After a refusal it must be called with the same rows again.
   *
   * @returns the position reached; `from` if there is no credit.
   */
  writeRows(batch: RecordBatch, from: number, to: number): number {
    const { ring } = this
    let end = this.#refusedEnd
    let bytes = this.#refusedBytes
    if (end === -1) {
      end = Math.min(to, from + this.#rowsTried)
      bytes = encodedBytesMax(batch, from, end)
      if (bytes <= ring.frameLengthMax && end < to) this.#rowsTried *= 2
      while (bytes > ring.frameLengthMax && end - from > 1) {
        end = from + ((end - from) >>> 1)
        bytes = encodedBytesMax(batch, from, end)
        this.#rowsTried = end - from
      }
      this.#refusedEnd = end
      this.#refusedBytes = bytes
    }
    if (bytes > ring.frameLengthMax) {
      if (!this.#writeOversized(batch, from, end, bytes)) return from
      this.#refusedEnd = -1
      return end
    }
    const address = this.#claim(bytes)
    if (address === NO_SPACE) {
      if (!this.overdraws) return from
      const frame = new Uint8Array(bytes)
      this.#overdraw(FrameKind.BATCH, frame.subarray(0, encodeBatch(batch, from, end, frame, 0)))
      this.#refusedEnd = -1
      return end
    }
    this.#refusedEnd = -1
    const written = encodeBatch(batch, from, end, this.#u8, address)
    ring.commit(FrameKind.BATCH, written)
    this.bytesOut += written
    return end
  }

  /** Sends a control element. */
  writeControl(element: ControlElement): boolean {
    const address = this.#claim(CONTROL_BYTES_MAX)
    if (address === NO_SPACE) {
      if (!this.overdraws) return false
      const frame = new Uint8Array(CONTROL_BYTES_MAX)
      this.#overdraw(element.kind, frame.subarray(0, element.write(new DataView(frame.buffer), 0)))
      return true
    }
    const bytes = element.write(this.#data, address)
    this.ring.commit(element.kind, bytes)
    this.bytesOut += bytes
    return true
  }

  /** Shows the consumer what was written. */
  publish(): void {
    this.ring.publish()
  }

  /** Whether frames wait that were taken without room. */
  get isOverdrawn(): boolean {
    return this.#overdraft.length > 0
  }

  /** Sends frames that were taken without room, as far as there is credit now. Returns whether any went. */
  payBack(): boolean {
    const { ring } = this
    let sent = 0
    for (const { kind, bytes } of this.#overdraft) {
      const address = ring.tryClaim(bytes.length)
      if (address === NO_SPACE) break
      this.#u8.set(bytes, address)
      ring.commit(kind, bytes.length)
      sent++
    }
    if (sent === 0) return false
    this.#overdraft.splice(0, sent)
    ring.publish()
    return true
  }

  /** Frames that wait go first. */
  #claim(bytes: number): number {
    return this.#overdraft.length === 0 ? this.ring.tryClaim(bytes) : NO_SPACE
  }

  #overdraw(kind: FrameKind, bytes: Uint8Array): void {
    this.#overdraft.push({ kind, bytes })
    this.bytesOut += bytes.length
  }

  /** One row longer than a frame: encoded aside, sent in parts over as many calls as its credit takes. */
  #writeOversized(batch: RecordBatch, from: number, to: number, bytesMax: number): boolean {
    if (this.#oversized === null) {
      const bytes = new Uint8Array(bytesMax)
      this.#oversized = bytes.subarray(0, encodeBatch(batch, from, to, bytes, 0))
      this.#oversizedSent = 0
    }
    const whole = this.#oversized
    while (this.#oversizedSent < whole.length) {
      const length = Math.min(this.ring.frameLengthMax, whole.length - this.#oversizedSent)
      const part = whole.subarray(this.#oversizedSent, this.#oversizedSent + length)
      const kind = this.#oversizedSent + length === whole.length ? FrameKind.BATCH : FrameKind.BATCH_PART
      const address = this.#claim(length)
      if (address === NO_SPACE) {
        if (!this.overdraws) return false
        this.#oversizedSent += length
        this.#overdraw(kind, part)
        continue
      }
      this.#u8.set(part, address)
      this.#oversizedSent += length
      this.ring.commit(kind, length)
      this.ring.publish()
      this.bytesOut += length
    }
    this.#oversized = null
    return true
  }
}
