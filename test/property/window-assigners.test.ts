import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CumulativeEventTimeWindows, mergeTimeWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { TimeWindow } from '../../src/operator/window/window.ts'

// Each assigner against its definition: of all windows in the neighbourhood, exactly those that hold the timestamp. Timestamps come in a row
// through one instance, so that what it caches is under test too.

const timestamps = fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 1, maxLength: 20 })
const key = (windows: readonly TimeWindow[]): string[] => windows.map(({ start, end }) => `${start}..${end}`).sort()
const holds = (window: TimeWindow, timestamp: number): boolean => window.start <= timestamp && timestamp < window.end

/** All windows [offset + n * slide, + size) near a timestamp. */
function candidates(slide: number, size: number, offset: number): TimeWindow[] {
  const windows: TimeWindow[] = []
  for (let n = -Math.ceil((200 + size + slide) / slide); n <= Math.ceil((200 + slide) / slide); n++)
    windows.push(new TimeWindow(offset + n * slide, offset + n * slide + size))
  return windows
}

describe('window assigners', () => {
  it('tumbling windows are those that hold the timestamp', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: -59, max: 59 }), timestamps, (size, offset, list) => {
        fc.pre(Math.abs(offset) < size)
        const assigner = TumblingEventTimeWindows.of(size, offset)
        for (const timestamp of list)
          expect(key(assigner.assignWindows(null, timestamp, { currentProcessingTime: () => 0 }))).toEqual(
            key(candidates(size, size, offset).filter((window) => holds(window, timestamp))),
          )
      }),
    )
  })

  it('sliding windows are those that hold the timestamp, whatever the slide', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: -59, max: 59 }),
        timestamps,
        (size, slide, offset, list) => {
          fc.pre(Math.abs(offset) < slide)
          const assigner = SlidingEventTimeWindows.of(size, slide, offset)
          for (const timestamp of list)
            expect(key(assigner.assignWindows(null, timestamp))).toEqual(key(candidates(slide, size, offset).filter((window) => holds(window, timestamp))))
        },
      ),
    )
  })

  it('cumulative windows are the prefixes of the tumbling window that hold the timestamp', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: -9, max: 9 }), timestamps, (step, steps, offset, list) => {
        const size = step * steps
        fc.pre(Math.abs(offset) < size)
        const assigner = CumulativeEventTimeWindows.of(size, step, offset)
        for (const timestamp of list) {
          const prefixes = candidates(size, size, offset).flatMap(({ start }) =>
            Array.from({ length: steps }, (_, n) => new TimeWindow(start, start + (n + 1) * step)),
          )
          expect(key(assigner.assignWindows(null, timestamp))).toEqual(key(prefixes.filter((window) => holds(window, timestamp))))
        }
      }),
    )
  })

  it('merging leaves disjoint windows, not touching, that cover what was there', () => {
    const windows = fc.array(fc.tuple(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 1, max: 12 })), { maxLength: 15 })
    fc.assert(
      fc.property(windows, (list) => {
        const input = list.map(([start, length]) => new TimeWindow(start, start + length))
        let left = [...input]
        mergeTimeWindows(input, (merged, result) => {
          expect(merged.length).toBeGreaterThan(1)
          left = left.filter((window) => !merged.includes(window))
          left.push(result)
        })
        for (const a of left) expect(left.filter((b) => a.intersects(b))).toEqual([a])
        // Instants x and half-open neighbours: every point covered before is covered after, and no other.
        for (let x = 0; x < 100; x++) expect(left.some((window) => holds(window, x))).toBe(input.some((window) => holds(window, x)))
      }),
    )
  })
})
