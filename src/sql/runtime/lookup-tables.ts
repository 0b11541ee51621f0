// Lookup joins as they are planned: which table is asked by what, and what its options, the hint and the session say of how.

import type { Schema } from '../../batch/types.ts'
import type { Operator } from '../../operator/operator.ts'
import { boundText } from '../bound-text.ts'
import type { JoinPlan, JoinStrategy } from '../logical-plan.ts'
import { lookupOf } from '../lookup-plan.ts'
import { type Attributes, joinAttributes, namesOf } from '../plan-text.ts'
import { jdbcLookupTable } from './jdbc-tables.ts'
import { LookupJoinOperator, type LookupJoinSpec } from './lookup-join-operator.ts'
import type { SessionContext } from './sql-operator.ts'
import { TableOptions } from './table-options.ts'

/** A join with a table that is asked. */
export type LookupJoinPlan = Omit<JoinPlan, 'strategy'> & { readonly strategy: Extract<JoinStrategy, { readonly kind: 'lookup' }> }

/** What a session has set of lookups. */
export interface LookupOptions {
  readonly capacity: number
  readonly timeoutMs: number
}

/** As many keys as make the way to a database not matter; Flink's timeout. */
export const LOOKUP_DEFAULTS: LookupOptions = { capacity: 1024, timeoutMs: 180_000 }

/**
 * Plans a lookup join.
 *
 * @throws {SqlError} `NO_KEY`; {@link PlanError} what the table's options are refused with.
 */
export function lookupJoin(
  plan: LookupJoinPlan,
  outputSchema: Schema,
  session: SessionContext,
  { capacity, timeoutMs }: LookupOptions,
): { readonly create: () => Operator; readonly attributes: () => Attributes } {
  const { table, stored, ...parts } = lookupOf(plan)
  const { hint } = plan.strategy
  const columns = parts.keys.map(({ column }) => column)
  const spec: LookupJoinSpec = {
    ...parts,
    type: plan.type as 'INNER' | 'LEFT',
    asked: jdbcLookupTable(new TableOptions(table, 'look rows up in'), table, stored, columns),
    capacity: hint?.capacity ?? capacity,
    timeoutMs: hint?.timeoutMs ?? timeoutMs,
    retry: hint?.retry,
  }
  const attributes = (): Attributes => {
    const names = namesOf(plan.left.columns)
    const { select, ...others } = joinAttributes({ ...plan, strategy: plan.strategy })
    return {
      table: table.path.join('.'),
      ...others,
      lookup: parts.keys.map(({ column, value }) => `${column.name} = ${boundText(value, names)}`).join(', '),
      select,
    }
  }
  return { create: () => new LookupJoinOperator(spec, outputSchema, session), attributes }
}
