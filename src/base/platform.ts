// Everything that depends on the machine, the operating system or where the package lies. Runs on any thread.

import { constants, existsSync, openSync, readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { PlanError } from './errors.ts'

/**
 * The folder that holds the package.json of the engine, whether this code runs from `src/`, from `dist/` or from a bundle of the program around it.
 *
 * @throws {PlanError} `ENGINE_BUNDLED` if it was bundled and the package is not installed where the bundle lies.
 */
export function packageRoot(): string {
  // A CommonJS bundle has no import.meta.
  const file = (import.meta.url as string | undefined) === undefined ? __filename : fileURLToPath(import.meta.url)
  let folder = dirname(file)
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder)
  if (isOwnPackage(folder)) return folder
  try {
    return dirname(createRequire(file).resolve('millrace/package.json'))
  } catch (error) {
    throw new PlanError(
      'ENGINE_BUNDLED',
      `Cannot find the files of the engine's threads: its code is part of "${file}", and the package is not installed there`,
      {
        hint: 'Leave millrace out of the bundle (esbuild: --external:millrace) and install it where the bundle runs: its threads and kernels are files of their own.',
        cause: error,
      },
    )
  }
}

function isOwnPackage(folder: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name === 'millrace'
  } catch {
    return false
  }
}

const ENGINE_THREAD = 'millrace.engine-thread'

/** Marks this thread, and all threads that it will start, as threads of an engine. */
export function becomeEngineThread(): void {
  setEnvironmentData(ENGINE_THREAD, true)
}

/** Whether this thread belongs to an engine: true for every copy of the package that it loads. */
export function isEngineThread(): boolean {
  return getEnvironmentData(ENGINE_THREAD) === true
}

/** Where the limits of this process are read. Tests pass a machine of their own. */
export interface Machine {
  /** The folder below which `proc` and `sys` lie. */
  readonly root: string
  /** Cores by the affinity mask, memory in bytes. */
  readonly cores: number
  readonly memoryBytes: number
  /** What Node found to be the container's limit; 0 or more than there is if there is none. */
  readonly constrainedBytes: number
}

function thisMachine(): Machine {
  return { root: '/', cores: availableParallelism(), memoryBytes: totalmem(), constrainedBytes: process.constrainedMemory() }
}

/** Cores that this process may use: the affinity mask and the container's quota, rounded up, at least 1. */
export function availableCores(machine: Machine = thisMachine()): number {
  const quotas = cgroupFolders(machine.root, 'cpu').map((folder) => {
    const [quota, period] = (readText(join(folder, 'cpu.max')) ?? '').split(' ')
    if (period !== undefined) return quotaOf(quota, period)
    return quotaOf(readText(join(folder, 'cpu.cfs_quota_us')), readText(join(folder, 'cpu.cfs_period_us')))
  })
  return Math.max(1, Math.min(machine.cores, Math.ceil(Math.min(...quotas))))
}

/** Memory that this process may use in bytes: the machine's, or the container's limit if that is lower. */
export function availableMemoryBytes(machine: Machine = thisMachine()): number {
  const limits = cgroupFolders(machine.root, 'memory').map((folder) =>
    limitOf(readText(join(folder, 'memory.max')) ?? readText(join(folder, 'memory.limit_in_bytes'))),
  )
  return Math.min(machine.memoryBytes, machine.constrainedBytes > 0 ? machine.constrainedBytes : Infinity, ...limits)
}

/**
 * The `--max-old-space-size` that this process was started with, in bytes. It holds for the heap of every thread, whatever limit the thread is started
 * with: V8 keeps its flags for the whole process (measured on Node 20).
 */
export function heapFlagBytes(execArgv: readonly string[] = process.execArgv, nodeOptions: string = process.env['NODE_OPTIONS'] ?? ''): number | undefined {
  // The last one counts, and the command line comes behind the environment.
  const flags = [...nodeOptions.split(/\s+/), ...execArgv].flatMap((flag) => /^--max[-_]old[-_]space[-_]size=(\d+)$/.exec(flag)?.[1] ?? [])
  const mib = Number(flags.at(-1) ?? 0)
  return mib > 0 ? mib * 2 ** 20 : undefined
}

/**
 * The folders of the control groups that this process is in, of both versions, its own first and each with all above it: a limit holds for
 * everything below. In a container without a namespace of its own the path is the host's, and only the mounted root exists.
 */
function cgroupFolders(root: string, controller: 'cpu' | 'memory'): readonly string[] {
  const mounts = join(root, 'sys/fs/cgroup')
  const folders: string[] = []
  for (const line of (readText(join(root, 'proc/self/cgroup')) ?? '0::/').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || (controllers !== '' && !controllers.split(',').includes(controller))) continue
    const names = path.split('/').filter((name) => name !== '' && name !== '..')
    const places = controllers === '' ? [mounts, join(mounts, 'unified')] : [join(mounts, controllers), join(mounts, controller)]
    for (const place of places) for (let depth = names.length; depth >= 0; depth--) folders.push(join(place, ...names.slice(0, depth)))
  }
  return folders
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** A memory limit in bytes; `max`, nothing or nonsense is none. */
function limitOf(text: string | undefined): number {
  const bytes = Number(text ?? Infinity)
  return bytes > 0 ? bytes : Infinity
}

/** A CPU quota in cores; `max`, -1, nothing or nonsense is none. */
function quotaOf(quota: string | undefined, period: string | undefined): number {
  const cores = Number(quota) / Number(period)
  return cores > 0 ? cores : Infinity
}

/**
 * Opens a pipe once more, for reads that answer at once instead of waiting. Whoever shares the given descriptor sees nothing of that.
 *
 * @returns undefined where there is no such way: on other systems than Linux, for sockets, for a pipe of somebody else.
 */
export function reopenPipe(file: number): number | undefined {
  try {
    return process.platform === 'linux' ? openSync(`/proc/self/fd/${file}`, constants.O_RDONLY | constants.O_NONBLOCK) : undefined
  } catch {
    return undefined
  }
}

/** Whether a test runner runs this process: vitest, jest and others that say so in NODE_ENV, or Node's own. */
export function isUnderTest(): boolean {
  return process.env.NODE_ENV === 'test' || process.env.NODE_TEST_CONTEXT !== undefined
}

/** This package's version. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version
}
