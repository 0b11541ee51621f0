import { describe, expect, test } from 'vitest'
import { Millrace } from '../../../src/api/datastream/millrace.ts'
import { Slab } from '../../../src/base/slab.ts'
import { BatchBuilder } from '../../../src/batch/batch-builder.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { Column } from '../../../src/batch/column.ts'
import { type DataType, defineSchema, t } from '../../../src/batch/types.ts'
import { readValue, writeValue } from '../../../src/batch/values.ts'
import { compileRowWriter } from '../../../src/operator/row-code.ts'

/** What a generated writer stores for each value. */
function written(type: DataType<unknown>, values: readonly unknown[]): unknown[] {
  const schema = defineSchema({ value: type, after: t.int() })
  const builder = new BatchBuilder(new Slab(), schema, values.length)
  const batch = builder.begin(false, false)
  const writer = compileRowWriter(schema)
  writer.bind(batch)
  values.forEach((value, row) => writer.write(row, { value, after: row }))
  return batchToObjects(builder.finish(values.length)).map(({ row }) => (row as { value: unknown }).value)
}

describe('generated writers', () => {
  test.each<[string, DataType<unknown>, readonly unknown[]]>([
    ['CHAR(3)', t.char(3), ['', 'a', 'abc', '😀']],
    ['VARCHAR(3)', t.varchar(3), ['', 'abc', '😀😀😀']],
    ['BINARY(2)', t.binary(2), [Uint8Array.of(1, 2)]],
    ['TIME(0)', t.time(0), [0, 999, 86_399_999]],
    ['TIME(3)', t.time(3), [0, 999, 86_399_999]],
    ...[0, 1, 2, 3].map((p): [string, DataType<unknown>, readonly unknown[]] => [
      `TIMESTAMP(${p})`,
      t.timestamp(p),
      [0, -0, 1, -1, 999, -999, -1000, 1_700_000_000_123, -62_135_596_799_999, Number.MAX_SAFE_INTEGER],
    ]),
    ...[4, 5, 6, 7, 8, 9].map((p): [string, DataType<unknown>, readonly unknown[]] => [
      `TIMESTAMP(${p})`,
      t.timestamp(p),
      [0n, -1n, 123_456_789n, -123_456_789n],
    ]),
    ['INTERVAL DAY TO SECOND', t.intervalMs(), [1, -1, 1_500]],
  ])('store %s as writeValue does', (_name, type, values) => {
    const column = Column.allocate(new Slab(), type.logical, values.length)
    values.forEach((value, row) => writeValue(column, row, value))
    const expected = values.map((_, row) => readValue(column, row))
    expect(written(type, values)).toEqual(expected)
    expect(written(type.nullable(), values)).toEqual(expected)
  })

  test('name the column of a value that does not fit', () => {
    expect(() => written(t.varchar(3), ['abcdef'])).toThrow(
      expect.objectContaining({
        code: 'VALUE_OUT_OF_TYPE',
        message: 'Cannot write column "value": cannot store "abcdef" as VARCHAR(3) NOT NULL: it has 6 characters',
      }) as Error,
    )
  })
})

test('withColumn() names the column that it computes', async () => {
  const env = Millrace.local()
  env
    .fromCollection([{ id: 1 }], defineSchema({ id: t.int() }))
    .withColumn('small', t.tinyint(), () => 1000)
    .forEach(() => {})
  await expect(env.execute()).rejects.toThrow('Cannot write column "small": cannot store 1000 as TINYINT NOT NULL: it must lie in -128..127')
})
