// JSON_OBJECTAGG and JSON_ARRAYAGG. Values are kept as the JSON texts that they become.

import type { BoundExpression } from '../../bound-expression.ts'
import { quoteJson } from '../../../base/json-quote.ts'
import { writeJson } from '../../functions/json-text.ts'
import { jsonPart } from '../../functions/json-values.ts'
import type { Value } from '../../value.ts'
import type { Entry, Keyed } from './collections.ts'
import type { Fold, Kept } from './fold.ts'
import { listed } from './values.ts'

/** What makes JSON texts of the values of an operand; NULL is the text `null`. */
function textsOf(operand: BoundExpression): (value: Value) => string {
  const convert = jsonPart(operand)
  return (value) => writeJson(convert(value))
}

/** @param isNullAbsent Whether NULL is left out. */
export function jsonArray(element: BoundExpression, isNullAbsent: boolean): Fold {
  const textOf = textsOf(element)
  const inner = listed((texts) => `[${texts.join(',')}]`)
  return {
    ...inner,
    fold(accumulator, [value], sign) {
      if (!isNullAbsent || value !== null) inner.fold(accumulator, [textOf(value)], sign)
    },
  }
}

/** By their keys, each of which is there once. */
export function jsonObject(value: BoundExpression, isNullAbsent: boolean, pairs: Keyed<string, Entry>): Fold {
  const textOf = textsOf(value)
  const kept: Kept = { entries: () => pairs.entries().map(([, entry]) => entry), clear: () => pairs.clear() }
  const put = (key: string, text: Value): void => {
    if (pairs.get(key) !== null) throw new RangeError(`JSON_OBJECTAGG: the key ${JSON.stringify(key)} is there already`)
    // An absent value takes up its key no more than a missing one.
    if (text !== null) pairs.put(key, [[key, text], 1])
  }
  return {
    create: () => [],
    kept,
    fold(_accumulator, [key, of], sign) {
      if (key === null) throw new RangeError('JSON_OBJECTAGG: NULL is no key of a JSON object')
      if (sign === -1) pairs.remove(key as string)
      else put(key as string, isNullAbsent && of === null ? null : textOf(of))
    },
    result() {
      const texts = kept.entries().map(([pair]) => pair as readonly [key: string, text: string])
      const sorted = texts.toSorted(([left], [right]) => (left < right ? -1 : 1))
      return `{${sorted.map(([key, text]) => `${quoteJson(key)}:${text}`).join(',')}}`
    },
    merge(_accumulator, _other, entries) {
      for (const [[key, text]] of entries) put(key as string, text)
    },
  }
}
