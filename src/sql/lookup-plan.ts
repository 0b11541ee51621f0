// Takes a lookup join apart: by which columns its table is asked, what is asked of it, and what is left to be looked at row by row.

import { type Field, isText, sameType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { and, columnsOf, conjunctsOf, replaceColumns } from './expressions.ts'
import type { JoinPlan, JoinStrategy, LogicalPlan } from './logical-plan.ts'
import { SqlError } from './sql-error.ts'
import { commonType } from './type-rules.ts'

/** A lookup join as it runs. */
export interface LookupSpec {
  readonly table: CatalogTable
  /** The stored columns that are asked for. */
  readonly stored: readonly Field[]
  /** The columns by which is asked, and their values of a row of the left side. */
  readonly keys: readonly { readonly column: Field; readonly value: BoundExpression }[]
  /** What must hold of a row of the left side for it to have partners. */
  readonly before: BoundExpression | undefined
  /** What must hold of a stored row. */
  readonly filter: BoundExpression | undefined
  /** The columns of the right side, of a stored row. */
  readonly projection: readonly BoundExpression[]
  /** What must hold of both sides, of the columns of the join. */
  readonly rest: BoundExpression | undefined
}

type Lookup = Omit<JoinPlan, 'strategy'> & { readonly strategy: LookupStrategy }

type LookupStrategy = Extract<JoinStrategy, { readonly kind: 'lookup' }>

/** A side that is projections and filters of one table: its columns, of those that are stored. */
interface Side {
  readonly table: CatalogTable
  readonly columns: readonly BoundExpression[]
  readonly filter: BoundExpression | undefined
}

/** Connectors whose tables can be asked for the rows of a key. */
export const LOOKUP_CONNECTORS = ['jdbc']

export function isLookedUp({ options }: CatalogTable): boolean {
  return LOOKUP_CONNECTORS.includes(options.get('connector') ?? '')
}

/** The table that a relation is rows of, as they are stored; undefined: it is more than projections and filters. */
export function lookedUpTable(plan: LogicalPlan): CatalogTable | undefined {
  return sideOf(plan)?.table
}

function sideOf(plan: LogicalPlan): Side | undefined {
  switch (plan.kind) {
    case 'scan': {
      const { table } = plan
      const stored = table.columns.filter(({ computed }) => computed === undefined)
      const columns = plan.places.map((place): BoundExpression => {
        const column = table.columns[place]
        return column.computed ?? { kind: 'column', index: stored.indexOf(column), type: column.type, start: 0, end: 0 }
      })
      return { table, columns, filter: undefined }
    }
    case 'project': {
      const input = sideOf(plan.input)
      return input && { ...input, columns: plan.expressions.map((expression) => over(expression, input)) }
    }
    case 'filter': {
      const input = sideOf(plan.input)
      if (input === undefined) return undefined
      const condition = over(plan.condition, input)
      return { ...input, filter: input.filter === undefined ? condition : and(input.filter, condition) }
    }
    default:
      return undefined
  }
}

function over(expression: BoundExpression, { columns }: Side): BoundExpression {
  return replaceColumns(expression, ({ index }) => columns[index])
}

/**
 * What a lookup join is made of.
 *
 * @throws {SqlError} `NO_KEY` if no column of the table is compared.
 */
export function lookupOf({ left, right, condition, strategy }: Lookup): LookupSpec {
  const side = sideOf(right)!
  const width = left.columns.length
  const stored = side.table.columns.filter(({ computed }) => computed === undefined)
  const keys = new Map<number, BoundExpression>()
  const before: BoundExpression[] = []
  const rest: BoundExpression[] = []
  for (const conjunct of conjunctsOf(condition)) {
    const key = keyOf(conjunct, width, side)
    if (key !== undefined && !keys.has(key.column)) keys.set(key.column, key.value)
    else if ([...columnsOf(conjunct)].every((column) => column < width)) before.push(conjunct)
    else rest.push(conjunct)
  }
  if (keys.size === 0) {
    const { origin } = strategy
    throw new SqlError(
      'NO_KEY',
      origin.text,
      origin,
      `Table "${side.table.path[2]}" is looked up by no column: ON compares none of its columns with a value of the same type`,
      'Write ON ... = a column of the table; CAST the other side where types differ.',
    )
  }
  const asked = new Set<number>()
  for (const expression of [...side.columns, ...(side.filter === undefined ? [] : [side.filter])]) columnsOf(expression, asked)
  const places = [...asked].toSorted((one, other) => one - other)
  const placed = (expression: BoundExpression): BoundExpression => replaceColumns(expression, (column) => ({ ...column, index: places.indexOf(column.index) }))
  const all = (parts: readonly BoundExpression[]): BoundExpression | undefined => (parts.length === 0 ? undefined : parts.reduce(and))
  return {
    table: side.table,
    stored: places.map((place) => stored[place]),
    keys: [...keys].map(([column, value]) => ({ column: stored[column], value })),
    before: all(before),
    filter: side.filter && placed(side.filter),
    projection: side.columns.map(placed),
    rest: all(rest),
  }
}

/** The stored column that a condition compares with a value of the left side, or with a constant. */
function keyOf(conjunct: BoundExpression, width: number, side: Side): { readonly column: number; readonly value: BoundExpression } | undefined {
  if (conjunct.kind !== 'call' || conjunct.name !== '=') return undefined
  const [one, other] = conjunct.operands
  return pairOf(one, other, width, side) ?? pairOf(other, one, width, side)
}

function pairOf(value: BoundExpression, of: BoundExpression, width: number, { columns }: Side): ReturnType<typeof keyOf> {
  if (of.kind !== 'column' || of.index < width || [...columnsOf(value)].some((column) => column >= width)) return undefined
  const own = columns[of.index - width]
  if (own.kind !== 'column') return undefined
  const { type } = own
  if (isText(type) && isText(value.type)) return { column: own.index, value }
  const common = commonType(value.type, type)
  // The store compares: what would have to be cast there is compared here, row by row.
  if (common === undefined || !sameType(withNullability(common, true), withNullability(type, true))) return undefined
  const wanted = withNullability(type, value.type.nullable)
  if (sameType(wanted, value.type)) return { column: own.index, value }
  const { start, end } = value
  return { column: own.index, value: { kind: 'cast', operand: value, type: wanted, isTry: false, isImplicit: true, start, end } }
}
