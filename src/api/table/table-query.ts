// The query that a table stands for, and how methods make the next one of it: the same nodes that the parser makes of SQL, so that both are planned alike.

import type { Field } from '../../batch/types.ts'
import { callNode } from '../../sql/call-node.ts'
import type { LogicalPlan } from '../../sql/logical-plan.ts'
import type { Span } from '../../sql/sql-error.ts'
import type {
  Argument,
  Expression as SyntaxExpression,
  Join,
  Name,
  OrderedQuery,
  Query,
  Select,
  SetOperation,
  Star,
  TableArgument,
  TableExpression,
  TableReference,
  Unnest,
} from '../../sql/syntax-tree.ts'
import { type Expression, interval, type OrderExpression, writeOperand } from './expression.ts'
import { moved, QueryText } from './query-text.ts'
import type { WindowSpecification } from './windows.ts'

/** A query, the text that its places are of, and what it was bound to. */
export interface TableQuery {
  readonly query: Query
  readonly text: string
  readonly plan: LogicalPlan
}

/** A query that has not been bound. */
export type UnboundQuery = Omit<TableQuery, 'plan'>

/** Names of a selection, and what they stand for: expressions or values. */
export type NamedExpressions = readonly (readonly [name: string, expression: unknown])[]

const NOTHING = { hints: [], quantifier: undefined, groupBy: undefined, having: undefined, windows: [], qualify: undefined } as const

/** `SELECT *` of a table. @param shown How it is called in errors. */
export function selectAll(from: (name: Name) => TableExpression, shown: string): UnboundQuery {
  const text = new QueryText('from(')
  const name = text.name(shown)
  text.add(')')
  return { query: starOf(from(name), name), text: text.text }
}

/** A whole query of SQL. */
export function ofQuery(query: Query, text: string): UnboundQuery {
  return { query, text }
}

function starOf(from: TableExpression, { start, end }: Span, where?: SyntaxExpression): Select {
  const star: Star = { kind: 'star', of: [], start, end }
  return { kind: 'select', ...NOTHING, items: [{ expression: star, alias: undefined }], from, where, start, end }
}

/** Whether a query is all columns of its tables: then what is selected of it may stand in it. */
function isOpen(query: Query): query is Select & { readonly from: TableExpression } {
  if (query.kind !== 'select' || query.from === undefined || query.quantifier !== undefined || query.groupBy !== undefined) return false
  const { items, having, windows, qualify, hints } = query
  return (
    items.length === 1 && items[0].expression.kind === 'star' && having === undefined && windows.length === 0 && qualify === undefined && hints.length === 0
  )
}

/** The query as one that is open: itself, or all columns of it. */
function opened(query: Query): Select {
  return isOpen(query) ? query : starOf({ kind: 'subquery', lateral: false, query, alias: undefined, columns: [], ...spanOf(query) }, query)
}

/** What a method makes of a query: its words are written behind it. */
function step(base: UnboundQuery, method: string, make: (text: QueryText, span: () => Span) => Query): UnboundQuery {
  const text = new QueryText(`${base.text}\n`)
  const start = text.text.length
  text.add(`${method}(`)
  const query = make(text, () => ({ start, end: text.text.length }))
  text.add(')')
  return { query, text: text.text }
}

function writeItems(text: QueryText, items: NamedExpressions): Select['items'] {
  return text.list(items, ([name, given]) => {
    const expression = writeOperand(given, text)
    // A column that keeps its name needs none.
    const isNamed = expression.kind === 'reference' && expression.parts.at(-1)!.text === name
    if (!isNamed) text.add(' AS ')
    return { expression, alias: isNamed ? undefined : text.name(name) }
  })
}

export function selected(base: UnboundQuery, items: NamedExpressions, method = 'select'): UnboundQuery {
  return step(base, method, (text, span) => ({ ...opened(base.query), items: writeItems(text, items), ...span() }))
}

/** All columns, and further ones. */
export function extended(base: UnboundQuery, items: NamedExpressions): UnboundQuery {
  return step(base, 'addColumns', (text, span) => {
    const select = opened(base.query)
    return { ...select, items: [...select.items, ...writeItems(text, items)], ...span() }
  })
}

export function filtered(base: UnboundQuery, condition: Expression): UnboundQuery {
  return step(base, 'where', (text, span) => {
    const select = opened(base.query)
    const own = condition.writeTo(text)
    if (select.where === undefined) return { ...select, where: own, ...span() }
    const both = callNode('infix', [{ text: 'AND', start: own.start, end: own.end }], [select.where, own])
    return { ...select, where: both, ...span() }
  })
}

export function grouped(base: UnboundQuery, keys: readonly Expression[], having: Expression | undefined, items: NamedExpressions): UnboundQuery {
  const keyed = step(base, 'groupBy', (text) => {
    const groups = text.list(keys, (key) => ({ kind: 'expressions', expressions: [key.writeTo(text)], isRow: false }) as const)
    return { ...opened(base.query), groupBy: { distinct: false, items: groups } }
  })
  const kept = having === undefined ? keyed : step(keyed, 'having', (text) => ({ ...(keyed.query as Select), having: having.writeTo(text) }))
  return step(kept, 'select', (text, span) => ({ ...(kept.query as Select), items: writeItems(text, items), ...span() }))
}

export function distinct(base: UnboundQuery): UnboundQuery {
  return step(base, 'distinct', () => {
    const { query } = base
    return query.kind === 'select' && query.quantifier === undefined ? { ...query, quantifier: 'DISTINCT' } : { ...opened(query), quantifier: 'DISTINCT' }
  })
}

export function ordered(base: UnboundQuery, keys: readonly (Expression | OrderExpression)[]): UnboundQuery {
  return step(base, 'orderBy', (text, span) => {
    const orderBy = text.list(keys, (key) => ('asc' in key ? key.asc() : key).writeTo(text))
    const { query } = base
    return { kind: 'ordered', query: query.kind === 'ordered' ? opened(query) : query, orderBy, offset: undefined, fetch: undefined, ...span() }
  })
}

/** The first rows, or those behind them. */
export function limited(base: UnboundQuery, of: 'offset' | 'fetch', count: number): UnboundQuery {
  return step(base, of === 'fetch' ? 'limit' : 'offset', (text, span): OrderedQuery => {
    const number = text.value(count, undefined)
    const { query } = base
    if (query.kind === 'ordered' && query.fetch === undefined && (of === 'fetch' || query.offset === undefined)) return { ...query, [of]: number, ...span() }
    const inner = query.kind === 'ordered' ? opened(query) : query
    return { kind: 'ordered', query: inner, orderBy: [], offset: undefined, fetch: undefined, [of]: number, ...span() }
  })
}

export function combined(left: UnboundQuery, right: UnboundQuery, operator: SetOperation['operator'], all: boolean, method: string): UnboundQuery {
  const both = beside(left, right)
  return step(both, method, (_, span) => ({ kind: 'set operation', operator, all, left: left.query, right: both.right, ...span() }))
}

/** Both texts, and the second query where it stands in them. */
function beside(left: UnboundQuery, right: UnboundQuery): UnboundQuery & { readonly right: Query } {
  const by = left.text.length + 1
  return { query: left.query, text: `${left.text}\n${right.text}`, right: moved(right.query, by) }
}

/** Two tables side by side, and what their columns are named with. */
export interface Sides {
  readonly base: UnboundQuery
  readonly left: TableExpression
  readonly right: TableExpression
  readonly leftName: string | undefined
  readonly rightName: string | undefined
}

/** @param isShared Whether a name stands for a column of both. */
export function sidesOf(left: UnboundQuery, right: UnboundQuery, isShared: boolean): Sides {
  const base = beside(left, right)
  // A join goes on where all names tell their columns; else it is a table of its own.
  const isJoined = isOpen(left.query) && left.query.where === undefined && left.query.from.kind === 'join' && !isShared
  const leftName = isJoined ? undefined : 't1'
  const rightName = `t${isJoined ? countOf(left.query) + 1 : 2}`
  return {
    base,
    left: leftName === undefined ? (left.query as Select).from! : sideOf(left.query, leftName),
    right: sideOf(base.right, rightName),
    leftName,
    rightName,
  }
}

function countOf(query: Query): number {
  const count = (from: TableExpression): number => (from.kind === 'join' ? count(from.left) + count(from.right) : 1)
  return count((query as Select).from!)
}

/** A query as a table of FROM. */
function sideOf(query: Query, name: string): TableExpression {
  const { start, end } = query
  const alias: Name = { text: name, start, end }
  if (
    isOpen(query) &&
    query.where === undefined &&
    (query.from.kind === 'table reference' || query.from.kind === 'table function' || query.from.kind === 'subquery')
  )
    return { ...query.from, alias }
  return { kind: 'subquery', lateral: false, query, alias, columns: [], start, end }
}

const JOIN_METHODS = { INNER: 'join', LEFT: 'leftJoin', RIGHT: 'rightJoin', FULL: 'fullJoin' } as const

export function joined(sides: Sides, type: keyof typeof JOIN_METHODS, condition: Expression, items: NamedExpressions | undefined): UnboundQuery {
  return step(sides.base, JOIN_METHODS[type], (text, span) => {
    const on = condition.writeTo(text)
    if (items !== undefined) text.add(', ')
    const selection = items && writeItems(text, items)
    const own = span()
    const join: Join = { kind: 'join', type, natural: false, left: sides.left, right: sides.right, on, using: undefined, ...own }
    const all = starOf(join, own)
    return selection === undefined ? all : { ...all, items: selection }
  })
}

const AS_OF_METHODS = { INNER: 'joinAsOf', LEFT: 'leftJoinAsOf' } as const

/** @param time The column of the left side that says as of when. @param right What the right side is, where it is more than a table. */
export function joinedAsOf(
  sides: Sides,
  type: keyof typeof AS_OF_METHODS,
  time: string,
  right: LogicalPlan,
  condition: Expression,
  items: NamedExpressions | undefined,
): UnboundQuery {
  return step(sides.base, AS_OF_METHODS[type], (text, span) => {
    const asOf = text.column(time, sides.leftName)
    text.add(', ')
    const on = condition.writeTo(text)
    if (items !== undefined) text.add(', ')
    const selection = items && writeItems(text, items)
    const own = span()
    const versions = { ...referenceOf(sides.right, right), asOf }
    const join: Join = { kind: 'join', type, natural: false, left: sides.left, right: versions, on, using: undefined, ...own }
    const all = starOf(join, own)
    return selection === undefined ? all : { ...all, items: selection }
  })
}

/** A side of a join as a table by its name. */
function referenceOf(side: TableExpression, plan: LogicalPlan): TableReference {
  if (side.kind === 'table reference') return side
  const { alias, start, end } = side as TableExpression & { readonly alias: Name }
  return { kind: 'table reference', name: { parts: [alias], start, end }, hints: [], asOf: undefined, plan: () => plan, alias, columns: [], start, end }
}

/** @param names Of the columns that elements have; none: the names of their fields. */
export function unnested(base: UnboundQuery, type: 'CROSS' | 'LEFT', collection: Expression, names: readonly string[]): UnboundQuery {
  return step(base, type === 'CROSS' ? 'unnest' : 'leftUnnest', (text, span) => {
    const values = [collection.writeTo(text)]
    if (names.length > 0) text.add(', ')
    const columns = text.list(names, (name) => text.name(name))
    const own = span()
    const { query } = base
    const alias: Name = { text: ELEMENTS, ...own }
    const left = isOpen(query) && query.where === undefined ? query.from : sideOf(query, 't1')
    const right: Unnest = { kind: 'unnest', values, withOrdinality: false, alias, columns, ...own }
    const on: SyntaxExpression | undefined = type === 'LEFT' ? { kind: 'literal', type: 'boolean', text: 'TRUE', ...own } : undefined
    return starOf({ kind: 'join', type, natural: false, left, right, on, using: undefined, ...own }, own)
  })
}

/** What the elements of a collection are called beside the rows. */
const ELEMENTS = 'elements'

export function windowed(base: UnboundQuery, { function: name, time, sizes, partitionBy }: WindowSpecification): UnboundQuery {
  return step(base, 'window', (text, span) => {
    const called = text.name(name)
    text.add('(')
    const descriptor = text.node(() => {
      text.add('DESCRIPTOR(')
      const column = text.name(time)
      text.add(')')
      return (own) => ({ kind: 'descriptor', columns: [column], ...own }) as const
    })
    if (partitionBy.length > 0) text.add(', PARTITION BY ')
    const partition = text.list(partitionBy, (column) => text.column(column, undefined))
    text.add(', ')
    const intervals = text.list(sizes, (size) => interval(size, text))
    text.add(')')
    const own = span()
    const { query } = base
    const table: TableArgument['table'] =
      isOpen(query) && query.where === undefined && query.from.kind === 'table reference' && query.from.plan === undefined ? query.from.name : query
    const argument: TableArgument = { kind: 'table', table, partitionBy: partition, orderBy: [], ...own }
    const call = { ...callNode('function', [called], [argument, descriptor, ...intervals]), ...own }
    return starOf({ kind: 'table function', lateral: false, call, alias: undefined, columns: [], ...own }, own)
  })
}

/** @internal How the changes of a table are said. */
export interface ChangelogSpecification {
  readonly op: string | undefined
  readonly opMapping: Readonly<Record<string, string>> | undefined
}

/** The changes of a table as rows, or the other way round. */
export function changelog(base: UnboundQuery, method: 'toChangelog' | 'fromChangelog', { op, opMapping }: ChangelogSpecification): UnboundQuery {
  return step(base, method, (text, span) => {
    const argument = (name: string, write: () => (own: Span) => SyntaxExpression): SyntaxExpression =>
      text.node(() => {
        const named = text.name(name)
        text.add(': ')
        const value = text.node(write)
        return (own): Argument => ({ kind: 'argument', name: named, value, ...own })
      })
    const descriptor = (column: string) => (): ((own: Span) => SyntaxExpression) => {
      const named = text.name(column)
      return (own) => ({ kind: 'descriptor', columns: [named], ...own })
    }
    const mapping = (entries: readonly string[]) => (): ((own: Span) => SyntaxExpression) => {
      const values = text.list(entries, (entry): SyntaxExpression => ({ kind: 'literal', type: 'string', ...text.name(entry) }))
      return (own) => ({ kind: 'constructor', of: 'MAP', values, ...own })
    }
    const given = [
      ...(op === undefined ? [] : [() => argument('op', descriptor(op))]),
      ...(opMapping === undefined ? [] : [() => argument('op_mapping', mapping(Object.entries(opMapping).flat()))]),
    ]
    const others = text.list(given, (write) => write())
    const own = span()
    const table: TableArgument = { kind: 'table', table: base.query, partitionBy: [], orderBy: [], ...own }
    const input: Argument = { kind: 'argument', name: { text: 'input', ...own }, value: table, ...own }
    const name = { text: method === 'toChangelog' ? 'TO_CHANGELOG' : 'FROM_CHANGELOG', ...own }
    const call = { ...callNode('function', [name], [input, ...others]), ...own }
    return starOf({ kind: 'table function', lateral: false, call, alias: undefined, columns: [], ...own }, own)
  })
}

/** Columns by their names, under these or others. */
export function namedColumns(
  columns: readonly Field[],
  nameOf: (name: string) => string | undefined,
  expressionOf: (name: string) => Expression,
): NamedExpressions {
  return columns.flatMap(({ name }) => {
    const own = nameOf(name)
    return own === undefined ? [] : [[own, expressionOf(name)] as const]
  })
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}
