// The frozen vectors: canonical bytes, hash and key groups of 100 keys. A change here orphans the state of every snapshot ever written.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hash64 } from '../../../src/base/hash64.ts'
import * as keys from '../../../src/base/key-bytes.ts'
import { keyGroupOf } from '../../../src/base/key-groups.ts'

interface Vector {
  readonly type: string
  readonly value: unknown
  readonly bytes: string
  readonly hash: string
  readonly keyGroup128: number
  readonly keyGroup1000: number
}

const vectors = JSON.parse(readFileSync(new URL('key-vectors.json', import.meta.url), 'utf8')) as readonly Vector[]

function bytesOf(type: string, value: unknown): Uint8Array {
  const pair = value as readonly [string, number]
  const parts = (): Uint8Array[] => (value as readonly (readonly [string, unknown])[]).map(([partType, part]) => bytesOf(partType, part))
  switch (type) {
    case 'null':
      return keys.nullKeyBytes()
    case 'int64':
      return keys.int64KeyBytes(BigInt(value as string))
    case 'number':
      return keys.numberKeyBytes(Number(value))
    case 'decimal':
      return keys.decimalKeyBytes(BigInt(pair[0]), pair[1])
    case 'text':
      return keys.textKeyBytes(value as string)
    case 'binary':
      return keys.binaryKeyBytes(Uint8Array.from(Buffer.from(value as string, 'hex')))
    case 'boolean':
      return keys.booleanKeyBytes(value as boolean)
    case 'nanos':
      return keys.nanosKeyBytes(BigInt(pair[0]), pair[1])
    case 'composite':
      return keys.compositeKeyBytes(parts())
    default:
      return keys.arrayKeyBytes(parts())
  }
}

describe('key bytes', () => {
  it('are the frozen ones, and so are their hashes and key groups', () => {
    expect(vectors.length).toBe(100)
    for (const vector of vectors) {
      const bytes = bytesOf(vector.type, vector.value)
      const found = {
        bytes: Buffer.from(bytes).toString('hex'),
        hash: hash64(bytes).toString(16).padStart(16, '0'),
        keyGroup128: keyGroupOf(bytes, 128),
        keyGroup1000: keyGroupOf(bytes, 1000),
      }
      expect({ type: vector.type, value: vector.value, ...found }).toEqual(vector)
    }
  })

  it('are equal for equal numbers of every kind', () => {
    const one = keys.keyBytesOf(1)
    expect(keys.keyBytesOf(1n)).toEqual(one)
    expect(keys.keyBytesOf(-0)).toEqual(keys.keyBytesOf(0n))
    expect(keys.numberKeyBytes(Number.NaN)).toEqual(keys.numberKeyBytes(-Number.NaN))
    expect(keys.keyBytesOf(2 ** 63)).not.toEqual(keys.int64KeyBytes(2n ** 63n - 1n))
  })

  it('keep types and boundaries of parts apart', () => {
    const distinct = [
      null,
      false,
      0,
      '',
      new Uint8Array(0),
      [],
      [null],
      [0],
      ['ab', 'c'],
      ['a', 'bc'],
      { unscaled: 0n, scale: 0 },
      { unscaled: 0n, scale: 1 },
      '0',
    ]
    expect(new Set(distinct.map((value) => Buffer.from(keys.keyBytesOf(value)).toString('hex'))).size).toBe(distinct.length)
  })

  it('refuse what has none', () => {
    for (const value of [2n ** 63n, '\ud800', undefined, {}, Symbol('x')]) expect(() => keys.keyBytesOf(value as never)).toThrow(/as a key/)
  })
})
