// The side outputs of a process function: one batch each, written while the step runs, sent before the main output's. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { PlanError } from '../../base/errors.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { Schema } from '../../batch/types.ts'
import { type OutputTag, refusePromise } from '../function.ts'
import type { OperatorContext, Output } from '../operator.ts'
import { compileRowWriter, type RowWriter } from '../row-code.ts'

/** The error of a side output that is read as other columns than are sent there. */
export function sideMismatch(id: string, read: Schema, sent: Schema): PlanError {
  return new PlanError('SCHEMA_MISMATCH', `Cannot read side output "${id}" as ${read.toString()}: its records are ${sent.toString()}`, {
    hint: 'Use one OutputTag object on both sides, or give both tags the same schema.',
  })
}

interface SideOutput {
  readonly builder: BatchBuilder
  readonly writer: RowWriter
  count: number
  /** Whether its batch has been begun in this step. */
  begun: boolean
  /** Room for rows, as the writer knows it. */
  rowCapacity: number
}

/** Writes records to side outputs. Those that nobody reads are dropped. */
export class SideOutputs {
  readonly #context: OperatorContext
  readonly #stamp: (address: number) => void
  readonly #sides = new Map<string, SideOutput>()
  #output: Output | null = null
  #withTimestamps = false
  #watermarkMs = WATERMARK_MIN

  /** @param stamp Writes the timestamp of the current record as an int64. */
  constructor(context: OperatorContext, stamp: (address: number) => void) {
    this.#context = context
    this.#stamp = stamp
  }

  /** Starts a step whose records go to the sides of `output`. */
  begin(output: Output, withTimestamps: boolean): void {
    this.#output = output
    this.#withTimestamps = withTimestamps
    this.#watermarkMs = WATERMARK_MIN
  }

  emit(tag: OutputTag, value: unknown): void {
    refusePromise(value)
    if (this.#output!.side(tag.id) === undefined) return
    let side = this.#sides.get(tag.id)
    if (side === undefined) {
      const { slab, batchRowsMax } = this.#context
      const builder = new BatchBuilder(slab, tag.schema, batchRowsMax)
      side = { builder, writer: compileRowWriter(tag.schema), count: 0, begun: false, rowCapacity: 0 }
      this.#sides.set(tag.id, side)
    }
    if (!side.begun) {
      side.begun = true
      side.count = 0
      const batch = side.builder.begin(this.#withTimestamps, false)
      if (this.#watermarkMs > WATERMARK_MIN) batch.crossings.add(0, this.#watermarkMs)
      side.rowCapacity = side.builder.rowCapacity
      side.writer.bind(batch)
    } else if (side.count >= side.rowCapacity) {
      side.builder.ensureRows(side.count + 1)
      side.rowCapacity = side.builder.rowCapacity
      side.writer.bind(side.builder.batch)
    }
    const { batch } = side.builder
    side.writer.write(side.count, value)
    if (batch.timestamps !== 0) this.#stamp(batch.timestamps + side.count * 8)
    side.count++
  }

  /** The watermark moves between the records written so far and those to come. */
  cross(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs
    for (const side of this.#sides.values()) if (side.begun) side.builder.batch.crossings.add(side.count, watermarkMs)
  }

  /** Sends what was written. */
  end(): void {
    for (const [id, side] of this.#sides) {
      if (!side.begun) continue
      side.begun = false
      if (side.count > 0) this.#output!.side(id)?.emit(side.builder.finish(side.count))
    }
    this.#output = null
  }

  close(): void {
    for (const { builder } of this.#sides.values()) builder.free()
    this.#sides.clear()
  }
}
