// What user code does wrong outside of every call of the engine: promises that nobody handles, timers and callbacks that throw, process.exit.
// It fails the job instead of ending the thread. Runs on the coordinator's thread and on the workers.

import { parentPort } from 'node:worker_threads'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { UserFunctionError } from '../base/errors.ts'
import { callingOperator } from '../operator/async/calling-operator.ts'

/** How long what user code has begun may go on behind the end of a worker's input. */
const SETTLE_MS_MAX = 1000
/** What Node calls the things that end by themselves: timers, requests to the file system, look-ups, connections that are made. */
const PENDING = /^(?:Timeout|Immediate|FSReq|GetAddrInfo|TCPConnect)/

/** Whom this thread tells, what it is called, and what ends it. */
let watch: { where: string; tell: (error: UserFunctionError) => void; readonly end: () => void } | undefined

/**
 * Gives errors that nobody caught on this thread to `tell`, and no longer to whom they were given before; makes process.exit throw: in a function it
 * is that function's error.
 *
 * @param where Names the thread, for messages about code of which no operator is known.
 */
export function watchStrayErrors(where: string, tell: (error: UserFunctionError) => void): void {
  // The process of the main thread belongs to the program around the engine.
  assert(parentPort !== null, 'only threads of the engine may be watched')
  watch ??= { where, tell, end: watchProcess() }
  watch.where = where
  watch.tell = tell
}

/** Ends this thread, which is watched, whatever user code has left running on it. */
export function endThread(): void {
  assert(watch !== undefined, 'only a watched thread is ended')
  watch.end()
}

/** Returns what process.exit was. */
function watchProcess(): () => void {
  const told = (what: string, thrown: unknown): void => {
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    const operator = callingOperator.getStore()
    const place = operator === undefined ? watch!.where : `operator "${operator.operatorName}" (subtask ${operator.subtaskIndex})`
    watch!.tell(new UserFunctionError('USER_FUNCTION_FAILED', `${what} in ${place}: ${text}`, { cause: thrown }))
  }
  process.on('uncaughtException', (thrown) => told('A callback of user code failed', thrown))
  process.on('unhandledRejection', (reason) => told('A promise of user code was rejected and nobody handled it', reason))
  const { exit } = process
  process.exit = (code) => {
    const error = new Error(`process.exit(${code ?? ''}) would end the thread of the job`)
    Error.captureStackTrace(error, process.exit)
    throw error
  }
  return () => exit.call(process)
}

/** Waits until what user code has begun asynchronously has had its turn, so that its errors are told before the job is said to have finished. */
export async function settleUserCode(clock: Clock): Promise<void> {
  const untilMs = clock.monotonicMs() + SETTLE_MS_MAX
  // Promises that are rejected already are told in this turn.
  await new Promise(setImmediate)
  while (process.getActiveResourcesInfo().some((name) => PENDING.test(name)) && clock.monotonicMs() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
}
