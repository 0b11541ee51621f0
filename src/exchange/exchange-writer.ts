// The sending side of an exchange in one subtask: routes rows to channels, repeats watermarks and control elements on all of them, gathers small
// batches while their consumer has other work. Runs on the producer's thread. Invariant: at most one element is in hand; a batch in hand is
// not changed by its owner.

import { assert } from '../base/assert.ts'
import { WATERMARK_MIN } from '../batch/crossings.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { Slab } from '../base/slab.ts'
import type { GatherKernels } from '../kernels/gather.ts'
import { ChannelStage, STAGE_ROWS_MAX } from './channel-stage.ts'
import type { ChannelWriter } from './channel-writer.ts'
import type { ElementTarget } from './element-target.ts'
import { type CheckpointBarrier, ControlElement, type LatencyMarker } from './control-element.ts'
import { FrameKind } from './frame-kind.ts'
import { EVERY_CHANNEL, type Router, SCATTERED } from './partition.ts'

const Hand = { EMPTY: 0, BATCH: 1, CONTROL: 2 } as const
type Hand = (typeof Hand)[keyof typeof Hand]

/** So many rows go at once, if nothing waits before them: copying them twice would cost more than a frame. */
const DIRECT_ROWS_MIN = STAGE_ROWS_MAX / 4
/** A consumer with less than this part of its ring to read is about to run out of work. */
const HUNGRY_SHARE = 8
const HUNGRY_BYTES_MAX = 8 << 10

/** Writes one subtask's elements into the channels of an exchange. */
export class ExchangeWriter implements ElementTarget {
  readonly channels: readonly ChannelWriter[]
  readonly #router: Router
  /** What each channel sees of the batch in hand, and how far it has been sent. */
  readonly #views: RecordBatch[]
  readonly #sent: Int32Array
  readonly #stages: readonly ChannelStage[]
  /** Channels whose rows of the batch in hand have been tried without waiting: a refused writer wants the same ones again. */
  readonly #isDirect: Uint8Array
  /** How many rows of each stage that is being sent have been, -1 = it is not: then it takes no more. */
  readonly #stageSent: Int32Array
  #hand: Hand = Hand.EMPTY
  /** The control element in hand. */
  readonly #control = new ControlElement()
  /** The last watermark of a batch, for a channel that gets none of its rows. */
  readonly #passing = new ControlElement()
  readonly #controlSent: Uint8Array
  /** Whether channels take what they have no room for; and whether some hold such frames. */
  #overdraws = false
  #isOverdrawn = false
  #hasEnded = false

  constructor(slab: Slab, kernels: GatherKernels, schema: Schema, channels: readonly ChannelWriter[], router: Router) {
    this.channels = channels
    this.#router = router
    this.#views = channels.map(() => new RecordBatch(slab, schema, []))
    this.#sent = new Int32Array(channels.length)
    this.#isDirect = new Uint8Array(channels.length)
    this.#stages = channels.map(() => new ChannelStage(slab, kernels, schema))
    this.#stageSent = new Int32Array(channels.length).fill(-1)
    this.#controlSent = new Uint8Array(channels.length)
  }

  /** Whether an element is still on its way. Unlike {@link hasCapacity} this sends nothing. */
  get isBusy(): boolean {
    return this.#hand !== Hand.EMPTY || this.#isOverdrawn
  }

  hasCapacity(): boolean {
    if (this.isBusy) this.run()
    return this.#hand === Hand.EMPTY && (!this.#isOverdrawn || this.#overdraws)
  }

  /**
   * While it overdraws, nothing is refused: what the rings have no room for waits in memory of its own, in front of everything later, and is sent as
   * there is credit. What is in hand is taken at once.
   */
  overdraw(overdraws: boolean): void {
    this.#overdraws = overdraws
    for (const channel of this.channels) channel.overdraws = overdraws
    if (overdraws) this.run()
  }

  offerBatch(batch: RecordBatch): void {
    assert(this.#hand === Hand.EMPTY, 'element offered to a busy exchange')
    const target = this.#router.route(batch)
    for (let channel = 0; channel < this.channels.length; channel++) this.#prepare(channel, batch, target)
    this.#hand = Hand.BATCH
    this.run()
  }

  offerWatermark(watermarkMs: number): void {
    this.#control.watermarkMs = watermarkMs
    this.#offerControl(FrameKind.WATERMARK)
  }

  offerStatus(idle: boolean): void {
    this.#control.isIdle = idle
    this.#offerControl(FrameKind.STATUS)
  }

  offerBarrier(barrier: CheckpointBarrier): void {
    // Nothing stands behind the end: for who waits for the barrier it is as good.
    if (this.#hasEnded) return
    this.#control.barrier = barrier
    this.#offerControl(FrameKind.BARRIER)
  }

  offerMarker(marker: LatencyMarker): void {
    this.#control.marker = marker
    this.#offerControl(FrameKind.LATENCY)
  }

  offerEnd(): void {
    this.#hasEnded = true
    this.#offerControl(FrameKind.END)
  }

  /** Goes on sending what is in hand, and what waits for consumers that want it. Returns whether anything moved. */
  run(): boolean {
    let moved = this.#isOverdrawn && this.#payBack()
    let left = false
    const { channels } = this
    if (this.#hand === Hand.BATCH) {
      for (let channel = 0; channel < channels.length; channel++) {
        const writer = channels[channel]
        const before = writer.bytesOut
        if (!this.#sendRows(channel)) left = true
        if (writer.bytesOut !== before) moved = true
      }
    } else if (this.#hand === Hand.CONTROL) {
      for (let channel = 0; channel < channels.length; channel++) {
        if (this.#controlSent[channel] === 1) continue
        if (!this.#sendControl(channel)) {
          left = true
          continue
        }
        this.#controlSent[channel] = 1
        moved = true
      }
    } else {
      for (let channel = 0; channel < channels.length; channel++)
        if (this.#stages[channel].rowCount > 0 && this.#isHungry(channel) && this.#sendStage(channel)) moved = true
      if (this.#overdraws) this.#noteOverdraft()
      return moved
    }
    if (this.#overdraws) this.#noteOverdraft()
    if (!left) this.#hand = Hand.EMPTY
    return moved || !left
  }

  #payBack(): boolean {
    let moved = false
    for (const channel of this.channels) if (channel.payBack()) moved = true
    this.#noteOverdraft()
    return moved
  }

  #noteOverdraft(): void {
    this.#isOverdrawn = this.channels.some((channel) => channel.isOverdrawn)
  }

  /** Sends what waits for company: the worker has nothing else to do. Returns whether anything moved. */
  flush(): boolean {
    if (this.#hand !== Hand.EMPTY) return false
    let moved = false
    for (let channel = 0; channel < this.channels.length; channel++) {
      const writer = this.channels[channel]
      const before = writer.bytesOut
      if (this.#stages[channel].rowCount > 0) this.#sendStage(channel)
      if (writer.bytesOut !== before) moved = true
    }
    if (this.#overdraws) this.#noteOverdraft()
    return moved
  }

  #isHungry(channel: number): boolean {
    const { ring } = this.channels[channel]
    return ring.backlogBytes() < Math.min(HUNGRY_BYTES_MAX, ring.capacityBytes / HUNGRY_SHARE)
  }

  /** Sends the rows that wait. Returns whether all are sent. */
  #sendStage(channel: number): boolean {
    const stage = this.#stages[channel]
    if (stage.rowCount === 0) return true
    const sent = this.#writeRows(channel, stage.batch, Math.max(0, this.#stageSent[channel]))
    const isSent = sent === stage.rowCount
    if (isSent) stage.clear()
    this.#stageSent[channel] = isSent ? -1 : sent
    return isSent
  }

  /** Writes rows from position `from` on, as far as there is credit; returns the position reached. */
  #writeRows(channel: number, batch: RecordBatch, from: number): number {
    const writer = this.channels[channel]
    let sent = from
    while (sent < batch.end) {
      const reached = writer.writeRows(batch, sent, batch.end)
      if (reached === sent) break
      sent = reached
      writer.publish()
    }
    return sent
  }

  #sendControl(channel: number): boolean {
    const stage = this.#stages[channel]
    if (stage.rowCount > 0) {
      if (this.#control.kind === FrameKind.WATERMARK && this.#stageSent[channel] === -1) {
        stage.addWatermark(this.#control.watermarkMs)
        return true
      }
      if (!this.#sendStage(channel)) return false
    }
    const writer = this.channels[channel]
    if (!writer.writeControl(this.#control)) return false
    writer.publish()
    return true
  }

  /** Makes the channel's view of a batch: its rows, and the crossings, which every channel gets. */
  #prepare(channel: number, batch: RecordBatch, target: number): void {
    const view = this.#views[channel].viewOf(batch)
    if (target === SCATTERED) {
      view.selection = this.#router.selection(channel)
      view.selectedCount = this.#router.selectedCount(channel)
      view.begin = 0
      view.end = view.selectedCount
    } else if (target !== channel && target !== EVERY_CHANNEL) view.end = view.begin
    // Of a batch that is offered in parts: to the encoder it ends here, so that the crossing behind the last row goes along.
    else if (view.selection === 0) view.rowCount = view.end
    else view.selectedCount = view.end
    // A channel without rows gets one watermark, the last: a batch of crossings alone would tell it nothing more.
    if (view.begin < view.end) view.crossings.copyFrom(batch.crossings)
    else if (batch.crossings.count > 0) view.crossings.add(0, batch.crossings.watermarks[batch.crossings.count - 1])
    this.#sent[channel] = view.begin
    this.#isDirect[channel] = 0
  }

  #sendRows(channel: number): boolean {
    const view = this.#views[channel]
    const writer = this.channels[channel]
    const stage = this.#stages[channel]
    const { crossings } = view
    if (view.begin === view.end) {
      if (crossings.count === 0) return true
      const watermarkMs = crossings.watermarks[0] ?? WATERMARK_MIN
      if (stage.rowCount > 0 && this.#stageSent[channel] === -1) stage.addWatermark(watermarkMs)
      else {
        this.#passing.watermarkMs = watermarkMs
        if (!this.#sendStage(channel) || !writer.writeControl(this.#passing)) return false
        writer.publish()
      }
      crossings.clear()
      return true
    }
    if (this.#isDirect[channel] === 0 && this.#stageSent[channel] === -1 && this.#mayWait(channel, view)) {
      if (stage.tryAppend(view) || (this.#sendStage(channel) && stage.tryAppend(view))) {
        // Nothing is left for a call that comes again for the sake of other channels.
        view.begin = view.end
        crossings.clear()
        return true
      }
    }
    if (!this.#sendStage(channel)) return false
    this.#isDirect[channel] = 1
    const sent = this.#writeRows(channel, view, this.#sent[channel])
    this.#sent[channel] = sent
    return sent === view.end
  }

  /** Whether the rows of a view are better gathered with others: they are few, and their consumer has work or will get it before them. */
  #mayWait(channel: number, view: RecordBatch): boolean {
    return view.end - view.begin < DIRECT_ROWS_MIN && !this.#isHungry(channel)
  }

  #offerControl(kind: FrameKind): void {
    assert(this.#hand === Hand.EMPTY, 'element offered to a busy exchange')
    this.#control.kind = kind
    this.#controlSent.fill(0)
    this.#hand = Hand.CONTROL
    this.run()
  }
}
