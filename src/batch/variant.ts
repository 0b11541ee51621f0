// VARIANT in bytes: the open Variant encoding, as Flink has it. A dictionary of all keys, and behind it a value that refers to them; values of one
// dictionary are cut out by taking it along. Two variants are the same where their bytes are: `{"a":1,"b":2}` and `{"b":2,"a":1}` are not.

import { doubleText } from '../base/double-text.ts'
import { BadRecordError } from '../base/errors.ts'
import { quoteJson } from '../base/json-quote.ts'
import { JsonError, makeOfJson } from '../base/json-reader.ts'
import { Decimal } from './types.ts'

/** The most bytes of a dictionary, and of a value. */
const BYTES_MAX = 2 ** 24
const VERSION = 1
const BYTE_MAX = 0xff
const SHORT_TEXT_BYTES_MAX = 63
const LONG_BYTES = 8
const LARGE_SIZE_BYTES = 4

/** The kind of a value: the lowest two bits of its first byte. */
const Basic = { PRIMITIVE: 0, SHORT_TEXT: 1, OBJECT: 2, ARRAY: 3 } as const

/** Of primitive values the bits above. There are more in the encoding, which nothing here writes. */
const Primitive = { NULL: 0, TRUE: 1, FALSE: 2, INT8: 3, INT16: 4, INT32: 5, INT64: 6, DOUBLE: 7, DECIMAL4: 8, DECIMAL8: 9, DECIMAL16: 10, TEXT: 16 } as const

const INTEGER_BYTES: Readonly<Record<number, number>> = { [Primitive.INT8]: 1, [Primitive.INT16]: 2, [Primitive.INT32]: 4, [Primitive.INT64]: 8 }
/** Of decimals: the most digits, on both sides of the point, and bytes of the unscaled number. */
const DECIMALS = [
  { primitive: Primitive.DECIMAL4, digits: 9, bytes: 4 },
  { primitive: Primitive.DECIMAL8, digits: 18, bytes: 8 },
  { primitive: Primitive.DECIMAL16, digits: 38, bytes: 16 },
] as const

/** Why there is no variant of something. */
export class VariantError extends Error {
  override readonly name = 'VariantError'
}

// ---------------------------------------------------------------------------------------------------------------- writing

/**
 * The VARIANT that PARSE_JSON makes of a JSON text, in the open Variant encoding; {@link variantText} makes a text of it again.
 *
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the text is no JSON, an object has a key twice, or there are more than 16 MiB.
 * @example
 * const point: Uint8Array = parseVariant('{"x": 1, "y": 2.5}')
 */
export function parseVariant(json: string): Uint8Array {
  try {
    return variantOf(json, false)
  } catch (error) {
    throw isRefusal(error) ? new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot make a VARIANT: ${error.message}`) : error
  }
}

/** The same, of a text from a row. @throws {JsonError} @throws {VariantError} */
export function variantOf(json: string, allowsDuplicates: boolean): Uint8Array {
  const builder = new VariantBuilder(allowsDuplicates)
  return builder.build(makeOfJson(json, builder))
}

/** Whether there is no variant of a text, as far as an error says. */
export function isRefusal(error: unknown): error is JsonError | VariantError {
  return error instanceof JsonError || error instanceof VariantError
}

/** Makes one variant, from the innermost values to the outermost; keys get their places in the dictionary in the order in which they are asked for. */
class VariantBuilder {
  readonly #allowsDuplicates: boolean
  readonly #places = new Map<string, number>()
  readonly #keys: string[] = []

  /** @param allowsDuplicates Whether the last one of equal keys counts, instead of being refused. */
  constructor(allowsDuplicates: boolean) {
    this.#allowsDuplicates = allowsDuplicates
  }

  key(name: string): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    this.#places.set(name, this.#keys.length)
    return this.#keys.push(name) - 1
  }

  word(value: null | boolean): Uint8Array {
    return Buffer.of((value === null ? Primitive.NULL : value ? Primitive.TRUE : Primitive.FALSE) << 2)
  }

  text(value: string): Uint8Array {
    const bytes = Buffer.from(value)
    if (bytes.length <= SHORT_TEXT_BYTES_MAX) return Buffer.concat([Buffer.of((bytes.length << 2) | Basic.SHORT_TEXT), bytes])
    return limited(Buffer.concat([Buffer.of(Primitive.TEXT << 2), unsigned(bytes.length, LARGE_SIZE_BYTES), bytes]))
  }

  /** A number of JSON in the narrowest type that holds it: a whole number of up to 64 bits, a decimal of up to 38 digits, or a double. */
  number(text: string): Uint8Array {
    if (/[eE]/.test(text)) return double(Number(text))
    if (text.includes('.')) return decimal(Decimal.parse(text)) ?? double(Number(text))
    const whole = BigInt(text)
    return integer(whole) ?? decimal(new Decimal(whole, 0)) ?? double(Number(text))
  }

  array(elements: readonly Uint8Array[]): Uint8Array {
    const bytes = elements.reduce((sum, element) => sum + element.length, 0)
    const [isLarge, offsetBytes] = [elements.length > BYTE_MAX, bytesOf(bytes)]
    const header = Basic.ARRAY | ((offsetBytes - 1) << 2) | (Number(isLarge) << 4)
    return limited(
      Buffer.concat([Buffer.of(header), unsigned(elements.length, isLarge ? LARGE_SIZE_BYTES : 1), ...offsetsOf(elements, offsetBytes), ...elements]),
    )
  }

  /** @throws {VariantError} If two members have one key, unless that is allowed. */
  object(members: readonly (readonly [key: number, value: Uint8Array])[]): Uint8Array {
    const last = new Map(members.map(([key], index) => [key, index]))
    if (last.size < members.length && !this.#allowsDuplicates) {
      const twice = members.find(([key], index) => last.get(key) !== index)!
      throw new VariantError(`Key ${quoteJson(this.#keys[twice[0]])} stands twice in an object`)
    }
    // Values lie in the order in which they were written, and are found by their keys in order.
    const kept = members.filter(([key], index) => last.get(key) === index)
    const values = kept.map(([, value]) => value)
    const bytes = values.reduce((sum, value) => sum + value.length, 0)
    const places = kept.map((_, index) => index).toSorted((left, right) => (this.#keys[kept[left][0]] < this.#keys[kept[right][0]] ? -1 : 1))
    const idBytes = bytesOf(members.reduce((most, [key]) => Math.max(most, key), 0))
    const [isLarge, offsetBytes] = [kept.length > BYTE_MAX, bytesOf(bytes)]
    const header = Basic.OBJECT | ((offsetBytes - 1) << 2) | ((idBytes - 1) << 4) | (Number(isLarge) << 6)
    const offsets = offsetsOf(values, offsetBytes)
    return limited(
      Buffer.concat([
        Buffer.of(header),
        unsigned(kept.length, isLarge ? LARGE_SIZE_BYTES : 1),
        ...places.map((place) => unsigned(kept[place][0], idBytes)),
        ...places.map((place) => offsets[place]),
        offsets[kept.length],
        ...values,
      ]),
    )
  }

  /** The variant of a value. */
  build(value: Uint8Array): Uint8Array {
    const keys = this.#keys.map((key) => Buffer.from(key))
    const bytes = keys.reduce((sum, key) => sum + key.length, 0)
    const offsetBytes = bytesOf(Math.max(bytes, keys.length))
    const header = VERSION | ((offsetBytes - 1) << 6)
    const dictionary = Buffer.concat([Buffer.of(header), unsigned(keys.length, offsetBytes), ...offsetsOf(keys, offsetBytes), ...keys])
    return joined(limited(dictionary), value)
  }
}

/** In memory of its own, as users are given it: not in what Buffers share. */
function joined(dictionary: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(dictionary.length + value.length)
  bytes.set(dictionary)
  bytes.set(value, dictionary.length)
  return bytes
}

function integer(value: bigint): Uint8Array | undefined {
  const found = Object.entries(INTEGER_BYTES).find(([, bytes]) => BigInt.asIntN(bytes * 8, value) === value)
  return found && Buffer.concat([Buffer.of(Number(found[0]) << 2), signed(value, found[1])])
}

function decimal({ unscaled, scale }: Decimal): Uint8Array | undefined {
  const precision = `${unscaled < 0n ? -unscaled : unscaled}`.length
  const found = DECIMALS.find(({ digits }) => scale <= digits && precision <= digits)
  return found && Buffer.concat([Buffer.of(found.primitive << 2, scale), signed(unscaled, found.bytes)])
}

function double(value: number): Uint8Array {
  const bytes = Buffer.alloc(1 + LONG_BYTES)
  bytes[0] = Primitive.DOUBLE << 2
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/** Where each of some parts begins, and the last one ends. */
function offsetsOf(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let at = 0
  return [unsigned(0, bytes), ...parts.map((part) => unsigned((at += part.length), bytes))]
}

function limited(bytes: Uint8Array): Uint8Array {
  if (bytes.length > BYTES_MAX) throw new VariantError(`A VARIANT has at most ${BYTES_MAX} bytes`)
  return bytes
}

/** How many bytes a number up to 2^24 takes. */
function bytesOf(value: number): number {
  return value <= BYTE_MAX ? 1 : value <= 0xffff ? 2 : 3
}

function unsigned(value: number, bytes: number): Uint8Array {
  const written = Buffer.alloc(bytes)
  written.writeUIntLE(value % 2 ** (bytes * 8), 0, bytes)
  return written
}

function signed(value: bigint, bytes: number): Uint8Array {
  const written = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at++) written[at] = Number((value >> BigInt(at * 8)) & 0xffn)
  return written
}

// ---------------------------------------------------------------------------------------------------------------- reading

/** Bytes with a place in them at which a value begins. */
interface Place {
  readonly bytes: Buffer
  readonly at: number
}

/** Where the parts of an object or array lie. */
interface Parts {
  readonly count: number
  readonly idBytes: number
  readonly ids: number
  readonly offsetBytes: number
  readonly offsets: number
  readonly data: number
}

/** A VARIANT as JSON: keys in order, without blanks. @param variant Its bytes, as a column of type VARIANT holds them. */
export function variantText(variant: Uint8Array): string {
  const bytes = bufferOf(variant)
  return textAt({ bytes, at: dictionaryBytes(bytes) })
}

/** The kind of value that a variant holds, as errors name it. */
export function variantKind(variant: Uint8Array): string {
  const bytes = bufferOf(variant)
  const header = bytes[dictionaryBytes(bytes)]
  switch (header & 3) {
    case Basic.OBJECT:
      return 'an object'
    case Basic.ARRAY:
      return 'an array'
    case Basic.SHORT_TEXT:
      return 'a text'
    default: {
      const primitive = header >>> 2
      if (primitive === Primitive.NULL) return 'null'
      return primitive === Primitive.TRUE || primitive === Primitive.FALSE ? 'a truth value' : primitive === Primitive.TEXT ? 'a text' : 'a number'
    }
  }
}

/** The value of a key as a variant; null if there is none. @throws {VariantError} If the variant is no object. */
export function variantField(variant: Uint8Array, key: string): Uint8Array | null {
  const bytes = bufferOf(variant)
  const at = dictionaryBytes(bytes)
  if ((bytes[at] & 3) !== Basic.OBJECT) throw new VariantError(`${variantKind(variant)} has no field ${quoteJson(key)}`)
  const parts = partsAt({ bytes, at })
  const wanted = Buffer.from(key)
  for (let index = 0; index < parts.count; index++) {
    const { start, end } = keyAt(bytes, bytes.readUIntLE(parts.ids + index * parts.idBytes, parts.idBytes))
    if (end - start === wanted.length && wanted.compare(bytes, start, end) === 0) return cutOut(bytes, at, partAt(bytes, parts, index))
  }
  return null
}

/** The element at a place from 0 as a variant; null if there is none. @throws {VariantError} If the variant is no array. */
export function variantElement(variant: Uint8Array, index: number): Uint8Array | null {
  const bytes = bufferOf(variant)
  const at = dictionaryBytes(bytes)
  if ((bytes[at] & 3) !== Basic.ARRAY) throw new VariantError(`${variantKind(variant)} has no elements`)
  const parts = partsAt({ bytes, at })
  return index < 0 || index >= parts.count ? null : cutOut(bytes, at, partAt(bytes, parts, index))
}

/** A value with the dictionary. */
function cutOut(bytes: Buffer, dictionary: number, at: number): Uint8Array {
  return joined(bytes.subarray(0, dictionary), bytes.subarray(at, at + lengthAt({ bytes, at })))
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function dictionaryBytes(bytes: Buffer): number {
  const offsetBytes = (bytes[0] >>> 6) + 1
  const count = bytes.readUIntLE(1, offsetBytes)
  const texts = 1 + offsetBytes * (count + 2)
  return texts + bytes.readUIntLE(texts - offsetBytes, offsetBytes)
}

/** Where the UTF-8 of a key lies. */
function keyAt(bytes: Buffer, id: number): { readonly start: number; readonly end: number } {
  const offsetBytes = (bytes[0] >>> 6) + 1
  const texts = 1 + offsetBytes * (bytes.readUIntLE(1, offsetBytes) + 2)
  const at = 1 + offsetBytes * (1 + id)
  return { start: texts + bytes.readUIntLE(at, offsetBytes), end: texts + bytes.readUIntLE(at + offsetBytes, offsetBytes) }
}

function partsAt({ bytes, at }: Place): Parts {
  const header = bytes[at] >>> 2
  const isObject = (bytes[at] & 3) === Basic.OBJECT
  const sizeBytes = (header >>> (isObject ? 4 : 2)) & 1 ? LARGE_SIZE_BYTES : 1
  const count = bytes.readUIntLE(at + 1, sizeBytes)
  const [offsetBytes, idBytes] = [(header & 3) + 1, isObject ? ((header >>> 2) & 3) + 1 : 0]
  const ids = at + 1 + sizeBytes
  const offsets = ids + count * idBytes
  return { count, idBytes, ids, offsetBytes, offsets, data: offsets + (count + 1) * offsetBytes }
}

/** Where a part begins; behind the last one: where all of them end. */
function partAt(bytes: Buffer, { offsets, offsetBytes, data }: Parts, index: number): number {
  return data + bytes.readUIntLE(offsets + index * offsetBytes, offsetBytes)
}

function lengthAt({ bytes, at }: Place): number {
  const info = bytes[at] >>> 2
  switch (bytes[at] & 3) {
    case Basic.SHORT_TEXT:
      return 1 + info
    case Basic.OBJECT:
    case Basic.ARRAY: {
      const parts = partsAt({ bytes, at })
      return partAt(bytes, parts, parts.count) - at
    }
    default:
      if (info === Primitive.TEXT) return 1 + LARGE_SIZE_BYTES + bytes.readUInt32LE(at + 1)
      if (info === Primitive.DOUBLE) return 1 + LONG_BYTES
      if (info in INTEGER_BYTES) return 1 + INTEGER_BYTES[info]
      return isDecimal(info) ? 2 + DECIMALS.find(({ primitive }) => primitive === info)!.bytes : 1
  }
}

function isDecimal(primitive: number): boolean {
  return primitive >= Primitive.DECIMAL4 && primitive <= Primitive.DECIMAL16
}

function textAt(place: Place): string {
  const { bytes, at } = place
  const info = bytes[at] >>> 2
  switch (bytes[at] & 3) {
    case Basic.SHORT_TEXT:
      return quoteJson(bytes.toString('utf8', at + 1, at + 1 + info))
    case Basic.OBJECT: {
      const parts = partsAt(place)
      const members = Array.from({ length: parts.count }, (_, index) => {
        const { start, end } = keyAt(bytes, bytes.readUIntLE(parts.ids + index * parts.idBytes, parts.idBytes))
        return `${quoteJson(bytes.toString('utf8', start, end))}:${textAt({ bytes, at: partAt(bytes, parts, index) })}`
      })
      return `{${members.join(',')}}`
    }
    case Basic.ARRAY: {
      const parts = partsAt(place)
      return `[${Array.from({ length: parts.count }, (_, index) => textAt({ bytes, at: partAt(bytes, parts, index) })).join(',')}]`
    }
    default:
      return primitiveText(place, info)
  }
}

function primitiveText({ bytes, at }: Place, primitive: number): string {
  switch (primitive) {
    case Primitive.NULL:
      return 'null'
    case Primitive.TRUE:
    case Primitive.FALSE:
      return String(primitive === Primitive.TRUE)
    case Primitive.DOUBLE:
      return doubleText(bytes.readDoubleLE(at + 1), Number)
    case Primitive.TEXT:
      return quoteJson(bytes.toString('utf8', at + 1 + LARGE_SIZE_BYTES, at + lengthAt({ bytes, at })))
    default: {
      const isInteger = primitive in INTEGER_BYTES
      const end = at + lengthAt({ bytes, at })
      let value = BigInt(bytes.readInt8(end - 1))
      for (let index = end - 2; index >= at + (isInteger ? 1 : 2); index--) value = (value << 8n) | BigInt(bytes[index])
      if (isInteger) return `${value}`
      // Zeros at the end of a fraction are kept, and not shown.
      const text = new Decimal(value, bytes[at + 1]).toString()
      return text.includes('.') ? text.replace(/\.?0+$/, '') : text
    }
  }
}
