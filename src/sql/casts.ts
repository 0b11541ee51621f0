// CAST of booleans, numbers, text and bytes, as Flink casts; of times and intervals in time-casts.ts, of collections in collection-casts.ts.

import { doubleText } from '../base/double-text.ts'
import { RoaringBitmap } from '../base/roaring-bitmap.ts'
import { Decimal, isText, type LogicalType } from '../batch/types.ts'
import { variantText } from '../batch/variant.ts'
import { CastError } from './cast-error.ts'
import { collectionCastOf } from './collection-casts.ts'
import type { EvaluationContext } from './functions/scalar-function.ts'
import type { Value } from './value.ts'
import { decimalOfDouble, fitDecimal } from './decimal-arithmetic.ts'
import { booleanOf, decimalOf, doubleOf, integerOf } from './text-numbers.ts'
import { timeCastOf } from './time-casts.ts'
import { isTemporal } from './type-rules.ts'

export { CastError }

const BITS: Readonly<Record<string, number>> = { TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64 }
const INT_LIMIT = 2_147_483_648
const BIGINT_MAX = 2n ** 63n - 1n
const BIGINT_MIN = -(2n ** 63n)
const SIMPLE = new Set(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'CHAR', 'VARCHAR', 'BINARY', 'VARBINARY'])
const COLLECTIONS = new Set(['ARRAY', 'MAP', 'MULTISET', 'ROW'])

/** What casts values that are not NULL; undefined: not there yet. @throws {CastError} from the function, for values that cannot be cast. */
export function castOf(from: LogicalType, to: LogicalType, context: EvaluationContext): ((value: Value) => Value) | undefined {
  if (isTemporal(from) || isTemporal(to)) {
    const cast = timeCastOf(from, to, context)
    return cast && isText(to) ? (value) => fitText(cast(value) as string, to) : cast
  }
  if (COLLECTIONS.has(from.kind)) {
    const cast = collectionCastOf(from, to, (one, other) => castOf(one, other, context))
    return cast && isText(to) ? (value) => fitUnits(cast(value) as string, to) : cast
  }
  if (from.kind === 'VARIANT' && to.kind === 'VARIANT') return (value) => value
  if (from.kind === 'VARIANT') return isText(to) ? (value) => variantText(value as Uint8Array) : undefined
  if (from.kind === 'BITMAP') {
    if (isText(to)) return (value) => fitUnits(RoaringBitmap.fromBytes(value as Uint8Array).toString(), to)
    return to.kind === 'BITMAP' || to.kind === 'VARBINARY' ? (value) => value : undefined
  }
  if (!SIMPLE.has(from.kind) || !SIMPLE.has(to.kind)) return undefined
  switch (to.kind) {
    case 'BOOLEAN':
      return (value) => toBoolean(value)
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return (value) => toInteger(value, to.kind)
    case 'FLOAT':
    case 'DOUBLE': {
      const round = to.kind === 'FLOAT' ? Math.fround : Number
      return (value) => round(toDouble(value))
    }
    case 'DECIMAL':
      return isText(from) ? (text) => decimalOf(text as string, to) ?? cannotRead(text, 'DECIMAL') : (value) => fitDecimal(toDecimal(value), to)
    case 'CHAR':
    case 'VARCHAR':
      return from.kind === 'BINARY' || from.kind === 'VARBINARY' ? (value) => fitUnits(toText(value, from), to) : (value) => fitText(toText(value, from), to)
    default:
      return (value) => fitBytes(value instanceof Uint8Array ? value : Buffer.from(value as string), to as LogicalType & { length: number })
  }
}

/** An integer in so many bits: what does not fit wraps. */
export function wrapInteger(value: bigint, kind: string): number | bigint {
  const wrapped = BigInt.asIntN(BITS[kind], value)
  return kind === 'BIGINT' ? wrapped : Number(wrapped)
}

export function toDecimal(value: Value): Decimal {
  if (value instanceof Decimal) return value
  if (typeof value === 'bigint') return new Decimal(value, 0)
  if (typeof value === 'boolean') return new Decimal(value ? 1n : 0n, 0)
  if (!Number.isFinite(value)) throw new RangeError(`Cannot make a DECIMAL of ${value as number}`)
  return Number.isSafeInteger(value) ? new Decimal(BigInt(value as number), 0) : decimalOfDouble(value as number)
}

function toDouble(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Decimal) return value.toNumber()
  return doubleOf(value as string) ?? cannotRead(value, 'DOUBLE')
}

function toInteger(value: Value, kind: string): number | bigint {
  if (typeof value === 'boolean') return wrapInteger(value ? 1n : 0n, kind)
  if (typeof value === 'bigint') return wrapInteger(value, kind)
  if (value instanceof Decimal) return wrapInteger(value.unscaled / 10n ** BigInt(value.scale), kind)
  if (typeof value === 'number') return ofDouble(value, kind)
  const whole = integerOf(value as string, BITS[kind]) ?? cannotRead(value, kind)
  return kind === 'BIGINT' ? whole : Number(whole)
}

/** What lies beyond an INT, or BIGINT, becomes its end; a shorter one then wraps. */
function ofDouble(value: number, kind: string): number | bigint {
  if (Number.isNaN(value)) return kind === 'BIGINT' ? 0n : 0
  const whole = Math.trunc(value)
  if (kind === 'BIGINT') {
    if (!Number.isFinite(whole) || Math.abs(whole) >= 2 ** 63) return whole > 0 ? BIGINT_MAX : BIGINT_MIN
    return BigInt(whole)
  }
  return wrapInteger(BigInt(Math.max(-INT_LIMIT, Math.min(INT_LIMIT - 1, whole))), kind)
}

function toBoolean(value: Value): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'bigint') return value !== 0n
  if (value instanceof Decimal) return value.unscaled !== 0n
  return booleanOf(value as string) ?? cannotRead(value, 'BOOLEAN')
}

function toText(value: Value, from: LogicalType): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE'
  if (typeof value === 'number') return from.kind === 'FLOAT' ? doubleText(value, Math.fround) : from.kind === 'DOUBLE' ? doubleText(value, Number) : `${value}`
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return (value as bigint | Decimal).toString()
}

/** Cut, and a CHAR padded, to the length of its type in code points. */
function fitText(text: string, { kind, length }: LogicalType & { readonly length: number }): string {
  if (text.length <= length && kind === 'VARCHAR') return text
  const points = Array.from(text)
  if (points.length > length) return points.slice(0, length).join('')
  return kind === 'CHAR' ? text + ' '.repeat(length - points.length) : text
}

/** The same of what is no text before: in UTF-16 units, as Java counts, where half a character becomes a question mark. */
function fitUnits(text: string, { kind, length }: LogicalType & { readonly length: number }): string {
  if (text.length <= length) return kind === 'CHAR' ? text.padEnd(length) : text
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '?')
}

function fitBytes(bytes: Uint8Array, { kind, length }: LogicalType & { readonly length: number }): Uint8Array {
  if (bytes.length > length) return bytes.slice(0, length)
  if (kind !== 'BINARY' || bytes.length === length) return bytes
  const padded = new Uint8Array(length)
  padded.set(bytes)
  return padded
}

function cannotRead(text: Value, type: string): never {
  throw new CastError(`Cannot cast ${JSON.stringify(text)} to ${type}`)
}
