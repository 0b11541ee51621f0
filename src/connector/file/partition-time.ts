// What time a partition stands for: read from the texts of its columns, as Flink's default extractor does. Pure.

import { ConnectorError, PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import { DEFAULT_PARTITION, partitionValues } from './partition-path.ts'

/** How the time of a partition is read: `partition.time-extractor.*` of Flink's file system connector. Times are UTC. */
export interface PartitionTimeExtractorOptions {
  /** A text in which `$column` stands for the value of a partition column, as in `$day $hour:00:00`. @default the value of the first column */
  readonly timestampPattern?: string
  /**
   * What that text is: `y`, `M`, `d`, `H`, `m` and `s` as often as there are digits (fractions: `S`), texts in single quotes, and other characters but
   * letters as they are.
   *
   * @default yyyy-MM-dd HH:mm:ss, where the time may be left out and numbers need no leading zeros
   */
  readonly timestampFormatter?: string
}

const KEYS: OptionKeys<PartitionTimeExtractorOptions> = { timestampPattern: true, timestampFormatter: true }
const LENIENT = /^(?<y>-?\d{1,10})-(?<M>\d{1,2})-(?<d>\d{1,2})(?: (?<H>\d{1,2}):(?<m>\d{1,2}):(?<s>\d{1,2})(?:\.(?<S>\d{1,9}))?)?$/
const FIELDS = 'yMdHmsS'
/** A run of one letter, a text in quotes, or another character. */
const FORMATTER_PART = /([A-Za-z])\1*|'((?:[^']|'')*)'|[^]/g

/** Reads the times of partitions. */
export class PartitionTime {
  readonly #columns: readonly string[]
  readonly #pattern: string | undefined
  readonly #formatter: string | undefined
  readonly #form: RegExp
  /** Every `$column` in the pattern. */
  readonly #places: RegExp
  readonly #defaultName: string

  /** @throws {PlanError} `INVALID_OPTION` */
  constructor(columns: readonly string[], options: PartitionTimeExtractorOptions, defaultName: string = DEFAULT_PARTITION) {
    refuseUnknownOptions('read the time of partitions', options, KEYS)
    const { timestampPattern, timestampFormatter } = options
    for (const [name, value] of Object.entries(options))
      if (typeof value !== 'string' || value === '')
        throw new PlanError('INVALID_OPTION', `Cannot read the time of partitions: ${name} must be a text, not ${JSON.stringify(value)}`)
    // The longest name first: $day is not $d and "ay".
    const names = columns.toSorted((left, right) => right.length - left.length).map((column) => column.replace(/[^\w]/g, '\\$&'))
    this.#columns = columns
    this.#defaultName = defaultName
    this.#pattern = timestampPattern
    this.#formatter = timestampFormatter
    this.#places = new RegExp(`\\$(${names.join('|')})`, 'g')
    this.#form = timestampFormatter === undefined ? LENIENT : formOf(timestampFormatter)
    if (timestampPattern !== undefined && timestampPattern.match(this.#places) === null)
      throw new PlanError('INVALID_OPTION', `Cannot read the time of partitions: timestampPattern "${timestampPattern}" names no column of partitionBy`, {
        hint: `Write ${columns.map((column) => `$${column}`).join(' ')} where their values are to stand.`,
      })
  }

  /**
   * The time of a partition in epoch ms; Infinity if a value that it is read from is NULL.
   *
   * @throws {ConnectorError} `INVALID_PARTITION_TIME` if the text is none.
   */
  timeMs(path: string): number {
    const values = partitionValues(path)
    let isNull = false
    const valueOf = (index: number): string => {
      if (values[index] === this.#defaultName) isNull = true
      return values[index]
    }
    const text = this.#pattern === undefined ? valueOf(0) : this.#pattern.replace(this.#places, (_, column: string) => valueOf(this.#columns.indexOf(column)))
    if (isNull) return Infinity
    const fields = this.#form.exec(text)?.groups
    const number = (field: string, otherwise: number): number => Number(fields?.[field] ?? otherwise)
    const date = new Date(0)
    date.setUTCFullYear(number('y', 1970), number('M', 1) - 1, number('d', 1))
    date.setUTCHours(number('H', 0), number('m', 0), number('s', 0), Math.floor(Number(`0.${fields?.['S'] ?? 0}`) * 1000))
    const timeMs = date.getTime()
    if (fields === undefined || Number.isNaN(timeMs))
      throw new ConnectorError(
        'INVALID_PARTITION_TIME',
        `Cannot read the time of partition "${path}": "${text}" is not ${this.#formatter ?? 'yyyy-MM-dd HH:mm:ss'}`,
        {
          hint: 'Say with timestampPattern how it is made of the columns, and with timestampFormatter what it is.',
        },
      )
    return timeMs
  }
}

/** The texts that a formatter describes. @throws {PlanError} `INVALID_OPTION` */
function formOf(formatter: string): RegExp {
  const seen = new Set<string>()
  const source = formatter.replace(FORMATTER_PART, (part, letter: string | undefined, quoted: string | undefined) => {
    if (letter === undefined) return (quoted === undefined ? part : quoted === '' ? "'" : quoted.replaceAll("''", "'")).replace(/[^\w\s]/g, '\\$&')
    const field = letter === 'u' ? 'y' : letter
    if (!FIELDS.includes(field) || seen.has(field))
      throw new PlanError(
        'INVALID_OPTION',
        `Cannot read the time of partitions: "${part}" ${seen.has(field) ? 'stands twice' : 'means nothing'} in timestampFormatter "${formatter}"`,
        {
          hint: 'Its letters are y, M, d, H, m, s and S, each once; other letters stand in single quotes.',
        },
      )
    seen.add(field)
    // One letter: as many digits as there are.
    return part.length === 1 ? `(?<${field}>\\d+)` : `(?<${field}>\\d{${part.length}})`
  })
  return new RegExp(`^${source}$`)
}
