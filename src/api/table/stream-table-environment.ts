// Tables and SQL in the program of a job. What they come to is in table-program.ts, which is loaded with all of SQL when a program asks for it, so that
// others start without.

import type { Schema } from '../../batch/types.ts'
import type { DataStream } from '../datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../datastream/environment.ts'
import type { UserFunctionDefinition } from '../../sql/user-functions.ts'
import { ChangelogMode } from './changelog-mode.ts'
import type { AnyRow } from './expression-types.ts'
import type { SqlTable, SqlText } from './sql-text.ts'
import type { Change, Table } from './table.ts'
import type { TableProgram } from './table-program.ts'

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

/** What a program says of a stream of changes. */
export interface FromChangelogOptions<R> extends FromStreamOptions<R> {
  /**
   * Which changes there are. Those of a key alone need a `primaryKey`: the last row of each key is kept, and told where it changes or goes.
   * @default ChangelogMode.ALL
   */
  readonly changelogMode?: ChangelogMode
}

/** The columns that options of a stream add to its table. */
export type AddedColumns<R, O> = (O extends { readonly rowtime: infer K extends string } ? { readonly [N in Exclude<K, keyof R>]: number } : unknown) &
  (O extends { readonly proctime: infer K extends string } ? { readonly [N in K]: number } : unknown)

/**
 * Tables and SQL beside the streams of a job. All of it is one graph: streams become tables, tables become streams, and INSERTs end in the same job.
 *
 * @example
 * export default defineJob(import.meta, async (env) => {
 *   const tables = await StreamTableEnvironment.create(env)
 *   tables.executeSql("CREATE TABLE counts (word STRING, n BIGINT) WITH ('connector' = 'print')")
 *   const words = tables.fromDataStream(env.fromCollection([{ word: 'to' }, { word: 'be' }], defineSchema({ word: t.string() })))
 *   words.groupBy('word').aggregate(() => ({ n: fn.count() })).insertInto('counts')
 * })
 */
export class StreamTableEnvironment {
  readonly #program: TableProgram

  private constructor(program: TableProgram) {
    this.#program = program
  }

  /** Tables and SQL in the jobs of an environment. Resolves when SQL has been loaded: programs without tables do not wait for it. */
  static async create(env: StreamExecutionEnvironment): Promise<StreamTableEnvironment> {
    const { TableProgram: Program } = await import('./table-program.ts')
    return new StreamTableEnvironment(new Program(env))
  }

  /**
   * Does what statements say: CREATE, DROP, ALTER, USE; SET, of SQL's options and of the job's; INSERT and EXECUTE STATEMENT SET, which become part of the job;
   * SHOW, DESCRIBE and EXPLAIN.
   *
   * @returns The rows that the last statement answers.
   * @throws {SqlError} with the place of what is wrong; `NOT_A_JOB` for a query, which {@link sqlQuery} makes a table of; {@link PlanError} for an INSERT that
   * cannot be planned.
   */
  executeSql(statements: SqlText | string): readonly AnyRow[] {
    return this.#program.executeSql(statements)
  }

  /**
   * The table that a query makes.
   *
   * @param schema Its columns, for TypeScript: they are held against those of the query.
   * @throws {SqlError} with the place of what is wrong; {@link PlanError} `SCHEMA_MISMATCH`
   * @example
   * const highest = tables.sqlQuery(sql`SELECT auction, MAX(price) AS price FROM ${bids} GROUP BY auction`)
   */
  sqlQuery<R = AnyRow>(query: SqlText | string, schema?: Schema<R>): Table<R> {
    return this.#program.sqlQuery(query, schema)
  }

  /**
   * A table or view of the catalog.
   *
   * @param path Its name, as in SQL.
   * @param schema Its columns, for TypeScript: they are held against those that it has.
   * @throws {SqlError} `UNKNOWN_TABLE`; {@link PlanError} `SCHEMA_MISMATCH`
   */
  from<R = AnyRow>(path: string, schema?: Schema<R>): Table<R> {
    return this.#program.from(path, schema)
  }

  /**
   * A table of the records of a stream, each of which is a row.
   *
   * @throws {PlanError} `INVALID_TABLE` if its records have no columns; `NO_TIMESTAMP`, `WRONG_TYPE` for a time attribute that cannot be one.
   * @example
   * const timed = tables.fromDataStream(stream, { rowtime: 'ts' })
   */
  fromDataStream<R, const O extends FromStreamOptions<R> = FromStreamOptions<R>>(stream: DataStream<R>, options?: O): Table<R & AddedColumns<R, O>> {
    return this.#program.fromStream(stream as DataStream<unknown>, options ?? {}, undefined)
  }

  /**
   * A table that changes as the records of a stream say: each is a row with what becomes of it in its column `rowKind` (`+I`, `-U`, `+U`, `-D`), as
   * {@link Table.toChangelogStream} makes them. Every row that is changed or taken away comes as it was (`-U`, `-D`), unless the mode says otherwise.
   *
   * @throws {PlanError} as {@link fromDataStream}; `INVALID_TABLE` if there is no such column, or no key by which rows are changed.
   * @example
   * const prices = tables.fromChangelogStream(changes, { primaryKey: ['product'], changelogMode: ChangelogMode.UPSERT })
   */
  fromChangelogStream<R, const O extends FromChangelogOptions<R> = FromChangelogOptions<R>>(
    stream: DataStream<Change<R>>,
    options?: O,
  ): Table<Omit<R, 'rowKind'> & AddedColumns<R, O>> {
    return this.#program.fromStream(stream as DataStream<unknown>, options ?? {}, options?.changelogMode ?? ChangelogMode.ALL)
  }

  /**
   * Gives a name to a function of the program, for SQL and `fn.call`: in the database that is in use, or in the one that the name says. Statements and
   * tables that were made before do not know it.
   *
   * @throws {PlanError} `FUNCTION_EXISTS`, `INVALID_FUNCTION`; {@link SqlError} `SYNTAX_ERROR` if it is no name.
   * @example
   * tables.createTemporaryFunction('shout', scalarFunction({ arguments: [t.string()], returns: t.string(), eval: (text) => `${text}!` }))
   * const loud = tables.sqlQuery(sql`SELECT shout(channel) AS channel FROM ${bids}`)
   */
  createTemporaryFunction(name: string, definition: UserFunctionDefinition): void {
    this.#program.createTemporaryFunction(name, definition)
  }

  /** As {@link createTemporaryFunction}, but of no database: it comes before functions that are built in. */
  createTemporarySystemFunction(name: string, definition: UserFunctionDefinition): void {
    this.#program.createTemporarySystemFunction(name, definition)
  }

  /** Gives a table a name in the catalog, for SQL and {@link from}. @throws {SqlError} `TABLE_EXISTS` */
  createTemporaryView(path: string, table: SqlTable): void {
    this.#program.createTemporaryView(path, table)
  }
}
