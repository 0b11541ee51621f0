// Metric slots of a subtask: float64 in the worker's fixed region, written once a step by the worker, read by the coordinator whenever it
// likes (a torn view between slots is harmless).

/** Slots every subtask has. */
export const MetricSlot = {
  ROWS_IN: 0,
  ROWS_OUT: 1,
  BYTES_OUT: 2,
  BUSY_MS: 3,
  BACKPRESSURED_MS: 4,
  WATERMARK_MS: 5,
  LATE_RECORDS: 6,
  BAD_RECORDS: 7,
  /** 1 while the last step was refused by an output. */
  IS_BACKPRESSURED: 8,
  /** 1 once the subtask has ended. */
  HAS_ENDED: 9,
  BACKLOG_BYTES: 10,
  SLAB_BYTES: 11,
  /** 1 from the subtask's first step on. */
  HAS_STARTED: 12,
  /** Watermark of a source that is aligned with others: what its generator has sent. */
  SOURCE_WATERMARK_MS: 13,
  /** 1 while that source is idle and holds nobody back. */
  IS_IDLE: 14,
  /** Garbage collection of the worker's thread; in the slots of task 0 only. */
  GC_COUNT: 15,
  GC_TOTAL_MS: 124,
  GC_MAX_MS: 125,
  /** Rows out of each operator of the chain, in plan order, from here on. */
  OPERATOR_ROWS_OUT: 16,
} as const
