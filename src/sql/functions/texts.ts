// What functions of texts share.

import { isText, type LogicalType } from '../../batch/types.ts'
import { isExact } from '../type-rules.ts'
import { BIGINT, INT, type Parameter, type ScalarFunction, STRING } from './scalar-function.ts'

export const isIntegerType = (type: LogicalType): boolean => isExact(type) && type.kind !== 'DECIMAL'

export const TEXT: Parameter = { takes: isText, to: (type) => type, type: STRING }
export const INTEGER: Parameter = { takes: isIntegerType, to: (type) => type, type: BIGINT }
/** A BIGINT has a type and does not run. */
export const SMALL_INTEGER: Parameter = { takes: (type) => isIntegerType(type) && type.kind !== 'BIGINT', to: () => INT, type: INT }
export const BYTES_TYPE: LogicalType = { kind: 'VARBINARY', length: 2_147_483_647, nullable: true }

export function isBinary({ kind }: LogicalType): boolean {
  return kind === 'BINARY' || kind === 'VARBINARY'
}

/** Halves of pairs, which texts cannot hold, become question marks, as in Java's UTF-8. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.replaceAll(/\p{Surrogate}/gu, '?')
}

/** Of functions that take no NULL without a type. */
export function withoutBareNull(resolve: ScalarFunction['resolve']): ScalarFunction['resolve'] {
  return (site) => (site.operands.some(({ type }) => type === undefined) ? undefined : resolve(site))
}

/** How many code points a text has. */
export function pointCount(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) count++
  return count
}
