// Tables and SQL in the program of a job: where queries come from, and how they become part of its graph.

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
import { plansOf, queryOptions, readsRowByRow } from '../../sql/runtime/run-script.ts'
import { givenRow } from '../../sql/runtime/row-codec.ts'
import { type ExplainedResult, SqlSession, type StatementResult } from '../../sql/session.ts'
import { checkSqlOption, isSqlOption } from '../../sql/session-options.ts'
import { type Span, SqlError } from '../../sql/sql-error.ts'
import { parseName, parseScript } from '../../sql/statement-parser.ts'
import type { QualifiedName, SetOption, Statement, TableReference } from '../../sql/syntax-tree.ts'
import { columnsOfStream, ROW_KIND_COLUMN, schemaOfChanges, schemaOfRows, streamTable, type TableStream } from '../../sql/table-stream.ts'
import { makeView } from '../../sql/view-definition.ts'
import { DataStream } from '../datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../datastream/environment.ts'
import type { AnyRow } from './expression-types.ts'
import { type SqlTable, SqlText } from './sql-text.ts'
import { type Change, type ExplainDetail, Table, type TableContext } from './table.ts'
import { ofQuery, selectAll, type TableQuery, type UnboundQuery } from './table-query.ts'

/** What a program says of a stream that becomes a table. */
export interface FromStreamOptions<R> {
  /**
   * The time attribute, which the watermarks of the stream are about: a column TIMESTAMP(p) or TIMESTAMP_LTZ(p), p <= 3, from which the stream has its
   * timestamps; or a name that no column has, for the timestamps themselves as TIMESTAMP_LTZ(3) behind the other columns.
   */
  readonly rowtime?: (keyof R & string) | (string & {})
  /** The name of a further column, behind all others: the time at which a row is processed. */
  readonly proctime?: string
  /** Columns that tell rows apart: of changes those of the row that changes. */
  readonly primaryKey?: readonly (keyof R & string)[]
}

/** The columns that options of a stream add to its table. */
export type AddedColumns<R, O> = (O extends { readonly rowtime: infer K extends string } ? { readonly [N in Exclude<K, keyof R>]: number } : unknown) &
  (O extends { readonly proctime: infer K extends string } ? { readonly [N in K]: number } : unknown)

/**
 * Tables and SQL beside the streams of a job. All of it is one graph: streams become tables, tables become streams, and INSERTs end in the same job.
 *
 * @example
 * export default defineJob(import.meta, (env) => {
 *   const tables = StreamTableEnvironment.create(env)
 *   tables.executeSql("CREATE TABLE counts (word STRING, n BIGINT) WITH ('connector' = 'print')")
 *   const words = tables.fromDataStream(env.fromCollection([{ word: 'to' }, { word: 'be' }], defineSchema({ word: t.string() })))
 *   words.groupBy('word').aggregate(() => ({ n: fn.count() })).insertInto('counts')
 * })
 */
export class StreamTableEnvironment {
  readonly #env: StreamExecutionEnvironment
  readonly #session = new SqlSession()
  readonly #context: TableContext
  /** INSERTs that are not part of the graph yet. */
  readonly #inserts: InsertPlan[] = []
  #unnamed = 0

  private constructor(env: StreamExecutionEnvironment) {
    this.#env = env
    env.beforePlanning(() => this.#planInserts())
    this.#context = {
      bind: (query) => this.#bind(query),
      insert: (table, path, columns) => this.#insert(table, path, columns),
      toStream: (table, hasKinds) => this.#toStream(table, hasKinds),
      explain: (table, details) => this.#explain({ kind: 'query', plan: table.plan }, details),
    }
  }

  /** Tables and SQL in the jobs of an environment. */
  static create(env: StreamExecutionEnvironment): StreamTableEnvironment {
    return new StreamTableEnvironment(env)
  }

  // ---- SQL ----

  /**
   * Does what statements say: CREATE, DROP, ALTER, USE; SET, of SQL's options and of the job's; INSERT and EXECUTE STATEMENT SET, which become part of the job;
   * SHOW, DESCRIBE and EXPLAIN.
   *
   * @returns The rows that the last statement answers.
   * @throws {SqlError} with the place of what is wrong; `NOT_A_JOB` for a query, which {@link sqlQuery} makes a table of; {@link PlanError} for an INSERT that
   * cannot be planned.
   */
  executeSql(statements: SqlText | string): readonly AnyRow[] {
    const { text, parsed } = parsedOf(statements)
    let rows: readonly AnyRow[] = []
    for (const statement of parsed) rows = this.#execute(statement, text)
    return rows
  }

  /**
   * The table that a query makes.
   *
   * @param schema Its columns, for TypeScript: they are held against those of the query, but for whether they admit NULL in their inner types.
   * @throws {SqlError} with the place of what is wrong; {@link PlanError} `SCHEMA_MISMATCH`
   * @example
   * const highest = tables.sqlQuery(sql`SELECT auction, MAX(price) AS price FROM ${bids} GROUP BY auction`)
   */
  sqlQuery<R = AnyRow>(query: SqlText | string, schema?: Schema<R>): Table<R> {
    const { text, parsed } = parsedOf(query)
    const [statement, second] = parsed
    if (statement?.kind !== 'query' || second !== undefined)
      throw new PlanError('WRONG_ARGUMENTS', 'Cannot make a table: the text is not one query', { hint: 'Use executeSql() for statements.' })
    const table = new Table<R>(this.#context, this.#bind(ofQuery(statement.query, text)))
    return schema === undefined ? table : checked(table, schema)
  }

  /**
   * A table or view of the catalog.
   *
   * @param path Its name, as in SQL.
   * @param schema Its columns, for TypeScript: they are held against those that it has.
   * @throws {SqlError} `UNKNOWN_TABLE`; {@link PlanError} `SCHEMA_MISMATCH`
   */
  from<R = AnyRow>(path: string, schema?: Schema<R>): Table<R> {
    const { parts } = parseName(path)
    const unbound = selectAll((name) => reference({ parts: parts.map(({ text }) => ({ text, ...spanOf(name) })), ...spanOf(name) }), path)
    const table = new Table<R>(this.#context, this.#bind(unbound), parts.at(-1)!.text)
    return schema === undefined ? table : checked(table, schema)
  }

  // ---- streams and tables ----

  /**
   * A table of the records of a stream, each of which is a row.
   *
   * @throws {PlanError} `INVALID_TABLE` if its records have no columns; `NO_TIMESTAMP`, `WRONG_TYPE` for a time attribute that cannot be one.
   * @example
   * const timed = tables.fromDataStream(stream, { rowtime: 'ts' })
   */
  fromDataStream<R, const O extends FromStreamOptions<R> = FromStreamOptions<R>>(stream: DataStream<R>, options?: O): Table<R & AddedColumns<R, O>> {
    return this.#fromStream(stream as DataStream<unknown>, options ?? {}, false)
  }

  /**
   * A table that changes as the records of a stream say: each is a row with what becomes of it in its column `rowKind` (`+I`, `-U`, `+U`, `-D`), as
   * {@link Table.toChangelogStream} makes them. Every row that is changed or taken away comes as it was (`-U`, `-D`).
   *
   * @throws {PlanError} as {@link fromDataStream}; `INVALID_TABLE` if there is no such column.
   */
  fromChangelogStream<R, const O extends FromStreamOptions<R> = FromStreamOptions<R>>(
    stream: DataStream<Change<R>>,
    options?: O,
  ): Table<Omit<R, 'rowKind'> & AddedColumns<R, O>> {
    return this.#fromStream(stream as DataStream<unknown>, options ?? {}, true)
  }

  /** Gives a table a name in the catalog, for SQL and {@link from}. @throws {SqlError} `TABLE_EXISTS` */
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

  #fromStream<R>(stream: DataStream<unknown>, options: FromStreamOptions<never>, isOfChanges: boolean): Table<R> {
    const { rowtime, proctime, primaryKey = [] } = options
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
    const own: TableStream = { edges: stream.recordEdges(), schema, isOfChanges, rowtime }
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
    const planner = new QueryPlanner(queryOptions(this.#session, [plan]), this.#env.graph)
    let from!: Transformation
    planner.addStream(plan, { outputSchema, rowtime: times.at(0), hasKinds }, (made) => (from = made))
    planner.build()
    return new DataStream(this.#env, from, outputSchema as Schema<R>)
  }

  // ---- statements ----

  #execute(statement: Statement, text: string): readonly AnyRow[] {
    if (statement.kind === 'query')
      throw new SqlError(
        'NOT_A_JOB',
        text,
        statement.span,
        'This statement answers rows, and a job has nobody who reads them',
        'Use sqlQuery(), whose table goes on.',
      )
    if (statement.kind === 'set') this.#set(statement, text)
    const result = this.#session.execute(statement, text)
    switch (result.kind) {
      case 'insert':
        this.#addInserts(result.inserts)
        return []
      case 'rows':
        return rowsOf(result)
      case 'explain':
        return [{ result: this.#explain(result.of, [...result.details] as ExplainDetail[]) }]
      default:
        return []
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

  #planned(of: ExplainedResult, graph: LogicalGraph): QueryPlanner {
    const planner = new QueryPlanner(queryOptions(this.#session, of.kind === 'insert' ? plansOf(of.inserts) : [of.plan]), graph)
    const ignore = (): void => {}
    if (of.kind === 'insert') for (const insert of of.inserts) planner.addInsert(insert)
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

  #explain(of: ExplainedResult, details: readonly ExplainDetail[]): string {
    const graph = this.#copiedGraph()
    const planner = this.#planned(of, graph)
    const { parallelism = 1, maxParallelism } = this.#env.settings
    return explainText(of, { planner, plan: planJob(graph, { jobName: of.kind, parallelism, maxParallelism }) }, new Set(details))
  }
}

function parsedOf(statements: SqlText | string): { readonly text: string; readonly parsed: readonly Statement[] } {
  if (statements instanceof SqlText) return { text: statements.text, parsed: statements.parse() }
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
