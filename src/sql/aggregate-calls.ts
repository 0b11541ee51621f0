// Calls of aggregates: what they may say, and the types that they have. Over groups and over the rows around a row alike.

import { suggest } from '../base/suggest.ts'
import { formatType, isText, withNullability } from '../batch/types.ts'
import { AGGREGATE_FUNCTIONS } from './aggregate-types.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import { implicitCast } from './expressions.ts'
import { positionOf, SqlError } from './sql-error.ts'
import type { Call, Expression } from './syntax-tree.ts'
import { type NamedFunction, refusalOf, resolveUserCall } from './user-function-calls.ts'

/** Those that Flink knows by name, and plans nowhere. */
const NOWHERE = /^PERCENTILE_(?:CONT|DISC)$/

/** Whether a name, in upper case, is one of an aggregate. */
export function isAggregateName(name: string): boolean {
  return AGGREGATE_FUNCTIONS.has(name) || NOWHERE.test(name)
}

/** How many operands the others than those of one take. */
const ARITIES: Readonly<Record<string, readonly [least: number, most: number]>> = { LISTAGG: [1, 2], JSON_OBJECTAGG: [2, 2], PERCENTILE: [2, 3] }

/** Flink takes an order for these, and pays no heed to it. */
const TAKES_ORDER = new Set(['COLLECT', 'JSON_ARRAYAGG'])

const JSON_AGGREGATE = /^JSON_\w+AGG$/

/** What cannot be compared. */
const UNORDERED = /^(?:ARRAY|MAP|MULTISET|ROW|BINARY|VARBINARY|VARIANT|BITMAP|INTERVAL.*)$/

/** Whose results are NULL as far as their types say, even if no operand may be. */
const ALWAYS_NULLABLE = /^(?:PERCENTILE|BITMAP_\w+)$/

/** Whether a call is COUNT(*). */
export function isCountOfAll(call: Call): boolean {
  return call.name[0].text.toUpperCase() === 'COUNT' && call.operands.length === 1 && call.operands[0].kind === 'star'
}

/** What an aggregate is of; nothing if of all rows. @throws {SqlError} */
export function operandsOf(text: string, call: Call, bind: (operand: Expression) => BoundExpression): readonly BoundExpression[] {
  if (isCountOfAll(call)) return []
  const star = call.operands.find(({ kind }) => kind === 'star')
  if (star !== undefined)
    throw new SqlError('WRONG_TYPE', text, star, `${call.user?.().name ?? call.name[0].text.toUpperCase()} does not take *`, 'Name a column.')
  return call.operands.map(bind)
}

/**
 * Binds a call of an aggregate. @param hasRows Whether there is always a row that counts.
 *
 * @throws {SqlError} `WRONG_TYPE`, `WRONG_OPERAND_COUNT`, `AGGREGATE_CLAUSE`, `NOT_SUPPORTED`
 */
export function boundAggregate(
  text: string,
  call: Call,
  operands: readonly BoundExpression[],
  filter: BoundExpression | undefined,
  hasRows: boolean,
): BoundAggregate {
  if (filter !== undefined && filter.type.kind !== 'BOOLEAN') throw new SqlError('WRONG_TYPE', text, filter, 'FILTER takes a BOOLEAN')
  if (call.user !== undefined) return userAggregate(text, call, call.user(), operands, filter)
  const name = call.name[0].text.toUpperCase()
  const refuse = (code: string, message: string, hint?: string): SqlError => new SqlError(code, text, call, message, hint)
  const rule = AGGREGATE_FUNCTIONS.get(name)
  if (rule === undefined) throw unknown(name, refuse)
  checkClauses(name, call, refuse)
  const isOfAll = isCountOfAll(call)
  if (isOfAll && call.quantifier === 'DISTINCT') throw refuse('AGGREGATE_CLAUSE', 'COUNT(*) takes no DISTINCT', 'Count the distinct values of a column.')
  const [least, most] = ARITIES[name] ?? [1, 1]
  if (!isOfAll && (operands.length < least || operands.length > most))
    throw refuse('WRONG_OPERAND_COUNT', `${name} takes ${least === most ? '' : `${least} or `}${most === 1 ? 'one value' : `${most} values`}`)
  const types = operands.map(({ type }) => type)
  const found = rule(types)
  const isWrong = found === undefined || ((name === 'MIN' || name === 'MAX') && UNORDERED.test(types[0].kind))
  if (isWrong)
    throw refuse(
      'WRONG_TYPE',
      `${name} does not take ${types.map(formatType).join(', ') || 'nothing'}`,
      types.length > 0 ? 'CAST what does not fit.' : undefined,
    )
  checkLiterals(name, operands, text)
  const isNever = hasRows && !ALWAYS_NULLABLE.test(name) && filter === undefined && types.length > 0 && types.every(({ nullable }) => !nullable)
  return {
    name,
    operands,
    isDistinct: call.quantifier === 'DISTINCT',
    filter,
    ignoresNull: ignoresNull(name, call),
    type: isNever ? withNullability(found, false) : found,
    start: call.start,
    end: call.end,
  }
}

/** A call of an aggregate function that a user has written. */
function userAggregate(text: string, call: Call, named: NamedFunction, given: readonly BoundExpression[], filter: BoundExpression | undefined): BoundAggregate {
  const { quantifier, withinGroup, nulls, start, end } = call
  if (named.definition.kind !== 'aggregate' || withinGroup !== undefined || nulls !== undefined)
    throw new SqlError(
      'AGGREGATE_CLAUSE',
      text,
      call,
      named.definition.kind === 'aggregate'
        ? `${named.name} takes no ${nulls === undefined ? 'WITHIN GROUP' : `${nulls} NULLS`}`
        : `${named.name} is no aggregate function`,
    )
  const site = given.map((operand) => ({ type: operand.type, literal: undefined }))
  const found = resolveUserCall(named, site, positionOf(text, start))
  if (found === undefined) {
    const { message, hint } = refusalOf(named, site)
    throw new SqlError('WRONG_TYPE', text, call, message, hint)
  }
  const { type, operandTypes } = found.resolution
  const operands = given.map((operand, index) => implicitCast(operand, operandTypes[index]))
  return { name: named.name, operands, isDistinct: quantifier === 'DISTINCT', filter, ignoresNull: false, type, user: found.call, start, end }
}

function unknown(name: string, refuse: Refuse): SqlError {
  const near = suggest(name, AGGREGATE_FUNCTIONS.keys())
  return refuse('UNKNOWN_FUNCTION', `There is no aggregate ${name}`, near === undefined ? undefined : `Did you mean ${near}?`)
}

/** JSON objects show NULL unless told otherwise, and JSON arrays leave it out. */
function ignoresNull(name: string, { nulls, clauses }: Call): boolean {
  if (!JSON_AGGREGATE.test(name)) return nulls === 'IGNORE'
  const said = clauses.at(-1)?.words
  return said === undefined ? name === 'JSON_ARRAYAGG' : said === 'ABSENT ON NULL'
}

type Refuse = (code: string, message: string, hint?: string) => SqlError

function checkClauses(name: string, { withinGroup, nulls, clauses, quantifier, filter }: Call, refuse: Refuse): void {
  if (withinGroup !== undefined && !TAKES_ORDER.has(name))
    throw refuse('AGGREGATE_CLAUSE', `${name} takes no WITHIN GROUP`, 'Values keep the order of arrival.')
  if (nulls !== undefined && name !== 'ARRAY_AGG') throw refuse('AGGREGATE_CLAUSE', `${name} takes no ${nulls} NULLS`, 'Leave it out.')
  if (!JSON_AGGREGATE.test(name)) return
  const wrong = clauses.find(({ words }) => !words.endsWith(' ON NULL'))
  if (wrong !== undefined) throw refuse('AGGREGATE_CLAUSE', `${name} takes no ${wrong.words}`, 'Write NULL ON NULL or ABSENT ON NULL.')
  if (quantifier !== undefined) throw refuse('AGGREGATE_CLAUSE', `${name} takes no ${quantifier}`, 'Leave it out.')
  if (filter !== undefined) throw refuse('AGGREGATE_CLAUSE', `${name} takes no FILTER`, 'Write WHERE, or CASE.')
}

function checkLiterals(name: string, operands: readonly BoundExpression[], text: string): void {
  const [, second] = operands
  if (name === 'LISTAGG' && second !== undefined && !(second.kind === 'literal' && isText(second.type) && second.value !== null))
    throw new SqlError('WRONG_TYPE', text, second, 'The separator of LISTAGG is a text that stands there')
  if (name !== 'PERCENTILE') return
  const fraction = second.kind === 'literal' ? Number(second.value) : second.kind === 'call' && second.name === 'PREFIX -' ? -1 : 0
  if (!(fraction >= 0 && fraction <= 1)) throw new SqlError('WRONG_TYPE', text, second, 'PERCENTILE takes a fraction from 0 to 1')
}
