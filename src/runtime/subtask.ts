// One parallel instance of a task: builds the chain's operators and their drivers, steps them. Runs on the worker's thread.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Slab } from '../base/slab.ts'
import type { LatencyMarker } from '../exchange/control-element.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import type { ExchangeWriter } from '../exchange/exchange-writer.ts'
import type { InputChannel } from '../exchange/input-channel.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { rowOperator } from '../operator/basic/row-operator.ts'
import { recordLatency } from '../metrics/latency-histogram.ts'
import { SinkOperator } from '../operator/basic/sink-operator.ts'
import type { Operator, OperatorContext, OperatorMetrics, ProgramEdge } from '../operator/operator.ts'
import type { PlanOperator, PlanTask } from '../plan/execution-plan.ts'
import type { LogicalGraph } from '../plan/transformation.ts'
import { InputGate } from './input-gate.ts'
import { OperatorDriver, type SnapshotHook } from './operator-driver.ts'
import { OutputCollector } from './output-collector.ts'
import { type SplitAssigner, SourceDriver } from './source-driver.ts'
import { WatermarkAlignment } from './watermark-alignment.ts'
import { MetricSlot } from './subtask-metrics.ts'

/** What a subtask needs from its worker. */
export interface SubtaskEnvironment {
  readonly graph: LogicalGraph
  readonly slab: Slab
  readonly kernels: Kernels
  readonly clock: Clock
  readonly batchRowsMax: number
  readonly tableSeed: number
  readonly options: ReadonlyMap<string, string>
  readonly snapshotHook: SnapshotHook
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
  exchangesFrom(operatorId: number): readonly { readonly id: number; readonly side: string | undefined }[]
  splits(task: PlanTask): SplitAssigner
  /** Asked each time an output is asked for room: true makes it say no this once. For tests. */
  refuse?(): boolean
  /** Metric slots of every subtask whose source is aligned in this group. */
  alignedSlots(group: string): readonly Float64Array[]
  /** The subtask's latency buckets in the worker's fixed region. */
  latencyBuckets(task: PlanTask): Int32Array
  /** The subtask's metric slots in the worker's fixed region. */
  metricSlots(task: PlanTask): Float64Array
}

class Metrics implements OperatorMetrics {
  lateRecords = 0
  badRecords = 0
  readonly counters = new Map<string, { value: number }>()

  counter(name: string): { value: number } {
    let counter = this.counters.get(name)
    if (counter === undefined) this.counters.set(name, (counter = { value: 0 }))
    return counter
  }
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
  readonly #writers: ExchangeWriter[] = []
  readonly #metrics: Metrics[] = []
  readonly #collectors: OutputCollector[] = []
  #source: SourceDriver | null = null
  #gate: InputGate | null = null
  #closed = false
  #timersMs = -Infinity
  readonly #slots: Float64Array
  /** Set on sources that are aligned with others: the group, and the output of the watermark generator. */
  #alignment: WatermarkAlignment | null = null
  #aligned: OutputCollector | null = null
  #stepMs: number
  readonly #latency: Int32Array
  /** Interval of latency markers in ms, 0 = none; and when the next one is due. */
  readonly #markerIntervalMs: number
  #markerDueMs = -Infinity

  constructor(task: PlanTask, index: number, environment: SubtaskEnvironment) {
    this.task = task
    this.index = index
    this.#environment = environment
    this.#slots = environment.metricSlots(task)
    this.#stepMs = environment.clock.monotonicMs()
    this.#latency = environment.latencyBuckets(task)
    this.#markerIntervalMs = Number(environment.options.get('metrics.latency.interval') ?? 0)
    const outputs = new Map<number, OutputCollector>()
    for (const planned of task.operators) {
      const collector = new OutputCollector(environment.refuse)
      outputs.set(planned.id, collector)
      this.#collectors.push(collector)
      this.#attachExchanges(planned, collector)
      const body = environment.graph.transformations[planned.id].body
      const context = this.#context(planned)
      if (body.kind === 'source') {
        const reader = body.source.createReader(context)
        this.#source = new SourceDriver(reader, index, collector, environment.splits(task))
        continue
      }
      const transformation = environment.graph.transformations[planned.fused[0]]
      const operator = this.#create(planned)
      operator.open(context)
      const inputs = new Set(transformation.edges.map((edge) => edge.input)).size
      const driver = new OperatorDriver(planned.name, operator, collector, inputs, environment.snapshotHook, (marker) => this.#recordLatency(marker))
      this.#drivers.push(driver)
      if (body.kind === 'operator' && body.alignment !== undefined) {
        this.#alignment = new WatermarkAlignment(body.alignment.maxDriftMs, environment.alignedSlots(body.alignment.group))
        this.#aligned = collector
      }
      if (planned.chainedTo === undefined) this.#gate = new InputGate(environment.inputChannels(task, index), driver, environment.silentChannels(task, index))
      else {
        const producer = outputs.get(planned.chainedTo)!
        this.#attach(planned.chainedSide === undefined ? producer : producer.openSide(planned.chainedSide), driver)
      }
    }
    assert(this.#source !== null || this.#gate !== null, 'a chain has no head')
  }

  /** Whether everything has been read, processed and written. */
  get hasEnded(): boolean {
    const headEnded = this.#source !== null ? this.#source.hasEnded : this.#gate!.hasEnded
    return headEnded && this.#drivers.every((driver) => driver.hasCapacity()) && this.#writers.every((writer) => !writer.isBusy)
  }

  /** Earliest instant at which a step would find something to do without new input: epoch ms. */
  get nextTimeMs(): number {
    let timerMs = Infinity
    for (const driver of this.#drivers) {
      const dueMs = driver.operator.nextProcessingTimeMs()
      if (dueMs > this.#timersMs) timerMs = Math.min(timerMs, dueMs)
      // What is due already had its turn in this millisecond; what is held back gets it once it can go on.
      else if (driver.hasCapacity()) timerMs = Math.min(timerMs, this.#timersMs + 1)
    }
    const nowMs = this.#environment.clock.nowMs()
    return Math.min(timerMs, this.#isRefused() ? nowMs + RETRY_MS : Infinity, this.#source?.retryAtMs(nowMs) ?? Infinity)
  }

  /** Whether an operator itself refuses, like a sink whose edge is full, and no channel: then nobody rings when it can go on. */
  #isRefused(): boolean {
    return this.#drivers.some((driver) => !driver.hasCapacity()) && this.#writers.every((writer) => !writer.isBusy)
  }

  /** Whether input waits or credit came: the check before parking. */
  hasWork(): boolean {
    if (this.#gate !== null && this.#gate.hasInput()) return true
    for (const writer of this.#writers) for (const channel of writer.channels) if (channel.ring.isCreditGranted()) return true
    return false
  }

  /** Lets every part of the chain do a little. Returns whether anything moved. */
  step(): boolean {
    if (this.#closed) return false
    let moved = false
    for (const writer of this.#writers) if (writer.run()) moved = true
    for (let index = this.#drivers.length - 1; index >= 0; index--) {
      const driver = this.#drivers[index]
      if (!driver.hasCapacity() && driver.run()) moved = true
    }
    if (this.#stepHead()) moved = true
    // Input first: a source that was held back for long has brought something before anybody asks whether it is idle.
    if (this.#fireTimers()) moved = true
    // With nothing else to do, nothing is worth waiting for.
    if (!moved) for (const writer of this.#writers) if (writer.flush()) moved = true
    this.#countTime(moved)
    this.#publishMetrics()
    this.#environment.slab.verify()
    if (this.hasEnded) this.close()
    return moved
  }

  /** Name of the operator whose code runs now, if it is called while one does: the innermost that has an element in hand. */
  get activeOperatorName(): string {
    for (let index = this.#drivers.length - 1; index >= 0; index--) if (!this.#drivers[index].hasCapacity()) return this.#drivers[index].name
    return this.task.operators[0].name
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Ends the sources as if their input had ended. */
  stopSource(): void {
    this.#source?.stop()
  }

  /** Closes all operators, each exactly once; the first failure is thrown after all were closed. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    let failure: unknown
    const attempt = (close: () => void): void => {
      try {
        close()
      } catch (error) {
        failure ??= error
      }
    }
    if (this.#source !== null) attempt(() => this.#source!.reader.close())
    for (const driver of this.#drivers) attempt(() => driver.operator.close())
    this.#publishMetrics()
    if (failure !== undefined) throw failure
  }

  #stepHead(): boolean {
    if (this.#source === null) return this.#gate!.step()
    const waits = this.#alignment !== null && this.#alignment.mustWait(this.#aligned!.watermarkMs)
    this.#source.isHeld = waits
    if (this.#markerIntervalMs > 0) this.#sendMarker(this.#source)
    return !waits && this.#source.step()
  }

  #sendMarker(source: SourceDriver): void {
    const nowMs = this.#environment.clock.monotonicMs()
    if (nowMs < this.#markerDueMs) return
    const marker = { markedMs: nowMs, taskIndex: this.task.id, subtaskIndex: this.index }
    if (source.sendMarker(marker)) this.#markerDueMs = nowMs + this.#markerIntervalMs
  }

  #recordLatency({ markedMs }: LatencyMarker): void {
    recordLatency(this.#latency, (this.#environment.clock.monotonicMs() - markedMs) * MICROS_PER_MS)
  }

  /** Time since the last step goes to busy if something moved, to backpressure if an output refuses. */
  #countTime(moved: boolean): void {
    const nowMs = this.#environment.clock.monotonicMs()
    const elapsedMs = nowMs - this.#stepMs
    this.#stepMs = nowMs
    const slots = this.#slots
    if (moved) slots[MetricSlot.BUSY_MS] = slots[MetricSlot.BUSY_MS] + elapsedMs
    else if (slots[MetricSlot.IS_BACKPRESSURED] === 1) slots[MetricSlot.BACKPRESSURED_MS] = slots[MetricSlot.BACKPRESSURED_MS] + elapsedMs
  }

  #fireTimers(): boolean {
    const nowMs = this.#environment.clock.nowMs()
    if (nowMs === this.#timersMs) return false
    this.#timersMs = nowMs
    let fired = false
    for (const driver of this.#drivers)
      if (driver.operator.nextProcessingTimeMs() <= nowMs && driver.hasCapacity()) {
        // A millisecond has passed once it is over: more records may come in this one, and belong to it.
        driver.fireTimers(nowMs - 1)
        fired = true
      }
    return fired
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

  #attachExchanges(planned: PlanOperator, collector: OutputCollector): void {
    for (const { id, side } of this.#environment.exchangesFrom(planned.id)) {
      const writer = this.#environment.exchangeWriter(id, this.index)
      this.#writers.push(writer)
      this.#attach(side === undefined ? collector : collector.openSide(side), writer)
    }
  }

  #attach(collector: OutputCollector, target: ElementTarget): void {
    collector.addTarget(target)
  }

  #context(planned: PlanOperator): OperatorContext {
    const { slab, kernels, clock, batchRowsMax, tableSeed, options, program, log, wake } = this.#environment
    const metrics = new Metrics()
    this.#metrics.push(metrics)
    return {
      slab,
      kernels,
      clock,
      operatorName: planned.name,
      uid: planned.uid,
      subtaskIndex: this.index,
      parallelism: this.task.parallelism,
      maxParallelism: this.task.maxParallelism,
      batchRowsMax,
      tableSeed,
      metrics,
      program,
      wake,
      log: (message) => log(planned.name, this.index, message),
      option: (key) => options.get(key),
    }
  }

  #publishMetrics(): void {
    const slots = this.#slots
    let late = 0
    let bad = 0
    for (const metrics of this.#metrics) {
      late += metrics.lateRecords
      bad += metrics.badRecords
    }
    slots[MetricSlot.HAS_STARTED] = 1
    if (this.#aligned !== null) {
      slots[MetricSlot.SOURCE_WATERMARK_MS] = this.#aligned.watermarkMs
      slots[MetricSlot.IS_IDLE] = this.#aligned.isIdle ? 1 : 0
    }
    slots[MetricSlot.LATE_RECORDS] = late
    slots[MetricSlot.BAD_RECORDS] = bad
    slots[MetricSlot.ROWS_IN] = this.#source !== null ? this.#source.rowsOut : this.#drivers[0].rowsIn
    slots[MetricSlot.HAS_ENDED] = this.#closed ? 1 : 0
    const last = this.#drivers[this.#drivers.length - 1]
    slots[MetricSlot.WATERMARK_MS] = last === undefined ? -Infinity : last.watermarkMs
    this.#collectors.forEach((collector, index) => (slots[MetricSlot.OPERATOR_ROWS_OUT + index] = collector.rowsOut))
    let bytes = 0
    let backpressured = 0
    for (const writer of this.#writers) {
      for (const channel of writer.channels) bytes += channel.bytesOut
      if (writer.isBusy) backpressured = 1
    }
    slots[MetricSlot.BYTES_OUT] = bytes
    let backlog = 0
    if (this.#gate !== null) for (const channel of this.#gate.channels) backlog += channel.ring.backlogBytes()
    slots[MetricSlot.BACKLOG_BYTES] = backlog
    slots[MetricSlot.IS_BACKPRESSURED] = backpressured
    slots[MetricSlot.SLAB_BYTES] = this.#environment.slab.allocatedBytes
  }
}
