// What a built-in aggregate over windows gives: the key, the bounds of the window, the aggregates. One shape for both window operators. Pure.

import { PlanError } from '../../base/errors.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import { type Field, OBJECT_SCHEMA, Schema } from '../../batch/types.ts'
import type { AggregatePlan } from './slice-aggregates.ts'

/** Names of the two columns behind the key columns of a result. */
export const WINDOW_START = 'windowStart'
export const WINDOW_END = 'windowEnd'
/** Name of the key column where a function has made the key. */
export const RESULT_KEY = 'key'

const BOUNDS: readonly Field[] = [WINDOW_START, WINDOW_END].map((name) => ({ name, type: { kind: 'TIMESTAMP', nullable: false, precision: 3 } }))

/**
 * @param hasBounds Whether the windows are intervals of time; without, the two columns are left out.
 * @throws {PlanError} `DUPLICATE_COLUMN` if an aggregate or a key has the name of another column.
 */
export function windowResultSchema(schema: Schema, key: KeySpec, hasBounds: boolean, plans: readonly AggregatePlan[]): Schema {
  const keys = keyFieldsOf(schema, key)
  const bounds = hasBounds ? BOUNDS : []
  const isAmong = (fields: readonly Field[], name: string): boolean => fields.some((field) => field.name === name)
  for (const { name } of keys)
    if (isAmong(bounds, name))
      throw new PlanError('DUPLICATE_COLUMN', `Cannot aggregate by the key column "${name}": the result has a column of that name for a bound of its window`, {
        hint: `Key by a function, whose column is named "${RESULT_KEY}": keyBy((row) => row.${name}, type).`,
      })
  for (const { field } of plans) {
    const { name } = field
    const isKey = isAmong(keys, name)
    if (isKey || isAmong(bounds, name))
      throw new PlanError(
        'DUPLICATE_COLUMN',
        `Cannot name an aggregate "${name}": the result has a column of that name for ${isKey ? 'the key' : 'a bound of the window'}`,
        { hint: `Give the aggregate another name: aggregate({ ${name}Value: ... }).` },
      )
  }
  return new Schema([...keys, ...bounds, ...plans.map((plan) => plan.field)])
}

/** The key columns; what a key function returned is any value of JavaScript, unless its type is declared. */
export function keyFieldsOf(schema: Schema, key: KeySpec): readonly Field[] {
  return key.kind === 'columns' ? key.columns.map((column) => schema.fields[column]) : [{ name: RESULT_KEY, type: key.type ?? OBJECT_SCHEMA.fields[0].type }]
}
