// What the statements of a script have said so far: tables, options; and what the next one means.

import { STRING } from './functions/scalar-function.ts'
import type { Field } from '../batch/types.ts'
import { Catalog, type CatalogTable, type CatalogView, meant, type Origin, type TablePath } from './catalog.ts'
import { PlanError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import type { BoundExpression } from './bound-expression.ts'
import { type CopyTarget, copyTarget } from './files/copy-target.ts'
import { fileTable, type StandardInput } from './files/file-table.ts'
import { FunctionModules, isModuleLanguage, languageOf } from './function-modules.ts'
import { withFunctions } from './function-names.ts'
import { refuseOptions } from './hints.ts'
import { assignColumns, bindInsert, type InsertPlan, writtenColumns } from './insert-binder.ts'
import { LateRows, readsLateRows } from './late-rows.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { QueryBinder } from './query-binder.ts'
import { shortenNames } from './qualified-names.ts'
import { withRanks } from './rank-rule.ts'
import { describe, describeColumns, show } from './show.ts'
import { SqlError, type Span } from './sql-error.ts'
import { parseName } from './statement-parser.ts'
import { tablesOf } from './syntax-walk.ts'
import type {
  AlterFunction,
  AlterTable,
  AlterView,
  CreateCatalog,
  CreateFunction,
  CreateTable,
  Drop,
  Explain,
  ExplainDetail,
  Insert,
  Option,
  QualifiedName,
  SetOption,
  Statement,
  Use,
} from './syntax-tree.ts'
import { alterTable } from './table-alteration.ts'
import { definitionOf, makeTable } from './table-definition.ts'
import { likeTable, tableAsQuery } from './table-merge.ts'
import type { Value } from './value.ts'
import { isUserFunction, type UserFunctionDefinition } from './user-functions.ts'
import { makeView } from './view-definition.ts'

/** Rows that a statement answers without running anything. */
export interface Rows {
  readonly columns: readonly Field[]
  readonly rows: readonly (readonly Value[])[]
}

/** What EXPLAIN takes. */
export type ExplainedResult = Extract<StatementResult, { readonly kind: 'query' | 'insert' | 'execute plan' }>

/** What a statement comes to. */
export type StatementResult =
  | ({ readonly kind: 'rows' } & Rows)
  /** To be run, for its rows. */
  | { readonly kind: 'query'; readonly plan: LogicalPlan }
  /** To be run together. */
  | { readonly kind: 'insert'; readonly inserts: readonly InsertPlan[] }
  /** To be planned, and the plan written; also to be run if `execute`. */
  | {
      readonly kind: 'compile plan'
      readonly path: string
      readonly ifNotExists: boolean
      readonly execute: boolean
      readonly inserts: readonly InsertPlan[]
      readonly origin: Origin
    }
  /** To be run as the plan in a file says. */
  | { readonly kind: 'execute plan'; readonly path: string; readonly origin: Origin }
  /** To be planned, and shown. */
  | { readonly kind: 'explain'; readonly of: ExplainedResult; readonly details: ReadonlySet<ExplainDetail['of']> }
  /** To be run, for what its rows have in common. */
  | { readonly kind: 'summarize'; readonly plan: LogicalPlan }
  /** To be run, and written to a file. */
  | { readonly kind: 'copy'; readonly plan: LogicalPlan; readonly target: CopyTarget; readonly origin: Origin }
  | { readonly kind: 'done' }

const DONE: StatementResult = { kind: 'done' }
/** Of a catalog that is held in memory. */
const CATALOG_TYPE = 'generic_in_memory'
const CATALOG_OPTIONS = ['type', 'default-database', 'property-version']

/** A script or an interactive session, statement by statement. */
export class SqlSession {
  readonly catalog: Catalog
  /** What SET has said. */
  readonly options = new Map<string, string>()
  /** The modules that CREATE FUNCTION may name. */
  readonly modules: FunctionModules

  /** @param input What `FROM '-'` finds, if jobs run on this thread. */
  constructor(input?: StandardInput, modules: FunctionModules = new FunctionModules()) {
    this.catalog = new Catalog((path, origin) => fileTable(path, origin, input))
    this.modules = modules
  }

  /** Loads the modules that statements name as functions, for {@link execute}, which finds what is wrong with them. */
  async load(statements: readonly Statement[]): Promise<void> {
    await this.modules.load(statements)
  }

  /**
   * Gives a name to a function of the program, of which one may be made in its place later: in the database that is in use, or in the one that the
   * name says. `createTemporarySystemFunction` has no database, and comes before functions that are built in.
   *
   * @throws {PlanError} `FUNCTION_EXISTS`, `INVALID_FUNCTION`; {@link SqlError} `SYNTAX_ERROR` if it is no name.
   * @example
   * session.createTemporaryFunction('shout', scalarFunction({ arguments: [t.string()], returns: t.string(), eval: (text) => `${text}!` }))
   * const text = "SELECT shout('hello')"
   * session.execute(parseScript(text)[0], text) // { kind: 'query', plan }
   */
  createTemporaryFunction(name: string, definition: UserFunctionDefinition): void {
    this.#register(name, definition, false)
  }

  /** As {@link createTemporaryFunction}. */
  createTemporarySystemFunction(name: string, definition: UserFunctionDefinition): void {
    this.#register(name, definition, true)
  }

  #register(name: string, definition: UserFunctionDefinition, isSystem: boolean): void {
    if (!isUserFunction(definition))
      throw new PlanError('INVALID_FUNCTION', `Cannot register "${name}": it is no function that scalarFunction() and the like have made`)
    const given = { className: 'a function of the program', language: 'TYPESCRIPT', isTemporary: true, isSystem, definition }
    this.catalog.createFunction(parseName(name), name, given, false)
  }

  /**
   * Does what a statement says, as far as nothing has to run.
   *
   * @param text The text that the statement's places are of.
   * @throws {SqlError} `UNKNOWN_…`, `…_EXISTS`, `WRONG_…`, `INVALID_…`, `NOT_SUPPORTED`, with the place of what is wrong.
   * @example
   * const text = "CREATE VIEW v AS SELECT 1 AS a; SELECT a + 1 FROM v"
   * const [view, query] = parseScript(text)
   * session.execute(view, text) // { kind: 'done' }
   * session.execute(query, text) // { kind: 'query', plan }, of a column EXPR$0 INT NOT NULL
   */
  execute(statement: Statement, text: string): StatementResult {
    this.catalog.forgetFiles()
    return new Execution(this.catalog, this.options, this.modules, text).execute(withFunctions(statement, this.catalog, text))
  }
}

/** One statement. */
class Execution {
  readonly #catalog: Catalog
  readonly #options: Map<string, string>
  readonly #modules: FunctionModules
  readonly #text: string

  constructor(catalog: Catalog, options: Map<string, string>, modules: FunctionModules, text: string) {
    this.#catalog = catalog
    this.#options = options
    this.#modules = modules
    this.#text = text
  }

  execute(given: Statement): StatementResult {
    refuseOptions(given, this.#options, this.#text)
    const statement = 'query' in given && given.query !== undefined ? { ...given, query: shortenNames(given.query, this.#catalog, this.#text) } : given
    const [catalog, text] = [this.#catalog, this.#text]
    switch (statement.kind) {
      case 'query':
        return { kind: 'query', plan: new QueryBinder(text, catalog).bind(statement.query) }
      case 'insert':
        return { kind: 'insert', inserts: [this.#insert(statement)] }
      case 'statement set':
        return { kind: 'insert', inserts: this.#statementSet(statement.inserts) }
      case 'describe':
        return { kind: 'rows', ...describe(statement, text, catalog) }
      case 'describe query':
        return { kind: 'rows', ...describeColumns(new QueryBinder(text, catalog).bind(statement.query).columns) }
      case 'show':
        return { kind: 'rows', ...show(statement, text, catalog) }
      case 'create table':
        return this.#createTable(statement)
      case 'set':
        return this.#set(statement)
      case 'explain':
        return this.#explain(statement)
      case 'summarize':
        return { kind: 'summarize', plan: new QueryBinder(text, catalog).bind(statement.query) }
      case 'copy':
        return {
          kind: 'copy',
          target: copyTarget(statement, text),
          plan: new QueryBinder(text, catalog).bind(statement.query),
          origin: { text, start: statement.query.start, end: statement.query.end },
        }
      case 'compile plan': {
        const { path, ifNotExists, execute, statement: of } = statement
        const inserts = this.#statementSet(of.kind === 'insert' ? [of] : of.inserts)
        return { kind: 'compile plan', path, ifNotExists, execute, inserts, origin: { text, start: statement.start, end: statement.end } }
      }
      case 'execute plan':
        return { kind: 'execute plan', path: statement.path, origin: { text, start: statement.start, end: statement.end } }
      default:
        this.#change(statement)
        return DONE
    }
  }

  #explain({ statement, details }: Explain): StatementResult {
    if (statement.kind !== 'query' && statement.kind !== 'insert' && statement.kind !== 'statement set' && statement.kind !== 'execute plan')
      throw this.#error('NOT_SUPPORTED', statement, 'EXPLAIN takes a query, an INSERT, a STATEMENT SET or EXECUTE PLAN')
    const costs = details.find(({ of }) => of === 'ESTIMATED_COST')
    if (costs !== undefined)
      throw this.#error(
        'NOT_SUPPORTED',
        costs,
        'There are no costs to show: nothing is known of tables before they are read',
        'EXPLAIN takes CHANGELOG_MODE, JSON_EXECUTION_PLAN and PLAN_ADVICE.',
      )
    return { kind: 'explain', of: this.execute(statement) as ExplainedResult, details: new Set(details.map(({ of }) => of)) }
  }

  #insert(insert: Insert): InsertPlan {
    return bindInsert({ ...insert, query: shortenNames(insert.query, this.#catalog, this.#text) }, this.#text, this.#catalog)
  }

  /** INSERTs that run together. What reads rows that come too late for others is bound behind these. */
  #statementSet(inserts: readonly Insert[]): readonly InsertPlan[] {
    if (!inserts.some(readsLateRows)) return inserts.map((insert) => this.#insert(insert))
    const judged = inserts.map((insert) => {
      if (readsLateRows(insert)) return undefined
      const bound = this.#insert(insert)
      return { ...bound, plan: withRanks(bound.plan) }
    })
    const lateRows = new LateRows(judged.flatMap((bound) => (bound === undefined ? [] : [{ table: bound.table.path.join('.'), plan: bound.plan }])))
    this.#catalog.lateRows = lateRows
    try {
      const reading = judged.map((bound, index) => bound ?? this.#insert(inserts[index]))
      return reading.map((bound) => ({ ...bound, plan: lateRows.marked(bound.plan) }))
    } finally {
      this.#catalog.lateRows = undefined
    }
  }

  /** Statements that answer nothing. */
  #change(
    statement: Exclude<
      Statement,
      {
        readonly kind:
          | 'query'
          | 'insert'
          | 'statement set'
          | 'describe'
          | 'show'
          | 'set'
          | 'explain'
          | 'compile plan'
          | 'execute plan'
          | 'summarize'
          | 'copy'
          | 'describe query'
      }
    >,
  ): void {
    const [catalog, text] = [this.#catalog, this.#text]
    switch (statement.kind) {
      case 'create table':
        this.#createTable(statement)
        return
      case 'create view': {
        const { name, temporary } = statement
        const path = this.#newPath(name, temporary)
        const view = makeView(path, temporary, statement, text, catalog)
        if (catalog.isFree(path, temporary, name, text, statement.ifNotExists)) catalog.put(view)
        return
      }
      case 'create function':
        return this.#createFunction(statement)
      case 'alter function':
        return this.#alterFunction(statement)
      case 'create catalog':
        return this.#createCatalog(statement)
      case 'create database':
        return catalog.createDatabase(statement.name, text, statement.comment, optionsOf(statement.options), statement.ifNotExists)
      case 'drop':
        return this.#drop(statement)
      case 'alter table':
        return this.#alterTable(statement)
      case 'alter view':
        return this.#alterView(statement)
      case 'alter database': {
        const { database } = catalog.findDatabase(statement.name, text)
        for (const { key, value } of statement.options) database.options.set(key, value)
        return
      }
      case 'use':
        return this.#use(statement)
      case 'reset':
        if (statement.key === undefined) this.#options.clear()
        else this.#options.delete(statement.key)
    }
  }

  // ---- tables and views ----

  #createTable(statement: CreateTable): StatementResult {
    const { name, temporary, ifNotExists, like, query } = statement
    const [catalog, text] = [this.#catalog, this.#text]
    const path = this.#newPath(name, temporary)
    if (query !== undefined) return this.#createAsQuery(statement, path)
    const definition = like === undefined ? definitionOf(statement, text) : likeTable(statement, like, this.#base(like.table), text)
    const table = makeTable(path, temporary, definition)
    if (catalog.isFree(path, temporary, name, text, ifNotExists)) catalog.put(table)
    return DONE
  }

  #base(name: QualifiedName): CatalogTable {
    const base = this.#catalog.find(name, this.#text)
    if (base.kind === 'view') throw this.#error('WRONG_KIND', name, `"${base.path[2]}" is a view, and a table is made like a table`)
    return base
  }

  #createAsQuery(statement: CreateTable, path: TablePath): StatementResult {
    const { name, temporary, ifNotExists } = statement
    const [catalog, text, query] = [this.#catalog, this.#text, statement.query!]
    const plan = new QueryBinder(text, catalog).bind(query)
    const { definition, sources } = tableAsQuery(statement, plan, text)
    const table = makeTable(path, temporary, definition)
    if (!catalog.isFree(path, temporary, name, text, ifNotExists)) return DONE
    const { start, end } = query
    const sourceOf = (column: string): BoundExpression | undefined => {
      const index = sources.get(column)
      return index === undefined ? undefined : { kind: 'column', index, type: plan.columns[index].type, start, end }
    }
    const insert: InsertPlan = {
      table,
      plan: assignColumns(plan, writtenColumns(table), sourceOf, query, text),
      columns: undefined,
      partition: new Map(),
      isOverwrite: false,
      onConflict: undefined,
      origin: { text, start: name.start, end: name.end },
    }
    catalog.put(table)
    return { kind: 'insert', inserts: [insert] }
  }

  /** Temporary tables stand in databases that need not be there. */
  #newPath(name: QualifiedName, temporary: boolean): TablePath {
    return temporary ? this.#catalog.fullPath(name, this.#text) : this.#catalog.pathOf(name, this.#text)
  }

  #drop(statement: Drop): void {
    const { what, name, temporary, system, ifExists, cascade } = statement
    const [catalog, text] = [this.#catalog, this.#text]
    switch (what) {
      case 'TABLE':
      case 'VIEW':
        return catalog.drop(what, temporary, name, text, ifExists)
      case 'FUNCTION':
        return catalog.dropFunction(name, text, temporary || system, system, ifExists)
      case 'DATABASE':
        return catalog.dropDatabase(name, text, ifExists, cascade)
      case 'CATALOG':
        return catalog.dropCatalog(this.#singleName(name), text, ifExists)
    }
  }

  #alterTable(statement: AlterTable): void {
    const { name, action, ifExists } = statement
    const [catalog, text] = [this.#catalog, this.#text]
    if (ifExists && catalog.at(catalog.fullPath(name, text)) === undefined) return
    const table = catalog.findPermanent('table', name, text) as CatalogTable
    if (action.kind === 'rename') this.#rename(table, action.to)
    else catalog.put(alterTable(table, action, statement, text))
  }

  #alterView(statement: AlterView): void {
    const { name, action } = statement
    const view = this.#catalog.findPermanent('view', name, this.#text) as CatalogView
    if (action.kind === 'rename') {
      this.#rename(view, action.to)
      return
    }
    const { comment, path } = view
    const altered = makeView(path, false, { columns: [], query: shortenNames(action.query, this.#catalog, this.#text), comment }, this.#text, this.#catalog)
    if (this.#reads(altered, path, new Set())) throw this.#error('RECURSIVE_VIEW', action.query, `View "${path[2]}" would read itself`)
    this.#catalog.put(altered)
  }

  /** Whether a view reads a table or view, itself or through others. */
  #reads({ query, text }: CatalogView, path: TablePath, seen: Set<CatalogView>): boolean {
    return tablesOf(query).some((name) => {
      const found = this.#catalog.at(this.#catalog.fullPath(name, text))
      if (found?.kind !== 'view' || seen.has(found)) return false
      seen.add(found)
      return found.path.every((part, index) => part === path[index]) || this.#reads(found, path, seen)
    })
  }

  #rename(renamed: CatalogTable | CatalogView, to: QualifiedName): void {
    const [catalog, text] = [this.#catalog, this.#text]
    const [catalogName, database] = renamed.path
    const { parts } = to
    const path = parts.length === 1 ? ([catalogName, database, parts[0].text] as const) : catalog.pathOf(to, text)
    if (path[0] !== catalogName || path[1] !== database)
      throw this.#error('NOT_SUPPORTED', to, 'A new name is of the same database', `Write RENAME TO ${path[2]}.`)
    catalog.isFree(path, false, to, text, false)
    catalog.remove(renamed.path)
    catalog.put({ ...renamed, path })
  }

  // ---- catalogs, databases, functions ----

  #createCatalog(statement: CreateCatalog): void {
    const { name, comment, ifNotExists } = statement
    const options = optionsOf(statement.options)
    const type = statement.options.find(({ key }) => key === 'type')
    if (type === undefined) throw this.#error('INVALID_OPTION', name, 'A catalog has a type', `Write WITH ('type' = '${CATALOG_TYPE}').`)
    if (type.value !== CATALOG_TYPE) throw this.#error('INVALID_OPTION', type, `There is no type of catalog "${type.value}"`, `There is '${CATALOG_TYPE}'.`)
    const unknown = statement.options.find(({ key }) => !CATALOG_OPTIONS.includes(key))
    if (unknown !== undefined)
      throw this.#error(
        'INVALID_OPTION',
        unknown,
        `A catalog has no option "${unknown.key}"`,
        meant(suggest(unknown.key, CATALOG_OPTIONS)) ?? `There are ${CATALOG_OPTIONS.join(', ')}.`,
      )
    const defaultDatabase = options.get('default-database') ?? 'default'
    this.#catalog.createCatalog(name, this.#text, { comment, options, defaultDatabase }, ifNotExists)
  }

  #createFunction(statement: CreateFunction): void {
    const { name, temporary, system, ifNotExists } = statement
    const given = { ...this.#functionOf(statement), isTemporary: temporary || system, isSystem: system }
    this.#catalog.createFunction(name, this.#text, given, ifNotExists)
  }

  #alterFunction(statement: AlterFunction): void {
    const { name, temporary, ifExists } = statement
    if (temporary) throw this.#error('WRONG_KIND', name, 'ALTER changes functions that are not temporary', 'Drop it and create it anew.')
    this.#catalog.alterFunction(name, this.#text, this.#functionOf(statement), ifExists)
  }

  #functionOf(statement: CreateFunction | AlterFunction) {
    const { className } = statement
    const language = languageOf(statement, this.#text)
    if (!isModuleLanguage(language)) return { className, language, definition: undefined }
    if (statement.kind === 'create function' && statement.using.length > 0)
      throw this.#error('INVALID_OPTION', statement, 'A module takes no USING', 'It imports what it needs.')
    return { className, language, definition: this.#modules.find(statement, this.#text) }
  }

  #use({ what, name }: Use): void {
    if (what === 'DATABASE') this.#catalog.useDatabase(name, this.#text)
    else this.#catalog.useCatalog(this.#singleName(name), this.#text)
  }

  #singleName(name: QualifiedName) {
    if (name.parts.length > 1) throw this.#error('UNKNOWN_CATALOG', name, "A catalog's name has one part")
    return name.parts[0]
  }

  // ---- options ----

  #set({ key, value }: SetOption): StatementResult {
    if (key === undefined || value === undefined) {
      const columns = ['key', 'value'].map((name) => ({ name, type: STRING }))
      return { kind: 'rows', columns, rows: [...this.#options].toSorted(([left], [right]) => (left < right ? -1 : 1)) }
    }
    this.#options.set(key, value)
    return DONE
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

function optionsOf(options: readonly Option[]): ReadonlyMap<string, string> {
  return new Map(options.map(({ key, value }) => [key, value]))
}
