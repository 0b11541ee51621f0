// The CSV scanner in plain TypeScript: from a whole text to rows and bad records, one character at a time. Slow and simple on purpose; the
// oracle of the kernel `scanCsv` in property tests.

import { TypeCode } from '../column-layout.ts'
import type { CsvScanOptions } from '../csv-scan.ts'
import { BadReason } from '../json-scan-layout.ts'
import { type ScanField, isConversionReason } from '../json-scan.ts'
import { CONVERTS_TO_NULL, type TwinValue, convertTwin } from './json-text.ts'

export type CsvOutcome = { [name: string]: TwinValue } | { readonly bad: readonly [reason: number, field: string] }

interface CsvField {
  readonly bytes: Buffer
  /** As it stands in the file, without its quotes. */
  readonly raw: Buffer
  readonly quoted: boolean
}

/** Control characters that Flink knows by their letters behind an escape. */
const FLINK_ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, 0: 0 }

/** Reads a whole file. `text` ends with a line feed. */
export function scanCsvTwin(fields: readonly (ScanField | null)[], options: CsvScanOptions, text: Buffer): CsvOutcome[] {
  const out: CsvOutcome[] = []
  const blankIsNull = fields.length === 1 && fields[0] !== null && fields[0].nullable && nullOf(options) === ''
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf(10, at) + 1
    const line = text.subarray(at, lineEnd).toString('latin1')
    if ((!blankIsNull && (line === '\n' || line === '\r\n')) || (options.allowComments && line.startsWith('#'))) {
      at = lineEnd
      continue
    }
    const record = splitRecord(text, at, options)
    // Of a record whose quotes fail behind its first line, nothing but that counts.
    out.push((record.failedAt ?? 0) >= lineEnd ? { bad: [BadReason.QUOTE, ''] } : readRecord(fields, options, record))
    at = record.end ?? lineEnd
  }
  return out
}

interface SplitRecord {
  readonly fields: readonly CsvField[]
  /** Behind the record, undefined if its quotes make no sense. */
  readonly end: number | undefined
  /** Where they make none. */
  readonly failedAt: number | undefined
}

function splitRecord(text: Buffer, start: number, options: CsvScanOptions): SplitRecord {
  const delimiter = options.delimiter ?? ','
  const quote = options.quote ?? '"'
  const escape = (options.escape ?? '') === quote ? '' : (options.escape ?? '')
  const peek = (at: number): string => String.fromCharCode(text[at])
  const lineEndAt = (at: number): number => (peek(at) === '\n' ? 1 : at + 1 < text.length && peek(at) === '\r' && peek(at + 1) === '\n' ? 2 : 0)
  const fields: CsvField[] = []
  for (let at = start; ; at++) {
    const bytes: number[] = []
    const quoted = quote !== '' && peek(at) === quote
    if (quoted) at++
    const from = at
    let to = at
    for (;;) {
      if (at >= text.length) return { fields, end: undefined, failedAt: at }
      if (!quoted && (peek(at) === delimiter || lineEndAt(at) > 0)) {
        to = at
        break
      }
      if (escape !== '' && peek(at) === escape) {
        if (at + 1 >= text.length) return { fields, end: undefined, failedAt: at }
        // An escape with nothing behind it stands for itself.
        bytes.push((options.conversion === 'flink' ? FLINK_ESCAPES[peek(at + 1)] : undefined) ?? text[at + 1])
        at += 2
        continue
      }
      if (quote !== '' && peek(at) === quote) {
        if (quoted) {
          if (at + 1 < text.length && peek(at + 1) === quote) at++
          else {
            to = at
            at++
            // Flink passes over blanks behind the closing quote.
            if (options.conversion === 'flink') while (at < text.length && text[at] <= 0x20 && ![delimiter, '\n', '\r'].includes(peek(at))) at++
            break
          }
        } else if (options.conversion === 'strict') return { fields, end: undefined, failedAt: at }
      }
      bytes.push(text[at])
      at++
    }
    if (at >= text.length || (peek(at) !== delimiter && lineEndAt(at) === 0)) return { fields, end: undefined, failedAt: at }
    fields.push({ bytes: Buffer.from(bytes), raw: text.subarray(from, to), quoted })
    if (peek(at) !== delimiter) return { fields, end: at + lineEndAt(at), failedAt: undefined }
  }
}

function readRecord(fields: readonly (ScanField | null)[], options: CsvScanOptions, record: SplitRecord): CsvOutcome {
  const row: { [name: string]: TwinValue } = Object.create(null)
  const bad = (reason: number, field: string): CsvOutcome => ({ bad: [reason, field] })
  for (const [index, { bytes, raw, quoted }] of record.fields.entries()) {
    if (index >= fields.length) {
      // Flink admits one blank field more, as a trailing delimiter makes it.
      const isLast = record.end !== undefined && index === fields.length && index + 1 === record.fields.length
      if (options.conversion === 'flink' && isLast && /^[\0-\x20]*$/.test(raw.toString('latin1'))) break
      return bad(BadReason.FIELD_COUNT, '')
    }
    const field = fields[index]!
    const text = bytes.toString('utf8')
    if (!Buffer.from(raw.toString('utf8')).equals(raw)) return bad(BadReason.INVALID_UTF8, field?.name ?? '')
    if (field === null) continue
    try {
      row[field.name] = readField(
        field,
        options,
        text,
        raw.toString('utf8') === nullOf(options) && (!quoted || (options.conversion === 'flink' && raw.length > 0)),
      )
    } catch (reason) {
      if (typeof reason !== 'number') throw reason
      if (reason !== CONVERTS_TO_NULL && !(options.nullOnError && field.nullable && isConversionReason(reason))) return bad(reason, field.name)
      row[field.name] = null
    }
  }
  if (record.end === undefined) return record.fields.length >= fields.length ? bad(BadReason.FIELD_COUNT, '') : bad(BadReason.QUOTE, '')
  for (const field of fields.slice(record.fields.length)) {
    if (!options.nullOnError) return bad(BadReason.FIELD_COUNT, '')
    if (field === null) continue
    if (!field.nullable) return bad(BadReason.FIELD_COUNT, field.name)
    row[field.name] = null
  }
  return row
}

/** The text that stands for NULL, as it is written in the file. */
function nullOf(options: CsvScanOptions): string | null {
  return options.nullLiteral === undefined ? (options.conversion === 'flink' ? null : '') : options.nullLiteral
}

function readField(field: ScanField, options: CsvScanOptions, text: string, isNull: boolean): TwinValue {
  const flink = options.conversion === 'flink'
  const mode = { flink, isoTimestamps: options.timestampFormat === 'ISO-8601' }
  const nullLiteral = nullOf(options)
  const isText = field.type === TypeCode.CHAR || field.type === TypeCode.VARCHAR
  if (isNull) {
    if (field.nullable) return null
    if (!isText) throw BadReason.NULL_NOT_ALLOWED
  }
  if (field.type !== TypeCode.ARRAY) return convertTwin(field, text, 'csv', mode)
  const element = field.children![0]
  if (text === '' || (flink && /^[\0-\x20]*$/.test(text))) return []
  return text.split(options.arrayElementDelimiter ?? ';').map((part) => {
    if (nullLiteral !== null && nullLiteral !== '' && part === nullLiteral) {
      if (!element.nullable) throw BadReason.NULL_NOT_ALLOWED
      return null
    }
    try {
      return convertTwin(element, part, 'csv', mode)
    } catch (reason) {
      if (reason === CONVERTS_TO_NULL || (options.nullOnError && element.nullable && typeof reason === 'number')) return null
      throw reason
    }
  })
}
