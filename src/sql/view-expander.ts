// Writes out the names of a view's query: tables with their catalogs and databases, columns with their tables, and the columns of *. So a view stays what it
// was when what its names could stand for changes.

import type { Catalog } from './catalog.ts'
import { changelogColumns } from './changelog-functions.ts'
import { isChangelogFunction } from './flink-functions.ts'
import type { SyntaxNode } from './syntax-walk.ts'
import type {
  Expression,
  Join,
  Name,
  OrderedQuery,
  QualifiedName,
  Query,
  Reference,
  Select,
  Star,
  TableArgument,
  TableExpression,
  TableFunction,
  TableReference,
} from './syntax-tree.ts'

/** What may be named in a part of a query. */
interface Scope {
  readonly sources: readonly Source[]
  readonly outer: Scope | undefined
}

/** A table of FROM. */
interface Source {
  readonly alias: string
  readonly columns: readonly string[]
  /** Whether columns of it are those of others too, by USING or NATURAL. */
  readonly isMerged?: boolean
}

/** A query with all names written out, and the names of its columns. */
interface Expanded {
  readonly query: Query
  readonly columns: readonly string[]
}

/** Of WITH: the columns of each query. */
type Named = ReadonlyMap<string, readonly string[]>

const WINDOW_FUNCTIONS = new Set(['TUMBLE', 'HOP', 'CUMULATE', 'SESSION'])
const WINDOW_COLUMNS = ['window_start', 'window_end', 'window_time']

/** The query with all names written out; undefined if it cannot be done. */
export function expandQuery(query: Query, catalog: Catalog, text: string): Query | undefined {
  try {
    return new Expander(catalog, text).query(query, new Map(), undefined).query
  } catch (error) {
    if (error instanceof NotExpandable) return undefined
    throw error
  }
}

class NotExpandable extends Error {}

class Expander {
  readonly #catalog: Catalog
  readonly #text: string
  /** Tables without a name get one with the next number. */
  #unnamed = 0

  constructor(catalog: Catalog, text: string) {
    this.#catalog = catalog
    this.#text = text
  }

  query(query: Query, named: Named, outer: Scope | undefined): Expanded {
    switch (query.kind) {
      case 'select':
        return this.#select(query, named, outer)
      case 'values':
        return {
          query: { ...query, rows: query.rows.map((row) => row.map((cell) => this.#expression(cell, { sources: [], outer }, named))) },
          columns: query.rows[0].map((_, index) => `EXPR$${index}`),
        }
      case 'table query':
        return this.query(selectAll(query.table), named, outer)
      case 'set operation': {
        const { query: left, columns } = this.query(query.left, named, outer)
        return { query: { ...query, left, right: this.query(query.right, named, outer).query }, columns }
      }
      case 'with': {
        const known = new Map(named)
        const tables = query.tables.map((table) => {
          const { query: own, columns } = this.query(table.query, known, outer)
          known.set(table.name.text, table.columns.length > 0 ? table.columns.map(({ text }) => text) : columns)
          return { ...table, query: own }
        })
        const { query: body, columns } = this.query(query.body, known, outer)
        return { query: { ...query, tables, body }, columns }
      }
      case 'ordered':
        return this.#ordered(query, named, outer)
    }
  }

  #select(select: Select, named: Named, outer: Scope | undefined): Expanded {
    const sources: Source[] = []
    const from = select.from && this.#source(select.from, named, sources, outer)
    const scope = { sources, outer }
    const columns: string[] = []
    const items: { readonly expression: Expression; readonly alias: Name | undefined }[] = []
    for (const { expression, alias } of select.items) {
      if (expression.kind === 'star')
        for (const reference of this.#star(expression, scope)) {
          const { text } = reference.parts[1]
          const name = freeName(text, columns)
          columns.push(name)
          items.push({ expression: reference, alias: name === text ? undefined : nameAt(name, reference) })
        }
      else {
        columns.push(freeName(alias?.text ?? nameOf(expression) ?? `EXPR$${columns.length}`, columns))
        items.push({ expression: this.#expression(expression, scope, named), alias })
      }
    }
    const written = <Part>(part: Part): Part => this.#tree(part, scope, named) as Part
    const { where, groupBy, having, windows, qualify } = select
    const expanded = { where: written(where), groupBy: written(groupBy), having: written(having), windows: written(windows), qualify: written(qualify) }
    return { query: { ...select, ...expanded, items, from }, columns }
  }

  #star({ of, start, end }: Star, { sources }: Scope): readonly Reference[] {
    const found = of.length === 0 ? sources : sources.filter(({ alias }) => alias === of[of.length - 1].text)
    if (found.length === 0 || (of.length === 0 && sources.some(({ isMerged }) => isMerged === true))) throw new NotExpandable()
    return found.flatMap(({ alias, columns }) =>
      columns.map((column): Reference => ({ kind: 'reference', parts: [nameAt(alias, { start, end }), nameAt(column, { start, end })], start, end })),
    )
  }

  /** Names of columns of the result come first, as they are. */
  #ordered(ordered: OrderedQuery, named: Named, outer: Scope | undefined): Expanded {
    const { query: input, orderBy } = ordered
    const { query, columns } = this.query(input, named, outer)
    if (orderBy.length > 0 && (query.kind === 'set operation' || query.kind === 'values')) {
      // Flink orders what it selects of it.
      const subquery: TableExpression = { kind: 'subquery', lateral: false, query: input, alias: undefined, columns: [], start: input.start, end: input.end }
      const { start, end } = input
      const select: Select = { ...selectAll({ parts: [], start, end }), from: subquery }
      return this.#ordered({ ...ordered, query: select }, named, outer)
    }
    const sources: Source[] = []
    if (input.kind === 'select' && input.from !== undefined) this.#quietly(() => this.#source(input.from!, named, sources, outer))
    const scope = { sources, outer }
    const written = orderBy.map((item) => {
      const { expression } = item
      const isResult = expression.kind === 'reference' && expression.parts.length === 1 && columns.includes(expression.parts[0].text)
      return isResult ? item : { ...item, expression: this.#expression(expression, scope, named) }
    })
    return { query: { ...ordered, query, orderBy: written }, columns }
  }

  /** Once more, for the names only. */
  #quietly(make: () => unknown): void {
    const unnamed = this.#unnamed
    make()
    this.#unnamed = unnamed
  }

  // ---- FROM ----

  /** Adds what it holds to `sources`, of which those in front are known to it. */
  #source(from: TableExpression, named: Named, sources: Source[], outer: Scope | undefined): TableExpression {
    const before: Scope = { sources: [...sources], outer }
    switch (from.kind) {
      case 'table reference':
        if (from.plan !== undefined) throw new NotExpandable()
        return this.#reference(from, named, sources, before)
      case 'subquery': {
        const { query, columns } = this.query(from.query, named, from.lateral ? before : outer)
        const alias = this.#alias(from)
        sources.push({ alias: alias.text, columns: given(from) ?? columns })
        return { ...from, query, alias }
      }
      case 'table function':
        return this.#function(from, named, sources, before)
      case 'unnest': {
        const columns = given(from)
        if (columns === undefined) throw new NotExpandable()
        const alias = this.#alias(from)
        sources.push({ alias: alias.text, columns })
        return { ...from, values: from.values.map((value) => this.#expression(value, before, named)), alias }
      }
      case 'join':
        return this.#join(from, named, sources, outer)
      case 'match recognize':
        throw new NotExpandable()
    }
  }

  #join(join: Join, named: Named, sources: Source[], outer: Scope | undefined): TableExpression {
    const first = sources.length
    const left = this.#source(join.left, named, sources, outer)
    const right = this.#source(join.right, named, sources, outer)
    if (join.natural || join.using !== undefined)
      for (let index = first; index < sources.length; index++) sources[index] = { ...sources[index], isMerged: true }
    return { ...join, left, right, on: join.on && this.#expression(join.on, { sources, outer }, named) }
  }

  #reference(from: TableReference, named: Named, sources: Source[], before: Scope): TableExpression {
    const { name, asOf } = from
    const [own] = name.parts.toReversed()
    const alias = from.alias ?? own
    const inner = name.parts.length === 1 ? named.get(own.text) : undefined
    if (inner !== undefined) {
      sources.push({ alias: alias.text, columns: given(from) ?? inner })
      return { ...from, alias }
    }
    const found = this.#catalog.find(name, this.#text)
    sources.push({ alias: alias.text, columns: given(from) ?? found.columns.map((column) => column.name) })
    return { ...from, name: fullName(name, found.path), asOf: asOf && this.#expression(asOf, before, named), alias }
  }

  #function(from: TableFunction, named: Named, sources: Source[], before: Scope): TableExpression {
    const { call } = from
    const name = call.name[0].text.toUpperCase()
    if (!WINDOW_FUNCTIONS.has(name) && !isChangelogFunction(name)) throw new NotExpandable()
    let columns: readonly string[] | undefined
    const expand = (operand: Expression): Expression => {
      if (operand.kind === 'argument') return { ...operand, value: expand(operand.value) }
      if (operand.kind === 'query') {
        const expanded = this.query(operand.query, named, before)
        columns = expanded.columns
        return { ...operand, query: expanded.query }
      }
      if (operand.kind !== 'table') return operand
      const expanded = this.#tableArgument(operand, named, before)
      columns = expanded.columns
      return expanded.argument
    }
    const operands = call.operands.map(expand)
    if (columns === undefined) throw new NotExpandable()
    const alias = this.#alias(from)
    const shown = isChangelogFunction(name) ? changelogColumns(call, columns) : [...columns, ...WINDOW_COLUMNS]
    sources.push({ alias: alias.text, columns: given(from) ?? shown })
    return { ...from, call: { ...call, operands }, alias }
  }

  #tableArgument(argument: TableArgument, named: Named, before: Scope): { readonly argument: Expression; readonly columns: readonly string[] } {
    const { table } = argument
    const { query, columns } = this.query('parts' in table ? selectAll(table) : table, named, before)
    return { argument: { ...argument, table: query }, columns }
  }

  #alias({ alias, start, end }: TableExpression & { readonly alias: Name | undefined }): Name {
    return alias ?? nameAt(`EXPR$${this.#unnamed++}`, { start, end })
  }

  // ---- expressions ----

  #expression(expression: Expression, scope: Scope, named: Named): Expression {
    return this.#tree(expression, scope, named) as Expression
  }

  /** Anything that holds expressions. */
  #tree(tree: unknown, scope: Scope, named: Named): unknown {
    if (typeof tree !== 'object' || tree === null) return tree
    if (Array.isArray(tree)) return tree.map((one) => this.#tree(one, scope, named))
    const node = tree as SyntaxNode
    switch (node.kind) {
      case 'reference':
        return { ...node, parts: resolve(node.parts, scope) }
      case 'select':
      case 'values':
      case 'table query':
      case 'set operation':
      case 'with':
      case 'ordered':
        return this.query(node, named, scope).query
      default:
        return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, this.#tree(value, scope, named)]))
    }
  }
}

/** The name of a column with its table in front. */
function resolve(parts: readonly Name[], scope: Scope | undefined): readonly Name[] {
  if (scope === undefined) throw new NotExpandable()
  const [first, second] = parts
  const isQualified = second !== undefined && scope.sources.some(({ alias, columns }) => alias === first.text && columns.includes(second.text))
  if (isQualified) return parts
  const found = scope.sources.filter(({ columns }) => columns.includes(first.text))
  if (found.length > 1) throw new NotExpandable()
  return found.length === 1 ? [nameAt(found[0].alias, first), ...parts] : resolve(parts, scope.outer)
}

function given({ columns }: { readonly columns: readonly Name[] }): readonly string[] | undefined {
  return columns.length === 0 ? undefined : columns.map(({ text }) => text)
}

function fullName(name: QualifiedName, [catalog, database]: readonly [string, string, string]): QualifiedName {
  const [own] = name.parts.toReversed()
  return { ...name, parts: [nameAt(catalog, own), nameAt(database, own), own] }
}

function nameAt(text: string, { start, end }: { readonly start: number; readonly end: number }): Name {
  return { text, start, end }
}

function selectAll(name: QualifiedName): Select {
  const { start, end } = name
  const from: TableExpression = { kind: 'table reference', name, hints: [], asOf: undefined, alias: undefined, columns: [], start, end }
  const star: Star = { kind: 'star', of: [], start, end }
  const nothing = { hints: [], quantifier: undefined, where: undefined, groupBy: undefined, having: undefined, windows: [], qualify: undefined }
  return { kind: 'select', ...nothing, items: [{ expression: star, alias: undefined }], from, start, end }
}

function nameOf(expression: Expression): string | undefined {
  if (expression.kind === 'reference') return expression.parts[expression.parts.length - 1].text
  return expression.kind === 'field' ? expression.field.text : undefined
}

function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name
  let number = 0
  while (taken.includes(`${name}${number}`)) number++
  return `${name}${number}`
}
