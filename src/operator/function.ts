// The function interfaces that users implement, and the error their failures become. Contracts only; operators call them.

import { MillraceError, UserFunctionError } from '../base/errors.ts'

/** Wraps what a user function threw, unless it already is an error of the engine. */
export function userError(operatorName: string, subtaskIndex: number, thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return new UserFunctionError('USER_FUNCTION_FAILED', `Function of operator "${operatorName}" (subtask ${subtaskIndex}) threw ${text}`, { cause: thrown })
}
