// Random single columns of scalar kinds, with their values as the plain twins compare them.
import type { Random } from '../../src/base/random.ts'
import type { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { Decimal, type LogicalType } from '../../src/batch/types.ts'
import { readValue, writeValue } from '../../src/batch/values.ts'
import type { TwinValue } from '../../src/kernels/twin/rows.ts'

const encoder = new TextEncoder()

/** Types of every scalar kind. */
export const SCALAR_TYPES: readonly LogicalType[] = [
  { kind: 'BOOLEAN', nullable: true },
  { kind: 'TINYINT', nullable: true },
  { kind: 'SMALLINT', nullable: false },
  { kind: 'INT', nullable: true },
  { kind: 'DATE', nullable: false },
  { kind: 'BIGINT', nullable: true, safeInteger: false },
  { kind: 'BIGINT', nullable: false, safeInteger: true },
  { kind: 'FLOAT', nullable: true },
  { kind: 'DOUBLE', nullable: true },
  { kind: 'DECIMAL', nullable: true, precision: 10, scale: 2 },
  { kind: 'DECIMAL', nullable: true, precision: 38, scale: 0 },
  { kind: 'TIMESTAMP', nullable: true, precision: 3 },
  { kind: 'TIMESTAMP', nullable: true, precision: 9 },
  { kind: 'VARCHAR', nullable: true, length: 1000 },
  { kind: 'VARBINARY', nullable: false, length: 1000 },
  { kind: 'BITMAP', nullable: true },
]

const ALPHABET = ['a', 'b', 'ab', 'é', 'flight', '']

function scalarOf(random: Random, type: LogicalType): unknown {
  const small = random.integer(2) === 0 ? random.integer(7) - 3 : random.integer(200) - 100
  switch (type.kind) {
    case 'BOOLEAN':
      return random.integer(2) === 0
    case 'TINYINT':
      return small
    case 'SMALLINT':
      return small * 300
    case 'INT':
    case 'DATE':
      return random.integer(5) === 0 ? random.uint32() | 0 : small
    case 'BIGINT':
      if (type.safeInteger) return small * 2 ** random.integer(46)
      return random.integer(4) === 0 ? BigInt.asIntN(64, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32())) : BigInt(small)
    case 'FLOAT':
    case 'DOUBLE':
      return [NaN, -0, 0, Infinity, -Infinity, Math.fround(random.next()), small, -small / 4][random.integer(8)]
    case 'DECIMAL':
      return new Decimal(BigInt(small) * 10n ** BigInt(random.integer(type.precision - 2)), type.scale)
    case 'TIMESTAMP':
      return type.precision > 3 ? BigInt(small) * 10n ** BigInt(random.integer(12)) : small * 1000
    default: {
      const text = Array.from({ length: random.integer(7) }, () => ALPHABET[random.integer(ALPHABET.length)]).join(
        random.integer(4) === 0 ? '-----------------' : '',
      )
      return type.kind === 'VARCHAR' ? text : encoder.encode(text)
    }
  }
}

function twinOf(column: Column, row: number): TwinValue {
  const value = readValue(column, row)
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'string') return encoder.encode(value)
  if (value instanceof Decimal) return value.unscaled
  if (typeof value === 'number' && column.type.kind !== 'FLOAT' && column.type.kind !== 'DOUBLE') return BigInt(value)
  return value as TwinValue
}

/** A column of random values, and the values. `share` of those that may be are NULL. */
export function randomColumn(random: Random, slab: Slab, type: LogicalType, count: number): { column: Column; values: TwinValue[] } {
  const column = Column.allocate(slab, type, Math.max(1, count))
  const share = [0, 0.1, 0.6, 1][random.integer(4)]
  for (let row = 0; row < count; row++) writeValue(column, row, type.nullable && random.next() < share ? null : scalarOf(random, type))
  return { column, values: Array.from({ length: count }, (_, row) => twinOf(column, row)) }
}

/** Physical rows as kernels get them: a list, or a dense range (`selection` 0). */
export interface RandomRows {
  readonly selection: number
  readonly begin: number
  readonly n: number
  readonly rows: readonly number[]
}

/** A part of a random selection of `count` rows, or of all of them. */
export function randomRows(random: Random, slab: Slab, count: number): RandomRows {
  const share = [0, 0.1, 0.5, 0.95][random.integer(4)]
  const selected = Array.from({ length: count }, (_, row) => row).filter(() => share === 0 || random.next() < share)
  const begin = random.integer(selected.length + 1)
  const n = random.integer(selected.length - begin + 1)
  let selection = 0
  if (share !== 0) {
    selection = slab.allocate(selected.length * 4 + 64)
    slab.i32.set(selected, selection >>> 2)
  }
  return { selection, begin, n, rows: selected.slice(begin, begin + n) }
}

/** int32 values at an address. */
export function listAt(slab: Slab, address: number, n: number): number[] {
  return [...slab.i32.subarray(address >>> 2, (address >>> 2) + n)]
}
