// What the statements of a script have said so far: tables, options; and what the next one means.

import type { LogicalPlan } from './logical-plan.ts'
import { Catalog, type CatalogView } from './catalog.ts'
import { QueryBinder } from './query-binder.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { CreateView, Statement } from './syntax-tree.ts'
import { defineTable } from './table-definition.ts'

/** A script or an interactive session, statement by statement. */
export class SqlSession {
  readonly catalog = new Catalog()
  /** What SET has said. */
  readonly options = new Map<string, string>()

  /**
   * Does what a statement says.
   *
   * @param text The text that the statement's places are of.
   * @returns The plan of a query; undefined for statements that answer nothing.
   * @throws {SqlError} as {@link QueryBinder}.
   * @example
   * const text = "CREATE VIEW v AS SELECT 1 AS a; SELECT a + 1 FROM v"
   * const [view, query] = parseScript(text)
   * session.execute(view, text)
   * session.execute(query, text) // a plan with the column EXPR$0 INT NOT NULL
   */
  execute(statement: Statement, text: string): LogicalPlan | undefined {
    const { catalog } = this
    switch (statement.kind) {
      case 'query':
        return new QueryBinder(text, catalog).bind(statement.query)
      case 'create table': {
        const { name, ifNotExists } = statement
        catalog.create(defineTable(statement, text, catalog), name, text, ifNotExists)
        return undefined
      }
      case 'create view':
        catalog.create(this.#view(statement, text), statement.name, text, statement.ifNotExists)
        return undefined
      case 'drop':
        if (statement.what !== 'TABLE' && statement.what !== 'VIEW') throw notYet(text, statement, `DROP ${statement.what}`)
        catalog.drop(statement.what, statement.name, text, statement.ifExists)
        return undefined
      case 'set':
        if (statement.key === undefined || statement.value === undefined) throw notYet(text, statement, 'SET without a key')
        this.options.set(statement.key, statement.value)
        return undefined
      case 'reset':
        if (statement.key === undefined) this.options.clear()
        else this.options.delete(statement.key)
        return undefined
      default:
        throw notYet(text, statement, statement.kind.toUpperCase())
    }
  }

  #view(statement: CreateView, text: string): CatalogView {
    const { name, columns, query } = statement
    // It must have a meaning now, whoever asks for it later.
    const plan = new QueryBinder(text, this.catalog).bind(query)
    if (columns.length > 0 && columns.length !== plan.columns.length)
      throw new SqlError('WRONG_COLUMN_COUNT', text, columns[0], `${columns.length} names stand for ${plan.columns.length} columns`)
    return { kind: 'view', path: this.catalog.pathOf(name, text), columnNames: columns.map((column) => column.text), query, text }
  }
}

function notYet(text: string, span: Span, what: string): SqlError {
  return new SqlError('NOT_SUPPORTED', text, span, `Cannot run ${what} yet`)
}
