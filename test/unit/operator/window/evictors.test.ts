import { describe, expect, it } from 'vitest'
import { PlanError } from '../../../../src/base/errors.ts'
import { CountEvictor, DeltaEvictor, type Evictor, TimeEvictor } from '../../../../src/operator/window/evictors.ts'
import { GlobalWindow, type Window } from '../../../../src/operator/window/window.ts'

const context = { currentProcessingTime: () => 0, currentWatermark: () => -Infinity }
const elements = (values: readonly number[]) => values.map((value) => ({ value, timestamp: value }))
const before = (evictor: Evictor<number, Window>, values: readonly number[]) =>
  evictor.evictBefore(elements(values), GlobalWindow.get(), context).map(({ value }) => value)
const after = (evictor: Evictor<number, Window>, values: readonly number[]) =>
  evictor.evictAfter(elements(values), GlobalWindow.get(), context).map(({ value }) => value)

describe('evictors', () => {
  it('CountEvictor keeps the last records', () => {
    expect(before(CountEvictor.of(2), [1, 2, 3])).toEqual([2, 3])
    expect(before(CountEvictor.of(3), [1, 2, 3])).toEqual([1, 2, 3])
    expect(before(CountEvictor.of(0), [1])).toEqual([])
    expect(() => CountEvictor.of(-1)).toThrow(PlanError)
  })

  it('TimeEvictor keeps records younger than its span, counted from the newest', () => {
    expect(before(TimeEvictor.of(10), [5, 20, 10, 11])).toEqual([20, 11])
    const untimed = [{ value: 1, timestamp: -Infinity }]
    expect(TimeEvictor.of<number>(1).evictBefore(untimed)).toBe(untimed)
  })

  it('DeltaEvictor keeps records closer than the threshold to the last one', () => {
    const evictor = DeltaEvictor.of<number>(5, (from, to) => Math.abs(to - from))
    expect(before(evictor, [1, 6, 9, 10])).toEqual([6, 9, 10])
    expect(before(evictor, [])).toEqual([])
  })

  it('evict after the function when asked to', () => {
    const evictor = CountEvictor.of<number>(1, true)
    expect(before(evictor, [1, 2])).toEqual([1, 2])
    expect(after(evictor, [1, 2])).toEqual([2])
    expect(after(CountEvictor.of(1), [1, 2])).toEqual([1, 2])
  })
})
