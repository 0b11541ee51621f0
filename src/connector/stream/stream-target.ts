// The writing end of a Node Writable or a web WritableStream, in one form. Runs on the event loop of the writer's thread. Invariant: after a
// failure nothing is written, and the failure is thrown by whatever is asked next.

import { finished, type Writable } from 'node:stream'
import { ConnectorError } from '../../base/errors.ts'
import { streamError } from './stream-intake.ts'

/** What a factory of a sink may give. */
export type StreamOutput = Writable | WritableStream
/** Makes the stream when the job starts, on the thread that writes it. */
export type OutputFactory = () => StreamOutput | Promise<StreamOutput>

/** The one way to write both. */
interface Push {
  write(chunk: unknown): void
  hasCapacity(): boolean
  /** Says that no more comes. */
  end(): void
  abort(): void
}

/** See the file's head. */
export class StreamTarget {
  readonly #wake: () => void
  #push: Push | undefined
  #isEnding = false
  #isEnded = false
  #isClosed = false
  #failure: ConnectorError | undefined

  /**
   * @param endsStream Whether the stream is ended with the input; if not, only what was written is waited for.
   * @param wake Called when the stream has capacity again, has ended or failed.
   */
  constructor(factory: OutputFactory, endsStream: boolean, wake: () => void) {
    this.#wake = wake
    void this.#open(factory, endsStream)
  }

  /** Whether the stream is there and takes more. @throws {ConnectorError} `STREAM_FAILED` */
  hasCapacity(): boolean {
    this.#check()
    return this.#push !== undefined && this.#push.hasCapacity()
  }

  /** Whether the stream is there. @throws {ConnectorError} `STREAM_FAILED` */
  get isOpen(): boolean {
    this.#check()
    return this.#push !== undefined
  }

  /** Writes a chunk; the stream keeps it, even beyond its capacity. Call only when it is open. */
  write(chunk: unknown): void {
    try {
      this.#push!.write(chunk)
    } catch (error) {
      throw streamError('write', error)
    }
  }

  /** Ends the stream. Returns whether it has taken everything. @throws {ConnectorError} `STREAM_FAILED` */
  end(): boolean {
    this.#check()
    if (this.#push === undefined) return false
    if (!this.#isEnding) {
      this.#isEnding = true
      this.#push.end()
    }
    return this.#isEnded
  }

  /** Lets go of the stream; one that has not ended is aborted. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.#isEnded && this.#failure === undefined) this.#push?.abort()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async #open(factory: OutputFactory, endsStream: boolean): Promise<void> {
    try {
      const stream = await factory()
      const push =
        typeof (stream as WritableStream | undefined)?.getWriter === 'function'
          ? this.#webPush(stream as WritableStream, endsStream)
          : this.#nodePush(stream as Writable, endsStream)
      if (this.#isClosed) push.abort()
      else this.#push = push
    } catch (error) {
      this.#fail(error)
    }
    this.#wake()
  }

  #nodePush(stream: Writable | undefined, endsStream: boolean): Push {
    if (typeof stream?.write !== 'function')
      throw new ConnectorError('INVALID_STREAM', 'Cannot write stream: the factory returned no stream', {
        hint: 'Return a Node Writable or a web WritableStream.',
      })
    const onDrain = (): void => this.#wake()
    // Calls back on failure too, and when the stream is closed before it has taken everything.
    const release = finished(stream, { readable: false }, (error) => (error ? this.#fail(error) : this.#end()))
    stream.on('drain', onDrain)
    const letGo = (): void => {
      release()
      stream.off('drain', onDrain)
    }
    // Chunks that the stream has not taken; without an end of its own the sink is done when there are none.
    let pending = 0
    let isLast = false
    const onWritten = (error?: Error | null): void => {
      pending--
      if (error) this.#fail(error)
      else if (isLast && pending === 0) this.#end()
    }
    return {
      write: (chunk) => {
        pending++
        stream.write(chunk, onWritten)
      },
      hasCapacity: () => !stream.writableNeedDrain,
      end: () => {
        if (endsStream) {
          stream.end()
          return
        }
        letGo()
        isLast = true
        if (pending === 0) this.#end()
      },
      abort: () => {
        letGo()
        if (!endsStream) return
        stream.on('error', () => {})
        stream.destroy()
      },
    }
  }

  #webPush(stream: WritableStream, endsStream: boolean): Push {
    const writer = stream.getWriter()
    const fail = (error: unknown): void => this.#fail(error)
    let pending = Promise.resolve()
    writer.closed.catch(fail)
    return {
      write: (chunk) => {
        pending = writer.write(chunk)
        pending.catch(fail)
        if ((writer.desiredSize ?? 0) <= 0) writer.ready.then(() => this.#wake(), fail)
      },
      hasCapacity: () => (writer.desiredSize ?? 0) > 0,
      end: () => {
        if (endsStream) writer.close().then(() => this.#end(), fail)
        else
          void pending.then(() => {
            writer.releaseLock()
            return this.#end()
          }, fail)
      },
      abort: () => {
        if (endsStream) writer.abort().catch(() => {})
        else writer.releaseLock()
      },
    }
  }

  #fail(error: unknown): void {
    if (this.#isClosed || this.#isEnded) return
    this.#failure ??= streamError('write', error)
    this.#wake()
  }

  #end(): void {
    // Somebody else ended the stream while records were still to come.
    if (!this.#isEnding) {
      this.#fail(new Error('the stream was ended before the input'))
      return
    }
    this.#isEnded = true
    this.#wake()
  }
}
