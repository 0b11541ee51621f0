// The statements that would create what is there: of SHOW CREATE.

import { type CatalogEntry, type CatalogTable, type CatalogView, type DefinedColumn, type DefinedDistribution, order, type TablePath } from './catalog.ts'
import { expressionText } from './expression-text.ts'
import { longTypeText, quoted } from './type-text.ts'
import { queryText } from './view-text.ts'

/** `CREATE TABLE …`, as Flink writes it. */
export function tableText({ path, isTemporary, definition }: CatalogTable): string {
  const { columns, watermark, primaryKey, comment, distribution, partitionedBy, options } = definition
  const elements = columns.map(columnText)
  if (watermark !== undefined) elements.push(`WATERMARK FOR ${quoted(watermark.column)} AS ${expressionText(watermark.expression, watermark.origin.text)}`)
  if (primaryKey !== undefined) elements.push(`CONSTRAINT ${quoted(primaryKey.name)} PRIMARY KEY (${listed(primaryKey.columns)}) NOT ENFORCED`)
  const lines = [
    `CREATE ${isTemporary ? 'TEMPORARY ' : ''}TABLE ${pathText(path)} (`,
    elements.map((element) => `  ${element}`).join(',\n'),
    ')',
    ...commentLine(comment),
    ...(distribution === undefined ? [] : [distributionText(distribution)]),
    ...(partitionedBy.length === 0 ? [] : [`PARTITIONED BY (${listed(partitionedBy)})`]),
    ...optionLines(options),
  ]
  return `${lines.join('\n')}\n`
}

/** `CREATE VIEW …`, as Flink writes it: its query with all names written out. @throws {SqlError} `NOT_SUPPORTED` for queries that cannot be written yet. */
export function viewText(view: CatalogView): string {
  const { path, isTemporary, columns, comment } = view
  const lines = [
    `CREATE ${isTemporary ? 'TEMPORARY ' : ''}VIEW ${pathText(path)} (`,
    columns.map(({ name }) => `  ${quoted(name)}`).join(',\n'),
    ')',
    ...commentLine(comment),
    `AS ${queryText(view)}`,
  ]
  return `${lines.join('\n')}\n`
}

/** `CREATE CATALOG …`, as Flink writes it. */
export function catalogText({ name, comment, options }: CatalogEntry): string {
  return `${[`CREATE CATALOG ${quoted(name)}`, ...commentLine(comment), ...optionLines(options ?? new Map())].join('\n')}\n`
}

/** A text in quotes, as DDL writes it. */
export function ddlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What stands behind the type of metadata. */
export function metadataText({ key, isVirtual }: Extract<DefinedColumn, { readonly kind: 'metadata' }>): string {
  return `METADATA${key === undefined ? '' : ` FROM ${ddlString(key)}`}${isVirtual ? ' VIRTUAL' : ''}`
}

function columnText(column: DefinedColumn): string {
  const comment = column.comment === undefined || column.comment === '' ? '' : ` COMMENT ${ddlString(column.comment)}`
  const name = quoted(column.name)
  switch (column.kind) {
    case 'physical':
      return `${name} ${longTypeText(column.type)}${comment}`
    case 'computed':
      return `${name} AS ${expressionText(column.expression, column.origin.text)}${comment}`
    case 'metadata':
      return `${name} ${longTypeText(column.type)} ${metadataText(column)}${comment}`
  }
}

function distributionText({ kind, keys, buckets }: DefinedDistribution): string {
  const by = keys.length === 0 ? '' : ` BY ${kind ?? ''}(${listed(keys)})`
  return `DISTRIBUTED${by}${buckets === undefined ? '' : ` INTO ${buckets} BUCKETS`}`
}

function commentLine(comment: string | undefined): readonly string[] {
  return comment === undefined || comment === '' ? [] : [`COMMENT ${ddlString(comment)}`]
}

function optionLines(options: ReadonlyMap<string, string>): readonly string[] {
  if (options.size === 0) return []
  const lines = [...options].toSorted(([left], [right]) => order(left, right)).map(([key, value]) => `  ${ddlString(key)} = ${ddlString(value)}`)
  return ['WITH (', lines.join(',\n'), ')']
}

function listed(names: readonly { readonly name: string }[]): string {
  return names.map(({ name }) => quoted(name)).join(', ')
}

function pathText(path: TablePath): string {
  return path.map(quoted).join('.')
}
