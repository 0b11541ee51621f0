// Makes logical plans of queries: names are looked up in the catalog, expressions bound, columns named as Flink names them.

import { type Field, formatType, type LogicalType, sameType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { Catalog } from './catalog.ts'
import { AggregateBinder, hasAggregate } from './aggregate-binder.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Expression, Join, Name, OrderedQuery, Query, Select, SetOperation, Star, TableExpression, Values } from './syntax-tree.ts'
import { commonType } from './type-rules.ts'

/** What a FROM clause has. */
interface Source {
  readonly plan: LogicalPlan
  readonly columns: readonly ScopeColumn[]
}

/** Binds the queries of one text. */
export class QueryBinder {
  readonly #text: string
  readonly #catalog: Catalog
  /** Of WITH, the innermost last. */
  readonly #named: ReadonlyMap<string, LogicalPlan>

  constructor(text: string, catalog: Catalog, named: ReadonlyMap<string, LogicalPlan> = new Map()) {
    this.#text = text
    this.#catalog = catalog
    this.#named = named
  }

  /**
   * The plan of a query.
   *
   * @throws {SqlError} as {@link ExpressionBinder} and {@link Catalog}; `WRONG_COLUMN_COUNT`, `WRONG_TYPE`, `NOT_SUPPORTED`.
   */
  bind(query: Query): LogicalPlan {
    switch (query.kind) {
      case 'select':
        return this.#select(query)
      case 'values':
        return this.#values(query)
      case 'table query':
        return this.#select(selectAll(query.table, query))
      case 'with': {
        if (query.recursive) throw this.#error('NOT_SUPPORTED', query, 'WITH RECURSIVE is not there')
        const named = new Map(this.#named)
        for (const { name, columns, query: definition } of query.tables) {
          const plan = new QueryBinder(this.#text, this.#catalog, named).bind(definition)
          named.set(name.text, this.#renamed(plan, columns, name))
        }
        return new QueryBinder(this.#text, this.#catalog, named).bind(query.body)
      }
      case 'set operation':
        return this.#setOperation(query)
      case 'ordered':
        return this.#sort(query)
    }
  }

  #select(select: Select): LogicalPlan {
    const { quantifier, groupBy, having, windows, qualify, from, where, items } = select
    if (windows.length > 0 || qualify !== undefined) throw this.#error('NOT_SUPPORTED', select, 'Cannot plan WINDOW and QUALIFY yet')
    if (quantifier === 'DISTINCT') return distinct(this.#select({ ...select, quantifier: undefined }))
    const source = from === undefined ? NOTHING : this.#source(from)
    const binder = new ExpressionBinder(this.#text, source.columns)
    let input = source.plan
    if (where !== undefined) {
      const condition = binder.bind(where)
      if (condition.type.kind !== 'BOOLEAN') throw this.#error('WRONG_TYPE', where, `WHERE takes a BOOLEAN, and this is ${formatType(condition.type)}`)
      input = { kind: 'filter', input, condition, columns: input.columns }
    }
    if (groupBy !== undefined || having !== undefined || items.some(({ expression }) => hasAggregate(expression))) return this.#groups(select, source, input)
    const expressions: BoundExpression[] = []
    const columns: Field[] = []
    const add = (name: string, expression: BoundExpression): void => {
      columns.push({ name: freeName(name, columns), type: expression.type })
      expressions.push(expression)
    }
    items.forEach(({ expression, alias }) => {
      if (expression.kind === 'star') {
        for (const { name, value } of this.#expand(expression, source.columns, binder)) add(name, value)
      } else add(alias?.text ?? nameOf(expression) ?? `EXPR$${columns.length}`, binder.bind(expression))
    })
    return { kind: 'project', input, expressions, columns }
  }

  #groups({ groupBy, having, items, ...span }: Select, source: Source, input: LogicalPlan): LogicalPlan {
    const grouped = groupBy?.items ?? []
    if (groupBy?.distinct === true || grouped.some(({ kind }) => kind !== 'expressions'))
      throw this.#error('NOT_SUPPORTED', span, 'Cannot plan GROUPING SETS, ROLLUP and CUBE yet')
    const keys = grouped.flatMap((item) => (item.kind === 'expressions' ? item.expressions : []))
    const binder = new AggregateBinder(this.#text, source.columns, keys)
    const expressions: BoundExpression[] = []
    const columns: Field[] = []
    for (const { expression, alias } of items) {
      if (expression.kind === 'star') throw this.#error('NOT_GROUPED', expression, '* stands for columns that are not grouped', 'Name the columns.')
      const bound = binder.bind(expression)
      columns.push({ name: freeName(alias?.text ?? nameOf(expression) ?? `EXPR$${columns.length}`, columns), type: bound.type })
      expressions.push(bound)
    }
    const condition = having && binder.bind(having)
    if (condition !== undefined && condition.type.kind !== 'BOOLEAN')
      throw this.#error('WRONG_TYPE', condition, `HAVING takes a BOOLEAN, and this is ${formatType(condition.type)}`)
    const { aggregates } = binder
    const groups: LogicalPlan = {
      kind: 'aggregate',
      input,
      keys: binder.keys,
      aggregates,
      columns: [...binder.keys, ...aggregates].map(({ type }, index) => ({ name: `$${index}`, type })),
    }
    const kept: LogicalPlan = condition === undefined ? groups : { kind: 'filter', input: groups, condition, columns: groups.columns }
    return { kind: 'project', input: kept, expressions, columns }
  }

  /** What * stands for: all columns, those of a table, or the fields of a row. */
  #expand(
    { of, start, end }: Star,
    columns: readonly ScopeColumn[],
    binder: ExpressionBinder,
  ): readonly { readonly name: string; readonly value: BoundExpression }[] {
    const columnAt = (index: number): { name: string; value: BoundExpression } => {
      const { name, type } = columns[index]
      return { name, value: { kind: 'column', index, type, start, end } }
    }
    const places = columns.map((_, index) => index)
    if (of.length === 0) {
      if (columns.length === 0) throw this.#error('UNKNOWN_COLUMN', { start, end }, 'There is nothing that * could stand for', 'Write FROM.')
      return places.map(columnAt)
    }
    const table = of[of.length - 1]
    const found = places.filter((index) => columns[index].table === table.text)
    if (found.length > 0) return found.map(columnAt)
    const row = (parts: readonly Name[]): BoundExpression => binder.bind({ kind: 'reference', parts, start, end })
    const { type } = row(of)
    if (type.kind !== 'ROW') throw this.#error('WRONG_TYPE', table, `${formatType(withNullability(type, true))} has no fields`)
    return type.fields.map(({ name }) => ({ name, value: row([...of, { text: name, start, end }]) }))
  }

  #source(from: TableExpression): Source {
    switch (from.kind) {
      case 'table reference': {
        const { parts } = from.name
        const named = parts.length === 1 ? this.#named.get(parts[0].text) : undefined
        if (from.asOf !== undefined) throw this.#error('NOT_SUPPORTED', from, 'Cannot plan FOR SYSTEM_TIME AS OF yet')
        return this.#aliased(named ?? this.#relation(from.name), from.alias ?? parts[parts.length - 1], from.columns)
      }
      case 'subquery':
        if (from.lateral) throw this.#error('NOT_SUPPORTED', from, 'Cannot plan LATERAL yet')
        return this.#aliased(this.bind(from.query), from.alias, from.columns)
      case 'join':
        return this.#join(from)
      default:
        throw this.#error('NOT_SUPPORTED', from, 'Cannot plan this yet')
    }
  }

  #join({ type, natural, left: leftTable, right: rightTable, on, using, ...span }: Join): Source {
    if (natural || using !== undefined) throw this.#error('NOT_SUPPORTED', span, 'Cannot plan NATURAL and USING yet')
    const [left, right] = [this.#source(leftTable), this.#source(rightTable)]
    const all = [...left.columns, ...right.columns]
    const condition = on && new ExpressionBinder(this.#text, all).bind(on)
    if (condition !== undefined && condition.type.kind !== 'BOOLEAN')
      throw this.#error('WRONG_TYPE', condition, `ON takes a BOOLEAN, and this is ${formatType(condition.type)}`)
    const joined = type === 'COMMA' || type === 'CROSS' ? 'INNER' : type
    // A side without a partner is NULL.
    const columns = all.map((column, index) => {
      const isPadded = joined === 'FULL' || joined === (index < left.columns.length ? 'RIGHT' : 'LEFT')
      return isPadded ? { ...column, type: withNullability(column.type, true) } : column
    })
    const plan: LogicalPlan = {
      kind: 'join',
      type: joined,
      left: left.plan,
      right: right.plan,
      condition,
      columns: columns.map(({ name, type: columnType }) => ({ name, type: columnType })),
    }
    return { plan, columns }
  }

  #relation(name: Parameters<Catalog['find']>[0]): LogicalPlan {
    const found = this.#catalog.find(name, this.#text)
    if (found.kind === 'table') return { kind: 'scan', table: found, columns: found.columns.map(({ name: column, type }) => ({ name: column, type })) }
    const plan = new QueryBinder(found.text, this.#catalog).bind(found.query)
    return found.columnNames.length === 0 ? plan : withNames(plan, found.columnNames)
  }

  #aliased(plan: LogicalPlan, alias: Name | undefined, names: readonly Name[]): Source {
    const renamed = this.#renamed(plan, names, alias)
    return { plan: renamed, columns: renamed.columns.map(({ name, type }) => ({ name, table: alias?.text, type })) }
  }

  #renamed(plan: LogicalPlan, names: readonly Name[], at: Span | undefined): LogicalPlan {
    if (names.length === 0) return plan
    if (names.length !== plan.columns.length)
      throw this.#error('WRONG_COLUMN_COUNT', at ?? names[0], `${names.length} names stand for ${plan.columns.length} columns`)
    return withNames(
      plan,
      names.map(({ text }) => text),
    )
  }

  #values({ rows, ...span }: Values): LogicalPlan {
    const binder = new ExpressionBinder(this.#text, [])
    const width = rows[0].length
    const uneven = rows.find((row) => row.length !== width)
    if (uneven !== undefined) throw this.#error('WRONG_COLUMN_COUNT', uneven[0] ?? span, `A row has ${uneven.length} values where the first one has ${width}`)
    // Column by column, so that NULL finds the type of the others.
    const cells = Array.from({ length: width }, (_, column) => binder.bindAll(rows.map((row) => row[column])))
    const columns = cells.map((values, index) => ({ name: `EXPR$${index}`, type: values.type }))
    return { kind: 'values', rows: rows.map((_, row) => cells.map(({ expressions }) => expressions[row])), columns }
  }

  #setOperation({ operator, all, left: leftQuery, right: rightQuery, ...span }: SetOperation): LogicalPlan {
    const [left, right] = [this.bind(leftQuery), this.bind(rightQuery)]
    if (left.columns.length !== right.columns.length)
      throw this.#error('WRONG_COLUMN_COUNT', rightQuery, `This has ${right.columns.length} columns where the other side has ${left.columns.length}`)
    const columns = left.columns.map(({ name, type }, index) => {
      const common = commonType(type, right.columns[index].type)
      if (common === undefined)
        throw this.#error(
          'WRONG_TYPE',
          rightQuery,
          `Column ${index + 1} is ${formatType(right.columns[index].type)} here, and ${formatType(type)} on the other side`,
        )
      return { name, type: common }
    })
    return { kind: 'set operation', operator, all, left: castTo(left, columns, span), right: castTo(right, columns, span), columns }
  }

  #sort({ query, orderBy, offset, fetch }: OrderedQuery): LogicalPlan {
    const input = this.bind(query)
    // Of a SELECT what it reads may order it too, beside what it makes.
    const binder = new ExpressionBinder(
      this.#text,
      input.columns.map(({ name, type }) => ({ name, table: undefined, type })),
    )
    const keys = orderBy.map(({ expression, descending, nulls }) => {
      if (expression.kind === 'literal' && expression.type === 'integer')
        throw this.#error('NOT_SUPPORTED', expression, 'Cannot order by the place of a column yet')
      return {
        expression: this.#orNotYet(() => binder.bind(expression), expression),
        descending,
        nullsFirst: nulls === undefined ? !descending : nulls === 'FIRST',
      }
    })
    return { kind: 'sort', input, keys, offset: this.#count(offset) ?? 0, fetch: this.#count(fetch), columns: input.columns }
  }

  /** ORDER BY may name columns that are not selected, and tables: these have to be carried along. */
  #orNotYet(bind: () => BoundExpression, span: Span): BoundExpression {
    try {
      return bind()
    } catch (error) {
      if (error instanceof SqlError && error.code === 'UNKNOWN_COLUMN') throw this.#error('NOT_SUPPORTED', span, 'Cannot order by what is not selected yet')
      throw error
    }
  }

  #count(expression: Expression | undefined): number | undefined {
    if (expression === undefined) return undefined
    if (expression.kind !== 'literal' || expression.type !== 'integer') throw this.#error('NOT_SUPPORTED', expression, 'Cannot plan this count yet')
    return Number(expression.text)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

/** What no text says. */
const NOWHERE: Span = { start: 0, end: 0 }
/** Of a SELECT without FROM: one row without columns. */
const NOTHING: Source = { plan: { kind: 'values', rows: [[]], columns: [] }, columns: [] }

function selectAll(name: Parameters<Catalog['find']>[0], span: Span): Select {
  const { start, end } = span
  const from: TableExpression = { kind: 'table reference', name, hints: [], asOf: undefined, alias: undefined, columns: [], start, end }
  const star: Star = { kind: 'star', of: [], start, end }
  const nothing = { hints: [], quantifier: undefined, where: undefined, groupBy: undefined, having: undefined, windows: [], qualify: undefined }
  return { kind: 'select', ...nothing, items: [{ expression: star, alias: undefined }], from, start, end }
}

/** The name that a column has without an alias. */
function nameOf(expression: Expression): string | undefined {
  if (expression.kind === 'reference') return expression.parts[expression.parts.length - 1].text
  return expression.kind === 'field' ? expression.field.text : undefined
}

/** A name that no column has so far: a number is put behind it. */
function freeName(name: string, columns: readonly Field[]): string {
  const isTaken = (wanted: string): boolean => columns.some((column) => column.name === wanted)
  if (!isTaken(name)) return name
  let number = 0
  while (isTaken(`${name}${number}`)) number++
  return `${name}${number}`
}

/** Each row once: a group by all columns. */
function distinct(input: LogicalPlan): LogicalPlan {
  const keys = input.columns.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, ...NOWHERE }))
  return { kind: 'aggregate', input, keys, aggregates: [], columns: input.columns }
}

function withNames(plan: LogicalPlan, names: readonly string[]): LogicalPlan {
  return { ...plan, columns: plan.columns.map(({ type }, index) => ({ name: names[index], type })) }
}

/** The same rows with columns of other types. */
function castTo(input: LogicalPlan, columns: readonly Field[], { start, end }: Span): LogicalPlan {
  const isSame = input.columns.every(({ type }, index) => sameType(withNullability(type, true), withNullability(columns[index].type, true)))
  if (isSame) return input
  const cast = (type: LogicalType, index: number): BoundExpression => {
    const column: BoundExpression = { kind: 'column', index, type: input.columns[index].type, start, end }
    const own = withNullability(type, column.type.nullable)
    return sameType(own, column.type) ? column : { kind: 'cast', operand: column, isTry: false, isImplicit: true, type: own, start, end }
  }
  return { kind: 'project', input, expressions: columns.map(({ type }, index) => cast(type, index)), columns }
}
