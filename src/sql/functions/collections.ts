// Functions of arrays, maps and multisets. NULL is an element like others, and equal to itself.

import { PlanError } from '../../base/errors.ts'
import { childTypesOf, type LogicalType, withNullability } from '../../batch/types.ts'
import { type Equality, equalityInside, mapOf } from '../collection-values.ts'
import { canAssign } from '../implicit-casts.ts'
import { mergedType } from '../type-rules.ts'
import { compareValues, keyOf, type Value } from '../value.ts'
import {
  alwaysType,
  BOOLEAN,
  byRule,
  bySignature,
  type FunctionTable,
  INT,
  type Parameter,
  type Resolution,
  type ScalarCode,
  type ScalarFunction,
  STRING,
  strictType,
  type TypeRule,
} from './scalar-function.ts'

type ArrayType = LogicalType & { readonly kind: 'ARRAY' }
type MapType = LogicalType & { readonly kind: 'MAP' }
type Values = readonly Value[]
type Pairs = readonly (readonly [Value, Value])[]

const ONE = { least: 1, most: 1 }
const TWO = { least: 2, most: 2 }
/** What ARRAY_SORT, ARRAY_MAX and ARRAY_MIN can bring into an order. */
const UNORDERED = new Set(['BOOLEAN', 'ARRAY', 'MAP', 'MULTISET', 'ROW', 'VARIANT', 'BITMAP', 'INTERVAL_YEAR_MONTH', 'INTERVAL_DAY_TIME', 'OBJECT'])

const isArray = (type: LogicalType): type is ArrayType => type.kind === 'ARRAY'
const isMap = (type: LogicalType): type is MapType => type.kind === 'MAP'
const isCollection = ({ kind }: LogicalType): boolean => kind === 'ARRAY' || kind === 'MAP' || kind === 'MULTISET'
const isOrdered = (type: LogicalType): boolean => isArray(type) && !UNORDERED.has(type.element.kind)

/** A collection has a type of its own: NULL has none. */
function ofCollection(resolve: ScalarFunction['resolve'], operands = 1): ScalarFunction['resolve'] {
  return (site) => (site.operands.slice(0, operands).some(({ type }) => type === undefined) ? undefined : resolve(site))
}

/** A function of one collection. */
function ofOne(rule: TypeRule, code: (values: Values) => Value): ScalarFunction {
  return { resolve: ofCollection(byRule(strictType(rule), ONE, STRING)), make: () => (values) => code(values as Values) }
}

// ---- an array and an element ----

/**
 * A function of an array and what may be its element.
 *
 * @param result The type of the call; its nullability too.
 */
function withElement(
  result: (array: ArrayType, element: LogicalType) => LogicalType,
  make: (array: ArrayType, isEqual: Equality) => (array: Values, element: Value) => Value,
): ScalarFunction {
  return {
    resolve({ operands }): Resolution | undefined {
      if (operands.length !== 2) return undefined
      const [{ type: array }, { type: given }] = operands
      if (array === undefined || !isArray(array)) return undefined
      const element = withNullability(array.element, given?.nullable ?? true)
      if (given !== undefined && !isElement(given, element)) return undefined
      return { type: result(array, element), operandTypes: [array, element] }
    },
    isStrict: false,
    make: ({ operands: [{ type }] }) => {
      const code = make(type as ArrayType, equalityInside((type as ArrayType).element))
      return (array, element) => (array === null ? null : code(array as Values, element))
    },
  }
}

/** Whether a value may stand among elements of a type: in it no NULL where they have none. */
function isElement(given: LogicalType, element: LogicalType): boolean {
  return canAssign(given, element) && refusesNoMore(given, element)
}

function refusesNoMore(from: LogicalType, to: LogicalType): boolean {
  const children = childTypesOf(to)
  return (to.nullable || !from.nullable) && childTypesOf(from).every(({ type }, at) => refusesNoMore(type, children[at].type))
}

/** The array with one element more. If elements were never NULL and now may be, Flink says so of the array too. */
function extended(code: (array: Values, element: Value) => Value): ScalarFunction {
  return withElement(
    (array, element) => (element.nullable && !array.element.nullable ? { ...array, element, nullable: true } : array),
    () => code,
  )
}

function indexOf(array: Values, element: Value, isEqual: Equality): number {
  return array.findIndex((one) => isEqual(one, element))
}

// ---- arrays that meet ----

/** The type in which collections of one kind meet. NULL if one of them is. */
function meeting(kind: 'ARRAY' | 'MAP'): TypeRule {
  return (operands) => {
    if (!operands.every((type) => type.kind === kind)) return undefined
    let type: LogicalType | undefined = operands[0]
    for (const operand of operands.slice(1)) type = type && merged(type, operand)
    return type
  }
}

function merged(left: LogicalType, right: LogicalType): LogicalType | undefined {
  const nullable = left.nullable || right.nullable
  if (isArray(left) && isArray(right)) {
    const element = merged(left.element, right.element)
    return element && { kind: 'ARRAY', element, nullable }
  }
  if (isMap(left) && isMap(right)) {
    const [key, value] = [merged(left.key, right.key), merged(left.value, right.value)]
    return key && value && { kind: 'MAP', key, value, nullable }
  }
  return mergedType(left, right)
}

function ofMeeting(kind: 'ARRAY' | 'MAP', most: number, make: (type: LogicalType) => ScalarCode): ScalarFunction {
  return {
    resolve: ofCollection(byRule(strictType(meeting(kind)), { least: most === 2 ? 2 : 1, most }, STRING, true), Infinity),
    make: ({ type }) => make(type),
  }
}

/** A set operation: what of the first array, or of both, stays, each element once. */
function setOperation(stays: (element: Value, inSecond: boolean) => boolean, joins: boolean): ScalarFunction {
  return ofMeeting('ARRAY', 2, (type) => {
    const distinct = distinctBy((type as ArrayType).element)
    const isEqual = equalityInside((type as ArrayType).element)
    return (left, right) => {
      const others = right as Values
      const all = joins ? [...(left as Values), ...others] : (left as Values)
      return distinct(joins ? all : all.filter((element) => stays(element, indexOf(others, element, isEqual) >= 0)))
    }
  })
}

/** The first of all elements that are equal. */
function distinctBy(type: LogicalType): (array: Values) => Values {
  const isEqual = equalityInside(type)
  return (array) => {
    const kept = new Map<string, Value>()
    for (const element of array) {
      const key = keyOf(element)
      // What is not equal to itself stays as often as it is there.
      kept.set(kept.has(key) && !isEqual(element, element) ? `${key}#${kept.size}` : key, kept.has(key) && isEqual(element, element) ? kept.get(key)! : element)
    }
    return [...kept.values()]
  }
}

// ---- order ----

/** The greatest, or least, element that is not NULL. */
function extreme(sign: 1 | -1): ScalarFunction {
  return {
    resolve: ofCollection(byRule((operands) => (isOrdered(operands[0]) ? withNullability((operands[0] as ArrayType).element, true) : undefined), ONE, STRING)),
    make: () => (array) => {
      let found: Value = null
      for (const element of array as Values) if (element !== null && (found === null || compareValues(element, found) * sign > 0)) found = element
      return found
    },
  }
}

/** As Flink compares: what is not greater comes first, so that NaN stands anywhere. */
function sorted(array: Values, ascending: Value, nullsFirst: Value): Values {
  const nulls = array.filter((element) => element === null)
  const sign = ascending === true ? 1 : -1
  const others = array.filter((element) => element !== null).toSorted((left, right) => (compareValues(left, right) * sign > 0 ? 1 : -1))
  return nullsFirst === true ? [...nulls, ...others] : [...others, ...nulls]
}

// ---- parts ----

const array: Parameter = { takes: isArray, to: (type) => type, type: STRING }
const index: Parameter = { takes: ({ kind }) => kind === 'TINYINT' || kind === 'SMALLINT' || kind === 'INT', to: () => INT, type: INT }
const flag: Parameter = { takes: ({ kind }) => kind === 'BOOLEAN', to: (type) => type, type: BOOLEAN }
const text: Parameter = { takes: ({ kind }) => kind === 'CHAR' || kind === 'VARCHAR', to: () => STRING, type: STRING }
const texts: Parameter = { takes: (type) => isArray(type) && text.takes(type.element), to: (type) => type, type: STRING }

const firstType = ([type]: readonly LogicalType[]): LogicalType => type

/** From 1, or from the end if negative; 0 is 1, what lies in front of all is the first. */
function placeOf(at: number, length: number): number {
  return at > 0 ? at : at === 0 ? 1 : Math.max(1, length + at + 1)
}

function slice(values: Values, from: number, to: number): Values {
  const end = to === 0 ? 0 : placeOf(to, values.length)
  return values.slice(placeOf(from, values.length) - 1, end)
}

function joined(values: Values, separator: Value, instead: Value | undefined): string {
  const shown = instead === undefined ? values.filter((value) => value !== null) : values.map((value) => value ?? instead)
  return shown.join(separator as string)
}

// ---- maps ----

function entriesType(type: LogicalType): LogicalType | undefined {
  if (!isMap(type)) return undefined
  const fields = [
    { name: 'key', type: type.key },
    { name: 'value', type: type.value },
  ]
  return { kind: 'ARRAY', element: { kind: 'ROW', fields, nullable: true }, nullable: true }
}

function arrayOf(element: LogicalType): LogicalType {
  return { kind: 'ARRAY', element, nullable: true }
}

function pairedType([keys, values]: readonly LogicalType[]): LogicalType | undefined {
  return isArray(keys) && isArray(values) ? { kind: 'MAP', key: keys.element, value: values.element, nullable: true } : undefined
}

function paired(keys: Values, values: Values): Value {
  if (keys.length !== values.length) throw new RangeError(`MAP_FROM_ARRAYS has ${keys.length} keys and ${values.length} values`)
  return mapOf(keys.map((key, at) => [key, values[at]]))
}

function elementOf(values: Values, absent: Value): Value {
  if (values.length > 1) throw new RangeError('ELEMENT has more than one element')
  return values.length === 0 ? absent : values[0]
}

/** What code that Flink generates holds for a value that is NULL where the type refuses NULL. */
function fillerOf(type: LogicalType): Value {
  if (type.nullable) return null
  switch (type.kind) {
    case 'BOOLEAN':
      return false
    case 'BIGINT':
      return -1n
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_YEAR_MONTH':
    case 'INTERVAL_DAY_TIME':
      return -1
    case 'CHAR':
      return ' '.repeat(type.length)
    case 'VARCHAR':
      return ''
    default:
      return null
  }
}

export const COLLECTION_FUNCTIONS: FunctionTable = {
  CARDINALITY: {
    resolve: ofCollection(byRule(strictType(alwaysType(INT, isCollection)), ONE, STRING)),
    make: ({ operands: [{ type }] }) => {
      // Flink finds its type, then has no code for it.
      if (type.kind === 'MULTISET') throw new PlanError('WRONG_TYPE', 'CARDINALITY does not take a MULTISET')
      return (values) => (values as Values).length
    },
  },
  ELEMENT: {
    resolve: ofCollection(byRule(([type]) => (isArray(type) ? type.element : undefined), ONE, STRING)),
    isStrict: false,
    make: ({ operands: [{ type }] }) => {
      const absent = fillerOf((type as ArrayType).element)
      // No NULL where the type refuses it.
      return (values) => (values === null ? absent : elementOf(values as Values, absent))
    },
  },
  ARRAY_APPEND: extended((values, element) => [...values, element]),
  ARRAY_PREPEND: extended((values, element) => [element, ...values]),
  ARRAY_CONTAINS: withElement(
    ({ nullable }) => withNullability(BOOLEAN, nullable),
    (_, isEqual) => (values, element) => indexOf(values, element, isEqual) >= 0,
  ),
  ARRAY_POSITION: withElement(
    ({ nullable }, element) => withNullability(INT, nullable || element.nullable),
    (_, isEqual) => (values, element) => (element === null ? null : indexOf(values, element, isEqual) + 1),
  ),
  ARRAY_REMOVE: withElement(
    (type) => type,
    (_, isEqual) => (values, element) => values.filter((value) => !isEqual(value, element)),
  ),
  ARRAY_CONCAT: ofMeeting(
    'ARRAY',
    Infinity,
    () =>
      (...all) =>
        (all as Values[]).flat(),
  ),
  ARRAY_DISTINCT: {
    resolve: ofCollection(byRule(([type]) => (isArray(type) ? type : undefined), ONE, STRING)),
    make: ({ type }) => {
      const distinct = distinctBy((type as ArrayType).element)
      return (values) => distinct(values as Values)
    },
  },
  ARRAY_EXCEPT: setOperation((_, inSecond) => !inSecond, false),
  ARRAY_INTERSECT: setOperation((_, inSecond) => inSecond, false),
  ARRAY_UNION: setOperation(() => true, true),
  ARRAY_JOIN: {
    resolve: ofCollection(bySignature([texts, text, text], STRING, 'strict', 2)),
    make: () => (values, separator, instead) => joined(values as Values, separator, instead),
  },
  ARRAY_MAX: extreme(1),
  ARRAY_MIN: extreme(-1),
  ARRAY_REVERSE: ofOne(
    ([type]) => (isArray(type) ? type : undefined),
    (values) => values.toReversed(),
  ),
  ARRAY_SLICE: {
    resolve: ofCollection(bySignature([array, index, index], firstType, 'strict', 2)),
    make: () => (values, from, to) => slice(values as Values, from as number, to === undefined ? (values as Values).length : (to as number)),
  },
  ARRAY_SORT: {
    resolve: ofCollection(bySignature([{ ...array, takes: isOrdered }, flag, flag], firstType, 'strict', 1)),
    // NULLs come first where the order ascends.
    make:
      () =>
      (values, ascending = true, nullsFirst = ascending) =>
        sorted(values as Values, ascending, nullsFirst),
  },
  MAP_KEYS: ofOne(
    ([type]) => (isMap(type) ? arrayOf(type.key) : undefined),
    (pairs) => (pairs as Pairs).map(([key]) => key),
  ),
  MAP_VALUES: ofOne(
    ([type]) => (isMap(type) ? arrayOf(type.value) : undefined),
    (pairs) => (pairs as Pairs).map(([, value]) => value),
  ),
  MAP_ENTRIES: ofOne(
    ([type]) => entriesType(type),
    (pairs) => pairs,
  ),
  MAP_FROM_ARRAYS: {
    resolve: ofCollection(byRule(strictType(pairedType), TWO, STRING), 2),
    make: () => (keys, values) => paired(keys as Values, values as Values),
  },
  MAP_UNION: ofMeeting(
    'MAP',
    Infinity,
    () =>
      (...all) =>
        mapOf((all as Pairs[]).flat()),
  ),
}
