import { expect, test } from 'vitest'
import { type DataType, Decimal, t } from '../../../src/batch/types.ts'
import { entryCodecOf } from '../../../src/state/state-entries.ts'
import { decideState } from '../../../src/state/state-evolution.ts'
import { keyedDeclarationOf } from '../../../src/state/state-schema.ts'
import { aggregatingState, listState, mapState, reducingState, type StateDescriptor, type StateOptions, valueState } from '../../../src/state/state.ts'

const schemaOf = (descriptor: StateDescriptor) => keyedDeclarationOf(descriptor, 'key')
const value = (type: DataType<unknown> | undefined, options: StateOptions = {}): StateDescriptor => valueState('v', type, options)

/** What a value is behind a change of its type. */
function migrated(from: StateDescriptor, to: StateDescriptor, held: unknown): unknown {
  const [saved, declared] = [schemaOf(from), schemaOf(to)]
  const decision = decideState(saved.schema, declared.schema, declared.evolution)
  const bytes = entryCodecOf(saved.schema)!.write([{ refreshedMs: undefined, key: undefined, value: held }], 0)
  if (decision.verdict === 'refuse') throw new Error(decision.reason)
  const [{ value: now }] = entryCodecOf(declared.schema)!.read(decision.verdict === 'migrate' ? decision.migrate(bytes, 0) : bytes)
  return now
}

test.each<[string, DataType<unknown>, DataType<unknown>, unknown, unknown]>([
  ['TINYINT -> INT', t.tinyint(), t.int(), -7, -7],
  ['INT -> BIGINT', t.int(), t.bigint(), -7, -7n],
  ['INT -> BIGINT as a number', t.int(), t.safeInt(), 7, 7],
  ['BIGINT as a number -> as a bigint', t.safeInt(), t.bigint(), 2 ** 53 - 1, 2n ** 53n - 1n],
  ['FLOAT -> DOUBLE', t.float(), t.double(), 0.5, 0.5],
  ['DECIMAL, more digits', t.decimal(4, 2), t.decimal(12, 2), new Decimal(1234n, 2), new Decimal(1234n, 2)],
  ['DECIMAL, more digits behind the point', t.decimal(4, 2), t.decimal(6, 4), new Decimal(-1234n, 2), new Decimal(-123_400n, 4)],
  ['VARCHAR, longer', t.varchar(3), t.string(), 'dür', 'dür'],
  ['CHAR -> VARCHAR', t.char(3), t.varchar(3), 'ab', 'ab '],
  ['BINARY -> BYTES', t.binary(2), t.bytes(), Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  ['TIME, finer', t.time(0), t.time(3), 5000, 5000],
  ['TIMESTAMP(3) -> (9)', t.timestamp(3), t.timestamp(9), -1, -1_000_000n],
  ['NULL admitted', t.array(t.int()), t.array(t.int().nullable()), [1, 2], [1, 2]],
  ['elements widened', t.array(t.int().nullable()), t.array(t.bigint().nullable()), [1, null], [1n, null]],
  ['values of a map widened', t.map(t.string(), t.int()), t.map(t.string(), t.bigint()), new Map([['a', 1]]), new Map([['a', 1n]])],
  ['a column added', t.row({ a: t.int() }), t.row({ b: t.string().nullable(), a: t.int() }), { a: 1 }, { b: null, a: 1 }],
  ['a column dropped', t.row({ a: t.int(), b: t.string() }), t.row({ a: t.int() }), { a: 1, b: 'x' }, { a: 1 }],
  ['columns in another order', t.row({ a: t.int(), b: t.int() }), t.row({ b: t.int(), a: t.int() }), { a: 1, b: 2 }, { b: 2, a: 1 }],
  [
    'a column of a column',
    t.row({ a: t.row({ x: t.int() }) }),
    t.row({ a: t.row({ x: t.bigint(), y: t.int().nullable() }) }),
    { a: { x: 1 } },
    { a: { x: 1n, y: null } },
  ],
  ['whether a value may be NULL, which none is', t.string().nullable(), t.string(), 'x', 'x'],
])('values follow: %s', (_name, from, to, held, expected) => {
  expect(migrated(value(from), value(to), held)).toEqual(expected)
})

const row = t.row({ a: t.int(), b: t.string() })

test('columns follow the mapping of the descriptor', () => {
  const renamed = value(t.row({ c: t.bigint(), b: t.string() }), { renamed: { a: 'c' } })
  expect(migrated(value(row), renamed, { a: 1, b: 'x' })).toEqual({ c: 1n, b: 'x' })
  expect(migrated(renamed, renamed, { c: 1n, b: 'x' })).toEqual({ c: 1n, b: 'x' })
  const swapped = value(t.row({ b: t.int(), a: t.string() }), { renamed: { a: 'b', b: 'a' } })
  expect(migrated(value(row), swapped, { a: 1, b: 'x' })).toEqual({ b: 1, a: 'x' })
  const replaced = value(t.row({ c: t.int(), b: t.string() }), { dropped: ['a'], defaults: { c: 9 } })
  expect(migrated(value(row), replaced, { a: 1, b: 'x' })).toEqual({ c: 9, b: 'x' })
  const inner = value(t.row({ list: t.array(t.row({ y: t.int() })) }), { renamed: { 'list.x': 'y' } })
  expect(migrated(value(t.row({ list: t.array(t.row({ x: t.int() })) })), inner, { list: [{ x: 1 }, { x: 2 }] })).toEqual({ list: [{ y: 1 }, { y: 2 }] })
})

test.each<[string, StateDescriptor, StateDescriptor, string]>([
  ['narrowed', value(t.bigint()), value(t.int()), 'its type is BIGINT in the snapshot, and INT in the job: values may be lost'],
  ['fewer digits', value(t.decimal(6, 2)), value(t.decimal(6, 3)), 'values may be lost'],
  ['shorter', value(t.string()), value(t.varchar(10)), 'values may be lost'],
  ['another type', value(t.int()), value(t.string()), 'its type is INT in the snapshot, and STRING in the job'],
  ['declared at last', value(undefined), value(t.int()), 'its type is any values in the snapshot, and INT in the job'],
  ['another kind', value(t.int()), listState('v', t.int()), 'it is value state of INT NOT NULL in the snapshot, and list state of INT NOT NULL in the job'],
  [
    'reducing to aggregating',
    reducingState('v', (a: never) => a, t.int() as DataType<never>),
    aggregatingState<never, never, unknown>(
      'v',
      { createAccumulator: () => 0 as never, add: (added) => added, getResult: (held) => held },
      t.int() as DataType<never>,
    ),
    'it is reducing state',
  ],
  [
    'keys of a map',
    mapState('v', t.int(), t.int()),
    mapState('v', t.bigint(), t.int()),
    'the keys of the map are INT NOT NULL in the snapshot, and BIGINT NOT NULL in the job',
  ],
  ['NULL no longer admitted', listState('v', t.int().nullable()), listState('v', t.int()), 'there may be NULLs'],
  [
    'a new column that is NOT NULL',
    value(t.row({ a: t.int() })),
    value(t.row({ a: t.int(), b: t.string() })),
    `column "b" is new and NOT NULL, and nothing says what it is of the old values: let it be nullable, or give defaults: { 'b': ... }`,
  ],
  [
    'renamed without a mapping',
    value(row),
    value(t.row({ c: t.int().nullable(), b: t.string() })),
    `column "a" has gone and "c" has come, which could hold its values: say renamed: { 'a': 'c' } if it is the same one, dropped: ['a'] if not`,
  ],
  ['renamed onto another', value(row), value(t.row({ b: t.int() }), { renamed: { a: 'b' } }), 'column "a" cannot be renamed to "b": the snapshot has both'],
  [
    'a column of a column narrowed',
    value(t.row({ a: t.row({ x: t.bigint() }) })),
    value(t.row({ a: t.row({ x: t.int() }) })),
    'column "a.x" is BIGINT NOT NULL in the snapshot, and INT NOT NULL in the job: values may be lost',
  ],
])('values that cannot follow are refused with the reason: %s', (_name, from, to, reason) => {
  const [saved, declared] = [schemaOf(from), schemaOf(to)]
  const decision = decideState(saved.schema, declared.schema, declared.evolution)
  expect(decision.verdict).toBe('refuse')
  expect(decision.reason).toContain(reason)
})

test('a TTL may come, change and go', () => {
  const plain = schemaOf(value(t.int())).schema
  const [short, long] = [1000, 5000].map((ttlMs) => schemaOf(value(t.int(), { ttl: { ttlMs } })).schema)
  expect(decideState(plain, short, undefined)).toEqual({
    verdict: 'keep',
    reason: 'expires from now on, after 1000 ms; what there is counts as refreshed at the restore',
  })
  expect(decideState(short, long, undefined)).toEqual({ verdict: 'keep', reason: 'its TTL changes from 1000 ms to 5000 ms' })
  expect(decideState(long, plain, undefined)).toEqual({ verdict: 'keep', reason: 'does not expire any more' })
})

test.each<[string, StateOptions, string]>([
  ['a mapping to no column', { renamed: { a: 'z' } }, '"a" is renamed to "z", and its type has no column "z"'],
  ['a dropped column that is declared', { dropped: ['b'] }, 'column "b" is said to be dropped, and its type has it'],
  ['a default of no column', { defaults: { z: 1 } }, '"z" has a default, and its type has no such column'],
])('a descriptor refuses %s', (_name, options, reason) => {
  expect(() => valueState('v', row, options)).toThrow(expect.objectContaining({ code: 'INVALID_STATE', message: `Cannot declare state "v": ${reason}` }))
})
