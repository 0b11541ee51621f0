// What user code leaves on a thread when its job has ended: timers that go on, sockets that are open. Threads with leftovers do not run another
// job. Runs on the coordinator's thread and on the workers.

/** How many turns of the event loop what is being closed has time for. */
const TURNS_MAX = 10

/** What keeps this thread's event loop alive: how many of each kind. */
export function activeResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** Whether there is nothing now that was not there `before`. */
export async function leavesNothing(before: ReadonlyMap<string, number>): Promise<boolean> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    await new Promise(setImmediate)
    if ([...activeResources()].every(([name, count]) => count <= (before.get(name) ?? 0))) return true
  }
  return false
}
