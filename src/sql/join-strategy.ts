// How a join can be done, by its condition: window by window, within bounds of time, or with all of both sides.

import type { BoundExpression } from './bound-expression.ts'
import { conjunctsOf } from './expressions.ts'
import type { JoinPlan, JoinStrategy, PlanColumn } from './logical-plan.ts'

/** The strategy that a join's whole condition allows. */
export function strategyOf(plan: Pick<JoinPlan, 'left' | 'right' | 'condition' | 'type'>): JoinStrategy {
  return windowJoin(plan) ?? intervalJoin(plan) ?? { kind: 'regular' }
}

type Column = BoundExpression & { readonly kind: 'column' }

/** Both sides have windows of one kind, and their beginnings and ends are compared. */
function windowJoin({ left, right, condition }: Pick<JoinPlan, 'left' | 'right' | 'condition'>): JoinStrategy | undefined {
  const width = left.columns.length
  const ends: { start?: readonly [number, number]; end?: readonly [number, number] } = {}
  for (const conjunct of conjunctsOf(condition)) {
    if (conjunct.kind !== 'call' || conjunct.name !== '=') continue
    const [one, other] = conjunct.operands.toSorted((a, b) => (a as Column).index - (b as Column).index)
    if (one.kind !== 'column' || other.kind !== 'column' || one.index < 0 || one.index >= width || other.index < width) continue
    const windows = [left.columns[one.index].window, right.columns[other.index - width]?.window]
    if (windows[0] === undefined || windows[1] === undefined || windows[0].part !== windows[1].part || windows[0].part === 'time' || windows[0].part === 'key')
      continue
    if (JSON.stringify(windows[0].of) !== JSON.stringify(windows[1].of)) continue
    ends[windows[0].part] = [one.index, other.index - width]
  }
  if (ends.start === undefined || ends.end === undefined) return undefined
  return { kind: 'window', leftEnd: ends.end[0], rightEnd: ends.end[1] }
}

interface Bound {
  readonly left: number
  readonly right: number
  /** What is added to the left time. */
  readonly ms: number
  readonly isLower: boolean
}

/** The times of both sides lie within two bounds of each other. */
function intervalJoin({ left, right, condition, type }: Pick<JoinPlan, 'left' | 'right' | 'condition' | 'type'>): JoinStrategy | undefined {
  if (type === 'SEMI' || type === 'ANTI') return undefined
  const width = left.columns.length
  const columns = [...left.columns, ...right.columns]
  const conjuncts = conjunctsOf(condition)
  if (!conjuncts.some((conjunct) => isEquality(conjunct, width))) return undefined
  const bounds = conjuncts.flatMap((conjunct) => boundsOf(conjunct, columns, width))
  const lower = bounds.find(({ isLower }) => isLower)
  if (lower === undefined) return undefined
  const upper = bounds.find((bound) => !bound.isLower && bound.left === lower.left && bound.right === lower.right)
  if (upper === undefined) return undefined
  const time = columns[lower.left].time!
  return { kind: 'interval', leftTime: lower.left, rightTime: lower.right, lowerMs: lower.ms, upperMs: upper.ms, time }
}

function isEquality(conjunct: BoundExpression, width: number): boolean {
  if (conjunct.kind !== 'call' || conjunct.name !== '=') return false
  const [one, other] = conjunct.operands
  return one.kind === 'column' && other.kind === 'column' && one.index < width !== other.index < width
}

/** The bounds that a comparison of two times is: one, or both for an equality. */
function boundsOf(conjunct: BoundExpression, columns: readonly PlanColumn[], width: number): readonly Bound[] {
  if (conjunct.kind !== 'call' || !['<', '<=', '>', '>=', '='].includes(conjunct.name)) return []
  const [one, other] = conjunct.operands.map((operand) => instantOf(operand, columns))
  if (one === undefined || other === undefined || one.column < width === other.column < width) return []
  if (columns[one.column].time !== columns[other.column].time) return []
  const isSwapped = one.column < width
  // right + rightMs ? left + leftMs
  const [right, left] = isSwapped ? [other, one] : [one, other]
  const operator = isSwapped ? SWAPPED[conjunct.name] : conjunct.name
  const ms = left.ms - right.ms
  const bound = (isLower: boolean, distance: number): Bound => ({ left: left.column, right: right.column - width, ms: distance, isLower })
  switch (operator) {
    case '>':
      return [bound(true, ms + 1)]
    case '>=':
      return [bound(true, ms)]
    case '<':
      return [bound(false, ms - 1)]
    case '<=':
      return [bound(false, ms)]
    default:
      return [bound(true, ms), bound(false, ms)]
  }
}

const SWAPPED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' }

/** A time attribute, and how far from it. */
function instantOf(expression: BoundExpression, columns: readonly PlanColumn[]): { readonly column: number; readonly ms: number } | undefined {
  if (expression.kind === 'column') return columns[expression.index]?.time === undefined ? undefined : { column: expression.index, ms: 0 }
  if (expression.kind !== 'call' || (expression.name !== '+' && expression.name !== '-')) return undefined
  const [one, other] = expression.operands
  if (other.kind !== 'literal' || other.type.kind !== 'INTERVAL_DAY_TIME' || typeof other.value !== 'number') return undefined
  const instant = instantOf(one, columns)
  return instant && { column: instant.column, ms: instant.ms + (expression.name === '+' ? other.value : -other.value) }
}
