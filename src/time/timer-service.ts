// Timers of a keyed operator: what user functions see, and the queue of one time domain that the operator drives. Part of keyed state. Runs on
// the worker's thread.

/** Timers of the current key, as user functions see them. Times are epoch ms; a fraction is rounded up. */
export interface TimerService {
  /**
   * The event time the operator has reached: no record at or below it is still expected. -Infinity before the first watermark. In `onTimer` it is at
   * least the timer's time. How far beyond is not defined behind windows, which pass on the watermarks at their ends and those behind their input:
   * when a timer fires, and in which order, does not depend on it.
   */
  currentWatermark(): number
  currentProcessingTime(): number
  /** `onTimer` is called for the current key once the watermark has reached `timeMs`. Registering a time twice is one timer. */
  registerEventTimeTimer(timeMs: number): void
  registerProcessingTimeTimer(timeMs: number): void
  /** Takes a timer back; nothing happens if there is none. */
  deleteEventTimeTimer(timeMs: number): void
  deleteProcessingTimeTimer(timeMs: number): void
}

/**
 * The timers of one time domain (event or processing time), of all keys. A timer is a (key, namespace, time); timers fire in the order of their
 * times, those of one time in the order they were registered. Where keys leave memory and not all that have timers at one time fit into it, that order
 * holds for those of each key.
 */
export interface TimerDomain {
  /** Registers a timer of the backend's current key. One that exists stays where it is. */
  register(timeMs: number): void
  delete(timeMs: number): void
  /** The same for the current key and namespace. */
  registerInNamespace(timeMs: number): void
  deleteInNamespace(timeMs: number): void
  /** No timer fires before this time: a lower bound; Infinity only if there is no timer. */
  readonly nextMs: number
  /**
   * Takes the next timer at or below `upToMs` out, makes its key (and its namespace) current in the backend, and returns true; false if there is none.
   * Timers that are registered meanwhile take their place in the order; deleted ones do not come.
   */
  poll(upToMs: number): boolean
  /** Time of the timer that the last {@link poll} took out. */
  readonly firedMs: number
  /** Whether it belongs to a namespace (which is then the current one). */
  readonly firedInNamespace: boolean
  /** Number of timers. */
  readonly count: number
}
