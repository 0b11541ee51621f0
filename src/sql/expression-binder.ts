// Looks up what expressions name and finds their types, as Flink does: operands that may meet are cast, others refused where they stand.

import { PlanError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import { childTypesOf, Decimal, DECIMAL_PRECISION_MAX, formatType, isText, LENGTH_MAX, type LogicalType, sameType, withNullability } from '../batch/types.ts'
import type { BoundCall, BoundClause, BoundExpression, BoundLiteral, LiteralValue } from './bound-expression.ts'
import { exactOperand } from './constant-expressions.ts'
import { replaceColumns } from './expressions.ts'
import { FLINK_FUNCTIONS, isChangelogFunction } from './flink-functions.ts'
import { functionAdvice } from './function-advice.ts'
import { SCALAR_FUNCTIONS } from './functions/functions.ts'
import { OBJECT_FORMS } from './functions/objects.ts'
import { type Resolution, type ScalarFunction, type SiteOperand, STRING } from './functions/scalar-function.ts'
import { likePattern } from './like.ts'
import { similarPattern } from './patterns/similar.ts'
import { positionOf, SqlError, type Span } from './sql-error.ts'
import { SOURCE_WATERMARK } from './table-stream.ts'
import type {
  Between,
  Call,
  Case,
  Cast,
  Constructor,
  Expression,
  InList,
  IntervalLiteral,
  IntervalUnit,
  IsJson,
  Item,
  Like,
  Literal,
  Name,
  Quantified,
  Reference,
} from './syntax-tree.ts'
import { parseDateLiteral, parseIntervalLiteral, parseTimeLiteral, parseTimestampLiteral, type TimeLiteral, UNIT_VALUES } from './time-literals.ts'
import {
  type ArithmeticOperator,
  arithmeticType,
  canCast,
  canCompare,
  canEqual,
  commonType,
  concatenationType,
  isExact,
  isInterval,
  isNumeric,
} from './type-rules.ts'
import { type NamedFunction, refusalOf, resolveUserCall } from './user-function-calls.ts'
import { adviceOnVariant } from './variant-advice.ts'

function near(mistyped: string, known: Iterable<string>): string | undefined {
  const found = suggest(mistyped, known)
  return found === undefined ? undefined : `Did you mean ${found}?`
}

/** A column that expressions may name. */
export interface ScopeColumn {
  readonly name: string
  /** The table or alias that it may be named with. */
  readonly table: string | undefined
  readonly type: LogicalType
  /** Another column of its table has the same name: none of them can be named, and * does not stand for them. */
  readonly isTwice?: boolean
  /** A column nearer by has the same name: the table has to be said. */
  readonly isShadowed?: boolean
}

/** NULL, which has no type of its own. */
interface BoundNull extends Span {
  readonly kind: 'null'
}

type Operand = BoundExpression | BoundNull

const INT_MAX = 2_147_483_647n
const INT_MIN = -2_147_483_648n
const BIGINT_MAX = 2n ** 63n - 1n
const BIGINT_MIN = -(2n ** 63n)
const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: true }
const INT: LogicalType = { kind: 'INT', nullable: true }
const TIME_PRECISION_MAX = 3
/** Functions that need a window. */
const RANKING = /^(?:ROW_NUMBER|RANK|DENSE_RANK|PERCENT_RANK|CUME_DIST|NTILE|LAG|LEAD)$/
/** Conditions that stand one in the other. */
const CHAIN_MAX = 64
const NO_CLAUSES: readonly BoundClause[] = []
const YEAR_MONTH_UNITS = new Set(['YEAR', 'QUARTER', 'MONTH'])
/** What the literals of times are called, and how they are written. */
const TIME_LITERALS: Readonly<Record<string, readonly [name: string, form: string]>> = {
  date: ['date', "DATE 'yyyy-MM-dd'"],
  time: ['time', "TIME 'HH:mm:ss'"],
  timestamp: ['timestamp', "TIMESTAMP 'yyyy-MM-dd HH:mm:ss'"],
  timestamp_ltz: ['timestamp', "TIMESTAMP WITH LOCAL TIME ZONE 'yyyy-MM-dd HH:mm:ss'"],
}
const ARITHMETIC = new Set(['+', '-', '*', '/', '%'])
const EQUALITIES = new Set(['=', '<>', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])
const LIKE_HINTS = { ILIKE: 'Write UPPER(a) LIKE UPPER(b).', RLIKE: 'Write REGEXP(a, b).' } as const
const COMPARISONS = new Set(['<', '<=', '>', '>='])

/** Binds the expressions of one text over some columns. */
export class ExpressionBinder {
  readonly #text: string
  readonly #columns: readonly ScopeColumn[]
  readonly #replace: (expression: Expression) => BoundExpression | undefined
  readonly #outer: readonly ScopeColumn[]
  /** Where a call of JSON may stand. */
  readonly #jsonValues = new Set<Expression>()

  /**
   * @param replace Asked first for each expression: what it stands for, if it is not bound here.
   * @param outer Columns of the rows around a subquery, for names that are none of the columns: their places count down from -1.
   */
  constructor(
    text: string,
    columns: readonly ScopeColumn[],
    replace: (expression: Expression) => BoundExpression | undefined = () => undefined,
    outer: readonly ScopeColumn[] = [],
  ) {
    this.#text = text
    this.#columns = columns
    this.#replace = replace
    this.#outer = outer
  }

  /**
   * An expression with its type.
   *
   * @throws {SqlError} `UNKNOWN_COLUMN`, `AMBIGUOUS_COLUMN`, `UNKNOWN_FUNCTION`, `WRONG_TYPE`, `NUMBER_OUT_OF_RANGE`, `NOT_SUPPORTED`
   */
  bind(expression: Expression): BoundExpression {
    const bound = this.#bind(expression)
    if (bound.kind === 'null') throw this.#error('WRONG_TYPE', bound, 'NULL has no type here', 'Write CAST(NULL AS type).')
    return bound
  }

  /** Expressions that meet in one column: of VALUES. */
  bindAll(expressions: readonly Expression[]): { readonly expressions: readonly BoundExpression[]; readonly type: LogicalType } {
    const bound = expressions.map((expression) => this.#bind(expression))
    const type = this.#commonOf(bound, expressions[0])
    return { expressions: bound.map((one) => this.#met(this.#typed(one, type), type)), type }
  }

  #bind(expression: Expression): Operand {
    const replaced = this.#replace(expression)
    if (replaced !== undefined) return replaced
    switch (expression.kind) {
      case 'literal':
        return this.#literal(expression)
      case 'reference':
        return this.#reference(expression)
      case 'call':
        return this.#call(expression)
      case 'case':
        return this.#case(expression)
      case 'cast':
        return this.#cast(expression)
      case 'between':
        return this.#between(expression)
      case 'in list':
        return this.#inList(expression)
      case 'quantified':
        return this.#quantified(expression)
      case 'like':
        return this.#like(expression)
      case 'interval':
        return this.#interval(expression)
      case 'constructor':
        return this.#construct(expression)
      case 'item':
        return this.#item(expression)
      case 'field':
        return this.#field(this.bind(expression.operand), [expression.field], expression)
      case 'keyword':
        return { kind: 'literal', type: { kind: 'CHAR', length: expression.word.length, nullable: false }, value: expression.word, ...spanOf(expression) }
      case 'is json':
        return this.#isJson(expression)
      case 'over':
        throw this.#error('WRONG_PLACE', expression, 'OVER stands in SELECT, ORDER BY and QUALIFY only', 'Compute it in a subquery, and look at it in WHERE.')
      default:
        throw this.#error('NOT_SUPPORTED', expression, 'Cannot plan this yet')
    }
  }

  // ---- literals and names ----

  #literal(literal: Literal): Operand {
    const { start, end, text } = literal
    const typed = (type: LogicalType, value: LiteralValue): BoundLiteral => ({
      kind: 'literal',
      type: withNullability(type, value === null),
      value,
      start,
      end,
    })
    switch (literal.type) {
      case 'null':
        return { kind: 'null', start, end }
      case 'unknown':
        return typed(BOOLEAN, null)
      case 'boolean':
        return typed(BOOLEAN, text === 'TRUE')
      case 'string':
        return typed({ kind: 'CHAR', length: text.length, nullable: false }, text)
      case 'binary':
        return typed({ kind: 'BINARY', length: text.length / 2, nullable: false }, Buffer.from(text, 'hex'))
      case 'integer': {
        const value = BigInt(text)
        if (value > BIGINT_MAX || value < BIGINT_MIN)
          throw this.#error('NUMBER_OUT_OF_RANGE', literal, 'A whole number has 64 bits', 'Write a point behind it for a DECIMAL.')
        return value > INT_MAX || value < INT_MIN ? typed({ kind: 'BIGINT', safeInteger: false, nullable: false }, value) : typed(INT, Number(value))
      }
      case 'decimal': {
        const value = Decimal.parse(text.replace(/^([+-]?)\./, '$10.'))
        // All that are written count, a zero in front too.
        const digits = text.replaceAll(/[^0-9]/g, '').length
        if (digits > DECIMAL_PRECISION_MAX || value.unscaled > BIGINT_MAX || value.unscaled < BIGINT_MIN)
          throw this.#error('NUMBER_OUT_OF_RANGE', literal, 'The digits of a decimal literal have 64 bits', "Write CAST('…' AS DECIMAL(p, s)).")
        return typed({ kind: 'DECIMAL', precision: digits, scale: value.scale, nullable: false }, value)
      }
      case 'double':
        return typed({ kind: 'DOUBLE', nullable: false }, Number(text))
      case 'date':
      case 'time':
      case 'timestamp':
      case 'timestamp_ltz':
        return this.#timeLiteral(literal, literal.type)
      case 'default':
        throw this.#error('NOT_SUPPORTED', literal, 'DEFAULT stands for a value only where rows are inserted')
    }
  }

  #timeLiteral({ text, start, end }: Literal, of: 'date' | 'time' | 'timestamp' | 'timestamp_ltz'): Operand {
    const parsed = of === 'date' ? parseDateLiteral(text) : of === 'time' ? parseTimeLiteral(text) : parseTimestampLiteral(text)
    if (parsed === undefined) {
      const [name, form] = TIME_LITERALS[of]
      throw this.#error('INVALID_LITERAL', { start, end }, `'${text}' is no ${name}`, `Write ${form}.`)
    }
    if (of === 'date') return { kind: 'literal', type: { kind: 'DATE', nullable: false }, value: parsed as number, start, end }
    const { value, precision } = parsed as TimeLiteral
    // An instant is written in UTC, whatever the session's zone is.
    const kind = of === 'time' ? 'TIME' : of === 'timestamp' ? 'TIMESTAMP' : 'TIMESTAMP_LTZ'
    return { kind: 'literal', type: { kind, precision, nullable: false }, value, start, end }
  }

  #reference({ parts, start, end }: Reference): Operand {
    const [first, second] = parts
    const named = this.#find(first, second)
    if (named !== undefined) {
      const column: BoundExpression = { kind: 'column', type: this.#columns[named.index].type, index: named.index, start, end }
      return this.#field(column, parts.slice(named.length), { start, end })
    }
    if (parts.length === 1 && first.text.toUpperCase() === 'PI') return this.#constant(first)
    if (this.#outer.length > 0) {
      const around = new ExpressionBinder(this.#text, this.#outer)
      return replaceColumns(around.bind({ kind: 'reference', parts, start, end }), (column) => ({ ...column, index: -1 - column.index }))
    }
    const tables = new Set(this.#columns.flatMap(({ table }) => table ?? []))
    if (second !== undefined && tables.size > 0 && !tables.has(first.text))
      throw this.#error(
        'UNKNOWN_COLUMN',
        first,
        `There is no table or column "${first.text}" here`,
        near(first.text, tables) ?? `There are ${[...tables].join(', ')}.`,
      )
    const name = second ?? first
    const columns = new Set(this.#columns.map((column) => column.name))
    throw this.#error('UNKNOWN_COLUMN', name, `There is no column "${name.text}"`, near(name.text, columns))
  }

  /** A function that may stand without parentheses. */
  #constant(name: Name): BoundExpression {
    const { type } = SCALAR_FUNCTIONS.get('PI')!.resolve({ operands: [], clauses: [] })!
    return { kind: 'call', name: 'PI', operands: [], clauses: NO_CLAUSES, type, ...spanOf(name) }
  }

  /** The column of a name, and how many parts of the reference it takes. */
  #find(first: Name, second: Name | undefined): { readonly index: number; readonly length: number } | undefined {
    const matches = (test: (column: ScopeColumn) => boolean, length: number): { index: number; length: number } | undefined => {
      const found = this.#columns.flatMap((column, index) => (test(column) ? [index] : []))
      if (found.length > 1)
        throw this.#error('AMBIGUOUS_COLUMN', first, `There are ${found.length} columns "${(second ?? first).text}"`, 'Name the table in front of it.')
      return found.length === 0 ? undefined : { index: found[0], length }
    }
    const qualified = second && matches(({ table, name }) => table === first.text && name === second.text, 2)
    return qualified ?? matches(({ name, isShadowed }) => name === first.text && isShadowed !== true, 1)
  }

  // ---- operators and functions ----

  #unknownFunction({ name: [at] }: Call, name: string): SqlError {
    return this.#error('UNKNOWN_FUNCTION', at, `There is no function ${name}`, functionAdvice(name))
  }

  #call(call: Call): Operand {
    const name = call.name.map(({ text }) => text).join('.')
    const upper = name.toUpperCase()
    if (call.user !== undefined) return this.userCall(call, call.user(), 'scalar')
    if (upper === 'JSON' && !this.#jsonValues.has(call)) throw this.#error('WRONG_TYPE', call, 'JSON stands only as a value inside JSON_OBJECT or JSON_ARRAY')
    if (upper === 'JSON_OBJECT' || upper === 'JSON_ARRAY') for (const operand of call.operands) this.#jsonValues.add(operand)
    if (call.operands.some(({ kind }) => kind === 'star') && !FLINK_FUNCTIONS.has(upper)) throw this.#unknownFunction(call, name)
    const operands = call.operands.map((operand) => this.#bind(operand))
    if (call.syntax === 'infix') return this.#infix(upper, operands[0], operands[1], call)
    if (call.syntax === 'prefix' && (upper === '-' || upper === '+')) {
      const operand = this.#typed(operands[0], INT)
      if (operands[0].kind === 'null' || !(isNumeric(operand.type) || isInterval(operand.type))) throw this.#wrong(call, upper, operands)
      return { kind: 'call', name: `PREFIX ${upper}`, operands: [operand], clauses: NO_CLAUSES, type: operand.type, ...spanOf(call) }
    }
    if (call.quantifier !== undefined || call.filter !== undefined || call.withinGroup !== undefined || call.nulls !== undefined)
      throw this.#error('NOT_SUPPORTED', call, `Cannot plan this call of ${name} yet`)
    if (upper === 'NULLIF') {
      if (operands.length !== 2) throw this.#error('WRONG_TYPE', call, 'NULLIF takes two operands')
      return this.#nullIf(call, operands[0], operands[1])
    }
    const scalar = SCALAR_FUNCTIONS.get(upper)
    if (scalar === undefined) {
      if (/^(?:TUMBLE|HOP|SESSION)(?:_(?:START|END|ROWTIME|PROCTIME))?$/.test(upper))
        throw this.#error('WRONG_PLACE', call, `${upper} stands in a query that has the same window in GROUP BY`, 'Group by it, or use the table function.')
      if (RANKING.test(upper))
        throw this.#error('WRONG_PLACE', call, `${upper} has no rows to look at`, `Write OVER (PARTITION BY ... ORDER BY ...) behind it.`)
      if (upper === SOURCE_WATERMARK)
        throw this.#error('WRONG_PLACE', call, `${upper} takes nothing, and is the whole of a watermark: WATERMARK FOR ts AS ${upper}()`)
      if (isChangelogFunction(upper)) throw this.#error('WRONG_PLACE', call, `${upper} makes rows, and is no value`, `Write FROM ${upper}(input => TABLE t).`)
      const isWord = call.syntax === 'variable'
      if (FLINK_FUNCTIONS.has(upper) || isWord)
        throw this.#error('NOT_SUPPORTED', call, `Cannot plan ${upper} yet`, isWord ? `A column of that name is quoted: \`${name}\`.` : undefined)
      throw this.#unknownFunction(call, name)
    }
    const clauses = call.clauses.map(({ words, value }): BoundClause => {
      const type = value?.kind === 'type' ? value.type : undefined
      return { words, type, value: value === undefined || value.kind === 'type' ? undefined : this.bind(value) }
    })
    const found = this.#resolved(scalar, operands, clauses, call)
    if (found === undefined && call.operands.some(({ kind }) => kind === 'keyword')) throw this.#error('NOT_SUPPORTED', call, `Cannot plan this ${upper} yet`)
    if (found === undefined) throw this.#wrong(call, name, operands)
    const first = operands.find((operand): operand is BoundExpression => operand.kind !== 'null')
    const given = operands.map((operand, index) => {
      const type = found.operandTypes?.[index]
      const typed = this.#typed(operand, type ?? first?.type ?? STRING)
      return type === undefined ? typed : this.#met(typed, type)
    })
    if (upper === 'IF') return { kind: 'case', branches: [{ when: given[0], result: given[1] }], otherwise: given[2], type: found.type, ...spanOf(call) }
    return { kind: 'call', name: upper, operands: given, clauses, type: found.type, ...spanOf(call) }
  }

  /**
   * A call of a function that a user has written; of a table function it is an array of its rows.
   *
   * @throws {SqlError} `WRONG_TYPE`, `WRONG_PLACE`
   */
  userCall(call: Call, named: NamedFunction, kind: 'scalar' | 'table'): BoundExpression {
    const { definition } = named
    if (definition.kind !== kind) throw this.#error('WRONG_PLACE', call, ...misplaced(named))
    if (call.quantifier !== undefined || call.filter !== undefined || call.withinGroup !== undefined || call.nulls !== undefined)
      throw this.#error('WRONG_PLACE', call, `${named.name} is no aggregate function`, 'Leave what is said of aggregates out.')
    const operands = call.operands.map((operand) => this.#bind(operand))
    const found = resolveUserCall(named, siteOf(operands), positionOf(this.#text, call.start))
    if (found === undefined) {
      const { message, hint } = refusalOf(named, siteOf(operands))
      throw this.#error('WRONG_TYPE', call, message, hint)
    }
    const { type, operandTypes } = found.resolution
    const given = operands.map((operand, index) => this.#met(this.#typed(operand, operandTypes[index]), operandTypes[index]))
    return { kind: 'call', name: named.name, operands: given, clauses: NO_CLAUSES, type, user: found.call, ...spanOf(call) }
  }

  #resolved(scalar: ScalarFunction, operands: readonly Operand[], clauses: readonly BoundClause[], call: Call): Resolution | undefined {
    try {
      return scalar.resolve({ operands: siteOf(operands), clauses })
    } catch (error) {
      // Of what is written in the operands: a pattern that cannot be done.
      throw error instanceof PlanError && !(error instanceof SqlError) ? this.#error(error.code, call, error.message) : error
    }
  }

  #infix(operator: string, leftOperand: Operand, rightOperand: Operand, span: Span): Operand {
    const left = this.#typed(leftOperand, typeBeside(rightOperand))
    const right = this.#typed(rightOperand, left.type)
    const takesNull = EQUALITIES.has(operator) || COMPARISONS.has(operator)
    if (!takesNull && (leftOperand.kind === 'null' || rightOperand.kind === 'null')) throw this.#wrong(span, operator, [leftOperand, rightOperand])
    if (operator === 'AND' || operator === 'OR') {
      if (left.type.kind !== 'BOOLEAN' || right.type.kind !== 'BOOLEAN') throw this.#wrong(span, operator, [left, right])
      return this.#boolean(operator, [left, right], span)
    }
    if (EQUALITIES.has(operator) || COMPARISONS.has(operator)) return this.#compare(operator, left, right, span)
    const type = ARITHMETIC.has(operator)
      ? arithmeticType(operator as ArithmeticOperator, left.type, right.type)
      : operator === '||'
        ? concatenationType(left.type, right.type)
        : undefined
    if (type === undefined) throw this.#wrong(span, operator, [left, right])
    return { kind: 'call', name: operator, operands: [left, right], clauses: NO_CLAUSES, type, ...spanOf(span) }
  }

  /** Whether two values are equal, or compare as asked. @throws {SqlError} `WRONG_TYPE` */
  compare(left: BoundExpression, right: BoundExpression, span: Span, operator = '='): BoundExpression {
    return this.#compare(operator, left, right, span)
  }

  #compare(operator: string, left: BoundExpression, right: BoundExpression, span: Span): BoundExpression {
    const takes = EQUALITIES.has(operator) ? canEqual : canCompare
    const hasOrder = EQUALITIES.has(operator) || childTypesOf(left.type).length === 0
    if (!hasOrder || !takes(left.type, right.type)) throw this.#wrong(span, operator, [left, right])
    const common = isText(left.type) === isText(right.type) ? commonType(left.type, right.type) : comparedAs(isText(left.type) ? right.type : left.type)
    // Texts of any length compare as they are.
    const operands = common === undefined || isText(common) ? [left, right] : [left, right].map((one) => this.#met(meeting(one, common), common))
    const isTold = operator.includes('DISTINCT')
    const compared = this.#boolean(operator, operands, span)
    const isUnknown = !isTold && (mayHoldNull(left.type) || mayHoldNull(right.type))
    return { ...compared, type: withNullability(BOOLEAN, isUnknown) }
  }

  /** A call that is NULL only if an operand is. */
  #boolean(name: string, operands: readonly BoundExpression[], span: Span): BoundExpression {
    return {
      kind: 'call',
      name,
      operands,
      clauses: NO_CLAUSES,
      type: withNullability(
        BOOLEAN,
        operands.some(({ type }) => type.nullable),
      ),
      ...spanOf(span),
    }
  }

  #not(operand: BoundExpression, span: Span): BoundExpression {
    return this.#boolean('NOT', [operand], span)
  }

  /** NULL if both are equal. */
  #nullIf(call: Call, leftOperand: Operand, rightOperand: Operand): Operand {
    const left = this.#typed(leftOperand, typeBeside(rightOperand))
    if (leftOperand.kind === 'null') throw this.#wrong(call, 'NULLIF', [leftOperand, rightOperand])
    const when = this.#compare('=', left, this.#typed(rightOperand, left.type), call)
    const type = withNullability(left.type, true)
    return { kind: 'case', branches: [{ when, result: this.#null(type, call) }], otherwise: this.#met(left, type), type, ...spanOf(call) }
  }

  #between({ operand, low, high, not, symmetric, ...span }: Between): Operand {
    const value = this.#bind(operand)
    const [from, to] = [this.#bind(low), this.#bind(high)]
    const within = (least: Operand, most: Operand): Operand =>
      this.#infix('AND', this.#infix('>=', value, least, span), this.#infix('<=', value, most, span), span)
    const found = (symmetric ? this.#infix('OR', within(from, to), within(to, from), span) : within(from, to)) as BoundExpression
    return not ? this.#not(found, span) : found
  }

  #inList({ operand, values, not, ...span }: InList): Operand {
    const value = this.#bind(operand)
    const bound = values.map((one) => this.#bind(one))
    if (bound.some(({ kind }) => kind !== 'null')) this.#commonOf(bound, span)
    const equal = bound.map((one) => this.#infix('=', value, value.kind === 'null' ? one : this.#listed(one, value.type), span))
    const found = this.#anyOf(equal, span) as BoundExpression
    return not ? this.#not(found, span) : found
  }

  /** One of them is true. Of many a tree that is not as deep as they are many. */
  #anyOf(conditions: readonly Operand[], span: Span): Operand {
    const middle = conditions.length >>> 1
    if (conditions.length <= CHAIN_MAX) return conditions.reduce((left, right) => this.#infix('OR', left, right, span))
    return this.#infix('OR', this.#anyOf(conditions.slice(0, middle), span), this.#anyOf(conditions.slice(middle), span), span)
  }

  #quantified({ operator, quantifier, operand, values, ...span }: Quantified): Operand {
    if (!Array.isArray(values)) throw this.#error('NOT_SUPPORTED', span, 'Cannot plan this yet')
    const value = this.#bind(operand)
    const compared = (values as readonly Expression[]).map((one) => this.#infix(operator, value, this.#bind(one), span))
    return quantifier === 'ALL' ? compared.reduce((left, right) => this.#infix('AND', left, right, span)) : this.#anyOf(compared, span)
  }

  /** A value of a list: unless it is of the same kind it is cast to the type of what is looked for, which may lose digits. */
  #listed(one: Operand, type: LogicalType): Operand {
    if (one.kind === 'null' || one.type.kind === type.kind || (isText(one.type) && type.kind === 'VARCHAR')) return one
    const isComparable = canEqual(one.type, type) || canCompare(one.type, type)
    return isComparable && childTypesOf(type).length === 0 ? this.#met(meeting(one, type), type) : one
  }

  #like({ operator, operand, pattern, escape, not, ...span }: Like): Operand {
    if (operator === 'ILIKE' || operator === 'RLIKE') throw this.#error('UNKNOWN_FUNCTION', span, `There is no operator ${operator}`, LIKE_HINTS[operator])
    const bound = [operand, pattern, ...(escape === undefined ? [] : [escape])].map((one) => this.#bind(one))
    const operands = bound.map((one) => this.#typed(one, STRING))
    if (bound.some(({ kind }) => kind === 'null') || !operands.every(({ type }) => isText(type))) throw this.#wrong(span, operator, operands)
    this.#checkPattern(operator, operands)
    const found = this.#boolean(operator, operands, span)
    return not ? this.#not(found, span) : found
  }

  /** A pattern that is written there is read while planning. */
  #checkPattern(operator: 'LIKE' | 'SIMILAR TO', [, pattern, escape]: readonly BoundExpression[]): void {
    const [text, by] = [pattern, escape].map((one: BoundExpression | undefined) => (one?.kind === 'literal' ? one.value : one))
    if (typeof text !== 'string' || (by !== undefined && typeof by !== 'string')) return
    const read = operator === 'LIKE' ? likePattern : similarPattern
    try {
      read(text, by)
    } catch (error) {
      throw error instanceof RangeError ? this.#error('WRONG_PATTERN', pattern, error.message) : error
    }
  }

  #isJson({ operand, not, of, ...span }: IsJson): Operand {
    const name = `IS ${not ? 'NOT ' : ''}JSON ${of}`
    if (!SCALAR_FUNCTIONS.has(name)) throw this.#error('NOT_SUPPORTED', span, `Cannot plan ${name} yet`)
    return this.#call({
      kind: 'call',
      syntax: 'postfix',
      name: [{ text: name, ...spanOf(span) }],
      operands: [operand],
      quantifier: undefined,
      filter: undefined,
      withinGroup: undefined,
      nulls: undefined,
      clauses: [],
      ...spanOf(span),
    })
  }

  #case({ value, branches, otherwise, ...span }: Case): Operand {
    const compared = value && this.#bind(value)
    const bound = branches.map(({ when, result }) => {
      const conditions = when.map((one) => {
        const condition = this.#bind(one)
        return compared === undefined ? this.#typed(condition, BOOLEAN) : (this.#infix('=', compared, condition, span) as BoundExpression)
      })
      const whole = conditions.reduce((left, right) => this.#infix('OR', left, right, span) as BoundExpression)
      if (whole.type.kind !== 'BOOLEAN') throw this.#wrong(whole, 'WHEN', [whole])
      return { when: whole, result: this.#bind(result) }
    })
    const last: Operand = otherwise === undefined ? { kind: 'null', ...spanOf(span) } : this.#bind(otherwise)
    const results = [...bound.map(({ result }) => result), last]
    const type = this.#commonOf(results, span)
    return {
      kind: 'case',
      branches: bound.map(({ when, result }) => ({ when, result: this.#met(this.#typed(result, type), type) })),
      otherwise: this.#met(this.#typed(last, type), type),
      type,
      ...spanOf(span),
    }
  }

  /** The type in which results meet: NULL only if one of them is. */
  #commonOf(results: readonly Operand[], span: Span): LogicalType {
    let type: LogicalType | undefined
    for (const result of results) {
      if (result.kind === 'null') continue
      const next = type === undefined ? result.type : commonType(type, result.type)
      if (next === undefined)
        throw this.#error('WRONG_TYPE', result, `${formatType(result.type)} and ${formatType(type!)} have no type in common`, 'CAST one of them.')
      type = next
    }
    if (type === undefined) throw this.#error('WRONG_TYPE', span, 'All results are NULL, which has no type', 'Write CAST(NULL AS type).')
    return results.some(({ kind }) => kind === 'null') ? withNullability(type, true) : type
  }

  #cast({ operand, type: named, isTry, ...span }: Cast): Operand {
    const bound = this.#bind(operand)
    // Here a text without a length has any, elsewhere one.
    const type = isVaryingWithoutLength(this.#text.slice(named.start, named.end)) ? { ...named.type, length: LENGTH_MAX } : castType(named.type)
    if (bound.kind === 'null') return this.#null(withNullability(type, true), span)
    if (isInterval(type) && isNumeric(bound.type)) return this.#castToInterval(bound, type, named, isTry, span)
    if (!canCast(bound.type, type)) {
      const [from, to] = [bound.type, type].map((one) => formatType(withNullability(one, true)))
      throw this.#error('WRONG_TYPE', span, `Cannot cast ${from} to ${to}`, adviceOnVariant(bound.type, type))
    }
    return { kind: 'cast', operand: meeting(bound, type), isTry, isImplicit: false, type: withNullability(type, isTry || bound.type.nullable), ...spanOf(span) }
  }

  // ---- intervals, rows and collections ----

  /** A number that is written counts units; any other one months or milliseconds, as Flink has it. */
  #castToInterval(operand: BoundExpression, type: LogicalType, named: Span, isTry: boolean, span: Span): Operand {
    const [, unit, ...more] = this.#text
      .slice(named.start, named.end)
      .toUpperCase()
      .match(/[A-Z]+/g)!
    const perUnit = UNIT_VALUES[unit.replace(/S$/, '') as IntervalUnit] ?? 1
    if (!isExact(operand.type) || more.length > 0) throw this.#wrong(span, 'CAST to this interval', [operand])
    if (operand.kind === 'literal') {
      const count = operand.value instanceof Decimal ? operand.value.toNumber() : Number(operand.value)
      return { kind: 'literal', type: withNullability(type, isTry), value: Math.trunc(count * perUnit), ...spanOf(span) }
    }
    if (operand.type.kind === 'DECIMAL') throw this.#wrong(span, 'CAST to this interval', [operand])
    return { kind: 'cast', operand, isTry, isImplicit: false, type: withNullability(type, isTry || operand.type.nullable), ...spanOf(span) }
  }

  #interval({ negative, value, qualifier, ...span }: IntervalLiteral): Operand {
    const type: LogicalType = { kind: YEAR_MONTH_UNITS.has(qualifier.from) ? 'INTERVAL_YEAR_MONTH' : 'INTERVAL_DAY_TIME', nullable: false }
    const isText = typeof value === 'string'
    const parsed = parseIntervalLiteral(isText ? value : '1', negative, qualifier)
    if (typeof parsed !== 'number') throw this.#error('INVALID_LITERAL', parsed.wrong === 'qualifier' ? qualifier : span, parsed.message, hintOf(parsed.wrong))
    const literal: BoundLiteral = { kind: 'literal', type, value: parsed, ...spanOf(span) }
    if (isText) return literal
    const count = this.#bind(value)
    if (count.kind !== 'null' && !isNumeric(count.type)) throw this.#wrong(span, 'INTERVAL', [count])
    return this.#infix('*', count, literal, span)
  }

  #construct({ of, values, ...span }: Constructor): Operand {
    if (!Array.isArray(values)) throw this.#error('NOT_SUPPORTED', span, `Cannot plan ${of} of a query yet`)
    const parts = values as readonly Expression[]
    if (of === 'ROW') {
      if (parts.length === 0) throw this.#error('SYNTAX_ERROR', span, 'A ROW has a field at least')
      const operands = parts.map((part) => this.bind(part))
      const type: LogicalType = { kind: 'ROW', fields: operands.map((operand, index) => ({ name: `EXPR$${index}`, type: operand.type })), nullable: false }
      return { kind: 'call', name: of, operands, clauses: NO_CLAUSES, type, ...spanOf(span) }
    }
    if (of === 'MULTISET' || parts.length === 0) throw this.#error('NOT_SUPPORTED', span, `Cannot plan this ${of} yet`)
    if (of === 'ARRAY') {
      const { expressions, type: element } = this.bindAll(parts)
      return { kind: 'call', name: of, operands: expressions, clauses: NO_CLAUSES, type: { kind: 'ARRAY', element, nullable: false }, ...spanOf(span) }
    }
    if (parts.length % 2 !== 0) throw this.#error('WRONG_TYPE', span, 'A MAP has a value for each key')
    const bare = parts.find((part) => part.kind === 'literal' && part.type === 'null')
    if (bare !== undefined) throw this.#error('WRONG_TYPE', bare, 'NULL has no type here', 'Write CAST(NULL AS type).')
    const keys = this.bindAll(parts.filter((_, index) => index % 2 === 0))
    const contents = this.bindAll(parts.filter((_, index) => index % 2 === 1))
    const operands = parts.map((_, index) => (index % 2 === 0 ? keys : contents).expressions[index >>> 1])
    return {
      kind: 'call',
      name: of,
      operands,
      clauses: NO_CLAUSES,
      type: { kind: 'MAP', key: keys.type, value: contents.type, nullable: false },
      ...spanOf(span),
    }
  }

  /** An element of an array, or the value of a key: NULL if there is none. */
  #item({ operand, index, ...span }: Item): Operand {
    const of = this.bind(operand)
    const at = this.bind(index)
    if (of.type.kind === 'ROW') return this.#fieldAt(of, at, span)
    if (of.type.kind === 'VARIANT') return this.#partOf(of, at, span)
    if (!(of.type.kind === 'ARRAY' ? at.type.kind === 'INT' : of.type.kind === 'MAP' && isKeyOf(at.type, of.type.key))) throw this.#wrong(span, '[ ]', [of, at])
    if (of.type.kind === 'ARRAY' && at.kind === 'literal' && (at.value as number) < 1) throw this.#error('WRONG_TYPE', at, 'Elements are counted from 1')
    const type = of.type.kind === 'ARRAY' ? of.type.element : (of.type as LogicalType & { kind: 'MAP' }).value
    return { kind: 'call', name: 'ITEM', operands: [of, at], clauses: NO_CLAUSES, type: withNullability(type, true), ...spanOf(span) }
  }

  /** A member of a variant's object, or an element of its array from 1: what it is shows with each row. */
  #partOf(of: BoundExpression, at: BoundExpression, span: Span): BoundExpression {
    if (!isText(at.type) && !(isExact(at.type) && at.type.kind !== 'DECIMAL')) throw this.#wrong(span, '[ ]', [of, at])
    return { kind: 'call', name: 'ITEM', operands: [of, at], clauses: NO_CLAUSES, type: withNullability(of.type, true), ...spanOf(span) }
  }

  /** A field of a row by its name, or by its place from 1. */
  #fieldAt(of: BoundExpression, at: BoundExpression, span: Span): BoundExpression {
    const { fields } = of.type as LogicalType & { kind: 'ROW' }
    if (at.kind !== 'literal') throw this.#error('WRONG_TYPE', at, 'A field of a row is named by a literal')
    const name = typeof at.value === 'number' ? fields[at.value - 1]?.name : at.value
    if (typeof name !== 'string') throw this.#error('UNKNOWN_COLUMN', at, `The row has ${fields.length} fields`)
    return this.#field(of, [{ text: name, ...spanOf(at) }], span)
  }

  /** A field of a row, of that a field, and so on. */
  #field(of: BoundExpression, names: readonly Name[], span: Span): BoundExpression {
    let found = of
    for (const name of names) {
      if (found.type.kind !== 'ROW') throw this.#error('WRONG_TYPE', name, `${formatType(withNullability(found.type, true))} has no fields`)
      const { fields, nullable } = found.type
      const index = fields.findIndex((field) => field.name === name.text)
      if (index < 0) {
        const near = suggest(
          name.text,
          fields.map((field) => field.name),
        )
        throw this.#error('UNKNOWN_COLUMN', name, `There is no field "${name.text}"`, near === undefined ? undefined : `Did you mean ${near}?`)
      }
      const { type } = fields[index]
      const place: BoundLiteral = { kind: 'literal', type: withNullability(INT, false), value: index, ...spanOf(name) }
      found = {
        kind: 'call',
        name: 'FIELD',
        operands: [found, place],
        clauses: NO_CLAUSES,
        type: withNullability(type, type.nullable || nullable),
        ...spanOf(span),
      }
    }
    return found
  }

  // ---- types ----

  /** NULL as a value of a type. */
  #typed(operand: Operand, type: LogicalType): BoundExpression {
    return operand.kind === 'null' ? this.#null(withNullability(type, true), operand) : operand
  }

  #null(type: LogicalType, span: Span): BoundLiteral {
    return { kind: 'literal', type, value: null, ...spanOf(span) }
  }

  /** An operand in the type in which it meets others. */
  #met(operand: BoundExpression, type: LogicalType): BoundExpression {
    const own = withNullability(type, operand.type.nullable)
    if (sameType(own, operand.type)) return operand
    return { kind: 'cast', operand, isTry: false, isImplicit: true, type: own, ...spanOf(operand) }
  }

  #wrong(span: Span, name: string, operands: readonly Operand[]): SqlError {
    const types = operands.map((operand) => (operand.kind === 'null' ? 'NULL' : formatType(withNullability(operand.type, true))))
    const form = OBJECT_FORMS[name.toUpperCase()]
    const hint =
      form !== undefined
        ? form
        : types.includes('NULL')
          ? 'Say which type a NULL has: CAST(NULL AS type).'
          : types.length > 0
            ? 'CAST what does not fit.'
            : undefined
    return this.#error('WRONG_TYPE', span, `${name} does not take ${types.join(', ') || 'nothing'}`, hint)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

function siteOf(operands: readonly Operand[]): readonly SiteOperand[] {
  return operands.map((operand) => (operand.kind === 'null' ? { type: undefined, literal: undefined } : { type: operand.type, literal: writtenIn(operand) }))
}

/** What is said of a function that stands where one of another kind should. */
function misplaced({ name, definition }: NamedFunction): readonly [message: string, hint: string] {
  switch (definition.kind) {
    case 'scalar':
      return [`${name} gives a value, and makes no rows`, 'Call it in SELECT or WHERE.']
    case 'table':
      return [`${name} makes rows, and is no value`, `Write FROM t, LATERAL TABLE(${name}(...)) AS T(...).`]
    case 'aggregate':
      return [`${name} is of several rows, and cannot stand here`, 'Aggregate in a subquery.']
  }
}

/** Whether a value, or a field of it, may be NULL. */
function mayHoldNull(type: LogicalType): boolean {
  return type.nullable || (type.kind === 'ROW' && type.fields.some((field) => mayHoldNull(field.type)))
}

/** Whether a map may be asked for a key of a type. */
function isKeyOf(type: LogicalType, key: LogicalType): boolean {
  return key.kind !== 'ROW' && (key.kind === 'DECIMAL') === (type.kind === 'DECIMAL') && isText(key) === isText(type) && canEqual(key, type)
}

/** The type that a NULL gets beside another operand. */
function typeBeside(operand: Operand): LogicalType {
  return operand.kind === 'null' ? BOOLEAN : operand.type
}

/** What is cast to a type: a constant may be known better than its own type says. */
function meeting(operand: BoundExpression, type: LogicalType): BoundExpression {
  return isNumeric(type) && type.kind !== operand.type.kind ? exactOperand(operand, type) : operand
}

/** The type in which a text is compared with a value of another one: any DECIMAL may stand in the text. */
function comparedAs(type: LogicalType): LogicalType {
  return type.kind === 'DECIMAL' ? { kind: 'DECIMAL', precision: DECIMAL_PRECISION_MAX, scale: DECIMAL_PRECISION_MAX / 2, nullable: type.nullable } : type
}

/** The value that is written there: of a literal, and of a whole number with a sign or a CAST in front of it. */
function writtenIn(expression: BoundExpression): LiteralValue | undefined {
  if (expression.kind === 'literal') return expression.value
  if (expression.kind === 'cast') return isExact(expression.type) && !expression.isTry ? wholeNumberIn(expression.operand) : undefined
  const value = expression.kind === 'call' && expression.name.startsWith('PREFIX ') ? wholeNumberIn(expression.operands[0]) : undefined
  return value !== undefined && (expression as BoundCall).name === 'PREFIX -' ? -value : value
}

function wholeNumberIn(expression: BoundExpression): number | undefined {
  const value = writtenIn(expression)
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined
}

function isVaryingWithoutLength(text: string): boolean {
  return /^(?:VARCHAR|VARBINARY)$/i.test(text)
}

/** A TIME has milliseconds at most. */
function castType(type: LogicalType): LogicalType {
  return type.kind === 'TIME' && type.precision > TIME_PRECISION_MAX ? { ...type, precision: TIME_PRECISION_MAX } : type
}

function hintOf(wrong: 'qualifier' | 'format' | 'precision'): string | undefined {
  return wrong === 'precision' ? 'Write how many digits it has behind the unit: DAY(3).' : undefined
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}
