// Lists, maps and structs of a Parquet file: the slow path. The leaves of a row group are decoded whole, put together row by row from their
// levels (Dremel's record assembly), and written like values of user code.

import { BadRecordError, ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import { Column } from '../../batch/column.ts'
import { Decimal, type LogicalType } from '../../batch/types.ts'
import { decodeText, writeValue } from '../../batch/values.ts'
import type { BadField, ColumnDecoder } from './column-decoder.ts'
import { HybridDecoder } from './hybrid-decoder.ts'
import type { PageReader } from './page-reader.ts'
import { parseValues, readInt32, type RawValues } from './page-values.ts'
import { isList, isMap, listElement, meaningOf, type ParquetNode } from './parquet-types.ts'

/** The decoded entries of one leaf, with a cursor. */
interface Leaf {
  readonly node: ParquetNode
  /** Levels of each entry. */
  readonly definitions: Int32Array
  readonly repetitions: Int32Array
  readonly values: readonly unknown[]
  at: number
  valueAt: number
}

/** The leaves below a node, in the order of the file's columns. */
export function leavesOf(node: ParquetNode): readonly ParquetNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf)
}

/** The decoder of a column with lists, maps or structs. */
export class NestedColumnDecoder implements ColumnDecoder {
  readonly column: Column
  readonly #node: ParquetNode
  readonly #leaves = new Map<ParquetNode, Leaf>()
  /** Opened, but not decoded yet. */
  #pending: readonly PageReader[] = []

  constructor(slab: Slab, node: ParquetNode, type: LogicalType, batchRowsMax: number) {
    this.#node = node
    this.column = Column.allocate(slab, type, batchRowsMax)
  }

  open(pages: readonly PageReader[]): void {
    this.#pending = pages
    this.#leaves.clear()
  }

  available(wanted: number): number {
    return wanted
  }

  read(count: number, bad: BadField): void {
    const { column } = this
    column.clear()
    for (let row = 0; row < count; row++) {
      const value = this.#assemble()
      try {
        writeValue(column, row, this.#convert(this.#node, column.type, value))
      } catch (error) {
        if (!(error instanceof BadRecordError)) throw error
        writeEmpty(column, row)
        bad(row, error.message.replace(/^Cannot store /, 'found '))
      }
    }
  }

  skip(count: number): void {
    for (let row = 0; row < count; row++) this.#assemble()
  }

  free(): void {
    this.column.free()
  }

  #assemble(): unknown {
    this.#decode()
    return this.#readNode(this.#node)
  }

  #decode(): void {
    const nodes = leavesOf(this.#node)
    this.#pending.forEach((pages, index) => {
      try {
        this.#leaves.set(nodes[index], decodeLeaf(nodes[index], pages))
      } catch (error) {
        if (error instanceof RangeError) pages.fail(error.message, error)
        throw error
      }
    })
    this.#pending = []
  }

  #leafOf(node: ParquetNode): Leaf {
    let first = node
    while (first.children.length > 0) first = first.children[0]!
    return this.#leaves.get(first)!
  }

  #definition(leaf: Leaf, isEnd: boolean = false): number {
    if (isEnd || leaf.at >= leaf.definitions.length) throw new ConnectorError('DAMAGED_FILE', `Cannot read column "${leaf.node.path.join('.')}": it ends early`)
    return leaf.definitions[leaf.at]
  }

  /** Reads one value of a node and moves every leaf below it. NULL is null; a repeated node gives an array. */
  #readNode(node: ParquetNode): unknown {
    const { repetition_type: repetition } = node.element
    if (repetition === 'REQUIRED') return this.#readPresent(node)
    const first = this.#leafOf(node)
    if (this.#definition(first) < node.definitionLevel) {
      for (const leaf of leavesOf(node)) this.#leaves.get(leaf)!.at++
      return repetition === 'REPEATED' ? [] : null
    }
    if (repetition !== 'REPEATED') return this.#readPresent(node)
    const items: unknown[] = []
    do items.push(this.#readPresent(node))
    while (first.at < first.repetitions.length && first.repetitions[first.at] === node.repetitionLevel)
    return items
  }

  #readPresent(node: ParquetNode): unknown {
    if (node.children.length === 0) {
      const leaf = this.#leaves.get(node)!
      if (leaf.at >= leaf.definitions.length || leaf.valueAt >= leaf.values.length) this.#definition(leaf, true)
      leaf.at++
      return leaf.values[leaf.valueAt++]
    }
    return node.children.map((child) => this.#readNode(child))
  }

  /** From what {@link #readNode} gives (arrays for structs too) to values of user code. */
  #convert(node: ParquetNode, type: LogicalType, value: unknown): unknown {
    if (value === null) return null
    if (node.element.repetition_type === 'REPEATED') {
      if (type.kind !== 'ARRAY') return value
      return (value as unknown[]).map((item) => this.#convertPresent(node, type.element, item))
    }
    return this.#convertPresent(node, type, value)
  }

  #convertPresent(node: ParquetNode, type: LogicalType, value: unknown): unknown {
    if (isList(node) && type.kind === 'ARRAY') {
      const { node: element, isWrapped } = listElement(node)
      const [items] = value as [unknown[]]
      return items.map((item) => (isWrapped ? this.#convert(element, type.element, (item as unknown[])[0]) : this.#convertPresent(element, type.element, item)))
    }
    if (isMap(node) && type.kind === 'MAP') {
      const [keyNode, valueNode] = node.children[0].children
      const [pairs] = value as [[unknown, unknown][]]
      return new Map(pairs.map(([key, item]) => [this.#convert(keyNode, type.key, key), this.#convert(valueNode, type.value, item)]))
    }
    if (node.children.length > 0) {
      if (type.kind !== 'ROW') return value
      return Object.fromEntries(
        type.fields.map((field) => {
          const index = node.children.findIndex((child) => child.element.name === field.name)
          return [field.name, index === -1 ? null : this.#convert(node.children[index], field.type, (value as unknown[])[index])]
        }),
      )
    }
    return leafValue(node, type, value)
  }
}

function decodeLeaf(node: ParquetNode, pages: PageReader): Leaf {
  const definitions: Int32Array[] = []
  const repetitions: Int32Array[] = []
  const values: unknown[] = []
  let dictionary: readonly unknown[] = []
  const levels = new HybridDecoder()
  for (let header = pages.peek(); header !== undefined; header = pages.peek()) {
    const page = pages.take()
    if (header.type === 'DICTIONARY_PAGE') {
      dictionary = valuesOf(node, parseValues(node.element, 'PLAIN', page, 0, header.dictionary_page_header!.num_values))
      continue
    }
    const { data_page_header: v1, data_page_header_v2: v2 } = header
    const { encoding, num_values: entries } = (v1 ?? v2)!
    let at = 0
    const readLevels = (level: number, length: number | undefined): Int32Array => {
      const read = new Int32Array(entries)
      if (level > 0) {
        const start = length === undefined ? at + 4 : at
        const end = start + (length ?? readInt32(page, at))
        if (!(end >= start && end <= page.length)) throw new RangeError('levels reach past the end of a page')
        levels.reset(page, start, end, 32 - Math.clz32(level))
        levels.read(read, 0, entries)
        at = end
      }
      return read
    }
    repetitions.push(readLevels(node.repetitionLevel, v2?.repetition_levels_byte_length))
    const own = readLevels(node.definitionLevel, v2?.definition_levels_byte_length)
    definitions.push(own)
    let present = 0
    for (const level of own) present += level === node.definitionLevel ? 1 : 0
    if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
      const codes = new Int32Array(present)
      if (present > 0) {
        levels.reset(page, at + 1, page.length, page[at] ?? 0)
        levels.read(codes, 0, present)
      }
      for (const code of codes) {
        if (!(code >= 0 && code < dictionary.length)) throw new RangeError(`a dictionary code is not below ${dictionary.length}`)
        values.push(dictionary[code])
      }
    } else for (const value of valuesOf(node, parseValues(node.element, encoding, page, at, present))) values.push(value)
  }
  return { node, definitions: concatenate(definitions), repetitions: concatenate(repetitions), values, at: 0, valueAt: 0 }
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Raw values as JavaScript has them: numbers, bigints for 64 bits and more, booleans, bytes. */
function valuesOf(node: ParquetNode, raw: RawValues): unknown[] {
  const { words, bytes, starts, ends, count } = raw
  const each = (read: (index: number) => unknown): unknown[] => Array.from({ length: count }, (_, index) => read(index))
  switch (node.element.type) {
    case 'BOOLEAN':
      return each((index) => words[index] !== 0)
    case 'INT32':
      return Array.from(words)
    case 'FLOAT':
      return Array.from(new Float32Array(words.buffer, words.byteOffset, count))
    case 'DOUBLE':
      return Array.from(new Float64Array(words.buffer, words.byteOffset, count))
    case 'INT64':
      return Array.from(new BigInt64Array(words.buffer, words.byteOffset, count))
    case 'INT96':
      return each((index) => (BigInt(words[index * 3 + 2]) << 64n) | (BigInt(words[index * 3 + 1] >>> 0) << 32n) | BigInt(words[index * 3] >>> 0))
    default:
      return each((index) => bytes.subarray(starts[index], ends[index]))
  }
}

/** A raw value of a leaf as user code would write it. */
function leafValue(node: ParquetNode, type: LogicalType, raw: unknown): unknown {
  const meaning = meaningOf(node.element)
  switch (meaning.kind) {
    case 'text':
      return type.kind === 'VARCHAR' || type.kind === 'CHAR' ? decodeText(raw as Uint8Array, 0, (raw as Uint8Array).length) : raw
    case 'decimal': {
      if (raw instanceof Uint8Array) {
        let value = 0n
        for (const byte of raw) value = (value << 8n) | BigInt(byte)
        return new Decimal(BigInt.asIntN(raw.length * 8, value), meaning.scale)
      }
      return new Decimal(BigInt(raw as number | bigint), meaning.scale)
    }
    case 'timestamp': {
      const nanos = node.element.type === 'INT96' ? int96Nanos(raw as bigint) : BigInt(raw as number | bigint) * BigInt(meaning.unitNanos)
      return 'precision' in type && type.precision <= 3 ? (nanos % 1_000_000n === 0n ? Number(nanos / 1_000_000n) : `${nanos} ns`) : nanos
    }
    case 'time': {
      const nanos = BigInt(raw as number | bigint) * BigInt(meaning.unitNanos)
      return nanos % 1_000_000n === 0n ? Number(nanos / 1_000_000n) : `${nanos} ns`
    }
    case 'integer': {
      const value = meaning.signed ? BigInt(raw as number | bigint) : BigInt.asUintN(meaning.bits, BigInt(raw as number | bigint))
      if (type.kind === 'DECIMAL') return value
      return type.kind === 'BIGINT' && !type.safeInteger ? value : Number(value)
    }
    case 'bytes':
      return type.kind === 'VARCHAR' || type.kind === 'CHAR' ? decodeText(raw as Uint8Array, 0, (raw as Uint8Array).length) : (raw as Uint8Array).slice()
    default:
      return raw
  }
}

function int96Nanos(value: bigint): bigint {
  return ((value >> 64n) - 2_440_588n) * 86_400_000_000_000n + (value & 0xffff_ffff_ffff_ffffn)
}

/** Closes a row that could not be written: empty lists, and NULL where the type admits it. */
function writeEmpty(column: Column, row: number): void {
  const { slab } = column
  if (column.type.nullable) column.setNull(row)
  if (column.offsets !== 0) slab.i32[(column.offsets >>> 2) + row + 1] = slab.i32[(column.offsets >>> 2) + row]!
  else for (const child of column.children) writeEmpty(child, row)
}
