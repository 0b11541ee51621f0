// What a snapshot holds, by operator and state: schemas, counts, sizes. For the decision about a restore and for what reads savepoints.

import { SCHEMAS_STATE, readStateSchemas, shownNameOf, type StateSchema } from '../state/state-schema.ts'
import { OWN_STATE_PREFIX, UNION_STATE_PREFIX } from '../state/state.ts'
import type { JobSnapshot, SnapshotOperator } from './job-snapshot.ts'
import { SnapshotParts } from './job-snapshot.ts'

/** One state of an operator. */
export interface StateSummary {
  /** Its name in the snapshot; {@link shownNameOf} gives that of its descriptor. */
  readonly name: string
  /** Undefined for what an operator keeps for itself: positions in splits, open files, watermarks. */
  readonly schema: StateSchema | undefined
  readonly isKeyed: boolean
  /** Entries of keyed state (one a key and namespace), elements of other state; of broadcast state and union lists those of all parts together. */
  readonly records: number
  readonly bytes: number
}

/** An operator with what it wrote. */
export interface OperatorSummary extends SnapshotOperator {
  readonly states: readonly StateSummary[]
  /** Bytes of all its files. */
  readonly bytes: number
  /** Whether anything would be missed: more than a watermark, which comes again with the next records. */
  readonly hasState: boolean
}

/** Watermarks come again with the records; what generates them also knows how far each split has come. */
const WATERMARK_STATES: readonly string[] = [`${UNION_STATE_PREFIX}watermark`, `${OWN_STATE_PREFIX}watermark`]

/** Summarizes all operators, in the order of the snapshot. @throws {RestoreError} `SNAPSHOT_DAMAGED`, `SNAPSHOT_VERSION` */
export function summarize(snapshot: JobSnapshot, parts: SnapshotParts = new SnapshotParts(snapshot)): readonly OperatorSummary[] {
  return snapshot.operators.map((operator) => {
    const states = new Map<string, { schema: StateSchema | undefined; isKeyed: boolean; records: number; bytes: number }>()
    let bytes = 0
    for (const { part, size } of parts.partsOf(operator)) {
      bytes += size
      for (const [name, schema] of readStateSchemas(part))
        if (!states.has(name)) states.set(name, { schema, isKeyed: KEYED_KINDS.has(schema.kind), records: 0, bytes: 0 })
      for (const section of part.counts()) {
        if (section.state === SCHEMAS_STATE) continue
        const isKeyed = section.keyGroup !== undefined
        const state = states.get(section.state) ?? { schema: undefined, isKeyed, records: 0, bytes: 0 }
        states.set(section.state, { schema: state.schema, isKeyed, records: state.records + section.records, bytes: state.bytes + section.bytes })
      }
    }
    const list = [...states]
      .map(([name, state]): StateSummary => ({ name, ...state }))
      .sort((left, right) => compare(shownNameOf(left.name), shownNameOf(right.name)))
    const hasState = list.some(({ name, records }) => records > 0 && (!WATERMARK_STATES.includes(name) || operator.signature.type === 'watermark generator'))
    return { ...operator, states: list, bytes, hasState }
  })
}

const KEYED_KINDS: ReadonlySet<string> = new Set([
  'value',
  'list',
  'map',
  'reducing',
  'aggregating',
  'timers',
  'slices',
  'groups',
  'sessions',
  'rows',
  'distinct',
])

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
