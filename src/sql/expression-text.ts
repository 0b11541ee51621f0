// Expressions as Flink writes them: in DESCRIBE, and in SHOW CREATE.

import type { Call, Case, Clause, Expression, Frame, FrameBound, IntervalLiteral, Literal, OrderItem, Query, WindowSpecification } from './syntax-tree.ts'
import { quoted, writtenTypeText } from './type-text.ts'

/** How tightly an operator holds what stands left and right of it: beside one that holds tighter, parentheses are written. */
interface Power {
  readonly left: number
  readonly right: number
}

/** Of the left one first. */
const LEFT = (power: number): Power => ({ left: power, right: power + 1 })
const OR = LEFT(22)
const AND = LEFT(24)
const NOT = LEFT(26)
const POSTFIX = LEFT(28)
const COMPARISON = LEFT(30)
const IN = LEFT(32)
/** Of the right one first. */
const LIKE: Power = { left: 33, right: 32 }
const ADDITION = LEFT(40)
const MULTIPLICATION = LEFT(60)
const SIGN = LEFT(80)
const INFIX: Readonly<Record<string, Power>> = {
  OR,
  AND,
  '+': ADDITION,
  '-': ADDITION,
  '*': MULTIPLICATION,
  '/': MULTIPLICATION,
  '%': MULTIPLICATION,
  '||': MULTIPLICATION,
}

/** Functions whose names Flink quotes: those that are not of its SQL parser. */
const QUOTED_FUNCTIONS = new Set(
  `
  AGG_DECIMAL_MINUS AGG_DECIMAL_PLUS ARRAY_APPEND ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_INTERSECT ARRAY_JOIN ARRAY_MAX ARRAY_MIN
  ARRAY_POSITION ARRAY_PREPEND ARRAY_REMOVE ARRAY_REVERSE ARRAY_SLICE ARRAY_SORT ARRAY_UNION BITMAP_AND BITMAP_ANDNOT BITMAP_AND_AGG
  BITMAP_AND_CARDINALITY_AGG BITMAP_BUILD BITMAP_BUILD_AGG BITMAP_BUILD_CARDINALITY_AGG BITMAP_CARDINALITY BITMAP_FROM_BYTES BITMAP_OR BITMAP_OR_AGG
  BITMAP_OR_CARDINALITY_AGG BITMAP_TO_ARRAY BITMAP_TO_BYTES BITMAP_TO_STRING BITMAP_XOR BITMAP_XOR_AGG BITMAP_XOR_CARDINALITY_AGG BTRIM
  CURRENT_WATERMARK ELT ENDSWITH FROM_CHANGELOG GREATEST IFNULL INET_ATON INET_NTOA IS_JSON JSON JSON_QUOTE JSON_STRING JSON_UNQUOTE LEAST MAP_ENTRIES MAP_FROM_ARRAYS
  MAP_KEYS MAP_UNION MAP_VALUES OBJECT_OF OBJECT_UPDATE PARSE_JSON PERCENTILE PRINTF REGEXP_COUNT REGEXP_EXTRACT_ALL REGEXP_INSTR REGEXP_SUBSTR
  SOURCE_WATERMARK SPLIT STARTSWITH TO_CHANGELOG TO_TIMESTAMP_LTZ TRANSLATE3 TRY_PARSE_JSON TYPEOF UNHEX URL_DECODE URL_ENCODE
`.match(/\w+/g),
)
/** Functions that Flink writes as EXTRACT, with the unit. */
const EXTRACTED: Readonly<Record<string, string>> = {
  YEAR: 'YEAR',
  QUARTER: 'QUARTER',
  MONTH: 'MONTH',
  WEEK: 'WEEK',
  DAYOFYEAR: 'DOY',
  DAYOFMONTH: 'DAY',
  DAYOFWEEK: 'DOW',
  HOUR: 'HOUR',
  MINUTE: 'MINUTE',
  SECOND: 'SECOND',
}
const OTHER_NAMES: Readonly<Record<string, string>> = { CEILING: 'CEIL', TRANSLATE: 'TRANSLATE3' }

/** What a reference and a query are written as, where that depends on where they stand. */
export interface Names {
  reference(parts: readonly string[]): string
  query(query: Query): string
}

/** Names as they are, and no queries. */
const PLAIN: Names = {
  reference: (parts) => parts.map(quoted).join('.'),
  query: () => {
    throw new RangeError('A query in an expression that holds none')
  },
}

/**
 * An expression.
 *
 * @param text The text that its places are of.
 * @example
 * expressionText(parseExpression('a+(b*2)-(-c)'), 'a+(b*2)-(-c)') // `a` + `b` * 2 - - `c`
 */
export function expressionText(expression: Expression, text: string, names: Names = PLAIN): string {
  return new ExpressionWriter(text, names).write(expression)
}

/** A text in quotes; what is not ASCII by its codes. */
export function stringText(value: string): string {
  const doubled = value.replaceAll("'", "''")
  if (/^[\0-\x7f]*$/.test(value)) return `'${doubled}'`
  return `u&'${doubled.replaceAll('\\', '\\\\').replaceAll(/[^\0-\x7f]/g, (unit) => `\\${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}'`
}

/** Writes the expressions of one text. */
export class ExpressionWriter {
  readonly #text: string
  readonly #names: Names

  constructor(text: string, names: Names) {
    this.#text = text
    this.#names = names
  }

  /** With how tightly the operators on both sides hold it. */
  write(expression: Expression, left = 0, right = 0): string {
    switch (expression.kind) {
      case 'literal':
        return literalText(expression)
      case 'interval':
        return this.#interval(expression)
      case 'reference':
        return this.#names.reference(expression.parts.map((part) => part.text))
      case 'star':
        return expression.of.length === 0 ? '*' : `${this.#names.reference(expression.of.map((part) => part.text))}.*`
      case 'call':
        return this.#call(expression, left, right)
      case 'over':
        return `${this.#call(expression.call, 0, 0)} OVER ${'text' in expression.window ? quoted(expression.window.text) : `(${this.window(expression.window)})`}`
      case 'case':
        return this.#case(expression)
      case 'cast':
        return `${expression.isTry ? 'TRY_CAST' : 'CAST'}(${this.write(expression.operand)} AS ${this.#type(expression.type)})`
      case 'between': {
        const { operand, low, high, not, symmetric } = expression
        // AND is the operator's own there.
        const power = hasAnd(low) ? 100 : 0
        const bounds = `${this.write(low, power, power)} AND ${this.write(high, 0, IN.right)}`
        return parenthesized(
          `${this.write(operand, IN.left, 0)} ${not ? 'NOT ' : ''}BETWEEN ${symmetric ? 'SYMMETRIC' : 'ASYMMETRIC'} ${bounds}`,
          IN,
          left,
          right,
        )
      }
      case 'like': {
        const { operand, pattern, escape, not, operator } = expression
        const parts = [operand, pattern, ...(escape === undefined ? [] : [escape])].map((part) => this.write(part, LIKE.left, LIKE.right))
        const written = `${parts[0]} ${not ? 'NOT ' : ''}${operator} ${parts[1]}${escape === undefined ? '' : ` ESCAPE ${parts[2]}`}`
        return parenthesized(written, LIKE, left, right)
      }
      case 'in list':
      case 'in query': {
        const values = expression.kind === 'in list' ? this.#list(expression.values) : this.#names.query(expression.query)
        const operand = this.write(expression.operand, isOutside(IN, left, right) ? 0 : left, IN.left)
        return parenthesized(`${operand} ${expression.not ? 'NOT ' : ''}IN (${values})`, IN, left, right)
      }
      case 'quantified': {
        const { values } = expression
        const compared = 'kind' in values ? this.#names.query(values) : this.#list(values)
        return parenthesized(
          `${this.write(expression.operand, left, COMPARISON.left)} ${expression.operator} ${expression.quantifier} (${compared})`,
          COMPARISON,
          left,
          right,
        )
      }
      case 'exists':
        return `EXISTS (${this.#names.query(expression.query)})`
      case 'query':
        return left === 0 && right === 0 ? `((${this.#names.query(expression.query)}))` : `(((${this.#names.query(expression.query)})))`
      case 'constructor': {
        const { of, values } = expression
        if ('kind' in values) return `${of} ((${this.#names.query(values)}))`
        return of === 'ROW' ? `ROW(${this.#list(values)})` : `${of}[${this.#list(values)}]`
      }
      case 'item':
        return `${this.write(expression.operand, 100, 0)}[${this.write(expression.index)}]`
      case 'field':
        return `${this.write(expression.operand, 100, 0)}.${quoted(expression.field.text)}`
      case 'is json':
        return parenthesized(
          `${this.write(expression.operand, POSTFIX.left, POSTFIX.right)} IS ${expression.not ? 'NOT ' : ''}JSON ${expression.of}`,
          POSTFIX,
          left,
          right,
        )
      case 'argument':
        return `${quoted(expression.name.text)} => ${this.write(expression.value)}`
      case 'table': {
        const { table, partitionBy, orderBy } = expression
        const rows = 'parts' in table ? this.#names.query({ kind: 'table query', table, start: table.start, end: table.end }) : this.#names.query(table)
        const partition = partitionBy.length === 0 ? '' : ` PARTITION BY ${this.#list(partitionBy)}`
        return `(${rows})${partition}${orderBy.length === 0 ? '' : ` ORDER BY ${this.orderItems(orderBy)}`}`
      }
      case 'descriptor':
        return `DESCRIPTOR(${expression.columns.map((column) => quoted(column.text)).join(', ')})`
      case 'keyword':
        return expression.word
    }
  }

  orderItems(items: readonly OrderItem[]): string {
    return items
      .map(({ expression, descending, nulls }) => `${this.write(expression)}${descending ? ' DESC' : ''}${nulls === undefined ? '' : ` NULLS ${nulls}`}`)
      .join(', ')
  }

  window({ base, partitionBy, orderBy, frame }: WindowSpecification): string {
    return [
      base && quoted(base.text),
      partitionBy.length === 0 ? undefined : `PARTITION BY ${this.#list(partitionBy)}`,
      orderBy.length === 0 ? undefined : `ORDER BY ${this.orderItems(orderBy)}`,
      frame && this.#frame(frame),
    ]
      .filter((part) => part !== undefined)
      .join(' ')
  }

  #frame({ unit, from, to }: Frame): string {
    const bound = (one: FrameBound): string => ('value' in one ? `${this.write(one.value)} ${one.kind}` : one.kind)
    return to === undefined ? `${unit} ${bound(from)}` : `${unit} BETWEEN ${bound(from)} AND ${bound(to)}`
  }

  #list(values: readonly Expression[]): string {
    return values.map((value) => this.write(value)).join(', ')
  }

  #interval({ value, negative, qualifier }: IntervalLiteral): string {
    const { from, to, precision, fraction } = qualifier
    const first = precision === undefined ? from : `${from}(${precision}${fraction === undefined || to !== undefined ? '' : `, ${fraction}`})`
    const last = to === undefined ? '' : ` TO ${to}${fraction === undefined ? '' : `(${fraction})`}`
    const amount = typeof value === 'string' ? stringText(value) : this.write(value, 100, 100)
    return `INTERVAL ${negative ? '-' : ''}${amount} ${first}${last}`
  }

  #case({ value, branches, otherwise }: Case): string {
    const compared = (when: Expression): string =>
      value === undefined ? this.write(when) : `${this.write(value, 0, COMPARISON.left)} = ${this.write(when, COMPARISON.right, 0)}`
    const written = branches.map(({ when, result }) => `WHEN ${when.map(compared).join(' OR ')} THEN ${this.write(result)}`)
    return `CASE ${written.join(' ')} ELSE ${otherwise === undefined ? 'NULL' : this.write(otherwise)} END`
  }

  #type({ start, end }: { readonly start: number; readonly end: number }): string {
    return writtenTypeText(this.#text.slice(start, end))
  }

  #call(call: Call, left: number, right: number): string {
    const { syntax, operands } = call
    const name = call.name.map(({ text }) => text).join('.')
    const upper = name.toUpperCase()
    const [first, second] = operands
    switch (syntax) {
      case 'infix': {
        if (upper === 'OVERLAPS') return parenthesized(`${this.#period(first)} OVERLAPS ${this.#period(second)}`, COMPARISON, left, right)
        const power = INFIX[upper] ?? COMPARISON
        const inner = isOutside(power, left, right) ? [0, 0] : [left, right]
        return parenthesized(`${this.write(first, inner[0], power.left)} ${upper} ${this.write(second, power.right, inner[1])}`, power, left, right)
      }
      case 'prefix': {
        const power = upper === 'NOT' ? NOT : SIGN
        return parenthesized(`${upper} ${this.write(first, power.left, power.right)}`, power, left, right)
      }
      case 'postfix':
        return parenthesized(`${this.write(first, POSTFIX.left, POSTFIX.right)} ${upper}`, POSTFIX, left, right)
      case 'variable':
        return operands.length === 0 ? upper : `${upper}(${this.#list(operands)})`
      case 'special':
        return this.#special(upper, call)
      case 'function':
        return this.#function(upper, call)
    }
  }

  #period(side: Expression): string {
    return side.kind === 'constructor' && !('kind' in side.values) ? `PERIOD (${this.#list(side.values)})` : this.write(side)
  }

  #function(upper: string, call: Call): string {
    const { operands, quantifier } = call
    const [first, second] = operands
    if (EXTRACTED[upper] !== undefined && operands.length === 1) return `EXTRACT(${EXTRACTED[upper]} FROM ${this.write(first)})`
    if (upper === 'NULLIF' && operands.length === 2)
      return `CASE WHEN ${this.write(first, 0, COMPARISON.left)} = ${this.write(second, COMPARISON.right, 0)} THEN NULL ELSE ${this.write(first)} END`
    const known = OTHER_NAMES[upper] ?? upper
    const name = call.name.length > 1 ? call.name.map(({ text }) => quoted(text)).join('.') : QUOTED_FUNCTIONS.has(known) ? quoted(known) : known
    return `${name}(${quantifier === undefined ? '' : `${quantifier} `}${this.#list(operands)})${this.#behind(call)}`
  }

  #behind({ withinGroup, filter, nulls }: Call): string {
    const within = withinGroup === undefined ? '' : ` WITHIN GROUP (ORDER BY ${this.orderItems(withinGroup)})`
    return `${nulls === undefined ? '' : ` ${nulls} NULLS`}${within}${filter === undefined ? '' : ` FILTER (WHERE ${this.write(filter)})`}`
  }

  /** Functions with a grammar of their own. */
  #special(upper: string, call: Call): string {
    const { operands, clauses } = call
    const given = operands.map((operand) => this.write(operand))
    switch (upper) {
      case 'EXTRACT':
        return `EXTRACT(${given[0]} FROM ${given[1]})`
      case 'FLOOR':
      case 'CEIL':
      case 'CEILING':
        return `${OTHER_NAMES[upper] ?? upper}(${operands[1]?.kind === 'keyword' ? given.join(' TO ') : given.join(', ')})`
      case 'TRIM':
        return `TRIM(${given[0]} ${given[1]} FROM ${given[2]})`
      case 'OVERLAY':
        return `OVERLAY(${given[0]} PLACING ${given[1]} FROM ${given[2]}${given[3] === undefined ? '' : ` FOR ${given[3]}`})`
      case 'POSITION':
        return `POSITION(${given[0]} IN ${given[1]}${given[2] === undefined ? '' : ` FROM ${given[2]}`})`
      case 'JSON_OBJECT':
      case 'JSON_OBJECTAGG': {
        const pairs = given.flatMap((key, index) => (index % 2 === 0 ? [`KEY ${key} VALUE ${given[index + 1]}`] : []))
        const written = clauses.length === 0 ? 'NULL ON NULL' : this.#clauses(clauses)
        return `${upper}(${[pairs.join(', '), written].filter((part) => part !== '').join(' ')})${this.#behind(call)}`
      }
      case 'JSON_QUERY':
        return `JSON_QUERY(${given.join(', ')} ${this.#jsonQuery(clauses)})`
      default: {
        // What is said by default is not written.
        const said = upper.startsWith('JSON_ARRAY') && given.length === 0 && clauses.length === 0 ? '' : this.#clauses(clauses)
        return `${upper}(${[given.join(', '), said].filter((part) => part !== '').join(' ')})${this.#behind(call)}`
      }
    }
  }

  #clauses(clauses: readonly Clause[]): string {
    return clauses
      .map(({ words, value }) => {
        if (value === undefined) return words
        if (value.kind === 'type') return `${words} ${this.#type(value)}`
        return words.replace('DEFAULT', () => `DEFAULT ${this.write(value)}`)
      })
      .join(' ')
  }

  #jsonQuery(clauses: readonly Clause[]): string {
    const find = (test: (words: string) => boolean): Clause | undefined => clauses.find(({ words }) => test(words))
    const returning = find((words) => words === 'RETURNING')
    const wrapper = find((words) => words.endsWith('WRAPPER'))?.words.replace('WRAPPER', 'ARRAY WRAPPER') ?? 'WITHOUT ARRAY WRAPPER'
    const behavior = (at: string): string => {
      const said = find((words) => words.endsWith(`ON ${at}`))
      return said === undefined ? `NULL ON ${at}` : this.#clauses([said])
    }
    return [returning && this.#clauses([returning]), wrapper, behavior('EMPTY'), behavior('ERROR')].filter((part) => part !== undefined).join(' ')
  }
}

/** Whether parentheses are needed. */
function isOutside(power: Power, left: number, right: number): boolean {
  return left > power.left || (right !== 0 && power.right <= right)
}

function parenthesized(written: string, power: Power, left: number, right: number): string {
  return isOutside(power, left, right) ? `(${written})` : written
}

function hasAnd(expression: Expression): boolean {
  return expression.kind === 'call' && (expression.name[0].text === 'AND' || expression.operands.some(hasAnd))
}

function literalText({ type, text }: Literal): string {
  switch (type) {
    case 'string':
      return stringText(text)
    case 'binary':
      return `X'${text.toUpperCase()}'`
    case 'decimal': {
      const sign = text.startsWith('-') ? '-' : ''
      const digits = text.replace(/^[+-]/, '')
      return sign + (digits.startsWith('.') ? `0${digits}` : digits.replace(/\.$/, ''))
    }
    case 'double':
      return doubleLiteral(text)
    case 'date':
    case 'time':
    case 'timestamp':
      return `${type.toUpperCase()} '${text}'`
    case 'timestamp_ltz':
      return `TIMESTAMP WITH LOCAL TIME ZONE '${text}'`
    case 'null':
    case 'unknown':
    case 'default':
      return type.toUpperCase()
    default:
      return text
  }
}

/** With one digit in front of the point. */
function doubleLiteral(text: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)[eE]([+-]?\d+)$/.exec(text)!
  const [, sign, whole, fraction, exponent] = match
  const digits = whole + fraction
  const leading = /^0*/.exec(digits)![0].length
  const significant = digits.slice(leading)
  if (significant === '') return `${sign === '-' ? '-' : ''}0E${Number(exponent) - fraction.length}`
  const power = Number(exponent) + whole.length - leading - 1
  const rest = significant.slice(1)
  return `${sign === '-' ? '-' : ''}${significant[0]}${rest === '' ? '' : `.${rest}`}E${power}`
}
