// Random expressions as texts over a table with a column of nearly every type, and rows for it. Many fit their types; calls of functions that are drawn by
// their names often do not, and are refused.

import { Decimal, type LogicalType, Schema, withNullability } from '../../src/batch/types.ts'
import { SCALAR_FUNCTIONS } from '../../src/sql/functions/functions.ts'
import type { Value } from '../../src/sql/value.ts'
import { typeOf } from '../fixtures/answers.ts'
import { Draws } from './seeds.ts'

/** Families of types whose members meet in comparisons and arithmetic. */
type Family = 'number' | 'text' | 'truth' | 'time' | 'bytes' | 'list'

interface TableColumn {
  readonly name: string
  readonly type: LogicalType
  readonly family: Family
}

const column = (name: string, text: string, family: Family): TableColumn => ({
  name,
  family,
  type: withNullability(typeOf(text.replace(/ NOT NULL$/, '')), !text.endsWith(' NOT NULL')),
})

/** Names say the type; those with an N behind are never NULL. */
export const COLUMNS: readonly TableColumn[] = [
  column('b', 'BOOLEAN', 'truth'),
  column('b2', 'BOOLEAN', 'truth'),
  column('bN', 'BOOLEAN NOT NULL', 'truth'),
  column('i8', 'TINYINT', 'number'),
  column('i16', 'SMALLINT', 'number'),
  column('i32', 'INT', 'number'),
  column('i32N', 'INT NOT NULL', 'number'),
  column('i64', 'BIGINT', 'number'),
  column('i64N', 'BIGINT NOT NULL', 'number'),
  column('f32', 'FLOAT', 'number'),
  column('f64', 'DOUBLE', 'number'),
  column('d5', 'DECIMAL(5, 2)', 'number'),
  column('d18', 'DECIMAL(18, 4)', 'number'),
  column('d38', 'DECIMAL(38, 10)', 'number'),
  column('s', 'STRING', 'text'),
  column('s2', 'STRING', 'text'),
  column('sN', 'STRING NOT NULL', 'text'),
  column('ch', 'CHAR(3)', 'text'),
  column('vc', 'VARCHAR(5)', 'text'),
  column('by', 'BYTES', 'bytes'),
  column('dt', 'DATE', 'time'),
  column('tm', 'TIME(0)', 'time'),
  column('ts', 'TIMESTAMP(3)', 'time'),
  column('ts2', 'TIMESTAMP(3)', 'time'),
  column('ts9', 'TIMESTAMP(9)', 'time'),
  column('tz', 'TIMESTAMP_LTZ(3)', 'time'),
  column('ivd', 'INTERVAL DAY TO SECOND', 'time'),
  column('ivm', 'INTERVAL YEAR TO MONTH', 'time'),
  column('li', 'ARRAY<INT>', 'list'),
  column('ls', 'ARRAY<STRING>', 'list'),
  column('mp', 'MAP<STRING, INT>', 'list'),
  column('rw', 'ROW<a INT, t STRING, z DECIMAL(10, 2)>', 'list'),
]

export const TABLE = new Schema(COLUMNS.map(({ name, type }) => ({ name, type })))

const TEXTS = [
  ...[
    '',
    'a',
    'ab',
    'abc',
    'ABC',
    ' a ',
    'Äöü',
    '日本',
    '😀',
    'a%b',
    'a_b',
    '12',
    '-7',
    '3.5',
    '1e3',
    'true',
    'FALSE',
    '2024-02-29',
    '2024-02-29 12:30:15.123',
  ],
  ...[
    '12:30:15',
    '{"a": [1, 2, {"b": null}]}',
    '[1]',
    'https://a.example/x/y?q=1&r=2',
    'k1=v1,k2=v2',
    'aGVsbG8=',
    '6869',
    '10.0.0.1',
    'yyyy-MM-dd',
    '(a)(b)?',
    '$.a',
    '\n',
  ],
  // Longer than the steps of kernels, with what is not ASCII in the first, a later and no step.
  ...[
    'https://www.example.com/abc/defg/hij/item.htm?query=1&channel_id=1234',
    'aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaab',
    'ÄAAAAAAAAAAAAAAAbbbbbbbbbbbbbbbbCCCCCCCCCCCCCCCC',
    'aaaaaaaaaaaaaaaaaaaa/😀/bbbbbbbbbbbbbbbb//日本/ab',
    '  aab  ab/ab//ab   ',
  ],
]
/** What columns hold beside them: letters, delimiters and a few that are not ASCII, in any order. */
const MIXED = Array.from({ length: 60 }, (_, seed) => {
  const draws = new Draws(seed)
  const letters = Array.from(seed % 2 === 0 ? 'aaabbBc/=& 1' : 'aab/=Ä日😀İ')
  return draws.list(0, 50, () => draws.pick(letters)).join('')
})
const SMALL = [0, 1, -1, 2, 3, 7, -8, 100, 127, -128]
const BIG = [2n ** 31n - 1n, -(2n ** 31n), 2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 3n, 2n ** 63n - 1n, -(2n ** 63n), 9_999_999_999n]
const REALS = [0, -0, 1, -1, 0.5, -2.25, 1e-7, 1e10, 123_456.789, 2 ** 53, 1e300, Infinity, -Infinity, Number.NaN]
const TIMES_MS = [0, 1, -1, 86_400_000, 1_709_209_815_123, -62_135_596_800_000, 253_402_300_799_999, 951_782_400_000, 1_735_689_599_999]

function randomValue(draws: Draws, type: LogicalType): Value {
  if (type.nullable && draws.once(5)) return null
  const whole = (bits: number): bigint => {
    const value = draws.once(3) ? draws.pick(BIG) : draws.once(3) ? BigInt(draws.integer(2 ** 40)) : BigInt(draws.pick(SMALL))
    return BigInt.asIntN(bits, value)
  }
  switch (type.kind) {
    case 'BOOLEAN':
      return draws.once(2)
    case 'TINYINT':
      return Number(whole(8))
    case 'SMALLINT':
      return Number(whole(16))
    case 'INT':
      return Number(whole(32))
    case 'BIGINT':
      return whole(64)
    case 'FLOAT':
      return Math.fround(draws.pick(REALS))
    case 'DOUBLE':
      return draws.pick(REALS)
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision)
      const unscaled = draws.once(3) ? (limit - 1n) * (draws.once(2) ? 1n : -1n) : whole(64) % limit
      return new Decimal(unscaled, type.scale)
    }
    case 'CHAR':
      return draws.pick(['abc', 'ab ', '   ', '12 ', 'é日z'])
    case 'VARCHAR':
      return Array.from(draws.pick([...TEXTS, ...MIXED]))
        .slice(0, type.length)
        .join('')
    case 'VARBINARY':
      return Uint8Array.from(draws.list(0, 4, () => draws.integer(256)))
    case 'DATE':
      return Math.floor(draws.pick(TIMES_MS) / 86_400_000)
    case 'TIME':
      return draws.integer(86_400) * 1000
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const ms = draws.pick(TIMES_MS)
      return type.precision <= 3 ? ms : BigInt(ms) * 1_000_000n + BigInt(draws.pick([0, 1, 999_999]))
    }
    case 'INTERVAL_DAY_TIME':
      return draws.pick([0, 1, -1000, 3_600_000, 90_061_001, -86_400_000])
    case 'INTERVAL_YEAR_MONTH':
      return draws.pick([0, 1, -1, 12, 25, -120])
    case 'ARRAY':
      return draws.list(0, 3, () => randomValue(draws, type.element))
    case 'MAP':
      return [...new Set(draws.list(0, 3, () => draws.pick(['', 'a', 'b', 'k1'])))].map((key) => [key, randomValue(draws, type.value)])
    case 'ROW':
      return type.fields.map((field) => randomValue(draws, field.type))
    default:
      throw new Error(type.kind)
  }
}

export function randomRows(draws: Draws, count: number): readonly (readonly Value[])[] {
  return Array.from({ length: count }, () => TABLE.fields.map(({ type }) => randomValue(draws, type)))
}

/** Whether a function gives the same for the same. */
const FUNCTIONS = [...SCALAR_FUNCTIONS].flatMap(([name, { isDeterministic }]) => (isDeterministic === false ? [] : [name]))
const TYPES = [
  ...['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL(5, 2)', 'DECIMAL(10)', 'DECIMAL(18, 4)', 'DECIMAL(38, 10)'],
  ...['STRING', 'CHAR(3)', 'VARCHAR(4)', 'BYTES', 'DATE', 'TIME(0)', 'TIMESTAMP(3)', 'TIMESTAMP(0)', 'TIMESTAMP(9)', 'TIMESTAMP_LTZ(3)'],
]
const UNITS = ['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'MILLISECOND']
const PATTERNS = ['%', '_', 'a%', '%b', 'a_b', '%b%', 'A%', '', '%a%b', '_b%', '%_', '%ab/%b', '%日%', '%%', 'a', '__%a']
/** Parts of texts, none of them empty. */
const PARTS = ['/', 'a', ',', 'ab', '//', 'b', 'aa', '日', '=', '😀', 'aaaaaaaaaaaaaaaa', 'channel_id']
const REGULAR = [
  ...['(&|^)channel_id=([^&]*)', 'a*b', '(a+)(b*)', '[^/]+/([^/]*)', '^https?://([^/]+)(/.*)?$', 'a|ab', '(ab|a)(b?)', '\\bab\\b', '(a*)*b', '(?:a|b)*/'],
  ...['[[:alpha:]]', '(\\d+)', 'x?', '(?i)ABC', 'ab{1,2}', '(.)(.)$', 'a.*?b', '日', '(a)|b', '^', '\\Bb', '(aa?)*?b', '(unclosed'],
]
const MOST_DEEP = 4

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Makes expressions. */
export class ExpressionMaker {
  readonly #draws: Draws

  constructor(draws: Draws) {
    this.#draws = draws
  }

  any(depth = 0): string {
    return this.#of(this.#draws.pick(['number', 'number', 'truth', 'truth', 'text', 'time', 'bytes', 'list']), depth)
  }

  /** What a filter takes. */
  truth(depth = 0): string {
    return this.#of('truth', depth)
  }

  /** Conditions of which all have to hold; most ask for texts. */
  conjunction(): string {
    const draws = this.#draws
    return draws.list(1, 3, () => (draws.once(3) ? this.truth(2) : this.#comparison('text', 2))).join(' AND ')
  }

  /** A text that kernels compute, or one chosen among such. */
  text(): string {
    const draws = this.#draws
    return draws.once(3) ? this.#choice('text', 2) : this.#text(1)
  }

  #of(family: Family, depth: number): string {
    const draws = this.#draws
    if (depth >= MOST_DEEP || draws.once(4)) return draws.once(3) ? this.#literal(family) : this.#column(family)
    // Whatever it gives.
    if (draws.once(6)) return this.#blind(depth)
    const next = depth + 1
    const sub = (of: Family): string => this.#of(of, next)
    if (draws.once(7)) return this.#choice(family, next)
    switch (family) {
      case 'number':
        return draws.pick([
          () => `(${sub('number')} ${draws.pick(['+', '-', '*', '/', '%'])} ${sub('number')})`,
          () => `(${sub('number')} ${draws.pick(['+', '-', '*'])} ${sub('number')})`,
          () => `(-${sub('number')})`,
          () => `${draws.pick(['ABS', 'SIGN', 'FLOOR', 'CEIL', 'ROUND', 'SQRT', 'EXP', 'LN'])}(${sub('number')})`,
          () => `MOD(${sub('number')}, ${sub('number')})`,
          () => `CAST(${sub(draws.pick(['number', 'number', 'text', 'truth', 'time']))} AS ${this.#type('number')})`,
          () => `TRY_CAST(${sub('text')} AS ${this.#type('number')})`,
          () => `CHAR_LENGTH(${sub('text')})`,
          () => `CHAR_LENGTH(${this.#text(next)})`,
          () => (draws.once(2) ? `POSITION(${quoted(this.#part())} IN ${this.#text(next)})` : `LOCATE(${quoted(this.#part())}, ${this.#text(next)})`),
          () => `INSTR(${this.#text(next)}, ${quoted(this.#part())})`,
          () => `EXTRACT(${draws.pick(UNITS)} FROM ${sub('time')})`,
          () => `${draws.pick(['HOUR', 'MINUTE', 'SECOND'])}(${draws.once(2) ? this.#column('time') : sub('time')})`,
          () => `TIMESTAMPDIFF(${draws.pick(UNITS)}, ${sub('time')}, ${sub('time')})`,
          () => `CARDINALITY(${sub('list')})`,
          () => draws.pick(['rw.a', 'rw.z', "mp['a']", 'li[1]']),
        ])()
      case 'text':
        return draws.pick([
          () => `(${sub('text')} || ${sub('text')})`,
          () => `${draws.pick(['UPPER', 'LOWER', 'TRIM', 'REVERSE', 'INITCAP', 'LTRIM', 'RTRIM', 'MD5'])}(${sub('text')})`,
          () => `SUBSTRING(${sub('text')} FROM ${this.#small()} FOR ${this.#small()})`,
          () => `REPLACE(${sub('text')}, ${sub('text')}, ${sub('text')})`,
          () => `SPLIT_INDEX(${sub('text')}, ${quoted(draws.pick(['/', 'a', ',']))}, ${this.#small()})`,
          () => `CAST(${sub(draws.pick(['number', 'truth', 'time', 'text', 'bytes']))} AS ${this.#type('text')})`,
          () => `DATE_FORMAT(${sub('time')}, ${quoted(draws.pick(['yyyy-MM-dd', 'HH:mm', 'yyyy', 'EEE dd MMM']))})`,
          () => draws.pick(['rw.t', 'ls[1]']),
          () => this.#text(next),
          () => this.#text(next),
        ])()
      case 'truth':
        return draws.pick([
          () => `(${sub('truth')} ${draws.pick(['AND', 'OR'])} ${sub('truth')})`,
          () => `(NOT ${sub('truth')})`,
          () => `(${sub('truth')} IS ${draws.pick(['', 'NOT '])}${draws.pick(['TRUE', 'FALSE', 'UNKNOWN'])})`,
          () => this.#comparison(draws.pick(['number', 'number', 'text', 'time', 'truth']), next),
          () => this.#comparison('number', next),
          () => `(${this.#of(draws.pick(['number', 'text', 'time', 'bytes', 'list']), next)} IS ${draws.pick(['', 'NOT '])}NULL)`,
          () => `(${sub('text')} ${draws.pick(['', 'NOT '])}LIKE ${quoted(draws.pick(PATTERNS))})`,
          () => this.#among(draws.pick(['number', 'text', 'time']), next),
          () => `(${this.#text(next)} ${draws.pick(['=', '<>', '<', '<=', '>', '>='])} ${this.#text(next)})`,
          () => this.#comparison('text', next),
          () => `(${this.#text(next)} ${draws.pick(['', 'NOT '])}IN (${draws.list(1, draws.pick([3, 20]), () => quoted(draws.pick(TEXTS))).join(', ')}))`,
          () => `(${this.#text(next)} LIKE ${draws.once(3) ? `${quoted(draws.pick(['a!%%', '%!_b', '!!']))} ESCAPE '!'` : quoted(draws.pick(PATTERNS))})`,
          () => `REGEXP(${this.#text(next)}, ${quoted(draws.pick(REGULAR))})`,
          () => `${draws.pick(['STARTSWITH', 'ENDSWITH'])}(${this.#text(next)}, ${quoted(this.#part())})`,
          () => `(${sub('number')} ${draws.pick(['', 'NOT '])}BETWEEN ${draws.pick(['', 'SYMMETRIC '])}${sub('number')} AND ${sub('number')})`,
          () => `CAST(${sub(draws.pick(['number', 'text', 'truth']))} AS BOOLEAN)`,
        ])()
      case 'time':
        return draws.pick([
          () => `(${sub('time')} ${draws.pick(['+', '-'])} ${this.#interval()})`,
          () => `CAST(${sub(draws.pick(['time', 'time', 'text', 'number']))} AS ${this.#type('time')})`,
          () => `${draws.pick(['FLOOR', 'CEIL'])}(${sub('time')} TO ${draws.pick(UNITS)})`,
          () => `TIMESTAMPADD(${draws.pick(UNITS)}, ${this.#small()}, ${sub('time')})`,
          () => `TO_TIMESTAMP(${sub('text')})`,
          () => this.#column('time'),
        ])()
      case 'bytes':
        return draws.once(2) ? `CAST(${sub('text')} AS BYTES)` : `ENCODE(${sub('text')}, 'utf-8')`
      case 'list':
        return draws.pick([
          () => `ARRAY[${sub('number')}, ${sub('number')}]`,
          () => `MAP[${sub('text')}, ${sub('number')}]`,
          () => `ROW(${sub('number')}, ${sub('text')})`,
          () => `ARRAY_DISTINCT(${this.#column('list')})`,
          () => this.#column('list'),
        ])()
    }
  }

  /** A text that kernels compute: functions of a column, or of another one, whose other operands are literals. */
  #text(depth: number): string {
    const draws = this.#draws
    if (depth >= MOST_DEEP || draws.once(3)) return draws.once(8) ? 'rw.t' : this.#column('text')
    const of = this.#text(depth + 1)
    const count = (): number => draws.pick([0, 1, 2, 3, 5, 17, -1, -2, -4])
    return draws.pick([
      () => `${draws.pick(['UPPER', 'LOWER', 'TRIM', 'LTRIM', 'RTRIM', 'BTRIM'])}(${of})`,
      () => `TRIM(${draws.pick(['BOTH', 'LEADING', 'TRAILING'])} ${quoted(draws.pick(['a', ' ab', '日', '']))} FROM ${of})`,
      () => `${draws.pick(['LTRIM', 'RTRIM', 'BTRIM'])}(${of}, ${quoted(draws.pick(['a', ' ab', 'é', '/']))})`,
      () => `SPLIT_INDEX(${of}, ${draws.once(5) ? draws.pick([47, 97, 233, 0]) : quoted(this.#part())}, ${count()})`,
      () => `SUBSTRING(${of} FROM ${count()}${draws.once(2) ? '' : ` FOR ${count()}`})`,
      () => `${draws.pick(['LEFT', 'RIGHT'])}(${of}, ${count()})`,
      () => `REPLACE(${of}, ${quoted(this.#part())}, ${quoted(draws.pick(['', 'x', 'aa', '日本', 'abcabcabcabcabcabcabcabcabcabcabcabcabc']))})`,
      () => `(${of} || ${draws.once(2) ? quoted(draws.pick(TEXTS)) : this.#text(depth + 1)})`,
      () => `CONCAT(${quoted(draws.pick(TEXTS))}, ${of}, ${this.#column('text')})`,
      () => `REGEXP_EXTRACT(${of}, ${quoted(draws.pick(REGULAR))}, ${draws.pick([0, 1, 2, 3, -1])})`,
      () => `REGEXP_SUBSTR(${of}, ${quoted(draws.pick(REGULAR))})`,
      () => `CAST(${of} AS STRING)`,
    ])()
  }

  #part(): string {
    const draws = this.#draws
    return draws.once(8) ? '' : draws.pick(PARTS)
  }

  #comparison(family: Family, depth: number): string {
    if (family === 'text' && this.#draws.once(2)) return `(${this.#text(depth)} ${this.#draws.pick(['=', '<>', '<', '>='])} ${quoted(this.#draws.pick(TEXTS))})`
    const operator = this.#draws.pick(['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])
    return `(${this.#of(family, depth)} ${operator} ${this.#of(family, depth)})`
  }

  #among(family: Family, depth: number): string {
    const draws = this.#draws
    return `(${this.#of(family, depth)} ${draws.pick(['', 'NOT '])}IN (${draws.list(1, 4, () => (draws.once(6) ? 'NULL' : this.#literal(family))).join(', ')}))`
  }

  #choice(family: Family, depth: number): string {
    const draws = this.#draws
    const sub = (): string => this.#of(family, depth)
    const truth = (): string => this.#of('truth', depth)
    return draws.pick([
      () => `CASE ${draws.list(1, 3, () => `WHEN ${truth()} THEN ${sub()}`).join(' ')}${draws.once(3) ? '' : ` ELSE ${sub()}`} END`,
      () => `CASE ${this.#of('number', depth)} WHEN ${this.#literal('number')} THEN ${sub()} ELSE ${sub()} END`,
      () => `COALESCE(${draws.list(1, 3, sub).join(', ')})`,
      () => `IFNULL(${sub()}, ${sub()})`,
      () => `IF(${truth()}, ${sub()}, ${sub()})`,
      () => `NULLIF(${sub()}, ${sub()})`,
      () => `${draws.pick(['GREATEST', 'LEAST'])}(${draws.list(1, 3, sub).join(', ')})`,
    ])()
  }

  /** A function that is drawn by its name, of operands that may not be for it. */
  #blind(depth: number): string {
    const draws = this.#draws
    const families: readonly Family[] = ['number', 'text', 'text', 'truth', 'time', 'bytes', 'list']
    return `${draws.pick(FUNCTIONS)}(${draws.list(0, 3, () => this.#of(draws.pick(families), depth + 2)).join(', ')})`
  }

  #column(family: Family): string {
    return this.#draws.pick(COLUMNS.filter((column) => column.family === family)).name
  }

  /** Times that are further away than columns hold come of larger ones: Flink's overflow. */
  #small(): string {
    return this.#draws.once(3) ? 'i8' : String(this.#draws.pick([0, 1, 2, 3, -1]))
  }

  #interval(): string {
    const draws = this.#draws
    if (draws.once(3)) return draws.pick(['ivd', 'ivm'])
    return `INTERVAL '${draws.integer(40)}' ${draws.pick(['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND'])}`
  }

  #type(family: Family): string {
    const of = TYPES.filter((text) => {
      switch (family) {
        case 'number':
          return /INT$|^FLOAT|^DOUBLE|^DEC/.test(text)
        case 'text':
          return /^STRING|CHAR/.test(text)
        default:
          return /^DATE|^TIME/.test(text)
      }
    })
    return this.#draws.pick(of)
  }

  #literal(family: Family): string {
    const draws = this.#draws
    switch (family) {
      case 'number':
        return draws.pick([
          () => `(${draws.pick(SMALL)})`,
          () => `(${draws.pick(BIG)})`,
          () => `(${draws.pick(['0.5', '1.25', '-3.999', '1000000.001', '0.0000001', '12345678901234567890.5'])})`,
          () => `(${draws.pick(['1e0', '-2.5e3', '1e-5', '1e20'])})`,
          () => `CAST(NULL AS ${this.#type('number')})`,
          () => `CAST(${draws.pick(SMALL)} AS ${this.#type('number')})`,
        ])()
      case 'text':
        return draws.once(8) ? 'CAST(NULL AS STRING)' : quoted(draws.pick(TEXTS))
      case 'truth':
        return draws.pick(['TRUE', 'FALSE', 'UNKNOWN', 'CAST(NULL AS BOOLEAN)'])
      case 'time':
        return draws.pick([
          ...["DATE '2024-02-29'", "TIME '12:30:15'", "TIMESTAMP '2024-02-29 12:30:15.123'", "TIMESTAMP '1969-12-31 23:59:59.999999'"],
          'CAST(NULL AS TIMESTAMP(3))',
        ])
      case 'bytes':
        return draws.pick(["x'0aff'", "x''"])
      case 'list':
        return draws.pick(['ARRAY[1, 2]', "ARRAY['a']", "MAP['a', 1]", "ROW(1, 'a')"])
    }
  }
}
