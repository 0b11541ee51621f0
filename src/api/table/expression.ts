// Expressions of the Table API: what `t.price.times(2)` is. They compute nothing; a table writes them into its query (query-text.ts), where the binder of SQL
// gives them their types. Types here follow those of the columns.

import { PlanError } from '../../base/errors.ts'
import { type DataType, Decimal } from '../../batch/types.ts'
import { callNode } from '../../sql/call-node.ts'
import type { Span } from '../../sql/sql-error.ts'
import type { Call, Expression as SyntaxExpression, Frame, FrameBound, OrderItem, OverCall, WindowSpecification } from '../../sql/syntax-tree.ts'
import { intervalOf } from '../../sql/value-literals.ts'
import { QueryText } from './query-text.ts'
import type { ArithmeticResult, ComparableTo, expressionValue, NullOf, Numeric, Operand, Textual, Valued } from './expression-types.ts'

/** @internal Writes an expression, and makes its node. */
export type WriteExpression = (text: QueryText) => SyntaxExpression

/** @internal The conditions that a callback has made: one that is used nowhere was taken for a value. */
export class ExpressionScope {
  readonly #unused = new Set<Expression>()

  made(condition: Expression): void {
    this.#unused.add(condition)
  }

  use(expression: unknown): void {
    this.#unused.delete(expression as Expression)
  }

  /** @throws {PlanError} `EXPRESSION_UNUSED` */
  end(method: string): void {
    const [unused] = this.#unused
    if (unused === undefined) return
    throw new PlanError('EXPRESSION_UNUSED', `Cannot plan ${method}(): the condition "${textOf(unused)}" is made in it and used nowhere`, {
      hint: 'if, ?:, !, && and || see an object, which is true, not its values: write and(), or(), not(), fn.ifThenElse(condition, one, other).',
    })
  }
}

/** What an operator of JavaScript should have been, by what it asks an object for. */
const INSTEAD = {
  number: 'Write its methods: plus, minus, times, dividedBy, mod; gt, ge, lt, le.',
  default: 'Write its methods: plus, or concat for texts; eq, ne.',
  string: 'Write its methods: concat joins texts, cast(t.string()) makes one. In a template of sql name the column.',
} as const

/**
 * An expression over the columns of a table. `T` is what user code is given for its values.
 *
 * It stands for values that come when the job runs: used as one, in `+`, `>` or a text, it throws and names the method to use.
 *
 * @example
 * bids.where((bid) => bid.price.gt(100).and(bid.channel.like('a%'))).select((bid) => ({ auction: bid.auction, cents: bid.price.times(100) }))
 */
export class Expression<out T = unknown> implements Valued<T> {
  declare readonly [expressionValue]: T
  readonly #write: WriteExpression
  /** Whether it needs parentheses inside of another one. */
  readonly #isCompound: boolean
  readonly #scope: ExpressionScope | undefined

  /** @internal Expressions are columns, literals, and what their methods make. */
  constructor(write: WriteExpression, operands: readonly unknown[] = [], { isCompound = false, isCondition = false, scope = scopeOf(operands) } = {}) {
    this.#write = write
    this.#isCompound = isCompound
    this.#scope = scope
    for (const operand of operands) scope?.use(operand)
    if (isCondition) scope?.made(this)
  }

  /** @internal */
  static scopeOf(operand: unknown): ExpressionScope | undefined {
    return operand instanceof Expression ? operand.#scope : undefined
  }

  /** @internal Writes it, and makes its node. */
  writeTo(text: QueryText, isInner = false): SyntaxExpression {
    if (!isInner || !this.#isCompound) return this.#write(text)
    text.add('(')
    const node = this.#write(text)
    text.add(')')
    return node
  }

  /** @throws {PlanError} `EXPRESSION_AS_VALUE` */
  [Symbol.toPrimitive](hint: keyof typeof INSTEAD): never {
    throw new PlanError('EXPRESSION_AS_VALUE', `Cannot use the expression "${textOf(this)}" as a value: it stands for values that come when the job runs`, {
      hint: INSTEAD[hint],
    })
  }

  // ---- numbers and times ----

  /** The sum; of a time and an interval (`fn.interval(ms)`) a time. */
  plus<U extends Numeric>(this: Expression<Numeric>, other: Operand<U>): Expression<ArithmeticResult<T, U>> {
    return infix('+', this, other)
  }

  minus<U extends Numeric>(this: Expression<Numeric>, other: Operand<U>): Expression<ArithmeticResult<T, U>> {
    return infix('-', this, other)
  }

  times<U extends Numeric>(this: Expression<Numeric>, other: Operand<U>): Expression<ArithmeticResult<T, U>> {
    return infix('*', this, other)
  }

  /** The quotient: of whole numbers a whole one, as in SQL. */
  dividedBy<U extends Numeric>(this: Expression<Numeric>, other: Operand<U>): Expression<ArithmeticResult<T, U>> {
    return infix('/', this, other)
  }

  /** What is left of a division. */
  mod<U extends Numeric>(this: Expression<Numeric>, other: Operand<U>): Expression<ArithmeticResult<T, U>> {
    return infix('%', this, other)
  }

  negated(this: Expression<Numeric>): Expression<T> {
    return new Expression(
      (text) =>
        text.node(() => {
          const sign = text.name('-')
          const operand = this.writeTo(text, true)
          return (span) => ({ ...callNode('prefix', [sign], [operand]), ...span })
        }),
      [this],
      { isCompound: true },
    )
  }

  abs(this: Expression<Numeric>): Expression<T> {
    return functionOf('ABS', [this])
  }

  /** Rounded, to so many digits behind the point. */
  round(this: Expression<Numeric>, digits?: Operand<number>): Expression<T> {
    return functionOf('ROUND', digits === undefined ? [this] : [this, digits])
  }

  /** The whole number below; of a time with a unit the beginning of it. */
  floor(this: Expression<Numeric>, unit?: TimeUnit): Expression<T> {
    return unit === undefined ? specialOf('FLOOR', [this]) : specialOf('FLOOR', [this, keyword(unit)])
  }

  ceil(this: Expression<Numeric>, unit?: TimeUnit): Expression<T> {
    return unit === undefined ? specialOf('CEIL', [this]) : specialOf('CEIL', [this, keyword(unit)])
  }

  /** A field of a time, as EXTRACT has it. */
  extract(this: Expression<Numeric>, unit: TimeUnit): Expression<bigint | NullOf<T>> {
    return specialOf('EXTRACT', [keyword(unit), this])
  }

  // ---- comparisons ----

  /** Whether both are equal: NULL where one of them is. */
  eq<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('=', this, other, true)
  }

  ne<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('<>', this, other, true)
  }

  gt<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('>', this, other, true)
  }

  ge<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('>=', this, other, true)
  }

  lt<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('<', this, other, true)
  }

  le<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return infix('<=', this, other, true)
  }

  /** As {@link ne}, where NULL is equal to NULL, and to nothing else. */
  isDistinctFrom<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean> {
    return infix('IS DISTINCT FROM', this, other, true)
  }

  isNotDistinctFrom<U extends ComparableTo<T>>(other: Operand<U>): Expression<boolean> {
    return infix('IS NOT DISTINCT FROM', this, other, true)
  }

  /** Whether it lies between two values, both included. */
  between<U extends ComparableTo<T>>(low: Operand<U>, high: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return between(this, low, high, false)
  }

  notBetween<U extends ComparableTo<T>>(low: Operand<U>, high: Operand<U>): Expression<boolean | NullOf<T | U>> {
    return between(this, low, high, true)
  }

  /** Whether it is one of some values. */
  in<U extends ComparableTo<T>>(...values: readonly Operand<U>[]): Expression<boolean | NullOf<T | U>> {
    return inList(this, values, false)
  }

  notIn<U extends ComparableTo<T>>(...values: readonly Operand<U>[]): Expression<boolean | NullOf<T | U>> {
    return inList(this, values, true)
  }

  isNull(): Expression<boolean> {
    return postfix('IS NULL', this)
  }

  isNotNull(): Expression<boolean> {
    return postfix('IS NOT NULL', this)
  }

  // ---- conditions ----

  and(this: Expression<boolean | null>, other: Operand<boolean | null>): Expression<boolean | null> {
    return infix('AND', this, other, true)
  }

  or(this: Expression<boolean | null>, other: Operand<boolean | null>): Expression<boolean | null> {
    return infix('OR', this, other, true)
  }

  not(this: Expression<boolean | null>): Expression<T> {
    return negation(this)
  }

  isTrue(this: Expression<boolean | null>): Expression<boolean> {
    return postfix('IS TRUE', this)
  }

  isFalse(this: Expression<boolean | null>): Expression<boolean> {
    return postfix('IS FALSE', this)
  }

  isNotTrue(this: Expression<boolean | null>): Expression<boolean> {
    return postfix('IS NOT TRUE', this)
  }

  isNotFalse(this: Expression<boolean | null>): Expression<boolean> {
    return postfix('IS NOT FALSE', this)
  }

  // ---- texts ----

  /** Both texts, or byte strings, one behind the other. */
  concat<U extends Textual>(this: Expression<Textual>, other: Operand<U>): Expression<Exclude<T, null> | NullOf<T | U>> {
    return infix('||', this, other)
  }

  /** Whether it is like a pattern: `%` is any text, `_` one character. */
  like(this: Expression<string | null>, pattern: Operand<string | null>, escape?: string): Expression<boolean | NullOf<T>> {
    return like(this, pattern, escape, 'LIKE', false)
  }

  notLike(this: Expression<string | null>, pattern: Operand<string | null>, escape?: string): Expression<boolean | NullOf<T>> {
    return like(this, pattern, escape, 'LIKE', true)
  }

  /** Whether it is similar to a regular expression of SQL's. */
  similarTo(this: Expression<string | null>, pattern: Operand<string | null>, escape?: string): Expression<boolean | NullOf<T>> {
    return like(this, pattern, escape, 'SIMILAR TO', false)
  }

  upper(this: Expression<string | null>): Expression<T> {
    return functionOf('UPPER', [this])
  }

  lower(this: Expression<string | null>): Expression<T> {
    return functionOf('LOWER', [this])
  }

  /** Without blanks at both ends. */
  trim(this: Expression<string | null>): Expression<T> {
    return specialOf('TRIM', [keyword('BOTH'), literal(' '), this])
  }

  charLength(this: Expression<string | null>): Expression<number | NullOf<T>> {
    return functionOf('CHAR_LENGTH', [this])
  }

  /** From a place on, which counts from 1, so many characters. */
  substring(this: Expression<string | null>, from: Operand<number>, length?: Operand<number>): Expression<T> {
    return specialOf('SUBSTRING', length === undefined ? [this, from] : [this, from, length])
  }

  // ---- types, and parts of values ----

  /** The value in another type; one that cannot be cast fails the job. */
  cast<U>(type: DataType<U>): Expression<U | NullOf<T>> {
    return castOf(this, type, false)
  }

  /** The same, where a value that cannot be cast is NULL. */
  tryCast<U>(type: DataType<U>): Expression<U | null> {
    return castOf(this, type, true)
  }

  /** Another value in the place of NULL. */
  ifNull<U extends ComparableTo<T>>(other: Operand<U>): Expression<Exclude<T, null> | NullOf<U>> {
    return functionOf('COALESCE', [this, other])
  }

  /** A field of a ROW. */
  field<K extends keyof NonNullable<T> & string>(name: K): Expression<NonNullable<T>[K] | NullOf<T>> {
    return new Expression(
      (text) =>
        text.node(() => {
          const operand = this.writeTo(text, true)
          text.add('.')
          const field = text.name(name)
          return (span) =>
            operand.kind === 'reference' ? { ...operand, parts: [...operand.parts, field], ...span } : { kind: 'field', operand, field, ...span }
        }),
      [this],
    )
  }

  /** An element of an ARRAY, counted from 1, or the value of a key of a MAP: NULL if there is none. */
  at<K extends (T extends ReadonlyMap<infer Key, unknown> ? Key : number)>(
    index: Operand<K>,
  ): Expression<(T extends readonly (infer E)[] ? E : T extends ReadonlyMap<unknown, infer V> ? V : never) | null> {
    return new Expression(
      (text) =>
        text.node(() => {
          const operand = this.writeTo(text, true)
          text.add('[')
          const place = writeOperand(index, text)
          text.add(']')
          return (span) => ({ kind: 'item', operand, index: place, ...span })
        }),
      [this, index],
    )
  }

  /** A function by its name in SQL, of this and further operands: `t.name.call<string>('REPLACE', 'a', 'b')`. */
  call<U>(name: string, ...operands: readonly unknown[]): CallExpression<U> {
    return functionOf(name, [this, ...operands])
  }

  // ---- aggregates, of a group or with over() ----

  sum(this: Expression<Numeric>): CallExpression<T | null> {
    return functionOf('SUM', [this])
  }

  avg(this: Expression<Numeric>): CallExpression<T | null> {
    return functionOf('AVG', [this])
  }

  min(): CallExpression<T | null> {
    return functionOf('MIN', [this])
  }

  max(): CallExpression<T | null> {
    return functionOf('MAX', [this])
  }

  /** How many values are not NULL; of rows: `fn.count()`. */
  count(): CallExpression<bigint> {
    return functionOf('COUNT', [this])
  }

  first(): CallExpression<T | null> {
    return functionOf('FIRST_VALUE', [this])
  }

  last(): CallExpression<T | null> {
    return functionOf('LAST_VALUE', [this])
  }

  /** All texts, with a separator between them. */
  listAgg(this: Expression<string | null>, separator?: string): CallExpression<string | null> {
    return functionOf('LISTAGG', separator === undefined ? [this] : [this, separator])
  }

  /** Every value, and how often it is there. */
  collect(): CallExpression<ReadonlyMap<T, number>> {
    return functionOf('COLLECT', [this])
  }

  // ---- order ----

  asc(): OrderExpression {
    return new OrderExpression(this, false)
  }

  desc(): OrderExpression {
    return new OrderExpression(this, true)
  }
}

/** Units of time, as SQL names them. */
export type TimeUnit =
  | 'YEAR'
  | 'QUARTER'
  | 'MONTH'
  | 'WEEK'
  | 'DAY'
  | 'HOUR'
  | 'MINUTE'
  | 'SECOND'
  | 'MILLISECOND'
  | 'MICROSECOND'
  | 'NANOSECOND'
  | 'EPOCH'
  | 'DOW'
  | 'ISODOW'
  | 'DOY'
  | 'ISOYEAR'
  | 'DECADE'
  | 'CENTURY'
  | 'MILLENNIUM'

/** A direction to order by. */
export class OrderExpression {
  readonly #expression: Expression
  readonly #isDescending: boolean
  readonly #nulls: OrderItem['nulls']

  /** @internal */
  constructor(expression: Expression, isDescending: boolean, nulls?: OrderItem['nulls']) {
    this.#expression = expression
    this.#isDescending = isDescending
    this.#nulls = nulls
  }

  nullsFirst(): OrderExpression {
    return new OrderExpression(this.#expression, this.#isDescending, 'FIRST')
  }

  nullsLast(): OrderExpression {
    return new OrderExpression(this.#expression, this.#isDescending, 'LAST')
  }

  /** @internal */
  get expression(): Expression {
    return this.#expression
  }

  /** @internal */
  writeTo(text: QueryText): OrderItem {
    return text.node(() => {
      const expression = this.#expression.writeTo(text)
      text.add(this.#isDescending ? ' DESC' : '')
      if (this.#nulls !== undefined) text.add(` NULLS ${this.#nulls}`)
      return (span) => ({ expression, descending: this.#isDescending, nulls: this.#nulls, ...span })
    })
  }
}

/** How far a frame reaches from a row: so many rows, or, of a time, so many milliseconds. */
export interface FrameBounds {
  readonly preceding: number | 'unbounded'
  /** @default 0: to the row itself */
  readonly following?: number | 'unbounded'
}

/** The rows around a row: all that agree in `partitionBy`, in the order of `orderBy`, as far as the frame reaches. */
export interface OverWindow {
  readonly partitionBy?: Expression | readonly Expression[]
  readonly orderBy?: Expression | OrderExpression | readonly (Expression | OrderExpression)[]
  /** @default from the first row to this one and those beside it */
  readonly rows?: FrameBounds
  readonly range?: FrameBounds
}

/** A call of a function. */
export class CallExpression<out T = unknown> extends Expression<T> {
  readonly #call: (text: QueryText) => Call
  readonly #operands: readonly unknown[]

  /** @internal */
  constructor(call: (text: QueryText) => Call, operands: readonly unknown[]) {
    super(call, operands)
    this.#call = call
    this.#operands = operands
  }

  /** Of an aggregate: of equal values one counts. */
  distinct(): CallExpression<T> {
    return this.#with((call) => ({ ...call, quantifier: 'DISTINCT' }), ' DISTINCT')
  }

  /** Of an aggregate: the rows for which the condition is true count. */
  filter(condition: Expression<boolean | null>): CallExpression<T> {
    const filtered = (text: QueryText): Call =>
      text.node(() => {
        const call = this.#call(text)
        text.add(' FILTER (WHERE ')
        const filter = condition.writeTo(text)
        text.add(')')
        return (span) => ({ ...call, filter, ...span })
      })
    return new CallExpression(filtered, [this, condition, ...this.#operands])
  }

  ignoreNulls(): CallExpression<T> {
    return this.#with((call) => ({ ...call, nulls: 'IGNORE' }), ' IGNORE NULLS')
  }

  /**
   * Computes it of the rows around each row, which stay as they are.
   *
   * @example
   * bids.select((bid) => ({ auction: bid.auction, total: bid.price.sum().over({ partitionBy: bid.auction, orderBy: bid.ts }) }))
   */
  over(window: OverWindow): Expression<T> {
    const { partitionBy = [], orderBy = [], rows, range } = window
    const partition = listOf(partitionBy)
    const order = listOf(orderBy).map((one) => (one instanceof OrderExpression ? one : one.asc()))
    if (rows !== undefined && range !== undefined)
      throw new PlanError('WRONG_ARGUMENTS', 'Cannot plan over(): a frame counts rows or has a range, not both', { hint: 'Leave one of them out.' })
    const specification = (text: QueryText): WindowSpecification =>
      text.node(() => {
        text.add('(')
        if (partition.length > 0) text.add('PARTITION BY ')
        const partitions = text.list(partition, (one) => one.writeTo(text))
        if (order.length > 0) text.add(`${partition.length > 0 ? ' ' : ''}ORDER BY `)
        const items = text.list(order, (one) => one.writeTo(text))
        const frame = rows === undefined ? range && frameOf('RANGE', range, text) : frameOf('ROWS', rows, text)
        text.add(')')
        return (span) => ({ base: undefined, partitionBy: partitions, orderBy: items, frame, ...span })
      })
    return new Expression(
      (text) =>
        text.node(() => {
          const call = this.#call(text)
          text.add(' OVER ')
          const own = specification(text)
          return (span): OverCall => ({ kind: 'over', call, window: own, ...span })
        }),
      [this, ...partition, ...order.map(({ expression }) => expression)],
    )
  }

  #with(change: (call: Call) => Call, shown: string): CallExpression<T> {
    const changed = (text: QueryText): Call =>
      text.node(() => {
        const call = this.#call(text)
        text.add(shown)
        return (span) => ({ ...change(call), ...span })
      })
    return new CallExpression(changed, [this, ...this.#operands])
  }
}

function frameOf(unit: Frame['unit'], { preceding, following = 0 }: FrameBounds, text: QueryText): Frame {
  const bound = (distance: number | 'unbounded', side: 'PRECEDING' | 'FOLLOWING'): FrameBound => {
    if (distance === 'unbounded') {
      text.add(`UNBOUNDED ${side}`)
      return { kind: `UNBOUNDED ${side}` }
    }
    if (distance === 0) {
      text.add('CURRENT ROW')
      return { kind: 'CURRENT ROW' }
    }
    const start = text.text.length
    const value = unit === 'ROWS' ? text.value(distance, undefined) : interval(distance, text)
    text.add(` ${side}`)
    return { kind: side, value: { ...value, start, end: text.text.length } }
  }
  text.add(` ${unit} BETWEEN `)
  const from = bound(preceding, 'PRECEDING')
  text.add(' AND ')
  return { unit, from, to: bound(following, 'FOLLOWING') }
}

/** @internal An interval of so many milliseconds. @throws {PlanError} `WRONG_ARGUMENTS` */
export function interval(ms: number, text: QueryText): SyntaxExpression {
  if (!Number.isSafeInteger(ms)) throw new PlanError('WRONG_ARGUMENTS', `Cannot make an interval of ${String(ms)}: it has a whole number of milliseconds`)
  return text.node(() => {
    text.add(`INTERVAL ${ms} ms`)
    return (span) => intervalOf(ms, span)
  })
}

// ---- how expressions are made ----

/** @internal What an expression is called in errors. */
export function textOf(expression: Expression): string {
  const text = new QueryText()
  expression.writeTo(text)
  return text.text
}

/** @internal An expression, or a value as a literal. */
export function writeOperand(operand: unknown, text: QueryText, isInner = false): SyntaxExpression {
  return operand instanceof Expression ? operand.writeTo(text, isInner) : text.value(operand, undefined)
}

/** @internal A call of a function by its name. */
export function functionOf<T>(name: string, operands: readonly unknown[], syntax: Call['syntax'] = 'function'): CallExpression<T> {
  return new CallExpression(
    (text) =>
      text.call(
        syntax,
        name,
        operands.map((operand) => (own: QueryText) => writeOperand(operand, own)),
      ),
    operands,
  )
}

/** A function with a grammar of its own in SQL. */
function specialOf<T>(name: string, operands: readonly unknown[]): CallExpression<T> {
  return functionOf(name, operands, 'special')
}

function scopeOf(operands: readonly unknown[]): ExpressionScope | undefined {
  for (const operand of operands) {
    const scope = Expression.scopeOf(operand)
    if (scope !== undefined) return scope
  }
  return undefined
}

function literal(value: unknown): Expression {
  return new Expression((text) => text.value(value, undefined))
}

function keyword(word: string): Expression {
  return new Expression((text) =>
    text.node(() => {
      text.add(word)
      return (span) => ({ kind: 'keyword', word, ...span })
    }),
  )
}

/** @internal */
export function infix<T>(operator: string, left: unknown, right: unknown, isCondition = false): Expression<T> {
  return new Expression(
    (text) =>
      text.node(() => {
        const one = writeOperand(left, text, true)
        text.add(' ')
        const name = text.name(operator)
        text.add(' ')
        const other = writeOperand(right, text, true)
        return (span) => ({ ...callNode('infix', [name], [one, other]), ...span })
      }),
    [left, right],
    { isCompound: true, isCondition },
  )
}

function postfix<T>(operator: string, operand: Expression): Expression<T> {
  return new Expression(
    (text) =>
      text.node(() => {
        const one = operand.writeTo(text, true)
        text.add(' ')
        const name = text.name(operator)
        return (span) => ({ ...callNode('postfix', [name], [one]), ...span })
      }),
    [operand],
    { isCompound: true, isCondition: true },
  )
}

/** @internal */
export function negation<T>(operand: Expression): Expression<T> {
  return new Expression(
    (text) =>
      text.node(() => {
        const name = text.name('NOT')
        text.add(' ')
        const one = operand.writeTo(text, true)
        return (span) => ({ ...callNode('prefix', [name], [one]), ...span })
      }),
    [operand],
    { isCompound: true, isCondition: true },
  )
}

function between<T>(operand: Expression, low: unknown, high: unknown, not: boolean): Expression<T> {
  return condition([operand, low, high], (text) => {
    const one = operand.writeTo(text, true)
    text.add(not ? ' NOT BETWEEN ' : ' BETWEEN ')
    const from = writeOperand(low, text, true)
    text.add(' AND ')
    const to = writeOperand(high, text, true)
    return (span) => ({ kind: 'between', not, symmetric: false, operand: one, low: from, high: to, ...span })
  })
}

function inList<T>(operand: Expression, values: readonly unknown[], not: boolean): Expression<T> {
  if (values.length === 0)
    throw new PlanError('WRONG_ARGUMENTS', `Cannot plan ${not ? 'notIn' : 'in'}() of "${textOf(operand)}": there are no values`, {
      hint: 'Give one at least.',
    })
  return condition([operand, ...values], (text) => {
    const one = operand.writeTo(text, true)
    text.add(not ? ' NOT IN (' : ' IN (')
    const listed = text.list(values, (value) => writeOperand(value, text))
    text.add(')')
    return (span) => ({ kind: 'in list', not, operand: one, values: listed, ...span })
  })
}

function like<T>(operand: Expression, pattern: unknown, escape: string | undefined, operator: 'LIKE' | 'SIMILAR TO', not: boolean): Expression<T> {
  return condition([operand, pattern], (text) => {
    const one = operand.writeTo(text, true)
    text.add(`${not ? ' NOT' : ''} ${operator} `)
    const other = writeOperand(pattern, text, true)
    if (escape !== undefined) text.add(' ESCAPE ')
    const by = escape === undefined ? undefined : text.value(escape, undefined)
    return (span) => ({ kind: 'like', operator, not, operand: one, pattern: other, escape: by, ...span })
  })
}

function condition<T>(operands: readonly unknown[], write: (text: QueryText) => (span: Span) => SyntaxExpression): Expression<T> {
  return new Expression((text) => text.node(() => write(text)), operands, { isCompound: true, isCondition: true })
}

function castOf<T>(operand: Expression, type: DataType<unknown>, isTry: boolean): Expression<T> {
  return new Expression(
    (text) =>
      text.node(() => {
        text.add(isTry ? 'TRY_CAST(' : 'CAST(')
        const one = operand.writeTo(text)
        text.add(' AS ')
        const named = text.type(type.logical)
        text.add(')')
        return (span) => ({ kind: 'cast', isTry, operand: one, type: named, ...span })
      }),
    [operand],
  )
}

function listOf<Item>(items: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(items) ? (items as readonly Item[]) : [items as Item]
}

/** @internal Whether something is a value that may stand for an expression. */
export function isValue(value: unknown): boolean {
  return value === null || typeof value !== 'object' || value instanceof Decimal || value instanceof Uint8Array || value instanceof Date || Array.isArray(value)
}
