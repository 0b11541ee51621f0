// What operators of SQL keep in columns, through checkpoints that hold only what changed: groups whose rows come and go, the rows of a side of a join, rows in
// an order, and the windows of a join, against tiny models. Whichever checkpoints are completed, a restore finds what was there.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { BarrierKind } from '../../src/batch/generated/barrier-kind.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../src/batch/batch-rows.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import type { Output } from '../../src/operator/operator.ts'
import type { BoundAggregate, BoundExpression } from '../../src/sql/bound-expression.ts'
import { planColumnAggregates } from '../../src/sql/runtime/column-aggregates.ts'
import { ColumnGroups } from '../../src/sql/runtime/column-groups.ts'
import { ColumnWindowJoinOperator } from '../../src/sql/runtime/column-window-join-operator.ts'
import { KeptSide } from '../../src/sql/runtime/kept-side.ts'
import { RankedRows } from '../../src/sql/runtime/ranked-rows.ts'
import type { SessionContext } from '../../src/sql/runtime/sql-operator.ts'
import { Checkpoints } from '../fixtures/checkpoints.ts'
import { testContext } from '../unit/connector/file-probe.ts'

const SCHEMA = defineSchema({ key: t.string().nullable(), value: t.int() })
const KEYS = ['a', 'b', 'c', 'a key that is too long for an entry of the table', null]
/** Stays, so that changes are few. */
const STILL = 40

const stepArbitrary = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'take' as const), key: fc.constantFrom(...KEYS), value: fc.nat(9) }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.boolean() }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('savepoint' as const) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
)
const stepsArbitrary = fc.array(stepArbitrary, { minLength: 10, maxLength: 60 })
/** Where a checkpoint may be written in pieces, between which many groups come and go. */
const piecesArbitrary = fc.array(
  fc.oneof(
    { arbitrary: stepArbitrary, weight: 11 },
    { arbitrary: fc.record({ kind: fc.constant('piece' as const), count: fc.integer({ min: 1, max: 20 }) }), weight: 4 },
    { arbitrary: fc.record({ kind: fc.constantFrom('add many' as const, 'take many' as const), from: fc.nat(400), count: fc.nat(200) }), weight: 1 },
  ),
  { minLength: 10, maxLength: 60 },
)

const SUM = {
  name: 'SUM',
  operands: [{ kind: 'column', index: 1, type: SCHEMA.fields[1].type, start: 0, end: 0 }],
  isDistinct: false,
  filter: undefined,
  ignoresNull: false,
  type: t.int().nullable().logical,
  start: 0,
  end: 0,
} as unknown as BoundAggregate
const GROUPS = { schema: SCHEMA, key: [0], plan: planColumnAggregates([SUM], () => 1, [{ name: 'sum', type: SUM.type }], true) }

test('groups whose rows come and go', () => {
  let incremental = 0
  let inPieces = 0
  const open = (): { readonly context: ReturnType<typeof testContext>; readonly groups: ColumnGroups } => {
    const context = testContext()
    return { context, groups: new ColumnGroups(context, GROUPS) }
  }
  fc.assert(
    fc.property(piecesArbitrary, fc.record({ pieceEntries: fc.constantFrom(1, 10, Infinity) }), (steps, options) => {
      let { context, groups } = open()
      let checkpoints = new Checkpoints(context.slab, undefined, options)
      let now = new Map<string | null, number>()
      let kept = new Map(now)
      const change = (key: string | null, value: number, kind: 0 | 3): void => {
        const { slab } = context
        const batch = batchFromObjects(slab, SCHEMA, [{ row: { key, value }, kind }])
        groups.find(batch, 0, 1)
        const { touched, count } = groups.touch(1)
        groups.fold(batch, 0, 1)
        const entry = slab.u32[touched >>> 2]
        if (groups.rowCountOf(entry) <= 0) groups.remove(touched, count)
        const rows = (now.get(key) ?? 0) + (kind === 0 ? 1 : -1)
        if (rows === 0) now.delete(key)
        else now.set(key, rows)
      }
      const still = (): void => {
        for (let index = 0; index < STILL; index++) if (!now.has(`still ${index}`)) change(`still ${index}`, 1, 0)
      }
      still()
      for (const step of steps) {
        if (step.kind === 'checkpoint') {
          const taken = new Map(now)
          checkpoints.take(
            (writer) => groups.snapshot(writer),
            step.isCompleted,
            undefined,
            () => (kept = taken),
          )
        } else if (step.kind === 'piece') {
          for (let count = 0; count < step.count; count++) checkpoints.writeOn()
        } else if ('from' in step) {
          for (let index = step.from; index < step.from + step.count; index++)
            if (step.kind === 'add many' || now.has(`of many ${index}`)) change(`of many ${index}`, 1, step.kind === 'add many' ? 0 : 3)
        } else if (step.kind === 'savepoint') checkpoints.take((writer) => groups.snapshot(writer), false, BarrierKind.SAVEPOINT)
        else if (step.kind === 'crash') {
          incremental += checkpoints.incremental
          inPieces += checkpoints.inPieces
          groups.free()
          ;({ context, groups } = open())
          checkpoints = new Checkpoints(context.slab, checkpoints, options)
          const reader = checkpoints.reader()
          if (reader !== undefined) groups.restore(reader)
          now = new Map(kept)
          expect(groups.count).toBe(now.size)
          for (const { entries, count } of groups.lists())
            for (let index = 0; index < count; index++) expect([...now.values()]).toContain(groups.rowCountOf(context.slab.u32[(entries >>> 2) + index]))
          for (const [key, rows] of [...now]) {
            const batch = batchFromObjects(context.slab, SCHEMA, [{ row: { key, value: 0 } }])
            const entry = context.slab.u32[groups.find(batch, 0, 1) >>> 2]
            expect(groups.rowCountOf(entry)).toBe(rows)
          }
          still()
        } else if (step.kind === 'add' || now.has(step.key)) change(step.key, step.value, step.kind === 'add' ? 0 : 3)
      }
      incremental += checkpoints.incremental
      inPieces += checkpoints.inPieces
      groups.free()
    }),
    { numRuns: 300 },
  )
  expect(incremental).toBeGreaterThan(50)
  expect(inPieces).toBeGreaterThan(0)
})

test('rows of a side of a join', () => {
  let incremental = 0
  const open = (): { readonly context: ReturnType<typeof testContext>; readonly side: KeptSide } => {
    const context = testContext()
    return { context, side: new KeptSide(context, SCHEMA, [0], { name: 'rows', kind: 'rows' }) }
  }
  fc.assert(
    fc.property(stepsArbitrary, (steps) => {
      let { context, side } = open()
      let checkpoints = new Checkpoints(context.slab)
      let now: (readonly [key: string | null, value: number])[] = []
      let kept = now
      const add = (rows: readonly (readonly [key: string | null, value: number])[]): void => {
        const { slab } = context
        const batch = batchFromObjects(
          slab,
          SCHEMA,
          rows.map(([key, value]) => ({ row: { key, value } })),
        )
        const scratch = slab.allocate(rows.length * 12)
        rows.forEach((_, index) => (slab.u32[(scratch >>> 2) + index] = index))
        side.add(batch, scratch, rows.length, side.keysOf(batch, scratch, rows.length), scratch + rows.length * 4)
        slab.free(scratch, rows.length * 12)
        now = [...now, ...rows]
      }
      /** The values of a key in the order in which they came. */
      const valuesOf = (key: string | null): number[] => {
        const { slab } = context
        const batch = batchFromObjects(slab, SCHEMA, [{ row: { key, value: 0 } }])
        const most = now.length + 1
        const scratch = slab.allocateZeroed(16 + most * 8)
        side.find(side.keysOf(batch, scratch, 1), scratch + 4)
        const [others, own] = [scratch + 16, scratch + 16 + most * 4]
        const count = side.pairs(scratch + 4, 1, scratch, scratch + 8, others, own, most)
        const found = batchFromObjects(slab, SCHEMA, [])
        for (const column of found.columns) column.clear()
        side.read(own, count, found.columns, 0)
        const values = Array.from({ length: count }, (_, index) => slab.i32[(found.columns[1].values >>> 2) + index])
        slab.free(scratch, 16 + most * 8)
        return values
      }
      add(Array.from({ length: STILL }, (_, index) => [`still ${index}`, index] as const))
      for (const step of steps) {
        if (step.kind === 'checkpoint') {
          checkpoints.take((writer) => side.snapshot(writer), step.isCompleted)
          if (step.isCompleted) kept = now
        } else if (step.kind === 'savepoint') checkpoints.take((writer) => side.snapshot(writer), false, BarrierKind.SAVEPOINT)
        else if (step.kind === 'crash') {
          incremental += checkpoints.incremental
          side.free()
          ;({ context, side } = open())
          checkpoints = new Checkpoints(context.slab, checkpoints)
          const reader = checkpoints.reader()
          if (reader !== undefined) side.restore(reader)
          now = kept
          for (const key of [...KEYS, 'still 0', 'still 39']) expect(valuesOf(key)).toEqual(now.flatMap(([other, value]) => (other === key ? [value] : [])))
        } else add([[step.key, step.value]])
      }
      incremental += checkpoints.incremental
      side.free()
    }),
    { numRuns: 150 },
  )
  expect(incremental).toBeGreaterThan(50)
})

test('rows in an order', () => {
  type Row = readonly [key: string | null, value: number]
  let changes = 0
  const open = (): { readonly context: ReturnType<typeof testContext>; readonly ranked: RankedRows } => {
    const context = testContext()
    const order = [{ column: 1, descending: true, nullsFirst: false }]
    return { context, ranked: new RankedRows(context, { schema: SCHEMA, key: [0], identity: [1, 0], replaces: false, order }, 3) }
  }
  fc.assert(
    fc.property(stepsArbitrary, (steps) => {
      let { context, ranked } = open()
      let checkpoints = new Checkpoints(context.slab)
      let now: readonly Row[] = []
      let kept = now
      /** The values of a key, the greatest first. */
      const valuesOf = (key: string | null): number[] => now.flatMap((row) => (row[0] === key ? [row[1]] : [])).toSorted((one, other) => other - one)
      const found = (partition: number): number[] => {
        const { slab } = context
        const rows = new Uint32Array(100)
        const count = ranked.listFirst(partition, 100, rows, 0)
        const list = slab.allocate(400)
        slab.u32.set(rows, list >>> 2)
        const { columns } = batchFromObjects(slab, SCHEMA, [])
        for (const column of columns) column.clear()
        ranked.gather(list, count, columns, 0)
        slab.free(list, 400)
        return Array.from({ length: count }, (_, index) => slab.i32[(columns[1].values >>> 2) + index])
      }
      const change = (key: string | null, value: number, kind: 0 | 3): void => {
        const before: number[][] = []
        ranked.take(batchFromObjects(context.slab, SCHEMA, [{ row: { key, value }, kind }]), 0, 1, (partition) => before.push(found(partition)))
        expect(before).toEqual([valuesOf(key)])
        const at = now.findIndex((row) => row[0] === key && row[1] === value)
        if (kind === 0) now = [...now, [key, value]]
        else if (at >= 0) now = now.toSpliced(at, 1)
        expect(found(ranked.touched[0])).toEqual(valuesOf(key))
        ranked.endStep()
        expect(ranked.count).toBe(now.length)
        changes++
      }
      for (const step of steps) {
        if (step.kind === 'checkpoint') {
          checkpoints.take((writer) => ranked.snapshot(writer), step.isCompleted)
          if (step.isCompleted) kept = now
        } else if (step.kind === 'savepoint') checkpoints.take((writer) => ranked.snapshot(writer), false, BarrierKind.SAVEPOINT)
        else if (step.kind === 'crash') {
          ranked.free()
          ;({ context, ranked } = open())
          checkpoints = new Checkpoints(context.slab, checkpoints)
          const reader = checkpoints.reader()
          if (reader !== undefined) ranked.restore(reader)
          now = kept
          expect(ranked.count).toBe(now.length)
        } else change(step.key, step.value % 4, step.kind === 'add' ? 0 : 3)
      }
      ranked.free()
    }),
    { numRuns: 150 },
  )
  expect(changes).toBeGreaterThan(1000)
})

const IN_WINDOWS = defineSchema({ key: t.string().nullable(), value: t.int(), end: t.timestamp() })
const PAIRS = defineSchema({
  key: t.string().nullable(),
  value: t.int(),
  end: t.timestamp(),
  key2: t.string().nullable(),
  value2: t.int(),
  end2: t.timestamp(),
})
const WINDOW_MS = 10

const windowStepArbitrary = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('rows' as const),
      input: fc.constantFrom(0 as const, 1 as const),
      keys: fc.array(fc.constantFrom(...KEYS)),
      ahead: fc.nat(2),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('watermark' as const), byMs: fc.nat(15) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.boolean() }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
)

interface WindowRow {
  readonly key: string | null
  readonly value: number
  readonly end: number
}

test('windows of a join', () => {
  let incremental = 0
  let told: string[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (batch) => void told.push(...batchToObjects(batch).map(({ row }) => JSON.stringify(Object.values(row as object)))),
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  const input = { schema: IN_WINDOWS, key: [2, 0], width: 3 }
  const place = (index: number): BoundExpression => ({ kind: 'column', index, type: PAIRS.fields[index].type, start: 0, end: 0 })
  // The value of the left row is less than that of the right one.
  const type = { kind: 'BOOLEAN', nullable: true } as const
  const isLess: BoundExpression = { kind: 'call', name: '<', operands: [place(1), place(4)], clauses: [], type, start: 0, end: 0 }
  const session = { timeZone: 'UTC', nowMs: () => 0 } as unknown as SessionContext
  const open = (condition: BoundExpression | undefined) => {
    const context = testContext()
    const windows = { kind: 'tumbling', sizeMs: WINDOW_MS, offsetMs: 0 } as const
    const spec = { inputs: [input, input], outputSchema: PAIRS, refusesNull: [true, true], condition, ends: [2, 2], windows } as const
    const join = new ColumnWindowJoinOperator(spec, session, 3)
    join.open(context)
    return { context, join }
  }
  fc.assert(
    fc.property(fc.array(windowStepArbitrary, { minLength: 10, maxLength: 60 }), fc.constantFrom(undefined, isLess), (steps, condition) => {
      let { context, join } = open(condition)
      let checkpoints = new Checkpoints(context.slab)
      let now = { watermarkMs: 0, sides: [[], []] as readonly (readonly WindowRow[])[] }
      let kept = now
      let value = 0
      expect(join.advance(0, output)).toBe(true)
      for (const step of steps) {
        if (step.kind === 'checkpoint') {
          checkpoints.take((writer) => join.snapshot(writer), step.isCompleted)
          if (step.isCompleted) kept = now
        } else if (step.kind === 'crash') {
          incremental += checkpoints.incremental
          join.close()
          ;({ context, join } = open(condition))
          checkpoints = new Checkpoints(context.slab, checkpoints)
          const reader = checkpoints.reader()
          if (reader !== undefined) join.restore(reader)
          now = kept
          expect(join.advance(now.watermarkMs, output)).toBe(true)
        } else if (step.kind === 'rows') {
          const first = Math.floor((now.watermarkMs + 1) / WINDOW_MS) + 1
          const rows = step.keys.map((key, index): WindowRow => ({ key, value: value++, end: (first + ((step.ahead + index) % 3)) * WINDOW_MS }))
          const batch = batchFromObjects(
            context.slab,
            IN_WINDOWS,
            rows.map((row) => ({ row })),
          )
          expect(join.processBatch(batch, output, step.input)).toBe(true)
          freeBatch(batch)
          now = { ...now, sides: now.sides.map((side, index) => (index === step.input ? [...side, ...rows] : side)) }
        } else {
          const watermarkMs = now.watermarkMs + step.byMs
          const isOver = ({ end }: WindowRow): boolean => end - 1 <= watermarkMs
          const [left, right] = now.sides.map((side) => side.filter(isOver))
          const expected = left.flatMap((one) =>
            right
              .filter(({ key, value, end }) => one.key !== null && key === one.key && end === one.end && (condition === undefined || one.value < value))
              .map((other) => JSON.stringify([...Object.values(one), ...Object.values(other)])),
          )
          told = []
          while (!join.advance(watermarkMs, output));
          expect(told.toSorted()).toEqual(expected.toSorted())
          now = { watermarkMs, sides: now.sides.map((side) => side.filter((row) => !isOver(row))) }
        }
      }
      incremental += checkpoints.incremental
      join.close()
    }),
    { numRuns: 150 },
  )
  expect(incremental).toBeGreaterThan(50)
})
