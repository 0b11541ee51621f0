// Changes and values as `--format changelog` prints them, a JSON line each: exact, and the same for every run.

import { doubleText } from '../base/double-text.ts'
import { RoaringBitmap } from '../base/roaring-bitmap.ts'
import { Decimal, type LogicalType } from '../batch/types.ts'
import { variantText } from '../batch/variant.ts'
import { dateText, durationText, periodText, timestampText, timeText } from './times.ts'
import type { Value } from './value.ts'

/**
 * A value as plain JSON: numbers as numbers, but texts beyond ±(2^53 - 1) and for NaN and infinity; DECIMAL, times and intervals as texts; bytes as
 * `x'0a1b'`; arrays and rows as arrays, maps and multisets as `{"map": [[key, value], ...]}` in the order of the keys' JSON texts.
 */
export function jsonOf(value: Value, type: LogicalType): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'BIGINT':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    case 'FLOAT':
      return Number.isFinite(value) ? Number(doubleText(value as number, Math.fround)) : String(value)
    case 'DOUBLE':
      return Number.isFinite(value) ? value : String(value)
    case 'DECIMAL':
      // Its digits stand at the scale of the type, whatever scale they were computed at.
      return new Decimal((value as Decimal).unscaled, type.scale).toString()
    case 'BINARY':
    case 'VARBINARY':
      return `x'${Buffer.from(value as Uint8Array).toString('hex')}'`
    case 'VARIANT':
      return variantText(value as Uint8Array)
    case 'BITMAP':
      return RoaringBitmap.fromBytes(value as Uint8Array).toString()
    case 'DATE':
      return dateText(value as number)
    case 'TIME':
      return timeText(value as number)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return timestampText(value as number | bigint) + (type.kind === 'TIMESTAMP_LTZ' ? 'Z' : '')
    case 'INTERVAL_DAY_TIME':
      return durationText(value as number)
    case 'INTERVAL_YEAR_MONTH':
      return periodText(value as number)
    case 'ARRAY':
      return (value as readonly Value[]).map((element) => jsonOf(element, type.element))
    case 'ROW':
      return (value as readonly Value[]).map((field, index) => jsonOf(field, type.fields[index].type))
    case 'MAP':
    case 'MULTISET': {
      const [keyType, valueType] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, COUNT]
      const pairs = (value as readonly (readonly Value[])[]).map(([key, of]) => [jsonOf(key, keyType), jsonOf(of, valueType)])
      return { map: pairs.toSorted(([left], [right]) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1)) }
    }
    default:
      return value
  }
}

const COUNT: LogicalType = { kind: 'INT', nullable: false }
