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

/** An element as a channel carries it; batches whole. */
export interface ChannelElement {
  readonly kind: FrameKind
  readonly bytes: Uint8Array
}

/**
 * What is known of what a barrier has overtaken in a channel: batches, and what moves time between them, once the barrier or the end has come; `'given up'` if only a later barrier
 * has, whose sender has gone on without this one; undefined before that.
 */
export type OvertakingOutcome = readonly ChannelElement[] | 'given up' | undefined

/** Reads elements of one upstream subtask. */
export class InputChannel {
  readonly ring: RingConsumer
  readonly input: number
  readonly edge: number
  /** The batch of the last BATCH element: lies in the ring, good until {@link release}. */
  batch!: RecordBatch
  /** The last control element. */
  readonly control = new ControlElement()
  /** Bytes of all frames taken. */
  bytesIn = 0
  /** Barrier alignment: not polled while held; whether it has brought the barrier that others are waited for. The gate sets them. */
  held = false
  hasDelivered = false
  /** Whether its end was taken. */
  hasEnded = false
  readonly #slab: Slab
  readonly #decoder: BatchDecoder
  readonly #data: DataView
  /** Parts of an oversized batch gathered so far. */
  #parts: Uint8Array[] = []
  #assembled = 0
  #assembledBytes = 0
  /** What was taken out of the ring before its turn had come: elements, batches whole. They come before what is in the ring. */
  readonly #ahead: ChannelElement[] = []
  /** What a barrier has overtaken, while it is collected. */
  #overtaken: ChannelElement[] | undefined
  #overtakerId = 0

  /**
   * @param input Which input of the operator it feeds.
   * @param edge The place of its exchange's edge among those of the operator.
   */
  constructor(ring: RingConsumer, input: number, slab: Slab, schema: Schema, edge: number = 0) {
    this.ring = ring
    this.input = input
    this.edge = edge
    this.#slab = slab
    this.#decoder = new BatchDecoder(slab, schema)
    // The ring lies where it does from the start: a slab that grows keeps its old buffer's bytes in place.
    this.#data = new DataView(slab.memory.buffer)
  }

  /** Whether {@link poll} would return an element. */
  hasElement(): boolean {
    return this.#ahead.length > 0 || (this.#overtaken === undefined && this.ring.hasFrame())
  }

  /**
   * Takes the next element; returns its kind, or {@link NO_ELEMENT}. Control elements are released at once; so are parts of an oversized batch,
   * which are kept here until the last one makes it whole.
   */
  poll(): FrameKind | typeof NO_ELEMENT {
    if (this.#ahead.length > 0) return this.#pollAhead()
    // What is in the ring must be seen by collect() first.
    if (this.#overtaken !== undefined) return NO_ELEMENT
    const { ring } = this
    const address = ring.poll()
    if (address === EMPTY) return NO_ELEMENT
    const kind = ring.frameKind as FrameKind
    this.bytesIn += ring.frameLength
    if (this.#isPart(kind)) {
      const whole = this.#takePart(kind, address)
      if (whole === undefined) return FrameKind.BATCH_PART
      this.#assemble(whole)
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

  /**
   * A barrier overtakes what is in the channel: from now on {@link collect} takes it out of the ring. No batch may be in use.
   *
   * @param checkpointId That of the barrier.
   * @returns as {@link collect}.
   */
  beginOvertaking(checkpointId: number): OvertakingOutcome {
    const ahead = this.#ahead.splice(0)
    this.#overtakerId = checkpointId
    this.#overtaken = []
    let outcome: OvertakingOutcome
    for (const element of ahead)
      if (outcome === undefined) outcome = this.#overtake(element)
      else this.#ahead.push(element)
    if (outcome !== undefined) this.#overtaken = undefined
    return outcome
  }

  get isOvertaken(): boolean {
    return this.#overtaken !== undefined
  }

  /** Takes what has come out of the ring, up to the barrier that overtakes it: so the sender has credit, whether the operator takes anything or not. */
  collect(): OvertakingOutcome {
    const { ring } = this
    let outcome: OvertakingOutcome
    for (let address = EMPTY; outcome === undefined && (address = ring.poll()) !== EMPTY;) {
      const kind = ring.frameKind as FrameKind
      this.bytesIn += ring.frameLength
      const bytes = this.#isPart(kind) ? this.#takePart(kind, address) : this.#slab.u8.slice(address, address + ring.frameLength)
      if (bytes !== undefined) outcome = this.#overtake({ kind, bytes })
    }
    ring.release()
    if (outcome !== undefined) this.#overtaken = undefined
    return outcome
  }

  /** Notes an element that stands in front of the barrier, or ends the overtaking. */
  #overtake(element: ChannelElement): OvertakingOutcome {
    const { kind, bytes } = element
    const overtaken = this.#overtaken!
    if (kind === FrameKind.BARRIER) {
      this.control.read(kind, new DataView(bytes.buffer, bytes.byteOffset), 0)
      const { checkpointId } = this.control.barrier!
      if (checkpointId === this.#overtakerId) return overtaken
      // One that was given up, which the operator will not hear of any more.
      if (checkpointId < this.#overtakerId) return undefined
    }
    this.#ahead.push(element)
    if (kind === FrameKind.BARRIER) return 'given up'
    if (kind !== FrameKind.LATENCY) overtaken.push(element)
    return kind === FrameKind.END ? overtaken : undefined
  }

  /** Of a restored job: what a barrier had overtaken comes before everything else. */
  restore(elements: readonly ChannelElement[]): void {
    this.#ahead.push(...elements)
  }

  /** Whether something is left that was taken out of the ring ahead of its turn, or restored. */
  get isAhead(): boolean {
    return this.#ahead.length > 0
  }

  #pollAhead(): FrameKind {
    const { kind, bytes } = this.#ahead.shift()!
    if (kind === FrameKind.BATCH) this.#assemble(bytes)
    else this.control.read(kind, new DataView(bytes.buffer, bytes.byteOffset), 0)
    return kind
  }

  #isPart(kind: FrameKind): boolean {
    return kind === FrameKind.BATCH_PART || (kind === FrameKind.BATCH && this.#parts.length > 0)
  }

  /** Keeps a part of an oversized batch; returns the batch if it was the last one. */
  #takePart(kind: FrameKind, address: number): Uint8Array | undefined {
    const { ring } = this
    this.#parts.push(this.#slab.u8.slice(address, address + ring.frameLength))
    ring.release()
    if (kind === FrameKind.BATCH_PART) return undefined
    const whole = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    this.#parts = []
    return whole
  }

  /** Brings a batch into the slab and makes it the last one. */
  #assemble(whole: Uint8Array): void {
    this.#assembledBytes = whole.length
    this.#assembled = this.#slab.allocate(whole.length)
    this.#slab.u8.set(whole, this.#assembled)
    this.batch = this.#decoder.decode(this.#assembled, whole.length)
  }
}
