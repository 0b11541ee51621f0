// What to do about a value that an expression cannot compute, in words of SQL: that generated code is a function of an operator is nobody's concern.

import { UserFunctionError } from '../../base/errors.ts'
import { adviceOn } from '../expression-failure.ts'

/** The error as SQL's; other errors, those of functions of users among them, as they are. */
export function withValueAdvice(error: unknown): unknown {
  if (!(error instanceof UserFunctionError) || !error.message.startsWith('Function of operator')) return error
  const { cause, code } = error
  const hint = adviceOn(cause)
  return hint === undefined ? error : new UserFunctionError(code, (cause as Error).message, { hint })
}
