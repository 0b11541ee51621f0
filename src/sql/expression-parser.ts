// Expressions: a Pratt parser with Flink's precedences, and the functions that have a grammar of their own.

import { LENGTH_MAX, type Field, type LogicalType } from '../batch/types.ts'
import { callNode } from './call-node.ts'
import { isClassName } from './functions/objects.ts'
import { CONTEXT_VARIABLES, RESERVED_FUNCTIONS } from './reserved-words.ts'
import type { Span } from './sql-error.ts'
import type {
  Call,
  Case,
  Constructor,
  Clause,
  Expression,
  Frame,
  FrameBound,
  IntervalLiteral,
  IntervalQualifier,
  IntervalUnit,
  Keyword,
  Literal,
  Name,
  OrderItem,
  Query,
  TableArgument,
  TypeName,
  WindowSpecification,
} from './syntax-tree.ts'
import { TokenReader } from './token-reader.ts'
import { TokenKind } from './tokens.ts'

/** How tightly operators bind. */
const Power = { LOWEST: 0, OR: 1, AND: 2, NOT: 3, IS: 4, COMPARISON: 5, IN: 6, SUM: 7, PRODUCT: 8, SIGN: 9 } as const

/** Reserved words that tell what a difference of times is counted in. */
const DIFFERENCE_UNITS = ['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND']
const COMPARISONS = ['=', '<>', '<=', '>=', '<', '>']
const SUMS = ['+', '-']
const PRODUCTS = ['*', '/', '%', '||']
const INTERVAL_UNITS: readonly IntervalUnit[] = [
  ...(['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'MILLISECOND', 'MICROSECOND', 'NANOSECOND'] as const),
]
/** What EXTRACT, FLOOR, CEIL and TIMESTAMPADD know beside the units of intervals. */
const TIME_UNITS = ['EPOCH', 'DOW', 'ISODOW', 'DOY', 'ISOYEAR', 'DECADE', 'CENTURY', 'MILLENNIUM', 'FRAC_SECOND']
const TIMESTAMP_UNIT = /^SQL_TSI_(YEAR|QUARTER|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND|FRAC_SECOND|MICROSECOND)$/
/** Reserved words that begin a function with a grammar of its own. */
const SPECIAL_FUNCTIONS = new Set(
  'CAST TRY_CAST EXTRACT FLOOR CEIL CEILING TRIM SUBSTRING OVERLAY POSITION JSON_EXISTS JSON_VALUE JSON_QUERY JSON_OBJECT JSON_OBJECTAGG JSON_ARRAY JSON_ARRAYAGG'.split(
    ' ',
  ),
)
/** Reserved, and Flink has ordinary functions of these names all the same. */
const RESERVED_ORDINARY = new Set(['TRANSLATE', 'PREV', 'NEXT', 'CLASSIFIER', 'MATCH_NUMBER', 'DATE', 'TIME', 'TIMESTAMP', 'CONTAINS', 'BITMAP'])

/** Reads expressions; queries within them are read by whoever extends it. */
export abstract class ExpressionParser extends TokenReader {
  /** A query without its parentheses. */
  protected abstract query(): Query

  protected abstract isQuery(): boolean

  /** The rows of a table that a program has put there. */
  protected abstract parameterQuery(): Query

  /** An expression; `least` is the power that operators must have more of to be part of it. */
  protected expression(least: number = Power.LOWEST): Expression {
    return this.nested(() => {
      let left = this.#prefixed()
      for (let links = 1; ; links++) {
        const next = this.#operator(left, least)
        if (next === undefined) return left
        this.linked(links)
        left = next
      }
    })
  }

  #prefixed(): Expression {
    const { token } = this
    if (this.accept('NOT')) return this.#operation('prefix', 'NOT', token, [this.expression(Power.NOT)])
    const sign = SUMS.find((symbol) => this.acceptSymbol(symbol))
    if (sign === undefined) return this.#postfixed(this.#primary())
    const operand = this.expression(Power.SIGN - 1)
    // The number itself has the sign: the smallest of a type has no positive one.
    if (isNumber(operand)) return { ...operand, text: sign === '-' ? negated(operand.text) : operand.text, ...this.span(token) }
    return this.#operation('prefix', sign, token, [operand])
  }

  /** `[1]` and `.field` behind something. */
  #postfixed(operand: Expression): Expression {
    let result = operand
    for (let links = 0; ; links++) {
      this.linked(links)
      if (this.acceptSymbol('[')) {
        const index = this.expression()
        this.expectSymbol(']')
        result = { kind: 'item', operand: result, index, ...this.span(operand) }
      } else if (result.kind !== 'star' && this.acceptSymbol('.')) {
        const field = this.name()
        const parts = result.kind === 'reference' ? [...result.parts, field] : undefined
        result = parts === undefined ? { kind: 'field', operand: result, field, ...this.span(operand) } : { kind: 'reference', parts, ...this.span(operand) }
      } else return result
    }
  }

  /** Reads an operator and what follows it; undefined if none is next that binds tighter than `least`. */
  #operator(left: Expression, least: number): Expression | undefined {
    const start: Span = left
    if (least < Power.OR && this.accept('OR')) return this.#operation('infix', 'OR', start, [left, this.expression(Power.OR)])
    if (least < Power.AND && this.accept('AND')) return this.#operation('infix', 'AND', start, [left, this.expression(Power.AND)])
    if (least < Power.IS && !this.#beginsDistinctFrom() && this.accept('IS')) return this.#is(left)
    if (least < Power.COMPARISON) {
      if (this.#beginsDistinctFrom()) return this.#isDistinctFrom(left)
      const symbol = COMPARISONS.find((one) => this.acceptSymbol(one))
      if (symbol !== undefined) return this.#comparison(left, symbol)
      if (isPeriod(left) && this.accept('OVERLAPS')) return this.#overlaps(left)
      for (const [wrong, right] of [
        ['!=', '<>'],
        ['==', '='],
        ['<=>', 'IS NOT DISTINCT FROM'],
      ] as const)
        if (this.isSymbol(wrong)) throw this.error('SYNTAX_ERROR', this.token, `There is no operator ${wrong}`, `Write ${right}.`)
    }
    if (least < Power.IN) {
      const mark = this.mark()
      const not = this.accept('NOT')
      if (this.accept('IN')) return this.#in(left, not)
      if (this.accept('BETWEEN')) return this.#between(left, not)
      for (const operator of ['LIKE', 'ILIKE', 'RLIKE'] as const) if (this.accept(operator)) return this.#like(left, operator, not)
      if (this.accept('SIMILAR', 'TO')) return this.#like(left, 'SIMILAR TO', not)
      if (not) this.reset(mark)
    }
    for (const [power, symbols] of [
      [Power.SUM, SUMS],
      [Power.PRODUCT, PRODUCTS],
    ] as const) {
      if (least >= power) continue
      const symbol = symbols.find((one) => this.acceptSymbol(one))
      if (symbol !== undefined) return this.#operation('infix', symbol, start, [left, this.expression(power)])
    }
    if (this.isSymbol('::')) throw this.error('SYNTAX_ERROR', this.token, 'There is no operator ::', 'Write CAST(value AS type).')
    return undefined
  }

  #is(left: Expression): Expression {
    const not = this.accept('NOT')
    const is = not ? 'IS NOT' : 'IS'
    if (this.accept('JSON')) {
      const of = this.acceptOneOf('VALUE', 'OBJECT', 'ARRAY', 'SCALAR') ?? 'VALUE'
      return { kind: 'is json', not, operand: left, of, ...this.span(left) }
    }
    const what = this.acceptOneOf('NULL', 'TRUE', 'FALSE', 'UNKNOWN')
    if (what === undefined) throw this.unexpected()
    return this.#operation('postfix', `${is} ${what}`, left, [left])
  }

  #beginsDistinctFrom(): boolean {
    return this.isWords('IS', 'DISTINCT') || this.isWords('IS', 'NOT', 'DISTINCT')
  }

  #isDistinctFrom(left: Expression): Expression {
    this.expectWords('IS')
    const operator = this.accept('NOT') ? 'IS NOT DISTINCT FROM' : 'IS DISTINCT FROM'
    this.expectWords('DISTINCT', 'FROM')
    return this.#operation('infix', operator, left, [left, this.expression(Power.COMPARISON)])
  }

  #comparison(left: Expression, operator: string): Expression {
    const quantifier = this.acceptOneOf('ANY', 'SOME', 'ALL')
    if (quantifier === undefined) return this.#operation('infix', operator, left, [left, this.expression(Power.COMPARISON)])
    this.expectSymbol('(')
    const values = this.isQuery() ? this.query() : this.list(() => this.expression())
    this.expectSymbol(')')
    return { kind: 'quantified', operator, quantifier: quantifier === 'ALL' ? 'ALL' : 'SOME', operand: left, values, ...this.span(left) }
  }

  /** Two times on each side, or a time and an interval. */
  #overlaps(left: Period): Expression {
    const right = this.expression(Power.COMPARISON)
    if (!isPeriod(right)) throw this.error('SYNTAX_ERROR', right, 'OVERLAPS compares two periods', 'Write (start, end) OVERLAPS (start, end).')
    return this.#operation('special', 'OVERLAPS', left, [...left.values, ...right.values])
  }

  #in(operand: Expression, not: boolean): Expression {
    this.expectSymbol('(')
    if (this.isQuery()) {
      const query = this.query()
      this.expectSymbol(')')
      return { kind: 'in query', not, operand, query, ...this.span(operand) }
    }
    const values = this.list(() => this.expression())
    this.expectSymbol(')')
    return { kind: 'in list', not, operand, values, ...this.span(operand) }
  }

  #between(operand: Expression, not: boolean): Expression {
    const symmetric = this.acceptOneOf('SYMMETRIC', 'ASYMMETRIC') === 'SYMMETRIC'
    const low = this.expression(Power.AND)
    this.expectWords('AND')
    const high = this.expression(Power.COMPARISON)
    return { kind: 'between', not, symmetric, operand, low, high, ...this.span(operand) }
  }

  #like(operand: Expression, operator: 'LIKE' | 'ILIKE' | 'RLIKE' | 'SIMILAR TO', not: boolean): Expression {
    // LIKE binds to the right, unlike all others.
    const pattern = this.expression(Power.COMPARISON)
    const escape = this.accept('ESCAPE') ? this.expression(Power.IN) : undefined
    return { kind: 'like', operator, not, operand, pattern, escape, ...this.span(operand) }
  }

  #operation(syntax: Call['syntax'], operator: string, start: Span, operands: readonly Expression[]): Call {
    const span = this.span(start)
    return { ...callNode(syntax, [{ text: operator, ...span }], operands), ...span }
  }

  // ---------------------------------------------------------------------------------------------------------------- primaries

  #primary(): Expression {
    const { token } = this
    const { kind, upper } = token
    const literal = (type: Literal['type'], text: string): Literal => ({ kind: 'literal', type, text, start: token.start, end: token.end })
    switch (kind) {
      case TokenKind.STRING:
        return this.#strings()
      case TokenKind.BINARY:
        return literal('binary', this.take().text)
      case TokenKind.INTEGER:
        return literal('integer', this.take().text)
      case TokenKind.DECIMAL:
        return literal('decimal', this.take().text)
      case TokenKind.DOUBLE:
        return literal('double', this.take().text)
      case TokenKind.SYMBOL:
        return this.#symbolic()
      case TokenKind.PARAMETER:
        return this.#parameter()
      case TokenKind.WORD:
        break
      default:
        if (kind === TokenKind.QUOTED) return this.#named()
        throw this.unexpected('an expression')
    }
    switch (upper) {
      case 'NULL':
      case 'TRUE':
      case 'FALSE':
      case 'UNKNOWN':
      case 'DEFAULT': {
        this.take()
        const type = upper === 'TRUE' || upper === 'FALSE' ? 'boolean' : (upper.toLowerCase() as 'null' | 'unknown' | 'default')
        return literal(type, upper)
      }
      case 'CASE':
        return this.#case()
      case 'CAST':
      case 'TRY_CAST':
        return this.#cast()
      case 'CONVERT':
        return this.#convert()
      case 'INTERVAL':
        return this.#interval()
      case 'EXISTS': {
        this.take()
        this.expectSymbol('(')
        const query = this.query()
        this.expectSymbol(')')
        return { kind: 'exists', query, ...this.span(token) }
      }
      case 'ROW':
        return this.#row()
      case 'PERIOD':
        if (this.ahead(1).text !== '(') break
        this.take()
        return this.#symbolic()
      case 'ARRAY':
      case 'MULTISET':
        return this.#collection(upper)
      case 'MAP':
        if (this.ahead(1).text === '[' || this.ahead(1).text === '(') return this.#collection(upper)
        break
      case 'DESCRIPTOR':
        if (this.ahead(1).text !== '(') break
        this.take()
        return { kind: 'descriptor', columns: this.parenthesized(() => this.name('a column')), ...this.span(token) }
      case 'DATE':
      case 'TIME':
      case 'TIMESTAMP': {
        const temporal = this.#temporal(upper)
        if (temporal !== undefined) return temporal
      }
    }
    if (CONTEXT_VARIABLES.has(upper)) {
      this.take()
      const operands = this.acceptSymbol('(') ? this.#restOfArguments() : []
      return { ...callNode('variable', [token], operands), ...this.span(token) }
    }
    return this.#named()
  }

  /** A value that a program has put there. */
  #parameter(): Expression {
    const { parameter } = this.token
    if (parameter?.kind !== 'value')
      throw this.error('WRONG_PLACE', this.token, 'A table stands where a value should', 'Write it in FROM, or in a subquery: (SELECT ...).')
    this.take()
    return parameter.expression
  }

  /** Strings one behind the other are one if a line ends between them. */
  #strings(): Literal {
    const first = this.take()
    let { text } = first
    while (this.token.kind === TokenKind.STRING) {
      if (!this.text.slice(this.lastEnd, this.token.start).includes('\n'))
        throw this.error('SYNTAX_ERROR', this.token, 'Two strings on a line are not one', 'Put || between them, or a line break.')
      text += this.take().text
    }
    return { kind: 'literal', type: 'string', text, ...this.span(first) }
  }

  #symbolic(): Expression {
    const { token } = this
    if (this.acceptSymbol('*')) return { kind: 'star', of: [], ...this.span(token) }
    if (token.text === '"')
      throw this.error('SYNTAX_ERROR', token, 'Double quotes are no quotes here', "Write names in backticks (`name`) and strings in single quotes ('text').")
    if (token.text === '?')
      throw this.error('SYNTAX_ERROR', token, 'There are no parameters in a text', 'Use the sql tag of the Table API, which binds values.')
    if (!this.acceptSymbol('(')) throw this.unexpected('an expression')
    if (this.isQuery()) {
      const query = this.query()
      this.expectSymbol(')')
      return { kind: 'query', query, ...this.span(token) }
    }
    const values = this.list(() => this.expression())
    this.expectSymbol(')')
    if (values.length > 1) return { kind: 'constructor', of: 'ROW', values, ...this.span(token) }
    return this.#difference(values[0]) ?? values[0]
  }

  /** `(a - b) DAY`: the interval between two times. */
  #difference(of: Expression): Expression | undefined {
    if (of.kind !== 'call' || of.syntax !== 'infix' || of.name[0].text !== '-') return undefined
    if (!DIFFERENCE_UNITS.some((unit) => this.isWords(unit))) return undefined
    const { from, start, end } = this.intervalQualifier()
    return this.#operation('special', 'MINUS_DATE', of, [...of.operands, { kind: 'keyword', word: from, start, end }])
  }

  #case(): Case {
    const start = this.take()
    const value = this.isWords('WHEN') ? undefined : this.expression()
    const branches = []
    while (this.accept('WHEN')) {
      const when = value === undefined ? [this.expression()] : this.list(() => this.expression())
      this.expectWords('THEN')
      branches.push({ when, result: this.expression() })
    }
    if (branches.length === 0) throw this.unexpected()
    const otherwise = this.accept('ELSE') ? this.expression() : undefined
    this.expectWords('END')
    return { kind: 'case', value, branches, otherwise, ...this.span(start) }
  }

  #cast(): Expression {
    const start = this.take()
    this.expectSymbol('(')
    const operand = this.expression()
    this.expectWords('AS')
    const type = this.type()
    this.expectSymbol(')')
    return { kind: 'cast', isTry: start.upper === 'TRY_CAST', operand, type, ...this.span(start) }
  }

  /** `CONVERT(type, value)`: another way to write a CAST. The number of a style may follow, which means nothing. */
  #convert(): Expression {
    const start = this.take()
    this.expectSymbol('(')
    const type = this.type()
    if (type.saysNullable) throw this.error('SYNTAX_ERROR', type, 'A type says nothing about NULL here')
    this.expectSymbol(',')
    const operand = this.expression()
    if (this.acceptSymbol(',')) {
      const style = this.expression()
      if (style.kind !== 'literal' || (style.type !== 'integer' && style.type !== 'null'))
        throw this.error('SYNTAX_ERROR', style, 'The style of CONVERT is a number that stands there, or NULL')
    }
    this.expectSymbol(')')
    return { kind: 'cast', isTry: false, operand, type, ...this.span(start) }
  }

  #row(): Expression {
    const start = this.take()
    this.expectSymbol('(')
    const values = this.isSymbol(')') ? [] : this.list(() => this.expression())
    this.expectSymbol(')')
    return { kind: 'constructor', of: 'ROW', values, ...this.span(start) }
  }

  #collection(of: 'ARRAY' | 'MAP' | 'MULTISET'): Expression {
    const start = this.take()
    if (this.acceptSymbol('[')) {
      const values = this.isSymbol(']') ? [] : this.list(() => this.expression())
      this.expectSymbol(']')
      return { kind: 'constructor', of, values, ...this.span(start) }
    }
    this.expectSymbol('(')
    const query = this.query()
    this.expectSymbol(')')
    return { kind: 'constructor', of, values: query, ...this.span(start) }
  }

  /** `DATE '…'`, `TIMESTAMP WITH LOCAL TIME ZONE '…'`; undefined if it is something else of that name. */
  #temporal(word: 'DATE' | 'TIME' | 'TIMESTAMP'): Literal | undefined {
    const { token: start } = this
    const mark = this.mark()
    this.take()
    const isLocal = word === 'TIMESTAMP' && this.accept('WITH', 'LOCAL', 'TIME', 'ZONE')
    if (this.token.kind !== TokenKind.STRING) {
      this.reset(mark)
      return undefined
    }
    const type = isLocal ? 'timestamp_ltz' : (word.toLowerCase() as 'date' | 'time' | 'timestamp')
    return { kind: 'literal', type, text: this.take().text, ...this.span(start) }
  }

  #interval(): IntervalLiteral {
    const start = this.take()
    const negative = this.acceptSymbol('-')
    if (!negative) this.acceptSymbol('+')
    const value = this.token.kind === TokenKind.STRING ? this.take().text : this.#postfixed(this.#primary())
    return { kind: 'interval', negative, value, qualifier: this.intervalQualifier(), ...this.span(start) }
  }

  protected intervalQualifier(): IntervalQualifier {
    const { token: start } = this
    const from = this.#intervalUnit()
    let precision: number | undefined
    let fraction: number | undefined
    if (this.acceptSymbol('(')) {
      precision = this.integer()
      if (from === 'SECOND' && this.acceptSymbol(',')) fraction = this.integer()
      this.expectSymbol(')')
    }
    const to = this.accept('TO') ? this.#intervalUnit() : undefined
    if (to === 'SECOND' && this.acceptSymbol('(')) {
      fraction = this.integer()
      this.expectSymbol(')')
    }
    return { from, to, precision, fraction, ...this.span(start) }
  }

  #intervalUnit(): IntervalUnit {
    for (const unit of INTERVAL_UNITS) if (this.accept(unit) || this.accept(`${unit}S`)) return unit
    throw this.unexpected('a unit of time (SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, …)')
  }

  // ---------------------------------------------------------------------------------------------------------------- names and calls

  /** A reference or a call. */
  #named(): Expression {
    const { token: start } = this
    const isCall = this.ahead(1).text === '(' && this.ahead(1).kind === TokenKind.SYMBOL
    if (isCall && start.kind === TokenKind.WORD) {
      if (SPECIAL_FUNCTIONS.has(start.upper)) return this.#special(start.upper)
      if (start.upper === 'TIMESTAMPADD' || start.upper === 'TIMESTAMPDIFF') return this.#timestampFunction()
    }
    const isFunctionName = isCall && start.kind === TokenKind.WORD && (RESERVED_FUNCTIONS.has(start.upper) || RESERVED_ORDINARY.has(start.upper))
    const first: Name = isFunctionName ? this.take() : this.name('an expression')
    const parts: Name[] = [{ text: first.text, start: first.start, end: first.end }]
    while (this.isSymbol('.') && this.acceptSymbol('.')) {
      if (this.acceptSymbol('*')) return { kind: 'star', of: parts, ...this.span(start) }
      parts.push(this.name())
    }
    if (!this.isSymbol('(')) return { kind: 'reference', parts, ...this.span(start) }
    return this.callOf(parts)
  }

  /** What stands in the parentheses behind a function's name, and behind these. */
  protected callOf(name: readonly Name[]): Expression {
    this.expectSymbol('(')
    const quantifier = this.acceptOneOf('ALL', 'DISTINCT')
    const isArray = name.length === 1 && name[0].text.toUpperCase() === 'ARRAY_AGG'
    const [operands, nulls] = isArray ? this.#valuesOfArray() : [this.#restOfArguments(), undefined]
    return this.#behindCall({ ...callNode('function', name, operands), quantifier, nulls, ...this.span(name[0]) })
  }

  /** What ARRAY_AGG takes: an order too, to which Flink pays no heed. */
  #valuesOfArray(): readonly [operands: readonly Expression[], nulls: Call['nulls']] {
    const operands = this.isSymbol(')') ? [] : this.list(() => this.#argument())
    const nulls = this.acceptOneOf('IGNORE', 'RESPECT')
    if (nulls !== undefined) this.expectWords('NULLS')
    if (this.accept('ORDER', 'BY')) this.list(() => this.orderItem())
    this.expectSymbol(')')
    return [operands, nulls]
  }

  /** Arguments up to their closing parenthesis. */
  #restOfArguments(): readonly Expression[] {
    const operands = this.isSymbol(')') ? [] : this.list(() => this.#argument())
    this.expectSymbol(')')
    return operands
  }

  #argument(): Expression {
    const { token: start } = this
    if (this.isName() && this.ahead(1).text === '=>') {
      const name = this.name()
      this.expectSymbol('=>')
      return { kind: 'argument', name, value: this.#argument(), ...this.span(start) }
    }
    if (this.isWords('TABLE')) return this.#tableArgument()
    // Queries are arguments without parentheses of their own too.
    if (this.isQuery()) return { kind: 'query', query: this.query(), ...this.span(start) }
    const value = this.expression()
    const isTable = value.kind === 'query' && (this.isWords('PARTITION') || this.isWords('ORDER'))
    return isTable ? { kind: 'table', table: value.query, ...this.#tableOrder(), ...this.span(start) } : value
  }

  #tableArgument(): TableArgument {
    const start = this.take()
    if (this.acceptSymbol('(')) {
      const table = this.query()
      this.expectSymbol(')')
      return { kind: 'table', table, ...this.#tableOrder(), ...this.span(start) }
    }
    const table = this.token.parameter?.kind === 'table' ? this.parameterQuery() : this.tableName('a table')
    return { kind: 'table', table, ...this.#tableOrder(), ...this.span(start) }
  }

  #tableOrder(): Pick<TableArgument, 'partitionBy' | 'orderBy'> {
    const isIn = (): readonly Expression[] => (this.isSymbol('(') ? this.parenthesized(() => this.expression()) : [this.expression()])
    const partitionBy = this.accept('PARTITION', 'BY') ? isIn() : []
    const orderBy = this.accept('ORDER', 'BY') ? (this.isSymbol('(') ? this.parenthesized(() => this.orderItem()) : [this.orderItem()]) : []
    return { partitionBy, orderBy }
  }

  /** `WITHIN GROUP`, `FILTER`, `IGNORE NULLS`, `OVER`. */
  #behindCall(plain: Call): Expression {
    let result = plain
    if (this.accept('WITHIN', 'GROUP')) {
      this.expectSymbol('(')
      this.expectWords('ORDER', 'BY')
      const withinGroup = this.list(() => this.orderItem())
      this.expectSymbol(')')
      result = { ...result, withinGroup, ...this.span(plain) }
    }
    if (this.accept('FILTER')) {
      this.expectSymbol('(')
      this.expectWords('WHERE')
      const filter = this.expression()
      this.expectSymbol(')')
      result = { ...result, filter, ...this.span(plain) }
    }
    for (const nulls of ['IGNORE', 'RESPECT'] as const) if (this.accept(nulls, 'NULLS')) result = { ...result, nulls, ...this.span(plain) }
    if (!this.accept('OVER')) return result
    const window = this.isSymbol('(') ? this.windowSpecification() : this.name('a window')
    return { kind: 'over', call: result, window, ...this.span(plain) }
  }

  protected windowSpecification(): WindowSpecification {
    const { token: start } = this
    this.expectSymbol('(')
    // PARTITION, ORDER, ROWS and RANGE are reserved: they are no names.
    const base = this.isName() ? this.name() : undefined
    const partitionBy = this.accept('PARTITION', 'BY') ? this.list(() => this.expression()) : []
    const orderBy = this.accept('ORDER', 'BY') ? this.list(() => this.orderItem()) : []
    const frame = this.#frame()
    this.expectSymbol(')')
    return { base, partitionBy, orderBy, frame, ...this.span(start) }
  }

  #frame(): Frame | undefined {
    const unit = this.acceptOneOf('ROWS', 'RANGE')
    if (unit === undefined) return undefined
    if (!this.accept('BETWEEN')) return { unit, from: this.#frameBound(), to: undefined }
    const from = this.#frameBound()
    this.expectWords('AND')
    return { unit, from, to: this.#frameBound() }
  }

  #frameBound(): FrameBound {
    if (this.accept('CURRENT', 'ROW')) return { kind: 'CURRENT ROW' }
    if (this.accept('UNBOUNDED')) {
      const side = this.acceptOneOf('PRECEDING', 'FOLLOWING')
      if (side === undefined) throw this.unexpected()
      return { kind: `UNBOUNDED ${side}` }
    }
    const value = this.expression()
    const kind = this.acceptOneOf('PRECEDING', 'FOLLOWING')
    if (kind === undefined) throw this.unexpected()
    return { kind, value }
  }

  protected orderItem(): OrderItem {
    const expression = this.expression()
    const descending = this.acceptOneOf('ASC', 'DESC') === 'DESC'
    const nulls = this.accept('NULLS') ? this.acceptOneOf('FIRST', 'LAST') : undefined
    return { expression, descending, nulls, ...this.span(expression) }
  }

  // ---------------------------------------------------------------------------------------------------------------- grammars of their own

  #special(word: string): Expression {
    const name = this.take()
    const named: readonly Name[] = [{ text: name.text, start: name.start, end: name.end }]
    this.expectSymbol('(')
    const done = (operands: readonly Expression[], clauses: readonly Clause[] = []): Call => {
      this.expectSymbol(')')
      return { ...callNode('special', named, operands), clauses, ...this.span(name) }
    }
    switch (word) {
      case 'EXTRACT': {
        const unit = this.#timeUnit()
        this.expectWords('FROM')
        return done([unit, this.expression()])
      }
      case 'FLOOR':
      case 'CEIL':
      case 'CEILING': {
        const operand = this.expression()
        if (this.accept('TO')) return done([operand, this.#timeUnit()])
        const operands = [operand, ...this.#moreOperands()]
        return done(operands)
      }
      case 'TRIM':
        return this.#trim(done)
      case 'SUBSTRING': {
        const operands = [this.expression()]
        if (this.accept('FROM')) {
          operands.push(this.expression())
          if (this.accept('FOR')) operands.push(this.expression())
        } else operands.push(...this.#moreOperands())
        return done(operands)
      }
      case 'OVERLAY': {
        const operands = [this.expression()]
        if (this.accept('PLACING')) {
          operands.push(this.expression())
          this.expectWords('FROM')
          operands.push(this.expression())
          if (this.accept('FOR')) operands.push(this.expression())
        } else operands.push(...this.#moreOperands())
        return done(operands)
      }
      case 'POSITION': {
        // IN is the function's own here.
        const operands = [this.expression(Power.IN)]
        this.expectWords('IN')
        operands.push(this.expression())
        if (this.accept('FROM')) operands.push(this.expression())
        return done(operands)
      }
      default:
        return this.#json(word, done)
    }
  }

  #moreOperands(): readonly Expression[] {
    return this.acceptSymbol(',') ? this.list(() => this.expression()) : []
  }

  #trim(done: (operands: readonly Expression[]) => Call): Call {
    const { token: start } = this
    const side = this.acceptOneOf('BOTH', 'LEADING', 'TRAILING')
    const keyword: Keyword = { kind: 'keyword', word: side ?? 'BOTH', ...this.span(start) }
    const blank: Literal = { kind: 'literal', type: 'string', text: ' ', ...this.span(start) }
    if (side !== undefined && this.accept('FROM')) return done([keyword, blank, this.expression()])
    const first = this.expression()
    if (this.accept('FROM')) return done([keyword, first, this.expression()])
    if (side !== undefined) throw this.unexpected()
    return done([keyword, blank, first])
  }

  #timestampFunction(): Expression {
    const name = this.take()
    this.expectSymbol('(')
    const unit = this.#timeUnit()
    this.expectSymbol(',')
    const operands = [unit, ...this.list(() => this.expression())]
    this.expectSymbol(')')
    return { ...callNode('special', [{ text: name.text, start: name.start, end: name.end }], operands), ...this.span(name) }
  }

  #timeUnit(): Keyword {
    const { token } = this
    const word = TIMESTAMP_UNIT.exec(token.upper)?.[1] ?? token.upper
    const known = [...INTERVAL_UNITS, ...TIME_UNITS]
    if (!known.includes(word)) {
      for (const unit of known) this.isWords(unit)
      throw this.unexpected(`a unit of time (${known.slice(0, 8).join(', ')}, …)`)
    }
    this.take()
    return { kind: 'keyword', word, ...this.span(token) }
  }

  #json(word: string, done: (operands: readonly Expression[], clauses: readonly Clause[]) => Call): Expression {
    const operands: Expression[] = []
    const clauses: Clause[] = []
    const isPairs = word === 'JSON_OBJECT' || word === 'JSON_OBJECTAGG'
    if (isPairs) {
      if (!this.isSymbol(')') && !this.isWords('NULL', 'ON', 'NULL') && !this.isWords('ABSENT')) this.list(() => operands.push(...this.#jsonPair()))
    } else if (!this.isSymbol(')') && !this.isWords('NULL', 'ON', 'NULL') && !this.isWords('ABSENT')) operands.push(...this.list(() => this.expression()))
    // As with ARRAY_AGG.
    if (word === 'JSON_ARRAYAGG' && this.accept('ORDER', 'BY')) this.list(() => this.orderItem())
    for (let clause = this.#jsonClause(); clause !== undefined; clause = this.#jsonClause()) clauses.push(clause)
    const plain = done(operands, clauses)
    return word.endsWith('AGG') ? this.#behindCall(plain) : plain
  }

  #jsonPair(): readonly [Expression, Expression] {
    // A column may be called so too.
    const isKey = this.isWords('KEY') && this.ahead(1).kind !== TokenKind.SYMBOL && this.ahead(1).upper !== 'VALUE'
    if (isKey) this.take()
    const key = this.expression()
    if (!this.accept('VALUE') && !this.acceptSymbol(':')) throw this.unexpected()
    return [key, this.expression()]
  }

  /** What may stand behind the operands of JSON functions. */
  #jsonClause(): Clause | undefined {
    const { token: start } = this
    const words = (...taken: readonly string[]): Clause | undefined =>
      this.accept(...taken) ? { words: taken.join(' '), value: undefined, ...this.span(start) } : undefined
    if (this.accept('RETURNING')) return { words: 'RETURNING', value: this.type(), ...this.span(start) }
    if (this.accept('DEFAULT')) {
      const value = this.expression()
      this.expectWords('ON')
      const at = this.acceptOneOf('EMPTY', 'ERROR')
      if (at === undefined) throw this.unexpected()
      return { words: `DEFAULT ON ${at}`, value, ...this.span(start) }
    }
    for (const what of ['NULL', 'ERROR', 'TRUE', 'FALSE', 'UNKNOWN', 'ABSENT'])
      for (const at of ['EMPTY', 'ERROR', 'NULL']) {
        const clause = words(what, 'ON', at)
        if (clause !== undefined) return clause
      }
    for (const what of ['ARRAY', 'OBJECT'])
      for (const at of ['EMPTY', 'ERROR']) {
        const clause = words('EMPTY', what, 'ON', at)
        if (clause !== undefined) return clause
      }
    if (this.accept('WITHOUT')) {
      this.accept('ARRAY')
      this.expectWords('WRAPPER')
      return { words: 'WITHOUT WRAPPER', value: undefined, ...this.span(start) }
    }
    if (this.accept('WITH')) {
      const kind = this.acceptOneOf('CONDITIONAL', 'UNCONDITIONAL') ?? 'UNCONDITIONAL'
      this.accept('ARRAY')
      this.expectWords('WRAPPER')
      return { words: `WITH ${kind} WRAPPER`, value: undefined, ...this.span(start) }
    }
    return undefined
  }

  // ---------------------------------------------------------------------------------------------------------------- types

  /** A type; without NOT NULL it takes NULL. */
  protected type(): TypeName {
    return this.nested(() => {
      const { token: start } = this
      let type = this.#typeWithoutNullability()
      for (let of = this.acceptOneOf('ARRAY', 'MULTISET'); of !== undefined; of = this.acceptOneOf('ARRAY', 'MULTISET'))
        type = { kind: of, element: type, nullable: true }
      const said = this.#nullability()
      return { kind: 'type', type: { ...type, nullable: said !== 'NOT NULL' }, saysNullable: said !== undefined, ...this.span(start) }
    })
  }

  #nullability(): 'NULL' | 'NOT NULL' | undefined {
    if (this.accept('NOT', 'NULL')) return 'NOT NULL'
    // RETURNING INT NULL ON ERROR
    if (this.isWords('NULL', 'ON')) return undefined
    return this.accept('NULL') ? 'NULL' : undefined
  }

  #typeWithoutNullability(): LogicalType {
    const { token } = this
    const word = token.kind === TokenKind.WORD ? token.upper : ''
    this.take()
    const nullable = true
    switch (word) {
      case 'BOOLEAN':
      case 'TINYINT':
      case 'SMALLINT':
      case 'INT':
      case 'FLOAT':
      case 'DATE':
      case 'VARIANT':
      case 'BITMAP':
        return { kind: word, nullable }
      case 'INTEGER':
        return { kind: 'INT', nullable }
      case 'BIGINT':
        return { kind: 'BIGINT', safeInteger: false, nullable }
      case 'DOUBLE':
        this.accept('PRECISION')
        return { kind: 'DOUBLE', nullable }
      case 'STRING':
        return { kind: 'VARCHAR', length: LENGTH_MAX, nullable }
      case 'BYTES':
        return { kind: 'VARBINARY', length: LENGTH_MAX, nullable }
      case 'CHAR':
      case 'CHARACTER':
        return { kind: this.accept('VARYING') ? 'VARCHAR' : 'CHAR', length: this.#length(), nullable }
      case 'VARCHAR':
      case 'BINARY':
        return { kind: word === 'BINARY' && this.accept('VARYING') ? 'VARBINARY' : word, length: this.#length(), nullable }
      case 'VARBINARY':
        return { kind: word, length: this.#length(), nullable }
      case 'DEC':
      case 'NUMERIC':
      case 'DECIMAL': {
        const [precision = 10, scale = 0] = this.#numbers(2)
        if (precision < 1 || precision > 38) throw this.error('INVALID_TYPE', this.span(token), `A DECIMAL has 1 to 38 digits, not ${precision}`)
        if (scale > precision) throw this.error('INVALID_TYPE', this.span(token), `A DECIMAL of ${precision} digits cannot have ${scale} behind the point`)
        return { kind: 'DECIMAL', precision, scale, nullable }
      }
      case 'TIME': {
        const [precision = 0] = this.#numbers(1)
        this.accept('WITHOUT', 'TIME', 'ZONE')
        return { kind: 'TIME', precision: this.#fraction(precision, token), nullable }
      }
      case 'TIMESTAMP': {
        const [precision = 6] = this.#numbers(1)
        const isLocal = this.accept('WITH', 'LOCAL', 'TIME', 'ZONE')
        if (!isLocal) {
          this.accept('WITHOUT', 'TIME', 'ZONE')
          if (this.isWords('WITH', 'TIME', 'ZONE'))
            throw this.error(
              'UNSUPPORTED_TYPE',
              this.token,
              'There is no TIMESTAMP WITH TIME ZONE',
              'Use TIMESTAMP_LTZ, an instant that is shown in the session’s zone.',
            )
        }
        return { kind: isLocal ? 'TIMESTAMP_LTZ' : 'TIMESTAMP', precision: this.#fraction(precision, token), nullable }
      }
      case 'TIMESTAMP_LTZ': {
        const [precision = 6] = this.#numbers(1)
        return { kind: 'TIMESTAMP_LTZ', precision: this.#fraction(precision, token), nullable }
      }
      case 'INTERVAL': {
        const { from } = this.intervalQualifier()
        const isMonths = from === 'YEAR' || from === 'QUARTER' || from === 'MONTH'
        return { kind: isMonths ? 'INTERVAL_YEAR_MONTH' : 'INTERVAL_DAY_TIME', nullable }
      }
      case 'ARRAY':
      case 'MULTISET': {
        this.expectSymbol('<')
        const element = this.type().type
        this.#closeAngle()
        return { kind: word, element, nullable }
      }
      case 'MAP': {
        this.expectSymbol('<')
        const key = this.type().type
        this.expectSymbol(',')
        const value = this.type().type
        this.#closeAngle()
        return { kind: 'MAP', key, value, nullable }
      }
      case 'ROW':
        return { kind: 'ROW', fields: this.#rowFields(), nullable }
      case 'STRUCTURED':
        return { kind: 'ROW', ...this.#structured(), nullable }
    }
    const known = [
      'STRING',
      'INT',
      'BIGINT',
      'DOUBLE',
      'FLOAT',
      'DECIMAL',
      'BOOLEAN',
      'TIMESTAMP',
      'DATE',
      'TIME',
      'VARCHAR',
      'CHAR',
      'BYTES',
      'ARRAY',
      'MAP',
      'ROW',
      'STRUCTURED',
    ]
    const hint = word === '' ? undefined : this.nearest(word, known)
    throw this.error('UNSUPPORTED_TYPE', token, `There is no type ${token.text === '' ? 'here' : `"${token.text}"`}`, hint)
  }

  #length(): number {
    return this.#numbers(1)[0] ?? 1
  }

  #numbers(most: number): readonly number[] {
    if (!this.acceptSymbol('(')) return []
    const numbers = [this.integer()]
    while (numbers.length < most && this.acceptSymbol(',')) numbers.push(this.integer())
    this.expectSymbol(')')
    return numbers
  }

  #fraction(precision: number, token: Span): number {
    if (precision <= 9) return precision
    throw this.error('INVALID_TYPE', this.span(token), `A second has 0 to 9 digits behind its point, not ${precision}`)
  }

  #closeAngle(): void {
    this.expectSymbol('>')
  }

  /** The class of a structured type, and its fields. */
  #structured(): { readonly className: string; readonly fields: readonly Field[] } {
    this.expectSymbol('<')
    const { token } = this
    if (token.kind !== TokenKind.STRING)
      throw this.error('SYNTAX_ERROR', token, 'Expected the name of a class', "Write STRUCTURED<'com.acme.User', name STRING>.")
    this.take()
    if (!isClassName(token.text))
      throw this.error('INVALID_TYPE', token, `'${token.text}' is no name of a class`, "Write names with points between them: 'com.acme.User'.")
    const fields: Field[] = []
    while (this.acceptSymbol(',')) fields.push({ name: this.name('a field').text, type: this.type().type })
    if (fields.length === 0)
      throw this.error('INVALID_TYPE', this.token, 'A structured type has a field at least', "Write STRUCTURED<'com.acme.User', name STRING>.")
    this.#closeAngle()
    return { className: token.text, fields }
  }

  #rowFields(): readonly Field[] {
    const close = this.acceptSymbol('<') ? '>' : ')'
    if (close === ')') this.expectSymbol('(')
    // ROW<> is one token.
    if (this.acceptSymbol(close)) return []
    const fields = this.list((): Field => {
      const { text } = this.name('a field')
      const { type } = this.type()
      if (this.token.kind === TokenKind.STRING) this.take()
      return { name: text, type }
    })
    this.expectSymbol(close)
    return fields
  }
}

/** A row of two. */
type Period = Constructor & { readonly values: readonly Expression[] }

function isPeriod(expression: Expression): expression is Period {
  return expression.kind === 'constructor' && expression.of === 'ROW' && Array.isArray(expression.values) && expression.values.length === 2
}

function isNumber(expression: Expression): expression is Literal {
  return expression.kind === 'literal' && (expression.type === 'integer' || expression.type === 'decimal' || expression.type === 'double')
}

function negated(digits: string): string {
  return digits.startsWith('-') ? digits.slice(1) : `-${digits}`
}
