// Files of state: what one subtask of an operator wrote for a checkpoint. One format for every backend, its sections by state and key group, so that
// restoring at another parallelism is picking sections. Every byte is under a checksum, and nothing of a file is believed before all of them fit.
//
//   0          "MRSNAP", u16 format version
//   8          sections, one behind the other: the records of a state, of keyed state those of one key group
//                keyed     u32 namespace bytes | u32 key bytes | u32 value bytes | namespace | key | value
//                element   u32 value bytes | value
//   directory  an entry each: u48 offset | u48 bytes | u32 records | u32 CRC-32 | u32 key group | u16 bytes of the name | u8 kind | u8 0 | name in UTF-8
//   end - 24   u48 offset of the directory | u32 sections | u16 0 | u32 CRC-32 of the head, the directory and these 12 bytes | "MRSNAPED"
//
// Little endian. Sections stand in the order of their kinds, names and key groups; records in the order in which they were written.

import { crc32 } from 'node:zlib'
import { RestoreError } from '../base/errors.ts'
import type { KeyGroupRange } from '../base/key-groups.ts'
import type { KeyedSnapshotReader, KeyedSnapshotWriter } from './state.ts'
import { ByteWriter } from './value-codec.ts'

const HEAD = Buffer.from('MRSNAP\u0001\0', 'latin1')
const END_MARK = Buffer.from('MRSNAPED', 'latin1')
const MARK_BYTES = 6
const END_BYTES = 24
const END_CHECKED_BYTES = 12
const ENTRY_BYTES = 28
/** In front of each entry of keyed state. */
const LENGTHS_BYTES = 12

const SectionKind = { ELEMENTS: 0, KEYED: 1 } as const

interface Section {
  readonly kind: number
  readonly state: string
  /** 0 for elements. */
  readonly keyGroup: number
}

interface WrittenSection extends Section {
  readonly writer: ByteWriter
  records: number
}

interface ReadSection extends Section {
  /** No Buffer: operators call `slice` to keep what they are given, and that of a Buffer copies nothing. */
  readonly bytes: Uint8Array
  readonly view: DataView
}

/**
 * Collects the state of one subtask of an operator as a file.
 *
 * @example
 * const writer = new SnapshotFileWriter()
 * operator.snapshot(writer)
 * const bytes = writer.finish()
 */
export class SnapshotFileWriter implements KeyedSnapshotWriter {
  readonly #keyed = new Map<string, (WrittenSection | undefined)[]>()
  readonly #elements = new Map<string, WrittenSection>()
  #records = 0

  /** Records written so far. */
  get records(): number {
    return this.#records
  }

  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void {
    let groups = this.#keyed.get(state)
    if (groups === undefined) this.#keyed.set(state, (groups = []))
    const section = (groups[keyGroup] ??= { kind: SectionKind.KEYED, state, keyGroup, records: 0, writer: new ByteWriter() })
    const { writer } = section
    writer.reserve(LENGTHS_BYTES + namespace.length + key.length + value.length)
    writer.uint32(namespace.length)
    writer.uint32(key.length)
    writer.uint32(value.length)
    writer.raw(namespace)
    writer.raw(key)
    writer.raw(value)
    section.records++
    this.#records++
  }

  element(state: string, value: Uint8Array): void {
    let section = this.#elements.get(state)
    if (section === undefined) this.#elements.set(state, (section = { kind: SectionKind.ELEMENTS, state, keyGroup: 0, records: 0, writer: new ByteWriter() }))
    section.writer.uint32(value.length)
    section.writer.raw(value)
    section.records++
    this.#records++
  }

  /** The file. More may be written, for another one that holds it too. */
  finish(): Uint8Array {
    const parts: Uint8Array[] = [HEAD]
    const directory = new ByteWriter()
    const sections = [...this.#inOrder()]
    let offset = HEAD.length
    for (const { kind, state, keyGroup, records, writer } of sections) {
      const bytes = writer.bytes.subarray(0, writer.at)
      const name = Buffer.from(state)
      directory.raw(uint48(offset))
      directory.raw(uint48(bytes.length))
      directory.uint32(records)
      directory.uint32(crc32(bytes))
      directory.uint32(keyGroup)
      directory.raw(Buffer.of(name.length & 255, name.length >> 8, kind, 0))
      directory.raw(name)
      parts.push(bytes)
      offset += bytes.length
    }
    const listed = directory.copy()
    const end = Buffer.alloc(END_BYTES)
    end.writeUIntLE(offset, 0, 6)
    end.writeUInt32LE(sections.length, 6)
    end.writeUInt32LE(crc32(end.subarray(0, END_CHECKED_BYTES), crc32(listed, crc32(HEAD))), END_CHECKED_BYTES)
    END_MARK.copy(end, END_BYTES - END_MARK.length)
    return Buffer.concat([...parts, listed, end])
  }

  *#inOrder(): Generator<WrittenSection> {
    for (const state of [...this.#elements.keys()].toSorted()) yield this.#elements.get(state)!
    for (const state of [...this.#keyed.keys()].toSorted()) for (const section of this.#keyed.get(state)!) if (section !== undefined) yield section
  }
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
      throw new RestoreError('SNAPSHOT_VERSION', `Cannot read the state in "${name}": it has format version ${version}, and this release reads version 1`, {
        hint: 'Restore it with the release that wrote it, or a later one.',
      })
    const sections: ReadSection[] = []
    for (let at = 0; at < listed.length;) {
      const [offset, length] = [listed.readUIntLE(at, 6), listed.readUIntLE(at + 6, 6)]
      const nameBytes = listed.readUInt16LE(at + 24)
      const section: ReadSection = {
        kind: listed[at + 26],
        state: listed.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes),
        keyGroup: listed.readUInt32LE(at + 20),
        bytes: new Uint8Array(file.buffer, file.byteOffset + offset, length),
        view: new DataView(file.buffer, file.byteOffset + offset, length),
      }
      if (crc32(section.bytes) !== listed.readUInt32LE(at + 16)) throw damaged(`the checksum of state "${section.state}" is wrong at byte ${offset}`)
      sections.push(section)
      at += ENTRY_BYTES + nameBytes
    }
    return new SnapshotFile(sections)
  }

  /** Whether nothing was written to it. */
  get isEmpty(): boolean {
    return this.#sections.length === 0
  }

  /** Reads the elements, and the entries of these key groups. */
  reader({ start, end }: KeyGroupRange): KeyedSnapshotReader {
    return {
      elements: (state, visit) => {
        for (const section of this.#sections) {
          if (section.kind !== SectionKind.ELEMENTS || section.state !== state) continue
          const { bytes, view } = section
          for (let at = 0; at < bytes.length;) {
            const length = view.getUint32(at, true)
            visit(bytes.subarray(at + 4, at + 4 + length))
            at += 4 + length
          }
        }
      },
      keyed: (state, visit) => {
        for (const section of this.#sections) {
          const { kind, keyGroup, bytes, view } = section
          if (kind !== SectionKind.KEYED || section.state !== state || keyGroup < start || keyGroup > end) continue
          for (let at = 0; at < bytes.length;) {
            const keyAt = at + 12 + view.getUint32(at, true)
            const valueAt = keyAt + view.getUint32(at + 4, true)
            const next = valueAt + view.getUint32(at + 8, true)
            visit(keyGroup, bytes.subarray(at + 12, keyAt), bytes.subarray(keyAt, valueAt), bytes.subarray(valueAt, next))
            at = next
          }
        }
      },
    }
  }
}

function uint48(value: number): Uint8Array {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntLE(value, 0, 6)
  return bytes
}
