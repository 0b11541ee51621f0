// What tables and SQL of a program come to: how queries become part of the graph of its job. Loaded with all of SQL where a program asks for tables.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import { isObjectSchema, Schema } from '../../batch/types.ts'
import { parseOption } from '../../engine/options.ts'
import { planJob } from '../../plan/execution-plan.ts'
import { haveTimestamps, LogicalGraph, type Transformation } from '../../plan/transformation.ts'
import type { CatalogTable, TablePath } from '../../sql/catalog.ts'
import type { InsertPlan } from '../../sql/insert-binder.ts'
import type { LogicalPlan } from '../../sql/logical-plan.ts'
import { scanOf } from '../../sql/plans.ts'
import { changeSink } from '../../sql/runtime/change-sink.ts'
import { explainText } from '../../sql/runtime/explain-text.ts'
import { QueryPlanner } from '../../sql/runtime/query-planner.ts'
import { addInserts, plansOf, queryOptions, readsRowByRow } from '../../sql/runtime/query-options.ts'
import { givenRow } from '../../sql/runtime/row-codec.ts'
import { SqlSession, type StatementResult } from '../../sql/session.ts'
import { checkSqlOption, isSqlOption } from '../../sql/session-options.ts'
import { type Span, SqlError } from '../../sql/sql-error.ts'
import { parseName, parseScript } from '../../sql/statement-parser.ts'
import type { QualifiedName, SetOption, Statement, TableReference } from '../../sql/syntax-tree.ts'
import { columnsOfStream, ROW_KIND_COLUMN, schemaOfChanges, schemaOfRows, streamTable, type TableStream } from '../../sql/table-stream.ts'
import type { UserFunctionDefinition } from '../../sql/user-functions.ts'
import { makeView } from '../../sql/view-definition.ts'
import { DataStream } from '../datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../datastream/environment.ts'
import { ChangelogMode } from './changelog-mode.ts'
import type { AnyRow } from './expression-types.ts'
import { type SqlTable, SqlText } from './sql-text.ts'
import type { FromStreamOptions } from './stream-table-environment.ts'
import { type ExplainDetail, Table, type TableContext } from './table.ts'
import { ofQuery, selectAll, type TableQuery, type UnboundQuery } from './table-query.ts'

/** What becomes part of a graph. */
type PlannedResult = Extract<StatementResult, { readonly kind: 'query' | 'insert' }>

/** Does what a {@link StreamTableEnvironment} is asked for. */
export class TableProgram {
  readonly #env: StreamExecutionEnvironment
  readonly #session = new SqlSession()
  readonly #context: TableContext
  /** INSERTs that are not part of the graph yet. */
  readonly #inserts: InsertPlan[] = []
  #unnamed = 0

  constructor(env: StreamExecutionEnvironment) {
    this.#env = env
    env.beforePlanning(() => this.#planInserts())
    this.#context = {
      bind: (query) => this.#bind(query),
      insert: (table, path, columns) => this.#insert(table, path, columns),
      toStream: (table, hasKinds) => this.#toStream(table, hasKinds),
      explain: (table, details) => this.#explain({ kind: 'query', plan: table.plan }, details),
    }
  }

  // ---- SQL ----

  executeSql(statements: SqlText | string): readonly AnyRow[] {
    const { text, parsed } = parsedOf(statements)
    let rows: readonly AnyRow[] = []
    for (const statement of parsed) rows = this.#execute(statement, text)
    return rows
  }

  sqlQuery<R = AnyRow>(query: SqlText | string, schema?: Schema<R>): Table<R> {
    const { text, parsed } = parsedOf(query)
    const [statement, second] = parsed
    if (statement?.kind !== 'query' || second !== undefined)
      throw new PlanError('WRONG_ARGUMENTS', 'Cannot make a table: the text is not one query', { hint: 'Use executeSql() for statements.' })
    const table = new Table<R>(this.#context, this.#bind(ofQuery(statement.query, text)))
    return schema === undefined ? table : checked(table, schema)
  }

  from<R = AnyRow>(path: string, schema?: Schema<R>): Table<R> {
    const { parts } = parseName(path)
    const unbound = selectAll((name) => reference({ parts: parts.map(({ text }) => ({ text, ...spanOf(name) })), ...spanOf(name) }), path)
    const table = new Table<R>(this.#context, this.#bind(unbound), parts.at(-1)!.text)
    return schema === undefined ? table : checked(table, schema)
  }

  createTemporaryFunction(name: string, definition: UserFunctionDefinition): void {
    this.#session.createTemporaryFunction(name, definition)
  }

  createTemporarySystemFunction(name: string, definition: UserFunctionDefinition): void {
    this.#session.createTemporarySystemFunction(name, definition)
  }

  // ---- streams and tables ----

  createTemporaryView(path: string, table: SqlTable): void {
    const name = parseName(path)
    const { catalog } = this.#session
    const full = catalog.fullPath(name, path)
    catalog.isFree(full, true, name, path, false)
    const { query, text, plan } = table.bound
    const stream = streamTableOf(plan)
    // The rows of a stream are a table: it keeps its key and its time.
    if (stream === undefined) catalog.put(makeView(full, true, { columns: [], query, comment: undefined }, text, catalog))
    else catalog.put({ ...stream, path: full })
  }

  /** @param mode Of changes; undefined: the records are rows that come. */
  fromStream<R>(stream: DataStream<unknown>, options: FromStreamOptions<never>, mode: ChangelogMode | undefined): Table<R> {
    const { rowtime, proctime, primaryKey = [] } = options
    const isOfChanges = mode !== undefined
    const { schema } = stream
    const method = isOfChanges ? 'fromChangelogStream' : 'fromDataStream'
    if (stream.environment !== this.#env) throw new PlanError('INVALID_TABLE', `Cannot make a table in ${method}(): the stream is of another environment`)
    if (isObjectSchema(schema))
      throw new PlanError('INVALID_TABLE', `Cannot make a table in ${method}(): the records of the stream have no columns`, {
        hint: 'Declare them: map(...).returns({ id: t.int() }), or fromCollection(rows, schema).',
      })
    const unstored = schema.fields.find(({ type }) => type.kind === 'OBJECT')
    if (unstored !== undefined)
      throw new PlanError(
        'INVALID_TABLE',
        `Cannot make a table in ${method}(): column "${unstored.name}" holds any value of JavaScript, which no type of SQL does`,
      )
    if (isOfChanges && schema.fields.every(({ name, type }) => name !== ROW_KIND_COLUMN || (type.kind !== 'VARCHAR' && type.kind !== 'CHAR')))
      throw new PlanError('INVALID_TABLE', `Cannot make a table of changes: the stream has no column "${ROW_KIND_COLUMN}" of type STRING`, {
        hint: 'It is one of +I, -U, +U, -D in each record; a stream of rows that only come is taken by fromDataStream().',
      })
    if (mode !== undefined && !Object.values(ChangelogMode).includes(mode))
      throw new PlanError(
        'INVALID_TABLE',
        `Cannot make a table of changes: changelogMode is one of ${Object.values(ChangelogMode).join(', ')}, not ${JSON.stringify(mode)}`,
      )
    const isUpsert = mode === ChangelogMode.UPSERT
    if (isUpsert && primaryKey.length === 0)
      throw new PlanError('INVALID_TABLE', 'Cannot make a table of upserts: nothing says by which columns rows are changed', {
        hint: 'Name them: primaryKey: [...].',
      })
    const own: TableStream = { edges: stream.recordEdges(), schema, isOfChanges, isUpsert, rowtime }
    const names = columnsOfStream(own).map(({ name }) => name)
    if (rowtime !== undefined) checkRowtime(own, rowtime)
    if (proctime !== undefined && names.includes(proctime))
      throw new PlanError('DUPLICATE_COLUMN', `Cannot make a table: there is a column "${proctime}" already`)
    const unknown = primaryKey.find((name) => !names.includes(name))
    if (unknown !== undefined) throw unknownColumn(unknown, names)
    const { currentCatalog, currentDatabase } = this.#session.catalog
    const path: TablePath = [currentCatalog, currentDatabase, `Unregistered_DataStream_${++this.#unnamed}`]
    const table = streamTable(path, own, { proctime, primaryKey })
    return new Table<R>(this.#context, this.#bind(ofTable(table)), path[2])
  }

  #toStream<R>({ plan }: TableQuery, hasKinds: boolean): DataStream<R> {
    const { columns } = plan
    const times = columns.flatMap(({ time }, index) => (time === 'event' ? [index] : []))
    if (times.length > 1)
      throw new PlanError(
        'SEVERAL_TIME_ATTRIBUTES',
        `Cannot make a stream: ${times.map((index) => `"${columns[index].name}"`).join(' and ')} are time attributes, and a record has one timestamp`,
        { hint: 'CAST the others to TIMESTAMP(3), or leave them out.' },
      )
    const outputSchema = hasKinds ? schemaOfChanges(columns) : schemaOfRows(columns)
    const { graph } = this.#env
    const planner = new QueryPlanner(queryOptions(this.#session, [plan]), graph)
    let from!: Transformation
    planner.addStream(plan, { outputSchema, rowtime: times.at(0), hasKinds }, (made) => (from = made))
    const { length } = graph.transformations
    try {
      planner.build()
    } catch (error) {
      // Nothing stays of what could not be planned.
      graph.transformations.length = length
      throw error
    }
    return new DataStream(this.#env, from, outputSchema as Schema<R>)
  }

  // ---- statements ----

  #execute(statement: Statement, text: string): readonly AnyRow[] {
    if (statement.kind === 'set') this.#set(statement, text)
    const result = this.#session.execute(statement, text)
    const span = statement.kind === 'query' ? statement.span : statement
    switch (result.kind) {
      case 'insert':
        this.#addInserts(result.inserts)
        return []
      case 'rows':
        return rowsOf(result)
      case 'compile plan':
      case 'execute plan':
        throw plansAreOfScripts(text, span)
      case 'explain':
        if (result.of.kind === 'execute plan') throw plansAreOfScripts(text, span)
        return [{ result: this.#explain(result.of, [...result.details] as ExplainDetail[]) }]
      case 'done':
        return []
      case 'copy':
        throw new SqlError('NOT_A_JOB', text, span, 'COPY is no job that goes on', 'INSERT INTO a table of files.')
      default:
        throw new SqlError('NOT_A_JOB', text, span, 'This statement answers rows, and a job has nobody who reads them', 'Use sqlQuery(), whose table goes on.')
    }
  }

  /** Options of the job are the environment's. */
  #set(statement: SetOption, text: string): void {
    const { key, value } = statement
    if (key === undefined || value === undefined) return
    try {
      if (isSqlOption(key)) checkSqlOption(key, value)
      else if (key === 'parallelism.default') this.#env.setParallelism(Number(parseOption(key, value).value))
      else this.#env.set(key, value)
    } catch (error) {
      if (!(error instanceof PlanError)) throw error
      throw new SqlError(error.code, text, statement, error.message, error.hint)
    }
  }

  #bind({ query, text }: UnboundQuery): TableQuery {
    const { start, end } = query
    const result = this.#session.execute({ kind: 'query', query, span: { start, end } }, text) as StatementResult & { readonly kind: 'query' }
    return { query, text, plan: result.plan }
  }

  #insert({ query, text }: TableQuery, path: string, columns: readonly string[]): void {
    const written = `${text}\ninsertInto(${[path, ...columns].join(', ')})`
    const { parts } = parseName(path)
    const at = { start: text.length + 1, end: written.length }
    const result = this.#session.execute(
      {
        kind: 'insert',
        overwrite: false,
        table: { parts: parts.map((part) => ({ text: part.text, ...at })), ...at },
        hints: [],
        partition: [],
        columns: columns.map((name) => ({ text: name, ...at })),
        query,
        onConflict: undefined,
        ...at,
      },
      written,
    ) as StatementResult & { readonly kind: 'insert' }
    this.#addInserts(result.inserts)
  }

  /** Planned once for what cannot be done, which is said here; and with all others when the job is. */
  #addInserts(inserts: readonly InsertPlan[]): void {
    this.#planned({ kind: 'insert', inserts }, this.#copiedGraph())
    this.#inserts.push(...inserts)
  }

  /** What has been inserted so far becomes part of the graph. */
  #planInserts(): void {
    if (readsRowByRow(this.#session)) this.#env.set('millrace.batch.rows-max', 1)
    const inserts = this.#inserts.splice(0)
    if (inserts.length === 0) return
    this.#planned({ kind: 'insert', inserts }, this.#env.graph)
  }

  #planned(of: PlannedResult, graph: LogicalGraph): QueryPlanner {
    const planner = new QueryPlanner(queryOptions(this.#session, of.kind === 'insert' ? plansOf(of.inserts) : [of.plan]), graph)
    const ignore = (): void => {}
    if (of.kind === 'insert') addInserts(planner, of.inserts)
    else planner.addSink(of.plan, changeSink(ignore))
    planner.build()
    return planner
  }

  /** A graph of which nothing stays: only the streams that it reads are the program's. */
  #copiedGraph(): LogicalGraph {
    const graph = new LogicalGraph()
    graph.transformations.push(...this.#env.graph.transformations)
    return graph
  }

  #explain(of: PlannedResult, details: readonly ExplainDetail[]): string {
    const graph = this.#copiedGraph()
    const planner = this.#planned(of, graph)
    const { parallelism = 1, maxParallelism } = this.#env.settings
    const job = { planner, plan: planJob(graph, { jobName: of.kind, parallelism, maxParallelism }) }
    return explainText(of.kind === 'insert' ? of.inserts : [of.plan], job, new Set(details))
  }
}

function plansAreOfScripts(text: string, span: Span): SqlError {
  return new SqlError(
    'NOT_A_JOB',
    text,
    span,
    'A compiled plan is a job of its own, and no part of a program',
    'Run it with `millrace run script.sql`, or engine.submit(...).',
  )
}

function parsedOf(statements: SqlText | string): { readonly text: string; readonly parsed: readonly Statement[] } {
  if (statements instanceof SqlText) return { text: statements.text, parsed: parseScript(statements.text, statements.parameters) }
  return { text: statements, parsed: parseScript(statements) }
}

/** The table whose rows a plan is, as they are, if a stream brings them. */
function streamTableOf(plan: LogicalPlan): CatalogTable | undefined {
  if (plan.kind !== 'project' || plan.input.kind !== 'scan' || plan.input.table.stream === undefined) return undefined
  const { table } = plan.input
  const isWhole =
    plan.columns.length === table.columns.length &&
    plan.expressions.every((one, index) => one.kind === 'column' && one.index === index && plan.columns[index].name === table.columns[index].name)
  return isWhole ? table : undefined
}

function reference(name: QualifiedName, plan?: () => LogicalPlan): TableReference {
  const { start, end } = name
  return { kind: 'table reference', name, hints: [], asOf: undefined, ...(plan && { plan }), alias: undefined, columns: [], start, end }
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}

/** All rows of a table that has no name. */
function ofTable(table: CatalogTable): UnboundQuery {
  return selectAll((name) => reference({ parts: [name], ...spanOf(name) }, () => scanOf(table)), table.path[2])
}

function rowsOf({ columns, rows }: Extract<StatementResult, { readonly kind: 'rows' }>): readonly AnyRow[] {
  const schema = new Schema(columns)
  return rows.map((row) => givenRow(schema, row))
}

function checkRowtime({ schema, edges }: TableStream, rowtime: string): void {
  if (!haveTimestamps(edges))
    throw new PlanError('NO_TIMESTAMP', `Cannot make "${rowtime}" a time attribute: the records of the stream have no timestamps`, {
      hint: 'Call assignTimestampsAndWatermarks() on the stream.',
    })
  const index = schema.indexOf(rowtime)
  const type = index < 0 ? undefined : schema.fields[index].type
  if (type !== undefined && !((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision <= 3))
    throw new PlanError('WRONG_TYPE', `Cannot make "${rowtime}" a time attribute: one is TIMESTAMP(p) or TIMESTAMP_LTZ(p), p at most 3`, {
      hint: 'Name a column that is not there: it holds the timestamps.',
    })
}

function unknownColumn(name: string, known: readonly string[]): PlanError {
  const near = suggest(name, known)
  return new PlanError('UNKNOWN_COLUMN', `Cannot make a table: there is no column "${name}"`, near === undefined ? {} : { hint: `Did you mean ${near}?` })
}

/** @throws {PlanError} `SCHEMA_MISMATCH` */
function checked<R>(table: Table<R>, schema: Schema<R>): Table<R> {
  if (table.schema.toString() === schema.toString()) return table
  throw new PlanError('SCHEMA_MISMATCH', `Cannot take the columns of the table as ${schema.toString()}: they are ${table.schema.toString()}`)
}
