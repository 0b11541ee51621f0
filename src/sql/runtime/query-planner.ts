// Makes the transformations of a query: which operators its relations become, and how rows find their way between them.

import { systemClock } from '../../base/clock.ts'
import { PlanError } from '../../base/errors.ts'
import { type Field, formatType, type LogicalType, sameType, Schema, withNullability } from '../../batch/types.ts'
import { collectionSource } from '../../connector/collection/collection-source.ts'
import type { ScanQuery } from '../../connector/lookup/scan-table.ts'
import { userError } from '../../operator/function.ts'
import { WatermarkOperator, type WatermarkRules } from '../../operator/basic/watermark-operator.ts'
import type { Operator } from '../../operator/operator.ts'
import type { Sink } from '../../operator/sink.ts'
import { SliceWindowOperator } from '../../operator/window/slice-window-operator.ts'
import { type AlignedWindows, formatWindows, watermarkViewOf } from '../../operator/window/slices.ts'
import { addSink } from '../../plan/sink-transformation.ts'
import { type Edge, LogicalGraph, type Partitioner, type Transformation, type TransformationBody } from '../../plan/transformation.ts'
import type { StateTtlConfig } from '../../state/state.ts'
import type { WatermarkStrategySpec } from '../../time/watermark-strategy.ts'
import type { WatermarkView } from '../../time/watermark-view.ts'
import { AGGREGATE_FUNCTIONS } from '../aggregate-types.ts'
import { type BoundAggregate, type BoundCall, type BoundExpression, textOf } from '../bound-expression.ts'
import { boundText, type ColumnNames, orderText, selectText } from '../bound-text.ts'
import type { CatalogColumn, CatalogTable, Origin } from '../catalog.ts'
import type { CompiledOperator } from '../compiled-plan.ts'
import { addNeed, ColumnPruner, moved, type Need, reduced } from '../column-pruning.ts'
import { failureOf } from '../expression-failure.ts'
import { scalarCodeOf } from '../functions/functions.ts'
import type { InsertPlan } from '../insert-binder.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { interpret } from '../interpreter.ts'
import { AggregateParts, isMergeable, isOfDifferent, partOfRow } from '../aggregate-parts.ts'
import { withSplitDistinct } from '../distinct-split.ts'
import { withOrderedJoins } from '../join-order.ts'
import type { Value } from '../value.ts'
import type {
  AggregatePlan,
  BoundOver,
  ChangelogPlan,
  ExpandPlan,
  JoinPlan,
  LateRowsPlan,
  LogicalPlan,
  OverPlan,
  RankPlan,
  ScanPlan,
  SetPlan,
  SortKey,
  SortPlan,
  UnnestPlan,
  ValuesPlan,
  WindowPlan,
} from '../logical-plan.ts'
import {
  type Attributes,
  changelogAttributes,
  expandAttributes,
  groupAttributes,
  groupText,
  joinAttributes,
  namesOf,
  nodeText,
  overAttributes,
  rankAttributes,
  rowsText,
  sortAttributes,
  specText,
  unnestAttributes,
  windowAttributes,
} from '../plan-text.ts'
import { partitionConditions, type PartitionConditions } from '../partition-pruning.ts'
import { columnAt, inputsOf, orderedGroups, uniqueKeyOf, windowOf } from '../plans.ts'
import { PlanDigests, tableDigest } from '../plan-digests.ts'
import { withRanks } from '../rank-rule.ts'
import { columnOrderOf } from './row-order.ts'
import { errorAt } from '../sql-error.ts'
import { computedType, ROW_KIND_COLUMN, SOURCE_WATERMARK, type TableStream } from '../table-stream.ts'
import { commonType } from '../type-rules.ts'
import { CalcOperator, isColumnar } from './calc-operator.ts'
import { fromChangelog, toChangelog } from './changelog-maps.ts'
import { ChangelogNormalizeOperator } from './changelog-normalize-operator.ts'
import { areFixed, areFolded, areFoldedInSessions, areFoldedInWindows, foldedColumns, planColumnAggregates, planWindowAggregates } from './column-aggregates.ts'
import { ColumnGroupOperator } from './column-group-operator.ts'
import { ColumnJoinOperator } from './column-join-operator.ts'
import { ColumnChangeRankOperator } from './column-change-rank-operator.ts'
import { ColumnRankOperator, isRanked } from './column-rank-operator.ts'
import { ColumnSessionOperator } from './column-session-operator.ts'
import { ColumnWindowJoinOperator } from './column-window-join-operator.ts'
import type { ColumnJoinInput } from './join-pairs.ts'
import { ALL_CHANGES, type ChangeKinds, DELETES, INSERTS, INSERTS_AND_UPDATES, UPDATES_AFTER, UPDATES_BEFORE } from './change-kinds.ts'
import { DeduplicateOperator } from './deduplicate-operator.ts'
import { and, columnsOf, conjunctsOf, hasCall, implicitCast, mapParts, shifted } from '../expressions.ts'
import { ExpandOperator } from './expand-operator.ts'
import { isOfFile, type PartitionFilter } from './file-tables.ts'
import { FinalRowsOperator } from './final-rows-operator.ts'
import { GroupAggregateOperator } from './group-aggregate-operator.ts'
import { IntervalJoinOperator } from './interval-join-operator.ts'
import { InsertOnlyJoinOperator, JoinOperator } from './join-operator.ts'
import { ChangingOverOperator, FinalOverOperator, TimeOverOperator } from './over-operators.ts'
import { LocalAggregateOperator } from './local-aggregate-operator.ts'
import { LocalRankOperator } from './local-rank-operator.ts'
import { lookupJoin, type LookupJoinPlan, type LookupOptions } from './lookup-tables.ts'
import { NotNullOperator } from './not-null-operator.ts'
import { adoptUids, OperatorUids } from './operator-uids.ts'
import { RankOperator } from './rank-operator.ts'
import { givenRow } from './row-codec.ts'
import { type RowMapFactory, RowMapOperator } from './row-map-operator.ts'
import { calc, debezium, debeziumRecords, unnest, upserts, windows } from './row-maps.ts'
import { SessionOperator } from './session-operator.ts'
import { SetOperator } from './set-operator.ts'
import { SliceAggregateOperator, sliceOf } from './slice-aggregate-operator.ts'
import type { SessionContext, SqlInput, SqlOperator } from './sql-operator.ts'
import { FromStreamOperator, ToStreamOperator, type ToStreamSpec } from './stream-operators.ts'
import { type TableSink, tableSink } from './table-sinks.ts'
import { tableRows } from './table-sizes.ts'
import { debeziumEnvelope, readsByName, tableSource } from './table-sources.ts'
import { TemporalJoinOperator } from './temporal-join-operator.ts'
import { TimeSortOperator } from './time-sort-operator.ts'
import { UpdatingWindowOperator } from './updating-window-operator.ts'
import { UpsertMaterializeOperator } from './upsert-materialize-operator.ts'
import { TumbleOperator } from './tumble-operator.ts'
import { wantedRows } from './wanted-rows.ts'
import { boundOf } from './watermarks.ts'
import { WindowAggregateOperator } from './window-aggregate-operator.ts'
import { WindowJoinOperator, WindowRankOperator } from './window-buffer-operators.ts'
import { WindowClock } from './window-clock.ts'
import {
  alignedOf,
  canMerge,
  checkMerging,
  checkRetraction,
  type EmitOptions,
  emitOf,
  endsOf,
  isStraight,
  originIn,
  ownSessionsOf,
  timesOf,
  type WindowGroups,
} from './window-plans.ts'

/** A relation as it runs: the transformations that make its rows, with columns by their places. */
export interface Stream {
  readonly from: readonly Transformation[]
  readonly schema: Schema
  /** What plans call its columns: each is named once. */
  readonly names: ColumnNames
  readonly changes: ChangeKinds
  /** In which direction the values of a column change from one version of a row to the next, by column, where that is known. */
  readonly monotony: readonly ('rising' | 'falling' | 'same' | undefined)[]
}

/** Of partitions whose rows come and go so many first rows are looked at with each change. */
const CHANGING_RANKS_MAX = 1024

const NO_MONOTONY: Stream['monotony'] = []
/** Why something is refused that batch mode takes. */
const ENDLESS = 'where rows never end'

/** The key of rows that are all in one group. */
const ALL_ROWS: BoundExpression = { kind: 'literal', value: true, type: { kind: 'BOOLEAN', nullable: false }, start: 0, end: 0 }

/** What an operator gives, and what EXPLAIN says of it. */
interface Output extends Pick<Stream, 'schema' | 'names' | 'changes'> {
  /** @default unknown */
  readonly monotony?: Stream['monotony']
  /** Who reads rows that come too late, by input. */
  readonly late?: LogicalPlan['late']
  /** Called by EXPLAIN alone. */
  readonly attributes: () => Attributes
}

/** A stream with a column for each of some expressions. */
interface KeyedStream {
  readonly stream: Stream
  readonly columns: readonly number[]
}

/** What an operator is given: a stream, by some of its columns. */
interface Input {
  readonly stream: Stream
  readonly key: readonly number[] | undefined
}

/** What EXPLAIN shows of a transformation. */
export interface OperatorNote {
  /** What kind of operator it is. */
  readonly kind: string
  readonly attributes: () => Attributes
  /** Undefined: nothing leaves it. */
  readonly changes: ChangeKinds | undefined
  /** The columns by which its rows are dealt out, by input. */
  readonly keys: readonly (readonly string[] | undefined)[]
}

/** The watermark is the value itself, and there is none at or below 0. */
const SQL_WATERMARK_RULES: WatermarkRules = {
  behindMs: 0,
  initialMs: 0,
  nullHint: "A time attribute is never NULL: have the table compute one that is not, as `at` AS COALESCE(ts, TIMESTAMP '1970-01-01 00:00:00').",
}
const SEES_NOTHING: WatermarkView = { kind: 'none' }
const SEES_ALL: WatermarkView = { kind: 'every' }

/** The settings of a session that change what is planned. */
export interface QueryOptions {
  readonly session: SessionContext
  readonly ttl: StateTtlConfig | undefined
  /** Whether rows are told apart anew where a table's key is not that of the query. */
  readonly materializes: boolean
  /** Whether changes that cancel within a batch of rows may be left out. */
  readonly isFolded: boolean
  /** Whether the answer is given once, when all rows are there. */
  readonly isBatch: boolean
  /** Whether the sizes of tables decide in which order they are joined. */
  readonly ordersJoinsBySize: boolean
  /** In how many parts groups are computed first whose aggregates are of different values; undefined: at once. */
  readonly distinctBuckets: number | undefined
  /** Whether rows may be put together in front of the exchange behind which their groups are. */
  readonly hasTwoPhases: boolean
  /** Whether so may those of the last row of a key. */
  readonly foldsDeduplicate: boolean
  /** Whether all state is in memory. */
  readonly isInMemory: boolean
  readonly emit: EmitOptions
  readonly lookup: LookupOptions
  /** What a compiled plan says beside the plans of its INSERTs, which are planned as they are. */
  readonly compiled?: CompiledParts
}

/** What was decided when a plan was compiled. */
export interface CompiledParts {
  /** What errors call the plan. */
  readonly name: string
  readonly operators: readonly CompiledOperator[]
  /** What is read of tables. */
  readonly needs: ReadonlyMap<CatalogTable, Need>
  /** How long states are kept that expire, in ms, in the order in which they are made. */
  readonly ttls: readonly number[]
}

/** A state that expires, and when: 0 is never. */
export interface ExpiringState {
  readonly name: string
  readonly ttlMs: number
}

/** A schema of columns without names of their own: several may have the same one. */
export function placedSchema(columns: readonly Pick<Field, 'type'>[]): Schema {
  return new Schema(columns.map(({ type }, index) => ({ name: `c${index}`, type: storedType(type) })))
}

/**
 * How values lie in batches: times of the day keep their milliseconds, whatever their type says, and NULL passes wherever it comes from, as in Flink: only
 * results must have what their types say.
 */
function storedType(type: LogicalType): LogicalType {
  return withNullability(type.kind === 'TIME' ? { ...type, precision: 3 } : computedType(type), true)
}

/** The names of columns, and the schema of what has no names of its own. */
function placed(columns: readonly Field[]): Pick<Stream, 'schema' | 'names'> {
  return { schema: placedSchema(columns), names: namesOf(columns) }
}

function isInsertOnly({ changes }: Stream): boolean {
  return changes === INSERTS
}

function isSorted(plan: LogicalPlan): boolean {
  return plan.kind === 'sort' || (plan.kind === 'project' && isSorted(plan.input))
}

/** Plans the queries of one job. */
export class QueryPlanner {
  readonly graph: LogicalGraph
  readonly #pruner: ColumnPruner
  readonly #added: { readonly plan: LogicalPlan; readonly build: (plan: LogicalPlan) => void }[] = []
  readonly #options: QueryOptions
  /** Relations that are planned, by what they say. */
  readonly #streams = new Map<number, Stream>()
  /** What relations say, each with a number, in which their inputs are numbers; and the numbers of relations. */
  readonly #texts = new Map<string, number>()
  readonly #relations = new WeakMap<LogicalPlan, number | undefined>()
  /** What reads a table, once for all that ask for it. */
  readonly #tables = new Map<CatalogTable, Stream>()
  readonly #notes = new Map<Transformation, OperatorNote>()
  /** Late rows that are read, by their ids. */
  readonly #late = new Map<string, readonly Transformation[]>()
  /** The columns that tell the rows of a relation apart, of what makes it. */
  readonly #upsertKeys = new Map<Transformation, readonly string[]>()
  /** What is asked of tables with partitions. */
  #partitions: ReadonlyMap<CatalogTable, PartitionConditions> = new Map()
  /** What stores are asked for. */
  #wanted: ReadonlyMap<CatalogTable, ScanQuery['wanted']> = new Map()
  readonly #expiringStates = new Map<Transformation, readonly ExpiringState[]>()
  /** Of the operator with state that is made next. */
  #expiring: ExpiringState[] = []
  /** Of all operators so far. */
  #expiringCount = 0
  /** Groups whose changes are told one by one, since something behind depends on their order: what they are, as JSON. */
  #ordered: ReadonlySet<string> = new Set()
  #optimized: readonly LogicalPlan[] = []
  readonly #unsettled = new Map<Transformation, readonly string[]>()
  readonly #digests = new PlanDigests()
  readonly #uids: OperatorUids
  /** What the operators that are made now are for: their uids follow from it. */
  #purpose: readonly unknown[] = []
  /** What the expressions of the relation stand in that is planned. */
  #text: string | undefined
  /** The table that rows are planned for. */
  #target: readonly unknown[] = []

  /** @param graph What the queries become part of. */
  constructor(options: QueryOptions, graph: LogicalGraph = new LogicalGraph()) {
    this.#options = options
    this.#pruner = new ColumnPruner(options.compiled?.needs)
    this.#uids = new OperatorUids(graph)
    this.graph = graph
  }

  /** Adds a query and what takes its rows. @param planned Called when it is planned: whether rows are only added to them. */
  addSink(plan: LogicalPlan, sink: Sink, planned?: (isInsertOnly: boolean) => void): void {
    this.#add(plan, (rows) => {
      const stream = this.#final(rows)
      this.#sink(sink, stream, { fields: namesOf(plan.columns).join(', ') })
      planned?.(isInsertOnly(stream))
    })
  }

  /**
   * Adds an INSERT.
   *
   * @throws {PlanError} what the table's connector throws; from {@link build} `SINK_TAKES_NO_CHANGES`, `SINK_KEY_DIFFERS`.
   */
  addInsert(insert: InsertPlan): void {
    if (insert.isOverwrite)
      throw errorAt(
        insert.origin,
        'NOT_SUPPORTED',
        `INSERT OVERWRITE of table "${insert.table.path[2]}" is not there: rows are only added`,
        'Remove what is to go, and write INSERT INTO.',
      )
    const target = tableSink(insert.table)
    this.#add(insert.plan, (rows) => {
      this.#target = insert.table.path
      const stream = this.#final(rows)
      this.#for([...this.#target, this.#digests.stateOf(rows)], () => this.#insert(insert, target, stream))
    })
  }

  /**
   * Adds a query whose rows go on in the program.
   *
   * @param made Called when it is planned, with what makes its records.
   * @throws {PlanError} from {@link build} `TABLE_CHANGES` if its rows change, and the stream has no kinds of rows.
   */
  addStream(plan: LogicalPlan, spec: ToStreamSpec, made: (from: Transformation) => void): void {
    this.#add(plan, (rows) => made(this.#toStream(plan, spec, this.#final(rows))))
  }

  /** Makes the transformations of all that was added. @throws {PlanError} `NOT_SUPPORTED`, and what cannot be done with rows that never end */
  build(): void {
    const plans = this.#pruner.prune(this.#added.map(({ plan }) => plan))
    this.#optimized = plans
    this.#partitions = partitionConditions(plans)
    this.#wanted = wantedRows(plans, this.#options.session)
    plans.forEach((plan) => this.#digests.addLate(plan))
    this.#ordered = new Set(plans.flatMap((plan) => orderedGroups(plan)).map((plan) => this.#identity(plan)))
    // What reads late rows is made behind the operators that find them late.
    const inOrder = [...plans.keys()].toSorted((one, other) => Number(hasLateRows(plans[one])) - Number(hasLateRows(plans[other])))
    for (const index of inOrder) this.#added[index].build(plans[index])
    this.#uids.settle()
    const { compiled } = this.#options
    if (compiled !== undefined) adoptUids(compiled.operators, this.keeping, compiled.name, (one) => this.noteOf(one).kind)
  }

  /** Whether a transformation of the graph is of a query. */
  hasMade(transformation: Transformation): boolean {
    return this.#notes.has(transformation)
  }

  /** What is said of a transformation of the graph, by whoever has made it. */
  noteOf(transformation: Transformation): OperatorNote & { readonly upsertKey: readonly string[] | undefined } {
    const note = this.#notes.get(transformation) ?? { kind: kindOf(transformation), attributes: () => ({}), changes: undefined, keys: [] }
    return { ...note, upsertKey: this.#upsertKeys.get(transformation) }
  }

  /** Whether changes that cancel within a batch of rows may be left out. */
  get isFolded(): boolean {
    return this.#options.isFolded
  }

  /** What was added, as it is planned: {@link build} has changed it. */
  get optimized(): readonly LogicalPlan[] {
    return this.#optimized
  }

  /** What is read of the tables of the plans. */
  get needs(): ReadonlyMap<CatalogTable, Need> {
    return this.#pruner.needs
  }

  /** Functions that give another value each time, of a transformation whose rows are updated and taken back. */
  unsettledBy(transformation: Transformation): readonly string[] {
    return this.#unsettled.get(transformation) ?? []
  }

  /** The states of a transformation that expire. */
  expiringStatesOf(transformation: Transformation): readonly ExpiringState[] {
    return this.#expiringStates.get(transformation) ?? []
  }

  /** The transformations that keep something a restore has to find, in their order. */
  get keeping(): readonly Transformation[] {
    return this.#uids.keeping
  }

  #add(plan: LogicalPlan, build: (plan: LogicalPlan) => void): void {
    this.#added.push({ plan: this.#options.compiled === undefined ? this.#optimize(plan) : plan, build })
  }

  #optimize(plan: LogicalPlan): LogicalPlan {
    const { ordersJoinsBySize, distinctBuckets } = this.#options
    const ordered = withOrderedJoins(withRanks(plan), ordersJoinsBySize ? tableRows : undefined)
    return distinctBuckets === undefined ? ordered : withSplitDistinct(ordered, distinctBuckets)
  }

  /** The same for plans that keep the same. */
  #identity(plan: LogicalPlan): string {
    return JSON.stringify(this.#digests.stateOf(plan))
  }

  /** Whether changes of what is made now become one within a batch: unless somebody depends on their order. */
  get #areOne(): boolean {
    return this.#options.isFolded && !this.#ordered.has(JSON.stringify(this.#purpose[0]))
  }

  /** Plans something whose operators are told apart by what it is for. */
  #for<T>(purpose: readonly unknown[], make: () => T): T {
    const around = this.#purpose
    this.#purpose = purpose
    const made = make()
    this.#purpose = around
    return made
  }

  /** @param table What is written to; undefined: the rows are somebody's who waits for them. */
  #sink(sink: Sink, stream: Stream, attributes: Attributes, table?: CatalogTable, partitioner: Partitioner = { kind: 'forward' }): void {
    const { writer, committer } = addSink(this.graph, sink, edgesOf(stream, partitioner, 0), stream.schema)
    const keys = partitioner.kind === 'hash' && partitioner.key.kind === 'columns' ? [partitioner.key.columns.map((column) => stream.names[column])] : []
    this.#notes.set(writer, { kind: `Sink: ${sink.name}`, attributes: () => attributes, changes: undefined, keys })
    if (committer !== undefined) this.#notes.set(committer, { kind: committer.settings.name, attributes: () => ({}), changes: undefined, keys: [] })
    if (table !== undefined) this.#uids.addSink(writer, committer, table.path, this.#purpose)
  }

  #insert({ table, plan, onConflict, origin }: InsertPlan, target: TableSink, stream: Stream): void {
    const { sink, isInsertOnly: takesInsertsOnly, isKeyed = false, envelope } = target
    const name = table.path.join('.')
    if (takesInsertsOnly && !isInsertOnly(stream))
      throw errorAt(
        origin,
        'SINK_TAKES_NO_CHANGES',
        `Table "${name}" takes inserted rows only, and the query changes rows that it has given: ${this.#changing(stream)}`,
        target.changesHint ?? 'Write to a table whose connector takes changes, or ask for results that come once (windows).',
      )
    let rows = stream
    const key = table.primaryKey.map((column) => plan.columns.findIndex((one) => one.name === column))
    if (key.length > 0 && !isInsertOnly(stream)) {
      const own = uniqueKeyOf(plan)
      const isSame = own !== undefined && own.length === key.length && own.every((column) => key.includes(column))
      if (!isSame && onConflict === undefined && this.#options.materializes)
        throw errorAt(
          origin,
          'SINK_KEY_DIFFERS',
          `The rows of the query are told apart by ${own === undefined ? 'no column' : own.map((column) => plan.columns[column].name).join(', ')}, those of table "${name}" by ${table.primaryKey.join(', ')}`,
          'Write ON CONFLICT DO NOTHING, DO ERROR or DO DEDUPLICATE to say what becomes of several rows of one key.',
        )
      const changes = stream.changes & ~UPDATES_BEFORE
      rows = isSame
        ? envelope === 'debezium'
          ? stream
          : this.#map('Upserts', stream, { ...stream, changes, attributes: () => ({}) }, upserts())
        : onConflict === undefined
          ? stream
          : this.#materialized(stream, key, onConflict)
    }
    const schema = new Schema(plan.columns.map(({ name: column, type }) => ({ name: column, type: storedType(type) })))
    const fields = namesOf(plan.columns)
    const output = { schema, names: fields, changes: rows.changes, attributes: () => ({ fields: fields.join(', ') }) }
    const named = this.#follow('Write', rows, output, () => new NotNullOperator(plan.columns, schema, `table "${name}"`))
    const partitioner: Partitioner = isKeyed ? { kind: 'hash', key: { kind: 'columns', columns: key } } : { kind: 'forward' }
    const written = envelope === 'debezium' ? this.#debeziumRecords(named) : named
    this.#sink(sink, written, { table: name, fields: fields.join(', '), to: sink.describe() }, table, partitioner)
  }

  /** Changes as records of what a row was, or is. */
  #debeziumRecords(changes: Stream): Stream {
    const schema = debeziumEnvelope(changes.schema, (fields) => new Schema(fields))
    const names = namesOf(schema.fields)
    return this.#map('Records', changes, { schema, names, changes: INSERTS, attributes: () => ({ fields: names.join(', ') }) }, debeziumRecords())
  }

  #toStream({ columns }: LogicalPlan, spec: ToStreamSpec, stream: Stream): Transformation {
    if (!spec.hasKinds && !isInsertOnly(stream))
      throw new PlanError('TABLE_CHANGES', `Cannot make a stream of the rows of a table that changes rows which it has given: ${this.#changing(stream)}`, {
        hint: 'Make a stream of changes with toChangelogStream(), or ask for results that come once (windows).',
      })
    const rowsSchema = placedSchema(columns)
    const names = namesOf(columns)
    const checked = { schema: rowsSchema, names, changes: stream.changes, attributes: () => ({ fields: names.join(', ') }) }
    const rows = this.#follow('Write', stream, checked, () => new NotNullOperator(columns, rowsSchema, 'the stream of its rows'))
    const attributes = (): Attributes => ({ fields: spec.outputSchema.fields.map(({ name }) => name).join(', ') })
    const output = { schema: spec.outputSchema, names: namesOf(spec.outputSchema.fields), changes: INSERTS, attributes }
    return this.#follow('ToStream', rows, output, () => new ToStreamOperator(spec), SEES_NOTHING, { givesTimestamps: spec.rowtime !== undefined }).from[0]
  }

  /** What first changes rows that have come. */
  #changing({ from }: Pick<Stream, 'from'>): string {
    const isChanging = (one: Transformation): boolean => (this.#notes.get(one)?.changes ?? INSERTS) !== INSERTS
    let [found] = from.filter(isChanging)
    for (;;) {
      const before = found.edges.map((edge) => edge.from).find(isChanging)
      if (before === undefined) return nodeText(this.noteOf(found).kind, this.noteOf(found).attributes())
      found = before
    }
  }

  /** The rows of a query; in batch those that stay, in its order. */
  #final(plan: LogicalPlan): Stream {
    const { isBatch, session } = this.#options
    // Behind a projection nobody knows what the order was by.
    if (isBatch && plan.kind === 'project' && isSorted(plan.input))
      return this.#addCalc(this.#final(plan.input), undefined, plan.expressions, placed(plan.columns))
    const stream = this.plan(plan)
    const order = plan.kind === 'sort' ? plan.keys : []
    if (!isBatch || (isInsertOnly(stream) && order.length === 0)) return stream
    const attributes = (): Attributes => ({ orderBy: order.length === 0 ? undefined : orderText(order, stream.names) })
    const create = (): Operator => new FinalRowsOperator({ schema: stream.schema, key: undefined }, order, session)
    return this.#for([...this.#target, this.#digests.stateOf(plan)], () =>
      this.#inserted('FinalRows', [{ stream, key: undefined }], { ...stream, attributes }, create),
    )
  }

  /** One row of each key. */
  #materialized(stream: Stream, key: readonly number[], onConflict: 'NOTHING' | 'ERROR' | 'DEDUPLICATE'): Stream {
    const { session } = this.#options
    const ttl = this.#ttl('rows')
    const create = (): Operator => new UpsertMaterializeOperator({ input: { schema: stream.schema, key }, onConflict, ttl }, session)
    const changes = INSERTS | UPDATES_AFTER | DELETES
    const attributes = (): Attributes => ({ key: key.map((column) => stream.names[column]).join(', '), onConflict })
    return this.#stateful('UpsertMaterialize', [{ stream, key }], { ...stream, changes, attributes }, SEES_NOTHING, create)
  }

  /** What makes a relation's rows: once, however often it is asked for. @throws {PlanError} `NOT_SUPPORTED` */
  plan(plan: LogicalPlan): Stream {
    const digest = this.#digestOf(plan)
    const names = namesOf(plan.columns)
    const known = digest === undefined ? undefined : this.#streams.get(digest)
    if (known !== undefined) return { ...known, names }
    // What is made anew for each table that it goes to is told apart by it.
    const purpose = [this.#digests.stateOf(plan), ...(digest === undefined ? this.#target : [])]
    const around = this.#text
    this.#text = plan.kind === 'scan' ? textOfColumns(plan.table) : plan.origin?.text
    const stream = { ...this.#for(purpose, () => this.#planned(plan)), names }
    this.#text = around
    if (digest !== undefined) this.#streams.set(digest, stream)
    const key = uniqueKeyOf(plan)
    if (key !== undefined && key.length > 0 && stream.from.length === 1)
      this.#upsertKeys.set(
        stream.from[0],
        key.map((column) => names[column]),
      )
    return stream
  }

  /** The same for relations that say the same; undefined for those that are different each time. */
  #digestOf(plan: LogicalPlan): number | undefined {
    if (this.#relations.has(plan)) return this.#relations.get(plan)
    const inputs = new Map<unknown, number | undefined>(inputsOf(plan).map((input) => [input, this.#digestOf(input)]))
    let isFixed = [...inputs.values()].every((input) => input !== undefined)
    const text = JSON.stringify(plan, (name, value: unknown) => {
      if (inputs.has(value)) return inputs.get(value)
      if (name === 'table' && typeof value === 'object') return tableDigest(value as CatalogTable)
      // What they are called makes no other rows of them.
      if (name === 'columns' && Array.isArray(value)) return (value as LogicalPlan['columns']).map(({ type, time, window }) => ({ type, time, window }))
      const call = value as BoundCall | null | undefined
      if ((call?.kind === 'call' && scalarCodeOf(call)?.isDeterministic === false) || call?.user?.isDeterministic === false) isFixed = false
      return withoutPlaces(name, value)
    })
    if (isFixed && !this.#texts.has(text)) this.#texts.set(text, this.#texts.size)
    const digest = isFixed ? this.#texts.get(text) : undefined
    this.#relations.set(plan, digest)
    return digest
  }

  #planned(plan: LogicalPlan): Stream {
    switch (plan.kind) {
      case 'scan':
        return this.#scan(plan)
      case 'values':
        return this.#values(plan)
      case 'project':
      case 'filter':
        return this.#calc(plan)
      case 'aggregate':
        return this.#aggregate(plan)
      case 'join':
        return this.#join(plan)
      case 'set operation':
        return this.#setOperation(plan)
      case 'sort':
        return this.#sort(plan)
      case 'expand':
        return this.#expand(plan)
      case 'window':
        return this.#window(plan)
      case 'over':
        return this.#over(plan)
      case 'rank':
        return this.#rank(plan)
      case 'unnest':
        return this.#unnest(plan)
      case 'changelog':
        return this.#changelog(plan)
      case 'late rows':
        return this.#lateRows(plan)
    }
  }

  // ---- tables ----

  #scan({ table, origin }: ScanPlan): Stream {
    const known = this.#tables.get(table)
    if (known !== undefined) return known
    const stream = this.#for(tableDigest(table), () => this.#read(table, origin))
    this.#tables.set(table, stream)
    return stream
  }

  /** @param origin Of the first that asks for it. */
  #read(table: CatalogTable, origin: Origin | undefined): Stream {
    const need = this.#pruner.needOf(table)
    const { watermark, columns } = table
    // In batch all rows are there before time passes.
    const time = watermark === undefined || this.#options.isBatch ? -1 : columns.findIndex(({ name }) => name === watermark.column)
    const wanted = reduced(columns, need)
    const physical = columns.filter(({ computed }) => computed === undefined)
    const places = new Map(physical.map((column, place) => [columns.indexOf(column), place]))
    // What is asked for of the columns that are stored: of some they are fields, of others what computed columns are made of.
    const stored: Need = new Map()
    for (const [column, of] of need) {
      const { computed } = columns[column]
      if (computed === undefined) stored.set(places.get(column)!, of === 'all' ? 'all' : new Set(of))
    }
    for (const column of need.keys()) addNeed(stored, columns[column].computed)
    const { stream, mapping } = this.#source(table, physical, stored, origin)
    const expressions = wanted.kept.map((column, place): BoundExpression => {
      const { computed } = columns[column]
      if (computed !== undefined) return moved(computed, mapping)
      const { type } = wanted.columns[place]
      return { kind: 'column', index: mapping.places.get(places.get(column)!)!, type, start: 0, end: 0 }
    })
    const fields = wanted.columns.map(({ name }, place) => ({ name, type: storedType(this.#typeIn(stream, expressions[place])) }))
    const isSame =
      expressions.length === stream.schema.fields.length && expressions.every((expression, index) => expression.kind === 'column' && expression.index === index)
    const named = isSame ? stream : this.#addCalc(stream, undefined, expressions, { schema: new Schema(fields), names: namesOf(fields) })
    if (table.stream !== undefined) return this.#timed(table.stream.isUpsert ? this.#normalized(named, table, wanted.columns) : named, table.stream)
    if (time < 0) return named
    if (hasCall(watermark!.expression, SOURCE_WATERMARK))
      throw errorAt(
        origin,
        'NO_SOURCE_WATERMARK',
        `Table "${table.path[2]}" takes the watermarks of its connector, and ${table.options.get('connector') ?? 'that'} has none of its own`,
        `Say how they are made: WATERMARK FOR ${watermark!.column} AS ${watermark!.column} - INTERVAL '5' SECOND.`,
      )
    return this.#watermarks(named, wanted.mapping.places.get(time)!, moved(watermark!.expression, wanted.mapping), table)
  }

  /** The type of an expression: of a column, as it is stored. */
  #typeIn({ schema }: Stream, expression: BoundExpression): LogicalType {
    return expression.kind === 'column' ? schema.fields[expression.index].type : expression.type
  }

  /** What reads the stored columns of a table, or the parts of them that are needed. */
  #source(
    table: CatalogTable,
    physical: readonly CatalogColumn[],
    stored: Need,
    origin: Origin | undefined,
  ): { readonly stream: Stream; readonly mapping: ReturnType<typeof reduced>['mapping'] } {
    // What is known of files by other ways than their records need not be read where nobody asks for it.
    const all: Need = new Map(physical.flatMap((column, index) => (isOfFile(column, table) ? [] : [[index, 'all']])))
    const read = reduced(physical, readsByName(table) ? stored : new Map([...all, ...[...stored].filter(([index]) => !all.has(index))]))
    const schema = new Schema(read.columns.map(({ name, type }) => ({ name, type: storedType(type) })))
    if (table.stream !== undefined) return { stream: this.#fromStream(table, table.stream, schema, origin), mapping: read.mapping }
    const { timeZone } = this.#options.session
    const filter = this.#partitionFilter(table)
    const wanted = this.#wanted.get(table) ?? []
    const { source, envelope } = tableSource(table, { columns: read.columns, schema, timeZone, filter, wanted, makeSchema: (fields) => new Schema(fields) })
    if (this.#options.isBatch && !source.bounded)
      throw errorAt(
        origin,
        'ENDLESS_IN_BATCH',
        `Table "${table.path[2]}" never ends, and batch mode answers when all rows are there`,
        'Run it as a stream, or say how many rows there are.',
      )
    const from = this.graph.add(source.name, { kind: 'source', source }, [], source.schema, source.parallelismMax)
    this.#uids.addTable('source', from, table)
    const names = namesOf(source.schema.fields)
    const attributes = (): Attributes => ({ table: table.path.join('.'), fields: names.join(', '), from: source.describe() })
    const stream = this.#made(`Source: ${source.name}`, from, { schema: source.schema, names, changes: INSERTS, attributes }, [])
    if (envelope === 'none') return { stream, mapping: read.mapping }
    if (this.#options.isBatch) throw changesInBatch(table, origin)
    const skipsErrors = table.options.get('debezium-json.ignore-parse-errors') === 'true'
    const fields = namesOf(read.columns)
    const output = { schema, names: fields, changes: ALL_CHANGES, attributes: () => ({ fields: fields.join(', ') }) }
    const hasSchema = table.options.get('debezium-json.schema-include')?.toLowerCase() === 'true'
    return { stream: this.#map('Changes', stream, output, debezium(skipsErrors, hasSchema)), mapping: read.mapping }
  }

  #fromStream(table: CatalogTable, stream: TableStream, outputSchema: Schema, origin: Origin | undefined): Stream {
    const { edges, schema, isOfChanges } = stream
    if (isOfChanges && this.#options.isBatch) throw changesInBatch(table, origin)
    const origins = outputSchema.fields.map(({ name }) => {
      const column = schema.indexOf(name)
      return column < 0 ? undefined : { column, type: schema.fields[column].type }
    })
    const kinds = isOfChanges ? schema.indexOf(ROW_KIND_COLUMN) : undefined
    const body: TransformationBody = {
      kind: 'operator',
      watermarks: SEES_NOTHING,
      needsEventLoop: false,
      followsInput: true,
      create: () => new FromStreamOperator({ outputSchema, origins, kinds }),
    }
    const names = namesOf(outputSchema.fields)
    const attributes = (): Attributes => ({ table: table.path.join('.'), fields: names.join(', ') })
    const from = this.graph.add(
      'FromStream',
      body,
      edges.map((edge) => ({ ...edge, input: 0 })),
      outputSchema,
    )
    this.#uids.add(from, this.#purpose, false)
    const changes = !isOfChanges ? INSERTS : stream.isUpsert ? ALL_CHANGES & ~UPDATES_BEFORE : ALL_CHANGES
    return this.#made('FromStream', from, { schema: outputSchema, names, changes, attributes }, [])
  }

  /** Full changes of those that say by the primary key what a row has become. */
  #normalized(rows: Stream, { primaryKey }: CatalogTable, columns: readonly Pick<CatalogColumn, 'name'>[]): Stream {
    const { schema, names } = rows
    const key = primaryKey.map((wanted) => columns.findIndex(({ name }) => name === wanted))
    const { session } = this.#options
    const ttl = this.#ttl('row')
    const create = (): Operator => new ChangelogNormalizeOperator({ input: { schema, key }, ttl }, session)
    const output = { schema, names, changes: ALL_CHANGES, attributes: () => ({ key: primaryKey.join(', ') }) }
    return this.#stateful('ChangelogNormalize', [{ stream: rows, key }], output, SEES_NOTHING, create)
  }

  /** A stream brings its own watermarks; in batch all rows are there before time passes. */
  #timed(rows: Stream, { rowtime }: TableStream): Stream {
    if (rowtime === undefined || !this.#options.isBatch) return rows
    const { schema, names } = rows
    const spec: WatermarkStrategySpec = {
      generator: { kind: 'none' },
      timestamps: { kind: 'record' },
      idlenessMs: undefined,
      alignment: undefined,
      limits: undefined,
    }
    return this.#follow(
      'NoWatermarks',
      rows,
      { ...rows, schema, attributes: () => ({ fields: names.join(', ') }) },
      () => new WatermarkOperator(schema, spec, SEES_NOTHING),
    )
  }

  /** Decides which partitions anybody asks for. */
  #partitionFilter(table: CatalogTable): PartitionFilter | undefined {
    const context = { ...this.#options.session, nowMs: () => systemClock.nowMs(), watermarkMs: () => -Infinity }
    const reads = this.#partitions.get(table)?.map((conditions) => conditions.map((condition) => interpret(condition, context)))
    return reads && ((values) => reads.some((conditions) => conditions.every((holds) => holds(values) === true)))
  }

  #watermarks(stream: Stream, index: number, expression: BoundExpression, table: CatalogTable): Stream {
    const { schema } = stream
    const { session } = this.#options
    const spec: WatermarkStrategySpec = {
      generator: boundOf(expression, index, schema, { ...session, nowMs: () => systemClock.nowMs(), watermarkMs: () => -Infinity }),
      timestamps: { kind: 'column', name: schema.fields[index].name },
      idlenessMs: undefined,
      alignment: undefined,
      limits: undefined,
    }
    const body: TransformationBody = {
      kind: 'operator',
      watermarks: SEES_NOTHING,
      needsEventLoop: false,
      followsInput: true,
      generatesWatermarks: true,
      givesTimestamps: true,
      create: (grid) => new WatermarkOperator(schema, spec, grid, SQL_WATERMARK_RULES),
    }
    const attributes = (): Attributes => ({ rowtime: stream.names[index], watermark: boundText(expression, stream.names) })
    const from = this.graph.add('Watermarks', body, edgesOf(stream, { kind: 'forward' }, 0), schema)
    this.#uids.addTable('watermarks', from, table)
    return this.#made('Watermarks', from, { ...stream, attributes }, [])
  }

  #values({ rows, columns, origin }: ValuesPlan): Stream {
    const { session } = this.#options
    const context = { ...session, nowMs: () => systemClock.nowMs(), watermarkMs: () => -Infinity }
    const schema = columns.length === 0 ? placedSchema([{ type: { kind: 'BOOLEAN', nullable: true } }]) : placedSchema(columns)
    const values = rows.map((row) => givenRow(schema, row.length === 0 ? [null] : row.map((cell) => cellOf(cell, context, origin?.text))))
    const source = collectionSource(values, schema)
    const names = namesOf(columns)
    const attributes = (): Attributes => ({ rows: rowsText(rows), fields: names.join(', ') })
    const from = this.graph.add('Values', { kind: 'source', source }, [], schema, 1)
    this.#uids.add(from, this.#purpose, false)
    return this.#made('Source: Values', from, { schema, names, changes: INSERTS, attributes }, [])
  }

  // ---- rows ----

  /** Projections and filters one behind the other become one operator. */
  #calc(plan: LogicalPlan & { readonly kind: 'project' | 'filter' }): Stream {
    if (plan.kind === 'filter') {
      const input = this.plan(plan.input)
      return this.#addCalc(input, plan.condition, undefined, input)
    }
    const filter = plan.input.kind === 'filter' ? plan.input : undefined
    const input = this.plan(filter?.input ?? plan.input)
    return this.#addCalc(input, filter?.condition, plan.expressions, placed(plan.columns), filter?.origin?.text)
  }

  #addCalc(
    input: Stream,
    condition: BoundExpression | undefined,
    expressions: readonly BoundExpression[] | undefined,
    { schema, names }: Pick<Stream, 'schema' | 'names'>,
    conditionText = this.#text,
  ): Stream {
    if (this.#options.isBatch)
      for (const expression of [...(condition === undefined ? [] : [condition]), ...(expressions ?? [])])
        if (hasCall(expression, 'CURRENT_WATERMARK')) throw new PlanError('NO_WATERMARK', 'There are no watermarks in batch mode for CURRENT_WATERMARK')
    const places = { condition: { names: input.names, text: conditionText }, expressions: { names: input.names, text: this.#text } }
    const spec = { condition, expressions, places }
    // Behind a filter a version of a row may go without a next one.
    const monotony =
      condition !== undefined && !isInsertOnly(input)
        ? NO_MONOTONY
        : expressions === undefined
          ? input.monotony
          : expressions.map((expression) => (expression.kind === 'column' ? input.monotony[expression.index] : undefined))
    const attributes = (): Attributes => ({
      select: expressions === undefined ? names.join(', ') : selectText(expressions, input.names, names),
      where: condition && boundText(condition, input.names),
    })
    const output = { schema, names, changes: input.changes, monotony, attributes }
    const made = isColumnar(spec)
      ? this.#follow('Calc', input, output, () => new CalcOperator(spec, input.schema, schema, this.#options.session))
      : this.#map('Calc', input, output, calc(spec), SEES_ALL)
    const unsettled = isInsertOnly(input) ? [] : variableCallsIn([...(condition === undefined ? [] : [condition]), ...(expressions ?? [])])
    if (unsettled.length > 0) this.#unsettled.set(made.from[0], unsettled)
    return made
  }

  #map(name: string, input: Stream, output: Output, create: RowMapFactory, watermarks: WatermarkView = SEES_NOTHING): Stream {
    const { session } = this.#options
    return this.#follow(name, input, output, () => new RowMapOperator(create, output.schema, session), watermarks)
  }

  /** An operator without state behind a stream. */
  #follow(
    name: string,
    input: Stream,
    output: Output,
    create: () => Operator,
    watermarks: WatermarkView = SEES_NOTHING,
    { givesTimestamps = false, needsEventLoop = false }: { readonly givesTimestamps?: boolean; readonly needsEventLoop?: boolean } = {},
  ): Stream {
    const body: TransformationBody = {
      kind: 'operator',
      watermarks,
      needsEventLoop,
      followsInput: true,
      ...(givesTimestamps && { givesTimestamps }),
      create,
    }
    const from = this.graph.add(name, body, edgesOf(input, { kind: 'forward' }, 0), output.schema)
    this.#uids.add(from, this.#purpose, false)
    return this.#made(name, from, output, [])
  }

  #made(kind: string, from: Transformation, { schema, names, changes, monotony = NO_MONOTONY, attributes }: Output, keys: OperatorNote['keys']): Stream {
    this.#notes.set(from, { kind, attributes, changes, keys })
    return { from: [from], schema, names, changes, monotony }
  }

  /** A relation with further columns behind its own. */
  #extended(input: Stream, added: readonly BoundExpression[]): Stream {
    if (added.length === 0) return input
    const own = input.schema.fields.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, start: 0, end: 0 }))
    const expressions = [...own, ...added]
    const names = [...input.names, ...added.map((_, index) => `$f${own.length + index}`)]
    return this.#addCalc(input, undefined, expressions, { schema: placedSchema(expressions), names })
  }

  /** The columns of expressions: their own where they are such, else further ones. */
  #keyed(input: Stream, keys: readonly BoundExpression[]): KeyedStream {
    const added: BoundExpression[] = []
    const columns = keys.map((key) => (key.kind === 'column' ? key.index : input.schema.fields.length + added.push(key) - 1))
    return { stream: this.#extended(input, added), columns }
  }

  /** An operator with state behind one or two streams, each by its key; without one everything goes to one subtask. */
  #stateful(name: string, inputs: readonly Input[], output: Output, watermarks: WatermarkView, create: () => Operator): Stream {
    for (const { stream, key } of inputs) for (const column of key ?? []) refuseMapKey(stream, column)
    const edges = inputs.flatMap(({ stream, key }, input) =>
      edgesOf(stream, key === undefined ? { kind: 'global' } : { kind: 'hash', key: { kind: 'columns', columns: key } }, input),
    )
    const isGlobal = inputs.every(({ key }) => key === undefined)
    const late = output.late?.map((one) => one && { ...one, operator: name, schema: placedSchema(one.columns) })
    const body: TransformationBody = {
      kind: 'operator',
      watermarks,
      needsEventLoop: false,
      create: late === undefined ? create : () => (create() as SqlOperator).withLateOutputs(late),
      ...(late !== undefined && { sides: late.filter((one) => one !== undefined) }),
    }
    const from = this.graph.add(name, body, edges, output.schema, isGlobal ? 1 : undefined)
    for (const one of late ?? []) if (one !== undefined) this.#late.set(one.id, [...(this.#late.get(one.id) ?? []), from])
    const keys = inputs.map(({ stream, key }) => key?.map((column) => stream.names[column]))
    // Of several that do the same one knows nothing of what another keeps.
    this.#uids.add(from, [...this.#purpose, create().describe?.()?.type], true)
    this.#expiringStates.set(from, this.#expiring)
    this.#expiring = []
    // What is computed of several columns has no name that a person would know.
    from.settings.keyNames = keys[0]?.map((name) => (name.startsWith('$') ? undefined : name))
    return this.#made(name, from, output, keys)
  }

  /**
   * How long a state of the operator with state is kept that is made next: as a compiled plan says, a hint, or the session.
   *
   * @param name What plans call the state.
   */
  #ttl(name: string, hintMs?: number): StateTtlConfig | undefined {
    const ttlMs = this.#options.compiled?.ttls[this.#expiringCount] ?? hintMs ?? this.#options.ttl?.ttlMs ?? 0
    this.#expiringCount++
    this.#expiring.push({ name, ttlMs })
    // Where all rows are there, none is old.
    return ttlMs === 0 || this.#options.isBatch ? undefined : { ttlMs }
  }

  /** Rows that an operator has found late, as they leave it beside its results. */
  #lateRows({ of, columns }: LateRowsPlan): Stream {
    const from = this.#late.get(of)!
    const schema = placedSchema(columns)
    const names = namesOf(columns)
    const { session } = this.#options
    const place = { names, text: undefined }
    const spec = { condition: undefined, expressions: undefined, places: { condition: place, expressions: place } }
    const create = (): Operator => new CalcOperator(spec, schema, schema, session)
    const body: TransformationBody = { kind: 'operator', watermarks: SEES_NOTHING, needsEventLoop: false, followsInput: true, create }
    const edges = from.map((one): Edge => ({ from: one, side: of, partitioner: { kind: 'forward' }, input: 0, schema }))
    const attributes = (): Attributes => ({ of: this.noteOf(from[0]).kind, fields: names.join(', ') })
    const made = this.graph.add('LateRows', body, edges, schema)
    this.#uids.add(made, this.#purpose, false)
    return this.#made('LateRows', made, { schema, names, changes: INSERTS, attributes }, [])
  }

  // ---- aggregates ----

  #aggregate(plan: AggregatePlan): Stream {
    const { input, keys, aggregates, columns, window } = plan
    const approximate = this.#options.isBatch ? undefined : aggregates.find(({ name }) => name === 'APPROX_COUNT_DISTINCT')
    if (approximate !== undefined)
      throw errorAt(
        originIn(plan, approximate),
        'APPROXIMATE_STREAM',
        'APPROX_COUNT_DISTINCT counts rows that end',
        'Write COUNT(DISTINCT ...), or use batch mode.',
      )
    if (window !== undefined) return this.#windowAggregate({ ...plan, window })
    const rows = this.plan(input)
    if (!isInsertOnly(rows)) checkRetraction(plan, aggregates, 'the rows that it is of change')
    return this.#group(rows, keys, aggregates, columns, plan.ttlMs)
  }

  #group(input: Stream, keys: readonly BoundExpression[], aggregates: readonly BoundAggregate[], fields: readonly Field[], ttlMs?: number): Stream {
    const parts = ttlMs === undefined && this.#options.ttl === undefined ? this.#parts(input, aggregates) : undefined
    if (parts === undefined) return this.#groupAtOnce(input, keys, aggregates, fields, ttlMs)
    const width = keys.length
    const isGlobal = width === 0
    const { stream, key } = this.#locally(input, isGlobal ? [ALL_ROWS] : keys, parts)
    const merged = parts.merged(key.length, isGlobal)
    const areResults = parts.areResults(isGlobal)
    const results = areResults ? fields : [...fields.slice(0, width), ...partFields(merged, stream.names.slice(key.length))]
    const told = { names: input.names, keys, aggregates: parts.aggregates }
    const groups = this.#groupAtOnce(stream, isGlobal ? [] : key, merged, results, undefined, told)
    if (areResults) return groups
    const own = fields.slice(0, width).map(columnAt)
    return this.#addCalc(groups, undefined, [...own, ...parts.results(width, isGlobal, fields.slice(width))], placed(fields))
  }

  /** What aggregates of rows that only come are made of, if that can be put together of parts; else undefined. */
  #parts(input: Stream, aggregates: readonly BoundAggregate[]): AggregateParts | undefined {
    const { hasTwoPhases, isBatch } = this.#options
    const isMerged = (aggregate: BoundAggregate): boolean => isMergeable(aggregate) && !isOfDifferent(aggregate)
    if (!hasTwoPhases || !(isBatch || this.#areOne) || !isInsertOnly(input) || aggregates.length === 0 || !aggregates.every(isMerged)) return undefined
    const parts = new AggregateParts(aggregates)
    return areFixed(parts.aggregates) ? parts : undefined
  }

  /**
   * Rows as the parts of aggregates that they are, those of a batch that have equal keys put together.
   *
   * @param windows Of event time, and when rows are: then that is a column behind the keys.
   */
  #locally(
    input: Stream,
    keys: readonly BoundExpression[],
    parts: AggregateParts,
    windows?: { readonly of: AlignedWindows; readonly at: BoundExpression },
  ): { readonly stream: Stream; readonly key: readonly BoundExpression[]; readonly at: BoundExpression | undefined } {
    const timed = windows === undefined ? [] : [windows.at]
    const expressions = [...keys, ...timed, ...parts.aggregates.map(partOfRow)]
    const nameOf = (expression: BoundExpression, index: number): string => (expression.kind === 'column' ? input.names[expression.index] : `$f${index}`)
    const partNames = parts.aggregates.map(({ name }, index) => `${name.toLowerCase()}$${index}`)
    const names = [...[...keys, ...timed].map(nameOf), ...partNames]
    const rows = this.#addCalc(input, undefined, expressions, { schema: placedSchema(expressions), names })
    const { schema } = rows
    const timeColumn = keys.length
    const merged = parts.merged(keys.length + timed.length, false)
    // Any time of the slice will do.
    const times = timed.map(({ type }): BoundAggregate => ({ ...merged[0], name: 'MIN', operands: [columnAt({ type }, timeColumn)], type }))
    const placeOf = (expression: BoundExpression): number => (expression.kind === 'column' ? expression.index : -1)
    const plan = planColumnAggregates([...times, ...merged], placeOf, schema.fields.slice(keys.length), false)
    const key = keys.map((_, index) => index)
    const spec = { schema, key, plan, windows: windows && { of: windows.of, timeColumn } }
    const shown = keys[0] === ALL_ROWS ? [] : keys
    const attributes = (): Attributes => ({
      ...groupText(input.names, shown, parts.aggregates, [...shown.map(nameOf), ...partNames]),
      windows: windows && formatWindows(windows.of),
    })
    const kind = windows === undefined ? 'LocalGroupAggregate' : 'LocalWindowAggregate'
    const view = windows === undefined ? SEES_NOTHING : watermarkViewOf(windows.of)
    const stream = this.#follow(kind, rows, { schema, names, changes: INSERTS, attributes }, () => new LocalAggregateOperator(spec), view)
    return { stream, key: keys.map(columnAt), at: timed.map(({ type }) => columnAt({ type }, timeColumn)).at(0) }
  }

  /** @param told What it is called: where parts are put together, what they are of. */
  #groupAtOnce(
    input: Stream,
    keys: readonly BoundExpression[],
    aggregates: readonly BoundAggregate[],
    fields: readonly Field[],
    ttlMs: number | undefined,
    told: { readonly names: readonly string[]; readonly keys: readonly BoundExpression[]; readonly aggregates: readonly BoundAggregate[] } = {
      names: input.names,
      keys,
      aggregates,
    },
  ): Stream {
    const { session, isBatch } = this.#options
    const ttl = this.#ttl('groups', ttlMs)
    const { schema, names } = placed(fields)
    const isOfInserts = isInsertOnly(input)
    const areOne = this.#areOne
    const folded = isOfInserts ? aggregates : withoutRetraction(aggregates, keys, input.monotony)
    const isFolded = (isBatch || areOne) && ttl === undefined && areFolded(folded, !isOfInserts)
    const { stream, columns } = isFolded ? this.#foldedStream(input, keys, aggregates) : this.#keyed(input, keys)
    const texts = isFolded ? [...foldedColumns(aggregates, keys.length === 0 ? [ALL_ROWS] : keys).keys()] : []
    const placeOf = (expression: BoundExpression): number => columns[texts.indexOf(textOf(expression))]
    const key = keys.length === 0 ? undefined : isFolded ? keys.map(placeOf) : columns
    const createFolded = (): Operator => {
      const plan = planColumnAggregates(folded, placeOf, fields.slice(keys.length), !isOfInserts)
      return new ColumnGroupOperator({
        schema: stream.schema,
        key: key ?? [columns[0]],
        plan,
        outputSchema: schema,
        isGlobal: key === undefined,
        retracts: !isOfInserts,
        countsRows: told.aggregates.some(({ name, operands, filter }) => name === 'COUNT' && operands.length === 0 && filter === undefined) && isOfInserts,
        isFinal: isBatch,
      })
    }
    const createByRow = (): Operator =>
      new GroupAggregateOperator(
        {
          input: { schema: stream.schema, key },
          outputSchema: schema,
          aggregates: folded,
          retracts: !isOfInserts,
          sendsUpdateBefore: true,
          isFinal: isBatch,
          isFolded: areOne,
          ttl,
        },
        session,
      )
    // A set of rows has no row that changes; with a time to live updates say that it is still there.
    const updates = aggregates.length === 0 && ttl === undefined ? INSERTS : INSERTS_AND_UPDATES
    const changes = isBatch ? INSERTS : isOfInserts ? updates : updates | DELETES
    const monotony = isOfInserts ? [...keys.map(() => 'same' as const), ...told.aggregates.map(monotonyOf)] : NO_MONOTONY
    const attributes = (): Attributes => groupText(told.names, told.keys, told.aggregates, names, ttlMs)
    return this.#stateful(
      'GroupAggregate',
      [{ stream, key }],
      { schema, names, changes, monotony, attributes },
      SEES_NOTHING,
      isFolded ? createFolded : createByRow,
    )
  }

  /** What is folded: the keys (where there are none one that all rows have), what aggregates are over, and filters; each once. */
  #foldedStream(input: Stream, keys: readonly BoundExpression[], aggregates: readonly BoundAggregate[]): KeyedStream {
    const expressions = [...foldedColumns(aggregates, keys.length === 0 ? [ALL_ROWS] : keys).values()]
    const areAll = expressions.length === input.schema.fields.length
    if (areAll && expressions.every(({ kind }) => kind === 'column')) return this.#keyed(input, expressions)
    const named = expressions.map((expression, index) => (expression.kind === 'column' ? input.names[expression.index] : `$f${index}`))
    const stream = this.#addCalc(input, undefined, expressions, { schema: placedSchema(expressions), names: named })
    return { stream, columns: expressions.map((_, index) => index) }
  }

  #windowAggregate(plan: WindowGroups): Stream {
    const { input, keys, aggregates, columns: fields, window } = plan
    const { spec, start, end } = window
    if (spec.kind === 'HOP' && spec.sizeMs % spec.stepMs !== 0 && !spec.isLegacy)
      throw errorAt(
        plan.origin,
        'HOP_SIZE',
        `The size of HOP windows is a multiple of their slide, and ${spec.sizeMs} ms is none of ${spec.stepMs} ms`,
        'Round the size or the slide.',
      )
    const { session, isBatch } = this.#options
    const isOfParts = isStraight(plan)
    if (!isBatch) checkMerging(plan, isOfParts)
    const emit = isBatch ? undefined : emitOf(this.#options.emit, spec)
    const isSliced =
      isOfParts && spec.time === 'event' && (spec.kind === 'HOP' || spec.kind === 'CUMULATE') && !isBatch && emit === undefined && canMerge(aggregates)
    // Kernels count late rows, and keep none to be read.
    const isKept = plan.late !== undefined
    const aligned = !isBatch && !isKept && emit === undefined && areFoldedInWindows(aggregates) ? alignedOf(spec, session.timeZone) : undefined
    if (aligned !== undefined && isOfParts && isInsertOnly(this.plan(inputOfWindow(input))))
      return this.#windowFold(plan, aligned, this.plan(withRows(input, 'times')), keys[end])
    // Rows that were given their windows elsewhere say when these end.
    if (aligned !== undefined && !isOfParts && spec.time === 'event' && !keys[end].type.nullable && isInsertOnly(this.plan(input)))
      return this.#windowFold(plan, endsOf(aligned), this.plan(input), lastInstantOf(keys[end], keys[end].type))
    const areFoldedSessions = isOfParts && !isBatch && !isKept && this.#options.isInMemory && areFoldedInSessions(aggregates)
    const sessions = areFoldedSessions ? ownSessionsOf(plan, session.timeZone) : undefined
    if (sessions !== undefined && isInsertOnly(this.plan(sessions.input)))
      return this.#windowFold(plan, 'sessions', this.plan(withRows(input, 'times')), keys[end])
    // Where all rows are there, windows are groups like others.
    if (isBatch && areFolded(aggregates, false)) return this.#group(this.plan(input), keys, aggregates, fields)
    const rows = isSliced ? withRows(input, 'slices') : isOfParts && spec.kind === 'SESSION' ? withRows(input, 'parts') : input
    const { stream, columns } = this.#keyed(this.plan(rows), keys)
    const times = timesOf(plan)
    const others = columns.filter((_, index) => index !== start && index !== end && !(isSliced && times.includes(index)))
    const key = others.length === 0 ? undefined : others
    const { schema, names } = placed(fields)
    const retracts = !isInsertOnly(stream)
    if (retracts) checkRetraction(plan, aggregates, 'the rows of its windows change')
    const output = (of: string): Output => ({ schema, names, changes: INSERTS, attributes: () => ({ ...groupAttributes(plan), of }), ...lateOf(plan) })
    const shared = { input: { schema: stream.schema, key }, outputSchema: schema, window: spec, keys: columns, start, end, aggregates, retracts }
    if (isSliced) {
      const create = (): Operator => new SliceAggregateOperator({ ...shared, slice: sliceOf(spec), times }, session)
      return this.#inserted('WindowAggregate', [{ stream, key }], output('slices'), create)
    }
    if (emit !== undefined) {
      const create = (): Operator => new UpdatingWindowOperator({ ...shared, emit }, session)
      const changes = retracts ? ALL_CHANGES : INSERTS_AND_UPDATES
      return this.#stateful('WindowAggregate', [{ stream, key }], { ...output('windows that change'), changes }, SEES_ALL, create)
    }
    const create = (): Operator => new WindowAggregateOperator({ ...shared, followsClock: followsClock(input) && !retracts }, session)
    return this.#inserted('WindowAggregate', [{ stream, key }], output('windows'), create)
  }

  /**
   * Windows that lie on a grid, or sessions of the groups: kernels fold them into slices or sessions. Of processing time rows are in those of the instant at
   * which they come.
   *
   * @param at When rows are, as these windows know time. Where it is not their own end, a window's beginning is a key like others.
   */
  #windowFold(plan: WindowGroups, windows: AlignedWindows | 'sessions', input: Stream, at: BoundExpression): Stream {
    const { keys, columns: fields, window } = plan
    const { spec } = window
    const isEvent = spec.time === 'event'
    const isGiven = at !== keys[window.end]
    const times = timesOf(plan)
    const isBound = (index: number): boolean => (index === window.start && !isGiven) || index === window.end || times.includes(index)
    const own = keys.filter((_, index) => !isBound(index))
    const isGlobal = own.length === 0
    const areSessions = windows === 'sessions'
    const parts = areSessions ? undefined : this.#parts(input, plan.aggregates)
    const rows =
      parts === undefined || areSessions
        ? { stream: input, key: isGlobal ? [ALL_ROWS] : own, at }
        : this.#locally(input, isGlobal ? [ALL_ROWS] : own, parts, isEvent ? { of: windows, at } : undefined)
    const time = isEvent ? [rows.at!] : []
    const aggregates = parts?.merged(rows.key.length + time.length, false) ?? plan.aggregates
    const given = [...rows.key, ...time]
    const { stream, columns } = this.#foldedStream(rows.stream, given, aggregates)
    const texts = [...foldedColumns(aggregates, given).keys()]
    const placeOf = (expression: BoundExpression): number => columns[texts.indexOf(textOf(expression))]
    const key = rows.key.map(placeOf)
    const results = parts === undefined ? fields.slice(keys.length) : partFields(aggregates, rows.stream.names.slice(given.length))
    const bound: LogicalType = { kind: 'TIMESTAMP', precision: 3, nullable: true }
    const wide = placedSchema([...key.map((column) => stream.schema.fields[column]), { type: bound }, { type: bound }, ...results])
    const names = [...wide.fields.keys()].map((index) => `$${index}`)
    const create = (): Operator => {
      const shared = {
        inputSchema: stream.schema,
        key: { kind: 'columns' as const, columns: key },
        aggregates: { ...planWindowAggregates(aggregates, placeOf, results), resultSchema: wide },
      }
      if (areSessions) return new ColumnSessionOperator({ ...shared, timeColumn: placeOf(rows.at!), gapMs: spec.sizeMs })
      const timed = isEvent ? { timeColumn: placeOf(rows.at!) } : { times: new WindowClock(spec, this.#options.session.timeZone) }
      return new SliceWindowOperator({ ...shared, ...timed, windows, lateOutput: undefined })
    }
    const attributes = (): Attributes => ({ ...groupAttributes(plan), of: areSessions ? 'sessions' : isGiven ? 'windows' : 'slices' })
    const inputs = [{ stream, key: isGlobal ? undefined : key }]
    const view = areSessions ? SEES_ALL : isEvent ? watermarkViewOf(windows) : SEES_NOTHING
    const windowed = this.#stateful('WindowAggregate', inputs, { schema: wide, names, changes: INSERTS, attributes }, view, create)
    // In the order of the query's keys, each bound as the type that it has there.
    let next = 0
    const told = parts?.results(key.length + 2, false, fields.slice(keys.length))
    const expressions = fields.map(({ type }, index): BoundExpression => {
      const column = (place: number, of: LogicalType): BoundExpression => columnAt({ type: of }, place)
      if (index >= keys.length) return told?.[index - keys.length] ?? column(key.length + 2 + index - keys.length, type)
      if (index === window.start && !isGiven) return column(key.length, type)
      if (index === window.end) return column(key.length + 1, type)
      return times.includes(index) ? lastInstantOf(column(key.length + 1, bound), type) : column(next++, type)
    })
    return this.#addCalc(windowed, undefined, expressions, placed(fields))
  }

  #expand(plan: ExpandPlan): Stream {
    const { stream, columns: keys } = this.#keyed(this.plan(plan.input), plan.keys)
    const { schema, names } = placed(plan.columns)
    const create = (): Operator => new ExpandOperator({ width: plan.input.columns.length, keys, sets: plan.sets }, schema)
    return this.#follow('Expand', stream, { schema, names, changes: stream.changes, attributes: () => expandAttributes(plan) }, create)
  }

  #unnest(plan: UnnestPlan): Stream {
    const input = this.plan(plan.input)
    return this.#map(
      'Unnest',
      input,
      { ...placed(plan.columns), changes: input.changes, attributes: () => unnestAttributes(plan) },
      unnest(plan, plan.input.columns.length, plan.columns.length - plan.input.columns.length),
    )
  }

  #changelog(plan: ChangelogPlan): Stream {
    const { direction, rowtime, origin, columns } = plan
    const input = this.plan(plan.input)
    const isTo = direction === 'to'
    const name = isTo ? 'ToChangelog' : 'FromChangelog'
    if (this.#options.isBatch)
      throw errorAt(origin, 'CHANGELOG_IN_BATCH', `There are no changes in batch mode for ${isTo ? 'TO_CHANGELOG' : 'FROM_CHANGELOG'}`, 'Run it as a stream.')
    if (!isTo && !isInsertOnly(input))
      throw errorAt(
        origin,
        'TABLE_CHANGES',
        `FROM_CHANGELOG takes rows that only come, and these change: ${this.#changing(input)}`,
        'Rows that change need no FROM_CHANGELOG; TO_CHANGELOG makes rows of their changes.',
      )
    const changes = isTo ? INSERTS : ALL_CHANGES
    if (rowtime !== undefined && !isInsertOnly(input))
      throw errorAt(origin, 'TABLE_CHANGES', 'on_time is of rows that only come, and these change', 'Leave out on_time.')
    const output = { ...placed(columns), changes, attributes: () => changelogAttributes(plan) }
    return this.#map(name, input, output, isTo ? toChangelog(plan) : fromChangelog(plan))
  }

  // ---- time ----

  #window(plan: WindowPlan): Stream {
    const { spec, time, partition, columns, rows } = plan
    const input = this.plan(plan.input)
    const { schema, names } = placed(columns)
    if (spec.kind === 'SESSION' && this.#options.isBatch)
      throw new PlanError('SESSION_IN_BATCH', 'There are no SESSION windows in batch mode', { hint: 'Run it as a stream.' })
    if (rows === 'times') {
      const own = plan.input.columns.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, start: 0, end: 0 }))
      // Nobody asks rows of processing time when they are: any column stands there.
      const at = own[Math.max(0, time)]
      return this.#addCalc(input, undefined, [...own, at, at, at], { schema, names })
    }
    const output = { schema, names, changes: input.changes, attributes: () => ({ ...windowAttributes(plan), of: rows ?? 'windows' }), ...lateOf(plan) }
    const aligned = rows === undefined && spec.time === 'event' ? alignedOf(spec, this.#options.session.timeZone) : undefined
    if (aligned?.kind === 'tumbling') {
      const { sizeMs, offsetMs } = aligned
      return this.#follow('Window', input, output, () => new TumbleOperator({ sizeMs, offsetMs, time }, schema))
    }
    if (spec.kind !== 'SESSION') return this.#map('Window', input, output, windows({ spec: rows === 'slices' ? sliceOf(spec) : spec, time }))
    const key = partition.length === 0 ? undefined : partition
    const { session } = this.#options
    const create = (): Operator =>
      new SessionOperator({ input: { schema: input.schema, key }, outputSchema: schema, window: spec, time, isAggregated: rows === 'parts' }, session)
    return this.#inserted('Session', [{ stream: input, key }], output, create)
  }

  /** An operator of time: its rows only come. */
  #inserted(name: string, inputs: readonly Input[], output: Omit<Output, 'changes' | 'monotony'>, create: () => Operator): Stream {
    const { schema, names, attributes } = output
    return this.#stateful(name, inputs, { schema, names, attributes, changes: INSERTS, ...lateOf(output) }, SEES_ALL, create)
  }

  #over(plan: OverPlan): Stream {
    const { input: inputPlan, calls, columns } = plan
    const [first] = calls
    const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one, withoutPlaces) === JSON.stringify(other, withoutPlaces)
    const { session, isBatch } = this.#options
    const refusal = (code: string, call: BoundOver, message: string, hint?: string): PlanError => errorAt(originIn(plan, call), code, message, hint)
    const isOfFirst = ({ partition, order }: BoundOver): boolean => isSame([partition, order], [first.partition, first.order])
    const isOneWindow = calls.every(isOfFirst)
    if (!isOneWindow && isBatch) return this.#overOneByOne(plan, isOfFirst)
    if (!isOneWindow)
      throw refusal(
        'OVER_WINDOWS',
        calls.find((call) => !isOfFirst(call))!,
        `All OVER of a SELECT have the same partition and order ${ENDLESS}`,
        'Compute one in a subquery.',
      )
    const { stream, columns: partition } = this.#keyed(this.plan(inputPlan), first.partition)
    const key = partition.length === 0 ? undefined : partition
    // Columns that were added for the key are none of the result.
    const width = inputPlan.columns.length
    const isWider = stream.schema.fields.length > width
    const { schema, names } = isWider ? placed([...fieldsOf(stream), ...columns.slice(width)]) : placed(columns)
    const output = { schema, names, attributes: () => overAttributes(plan), ...lateOf(plan) }
    const shared = { input: { schema: stream.schema, key }, outputSchema: schema, calls, order: first.order, ttl: undefined }
    const cut = (wide: Stream): Stream => {
      if (!isWider) return wide
      const kept = columns.map(({ type }, index): BoundExpression => ({
        kind: 'column',
        index: index < width ? index : index + stream.schema.fields.length - width,
        type,
        start: 0,
        end: 0,
      }))
      return this.#addCalc(wide, undefined, kept, placed(columns))
    }
    const ofDistinct = isBatch ? calls.find(({ isDistinct }) => isDistinct) : undefined
    if (ofDistinct !== undefined) throw refusal('OVER_DISTINCT', ofDistinct, 'OVER takes no DISTINCT in batch mode', 'Take the distinct rows in a subquery.')
    if (isBatch) return cut(this.#inserted('OverAggregate', [{ stream, key }], output, () => new FinalOverOperator(shared, session)))
    const [order] = first.order
    const time = order?.expression.kind === 'column' ? inputPlan.columns[order.expression.index]?.time : undefined
    if (first.order.length === 0) throw refusal('OVER_WITHOUT_ORDER', first, `OVER needs an ORDER BY ${ENDLESS}`, 'Order by a time attribute.')
    if (first.order.length > 1) throw refusal('OVER_ORDER', first, `OVER has one ORDER BY column ${ENDLESS}`, 'Order by a time attribute alone.')
    for (const call of calls) {
      const { name, operands } = call
      const [, distance] = operands
      if (name === 'LAG' && distance?.kind === 'literal' && Number(distance.value) < 0)
        throw refusal('OVER_FUNCTION', call, 'LAG asks for rows that have not come yet', 'Use a positive offset.')
    }
    for (const call of calls) {
      const { name } = call
      if (name === 'LEAD') throw refusal('OVER_FUNCTION', call, 'LEAD asks for rows that have not come yet', 'Use LAG, or batch mode.')
      if (name === 'NTILE' || name === 'CUME_DIST' || name === 'PERCENT_RANK')
        throw refusal('OVER_FUNCTION', call, `${name} asks how many rows there are in all`, 'Use batch mode.')
    }
    const ofOtherFrame = calls.find(({ frame }) => !isSame(frame, first.frame))
    if (ofOtherFrame !== undefined)
      throw refusal('OVER_FRAMES', ofOtherFrame, `All OVER of a SELECT have the same frame ${ENDLESS}`, 'Compute one in a subquery.')
    if (first.frame.to !== 0) throw refusal('OVER_FRAME', first, `A frame ends at the current row ${ENDLESS}`, 'Write AND CURRENT ROW.')
    if (time !== undefined) {
      if (order.descending) throw refusal('OVER_ORDER', first, `OVER is ordered by time upwards ${ENDLESS}`, 'Leave DESC out.')
      if (!isInsertOnly(stream))
        throw refusal(
          'OVER_CHANGES',
          first,
          `OVER in the order of time takes no rows that change: ${this.#changing(stream)}`,
          'Order by a column that is no time.',
        )
      const column = (order.expression as BoundExpression & { readonly kind: 'column' }).index
      if (first.frame.from !== undefined) checkRetraction(plan, calls, 'rows leave a frame that has a beginning')
      const create = (): Operator => new TimeOverOperator({ ...shared, time: time === 'event' ? column : undefined, frame: first.frame }, session)
      return cut(this.#inserted('OverAggregate', [{ stream, key }], output, create))
    }
    if (order.descending) throw refusal('OVER_ORDER', first, `OVER is ordered upwards ${ENDLESS}`, 'Leave DESC out.')
    const unbounded = calls.find(({ name, user }) => user === undefined && !AGGREGATE_FUNCTIONS.has(name))
    if (unbounded !== undefined)
      throw refusal(
        'OVER_FUNCTION',
        unbounded,
        `${unbounded.name} in the order of a column that is no time asks for a bound ${ENDLESS}`,
        'Ask for the first rows: WHERE rank <= n.',
      )
    if (first.frame.from !== undefined)
      throw refusal('OVER_FRAME', first, `A frame in the order of a column that is no time has no beginning ${ENDLESS}`, 'Write UNBOUNDED PRECEDING.')
    const changes = isInsertOnly(stream) ? INSERTS_AND_UPDATES : ALL_CHANGES
    const ttl = this.#ttl('rows')
    const create = (): Operator => new ChangingOverOperator({ ...shared, ttl }, session)
    return cut(this.#stateful('OverAggregate', [{ stream, key }], { ...output, changes }, SEES_NOTHING, create))
  }

  /** Calls of several windows: those of the first one, then the others behind them. */
  #overOneByOne({ input, calls, columns, origin }: OverPlan, isOfFirst: (call: BoundOver) => boolean): Stream {
    const where = origin && { origin }
    const width = input.columns.length
    const order = [...calls.keys()].toSorted((one, other) => Number(isOfFirst(calls[other])) - Number(isOfFirst(calls[one])))
    const count = calls.filter(isOfFirst).length
    const own = columns.slice(0, width)
    const added = order.map((index) => columns[width + index])
    const first: OverPlan = {
      kind: 'over',
      input,
      calls: order.slice(0, count).map((index) => calls[index]),
      columns: [...own, ...added.slice(0, count)],
      ...where,
    }
    const all: OverPlan = { kind: 'over', input: first, calls: order.slice(count).map((index) => calls[index]), columns: [...own, ...added], ...where }
    const expressions = columns.map(({ type }, index): BoundExpression => ({
      kind: 'column',
      index: index < width ? index : width + order.indexOf(index - width),
      type,
      start: 0,
      end: 0,
    }))
    return this.plan({ kind: 'project', input: all, expressions, columns })
  }

  #rank(plan: RankPlan): Stream {
    if (this.#options.isBatch && plan.function !== 'ROW_NUMBER') return this.plan(filteredRanks(plan))
    const input = this.plan(plan.input)
    const { stream, columns: partition } = this.#keyed(input, plan.partition)
    const key = partition.length === 0 ? undefined : partition
    const { session, isBatch } = this.#options
    const { from, to, hasRank, order } = plan
    if (plan.function !== 'ROW_NUMBER')
      throw errorAt(
        plan.origin,
        'RANK_FUNCTION',
        `The first rows are those of ROW_NUMBER, not of ${plan.function}, ${ENDLESS}`,
        'Use ROW_NUMBER, or batch mode.',
      )
    const width = plan.input.columns.length
    const isWider = stream.schema.fields.length > width
    const { schema, names } = isWider ? placed([...fieldsOf(stream), ...plan.columns.slice(width)]) : placed(plan.columns)
    const cut = (wide: Stream): Stream => {
      if (!isWider) return wide
      const kept = plan.columns.map(({ type }, index): BoundExpression => ({
        kind: 'column',
        index: index < width ? index : index + stream.schema.fields.length - width,
        type,
        start: 0,
        end: 0,
      }))
      return this.#addCalc(wide, undefined, kept, placed(plan.columns))
    }
    const output = { schema, names, attributes: () => rankAttributes(plan), ...lateOf(plan) }
    const shared = { input: { schema: stream.schema, key }, outputSchema: schema }
    const timed = plan.partition.map((expression) => (expression.kind === 'column' ? plan.input.columns[expression.index] : {}))
    const window = windowOf(timed)
    if (window !== undefined && typeof to === 'number') {
      const end = partition[window.end]
      const create = (): Operator => new WindowRankOperator({ ...shared, window: window.spec, end, order, from, to, hasRank }, session)
      const attributes = (): Attributes => ({ ...rankAttributes(plan), window: specText(window.spec) })
      return cut(this.#inserted('WindowRank', [{ stream, key }], { ...output, attributes }, create))
    }
    const [first] = order
    const time = order.length === 1 && first.expression.kind === 'column' ? plan.input.columns[first.expression.index].time : undefined
    if (time !== undefined && to === 1 && isInsertOnly(stream) && !hasRank && !isBatch) {
      const keeps = first.descending ? 'last' : 'first'
      const column = (first.expression as BoundExpression & { readonly kind: 'column' }).index
      const ignored = plan.input.columns.flatMap((one, index) => (one.time === 'processing' ? [index] : []))
      const isFolded = keeps === 'last' && time === 'event' && this.#options.foldsDeduplicate
      const ttl = this.#ttl('row')
      const ranked = isFolded ? this.#rankByColumns(stream, key, { order, from, to, hasRank }, schema, ttl, true) : undefined
      const create =
        ranked ?? ((): Operator => new DeduplicateOperator({ ...shared, ttl, keeps, time: time === 'event' ? column : undefined, ignored }, session))
      const changes = keeps === 'first' ? INSERTS : INSERTS_AND_UPDATES
      const attributes = (): Attributes => ({ ...rankAttributes(plan), keeps: `the ${keeps} row` })
      const sent = ranked === undefined ? stream : this.#rankedLocally(stream, key!, order, to, true)
      return cut(this.#stateful('Deduplicate', [{ stream: sent, key }], { ...output, changes, attributes }, SEES_ALL, create))
    }
    return cut(this.#topN(stream, key, { order, from, to, hasRank }, output, replacedBy(plan, stream), rowKeyOf(plan.input)))
  }

  #topN(
    stream: Stream,
    key: readonly number[] | undefined,
    rank: Pick<RankPlan, 'order' | 'from' | 'to' | 'hasRank'>,
    output: Omit<Output, 'changes'>,
    replaced: readonly number[] | undefined,
    unique: readonly number[] | undefined,
  ): Stream {
    const { session } = this.#options
    const ttl = this.#ttl('rows')
    const { schema } = output
    const { order, from, to, hasRank } = rank
    const retracts = !isInsertOnly(stream)
    // In the place of a row that only comes another one comes, where ranks are told, or there is one.
    const onlyChanges = !retracts && typeof to === 'number' && (hasRank || from > 1 || to === 1)
    const attributes = (): Attributes => ({
      ...output.attributes(),
      rows: retracts ? (replaced === undefined ? 'change' : `replace each other by ${replaced.map((column) => stream.names[column]).join(', ')}`) : 'only come',
    })
    const changes = onlyChanges ? INSERTS_AND_UPDATES : ALL_CHANGES
    const ranked = retracts
      ? this.#rankChangesByColumns(stream, key, rank, schema, ttl, replaced, unique)
      : this.#rankByColumns(stream, key, rank, schema, ttl, false)
    const createByRow = (): Operator =>
      new RankOperator({ input: { schema: stream.schema, key }, outputSchema: schema, ...rank, retracts, replacedBy: replaced, ttl }, session)
    const sent = retracts || ranked === undefined ? stream : this.#rankedLocally(stream, key!, order, to as number, false)
    return this.#stateful('Rank', [{ stream: sent, key }], { ...output, changes, attributes }, SEES_NOTHING, ranked ?? createByRow)
  }

  /** Rows that only come, without those which as many of their batch outrank as are asked for, of each key. */
  #rankedLocally(stream: Stream, key: readonly number[], order: readonly SortKey[], to: number, latestFirst: boolean): Stream {
    const { schema, names } = stream
    const columns = columnOrderOf(order, schema)!
    const attributes = (): Attributes => ({
      rankRange: `1 to ${to}`,
      partitionBy: key.map((column) => names[column]).join(', '),
      orderBy: orderText(order, names),
      of: 'batches',
    })
    return this.#follow('LocalRank', stream, { ...stream, attributes }, () => new LocalRankOperator({ schema, key, order: columns, to, latestFirst }))
  }

  /** What ranks rows that only come by the bytes of their columns; undefined where that cannot be done. */
  #rankByColumns(
    { schema }: Stream,
    key: readonly number[] | undefined,
    { order, from, to, hasRank }: Pick<RankPlan, 'order' | 'from' | 'to' | 'hasRank'>,
    outputSchema: Schema,
    ttl: StateTtlConfig | undefined,
    latestFirst: boolean,
  ): (() => Operator) | undefined {
    const columns = columnOrderOf(order, schema)
    if (key === undefined || columns === undefined || columns.length === 0 || !this.#isRankedByColumns(schema, to, ttl) || !isRanked(columns, schema, to))
      return undefined
    return () => new ColumnRankOperator({ schema, key, outputSchema, order: columns, from, to, hasRank, latestFirst })
  }

  /** What ranks rows that come and go in columns; undefined where that cannot be done. @param unique The columns that tell rows apart, if those are known. */
  #rankChangesByColumns(
    { schema }: Stream,
    key: readonly number[] | undefined,
    { order, from, to, hasRank }: Pick<RankPlan, 'order' | 'from' | 'to' | 'hasRank'>,
    outputSchema: Schema,
    ttl: StateTtlConfig | undefined,
    replaced: readonly number[] | undefined,
    unique: readonly number[] | undefined,
  ): (() => Operator) | undefined {
    const columns = columnOrderOf(order, schema)
    if (columns === undefined || !this.#isRankedByColumns(schema, to, ttl) || to > CHANGING_RANKS_MAX || !this.#options.isInMemory) return undefined
    const identity = [...new Set([...(replaced ?? unique ?? schema.fields.keys()), ...(key ?? [])])]
    return () => new ColumnChangeRankOperator({ schema, key, identity, replaces: replaced !== undefined, outputSchema, order: columns, from, to, hasRank })
  }

  #isRankedByColumns({ fields }: Schema, to: RankPlan['to'], ttl: StateTtlConfig | undefined): to is number {
    return typeof to === 'number' && ttl === undefined && (this.#options.isBatch || this.#areOne) && fields.every(({ type }) => type.kind !== 'OBJECT')
  }

  #sort(plan: SortPlan): Stream {
    const { input: inputPlan, keys, offset, fetch } = plan
    const input = this.plan(inputPlan)
    const { session, isBatch } = this.#options
    const { schema, names } = input
    const output = { schema, names, attributes: () => sortAttributes(plan), ...lateOf(plan) }
    if (fetch !== undefined) {
      const rank = { order: keys, from: offset + 1, to: offset + fetch, hasRank: false }
      return this.#topN(input, undefined, rank, output, replacedBy({ input: inputPlan, partition: [], order: keys }, input), rowKeyOf(inputPlan))
    }
    if (offset > 0) throw errorAt(plan.origin, 'OFFSET_WITHOUT_LIMIT', 'OFFSET needs a LIMIT', 'Write LIMIT too.')
    if (isBatch) return input
    const [first, ...rest]: readonly SortKey[] = keys
    const column = first?.expression.kind === 'column' ? first.expression.index : -1
    if (first === undefined || inputPlan.columns[column]?.time === undefined || first.descending)
      throw errorAt(
        plan.origin,
        'SORT_WITHOUT_TIME',
        `ORDER BY begins with a time attribute, upwards, ${ENDLESS}`,
        'Write LIMIT for the first rows of another order, or use batch mode.',
      )
    if (!isInsertOnly(input))
      throw errorAt(plan.origin, 'SORT_CHANGES', `ORDER BY takes no rows that change, unless there is a LIMIT: ${this.#changing(input)}`, 'Write LIMIT.')
    if (inputPlan.columns[column].time === 'processing') return input
    const create = (): Operator => new TimeSortOperator({ input: { schema: input.schema, key: undefined }, time: column, order: rest }, session)
    return this.#inserted('Sort', [{ stream: input, key: undefined }], output, create)
  }

  // ---- two inputs ----

  #join(plan: JoinPlan): Stream {
    const { left: leftPlan, right: rightPlan, type, condition, columns, strategy } = plan
    if (strategy.kind === 'lookup') return this.#lookupJoin({ ...plan, strategy })
    const [left, right] = [this.plan(leftPlan), this.plan(rightPlan)]
    const width = leftPlan.columns.length
    const { leftKeys, rightKeys, refusesNull, rest } = equalitiesOf(condition, width)
    const [one, other] = [this.#keyed(left, leftKeys), this.#keyed(right, rightKeys)]
    const { session } = this.#options
    const hasKey = leftKeys.length > 0
    const inputs = [one, other].map(({ stream, columns: key }) => ({ stream, key: hasKey ? key : undefined }))
    const [first, second] = inputs.map(({ stream, key }) => ({ schema: stream.schema, key }))
    const { schema, names } = placed(columns)
    const output = { schema, names, attributes: () => joinAttributes(plan), ...lateOf(plan) }
    const shared = { inputs: [first, second] as const, outputSchema: schema, widths: [width, rightPlan.columns.length] as const, condition: rest, refusesNull }
    const isOfInserts = isInsertOnly(left) && isInsertOnly(right)
    const columnInputs = (): readonly [ColumnJoinInput, ColumnJoinInput] => [
      { schema: first.schema, key: first.key!, width: shared.widths[0] },
      { schema: second.schema, key: second.key!, width: shared.widths[1] },
    ]
    // What asks for the watermark is asked in the order of rows.
    const inside = rest !== undefined && isColumnar({ condition: rest, expressions: undefined }) ? rest : undefined
    if (strategy.kind === 'temporal') {
      const { leftTime, rightTime } = strategy
      const create = (): Operator => new TemporalJoinOperator({ ...shared, type: type as 'INNER' | 'LEFT', leftTime, rightTime }, session)
      return this.#stateful('TemporalJoin', inputs, { ...output, changes: left.changes }, SEES_ALL, create)
    }
    if (strategy.kind === 'window') {
      const window = leftPlan.columns[strategy.leftEnd].window!.of
      const ends = [strategy.leftEnd, strategy.rightEnd] as const
      const windows = window.time === 'event' && plan.late === undefined ? alignedOf(window, session.timeZone) : undefined
      const areKnown = !leftPlan.columns[ends[0]].type.nullable && !rightPlan.columns[ends[1]].type.nullable
      if (windows !== undefined && areKnown && isOfInserts && type === 'INNER' && this.#options.isInMemory && hasSameKinds(first, second)) {
        const grid = endsOf(windows)
        const spec = { inputs: columnInputs(), outputSchema: schema, refusesNull, condition: inside, ends, windows: grid }
        const createJoin = (): Operator => new ColumnWindowJoinOperator(spec, session)
        const joined = this.#stateful('WindowJoin', inputs, { ...output, changes: INSERTS }, watermarkViewOf(grid), createJoin)
        return rest === inside || rest === undefined ? joined : this.#addCalc(joined, rest, undefined, joined)
      }
      return this.#inserted('WindowJoin', inputs, output, () => new WindowJoinOperator({ ...shared, type, window, ends }, session))
    }
    if (strategy.kind === 'interval' && isOfInserts && type !== 'SEMI' && type !== 'ANTI') {
      const { leftTime, rightTime, lowerMs, upperMs, time } = strategy
      return this.#inserted(
        'IntervalJoin',
        inputs,
        output,
        () => new IntervalJoinOperator({ ...shared, type, times: [leftTime, rightTime], lowerMs, upperMs, time }, session),
      )
    }
    const isPlain = isOfInserts && type === 'INNER'
    const ttls = [this.#ttl('left', plan.ttl?.[0]), this.#ttl('right', plan.ttl?.[1])] as const
    const isForEver = ttls.every((ttl) => ttl === undefined)
    if (isPlain && hasKey && isForEver && this.#options.isInMemory && hasSameKinds(first, second)) {
      const createJoin = (): Operator => new ColumnJoinOperator({ inputs: columnInputs(), outputSchema: schema, refusesNull, condition: inside }, session)
      const joined = this.#stateful('Join', inputs, { ...output, changes: INSERTS }, SEES_NOTHING, createJoin)
      return rest === inside || rest === undefined ? joined : this.#addCalc(joined, rest, undefined, joined)
    }
    const create = (): Operator =>
      isPlain ? new InsertOnlyJoinOperator({ ...shared, type, ttls }, session) : new JoinOperator({ ...shared, type, ttls }, session)
    return this.#stateful('Join', inputs, { ...output, changes: joinedChanges(type, left.changes, right.changes) }, SEES_NOTHING, create)
  }

  #lookupJoin(plan: LookupJoinPlan): Stream {
    const left = this.plan(plan.left)
    const { schema, names } = placed(plan.columns)
    const { session, lookup } = this.#options
    const { create, attributes } = lookupJoin(plan, schema, session, lookup)
    return this.#follow('LookupJoin', left, { schema, names, changes: left.changes, attributes }, create, SEES_NOTHING, { needsEventLoop: true })
  }

  #setOperation({ operator, all, left: leftPlan, right: rightPlan, columns }: SetPlan): Stream {
    const { schema, names } = placed(columns)
    const left = this.#as(this.plan(leftPlan), schema)
    const right = this.#as(this.plan(rightPlan), schema)
    const rows = columns.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, start: 0, end: 0 }))
    if (operator === 'UNION') {
      const both: Stream = { from: [...left.from, ...right.from], schema, names, changes: left.changes | right.changes, monotony: NO_MONOTONY }
      return all ? both : this.#group(both, rows, [], columns)
    }
    const key = columns.map((_, index) => index)
    const { session } = this.#options
    const ttl = this.#ttl('counts')
    const inputs = [left, right].map((stream) => ({ stream, key }))
    const create = (): Operator =>
      new SetOperator(
        {
          inputs: [
            { schema, key },
            { schema, key },
          ],
          outputSchema: schema,
          operator,
          all,
          ttl,
        },
        session,
      )
    const onlyGrows = operator === 'INTERSECT' && isInsertOnly(left) && isInsertOnly(right)
    const changes = all ? ALL_CHANGES : onlyGrows ? INSERTS : INSERTS | DELETES
    const output = { schema, names, changes, attributes: () => ({ all: String(all), select: names.join(', ') }) }
    return this.#stateful(operator === 'INTERSECT' ? 'Intersect' : 'Except', inputs, output, SEES_NOTHING, create)
  }

  /** A stream whose columns have these types, nullability included. */
  #as(input: Stream, schema: Schema): Stream {
    const isSame = input.schema.fields.every(({ type, name }, index) => sameType(type, schema.fields[index].type) && name === schema.fields[index].name)
    if (isSame) return input
    const expressions = input.schema.fields.map(({ type }, index): BoundExpression => ({ kind: 'column', index, type, start: 0, end: 0 }))
    return this.#addCalc(input, undefined, expressions, { schema, names: input.names })
  }
}

/** What the computed columns of a table stand in; undefined: they are of several texts. */
function textOfColumns({ definition }: CatalogTable): string | undefined {
  const [first, ...others] = definition.columns.filter(({ kind }) => kind === 'computed').map(({ origin }) => origin.text)
  return others.every((text) => text === first) ? first : undefined
}

function changesInBatch(table: CatalogTable, origin: Origin | undefined): PlanError {
  return errorAt(origin, 'CHANGES_IN_BATCH', `Table "${table.path[2]}" brings changes, which batch mode does not take`, 'Run it as a stream.')
}

/** Whether a plan reads rows that come too late for another one. */
/** Of parts that were put together, by the names of the parts. */
function partFields(merged: readonly BoundAggregate[], names: readonly string[]): readonly Field[] {
  return merged.map(({ type }, index) => ({ name: names[index], type }))
}

function hasLateRows(plan: LogicalPlan): boolean {
  return plan.kind === 'late rows' || inputsOf(plan).some(hasLateRows)
}

/** What kind of operator it is that something else has made. */
function kindOf({ body, settings }: Transformation): string {
  return body.kind === 'operator' ? settings.name : `${body.kind === 'source' ? 'Source' : 'Sink'}: ${settings.name}`
}

function lateOf({ late }: { readonly late?: LogicalPlan['late'] | undefined }): Pick<Output, 'late'> {
  return late === undefined ? {} : { late }
}

/** The columns of a stream, by the names that plans know. */
function fieldsOf({ schema, names }: Stream): readonly Field[] {
  return schema.fields.map(({ type }, index) => ({ name: names[index], type }))
}

/** What a join without bounds says of changes: rows that lose or find their first partner come and go. */
function joinedChanges(type: JoinPlan['type'], left: ChangeKinds, right: ChangeKinds): ChangeKinds {
  switch (type) {
    case 'INNER':
    case 'SEMI':
      return left | right
    case 'ANTI':
      return left | INSERTS | DELETES
    case 'LEFT':
      return INSERTS | DELETES | (right & UPDATES_BEFORE)
    case 'RIGHT':
      return INSERTS | DELETES | (left & UPDATES_BEFORE)
    case 'FULL':
      return INSERTS | DELETES
  }
}

/** Whether the clock has just given rows their windows. */
function followsClock(plan: LogicalPlan): boolean {
  if (plan.kind === 'project' || plan.kind === 'filter') return followsClock(plan.input)
  return plan.kind === 'window' && plan.spec.time === 'processing' && plan.spec.kind !== 'SESSION'
}

/** How an aggregate over rows that only come changes. */
function monotonyOf({ name }: BoundAggregate): 'rising' | 'falling' | undefined {
  return name === 'COUNT' || name === 'MAX' ? 'rising' : name === 'MIN' ? 'falling' : undefined
}

/** MAX of what only rises, and MIN of what only falls, need not know what was taken back: it is replaced at once, in the same group. */
function withoutRetraction(aggregates: readonly BoundAggregate[], keys: readonly BoundExpression[], monotony: Stream['monotony']): readonly BoundAggregate[] {
  const isSame = (expression: BoundExpression): boolean => [...columnsOf(expression)].every((column) => monotony[column] === 'same')
  if (!keys.every(isSame)) return aggregates
  return aggregates.map((aggregate) => {
    const { name, operands, filter } = aggregate
    const [operand] = operands
    const direction = operand?.kind === 'column' ? monotony[operand.index] : undefined
    const isReplaced = (name === 'MAX' && direction === 'rising') || (name === 'MIN' && direction === 'falling')
    return isReplaced && (filter === undefined || isSame(filter)) ? { ...aggregate, name: `${name} OF REPLACED` } : aggregate
  })
}

/** The columns by which rows of a rank's input replace each other: where their versions only move to the front. */
function replacedBy(
  { input, partition, order }: Pick<RankPlan, 'input' | 'partition' | 'order'>,
  { monotony, changes }: Stream,
): readonly number[] | undefined {
  // Of groups whose rows only come each row stays, with its versions; elsewhere one may go.
  if (monotony.length === 0 || (changes & DELETES) !== 0) return undefined
  const key = rowKeyOf(input)
  if (key === undefined || order.length === 0) return undefined
  // What tells rows apart is the same in all versions of a row.
  const isToFront = ({ expression, descending }: SortKey): boolean =>
    expression.kind === 'column' && (key.includes(expression.index) || monotony[expression.index] === (descending ? 'rising' : 'falling'))
  if (!order.every(isToFront)) return undefined
  return partition.every((expression) => expression.kind === 'column' && key.includes(expression.index)) ? key : undefined
}

/** The columns that tell rows of a relation apart; undefined too of tables, which may be read in part. */
function rowKeyOf(plan: LogicalPlan): readonly number[] | undefined {
  return plan.kind === 'scan' || (plan.kind === 'project' && plan.isNarrowing === true) ? undefined : uniqueKeyOf(plan)
}

/** RANK and DENSE_RANK of all rows, and those that are asked for. */
function filteredRanks({ input, partition, order, function: name, from, to, hasRank, columns }: RankPlan): LogicalPlan {
  const type: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: false }
  const nowhere = { start: 0, end: 0 }
  const call: BoundOver = {
    ...{ name, operands: [], isDistinct: false, filter: undefined, ignoresNull: false, type, partition, order },
    ...{ frame: { unit: 'RANGE', from: undefined, to: 0 } as const, ...nowhere },
  }
  const over: LogicalPlan = { kind: 'over', input, calls: [call], columns: [...input.columns, { name: '$rank', type }] }
  const width = input.columns.length
  const place = (index: number, own: LogicalType): BoundExpression => ({ kind: 'column', index, type: own, ...nowhere })
  const compared = (operator: string, bound: BoundExpression): BoundExpression => ({
    ...{ kind: 'call', name: operator, operands: [place(width, type), bound], clauses: [], type: { kind: 'BOOLEAN', nullable: true }, ...nowhere },
  })
  const number = (value: number): BoundExpression => ({ kind: 'literal', value: BigInt(value), type, ...nowhere })
  const condition = and(compared('>=', number(from)), compared('<=', typeof to === 'number' ? number(to) : place(to.column, input.columns[to.column].type)))
  const filter: LogicalPlan = { kind: 'filter', input: over, condition, columns: over.columns }
  return hasRank
    ? { ...filter, columns }
    : { kind: 'project', input: filter, expressions: input.columns.map((column, index) => place(index, column.type)), columns }
}

/** Maps with the same entries may lie in many ways. @throws {PlanError} `NOT_SUPPORTED` */
function refuseMapKey({ schema, names }: Stream, column: number): void {
  const hasMap = (type: LogicalType): boolean => {
    switch (type.kind) {
      case 'MAP':
      case 'MULTISET':
        return true
      case 'ARRAY':
        return hasMap(type.element)
      case 'ROW':
        return type.fields.some((field) => hasMap(field.type))
      default:
        return false
    }
  }
  const { type } = schema.fields[column]
  if (hasMap(type))
    throw new PlanError('NOT_SUPPORTED', `Cannot tell rows apart by ${names[column]}: ${formatType(type)} is no key`, {
      hint: 'Group, join or partition by its keys or values, or by CAST(... AS STRING).',
    })
}

/** What a relation of windows makes windows of. */
function inputOfWindow(plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'window') return plan.input
  return plan.kind === 'project' || plan.kind === 'filter' || plan.kind === 'expand' ? inputOfWindow(plan.input) : plan
}

/** A relation of windows whose rows say something else: see {@link WindowPlan.rows}. */
function withRows(plan: LogicalPlan, rows: NonNullable<WindowPlan['rows']>): LogicalPlan {
  if (plan.kind === 'window') return { ...plan, rows }
  if (plan.kind === 'project' || plan.kind === 'filter' || plan.kind === 'expand') return { ...plan, input: withRows(plan.input, rows) }
  return plan
}

const MILLISECOND: BoundExpression = { kind: 'literal', value: 1, type: { kind: 'INTERVAL_DAY_TIME', nullable: false }, start: 0, end: 0 }

/** The last instant of a window that ends at a time, as a type of times. */
function lastInstantOf(end: BoundExpression, type: LogicalType): BoundExpression {
  const last: BoundExpression = { kind: 'call', name: '-', operands: [end, MILLISECOND], clauses: [], type: end.type, start: 0, end: 0 }
  return type.kind === end.type.kind ? { ...last, type } : { kind: 'cast', operand: last, isTry: false, isImplicit: true, type, start: 0, end: 0 }
}

/** The functions in expressions that give another value each time. */
function variableCallsIn(expressions: readonly BoundExpression[]): readonly string[] {
  const found = new Set<string>()
  const look = (expression: BoundExpression): BoundExpression => {
    if (expression.kind === 'call' && (scalarCodeOf(expression)?.isDeterministic === false || expression.user?.isDeterministic === false))
      found.add(expression.name)
    return mapParts(expression, look)
  }
  expressions.forEach(look)
  return [...found]
}

function withoutPlaces(name: string, value: unknown): unknown {
  return name === 'start' || name === 'end' || name === 'view' || name === 'origin' ? undefined : typeof value === 'bigint' ? `${value}n` : value
}

/** What comes out of one subtask stays in one where others come along, which may have more: dealt out, changes of a row would overtake each other. */
function edgesOf({ from, schema }: Stream, partitioner: Partitioner, input: number): Edge[] {
  return from.map((transformation) => {
    const isGathered = partitioner.kind === 'forward' && from.length > 1 && isSingle(transformation)
    return { from: transformation, side: undefined, partitioner: isGathered ? { kind: 'global' } : partitioner, input, schema }
  })
}

/** Whether it has one subtask however many workers there are. */
function isSingle({ body, edges, parallelismMax }: Transformation): boolean {
  return parallelismMax === 1 || (body.kind === 'operator' && body.followsInput === true && edges.every((edge) => isSingle(edge.from)))
}

interface Equalities {
  readonly leftKeys: readonly BoundExpression[]
  readonly rightKeys: readonly BoundExpression[]
  /** Whether NULL is equal to nothing, by key. */
  readonly refusesNull: readonly boolean[]
  /** What is left of the condition. */
  readonly rest: BoundExpression | undefined
}

/** Takes out of a condition over the columns of two inputs what says that an expression of the one equals one of the other. */
function equalitiesOf(condition: BoundExpression | undefined, width: number): Equalities {
  const leftKeys: BoundExpression[] = []
  const rightKeys: BoundExpression[] = []
  const refusesNull: boolean[] = []
  const rest: BoundExpression[] = []
  for (const conjunct of conjunctsOf(condition)) {
    const pair = conjunct.kind === 'call' && (conjunct.name === '=' || conjunct.name === 'IS NOT DISTINCT FROM') ? sidesOf(conjunct.operands, width) : undefined
    if (pair === undefined) {
      rest.push(conjunct)
      continue
    }
    const type = commonType(pair[0].type, pair[1].type)
    if (type === undefined) {
      rest.push(conjunct)
      continue
    }
    leftKeys.push(implicitCast(pair[0], type))
    rightKeys.push(implicitCast(shifted(pair[1], -width), type))
    refusesNull.push((conjunct as { readonly name: string }).name === '=')
  }
  return { leftKeys, rightKeys, refusesNull, rest: rest.length === 0 ? undefined : rest.reduce(and) }
}

/** Whether keys of both inputs lie in the same way, and all columns can be kept as columns. */
function hasSameKinds(left: SqlInput, right: SqlInput): boolean {
  const kindsOf = ({ schema, key }: SqlInput): string => (key ?? []).map((column) => formatType(withNullability(schema.fields[column].type, true))).join(', ')
  return kindsOf(left) === kindsOf(right) && [left, right].every(({ schema }) => schema.fields.every(({ type }) => type.kind !== 'OBJECT'))
}

/** The operand of the left input and that of the right one. */
function sidesOf([one, other]: readonly BoundExpression[], width: number): readonly [BoundExpression, BoundExpression] | undefined {
  const isOf = (expression: BoundExpression, isLeft: boolean): boolean => {
    const columns = columnsOf(expression)
    return columns.size > 0 && [...columns].every((column) => column < width === isLeft)
  }
  if (isOf(one, true) && isOf(other, false)) return [one, other]
  return isOf(one, false) && isOf(other, true) ? [other, one] : undefined
}

/** The value of a cell of VALUES. @throws {UserFunctionError} if it cannot be computed. */
function cellOf(cell: BoundExpression, context: EvaluationContext, text: string | undefined): Value {
  try {
    return interpret(cell, context)([])
  } catch (error) {
    throw failureOf(error, cell, [], context, { names: [], text }) ?? userError('Values', 0, error)
  }
}
