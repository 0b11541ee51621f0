// Entry of a worker thread, run by piscina: one endless task a thread and job. Builds the job's graph again from its module, checks that it is the
// coordinator's, and runs the loop.

import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { type MillraceError, toErrorRecord } from '../base/errors.ts'
import { decimalsWithin, notCloneable, restoreDecimals } from '../batch/cloned-values.ts'
import type { ProgramEdge } from '../operator/operator.ts'
import { jobProgramOf } from '../plan/job-program.ts'
import { assertSamePlan, type PlanOptions } from '../plan/execution-plan.ts'
import { workerSlots } from './control-layout.ts'
import { settleUserCode, watchStrayErrors } from './stray-errors.ts'
import { WorkerSlot } from './subtask-metrics.ts'
import type { ProgramMessage, PushMessage, WorkerEvent, WorkerOutcome } from './thread-messages.ts'
import { endedSubtaskOf } from './pending-checkpoint.ts'
import { preloadPackage } from './preload.ts'
import { activeResources, leavesNothing } from './leftovers.ts'
import { type LoopOutcome, runWorkerLoop } from './worker-loop.ts'
import { divertConsole } from './user-console.ts'
import { type WorkerSettings, WorkerRuntime } from './worker-runtime.ts'

/** What the coordinator gives a worker. */
export interface WorkerTask {
  readonly settings: WorkerSettings
  readonly jobUrl: string
  readonly params: Readonly<Record<string, unknown>>
  readonly planOptions: PlanOptions
  readonly spinMicros: number
  /** To the coordinator: log lines, names of counters. */
  readonly events: MessagePort
  /** To and from the main thread: records of named outputs and inputs. */
  readonly program: MessagePort
  /** One int32 for each named output, in order: records sent and not taken yet. */
  readonly outputPending: SharedArrayBuffer
  readonly outputs: readonly string[]
  /** Whether the thread is to wait for another job. */
  readonly keepsThread: boolean
}

/** The program's edge over a port. The port is read without an event loop, when a source asks. */
class PortEdge implements ProgramEdge {
  readonly #port: MessagePort
  readonly #pending: Int32Array
  readonly #outputs: readonly string[]
  readonly #received = new Map<string, PushMessage[]>()
  /** Of each input: the last message that was taken, and the one before. */
  readonly #taken = new Map<string, { readonly id: number; readonly before: number }>()
  /** Inputs whose sources have written a snapshot, and the last message that is in it whole. */
  readonly #held: { readonly input: string; readonly held: number }[] = []
  #checkpointId = 0

  constructor(port: MessagePort, outputs: readonly string[], pending: SharedArrayBuffer) {
    this.#port = port
    this.#outputs = outputs
    this.#pending = new Int32Array(pending)
  }

  send(output: string, records: readonly unknown[]): void {
    const where = `output "${output}"`
    const decimals = decimalsWithin(records, where)
    // Pairs with Atomics.sub on the main thread once the program has taken them; publishes nothing else.
    Atomics.add(this.#pending, this.#outputs.indexOf(output), records.length)
    try {
      this.#port.postMessage({ output, records, decimals } satisfies ProgramMessage)
    } catch (error) {
      throw notCloneable(where, error)
    }
  }

  pendingCount(output: string): number {
    // Pairs with Atomics.sub on the main thread: an older count only makes a sink wait for the ring that follows it.
    return Atomics.load(this.#pending, this.#outputs.indexOf(output))
  }

  receive(input: string): readonly unknown[] | 'ended' | undefined {
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port)) {
      const message = received.message as PushMessage
      restoreDecimals(message.decimals)
      const queue = this.#received.get(message.input) ?? []
      queue.push(message)
      this.#received.set(message.input, queue)
    }
    const taken = this.#received.get(input)?.shift()
    if (taken === undefined) return undefined
    // What was pushed is in the stream now: the pusher may go on.
    this.#port.postMessage({ accepted: taken.id } satisfies ProgramMessage)
    this.#taken.set(input, { id: taken.id, before: this.#taken.get(input)?.id ?? 0 })
    // No barrier comes from there any more: a checkpoint that begins from now on holds all.
    if (taken.records === 'ended') this.#port.postMessage({ input, held: taken.id, checkpointId: this.#checkpointId + 1 } satisfies ProgramMessage)
    return taken.records
  }

  noteSnapshot(input: string, isWhole: boolean): void {
    const taken = this.#taken.get(input)
    if (taken !== undefined) this.#held.push({ input, held: isWhole ? taken.id : taken.before })
  }

  /** A part has written its snapshot. */
  snapshotTaken(checkpointId: number): void {
    this.#checkpointId = Math.max(this.#checkpointId, checkpointId)
    for (const held of this.#held.splice(0)) this.#port.postMessage({ ...held, checkpointId } satisfies ProgramMessage)
  }
}

/** Counts this thread's garbage collections into its slots. Returns a function that takes in what is still to be reported, and ends it. */
function observeGc(slots: Float64Array): () => Promise<void> {
  const count = ({ duration }: PerformanceEntry): void => {
    slots[WorkerSlot.GC_COUNT] = slots[WorkerSlot.GC_COUNT] + 1
    slots[WorkerSlot.GC_TOTAL_MS] = slots[WorkerSlot.GC_TOTAL_MS] + duration
    slots[WorkerSlot.GC_MAX_MS] = Math.max(slots[WorkerSlot.GC_MAX_MS], duration)
  }
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(count))
  observer.observe({ entryTypes: ['gc'] })
  return async () => {
    // A collection is queued for the observer in the next turn of the event loop, which a short job never comes to.
    await new Promise(setImmediate)
    observer.takeRecords().forEach(count)
    observer.disconnect()
  }
}

preloadPackage(import.meta.url)

/** The task piscina runs. Returns how it ended; throws nothing, since structured clone would strip errors. */
export default async function runTask(task: WorkerTask): Promise<WorkerOutcome> {
  const before = activeResources()
  const outcome = await runWorker(task)
  if (outcome.kind !== 'ended') return outcome
  return { kind: 'ended', isClean: task.keepsThread && (await leavesNothing(before)) }
}

async function runWorker(task: WorkerTask): Promise<LoopOutcome> {
  const post = (event: WorkerEvent): void => task.events.postMessage(event)
  const log = (operatorName: string, subtaskIndex: number, message: string): void => post({ kind: 'log', operatorName, subtaskIndex, message })
  let running: WorkerRuntime | undefined
  let isBuilt = false
  let stray: MillraceError | undefined
  watchStrayErrors(`worker ${task.settings.workerIndex}`, (error) => {
    stray ??= error
    running?.doorbell.post()
  })
  const flushConsole = divertConsole((line) => {
    const operator = running?.activeOperator
    // What the module and its program print while the graph is built was printed by the coordinator already.
    if (isBuilt) log(operator?.operatorName ?? '', operator?.subtaskIndex ?? task.settings.workerIndex, line)
  })
  try {
    const { settings } = task
    const { graph } = await jobProgramOf((await import(task.jobUrl)) as object, task.jobUrl, undefined).build(task.params)
    const { plan } = settings
    assertSamePlan(plan, graph, task.planOptions, settings.workerIndex)
    isBuilt = true
    const program = new PortEdge(task.program, task.outputs, task.outputPending)
    const worker: WorkerRuntime = new WorkerRuntime(settings, graph, {
      clock: systemClock,
      wake: () => void worker.doorbell.post(),
      program,
      log,
      snapshotTaken: (checkpointId, id, part, hadEnded, inFlight) => {
        program.snapshotTaken(checkpointId)
        post({ kind: 'snapshot', checkpointId, id, part, hadEnded, inFlight })
      },
      inFlightTaken: (checkpointId, id, file) => post({ kind: 'inFlight', checkpointId, id, file }),
      subtaskEnded: (subtask) => {
        post({ kind: 'subtaskEnded', ended: endedSubtaskOf(subtask, worker.keepsEndedState) })
      },
      announceCounter: (counter) => post({ kind: 'counter', counter }),
    })
    const endGc = observeGc(workerSlots(settings.memories[settings.workerIndex].buffer, plan))
    running = worker
    const needsEventLoop = plan.tasks.some((planned) => planned.needsEventLoop && settings.workerIndex < planned.parallelism)
    try {
      const options = { clock: systemClock, spinMicros: task.spinMicros, needsEventLoop, strayError: () => stray }
      const outcome = await runWorkerLoop(worker, worker.slab.i32, options)
      if (outcome.kind === 'ended') {
        await settleUserCode(systemClock)
        if (stray !== undefined) throw stray
      }
      return outcome
    } finally {
      await endGc()
    }
  } catch (error) {
    return { kind: 'failed', task: '', subtaskIndex: task.settings.workerIndex, error: toErrorRecord(error) }
  } finally {
    flushConsole()
    task.events.close()
    task.program.postMessage({ ended: true } satisfies ProgramMessage)
    task.program.close()
  }
}
