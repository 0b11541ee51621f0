// What PLAN_ADVICE says of a job: settings that make it slower than it need be, and values that change between an update and what takes it back.

import type { LogicalGraph, Transformation } from '../../plan/transformation.ts'
import type { QueryPlanner } from './query-planner.ts'

const MINI_BATCH_KEY = 'table.exec.mini-batch.enabled'

/** What is said of some transformations of a job. */
export interface PlanAdvice {
  readonly text: string
  readonly of: readonly Transformation[]
}

/** All that applies. @param isFoldingOff Whether changes of a group within a batch are told one by one, since the session says so. */
export function planAdvice(planner: QueryPlanner, isFoldingOff: boolean): readonly PlanAdvice[] {
  const { graph } = planner
  const kindOf = (one: Transformation): string => planner.noteOf(one).kind
  const groups = isFoldingOff ? graph.transformations.filter((one) => kindOf(one) === 'GroupAggregate') : []
  const advice: PlanAdvice[] = []
  if (groups.length > 0)
    advice.push({
      text: `[ADVICE] You might want to leave '${MINI_BATCH_KEY}' out, or set it to 'true': the changes of a group within a batch of rows then become one.`,
      of: groups,
    })
  for (const transformation of graph.transformations) {
    const functions = planner.unsettledBy(transformation)
    const readers = functions.length === 0 ? [] : readersOf(transformation, graph).filter((one) => !takesByKey(one, kindOf))
    if (readers.length > 0)
      advice.push({
        text: `[WARNING] ${functions.join(', ')} gives another value each time, also when a row is updated or taken back: ${readers.map((one) => one.settings.name).join(', ')} may not find the row that was there before. Compute it of rows that only come, or behind what keeps them.`,
        of: [transformation],
      })
  }
  return advice
}

/** The first operators behind a transformation that have to find a row again: those that keep some, and sinks. */
function readersOf(transformation: Transformation, graph: LogicalGraph): readonly Transformation[] {
  const found = new Set<Transformation>()
  const follow = (from: Transformation): void => {
    for (const one of graph.transformations) {
      if (!one.edges.some((edge) => edge.from === from)) continue
      if (one.body.kind === 'operator' && one.body.followsInput === true) follow(one)
      else found.add(one)
    }
  }
  follow(transformation)
  return [...found]
}

/** Whether rows are replaced by their key, whatever else was in them. */
function takesByKey({ body, edges }: Transformation, kindOf: (one: Transformation) => string): boolean {
  if (body.kind !== 'sink') return false
  const isKeyed = ({ from }: { readonly from: Transformation }): boolean =>
    kindOf(from) === 'Upserts' || (kindOf(from) === 'Write' && from.edges.some(isKeyed)) || kindOf(from) === 'UpsertMaterialize'
  return edges.every(isKeyed)
}
