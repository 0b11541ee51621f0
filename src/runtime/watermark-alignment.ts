// Watermark alignment: sources of one group pause while they are too far ahead, in event time, of the slowest. Every subtask with a watermark
// generator publishes its watermark in its metric slots, every source reads those of the group; nobody decides for all.

import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import type { ExecutionPlan, PlanTask } from '../plan/execution-plan.ts'
import type { LogicalGraph } from '../plan/transformation.ts'
import { channelTargets } from './control-layout.ts'
import { MetricSlot } from './subtask-metrics.ts'

/** The group's view from one of the subtasks that feed it. */
export class WatermarkAlignment {
  readonly #maxDriftMs: number
  /** Metric slots of every subtask of the group that generates watermarks. */
  readonly #members: readonly Float64Array[]
  /** Those of them that this subtask's records reach. */
  readonly #fed: readonly Float64Array[]

  constructor(maxDriftMs: number, members: readonly Float64Array[], fed: readonly Float64Array[]) {
    this.#maxDriftMs = maxDriftMs
    this.#members = members
    this.#fed = fed
  }

  /** Whether even the slowest of those fed is too far ahead of the group. Whoever feeds the group's slowest never waits: the group goes on. */
  mustWait(): boolean {
    const fedMs = slowestMs(this.#fed)
    return fedMs !== WATERMARK_MAX && fedMs > slowestMs(this.#members) + this.#maxDriftMs
  }
}

/** The least watermark of those that are neither idle nor at their end; WATERMARK_MAX if all are. */
function slowestMs(members: readonly Float64Array[]): number {
  let leastMs = WATERMARK_MAX
  for (const slots of members) {
    if (slots[MetricSlot.HAS_ENDED] === 1 || slots[MetricSlot.IS_IDLE] === 1) continue
    leastMs = Math.min(leastMs, slots[MetricSlot.HAS_STARTED] === 1 ? slots[MetricSlot.SOURCE_WATERMARK_MS] : WATERMARK_MIN)
  }
  return leastMs
}

interface Generator {
  readonly task: PlanTask
  readonly group: string
  readonly maxDriftMs: number
}

/**
 * The alignment of a subtask with a source or a generator, by the generators that its records reach on whatever way, itself among them. The
 * planner has seen to it that a source feeds one group.
 *
 * @param slotsOf Metric slots of a task's subtask.
 * @returns null if it is in no group.
 */
export function alignmentOf(
  plan: ExecutionPlan,
  graph: LogicalGraph,
  task: PlanTask,
  subtaskIndex: number,
  slotsOf: (task: PlanTask, subtaskIndex: number) => Float64Array,
): WatermarkAlignment | null {
  const generators = plan.tasks.flatMap((candidate) =>
    candidate.operators.flatMap(({ id }): Generator[] => {
      const { body } = graph.transformations[id]
      return body.kind === 'operator' && body.alignment !== undefined ? [{ task: candidate, ...body.alignment }] : []
    }),
  )
  const isSource = task.operators[0].kind === 'source'
  if (generators.length === 0 || !(isSource || generators.some((generator) => generator.task === task))) return null
  const reached = reachedFrom(plan, task, subtaskIndex)
  const own = generators.filter((generator) => reached.has(generator.task.id))
  if (own.length === 0) return null
  const members = new Set(generators.flatMap((generator) => (generator.group === own[0].group ? [generator.task] : [])))
  return new WatermarkAlignment(
    Math.min(...own.map(({ maxDriftMs }) => maxDriftMs)),
    [...members].flatMap((member) => Array.from({ length: member.parallelism }, (_, index) => slotsOf(member, index))),
    [...members].flatMap((member) => [...(reached.get(member.id) ?? [])].map((index) => slotsOf(member, index))),
  )
}

/** The subtasks, by task, that what a subtask emits can come to; itself among them. */
function reachedFrom(plan: ExecutionPlan, task: PlanTask, subtaskIndex: number): ReadonlyMap<number, ReadonlySet<number>> {
  const reached = new Map<number, Set<number>>([[task.id, new Set([subtaskIndex])]])
  const open = [{ taskId: task.id, subtask: subtaskIndex }]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const exchange of plan.exchanges) {
      if (exchange.fromTask !== next.taskId) continue
      const [from, to] = [plan.tasks[exchange.fromTask], plan.tasks[exchange.toTask]]
      let subtasks = reached.get(to.id)
      if (subtasks === undefined) reached.set(to.id, (subtasks = new Set()))
      for (const target of channelTargets(exchange, next.subtask, from.parallelism, to.parallelism)) {
        if (subtasks.has(target)) continue
        subtasks.add(target)
        open.push({ taskId: to.id, subtask: target })
      }
    }
  return reached
}
