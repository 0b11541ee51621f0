// Goal: bytes that pass verifyBatch() decode without a read outside of them, whatever was done to them, and what the encoder writes passes.
// Method: frames of random batches, mutated; what is accepted is decoded twice with different bytes all around the frame: a read that leaves the frame
// shows as a difference, a wild one as an exception, a hang as a timeout.

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Random, freshSeed } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { RestoreError } from '../../src/base/errors.ts'
import { BatchDecoder, encodeBatch, encodedBytesMax } from '../../src/batch/batch-codec.ts'
import { batchToObjects } from '../../src/batch/batch-rows.ts'
import { verifyBatch } from '../../src/batch/batch-verifier.ts'
import { randomBatch, randomSchema } from './batch-arbitrary.ts'

const MUTATIONS = Number(process.env['MILLRACE_MUTATIONS'] ?? 100_000)
const MUTATIONS_PER_FRAME = 500
const MARGIN_BYTES = 4096
const WORDS = [0, 1, 2, 3, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 64, 128]

/** One to three wounds; headers are hit more often than their size asks for. */
function mutate(random: Random, frame: Uint8Array): Uint8Array {
  let bytes = frame.slice()
  for (let wounds = 1 + random.integer(3); wounds > 0 && bytes.length > 0; wounds--) {
    const at = random.integer(random.integer(3) > 0 ? Math.min(bytes.length, 512) : bytes.length)
    const word = Math.min(at & ~3, Math.max(0, bytes.length - 4))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    switch (random.integer(8)) {
      case 0:
      case 1:
        bytes[at] = bytes[at] ^ (1 << random.integer(8))
        break
      case 2:
        bytes[at] = random.integer(256)
        break
      case 3:
        if (bytes.length >= 4) view.setUint32(word, WORDS[random.integer(WORDS.length)], true)
        break
      case 4:
        if (bytes.length >= 4) view.setInt32(word, view.getInt32(word, true) + random.integer(129) - 64, true)
        break
      case 5: {
        const from = random.integer(bytes.length)
        bytes.copyWithin(at, from, from + 4 * (1 + random.integer(16)))
        break
      }
      case 6:
        bytes = bytes.slice(0, random.integer(bytes.length))
        break
      case 7:
        bytes.fill(random.integer(2) * 255, at, at + random.integer(64))
        break
    }
  }
  return bytes
}

test(`of ${MUTATIONS} mutated frames, each is refused or decodes within its bytes`, () => {
  const seed = Number(process.env['MILLRACE_SEED'] ?? freshSeed())
  const random = new Random(seed)
  const frames = new Slab()
  const target = new Slab()
  const room = 1 << 20
  const block = target.allocate(room)
  const place = block + MARGIN_BYTES
  let accepted = 0
  let changed = 0
  for (let done = 0; done < MUTATIONS;) {
    const schema = randomSchema(random, 4)
    const { batch } = randomBatch(random, frames, schema, 12)
    const bytes = encodedBytesMax(batch, 0, batch.logicalCount)
    const address = frames.allocate(bytes)
    const frame = frames.u8.slice(address, address + encodeBatch(batch, 0, batch.logicalCount, frames.u8, address))
    frames.free(address, bytes)
    const decoder = new BatchDecoder(target, schema)
    const read = (bytes: Uint8Array, around: number): string => {
      target.u8.fill(around, block, place + bytes.length + MARGIN_BYTES)
      target.u8.set(bytes, place)
      const { crossings } = decoder.decode(place, bytes.length)
      const { count } = crossings
      return inspect([batchToObjects(decoder.batch), crossings.positions.slice(0, count), crossings.watermarks.slice(0, count)], {
        depth: 9,
        maxArrayLength: null,
        maxStringLength: null,
      })
    }
    verifyBatch(frame, schema)
    const original = read(frame, 0)
    for (let round = 0; round < MUTATIONS_PER_FRAME; round++, done++) {
      const mutated = mutate(random, frame)
      try {
        verifyBatch(mutated, schema)
      } catch (error) {
        if (!(error instanceof RestoreError)) throw new Error(`seed ${seed}, mutation ${done}: ${String(error)}`, { cause: error })
        continue
      }
      accepted++
      try {
        const first = read(mutated, 0x00)
        expect(read(mutated, 0xa5)).toBe(first)
        if (first !== original) changed++
      } catch (error) {
        throw new Error(`seed ${seed}, mutation ${done}: an accepted frame is read outside of itself`, { cause: error })
      }
    }
    decoder.free()
  }
  console.log(`seed ${seed}: ${MUTATIONS} mutations, ${accepted} accepted, ${changed} of them with other values than were written`)
  expect(accepted).toBeLessThan(MUTATIONS)
}, 120_000)
