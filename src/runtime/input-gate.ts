// All inputs of one subtask: polls its channels in turn, merges their watermarks, and hands elements to the head of the chain one at a
// time. Runs on the worker's thread.

import { failPoint } from '../base/fail-points.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { CheckpointBarrier } from '../exchange/control-element.ts'
import { FrameKind } from '../exchange/frame-kind.ts'
import { type ChannelElement, type InputChannel, NO_ELEMENT, type OvertakingOutcome } from '../exchange/input-channel.ts'
import { WatermarkMerger } from '../time/watermark-merger.ts'
import type { OvertakenInGate } from './backlog.ts'
import { CheckpointingMode } from './checkpoint-options.ts'
import type { OperatorDriver } from './operator-driver.ts'

/** Elements taken in one step before other subtasks get their turn. */
const ELEMENTS_PER_STEP = 16
/** Less than every number of a checkpoint. */
const NO_BARRIER = -1

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
  readonly #mode: CheckpointingMode
  /** The barrier that some channels have delivered and others not yet. */
  #barrier: CheckpointBarrier | undefined
  /** Of the last barrier that has gone on: one that comes later and has no greater number is nothing any more. */
  #lastBarrierId = NO_BARRIER
  /** A barrier that overtakes what is in the channels, and has not reached the operator yet. */
  #overtaker: CheckpointBarrier | undefined
  /** What the last such barrier has overtaken, by channel; what was known of time; and how many channels have not brought it yet. */
  #overtaken: (readonly ChannelElement[])[] = []
  #overtakenTime: Float64Array = new Float64Array()
  #openCount = 0
  #isGivenUp = false
  /** Number of the last barrier that has overtaken what was in the channels. */
  overtakerId = NO_BARRIER
  /** Called with what a barrier has overtaken, once every channel has brought it. */
  readonly #overtakenHook: (checkpointId: number, overtaken: OvertakenInGate) => void
  readonly #silent: readonly number[]
  /** Whether channels bring what a restored checkpoint holds of them. */
  #isRestoring = false

  /**
   * @param inputCount Inputs of the driver's operator: one without a channel, as all but the first subtask have of a global exchange, has ended.
   * @param silent Channels (by index) whose sender is a source's reader that no split is left for: nobody waits for their watermark.
   * @param slots Where the watermark and status of each channel are published.
   * @param overtakenHook Called behind {@link overtake} with what the barrier has overtaken in the channels.
   */
  constructor(
    channels: readonly InputChannel[],
    driver: OperatorDriver,
    inputCount: number,
    silent: readonly number[] = [],
    slots?: Float64Array,
    mode: CheckpointingMode = CheckpointingMode.EXACTLY_ONCE,
    overtakenHook: (checkpointId: number, overtaken: OvertakenInGate) => void = () => {},
  ) {
    this.#overtakenHook = overtakenHook
    this.channels = channels
    this.#mode = mode
    this.#driver = driver
    this.#merger = new WatermarkMerger(channels.length, slots)
    this.#openPerInput = Array.from({ length: inputCount }, () => 0)
    this.#silent = silent
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
    if (this.#openCount > 0) for (const channel of this.channels) if (channel.isOvertaken && channel.ring.hasFrame()) return true
    if (!this.#driver.isIdle) return false
    if (this.#isRestoring) return true
    for (const channel of this.channels) if (!channel.held && channel.hasElement()) return true
    return false
  }

  /** Number of the last barrier that the operator has been given, or was about to be. */
  get barrierId(): number {
    return this.#lastBarrierId
  }

  /**
   * Has a barrier overtake everything that is on its way to the operator: it goes to the operator as soon as that can be left. What the channels bring
   * until they bring the barrier belongs to the checkpoint, and is taken out of them whether the operator goes on or not. A barrier that has gone to
   * the operator already is left alone, and so is everything if a newer one has.
   */
  overtake(barrier: CheckpointBarrier): void {
    if (barrier.checkpointId > this.#lastBarrierId) this.#overtaker = barrier
  }

  /** Takes elements while the driver has capacity. Returns whether any was taken. */
  step(): boolean {
    let moved = this.#overtaker !== undefined && this.#tryOvertake(this.#overtaker)
    if (this.#openCount > 0 && this.#collect()) moved = true
    if (this.#overtaker !== undefined) return moved
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
      if (channel.held || (this.#isRestoring && !channel.isAhead)) continue
      const kind = channel.poll()
      if (kind === NO_ELEMENT) continue
      this.#take(kind, channel, index)
      return true
    }
    if (!this.#isRestoring) return false
    this.#endRestoring()
    return true
  }

  #take(kind: FrameKind, channel: InputChannel, index: number): void {
    const driver = this.#driver
    switch (kind) {
      case FrameKind.BATCH:
        this.#merger.mergeCrossings(index, channel.batch)
        this.#busy = channel
        driver.offerInput(channel.batch, channel.input, channel.edge)
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
        this.#takeBarrier(channel, channel.control.barrier!)
        return
      case FrameKind.END:
        if (this.#isRestoring) {
          // It comes once more: its sender says it again.
          this.#forward(this.#merger.end(index))
          this.#forwardStatus()
          return
        }
        this.#ended++
        channel.hasEnded = true
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

  /** A newer barrier takes the place of one that is waited for: its sender has gone on without that one, so that it will not come. */
  #takeBarrier(channel: InputChannel, barrier: CheckpointBarrier): void {
    if (barrier.checkpointId <= Math.max(this.#lastBarrierId, (this.#barrier?.checkpointId ?? NO_BARRIER) - 1)) return
    if (this.#barrier?.checkpointId !== barrier.checkpointId) this.#cancelAlignment()
    this.#barrier = barrier
    channel.hasDelivered = true
    // A savepoint is aligned in every mode.
    const isCheckpoint = barrier.kind === BarrierKind.CHECKPOINT || barrier.kind === BarrierKind.UNALIGNED_CHECKPOINT
    channel.held = this.#mode === CheckpointingMode.EXACTLY_ONCE || !isCheckpoint
    failPoint('gate.first-barrier')
    this.#releaseAligned()
  }

  #cancelAlignment(): void {
    this.#barrier = undefined
    for (const channel of this.channels) channel.hasDelivered = channel.held = false
  }

  /** Once every channel that has not ended has delivered the barrier, it goes on and all channels with it. */
  #releaseAligned(): void {
    const barrier = this.#barrier
    if (barrier === undefined) return
    for (const { hasDelivered, hasEnded } of this.channels) if (!hasDelivered && !hasEnded) return
    this.#lastBarrierId = barrier.checkpointId
    this.#cancelAlignment()
    failPoint('gate.aligned')
    this.#queue.push((driver) => driver.offerBarrier(barrier))
  }

  /** Gives the barrier to the operator once nothing of the channels is in use, and begins to collect what it has overtaken. */
  #tryOvertake(barrier: CheckpointBarrier): boolean {
    if (!this.#settle()) return false
    this.#overtaker = undefined
    // All have come meanwhile.
    if (barrier.checkpointId <= this.#lastBarrierId) return true
    this.#lastBarrierId = barrier.checkpointId
    const hasCome = this.#barrier?.checkpointId === barrier.checkpointId
    this.#overtaken = this.channels.map(() => [])
    this.#overtakenTime = this.#merger.save()
    this.#openCount = 0
    this.#isGivenUp = false
    for (const [index, channel] of this.channels.entries()) {
      if (channel.hasEnded || (hasCome && channel.hasDelivered)) continue
      this.#openCount++
      this.#noteOvertaken(index, channel.beginOvertaking(barrier.checkpointId))
    }
    this.#cancelAlignment()
    this.overtakerId = barrier.checkpointId
    failPoint('gate.overtaken')
    this.#driver.offerBarrier(barrier)
    if (this.#openCount === 0) this.#finishOvertaking()
    return true
  }

  /** Takes what has come out of the channels that have not brought the barrier. Returns whether anything has. */
  #collect(): boolean {
    let moved = false
    for (const [index, channel] of this.channels.entries()) {
      if (!channel.isOvertaken) continue
      const before = channel.bytesIn
      this.#noteOvertaken(index, channel.collect())
      if (channel.bytesIn !== before) moved = true
    }
    if (this.#openCount === 0) this.#finishOvertaking()
    return moved
  }

  #noteOvertaken(index: number, outcome: OvertakingOutcome): void {
    if (outcome === undefined) return
    failPoint('gate.channel-collected')
    this.#openCount--
    if (outcome === 'given up') this.#isGivenUp = true
    else this.#overtaken[index] = outcome
  }

  #finishOvertaking(): void {
    const channels = this.#overtaken.map((elements, index) => ({ edge: this.channels[index].edge, elements }))
    this.#overtaken = []
    if (this.#isGivenUp) return
    failPoint('gate.all-collected')
    this.#overtakenHook(this.overtakerId, { channels, time: this.#overtakenTime })
  }

  /**
   * Of a restored job: the channels bring first what a barrier had overtaken in them, under what was known of time then. The watermark that they come to
   * so holds for all that follows; what one of them had said alone does not, since its sender may read something else now.
   */
  restore({ channels, time }: OvertakenInGate): void {
    this.#isRestoring = true
    this.#merger.load(time)
    for (const [index, { elements }] of channels.entries()) this.channels[index].restore(elements)
  }

  /** Once the channels have brought what was restored. */
  #endRestoring(): void {
    this.#isRestoring = false
    this.#merger.forgetChannels()
    for (const index of this.#silent) this.#merger.setIdle(index, true)
    this.#forwardStatus()
  }

  /** Offers what control elements have led to, in order. */
  #drainQueue(): void {
    const driver = this.#driver
    while (this.#queue.length > 0 && driver.hasCapacity()) this.#queue.shift()!(driver)
  }
}
