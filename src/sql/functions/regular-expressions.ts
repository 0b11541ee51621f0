// Functions of regular expressions. What is no pattern gives NULL, or FALSE; what is one and cannot be done ends the job, or is refused if it is a literal.

import { PlanError } from '../../base/errors.ts'
import { isText, type LogicalType } from '../../batch/types.ts'
import type { BoundCall } from '../bound-expression.ts'
import { isExact } from '../type-rules.ts'
import { Pattern } from '../patterns/pattern.ts'
import { PatternSyntaxError, PatternUnsupportedError } from '../patterns/pattern-tree.ts'
import { similarPattern } from '../patterns/similar.ts'
import type { Value } from '../value.ts'
import { BOOLEAN, bySignature, type FunctionTable, INT, type Parameter, type ScalarCode, type ScalarFunction, STRING } from './scalar-function.ts'
import { wellFormed, withoutBareNull } from './texts.ts'

const TEXT: Parameter = { takes: isText, to: (type) => type, type: STRING }
/** Of any integer type; groups have small numbers. */
const GROUP: Parameter = { takes: (type) => isExact(type) && type.kind !== 'DECIMAL', to: (type) => type, type: INT }
const TEXTS: LogicalType = { kind: 'ARRAY', element: STRING, nullable: true }

/** Reads patterns, most of which are constants, once; undefined for what is none. */
export function patternReader(): (text: string) => Pattern | undefined {
  let last: { readonly text: string; readonly pattern: Pattern | undefined } | undefined
  return (text) => {
    if (last?.text !== text) last = { text, pattern: tryPattern(text) }
    return last.pattern
  }
}

function tryPattern(text: string): Pattern | undefined {
  try {
    return new Pattern(text)
  } catch (error) {
    if (error instanceof PatternSyntaxError) return undefined
    throw error instanceof PatternUnsupportedError ? new RangeError(error.message) : error
  }
}

/** The second operand is a pattern: one that cannot be done is refused when planning, if it is written there. */
function ofPattern(resolve: ScalarFunction['resolve'], make: (call: BoundCall) => ScalarCode): ScalarFunction {
  return {
    resolve(site) {
      const literal = site.operands.at(1)?.literal
      const found = resolve(site)
      if (found !== undefined && typeof literal === 'string') {
        try {
          tryPattern(literal)
        } catch (error) {
          throw new PlanError('NOT_SUPPORTED', (error as Error).message)
        }
      }
      return found
    },
    make,
  }
}

/** A group of a match: NULL if it takes no part. */
function groupOf(text: string, match: readonly number[], group: number): string | null {
  const start = match[2 * group]
  return start < 0 ? null : wellFormed(text.slice(start, match[2 * group + 1]))
}

function regexp(): ScalarCode {
  const read = patternReader()
  return (text, pattern) => pattern !== '' && read(pattern as string)?.find(text as string) !== undefined
}

function extract(): ScalarCode {
  const read = patternReader()
  return (text, pattern, group) => {
    const found = read(pattern as string)
    const number = group === undefined ? 0 : Number(BigInt.asIntN(32, BigInt(group as number)))
    if (found === undefined || number < 0 || number > found.groupCount) return null
    const match = found.find(text as string)
    return match === undefined ? null : groupOf(text as string, match, number)
  }
}

function extractAll(): ScalarCode {
  const read = patternReader()
  return (text, pattern, group) => {
    const found = read(pattern as string)
    const number = group === undefined ? 1 : Number(group)
    if (found === undefined || number < 0 || number > found.groupCount) return null
    return Array.from(found.findAll(text as string), (match) => groupOf(text as string, match, number))
  }
}

function replace(): ScalarCode {
  const read = patternReader()
  return (value, pattern, replacement) => {
    const text = value as string
    const found = read(pattern as string)
    if (found === undefined) return null
    let replaced = ''
    let at = 0
    for (const [start, end] of found.findAll(text)) {
      replaced += text.slice(at, start) + (replacement as string)
      at = end
    }
    return wellFormed(replaced + text.slice(at))
  }
}

/** What is said of a text and a pattern; NULL if that is none. */
function said(of: (pattern: Pattern, text: string) => Value): () => ScalarCode {
  return () => {
    const read = patternReader()
    return (text, pattern) => {
      const found = read(pattern as string)
      return found === undefined ? null : of(found, text as string)
    }
  }
}

function countOf(pattern: Pattern, text: string): number {
  let count = 0
  for (const _ of pattern.findAll(text)) count++
  return count
}

/** What computes SIMILAR TO. */
function similar({ operands }: BoundCall): ScalarCode {
  let last: { readonly pattern: Value; readonly escape: Value | undefined; readonly read: Pattern } | undefined
  return (text, pattern, escape) => {
    if (last === undefined || last.pattern !== pattern || last.escape !== escape)
      last = { pattern, escape, read: similarPattern(pattern as string, operands.length > 2 ? (escape as string) : undefined) }
    return last.read.matches(text as string)
  }
}

export const REGULAR_EXPRESSION_FUNCTIONS: FunctionTable = {
  /** An operator: it is no call. */
  'SIMILAR TO': { resolve: () => undefined, make: similar },
  REGEXP: ofPattern(withoutBareNull(bySignature([TEXT, TEXT], BOOLEAN)), regexp),
  REGEXP_EXTRACT: ofPattern(withoutBareNull(bySignature([TEXT, TEXT, GROUP], STRING, 'nullable', 2)), extract),
  REGEXP_EXTRACT_ALL: ofPattern(bySignature([TEXT, TEXT, GROUP], TEXTS, 'nullable', 2), extractAll),
  REGEXP_REPLACE: ofPattern(withoutBareNull(bySignature([TEXT, TEXT, TEXT], STRING)), replace),
  REGEXP_COUNT: ofPattern(bySignature([TEXT, TEXT], INT, 'nullable'), said(countOf)),
  REGEXP_INSTR: ofPattern(
    bySignature([TEXT, TEXT], INT, 'nullable'),
    said((pattern, text) => (pattern.find(text)?.[0] ?? -1) + 1),
  ),
  REGEXP_SUBSTR: ofPattern(
    bySignature([TEXT, TEXT], STRING, 'nullable'),
    said((pattern, text) => {
      const match = pattern.find(text)
      return match === undefined ? null : groupOf(text, match, 0)
    }),
  ),
}
