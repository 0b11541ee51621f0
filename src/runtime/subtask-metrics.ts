// Metric slots of a worker, its subtasks and their operators: float64 in the worker's fixed region, written by the worker's thread alone, read
// by whoever likes (a torn view between slots is harmless). The plan gives their number; control-layout.ts says where they lie.
//
//   worker block       WorkerSlot
//   subtask block      MetricSlot
//     + operators      for each of the chain, in plan order: OperatorSlot, then the counters it has made
//     + channels       for each that may come in: first the watermarks of all, then their statuses (time/watermark-merger.ts)
//   latency buckets    int32, a histogram for each sink of the chain (metrics/latency-histogram.ts)

/** Slots every worker has. */
export const WorkerSlot = {
  /** Garbage collection of the worker's thread. */
  GC_COUNT: 0,
  GC_TOTAL_MS: 1,
  GC_MAX_MS: 2,
  SLAB_BYTES: 3,
  /** The most that were in use at the end of a step. */
  SLAB_BYTES_PEAK: 4,
  SLAB_BYTES_MAX: 5,
} as const
export const WORKER_SLOTS = 6

/** Slots every subtask has. */
export const MetricSlot = {
  /** Time by what the subtask did with it, up to SINCE_MS: what has passed since then goes where IS_STEPPING and IS_BACKPRESSURED say. */
  BUSY_MS: 0,
  IDLE_MS: 1,
  BACKPRESSURED_MS: 2,
  /** Monotonic: when the step began that runs now, or the last one ended. */
  SINCE_MS: 3,
  /** 1 during a step. */
  IS_STEPPING: 4,
  /** 1 while an output holds the subtask back: as the last step left it. */
  IS_BACKPRESSURED: 5,
  WATERMARK_MS: 6,
  /** 1 from the subtask's first step on. */
  HAS_STARTED: 7,
  /** 1 once the subtask has ended. */
  HAS_ENDED: 8,
  /** What the subtask's watermark generators that are aligned with others have sent: the least of those that are not idle. */
  SOURCE_WATERMARK_MS: 9,
  /** 1 while all of those are idle and hold nobody back. */
  IS_IDLE: 10,
} as const
export const SUBTASK_SLOTS = 11

/** Counters with names that an operator may have; all further ones share one more. */
export const COUNTERS_MAX = 64

/** Slots every operator of a chain has; its counters follow. */
export const OperatorSlot = {
  ROWS_IN: 0,
  ROWS_OUT: 1,
  BYTES_IN: 2,
  BYTES_OUT: 3,
  LATE_RECORDS: 4,
  BAD_RECORDS: 5,
  COUNTERS: 6,
} as const
export const OPERATOR_SLOTS = OperatorSlot.COUNTERS + COUNTERS_MAX + 1

/** Slots of a channel: watermark and status. */
export const CHANNEL_SLOTS = 2
