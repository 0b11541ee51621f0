import { deepEqual, equal, ok } from 'node:assert/strict'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { EMPTY, NO_SPACE } from '../../src/ring/ring.ts'
import { frameBytesOf, frameLengthMaxOf, RING_DATA_OFFSET, RING_SLACK_BYTES, ringRegionBytes } from '../../src/ring/ring-layout.ts'
import { SpscRing } from '../../src/ring/spsc-ring.ts'

type Operation =
  | { readonly do: 'write'; readonly claimed: number; readonly kept: number; readonly kind: number }
  | { readonly do: 'abandon'; readonly claimed: number }
  | { readonly do: 'publish' | 'poll' | 'release' }

interface Frame {
  readonly kind: number
  readonly bytes: readonly number[]
}

const CAPACITIES = [512, 1024, 4096]

function operations(capacity: number): fc.Arbitrary<Operation[]> {
  const length = fc.oneof(fc.integer({ min: 0, max: frameLengthMaxOf(capacity) }), fc.constantFrom(0, 1, 63, 64, frameLengthMaxOf(capacity)))
  const fraction = fc.constantFrom(0, 0.5, 1)
  const write = fc.record({ do: fc.constant('write' as const), claimed: length, kind: fc.integer({ min: 0, max: 255 }), fraction })
  return fc.array(
    fc.oneof(
      { weight: 5, arbitrary: write.map(({ fraction: part, ...one }) => ({ ...one, kept: Math.floor(one.claimed * part) })) },
      { weight: 1, arbitrary: length.map((claimed) => ({ do: 'abandon' as const, claimed })) },
      { weight: 6, arbitrary: fc.constantFrom({ do: 'publish' as const }, { do: 'poll' as const }, { do: 'poll' as const }, { do: 'release' as const }) },
    ),
    { minLength: 20, maxLength: 400 },
  )
}

const scenario = fc.constantFrom(...CAPACITIES).chain((capacity) =>
  fc.record({
    capacity: fc.constant(capacity),
    // Near both places where a position changes its sign.
    startPosition: fc.integer({ min: -20, max: 20 }).chain((frames) => fc.constantFrom(frames * 64, 2 ** 31 + frames * 64)),
    steps: operations(capacity),
  }),
)

test('SpscRing behaves as three arrays do: committed, published and held frames, whatever the order of calls', () => {
  const check = (): void =>
    fc.assert(
      fc.property(scenario, ({ capacity, startPosition, steps }) => {
        const buffer = new SharedArrayBuffer(ringRegionBytes(capacity))
        SpscRing.initialize(buffer, 0, capacity, startPosition)
        const producer = new SpscRing(buffer, 0, capacity)
        const consumer = new SpscRing(buffer, 0, capacity)
        const u8 = new Uint8Array(buffer)
        const committed: Frame[] = []
        const published: Frame[] = []
        const held: { readonly address: number; readonly frame: Frame }[] = []
        let mark = 0

        const claim = (length: number): number => {
          const address = producer.tryClaim(length)
          const isFull = producer.freeBytes() < frameBytesOf(length) + RING_SLACK_BYTES
          if (isFull) equal(address, NO_SPACE)
          if (address === NO_SPACE) {
            // It publishes before it refuses, and never refuses a ring that is empty.
            published.push(...committed.splice(0))
            ok(published.length + held.length > 0)
          } else {
            equal(address % 64, 0)
            ok(address + length <= RING_DATA_OFFSET + capacity)
            // A writer may scribble over all of it, and over the slack.
            u8.fill(0xee, address, address + length + RING_SLACK_BYTES)
          }
          return address
        }

        for (const step of steps) {
          switch (step.do) {
            case 'write': {
              const address = claim(step.claimed)
              if (address === NO_SPACE) break
              const bytes = Array.from({ length: step.kept }, () => mark++ & 255)
              u8.set(bytes, address)
              producer.commit(step.kind, step.kept)
              committed.push({ kind: step.kind, bytes })
              break
            }
            case 'abandon':
              claim(step.claimed)
              break
            case 'publish':
              producer.publish()
              published.push(...committed.splice(0))
              break
            case 'poll': {
              equal(consumer.hasFrame(), published.length > 0)
              const address = consumer.poll()
              const frame = published.shift()
              if (frame === undefined) equal(address, EMPTY)
              else {
                deepEqual([consumer.frameKind, consumer.frameLength], [frame.kind, frame.bytes.length])
                held.push({ address, frame })
              }
              break
            }
            case 'release':
              for (const { address, frame } of held) deepEqual([...u8.subarray(address, address + frame.bytes.length)], frame.bytes)
              consumer.release()
              held.length = 0
              break
          }
          producer.assertInvariants()
          consumer.assertInvariants()
        }
      }),
      { numRuns: 300 },
    )
  expect(check).not.toThrow()
})
