// What the API records: transformations, linked by edges. A graph of them is made by running the job's program, on the planner and again on
// every worker; it holds the user's functions, so it never travels between threads. The execution plan (execution-plan.ts) does.

import { PlanError } from '../base/errors.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import type { Schema } from '../batch/types.ts'
import type { NamedRowStage } from '../operator/basic/row-operator.ts'
import type { Operator } from '../operator/operator.ts'
import type { Sink } from '../operator/sink.ts'
import type { Source } from '../operator/source.ts'
import type { WatermarkView } from '../time/watermark-view.ts'

/** How records find their subtask across an edge. */
export type Partitioner =
  /** Subtask i to subtask i. Chained where possible; between different parallelisms refused if `strict`, else records are dealt out. */
  | { readonly kind: 'forward'; readonly strict?: true }
  /** By key group of the key: all records of a key meet in one subtask. */
  | { readonly kind: 'hash'; readonly key: KeySpec }
  /** Round robin over all subtasks, a batch at a time. */
  | { readonly kind: 'rebalance' }
  /** Round robin over the subtasks that belong to the sender's share. */
  | { readonly kind: 'rescale' }
  /** Every record to every subtask. */
  | { readonly kind: 'broadcast' }
  /** Every record to subtask 0. */
  | { readonly kind: 'global' }
  /** As the user's function says: `partition(record, subtaskCount)` returns the index. */
  | { readonly kind: 'custom'; readonly partition: (record: never, subtaskCount: number) => number }

/** One input of a transformation. Several edges with the same `input` are a union. */
export interface Edge {
  readonly from: Transformation
  /** Side output of `from`; undefined = its main output. */
  readonly side: string | undefined
  readonly partitioner: Partitioner
  /** Which input of a multi-input operator it feeds. */
  readonly input: number
  /** Schema of the records on the edge. */
  readonly schema: Schema
}

/** What the runtime must make for one transformation. */
export type TransformationBody =
  | { readonly kind: 'source'; readonly source: Source }
  | { readonly kind: 'sink'; readonly sink: Sink }
  | {
      readonly kind: 'operator'
      readonly watermarks: WatermarkView
      /** Whether the operator needs the worker's event loop (asynchronous user code). */
      readonly needsEventLoop: boolean
      /** Belongs to its input: as parallel as that unless the user sets it, so that records stay where they are and in order. */
      readonly followsInput?: true
      /** Belongs to its only consumer: as parallel, with as many key groups, so that what a partitioner brought to it is where it is wanted. */
      readonly followsOutput?: true
      /** Emits no records of its own: its side outputs are those of its input. */
      readonly passesSides?: true
      /** Side outputs by id and schema; `any` where user code sends to tags of its own. @default none */
      readonly sides?: 'any' | readonly { readonly id: string; readonly schema: Schema }[]
      /** Functions that may run fused with those of neighbours, in one loop; `create` makes them alone. */
      readonly rowStages?: { readonly inputSchema: Schema; readonly stages: readonly NamedRowStage[] }
      /** It commits for the writers of the sink in front of it: nothing needs to be behind it. */
      readonly commits?: true
      /** It records the watermarks that its consumers can see. */
      readonly generatesWatermarks?: true
      /** Its results have timestamps whether its records have or not. */
      readonly givesTimestamps?: boolean
      /** For watermark generators: sources of one group stay close to each other. */
      readonly alignment?: { readonly group: string; readonly maxDriftMs: number }
      /** The same function with declared output columns; absent where the operator fixes its own. */
      readonly withSchema?: (schema: Schema) => TransformationBody
      /** Makes a fresh operator. `grid` is the finest view of all consumers, for operators that generate watermarks. */
      readonly create: (grid: WatermarkView) => Operator
    }

/** The settings a user may still change after the transformation was added. */
export interface TransformationSettings {
  name: string
  uid: string | undefined
  /** Whether the uid follows from what the operator does, so that nobody can give it another one. */
  hasFixedUid: boolean
  /** What a person calls the parts of its key, those that are computed nothing; undefined: as the columns are called that it lies in. */
  keyNames: readonly (string | undefined)[] | undefined
  parallelism: number | undefined
  maxParallelism: number | undefined
  /** `head`: not behind its producer. `never`: alone. */
  chaining: 'always' | 'head' | 'never'
  description: string | undefined
}

/** One step of a job. */
export class Transformation {
  readonly id: number
  readonly body: TransformationBody
  readonly edges: readonly Edge[]
  readonly outputSchema: Schema
  readonly settings: TransformationSettings
  /** At most this many subtasks make sense. */
  readonly parallelismMax: number

  constructor(id: number, name: string, body: TransformationBody, edges: readonly Edge[], outputSchema: Schema, parallelismMax: number = Infinity) {
    this.id = id
    this.body = body
    this.edges = edges
    this.outputSchema = outputSchema
    this.parallelismMax = parallelismMax
    this.settings = {
      name,
      uid: undefined,
      hasFixedUid: false,
      keyNames: undefined,
      parallelism: undefined,
      maxParallelism: undefined,
      chaining: 'always',
      description: undefined,
    }
  }

  /** Whether the edges are keyed: state and timers are per key. */
  get keyed(): boolean {
    return this.edges.some((edge) => edge.partitioner.kind === 'hash')
  }
}

/** Whether all records that come through these edges of one input can carry timestamps. */
export function haveTimestamps(edges: readonly Pick<Edge, 'from'>[]): boolean {
  return edges.every(({ from }) => {
    if (from.body.kind === 'source') return from.body.source.givesTimestamps === true
    if (from.body.kind === 'operator' && from.body.givesTimestamps === true) return true
    // What a function makes of several inputs has the timestamps of the one it comes from.
    const inputs = new Set(from.edges.map(({ input }) => input))
    return [...inputs].some((input) => haveTimestamps(from.edges.filter((edge) => edge.input === input)))
  })
}

/** Whether what comes to a transformation leaves the job there, at once or when it is committed. */
export function isEnd({ body }: Transformation): boolean {
  return body.kind === 'sink' || (body.kind === 'operator' && body.commits === true)
}

/** A named input or output of a job, and the schema of its records. */
export interface ProgramEdgeSpec {
  readonly name: string
  readonly schema: string
}

/** All transformations of a job, in the order they were added: an edge always points to an earlier one. */
export class LogicalGraph {
  readonly transformations: Transformation[] = []

  /** Sinks that {@link takeSinks} has given out. */
  readonly #taken = new Set<Transformation>()

  add(name: string, body: TransformationBody, edges: readonly Edge[], outputSchema: Schema, parallelismMax?: number): Transformation {
    const transformation = new Transformation(this.transformations.length, name, body, edges, outputSchema, parallelismMax)
    this.transformations.push(transformation)
    return transformation
  }

  /**
   * Puts another body and schema in a transformation's place; settings stay.
   *
   * @throws {PlanError} If something already reads its output.
   */
  replace(old: Transformation, body: TransformationBody, outputSchema: Schema): Transformation {
    const reader = this.transformations.find((transformation) => transformation.edges.some((edge) => edge.from === old))
    if (reader !== undefined)
      throw new PlanError('INVALID_RETURNS', `Cannot declare columns for "${old.settings.name}": "${reader.settings.name}" reads it already`, {
        hint: 'Call returns() right behind the function.',
      })
    const transformation = new Transformation(old.id, old.settings.name, body, old.edges, outputSchema, old.parallelismMax)
    Object.assign(transformation.settings, old.settings)
    this.transformations[old.id] = transformation
    return transformation
  }

  /** The inputs that the program around the engine pushes to. */
  get programInputs(): readonly ProgramEdgeSpec[] {
    return this.transformations.flatMap(({ body, outputSchema }) =>
      body.kind === 'source' && body.source.inputName !== undefined ? [{ name: body.source.inputName, schema: outputSchema.toString() }] : [],
    )
  }

  /** The outputs that the program around the engine reads; several sinks may lead to one. */
  get programOutputs(): readonly ProgramEdgeSpec[] {
    return this.transformations.flatMap(({ body, outputSchema }) =>
      body.kind === 'sink' && body.sink.outputName !== undefined ? [{ name: body.sink.outputName, schema: outputSchema.toString() }] : [],
    )
  }

  /** A graph of the sinks that were added since the last call, with all that leads to them. Streams stay, for sinks to come. */
  takeSinks(): LogicalGraph {
    const graph = this.ofNewSinks()
    for (const transformation of this.transformations) if (isEnd(transformation)) this.#taken.add(transformation)
    return graph
  }

  /** What {@link takeSinks} would give out. */
  ofNewSinks(): LogicalGraph {
    const needed = new Set<Transformation>()
    // An edge points to an earlier transformation: one pass from the end finds all.
    for (const transformation of this.transformations.toReversed()) {
      if (isEnd(transformation) && !this.#taken.has(transformation)) needed.add(transformation)
      if (needed.has(transformation)) for (const { from } of transformation.edges) needed.add(from)
    }
    const graph = new LogicalGraph()
    const copies = new Map<Transformation, Transformation>()
    for (const transformation of this.transformations) {
      if (!needed.has(transformation)) continue
      const { settings, body, edges, outputSchema, parallelismMax } = transformation
      const copiedEdges = edges.map((edge) => ({ ...edge, from: copies.get(edge.from)! }))
      const copy = graph.add(settings.name, body, copiedEdges, outputSchema, parallelismMax)
      Object.assign(copy.settings, settings)
      copies.set(transformation, copy)
    }
    return graph
  }
}
