import { describe, expect, it } from 'vitest'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../../src/batch/types.ts'
import { EventTimeSessionWindows, TumblingEventTimeWindows } from '../../../../src/operator/window/assigners.ts'
import { type CoGroupFunction, CoGroupOperator, type CoGroupOptions, coGroupOfJoin } from '../../../../src/operator/window/co-group-operator.ts'
import { drive, type Driven, type Step, WAYS } from './drive.ts'

const LEFT = defineSchema({ id: t.safeInt(), name: t.string() }) as Schema
const RIGHT = defineSchema({ amount: t.double(), of: t.int() }) as Schema
interface Left {
  readonly id: number
  readonly name: string
}
interface Right {
  readonly amount: number
  readonly of: number
}

const left = (id: number, name: string, at: number): Step => ({ row: { id, name }, at })
const right = (of: number, amount: number, at: number): Step => ({ row: { amount, of }, at, input: 1 })
const wm = (watermark: number): Step => ({ watermark })
const END = wm(Infinity)

function run(steps: readonly Step[], options: Partial<CoGroupOptions> & Pick<CoGroupOptions, 'function'>): Driven {
  const create = (): CoGroupOperator =>
    new CoGroupOperator({
      left: { schema: LEFT, key: { kind: 'columns', columns: [0] } },
      right: { schema: RIGHT, key: { kind: 'columns', columns: [1] } },
      outputSchema: OBJECT_SCHEMA,
      assigner: TumblingEventTimeWindows.of(10),
      lateLeftOutput: { id: 'late-left', schema: LEFT },
      lateRightOutput: { id: 'late-right', schema: RIGHT },
      ...options,
    })
  const drives = WAYS.map(([, way]) => drive(create, steps, { schemas: [LEFT, RIGHT], sides: ['late-left', 'late-right'], ...way }))
  for (const driven of drives) expect(driven).toEqual(drives[0])
  expect(drives[0].leakedBytes).toBe(0)
  return drives[0]
}

const show: CoGroupFunction<Left, Right, string> = {
  coGroup: (first, second, out) => out.collect(`${first.map(({ name }) => name).join(',')}|${second.map(({ amount }) => amount).join(',')}`),
}
const steps = [
  left(1, 'a', 1),
  right(1, 10, 2),
  left(2, 'x', 3),
  right(1, 20, 4),
  left(1, 'b', 5),
  right(3, 7, 6),
  wm(5),
  right(1, 30, 12),
  wm(9),
  left(1, 'late', 9),
  right(2, 8, 0),
  END,
]
const rows = (driven: Driven): unknown[] => driven.rows.map(({ row }) => row)

describe('CoGroupOperator', () => {
  it('brings the records of a key and window together, one side empty or not', () => {
    const driven = run(steps, { function: show })
    expect(rows(driven)).toEqual(['a,b|10,20', 'x|', '|7', '|30'])
    expect(driven.rows.map(({ timestamp }) => timestamp)).toEqual([9, 9, 9, 19])
  })

  it('counts late records of both sides and sends them to their side outputs', () => {
    const driven = run(steps, { function: show })
    expect(driven.late).toBe(2)
    expect(driven.sides['late-left'].map(({ row }) => row)).toEqual([{ id: 1, name: 'late' }])
    expect(driven.sides['late-right'].map(({ row }) => row)).toEqual([{ amount: 8, of: 2 }])
  })

  it('joins: every pair of a window', () => {
    const join = coGroupOfJoin(({ name }: Left, { amount }: Right) => `${name}${amount}`)
    expect(rows(run(steps, { function: join }))).toEqual(['a10', 'a20', 'b10', 'b20'])
  })

  it('joins with a function that makes any number of records', () => {
    const join = coGroupOfJoin<Left, Right, string>({
      join({ name }, { amount }, out) {
        for (let n = 0; n < amount; n += 10) out.collect(name)
      },
    })
    expect(rows(run(steps, { function: join }))).toEqual(['a', 'a', 'a', 'b', 'b', 'b'])
  })

  it('fires again for late records within the allowed lateness', () => {
    expect(rows(run([left(1, 'a', 1), wm(9), right(1, 5, 2), END], { function: show, allowedLatenessMs: 3 }))).toEqual(['a|', 'a|5'])
  })

  it('merges sessions of both sides', () => {
    const driven = run([left(1, 'a', 0), right(1, 5, 16), left(1, 'b', 8), right(1, 6, 40), END], {
      function: show,
      assigner: EventTimeSessionWindows.withGap(10),
    })
    expect(rows(driven)).toEqual(['a,b|5', '|6'])
  })

  it('fires only when the watermark has reached the last millisecond of the window', () => {
    expect(rows(run([left(1, 'a', 1), wm(8), right(1, 5, 9), wm(9)], { function: show }))).toEqual(['a|5'])
  })
})
