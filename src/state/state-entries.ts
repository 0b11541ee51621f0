// The entries of states as they lie in snapshots, as values and back: for what reads savepoints, bootstraps state or changes a state's types. The
// handles (value-states.ts, list-state.ts, map-state.ts, operator-state.ts) write and read the same bytes in place; that they agree is a test.
//
//   value, reducing, aggregating   u8 timed | f64 refreshed if timed | value
//   list                           u8 0 | u8 timed | u32 elements | elements: f64 refreshed if timed, value
//   map                            u8 0 | u8 timed | u32 entries | entries: f64 refreshed if timed, key, value
//   operator list, union list      value
//   broadcast                      key, value

import { keyBytesOf, type KeyValue } from '../base/key-bytes.ts'
import type { LogicalType } from '../batch/types.ts'
import { withNullability } from '../batch/types.ts'
import { keyValueOf } from './key-value.ts'
import { shownNameOf, type StateSchema } from './state-schema.ts'
import { ByteReader, ByteWriter, checkedText, isTextType, numberRangeOf, refuseValue, type ValueCodec, valueCodecOf } from './value-codec.ts'

/** A value of a state, an element of a list or an entry of a map. */
export interface StateItem {
  /** When it was refreshed last: epoch ms; undefined where nothing expires. */
  readonly refreshedMs: number | undefined
  /** Of maps; undefined elsewhere. */
  readonly key: unknown
  readonly value: unknown
}

/** Reads and writes the entries of one state. */
export interface EntryCodec {
  read(bytes: Uint8Array): readonly StateItem[]
  /** Items without a time are taken as refreshed at `nowMs` where the state has a TTL. @throws {BadRecordError} `VALUE_OUT_OF_TYPE` */
  write(items: readonly StateItem[], nowMs: number): Uint8Array
}

/** The codec of a state's entries; undefined for what is an operator's own. */
export function entryCodecOf(schema: StateSchema): EntryCodec | undefined {
  const name = shownNameOf(schema.name)
  switch (schema.kind) {
    case 'value':
    case 'reducing':
    case 'aggregating':
      return singleCodec(schema, slotCodecOf(schema.type, name))
    case 'list':
      return itemsCodec(schema, undefined, valueCodecOf(schema.type, name))
    case 'map':
      return itemsCodec(schema, mapKeyCodecOf(schema.keyType, name), valueCodecOf(schema.type, name))
    case 'operator-list':
    case 'union-list':
      return elementCodec(undefined, valueCodecOf(schema.type, name))
    case 'broadcast':
      return elementCodec(valueCodecOf(schema.keyType, name), valueCodecOf(schema.type, name))
    default:
      return undefined
  }
}

/** Values that lie in their slot, and texts, are never NULL there: the slot is empty then. */
function slotCodecOf(type: LogicalType | undefined, state: string): ValueCodec {
  const isSlot = type !== undefined && (numberRangeOf(type) !== undefined || type.kind === 'BIGINT' || type.kind === 'BOOLEAN' || isTextType(type))
  return valueCodecOf(isSlot ? withNullability(type, false) : type, state)
}

/** Keys of maps: numbers as they are, all others behind their length. */
function mapKeyCodecOf(type: LogicalType | undefined, state: string): ValueCodec {
  if (type !== undefined && !type.nullable && numberRangeOf(type) !== undefined) return valueCodecOf(type, state)
  const inner = bareKeyCodecOf(type, state)
  return {
    write(writer, key) {
      const start = writer.at
      writer.uint32(0)
      inner.write(writer, key)
      const end = writer.at
      writer.at = start
      writer.uint32(end - start - 4)
      writer.at = end
    },
    read: (reader) => inner.read(reader, reader.uint32()),
  }
}

function bareKeyCodecOf(
  type: LogicalType | undefined,
  state: string,
): { write(writer: ByteWriter, key: unknown): void; read(reader: ByteReader, length: number): unknown } {
  if (type === undefined || type.kind === 'OBJECT')
    return { write: (writer, key) => writer.raw(keyBytesOf(key as KeyValue)), read: (reader, length) => keyValueOf(reader.raw(length)) }
  if (isTextType(type))
    return {
      write(writer, key) {
        if (!writer.text(checkedText(key, type, state))) refuseValue(key, type, state, 'it holds a lone surrogate, which no UTF-8 text can')
      },
      read: (reader, length) => reader.text(length),
    }
  const codec = valueCodecOf(type, state)
  return { write: (writer, key) => codec.write(writer, key), read: (reader) => codec.read(reader) }
}

function singleCodec({ ttlMs }: StateSchema, codec: ValueCodec): EntryCodec {
  return {
    read(bytes) {
      const reader = new ByteReader().load(bytes, 0, bytes.length)
      const refreshedMs = reader.uint8() === 1 ? reader.float64() : undefined
      return [{ refreshedMs, key: undefined, value: codec.read(reader) }]
    },
    write([{ refreshedMs, value }], nowMs) {
      const writer = new ByteWriter()
      writer.uint8(ttlMs === undefined ? 0 : 1)
      if (ttlMs !== undefined) writer.float64(refreshedMs ?? nowMs)
      codec.write(writer, value)
      return writer.copy()
    },
  }
}

function itemsCodec({ ttlMs }: StateSchema, keys: ValueCodec | undefined, values: ValueCodec): EntryCodec {
  return {
    read(bytes) {
      const reader = new ByteReader().load(bytes, 0, bytes.length)
      reader.uint8()
      const isTimed = reader.uint8() === 1
      const count = reader.uint32()
      const items: StateItem[] = []
      for (let index = 0; index < count; index++)
        items.push({ refreshedMs: isTimed ? reader.float64() : undefined, key: keys?.read(reader), value: values.read(reader) })
      return items
    },
    write(items, nowMs) {
      const writer = new ByteWriter()
      writer.uint8(0)
      writer.uint8(ttlMs === undefined ? 0 : 1)
      writer.uint32(items.length)
      for (const { refreshedMs, key, value } of items) {
        if (ttlMs !== undefined) writer.float64(refreshedMs ?? nowMs)
        keys?.write(writer, key)
        values.write(writer, value)
      }
      return writer.copy()
    },
  }
}

function elementCodec(keys: ValueCodec | undefined, values: ValueCodec): EntryCodec {
  return {
    read(bytes) {
      const reader = new ByteReader().load(bytes, 0, bytes.length)
      return [{ refreshedMs: undefined, key: keys?.read(reader), value: values.read(reader) }]
    },
    write([{ key, value }]) {
      const writer = new ByteWriter()
      keys?.write(writer, key)
      values.write(writer, value)
      return writer.copy()
    },
  }
}
