// Values that go to another thread by structured clone. It drops classes but keeps identity: the decimals within the values travel as a list beside
// them, and are given their class again behind it. What it cannot take, or would lose in silence, is refused by name.

import { types } from 'node:util'
import { StateError } from '../base/errors.ts'
import { WasmMemory } from '../base/webassembly.ts'
import { Decimal } from './types.ts'

const PLAIN_DEPTH_MAX = 4

/**
 * Lists the decimals within records that are to be cloned: send them in the same message, behind which {@link restoreDecimals} takes them.
 *
 * @param where Where the records go, for the error.
 * @throws {StateError} `VALUE_NOT_ENCODABLE`, naming the place and the reason.
 */
export function decimalsWithin(records: readonly unknown[], where: string): Decimal[] {
  const decimals: Decimal[] = []
  try {
    for (const record of records) if (!isPlain(record, 0)) requireCloneable(record, decimals, new Set())
  } catch (error) {
    throw notCloneable(where, error)
  }
  return decimals
}

/** The error of records that structured clone does not take. */
export function notCloneable(where: string, cause: unknown): StateError {
  return new StateError('VALUE_NOT_ENCODABLE', `Cannot send a record to ${where}: ${(cause as Error).message}`, {
    hint: 'Keep such values out of records that the program and the engine give to each other.',
    cause,
  })
}

/** Gives decimals that were cloned their class again, and thereby those within the values that were cloned with them. */
export function restoreDecimals(decimals: readonly Decimal[]): void {
  for (const decimal of decimals) Object.setPrototypeOf(decimal, Decimal.prototype)
}

/** Whether a value is cloned as it is and holds no decimal, as most are. Says no in cases of doubt. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Uint8Array.prototype) return true
  if (depth === PLAIN_DEPTH_MAX || (prototype !== Object.prototype && prototype !== Array.prototype)) return false
  for (const name in value) if (!isPlain((value as Record<string, unknown>)[name], depth + 1)) return false
  return true
}

/** Throws what says that something cannot be cloned. */
export function refuse(what: string): never {
  throw new TypeError(`${what} cannot leave its thread`)
}

/** Whether an object has no member of its own: if it is of a class, structured clone does not see what it holds. */
export function keepsNothing(value: object): boolean {
  return Object.keys(value).length === 0
}

/** Refuses what structured clone cannot take or would lose in silence, and collects decimals. */
export function requireCloneable(value: unknown, decimals: Decimal[], seen: Set<object>): void {
  if (typeof value === 'function') refuse(`the function "${value.name}"`)
  if (typeof value === 'symbol') refuse(`the symbol "${value.description ?? ''}"`)
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  for (const Class of [Promise, WeakMap, WeakSet, WeakRef, SharedArrayBuffer, WasmMemory]) if (value instanceof Class) refuse(`a ${Class.name}`)
  if (value instanceof Decimal) decimals.push(value)
  else if (types.isMap(value)) {
    for (const [key, item] of value) {
      requireCloneable(key, decimals, seen)
      requireCloneable(item, decimals, seen)
    }
  } else if (types.isSet(value)) {
    for (const item of value) requireCloneable(item, decimals, seen)
  } else if (!holdsMoreThanMembers(value)) {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype !== null && prototype !== Object.prototype && !Array.isArray(value) && keepsNothing(value)) {
      refuse(`an object of class ${className(value)}, which has no members of its own,`)
    }
    for (const item of Object.values(value)) requireCloneable(item, decimals, seen)
  }
}

function className(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return tag === 'Object' ? value.constructor.name : tag
}

/** Whether structured clone knows the value's kind and takes what it holds, instead of its members. */
function holdsMoreThanMembers(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value) ||
    types.isBoxedPrimitive(value)
  )
}
