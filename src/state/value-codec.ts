// Values of states as bytes: one self-delimiting encoding per type, little endian, used in the slab and in snapshots. Runs on the worker's thread;
// readers and writers work on private memory, since neither decoders nor MessagePack take shared memory.

import { BadRecordError, StateError } from '../base/errors.ts'
import { decodeObjects, encodeObjects } from '../batch/batch-codec-objects.ts'
import { Decimal, formatType, isText, type LogicalType } from '../batch/types.ts'
import { cutMs, cutNanos, decodeText, fitsBytes, fitText, lengthReason, unitMsOf, writeText } from '../batch/values.ts'

const INITIAL_BYTES = 256
const SHORT_BYTES = 48

/** Bytes being written: grows, is used again and again. */
export class ByteWriter {
  bytes = new Uint8Array(INITIAL_BYTES)
  at = 0
  #view = new DataView(this.bytes.buffer)

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(this.at + count, this.bytes.length * 2))
    bytes.set(this.bytes)
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }

  uint8(value: number): void {
    this.reserve(1)
    this.bytes[this.at++] = value
  }

  uint32(value: number): void {
    this.reserve(4)
    this.#view.setUint32(this.at, value, true)
    this.at += 4
  }

  float64(value: number): void {
    this.reserve(8)
    this.#view.setFloat64(this.at, value, true)
    this.at += 8
  }

  int64(value: bigint): void {
    this.reserve(8)
    this.#view.setBigInt64(this.at, value, true)
    this.at += 8
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes
    this.reserve(length)
    if (length <= SHORT_BYTES) for (let index = 0; index < length; index++) this.bytes[this.at + index] = bytes[index]!
    else this.bytes.set(bytes, this.at)
    this.at += length
  }

  /** UTF-8 without a length. Returns false for a lone surrogate. */
  text(text: string): boolean {
    this.reserve(text.length * 3)
    const length = writeText(this.bytes, this.at, text)
    if (length < 0) return false
    this.at += length
    return true
  }

  /** What was written, as a copy. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.at)
  }

  /** Copies bytes `from..at` into (shared) memory at `address`. */
  copyTo(u8: Uint8Array, address: number, from: number = 0): void {
    const { bytes, at } = this
    if (at - from <= SHORT_BYTES) for (let index = from; index < at; index++) u8[address + index - from] = bytes[index]!
    else u8.set(bytes.subarray(from, at), address)
  }
}

/** Bytes being read, from private memory. */
export class ByteReader {
  bytes = new Uint8Array(INITIAL_BYTES)
  at = 0
  #view = new DataView(this.bytes.buffer)

  /** Copies `length` bytes of (shared) memory and goes to their start. */
  load(u8: Uint8Array, address: number, length: number): this {
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(length, this.bytes.length * 2))
      this.#view = new DataView(this.bytes.buffer)
    }
    const { bytes } = this
    if (length <= SHORT_BYTES) for (let index = 0; index < length; index++) bytes[index] = u8[address + index]!
    else bytes.set(u8.subarray(address, address + length))
    this.at = 0
    return this
  }

  uint8(): number {
    return this.bytes[this.at++]
  }

  uint32(): number {
    this.at += 4
    return this.#view.getUint32(this.at - 4, true)
  }

  float64(): number {
    this.at += 8
    return this.#view.getFloat64(this.at - 8, true)
  }

  int64(): bigint {
    this.at += 8
    return this.#view.getBigInt64(this.at - 8, true)
  }

  text(length: number): string {
    this.at += length
    return decodeText(this.bytes, this.at - length, this.at)
  }

  raw(length: number): Uint8Array {
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }
}

/** Encodes and decodes the values of one type. */
export interface ValueCodec {
  /** @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the value does not fit the type. */
  write(writer: ByteWriter, value: unknown): void
  read(reader: ByteReader): unknown
}

/** Throws the error of a value that a declared type does not admit. */
export function refuseValue(value: unknown, type: LogicalType, state: string, reason: string): never {
  const shown = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'bigint' ? `${value}n` : String(value)
  throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot store ${shown} as ${formatType(type)} in state "${state}": ${reason}`)
}

/** The numbers that a type admits; undefined for types whose values are no numbers in user code. */
export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly integral: boolean
  /** Values are rounded to single precision. */
  readonly single: boolean
  /** Times are cut to whole units of so many milliseconds; 1 for all other types. */
  readonly unitMs: number
}

const integers = (min: number, max: number, unitMs: number = 1): NumberRange => ({ min, max, integral: true, single: false, unitMs })
const SAFE = integers(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

/** The range of a number type, or undefined. */
export function numberRangeOf(type: LogicalType): NumberRange | undefined {
  switch (type.kind) {
    case 'TINYINT':
      return integers(-128, 127)
    case 'SMALLINT':
      return integers(-32_768, 32_767)
    case 'INT':
    case 'DATE':
    case 'INTERVAL_YEAR_MONTH':
      return integers(-2_147_483_648, 2_147_483_647)
    case 'TIME':
      return integers(0, 86_399_999, unitMsOf(type.precision))
    case 'INTERVAL_DAY_TIME':
      return SAFE
    case 'BIGINT':
      return type.safeInteger ? SAFE : undefined
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return type.precision <= 3 ? { ...SAFE, unitMs: unitMsOf(type.precision) } : undefined
    case 'FLOAT':
      return { min: -Infinity, max: Infinity, integral: false, single: true, unitMs: 1 }
    case 'DOUBLE':
      return { min: -Infinity, max: Infinity, integral: false, single: false, unitMs: 1 }
    default:
      return undefined
  }
}

/** The number to store for a value of a number type. */
export function checkedNumber(value: unknown, range: NumberRange, type: LogicalType, state: string): number {
  const number = range.integral && typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number') return refuseValue(value, type, state, 'expected a number')
  if (!range.integral) return range.single ? Math.fround(number) : number
  if (!Number.isInteger(number)) return refuseValue(value, type, state, 'expected an integer')
  if (number < range.min || number > range.max) return refuseValue(value, type, state, `it must lie in ${range.min}..${range.max}`)
  return cutMs(number, range.unitMs)
}

/** The int64 to store for a BIGINT. */
export function checkedBigint(value: unknown, type: LogicalType, state: string): bigint {
  const integer = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof integer !== 'bigint') return refuseValue(value, type, state, 'expected a bigint')
  if (BigInt.asIntN(64, integer) !== integer) return refuseValue(value, type, state, 'it does not fit 64 bits')
  return integer
}

/** The string to store for a text. */
export function checkedText(value: unknown, type: LogicalType, state: string): string {
  if (typeof value !== 'string') return refuseValue(value, type, state, 'expected a string')
  return fitText(value, type) ?? refuseValue(value, type, state, lengthReason(value))
}

/** The codec of a type; of any values without one. `state` is named in errors. */
export function valueCodecOf(type: LogicalType | undefined, state: string): ValueCodec {
  if (type === undefined || type.kind === 'OBJECT') return new AnyCodec(state)
  const codec = presentCodecOf(type, state)
  if (!type.nullable) {
    return {
      write: (writer, value) =>
        value === null || value === undefined ? refuseValue(value, type, state, 'the type does not admit NULL') : codec.write(writer, value),
      read: codec.read,
    }
  }
  return {
    write(writer, value) {
      const present = value !== null && value !== undefined
      writer.uint8(present ? 1 : 0)
      if (present) codec.write(writer, value)
    },
    read: (reader) => (reader.uint8() === 1 ? codec.read(reader) : null),
  }
}

function presentCodecOf(type: LogicalType, state: string): ValueCodec {
  const range = numberRangeOf(type)
  if (range !== undefined) return { write: (writer, value) => writer.float64(checkedNumber(value, range, type, state)), read: (reader) => reader.float64() }
  switch (type.kind) {
    case 'BOOLEAN':
      return {
        write: (writer, value) => writer.uint8(typeof value === 'boolean' ? Number(value) : refuseValue(value, type, state, 'expected a boolean')),
        read: (reader) => reader.uint8() === 1,
      }
    case 'BIGINT':
      return { write: (writer, value) => writer.int64(checkedBigint(value, type, state)), read: (reader) => reader.int64() }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      // Nanoseconds may need more than 64 bits: milliseconds and the rest, cut to the precision.
      return { write: (writer, value) => writeNanos(writer, value, type, state), read: (reader) => reader.int64() * 1_000_000n + BigInt(reader.uint32()) }
    case 'DECIMAL':
      return {
        write: (writer, value) => writeInt128(writer, unscaledOf(value, type, state)),
        read: (reader) => {
          const low = BigInt.asUintN(64, reader.int64())
          return new Decimal((reader.int64() << 64n) | low, type.scale)
        },
      }
    case 'CHAR':
    case 'VARCHAR':
      return { write: (writer, value) => writeLengthText(writer, value, type, state), read: (reader) => reader.text(reader.uint32()) }
    case 'BINARY':
    case 'VARBINARY':
    case 'VARIANT':
    case 'BITMAP':
      return {
        write(writer, value) {
          if (!(value instanceof Uint8Array)) refuseValue(value, type, state, 'expected a Uint8Array')
          if (!fitsBytes(value.length, type)) refuseValue(value, type, state, lengthReason(value))
          writer.uint32(value.length)
          writer.raw(value)
        },
        read: (reader) => reader.raw(reader.uint32()),
      }
    case 'ARRAY':
      return arrayCodec(type, valueCodecOf(type.element, state), state)
    case 'MAP':
      return mapCodec(type, valueCodecOf(type.key, state), valueCodecOf(type.value, state), state)
    case 'MULTISET':
      return mapCodec(type, valueCodecOf(type.element, state), valueCodecOf({ kind: 'INT', nullable: false }, state), state)
    case 'ROW':
      return rowCodec(type, state)
    default:
      return new AnyCodec(state)
  }
}

function writeNanos(writer: ByteWriter, value: unknown, type: LogicalType, state: string): void {
  if (typeof value !== 'bigint') refuseValue(value, type, state, 'expected epoch nanoseconds as a bigint')
  const nanos = cutNanos(value, 'precision' in type ? type.precision : 9)
  const rest = ((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n
  writer.int64((nanos - rest) / 1_000_000n)
  writer.uint32(Number(rest))
}

function unscaledOf(value: unknown, type: LogicalType & { kind: 'DECIMAL' }, state: string): bigint {
  const decimal = value instanceof Decimal ? value : typeof value === 'bigint' ? new Decimal(value, 0) : refuseValue(value, type, state, 'expected a Decimal')
  if (decimal.scale > type.scale) return refuseValue(value, type, state, `it has more than ${type.scale} digits behind the point`)
  const unscaled = decimal.unscaled * 10n ** BigInt(type.scale - decimal.scale)
  const limit = 10n ** BigInt(type.precision)
  if (unscaled >= limit || unscaled <= -limit) return refuseValue(value, type, state, `it has more than ${type.precision} digits`)
  return unscaled
}

function writeInt128(writer: ByteWriter, value: bigint): void {
  writer.int64(BigInt.asIntN(64, value))
  writer.int64(value >> 64n)
}

function writeLengthText(writer: ByteWriter, value: unknown, type: LogicalType, state: string): void {
  const text = checkedText(value, type, state)
  const start = writer.at
  writer.uint32(0)
  if (!writer.text(text)) refuseValue(value, type, state, 'it holds a lone surrogate, which no UTF-8 text can')
  const end = writer.at
  writer.at = start
  writer.uint32(end - start - 4)
  writer.at = end
}

function arrayCodec(type: LogicalType, element: ValueCodec, state: string): ValueCodec {
  return {
    write(writer, value) {
      if (!Array.isArray(value)) refuseValue(value, type, state, 'expected an array')
      const list = value as readonly unknown[]
      writer.uint32(list.length)
      for (const item of list) element.write(writer, item)
    },
    read(reader) {
      const length = reader.uint32()
      const list: unknown[] = []
      for (let index = 0; index < length; index++) list.push(element.read(reader))
      return list
    },
  }
}

function mapCodec(type: LogicalType, key: ValueCodec, item: ValueCodec, state: string): ValueCodec {
  return {
    write(writer, value) {
      if (!(value instanceof Map)) refuseValue(value, type, state, 'expected a Map')
      const map = value as Map<unknown, unknown>
      writer.uint32(map.size)
      for (const [k, v] of map) {
        key.write(writer, k)
        item.write(writer, v)
      }
    },
    read(reader) {
      const size = reader.uint32()
      const map = new Map<unknown, unknown>()
      for (let index = 0; index < size; index++) map.set(key.read(reader), item.read(reader))
      return map
    },
  }
}

function rowCodec(type: LogicalType & { kind: 'ROW' }, state: string): ValueCodec {
  const fields = type.fields.map((field) => ({ name: field.name, codec: valueCodecOf(field.type, state) }))
  return {
    write(writer, value) {
      if (typeof value !== 'object') refuseValue(value, type, state, 'expected an object')
      for (const { name, codec } of fields) codec.write(writer, (value as Record<string, unknown>)[name])
    },
    read(reader) {
      const row: Record<string, unknown> = {}
      for (const { name, codec } of fields) row[name] = codec.read(reader)
      return row
    },
  }
}

const AnyTag = { NULL: 0, NUMBER: 1, TRUE: 2, FALSE: 3, TEXT: 4, PACKED: 5, UNDEFINED: 6, BIGINT: 7, ARRAY: 8, RECORD: 9, UTF16: 10, LARGE_BIGINT: 11 } as const
const DEPTH_MAX = 32
const MET_MAX = 16
const SHAPES_MAX = 16
const SHAPE_BYTES_MAX = 0xffff

/** The keys of plain objects of one shape, and their bytes: for each key u8 length, UTF-8. */
interface Shape {
  readonly keys: readonly string[]
  readonly bytes: Uint8Array
}

/**
 * Values without a declared type. Numbers, text, booleans, bigints, null, undefined, and arrays and plain objects of these are written here: a tag
 * each, plain objects as u16 shape bytes, the shape, the values. Anything else in it, or an object that is met twice, and the whole value is written
 * as in an object column.
 */
class AnyCodec implements ValueCodec {
  readonly #state: string
  readonly #shapes: Shape[] = []
  #nextShape = 0
  /** The objects of the value that is being written. */
  readonly #met: object[] = []
  readonly #metMany = new Set<object>()

  constructor(state: string) {
    this.#state = state
  }

  write(writer: ByteWriter, value: unknown): void {
    const start = writer.at
    const plain = this.#writePlain(writer, value, 0)
    if (this.#met.length > 0) this.#met.length = 0
    if (this.#metMany.size > 0) this.#metMany.clear()
    if (plain) return
    writer.at = start
    const bytes = packed(value, this.#state)
    writer.uint8(AnyTag.PACKED)
    writer.uint32(bytes.length)
    writer.raw(bytes)
  }

  read(reader: ByteReader): unknown {
    switch (reader.uint8()) {
      case AnyTag.NUMBER:
        return reader.float64()
      case AnyTag.TRUE:
        return true
      case AnyTag.FALSE:
        return false
      case AnyTag.TEXT:
        return reader.text(reader.uint32())
      case AnyTag.UTF16: {
        const units = reader.raw(reader.uint32() * 2)
        return Buffer.from(units.buffer, units.byteOffset, units.length).toString('utf16le')
      }
      case AnyTag.PACKED:
        return decodeObjects(reader.raw(reader.uint32()))[0]
      case AnyTag.UNDEFINED:
        return undefined
      case AnyTag.BIGINT:
        return reader.int64()
      case AnyTag.LARGE_BIGINT:
        return BigInt(reader.text(reader.uint32()))
      case AnyTag.ARRAY: {
        const length = reader.uint32()
        const list: unknown[] = []
        for (let index = 0; index < length; index++) list.push(this.read(reader))
        return list
      }
      case AnyTag.RECORD: {
        const { keys } = this.#readShape(reader)
        const record: Record<string, unknown> = {}
        for (let index = 0; index < keys.length; index++) record[keys[index]] = this.read(reader)
        return record
      }
      default:
        return null
    }
  }

  /** Returns false, with some of it written, if the value is not plain. */
  #writePlain(writer: ByteWriter, value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'number':
        writer.uint8(AnyTag.NUMBER)
        writer.float64(value)
        return true
      case 'boolean':
        writer.uint8(value ? AnyTag.TRUE : AnyTag.FALSE)
        return true
      case 'undefined':
        writer.uint8(AnyTag.UNDEFINED)
        return true
      case 'bigint':
        if (BigInt.asIntN(64, value) === value) {
          writer.uint8(AnyTag.BIGINT)
          writer.int64(value)
        } else {
          const digits = value.toString()
          writer.uint8(AnyTag.LARGE_BIGINT)
          writer.uint32(digits.length)
          writer.text(digits)
        }
        return true
      case 'string':
        writePlainText(writer, value)
        return true
      case 'object':
        break
      default:
        return false
    }
    if (value === null) {
      writer.uint8(AnyTag.NULL)
      return true
    }
    // Deep values may be cycles.
    if (depth === DEPTH_MAX || !this.#meet(value)) return false
    if (Array.isArray(value)) {
      writer.uint8(AnyTag.ARRAY)
      writer.uint32(value.length)
      for (let index = 0; index < value.length; index++) {
        const item: unknown = value[index]
        if ((item === undefined && !(index in value)) || !this.#writePlain(writer, item, depth + 1)) return false
      }
      // Arrays may have members with names, such as the index of a match.
      return Object.keys(value).length === value.length && Object.getPrototypeOf(value) === Array.prototype
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return false
    const keys = Object.keys(value)
    const shape = this.#shapeOf(keys)
    if (shape === undefined) return false
    writer.uint8(AnyTag.RECORD)
    writer.uint8(shape.bytes.length & 255)
    writer.uint8(shape.bytes.length >>> 8)
    writer.reserve(shape.bytes.length)
    for (let index = 0; index < shape.bytes.length; index++) writer.bytes[writer.at++] = shape.bytes[index]!
    for (let index = 0; index < keys.length; index++) if (!this.#writePlain(writer, (value as Record<string, unknown>)[keys[index]], depth + 1)) return false
    return true
  }

  /** Returns false for an object that was met before: read twice, it would become two. */
  #meet(value: object): boolean {
    const met = this.#met
    if (met.length < MET_MAX) {
      for (let index = 0; index < met.length; index++) if (met[index] === value) return false
      met.push(value)
      return true
    }
    const many = this.#metMany
    if (many.size === 0) for (const object of met) many.add(object)
    if (many.has(value)) return false
    many.add(value)
    return true
  }

  #shapeOf(keys: readonly string[]): Shape | undefined {
    for (const shape of this.#shapes) if (sameKeys(shape.keys, keys)) return shape
    const writer = new ByteWriter()
    for (const key of keys) {
      const start = writer.at
      writer.uint8(0)
      if (key === '__proto__' || !writer.text(key) || writer.at - start > 256) return undefined
      writer.bytes[start] = writer.at - start - 1
    }
    if (writer.at > SHAPE_BYTES_MAX) return undefined
    return this.#remember({ keys: [...keys], bytes: writer.copy() })
  }

  #readShape(reader: ByteReader): Shape {
    const length = reader.uint8() + reader.uint8() * 256
    const start = reader.at
    reader.at += length
    for (const shape of this.#shapes) if (shape.bytes.length === length && sameBytes(shape.bytes, reader.bytes, start)) return shape
    const bytes = reader.bytes.slice(start, start + length)
    const keys: string[] = []
    for (let at = 0; at < length; at += bytes[at] + 1) keys.push(decodeText(bytes, at + 1, at + 1 + bytes[at]))
    return this.#remember({ keys, bytes })
  }

  #remember(shape: Shape): Shape {
    this.#shapes[this.#nextShape++ % SHAPES_MAX] = shape
    return shape
  }
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}

function sameBytes(expected: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < expected.length; index++) if (expected[index] !== bytes[start + index]) return false
  return true
}

function writePlainText(writer: ByteWriter, text: string): void {
  const start = writer.at
  writer.uint8(AnyTag.TEXT)
  writer.uint32(0)
  if (writer.text(text)) {
    const end = writer.at
    writer.at = start + 1
    writer.uint32(end - start - 5)
    writer.at = end
    return
  }
  // A lone surrogate has no UTF-8: kept as it is.
  writer.at = start
  writer.uint8(AnyTag.UTF16)
  writer.uint32(text.length)
  writer.raw(Buffer.from(text, 'utf16le'))
}

function packed(value: unknown, state: string): Uint8Array {
  try {
    return encodeObjects([value], state)
  } catch (error) {
    const cause = error instanceof StateError ? error.cause : error
    throw new StateError('VALUE_NOT_ENCODABLE', `Cannot store a value in state "${state}": ${(cause as Error).message}`, {
      hint: 'Keep functions, promises and the like out of state, or declare its type.',
      cause,
    })
  }
}

/** Whether values of the type are text. */
export function isTextType(type: LogicalType | undefined): boolean {
  return type !== undefined && isText(type)
}
