// The columnar windows under the harness: every shape and key, all built-in aggregates, late records to a side output.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keyBytesOf } from '../../../../src/base/key-bytes.ts'
import { keyGroupOf, subtaskOfKeyGroup } from '../../../../src/base/key-groups.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../../src/batch/batch-rows.ts'
import { WATERMARK_MAX } from '../../../../src/batch/crossings.ts'
import type { Output } from '../../../../src/operator/operator.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'
import { testContext } from '../../connector/file-probe.ts'
import { Random } from '../../../../src/base/random.ts'
import type { KeySpec } from '../../../../src/batch/key-spec.ts'
import { Decimal, defineSchema, type Schema, t } from '../../../../src/batch/types.ts'
import { type Aggregates, avg, count, countDistinct, first, last, max, min, sum, topN } from '../../../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../../../src/operator/window/slice-window-operator.ts'
import type { AlignedWindows } from '../../../../src/operator/window/slices.ts'
import { type HarnessOptions, type HarnessStep, runOperatorHarness } from '../../../../src/testing/operator-harness.ts'

interface Row {
  readonly key: string | null
  readonly id: number
  readonly value: number | null
  readonly price: number
  readonly note: string | null
  readonly amount: Decimal | null
}

const SCHEMA = defineSchema({
  key: t.string().nullable(),
  id: t.int(),
  value: t.int().nullable(),
  price: t.double(),
  note: t.string().nullable(),
  amount: t.decimal(20, 2).nullable(),
}) as Schema

const WINDOWS: Record<string, AlignedWindows> = {
  tumbling: { kind: 'tumbling', sizeMs: 10, offsetMs: 3 },
  sliding: { kind: 'sliding', sizeMs: 25, slideMs: 10, offsetMs: 0 },
  'sliding with gaps': { kind: 'sliding', sizeMs: 5, slideMs: 20, offsetMs: 0 },
  cumulative: { kind: 'cumulative', sizeMs: 40, stepMs: 10, offsetMs: 0 },
}

const KEYS: Record<string, { readonly key: KeySpec; readonly fn?: (row: never) => string }> = {
  'a nullable text': { key: { kind: 'columns', columns: [0] } },
  'an integer': { key: { kind: 'columns', columns: [1] } },
  'two columns': { key: { kind: 'columns', columns: [1, 0] } },
  'no column': { key: { kind: 'columns', columns: [] } },
  'a key function': { key: { kind: 'encoded', column: SCHEMA.fields.length }, fn: (row: Row) => `a key longer than an entry has room for ${row.key}` },
}

function stream(seed: number): HarnessStep[] {
  const random = new Random(seed)
  const steps: HarnessStep[] = []
  let time = 100
  for (let index = 0; index < 70; index++) {
    time += random.integer(4)
    const timestamp = Math.max(0, time - random.integer(random.integer(6) === 0 ? 60 : 6))
    const row: Row = {
      key: ['a', 'bé', null][random.integer(3)],
      id: random.integer(3),
      value: random.integer(5) === 0 ? null : random.integer(4),
      price: [0, -0, 1.5, NaN][random.integer(4)],
      note: [null, 'b', 'a text longer than eight bytes', 'a text longer than eight', ''][random.integer(5)],
      amount: random.integer(4) === 0 ? null : new Decimal(BigInt(random.integer(500) - 250) * 10n ** 15n, 2),
    }
    steps.push({ row, timestamp })
    if (random.integer(4) === 0) steps.push({ watermark: time - 6 })
  }
  return steps
}

describe.each(Object.keys(WINDOWS))('%s windows in columns', (shape) => {
  test.each(Object.keys(KEYS))('by %s answer the same however they are run, and tell late records', (name) => {
    const { key, fn } = KEYS[name]
    const options: HarnessOptions = {
      create: () =>
        new SliceWindowOperator({
          inputSchema: SCHEMA,
          key,
          windows: WINDOWS[shape],
          aggregates: {
            rows: count(),
            values: count('value'),
            total: sum('value'),
            least: min('value'),
            most: max('price'),
            mean: avg('price'),
            earliest: first('value'),
            latest: last('value'),
            different: countDistinct('value'),
            prices: countDistinct('price'),
            texts: countDistinct('key'),
            leastNote: min('note'),
            lastNote: last('note'),
            meanAmount: avg('amount'),
            mostAmount: max('amount'),
            top: topN(3, 'amount', { columns: ['note', 'id'] }),
          },
          lateOutput: 'late',
        }),
      inputs: [{ schema: SCHEMA, ...(fn !== undefined && { key: fn }) }],
      sides: ['late'],
      steps: stream(5),
      keyOf: (row: Row) => (fn === undefined ? `${row.key} ${row.id}` : row.key!),
    }
    const { rows, sides } = runOperatorHarness(options)
    expect(rows.length).toBeGreaterThan(0)
    expect(sides.get('late')!.some((event) => 'row' in event)).toBe(true)
    for (const { row } of rows as readonly { readonly row: { readonly rows: number; readonly different: number; readonly prices: number } }[]) {
      expect(row.different).toBeLessThanOrEqual(Math.min(4, row.rows))
      // 0 and -0 are one value, as are all NaN.
      expect(row.prices).toBeLessThanOrEqual(3)
    }
  })
})

test.each([1, 2, 3])('windows in columns are dealt to %i subtasks with the different values of their keys', (parallelism) => {
  const context = testContext()
  const bytesBefore = context.slab.allocatedBytes
  const create = (): SliceWindowOperator =>
    new SliceWindowOperator({
      inputSchema: SCHEMA,
      key: { kind: 'columns', columns: [0] },
      windows: { kind: 'sliding', sizeMs: 20, slideMs: 10, offsetMs: 0 },
      aggregates: { rows: count(), ids: countDistinct('id'), values: countDistinct('value'), note: max('note') },
      lateOutput: undefined,
    })
  const rows = Array.from({ length: 900 }, (_, index) => ({
    row: { key: `key ${index % 60}`, id: index % 7, value: index % 5 === 0 ? null : index % 90, price: 0, note: `note ${index}`, amount: null },
    timestamp: index % 40,
  }))
  const expected = new Map<string, { rows: number; ids: Set<number>; values: Set<number>; note: string }>()
  for (const { row, timestamp } of rows)
    for (const end of [10, 20, 30, 40, 50])
      if (timestamp < end && timestamp >= end - 20) {
        const group = expected.get(`${row.key} ${end}`) ?? { rows: 0, ids: new Set(), values: new Set(), note: '' }
        expected.set(`${row.key} ${end}`, group)
        group.rows++
        if (row.note > group.note) group.note = row.note
        group.ids.add(row.id)
        if (row.value !== null) group.values.add(row.value)
      }
  const snapshot = new MemorySnapshot()
  const whole = create()
  whole.open(context)
  const batch = batchFromObjects(context.slab, SCHEMA, rows)
  expect(whole.processBatch(batch, undefined as never)).toBe(true)
  whole.snapshot(snapshot)
  whole.close()
  freeBatch(batch)
  const results: string[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (emitted) =>
      void results.push(
        ...batchToObjects(emitted).map(({ row }) => {
          const result = row as { key: string; windowEnd: number; rows: number; ids: number; values: number; note: string }
          return `${result.key} ${result.windowEnd}: ${result.rows} ${result.ids} ${result.values} ${result.note}`
        }),
      ),
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  for (let subtaskIndex = 0; subtaskIndex < parallelism; subtaskIndex++) {
    const part = create()
    part.open({ ...context, subtaskIndex, parallelism })
    part.restore(snapshot.reader(subtaskIndex, parallelism))
    expect(part.advance(WATERMARK_MAX, output)).toBe(true)
    part.close()
  }
  expect(results.toSorted()).toEqual(
    [...expected].map(([key, group]) => `${key}: ${group.rows} ${group.ids.size} ${group.values.size} ${group.note}`).toSorted(),
  )
  expect(context.slab.allocatedBytes).toBe(bytesBefore)
})

/** Sliding windows over many keys, in batches, with a watermark behind each; the results, and the most that the slab has held. */
function slide(aggregates: Aggregates, settings: Record<string, string>): { results: Map<string, string>; bytesMost: number; leakedBytes: number } {
  const base = testContext()
  const { slab } = base
  const bytesBefore = slab.allocatedBytes
  const operator = new SliceWindowOperator({
    inputSchema: SCHEMA,
    key: { kind: 'columns', columns: [1] },
    windows: { kind: 'sliding', sizeMs: 300, slideMs: 100, offsetMs: 0 },
    aggregates,
    lateOutput: undefined,
  })
  operator.open({ ...base, option: (key) => settings[key] })
  const results = new Map<string, string>()
  let bytesMost = 0
  const output: Output = {
    hasCapacity: () => true,
    emit: (emitted) => {
      bytesMost = Math.max(bytesMost, slab.allocatedBytes)
      for (const { row, timestamp } of batchToObjects(emitted)) {
        const { id, ...rest } = row as { id: number }
        const name = `${id} ${timestamp}`
        results.set(name, results.has(name) ? 'twice' : JSON.stringify(rest))
      }
    },
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  for (let index = 0; index < 36; index++) {
    const rows = Array.from({ length: 3000 }, (_, row) => ({
      row: { key: null, id: (row * 7 + index * 1009) % 20_011, value: row % 100, price: index, note: `${'note '.repeat(row % 7)}${index}`, amount: null },
      timestamp: index * 20 + (row % 20),
    }))
    const batch = batchFromObjects(slab, SCHEMA, rows)
    while (!operator.processBatch(batch, output));
    freeBatch(batch)
    bytesMost = Math.max(bytesMost, slab.allocatedBytes)
    while (!operator.advance(index === 35 ? WATERMARK_MAX : index * 20 - 20, output));
  }
  operator.close()
  return { results, bytesMost: bytesMost - bytesBefore, leakedBytes: slab.allocatedBytes - bytesBefore }
}

test.each([
  { name: 'numbers', aggregates: { rows: count(), total: sum('value'), mean: avg('price'), most: max('value') }, least: 8_000_000, most: 3_000_000 },
  {
    name: 'rows that are kept',
    aggregates: { last: last('note'), least: min('note'), top: topN(2, 'value', { columns: ['note', 'price'] }) },
    least: 20_000_000,
    most: 5_000_000,
  },
  { name: 'different values', aggregates: { rows: count(), notes: countDistinct('note'), values: countDistinct('value') }, least: 20_000_000, most: 5_000_000 },
])('windows of more keys than fit into memory fire by ranges of them, and answer the same: $name', ({ aggregates, least, most }) => {
  const inMemory = slide(aggregates, {})
  const cached = slide(aggregates, {
    'state.backend.type': 'lmdb',
    'state.backend.lmdb.dir': join(tmpdir(), 'millrace-tests'),
    'state.backend.lmdb.cache-size': '200000',
  })
  expect(inMemory.results.size).toBeGreaterThan(50_000)
  expect([...cached.results].filter(([name, result]) => inMemory.results.get(name) !== result)).toEqual([])
  expect(cached.results.size).toBe(inMemory.results.size)
  expect([inMemory.leakedBytes, cached.leakedBytes]).toEqual([0, 0])
  // Rounded up to powers of two, beside the batch, the columns of results and tables that grow to twice what they hold.
  expect(inMemory.bytesMost).toBeGreaterThan(least)
  expect(cached.bytesMost).toBeLessThan(most)
})

test('what windows keep that get no rows any more leaves memory too', () => {
  const bytesOf = (aggregates: Aggregates): number => {
    const base = testContext()
    const { slab } = base
    const operator = new SliceWindowOperator({
      inputSchema: SCHEMA,
      key: { kind: 'columns', columns: [1] },
      windows: { kind: 'tumbling', sizeMs: 100, offsetMs: 0 },
      aggregates,
      lateOutput: undefined,
    })
    const settings = new Map([
      ['state.backend.type', 'lmdb'],
      ['state.backend.lmdb.dir', join(tmpdir(), 'millrace-tests')],
      ['state.backend.lmdb.cache-size', '200000'],
    ])
    operator.open({ ...base, option: (key) => settings.get(key) })
    const before = slab.allocatedBytes
    // One window behind the other, with notes of a hundred bytes, and none of them ends.
    for (let window = 0; window < 12; window++) {
      const rows = Array.from({ length: 6000 }, (_, id) => ({
        row: { key: null, id, value: 1, price: 1, note: 'x'.repeat(100), amount: null },
        timestamp: window * 100,
      }))
      const batch = batchFromObjects(slab, SCHEMA, rows)
      while (!operator.processBatch(batch, undefined as never));
      freeBatch(batch)
    }
    const bytes = slab.allocatedBytes - before
    operator.close()
    return bytes
  }
  expect(bytesOf({ last: last('note') })).toBeLessThan(bytesOf({ rows: count() }) + 1_500_000)
})

/** One subtask of sliding windows of processing time, and what it has told: "key end: rows". */
function onTheClock(windows: AlignedWindows, subtaskIndex = 0, parallelism = 1) {
  const context = testContext()
  const told: string[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (emitted) =>
      void told.push(
        ...batchToObjects(emitted).map(({ row }) => {
          const { key, windowEnd, rows } = row as { key: string; windowEnd: number; rows: number }
          return `${key} ${windowEnd}: ${rows}`
        }),
      ),
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  const operator = new SliceWindowOperator({
    inputSchema: SCHEMA,
    key: { kind: 'columns', columns: [0] },
    windows,
    aggregates: { rows: count() },
    times: { localOf: (instantMs) => instantMs, firesAt: (endMs) => endMs - 1 },
    lateOutput: undefined,
  })
  operator.open({ ...context, subtaskIndex, parallelism })
  return {
    operator,
    told,
    /** What a subtask does when time has come so far: timers first, which are those of the milliseconds that are over. */
    at(nowMs: number, keys: readonly string[] = []): void {
      context.clock.setMs(nowMs)
      if (operator.nextProcessingTimeMs() <= nowMs) while (!operator.fireTimers(nowMs - 1, output));
      const own = keys.filter((key) => subtaskOfKeyGroup(keyGroupOf(keyBytesOf(key), 128), parallelism, 128) === subtaskIndex)
      const batch = batchFromObjects(
        context.slab,
        SCHEMA,
        own.map((key) => ({ row: { key, id: 0, value: null, price: 0, note: null, amount: null } })),
      )
      expect(operator.processBatch(batch, output)).toBe(true)
      freeBatch(batch)
    },
  }
}

const KEYS_ON_THE_CLOCK = Array.from({ length: 20 }, (_, index) => `key ${index}`)

test.each([1, 3])('windows of processing time are told once of each key, whose parts had come differently far: to %i subtasks', (parallelism) => {
  const windows: AlignedWindows = { kind: 'sliding', sizeMs: 30, slideMs: 10, offsetMs: 0 }
  const whole = onTheClock(windows)
  const parts = [0, 1].map((index) => onTheClock(windows, index, 2))
  for (const one of [whole, ...parts]) for (const nowMs of [3, 13, 29]) one.at(nowMs, KEYS_ON_THE_CLOCK)
  // One of them has seen windows end, the other not yet.
  parts[1].at(35)
  const snapshot = new MemorySnapshot()
  for (const { operator } of parts) operator.snapshot(snapshot)
  const fresh = Array.from({ length: parallelism }, (_, index) => onTheClock(windows, index, parallelism))
  for (const [index, { operator }] of fresh.entries()) operator.restore(snapshot.reader(index, parallelism))
  // And once more, before all have come as far as the first.
  const again = new MemorySnapshot()
  for (const { operator } of fresh) operator.snapshot(again)
  const last = Array.from({ length: 2 }, (_, index) => onTheClock(windows, index, 2))
  for (const [index, { operator }] of last.entries()) operator.restore(again.reader(index, 2))
  for (const one of [whole, ...last]) {
    one.at(36, KEYS_ON_THE_CLOCK)
    one.at(200)
    expect(one.operator.nextProcessingTimeMs()).toBe(Infinity)
  }
  expect(whole.told.length).toBe(6 * KEYS_ON_THE_CLOCK.length)
  expect([...parts, ...last].flatMap(({ told }) => told).toSorted()).toEqual(whole.told.toSorted())
  for (const { operator } of [whole, ...parts, ...fresh, ...last]) operator.close()
})

test('a clock that is set back comes to windows again, which are told again', () => {
  const { operator, told, at } = onTheClock({ kind: 'tumbling', sizeMs: 10, offsetMs: 0 })
  at(5, ['a', 'a', 'b'])
  at(12, ['a'])
  at(7, ['b'])
  at(9)
  expect(told.splice(0).toSorted()).toEqual(['a 10: 2', 'b 10: 1'])
  at(10)
  expect(told.splice(0)).toEqual(['b 10: 1'])
  at(20)
  expect(told).toEqual(['a 20: 1'])
  operator.close()
})

test('records between two windows of processing time are counted', () => {
  const { operator, told, at } = onTheClock({ kind: 'sliding', sizeMs: 5, slideMs: 20, offsetMs: 0 })
  at(3, ['a'])
  at(6, ['a', 'b'])
  at(60)
  expect(told).toEqual(['a 5: 1'])
  operator.close()
})
