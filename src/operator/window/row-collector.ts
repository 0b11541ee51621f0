// Gathers records that are made one by one, for the main output and for side outputs, into batches with the watermarks between them. Used by
// one operator on its thread. Invariant: nothing is written between a refused flush and the flush that goes through.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { type RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import { type Collector, type OutputTag, refusePromise } from '../function.ts'
import type { OperatorContext, Output } from '../operator.ts'
import { compileRowWriter, type RowWriter } from '../row-code.ts'

const TIMESTAMP_MAX_HIGH = 0x7fffffff
const TIMESTAMP_MIN_HIGH = -0x80000000

/** One output batch in the making. */
class Target {
  rows = 0
  batch: RecordBatch | null = null
  readonly #builder: BatchBuilder
  readonly #writer: RowWriter
  readonly #isObject: boolean
  #capacity = 0

  constructor(context: OperatorContext, schema: Schema) {
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#writer = compileRowWriter(schema)
    this.#isObject = isObjectSchema(schema)
  }

  begin(): void {
    this.rows = 0
    this.batch = this.#builder.begin(true, false)
    this.#capacity = this.#builder.rowCapacity
    this.#writer.bind(this.batch)
  }

  write(value: unknown, timestampMs: number): void {
    const row = this.rows
    if (row === this.#capacity) {
      this.#builder.ensureRows(row + 1)
      this.#capacity = this.#builder.rowCapacity
      this.#writer.bind(this.batch!)
    }
    refusePromise(value)
    if (!this.#isObject && (value === null || typeof value !== 'object'))
      throw new TypeError('Cannot write a row: the function must collect objects with the declared columns')
    this.#writer.write(row, value)
    const { slab, timestamps } = this.batch!
    if (timestampMs > -Infinity && timestampMs < Infinity) writeInt64(slab, timestamps + row * 8, timestampMs)
    else {
      // The ends of time: the last and the first int64.
      slab.i32[(timestamps >>> 2) + row * 2 + 1] = timestampMs > 0 ? TIMESTAMP_MAX_HIGH : TIMESTAMP_MIN_HIGH
      slab.i32[(timestamps >>> 2) + row * 2] = timestampMs > 0 ? -1 : 0
    }
    this.rows = row + 1
  }

  finish(): RecordBatch {
    return this.#builder.finish(this.rows)
  }

  free(): void {
    this.#builder.free()
  }
}

/** A side output: its records, and who takes them. */
interface Side {
  readonly id: string
  readonly target: Target
}

/**
 * The rows an operator makes in one turn.
 *
 * Turn: {@link begin} while the output has capacity; {@link collect}, {@link collectSide} and {@link watermark} in stream order; {@link flush} until it
 * says true. Between two turns nothing is held.
 */
export class RowCollector<OUT> implements Collector<OUT> {
  /** Timestamp of the records collected next. */
  timestampMs = -Infinity
  readonly #context: OperatorContext
  readonly #main: Target
  readonly #sides: Side[] = []
  #output!: Output
  #open = false
  #flushing = false
  #nextSide = 0
  #watermarkMs = WATERMARK_MIN
  #lastWatermarkMs = WATERMARK_MIN

  constructor(context: OperatorContext, schema: Schema) {
    this.#context = context
    this.#main = new Target(context, schema)
  }

  /** Whether a turn should end: an output batch is full. */
  get isFull(): boolean {
    if (this.#main.rows >= this.#context.batchRowsMax) return true
    for (const side of this.#sides) if (side.target.rows >= this.#context.batchRowsMax) return true
    return false
  }

  /** Whether a turn has begun whose rows have not all been emitted. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Starts a turn. Only while `output.hasCapacity()`. */
  begin(output: Output): void {
    this.#output = output
    this.#main.begin()
    for (const { target } of this.#sides) target.begin()
    this.#open = true
    this.#lastWatermarkMs = WATERMARK_MIN
  }

  collect(value: OUT): void {
    this.#main.write(value, this.timestampMs)
  }

  /** Sends a record to a side output; nothing happens if nobody listens. */
  collectSide(id: string, schema: Schema, value: unknown, timestampMs: number): void {
    if (this.#output.side(id) === undefined) return
    let side = this.#sides.find((other) => other.id === id)
    if (side === undefined) {
      side = { id, target: new Target(this.#context, schema) }
      side.target.begin()
      if (this.#lastWatermarkMs > WATERMARK_MIN) side.target.batch!.crossings.add(0, this.#lastWatermarkMs)
      this.#sides.push(side)
    }
    side.target.write(value, timestampMs)
  }

  /** {@link collectSide} with the current timestamp. */
  collectTagged<T>(tag: OutputTag<T>, value: T): void {
    this.collectSide(tag.id, tag.schema, value, this.timestampMs)
  }

  /** The watermark moves behind what was collected so far. */
  watermark(watermarkMs: number): void {
    if (watermarkMs <= this.#watermarkMs) return
    this.#watermarkMs = watermarkMs
    this.#lastWatermarkMs = watermarkMs
    this.#main.batch!.crossings.add(this.#main.rows, watermarkMs)
    for (const { target } of this.#sides) target.batch!.crossings.add(target.rows, watermarkMs)
  }

  /** Emits what the turn has made. False: the output refused; call again before anything else. */
  flush(output: Output): boolean {
    if (!this.#open) return true
    if (!this.#flushing) {
      this.#flushing = true
      this.#nextSide = 0
    }
    // Side outputs first: the watermarks of the main batch reach their consumers too.
    for (; this.#nextSide < this.#sides.length; this.#nextSide++) {
      const { id, target } = this.#sides[this.#nextSide]
      if (target.rows === 0) continue
      if (!output.hasCapacity()) return false
      output.side(id)!.emit(target.finish())
    }
    if (this.#main.rows > 0 || this.#lastWatermarkMs > WATERMARK_MIN) {
      if (!output.hasCapacity()) return false
      if (this.#main.rows > 0) output.emit(this.#main.finish())
      else output.emitWatermark(this.#lastWatermarkMs)
    }
    this.#open = false
    this.#flushing = false
    return true
  }

  free(): void {
    this.#main.free()
    for (const { target } of this.#sides) target.free()
  }
}
