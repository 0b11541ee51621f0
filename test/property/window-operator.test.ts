import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../src/batch/types.ts'
import {
  CumulativeEventTimeWindows,
  EventTimeSessionWindows,
  isMergingAssigner,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  type WindowAssigner,
} from '../../src/operator/window/assigners.ts'
import { GeneralWindowOperator } from '../../src/operator/window/general-window-operator.ts'
import { EventTimeTrigger, type Trigger, TriggerResult } from '../../src/operator/window/triggers.ts'
import type { ProcessWindowFunction } from '../../src/operator/window/window-function.ts'
import { NO_WINDOW_COUNTER, type TimeWindow } from '../../src/operator/window/window.ts'
import { drive, type Step, WAYS } from '../unit/operator/window/drive.ts'

/*
 * The window operator against a model that keeps every window of every key as a plain object and rescans all of them at each step. The model knows
 * nothing of namespaces, timers, triggers or merging sets. Inputs: random records and watermarks, in any disorder; random lateness; every way
 * of driving an operator. Compared: the firings before each output watermark (as a multiset: the order of windows that end together is the
 * operator's own), and the number of late records.
 */

interface Row {
  readonly key: string
  readonly value: number
}
interface Open {
  readonly key: string
  start: number
  end: number
  values: number[]
}

const ROWS = defineSchema({ key: t.string(), value: t.int() }) as Schema
const show: ProcessWindowFunction<Row, string, string, TimeWindow> = {
  process: (key, { window }, elements, out) =>
    out.collect(
      `${key}[${window.start},${window.end}) ${elements
        .map(({ value }) => value)
        .sort((a, b) => a - b)
        .join()}`,
    ),
}

/** Firings by the watermark that precedes them in the output, late records, and those that are in no window. */
function model(
  assigner: WindowAssigner<unknown, TimeWindow>,
  latenessMs: number,
  steps: readonly Step[],
): { firings: string[]; late: number; outside: number } {
  let open: Open[] = []
  let watermark = -Infinity
  let late = 0
  let outside = 0
  const firings: string[] = []
  const fire = ({ key, start, end, values }: Open, before: number): void =>
    void firings.push(`${before}: ${key}[${start},${end}) ${values.toSorted((a, b) => a - b).join()}`)
  for (const step of steps) {
    if ('watermark' in step) {
      for (const window of open) if (window.end - 1 > watermark && window.end - 1 <= step.watermark) fire(window, watermark)
      watermark = Math.max(watermark, step.watermark)
      open = open.filter((window) => window.end - 1 + latenessMs > watermark)
    } else if ('row' in step) {
      const { key, value } = step.row as Row
      let taken = false
      for (const { start, end } of assigner.assignWindows(step.row, step.at!, { currentProcessingTime: () => 0 })) {
        const merges = (window: Open): boolean =>
          window.key === key && (isMergingAssigner(assigner) ? window.start <= end && window.end >= start : window.start === start && window.end === end)
        const merged = open.filter(merges)
        const window: Open = {
          key,
          start: Math.min(start, ...merged.map((other) => other.start)),
          end: Math.max(end, ...merged.map((other) => other.end)),
          values: [...merged.flatMap(({ values }) => values), value],
        }
        if (window.end - 1 + latenessMs <= watermark) continue
        taken = true
        open = [...open.filter((other) => !merged.includes(other)), window]
        if (window.end - 1 <= watermark) fire(window, watermark)
      }
      if (!taken) {
        // A record is behind the watermark, or belongs nowhere.
        if (step.at! + latenessMs <= watermark) late++
        else outside++
      }
    }
  }
  return { firings, late, outside }
}

const assigners: fc.Arbitrary<WindowAssigner<unknown, TimeWindow>> = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 11 })).map(([size, offset]) => TumblingEventTimeWindows.of(size, offset % size)),
  fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 3 })).map(([slide, count]) => SlidingEventTimeWindows.of(slide * count, slide)),
  fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).map(([size, slide]) => SlidingEventTimeWindows.of(size, slide)),
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })).map(([step, count]) => CumulativeEventTimeWindows.of(step * count, step)),
  fc.integer({ min: 1, max: 8 }).map((gap) => EventTimeSessionWindows.withGap(gap)),
  fc.constant(EventTimeSessionWindows.withDynamicGap((row) => ((row as Row).value % 9) + 1)),
)

/** Does what the default trigger does, but is not it: sessions then take the general way of merging. */
const lookalike: Trigger<unknown, TimeWindow> = {
  onElement: (element, timestamp, window, context) => EventTimeTrigger.create().onElement(element, timestamp, window, context),
  onEventTime: (time, window) => EventTimeTrigger.create().onEventTime(time, window),
  onProcessingTime: () => TriggerResult.CONTINUE,
  canMerge: () => true,
  onMerge: (window, context) => EventTimeTrigger.create().onMerge(window, context),
  clear: (window, context) => EventTimeTrigger.create().clear(window, context),
}

const inputs = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.integer({ min: 0, max: 99 }), delta: fc.integer({ min: -15, max: 6 }) }),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }) },
  ),
  { maxLength: 50 },
)

/** Records around a time that moves on; watermarks trail it. */
function stepsOf(list: readonly (number | { key: string; value: number; delta: number })[]): Step[] {
  let time = 0
  let watermark = -Infinity
  const steps: Step[] = []
  for (const item of list) {
    if (typeof item === 'number') {
      time += item
      if (time - 5 > watermark) steps.push({ watermark: (watermark = time - 5) })
    } else steps.push({ row: { key: item.key, value: item.value }, at: time + item.delta })
  }
  return [...steps, { watermark: Infinity }]
}

/** Nothing stays in memory behind a batch. */
const LMDB = { 'state.backend.type': 'lmdb', 'state.backend.lmdb.dir': join(tmpdir(), 'millrace-tests'), 'state.backend.lmdb.cache-size': '0' }

describe('GeneralWindowOperator', () => {
  it('fires what a plain model fires, before the same watermark, and drops what it drops', () => {
    fc.assert(
      fc.property(
        assigners,
        fc.constantFrom(0, 0, 1, 4, 20),
        inputs,
        fc.integer({ min: 0, max: WAYS.length - 1 }),
        fc.boolean(),
        fc.constantFrom({}, LMDB),
        (assigner, allowedLatenessMs, list, way, isLookalike, settings) => {
          const steps = stepsOf(list)
          const expected = model(assigner, allowedLatenessMs, steps)
          const create = (): GeneralWindowOperator =>
            new GeneralWindowOperator({
              inputs: [{ schema: ROWS, key: { kind: 'columns', columns: [0] } }],
              outputSchema: OBJECT_SCHEMA,
              assigner,
              contents: { kind: 'list' },
              function: show,
              allowedLatenessMs,
              ...(isLookalike && { trigger: lookalike }),
            })
          const driven = drive(create, steps, { schemas: [ROWS], settings, ...WAYS[way][1] })
          expect(driven.rows.map(({ row, watermark }) => `${watermark}: ${row as string}`).toSorted()).toEqual(expected.firings.toSorted())
          expect(driven.late).toBe(expected.late)
          expect(driven.counters[NO_WINDOW_COUNTER] ?? 0).toBe(expected.outside)
          expect(driven.held).toBe(0)
          expect(driven.leakedBytes).toBe(0)
        },
      ),
      { numRuns: 600 },
    )
  })
})
