// Typed binding of the CSV scanner: writes scan plans into a slab and reads their results. Runs on the thread that owns the slab. Header
// lines, byte order marks and files without a final line feed are the caller's.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES, TypeCode } from './column-layout.ts'
import {
  CSV_COMMENTS,
  CSV_FIELDS,
  CSV_FIELD_COUNT,
  CSV_FINAL,
  CSV_MARKS,
  CSV_NO_NULL,
  CSV_NULL,
  CSV_NULL_LENGTH,
  CSV_NULL_UNQUOTED,
  CSV_RECORD_BYTES_MAX,
  CSV_SCRATCH_BYTES,
  CsvRead,
  ENTRY_BYTES,
  ENTRY_MEMO,
  ENTRY_NODE,
  ENTRY_OPERATION,
} from './csv-scan-layout.ts'
import {
  HEADER_BYTES,
  JSON_FLINK,
  JSON_ISO_TIMESTAMPS,
  JSON_NULL_ON_ERROR,
  NODE_BYTES,
  NODE_COLUMN,
  NODE_DERIVED,
  NODE_FIRST_CHILD,
  NODE_FLAGS,
  NODE_INDEX,
  NODE_LENGTH,
  NODE_NULLABLE,
  NODE_PARENT,
  NODE_ROW_LEVEL,
  NODE_SAFE_INTEGER,
  NODE_TYPE,
  PLAN_FLAGS,
  PLAN_NODES,
  PLAN_NODE_COUNT,
  PLAN_SCRATCH,
  PLAN_SCRATCH_BYTES,
  RESULT_NULLED_VALUES,
  RESULT_SLOW_ROWS,
} from './json-scan-layout.ts'
import { type ScanField, type ScanResult, readScanResult } from './json-scan.ts'
import type { Kernels } from './kernels.ts'

declare module './kernels.ts' {
  interface Kernels {
    /**
     * Scans CSV records of [input, inputEnd) into the columns bound to the plan, from row `firstRow` on, at most `maxRows` rows. Returns the
     * rows written; the rest of the answer lies in the plan's result block. `input` must be readable for 64 bytes past `inputEnd`.
     */
    scanCsv(plan: number, input: number, inputEnd: number, firstRow: number, maxRows: number): number
  }
}

export interface CsvScanOptions {
  /** Flink's lenient conversions, or strict ones. */
  readonly conversion: 'flink' | 'strict'
  /** One ASCII character. @default ',' */
  readonly delimiter?: string
  /** One ASCII character, or '' for none. @default '"' */
  readonly quote?: string
  /** One ASCII character that takes the next one as it is; '' for none: a quote inside quotes is doubled. @default '' */
  readonly escape?: string
  /** @default ';' */
  readonly arrayElementDelimiter?: string
  /**
   * The text that stands for NULL; `null` for none. Only where it is not quoted (in `flink`, unless it is '', also there). With '' a blank
   * line is a record where records have one field, which takes NULL; other blank lines are passed over. @default '' in `strict`, `null` in `flink`
   */
  readonly nullLiteral?: string | null
  /** `flink` reads the SQL form alone by default, both with 'ISO-8601'; `strict` reads both anyway. @default 'SQL' */
  readonly timestampFormat?: 'SQL' | 'ISO-8601'
  /** Lines that begin with # are comments. @default false */
  readonly allowComments?: boolean
  /** A value that cannot be converted, or a missing last field, becomes NULL where the column allows it. @default false */
  readonly nullOnError?: boolean
  /** A quote not closed within so many bytes is bad, and reading resumes at the next line. @default 1 MiB */
  readonly recordBytesMax?: number
}

const RECORD_BYTES_MAX = 1 << 20
const encoder = new TextEncoder()
/** A kernel's memo of ENTRY_MEMO_MS 0. */
const FIRST_MINUTE = encoder.encode('1970-01-01 00:00')
/** Characters of values. */
const VALUE_CHARACTER = /[-+.: \w]/
/** What may be a number, a timestamp or a boolean. */
const VALUE_SHAPE = /^(-?\d.*|true|false)$/

/** One schema's CSV scanner on one slab. */
export class CsvScanPlan {
  readonly address: number
  readonly result: ScanResult = { rows: 0, consumed: 0, lines: 0, status: 0, reason: 0, lineStart: 0, lineEnd: 0, problem: 0, field: '' }
  readonly #slab: Slab
  readonly #bytes: number
  readonly #paths: readonly string[]
  readonly #columnWords: readonly number[]

  /**
   * @param fields The fields of a record in file order; `null` for one that is not wanted.
   * @throws {PlanError} `UNSUPPORTED_TYPE` or `INVALID_OPTION`.
   */
  constructor(slab: Slab, fields: readonly (ScanField | null)[], options: CsvScanOptions) {
    this.#slab = slab
    const flink = options.conversion === 'flink'
    const marks = markBytes(options)
    const nullLiteral = options.nullLiteral === undefined ? (flink ? null : '') : options.nullLiteral
    const nullBytes = encoder.encode(nullLiteral ?? '')
    // Node 0 is the record; an ARRAY's element follows it.
    const nodes: { field: ScanField; parent: number; path: string }[] = [{ field: { name: '', type: TypeCode.ROW, nullable: false }, parent: 0, path: '' }]
    const nodeOf = fields.map((field) => {
      if (field === null) return 0
      checkType(field)
      const index = nodes.length
      nodes.push({ field, parent: 0, path: field.name })
      for (const child of field.children ?? []) nodes.push({ field: child, parent: index, path: `${field.name}.${child.name}` })
      return index
    })
    const align = (bytes: number): number => Math.ceil(bytes / 64) * 64
    const nodesAt = HEADER_BYTES
    const entriesAt = nodesAt + nodes.length * NODE_BYTES
    const nullAt = entriesAt + (fields.length + 1) * ENTRY_BYTES
    const scratchAt = nullAt + align(nullBytes.length + 16)
    this.#bytes = scratchAt + CSV_SCRATCH_BYTES + BUFFER_SLACK_BYTES
    this.address = slab.allocateZeroed(this.#bytes)
    const { u8, u32 } = slab
    const base = this.address
    const header = base >>> 2
    u32[header + PLAN_FLAGS] =
      (flink ? JSON_FLINK : 0) |
      (options.nullOnError ? JSON_NULL_ON_ERROR : 0) |
      (options.allowComments ? CSV_COMMENTS : 0) |
      (options.timestampFormat === 'ISO-8601' ? JSON_ISO_TIMESTAMPS : 0)
    u32[header + PLAN_NODES] = base + nodesAt
    u32[header + PLAN_NODE_COUNT] = nodes.length
    u32[header + PLAN_SCRATCH] = base + scratchAt
    u32[header + PLAN_SCRATCH_BYTES] = CSV_SCRATCH_BYTES
    u8.set(marks, (header + CSV_MARKS) * 4)
    u32[header + CSV_NULL] = base + nullAt
    u32[header + CSV_NULL_LENGTH] = nullLiteral === null ? CSV_NO_NULL : nullBytes.length
    u32[header + CSV_NULL_UNQUOTED] = nullLiteral !== null && mayBeUnquoted(nullLiteral, options) ? 1 : 0
    u32[header + CSV_FIELDS] = base + entriesAt
    u32[header + CSV_FIELD_COUNT] = fields.length
    u32[header + CSV_RECORD_BYTES_MAX] = options.recordBytesMax ?? RECORD_BYTES_MAX
    u8.set(nullBytes, base + nullAt)
    const addressOf = (index: number): number => base + nodesAt + index * NODE_BYTES
    nodes.forEach(({ field, parent }, index) => {
      const word = addressOf(index) >>> 2
      u32[word + NODE_TYPE] = field.type | ((field.precision ?? 0) << 8) | ((field.scale ?? 0) << 16)
      u32[word + NODE_FLAGS] =
        (field.nullable ? NODE_NULLABLE : 0) | (field.safeInteger ? NODE_SAFE_INTEGER : 0) | (parent === 0 ? NODE_ROW_LEVEL : NODE_DERIVED)
      u32[word + NODE_LENGTH] = flink ? 0 : (field.length ?? 0)
      u32[word + NODE_PARENT] = addressOf(parent)
      u32[word + NODE_FIRST_CHILD] = index > 0 && field.children !== undefined ? addressOf(index + 1) : 0
      u32[word + NODE_INDEX] = index
    })
    // Then values end where they do not seem to.
    const hasOddMarks = VALUE_CHARACTER.test(String.fromCharCode(...marks.subarray(0, 3).filter((mark) => mark !== 0)))
    fields.forEach((field, position) => {
      const word = (base + entriesAt + position * ENTRY_BYTES) >>> 2
      u32[word + ENTRY_OPERATION] = operationOf(field, flink, nullLiteral, hasOddMarks)
      u8.set(FIRST_MINUTE, (word + ENTRY_MEMO) * 4)
      u32[word + ENTRY_NODE] = field === null ? 0 : addressOf(nodeOf[position])
    })
    u32[(base + entriesAt + fields.length * ENTRY_BYTES) >>> 2] = CsvRead.END
    this.#paths = nodes.map((node) => node.path)
    this.#columnWords = nodeOf.filter((index) => index > 0).map((index) => (addressOf(index) >>> 2) + NODE_COLUMN)
  }

  /** Names the descriptors to fill: one for each wanted field. Call whenever the batch changes. */
  setColumns(descriptors: ArrayLike<number>): void {
    const { u32 } = this.#slab
    const words = this.#columnWords
    for (let index = 0; index < words.length; index++) u32[words[index]] = descriptors[index]!
  }

  /**
   * Calls the kernel and reads its answer into {@link result}. Allocates nothing unless a record is bad. With `firstRow` 0 the columns begin
   * anew: their null counts and lengths are reset.
   *
   * @param final Whether the input ends the file, so that an open quote is bad rather than unfinished.
   */
  scan(kernels: Kernels, input: number, inputEnd: number, firstRow: number, maxRows: number, final: boolean = false): ScanResult {
    this.#slab.u32[(this.address >>> 2) + CSV_FINAL] = final ? 1 : 0
    kernels.scanCsv(this.address, input, inputEnd, firstRow, maxRows)
    return readScanResult(this.#slab, this.address, this.#paths, this.result)
  }

  /** Records that went the general way, values that became NULL by policy; since the plan was made. */
  get counters(): { readonly slowRows: number; readonly nulledValues: number } {
    const { u32 } = this.#slab
    const word = this.address >>> 2
    return { slowRows: u32[word + RESULT_SLOW_ROWS], nulledValues: u32[word + RESULT_NULLED_VALUES] }
  }

  free(): void {
    this.#slab.free(this.address, this.#bytes)
  }
}

/** Delimiter, quote, escape and element delimiter as bytes. Shared with the CSV writer. */
export function markBytes(options: {
  readonly delimiter?: string
  readonly quote?: string
  readonly escape?: string
  readonly arrayElementDelimiter?: string
}): Uint8Array {
  const mark = (name: string, text: string, optional: boolean): number => {
    if (optional && text === '') return 0
    const code = text.charCodeAt(0)
    if (text.length !== 1 || code > 126 || code === 0 || code === 10 || code === 13) {
      throw new PlanError('INVALID_OPTION', `Cannot use ${JSON.stringify(text)} as the CSV ${name}: it must be one ASCII character and no line end`)
    }
    return code
  }
  const delimiter = mark('field delimiter', options.delimiter ?? ',', false)
  const quote = mark('quote character', options.quote ?? '"', true)
  const escape = mark('escape character', options.escape ?? '', true)
  if (delimiter === quote || delimiter === escape)
    throw new PlanError('INVALID_OPTION', 'Cannot read CSV: the field delimiter is also the quote or escape character')
  return Uint8Array.of(delimiter, quote, escape === quote ? 0 : escape, mark('array element delimiter', options.arrayElementDelimiter ?? ';', false))
}

function checkType(field: ScanField): void {
  const scalar = (type: number): boolean => type < TypeCode.ARRAY && type >= TypeCode.BOOLEAN
  if (scalar(field.type) || (field.type === TypeCode.ARRAY && field.children?.length === 1 && scalar(field.children[0].type))) return
  throw new PlanError('UNSUPPORTED_TYPE', `Cannot read CSV into column "${field.name}": only plain values and arrays of them have a CSV form`)
}

function isText({ type }: ScanField): boolean {
  return type === TypeCode.CHAR || type === TypeCode.VARCHAR
}

/** Whether an unquoted field may be this text. */
function mayBeUnquoted(text: string, { delimiter = ',', quote = '"', escape = '' }: CsvScanOptions): boolean {
  let takesNext = false
  for (const character of text) takesNext = !takesNext && character === escape && escape !== quote
  return !takesNext && !text.includes(delimiter) && !text.includes('\n') && (quote === '' || !text.startsWith(quote))
}

function operationOf(field: ScanField | null, flink: boolean, nullLiteral: string | null, hasOddMarks: boolean): number {
  if (field === null) return CsvRead.SKIP
  // Values are read first, and only what is none may be NULL.
  if (!isText(field) && (hasOddMarks || (nullLiteral !== null && VALUE_SHAPE.test(nullLiteral)))) return CsvRead.OTHER
  switch (field.type) {
    case TypeCode.CHAR:
      return field.length === undefined || flink ? CsvRead.TEXT : CsvRead.OTHER
    case TypeCode.VARCHAR:
      return field.length === undefined || flink ? CsvRead.TEXT : CsvRead.BOUNDED_TEXT
    case TypeCode.TINYINT:
    case TypeCode.SMALLINT:
    case TypeCode.INT:
    case TypeCode.BIGINT:
    case TypeCode.INTERVAL_YEAR_MONTH:
    case TypeCode.INTERVAL_DAY_TIME:
      return CsvRead.INTEGER
    case TypeCode.DOUBLE:
      return CsvRead.DOUBLE
    case TypeCode.DECIMAL:
      return field.precision! <= 18 ? CsvRead.DECIMAL : CsvRead.OTHER
    case TypeCode.BOOLEAN:
      return CsvRead.BOOLEAN
    case TypeCode.TIMESTAMP:
      return field.precision === 3 || (flink && field.precision! < 3) ? CsvRead.TIMESTAMP : CsvRead.OTHER
    default:
      return CsvRead.OTHER
  }
}
