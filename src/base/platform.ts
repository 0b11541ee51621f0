// Everything that depends on the machine, the operating system or where the package lies. Runs on any thread.

import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds the package.json of the engine, whether this code runs from `src/` or from a bundle in `dist/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

function readNumber(path: string): number | undefined {
  try {
    const number = Number(readFileSync(path, 'utf8').trim())
    return Number.isFinite(number) ? number : undefined
  } catch {
    return undefined
  }
}

/** CPU quota of the container in cores (cgroup v2, then v1), or Infinity. */
function cpuQuota(): number {
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ')
    return quota === 'max' ? Infinity : Number(quota) / Number(period)
  } catch {
    const quota = readNumber('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1
    const period = readNumber('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0
    return quota > 0 && period > 0 ? quota / period : Infinity
  }
}

/** Cores that this process may use: the affinity mask and the container's quota, rounded up, at least 1. */
export function availableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota())))
}

/** Memory that this process may use in bytes: the machine's, or the container's limit if that is lower. */
export function availableMemoryBytes(): number {
  const limit = readNumber('/sys/fs/cgroup/memory.max') ?? readNumber('/sys/fs/cgroup/memory/memory.limit_in_bytes') ?? Infinity
  return Math.min(totalmem(), limit)
}
