// Makes tables of their definitions.

import { type LogicalType, withNullability } from '../batch/types.ts'
import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { CreateTable, Name } from './syntax-tree.ts'

/** A table of its definition. @throws {SqlError} as {@link ExpressionBinder} and {@link Catalog}; `DUPLICATE_COLUMN`. */
export function defineTable(statement: CreateTable, text: string, catalog: Catalog): CatalogTable {
  const error = (code: string, span: Span, message: string): SqlError => new SqlError(code, text, span, message)
  const { columns, watermarks, like, query, primaryKeys, options, name } = statement
  if (like !== undefined || query !== undefined) throw error('NOT_SUPPORTED', statement, 'Cannot plan LIKE and AS yet')
  const path = catalog.pathOf(name, text)
  const seen = new Set<string>()
  for (const { name: column } of columns) {
    if (seen.has(column.text)) throw error('DUPLICATE_COLUMN', column, `There are two columns "${column.text}"`)
    seen.add(column.text)
  }
  const primaryKey = [
    ...columns.flatMap((column) => (column.kind === 'physical' && column.isPrimaryKey ? [column.name] : [])),
    ...primaryKeys.flatMap((key) => key.columns),
  ]
  for (const key of primaryKey) if (!seen.has(key.text)) throw error('UNKNOWN_COLUMN', key, `There is no column "${key.text}" for the primary key`)
  // What identifies a row is never NULL.
  const typeOf = (column: Name, type: LogicalType): LogicalType => (primaryKey.some(({ text }) => text === column.text) ? withNullability(type, false) : type)
  // Computed columns may name all that are not.
  const physical: ScopeColumn[] = columns.flatMap((column) =>
    column.kind === 'computed' ? [] : [{ name: column.name.text, table: path[2], type: typeOf(column.name, column.type.type) }],
  )
  const binder = new ExpressionBinder(text, physical)
  const made = columns.map((column): CatalogColumn => {
    const shared = { name: column.name.text, computed: undefined, metadataKey: undefined }
    if (column.kind === 'physical') return { ...shared, type: typeOf(column.name, column.type.type) }
    if (column.kind === 'metadata') return { ...shared, type: column.type.type, metadataKey: column.key ?? column.name.text }
    const computed = binder.bind(column.expression)
    return { ...shared, type: computed.type, computed }
  })
  const [watermark] = watermarks
  const scope = made.map(({ name: column, type }) => ({ name: column, table: path[2], type }))
  return {
    kind: 'table',
    path,
    columns: made,
    primaryKey: primaryKey.map(({ text }) => text),
    watermark: watermark && {
      column: watermark.column.parts.map(({ text }) => text).join('.'),
      expression: new ExpressionBinder(text, scope).bind(watermark.expression),
    },
    options: new Map(options.map(({ key, value }) => [key, value])),
  }
}
