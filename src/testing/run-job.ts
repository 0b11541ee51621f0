// Runs a whole job on the calling thread, under a virtual clock and a seeded scheduler: the same job, options and seed take the same steps each
// time. For tests of jobs, the user's and our own. Invariant: nothing here reads the machine's clock or rolls dice without a seed.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { StreamExecutionEnvironment } from '../api/datastream/environment.ts'
import { JobEnvironment } from '../api/datastream/job.ts'
import { VirtualClock } from '../base/clock.ts'
import { closeFailureText } from '../base/close.ts'
import { JobError, PlanError } from '../base/errors.ts'
import { type FileSystem, nodeFileSystem } from '../base/file-system.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import { Random } from '../base/random.ts'
import type { ProgramEdge } from '../operator/operator.ts'
import { DEV_OPTION } from '../operator/row-code.ts'
import { assertSamePlan, type ExecutionPlan, planJob } from '../plan/execution-plan.ts'
import type { LogicalGraph } from '../plan/transformation.ts'
import { type BuiltJob, isJobProgram, type JobProgram, maxParallelismOf } from '../plan/job-program.ts'
import { loadHistograms } from '../runtime/job-metrics.ts'
import type { JobSnapshot } from '../checkpoint/job-snapshot.ts'
import { alignedTimeoutMsOf, CHECKPOINT_DIR_OPTION, checkpointOptionsOf } from '../runtime/checkpoint-options.ts'
import { LocalExecutor } from '../runtime/local-executor.ts'
import type { JobMetrics } from '../runtime/thread-messages.ts'
import { DurableCheckpoints } from './durable-checkpoints.ts'
import { FaultyFileSystem, type IoError } from './io-errors.ts'

/** How a job is run. */
export interface RunJobOptions {
  /** Number of workers, all on the calling thread. @default what the program sets, else 1 */
  readonly parallelism?: number
  /** Decides which subtask steps next; without it they take turns. */
  readonly seed?: number
  /** Rows of a batch at most. @default 8192 */
  readonly batchRowsMax?: number
  /** Bytes of a channel: a power of two from 512 on. Small ones make everything wait for room. */
  readonly ringBytesMax?: number
  /** How often an output refuses although it has room: 0 to below 1. Needs a seed. @default 0 */
  readonly refusals?: number
  /** Processing time. It jumps to the next timer when nothing else can move. @default a clock that begins at 0 */
  readonly clock?: VirtualClock
  /** Processing time that passes with every step, in ms. @default 0 */
  readonly stepMs?: number
  /** Given to the job's program. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Configuration options by key; win over those the program sets. Development checks (`millrace.dev`) are on unless they say otherwise. */
  readonly options?: Readonly<Record<string, string>>
  /** A checkpoint begins so many steps after the last one was complete. @default none */
  readonly checkpointSteps?: number
  /**
   * Steps, counted from the start of the run, at which the job is thrown away as it stands and goes on from its newest complete checkpoint, or begins
   * anew where there is none. What named outputs have given by then may come again; what named inputs have taken does not.
   */
  readonly crashSteps?: readonly number[]
  /**
   * Folder in which checkpoints are kept as those of a job on threads, and found again: by the same job behind a crash, and by the next run of it.
   * Configuration options of `execution.checkpointing` hold as there, but for the interval. Needs `checkpointSteps`. @default in memory
   */
  readonly checkpointDir?: string
  /** Where checkpoints and the files of file sinks are. @default the machine's file system */
  readonly disk?: FileSystem
  /** Calls to the disk that fail: those for checkpoints and of file sinks. What the job does then is what it does in truth; run it again to go on. */
  readonly ioErrors?: readonly IoError[]
  /** How many workers there are behind each crash, in turn; the last number stays. @default as many as before */
  readonly crashParallelism?: readonly number[]
  /** What is pushed to each named input, which then ends. */
  readonly inputs?: Readonly<Record<string, readonly unknown[]>>
}

const KEYS: OptionKeys<RunJobOptions> = {
  parallelism: true,
  seed: true,
  batchRowsMax: true,
  ringBytesMax: true,
  refusals: true,
  clock: true,
  stepMs: true,
  params: true,
  options: true,
  checkpointSteps: true,
  crashSteps: true,
  checkpointDir: true,
  disk: true,
  ioErrors: true,
  crashParallelism: true,
  inputs: true,
}

/** What a job did. */
export interface JobRun {
  readonly plan: ExecutionPlan
  /** Records of each named output, in the order they came. */
  readonly outputs: ReadonlyMap<string, readonly unknown[]>
  readonly lateRecords: number
  readonly badRecords: number
  /** What the job counted; times are those of the clock. */
  readonly metrics: JobMetrics
  /** Lines that operators logged. */
  readonly log: readonly string[]
  /** How many steps of subtasks it took: equal for equal seeds. */
  readonly steps: number
  /** Checkpoints that were complete. */
  readonly checkpoints: number
  /** Starts from a checkpoint: behind crashes, and of a job that was run before; and those of them where records were in flight that a barrier had overtaken. */
  readonly restores: number
  readonly restoresInFlight: number
  /** Calls to the disk, and how many of them failed on purpose. */
  readonly diskCalls: number
  readonly ioFailures: number
}

/** A job: what `defineJob` returned, its program alone, or an environment on which streams were defined. */
export type TestableJob =
  | JobProgram
  | StreamExecutionEnvironment
  | ((env: StreamExecutionEnvironment, params: Readonly<Record<string, unknown>>) => void | Promise<void>)

/** Full rounds without any movement after which nothing will move by itself; an output that refuses by chance moves within them. */
const IDLE_ROUNDS_MAX = 2
const IDLE_ROUNDS_REFUSING_MAX = 64
/** Turns of the event loop that a job with asynchronous parts is given before time jumps, and before it counts as stuck. */
const IDLE_TURNS = 16
const IDLE_TURNS_MAX = 200_000
/** Jumps of time that move nothing before a job counts as stuck. */
const IDLE_JUMPS_MAX = 100_000

/**
 * Runs a job to its end.
 *
 * A program is run once for each worker, as on threads: functions of different subtasks share nothing. An environment is run as it is.
 *
 * @throws What fails the job; {@link JobError} `STUCK` if it waits for something that never comes; {@link PlanError} `GRAPH_NOT_DETERMINISTIC` if
 * the program builds another graph the next time.
 * @example
 * const { outputs } = await runJob(job, { parallelism: 2, seed: 42, inputs: { orders: [{ id: 1 }] } })
 */
export async function runJob(job: TestableJob, options: RunJobOptions = {}): Promise<JobRun> {
  refuseUnknownOptions('run the job', options, KEYS)
  const { seed, refusals = 0, clock = new VirtualClock(), stepMs = 0, params = {}, checkpointSteps = Infinity } = options
  const first = await build(job, params)
  const planOptions = {
    jobName: 'test',
    parallelism: options.parallelism ?? first.parallelism ?? 1,
    maxParallelism: maxParallelismOf(first, new Map(Object.entries(options.options ?? {}))),
  }
  let plan = planJob(first.graph, planOptions)
  /** For each worker its own; after a crash too, since functions may keep what they like. */
  const graphsOf = async (built: BuiltJob): Promise<LogicalGraph[]> => {
    const graphs = [built.graph]
    // The plan of what was just built: after a crash there may be more workers, or fewer.
    plan = planJob(built.graph, planOptions)
    for (let worker = 1; worker < plan.workers; worker++)
      graphs.push(job instanceof StreamExecutionEnvironment ? built.graph : (await build(job, params)).graph)
    graphs.forEach((graph, worker) => assertSamePlan(plan, graph, planOptions, worker))
    return graphs
  }
  const random = seed === undefined ? undefined : new Random(seed)
  const program = new RecordingEdge(
    options.inputs ?? {},
    first.graph.programOutputs.map(({ name }) => name),
  )
  const log: string[] = []
  const configuration = new Map([[DEV_OPTION, 'true'], ...first.options, ...Object.entries(options.options ?? {})])
  const histograms = await loadHistograms(configuration)
  if (options.checkpointDir !== undefined && checkpointSteps === Infinity)
    throw new PlanError('INVALID_OPTION', 'Cannot run the job: checkpointDir is set, and checkpointSteps is not')
  const disk = new FaultyFileSystem(options.disk ?? nodeFileSystem, options.ioErrors ?? [])
  let files = disk.begin()
  let durable: DurableCheckpoints | undefined
  const openCheckpoints = async (): Promise<DurableCheckpoints | undefined> => {
    if (options.checkpointDir === undefined) return undefined
    const settings = checkpointOptionsOf(new Map([...configuration, [CHECKPOINT_DIR_OPTION, options.checkpointDir]]))!
    return DurableCheckpoints.open({
      jobName: plan.jobName,
      settings: { ...settings, intervalMs: checkpointSteps },
      files,
      log: (message) => log.push(message),
    })
  }
  const start = (graphs: readonly LogicalGraph[], restore?: JobSnapshot): LocalExecutor =>
    new LocalExecutor(plan, graphs, {
      files,
      checkpoints: durable,
      clock,
      program,
      options: configuration,
      histograms,
      ...(options.batchRowsMax !== undefined && { batchRowsMax: options.batchRowsMax }),
      ...(options.ringBytesMax !== undefined && { ringBytesMax: options.ringBytesMax }),
      ...(random !== undefined && refusals > 0 && { refuse: () => random.next() < refusals }),
      isCheckpointed: checkpointSteps !== Infinity,
      ...(restore && { restore }),
      log: (operatorName, subtaskIndex, message) => log.push(`${operatorName} ${subtaskIndex}: ${message}`),
    })
  durable = await openCheckpoints()
  let executor: LocalExecutor
  try {
    executor = start(await graphsOf(first), durable?.found?.snapshot)
  } catch (error) {
    await closeAfter(durable, log)
    throw error
  }
  durable?.start(plan, executor)
  let subtasks = executor.workers.flatMap((worker) => worker.subtasks)
  const roundsMax = refusals > 0 ? IDLE_ROUNDS_REFUSING_MAX : IDLE_ROUNDS_MAX
  const waitsForTurns = plan.tasks.some((task) => task.needsEventLoop)
  let steps = 0
  let idleSteps = 0
  let turns = 0
  const parallelisms = [...(options.crashParallelism ?? [])]
  const crashes = [...(options.crashSteps ?? [])].sort((left, right) => left - right)
  let newest: JobSnapshot | undefined
  let [checkpoints, restores, restoresInFlight] = [0, 0, 0]
  let checkpointDue = checkpointSteps
  /** A checkpoint that is kept and that nobody has been told of: a crash may come in between. */
  let untold: number | undefined
  /** When the barriers of the checkpoint under way begin to overtake; they may not behind a restore of batches in flight, see CheckpointCoordinator. */
  const alignedTimeoutMs = alignedTimeoutMsOf(configuration)
  let overtakeAtMs = Infinity
  let mayOvertake = true
  const countRestore = (restore: JobSnapshot | undefined): void => {
    mayOvertake = restore === undefined || restore.inFlight.size === 0
    if (restore !== undefined) restores++
    if (!mayOvertake) restoresInFlight++
  }
  countRestore(durable?.found?.snapshot)
  /** Numbers grow through crashes, as they do from process to process. */
  let checkpointId = 0
  const stepCheckpoint = (): void => {
    if (untold !== undefined) executor.completeCheckpoint(untold)
    untold = undefined
    const complete = executor.takeCheckpoint()
    if (complete !== undefined) {
      newest = complete
      untold = complete.checkpointId
      checkpoints++
      checkpointDue = steps + checkpointSteps
      overtakeAtMs = Infinity
      mayOvertake = true
    }
    if (clock.nowMs() >= overtakeAtMs) {
      overtakeAtMs = Infinity
      executor.overtake(checkpointId)
    }
    if (steps < checkpointDue && !(executor.hasProcessed && checkpointDue !== Infinity)) return
    checkpointDue = Infinity
    executor.startCheckpoint(++checkpointId)
    if (alignedTimeoutMs !== undefined && mayOvertake) overtakeAtMs = clock.nowMs() + alignedTimeoutMs
  }
  const crash = async (): Promise<void> => {
    crashes.shift()
    planOptions.parallelism = parallelisms.shift() ?? planOptions.parallelism
    checkpoints += durable?.count ?? 0
    files = disk.begin()
    executor.abandon()
    untold = undefined
    overtakeAtMs = Infinity
    // What was being written stays as it is.
    durable = undefined
    durable = await openCheckpoints()
    const restore = durable === undefined ? newest : durable.found?.snapshot
    countRestore(restore)
    executor = start(await graphsOf(await build(job, params)), restore)
    durable?.start(plan, executor)
    subtasks = executor.workers.flatMap((worker) => worker.subtasks)
    checkpointDue = steps + checkpointSteps
  }
  const round = (): boolean => {
    let moved = false
    for (const subtask of subtasks) {
      steps++
      if (subtask.step()) moved = true
    }
    return moved
  }
  try {
    while (!executor.hasEnded) {
      if (stepMs > 0) clock.advanceMs(stepMs)
      if (crashes.length > 0 && steps >= crashes[0]) await crash()
      if (durable === undefined) stepCheckpoint()
      else await durable.step(steps)
      if (random !== undefined && idleSteps < subtasks.length * 2) {
        steps++
        idleSteps = subtasks[random.integer(subtasks.length)].step() ? 0 : idleSteps + 1
        continue
      }
      idleSteps = 0
      let moved = false
      for (let rounds = 0; rounds < roundsMax && !moved; rounds++) moved = round()
      if (waitsForTurns && (!moved || steps % IDLE_TURNS === 0)) await nextTurn()
      if (moved || executor.hasEnded || executor.hasProcessed) {
        turns = 0
        continue
      }
      turns++
      if (waitsForTurns && turns < IDLE_TURNS) continue
      const nextMs = Math.min(overtakeAtMs, ...executor.workers.map((worker) => worker.nextTimeMs))
      if (nextMs < Infinity && turns < IDLE_JUMPS_MAX) clock.setMs(Math.max(nextMs, clock.nowMs() + 1))
      else if (!waitsForTurns || turns > IDLE_TURNS_MAX)
        throw new JobError('STUCK', 'Cannot go on with the job: every subtask waits for something that never comes')
    }
    const metrics = executor.metrics.read()
    executor.close()
    checkpoints += durable?.count ?? 0
    const last = durable
    durable = undefined
    await last?.close(true)
    return {
      plan,
      outputs: program.outputs,
      lateRecords: metrics.tasks.reduce((sum, task) => sum + task.lateRecords, 0),
      badRecords: metrics.tasks.reduce((sum, task) => sum + task.badRecords, 0),
      metrics,
      log,
      steps,
      checkpoints,
      restores,
      restoresInFlight,
      diskCalls: disk.calls,
      ioFailures: disk.failures,
    }
  } catch (error) {
    executor.abandon()
    await closeAfter(durable, log)
    throw error
  }
}

/** Ends the checkpoints of a job that has failed: what fails now must not hide why. */
async function closeAfter(durable: DurableCheckpoints | undefined, log: string[]): Promise<void> {
  try {
    await durable?.close(false)
  } catch (error) {
    log.push(closeFailureText(error))
  }
}

async function build(job: TestableJob, params: Readonly<Record<string, unknown>>): Promise<BuiltJob> {
  if (isJobProgram(job)) return job.build(params)
  const env = job instanceof StreamExecutionEnvironment ? job : new JobEnvironment()
  if (typeof job === 'function') await job(env, params)
  return { graph: env.graph, ...env.settings }
}

/** Named inputs that bring what the test gave, named outputs that are kept. */
class RecordingEdge implements ProgramEdge {
  readonly outputs: Map<string, unknown[]>
  readonly #inputs: Map<string, (readonly unknown[] | 'ended')[]>

  constructor(inputs: Readonly<Record<string, readonly unknown[]>>, outputs: readonly string[]) {
    this.outputs = new Map(outputs.map((name) => [name, []]))
    this.#inputs = new Map(Object.entries(inputs).map(([name, records]) => [name, records.length === 0 ? ['ended'] : [records, 'ended']]))
  }

  send(output: string, records: readonly unknown[]): void {
    const kept = this.outputs.get(output)!
    for (const record of records) kept.push(record)
  }

  pendingCount(): number {
    return 0
  }

  receive(input: string): readonly unknown[] | 'ended' | undefined {
    const queue = this.#inputs.get(input)
    return queue === undefined ? 'ended' : queue.shift()
  }
}
