// Functions that make JSON texts out of values: JSON_OBJECT, JSON_ARRAY, JSON_STRING, and of quotes.

import { isText, type LogicalType, withNullability } from '../../batch/types.ts'
import { variantText } from '../../batch/variant.ts'
import type { BoundCall, BoundExpression } from '../bound-expression.ts'
import { timestampText } from '../times.ts'
import type { Value } from '../value.ts'
import { unescape } from './json-path.ts'
import { JsonError, wholeText } from '../../base/json-reader.ts'
import { decimalOfText, type Json, type JsonToWrite, parseJson, writeJson, WrittenJson } from './json-text.ts'
import { bySignature, type CallSite, type FunctionTable, type Parameter, type Resolution, type ScalarCode, STRING } from './scalar-function.ts'

type Converter = (value: Value) => JsonToWrite
type Values = readonly Value[]

const text: Parameter = { takes: isText, to: () => STRING, type: STRING }
const REQUIRED_STRING = withNullability(STRING, false)
/** Calls whose texts stand in others as what they say, not in quotes. */
const RAW = new Set(['JSON', 'JSON_OBJECT', 'JSON_ARRAY'])

/** Makes JSON of the values of a type; undefined: there is none of them. */
export function jsonConverter(type: LogicalType): Converter | undefined {
  const convert = converterOf(type)
  return convert && ((value) => (value === null ? null : convert(value)))
}

function converterOf(type: LogicalType): Converter | undefined {
  switch (type.kind) {
    case 'CHAR':
    case 'VARCHAR':
    case 'BOOLEAN':
    case 'BIGINT':
    case 'DECIMAL':
      return (value) => value as Json
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
      return (value) => BigInt(value as number)
    case 'FLOAT':
      return (value) => decimalOfText(finite(value as number))
    case 'DOUBLE':
      // Numbers that JSON lacks are texts.
      return (value) => (Number.isFinite(value) ? decimalOfText(value as number) : String(value))
    case 'BINARY':
    case 'VARBINARY':
      return (value) => Buffer.from(value as Uint8Array).toString('base64')
    case 'VARIANT':
      return (value) => new WrittenJson(variantText(value as Uint8Array))
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const zone = type.kind === 'TIMESTAMP' ? '' : 'Z'
      return (value) => timestampText(value as number | bigint).replace(' ', 'T') + zone
    }
    case 'ARRAY': {
      const element = jsonConverter(type.element)
      return element && ((value) => (value as Values).map(element))
    }
    case 'MAP': {
      const of = isText(type.key) ? jsonConverter(type.value) : undefined
      return of && ((value) => new Map((value as readonly Values[]).map(([key, content]) => [keyText(key), of(content)])))
    }
    case 'ROW': {
      const fields = type.fields.map((field) => ({ name: field.name, convert: jsonConverter(field.type) }))
      if (fields.some(({ convert }) => convert === undefined)) return undefined
      return (value) => new Map(fields.map(({ name, convert }, index) => [name, convert!((value as Values)[index])]))
    }
    default:
      return undefined
  }
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`JSON has no FLOAT ${value}`)
  return value
}

function keyText(key: Value): string {
  if (key === null) throw new RangeError('NULL is no key of a JSON object')
  return key as string
}

/** What an operand becomes as part of a JSON text. */
export function jsonPart(operand: BoundExpression): Converter {
  if (operand.kind === 'call' && RAW.has(operand.name)) return (value) => (value === null || value === '' ? null : readJson(value as string))
  return jsonConverter(operand.type)!
}

/** @throws {RangeError} */
function readJson(given: string): Json {
  try {
    return parseJson(given)
  } catch (error) {
    throw error instanceof JsonError ? new RangeError(error.message) : error
  }
}

function isPart(type: LogicalType | undefined): boolean {
  return type !== undefined && jsonConverter(type) !== undefined
}

function resolveObject({ operands }: CallSite): Resolution | undefined {
  const fits = operands.every(({ type }, index) => (index % 2 === 0 ? type !== undefined && isText(type) && !type.nullable : isPart(type)))
  return fits ? { type: REQUIRED_STRING } : undefined
}

function makeObject({ operands, clauses }: BoundCall): ScalarCode {
  const isNullAbsent = clauses.some(({ words }) => words === 'ABSENT ON NULL')
  const parts = operands.map(jsonPart)
  return (...values) => {
    const object = new Map<string, JsonToWrite>()
    for (let index = 0; index < values.length; index += 2)
      if (!isNullAbsent || values[index + 1] !== null) object.set(values[index] as string, parts[index + 1](values[index + 1]))
    return writeJson(object)
  }
}

function makeArray({ operands, clauses }: BoundCall): ScalarCode {
  const isNullAbsent = !clauses.some(({ words }) => words === 'NULL ON NULL')
  const parts = operands.map(jsonPart)
  return (...values) => writeJson(values.flatMap((value, index) => (isNullAbsent && value === null ? [] : [parts[index](value)])))
}

// ---- quotes ----

const LETTERS: Readonly<Record<string, string>> = { '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '"': '"', '\\': '\\', '/': '/' }

/** As Flink quotes: control characters stay, others than ASCII do not; of pairs of units the first one stands for both, and the second one follows. */
function quote(given: string): string {
  let quoted = ''
  for (let at = 0; at < given.length; at++) {
    const letter = LETTERS[given[at]]
    const point = given.codePointAt(at)!
    quoted += letter !== undefined ? `\\${letter}` : point <= 0x7f ? given[at] : `\\u${point.toString(16).padStart(4, '0')}`
  }
  return `"${quoted}"`
}

function unquote(given: string): string {
  return given.startsWith('"') && given.endsWith('"') && isJson(given) ? wholeText(unescape(given.slice(1, -1))) : given
}

/** Whether a text starts with JSON. */
export function isJson(given: string, holds: (value: Json) => boolean = () => true): boolean {
  try {
    return holds(parseJson(given))
  } catch (error) {
    if (error instanceof JsonError) return false
    throw error
  }
}

export const JSON_VALUE_FUNCTIONS: FunctionTable = {
  /** Stands only in JSON_OBJECT and JSON_ARRAY, which take its text for what it says. */
  JSON: { resolve: bySignature([text], STRING), make: () => (given) => given },
  JSON_OBJECT: { resolve: resolveObject, isStrict: false, make: makeObject },
  JSON_ARRAY: {
    resolve: ({ operands }) => (operands.every(({ type }) => isPart(type)) ? { type: REQUIRED_STRING } : undefined),
    isStrict: false,
    make: makeArray,
  },
  JSON_STRING: {
    resolve({ operands }) {
      if (operands.length !== 1) return undefined
      const type = operands[0].type ?? STRING
      return isPart(type) ? { type: withNullability(STRING, type.nullable), operandTypes: [type] } : undefined
    },
    make: ({ operands: [{ type }] }) => {
      const convert = converterOf(type)!
      return (value) => writeJson(convert(value))
    },
  },
  JSON_QUOTE: { resolve: bySignature([text], STRING), make: () => (given) => quote(given as string) },
  JSON_UNQUOTE: { resolve: bySignature([text], STRING), make: () => (given) => unquote(given as string) },
}
