// Queries: SELECT and what may stand around it, tables and joins.

import { ExpressionParser } from './expression-parser.ts'
import { fileAlias } from './files/file-name.ts'
import type { Span } from './sql-error.ts'
import type {
  Expression,
  GroupBy,
  GroupItem,
  Hint,
  HintOption,
  Join,
  MatchRecognize,
  Name,
  OrderedQuery,
  Query,
  Select,
  TableExpression,
  TableReference,
  WindowSpecification,
} from './syntax-tree.ts'
import { TokenKind } from './tokens.ts'

/** Reads queries. */
export abstract class QueryParser extends ExpressionParser {
  protected isQuery(): boolean {
    for (let ahead = 0; ; ahead++) {
      const { kind, text, upper } = this.ahead(ahead)
      if (kind === TokenKind.SYMBOL && text === '(') continue
      if (this.ahead(ahead).parameter?.kind === 'table') return ahead === 0 || this.#isWholeQuery()
      if (upper === 'TABLE') return this.ahead(ahead + 1).text !== '('
      // Of several parentheses the outer ones may be an expression's: (SELECT 1) + 1 is told from a query by what stands behind.
      return (upper === 'SELECT' || upper === 'VALUES' || upper === 'WITH') && (ahead === 0 || this.#isWholeQuery())
    }
  }

  /** Whether what begins with parentheses is a query and not an expression that begins with one. */
  #isWholeQuery(): boolean {
    let depth = 0
    for (let ahead = 0; ; ahead++) {
      const { kind, text } = this.ahead(ahead)
      if (kind === TokenKind.END) return true
      if (kind !== TokenKind.SYMBOL) continue
      if (text === '(') depth++
      else if (text === ')' && --depth === 0) {
        const behind = this.ahead(ahead + 1)
        return behind.text === ')' || behind.kind === TokenKind.END || /^(?:UNION|INTERSECT|EXCEPT|MINUS|ORDER|LIMIT|OFFSET|FETCH)$/.test(behind.upper)
      }
    }
  }

  protected query(): Query {
    return this.nested(() => {
      const { token: start } = this
      if (!this.accept('WITH')) return this.#ordered(this.#setOperations(0), start)
      const recursive = this.accept('RECURSIVE')
      const tables = this.list(() => {
        const name = this.name('a name for the query')
        const columns = this.isSymbol('(') ? this.parenthesized(() => this.name('a column')) : []
        this.expectWords('AS')
        this.expectSymbol('(')
        const query = this.query()
        this.expectSymbol(')')
        return { name, columns, query }
      })
      const body = this.#setOperations(0)
      return this.#ordered({ kind: 'with', recursive, tables, body, ...this.span(start) }, start)
    })
  }

  /** ORDER BY, LIMIT, OFFSET and FETCH behind a query. */
  #ordered(query: Query, start: Span): Query {
    const orderBy = this.accept('ORDER', 'BY') ? this.list(() => this.orderItem()) : []
    let offset: Expression | undefined
    let fetch: Expression | undefined
    const readOffset = (): void => {
      if (!this.accept('OFFSET')) return
      offset = this.expression()
      this.acceptOneOf('ROW', 'ROWS')
    }
    let isLimited = false
    if (this.accept('LIMIT')) {
      isLimited = true
      if (!this.accept('ALL')) {
        fetch = this.expression()
        if (this.isSymbol(',')) throw this.error('SYNTAX_ERROR', this.token, 'LIMIT takes one number', 'Write LIMIT count OFFSET start.')
      }
    }
    readOffset()
    if (!isLimited && this.accept('LIMIT')) fetch = this.expression()
    else if (!isLimited && this.accept('FETCH')) {
      if (this.acceptOneOf('FIRST', 'NEXT') === undefined) throw this.unexpected()
      fetch = this.expression()
      if (this.acceptOneOf('ROW', 'ROWS') === undefined) throw this.unexpected()
      this.expectWords('ONLY')
    }
    if (orderBy.length === 0 && offset === undefined && fetch === undefined) return query
    return { kind: 'ordered', query, orderBy, offset, fetch, ...this.span(start) } satisfies OrderedQuery
  }

  /** UNION and EXCEPT bind alike, INTERSECT tighter. */
  #setOperations(least: number): Query {
    const { token: start } = this
    let left = this.#term()
    for (let links = 0; ; links++) {
      this.linked(links)
      const operator = this.isWords('INTERSECT')
        ? 'INTERSECT'
        : least > 0
          ? undefined
          : this.isWords('UNION')
            ? 'UNION'
            : this.isWords('EXCEPT')
              ? 'EXCEPT'
              : undefined
      if (operator === undefined) {
        if (this.isWords('MINUS')) throw this.error('SYNTAX_ERROR', this.token, 'There is no MINUS', 'Write EXCEPT.')
        return left
      }
      this.take()
      const all = this.acceptOneOf('ALL', 'DISTINCT') === 'ALL'
      const right = operator === 'INTERSECT' ? this.#term() : this.#setOperations(1)
      left = { kind: 'set operation', operator, all, left, right, ...this.span(start) }
    }
  }

  #term(): Query {
    const { token: start } = this
    if (this.acceptSymbol('(')) {
      const query = this.query()
      this.expectSymbol(')')
      return query
    }
    if (this.isWords('SELECT')) return this.#select()
    if (this.token.parameter?.kind === 'table') return this.parameterQuery()
    if (this.accept('VALUES')) {
      const rows = this.list(() => {
        const row = this.expression()
        return row.kind === 'constructor' && row.of === 'ROW' && Array.isArray(row.values) ? (row.values as readonly Expression[]) : [row]
      })
      return { kind: 'values', rows, ...this.span(start) }
    }
    if (this.accept('TABLE')) return { kind: 'table query', table: this.tableName('a table'), ...this.span(start) }
    throw this.unexpected('a query')
  }

  #select(): Select {
    const start = this.take()
    const hints = this.hints()
    this.accept('STREAM')
    const quantifier = this.acceptOneOf('ALL', 'DISTINCT')
    const items = this.list(() => {
      if (this.isWords('FROM')) throw this.error('SYNTAX_ERROR', this.token, 'Expected a column in front of FROM', 'Name one, or take the comma away.')
      const expression = this.expression()
      const alias = expression.kind === 'star' ? undefined : this.#alias()
      return { expression, alias }
    })
    const from = this.accept('FROM') ? this.#from() : undefined
    const where = this.accept('WHERE') ? this.expression() : undefined
    const groupBy = this.accept('GROUP', 'BY') ? this.#groupBy() : undefined
    const having = this.accept('HAVING') ? this.expression() : undefined
    const windows = this.accept('WINDOW') ? this.list(() => this.#namedWindow()) : []
    const qualify = this.accept('QUALIFY') ? this.expression() : undefined
    return { kind: 'select', hints, quantifier, items, from, where, groupBy, having, windows, qualify, ...this.span(start) }
  }

  #namedWindow(): { readonly name: Name; readonly window: WindowSpecification } {
    const name = this.name('a name for the window')
    this.expectWords('AS')
    return { name, window: this.windowSpecification() }
  }

  #groupBy(): GroupBy {
    const distinct = this.acceptOneOf('ALL', 'DISTINCT') === 'DISTINCT'
    return { distinct, items: this.list(() => this.#groupItem()) }
  }

  #groupItem(): GroupItem {
    for (const kind of ['ROLLUP', 'CUBE'] as const) if (this.accept(kind)) return { kind, items: this.parenthesized(() => this.#groupItem()) }
    if (this.accept('GROUPING', 'SETS')) return { kind: 'GROUPING SETS', items: this.parenthesized(() => this.#groupItem()) }
    if (this.isSymbol('(') && this.ahead(1).text === ')') {
      this.take()
      this.take()
      return { kind: 'expressions', expressions: [], isRow: true }
    }
    const expression = this.expression()
    if (expression.kind === 'constructor' && expression.of === 'ROW' && Array.isArray(expression.values))
      return { kind: 'expressions', expressions: expression.values as readonly Expression[], isRow: true }
    return { kind: 'expressions', expressions: [expression], isRow: false }
  }

  // ---------------------------------------------------------------------------------------------------------------- tables

  #from(): TableExpression {
    let left = this.#joined()
    for (let links = 1; this.acceptSymbol(','); links++) {
      this.linked(links)
      const right = this.#joined()
      left = { kind: 'join', type: 'COMMA', natural: false, left, right, on: undefined, using: undefined, ...this.span(left) }
    }
    return left
  }

  #joined(): TableExpression {
    let left = this.#table()
    for (let links = 0; ; links++) {
      this.linked(links)
      const natural = this.accept('NATURAL')
      const type = this.#joinType()
      if (type === undefined) {
        if (natural) throw this.unexpected()
        return left
      }
      const right = this.#table()
      const on = type !== 'CROSS' && !natural && this.accept('ON') ? this.expression() : undefined
      const using = type !== 'CROSS' && !natural && on === undefined && this.accept('USING') ? this.parenthesized(() => this.name('a column')) : undefined
      left = { kind: 'join', type, natural, left, right, on, using, ...this.span(left) }
    }
  }

  #joinType(): Join['type'] | undefined {
    if (this.accept('CROSS', 'JOIN')) return 'CROSS'
    if (this.accept('JOIN') || this.accept('INNER', 'JOIN')) return 'INNER'
    for (const type of ['LEFT', 'RIGHT', 'FULL'] as const)
      if (this.accept(type)) {
        this.accept('OUTER')
        this.expectWords('JOIN')
        return type
      }
    return undefined
  }

  #table(): TableExpression {
    return this.nested(() => {
      const table = this.#primaryTable()
      for (const word of ['TABLESAMPLE', 'PIVOT', 'UNPIVOT'])
        if (this.isWords(word)) throw this.error('UNSUPPORTED_STATEMENT', this.token, `There is no ${word}, as in Flink`)
      if (!this.isWords('MATCH_RECOGNIZE')) return table
      return this.#matchRecognize(table)
    })
  }

  #primaryTable(): TableExpression {
    const { token: start } = this
    const lateral = this.accept('LATERAL')
    if (this.accept('UNNEST')) {
      const values = this.parenthesized(() => this.expression())
      const withOrdinality = this.accept('WITH', 'ORDINALITY')
      return { kind: 'unnest', values, withOrdinality, ...this.#tableAlias(), ...this.span(start) }
    }
    if (this.isWords('TABLE')) {
      this.take()
      this.expectSymbol('(')
      const call = this.#tableCall()
      this.expectSymbol(')')
      return { kind: 'table function', lateral, call, ...this.#tableAlias(), ...this.span(start) }
    }
    if (this.acceptSymbol('(')) {
      if (this.isQuery()) {
        const query = this.query()
        this.expectSymbol(')')
        return { kind: 'subquery', lateral, query, ...this.#tableAlias(), ...this.span(start) }
      }
      const inner = this.#from()
      this.expectSymbol(')')
      return inner
    }
    const given = this.#givenTable()
    if (given !== undefined) return { ...given, hints: this.hints(), asOf: this.#asOf(), ...this.#tableAlias(), ...this.span(start) }
    const name = this.tableName('a table')
    if (this.isSymbol('(')) {
      const call = this.callOf(name.parts)
      if (call.kind !== 'call') throw this.error('SYNTAX_ERROR', call, 'A table is no aggregate over a window')
      return { kind: 'table function', lateral, call, ...this.#tableAlias(), ...this.span(start) }
    }
    const hints = this.hints()
    const asOf = this.#asOf()
    const { alias = fileAlias(name), columns } = this.#tableAlias()
    return { kind: 'table reference', name, hints, asOf, alias, columns, ...this.span(start) }
  }

  /** A table that a program has put there. */
  #givenTable(): TableReference | undefined {
    const { parameter } = this.token
    if (parameter?.kind === 'value') throw this.noTable()
    if (parameter === undefined) return undefined
    const { start, end } = this.take()
    const name = { parts: [{ text: parameter.name, start, end }], start, end }
    return { kind: 'table reference', name, hints: [], asOf: undefined, plan: parameter.plan, alias: undefined, columns: [], start, end }
  }

  protected override parameterQuery(): Query {
    const { start, end } = this.token
    const star: Expression = { kind: 'star', of: [], start, end }
    const nothing = { hints: [], quantifier: undefined, where: undefined, groupBy: undefined, having: undefined, windows: [], qualify: undefined }
    return { kind: 'select', ...nothing, items: [{ expression: star, alias: undefined }], from: this.#givenTable(), start, end }
  }

  #tableCall() {
    const { token } = this
    const call = this.expression()
    if (call.kind !== 'call' || call.syntax !== 'function') throw this.error('SYNTAX_ERROR', token, 'Expected a call of a table function', 'Write TABLE(f(…)).')
    return call
  }

  #asOf(): Expression | undefined {
    if (!this.accept('FOR')) return undefined
    this.expectWords('SYSTEM_TIME', 'AS', 'OF')
    return this.expression()
  }

  #tableAlias(): { readonly alias: Name | undefined; readonly columns: readonly Name[] } {
    const alias = this.#alias()
    const columns = alias !== undefined && this.isSymbol('(') ? this.parenthesized(() => this.name('a column')) : []
    return { alias, columns }
  }

  #alias(): Name | undefined {
    if (this.accept('AS')) return this.name('a name')
    return this.isName() ? this.name() : undefined
  }

  /** Kept as it stands, up to its closing parenthesis. */
  #matchRecognize(input: TableExpression): MatchRecognize {
    this.expectWords('MATCH_RECOGNIZE')
    const open = this.token
    this.expectSymbol('(')
    for (let depth = 1; depth > 0;) {
      if (this.isEnd()) throw this.error('SYNTAX_ERROR', open, 'A parenthesis is never closed')
      const { kind, text } = this.take()
      if (kind === TokenKind.SYMBOL && text === '(') depth++
      else if (kind === TokenKind.SYMBOL && text === ')') depth--
    }
    return { kind: 'match recognize', input, ...this.#tableAlias(), ...this.span(input) }
  }

  /** `/*+ OPTIONS('key' = 'value'), BROADCAST(t) *\/` */
  protected hints(): readonly Hint[] {
    if (!this.acceptSymbol('/*+')) return []
    const hints = [this.#hint()]
    while (!this.acceptSymbol('*/')) {
      this.acceptSymbol(',')
      hints.push(this.#hint())
    }
    return hints
  }

  #hint(): Hint {
    const name = this.name('a hint')
    const options: HintOption[] = []
    const args: string[] = []
    if (this.acceptSymbol('(')) {
      if (!this.isSymbol(')'))
        this.list(() => {
          const { token } = this
          const key = this.#hintValue()
          if (this.acceptSymbol('=')) options.push({ key, value: this.#hintValue(), ...this.span(token) })
          else args.push(key)
        })
      this.expectSymbol(')')
    }
    return { name, options, arguments: args, ...this.span(name) }
  }

  #hintValue(): string {
    const { kind } = this.token
    if (kind === TokenKind.STRING || kind === TokenKind.INTEGER || kind === TokenKind.DECIMAL) return this.take().text
    return this.qualifiedName('an argument of the hint')
      .parts.map(({ text }) => text)
      .join('.')
  }
}
