// What is equal, and what is found, in collections. Inside of them NULL is equal to NULL, and NaN to nothing.

import { childTypesOf, type LogicalType } from '../batch/types.ts'
import { compareValues, keyOf, type Value } from './value.ts'

type Values = readonly Value[]
type Pairs = readonly Values[]
/** Whether two values of one type are equal. */
export type Equality = (left: Value, right: Value) => boolean

/** Equality of the values of a type, neither of them NULL. */
export function equalityOf(type: LogicalType): Equality {
  switch (type.kind) {
    case 'FLOAT':
    case 'DOUBLE':
      return (left, right) => left === right
    case 'ARRAY': {
      const isEqual = equalityInside(type.element)
      return (left, right) => areEqual(left as Values, right as Values, () => isEqual)
    }
    case 'ROW': {
      const fields = type.fields.map((field) => equalityInside(field.type))
      return (left, right) => areEqual(left as Values, right as Values, (index) => fields[index])
    }
    case 'MAP':
    case 'MULTISET': {
      const isEqual = equalityInside(childTypesOf(type)[1].type)
      return (left, right) => areMapsEqual(left as Pairs, right as Pairs, isEqual)
    }
    default:
      return (left, right) => compareValues(left, right) === 0
  }
}

/** Equality of what stands in a collection: NULLs are equal to each other, and to nothing else. */
export function equalityInside(type: LogicalType): Equality {
  const isEqual = equalityOf(type)
  return (left, right) => (left === null || right === null ? left === right : isEqual(left, right))
}

function areEqual(left: Values, right: Values, equality: (index: number) => Equality): boolean {
  return left.length === right.length && left.every((value, index) => equality(index)(value, right[index]))
}

/** In any order. */
function areMapsEqual(left: Pairs, right: Pairs, isEqual: Equality): boolean {
  if (left.length !== right.length) return false
  const values = new Map(right.map(([key, value]) => [keyOf(key), value]))
  return left.every(([key, value]) => {
    const other = values.get(keyOf(key))
    return other !== undefined && isEqual(value, other)
  })
}

/** Rows that are written beside each other, field by field: UNKNOWN if only NULLs may make them differ. */
export function rowEquality(type: LogicalType & { readonly kind: 'ROW' }): (left: Value, right: Value) => Value {
  const fields = type.fields.map((field) => equalityOf(field.type))
  return (left, right) => {
    let result: Value = true
    for (const [index, isEqual] of fields.entries()) {
      const [one, other] = [(left as Values)[index], (right as Values)[index]]
      if (one === null || other === null) result = null
      else if (!isEqual(one, other)) return false
    }
    return result
  }
}

/** The map of some pairs: of equal keys the last one's value, where the first one stood. */
export function mapOf(pairs: Pairs): Value {
  const places = new Map<string, number>()
  const found: Values[] = []
  for (const pair of pairs) {
    const key = keyOf(pair[0])
    const place = places.get(key)
    if (place === undefined) places.set(key, found.push(pair) - 1)
    else found[place] = [found[place][0], pair[1]]
  }
  return found
}

/** The value of a key that is not NULL; numbers of two types are compared as numbers. NULL if there is none. */
export function valueAt(map: Value, key: Value): Value {
  const isEqual = typeof key === 'number' || typeof key === 'bigint' ? isSameNumber : isSameKey
  return (map as Pairs).find(([one]) => one !== null && isEqual(one, key))?.[1] ?? null
}

function isSameNumber(left: Value, right: Value): boolean {
  return left! <= right! && left! >= right!
}

function isSameKey(left: Value, right: Value): boolean {
  return compareValues(left, right) === 0
}
