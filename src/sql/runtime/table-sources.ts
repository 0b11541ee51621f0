// The sources of tables: which connector and format a table's options ask for.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import type { Field, LogicalType, Schema } from '../../batch/types.ts'
import { fileSource } from '../../connector/file/file-source.ts'
import { nexmarkSource } from '../../connector/nexmark/nexmark-source.ts'
import { nexmarkTableOptions } from '../../connector/nexmark/nexmark-options.ts'
import { csvFormat } from '../../format/csv/csv-format.ts'
import { jsonFormat } from '../../format/json/json-format.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { Source } from '../../operator/source.ts'
import type { CatalogTable } from '../catalog.ts'

/** A table's source, and what its records are. */
export interface TableSource {
  readonly source: Source
  /** `debezium`: records are changes, with what a row was and what it is. */
  readonly envelope: 'none' | 'debezium'
}

const CONNECTORS = ['filesystem', 'datagen', 'nexmark', 'print', 'blackhole', 'sqlite', 'postgres']
const FORMATS = ['json', 'csv', 'debezium-json']

/** The options of one table, each of which has to be asked for. */
class TableOptions {
  readonly #table: string
  readonly #options: ReadonlyMap<string, string>
  readonly #known = new Set<string>()

  constructor(table: CatalogTable) {
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

  one<T extends string>(key: string, values: readonly T[]): T | undefined {
    const text = this.text(key)
    return text === undefined || values.includes(text as T)
      ? (text as T | undefined)
      : this.fail('INVALID_OPTION', `'${key}' is '${text}'`, `It is one of ${values.join(', ')}.`)
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
    throw new PlanError(code, `Cannot read table "${this.#table}": ${reason}`, { hint })
  }
}

/**
 * The source of a table.
 *
 * @param schema Its physical columns.
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, and what the connector throws.
 */
export function tableSource(table: CatalogTable, schema: Schema, makeSchema: (fields: readonly Field[]) => Schema): TableSource {
  const options = new TableOptions(table)
  const connector = options.require('connector')
  switch (connector) {
    case 'filesystem':
      return fileTable(options, schema, makeSchema)
    case 'nexmark':
      return { source: nexmarkSource(nexmarkTableOptions(Object.fromEntries(table.options))), envelope: 'none' }
    case 'print':
    case 'blackhole':
      return options.fail('NOT_A_SOURCE', `connector '${connector}' only takes rows`, 'Read another table, or INSERT INTO this one.')
    default: {
      if (CONNECTORS.includes(connector)) throw new PlanError('NOT_SUPPORTED', `Cannot read tables of connector '${connector}' yet`)
      const near = suggest(connector, CONNECTORS)
      return options.fail(
        'UNKNOWN_CONNECTOR',
        `there is no connector '${connector}'`,
        near === undefined ? `There are ${CONNECTORS.join(', ')}.` : `Did you mean '${near}'?`,
      )
    }
  }
}

function fileTable(options: TableOptions, schema: Schema, makeSchema: (fields: readonly Field[]) => Schema): TableSource {
  const path = options.require('path').replace(/^file:\/\//, '')
  const name = options.require('format')
  if (!FORMATS.includes(name)) {
    const near = suggest(name, FORMATS)
    options.fail('UNKNOWN_FORMAT', `there is no format '${name}'`, near === undefined ? `There are ${FORMATS.join(', ')}.` : `Did you mean '${near}'?`)
  }
  options.text('source.monitor-interval')
  const format = name === 'csv' ? csvTable(options) : jsonTable(options, name === 'json' ? 'json' : 'debezium-json')
  // Of formats many options are no concern of readers.
  options.refuseOthers((key) => /^(?:json|csv|debezium-json|sink|source|partition|auto-compaction|compaction)\./.test(key))
  const isDebezium = name === 'debezium-json'
  const source = fileSource({
    path,
    format: format.format,
    schema: isDebezium ? envelopeOf(schema, makeSchema) : schema,
    onBadRecord: format.ignoresErrors ? 'null' : 'fail',
  })
  return { source, envelope: isDebezium ? 'debezium' : 'none' }
}

function envelopeOf(schema: Schema, makeSchema: (fields: readonly Field[]) => Schema): Schema {
  const row: LogicalType = { kind: 'ROW', fields: schema.fields, nullable: true }
  return makeSchema([
    { name: 'before', type: row },
    { name: 'after', type: row },
    { name: 'op', type: { kind: 'VARCHAR', length: 2_147_483_647, nullable: true } },
  ])
}

interface TableFormat {
  readonly format: LineFormat
  readonly ignoresErrors: boolean
}

function jsonTable(options: TableOptions, prefix: string): TableFormat {
  const failOnMissingField = options.flag(`${prefix}.fail-on-missing-field`)
  const ignoresErrors = options.flag(`${prefix}.ignore-parse-errors`)
  if (failOnMissingField && ignoresErrors)
    options.fail('INVALID_OPTION', `'${prefix}.fail-on-missing-field' and '${prefix}.ignore-parse-errors' are both true`, 'Leave one of them out.')
  const timestampFormat = options.one(`${prefix}.timestamp-format.standard`, ['SQL', 'ISO-8601'])
  return { format: jsonFormat({ conversion: 'flink', failOnMissingField, ...(timestampFormat && { timestampFormat }) }), ignoresErrors }
}

function csvTable(options: TableOptions): TableFormat {
  const delimiter = options.text('csv.field-delimiter')
  const quote = options.flag('csv.disable-quote-character') ? '' : options.text('csv.quote-character')
  const escape = options.text('csv.escape-character')
  const nullLiteral = options.text('csv.null-literal')
  const arrayElementDelimiter = options.text('csv.array-element-delimiter')
  return {
    format: csvFormat({
      conversion: 'flink',
      header: false,
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
