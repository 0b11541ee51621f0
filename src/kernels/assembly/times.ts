// Timestamps of a batch's rows, int64 epoch ms, looked at all at once: what decides whether rows must be looked at one by one.

import { rowAt } from './rows'

/** Whether the timestamps of all rows at logical positions begin..begin + n - 1 lie in [startMs, endMs). */
export function timesWithin(timestamps: usize, selection: usize, begin: u32, n: u32, startMs: f64, endMs: f64): bool {
  const start = <i64>startMs
  const width = <u64>(<i64>endMs - start)
  let outside: u32 = 0
  if (selection == 0) {
    timestamps += <usize>begin << 3
    for (let row: u32 = 0; row < n; row++) outside |= <u32>(<u64>(load<i64>(timestamps + (<usize>row << 3)) - start) >= width)
  } else {
    for (let row: u32 = 0; row < n; row++) outside |= <u32>(<u64>(load<i64>(timestamps + (<usize>rowAt(selection, begin + row) << 3)) - start) >= width)
  }
  return outside == 0
}

/** The largest timestamp of the rows at logical positions begin..begin + n - 1; n is at least 1. */
export function timesMax(timestamps: usize, selection: usize, begin: u32, n: u32): f64 {
  let greatest = i64.MIN_VALUE
  if (selection == 0) {
    timestamps += <usize>begin << 3
    for (let row: u32 = 0; row < n; row++) greatest = max<i64>(greatest, load<i64>(timestamps + (<usize>row << 3)))
  } else {
    for (let row: u32 = 0; row < n; row++) greatest = max<i64>(greatest, load<i64>(timestamps + (<usize>rowAt(selection, begin + row) << 3)))
  }
  return <f64>greatest
}
