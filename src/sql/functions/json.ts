// Functions that look into JSON texts. A path is strict unless it starts with `lax`: then what it does not find is empty, and no error.

import { PlanError } from '../../base/errors.ts'
import { Decimal, isText, type LogicalType, withNullability } from '../../batch/types.ts'
import { variantText } from '../../batch/variant.ts'
import type { BoundCall, BoundClause, BoundExpression } from '../bound-expression.ts'
import type { Value } from '../value.ts'
import { JSON_VALUE_FUNCTIONS, isJson } from './json-values.ts'
import { type JsonPath, JsonPathError, parseJsonPath } from './json-path.ts'
import { JsonError } from '../../base/json-reader.ts'
import { type Json, numberText, parseJson, scalarText, writeJson } from './json-text.ts'
import {
  BOOLEAN,
  type CallSite,
  type FunctionTable,
  type Resolution,
  type ScalarCode,
  type ScalarFunction,
  type SiteOperand,
  STRING,
} from './scalar-function.ts'

/** What a path leads to; null if to nothing, or to null, which is an error unless lax. */
type Found = { readonly value: Json; readonly lax: boolean } | { readonly error: string }
type Look = (text: string, path: string) => Found
/** What a call answers where there is nothing, or an error. */
type Behaviour = (error: string) => Value

const RETURNED = new Set(['VARCHAR', 'INT', 'DOUBLE', 'BOOLEAN'])

/** Most paths are constants, and are read once. */
function look(): Look {
  let last: { readonly text: string; readonly lax: boolean; readonly path: JsonPath } | { readonly text: string; readonly error: string } | undefined
  return (text, spec) => {
    if (last?.text !== spec) last = { text: spec, ...readPath(spec) }
    if ('error' in last) return last
    return follow(last.path, last.lax, text)
  }
}

function readPath(spec: string): { readonly lax: boolean; readonly path: JsonPath } | { readonly error: string } {
  const mode = /^\s*(strict|lax)\s+(.+)$/is.exec(spec)
  return attempt(() => ({ lax: mode?.[1].toLowerCase() === 'lax', path: parseJsonPath(mode?.[2] ?? spec) }))
}

function follow(path: JsonPath, lax: boolean, text: string): Found {
  const document = attempt(() => ({ value: parseJson(text), lax }))
  if ('error' in document) return lax ? { value: null, lax } : document
  if (document.value === null) return { error: 'The JSON text is null' }
  const found = attempt(() => ({ value: path.read(document.value, document.value, lax) ?? null, lax }))
  return 'error' in found || lax || found.value !== null ? found : { error: 'The JSON path leads to null' }
}

function attempt<T>(code: () => T): T | { readonly error: string } {
  try {
    return code()
  } catch (error) {
    // What a pattern in a filter throws is a SyntaxError.
    if (error instanceof JsonError || error instanceof JsonPathError || error instanceof SyntaxError) return { error: error.message }
    throw error
  }
}

function isScalar(value: Json): value is boolean | string | bigint | number | Decimal {
  return value !== null && !Array.isArray(value) && !(value instanceof Map)
}

// ---- what stands behind the operands ----

function returned({ clauses }: Pick<CallSite, 'clauses'>): LogicalType {
  return clauses.findLast(({ words }) => words === 'RETURNING')?.type ?? STRING
}

/** The clause for `EMPTY` or `ERROR`, without these words: `NULL`, `DEFAULT`, `EMPTY ARRAY`. */
function behaviourWords(clauses: CallSite['clauses'], at: 'EMPTY' | 'ERROR'): string | undefined {
  return clauses.findLast(({ words }) => words.endsWith(` ON ${at}`))?.words.slice(0, -` ON ${at}`.length)
}

function behaviour(call: BoundCall, at: 'EMPTY' | 'ERROR', valueOf: (clause: BoundClause) => Value): Behaviour {
  const clause = call.clauses.findLast(({ words }) => words.endsWith(` ON ${at}`))
  const words = behaviourWords(call.clauses, at)
  if (words === 'ERROR')
    return (error) => {
      throw new RangeError(`${call.name}: ${error}`)
    }
  return clause === undefined || words === 'NULL' ? () => null : () => valueOf(clause)
}

/** Of two texts. @param takesVariant Whether the first one may be a VARIANT, whose text is looked into. */
function resolver(type: (site: CallSite) => LogicalType | undefined, takesVariant = true): ScalarFunction['resolve'] {
  return (site): Resolution | undefined => {
    const takes = ({ type: of }: SiteOperand, index: number): boolean =>
      of !== undefined && (isText(of) || (takesVariant && index === 0 && of.kind === 'VARIANT'))
    if (site.operands.length !== 2 || !site.operands.every(takes)) return undefined
    const found = type(site)
    return found && { type: withNullability(found, true) }
  }
}

/** The same function, of a VARIANT too. */
function ofVariant(make: (call: BoundCall) => ScalarCode): ScalarFunction['make'] {
  return (call) => {
    const code = make(call)
    return call.operands[0].type.kind === 'VARIANT' ? (variant, path) => code(variantText(variant as Uint8Array), path) : code
  }
}

// ---- JSON_VALUE ----

function makeValue(call: BoundCall): ScalarCode {
  const type = returned(call)
  const ofDefault = (clause: BoundClause): Value => defaultOf(clause.value!, type)
  for (const { value } of call.clauses) if (value !== undefined) literalOf(value)
  const [onEmpty, onError] = [behaviour(call, 'EMPTY', ofDefault), behaviour(call, 'ERROR', ofDefault)]
  const find = look()
  return (text, path) => {
    const found = find(text as string, path as string)
    if ('error' in found) return onError(found.error)
    if (isScalar(found.value)) return typed(found.value, type)
    return found.lax ? onEmpty('the path leads to no scalar value') : onError('the path leads to no scalar value')
  }
}

function typed(value: boolean | string | bigint | number | Decimal, { kind }: LogicalType): Value {
  switch (kind) {
    case 'VARCHAR':
      return scalarText(value)
    case 'INT':
      if (typeof value === 'bigint' && BigInt.asIntN(32, value) === value) return Number(value)
      break
    case 'DOUBLE':
      if (value instanceof Decimal) return Number(numberText(value))
      break
    default:
      if (typeof value === 'boolean') return value
  }
  throw new RangeError(`JSON_VALUE: ${writeJson(value)} is no ${kind === 'DOUBLE' ? 'number with a point or an exponent' : kind}`)
}

/** A literal behind DEFAULT, or one with a minus in front. @throws {PlanError} */
function literalOf(expression: BoundExpression): { readonly value: Value; readonly type: LogicalType } {
  if (expression.kind === 'literal') return expression
  const [operand] = expression.kind === 'call' && expression.name === 'PREFIX -' ? expression.operands : []
  if (operand?.kind !== 'literal') throw new PlanError('WRONG_TYPE', 'DEFAULT takes a literal')
  const { value, type } = operand
  return { value: value instanceof Decimal ? new Decimal(-value.unscaled, value.scale) : -(value as number), type }
}

function defaultOf(expression: BoundExpression, { kind }: LogicalType): Value {
  const { value, type } = literalOf(expression)
  if (kind === 'VARCHAR') {
    // Whole DOUBLEs and INTs are both numbers here.
    if (typeof value === 'number' && type.kind !== 'DOUBLE' && type.kind !== 'FLOAT') return `${value}`
    return value instanceof Decimal ? value.toString() : scalarText(value as string)
  }
  // Flink takes no DOUBLE behind DEFAULT.
  if (type.kind !== kind || kind === 'DOUBLE') throw new RangeError(`JSON_VALUE: the value behind DEFAULT is no ${kind}`)
  return value
}

// ---- JSON_QUERY ----

function queryType({ clauses }: CallSite): LogicalType | undefined {
  const type = returned({ clauses })
  if (type.kind === 'VARCHAR') return type
  const isObject = (['EMPTY', 'ERROR'] as const).some((at) => behaviourWords(clauses, at) === 'EMPTY OBJECT')
  return type.kind === 'ARRAY' && type.element.kind === 'VARCHAR' && !isObject ? type : undefined
}

function makeQuery(call: BoundCall): ScalarCode {
  const isArray = returned(call).kind === 'ARRAY'
  const empty = ({ words }: BoundClause): Value => (isArray ? [] : words.startsWith('EMPTY OBJECT') ? '{}' : '[]')
  const [onEmpty, onError] = [behaviour(call, 'EMPTY', empty), behaviour(call, 'ERROR', empty)]
  const wrapper = call.clauses.findLast(({ words }) => words.endsWith('WRAPPER'))?.words
  const find = look()
  return (text, path) => {
    const found = find(text as string, path as string)
    if ('error' in found) return onError(found.error)
    const value = wrapped(found.value, wrapper)
    if (value === null || isScalar(value)) return (found.lax ? onEmpty : onError)('the path leads to no array or object')
    if (!isArray) return writeJson(value)
    return Array.isArray(value) ? (value as readonly Json[]).map(elementText) : onError('the path leads to no array')
  }
}

function wrapped(value: Json, wrapper: string | undefined): Json {
  if (value === null || wrapper === undefined || wrapper === 'WITHOUT WRAPPER') return value
  return wrapper === 'WITH CONDITIONAL WRAPPER' && Array.isArray(value) ? value : [value]
}

function elementText(value: Json): Value {
  return value === null ? null : isScalar(value) ? scalarText(value) : writeJson(value)
}

// ---- tests ----

function makeExists(call: BoundCall): ScalarCode {
  const truth = behaviourWords(call.clauses, 'ERROR')
  const onError = behaviour(call, 'ERROR', () => (truth === 'UNKNOWN' ? null : truth === 'TRUE'))
  const find = look()
  return (text, path) => {
    const found = find(text as string, path as string)
    if ('error' in found) return truth === undefined ? false : onError(found.error)
    return found.value !== null
  }
}

/** `IS JSON …`, which is never UNKNOWN. */
function test(not: boolean, holds: (value: Json) => boolean): ScalarFunction {
  return {
    resolve: ({ operands: [{ type }] }) => (type !== undefined && isText(type) ? { type: withNullability(BOOLEAN, false) } : undefined),
    isStrict: false,
    make: () => (text) => (text !== null && isJson(text as string, holds)) !== not,
  }
}

const TESTS: readonly (readonly [string, (value: Json) => boolean])[] = [
  ['VALUE', () => true],
  ['OBJECT', (value) => value instanceof Map],
  ['ARRAY', (value) => Array.isArray(value)],
  ['SCALAR', (value) => value === null || isScalar(value)],
]

export const JSON_FUNCTIONS: FunctionTable = {
  ...JSON_VALUE_FUNCTIONS,
  JSON_VALUE: { resolve: resolver((site) => (RETURNED.has(returned(site).kind) ? returned(site) : undefined)), make: ofVariant(makeValue) },
  JSON_QUERY: { resolve: resolver(queryType), make: ofVariant(makeQuery) },
  JSON_EXISTS: { resolve: resolver(({ clauses }) => (clauses.length > 1 ? undefined : BOOLEAN), false), make: makeExists },
  ...Object.fromEntries(TESTS.flatMap(([of, holds]) => [false, true].map((not) => [`IS ${not ? 'NOT ' : ''}JSON ${of}`, test(not, holds)] as const))),
}
