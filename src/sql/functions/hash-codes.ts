// Hashes of values: the same for equal ones, however they lie in memory. Of texts it is the one that HASH_CODE of Flink gives.

import type { Column } from '../../batch/column.ts'
import { Decimal } from '../../batch/types.ts'
import { decodeText } from '../../batch/values.ts'
import type { Value } from '../value.ts'

const NAN_HASH = 0x7ff80000
const bits = new DataView(new ArrayBuffer(8))

function withoutSign(hash: number): number {
  return Math.abs(hash) | 0
}

/** Of any value that is neither NULL nor made of others. */
export function hashOfValue(value: Value): number {
  if (typeof value === 'string') return hashOfText(value)
  if (typeof value === 'number') return hashOfNumber(value)
  if (typeof value === 'bigint') return hashOfInteger(value)
  if (value instanceof Decimal) return hashOfInteger(value.unscaled)
  if (value instanceof Uint8Array) return withoutSign(value.reduce((hash, byte) => (Math.imul(31, hash) + byte) | 0, 1))
  return value === true ? 1 : 0
}

/** Java's hash of a text, without its sign. */
export function hashOfText(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0
  return withoutSign(hash)
}

/** The same of a text in a column, which is decoded only if it is not ASCII. */
export function hashOfTextAt(column: Column, row: number): number {
  const { dictionary, slab } = column
  const { u8, i32 } = slab
  const of = dictionary ?? column
  const place = (of.offsets >>> 2) + (dictionary === null ? row : i32[(column.values >>> 2) + row])
  const { data } = of
  const [start, end] = [data + i32[place], data + i32[place + 1]]
  let hash = 0
  for (let at = start; at < end; at++) {
    const byte = u8[at]
    if (byte > 127) return hashOfText(decodeText(u8, start, end))
    hash = (Math.imul(31, hash) + byte) | 0
  }
  return withoutSign(hash)
}

/** Whole numbers have the hash that they have as BIGINTs. */
export function hashOfNumber(value: number): number {
  if (Number.isSafeInteger(value)) return withoutSign(value ^ Math.floor(value / 4294967296))
  if (Number.isNaN(value)) return NAN_HASH
  bits.setFloat64(0, value)
  return withoutSign(bits.getInt32(0) ^ bits.getInt32(4))
}

function hashOfInteger(value: bigint): number {
  return withoutSign(Number(BigInt.asIntN(32, value)) ^ Number(BigInt.asIntN(32, value >> 32n)))
}
