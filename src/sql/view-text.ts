// Queries as Flink writes them: of views, in SHOW CREATE VIEW.

import type { CatalogView } from './catalog.ts'
import { ExpressionWriter, stringText } from './expression-text.ts'
import { fileOf } from './files/file-name.ts'
import { SqlError } from './sql-error.ts'
import type { GroupItem, Hint, Join, Query, Select, TableExpression } from './syntax-tree.ts'
import { quoted } from './type-text.ts'

/** Windows that are grouped by have other names inside of Flink. */
const GROUP_WINDOWS = new Set(['TUMBLE', 'HOP', 'SESSION'])

/** Of an item of SELECT: queries for a value get parentheses. */
const ITEM_POWER = 2

/** The query of a view, as Flink writes it. @throws {SqlError} `NOT_SUPPORTED` if its names could not be written out. */
export function queryText({ query, text, isExpanded }: CatalogView): string {
  if (!isExpanded) throw new SqlError('NOT_SUPPORTED', text, query, 'Cannot write the query of this view yet')
  return new QueryWriter(text).query(query)
}

class QueryWriter {
  readonly #expressions: ExpressionWriter

  constructor(text: string) {
    this.#expressions = new ExpressionWriter(text, {
      reference: (parts) => parts.map(quoted).join('.'),
      query: (query) => this.query(query),
    })
  }

  query(query: Query): string {
    switch (query.kind) {
      case 'select':
        return this.#select(query)
      case 'values':
        return `VALUES ${query.rows.map((row) => `ROW(${row.map((cell) => this.#expressions.write(cell)).join(', ')})`).join(',\n')}`
      case 'table query':
        return `TABLE ${query.table.parts.map(({ text }) => quoted(text)).join('.')}`
      case 'with': {
        const tables = query.tables.map(({ name, columns, query: own }) => `${quoted(name.text)}${listed(columns)} AS (${this.query(own)})`)
        return `WITH ${tables.join(', ')} ${this.query(query.body)}`
      }
      case 'set operation': {
        const { operator, all, left, right } = query
        const power = powerOf(query)
        const written = [this.#operand(left, power, false), `${operator}${all ? ' ALL' : ''}`, this.#operand(right, power, true)]
        return written.join('\n')
      }
      case 'ordered': {
        const { orderBy, offset, fetch } = query
        const lines = [this.query(query.query)]
        if (orderBy.length > 0) lines.push(`ORDER BY ${this.#expressions.orderItems(orderBy)}`)
        if (offset !== undefined) lines.push(`OFFSET ${this.#expressions.write(offset)} ROWS`)
        if (fetch !== undefined) lines.push(`FETCH NEXT ${this.#expressions.write(fetch)} ROWS ONLY`)
        return lines.join('\n')
      }
    }
  }

  /** A side of a set operation; the right one needs parentheses if it is of the same power too. */
  #operand(query: Query, power: number, isRight: boolean): string {
    const own = powerOf(query)
    return own < power || (isRight && own === power) ? `(${this.query(query)})` : this.query(query)
  }

  #select(select: Select): string {
    const { hints, quantifier, items, from, where, groupBy, having, windows, qualify } = select
    const selected = items.map(
      ({ expression, alias }) => `${this.#expressions.write(expression, ITEM_POWER)}${alias === undefined ? '' : ` AS ${quoted(alias.text)}`}`,
    )
    const head = hints.length === 0 ? 'SELECT' : `SELECT\n${hintText(hints)}\n`
    const lines = [`${head}${hints.length === 0 ? ' ' : ''}${quantifier === undefined ? '' : `${quantifier} `}${selected.join(', ')}`]
    if (from !== undefined) lines.push(`FROM ${this.#source(from, '\n')}`)
    if (where !== undefined) lines.push(`WHERE ${this.#expressions.write(where)}`)
    if (groupBy !== undefined) lines.push(`GROUP BY ${groupBy.distinct ? 'DISTINCT ' : ''}${groupBy.items.map((item) => this.#group(item)).join(', ')}`)
    if (having !== undefined) lines.push(`HAVING ${this.#expressions.write(having)}`)
    if (windows.length > 0)
      lines.push(`WINDOW ${windows.map(({ name, window }) => `${quoted(name.text)} AS (${this.#expressions.window(window)})`).join(', ')}`)
    if (qualify !== undefined) lines.push(`QUALIFY ${this.#expressions.write(qualify)}`)
    return lines.join('\n')
  }

  #group(item: GroupItem): string {
    if (item.kind !== 'expressions') return `${item.kind}(${item.items.map((one) => this.#group(one)).join(', ')})`
    const written = item.expressions.map((expression) => {
      const text = this.#expressions.write(expression)
      return expression.kind === 'call' && GROUP_WINDOWS.has(expression.name[0].text.toUpperCase()) ? `$${text}` : text
    })
    if (item.expressions.length === 0) return '()'
    return item.expressions.length > 1 && item.isRow ? `ROW(${written.join(', ')})` : written.join(', ')
  }

  // ---- FROM ----

  #source(from: TableExpression, separator: string): string {
    switch (from.kind) {
      case 'join':
        return this.#join(from, separator)
      case 'table reference': {
        const { name, hints, asOf } = from
        const hint = hints.length === 0 ? '' : `\n${hintText(hints)}`
        const time = asOf === undefined ? '' : ` FOR SYSTEM_TIME AS OF ${this.#expressions.write(asOf)}`
        const file = fileOf(name)
        const written = file === undefined ? name.parts.map(({ text }) => quoted(text)).join('.') : stringText(file)
        return `${written}${hint}${time}${aliasText(from)}`
      }
      case 'subquery':
        return `${from.lateral ? 'LATERAL ' : ''}(${this.query(from.query)})${aliasText(from)}`
      case 'table function':
        return `${from.lateral ? 'LATERAL ' : ''}TABLE(${this.#expressions.write(from.call)})${aliasText(from)}`
      case 'unnest': {
        const values = from.values.map((value) => this.#expressions.write(value))
        return `UNNEST(${values.join(', ')})${from.withOrdinality ? ' WITH ORDINALITY' : ''}${aliasText(from)}`
      }
      case 'match recognize':
        return this.#source(from.input, separator)
    }
  }

  #join({ type, natural, left, right, on, using }: Join, separator: string): string {
    const sides = [this.#source(left, separator), right.kind === 'join' ? `(${this.#source(right, ' ')})` : this.#source(right, separator)]
    if (type === 'COMMA') return sides.join(`,${separator}`)
    const condition = on === undefined ? '' : ` ON ${this.#expressions.write(on)}`
    const columns = using === undefined ? '' : ` USING${listed(using)}`
    return `${sides[0]}${separator}${natural ? 'NATURAL ' : ''}${type} JOIN ${sides[1]}${condition}${columns}`
  }
}

/** INTERSECT holds tighter than the others; what is ordered needs parentheses. */
function powerOf(query: Query): number {
  if (query.kind === 'ordered' || query.kind === 'with') return 0
  if (query.kind !== 'set operation') return 3
  return query.operator === 'INTERSECT' ? 2 : 1
}

function aliasText({
  alias,
  columns,
}: {
  readonly alias: { readonly text: string } | undefined
  readonly columns: readonly { readonly text: string }[]
}): string {
  return alias === undefined ? '' : ` AS ${quoted(alias.text)}${listed(columns)}`
}

function listed(names: readonly { readonly text: string }[]): string {
  return names.length === 0 ? '' : ` (${names.map(({ text }) => quoted(text)).join(', ')})`
}

function hintText(hints: readonly Hint[]): string {
  const written = hints.map(({ name, options, arguments: given }) => {
    const parts = options.length > 0 ? options.map(({ key, value }) => `${stringText(key)} = ${stringText(value)}`) : given.map(quoted)
    return `${quoted(name.text)}${parts.length === 0 ? '' : `(${parts.join(', ')})`}`
  })
  return `/*+ ${written.join(', ')} */`
}
