// What a whole job has at a checkpoint: plain data, made of the files of its parts. A part is one operator or source in one subtask.

import { MAX_PARALLELISM_LIMIT } from '../base/key-groups.ts'
import { SnapshotFile } from '../state/snapshot-file.ts'
import type { KeyedSnapshotReader } from '../state/state.ts'

/** An operator or source, as the checkpoint found it. */
export interface SnapshotOperator {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
}

/** A split of a source: what operator/source.ts calls so. */
export interface SnapshotSplit {
  readonly id: string
  readonly payload: unknown
}

/** A complete checkpoint. */
export interface JobSnapshot {
  readonly checkpointId: number
  readonly operators: readonly SnapshotOperator[]
  /** The splits of each source as they were listed when the job first started, by uid: a restore does not look again. */
  readonly splits: ReadonlyMap<string, readonly SnapshotSplit[]>
  /** Files of state, by {@link partId}. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Subtasks that had ended, by {@link partId} of their heads: they are not run again, only said to have ended. */
  readonly ended: ReadonlySet<string>
}

/** Names an operator's or source's part in one subtask. */
export function partId(uid: string, subtaskIndex: number): string {
  return `${uid}/${subtaskIndex}`
}

/** What a part wrote itself; undefined if it wrote nothing. */
export function partReader(snapshot: JobSnapshot, uid: string, subtaskIndex: number): KeyedSnapshotReader | undefined {
  const id = partId(uid, subtaskIndex)
  const file = snapshot.files.get(id)
  // At the parallelism of the snapshot, a part's key groups are those that it wrote.
  return file && SnapshotFile.open(file, id).reader({ start: 0, end: MAX_PARALLELISM_LIMIT })
}
