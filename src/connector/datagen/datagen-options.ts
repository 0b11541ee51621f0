// The options of the datagen source, under Flink's names, checked against the schema they fill. Plain frozen data, the same on every thread.

import { fail } from '../../base/assert.ts'
import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import { childTypesOf, formatType, LENGTH_MAX, type Field, type LogicalType, type Schema } from '../../batch/types.ts'

/**
 * How the values of one column, or within one, are made. A limit that no number holds exactly is text or a bigint: `'-12.50'`, `2n ** 60n`. An option
 * that the type has no use for is refused.
 */
export interface DatagenFieldOptions {
  /** `sequence` counts from `start` to `end` and bounds the source; only of columns. @default 'random' */
  readonly kind?: 'random' | 'sequence'
  readonly start?: string | number | bigint
  readonly end?: string | number | bigint
  /** Least and greatest value, both included; the type's by default. */
  readonly min?: string | number | bigint
  readonly max?: string | number | bigint
  /** Times lie between this many ms ago and now. @default 0 */
  readonly maxPastMs?: number
  /**
   * Length of texts (hexadecimal digits) and bytes; number of elements of an ARRAY; of a MAP and a MULTISET the most, since equal keys become one.
   *
   * @default that of the type, 100 for STRING and BYTES, 3 for collections
   */
  readonly length?: number
  /** Lengths uniform in 1..length instead of all the same. @default false */
  readonly varLen?: boolean
  /** Share of NULLs, 0..1. @default 0 */
  readonly nullRate?: number
  /** The elements of an ARRAY or a MULTISET. */
  readonly element?: DatagenFieldOptions
  /** The keys of a MAP. */
  readonly key?: DatagenFieldOptions
  /** The values of a MAP. */
  readonly value?: DatagenFieldOptions
  /** The fields of a ROW, by name. */
  readonly fields?: { readonly [name: string]: DatagenFieldOptions }
}

/** Options of `datagenSource`. */
export interface DatagenOptions<C extends string = string> {
  /** Rows a second of wall-clock time; Infinity = as fast as possible. @default 10000 */
  readonly rowsPerSecond?: number
  /** Number of rows; Infinity = without end. @default Infinity */
  readonly rowCount?: number
  /** Decides all that is random; an integer within ±(2^53 - 1). @default 1 */
  readonly seed?: number
  /** By column name; columns without an entry are random. */
  readonly fields?: { readonly [K in C]?: DatagenFieldOptions }
}

/** How one column is made, all questions settled. `id` tells its draws from those of others. */
export type DatagenField = { readonly id: number } & DatagenKind

type DatagenKind =
  | { readonly kind: 'sequence'; readonly start: bigint; readonly nullRate: 0 }
  /** BIGINT, DECIMAL and the like: `min` and `max` in units of the storage. */
  | { readonly kind: 'integer'; readonly min: bigint; readonly max: bigint; readonly nullRate: number }
  | { readonly kind: 'real'; readonly min: number; readonly max: number; readonly nullRate: number }
  | { readonly kind: 'boolean'; readonly nullRate: number }
  | { readonly kind: 'past'; readonly maxPastMs: number; readonly nullRate: number }
  | { readonly kind: 'text' | 'bytes'; readonly length: number; readonly varLen: boolean; readonly nullRate: number }
  /** `children` are the element; key and value (of a MULTISET: how often); the fields. */
  | { readonly kind: 'array' | 'map'; readonly length: number; readonly children: readonly DatagenField[]; readonly nullRate: number }
  | { readonly kind: 'row'; readonly children: readonly DatagenField[]; readonly nullRate: number }

export interface DatagenSettings {
  readonly rowsPerSecond: number
  /** Also the least length of the sequences. */
  readonly rowCount: number
  readonly seed: number
  /** One a column. */
  readonly fields: readonly DatagenField[]
}

const OPTION_NAMES = ['rowsPerSecond', 'rowCount', 'seed', 'fields']
const FIELD_OPTION_NAMES = ['kind', 'start', 'end', 'min', 'max', 'maxPastMs', 'length', 'varLen', 'nullRate', 'element', 'key', 'value', 'fields']
const TEXT_LENGTH_DEFAULT = 100
const COLLECTION_LENGTH_DEFAULT = 3
const COLLECTION_LENGTH_MAX = 1_000_000
const INTEGER_BITS: Record<string, bigint> = { TINYINT: 8n, SMALLINT: 16n, INT: 32n, BIGINT: 64n }
const YEARS = 10_000n
const FLOAT_MAX = 3.4028234663852886e38

/**
 * Settles how every column is made.
 *
 * @throws {PlanError} `UNKNOWN_OPTION`, `UNKNOWN_COLUMN`; `INVALID_OPTION` if an option does not fit its column; `UNSUPPORTED_TYPE` if nothing can
 * fill a column.
 */
export function resolveDatagenOptions(schema: Schema, options: DatagenOptions = {}): DatagenSettings {
  checkNames(options, OPTION_NAMES, '')
  const { rowsPerSecond = 10_000, rowCount = Infinity, seed = 1, fields = {} } = options
  if (!(isNumber(rowsPerSecond) && rowsPerSecond > 0)) refuse('rows-per-second', rowsPerSecond, 'it must be a number above 0')
  if (rowCount !== Infinity && !(Number.isSafeInteger(rowCount) && rowCount >= 0)) refuse('number-of-rows', rowCount, 'it must be an integer of at least 0')
  if (!Number.isSafeInteger(seed)) refuse('millrace.seed', seed, 'it must be an integer within ±(2^53 - 1)')
  for (const name of Object.keys(fields)) schema.requireIndex(name)
  let rows = rowCount
  const resolved = schema.fields.map((field, id): DatagenField => {
    const given = (Object.hasOwn(fields, field.name) ? fields[field.name] : undefined) ?? {}
    if (given.kind !== 'sequence') return resolveRandom(field, given, id)
    checkOptions(field, given, ['kind', 'start', 'end'])
    const { start, length } = resolveSequence(field, given)
    rows = Math.min(rows, length)
    return { kind: 'sequence', start, nullRate: 0, id }
  })
  return Object.freeze({ rowsPerSecond, rowCount: rows, seed, fields: Object.freeze(resolved) })
}

function checkNames(options: object, names: readonly string[], path: string, noun: string = 'option'): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    const near = suggest(name, names)
    throw new PlanError('UNKNOWN_OPTION', `Cannot generate rows with ${path}${name}: there is no such ${noun}`, {
      hint: near === undefined ? `Known ${noun}s: ${names.join(', ')}.` : `Did you mean "${near}"?`,
    })
  }
}

/** Refuses options that are unknown, and those that would do nothing. */
function checkOptions({ name, type }: Field, options: DatagenFieldOptions, useful: readonly (keyof DatagenFieldOptions)[]): void {
  checkNames(options, FIELD_OPTION_NAMES, `fields.${name}.`)
  const { kind = 'random' } = options
  if (kind !== 'random' && kind !== 'sequence') refuse(`fields.${name}.kind`, kind, 'it must be random or sequence')
  for (const option of Object.keys(options) as (keyof DatagenFieldOptions)[]) {
    if (options[option] === undefined || useful.includes(option)) continue
    const made = kind === 'sequence' ? 'a sequence' : `a random ${formatType({ ...type, nullable: true })}`
    throw new PlanError('INVALID_OPTION', `Cannot generate rows with fields.${name}.${option}: ${made} has no use for it`, {
      hint: `Options of ${made}: ${useful.join(', ')}.`,
    })
  }
}

function resolveSequence({ name, type }: Field, options: DatagenFieldOptions): { readonly start: bigint; readonly length: number } {
  if (options.start === undefined || options.end === undefined) refuse(`fields.${name}.kind`, 'sequence', 'a sequence needs start and end')
  const { min, max } = sequenceRange(name, type)
  const start = integerOf(`fields.${name}.start`, options.start, min, max)
  const end = integerOf(`fields.${name}.end`, options.end, min, max)
  if (end < start) refuse(`fields.${name}.end`, options.end, `it must be at least the start, ${start}`)
  const length = end - start + 1n
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`fields.${name}.end`, options.end, 'a sequence has at most 2^53 - 1 rows')
  return { start, length: Number(length) }
}

/** The numbers a sequence may count through, in whole units. */
function sequenceRange(name: string, type: LogicalType): { readonly min: bigint; readonly max: bigint } {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return signedRange(type)
    case 'FLOAT':
    case 'DOUBLE':
      return { min: -(2n ** 53n), max: 2n ** 53n }
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision - type.scale) - 1n
      return { min: -limit, max: limit }
    }
    case 'VARCHAR':
      return { min: -(2n ** 63n), max: 2n ** 63n - 1n }
    default:
      return refuse(`fields.${name}.kind`, 'sequence', `a column of type ${formatType(type)} is only made at random`)
  }
}

function signedRange(type: LogicalType): { readonly min: bigint; readonly max: bigint } {
  if (type.kind === 'BIGINT' && type.safeInteger) return { min: BigInt(Number.MIN_SAFE_INTEGER), max: BigInt(Number.MAX_SAFE_INTEGER) }
  const half = 2n ** (INTEGER_BITS[type.kind] - 1n)
  return { min: -half, max: half - 1n }
}

/** The options that a type has a use for when its values are random. */
function usefulOptions(type: LogicalType): readonly (keyof DatagenFieldOptions)[] {
  switch (type.kind) {
    case 'BOOLEAN':
      return ['kind', 'nullRate']
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return ['kind', 'maxPastMs', 'nullRate']
    case 'CHAR':
    case 'VARCHAR':
    case 'BINARY':
    case 'VARBINARY':
      return ['kind', 'length', 'varLen', 'nullRate']
    case 'ARRAY':
    case 'MULTISET':
      return ['kind', 'length', 'element', 'nullRate']
    case 'MAP':
      return ['kind', 'length', 'key', 'value', 'nullRate']
    case 'ROW':
      return ['kind', 'fields', 'nullRate']
    default:
      return ['kind', 'min', 'max', 'nullRate']
  }
}

/** Where the parts of a column draw from, apart from the columns and from each other. */
function idWithin(id: number, part: number): number {
  return (Math.imul(id + 1, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b)) >>> 4
}

function resolveRandom(field: Field, options: DatagenFieldOptions, id: number): DatagenField {
  if (field.type.kind === 'OBJECT' || field.type.kind === 'VARIANT' || field.type.kind === 'BITMAP')
    throw new PlanError('UNSUPPORTED_TYPE', `Cannot generate the column "${field.name}": datagen makes no values of type ${formatType(field.type)}`)
  checkOptions(field, options, usefulOptions(field.type))
  return { ...resolveKind(field, options, id), id }
}

/** What lies within a column: never a sequence, which would have to know how many elements came before. */
function resolvePart(name: string, type: LogicalType, options: DatagenFieldOptions | undefined, id: number): DatagenField {
  if (options?.kind === 'sequence') refuse(`fields.${name}.kind`, 'sequence', 'what lies within a column is only made at random')
  return resolveRandom({ name, type }, options ?? {}, id)
}

function resolveCollection({ name, type }: Field, options: DatagenFieldOptions, id: number, nullRate: number): DatagenKind {
  const { length = COLLECTION_LENGTH_DEFAULT } = options
  if (!(Number.isSafeInteger(length) && length >= 0 && length <= COLLECTION_LENGTH_MAX))
    refuse(`fields.${name}.length`, length, `it must be an integer in 0..${COLLECTION_LENGTH_MAX}`)
  switch (type.kind) {
    case 'ARRAY':
      return { kind: 'array', length, children: [resolvePart(`${name}.element`, type.element, options.element, idWithin(id, 0))], nullRate }
    case 'MAP':
      return {
        kind: 'map',
        length,
        children: [
          resolvePart(`${name}.key`, type.key, options.key, idWithin(id, 0)),
          resolvePart(`${name}.value`, type.value, options.value, idWithin(id, 1)),
        ],
        nullRate,
      }
    default: {
      const { element } = type as Extract<LogicalType, { kind: 'MULTISET' }>
      const often = { kind: 'integer', min: 1n, max: BigInt(Math.max(1, length)), nullRate: 0, id: idWithin(id, 1) } as const
      return { kind: 'map', length, children: [resolvePart(`${name}.element`, element, options.element, idWithin(id, 0)), often], nullRate }
    }
  }
}

function resolveKind(field: Field, options: DatagenFieldOptions, id: number): DatagenKind {
  const { name, type } = field
  const nullRate = options.nullRate ?? 0
  if (!(isNumber(nullRate) && nullRate >= 0 && nullRate <= 1)) refuse(`fields.${name}.null-rate`, nullRate, 'it must be a number in 0..1')
  if (nullRate > 0 && !type.nullable) refuse(`fields.${name}.null-rate`, nullRate, `the column is ${formatType(type)}`)
  const integers = (min: bigint, max: bigint, scale = 0): DatagenKind => {
    const from = options.min === undefined ? min : integerOf(`fields.${name}.min`, options.min, min, max, scale)
    const to = options.max === undefined ? max : integerOf(`fields.${name}.max`, options.max, min, max, scale)
    if (to < from) refuse(`fields.${name}.max`, options.max, 'it must be at least the minimum')
    return { kind: 'integer', min: from, max: to, nullRate }
  }
  switch (type.kind) {
    case 'BOOLEAN':
      return { kind: 'boolean', nullRate }
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT': {
      const { min, max } = signedRange(type)
      return integers(min, max)
    }
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision) - 1n
      return integers(-limit, limit, type.scale)
    }
    case 'INTERVAL_YEAR_MONTH':
      return integers(0n, 12n * YEARS)
    case 'INTERVAL_DAY_TIME':
      return integers(0n, 12n * YEARS * 30n * 24n * 3_600_000n)
    case 'FLOAT':
    case 'DOUBLE': {
      const limit = type.kind === 'FLOAT' ? FLOAT_MAX : Number.MAX_VALUE
      const min = options.min === undefined ? 0 : realOf(`fields.${name}.min`, options.min, limit)
      const max = options.max === undefined ? limit : realOf(`fields.${name}.max`, options.max, limit)
      if (max < min) refuse(`fields.${name}.max`, options.max, 'it must be at least the minimum')
      return { kind: 'real', min, max, nullRate }
    }
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const maxPastMs = options.maxPastMs ?? 0
      if (!(Number.isSafeInteger(maxPastMs) && maxPastMs >= 0)) refuse(`fields.${name}.max-past`, maxPastMs, 'it must be a duration of at least 0')
      return { kind: 'past', maxPastMs, nullRate }
    }
    case 'CHAR':
    case 'VARCHAR':
    case 'BINARY':
    case 'VARBINARY': {
      const own = type.length === LENGTH_MAX ? TEXT_LENGTH_DEFAULT : type.length
      const length = options.length ?? own
      const isFixed = type.kind === 'CHAR' || type.kind === 'BINARY'
      if (!(Number.isSafeInteger(length) && length >= 1 && length <= type.length)) refuse(`fields.${name}.length`, length, `it must lie in 1..${type.length}`)
      if (isFixed && length !== type.length) refuse(`fields.${name}.length`, length, `the length of ${formatType(type)} is fixed`)
      const varLen = options.varLen ?? false
      if (typeof varLen !== 'boolean') refuse(`fields.${name}.var-len`, varLen, 'it must be true or false')
      if (isFixed && varLen) refuse(`fields.${name}.var-len`, varLen, `the length of ${formatType(type)} is fixed`)
      return { kind: type.kind === 'CHAR' || type.kind === 'VARCHAR' ? 'text' : 'bytes', length, varLen, nullRate }
    }
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
      return resolveCollection(field, options, id, nullRate)
    case 'ROW': {
      const { fields = {} } = options
      const names = type.fields.map((nested) => nested.name)
      checkNames(fields, names, `fields.${name}.`, 'field')
      const children = type.fields.map((nested, index) =>
        resolvePart(`${name}.${nested.name}`, nested.type, Object.hasOwn(fields, nested.name) ? fields[nested.name] : undefined, idWithin(id, index)),
      )
      return { kind: 'row', children, nullRate }
    }
    case 'OBJECT':
    case 'VARIANT':
    case 'BITMAP':
      return fail('a column of any values is refused before')
  }
}

/** Programs in JavaScript may give anything. */
function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function integerOf(key: string, limit: unknown, min: bigint, max: bigint, scale = 0): bigint {
  if (isNumber(limit) && Number.isInteger(limit) && !Number.isSafeInteger(limit))
    refuse(key, limit, 'no number is exact beyond ±(2^53 - 1); give a bigint or text')
  const match = isLimit(limit) ? /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(String(limit).trim()) : null
  const fraction = match?.[3] ?? ''
  if (match === null || fraction.length > scale)
    return refuse(key, limit, scale === 0 ? 'it must be an integer' : `it must be a decimal with at most ${scale} digits behind the point`)
  const magnitude = BigInt(match[2] + fraction.padEnd(scale, '0'))
  const value = match[1] === '-' ? -magnitude : magnitude
  if (value < min || value > max) return refuse(key, limit, `it must lie in ${min}..${max}`)
  return value
}

function realOf(key: string, limit: unknown, absoluteMax: number): number {
  const value = isLimit(limit) ? Number(limit) : Number.NaN
  if (!(Math.abs(value) <= absoluteMax)) return refuse(key, limit, 'it must be a number of the type')
  return value
}

function isLimit(value: unknown): value is string | number | bigint {
  return isNumber(value) || typeof value === 'bigint' || (typeof value === 'string' && value.trim() !== '')
}

const FIELD_KEY = /^fields\.(.+)\.(kind|start|end|min|max|max-past|length|var-len|null-rate)$/
const DURATION_UNITS: Record<string, number> = {
  '': 1,
  ...{ ms: 1, milli: 1, millis: 1, millisecond: 1, milliseconds: 1, s: 1000, sec: 1000, second: 1000, seconds: 1000 },
  ...{
    m: 60_000,
    min: 60_000,
    minute: 60_000,
    minutes: 60_000,
    h: 3_600_000,
    hour: 3_600_000,
    hours: 3_600_000,
    d: 86_400_000,
    day: 86_400_000,
    days: 86_400_000,
  },
}

/**
 * Reads the options of a table whose connector is `datagen`; `connector` itself is skipped. What lies within a column is named as in Flink:
 * `fields.LIST.element.min`, `fields.MAP.key.length`, `fields.ROW.FIELD.max`.
 *
 * @throws {PlanError} `UNKNOWN_OPTION`, `INVALID_OPTION`, `UNKNOWN_COLUMN`.
 */
export function datagenTableOptions(schema: Schema, options: Readonly<Record<string, string>>): DatagenOptions {
  const fields: FieldTree = Object.create(null) as FieldTree
  const table: { rowsPerSecond?: number; rowCount?: number; seed?: number } = {}
  for (const [key, text] of Object.entries(options)) {
    if (key === 'connector' || key === 'scan.parallelism') continue
    if (key === 'rows-per-second') table.rowsPerSecond = numberOf(key, text)
    else if (key === 'number-of-rows') table.rowCount = numberOf(key, text)
    else if (key === 'millrace.seed') table.seed = numberOf(key, text)
    else {
      const match = FIELD_KEY.exec(key)
      if (match === null)
        throw new PlanError('UNKNOWN_OPTION', `Cannot set "${key}" of a datagen table: there is no such option`, {
          hint: 'Known options: rows-per-second, number-of-rows, millrace.seed, fields.NAME.kind, fields.NAME.start, fields.NAME.end, fields.NAME.min, fields.NAME.max, fields.NAME.max-past, fields.NAME.length, fields.NAME.var-len, fields.NAME.null-rate.',
        })
      Object.assign(optionsAt(schema, fields, match[1]), fieldOption(key, match[2], text))
    }
  }
  return { ...table, fields }
}

type FieldNode = Omit<DatagenFieldOptions, 'fields'> & { fields?: FieldTree }
/** By name: the columns of a table, the fields of a ROW, the parts of a collection. */
type FieldTree = Record<string, FieldNode>

/** The options of what a path names, made where there are none. Names may hold points: of those that the path begins with, the longest. */
function optionsAt(schema: Schema, tree: FieldTree, path: string): FieldNode {
  const column = nameAtStart(schema.fields, path) ?? schema.fields[schema.requireIndex(path)]
  let options = (tree[column.name] ??= {})
  let { type } = column
  let rest = path.slice(column.name.length + 1)
  while (rest !== '') {
    const part = nameAtStart(partsOf(type), rest)
    if (part === undefined) throw new PlanError('UNKNOWN_COLUMN', `Cannot set options of "${path}": ${formatType(type)} has no part "${rest}"`)
    const parts: FieldTree = type.kind === 'ROW' ? (options.fields ??= Object.create(null) as FieldTree) : (options as FieldTree)
    options = parts[part.name] ??= {}
    type = part.type
    rest = rest.slice(part.name.length + 1)
  }
  return options
}

function nameAtStart(fields: readonly Field[], path: string): Field | undefined {
  return fields.filter(({ name }) => path === name || path.startsWith(`${name}.`)).toSorted((a, b) => b.name.length - a.name.length)[0]
}

function partsOf(type: LogicalType): readonly Field[] {
  return type.kind === 'MULTISET' ? [{ name: 'element', type: type.element }] : childTypesOf(type)
}

function fieldOption(key: string, option: string, text: string): DatagenFieldOptions {
  switch (option) {
    case 'kind':
      if (text !== 'random' && text !== 'sequence') refuse(key, text, 'it must be random or sequence')
      return { kind: text }
    case 'max-past': {
      const match = /^(\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase())
      const unit = match === null ? undefined : DURATION_UNITS[match[2]]
      if (match === null || unit === undefined) return refuse(key, text, 'it must be a duration like 5 min')
      return { maxPastMs: Number(match[1]) * unit }
    }
    case 'length':
      return { length: numberOf(key, text) }
    case 'null-rate':
      return { nullRate: numberOf(key, text) }
    case 'var-len':
      if (text !== 'true' && text !== 'false') refuse(key, text, 'it must be true or false')
      return { varLen: text === 'true' }
    default:
      return { [option]: text }
  }
}

function numberOf(key: string, text: string): number {
  const value = Number(text)
  return text.trim() === '' || Number.isNaN(value) ? refuse(key, text, 'it must be a number') : value
}

function refuse(key: string, value: unknown, reason: string): never {
  throw new PlanError('INVALID_OPTION', `Cannot generate rows with ${key} = ${String(value)}: ${reason}`)
}
