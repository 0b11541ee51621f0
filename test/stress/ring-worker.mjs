// One thread of a ring stress test: plays the role that workerData names, on the ring code bundled at workerData.bundleUrl, and posts one
// result. Plain JavaScript, because a worker cannot load TypeScript.

import { parentPort, workerData } from 'node:worker_threads'

const { Doorbell, EMPTY, IdleStrategy, NO_SPACE, Random, SpscRing, systemClock } = await import(workerData.bundleUrl)
const { buffer, seed } = workerData
const i32 = new Int32Array(buffer)
const strategyOf = (doorbell, spinMicros) => new IdleStrategy(doorbell, { clock: systemClock, spinMicros })

/** Burns a little time now and then, so that each end is sometimes the slow one. */
function dawdle(random) {
  if (random.integer(4096) !== 0) return
  for (let turns = random.integer(20_000), sink = 0; turns > 0; turns--) sink += turns
}

const roles = {
  /** Sends `messageCount` frames of random length: sequence, length, words of a pattern, and a checksum; publishes now and then. */
  produce({ ring: at, doorbells, messageCount, lengthMax, publishEvery, spinMicros }) {
    const doorbell = new Doorbell(buffer, doorbells.producer, 1000)
    const ring = new SpscRing(buffer, at.offset, at.capacity, { producer: doorbell, consumer: new Doorbell(buffer, doorbells.consumer) })
    const strategy = strategyOf(doorbell, spinMicros)
    const random = new Random(seed)
    const hasWork = () => ring.isCreditGranted()
    let refusedCount = 0
    let byteCount = 0
    for (let sequence = 0; sequence < messageCount;) {
      const words = 3 + random.integer((lengthMax >> 2) - 2)
      // Claims more than it commits, as a writer does that does not know its length yet.
      const address = ring.tryClaim(Math.min(ring.frameLengthMax, words * 4 + 64))
      if (address === NO_SPACE) {
        refusedCount++
        strategy.idle(hasWork, 1000)
        continue
      }
      const start = address >> 2
      let checksum = sequence ^ words
      i32[start] = sequence
      for (let word = 1; word < words - 1; word++) {
        const value = Math.imul(sequence + word, 0x9e3779b1)
        i32[start + word] = value
        checksum = (Math.imul(checksum, 31) + value) | 0
      }
      i32[start + words - 1] = checksum
      ring.commit(sequence & 255, words * 4)
      byteCount += words * 4
      sequence++
      if (random.integer(publishEvery) === 0) ring.publish()
      dawdle(random)
    }
    ring.closeProducer()
    return { refusedCount, byteCount, parkCount: doorbell.parkCount, lateWakeCount: doorbell.lateWakeCount }
  },

  /** Reads all rings to their ends, checks every frame when polled and those it still holds once more just before it releases them. */
  async consume({ rings, doorbells, lengthMax, isAsync, spinMicros }) {
    const doorbell = new Doorbell(buffer, doorbells.consumer, 1000)
    const strategy = strategyOf(doorbell, spinMicros)
    const inputs = rings.map(
      (at, index) => new SpscRing(buffer, at.offset, at.capacity, { producer: new Doorbell(buffer, doorbells.producers[index]), consumer: doorbell }),
    )
    const random = new Random(seed)
    const expected = inputs.map(() => 0)
    const held = []
    let byteCount = 0
    const check = (address, length, kind, sequence) => {
      const start = address >> 2
      const words = length >> 2
      let checksum = sequence ^ words
      for (let word = 1; word < words - 1; word++) checksum = (Math.imul(checksum, 31) + i32[start + word]) | 0
      if (i32[start] !== sequence) throw new Error(`Cannot accept frame: sequence is ${i32[start]}, expected ${sequence}`)
      if (kind !== (sequence & 255) || length > lengthMax) throw new Error(`Cannot accept frame ${sequence}: kind=${kind} length=${length}`)
      if (i32[start + words - 1] !== checksum) throw new Error(`Cannot accept frame ${sequence}: checksum differs`)
    }
    const drain = (ring, index) => {
      const frameCountMax = 1 + random.integer(32)
      let frameCount = 0
      held.length = 0
      for (; frameCount < frameCountMax; frameCount++) {
        const address = ring.poll()
        if (address === EMPTY) break
        check(address, ring.frameLength, ring.frameKind, expected[index])
        if ((frameCount & 7) === 0) held.push([address, ring.frameLength, ring.frameKind, expected[index]])
        byteCount += ring.frameLength
        expected[index]++
        dawdle(random)
      }
      for (const frame of held) check(...frame)
      ring.release()
      return frameCount
    }
    const hasWork = () => {
      for (const ring of inputs) if (ring.hasFrame()) return true
      return inputs.every((ring) => ring.isProducerClosed())
    }
    while (!inputs.every((ring) => ring.isDrained())) {
      let work = 0
      for (let index = 0; index < inputs.length; index++) work += drain(inputs[index], index)
      if (work > 0) continue
      if (isAsync) await strategy.idleAsync(hasWork, 1000)
      else strategy.idle(hasWork, 1000)
    }
    doorbell.close()
    return { messageCounts: expected, byteCount, parkCount: doorbell.parkCount, lateWakeCount: doorbell.lateWakeCount }
  },

  /** Round by round: stores the round's number, rings, notes whether the ring woke somebody. */
  ringAfterStore({ words, doorbells, deadlineMs }) {
    const doorbell = new Doorbell(buffer, doorbells.consumer)
    let round = 0
    while (systemClock.monotonicMs() < deadlineMs) {
      round++
      while (Atomics.load(i32, words.ready) !== round);
      jitter(round)
      Atomics.store(i32, words.work, round)
      const woke = doorbell.ring()
      Atomics.store(i32, words.woke, woke ? 1 : 0)
      Atomics.store(i32, words.done, round)
    }
    Atomics.store(i32, words.end, 1)
    return { roundCount: round }
  },

  /** The other side: declares itself parked, looks for the work, and waits for the round's end before it takes the declaration back. */
  checkAfterPark({ words, doorbells }) {
    const doorbell = new Doorbell(buffer, doorbells.consumer)
    const outcomes = { 'seen, not woken': 0, 'not seen, woken': 0, 'seen, woken': 0, 'not seen, not woken': 0 }
    let round = 0
    let isSeen = false
    const look = () => {
      isSeen = Atomics.load(i32, words.work) === round
      while (Atomics.load(i32, words.done) !== round) if (Atomics.load(i32, words.end) === 1) return true
      return true
    }
    for (;;) {
      round++
      Atomics.store(i32, words.ready, round)
      jitter(round * 7)
      doorbell.park(look, 1000)
      if (Atomics.load(i32, words.end) === 1 && Atomics.load(i32, words.done) !== round) break
      outcomes[`${isSeen ? 'seen' : 'not seen'}, ${Atomics.load(i32, words.woke) === 1 ? 'woken' : 'not woken'}`]++
    }
    return outcomes
  },

  /** Sends one frame and waits for its echo, `roundCount` times; posts the median in microseconds. */
  ping({ out, back, doorbells, roundCount, spinMicros }) {
    const doorbell = new Doorbell(buffer, doorbells.producer, 1000)
    const peer = new Doorbell(buffer, doorbells.consumer)
    const ring = new SpscRing(buffer, out.offset, out.capacity, { producer: doorbell, consumer: peer })
    const echo = new SpscRing(buffer, back.offset, back.capacity, { producer: peer, consumer: doorbell })
    const strategy = strategyOf(doorbell, spinMicros)
    const hasWork = () => echo.hasFrame()
    const micros = new Float64Array(roundCount)
    for (let round = 0; round < roundCount; round++) {
      const start = performance.now()
      const address = ring.tryClaim(8)
      i32[address >> 2] = round
      ring.commit(1, 8)
      ring.publish()
      let at = echo.poll()
      for (; at === EMPTY; at = echo.poll()) strategy.idle(hasWork, 1000)
      if (i32[at >> 2] !== round) throw new Error(`Cannot accept echo of round ${round}: it says ${i32[at >> 2]}`)
      echo.release()
      micros[round] = (performance.now() - start) * 1000
    }
    ring.closeProducer()
    micros.sort()
    return { p50: micros[roundCount >> 1], p99: micros[Math.floor(roundCount * 0.99)], lateWakeCount: doorbell.lateWakeCount, parkCount: doorbell.parkCount }
  },

  pong({ out, back, doorbells, spinMicros }) {
    const doorbell = new Doorbell(buffer, doorbells.consumer, 1000)
    const peer = new Doorbell(buffer, doorbells.producer)
    const ring = new SpscRing(buffer, out.offset, out.capacity, { producer: peer, consumer: doorbell })
    const echo = new SpscRing(buffer, back.offset, back.capacity, { producer: doorbell, consumer: peer })
    const strategy = strategyOf(doorbell, spinMicros)
    const hasWork = () => ring.hasFrame() || ring.isProducerClosed()
    while (!ring.isDrained()) {
      const at = ring.poll()
      if (at === EMPTY) {
        strategy.idle(hasWork, 1000)
        continue
      }
      const address = echo.tryClaim(8)
      i32[address >> 2] = i32[at >> 2]
      echo.commit(1, 8)
      ring.release()
      echo.publish()
    }
    return { lateWakeCount: doorbell.lateWakeCount, parkCount: doorbell.parkCount }
  },
}

/** A few nanoseconds more or less, so that the two sides meet in every order. */
function jitter(round) {
  for (let turns = (Math.imul(round, 0x9e3779b1) >>> 16) & 63, sink = 0; turns > 0; turns--) sink += turns
}

parentPort.postMessage(await roles[workerData.role](workerData))
