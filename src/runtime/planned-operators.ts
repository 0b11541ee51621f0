// What checkpoints are told of the operators of a plan, and what the decision about a restore compares with it. Made where the job is planned, from
// operators that are never opened.

import type { KeyPart, OperatorSignature } from '../checkpoint/operator-signature.ts'
import type { PlannedOperator } from '../checkpoint/restore-decision.ts'
import type { OperatorDescription } from '../operator/operator.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { Edge, LogicalGraph, Transformation } from '../plan/transformation.ts'

/** Functions of single records, projections and the like. */
const STATELESS: OperatorDescription = { type: 'stateless operator', hasTimers: false }

/** All operators of a plan. @param graph What the plan was made of. */
export function plannedOperators(plan: ExecutionPlan, { transformations }: LogicalGraph): readonly PlannedOperator[] {
  return plan.tasks.flatMap(({ operators, parallelism }) =>
    operators.map(({ id, fused, uid, name, maxParallelism }): PlannedOperator => {
      const transformation = transformations[id]
      const description = descriptionOf(transformation)
      const { type, traits, states = [], declaresMore = false, hasTimers = true } = description
      const isKeyed = description !== STATELESS && transformation.body.kind !== 'sink'
      const key = isKeyed ? keyOf(transformations[fused[0]].edges, transformation.settings.keyNames) : undefined
      const folder = transformation.body.kind === 'sink' ? transformation.body.sink.folder : undefined
      const signature: OperatorSignature = { type, ...(key && { key }), ...(traits && { traits }), ...(folder !== undefined && { folder }) }
      const { uid: given, hasFixedUid } = transformation.settings
      const origin = given === undefined ? 'place' : hasFixedUid ? 'plan' : 'program'
      return { uid, name, uidOrigin: origin, parallelism, maxParallelism, signature, states, declaresMore, hasTimers }
    }),
  )
}

/** Their signatures, by uid. */
export function signaturesOf(planned: readonly PlannedOperator[]): ReadonlyMap<string, OperatorSignature> {
  return new Map(planned.map(({ uid, signature }) => [uid, signature]))
}

function descriptionOf({ body }: Transformation): OperatorDescription {
  switch (body.kind) {
    case 'source':
      return { type: `${body.source.name} source`, declaresMore: true, hasTimers: false }
    case 'sink':
      return { type: `${body.sink.name} sink`, hasTimers: false }
    case 'operator':
      return (body.rowStages === undefined ? body.create({ kind: 'none' }).describe?.() : undefined) ?? STATELESS
  }
}

function keyOf(edges: readonly Edge[], names: readonly (string | undefined)[] | undefined): readonly KeyPart[] | undefined {
  for (const { partitioner, schema } of edges) {
    if (partitioner.kind !== 'hash') continue
    const { key } = partitioner
    if (key.kind === 'encoded') return [{ ...(key.type && { type: key.type }) }]
    return key.columns.map((column, part) => {
      const { name: own, type } = schema.fields[column]
      const name = names === undefined ? own : names[part]
      return { ...(name !== undefined && { name }), type }
    })
  }
  return undefined
}
