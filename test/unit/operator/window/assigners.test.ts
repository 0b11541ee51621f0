import { describe, expect, it } from 'vitest'
import { PlanError, UserFunctionError } from '../../../../src/base/errors.ts'
import {
  CumulativeEventTimeWindows,
  EventTimeSessionWindows,
  GlobalWindows,
  isMergingAssigner,
  mergeTimeWindows,
  ProcessingTimeSessionWindows,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
  WindowStagger,
} from '../../../../src/operator/window/assigners.ts'
import { days, hours, minutes, seconds } from '../../../../src/operator/window/duration.ts'
import { GlobalWindow, TimeWindow } from '../../../../src/operator/window/window.ts'

const at = (now: number) => ({ currentProcessingTime: () => now })
const spans = (assigner: WindowAssigner<unknown, TimeWindow>, timestamp: number, now: number = 0): (readonly [number, number])[] =>
  assigner.assignWindows(null, timestamp, at(now)).map(({ start, end }) => [start, end] as const)
const utc = (text: string): number => Date.parse(`${text}Z`)

describe('TumblingEventTimeWindows', () => {
  it('assigns a record to the one window that holds its timestamp', () => {
    const windows = TumblingEventTimeWindows.of(5000)
    expect(spans(windows, 0)).toEqual([[0, 5000]])
    expect(spans(windows, 4999)).toEqual([[0, 5000]])
    expect(spans(windows, 5000)).toEqual([[5000, 10_000]])
    expect(spans(windows, -1)).toEqual([[-5000, 0]])
    expect(spans(windows, -5000)).toEqual([[-5000, 0]])
    expect(spans(windows, -5001)).toEqual([[-10_000, -5000]])
  })

  it('shifts windows by the offset, negative ones too', () => {
    expect(spans(TumblingEventTimeWindows.of(5000, 100), 0)).toEqual([[-4900, 100]])
    expect(spans(TumblingEventTimeWindows.of(5000, 100), 5099)).toEqual([[100, 5100]])
    expect(spans(TumblingEventTimeWindows.of(5000, -100), 4900)).toEqual([[4900, 9900]])
    // Days in UTC+8.
    expect(spans(TumblingEventTimeWindows.of(days(1), hours(-8)), utc('2021-06-30T17:00:00'))).toEqual([
      [utc('2021-06-30T16:00:00'), utc('2021-07-01T16:00:00')],
    ])
  })

  it("matches the documented offset examples of Flink's window functions", () => {
    const ts = utc('2021-06-30T00:00:04')
    for (const offset of [-6, 4])
      expect(spans(TumblingEventTimeWindows.of(minutes(10), minutes(offset)), ts)).toEqual([[utc('2021-06-29T23:54:00'), utc('2021-06-30T00:04:00')]])
    for (const offset of [-4, 6])
      expect(spans(TumblingEventTimeWindows.of(minutes(10), minutes(offset)), ts)).toEqual([[utc('2021-06-29T23:56:00'), utc('2021-06-30T00:06:00')]])
    expect(spans(TumblingEventTimeWindows.of(minutes(10)), ts)).toEqual([[utc('2021-06-30T00:00:00'), utc('2021-06-30T00:10:00')]])
  })

  it('refuses sizes, offsets and durations that make no windows', () => {
    for (const make of [
      () => TumblingEventTimeWindows.of(0),
      () => TumblingEventTimeWindows.of(-1),
      () => TumblingEventTimeWindows.of(1.5),
      () => TumblingEventTimeWindows.of(Infinity),
      () => TumblingEventTimeWindows.of(10, 20),
      () => TumblingEventTimeWindows.of(10, -11),
      () => TumblingProcessingTimeWindows.of(10, 10),
    ])
      expect(make).toThrow(PlanError)
    expect(() => TumblingEventTimeWindows.of(10, 20)).toThrow('abs(offset) < size')
  })

  it('refuses records without a timestamp', () => {
    expect(() => spans(TumblingEventTimeWindows.of(10), -Infinity)).toThrow(UserFunctionError)
  })

  it('answers with the same array while the window stays the same', () => {
    const windows = TumblingEventTimeWindows.of(10)
    expect(windows.assignWindows(null, 1, at(0))).toBe(windows.assignWindows(null, 9, at(0)))
  })
})

describe('WindowStagger', () => {
  it('NATURAL shifts all windows of a subtask by the time of its first record', () => {
    for (const make of [TumblingEventTimeWindows, TumblingProcessingTimeWindows]) {
      const windows = make.of(100, 10, WindowStagger.NATURAL)
      // The first record comes 30 ms into a window of processing time.
      expect(spans(windows, 230, 230)).toEqual([[140, 240]])
      expect(spans(windows, 245, 245)).toEqual([[240, 340]])
    }
  })

  it('RANDOM shifts by less than the size, and the windows stay side by side', () => {
    const starts = new Set<number>()
    for (let run = 0; run < 50; run++) {
      const windows = TumblingEventTimeWindows.of(100, 0, WindowStagger.RANDOM)
      const [[start, end]] = spans(windows, 1000, 0)
      expect(start <= 1000 && end === start + 100 && end > 1000).toBe(true)
      expect(spans(windows, 1100, 50)).toEqual([[start + 100, end + 100]])
      starts.add(start)
    }
    expect(starts.size).toBeGreaterThan(10)
  })

  it('ALIGNED is the default', () => {
    expect(spans(TumblingEventTimeWindows.of(100, 10, WindowStagger.ALIGNED), 230, 77)).toEqual(spans(TumblingEventTimeWindows.of(100, 10), 230, 0))
  })
})

describe('SlidingEventTimeWindows', () => {
  it('assigns a record to every window that holds it, the latest first', () => {
    const windows = SlidingEventTimeWindows.of(5000, 1000)
    expect(spans(windows, 4999)).toEqual([
      [4000, 9000],
      [3000, 8000],
      [2000, 7000],
      [1000, 6000],
      [0, 5000],
    ])
    expect(spans(windows, 0)).toHaveLength(5)
    expect(spans(windows, -1)[0]).toEqual([-1000, 4000])
  })

  it('leaves gaps when the slide is longer than the size', () => {
    const windows = SlidingEventTimeWindows.of(10, 20)
    expect(spans(windows, 9)).toEqual([[0, 10]])
    expect(spans(windows, 10)).toEqual([])
    expect(spans(windows, 20)).toEqual([[20, 30]])
  })

  it('takes a slide that does not divide the size', () => {
    const windows = SlidingEventTimeWindows.of(5, 2)
    expect(spans(windows, 4)).toEqual([
      [4, 9],
      [2, 7],
      [0, 5],
    ])
    expect(spans(windows, 5)).toEqual([
      [4, 9],
      [2, 7],
    ])
  })

  it('refuses a slide of 0 and an offset as long as the slide', () => {
    expect(() => SlidingEventTimeWindows.of(10, 0)).toThrow(PlanError)
    expect(() => SlidingEventTimeWindows.of(10, 5, 5)).toThrow('abs(offset) < slide')
    expect(() => SlidingProcessingTimeWindows.of(-2, 1)).toThrow(PlanError)
  })
})

describe('CumulativeEventTimeWindows', () => {
  it('assigns a record to every step that ends behind it', () => {
    const windows = CumulativeEventTimeWindows.of(30, 10)
    expect(spans(windows, 0)).toEqual([
      [0, 10],
      [0, 20],
      [0, 30],
    ])
    expect(spans(windows, 10)).toEqual([
      [0, 20],
      [0, 30],
    ])
    expect(spans(windows, 29)).toEqual([[0, 30]])
    expect(spans(windows, 30)).toEqual([
      [30, 40],
      [30, 50],
      [30, 60],
    ])
    expect(spans(windows, -1)).toEqual([[-30, 0]])
    expect(spans(CumulativeEventTimeWindows.of(30, 10, 5), 4)).toEqual([[-25, 5]])
  })

  it('refuses a size that is no multiple of the step', () => {
    expect(() => CumulativeEventTimeWindows.of(25, 10)).toThrow('integral multiple')
    expect(() => CumulativeEventTimeWindows.of(10, 0)).toThrow(PlanError)
  })
})

describe('session windows', () => {
  it('opens a session of one gap at each record', () => {
    expect(spans(EventTimeSessionWindows.withGap(5000), 4999)).toEqual([[4999, 9999]])
    expect(spans(ProcessingTimeSessionWindows.withGap(5000), 7, 100)).toEqual([[100, 5100]])
  })

  it('takes the gap from the record when it is dynamic', () => {
    const windows = EventTimeSessionWindows.withDynamicGap((element: { gap: number }) => element.gap)
    expect(windows.assignWindows({ gap: 3 }, 10).map(({ start, end }) => [start, end])).toEqual([[10, 13]])
    expect(() => windows.assignWindows({ gap: 0 }, 10)).toThrow('0 < gap')
    expect(() => EventTimeSessionWindows.withGap(0)).toThrow('0 < gap')
  })

  it('merges windows that overlap or touch, group by group', () => {
    const merged: unknown[] = []
    const window = (start: number, end: number) => new TimeWindow(start, end)
    mergeTimeWindows([window(8, 10), window(0, 1), window(1, 2), window(4, 6), window(5, 7), window(11, 12)], (windows, result) =>
      merged.push([windows.map(String), String(result)]),
    )
    expect(merged).toEqual([
      [['TimeWindow{start=0, end=1}', 'TimeWindow{start=1, end=2}'], 'TimeWindow{start=0, end=2}'],
      [['TimeWindow{start=4, end=6}', 'TimeWindow{start=5, end=7}'], 'TimeWindow{start=4, end=7}'],
    ])
  })

  it('is the only kind that merges', () => {
    expect(isMergingAssigner(EventTimeSessionWindows.withGap(1))).toBe(true)
    expect(isMergingAssigner(TumblingEventTimeWindows.of(1))).toBe(false)
  })
})

describe('processing-time windows', () => {
  it('go by the clock and ignore the record', () => {
    expect(spans(TumblingProcessingTimeWindows.of(seconds(1)), -Infinity, 1500)).toEqual([[1000, 2000]])
    expect(spans(SlidingProcessingTimeWindows.of(20, 10), -Infinity, 15)).toEqual([
      [10, 30],
      [0, 20],
    ])
  })
})

describe('GlobalWindows', () => {
  it('has one window that never ends', () => {
    expect(GlobalWindows.create().assignWindows()).toEqual([GlobalWindow.get()])
    expect(GlobalWindow.get().maxTimestamp()).toBe(Infinity)
  })
})
