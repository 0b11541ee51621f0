// All scalar functions, by their names.

import type { BoundCall } from '../bound-expression.ts'
import { BITMAP_FUNCTIONS } from './bitmaps.ts'
import { COLLECTION_FUNCTIONS } from './collections.ts'
import { CONDITIONAL_FUNCTIONS } from './conditional.ts'
import { ENCODING_FUNCTIONS } from './encodings.ts'
import { JSON_FUNCTIONS } from './json.ts'
import { MISCELLANEOUS_FUNCTIONS } from './miscellaneous.ts'
import { NUMBER_FUNCTIONS } from './numbers.ts'
import { OBJECT_FUNCTIONS } from './objects.ts'
import { OPERATORS } from './operators.ts'
import { RANDOM_FUNCTIONS } from './random.ts'
import { REGULAR_EXPRESSION_FUNCTIONS } from './regular-expressions.ts'
import { ROUNDING_FUNCTIONS } from './rounding.ts'
import type { ScalarFunction } from './scalar-function.ts'
import { STRING_FUNCTIONS } from './strings.ts'
import { TEXT_SEARCH_FUNCTIONS } from './text-search.ts'
import { TIME_FUNCTIONS } from './times.ts'
import { REAL_FUNCTIONS } from './trigonometry.ts'
import { VARIANT_FUNCTIONS } from './variants.ts'

/** What calls by name find. */
export const SCALAR_FUNCTIONS: ReadonlyMap<string, ScalarFunction> = new Map(
  [
    BITMAP_FUNCTIONS,
    COLLECTION_FUNCTIONS,
    CONDITIONAL_FUNCTIONS,
    JSON_FUNCTIONS,
    MISCELLANEOUS_FUNCTIONS,
    NUMBER_FUNCTIONS,
    OBJECT_FUNCTIONS,
    RANDOM_FUNCTIONS,
    REAL_FUNCTIONS,
    ROUNDING_FUNCTIONS,
    ENCODING_FUNCTIONS,
    REGULAR_EXPRESSION_FUNCTIONS,
    STRING_FUNCTIONS,
    TEXT_SEARCH_FUNCTIONS,
    TIME_FUNCTIONS,
    VARIANT_FUNCTIONS,
  ].flatMap((table) => Object.entries(table)),
)

/** What computes a call, of an operator too. */
export function scalarCodeOf({ name, user }: Pick<BoundCall, 'name' | 'user'>): Pick<ScalarFunction, 'make' | 'isStrict' | 'isDeterministic'> | undefined {
  return user ?? OPERATORS[name] ?? SCALAR_FUNCTIONS.get(name)
}
