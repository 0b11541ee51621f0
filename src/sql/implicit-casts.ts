// Which values go into a column of another type without a CAST: as a real Flink 2.3 answers for INSERT.

import { childTypesOf, isText, type LogicalType } from '../batch/types.ts'

const INTEGERS = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT']
const NUMBERS = ['FLOAT', 'DOUBLE', 'DECIMAL']
/** Of a kind the others that its values go to. */
const TARGETS: Readonly<Record<string, readonly string[]>> = {
  TINYINT: [...INTEGERS, ...NUMBERS],
  SMALLINT: [...INTEGERS.slice(1), ...NUMBERS],
  INT: [...INTEGERS.slice(2), ...NUMBERS],
  BIGINT: NUMBERS,
  FLOAT: ['DOUBLE', 'DECIMAL'],
  DOUBLE: ['DECIMAL'],
  DECIMAL: ['FLOAT', 'DOUBLE'],
  CHAR: ['VARCHAR'],
  BINARY: ['VARBINARY'],
  TIMESTAMP: ['DATE', 'TIME', 'TIMESTAMP_LTZ'],
  TIMESTAMP_LTZ: ['TIMESTAMP'],
}

/** Whether values of the one type go into a column of the other. Lengths, precisions and what may be NULL do not count: values are cut, and checked when they come. */
export function canAssign(from: LogicalType, to: LogicalType): boolean {
  if (from.kind !== to.kind) return TARGETS[from.kind]?.includes(to.kind) ?? false
  const [children, others] = [childTypesOf(from), childTypesOf(to)]
  return children.length === others.length && children.every(({ type }, index) => canAssign(type, others[index].type))
}

/** Whether different values stay different in the other type, by their kinds. */
export function keepsApart(from: LogicalType, to: LogicalType): boolean {
  if (isText(from)) return to.kind === 'VARCHAR' && to.length >= from.length
  const place = INTEGERS.indexOf(from.kind)
  return place >= 0 && INTEGERS.indexOf(to.kind) >= place
}
