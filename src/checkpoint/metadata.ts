// The metadata of a checkpoint: schemas/checkpoint.fbs in a frame with a checksum. Nothing of it is read before the checksum fits, since
// FlatBuffers verify nothing.

import { Builder, ByteBuffer, Encoding } from 'flatbuffers'
import { crc32 } from 'node:zlib'
import { decodeObjects, encodeObjects } from '../batch/batch-codec-objects.ts'
import { RestoreError } from '../base/errors.ts'
import { CheckpointFile } from './generated/checkpoint-file.ts'
import { CheckpointMetadata } from './generated/checkpoint-metadata.ts'
import { OperatorState } from './generated/operator-state.ts'
import { StatePart } from './generated/state-part.ts'
import type { SnapshotOperator, SnapshotSplit } from './job-snapshot.ts'
import type { OperatorSignature } from './operator-signature.ts'

const FORMAT_VERSION = 3
const MARK = Buffer.from('MRCHKPT', 'latin1')
const HEAD_BYTES = 16
const LENGTH = 8
const CHECKSUM = 12

/** A file that the checkpoint is made of. */
export interface MetadataFile {
  /** The checkpoint in whose folder it lies: this one, or one that it builds on. */
  readonly checkpointId: number
  readonly name: string
  readonly bytes: number
  readonly crc32: number
}

/** Where the state of one subtask of an operator lies, or a part of it: of several files the first holds everything, the others what changed since. */
export interface MetadataPart {
  readonly subtask: number
  /** Index into `files`. */
  readonly file: number
  readonly offset: number
  readonly bytes: number
}

/** An operator with what it wrote. */
export interface MetadataOperator extends SnapshotOperator {
  readonly parts: readonly MetadataPart[]
  /** Of an unaligned checkpoint: what was on its way to its subtasks. */
  readonly inFlight: readonly MetadataPart[]
  /** Subtasks that had ended. */
  readonly ended: readonly number[]
  /** Of a source. */
  readonly splits: readonly SnapshotSplit[] | undefined
}

/** All that a checkpoint is made of. */
export interface Metadata {
  readonly checkpointId: number
  /** When it began: epoch ms. */
  readonly timestampMs: number
  readonly jobName: string
  readonly engineVersion: string
  readonly attempt: number
  readonly files: readonly MetadataFile[]
  readonly operators: readonly MetadataOperator[]
}

/** Splits stay the same from checkpoint to checkpoint: a table of many rows has thousands. */
const encodedSplits = new WeakMap<readonly SnapshotSplit[], Uint8Array>()

function encodedSplitsOf(splits: readonly SnapshotSplit[], name: string): Uint8Array {
  let encoded = encodedSplits.get(splits)
  if (encoded === undefined) encodedSplits.set(splits, (encoded = new Uint8Array(encodeObjects(splits, `splits of ${name}`))))
  return encoded
}

/** Writes the metadata. */
export function encodeMetadata(metadata: Metadata): Uint8Array {
  const builder = new Builder(4096)
  const files = metadata.files.map(({ checkpointId, name, bytes, crc32: checksum }) =>
    CheckpointFile.createCheckpointFile(builder, BigInt(checkpointId), builder.createString(name), BigInt(bytes), checksum),
  )
  const operators = metadata.operators.map(({ uid, name, parallelism, maxParallelism, signature, parts, inFlight, ended, splits }) => {
    const [uidAt, nameAt] = [builder.createString(uid), builder.createString(name)]
    const write = ({ subtask, file, offset, bytes }: MetadataPart): number => StatePart.createStatePart(builder, subtask, file, BigInt(offset), BigInt(bytes))
    const partsAt = OperatorState.createPartsVector(builder, parts.map(write))
    const inFlightAt = inFlight.length === 0 ? 0 : OperatorState.createInFlightVector(builder, inFlight.map(write))
    const signatureAt = builder.createString(JSON.stringify(signature))
    const endedAt = OperatorState.createEndedVector(builder, [...ended])
    const splitsAt = splits === undefined ? 0 : builder.createByteVector(encodedSplitsOf(splits, name))
    OperatorState.startOperatorState(builder)
    OperatorState.addUid(builder, uidAt)
    OperatorState.addName(builder, nameAt)
    OperatorState.addParallelism(builder, parallelism)
    OperatorState.addMaxParallelism(builder, maxParallelism)
    OperatorState.addParts(builder, partsAt)
    OperatorState.addEnded(builder, endedAt)
    OperatorState.addSignature(builder, signatureAt)
    if (splitsAt !== 0) OperatorState.addSplits(builder, splitsAt)
    if (inFlightAt !== 0) OperatorState.addInFlight(builder, inFlightAt)
    return OperatorState.endOperatorState(builder)
  })
  const root = CheckpointMetadata.createCheckpointMetadata(
    builder,
    BigInt(metadata.checkpointId),
    BigInt(Math.round(metadata.timestampMs)),
    builder.createString(metadata.jobName),
    builder.createString(metadata.engineVersion),
    metadata.attempt,
    CheckpointMetadata.createFilesVector(builder, files),
    CheckpointMetadata.createOperatorsVector(builder, operators),
  )
  CheckpointMetadata.finishCheckpointMetadataBuffer(builder, root)
  const body = builder.asUint8Array()
  const head = Buffer.alloc(HEAD_BYTES)
  MARK.copy(head)
  head[MARK.length] = FORMAT_VERSION
  head.writeUInt32LE(body.length, LENGTH)
  head.writeUInt32LE(crc32(body, crc32(head.subarray(0, CHECKSUM))), CHECKSUM)
  return Buffer.concat([head, body])
}

/**
 * Reads the metadata.
 *
 * @param name Named in errors: its path.
 * @throws {RestoreError} `SNAPSHOT_DAMAGED`; `SNAPSHOT_VERSION` if another release wrote it in a format that this one does not know.
 */
export function decodeMetadata(bytes: Uint8Array, name: string): Metadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const damaged = (reason: string): RestoreError => new RestoreError('SNAPSHOT_DAMAGED', `Cannot read the checkpoint in "${name}": ${reason}`)
  if (file.length < HEAD_BYTES || file.compare(MARK, 0, MARK.length, 0, MARK.length) !== 0) throw damaged('it does not begin as such files do')
  if (file.readUInt32LE(LENGTH) !== file.length - HEAD_BYTES) throw damaged(`it has ${file.length} bytes, and says otherwise`)
  const body = file.subarray(HEAD_BYTES)
  if (crc32(body, crc32(file.subarray(0, CHECKSUM))) !== file.readUInt32LE(CHECKSUM)) throw damaged('its checksum is wrong')
  const version = file[MARK.length]
  if (version !== FORMAT_VERSION)
    throw new RestoreError(
      'SNAPSHOT_VERSION',
      `Cannot read the checkpoint in "${name}": it has format version ${version}, and this release reads ${FORMAT_VERSION}`,
      {
        hint: 'Restore it with the release that wrote it, or a later one.',
      },
    )
  const root = CheckpointMetadata.getRootAsCheckpointMetadata(new ByteBuffer(body))
  return {
    checkpointId: Number(root.checkpointId()),
    timestampMs: Number(root.timestampMs()),
    jobName: textOf(root.jobName(Encoding.UTF8_BYTES)),
    engineVersion: textOf(root.engineVersion(Encoding.UTF8_BYTES)),
    attempt: root.attempt(),
    files: list(root.filesLength(), (index) => {
      const entry = root.files(index)!
      return {
        checkpointId: Number(entry.checkpointId()),
        name: textOf(entry.name(Encoding.UTF8_BYTES)),
        bytes: Number(entry.bytes()),
        crc32: entry.crc32(),
      }
    }),
    operators: list(root.operatorsLength(), (index) => operatorOf(root.operators(index)!)),
  }
}

function operatorOf(entry: OperatorState): MetadataOperator {
  const splits = entry.splitsArray()
  return {
    uid: textOf(entry.uid(Encoding.UTF8_BYTES)),
    name: textOf(entry.name(Encoding.UTF8_BYTES)),
    parallelism: entry.parallelism(),
    maxParallelism: entry.maxParallelism(),
    parts: list(entry.partsLength(), (index) => partOf(entry.parts(index)!)),
    inFlight: list(entry.inFlightLength(), (index) => partOf(entry.inFlight(index)!)),
    signature: JSON.parse(textOf(entry.signature(Encoding.UTF8_BYTES))) as OperatorSignature,
    ended: list(entry.endedLength(), (index) => entry.ended(index)!),
    splits: splits === null ? undefined : (decodeObjects(splits) as SnapshotSplit[]),
  }
}

function partOf(part: StatePart): MetadataPart {
  return { subtask: part.subtask(), file: part.file(), offset: Number(part.offset()), bytes: Number(part.bytes()) }
}

/** Every character: a text decoder would leave out a byte order mark in front. */
function textOf(bytes: string | Uint8Array | null): string {
  return Buffer.from(bytes as Uint8Array).toString()
}

function list<T>(length: number, at: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => at(index))
}
