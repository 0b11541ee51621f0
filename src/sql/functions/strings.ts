// Functions of texts.

import { isText, type LogicalType } from '../../batch/types.ts'
import { isExact } from '../type-rules.ts'
import {
  alwaysType,
  byRule,
  type FunctionTable,
  INT,
  sameType,
  type ScalarCode,
  type ScalarFunction,
  STRING,
  strictType,
  type TypeRule,
} from './scalar-function.ts'

const ONE = { least: 1, most: 1 }

const isInteger = (type: LogicalType): boolean => isExact(type) && type.kind !== 'DECIMAL'

function ofText(rule: TypeRule, code: ScalarCode): ScalarFunction {
  return { resolve: byRule(strictType(rule), ONE, STRING), make: () => code }
}

const characterCount = ofText(alwaysType(INT, isText), (text) => Array.from(text as string).length)

export const STRING_FUNCTIONS: FunctionTable = {
  UPPER: ofText(sameType(isText), (text) => (text as string).toUpperCase()),
  LOWER: ofText(sameType(isText), (text) => (text as string).toLowerCase()),
  CHAR_LENGTH: characterCount,
  CHARACTER_LENGTH: characterCount,
  CONCAT: {
    resolve: byRule(strictType(alwaysType(STRING, isText)), { least: 1, most: Infinity }, STRING),
    make:
      () =>
      (...texts) =>
        texts.join(''),
  },
  HEX: {
    resolve: byRule(strictType(alwaysType(STRING, (type) => isInteger(type) || isText(type))), ONE, STRING),
    // Not there yet.
    make: () => undefined,
  },
}
