// Takes values out of an async iterable, a Node Readable or a web ReadableStream, a little ahead of the reader and no further: what is not
// asked for stays in the stream, which holds its producer back. Runs on the event loop of the reader's thread.

import { ConnectorError } from '../../base/errors.ts'

/** What a factory may give: anything that yields values over time. Node's Readable is an async iterable. */
export type StreamInput<T = unknown> = AsyncIterable<T> | Iterable<T> | ReadableStream<T>

/**
 * Makes the stream when the job starts, on the thread that reads it. The signal aborts when the job ends before the stream does.
 */
export type StreamFactory<T = unknown> = (signal: AbortSignal) => StreamInput<T> | Promise<StreamInput<T>>

/** The one way to read all of them. */
interface Pull {
  next(): Promise<IteratorResult<unknown>> | IteratorResult<unknown>
  /** Makes the producer stop; may not wait for a value under way. */
  cancel(): void
}

/** Values read ahead of the reader. */
export class StreamIntake {
  readonly #factory: StreamFactory
  /** How much the queue may hold, and what a value counts for. */
  readonly #capacity: number
  readonly #sizeOf: (value: unknown) => number
  readonly #wake: () => void
  readonly #abort = new AbortController()
  #queue: unknown[] = []
  #head = 0
  #size = 0
  #pull: Pull | undefined
  #isPulling = false
  #isEnded = false
  #isClosed = false
  #failure: ConnectorError | undefined

  /**
   * @param capacity Values are read ahead until their sizes reach this.
   * @param wake Called when something came, the stream ended or failed.
   */
  constructor(factory: StreamFactory, capacity: number, sizeOf: (value: unknown) => number, wake: () => void) {
    this.#factory = factory
    this.#capacity = capacity
    this.#sizeOf = sizeOf
    this.#wake = wake
  }

  /** Number of values that {@link take} has now. */
  get length(): number {
    return this.#queue.length - this.#head
  }

  /** Whether every value has been taken and none will come. @throws {ConnectorError} `STREAM_FAILED` behind the last value before the failure. */
  get isDone(): boolean {
    if (this.length > 0) return false
    if (this.#failure !== undefined) throw this.#failure
    return this.#isEnded
  }

  /** Removes and returns the next value. */
  take(): unknown {
    const value = this.#queue[this.#head]
    this.#queue[this.#head++] = undefined
    this.#size -= this.#sizeOf(value)
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    return value
  }

  /** Goes on reading while there is room. Returns at once. */
  fill(): void {
    if (this.#isPulling || this.#isEnded || this.#isClosed || this.#failure !== undefined || this.#size >= this.#capacity) return
    this.#isPulling = true
    void this.#run()
  }

  /** Stops the producer. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue = []
    this.#head = 0
    if (!this.#isEnded) this.#abort.abort()
    if (!this.#isEnded && this.#failure === undefined) this.#pull?.cancel()
  }

  async #run(): Promise<void> {
    try {
      if (this.#pull === undefined) {
        const pull = pullOf(await this.#factory(this.#abort.signal))
        this.#pull = pull
        if (this.#isClosed) pull.cancel()
      }
      while (!this.#isClosed && this.#size < this.#capacity) {
        const result = await this.#pull.next()
        if (this.#isClosed) break
        if (result.done === true) {
          this.#isEnded = true
          break
        }
        this.#queue.push(result.value)
        this.#size += this.#sizeOf(result.value)
        if (this.length === 1) this.#wake()
      }
    } catch (error) {
      if (!this.#isClosed) this.#failure = streamError('read', error)
    }
    this.#isPulling = false
    if (!this.#isClosed) this.#wake()
  }
}

/** The error that a stream's failure becomes. */
export function streamError(verb: 'read' | 'write', thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  return new ConnectorError('STREAM_FAILED', `Cannot ${verb} stream: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown })
}

function pullOf(input: StreamInput): Pull {
  const { getReader, destroy } = (input ?? {}) as { getReader?: unknown; destroy?: unknown }
  if (typeof getReader === 'function') {
    const reader = (input as ReadableStream<unknown>).getReader()
    return { next: () => reader.read() as Promise<IteratorResult<unknown>>, cancel: () => void reader.cancel().catch(() => {}) }
  }
  const iterable = (input ?? {}) as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  const open: (() => AsyncIterator<unknown> | Iterator<unknown>) | undefined = iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator]
  if (typeof open !== 'function')
    throw new ConnectorError('INVALID_STREAM', 'Cannot read stream: the factory returned neither an async iterable nor a stream', {
      hint: 'Return an async iterable, a Node Readable or a web ReadableStream.',
    })
  const iterator = open.call(input)
  return {
    next: () => iterator.next(),
    cancel: () => {
      // A generator that waits for its next value cannot be ended from outside; a Node stream can.
      if (typeof destroy === 'function') destroy.call(input)
      void Promise.resolve(iterator.return?.()).catch(() => {})
    },
  }
}
