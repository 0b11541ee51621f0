// Functions that look for texts in texts, and that take texts apart.

import { isText, type LogicalType, withNullability } from '../../batch/types.ts'
import { commonType } from '../type-rules.ts'
import type { Value } from '../value.ts'
import { BOOLEAN, bySignature, type FunctionTable, INT, type Parameter, type ScalarCode, type ScalarFunction, STRING } from './scalar-function.ts'
import { patternReader } from './regular-expressions.ts'
import { BYTES_TYPE, isBinary, pointCount, SMALL_INTEGER, TEXT, wellFormed, withoutBareNull } from './texts.ts'

const TEXTS: LogicalType = { kind: 'ARRAY', element: STRING, nullable: true }
const TEXT_MAP: LogicalType = { kind: 'MAP', key: STRING, value: STRING, nullable: true }

// ---- places ----

/** Where a part stands, counted in code points from 1; 0: nowhere. @param from From where on it is looked for; before the text is at its start. */
function placeOf(part: string, text: string, from = 1): number {
  if (part === '') return 1
  let at = 0
  for (let skipped = 1; skipped < from && at < text.length; skipped++) at += text.codePointAt(at)! > 0xffff ? 2 : 1
  const found = from > 1 && at >= text.length ? -1 : text.indexOf(part, at)
  return found < 0 ? 0 : pointCount(text.slice(0, found)) + 1
}

/** The n-th place; a negative start counts, and looks, from the end. */
function nthPlace(text: string, part: string, start: number, nth: number): number {
  if (nth <= 0) throw new RangeError(`INSTR looks for the first or a later appearance, not for number ${nth}`)
  if (start === 0) return 0
  if (start < 0) {
    const place = nthPlace(reversed(text), reversed(part), -start, nth)
    return place === 0 ? 0 : pointCount(text) + 2 - place - pointCount(part)
  }
  let place = 0
  for (let round = 0, from = start; round < nth; round++, from = place + 1) {
    place = placeOf(part, text, from)
    if (place === 0) return 0
  }
  return place
}

function reversed(text: string): string {
  return Array.from(text).toReversed().join('')
}

/** Two texts, or two of bytes. */
function affix(ofTexts: (text: string, part: string) => boolean, ofBytes: (bytes: Buffer, part: Buffer) => boolean): ScalarFunction {
  const texts = bySignature([TEXT, TEXT], BOOLEAN)
  const bytes: Parameter = { takes: isBinary, to: (type) => type, type: BYTES_TYPE }
  return {
    resolve: (site) => texts(site) ?? bySignature([bytes, bytes], BOOLEAN)(site),
    make: ({ operands: [{ type }] }) =>
      isText(type)
        ? (text, part) => ofTexts(text as string, part as string)
        : (whole, part) => ofBytes(Buffer.from(whole as Uint8Array), Buffer.from(part as Uint8Array)),
  }
}

// ---- parts ----

/** The n-th part, from 0. Without a separator white space stands between parts; a number is the code of a separator. */
function splitIndex(text: Value, separator: Value, index: Value): string | null {
  if ((index as number) < 0 || text === '') return null
  if (typeof separator === 'number' && (separator < 1 || separator > 255)) return null
  const by = typeof separator === 'number' ? String.fromCharCode(separator) : (separator as string)
  return (text as string).split(by === '' ? WHITE_SPACE : by)[index as number] ?? null
}

/** What Java calls so; what splits files, groups, records and units too. */
// oxlint-disable-next-line no-control-regex
const WHITE_SPACE = /[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]/

function split(text: Value, separator: Value): readonly string[] {
  return text === '' ? [] : (text as string).split(separator as string).map(wellFormed)
}

const SPLIT_INDEX: ScalarFunction = {
  resolve: withoutBareNull((site) => {
    const byText = bySignature([TEXT, TEXT, SMALL_INTEGER], STRING, 'nullable')
    return byText(site) ?? bySignature([TEXT, SMALL_INTEGER, SMALL_INTEGER], STRING, 'nullable')(site)
  }),
  make: () => splitIndex,
}

/** Splits as Java's `split` does, by a pattern. @param most How many parts there are at most; 0: as many as there are, without the empty ones at the end. */
function splitter(most: 0 | 2): (text: string, separator: string) => readonly string[] {
  const read = patternReader()
  return (text, separator) => {
    const pattern = read(separator)
    if (pattern === undefined) throw new RangeError(`STR_TO_MAP splits by patterns, which ${JSON.stringify(separator)} is not`)
    const parts: string[] = []
    let at = 0
    for (const [start, end] of pattern.findAll(text)) {
      // Nothing in front of the text is no part of it.
      if (end === 0) continue
      parts.push(text.slice(at, start))
      at = end
      if (parts.length + 1 === most) break
    }
    if (at === 0 && parts.length === 0) return [text]
    parts.push(text.slice(at))
    if (most === 0) while (parts.at(-1) === '') parts.pop()
    return parts
  }
}

function strToMap(): ScalarCode {
  const [splitPairs, splitPair] = [splitter(0), splitter(2)]
  return (text, pairSeparator = ',', keySeparator = '=') => {
    if (text === '') return []
    const map = new Map<string, string | null>()
    for (const pair of splitPairs(text as string, pairSeparator as string)) {
      const [key, value] = splitPair(pair, keySeparator as string)
      map.set(wellFormed(value === undefined ? pair : key), value === undefined ? null : wellFormed(value))
    }
    return [...map]
  }
}

const STR_TO_MAP: ScalarFunction = {
  resolve: withoutBareNull((site) => (site.operands.length === 2 ? undefined : bySignature([TEXT, TEXT, TEXT], TEXT_MAP, 'nullable', 1)(site))),
  make: strToMap,
}

/** The n-th operand behind the first, from 1. */
const ELT: ScalarFunction = {
  resolve({ operands: [index, ...choices] }) {
    if (index?.type === undefined || index.type.kind !== 'INT' || choices.length === 0) return undefined
    if (typeof index.literal === 'number' && index.literal < 0) return undefined
    const known = choices.flatMap(({ type }) => type ?? [])
    if (!known.every(isText) && !known.every(isBinary)) return undefined
    // A NULL may be of any length.
    const varying = known.length < choices.length && known.length > 0 ? [{ ...known[0], kind: isText(known[0]) ? 'VARCHAR' : 'VARBINARY' } as LogicalType] : []
    const type =
      known.length === 0 ? ({ kind: 'VARCHAR', length: 1, nullable: true } as const) : [...varying, ...known].reduce((left, right) => commonType(left, right)!)
    const operandTypes = [withNullability(INT, index.type.nullable), ...choices.map((choice) => choice.type ?? withNullability(type, true))]
    return { type: withNullability(type, true), operandTypes }
  },
  isStrict: false,
  make:
    () =>
    (index, ...choices) =>
      index === null || (index as number) < 1 ? null : (choices[(index as number) - 1] ?? null),
}

const POSITION: ScalarFunction = {
  resolve: withoutBareNull(bySignature([TEXT, TEXT, SMALL_INTEGER], INT, 'strict', 2)),
  make:
    () =>
    (part, text, from = 1) =>
      placeOf(part as string, text as string, from as number),
}

export const TEXT_SEARCH_FUNCTIONS: FunctionTable = {
  POSITION,
  LOCATE: POSITION,
  INSTR: {
    resolve: withoutBareNull(bySignature([TEXT, TEXT, SMALL_INTEGER, SMALL_INTEGER], INT, 'strict', 2)),
    make:
      () =>
      (text, part, start = 1, nth = 1) =>
        nthPlace(text as string, part as string, start as number, nth as number),
  },
  STARTSWITH: affix(
    (text, part) => text.startsWith(part),
    (bytes, part) => bytes.subarray(0, part.length).equals(part),
  ),
  ENDSWITH: affix(
    (text, part) => text.endsWith(part),
    (bytes, part) => part.length <= bytes.length && bytes.subarray(bytes.length - part.length).equals(part),
  ),
  SPLIT: { resolve: bySignature([TEXT, TEXT], TEXTS), make: () => split },
  SPLIT_INDEX,
  STR_TO_MAP,
  ELT,
}
