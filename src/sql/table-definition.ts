// Makes tables of their definitions, and checks these: columns, primary key, watermark, partitions.

import { suggest } from '../base/suggest.ts'
import { childTypesOf, formatType, type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import {
  type CatalogColumn,
  type CatalogTable,
  type DefinedColumn,
  type DefinedKey,
  meant,
  type Origin,
  type TableDefinition,
  type TablePath,
} from './catalog.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import { SqlError, type Span } from './sql-error.ts'
import { nodesOf } from './syntax-walk.ts'
import type { ColumnDefinition, CreateTable, Expression, Name, PrimaryKey, WatermarkDefinition } from './syntax-tree.ts'
import { SOURCE_WATERMARK, sourceWatermark } from './table-stream.ts'

/** Digits of a second that a time attribute may have. */
const TIME_ATTRIBUTE_PRECISION_MAX = 3

/**
 * A table of its definition.
 *
 * @throws {SqlError} as {@link ExpressionBinder}; `DUPLICATE_COLUMN`, `UNKNOWN_COLUMN`, `WRONG_TYPE`, `INVALID_KEY`, `INVALID_WATERMARK`, `INVALID_PARTITION`.
 */
export function makeTable(path: TablePath, isTemporary: boolean, definition: TableDefinition): CatalogTable {
  const { columns, primaryKey, watermark, partitionedBy, distribution, options } = definition
  checkNames(columns)
  if (primaryKey !== undefined) checkKey(primaryKey, columns)
  for (const { name, origin } of partitionedBy) checkPhysical(name, origin, columns, 'INVALID_PARTITION', 'A table is partitioned by columns that are stored')
  if (distribution !== undefined) checkDistribution(distribution, columns)
  const bound = bindColumns(columns)
  return {
    kind: 'table',
    path,
    isTemporary,
    definition,
    columns: bound,
    primaryKey: primaryKey === undefined ? [] : primaryKey.columns.map(({ name }) => name),
    watermark: watermark && { column: watermark.column, expression: bindWatermark(watermark, bound) },
    options,
  }
}

/** What a CREATE TABLE says itself, without LIKE and AS. @throws {SqlError} `INVALID_KEY` */
export function definitionOf(statement: CreateTable, text: string): TableDefinition {
  const { columns, primaryKeys, watermarks, partitionedBy, distribution, comment } = statement
  const primaryKey = keyOf(columns, primaryKeys, text)
  const defined = columns.map((column) => columnOf(column, text))
  return {
    columns: primaryKey === undefined ? defined : withKey(defined, primaryKey),
    primaryKey,
    watermark: watermarks.map((one) => watermarkOf(one, text))[0],
    partitionedBy: partitionedBy.map((name) => placed(name, text)),
    distribution: distribution && {
      ...distribution,
      keys: distribution.columns.map((name) => placed(name, text)),
      origin: originOf(statement.name, text),
    },
    options: new Map(statement.options.map(({ key, value }) => [key, value])),
    comment,
  }
}

/** A column as it was written. @throws {SqlError} `UNSUPPORTED_TYPE` */
export function columnOf(column: ColumnDefinition, text: string): DefinedColumn {
  const shared = { name: column.name.text, comment: column.comment, origin: originOf(column.name, text) }
  switch (column.kind) {
    case 'physical':
      checkStored(column.type.type, text, column.type)
      return { ...shared, kind: 'physical', type: column.type.type }
    case 'computed':
      return { ...shared, kind: 'computed', expression: column.expression }
    case 'metadata':
      checkStored(column.type.type, text, column.type)
      return { ...shared, kind: 'metadata', type: column.type.type, key: column.key, isVirtual: column.virtual }
  }
}

function checkStored(type: LogicalType, text: string, span: Span): void {
  if (type.kind === 'INTERVAL_YEAR_MONTH' || type.kind === 'INTERVAL_DAY_TIME')
    throw new SqlError('UNSUPPORTED_TYPE', text, span, 'No column holds an INTERVAL', 'Hold a BIGINT of milliseconds, or of months.')
  for (const child of childTypesOf(type)) checkStored(child.type, text, span)
}

/** The primary key of columns and constraints. @throws {SqlError} `INVALID_KEY` */
export function keyOf(columns: readonly ColumnDefinition[], constraints: readonly PrimaryKey[], text: string): DefinedKey | undefined {
  const keys = [
    ...columns.flatMap((column) =>
      column.kind === 'physical' && column.isPrimaryKey ? [{ ...column, name: column.constraintName, columns: [column.name] }] : [],
    ),
    ...constraints,
  ]
  const enforced = keys.find(({ isEnforced }) => isEnforced)
  if (enforced !== undefined)
    throw new SqlError('INVALID_KEY', text, enforced, 'A primary key is not enforced: nothing checks the rows of a connector', 'Write NOT ENFORCED behind it.')
  const [key, second] = keys
  if (second !== undefined) throw new SqlError('INVALID_KEY', text, second, 'A table has one primary key')
  if (key === undefined) return undefined
  const name = key.name?.text ?? `PK_${key.columns.map((column) => column.text).join('_')}`
  return { name, columns: key.columns.map((column) => placed(column, text)), origin: originOf(key, text) }
}

/** A watermark as it was written. */
export function watermarkOf({ column, expression }: WatermarkDefinition, text: string): NonNullable<TableDefinition['watermark']> {
  return { column: column.parts.map((part) => part.text).join('.'), expression, origin: originOf(column, text) }
}

/** The same columns; those of the key are never NULL. */
export function withKey(columns: readonly DefinedColumn[], { columns: key }: DefinedKey): readonly DefinedColumn[] {
  const isKey = (name: string): boolean => key.some((one) => one.name === name)
  return columns.map((column) => (column.kind === 'physical' && isKey(column.name) ? { ...column, type: withNullability(column.type, false) } : column))
}

/** A name with where it stands. */
export function placed(name: Name, text: string): { readonly name: string; readonly origin: Origin } {
  return { name: name.text, origin: originOf(name, text) }
}

export function originOf({ start, end }: Span, text: string): Origin {
  return { text, start, end }
}

function checkNames(columns: readonly DefinedColumn[]): void {
  const seen = new Set<string>()
  const keys = new Map<string, string>()
  for (const column of columns) {
    const { name, origin } = column
    if (seen.has(name)) throw new SqlError('DUPLICATE_COLUMN', origin.text, origin, `There are two columns "${name}"`)
    seen.add(name)
    if (column.kind !== 'metadata') continue
    const key = column.key ?? name
    const other = keys.get(key)
    if (other !== undefined)
      throw new SqlError(
        'DUPLICATE_COLUMN',
        origin.text,
        origin,
        `"${other}" and "${name}" are the same metadata "${key}"`,
        `Write "${name} AS ${other}" for a second name.`,
      )
    keys.set(key, name)
  }
}

function checkKey(key: DefinedKey, columns: readonly DefinedColumn[]): void {
  const seen = new Set<string>()
  for (const { name, origin } of key.columns) {
    checkPhysical(name, origin, columns, 'INVALID_KEY', 'A primary key has columns that are stored')
    if (seen.has(name)) throw new SqlError('INVALID_KEY', origin.text, origin, `"${name}" is twice in the primary key`)
    seen.add(name)
    const column = columns.find((one) => one.name === name)
    if (column?.kind === 'physical' && column.type.nullable)
      throw new SqlError('INVALID_KEY', origin.text, origin, `"${name}" may be NULL, and no column of a primary key may`)
  }
}

function checkPhysical(name: string, origin: Origin, columns: readonly DefinedColumn[], code: string, rule: string): void {
  const column = findColumn(name, origin, columns)
  if (column.kind !== 'physical')
    throw new SqlError(code, origin.text, origin, `${rule}, and "${name}" is ${column.kind === 'computed' ? 'computed' : 'metadata'}`)
}

function checkDistribution({ keys, buckets, origin }: NonNullable<TableDefinition['distribution']>, columns: readonly DefinedColumn[]): void {
  for (const { name, origin: at } of keys) checkPhysical(name, at, columns, 'INVALID_PARTITION', 'A table is distributed by columns that are stored')
  if (buckets === 0) throw new SqlError('INVALID_PARTITION', origin.text, origin, 'A table has one bucket at least')
}

/** The column of a name. @throws {SqlError} `UNKNOWN_COLUMN` */
export function findColumn<Column extends { readonly name: string }>(name: string, origin: Origin, columns: readonly Column[]): Column {
  const column = columns.find((one) => one.name === name)
  if (column !== undefined) return column
  const near = suggest(
    name,
    columns.map((one) => one.name),
  )
  throw new SqlError('UNKNOWN_COLUMN', origin.text, origin, `There is no column "${name}"`, meant(near))
}

/** Computed columns may name all that are not. */
function bindColumns(columns: readonly DefinedColumn[]): readonly CatalogColumn[] {
  const scope = columns.flatMap((column): ScopeColumn[] => (column.kind === 'computed' ? [] : [{ name: column.name, table: undefined, type: column.type }]))
  const computed = new Set(columns.flatMap((column) => (column.kind === 'computed' ? [column.name] : [])))
  return columns.map((column): CatalogColumn => {
    const shared = { name: column.name, computed: undefined, metadataKey: undefined }
    if (column.kind === 'physical') return { ...shared, type: column.type }
    if (column.kind === 'metadata') return { ...shared, type: column.type, metadataKey: column.key ?? column.name }
    const { expression, origin } = column
    for (const node of nodesOf(expression)) {
      if (node.kind === 'select' || node.kind === 'values' || node.kind === 'table query')
        throw new SqlError('INVALID_COLUMN', origin.text, node, 'A computed column holds no query')
      if (node.kind === 'reference' && computed.has(node.parts[0].text))
        throw new SqlError('UNKNOWN_COLUMN', origin.text, node, `"${node.parts[0].text}" is computed itself`, 'Write what it is computed from.')
    }
    const bound = new ExpressionBinder(origin.text, scope).bind(expression)
    return { ...shared, type: bound.type, computed: bound }
  })
}

function bindWatermark({ column: name, expression, origin }: NonNullable<TableDefinition['watermark']>, columns: readonly CatalogColumn[]): BoundExpression {
  const isField = name.includes('.') && columns.every((column) => column.name !== name)
  if (isField && columns.some((column) => column.name === name.split('.')[0]))
    throw new SqlError('INVALID_WATERMARK', origin.text, origin, 'A watermark is of a column, not of a field', 'Give the field a name: t AS r.t.')
  const column = findColumn(name, origin, columns)
  if (isProctime(column)) throw new SqlError('INVALID_WATERMARK', origin.text, origin, 'Processing time has no watermark')
  checkTime(column.type, origin.text, origin, `"${name}"`)
  if (isSourceWatermark(expression)) return sourceWatermark(column.type)
  const bound = new ExpressionBinder(
    origin.text,
    columns.map(({ name: own, type }) => ({ name: own, table: undefined, type })),
  ).bind(expression)
  checkTime(bound.type, origin.text, expression, 'The watermark')
  if (bound.type.kind !== column.type.kind)
    throw new SqlError('INVALID_WATERMARK', origin.text, expression, `The watermark is ${nameOf(bound.type)}, and "${name}" is ${nameOf(column.type)}`)
  return bound
}

/** Whether watermarks are those of the connector. */
function isSourceWatermark(expression: Expression): boolean {
  return (
    expression.kind === 'call' && expression.name.length === 1 && expression.name[0].text.toUpperCase() === SOURCE_WATERMARK && expression.operands.length === 0
  )
}

function checkTime(type: LogicalType, text: string, span: Span, what: string): void {
  if ((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision <= TIME_ATTRIBUTE_PRECISION_MAX) return
  const rule = `a time attribute is TIMESTAMP(p) or TIMESTAMP_LTZ(p), p at most ${TIME_ATTRIBUTE_PRECISION_MAX}`
  throw new SqlError('INVALID_WATERMARK', text, span, `${what} is ${nameOf(type)}: ${rule}`, 'Make it from a computed column: CAST(… AS TIMESTAMP(3)).')
}

function nameOf(type: LogicalType): string {
  return formatType(withNullability(type, true))
}

/** Whether a column is the time at which each row is read. */
export function isProctime({ computed }: Pick<CatalogColumn, 'computed'>): boolean {
  return computed?.kind === 'call' && computed.name === 'PROCTIME'
}
