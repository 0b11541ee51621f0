// Plain lines of text: one column that holds the whole line, whatever it is. A description; the work is done by the kernels of lines and UTF-8.

import type { Slab } from '../base/slab.ts'
import { PlanError } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import type { Column } from '../batch/column.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { LENGTH_MAX, type Schema } from '../batch/types.ts'
import { BadReason, ScanStatus } from '../kernels/json-scan-layout.ts'
import type { ScanResult } from '../kernels/json-scan.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { UTF8_VALID } from '../kernels/utf8.ts'
import { CsvFormatPlan } from '../kernels/csv-format.ts'
import { CsvEncoder } from './csv/csv-format.ts'
import { scanFieldsOf } from './scan-fields.ts'
import { checkUtf8Option, type LineDecoder, type LineEncoder, type LineFormat, type Utf8Option } from './line-format.ts'

const LINE_FEED = 10

/** Options of {@link textFormat}. */
export interface TextFormatOptions {
  /**
   * What becomes of bytes that are not UTF-8: `strict`, their line is a bad record; `replace`, U+FFFD stands for them, and the line is counted.
   * @default 'strict'
   */
  readonly utf8?: Utf8Option
}

const KEYS: OptionKeys<TextFormatOptions> = { utf8: true }

class TextDecoder implements LineDecoder {
  readonly columns = []
  readonly nulledValues = 0
  readonly duplicateKeys = 0
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #result: ScanResult = { rows: 0, consumed: 0, lines: 0, status: 0, reason: 0, lineStart: 0, lineEnd: 0, problem: 0, field: '' }
  #column!: Column

  constructor(slab: Slab, kernels: Kernels) {
    this.#slab = slab
    this.#kernels = kernels
  }

  bind(batch: RecordBatch): void {
    this.#column = batch.columns[0]
  }

  decode(input: number, inputEnd: number, firstRow: number, maxRows: number): ScanResult {
    const kernels = this.#kernels
    const column = this.#column
    const result = this.#result
    let end = kernels.scanLines(column.descriptor, input, inputEnd, firstRow, maxRows) >>> 0
    const bad = kernels.utf8Check(input, end - input)
    if (bad !== UTF8_VALID) end = this.#endAtBadLine(input, bad)
    const rows = kernels.countByte(input, end, LINE_FEED)
    column.dataLength = this.#slab.i32[(column.offsets >>> 2) + firstRow + rows]
    result.rows = rows
    result.lines = rows
    result.consumed = end - input
    if (bad !== UTF8_VALID) result.status = ScanStatus.BAD_RECORD
    else if (rows === maxRows) result.status = ScanStatus.ROWS_FULL
    else if (kernels.countByte(end, inputEnd, LINE_FEED) > 0) result.status = ScanStatus.DATA_FULL
    else result.status = rows > 0 ? ScanStatus.DONE : ScanStatus.NEED_MORE
    return result
  }

  free(): void {}

  /** Describes the line with a bad byte; returns where it begins. */
  #endAtBadLine(input: number, bad: number): number {
    const { u8 } = this.#slab
    const result = this.#result
    result.reason = BadReason.INVALID_UTF8
    result.problem = bad
    result.lineStart = u8.subarray(input, input + bad).lastIndexOf(LINE_FEED) + 1
    result.lineEnd = u8.indexOf(LINE_FEED, input + bad) + 1 - input
    return input + result.lineStart
  }
}

/** Lines, as {@link textFormat} describes them. */
export class TextFormat implements LineFormat {
  readonly kind = 'lines'
  readonly name = 'text'
  readonly header = false
  readonly spansLines = false
  readonly fieldWord = 'column'
  readonly delimiter = undefined
  readonly utf8: Utf8Option

  constructor(options: TextFormatOptions) {
    this.utf8 = checkUtf8Option('a text', options.utf8)
  }

  describe(): string {
    return 'lines of text'
  }

  check(schema: Schema): void {
    const [field, ...others] = schema.fields
    if (field?.type.kind === 'VARCHAR' && field.type.length === LENGTH_MAX && others.length === 0) return
    throw new PlanError('UNSUPPORTED_TYPE', 'Cannot read or write lines of text: their schema has one column, of type STRING')
  }

  parseHeader(): undefined {}

  createDecoder(_schema: Schema, slab: Slab, kernels: Kernels): LineDecoder {
    return new TextDecoder(slab, kernels)
  }

  /** Written as CSV without anything that CSV adds. */
  createEncoder(schema: Schema, slab: Slab, kernels: Kernels): LineEncoder {
    return new CsvEncoder(new CsvFormatPlan(slab, scanFieldsOf(schema), { quote: '' }), kernels, '')
  }
}

/**
 * Lines as they are, empty ones too: for schemas of one STRING column.
 *
 * @throws {PlanError} `INVALID_OPTION`
 * @example
 * fileSource({ path: 'words.txt', format: textFormat(), schema: defineSchema({ line: t.string() }) })
 */
export function textFormat(options: TextFormatOptions = {}): TextFormat {
  refuseUnknownOptions('make a text format', options, KEYS)
  return new TextFormat(options)
}
