// Functions of no family: hashes, what a type is called, what the session is.

import { formatType } from '../../batch/types.ts'
import { alwaysType, byRule, type FunctionTable, STRING } from './scalar-function.ts'

export const MISCELLANEOUS_FUNCTIONS: FunctionTable = {
  TYPEOF: {
    resolve: byRule(
      alwaysType(STRING, () => true),
      { least: 1, most: 2 },
      STRING,
    ),
    isStrict: false,
    make: ({ operands: [operand] }) => {
      const text = formatType(operand.type)
      return () => text
    },
  },
}
