// An operator's output: hands every element to each consumer, chained or across an exchange. Runs on the worker's thread.

import { WATERMARK_MIN } from '../batch/crossings.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import type { Schema } from '../batch/types.ts'
import { sideMismatch } from '../operator/process/side-outputs.ts'
import type { Output } from '../operator/operator.ts'

/** Fans the elements of one operator out to its targets, and those of its side outputs to theirs. */
export class OutputCollector implements Output {
  readonly #targets: ElementTarget[] = []
  readonly #sides = new Map<string, OutputCollector>()
  readonly #refuse: (() => boolean) | undefined
  #watermarkMs = WATERMARK_MIN
  /** On side outputs: what is read there. And the schema that was found to agree. */
  #read: { readonly id: string; readonly schema: Schema } | undefined
  #checked: Schema | undefined
  /** Whether the stream has been said to be idle. */
  isIdle = false
  /** Rows emitted so far, side outputs not counted. */
  rowsOut = 0

  /** @param refuse Asked each time for room: true makes the output say no this once. For tests. */
  constructor(refuse?: () => boolean) {
    this.#refuse = refuse
  }

  /** The last watermark sent. */
  get watermarkMs(): number {
    return this.#watermarkMs
  }

  addTarget(target: ElementTarget): void {
    this.#targets.push(target)
  }

  /**
   * The side output of this id, made on first use.
   *
   * @param schema What its reader expects: every batch is held against it. Undefined takes any.
   * @throws {PlanError} `SCHEMA_MISMATCH` if another reader expects something else.
   */
  openSide(id: string, schema?: Schema): OutputCollector {
    let side = this.#sides.get(id)
    if (side === undefined) {
      side = new OutputCollector(this.#refuse)
      if (schema !== undefined) side.#read = { id, schema }
      this.#sides.set(id, side)
    } else if (schema !== undefined) side.#check(schema)
    return side
  }

  /** Which function sends to a side output, and as what, is user code's: a reader of other columns would read foreign memory. */
  #check(schema: Schema): void {
    const read = this.#read!
    if (schema !== read.schema && schema.toString() !== read.schema.toString()) throw sideMismatch(read.id, read.schema, schema)
    this.#checked = schema
  }

  hasCapacity(): boolean {
    if (this.#refuse !== undefined && this.#refuse()) return false
    for (const target of this.#targets) if (!target.hasCapacity()) return false
    for (const side of this.#sides.values()) if (!side.hasCapacity()) return false
    return true
  }

  emit(batch: RecordBatch): void {
    if (this.#read !== undefined && batch.schema !== this.#checked) this.#check(batch.schema)
    this.rowsOut += batch.end - batch.begin
    const { crossings } = batch
    if (crossings.count > 0) {
      const last = crossings.watermarks[crossings.count - 1]
      if (last > this.#watermarkMs) this.#watermarkMs = last
    }
    const { begin, end } = batch
    for (const target of this.#targets) {
      batch.begin = begin
      batch.end = end
      target.offerBatch(batch)
    }
    // Side outputs see the same passing of time.
    if (crossings.count > 0) for (const side of this.#sides.values()) side.emitWatermark(this.#watermarkMs)
  }

  emitWatermark(watermarkMs: number): void {
    if (watermarkMs <= this.#watermarkMs) return
    this.#watermarkMs = watermarkMs
    for (const target of this.#targets) target.offerWatermark(watermarkMs)
    for (const side of this.#sides.values()) side.emitWatermark(watermarkMs)
  }

  side(id: string): Output | undefined {
    return this.#sides.get(id)
  }

  emitStatus(idle: boolean): void {
    this.isIdle = idle
    for (const target of this.#targets) target.offerStatus(idle)
    for (const side of this.#sides.values()) side.emitStatus(idle)
  }

  emitMarker(marker: LatencyMarker): void {
    for (const target of this.#targets) target.offerMarker(marker)
    for (const side of this.#sides.values()) side.emitMarker(marker)
  }

  emitBarrier(barrier: CheckpointBarrier): void {
    for (const target of this.#targets) target.offerBarrier(barrier)
    for (const side of this.#sides.values()) side.emitBarrier(barrier)
  }

  emitEnd(): void {
    for (const target of this.#targets) target.offerEnd()
    for (const side of this.#sides.values()) side.emitEnd()
  }
}
