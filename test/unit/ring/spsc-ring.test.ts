import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../../src/base/assert.ts'
import { Slab } from '../../../src/base/slab.ts'
import { Doorbell, DOORBELL_BYTES } from '../../../src/ring/parking.ts'
import { EMPTY, NO_SPACE } from '../../../src/ring/ring.ts'
import { FRAME_USER_BYTES, frameBytesOf, frameLengthMaxOf, RING_DATA_OFFSET, RING_SLACK_BYTES, ringRegionBytes } from '../../../src/ring/ring-layout.ts'
import { SpscRing } from '../../../src/ring/spsc-ring.ts'

const CAPACITY = 1024
const LONGEST = frameLengthMaxOf(CAPACITY)

function newRing(startPosition: number = 0): { producer: SpscRing; consumer: SpscRing; u8: Uint8Array; i32: Int32Array } {
  const buffer = new SharedArrayBuffer(ringRegionBytes(CAPACITY))
  SpscRing.initialize(buffer, 0, CAPACITY, startPosition)
  return { producer: new SpscRing(buffer, 0, CAPACITY), consumer: new SpscRing(buffer, 0, CAPACITY), u8: new Uint8Array(buffer), i32: new Int32Array(buffer) }
}

function write(ring: SpscRing, u8: Uint8Array, bytes: readonly number[], kind: number = 1): boolean {
  const address = ring.tryClaim(bytes.length)
  if (address === NO_SPACE) return false
  u8.set(bytes, address)
  ring.commit(kind, bytes.length)
  return true
}

function read(ring: SpscRing, u8: Uint8Array): number[] | undefined {
  const address = ring.poll()
  return address === EMPTY ? undefined : [...u8.subarray(address, address + ring.frameLength)]
}

function fill(ring: SpscRing, length: number): number {
  let count = 0
  while (ring.tryClaim(length) !== NO_SPACE) {
    ring.commit(0, length)
    count++
  }
  return count
}

describe('SpscRing', () => {
  test('SpscRing.poll() returns EMPTY until publish(), however many frames are committed', () => {
    const { producer, consumer, u8 } = newRing()
    expect(consumer.poll()).toBe(EMPTY)
    write(producer, u8, [1, 2, 3])
    write(producer, u8, [4])
    expect(consumer.poll()).toBe(EMPTY)
    expect(consumer.hasFrame()).toBe(false)
    producer.publish()
    expect(consumer.hasFrame()).toBe(true)
    expect(read(consumer, u8)).toEqual([1, 2, 3])
    expect(read(consumer, u8)).toEqual([4])
    expect(consumer.poll()).toBe(EMPTY)
  })

  test('SpscRing.poll() tells kind and length of the frame, also of an empty one', () => {
    const { producer, consumer, u8 } = newRing()
    write(producer, u8, [], 255)
    write(producer, u8, [7, 7], 0)
    producer.publish()
    expect(consumer.poll()).toBeGreaterThan(0)
    expect([consumer.frameKind, consumer.frameLength]).toEqual([255, 0])
    expect(consumer.poll()).toBeGreaterThan(0)
    expect([consumer.frameKind, consumer.frameLength]).toEqual([0, 2])
  })

  test('SpscRing.tryClaim() returns NO_SPACE when the consumer is a full lap behind', () => {
    const { producer, consumer } = newRing()
    const count = fill(producer, LONGEST)
    expect(count).toBe(3)
    expect(producer.tryClaim(LONGEST)).toBe(NO_SPACE)
    consumer.poll()
    expect(producer.tryClaim(LONGEST)).toBe(NO_SPACE)
    consumer.release()
    expect(producer.tryClaim(LONGEST)).not.toBe(NO_SPACE)
  })

  test('SpscRing.tryClaim() publishes what is committed before it refuses, else nobody could free the room', () => {
    const { producer, consumer } = newRing()
    fill(producer, 100)
    expect(consumer.poll()).not.toBe(EMPTY)
  })

  test('SpscRing.tryClaim() keeps the slack behind a frame out of the bytes that the consumer still owns', () => {
    const { producer } = newRing()
    const count = fill(producer, 0)
    expect(count * frameBytesOf(0)).toBe(CAPACITY - RING_SLACK_BYTES)
  })

  test('SpscRing.tryClaim() gives addresses on 64 bytes of the slab, frames in one piece', () => {
    const { producer, consumer } = newRing()
    for (let round = 0; round < 200; round++) {
      const length = (round * 37) % LONGEST
      const address = producer.tryClaim(length)
      expect(address % 64).toBe(0)
      expect(address + length).toBeLessThanOrEqual(RING_DATA_OFFSET + CAPACITY)
      producer.commit(1, length)
      producer.publish()
      expect(consumer.poll()).toBe(address)
      expect(consumer.frameLength).toBe(length)
      consumer.release()
    }
  })

  test('SpscRing.tryClaim() accepts frames up to a quarter of the ring and no longer ones', () => {
    const { producer } = newRing()
    expect(producer.frameLengthMax).toBe(LONGEST)
    expect(frameBytesOf(LONGEST)).toBe(CAPACITY / 4)
    expect(producer.tryClaim(LONGEST)).not.toBe(NO_SPACE)
    expect(() => producer.tryClaim(LONGEST + 1)).toThrow(AssertionError)
  })

  test('SpscRing.commit() may keep less than was claimed and gives the rest back', () => {
    const { producer, consumer, u8 } = newRing()
    const before = producer.freeBytes()
    const address = producer.tryClaim(LONGEST)
    u8[address] = 9
    producer.commit(3, 1)
    expect(producer.freeBytes()).toBe(before - frameBytesOf(1))
    producer.publish()
    expect(read(consumer, u8)).toEqual([9])
  })

  test('SpscRing.commit() refuses more than was claimed, a kind beyond a byte and a second commit of one claim', () => {
    const { producer } = newRing()
    producer.tryClaim(10)
    expect(() => producer.commit(1, 11)).toThrow(AssertionError)
    expect(() => producer.commit(256, 10)).toThrow(AssertionError)
    producer.commit(1, 10)
    expect(() => producer.commit(1, 0)).toThrow(AssertionError)
  })

  test('SpscRing.tryClaim() may be called again instead of committing: the first claim leaves no trace, even across the end of the data', () => {
    const { producer, consumer, u8 } = newRing()
    for (let round = 0; round < 50; round++) {
      producer.tryClaim(LONGEST)
      expect(write(producer, u8, [round, 1])).toBe(true)
      producer.publish()
      expect(read(consumer, u8)).toEqual([round, 1])
      consumer.release()
    }
  })

  test("SpscRing keeps the caller's bytes of the frame header", () => {
    const { producer, consumer, u8 } = newRing()
    for (let round = 0; round < 40; round++) {
      const address = producer.tryClaim(0)
      u8.fill(round, address - FRAME_USER_BYTES, address)
      producer.commit(2, 0)
      producer.publish()
      const at = consumer.poll()
      expect(new Set(u8.subarray(at - FRAME_USER_BYTES, at))).toEqual(new Set([round]))
      consumer.release()
    }
  })

  test('SpscRing.release() frees polled frames only, and a frame held stays untouched while the producer goes on', () => {
    const { producer, consumer, u8 } = newRing()
    write(producer, u8, [42, 43])
    producer.publish()
    const held = consumer.poll()
    const kept = consumer.frameLength
    fill(producer, 60)
    expect([...u8.subarray(held, held + kept)]).toEqual([42, 43])
    consumer.release()
    expect(consumer.backlogBytes()).toBe(producer.capacityBytes - producer.freeBytes())
  })

  test.each([-64 * 5, 2 ** 31 - 64 * 5, -(2 ** 31) - 64 * 5, 2 ** 32 - 64 * 3])('SpscRing goes on when positions wrap, starting at %d', (startPosition) => {
    const { producer, consumer, u8 } = newRing(startPosition)
    let written = 0
    let readCount = 0
    for (let round = 0; round < 100; round++) {
      while (write(producer, u8, [written & 255, (written * 3) & 255], written & 255)) written++
      expect(producer.freeBytes()).toBeLessThan(256)
      expect(consumer.backlogBytes()).toBeGreaterThan(CAPACITY - 256)
      for (let frame = read(consumer, u8); frame !== undefined; frame = read(consumer, u8)) {
        expect(frame).toEqual([readCount & 255, (readCount * 3) & 255])
        expect(consumer.frameKind).toBe(readCount & 255)
        readCount++
        producer.assertInvariants()
        consumer.assertInvariants()
      }
      consumer.release()
      expect(consumer.backlogBytes()).toBe(0)
    }
    expect(readCount).toBe(written)
  })

  test('SpscRing.isCreditGranted() is true once what a refused claim needs was released, and false when nothing was refused', () => {
    const { producer, consumer } = newRing()
    expect(producer.isCreditGranted()).toBe(false)
    fill(producer, LONGEST)
    expect(producer.isCreditGranted()).toBe(false)
    consumer.poll()
    consumer.release()
    expect(producer.isCreditGranted()).toBe(true)
    expect(producer.tryClaim(LONGEST)).not.toBe(NO_SPACE)
    expect(producer.isCreditGranted()).toBe(false)
  })

  test('SpscRing.isDrained() waits for the last frame of a closed producer', () => {
    const { producer, consumer, u8 } = newRing()
    write(producer, u8, [1])
    producer.closeProducer()
    expect(consumer.isProducerClosed()).toBe(true)
    expect(consumer.isDrained()).toBe(false)
    expect(read(consumer, u8)).toEqual([1])
    expect(consumer.isDrained()).toBe(true)
  })

  test('SpscRing.closeConsumer() shows at the producer, and gives a refused one something to do', () => {
    const { producer, consumer } = newRing()
    fill(producer, LONGEST)
    expect(producer.isConsumerClosed()).toBe(false)
    consumer.closeConsumer()
    expect(producer.isConsumerClosed()).toBe(true)
    expect(producer.isCreditGranted()).toBe(true)
  })

  test('SpscRing.poll() fails on a frame that was overwritten rather than believe it', () => {
    const { producer, consumer, u8, i32 } = newRing()
    write(producer, u8, [1])
    producer.publish()
    i32[(RING_DATA_OFFSET >> 2) + 2] = 64
    expect(() => consumer.poll()).toThrow(AssertionError)
  })

  test('SpscRing refuses a region of another capacity, an odd address and a capacity that is no power of two', () => {
    const buffer = new SharedArrayBuffer(8192)
    SpscRing.initialize(buffer, 128, 1024)
    expect(() => new SpscRing(buffer, 128, 2048)).toThrow(AssertionError)
    expect(() => new SpscRing(buffer, 64, 1024)).toThrow(AssertionError)
    expect(() => SpscRing.initialize(buffer, 0, 1000)).toThrow(AssertionError)
    expect(() => SpscRing.initialize(buffer, 0, 256)).toThrow(AssertionError)
  })

  test('SpscRing in a slab goes on working through its old views when the slab grows', () => {
    const slab = new Slab(64 << 20)
    const region = slab.allocate(ringRegionBytes(CAPACITY))
    SpscRing.initialize(slab.memory.buffer, region, CAPACITY)
    const producer = new SpscRing(slab.memory.buffer, region, CAPACITY)
    const consumer = new SpscRing(slab.memory.buffer, region, CAPACITY)
    const before = slab.memory.buffer
    slab.allocate(16 << 20)
    expect(slab.memory.buffer).not.toBe(before)
    write(producer, slab.u8, [5, 6])
    producer.publish()
    expect(read(consumer, slab.u8)).toEqual([5, 6])
  })
})

describe('SpscRing and doorbells', () => {
  function newPair(): { ring: SpscRing; producerDoorbell: Doorbell; consumerDoorbell: Doorbell; words: Int32Array; park(which: number): void } {
    const region = ringRegionBytes(CAPACITY)
    const buffer = new SharedArrayBuffer(region + 2 * DOORBELL_BYTES)
    SpscRing.initialize(buffer, 0, CAPACITY)
    const producerDoorbell = new Doorbell(buffer, region)
    const consumerDoorbell = new Doorbell(buffer, region + DOORBELL_BYTES)
    const ring = new SpscRing(buffer, 0, CAPACITY, { producer: producerDoorbell, consumer: consumerDoorbell })
    const words = new Int32Array(buffer)
    // On one thread nobody can really sleep: the word says that somebody does.
    return { ring, producerDoorbell, consumerDoorbell, words, park: (which) => void (words[(region + which * DOORBELL_BYTES) >> 2] = 1) }
  }

  test('SpscRing.publish() wakes a parked consumer, commit() does not', () => {
    const { ring, consumerDoorbell, park } = newPair()
    park(1)
    ring.tryClaim(1)
    ring.commit(0, 1)
    expect(consumerDoorbell.isParked()).toBe(true)
    ring.publish()
    expect(consumerDoorbell.isParked()).toBe(false)
  })

  test('SpscRing.release() leaves a producer asleep that has not been refused, and wakes a refused one when half of the ring is free', () => {
    const { ring, producerDoorbell, park } = newPair()
    park(0)
    ring.tryClaim(1)
    ring.commit(0, 1)
    ring.publish()
    ring.poll()
    ring.release()
    expect(producerDoorbell.isParked()).toBe(true)
    fill(ring, 64)
    let released = 0
    while (producerDoorbell.isParked()) {
      expect(ring.poll()).not.toBe(EMPTY)
      ring.release()
      released++
    }
    expect(ring.freeBytes()).toBeGreaterThanOrEqual(CAPACITY / 2)
    expect(released).toBeGreaterThan(1)
    expect(ring.isCreditGranted()).toBe(true)
  })

  test('SpscRing.closeProducer() and closeConsumer() wake the other end', () => {
    const { ring, producerDoorbell, consumerDoorbell, park } = newPair()
    park(0)
    park(1)
    ring.closeProducer()
    expect(consumerDoorbell.isParked()).toBe(false)
    ring.closeConsumer()
    expect(producerDoorbell.isParked()).toBe(false)
  })
})
