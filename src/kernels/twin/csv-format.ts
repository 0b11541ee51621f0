// The CSV writer in plain TypeScript: from values to a record. The oracle of the kernel `formatCsv`.

import { TypeCode } from '../column-layout.ts'
import type { CsvFormatOptions } from '../csv-format.ts'
import { CSV_SCRATCH_BYTES } from '../csv-scan-layout.ts'
import { CsvRefusal } from '../json-format-layout.ts'
import type { ScanField } from '../json-scan.ts'
import { plainText } from './json-format.ts'
import type { TwinValue } from './json-text.ts'

/** A row as a CSV record, without its line feed. */
export function formatCsvTwin(fields: readonly ScanField[], options: CsvFormatOptions, row: { readonly [name: string]: TwinValue }): string {
  return fields.map((field, index) => fieldText(field, options, row[field.name], index === 0)).join(options.delimiter ?? ',')
}

/** The first field of a row whose value is refused, and why; undefined if there is none. */
export function refusedByCsvTwin(
  fields: readonly ScanField[],
  options: CsvFormatOptions,
  row: { readonly [name: string]: TwinValue },
): { readonly name: string; readonly refusal: CsvRefusal } | undefined {
  for (const [index, field] of fields.entries()) {
    const refusal = refusalOf(field, options, row[field.name], index === 0, fields.length === 1)
    if (refusal !== undefined) return { name: field.name, refusal }
  }
  return undefined
}

function refusalOf(field: ScanField, options: CsvFormatOptions, value: TwinValue, isFirst: boolean, isOnly: boolean): CsvRefusal | undefined {
  const { reading, nullLiteral = '', quote = '"', delimiter = ',', arrayElementDelimiter = ';' } = options
  if (reading === undefined) return undefined
  const { conversion, hasNull, allowComments, header, lineFeedsInQuotes } = reading
  const strict = conversion === 'strict'
  if (value === null) return strict && !hasNull ? CsvRefusal.NULL : undefined
  if (field.type === TypeCode.ARRAY && strict) {
    const element = field.children![0]
    for (const part of value as TwinValue[]) {
      if (part === null) {
        if (!hasNull || nullLiteral === '' || nullLiteral.includes(arrayElementDelimiter)) return CsvRefusal.NULL_ELEMENT
        continue
      }
      const text = rawText(element, options, part)
      if (nullLiteral !== '' && text === nullLiteral) return CsvRefusal.ELEMENT_NULL_TEXT
      if (isTextType(element) && text.includes(arrayElementDelimiter)) return CsvRefusal.ELEMENT_DELIMITER
    }
    if ((value as TwinValue[]).length === 1 && rawText(field, options, value) === '') return CsvRefusal.EMPTY_ELEMENT
  }
  const text = rawText(field, options, value)
  const written = fieldText(field, options, value, isFirst)
  const escape = options.escape === quote ? '' : (options.escape ?? '')
  if (quote === '' && escape === '' && ['\n', '\r', delimiter].some((mark) => text.includes(mark))) return CsvRefusal.BROKEN
  if (!lineFeedsInQuotes && text.includes('\n')) return CsvRefusal.LINE_FEED
  const takesNull = hasNull && (!isTextType(field) || field.nullable)
  if (quote === '') {
    if (takesNull && written === nullLiteral) return CsvRefusal.NULL_TEXT
    if (isOnly && text === '') return CsvRefusal.BLANK_LINE
    if (isFirst && escape === '' && allowComments && text.startsWith('#')) return CsvRefusal.COMMENT
    if (isFirst && escape === '' && !header && text.startsWith('\ufeff')) return CsvRefusal.BYTE_ORDER_MARK
  } else if (takesNull && !strict && nullLiteral !== '' && field.type !== TypeCode.ARRAY && written === quote + nullLiteral + quote)
    return CsvRefusal.NULL_TEXT_QUOTED
  const inner = Buffer.byteLength(written) - (quote === '' || written === text ? 0 : 2)
  return strict && !isTextType(field) && inner > Buffer.byteLength(text) && inner > CSV_SCRATCH_BYTES ? CsvRefusal.LONG : undefined
}

function isTextType({ type }: ScanField): boolean {
  return type === TypeCode.CHAR || type === TypeCode.VARCHAR
}

/** The value as text, before quotes and escapes. */
function rawText(field: ScanField, options: CsvFormatOptions, value: TwinValue): string {
  if (value === null) return options.nullLiteral ?? ''
  if (field.type === TypeCode.ARRAY)
    return (value as TwinValue[]).map((part) => rawText(field.children![0], options, part)).join(options.arrayElementDelimiter ?? ';')
  return isTextType(field) ? (value as string) : plainText(field, options, value)
}

function fieldText(field: ScanField, options: CsvFormatOptions, value: TwinValue, first: boolean): string {
  const nullLiteral = options.nullLiteral ?? ''
  if (value === null) return nullLiteral
  const text = rawText(field, options, value)
  const quote = options.quote ?? '"'
  const escape = options.escape === quote ? '' : (options.escape ?? '')
  const specials = ['\n', '\r', options.delimiter ?? ',', quote, escape].filter((special) => special !== '')
  const odd =
    (isTextType(field) && options.quoteAll) ||
    text === nullLiteral ||
    (first && (text === '' || text.startsWith('#') || text.startsWith('\ufeff'))) ||
    specials.some((special) => text.includes(special))
  if (!odd) return text
  const prefixed = (marks: readonly string[]): string => text.replace(/[\s\S]/g, (character) => (marks.includes(character) ? escape + character : character))
  if (quote !== '') return quote + (escape === '' ? text.replaceAll(quote, quote + quote) : prefixed([quote, escape])) + quote
  if (escape === '') return text
  const { allowComments = false, header = true } = options.reading ?? {}
  return (first && ((allowComments && text.startsWith('#')) || (!header && text.startsWith('\ufeff'))) ? escape : '') + prefixed(specials)
}
