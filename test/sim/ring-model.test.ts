// All interleavings of ring, credit, park and wake up to a bound. Goal: frames arrive once, whole and in order, nothing is overwritten while the
// consumer holds it, everybody ends, and nobody sleeps while there is work: parks never time out here, so a lost wake-up is a dead end that the
// search reports. Method: ring-model.ts. Each seeded bug must be found; that shows that the search can find such bugs.

import { describe, expect, test } from 'vitest'
import { DOORBELL_BYTES } from '../../src/ring/parking.ts'
import { EMPTY, NO_SPACE } from '../../src/ring/ring.ts'
import { RING_SLACK_BYTES, ringRegionBytes } from '../../src/ring/ring-layout.ts'
import { type Change, type Model, type ModelDoorbell, type ModelRing, type Scene, search, type SearchResult, type Steps } from './ring-model.ts'

/** The largest shapes have hundreds of thousands of states, which take ten seconds of a core that does nothing else. */
const TEST_TIMEOUT_MS = 240_000
const CAPACITY = 512
const FRAME_HEADER = 64

interface Shape {
  /** Frames that fit into a ring at once. */
  readonly slotCount: 1 | 2 | 3
  /** How many each producer sends. */
  readonly messageCounts: readonly number[]
  readonly publishEvery: number
  /** Frames that the consumer holds before it releases them. */
  readonly holdCount: number
  /** Sleeps that may end by themselves. */
  readonly timeoutCount: number
}

/** A ring holds four of its longest frames; the model lets it hold fewer, so that few messages fill it. */
const FEW_SLOTS: Change = { file: 'ring-layout.ts', from: 'FRAMES_PER_RING_MIN = 4', to: 'FRAMES_PER_RING_MIN = 2' }
const FRAME_BYTES = { 1: 256, 2: 192, 3: 128 } as const

function* produce(scene: Scene, ring: ModelRing, doorbell: ModelDoorbell, messageCount: number, { slotCount, publishEvery }: Shape): Steps<void> {
  const length = FRAME_BYTES[slotCount] - FRAME_HEADER
  for (let sequence = 0; sequence < messageCount;) {
    scene.forget(1, sequence, ring.privateState())
    const address = yield* ring.tryClaim(length)
    if (address === NO_SPACE) {
      yield* doorbell.park(() => ring.isCreditGranted(), Infinity)
      continue
    }
    // Kernels write so far past the end.
    scene.i32.fill(sequence + 1, address >> 2, (address + length + RING_SLACK_BYTES) >> 2)
    ring.commit(sequence, length)
    sequence++
    if (sequence % publishEvery === 0) yield* ring.publish()
  }
  yield* ring.closeProducer()
}

function* consume(scene: Scene, rings: readonly ModelRing[], doorbell: ModelDoorbell, received: number[], { holdCount }: Shape): Steps<void> {
  function* hasWork(): Steps<boolean> {
    for (let index = 0; index < rings.length; index++) {
      scene.forget(5, index, received, ...rings.map((one) => one.privateState()))
      if (yield* rings[index].hasFrame()) return true
    }
    for (const ring of rings) if (!(yield* ring.isProducerClosed())) return false
    return true
  }
  const check = (address: number, length: number, sequence: number): void => {
    for (let word = address >> 2; word < (address + length) >> 2; word++) {
      if (scene.i32[word] !== sequence + 1) throw new Error(`frame ${sequence} holds ${scene.i32[word]}`)
    }
  }
  for (;;) {
    let work = 0
    for (let index = 0; index < rings.length; index++) {
      const ring = rings[index]
      scene.forget(2, index, work, received, ...rings.map((one) => one.privateState()))
      const held: [address: number, sequence: number][] = []
      while (held.length < holdCount) {
        const address = yield* ring.poll()
        if (address === EMPTY) break
        if (ring.frameKind !== received[index]) throw new Error(`frame ${ring.frameKind} came instead of ${received[index]}`)
        check(address, ring.frameLength, ring.frameKind)
        held.push([address, received[index]])
        received[index]++
      }
      if (held.length === 0) continue
      work += held.length
      if (holdCount > 1) yield* scene.pause()
      for (const [address, sequence] of held) check(address, ring.frameLength, sequence)
      yield* ring.release()
    }
    if (work > 0) continue
    let isDrained = true
    for (const ring of rings) {
      scene.forget(3, rings.indexOf(ring), received, ...rings.map((one) => one.privateState()))
      if (yield* ring.isDrained()) continue
      isDrained = false
      break
    }
    if (isDrained) return
    scene.forget(4, received, ...rings.map((one) => one.privateState()))
    yield* doorbell.park(hasWork, Infinity)
  }
}

function newModel(shape: Shape): Model {
  const { messageCounts, timeoutCount } = shape
  const producerCount = messageCounts.length
  const doorbellBytes = (producerCount + 1) * DOORBELL_BYTES
  return {
    bufferBytes: doorbellBytes + producerCount * ringRegionBytes(CAPACITY),
    timeoutCount,
    start(scene) {
      const { code, buffer } = scene
      const received = Array.from({ length: producerCount }, () => 0)
      const readers: ModelRing[] = []
      const consumerDoorbell = new code.Doorbell(buffer, 0, Infinity)
      const threads: Steps<void>[] = []
      for (let index = 0; index < producerCount; index++) {
        const offset = doorbellBytes + index * ringRegionBytes(CAPACITY)
        // Across the wrap of positions.
        code.SpscRing.initialize(buffer, offset, CAPACITY, -2 * 64)
        const doorbell = new code.Doorbell(buffer, (index + 1) * DOORBELL_BYTES, Infinity)
        const doorbells = { producer: doorbell, consumer: consumerDoorbell }
        readers.push(new code.SpscRing(buffer, offset, CAPACITY, doorbells))
        threads.push(produce(scene, new code.SpscRing(buffer, offset, CAPACITY, doorbells), doorbell, messageCounts[index], shape))
      }
      threads.push(consume(scene, readers, consumerDoorbell, received, shape))
      return {
        threads,
        check: () => {
          if (received.some((count, index) => count !== messageCounts[index])) throw new Error(`frames are lost: ${received.join(', ')} came`)
        },
      }
    },
  }
}

/** Work that the owner's `hasWork()` does not see, as a message at a port: a number that only grows, behind which its poster calls `post()`. */
interface MailShape {
  /** How many each poster sends. */
  readonly postCounts: readonly number[]
  /** How many frames come over a ring beside them. */
  readonly frameCount: number
  readonly timeoutCount: number
  /** A bug of the owner: it takes its mail behind the look at the ports. */
  readonly isMailTakenLate?: boolean
}

const MAIL_RING: Shape = { slotCount: 2, messageCounts: [], publishEvery: 1, holdCount: 1, timeoutCount: 0 }

function newMailModel({ postCounts, frameCount, timeoutCount, isMailTakenLate }: MailShape): Model {
  const ringOffset = 2 * DOORBELL_BYTES
  const portsOffset = ringOffset + ringRegionBytes(CAPACITY)
  return {
    bufferBytes: portsOffset + postCounts.length * 4,
    timeoutCount,
    start(scene) {
      const { code, buffer, atomics, i32 } = scene
      const ports = postCounts.map((_, index) => (portsOffset >> 2) + index)
      const owner = new code.Doorbell(buffer, 0, Infinity)
      const producer = new code.Doorbell(buffer, DOORBELL_BYTES, Infinity)
      code.SpscRing.initialize(buffer, ringOffset, CAPACITY, 0)
      const ring = new code.SpscRing(buffer, ringOffset, CAPACITY, { producer, consumer: owner })
      const writer = new code.SpscRing(buffer, ringOffset, CAPACITY, { producer, consumer: owner })
      const received = postCounts.map(() => 0)
      let frames = 0

      function* post(port: number, count: number): Steps<void> {
        const doorbell = new code.Doorbell(buffer, 0, Infinity)
        for (let sequence = 1; sequence <= count; sequence++) {
          scene.forget(sequence)
          atomics.store(i32, port, sequence, yield)
          yield* doorbell.post()
        }
      }
      function* receive(): Steps<void> {
        for (;;) {
          scene.forget(received, frames, ring.privateState())
          let work = 0
          if (isMailTakenLate !== true) yield* owner.takeMail()
          for (const [index, port] of ports.entries()) {
            const value = atomics.load(i32, port, yield)
            work += value - received[index]
            received[index] = value
          }
          if (isMailTakenLate === true) yield* owner.takeMail()
          for (; (yield* ring.poll()) !== EMPTY; work++) frames++
          yield* ring.release()
          if (work > 0) continue
          if (frames === frameCount && received.every((count, index) => count === postCounts[index])) return
          yield* owner.park(() => ring.hasFrame(), Infinity)
        }
      }
      return {
        threads: [...ports.map((port, index) => post(port, postCounts[index])), produce(scene, writer, producer, frameCount, MAIL_RING), receive()],
        check: () => {},
      }
    },
  }
}

function report(name: string, result: SearchResult): void {
  const { stateCount, stepCount, endCount, depthMax, violation } = result
  process.stdout.write(
    `  ${name}: ${stateCount} states, ${stepCount} steps, ${endCount} ends, ${depthMax} deep${violation === undefined ? '' : `, found: ${violation.message}`}\n`,
  )
}

const SHAPES: readonly Shape[] = [
  { slotCount: 1, messageCounts: [4], publishEvery: 1, holdCount: 1, timeoutCount: 2 },
  { slotCount: 2, messageCounts: [4], publishEvery: 1, holdCount: 1, timeoutCount: 1 },
  { slotCount: 2, messageCounts: [4], publishEvery: 2, holdCount: 2, timeoutCount: 1 },
  { slotCount: 3, messageCounts: [4], publishEvery: 1, holdCount: 2, timeoutCount: 1 },
  { slotCount: 1, messageCounts: [1, 1], publishEvery: 1, holdCount: 1, timeoutCount: 1 },
  { slotCount: 1, messageCounts: [2, 1], publishEvery: 1, holdCount: 1, timeoutCount: 0 },
]

describe('all interleavings of ring, credit and park', () => {
  test.each(SHAPES)(
    'nothing is lost and nobody sleeps for ever: messages $messageCounts, slots $slotCount, published every $publishEvery, held $holdCount, timeouts $timeoutCount',
    async (shape) => {
      const result = await search(newModel(shape), [FEW_SLOTS])
      report(`${shape.messageCounts.join(' + ')} messages, ${shape.slotCount} slots`, result)
      expect(result.violation).toBe(undefined)
      expect(result.endCount).toBeGreaterThan(0)
    },
    TEST_TIMEOUT_MS,
  )
})

const MAIL_SHAPES: readonly MailShape[] = [
  { postCounts: [4], frameCount: 0, timeoutCount: 2 },
  { postCounts: [2, 1], frameCount: 0, timeoutCount: 1 },
  { postCounts: [2], frameCount: 2, timeoutCount: 0 },
]

describe('all interleavings of mail and park', () => {
  test.each(MAIL_SHAPES)(
    'nobody sleeps for ever over work that only mail announces: posts $postCounts, frames $frameCount, timeouts $timeoutCount',
    async (shape) => {
      const result = await search(newMailModel(shape), [FEW_SLOTS])
      report(`${shape.postCounts.join(' + ')} posts, ${shape.frameCount} frames`, result)
      expect(result.violation).toBe(undefined)
      expect(result.endCount).toBeGreaterThan(0)
    },
    TEST_TIMEOUT_MS,
  )
})

const PARKED = 'everybody sleeps and not all is done'
const TWO_SLOTS: Shape = { slotCount: 2, messageCounts: [4], publishEvery: 1, holdCount: 2, timeoutCount: 0 }

interface SeededBug {
  readonly name: string
  readonly change: Change
  readonly message: string | RegExp
}

const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: 'no check after the parked word was stored',
    change: { file: 'parking.ts', from: 'if (this.hasMail() || hasWork()) {', to: 'if (false) {' },
    message: PARKED,
  },
  {
    name: 'the check before the parked word is stored instead of after',
    change: {
      file: 'parking.ts',
      from: /Atomics\.store\(words, STATE, PARKED\)\n    if \(this\.hasMail\(\) \|\| hasWork\(\)\) \{/,
      to: 'const hadWork = hasWork()\n    Atomics.store(words, STATE, PARKED)\n    if (hadWork) {',
    },
    message: PARKED,
  },
  {
    name: 'the consumer is rung before the tail is published',
    change: {
      file: 'spsc-ring.ts',
      from: /Atomics\.store\(this\.#words, TAIL, tail\)\n    this\.#consumerDoorbell\?\.ring\(\)/,
      to: 'this.#consumerDoorbell?.ring()\n    Atomics.store(this.#words, TAIL, tail)',
    },
    message: PARKED,
  },
  {
    name: 'a ring that notifies without changing the word',
    change: { file: 'parking.ts', from: 'if (Atomics.compareExchange(words, STATE, PARKED, AWAKE) !== PARKED) return false', to: '' },
    message: PARKED,
  },
  {
    name: 'a refused producer that leaves no note',
    change: { file: 'spsc-ring.ts', from: 'Atomics.store(this.#words, CREDIT_WANTED, wanted)', to: '' },
    message: PARKED,
  },
  {
    name: 'a consumer that looks for the note before it gives the bytes back',
    change: {
      file: 'spsc-ring.ts',
      from: /Atomics\.store\(words, HEAD, position\)\n((?:    \/\/.*\n)+)    const wanted = Atomics\.load\(words, CREDIT_WANTED\)/,
      to: 'const wanted = Atomics.load(words, CREDIT_WANTED)\n    Atomics.store(words, HEAD, position)',
    },
    message: PARKED,
  },
  {
    name: 'a claim that believes there is always room',
    change: { file: 'spsc-ring.ts', from: 'let isEnough = this.freeBytes() >= needed', to: 'let isEnough = true' },
    message: /frame|ring holds no frame/,
  },
  {
    name: 'a claim that forgets the slack behind it',
    change: { file: 'spsc-ring.ts', from: '+ frameBytes + RING_SLACK_BYTES', to: '+ frameBytes' },
    message: /frame|ring holds no frame/,
  },
  {
    name: 'a poll that gives the bytes back at once',
    change: {
      file: 'spsc-ring.ts',
      from: 'this.#position = (position + frameBytesOf(length)) | 0',
      to: 'this.#position = (position + frameBytesOf(length)) | 0\n    Atomics.store(words, HEAD, this.#position)',
    },
    message: /frame|ring holds no frame/,
  },
]

describe('the search finds seeded bugs', () => {
  test.each(SEEDED_BUGS)(
    '$name',
    async ({ name, change, message }) => {
      const result = await search(newModel(TWO_SLOTS), [FEW_SLOTS, change])
      report(name, result)
      expect(result.violation?.message).toMatch(message)
    },
    TEST_TIMEOUT_MS,
  )
})

const MAIL: MailShape = { postCounts: [2, 1], frameCount: 0, timeoutCount: 0 }

interface SeededMailBug {
  readonly name: string
  readonly shape?: MailShape
  readonly changes: readonly Change[]
}

const SEEDED_MAIL_BUGS: readonly SeededMailBug[] = [
  { name: 'a post that is only a ring', changes: [{ file: 'parking.ts', from: 'Atomics.add(this.#words, MAIL, 1)', to: '' }] },
  {
    name: 'a post that rings before it counts',
    changes: [
      {
        file: 'parking.ts',
        from: /Atomics\.add\(this\.#words, MAIL, 1\)\n    return this\.ring\(\)/,
        to: 'const woke = this.ring()\n    Atomics.add(this.#words, MAIL, 1)\n    return woke',
      },
    ],
  },
  { name: 'a park that does not look for mail', changes: [{ file: 'parking.ts', from: 'if (this.hasMail() || hasWork()) {', to: 'if (hasWork()) {' }] },
  {
    name: 'a park that looks for mail before the parked word is stored',
    changes: [
      {
        file: 'parking.ts',
        from: /Atomics\.store\(words, STATE, PARKED\)\n    if \(this\.hasMail\(\) \|\| hasWork\(\)\) \{/,
        to: 'const hadMail = this.hasMail()\n    Atomics.store(words, STATE, PARKED)\n    if (hadMail || hasWork()) {',
      },
    ],
  },
  {
    name: 'a park that takes the mail nobody has looked for',
    changes: [{ file: 'parking.ts', from: 'Atomics.store(words, STATE, PARKED)', to: 'this.takeMail()\n    Atomics.store(words, STATE, PARKED)' }],
  },
  { name: 'an owner that takes its mail behind the look at its ports', shape: { ...MAIL, isMailTakenLate: true }, changes: [] },
]

describe('the search finds seeded bugs of mail', () => {
  test.each(SEEDED_MAIL_BUGS)(
    '$name',
    async ({ name, shape, changes }) => {
      const result = await search(newMailModel(shape ?? MAIL), [FEW_SLOTS, ...changes])
      report(name, result)
      expect(result.violation?.message).toBe(PARKED)
    },
    TEST_TIMEOUT_MS,
  )
})
