// Functions of dates, times, timestamps and intervals: their fields, rounding, differences, and the current time.

import { type LogicalType, withNullability } from '../../batch/types.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { addInterval, instantIn } from '../time-arithmetic.ts'
import { fieldReader, hasField, isRoundingUnit, rounding } from '../time-fields.ts'
import { UNIT_VALUES } from '../time-literals.ts'
import { addMonths, civilOf, MS_PER_DAY, splitTimestamp } from '../times.ts'
import { commonType, isExact, isInterval } from '../type-rules.ts'
import { compareValues, type Value } from '../value.ts'
import { type Zone, zoneOf } from '../zones.ts'
import { NUMBER_FUNCTIONS } from './numbers.ts'
import { BIGINT, type EvaluationContext, type FunctionTable, INT, type ScalarFunction, type SiteOperand } from './scalar-function.ts'
import { TIME_TEXT_FUNCTIONS } from './time-texts.ts'

const TIMESTAMP_DEFAULT: LogicalType = { kind: 'TIMESTAMP', precision: 6, nullable: true }
const MONTH_UNITS: Readonly<Record<string, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12, DECADE: 120, CENTURY: 1200, MILLENNIUM: 12_000 }
const ADDED_MS: Readonly<Record<string, number>> = { ...UNIT_VALUES, MILLISECOND: 1 }
/** What a second has of what is shorter. */
const PARTS_OF_SECOND: Readonly<Record<string, number>> = { MILLISECOND: 1000, MICROSECOND: 1_000_000, NANOSECOND: 1_000_000_000 }

function unitOf(operand: SiteOperand | undefined): string {
  return typeof operand?.literal === 'string' ? operand.literal : ''
}

function isDateTime({ kind }: LogicalType): boolean {
  return kind === 'DATE' || kind === 'TIME' || isStamp(kind)
}

function isStamp(kind: LogicalType['kind']): boolean {
  return kind === 'TIMESTAMP' || kind === 'TIMESTAMP_LTZ'
}

// ---- fields ----

const EXTRACT: ScalarFunction = {
  resolve({ operands: [unit, of, ...rest] }) {
    if (of?.type === undefined || rest.length > 0 || !hasField(unitOf(unit), of.type)) return undefined
    return { type: withNullability(BIGINT, of.type.nullable) }
  },
  make({ operands: [unit, of] }, context) {
    if (unit.kind !== 'literal') return undefined
    const read = fieldReader(unit.value as string, of.type, zoneOf(context.timeZone))
    return (_unit, value) => read(value)
  },
}

/** EXTRACT of one unit. */
function field(unit: string): ScalarFunction {
  return {
    resolve({ operands: [of, ...rest] }) {
      if (of?.type === undefined || rest.length > 0 || !hasField(unit, of.type)) return undefined
      return { type: withNullability(BIGINT, of.type.nullable) }
    },
    make: ({ operands: [of] }, context) => fieldReader(unit, of.type, zoneOf(context.timeZone)),
  }
}

/** FLOOR and CEIL, which are functions of numbers too. */
function rounded(isUp: boolean): ScalarFunction {
  const ofNumber = NUMBER_FUNCTIONS[isUp ? 'CEIL' : 'FLOOR']
  return {
    resolve(site) {
      const [of, unit] = site.operands
      if (site.operands.length !== 2) return ofNumber.resolve(site)
      return of.type !== undefined && isDateTime(of.type) && isRoundingUnit(unitOf(unit)) ? { type: of.type } : undefined
    },
    make(call, context) {
      const [of, unit] = call.operands
      if (unit === undefined) return isInterval(of.type) ? undefined : ofNumber.make(call, context)
      const word = unit.kind === 'literal' ? String(unit.value) : ''
      // A TIME has no years; what Flink makes of them is arbitrary.
      const fits = of.type.kind === 'TIME' ? hasField(word, of.type) || word === 'DAY' : isRoundingUnit(word)
      return fits ? rounding(word, isUp, of.type, zoneOf(context.timeZone)) : undefined
    },
  }
}

// ---- sums and differences ----

const TIMESTAMPADD: ScalarFunction = {
  resolve({ operands: [unit, count, time, ...rest] }) {
    const word = unitOf(unit)
    if (count?.type === undefined || time?.type === undefined || rest.length > 0) return undefined
    if (!isExact(count.type) || count.type.kind === 'DECIMAL' || !isDateTime(time.type)) return undefined
    if (MONTH_UNITS[word] === undefined && ADDED_MS[word] === undefined) return undefined
    if (word === 'MILLISECOND' && (time.type.kind === 'DATE' || (time.type.kind === 'TIME' && time.type.precision < 3))) return undefined
    // A DATE has no place for hours.
    const isWhole = MONTH_UNITS[word] !== undefined || ADDED_MS[word] >= MS_PER_DAY
    const type = time.type.kind === 'DATE' && !isWhole ? TIMESTAMP_DEFAULT : word === 'MILLISECOND' ? withMilliseconds(time.type) : time.type
    return { type: withNullability(type, count.type.nullable || time.type.nullable) }
  },
  make({ operands: [unit, , time], type }) {
    if (unit.kind !== 'literal') return undefined
    const word = unit.value as string
    const months = MONTH_UNITS[word]
    const interval: LogicalType = { kind: months === undefined ? 'INTERVAL_DAY_TIME' : 'INTERVAL_YEAR_MONTH', nullable: false }
    const size = months ?? ADDED_MS[word]
    if (time.type.kind === 'DATE' && type.kind === 'TIMESTAMP')
      return (_unit, count, days) => BigInt(instantIn((days as number) * MS_PER_DAY + Number(count) * size)) * 1_000_000n
    return (_unit, count, value) => addInterval(value, time.type, Number(count) * size, interval)
  },
}

function withMilliseconds(type: LogicalType): LogicalType {
  return 'precision' in type && type.kind !== 'DECIMAL' ? { ...type, precision: Math.max(3, type.precision) } : type
}

const TIMESTAMPDIFF: ScalarFunction = {
  resolve({ operands: [unit, from, to, ...rest] }) {
    const word = unitOf(unit)
    if (from?.type === undefined || to?.type === undefined || rest.length > 0 || !isDateTime(from.type) || !isDateTime(to.type)) return undefined
    // Times of the day, and instants, have one with each other only; times then no months.
    if ((from.type.kind === 'TIME') !== (to.type.kind === 'TIME')) return undefined
    if ((from.type.kind === 'TIMESTAMP_LTZ') !== (to.type.kind === 'TIMESTAMP_LTZ')) return undefined
    if (MONTH_UNITS[word] === undefined ? ADDED_MS[word] === undefined && PARTS_OF_SECOND[word] === undefined : from.type.kind === 'TIME') return undefined
    return { type: withNullability(word === 'NANOSECOND' ? BIGINT : INT, from.type.nullable || to.type.nullable) }
  },
  make({ operands: [unit, from, to], type }) {
    if (unit.kind !== 'literal') return undefined
    const word = unit.value as string
    const [fromMs, toMs] = [from, to].map((operand) => millisecondsReader(operand.type))
    const wrap = type.kind === 'BIGINT' ? BigInt : (value: number): number => Number(BigInt.asIntN(32, BigInt(value)))
    const months = MONTH_UNITS[word]
    if (months !== undefined) {
      // Flink counts years for decades here.
      const size = word === 'DECADE' ? MONTH_UNITS.YEAR : months
      return (_unit, start, end) => wrap(Math.trunc(monthsBetween(toMs(end), fromMs(start)) / size))
    }
    // What is shorter than a second is counted in whole ones.
    const parts = PARTS_OF_SECOND[word]
    const size = parts === undefined ? ADDED_MS[word] : 1000
    return (_unit, start, end) => wrap(Math.trunc((toMs(end) - fromMs(start)) / size) * (parts ?? 1))
  },
}

function millisecondsReader({ kind }: LogicalType): (value: Value) => number {
  if (kind === 'DATE') return (value) => (value as number) * MS_PER_DAY
  if (kind === 'TIME') return (value) => value as number
  return (value) => splitTimestamp(value as number).ms
}

/** Whole months by their days; where these meet, the times of the day count. */
function monthsBetween(laterMs: number, earlierMs: number): number {
  const [laterDays, earlierDays] = [Math.floor(laterMs / MS_PER_DAY), Math.floor(earlierMs / MS_PER_DAY)]
  const months = laterDays < earlierDays ? -monthsUpTo(earlierDays, laterDays) : monthsUpTo(laterDays, earlierDays)
  const isEarlier = laterMs - laterDays * MS_PER_DAY < earlierMs - earlierDays * MS_PER_DAY
  return isEarlier && addMonths(earlierDays, months) === laterDays ? months - 1 : months
}

/** So many that adding them does not go beyond the later day. */
function monthsUpTo(later: number, earlier: number): number {
  const [to, from] = [civilOf(later), civilOf(earlier)]
  const months = (to.year - from.year) * 12 + to.month - from.month
  return addMonths(earlier, months) > later ? months - 1 : months
}

/** `(later - earlier) unit`: an interval. */
const MINUS_DATE: ScalarFunction = {
  resolve({ operands }) {
    // Written by its name it may have any.
    if (operands.length !== 3) return undefined
    const [later, earlier, unit] = operands
    if (later.type === undefined || earlier.type === undefined || !isDateTime(later.type) || later.type.kind !== earlier.type.kind) return undefined
    const isMonths = unitOf(unit) === 'YEAR' || unitOf(unit) === 'MONTH'
    if (isMonths && later.type.kind === 'TIME') return undefined
    return { type: { kind: isMonths ? 'INTERVAL_YEAR_MONTH' : 'INTERVAL_DAY_TIME', nullable: later.type.nullable || earlier.type.nullable } }
  },
  make({ operands: [later, earlier], type }) {
    const [laterMs, earlierMs] = [later, earlier].map((operand) => millisecondsReader(operand.type))
    if (type.kind === 'INTERVAL_YEAR_MONTH') return (to, from) => monthsBetween(laterMs(to), earlierMs(from))
    return (to, from) => laterMs(to) - earlierMs(from)
  },
}

/** Whether two periods have a time in common, their ends too: start, end or length, start, end or length. */
const OVERLAPS: ScalarFunction = {
  resolve({ operands }) {
    const types = operands.map(({ type }) => type)
    if (types.length !== 4 || types.includes(undefined)) return undefined
    const [start, , other] = types as LogicalType[]
    const fits = (types as LogicalType[]).every((type, index) => (isDateTime(start) && type.kind === start.kind) || (index % 2 === 1 && isInterval(type)))
    if (!fits) return undefined
    const common = commonType(start, other)
    const nullable = (types as LogicalType[]).some((type) => type.nullable)
    return {
      type: { kind: 'BOOLEAN', nullable },
      operandTypes: (types as LogicalType[]).map((type) => (isInterval(type) ? type : withNullability(common!, type.nullable))),
    }
  },
  make({ operands: [start, end, , otherEnd] }) {
    const endOf = (from: Value, to: Value, { type }: BoundExpression): Value => (isInterval(type) ? addInterval(from, start.type, to as number, type) : to)
    const isBefore = (left: Value, right: Value): boolean => compareValues(left, right) <= 0
    return (first, second, third, fourth) => {
      const [from, to] = [first, endOf(first, second, end)].toSorted(compareValues)
      const [otherFrom, otherTo] = [third, endOf(third, fourth, otherEnd)].toSorted(compareValues)
      return isBefore(from, otherTo) && isBefore(otherFrom, to)
    }
  },
}

// ---- the current time ----

/** A value of the time at which it is asked for. */
function current(type: LogicalType, read: (nowMs: number, zone: Zone) => Value): ScalarFunction {
  return {
    resolve: ({ operands }) => (operands.length === 0 ? { type: withNullability(type, false) } : undefined),
    make(_call, context) {
      const zone = zoneOf(context.timeZone)
      return () => read(context.nowMs(), zone)
    },
    isDeterministic: false,
  }
}

const INSTANT: LogicalType = { kind: 'TIMESTAMP_LTZ', precision: 3, nullable: false }
const CURRENT_TIMESTAMP = current(INSTANT, (nowMs) => nowMs)
const CURRENT_TIME = current({ kind: 'TIME', precision: 0, nullable: false }, (nowMs, zone) => {
  const localMs = zone.toLocal(nowMs)
  return localMs - Math.floor(localMs / MS_PER_DAY) * MS_PER_DAY
})

const CURRENT_WATERMARK: ScalarFunction = {
  resolve({ operands: [time, ...rest] }) {
    if (time?.type === undefined || rest.length > 0 || !isStamp(time.type.kind)) return undefined
    return { type: { kind: time.type.kind as 'TIMESTAMP' | 'TIMESTAMP_LTZ', precision: 3, nullable: true } }
  },
  make: (_call, context: EvaluationContext) => () => {
    const watermark = context.watermarkMs()
    return watermark > 0 && Number.isFinite(watermark) ? watermark : null
  },
  isStrict: false,
  isDeterministic: false,
}

/** ABS is of numbers; Flink has a type for that of intervals, but nothing that computes it. */
const ABS: ScalarFunction = {
  ...NUMBER_FUNCTIONS.ABS,
  make: (call, context) => (isInterval(call.type) ? undefined : NUMBER_FUNCTIONS.ABS.make(call, context)),
}

/** A name that Flink's grammar knows, without a function. */
const NONE: ScalarFunction = { resolve: () => undefined, make: () => undefined }

export const TIME_FUNCTIONS: FunctionTable = {
  ABS,
  EXTRACT,
  YEAR: field('YEAR'),
  QUARTER: field('QUARTER'),
  MONTH: field('MONTH'),
  WEEK: field('WEEK'),
  DAYOFYEAR: field('DOY'),
  DAYOFMONTH: field('DAY'),
  DAYOFWEEK: field('DOW'),
  HOUR: field('HOUR'),
  MINUTE: field('MINUTE'),
  SECOND: field('SECOND'),
  FLOOR: rounded(false),
  CEIL: rounded(true),
  CEILING: rounded(true),
  TIMESTAMPADD,
  TIMESTAMPDIFF,
  MINUS_DATE,
  OVERLAPS,
  CURRENT_DATE: current({ kind: 'DATE', nullable: false }, (nowMs, zone) => Math.floor(zone.toLocal(nowMs) / MS_PER_DAY)),
  CURRENT_TIME,
  LOCALTIME: CURRENT_TIME,
  CURRENT_TIMESTAMP,
  NOW: CURRENT_TIMESTAMP,
  CURRENT_ROW_TIMESTAMP: CURRENT_TIMESTAMP,
  PROCTIME: CURRENT_TIMESTAMP,
  LOCALTIMESTAMP: current({ kind: 'TIMESTAMP', precision: 3, nullable: false }, (nowMs, zone) => zone.toLocal(nowMs)),
  CURRENT_WATERMARK,
  DATE: NONE,
  TIME: NONE,
  TIMESTAMP: NONE,
  ...TIME_TEXT_FUNCTIONS,
}
