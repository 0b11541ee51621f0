// Makes plans of plans: projections, joins and what becomes of time in them.

import { type Field, type LogicalType, sameType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable, Origin } from './catalog.ts'
import type { ScopeColumn } from './expression-binder.ts'
import { and, columnsOf, shifted } from './expressions.ts'
import { keepsApart } from './implicit-casts.ts'
import { strategyOf } from './join-strategy.ts'
import type { JoinPlan, LogicalPlan, PlanColumn, ScanPlan } from './logical-plan.ts'
import type { Span } from './sql-error.ts'

/** What a FROM clause has. */
export interface Source {
  readonly plan: LogicalPlan
  readonly columns: readonly ScopeColumn[]
}

/** The rows of a SELECT while it is bound: the plan may get further columns behind those that have names. */
export class Rows {
  plan: LogicalPlan
  readonly columns: readonly ScopeColumn[]

  constructor({ plan, columns }: Source) {
    this.plan = plan
    this.columns = columns
  }
}

/** What no text says. */
const NOWHERE: Span = { start: 0, end: 0 }

export function columnAt({ type }: Pick<Field, 'type'>, index: number): BoundExpression {
  return { kind: 'column', index, type, ...NOWHERE }
}

/** The rows of a table. */
export function scanOf(table: CatalogTable): ScanPlan {
  const columns = table.columns.map(({ name, type, computed }): PlanColumn => {
    const isTime = table.watermark?.column === name
    const isNow = computed?.kind === 'call' && computed.name === 'PROCTIME'
    // A time attribute counts in milliseconds, whatever its type says.
    const own = isTime && 'precision' in type && type.kind !== 'DECIMAL' ? { ...type, precision: 3 } : type
    return { name, type: own, time: isTime ? 'event' : isNow ? 'processing' : undefined }
  })
  return { kind: 'scan', table, places: [...columns.keys()], columns }
}

/** Expressions of a plan's rows. What is only named keeps what time has to do with it. */
export function project(input: LogicalPlan, expressions: readonly BoundExpression[], columns: readonly Field[]): LogicalPlan {
  return {
    kind: 'project',
    input,
    expressions,
    columns: columns.map(({ name, type }, index) => ({ name, type, ...timeOf(expressions[index], input.columns) })),
  }
}

function timeOf(expression: BoundExpression, columns: readonly PlanColumn[]): Pick<PlanColumn, 'time' | 'window'> {
  if (expression.kind === 'column') return { time: columns[expression.index]?.time, window: columns[expression.index]?.window }
  return { time: expression.kind === 'call' && expression.name === 'PROCTIME' ? 'processing' : undefined }
}

/** The first columns of a source. */
export function cut({ plan, columns }: Source, width: number): Source {
  if (plan.columns.length === width) return { plan, columns }
  const kept = plan.columns.slice(0, width)
  return { plan: project(plan, kept.map(columnAt), kept), columns: columns.slice(0, width) }
}

/** Each row once: a group by all columns. */
export function distinct(input: LogicalPlan): LogicalPlan {
  return { kind: 'aggregate', input, keys: input.columns.map(columnAt), aggregates: [], window: windowOf(input.columns), columns: input.columns }
}

/** The window that some key columns are of: its beginning and its end among them. */
export function windowOf(
  columns: readonly Pick<PlanColumn, 'window'>[],
): { readonly spec: NonNullable<PlanColumn['window']>['of']; readonly start: number; readonly end: number } | undefined {
  for (const [start, column] of columns.entries()) {
    const spec = column.window?.part === 'start' ? column.window.of : undefined
    const end = spec === undefined ? -1 : columns.findIndex((other) => other.window?.part === 'end' && other.window.of === spec)
    if (end < 0) continue
    // Sessions are of other keys than the groups: these see several, or parts of one.
    if (spec!.isLegacy) return { spec: spec!, start, end }
    const areOwn = spec!.kind !== 'SESSION' || columns.every((one, index) => index === start || index === end || one.window?.of === spec)
    const keyCount = columns.filter((one) => one.window?.of === spec && one.window?.part === 'key').length
    if (areOwn && (spec!.kind !== 'SESSION' || keyCount === spec!.keyCount)) return { spec: spec!, start, end }
  }
  return undefined
}

export function withNames(plan: LogicalPlan, names: readonly string[]): LogicalPlan {
  return { ...plan, columns: plan.columns.map((column, index) => ({ ...column, name: names[index] })) }
}

/** A name that no column has so far: a number is put behind it. */
export function freeName(name: string, columns: readonly Field[]): string {
  const isTaken = (wanted: string): boolean => columns.some((column) => column.name === wanted)
  if (!isTaken(name)) return name
  let number = 0
  while (isTaken(`${name}${number}`)) number++
  return `${name}${number}`
}

/** The same rows with columns of other types. */
export function castTo(input: LogicalPlan, columns: readonly Field[], { start, end }: Span): LogicalPlan {
  const isSame = input.columns.every(({ type }, index) => sameType(withNullability(type, true), withNullability(columns[index].type, true)))
  if (isSame) return input
  const cast = (type: LogicalType, index: number): BoundExpression => {
    const column: BoundExpression = { kind: 'column', index, type: input.columns[index].type, start, end }
    const own = withNullability(type, column.type.nullable)
    return sameType(own, column.type) ? column : { kind: 'cast', operand: column, isTry: false, isImplicit: true, type: own, start, end }
  }
  return project(
    input,
    columns.map(({ type }, index) => cast(type, index)),
    columns,
  )
}

// ---- joins ----

/** A join of two sources. What time has to do with its columns is seen once its condition is whole: {@link settled}. */
export function joinOf(left: Source, right: Source, type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL', condition: BoundExpression | undefined): Source {
  const all = [...left.columns, ...right.columns]
  const plans = [...left.plan.columns.slice(0, left.columns.length), ...right.plan.columns.slice(0, right.columns.length)]
  const isPadded = (index: number): boolean => type === 'FULL' || type === (index < left.columns.length ? 'RIGHT' : 'LEFT')
  // A side without a partner is NULL.
  const typeOf = (index: number): LogicalType => (isPadded(index) ? withNullability(all[index].type, true) : all[index].type)
  const columns = all.map((column, index) => ({ ...column, type: typeOf(index) }))
  const plan: LogicalPlan = {
    kind: 'join',
    type,
    left: left.plan,
    right: right.plan,
    condition,
    strategy: { kind: 'regular' },
    columns: plans.map((column, index) => ({ ...column, type: typeOf(index) })),
  }
  return { plan, columns }
}

/** The names that columns of both sides have. */
export function commonNames(left: readonly ScopeColumn[], right: readonly ScopeColumn[]): readonly string[] {
  return left.map(({ name }) => name).filter((name) => right.some((column) => column.name === name))
}

/** A join in which columns of one name are one column, in front of the others. */
export function merged({ plan, columns }: Source, width: number, names: readonly string[]): Source {
  const shared = names.map((name): BoundExpression => {
    const left = columns.findIndex((column) => column.name === name)
    const right = columns.findIndex((column, index) => index >= width && column.name === name)
    const operands = [columnAt(columns[left], left), columnAt(columns[right], right)]
    if (!operands[0].type.nullable) return operands[0]
    const type = withNullability(operands[0].type, operands[1].type.nullable)
    return { kind: 'call', name: 'COALESCE', operands, clauses: [], type, ...NOWHERE }
  })
  const others = columns.flatMap((column, index) => (names.includes(column.name) ? [] : [columnAt(column, index)]))
  const expressions = [...shared, ...others]
  const scope = expressions.map((expression, index) => {
    if (index < names.length) return { name: names[index], table: undefined, type: expression.type }
    return columns[(expression as { readonly index: number }).index]
  })
  return { plan: project(plan, expressions, scope), columns: scope }
}

/** Rows that fulfil a condition: said where the rows it is about come from. @param origin Of the condition. */
export function withCondition(plan: LogicalPlan, condition: BoundExpression, origin: Origin): LogicalPlan {
  // Places of two texts would be taken for each other.
  const where = plan.origin?.text === origin.text ? {} : { origin: undefined }
  if (plan.kind === 'filter') return { ...plan, condition: and(plan.condition, condition), ...where }
  if (plan.kind !== 'join' || [...columnsOf(condition)].some((column) => column < 0))
    return { kind: 'filter', input: plan, condition, columns: plan.columns, origin }
  const width = plan.left.columns.length
  const columns = [...columnsOf(condition)]
  const isOuterLeft = plan.type === 'RIGHT' || plan.type === 'FULL'
  if (!isOuterLeft && columns.length > 0 && columns.every((column) => column < width)) return { ...plan, left: withCondition(plan.left, condition, origin) }
  if (plan.type === 'INNER' && (plan.strategy.kind === 'regular' || plan.strategy.kind === 'lookup')) {
    if (plan.strategy.kind === 'regular' && columns.length > 0 && columns.every((column) => column >= width))
      return { ...plan, right: withCondition(plan.right, shifted(condition, -width), origin) }
    return { ...plan, ...(plan.condition === undefined ? { condition, origin } : { condition: and(plan.condition, condition), ...where }) }
  }
  return { kind: 'filter', input: plan, condition, columns: plan.columns, origin }
}

/** A plan whose joins are told apart by their conditions, now that these are whole: what has bounds in time keeps what its columns say of time. */
export function settled(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'filter': {
      const input = settled(plan.input)
      return { ...plan, input, columns: retimed(plan.columns, input.columns) }
    }
    case 'project': {
      if (plan.input.kind !== 'join') return plan
      return project(settled(plan.input), plan.expressions, plan.columns)
    }
    case 'unnest': {
      const input = settled(plan.input)
      return { ...plan, input, columns: [...retimed(plan.columns.slice(0, input.columns.length), input.columns), ...plan.columns.slice(input.columns.length)] }
    }
    case 'join':
      return settledJoin(plan)
    default:
      return plan
  }
}

function settledJoin(plan: JoinPlan): JoinPlan {
  const left = settled(plan.left)
  const right = settled(plan.right)
  const strategy = plan.strategy.kind === 'regular' ? strategyOf({ ...plan, left, right }) : plan.strategy
  const isSemi = plan.type === 'SEMI' || plan.type === 'ANTI'
  const given = isSemi ? left.columns : [...left.columns, ...right.columns]
  const columns = plan.columns.map(({ name, type }, index): PlanColumn => {
    const isKept = strategy.kind === 'temporal' || strategy.kind === 'lookup' ? index < left.columns.length : strategy.kind !== 'regular'
    return isKept ? { ...given[index], name, type } : { name, type }
  })
  return { ...plan, left, right, strategy, columns }
}

function retimed(columns: readonly PlanColumn[], given: readonly PlanColumn[]): readonly PlanColumn[] {
  return columns.map(({ name, type }, index) => ({ ...given[index], name, type }))
}

/** Whether a plan has one row whatever its input is. */
export function isOneRow(plan: LogicalPlan): boolean {
  if (plan.kind === 'project') return isOneRow(plan.input)
  return (plan.kind === 'aggregate' && plan.keys.length === 0) || (plan.kind === 'values' && plan.rows.length === 1)
}

/** The columns that tell rows of a plan apart, if that is known. */
export function uniqueKeyOf(plan: LogicalPlan): readonly number[] | undefined {
  switch (plan.kind) {
    case 'scan': {
      const { primaryKey, columns } = plan.table
      const key = primaryKey.map((name) => plan.places.findIndex((place) => columns[place].name === name))
      return key.length === 0 || key.includes(-1) ? undefined : key
    }
    case 'filter':
    case 'sort':
      return uniqueKeyOf(plan.input)
    case 'project': {
      const key = uniqueKeyOf(plan.input)?.map((column) => plan.expressions.findIndex((expression) => isColumn(expression, column)))
      return key === undefined || key.includes(-1) ? undefined : key
    }
    case 'aggregate':
      return plan.keys.map((_, index) => index)
    case 'rank':
      return plan.to === 1 && plan.partition.every(({ kind }) => kind === 'column')
        ? plan.partition.map((column) => (column as { readonly index: number }).index)
        : undefined
    default:
      return undefined
  }
}

/** Whether an expression is a column, or tells the same values of it apart. */
function isColumn(expression: BoundExpression, column: number): boolean {
  if (expression.kind === 'column') return expression.index === column
  return expression.kind === 'cast' && keepsApart(expression.operand.type, expression.type) && isColumn(expression.operand, column)
}

/** Aggregates whose result depends on the order in which values come. */
const ORDERED_AGGREGATES = new Set(['LISTAGG', 'FIRST_VALUE', 'LAST_VALUE', 'ARRAY_AGG', 'JSON_ARRAYAGG'])

/** The relations that a relation is made of. */
export function inputsOf(plan: LogicalPlan): readonly LogicalPlan[] {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'late rows':
      return []
    case 'join':
    case 'set operation':
      return [plan.left, plan.right]
    default:
      return [plan.input]
  }
}

/** The same relation of other relations. */
export function mapInputs(plan: LogicalPlan, map: (input: LogicalPlan) => LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'late rows':
      return plan
    case 'join':
    case 'set operation':
      return { ...plan, left: map(plan.left), right: map(plan.right) }
    default:
      return { ...plan, input: map(plan.input) }
  }
}

/** Where a plan reads tables. */
export function scansOf(plan: LogicalPlan): readonly ScanPlan[] {
  return plan.kind === 'scan' ? [plan] : inputsOf(plan).flatMap(scansOf)
}

/** Whether no two rows of a relation agree in all of some expressions: then it does not matter which of them has come first. */
function isWholeOrder(plan: LogicalPlan, expressions: readonly BoundExpression[]): boolean {
  const key = plan.kind === 'scan' ? undefined : uniqueKeyOf(plan)
  return key?.every((column) => expressions.some((expression) => expression.kind === 'column' && expression.index === column)) === true
}

/** The groups of a plan on whose order of changes something depends: then their changes are told one by one. */
export function orderedGroups(plan: LogicalPlan, isBelow: boolean = false): readonly LogicalPlan[] {
  const isOrdered =
    (plan.kind === 'rank' && !isWholeOrder(plan.input, [...plan.partition, ...plan.order.map(({ expression }) => expression)])) ||
    plan.kind === 'over' ||
    (plan.kind === 'changelog' && plan.direction === 'to') ||
    (plan.kind === 'sort' &&
      plan.fetch !== undefined &&
      !isWholeOrder(
        plan.input,
        plan.keys.map(({ expression }) => expression),
      )) ||
    (plan.kind === 'aggregate' && plan.aggregates.some(({ name }) => ORDERED_AGGREGATES.has(name)))
  // Groups, and partitions of which the first rows are asked for.
  const isGroup =
    (plan.kind === 'aggregate' && plan.window === undefined) ||
    plan.kind === 'rank' ||
    (plan.kind === 'set operation' && plan.operator === 'UNION' && !plan.all)
  // Of a table with versions each of them counts.
  const hasVersions = plan.kind === 'join' && plan.strategy.kind === 'temporal'
  const below = inputsOf(plan).flatMap((input) => orderedGroups(input, isBelow || isOrdered || (hasVersions && input === plan.right)))
  return isBelow && isGroup ? [plan, ...below] : below
}
