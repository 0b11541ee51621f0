// CSV (RFC 4180, with the variations that exist). A description; the work is done by the scan and format kernels.

import { ConnectorError, PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { Slab } from '../../base/slab.ts'
import { suggest } from '../../base/suggest.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { formatType, type LogicalType, type Schema } from '../../batch/types.ts'
import { CsvFormatPlan } from '../../kernels/csv-format.ts'
import { CSV_SCRATCH_BYTES } from '../../kernels/csv-scan-layout.ts'
import { CsvScanPlan, markBytes } from '../../kernels/csv-scan.ts'
import { CsvRefusal } from '../../kernels/json-format-layout.ts'
import type { ScanField, ScanResult } from '../../kernels/json-scan.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import {
  checkUtf8Option,
  type EncodeResult,
  type LineDecoder,
  type LineEncoder,
  type FileHeader,
  type LineFormat,
  refuseVariant,
  refuseBitmap,
  type Utf8Option,
} from '../line-format.ts'
import { scanFieldsOf } from '../scan-fields.ts'

/**
 * Options of {@link csvFormat}. What is written is read back as it was by a reader with the same options; a value for which that cannot be is
 * not written, and the job fails with the reason. Of `flink` two exceptions are told below: NULL for which no text stands, and arrays.
 */
export interface CsvFormatOptions {
  /**
   * The first record of a file names its columns: those that the schema has are read by name, in any order, others are passed over. Without a
   * header the columns are those of the schema, in its order.
   * @default true
   */
  readonly header?: boolean
  /**
   * One ASCII character. It may be part of values, as a letter or a digit may: they are quoted or escaped then.
   * @default ','
   */
  readonly delimiter?: string
  /**
   * One ASCII character that is part of no number and no time, or '' for none: then a value that holds the delimiter or a line end, or begins a
   * comment, is not written, unless there is an escape, and none that reads as NULL, such as an empty text where '' stands for NULL, or that
   * makes its record a blank line.
   * @default '"'
   */
  readonly quote?: string
  /**
   * One ASCII character that takes the next one as it is, but that `flink` reads n, r, t and 0 behind it as line feed, return, tab and NUL; '' for
   * none: a quote inside quotes is doubled.
   * @default ''
   */
  readonly escape?: string
  /**
   * The text that stands for NULL where it is not quoted; `null` for none. It holds no delimiter, quote or line end. Blank lines are passed over,
   * unless '' stands for NULL and records have one column, which takes NULL: then each is a record. Where there is none, NULL is not written in
   * `strict`; in `flink` it is written as '', as in Flink, and does not read back: texts come back empty, other columns of such records are bad.
   * In `flink` a text that is not '' stands for NULL in quotes too, as in Flink, and so a value equal to it is not written.
   * @default '' in `strict`, `null` in `flink`
   */
  readonly nullLiteral?: string | null
  /**
   * Between the elements of an ARRAY, which nothing protects from it: one ASCII character that is part of no number, time or boolean, where the
   * elements are such. In `strict` arrays are not written that would not be read back: with an element that holds it, an element that equals the
   * text of NULL, NULL where that text is '', or one empty text alone. In `flink` they are written, as Flink does, and read back as others.
   * @default ';'
   */
  readonly arrayElementDelimiter?: string
  /**
   * Lines that begin with # are passed over, before the header too. A first value that begins with # is quoted, or else escaped.
   * @default false
   */
  readonly allowComments?: boolean
  /**
   * Quoted fields may hold line feeds, and escapes may stand before them. Then only a reader from the start of a file knows where records begin,
   * and a file has one reader; `false` promises that there are none, so that none are written, and lets several readers share a file.
   * @default true
   */
  readonly lineFeedsInQuotes?: boolean
  /**
   * How text becomes the declared types. `strict`: all of it must be a value, nothing is rounded, declared lengths hold; times are cut to
   * their precision. `flink`: as Flink's `csv` format, which leaves lengths alone, takes blanks around numbers other than DECIMAL and behind
   * closing quotes, a delimiter at the end of a record, and February 31 for a day in March.
   * @default 'strict'
   */
  readonly conversion?: 'strict' | 'flink'
  /**
   * Written around every text, not only where it must be.
   * @default false
   */
  readonly quoteAll?: boolean
  /**
   * The form in which timestamps are written. Both are read, but for `flink` with 'SQL', which reads that alone.
   * @default 'SQL'
   */
  readonly timestampFormat?: 'SQL' | 'ISO-8601'
  /**
   * What becomes of bytes that are not UTF-8: `strict`, their record is bad; `replace`, U+FFFD stands for them, and the record is counted
   * (counter `replacedRecords`).
   * @default 'strict'
   */
  readonly utf8?: Utf8Option
}

const KEYS: OptionKeys<CsvFormatOptions> = {
  header: true,
  delimiter: true,
  quote: true,
  escape: true,
  nullLiteral: true,
  arrayElementDelimiter: true,
  allowComments: true,
  lineFeedsInQuotes: true,
  conversion: true,
  quoteAll: true,
  timestampFormat: true,
  utf8: true,
}

/** How much of a header an error shows. */
const COLUMNS_SHOWN_MAX = 50
const NAME_SHOWN_MAX = 100

class CsvDecoder implements LineDecoder {
  readonly duplicateKeys = 0
  readonly #plan: CsvScanPlan
  readonly #kernels: Kernels
  readonly columns: readonly string[]
  /** Index in the batch for each field that is read, in file order. */
  readonly #targets: readonly number[]

  constructor(plan: CsvScanPlan, kernels: Kernels, targets: readonly number[], columns: readonly string[]) {
    this.#plan = plan
    this.#kernels = kernels
    this.#targets = targets
    this.columns = columns
  }

  get nulledValues(): number {
    return this.#plan.counters.nulledValues
  }

  bind(batch: RecordBatch): void {
    this.#plan.setColumns(this.#targets.map((index) => batch.columns[index].descriptor))
  }

  decode(input: number, inputEnd: number, firstRow: number, maxRows: number, isFinal: boolean): ScanResult {
    return this.#plan.scan(this.#kernels, input, inputEnd, firstRow, maxRows, isFinal)
  }

  free(): void {
    this.#plan.free()
  }
}

/** Writes records of CSV. @throws {ConnectorError} `UNWRITABLE_VALUE` from `encode`. */
export class CsvEncoder implements LineEncoder {
  readonly header: Uint8Array
  readonly #plan: CsvFormatPlan
  readonly #kernels: Kernels
  readonly #result: EncodeResult = { position: 0, end: 0 }

  constructor(plan: CsvFormatPlan, kernels: Kernels, header: string) {
    this.#plan = plan
    this.#kernels = kernels
    this.header = new TextEncoder().encode(header)
  }

  bind(batch: RecordBatch): void {
    this.#plan.setColumns(batch.columns.map((column) => column.descriptor))
  }

  encode(selection: number, begin: number, end: number, target: number, targetEnd: number): EncodeResult {
    const { bytes, nextRow } = this.#plan.format(this.#kernels, selection, begin, end, target, targetEnd)
    if (nextRow === begin && this.#plan.refusedField !== undefined) throw unwritable(this.#plan.refusedField, this.#plan.refusal)
    this.#result.position = nextRow
    this.#result.end = target + bytes
    return this.#result
  }

  free(): void {
    this.#plan.free()
  }
}

/** For each refusal its reason and the remedy. */
const REFUSALS: { readonly [refusal in CsvRefusal]: readonly [reason: string, hint: string] } = {
  [CsvRefusal.BROKEN]: [
    'a value holds the delimiter or a line end, and there is neither quote nor escape',
    'Set quote or escape in csvFormat, or a delimiter that no value holds.',
  ],
  [CsvRefusal.NULL_TEXT]: [
    'a value is written as NULL is, and without a quote it would be read as NULL',
    'Set quote in csvFormat, or a nullLiteral that no value equals.',
  ],
  [CsvRefusal.NULL_TEXT_QUOTED]: [
    'a value is written as NULL is, and would be read as NULL, in quotes too where conversion is "flink"',
    'Set a nullLiteral in csvFormat that no value equals.',
  ],
  [CsvRefusal.NULL]: ['a value is NULL, and no text stands for NULL', 'Set nullLiteral in csvFormat to a text that no value equals.'],
  [CsvRefusal.COMMENT]: [
    'a value begins with #, and its record would be read as a comment',
    'Set quote or escape in csvFormat, or leave allowComments out, or let another column be the first.',
  ],
  [CsvRefusal.BLANK_LINE]: ['a value is empty, and its record would be a blank line, which is passed over', 'Set quote in csvFormat.'],
  [CsvRefusal.BYTE_ORDER_MARK]: [
    'a value begins with U+FEFF, which is passed over at the beginning of a file',
    'Set quote or escape in csvFormat, or header, or let another column be the first.',
  ],
  [CsvRefusal.LINE_FEED]: [
    'a value holds a line feed, and lineFeedsInQuotes is false',
    'Leave lineFeedsInQuotes out of csvFormat, for those who read the file too.',
  ],
  [CsvRefusal.ELEMENT_DELIMITER]: [
    'an element of an array holds the arrayElementDelimiter, and would be read as two',
    'Set an arrayElementDelimiter in csvFormat that no element holds.',
  ],
  [CsvRefusal.ELEMENT_NULL_TEXT]: [
    'an element of an array is written as NULL is, and would be read as NULL',
    'Set a nullLiteral in csvFormat that no element equals.',
  ],
  [CsvRefusal.NULL_ELEMENT]: [
    'an element of an array is NULL, and no text stands for that between elements',
    'Set nullLiteral in csvFormat to a text that is not empty, holds no arrayElementDelimiter, and that no element equals.',
  ],
  [CsvRefusal.EMPTY_ELEMENT]: ['the only element of an array is empty, and would be read as no element', 'CSV has no form for such an array; jsonFormat has.'],
  [CsvRefusal.LONG]: [
    `a value is no text, holds a mark, and has more than ${CSV_SCRATCH_BYTES} bytes, which are not read`,
    'Set marks in csvFormat that no value holds, or use jsonFormat.',
  ],
}

function unwritable(column: string, refusal: CsvRefusal): ConnectorError {
  const [reason, hint] = REFUSALS[refusal]
  return new ConnectorError('UNWRITABLE_VALUE', `Cannot write column "${column}" as CSV: ${reason}`, { hint })
}

/** CSV, as {@link csvFormat} describes it. */
export class CsvFormat implements LineFormat {
  readonly kind = 'lines'
  readonly name = 'csv'
  readonly fieldWord = 'column'
  readonly header: boolean
  readonly spansLines: boolean
  readonly delimiter: string
  readonly utf8: Utf8Option
  readonly options: CsvFormatOptions

  constructor(options: CsvFormatOptions) {
    this.options = options
    this.header = options.header ?? true
    this.delimiter = options.delimiter ?? ','
    this.utf8 = checkUtf8Option('a CSV', options.utf8)
    this.spansLines = (options.lineFeedsInQuotes ?? true) && (options.quote !== '' || (options.escape ?? '') !== '')
    const { conversion = 'strict', delimiter, quote, escape, arrayElementDelimiter } = options
    markBytes(defined({ delimiter, quote, escape, arrayElementDelimiter }))
    if (/^[-+.: 0-9A-Za-z]$/.test(quote ?? ''))
      throw new PlanError('INVALID_OPTION', `Cannot use ${JSON.stringify(quote)} as the CSV quote: it may be part of a value`)
    const hash = options.allowComments === true ? Object.entries({ delimiter, quote, escape }).find(([, mark]) => mark === '#') : undefined
    if (hash !== undefined) throw new PlanError('INVALID_OPTION', `Cannot use "#" as the CSV ${hash[0]}: it begins a comment, which allowComments admits`)
    if (conversion === 'strict') this.#checkNullLiteral(false)
    if (conversion !== 'strict' && conversion !== 'flink')
      throw new PlanError('INVALID_OPTION', `Cannot make a CSV format: conversion is "strict" or "flink", not "${String(conversion)}"`)
  }

  /** @throws {PlanError} `INVALID_OPTION` if what stands for NULL is never read as such, or, where it is written, not everywhere. */
  #checkNullLiteral(isWritten: boolean): void {
    const { nullLiteral, quote = '"', escape = '', allowComments = false } = this.options
    if (nullLiteral === undefined || nullLiteral === null || nullLiteral === '') return
    const held = [this.delimiter, quote, '\n', '\r'].find((mark) => mark !== '' && nullLiteral.includes(mark))
    const isOpen = escape !== '' && nullLiteral.endsWith(escape)
    const isComment = isWritten && allowComments && nullLiteral.startsWith('#')
    if (held === undefined && !isOpen && !isComment && !(isWritten && !this.header && nullLiteral.startsWith('\ufeff'))) return
    const start = isComment ? 'begins a comment' : 'begins with a byte order mark'
    const why = held === undefined ? (isOpen ? 'ends with the escape' : start) : `holds ${JSON.stringify(held)}`
    throw new PlanError('INVALID_OPTION', `Cannot use ${JSON.stringify(nullLiteral)} as the CSV text of NULL: it ${why} and would not be read back`)
  }

  /** @throws {PlanError} `INVALID_OPTION` if what is escaped is read as another character: Flink takes `\n`, `\r`, `\t` and `\0` for control characters. */
  #checkEscapes(): void {
    const { escape = '', quote = '"', conversion = 'strict' } = this.options
    if (conversion !== 'flink' || escape === '') return
    const found = [escape, ...(quote === '' ? [this.delimiter] : [])].find((mark) => 'nrt0'.includes(mark))
    if (found === undefined) return
    const kind = found === escape ? 'escape' : 'delimiter'
    throw new PlanError('INVALID_OPTION', `Cannot write CSV with the ${kind} "${found}": behind an escape Flink reads it as a control character`, {
      hint: `Set another ${kind} in csvFormat${kind === 'delimiter' ? ', or a quote' : ''}.`,
    })
  }

  describe(): string {
    const { options } = this
    return `CSV${this.header ? ' with a header' : ''}${this.delimiter === ',' ? '' : `, delimited by ${JSON.stringify(this.delimiter)}`}, ${options.conversion ?? 'strict'}`
  }

  check(schema: Schema): void {
    for (const { name, type } of schema.fields) {
      const element = type.kind === 'ARRAY' ? type.element : type
      const { arrayElementDelimiter = ';' } = this.options
      if (type.kind === 'ARRAY' && charactersOf(element).test(arrayElementDelimiter))
        throw new PlanError(
          'INVALID_OPTION',
          `Cannot use ${JSON.stringify(arrayElementDelimiter)} between the elements of the CSV column "${name}": it may be part of a value of type ${formatType(element)}`,
          { hint: 'Set another arrayElementDelimiter in csvFormat, such as ";" or "|".' },
        )
      refuseVariant(name, type, 'CSV')
      refuseBitmap(name, type, 'CSV')
      if (['ARRAY', 'MAP', 'MULTISET', 'ROW', 'OBJECT'].includes(element.kind))
        throw new PlanError('UNSUPPORTED_TYPE', `Cannot read or write column "${name}" as CSV: only plain values and arrays of them have a CSV form`)
    }
  }

  parseHeader(bytes: Uint8Array, isFinal: boolean): FileHeader | undefined {
    return readRecord(bytes, isFinal, this.options)
  }

  createDecoder(
    schema: Schema,
    slab: Slab,
    kernels: Kernels,
    nullOnError: boolean,
    fileColumns: readonly string[] | undefined,
    recordBytesMax: number,
  ): LineDecoder {
    const names = fileColumns ?? schema.fields.map(({ name }) => name)
    const scanFields = scanFieldsOf(schema)
    for (const { name } of schema.fields) {
      const count = names.filter((each) => each === name).length
      if (count === 1) continue
      const shown = names.slice(0, COLUMNS_SHOWN_MAX).map((each) => `"${each.slice(0, NAME_SHOWN_MAX)}"`)
      const known = shown.join(', ') + (names.length > shown.length ? `, and ${names.length - shown.length} more` : '')
      throw new ConnectorError(
        'SCHEMA_MISMATCH',
        `Cannot read column "${name}" of the file: its header names ${count === 0 ? 'no such column' : `it ${count} times`}, known columns are ${known}`,
        hintFor(name, names, this.delimiter),
      )
    }
    const fields = names.map((name): ScanField | null => scanFields.find((field) => field.name === name) ?? null)
    const columns = names.map((name) => schema.indexOf(name)).filter((index) => index !== -1)
    const { delimiter, quote, escape, arrayElementDelimiter, nullLiteral, allowComments, timestampFormat, conversion = 'strict' } = this.options
    const plan = new CsvScanPlan(slab, fields, {
      conversion,
      nullOnError,
      recordBytesMax,
      ...defined({ delimiter, quote, escape, arrayElementDelimiter, nullLiteral, allowComments, timestampFormat }),
    })
    return new CsvDecoder(plan, kernels, columns, names)
  }

  createEncoder(schema: Schema, slab: Slab, kernels: Kernels): LineEncoder {
    const { delimiter, quote, escape, arrayElementDelimiter, nullLiteral, quoteAll, timestampFormat, conversion = 'strict' } = this.options
    this.#checkNullLiteral(true)
    this.#checkEscapes()
    const plan = new CsvFormatPlan(slab, scanFieldsOf(schema), {
      fraction: conversion === 'flink' ? 'trimmed' : 'precision',
      reading: {
        conversion,
        hasNull: nullLiteral === undefined ? conversion === 'strict' : nullLiteral !== null,
        allowComments: this.options.allowComments ?? false,
        header: this.header,
        lineFeedsInQuotes: this.options.lineFeedsInQuotes ?? true,
      },
      ...defined({ delimiter, quote, escape, arrayElementDelimiter, quoteAll, timestampFormat, nullLiteral: nullLiteral ?? undefined }),
    })
    const header = this.header
      ? headerRecord(
          schema.fields.map(({ name }) => name),
          this.options,
        )
      : ''
    return new CsvEncoder(plan, kernels, header)
  }
}

/** What values of a type are written with; of texts nothing is known. */
function charactersOf(type: LogicalType): RegExp {
  switch (type.kind) {
    case 'CHAR':
    case 'VARCHAR':
      return /^$/
    case 'BINARY':
    case 'VARBINARY':
      return /[+/=0-9A-Za-z]/
    case 'BOOLEAN':
      return /[A-Za-z]/
    case 'FLOAT':
    case 'DOUBLE':
    case 'DECIMAL':
      return /[-+.0-9A-Za-z]/
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return /[-+.: 0-9A-Za-z]/
    default:
      return /[-+0-9]/
  }
}

/** The options that were given: absent ones must stay absent for the kernels' own defaults. */
function defined<T extends object>(options: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { readonly [K in keyof T]?: Exclude<T[K], undefined> }
}

/** The names as a record that the reader reads back: none is taken for a comment, a blank line or a byte order mark. @throws {PlanError} */
function headerRecord(names: readonly string[], options: CsvFormatOptions): string {
  const { delimiter = ',', quote = '"', allowComments = false } = options
  const escape = options.escape === quote ? '' : (options.escape ?? '')
  const specials = ['\n', '\r', delimiter, quote, escape].filter((mark) => mark !== '')
  const prefixed = (name: string, marks: readonly string[], prefix: string): string =>
    Array.from(name, (character) => (marks.includes(character) ? prefix + character : character)).join('')
  const texts = names.map((name, index) => {
    if (options.lineFeedsInQuotes === false && name.includes('\n'))
      throw new PlanError('INVALID_OPTION', `Cannot write a CSV header: lineFeedsInQuotes is false, and the name ${JSON.stringify(name)} holds a line feed`)
    const isBlank = name === '' && (quote !== '' || names.length === 1)
    const isComment = name.startsWith('#') && (quote !== '' || allowComments)
    const isMistakable = index === 0 && (isBlank || isComment || name.startsWith('\ufeff'))
    if (!isMistakable && !specials.some((mark) => name.includes(mark))) return name
    if (quote !== '') return quote + (escape === '' ? prefixed(name, [quote], quote) : prefixed(name, [quote, escape], escape)) + quote
    if (escape !== '' && name !== '') return (isMistakable ? escape : '') + prefixed(name, specials, escape)
    throw new PlanError('INVALID_OPTION', `Cannot write a CSV header: without a quote character no record can hold the name of column "${name}"`)
  })
  return `${texts.join(delimiter)}\n`
}

const LINE_FEED = 10
const RETURN = 13
const HASH = 35

/** A record as texts: a header, or one that is looked at before types are known. */
export interface TextRecord extends FileHeader {
  /** Which of them stand in quotes. */
  readonly isQuoted: readonly boolean[]
}

/**
 * Reads the first record, as the scanner reads those behind a header.
 *
 * @returns undefined if its end is not there.
 * @throws {ConnectorError} `DAMAGED_FILE` if it is none.
 */
export function readRecord(bytes: Uint8Array, isFinal: boolean, options: CsvFormatOptions): TextRecord | undefined {
  const [delimiter, quote, escape] = markBytes(defined(options))
  const decoder = new TextDecoder('utf-8', { fatal: options.utf8 !== 'replace', ignoreBOM: true })
  const { length } = bytes
  const isMark = (at: number, mark: number): boolean => mark !== 0 && bytes[at] === mark
  /** The length of the line end at a position, 0 if there is none. Line feeds that may be missing are taken for there. */
  const lineEndAt = (at: number): number => {
    if (bytes[at] === LINE_FEED) return 1
    return bytes[at] === RETURN && (at + 1 === length || bytes[at + 1] === LINE_FEED) ? Math.min(2, length - at) : 0
  }
  let at = 0
  for (;;) {
    const isComment = options.allowComments === true && bytes[at] === HASH
    if (isComment) {
      const feed = bytes.indexOf(LINE_FEED, at)
      if (feed === -1) return undefined
      at = feed + 1
    } else if (lineEndAt(at) > 0) at += lineEndAt(at)
    else break
  }
  if (at >= length) return undefined
  const columns: string[] = []
  const quoted: boolean[] = []
  for (;;) {
    const name: number[] = []
    const isQuoted = isMark(at, quote)
    const start = at
    let isOpen = isQuoted
    quoted.push(isQuoted)
    if (isQuoted) at++
    while (at < length && (isOpen || (bytes[at] !== delimiter && lineEndAt(at) === 0))) {
      if (isMark(at, escape)) {
        if (at + 1 === length) break
        at++
      } else if (isMark(at, quote)) {
        if (isOpen && isMark(at + 1, quote)) at++
        else if (isOpen) isOpen = false
        else if (isQuoted || options.conversion !== 'flink')
          throw damagedHeader(`found a quote where none may stand, or text behind a closing quote, at byte ${at + 1}`)
        if (isQuoted && !isOpen) {
          at++
          if (at < length && bytes[at] !== delimiter && lineEndAt(at) === 0)
            throw damagedHeader(`found a quote where none may stand, or text behind a closing quote, at byte ${at + 1}`)
          break
        }
      }
      name.push(bytes[at++])
    }
    if (at >= length && !isFinal) return undefined
    if (isOpen || (at < length && isMark(at, escape))) throw damagedHeader('found a quote that is not closed')
    try {
      columns.push(decoder.decode(Uint8Array.from(name)))
    } catch {
      throw damagedHeader(`expected UTF-8 text, found other bytes in the name at byte ${start + 1}`)
    }
    if (bytes[at] !== delimiter) break
    at++
  }
  const end = lineEndAt(at)
  return !isFinal && at + end === length && bytes[length - 1] !== LINE_FEED ? undefined : { columns, isQuoted: quoted, bytes: at + end }
}

function damagedHeader(reason: string): ConnectorError {
  return new ConnectorError('DAMAGED_FILE', `Cannot read the header of the file: ${reason}`)
}

/**
 * CSV: records of delimited fields, one a line (or more, with line feeds in quotes).
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function csvFormat(options: CsvFormatOptions = {}): CsvFormat {
  refuseUnknownOptions('make a CSV format', options, KEYS)
  return new CsvFormat(options)
}

const DELIMITERS = [';', '\t', '|', ',']

/** What is probably wrong when a header does not name a column. */
function hintFor(name: string, names: readonly string[], delimiter: string): { readonly hint?: string } {
  const other = DELIMITERS.find((each) => each !== delimiter && names.length === 1 && names[0].includes(each))
  if (other !== undefined)
    return { hint: `The header looks as if ${JSON.stringify(other)} parted its columns: csvFormat({ delimiter: ${JSON.stringify(other)} }).` }
  const near = suggest(name, names)
  return near === undefined || near === name ? {} : { hint: `Did you mean "${near}"?` }
}
