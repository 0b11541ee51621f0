// Which catalogs, databases, tables, views and functions there are: what CREATE, ALTER and DROP change and names stand for. Of one script or session.

import { suggest } from '../base/suggest.ts'
import type { Field, LogicalType } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { fileOf } from './files/file-name.ts'
import type { LateRows } from './late-rows.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Distribution, Expression, Name, QualifiedName, Query } from './syntax-tree.ts'
import type { UserFunctionDefinition } from './user-functions.ts'
import type { TableStream } from './table-stream.ts'

const DEFAULT_CATALOG = 'default_catalog'
const DEFAULT_DATABASE = 'default_database'
/** Catalog and database that names are of until another one is used. */
export const DEFAULT_PATH = [DEFAULT_CATALOG, DEFAULT_DATABASE] as const

/** Where something was said, in which text. */
export interface Origin extends Span {
  readonly text: string
}

/** A column as it was defined. */
export type DefinedColumn = {
  readonly name: string
  readonly comment: string | undefined
  readonly origin: Origin
} & (
  | { readonly kind: 'physical'; readonly type: LogicalType }
  /** Its places are of the origin's text. */
  | { readonly kind: 'computed'; readonly expression: Expression }
  /** `key` undefined: the column's name. */
  | { readonly kind: 'metadata'; readonly type: LogicalType; readonly key: string | undefined; readonly isVirtual: boolean }
)

/** A primary key as it was defined. */
export interface DefinedKey {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly origin: Origin }[]
  readonly origin: Origin
}

/** A watermark as it was defined. */
export interface DefinedWatermark {
  readonly column: string
  /** Its places are of the origin's text. */
  readonly expression: Expression
  /** Of the column. */
  readonly origin: Origin
}

/** How a table's rows are spread over buckets. */
export interface DefinedDistribution extends Pick<Distribution, 'kind' | 'buckets'> {
  readonly keys: readonly { readonly name: string; readonly origin: Origin }[]
  readonly origin: Origin
}

/** What a table was said to be: of it a table is made, and another one when it is altered or a table is made like it. */
export interface TableDefinition {
  readonly columns: readonly DefinedColumn[]
  readonly primaryKey: DefinedKey | undefined
  readonly watermark: DefinedWatermark | undefined
  readonly partitionedBy: readonly { readonly name: string; readonly origin: Origin }[]
  readonly distribution: DefinedDistribution | undefined
  readonly options: ReadonlyMap<string, string>
  readonly comment: string | undefined
}

/** A column of a table. */
export interface CatalogColumn {
  readonly name: string
  readonly type: LogicalType
  /** What it is computed from: columns by their place among those that are not computed. Undefined: the connector reads it. */
  readonly computed: BoundExpression | undefined
  /** The key of what the connector knows of each row; undefined: the column is part of the row. */
  readonly metadataKey: string | undefined
}

/** A table, as its CREATE has said. */
export interface CatalogTable {
  readonly kind: 'table'
  readonly path: TablePath
  readonly isTemporary: boolean
  readonly definition: TableDefinition
  /** In the order of the definition. */
  readonly columns: readonly CatalogColumn[]
  readonly primaryKey: readonly string[]
  /** The time attribute, and its watermark of a row, over all columns. */
  readonly watermark: { readonly column: string; readonly expression: BoundExpression } | undefined
  readonly options: ReadonlyMap<string, string>
  /** What brings its rows, if that is a stream of the program and no connector. */
  readonly stream?: TableStream
}

/** A view: a query that stands for a table. */
export interface CatalogView {
  readonly kind: 'view'
  readonly path: TablePath
  readonly isTemporary: boolean
  /** Names for its columns; empty: those of the query. */
  readonly columnNames: readonly string[]
  /** Tables have their whole paths in it, whatever database is in use later. */
  readonly query: Query
  /** Whether all other names are written out too. */
  readonly isExpanded: boolean
  /** The text that the query's places are of. */
  readonly text: string
  /** What it was when it was created. */
  readonly columns: readonly ViewColumn[]
  readonly comment: string | undefined
}

/** A column of a view. */
export interface ViewColumn extends Field {
  readonly timeAttribute: 'ROWTIME' | 'PROCTIME' | undefined
}

/** A function that CREATE FUNCTION has named. */
export interface CatalogFunction {
  readonly name: string
  /** Of a module its path and export, as they were written. */
  readonly className: string
  readonly language: string
  readonly isTemporary: boolean
  /** Undefined: it is in a language that does not run here. */
  readonly definition: UserFunctionDefinition | undefined
}

/** Catalog, database and name. */
export type TablePath = readonly [catalog: string, database: string, name: string]

/** What is known of a database. */
export interface Database {
  readonly name: string
  comment: string | undefined
  readonly options: Map<string, string>
  readonly tables: Map<string, CatalogTable | CatalogView>
  readonly functions: Map<string, CatalogFunction>
}

/** What is known of a catalog. */
export interface CatalogEntry {
  readonly name: string
  readonly comment: string | undefined
  /** Undefined: it is there from the beginning. */
  readonly options: ReadonlyMap<string, string> | undefined
  readonly defaultDatabase: string
  readonly databases: Map<string, Database>
}

/** Makes the table of a file. @throws {SqlError} if that cannot be read. */
export type FileTables = (path: string, origin: Origin) => CatalogTable

/** The catalogs of a session. */
export class Catalog {
  #currentCatalog = DEFAULT_CATALOG
  #currentDatabase = DEFAULT_DATABASE
  readonly #catalogs = new Map([[DEFAULT_CATALOG, newCatalog(DEFAULT_CATALOG, DEFAULT_DATABASE, undefined, undefined)]])
  /** Hide the others of their path, in databases that need not be there. */
  readonly #temporary = new Map<string, CatalogTable | CatalogView>()
  readonly #temporaryFunctions = new Map<string, CatalogFunction>()
  /** Temporary system functions: without a database. */
  readonly #systemFunctions = new Map<string, CatalogFunction>()
  readonly #makeFileTable: FileTables
  /** Of one statement, by their paths. */
  readonly #files = new Map<string, CatalogTable>()
  /** What `late_rows` may read of the statement set under way. */
  lateRows: LateRows | undefined

  constructor(makeFileTable: FileTables) {
    this.#makeFileTable = makeFileTable
  }

  get currentCatalog(): string {
    return this.#currentCatalog
  }

  get currentDatabase(): string {
    return this.#currentDatabase
  }

  // ---- tables and views ----

  /** The full path of a name, whether something is there or not. @throws {SqlError} `UNKNOWN_TABLE` for a name of more than three parts. */
  fullPath(name: QualifiedName, text: string): TablePath {
    if (name.parts.length > 3) throw new SqlError('UNKNOWN_TABLE', text, name.parts[3], 'A name has three parts at most: catalog, database, name')
    const [table, database = this.#currentDatabase, catalog = this.#currentCatalog] = name.parts.map((part) => part.text).toReversed()
    return [catalog, database, table]
  }

  /** The full path of a name whose database is there. @throws {SqlError} `UNKNOWN_CATALOG`, `UNKNOWN_DATABASE` */
  pathOf(name: QualifiedName, text: string): TablePath {
    const path = this.fullPath(name, text)
    const parts = name.parts.toReversed()
    this.#databaseAt(path[0], path[1], parts[2] ?? name, parts[1] ?? name, text)
    return path
  }

  /** The table or view of a path: a temporary one first. */
  at(path: TablePath): CatalogTable | CatalogView | undefined {
    return this.#temporary.get(keyOf(path)) ?? this.#catalogs.get(path[0])?.databases.get(path[1])?.tables.get(path[2])
  }

  /** The table or view of a name. @throws {SqlError} `UNKNOWN_TABLE`, `UNKNOWN_DATABASE`, `UNKNOWN_CATALOG`; of files what {@link FileTables} throws */
  find(name: QualifiedName, text: string): CatalogTable | CatalogView {
    const path = this.fullPath(name, text)
    const file = fileOf(name)
    if (file !== undefined) return this.#fileTable(file, name, text)
    const found = this.at(path)
    if (found !== undefined) return found
    const hint = fileHint(name)
    if (hint !== undefined) throw new SqlError('UNKNOWN_TABLE', text, name, `There is no table "${path[2]}"`, hint)
    this.pathOf(name, text)
    throw this.#unknownTable('table', path, this.tablesOf(path[0], path[1]), name, text)
  }

  /**
   * The table or view of a name that ALTER may change: not a temporary one.
   *
   * @throws {SqlError} `UNKNOWN_TABLE`, `WRONG_KIND`
   */
  findPermanent(what: 'table' | 'view', name: QualifiedName, text: string): CatalogTable | CatalogView {
    const path = this.pathOf(name, text)
    const tables = this.#database(path).tables
    const found = tables.get(path[2])
    if (this.#temporary.has(keyOf(path)))
      throw new SqlError('WRONG_KIND', text, name, `"${path[2]}" is temporary, and ALTER changes what is not`, 'Drop it and create it anew.')
    if (found === undefined) throw this.#unknownTable(what, path, [...tables.values()], name, text)
    if (found.kind !== what) throw new SqlError('WRONG_KIND', text, name, `"${path[2]}" is a ${found.kind}`, `Write ALTER ${found.kind.toUpperCase()}.`)
    return found
  }

  /** A file is looked at once by each statement. */
  #fileTable(path: string, { start, end }: Span, text: string): CatalogTable {
    const table = this.#files.get(path) ?? this.#makeFileTable(path, { text, start, end })
    this.#files.set(path, table)
    return table
  }

  /** The files that the last statement has named. */
  get files(): readonly CatalogTable[] {
    return [...this.#files.values()]
  }

  /** Has files looked at anew, which may have changed since the last statement. */
  forgetFiles(): void {
    this.#files.clear()
  }

  /** Whether a name is free. @throws {SqlError} `TABLE_EXISTS` */
  isFree(path: TablePath, isTemporary: boolean, name: QualifiedName, text: string, ifNotExists: boolean): boolean {
    const found = isTemporary ? this.#temporary.get(keyOf(path)) : this.#database(path).tables.get(path[2])
    if (found === undefined) return true
    if (!ifNotExists)
      throw new SqlError('TABLE_EXISTS', text, name, `There is a ${found.kind} "${path[2]}" already`, 'Write IF NOT EXISTS to leave it as it is.')
    return false
  }

  /** Adds a table or view, or puts it in the place of one. */
  put(created: CatalogTable | CatalogView): void {
    if (created.isTemporary) this.#temporary.set(keyOf(created.path), created)
    else this.#database(created.path).tables.set(created.path[2], created)
  }

  /** Removes a table or view that is not temporary. */
  remove(path: TablePath): void {
    this.#database(path).tables.delete(path[2])
  }

  /** Removes a table or view. @throws {SqlError} `UNKNOWN_TABLE`, `WRONG_KIND` */
  drop(what: 'TABLE' | 'VIEW', isTemporary: boolean, name: QualifiedName, text: string, ifExists: boolean): void {
    const path = this.fullPath(name, text)
    const kind = what.toLowerCase()
    const temporary = this.#temporary.get(keyOf(path))
    const permanent = this.#catalogs.get(path[0])?.databases.get(path[1])?.tables
    if (!isTemporary && temporary?.kind === kind)
      throw new SqlError('WRONG_KIND', text, name, `"${path[2]}" is temporary, and hides any other`, `Write DROP TEMPORARY ${what}.`)
    const found = isTemporary ? temporary : permanent?.get(path[2])
    if (found?.kind !== kind && !ifExists) {
      if (found !== undefined) throw new SqlError('WRONG_KIND', text, name, `"${path[2]}" is a ${found.kind}`, `Write DROP ${found.kind.toUpperCase()}.`)
      if (!isTemporary) this.pathOf(name, text)
      const known = isTemporary ? this.#temporary.values() : (permanent?.values() ?? [])
      throw this.#unknownTable(
        isTemporary ? `temporary ${kind}` : kind,
        path,
        [...known].filter((one) => one.kind === kind),
        name,
        text,
      )
    }
    if (found?.kind !== kind) return
    if (isTemporary) this.#temporary.delete(keyOf(path))
    else permanent!.delete(path[2])
  }

  /** Tables and views of a database, temporary ones too, in the order of their names. */
  tablesOf(catalog: string, database: string): readonly (CatalogTable | CatalogView)[] {
    const found = new Map(this.#catalogs.get(catalog)?.databases.get(database)?.tables)
    for (const one of this.#temporary.values()) if (one.path[0] === catalog && one.path[1] === database) found.set(one.path[2], one)
    return [...found.values()].toSorted((left, right) => order(left.path[2], right.path[2]))
  }

  // ---- databases ----

  /** The database of a name. @throws {SqlError} `UNKNOWN_CATALOG`, `UNKNOWN_DATABASE` */
  findDatabase(name: QualifiedName, text: string): { readonly catalog: CatalogEntry; readonly database: Database } {
    const { catalogName, databaseName, catalogSpan, databaseSpan } = this.#databaseName(name, text)
    const database = this.#databaseAt(catalogName, databaseName, catalogSpan, databaseSpan, text)
    return { catalog: this.#catalogs.get(catalogName)!, database }
  }

  /** Adds a database. @throws {SqlError} `UNKNOWN_CATALOG`, `DATABASE_EXISTS` */
  createDatabase(name: QualifiedName, text: string, comment: string | undefined, options: ReadonlyMap<string, string>, ifNotExists: boolean): void {
    const { catalogName, databaseName, catalogSpan } = this.#databaseName(name, text)
    const { databases } = this.#catalogAt(catalogName, catalogSpan, text)
    if (!databases.has(databaseName)) databases.set(databaseName, newDatabase(databaseName, comment, options))
    else if (!ifNotExists)
      throw new SqlError('DATABASE_EXISTS', text, name, `There is a database "${databaseName}" already`, 'Write IF NOT EXISTS to leave it as it is.')
  }

  /** Removes a database. @throws {SqlError} `UNKNOWN_CATALOG`, `UNKNOWN_DATABASE`, `IN_USE`, `DATABASE_NOT_EMPTY` */
  dropDatabase(name: QualifiedName, text: string, ifExists: boolean, cascade: boolean): void {
    const { catalogName, databaseName, catalogSpan, databaseSpan } = this.#databaseName(name, text)
    const { databases } = this.#catalogAt(catalogName, catalogSpan, text)
    if (ifExists && !databases.has(databaseName)) return
    const { tables, functions } = this.#databaseAt(catalogName, databaseName, catalogSpan, databaseSpan, text)
    if (catalogName === this.#currentCatalog && databaseName === this.#currentDatabase)
      throw new SqlError('IN_USE', text, name, `The database "${databaseName}" is in use`, 'USE another one first.')
    if (!cascade && (tables.size > 0 || functions.size > 0))
      throw new SqlError(
        'DATABASE_NOT_EMPTY',
        text,
        name,
        `The database "${databaseName}" holds ${counted(tables.size, functions.size)}`,
        'Write CASCADE to drop these too.',
      )
    databases.delete(databaseName)
  }

  /** Makes a database the one whose tables have names of one part. @throws {SqlError} `UNKNOWN_CATALOG`, `UNKNOWN_DATABASE` */
  useDatabase(name: QualifiedName, text: string): void {
    const { catalog, database } = this.findDatabase(name, text)
    this.#currentCatalog = catalog.name
    this.#currentDatabase = database.name
  }

  // ---- catalogs ----

  get catalogs(): readonly CatalogEntry[] {
    return [...this.#catalogs.values()].toSorted((left, right) => order(left.name, right.name))
  }

  /** The catalog of a name. @throws {SqlError} `UNKNOWN_CATALOG` */
  findCatalog(name: Name, text: string): CatalogEntry {
    return this.#catalogAt(name.text, name, text)
  }

  /** Adds a catalog. @throws {SqlError} `CATALOG_EXISTS` */
  createCatalog(
    name: Name,
    text: string,
    given: { readonly comment: string | undefined; readonly options: ReadonlyMap<string, string>; readonly defaultDatabase: string },
    ifNotExists: boolean,
  ): void {
    if (!this.#catalogs.has(name.text)) this.#catalogs.set(name.text, newCatalog(name.text, given.defaultDatabase, given.comment, given.options))
    else if (!ifNotExists)
      throw new SqlError('CATALOG_EXISTS', text, name, `There is a catalog "${name.text}" already`, 'Write IF NOT EXISTS to leave it as it is.')
  }

  /** Removes a catalog with all that it holds. @throws {SqlError} `UNKNOWN_CATALOG`, `IN_USE` */
  dropCatalog(name: Name, text: string, ifExists: boolean): void {
    if (ifExists && !this.#catalogs.has(name.text)) return
    this.#catalogAt(name.text, name, text)
    if (name.text === this.#currentCatalog) throw new SqlError('IN_USE', text, name, `The catalog "${name.text}" is in use`, 'USE another one first.')
    this.#catalogs.delete(name.text)
  }

  /** Makes a catalog the one whose databases have names of one part, and its default database the one in use. @throws {SqlError} `UNKNOWN_CATALOG` */
  useCatalog(name: Name, text: string): void {
    const found = this.#catalogAt(name.text, name, text)
    this.#currentCatalog = found.name
    this.#currentDatabase = found.defaultDatabase
  }

  // ---- functions ----

  /** Adds a function. @throws {SqlError} `FUNCTION_EXISTS`, `UNKNOWN_DATABASE`, `UNKNOWN_CATALOG` */
  createFunction(name: QualifiedName, text: string, given: Omit<CatalogFunction, 'name'> & { readonly isSystem: boolean }, ifNotExists: boolean): void {
    const { isSystem, ...created } = given
    const { functions, key, shown } = this.#functionsAt(name, text, created.isTemporary, isSystem)
    if (!functions.has(key)) functions.set(key, { name: shown, ...created })
    else if (!ifNotExists)
      throw new SqlError('FUNCTION_EXISTS', text, name, `There is a function "${shown}" already`, 'Write IF NOT EXISTS to leave it as it is.')
  }

  /** Puts a function that is not temporary into the place of one. @throws {SqlError} `UNKNOWN_FUNCTION`, `UNKNOWN_DATABASE`, `UNKNOWN_CATALOG` */
  alterFunction(name: QualifiedName, text: string, given: Omit<CatalogFunction, 'name' | 'isTemporary'>, ifExists: boolean): void {
    const { functions, key, shown } = this.#functionsAt(name, text, false, false)
    if (functions.has(key)) functions.set(key, { name: shown, isTemporary: false, ...given })
    else if (!ifExists) throw unknownFunction(functions, shown, 'to alter', name, text)
  }

  /** Removes a function. @throws {SqlError} `UNKNOWN_FUNCTION` */
  dropFunction(name: QualifiedName, text: string, isTemporary: boolean, isSystem: boolean, ifExists: boolean): void {
    const { functions, key, shown } = this.#functionsAt(name, text, isTemporary, isSystem)
    if (functions.delete(key) || ifExists) return
    throw unknownFunction(functions, shown, 'to drop', name, text, isTemporary ? 'temporary ' : '')
  }

  /** Whether CREATE FUNCTION has named any. */
  get hasFunctions(): boolean {
    return this.functionNames.length > 0
  }

  /** The names of all functions that CREATE FUNCTION has named, of whatever database. */
  get functionNames(): readonly string[] {
    const ofDatabases = this.catalogs.flatMap(({ databases }) => [...databases.values()].flatMap(({ functions }) => [...functions.values()]))
    return [...this.#systemFunctions.values(), ...this.#temporaryFunctions.values(), ...ofDatabases].map(({ name }) => name)
  }

  /** What CREATE FUNCTION has named so; what a call with one name finds before functions that are built in. */
  findFunction(name: readonly string[]): { readonly found: CatalogFunction; readonly isSystem: boolean; readonly path: readonly string[] } | undefined {
    const [own, database = this.#currentDatabase, catalog = this.#currentCatalog] = name.map((part) => part.toLowerCase()).toReversed()
    const system = name.length === 1 ? this.#systemFunctions.get(own) : undefined
    if (system !== undefined) return { found: system, isSystem: true, path: [own] }
    const found = this.#temporaryFunctions.get(keyOf([catalog, database, own])) ?? this.#catalogs.get(catalog)?.databases.get(database)?.functions.get(own)
    return found && { found, isSystem: false, path: [catalog, database, own] }
  }

  /** Functions that CREATE FUNCTION has named: of a database, and those of none. */
  functionsOf(catalog: string, database: string): readonly CatalogFunction[] {
    const temporary = [...this.#temporaryFunctions].filter(([key]) => key.startsWith(keyOf([catalog, database, '']).slice(0, -2))).map(([, found]) => found)
    return [...this.#systemFunctions.values(), ...temporary, ...(this.#catalogs.get(catalog)?.databases.get(database)?.functions.values() ?? [])]
  }

  #functionsAt(name: QualifiedName, text: string, isTemporary: boolean, isSystem: boolean) {
    const path = this.fullPath(name, text)
    const shown = path[2].toLowerCase()
    if (isSystem) return { functions: this.#systemFunctions, key: shown, shown }
    if (isTemporary) return { functions: this.#temporaryFunctions, key: keyOf([path[0], path[1], shown]), shown }
    return { functions: this.#database(this.pathOf(name, text)).functions, key: shown, shown }
  }

  // ---- what is there ----

  #databaseName(name: QualifiedName, text: string) {
    if (name.parts.length > 2) throw new SqlError('UNKNOWN_DATABASE', text, name, "A database's name has two parts at most: catalog and database")
    const [database, catalog] = name.parts.toReversed()
    return { catalogName: catalog?.text ?? this.#currentCatalog, databaseName: database.text, catalogSpan: catalog ?? name, databaseSpan: database }
  }

  #catalogAt(catalog: string, span: Span, text: string): CatalogEntry {
    const found = this.#catalogs.get(catalog)
    if (found === undefined)
      throw new SqlError('UNKNOWN_CATALOG', text, span, `There is no catalog "${catalog}"`, meant(suggest(catalog, this.#catalogs.keys())))
    return found
  }

  #databaseAt(catalog: string, database: string, catalogSpan: Span, databaseSpan: Span, text: string): Database {
    const { databases } = this.#catalogAt(catalog, catalogSpan, text)
    const found = databases.get(database)
    if (found === undefined)
      throw new SqlError('UNKNOWN_DATABASE', text, databaseSpan, `There is no database "${database}"`, meant(suggest(database, databases.keys())))
    return found
  }

  /** Of a path whose database is there. */
  #database(path: TablePath): Database {
    return this.#catalogs.get(path[0])!.databases.get(path[1])!
  }

  #unknownTable(what: string, path: TablePath, known: readonly (CatalogTable | CatalogView)[], name: QualifiedName, text: string): SqlError {
    const near = suggest(
      path[2],
      known.map((one) => one.path[2]),
    )
    return new SqlError('UNKNOWN_TABLE', text, name, `There is no ${what} "${path[2]}"`, meant(near))
  }
}

/** For the name of a file that is not quoted: its ending looks like a table of a database. */
function fileHint({ parts }: QualifiedName): string | undefined {
  const path = parts.map((part) => part.text).join('.')
  return /\.(?:csv|tsv|json|jsonl|ndjson|parquet)(?:\.gz)?$/i.test(path) ? `A file is named in single quotes: '${path}'.` : undefined
}

/** By code units, as Flink orders names. */
export function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function unknownFunction(known: ReadonlyMap<string, CatalogFunction>, name: string, toDo: string, span: Span, text: string, which = ''): SqlError {
  const near = suggest(
    name,
    [...known.values()].map((one) => one.name),
  )
  return new SqlError('UNKNOWN_FUNCTION', text, span, `There is no ${which}function "${name}" ${toDo}`, meant(near))
}

/** A hint that names what was probably meant. */
export function meant(near: string | undefined): string | undefined {
  return near === undefined ? undefined : `Did you mean ${near}?`
}

function newDatabase(name: string, comment: string | undefined, options: ReadonlyMap<string, string>): Database {
  return { name, comment, options: new Map(options), tables: new Map(), functions: new Map() }
}

function newCatalog(name: string, defaultDatabase: string, comment: string | undefined, options: ReadonlyMap<string, string> | undefined): CatalogEntry {
  const databases = new Map([[defaultDatabase, newDatabase(defaultDatabase, undefined, new Map())]])
  return { name, comment, options, defaultDatabase, databases }
}

function counted(tables: number, functions: number): string {
  const parts = [tables > 0 ? `${tables} tables` : '', functions > 0 ? `${functions} functions` : ''].filter((part) => part !== '')
  return parts.join(' and ').replaceAll(/\b1 (\w+)s\b/g, '1 $1')
}

function keyOf(path: TablePath): string {
  return JSON.stringify(path)
}
