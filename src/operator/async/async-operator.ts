// Calls asynchronous user functions: many at a time, results in the order of the records or as they come, never across a watermark. Runs on a
// worker whose event loop lives. Records in flight are state: a restore calls the function for them again.

import { PlanError, UserFunctionError } from '../../base/errors.ts'
import type { OptionKeys } from '../../base/option-keys.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { assertInserts, type RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'
import { ByteReader, ByteWriter, type ValueCodec, valueCodecOf } from '../../state/value-codec.ts'
import { refusePromise, type RichFunction, userError } from '../function.ts'
import type { Operator, OperatorContext, OperatorDescription, Output, SnapshotReader, SnapshotWriter } from '../operator.ts'
import { compileRowReader, type RowReader } from '../row-code.ts'
import { runtimeContextOf } from '../runtime-context.ts'
import { RowCollector } from '../window/row-collector.ts'
import { recordTypeOf } from '../window/window-contents.ts'
import { callingOperator } from './calling-operator.ts'
import type { AsyncRetryStrategy } from './retry-strategy.ts'

/** Asks something for each record: a database, a service. */
export interface AsyncFunction<in IN, out OUT> extends RichFunction {
  /**
   * Called once a record (again after a retry or a restore). The record is the function's to keep.
   *
   * @param signal Aborted when the call has timed out or the job ends.
   * @returns The results for the record: none, one or more.
   */
  asyncInvoke(record: IN, signal: AbortSignal): Promise<Iterable<OUT>>
  /** What to return for a record whose time has run out. Without it the job fails. */
  timeout?(record: IN): Iterable<OUT>
}

/** How asynchronous calls are made. */
export interface AsyncOptions<in OUT = unknown> {
  /** Calls in flight at most; the stream is held back beyond. @default 100 */
  readonly capacity?: number
  /** For a record, from its first try to the end of the last, the pauses between them included; in ms. @default Infinity */
  readonly timeoutMs?: number
  /** Which calls are made again, and when. @default none is */
  readonly retry?: AsyncRetryStrategy<OUT>
}

/** Those of {@link AsyncOptions}. */
export const ASYNC_KEYS: OptionKeys<AsyncOptions> = { capacity: true, timeoutMs: true, retry: true }

/** A record in flight, or a watermark between records. */
interface Entry {
  watermarkMs: number | undefined
  readonly record: unknown
  readonly timestampMs: number
  results: Iterable<unknown> | undefined
  /** Tries that have begun. */
  tries: number
  /** When the next try begins; Infinity while one runs: epoch ms of the clock. */
  dueMs: number
  /** When the record's time has run out; Infinity once it has results. */
  deadlineMs: number
  /** Ends the running try; undefined between tries. */
  abort: AbortController | undefined
}

/** More subtasks than there can be: makes one number of a subtask's index and the parallelism. */
const SUBTASKS_MAX = 65_536
const CAPACITY_DEFAULT = 100
const IN_FLIGHT_STATE = 'in-flight'

/** See the file's head. */
export class AsyncOperator implements Operator {
  readonly crossings = 'queue'
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #fn: AsyncFunction<unknown, unknown>
  readonly #ordered: boolean
  readonly #capacity: number
  readonly #timeoutMs: number
  readonly #retry: AsyncRetryStrategy<unknown> | undefined
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

  /** @throws {PlanError} `INVALID_ASYNC_OPTIONS` if a number is out of its range. */
  constructor(inputSchema: Schema, fn: AsyncFunction<never, unknown>, outputSchema: Schema, ordered: boolean, options: AsyncOptions<never>) {
    const { capacity = CAPACITY_DEFAULT, timeoutMs = Infinity, retry } = options
    if (!(Number.isInteger(capacity) && capacity > 0))
      throw new PlanError('INVALID_ASYNC_OPTIONS', `Cannot make asynchronous calls with capacity=${capacity}: it must be a positive integer`)
    if (!(timeoutMs > 0)) throw new PlanError('INVALID_ASYNC_OPTIONS', `Cannot make asynchronous calls with timeoutMs=${timeoutMs}: it must be positive`)
    this.#inputSchema = inputSchema
    this.#fn = fn as AsyncFunction<unknown, unknown>
    this.outputSchema = outputSchema
    this.#ordered = ordered
    this.#capacity = capacity
    this.#timeoutMs = timeoutMs
    this.#retry = retry as AsyncRetryStrategy<unknown> | undefined
  }

  open(context: OperatorContext): void {
    this.#context = context
    this.#reader = compileRowReader(this.#inputSchema)
    this.#collector = new RowCollector(context, this.outputSchema)
    this.#codec = valueCodecOf(recordTypeOf(this.#inputSchema), 'records in flight')
    this.#user(() => refusePromise(this.#fn.open?.(runtimeContextOf(context))))
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
      if (this.#calls >= this.#capacity) return false
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

  /** A watermark between batches waits in the queue like one within a batch. */
  advance(watermarkMs: number, output: Output): boolean {
    this.#proceed()
    this.#addWatermark(watermarkMs)
    return this.#emitReady(output)
  }

  settle(output: Output): boolean {
    this.#proceed()
    return this.#emitReady(output) && this.#queue.length === 0
  }

  nextProcessingTimeMs(): number {
    if (this.#ready || this.#failure !== undefined) return this.#context.clock.nowMs()
    return this.#queue.reduce((leastMs, entry) => Math.min(leastMs, entry.dueMs, entry.deadlineMs), Infinity)
  }

  fireTimers(_upToMs: number, output: Output): boolean {
    this.#proceed()
    return this.#emitReady(output)
  }

  endInput(output: Output): boolean {
    return this.settle(output)
  }

  describe(): OperatorDescription {
    return { type: 'asynchronous calls', states: [{ schema: this.#stateSchema() }] }
  }

  /** Results that are neither in flight nor sent would be nobody's. */
  leaveBatch(): boolean {
    if (this.#collector.isOpen) return false
    this.#bound = null
    return true
  }

  snapshot(writer: SnapshotWriter): void {
    const { subtaskIndex, parallelism } = this.#context
    const origin = subtaskIndex + parallelism * SUBTASKS_MAX
    if (this.#queue.length > 0) describeState(writer, this.#stateSchema())
    for (const { watermarkMs, timestampMs, record } of this.#queue) {
      const bytes = new ByteWriter()
      bytes.float64(origin)
      bytes.float64(watermarkMs ?? NaN)
      if (watermarkMs === undefined) {
        bytes.float64(timestampMs)
        this.#codec.write(bytes, record)
      }
      writer.element(IN_FLIGHT_STATE, bytes.bytes.subarray(0, bytes.at))
    }
  }

  restore(reader: SnapshotReader): void {
    const { subtaskIndex, parallelism } = this.#context
    const entries: { readonly watermarkMs: number; readonly timestampMs: number; readonly record: unknown }[] = []
    // Among records of other subtasks a watermark may be too high: then it is left to the next one.
    let isOwn = true
    reader.elements(IN_FLIGHT_STATE, (value) => {
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
    this.#user(() => refusePromise(this.#fn.close?.()))
  }

  #call(record: unknown, timestampMs: number): void {
    const deadlineMs = this.#context.clock.nowMs() + this.#timeoutMs
    const entry: Entry = { watermarkMs: undefined, record, timestampMs, results: undefined, tries: 0, dueMs: Infinity, deadlineMs, abort: undefined }
    this.#queue.push(entry)
    this.#calls++
    void this.#try(entry)
  }

  /** One try of a call; its outcome is seen by the next step of the loop. */
  async #try(entry: Entry): Promise<void> {
    const abort = new AbortController()
    entry.abort = abort
    entry.tries++
    entry.dueMs = Infinity
    let error: unknown
    let results: Iterable<unknown> | undefined
    try {
      results = await callingOperator.run(this.#context, () => this.#fn.asyncInvoke(entry.record, abort.signal))
      assertIterable(results)
    } catch (thrown) {
      error = thrown
      results = undefined
    }
    // A call whose time has run out is no longer the entry's.
    if (entry.abort !== abort) return
    try {
      if (results === undefined) this.#failed(entry, error)
      else this.#answered(entry, results)
    } catch (thrown) {
      this.#failure ??= thrown
    }
    this.#context.wake()
  }

  #answered(entry: Entry, results: Iterable<unknown>): void {
    const retry = this.#retry
    if (retry?.ifResult === undefined) {
      this.#done(entry, results)
      return
    }
    const list = [...results]
    if (retry.ifResult(list) && retry.canRetry(entry.tries)) this.#pause(entry, retry)
    else this.#done(entry, list)
  }

  #failed(entry: Entry, error: unknown): void {
    const retry = this.#retry
    if (retry !== undefined && (retry.ifException?.(error) ?? true) && retry.canRetry(entry.tries)) this.#pause(entry, retry)
    else this.#failure ??= error
  }

  #pause(entry: Entry, retry: AsyncRetryStrategy<unknown>): void {
    entry.abort = undefined
    entry.dueMs = this.#context.clock.nowMs() + retry.backoffMs(entry.tries)
  }

  /** Ends the calls whose time has run out and begins the tries that are due. */
  #checkDue(nowMs: number): void {
    for (const entry of this.#queue) {
      if (entry.deadlineMs <= nowMs) this.#timeOut(entry)
      else if (entry.dueMs <= nowMs) void this.#try(entry)
    }
  }

  #timeOut(entry: Entry): void {
    const { abort } = entry
    entry.abort = undefined
    abort?.abort()
    if (this.#fn.timeout !== undefined) {
      this.#user(() => {
        const results = this.#fn.timeout!(entry.record)
        assertIterable(results)
        this.#done(entry, results)
      })
      return
    }
    const hint = 'Raise timeoutMs, or give the function a timeout() method.'
    this.#failure ??= new UserFunctionError('ASYNC_TIMEOUT', `Call of operator "${this.#context.operatorName}" has taken more than ${this.#timeoutMs} ms`, {
      hint,
    })
  }

  #done(entry: Entry, results: Iterable<unknown>): void {
    entry.results = results
    entry.abort = undefined
    entry.dueMs = Infinity
    entry.deadlineMs = Infinity
    this.#ready = true
  }

  #addWatermark(watermarkMs: number): void {
    const last = this.#queue[this.#queue.length - 1]
    if (last?.watermarkMs === undefined)
      this.#queue.push({
        watermarkMs,
        record: undefined,
        timestampMs: WATERMARK_MIN,
        results: undefined,
        tries: 0,
        dueMs: Infinity,
        deadlineMs: Infinity,
        abort: undefined,
      })
    // With no record between two watermarks the later one says all.
    else last.watermarkMs = Math.max(last.watermarkMs, watermarkMs)
    this.#ready = true
  }

  #stateSchema(): StateSchema {
    const type = recordTypeOf(this.#inputSchema)
    return { name: IN_FLIGHT_STATE, kind: 'in-flight', ...(type && { type }) }
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

/** @throws {TypeError} If there are no results to go through. */
function assertIterable(results: Iterable<unknown>): void {
  if (typeof results?.[Symbol.iterator] !== 'function')
    throw new TypeError('Cannot take the results of an asynchronous call: the function must resolve to an iterable, such as an array')
}
