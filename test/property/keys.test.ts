// Keys of random columns: what the kernels hash is what the plain twin encodes and hashes.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hash64 } from '../../src/base/hash64.ts'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { type LogicalType, Schema, typeWordOf } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyEncoder, keyFormOf } from '../../src/kernels/keys.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { keyBytesOfRow } from '../../src/kernels/twin/keys.ts'
import { randomBatch, randomType } from './batch-arbitrary.ts'

const module = compileKernels()

/** Whether values of the type are keys: no map and no object anywhere in it. */
export function isKeyType(type: LogicalType): boolean {
  if (type.kind === 'ARRAY') return isKeyType(type.element)
  if (type.kind === 'ROW') return type.fields.every((field) => isKeyType(field.type))
  return type.kind !== 'MAP' && type.kind !== 'MULTISET' && type.kind !== 'OBJECT'
}

function randomKeyType(random: Random): LogicalType {
  for (;;) {
    const type = randomType(random, 2)
    if (isKeyType(type)) return type
  }
}

/** The payload of the `row`-th key of an encoder, tag appended. */
function encodedBytes(slab: Slab, encoder: KeyEncoder, row: number): { bytes: Uint8Array; hash: bigint } {
  const hash = slab.u64[(encoder.hashes >>> 3) + row]
  if (encoder.form === KeyForm.VALUE) {
    const at = encoder.keys + row * 8
    return { bytes: slab.u8.slice(at, at + 8), hash }
  }
  const word = slab.u32[(encoder.words >>> 2) + row]
  const at = slab.u32[(encoder.keys >>> 2) + row]
  const length = word & 0xffffff
  const bytes = slab.u8.slice(at, at + length)
  bytes[length - 1] = word >>> 24
  return { bytes, hash }
}

describe('key kernels', () => {
  it('encode and hash the keys of random columns as the twin does, whatever the selection and the part of the batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const schema = new Schema(Array.from({ length: 1 + random.integer(3) }, (_, index) => ({ name: `c${index}`, type: randomKeyType(random) })))
        const { batch } = randomBatch(random, slab, schema, 60)
        const columns = batch.columns
        const form = keyFormOf(columns.map((column) => ({ kind: column.kind, typeCode: typeWordOf(column.type) & 255 })))
        // A dictionary of numbers is no plain value column any more.
        if (form === KeyForm.VALUE && columns[0].dictionary !== null) return
        const encoder = new KeyEncoder(slab, instantiateKernels(module, slab), form, columns.length)
        const descriptors = columns.map((column) => column.descriptor)
        const begin = random.integer(batch.logicalCount + 1)
        encoder.encode(descriptors, batch.selection, begin, batch.logicalCount - begin)
        for (let row = 0; row < encoder.count; row++) {
          const expected = keyBytesOfRow(slab, descriptors, batch.physicalRow(begin + row))
          const found = encodedBytes(slab, encoder, row)
          expect(found.hash).toBe(hash64(expected))
          // In value form the payload alone is there: eight bytes, of which a BOOLEAN has one and NULL none.
          const length = form === KeyForm.BYTES ? expected.length : expected.length - 1
          expect(found.bytes.subarray(0, length)).toEqual(expected.subarray(0, length))
        }
        encoder.free()
      }),
      { numRuns: 300 },
    )
  })

  it('make the checksum of any bytes at any address that XXH64 makes, and another one for other bytes', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const data = slab.allocate(1024)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(63), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(499), (bytes, shift, seed, flipped) => {
        slab.u8.fill(0xaa, data, data + 1024)
        slab.u8.set(bytes, data + shift)
        const checksum = (): bigint => BigInt.asUintN(64, kernels.hash64(data + shift, bytes.length, BigInt.asIntN(64, seed)))
        const whole = checksum()
        expect(whole).toBe(hash64(bytes, seed))
        if (flipped >= bytes.length) return
        slab.u8[data + shift + flipped] ^= 1
        expect(checksum()).not.toBe(whole)
      }),
      { numRuns: 300 },
    )
  })

  it('hash bytes of every length as XXH64 does, with and without a tag behind them', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const encoder = new KeyEncoder(slab, kernels, KeyForm.BYTES, 1)
    const random = new Random(3)
    const data = slab.allocate(4096)
    const offsets = slab.allocate(64)
    for (let length = 1; length <= 300; length++) {
      for (let at = 0; at < length; at++) slab.u8[data + at] = random.integer(256)
      const bytes = slab.u8.slice(data, data + length)
      expect(BigInt.asUintN(64, kernels.hash64(data, length, 5n))).toBe(hash64(bytes, 5n))
      slab.u32.set([0, length], offsets >>> 2)
      encoder.encodeCanonical(offsets, data, 1)
      expect(slab.u64[encoder.hashes >>> 3]).toBe(hash64(bytes))
    }
  })
})
