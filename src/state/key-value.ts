// Canonical key bytes back to values as user code sees them, and from them. For single keys (the current key of a function, tools that read and write
// savepoints); whole batches go through `SegmentTable.keysToColumns` and `BatchKeys`.

import {
  arrayKeyBytes,
  binaryKeyBytes,
  booleanKeyBytes,
  compositeKeyBytes,
  decimalKeyBytes,
  int64KeyBytes,
  keyBytesOf,
  KeyTag,
  type KeyValue,
  nanosKeyBytes,
  nullKeyBytes,
  numberKeyBytes,
  textKeyBytes,
} from '../base/key-bytes.ts'
import { Decimal, type LogicalType } from '../batch/types.ts'
import { decodeText } from '../batch/values.ts'
import { ByteReader, ByteWriter, valueCodecOf } from './value-codec.ts'

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

/**
 * The canonical bytes of a value in a key column of `type`; without a type, of what a key function returned.
 *
 * @param title Named in errors.
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the value does not fit the type. {@link StateError} `INVALID_KEY` if it cannot be a key.
 */
export function typedKeyBytes(value: unknown, type: LogicalType | undefined, title: string): Uint8Array {
  if (type === undefined || type.kind === 'OBJECT') return keyBytesOf(value as KeyValue)
  const writer = new ByteWriter()
  const codec = valueCodecOf(type, title)
  codec.write(writer, value)
  // As a column would hold it: padded, cut, rounded.
  const held = codec.read(new ByteReader().load(writer.bytes, 0, writer.at))
  return columnKeyBytes(held, type)
}

function columnKeyBytes(value: unknown, type: LogicalType): Uint8Array {
  if (value === null) return nullKeyBytes()
  switch (type.kind) {
    case 'BOOLEAN':
      return booleanKeyBytes(value as boolean)
    case 'CHAR':
    case 'VARCHAR':
      return textKeyBytes(value as string)
    case 'BINARY':
    case 'VARBINARY':
    case 'VARIANT':
    case 'BITMAP':
      return binaryKeyBytes(value as Uint8Array)
    case 'DECIMAL':
      return decimalKeyBytes((value as Decimal).unscaled * 10n ** BigInt(type.scale - (value as Decimal).scale), type.scale)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      if (typeof value === 'number') return numberKeyBytes(value)
      const nanos = value as bigint
      if (type.precision <= 6) return int64KeyBytes(nanos / NANOS_PER_MICRO)
      const rest = ((nanos % NANOS_PER_MS) + NANOS_PER_MS) % NANOS_PER_MS
      return nanosKeyBytes((nanos - rest) / NANOS_PER_MS, Number(rest))
    }
    case 'ROW':
      return compositeKeyBytes(type.fields.map((field) => columnKeyBytes((value as Record<string, unknown>)[field.name], field.type)))
    case 'ARRAY':
      return arrayKeyBytes((value as readonly unknown[]).map((element) => columnKeyBytes(element, type.element)))
    default:
      return typeof value === 'bigint' ? int64KeyBytes(value) : keyBytesOf(value as KeyValue)
  }
}
