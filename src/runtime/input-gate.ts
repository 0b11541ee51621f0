// All inputs of one subtask: polls its channels in turn, merges their watermarks, and hands elements to the head of the chain one at a
// time. Runs on the worker's thread.

import { assert } from '../base/assert.ts'
import { failPoint } from '../base/fail-points.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import type { CheckpointBarrier } from '../exchange/control-element.ts'
import { FrameKind } from '../exchange/frame-kind.ts'
import { type InputChannel, NO_ELEMENT } from '../exchange/input-channel.ts'
import { WatermarkMerger } from '../time/watermark-merger.ts'
import type { OperatorDriver } from './operator-driver.ts'

/** Elements taken in one step before other subtasks get their turn. */
const ELEMENTS_PER_STEP = 16

/** Feeds the head of a chain from its channels. */
export class InputGate {
  readonly channels: readonly InputChannel[]
  readonly #driver: OperatorDriver
  readonly #merger: WatermarkMerger
  readonly #openPerInput: number[]
  #next = 0
  /** The channel whose batch the driver is working on. */
  #busy: InputChannel | null = null
  #ended = 0
  #wasIdle = false
  /** What a control element leads to: up to three calls, which the driver takes one at a time. */
  readonly #queue: ((driver: OperatorDriver) => void)[] = []
  /** Channels held because they have delivered the barrier of a checkpoint that others have not yet. */
  #aligned = 0
  #barrier: CheckpointBarrier | undefined

  /**
   * @param inputCount Inputs of the driver's operator: one without a channel, as all but the first subtask have of a global exchange, has ended.
   * @param silent Channels (by index) whose sender is a source's reader that no split is left for: nobody waits for their watermark.
   * @param slots Where the watermark and status of each channel are published.
   */
  constructor(channels: readonly InputChannel[], driver: OperatorDriver, inputCount: number, silent: readonly number[] = [], slots?: Float64Array) {
    this.channels = channels
    this.#driver = driver
    this.#merger = new WatermarkMerger(channels.length, slots)
    this.#openPerInput = Array.from({ length: inputCount }, () => 0)
    for (const index of silent) this.#merger.setIdle(index, true)
    for (const channel of channels) this.#openPerInput[channel.input]++
    if (channels.length === 0) this.#forward(WATERMARK_MAX)
    this.#openPerInput.forEach((count, input) => {
      if (count === 0) this.#queue.push((target) => target.offerInputEnd(input))
    })
  }

  get hasEnded(): boolean {
    return this.#ended === this.channels.length && this.#busy === null && this.#queue.length === 0
  }

  get watermarkMs(): number {
    return this.#merger.watermarkMs
  }

  /** Whether a channel has something that could be taken now: the check before parking. */
  hasInput(): boolean {
    if (!this.#driver.hasCapacity()) return false
    for (const channel of this.channels) if (!channel.held && channel.ring.hasFrame()) return true
    return false
  }

  /** Takes elements while the driver has capacity. Returns whether any was taken. */
  step(): boolean {
    let moved = false
    for (let taken = 0; taken < ELEMENTS_PER_STEP; taken++) {
      if (!this.#settle() || !this.#takeOne()) break
      moved = true
    }
    this.#settle()
    return moved
  }

  /** Finishes what was taken before: true when the driver is free for the next element. */
  #settle(): boolean {
    this.#drainQueue()
    if (this.#queue.length > 0 || !this.#driver.hasCapacity()) return false
    if (this.#busy !== null) {
      this.#busy.release()
      this.#busy = null
    }
    return true
  }

  #takeOne(): boolean {
    const { channels } = this
    for (let tried = 0; tried < channels.length; tried++) {
      const index = this.#next
      this.#next = index + 1 === channels.length ? 0 : index + 1
      const channel = channels[index]
      if (channel.held) continue
      const kind = channel.poll()
      if (kind === NO_ELEMENT) continue
      this.#take(kind, channel, index)
      return true
    }
    return false
  }

  #take(kind: FrameKind, channel: InputChannel, index: number): void {
    const driver = this.#driver
    switch (kind) {
      case FrameKind.BATCH:
        this.#merger.mergeCrossings(index, channel.batch)
        this.#busy = channel
        driver.offerInput(channel.batch, channel.input)
        return
      case FrameKind.BATCH_PART:
        return
      case FrameKind.WATERMARK:
        this.#forward(this.#merger.advance(index, channel.control.watermarkMs))
        return
      case FrameKind.STATUS:
        this.#forward(this.#merger.setIdle(index, channel.control.isIdle))
        this.#forwardStatus()
        return
      case FrameKind.LATENCY: {
        const marker = channel.control.marker!
        this.#queue.push((target) => target.offerMarker(marker))
        return
      }
      case FrameKind.BARRIER:
        assert(this.#barrier === undefined || this.#barrier.checkpointId === channel.control.barrier!.checkpointId, 'barriers of two checkpoints meet')
        this.#barrier = channel.control.barrier
        channel.held = true
        this.#aligned++
        failPoint('gate.first-barrier')
        this.#releaseAligned()
        return
      case FrameKind.END:
        this.#ended++
        this.#forward(this.#merger.end(index))
        this.#forwardStatus()
        this.#endChannel(channel.input)
        // A channel that ends has no barrier to wait for.
        this.#releaseAligned()
    }
  }

  #forward(watermarkMs: number): void {
    if (watermarkMs > WATERMARK_MIN) this.#queue.push((driver) => driver.offerWatermark(watermarkMs))
  }

  #forwardStatus(): void {
    const idle = this.#merger.isIdle
    if (idle === this.#wasIdle) return
    this.#wasIdle = idle
    this.#queue.push((driver) => driver.offerStatus(idle))
  }

  #endChannel(input: number): void {
    if (--this.#openPerInput[input] === 0) this.#queue.push((driver) => driver.offerInputEnd(input))
  }

  /** Once every channel that has not ended has delivered the barrier, it goes on and all channels with it. */
  #releaseAligned(): void {
    const barrier = this.#barrier
    if (barrier === undefined || this.#aligned + this.#ended < this.channels.length) return
    this.#barrier = undefined
    this.#aligned = 0
    for (const channel of this.channels) channel.held = false
    failPoint('gate.aligned')
    this.#queue.push((driver) => driver.offerBarrier(barrier))
  }

  /** Offers what control elements have led to, in order. */
  #drainQueue(): void {
    const driver = this.#driver
    while (this.#queue.length > 0 && driver.hasCapacity()) this.#queue.shift()!(driver)
  }
}
