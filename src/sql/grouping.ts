// GROUP BY: which keys, in which sets, and the plan of the groups.

import { type LogicalType, withNullability } from '../batch/types.ts'
import type { AggregateBinder } from './aggregate-binder.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { ExpandPlan, LogicalPlan, PlanColumn } from './logical-plan.ts'
import { windowOf } from './plans.ts'
import type { Expression, GroupItem } from './syntax-tree.ts'
import type { GroupWindows } from './window-functions.ts'

type KeySet = ReadonlySet<Expression>

/** The keys of GROUP BY, each once, and the sets in which they group: one without GROUPING SETS and its like. */
export function groupingSetsOf(items: readonly GroupItem[]): { readonly keys: readonly Expression[]; readonly sets: readonly KeySet[] } {
  const keys: Expression[] = []
  const texts = new Map<string, Expression>()
  // The same key stands in several sets: it is one.
  const keyOf = (expression: Expression): Expression => {
    const text = JSON.stringify(expression, (name, value: unknown) => (name === 'start' || name === 'end' ? undefined : value))
    const known = texts.get(text)
    if (known !== undefined) return known
    texts.set(text, expression)
    keys.push(expression)
    return expression
  }
  const setsOf = (item: GroupItem): readonly KeySet[] => {
    if (item.kind === 'expressions') return [new Set(item.expressions.map(keyOf))]
    const parts = item.items.map(setsOf)
    if (item.kind === 'GROUPING SETS') return parts.flat()
    const simple = parts.map(([set]) => set)
    if (item.kind === 'ROLLUP') return Array.from({ length: simple.length + 1 }, (_, left) => union(simple.slice(0, simple.length - left)))
    return Array.from({ length: 2 ** simple.length }, (_, mask) => union(simple.filter((_set, index) => (mask & (1 << (simple.length - 1 - index))) === 0)))
  }
  const sets = items.map(setsOf).reduce<readonly KeySet[]>((left, right) => left.flatMap((one) => right.map((other) => union([one, other]))), [new Set()])
  return { keys, sets }
}

function union(sets: readonly KeySet[]): KeySet {
  return new Set(sets.flatMap((set) => [...set]))
}

/** The column of the number of a grouping set, until its place is known. */
export const SET_PLACE = 2_000_000

/** GROUPING and GROUPING_ID of some keys: a bit for each that a row's set does not have. Over the number of the set. */
export function groupingOf(keys: readonly Expression[], sets: readonly KeySet[]): BoundExpression {
  const nowhere = { start: 0, end: 0 }
  const type: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: false }
  const valueOf = (set: KeySet): BoundExpression => ({
    kind: 'literal',
    type,
    value: BigInt(keys.reduce((bits, key) => bits * 2 + (set.has(key) ? 0 : 1), 0)),
    ...nowhere,
  })
  const numberType: LogicalType = { kind: 'INT', nullable: false }
  const place: BoundExpression = { kind: 'column', index: SET_PLACE, type: numberType, ...nowhere }
  const branches = sets.map((set, index) => ({
    when: {
      kind: 'call',
      name: '=',
      operands: [place, { kind: 'literal', type: numberType, value: index, ...nowhere } as const],
      clauses: [],
      type: { kind: 'BOOLEAN', nullable: false },
      ...nowhere,
    } as const,
    result: valueOf(set),
  }))
  if (sets.length <= 1) return valueOf(sets[0] ?? new Set())
  return { kind: 'case', branches, otherwise: valueOf(new Set()), type, ...nowhere }
}

/**
 * The plan of groups: keys and, behind them, aggregates. @param sets Several sets of keys.
 *
 * @returns What finds the columns that the binder's expressions name in the plan's rows.
 */
export function groupsOf(
  input: LogicalPlan,
  binder: AggregateBinder,
  sets: { readonly texts: readonly Expression[]; readonly sets: readonly KeySet[] } | undefined,
  windows: GroupWindows,
): { readonly plan: LogicalPlan; readonly column: (column: BoundExpression & { readonly kind: 'column' }) => BoundExpression } {
  const { aggregates } = binder
  const keys = [...binder.keys, ...windows.keys]
  const timed = (key: BoundExpression): Pick<PlanColumn, 'time' | 'window'> =>
    key.kind === 'column' ? { time: input.columns[key.index].time, window: input.columns[key.index].window } : {}
  const named = (types: readonly LogicalType[], first: number): PlanColumn[] => types.map((type, index) => ({ name: `$${first + index}`, type }))
  const aggregateTypes = aggregates.map(({ type }) => type)
  if (sets === undefined) {
    const times = keys.map(timed)
    const window = windowOf(times)
    // Outside of windows groups change, and time with them.
    // The windows of GROUP BY are no windows for who groups their groups; time goes on.
    const kept = times.map(({ time, window: own }) => ({ time, window: window?.spec.isLegacy === true ? undefined : own }))
    const columns = keys.map(({ type }, index): PlanColumn => ({ name: `$${index}`, type, ...(window !== undefined && kept[index]) }))
    const plan: LogicalPlan = { kind: 'aggregate', input, keys, aggregates, window, columns: [...columns, ...named(aggregateTypes, keys.length)] }
    return { plan, column: (column) => column }
  }
  const has = sets.sets.map((set) => [...sets.texts.map((key) => set.has(key)), ...windows.keys.map(() => true)])
  const width = input.columns.length
  const isLeftOut = (index: number): boolean => has.some((set) => !set[index])
  const copies = keys.map((key, index): PlanColumn => ({
    name: `$${index}`,
    type: withNullability(key.type, key.type.nullable || isLeftOut(index)),
    ...(!isLeftOut(index) && timed(key)),
  }))
  const numberType: LogicalType = { kind: 'INT', nullable: false }
  const expanded: ExpandPlan = { kind: 'expand', input, keys, sets: has, columns: [...input.columns, ...copies, { name: '$set', type: numberType }] }
  const groupKeys = [...copies, { name: '$set', type: numberType }].map(({ type }, index): BoundExpression => ({
    kind: 'column',
    index: width + index,
    type,
    start: 0,
    end: 0,
  }))
  const window = windowOf(copies)
  const columns = [
    ...copies.map((copy): PlanColumn => (window === undefined ? { name: copy.name, type: copy.type } : copy)),
    { name: '$set', type: numberType },
    ...named(aggregateTypes, keys.length),
  ]
  const plan: LogicalPlan = { kind: 'aggregate', input: expanded, keys: groupKeys, aggregates, window, columns }
  const column = (one: BoundExpression & { readonly kind: 'column' }): BoundExpression => {
    if (one.index === SET_PLACE) return { ...one, index: keys.length }
    return one.index < keys.length || one.index >= 1_000_000 ? one : { ...one, index: one.index + 1 }
  }
  return { plan, column }
}
