// Functions of JSON texts.

import type { FunctionTable } from './scalar-function.ts'

export const JSON_FUNCTIONS: FunctionTable = {}
