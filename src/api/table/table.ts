// Tables as users write them: each method makes the next query and binds it, so that what is wrong is said where it was written.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import { type Field, Schema } from '../../batch/types.ts'
import type { DataStream } from '../datastream/data-stream.ts'
import { called, columnsOf, conditionOf, expressionOf, expressionsOf, selectionOf } from './columns.ts'
import type { Expression, OrderExpression } from './expression.ts'
import type { AnyRow, Columns, Joined, Padded, RowOfSelection, Selection, Valued } from './expression-types.ts'
import { IS_TABLE, type SqlTable } from './sql-text.ts'
import {
  changelog,
  combined,
  distinct,
  extended,
  filtered,
  grouped,
  joined,
  joinedAsOf,
  limited,
  namedColumns,
  type NamedExpressions,
  ordered,
  selected,
  type Sides,
  sidesOf,
  type TableQuery,
  type UnboundQuery,
  unnested,
  windowed,
} from './table-query.ts'
import type { TableWindow, WindowColumns } from './windows.ts'

/** What becomes of a row: it is added (`+I`), was another one (`-U`) and is this one now (`+U`), is taken away (`-D`). */
export type RowKind = '+I' | '-U' | '+U' | '-D'

/** A change of a table. */
export type Change<R> = { readonly rowKind: RowKind } & R

/** What EXPLAIN shows beside the plans. */
export type ExplainDetail = 'CHANGELOG_MODE' | 'JSON_EXECUTION_PLAN'

/** @internal What tables need of their environment. */
export interface TableContext {
  bind(query: UnboundQuery): TableQuery
  insert(table: TableQuery, path: string, columns: readonly string[]): void
  toStream<R>(table: TableQuery, hasKinds: boolean): DataStream<R>
  explain(table: TableQuery, details: readonly ExplainDetail[]): string
}

type Condition = Expression<boolean> | Expression<null> | Expression<boolean | null>

/**
 * A table: a query that is not run until its rows go somewhere. Its rows are `R`. Methods make new tables and leave it as it is; what they make is planned as
 * the same query in SQL is.
 *
 * @example
 * const words = tables.fromDataStream(env.fromCollection([{ word: 'to' }, { word: 'be' }, { word: 'to' }], defineSchema({ word: t.string() })))
 * const counts = words.groupBy('word').select((row) => ({ word: row.word, count: fn.count() }))
 * for (const { word, count } of await env.executeAndCollect(counts.toChangelogStream())) console.log(word, count)
 */
export class Table<R = AnyRow> implements SqlTable {
  declare protected readonly row: R
  /** @internal */
  readonly [IS_TABLE] = true
  readonly #context: TableContext
  readonly #query: TableQuery
  readonly #name: string

  /** @internal Tables are made by their environment and by other tables. */
  constructor(context: TableContext, query: TableQuery, name = 'table') {
    this.#context = context
    this.#query = query
    this.#name = name
  }

  /** @internal */
  get bound(): TableQuery {
    return this.#query
  }

  /** @internal */
  get shownName(): string {
    return this.#name
  }

  /** Its columns with their types. */
  get schema(): Schema<R> {
    return new Schema(this.#fields)
  }

  // ---- columns ----

  /**
   * Some columns by their names, or an expression or value for each column of the next table.
   *
   * @throws {SqlError} `WRONG_TYPE` and others, with the step and a caret, if expressions do not fit.
   * @example
   * bids.select((bid) => ({ auction: bid.auction, cents: bid.price.times(100) }))
   */
  select<const K extends keyof R & string>(...columns: readonly [K, ...K[]]): Table<Pick<R, K>>
  select<S extends Selection>(columns: (row: Columns<R>) => S): Table<RowOfSelection<S>>
  select(...columns: readonly unknown[]): unknown {
    const [first] = columns
    if (typeof first === 'function') return this.#next(selected(this.#query, this.#selection('select', first as (row: Columns<R>) => unknown)))
    const scope = this.#row()
    return this.#next(
      selected(
        this.#query,
        columns.map((name) => [name as string, scope[name as string]]),
      ),
    )
  }

  /** All columns, and further ones. */
  addColumns<S extends Selection>(columns: (row: Columns<R>) => S): Table<Omit<R, keyof S> & RowOfSelection<S>> {
    const items = this.#selection('addColumns', columns)
    const twice = items.find(([name]) => this.#fields.some((field) => field.name === name))
    if (twice !== undefined)
      throw new PlanError('DUPLICATE_COLUMN', `Cannot plan addColumns(): the table has a column "${twice[0]}" already`, {
        hint: 'Use select(), or another name.',
      })
    return this.#next(extended(this.#query, items))
  }

  /** All columns but some. */
  dropColumns<K extends keyof R & string>(...columns: readonly K[]): Table<Omit<R, K>> {
    for (const name of columns) this.#require(name, 'dropColumns')
    return this.#renamed('dropColumns', (name) => ((columns as readonly string[]).includes(name) ? undefined : name))
  }

  /** All columns, some under other names: `{ old: 'new' }`. */
  rename<const N extends Partial<Record<keyof R & string, string>>>(
    names: N,
  ): Table<{ readonly [K in keyof R as K extends keyof N ? (N[K] extends string ? N[K] : K) : K]: R[K] }> {
    for (const name of Object.keys(names)) this.#require(name, 'rename')
    return this.#renamed('rename', (name) => (names as Record<string, string | undefined>)[name] ?? name)
  }

  /** All columns under new names, in their order. */
  as(...names: readonly string[]): Table {
    if (names.length !== this.#fields.length)
      throw new PlanError('WRONG_COLUMN_COUNT', `Cannot plan as(): ${names.length} names stand for ${this.#fields.length} columns`)
    return this.#renamed('as', (name) => names[this.#fields.findIndex((field) => field.name === name)])
  }

  // ---- rows ----

  /** The rows for which a condition is true. */
  where(condition: (row: Columns<R>) => Condition): Table<R> {
    return this.#next(filtered(this.#query, this.#condition('where', condition)))
  }

  /** The same as {@link where}. */
  filter(condition: (row: Columns<R>) => Condition): Table<R> {
    return this.where(condition)
  }

  /** Each row once. */
  distinct(): Table<R> {
    return this.#next(distinct(this.#query))
  }

  /** Rows in an order; where they never end the first is a time attribute, unless there is a limit. */
  orderBy(
    ...keys: readonly ((keyof R & string) | ((row: Columns<R>) => Expression | OrderExpression | readonly (Expression | OrderExpression)[]))[]
  ): Table<R> {
    const expressions = keys.flatMap((key) => {
      if (typeof key !== 'function') return this.#row()[key]
      return expressionsOf(
        called('orderBy', (scope) => key(columnsOf(this.#fields, scope, undefined))),
        'orderBy',
      )
    })
    if (expressions.length === 0) throw new PlanError('WRONG_ARGUMENTS', 'Cannot plan orderBy(): there is nothing to order by')
    return this.#next(ordered(this.#query, expressions))
  }

  /** The first rows, behind so many that are left out. */
  limit(count: number, offset = 0): Table<R> {
    const from = offset === 0 ? this.#query : limited(this.#query, 'offset', counted('limit', offset))
    return this.#next(limited(from, 'fetch', counted('limit', count)))
  }

  /** The rows behind the first ones; {@link fetch} says how many. */
  offset(count: number): OffsetTable<R> {
    const skipped = limited(this.#query, 'offset', counted('offset', count))
    return { fetch: (rows) => this.#next(limited(skipped, 'fetch', counted('fetch', rows))) }
  }

  /** The first rows. */
  fetch(count: number): Table<R> {
    return this.limit(count)
  }

  // ---- groups and windows ----

  /**
   * Groups of rows that agree in columns, or in expressions.
   *
   * @example
   * bids.groupBy('auction').select((bid) => ({ auction: bid.auction, highest: bid.price.max() }))
   */
  groupBy<const K extends keyof R & string>(...keys: readonly [K, ...K[]]): GroupedTable<R, Pick<R, K>>
  groupBy<S extends Readonly<Record<string, Expression>>>(keys: (row: Columns<R>) => S): GroupedTable<R, RowOfSelection<S>>
  groupBy(...keys: readonly unknown[]): unknown {
    const [first] = keys
    if (typeof first !== 'function') return this.#group((keys as readonly string[]).map((name) => [name, this.#row()[name]]))
    return this.#group(this.#selection('groupBy', first as (row: Columns<R>) => unknown).map(([name, key]) => [name, expressionOf(key, 'groupBy')]))
  }

  /** One row of all: aggregates without groups. */
  aggregate<S extends Selection>(columns: (row: Columns<R>) => S): Table<RowOfSelection<S>> {
    return this.#group<unknown>([]).select(columns)
  }

  /**
   * Each row in each of its windows, with the columns window_start, window_end and window_time behind its own.
   *
   * @example
   * bids
   *   .window(Tumble.over(minutes(10)).on('ts'))
   *   .groupBy('window_start', 'window_end', 'auction')
   *   .select((bid) => ({ end: bid.window_end, auction: bid.auction, bids: fn.count() }))
   */
  window<Column extends keyof R & string>(window: TableWindow<Column>): Table<R & WindowColumns> {
    const { specification } = window
    for (const column of [specification.time, ...specification.partitionBy]) this.#require(column, 'window')
    return this.#next(windowed(this.#query, specification))
  }

  // ---- changes ----

  /**
   * The changes of the table as rows that only come: in front of the others a column `op` says what each is, by INSERT, UPDATE_BEFORE, UPDATE_AFTER and
   * DELETE, or by the codes of `opMapping`, which leaves out changes without one. Several of one code stand in one text.
   *
   * @throws {PlanError} `WRONG_ARGUMENTS` for no such change, or one twice; `DUPLICATE_COLUMN` if the table has the column. When the job is made,
   * `CHANGELOG_IN_BATCH`.
   * @example
   * const totals = bids.groupBy('auction').select((bid) => ({ auction: bid.auction, highest: bid.price.max() }))
   * totals.toChangelog({ op: 'deleted', opMapping: { 'INSERT, UPDATE_AFTER': 'false', DELETE: 'true' } })
   */
  toChangelog<const Op extends string = 'op'>(options: ChangelogOptions<Op> = {}): Table<{ readonly [Name in Op]: string } & R> {
    const { op, opMapping } = options
    return this.#next(changelog(this.#query, 'toChangelog', { op, opMapping }))
  }

  /**
   * The table that rows tell the changes of, which only come: a column says what each is, and is none of the result. `opMapping` has the change for each
   * code, or for several with commas between.
   *
   * @throws {PlanError} `UNKNOWN_COLUMN`, `WRONG_TYPE` for a column that is no text, `WRONG_ARGUMENTS` for no such change, one twice, or UPDATE_AFTER
   * without UPDATE_BEFORE. When the job is made, `CHANGELOG_IN_BATCH`, and `TABLE_CHANGES` if the rows of the table change. The job fails at a code that
   * is NULL or not known.
   * @example
   * const records = bids.toChangelog({ op: 'code', opMapping: { INSERT: 'c' } })
   * records.fromChangelog({ op: 'code', opMapping: { 'c, r': 'INSERT', ub: 'UPDATE_BEFORE', ua: 'UPDATE_AFTER', d: 'DELETE' } })
   */
  fromChangelog<const Op extends string = 'op'>(options: ChangelogOptions<Op> = {}): Table<Omit<R, Op>> {
    const { op, opMapping } = options
    return this.#next(changelog(this.#query, 'fromChangelog', { op, opMapping }))
  }

  // ---- two tables ----

  /**
   * Pairs of rows for which a condition is true. Names of columns differ, unless a third function says what is selected.
   *
   * @example
   * bids.join(auctions, (bid, auction) => bid.auction.eq(auction.id), (bid, auction) => ({ price: bid.price, item: auction.item }))
   */
  join<R2, S extends Selection>(
    other: Table<R2>,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<R>, right: Columns<R2>) => S,
  ): Table<RowOfSelection<S>>
  join<R2>(other: Table<R2>, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<R, R2>>
  join(...given: JoinArguments): unknown {
    return this.#join('INNER', ...given)
  }

  /** The same, with rows of this table that have no partner, beside NULLs. */
  leftJoin<R2, S extends Selection>(
    other: Table<R2>,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<R>, right: Columns<Padded<R2>>) => S,
  ): Table<RowOfSelection<S>>
  leftJoin<R2>(other: Table<R2>, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<R, Padded<R2>>>
  leftJoin(...given: JoinArguments): unknown {
    return this.#join('LEFT', ...given)
  }

  /** The same, with rows of the other table that have no partner, beside NULLs. */
  rightJoin<R2, S extends Selection>(
    other: Table<R2>,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<Padded<R>>, right: Columns<R2>) => S,
  ): Table<RowOfSelection<S>>
  rightJoin<R2>(other: Table<R2>, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<Padded<R>, R2>>
  rightJoin(...given: JoinArguments): unknown {
    return this.#join('RIGHT', ...given)
  }

  /** The same, with rows of both tables that have no partner, beside NULLs. */
  fullJoin<R2, S extends Selection>(
    other: Table<R2>,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<Padded<R>>, right: Columns<Padded<R2>>) => S,
  ): Table<RowOfSelection<S>>
  fullJoin<R2>(other: Table<R2>, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<Padded<R>, Padded<R2>>>
  fullJoin(...given: JoinArguments): unknown {
    return this.#join('FULL', ...given)
  }

  /**
   * Rows beside the version of the other table's row that holds at a time of theirs: a time attribute of event time, and the other table has a primary
   * key and one too. Of processing time: beside the rows that the other table has when they come, which is one of connector `jdbc`. As `FOR SYSTEM_TIME
   * AS OF` in SQL.
   *
   * @param time The time attribute of this table.
   * @example
   * orders.joinAsOf(rates, 'at', (order, rate) => order.currency.eq(rate.currency), (order, rate) => ({ id: order.id, sum: order.price.times(rate.rate) }))
   */
  joinAsOf<R2, S extends Selection>(
    other: Table<R2>,
    time: keyof R & string,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<R>, right: Columns<R2>) => S,
  ): Table<RowOfSelection<S>>
  joinAsOf<R2>(other: Table<R2>, time: keyof R & string, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<R, R2>>
  joinAsOf(other: SqlTable, time: string, ...given: JoinFunctions): unknown {
    return this.#joinAsOf('INNER', other, time, ...given)
  }

  /** The same, with rows of this table that have no partner, beside NULLs. */
  leftJoinAsOf<R2, S extends Selection>(
    other: Table<R2>,
    time: keyof R & string,
    on: (left: Columns<R>, right: Columns<R2>) => Condition,
    select: (left: Columns<R>, right: Columns<Padded<R2>>) => S,
  ): Table<RowOfSelection<S>>
  leftJoinAsOf<R2>(other: Table<R2>, time: keyof R & string, on: (left: Columns<R>, right: Columns<R2>) => Condition): Table<Joined<R, Padded<R2>>>
  leftJoinAsOf(other: SqlTable, time: string, ...given: JoinFunctions): unknown {
    return this.#joinAsOf('LEFT', other, time, ...given)
  }

  /**
   * Rows beside each element of a collection that they hold: of an array under a name, of a map its keys and values under two, of an array of rows the
   * fields under names of their own. Rows without elements go.
   *
   * @example
   * posts.unnest((post) => post.tags, 'tag').groupBy('tag').aggregate(() => ({ n: fn.count() }))
   */
  unnest<K, V, N extends string, M extends string>(
    collection: (row: Columns<R>) => Valued<ReadonlyMap<K, V> | null>,
    key: N,
    value: M,
  ): Table<R & { readonly [P in N]: K } & { readonly [P in M]: V }>
  unnest<T, N extends string>(collection: (row: Columns<R>) => Valued<readonly T[] | null>, name: N): Table<R & { readonly [P in N]: T }>
  unnest<T>(collection: (row: Columns<R>) => Valued<readonly T[] | null>): Table<R & Exclude<T, null>>
  unnest(collection: (row: Columns<R>) => unknown, ...names: readonly string[]): unknown {
    return this.#unnest('CROSS', collection, names)
  }

  /** The same, with rows without elements, beside NULLs. */
  leftUnnest<K, V, N extends string, M extends string>(
    collection: (row: Columns<R>) => Valued<ReadonlyMap<K, V> | null>,
    key: N,
    value: M,
  ): Table<R & { readonly [P in N]: K | null } & { readonly [P in M]: V | null }>
  leftUnnest<T, N extends string>(collection: (row: Columns<R>) => Valued<readonly T[] | null>, name: N): Table<R & { readonly [P in N]: T | null }>
  leftUnnest<T>(collection: (row: Columns<R>) => Valued<readonly T[] | null>): Table<R & Padded<Exclude<T, null>>>
  leftUnnest(collection: (row: Columns<R>) => unknown, ...names: readonly string[]): unknown {
    return this.#unnest('LEFT', collection, names)
  }

  /** The rows of both tables, each once. Columns meet by their places; their types must, and the names are those of this table. */
  union(other: SqlTable): Table<R> {
    return this.#combine(other, 'UNION', false, 'union')
  }

  /** The rows of both tables. */
  unionAll(other: SqlTable): Table<R> {
    return this.#combine(other, 'UNION', true, 'unionAll')
  }

  /** The rows that both tables have, each once. */
  intersect(other: SqlTable): Table<R> {
    return this.#combine(other, 'INTERSECT', false, 'intersect')
  }

  /** The rows that both tables have, as often as both have them. */
  intersectAll(other: SqlTable): Table<R> {
    return this.#combine(other, 'INTERSECT', true, 'intersectAll')
  }

  /** The rows that the other table does not have, each once. */
  minus(other: SqlTable): Table<R> {
    return this.#combine(other, 'EXCEPT', false, 'minus')
  }

  /** The rows that are left when those of the other table are taken away one by one. */
  minusAll(other: SqlTable): Table<R> {
    return this.#combine(other, 'EXCEPT', true, 'minusAll')
  }

  // ---- ends ----

  /**
   * The rows as records of a stream, with timestamps and watermarks if one of the columns is a time attribute.
   *
   * @throws {PlanError} `TABLE_CHANGES` if rows change that have come, with the operator that changes them: see {@link toChangelogStream};
   * `SEVERAL_TIME_ATTRIBUTES`.
   */
  toDataStream(): DataStream<R> {
    return this.#context.toStream(this.#query, false)
  }

  /** The changes of the rows as records of a stream: the columns, with `rowKind` in front of them. */
  toChangelogStream(): DataStream<Change<R>> {
    return this.#context.toStream(this.#query, true)
  }

  /**
   * Writes the rows into a table that CREATE TABLE has made, when the job runs. All INSERTs of a job are planned together and read their sources once.
   *
   * @param path The table's name, as in SQL.
   * @param columns Those of the table that the columns go to, in their order. @default all
   * @throws {SqlError} `UNKNOWN_TABLE`, `WRONG_COLUMN_COUNT`, `WRONG_TYPE`; {@link PlanError} if the table cannot take what it would get.
   */
  insertInto(path: string, ...columns: readonly string[]): void {
    this.#context.insert(this.#query, path, columns)
  }

  /** Its plans, as EXPLAIN shows them. */
  explain(...details: readonly ExplainDetail[]): string {
    return this.#context.explain(this.#query, details)
  }

  // ---- how tables are made ----

  get #fields(): readonly Field[] {
    return this.#query.plan.columns
  }

  #next<Next>(query: UnboundQuery): Table<Next> {
    return new Table<Next>(this.#context, this.#context.bind(query))
  }

  /** Its columns, where no function of the program sees them. */
  #group<Key>(keys: readonly (readonly [name: string, key: Expression])[]): GroupedTable<R, Key> {
    const expressions = keys.map(([, key]) => key)
    return new GroupedTable(new Map(keys), this.#fields, (having, items) => this.#next(grouped(this.#query, expressions, having, items)))
  }

  #row(): Readonly<Record<string, Expression>> {
    let row: Columns<AnyRow> | undefined
    called('select', (scope) => {
      row = columnsOf(this.#fields, scope, undefined)
      return undefined
    })
    return row!
  }

  #selection(method: string, columns: (row: Columns<R>) => unknown): NamedExpressions {
    return selectionOf(
      called(method, (scope) => columns(columnsOf(this.#fields, scope, undefined))),
      method,
    )
  }

  #condition(method: string, condition: (row: Columns<R>) => unknown): Expression {
    return conditionOf(
      called(method, (scope) => condition(columnsOf(this.#fields, scope, undefined))),
      method,
    )
  }

  #renamed<Next>(method: string, nameOf: (name: string) => string | undefined): Table<Next> {
    const row = this.#row()
    return this.#next(
      selected(
        this.#query,
        namedColumns(this.#fields, nameOf, (name) => row[name]),
        method,
      ),
    )
  }

  #require(name: string, method: string): void {
    if (this.#fields.some((field) => field.name === name)) return
    const near = suggest(
      name,
      this.#fields.map((field) => field.name),
    )
    throw new PlanError('UNKNOWN_COLUMN', `Cannot plan ${method}(): there is no column "${name}"`, near === undefined ? {} : { hint: `Did you mean ${near}?` })
  }

  #join(type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL', other: SqlTable, on: PairFunction, select?: PairFunction): Table<unknown> {
    const { sides, condition, items } = this.#sides('join', other, on, select)
    return this.#next(joined(sides, type, condition, items))
  }

  #joinAsOf(type: 'INNER' | 'LEFT', other: SqlTable, time: string, on: PairFunction, select?: PairFunction): Table<unknown> {
    const { sides, condition, items } = this.#sides('joinAsOf', other, on, select)
    return this.#next(joinedAsOf(sides, type, time, other.bound.plan, condition, items))
  }

  #unnest(type: 'CROSS' | 'LEFT', collection: (row: Columns<R>) => unknown, names: readonly string[]): Table<unknown> {
    const method = type === 'CROSS' ? 'unnest' : 'leftUnnest'
    const given = called(method, (scope) => collection(columnsOf(this.#fields, scope, undefined)))
    return this.#next(unnested(this.#query, type, expressionOf(given, method), names))
  }

  #sides(
    method: string,
    other: SqlTable,
    on: PairFunction,
    select: PairFunction | undefined,
  ): { readonly sides: Sides; readonly condition: Expression; readonly items: NamedExpressions | undefined } {
    const [own, others] = [this.#fields, other.bound.plan.columns]
    const shared = own.find(({ name }) => others.some((field) => field.name === name))
    if (shared !== undefined && select === undefined)
      throw new PlanError('DUPLICATE_COLUMN', `Cannot join: both tables have a column "${shared.name}"`, {
        hint: 'Name the columns of the result in a third function, (left, right) => ({ ... }), or rename() those of one table.',
      })
    const sides = sidesOf(this.#query, other.bound, shared !== undefined)
    const pair = (of: string, given: PairFunction): unknown =>
      called(of, (scope) => given(columnsOf(own, scope, sides.leftName) as never, columnsOf(others, scope, sides.rightName) as never))
    return { sides, condition: conditionOf(pair(method, on), method), items: select && selectionOf(pair(method, select), method) }
  }

  #combine(other: SqlTable, operator: 'UNION' | 'INTERSECT' | 'EXCEPT', all: boolean, method: string): Table<R> {
    return this.#next(combined(this.#query, other.bound, operator, all, method))
  }
}

/** How changes are said: see `toChangelog` and `fromChangelog` of {@link Table}. */
export interface ChangelogOptions<Op extends string = string> {
  /** The column of codes. @default 'op' */
  readonly op?: Op
  /** @default the changes' own names */
  readonly opMapping?: Readonly<Record<string, string>>
}

/** Rows behind the first ones, which need to be told how many they are. */
export interface OffsetTable<R> {
  fetch(count: number): Table<R>
}

// Callbacks without types: overloads have those.
type PairFunction = (left: never, right: never) => unknown
type JoinFunctions = readonly [on: PairFunction, select?: PairFunction]
type JoinArguments = readonly [other: SqlTable, ...JoinFunctions]

/** Makes a table of groups. */
type MakeTable = <Next>(having: Expression | undefined, items: NamedExpressions) => Table<Next>

/** Groups of rows, before something is selected of them. `K` are the keys. */
export class GroupedTable<R = AnyRow, K = AnyRow> {
  declare protected readonly row: R
  declare protected readonly key: K
  readonly #keys: ReadonlyMap<string, Expression>
  readonly #fields: readonly Field[]
  readonly #having: Expression | undefined
  readonly #make: MakeTable

  /** @internal Groups are made by tables. */
  constructor(keys: ReadonlyMap<string, Expression>, fields: readonly Field[], make: MakeTable, having?: Expression) {
    this.#keys = keys
    this.#fields = fields
    this.#make = make
    this.#having = having
  }

  /** A row for each group: of keys and aggregates. */
  select<S extends Selection>(columns: (row: Columns<Omit<R, keyof K> & K>) => S): Table<RowOfSelection<S>> {
    return this.#make(this.#having, this.#selection('select', columns))
  }

  /** The same, with the keys in front. */
  aggregate<S extends Selection>(columns: (row: Columns<Omit<R, keyof K> & K>) => S): Table<K & RowOfSelection<S>> {
    return this.#make(this.#having, [...this.#keys, ...this.#selection('aggregate', columns)])
  }

  /** The groups for which a condition is true. */
  having(condition: (row: Columns<Omit<R, keyof K> & K>) => Condition): GroupedTable<R, K> {
    const own = conditionOf(
      called('having', (scope) => condition(this.#columns(scope))),
      'having',
    )
    const both = this.#having === undefined ? own : (this.#having as Expression<boolean>).and(own as Expression<boolean>)
    return new GroupedTable(this.#keys, this.#fields, this.#make, both)
  }

  #selection(method: string, columns: (row: never) => unknown): NamedExpressions {
    return selectionOf(
      called(method, (scope) => columns(this.#columns(scope) as never)),
      method,
    )
  }

  #columns(scope: Parameters<typeof columnsOf>[1]): Columns<Omit<R, keyof K> & K> {
    return columnsOf(this.#fields, scope, undefined, this.#keys)
  }
}

function counted(method: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new PlanError('WRONG_ARGUMENTS', `Cannot plan ${method}(): ${String(count)} is no number of rows`)
}
