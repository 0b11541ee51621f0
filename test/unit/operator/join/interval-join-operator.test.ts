import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PlanError, UserFunctionError } from '../../../../src/base/errors.ts'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../../src/batch/types.ts'
import { IntervalJoinOperator, type IntervalJoinOptions, type ProcessJoinFunction } from '../../../../src/operator/join/interval-join-operator.ts'
import { drive, type Driven, type Step, WAYS } from '../window/drive.ts'

const ROWS = defineSchema({ key: t.string(), name: t.string() }) as Schema
interface Row {
  readonly key: string
  readonly name: string
}
const INPUT = { schema: ROWS, key: { kind: 'columns', columns: [0] } } as const

const pair: ProcessJoinFunction<Row, Row, string> = {
  processElement: (left, right, context, out) => out.collect(`${left.key} ${left.name}@${context.leftTimestamp()} ${right.name}@${context.rightTimestamp()}`),
}
const l = (name: string, at: number, key: string = 'k'): Step => ({ row: { key, name }, at })
const r = (name: string, at: number, key: string = 'k'): Step => ({ row: { key, name }, at, input: 1 })
const wm = (watermark: number): Step => ({ watermark })

function operator(options: Partial<IntervalJoinOptions>): IntervalJoinOperator {
  return new IntervalJoinOperator({
    left: INPUT,
    right: INPUT,
    outputSchema: OBJECT_SCHEMA,
    lowerBoundMs: -1,
    upperBoundMs: 1,
    function: pair,
    lateLeftOutput: { id: 'late-left', schema: ROWS },
    lateRightOutput: { id: 'late-right', schema: ROWS },
    ...options,
  })
}

function run(steps: readonly Step[], options: Partial<IntervalJoinOptions> = {}): Driven {
  const drives = WAYS.map(([, way]) => drive(() => operator(options), steps, { schemas: [ROWS, ROWS], sides: ['late-left', 'late-right', 'side'], ...way }))
  for (const driven of drives) expect(driven).toEqual(drives[0])
  expect(drives[0].leakedBytes).toBe(0)
  return drives[0]
}
const rows = (driven: Driven): string[] => driven.rows.map(({ row }) => row as string)

describe('IntervalJoinOperator', () => {
  it('pairs records of a key whose times lie within the bounds, both ends included', () => {
    const driven = run([l('a', 10), r('x', 8), r('y', 9), r('z', 11), r('o', 12), r('other', 10, 'j')])
    expect(rows(driven)).toEqual(['k a@10 y@9', 'k a@10 z@11'])
    expect(driven.rows.map(({ timestamp }) => timestamp)).toEqual([10, 11])
  })

  it('leaves exclusive ends out', () => {
    const steps = [r('x', 9), r('y', 10), r('z', 11), l('a', 10)]
    expect(rows(run(steps, { lowerBoundExclusive: true }))).toEqual(['k a@10 y@10', 'k a@10 z@11'])
    expect(rows(run(steps, { upperBoundExclusive: true }))).toEqual(['k a@10 x@9', 'k a@10 y@10'])
    expect(rows(run(steps, { lowerBoundExclusive: true, upperBoundExclusive: true }))).toEqual(['k a@10 y@10'])
  })

  it('takes bounds on one side of the record', () => {
    expect(rows(run([l('a', 10), r('x', 11), r('y', 13), r('z', 15), wm(13), l('b', 13)], { lowerBoundMs: 2, upperBoundMs: 5 }))).toEqual([
      'k a@10 y@13',
      'k a@10 z@15',
      'k b@13 z@15',
    ])
    expect(rows(run([r('x', 5), l('a', 10), wm(10), r('y', 10), l('b', 14)], { lowerBoundMs: -5, upperBoundMs: -4 }))).toEqual(['k a@10 x@5', 'k b@14 y@10'])
  })

  it('refuses an empty interval', () => {
    expect(() => operator({ lowerBoundMs: 2, upperBoundMs: 1 })).toThrow(PlanError)
    expect(() => operator({ lowerBoundMs: 1, upperBoundMs: 1, upperBoundExclusive: true })).toThrow('lowerBound <= upperBound')
  })

  it('counts records behind the watermark and sends them to the side output of their side', () => {
    const driven = run([l('a', 10), wm(10), r('x', 9), l('b', 9), r('y', 10)])
    expect(rows(driven)).toEqual(['k a@10 y@10'])
    expect(driven.late).toBe(2)
    expect(driven.sides['late-left'].map(({ row }) => row)).toEqual([{ key: 'k', name: 'b' }])
    expect(driven.sides['late-right'].map(({ row }) => row)).toEqual([{ key: 'k', name: 'x' }])
  })

  it('refuses records without a timestamp', () => {
    expect(() => run([{ row: { key: 'k', name: 'a' } }])).toThrow(UserFunctionError)
  })

  it('sends records to a side output with the time of the pair', () => {
    const fn: ProcessJoinFunction<Row, Row, string> = {
      processElement: (left, right, context) => context.output({ id: 'side', schema: OBJECT_SCHEMA }, left.name + right.name),
    }
    expect(run([l('a', 10), r('x', 11)], { function: fn }).sides['side'].map(({ row, timestamp }) => [row, timestamp])).toEqual([['ax', 11]])
  })

  it('pairs what a plain model pairs: two lists, expiry at each watermark', () => {
    const steps = fc.array(
      fc.record({ input: fc.integer({ min: 0, max: 1 }), at: fc.integer({ min: 0, max: 30 }), key: fc.constantFrom('a', 'b'), isWatermark: fc.boolean() }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 5 }), (list, lower, length, way) => {
        const upper = lower + length
        const keepMs = [Math.max(upper, 0), Math.max(-lower, 0)]
        let watermark = -Infinity
        let late = 0
        const input: Step[] = []
        const expected: string[] = []
        const buffers: { readonly key: string; readonly name: string; readonly at: number }[][] = [[], []]
        // Time mostly moves on: what is written is an offset to the number of the step.
        list.forEach(({ input: side, at: offset, key, isWatermark }, index) => {
          const at = index + offset - 15
          if (isWatermark) {
            if (at <= watermark) return
            input.push(wm((watermark = at)))
            for (const s of [0, 1]) buffers[s] = buffers[s].filter((waiting) => waiting.at + keepMs[s] > watermark)
            return
          }
          const record = { key, name: `${index}`, at }
          input.push(side === 0 ? l(record.name, at, key) : r(record.name, at, key))
          if (at < watermark) return void late++
          for (const other of buffers[1 - side]) {
            const [left, right] = side === 0 ? [record, other] : [other, record]
            if (left.key === right.key && right.at >= left.at + lower && right.at <= left.at + upper)
              expected.push(`${key} ${left.name}@${left.at} ${right.name}@${right.at}`)
          }
          buffers[side].push(record)
        })
        const driven = drive(() => operator({ lowerBoundMs: lower, upperBoundMs: upper }), input, { schemas: [ROWS, ROWS], ...WAYS[way][1] })
        expect(rows(driven).toSorted()).toEqual(expected.toSorted())
        expect(driven.late).toBe(late)
        expect(drive(() => operator({ lowerBoundMs: lower, upperBoundMs: upper }), [...input, wm(Infinity)], { schemas: [ROWS, ROWS] }).held).toBe(0)
        expect(driven.leakedBytes).toBe(0)
      }),
      { numRuns: 400 },
    )
  })
})
