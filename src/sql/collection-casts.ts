// CAST of arrays, maps, multisets and rows: element by element, and to text as Flink prints them.

import { childTypesOf, isText, LENGTH_MAX, type LogicalType } from '../batch/types.ts'
import { mapOf } from './collection-values.ts'
import type { Value } from './value.ts'

type Cast = (value: Value) => Value
type CastOf = (from: LogicalType, to: LogicalType) => Cast | undefined
type Values = readonly Value[]

const STRING: LogicalType = { kind: 'VARCHAR', length: LENGTH_MAX, nullable: true }

/**
 * What casts collections that are not NULL; undefined: not there yet. Texts are not cut to the length of their type yet.
 *
 * @param castOf Casts what is in them.
 */
export function collectionCastOf(from: LogicalType, to: LogicalType, castOf: CastOf): Cast | undefined {
  const children = childTypesOf(from)
  const targets = childTypesOf(to)
  const casts = children.map(({ type }, index) => castInside(type, isText(to) ? STRING : targets[index]?.type, castOf))
  if (casts.includes(undefined) || (!isText(to) && children.length !== targets.length)) return undefined
  return isText(to) ? printer(from, casts as Cast[]) : converter(from, casts as Cast[])
}

/** NULL stays, or is 0 where the type refuses it. */
function castInside(from: LogicalType, to: LogicalType | undefined, castOf: CastOf): Cast | undefined {
  const cast = to && castOf(from, to)
  if (cast === undefined) return undefined
  const ofNull = to!.nullable ? null : zeroOf(to!)
  return (value) => (value === null ? ofNull : cast(value))
}

function zeroOf({ kind }: LogicalType): Value {
  switch (kind) {
    case 'BOOLEAN':
      return false
    case 'BIGINT':
      return 0n
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'FLOAT':
    case 'DOUBLE':
      return 0
    default:
      return null
  }
}

function converter({ kind }: LogicalType, casts: readonly Cast[]): Cast {
  if (kind === 'ROW') return (row) => (row as Values).map((field, index) => casts[index](field))
  const [first, second] = casts
  if (kind === 'ARRAY') return (array) => (array as Values).map(first)
  return (pairs) => mapOf((pairs as readonly Values[]).map(([key, value]) => [first(key), second(value)]))
}

function printer(type: LogicalType, casts: readonly Cast[]): Cast {
  const { kind } = type
  const [first, second] = casts.map((cast) => (value: Value) => (value === null ? 'NULL' : (cast(value) as string)))
  if (kind === 'ROW' && type.className !== undefined) {
    const starts = type.fields.map(({ name }) => `${name}=`)
    return (row) => `(${(row as Values).map((field, index) => starts[index] + (field === null ? 'NULL' : (casts[index](field) as string))).join(', ')})`
  }
  if (kind === 'ROW') return (row) => `(${(row as Values).map((field, index) => (field === null ? 'NULL' : (casts[index](field) as string))).join(', ')})`
  if (kind === 'ARRAY') return (array) => `[${(array as Values).map(first).join(', ')}]`
  return (pairs) => `{${(pairs as readonly Values[]).map(([key, value]) => `${first(key)}=${second(value)}`).join(', ')}}`
}
