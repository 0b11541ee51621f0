// What a whole job has at a checkpoint: plain data, made of the files of its parts. A part is one operator or source in one subtask. What a job has
// written becomes a CapturedCheckpoint; what is read again, with all files that it builds on, a JobSnapshot.

import { assert } from '../base/assert.ts'
import { keyGroupRangeOf } from '../base/key-groups.ts'
import { SnapshotChain } from '../state/snapshot-chain.ts'
import { encodeSnapshotFile, SnapshotFile, type SnapshotSection } from '../state/snapshot-file.ts'
import type { OperatorSignature } from './operator-signature.ts'
import { BROADCAST_STATE_PREFIX, type KeyedSnapshotReader, OWN_STATE_PREFIX, UNION_STATE_PREFIX } from '../state/state.ts'

/** An operator or source, as the checkpoint found it. */
export interface SnapshotOperator {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly signature: OperatorSignature
}

/** A split of a source: what operator/source.ts calls so. */
export interface SnapshotSplit {
  readonly id: string
  readonly payload: unknown
}

/** What a part wrote for a checkpoint. */
export interface PartSnapshot {
  readonly sections: readonly SnapshotSection[]
  /** The checkpoint before it, of which the part wrote only the changes; 0: it wrote everything. */
  readonly base: number
}

/** A checkpoint whose parts are all there. */
export interface CapturedCheckpoint extends Omit<JobSnapshot, 'files'> {
  /** By {@link partId}. */
  readonly parts: ReadonlyMap<string, PartSnapshot>
}

/** A complete checkpoint. */
export interface JobSnapshot {
  readonly checkpointId: number
  readonly operators: readonly SnapshotOperator[]
  /** The splits of each source as they were listed when the job first started, by uid: a restore does not look again. */
  readonly splits: ReadonlyMap<string, readonly SnapshotSplit[]>
  /** Files of state, by {@link partId}: the one with everything and those with changes since, oldest first. */
  readonly files: ReadonlyMap<string, readonly Uint8Array[]>
  /** Of parts whose input the barrier has overtaken: what was on its way, as a file of state, by {@link partId}. */
  readonly inFlight: ReadonlyMap<string, Uint8Array>
  /** Parts that had ended, by {@link partId}: they are not run again, only said to have ended. */
  readonly ended: ReadonlySet<string>
}

/** Names an operator's or source's part in one subtask. */
export function partId(uid: string, subtaskIndex: number): string {
  return `${uid}/${subtaskIndex}`
}

/**
 * What a restore finds of a checkpoint.
 *
 * @param last The checkpoint before it, of which parts may have written the changes only.
 */
export function jobSnapshotOf({ parts, ...captured }: CapturedCheckpoint, last: JobSnapshot | undefined): JobSnapshot {
  const files = new Map<string, readonly Uint8Array[]>()
  for (const [id, { sections, base }] of parts) {
    assert(base === 0 || base === last?.checkpointId, 'changes were written since a checkpoint that is not the last one')
    files.set(id, [...(base === 0 ? [] : last!.files.get(id)!), Buffer.concat(encodeSnapshotFile(sections).pieces)])
  }
  return { ...captured, files }
}

/** Opens the files of a part; undefined if it wrote nothing. @throws {RestoreError} `SNAPSHOT_DAMAGED`, `SNAPSHOT_VERSION` */
export function openPart({ files }: JobSnapshot, uid: string, subtaskIndex: number): SnapshotChain | undefined {
  const id = partId(uid, subtaskIndex)
  const chain = files.get(id)
  return chain && new SnapshotChain(chain.map((file) => SnapshotFile.open(file, id)))
}

/** Reads a snapshot for subtasks, at any parallelism. Opens each file once. */
export class SnapshotParts {
  readonly #snapshot: JobSnapshot
  readonly #parts = new Map<string, SnapshotChain | undefined>()

  constructor(snapshot: JobSnapshot) {
    this.#snapshot = snapshot
  }

  /**
   * What one of `parallelism` subtasks of an operator gets of what the operator's parts wrote: the entries of its key groups; of a list its own part's
   * elements, or at another parallelism every `parallelism`-th; of a union list all; of what subtasks know for themselves
   * its own or, at another parallelism, all; of a broadcast state those of one part.
   *
   * @returns undefined if the operator wrote nothing.
   */
  reader(uid: string, subtaskIndex: number, parallelism: number): KeyedSnapshotReader | undefined {
    const operator = this.#snapshot.operators.find((one) => one.uid === uid)
    if (operator === undefined) return undefined
    const parts = Array.from({ length: operator.parallelism }, (_, part) => this.#open(uid, part))
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
        if (state.startsWith(UNION_STATE_PREFIX) || (isMoved && state.startsWith(OWN_STATE_PREFIX))) all.forEach((part) => part.elements(state, visit))
        else if (state.startsWith(BROADCAST_STATE_PREFIX)) one.reader(groups).elements(state, visit)
        else if (!isMoved) keyed.forEach((part) => part.elements(state, visit))
        else {
          let turn = 0
          for (const part of all) part.elements(state, (value) => void (turn++ % parallelism === subtaskIndex && visit(value)))
        }
      },
    }
  }

  /** What an operator's parts wrote, in order, with the sizes in bytes. */
  *partsOf({ uid, parallelism }: SnapshotOperator): Generator<{ readonly part: SnapshotChain; readonly size: number }> {
    for (let index = 0; index < parallelism; index++) {
      const part = this.#open(uid, index)
      if (part !== undefined) yield { part, size: this.#snapshot.files.get(partId(uid, index))!.reduce((sum, file) => sum + file.length, 0) }
    }
  }

  #open(uid: string, subtaskIndex: number): SnapshotChain | undefined {
    const id = partId(uid, subtaskIndex)
    if (!this.#parts.has(id)) this.#parts.set(id, openPart(this.#snapshot, uid, subtaskIndex))
    return this.#parts.get(id)
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
