// The one loop of a worker thread: steps its subtasks, spins briefly, parks. Two ways to park: blocking, or with a live event loop for chains
// that need it.

import type { Clock } from '../base/clock.ts'
import { closeFailureText } from '../base/close.ts'
import { type MillraceError, toErrorRecord } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { IdleStrategy } from '../ring/idle-strategy.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import {
  CHECKPOINTS_ADDRESS,
  Command,
  COMMAND_ADDRESS,
  COMPLETE_CHECKPOINT_ADDRESS,
  FINAL_CHECKPOINT_ADDRESS,
  HEARTBEAT_ADDRESS,
  OVERTAKING_CHECKPOINT_ADDRESS,
  SAVEPOINT_ADDRESS,
} from './control-layout.ts'
import type { WorkerOutcome } from './thread-messages.ts'
import type { Subtask } from './subtask.ts'
import type { WorkerRuntime } from './worker-runtime.ts'

/** A worker with an event loop gives it a turn this often. */
const EVENT_LOOP_TURN_MS = 1

/** A worker without an event loop gives it a turn this often all the same: garbage collection is reported there. */
const REPORT_TURN_MS = 1000

const COMMAND = COMMAND_ADDRESS >>> 2
const HEARTBEAT = HEARTBEAT_ADDRESS >>> 2
const BEGUN = CHECKPOINTS_ADDRESS >>> 2
const COMPLETE = COMPLETE_CHECKPOINT_ADDRESS >>> 2
const FINAL = FINAL_CHECKPOINT_ADDRESS >>> 2
const SAVEPOINT = SAVEPOINT_ADDRESS >>> 2
const OVERTAKING = OVERTAKING_CHECKPOINT_ADDRESS >>> 2

/** How a loop ended. */
export type LoopOutcome = { readonly kind: 'ended' } | Exclude<WorkerOutcome, { kind: 'ended' }>

/** What the loop needs beside its worker. */
export interface WorkerLoopOptions {
  readonly clock: Clock
  readonly spinMicros: number
  readonly needsEventLoop: boolean
  /** What went wrong in user code outside of a step, if anything. */
  strayError(): MillraceError | undefined
}

/** What a round of the loop came to. */
export type RoundOutcome = 'moved' | 'idle' | 'cancelled' | 'stopped'

/** The rounds of a worker's loop. A thread has one loop of them; a simulation steps the rounds of several workers. */
export class WorkerRounds {
  readonly #worker: WorkerRuntime
  readonly #words: Int32Array
  readonly #clock: Clock
  #lastBegun: number
  #lastComplete = 0
  #lastFinal = 0
  #lastCommand: number = Command.RUN
  #lastOvertaking = 0
  /** The subtask that was stepped last. */
  current: Subtask | undefined

  /** @param words The worker's memory. */
  constructor(worker: WorkerRuntime, words: Int32Array, clock: Clock) {
    this.#worker = worker
    this.#words = words
    this.#clock = clock
    this.#lastBegun = worker.lastCheckpointId
    this.current = worker.subtasks[0]
  }

  /**
   * Does what the coordinator says, then lets each subtask do a little. Behind `cancelled` and `stopped` the worker is closed. Not called once it has ended.
   *
   * @param follows Whether the last round ended just now: no pause since.
   * @throws what a step throws.
   */
  run(follows: boolean): RoundOutcome {
    return this.heed() ?? this.step(follows)
  }

  /** The first half of a round: does what the coordinator says. Returns undefined if the other half is to follow. */
  heed(): RoundOutcome | undefined {
    const worker = this.#worker
    const words = this.#words
    // First: commands, pushed records and what callbacks bring come with mail, and what comes later keeps this thread awake.
    worker.doorbell.takeMail()
    // Pairs with the coordinator's Atomics.store of a command, which is followed by mail.
    const seen = Atomics.load(words, COMMAND)
    if (seen === Command.CANCEL) {
      closeQuietly(worker)
      return 'cancelled'
    }
    if (seen !== this.#lastCommand) {
      this.#lastCommand = seen
      if (seen === Command.STOP || seen === Command.DRAIN) worker.stopSources(seen === Command.DRAIN)
    }
    // As the command: mail follows. Read before what has begun, which was written before it.
    const overtaking = Atomics.load(words, OVERTAKING)
    // As the command: mail follows. What kind it is of is read behind it, and was written in front of it.
    for (const newest = Atomics.load(words, BEGUN); this.#lastBegun < newest;) {
      const checkpointId = ++this.#lastBegun
      const kept = Atomics.load(words, SAVEPOINT) === checkpointId ? BarrierKind.SAVEPOINT : BarrierKind.CHECKPOINT
      const kind = Atomics.load(words, FINAL) === checkpointId ? BarrierKind.STOP_WITH_SAVEPOINT : kept
      worker.offerBarrier({ checkpointId, timestampMs: this.#clock.nowMs(), kind })
    }
    if (overtaking !== this.#lastOvertaking) {
      this.#lastOvertaking = overtaking
      failPoint('worker.overtakes')
      worker.overtake({ checkpointId: overtaking, timestampMs: this.#clock.nowMs(), kind: BarrierKind.UNALIGNED_CHECKPOINT })
    }
    // As the command: mail follows.
    const finalId = Atomics.load(words, FINAL)
    if (finalId !== this.#lastFinal) {
      this.#lastFinal = finalId
      if (finalId === 0) worker.resume()
    }
    // As the command: mail follows.
    const completeId = Atomics.load(words, COMPLETE)
    if (completeId !== this.#lastComplete) {
      this.#lastComplete = completeId
      failPoint('worker.told')
      worker.notifyCheckpointComplete(completeId)
      if (worker.hasEnded) return 'moved'
    }
    // Written behind the number of the checkpoint that it waits for, and read in front of it: what is to be committed has been, or is being.
    if (seen === Command.END && worker.subtasks.every((subtask) => subtask.hasCommitted())) {
      failPoint('worker.before-end')
      closeQuietly(worker)
      return 'stopped'
    }
    return undefined
  }

  /** The second half of a round: lets each subtask do a little. What the coordinator says meanwhile, other workers may have heeded already. */
  step(follows: boolean): RoundOutcome {
    const worker = this.#worker
    // Read by the coordinator's hang detection; orders nothing.
    Atomics.add(this.#words, HEARTBEAT, 1)
    let moved = false
    for (const subtask of worker.subtasks) {
      if (subtask.isClosed) continue
      this.current = worker.activeSubtask = subtask
      if (subtask.step(follows)) moved = true
      follows = true
    }
    worker.activeSubtask = undefined
    return moved ? 'moved' : 'idle'
  }
}

/** Runs a worker until its subtasks have ended, a step throws, or the coordinator says cancel. Never throws; always closes the subtasks. */
export async function runWorkerLoop(worker: WorkerRuntime, words: Int32Array, options: WorkerLoopOptions): Promise<LoopOutcome> {
  const { clock, needsEventLoop } = options
  const { doorbell } = worker
  const strategy = new IdleStrategy(doorbell, { clock, spinMicros: options.spinMicros })
  const rounds = new WorkerRounds(worker, words, clock)
  const hasWork = (): boolean => worker.hasWork()
  let turnMs = clock.monotonicMs()
  let follows = false
  try {
    while (!worker.hasEnded) {
      const stray = options.strayError()
      if (stray !== undefined) throw stray
      const outcome = rounds.run(follows)
      if (outcome === 'cancelled' || outcome === 'stopped') return { kind: outcome }
      follows = true
      if (clock.monotonicMs() - turnMs >= (needsEventLoop ? EVENT_LOOP_TURN_MS : REPORT_TURN_MS)) {
        await new Promise(setImmediate)
        turnMs = clock.monotonicMs()
        follows = false
      }
      if (outcome === 'moved' || worker.hasEnded || options.strayError() !== undefined) continue
      follows = false
      const waitMs = worker.nextTimeMs - clock.nowMs()
      if (needsEventLoop) {
        await strategy.idleAsync(hasWork, waitMs)
        await new Promise(setImmediate)
      } else strategy.idle(hasWork, waitMs)
    }
    return { kind: 'ended' }
  } catch (error) {
    closeQuietly(worker)
    const { current } = rounds
    return { kind: 'failed', task: current?.task.name ?? '', subtaskIndex: current?.index ?? 0, error: toErrorRecord(error) }
  } finally {
    doorbell.close()
  }
}

/** Closes what is open; a failure of a user's `close` must not hide the one that led here, so it goes to the log. */
export function closeQuietly(worker: WorkerRuntime): void {
  try {
    worker.close()
  } catch (error) {
    worker.log('', 0, closeFailureText(error))
  }
}
