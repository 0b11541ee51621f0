// The contract of a ring: what each of its two ends may do. A ring carries frames of bytes, in order, from one thread to one other, and never
// learns what they mean. Credit is not a message: it is the ring's free bytes.

/** Returned instead of an address: the ring has no room for the claim now. */
export const NO_SPACE = -1

/** Returned instead of an address: no frame is published that was not polled yet. */
export const EMPTY = -1

/**
 * The writing end. One thread owns it; no method blocks, allocates or may be called by another thread.
 *
 * ```ts
 * const address = ring.tryClaim(1_000)
 * if (address === NO_SPACE) return false                        // parks later; isCreditGranted() belongs into its hasWork
 * u8.set(bytes, address)                                        // anything, in place, up to 1,000 bytes
 * ring.commit(KIND_BATCH, bytes.length)                         // may be less than claimed
 * ring.publish()                                                // once for many commits
 * ```
 */
export interface RingProducer {
  readonly capacityBytes: number
  /** Longest payload that {@link tryClaim} accepts. */
  readonly frameLengthMax: number

  /**
   * Finds room for a payload of `length` bytes, at most {@link frameLengthMax}. A claim that is not committed costs nothing and is replaced by
   * the next one. The payload, the {@link FRAME_USER_BYTES} before it and RING_SLACK_BYTES behind it may be written until `commit`.
   *
   * Before it refuses it publishes what was committed and leaves a note for the consumer, whose release rings the producer's doorbell once
   * half of the ring (or what the claim needs, if that is more) is free. The note stands until a claim succeeds.
   *
   * @returns the payload's byte address in the buffer, a multiple of 64; or `NO_SPACE`: do something else and call again.
   */
  tryClaim(length: number): number

  /** Ends the claimed frame with `length` bytes of payload (at most what was claimed) and a kind of 0..255. The consumer does not see it yet. */
  commit(kind: number, length: number): void

  /** Shows all committed frames to the consumer, and wakes it if it is parked. Without new frames it does nothing. */
  publish(): void

  /** Bytes that are free now: the credit. A frame needs its length rounded up, its header, and sometimes padding: only `tryClaim` knows. */
  freeBytes(): number

  /**
   * Whether a claim was refused and would succeed now (or the consumer is gone, which the producer must notice): false while nothing was refused.
   * Two loads at most; meant for the check before parking, of all rings that a worker writes.
   */
  isCreditGranted(): boolean

  /** Published bytes that the consumer has not released. Callable by every thread. */
  backlogBytes(): number

  /** Publishes, and says that no frame follows. The consumer still reads what is in the ring. */
  closeProducer(): void

  /** Whether the consumer is gone: what is written now will not be read. */
  isConsumerClosed(): boolean
}

/**
 * The reading end. One thread owns it; no method blocks, allocates or may be called by another thread.
 *
 * ```ts
 * for (let address = ring.poll(); address !== EMPTY; address = ring.poll()) {
 *   read(address, ring.frameLength, ring.frameKind)             // in place
 * }
 * ring.release()                                                // gives the room back, once for many frames
 * ```
 */
export interface RingConsumer {
  readonly capacityBytes: number
  /** Payload length of the frame that {@link poll} returned last. */
  readonly frameLength: number
  /** Kind of the frame that {@link poll} returned last. */
  readonly frameKind: number

  /**
   * Steps to the next frame. Frames polled and not released stay as they are, so a frame can be worked on in place for as long as it takes;
   * not polling is how a consumer holds a channel back.
   *
   * @returns the payload's byte address in the buffer, a multiple of 64; or `EMPTY`.
   */
  poll(): number

  /** Gives back the room of all frames polled so far, and wakes the producer if it waits for that much. Their bytes must not be read any more. */
  release(): void

  /** Whether {@link poll} would return a frame. At most one load; meant for the check before parking. */
  hasFrame(): boolean

  /** Published bytes that were not released: frames waiting and frames being worked on. Callable by every thread. */
  backlogBytes(): number

  /** Says that nothing will be read any more, and wakes a producer that waits for credit. */
  closeConsumer(): void

  /** Whether the producer has closed its end and every frame of it was polled. */
  isDrained(): boolean

  /** Whether the producer has closed its end; frames may still be in the ring. */
  isProducerClosed(): boolean
}
