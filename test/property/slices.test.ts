// Windows in columns against their definition, for any size, slide, offset and disorder, in every way of driving an operator.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineSchema, type Schema, t } from '../../src/batch/types.ts'
import { CumulativeEventTimeWindows, SlidingEventTimeWindows, TumblingEventTimeWindows, type WindowAssigner } from '../../src/operator/window/assigners.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../src/operator/window/slice-window-operator.ts'
import {
  type AlignedWindows,
  lastWindowEndMs,
  nextFiringMs,
  nextWindowEndMs,
  sliceEndMs,
  sliceStartMs,
  windowStartMs,
} from '../../src/operator/window/slices.ts'
import { NO_WINDOW_COUNTER, type TimeWindow } from '../../src/operator/window/window.ts'
import { drive, type Step, WAYS } from '../unit/operator/window/drive.ts'

type Shape = readonly [AlignedWindows, WindowAssigner<unknown, TimeWindow>]
const timeless = { currentProcessingTime: () => 0 }

const shapes: fc.Arbitrary<Shape> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat({ max: 19 })).map(([sizeMs, shift]): Shape => {
    const offsetMs = shift % sizeMs
    return [{ kind: 'tumbling', sizeMs, offsetMs }, TumblingEventTimeWindows.of(sizeMs, offsetMs)]
  }),
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 25 }), fc.integer({ min: -24, max: 24 })).map(([sizeMs, slideMs, shift]): Shape => {
    const offsetMs = shift % slideMs
    return [{ kind: 'sliding', sizeMs, slideMs, offsetMs }, SlidingEventTimeWindows.of(sizeMs, slideMs, offsetMs)]
  }),
  fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.nat({ max: 29 })).map(([stepMs, steps, shift]): Shape => {
    const sizeMs = stepMs * steps
    const offsetMs = shift % sizeMs
    return [{ kind: 'cumulative', sizeMs, stepMs, offsetMs }, CumulativeEventTimeWindows.of(sizeMs, stepMs, offsetMs)]
  }),
)
const times = fc.integer({ min: -100, max: 100 })

describe('slices', () => {
  it('are disjoint, cover all time, and lie in the same windows from end to end, at most two of them a slide', () => {
    fc.assert(
      fc.property(shapes, ([windows, assigner]) => {
        const windowsAt = (at: number): string => assigner.assignWindows(null, at, timeless).map(String).join()
        let start = sliceStartMs(windows, -100)
        let slices = 0
        while (start < 100) {
          const end = sliceEndMs(windows, start)
          expect(end).toBeGreaterThan(start)
          for (let at = start; at < end; at++) {
            expect(sliceStartMs(windows, at)).toBe(start)
            expect(windowsAt(at)).toBe(windowsAt(start))
          }
          start = end
          slices++
        }
        if (windows.kind === 'sliding') expect(slices).toBeLessThanOrEqual(2 * Math.ceil(200 / windows.slideMs) + 4)
      }),
    )
  })

  it('know the windows that hold them, and when the next one ends', () => {
    fc.assert(
      fc.property(shapes, times, times, ([windows, assigner], at, after) => {
        const start = sliceStartMs(windows, at)
        const holding = assigner.assignWindows(null, at, timeless)
        const ends = holding.map(({ end }) => end)
        expect(lastWindowEndMs(windows, start)).toBe(Math.max(-Infinity, ...ends))
        expect(nextWindowEndMs(windows, start, after)).toBe(Math.min(Infinity, ...ends.filter((end) => end > after)))
        for (const window of holding) expect(windowStartMs(windows, window.end)).toBe(window.start)
        const firing = nextFiringMs(windows, after)
        expect(firing).toBeGreaterThan(after)
        for (let watermark = after + 1; watermark <= firing; watermark++)
          expect(assigner.assignWindows(null, watermark, timeless).some(({ end }) => end - 1 === watermark)).toBe(watermark === firing)
      }),
    )
  })
})

const SCHEMA = defineSchema({ key: t.string(), value: t.int() }) as Schema
const inputs = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ key: fc.constantFrom('a', 'b'), value: fc.nat({ max: 9 }), delta: fc.integer({ min: -30, max: 8 }) }) },
    { weight: 1, arbitrary: fc.nat({ max: 15 }) },
  ),
  { maxLength: 50 },
)

/** Results, the times of late records, and how many are in no window. */
function model(assigner: WindowAssigner<unknown, TimeWindow>, steps: readonly Step[]): { results: string[]; late: number[]; outside: number } {
  const open = new Map<string, { readonly key: string; readonly window: TimeWindow; rows: number; total: number }>()
  const results: string[] = []
  const late: number[] = []
  let watermark = -Infinity
  let outside = 0
  for (const step of steps) {
    if ('watermark' in step) {
      for (const [id, { key, window, rows, total }] of open)
        if (window.end - 1 <= step.watermark) {
          results.push(`${key}[${window.start},${window.end}) ${rows} ${total}`)
          open.delete(id)
        }
      watermark = step.watermark
    } else if ('row' in step) {
      const { key, value } = step.row as { key: string; value: number }
      const windows = assigner.assignWindows(null, step.at!, timeless).filter(({ end }) => end - 1 > watermark)
      if (windows.length === 0) {
        if (step.at! <= watermark) late.push(step.at!)
        else outside++
      }
      for (const window of windows) {
        const id = `${key} ${window.end}`
        const before = open.get(id) ?? { key, window, rows: 0, total: 0 }
        open.set(id, { ...before, rows: before.rows + 1, total: before.total + value })
      }
    }
  }
  return { results, late, outside }
}

describe('SliceWindowOperator', () => {
  it('answers as the definition says, before the watermark passes the window; every record is in a window, late, or counted as in none', () => {
    fc.assert(
      fc.property(shapes, inputs, fc.nat({ max: WAYS.length - 1 }), ([windows, assigner], list, way) => {
        let time = 0
        let watermark = -Infinity
        const steps: Step[] = []
        for (const item of list) {
          if (typeof item === 'number') {
            time += item
            if (time - 5 > watermark) steps.push({ watermark: (watermark = time - 5) })
          } else steps.push({ row: { key: item.key, value: item.value }, at: time + item.delta })
        }
        steps.push({ watermark: Infinity })
        const expected = model(assigner, steps)
        const create = (): SliceWindowOperator =>
          new SliceWindowOperator({
            inputSchema: SCHEMA,
            key: { kind: 'columns', columns: [0] },
            windows,
            aggregates: { rows: count(), total: sum('value') },
            lateOutput: 'late',
          })
        const driven = drive(create, steps, { schemas: [SCHEMA], sides: ['late'], ...WAYS[way][1] })
        const shown = driven.rows.map(({ row, watermark: before }) => {
          const { key, windowStart, windowEnd, rows, total } = row as { key: string; windowStart: number; windowEnd: number; rows: number; total: number }
          // Whoever reads it must not call it late.
          expect(before).toBeLessThan(windowEnd - 1)
          return `${key}[${windowStart},${windowEnd}) ${rows} ${total}`
        })
        expect(shown.toSorted()).toEqual(expected.results.toSorted())
        expect(driven.sides['late'].map(({ timestamp }) => timestamp)).toEqual(expected.late)
        expect(driven.late).toBe(expected.late.length)
        expect(driven.counters[NO_WINDOW_COUNTER] ?? 0).toBe(expected.outside)
        expect(driven.leakedBytes).toBe(0)
      }),
      { numRuns: 600 },
    )
  })
})
