// Functions of arrays, maps and multisets.

import type { LogicalType } from '../../batch/types.ts'
import type { Value } from '../value.ts'
import { alwaysType, byRule, type FunctionTable, INT, STRING, strictType } from './scalar-function.ts'

const isCollection = ({ kind }: LogicalType): boolean => kind === 'ARRAY' || kind === 'MAP' || kind === 'MULTISET'

export const COLLECTION_FUNCTIONS: FunctionTable = {
  CARDINALITY: {
    resolve: byRule(strictType(alwaysType(INT, isCollection)), { least: 1, most: 1 }, STRING),
    make: () => (collection) => (collection as readonly Value[]).length,
  },
}
