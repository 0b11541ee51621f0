// Typed binding of the JSON-lines scanner: writes scan plans into a slab and reads their results. Runs on the thread that owns the slab. A
// plan learns while it scans, so it must not be shared; it never holds on to columns between calls.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES, TypeCode } from './column-layout.ts'
import type { Kernels } from './kernels.ts'
import {
  BadReason,
  DEPTH_MAX,
  HEADER_BYTES,
  JSON_FAIL_ON_MISSING,
  JSON_FLINK,
  JSON_ISO_TIMESTAMPS,
  JSON_NULL_ON_ERROR,
  JSON_REJECT_UNKNOWN,
  MAP_FILTER_BYTES,
  NAME_BYTES_MAX,
  NODE_BYTES,
  NODE_CHILD_COUNT,
  NODE_CHILD_INDEX,
  NODE_COLUMN,
  NODE_DERIVED,
  NODE_FILTER,
  NODE_FIRST_CHILD,
  NODE_FLAGS,
  NODE_INDEX,
  NODE_LENGTH,
  NODE_NAME,
  NODE_NAME_LENGTH,
  NODE_NEXT_SIBLING,
  NODE_NULLABLE,
  NODE_PARENT,
  NODE_PLAIN_NAME,
  NODE_ROW_LEVEL,
  NODE_SAFE_INTEGER,
  NODE_TABLE,
  NODE_TABLE_MASK,
  NODE_TYPE,
  PLAN_DEVIATIONS,
  PLAN_DEVIATIONS_MAX,
  PLAN_FLAGS,
  PLAN_LEARN_CREDIT,
  PLAN_NODE_COUNT,
  PLAN_NODES,
  PLAN_SCRATCH,
  PLAN_SCRATCH_BYTES,
  PLAN_SHAPE_BYTES,
  PLAN_SHAPES,
  PLAN_SHAPES_MAX,
  PLAN_STEPS_MAX,
  RESULT_CONSUMED,
  RESULT_DUPLICATE_KEYS,
  RESULT_LINE_END,
  RESULT_LINE_START,
  RESULT_LINES,
  RESULT_NODE,
  RESULT_NULLED_VALUES,
  RESULT_PROBLEM,
  RESULT_REASON,
  RESULT_ROWS,
  RESULT_SLOW_ROWS,
  RESULT_STATUS,
  hashName,
  type ScanStatus,
} from './json-scan-layout.ts'

declare module './kernels.ts' {
  interface Kernels {
    /**
     * Scans newline-separated JSON objects of [input, inputEnd) into the columns bound to the plan, from row `firstRow` on, at most `maxRows`
     * rows. Returns the rows written; the rest of the answer lies in the plan's result block. A last line without a line feed is left alone:
     * at the end of a file the caller appends one. `input` must be readable for 64 bytes past `inputEnd`.
     */
    scanJson(plan: number, input: number, inputEnd: number, firstRow: number, maxRows: number): number
  }
}

/** A field as the scanner needs it: a column, a nested field, an element, a key or a value. Plain data. */
export interface ScanField {
  readonly name: string
  /** {@link TypeCode}. */
  readonly type: number
  readonly precision?: number
  readonly scale?: number
  /** CHAR, VARCHAR, BINARY, VARBINARY: what `strict` holds them to; undefined = any length. */
  readonly length?: number
  readonly nullable: boolean
  /** BIGINT: values beyond ±(2^53 - 1) are bad. */
  readonly safeInteger?: boolean
  /** ROW at top level or inside such a ROW: it has no column of its own, its fields stand for themselves in the list of columns. */
  readonly flattened?: boolean
  /** ARRAY: the element; MAP: key and value; MULTISET: element and count; ROW: the fields. */
  readonly children?: readonly ScanField[]
}

export interface JsonScanOptions {
  /** `flink`: Flink's lenient conversions (numbers from strings, text from anything, ...); `strict`: the JSON type must match. */
  readonly conversion: 'flink' | 'strict'
  readonly failOnMissingField?: boolean
  readonly rejectUnknownFields?: boolean
  /** A value that cannot be converted becomes NULL where the schema allows it, instead of making the record bad. */
  readonly nullOnError?: boolean
  /** Only for `flink`; `strict` takes both forms. */
  readonly timestampFormat?: 'SQL' | 'ISO-8601'
}

/** What a call of the scanner did. Offsets are relative to its input. One object a plan, overwritten by each {@link JsonScanPlan.scan}. */
export interface ScanResult {
  rows: number
  /** Whole lines consumed, in bytes. */
  consumed: number
  /** Line feeds among the bytes consumed. */
  lines: number
  status: ScanStatus
  /** {@link BadReason}, 0 unless the status says BAD_RECORD. The fields below are meaningful only then. */
  reason: number
  lineStart: number
  /** Behind the bad line's line feed: scan on from here to leave the record out. */
  lineEnd: number
  problem: number
  /** Dotted path of the field concerned, '' for the record itself. */
  field: string
}

const SHAPES_MAX = 8
const STEP_BYTES = 144
const SHAPE_HEADER_BYTES = 64
const SCRATCH_BYTES = 4096
const DEVIATIONS_MAX = 2048
const LEARN_CREDIT = 64
const MEMBERS_MAX = 65_535

const encoder = new TextEncoder()

const CONTAINERS: ReadonlySet<number> = new Set([TypeCode.ARRAY, TypeCode.MAP, TypeCode.MULTISET, TypeCode.ROW])

interface Node {
  readonly field: ScanField
  readonly parent: number
  readonly childIndex: number
  readonly path: string
  readonly rowLevel: boolean
  readonly explicit: boolean
  readonly name: Uint8Array
  children: number[]
}

/** One schema's scanner on one slab. */
export class JsonScanPlan {
  readonly address: number
  /** Columns that {@link setColumns} wants, as dotted paths, in its order. */
  readonly columns: readonly string[]
  readonly result: ScanResult = { rows: 0, consumed: 0, lines: 0, status: 0, reason: 0, lineStart: 0, lineEnd: 0, problem: 0, field: '' }
  readonly #slab: Slab
  readonly #bytes: number
  readonly #paths: readonly string[]
  readonly #columnWords: readonly number[]

  /** @throws {PlanError} `UNSUPPORTED_TYPE`, `DUPLICATE_COLUMN`, `NAME_TOO_LONG` if JSON cannot be scanned into the schema. */
  constructor(slab: Slab, fields: readonly ScanField[], options: JsonScanOptions) {
    this.#slab = slab
    const nodes = flatten(fields)
    const align = (bytes: number): number => Math.ceil(bytes / 64) * 64
    let bytes = HEADER_BYTES
    const take = (length: number): number => {
      const at = bytes
      bytes += align(length)
      return at
    }
    const nodesAt = take(nodes.length * NODE_BYTES)
    const namesAt = nodes.map((node) => take(node.name.length + 16))
    const tableSizes = nodes.map((node) => (node.field.type === TypeCode.ROW ? 2 ** Math.ceil(Math.log2(Math.max(1, node.children.length) * 2 + 1)) : 0))
    const tablesAt = tableSizes.map((size) => (size === 0 ? 0 : take(size * 4)))
    const filtersAt = nodes.map((node) => (isMap(node.field.type) ? take(MAP_FILTER_BYTES) : 0))
    const scratchAt = take(SCRATCH_BYTES + BUFFER_SLACK_BYTES)
    const deviationsAt = take(DEVIATIONS_MAX * 8)
    const stepsMax = 160 + 2 * nodes.length
    const shapeBytes = align(SHAPE_HEADER_BYTES + nodes.length * 2 + 64) + align(stepsMax * STEP_BYTES)
    const shapesAt = take(shapeBytes * SHAPES_MAX)
    this.#bytes = bytes + BUFFER_SLACK_BYTES
    this.address = slab.allocate(this.#bytes)

    // Everything but the filters and the shapes, which are written before they are read.
    const { u8, u32 } = slab
    const base = this.address
    slab.fill(base, 0, filtersAt.find((at) => at !== 0) ?? shapesAt)
    slab.fill(base + scratchAt, 0, shapesAt - scratchAt)
    const header = base >>> 2
    u32[header + PLAN_FLAGS] =
      (options.conversion === 'flink' ? JSON_FLINK : 0) |
      (options.failOnMissingField ? JSON_FAIL_ON_MISSING : 0) |
      (options.rejectUnknownFields ? JSON_REJECT_UNKNOWN : 0) |
      (options.nullOnError ? JSON_NULL_ON_ERROR : 0) |
      (options.timestampFormat === 'ISO-8601' ? JSON_ISO_TIMESTAMPS : 0)
    u32[header + PLAN_NODES] = base + nodesAt
    u32[header + PLAN_NODE_COUNT] = nodes.length
    u32[header + PLAN_SCRATCH] = base + scratchAt
    u32[header + PLAN_SCRATCH_BYTES] = SCRATCH_BYTES
    u32[header + PLAN_DEVIATIONS] = base + deviationsAt
    u32[header + PLAN_DEVIATIONS_MAX] = DEVIATIONS_MAX
    u32[header + PLAN_SHAPES] = base + shapesAt
    u32[header + PLAN_SHAPE_BYTES] = shapeBytes
    u32[header + PLAN_SHAPES_MAX] = SHAPES_MAX
    u32[header + PLAN_STEPS_MAX] = stepsMax
    u32[header + PLAN_LEARN_CREDIT] = LEARN_CREDIT

    const addressOf = (index: number): number => base + nodesAt + index * NODE_BYTES
    nodes.forEach((node, index) => {
      const word = addressOf(index) >>> 2
      const { field } = node
      u32[word + NODE_TYPE] = field.type | ((field.precision ?? 0) << 8) | ((field.scale ?? 0) << 16)
      u32[word + NODE_FLAGS] =
        (field.nullable ? NODE_NULLABLE : 0) |
        (field.safeInteger ? NODE_SAFE_INTEGER : 0) |
        (index > 0 && !node.explicit && !field.flattened ? NODE_DERIVED : 0) |
        (node.rowLevel ? NODE_ROW_LEVEL : 0) |
        (node.name.every((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) ? NODE_PLAIN_NAME : 0)
      // Flink's formats leave lengths to its sinks, which ignore them too unless told otherwise (table.exec.sink.type-length-enforcer).
      u32[word + NODE_LENGTH] = options.conversion === 'flink' ? 0 : (field.length ?? 0)
      u32[word + NODE_PARENT] = addressOf(Math.max(0, node.parent))
      u32[word + NODE_CHILD_INDEX] = node.childIndex
      u32[word + NODE_FIRST_CHILD] = node.children.length > 0 ? addressOf(node.children[0]) : 0
      u32[word + NODE_CHILD_COUNT] = node.children.length
      const siblings = index === 0 ? [] : nodes[node.parent].children
      const next = siblings[node.childIndex + 1]
      u32[word + NODE_NEXT_SIBLING] = next === undefined ? 0 : addressOf(next)
      u32[word + NODE_NAME] = base + namesAt[index]
      u32[word + NODE_NAME_LENGTH] = node.name.length
      u32[word + NODE_INDEX] = index
      u32[word + NODE_FILTER] = filtersAt[index] === 0 ? 0 : base + filtersAt[index]
      u8.set(node.name, base + namesAt[index])
      const size = tableSizes[index]
      if (size === 0) return
      const table = base + tablesAt[index]
      u32[word + NODE_TABLE] = table
      u32[word + NODE_TABLE_MASK] = size - 1
      for (const child of node.children) {
        let slot = hashName(nodes[child].name) & (size - 1)
        while (u32[(table >>> 2) + slot] !== 0) slot = (slot + 1) & (size - 1)
        u32[(table >>> 2) + slot] = addressOf(child)
      }
    })
    this.#paths = nodes.map((node) => node.path)
    const explicit = nodes.map((_, index) => index).filter((index) => nodes[index].explicit)
    this.columns = explicit.map((index) => nodes[index].path)
    this.#columnWords = explicit.map((index) => (addressOf(index) >>> 2) + NODE_COLUMN)
  }

  /** Names the descriptors to fill: one for each of {@link columns}. Call whenever the batch changes. */
  setColumns(descriptors: ArrayLike<number>): void {
    const { u32 } = this.#slab
    const words = this.#columnWords
    for (let index = 0; index < words.length; index++) u32[words[index]] = descriptors[index]!
  }

  /**
   * Calls the kernel and reads its answer into {@link result}. Allocates nothing unless a record is bad. With `firstRow` 0 the columns begin
   * anew: their null counts and lengths are reset.
   */
  scan(kernels: Kernels, input: number, inputEnd: number, firstRow: number, maxRows: number): ScanResult {
    kernels.scanJson(this.address, input, inputEnd, firstRow, maxRows)
    return readScanResult(this.#slab, this.address, this.#paths, this.result)
  }

  /** Records that went the general way, members that stood twice, values that became NULL by policy; since the plan was made. */
  get counters(): { readonly slowRows: number; readonly duplicateKeys: number; readonly nulledValues: number } {
    const { u32 } = this.#slab
    const word = this.address >>> 2
    return { slowRows: u32[word + RESULT_SLOW_ROWS], duplicateKeys: u32[word + RESULT_DUPLICATE_KEYS], nulledValues: u32[word + RESULT_NULLED_VALUES] }
  }

  free(): void {
    this.#slab.free(this.address, this.#bytes)
  }
}

/** Copies a plan's result block into `result`. */
export function readScanResult(slab: Slab, plan: number, paths: readonly string[], result: ScanResult): ScanResult {
  const { u32 } = slab
  const word = plan >>> 2
  result.rows = u32[word + RESULT_ROWS]!
  result.consumed = u32[word + RESULT_CONSUMED]!
  result.lines = u32[word + RESULT_LINES]!
  result.status = u32[word + RESULT_STATUS] as ScanStatus
  result.reason = u32[word + RESULT_REASON]!
  if (result.reason !== 0) {
    result.lineStart = u32[word + RESULT_LINE_START]!
    result.lineEnd = u32[word + RESULT_LINE_END]!
    result.problem = u32[word + RESULT_PROBLEM]!
    result.field = paths[u32[word + RESULT_NODE]]!
  }
  return result
}

function isMap(type: number): boolean {
  return type === TypeCode.MAP || type === TypeCode.MULTISET
}

function flatten(fields: readonly ScanField[]): Node[] {
  const nodes: Node[] = []
  const add = (field: ScanField, parent: number, childIndex: number, path: string, rowLevel: boolean, explicit: boolean, depth: number): number => {
    const name = encoder.encode(field.name)
    if (name.length > NAME_BYTES_MAX)
      throw new PlanError('NAME_TOO_LONG', `Cannot scan JSON into a column name of ${name.length} bytes: at most ${NAME_BYTES_MAX} are allowed`)
    if (depth > DEPTH_MAX) throw new PlanError('UNSUPPORTED_TYPE', `Cannot scan JSON into column "${path}": it is nested deeper than ${DEPTH_MAX}`)
    const children = field.children ?? []
    checkType(field, path, children)
    const index = nodes.length
    const node: Node = { field, parent, childIndex, path, rowLevel, explicit: explicit && !field.flattened, name, children: [] }
    nodes.push(node)
    if (nodes.length > MEMBERS_MAX) throw new PlanError('UNSUPPORTED_TYPE', `Cannot scan JSON into a schema of more than ${MEMBERS_MAX} fields`)
    const record = field.type === TypeCode.ROW
    node.children = children.map((child, position) =>
      add(
        child,
        index,
        position,
        index === 0 ? child.name : `${path}.${child.name}`,
        rowLevel && record,
        explicit && (index === 0 || field.flattened === true),
        depth + 1,
      ),
    )
    return index
  }
  add({ name: '', type: TypeCode.ROW, nullable: false, flattened: true, children: fields }, 0, 0, '', true, true, 0)
  return nodes
}

function checkType(field: ScanField, path: string, children: readonly ScanField[]): void {
  const wanted = field.type === TypeCode.ARRAY ? 1 : isMap(field.type) ? 2 : field.type === TypeCode.ROW ? children.length : 0
  const refuse = (reason: string): never => {
    throw new PlanError('UNSUPPORTED_TYPE', `Cannot scan JSON into column "${path}": ${reason}`)
  }
  if (children.length !== wanted) refuse(`a type ${field.type} has ${wanted} children, not ${children.length}`)
  if (field.type === TypeCode.OBJECT || field.type < TypeCode.BOOLEAN || field.type > TypeCode.OBJECT) refuse('values of JavaScript have no JSON form')
  if (isMap(field.type) && children[0].type !== TypeCode.CHAR && children[0].type !== TypeCode.VARCHAR)
    refuse('the keys of a MAP or MULTISET in JSON are strings')
  if (field.type !== TypeCode.ROW) return
  const names = new Set(children.map((child) => child.name))
  if (names.size !== children.length)
    throw new PlanError('DUPLICATE_COLUMN', `Cannot scan JSON into ${path === '' ? 'the schema' : `column "${path}"`}: a field name stands twice`)
}

/** Whether a bad record's reason concerns the values rather than the JSON text. */
export function isConversionReason(reason: number): boolean {
  return reason >= BadReason.TYPE_MISMATCH
}

/** Types that hold other values. */
export function isContainerType(type: number): boolean {
  return CONTAINERS.has(type)
}
