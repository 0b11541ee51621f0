// Typed binding of the JSON-lines writer: writes format plans into a slab. Runs on the thread that owns the slab. Also the base of the CSV
// writer's plan, which differs in its prefixes.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES, TypeCode } from './column-layout.ts'
import {
  FORMAT_FLAGS,
  FORMAT_HEADER_BYTES,
  FORMAT_ISO_TIMESTAMPS,
  FORMAT_NEXT_ROW,
  FORMAT_NODES,
  FORMAT_NODE_COUNT,
  FORMAT_RESERVE,
  FORMAT_TRIMMED_FRACTION,
  WRITE_CHILD_COUNT,
  WRITE_CHILD_INDEX,
  WRITE_CLOSES,
  WRITE_COLUMN,
  WRITE_DERIVED,
  WRITE_FLAGS,
  WRITE_NEXT,
  WRITE_NODE_BYTES,
  WRITE_NULLABLE,
  WRITE_PARENT,
  WRITE_PREFIX,
  WRITE_PREFIX_LENGTH,
  WRITE_ROW_LEVEL,
  WRITE_TYPE,
} from './json-format-layout.ts'
import type { ScanField } from './json-scan.ts'
import type { Kernels } from './kernels.ts'

declare module './kernels.ts' {
  interface Kernels {
    /**
     * Writes rows as JSON lines to [out, outEnd): the rows `begin` to `end`, or those entries of the selection (u32 row numbers at the
     * address; 0 = none). Returns the bytes written; the plan says at which row or entry the buffer was full.
     */
    formatJson(plan: number, selection: number, begin: number, end: number, out: number, outEnd: number): number
  }
}

export interface JsonFormatOptions {
  /** SQL: `2026-01-01 00:00:00.280`; ISO-8601: with a T. TIMESTAMP_LTZ ends with Z in both. @default 'SQL' */
  readonly timestampFormat?: 'SQL' | 'ISO-8601'
  /** `precision`: as many digits as the type says; `trimmed`: no trailing zeros, as Flink prints. @default 'precision' */
  readonly fraction?: 'precision' | 'trimmed'
}

/** What {@link FormatPlan.format} did. One object a plan, overwritten by each call. */
export interface FormatResult {
  bytes: number
  /** The row or selection entry to go on with; `end` if all are written. If it is `begin`, not even one row fits into the buffer. */
  nextRow: number
}

/** A node as a builder of plans describes it. */
export interface FormatNode {
  readonly field: ScanField
  readonly parent: number
  readonly childIndex: number
  readonly rowLevel: boolean
  readonly explicit: boolean
  readonly prefix: string
  readonly closes: number
  children: number[]
  /** The node behind the subtree. */
  next: number
}

const VALUE_BYTES_MAX = 64
const encoder = new TextEncoder()

/** A schema laid out for one of the writers, on one slab. */
export class FormatPlan {
  readonly address: number
  readonly result: FormatResult = { bytes: 0, nextRow: 0 }
  /** How many descriptors {@link setColumns} wants. */
  readonly columnCount: number
  /** A buffer of this size holds any row without long texts. */
  readonly bufferBytesMin: number
  protected readonly slab: Slab
  readonly #bytes: number
  readonly #columnWords: readonly number[]

  constructor(slab: Slab, nodes: readonly FormatNode[], flags: number, tail: string = '') {
    this.slab = slab
    const align = (bytes: number): number => Math.ceil(bytes / 64) * 64
    const prefixes = nodes.map((node) => encoder.encode(node.prefix))
    const tailBytes = encoder.encode(tail)
    let bytes = FORMAT_HEADER_BYTES + nodes.length * WRITE_NODE_BYTES
    const prefixesAt = [...prefixes, tailBytes].map((prefix) => {
      const at = bytes
      bytes += align(prefix.length + 16)
      return at
    })
    this.#bytes = bytes + BUFFER_SLACK_BYTES
    this.address = slab.allocateZeroed(this.#bytes)
    const { u8, u32 } = slab
    const base = this.address
    const reserve = nodes.reduce((sum, node, index) => sum + prefixes[index].length + node.closes + VALUE_BYTES_MAX, 0) + tailBytes.length * nodes.length + 64
    this.bufferBytesMin = reserve * 2
    const header = base >>> 2
    u32[header + FORMAT_FLAGS] = flags
    u32[header + FORMAT_NODES] = base + FORMAT_HEADER_BYTES
    u32[header + FORMAT_NODE_COUNT] = nodes.length
    u32[header + FORMAT_RESERVE] = reserve
    const addressOf = (index: number): number => base + FORMAT_HEADER_BYTES + index * WRITE_NODE_BYTES
    nodes.forEach((node, index) => {
      const word = addressOf(index) >>> 2
      u32[word + WRITE_TYPE] = node.field.type | ((node.field.precision ?? 0) << 8) | ((node.field.scale ?? 0) << 16)
      u32[word + WRITE_FLAGS] =
        (index > 0 && !node.explicit && !node.field.flattened ? WRITE_DERIVED : 0) |
        (node.rowLevel ? WRITE_ROW_LEVEL : 0) |
        (node.field.nullable ? WRITE_NULLABLE : 0)
      u32[word + WRITE_PARENT] = addressOf(node.parent)
      u32[word + WRITE_CHILD_INDEX] = node.childIndex
      u32[word + WRITE_CHILD_COUNT] = node.children.length
      u32[word + WRITE_NEXT] = node.next < nodes.length ? addressOf(node.next) : 0
      u32[word + WRITE_PREFIX] = base + prefixesAt[index]
      u32[word + WRITE_PREFIX_LENGTH] = prefixes[index].length
      u32[word + WRITE_CLOSES] = node.closes
      u8.set(prefixes[index], base + prefixesAt[index])
    })
    u8.set(tailBytes, base + prefixesAt[nodes.length])
    this.tailAddress = base + prefixesAt[nodes.length]
    const explicit = nodes.map((_, index) => index).filter((index) => nodes[index].explicit)
    this.columnCount = explicit.length
    this.#columnWords = explicit.map((index) => (addressOf(index) >>> 2) + WRITE_COLUMN)
  }

  /** Where the text given as `tail` lies. */
  protected readonly tailAddress: number

  /** Names the descriptors to read: one for each column, ROWs without columns replaced by their fields. Call whenever the batch changes. */
  setColumns(descriptors: ArrayLike<number>): void {
    const { u32 } = this.slab
    const words = this.#columnWords
    for (let index = 0; index < words.length; index++) u32[words[index]] = descriptors[index]!
  }

  protected answer(bytes: number): FormatResult {
    this.result.bytes = bytes
    this.result.nextRow = this.slab.u32[(this.address >>> 2) + FORMAT_NEXT_ROW]!
    return this.result
  }

  free(): void {
    this.slab.free(this.address, this.#bytes)
  }
}

/** One schema's JSON writer on one slab. */
export class JsonFormatPlan extends FormatPlan {
  /** @throws {PlanError} `UNSUPPORTED_TYPE` if the schema has a type without a JSON form. */
  constructor(slab: Slab, fields: readonly ScanField[], options: JsonFormatOptions = {}) {
    const flags = (options.timestampFormat === 'ISO-8601' ? FORMAT_ISO_TIMESTAMPS : 0) | (options.fraction === 'trimmed' ? FORMAT_TRIMMED_FRACTION : 0)
    super(slab, jsonNodes(fields), flags)
  }

  /** Calls the kernel. Allocates nothing. */
  format(kernels: Kernels, selection: number, begin: number, end: number, out: number, outEnd: number): FormatResult {
    return this.answer(kernels.formatJson(this.address, selection, begin, end, out, outEnd))
  }
}

function jsonNodes(fields: readonly ScanField[]): FormatNode[] {
  const nodes: FormatNode[] = []
  const add = (field: ScanField, parent: number, childIndex: number, rowLevel: boolean, explicit: boolean, prefix: string, closes: number): number => {
    if (field.type === TypeCode.OBJECT)
      throw new PlanError('UNSUPPORTED_TYPE', `Cannot write column "${field.name}" as JSON: values of JavaScript have no JSON form`)
    const index = nodes.length
    const node: FormatNode = { field, parent, childIndex, rowLevel, explicit: explicit && !field.flattened && index > 0, prefix, closes, children: [], next: 0 }
    nodes.push(node)
    const children = field.children ?? []
    const record = field.type === TypeCode.ROW
    node.children = children.map((child, position) => {
      const start = record ? `${position === 0 ? '{' : ','}${JSON.stringify(child.name)}:` : ''
      // Only the fields of row-level ROWs close braces; a ROW in a list closes its own.
      const closing = rowLevel && record && position === children.length - 1 ? closes + 1 : 0
      return add(child, index, position, rowLevel && record, explicit && (index === 0 || field.flattened === true), start, closing)
    })
    node.next = nodes.length
    return index
  }
  add({ name: '', type: TypeCode.ROW, nullable: false, flattened: true, children: fields }, 0, 0, true, true, '', 0)
  return nodes
}
