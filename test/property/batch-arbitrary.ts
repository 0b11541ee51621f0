// Random schemas, batches and views on them for the property tests of the wire form. Everything follows from one seed.

import type { Slab } from '../../src/base/slab.ts'
import type { Random } from '../../src/base/random.ts'
import { batchFromObjects, type BatchRowInit } from '../../src/batch/batch-rows.ts'
import { Column } from '../../src/batch/column.ts'
import type { RecordBatch, RowKind } from '../../src/batch/record-batch.ts'
import { Decimal, type Field, type LogicalType, Schema } from '../../src/batch/types.ts'
import { writeValue } from '../../src/batch/values.ts'
import { parseVariant } from '../../src/batch/variant.ts'
import { PhysicalKind } from '../../src/kernels/column-layout.ts'

const LEAVES = ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DATE', 'INTERVAL_YEAR_MONTH', 'INTERVAL_DAY_TIME', 'VARIANT'] as const
const VARIANTS = ['null', '-1', '2147483648', '1.50', '1e300', '""', '[]', '{"b":[1,{"a":null}],"a":"日本語"}']
const TEXTS = ['', 'a', 'flight', 'naïve', '日本語', '😀', 'x'.repeat(70), '\u0000', '\uFEFFmark', 'twelve bytes']

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]
}

/** A random type; `depth` levels of nesting at most. */
export function randomType(random: Random, depth: number): LogicalType {
  const nullable = random.integer(2) === 0
  const choice = random.integer(depth > 0 ? 15 : 10)
  if (choice < 3) {
    const kind = pick(random, LEAVES)
    return kind === 'BIGINT' ? { kind, nullable, safeInteger: random.integer(2) === 0 } : { kind, nullable }
  }
  if (choice === 3) {
    const precision = 1 + random.integer(38)
    return { kind: 'DECIMAL', nullable, precision, scale: random.integer(precision + 1) }
  }
  if (choice < 7) {
    const kind = pick(random, ['CHAR', 'VARCHAR', 'BINARY', 'VARBINARY'] as const)
    return { kind, nullable, length: kind === 'BINARY' ? 1 + random.integer(20) : 1000 }
  }
  if (choice === 7) return { kind: 'TIME', nullable, precision: random.integer(4) }
  if (choice === 8) return { kind: pick(random, ['TIMESTAMP', 'TIMESTAMP_LTZ'] as const), nullable, precision: random.integer(10) }
  if (choice === 9) return random.integer(2) === 0 ? { kind: 'OBJECT', nullable: true } : { kind: 'BITMAP', nullable }
  if (choice < 12) return { kind: 'ARRAY', nullable, element: randomType(random, depth - 1) }
  if (choice === 12) return { kind: 'MAP', nullable, key: { kind: 'VARCHAR', nullable: false, length: 100 }, value: randomType(random, depth - 1) }
  if (choice === 13) return { kind: 'MULTISET', nullable, element: { kind: 'INT', nullable: false } }
  return { kind: 'ROW', nullable, fields: randomFields(random, 1 + random.integer(3), depth - 1) }
}

function randomFields(random: Random, count: number, depth: number): Field[] {
  return Array.from({ length: count }, (_, index) => ({ name: `c${index}`, type: randomType(random, depth) }))
}

export function randomSchema(random: Random, columnsMax: number = 6): Schema {
  return new Schema(randomFields(random, 1 + random.integer(columnsMax), 2))
}

function randomBigint(random: Random, bits: number): bigint {
  let value = 0n
  for (let left = bits; left > 0; left -= 32) value = (value << 32n) | BigInt(random.uint32())
  return BigInt.asIntN(bits, value >> BigInt(random.integer(bits)))
}

/** A random value of a type, or null where that is allowed. */
export function randomValue(random: Random, type: LogicalType, nulls: number): unknown {
  if (type.nullable && random.next() < nulls) return null
  const list = <T>(make: () => T): T[] => Array.from({ length: random.integer(4) }, make)
  switch (type.kind) {
    case 'BOOLEAN':
      return random.integer(2) === 0
    case 'TINYINT':
      return random.integer(256) - 128
    case 'SMALLINT':
      return random.integer(65_536) - 32_768
    case 'INT':
    case 'DATE':
    case 'INTERVAL_YEAR_MONTH':
      return random.uint32() | 0
    case 'TIME':
      return random.integer(86_400_000)
    case 'BIGINT':
      return type.safeInteger ? Number(randomBigint(random, 53)) : randomBigint(random, 64)
    case 'INTERVAL_DAY_TIME':
      return Number(randomBigint(random, 53))
    case 'FLOAT':
      return Math.fround(random.next() * 1000)
    case 'DOUBLE':
      return pick(random, [random.next(), -0, NaN, Infinity, 5])
    case 'DECIMAL':
      return new Decimal(randomBigint(random, 128) % 10n ** BigInt(type.precision), type.scale)
    case 'CHAR':
    case 'VARCHAR':
      return pick(random, TEXTS)
    case 'BINARY':
      return Uint8Array.from({ length: type.length }, () => random.integer(256))
    case 'VARBINARY':
    case 'BITMAP':
      return Uint8Array.from(list(() => random.integer(256)))
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      if (type.precision <= 3) return random.integer(4e12) - 2e12
      return type.precision <= 6 ? randomBigint(random, 60) * 1000n : randomBigint(random, 63)
    case 'VARIANT':
      return parseVariant(pick(random, VARIANTS))
    case 'ARRAY':
      return list(() => randomValue(random, type.element, nulls))
    case 'MULTISET':
      return new Map(list(() => [randomValue(random, type.element, nulls), random.integer(9)] as const))
    case 'MAP':
      return new Map(list(() => [randomValue(random, type.key, nulls), randomValue(random, type.value, nulls)] as const))
    case 'ROW':
      return Object.fromEntries(type.fields.map((field) => [field.name, randomValue(random, field.type, nulls)]))
    case 'OBJECT':
      return pick<unknown>(random, [
        { a: [1, 'two', null] },
        new Map([['k', new Set([1n])]]),
        new Date(5),
        'text',
        7,
        new Uint8Array([1, 2]),
        new Decimal(5n, 1),
        true,
      ])
  }
}

/** Re-encodes a filled top-level column of plain values with a dictionary of its own. */
function withDictionary(random: Random, slab: Slab, column: Column, values: readonly unknown[]): Column {
  const distinct = [...new Set(values.filter((value) => value !== null))]
  const dictionary = Column.allocate(slab, { ...column.type, nullable: false }, Math.max(1, distinct.length))
  distinct.forEach((value, index) => writeValue(dictionary, index, value))
  const coded = Column.borrow(slab, column.type)
  coded.rowCapacity = values.length
  coded.values = slab.allocate(Math.max(1, values.length) * 4 + 64)
  coded.validity = column.validity
  coded.nullCount = column.nullCount
  values.forEach(
    (value, row) =>
      (slab.i32[(coded.values >>> 2) + row] = value === null ? random.uint32() | 0 : distinct.findIndex((other) => other === value || Object.is(other, value))),
  )
  coded.setDictionary(dictionary)
  return coded
}

/** A batch that may have kinds, timestamps (its own or a column's), crossings, dictionaries and a selection. */
export function randomBatch(random: Random, slab: Slab, schema: Schema, rowsMax: number): { batch: RecordBatch; rows: BatchRowInit[] } {
  const nulls = pick(random, [0, 0, 0.1, 0.6, 1])
  const count = random.integer(rowsMax + 1)
  const hasKinds = random.integer(2) === 0
  const hasTimestamps = random.integer(2) === 0
  const rows: BatchRowInit[] = Array.from({ length: count }, (_, index) => ({
    ...(hasKinds && { kind: random.integer(4) as RowKind }),
    ...(hasTimestamps && { timestamp: 1_700_000_000_000 + index }),
    row: Object.fromEntries(schema.fields.map(({ name, type }) => [name, randomValue(random, type, nulls)])),
  }))
  const batch = batchFromObjects(slab, schema, rows)
  const columns = batch.columns as Column[]
  schema.fields.forEach(({ name }, index) => {
    const column = columns[index]
    if (column.kind !== PhysicalKind.OBJECT && column.children.length === 0 && random.integer(3) === 0) {
      const values = rows.map(({ row }) => (row as Record<string, unknown>)[name])
      columns[index] = withDictionary(random, slab, column, values)
    }
  })
  const milliseconds = schema.fields.findIndex(({ type }, index) => type.kind === 'TIMESTAMP' && type.precision <= 3 && columns[index].dictionary === null)
  if (milliseconds >= 0 && !hasTimestamps && random.integer(2) === 0) batch.timestamps = columns[milliseconds].values

  let watermark = random.integer(2) === 0 ? -Infinity : 1000
  for (let position = random.integer(5); position <= count; position += random.integer(10)) {
    batch.crossings.add(position, watermark)
    watermark = random.integer(20) === 0 ? Infinity : Math.max(watermark, 1000) + 1 + random.integer(5)
    if (watermark === Infinity) break
  }
  if (random.integer(2) === 0 && count > 0) {
    const share = pick(random, [0.02, 0.5, 0.97])
    const selected = rows.map((_, row) => row).filter(() => random.next() < share)
    batch.selection = slab.allocate(Math.max(1, selected.length) * 4 + 64)
    slab.i32.set(selected, batch.selection >>> 2)
    batch.selectedCount = selected.length
    batch.rewind()
  }
  return { batch, rows }
}
