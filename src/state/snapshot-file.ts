// Files of state: what one subtask of an operator wrote for a checkpoint. One format for every backend, its sections by state and key group, so that
// restoring at another parallelism is picking sections. Every byte is under a checksum, and nothing of a file is believed before all of them fit.
//
//   0          "MRSNAP", u16 format version
//   8          sections, one behind the other: the records of a state, of keyed state those of one key group
//                keyed, changes    u32 head | u32 key bytes, if long | u32 value bytes, if long | u32 namespace bytes, if other | namespace | key | value
//                                  head: bits 0 to 11 key bytes, 0xfff: long | 12 to 27 value bytes, 0xffff: long, 0xfffe, of changes: the key was
//                                  removed | 28 to 31 namespace 0: none, 1: that of the record before, 3: 8 bytes, 4: 16 bytes, 2: other
//                element, dropped  u32 value bytes | value
//   directory  an entry each: u48 offset | u48 bytes | u32 records | u32 CRC-32 | u32 key group | u16 bytes of the name | u8 kind | u8 0 | name in UTF-8
//   end - 24   u48 offset of the directory | u32 sections | u16 0 | u32 CRC-32 of the head, the directory and these 12 bytes | "MRSNAPED"
//
// Little endian. Sections stand in the order of their kinds, names and key groups; records in the order in which they were written. A keyed state is
// there whole, or as its changes since the file before: then it has a section of dropped namespaces, be it empty, and the changes come behind it in
// time. state/snapshot-chain.ts puts them together.

import { crc32 } from 'node:zlib'
import { crc32Combine } from '../base/crc32-combine.ts'
import { RestoreError } from '../base/errors.ts'
import type { KeyGroupRange } from '../base/key-groups.ts'
import { EPOCH_END, type RecordPieces, type RecordSource, type RecordTarget } from './record-rooms.ts'
import { SnapshotStaging } from './snapshot-staging.ts'
import type { KeyedSnapshotWriter } from './state.ts'
import { ByteWriter } from './value-codec.ts'

const HEAD = Buffer.from('MRSNAP\u0004\0', 'latin1')
const END_MARK = Buffer.from('MRSNAPED', 'latin1')
const MARK_BYTES = 6
const END_BYTES = 24
const END_CHECKED_BYTES = 12
const ENTRY_BYTES = 28
/** In front of each record of keyed state: see above. `kernels/assembly/snapshot.ts` writes the same. */
const RECORD_HEAD_BYTES = 4
const KEY_LONG = 0xfff
const VALUE_SHIFT = 12
const VALUE_LONG = 0xffff
const VALUE_REMOVED = 0xfffe
const NAMESPACE_SHIFT = 28
const NamespaceKind = { NONE: 0, SAME: 1, OTHER: 2, WORD: 3, PAIR: 4 } as const
const REMOVED = -1

const NO_BYTES: Uint8Array = new Uint8Array(0)

const SectionKind = { ELEMENTS: 0, KEYED: 1, CHANGES: 2, DROPPED: 3 } as const

interface Section {
  readonly kind: number
  readonly state: string
  /** 0 but for keyed state. */
  readonly keyGroup: number
}

/** The records of one state, of keyed state those of one key group or some of them. Plain data: travels between threads. */
export interface SnapshotSection extends Section {
  readonly records: number
  readonly bytes: Uint8Array
}

interface WrittenSection extends Section {
  readonly writer: ByteWriter
  /** Where the namespace of the last record lies in the writer, and its bytes. */
  namespaceAt: number
  namespaceBytes: number
  records: number
}

interface ReadSection extends Section {
  readonly records: number
  /** No Buffer: operators call `slice` to keep what they are given, and that of a Buffer copies nothing. */
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** How much a file holds of a state. */
export interface StateCount {
  readonly state: string
  /** Undefined for elements. */
  readonly keyGroup: number | undefined
  readonly records: number
  readonly bytes: number
}

/** How a subtask writes. */
export interface SnapshotFileWriterOptions {
  /** Where kernels lay down records; they are there until it is cleared. Without it they are copied. */
  readonly staging?: SnapshotStaging
  /** @default 0 */
  readonly since?: number
  /** @default 0 */
  readonly nextEpoch?: number
  /**
   * So many entries are written at once: what can wait is left to {@link SnapshotFileWriter.writeOn}. Only with a staging and a next epoch.
   *
   * @default all
   */
  readonly pieceEntries?: number
}

/**
 * Collects the state of one subtask of an operator.
 *
 * @example
 * const writer = new SnapshotFileWriter()
 * operator.snapshot(writer)
 * const bytes = writer.finish()
 */
export class SnapshotFileWriter implements KeyedSnapshotWriter {
  readonly since: number
  readonly nextEpoch: number
  readonly #staging: SnapshotStaging | undefined
  readonly #keyed = new Map<string, (WrittenSection | undefined)[]>()
  readonly #others: WrittenSection[] = []
  #staged: SnapshotSection[] = []
  readonly #changing = new Set<string>()
  #recordCount = 0
  readonly #pieceEntries: number
  /** How many more entries may be written at once, by {@link records}. */
  #left: number
  /** What is being written, the first of it now. */
  readonly #waiting: RecordPieces[] = []

  constructor({ staging, since = 0, nextEpoch = 0, pieceEntries = Infinity }: SnapshotFileWriterOptions = {}) {
    this.#staging = staging
    this.since = since
    this.nextEpoch = nextEpoch
    this.#left = this.#pieceEntries = staging === undefined || nextEpoch === 0 ? Infinity : pieceEntries
  }

  /** Whether something is still to be written. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Writes some of what has waited. */
  writeOn(): void {
    for (let left = this.#pieceEntries; left > 0 && this.#waiting.length > 0;) {
      const [pieces] = this.#waiting
      // What changes a table as a whole has had it written.
      if (!pieces.isDone) left -= pieces.write(left)
      if (pieces.isDone) this.#waiting.shift()
    }
  }

  /** What has waited need not be written. Nothing else is called any more. */
  giveUp(): void {
    for (const pieces of this.#waiting.splice(0)) pieces.giveUp()
  }

  /** Records written so far. */
  get recordCount(): number {
    return this.#recordCount
  }

  /** Whether some states are there as their changes only. */
  get isIncremental(): boolean {
    return this.#changing.size > 0
  }

  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void {
    this.#record(state, keyGroup, namespace, key, value.length).raw(value)
  }

  element(state: string, value: Uint8Array): void {
    this.#listed(SectionKind.ELEMENTS, state, value)
  }

  changes(state: string): boolean {
    if (this.since === 0) return false
    if (this.#changing.has(state)) return true
    this.#changing.add(state)
    this.#others.push({ kind: SectionKind.DROPPED, state, keyGroup: 0, records: 0, writer: new ByteWriter(), namespaceAt: 0, namespaceBytes: 0 })
    return true
  }

  removed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array): void {
    this.#record(state, keyGroup, namespace, key, REMOVED)
  }

  dropped(state: string, namespace: Uint8Array): void {
    this.#listed(SectionKind.DROPPED, state, namespace)
  }

  records(state: string, source: RecordSource): void {
    const { slab } = source
    const staging = this.#staging ?? new SnapshotStaging(slab)
    const kind = this.#keyedKind(state)
    const target: RecordTarget = {
      stage: (sizes) => {
        const rooms = sizes.map((size) => staging.take(size, this))
        return rooms.includes(undefined) ? undefined : (rooms as number[])
      },
      restage: (sizes) => {
        for (const waiting of this.#waiting) waiting.closeRooms()
        this.#copyStaged()
        staging.clear(this)
        return sizes.map((size) => staging.takeOrThrow(size, this))
      },
      visit: (keyGroup, records, address, bytes) => {
        this.#staged.push({ kind, state, keyGroup, records, bytes: slab.u8.subarray(address, address + bytes) })
        this.#recordCount += records
      },
    }
    const waits = source.mayWait && this.#pieceEntries < Infinity
    let left = waits ? this.#left : Infinity
    const pieces = source.begin(this.#changing.has(state) ? this.since : 0, waits ? this.nextEpoch : EPOCH_END, target)
    this.#waiting.push(pieces)
    while (!pieces.isDone && left > 0) left -= pieces.write(left)
    if (waits) this.#left = left
    if (pieces.isDone) this.#waiting.pop()
    if (this.#staging !== undefined) return
    this.#copyStaged()
    staging.free()
  }

  /** What was written, in the order of the file, once nothing waits. What kernels have laid down stays where it lies; all else is copied, into one buffer. */
  sections(): readonly SnapshotSection[] {
    const written = [...this.#others, ...[...this.#keyed.values()].flatMap((groups) => groups.filter((section) => section !== undefined))]
    const copy = new Uint8Array(written.reduce((sum, { writer }) => sum + writer.at, 0))
    let at = 0
    const copied = written.map(({ kind, state, keyGroup, records, writer }): SnapshotSection => {
      copy.set(writer.bytes.subarray(0, writer.at), at)
      at += writer.at
      return { kind, state, keyGroup, records, bytes: copy.subarray(at - writer.at, at) }
    })
    return [...copied, ...this.#staged].sort((left, right) => left.kind - right.kind || compare(left.state, right.state) || left.keyGroup - right.keyGroup)
  }

  /** The file. More may be written, for another one that holds it too. */
  finish(): Uint8Array {
    return Buffer.concat(encodeSnapshotFile(this.sections()).pieces)
  }

  #copyStaged(): void {
    const isStaged = ({ bytes }: SnapshotSection): boolean => bytes.buffer instanceof SharedArrayBuffer
    this.#staged = this.#staged.map((section) => (isStaged(section) ? { ...section, bytes: section.bytes.slice() } : section))
  }

  #keyedKind(state: string): number {
    return this.#changing.has(state) ? SectionKind.CHANGES : SectionKind.KEYED
  }

  #record(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, valueBytes: number): ByteWriter {
    let groups = this.#keyed.get(state)
    if (groups === undefined) this.#keyed.set(state, (groups = []))
    const section = (groups[keyGroup] ??= {
      kind: this.#keyedKind(state),
      state,
      keyGroup,
      records: 0,
      writer: new ByteWriter(),
      namespaceAt: 0,
      namespaceBytes: 0,
    })
    const { writer } = section
    const isSame = isSameNamespace(section, namespace)
    const namespaceKind = isSame ? (namespace.length === 0 ? NamespaceKind.NONE : NamespaceKind.SAME) : namespaceKindOf(namespace.length)
    const shortKey = Math.min(key.length, KEY_LONG)
    const shortValue = valueBytes === REMOVED ? VALUE_REMOVED : valueBytes >= VALUE_REMOVED ? VALUE_LONG : valueBytes
    writer.reserve(4 * RECORD_HEAD_BYTES + namespace.length + key.length)
    writer.uint32((shortKey | (shortValue << VALUE_SHIFT) | (namespaceKind << NAMESPACE_SHIFT)) >>> 0)
    if (shortKey === KEY_LONG) writer.uint32(key.length)
    if (shortValue === VALUE_LONG) writer.uint32(valueBytes)
    if (namespaceKind === NamespaceKind.OTHER) writer.uint32(namespace.length)
    if (!isSame) {
      section.namespaceAt = writer.at
      section.namespaceBytes = namespace.length
      writer.raw(namespace)
    }
    writer.raw(key)
    section.records++
    this.#recordCount++
    return writer
  }

  #listed(kind: number, state: string, value: Uint8Array): void {
    let section = this.#others.find((other) => other.kind === kind && other.state === state)
    if (section === undefined)
      this.#others.push((section = { kind, state, keyGroup: 0, records: 0, writer: new ByteWriter(), namespaceAt: 0, namespaceBytes: 0 }))
    section.writer.uint32(value.length)
    section.writer.raw(value)
    section.records++
    this.#recordCount++
  }
}

/** A file of state in pieces, as they follow one another. */
export interface EncodedSnapshotFile {
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
  readonly crc32: number
}

/** Puts what a writer has collected together as a file. */
export function encodeSnapshotFile(sections: readonly SnapshotSection[]): EncodedSnapshotFile {
  const directory = new ByteWriter()
  let offset = HEAD.length
  let checksum = crc32(HEAD)
  for (const { kind, state, keyGroup, records, bytes } of sections) {
    const name = Buffer.from(state)
    const own = crc32(bytes)
    directory.raw(uint48(offset))
    directory.raw(uint48(bytes.length))
    directory.uint32(records)
    directory.uint32(own)
    directory.uint32(keyGroup)
    directory.raw(Buffer.of(name.length & 255, name.length >> 8, kind, 0))
    directory.raw(name)
    checksum = crc32Combine(checksum, own, bytes.length)
    offset += bytes.length
  }
  const listed = directory.copy()
  const end = Buffer.alloc(END_BYTES)
  end.writeUIntLE(offset, 0, 6)
  end.writeUInt32LE(sections.length, 6)
  end.writeUInt32LE(crc32(end.subarray(0, END_CHECKED_BYTES), crc32(listed, crc32(HEAD))), END_CHECKED_BYTES)
  END_MARK.copy(end, END_BYTES - END_MARK.length)
  return {
    pieces: [HEAD, ...sections.map(({ bytes }) => bytes), listed, end],
    bytes: offset + listed.length + END_BYTES,
    crc32: crc32(end, crc32(listed, checksum)),
  }
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

/** A file of state whose every byte has been checked. */
export class SnapshotFile {
  readonly #sections: readonly ReadSection[]

  private constructor(sections: readonly ReadSection[]) {
    this.#sections = sections
  }

  /**
   * Checks a file and opens it.
   *
   * @param name Named in errors: its path.
   * @throws {RestoreError} `SNAPSHOT_DAMAGED` if it is not, to the byte, what was written; `SNAPSHOT_VERSION` if another release wrote it in a format
   *   that this one does not know.
   */
  static open(bytes: Uint8Array, name: string): SnapshotFile {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const damaged = (reason: string): RestoreError =>
      new RestoreError('SNAPSHOT_DAMAGED', `Cannot read the state in "${name}": ${reason}`, {
        hint: 'The file was changed or cut after it was written. Restore an older checkpoint, or a copy of this one.',
      })
    const endAt = file.length - END_BYTES
    if (endAt < HEAD.length) throw damaged(`it has ${file.length} bytes, and the shortest has ${HEAD.length + END_BYTES}`)
    if (file.compare(HEAD, 0, MARK_BYTES, 0, MARK_BYTES) !== 0) throw damaged('it does not begin as such files do')
    if (file.compare(END_MARK, 0, END_MARK.length, file.length - END_MARK.length) !== 0) throw damaged('it does not end as such files do')
    const directoryAt = file.readUIntLE(endAt, 6)
    if (directoryAt < HEAD.length || directoryAt > endAt) throw damaged('its directory does not lie within it')
    const listed = file.subarray(directoryAt, endAt)
    const checksum = crc32(file.subarray(endAt, endAt + END_CHECKED_BYTES), crc32(listed, crc32(file.subarray(0, HEAD.length))))
    if (checksum !== file.readUInt32LE(endAt + END_CHECKED_BYTES)) throw damaged('the checksum of its directory is wrong')
    // From here on the directory is what was written: what it says can be wrong only about the sections.
    const version = file.readUInt16LE(MARK_BYTES)
    if (version !== HEAD.readUInt16LE(MARK_BYTES))
      throw new RestoreError(
        'SNAPSHOT_VERSION',
        `Cannot read the state in "${name}": it has format version ${version}, and this release reads version ${HEAD.readUInt16LE(MARK_BYTES)}`,
        {
          hint: 'Restore it with the release that wrote it, or a later one.',
        },
      )
    const sections: ReadSection[] = []
    for (let at = 0; at < listed.length;) {
      const [offset, length] = [listed.readUIntLE(at, 6), listed.readUIntLE(at + 6, 6)]
      const nameBytes = listed.readUInt16LE(at + 24)
      const section: ReadSection = {
        kind: listed[at + 26],
        state: listed.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes),
        keyGroup: listed.readUInt32LE(at + 20),
        records: listed.readUInt32LE(at + 12),
        bytes: new Uint8Array(file.buffer, file.byteOffset + offset, length),
        view: new DataView(file.buffer, file.byteOffset + offset, length),
      }
      if (crc32(section.bytes) !== listed.readUInt32LE(at + 16)) throw damaged(`the checksum of state "${section.state}" is wrong at byte ${offset}`)
      sections.push(section)
      at += ENTRY_BYTES + nameBytes
    }
    return new SnapshotFile(sections)
  }

  /** How much there is of each state and key group; of namespaces that were dropped nothing. */
  *counts(): Generator<StateCount> {
    for (const { kind, state, keyGroup, records, bytes } of this.#sections)
      if (kind !== SectionKind.DROPPED) yield { state, keyGroup: kind === SectionKind.ELEMENTS ? undefined : keyGroup, records, bytes: bytes.length }
  }

  /** Calls `visit` with each element of a state. */
  elements(state: string, visit: (value: Uint8Array) => void): void {
    this.#listed(SectionKind.ELEMENTS, state, visit)
  }

  /** Whether a keyed state is there as its changes only. */
  isChange(state: string): boolean {
    return this.#sections.some((section) => section.kind === SectionKind.DROPPED && section.state === state)
  }

  /** Calls `visit` with each namespace of a state that was dropped before the changes of this file. */
  droppedNamespaces(state: string, visit: (namespace: Uint8Array) => void): void {
    this.#listed(SectionKind.DROPPED, state, visit)
  }

  /** Calls `visit` with each record of a keyed state in these key groups; `value` is undefined for a key that was removed. */
  records(
    state: string,
    { start, end }: KeyGroupRange,
    visit: (keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array | undefined) => void,
  ): void {
    for (const section of this.#sections) {
      const { kind, keyGroup, bytes, view } = section
      if ((kind !== SectionKind.KEYED && kind !== SectionKind.CHANGES) || section.state !== state || keyGroup < start || keyGroup > end) continue
      let namespace = NO_BYTES
      for (let at = 0; at < bytes.length;) {
        const head = view.getUint32(at, true)
        at += RECORD_HEAD_BYTES
        let keyBytes = head & KEY_LONG
        if (keyBytes === KEY_LONG) {
          keyBytes = view.getUint32(at, true)
          at += 4
        }
        let valueBytes = (head >>> VALUE_SHIFT) & VALUE_LONG
        const isRemoved = valueBytes === VALUE_REMOVED
        if (valueBytes === VALUE_LONG) {
          valueBytes = view.getUint32(at, true)
          at += 4
        } else if (isRemoved) valueBytes = 0
        const namespaceKind = head >>> NAMESPACE_SHIFT
        if (namespaceKind === NamespaceKind.NONE) namespace = NO_BYTES
        else if (namespaceKind !== NamespaceKind.SAME) {
          let length = namespaceKind === NamespaceKind.WORD ? 8 : 16
          if (namespaceKind === NamespaceKind.OTHER) {
            length = view.getUint32(at, true)
            at += 4
          }
          namespace = bytes.subarray(at, at + length)
          at += length
        }
        const valueAt = at + keyBytes
        visit(keyGroup, namespace, bytes.subarray(at, valueAt), isRemoved ? undefined : bytes.subarray(valueAt, valueAt + valueBytes))
        at = valueAt + valueBytes
      }
    }
  }

  #listed(kind: number, state: string, visit: (value: Uint8Array) => void): void {
    for (const section of this.#sections) {
      if (section.kind !== kind || section.state !== state) continue
      const { bytes, view } = section
      for (let at = 0; at < bytes.length;) {
        const length = view.getUint32(at, true)
        visit(bytes.subarray(at + 4, at + 4 + length))
        at += 4 + length
      }
    }
  }
}

function isSameNamespace({ writer, namespaceAt, namespaceBytes }: WrittenSection, namespace: Uint8Array): boolean {
  if (namespace.length !== namespaceBytes) return false
  for (let index = 0; index < namespaceBytes; index++) if (writer.bytes[namespaceAt + index] !== namespace[index]) return false
  return true
}

function namespaceKindOf(bytes: number): number {
  if (bytes === 0) return NamespaceKind.NONE
  return bytes === 8 ? NamespaceKind.WORD : bytes === 16 ? NamespaceKind.PAIR : NamespaceKind.OTHER
}

function uint48(value: number): Uint8Array {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntLE(value, 0, 6)
  return bytes
}
