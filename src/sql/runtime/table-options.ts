// The options of tables: the formats that they describe, and errors that say which option of which table is wrong.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import { bytesOf, DURATION_EXPECTED, durationMsOf, MEMORY_EXPECTED } from '../../engine/options.ts'
import { csvFormat } from '../../format/csv/csv-format.ts'
import { jsonFormat } from '../../format/json/json-format.ts'
import type { LineFormat } from '../../format/line-format.ts'
import { PARQUET_COMPRESSIONS, type ParquetCompression, type ParquetFormat, parquetFormat } from '../../format/parquet/parquet-format.ts'
import type { CatalogTable } from '../catalog.ts'

export const CONNECTORS = ['filesystem', 'datagen', 'nexmark', 'jdbc', 'print', 'blackhole']
export const FORMATS = ['json', 'csv', 'debezium-json', 'parquet']
const CONVERSIONS = ['flink', 'strict'] as const

/** The options of one table, each of which has to be asked for. */
export class TableOptions {
  readonly #table: string
  readonly #purpose: string
  readonly #options: ReadonlyMap<string, string>
  readonly #known = new Set(['connector'])

  /** @param purpose What is done with the table, for errors. */
  constructor(table: CatalogTable, purpose: 'read' | 'write to' | 'look rows up in') {
    this.#purpose = purpose
    this.#table = table.path[2]
    this.#options = table.options
  }

  text(key: string): string | undefined {
    this.#known.add(key)
    return this.#options.get(key)
  }

  require(key: string): string {
    return this.text(key) ?? this.fail('MISSING_OPTION', `it has no option '${key}'`, `Write WITH ('${key}' = '...').`)
  }

  flag(key: string): boolean {
    const text = this.text(key)
    if (text === undefined) return false
    const lower = text.toLowerCase()
    return lower === 'true' || lower === 'false' ? lower === 'true' : this.fail('INVALID_OPTION', `'${key}' is '${text}'`, 'Write true or false.')
  }

  /** A number of things. */
  count(key: string): number | undefined {
    const text = this.text(key)
    if (text === undefined) return undefined
    return /^\d{1,15}$/.test(text.trim()) ? Number(text) : this.fail('INVALID_OPTION', `'${key}' is '${text}'`, 'Write a whole number of at least 0.')
  }

  one<T extends string>(key: string, values: readonly T[]): T | undefined {
    const text = this.text(key)
    return text === undefined || values.includes(text as T)
      ? (text as T | undefined)
      : this.fail('INVALID_OPTION', `'${key}' is '${text}'`, `It is one of ${values.join(', ')}.`)
  }

  /** A path of this machine. */
  path(): string {
    return this.require('path').replace(/^file:\/\//, '')
  }

  /** In milliseconds. */
  duration(key: string): number | undefined {
    return this.#measured(key, durationMsOf, DURATION_EXPECTED)
  }

  /** In bytes. */
  size(key: string): number | undefined {
    return this.#measured(key, bytesOf, MEMORY_EXPECTED)
  }

  #measured(key: string, measure: (text: string) => number, expected: string): number | undefined {
    const text = this.text(key)
    if (text === undefined) return undefined
    const value = measure(text)
    return Number.isNaN(value) ? this.fail('INVALID_OPTION', `'${key}' is '${text}'`, `Write ${expected}.`) : value
  }

  /** @param passes Options that nobody looks at. */
  refuseOthers(passes: (key: string) => boolean): void {
    for (const key of this.#options.keys()) {
      if (this.#known.has(key) || passes(key)) continue
      const near = suggest(key, this.#known)
      this.fail('UNKNOWN_OPTION', `there is no option '${key}'`, near === undefined ? `Known here: ${[...this.#known].join(', ')}.` : `Did you mean '${near}'?`)
    }
  }

  fail(code: string, reason: string, hint: string): never {
    throw new PlanError(code, `Cannot ${this.#purpose} table "${this.#table}": ${reason}`, { hint })
  }
}

/** A format of lines, as a table's options describe it. */
export interface TableFormat {
  readonly format: LineFormat
  readonly ignoresErrors: boolean
}

export function jsonTable(options: TableOptions, prefix: string): TableFormat {
  const failOnMissingField = options.flag(`${prefix}.fail-on-missing-field`)
  const ignoresErrors = options.flag(`${prefix}.ignore-parse-errors`)
  if (failOnMissingField && ignoresErrors)
    options.fail('INVALID_OPTION', `'${prefix}.fail-on-missing-field' and '${prefix}.ignore-parse-errors' are both true`, 'Leave one of them out.')
  // Of Flink's ways to write values there is one each.
  options.one(`${prefix}.map-null-key.mode`, ['FAIL'])
  options.one(`${prefix}.encode.ignore-null-fields`, ['false'])
  options.one(`${prefix}.encode.decimal-as-plain-number`, ['true'])
  const timestampFormat = options.one(`${prefix}.timestamp-format.standard`, ['SQL', 'ISO-8601'])
  const conversion = options.one(`${prefix}.conversion`, CONVERSIONS) ?? 'flink'
  return { format: jsonFormat({ conversion, failOnMissingField, ...(timestampFormat && { timestampFormat }) }), ignoresErrors }
}

/** Parquet, under the names of Flink's options, which are those of Hadoop's. */
export function parquetTable(options: TableOptions): ParquetFormat {
  const compression = options.text('parquet.compression')?.toUpperCase() as ParquetCompression | undefined
  if (compression !== undefined && !PARQUET_COMPRESSIONS.includes(compression))
    options.fail('INVALID_OPTION', `'parquet.compression' is '${compression}'`, `It is one of ${PARQUET_COMPRESSIONS.join(', ')}.`)
  // Timestamps are 64-bit integers in UTC, in the unit that their precision asks for.
  options.one('parquet.write.int64.timestamp', ['true'])
  options.one('parquet.utc-timezone', ['true'])
  return parquetFormat(compression === undefined ? {} : { compression })
}

export function csvTable(options: TableOptions): TableFormat {
  const delimiter = options.text('csv.field-delimiter')
  const quote = options.flag('csv.disable-quote-character') ? '' : options.text('csv.quote-character')
  const escape = options.text('csv.escape-character')
  const nullLiteral = options.text('csv.null-literal')
  const arrayElementDelimiter = options.text('csv.array-element-delimiter')
  return {
    format: csvFormat({
      conversion: options.one('csv.conversion', CONVERSIONS) ?? 'flink',
      header: options.flag('csv.header'),
      allowComments: options.flag('csv.allow-comments'),
      ...(delimiter !== undefined && { delimiter: delimiter === '\\t' ? '\t' : delimiter }),
      ...(quote !== undefined && { quote }),
      ...(escape !== undefined && { escape }),
      ...(nullLiteral !== undefined && { nullLiteral }),
      ...(arrayElementDelimiter !== undefined && { arrayElementDelimiter }),
    }),
    ignoresErrors: options.flag('csv.ignore-parse-errors'),
  }
}
