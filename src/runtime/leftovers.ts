// What user code leaves on a thread when its job has ended: timers that go on, sockets that are open, a heap full of modules. Threads with
// leftovers do not run another job. Runs on the coordinator's thread and on the workers.

import { getHeapStatistics } from 'node:v8'

/** How many turns of the event loop what is being closed has time for. */
const TURNS_MAX = 10
/** A heap fuller than this part of its limit is given up: each job leaves its module behind. */
const HEAP_SHARE_MAX = 0.25

/** Timers that somebody has taken from the event loop's view; undefined until they are counted. */
let hiddenTimers: number | undefined

/** What keeps this thread's event loop alive, and the timers so far that did not: how many of each kind. */
export function activeResources(): ReadonlyMap<string, number> {
  const counts = new Map([['hidden timer', (hiddenTimers ??= countHiddenTimers())]])
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** Whether there is nothing now that was not there `before`, and room for another job. */
export async function leavesNothing(before: ReadonlyMap<string, number>): Promise<boolean> {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  if (used > limit * HEAP_SHARE_MAX) return false
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    await new Promise(setImmediate)
    if ([...activeResources()].every(([name, count]) => count <= (before.get(name) ?? 0))) return true
  }
  return false
}

/** Node does not list timers without a reference: they are counted as they lose it. */
function countHiddenTimers(): number {
  const timer = setTimeout(() => {}, 0)
  clearTimeout(timer)
  const prototype = Object.getPrototypeOf(timer) as { unref(this: NodeJS.Timeout): NodeJS.Timeout }
  const { unref } = prototype
  prototype.unref = function (this: NodeJS.Timeout): NodeJS.Timeout {
    hiddenTimers!++
    return unref.call(this)
  }
  return 0
}
