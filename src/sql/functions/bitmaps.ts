// Functions of bitmaps, which are sets of integers of 32 bits. Their values are the bytes of Roaring bitmaps.

import { NotABitmapError, RoaringBitmap } from '../../base/roaring-bitmap.ts'
import type { LogicalType } from '../../batch/types.ts'
import { CastError } from '../cast-error.ts'
import type { Value } from '../value.ts'
import { BIGINT, bySignature, type FunctionTable, INT, type Parameter, type ScalarFunction, STRING } from './scalar-function.ts'
import { BYTES_TYPE, isBinary, isIntegerType, withoutBareNull } from './texts.ts'

export const BITMAP_TYPE: LogicalType = { kind: 'BITMAP', nullable: true }
const INTS: LogicalType = { kind: 'ARRAY', element: INT, nullable: true }

const BITMAP: Parameter = { takes: ({ kind }) => kind === 'BITMAP', to: () => BITMAP_TYPE, type: BITMAP_TYPE }
const BYTES: Parameter = { takes: isBinary, to: (type) => type, type: BYTES_TYPE }
const INTEGERS: Parameter = {
  takes: (type) => type.kind === 'ARRAY' && isIntegerType(type.element) && type.element.kind !== 'BIGINT',
  to: () => INTS,
  type: INTS,
}

/** The bitmap that a value is the bytes of. */
export function bitmapOf(value: Value): RoaringBitmap {
  return RoaringBitmap.fromBytes(value as Uint8Array)
}

/** Reads bytes from elsewhere, and writes them as all of our bitmaps are. @throws {CastError} */
function fromBytes(bytes: Value): Value {
  try {
    return bitmapOf(bytes).toBytes()
  } catch (error) {
    if (!(error instanceof NotABitmapError)) throw error
    throw new CastError(error.message)
  }
}

/** Of an array without its NULLs. */
function build(values: Value): Value {
  const numbers = (values as readonly Value[]).filter((value) => value !== null) as readonly number[]
  return RoaringBitmap.of(numbers).toBytes()
}

function ofOne(parameter: Parameter, result: LogicalType, code: (value: Value) => Value): ScalarFunction {
  return { resolve: withoutBareNull(bySignature([parameter], result)), make: () => code }
}

function ofTwo(combine: (left: RoaringBitmap, right: RoaringBitmap) => RoaringBitmap): ScalarFunction {
  return {
    resolve: withoutBareNull(bySignature([BITMAP, BITMAP], BITMAP_TYPE)),
    make: () => (left, right) => combine(bitmapOf(left), bitmapOf(right)).toBytes(),
  }
}

export const BITMAP_FUNCTIONS: FunctionTable = {
  BITMAP_AND: ofTwo((left, right) => left.and(right)),
  BITMAP_ANDNOT: ofTwo((left, right) => left.andNot(right)),
  BITMAP_BUILD: { resolve: bySignature([INTEGERS], BITMAP_TYPE), make: () => build },
  BITMAP_CARDINALITY: ofOne(BITMAP, BIGINT, (bitmap) => BigInt(bitmapOf(bitmap).cardinality)),
  BITMAP_FROM_BYTES: { resolve: bySignature([BYTES], BITMAP_TYPE), make: () => fromBytes },
  BITMAP_OR: ofTwo((left, right) => left.or(right)),
  BITMAP_TO_ARRAY: ofOne(BITMAP, INTS, (bitmap) => Array.from(bitmapOf(bitmap).toArray())),
  BITMAP_TO_BYTES: ofOne(BITMAP, BYTES_TYPE, (bitmap) => bitmap),
  BITMAP_TO_STRING: ofOne(BITMAP, STRING, (bitmap) => bitmapOf(bitmap).toString()),
  BITMAP_XOR: ofTwo((left, right) => left.xor(right)),
}
