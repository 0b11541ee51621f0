import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RestoreError } from '../../src/base/errors.ts'
import { SnapshotChain } from '../../src/state/snapshot-chain.ts'
import { SnapshotFile, SnapshotFileWriter } from '../../src/state/snapshot-file.ts'

const GROUPS = 8
const ALL = { start: 0, end: GROUPS - 1 }
const states = fc.constantFrom('value', 'list', 'ключ', '')
const bytes = fc.uint8Array({ maxLength: 40 })
const record = fc.oneof(
  fc.record({ kind: fc.constant('element' as const), state: states, value: bytes }),
  fc.record({ kind: fc.constant('keyed' as const), state: states, keyGroup: fc.nat(GROUPS - 1), namespace: bytes, key: bytes, value: bytes }),
)
type AnyRecord = typeof record extends fc.Arbitrary<infer T> ? T : never

function fileOf(records: readonly AnyRecord[]): Uint8Array {
  const writer = new SnapshotFileWriter()
  for (const each of records)
    if (each.kind === 'element') writer.element(each.state, each.value)
    else writer.keyed(each.state, each.keyGroup, each.namespace, each.key, each.value)
  expect(writer.recordCount).toBe(records.length)
  return writer.finish()
}

function plain(value: Uint8Array): number[] {
  // What is sliced must be a copy.
  expect(value).not.toBeInstanceOf(Buffer)
  return [...value]
}

/** What a reader of these key groups gives for a state. */
function readBack(file: SnapshotFile, state: string, range: typeof ALL): unknown {
  const elements: unknown[] = []
  const entries: unknown[] = []
  const reader = new SnapshotChain([file]).reader(range)
  reader.elements(state, (value) => elements.push(plain(value)))
  reader.keyed(state, (keyGroup, namespace, key, value) => entries.push([keyGroup, plain(namespace), plain(key), plain(value)]))
  return { elements, entries }
}

test('what was written is read, by state and key group, in the order of the writing', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 30 }), states, fc.nat(GROUPS), fc.nat(GROUPS), (records, state, start, groups) => {
      const range = { start, end: start + groups - 1 }
      const of = records.filter((each) => each.state === state)
      const expected = {
        elements: of.filter(({ kind }) => kind === 'element').map(({ value }) => plain(value)),
        entries: of
          .flatMap((each) => (each.kind === 'keyed' && each.keyGroup >= range.start && each.keyGroup <= range.end ? [each] : []))
          .toSorted((left, right) => left.keyGroup - right.keyGroup)
          .map(({ keyGroup, namespace, key, value }) => [keyGroup, plain(namespace), plain(key), plain(value)]),
      }
      expect(readBack(SnapshotFile.open(fileOf(records), 'test'), state, range)).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

test('a changed file is refused: flipped bits, other bytes, cut ends, moved and repeated parts, strangers', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), with: fc.uint8Array({ minLength: 1, maxLength: 8 }) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('append' as const), with: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
    fc.record({ kind: fc.constant('swap' as const), at: fc.nat(), to: fc.nat(), length: fc.integer({ min: 1, max: 16 }) }),
    fc.record({ kind: fc.constant('twice' as const) }),
    fc.record({ kind: fc.constant('all' as const), with: fc.uint8Array({ maxLength: 80 }) }),
  )
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), change, (records, changed) => {
      const file = Buffer.from(fileOf(records))
      const mutated = mutate(file, changed)
      fc.pre(!mutated.equals(file))
      expect(() => SnapshotFile.open(mutated, 'chk-7/state')).toThrow(
        expect.objectContaining({
          constructor: RestoreError,
          code: 'SNAPSHOT_DAMAGED',
          message: expect.stringContaining('Cannot read the state in "chk-7/state": '),
        }),
      )
    }),
    { numRuns: 5000 },
  )

  function mutate(file: Buffer, changed: typeof change extends fc.Arbitrary<infer T> ? T : never): Buffer {
    const copy = Buffer.from(file)
    switch (changed.kind) {
      case 'bit':
        copy[changed.at % file.length] ^= 1 << changed.bit
        return copy
      case 'bytes':
        copy.set(changed.with.subarray(0, file.length - (changed.at % file.length)), changed.at % file.length)
        return copy
      case 'cut':
        return copy.subarray(0, changed.at % file.length)
      case 'append':
        return Buffer.concat([file, changed.with])
      case 'swap': {
        const [left, right] = [changed.at % file.length, changed.to % file.length]
        file.copy(copy, left, right, right + changed.length)
        file.copy(copy, right, left, left + changed.length)
        return copy
      }
      case 'twice':
        return Buffer.concat([file, file])
      default:
        return Buffer.from(changed.with)
    }
  }
})

test('a file of a later format is refused as such', () => {
  // The bytes of an empty file: an empty directory, and a checksum that fits version 5.
  const file = Buffer.from('4d52534e41500500080000000000000000000000000000004d52534e41504544', 'hex')
  let crc = ~0
  for (const byte of Buffer.concat([file.subarray(0, 8), file.subarray(8, 20)])) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  file.writeUInt32LE(~crc >>> 0, 20)
  expect(() => SnapshotFile.open(file, 'chk-7/state')).toThrow(expect.objectContaining({ code: 'SNAPSHOT_VERSION' }))
  file[6] = 2
  expect(() => SnapshotFile.open(file, 'chk-7/state')).toThrow(expect.objectContaining({ code: 'SNAPSHOT_DAMAGED' }))
})

test('lengths up to and beyond what a head holds are read back', () => {
  const lengths = [0, 1, 4094, 4095, 4096, 65_533, 65_534, 65_535, 65_536, 70_000]
  const namespaces = [0, 3, 8, 8, 16, 16, 300, 0, 8].map((length, index) => new Uint8Array(length).fill(length === 8 ? index : 1))
  const writer = new SnapshotFileWriter({ since: 1 })
  writer.changes('s')
  const expected: unknown[] = []
  for (const keyBytes of lengths.filter((length) => length < 65_533))
    for (const valueBytes of [...lengths, undefined])
      for (const namespace of namespaces) {
        const key = new Uint8Array(keyBytes).fill(2)
        if (valueBytes === undefined) writer.removed('s', 1, namespace, key)
        else writer.keyed('s', 1, namespace, key, new Uint8Array(valueBytes).fill(3))
        expected.push([namespace.join(), keyBytes, valueBytes])
      }
  const found: unknown[] = []
  SnapshotFile.open(writer.finish(), 'test').records('s', ALL, (_group, namespace, key, value) => {
    if (!key.every((byte) => byte === 2) || value?.every((byte) => byte === 3) === false) throw new Error('other bytes than were written')
    found.push([namespace.join(), key.length, value?.length])
  })
  expect(found).toEqual(expected)
})

test('the format is frozen', () => {
  const writer = new SnapshotFileWriter()
  const [key, value] = [Uint8Array.of(1, 2), Uint8Array.of(7, 7, 7)]
  for (const namespace of [[], [9], [9], [1, 2, 3, 4, 5, 6, 7, 8]]) writer.keyed('b', 3, Uint8Array.from(namespace), key, value)
  writer.element('a', Uint8Array.of(5))
  expect(Buffer.from(writer.finish()).toString('hex')).toMatchInlineSnapshot(
    `"4d52534e4150040001000000050230000001020707070230002001000000090102070707023000100102070707023000300102030405060708010207070708000000000005000000000001000000222a288b0000000001000000610d0000000000310000000000040000000d01bfb00300000001000100623e000000000002000000000043ef75be4d52534e41504544"`,
  )
})
