// What a whole job has at a checkpoint: plain data, made of the files of its parts. A part is one operator or source in one subtask.

import { keyGroupRangeOf } from '../base/key-groups.ts'
import { SnapshotFile } from '../state/snapshot-file.ts'
import { BROADCAST_STATE_PREFIX, type KeyedSnapshotReader, UNION_STATE_PREFIX } from '../state/state.ts'

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
  /** Parts that had ended, by {@link partId}: they are not run again, only said to have ended. */
  readonly ended: ReadonlySet<string>
}

/** Names an operator's or source's part in one subtask. */
export function partId(uid: string, subtaskIndex: number): string {
  return `${uid}/${subtaskIndex}`
}

/** Reads a snapshot for subtasks, at any parallelism. Opens each file once. */
export class SnapshotParts {
  readonly #snapshot: JobSnapshot
  readonly #files = new Map<string, SnapshotFile>()

  constructor(snapshot: JobSnapshot) {
    this.#snapshot = snapshot
  }

  /**
   * What one of `parallelism` subtasks of an operator gets of what the operator's parts wrote: the entries of its key groups; of a list its own part's
   * elements, or at another parallelism every `parallelism`-th; of a union list all; of a broadcast state those of one part.
   *
   * @returns undefined if the operator wrote nothing.
   */
  reader(uid: string, subtaskIndex: number, parallelism: number): KeyedSnapshotReader | undefined {
    const operator = this.#snapshot.operators.find((one) => one.uid === uid)
    if (operator === undefined) return undefined
    const parts = Array.from({ length: operator.parallelism }, (_, part) => this.#open(partId(uid, part)))
    if (parts.every((part) => part === undefined)) return undefined
    const isMoved = operator.parallelism !== parallelism
    const groups = keyGroupRangeOf(subtaskIndex, parallelism, operator.maxParallelism)
    // At its own parallelism the part's key groups are those that it wrote.
    const keyed = (isMoved ? parts : [parts[subtaskIndex]]).flatMap((part) => part?.reader(groups) ?? [])
    const all = parts.flatMap((part) => part?.reader(groups) ?? [])
    const one = parts[subtaskIndex % parts.length] ?? parts.find((part) => part !== undefined)!
    return {
      keyed: (state, visit) => keyed.forEach((part) => part.keyed(state, visit)),
      elements(state, visit) {
        if (state.startsWith(UNION_STATE_PREFIX)) all.forEach((part) => part.elements(state, visit))
        else if (state.startsWith(BROADCAST_STATE_PREFIX)) one.reader(groups).elements(state, visit)
        else if (!isMoved) keyed.forEach((part) => part.elements(state, visit))
        else {
          let turn = 0
          for (const part of all) part.elements(state, (value) => void (turn++ % parallelism === subtaskIndex && visit(value)))
        }
      },
    }
  }

  #open(id: string): SnapshotFile | undefined {
    const known = this.#files.get(id)
    if (known !== undefined) return known
    const bytes = this.#snapshot.files.get(id)
    if (bytes === undefined) return undefined
    const file = SnapshotFile.open(bytes, id)
    this.#files.set(id, file)
    return file
  }
}

/**
 * Whether an operator or source had ended in one of `parallelism` subtasks. At another parallelism it had only if all its parts had: those that had not
 * leave something to do to all.
 */
export function hadEnded({ operators, ended }: JobSnapshot, uid: string, subtaskIndex: number, parallelism: number): boolean {
  const had = operators.find((operator) => operator.uid === uid)?.parallelism ?? 0
  if (had === parallelism) return ended.has(partId(uid, subtaskIndex))
  return had > 0 && Array.from({ length: had }, (_, part) => ended.has(partId(uid, part))).every(Boolean)
}
