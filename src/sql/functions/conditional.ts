// Functions that choose among their operands, and tests of NULL and truth.

import { withNullability } from '../../batch/types.ts'
import { mergedType } from '../type-rules.ts'
import { compareValues, type Value } from '../value.ts'
import { alwaysType, BOOLEAN, byRule, type FunctionTable, requiredType, type ScalarFunction, strictType, STRING, type TypeRule } from './scalar-function.ts'

/** The one operand that the call gives back. */
const merged: TypeRule = (operands) => {
  let type = operands.at(0)
  for (const operand of operands.slice(1)) type = type && mergedType(type, operand)
  return type
}

/** NULL only if all operands are. */
const firstOf: TypeRule = (operands) => {
  const type = merged(operands)
  return (
    type &&
    withNullability(
      type,
      operands.every(({ nullable }) => nullable),
    )
  )
}

/** The interpreter looks at the operands one by one. */
const lazily: ScalarFunction['make'] = () => undefined

/** A test that is TRUE or FALSE of every value, NULL too. */
function test(ofBoolean: boolean, holds: (value: Value) => boolean): ScalarFunction {
  const takes = requiredType(alwaysType(BOOLEAN, ({ kind }) => !ofBoolean || kind === 'BOOLEAN'))
  return { resolve: byRule(takes, { least: 1, most: 1 }, BOOLEAN), isStrict: false, make: () => (value) => holds(value) }
}

/** The first or last of all operands. */
function extreme(sign: 1 | -1): ScalarFunction {
  return {
    resolve: byRule(strictType(merged), { least: 1, most: Infinity }, STRING, true),
    make:
      () =>
      (...values) =>
        values.reduce((left, right) => (compareValues(left, right) * sign >= 0 ? left : right)),
  }
}

export const CONDITIONAL_FUNCTIONS: FunctionTable = {
  COALESCE: { resolve: byRule(firstOf, { least: 1, most: Infinity }, STRING, true), isStrict: false, make: lazily },
  IFNULL: { resolve: byRule(firstOf, { least: 2, most: 2 }, STRING, true), isStrict: false, make: lazily },
  GREATEST: extreme(1),
  LEAST: extreme(-1),
  NOT: {
    resolve: byRule(strictType(alwaysType(BOOLEAN, ({ kind }) => kind === 'BOOLEAN')), { least: 1, most: 1 }, BOOLEAN),
    make: () => (value) => value !== true,
  },
  'IS NULL': test(false, (value) => value === null),
  'IS NOT NULL': test(false, (value) => value !== null),
  'IS TRUE': test(true, (value) => value === true),
  'IS NOT TRUE': test(true, (value) => value !== true),
  'IS FALSE': test(true, (value) => value === false),
  'IS NOT FALSE': test(true, (value) => value !== false),
  'IS UNKNOWN': test(true, (value) => value === null),
  'IS NOT UNKNOWN': test(true, (value) => value !== null),
}
