// Which process runs a job, in a way that another one can tell whether it still does. Invariant: a number of a process that was given again, or that
// belongs to another boot of the machine, is never taken for the process that had it.

import { readFileSync, readlinkSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { isProcessAlive, type ProcessIdentity, processStartOf } from '../base/process-identity.ts'

/** Who runs an attempt. What the system does not say is undefined. */
export interface Owner extends ProcessIdentity {
  /** One process may run jobs in several threads. */
  readonly thread?: number
  /** Which boot of the machine, and which set of process numbers, `pid` belongs to. */
  readonly boot?: string | undefined
  readonly namespace?: string | undefined
  /** Whether it listens on the socket in the job's folder. */
  readonly socket?: boolean
  /** The process around it that starts it again. */
  readonly supervisor?: ProcessIdentity | undefined
  /** When the attempt began: epoch ms. */
  readonly sinceMs?: number
}

/** Whether what was read names an owner. */
export function isOwner(read: unknown): read is Owner {
  if (typeof read !== 'object' || read === null) return false
  const { pid, started, boot, namespace, supervisor } = read as Record<string, unknown>
  const isId = (number: unknown): boolean => typeof number === 'number' && (number | 0) === number && number >= 0
  const isText = (text: unknown): boolean => text === undefined || typeof text === 'string'
  const isWatched = supervisor === undefined || (typeof supervisor === 'object' && supervisor !== null && isId((supervisor as ProcessIdentity).pid))
  return isId(pid) && isText(started) && isText(boot) && isText(namespace) && isWatched
}

/** The calling thread as owner. @param supervisorPid Number of the process around it, if it has one. */
export function thisOwner(hasSocket: boolean, supervisorPid: number | undefined): Owner {
  return {
    pid: process.pid,
    started: processStartOf(process.pid),
    thread: threadId,
    boot: bootId(),
    namespace: namespaceId(),
    socket: hasSocket,
    ...(supervisorPid !== undefined && { supervisor: { pid: supervisorPid, started: processStartOf(supervisorPid) } }),
    sinceMs: systemClock.nowMs(),
  }
}

/** Whether both are one thread of one process. */
export function isSameOwner(one: Owner | undefined, other: Owner | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return (['pid', 'started', 'thread', 'boot', 'namespace'] as const).every((key) => one[key] === other[key])
}

/** Whether its process number means nothing here: another container's, whose processes cannot be seen from this one. */
export function isForeign({ namespace }: Owner): boolean {
  const own = namespaceId()
  return namespace !== undefined && own !== undefined && namespace !== own
}

/** Whether a process runs an attempt, as far as one can tell: one that cannot be seen counts as running. */
export function isAlive(owner: Owner): boolean {
  if (owner.pid === 0) return false
  const boot = bootId()
  if (owner.boot !== undefined && boot !== undefined && owner.boot !== boot) return false
  return isForeign(owner) || isProcessAlive(owner)
}

function bootId(): string | undefined {
  return read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
}

function namespaceId(): string | undefined {
  return read(() => readlinkSync('/proc/self/ns/pid'))
}

function read(text: () => string): string | undefined {
  try {
    return text()
  } catch {
    return undefined
  }
}
