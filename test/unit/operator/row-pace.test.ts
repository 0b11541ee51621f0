import { expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { RowPace } from '../../../src/operator/row-pace.ts'

/** Rows that a step takes when each costs `rowMs`, and how often it looked at the clock. */
function step(pace: RowPace, clock: VirtualClock, rowMs: number, rowsMax: number): { rows: number; looks: number } {
  pace.begin()
  let rows = 0
  let looks = 0
  while (rows < rowsMax) {
    const taken = Math.min(pace.rows, rowsMax - rows)
    clock.advanceMs(taken * rowMs)
    rows += taken
    looks++
    if (pace.isOver(taken)) break
  }
  return { rows, looks }
}

test('a step of a slow function ends behind its first row', () => {
  const clock = new VirtualClock()
  const pace = new RowPace(clock)
  for (let count = 0; count < 3; count++) expect(step(pace, clock, 10, 1024)).toEqual({ rows: 1, looks: 1 })
  expect(pace.hasEnded).toBe(true)
})

test('a fast function is asked for the time every 256 rows', () => {
  const clock = new VirtualClock()
  const pace = new RowPace(clock)
  step(pace, clock, 1e-5, 1024)
  expect(step(pace, clock, 1e-5, 1024)).toEqual({ rows: 1024, looks: 4 })
  expect(pace.hasEnded).toBe(false)
})

test('a function that turns slow is noticed after 256 rows, one that turns fast within a few steps', () => {
  const clock = new VirtualClock()
  const pace = new RowPace(clock)
  step(pace, clock, 1e-5, 1024)
  expect(step(pace, clock, 10, 1024)).toEqual({ rows: 256, looks: 1 })
  expect(step(pace, clock, 10, 1024)).toEqual({ rows: 1, looks: 1 })
  expect(step(pace, clock, 1e-5, 1024).rows).toBe(1024)
})

test('steps of functions between stay near a millisecond', () => {
  const clock = new VirtualClock()
  const pace = new RowPace(clock)
  for (const rowMs of [0.3, 0.05, 0.01, 0.002]) {
    step(pace, clock, rowMs, 1024)
    expect(step(pace, clock, rowMs, 1024).rows * rowMs).toBeLessThan(2)
    expect(step(pace, clock, rowMs, 1024).rows * rowMs).toBeGreaterThan(0.9)
  }
})

test('tick() looks as often as rows of a loop of their own do', () => {
  const clock = new VirtualClock()
  const pace = new RowPace(clock)
  pace.begin()
  let rows = 1
  while (!pace.tick()) {
    rows++
    clock.advanceMs(0.01)
  }
  expect(rows).toBeGreaterThan(50)
  expect(rows).toBeLessThan(200)
})
