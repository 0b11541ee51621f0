// Canonical key bytes back to values as user code sees them. For single keys (the current key of a function, tools that read a savepoint);
// whole batches go through `SegmentTable.keysToColumns`.

import { KeyTag } from '../base/key-bytes.ts'
import { Decimal, type LogicalType } from '../batch/types.ts'
import { decodeText } from '../batch/values.ts'

const NANOS_PER_MS = 1_000_000n
const NANOS_PER_MICRO = 1000n
const SAFE_MIN = BigInt(Number.MIN_SAFE_INTEGER)
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** The parts of a composite or ARRAY key, each as canonical bytes. */
export function keyPartsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length - 1;) {
    const length = view.getUint32(at, true)
    parts.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return parts
}

/**
 * The value that canonical bytes stand for in a column of `type`, as user code sees it. Without a type (what a key function returned): an
 * integer is a number if it is safe, else a bigint; a composite is the array of its parts.
 */
export function keyValueOf(bytes: Uint8Array, type?: LogicalType): unknown {
  const tag = bytes.at(-1) as KeyTag
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (tag) {
    case KeyTag.NULL:
      return null
    case KeyTag.INT64: {
      const value = view.getBigInt64(0, true)
      if (type === undefined) return value >= SAFE_MIN && value <= SAFE_MAX ? Number(value) : value
      if (type.kind === 'BIGINT') return type.safeInteger ? Number(value) : value
      if ((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision > 3) return value * NANOS_PER_MICRO
      return Number(value)
    }
    case KeyTag.FLOAT64:
      return view.getFloat64(0, true)
    case KeyTag.DECIMAL:
      return new Decimal((view.getBigInt64(8, true) << 64n) | view.getBigUint64(0, true), view.getUint8(16))
    case KeyTag.TEXT:
      return decodeText(bytes, 0, bytes.length - 1)
    case KeyTag.BINARY:
      return bytes.slice(0, -1)
    case KeyTag.BOOLEAN:
      return bytes[0] === 1
    case KeyTag.NANOS:
      return view.getBigInt64(0, true) * NANOS_PER_MS + BigInt(view.getInt32(8, true))
    case KeyTag.COMPOSITE: {
      const parts = keyPartsOf(bytes)
      if (type?.kind !== 'ROW') return parts.map((part) => keyValueOf(part))
      return Object.fromEntries(type.fields.map((field, index) => [field.name, keyValueOf(parts[index], field.type)]))
    }
    case KeyTag.ARRAY:
      return keyPartsOf(bytes).map((part) => keyValueOf(part, type?.kind === 'ARRAY' ? type.element : undefined))
  }
}
