// Leaves out of plans what nobody asks for: columns of tables, and fields of rows in them. Sources then read less, and rows are narrower on their way.

import type { LogicalType } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { mapParts } from './expressions.ts'
import { inputsOf } from './plans.ts'
import type { ChangelogPlan, JoinPlan, LogicalPlan, PlanColumn, ScanPlan, SetPlan } from './logical-plan.ts'

/** What is asked for of columns, by their places: all of them, or some of their fields. */
export type Need = Map<number, 'all' | Set<number>>

/** Where columns, and the fields in them, have gone. */
interface Mapping {
  readonly places: ReadonlyMap<number, number>
  readonly fields: ReadonlyMap<number, ReadonlyMap<number, number>>
  /** The columns as they are now. */
  readonly columns: readonly PlanColumn[]
}

interface Pruned {
  readonly plan: LogicalPlan
  readonly mapping: Mapping
}

/** Adds what an expression asks for. */
export function addNeed(need: Need, expression: BoundExpression | undefined): void {
  if (expression === undefined) return
  const [column, field] = fieldOf(expression) ?? []
  if (column !== undefined) add(need, column, field)
  else if (expression.kind === 'column') add(need, expression.index, undefined)
  else
    mapParts(expression, (part) => {
      addNeed(need, part)
      return part
    })
}

function add(need: Need, column: number, field: number | undefined): void {
  const known = need.get(column)
  if (known === 'all') return
  if (field === undefined) need.set(column, 'all')
  else if (known === undefined) need.set(column, new Set([field]))
  else known.add(field)
}

/** The column and the field of it that an expression is. */
function fieldOf(expression: BoundExpression): readonly [column: number, field: number] | undefined {
  if (expression.kind !== 'call' || expression.name !== 'FIELD') return undefined
  const [of, place] = expression.operands
  return of.kind === 'column' && place.kind === 'literal' && typeof place.value === 'number' ? [of.index, place.value] : undefined
}

/** Columns of which only what is needed is left, in their order, and where each has gone. At least one is left. */
export function reduced<C extends { readonly type: LogicalType }>(
  columns: readonly C[],
  need: Need,
): { readonly columns: readonly C[]; readonly mapping: Mapping; readonly kept: readonly number[] } {
  const asked = [...need.keys()].toSorted((left, right) => left - right)
  const kept = asked.length > 0 ? asked : [0]
  const fields = new Map<number, ReadonlyMap<number, number>>()
  const left = kept.map((index) => {
    const column = columns[index]
    const of = need.get(index)
    if (of === undefined || of === 'all' || column.type.kind !== 'ROW' || of.size === column.type.fields.length) return column
    const ordered = [...of].toSorted((one, other) => one - other)
    fields.set(index, new Map(ordered.map((field, place) => [field, place])))
    const { type } = column
    return { ...column, type: { ...type, fields: ordered.map((field) => type.fields[field]) } }
  })
  const mapping = { places: new Map(kept.map((index, place) => [index, place])), fields, columns: left as unknown as readonly PlanColumn[] }
  return { columns: left, mapping, kept }
}

/** An expression over columns that have gone elsewhere. */
export function moved(expression: BoundExpression, { places, fields, columns }: Mapping): BoundExpression {
  const own = fieldOf(expression)
  if (own !== undefined && expression.kind === 'call') {
    const [of, place] = expression.operands
    const index = places.get(own[0])!
    const field = fields.get(own[0])?.get(own[1]) ?? own[1]
    return { ...expression, operands: [{ ...of, index, type: columns[index].type } as BoundExpression, { ...place, value: field } as BoundExpression] }
  }
  if (expression.kind === 'column') return { ...expression, index: places.get(expression.index)! }
  return mapParts(expression, (part) => moved(part, { places, fields, columns }))
}

/** Adds what columns of a table are computed from, its time attribute, and by what its rows are changed. */
function complete(table: CatalogTable, need: Need): void {
  const { columns, watermark, stream, primaryKey } = table
  if (stream?.isUpsert === true)
    for (const key of primaryKey)
      add(
        need,
        columns.findIndex(({ name }) => name === key),
        undefined,
      )
  if (watermark !== undefined) {
    add(
      need,
      columns.findIndex(({ name }) => name === watermark.column),
      undefined,
    )
    addNeed(need, watermark.expression)
  }
  const stored = columns.flatMap(({ computed }, index) => (computed === undefined ? [index] : []))
  for (const column of [...need.keys()]) {
    const ofStored: Need = new Map()
    addNeed(ofStored, columns[column].computed)
    for (const [place, of] of ofStored) for (const field of of === 'all' ? [undefined] : of) add(need, stored[place], field)
  }
}

function identity(columns: readonly PlanColumn[]): Mapping {
  return { places: new Map(columns.map((_, index) => [index, index])), fields: new Map(), columns }
}

function allOf(columns: readonly unknown[]): Need {
  return new Map(columns.map((_, index) => [index, 'all']))
}

/** Prunes the plans of one job: all that read a table agree on what they read of it. */
export class ColumnPruner {
  readonly #needs: Map<CatalogTable, Need>
  /** Whether plans were pruned before. */
  readonly #isPruned: boolean
  /** Whether needs are found out, or are known. */
  #isCollecting = true

  /** @param needs What is read of tables, for plans that were pruned before. */
  constructor(needs?: ReadonlyMap<CatalogTable, Need>) {
    this.#needs = new Map(needs)
    this.#isPruned = needs !== undefined
  }

  get needs(): ReadonlyMap<CatalogTable, Need> {
    return this.#needs
  }

  /** The plans without what nobody asks for. Their own columns stay. */
  prune(plans: readonly LogicalPlan[]): readonly LogicalPlan[] {
    if (this.#isPruned) return plans
    this.#isCollecting = true
    for (const plan of plans) this.#whole(plan)
    for (const [table, need] of this.#needs) complete(table, need)
    this.#isCollecting = false
    return plans.map((plan) => this.#whole(plan))
  }

  /** What is read of a table. */
  needOf(table: CatalogTable): Need {
    return this.#needs.get(table) ?? allOf(table.columns)
  }

  #whole(plan: LogicalPlan): LogicalPlan {
    const { plan: pruned, mapping } = this.#prune(plan, allOf(plan.columns))
    const isSame = pruned.columns.length === plan.columns.length && plan.columns.every((_, index) => mapping.places.get(index) === index)
    if (isSame) return pruned
    const expressions = plan.columns.map(({ type }, index): BoundExpression => ({ kind: 'column', index: mapping.places.get(index)!, type, start: 0, end: 0 }))
    return { kind: 'project', input: pruned, expressions, columns: plan.columns }
  }

  /** @param isProjected Whether what is behind it takes single columns anyway. */
  #prune(plan: LogicalPlan, wanted: Need, isProjected: boolean = false): Pruned {
    // Who reads its late rows sees all columns of its input.
    const need = plan.late === undefined ? wanted : new Map([...wanted, ...allOf(inputsOf(plan).flatMap(({ columns }) => columns))])
    switch (plan.kind) {
      case 'scan':
        return this.#scan(plan, need, isProjected)
      case 'values':
      case 'late rows':
        return { plan, mapping: identity(plan.columns) }
      case 'project': {
        const kept = need.size > 0 ? [...need.keys()].toSorted((left, right) => left - right) : [0]
        const inner: Need = new Map()
        for (const index of kept) {
          const expression = plan.expressions[index]
          const of = need.get(index)
          // Fields of a column that is only named are fields of what it names.
          if (expression.kind === 'column' && of !== undefined && of !== 'all') for (const field of of) add(inner, expression.index, field)
          else addNeed(inner, expression)
        }
        const input = this.#prune(plan.input, inner, true)
        const fields = new Map<number, ReadonlyMap<number, number>>()
        const expressions = kept.map((index) => {
          const expression = moved(plan.expressions[index], input.mapping)
          const own = plan.expressions[index]
          const gone = own.kind === 'column' ? input.mapping.fields.get(own.index) : undefined
          if (gone !== undefined) fields.set(index, gone)
          return expression.kind === 'column' ? { ...expression, type: input.plan.columns[expression.index].type } : expression
        })
        const columns = kept.map((index, place) => ({ ...plan.columns[index], ...(fields.has(index) && { type: expressions[place].type }) }))
        const pruned: LogicalPlan = { ...plan, input: input.plan, expressions, columns }
        return { plan: pruned, mapping: { places: new Map(kept.map((index, place) => [index, place])), fields, columns } }
      }
      case 'filter': {
        addNeed(need, plan.condition)
        const { plan: input, mapping } = this.#prune(plan.input, need, isProjected)
        return { plan: { ...plan, input, condition: moved(plan.condition, mapping), columns: input.columns }, mapping }
      }
      case 'sort': {
        for (const { expression } of plan.keys) addNeed(need, expression)
        const { plan: input, mapping } = this.#prune(plan.input, need)
        return {
          plan: { ...plan, input, keys: plan.keys.map((key) => ({ ...key, expression: moved(key.expression, mapping) })), columns: input.columns },
          mapping,
        }
      }
      case 'aggregate': {
        const inner: Need = plan.late === undefined ? new Map() : allOf(plan.input.columns)
        const width = plan.keys.length
        const needed = plan.aggregates.filter((_, index) => wanted.has(width + index))
        // Groups of all rows say at least that there are some.
        const kept = needed.length > 0 || width > 0 ? needed : plan.aggregates.slice(0, 1)
        for (const key of plan.keys) addNeed(inner, key)
        for (const { operands, filter } of kept) for (const part of [...operands, filter]) addNeed(inner, part)
        const { plan: input, mapping } = this.#prune(plan.input, inner, true)
        const keys = plan.keys.map((key) => moved(key, mapping))
        const aggregates = kept.map((aggregate) => ({
          ...aggregate,
          operands: aggregate.operands.map((operand) => moved(operand, mapping)),
          filter: aggregate.filter && moved(aggregate.filter, mapping),
        }))
        const left: Need = new Map(plan.columns.flatMap((_, index) => (index < width || kept.includes(plan.aggregates[index - width]) ? [[index, 'all']] : [])))
        const { columns, mapping: shown } = reduced(plan.columns, left)
        return { plan: { ...plan, input, keys, aggregates, columns }, mapping: shown }
      }
      case 'expand': {
        const added = plan.columns.slice(plan.input.columns.length)
        const { input, mapping } = this.#through(plan.input, need, plan.keys, added)
        return { plan: { ...plan, input, keys: plan.keys.map((key) => moved(key, mapping)), columns: mapping.columns }, mapping }
      }
      case 'window': {
        const added = plan.columns.slice(plan.input.columns.length)
        // The machine knows its time without a column.
        const asked = plan.spec.time === 'event' ? [plan.time, ...plan.partition] : plan.partition
        for (const column of asked) add(need, column, undefined)
        const { input, mapping } = this.#through(plan.input, need, [], added)
        const place = (column: number): number => mapping.places.get(column) ?? -1
        // What sessions are of keeps its mark.
        const columns = mapping.columns.map((column, index) => {
          const old = [...mapping.places].find(([, at]) => at === index)?.[0]
          return old === undefined ? column : { ...column, window: plan.columns[old].window }
        })
        return { plan: { ...plan, input, time: place(plan.time), partition: plan.partition.map(place), columns }, mapping: { ...mapping, columns } }
      }
      case 'over': {
        const added = plan.columns.slice(plan.input.columns.length)
        const parts = plan.calls.flatMap(({ operands, filter, partition, order }) => [
          ...operands,
          ...(filter === undefined ? [] : [filter]),
          ...partition,
          ...order.map(({ expression }) => expression),
        ])
        const { input, mapping } = this.#through(plan.input, need, parts, added)
        const calls = plan.calls.map((call) => ({
          ...call,
          operands: call.operands.map((operand) => moved(operand, mapping)),
          filter: call.filter && moved(call.filter, mapping),
          partition: call.partition.map((one) => moved(one, mapping)),
          order: call.order.map((key) => ({ ...key, expression: moved(key.expression, mapping) })),
        }))
        return { plan: { ...plan, input, calls, columns: mapping.columns }, mapping }
      }
      case 'rank': {
        const added = plan.columns.slice(plan.input.columns.length)
        if (typeof plan.to !== 'number') add(need, plan.to.column, undefined)
        const { input, mapping } = this.#through(plan.input, need, [...plan.partition, ...plan.order.map(({ expression }) => expression)], added)
        const to = typeof plan.to === 'number' ? plan.to : { column: mapping.places.get(plan.to.column)! }
        const partition = plan.partition.map((one) => moved(one, mapping))
        const order = plan.order.map((key) => ({ ...key, expression: moved(key.expression, mapping) }))
        return { plan: { ...plan, input, to, partition, order, columns: mapping.columns }, mapping }
      }
      case 'unnest': {
        const width = plan.input.columns.length
        const added = plan.columns.slice(width)
        const inner: Need = new Map([...need].filter(([column]) => column < width))
        addNeed(inner, plan.collection)
        const ofCondition: Need = new Map()
        addNeed(ofCondition, plan.condition)
        for (const [column, of] of ofCondition) if (column < width) for (const field of of === 'all' ? [undefined] : of) add(inner, column, field)
        const { input, mapping } = this.#through(plan.input, inner, [], added)
        const condition = plan.condition && moved(plan.condition, mapping)
        return { plan: { ...plan, input, collection: moved(plan.collection, mapping), condition, columns: mapping.columns }, mapping }
      }
      case 'changelog':
        return this.#changelog(plan, need)
      case 'join':
        return this.#join(plan, need)
      case 'set operation':
        return this.#setOperation(plan, need)
    }
  }

  #scan(plan: ScanPlan, need: Need, isProjected: boolean): Pruned {
    const { table } = plan
    if (this.#isCollecting) {
      const known = this.#needs.get(table) ?? new Map()
      // The columns of one table, however often it is read.
      for (const [column, of] of need) for (const field of of === 'all' ? [undefined] : of) add(known, column, field)
      this.#needs.set(table, known)
    }
    const { columns, mapping, kept } = reduced(plan.columns, this.#isCollecting ? need : this.needOf(table))
    const pruned: Pruned = { plan: { ...plan, places: kept.map((column) => plan.places[column]), columns }, mapping }
    return isProjected || this.#isCollecting ? pruned : narrowed(pruned, need)
  }

  /** Columns of an input that pass, with others behind them. */
  #through(
    inputPlan: LogicalPlan,
    need: Need,
    parts: readonly BoundExpression[],
    added: readonly PlanColumn[],
  ): { readonly input: LogicalPlan; readonly mapping: Mapping } {
    const width = inputPlan.columns.length
    const inner: Need = new Map([...need].filter(([column]) => column < width))
    for (const part of parts) addNeed(inner, part)
    const { plan: input, mapping } = this.#prune(inputPlan, inner)
    const places = new Map(mapping.places)
    added.forEach((_, index) => places.set(width + index, input.columns.length + index))
    return { input, mapping: { places, fields: mapping.fields, columns: [...input.columns, ...added] } }
  }

  #changelog(plan: ChangelogPlan, need: Need): Pruned {
    // What else a relation has says when its rows change.
    if (plan.direction === 'to') return { plan: { ...plan, input: this.#whole(plan.input) }, mapping: identity(plan.columns) }
    const { op } = plan
    const inner: Need = new Map([...need].map(([column, of]) => [column < op ? column : column + 1, of]))
    add(inner, op, undefined)
    const { plan: input, mapping } = this.#prune(plan.input, inner)
    const place = mapping.places.get(op)!
    const outside = (column: number, of: number): number => (column < of ? column : column - 1)
    const places = new Map([...mapping.places].flatMap(([old, now]) => (old === op ? [] : [[outside(old, op), outside(now, place)]])))
    const fields = new Map([...mapping.fields].map(([old, of]) => [outside(old, op), of]))
    const columns = input.columns.filter((_, index) => index !== place)
    return { plan: { ...plan, input, op: place, columns }, mapping: { places, fields, columns } }
  }

  #join(plan: JoinPlan, need: Need): Pruned {
    const width = plan.left.columns.length
    const isSemi = plan.type === 'SEMI' || plan.type === 'ANTI'
    const whole: Need = new Map([...need].map(([column, of]) => [column, of === 'all' ? 'all' : new Set(of)]))
    addNeed(whole, plan.condition)
    const { strategy } = plan
    if (strategy.kind === 'interval' || strategy.kind === 'temporal') {
      add(whole, strategy.leftTime, undefined)
      add(whole, width + strategy.rightTime, undefined)
    } else if (strategy.kind === 'window') {
      add(whole, strategy.leftEnd, undefined)
      add(whole, width + strategy.rightEnd, undefined)
    }
    // Versions are told apart by their whole key.
    const left = this.#prune(plan.left, new Map([...whole].filter(([column]) => column < width)))
    const right = this.#prune(plan.right, new Map([...whole].flatMap(([column, of]) => (column < width ? [] : [[column - width, of] as const]))))
    const leftWidth = left.plan.columns.length
    const places = new Map(left.mapping.places)
    for (const [old, place] of right.mapping.places) places.set(width + old, leftWidth + place)
    const fields = new Map(left.mapping.fields)
    for (const [old, of] of right.mapping.fields) fields.set(width + old, of)
    const given = [...left.plan.columns, ...right.plan.columns]
    const mapping: Mapping = { places, fields, columns: given }
    const columns = (isSemi ? left.plan.columns : given).map((column, index) => {
      const old = [...places].find(([, at]) => at === index)?.[0]
      const own = old === undefined ? undefined : plan.columns[old]
      if (own === undefined) return column
      return { ...own, type: fields.has(old!) ? { ...column.type, nullable: own.type.nullable } : own.type }
    })
    const condition = plan.condition && moved(plan.condition, mapping)
    const place = (column: number): number => left.mapping.places.get(column)!
    const rightPlace = (column: number): number => right.mapping.places.get(column)!
    const placed: JoinPlan['strategy'] =
      strategy.kind === 'regular' || strategy.kind === 'lookup'
        ? strategy
        : strategy.kind === 'window'
          ? { ...strategy, leftEnd: place(strategy.leftEnd), rightEnd: rightPlace(strategy.rightEnd) }
          : { ...strategy, leftTime: place(strategy.leftTime), rightTime: rightPlace(strategy.rightTime) }
    return { plan: { ...plan, left: left.plan, right: right.plan, condition, strategy: placed, columns }, mapping: { places, fields, columns } }
  }

  #setOperation(plan: SetPlan, need: Need): Pruned {
    const isBag = plan.operator === 'UNION' && plan.all
    const kept = isBag && need.size > 0 ? [...need.keys()].toSorted((one, other) => one - other) : plan.columns.map((_, index) => index)
    const columns = kept.map((index) => plan.columns[index])
    const side = (input: LogicalPlan): LogicalPlan => {
      const { plan: pruned, mapping } = this.#prune(input, new Map(kept.map((index) => [index, 'all'])))
      const isSame = pruned.columns.length === kept.length && kept.every((index, place) => mapping.places.get(index) === place)
      if (isSame) return pruned
      const expressions = kept.map((index): BoundExpression => ({
        kind: 'column',
        index: mapping.places.get(index)!,
        type: input.columns[index].type,
        start: 0,
        end: 0,
      }))
      return { kind: 'project', input: pruned, expressions, columns: kept.map((index) => input.columns[index]) }
    }
    return {
      plan: { ...plan, left: side(plan.left), right: side(plan.right), columns },
      mapping: { places: new Map(kept.map((index, place) => [index, place])), fields: new Map(), columns },
    }
  }
}

/** What is read of a table for others too, without their columns: what operators keep of it is then the same whatever else is asked of the table. */
function narrowed({ plan, mapping }: Pruned, need: Need): Pruned {
  const kept = (need.size > 0 ? [...need.keys()] : [...mapping.places.keys()].slice(0, 1)).toSorted((left, right) => left - right)
  if (kept.length === plan.columns.length) return { plan, mapping }
  const places = kept.map((column) => mapping.places.get(column)!)
  const columns = places.map((place) => plan.columns[place])
  const expressions = places.map((place): BoundExpression => ({ kind: 'column', index: place, type: plan.columns[place].type, start: 0, end: 0 }))
  return {
    plan: { kind: 'project', input: plan, expressions, isNarrowing: true, columns },
    mapping: { places: new Map(kept.map((column, place) => [column, place])), fields: mapping.fields, columns },
  }
}
