// Drives one operator: cuts batches at watermark crossings, repeats calls that were refused, forwards watermarks, barriers and the end in
// order. Runs on the worker's thread; the only caller of an operator. Invariant: at most one element is in hand.

import { assert } from '../base/assert.ts'
import { failPoint } from '../base/fail-points.ts'
import { WATERMARK_MIN } from '../batch/crossings.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import type { Operator } from '../operator/operator.ts'
import type { OutputCollector } from './output-collector.ts'

/*
 * What the driver is doing. An element in hand moves through these states; each loops until the operator or the output refuses.
 *
 *   state     | does                                              | then
 *   ----------|---------------------------------------------------|-------------------------------------------------------------
 *   IDLE      | nothing in hand                                   |
 *   ROWS      | processBatch up to the next cut                   | ADVANCE if a crossing stands there, else DRAIN
 *   ADVANCE   | advance(watermark)                                | FORWARD, but IDLE if the operator passes watermarks on itself
 *   FORWARD   | output.emitWatermark(watermark)                   | ROWS if rows are left, else DRAIN
 *   DRAIN     | waits until the output is free: what was emitted  | IDLE
 *             | may be a view on the batch in hand                |
 *   TIMERS    | fireTimers(now)                                   | IDLE
 *   MARKER    | output.emitMarker, or measures it at a sink       | IDLE
 *   STATUS    | settle before idleness, then output.emitStatus    | IDLE
 *   BARRIER   | hands the operator to the snapshot hook, forwards | IDLE
 *   END_INPUT | endInput                                          | END once all inputs have ended, else IDLE
 *   END       | output.emitEnd                                    | IDLE
 */
const State = { IDLE: 0, ROWS: 1, ADVANCE: 2, FORWARD: 3, TIMERS: 4, STATUS: 5, BARRIER: 6, END_INPUT: 7, END: 8, DRAIN: 9, MARKER: 10 } as const
type State = (typeof State)[keyof typeof State]

/** Called when a barrier reaches the operator, between two elements. */
export type SnapshotHook = (operator: Operator, barrier: CheckpointBarrier) => void

/** Feeds one operator with stream elements. As an {@link ElementTarget} it stands for input 0 of a chained operator. */
export class OperatorDriver implements ElementTarget {
  readonly operator: Operator
  readonly output: OutputCollector
  readonly name: string
  rowsIn = 0
  readonly #snapshotHook: SnapshotHook
  /** Called with the latency markers that end here: set for sinks. */
  readonly #markerHook: ((marker: LatencyMarker) => void) | undefined
  #state: State = State.IDLE
  #inputsOpen: number
  #watermarkMs = WATERMARK_MIN
  // The element in hand.
  #batch: RecordBatch | null = null
  #input = 0
  #begin = 0
  #end = 0
  #limit = 0
  #crossing = 0
  #pendingWatermarkMs = WATERMARK_MIN
  #timersUpToMs = 0
  #idle = false
  #barrier: CheckpointBarrier | undefined
  #marker: LatencyMarker | undefined

  constructor(
    name: string,
    operator: Operator,
    output: OutputCollector,
    inputCount: number,
    snapshotHook: SnapshotHook,
    markerHook?: (marker: LatencyMarker) => void,
  ) {
    this.#markerHook = markerHook
    this.name = name
    this.operator = operator
    this.output = output
    this.#inputsOpen = inputCount
    this.#snapshotHook = snapshotHook
  }

  /** The watermark that the operator has seen. */
  get watermarkMs(): number {
    return this.#watermarkMs
  }

  hasCapacity(): boolean {
    return this.#state === State.IDLE
  }

  offerBatch(batch: RecordBatch): void {
    this.offerInput(batch, 0)
  }

  /** A batch of input `input`, rows `begin..end`. */
  offerInput(batch: RecordBatch, input: number): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    this.#batch = batch
    this.#input = input
    this.#begin = batch.begin
    this.#end = batch.end
    this.#crossing = 0
    this.rowsIn += batch.end - batch.begin
    this.#enterNextCut()
    this.run()
  }

  offerWatermark(watermarkMs: number): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (watermarkMs <= this.#watermarkMs) return
    this.#pendingWatermarkMs = watermarkMs
    this.#state = State.ADVANCE
    this.run()
  }

  offerStatus(idle: boolean): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    this.#idle = idle
    this.#state = State.STATUS
    this.run()
  }

  offerBarrier(barrier: CheckpointBarrier): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    this.#barrier = barrier
    this.#state = State.BARRIER
    this.run()
  }

  offerMarker(marker: LatencyMarker): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    this.#marker = marker
    this.#state = State.MARKER
    this.run()
  }

  offerEnd(): void {
    this.offerInputEnd(0)
  }

  offerInputEnd(input: number): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    this.#input = input
    this.#state = State.END_INPUT
    this.run()
  }

  /** Lets processing-time timers up to `nowMs` fire. Only while idle. */
  fireTimers(nowMs: number): void {
    assert(this.#state === State.IDLE, 'timers fired on a busy operator')
    this.#timersUpToMs = nowMs
    this.#state = State.TIMERS
    this.run()
  }

  /** Goes on with the element in hand until it is done or refused. Returns whether anything moved. */
  run(): boolean {
    let moved = false
    while (this.#state !== State.IDLE) {
      const begin = this.#begin
      const before = this.#state
      if (!this.#step()) return moved || this.#begin !== begin || this.#state !== before || (this.operator.hasPaused === true && this.output.hasCapacity())
      moved = true
    }
    return moved
  }

  /** One transition of the table above. False: refused, try again later. */
  #step(): boolean {
    const { operator, output } = this
    switch (this.#state) {
      case State.ROWS: {
        const batch = this.#batch!
        batch.begin = this.#begin
        batch.end = this.#limit
        if (this.#begin < this.#limit || operator.crossings !== 'cut') {
          const done = operator.processBatch(batch, output, this.#input)
          this.#begin = batch.begin
          if (!done) return false
        }
        assert(batch.begin === this.#limit, 'processBatch said done with rows left')
        if (this.#pendingWatermarkMs > this.#watermarkMs) {
          if (operator.crossings !== 'cut') {
            // The operator has passed the crossings on itself.
            this.#watermarkMs = this.#pendingWatermarkMs
            this.#state = State.DRAIN
          } else this.#state = State.ADVANCE
        } else this.#state = State.DRAIN
        return true
      }
      case State.ADVANCE:
        if (!operator.advance(this.#pendingWatermarkMs, output)) return false
        this.#watermarkMs = this.#pendingWatermarkMs
        this.#state = operator.crossings === 'queue' ? State.IDLE : State.FORWARD
        return true
      case State.FORWARD:
        if (!output.hasCapacity()) return false
        output.emitWatermark(this.#watermarkMs)
        if (this.#batch === null) this.#state = State.IDLE
        else if (this.#begin < this.#end || this.#crossing < this.#batch.crossings.count) this.#enterNextCut()
        else this.#state = State.DRAIN
        return true
      case State.DRAIN:
        if (!output.hasCapacity()) return false
        this.#batch = null
        this.#state = State.IDLE
        return true
      case State.TIMERS:
        if (!operator.fireTimers(this.#timersUpToMs, output)) return false
        this.#state = State.IDLE
        return true
      case State.STATUS:
        if (this.#idle && operator.settle !== undefined && !operator.settle(output)) return false
        if (!output.hasCapacity()) return false
        output.emitStatus(this.#idle)
        this.#state = State.IDLE
        return true
      case State.MARKER:
        if (!output.hasCapacity()) return false
        if (this.#markerHook === undefined) output.emitMarker(this.#marker!)
        else this.#markerHook(this.#marker!)
        this.#state = State.IDLE
        return true
      case State.BARRIER:
        if (!output.hasCapacity()) return false
        failPoint('operator.before-prepare')
        operator.prepareCommit?.(this.#barrier!.checkpointId)
        failPoint('operator.prepared')
        this.#snapshotHook(operator, this.#barrier!)
        failPoint('operator.snapshot')
        output.emitBarrier(this.#barrier!)
        failPoint('operator.barrier-sent')
        this.#state = State.IDLE
        return true
      case State.END_INPUT:
        if (!operator.endInput(output, this.#input)) return false
        this.#state = --this.#inputsOpen === 0 ? State.END : State.IDLE
        return true
      case State.END:
        if (!output.hasCapacity()) return false
        output.emitEnd()
        this.#state = State.IDLE
        return true
      case State.IDLE:
        return false
    }
  }

  /** Finds how far the rows go before a crossing that the operator must see, and enters ROWS. */
  #enterNextCut(): void {
    const batch = this.#batch!
    const { crossings } = batch
    this.#limit = this.#end
    this.#state = State.ROWS
    if (this.operator.crossings !== 'cut') {
      if (crossings.count > 0) this.#pendingWatermarkMs = Math.max(this.#watermarkMs, crossings.watermarks[crossings.count - 1])
      return
    }
    const cutMs = this.operator.nextCutMs()
    // The last crossing before the cut goes on too: what is made at the cut comes behind it, whatever batch it was in.
    let passed = -1
    while (this.#crossing < crossings.count) {
      const watermarkMs = crossings.watermarks[this.#crossing]
      if (watermarkMs <= this.#watermarkMs) {
        this.#crossing++
        continue
      }
      if (watermarkMs < cutMs) {
        passed = this.#crossing++
        this.#pendingWatermarkMs = watermarkMs
        continue
      }
      if (passed === -1) {
        this.#pendingWatermarkMs = watermarkMs
        passed = this.#crossing++
      }
      this.#limit = Math.min(this.#end, Math.max(this.#begin, batch.positionOf(crossings.positions[passed])))
      return
    }
  }
}
