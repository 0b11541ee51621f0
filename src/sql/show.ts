// SHOW and DESCRIBE: what is there, as rows.

import { type Field, formatType } from '../batch/types.ts'
import { type Catalog, type CatalogFunction, type CatalogTable, type CatalogView, type DefinedColumn, order } from './catalog.ts'
import { catalogText, metadataText, tableText, viewText } from './ddl-text.ts'
import { expressionText } from './expression-text.ts'
import { fileAlias } from './files/file-name.ts'
import { FLINK_FUNCTIONS, SHOWN_FUNCTIONS } from './flink-functions.ts'
import { BOOLEAN, STRING } from './functions/scalar-function.ts'
import { likePattern } from './like.ts'
import type { Rows } from './session.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Describe, QualifiedName, Show } from './syntax-tree.ts'
import { shortTypeText } from './type-text.ts'
import { argumentsText } from './user-functions.ts'
import type { Value } from './value.ts'
import { tableTimeAttribute } from './view-definition.ts'

/** The rows of a SHOW. @throws {SqlError} `UNKNOWN_…`, `WRONG_KIND`, `NOT_SUPPORTED` */
export function show(statement: Show, text: string, catalog: Catalog): Rows {
  return new Showing(text, catalog).show(statement)
}

/** The rows of a DESCRIBE. @throws {SqlError} `UNKNOWN_…`, `NOT_SUPPORTED` */
export function describe(statement: Describe, text: string, catalog: Catalog): Rows {
  return new Showing(text, catalog).describe(statement)
}

/** The rows of a DESCRIBE of a query. */
export function describeColumns(columns: readonly Field[]): Rows {
  const described = columns.map(({ name, type }) => ({ name, type: shortTypeText(type), isNullable: type.nullable, ...NOTHING_MORE }))
  return columnRows(described)
}

class Showing {
  readonly #text: string
  readonly #catalog: Catalog

  constructor(text: string, catalog: Catalog) {
    this.#text = text
    this.#catalog = catalog
  }

  show(statement: Show): Rows {
    const { what, of, like } = statement
    const catalog = this.#catalog
    const list = (column: string, names: readonly string[]): Rows => rowsOf(column, this.#liked(like, names))
    switch (what) {
      case 'CATALOGS':
        return list(
          'catalog name',
          catalog.catalogs.map(({ name }) => name),
        )
      case 'CURRENT CATALOG':
        return rowsOf('current catalog name', [catalog.currentCatalog])
      case 'CURRENT DATABASE':
        return rowsOf('current database name', [catalog.currentDatabase])
      case 'DATABASES': {
        const { databases } = catalog.findCatalog(this.#catalogName(of, statement), this.#text)
        return list('database name', [...databases.keys()].toSorted(order))
      }
      case 'TABLES':
        return list('table name', this.#tables(of))
      case 'VIEWS':
        return list('view name', this.#tables(of, 'view'))
      case 'COLUMNS': {
        const columns = columnsOf(this.#catalog.find(of!, this.#text))
        const names = this.#liked(
          like,
          columns.map(({ name }) => name),
        )
        return columnRows(columns.filter(({ name }) => names.includes(name)))
      }
      case 'FUNCTIONS':
        return list('function name', [...new Set([...SHOWN_FUNCTIONS, ...this.#functions(of)])].toSorted(order))
      case 'USER FUNCTIONS':
        return list('function name', [...new Set(this.#functions(of))].toSorted(order))
      case 'CREATE TABLE':
      case 'CREATE VIEW':
        return rowsOf('result', [this.#created(of!, what)])
      case 'CREATE CATALOG':
        return rowsOf('result', [catalogText(this.#storedCatalog(of!))])
      case 'PARTITIONS':
        return this.#partitions(of!)
      case 'MODULES':
        return rowsOf('module name', ['core'])
      case 'FULL MODULES':
        return { columns: [field('module name'), { name: 'used', type: BOOLEAN }], rows: [['core', true]] }
      case 'JOBS':
        throw this.#error('NOT_SUPPORTED', statement, 'A session does not know of jobs', 'Ask the process that runs them.')
    }
  }

  describe(statement: Describe): Rows {
    const { what, name, extended } = statement
    switch (what) {
      case 'TABLE':
        return columnRows(columnsOf(this.#catalog.find(name, this.#text)))
      case 'CATALOG': {
        const { name: own, comment, options } = this.#storedCatalog(name)
        const others = extended ? [...options!].filter(([key]) => key !== 'type').map(([key, value]): [string, string] => [`option:${key}`, value]) : []
        return information([
          ['name', own],
          ['type', options!.get('type') ?? null],
          ['comment', comment ?? null],
          ...others.toSorted(([left], [right]) => order(left, right)),
        ])
      }
      case 'DATABASE': {
        const { database } = this.#catalog.findDatabase(name, this.#text)
        const options = extended ? [...database.options].map(([key, value]): [string, string] => [`option:${key}`, value]) : []
        return information([['name', database.name], ['comment', database.comment ?? null], ...options.toSorted(([left], [right]) => order(left, right))])
      }
      case 'FUNCTION':
        return this.#describeFunction(name, extended)
    }
  }

  #describeFunction(name: QualifiedName, extended: boolean): Rows {
    const parts = name.parts.map((part) => part.text)
    const own = this.#catalog.findFunction(parts)
    const isBuiltIn = parts.length === 1 && FLINK_FUNCTIONS.has(parts[0].toUpperCase())
    if (own === undefined && !isBuiltIn) throw this.#error('UNKNOWN_FUNCTION', name, `There is no function "${parts.join('.')}"`)
    return information([
      ['is system function', String(isBuiltIn || own?.isSystem === true)],
      ['is temporary', String(own?.found.isTemporary === true)],
      ...(extended ? this.#functionDetails(own?.found, name) : []),
    ])
  }

  /** What DESCRIBE FUNCTION EXTENDED says beside. */
  #functionDetails(own: CatalogFunction | undefined, at: Span): readonly (readonly [name: string, value: string])[] {
    const { definition } = own ?? {}
    if (own === undefined || definition === undefined)
      throw this.#error('NOT_SUPPORTED', at, 'Cannot describe functions further that are not of a module', 'Leave EXTENDED out.')
    return [
      ['class name', own.className],
      ['function language', own.language],
      ['kind', definition.kind.toUpperCase()],
      ['is deterministic', String(definition.deterministic)],
      ['signature', definition.signatures.map((one) => `${own.name}${argumentsText(one)} => ${formatType(one.returns)}`).join('\n')],
    ]
  }

  #tables(of: QualifiedName | undefined, kind?: 'view'): readonly string[] {
    const [catalogName, database] = this.#databasePath(of)
    const found = this.#catalog.tablesOf(catalogName, database)
    return found.filter((one) => kind === undefined || one.kind === kind).map((one) => one.path[2])
  }

  #databasePath(of: QualifiedName | undefined): readonly [catalog: string, database: string] {
    if (of === undefined) return [this.#catalog.currentCatalog, this.#catalog.currentDatabase]
    const { catalog, database } = this.#catalog.findDatabase(of, this.#text)
    return [catalog.name, database.name]
  }

  /** Of SHOW FUNCTIONS a database that is not there has none. */
  #functions(of: QualifiedName | undefined): readonly string[] {
    const [database = this.#catalog.currentDatabase, catalogName = this.#catalog.currentCatalog] = (of?.parts ?? []).map((part) => part.text).toReversed()
    return this.#catalog.functionsOf(catalogName, database).map(({ name }) => name)
  }

  #catalogName(of: QualifiedName | undefined, span: Span) {
    if (of !== undefined && of.parts.length > 1) throw this.#error('UNKNOWN_CATALOG', of, "A catalog's name has one part")
    return of === undefined ? { text: this.#catalog.currentCatalog, start: span.start, end: span.end } : of.parts[0]
  }

  #storedCatalog(name: QualifiedName) {
    const found = this.#catalog.findCatalog(this.#catalogName(name, name), this.#text)
    if (found.options === undefined) throw this.#error('NOT_SUPPORTED', name, `Nothing was said of the catalog "${found.name}": it is there from the beginning`)
    return found
  }

  #created(name: QualifiedName, what: 'CREATE TABLE' | 'CREATE VIEW'): string {
    const found = this.#catalog.find(name, this.#text)
    if (what !== `CREATE ${found.kind.toUpperCase()}`)
      throw this.#error('WRONG_KIND', name, `"${found.path[2]}" is a ${found.kind}`, `Write SHOW CREATE ${found.kind.toUpperCase()}.`)
    if (found.kind === 'view') return viewText(found)
    const file = fileAlias(name)
    // A statement that makes such a table of the file: who knows more about it than its first rows say changes that.
    return tableText(
      file === undefined ? found : { ...found, isTemporary: false, path: [this.#catalog.currentCatalog, this.#catalog.currentDatabase, file.text] },
    )
  }

  /** Of tables whose partitions a catalog would keep: none here does. */
  #partitions(name: QualifiedName): Rows {
    const table = this.#catalog.find(name, this.#text)
    if (table.kind === 'view' || table.definition.partitionedBy.length === 0)
      throw this.#error('WRONG_KIND', name, `"${table.path[2]}" is not partitioned`, 'CREATE TABLE … PARTITIONED BY (…) makes a table that is.')
    return rowsOf('partition name', [])
  }

  #liked(like: Show['like'], names: readonly string[]): readonly string[] {
    if (like === undefined) return names
    const isFree = like.operator === 'ILIKE'
    const folded = (word: string): string => (isFree ? word.toLowerCase() : word)
    const matches = likePattern(folded(like.pattern), '\\')
    return names.filter((name) => matches(folded(name)) !== like.not)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

/** A column as DESCRIBE shows it. */
interface DescribedColumn {
  readonly name: string
  readonly type: string
  readonly isNullable: boolean
  readonly key: string | null
  readonly extras: string | null
  readonly watermark: string | null
  readonly comment: string | undefined
}

const NOTHING_MORE = { key: null, extras: null, watermark: null, comment: undefined }

function columnsOf(found: CatalogTable | CatalogView): readonly DescribedColumn[] {
  if (found.kind === 'view')
    return found.columns.map(({ name, type, timeAttribute }) => ({
      name,
      type: attributedType(shortTypeText(type), timeAttribute),
      isNullable: type.nullable,
      ...NOTHING_MORE,
    }))
  const { columns, primaryKey, watermark } = found.definition
  return columns.map((column, index) => {
    const { name, type } = found.columns[index]
    const isKey = primaryKey?.columns.some((key) => key.name === name) === true
    return {
      name,
      type: attributedType(shortTypeText(type), tableTimeAttribute(found, index)),
      isNullable: type.nullable,
      key: isKey ? `PRI(${primaryKey.columns.map((key) => key.name).join(', ')})` : null,
      extras: extrasOf(column),
      watermark: watermark?.column === name ? expressionText(watermark.expression, watermark.origin.text) : null,
      comment: column.comment,
    }
  })
}

function attributedType(type: string, attribute: string | undefined): string {
  return attribute === undefined ? type : `${type} *${attribute}*`
}

function extrasOf(column: DefinedColumn): string | null {
  switch (column.kind) {
    case 'physical':
      return null
    case 'computed':
      return `AS ${expressionText(column.expression, column.origin.text)}`
    case 'metadata':
      return metadataText(column)
  }
}

/** With a column of comments if there is one. */
function columnRows(described: readonly DescribedColumn[]): Rows {
  const columns = ['name', 'type', 'null', 'key', 'extras', 'watermark'].map((name): Field => (name === 'null' ? { name, type: BOOLEAN } : field(name)))
  const hasComments = described.some(({ comment }) => comment !== undefined)
  const rows = described.map(({ name, type, isNullable, key, extras, watermark, comment }): Value[] => [
    ...[name, type, isNullable, key, extras, watermark],
    ...(hasComments ? [comment ?? null] : []),
  ])
  return { columns: hasComments ? [...columns, field('comment')] : columns, rows }
}

function information(rows: readonly (readonly [name: string, value: string | null])[]): Rows {
  return { columns: [field('info name'), field('info value')], rows }
}

function rowsOf(column: string, values: readonly string[]): Rows {
  return { columns: [field(column)], rows: values.map((value) => [value]) }
}

function field(name: string): Field {
  return { name, type: STRING }
}
