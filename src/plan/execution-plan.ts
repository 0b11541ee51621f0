// Transformations -> tasks and exchanges: chains what can be chained, checks the graph, fixes parallelism and uids. The plan is frozen
// plain data, the same on every thread; its digest proves it.

import { createHash } from 'node:crypto'
import { PlanError } from '../base/errors.ts'
import { checkParallelism, MAX_PARALLELISM_DEFAULT, MAX_PARALLELISM_LIMIT } from '../base/key-groups.ts'
import { suggest } from '../base/suggest.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import { isObjectSchema } from '../batch/types.ts'
import type { WatermarkView } from '../time/watermark-view.ts'
import type { Edge, LogicalGraph, Partitioner, Transformation } from './transformation.ts'

const KIB = 1024

/** One operator of a task: a transformation, or several user functions in a row that run fused in one loop. */
export interface PlanOperator {
  /** Id of the transformation in the graph; of the last one where several are fused. */
  readonly id: number
  /** Ids of the fused transformations in order, `id` the last; just `[id]` for one alone. */
  readonly fused: readonly number[]
  readonly kind: 'source' | 'operator' | 'sink'
  readonly name: string
  readonly uid: string
  /** Number of its key groups: its own, whatever it is chained with. */
  readonly maxParallelism: number
  /** Transformation in the same task that feeds it; undefined for the head. */
  readonly chainedTo: number | undefined
  /** Side output of `chainedTo` that it reads. */
  readonly chainedSide: string | undefined
  /** For watermark generators: what their consumers can see. */
  readonly grid: WatermarkView
  readonly outputSchema: string
}

/** A chain of operators that run in one subtask, called directly. */
export interface PlanTask {
  readonly id: number
  readonly name: string
  readonly parallelism: number
  /** Topological order; the first is the head. */
  readonly operators: readonly PlanOperator[]
  readonly needsEventLoop: boolean
}

/** The edge between two tasks: all its channels and its partitioner. */
export interface PlanExchange {
  readonly id: number
  readonly fromTask: number
  readonly fromOperator: number
  readonly side: string | undefined
  readonly toTask: number
  readonly input: number
  readonly partitioner: Partitioner['kind']
  readonly key: KeySpec | undefined
  /** Of a hash partitioner: number of key groups, that of the operator behind it. */
  readonly maxParallelism: number | undefined
  /** The edge's place in the consumer's `edges`. */
  readonly edgeIndex: number
}

/** What runs: tasks (chains) and the exchanges between them. */
export interface ExecutionPlan {
  readonly jobName: string
  /** Number of workers. */
  readonly workers: number
  /** That of operators which do not set their own. */
  readonly maxParallelism: number
  readonly tasks: readonly PlanTask[]
  readonly exchanges: readonly PlanExchange[]
  /** SHA-256 over everything above: equal on every thread, else the program is not deterministic. */
  readonly digest: string
}

/** What the planner is told beside the graph. */
export interface PlanOptions {
  readonly jobName: string
  readonly parallelism: number
  readonly maxParallelism: number | undefined
}

/**
 * Plans a job.
 *
 * @throws {PlanError} If the graph has no sink, a side output of a source is misused, two operators share a uid, a parallelism or max parallelism
 * is out of range, or a source feeds two alignment groups.
 */
export function planJob(graph: LogicalGraph, options: PlanOptions): ExecutionPlan {
  const { transformations } = graph
  checkParallelism(options.jobName, options.parallelism)
  if (transformations.every((transformation) => transformation.body.kind !== 'sink'))
    throw new PlanError('NO_SINK', `Cannot run job "${options.jobName}": it has no sink`, { hint: 'End each stream with sinkTo(...), print() or output(...).' })
  checkSideOutputs(transformations)
  const parallelism: number[] = []
  const consumers = consumersOf(transformations)
  for (const transformation of transformations) parallelism.push(parallelismOf(transformation, options, parallelism, consumers))
  const maxParallelismDefault = options.maxParallelism ?? Math.max(MAX_PARALLELISM_DEFAULT, options.parallelism)
  const maxParallelism = transformations.map((transformation) =>
    maxParallelismOf(wantedBy(transformation, consumers), maxParallelismDefault, parallelism[transformation.id]),
  )
  const uids = assignUids(transformations)
  const taskOf: number[] = []
  const members: Transformation[][] = []
  for (const transformation of transformations) {
    const edge = chainableEdge(transformation, parallelism)
    taskOf[transformation.id] = edge === undefined ? members.push([]) - 1 : taskOf[edge.from.id]
    members[taskOf[transformation.id]].push(transformation)
  }
  checkAlignment(transformations, consumers)
  const exchanges: PlanExchange[] = []
  for (const transformation of transformations)
    transformation.edges.forEach((edge, edgeIndex) => {
      if (taskOf[edge.from.id] === taskOf[transformation.id]) return
      const [from, to] = [parallelism[edge.from.id], parallelism[transformation.id]]
      if (edge.partitioner.kind === 'forward' && edge.partitioner.strict === true && from !== to)
        throw new PlanError(
          'INVALID_PARTITION',
          `Cannot forward from "${edge.from.settings.name}" to "${transformation.settings.name}": their parallelisms are ${from} and ${to}`,
          { hint: 'Give both the same parallelism, or use rebalance().' },
        )
      exchanges.push({
        id: exchanges.length,
        fromTask: taskOf[edge.from.id],
        fromOperator: edge.from.id,
        side: edge.side,
        toTask: taskOf[transformation.id],
        input: edge.input,
        // As in Flink: forward between different parallelisms deals the records out.
        partitioner: edge.partitioner.kind === 'forward' && from !== to ? 'rebalance' : edge.partitioner.kind,
        key: edge.partitioner.kind === 'hash' ? edge.partitioner.key : undefined,
        maxParallelism: edge.partitioner.kind === 'hash' ? maxParallelism[transformation.id] : undefined,
        edgeIndex,
      })
    })
  const tasks = members.map((chain, id): PlanTask => {
    const operators = fuse(chain, parallelism, consumers).map((run): PlanOperator => {
      const transformation = run[run.length - 1]
      const chained = chainableEdge(run[0], parallelism)
      return {
        id: transformation.id,
        fused: run.map((member) => member.id),
        kind: transformation.body.kind,
        name: run.map((member) => member.settings.name).join(', '),
        uid: uids[transformation.id],
        maxParallelism: maxParallelism[transformation.id],
        chainedTo: chained?.from.id,
        chainedSide: chained?.side,
        grid: gridBehind(transformation, consumers),
        outputSchema: transformation.outputSchema.toString(),
      }
    })
    return {
      id,
      name: operators.map((operator) => operator.name).join(' -> '),
      parallelism: parallelism[chain[0].id],
      operators,
      needsEventLoop: chain.some(needsEventLoop),
    }
  })
  const workers = Math.max(...tasks.map((task) => task.parallelism))
  const plan = { jobName: options.jobName, workers, maxParallelism: maxParallelismDefault, tasks, exchanges }
  return deepFreeze({ ...plan, digest: createHash('sha256').update(JSON.stringify(plan)).digest('hex') })
}

/**
 * A worker has built the graph for itself: its plan must be that of all.
 *
 * @throws {PlanError} `GRAPH_NOT_DETERMINISTIC`.
 */
export function assertSamePlan(plan: ExecutionPlan, graph: LogicalGraph, options: PlanOptions, workerIndex: number): void {
  if (planJob(graph, options).digest === plan.digest) return
  throw new PlanError('GRAPH_NOT_DETERMINISTIC', `Cannot run job "${plan.jobName}": worker ${workerIndex} built another graph than was planned`, {
    hint: 'The program must build the same graph each time: no randomness, clocks or environment in its shape; pass what varies as params.',
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

/**
 * The plan as `millrace explain` prints it.
 *
 * @param ringBytes What each ring of an exchange holds; left out where that is not known.
 */
export function formatPlan(plan: ExecutionPlan, graph: LogicalGraph, ringBytes?: (exchange: PlanExchange) => number): string {
  const groups = plan.maxParallelism === MAX_PARALLELISM_DEFAULT ? '' : `, max parallelism ${plan.maxParallelism}`
  const lines = [
    `Job "${plan.jobName}": ${plan.workers} worker${plan.workers === 1 ? '' : 's'}, ${plan.tasks.length} task${plan.tasks.length === 1 ? '' : 's'}${groups}`,
  ]
  for (const task of plan.tasks) {
    lines.push('', `Task ${task.id}: parallelism ${task.parallelism}${task.needsEventLoop ? ', event loop' : ''}`)
    for (const exchange of plan.exchanges.filter(({ toTask }) => toTask === task.id)) {
      const key =
        exchange.key === undefined ? '' : ` by ${formatKey(exchange.key, graph.transformations[task.operators[0].fused[0]].edges[exchange.edgeIndex])}`
      const side = exchange.side === undefined ? '' : ` (side output "${exchange.side}")`
      const rings = ringBytes === undefined ? '' : `, rings of ${ringBytes(exchange) / KIB} KiB`
      lines.push(`  <- task ${exchange.fromTask}, ${exchange.partitioner}${key}${side}${exchange.input > 0 ? `, input ${exchange.input}` : ''}${rings}`)
    }
    for (const operator of task.operators) {
      const transformation = graph.transformations[operator.id]
      const side = operator.chainedSide === undefined ? '' : ` (side output "${operator.chainedSide}")`
      const detail =
        transformation.body.kind === 'source'
          ? `: ${transformation.body.source.describe()}`
          : transformation.body.kind === 'sink'
            ? `: ${transformation.body.sink.describe()}`
            : ''
      const descriptions = operator.fused.flatMap((id) => graph.transformations[id].settings.description ?? [])
      const ownGroups = operator.maxParallelism === plan.maxParallelism ? '' : `, max parallelism ${operator.maxParallelism}`
      lines.push(`  ${operator.name}${side}${detail}${descriptions.map((text) => ` (${text})`).join('')}  [uid ${operator.uid}${ownGroups}]`)
      if (transformation.body.kind === 'operator' && transformation.body.generatesWatermarks) lines.push(`    ${formatGrid(operator.grid)}`)
      if (transformation.body.kind !== 'sink') lines.push(`    ${operator.outputSchema}`)
    }
  }
  return lines.join('\n')
}

/** What watermarks a generator records, by what its consumers can see. */
function formatGrid(grid: WatermarkView): string {
  switch (grid.kind) {
    case 'none':
      return 'watermarks: no consumer looks at them'
    case 'every':
      return 'watermarks: every one'
    case 'grid':
      return `watermarks: where they pass n * ${grid.periodMs} ms${grid.offsetMs === 0 ? '' : ` + ${grid.offsetMs} ms`}`
  }
}

function formatKey(key: KeySpec, edge: Edge): string {
  return key.kind === 'encoded' ? 'a function' : key.columns.map((column) => edge.schema.fields[column].name).join(', ')
}

/** Sources say which side outputs they have; those of functions are known only when they run. */
function checkSideOutputs(transformations: readonly Transformation[]): void {
  const read = new Set<string>()
  for (const { edges } of transformations)
    for (const { from, side, schema } of edges) {
      if (side === undefined || from.body.kind !== 'source') continue
      const outputs = from.body.source.sideOutputs ?? new Map<string, never>()
      const output = outputs.get(side)
      const { name } = from.settings
      if (output === undefined) {
        const near = suggest(side, outputs.keys())
        throw new PlanError('UNKNOWN_SIDE_OUTPUT', `Cannot read side output "${side}" of source "${name}": it has no such side output`, {
          hint:
            near === undefined
              ? `It has ${outputs.size === 0 ? "none: one of bad records needs onBadRecord: 'dead-letter'" : `"${[...outputs.keys()].join('", "')}"`}.`
              : `Did you mean "${near}"?`,
        })
      }
      if (schema.toString() !== output.schema.toString())
        throw new PlanError(
          'SCHEMA_MISMATCH',
          `Cannot read side output "${side}" of source "${name}" as ${schema.toString()}: it is ${output.schema.toString()}`,
          {
            hint: 'Use the tag BAD_RECORDS.',
          },
        )
      read.add(`${from.id} ${side}`)
    }
  for (const { id, body, settings } of transformations)
    for (const [side, { mustBeRead }] of body.kind === 'source' ? (body.source.sideOutputs ?? []) : [])
      if (mustBeRead && !read.has(`${id} ${side}`))
        throw new PlanError(
          'SIDE_OUTPUT_NOT_READ',
          `Cannot run source "${settings.name}": nothing reads its side output "${side}", whose records would be lost`,
          {
            hint: 'Read it with getSideOutput(BAD_RECORDS) right behind the source, or give the source a deadLetterPath.',
          },
        )
}

/** @param before The parallelism of the transformations in front of it. */
function parallelismOf(
  transformation: Transformation,
  options: PlanOptions,
  before: readonly number[],
  consumers: readonly (readonly Transformation[])[],
): number {
  const { body, edges, settings } = wantedBy(transformation, consumers)
  if (body.kind === 'operator' && body.followsInput === true && settings.parallelism === undefined)
    return Math.max(...edges.map((edge) => before[edge.from.id]))
  if (followsOne(wantedBy(transformation, consumers))) return 1
  const wanted = settings.parallelism ?? options.parallelism
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new PlanError('INVALID_PARALLELISM', `Cannot run "${settings.name}" with parallelism ${wanted}: it must be a positive integer`)
  if (wanted > options.parallelism)
    throw new PlanError(
      'INVALID_PARALLELISM',
      `Cannot run "${settings.name}" with parallelism ${wanted}: the job has ${options.parallelism} worker${options.parallelism === 1 ? '' : 's'}`,
      {
        hint: 'Raise the parallelism of the job (--parallelism), or lower that of the operator.',
      },
    )
  const { parallelismMax } = wantedBy(transformation, consumers)
  if (body.kind === 'operator' && settings.parallelism !== undefined && wanted > parallelismMax)
    throw new PlanError(
      'INVALID_PARALLELISM',
      `Cannot run "${settings.name}" with parallelism ${wanted}: all of its state is one key's, so it has one subtask`,
      {
        hint: 'Group the records with keyBy to have several, or leave its parallelism out.',
      },
    )
  return Math.min(wanted, parallelismMax)
}

/** Whether it stands behind an operator that has one subtask, whose order it keeps in the same one unless it is told otherwise. */
function followsOne({ settings, edges }: Transformation): boolean {
  if (settings.parallelism !== undefined || edges.length === 0) return false
  return edges.every(
    ({ from, partitioner }) => partitioner.kind === 'forward' && ((from.body.kind === 'operator' && from.parallelismMax === 1) || followsOne(from)),
  )
}

/** The transformation whose settings say how parallel one is: itself, or the consumer that it belongs to. */
function wantedBy(transformation: Transformation, consumers: readonly (readonly Transformation[])[]): Transformation {
  const { body, id } = transformation
  const consumer = consumers[id][0]
  if (consumer === undefined || body.kind !== 'operator' || body.followsOutput !== true) return transformation
  const followsBack = consumer.body.kind === 'operator' && consumer.body.followsInput === true && consumer.settings.parallelism === undefined
  return followsBack ? transformation : consumer
}

function maxParallelismOf({ settings }: Transformation, otherwise: number, parallelism: number): number {
  const value = settings.maxParallelism ?? otherwise
  if (!Number.isInteger(value) || value < 1 || value > MAX_PARALLELISM_LIMIT)
    throw new PlanError(
      'INVALID_PARALLELISM',
      `Cannot run "${settings.name}" with a max parallelism of ${value}: it must be an integer in 1..${MAX_PARALLELISM_LIMIT}`,
    )
  if (value < parallelism)
    throw new PlanError('INVALID_PARALLELISM', `Cannot run "${settings.name}" with parallelism ${parallelism}: its max parallelism is ${value}`, {
      hint: 'Lower the parallelism, or raise the max parallelism (setMaxParallelism, pipeline.max-parallelism): state written before has that many key groups.',
    })
  return value
}

function needsEventLoop({ body }: Transformation): boolean {
  switch (body.kind) {
    case 'source':
      return body.source.needsEventLoop
    case 'sink':
      return body.sink.needsEventLoop
    case 'operator':
      return body.needsEventLoop
  }
}

/** The edge along which a transformation is chained to its producer, if it can be. */
function chainableEdge(transformation: Transformation, parallelism: readonly number[]): Edge | undefined {
  const [edge] = transformation.edges
  if (edge === undefined || transformation.edges.length > 1) return undefined
  if (transformation.settings.chaining !== 'always' || edge.from.settings.chaining === 'never') return undefined
  const [from, to] = [parallelism[edge.from.id], parallelism[transformation.id]]
  // Between two single subtasks every partitioner leads to the same place, so nothing is gained by a ring. A function of the user is called all the
  // same: what it gets wrong shall not come to light only on more workers.
  return from === to && (edge.partitioner.kind === 'forward' || (to === 1 && edge.partitioner.kind !== 'custom')) ? edge : undefined
}

/** Groups a chain into runs that become one operator each: user functions whose only consumer is the next one. */
function fuse(chain: readonly Transformation[], parallelism: readonly number[], consumers: readonly (readonly Transformation[])[]): Transformation[][] {
  const runs: Transformation[][] = []
  for (const transformation of chain) {
    const edge = chainableEdge(transformation, parallelism)
    // Where another parallelism would need an exchange there is a border at every parallelism: records in flight find the function that they were for.
    const run =
      edge === undefined || edge.side !== undefined || edge.partitioner.kind !== 'forward'
        ? undefined
        : runs.find((candidate) => candidate[candidate.length - 1] === edge.from)
    const fusable = run !== undefined && isRowFunction(transformation) && passesValuesOn(edge!.from) && consumers[edge!.from.id].length === 1
    if (fusable) run.push(transformation)
    else runs.push([transformation])
  }
  return runs
}

/** Whether the next function may get this one's values as they are: not where declared columns lie between, which check and convert. */
function passesValuesOn({ body, outputSchema }: Transformation): boolean {
  if (body.kind !== 'operator' || body.rowStages === undefined) return false
  return isObjectSchema(outputSchema) || body.rowStages.stages.every((stage) => stage.kind === 'filter')
}

function isRowFunction({ body }: Transformation): boolean {
  return body.kind === 'operator' && body.rowStages !== undefined
}

function assignUids(transformations: readonly Transformation[]): string[] {
  const owners = new Map<string, Transformation>()
  return transformations.map((transformation) => {
    const uid = transformation.settings.uid ?? `${transformation.settings.name}#${transformation.id}`
    const owner = owners.get(uid)
    if (owner !== undefined)
      throw new PlanError('DUPLICATE_UID', `Cannot give the uid "${uid}" to "${transformation.settings.name}": "${owner.settings.name}" has it already`, {
        hint: 'A uid names one operator for as long as its state lives.',
      })
    owners.set(uid, transformation)
    return uid
  })
}

function consumersOf(transformations: readonly Transformation[]): Transformation[][] {
  const consumers: Transformation[][] = transformations.map(() => [])
  for (const transformation of transformations) for (const edge of transformation.edges) consumers[edge.from.id].push(transformation)
  return consumers
}

/** A source pauses for one alignment group only: of two groups each could wait for the other for ever. */
function checkAlignment(transformations: readonly Transformation[], consumers: readonly (readonly Transformation[])[]): void {
  const groupsBehind: ReadonlySet<string>[] = []
  for (const transformation of transformations.toReversed()) {
    const { body, id, settings } = transformation
    const groups = new Set(consumers[id].flatMap((consumer) => [...groupsBehind[consumer.id]]))
    if (body.kind === 'operator' && body.alignment !== undefined) groups.add(body.alignment.group)
    if (body.kind === 'source' && groups.size > 1)
      throw new PlanError(
        'INVALID_ALIGNMENT',
        `Cannot align "${settings.name}": it feeds the alignment groups ${[...groups].map((group) => `"${group}"`).join(' and ')}`,
        {
          hint: 'Give the watermark strategies behind one source the same group.',
        },
      )
    groupsBehind[id] = groups
  }
}

/** The finest view of watermarks that anything behind `transformation` has. */
function gridBehind(transformation: Transformation, consumers: readonly (readonly Transformation[])[]): WatermarkView {
  let view: WatermarkView = { kind: 'none' }
  for (const consumer of consumers[transformation.id]) {
    const own: WatermarkView = consumer.body.kind === 'operator' ? consumer.body.watermarks : { kind: 'none' }
    view = finer(view, own.kind === 'none' ? gridBehind(consumer, consumers) : own)
  }
  return view
}

function finer(left: WatermarkView, right: WatermarkView): WatermarkView {
  if (left.kind === 'none') return right
  if (right.kind === 'none') return left
  if (left.kind === 'every' || right.kind === 'every') return { kind: 'every' }
  // A grid that holds every point of both: the greatest common divisor of the periods and of the distance of the offsets.
  const periodMs = gcd(gcd(left.periodMs, right.periodMs), Math.abs(left.offsetMs - right.offsetMs))
  return { kind: 'grid', periodMs, offsetMs: left.offsetMs % periodMs }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
