// The datagen generator: sequences, random values of every type within their limits, options, independence of batch cuts.
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { Column } from '../../../src/batch/column.ts'
import { RecordBatch } from '../../../src/batch/record-batch.ts'
import { type DataType, Decimal, Schema, t } from '../../../src/batch/types.ts'
import { DatagenGenerator } from '../../../src/connector/datagen/datagen-generator.ts'
import { type DatagenFieldOptions, type DatagenOptions, datagenTableOptions, resolveDatagenOptions } from '../../../src/connector/datagen/datagen-options.ts'

const NOW = Date.UTC(2026, 4, 17, 12, 30, 15, 250)
let slab: Slab
beforeAll(() => {
  slab = new Slab()
})

const schemaOf = (columns: Record<string, DataType<unknown>>): Schema =>
  new Schema(Object.entries(columns).map(([name, { logical }]) => ({ name, type: logical })))

function rowsOf(generator: DatagenGenerator, first: number, count: number): Record<string, unknown>[] {
  const { schema } = generator
  const batch = new RecordBatch(
    slab,
    schema,
    schema.fields.map(({ type }) => Column.allocate(slab, type, 4)),
  )
  expect(generator.generate(first, count, batch, NOW)).toBe(count)
  const rows = batchToObjects(batch).map(({ row }) => row as Record<string, unknown>)
  for (const column of batch.columns) column.free()
  return rows
}

/** Values of one column. */
const valuesOf = <T>(type: DataType<T>, options: DatagenFieldOptions = {}, count = 2000, seed = 1): T[] =>
  rowsOf(new DatagenGenerator(schemaOf({ v: type }), { seed, fields: { v: options } }), 0, count).map(({ v }) => v as T)

describe('sequences', () => {
  test('count from start to end in every type that holds them', () => {
    const fields = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => [name, { kind: 'sequence', start: '-2', end: '7' } as const]))
    const schema = schemaOf({
      a: t.tinyint(),
      b: t.smallint(),
      c: t.int(),
      d: t.bigint(),
      e: t.float(),
      f: t.double(),
      g: t.decimal(5, 2),
      h: t.string(),
      i: t.decimal(30, 3),
    })
    const generator = new DatagenGenerator(schema, { fields })
    expect(generator.settings.rowCount).toBe(10)
    const rows = rowsOf(generator, 0, 10)
    rows.forEach((row, index) => {
      const value = index - 2
      expect(row).toEqual({
        ...{ a: value, b: value, c: value, d: BigInt(value), e: value, f: value, h: String(value) },
        ...{ g: new Decimal(BigInt(value) * 100n, 2), i: new Decimal(BigInt(value) * 1000n, 3) },
      })
    })
  })

  test('count beyond the integers of doubles', () => {
    const options: DatagenOptions = { fields: { n: { kind: 'sequence', start: '9223372036854775800', end: '9223372036854775807' } } }
    const generator = new DatagenGenerator(schemaOf({ n: t.bigint() }), options)
    expect(rowsOf(generator, 0, 8).at(-1)).toEqual({ n: 2n ** 63n - 1n })
  })

  test('end with the shortest, or with the number of rows', () => {
    const schema = schemaOf({ a: t.int(), b: t.int(), c: t.int() })
    const fields = { a: { kind: 'sequence', start: '1', end: '50' }, b: { kind: 'sequence', start: '1', end: '20' } } as const
    expect(resolveDatagenOptions(schema, { fields }).rowCount).toBe(20)
    expect(resolveDatagenOptions(schema, { fields, rowCount: 7 }).rowCount).toBe(7)
    expect(resolveDatagenOptions(schema).rowCount).toBe(Infinity)
  })
})

describe('random values', () => {
  test.each([
    ['TINYINT', t.tinyint(), 256],
    ['BOOLEAN', t.boolean(), 2],
  ] as const)('of %s take all values', (_name, type, distinct) => {
    expect(new Set(valuesOf(type as DataType<unknown>, {}, 10_000)).size).toBe(distinct)
  })

  test('lie within their limits, both included', () => {
    expect([...new Set(valuesOf(t.int(), { min: '-2', max: '3' }))].toSorted((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3])
    expect(new Set(valuesOf(t.bigint(), { min: '9223372036854775805', max: '9223372036854775807' }))).toEqual(
      new Set([2n ** 63n - 1n, 2n ** 63n - 2n, 2n ** 63n - 3n]),
    )
    const decimals = valuesOf(t.decimal(20, 2), { min: '-0.5', max: '12345678901234567.89' })
    expect(decimals.every(({ unscaled }) => unscaled >= -50n && unscaled <= 1_234_567_890_123_456_789n)).toBe(true)
    expect(valuesOf(t.double(), { min: '1.5', max: '2.5' }).every((value) => value >= 1.5 && value <= 2.5)).toBe(true)
    expect(valuesOf(t.float()).every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
  })

  test('are uniform over the whole of 64 bits and over a range', () => {
    const whole = valuesOf(t.bigint(), {}, 20_000)
    expect(whole.filter((value) => value < 0n).length / 20_000).toBeCloseTo(0.5, 1)
    expect(new Set(whole).size).toBe(20_000)
    const counts = Array.from({ length: 10 }, () => 0)
    for (const value of valuesOf(t.int(), { min: '0', max: '9' }, 100_000)) counts[value]++
    expect(counts.every((count) => Math.abs(count - 10_000) < 400)).toBe(true)
  })

  test('of text are hexadecimal digits, of bytes any bytes, in the length asked for', () => {
    expect(valuesOf(t.string()).every((text) => /^[0-9a-f]{100}$/.test(text))).toBe(true)
    expect(valuesOf(t.char(3)).every((text) => /^[0-9a-f]{3}$/.test(text))).toBe(true)
    expect(valuesOf(t.varchar(20), { length: 13 }).every((text) => text.length === 13)).toBe(true)
    expect(new Set(valuesOf(t.varchar(20), { varLen: true }).map((text) => text.length)).size).toBe(20)
    expect(new Set(valuesOf(t.string(), { length: 9 })).size).toBe(2000)
    expect(new Set(valuesOf(t.bytes(), { length: 7 }).flatMap((bytes) => [...bytes])).size).toBe(256)
  })

  test('of time lie between the past allowed and now', () => {
    const past = valuesOf(t.timestamp(3), { maxPastMs: 60_000 })
    expect(past.every((ms) => ms > NOW - 60_000 && ms <= NOW)).toBe(true)
    expect(new Set(past).size).toBeGreaterThan(1900)
    expect(valuesOf(t.timestampLtz(3), {}, 2)).toEqual([NOW, NOW])
    expect(valuesOf(t.timestamp(6), {}, 1)).toEqual([BigInt(NOW) * 1_000_000n])
    expect(valuesOf(t.timestamp(9), {}, 1)).toEqual([BigInt(NOW) * 1_000_000n])
    expect(valuesOf(t.date(), {}, 1)).toEqual([Math.floor(NOW / 86_400_000)])
    expect(valuesOf(t.time(3), {}, 1)).toEqual([NOW % 86_400_000])
    expect(valuesOf(t.intervalMonths()).every((months) => months >= 0 && months <= 120_000)).toBe(true)
  })

  test('are NULL at the rate asked for', () => {
    const values = valuesOf(t.string().nullable(), { nullRate: 0.25, length: 4 }, 20_000)
    expect(values.filter((value) => value === null).length / 20_000).toBeCloseTo(0.25, 1)
    expect(valuesOf(t.int().nullable(), { nullRate: 1 }, 10)).toEqual(Array.from({ length: 10 }, () => null))
  })

  test('differ by column and by seed', () => {
    const [row] = rowsOf(new DatagenGenerator(schemaOf({ a: t.bigint(), b: t.bigint() })), 0, 1)
    expect(row['a']).not.toBe(row['b'])
    expect(valuesOf(t.bigint(), {}, 5, 1)).not.toEqual(valuesOf(t.bigint(), {}, 5, 2))
    expect(valuesOf(t.bigint(), {}, 5, 1)).not.toEqual(valuesOf(t.bigint(), {}, 5, 1 + 2 ** 32))
  })

  test('are the same whatever the cuts into batches, and the same for a part of the columns', () => {
    const schema = schemaOf({
      a: t.int().nullable(),
      b: t.string(),
      c: t.boolean(),
      d: t.decimal(30, 4),
      e: t.timestamp(3),
      f: t.double(),
      g: t.bytes(),
      h: t.array(t.row({ x: t.int().nullable(), y: t.string() })).nullable(),
      i: t.map(t.tinyint(), t.array(t.boolean())),
    })
    const generator = new DatagenGenerator(schema, {
      fields: {
        a: { nullRate: 0.3 },
        b: { length: 11, varLen: true },
        e: { maxPastMs: 1000 },
        g: { length: 3 },
        h: { nullRate: 0.2, element: { fields: { x: { nullRate: 0.5 } } } },
      },
    })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), (first, left, right) => {
        const whole = rowsOf(generator, first, left + right)
        expect([...rowsOf(generator, first, left), ...rowsOf(generator, first + left, right)]).toEqual(whole)
        const part = new Schema([schema.fields[5], schema.fields[0]])
        const batch = new RecordBatch(
          slab,
          part,
          part.fields.map(({ type }) => Column.allocate(slab, type, 4)),
        )
        generator.generate(first, left, batch, NOW, [5, 0])
        expect(batchToObjects(batch).map(({ row }) => row)).toEqual(whole.slice(0, left).map(({ f, a }) => ({ f, a })))
      }),
      { numRuns: 30 },
    )
  })
})

describe('collections and rows', () => {
  test('hold what their parts are told to', () => {
    const lists = valuesOf(t.array(t.int().nullable()), { length: 4, element: { min: 1, max: 3, nullRate: 0.25 } })
    expect(lists.every((list) => list.length === 4)).toBe(true)
    expect(new Set(lists.flat())).toEqual(new Set([null, 1, 2, 3]))
    const rows = valuesOf(t.row({ a: t.string(), b: t.row({ c: t.boolean() }) }), { fields: { a: { length: 2 } } })
    expect(rows.every(({ a, b }) => /^[0-9a-f]{2}$/.test(a) && typeof b.c === 'boolean')).toBe(true)
    expect(valuesOf(t.array(t.array(t.int())), {}, 1)[0].map((list) => list.length)).toEqual([3, 3, 3])
    expect(valuesOf(t.array(t.int()), { length: 0 }, 2)).toEqual([[], []])
    expect(valuesOf(t.array(t.int()).nullable(), { nullRate: 1 }, 2)).toEqual([null, null])
  })

  test('of a map have no key twice', () => {
    const maps = valuesOf(t.map(t.decimal(3, 1), t.int()), { length: 5, key: { min: 0, max: 1 }, value: { min: 7, max: 8 } })
    for (const map of maps) expect(new Set([...map.keys()].map(String)).size).toBe(map.size)
    expect(new Set(maps.map(({ size }) => size))).toEqual(new Set([2, 3, 4, 5]))
    expect(new Set(maps.flatMap((map) => [...map.values()]))).toEqual(new Set([7, 8]))
    const sets = valuesOf(t.multiset(t.string()), { length: 3, element: { length: 5 } })
    expect(new Set(sets.flatMap((set) => [...set.values()]))).toEqual(new Set([1, 2, 3]))
  })

  test('draw apart from each other', () => {
    const [{ a, b }] = rowsOf(new DatagenGenerator(schemaOf({ a: t.array(t.bigint()), b: t.row({ x: t.bigint(), y: t.bigint() }) })), 0, 1) as [
      { a: bigint[]; b: { x: bigint; y: bigint } },
    ]
    expect(new Set([...a, b.x, b.y]).size).toBe(5)
  })
})

describe('options', () => {
  test('of a table are those of Flink', () => {
    const table = schemaOf({
      ...{ id: t.int(), price: t.decimal(5, 2), a: t.int(), 'a.b': t.string(), at: t.timestamp(3).nullable() },
      ...{ list: t.array(t.array(t.int())), m: t.map(t.string(), t.row({ 'x.y': t.int() })), set: t.multiset(t.string()) },
    })
    expect(
      datagenTableOptions(table, {
        connector: 'datagen',
        'rows-per-second': '5',
        'number-of-rows': '10',
        'millrace.seed': '3',
        'fields.id.kind': 'sequence',
        'fields.id.start': '1',
        'fields.id.end': '10',
        'fields.price.min': '0.01',
        'fields.price.max': '9.99',
        'fields.a.b.length': '5',
        'fields.a.b.var-len': 'true',
        'fields.at.max-past': '5 min',
        'fields.at.null-rate': '0.5',
        'fields.list.length': '2',
        'fields.list.element.element.max': '9',
        'fields.m.key.length': '4',
        'fields.m.value.x.y.min': '1',
        'fields.set.element.length': '7',
      }),
    ).toEqual({
      rowsPerSecond: 5,
      rowCount: 10,
      seed: 3,
      fields: {
        id: { kind: 'sequence', start: '1', end: '10' },
        price: { min: '0.01', max: '9.99' },
        'a.b': { length: 5, varLen: true },
        at: { maxPastMs: 300_000, nullRate: 0.5 },
        list: { length: 2, element: { element: { max: '9' } } },
        m: { key: { length: 4 }, value: { fields: { 'x.y': { min: '1' } } } },
        set: { element: { length: 7 } },
      },
    })
  })

  test.each([
    [{ 'rows-per-minute': '1' }, 'UNKNOWN_OPTION'],
    [{ 'fields.v.kinds': 'random' }, 'UNKNOWN_OPTION'],
    [{ 'fields.w.kind': 'random' }, 'UNKNOWN_COLUMN'],
    [{ 'fields.v.element.min': '1' }, 'UNKNOWN_COLUMN'],
    [{ 'fields.v.length': '5' }, 'INVALID_OPTION'],
    [{ 'fields.v.start': '5' }, 'INVALID_OPTION'],
    [{ 'rows-per-second': 'fast' }, 'INVALID_OPTION'],
    [{ 'rows-per-second': '0' }, 'INVALID_OPTION'],
    [{ 'number-of-rows': '-1' }, 'INVALID_OPTION'],
    [{ 'fields.v.kind': 'constant' }, 'INVALID_OPTION'],
    [{ 'fields.v.kind': 'sequence' }, 'INVALID_OPTION'],
    [{ 'fields.v.kind': 'sequence', 'fields.v.start': '5', 'fields.v.end': '4' }, 'INVALID_OPTION'],
    [{ 'fields.v.min': '5', 'fields.v.max': '4' }, 'INVALID_OPTION'],
    [{ 'fields.v.min': '-2147483649' }, 'INVALID_OPTION'],
    [{ 'fields.v.min': '1.5' }, 'INVALID_OPTION'],
    [{ 'fields.v.null-rate': '0.1' }, 'INVALID_OPTION'],
    [{ 'fields.v.max-past': 'a while' }, 'INVALID_OPTION'],
  ])('%o are refused for an INT NOT NULL', (options, code) => {
    const schema = schemaOf({ v: t.int() })
    expect(() => resolveDatagenOptions(schema, datagenTableOptions(schema, options as Record<string, string>))).toThrow(expect.objectContaining({ code }))
  })

  test('take limits as numbers and bigints, as they take text', () => {
    const schema = schemaOf({ i: t.int(), b: t.bigint(), d: t.decimal(5, 2), r: t.double(), s: t.int(), f: t.float() })
    const given = resolveDatagenOptions(schema, {
      fields: {
        ...{ i: { min: 5, max: 7 }, b: { min: -1n, max: 2n ** 62n }, d: { min: -12.5, max: 3 }, r: { min: -0.25, max: 1n } },
        ...{ s: { kind: 'sequence', start: -1, end: 8n }, f: { min: 1e-7, max: 1e21 } },
      },
    })
    const asText = resolveDatagenOptions(schema, {
      fields: {
        ...{ i: { min: '5', max: '7' }, b: { min: '-1', max: String(2n ** 62n) }, d: { min: '-12.50', max: '3' }, r: { min: '-0.25', max: '1' } },
        ...{ s: { kind: 'sequence', start: '-1', end: '8' }, f: { min: '1e-7', max: '1e21' } },
      },
    })
    expect(given).toEqual(asText)
    expect(new Set(valuesOf(t.int(), { min: 5, max: 7 }))).toEqual(new Set([5, 6, 7]))
  })

  test.each([
    ['a fraction', { min: 1.5 }, 'fields.v.min = 1.5: it must be an integer'],
    ['NaN', { max: Number.NaN }, 'fields.v.max = NaN: it must be an integer'],
    ['a number that is not exact', { kind: 'sequence', start: 2 ** 53, end: '9' }, 'fields.v.start = 9007199254740992: no number is exact beyond'],
    ['an object', { kind: 'sequence', start: 1, end: [2] }, 'fields.v.end = 2: it must be an integer'],
    ['null', { min: null }, 'fields.v.min = null: it must be an integer'],
    ['an unknown kind', { kind: 'serial' }, 'fields.v.kind = serial: it must be random or sequence'],
    ['a rate in text', { nullRate: '0' }, 'fields.v.null-rate = 0: it must be a number in 0..1'],
  ])('refuse %s with the column and the option', (_, options, text) => {
    expect(() => resolveDatagenOptions(schemaOf({ v: t.bigint() }), { fields: { v: options as DatagenFieldOptions } })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(text) as string }) as Error,
    )
  })

  test.each([
    [{ rowCuont: 5 }, 'rowCuont', 'Did you mean "rowCount"?'],
    [{ fields: { v: { minimum: 5 } } }, 'fields.v.minimum', 'Known options: kind, start'],
    [{ fields: { v: { strat: 5 } } }, 'fields.v.strat', 'Did you mean "start"?'],
  ])('refuse the unknown option in %o', (options, name, hint) => {
    expect(() => resolveDatagenOptions(schemaOf({ v: t.int() }), options as DatagenOptions)).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_OPTION',
        message: `Cannot generate rows with ${name}: there is no such option`,
        hint: expect.stringContaining(hint) as string,
      }) as Error,
    )
  })

  test.each<[DataType<unknown>, DatagenFieldOptions, string, string, string]>([
    [t.int(), { length: 5 }, 'length', 'a random INT', 'kind, min, max, nullRate'],
    [t.boolean(), { min: 0 }, 'min', 'a random BOOLEAN', 'kind, nullRate'],
    [t.string(), { max: 9 }, 'max', 'a random STRING', 'kind, length, varLen, nullRate'],
    [t.string(), { kind: 'sequence', start: 1, end: 9, length: 3 }, 'length', 'a sequence', 'kind, start, end'],
    [t.int(), { end: 9 }, 'end', 'a random INT', 'kind, min, max, nullRate'],
    [t.timestamp(3), { varLen: true }, 'varLen', 'a random TIMESTAMP(3)', 'kind, maxPastMs, nullRate'],
    [t.array(t.int()), { min: 1 }, 'min', 'a random ARRAY<INT NOT NULL>', 'kind, length, element, nullRate'],
    [t.map(t.int(), t.int()), { element: {} }, 'element', 'a random MAP<INT NOT NULL, INT NOT NULL>', 'kind, length, key, value, nullRate'],
    [t.row({ a: t.int() }), { length: 1 }, 'length', 'a random ROW<a INT NOT NULL>', 'kind, fields, nullRate'],
  ])('of a column %o refuse %o, which would do nothing', (type, options, option, made, known) => {
    expect(() => resolveDatagenOptions(schemaOf({ v: type }), { fields: { v: options } })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: `Cannot generate rows with fields.v.${option}: ${made} has no use for it`,
        hint: `Options of ${made}: ${known}.`,
      }) as Error,
    )
  })

  test('refuse what a type cannot be', () => {
    const refuse = (type: DataType<unknown>, options: DatagenFieldOptions, code: string): void =>
      expect(() => resolveDatagenOptions(schemaOf({ v: type }), { fields: { v: options } })).toThrow(expect.objectContaining({ code }))
    refuse(t.boolean(), { kind: 'sequence', start: '0', end: '1' }, 'INVALID_OPTION')
    refuse(t.char(5), { length: 4 }, 'INVALID_OPTION')
    refuse(t.varchar(5), { length: 6 }, 'INVALID_OPTION')
    refuse(t.binary(5), { varLen: true }, 'INVALID_OPTION')
    refuse(t.object(), {}, 'UNSUPPORTED_TYPE')
    refuse(t.array(t.object()), {}, 'UNSUPPORTED_TYPE')
    refuse(t.array(t.int()), { element: { kind: 'sequence', start: 1, end: 2 } }, 'INVALID_OPTION')
    refuse(t.array(t.int()), { length: -1 }, 'INVALID_OPTION')
    refuse(t.array(t.int()), { element: { nullRate: 0.5 } }, 'INVALID_OPTION')
    refuse(t.row({ a: t.int() }), { fields: { b: {} } }, 'UNKNOWN_OPTION')
    refuse(t.map(t.int(), t.int()), { key: { minimum: 1 } as DatagenFieldOptions }, 'UNKNOWN_OPTION')
  })
})
