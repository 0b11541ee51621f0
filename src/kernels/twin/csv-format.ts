// The CSV writer in plain TypeScript: from values to a record. The oracle of the kernel `formatCsv`.

import { TypeCode } from '../column-layout.ts'
import type { CsvFormatOptions } from '../csv-format.ts'
import type { ScanField } from '../json-scan.ts'
import { plainText } from './json-format.ts'
import type { TwinValue } from './json-text.ts'

/** A row as a CSV record, without its line feed. */
export function formatCsvTwin(fields: readonly ScanField[], options: CsvFormatOptions, row: { readonly [name: string]: TwinValue }): string {
  return fields.map((field, index) => fieldText(field, options, row[field.name], index === 0)).join(options.delimiter ?? ',')
}

/** The first field of a row whose value is refused, undefined if there is none. */
export function refusedByCsvTwin(fields: readonly ScanField[], options: CsvFormatOptions, row: { readonly [name: string]: TwinValue }): string | undefined {
  if (options.quote !== '') return undefined
  const specials = options.refuseBroken && (options.escape ?? '') === '' ? ['\n', '\r', options.delimiter ?? ','] : []
  return fields.find(({ name }, index) => {
    if (row[name] === null) return false
    const text = fieldText(fields[index], options, row[name], index === 0)
    return specials.some((mark) => text.includes(mark)) || (options.refuseNullText === true && text === (options.nullLiteral ?? ''))
  })?.name
}

function fieldText(field: ScanField, options: CsvFormatOptions, value: TwinValue, first: boolean): string {
  const nullLiteral = options.nullLiteral ?? ''
  if (value === null) return nullLiteral
  const raw = (type: ScanField, part: TwinValue): string =>
    part === null ? nullLiteral : type.type === TypeCode.CHAR || type.type === TypeCode.VARCHAR ? (part as string) : plainText(type, options, part)
  const array = field.type === TypeCode.ARRAY
  const text = array ? (value as TwinValue[]).map((part) => raw(field.children![0], part)).join(options.arrayElementDelimiter ?? ';') : raw(field, value)
  const isText = field.type === TypeCode.CHAR || field.type === TypeCode.VARCHAR
  const quote = options.quote ?? '"'
  const escape = options.escape === quote ? '' : (options.escape ?? '')
  const specials = ['\n', '\r', options.delimiter ?? ',', quote, escape].filter((special) => special !== '')
  const odd =
    (isText && options.quoteAll) ||
    text === nullLiteral ||
    (first && (text === '' || text.startsWith('#'))) ||
    specials.some((special) => text.includes(special))
  if (!odd) return text
  const prefixed = (marks: readonly string[]): string => text.replace(/[\s\S]/g, (character) => (marks.includes(character) ? escape + character : character))
  if (quote !== '') return quote + (escape === '' ? text.replaceAll(quote, quote + quote) : prefixed([quote, escape])) + quote
  return escape === '' ? text : prefixed(specials)
}
