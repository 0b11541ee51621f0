// The one loop of a worker thread: steps its subtasks, spins briefly, parks. Two ways to park: blocking, or with a live event loop for chains
// that need it.

import type { Clock } from '../base/clock.ts'
import { closeFailureText } from '../base/close.ts'
import { type MillraceError, toErrorRecord } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { IdleStrategy } from '../ring/idle-strategy.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import { CHECKPOINTS_ADDRESS, Command, COMMAND_ADDRESS, HEARTBEAT_ADDRESS } from './control-layout.ts'
import type { WorkerOutcome } from './thread-messages.ts'
import type { WorkerRuntime } from './worker-runtime.ts'

/** A worker with an event loop gives it a turn this often. */
const EVENT_LOOP_TURN_MS = 1

/** A worker without an event loop gives it a turn this often all the same: garbage collection is reported there. */
const REPORT_TURN_MS = 1000

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

/** Runs a worker until its subtasks have ended, a step throws, or the coordinator says cancel. Never throws; always closes the subtasks. */
export async function runWorkerLoop(worker: WorkerRuntime, words: Int32Array, options: WorkerLoopOptions): Promise<LoopOutcome> {
  const { clock, needsEventLoop } = options
  const { doorbell } = worker
  const strategy = new IdleStrategy(doorbell, { clock, spinMicros: options.spinMicros })
  const command = COMMAND_ADDRESS >>> 2
  const heartbeat = HEARTBEAT_ADDRESS >>> 2
  const begun = CHECKPOINTS_ADDRESS >>> 2
  let lastBegun = worker.lastCheckpointId
  let lastComplete = 0
  let stopped = false
  const hasWork = (): boolean => worker.hasWork()
  let turnMs = clock.monotonicMs()
  const runnable = worker.subtasks
  let current = runnable[0]
  /** Whether the last step ended just now: no pause since. */
  let follows = false
  try {
    while (!worker.hasEnded) {
      const stray = options.strayError()
      if (stray !== undefined) throw stray
      // First: commands, pushed records and what callbacks bring come with mail, and what comes later keeps this thread awake.
      doorbell.takeMail()
      // Pairs with the coordinator's Atomics.store of a command, which is followed by mail.
      const seen = Atomics.load(words, command)
      if (seen === Command.CANCEL) {
        closeQuietly(worker)
        return { kind: 'cancelled' }
      }
      if (seen === Command.STOP && !stopped) {
        stopped = true
        worker.stopSources()
      }
      // As the command: mail follows.
      for (const newest = Atomics.load(words, begun); lastBegun < newest;)
        worker.offerBarrier({ checkpointId: ++lastBegun, timestampMs: clock.nowMs(), kind: BarrierKind.CHECKPOINT })
      // As the command: mail follows.
      const completeId = Atomics.load(words, begun + 1)
      if (completeId !== lastComplete) {
        lastComplete = completeId
        failPoint('worker.told')
        worker.notifyCheckpointComplete(completeId)
        if (worker.hasEnded) break
      }
      // Read by the coordinator's hang detection; orders nothing.
      Atomics.add(words, heartbeat, 1)
      let moved = false
      for (const subtask of runnable) {
        if (subtask.isClosed) continue
        current = worker.activeSubtask = subtask
        if (subtask.step(follows)) moved = true
        follows = true
      }
      worker.activeSubtask = undefined
      if (clock.monotonicMs() - turnMs >= (needsEventLoop ? EVENT_LOOP_TURN_MS : REPORT_TURN_MS)) {
        await new Promise(setImmediate)
        turnMs = clock.monotonicMs()
        follows = false
      }
      if (moved || worker.hasEnded || options.strayError() !== undefined) continue
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
