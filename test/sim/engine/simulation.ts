// The whole engine on one thread, under virtual time: the coordinator of checkpoints with its store on a virtual disk, the workers with their
// loops, doorbells, rings and subtasks, sinks that commit in two phases, and a supervisor that starts the job again when it is killed or fails. What
// runs when, how long it takes and what goes wrong comes from one seed. Not simulated, but written down here: src/runtime/coordinator.ts, whose threads
// and ports are the machine's, and the folder of a job, of which there is the note of the last checkpoint and of the end.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { JobEnvironment } from '../../../src/api/datastream/job.ts'
import { AssertionError } from '../../../src/base/assert.ts'
import type { Timers } from '../../../src/base/clock.ts'
import { Random } from '../../../src/base/random.ts'
import type { WasmModule } from '../../../src/base/webassembly.ts'
import { CheckpointStore } from '../../../src/checkpoint/checkpoint-store.ts'
import { restartStrategyOf } from '../../../src/engine/restart-strategy.ts'
import { compileKernels } from '../../../src/kernels/kernels.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import type { LogicalGraph } from '../../../src/plan/transformation.ts'
import { Doorbell, PARK_TIMEOUT_MS_MAX } from '../../../src/ring/parking.ts'
import { EMPTY, type RingConsumer } from '../../../src/ring/ring.ts'
import { CheckpointCoordinator } from '../../../src/runtime/checkpoint-coordinator.ts'
import {
  CHECKPOINTS_ADDRESS,
  Command,
  COMMAND_ADDRESS,
  COMPLETE_CHECKPOINT_ADDRESS,
  DOORBELL_ADDRESS,
  OVERTAKING_CHECKPOINT_ADDRESS,
} from '../../../src/runtime/control-layout.ts'
import { enumerateSplits, splitsByUid } from '../../../src/runtime/enumerate-splits.ts'
import { inFlightRefusals } from '../../../src/runtime/in-flight.ts'
import { endedSubtaskOf } from '../../../src/runtime/pending-checkpoint.ts'
import { plannedOperators, signaturesOf } from '../../../src/runtime/planned-operators.ts'
import { assertRestorable } from '../../../src/checkpoint/restore-decision.ts'
import { summarize } from '../../../src/checkpoint/snapshot-summary.ts'
import { closeQuietly, type RoundOutcome, WorkerRounds } from '../../../src/runtime/worker-loop.ts'
import { createWorkerMemory, WorkerRuntime, type WorkerSettings } from '../../../src/runtime/worker-runtime.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'
import { BRANCHES, ORDERED_LINE } from './branches.ts'
import { drawRecords, NUMBERED, type Numbered, numberedSource } from './numbered-source.ts'
import { type Fault, type FaultKind, type SimulationOptions } from './options.ts'
import { SimulatedTime } from './simulated-time.ts'
import { committedRows, type SinkPlace, virtualFileSink } from './virtual-file-sink.ts'
import { type DiskCall, DiskError, type Later, VirtualCheckpointStorage, VirtualDisk } from './virtual-disk.ts'

const SLAB_BYTES_MAX = 32 << 20
/** As in src/runtime/coordinator.ts. */
const CANCEL_TIMEOUT_MS = 10_000
const JOB_FILE = 'job.json'
const BUILD_MS = 3
/** Of the rounds, so many take about as long as from one checkpoint to the next. */
const LONG_STEP_SHARE = 0.02
/** Once nothing goes wrong any more the job must end within so many events and so much time beyond what its input takes. */
const CALM_STEPS_MAX = 300_000
const CALM_MS_MAX = 600_000
const STEPS_MAX = 3_000_000
/** A job that cannot be started reads nothing, and so comes to no other fault. */
const STARTS_MAX = 200
const HOUR_MS = 3_600_000

/** What a job that is simulated did. */
export interface SimulationResult {
  /** Stands for everything that happened: equal for equal seeds. */
  readonly digest: string
  readonly steps: number
  readonly simulatedMs: number
  /** Starts of the job, those of them that went on from a checkpoint, those of these with records in flight, and failures that were no kill. */
  readonly starts: number
  readonly restores: number
  readonly restoresInFlight: number
  readonly failures: readonly string[]
  /** Checkpoints that were complete. */
  readonly checkpoints: number
  readonly faults: ReadonlyMap<FaultKind, number>
  /** What is wrong with the results; empty if nothing is. */
  readonly differences: readonly string[]
}

/** Ends whatever a process that has been killed was doing. */
class Killed extends Error {}

const compiled: { kernels?: WasmModule } = {}

/** Runs the job of a seed to its end. @throws If it does not come there once nothing goes wrong any more. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run()
}

/** The world around the processes that run the job, one after the other. */
class Simulation {
  readonly options: SimulationOptions
  readonly random: Random
  readonly time = new SimulatedTime()
  readonly disk: VirtualDisk
  readonly #records: readonly (readonly (readonly Numbered[])[])[]
  readonly #rows: number
  /** Undefined while none runs. */
  process: EngineProcess | undefined
  /** Promises have been settled: what waits for them goes on before the next event. */
  hasSettled = false
  isFinished = false

  // What goes wrong now.
  #errorRate = 0
  #isFull = false
  #diskFactor = 1
  messageFactor = 1
  channelDelayMs = 0
  lostWakeUps = 0
  #isSinkOut = false
  #failsNext = false
  /** A kill comes with so many calls more; 0: none is to come. */
  #callsLeft = 0
  #callsLeftInRestore = 0
  #isPowerLost = false

  readonly #faults: Fault[]
  /** Faults that have not ended yet. */
  #faultsLeft: number
  #calmSince: { readonly steps: number; readonly ms: number } | undefined
  readonly #injected = new Map<FaultKind, number>()
  #rowsRead = 0
  #writers = 0
  #strategy: ReturnType<typeof restartStrategyOf>
  #spentMs = 0

  starts = 0
  restores = 0
  restoresInFlight = 0
  checkpoints = 0
  readonly #failures: string[] = []
  /** An assertion that failed: no fault explains that. */
  #bug: AssertionError | undefined

  constructor(options: SimulationOptions) {
    this.options = options
    this.random = new Random(options.seed ^ 0x5eed)
    this.disk = new VirtualDisk((call, path) => this.#beforeCall(call, path))
    this.#records = options.sources.map(({ splits, rows, keys }, index) =>
      drawRecords(this.random, String.fromCharCode(97 + index), options.splitKind, splits, rows, keys),
    )
    this.#rows = options.sources.reduce((sum, { rows }) => sum + rows, 0)
    this.#faults = [...options.faults]
    this.#faultsLeft = options.faults.length
    this.#renewSupervisor()
    for (const { name } of options.branches) this.disk.makeFolder(name)
    this.disk.syncFolder('')
  }

  async run(): Promise<SimulationResult> {
    const { time } = this
    this.#start(0)
    if (this.#faultsLeft === 0) this.#calmDown()
    while (!this.isFinished) {
      try {
        if (!time.runNext()) throw this.#error('nothing is left to happen, and the job has not ended')
      } catch (error) {
        if (!(error instanceof Killed)) throw error
      }
      if (this.hasSettled) {
        this.hasSettled = false
        await nextTurn()
      }
      this.process?.noticeRings()
      this.#checkProgress()
    }
    return {
      digest: time.digest(),
      steps: time.steps,
      simulatedMs: time.monotonicMs(),
      starts: this.starts,
      restores: this.restores,
      restoresInFlight: this.restoresInFlight,
      failures: this.#failures,
      checkpoints: this.checkpoints,
      faults: this.#injected,
      differences: this.#differences(),
    }
  }

  /** Everything that a process does to the world outside goes by here: a kill may come with it. */
  call(what: string): void {
    const { process, time } = this
    if (process?.isAlive !== true) throw new Killed()
    if (this.#callsLeft > 0 && --this.#callsLeft === 0) {
      time.trace(`killed at ${what}`)
      this.#kill()
      throw new Killed()
    }
  }

  /** Between half and one and a half times as much. */
  spread(ms: number): number {
    return ms * (0.5 + this.random.next())
  }

  /** What calls of the disk have taken since this was asked last. */
  takeSpentMs(): number {
    const spentMs = this.#spentMs
    this.#spentMs = 0
    return spentMs
  }

  diskMs(): number {
    return this.spread(this.options.diskMs) * this.#diskFactor
  }

  /** How long a step takes: until the calm now and then so long that a checkpoint is completed meanwhile, and the next one begun. */
  stepMs(): number {
    const { checkpoints, roundMs } = this.options
    const isLong = this.random.next() < LONG_STEP_SHARE && this.#calmSince === undefined
    return this.spread(isLong ? checkpoints.intervalMs : roundMs)
  }

  graph(): LogicalGraph {
    const { options } = this
    const env = new JobEnvironment()
    const ordered = WatermarkStrategy.forMonotonousTimestamps<Numbered>().withTimestampAssigner('at')
    const pace = { gapMs: options.gapMs, rowsMax: options.rowsPerBatch, onRead: (rows: number) => this.#onRead(rows) }
    const [first, ...others] = this.#records.map((records, index) =>
      env.fromSource(numberedSource(`source ${index}`, options.splitKind, records, pace), ordered),
    )
    const all = others.length === 0 ? first : first.union(...others)
    const place: SinkPlace = {
      disk: this.disk,
      nextWriter: () => this.#writers++,
      isOut: () => this.#isSinkOut,
      onCommitted: (piece) => this.time.trace(`committed ${piece}`),
      isHasty: options.mistake === 'sink commits at the barrier',
    }
    for (const { name, front, keepsRows } of options.branches) {
      const rows = all.filter(() => this.#passRecord())
      const inFront = front === 'nothing' ? rows : front === 'map' ? rows.map((row) => ({ ...row })).returns(NUMBERED) : rows.rebalance()
      BRANCHES[name].define(inFront, virtualFileSink(name, place, { keepsRows }))
    }
    return env.graph
  }

  /** The job's note of how it stands, as src/checkpoint/job-directory.ts keeps it. */
  readJob(): { readonly status: 'running' | 'finished'; readonly checkpoint: number } {
    if (!this.disk.has(JOB_FILE)) return { status: 'running', checkpoint: 0 }
    return JSON.parse(Buffer.from(this.disk.read(JOB_FILE)).toString()) as { status: 'running' | 'finished'; checkpoint: number }
  }

  writeJob(status: 'running' | 'finished', checkpoint: number): void {
    const draft = `${JOB_FILE}.tmp`
    this.disk.create(draft, false)
    this.disk.append(draft, Buffer.from(JSON.stringify({ status, checkpoint })))
    this.disk.sync(draft)
    this.disk.rename(draft, JOB_FILE)
    this.disk.syncFolder('')
  }

  /** A process has come to its end by itself. */
  processEnded(error: unknown): void {
    const { time } = this
    this.process = undefined
    if (error === undefined) {
      this.isFinished = true
      time.trace('finished')
      return
    }
    const { message } = error as Error
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) if (cause instanceof AssertionError) this.#bug = cause
    this.#failures.push(message)
    time.trace(`failed: ${message}`)
    this.#startAgain()
  }

  restoreBegins(): void {
    if (this.#callsLeftInRestore === 0) return
    this.#callsLeft = this.#callsLeftInRestore
    this.#callsLeftInRestore = 0
  }

  // ---- processes ----

  #renewSupervisor(): void {
    const settings = { 'initial-backoff': '10', 'max-backoff': '2000', 'attempts-before-reset-backoff': 'Infinity' }
    const options = new Map(Object.entries(settings).map(([key, value]) => [`restart-strategy.exponential-delay.${key}`, value]))
    this.#strategy = restartStrategyOf(new Map([...options, ['restart-strategy.type', 'exponential-delay']]), this.random)
  }

  #start(delayMs: number): void {
    this.time.after(delayMs, () => {
      const { parallelisms } = this.options
      const parallelism = parallelisms[Math.min(this.starts++, parallelisms.length - 1)]
      this.time.trace(`start ${this.starts} with parallelism ${parallelism}`)
      this.process = new EngineProcess(this, this.starts, parallelism)
      this.process.start()
    })
  }

  #startAgain(): void {
    const delayMs = this.#strategy!.onFailure(this.time.monotonicMs())
    if (delayMs === undefined) throw this.#error('the job is not started again')
    this.#start(delayMs)
  }

  /** The process is gone, as it stands. A call of the disk that was under way has been done, or has not. */
  #kill(): void {
    const { process, random } = this
    this.#callsLeft = 0
    if (process === undefined) return
    process.isAlive = false
    this.process = undefined
    for (const call of process.underWay)
      if (random.integer(2) === 0)
        try {
          call()
        } catch {
          // Nobody hears of it.
        }
    if (this.#isPowerLost) {
      this.time.trace('the power fails')
      this.disk.losePower(random)
      this.#isPowerLost = false
      this.#renewSupervisor()
    }
    this.#startAgain()
  }

  // ---- what goes wrong ----

  #beforeCall(call: DiskCall, path: string): void {
    // Nobody's: when the folders are made, when the results are read, and what is still under way at a kill.
    if (this.process === undefined) return
    this.call(`${call} ${path}`)
    this.#spentMs += this.diskMs()
    if (this.#isFull && (call === 'create' || call === 'append' || call === 'folder')) throw this.#failing('ENOSPC', call, path)
    if (this.#errorRate > 0 && this.random.next() < this.#errorRate) throw this.#failing('EIO', call, path)
  }

  #failing(code: string, call: DiskCall, path: string): DiskError {
    this.time.trace(`${code} at ${call} ${path}`)
    return new DiskError(code, call, path)
  }

  #onRead(rows: number): void {
    this.#rowsRead += rows
    while (this.#faults.length > 0 && this.#rowsRead >= this.#faults[0].atShare * this.#rows) {
      const fault = this.#faults.shift()!
      this.time.after(fault.delayMs, () => this.#begin(fault))
    }
  }

  #passRecord(): boolean {
    if (!this.#failsNext) return true
    this.#failsNext = false
    throw new Error('a function fails')
  }

  #begin(fault: Fault): void {
    const { kind, calls, strength, lastsMs } = fault
    const { time, random, process } = this
    time.trace(`begins: ${kind}`)
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1)
    const lasts = (end: () => void): void => {
      time.after(lastsMs, () => {
        time.trace(`ends: ${kind}`)
        end()
        this.#endFault()
      })
    }
    switch (kind) {
      case 'power loss':
        this.#isPowerLost = true
        this.#callsLeft = calls + 1
        break
      case 'kill':
        this.#callsLeft = calls + 1
        break
      case 'kill while restoring':
        this.#callsLeftInRestore = 1 + (calls >> 1)
        this.#callsLeft = 1 + (calls >> 1)
        break
      case 'failing function':
        this.#failsNext = true
        break
      case 'I/O errors':
        this.#errorRate = strength * strength
        return lasts(() => (this.#errorRate = 0))
      case 'full disk':
        this.#isFull = true
        return lasts(() => (this.#isFull = false))
      case 'slow disk':
        this.#diskFactor = 1 + strength * 100
        return lasts(() => (this.#diskFactor = 1))
      case 'stuck channel': {
        const channels = process?.channels ?? []
        if (channels.length > 0) channels[random.integer(channels.length)].hold(lastsMs)
        return lasts(() => {})
      }
      case 'slow channels':
        this.channelDelayMs = strength * 20
        return lasts(() => (this.channelDelayMs = 0))
      case 'stalled worker':
        process?.stallWorker(random, lastsMs)
        return lasts(() => {})
      case 'lost wake-ups':
        this.lostWakeUps = Math.max(0.1, strength)
        return lasts(() => (this.lostWakeUps = 0))
      case 'clock jump':
        time.aheadMs += (random.integer(2) === 0 ? 1 : -1) * strength * pickHours(random) * HOUR_MS
        break
      case 'slow messages':
        this.messageFactor = 1 + strength * 100
        return lasts(() => (this.messageFactor = 1))
      case 'sink outage':
        this.#isSinkOut = true
        return lasts(() => (this.#isSinkOut = false))
    }
    this.#endFault()
  }

  #endFault(): void {
    if (--this.#faultsLeft === 0) this.#calmDown()
  }

  /** From here on nothing goes wrong but what has been started already. */
  #calmDown(): void {
    this.time.trace('calm')
    this.#calmSince = { steps: this.time.steps, ms: this.time.monotonicMs() }
  }

  #checkProgress(): void {
    const { time } = this
    if (this.#bug !== undefined) throw this.#error(`an assertion failed, ${this.#bug.message}`)
    if (time.steps > STEPS_MAX) throw this.#error(`${STEPS_MAX} events, and the job has not ended`)
    if (this.starts > STARTS_MAX) throw this.#error(`${STARTS_MAX} starts, and the job has not ended`)
    if (this.#calmSince === undefined) return
    if (time.steps - this.#calmSince.steps > CALM_STEPS_MAX) throw this.#error(`${CALM_STEPS_MAX} events since the last fault, and the job has not ended`)
    const allowedMs = CALM_MS_MAX + this.#rows * this.options.gapMs
    if (time.monotonicMs() - this.#calmSince.ms > allowedMs) throw this.#error(`${allowedMs} ms since the last fault, and the job has not ended`)
  }

  #error(what: string): Error {
    return new Error(`Cannot end the simulation: ${what}; failures: ${this.#failures.slice(-3).join('; ')}\n${this.time.tail}`)
  }

  // ---- results ----

  #differences(): string[] {
    const all = this.#records.flat(2)
    const differences: string[] = []
    for (const { name } of this.options.branches) {
      const branch = BRANCHES[name]
      const surplus = new Map<string, number>()
      for (const line of branch.expected(all)) surplus.set(line, (surplus.get(line) ?? 0) - 1)
      const numbers = new Map<string, number>()
      for (const text of committedRows(this.disk, name)) {
        const line = JSON.parse(text) as string
        surplus.set(line, (surplus.get(line) ?? 0) + 1)
        if (!branch.isOrdered) continue
        const [, key, number] = ORDERED_LINE.exec(line)!
        if (Number(number) < (numbers.get(key) ?? 0)) differences.push(`${name}: out of order "${line}"`)
        numbers.set(key, Number(number))
      }
      for (const [line, count] of surplus) if (count !== 0) differences.push(`${name}: ${count > 0 ? 'duplicated' : 'lost'} ${Math.abs(count)} x "${line}"`)
    }
    return differences
  }
}

function pickHours(random: Random): number {
  return [0.001, 1, 10, 24 * 365][random.integer(4)]
}

/** A channel that can be held up: what the producer has published is seen later. */
class HeldRing implements RingConsumer {
  readonly #ring: RingConsumer
  readonly #simulation: Simulation
  readonly #wake: () => void
  #heldUntilMs = 0

  constructor(ring: RingConsumer, simulation: Simulation, wake: () => void) {
    this.#ring = ring
    this.#simulation = simulation
    this.#wake = wake
  }

  hold(ms: number): void {
    const { time } = this.#simulation
    this.#heldUntilMs = Math.max(this.#heldUntilMs, time.monotonicMs() + ms)
    time.after(this.#heldUntilMs - time.monotonicMs(), this.#wake)
  }

  get capacityBytes(): number {
    return this.#ring.capacityBytes
  }

  get frameLength(): number {
    return this.#ring.frameLength
  }

  get frameKind(): number {
    return this.#ring.frameKind
  }

  poll(): number {
    if (this.#isHeld()) return EMPTY
    const address = this.#ring.poll()
    const { channelDelayMs, random } = this.#simulation
    if (address !== EMPTY && channelDelayMs > 0) this.hold(channelDelayMs * random.next())
    return address
  }

  hasFrame(): boolean {
    return !this.#isHeld() && this.#ring.hasFrame()
  }

  isDrained(): boolean {
    return !this.#isHeld() && this.#ring.isDrained()
  }

  release(): void {
    this.#ring.release()
  }

  backlogBytes(): number {
    return this.#ring.backlogBytes()
  }

  closeConsumer(): void {
    this.#ring.closeConsumer()
  }

  isProducerClosed(): boolean {
    return this.#ring.isProducerClosed()
  }

  #isHeld(): boolean {
    return this.#simulation.time.monotonicMs() < this.#heldUntilMs
  }
}

/** One start of the job: what src/runtime/coordinator.ts does, and its workers. */
class EngineProcess {
  isAlive = true
  /** Calls of the disk that have been made and not answered. */
  readonly underWay = new Set<() => unknown>()
  readonly channels: HeldRing[] = []
  readonly #simulation: Simulation
  readonly #attempt: number
  readonly #parallelism: number
  readonly #workers: SimulatedWorker[] = []
  #buffers: readonly SharedArrayBuffer[] = []
  #checkpoints: CheckpointCoordinator | undefined
  #failure: unknown
  #isEnding = false
  #noted = 0
  readonly #timers: Timers

  constructor(simulation: Simulation, attempt: number, parallelism: number) {
    this.#simulation = simulation
    this.#attempt = attempt
    this.#parallelism = parallelism
    this.#timers = { after: (delayMs, callback) => simulation.time.after(delayMs, () => void (this.isAlive && callback())) }
  }

  start(): void {
    this.#simulation.hasSettled = true
    this.#run().catch((error: unknown) => {
      if (this.isAlive) this.#exit(error)
    })
  }

  async #run(): Promise<void> {
    const simulation = this.#simulation
    const { options, disk, time } = simulation
    simulation.restoreBegins()
    const job = simulation.readJob()
    if (job.status === 'finished') return this.#exit(undefined)
    this.#noted = job.checkpoint
    simulation.writeJob('running', job.checkpoint)
    const graphs = Array.from({ length: this.#parallelism }, () => simulation.graph())
    const plan = planJob(graphs[0], { jobName: 'simulated', parallelism: this.#parallelism, maxParallelism: undefined })
    const planned = plannedOperators(plan, graphs[0])
    const store = new CheckpointStore(
      new VirtualCheckpointStorage(disk, this.#later, options.mistake === 'storage does not sync'),
      options.checkpoints.retained,
    )
    const found = await store.newest(job.checkpoint)
    for (const warning of found?.warnings ?? []) time.trace(warning)
    const restore = found?.snapshot
    if (restore !== undefined) {
      assertRestorable(`checkpoint ${restore.checkpointId}`, summarize(restore), planned, false, inFlightRefusals(plan, graphs[0], restore))
      simulation.restores++
      if (restore.inFlight.size > 0) simulation.restoresInFlight++
      time.trace(`goes on from checkpoint ${restore.checkpointId}`)
    }
    const lastCheckpointId = await store.lastId()
    const splits = enumerateSplits(plan, graphs[0], restore)
    const memories = Array.from({ length: plan.workers }, (_, index) => createWorkerMemory(plan, index, SLAB_BYTES_MAX, options.ringBytesMax))
    this.#buffers = memories.map(({ buffer }) => buffer)
    const settings = {
      ...{ plan, memories, splits, lastCheckpointId },
      ...{ kernels: (compiled.kernels ??= compileKernels()), slabBytesMax: SLAB_BYTES_MAX, batchRowsMax: options.batchRowsMax },
      ...{ tableSeed: options.seed, options: new Map<string, string>(), ringBytesMax: options.ringBytesMax, isCheckpointed: true },
      isIncremental: options.isIncremental,
      ...(restore && { restore }),
    }
    graphs
      .slice(0, plan.workers)
      .forEach((graph, workerIndex) => this.#workers.push(new SimulatedWorker(simulation, this, { ...settings, workerIndex }, graph)))
    this.#checkpoints = new CheckpointCoordinator({
      plan,
      signatures: () => signaturesOf(planned),
      splits: splitsByUid(plan, splits),
      periodic: { ...options.checkpoints, store },
      timeoutMs: options.checkpoints.timeoutMs,
      origin: { jobName: plan.jobName, engineVersion: '0', attempt: this.#attempt },
      clock: time,
      timers: this.#timers,
      lastId: lastCheckpointId,
      restoresInFlight: restore !== undefined && restore.inFlight.size > 0,
      begin: (checkpointId) => {
        time.trace(`checkpoint ${checkpointId} begins`)
        this.#tellWorkers(CHECKPOINTS_ADDRESS, checkpointId)
      },
      overtake: (checkpointId) => {
        time.trace(`barriers of checkpoint ${checkpointId} overtake`)
        this.#tellWorkers(OVERTAKING_CHECKPOINT_ADDRESS, checkpointId)
      },
      // Nobody asks for savepoints.
      resume() {},
      drain() {},
      end() {},
      note: (checkpointId) => {
        this.#noted = checkpointId
        simulation.writeJob('running', checkpointId)
      },
      complete: (checkpointId) => {
        // Where a kill comes with it, nothing may be thrown: nobody waits for what the coordinator does here.
        if (!this.isAlive) return
        simulation.checkpoints++
        time.trace(`checkpoint ${checkpointId} is complete`)
        this.#tellWorkers(COMPLETE_CHECKPOINT_ADDRESS, checkpointId)
      },
      fail: (error) => this.fail(error),
      log: (message) => time.trace(message),
    })
    this.#endIfAllHave()
  }

  /** The first failure decides. */
  fail(error: unknown): void {
    if (!this.isAlive || this.#failure !== undefined) return
    this.#failure = error
    this.#simulation.time.trace(`fails: ${(error as Error).message}`)
    this.#tellWorkers(COMMAND_ADDRESS, Command.CANCEL)
    this.#timers.after(CANCEL_TIMEOUT_MS, () => {
      for (const worker of this.#workers) worker.hasEnded = true
      this.#endIfAllHave()
    })
  }

  /** From a worker to the coordinator, one behind the other. */
  post(worker: SimulatedWorker, what: string, take: (checkpoints: CheckpointCoordinator) => void): void {
    const { time, messageFactor, options } = this.#simulation
    this.#simulation.call(what)
    const now = time.monotonicMs()
    worker.lastMessageMs = Math.max(worker.lastMessageMs, now + this.#simulation.spread(options.messageMs) * messageFactor)
    this.#timers.after(worker.lastMessageMs - now, () => {
      time.trace(what)
      this.#simulation.hasSettled = true
      take(this.#checkpoints!)
    })
  }

  workerEnded(worker: SimulatedWorker, error: unknown): void {
    if (error !== undefined) this.fail(error)
    // Behind its last messages.
    this.#timers.after(Math.max(0, worker.lastMessageMs - this.#simulation.time.monotonicMs()), () => this.#endIfAllHave())
  }

  stallWorker(random: Random, ms: number): void {
    if (this.#workers.length > 0) this.#workers[random.integer(this.#workers.length)].stall(ms)
  }

  /** Wakes workers that were rung for. */
  noticeRings(): void {
    for (const worker of this.#workers) worker.noticeRing()
  }

  /** The disk answers later, and whoever is killed meanwhile hears nothing. */
  readonly #later: Later = (call) =>
    new Promise((resolve, reject) => {
      const { time } = this.#simulation
      this.underWay.add(call)
      this.#timers.after(this.#simulation.diskMs(), () => {
        this.underWay.delete(call)
        this.#simulation.hasSettled = true
        try {
          const result = call()
          time.trace(result instanceof Uint8Array ? `read ${crc32(result)}` : 'done')
          resolve(result)
        } catch (error) {
          if (this.isAlive) reject(error)
        }
        this.#simulation.takeSpentMs()
      })
    })

  #tellWorkers(address: number, word: number): void {
    for (const buffer of this.#buffers) {
      // As Coordinator does.
      Atomics.store(new Int32Array(buffer), address >>> 2, word)
      new Doorbell(buffer, DOORBELL_ADDRESS).post()
    }
  }

  #endIfAllHave(): void {
    if (this.#isEnding || this.#checkpoints === undefined || !this.#workers.every(({ hasEnded }) => hasEnded)) return
    this.#isEnding = true
    this.#simulation.hasSettled = true
    this.#checkpoints
      .stop()
      .then(() => {
        if (!this.isAlive) return
        if (this.#failure === undefined) this.#simulation.writeJob('finished', this.#noted)
        this.#exit(this.#failure)
      })
      .catch((error: unknown) => {
        if (this.isAlive) this.#exit(error)
      })
  }

  #exit(error: unknown): void {
    this.isAlive = false
    this.#simulation.processEnded(error)
  }
}

/** A worker: its loop of src/runtime/worker-loop.ts, a round at a time. */
class SimulatedWorker {
  hasEnded = false
  /** When the last message arrives that it has sent. */
  lastMessageMs = 0
  readonly #simulation: Simulation
  readonly #process: EngineProcess
  readonly #index: number
  #runtime: WorkerRuntime | undefined
  #rounds: WorkerRounds | undefined
  readonly #hasWork = (): boolean => this.#runtime!.hasWork()
  #stalledUntilMs = 0
  /** Takes back the end of a sleep; undefined while it is awake. */
  #unset: (() => void) | undefined
  /** Whether a ring has been noticed in this sleep. */
  #isRung = false

  constructor(simulation: Simulation, process: EngineProcess, settings: WorkerSettings, graph: LogicalGraph) {
    this.#simulation = simulation
    this.#process = process
    this.#index = settings.workerIndex
    this.#after(BUILD_MS * simulation.random.next(), () => this.#build(settings, graph))
  }

  stall(ms: number): void {
    this.#stalledUntilMs = this.#simulation.time.monotonicMs() + ms
  }

  noticeRing(): void {
    if (this.#unset === undefined || this.#isRung || this.#runtime!.doorbell.isParked()) return
    this.#isRung = true
    const { random, lostWakeUps, options, time } = this.#simulation
    if (random.next() < lostWakeUps) time.trace(`worker ${this.#index} does not hear`)
    else this.#after(this.#simulation.spread(options.roundMs), () => this.#wakeUp(false))
  }

  #after(delayMs: number, callback: () => void): () => void {
    return this.#simulation.time.after(delayMs, () => void (this.#process.isAlive && callback()))
  }

  #build(settings: WorkerSettings, graph: LogicalGraph): void {
    const simulation = this.#simulation
    const process = this.#process
    try {
      const runtime = new WorkerRuntime(settings, graph, {
        clock: simulation.time,
        program: { send() {}, pendingCount: () => 0, receive: () => 'ended' },
        wake: () => void runtime.doorbell.post(),
        log: (_name, _index, message) => simulation.time.trace(message),
        announceCounter() {},
        snapshotTaken: (checkpointId, id, part, hadEnded, inFlight) => {
          const checksum = part.sections.reduce((all, { bytes }) => crc32(bytes, all), 0)
          process.post(this, `part ${id} of checkpoint ${checkpointId} since ${part.base}: ${checksum}`, (checkpoints) =>
            checkpoints.acknowledge(checkpointId, id, part, hadEnded, inFlight),
          )
        },
        inFlightTaken: (checkpointId, id, file) =>
          process.post(this, `in flight at ${id} for checkpoint ${checkpointId}: ${file && crc32(file)}`, (checkpoints) =>
            checkpoints.takeInFlight(checkpointId, id, file),
          ),
        subtaskEnded: (subtask) => {
          const ended = endedSubtaskOf(subtask)
          process.post(this, `subtask ${ended.head} has ended`, (checkpoints) => checkpoints.subtaskEnded(ended))
        },
        pieceEntries: simulation.options.pieceEntries,
        ...(simulation.options.refusals > 0 && { refuse: () => simulation.random.next() < simulation.options.refusals }),
        readThrough: (ring) => {
          const held = new HeldRing(ring, simulation, () => this.#runtime?.doorbell.ring())
          process.channels.push(held)
          return held
        },
      })
      this.#runtime = runtime
      this.#rounds = new WorkerRounds(runtime, runtime.slab.i32, simulation.time)
    } catch (error) {
      this.#end(error)
      return
    }
    simulation.time.trace(`worker ${this.#index} is built`)
    this.#runLater()
  }

  #runLater(): void {
    const { options, time } = this.#simulation
    const delayMs = this.#simulation.spread(options.roundMs) + this.#simulation.takeSpentMs()
    this.#after(Math.max(delayMs, this.#stalledUntilMs - time.monotonicMs()), () => this.#run())
  }

  /** A round, with some time between its halves. */
  #run(): void {
    if (this.hasEnded) return
    const outcome = this.#try((rounds) => rounds.heed())
    if (this.hasEnded) return
    if (outcome !== undefined) this.#ranRound(outcome)
    else
      this.#after(this.#simulation.stepMs(), () => {
        if (this.hasEnded) return
        const stepped = this.#try((rounds) => rounds.step(false))
        if (stepped !== undefined) this.#ranRound(stepped)
      })
  }

  #try(half: (rounds: WorkerRounds) => RoundOutcome | undefined): RoundOutcome | undefined {
    try {
      return half(this.#rounds!)
    } catch (error) {
      if (!this.#process.isAlive) throw error
      closeQuietly(this.#runtime!)
      this.#end(error)
      return undefined
    }
  }

  #ranRound(outcome: RoundOutcome): void {
    const runtime = this.#runtime!
    this.#simulation.time.trace(`worker ${this.#index} ${outcome}`)
    if (outcome === 'cancelled' || runtime.hasEnded) this.#end(undefined)
    else if (outcome === 'moved') this.#runLater()
    else this.#idle()
  }

  #idle(): void {
    const { doorbell, nextTimeMs } = this.#runtime!
    const waitMs = nextTimeMs - this.#simulation.time.nowMs()
    if (waitMs <= 0 || !doorbell.tryPark(this.#hasWork)) {
      this.#runLater()
      return
    }
    this.#isRung = false
    this.#unset = this.#after(Math.min(waitMs, PARK_TIMEOUT_MS_MAX), () => this.#wakeUp(!this.#isRung))
  }

  #wakeUp(isTimedOut: boolean): void {
    if (this.#unset === undefined) return
    this.#unset()
    this.#unset = undefined
    this.#runtime!.doorbell.unpark(isTimedOut, this.#hasWork)
    this.#runLater()
  }

  #end(error: unknown): void {
    if (!this.#process.isAlive) throw error
    this.hasEnded = true
    this.#process.workerEnded(this, error)
  }
}
