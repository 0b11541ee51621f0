// Values of object columns as bytes: MessagePack with the extensions of structured clone (Map, Set, Date, bigint, typed arrays, cycles) and of
// our decimals. What cannot be taken to another thread is refused by name instead of being lost on the way.

import { WasmMemory } from '../base/webassembly.ts'
import { createRequire } from 'node:module'
import type * as Msgpackr from 'msgpackr'
import { StateError } from '../base/errors.ts'
import { Decimal } from './types.ts'

const DECIMAL_EXTENSION = 0x21
const REFUSED_EXTENSION = 0x22

function refuse(what: string): never {
  throw new TypeError(`${what} cannot leave its thread`)
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
  // Without these, objects of such classes would arrive as empty ones.
  for (const Class of [Promise, WeakMap, WeakSet, WeakRef, SharedArrayBuffer, WasmMemory]) {
    addExtension({ Class, type: REFUSED_EXTENSION, write: () => refuse(`a ${Class.name}`) })
  }
  return Object.assign(new Packr({ structuredClone: true, copyBuffers: true }), {
    writeFunction: (value: { name: string }) => refuse(`the function "${value.name}"`),
  })
}

/**
 * Encodes the values of an object column. The bytes are valid until the next call.
 *
 * @throws {StateError} `VALUE_NOT_ENCODABLE`, naming the column, the value and the reason.
 */
export function encodeObjects(values: readonly unknown[], columnName: string): Uint8Array {
  try {
    const bytes = packr().pack(values)
    // The decoder renames members called __proto__; the bytes are searched first, since hardly any value has one.
    if (bytes.includes(PROTO) && values.some((value) => hasProtoMember(value, new Set()))) refuse('a member named "__proto__"')
    return bytes
  } catch (error) {
    throw notEncodable(values, columnName, error)
  }
}

const PROTO = '__proto__'

function hasProtoMember(value: unknown, seen: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  if (value instanceof Map) return [...value].some((entry) => entry.some((part) => hasProtoMember(part, seen)))
  if (value instanceof Set) return [...value].some((element) => hasProtoMember(element, seen))
  return Object.hasOwn(value, PROTO) || Object.values(value).some((member) => hasProtoMember(member, seen))
}

/** Decodes what {@link encodeObjects} made. `bytes` must not be shared memory. */
export function decodeObjects(bytes: Uint8Array): unknown[] {
  return packr().unpack(bytes) as unknown[]
}

function notEncodable(values: readonly unknown[], columnName: string, cause: unknown): StateError {
  const index = values.findIndex((value) => {
    try {
      packr().pack(value)
      return hasProtoMember(value, new Set())
    } catch {
      return true
    }
  })
  return new StateError(
    'VALUE_NOT_ENCODABLE',
    `Cannot encode value ${index} of column "${columnName}" for another thread or a snapshot: ${(cause as Error).message}`,
    {
      hint: 'Keep such values out of records, or give the stream columns with .returns(schema).',
      cause,
    },
  )
}
