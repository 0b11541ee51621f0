// The stream elements as frames of a ring: one kind each. Control elements carry one little-endian double at most.

/** Frame kinds of a channel. */
export const FrameKind = {
  /** A record batch, encoded (batch/batch-codec.ts). */
  BATCH: 1,
  /** A piece of an encoded batch that is longer than a frame may be; more pieces follow. */
  BATCH_PART: 2,
  /** float64: the watermark in epoch ms. */
  WATERMARK: 3,
  /** float64: 1 = idle, 0 = active. */
  STATUS: 4,
  /** float64: the checkpoint id. */
  BARRIER: 5,
  /** Nothing follows. */
  END: 6,
  /** float64: when the marker left its source, in ms of the monotonic clock. Flows with the records, is measured at sinks. */
  LATENCY: 7,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

/** Payload bytes of a control element. */
export const CONTROL_BYTES = 8
