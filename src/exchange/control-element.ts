// Stream elements other than batches as they lie in frames: the structs of schemas/control.fbs, written and read in place. A test compares the
// offsets with the generated code.

import type { BarrierKind } from '../batch/generated/barrier-kind.ts'
import { FrameKind } from './frame-kind.ts'

/** Parts records that belong to a checkpoint from those that do not. */
export interface CheckpointBarrier {
  readonly checkpointId: number
  /** When the coordinator started the checkpoint: epoch ms. */
  readonly timestampMs: number
  readonly kind: BarrierKind
}

/** Travels with the records and tells how long they wait on the way. */
export interface LatencyMarker {
  /** When the source made it: ms of the process-wide monotonic clock. */
  readonly markedMs: number
  /** The source's task and which of its subtasks. */
  readonly taskIndex: number
  readonly subtaskIndex: number
}

/** Bytes of the longest struct, rounded up. */
export const CONTROL_BYTES_MAX = 24

const BARRIER_TIMESTAMP = 8
const BARRIER_KIND = 16
const MARKER_TASK = 8
const MARKER_SUBTASK = 12
const WORD = 4294967296

/** One control element, used again and again. Of the properties below `kind` those count that belong to the kind. */
export class ControlElement {
  kind: FrameKind = FrameKind.WATERMARK
  /** Epoch ms; infinities for the ends of time. */
  watermarkMs = 0
  isIdle = false
  barrier: CheckpointBarrier | undefined
  marker: LatencyMarker | undefined

  /** Writes the kind's struct at a multiple of 8 bytes with room for {@link CONTROL_BYTES_MAX}; returns its bytes. */
  write(data: DataView, at: number): number {
    switch (this.kind) {
      case FrameKind.WATERMARK:
        data.setFloat64(at, this.watermarkMs, true)
        return 8
      case FrameKind.STATUS:
        data.setUint8(at, this.isIdle ? 1 : 0)
        return 1
      case FrameKind.BARRIER: {
        const { checkpointId, timestampMs, kind } = this.barrier!
        data.setUint32(at, checkpointId % WORD, true)
        data.setUint32(at + 4, Math.floor(checkpointId / WORD), true)
        data.setFloat64(at + BARRIER_TIMESTAMP, timestampMs, true)
        data.setUint8(at + BARRIER_KIND, kind)
        return CONTROL_BYTES_MAX
      }
      case FrameKind.LATENCY: {
        const { markedMs, taskIndex, subtaskIndex } = this.marker!
        data.setFloat64(at, markedMs, true)
        data.setInt32(at + MARKER_TASK, taskIndex, true)
        data.setInt32(at + MARKER_SUBTASK, subtaskIndex, true)
        return 16
      }
      default:
        // Time ends with the input: stopping without draining has no element of its own yet.
        data.setUint8(at, 1)
        return 1
    }
  }

  /** Reads the struct of a kind. */
  read(kind: FrameKind, data: DataView, at: number): void {
    this.kind = kind
    if (kind === FrameKind.WATERMARK) this.watermarkMs = data.getFloat64(at, true)
    else if (kind === FrameKind.STATUS) this.isIdle = data.getUint8(at) === 1
    else if (kind === FrameKind.BARRIER)
      this.barrier = {
        checkpointId: checkpointIdOf(data.getUint32(at + 4, true), data.getUint32(at, true)),
        timestampMs: data.getFloat64(at + BARRIER_TIMESTAMP, true),
        kind: data.getUint8(at + BARRIER_KIND) as BarrierKind,
      }
    else if (kind === FrameKind.LATENCY)
      this.marker = {
        markedMs: data.getFloat64(at, true),
        taskIndex: data.getInt32(at + MARKER_TASK, true),
        subtaskIndex: data.getInt32(at + MARKER_SUBTASK, true),
      }
  }
}

/** In V8 a product with 2^32 is a double even if it is 0: stored in a field that held small integers it gives the object another shape, and all code for it is lost. */
function checkpointIdOf(high: number, low: number): number {
  return high === 0 ? low : high * WORD + low
}
