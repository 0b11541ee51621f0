// Drives one operator: cuts batches at watermark crossings, repeats calls that were refused, forwards watermarks, barriers and the end in
// order, and has a barrier overtake elements. Runs on the worker's thread; the only caller of an operator. Invariant: at most one element is in hand.

import { assert } from '../base/assert.ts'
import { failPoint } from '../base/fail-points.ts'
import type { Slab } from '../base/slab.ts'
import { WATERMARK_MIN } from '../batch/crossings.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import type { Operator } from '../operator/operator.ts'
import { Backlog, copyRows, type OvertakenBatch, type WaitingBatch } from './backlog.ts'
import type { OutputCollector } from './output-collector.ts'

/** Less than every number of a checkpoint. */
const NO_BARRIER = -1
/** Elements that have waited, taken in one call before other subtasks get their turn. */
const ELEMENTS_PER_RUN = 16

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
 *   BARRIER   | has the operator write out, prepareCommit         | SNAPSHOT
 *   SNAPSHOT  | hands the operator to the snapshot hook, forwards | IDLE
 *   END_INPUT | endInput                                          | END once all inputs have ended, else IDLE
 *   END       | output.emitEnd                                    | IDLE
 *
 * While a barrier overtakes elements, an operator that can be left goes from ROWS, TIMERS and STATUS to IDLE, and what was in hand to the backlog.
 */
const State = { IDLE: 0, ROWS: 1, ADVANCE: 2, FORWARD: 3, TIMERS: 4, STATUS: 5, BARRIER: 6, END_INPUT: 7, END: 8, DRAIN: 9, MARKER: 10, SNAPSHOT: 11 } as const
type State = (typeof State)[keyof typeof State]

/**
 * Called when a barrier reaches the operator, between two elements.
 *
 * @param overtaken Batches that wait in front of the operator, and that the barrier has overtaken.
 * @param hasEnded Whether the operator has passed its end on.
 */
export type SnapshotHook = (operator: Operator, barrier: CheckpointBarrier, overtaken: readonly OvertakenBatch[], hasEnded: boolean) => void

/** Feeds one operator with stream elements. As an {@link ElementTarget} it stands for input 0 of a chained operator. */
export class OperatorDriver implements ElementTarget {
  readonly operator: Operator
  readonly output: OutputCollector
  readonly name: string
  rowsIn = 0
  /** Behind the barrier of a savepoint that stops the job: no timer fires, since nothing follows the savepoint. */
  isSuspended = false
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
  /** The place of the edge that the batch in hand came through. */
  #edge = 0
  /** What waits in front of it; undefined as long as nothing does, and no barrier may overtake anything. */
  #backlog: Backlog | undefined
  #isOvertaking = false
  /** Of the last barrier that it has passed on. */
  barrierId = NO_BARRIER
  #hasEnded = false

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

  /** Whether nothing is in hand and nothing waits. Unlike {@link hasCapacity} this changes nothing. */
  get isIdle(): boolean {
    return this.#state === State.IDLE && this.#backlog?.isEmpty !== false
  }

  /** While a barrier overtakes elements, an operator that can be left gives back what is in hand, so that what comes can wait behind it. */
  hasCapacity(): boolean {
    if (this.#backlog === undefined) return this.#state === State.IDLE
    if (this.#isOvertaking && this.#state !== State.IDLE) this.#leave()
    return this.#state === State.IDLE && (this.#isOvertaking || this.#backlog.isEmpty)
  }

  offerBatch(batch: RecordBatch): void {
    this.offerInput(batch, 0)
  }

  /**
   * A batch of input `input`, rows `begin..end`.
   *
   * @param edge The place of the edge that it came through among those of the operator.
   */
  offerInput(batch: RecordBatch, input: number, edge: number = 0): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait()) {
      this.#backlog!.push({ kind: 'batch', edge, input, schema: batch.schema, bytes: copyRows(batch, batch.begin, batch.end) })
      return
    }
    this.#beginBatch(batch, input, edge)
    this.run()
  }

  offerWatermark(watermarkMs: number): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait()) this.#backlog!.push({ kind: 'watermark', watermarkMs })
    else {
      this.#beginWatermark(watermarkMs)
      this.run()
    }
  }

  offerStatus(idle: boolean): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait()) this.#backlog!.push({ kind: 'status', isIdle: idle })
    else {
      this.#beginStatus(idle)
      this.run()
    }
  }

  /** A barrier: behind everything, or in front of what waits while it overtakes. That of a savepoint never does: it may follow one that was given up. */
  offerBarrier(barrier: CheckpointBarrier): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait() && isOfSavepoint(barrier)) this.#backlog!.push({ kind: 'barrier', barrier })
    else {
      this.#beginBarrier(barrier)
      this.run()
    }
  }

  offerMarker(marker: LatencyMarker): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait()) this.#backlog!.push({ kind: 'marker', marker })
    else {
      this.#beginMarker(marker)
      this.run()
    }
  }

  offerEnd(): void {
    this.offerInputEnd(0)
  }

  offerInputEnd(input: number): void {
    assert(this.#state === State.IDLE, 'element offered to a busy operator')
    if (this.#mustWait()) this.#backlog!.push({ kind: 'end', input })
    else {
      this.#beginInputEnd(input)
      this.run()
    }
  }

  /**
   * While barriers overtake, an operator that can be left lets what comes wait, and takes nothing of it: the barrier is next.
   *
   * @param slab Where batches that have waited are read.
   */
  overtake(isOvertaking: boolean, slab: Slab): void {
    this.#isOvertaking = isOvertaking
    if (isOvertaking && this.operator.leaveBatch !== undefined) this.#backlog ??= new Backlog(slab)
  }

  /** Of a restored job: batches that had been overtaken. They come before everything else. */
  restore(batches: readonly WaitingBatch[], slab: Slab): void {
    this.#backlog ??= new Backlog(slab)
    for (const batch of batches) this.#backlog.push(batch)
  }

  /** Gives the memory back of what waits. */
  close(): void {
    this.#backlog?.close()
    this.#backlog = undefined
  }

  #mustWait(): boolean {
    return this.#backlog !== undefined && !this.#backlog.isEmpty
  }

  #beginBatch(batch: RecordBatch, input: number, edge: number): void {
    this.#batch = batch
    this.#input = input
    this.#edge = edge
    this.#begin = batch.begin
    this.#end = batch.end
    this.#crossing = 0
    this.rowsIn += batch.end - batch.begin
    this.#enterNextCut()
  }

  #beginWatermark(watermarkMs: number): void {
    if (watermarkMs <= this.#watermarkMs) return
    this.#pendingWatermarkMs = watermarkMs
    this.#state = State.ADVANCE
  }

  #beginStatus(idle: boolean): void {
    this.#idle = idle
    this.#state = State.STATUS
  }

  #beginBarrier(barrier: CheckpointBarrier): void {
    // It may have waited while a newer one overtook it.
    if (barrier.checkpointId <= this.barrierId) return
    this.#barrier = barrier
    this.#state = State.BARRIER
  }

  #beginMarker(marker: LatencyMarker): void {
    this.#marker = marker
    this.#state = State.MARKER
  }

  #beginInputEnd(input: number): void {
    this.#input = input
    this.#state = State.END_INPUT
  }

  /** Lets processing-time timers up to `nowMs` fire. Only while idle. */
  fireTimers(nowMs: number): void {
    assert(this.#state === State.IDLE, 'timers fired on a busy operator')
    this.#timersUpToMs = nowMs
    this.#state = State.TIMERS
    this.run()
  }

  /** Goes on with the element in hand, then with those that wait, until one is refused. Returns whether anything moved. */
  run(): boolean {
    let moved = false
    for (let taken = 0; ; taken++) {
      while (this.#state !== State.IDLE) {
        const begin = this.#begin
        const before = this.#state
        if (!this.#step()) return moved || this.#begin !== begin || this.#state !== before || (this.operator.hasPaused === true && this.output.hasCapacity())
        moved = true
      }
      if (this.#backlog === undefined || taken === ELEMENTS_PER_RUN || !this.#takeWaiting(this.#backlog)) return moved
      moved = true
    }
  }

  /** Takes the first element that waits in hand. */
  #takeWaiting(backlog: Backlog): boolean {
    backlog.release()
    if (this.#isOvertaking) return false
    if (backlog.isEmpty) {
      this.close()
      return false
    }
    const element = backlog.take()
    if (element.kind === 'batch') this.#beginBatch(backlog.decode(element), element.input, element.edge)
    else if (element.kind === 'watermark') this.#beginWatermark(element.watermarkMs)
    else if (element.kind === 'status') this.#beginStatus(element.isIdle)
    else if (element.kind === 'barrier') this.#beginBarrier(element.barrier)
    else if (element.kind === 'marker') this.#beginMarker(element.marker)
    else this.#beginInputEnd(element.input)
    return true
  }

  /** Gives back what the operator has refused, as far as it was not taken; not if the operator cannot be left there. */
  #leave(): void {
    const backlog = this.#backlog!
    const state = this.#state
    if ((state !== State.ROWS && state !== State.TIMERS && state !== State.STATUS) || this.operator.leaveBatch?.() !== true) return
    if (state === State.ROWS) {
      const batch = this.#batch!
      backlog.putBack({ kind: 'batch', edge: this.#edge, input: this.#input, schema: batch.schema, bytes: copyRows(batch, this.#begin, this.#end) })
      // They are counted once more when they come again.
      this.rowsIn -= this.#end - this.#begin
      this.#batch = null
      this.#pendingWatermarkMs = this.#watermarkMs
    } else if (state === State.STATUS) backlog.putBack({ kind: 'status', isIdle: this.#idle })
    // A timer that was refused is still due.
    this.#state = State.IDLE
    backlog.release()
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
        if (!this.#prepare(this.#barrier!)) return false
        this.#state = State.SNAPSHOT
        return true
      case State.SNAPSHOT:
        // What has just been prepared may have been sent.
        if (!output.hasCapacity()) return false
        this.#takeSnapshot(this.#barrier!)
        output.emitBarrier(this.#barrier!)
        failPoint('operator.barrier-sent')
        if (this.#barrier!.kind === BarrierKind.STOP_WITH_SAVEPOINT) this.isSuspended = true
        this.barrierId = this.#barrier!.checkpointId
        this.#state = State.IDLE
        return true
      case State.END_INPUT:
        if (!operator.endInput(output, this.#input)) return false
        this.#state = --this.#inputsOpen === 0 ? State.END : State.IDLE
        return true
      case State.END:
        if (!output.hasCapacity()) return false
        output.emitEnd()
        this.#hasEnded = true
        this.#state = State.IDLE
        return true
      case State.IDLE:
        return false
    }
  }

  /** Has the operator give away what it will not write. Returns false if it refuses. */
  #prepare({ checkpointId, kind }: CheckpointBarrier): boolean {
    const { operator, output } = this
    // What it has at its end is prepared already.
    const isAsked = kind !== BarrierKind.RESTORED && !this.#hasEnded
    if ((isAsked && operator.prepareSnapshotPreBarrier?.() === false) || !output.hasCapacity()) return false
    if (kind === BarrierKind.RESTORED) return true
    failPoint('operator.before-prepare')
    if (isAsked && operator.prepareCommit?.(checkpointId, output) === false) return false
    failPoint('operator.prepared')
    return true
  }

  #takeSnapshot(barrier: CheckpointBarrier): void {
    if (barrier.kind === BarrierKind.RESTORED) return
    const { operator } = this
    this.#snapshotHook(operator, barrier, this.#backlog?.batches ?? [], this.#hasEnded)
    failPoint('operator.snapshot')
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

function isOfSavepoint({ kind }: CheckpointBarrier): boolean {
  return kind === BarrierKind.SAVEPOINT || kind === BarrierKind.STOP_WITH_SAVEPOINT
}
