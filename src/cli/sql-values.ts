// Values of SQL as the command prints them: in tables and CSV as a CAST to STRING writes them, in JSON lines as JSON that keeps every digit.

import { type LogicalType, LENGTH_MAX } from '../batch/types.ts'
import { variantText } from '../batch/variant.ts'
import { castOf } from '../sql/casts.ts'
import { jsonOf } from '../sql/changelog-format.ts'
import type { EvaluationContext } from '../sql/functions/scalar-function.ts'
import { shortTypeText } from '../sql/type-text.ts'
import type { Value } from '../sql/value.ts'

const STRING: LogicalType = { kind: 'VARCHAR', length: LENGTH_MAX, nullable: true }
const NUMBERS: ReadonlySet<string> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL'])

/** Whether values of a type stand at the right of their column. */
export function isNumber({ kind }: LogicalType): boolean {
  return NUMBERS.has(kind)
}

/** A type as Flink prints it, NOT NULL included. */
export function columnTypeText(type: LogicalType): string {
  return shortTypeText(type) + (type.nullable ? '' : ' NOT NULL')
}

/** What writes values of a type, that are not NULL, as text. */
export function textWriter(type: LogicalType, context: EvaluationContext): (value: Value) => string {
  if (type.kind === 'BOOLEAN') return String
  const isPlain = type.kind !== 'BINARY' && type.kind !== 'VARBINARY'
  const cast = isPlain ? castOf(type, STRING, context) : undefined
  if (cast !== undefined) return (value) => cast(value) as string
  return (value) => {
    const json = jsonOf(value, type)
    return typeof json === 'string' ? json : JSON.stringify(json)
  }
}

/** A value as JSON: numbers with all of their digits, rows as objects, maps whose keys are texts as objects, others as lists of pairs. */
export function jsonText(value: Value, type: LogicalType): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'BIGINT':
      return String(value)
    case 'DECIMAL':
      return jsonOf(value, type) as string
    case 'VARIANT':
      return variantText(value as Uint8Array)
    case 'ARRAY':
      return `[${(value as readonly Value[]).map((element) => jsonText(element, type.element)).join(',')}]`
    case 'ROW':
      return objectText(type.fields.map((field, index) => [field.name, jsonText((value as readonly Value[])[index], field.type)]))
    case 'MAP':
      return mapText(value as readonly (readonly Value[])[], type.key, type.value)
    case 'MULTISET':
      return mapText(value as readonly (readonly Value[])[], type.element, COUNT)
    default:
      return JSON.stringify(jsonOf(value, type))
  }
}

/** An object of names and JSON texts. */
export function objectText(members: readonly (readonly [name: string, json: string])[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

function mapText(pairs: readonly (readonly Value[])[], keyType: LogicalType, valueType: LogicalType): string {
  const isText = (keyType.kind === 'CHAR' || keyType.kind === 'VARCHAR') && pairs.every(([key]) => key !== null)
  if (isText) return objectText(pairs.map(([key, of]) => [key as string, jsonText(of, valueType)]))
  return `[${pairs.map(([key, of]) => `[${jsonText(key, keyType)},${jsonText(of, valueType)}]`).join(',')}]`
}

const COUNT: LogicalType = { kind: 'INT', nullable: false }
