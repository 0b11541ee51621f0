// Windows: what records are grouped into. Plain values, compared by their namespaces: a window is the namespace of its state and timers.

/** The counter of records that no window takes, such as those between two windows; late ones are not among them. */
export const NO_WINDOW_COUNTER = 'recordsInNoWindow'

/** A group of records. Custom windows implement this and bring a {@link WindowSerializer}. */
export interface Window {
  /** The last timestamp that belongs to the window, in epoch ms: results carry it; Infinity for a window that never ends. */
  maxTimestamp(): number
}

/**
 * Turns windows into the namespaces of their state and timers and back. Equal windows have equal namespaces, different windows different ones.
 * Both numbers are integral within ±(2^53 - 1).
 */
export interface WindowSerializer<W extends Window> {
  first(window: W): number
  second(window: W): number
  deserialize(first: number, second: number): W
}

/** The interval of event or processing time from `start` (inclusive) to `end` (exclusive), in epoch ms. */
export class TimeWindow implements Window {
  readonly start: number
  readonly end: number

  constructor(start: number, end: number) {
    this.start = start
    this.end = end
  }

  maxTimestamp(): number {
    return this.end - 1
  }

  /** Whether the two overlap or touch. */
  intersects(other: TimeWindow): boolean {
    return this.start <= other.end && this.end >= other.start
  }

  /** The smallest window that holds both. */
  cover(other: TimeWindow): TimeWindow {
    return new TimeWindow(Math.min(this.start, other.start), Math.max(this.end, other.end))
  }

  equals(other: TimeWindow): boolean {
    return this.start === other.start && this.end === other.end
  }

  toString(): string {
    return `TimeWindow{start=${this.start}, end=${this.end}}`
  }

  /** The namespace is (start, end). */
  static readonly serializer: WindowSerializer<TimeWindow> = {
    first: (window) => window.start,
    second: (window) => window.end,
    deserialize: (first, second) => new TimeWindow(first, second),
  }

  /** The start of the window of `sizeMs` that `timestamp` falls into, windows being aligned to `offsetMs`. */
  static startWithOffset(timestamp: number, offsetMs: number, sizeMs: number): number {
    const remainder = (timestamp - offsetMs) % sizeMs
    return timestamp - (remainder < 0 ? remainder + sizeMs : remainder)
  }
}

/** The one window that holds everything. */
export class GlobalWindow implements Window {
  static readonly INSTANCE: GlobalWindow = new GlobalWindow()

  private constructor() {}

  static get(): GlobalWindow {
    return GlobalWindow.INSTANCE
  }

  maxTimestamp(): number {
    return Infinity
  }

  toString(): string {
    return 'GlobalWindow'
  }

  /** The namespace is (0, 0). */
  static readonly serializer: WindowSerializer<GlobalWindow> = {
    first: () => 0,
    second: () => 0,
    deserialize: () => GlobalWindow.INSTANCE,
  }
}
