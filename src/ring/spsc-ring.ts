// The ring between two threads: single producer, single consumer, bytes in place, no locks. Each end keeps its own position and a stale copy of the
// other end's, so that in steady state neither touches the other's cache line. Invariant: bytes between head and tail belong to the consumer,
// all others to the producer; ownership changes hands only by the two Atomics.store of tail and head.

import { assert } from '../base/assert.ts'
import type { Doorbell } from './parking.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND_MAX,
  FRAME_KIND_OFFSET,
  FRAME_LENGTH_OFFSET,
  FRAME_MAGIC,
  FRAME_PADDING,
  FRAME_POSITION_OFFSET,
  frameBytesOf,
  frameLengthMaxOf,
  isRingCapacity,
  RING_ALIGNMENT_BYTES,
  RING_CAPACITY_OFFSET,
  RING_CONSUMER_CLOSED_OFFSET,
  RING_CREDIT_WANTED_OFFSET,
  RING_DATA_OFFSET,
  RING_HEAD_OFFSET,
  RING_MAGIC,
  RING_MAGIC_OFFSET,
  RING_PRODUCER_CLOSED_OFFSET,
  RING_SLACK_BYTES,
  RING_TAIL_OFFSET,
  ringRegionBytes,
} from './ring-layout.ts'
import { EMPTY, NO_SPACE, type RingConsumer, type RingProducer } from './ring.ts'

const TAIL = RING_TAIL_OFFSET >> 2
const HEAD = RING_HEAD_OFFSET >> 2
const CREDIT_WANTED = RING_CREDIT_WANTED_OFFSET >> 2
const PRODUCER_CLOSED = RING_PRODUCER_CLOSED_OFFSET >> 2
const CONSUMER_CLOSED = RING_CONSUMER_CLOSED_OFFSET >> 2
const CAPACITY = RING_CAPACITY_OFFSET >> 2
const MAGIC = RING_MAGIC_OFFSET >> 2
const DATA = RING_DATA_OFFSET >> 2
const FRAME_LENGTH = FRAME_LENGTH_OFFSET >> 2
const FRAME_KIND = FRAME_KIND_OFFSET >> 2
const FRAME_POSITION = FRAME_POSITION_OFFSET >> 2

/** Who sleeps at the ends of a ring. Left out where that end never parks, as on a single thread. */
export interface RingDoorbells {
  readonly producer?: Doorbell
  readonly consumer?: Doorbell
}

/**
 * Both ends of one ring; a thread uses the methods of {@link RingProducer} or those of {@link RingConsumer}, each through an object of its own
 * (on a single thread one object may serve as both).
 *
 * The views are made here, once: a region in memory that existed at start stays where it is when a WebAssembly memory grows.
 */
export class SpscRing implements RingProducer, RingConsumer {
  readonly capacityBytes: number
  readonly frameLengthMax: number
  frameLength = 0
  frameKind = 0

  readonly #words: Int32Array
  readonly #dataAddress: number
  readonly #mask: number
  readonly #producerDoorbell: Doorbell | undefined
  readonly #consumerDoorbell: Doorbell | undefined

  // The producer's.
  #committedTail: number
  #publishedTail: number
  #headSeen: number
  #claimPosition = 0
  #claimLength = -1
  #creditWanted = 0
  #creditNeeded = 0

  // The consumer's.
  #position: number
  #releasedHead: number
  #tailSeen: number

  /**
   * Looks at a ring that {@link SpscRing.initialize} has laid out.
   *
   * @param byteOffset Where the region starts in `buffer`, a multiple of `RING_ALIGNMENT_BYTES`.
   */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacityBytes: number, doorbells: RingDoorbells = {}) {
    assertRegion(byteOffset, capacityBytes)
    this.capacityBytes = capacityBytes
    this.frameLengthMax = frameLengthMaxOf(capacityBytes)
    this.#words = new Int32Array(buffer, byteOffset, ringRegionBytes(capacityBytes) >> 2)
    this.#dataAddress = byteOffset + RING_DATA_OFFSET
    this.#mask = capacityBytes - 1
    this.#producerDoorbell = doorbells.producer
    this.#consumerDoorbell = doorbells.consumer
    assert(this.#words[MAGIC] === RING_MAGIC && this.#words[CAPACITY] === capacityBytes, 'no ring of this capacity lies here')
    // Each side goes on where its own counter stands; the other's may be older than it is, which only looks like less to do.
    this.#committedTail = this.#publishedTail = this.#tailSeen = Atomics.load(this.#words, TAIL)
    this.#position = this.#releasedHead = this.#headSeen = Atomics.load(this.#words, HEAD)
  }

  /**
   * Lays out an empty ring. Called once, by the thread that owns the memory, before any other thread hears of it (a `postMessage` or the start of a
   * thread orders these plain writes before everything that thread does).
   *
   * @param startPosition The position of both ends; tests start close to the wrap.
   */
  static initialize(buffer: ArrayBufferLike, byteOffset: number, capacityBytes: number, startPosition: number = 0): void {
    assertRegion(byteOffset, capacityBytes)
    assert(startPosition % FRAME_HEADER_BYTES === 0, 'ring starts between frames')
    const words = new Int32Array(buffer, byteOffset, ringRegionBytes(capacityBytes) >> 2)
    words.fill(0, 0, DATA)
    words[TAIL] = words[HEAD] = startPosition | 0
    words[CAPACITY] = capacityBytes
    words[MAGIC] = RING_MAGIC
  }

  // ---- producer ----

  tryClaim(length: number): number {
    assert(length >= 0 && length <= this.frameLengthMax, 'claim is longer than a frame of this ring')
    const capacity = this.capacityBytes
    const tail = this.#committedTail
    const frameBytes = frameBytesOf(length)
    const bytesToEnd = capacity - (tail & this.#mask)
    const padding = frameBytes <= bytesToEnd ? 0 : bytesToEnd
    const needed = padding + frameBytes + RING_SLACK_BYTES
    if ((capacity - ((tail - this.#headSeen) | 0) < needed || this.#creditWanted !== 0) && !this.#renewCredit(needed)) return NO_SPACE
    const position = (tail + padding) | 0
    this.#claimPosition = position
    this.#claimLength = length
    return this.#dataAddress + (position & this.#mask) + FRAME_HEADER_BYTES
  }

  commit(kind: number, length: number): void {
    assert(length >= 0 && length <= this.#claimLength, 'commit is longer than the claim')
    assert(kind >= 0 && kind <= FRAME_KIND_MAX, 'frame kind out of range')
    const position = this.#claimPosition
    const tail = this.#committedTail
    if (position !== tail) this.#writeHeader(tail, FRAME_PADDING, ((position - tail) | 0) - FRAME_HEADER_BYTES)
    this.#writeHeader(position, kind, length)
    this.#committedTail = (position + frameBytesOf(length)) | 0
    this.#claimLength = -1
  }

  publish(): void {
    const tail = this.#committedTail
    if (tail === this.#publishedTail) return
    this.#publishedTail = tail
    // Publishes the frames: pairs with Atomics.load(TAIL) in poll(), hasFrame() and isDrained(). Every plain write to a header or payload up to
    // `tail` stands above this line. Also the first half of a Dekker pair with Doorbell.park(): we store the tail, then look at the parked word;
    // the consumer stores the parked word, then looks at the tail. Sequential consistency lets at least one of the two see the other.
    Atomics.store(this.#words, TAIL, tail)
    this.#consumerDoorbell?.ring()
  }

  freeBytes(): number {
    // Takes over released bytes: pairs with Atomics.store(HEAD) in release(); the consumer's last plain reads of them happened before it.
    this.#headSeen = Atomics.load(this.#words, HEAD)
    return this.capacityBytes - ((this.#committedTail - this.#headSeen) | 0)
  }

  isCreditGranted(): boolean {
    return this.#creditWanted !== 0 && (this.freeBytes() >= this.#creditNeeded || this.isConsumerClosed())
  }

  backlogBytes(): number {
    // Publishes and reads nothing but the two words; a pair read a moment apart is only ever too high, and is capped.
    const head = Atomics.load(this.#words, HEAD)
    return Math.min(this.capacityBytes, (Atomics.load(this.#words, TAIL) - head) >>> 0)
  }

  closeProducer(): void {
    this.publish()
    // Pairs with Atomics.load(PRODUCER_CLOSED) in isDrained(): the last store of TAIL stands above, so who sees the flag sees the last frame.
    Atomics.store(this.#words, PRODUCER_CLOSED, 1)
    this.#consumerDoorbell?.ring()
  }

  isConsumerClosed(): boolean {
    // Pairs with the store in closeConsumer(); publishes no plain writes.
    return Atomics.load(this.#words, CONSUMER_CLOSED) !== 0
  }

  /** The slow half of tryClaim: looks at the consumer's real head, and leaves the note that asks for credit if that is not enough either. */
  #renewCredit(needed: number): boolean {
    let isEnough = this.freeBytes() >= needed
    if (!isEnough) {
      // The consumer cannot give back what it has not seen.
      this.publish()
      this.#creditNeeded = needed
      const wanted = Math.max(needed, this.capacityBytes >> 1)
      if (wanted !== this.#creditWanted) {
        this.#creditWanted = wanted
        // Asks to be woken: pairs with Atomics.load(CREDIT_WANTED) in release(), as a Dekker pair. We store the wish, then look at the head
        // (here, and in isCreditGranted() once parked); the consumer stores the head, then looks at the wish. Publishes no plain writes.
        Atomics.store(this.#words, CREDIT_WANTED, wanted)
      }
      isEnough = this.freeBytes() >= needed
    }
    if (isEnough && this.#creditWanted !== 0) {
      this.#creditWanted = 0
      // Takes the wish back: pairs with the same load. A consumer that still saw it rings once in vain.
      Atomics.store(this.#words, CREDIT_WANTED, 0)
    }
    return isEnough
  }

  #writeHeader(position: number, kind: number, length: number): void {
    const words = this.#words
    const at = DATA + ((position & this.#mask) >> 2)
    words[at + FRAME_LENGTH] = length
    words[at + FRAME_KIND] = kind | (FRAME_MAGIC << 16)
    words[at + FRAME_POSITION] = position
  }

  // ---- consumer ----

  poll(): number {
    const words = this.#words
    let position = this.#position
    if (position === this.#tailSeen) {
      // Takes over published frames: pairs with Atomics.store(TAIL) in publish(). All plain reads of headers and payloads stand below.
      this.#tailSeen = Atomics.load(words, TAIL)
      if (position === this.#tailSeen) return EMPTY
    }
    let at = DATA + ((position & this.#mask) >> 2)
    let kind = words[at + FRAME_KIND]
    if ((kind & FRAME_PADDING) !== 0) {
      position = (position + FRAME_HEADER_BYTES + words[at + FRAME_LENGTH]) | 0
      at = DATA
      kind = words[at + FRAME_KIND]!
    }
    const length = words[at + FRAME_LENGTH]
    assert(kind >>> 16 === FRAME_MAGIC && words[at + FRAME_POSITION] === position, 'ring holds no frame where one was published')
    assert(length >= 0 && length <= this.frameLengthMax, 'frame is longer than its ring allows')
    this.frameLength = length
    this.frameKind = kind & FRAME_KIND_MAX
    this.#position = (position + frameBytesOf(length)) | 0
    return this.#dataAddress + (position & this.#mask) + FRAME_HEADER_BYTES
  }

  release(): void {
    const position = this.#position
    if (position === this.#releasedHead) return
    this.#releasedHead = position
    const words = this.#words
    // Gives the bytes back: pairs with Atomics.load(HEAD) in freeBytes(). Every plain read of the released frames stands above this line.
    Atomics.store(words, HEAD, position)
    // The second half of the Dekker pair with #renewCredit(): first the head, then the wish. Sequentially consistent with the producer's store.
    const wanted = Atomics.load(words, CREDIT_WANTED)
    if (wanted !== 0) this.#grantCredit(wanted, position)
  }

  hasFrame(): boolean {
    // Pairs with Atomics.store(TAIL) in publish(); as the check after Doorbell.park() stored its word it is the other half of that Dekker pair.
    return this.#position !== this.#tailSeen || Atomics.load(this.#words, TAIL) !== this.#position
  }

  closeConsumer(): void {
    // Pairs with Atomics.load(CONSUMER_CLOSED) in isConsumerClosed(), and with isCreditGranted() as a Dekker pair over the producer's doorbell.
    Atomics.store(this.#words, CONSUMER_CLOSED, 1)
    this.#producerDoorbell?.ring()
  }

  isProducerClosed(): boolean {
    // Pairs with the store in closeProducer(); tails published before it are seen by every load that follows.
    return Atomics.load(this.#words, PRODUCER_CLOSED) !== 0
  }

  isDrained(): boolean {
    // The flag first: a tail loaded after the flag was seen is the last one.
    return this.isProducerClosed() && !this.hasFrame()
  }

  #grantCredit(wanted: number, head: number): void {
    // A producer that waits has published everything, so its tail stands still. Pairs with publish(); reads no frame.
    const free = this.capacityBytes - ((Atomics.load(this.#words, TAIL) - head) | 0)
    if (free >= wanted) this.#producerDoorbell?.ring()
  }

  // ---- both ----

  /**
   * Checks the chain of positions of `ring-layout.ts` as far as this end knows it.
   *
   * @throws {AssertionError} If it does not hold.
   */
  assertInvariants(): void {
    // Publishes and reads nothing but the words; head before tail, so that a difference is never too small.
    const head = Atomics.load(this.#words, HEAD)
    const tail = Atomics.load(this.#words, TAIL)
    assert(((this.#tailSeen - this.#position) | 0) >= 0 && ((this.#position - this.#releasedHead) | 0) >= 0, 'consumer passed the tail it saw')
    assert(((this.#committedTail - this.#publishedTail) | 0) >= 0, 'producer published what it had not committed')
    assert(this.#creditWanted >= this.#creditNeeded || this.#creditWanted === 0, 'producer asks for less credit than it needs')
    assert(((head | tail) & (FRAME_HEADER_BYTES - 1)) === 0, 'position lies between frames')
  }
}

function assertRegion(byteOffset: number, capacityBytes: number): void {
  assert(isRingCapacity(capacityBytes), 'ring capacity is not a power of two in range')
  assert(byteOffset % RING_ALIGNMENT_BYTES === 0, 'ring region is not aligned')
}
