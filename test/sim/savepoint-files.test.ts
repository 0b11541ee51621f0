// Savepoints as files: read without the job that wrote them, written without a job that could, and what starts from either.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Decimal, type DataType, defineSchema, type LogicalType, t } from '../../src/batch/types.ts'
import { type JobSnapshot, partId } from '../../src/checkpoint/job-snapshot.ts'
import { readSavepoint, writeSavepoint } from '../../src/checkpoint/savepoint.ts'
import { Savepoint, type SavepointEntry } from '../../src/checkpoint/savepoint-reader.ts'
import { SavepointWriter } from '../../src/checkpoint/savepoint-writer.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { sum } from '../../src/operator/window/slice-aggregates.ts'
import { keyValueOf, typedKeyBytes } from '../../src/state/key-value.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import {
  type AggregatingState,
  aggregatingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  type ReducingState,
  reducingState,
  type ValueState,
  valueState,
} from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { type Program, runToCheckpoint, runToEnd } from '../fixtures/changed-job.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'
import { sorted } from './simulation.ts'

const scratch = scratchFolder()
let folders = 0
const newFolder = (): string => join(scratch, `savepoint-${folders++}`)
const ORIGIN = { jobName: 'test', engineVersion: '0.1.0', attempt: 1, timestampMs: 1_700_000_000_000 }

async function saved(snapshot: JobSnapshot): Promise<string> {
  const folder = newFolder()
  await writeSavepoint(folder, snapshot, ORIGIN)
  return folder
}

async function all<V>(entries: AsyncIterable<SavepointEntry<V>>): Promise<SavepointEntry<V>[]> {
  const list: SavepointEntry<V>[] = []
  for await (const entry of entries) list.push(entry)
  return list
}

const SCHEMA = defineSchema({ user: t.string(), n: t.int(), at: t.timestamp(3) })
type Row = { readonly user: string; readonly n: number; readonly at: number }
const ROWS: readonly Row[] = Array.from({ length: 30 }, (_, n) => ({ user: `u${n % 3}`, n, at: n }))

const average = {
  createAccumulator: () => ({ all: 0, rows: 0 }),
  add: (n: number, held: { all: number; rows: number }) => ({ all: held.all + n, rows: held.rows + 1 }),
  getResult: ({ all: total, rows }: { all: number; rows: number }) => total / rows,
}
const STATES = {
  last: valueState('last', t.row({ n: t.int(), at: t.timestamp(3) })),
  seen: listState('seen', t.int()),
  parities: mapState('parities', t.string(), t.bigint()),
  most: reducingState<number>('most', Math.max, t.int()),
  mean: aggregatingState('mean', average, t.row({ all: t.int(), rows: t.int() })),
  free: valueState<unknown>('free'),
  everywhere: listState('everywhere', t.string()),
}

/** Keeps something of every kind, and says all of it with each record. */
function keeping(): KeyedProcessFunction<string, Row, string> {
  let last: ValueState<{ readonly n: number; readonly at: number }>
  let seen: ListState<number>
  let parities: MapState<string, bigint>
  let most: ReducingState<number>
  let mean: AggregatingState<number, number>
  let free: ValueState<unknown>
  return {
    open(context) {
      last = context.getState(STATES.last)
      seen = context.getState(STATES.seen)
      parities = context.getState(STATES.parities)
      most = context.getState(STATES.most)
      mean = context.getState(STATES.mean)
      free = context.getState(STATES.free)
      const everywhere = context.getUnionListState(STATES.everywhere)
      if (everywhere.get().length === 0) everywhere.add('here')
    },
    processElement({ user, n, at }, context, out) {
      last.update({ n, at })
      seen.add(n)
      parities.put(n % 2 === 0 ? 'even' : 'odd', BigInt(n))
      most.add(n)
      mean.add(n)
      free.update({ user, list: [n, null] })
      context.timerService.registerEventTimeTimer(1000 + n)
      const said = [seen.get().join(), parities.entries().join(), most.get(), mean.get(), JSON.stringify(free.value())]
      out.collect(`${context.getCurrentKey()} ${said.join(' ')}`)
    },
    onTimer: (timeMs, context, out) => out.collect(`timer ${context.getCurrentKey()} ${timeMs}`),
  }
}

const keeper: Program = (env) => void env.input('rows', SCHEMA).uid('rows').keyBy('user').process(keeping()).uid('keeper').output('results')

const of = (user: string): readonly Row[] => ROWS.filter((row) => row.user === user)

test.each([1, 2, 3])('every kind of state is read from the files of %i subtasks, as user code would see it', async (parallelism) => {
  const savepoint = await Savepoint.read(await saved(runToCheckpoint(keeper, { rows: { rows: ROWS }, parallelism }).snapshot))
  const byUser = async <V>(entries: AsyncIterable<SavepointEntry<V>>): Promise<Record<string, V>> => {
    const list = await all(entries)
    expect(list.every(({ namespace }) => namespace === undefined)).toBe(true)
    return Object.fromEntries(list.map(({ key, value }) => [key as string, value]))
  }
  const expected = <V>(make: (rows: readonly Row[]) => V): Record<string, V> => Object.fromEntries(['u0', 'u1', 'u2'].map((user) => [user, make(of(user))]))
  expect(await byUser(savepoint.state('keeper', 'last'))).toEqual(expected((rows) => ({ n: rows.at(-1)!.n, at: rows.at(-1)!.at })))
  expect(await byUser(savepoint.state('keeper', STATES.seen))).toEqual(expected((rows) => rows.map(({ n }) => n)))
  expect(await byUser(savepoint.state('keeper', STATES.parities))).toEqual(
    expected(
      (rows) =>
        new Map(
          rows
            .toReversed()
            .map(({ n }): [string, bigint] => [n % 2 === 0 ? 'even' : 'odd', BigInt(n)])
            .toReversed(),
        ),
    ),
  )
  expect(await byUser(savepoint.state('keeper', STATES.most))).toEqual(expected((rows) => rows.at(-1)!.n))
  expect(await byUser(savepoint.state('keeper', STATES.mean))).toEqual(
    expected((rows) => ({ all: rows.reduce((total, { n }) => total + n, 0), rows: rows.length })),
  )
  expect(await byUser(savepoint.state('keeper', 'free'))).toEqual(expected((rows) => ({ user: rows[0].user, list: [rows.at(-1)!.n, null] })))
  expect((await all(savepoint.state('keeper', 'everywhere'))).map(({ value }) => value)).toEqual(Array.from({ length: parallelism }, () => 'here'))
  const timers = await all(savepoint.state('keeper', 'timers:event'))
  expect(sorted(timers.map(({ key, value }) => [key, value]))).toEqual(sorted(ROWS.map(({ user, n }) => [user, 1000 + n])))
  const [, operator] = savepoint.operators
  expect(operator).toMatchObject({ uid: 'keeper', type: 'process function', key: 'user STRING NOT NULL', parallelism, maxParallelism: 128 })
  expect(operator.states.find(({ name }) => name === 'seen')).toMatchObject({
    kind: 'list',
    scope: 'key',
    description: 'list state of INT NOT NULL',
    entries: 3,
  })
  expect(savepoint).toMatchObject({ jobName: 'test', checkpointId: 1, timestampMs: ORIGIN.timestampMs })
})

test('a descriptor reads values as a restore would change them, or says why not', async () => {
  const savepoint = await Savepoint.read(await saved(runToCheckpoint(keeper, { rows: { rows: ROWS } }).snapshot))
  const wider = valueState('last', t.row({ times: t.bigint(), at: t.timestamp(3), note: t.string().nullable() }), { renamed: { n: 'times' } })
  expect((await all(savepoint.state('keeper', wider))).find(({ key }) => key === 'u2')?.value).toEqual({ times: 29n, at: 29, note: null })
  expect(() => savepoint.state('keeper', valueState('last', t.int()))).toThrow(expect.objectContaining({ code: 'STATE_CHANGED' }))
  expect(() => savepoint.state('keepr', 'last')).toThrow(expect.objectContaining({ code: 'UNKNOWN_STATE', hint: 'Did you mean "keeper"?' }))
  expect(() => savepoint.state('keeper', 'lats')).toThrow(expect.objectContaining({ code: 'UNKNOWN_STATE', hint: 'Did you mean "last"?' }))
})

test('windows have their bounds as namespaces', async () => {
  const windows: Program = (env) => {
    const rows = env
      .input('rows', SCHEMA)
      .uid('rows')
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at'))
    rows
      .keyBy('user')
      .window(TumblingEventTimeWindows.of(100))
      .apply(() => [])
      .uid('lists')
      .output('results')
    rows
      .keyBy('user')
      .window(TumblingEventTimeWindows.of(50))
      .aggregate({ all: sum('n') })
      .uid('sums')
      .output('results')
  }
  const savepoint = await Savepoint.read(await saved(runToCheckpoint(windows, { rows: { rows: ROWS } }).snapshot))
  const lists = await all(savepoint.state('lists', 'window-contents'))
  expect(sorted(lists)).toEqual(sorted(['u0', 'u1', 'u2'].map((user) => ({ key: user, namespace: [0, 100], value: of(user) }))))
  const slices = await all(savepoint.state('sums', 'slices'))
  expect(sorted(slices.map(({ key, namespace, value }) => [key, namespace, value instanceof Uint8Array]))).toEqual(
    sorted(['u0', 'u1', 'u2'].map((user) => [user, [0], true])),
  )
})

test('a job starts from a savepoint that was written by hand as from its own', async () => {
  const own = runToCheckpoint(keeper, { rows: { rows: ROWS } }).snapshot
  const writer = SavepointWriter.newSavepoint({ jobName: 'by hand' })
  const operator = writer.withOperator('keeper', { key: { user: t.string() } })
  for (const user of ['u0', 'u1', 'u2']) {
    const rows = of(user)
    const last = rows.at(-1)!
    operator
      .set(STATES.last, user, { n: -1, at: -1 })
      .set(STATES.last, user, { n: last.n, at: last.at })
      .set(
        STATES.seen,
        user,
        rows.map(({ n }) => n),
      )
      .set(STATES.parities, user, new Map(rows.map(({ n }): [string, bigint] => [n % 2 === 0 ? 'even' : 'odd', BigInt(n)])))
      .set(STATES.most, user, last.n)
      .set(STATES.mean, user, { all: rows.reduce((total, { n }) => total + n, 0), rows: rows.length })
    for (const { n } of rows) operator.registerEventTimeTimer(user, 1000 + n)
  }
  operator.setUnionListState(STATES.everywhere, ['here'])
  const folder = newFolder()
  await writer.write(folder)
  const { snapshot, metadata } = await readSavepoint(folder)
  expect(metadata.jobName).toBe('by hand')
  const more = ROWS.map((row) => ({ ...row, n: row.n + 100 }))
  const results = (restore: JobSnapshot, parallelism: number): string[] => sorted(runToEnd(keeper, { rows: { rows: more }, parallelism, restore }))
  const expected = results(own, 1)
  expect(expected.length).toBe(ROWS.length * 3)
  for (const parallelism of [1, 2, 3]) expect(results(snapshot, parallelism)).toEqual(expected)
})

test('a savepoint that exists is changed: operators removed, replaced and added', async () => {
  const folder = await saved(runToCheckpoint(keeper, { rows: { rows: ROWS } }).snapshot)
  const writer = await SavepointWriter.fromExistingSavepoint(folder)
  writer.withOperator('keeper', { key: { user: t.string() } }).set(STATES.seen, 'u0', [7])
  writer.withOperator('other', { key: 'any' }).set(valueState('x', t.int()), [1, 'a'], 5)
  writer
    .withOperator('broadcast')
    .setBroadcastState(mapState('rules', t.string(), t.int()), [['a', 1]])
    .setListState(listState('l', t.int()), [1, 2])
  const changed = newFolder()
  await writer.write(changed)
  const savepoint = await Savepoint.read(changed)
  expect(await all(savepoint.state('keeper', 'seen'))).toEqual([{ key: 'u0', namespace: undefined, value: [7] }])
  expect(await all(savepoint.state('other', 'x'))).toEqual([{ key: [1, 'a'], namespace: undefined, value: 5 }])
  expect(await all(savepoint.state('broadcast', 'rules'))).toEqual([{ key: 'a', namespace: undefined, value: 1 }])
  expect((await all(savepoint.state('broadcast', 'l'))).map(({ value }) => value)).toEqual([1, 2])
  const fewer = newFolder()
  await (await SavepointWriter.fromExistingSavepoint(changed)).removeOperator('keeper').write(fewer)
  expect((await Savepoint.read(fewer)).operators.map(({ uid }) => uid)).not.toContain('keeper')
})

test('the writer refuses what the job could not read', async () => {
  const writer = SavepointWriter.newSavepoint()
  const operator = writer.withOperator('a', { key: { user: t.int() } })
  const x = valueState('x', t.int())
  expect(() => operator.set(x, 'text', 1)).toThrow(expect.objectContaining({ code: 'VALUE_OUT_OF_TYPE' }))
  expect(() => operator.set(x, 1, 'text' as never)).toThrow(expect.objectContaining({ code: 'VALUE_OUT_OF_TYPE' }))
  operator.set(x, 1, 1)
  expect(() => operator.set(valueState('x', t.string()), 1, 'a')).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }))
  expect(() => writer.withOperator('a')).toThrow(expect.objectContaining({ code: 'DUPLICATE_UID' }))
  expect(() => writer.withOperator('b').set(x, 1, 1)).toThrow('the operator was given no key')
  expect(() => SavepointWriter.newSavepoint({ maxParallelism: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_PARALLELISM' }))
  expect(() => writer.removeOperator('z')).toThrow(expect.objectContaining({ code: 'UNKNOWN_STATE' }))
  const folder = newFolder()
  await writer.write(folder)
  await expect(writer.write(folder)).rejects.toMatchObject({ code: 'SAVEPOINT_EXISTS' })
})

test('a damaged savepoint and no savepoint are told apart', async () => {
  const folder = await saved(runToCheckpoint(keeper, { rows: { rows: ROWS } }).snapshot)
  const path = join(folder, 'state')
  expect(existsSync(path)).toBe(true)
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(path, bytes)
  await expect(Savepoint.read(folder)).rejects.toMatchObject({ code: 'SNAPSHOT_DAMAGED' })
  await expect(Savepoint.read(scratch)).rejects.toMatchObject({ code: 'NO_SAVEPOINT' })
})

const keys: readonly (readonly [DataType<unknown>, fc.Arbitrary<unknown>])[] = [
  [t.int(), fc.integer()],
  [t.bigint(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [t.safeInt(), fc.maxSafeInteger()],
  [t.double(), fc.double().filter((value) => !Object.is(value, -0))],
  [t.float(), fc.float().filter((value) => !Object.is(value, -0))],
  [t.boolean(), fc.boolean()],
  [t.string().nullable(), fc.option(fc.string({ unit: 'grapheme' }))],
  [t.bytes(), fc.uint8Array({ maxLength: 9 })],
  [t.decimal(12, 3), fc.bigInt({ min: -999_999_999_999n, max: 999_999_999_999n }).map((unscaled) => new Decimal(unscaled, 3))],
  [t.timestamp(3), fc.integer()],
  [t.timestamp(6), fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }).map((micros) => micros * 1000n)],
  [t.timestamp(9), fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n })],
]

test('a key of any type is found again from its bytes', () => {
  const pairs = keys.map(([type, values]) => values.map((value): [LogicalType, unknown] => [type.logical, value]))
  const row: LogicalType = { kind: 'ROW', nullable: false, fields: keys.map(([{ logical }], index) => ({ name: `c${index}`, type: logical })) }
  const rows = fc
    .tuple(...keys.map(([, values]) => values))
    .map((values): [LogicalType, unknown] => [row, Object.fromEntries(values.map((value, index) => [`c${index}`, value]))])
  fc.assert(
    fc.property(fc.oneof(...pairs, rows), ([type, value]) => {
      expect(keyValueOf(typedKeyBytes(value, type, 'keys'), type)).toEqual(value)
    }),
  )
})

test('what was in flight in a checkpoint stays with its operator, which cannot be left out or replaced then', async () => {
  const { snapshot } = runToCheckpoint(keeper, { rows: { rows: ROWS }, parallelism: 2 })
  const inFlight = new Map([[partId('keeper', 1), Uint8Array.of(3, 1, 4)]])
  const folder = await saved({ ...snapshot, inFlight })
  const copy = newFolder()
  await (await SavepointWriter.fromExistingSavepoint(folder)).write(copy)
  expect([...(await readSavepoint(copy)).snapshot.inFlight].map(([id, bytes]) => [id, [...bytes]])).toEqual([['keeper/1', [3, 1, 4]]])
  const refused = expect.objectContaining({ code: 'INVALID_STATE', message: expect.stringContaining('on their way') as string }) as Error
  await expect((await SavepointWriter.fromExistingSavepoint(folder)).removeOperator('keeper').write(newFolder())).rejects.toThrow(refused)
  const replaced = await SavepointWriter.fromExistingSavepoint(folder)
  replaced.withOperator('keeper', { key: { user: t.string() } })
  await expect(replaced.write(newFolder())).rejects.toThrow(refused)
})
