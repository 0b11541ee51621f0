import { ByteBuffer } from 'flatbuffers'
import { expect, test } from 'vitest'
import { RestoreError } from '../../../src/base/errors.ts'
import { Slab } from '../../../src/base/slab.ts'
import { encodeBatch } from '../../../src/batch/batch-codec.ts'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { verifyBatch } from '../../../src/batch/batch-verifier.ts'
import { Column } from '../../../src/batch/column.ts'
import type { BodyBuffer } from '../../../src/batch/generated/body-buffer.ts'
import { RecordBatchHeader } from '../../../src/batch/generated/record-batch-header.ts'
import { RowKind, type RecordBatch } from '../../../src/batch/record-batch.ts'
import { defineSchema, OBJECT_SCHEMA, t } from '../../../src/batch/types.ts'
import { writeValue } from '../../../src/batch/values.ts'

const schema = defineSchema({
  s: t.string().nullable(),
  list: t.array(t.int()),
  at: t.timestamp(9),
  time: t.time(3),
  flag: t.boolean(),
  word: t.string().nullable(),
})

/** Wire columns: s 0, list 1, list.element 2, at 3, time 4, flag 5, word 6, its dictionary 7. */
function batchOf(): RecordBatch {
  const slab = new Slab()
  const rows = ['é', null, 'xyz', 'w'].map((s, index) => ({
    row: { s, list: [1, 2].slice(0, index % 3), at: 5n, time: 7, flag: true, word: null },
    kind: RowKind.DELETE,
    timestamp: index,
  }))
  const batch = batchFromObjects(slab, schema, rows)
  const dictionary = Column.allocate(slab, t.string().logical, 2)
  ;['a', 'b'].forEach((value, row) => writeValue(dictionary, row, value))
  const codes = Column.allocate(slab, t.int().nullable().logical, 4)
  ;[1, null, 0, 1].forEach((code, row) => writeValue(codes, row, code))
  const column = batch.columns[5]
  column.values = codes.values
  column.validity = codes.validity
  column.nullCount = 1
  column.setDictionary(dictionary)
  batch.crossings.add(1, 100)
  batch.crossings.add(4, 200)
  return batch
}

function frameOf(batch: RecordBatch = batchOf()): Uint8Array {
  const slab = new Slab()
  const address = slab.allocate(1 << 16)
  return slab.u8.slice(address, address + encodeBatch(batch, 0, batch.logicalCount, slab.u8, address))
}

/** Where a field of the header's table stands, by its index. */
function fieldOf({ bb, bb_pos: table }: RecordBatchHeader, index: number): number {
  return table + bb!.readUint16(table - bb!.readInt32(table) + 4 + index * 2)
}

/** A frame and the places of its parts, as the generated code finds them. */
class Patient {
  readonly bytes = frameOf()
  readonly view = new DataView(this.bytes.buffer)
  readonly header = RecordBatchHeader.getRootAsRecordBatchHeader(new ByteBuffer(this.bytes))

  body(buffer: BodyBuffer | null): number {
    return this.header.bodyOffset() + buffer!.offset()
  }
  /** Byte of a word of a column's header. */
  word(column: number, word: number): number {
    return this.header.columns(column)!.bb_pos + word * 4
  }
}

test('what the encoder writes is believed, at any address', () => {
  const bytes = frameOf()
  verifyBatch(bytes, schema)
  const shifted = new Uint8Array(bytes.length + 3)
  shifted.set(bytes, 3)
  expect(() => verifyBatch(shifted.subarray(3), schema)).not.toThrow()
})

const cases: [string, string, (patient: Patient) => void][] = [
  ['an identifier of something else', 'it does not begin with MRRB', ({ bytes }) => bytes.fill(0, 4, 8)],
  ['a table behind the end', 'its table cannot be at', ({ view }) => view.setUint32(0, 1 << 20, true)],
  ['a table off its boundary', 'its table cannot be at', ({ view }) => view.setUint32(0, view.getUint32(0, true) + 2, true)],
  ['a vtable behind the end', 'its vtable cannot be at', ({ view, header }) => view.setInt32(header.bb_pos, -(1 << 20), true)],
  ['a vtable before the start', 'its vtable cannot be at', ({ view, header }) => view.setInt32(header.bb_pos, 1 << 20, true)],
  ['a vtable too long', 'its vtable cannot have', ({ view, header }) => view.setUint16(header.bb_pos - view.getInt32(header.bb_pos, true), 0xfffe, true)],
  [
    'a field outside of the table',
    'field 2 cannot be at',
    ({ view, header }) => view.setUint16(header.bb_pos - view.getInt32(header.bb_pos, true) + 8, 0xfff0, true),
  ],
  [
    'a field that is left out',
    'it has no format version',
    ({ view, header }) => view.setUint16(header.bb_pos - view.getInt32(header.bb_pos, true) + 4, 0, true),
  ],
  ['another format version', 'its format version is 9, known is 1', ({ view, header }) => view.setUint16(fieldOf(header, 0), 9, true)],
  ['another schema', 'its schema id is 5, expected', ({ view, header }) => view.setUint32(fieldOf(header, 1), 5, true)],
  ['a body behind the end', 'its body cannot be at', ({ view, header }) => view.setUint32(fieldOf(header, 3), 1 << 20, true)],
  ['a body over the header', 'its header reaches into its body', ({ view, header }) => view.setUint32(fieldOf(header, 3), 0, true)],
  ['a body too long', 'ends behind it', ({ view, header }) => view.setUint32(fieldOf(header, 4), 1 << 20, true)],
  ['too many columns', 'it has 1000000 columns', ({ view, header }) => view.setUint32(header.columns(0)!.bb_pos - 4, 1_000_000, true)],
  ['too few columns', 'it has 6 columns, expected 7', ({ view, header }) => view.setUint32(header.columns(0)!.bb_pos - 4, 6, true)],
  ['another number of rows', 'row kinds have 4 bytes, expected 5', ({ view, header }) => view.setUint32(fieldOf(header, 2), 5, true)],
  ['a row kind that does not exist', 'row 2 has kind 4', (patient) => (patient.bytes[patient.body(patient.header.kinds()) + 2] = 4)],
  ['timestamps too short', 'timestamps have 24 bytes, expected 32', ({ view, header }) => view.setUint32(header.timestamps()!.bb_pos + 4, 24, true)],
  ['timestamps twice', 'its timestamps cannot be column "at"', ({ view, header }) => view.setInt32(fieldOf(header, 7), 3, true)],
  [
    'crossings that fall',
    'crossing 1 stands at row 0 behind 1 of 4',
    (patient) => patient.view.setInt32(patient.body(patient.header.crossingPositions()) + 4, 0, true),
  ],
  [
    'a crossing behind the batch',
    'crossing 1 stands at row 5',
    (patient) => patient.view.setInt32(patient.body(patient.header.crossingPositions()) + 4, 5, true),
  ],
  [
    'a watermark that falls',
    'moves the watermark from 100 to 99',
    (patient) => patient.view.setFloat64(patient.body(patient.header.crossingWatermarks()) + 8, 99, true),
  ],
  [
    'a watermark that is no number',
    'moves the watermark from -Infinity to NaN',
    (patient) => patient.view.setFloat64(patient.body(patient.header.crossingWatermarks()), NaN, true),
  ],
  ['a column of another type', 'column "time" has type word 1, expected', (patient) => patient.view.setUint32(patient.word(4, 0), 1, true)],
  ['a column of another kind', 'column "time" has kind word 9, expected 3', (patient) => patient.view.setUint32(patient.word(4, 1), 9, true)],
  ['an encoding that does not exist', 'column "time" has kind word 515', (patient) => (patient.bytes[patient.word(4, 1) + 1] = 2)],
  ['a nested dictionary', 'column "list.element" cannot have a dictionary', (patient) => (patient.bytes[patient.word(2, 1) + 1] = 1)],
  ['a column of other rows', 'column "time" has 3 rows, expected 4', (patient) => patient.view.setUint32(patient.word(4, 2), 3, true)],
  ['NULLs in NOT NULL', 'column "time" has 1 NULLs and is NOT NULL', (patient) => patient.view.setUint32(patient.word(4, 3), 1, true)],
  ['a wrong null count', 'column "s" has 1 NULLs, its header says 2', (patient) => patient.view.setUint32(patient.word(0, 3), 2, true)],
  ['NULLs without a count', 'its header says', (patient) => (patient.bytes[patient.body(patient.header.columns(0)!.validity())] = 0b0101)],
  [
    'a bit behind the last row',
    'column "s" has a validity bit behind its last row',
    (patient) => (patient.bytes[patient.body(patient.header.columns(0)!.validity())] = 0b1_1101),
  ],
  ['a buffer off its boundary', 'cannot be at', (patient) => patient.view.setUint32(patient.word(4, 7), 8, true)],
  ['a buffer behind the body', 'cannot be at', (patient) => patient.view.setUint32(patient.word(4, 7), patient.header.bodyLength(), true)],
  ['a buffer of another length', 'column "time": its values have 12 bytes, expected 16', (patient) => patient.view.setUint32(patient.word(4, 8), 12, true)],
  ['a buffer the type has not', 'column "time": its absent buffers have 4 bytes', (patient) => patient.view.setUint32(patient.word(4, 12), 4, true)],
  [
    'offsets that do not begin at 0',
    'column "s" begins at offset 1',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(0)!.offsets()), 1, true),
  ],
  [
    'offsets that fall',
    'column "s": its offsets fall from 2 to 1 at row 2',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(0)!.offsets()) + 8, 1, true),
  ],
  [
    'offsets behind the data',
    'column "s": its data have 6 bytes, expected 100',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(0)!.offsets()) + 16, 100, true),
  ],
  [
    'children behind the child',
    'column "list.element" has 3 rows, expected 9',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(1)!.offsets()) + 16, 9, true),
  ],
  ['bytes that are no UTF-8', 'column "s" is not UTF-8', (patient) => (patient.bytes[patient.body(patient.header.columns(0)!.data()) + 1] = 0xff)],
  [
    'a cut character',
    'column "s" cuts a character at row 1',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(0)!.offsets()) + 4, 1, true),
  ],
  [
    'nanoseconds beyond a millisecond',
    'column "at" has 1000000 at row 0',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(3)!.extra()), 1_000_000, true),
  ],
  [
    'a time beyond midnight',
    'column "time" has 86400000 at row 1',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(4)!.values()) + 4, 86_400_000, true),
  ],
  [
    'a code out of range',
    'column "word" has code 2 at row 3, its dictionary 2 rows',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(6)!.values()) + 12, 2, true),
  ],
  [
    'a code under NULL',
    'column "word" has code 1 at row 1',
    (patient) => patient.view.setInt32(patient.body(patient.header.columns(6)!.values()) + 4, 1, true),
  ],
  ['a dictionary elsewhere', 'column "word" names a wrong dictionary', (patient) => patient.view.setInt32(patient.word(6, 4), 0, true)],
  ['a dictionary without codes', 'column "time" names a dictionary without codes', (patient) => patient.view.setInt32(patient.word(4, 4), 7, true)],
]

test.each(cases)('%s: %s', (_name, reason, damage) => {
  const patient = new Patient()
  damage(patient)
  const verify = (): void => verifyBatch(patient.bytes, schema)
  expect(verify).toThrow(RestoreError)
  expect(verify).toThrow(reason)
})

test('every truncation is refused', () => {
  const bytes = frameOf()
  for (let length = 0; length < bytes.length; length++) expect(() => verifyBatch(bytes.subarray(0, length), schema)).toThrow(RestoreError)
})

test('objects that do not decode, or too few of them, are refused', () => {
  const frame = (): Patient['view'] => new DataView(frameOf(batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row: 1 }, { row: 'x' }])).buffer)
  const first = frame()
  const header = RecordBatchHeader.getRootAsRecordBatchHeader(new ByteBuffer(new Uint8Array(first.buffer)))
  const data = header.bodyOffset() + header.columns(0)!.data()!.offset()
  const damaged = (byte: number): (() => void) => {
    const view = frame()
    view.setUint8(data, byte)
    return () => verifyBatch(new Uint8Array(view.buffer), OBJECT_SCHEMA)
  }
  expect(damaged(first.getUint8(data))).not.toThrow()
  expect(damaged(0xdd)).toThrow('column "value" cannot be decoded')
  expect(damaged(0x93)).toThrow('column "value" cannot be decoded')
  expect(damaged(0x01)).toThrow('column "value" cannot be decoded')
})

test('text is taken on trust if the caller says so', () => {
  const patient = new Patient()
  patient.bytes[patient.body(patient.header.columns(0)!.data()) + 1] = 0xff
  expect(() => verifyBatch(patient.bytes, schema, { checkText: false })).not.toThrow()
})

test('rows that no byte vouches for have a limit', () => {
  const empty = defineSchema({ nothing: t.row({}) })
  const batch = batchFromObjects(new Slab(), empty, [{ row: { nothing: {} } }])
  const bytes = frameOf(batch)
  const header = RecordBatchHeader.getRootAsRecordBatchHeader(new ByteBuffer(bytes))
  verifyBatch(bytes, empty)
  const view = new DataView(bytes.buffer)
  view.setUint32(fieldOf(header, 2), 0x7fff_ffff, true)
  view.setUint32(header.columns(0)!.bb_pos + 8, 0x7fff_ffff, true)
  expect(() => verifyBatch(bytes, empty)).toThrow('2147483647 rows without bytes')
})
