// Compiled plans as texts: the INSERTs of a job as they were bound and optimised, the tables that they name, the options that they were planned with and
// the operators that were made of them. Whoever runs one binds and optimises nothing again.

import { PlanError } from '../base/errors.ts'
import { Decimal, formatType, type LogicalType } from '../batch/types.ts'
import type { Catalog, CatalogColumn, CatalogTable, DefinedColumn, Origin, TablePath } from './catalog.ts'
import type { Need } from './column-pruning.ts'
import type { InsertPlan } from './insert-binder.ts'
import type { WindowSpec } from './logical-plan.ts'
import { UserCall } from './user-function-calls.ts'

/** What marks a file as a plan. */
export const PLAN_FORMAT = 'millrace compiled plan'
/** Of the text: another engine may write another one. */
export const PLAN_VERSION = 1

/** An operator of a compiled plan that keeps something. */
export interface CompiledOperator {
  readonly id: number
  readonly uid: string
  /** What kind of operator it is, and from which ones rows come to it, whatever is between them. */
  readonly type: string
  readonly inputs: readonly number[]
  /** Its states that expire. */
  readonly state?: readonly { readonly index: number; readonly ttl: string; readonly name: string }[]
  /** As EXPLAIN shows it. */
  readonly description: string
}

/** A compiled plan. */
export interface CompiledPlan {
  readonly inserts: readonly InsertPlan[]
  /** What is read of tables. */
  readonly needs: ReadonlyMap<CatalogTable, Need>
  /** Options of SQL that it was planned with. */
  readonly configuration: ReadonlyMap<string, string>
  readonly currentCatalog: string
  readonly currentDatabase: string
  readonly operators: readonly CompiledOperator[]
}

/** How much of a table is written: `SCHEMA` leaves its options to the catalog of whoever runs the plan. */
export type CatalogObjects = 'ALL' | 'SCHEMA'

/** JSON of a plan: what it holds more than once stands in lists of its own. */
interface PlanDocument {
  readonly format: string
  readonly version: number
  readonly engineVersion: string
  readonly catalog: string
  readonly database: string
  readonly configuration: Readonly<Record<string, string>>
  readonly operators: readonly CompiledOperator[]
  readonly tables: readonly TableDocument[]
  readonly types: readonly unknown[]
  readonly windows: readonly unknown[]
  readonly inserts: readonly unknown[]
}

interface TableDocument {
  readonly path: TablePath
  readonly isTemporary: boolean
  readonly columns: readonly { readonly name: string; readonly type: string; readonly isVirtual: boolean; readonly value: unknown }[]
  readonly primaryKey: readonly string[]
  readonly watermark: unknown
  readonly partitionedBy: readonly string[]
  readonly options?: Readonly<Record<string, string>>
  /** Options that a hint has said. */
  readonly hinted?: readonly string[]
  readonly comment: string | undefined
  readonly reads: unknown
}

/** Members that a value has which JSON cannot say. None of them is a name of ours. */
type Tagged =
  /** Of lists: members that are undefined are left out. */
  | { readonly $undefined: true }
  | { readonly $number: string }
  | { readonly $bigint: string }
  | { readonly $decimal: string }
  | { readonly $bytes: string }
  | { readonly $map: readonly (readonly [unknown, unknown])[] }
  | { readonly $set: readonly unknown[] }
  | { readonly $type: number }
  | { readonly $window: number }
  | { readonly $table: number }
  | { readonly $function: readonly string[]; readonly signature: string }

/**
 * The text of a plan.
 *
 * @throws {PlanError} `NOT_COMPILABLE` if it holds what no text can say.
 */
export function planText(plan: CompiledPlan, engineVersion: string, objects: CatalogObjects): string {
  const writer = new PlanWriter(plan.needs, objects)
  const inserts = plan.inserts.map((insert) => writer.value(insert))
  const document: PlanDocument = {
    format: PLAN_FORMAT,
    version: PLAN_VERSION,
    engineVersion,
    catalog: plan.currentCatalog,
    database: plan.currentDatabase,
    configuration: Object.fromEntries(plan.configuration),
    operators: plan.operators,
    ...writer.lists(),
    inserts,
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/**
 * Reads the text of a plan.
 *
 * @param name What errors call it.
 * @param catalog What it says of tables and functions.
 * @throws {PlanError} `INVALID_PLAN` if it is none; `PLAN_DOES_NOT_FIT` if it is of another version, or the catalog has another table or function.
 */
export function readPlan(text: string, name: string, catalog: Catalog): CompiledPlan {
  const document = documentOf(text, name)
  try {
    const reader = new PlanReader(document, name, catalog)
    return {
      inserts: document.inserts.map((insert) => reader.value(insert) as InsertPlan),
      needs: reader.needs,
      configuration: new Map(Object.entries(document.configuration)),
      currentCatalog: document.catalog,
      currentDatabase: document.database,
      operators: document.operators,
    }
  } catch (error) {
    if (error instanceof PlanError) throw error
    throw new PlanError('INVALID_PLAN', `Cannot read the plan "${name}": it is not as it was written`, { cause: error, hint: COMPILE_AGAIN })
  }
}

const COMPILE_AGAIN = 'Compile it again: COMPILE PLAN.'

function documentOf(text: string, name: string): PlanDocument {
  let document: Partial<PlanDocument> | null
  try {
    document = JSON.parse(text) as Partial<PlanDocument> | null
  } catch (error) {
    throw new PlanError('INVALID_PLAN', `Cannot read the plan "${name}": it is not JSON`, { cause: error, hint: COMPILE_AGAIN })
  }
  if (document?.format !== PLAN_FORMAT)
    throw new PlanError('INVALID_PLAN', `Cannot read the plan "${name}": it is no plan that COMPILE PLAN has written`, {
      hint:
        typeof document === 'object' && document !== null && 'flinkVersion' in document
          ? 'It is one of Flink, whose operators are others: compile the statement here.'
          : COMPILE_AGAIN,
    })
  if (document.version !== PLAN_VERSION)
    throw new PlanError(
      'PLAN_DOES_NOT_FIT',
      `Cannot run the plan "${name}": it is of version ${document.version}, and this engine reads version ${PLAN_VERSION}`,
      {
        hint: `millrace ${document.engineVersion} has written it.`,
      },
    )
  return document as PlanDocument
}

// ---- tables ----

/** Members of expressions that say where they stand in a text, which is not kept. */
const PLACES = new Set(['start', 'end'])
const NOWHERE: Origin = { text: '', start: 0, end: 0 }

/** Whether something was said at a place of a text: expressions and aggregates. */
function hasPlace(value: object): boolean {
  return 'type' in value && ('kind' in value || 'isDistinct' in value)
}

/** Where something was said: the text has what is said of other things too. */
function isOrigin(value: object): value is Origin {
  return 'text' in value && 'start' in value && 'end' in value
}

function isTable(value: object): value is CatalogTable {
  return 'kind' in value && value.kind === 'table' && 'definition' in value
}

function isWindow(value: object): value is WindowSpec {
  return 'sizeMs' in value && 'keyCount' in value
}

function isType(value: object): value is LogicalType {
  return 'nullable' in value && 'kind' in value
}

/** Makes JSON of values. */
class PlanWriter {
  readonly #needs: ReadonlyMap<CatalogTable, Need>
  readonly #objects: CatalogObjects
  readonly #tables = new Map<CatalogTable, TableDocument | undefined>()
  readonly #windows = new Map<WindowSpec, unknown>()
  readonly #types = new Map<string, unknown>()

  constructor(needs: ReadonlyMap<CatalogTable, Need>, objects: CatalogObjects) {
    this.#needs = needs
    this.#objects = objects
  }

  /** What {@link value} has put into lists. */
  lists(): Pick<PlanDocument, 'tables' | 'types' | 'windows'> {
    return { tables: [...this.#tables.values()] as TableDocument[], types: [...this.#types.values()], windows: [...this.#windows.values()] }
  }

  value(value: unknown): unknown {
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : ({ $number: Object.is(value, -0) ? '-0' : String(value) } satisfies Tagged)
      case 'bigint':
        return { $bigint: String(value) } satisfies Tagged
      case 'object':
        return value === null ? null : this.#object(value)
      case 'string':
      case 'boolean':
      case 'undefined':
        return value
      default:
        throw new PlanError('NOT_COMPILABLE', `Cannot compile the plan: it holds a ${typeof value}, which no text can say`)
    }
  }

  #object(value: object): unknown {
    if (Array.isArray(value)) return value.map((one: unknown) => (one === undefined ? ({ $undefined: true } satisfies Tagged) : this.value(one)))
    // Its code is that of the catalog of whoever runs the plan.
    if (value instanceof UserCall) return { $function: value.path, signature: value.toJSON() } satisfies Tagged
    if (value instanceof Decimal) return { $decimal: String(value) } satisfies Tagged
    if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') } satisfies Tagged
    if (value instanceof Map) return { $map: Array.from(value, ([key, of]) => [this.value(key), this.value(of)] as const) } satisfies Tagged
    if (value instanceof Set) return { $set: Array.from(value, (one) => this.value(one)) } satisfies Tagged
    if (isOrigin(value)) return { ...NOWHERE }
    if (isTable(value)) return { $table: this.#table(value) } satisfies Tagged
    if (isWindow(value)) {
      if (!this.#windows.has(value)) this.#windows.set(value, this.#members(value))
      return { $window: [...this.#windows.keys()].indexOf(value) } satisfies Tagged
    }
    if (isType(value)) {
      const text = JSON.stringify(value)
      // Types of types are in front of them, so that a reader knows them.
      if (!this.#types.has(text)) {
        const members = this.#members(value)
        this.#types.set(text, members)
      }
      return { $type: [...this.#types.keys()].indexOf(text) } satisfies Tagged
    }
    return this.#members(value)
  }

  #members(value: object): unknown {
    if (Object.getPrototypeOf(value) !== Object.prototype)
      throw new PlanError('NOT_COMPILABLE', `Cannot compile the plan: it holds a ${value.constructor.name}, which no text can say`)
    const isPlaced = hasPlace(value)
    const kept = Object.entries(value).filter(([name, of]) => of !== undefined && !(isPlaced && PLACES.has(name)))
    return Object.fromEntries(kept.map(([name, of]) => [name, this.value(of)]))
  }

  #table(table: CatalogTable): number {
    if (!this.#tables.has(table)) {
      // Its place, before it is written: its own expressions name types, never tables.
      this.#tables.set(table, undefined)
      const { path, isTemporary, columns, primaryKey, watermark, options, definition } = table
      const virtual = new Set(definition.columns.flatMap((column) => (column.kind === 'metadata' && column.isVirtual ? [column.name] : [])))
      const hinted = [...options.keys()].filter((key) => definition.options.get(key) !== options.get(key))
      this.#tables.set(table, {
        path,
        isTemporary,
        columns: columns.map((column) => ({
          name: column.name,
          type: formatType(column.type),
          isVirtual: virtual.has(column.name),
          value: this.value(column),
        })),
        primaryKey,
        watermark: this.value(watermark),
        partitionedBy: definition.partitionedBy.map(({ name }) => name),
        ...(this.#objects === 'ALL' && { options: Object.fromEntries(options) }),
        ...(hinted.length > 0 && { hinted }),
        comment: definition.comment,
        reads: this.value(this.#needs.get(table)),
      })
    }
    return [...this.#tables.keys()].indexOf(table)
  }
}

/** Makes values of JSON. */
class PlanReader {
  readonly needs = new Map<CatalogTable, Need>()
  readonly #name: string
  readonly #catalog: Catalog
  readonly #types: readonly unknown[]
  readonly #windows: readonly unknown[]
  readonly #tables: readonly CatalogTable[]

  constructor({ types, windows, tables }: PlanDocument, name: string, catalog: Catalog) {
    this.#name = name
    this.#catalog = catalog
    const made: unknown[] = (this.#types = [])
    for (const type of types) made.push(this.value(type))
    this.#windows = windows.map((window) => this.value(window))
    this.#tables = tables.map((table) => this.#table(table))
  }

  value(json: unknown): unknown {
    if (typeof json !== 'object' || json === null) return json
    if (Array.isArray(json)) return json.map((one) => this.value(one))
    const tagged = json as Partial<Record<'$number' | '$bigint' | '$decimal' | '$bytes', string>> &
      Partial<Record<'$type' | '$window' | '$table', number>> & {
        readonly $function?: readonly string[]
        readonly signature?: string
        readonly $map?: readonly (readonly [unknown, unknown])[]
        readonly $set?: readonly unknown[]
      }
    if ('$undefined' in json) return undefined
    if (tagged.$type !== undefined) return known(this.#types, tagged.$type)
    if (tagged.$window !== undefined) return known(this.#windows, tagged.$window)
    if (tagged.$table !== undefined) return known(this.#tables, tagged.$table)
    if (tagged.$function !== undefined) return this.#function(tagged.$function, tagged.signature!)
    if (tagged.$number !== undefined) return Number(tagged.$number)
    if (tagged.$bigint !== undefined) return BigInt(tagged.$bigint)
    if (tagged.$decimal !== undefined) return Decimal.parse(tagged.$decimal)
    if (tagged.$bytes !== undefined) return new Uint8Array(Buffer.from(tagged.$bytes, 'hex'))
    if (tagged.$map !== undefined) return new Map(tagged.$map.map(([key, of]) => [this.value(key), this.value(of)]))
    if (tagged.$set !== undefined) return new Set(tagged.$set.map((one) => this.value(one)))
    const members = Object.fromEntries(Object.entries(json).map(([name, of]) => [name, this.value(of)]))
    return hasPlace(members) ? { ...members, start: 0, end: 0 } : members
  }

  /** The function that the catalog has under that name, if it still is what it was. */
  #function(path: readonly string[], signature: string): UserCall {
    const shown = path.join('.')
    const found = this.#catalog.findFunction(path)?.found
    const { definition } = found ?? {}
    if (found === undefined || definition === undefined)
      throw new PlanError('PLAN_DOES_NOT_FIT', `Cannot run the plan "${this.#name}": it calls the function "${shown}", which is not there`, {
        hint: 'Create the function in front of EXECUTE PLAN.',
      })
    const calls = definition.signatures.map((one) => new UserCall({ name: found.name, definition, path }, one, undefined))
    const call = calls.find((one) => one.toJSON() === signature)
    if (call !== undefined) return call
    const known = calls.map((one) => one.toJSON()).join('; ')
    throw new PlanError(
      'PLAN_DOES_NOT_FIT',
      `Cannot run the plan "${this.#name}": function "${shown}" was ${signature} when it was compiled, and is ${known} now`,
      {
        hint: 'Create the function as it was, or compile the plan again, which may begin with empty state.',
      },
    )
  }

  #table(given: TableDocument): CatalogTable {
    const { path, isTemporary, primaryKey, partitionedBy, comment, hinted = [] } = given
    const columns = given.columns.map(({ value }) => this.value(value) as CatalogColumn)
    const found = this.#catalog.at(path)
    const present = found?.kind === 'table' ? found : undefined
    if (present !== undefined) this.#compare(given, present)
    const kept = given.options ?? (present && Object.fromEntries(present.options))
    if (kept === undefined)
      throw new PlanError(
        'PLAN_DOES_NOT_FIT',
        `Cannot run the plan "${this.#name}": it was compiled without the options of table "${path.join('.')}", which is not there`,
        {
          hint: 'Create the table in front of EXECUTE PLAN.',
        },
      )
    const options = new Map(Object.entries(kept))
    const table: CatalogTable = {
      kind: 'table',
      path,
      isTemporary,
      columns,
      primaryKey,
      watermark: this.value(given.watermark) as CatalogTable['watermark'],
      options,
      definition: {
        columns: columns.map((column, index) => definedColumn(column, given.columns[index].isVirtual)),
        primaryKey: undefined,
        watermark: undefined,
        partitionedBy: partitionedBy.map((name) => ({ name, origin: NOWHERE })),
        distribution: undefined,
        options: new Map([...options].filter(([key]) => !hinted.includes(key))),
        comment,
      },
    }
    if (given.reads !== undefined) this.needs.set(table, this.value(given.reads) as Need)
    return table
  }

  /** A table that is there under the same name is the same. */
  #compare({ path, columns }: TableDocument, present: CatalogTable): void {
    const [was, is] = [columns, present.columns.map(({ name, type }) => ({ name, type: formatType(type) }))].map((of) =>
      of.map(({ name, type }) => `${name} ${type}`).join(', '),
    )
    if (was === is) return
    throw new PlanError(
      'PLAN_DOES_NOT_FIT',
      `Cannot run the plan "${this.#name}": table "${path.join('.')}" had the columns (${was}) when it was compiled, and has (${is}) now`,
      { hint: `Create the table as it was, or compile the plan again, which may begin with empty state.` },
    )
  }
}

function known<T>(list: readonly T[], index: number): T {
  if (!Number.isInteger(index) || index < 0 || index >= list.length) throw new RangeError(`There is no entry ${index}`)
  return list[index]
}

/** What a column was said to be, as far as running it needs. */
function definedColumn({ name, type, computed, metadataKey }: CatalogColumn, isVirtual: boolean): DefinedColumn {
  const own = { name, comment: undefined, origin: NOWHERE }
  if (computed !== undefined) return { ...own, kind: 'computed', expression: NOT_KEPT }
  return metadataKey === undefined ? { ...own, kind: 'physical', type } : { ...own, kind: 'metadata', type, key: metadataKey, isVirtual }
}

/** Stands for an expression as it was written: only what it was bound to is kept. */
const NOT_KEPT = { kind: 'literal', type: 'null', text: 'NULL', start: 0, end: 0 } as const satisfies (DefinedColumn & {
  readonly kind: 'computed'
})['expression']
