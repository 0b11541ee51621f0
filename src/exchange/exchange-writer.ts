// The sending side of an exchange in one subtask: routes rows to channels, repeats watermarks and control elements on all of them. Runs on
// the producer's thread. Invariant: at most one element is in hand; a batch in hand is not changed by its owner.

import { assert } from '../base/assert.ts'
import { WATERMARK_MIN } from '../batch/crossings.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { Slab } from '../base/slab.ts'
import type { ChannelWriter } from './channel-writer.ts'
import type { ElementTarget } from './element-target.ts'
import { FrameKind } from './frame-kind.ts'
import { EVERY_CHANNEL, type Router, SCATTERED } from './partition.ts'

const Hand = { EMPTY: 0, BATCH: 1, CONTROL: 2 } as const
type Hand = (typeof Hand)[keyof typeof Hand]

/** Writes one subtask's elements into the channels of an exchange. */
export class ExchangeWriter implements ElementTarget {
  readonly channels: readonly ChannelWriter[]
  readonly #router: Router
  /** What each channel sees of the batch in hand, and how far it has been sent. */
  readonly #views: RecordBatch[]
  readonly #sent: Int32Array
  #hand: Hand = Hand.EMPTY
  #controlKind: FrameKind = FrameKind.WATERMARK
  #controlValue = 0
  readonly #controlSent: Uint8Array

  constructor(slab: Slab, schema: Schema, channels: readonly ChannelWriter[], router: Router) {
    this.channels = channels
    this.#router = router
    this.#views = channels.map(() => new RecordBatch(slab, schema, []))
    this.#sent = new Int32Array(channels.length)
    this.#controlSent = new Uint8Array(channels.length)
  }

  /** Whether an element is still on its way. Unlike {@link hasCapacity} this sends nothing. */
  get isBusy(): boolean {
    return this.#hand !== Hand.EMPTY
  }

  hasCapacity(): boolean {
    if (this.#hand !== Hand.EMPTY) this.run()
    return this.#hand === Hand.EMPTY
  }

  offerBatch(batch: RecordBatch): void {
    assert(this.#hand === Hand.EMPTY, 'element offered to a busy exchange')
    const target = this.#router.route(batch)
    for (let channel = 0; channel < this.channels.length; channel++) this.#prepare(channel, batch, target)
    this.#hand = Hand.BATCH
    this.run()
  }

  offerWatermark(watermarkMs: number): void {
    this.#offerControl(FrameKind.WATERMARK, watermarkMs)
  }

  offerStatus(idle: boolean): void {
    this.#offerControl(FrameKind.STATUS, idle ? 1 : 0)
  }

  offerBarrier(checkpointId: number): void {
    this.#offerControl(FrameKind.BARRIER, checkpointId)
  }

  offerMarker(sentMs: number): void {
    this.#offerControl(FrameKind.LATENCY, sentMs)
  }

  offerEnd(): void {
    this.#offerControl(FrameKind.END, 0)
  }

  /** Goes on sending what is in hand. Returns whether anything moved. */
  run(): boolean {
    let moved = false
    let left = false
    if (this.#hand === Hand.BATCH) {
      for (let channel = 0; channel < this.channels.length; channel++) {
        const writer = this.channels[channel]
        const before = writer.bytesOut
        if (!this.#sendRows(channel)) left = true
        if (writer.bytesOut !== before) moved = true
      }
    } else if (this.#hand === Hand.CONTROL) {
      for (let channel = 0; channel < this.channels.length; channel++) {
        if (this.#controlSent[channel] === 1) continue
        const writer = this.channels[channel]
        if (!writer.writeControl(this.#controlKind, this.#controlValue)) {
          left = true
          continue
        }
        writer.publish()
        this.#controlSent[channel] = 1
        moved = true
      }
    } else return false
    if (!left) this.#hand = Hand.EMPTY
    return moved || !left
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
    // A channel without rows gets one watermark, the last: a batch of crossings alone would tell it nothing more.
    if (view.begin < view.end) view.crossings.copyFrom(batch.crossings)
    else if (batch.crossings.count > 0) view.crossings.add(0, batch.crossings.watermarks[batch.crossings.count - 1])
    this.#sent[channel] = view.begin
  }

  #sendRows(channel: number): boolean {
    const view = this.#views[channel]
    const writer = this.channels[channel]
    const { crossings } = view
    if (view.begin === view.end) {
      if (crossings.count === 0) return true
      if (!writer.writeControl(FrameKind.WATERMARK, crossings.watermarks[0] ?? WATERMARK_MIN)) return false
      crossings.clear()
      writer.publish()
      return true
    }
    let sent = this.#sent[channel]
    while (sent < view.end) {
      const reached = writer.writeRows(view, sent, view.end)
      if (reached === sent) break
      sent = reached
      writer.publish()
    }
    this.#sent[channel] = sent
    return sent === view.end
  }

  #offerControl(kind: FrameKind, value: number): void {
    assert(this.#hand === Hand.EMPTY, 'element offered to a busy exchange')
    this.#controlKind = kind
    this.#controlValue = value
    this.#controlSent.fill(0)
    this.#hand = Hand.CONTROL
    this.run()
  }
}
