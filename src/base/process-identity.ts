// Who a process is: its number and when it began, since numbers are given again. Runs on any thread.

import { readFileSync } from 'node:fs'

/** A process as it was when somebody noted it. */
export interface ProcessIdentity {
  /** 0: nobody. */
  readonly pid: number
  /** When it began, as the system counts: a number that was given again is another process. Undefined where the system does not say. */
  readonly started: string | undefined
}

/** Whether a process is still there. */
export function isProcessAlive({ pid, started }: ProcessIdentity): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = processStartOf(pid)
  return now !== 'ended' && (started === undefined || now === undefined || started === now)
}

/** When a process began, in ticks since the machine did; `ended` if only its parent has yet to ask after it; undefined where the system does not say. */
export function processStartOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // The state is that of the first thread: others may still be writing.
    return (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1 ? 'ended' : fields[19]
  } catch {
    return undefined
  }
}
