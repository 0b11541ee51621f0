// One worker's share of a job: its slab, its subtasks, the rings between them. Knows no thread: the worker thread's loop and the executor
// on the calling thread both drive it by `step`.

import type { WasmMemory, WasmModule } from '../base/webassembly.ts'
import type { Clock } from '../base/clock.ts'
import { closeAll, closeAllOrThrow, closeFailureText } from '../base/close.ts'
import { StateError } from '../base/errors.ts'
import { type FileSystem, nodeFileSystem } from '../base/file-system.ts'
import { RING_BYTES_MAX } from '../base/memory-budget.ts'
import { type BudgetMemory, SharedBudget } from '../base/shared-budget.ts'
import { createSlabMemory, renewSlabMemory, Slab, SLAB_RESERVED_BYTES } from '../base/slab.ts'
import { ChannelWriter } from '../exchange/channel-writer.ts'
import { ExchangeWriter } from '../exchange/exchange-writer.ts'
import { HashRouter } from '../exchange/hash-router.ts'
import { CustomRouter } from '../exchange/custom-router.ts'
import { InputChannel } from '../exchange/input-channel.ts'
import { BatchRouter, type Router, TurnRouter } from '../exchange/partition.ts'
import { instantiateKernels, type Kernels } from '../kernels/kernels.ts'
import type { CheckpointBarrier } from '../exchange/control-element.ts'
import type { ProgramEdge } from '../operator/operator.ts'
import type { SourceSplit } from '../operator/source.ts'
import { callingOperator } from '../operator/async/calling-operator.ts'
import { compileRowReader, DEV_OPTION } from '../operator/row-code.ts'
import type { ExecutionPlan, PlanExchange, PlanTask } from '../plan/execution-plan.ts'
import type { Edge, LogicalGraph } from '../plan/transformation.ts'
import { Doorbell } from '../ring/parking.ts'
import type { RingConsumer } from '../ring/ring.ts'
import { SpscRing } from '../ring/spsc-ring.ts'
import {
  type ChannelPlace,
  channelSlots,
  channelTargets,
  COMPLETE_CHECKPOINT_ADDRESS,
  DOORBELL_ADDRESS,
  latencyBuckets,
  layoutWorker,
  operatorSlots,
  splitCounterAddress,
  splitProgressAddress,
  subtaskSlots,
  type WorkerLayout,
  workerSlots,
} from './control-layout.ts'
import { hadEnded, type JobSnapshot, partId, type PartSnapshot, SnapshotParts } from '../checkpoint/job-snapshot.ts'
import { restoredElements } from './in-flight.ts'
import { PartSnapshots } from './part-snapshots.ts'
import type { InFlight } from './pending-checkpoint.ts'
import { type RestoredSplits, restoredSplits } from './restored-splits.ts'
import { SharedSplits } from './shared-splits.ts'
import { type CounterName, Subtask, type SubtaskEnvironment } from './subtask.ts'
import { WorkerSlot } from './subtask-metrics.ts'
import { alignmentOf } from './watermark-alignment.ts'

const BATCH_ROWS_MAX_DEFAULT = 8192

/** Rows a batch holds at most: the option `millrace.batch.rows-max`. */
export function batchRowsMaxOf(options: ReadonlyMap<string, string> | undefined): number {
  return Number(options?.get('millrace.batch.rows-max') ?? BATCH_ROWS_MAX_DEFAULT)
}

/** Capacity of a ring at most: the option `millrace.channel.memory-max`, a power of two. */
export function ringBytesMaxOf(options: ReadonlyMap<string, string> | undefined): number {
  const text = options?.get('millrace.channel.memory-max')
  return text === undefined ? RING_BYTES_MAX : 2 ** Math.floor(Math.log2(Number(text)))
}

/** Everything a worker is told at its start. But for the graph and the clock it is structured-clonable. */
export interface WorkerSettings {
  readonly plan: ExecutionPlan
  readonly workerIndex: number
  /** The memory of every worker, by index; the own one among them. */
  readonly memories: readonly WasmMemory[]
  readonly kernels: WasmModule
  readonly slabBytesMax: number
  /** What this job shares with the others of the process; left out where its memory was set by hand. */
  readonly budget?: BudgetMemory
  readonly batchRowsMax: number
  readonly tableSeed: number
  readonly options: ReadonlyMap<string, string>
  /** Splits of each source task, by task id. */
  readonly splits: ReadonlyMap<number, readonly SourceSplit[]>
  /** Capacity of the rings at most; the same for all workers. */
  readonly ringBytesMax: number
  /** Whether checkpoints are taken: then what is to be committed waits for them. */
  readonly isCheckpointed: boolean
  /** Whether a checkpoint may hold, of what can tell, only what changed since the one before. */
  readonly isIncremental: boolean
  /** The greatest number that was given to a checkpoint before the job started. */
  readonly lastCheckpointId: number
  /** The checkpoint to go on from. */
  readonly restore?: JobSnapshot
}

/** What a worker reaches outside itself. */
export interface WorkerHooks {
  readonly clock: Clock
  /** @default the machine's */
  readonly files?: FileSystem | undefined
  readonly program: ProgramEdge
  /** Called when a callback of the event loop has brought work: ends the pause of whoever drives the worker. */
  wake(): void
  log(operatorName: string, subtaskIndex: number, message: string): void
  /** Called once for each counter that an operator makes. */
  announceCounter(counter: CounterName): void
  /** Asked each time an output is asked for room: true makes it say no this once. For tests. */
  refuse?(): boolean
  /** How many entries of a part are written between two batches. For tests. */
  readonly pieceEntries?: number
  /** Given the receiving end of each channel: returns what the channel is read through. For tests. */
  readThrough?(ring: RingConsumer): RingConsumer
  /**
   * A part of the job has written what it was when a barrier reached it.
   *
   * @param part What it wrote, of which some may lie in the worker's slab until the checkpoint is complete, or the next one begins.
   * @param hadEnded Whether the part had ended before the job was restored.
   */
  snapshotTaken(checkpointId: number, id: string, part: PartSnapshot, hadEnded: boolean, inFlight: InFlight): void
  /** What a barrier has overtaken in front of a part has been collected: undefined if it was nothing. */
  inFlightTaken(checkpointId: number, id: string, inFlight: Uint8Array | undefined): void
  /** A subtask has processed all it will. */
  subtaskEnded(subtask: Subtask): void
}

/**
 * Makes a worker's memory and lays out its fixed region in it. Called once for each worker before any of them starts.
 *
 * @param used The memory of a job that has ended, whose `bytesMax` was the same: taken instead of a new one, if it is large enough and the budget
 * allows what it has grown to.
 * @throws {StateError} `SLAB_FULL` if the fixed region does not fit into the budget.
 */
export function createWorkerMemory(
  plan: ExecutionPlan,
  workerIndex: number,
  bytesMax: number,
  ringBytesMax: number,
  budget?: SharedBudget,
  used?: WasmMemory,
): WasmMemory {
  const { channels, fixedBytes } = layoutWorker(plan, workerIndex, ringBytesMax)
  const refuse = (reason: string): never => {
    throw new StateError('SLAB_FULL', `Cannot make room for the inbound channels of worker ${workerIndex}: ${reason}`, {
      hint: 'Raise millrace.worker.memory-max or lower the parallelism.',
    })
  }
  if (SLAB_RESERVED_BYTES + fixedBytes > bytesMax) refuse(`they and the metrics take ${fixedBytes} bytes, the worker's memory budget is ${bytesMax}`)
  let memory = used
  if (memory === undefined || !renewSlabMemory(memory, fixedBytes) || budget?.tryTake(memory.buffer.byteLength) === false) {
    memory = createSlabMemory(fixedBytes, bytesMax)
    if (budget?.tryTake(memory.buffer.byteLength) === false) refuse(`the jobs of this process have used up the ${budget.bytesMax} bytes that they share`)
  }
  for (const channel of channels) SpscRing.initialize(memory.buffer, channel.address, channel.capacityBytes)
  return memory
}

/** A worker without a thread. */
export class WorkerRuntime {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly doorbell: Doorbell
  readonly subtasks: readonly Subtask[]
  /** The subtask that is being stepped. */
  activeSubtask: Subtask | undefined
  keepsEndedState = false
  readonly #settings: WorkerSettings
  readonly #graph: LogicalGraph
  readonly #layouts: readonly WorkerLayout[]
  readonly #doorbells: readonly Doorbell[]
  readonly #hooks: WorkerHooks
  /** The splits of restored sources, by task id. */
  readonly #restored = new Map<number, RestoredSplits>()
  /** Fixed-region views of every worker's memory, made at start: they stay good whatever grows. */
  readonly #buffers: readonly SharedArrayBuffer[]
  readonly #snapshots: PartSnapshots

  constructor(settings: WorkerSettings, graph: LogicalGraph, hooks: WorkerHooks) {
    const { plan, workerIndex, memories } = settings
    this.#settings = settings
    this.#hooks = hooks
    this.#graph = graph
    this.#layouts = memories.map((_, index) => layoutWorker(plan, index, settings.ringBytesMax))
    this.#buffers = memories.map((memory) => memory.buffer)
    const budget = settings.budget && new SharedBudget(settings.budget)
    this.slab = new Slab(settings.slabBytesMax, memories[workerIndex], this.#layouts[workerIndex].fixedBytes, undefined, budget)
    this.kernels = instantiateKernels(settings.kernels, this.slab)
    this.#doorbells = this.#buffers.map((buffer) => new Doorbell(buffer, DOORBELL_ADDRESS))
    this.doorbell = this.#doorbells[workerIndex]!
    const buffer = this.#buffers[workerIndex]
    const words = new Int32Array(buffer)
    this.#snapshots = new PartSnapshots(this.slab, settings.isIncremental, hooks.pieceEntries)
    const parts = settings.restore && new SnapshotParts(settings.restore)
    const environment: SubtaskEnvironment = {
      graph,
      slab: this.slab,
      kernels: this.kernels,
      clock: hooks.clock,
      files: hooks.files ?? nodeFileSystem,
      batchRowsMax: settings.batchRowsMax,
      tableSeed: settings.tableSeed,
      options: settings.options,
      takeSnapshot: (uid, subtaskIndex, part, barrier) => {
        const id = partId(uid, subtaskIndex)
        // A barrier that another worker has sent may be here before the mail that the checkpoint in front of it is complete.
        this.#snapshots.complete(Atomics.load(words, COMPLETE_CHECKPOINT_ADDRESS >>> 2))
        return this.#snapshots.take(id, part, barrier, (snapshot) =>
          hooks.snapshotTaken(barrier.checkpointId, id, snapshot, part.hadEnded === true, part.inFlight),
        )
      },
      takeInFlight: (uid, subtaskIndex, checkpointId, inFlight) => hooks.inFlightTaken(checkpointId, partId(uid, subtaskIndex), inFlight),
      subtaskEnded: (subtask) => hooks.subtaskEnded(subtask),
      isCheckpointed: settings.isCheckpointed,
      restored: ({ uid }, task, subtaskIndex) => parts?.reader(uid, subtaskIndex, task.parallelism),
      restoresInFlight: settings.restore !== undefined && settings.restore.inFlight.size > 0,
      restoredElements: (planned, task, subtaskIndex) =>
        settings.restore === undefined
          ? { batches: [], inGate: undefined }
          : restoredElements(settings.restore, plan, graph, planned, task, subtaskIndex, this.slab, this.kernels),
      restoredSplits: (task) => this.#restoredSplits(task),
      hadEnded: ({ uid }, { parallelism }, subtaskIndex) => settings.restore !== undefined && hadEnded(settings.restore, uid, subtaskIndex, parallelism),
      program: hooks.program,
      wake: () => hooks.wake(),
      ...(hooks.refuse && { refuse: () => hooks.refuse!() }),
      log: (operatorName, subtaskIndex, message) => hooks.log(operatorName, subtaskIndex, message),
      exchangeWriter: (exchangeId, subtaskIndex) => this.#exchangeWriter(plan.exchanges[exchangeId], subtaskIndex),
      inputChannels: (task, subtaskIndex) => this.#inputChannels(task, subtaskIndex),
      silentChannels: (task, subtaskIndex) => this.#silentChannels(task, subtaskIndex),
      exchangesFrom: (operatorId) =>
        plan.exchanges
          .filter((exchange) => exchange.fromOperator === operatorId)
          .map((exchange) => ({ id: exchange.id, side: exchange.side, schema: this.#edgeOf(exchange).schema })),
      splits: (task) => this.#sharedSplits(task),
      alignment: (task, subtaskIndex) => alignmentOf(plan, graph, task, subtaskIndex, (member, index) => subtaskSlots(this.#buffers[index], plan, member.id)),
      stamp: new Float64Array(1),
      workerSlots: workerSlots(buffer, plan),
      subtaskSlots: (task) => subtaskSlots(buffer, plan, task.id),
      operatorSlots: (task, operatorIndex) => operatorSlots(buffer, plan, task.id, operatorIndex),
      channelSlots: (task) => channelSlots(buffer, plan, task.id),
      latencyBuckets: (task, operatorIndex) => latencyBuckets(buffer, plan, task.id, operatorIndex),
      announceCounter: (counter) => hooks.announceCounter(counter),
    }
    environment.workerSlots[WorkerSlot.SLAB_BYTES_MAX] = this.slab.bytesMax
    const subtasks: Subtask[] = []
    try {
      for (const task of plan.tasks) if (workerIndex < task.parallelism) subtasks.push(new Subtask(task, workerIndex, environment))
    } catch (error) {
      for (const failure of closeAll(subtasks)) hooks.log('', 0, closeFailureText(failure))
      throw error
    }
    this.subtasks = subtasks
  }

  get hasEnded(): boolean {
    return this.subtasks.every((subtask) => subtask.isClosed)
  }

  /** Lets each subtask do a little. Returns whether anything moved. */
  step(): boolean {
    let moved = false
    let follows = false
    for (const subtask of this.subtasks) {
      if (subtask.isClosed) continue
      this.activeSubtask = subtask
      if (subtask.step(follows)) moved = true
      follows = true
    }
    this.activeSubtask = undefined
    return moved
  }

  /** The operator whose code runs now, as far as that is known. */
  get activeOperator(): { readonly operatorName: string; readonly subtaskIndex: number } | undefined {
    const subtask = this.activeSubtask
    return callingOperator.getStore() ?? (subtask && { operatorName: subtask.activeOperatorName, subtaskIndex: subtask.index })
  }

  /** Whether a step would find work: input that waits, credit that came. */
  hasWork(): boolean {
    for (const subtask of this.subtasks) if (!subtask.isClosed && subtask.hasWork()) return true
    return false
  }

  /** Earliest instant at which there is work without new input: epoch ms. */
  get nextTimeMs(): number {
    let nextMs = Infinity
    for (const subtask of this.subtasks) if (!subtask.isClosed) nextMs = Math.min(nextMs, subtask.nextTimeMs)
    return nextMs
  }

  get lastCheckpointId(): number {
    return this.#settings.lastCheckpointId
  }

  /** A checkpoint begins at the sources of this worker. */
  offerBarrier(barrier: CheckpointBarrier): void {
    for (const subtask of this.subtasks) subtask.offerBarrier(barrier)
  }

  /** The barriers of a checkpoint that has begun overtake what is in flight. */
  overtake(barrier: CheckpointBarrier): void {
    for (const subtask of this.subtasks) subtask.overtake(barrier)
  }

  /** A checkpoint is complete. */
  notifyCheckpointComplete(checkpointId: number): void {
    this.#snapshots.complete(checkpointId)
    for (const subtask of this.subtasks) subtask.notifyCheckpointComplete(checkpointId)
  }

  /** Ends the sources as if their input had ended. @param keepsState Whether a savepoint wants the state of subtasks when they have ended. */
  stopSources(keepsState: boolean): void {
    this.keepsEndedState ||= keepsState
    for (const subtask of this.subtasks) subtask.stopSource()
  }

  /** Goes on behind a savepoint that should have stopped the job, and failed. */
  resume(): void {
    for (const subtask of this.subtasks) subtask.resume()
  }

  /** Closes what is still open: after a failure or a cancellation. */
  close(): void {
    closeAllOrThrow(this.subtasks)
  }

  /** A line for the job's log. */
  log(operatorName: string, subtaskIndex: number, message: string): void {
    this.#hooks.log(operatorName, subtaskIndex, message)
  }

  #edgeOf(exchange: PlanExchange): Edge {
    const consumer = this.#settings.plan.tasks[exchange.toTask].operators[0]
    // Of several fused functions the first one has the edge.
    return this.#graph.transformations[consumer.fused[0]].edges[exchange.edgeIndex]
  }

  #exchangeWriter(exchange: PlanExchange, subtaskIndex: number): ExchangeWriter {
    const { plan, workerIndex } = this.#settings
    const from = plan.tasks[exchange.fromTask]
    const to = plan.tasks[exchange.toTask]
    const targets = channelTargets(exchange, subtaskIndex, from.parallelism, to.parallelism)
    const channels = targets.map((target) => {
      const place = this.#layouts[target].channels.find((channel) => channel.exchange.id === exchange.id && channel.fromSubtask === subtaskIndex)!
      const buffer = this.#buffers[target]
      const ring = new SpscRing(buffer, place.address, place.capacityBytes, { producer: this.#doorbells[workerIndex], consumer: this.#doorbells[target] })
      return new ChannelWriter(ring, buffer)
    })
    const edge = this.#edgeOf(exchange)
    return new ExchangeWriter(this.slab, this.kernels, edge.schema, channels, this.#router(exchange, edge, subtaskIndex, channels.length, to))
  }

  #router(exchange: PlanExchange, edge: Edge, subtaskIndex: number, channelCount: number, to: PlanTask): Router {
    if (channelCount === 1 && exchange.partitioner !== 'custom') return new BatchRouter('first')
    switch (exchange.partitioner) {
      case 'hash':
        return new HashRouter(this.slab, this.kernels, edge.schema, exchange.key!, channelCount, exchange.maxParallelism!)
      case 'broadcast':
        return new BatchRouter('every')
      case 'custom': {
        const { partitioner } = edge
        return new CustomRouter(
          this.slab,
          partitioner.kind === 'custom' ? partitioner.partition : () => 0,
          channelCount,
          compileRowReader(edge.schema, this.#settings.options.get(DEV_OPTION) === 'true'),
          to.operators[0].name,
        )
      }
      default:
        return new TurnRouter(this.slab, channelCount, subtaskIndex)
    }
  }

  /** The places of a subtask's channels, in the order in which its gate polls them. */
  #inputPlaces(task: PlanTask, subtaskIndex: number): readonly ChannelPlace[] {
    return this.#layouts[this.#settings.workerIndex].channels.filter(({ exchange, toSubtask }) => exchange.toTask === task.id && toSubtask === subtaskIndex)
  }

  /** Channels from readers that have more fellows than there are splits: each reader begins with the split of its own number. */
  #silentChannels(task: PlanTask, subtaskIndex: number): readonly number[] {
    const { splits } = this.#settings
    return this.#inputPlaces(task, subtaskIndex).flatMap(({ exchange, fromSubtask }, index) => {
      const count = splits.get(exchange.fromTask)?.length ?? 0
      return count > 0 && fromSubtask >= count ? [index] : []
    })
  }

  #inputChannels(task: PlanTask, subtaskIndex: number): readonly InputChannel[] {
    const { workerIndex } = this.#settings
    const buffer = this.#buffers[workerIndex]
    return this.#inputPlaces(task, subtaskIndex).map(({ exchange, address, capacityBytes, fromSubtask }) => {
      const ring = new SpscRing(buffer, address, capacityBytes, { producer: this.#doorbells[fromSubtask], consumer: this.#doorbells[workerIndex] })
      return new InputChannel(this.#hooks.readThrough?.(ring) ?? ring, exchange.input, this.slab, this.#edgeOf(exchange).schema, exchange.edgeIndex)
    })
  }

  #sharedSplits(task: PlanTask): SharedSplits {
    const { plan, splits } = this.#settings
    const words = new Int32Array(this.#buffers[0])
    return new SharedSplits(
      words,
      splitCounterAddress(task.id) >>> 2,
      splitProgressAddress(plan, task.id, 0) >>> 2,
      task.parallelism,
      splits.get(task.id) ?? [],
      this.#restoredSplits(task)?.left,
    )
  }

  /** Every worker deals out the same, once for each source. */
  #restoredSplits({ id, operators, parallelism }: PlanTask): RestoredSplits | undefined {
    const { restore, splits } = this.#settings
    if (restore === undefined) return undefined
    const known = this.#restored.get(id)
    if (known !== undefined) return known
    const [{ uid }] = operators
    const readers = Array.from({ length: parallelism }, (_, reader) => reader).filter((reader) => !hadEnded(restore, uid, reader, parallelism))
    const restored = restoredSplits(restore, uid, splits.get(id)?.length ?? 0, parallelism, readers)
    this.#restored.set(id, restored)
    return restored
  }
}
