// The plain twin of assembly/keys.ts: canonical key bytes of rows, read value by value. The oracle of the property tests.

import {
  arrayKeyBytes,
  binaryKeyBytes,
  booleanKeyBytes,
  compositeKeyBytes,
  decimalKeyBytes,
  int64KeyBytes,
  nanosKeyBytes,
  nullKeyBytes,
  numberKeyBytes,
  textKeyBytes,
} from '../../base/key-bytes.ts'
import type { Slab } from '../../base/slab.ts'
import * as layout from '../column-layout.ts'
import { PhysicalKind, TypeCode } from '../column-layout.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The canonical bytes of the value at a physical row of the column that `descriptor` describes. */
export function keyBytesOfValue(slab: Slab, descriptor: number, row: number): Uint8Array {
  const word = (field: number): number => slab.u32[(descriptor >>> 2) + field]
  const values = word(layout.DESCRIPTOR_VALUES)
  if (word(layout.DESCRIPTOR_NULL_COUNT) > 0 && (slab.u8[word(layout.DESCRIPTOR_VALIDITY) + (row >>> 3)] & (1 << (row & 7))) === 0) return nullKeyBytes()
  if ((word(layout.DESCRIPTOR_FLAGS) & layout.COLUMN_DICTIONARY) !== 0)
    return keyBytesOfValue(slab, word(layout.DESCRIPTOR_DICTIONARY), slab.i32[(values >>> 2) + row])
  const child = (index: number): number => slab.u32[(word(layout.DESCRIPTOR_CHILDREN) >>> 2) + index]
  const offset = (index: number): number => slab.i32[(word(layout.DESCRIPTOR_OFFSETS) >>> 2) + index]
  const type = word(layout.DESCRIPTOR_TYPE)
  const typeCode = type & 255
  const scale = (type >>> 16) & 255
  const int64 = (): bigint => slab.i64[(values >>> 3) + row]
  switch (word(layout.DESCRIPTOR_KIND) as PhysicalKind) {
    case PhysicalKind.BIT:
      return booleanKeyBytes((slab.u8[values + (row >>> 3)] & (1 << (row & 7))) !== 0)
    case PhysicalKind.INT8:
      return int64KeyBytes(BigInt(slab.i8[values + row]))
    case PhysicalKind.INT16:
      return int64KeyBytes(BigInt(slab.i16[(values >>> 1) + row]))
    case PhysicalKind.INT32:
      return int64KeyBytes(BigInt(slab.i32[(values >>> 2) + row]))
    case PhysicalKind.INT64:
      return typeCode === TypeCode.DECIMAL ? decimalKeyBytes(int64(), scale) : int64KeyBytes(int64())
    case PhysicalKind.FLOAT32:
      return numberKeyBytes(slab.f32[(values >>> 2) + row])
    case PhysicalKind.FLOAT64:
      return numberKeyBytes(slab.f64[(values >>> 3) + row])
    case PhysicalKind.INT128:
      return decimalKeyBytes((slab.i64[(values >>> 3) + row * 2 + 1] << 64n) | slab.u64[(values >>> 3) + row * 2], scale)
    case PhysicalKind.TIMESTAMP_NANOS:
      return nanosKeyBytes(int64(), slab.i32[(word(layout.DESCRIPTOR_EXTRA) >>> 2) + row])
    case PhysicalKind.BYTES: {
      const data = word(layout.DESCRIPTOR_DATA)
      const bytes = slab.u8.slice(data + offset(row), data + offset(row + 1))
      return typeCode === TypeCode.VARCHAR || typeCode === TypeCode.CHAR ? textKeyBytes(decoder.decode(bytes)) : binaryKeyBytes(bytes)
    }
    case PhysicalKind.STRUCT:
      return compositeKeyBytes(Array.from({ length: word(layout.DESCRIPTOR_CHILD_COUNT) }, (_, index) => keyBytesOfValue(slab, child(index), row)))
    case PhysicalKind.LIST:
      return arrayKeyBytes(Array.from({ length: offset(row + 1) - offset(row) }, (_, index) => keyBytesOfValue(slab, child(0), offset(row) + index)))
    default:
      throw new TypeError('values of this kind are no keys')
  }
}

/** The canonical bytes of a row's key: of the column itself for one, of the composite for several. */
export function keyBytesOfRow(slab: Slab, descriptors: readonly number[], row: number): Uint8Array {
  if (descriptors.length === 1) return keyBytesOfValue(slab, descriptors[0], row)
  return compositeKeyBytes(descriptors.map((descriptor) => keyBytesOfValue(slab, descriptor, row)))
}
