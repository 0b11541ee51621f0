import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { Progress, type ProgressMode } from '../../../src/cli/progress.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import type { ExecutionPlan, PlanOperator } from '../../../src/plan/execution-plan.ts'
import type { ShownMetrics, ShownOperator } from '../../../src/cli/job-figures.ts'

const UP = '\u001b['

function operator(id: number, kind: PlanOperator['kind'], name: string, chainedTo: number | undefined): PlanOperator {
  return { id, fused: [id], kind, name, uid: name, maxParallelism: 128, chainedTo, chainedSide: undefined, grid: { kind: 'none' }, outputSchema: '' }
}

const plan: ExecutionPlan = {
  jobName: 'clicks',
  workers: 2,
  maxParallelism: 128,
  tasks: [
    {
      id: 0,
      name: 'File -> Parse',
      parallelism: 2,
      operators: [operator(0, 'source', 'File', undefined), operator(1, 'operator', 'Parse', 0)],
      needsEventLoop: false,
    },
    {
      id: 1,
      name: 'Window -> Sink',
      parallelism: 2,
      operators: [operator(2, 'operator', 'Window', undefined), operator(3, 'sink', 'Sink', 2)],
      needsEventLoop: false,
    },
  ],
  exchanges: [],
  digest: '',
}

function metricsAt(runningMs: number, read: number, windows: number, backpressured = false, lastCheckpoint?: ShownMetrics['lastCheckpoint']): ShownMetrics {
  const task = (name: string, operators: readonly ShownOperator[], watermarkMs: number, backpressuredMs: number): ShownMetrics['tasks'][number] => ({
    task: name,
    operators,
    rowsIn: read,
    rowsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    lateRecords: 0,
    badRecords: 0,
    watermarkMs,
    ended: false,
    busyMs: runningMs,
    idleMs: 0,
    backpressuredMs,
  })
  const operator = (name: string, rowsIn: number, rowsOut: number): ShownOperator => ({ name, rowsIn, rowsOut, counters: {} })
  return {
    runningMs,
    slabBytes: 3 << 20,
    latency: undefined,
    gc: { count: 0, totalMs: 0, maxMs: 0 },
    lastCheckpoint,
    tasks: [
      // Of two subtasks, so that it is 45 % of the time.
      task('File -> Parse', [operator('File', read, read), operator('Parse', read, read)], Date.UTC(2026, 0, 1), backpressured ? runningMs * 0.9 : 0),
      task('Window -> Sink', [operator('Window', read, windows), operator('Sink', windows, 0)], -Infinity, 0),
    ],
  }
}

function start(mode: ProgressMode, size: { columns?: number; rows?: number; startMs?: number } = {}) {
  const written: string[] = []
  const terminal: Terminal = {
    isInteractive: mode === 'drawn',
    isColored: false,
    isOutputColored: false,
    columns: size.columns ?? 100,
    rows: size.rows ?? 40,
    say: (text) => void written.push(text),
    print: () => {},
  }
  const clock = new VirtualClock(size.startMs ?? 1000)
  const progress = new Progress(terminal, clock, mode, 'clicks')
  progress.setPlan(plan)
  const take = (): string => written.splice(0).join('')
  const tick = (ms: number, metrics: ShownMetrics): string => {
    clock.advanceMs(ms)
    progress.update(metrics)
    return take()
  }
  return { progress, tick, take }
}

describe('Progress, drawn', () => {
  test('shows nothing of a job that is short', () => {
    const { progress, tick, take } = start('drawn')
    expect(tick(100, metricsAt(100, 10, 1))).toBe('')
    progress.close()
    expect(take()).toBe('')
  })

  test('draws a line for each operator with its rate and rows, and for each task how busy it is, its watermark and backpressure', () => {
    const { tick } = start('drawn')
    tick(100, metricsAt(100, 0, 0, true))
    expect(tick(1000, metricsAt(1100, 2_500_000, 40, true))).toBe(
      [
        'clicks  1.10 s  2.50 M rows read, 2.50 M/s  40 written, 40/s  3.0 MB',
        '  File      2.50 M/s   2.50 M  busy  50 %  watermark 2026-01-01 00:00:00.000  backpressured 45 %',
        '   Parse    2.50 M/s   2.50 M',
        '  Window        40/s       40  busy  50 %',
        '   Sink         40/s       40',
        '',
      ].join('\n'),
    )
  })

  test('tells how far the watermark is behind the clock, and the last checkpoint', () => {
    const { tick } = start('drawn', { startMs: Date.UTC(2026, 0, 1, 0, 3) })
    const lines = tick(1000, metricsAt(1100, 100, 40, false, { checkpointId: 7, durationMs: 45.4, ageMs: 840 })).split('\n')
    expect(lines[1]).toBe('  checkpoint 7 0.8 s ago, took 45.4 ms')
    expect(lines[2]).toMatch(/watermark 2026-01-01 00:00:00.000 \(lag 3 min\)$/)
  })

  test('keeps sources and sinks where there is no room for all operators', () => {
    const { tick } = start('drawn', { rows: 5 })
    expect(
      tick(500, metricsAt(500, 100, 3))
        .split('\n')
        .map((line) => line.trim().split('  ', 1)[0]),
    ).toEqual(['clicks', 'File', 'Sink', '... 2 more', ''])
  })

  test('draws the next block over the last one', () => {
    const { tick } = start('drawn')
    tick(500, metricsAt(500, 100, 0))
    expect(tick(100, metricsAt(600, 200, 0))).toMatch(new RegExp(`^${UP.replace('[', '\\[')}5A\\r`))
  })

  test('draws at most ten times a second', () => {
    const { tick } = start('drawn')
    tick(500, metricsAt(500, 100, 0))
    expect(tick(50, metricsAt(550, 150, 0))).toBe('')
    expect(tick(50, metricsAt(600, 200, 0))).not.toBe('')
  })

  test('takes rates over the last second', () => {
    const { tick } = start('drawn')
    for (let ms = 100; ms <= 2000; ms += 100) tick(100, metricsAt(ms, ms * 1000, 0))
    // The source stands still from here on.
    for (let ms = 2100; ms <= 2900; ms += 100) tick(100, metricsAt(ms, 2_000_000, 0))
    expect(tick(100, metricsAt(3000, 2_000_000, 0))).toContain('2.00 M rows read, 0/s')
  })

  test('writes lines of the log above the block, which is wiped and drawn again', () => {
    const { progress, tick, take } = start('drawn')
    tick(500, metricsAt(500, 100, 0))
    progress.log('Parse', 1, 'strange row')
    progress.log('', 0, 'hello')
    expect(take()).toBe(`${UP}5A\r${UP}J[Parse #1] strange row\nhello\n`)
    expect(tick(100, metricsAt(600, 200, 0))).toMatch(/^clicks/)
  })

  test('wipes the block when it is closed, and draws no more', () => {
    const { progress, tick, take } = start('drawn')
    tick(500, metricsAt(500, 100, 0))
    progress.close()
    expect(take()).toBe(`${UP}5A\r${UP}J`)
    expect(tick(1000, metricsAt(1500, 200, 0))).toBe('')
  })

  test('cuts lines at the width of the terminal and the block at its height', () => {
    const { tick } = start('drawn', { columns: 24, rows: 4 })
    const lines = tick(500, metricsAt(500, 100, 0)).split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[2]).toBe('  ... 3 more')
    expect(lines.every((line) => line.length < 24)).toBe(true)
  })
})

describe('Progress, plain', () => {
  test('writes a line every five seconds', () => {
    const { tick } = start('plain')
    const lines: string[] = []
    for (let ms = 100; ms <= 10_000; ms += 100) lines.push(tick(100, metricsAt(ms, ms * 10, 2, true)))
    expect(lines.filter((line) => line !== '')).toEqual([
      'clicks: 5.00 s, 50.0 K rows read (10.0 K/s), 2 written (0/s), backpressure at File -> Parse (45 %)\n',
      'clicks: 10.0 s, 100 K rows read (10.0 K/s), 2 written (0/s), backpressure at File -> Parse (45 %)\n',
    ])
  })

  test('tells the last checkpoint', () => {
    const { tick } = start('plain')
    expect(tick(5000, metricsAt(5000, 10, 2, false, { checkpointId: 12, durationMs: 3, ageMs: 65_000 }))).toContain(', checkpoint 12 65 s ago, took 3.00 ms\n')
  })

  test('writes lines of the log as they come, without escape codes', () => {
    const { progress, take } = start('plain')
    progress.log('Map', 0, 'one\ntwo')
    expect(take()).toBe('[Map #0] one\n[Map #0] two\n')
  })
})

test('Progress, quiet, still writes the log', () => {
  const { progress, tick, take } = start('quiet')
  expect(tick(10_000, metricsAt(10_000, 5, 5))).toBe('')
  progress.log('Map', 0, 'one')
  expect(take()).toBe('[Map #0] one\n')
})
