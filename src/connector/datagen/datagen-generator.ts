// Fills columns of any schema with sequences and random values. Runs on the thread that owns the slab. Invariant: a value depends on seed, place
// in the schema and row number alone (times of the past also on the "now" they are given), never on how rows are cut into batches.

import { inspect } from 'node:util'
import type { Slab } from '../../base/slab.ts'
import { Column } from '../../batch/column.ts'
import { type RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import { readValue, writeValue } from '../../batch/values.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { type DatagenField, type DatagenOptions, type DatagenSettings, resolveDatagenOptions } from './datagen-options.ts'

const DAY_MS = 86_400_000
const TWO_32 = 4_294_967_296
const GOLDEN = 0x9e3779b9
const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
/** Purposes of a draw, beside its column and row. */
const DRAW_NULL = 1
const DRAW_VALUE = 2
const DRAW_VALUE_REST = 3
const DRAW_LENGTH = 4

/** A permutation of the 32-bit integers that spreads every bit (a finaliser found by Chris Wellons' search). */
function mix32(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}

/** The key of a column's draws of one purpose. */
function keyOf(seed: number, column: number, purpose: number): number {
  const high = Math.floor(seed / TWO_32)
  return mix32(mix32(mix32(seed - high * TWO_32) + high) + column * 8 + purpose)
}

/** 32 random bits of a row, unsigned. */
function draw(key: number, row: number): number {
  const high = Math.floor(row / TWO_32)
  return mix32(mix32((row - high * TWO_32) ^ key) + Math.imul(high ^ key, GOLDEN)) >>> 0
}

/** Uniform in [0, 1), 53 bits. */
function drawUnit(key: number, rest: number, row: number): number {
  return ((draw(key, row) >>> 5) * 0x4000000 + (draw(rest, row) >>> 6)) / 0x20000000000000
}

/** Makes rows of a schema. */
export class DatagenGenerator {
  readonly schema: Schema
  readonly settings: DatagenSettings

  /** @throws {PlanError} `INVALID_OPTION`, `UNSUPPORTED_TYPE`, `UNKNOWN_COLUMN`. */
  constructor(schema: Schema, options: DatagenOptions = {}) {
    this.schema = schema
    this.settings = resolveDatagenOptions(schema, options)
  }

  /**
   * Replaces the rows of `batch` by those numbered `first` .. `first + count - 1`.
   *
   * @param columns Indexes into the whole schema, one a column of the batch: makes only those; all by default.
   * @param nowMs The end of the past, in epoch ms.
   */
  generate(first: number, count: number, batch: RecordBatch, nowMs: number, columns?: readonly number[]): number {
    batch.columns.forEach((column, index) => {
      const at = columns?.[index] ?? index
      const field = this.settings.fields[at]
      column.clear()
      make(column, field, { first, count, nowMs, seed: this.settings.seed, at: field.id })
    })
    batch.rowCount = count
    batch.kinds = 0
    batch.timestamps = 0
    batch.selection = 0
    batch.selectedCount = 0
    batch.crossings.clear()
    batch.rewind()
    return count
  }
}

interface Rows {
  readonly first: number
  readonly count: number
  readonly nowMs: number
  readonly seed: number
  /** What tells the column's draws from those of others. */
  readonly at: number
}

/** Makes the rows of an empty column. */
function make(column: Column, field: DatagenField, rows: Rows): void {
  column.ensureRows(Math.max(1, rows.count))
  fill(column, field, column.type, rows)
  if (field.nullRate > 0) nullify(column, field.nullRate, keyOf(rows.seed, rows.at, DRAW_NULL), rows.first, rows.count)
}

function fill(column: Column, field: DatagenField, type: LogicalType, rows: Rows): void {
  switch (field.kind) {
    case 'sequence':
      return fillSequence(column, field.start, type, rows)
    case 'integer':
      return fillIntegers(column, field.min, field.max, rows)
    case 'real':
      return fillReals(column, field.min, field.max, rows)
    case 'boolean':
      return fillBooleans(column, rows)
    case 'past':
      return fillPast(column, field.maxPastMs, type, rows)
    case 'text':
    case 'bytes':
      return fillBytes(column, field, rows)
    case 'array':
      return fillArrays(column, field.length, field.children[0], rows)
    case 'map':
      return fillMaps(column, field.length, field.children, rows)
    case 'row':
      field.children.forEach((child, index) => make(column.children[index], child, { ...rows, at: child.id }))
  }
}

/** All arrays are of one length, so that the number of an element follows from that of its row. */
function fillArrays(column: Column, length: number, element: DatagenField, rows: Rows): void {
  const { i32 } = column.slab
  const offsets = column.offsets >>> 2
  for (let row = 0; row < rows.count; row++) i32[offsets + row + 1] = (row + 1) * length
  make(column.children[0], element, { ...elementsOf(rows, length), at: element.id })
}

/** The numbers of what lies in the rows of collections. They begin anew before they would be too great to be exact. */
function elementsOf(rows: Rows, length: number): Rows {
  return { ...rows, first: Number(BigInt.asUintN(52, BigInt(rows.first) * BigInt(length))), count: rows.count * length }
}

/** Of equal keys the last one's value stays, as when a map is filled. */
function fillMaps(column: Column, length: number, [key, value]: readonly DatagenField[], rows: Rows): void {
  const entries = elementsOf(rows, length)
  const keys = Column.allocate(column.slab, column.children[0].type, Math.max(1, entries.count))
  const values = Column.allocate(column.slab, column.children[1].type, Math.max(1, entries.count))
  keys.clear()
  values.clear()
  make(keys, key, { ...entries, at: key.id })
  make(values, value, { ...entries, at: value.id })
  for (let row = 0; row < rows.count; row++) {
    const map = new Map<unknown, readonly [unknown, unknown]>()
    for (let entry = row * length; entry < (row + 1) * length; entry++) {
      const found = readValue(keys, entry)
      map.set(identityOf(found), [found, readValue(values, entry)])
    }
    writeValue(column, row, new Map(map.values()))
  }
  keys.free()
  values.free()
}

/** Something that is equal for equal keys: itself, or the text of an object. */
function identityOf(key: unknown): unknown {
  return typeof key === 'object' && key !== null ? inspect(key, { depth: Infinity, maxArrayLength: null, maxStringLength: null }) : key
}

/** Writes integers of any width. */
function storeInteger(column: Column, slab: Slab, row: number, value: number): void {
  switch (column.kind) {
    case PhysicalKind.INT8:
      slab.i8[column.values + row] = value
      return
    case PhysicalKind.INT16:
      slab.i16[(column.values >>> 1) + row] = value
      return
    case PhysicalKind.INT32:
      slab.i32[(column.values >>> 2) + row] = value
      return
    case PhysicalKind.FLOAT32:
      slab.f32[(column.values >>> 2) + row] = value
      return
    case PhysicalKind.FLOAT64:
      slab.f64[(column.values >>> 3) + row] = value
      return
    default:
      writeInt64(slab, column.values + row * 8, value)
  }
}

/** Writes an integer of 64 or 128 bits. */
function storeBigint(column: Column, row: number, value: bigint): void {
  const { slab } = column
  if (column.kind === PhysicalKind.INT64) slab.i64[(column.values >>> 3) + row] = value
  else {
    const at = (column.values >>> 3) + row * 2
    slab.u64[at] = BigInt.asUintN(64, value)
    slab.i64[at + 1] = BigInt.asIntN(64, value >> 64n)
  }
}

function fillSequence(column: Column, start: bigint, type: LogicalType, { first, count }: Rows): void {
  const { slab } = column
  if (column.kind === PhysicalKind.BYTES) {
    fillDigits(column, start + BigInt(first), count)
    return
  }
  const scale = type.kind === 'DECIMAL' ? 10n ** BigInt(type.scale) : 1n
  const from = (start + BigInt(first)) * scale
  const isSafe = column.kind !== PhysicalKind.INT128 && from >= -SAFE && from + BigInt(count) * scale <= SAFE
  if (isSafe) {
    const [base, step] = [Number(from), Number(scale)]
    for (let row = 0; row < count; row++) storeInteger(column, slab, row, base + row * step)
  } else for (let row = 0; row < count; row++) storeBigint(column, row, from + BigInt(row) * scale)
}

const DIGITS_MAX = 20

function fillDigits(column: Column, from: bigint, count: number): void {
  column.ensureData(count * DIGITS_MAX)
  const { u8, i32 } = column.slab
  const offsets = column.offsets >>> 2
  let written = 0
  for (let row = 0; row < count; row++) {
    const digits = (from + BigInt(row)).toString()
    for (let at = 0; at < digits.length; at++) u8[column.data + written + at] = digits.charCodeAt(at)
    written += digits.length
    i32[offsets + row + 1] = written
  }
  column.dataLength = written
}

function fillIntegers(column: Column, min: bigint, max: bigint, { first, count, seed, at }: Rows): void {
  const { slab } = column
  const key = keyOf(seed, at, DRAW_VALUE)
  const rest = keyOf(seed, at, DRAW_VALUE_REST)
  const span = max - min + 1n
  if (column.kind !== PhysicalKind.INT128 && span <= SAFE && min >= -SAFE && max <= SAFE) {
    const [base, width] = [Number(min), Number(span)]
    for (let row = 0; row < count; row++) storeInteger(column, slab, row, base + Math.floor(drawUnit(key, rest, first + row) * width))
  } else if (span === 2n ** 64n && column.kind === PhysicalKind.INT64) {
    const values = column.values >>> 2
    for (let row = 0; row < count; row++) {
      slab.u32[values + row * 2] = draw(key, first + row)
      slab.u32[values + row * 2 + 1] = draw(rest, first + row)
    }
  } else {
    // More bits than the span has, so that the remainder is even enough.
    const words = [0, 1, 2, 3, 4].map((word) => keyOf(seed, at, DRAW_VALUE + word * GOLDEN))
    for (let row = 0; row < count; row++) {
      const bits = words.reduce((value, word) => (value << 32n) | BigInt(draw(word, first + row)), 0n)
      storeBigint(column, row, min + (bits % span))
    }
  }
}

function fillReals(column: Column, min: number, max: number, { first, count, seed, at }: Rows): void {
  const { slab } = column
  const key = keyOf(seed, at, DRAW_VALUE)
  const rest = keyOf(seed, at, DRAW_VALUE_REST)
  for (let row = 0; row < count; row++) {
    const unit = drawUnit(key, rest, first + row)
    // The difference of the limits may be too great for a double.
    storeInteger(column, slab, row, min * (1 - unit) + max * unit)
  }
}

function fillBooleans(column: Column, { first, count, seed, at }: Rows): void {
  const { u8 } = column.slab
  const key = keyOf(seed, at, DRAW_VALUE)
  for (let row = 0; row < count; row += 8) {
    let bits = 0
    for (let bit = 0; bit < 8; bit++) bits |= (draw(key, first + row + bit) & 1) << bit
    u8[column.values + (row >>> 3)] = bits
  }
}

function fillPast(column: Column, maxPastMs: number, type: LogicalType, { first, count, nowMs, seed, at }: Rows): void {
  const { slab } = column
  const key = keyOf(seed, at, DRAW_VALUE)
  const rest = keyOf(seed, at, DRAW_VALUE_REST)
  const unit = type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' ? (type.precision > 3 && type.precision <= 6 ? 1000 : 1) : 0
  for (let row = 0; row < count; row++) {
    const ms = maxPastMs === 0 ? nowMs : nowMs - Math.floor(drawUnit(key, rest, first + row) * maxPastMs)
    if (type.kind === 'DATE') slab.i32[(column.values >>> 2) + row] = Math.floor(ms / DAY_MS)
    else if (type.kind === 'TIME') slab.i32[(column.values >>> 2) + row] = ms - Math.floor(ms / DAY_MS) * DAY_MS
    else writeInt64(slab, column.values + row * 8, ms * unit)
  }
  if (column.kind === PhysicalKind.TIMESTAMP_NANOS) slab.fill(column.extra, 0, count * 4)
}

const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** Hexadecimal digits or bytes, eight or four to a draw; the last draw of a row reaches into the next or into the slack. */
function fillBytes(column: Column, field: Extract<DatagenField, { readonly kind: 'text' | 'bytes' }>, { first, count, seed, at }: Rows): void {
  const { length, varLen } = field
  column.ensureData(count * length)
  const { u8, i32 } = column.slab
  const key = keyOf(seed, at, DRAW_VALUE)
  const lengthKey = keyOf(seed, at, DRAW_LENGTH)
  const offsets = column.offsets >>> 2
  let to = column.data
  for (let row = 0; row < count; row++) {
    const rowLength = varLen ? 1 + Math.floor((draw(lengthKey, first + row) / TWO_32) * length) : length
    if (field.kind === 'text') writeHex(u8, to, to + rowLength, draw(key, first + row))
    else writeRandomBytes(u8, to, to + rowLength, draw(key, first + row))
    to += rowLength
    i32[offsets + row + 1] = to - column.data
  }
  column.dataLength = to - column.data
}

function writeHex(u8: Uint8Array, from: number, to: number, start: number): void {
  let state = start | 0
  for (let at = from; at < to; at += 8) {
    state = (state + GOLDEN) | 0
    const bits = mix32(state)
    u8[at] = HEX[bits & 15]
    u8[at + 1] = HEX[(bits >>> 4) & 15]
    u8[at + 2] = HEX[(bits >>> 8) & 15]
    u8[at + 3] = HEX[(bits >>> 12) & 15]
    u8[at + 4] = HEX[(bits >>> 16) & 15]
    u8[at + 5] = HEX[(bits >>> 20) & 15]
    u8[at + 6] = HEX[(bits >>> 24) & 15]
    u8[at + 7] = HEX[bits >>> 28]
  }
}

function writeRandomBytes(u8: Uint8Array, from: number, to: number, start: number): void {
  let state = start | 0
  for (let at = from; at < to; at += 4) {
    state = (state + GOLDEN) | 0
    const bits = mix32(state)
    u8[at] = bits
    u8[at + 1] = bits >>> 8
    u8[at + 2] = bits >>> 16
    u8[at + 3] = bits >>> 24
  }
}

/** Makes a share of the rows NULL. Texts keep their bytes. */
function nullify(column: Column, rate: number, key: number, first: number, count: number): void {
  const limit = rate * TWO_32
  for (let row = 0; row < count; row++) if (draw(key, first + row) < limit) column.setNull(row)
}
