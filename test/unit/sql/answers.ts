// What a real Flink 2.3 says of the types of expressions: type-rules.json.

import { readFileSync } from 'node:fs'
import { typeOf } from '../../fixtures/answers.ts'

/** Of expressions over one or two columns the place of their type among the results, by the places of their columns' types; 0 where it refuses. */
export const ANSWERS = JSON.parse(readFileSync(new URL('type-rules.json', import.meta.url), 'utf8')) as {
  readonly types: readonly string[]
  readonly results: readonly string[]
  readonly binary: Readonly<Record<string, readonly (readonly number[])[]>>
  readonly unary: Readonly<Record<string, readonly number[]>>
  /** What runs, which is less than what has a type: for each expression and left type the right ones. */
  readonly accepted: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

export const TYPES = ANSWERS.types.map(typeOf)
