// Plans as EXPLAIN shows them: a tree of nodes, from where rows end up down to where they come from.

import { ROW_KIND_TEXT } from '../batch/record-batch.ts'
import type { Field } from '../batch/types.ts'
import { aggregateTexts, boundText, boundTexts, type ColumnNames, orderText, selectText } from './bound-text.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import type {
  AggregatePlan,
  BoundFrame,
  ChangelogPlan,
  JoinPlan,
  LogicalPlan,
  OverPlan,
  RankPlan,
  SortPlan,
  UnnestPlan,
  WindowPlan,
  WindowSpec,
} from './logical-plan.ts'
import { freeName, inputsOf } from './plans.ts'

/** What is said of a node, by its name, in order; undefined: nothing. */
export type Attributes = Readonly<Record<string, string | undefined>>

/** A node, and the nodes that its rows come from. */
export interface TextNode {
  readonly text: string
  readonly inputs: readonly TextNode[]
}

/** `Rank(partitionBy=[k], orderBy=[n DESC])`, in one line whatever texts it holds. */
export function nodeText(name: string, attributes: Attributes): string {
  const said = Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=[${value.replaceAll('\n', String.raw`\n`)}]`]))
  return `${name}(${said.join(', ')})`
}

/** A tree, a line for each node: the last input of a node stands behind `+-`, those before it behind `:-`. */
export function treeLines({ text, inputs }: TextNode): readonly string[] {
  const below = inputs.flatMap((input, index) => {
    const isLast = index === inputs.length - 1
    return treeLines(input).map((line, at) => (at === 0 ? (isLast ? '+- ' : ':- ') : isLast ? '   ' : ':  ') + line)
  })
  return [text, ...below]
}

const NAMES: Readonly<Record<Exclude<LogicalPlan['kind'], 'set operation'>, string>> = {
  scan: 'Scan',
  values: 'Values',
  project: 'Project',
  filter: 'Filter',
  aggregate: 'Aggregate',
  expand: 'Expand',
  join: 'Join',
  sort: 'Sort',
  window: 'Window',
  over: 'Over',
  rank: 'Rank',
  unnest: 'Unnest',
  changelog: 'Changelog',
  'late rows': 'LateRows',
}

/** A logical plan. */
export function logicalNode(plan: LogicalPlan): TextNode {
  const name = plan.kind === 'set operation' ? `${plan.operator[0]}${plan.operator.slice(1).toLowerCase()}` : NAMES[plan.kind]
  return { text: nodeText(name, attributesOf(plan)), inputs: inputsOf(plan).map(logicalNode) }
}

/** The names of columns, each of which names one: of several with the same name those further behind get a number. */
export function namesOf(columns: readonly Field[]): ColumnNames {
  const taken = [...columns]
  const seen = new Set<string>()
  return columns.map(({ name, type }) => {
    const own = seen.has(name) ? freeName(name, taken) : name
    if (own !== name) taken.push({ name: own, type })
    seen.add(own)
    return own
  })
}

function attributesOf(plan: LogicalPlan): Attributes {
  const names = namesOf(plan.columns)
  switch (plan.kind) {
    case 'scan':
      return { table: plan.table.path.join('.'), fields: names.join(', ') }
    case 'late rows':
      return { fields: names.join(', ') }
    case 'values':
      return { rows: rowsText(plan.rows), fields: names.join(', ') }
    case 'project':
      return { select: selectText(plan.expressions, namesOf(plan.input.columns), names) }
    case 'filter':
      return { where: boundText(plan.condition, names) }
    case 'aggregate':
      return groupAttributes(plan)
    case 'expand':
      return expandAttributes(plan)
    case 'join':
      return joinAttributes(plan)
    case 'set operation':
      return { all: String(plan.all) }
    case 'sort':
      return sortAttributes(plan)
    case 'window':
      return windowAttributes(plan)
    case 'over':
      return overAttributes(plan)
    case 'rank':
      return rankAttributes(plan)
    case 'unnest':
      return unnestAttributes(plan)
    case 'changelog':
      return changelogAttributes(plan)
  }
}

/** So many rows of constants are shown. */
const ROWS_SHOWN_MAX = 5

/** Rows of constants, the first of them. */
export function rowsText(rows: readonly (readonly BoundExpression[])[]): string {
  const shown = rows.slice(0, ROWS_SHOWN_MAX).map((row) => `(${boundTexts(row, [])})`)
  return [...shown, ...(rows.length > ROWS_SHOWN_MAX ? [`${rows.length - ROWS_SHOWN_MAX} more`] : [])].join(', ')
}

/** Of groups: their keys, their windows, the keys and the aggregates. */
export function groupAttributes({ input, keys, aggregates, columns, window, ttlMs }: Omit<AggregatePlan, 'kind'>): Attributes {
  return { ...groupText(namesOf(input.columns), keys, aggregates, namesOf(columns), ttlMs), window: window && specText(window.spec) }
}

/** The same without windows. @param names Of the rows that are grouped. @param ttlMs As a hint says it. */
export function groupText(
  names: ColumnNames,
  keys: readonly BoundExpression[],
  aggregates: readonly BoundAggregate[],
  outputNames: ColumnNames,
  ttlMs?: number,
): Attributes {
  const results = aggregateTexts(aggregates, names, outputNames.slice(keys.length))
  return {
    groupBy: keys.length === 0 ? undefined : boundTexts(keys, names),
    select: [...keys.map((key, index) => selectText([key], names, [outputNames[index]])), ...results].join(', '),
    stateTtl: ttlMs === undefined ? undefined : spanText(ttlMs),
  }
}

export function expandAttributes({ input, keys, sets }: Extract<LogicalPlan, { readonly kind: 'expand' }>): Attributes {
  const texts = keys.map((key) => boundText(key, namesOf(input.columns)))
  return { sets: sets.map((set) => `(${texts.filter((_, index) => set[index]).join(', ')})`).join(', ') }
}

export function joinAttributes({ type, left, right, condition, strategy, columns, ttl = [undefined, undefined] }: JoinPlan): Attributes {
  const names = namesOf([...left.columns, ...right.columns])
  return {
    joinType: type,
    where: condition && boundText(condition, names),
    bounds: strategy.kind === 'interval' ? `${spanText(strategy.lowerMs)} to ${spanText(strategy.upperMs)} around ${names[strategy.leftTime]}` : undefined,
    window: strategy.kind === 'window' ? specText(left.columns[strategy.leftEnd].window!.of) : undefined,
    asOf: strategy.kind === 'temporal' ? names[strategy.leftTime] : strategy.kind === 'lookup' ? 'PROCTIME()' : undefined,
    select: namesOf(columns).join(', '),
    stateTtl: sidesText(ttl),
  }
}

/** What hints say of how long each side is kept. */
function sidesText([left, right]: NonNullable<JoinPlan['ttl']>): string | undefined {
  const sides = [...(left === undefined ? [] : [`LEFT=${spanText(left)}`]), ...(right === undefined ? [] : [`RIGHT=${spanText(right)}`])]
  return sides.length === 0 ? undefined : sides.join(', ')
}

export function sortAttributes({ input, keys, offset, fetch }: SortPlan): Attributes {
  return {
    orderBy: keys.length === 0 ? undefined : orderText(keys, namesOf(input.columns)),
    offset: offset === 0 ? undefined : String(offset),
    fetch: fetch === undefined ? undefined : String(fetch),
  }
}

export function windowAttributes({ input, spec, time, partition }: WindowPlan): Attributes {
  const names = namesOf(input.columns)
  return {
    window: specText(spec),
    time: names[time],
    partitionBy: partition.length === 0 ? undefined : partition.map((column) => names[column]).join(', '),
  }
}

export function overAttributes({ input, calls, columns }: OverPlan): Attributes {
  const names = namesOf(input.columns)
  const outputNames = namesOf(columns).slice(names.length)
  const select = aggregateTexts(calls, names, outputNames)
  const windows = calls.map(({ partition, order, frame }) => {
    const parts = [
      ...(partition.length === 0 ? [] : [`PARTITION BY ${boundTexts(partition, names)}`]),
      ...(order.length === 0 ? [] : [`ORDER BY ${orderText(order, names)}`]),
      frameText(frame),
    ]
    return parts.join(' ')
  })
  return { over: [...new Set(windows)].join('; '), select: [...names, ...select].join(', ') }
}

function frameText({ unit, from, to }: BoundFrame): string {
  const bound = (offset: number | undefined, unbounded: string): string => {
    if (offset === undefined) return `UNBOUNDED ${unbounded}`
    return offset === 0 ? 'CURRENT ROW' : `${Math.abs(offset)} ${offset < 0 ? 'PRECEDING' : 'FOLLOWING'}`
  }
  return `${unit} BETWEEN ${bound(from, 'PRECEDING')} AND ${bound(to, 'FOLLOWING')}`
}

export function rankAttributes({ input, partition, order, function: name, from, to, columns }: RankPlan): Attributes {
  const names = namesOf(input.columns)
  return {
    rankType: name,
    rankRange: `${from} to ${typeof to === 'number' ? to : names[to.column]}`,
    partitionBy: partition.length === 0 ? undefined : boundTexts(partition, names),
    orderBy: orderText(order, names),
    select: namesOf(columns).join(', '),
  }
}

export function unnestAttributes({ input, collection, withOrdinality, isOuter, condition, columns }: UnnestPlan): Attributes {
  return {
    joinType: isOuter ? 'LEFT' : 'INNER',
    collection: boundText(collection, namesOf(input.columns)),
    withOrdinality: withOrdinality ? 'true' : undefined,
    where: condition && boundText(condition, namesOf(columns)),
    select: namesOf(columns).join(', '),
  }
}

export function changelogAttributes({ input, direction, op, codes, columns }: ChangelogPlan): Attributes {
  return {
    op: (direction === 'to' ? namesOf(columns) : namesOf(input.columns))[op],
    codes: codes.map(([code, kind]) => `${code}=${ROW_KIND_TEXT[kind]}`).join(', '),
    select: namesOf(columns).join(', '),
  }
}

/** `HOP(size=1 min, slide=10 s)` */
export function specText({ kind, sizeMs, stepMs, offsetMs, time }: WindowSpec): string {
  const parts = [
    `${kind === 'SESSION' ? 'gap' : 'size'}=${spanText(sizeMs)}`,
    ...(kind === 'HOP' || kind === 'CUMULATE' ? [`${kind === 'HOP' ? 'slide' : 'step'}=${spanText(stepMs)}`] : []),
    ...(offsetMs === 0 ? [] : [`offset=${spanText(offsetMs)}`]),
    ...(time === 'processing' ? ['processing time'] : []),
  ]
  return `${kind}(${parts.join(', ')})`
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const

/** In the largest unit that it is a multiple of. */
function spanText(ms: number): string {
  const [size, unit] = UNITS.find(([one]) => ms % one === 0 && ms !== 0) ?? [1, 'ms']
  return `${ms / size} ${unit}`
}
