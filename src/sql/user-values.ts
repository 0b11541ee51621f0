// Between values as expressions compute with them and as functions of users see them: only nested ones differ, and BIGINT where numbers were asked for.
// What users give is checked.

import { inspect } from 'node:util'
import { NotABitmapError, RoaringBitmap } from '../base/roaring-bitmap.ts'
import { Decimal, formatType, type LogicalType } from '../batch/types.ts'
import { fitDecimal } from './decimal-arithmetic.ts'
import type { Value } from './value.ts'

/** A value, as users see it. Undefined: they see it as it is. */
export type ToUser = ((value: Value) => unknown) | undefined

/** A value of what a user gives. @throws {RefusedValue} if it is none of the type. */
export type FromUser = (given: unknown) => Value

/** A value that is none of its type. */
export class RefusedValue extends Error {}

const INTEGER_BITS: Readonly<Record<string, number>> = { TINYINT: 8, SMALLINT: 16, INT: 32 }

/** How values of a type, not NULL, are shown to users. */
export function toUserOf(type: LogicalType): ToUser {
  switch (type.kind) {
    case 'BIGINT':
      return type.safeInteger ? safeNumber : undefined
    case 'ARRAY': {
      const element = orNull(toUserOf(type.element))
      return element && ((value) => (value as readonly Value[]).map(element))
    }
    case 'MAP': {
      const [key, content] = [orNull(toUserOf(type.key)), orNull(toUserOf(type.value))]
      return (value) => new Map((value as readonly (readonly Value[])[]).map(([one, of]) => [key ? key(one) : one, content ? content(of) : of]))
    }
    case 'MULTISET': {
      const element = orNull(toUserOf(type.element))
      return (value) => new Map((value as readonly (readonly Value[])[]).map(([one, count]) => [element ? element(one) : one, count]))
    }
    case 'ROW': {
      const fields = type.fields.map((field) => ({ name: field.name, show: orNull(toUserOf(field.type)) }))
      return (value) => {
        const row: Record<string, unknown> = {}
        for (const [index, { name, show }] of fields.entries()) {
          const part = (value as readonly Value[])[index]
          row[name] = show === undefined ? part : show(part)
        }
        return row
      }
    }
    default:
      return undefined
  }
}

function orNull(show: ToUser): ToUser {
  return show && ((value) => (value === null ? null : show(value)))
}

function safeNumber(value: Value): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RefusedValue(`${String(value)} is beyond what t.safeInt() holds`)
  return number
}

/** How values of a type are taken from users. NULL too, unless the type refuses it. */
export function fromUserOf(type: LogicalType): FromUser {
  const take = takerOf(type)
  return (given) => {
    if (given !== null) return take(given)
    if (!type.nullable) throw wrong(null, type)
    return null
  }
}

function takerOf(type: LogicalType): FromUser {
  const refuse = (given: unknown): never => {
    throw wrong(given, type)
  }
  switch (type.kind) {
    case 'BOOLEAN':
      return (given) => (typeof given === 'boolean' ? given : refuse(given))
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT': {
      const limit = 2 ** (INTEGER_BITS[type.kind] - 1)
      return (given) => (Number.isInteger(given) && (given as number) >= -limit && (given as number) < limit ? (given as number) + 0 : refuse(given))
    }
    case 'BIGINT':
      if (type.safeInteger) return (given) => (Number.isSafeInteger(given) ? BigInt(given as number) : refuse(given))
      return (given) => (typeof given === 'bigint' && BigInt.asIntN(64, given) === given ? given : refuse(given))
    case 'FLOAT':
      return (given) => (typeof given === 'number' ? Math.fround(given) : refuse(given))
    case 'DOUBLE':
      return (given) => (typeof given === 'number' ? given : refuse(given))
    case 'DECIMAL':
      return (given) => (given instanceof Decimal ? (fitDecimal(given, type) ?? refuse(given)) : refuse(given))
    case 'CHAR':
    case 'VARCHAR':
      return (given) => (typeof given === 'string' && given.isWellFormed() ? given : refuse(given))
    case 'BINARY':
    case 'VARBINARY':
    case 'VARIANT':
      return (given) => (given instanceof Uint8Array ? given : refuse(given))
    case 'BITMAP':
      return (given) => {
        try {
          return given instanceof Uint8Array ? RoaringBitmap.fromBytes(given).toBytes() : refuse(given)
        } catch (error) {
          if (error instanceof NotABitmapError) return refuse(given)
          throw error
        }
      }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      if (type.precision > 3) return (given) => (typeof given === 'bigint' ? given : refuse(given))
      return (given) => (Number.isSafeInteger(given) ? (given as number) : refuse(given))
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_YEAR_MONTH':
    case 'INTERVAL_DAY_TIME':
      return (given) => (Number.isSafeInteger(given) ? (given as number) : refuse(given))
    case 'ARRAY': {
      const element = fromUserOf(type.element)
      return (given) => (Array.isArray(given) ? given.map(element) : refuse(given))
    }
    case 'MAP': {
      const [key, content] = [fromUserOf(type.key), fromUserOf(type.value)]
      return (given) => (given instanceof Map ? Array.from(given, ([one, of]) => [key(one), content(of)]) : refuse(given))
    }
    case 'MULTISET': {
      const [element, count] = [fromUserOf(type.element), fromUserOf({ kind: 'INT', nullable: false })]
      return (given) => (given instanceof Map ? Array.from(given, ([one, times]) => [element(one), count(times)]) : refuse(given))
    }
    case 'ROW': {
      const fields = type.fields.map((field) => ({ name: field.name, take: fromUserOf(field.type) }))
      return (given) => {
        if (typeof given !== 'object' || Array.isArray(given)) return refuse(given)
        const row = given as Readonly<Record<string, unknown>>
        return fields.map(({ name, take }) => take(row[name]))
      }
    }
    case 'OBJECT':
      return refuse
  }
}

function wrong(given: unknown, type: LogicalType): RefusedValue {
  return new RefusedValue(`${shownValue(given)} is no ${formatType(type)}, which is ${formOf(type)}`)
}

/** What users give for a type. */
function formOf(type: LogicalType): string {
  const form = ((): string => {
    switch (type.kind) {
      case 'BOOLEAN':
        return 'a boolean'
      case 'BIGINT':
        return type.safeInteger ? 'a whole number' : 'a bigint'
      case 'FLOAT':
      case 'DOUBLE':
        return 'a number'
      case 'DECIMAL':
        return 'a Decimal'
      case 'CHAR':
      case 'VARCHAR':
        return 'a string'
      case 'BINARY':
      case 'VARBINARY':
      case 'VARIANT':
        return 'a Uint8Array'
      case 'BITMAP':
        return 'a Roaring bitmap in a Uint8Array'
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        return type.precision > 3 ? 'nanoseconds as a bigint' : 'milliseconds as a whole number'
      case 'ARRAY':
        return 'an array'
      case 'MAP':
      case 'MULTISET':
        return 'a Map'
      case 'ROW':
        return `an object with ${type.fields.map(({ name }) => name).join(', ')}`
      default:
        return 'a whole number'
    }
  })()
  return type.nullable ? `${form} or null` : form
}

/** A value in few characters, as errors show it. */
export function shownValue(value: unknown): string {
  if (value instanceof Decimal) return value.toString()
  return inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 5 })
}
