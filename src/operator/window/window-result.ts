// What a built-in aggregate over windows gives: the key, the bounds of the window, the aggregates. One shape for both window operators. Pure.

import type { KeySpec } from '../../batch/key-spec.ts'
import { type Field, OBJECT_SCHEMA, Schema } from '../../batch/types.ts'
import type { AggregatePlan } from './slice-aggregates.ts'

/** Names of the two columns behind the key columns of a result. */
export const WINDOW_START = 'windowStart'
export const WINDOW_END = 'windowEnd'
/** Name of the key column where a function has made the key. */
export const RESULT_KEY = 'key'

const BOUNDS: readonly Field[] = [WINDOW_START, WINDOW_END].map((name) => ({ name, type: { kind: 'TIMESTAMP', nullable: false, precision: 3 } }))

/** @param hasBounds Whether the windows are intervals of time; without, the two columns are left out. */
export function windowResultSchema(schema: Schema, key: KeySpec, hasBounds: boolean, plans: readonly AggregatePlan[]): Schema {
  return new Schema([...keyFieldsOf(schema, key), ...(hasBounds ? BOUNDS : []), ...plans.map((plan) => plan.field)])
}

/** The key columns; what a key function returned is any value of JavaScript, unless its type is declared. */
export function keyFieldsOf(schema: Schema, key: KeySpec): readonly Field[] {
  return key.kind === 'columns' ? key.columns.map((column) => schema.fields[column]) : [{ name: RESULT_KEY, type: key.type ?? OBJECT_SCHEMA.fields[0].type }]
}
