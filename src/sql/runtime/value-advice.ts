// What to do about a value that an expression cannot compute, in words of SQL: that generated code is a function of an operator is nobody's concern.

import { UserFunctionError } from '../../base/errors.ts'
import { CastError } from '../cast-error.ts'

const DIVISION = 'Division by zero'

/** The error as SQL's; other errors, those of functions of users among them, as they are. */
export function withValueAdvice(error: unknown): unknown {
  if (!(error instanceof UserFunctionError) || !error.message.startsWith('Function of operator')) return error
  const { cause, code } = error
  if (cause instanceof CastError) return new UserFunctionError(code, cause.message, { hint: 'TRY_CAST gives NULL in its place.' })
  const divides = cause instanceof RangeError && cause.message === DIVISION
  return divides ? new UserFunctionError(code, DIVISION, { hint: 'A divisor of NULLIF(divisor, 0) gives NULL in its place.' }) : error
}
