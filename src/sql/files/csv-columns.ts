// What a CSV file looks like: what parts its columns, whether the first record names them, and of which types they are.

import { hasCode } from '../../base/errors.ts'
import type { Field } from '../../batch/types.ts'
import type { FileHead } from '../../connector/file/file-head.ts'
import { readRecord, type TextRecord } from '../../format/csv/csv-format.ts'
import { kindsOf, TextType } from './text-type.ts'

/** Those that come first win where several fit alike. */
const DELIMITERS = [',', ';', '\t', '|']
const QUOTES = ['"', "'"]
/** Records by which the delimiter is found. */
const DELIMITED_RECORDS = 100
/** Records by which types are found. */
export const TYPED_RECORDS = 4096
const HASH = 35
const LINE_FEED = 10
const RETURN = 13

/** How records are written. */
interface Dialect {
  readonly delimiter: string
  readonly quote: string
  /** Whether lines that begin with # are none. */
  readonly allowComments: boolean
}

/** What was found. */
export interface CsvShape extends Dialect {
  readonly hasHeader: boolean
  readonly columns: readonly Field[]
}

/**
 * The shape of files that are read as one table. The first says what its columns are called; by their names those of others are known.
 *
 * @returns undefined if there is no record in any, as far as they were read.
 * @throws {ConnectorError} `DAMAGED_FILE` if the first record is none.
 */
export function csvShape(heads: readonly FileHead[]): CsvShape | undefined {
  const first = heads.find(({ bytes }) => bytes.some((byte) => byte !== LINE_FEED && byte !== RETURN))
  if (first === undefined) return undefined
  const dialect = dialectOf(first)
  const top = readRecord(first.bytes, first.isWhole, dialect)
  if (top === undefined) return undefined
  const rest = recordsOf(first, dialect, TYPED_RECORDS).slice(1)
  const own = top.columns.map(() => new TextType())
  const indexes = top.columns.map((_, index) => index)
  addAll(own, indexes, rest)
  const hasHeader = isHeader(top, own)
  if (!hasHeader) addAll(own, indexes, [top])
  for (const head of heads) {
    const [header, ...others] = head === first ? [] : recordsOf(head, dialect, TYPED_RECORDS)
    if (header === undefined) continue
    const places = hasHeader ? header.columns.map((name) => top.columns.indexOf(name)) : indexes
    addAll(own, places, hasHeader ? others : [header, ...others])
  }
  return { ...dialect, hasHeader, columns: own.map(({ type }, index) => ({ name: hasHeader ? top.columns[index] : `f${index}`, type })) }
}

/** @param places The column of each value; -1 for none. */
function addAll(types: readonly TextType[], places: readonly number[], records: readonly TextRecord[]): void {
  for (const { columns, isQuoted } of records)
    // Without quotes an empty text is NULL.
    for (const [index, text] of columns.entries()) if (text !== '' || isQuoted[index]) types[places[index]]?.add(text)
}

/**
 * Whether a record names columns: by a text where all others are numbers, say; and if it might be a row like the others, by texts only, each of
 * them once.
 */
function isHeader({ columns }: TextRecord, types: readonly TextType[]): boolean {
  if (columns.some((text, index) => text !== '' && !types[index].admits(text))) return true
  return new Set(columns).size === columns.length && columns.every((text) => kindsOf(text).length === 0)
}

/** The one that parts most records alike, and of those the one that makes most columns. */
function dialectOf(head: FileHead): Dialect {
  // A header may begin with #, too: then there are no more columns without it.
  const commented = head.bytes[0] === HASH ? bestDialect(head, true) : undefined
  const plain = bestDialect(head, false)
  return commented !== undefined && commented.width > plain.width ? commented.dialect : plain.dialect
}

function bestDialect(head: FileHead, allowComments: boolean): { readonly dialect: Dialect; readonly width: number } {
  let best = { dialect: { delimiter: DELIMITERS[0], quote: QUOTES[0], allowComments }, alike: 0, width: 1 }
  for (const quote of QUOTES)
    for (const delimiter of DELIMITERS) {
      const dialect = { delimiter, quote, allowComments }
      const records = recordsOf(head, dialect, DELIMITED_RECORDS)
      const width = records[0]?.columns.length ?? 0
      const alike = records.filter(({ columns }) => columns.length === width).length
      if (width > 1 && (alike > best.alike || (alike === best.alike && width > best.width))) best = { dialect, alike, width }
    }
  return best
}

/** Up to one that is no record: those who read the file say where it stands. */
function recordsOf({ bytes, isWhole }: FileHead, dialect: Dialect, countMax: number): readonly TextRecord[] {
  const records: TextRecord[] = []
  for (let at = 0; records.length < countMax;) {
    let record: TextRecord | undefined
    try {
      record = readRecord(bytes.subarray(at), isWhole, dialect)
    } catch (error) {
      if (!hasCode(error, 'DAMAGED_FILE')) throw error
    }
    if (record === undefined) break
    records.push(record)
    at += record.bytes
  }
  return records
}
