// The file that COPY … TO writes: its format and what the options say of it, checked.

import { extname } from 'node:path'
import { suggest } from '../../base/suggest.ts'
import { SqlError } from '../sql-error.ts'
import type { Copy, CopyOption } from '../syntax-tree.ts'
import { FILE_FORMATS } from './file-table.ts'

/** A file to be written. */
export interface CopyTarget {
  /** `-`: standard output. */
  readonly path: string
  readonly format: CopyFormat
  /** Of CSV. */
  readonly csv: CsvTarget
}

export type CopyFormat = 'csv' | 'json' | 'parquet'

/** How CSV is written. */
export interface CsvTarget {
  readonly header: boolean
  readonly delimiter: string
  readonly quote: string
  readonly escape: string
  readonly nullLiteral: string
  readonly quoteAll: boolean
}

const FORMATS: readonly CopyFormat[] = ['csv', 'json', 'parquet']
/** Keys by what they are called elsewhere. */
const SYNONYMS: Readonly<Record<string, string>> = { DELIM: 'DELIMITER', SEP: 'DELIMITER', NULLSTR: 'NULL' }
const CSV_KEYS = ['HEADER', 'DELIMITER', 'QUOTE', 'ESCAPE', 'NULL', 'FORCE_QUOTE']
/** What DuckDB has and COPY has not, with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  PARTITION_BY: "INSERT INTO a table WITH ('connector' = 'filesystem', ...) that is PARTITIONED BY these columns.",
  PER_THREAD_OUTPUT: "INSERT INTO a table WITH ('connector' = 'filesystem', ...): its path is a folder of files.",
  COMPRESSION: "Write to '/dev/stdout' and pipe that into gzip.",
  ARRAY: 'JSON is written as lines, an object each; jq -s . makes an array of them.',
}
const STANDARD_OUTPUT = new Set(['-', '/dev/stdout'])

/** What a COPY writes. @throws {SqlError} `UNKNOWN_FORMAT`, `UNKNOWN_OPTION`, `INVALID_OPTION`, `DUPLICATE_OPTION` */
export function copyTarget(statement: Copy, text: string): CopyTarget {
  return new TargetReader(statement, text).read()
}

class TargetReader {
  readonly #statement: Copy
  readonly #text: string
  readonly #options = new Map<string, CopyOption>()

  constructor(statement: Copy, text: string) {
    this.#statement = statement
    this.#text = text
    for (const option of statement.options) {
      const key = SYNONYMS[option.key] ?? option.key
      if (this.#options.has(key)) throw new SqlError('DUPLICATE_OPTION', text, option, `${key} is given twice`)
      this.#options.set(key, option)
    }
  }

  read(): CopyTarget {
    const { text: given } = this.#statement.path
    const format = this.#format()
    const known = format === 'csv' ? ['FORMAT', ...CSV_KEYS] : ['FORMAT']
    for (const [key, option] of this.#options) if (!known.includes(key)) throw this.#unknown(key, option, format, known)
    return { path: STANDARD_OUTPUT.has(given) ? '-' : given, format, csv: this.#csv() }
  }

  #format(): CopyFormat {
    const option = this.#options.get('FORMAT')
    const { path } = this.#statement
    if (option !== undefined) {
      const format = FORMATS.find((one) => one === option.value?.toLowerCase())
      if (format !== undefined) return format
      const near = suggest(option.value?.toLowerCase() ?? '', FORMATS)
      throw this.#error(
        'UNKNOWN_FORMAT',
        option,
        `There is no format "${option.value ?? ''}"`,
        near === undefined ? 'There are csv, json, parquet.' : `Did you mean ${near}?`,
      )
    }
    if (STANDARD_OUTPUT.has(path.text)) return 'csv'
    const format = FILE_FORMATS[extname(path.text).toLowerCase()]
    if (format !== undefined) return format
    if (extname(path.text) === '.gz') throw this.#error('UNKNOWN_FORMAT', path, 'Cannot write compressed files', REFUSED['COMPRESSION'])
    throw this.#error('UNKNOWN_FORMAT', path, `Cannot tell the format of "${path.text}" by its name`, 'Write (FORMAT csv), json or parquet behind it.')
  }

  #csv(): CsvTarget {
    const isTabbed = extname(this.#statement.path.text).toLowerCase() === '.tsv'
    const quote = this.#character('QUOTE') ?? '"'
    const escape = this.#character('ESCAPE') ?? ''
    return {
      header: this.#flag('HEADER', true),
      delimiter: this.#character('DELIMITER') ?? (isTabbed ? '\t' : ','),
      quote,
      // A quote that is doubled.
      escape: escape === quote ? '' : escape,
      nullLiteral: this.#options.get('NULL')?.value ?? '',
      quoteAll: this.#options.get('FORCE_QUOTE')?.value === '*' || this.#flag('FORCE_QUOTE', false),
    }
  }

  #flag(key: string, otherwise: boolean): boolean {
    const option = this.#options.get(key)
    if (option === undefined) return otherwise
    const value = option.value?.toLowerCase() ?? 'true'
    if (/^(?:true|1|on|\*)$/.test(value)) return true
    if (/^(?:false|0|off)$/.test(value)) return false
    throw this.#error(
      'INVALID_OPTION',
      option,
      `${key} is "${option.value!}"`,
      key === 'FORCE_QUOTE' ? 'Write FORCE_QUOTE * for all columns.' : 'Write true or false.',
    )
  }

  #character(key: string): string | undefined {
    const option = this.#options.get(key)
    if (option === undefined) return undefined
    const value = option.value === '\\t' ? '\t' : (option.value ?? '')
    if (value.length === 1 || (value === '' && option.value !== undefined && key !== 'DELIMITER')) return value
    throw this.#error('INVALID_OPTION', option, `${key} is "${value}"`, 'It is one character in quotes.')
  }

  #unknown(key: string, option: CopyOption, format: CopyFormat, known: readonly string[]): SqlError {
    if (key in REFUSED) return this.#error('UNKNOWN_OPTION', option, `COPY has no option ${key}`, REFUSED[key])
    if (CSV_KEYS.includes(key)) return this.#error('UNKNOWN_OPTION', option, `${key} is an option of CSV, and ${format} is written`)
    const near = suggest(option.key, [...known, ...Object.keys(SYNONYMS)])
    return this.#error('UNKNOWN_OPTION', option, `COPY has no option ${key}`, near === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${near}?`)
  }

  #error(code: string, span: CopyOption | Copy['path'], message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}
