// INSERT: which values of a query go into which columns of a table, by their places, by a list of names, or from PARTITION.

import { suggest } from '../base/suggest.ts'
import { type Field, formatType, type LogicalType, sameType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { type Catalog, type CatalogTable, meant, type Origin } from './catalog.ts'
import { ExpressionBinder } from './expression-binder.ts'
import { canAssign } from './implicit-casts.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { QueryBinder } from './query-binder.ts'
import { SqlError, type Span } from './sql-error.ts'
import { hintedTable } from './hints.ts'
import type { Insert, Name } from './syntax-tree.ts'
import { canCast } from './type-rules.ts'
import { adviceOnVariant } from './variant-advice.ts'

/** Rows that go into a table. */
export interface InsertPlan {
  /** With the options that a hint has said. */
  readonly table: CatalogTable
  /** Its columns are those of the table that are written, in their order, with their types: stored ones and metadata that is not virtual. */
  readonly plan: LogicalPlan
  /** The columns that were named; undefined: all. The others are NULL, which a sink that knows of it leaves as they are. */
  readonly columns: readonly string[] | undefined
  /** Values of the whole insert. */
  readonly partition: ReadonlyMap<string, BoundExpression>
  readonly isOverwrite: boolean
  readonly onConflict: Insert['onConflict']
  /** Where the table is named. */
  readonly origin?: Origin
}

/** The columns of a table that INSERT writes. */
export function writtenColumns(table: CatalogTable): readonly Field[] {
  return table.definition.columns.flatMap((column): Field[] =>
    column.kind === 'computed' || (column.kind === 'metadata' && column.isVirtual) ? [] : [{ name: column.name, type: column.type }],
  )
}

/**
 * The plan of an INSERT.
 *
 * @throws {SqlError} as {@link QueryBinder}; `UNKNOWN_TABLE`, `WRONG_KIND`, `UNKNOWN_COLUMN`, `DUPLICATE_COLUMN`, `WRONG_COLUMN_COUNT`, `WRONG_TYPE`, `NO_VALUE`, `INVALID_PARTITION`, `UNKNOWN_HINT`.
 */
export function bindInsert(insert: Insert, text: string, catalog: Catalog): InsertPlan {
  return new InsertBinder(insert, text, catalog).bind()
}

/** A plan whose columns go into those of a table, by their names; NULL where there is none. @throws {SqlError} `WRONG_TYPE` */
export function assignColumns(
  plan: LogicalPlan,
  columns: readonly Field[],
  sourceOf: (name: string) => BoundExpression | undefined,
  span: Span,
  text: string,
): LogicalPlan {
  const expressions = columns.map(({ name, type }, index) => {
    const { start, end } = span
    const source = sourceOf(name) ?? { kind: 'literal', value: null, type: withNullability(type, true), start, end }
    if (!canAssign(source.type, type))
      throw new SqlError(
        'WRONG_TYPE',
        text,
        span,
        `Column "${name}" is ${nameOf(type)}, and value ${index + 1} of the query is ${nameOf(source.type)}`,
        adviceOnVariant(source.type, type) ?? `Write CAST(… AS ${nameOf(type)}).`,
      )
    return cast(source, type, true)
  })
  const isSame = plan.columns.length === columns.length && expressions.every((one, index) => one.kind === 'column' && one.index === index)
  const fields = columns.map(({ name }, index) => ({ name, type: expressions[index].type }))
  return isSame ? { ...plan, columns: fields } : { kind: 'project', input: plan, expressions, columns: fields }
}

class InsertBinder {
  readonly #insert: Insert
  readonly #text: string
  readonly #catalog: Catalog

  constructor(insert: Insert, text: string, catalog: Catalog) {
    this.#insert = insert
    this.#text = text
    this.#catalog = catalog
  }

  bind(): InsertPlan {
    const { table: name, columns: names, query, overwrite, onConflict } = this.#insert
    const found = this.#catalog.find(name, this.#text)
    if (found.kind === 'view') throw this.#error('WRONG_KIND', name, `"${found.path[2]}" is a view, and nothing can be written to it`)
    const table = this.#withHints(found)
    const written = writtenColumns(table)
    this.#checkNames(names, written, table)
    const partition = this.#partition(table, written)
    // What PARTITION has said is not in the query.
    const targets = names.length > 0 ? names.map(({ text }) => text) : written.flatMap((column) => (partition.has(column.name) ? [] : [column.name]))
    const plan = new QueryBinder(this.#text, this.#catalog).bind(query)
    if (plan.columns.length !== targets.length) throw this.#wrongCount(plan, targets)
    for (const { name: column, type } of written)
      if (!type.nullable && !targets.includes(column) && !partition.has(column))
        throw this.#error('NO_VALUE', names[0] ?? name, `Column "${column}" gets no value, and it may not be NULL`)
    const { start, end } = query
    const sourceOf = (column: string): BoundExpression | undefined => {
      const index = targets.indexOf(column)
      return index < 0 ? partition.get(column) : { kind: 'column', index, type: plan.columns[index].type, start, end }
    }
    return {
      table,
      plan: assignColumns(plan, written, sourceOf, query, this.#text),
      columns: names.length === 0 ? undefined : targets,
      partition,
      isOverwrite: overwrite,
      onConflict,
      origin: { text: this.#text, start: name.start, end: name.end },
    }
  }

  #checkNames(names: readonly Name[], written: readonly Field[], table: CatalogTable): void {
    const seen = new Set<string>()
    for (const name of names) {
      this.#written(name, written, table)
      if (seen.has(name.text)) throw this.#error('DUPLICATE_COLUMN', name, `"${name.text}" is named twice`)
      seen.add(name.text)
    }
  }

  #written(name: Name, written: readonly Field[], table: CatalogTable): Field {
    const column = written.find((one) => one.name === name.text)
    if (column !== undefined) return column
    const other = table.definition.columns.find((one) => one.name === name.text)
    if (other !== undefined)
      throw this.#error(
        'UNKNOWN_COLUMN',
        name,
        `Column "${name.text}" is ${other.kind === 'computed' ? 'computed' : 'virtual'}, and nothing can be written to it`,
      )
    const near = suggest(
      name.text,
      written.map((one) => one.name),
    )
    throw this.#error('UNKNOWN_COLUMN', name, `Table "${table.path[2]}" has no column "${name.text}"`, meant(near))
  }

  /** What PARTITION says, cast to the types of its columns. */
  #partition(table: CatalogTable, written: readonly Field[]): ReadonlyMap<string, BoundExpression> {
    const values = new Map<string, BoundExpression>()
    const keys = table.definition.partitionedBy.map(({ name }) => name)
    for (const { column: name, value } of this.#insert.partition) {
      const column = this.#written(name, written, table)
      if (!keys.includes(name.text)) {
        const hint = keys.length === 0 ? undefined : `It is partitioned by ${keys.join(', ')}.`
        throw this.#error('INVALID_PARTITION', name, `Table "${table.path[2]}" is not partitioned by "${name.text}"`, hint)
      }
      if (values.has(name.text) || this.#insert.columns.some(({ text }) => text === name.text))
        throw this.#error('DUPLICATE_COLUMN', name, `"${name.text}" is named twice`)
      if (value?.kind !== 'literal' || value.type === 'null')
        throw this.#error('INVALID_PARTITION', value ?? name, 'A partition has a value that is written there', `Write ${name.text} = 'value'.`)
      const bound = new ExpressionBinder(this.#text, []).bind(value)
      if (!canCast(bound.type, column.type))
        throw this.#error('WRONG_TYPE', value, `Column "${name.text}" is ${nameOf(column.type)}, and this is ${nameOf(bound.type)}`)
      values.set(name.text, cast(bound, column.type, false))
    }
    return values
  }

  /** `OPTIONS('key' = 'value')` of the table. */
  #withHints(table: CatalogTable): CatalogTable {
    const { hints } = this.#insert
    const other = hints.find((hint) => hint.name.text.toUpperCase() !== 'OPTIONS')
    if (other !== undefined)
      throw this.#error('UNKNOWN_HINT', other.name, `There is no hint "${other.name.text}" for a table`, "Write OPTIONS('key' = 'value').")
    return hintedTable(table, hints, this.#text)
  }

  #wrongCount(plan: LogicalPlan, targets: readonly string[]): SqlError {
    const described = (count: number): string => (count === 1 ? '1 column' : `${count} columns`)
    const wanted = `${described(targets.length)} (${targets.join(', ')})`
    return this.#error('WRONG_COLUMN_COUNT', this.#insert.query, `The query has ${described(plan.columns.length)}, and it is inserted into ${wanted}`)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}

/** The same value in another type. What may be NULL stays so. */
function cast(operand: BoundExpression, type: LogicalType, isImplicit: boolean): BoundExpression {
  const own = withNullability(type, operand.type.nullable)
  const { start, end } = operand
  return sameType(own, operand.type) ? operand : { kind: 'cast', operand, isTry: false, isImplicit, type: own, start, end }
}

function nameOf(type: LogicalType): string {
  return formatType(withNullability(type, true))
}
