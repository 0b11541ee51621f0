// Bindings of the kernels that look at the timestamps of many rows, and their twins. Timestamps are int64 epoch ms within ±2^53; rows go by
// logical position, through int32 `selection` unless it is 0.

/** Kernels over timestamps. */
export interface TimeKernels {
  /** 1 if the timestamps of all rows at positions begin..begin + n - 1 lie in [startMs, endMs), else 0. */
  timesWithin(timestamps: number, selection: number, begin: number, n: number, startMs: number, endMs: number): number
  /** The largest timestamp of the rows at positions begin..begin + n - 1; `n` is at least 1. */
  timesMax(timestamps: number, selection: number, begin: number, n: number): number
}

/** The twin of `timesWithin`. */
export function timesLieWithin(timestamps: readonly number[], startMs: number, endMs: number): boolean {
  return timestamps.every((timestamp) => timestamp >= startMs && timestamp < endMs)
}

/** The twin of `timesMax`. */
export function greatestOfTimes(timestamps: readonly number[]): number {
  return timestamps.reduce((greatest, timestamp) => Math.max(greatest, timestamp))
}
