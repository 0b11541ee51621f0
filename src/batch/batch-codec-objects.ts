// Values of object columns as bytes: MessagePack with the extensions of structured clone (Map, Set, Date, bigint, bytes, cycles) and of our decimals,
// and structured clone itself for values that MessagePack would change. What cannot be taken to another thread is refused by name instead of being
// lost on the way.

import { createRequire } from 'node:module'
import { deserialize, serialize } from 'node:v8'
import type * as Msgpackr from 'msgpackr'
import { StateError } from '../base/errors.ts'
import { keepsNothing, refuse, requireCloneable, restoreDecimals } from './cloned-values.ts'
import { Decimal } from './types.ts'

const DECIMAL_EXTENSION = 0x21
const SIGNED_EXTENSION = 0x22
const CLONE_EXTENSION = 0x23

/** Where in a value something is: names of members and indexes of arrays, from the outside in. */
type Path = readonly (string | number)[]

/** A value whose negative zeros MessagePack turns into zeros, and where they are. */
class Signed {
  readonly value: unknown
  readonly paths: readonly Path[]

  constructor(value: unknown, paths: readonly Path[]) {
    this.value = value
    this.paths = paths
  }
}

/** A value that MessagePack would change, as structured clone writes it. */
class Clone {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

let codec: Msgpackr.Packr | undefined

/** Loaded when a first object column asks for it: most threads never do, and loading takes longer than starting a subtask. */
function packr(): Msgpackr.Packr {
  return (codec ??= createPackr(createRequire(import.meta.url)('msgpackr') as typeof Msgpackr))
}

function createPackr({ addExtension, Packr }: typeof Msgpackr): Msgpackr.Packr {
  addExtension({
    Class: Decimal,
    type: DECIMAL_EXTENSION,
    write: ({ unscaled, scale }: Decimal) => [unscaled, scale],
    read: ([unscaled, scale]: [bigint, number]) => new Decimal(unscaled, scale),
  })
  addExtension({ Class: Signed, type: SIGNED_EXTENSION, write: ({ value, paths }: Signed) => [value, paths], read: fromSigned })
  addExtension({ Class: Clone, type: CLONE_EXTENSION, write: ({ bytes }: Clone) => bytes, read: fromClone })
  return new Packr({ structuredClone: true, copyBuffers: true })
}

/**
 * Encodes the values of an object column. The bytes are valid until the next call.
 *
 * A value comes back as structured clone would give it, and decimals as decimals; bytes in a Buffer stay one. Objects of other classes come back as
 * plain objects with their own members.
 *
 * @throws {StateError} `VALUE_NOT_ENCODABLE`, naming the column, the value and the reason.
 */
export function encodeObjects(values: readonly unknown[], columnName: string): Uint8Array {
  let carried: unknown[] | undefined
  for (let index = 0; index < values.length; index++) {
    const ordinary = isOrdinary(values[index])
    if (ordinary && !zeroMet) continue
    carried ??= [...values]
    try {
      carried[index] = ordinary ? toSigned(values[index]) : toClone(values[index])
    } catch (error) {
      throw notEncodable(index, columnName, error)
    }
  }
  return packr().pack(carried ?? values)
}

/** Decodes what {@link encodeObjects} made. `bytes` must not be shared memory. */
export function decodeObjects(bytes: Uint8Array): unknown[] {
  return packr().unpack(bytes) as unknown[]
}

function notEncodable(index: number, columnName: string, cause: unknown): StateError {
  return new StateError(
    'VALUE_NOT_ENCODABLE',
    `Cannot encode value ${index} of column "${columnName}" for another thread or a snapshot: ${(cause as Error).message}`,
    {
      hint: 'Keep such values out of records, or give the stream columns with .returns(schema).',
      cause,
    },
  )
}

const DEPTH_MAX = 32
const UNREMEMBERED_MAX = 64

/** Members that MessagePack or its decoder takes for something else. */
const ODD_MEMBERS: ReadonlySet<string> = new Set(['__proto__', '__keys__', 'constructor', 'hasOwnProperty', 'toJSON'])

let visited = 0
const remembered = new Set<object>()
/** Whether a value whose sign MessagePack drops was seen. */
let zeroMet = false
let plainPrototype: object | null = null

/** Whether MessagePack gives the value back as it is, but for what {@link zeroMet} says. Says no in cases of doubt. */
function isOrdinary(value: unknown): boolean {
  visited = 0
  zeroMet = false
  const ordinary = isOrdinaryPart(value, 0)
  if (visited > UNREMEMBERED_MAX) remembered.clear()
  return ordinary
}

function isOrdinaryPart(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      if (value === 0 && 1 / value < 0) zeroMet = true
      return true
    case 'string':
      return value.isWellFormed()
    case 'object':
      return value === null || isOrdinaryObject(value, depth)
    case 'boolean':
    case 'undefined':
      return true
    case 'bigint':
      return BigInt.asIntN(64, value) === value
    default:
      return false
  }
}

function isOrdinaryObject(value: object, depth: number): boolean {
  if (depth === DEPTH_MAX) return false
  // Objects that are met by many ways are looked at a few times only.
  if (++visited > UNREMEMBERED_MAX) {
    if (remembered.has(value)) return true
    remembered.add(value)
  }
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Array.prototype) return isOrdinaryArray(value as unknown[], depth)
  if (prototype === Object.prototype || prototype === null) return hasOrdinaryMembers(value as Record<string, unknown>, depth)
  if (prototype === plainPrototype) return !keepsNothing(value) && hasOrdinaryMembers(value as Record<string, unknown>, depth)
  switch (prototype) {
    case Decimal.prototype:
      return BigInt.asIntN(64, (value as Decimal).unscaled) === (value as Decimal).unscaled
    case Map.prototype:
      for (const [key, item] of value as Map<unknown, unknown>) if (!isOrdinaryPart(key, depth + 1) || !isOrdinaryPart(item, depth + 1)) return false
      return !Object.hasOwn(value, 'constructor')
    case Set.prototype:
      for (const item of value as Set<unknown>) if (!isOrdinaryPart(item, depth + 1)) return false
      return !Object.hasOwn(value, 'constructor')
    case Date.prototype:
      return !Object.hasOwn(value, 'constructor')
    case Uint8Array.prototype:
      return true
    default:
      return isOfPlainClass(value) && isOrdinaryObject(value, depth)
  }
}

function isOrdinaryArray(array: readonly unknown[], depth: number): boolean {
  for (let index = 0; index < array.length; index++) {
    const item = array[index]
    if (typeof item === 'number') {
      if (item === 0 && 1 / item < 0) zeroMet = true
    } else if (!isOrdinaryPart(item, depth + 1) || (item === undefined && !(index in array))) return false
  }
  // Arrays may have members with names, such as the index of a match.
  return Object.keys(array).length === array.length
}

function hasOrdinaryMembers(value: Record<string, unknown>, depth: number): boolean {
  for (const name in value) if (ODD_MEMBERS.has(name) || !name.isWellFormed() || !isOrdinaryPart(value[name], depth + 1)) return false
  return true
}

/** Whether the value is of a class whose objects are their own members and nothing else; remembers the class if so. */
function isOfPlainClass(value: object): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]' || 'toJSON' in value || value instanceof Decimal || keepsNothing(value)) return false
  plainPrototype = Object.getPrototypeOf(value) as object
  return true
}

function toSigned(value: unknown): Signed | Clone {
  const paths: Path[] = []
  return findZeros(value, [], paths, new Set()) ? new Signed(value, paths) : toClone(value)
}

/** Lists the negative zeros in the members of objects and arrays. Returns false if there may be others. */
function findZeros(value: unknown, path: (string | number)[], paths: Path[], seen: Set<object>): boolean {
  if (Object.is(value, -0)) paths.push([...path])
  if (typeof value !== 'object' || value === null || seen.has(value)) return true
  seen.add(value)
  if (value instanceof Map || value instanceof Set) return false
  if (value instanceof Uint8Array || value instanceof Decimal) return true
  for (const name of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    path.push(name)
    if (!findZeros((value as Record<string | number, unknown>)[name], path, paths, seen)) return false
    path.pop()
  }
  return true
}

function fromSigned([value, paths]: [unknown, Path[]]): unknown {
  for (const path of paths) {
    if (path.length === 0) return -0
    let holder = value as Record<string | number, unknown>
    for (let index = 0; index < path.length - 1; index++) holder = holder[path[index]] as typeof holder
    holder[path[path.length - 1]] = -0
  }
  return value
}

function toClone(value: unknown): Clone {
  const decimals: Decimal[] = []
  requireCloneable(value, decimals, new Set())
  try {
    return new Clone(serialize({ value, decimals }))
  } catch (error) {
    // "#<Proxy> could not be cloned."
    return refuse((error as Error).message.replace(/^#<(.*)> could not be cloned\.$/s, 'a $1'))
  }
}

function fromClone(bytes: Uint8Array): unknown {
  const { value, decimals } = deserialize(bytes) as { value: unknown; decimals: Decimal[] }
  restoreDecimals(decimals)
  return value
}
