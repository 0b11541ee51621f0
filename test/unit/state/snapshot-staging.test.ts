// Room for the records of a checkpoint: what is given out does not overlap, is given out again once it was taken back, and most of it goes back.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { SnapshotStaging } from '../../../src/state/snapshot-staging.ts'
import { fillSlab } from '../../fixtures/checkpoints.ts'

const MIB = 1 << 20
const owner = {}

test('rooms do not overlap, however many checkpoints there are', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.oneof(fc.nat(5000), fc.integer({ min: 0, max: 3 * MIB })), { maxLength: 20 }), { maxLength: 5 }), (checkpoints) => {
      const slab = new Slab()
      const before = slab.allocatedBytes
      const staging = new SnapshotStaging(slab)
      const owners = [{}, {}]
      for (const sizes of checkpoints) {
        const rooms = sizes
          .map((size) => ({ address: staging.takeOrThrow(size, owners[size % 2]), size }))
          .toSorted((left, right) => left.address - right.address)
        for (const [index, { address }] of rooms.entries()) {
          expect(address % 8).toBe(0)
          if (index > 0) expect(address).toBeGreaterThanOrEqual(rooms[index - 1].address + rooms[index - 1].size)
        }
        staging.clear()
        expect(slab.allocatedBytes - before).toBeLessThanOrEqual(16 * MIB)
      }
      staging.free()
      expect(slab.allocatedBytes).toBe(before)
    }),
    { numRuns: 100 },
  )
})

test('checkpoints of one size take no more memory than the first', () => {
  const slab = new Slab()
  const staging = new SnapshotStaging(slab)
  const sizes = [MIB + 1, 10, 700_000, 700_000, 3 * MIB]
  for (const size of sizes) staging.takeOrThrow(size, owner)
  const held = slab.allocatedBytes
  for (let checkpoint = 0; checkpoint < 10; checkpoint++) {
    staging.clear()
    for (const size of sizes) staging.takeOrThrow(size, owner)
    expect(slab.allocatedBytes).toBe(held)
  }
})

test('a slab without room is told, and what was given out stays', () => {
  const slab = new Slab(4 * MIB)
  const staging = new SnapshotStaging(slab)
  expect(staging.take(MIB, owner)).toBeGreaterThan(0)
  expect(staging.take(8 * MIB, owner)).toBeUndefined()
  expect(() => staging.takeOrThrow(8 * MIB, owner)).toThrow(
    expect.objectContaining({ code: 'SLAB_FULL', message: expect.stringContaining('the records of a checkpoint') }),
  )
})

test('what one owner gives back is given out again, what another one has is not', () => {
  const slab = new Slab()
  const staging = new SnapshotStaging(slab)
  const other = {}
  const address = staging.takeOrThrow(1000, owner)
  const others = staging.takeOrThrow(1000, other)
  staging.clear(owner)
  const again = Array.from({ length: 100 }, () => staging.takeOrThrow(1000, owner))
  expect(again).toContain(address)
  expect(again).not.toContain(others)
})

test('a slab that has only small blocks left gives those', () => {
  const slab = new Slab(4 * MIB)
  const staging = new SnapshotStaging(slab)
  for (let block = 0; block < 8; block++) staging.takeOrThrow(64 << 10, owner)
  const unfill = fillSlab(slab, 0)
  while (staging.take(1000, owner) !== undefined);
  unfill()
  // Of 1 KiB and of 64 only.
  expect(staging.take(60_000, owner)).toBeGreaterThan(0)
  expect(staging.take(70_000, owner)).toBeUndefined()
})
