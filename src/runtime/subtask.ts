// One parallel instance of a task: builds the chain's operators and their drivers, steps them. Runs on the worker's thread.

import type { KeyedSnapshotWriter } from '../state/state.ts'
import { assert } from '../base/assert.ts'
import { closeAll, closeFailureText } from '../base/close.ts'
import type { Clock } from '../base/clock.ts'
import { failPoint } from '../base/fail-points.ts'
import type { FileSystem } from '../base/file-system.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { Schema } from '../batch/types.ts'
import type { Slab } from '../base/slab.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import type { ExchangeWriter } from '../exchange/exchange-writer.ts'
import type { InputChannel } from '../exchange/input-channel.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { rowOperator } from '../operator/basic/row-operator.ts'
import { recordLatency } from '../metrics/latency-histogram.ts'
import { holdsCommittables, SinkOperator } from '../operator/basic/sink-operator.ts'
import type { Operator, OperatorContext, ProgramEdge, SnapshotReader } from '../operator/operator.ts'
import { withoutSplits } from '../operator/source.ts'
import type { PlanOperator, PlanTask } from '../plan/execution-plan.ts'
import { isEnd, type LogicalGraph } from '../plan/transformation.ts'
import type { OvertakenBatch, OvertakenInGate } from './backlog.ts'
import { checkpointingModeOf } from './checkpoint-options.ts'
import { EndedOperator, endedReader, EndedSinkOperator } from './ended-operator.ts'
import { encodeInFlight, type RestoredElements } from './in-flight.ts'
import { InputGate } from './input-gate.ts'
import { OperatorDriver, type SnapshotHook } from './operator-driver.ts'
import { OperatorCounters } from './operator-counters.ts'
import { OutputCollector } from './output-collector.ts'
import type { RestoredSplits } from './restored-splits.ts'
import { type SplitAssigner, SourceDriver, writeTakenSplits } from './source-driver.ts'
import type { WatermarkAlignment } from './watermark-alignment.ts'
import type { WaitingSnapshot } from './part-snapshots.ts'
import { MetricSlot, OperatorSlot, WorkerSlot } from './subtask-metrics.ts'

/** An operator or source of a subtask, as checkpoints see it. */
export interface SnapshotPart {
  snapshot(writer: KeyedSnapshotWriter): void
  /** Whether it has ended, or had before the job was restored: it only passes on that. */
  readonly hadEnded?: boolean
  /** Batches in front of it that the barrier has overtaken; `'follows'` if {@link SubtaskEnvironment.takeInFlight} is still to bring them. */
  readonly inFlight?: Uint8Array | 'follows' | undefined
}

/** What a subtask needs from its worker. */
export interface SubtaskEnvironment {
  readonly graph: LogicalGraph
  readonly slab: Slab
  readonly kernels: Kernels
  readonly clock: Clock
  readonly files: FileSystem
  readonly batchRowsMax: number
  readonly tableSeed: number
  readonly options: ReadonlyMap<string, string>
  /** A barrier has reached an operator or source. Returns what it is still to write, if that is not all. */
  takeSnapshot(uid: string, subtaskIndex: number, part: SnapshotPart, barrier: CheckpointBarrier): WaitingSnapshot | undefined
  /** What a barrier has overtaken in front of an operator has been collected: undefined if it was nothing. */
  takeInFlight(uid: string, subtaskIndex: number, checkpointId: number, inFlight: Uint8Array | undefined): void
  /** A subtask has processed all it will: what it holds belongs to every checkpoint from now on. Told again once it has committed everything. */
  subtaskEnded(subtask: Subtask): void
  readonly isCheckpointed: boolean
  /** What the parts of an operator or source of a restored job wrote, as far as it is this subtask's; undefined if nothing. */
  restored(planned: PlanOperator, task: PlanTask, subtaskIndex: number): SnapshotReader | undefined
  /** Whether the job was restored with batches in flight; and what was on its way to an operator. */
  readonly restoresInFlight: boolean
  restoredElements(planned: PlanOperator, task: PlanTask, subtaskIndex: number): RestoredElements
  /** The splits of a restored source. */
  restoredSplits(task: PlanTask): RestoredSplits | undefined
  /** Whether an operator or source of a restored job had ended: then it is not run again. */
  hadEnded(planned: PlanOperator, task: PlanTask, subtaskIndex: number): boolean
  readonly program: ProgramEdge
  wake(): void
  log(operatorName: string, subtaskIndex: number, message: string): void
  /** The writer of an exchange that leaves this subtask. */
  exchangeWriter(exchangeId: number, subtaskIndex: number): ExchangeWriter
  /** The channels that come into this subtask, over all its exchanges. */
  inputChannels(task: PlanTask, subtaskIndex: number): readonly InputChannel[]
  /** Those of them, by index, on which nothing but the end will come: their reader has no split. */
  silentChannels(task: PlanTask, subtaskIndex: number): readonly number[]
  /** Exchanges that leave an operator: id and side output. */
  exchangesFrom(operatorId: number): readonly { readonly id: number; readonly side: string | undefined; readonly schema: Schema }[]
  splits(task: PlanTask): SplitAssigner
  /** Asked each time an output is asked for room: true makes it say no this once. For tests. */
  refuse?(): boolean
  /** How a subtask is aligned with others; null if it is not. */
  alignment(task: PlanTask, subtaskIndex: number): WatermarkAlignment | null
  /** When the worker's last step ended, monotonic; shared by its subtasks. */
  readonly stamp: Float64Array
  /** The slots in the worker's fixed region where metrics are published: of the worker, of a task's subtask, of its operators and channels. */
  readonly workerSlots: Float64Array
  subtaskSlots(task: PlanTask): Float64Array
  operatorSlots(task: PlanTask, operatorIndex: number): Float64Array
  channelSlots(task: PlanTask): Float64Array
  /** The buckets of markers that end in a sink. */
  latencyBuckets(task: PlanTask, operatorIndex: number): Int32Array
  /** Tells the name of a counter that an operator has made. */
  announceCounter(counter: CounterName): void
}

/** Which counter of which operator a name belongs to, on one worker. */
export interface CounterName {
  readonly task: number
  readonly operatorIndex: number
  readonly index: number
  readonly name: string
}

/** What is counted around one operator of the chain. */
interface ChainMember {
  readonly slots: Float64Array
  readonly output: OutputCollector
  /** Exchanges that leave it. */
  readonly writers: readonly ExchangeWriter[]
  /** Undefined for a source. */
  driver: OperatorDriver | undefined
}

const MICROS_PER_MS = 1000
/** How long an operator that refuses is left alone. */
const RETRY_MS = 5

/** A running chain. `step` is called in turn with the worker's other subtasks. */
export class Subtask {
  readonly task: PlanTask
  readonly index: number
  readonly #environment: SubtaskEnvironment
  readonly #drivers: OperatorDriver[] = []
  /** Those whose elements a barrier may overtake: not a committer, to which what its writers have prepared comes in front of the barrier. */
  readonly #overtakable: OperatorDriver[] = []
  readonly #writers: ExchangeWriter[] = []
  readonly #members: ChainMember[] = []
  #source: SourceDriver | null = null
  #gate: InputGate | null = null
  /** Has processed everything. It is closed then too, unless something waits for a checkpoint to be committed. */
  #ended = false
  #closed = false
  #timersMs = -Infinity
  readonly #slots: Float64Array
  readonly #alignment: WatermarkAlignment | null
  /** Outputs of the chain's watermark generators that are aligned with others. */
  readonly #aligned: OutputCollector[] = []
  /** Whether the source must wait for others of its group, or those in front of the chain must; and for how long they have, altogether. */
  #isHeld = false
  #heldMs = 0
  #headStepMs: number
  /** Interval of latency markers in ms, 0 = none; and when the next one is due. */
  readonly #markerIntervalMs: number
  #markerDueMs = -Infinity
  /** Number of the barrier that is overtaking elements; undefined while none is. */
  #overtakerId: number | undefined
  #lastOvertakerId: number | undefined
  /** What was in front of the head at the last such barrier; and what the gate has collected. Whichever is there first waits for the other. */
  #overtakenAtHead: readonly OvertakenBatch[] | undefined
  #overtakenInGate: OvertakenInGate | undefined
  /** What its parts are still to write for a checkpoint whose barrier has passed: a piece behind each batch. */
  readonly #waiting: WaitingSnapshot[] = []

  constructor(task: PlanTask, index: number, environment: SubtaskEnvironment) {
    this.task = task
    this.index = index
    this.#environment = environment
    this.#slots = environment.subtaskSlots(task)
    this.#slots[MetricSlot.SINCE_MS] = environment.clock.monotonicMs()
    this.#headStepMs = environment.clock.nowMs()
    this.#alignment = environment.alignment(task, index)
    this.#markerIntervalMs = Number(environment.options.get('metrics.latency.interval') ?? 0)
    try {
      this.#open(task)
    } catch (error) {
      // Nobody else knows of what is open already.
      for (const failure of closeAll(this.#parts())) environment.log(task.name, index, closeFailureText(failure))
      throw error
    }
    assert(this.#source !== null || this.#gate !== null, 'a chain has no head')
  }

  /** Splits that were read before the job was restored: its first subtask remembers them for all. */
  #finishedBefore(task: PlanTask): readonly number[] {
    return this.index === 0 ? (this.#environment.restoredSplits(task)?.finished ?? []) : []
  }

  /** Makes and opens the chain's operators, the head first. */
  #open(task: PlanTask): void {
    const environment = this.#environment
    const index = this.index
    const outputs = new Map<number, OutputCollector>()
    task.operators.forEach((planned, operatorIndex) => {
      const collector = new OutputCollector(environment.refuse)
      outputs.set(planned.id, collector)
      const slots = environment.operatorSlots(task, operatorIndex)
      const member: ChainMember = { slots, output: collector, writers: this.#attachExchanges(planned, collector), driver: undefined }
      this.#members.push(member)
      const body = environment.graph.transformations[planned.id].body
      const context = this.#context(planned, operatorIndex, slots)
      environment.slab.user = { activeOperatorName: planned.name }
      const takeSnapshot = (part: SnapshotPart, barrier: CheckpointBarrier): void => {
        const waiting = environment.takeSnapshot(planned.uid, index, part, barrier)
        if (waiting !== undefined) this.#waiting.push(waiting)
      }
      const takeOperatorSnapshot: SnapshotHook = (operator, barrier, overtaken, hasEnded) => {
        const isFollowed = planned.chainedTo === undefined && this.#gate?.overtakerId === barrier.checkpointId
        takeSnapshot(
          {
            snapshot: (writer) => {
              if (!hasEnded || operator.hasPendingCommits === true) operator.snapshot(writer)
            },
            hadEnded: hasEnded || (operator as SnapshotPart).hadEnded === true,
            inFlight: isFollowed ? 'follows' : encodeInFlight(overtaken, undefined, environment.graph, planned),
          },
          barrier,
        )
        if (!isFollowed || barrier.checkpointId !== this.#lastOvertakerId) return
        this.#overtakenAtHead = overtaken
        this.#tellInFlight()
      }
      if (body.kind === 'source') {
        const reader = environment.hadEnded(planned, task, index) ? endedReader : body.source.createReader(context)
        const own = environment.restored(planned, task, index)
        if (own !== undefined) reader.restore(withoutSplits(own))
        const dealt = environment.restoredSplits(task)?.dealt[index]
        const restored = environment.restoresInFlight ? { checkpointId: 0, timestampMs: environment.clock.nowMs(), kind: BarrierKind.RESTORED } : undefined
        this.#source = new SourceDriver(reader, index, collector, environment.splits(task), takeSnapshot, dealt, this.#finishedBefore(task), restored)
        return
      }
      const transformation = environment.graph.transformations[planned.fused[0]]
      const operator = environment.hadEnded(planned, task, index) ? this.#createEnded(planned) : this.#create(planned)
      operator.open(context)
      const own = environment.restored(planned, task, index)
      if (own !== undefined) {
        operator.restore(own)
        failPoint('restore.operator')
      }
      const inputs = new Set(transformation.edges.map((edge) => edge.input)).size
      const driver = new OperatorDriver(planned.name, operator, collector, inputs, takeOperatorSnapshot, this.#markerHook(planned, operatorIndex))
      const { batches, inGate } = environment.restoredElements(planned, task, index)
      if (batches.length > 0) driver.restore(batches, environment.slab)
      this.#drivers.push(driver)
      if (body.kind !== 'operator' || body.commits !== true) this.#overtakable.push(driver)
      member.driver = driver
      if (body.kind === 'operator' && body.alignment !== undefined) this.#aligned.push(collector)
      if (planned.chainedTo === undefined) {
        this.#gate = new InputGate(
          environment.inputChannels(task, index),
          driver,
          inputs,
          environment.silentChannels(task, index),
          environment.channelSlots(task),
          checkpointingModeOf(environment.options),
          (checkpointId, overtaken) => {
            if (checkpointId !== this.#lastOvertakerId) return
            this.#overtakenInGate = overtaken
            this.#tellInFlight()
          },
        )
        if (inGate !== undefined) this.#gate.restore(inGate)
      } else {
        const producer = outputs.get(planned.chainedTo)!
        this.#attach(planned.chainedSide === undefined ? producer : producer.openSide(planned.chainedSide, transformation.edges[0].schema), driver)
      }
      if (batches.length > 0 || inGate !== undefined) failPoint('restore.in-flight')
    })
  }

  /** Whether everything has been read, processed and written; sinks may still wait to commit. */
  get hasEnded(): boolean {
    return this.#ended
  }

  #isDone(): boolean {
    const headEnded = this.#source !== null ? this.#source.hasEnded : this.#gate!.hasEnded
    return headEnded && this.#waiting.length === 0 && this.#drivers.every((driver) => driver.isIdle) && this.#writers.every((writer) => !writer.isBusy)
  }

  /** Earliest instant at which a step would find something to do without new input: epoch ms. */
  get nextTimeMs(): number {
    if (this.#ended) return Infinity
    let timerMs = Infinity
    for (const driver of this.#drivers) {
      if (driver.isSuspended) continue
      const dueMs = driver.operator.nextProcessingTimeMs()
      if (dueMs > this.#timersMs) timerMs = Math.min(timerMs, dueMs)
      // What is due already had its turn in this millisecond; what is held back gets it once it can go on.
      else if (driver.isIdle) timerMs = Math.min(timerMs, this.#timersMs + 1)
    }
    const nowMs = this.#environment.clock.nowMs()
    if (this.#source !== null && this.#markerIntervalMs > 0)
      timerMs = Math.min(timerMs, nowMs + Math.max(1, this.#markerDueMs - this.#environment.clock.monotonicMs()))
    return Math.min(timerMs, this.#isRefused() ? nowMs + RETRY_MS : Infinity, this.#source?.retryAtMs(nowMs) ?? Infinity)
  }

  /** Whether an operator itself refuses, like a sink whose edge is full, and no channel: then nobody rings when it can go on. */
  #isRefused(): boolean {
    return this.#drivers.some((driver) => !driver.isIdle) && this.#writers.every((writer) => !writer.isBusy)
  }

  /** Whether input waits or credit came: the check before parking. */
  hasWork(): boolean {
    if (this.#ended) return false
    if (this.#waiting.length > 0 || (this.#gate !== null && this.#gate.hasInput())) return true
    for (const writer of this.#writers) for (const channel of writer.channels) if (channel.ring.isCreditGranted()) return true
    return false
  }

  /**
   * Lets every part of the chain do a little. Returns whether anything moved.
   *
   * @param follows Whether nothing but another subtask's step came since the worker's last step ended: then that is when this one begins, and
   * the clock is not read again.
   */
  step(follows: boolean = false): boolean {
    if (this.#closed) return false
    if (this.#ended) return this.#closeOnceCommitted()
    this.#environment.slab.user = this
    this.#beginStep(follows)
    let moved = false
    if (this.#stepChain()) moved = true
    // What has waited gets its turn now: the next barrier that overtakes may come before the next step does.
    if (this.#overtakerId !== undefined && this.#endOvertaking(this.#overtakerId) && this.#stepChain()) moved = true
    if (this.#waiting.length > 0) {
      this.#writeOn()
      moved = true
    }
    // Input first: a source that was held back for long has brought something before anybody asks whether it is idle.
    if (this.#fireTimers()) moved = true
    // With nothing else to do, nothing is worth waiting for.
    if (!moved) for (const writer of this.#writers) if (writer.flush()) moved = true
    this.#publishMetrics()
    this.#environment.slab.verify()
    const isDone = this.#isDone()
    this.#endStep(!isDone && this.#isHeldBack(moved))
    if (isDone) this.#end()
    return moved
  }

  /** Writes a piece of what a checkpoint waits for. */
  #writeOn(): void {
    if (!this.#waiting[0].writeOn()) return
    this.#waiting.shift()
    this.#tellInFlight()
  }

  #stepChain(): boolean {
    let moved = false
    for (const writer of this.#writers) if (writer.run()) moved = true
    for (let index = this.#drivers.length - 1; index >= 0; index--) {
      const driver = this.#drivers[index]
      if (!driver.isIdle && driver.run()) moved = true
    }
    return this.#stepHead() || moved
  }

  #end(): void {
    this.#ended = true
    failPoint('subtask.ended')
    this.#environment.subtaskEnded(this)
    failPoint('subtask.end-told')
    if (!this.hasPendingCommits) this.close()
  }

  /** Whether a sink waits for a checkpoint. */
  get hasPendingCommits(): boolean {
    return this.#drivers.some(({ operator }) => operator.hasPendingCommits === true)
  }

  /** Whether sinks have committed all that checkpoints cover which are complete. @throws what a commit failed with. */
  hasCommitted(): boolean {
    if (this.#closed) return true
    for (const { operator } of this.#drivers) operator.checkCommits?.()
    return !this.#drivers.some(({ operator }) => operator.isCommitting === true)
  }

  /** Tells the operators that a checkpoint is complete. */
  notifyCheckpointComplete(checkpointId: number): void {
    if (this.#closed) return
    for (const { operator } of this.#drivers) operator.notifyCheckpointComplete?.(checkpointId)
    if (this.#ended) this.#closeOnceCommitted()
  }

  /** Returns whether the subtask, which has ended, could be closed. */
  #closeOnceCommitted(): boolean {
    for (const { operator } of this.#drivers) operator.checkCommits?.()
    if (this.hasPendingCommits) return false
    // What has been committed is nothing to later checkpoints.
    this.#environment.subtaskEnded(this)
    this.close()
    failPoint('subtask.closed')
    return true
  }

  /** Name of the operator whose code runs now, if it is called while one does: the innermost that has an element in hand. */
  get activeOperatorName(): string {
    for (let index = this.#drivers.length - 1; index >= 0; index--) if (!this.#drivers[index].isIdle) return this.#drivers[index].name
    return this.task.operators[0].name
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** A checkpoint begins. Only sources hear of it: the barrier comes to all others in the stream. */
  offerBarrier(barrier: CheckpointBarrier): void {
    this.#source?.offerBarrier(barrier)
  }

  /**
   * Has the barrier of a checkpoint that has begun overtake what is in flight here: until it has passed every operator, outputs refuse nothing, operators
   * that refuse by themselves are left, and nothing new is taken.
   */
  overtake(barrier: CheckpointBarrier): void {
    if (this.#ended || this.#closed || (this.#source === null && this.#overtakable.length === 0)) return
    this.#overtakerId = this.#lastOvertakerId = barrier.checkpointId
    this.#overtakenAtHead = this.#overtakenInGate = undefined
    this.#source?.overtake(barrier)
    this.#gate?.overtake(barrier)
    this.#setOvertaking(true)
  }

  #setOvertaking(isOvertaking: boolean): void {
    for (const writer of this.#writers) writer.overdraw(isOvertaking)
    for (const driver of this.#overtakable) driver.overtake(isOvertaking, this.#environment.slab)
  }

  /** Once the barrier has passed everything. Returns whether it has. */
  #endOvertaking(overtakerId: number): boolean {
    if ((this.#source ?? this.#gate!).barrierId < overtakerId || this.#drivers.some(({ barrierId }) => barrierId < overtakerId)) return false
    this.#overtakerId = undefined
    this.#setOvertaking(false)
    return true
  }

  #tellInFlight(): void {
    const [atHead, inGate] = [this.#overtakenAtHead, this.#overtakenInGate]
    // Behind what the parts have written.
    if (atHead === undefined || inGate === undefined || this.#waiting.length > 0) return
    this.#overtakenAtHead = this.#overtakenInGate = undefined
    const { graph } = this.#environment
    const [head] = this.task.operators
    this.#environment.takeInFlight(head.uid, this.index, this.#gate!.overtakerId, encodeInFlight(atHead, inGate, graph, head))
  }

  /**
   * What must be known of a subtask that has ended, by the uids of its operators: the splits of its source, what sinks wait to commit.
   *
   * @param keepsState Whether the rest of their state is wanted too: for a savepoint that drains the job, to be read.
   */
  *endedParts(keepsState: boolean): Iterable<readonly [uid: string, part: SnapshotPart]> {
    for (const [index, { uid }] of this.task.operators.entries()) {
      const operator = this.#members[index].driver?.operator
      const isWritten = operator !== undefined && (keepsState || operator.hasPendingCommits === true)
      if (index > 0 && !isWritten) continue
      const snapshot = (writer: KeyedSnapshotWriter): void => {
        if (index === 0 && this.#source !== null) writeTakenSplits(writer, this.#source.taken)
        if (isWritten) operator.snapshot(writer)
      }
      yield [uid, { snapshot }]
    }
  }

  /** Goes on behind a savepoint that should have stopped the job, and failed. */
  resume(): void {
    this.#source?.resume()
    for (const driver of this.#drivers) driver.isSuspended = false
  }

  /** Ends the sources as if their input had ended. */
  stopSource(): void {
    this.#source?.stop()
  }

  /** Closes all operators, each exactly once; the first failure is thrown after all were closed. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const waiting of this.#waiting.splice(0)) waiting.giveUp()
    const failures = closeAll(this.#parts())
    this.#slots[MetricSlot.IS_STEPPING] = 0
    this.#publishMetrics()
    if (failures.length > 0) throw failures[0]
  }

  /** The source's reader and the operators that were opened. */
  *#parts(): Iterable<{ close(): void }> {
    if (this.#source !== null) yield this.#source.reader
    for (const driver of this.#drivers) {
      yield driver
      yield driver.operator
    }
  }

  #stepHead(): boolean {
    if (this.#alignment !== null) this.#align(this.#alignment)
    if (this.#source === null) return this.#gate!.step()
    // It does not take the place of a batch: with a checkpoint for each step nothing would ever be read.
    const isSent = this.#source.sendBarrier()
    this.#source.isHeld = this.#isHeld
    if (this.#markerIntervalMs > 0) this.#sendMarker(this.#source)
    return (!this.#isHeld && this.#source.step()) || isSent
  }

  /** Time from one step to the next counts as held if the subtask was held at either: nobody looks in between. */
  #align(alignment: WatermarkAlignment): void {
    const wasHeld = this.#isHeld
    this.#isHeld = alignment.mustWait()
    const nowMs = this.#environment.clock.nowMs()
    if (wasHeld || this.#isHeld) this.#heldMs += nowMs - this.#headStepMs
    this.#headStepMs = nowMs
  }

  #sendMarker(source: SourceDriver): void {
    const nowMs = this.#environment.clock.monotonicMs()
    if (nowMs < this.#markerDueMs) return
    const marker = { markedMs: nowMs, taskIndex: this.task.id, subtaskIndex: this.index }
    this.#markerDueMs = nowMs + (source.sendMarker(marker) ? this.#markerIntervalMs : RETRY_MS)
  }

  /** What takes the latency markers that end in a sink. */
  #markerHook({ kind }: PlanOperator, operatorIndex: number): ((marker: LatencyMarker) => void) | undefined {
    if (kind !== 'sink') return undefined
    const buckets = this.#environment.latencyBuckets(this.task, operatorIndex)
    return ({ markedMs }) => recordLatency(buckets, (this.#environment.clock.monotonicMs() - markedMs) * MICROS_PER_MS)
  }

  /**
   * The time since the last step was spent as that step left the subtask: held back, or with nothing to do. Times go from slot to slot: as
   * arguments and results they would be garbage.
   */
  #beginStep(follows: boolean): void {
    const slots = this.#slots
    const { stamp, clock } = this.#environment
    if (!follows) stamp[0] = clock.monotonicMs()
    const waited = slots[MetricSlot.IS_BACKPRESSURED] === 1 ? MetricSlot.BACKPRESSURED_MS : MetricSlot.IDLE_MS
    slots[waited] = slots[waited] + (stamp[0] - slots[MetricSlot.SINCE_MS])
    slots[MetricSlot.SINCE_MS] = stamp[0]
    slots[MetricSlot.IS_STEPPING] = 1
  }

  #endStep(isHeldBack: boolean): void {
    const slots = this.#slots
    const { stamp, clock } = this.#environment
    stamp[0] = clock.monotonicMs()
    slots[MetricSlot.BUSY_MS] = slots[MetricSlot.BUSY_MS] + (stamp[0] - slots[MetricSlot.SINCE_MS])
    slots[MetricSlot.SINCE_MS] = stamp[0]
    slots[MetricSlot.IS_STEPPING] = 0
    slots[MetricSlot.IS_BACKPRESSURED] = isHeldBack ? 1 : 0
  }

  /** Whether what comes next must wait for room: in a channel, or behind an operator that refuses. One that only takes turns has moved. */
  #isHeldBack(moved: boolean): boolean {
    for (const writer of this.#writers) if (writer.isBusy) return true
    if (moved) return false
    for (const driver of this.#drivers) if (!driver.isIdle) return true
    return false
  }

  #fireTimers(): boolean {
    const nowMs = this.#environment.clock.nowMs()
    if (nowMs === this.#timersMs) return false
    this.#timersMs = nowMs
    let fired = false
    for (const driver of this.#drivers)
      if (!driver.isSuspended && driver.operator.nextProcessingTimeMs() <= nowMs && driver.isIdle) {
        // A millisecond has passed once it is over: more records may come in this one, and belong to it.
        driver.fireTimers(nowMs - 1)
        fired = true
      }
    return fired
  }

  /** An operator that had ended: its results have left, but for what a sink was waiting to commit. */
  #createEnded(planned: PlanOperator): Operator {
    const transformation = this.#environment.graph.transformations[planned.id]
    const own = isEnd(transformation) ? this.#environment.restored(planned, this.task, this.index) : undefined
    return own !== undefined && holdsCommittables(own) ? new EndedSinkOperator(this.#create(planned)) : new EndedOperator(transformation.outputSchema)
  }

  #create(planned: PlanOperator): Operator {
    const members = planned.fused.map((id) => this.#environment.graph.transformations[id])
    const { body, outputSchema, edges } = members[members.length - 1]
    if (body.kind === 'sink') return new SinkOperator(body.sink, edges[0].schema)
    assert(body.kind === 'operator', 'a source stands only at the head of a chain')
    if (body.rowStages === undefined) return body.create(planned.grid)
    const parts = members.map((member) => ({ name: member.settings.name, ...(member.body.kind === 'operator' ? member.body.rowStages! : undefined!) }))
    return rowOperator(
      parts[0].inputSchema,
      parts.flatMap(({ name, stages }) => stages.map((stage) => ({ ...stage, name }))),
      outputSchema,
    )
  }

  #attachExchanges(planned: PlanOperator, collector: OutputCollector): readonly ExchangeWriter[] {
    const writers = this.#environment.exchangesFrom(planned.id).map(({ id, side, schema }) => {
      const writer = this.#environment.exchangeWriter(id, this.index)
      this.#attach(side === undefined ? collector : collector.openSide(side, schema), writer)
      return writer
    })
    this.#writers.push(...writers)
    return writers
  }

  #attach(collector: OutputCollector, target: ElementTarget): void {
    collector.addTarget(target)
  }

  #context(planned: PlanOperator, operatorIndex: number, slots: Float64Array): OperatorContext {
    const { slab, kernels, clock, files, batchRowsMax, tableSeed, options, program, wake } = this.#environment
    const log = (message: string): void => this.#environment.log(planned.name, this.index, message)
    const announce = (index: number, name: string): void => this.#environment.announceCounter({ task: this.task.id, operatorIndex, index, name })
    return {
      slab,
      kernels,
      clock,
      files,
      operatorName: planned.name,
      uid: planned.uid,
      subtaskIndex: this.index,
      parallelism: this.task.parallelism,
      maxParallelism: planned.maxParallelism,
      batchRowsMax,
      tableSeed,
      metrics: new OperatorCounters(slots, announce, log),
      program,
      heldMs: () => this.#heldMs,
      wake,
      isCheckpointed: this.#environment.isCheckpointed,
      log,
      option: (key) => options.get(key),
    }
  }

  /** Writes what is not counted in slots from the start. Allocates nothing. */
  #publishMetrics(): void {
    const slots = this.#slots
    slots[MetricSlot.HAS_STARTED] = 1
    slots[MetricSlot.HAS_ENDED] = this.#closed ? 1 : 0
    if (this.#aligned.length > 0) {
      let leastMs = Infinity
      let isIdle = true
      for (const { watermarkMs, isIdle: idle } of this.#aligned) {
        if (idle) continue
        isIdle = false
        leastMs = Math.min(leastMs, watermarkMs)
      }
      slots[MetricSlot.SOURCE_WATERMARK_MS] = leastMs
      slots[MetricSlot.IS_IDLE] = isIdle ? 1 : 0
    }
    const last = this.#members[this.#members.length - 1]
    slots[MetricSlot.WATERMARK_MS] = last.driver === undefined ? last.output.watermarkMs : last.driver.watermarkMs
    for (const { slots: counts, driver, output, writers } of this.#members) {
      counts[OperatorSlot.ROWS_IN] = driver === undefined ? (this.#source?.rowsOut ?? 0) : driver.rowsIn
      counts[OperatorSlot.ROWS_OUT] = output.rowsOut
      if (writers.length > 0) counts[OperatorSlot.BYTES_OUT] = bytesSent(writers)
    }
    if (this.#gate !== null) this.#members[0].slots[OperatorSlot.BYTES_IN] = bytesTaken(this.#gate)
    const worker = this.#environment.workerSlots
    const { allocatedBytes } = this.#environment.slab
    worker[WorkerSlot.SLAB_BYTES] = allocatedBytes
    if (allocatedBytes > worker[WorkerSlot.SLAB_BYTES_PEAK]) worker[WorkerSlot.SLAB_BYTES_PEAK] = allocatedBytes
  }
}

function bytesSent(writers: readonly ExchangeWriter[]): number {
  let bytes = 0
  for (const { channels } of writers) for (const channel of channels) bytes += channel.bytesOut
  return bytes
}

function bytesTaken({ channels }: InputGate): number {
  let bytes = 0
  for (const channel of channels) bytes += channel.bytesIn
  return bytes
}
