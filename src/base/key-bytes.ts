// Canonical key bytes: what a key *is*. Equal keys have equal bytes whatever column type, batch, worker or process they come from. Frozen:
// the bytes and their hash decide where state lives in every snapshot (test/unit/base/key-vectors.json holds the vectors).
//
//   value                                                        payload                                        tag (one byte, last)
//   NULL                                                         -                                              0
//   integral number within int64, DATE, TIME, TIMESTAMP(p <= 6),
//   INTERVAL, integral DOUBLE and FLOAT (so -0 = 0 = 0n)         int64                                          1
//   other DOUBLE and FLOAT                                       float64, one canonical NaN                     2
//   DECIMAL                                                      128-bit unscaled value, scale byte             3
//   text                                                         UTF-8                                          4
//   binary                                                       the bytes                                      5
//   BOOLEAN                                                      one byte, 0 or 1                               6
//   TIMESTAMP(p > 6)                                             int64 ms, int32 ns within the ms               7
//   ROW, several key columns                                     for each part: u32 length, its canonical bytes 8
//   ARRAY                                                        the same for each element                      9
//
// Everything is little endian and two's complement. MAP and MULTISET are no keys.

import { StateError } from './errors.ts'

export const KeyTag = { NULL: 0, INT64: 1, FLOAT64: 2, DECIMAL: 3, TEXT: 4, BINARY: 5, BOOLEAN: 6, NANOS: 7, COMPOSITE: 8, ARRAY: 9 } as const
export type KeyTag = (typeof KeyTag)[keyof typeof KeyTag]

/** Longest canonical key: lengths are kept in 24 bits beside the tag. */
export const KEY_BYTES_MAX = 0xffffff

/** What user code may return as a key. An array is an ARRAY key; several columns are {@link compositeKeyBytes}. */
export type KeyValue = null | boolean | number | bigint | string | Uint8Array | DecimalKey | readonly KeyValue[]

/** A DECIMAL as key bytes see it: its unscaled value and scale. */
export interface DecimalKey {
  readonly unscaled: bigint
  readonly scale: number
}

const encoder = new TextEncoder()
const INT64_LIMIT = 2 ** 63

/** The canonical bytes of NULL. */
export function nullKeyBytes(): Uint8Array {
  return Uint8Array.of(KeyTag.NULL)
}

/** The canonical bytes of an int64. */
export function int64KeyBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(9)
  new DataView(bytes.buffer).setBigInt64(0, value, true)
  bytes[8] = KeyTag.INT64
  return bytes
}

/** The canonical bytes of a double: those of the equal int64 if there is one. */
export function numberKeyBytes(value: number): Uint8Array {
  if (Number.isInteger(value) && value >= -INT64_LIMIT && value < INT64_LIMIT) return int64KeyBytes(BigInt(value))
  const bytes = new Uint8Array(9)
  // A DataView may store any NaN; the canonical one is written as bits.
  const view = new DataView(bytes.buffer)
  if (Number.isNaN(value)) view.setBigUint64(0, 0x7ff8000000000000n, true)
  else view.setFloat64(0, value, true)
  bytes[8] = KeyTag.FLOAT64
  return bytes
}

/** The canonical bytes of a DECIMAL at its declared scale. */
export function decimalKeyBytes(unscaled: bigint, scale: number): Uint8Array {
  const bytes = new Uint8Array(18)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt.asUintN(64, unscaled), true)
  view.setBigInt64(8, BigInt.asIntN(64, unscaled >> 64n), true)
  bytes[16] = scale
  bytes[17] = KeyTag.DECIMAL
  return bytes
}

/** The canonical bytes of text. */
export function textKeyBytes(text: string): Uint8Array {
  return tagged(encoder.encode(text), KeyTag.TEXT)
}

/** The canonical bytes of binary data. */
export function binaryKeyBytes(data: Uint8Array): Uint8Array {
  return tagged(data, KeyTag.BINARY)
}

/** The canonical bytes of a BOOLEAN. */
export function booleanKeyBytes(value: boolean): Uint8Array {
  return Uint8Array.of(value ? 1 : 0, KeyTag.BOOLEAN)
}

/** The canonical bytes of a TIMESTAMP of more than six digits. */
export function nanosKeyBytes(epochMs: bigint, nanosOfMs: number): Uint8Array {
  const bytes = new Uint8Array(13)
  const view = new DataView(bytes.buffer)
  view.setBigInt64(0, epochMs, true)
  view.setInt32(8, nanosOfMs, true)
  bytes[12] = KeyTag.NANOS
  return bytes
}

/** The canonical bytes of several columns or a ROW, from those of the parts. */
export function compositeKeyBytes(parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts, KeyTag.COMPOSITE)
}

/** The canonical bytes of an ARRAY, from those of the elements. */
export function arrayKeyBytes(elements: readonly Uint8Array[]): Uint8Array {
  return joined(elements, KeyTag.ARRAY)
}

/**
 * The canonical bytes of a value that user code returned as a key.
 *
 * @throws {StateError} `INVALID_KEY` if it is none: undefined, a symbol, a function, a plain object, or a bigint beyond 64 bits.
 */
export function keyBytesOf(value: KeyValue): Uint8Array {
  switch (typeof value) {
    case 'number':
      return numberKeyBytes(value)
    case 'bigint':
      if (BigInt.asIntN(64, value) === value) return int64KeyBytes(value)
      break
    case 'string':
      if (/\p{Surrogate}/u.test(value)) break
      return textKeyBytes(value)
    case 'boolean':
      return booleanKeyBytes(value)
    case 'object':
      if (value === null) return nullKeyBytes()
      if (value instanceof Uint8Array) return binaryKeyBytes(value)
      if (Array.isArray(value)) return arrayKeyBytes((value as readonly KeyValue[]).map(keyBytesOf))
      if (typeof (value as DecimalKey).unscaled === 'bigint') return decimalKeyBytes((value as DecimalKey).unscaled, (value as DecimalKey).scale)
  }
  throw new StateError('INVALID_KEY', `Cannot use a value of type ${typeof value} as a key: it has no canonical bytes`, {
    hint: 'Return a number, a bigint of 64 bits, a well-formed string, a boolean, a Uint8Array, a Decimal, null or an array of these.',
  })
}

function tagged(payload: Uint8Array, tag: KeyTag): Uint8Array {
  const bytes = new Uint8Array(payload.length + 1)
  bytes.set(payload)
  bytes[payload.length] = tag
  return bytes
}

function joined(parts: readonly Uint8Array[], tag: KeyTag): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 1))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) {
    view.setUint32(at, part.length, true)
    bytes.set(part, at + 4)
    at += 4 + part.length
  }
  bytes[at] = tag
  return bytes
}
