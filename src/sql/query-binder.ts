// Makes logical plans of queries: names are looked up in the catalog, expressions bound, columns named as Flink names them.

import { type Field, formatType, withNullability } from '../batch/types.ts'
import { suggest } from '../base/suggest.ts'
import { AggregateBinder, hasAggregate } from './aggregate-binder.ts'
import type { BoundCall, BoundExpression } from './bound-expression.ts'
import type { Catalog, CatalogTable, Origin } from './catalog.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import { decorrelated, overBoth } from './decorrelation.ts'
import { and, conjunctsOf, orNull, replaceColumns } from './expressions.ts'
import { CHANGELOG_FUNCTIONS, FLINK_FUNCTIONS, isChangelogFunction } from './flink-functions.ts'
import { FILE_FUNCTIONS, functionAdvice } from './function-advice.ts'
import { groupingOf, groupingSetsOf, groupsOf } from './grouping.ts'
import { checkHints, hintedTable, StateTtlHints } from './hints.ts'
import { isLateRows, lateRowsAlone } from './late-rows.ts'
import { LookupHints } from './lookup-hint.ts'
import { isLookedUp, LOOKUP_CONNECTORS, lookedUpTable } from './lookup-plan.ts'
import { changelogTable } from './changelog-functions.ts'
import type { AggregatePlan, JoinPlan, LogicalPlan, PlanColumn, SortKey, UnnestPlan } from './logical-plan.ts'
import { orderable } from './orderable.ts'
import { OverBinder } from './over-binder.ts'
import {
  castTo,
  commonNames,
  cut,
  distinct,
  freeName,
  isOneRow,
  joinOf,
  merged,
  project,
  Rows,
  scanOf,
  settled,
  type Source,
  uniqueKeyOf,
  withCondition,
  withNames,
} from './plans.ts'
import { withRanks } from './rank-rule.ts'
import { SqlError, type Span } from './sql-error.ts'
import type {
  Expression,
  Hint,
  Join,
  Name,
  OrderedQuery,
  OrderItem,
  QualifiedName,
  Query,
  Reference,
  Select,
  SetOperation,
  Star,
  Subquery,
  TableExpression,
  TableFunction,
  TableReference,
  Unnest,
  Values,
} from './syntax-tree.ts'
import { bindSubquery, type BoundSubquery, domainOf, isSubquery, type SubqueryExpression } from './subquery-binder.ts'
import { commonType } from './type-rules.ts'
import { rowTypeOf } from './user-functions.ts'
import { GroupWindows, isWindowFunction, windowTable } from './window-functions.ts'

/** Binds the queries of one text. */
export class QueryBinder {
  readonly #text: string
  readonly #catalog: Catalog
  /** Of WITH, the innermost last. */
  readonly #named: ReadonlyMap<string, LogicalPlan>
  /** Columns of the rows around a subquery: the place of the first is -1, of the second -2. */
  readonly #outer: readonly ScopeColumn[]
  /** Of the SELECT that is being bound. */
  #ttls: StateTtlHints | undefined
  /** Of the SELECT whose FROM is being bound. */
  #lookups: LookupHints | undefined

  constructor(text: string, catalog: Catalog, named: ReadonlyMap<string, LogicalPlan> = new Map(), outer: readonly ScopeColumn[] = []) {
    this.#text = text
    this.#catalog = catalog
    this.#named = named
    this.#outer = outer
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
          const plan = new QueryBinder(this.#text, this.#catalog, named, this.#outer).bind(unordered(definition))
          const twice = columns.length === 0 ? repeatedOf(definition) : undefined
          if (twice !== undefined)
            throw this.#error('DUPLICATE_COLUMN', name, `There are several columns "${twice}" in it`, 'Give them names of their own: AS.')
          named.set(name.text, this.#renamed(plan, columns, name))
        }
        return new QueryBinder(this.#text, this.#catalog, named, this.#outer).bind(query.body)
      }
      case 'set operation':
        return this.#setOperation(query)
      case 'ordered':
        return this.#sort(query)
    }
  }

  #select(select: Select): LogicalPlan {
    if (select.quantifier === 'DISTINCT') {
      const rows = this.#select({ ...select, quantifier: undefined })
      return this.#kept(distinct(rows), select.from)
    }
    return this.#ordered(select, []).plan
  }

  /** @param order By what the rows are to be ordered: columns that are not selected are made too, behind the others. */
  #ordered(select: Select, order: readonly OrderItem[]): { readonly plan: LogicalPlan; readonly keys: readonly SortKey[]; readonly width: number } {
    const { groupBy, having, from, where, items } = select
    checkHints(select.hints, this.#text)
    this.#ttls = new StateTtlHints(select.hints, from, this.#text)
    const qualify = select.qualify && named(select.qualify, items)
    const lookups = (this.#lookups = new LookupHints(select.hints, this.#text))
    const rows = new Rows(from === undefined ? NOTHING : this.#source(from))
    lookups.checkUse()
    if (where !== undefined) this.#where(rows, where, items)
    rows.plan = settled(rows.plan)
    const isGrouped = groupBy !== undefined || having !== undefined || items.some(({ expression }) => hasAggregate(expression))
    const overs = new OverBinder(this.#text, select.windows)
    const binder: Pick<ExpressionBinder, 'bind'> = isGrouped ? this.#groups({ ...select, qualify }, order, rows, overs) : this.#rowBinder(rows, overs)
    if (having !== undefined) this.#filter(rows, binder.bind(having), having, 'HAVING')
    const expressions: BoundExpression[] = []
    const columns: Field[] = []
    const add = (name: string, expression: BoundExpression): void => {
      columns.push({ name: freeName(name, columns), type: expression.type })
      expressions.push(expression)
    }
    for (const { expression, alias } of items) {
      if (expression.kind !== 'star') add(alias?.text ?? nameOf(expression) ?? `EXPR$${columns.length}`, binder.bind(expression))
      else if (isGrouped) throw this.#error('NOT_GROUPED', expression, '* stands for columns that are not grouped', 'Name the columns.')
      else for (const { name, value } of this.#expand(expression, rows.columns, new ExpressionBinder(this.#text, rows.columns))) add(name, value)
    }
    const width = columns.length
    const keys = order.map((item): SortKey => {
      const found = this.#orderColumn(item.expression, columns, binder, expressions)
      return { ...directionOf(item), expression: orderable(found, this.#text) }
    })
    const kept = qualify && binder.bind(qualify)
    const place = overs.place(rows)
    if (kept !== undefined) this.#filter(rows, place(kept), kept, 'QUALIFY')
    return { plan: { ...project(rows.plan, expressions.map(place), columns), origin: this.#originOf(select) }, keys, width }
  }

  /** The column by which rows are ordered: by its place, its name, or made for it. */
  #orderColumn(expression: Expression, columns: Field[], binder: Pick<ExpressionBinder, 'bind'>, expressions: BoundExpression[]): BoundExpression {
    const { start, end } = expression
    const column = (index: number): BoundExpression => ({ kind: 'column', index, type: columns[index].type, start, end })
    if (expression.kind === 'literal' && expression.type === 'integer') {
      const index = Number(expression.text) - 1
      if (index < 0 || index >= columns.length) throw this.#error('UNKNOWN_COLUMN', expression, `There is no column ${expression.text} to order by`)
      return column(index)
    }
    const alias = expression.kind === 'reference' && expression.parts.length === 1 ? columns.findIndex(({ name }) => name === expression.parts[0].text) : -1
    if (alias >= 0) return column(alias)
    const bound = binder.bind(expression)
    const index = expressions.push(bound) - 1
    columns.push({ name: freeName('$order', columns), type: bound.type })
    return column(index)
  }

  #filter(rows: Rows, condition: BoundExpression, span: Span, clause: string): void {
    if (condition.type.kind !== 'BOOLEAN') throw this.#error('WRONG_TYPE', span, `${clause} takes a BOOLEAN, and this is ${formatType(condition.type)}`)
    rows.plan = { kind: 'filter', input: rows.plan, condition, columns: rows.plan.columns, origin: this.#originOf(span) }
  }

  /** Binds expressions of the rows themselves. */
  #rowBinder(rows: Rows, overs?: OverBinder): ExpressionBinder {
    const binder: ExpressionBinder = new ExpressionBinder(
      this.#text,
      rows.columns,
      (expression) => {
        if (expression.kind === 'over' && overs !== undefined) return overs.bind(expression, binder)
        if (!isSubquery(expression)) return undefined
        return this.#bindSubquery(expression, rows, binder).attach(rows, same, same)
      },
      this.#outer,
    )
    return binder
  }

  // ---- conditions and subqueries ----

  #where(rows: Rows, where: Expression, items: Select['items']): void {
    for (const conjunct of conjunctsOfText(where)) {
      this.#refuseAliases(conjunct, 'WHERE', items, rows.columns)
      if (hasAggregate(conjunct)) throw this.#error('WRONG_PLACE', conjunct, 'WHERE looks at rows, not at groups', 'Write the condition into HAVING.')
      if (this.#semi(rows, conjunct)) continue
      const condition = this.#rowBinder(rows).bind(conjunct)
      if (condition.type.kind !== 'BOOLEAN') throw this.#error('WRONG_TYPE', conjunct, `WHERE takes a BOOLEAN, and this is ${formatType(condition.type)}`)
      rows.plan = withCondition(rows.plan, condition, this.#originOf(conjunct))
    }
  }

  /** Whether a condition asks for rows of a query: then those that it leaves are the rows. */
  #semi(rows: Rows, conjunct: Expression): boolean {
    const isNot = conjunct.kind === 'call' && conjunct.syntax === 'prefix' && conjunct.name[0].text.toUpperCase() === 'NOT'
    const inner = isNot ? conjunct.operands[0] : conjunct
    // A query that has one row in any case is TRUE as a value.
    if (inner.kind === 'exists') {
      if (!isOneRow(this.#subquery(inner.query, rows))) {
        this.#addSemi(rows, inner.query, isNot ? 'ANTI' : 'SEMI', () => [], inner)
        return true
      }
    }
    if (inner.kind !== 'in query') return false
    const operand = this.#rowBinder(rows).bind(inner.operand)
    const operands = operand.kind === 'call' && operand.name === 'ROW' ? operand.operands : [operand]
    const isAnti = inner.not !== isNot
    const equal = (sub: LogicalPlan): readonly BoundExpression[] => {
      if (sub.columns.length !== operands.length)
        throw this.#error('WRONG_COLUMN_COUNT', inner, `The query has ${sub.columns.length} columns where ${operands.length} are compared`)
      return sub.columns.map(({ type }, index) => {
        const column: BoundExpression = { kind: 'column', index: rows.plan.columns.length + index, type, ...spanOf(inner) }
        const same = this.#rowBinder(rows).compare(operands[index], column, inner)
        // NOT IN is not TRUE where a NULL could be the value.
        return isAnti ? orNull(same, [operands[index], column]) : same
      })
    }
    this.#addSemi(rows, inner.query, isAnti ? 'ANTI' : 'SEMI', equal, inner)
    return true
  }

  #addSemi(rows: Rows, query: Query, type: 'SEMI' | 'ANTI', conditions: (sub: LogicalPlan) => readonly BoundExpression[], span: Span): void {
    const shown = this.#subquery(query, rows)
    const refuse = (): SqlError => this.#error('NOT_SUPPORTED', span, 'Cannot plan this correlated subquery yet')
    const count = rows.columns.length
    const domain = domainOf(rows)
    const sub = decorrelated(shown, (columns) => {
      // What stands further out is no column of these rows.
      if (columns.some((column) => -1 - column >= count)) throw refuse()
      return domain(columns)
    })
    if (sub === undefined) throw refuse()
    const width = rows.plan.columns.length
    const correlated = sub.conditions.map((condition) => overBoth(condition, width, count))
    const condition = [...conditions(shown), ...correlated].reduce<BoundExpression | undefined>(
      (left, right) => (left === undefined ? right : and(left, right)),
      undefined,
    )
    rows.plan = { kind: 'join', type, left: rows.plan, right: sub.plan, condition, strategy: { kind: 'regular' }, columns: rows.plan.columns }
  }

  /** A query that may name columns of the rows around it: their places count down from -1. */
  #subquery(query: Query, rows: Rows): LogicalPlan {
    const further = this.#outer.map((column) => {
      const isHidden = rows.columns.some(({ name, table }) => name === column.name && table === column.table)
      const isShadowed = rows.columns.some(({ name }) => name === column.name)
      return { ...column, isShadowed, ...(isHidden && { table: undefined }) }
    })
    return new QueryBinder(this.#text, this.#catalog, this.#named, [...rows.columns, ...further]).bind(unordered(query))
  }

  #bindSubquery(expression: SubqueryExpression, rows: Pick<Rows, 'columns'>, binder: Pick<ExpressionBinder, 'bind'>): BoundSubquery {
    const plain = new ExpressionBinder(this.#text, [])
    return bindSubquery(expression, {
      text: this.#text,
      columns: rows.columns,
      query: (query, outer) => new QueryBinder(this.#text, this.#catalog, this.#named, outer).bind(unordered(query)),
      operand: (operand) => binder.bind(operand),
      compare: (operator, left, right, span) => plain.compare(left, right, span, operator),
    })
  }

  // ---- groups ----

  /** Groups of rows of one input, which may say how long they are kept. */
  #kept(plan: LogicalPlan, from: TableExpression | undefined): LogicalPlan {
    const ttlMs = from && this.#ttls?.of(from)
    return ttlMs === undefined ? plan : { ...(plan as AggregatePlan), ttlMs }
  }

  /** Makes groups of the rows; what is bound afterwards is of groups. */
  #groups({ groupBy, having, items, qualify, from }: Select, order: readonly OrderItem[], rows: Rows, overs: OverBinder): Pick<ExpressionBinder, 'bind'> {
    const { columns: scope } = rows
    const { keys: texts, sets } = groupingSetsOf(groupBy?.items ?? [])
    for (const key of texts) this.#refuseAliases(key, 'GROUP BY', items, scope)
    if (having !== undefined) this.#refuseAliases(having, 'HAVING', items, scope)
    for (const key of texts)
      if (hasAggregate(key)) throw this.#error('WRONG_PLACE', key, 'GROUP BY makes the groups that aggregates are of', 'Group by columns.')
    const legacy = new GroupWindows(this.#text, rows, new ExpressionBinder(this.#text, scope, undefined, this.#outer), texts)
    const keyTexts = texts.filter((key) => !legacy.isWindow(key))
    const isLeftOut = keyTexts.map((key) => sets.some((set) => !set.has(key)))
    const subqueries: BoundSubquery[] = []
    const binder = new AggregateBinder(this.#text, scope, keyTexts, {
      outer: this.#outer,
      isLeftOut,
      isGlobal: legacy.spec === undefined && sets.some((set) => set.size === 0),
      windowKeyCount: legacy.keys.length,
      grouping: (places) =>
        groupingOf(
          places.map((place) => keyTexts[place]),
          sets,
        ),
      replace: (expression, groups) => {
        if (expression.kind === 'over') return overs.bind(expression, groups)
        if (!isSubquery(expression)) return legacy.auxiliary(expression)
        const subquery = this.#bindSubquery(expression, rows, groups)
        return { kind: 'column', index: SUBQUERY_PLACE + subqueries.push(subquery) - 1, type: subquery.type, ...spanOf(expression) }
      },
    })
    // All aggregates have to be known before there are groups.
    const bound = new Map<Expression, BoundExpression>()
    const remember = (expression: Expression): BoundExpression => {
      const known = bound.get(expression) ?? binder.bind(expression)
      bound.set(expression, known)
      return known
    }
    for (const { expression } of items) if (expression.kind !== 'star') remember(expression)
    if (having !== undefined) remember(having)
    if (qualify !== undefined) remember(qualify)
    const aliases = new Set(items.map(({ expression, alias }) => alias?.text ?? nameOf(expression)))
    for (const { expression } of order)
      if (!(expression.kind === 'reference' && expression.parts.length === 1 && aliases.has(expression.parts[0].text)) && expression.kind !== 'literal')
        remember(expression)
    binder.checkGrouped()
    const made = groupsOf(rows.plan, binder, sets.length > 1 ? { texts: keyTexts, sets } : undefined, legacy)
    const [aggregate] = binder.aggregates
    rows.plan = this.#kept({ ...made.plan, origin: this.#originOf(aggregate ?? keyTexts[0] ?? items[0].expression) }, from)
    // Subqueries may name what groups have in common.
    const place = (column: number): number => {
      const key = binder.keys.findIndex((one) => one.kind === 'column' && one.index === column)
      if (key < 0) throw this.#error('NOT_GROUPED', items[0].expression, `A subquery names column "${scope[column].name}", which is not one of the GROUP BY`)
      return (made.column({ ...asColumn(binder.keys[key], key), kind: 'column', index: key }) as BoundExpression & { readonly kind: 'column' }).index
    }
    const attached: BoundExpression[] = []
    const column = (one: BoundExpression & { readonly kind: 'column' }): BoundExpression =>
      one.index >= SUBQUERY_PLACE ? attached[one.index - SUBQUERY_PLACE] : made.column(one)
    for (const subquery of subqueries) attached.push(subquery.attach(rows, place, (operand) => replaceColumns(operand, column)))
    overs.move(column)
    return {
      bind: (expression) => {
        const known = remember(expression)
        binder.checkGrouped()
        return replaceColumns(known, column)
      },
    }
  }

  /** Names of SELECT are not known where rows and groups are made of what they name. */
  #refuseAliases(expression: Expression, clause: string, items: Select['items'], scope: readonly ScopeColumn[]): void {
    for (const { parts } of ownReferences(expression)) {
      const [name] = parts
      const item = parts.length > 1 ? undefined : items.find(({ alias }) => alias?.text === name.text)
      if (item === undefined || [...scope, ...this.#outer].some((column) => column.name === name.text || column.table === name.text)) continue
      const { start, end } = item.expression
      throw this.#error(
        'UNKNOWN_COLUMN',
        name,
        `"${name.text}" is what SELECT calls an expression, and ${clause} does not know it`,
        `Write ${this.#text.slice(start, end)} in its place, or name it in a subquery.`,
      )
    }
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
    const twice = columns.find(({ table, isTwice }) => isTwice === true && (of.length === 0 || table === of[of.length - 1].text))
    if (twice !== undefined)
      throw this.#error('AMBIGUOUS_COLUMN', { start, end }, `There are several columns "${twice.name}" in a table`, 'Give them names of their own: AS.')
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

  #source(from: TableExpression, outer: readonly ScopeColumn[] = this.#outer): Source {
    switch (from.kind) {
      case 'table reference': {
        const { parts } = from.name
        const named = parts.length === 1 ? this.#named.get(parts[0].text) : undefined
        if (from.asOf !== undefined) throw this.#error('NOT_SUPPORTED', from, 'FOR SYSTEM_TIME AS OF stands at the right side of a join only')
        checkHints(from.hints, this.#text)
        return this.#aliased(from.plan?.() ?? named ?? this.#relation(from.name, from.hints), from.alias ?? parts[parts.length - 1], from.columns)
      }
      case 'subquery': {
        const binder = new QueryBinder(this.#text, this.#catalog, this.#named, from.lateral ? outer : this.#outer)
        const source = this.#aliased(binder.bind(unordered(from.query)), from.alias, from.columns)
        return from.columns.length > 0 ? source : { ...source, columns: asWritten(source.columns, from.query) }
      }
      case 'join':
        return this.#join(from)
      case 'table function':
        return this.#tableFunction(from)
      case 'unnest': {
        const none = this.#source({
          kind: 'subquery',
          lateral: false,
          query: { kind: 'values', rows: [[]], start: from.start, end: from.end },
          alias: undefined,
          columns: [],
          ...spanOf(from),
        })
        return this.#unnest(none, from, false, undefined)
      }
      default:
        throw this.#error('NOT_SUPPORTED', from, 'MATCH_RECOGNIZE is not there yet')
    }
  }

  #tableFunction(from: TableFunction): Source {
    const { call, alias, columns, ...span } = from
    if (call.user !== undefined) return this.#userTable(NOTHING, from, false, undefined)
    if (isLateRows(call)) {
      const { lateRows } = this.#catalog
      if (lateRows === undefined) throw lateRowsAlone(call, this.#text)
      return this.#aliased(lateRows.find(call, this.#text), alias, columns)
    }
    const name = call.name.map(({ text }) => text).join('.')
    const upper = name.toUpperCase()
    const tableOf = (table: QualifiedName | Query): LogicalPlan => ('parts' in table ? (this.#namedRelation(table) ?? this.#relation(table)) : this.bind(table))
    if (isChangelogFunction(upper)) return this.#aliased(changelogTable(call, this.#text, tableOf), alias, columns)
    if (!isWindowFunction(upper)) {
      if (FLINK_FUNCTIONS.has(upper)) throw this.#error('NOT_SUPPORTED', span, `Cannot plan the table function ${name} yet`)
      const near = suggest(upper, ['TUMBLE', 'HOP', 'CUMULATE', 'SESSION', ...CHANGELOG_FUNCTIONS])
      const advice = FILE_FUNCTIONS.test(upper) ? functionAdvice(name) : undefined
      throw this.#error(
        'UNKNOWN_FUNCTION',
        call.name[0],
        `There is no table function ${name}`,
        advice ?? (near === undefined ? undefined : `Did you mean ${near}?`),
      )
    }
    return this.#aliased(windowTable(call, this.#text, tableOf), alias, columns)
  }

  #namedRelation({ parts }: QualifiedName): LogicalPlan | undefined {
    return parts.length === 1 ? this.#named.get(parts[0].text) : undefined
  }

  #join(join: Join): Source {
    const { type, natural, left: leftTable, right: rightTable, on, using, ...span } = join
    const left = this.#source(leftTable)
    const joined = type === 'COMMA' || type === 'CROSS' ? 'INNER' : type
    const isNatural = natural || using !== undefined
    if (rightTable.kind === 'table function' && rightTable.call.user !== undefined) {
      if (joined === 'RIGHT' || joined === 'FULL' || isNatural)
        throw this.#error('WRONG_JOIN', span, 'Rows that a function makes of each row are joined by CROSS JOIN, or LEFT JOIN ... ON TRUE')
      return this.#userTable(left, rightTable, joined === 'LEFT', on)
    }
    if (rightTable.kind === 'unnest') return this.#unnest(left, rightTable, joined === 'LEFT', on)
    if (rightTable.kind === 'table reference' && rightTable.asOf !== undefined) return this.#temporal(left, rightTable, joined, on, span)
    if (rightTable.kind === 'subquery' && rightTable.lateral) return this.#lateral(left, rightTable, joined, on)
    const right = this.#source(rightTable)
    const all = [...left.columns, ...right.columns]
    const shared = natural ? commonNames(left.columns, right.columns) : using?.map(({ text }) => text)
    const condition =
      shared === undefined ? on && new ExpressionBinder(this.#text, all, undefined, this.#outer).bind(on) : this.#sameColumns(left, right, shared, span)
    if (condition !== undefined && condition.type.kind !== 'BOOLEAN')
      throw this.#error('WRONG_TYPE', condition, `ON takes a BOOLEAN, and this is ${formatType(condition.type)}`)
    const found = joinOf(left, right, joined, condition)
    const ttl = this.#ttls?.ofJoin(leftTable, rightTable)
    const plan = { ...(found.plan as JoinPlan), origin: this.#originOf(condition ?? span), ...(ttl !== undefined && { ttl }) }
    const source = { ...found, plan }
    return shared === undefined ? source : merged(source, left.columns.length, shared)
  }

  #sameColumns(left: Source, right: Source, names: readonly string[], span: Span): BoundExpression | undefined {
    const binder = new ExpressionBinder(this.#text, [])
    const column = (source: Source, name: string, first: number): BoundExpression => {
      const index = source.columns.findIndex((one) => one.name === name)
      if (index < 0) throw this.#error('UNKNOWN_COLUMN', span, `There is no column "${name}" on both sides`)
      return { kind: 'column', index: first + index, type: source.columns[index].type, ...spanOf(span) }
    }
    const equal = names.map((name) => binder.compare(column(left, name, 0), column(right, name, left.columns.length), span))
    return equal.length === 0 ? undefined : equal.reduce(and)
  }

  /** Each row beside the elements of collections in it. */
  #unnest(left: Source, { values, withOrdinality, alias, columns: names, ...span }: Unnest, isOuter: boolean, on: Expression | undefined): Source {
    if (values.length !== 1) throw this.#error('NOT_SUPPORTED', span, 'Cannot plan UNNEST of several collections yet')
    const collection = new ExpressionBinder(this.#text, left.columns, undefined, this.#outer).bind(values[0])
    const { type } = collection
    const elements: PlanColumn[] =
      type.kind === 'MAP'
        ? [
            { name: 'KEY', type: type.key },
            { name: 'VALUE', type: type.value },
          ]
        : type.kind === 'ARRAY' || type.kind === 'MULTISET'
          ? type.element.kind === 'ROW'
            ? type.element.fields.map((field) => ({ ...field, type: withNullability(field.type, field.type.nullable || (type.element.nullable && false)) }))
            : [{ name: 'EXPR$0', type: type.element }]
          : []
    if (elements.length === 0) throw this.#error('WRONG_TYPE', values[0], `UNNEST takes an ARRAY, a MAP or a MULTISET, and this is ${formatType(type)}`)
    if (withOrdinality) elements.push({ name: 'ORDINALITY', type: { kind: 'INT', nullable: false } })
    const ofOne = alias !== undefined && elements.length === 1 && type.kind !== 'MAP' ? [{ ...elements[0], name: alias.text }] : elements
    return this.#elements(left, collection, ofOne, { withOrdinality, isOuter, on }, alias, names)
  }

  /** Each row beside those that a function makes of it. */
  #userTable(left: Source, { call, alias, columns: names }: TableFunction, isOuter: boolean, on: Expression | undefined): Source {
    const collection = new ExpressionBinder(this.#text, left.columns, undefined, this.#outer).userCall(call, call.user!(), 'table')
    const { fields } = rowTypeOf((collection as BoundCall).user!.signature)
    return this.#elements(left, collection, fields, { withOrdinality: false, isOuter, on }, alias, names)
  }

  /** Each row beside the elements of a collection, whose columns get the names that are said. */
  #elements(
    left: Source,
    collection: BoundExpression,
    elements: readonly PlanColumn[],
    { withOrdinality, isOuter, on }: Pick<UnnestPlan, 'withOrdinality' | 'isOuter'> & { readonly on: Expression | undefined },
    alias: Name | undefined,
    names: readonly Name[],
  ): Source {
    if (names.length > 0 && names.length !== elements.length)
      throw this.#error('WRONG_COLUMN_COUNT', alias ?? names[0], `${names.length} names stand for ${elements.length} columns`)
    const made = elements.map((element, index) => ({
      name: names[index]?.text ?? element.name,
      type: withNullability(element.type, element.type.nullable || isOuter),
    }))
    const scope = [...left.columns, ...made.map((column) => ({ ...column, table: alias?.text }))]
    const condition = on && new ExpressionBinder(this.#text, scope, undefined, this.#outer).bind(on)
    const isAlways = condition?.kind === 'literal' && condition.value === true
    const plan: LogicalPlan = {
      kind: 'unnest',
      input: left.plan,
      collection,
      withOrdinality,
      isOuter,
      condition: isAlways ? undefined : condition,
      columns: [...left.plan.columns, ...made],
      origin: this.#originOf(collection),
    }
    return { plan, columns: scope }
  }

  /** Each row beside those of a query that may name its columns. */
  #lateral(left: Source, { query, alias, columns: names, ...span }: Subquery, type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL', on: Expression | undefined): Source {
    const bound = new QueryBinder(this.#text, this.#catalog, this.#named, left.columns).bind(query)
    const takesFirst = isDistinct(left.plan) && isOfOneTable([left.plan, bound])
    const sub = decorrelated(this.#renamed(bound, names, alias), Object.assign(domainOf(left), { takesFirst }))
    if (sub === undefined) throw this.#error('NOT_SUPPORTED', span, 'Cannot plan this LATERAL yet')
    const width = left.columns.length
    const shown = {
      plan: sub.plan,
      columns: sub.plan.columns.map(({ name, type: own }, index) => ({
        name: index < bound.columns.length ? name : `$${index}`,
        table: alias?.text,
        type: own,
      })),
    }
    const correlated = sub.conditions.map((condition) => overBoth(condition, width))
    const all = [...left.columns, ...shown.columns]
    const condition = [...(on === undefined ? [] : [new ExpressionBinder(this.#text, all).bind(on)]), ...correlated].reduce<BoundExpression | undefined>(
      (one, other) => (one === undefined ? other : and(one, other)),
      undefined,
    )
    const joined = joinOf(left, shown, type, condition)
    // What was carried along for the condition is no column of the result.
    return cut(joined, width + bound.columns.length)
  }

  /** Each row beside the version of the other table's row that holds at its time. */
  #temporal(left: Source, right: TableReference, type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL', on: Expression | undefined, span: Span): Source {
    const { asOf, ...table } = right
    const versions = this.#source({ ...table, asOf: undefined })
    const time = new ExpressionBinder(this.#text, left.columns).bind(asOf!)
    const leftTime = time.kind === 'column' ? left.plan.columns[time.index] : undefined
    if (time.kind !== 'column' || leftTime?.time === undefined)
      throw this.#error('WRONG_TYPE', asOf!, 'FOR SYSTEM_TIME AS OF takes a time attribute of the left side', 'Declare a WATERMARK for it.')
    if (type !== 'INNER' && type !== 'LEFT') throw this.#error('WRONG_JOIN', span, `A join as of a time is INNER or LEFT, not ${type}`)
    if (leftTime.time === 'processing') return this.#lookup(left, versions, type, on, right)
    const rightTime = versions.plan.columns.findIndex((column) => column.time === 'event')
    if (rightTime < 0) throw this.#error('WRONG_TYPE', right, 'A table of versions has a time attribute', 'Declare a WATERMARK for it.')
    if (versions.plan.columns[rightTime].type.kind !== leftTime.type.kind)
      throw this.#error(
        'WRONG_TYPE',
        asOf!,
        `The time of one side is ${formatType(leftTime.type)}, and of the other ${formatType(versions.plan.columns[rightTime].type)}`,
      )
    const all = [...left.columns, ...versions.columns]
    const condition = on && new ExpressionBinder(this.#text, all).bind(on)
    const source = joinOf(left, versions, type, condition)
    const { plan } = source
    const keys = uniqueKeyOf(withRanks(versions.plan))
    const width = left.columns.length
    const compared = new Set(
      conjunctsOf(condition)
        .flatMap((one) => (one.kind === 'call' && one.name === '=' ? one.operands : []))
        .flatMap((one) => (one.kind === 'column' && one.index >= width ? [one.index - width] : [])),
    )
    if (keys === undefined)
      throw this.#error(
        'NO_KEY',
        right,
        'A table of versions has a primary key',
        'Declare PRIMARY KEY (...) NOT ENFORCED, or join a view that keeps the last row of a key.',
      )
    if (!keys.every((key) => compared.has(key))) throw this.#error('NO_KEY', span, 'ON must compare the whole primary key of the table of versions')
    if (plan.kind !== 'join') throw this.#error('NOT_SUPPORTED', span, 'Cannot plan this join yet')
    const columns = plan.columns.map((column, index) => (index === time.index ? { ...column, time: 'event' as const } : column))
    return { plan: { ...plan, strategy: { kind: 'temporal', leftTime: time.index, rightTime }, columns }, columns: source.columns }
  }

  /** Each row beside those that the other table has when it comes. */
  #lookup(left: Source, table: Source, type: 'INNER' | 'LEFT', on: Expression | undefined, right: TableReference): Source {
    const found = lookedUpTable(table.plan)
    if (found === undefined || !isLookedUp(found))
      throw this.#error(
        'WRONG_JOIN',
        right,
        found === undefined
          ? 'A view that is looked up is projections and filters of one table'
          : `Tables of connector '${found.options.get('connector') ?? ''}' are not looked up, and there are no joins with their versions as of processing time`,
        `Tables of connector ${LOOKUP_CONNECTORS.map((connector) => `'${connector}'`).join(', ')} are looked up; or join as of an event time.`,
      )
    const condition = on && new ExpressionBinder(this.#text, [...left.columns, ...table.columns]).bind(on)
    const source = joinOf(left, table, type, condition)
    const hint = this.#lookups?.of([
      ...(right.alias === undefined ? [] : [right.alias.text]),
      found.path[2],
      right.name.parts[right.name.parts.length - 1].text,
    ])
    const { start, end } = right
    const strategy = { kind: 'lookup', hint, origin: { text: this.#text, start, end } } as const
    return { plan: { ...(source.plan as JoinPlan), strategy }, columns: source.columns }
  }

  #relation(name: QualifiedName, hints: readonly Hint[] = []): LogicalPlan {
    const whole = this.#catalog.find(name, this.#text)
    const options = whole.kind === 'view' ? hints.find((hint) => hint.name.text.toUpperCase() === 'OPTIONS') : undefined
    if (options !== undefined)
      throw this.#error('INVALID_HINT', options, `"${whole.path[2]}" is a view, which has no options`, 'Write the hint where the view names the table.')
    const found = whole.kind === 'view' ? whole : hintedTable(whole, hints, this.#text)
    if (found.kind === 'table') return { ...scanOf(found), origin: this.#originOf(name) }
    const plan = new QueryBinder(found.text, this.#catalog).bind(found.query)
    return { ...(found.columnNames.length === 0 ? plan : withNames(plan, found.columnNames)), view: found.path.join('.') }
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
    return { kind: 'values', rows: rows.map((_, row) => cells.map(({ expressions }) => expressions[row])), columns, origin: this.#originOf(span) }
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
      const time = left.columns[index].time
      return { name, type: common, time: operator === 'UNION' && all ? (time ?? right.columns[index].time) : undefined }
    })
    return { kind: 'set operation', operator, all, left: castTo(left, columns, span), right: castTo(right, columns, span), columns }
  }

  #sort({ query, orderBy, offset, fetch, ...span }: OrderedQuery): LogicalPlan {
    const rows = { offset: this.#count(offset) ?? 0, fetch: this.#count(fetch) }
    const [first] = orderBy
    const origin = this.#originOf(first === undefined ? (offset ?? fetch ?? span) : { ...first.expression, end: orderBy[orderBy.length - 1].expression.end })
    if (query.kind === 'select' && query.quantifier !== 'DISTINCT') {
      const { plan, keys, width } = this.#ordered(query, orderBy)
      const sorted: LogicalPlan = { kind: 'sort', input: plan, keys, ...rows, columns: plan.columns, origin }
      return width === plan.columns.length ? sorted : cut({ plan: sorted, columns: [] }, width).plan
    }
    const input = this.bind(query)
    const binder = new ExpressionBinder(
      this.#text,
      input.columns.map(({ name, type }) => ({ name, table: undefined, type })),
    )
    const columns = [...input.columns]
    const keys = orderBy.map((item): SortKey => ({
      ...directionOf(item),
      expression: orderable(this.#orderColumn(item.expression, columns, binder, columns.map(asColumn)), this.#text),
    }))
    return { kind: 'sort', input: project(input, columns.map(asColumn), columns), keys, ...rows, columns: input.columns, origin }
  }

  #count(expression: Expression | undefined): number | undefined {
    if (expression === undefined) return undefined
    if (expression.kind !== 'literal' || expression.type !== 'integer')
      throw this.#error('NOT_SUPPORTED', expression, 'LIMIT and OFFSET take an integer that is written out')
    const count = Number(expression.text)
    if (count < 0) throw this.#error('SYNTAX_ERROR', expression, 'LIMIT and OFFSET take no negative number')
    return count
  }

  #originOf({ start, end }: Span): Origin {
    return { text: this.#text, start, end }
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

/** The names that a SELECT gives its columns, as far as it says them; undefined: there is a * among them. */
function writtenNames(query: Query): readonly (string | undefined)[] | undefined {
  const select = query.kind === 'ordered' ? query.query : query
  if (select.kind !== 'select' || select.items.some(({ expression }) => expression.kind === 'star')) return undefined
  return select.items.map(({ expression, alias }) => alias?.text ?? nameOf(expression))
}

/** A name that several columns of a query have. */
function repeatedOf(query: Query): string | undefined {
  return writtenNames(query)?.find((name, index, names) => name !== undefined && names.indexOf(name) !== index)
}

/** The columns of a subquery by the names that are written, of which there may be several. */
function asWritten(columns: readonly ScopeColumn[], query: Query): readonly ScopeColumn[] {
  const names = writtenNames(query)
  if (names === undefined || repeatedOf(query) === undefined) return columns
  return columns.map((column, index) => {
    const name = names[index]
    return name === undefined || names.indexOf(name) === names.lastIndexOf(name) ? column : { ...column, name, isTwice: true }
  })
}

/** Whether each row is there once. */
function isDistinct(plan: LogicalPlan): boolean {
  return plan.kind === 'aggregate' && plan.aggregates.length === 0
}

/** Whether plans read rows of the same table, and of no other. */
function isOfOneTable(plans: readonly LogicalPlan[]): boolean {
  const tableOf = (plan: LogicalPlan): CatalogTable | undefined => {
    if (plan.kind === 'scan') return plan.table
    return 'input' in plan ? tableOf(plan.input) : undefined
  }
  const [first, ...others] = plans.map(tableOf)
  return first !== undefined && others.every((table) => table === first)
}

/** The order of a subquery's rows is no concern, unless the first of them are asked for. */
function unordered(query: Query): Query {
  return query.kind === 'ordered' && query.offset === undefined && query.fetch === undefined ? query.query : query
}

/** The places of subqueries' values until groups are made. */
const SUBQUERY_PLACE = 3_000_000

function same<T>(one: T): T {
  return one
}

/** Of a SELECT without FROM: one row without columns. */
const NOTHING: Source = { plan: { kind: 'values', rows: [[]], columns: [] }, columns: [] }

function selectAll(name: QualifiedName, span: Span): Select {
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

/** A condition in which names of selected columns stand for what they are. */
function named(condition: Expression, items: Select['items']): Expression {
  const expressions = new Map(items.flatMap(({ expression, alias }) => (alias === undefined ? [] : [[alias.text, expression] as const])))
  const replaced = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) return node.map(replaced)
    const { kind, parts } = node as Expression & { readonly parts?: readonly Name[] }
    const stands = kind === 'reference' && parts.length === 1 ? expressions.get(parts[0].text) : undefined
    return stands ?? Object.fromEntries(Object.entries(node).map(([name, value]) => [name, replaced(value)]))
  }
  return replaced(condition) as Expression
}

function directionOf({ descending, nulls }: OrderItem): Omit<SortKey, 'expression'> {
  return { descending, nullsFirst: nulls === undefined ? !descending : nulls === 'FIRST' }
}

function asColumn({ type }: Pick<Field, 'type'>, index: number): BoundExpression {
  return { kind: 'column', index, type, start: 0, end: 0 }
}

/** The names in an expression that are not those of a query within it. */
function* ownReferences(tree: unknown): Generator<Reference> {
  if (typeof tree !== 'object' || tree === null) return
  const { kind } = tree as { readonly kind?: unknown }
  if (kind === 'reference') yield tree as Reference
  else if (kind === 'in query') yield* ownReferences((tree as { readonly operand: Expression }).operand)
  else if (kind !== 'query' && kind !== 'exists') for (const part of Object.values(tree)) yield* ownReferences(part)
}

/** What must all be TRUE for a condition to be. */
function conjunctsOfText(expression: Expression): readonly Expression[] {
  if (expression.kind === 'call' && expression.syntax === 'infix' && expression.name[0].text.toUpperCase() === 'AND')
    return expression.operands.flatMap(conjunctsOfText)
  return [expression]
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}
