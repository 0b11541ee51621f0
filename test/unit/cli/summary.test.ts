import { expect, test } from 'vitest'
import type { JobFigures, TaskFigures } from '../../../src/cli/job-figures.ts'
import { summaryJson, summaryText } from '../../../src/cli/summary.ts'

const same = (text: string): string => text
const style = { bold: same, dim: same, red: same, yellow: same }

function task(name: string, rowsIn: number, rowsOut: number, lateRecords: number): TaskFigures {
  return {
    name,
    operators: [{ name, kind: 'operator', rows: rowsOut, counters: {} }],
    rowsIn,
    rowsOut,
    bytesIn: 0,
    bytesOut: 0,
    lateRecords,
    badRecords: 0,
    watermarkMs: 0,
    parallelism: 1,
    busyMs: 0,
    idleMs: 0,
    backpressuredMs: 0,
    hasEnded: true,
  }
}

const figures: JobFigures = {
  runningMs: 1500,
  rowsRead: 3_000_000,
  rowsWritten: 12,
  slabBytes: 0,
  latency: undefined,
  gc: { count: 0, totalMs: 0, maxMs: 0 },
  lastCheckpoint: undefined,
  tasks: [task('File -> Map', 3_000_000, 2_999_000, 0), task('Window -> Sink', 2_999_000, 12, 7)],
}

test('summaryText() tells totals and tasks, and leaves out columns of nothing but zeros', () => {
  expect(summaryText({ job: 'flights', state: 'finished', figures }, style)).toBe(
    [
      'flights finished in 1.50 s: 3,000,000 rows read, 12 written, 2.00 M rows/s',
      '  task              rows in   rows out  late',
      '  File -> Map     3,000,000  2,999,000     0',
      '  Window -> Sink  2,999,000         12     7',
      '',
    ].join('\n'),
  )
})

test('summaryText() tells how busy tasks were, what functions counted, and the latency if it was measured', () => {
  const busy: TaskFigures = {
    ...task('File -> Map', 30, 20, 0),
    operators: [
      { name: 'File', kind: 'source', rows: 30, counters: { nulledValues: 0 } },
      { name: 'Map', kind: 'operator', rows: 20, counters: { dropped: 1000, seen: 7 } },
    ],
    busyMs: 300,
    idleMs: 500,
    backpressuredMs: 200,
  }
  const latency = { count: 1200, p50Ms: 0.5, p99Ms: 9, p999Ms: 30, maxMs: 31.25 }
  expect(summaryText({ job: 'flights', state: 'finished', figures: { ...figures, latency, tasks: [busy] } }, style)).toBe(
    [
      'flights finished in 1.50 s: 3,000,000 rows read, 12 written, 2.00 M rows/s',
      '  task         rows in  rows out  busy  backpressured',
      '  File -> Map       30        20  30 %           20 %',
      '  Map: dropped 1,000, seen 7',
      '  latency: 0.50 ms in half of 1,200 cases, at most 31.3 ms',
      '',
    ].join('\n'),
  )
})

test('summaryText() tells what came to each sink, where there are several', () => {
  const sinks: TaskFigures = {
    ...task('File -> [totals, users]', 30, 21, 0),
    operators: [
      { name: 'File', kind: 'source', rows: 30, counters: {} },
      { name: 'Sink totals', kind: 'sink', rows: 1, counters: {} },
      { name: 'Sink users', kind: 'sink', rows: 20_000, counters: {} },
    ],
  }
  expect(
    summaryText({ job: 'flights', state: 'finished', figures: { ...figures, tasks: [sinks] } }, style)
      .split('\n')
      .slice(3),
  ).toEqual(['  Sink totals: 1 written', '  Sink users: 20,000 written', ''])
})

test('summaryText() of a job that was cancelled before it ran is one line', () => {
  const nothing: JobFigures = { ...figures, runningMs: 0, rowsRead: 0, rowsWritten: 0, tasks: [] }
  expect(summaryText({ job: 'a', state: 'cancelled', figures: nothing }, style)).toBe('a was cancelled in 0.00 s: 0 rows read, 0 written\n')
})

test('summaryJson() is one line that holds all counts', () => {
  const text = summaryJson({ job: 'flights', state: 'finished', figures })
  expect(text.indexOf('\n')).toBe(text.length - 1)
  expect(JSON.parse(text)).toMatchObject({
    job: 'flights',
    state: 'finished',
    seconds: 1.5,
    rowsRead: 3_000_000,
    rowsWritten: 12,
    rowsPerSecond: 2_000_000,
    gc: { count: 0 },
    tasks: [{ rowsIn: 3_000_000, bytesIn: 0, busyMs: 0, operators: [{ counters: {} }] }, { lateRecords: 7 }],
  })
})
