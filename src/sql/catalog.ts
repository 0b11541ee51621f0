// Which tables, views and databases there are: what CREATE and DROP change and names stand for. Of one script or session.

import { suggest } from '../base/suggest.ts'
import type { LogicalType } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { SqlError } from './sql-error.ts'
import type { QualifiedName, Query } from './syntax-tree.ts'

const DEFAULT_CATALOG = 'default_catalog'
const DEFAULT_DATABASE = 'default_database'

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
  readonly columns: readonly CatalogColumn[]
  readonly primaryKey: readonly string[]
  /** The time attribute and what is subtracted from it for the watermark. */
  readonly watermark: { readonly column: string; readonly expression: BoundExpression } | undefined
  readonly options: ReadonlyMap<string, string>
}

/** A view: a query that stands for a table. */
export interface CatalogView {
  readonly kind: 'view'
  readonly path: TablePath
  /** Names for its columns; empty: those of the query. */
  readonly columnNames: readonly string[]
  readonly query: Query
  /** The text that the query's places are of. */
  readonly text: string
}

/** Catalog, database and name. */
export type TablePath = readonly [catalog: string, database: string, name: string]

/** The catalogs of a session. */
export class Catalog {
  #currentCatalog = DEFAULT_CATALOG
  #currentDatabase = DEFAULT_DATABASE
  readonly #databases = new Map<string, Set<string>>([[DEFAULT_CATALOG, new Set([DEFAULT_DATABASE])]])
  readonly #tables = new Map<string, CatalogTable | CatalogView>()

  get currentCatalog(): string {
    return this.#currentCatalog
  }

  get currentDatabase(): string {
    return this.#currentDatabase
  }

  /** The full path of a name. @throws {SqlError} `UNKNOWN_DATABASE` */
  pathOf(name: QualifiedName, text: string): TablePath {
    const parts = name.parts.map((part) => part.text)
    const [table, database = this.#currentDatabase, catalog = this.#currentCatalog] = parts.toReversed()
    const databases = this.#databases.get(catalog)
    if (databases === undefined) throw this.#unknown('catalog', catalog, this.#databases.keys(), name, text)
    if (!databases.has(database)) throw this.#unknown('database', database, databases, name, text)
    return [catalog, database, table]
  }

  /** The table or view of a name. @throws {SqlError} `UNKNOWN_TABLE`, `UNKNOWN_DATABASE` */
  find(name: QualifiedName, text: string): CatalogTable | CatalogView {
    const path = this.pathOf(name, text)
    const found = this.#tables.get(keyOf(path))
    if (found !== undefined) return found
    const [catalog, database] = path
    const known = [...this.#tables.values()].filter((one) => one.path[0] === catalog && one.path[1] === database).map((one) => one.path[2])
    const near = suggest(path[2], known)
    throw new SqlError('UNKNOWN_TABLE', text, name, `There is no table "${path[2]}"`, near === undefined ? undefined : `Did you mean ${near}?`)
  }

  /** Adds a table or view. @throws {SqlError} `TABLE_EXISTS` */
  create(created: CatalogTable | CatalogView, name: QualifiedName, text: string, ifNotExists: boolean): void {
    const key = keyOf(created.path)
    if (!this.#tables.has(key)) this.#tables.set(key, created)
    else if (!ifNotExists)
      throw new SqlError('TABLE_EXISTS', text, name, `There is a table "${created.path[2]}" already`, 'Write IF NOT EXISTS to leave it as it is.')
  }

  /** Removes a table or view. @throws {SqlError} `UNKNOWN_TABLE`, `WRONG_KIND` */
  drop(what: 'TABLE' | 'VIEW', name: QualifiedName, text: string, ifExists: boolean): void {
    const path = this.pathOf(name, text)
    const found = this.#tables.get(keyOf(path))
    if (found === undefined) {
      if (!ifExists) this.find(name, text)
      return
    }
    if (found.kind !== what.toLowerCase())
      throw new SqlError('WRONG_KIND', text, name, `"${path[2]}" is a ${found.kind}`, `Write DROP ${found.kind.toUpperCase()}.`)
    this.#tables.delete(keyOf(path))
  }

  /** Names of tables and views of the current database, in their order. */
  tableNames(kind?: 'view'): readonly string[] {
    return [...this.#tables.values()]
      .filter((one) => one.path[0] === this.#currentCatalog && one.path[1] === this.#currentDatabase && (kind === undefined || one.kind === kind))
      .map((one) => one.path[2])
      .toSorted()
  }

  #unknown(what: string, wanted: string, known: Iterable<string>, name: QualifiedName, text: string): SqlError {
    const near = suggest(wanted, known)
    return new SqlError(
      `UNKNOWN_${what.toUpperCase()}`,
      text,
      name,
      `There is no ${what} "${wanted}"`,
      near === undefined ? undefined : `Did you mean ${near}?`,
    )
  }
}

function keyOf(path: TablePath): string {
  return JSON.stringify(path)
}
