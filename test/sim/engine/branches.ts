// What the jobs of the simulation are made of: each branch hangs on a stream of numbered records and ends in a sink of its own, and what must be in
// that sink is computed directly. Results do not depend on the course of the steps, however many readers there are.
import type { DataStream } from '../../../src/api/datastream/data-stream.ts'
import { t } from '../../../src/batch/types.ts'
import type { Sink } from '../../../src/operator/sink.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { count, max, sum } from '../../../src/operator/window/slice-aggregates.ts'
import { listState, valueState } from '../../../src/state/state.ts'
import { NUMBERED, type Numbered } from './numbered-source.ts'

export interface Branch {
  /** Whether records of a key must come in their order: it needs lanes and no exchange that mixes them. */
  readonly isOrdered: boolean
  define(rows: DataStream<Numbered>, sink: Sink): void
  /** The lines of the sink, in any order. */
  expected(rows: readonly Numbered[]): readonly string[]
}

/** Lines of an ordered branch that say where they stand in their key. */
export const ORDERED_LINE = /^(\w+) #(\d+)\b/

const WINDOW = 20
const SLIDE = 10
const GAP = 9
const APART = 9
const TIMER = 12

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return groups
}

const total = (rows: readonly Numbered[]): number => rows.reduce((all, { value }) => all + value, 0)
const windowOf = (at: number, size: number): number => Math.floor(at / size) * size

/** The records of each key in each window: windows begin at multiples of `slide`, into which `size` can be divided. */
function windows(rows: readonly Numbered[], size: number, slide: number): readonly (readonly [name: string, rows: readonly Numbered[]])[] {
  const names = new Map<string, Numbered[]>()
  for (const row of rows)
    for (let start = windowOf(row.at, slide); start > row.at - size; start -= slide) {
      const name = `${row.key} from ${start}`
      names.set(name, [...(names.get(name) ?? []), row])
    }
  return [...names]
}

export const BRANCHES = {
  numbers: {
    isOrdered: true,
    define: (rows, sink) =>
      void rows
        .keyBy('key')
        .process({
          processElement({ key, seq, value }, context, out) {
            const state = context.getState(NUMBER)
            const number = (state.value() ?? 0) + 1
            state.update(number)
            const sumState = context.getState(TOTAL)
            sumState.update((sumState.value() ?? 0) + value)
            out.collect(`${key} #${seq} is number ${number}, ${sumState.value()}`)
          },
        })
        .sinkTo(sink),
    expected(rows) {
      const totals = new Map<string, number>()
      return rows.map(({ key, seq, value }) => {
        totals.set(key, (totals.get(key) ?? 0) + value)
        return `${key} #${seq} is number ${seq + 1}, ${totals.get(key)}`
      })
    },
  },
  timers: {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .keyBy('key')
        .process({
          processElement({ at, value }, context) {
            // A value for each instant: those behind the timer's may have come already when it fires.
            context.getState(RECENT).add({ at, value })
            context.timerService.registerEventTimeTimer(at + TIMER)
          },
          onTimer(timeMs, context, out) {
            const recent = context.getState(RECENT)
            const all = [...recent.get()]
            const due = all.filter(({ at }) => at <= timeMs - TIMER)
            out.collect(`${context.getCurrentKey()} at ${timeMs}: ${due.length}, ${due.reduce((sum, { value }) => sum + value, 0)}`)
            recent.update(all.filter(({ at }) => at > timeMs - TIMER))
          },
        })
        .sinkTo(sink),
    expected: (rows) => [...groupBy(rows, ({ key, at }) => `${key} at ${at + TIMER}`)].map(([where, group]) => `${where}: ${group.length}, ${total(group)}`),
  },
  'processing time': {
    isOrdered: true,
    define: (rows, sink) =>
      void rows
        .keyBy('key')
        .process({
          processElement({ seq, at }, context) {
            context.getState(WAITING).add(seq)
            context.timerService.registerProcessingTimeTimer(context.timerService.currentProcessingTime() + 3)
            // What waits for a time that does not come before the end.
            context.timerService.registerEventTimeTimer(at + 1_000_000)
          },
          onTimer(_timeMs, context, out) {
            const waiting = context.getState(WAITING)
            for (const seq of waiting.get()) out.collect(`${context.getCurrentKey()} #${seq}`)
            waiting.clear()
          },
        })
        .sinkTo(sink),
    expected: (rows) => rows.map(({ key, seq }) => `${key} #${seq}`),
  },
  'tumbling windows': {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .keyBy((row) => row.key, t.string())
        .window(TumblingEventTimeWindows.of(WINDOW))
        .aggregate({ rows: count(), total: sum('value') })
        .map((window) => `${window.key} from ${window.windowStart}: ${window.rows}, ${window.total}`)
        .sinkTo(sink),
    expected: (rows) => windows(rows, WINDOW, WINDOW).map(([name, group]) => `${name}: ${group.length}, ${total(group)}`),
  },
  'sliding windows': {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .keyBy('key')
        .window(SlidingEventTimeWindows.of(WINDOW, SLIDE))
        .aggregate({ rows: count(), most: max('at') })
        .map((window) => `${window.key} from ${window.windowStart}: ${window.rows} up to ${window.most}`)
        .sinkTo(sink),
    expected: (rows) => windows(rows, WINDOW, SLIDE).map(([name, group]) => `${name}: ${group.length} up to ${Math.max(...group.map(({ at }) => at))}`),
  },
  sessions: {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .keyBy((row) => row.key)
        .window(EventTimeSessionWindows.withGap(GAP))
        .reduce((left, right) => ({ key: left.key, seq: Math.max(left.seq, right.seq), at: Math.max(left.at, right.at), value: left.value + right.value }))
        .map(({ key, at, value }) => `${key} until ${at}: ${value}`)
        .sinkTo(sink),
    expected: (rows) =>
      [...groupBy(rows, ({ key }) => key)].flatMap(([key, group]) => {
        const sessions: { until: number; value: number }[] = []
        // Times are even and the gap is odd: no record comes at the very end of a session.
        for (const { at, value } of group.toSorted((left, right) => left.at - right.at)) {
          const last = sessions.at(-1)
          if (last !== undefined && at - last.until < GAP) {
            last.until = at
            last.value += value
          } else sessions.push({ until: at, value })
        }
        return sessions.map(({ until, value }) => `${key} until ${until}: ${value}`)
      }),
  },
  'a window behind a window': {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(WINDOW))
        .aggregate({ rows: count() })
        .windowAll(TumblingEventTimeWindows.of(WINDOW * 2))
        .aggregate({ keys: count(), rows: sum('rows') })
        .map(({ keys, rows: number }) => `${keys} ${number}`)
        .sinkTo(sink),
    expected: (rows) =>
      [...groupBy(rows, ({ at }) => String(windowOf(at, WINDOW * 2)))].map(
        ([, group]) => `${new Set(group.map(({ key, at }) => `${key} ${windowOf(at, WINDOW)}`)).size} ${group.length}`,
      ),
  },
  'interval join': {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .filter(({ seq }) => seq % 2 === 0)
        .keyBy('key')
        .intervalJoin(rows.filter(({ seq }) => seq % 2 === 1).keyBy('key'))
        .between(-APART, APART)
        .process({ processElement: (left, right, _context, out) => out.collect(`${left.key} ${left.seq} ${right.seq}`) })
        .sinkTo(sink),
    expected: (rows) =>
      [...groupBy(rows, ({ key }) => key)].flatMap(([key, group]) =>
        group
          .filter(({ seq }) => seq % 2 === 0)
          .flatMap((left) =>
            group.filter((right) => right.seq % 2 === 1 && Math.abs(right.at - left.at) <= APART).map((right) => `${key} ${left.seq} ${right.seq}`),
          ),
      ),
  },
  chain: {
    isOrdered: false,
    define: (rows, sink) =>
      void rows
        .filter(({ value }) => value % 3 !== 0)
        .rebalance()
        .flatMap((row) => Array.from({ length: row.seq % 3 }, (_, copy) => ({ ...row, value: row.value + copy })))
        .returns(NUMBERED)
        .map(({ key, seq, value }) => `${key} ${seq} ${value}`)
        .sinkTo(sink),
    expected: (rows) =>
      rows
        .filter(({ value }) => value % 3 !== 0)
        .flatMap(({ key, seq, value }) => Array.from({ length: seq % 3 }, (_, copy) => `${key} ${seq} ${value + copy}`)),
  },
} satisfies Readonly<Record<string, Branch>>
export type BranchName = keyof typeof BRANCHES

const NUMBER = valueState('number', t.int())
const TOTAL = valueState('total', t.int())
const WAITING = listState('waiting', t.int())
const RECENT = listState('recent', t.object<{ readonly at: number; readonly value: number }>())
