// Calls asynchronous user functions: many at a time, results in the order of the records or as they come, never across a watermark. Runs on a
// worker whose event loop lives. Records in flight are state: a restore calls the function for them again.

import { UserFunctionError } from '../../base/errors.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { assertInserts, type RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import { ByteReader, ByteWriter, type ValueCodec, valueCodecOf } from '../../state/value-codec.ts'
import { type RichFunction, userError } from '../function.ts'
import type { Operator, OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../operator.ts'
import { compileRowReader, type RowReader } from '../row-code.ts'
import { RowCollector } from '../window/row-collector.ts'

/** Asks something for each record: a database, a service. */
export interface AsyncFunction<in IN, out OUT> extends RichFunction {
  /**
   * Called once a record (again after a retry or a restore). The record is the function's to keep.
   *
   * @param signal Aborted when the call has timed out or the job ends.
   * @returns The results for the record: none, one or more.
   */
  asyncInvoke(record: IN, signal: AbortSignal): Promise<Iterable<OUT>>
  /** What to return for a record whose last try has timed out. Without it the job fails. */
  timeout?(record: IN): Iterable<OUT>
}

/** How asynchronous calls are made. */
export interface AsyncOptions {
  /** Calls in flight at most; the stream is held back beyond. @default 100 */
  readonly capacity?: number
  /** For each try, in ms. @default Infinity */
  readonly timeoutMs?: number
  /** Tries after the first that failed or timed out. @default 0 */
  readonly retries?: number
  /** Pause before a retry in ms, doubled for each further one. @default 100 */
  readonly retryDelayMs?: number
}

/** A record in flight, or a watermark between records. */
interface Entry {
  readonly watermarkMs: number | undefined
  readonly record: unknown
  readonly timestampMs: number
  results: Iterable<unknown> | undefined
  /** Tries that have begun. */
  tries: number
  /** When the running try times out, or the next one begins: epoch ms of the clock. */
  dueMs: number
  /** Ends the running try; undefined between tries. */
  abort: AbortController | undefined
}

/** More subtasks than there can be: makes one number of a subtask's index and the parallelism. */
const SUBTASKS_MAX = 65_536
const CAPACITY_DEFAULT = 100
const RETRY_DELAY_MS_DEFAULT = 100

/** See the file's head. */
export class AsyncOperator implements Operator {
  readonly crossings = 'carry'
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #fn: AsyncFunction<unknown, unknown>
  readonly #ordered: boolean
  readonly #options: Required<AsyncOptions>
  #context!: OperatorContext
  #reader!: RowReader
  #collector!: RowCollector<unknown>
  #codec!: ValueCodec
  #queue: Entry[] = []
  #calls = 0
  /** Set by the first call that failed for good. */
  #failure: unknown
  /** Results or watermarks that can go out now. */
  #ready = false
  #bound: RecordBatch | null = null
  #crossing = 0

  constructor(inputSchema: Schema, fn: AsyncFunction<never, unknown>, outputSchema: Schema, ordered: boolean, options: AsyncOptions) {
    this.#inputSchema = inputSchema
    this.#fn = fn as AsyncFunction<unknown, unknown>
    this.outputSchema = outputSchema
    this.#ordered = ordered
    this.#options = { capacity: CAPACITY_DEFAULT, timeoutMs: Infinity, retries: 0, retryDelayMs: RETRY_DELAY_MS_DEFAULT, ...options }
  }

  open(context: OperatorContext): void {
    this.#context = context
    this.#reader = compileRowReader(this.#inputSchema)
    this.#collector = new RowCollector(context, this.outputSchema)
    this.#codec = valueCodecOf(
      isObjectSchema(this.#inputSchema) ? undefined : { kind: 'ROW', nullable: false, fields: this.#inputSchema.fields },
      'records in flight',
    )
    this.#user(() => this.#fn.open?.(runtimeContextOf(context)))
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    this.#proceed()
    if (!this.#emitReady(output)) return false
    if (this.#bound !== batch) {
      assertInserts(batch)
      this.#bound = batch
      this.#crossing = 0
      this.#reader.bind(batch)
    }
    const { crossings } = batch
    const plain = isObjectSchema(this.#inputSchema)
    for (;;) {
      while (this.#crossing < crossings.count && batch.positionOf(crossings.positions[this.#crossing]) <= batch.begin)
        this.#addWatermark(crossings.watermarks[this.#crossing++])
      if (batch.begin === batch.end) break
      if (this.#calls >= this.#options.capacity) return false
      const row = batch.physicalRow(batch.begin)
      this.#reader.seek(row)
      const record = this.#reader.record()
      this.#call(plain ? record : { ...(record as object) }, batch.timestampOf(row))
      batch.begin++
    }
    if (!this.#emitReady(output)) return false
    this.#bound = null
    return true
  }

  nextCutMs(): number {
    return Infinity
  }

  /** A watermark between batches waits in the queue like one within a batch; the driver's own forwarding would let it overtake. */
  advance(watermarkMs: number, output: Output): boolean {
    this.#proceed()
    this.#addWatermark(watermarkMs)
    return this.#emitReady(output) && this.#queue.length === 0
  }

  nextProcessingTimeMs(): number {
    if (this.#ready || this.#failure !== undefined) return this.#context.clock.nowMs()
    return this.#queue.reduce((leastMs, entry) => Math.min(leastMs, entry.dueMs), Infinity)
  }

  fireTimers(_upToMs: number, output: Output): boolean {
    this.#proceed()
    return this.#emitReady(output)
  }

  endInput(output: Output): boolean {
    this.#proceed()
    return this.#emitReady(output) && this.#queue.length === 0
  }

  snapshot(writer: SnapshotWriter): void {
    const { subtaskIndex, parallelism } = this.#context
    const origin = subtaskIndex + parallelism * SUBTASKS_MAX
    for (const { watermarkMs, timestampMs, record } of this.#queue) {
      const bytes = new ByteWriter()
      bytes.float64(origin)
      bytes.float64(watermarkMs ?? NaN)
      if (watermarkMs === undefined) {
        bytes.float64(timestampMs)
        this.#codec.write(bytes, record)
      }
      writer.element('in-flight', bytes.bytes.subarray(0, bytes.at))
    }
  }

  restore(reader: SnapshotReader): void {
    const { subtaskIndex, parallelism } = this.#context
    const entries: { readonly watermarkMs: number; readonly timestampMs: number; readonly record: unknown }[] = []
    // Among records of other subtasks a watermark may be too high: then it is left to the next one.
    let isOwn = true
    reader.elements('in-flight', (value) => {
      const bytes = new ByteReader().load(value, 0, value.length)
      isOwn = bytes.float64() === subtaskIndex + parallelism * SUBTASKS_MAX && isOwn
      const watermarkMs = bytes.float64()
      entries.push(
        Number.isNaN(watermarkMs)
          ? { watermarkMs, timestampMs: bytes.float64(), record: this.#codec.read(bytes) }
          : { watermarkMs, timestampMs: 0, record: undefined },
      )
    })
    for (const { watermarkMs, timestampMs, record } of entries)
      if (Number.isNaN(watermarkMs)) this.#call(record, timestampMs)
      else if (isOwn) this.#addWatermark(watermarkMs)
  }

  close(): void {
    for (const entry of this.#queue) {
      const { abort } = entry
      // What comes of the call is nobody's any more.
      entry.abort = undefined
      abort?.abort()
    }
    this.#queue = []
    this.#collector?.free()
    this.#user(() => this.#fn.close?.())
  }

  #call(record: unknown, timestampMs: number): void {
    const entry: Entry = { watermarkMs: undefined, record, timestampMs, results: undefined, tries: 0, dueMs: Infinity, abort: undefined }
    this.#queue.push(entry)
    this.#calls++
    void this.#try(entry)
  }

  /** One try of a call; its outcome is seen by the next step of the loop. */
  async #try(entry: Entry): Promise<void> {
    const abort = new AbortController()
    entry.abort = abort
    entry.tries++
    entry.dueMs = this.#context.clock.nowMs() + this.#options.timeoutMs
    try {
      const results = await this.#fn.asyncInvoke(entry.record, abort.signal)
      // A try that has timed out is no longer the entry's.
      if (entry.abort !== abort) return
      this.#done(entry, results)
    } catch (error) {
      if (entry.abort !== abort) return
      this.#failed(entry, error)
    }
    this.#context.wake()
  }

  #failed(entry: Entry, error: unknown): void {
    entry.abort = undefined
    entry.dueMs = Infinity
    const { retries, retryDelayMs } = this.#options
    if (entry.tries > retries) this.#failure ??= error
    else entry.dueMs = this.#context.clock.nowMs() + retryDelayMs * 2 ** (entry.tries - 1)
  }

  /** Times out tries and begins new ones, as the clock says. */
  #checkDue(nowMs: number): void {
    for (const entry of this.#queue) {
      if (entry.dueMs > nowMs) continue
      if (entry.abort === undefined) {
        void this.#try(entry)
        continue
      }
      entry.abort.abort()
      if (entry.tries > this.#options.retries && this.#fn.timeout !== undefined) {
        this.#user(() => this.#done(entry, this.#fn.timeout!(entry.record)))
        continue
      }
      const hint = 'Raise timeoutMs, allow retries, or give the function a timeout() method.'
      this.#failed(
        entry,
        new UserFunctionError('ASYNC_TIMEOUT', `Call of operator "${this.#context.operatorName}" has taken more than ${this.#options.timeoutMs} ms`, { hint }),
      )
    }
  }

  /** @throws {TypeError} If there are no results to go through. */
  #done(entry: Entry, results: Iterable<unknown>): void {
    if (typeof results?.[Symbol.iterator] !== 'function')
      throw new TypeError('Cannot take the results of an asynchronous call: the function must resolve to an iterable, such as an array')
    entry.results = results
    entry.abort = undefined
    entry.dueMs = Infinity
    this.#ready = true
  }

  #addWatermark(watermarkMs: number): void {
    const last = this.#queue[this.#queue.length - 1]
    if (last?.watermarkMs !== undefined && last.watermarkMs >= watermarkMs) return
    this.#queue.push({ watermarkMs, record: undefined, timestampMs: WATERMARK_MIN, results: undefined, tries: 0, dueMs: Infinity, abort: undefined })
    this.#ready = true
  }

  /** Emits what may go out: from the front while it is done; unordered, whatever is done in front of the next watermark. */
  #emitReady(output: Output): boolean {
    if (!this.#collector.flush(output)) return false
    if (!this.#ready) return true
    if (!output.hasCapacity()) return false
    const collector = this.#collector
    collector.begin(output)
    this.#ready = false
    const kept: Entry[] = []
    let index = 0
    for (; index < this.#queue.length && !collector.isFull; index++) {
      const entry = this.#queue[index]
      if (entry.watermarkMs !== undefined) {
        if (kept.length > 0) break
        collector.watermark(entry.watermarkMs)
      } else if (entry.results === undefined) {
        if (this.#ordered) break
        kept.push(entry)
      } else {
        this.#calls--
        collector.timestampMs = entry.timestampMs
        this.#user(() => {
          for (const result of entry.results!) collector.collect(result)
        })
      }
    }
    if (collector.isFull && index < this.#queue.length) this.#ready = true
    this.#queue = [...kept, ...this.#queue.slice(index)]
    return collector.flush(output)
  }

  /** What every step begins with: retries and timeouts that are due, then the failure of a call, if there is one. */
  #proceed(): void {
    this.#checkDue(this.#context.clock.nowMs())
    if (this.#failure !== undefined) throw userError(this.#context.operatorName, this.#context.subtaskIndex, this.#failure)
  }

  #user(call: () => void): void {
    try {
      call()
    } catch (error) {
      throw userError(this.#context.operatorName, this.#context.subtaskIndex, error)
    }
  }
}

/** The part of an operator's context that functions see. */
export function runtimeContextOf(context: OperatorContext): Parameters<NonNullable<RichFunction['open']>>[0] {
  return {
    operatorName: context.operatorName,
    subtaskIndex: context.subtaskIndex,
    parallelism: context.parallelism,
    metrics: context.metrics,
    log: (message) => context.log(message),
    option: (key) => context.option(key),
  }
}
