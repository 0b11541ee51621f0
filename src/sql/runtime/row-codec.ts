// Between the columns of batches and rows of values, as expressions compute with them.

import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { type DataType, type LogicalType, type Schema, t } from '../../batch/types.ts'
import { readValue, writeValue } from '../../batch/values.ts'
import type { Value } from '../value.ts'

/** A row as state: a list of values of any kind. */
export const storedRow = t.array(t.object<Value>())

/** Rows as state, or lists of values that are no rows. */
export const storedRows = t.array(storedRow)

/** What is known of a row, and the row. */
export type NotedRow<Notes extends readonly Value[]> = readonly [notes: Notes, row: readonly Value[]]

/** A {@link NotedRow} as state. */
export function notedRow<Notes extends readonly Value[]>(): DataType<NotedRow<Notes>> {
  return storedRows as unknown as DataType<NotedRow<Notes>>
}

/** What users are given for a type, as {@link Value} has it. Only nested types differ. */
function valueOf(given: unknown, type: LogicalType): Value {
  if (given === null) return null
  switch (type.kind) {
    case 'ARRAY':
      return (given as readonly unknown[]).map((element) => valueOf(element, type.element))
    case 'MAP':
      return Array.from(given as ReadonlyMap<unknown, unknown>, ([key, value]) => [valueOf(key, type.key), valueOf(value, type.value)])
    case 'MULTISET':
      return Array.from(given as ReadonlyMap<unknown, unknown>, ([element, count]) => [valueOf(element, type.element), count as number])
    case 'ROW':
      return type.fields.map((field) => valueOf((given as Readonly<Record<string, unknown>>)[field.name], field.type))
    default:
      return given as Value
  }
}

function givenOf(value: Value, type: LogicalType): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'ARRAY':
      return (value as readonly Value[]).map((element) => givenOf(element, type.element))
    case 'MAP':
      return new Map((value as readonly (readonly Value[])[]).map(([key, of]) => [givenOf(key, type.key), givenOf(of, type.value)]))
    case 'MULTISET':
      return new Map((value as readonly (readonly Value[])[]).map(([element, count]) => [givenOf(element, type.element), count]))
    case 'ROW':
      return Object.fromEntries(type.fields.map((field, index) => [field.name, givenOf((value as readonly Value[])[index], field.type)]))
    default:
      return value
  }
}

const isNested = ({ kind }: LogicalType): boolean => kind === 'ARRAY' || kind === 'MAP' || kind === 'MULTISET' || kind === 'ROW'

/** The value at a physical row of a column. */
export function readColumn(column: Column, row: number): Value {
  const given = readValue(column, row)
  return isNested(column.type) ? valueOf(given, column.type) : (given as Value)
}

/** The row at a physical place of a batch. */
export function readRow({ columns }: RecordBatch, row: number): Value[] {
  const values: Value[] = []
  for (let index = 0; index < columns.length; index++) values.push(readColumn(columns[index], row))
  return values
}

/** Writes a row into columns, as {@link writeValue} does. */
export function writeRow(columns: readonly Column[], row: number, values: readonly Value[]): void {
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]
    const value = values[index]
    writeValue(column, row, isNested(column.type) ? givenOf(value, column.type) : value)
  }
}

/** The row of an object with a member for each column, as users are given it. */
export function rowOf({ fields }: Schema, record: Readonly<Record<string, unknown>>): Value[] {
  return fields.map(({ name, type }) => valueOf(record[name], type))
}

/** The object of a row, as users give it. */
export function givenRow({ fields }: Schema, row: readonly Value[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ name, type }, index) => [name, givenOf(row[index], type)]))
}
