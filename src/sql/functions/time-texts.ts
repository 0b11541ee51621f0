// Functions between times and texts: DATE_FORMAT, TO_TIMESTAMP and their like. Some take the patterns of Java's DateTimeFormatter, others of
// SimpleDateFormat; a pattern that is none ends the job, unless the function answers with NULL.

import { Decimal, isText, type LogicalType, withNullability } from '../../batch/types.ts'
import { CastError } from '../cast-error.ts'
import { parseDate, parseTimestamp } from '../time-casts.ts'
import { daysOf, joinTimestamp, MS_PER_DAY, splitTimestamp } from '../times.ts'
import { isExact, isNumeric } from '../type-rules.ts'
import type { Value } from '../value.ts'
import { type Zone, zoneOf } from '../zones.ts'
import {
  BIGINT,
  type CallSite,
  type EvaluationContext,
  type FunctionTable,
  type Resolution,
  type ScalarCode,
  type ScalarFunction,
  STRING,
} from './scalar-function.ts'
import { formatSimple, lenientZoneOf, parseSimple } from './simple-time-formats.ts'
import { parseLocalTime } from './time-format-parser.ts'
import { formatLocalTime, localTimeOf, parsePattern, type PatternPart, unitMsOfPattern } from './time-formats.ts'

const SIMPLE_DEFAULT = 'yyyy-MM-dd HH:mm:ss'
const UNPARSABLE = -(2n ** 63n)
/** What Flink makes a DATE of where TO_DATE does not understand a text by its pattern. */
const UNPARSABLE_DATE = daysOf(5471, 9, 27)
const PATTERNS_MAX = 1000
const PLAIN: { readonly kind: 'TIMESTAMP'; readonly precision: number } = { kind: 'TIMESTAMP', precision: 3 }
/** Beyond these years TO_TIMESTAMP_LTZ gives NULL. */
const INSTANT_MIN = daysOf(0, 1, 1) * MS_PER_DAY
const INSTANT_MAX = daysOf(10_000, 1, 1) * MS_PER_DAY - 1

const UTC = zoneOf('UTC')

const patterns = new Map<string, readonly PatternPart[]>()

/** @throws {RangeError} for what is no pattern */
function patternOf(pattern: string): readonly PatternPart[] {
  let parts = patterns.get(pattern)
  if (parts === undefined) {
    parts = parsePattern(pattern)
    if (patterns.size >= PATTERNS_MAX) patterns.clear()
    patterns.set(pattern, parts)
  }
  return parts
}

/** So many texts, all of which have a type. */
function texts(type: LogicalType, least: number, most: number, nullability: 'nullable' | 'strict' = 'nullable'): ScalarFunction['resolve'] {
  return ({ operands }) => {
    if (operands.length < least || operands.length > most) return undefined
    if (!operands.every((operand) => operand.type !== undefined && isText(operand.type))) return undefined
    return { type: withNullability(type, nullability === 'nullable' || operands.some((operand) => operand.type!.nullable)) }
  }
}

// ---- out of times ----

const DATE_FORMAT: ScalarFunction = {
  resolve({ operands: [time, pattern, ...rest] }) {
    if (time?.type === undefined || pattern?.type === undefined || rest.length > 0 || !isText(pattern.type)) return undefined
    return isText(time.type) || time.type.kind === 'TIMESTAMP' || time.type.kind === 'TIMESTAMP_LTZ' ? { type: STRING } : undefined
  },
  make({ operands: [time] }, context) {
    // A text is one of UTC.
    if (isText(time.type))
      return (text, pattern) => {
        const instant = parseSimple(SIMPLE_DEFAULT, text as string, UTC, context.nowMs())
        return instant === undefined ? null : formatSimple(pattern as string, instant, UTC)
      }
    const zone = zoneOf(context.timeZone)
    const isLocal = time.type.kind === 'TIMESTAMP_LTZ'
    // Times that follow each other mostly have the same text.
    let known = { pattern: '', unitMs: 0, unit: NaN, text: '' }
    return (value, pattern) => {
      const { ms, nanos } = splitTimestamp(value as number)
      const localMs = isLocal ? zone.toLocal(ms) : ms
      if (known.pattern === pattern && known.unitMs > 0 && known.unit === Math.floor(localMs / known.unitMs)) return known.text
      const parts = patternOf(pattern as string)
      const text = formatLocalTime(parts, localTimeOf(localMs, nanos))
      const unitMs = unitMsOfPattern(parts)
      known = { pattern: pattern as string, unitMs, unit: Math.floor(localMs / unitMs), text }
      return text
    }
  },
}

const FROM_UNIXTIME: ScalarFunction = {
  resolve({ operands: [seconds, pattern, ...rest] }) {
    if (seconds?.type === undefined || !isExact(seconds.type) || seconds.type.kind === 'DECIMAL' || rest.length > 0) return undefined
    if (pattern !== undefined && (pattern.type === undefined || !isText(pattern.type))) return undefined
    return { type: STRING }
  },
  make(_call, context) {
    const zone = zoneOf(context.timeZone)
    return (seconds, pattern = SIMPLE_DEFAULT) => formatSimple(pattern as string, Number(seconds) * 1000, zone)
  },
}

// ---- into times ----

const TO_DATE: ScalarFunction = {
  resolve: texts({ kind: 'DATE', nullable: true }, 1, 2),
  make: (_call, context) => (text, pattern) => {
    if (pattern === undefined) return parseDate(text as string) ?? null
    const instant = parseSimple(pattern as string, text as string, UTC, context.nowMs())
    return instant === undefined ? UNPARSABLE_DATE : Math.floor(instant / MS_PER_DAY)
  },
}

const TO_TIMESTAMP: ScalarFunction = {
  resolve: texts({ ...PLAIN, nullable: true }, 1, 2),
  make: (_call, context) => (text, pattern) => {
    if (pattern === undefined) return parseTimestamp(text as string, PLAIN, context) ?? null
    return byPattern(text as string, pattern as string) ?? null
  },
}

/** The local milliseconds of a text; undefined if the pattern, or the text, is none. */
function byPattern(text: string, pattern: string): number | undefined {
  const parts = tryPattern(pattern)
  if (parts === undefined) return undefined
  return parseLocalTime(parts, text)?.ms ?? plainTimestamp(text.trim())
}

function tryPattern(pattern: string): readonly PatternPart[] | undefined {
  try {
    return patternOf(pattern)
  } catch {
    return undefined
  }
}

/** What Flink tries where the pattern does not fit: `yyyy-M-d[ H:m:s[.f]]`, whose parts may be too large. */
function plainTimestamp(text: string): number | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?: +(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?)?$/.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0))
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined
  const ms = Math.floor(Number((match[7] ?? '').padEnd(9, '0')) / 1_000_000)
  return (daysOf(year, month, 1) + day - 1) * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + ms
}

const UNIX_TIMESTAMP: ScalarFunction = {
  resolve(site) {
    return site.operands.length === 0 ? { type: withNullability(BIGINT, false) } : texts(BIGINT, 1, 2, 'strict')(site)
  },
  make({ operands }, context) {
    if (operands.length === 0) return () => BigInt(Math.floor(context.nowMs() / 1000))
    const zone = zoneOf(context.timeZone)
    return (text, pattern = SIMPLE_DEFAULT) => {
      const instant = parseSimple(pattern as string, text as string, zone, context.nowMs())
      return instant === undefined ? UNPARSABLE : BigInt(Math.trunc(instant / 1000))
    }
  },
  isDeterministic: false,
}

const CONVERT_TZ: ScalarFunction = {
  resolve: texts(STRING, 3, 3),
  make: (_call, context) => (text, from, to) => {
    const instant = parseSimple(SIMPLE_DEFAULT, text as string, lenientZoneOf(from as string), context.nowMs())
    return instant === undefined ? null : formatSimple(SIMPLE_DEFAULT, instant, lenientZoneOf(to as string))
  },
}

// ---- instants ----

const TO_TIMESTAMP_LTZ: ScalarFunction = {
  resolve(site) {
    const [first, second] = site.operands
    if (first === undefined || site.operands.length > 3) return undefined
    if (first.type === undefined) return site.operands.length === 1 ? { type: instantType(3), operandTypes: [STRING] } : undefined
    if (isText(first.type)) return textInstant(site)
    if (!isNumeric(first.type) || site.operands.length > 2) return undefined
    if (second === undefined) return { type: instantType(3) }
    if (second.type?.kind !== 'INT') return undefined
    const precision = typeof second.literal === 'number' ? second.literal : 3
    return precision < 0 || precision > 9 ? undefined : { type: instantType(precision) }
  },
  make({ operands: [first, second, zone], type }, context) {
    if (type.kind !== 'TIMESTAMP_LTZ') return undefined
    if (isText(first.type)) return second === undefined ? instantOfText(context) : instantOfPattern(zone === undefined)
    const isApproximate = first.type.kind === 'DOUBLE' || first.type.kind === 'FLOAT'
    return (value, precision = 3) => {
      const split = isApproximate ? instantOfDouble(value as number, precision as number) : instantOfWhole(wholeOf(value), precision as number)
      return split.ms < INSTANT_MIN || split.ms > INSTANT_MAX ? null : joinTimestamp(split.ms, split.nanos, type)
    }
  },
}

function textInstant({ operands }: CallSite): Resolution | undefined {
  if (!operands.every((operand) => operand.type !== undefined && isText(operand.type))) return undefined
  const [, pattern, zone] = operands.map(({ literal }) => literal)
  if (typeof zone === 'string' && tryZone(zone) === undefined) return undefined
  if (typeof pattern === 'string' && tryPattern(pattern) === undefined) return undefined
  return { type: instantType(3) }
}

function tryZone(name: string): Zone | undefined {
  try {
    return zoneOf(name)
  } catch {
    return undefined
  }
}

function instantType(precision: number): LogicalType {
  return { kind: 'TIMESTAMP_LTZ', precision: Math.max(3, precision), nullable: true }
}

/** @throws {CastError} from the code, where TO_TIMESTAMP gives NULL */
function instantOfText(context: EvaluationContext): ScalarCode {
  return (text) => {
    const local = parseTimestamp(text as string, PLAIN, context)
    if (local === undefined) throw new CastError(`Cannot cast ${JSON.stringify(text)} to TIMESTAMP_LTZ`)
    return local
  }
}

/** Without a zone the text is one of UTC. */
function instantOfPattern(isUtc: boolean): ScalarCode {
  return (text, pattern, zone) => {
    const local = byPattern(text as string, pattern as string)
    if (local === undefined) return null
    return isUtc ? local : (tryZone(zone as string)?.toInstant(local) ?? null)
  }
}

/** Without what is behind the point. */
function wholeOf(value: Value): bigint {
  if (value instanceof Decimal) return value.unscaled / 10n ** BigInt(value.scale)
  return BigInt(value as number)
}

/** @param precision The value counts units of 10^-precision seconds. */
function instantOfWhole(value: bigint, precision: number): { readonly ms: number; readonly nanos: number } {
  if (precision > 9) return { ms: 0, nanos: 0 }
  return splitTimestamp(value * 10n ** BigInt(9 - precision))
}

function instantOfDouble(value: number, precision: number): { readonly ms: number; readonly nanos: number } {
  if (!Number.isFinite(value)) return { ms: Infinity, nanos: 0 }
  return splitTimestamp(BigInt(Math.trunc(value * 10 ** (9 - precision))))
}

export const TIME_TEXT_FUNCTIONS: FunctionTable = { DATE_FORMAT, FROM_UNIXTIME, TO_DATE, TO_TIMESTAMP, UNIX_TIMESTAMP, CONVERT_TZ, TO_TIMESTAMP_LTZ }
