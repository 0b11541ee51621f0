// Typed binding of the CSV writer: writes format plans into a slab. Runs on the thread that owns the slab. A header line is the caller's.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { TypeCode } from './column-layout.ts'
import { markBytes } from './csv-scan.ts'
import {
  type CsvRefusal,
  FORMAT_CAREFUL,
  FORMAT_COMMENTS,
  FORMAT_FLINK,
  FORMAT_ISO_TIMESTAMPS,
  FORMAT_MARKS,
  FORMAT_NO_HEADER,
  FORMAT_NO_NULL,
  FORMAT_NULL,
  FORMAT_NULL_ELEMENTS,
  FORMAT_NULL_LENGTH,
  FORMAT_ONE_LINE,
  FORMAT_QUOTE_ALL,
  FORMAT_REFUSAL,
  FORMAT_REFUSE,
  FORMAT_REFUSED,
  FORMAT_TRIMMED_FRACTION,
} from './json-format-layout.ts'
import { type FormatNode, FormatPlan, type FormatResult, type JsonFormatOptions } from './json-format.ts'
import type { ScanField } from './json-scan.ts'
import type { Kernels } from './kernels.ts'

declare module './kernels.ts' {
  interface Kernels {
    /** Writes rows as CSV records; arguments and result as {@link Kernels.formatJson}. */
    formatCsv(plan: number, selection: number, begin: number, end: number, out: number, outEnd: number): number
  }
}

/** How what is written will be read. */
export interface CsvReading {
  readonly conversion: 'strict' | 'flink'
  /** Whether a text stands for NULL. */
  readonly hasNull: boolean
  readonly allowComments: boolean
  /** Whether files begin with a header, so that no record is their beginning. */
  readonly header: boolean
  readonly lineFeedsInQuotes: boolean
}

/**
 * Texts are quoted where they must be: for a delimiter, quote, escape or line end in them, and where they would be taken for NULL, a comment,
 * a blank line or a byte order mark. Without a quote character the escape does it; without both, values are written as they are or refused.
 */
export interface CsvFormatOptions extends JsonFormatOptions {
  /** @default ',' */
  readonly delimiter?: string
  /** @default '"' */
  readonly quote?: string
  /** @default '' */
  readonly escape?: string
  /** @default ';' */
  readonly arrayElementDelimiter?: string
  /** @default '' */
  readonly nullLiteral?: string
  /** Quotes every text. @default false */
  readonly quoteAll?: boolean
  /**
   * A value that would not be read back so ends the call before its row, see {@link CsvFormatPlan.refusedField}. Without it all is written.
   */
  readonly reading?: CsvReading
}

/** One schema's CSV writer on one slab. */
export class CsvFormatPlan extends FormatPlan {
  readonly #names: readonly string[]

  /** @throws {PlanError} `UNSUPPORTED_TYPE` or `INVALID_OPTION`. */
  constructor(slab: Slab, fields: readonly ScanField[], options: CsvFormatOptions = {}) {
    const marks = markBytes(options)
    const nullLiteral = options.nullLiteral ?? ''
    // Marks that stand in numbers, times or base64.
    const careful = nullLiteral !== '' || [...marks.subarray(0, 3)].some((mark) => mark !== 0 && /[-+./:= 0-9A-Za-z]/.test(String.fromCharCode(mark)))
    const flags =
      (options.timestampFormat === 'ISO-8601' ? FORMAT_ISO_TIMESTAMPS : 0) |
      (options.fraction === 'trimmed' ? FORMAT_TRIMMED_FRACTION : 0) |
      (options.quoteAll ? FORMAT_QUOTE_ALL : 0) |
      (careful ? FORMAT_CAREFUL : 0) |
      (options.reading === undefined ? 0 : readingFlags(options.reading, nullLiteral, String.fromCharCode(marks[3])))
    const nodes = csvNodes(fields)
    super(slab, nodes, flags, nullLiteral)
    this.#names = nodes.map(({ field }) => field.name)
    const header = this.address >>> 2
    slab.u8.set(marks, (header + FORMAT_MARKS) * 4)
    slab.u32[header + FORMAT_NULL] = this.tailAddress
    slab.u32[header + FORMAT_NULL_LENGTH] = new TextEncoder().encode(nullLiteral).length
  }

  /** The field whose value cannot be written in the row where the last call stopped, if there is one. */
  get refusedField(): string | undefined {
    const index = this.slab.u32[(this.address >>> 2) + FORMAT_REFUSED]
    return index === 0 ? undefined : this.#names[index]
  }

  /** Why it cannot, if there is a {@link refusedField}. */
  get refusal(): CsvRefusal {
    return this.slab.u32[(this.address >>> 2) + FORMAT_REFUSAL] as CsvRefusal
  }

  /** Calls the kernel. Allocates nothing. */
  format(kernels: Kernels, selection: number, begin: number, end: number, out: number, outEnd: number): FormatResult {
    return this.answer(kernels.formatCsv(this.address, selection, begin, end, out, outEnd))
  }
}

function readingFlags(reading: CsvReading, nullLiteral: string, elementDelimiter: string): number {
  return (
    FORMAT_REFUSE |
    (reading.hasNull ? 0 : FORMAT_NO_NULL) |
    (reading.conversion === 'flink' ? FORMAT_FLINK : 0) |
    (reading.allowComments ? FORMAT_COMMENTS : 0) |
    (reading.lineFeedsInQuotes ? 0 : FORMAT_ONE_LINE) |
    (reading.header ? 0 : FORMAT_NO_HEADER) |
    (reading.hasNull && nullLiteral !== '' && !nullLiteral.includes(elementDelimiter) ? FORMAT_NULL_ELEMENTS : 0)
  )
}

function csvNodes(fields: readonly ScanField[]): FormatNode[] {
  const record: ScanField = { name: '', type: TypeCode.ROW, nullable: false, flattened: true }
  const nodes: FormatNode[] = [{ field: record, parent: 0, childIndex: 0, rowLevel: true, explicit: false, prefix: '', closes: 0, children: [], next: 0 }]
  const scalar = (type: number): boolean => type < TypeCode.ARRAY
  fields.forEach((field, position) => {
    if (!scalar(field.type) && !(field.type === TypeCode.ARRAY && scalar(field.children![0].type))) {
      throw new PlanError('UNSUPPORTED_TYPE', `Cannot write column "${field.name}" as CSV: only plain values and arrays of them have a CSV form`)
    }
    const index = nodes.length
    const children = field.children ?? []
    nodes.push({
      field,
      parent: 0,
      childIndex: position,
      rowLevel: true,
      explicit: true,
      prefix: '',
      closes: 0,
      children: children.map((_, child) => index + 1 + child),
      next: 0,
    })
    for (const child of children)
      nodes.push({ field: child, parent: index, childIndex: 0, rowLevel: false, explicit: false, prefix: '', closes: 0, children: [], next: nodes.length + 1 })
    nodes[index].next = nodes.length
  })
  return nodes
}
