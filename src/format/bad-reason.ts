// Why a scanner refused a record, in words. Pure; runs only when a record is bad.

import { formatType, isText, type LogicalType, type Schema } from '../batch/types.ts'
import { BadReason, DEPTH_MAX, MAP_DUPLICATES_MAX } from '../kernels/json-scan-layout.ts'
import type { ScanResult } from '../kernels/json-scan.ts'
import { type BadRecordReason, withoutControls } from './bad-records.ts'
import type { LineFormat } from './line-format.ts'

const FOUND_CHARACTERS_MAX = 40
const END_OF_LINE = 'the end of the line'
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * @param line The bad line, as the scanner saw it.
 * @param columns Where fields stand in a line, see `LineDecoder.columns`.
 */
export function explainBadLine(result: ScanResult, line: Uint8Array, schema: Schema, format: LineFormat, columns: readonly string[]): BadRecordReason {
  const problem = Math.max(0, Math.min(result.problem - result.lineStart, line.length))
  const path = result.field
  const type = typeAt(schema, path)
  const columnNumber = columns.indexOf(path) + 1
  const field = path === '' ? undefined : path
  const column = problem + 1
  const where = path === '' ? '' : columnNumber === 0 ? `${format.fieldWord} "${path}": ` : `${format.fieldWord} ${columnNumber} ("${path}"): `
  const found = foundAt(line, problem, format.delimiter)
  const at = `at byte ${column}`
  switch (result.reason) {
    case BadReason.SYNTAX:
      return { where, field, column, reason: `expected JSON, found ${found} ${at}` }
    case BadReason.NOT_AN_OBJECT:
      return { where, field, column, reason: `expected a JSON object, found ${found}` }
    case BadReason.TRAILING_DATA:
      return { where, field, column, reason: `expected one record, found ${found} behind it ${at}` }
    case BadReason.TOO_DEEP:
      return { where, field, column, reason: `nested deeper than ${DEPTH_MAX} levels ${at}` }
    case BadReason.INVALID_UTF8:
      return { where, field, column, reason: `expected UTF-8 text, found other bytes ${at}` }
    case BadReason.CONTROL_CHARACTER:
      return { where, field, column, reason: `found a control character in a string ${at}` }
    case BadReason.INVALID_ESCAPE:
      return { where, field, column, reason: `found an escape that JSON does not have ${at}` }
    case BadReason.LONE_SURROGATE:
      return { where, field, column, reason: `found half of a surrogate pair, which no UTF-8 text can hold, ${at}` }
    case BadReason.UNKNOWN_FIELD:
      return { where, field, column, reason: `found a member that the schema does not have ${at}` }
    case BadReason.TOO_MANY_DUPLICATES:
      return { where, field, column, reason: `more than ${MAP_DUPLICATES_MAX} keys of a map stand twice` }
    case BadReason.FIELD_COUNT:
      return { where, field, column, reason: `expected ${columns.length} columns, found ${found === END_OF_LINE ? 'fewer' : 'more'}` }
    case BadReason.QUOTE:
      // A quote at the very beginning may stand there: it is the record as a whole that does not end.
      return {
        where,
        field,
        column,
        reason: problem === 0 ? 'found a quote that is not closed' : `found a quote where none may stand, or text behind a closing quote, ${at}`,
      }
    case BadReason.MISSING_FIELD:
      return { where, field, reason: 'expected a value, found none' }
    case BadReason.NULL_NOT_ALLOWED:
      return { where, field, column, reason: 'expected a value, found NULL' }
    case BadReason.OUT_OF_RANGE:
      return { where, field, column, reason: `expected ${expected(type)}, found ${found} ${at}, which is out of range` }
    case BadReason.INEXACT:
      return { where, field, column, reason: `expected ${expected(type)}, found ${found} ${at}, which would lose digits` }
    case BadReason.LENGTH:
      return { where, field, column, reason: `expected ${expectedLength(type)}, found ${found} ${at}` }
    default:
      return { where, field, column, reason: `expected ${expected(type)}, found ${found} ${at}` }
  }
}

/** The type of a dotted path; undefined for the record and where a name with a dot makes it unclear. */
function typeAt(schema: Schema, path: string): LogicalType | undefined {
  const direct = schema.fields.find(({ name }) => name === path)
  if (direct !== undefined) return direct.type
  let type: LogicalType | undefined
  let fields: readonly { readonly name: string; readonly type: LogicalType }[] = schema.fields
  for (const name of path.split('.')) {
    type = fields.find((field) => field.name === name)?.type
    if (type === undefined) return undefined
    if (type.kind === 'ROW') fields = type.fields
    else if (type.kind === 'ARRAY') fields = [{ name: 'element', type: type.element }]
    else if (type.kind === 'MAP')
      fields = [
        { name: 'key', type: type.key },
        { name: 'value', type: type.value },
      ]
    else fields = []
  }
  return type
}

function expected(type: LogicalType | undefined): string {
  if (type === undefined) return 'a value of the declared type'
  switch (type.kind) {
    case 'BOOLEAN':
      return 'true or false'
    case 'TINYINT':
      return 'an integer in -128..127'
    case 'SMALLINT':
      return 'an integer in -32768..32767'
    case 'INT':
      return 'an integer of 32 bits'
    case 'BIGINT':
      return type.safeInteger ? 'an integer within ±(2^53 - 1)' : 'an integer of 64 bits'
    case 'FLOAT':
    case 'DOUBLE':
      return 'a number'
    case 'DECIMAL':
      return `a ${formatType({ ...type, nullable: true })}`
    case 'DATE':
      return 'a date (2001-02-03)'
    case 'TIME':
      return 'a time (12:34:56)'
    case 'TIMESTAMP':
      return 'a timestamp (2001-02-03 12:34:56)'
    case 'TIMESTAMP_LTZ':
      return 'a timestamp with a zone (2001-02-03 12:34:56Z)'
    case 'CHAR':
    case 'VARCHAR':
      return 'a string'
    case 'BINARY':
    case 'VARBINARY':
      return 'bytes in base64'
    case 'ARRAY':
      return 'an array'
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return 'an object'
    default:
      return `a ${formatType({ ...type, nullable: true })}`
  }
}

function expectedLength(type: LogicalType | undefined): string {
  if (type === undefined || !('length' in type)) return 'a value of the declared length'
  const unit = (isText(type) ? 'character' : 'byte') + (type.length === 1 ? '' : 's')
  return `${type.kind === 'BINARY' ? '' : 'at most '}${type.length} ${unit}${isText(type) ? '' : ' in base64'} for ${formatType({ ...type, nullable: true })}`
}

/** The token at the problem, as it stands there. */
function foundAt(line: Uint8Array, problem: number, delimiter: string | undefined): string {
  const rest = decoder.decode(line.subarray(problem, problem + FOUND_CHARACTERS_MAX * 4)).replace(/[\r\n]+$/, '')
  if (rest === '') return END_OF_LINE
  if (delimiter !== undefined && (rest.startsWith(delimiter) || /^[\r\n]/.test(rest))) return '""'
  const token =
    delimiter === undefined
      ? /^(?:"(?:[^"\\]|\\.)*"?|[^\s,:{}[\]"]+|.)/su.exec(rest)
      : new RegExp(`^(?:"(?:[^"]|"")*"?|[^\\r\\n\\u{${delimiter.codePointAt(0)!.toString(16)}}]*)`, 'su').exec(rest)
  const text = token?.[0] ?? ''
  const characters = Array.from(text)
  const shown = characters.length > FOUND_CHARACTERS_MAX ? `${characters.slice(0, FOUND_CHARACTERS_MAX).join('')}…` : text
  const visible = withoutControls(shown)
  return visible.startsWith('"') ? visible : `"${visible}"`
}
