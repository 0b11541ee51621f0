// CREATE TABLE with LIKE another table, and AS a query: whose columns, keys and options the new table has.

import { formatType, type LogicalType } from '../batch/types.ts'
import { type CatalogTable, type DefinedColumn, type TableDefinition } from './catalog.ts'
import { canAssign } from './implicit-casts.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { CreateTable, LikeClause } from './syntax-tree.ts'
import { definitionOf, findColumn, originOf } from './table-definition.ts'

type Strategy = LikeClause['options'][number]['strategy']

const FEATURES = ['CONSTRAINTS', 'DISTRIBUTION', 'GENERATED', 'METADATA', 'OPTIONS', 'PARTITIONS', 'WATERMARKS'] as const
type Feature = (typeof FEATURES)[number]
/** Features of which the new table's and the other one's cannot both be there. */
const WITHOUT_OVERWRITING: ReadonlySet<string> = new Set(['ALL', 'CONSTRAINTS', 'DISTRIBUTION', 'PARTITIONS'])

/**
 * A table that is made like another one.
 *
 * @throws {SqlError} `INVALID_LIKE`, `DUPLICATE_COLUMN`, as {@link definitionOf}
 */
export function likeTable(statement: CreateTable, like: LikeClause, base: CatalogTable, text: string): TableDefinition {
  const own = definitionOf(statement, text)
  const from = base.definition
  const strategies = strategiesOf(like, text)
  const isTaken = (feature: Feature): boolean => strategies.get(feature) !== 'EXCLUDING'
  const refuse = (span: Span, what: string, hint: string): SqlError => new SqlError('INVALID_LIKE', text, span, what, hint)
  if (own.primaryKey !== undefined && from.primaryKey !== undefined && isTaken('CONSTRAINTS'))
    throw refuse(own.primaryKey.origin, 'The other table has a primary key already', 'Write EXCLUDING CONSTRAINTS.')
  if (own.partitionedBy.length > 0 && from.partitionedBy.length > 0 && isTaken('PARTITIONS'))
    throw refuse(own.partitionedBy[0].origin, 'The other table is partitioned already', 'Write EXCLUDING PARTITIONS.')
  if (own.distribution !== undefined && from.distribution !== undefined && isTaken('DISTRIBUTION'))
    throw refuse(statement.name, 'The other table is distributed already', 'Write EXCLUDING DISTRIBUTION.')
  const isReplaced = own.watermark === undefined || strategies.get('WATERMARKS') === 'OVERWRITING'
  if (own.watermark !== undefined && from.watermark !== undefined && isTaken('WATERMARKS') && (!isReplaced || own.watermark.column !== from.watermark.column))
    throw refuse(own.watermark.origin, 'The other table has a watermark already', 'Write EXCLUDING WATERMARKS.')
  const columns = likeColumns(own.columns, from.columns, strategies)
  const primaryKey = own.primaryKey ?? (isTaken('CONSTRAINTS') ? from.primaryKey : undefined)
  return {
    columns,
    primaryKey,
    watermark: own.watermark ?? (isTaken('WATERMARKS') ? from.watermark : undefined),
    partitionedBy: own.partitionedBy.length > 0 ? own.partitionedBy : from.partitionedBy,
    distribution: own.distribution ?? from.distribution,
    options: likeOptions(statement, from.options, strategies.get('OPTIONS')!, text),
    comment: own.comment,
  }
}

/** What becomes of each feature of the other table. */
function strategiesOf(like: LikeClause, text: string): ReadonlyMap<Feature, Strategy> {
  const strategies = new Map<Feature, Strategy>(FEATURES.map((feature) => [feature, feature === 'OPTIONS' ? 'OVERWRITING' : 'INCLUDING']))
  const seen = new Set<string>()
  for (const { strategy, feature } of like.options) {
    if (seen.has(feature)) throw new SqlError('INVALID_LIKE', text, like, `${feature} is said twice`)
    seen.add(feature)
    if (strategy === 'OVERWRITING' && WITHOUT_OVERWRITING.has(feature))
      throw new SqlError('INVALID_LIKE', text, like, `There is no OVERWRITING ${feature}`, 'Write INCLUDING or EXCLUDING.')
  }
  const all = like.options.find(({ feature }) => feature === 'ALL')
  if (all !== undefined) for (const feature of FEATURES) strategies.set(feature, all.strategy)
  for (const { strategy, feature } of like.options) if (feature !== 'ALL') strategies.set(feature as Feature, strategy)
  return strategies
}

/** The other table's columns, then the new ones; those that replace one stand in its place. */
function likeColumns(own: readonly DefinedColumn[], from: readonly DefinedColumn[], strategies: ReadonlyMap<Feature, Strategy>): readonly DefinedColumn[] {
  const featureOf = ({ kind }: DefinedColumn): Feature | undefined => (kind === 'physical' ? undefined : kind === 'computed' ? 'GENERATED' : 'METADATA')
  const columns = from.filter((column) => {
    const feature = featureOf(column)
    return feature === undefined || strategies.get(feature) !== 'EXCLUDING'
  })
  const inherited = columns.length
  for (const column of own) {
    const index = columns.findIndex(({ name }) => name === column.name)
    if (index < 0) {
      columns.push(column)
      continue
    }
    const feature = featureOf(column)
    const { name, origin } = column
    const isOther = index < inherited
    const refuse = (hint: string | undefined): SqlError =>
      new SqlError(
        'DUPLICATE_COLUMN',
        origin.text,
        origin,
        isOther ? `The other table has a column "${name}" already` : `There are two columns "${name}"`,
        hint,
      )
    if (!isOther || feature === undefined) throw refuse(undefined)
    if (columns[index].kind !== column.kind) throw refuse(`${column.kind === 'computed' ? 'Computed columns replace' : 'Metadata replaces'} only their like.`)
    if (strategies.get(feature) !== 'OVERWRITING') throw refuse(`Write EXCLUDING ${feature} or OVERWRITING ${feature}.`)
    columns[index] = column
  }
  return columns
}

function likeOptions(statement: CreateTable, from: ReadonlyMap<string, string>, strategy: Strategy, text: string): ReadonlyMap<string, string> {
  const options = new Map(strategy === 'EXCLUDING' ? [] : from)
  for (const option of statement.options) {
    if (strategy === 'INCLUDING' && from.has(option.key))
      throw new SqlError(
        'INVALID_LIKE',
        text,
        option,
        `The other table has an option "${option.key}" already`,
        'Write EXCLUDING OPTIONS or OVERWRITING OPTIONS.',
      )
    options.set(option.key, option.value)
  }
  return options
}

/** A table that holds what a query answers, and which of the query's columns goes where. */
export interface TableAsQuery {
  readonly definition: TableDefinition
  /** By the names of the table's columns; the others are NULL. */
  readonly sources: ReadonlyMap<string, number>
}

/**
 * A table that is made from a query.
 *
 * @throws {SqlError} `DUPLICATE_COLUMN`, `UNKNOWN_COLUMN`, `WRONG_COLUMN_COUNT`, `WRONG_TYPE`, as {@link definitionOf}
 */
export function tableAsQuery(statement: CreateTable, plan: LogicalPlan, text: string): TableAsQuery {
  if (statement.temporary) throw new SqlError('NOT_SUPPORTED', text, statement.name, 'A temporary table cannot be made from a query', 'Leave TEMPORARY out.')
  const own = definitionOf(statement, text)
  const places = sourceOrder(statement, plan, text)
  const origin = originOf(statement.query!, text)
  const fromQuery = places.map((place): DefinedColumn => {
    const { name, type } = plan.columns[place]
    const said = own.columns.find((column) => column.name === name)
    return said === undefined ? { kind: 'physical', name, type, comment: undefined, origin } : asSaid(said, type)
  })
  const added = own.columns.filter((column) => !fromQuery.some(({ name }) => name === column.name))
  // Twice the same name stays twice, to be refused.
  const columns = [...added, ...fromQuery]
  const { primaryKey } = own
  if (primaryKey !== undefined) for (const { name, origin: at } of primaryKey.columns) findColumn(name, at, columns)
  for (const column of added)
    if (column.kind === 'physical' && !column.type.nullable)
      throw new SqlError('NO_VALUE', column.origin.text, column.origin, `The query has no column "${column.name}", and it may not be NULL`)
  const sources = new Map(places.map((place) => [plan.columns[place].name, place]))
  return { definition: { ...own, columns }, sources }
}

/** A column of the query that is defined too: its values must go there without a CAST. */
function asSaid(said: DefinedColumn, type: LogicalType): DefinedColumn {
  const { name, origin } = said
  if (said.kind === 'computed' || (said.kind === 'metadata' && said.isVirtual))
    throw new SqlError(
      'DUPLICATE_COLUMN',
      origin.text,
      origin,
      `The query has a column "${name}", which a ${said.kind === 'computed' ? 'computed' : 'virtual'} one cannot hold`,
    )
  if (!canAssign(type, said.type) || (type.nullable && !said.type.nullable))
    throw new SqlError(
      'WRONG_TYPE',
      origin.text,
      origin,
      `"${name}" is ${formatType(said.type)} here, and ${formatType(type)} in the query`,
      'CAST it in the query.',
    )
  return said
}

/** Places of the query's columns in the order that a list of names says. */
function sourceOrder({ columnNames }: CreateTable, { columns }: LogicalPlan, text: string): readonly number[] {
  if (columnNames.length === 0) return columns.map((_, index) => index)
  if (columnNames.length !== columns.length)
    throw new SqlError('WRONG_COLUMN_COUNT', text, columnNames[0], `${columnNames.length} names stand for ${columns.length} columns`)
  const seen = new Set<string>()
  return columnNames.map((name) => {
    if (seen.has(name.text)) throw new SqlError('DUPLICATE_COLUMN', text, name, `"${name.text}" is named twice`)
    seen.add(name.text)
    return columns.indexOf(findColumn(name.text, originOf(name, text), columns))
  })
}
