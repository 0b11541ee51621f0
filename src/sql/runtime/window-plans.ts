// How groups of windows are planned: which of them can be made of slices, which aggregates cannot be of windows that overlap or merge, and when results
// come before a window ends or after.

import { PlanError } from '../../base/errors.ts'
import type { AlignedWindows } from '../../operator/window/slices.ts'
import type { BoundAggregate, BoundExpression } from '../bound-expression.ts'
import type { Origin } from '../catalog.ts'
import { columnsOf } from '../expressions.ts'
import type { AggregatePlan, LogicalPlan, WindowPlan, WindowSpec } from '../logical-plan.ts'
import { errorAt, type Span } from '../sql-error.ts'

/** `table.exec.emit.*`: undefined delays are those of what is not asked for, and NaN those that are missing. */
export interface EmitOptions {
  /** After how long a window says what it has so far; 0: with each row. */
  readonly earlyMs: number | undefined
  /** The same of rows that come after its end. */
  readonly lateMs: number | undefined
  /** How long a window takes rows after its end. */
  readonly latenessMs: number
}

/** Those that Flink cannot put together of parts. */
const UNMERGED = /^(?:FIRST_VALUE|LAST_VALUE|JSON_ARRAYAGG)$/
const NOT_DISTINCT = /^(?:SUM|LISTAGG)$/
const OF_TEXTS = /^JSON_\w+AGG$/

/** Groups of windows. */
export type WindowGroups = AggregatePlan & { readonly window: NonNullable<AggregatePlan['window']> }

/**
 * Whether rows come to groups of windows straight from where they got them: nothing asks on the way in which window they are, so that they need not come
 * once for each.
 */
export function isStraight({ input, keys, aggregates, window: { spec, start, end } }: WindowGroups): boolean {
  // A bound that is a key once more is asked for too.
  const isBoundAgain = keys.some((key, index) => {
    const part = key.kind === 'column' ? input.columns[key.index].window : undefined
    return index !== start && index !== end && part?.of === spec && (part.part === 'start' || part.part === 'end')
  })
  if (isBoundAgain) return false
  const asks = (plan: LogicalPlan, expressions: readonly (BoundExpression | undefined)[]): boolean =>
    expressions.some(
      (expression) =>
        expression !== undefined && expression.kind !== 'column' && [...columnsOf(expression)].some((column) => isOf(plan.columns[column]?.window, spec)),
    )
  const own = aggregates.flatMap(({ operands, filter }) => [...operands, filter])
  if (asks(input, [...keys, ...own]) || own.some((one) => one?.kind === 'column' && isOf(input.columns[one.index].window, spec))) return false
  for (let plan = input; plan.kind !== 'window'; plan = plan.input) {
    if (plan.kind !== 'project' && plan.kind !== 'filter' && plan.kind !== 'expand') return false
    if (asks(plan.input, plan.kind === 'project' ? plan.expressions : plan.kind === 'filter' ? [plan.condition] : plan.keys)) return false
  }
  return true
}

function isOf(window: { readonly of: WindowSpec; readonly part: string } | undefined, spec: WindowSpec): boolean {
  return window?.of === spec && window.part !== 'key'
}

/** Windows as kernels know them: whose borders lie on a grid; undefined: they do not. */
export function alignedOf({ kind, sizeMs, stepMs, offsetMs, time, isLocal }: WindowSpec, timeZone: string): AlignedWindows | undefined {
  // Clocks on the wall go forward and back: of processing time they are looked at once a batch.
  if (time === 'event' && isLocal && timeZone !== 'UTC') return undefined
  switch (kind) {
    case 'TUMBLE':
      return { kind: 'tumbling', sizeMs, offsetMs }
    case 'HOP':
      return { kind: 'sliding', sizeMs, slideMs: stepMs, offsetMs }
    case 'CUMULATE':
      return { kind: 'cumulative', sizeMs, stepMs, offsetMs }
    case 'SESSION':
      return undefined
  }
}

/**
 * The sessions of groups whose rows all come to them, and whose keys are those that they are sessions of: then the groups can find the sessions themselves;
 * undefined: they cannot, since sessions are of other times than those of events or lie as clocks on the wall show them, or their late rows are read.
 */
export function ownSessionsOf({ input, keys, window: { spec } }: WindowGroups, timeZone: string): WindowPlan | undefined {
  if (spec.kind !== 'SESSION' || spec.time !== 'event' || (spec.isLocal && timeZone !== 'UTC')) return undefined
  let plan = input
  let columns = keys.map((key) => (key.kind === 'column' ? key.index : -1))
  for (; plan.kind === 'project'; plan = plan.input) {
    const { expressions } = plan
    columns = columns.map((column) => (expressions[column]?.kind === 'column' ? expressions[column].index : -1))
  }
  if (plan.kind !== 'window' || plan.late !== undefined) return undefined
  const { partition } = plan
  const width = plan.input.columns.length
  // Those of GROUP BY SESSION are what it is grouped by, however that is said.
  const areOwn =
    spec.isLegacy || (columns.every((column) => column >= width || partition.includes(column)) && partition.every((column) => columns.includes(column)))
  return areOwn ? plan : undefined
}

/** Windows none of which overlap, that end when others end: for rows that know the end of their window. */
export function endsOf(windows: AlignedWindows): AlignedWindows {
  const sizeMs = windows.kind === 'tumbling' ? windows.sizeMs : windows.kind === 'sliding' ? windows.slideMs : windows.stepMs
  return { kind: 'tumbling', sizeMs, offsetMs: (windows.offsetMs + windows.sizeMs) % sizeMs }
}

/** The places of keys that are windows' last instants. */
export function timesOf({ input, keys, window: { spec } }: WindowGroups): readonly number[] {
  return keys.flatMap((key, index) => {
    const window = key.kind === 'column' ? input.columns[key.index].window : undefined
    return window?.of === spec && window.part === 'time' ? [index] : []
  })
}

/** Where a call of a plan stands. */
export function originIn({ origin }: Pick<LogicalPlan, 'origin'>, { start, end }: Span): Origin | undefined {
  return origin && { text: origin.text, start, end }
}

/** @throws {PlanError} `AGGREGATE_WINDOW` */
export function checkMerging({ aggregates, window: { spec }, origin }: WindowGroups, straight: boolean): void {
  const ofParts = straight && spec.kind !== 'TUMBLE'
  // Of what slices have in common Flink takes one out again, which it can of few aggregates.
  const isHop = ofParts && spec.kind === 'HOP' && !spec.isLegacy
  const wrong = aggregates.find(
    ({ name, isDistinct }) => (ofParts && UNMERGED.test(name)) || (spec.isLegacy && OF_TEXTS.test(name)) || (isHop && isDistinct && NOT_DISTINCT.test(name)),
  )
  if (wrong === undefined) return
  const hint = spec.kind === 'TUMBLE' ? 'Use the table function of the windows.' : 'Use TUMBLE windows.'
  throw errorAt(
    originIn({ origin }, wrong),
    'AGGREGATE_WINDOW',
    `${wrong.name}${wrong.isDistinct ? ' of distinct values' : ''} cannot be of ${spec.kind} windows${spec.isLegacy ? ' of GROUP BY' : ''}`,
    hint,
  )
}

/** Whether windows can be computed of their parts: an aggregate of a user may say that it cannot. */
export function canMerge(aggregates: readonly BoundAggregate[]): boolean {
  return aggregates.every(({ user }) => user === undefined || user.signature.code.merge !== undefined)
}

/** @throws {PlanError} `NO_RETRACT` if an aggregate of a user cannot take rows out again. @param reason Why it has to. */
export function checkRetraction(plan: LogicalPlan, aggregates: readonly BoundAggregate[], reason: string): void {
  const wrong = aggregates.find(({ user }) => user !== undefined && user.signature.code.retract === undefined)
  if (wrong !== undefined)
    throw errorAt(
      originIn(plan, wrong),
      'NO_RETRACT',
      `Aggregate function "${wrong.name}" has no retract(), and ${reason}`,
      'Write retract(accumulator, ...values), which undoes accumulate().',
    )
}

/** What windows say before and after their end; undefined: nothing. @throws {PlanError} `EMIT_WINDOW`, `INVALID_OPTION` */
export function emitOf({ earlyMs, lateMs, latenessMs }: EmitOptions, spec: WindowSpec): EmitOptions | undefined {
  if (earlyMs === undefined && lateMs === undefined) return undefined
  if (!spec.isLegacy || spec.kind === 'SESSION')
    throw new PlanError('EMIT_WINDOW', `There are no early nor late results of ${spec.isLegacy ? 'SESSION windows' : 'table functions of windows'}`, {
      hint: "Leave 'table.exec.emit.early-fire.enabled' and 'table.exec.emit.late-fire.enabled' out.",
    })
  for (const [name, delayMs] of [['early', earlyMs] as const, ['late', lateMs] as const])
    if (Number.isNaN(delayMs)) throw new PlanError('INVALID_OPTION', `'table.exec.emit.${name}-fire.enabled' needs 'table.exec.emit.${name}-fire.delay'`)
  if (spec.time === 'processing') return earlyMs === undefined ? undefined : { earlyMs, lateMs: undefined, latenessMs: 0 }
  if (lateMs === undefined) return { earlyMs, lateMs, latenessMs: 0 }
  if (latenessMs <= 0) throw new PlanError('INVALID_OPTION', "Late results need 'table.exec.emit.allow-lateness'", { hint: 'Say how late rows may be.' })
  if (lateMs > latenessMs)
    throw new PlanError('INVALID_OPTION', `Late results are asked for after ${lateMs} ms, and rows that are ${latenessMs} ms late count no more`)
  return { earlyMs, lateMs, latenessMs }
}
