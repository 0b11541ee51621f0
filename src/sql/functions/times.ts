// Functions of dates, times, timestamps and intervals.

import type { FunctionTable } from './scalar-function.ts'

export const TIME_FUNCTIONS: FunctionTable = {}
