// What the operators of queries are called: uids, by which a job finds its state again when the script has changed, and names for people.

import { PlanError } from '../../base/errors.ts'
import type { LogicalGraph, Transformation } from '../../plan/transformation.ts'
import { type CatalogTable, DEFAULT_PATH, type TablePath } from '../catalog.ts'
import type { CompiledOperator } from '../compiled-plan.ts'
import { digestOfParts, tableDigest } from '../plan-digests.ts'

/** The name of a table, with its catalog and database where those are others than where everybody begins. */
export function shownPath(path: TablePath): string {
  return DEFAULT_PATH.every((part, index) => part === path[index]) ? path[2] : path.join('.')
}

interface AddedSink {
  readonly writer: Transformation
  readonly committer: Transformation | undefined
  readonly path: TablePath
  readonly digest: string
}

/** Gives uids while a graph is made. They follow from tables and from what operators compute, not from the order of statements. */
export class OperatorUids {
  readonly #graph: LogicalGraph
  readonly #taken = new Set<string>()
  readonly #sinks: AddedSink[] = []
  /** Operators that keep state of rows. */
  readonly #stateful: Transformation[] = []
  readonly #ofTables: Transformation[] = []

  /** @param graph What uids are taken in by others: it may be the graph of a program, which has operators already. */
  constructor(graph: LogicalGraph) {
    this.#graph = graph
    for (const { settings } of graph.transformations) if (settings.uid !== undefined) this.#taken.add(settings.uid)
  }

  /** All that keep something which a restore has to find, in the order of the graph. */
  get keeping(): readonly Transformation[] {
    const ofSinks = this.#sinks.flatMap(({ writer, committer }) => (committer === undefined ? [writer] : [writer, committer]))
    return [...this.#stateful, ...this.#ofTables, ...ofSinks].toSorted((one, other) => one.id - other.id)
  }

  /**
   * An operator of a query.
   *
   * @param purpose What it is for, as JSON.
   * @param isStateful Whether it is alone for that, and keeps state; others are told apart by what is in front of them.
   */
  add(transformation: Transformation, purpose: readonly unknown[], isStateful: boolean): void {
    const { settings, edges } = transformation
    const parts = isStateful ? purpose : [...purpose, edges.map(({ from }) => from.settings.uid)]
    this.#give(transformation, `${settings.name}:${digestOfParts(parts)}`)
    if (isStateful) this.#stateful.push(transformation)
  }

  /** What reads a table. */
  addTable(role: 'source' | 'watermarks', transformation: Transformation, table: CatalogTable): void {
    const own = tableDigest(table)
    const isHinted = own.length > PATH_PARTS
    this.#give(transformation, `${role}:${shownPath(table.path)}${isHinted ? `:${digestOfParts(own)}` : ''}`)
    transformation.settings.name += ` of table "${shownPath(table.path)}"`
    this.#ofTables.push(transformation)
  }

  /** What writes to a table. @param purpose Of the rows, as JSON. */
  addSink(writer: Transformation, committer: Transformation | undefined, path: TablePath, purpose: readonly unknown[]): void {
    this.#sinks.push({ writer, committer, path, digest: digestOfParts(purpose) })
  }

  /** Gives what can only be given when all operators are there. */
  settle(): void {
    // Of several that write to one table the rows decide which is the first.
    for (const { writer, committer, path } of this.#sinks.toSorted((one, other) => (one.digest < other.digest ? -1 : 1))) {
      const uid = this.#give(writer, `sink:${shownPath(path)}`)
      if (committer !== undefined) this.#give(committer, `${uid}-committer`)
    }
    this.#name(this.#graph)
  }

  #give({ settings }: Transformation, wanted: string): string {
    let uid = wanted
    for (let count = 2; this.#taken.has(uid); count++) uid = `${wanted}-${count}`
    this.#taken.add(uid)
    settings.uid = uid
    settings.hasFixedUid = true
    return uid
  }

  /** Operators with state say which tables they are for, and are numbered where several of a kind are for the same. */
  #name({ transformations }: LogicalGraph): void {
    const tables = new Map<Transformation, Set<string>>(transformations.map((one) => [one, new Set()]))
    const ownTable = new Map(this.#sinks.map(({ writer, path }) => [writer, shownPath(path)]))
    for (const transformation of transformations.toReversed()) {
      const own = ownTable.get(transformation)
      if (own !== undefined) tables.get(transformation)!.add(own)
      for (const { from } of transformation.edges) for (const table of tables.get(transformation)!) tables.get(from)!.add(table)
    }
    const named = this.#stateful.map((transformation) => {
      const of = [...tables.get(transformation)!].toSorted()
      return { transformation, kind: transformation.settings.name, of: of.length === 0 ? '' : ` of sink${of.length === 1 ? '' : 's'} "${of.join('", "')}"` }
    })
    for (const { transformation, kind, of } of named) {
      const same = named.filter((other) => other.kind === kind && other.of === of)
      const number = same.findIndex((other) => other.transformation === transformation) + 1
      transformation.settings.name = `${kind}${same.length > 1 ? ` ${number}` : ''}${of}`
    }
    for (const { writer, path } of this.#sinks) writer.settings.name += ` of table "${shownPath(path)}"`
  }
}

/**
 * Gives the operators of a compiled plan that keep something the uids that it says, by which they find the state of whoever has compiled it. What is
 * between them keeps nothing, and may be what it wants.
 *
 * @param keeping Those that were made of the plan.
 * @throws {PlanError} `PLAN_DOES_NOT_FIT` if other operators were made of it.
 */
export function adoptUids(
  compiled: readonly CompiledOperator[],
  keeping: readonly Transformation[],
  name: string,
  typeOf: (one: Transformation) => string,
): void {
  const made = keeping.map((one) => textOf({ type: typeOf(one), inputs: inputsAmong(one, keeping) }))
  const places = Array.from({ length: Math.max(made.length, compiled.length) }, (_, id) => id)
  const place = places.find((id) => compiled[id] === undefined || made[id] !== textOf(compiled[id]))
  if (place !== undefined) {
    const was = compiled[place] === undefined ? 'none' : `"${compiled[place].uid}", ${textOf(compiled[place])},`
    throw new PlanError(
      'PLAN_DOES_NOT_FIT',
      `Cannot run the plan "${name}": operator ${place} was ${was} when it was compiled, and is ${made[place] ?? 'none'} here`,
      {
        hint: 'Run it with the engine that has compiled it, or compile the statement again.',
      },
    )
  }
  compiled.forEach(({ uid }, id) => (keeping[id].settings.uid = uid))
}

/** From which of some transformations rows come to one of them, by their places. */
export function inputsAmong(transformation: Transformation, some: readonly Transformation[]): readonly number[] {
  return transformation.edges.flatMap(({ from }) => {
    const place = some.indexOf(from)
    return place < 0 ? inputsAmong(from, some) : [place]
  })
}

function textOf({ type, inputs }: Pick<CompiledOperator, 'type' | 'inputs'>): string {
  return inputs.length === 0 ? type : `${type} of ${inputs.join(' and ')}`
}

/** Of a table that no hint has changed: a word, and its path. */
const PATH_PARTS = 4
