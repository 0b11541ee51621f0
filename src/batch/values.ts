// Values as user code sees them: the one table that turns column slots into JavaScript values and back. Row loops generate faster code for
// the common types (operator/row-code.ts) with exactly this meaning; everything else calls these functions.

import { BadRecordError } from '../base/errors.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import type { Column } from './column.ts'
import { readInt64AsNumber, writeInt64 } from './record-batch.ts'
import { Decimal, formatType, isText, LENGTH_MAX, type LogicalType } from './types.ts'

// A leading U+FEFF is a character of the value, not a mark to be dropped.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
// TextEncoder refuses shared memory, and buffers over it would hold memory that is given back.
const { utf8Write } = Buffer.prototype as unknown as { utf8Write(this: Uint8Array, text: string, offset: number, length: number): number }
const NANOS_PER_MS = 1_000_000

/** The value at a physical row: see the table at {@link import('./types.ts').t}. Allocates for strings, bytes and nested types. */
export function readValue(column: Column, row: number): unknown {
  if (!column.isValid(row)) return null
  const { slab } = column
  if (column.dictionary !== null) return readValue(column.dictionary, slab.i32[(column.values >>> 2) + row])
  const type = column.type
  switch (column.kind) {
    case PhysicalKind.BIT:
      return (slab.u8[column.values + (row >>> 3)] & (1 << (row & 7))) !== 0
    case PhysicalKind.INT8:
      return slab.i8[column.values + row]
    case PhysicalKind.INT16:
      return slab.i16[(column.values >>> 1) + row]
    case PhysicalKind.INT32:
      return slab.i32[(column.values >>> 2) + row]
    case PhysicalKind.INT64: {
      if (type.kind === 'DECIMAL') return new Decimal(slab.i64[(column.values >>> 3) + row], type.scale)
      if (type.kind === 'BIGINT' && !type.safeInteger) return slab.i64[(column.values >>> 3) + row]
      if ((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision > 3) return slab.i64[(column.values >>> 3) + row] * 1000n
      return readInt64AsNumber(slab, column.values + row * 8)
    }
    case PhysicalKind.FLOAT32:
      return slab.f32[(column.values >>> 2) + row]
    case PhysicalKind.FLOAT64:
      return slab.f64[(column.values >>> 3) + row]
    case PhysicalKind.INT128: {
      const at = (column.values >>> 3) + row * 2
      return new Decimal((slab.i64[at + 1] << 64n) | slab.u64[at], type.kind === 'DECIMAL' ? type.scale : 0)
    }
    case PhysicalKind.TIMESTAMP_NANOS:
      return slab.i64[(column.values >>> 3) + row] * BigInt(NANOS_PER_MS) + BigInt(slab.i32[(column.extra >>> 2) + row])
    case PhysicalKind.BYTES: {
      const at = (column.offsets >>> 2) + row
      const start = column.data + slab.i32[at]
      const end = column.data + slab.i32[at + 1]
      return isText(type) ? decodeText(slab.u8, start, end) : slab.u8.slice(start, end)
    }
    case PhysicalKind.LIST: {
      const at = (column.offsets >>> 2) + row
      const list: unknown[] = []
      for (let child = slab.i32[at]; child < slab.i32[at + 1]; child++) list.push(readValue(column.children[0], child))
      return list
    }
    case PhysicalKind.MAP: {
      const at = (column.offsets >>> 2) + row
      const map = new Map<unknown, unknown>()
      for (let child = slab.i32[at]; child < slab.i32[at + 1]; child++) map.set(readValue(column.children[0], child), readValue(column.children[1], child))
      return map
    }
    case PhysicalKind.STRUCT: {
      const fields = type.kind === 'ROW' ? type.fields : []
      return Object.fromEntries(fields.map((field, index) => [field.name, readValue(column.children[index], row)]))
    }
    case PhysicalKind.OBJECT:
      return column.objects[row]
  }
}

const SHORT_TEXT_BYTES = 24

/** UTF-8 bytes to a string. Short ASCII goes through char codes, which beats every decoder. */
export function decodeText(u8: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT_BYTES) {
    let text = ''
    let at = start
    for (; at < end; at++) {
      const byte = u8[at]
      if (byte > 127) break
      text += String.fromCharCode(byte)
    }
    if (at === end) return text
  }
  return decoder.decode(u8.subarray(start, end))
}

/** Of a text in an error. */
const SHOWN_CHARACTERS_MAX = 40

function refuse(value: unknown, type: LogicalType, reason: string): never {
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value.length > SHOWN_CHARACTERS_MAX ? `${value.slice(0, SHOWN_CHARACTERS_MAX)}…` : value)
      : typeof value === 'bigint'
        ? `${value}n`
        : value instanceof Uint8Array
          ? 'bytes'
          : String(value)
  throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot store ${shown} as ${formatType(type)}: ${reason}`)
}

/** What the integers of a type are, for errors: users of other libraries have a Date in hand. */
function integerOf(type: LogicalType): string {
  switch (type.kind) {
    case 'DATE':
      return 'days since 1970-01-01'
    case 'TIME':
      return 'milliseconds of the day'
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return 'epoch milliseconds, as getTime() of a Date gives'
    default:
      return 'an integer'
  }
}

function integerIn(value: unknown, type: LogicalType, min: number, max: number): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) return refuse(value, type, `expected ${integerOf(type)}`)
  if (number < min || number > max) return refuse(value, type, `it must lie in ${min}..${max}`)
  return number
}

/** How many characters (code points) a string has. */
function characterCount(text: string): number {
  let count = text.length
  for (let index = 0; index < text.length; index++) if ((text.charCodeAt(index) & 0xfc00) === 0xdc00) count--
  return count
}

/** A string as a column of the type holds it, CHAR padded with blanks; undefined if it has too many characters. */
export function fitText(text: string, type: LogicalType): string | undefined {
  if (!isText(type) || type.length === LENGTH_MAX) return text
  if (type.kind === 'VARCHAR' && text.length <= type.length) return text
  const characters = characterCount(text)
  if (characters > type.length) return undefined
  return type.kind === 'CHAR' ? text.padEnd(text.length + type.length - characters) : text
}

/** Whether a BINARY, VARBINARY, VARIANT or BITMAP admits so many bytes. */
export function fitsBytes(count: number, type: LogicalType): boolean {
  if (type.kind === 'VARIANT' || type.kind === 'BITMAP') return true
  return (type.kind === 'VARBINARY' && count <= type.length) || (type.kind === 'BINARY' && count === type.length)
}

/** For errors: what is wrong with a value that {@link fitText} or {@link fitsBytes} does not admit. */
export function lengthReason(value: string | Uint8Array): string {
  const [count, unit] = typeof value === 'string' ? [characterCount(value), 'character'] : [value.length, 'byte']
  return `it has ${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Milliseconds in the unit of a TIME, TIMESTAMP or TIMESTAMP_LTZ of precision 0..3. */
export function unitMsOf(precision: number): number {
  return 10 ** (3 - precision)
}

/** Cuts a time to whole units, towards the past. */
export function cutMs(ms: number, unitMs: number): number {
  return unitMs === 1 ? ms : ms - (((ms % unitMs) + unitMs) % unitMs)
}

/** {@link cutMs} for epoch nanoseconds and a precision of 0..9. */
export function cutNanos(nanos: bigint, precision: number): bigint {
  const unit = 10n ** BigInt(9 - precision)
  return floorDivide(nanos, unit) * unit
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** `stored` if 64 bits hold it. */
function timestampIn(stored: bigint, value: unknown, type: LogicalType): bigint {
  return stored < INT64_MIN || stored > INT64_MAX ? refuse(value, type, 'it does not fit 64 bits') : stored
}

function bigintOf(value: unknown, type: LogicalType): bigint {
  if (typeof value === 'bigint') {
    if (value < INT64_MIN || value > INT64_MAX) return refuse(value, type, 'it does not fit 64 bits')
    return value
  }
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  return refuse(value, type, typeof value === 'number' ? 'a number must be an integer within ±(2^53 - 1); pass a bigint' : 'expected an integer')
}

/** Marks row objects over a batch, which show another row once the function that got them has returned; they have `toObject`. */
export const BATCH_ROW: unique symbol = Symbol('batch row')

/** What an object column keeps of a value: the value itself, but a copy of a row over a batch, and null for nothing. */
export function objectOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value === undefined ? null : value
  const row = value as { readonly [BATCH_ROW]?: true; toObject(): unknown }
  return row[BATCH_ROW] === true ? row.toObject() : value
}

/**
 * Writes `value` at `row`. Rows are written in ascending order, each once: the variable-width kinds append. Declared lengths and precisions
 * hold: a text or bytes too long are refused, CHAR is padded, times are cut (the table in src/README.md).
 *
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the value does not fit the column's type. What was appended for the row is then garbage
 * that the next write at the same row overwrites.
 */
export function writeValue(column: Column, row: number, value: unknown): void {
  const { slab, type } = column
  if (column.kind === PhysicalKind.OBJECT) {
    column.objects[row] = objectOf(value)
    return
  }
  if (value === null || value === undefined) {
    if (!type.nullable) refuse(value, type, 'the column does not admit NULL')
    column.setNull(row)
    closeNull(column, row)
    return
  }
  if (column.nullCount > 0) {
    const at = column.validity + (row >>> 3)
    const bit = 1 << (row & 7)
    // The row was NULL in a refused write.
    if ((slab.u8[at] & bit) === 0) column.nullCount--
    slab.u8[at] = slab.u8[at] | bit
  }
  switch (column.kind) {
    case PhysicalKind.BIT: {
      if (typeof value !== 'boolean') refuse(value, type, 'expected a boolean')
      const at = column.values + (row >>> 3)
      const bit = 1 << (row & 7)
      slab.u8[at] = value ? slab.u8[at] | bit : slab.u8[at] & ~bit
      return
    }
    case PhysicalKind.INT8:
      slab.i8[column.values + row] = integerIn(value, type, -128, 127)
      return
    case PhysicalKind.INT16:
      slab.i16[(column.values >>> 1) + row] = integerIn(value, type, -32768, 32767)
      return
    case PhysicalKind.INT32:
      slab.i32[(column.values >>> 2) + row] =
        type.kind === 'TIME' ? cutMs(integerIn(value, type, 0, 86_399_999), unitMsOf(type.precision)) : integerIn(value, type, -2147483648, 2147483647)
      return
    case PhysicalKind.INT64:
      writeInt64Value(column, row, value)
      return
    case PhysicalKind.FLOAT32:
    case PhysicalKind.FLOAT64: {
      if (typeof value !== 'number') refuse(value, type, 'expected a number')
      if (column.kind === PhysicalKind.FLOAT32) slab.f32[(column.values >>> 2) + row] = value
      else slab.f64[(column.values >>> 3) + row] = value
      return
    }
    case PhysicalKind.INT128: {
      const unscaled = unscaledOf(value, type)
      const at = (column.values >>> 3) + row * 2
      slab.u64[at] = BigInt.asUintN(64, unscaled)
      slab.i64[at + 1] = BigInt.asIntN(64, unscaled >> 64n)
      return
    }
    case PhysicalKind.TIMESTAMP_NANOS: {
      if (typeof value !== 'bigint') return refuse(value, type, 'expected epoch nanoseconds as a bigint')
      const nanos = cutNanos(value, 'precision' in type ? type.precision : 9)
      const ms = timestampIn(floorDivide(nanos, BigInt(NANOS_PER_MS)), value, type)
      slab.i64[(column.values >>> 3) + row] = ms
      slab.i32[(column.extra >>> 2) + row] = Number(nanos - ms * BigInt(NANOS_PER_MS))
      return
    }
    case PhysicalKind.BYTES:
      writeBytes(column, row, value)
      return
    case PhysicalKind.LIST: {
      if (!Array.isArray(value)) refuse(value, type, 'expected an array')
      const list = value as readonly unknown[]
      appendChildren(column, row, list.length, (child, index) => writeValue(column.children[0], child, list[index]))
      return
    }
    case PhysicalKind.MAP: {
      if (!(value instanceof Map)) refuse(value, type, 'expected a Map')
      const entries = [...(value as Map<unknown, unknown>)]
      appendChildren(column, row, entries.length, (child, index) => {
        writeValue(column.children[0], child, entries[index][0])
        writeValue(column.children[1], child, entries[index][1])
      })
      return
    }
    case PhysicalKind.STRUCT: {
      if (typeof value !== 'object') refuse(value, type, 'expected an object')
      const fields = type.kind === 'ROW' ? type.fields : []
      fields.forEach((field, index) => writeValue(column.children[index], row, (value as Record<string, unknown>)[field.name]))
      return
    }
  }
}

function appendChildren(column: Column, row: number, count: number, write: (child: number, index: number) => void): void {
  const { slab } = column
  const first = slab.i32[(column.offsets >>> 2) + row]
  for (const child of column.children) child.ensureRows(first + count)
  for (let index = 0; index < count; index++) write(first + index, index)
  slab.i32[(column.offsets >>> 2) + row + 1] = first + count
}

/** Gives a NULL row the offsets and child rows that keep the layout whole. */
function closeNull(column: Column, row: number): void {
  const { slab } = column
  if (column.offsets !== 0) slab.i32[(column.offsets >>> 2) + row + 1] = slab.i32[(column.offsets >>> 2) + row]!
  if (column.kind !== PhysicalKind.STRUCT) return
  for (const child of column.children) {
    if (child.type.nullable) child.setNull(row)
    closeNull(child, row)
  }
}

function writeBytes(column: Column, row: number, value: unknown): void {
  const { slab, type } = column
  const at = (column.offsets >>> 2) + row
  const start = slab.i32[at]
  column.dataLength = start
  if (isText(type)) {
    if (typeof value !== 'string') refuse(value, type, 'expected a string')
    const text = fitText(value, type) ?? refuse(value, type, lengthReason(value))
    column.ensureData(text.length * 3)
    const { u8 } = slab
    const address = column.data + start
    const length = writeText(u8, address, text)
    if (length < 0) refuse(text, type, 'it holds a lone surrogate, which no UTF-8 text can')
    slab.i32[at + 1] = start + length
    column.dataLength = start + length
    return
  }
  if (!(value instanceof Uint8Array)) refuse(value, type, 'expected a Uint8Array')
  const bytes = fitsBytes(value.length, type) ? value : refuse(value, type, lengthReason(value))
  column.ensureData(bytes.length)
  slab.u8.set(bytes, column.data + start)
  slab.i32[at + 1] = start + bytes.length
  column.dataLength = start + bytes.length
}

/** Up to here texts are written unit by unit: 2 ns each, where a call of the encoder is 65. */
const UNITS_WRITTEN_MAX = 32

/** Encodes a string at `address`; there is room for three bytes a UTF-16 unit. Returns the bytes written, -1 for a lone surrogate. */
export function writeText(u8: Uint8Array, address: number, text: string): number {
  const { length } = text
  if (length > UNITS_WRITTEN_MAX) return encodeText(u8, address, text)
  let at = address
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 127) return encodeText(u8, address, text)
    u8[at++] = unit
  }
  return length
}

function encodeText(u8: Uint8Array, address: number, text: string): number {
  return text.isWellFormed() ? utf8Write.call(u8, text, address, text.length * 3) : -1
}

function writeInt64Value(column: Column, row: number, value: unknown): void {
  const { slab, type } = column
  const at = (column.values >>> 3) + row
  if (type.kind === 'DECIMAL') slab.i64[at] = unscaledOf(value, type)
  else if (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') {
    if (type.precision <= 3) {
      writeInt64(slab, at * 8, cutMs(integerIn(value, type, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), unitMsOf(type.precision)))
      return
    }
    if (typeof value !== 'bigint') refuse(value, type, 'expected epoch nanoseconds as a bigint')
    slab.i64[at] = timestampIn(floorDivide(cutNanos(value, type.precision), 1000n), value, type)
  } else if (typeof value === 'number' && Number.isSafeInteger(value)) writeInt64(slab, at * 8, value)
  else if (type.kind === 'BIGINT' && !type.safeInteger) slab.i64[at] = bigintOf(value, type)
  else writeInt64(slab, at * 8, integerIn(value, type, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
}

function unscaledOf(value: unknown, type: LogicalType): bigint {
  if (type.kind !== 'DECIMAL') return refuse(value, type, 'expected a decimal column')
  const decimal = value instanceof Decimal ? value : typeof value === 'bigint' ? new Decimal(value, 0) : refuse(value, type, 'expected a Decimal')
  if (decimal.scale > type.scale) return refuse(value, type, `it has more than ${type.scale} digits behind the point`)
  const unscaled = decimal.unscaled * 10n ** BigInt(type.scale - decimal.scale)
  const limit = 10n ** BigInt(type.precision)
  if (unscaled >= limit || unscaled <= -limit) return refuse(value, type, `it has more than ${type.precision} digits`)
  return unscaled
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}
