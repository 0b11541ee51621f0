// The stream elements as frames of a ring: one kind each.

/** Frame kinds of a channel. */
export const FrameKind = {
  /** A record batch, encoded (batch/batch-codec.ts). */
  BATCH: 1,
  /** A piece of an encoded batch that is longer than a frame may be; more pieces follow. */
  BATCH_PART: 2,
  /** The struct Watermark (control-element.ts). */
  WATERMARK: 3,
  /** The struct WatermarkStatus. */
  STATUS: 4,
  /** The struct Barrier. */
  BARRIER: 5,
  /** The struct EndOfInput: nothing follows. */
  END: 6,
  /** The struct LatencyMarker: flows with the records, is measured at sinks. */
  LATENCY: 7,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]
