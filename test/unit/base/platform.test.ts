import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { availableCores, availableMemoryBytes, heapFlagBytes, type Machine } from '../../../src/base/platform.ts'

const GIB = 2 ** 30
/** What version 1 says where there is no limit. */
const UNLIMITED = '9223372036854771712\n'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

/** A machine of 8 cores and 16 GiB whose `proc` and `sys` hold these files. */
function machine(files: Readonly<Record<string, string>>, constrainedBytes = 2 ** 64): Machine {
  const root = mkdtempSync(join(tmpdir(), 'millrace-machine-'))
  roots.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return { root, cores: 8, memoryBytes: 16 * GIB, constrainedBytes }
}

const GROUPS = 'proc/self/cgroup'
const GROUPS_OF_VERSION_1 = '5:memory:/docker/c1\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/docker/c1\n0::/\n'

interface Case {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly cores: number
  readonly memoryBytes: number
}

const CASES: readonly Case[] = [
  { name: 'no control groups', files: {}, cores: 8, memoryBytes: 16 * GIB },
  {
    name: 'version 2, in a container with a namespace: the root is its own',
    files: { [GROUPS]: '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n', 'sys/fs/cgroup/memory.max': `${GIB}\n` },
    cores: 2,
    memoryBytes: GIB,
  },
  {
    name: 'version 2 without limits',
    files: { [GROUPS]: '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n', 'sys/fs/cgroup/memory.max': 'max\n' },
    cores: 8,
    memoryBytes: 16 * GIB,
  },
  {
    name: 'version 2, nested: a group above limits more than its own',
    files: {
      [GROUPS]: '0::/system.slice/jobs/one\n',
      'sys/fs/cgroup/system.slice/jobs/one/cpu.max': '800000 100000\n',
      'sys/fs/cgroup/system.slice/jobs/one/memory.max': 'max\n',
      'sys/fs/cgroup/system.slice/jobs/cpu.max': '300000 100000\n',
      'sys/fs/cgroup/system.slice/jobs/memory.max': `${3 * GIB}\n`,
      'sys/fs/cgroup/system.slice/memory.max': `${4 * GIB}\n`,
    },
    cores: 3,
    memoryBytes: 3 * GIB,
  },
  {
    name: 'version 2, nested: its own group limits more than those above',
    files: {
      [GROUPS]: '0::/user/one\n',
      'sys/fs/cgroup/user/one/cpu.max': '50000 100000\n',
      'sys/fs/cgroup/user/one/memory.max': `${GIB / 2}\n`,
      'sys/fs/cgroup/user/cpu.max': '200000 100000\n',
      'sys/fs/cgroup/user/memory.max': `${GIB}\n`,
    },
    cores: 1,
    memoryBytes: GIB / 2,
  },
  {
    name: 'version 1, nested, controllers mounted together',
    files: {
      [GROUPS]: GROUPS_OF_VERSION_1,
      'sys/fs/cgroup/cpu,cpuacct/docker/c1/cpu.cfs_quota_us': '250000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/c1/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/docker/c1/memory.limit_in_bytes': `${2 * GIB}\n`,
      'sys/fs/cgroup/memory/memory.limit_in_bytes': UNLIMITED,
    },
    cores: 3,
    memoryBytes: 2 * GIB,
  },
  {
    name: "version 1, the path is the host's and only the container's root is mounted",
    files: {
      [GROUPS]: GROUPS_OF_VERSION_1,
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': `${GIB}\n`,
    },
    cores: 1,
    memoryBytes: GIB,
  },
  {
    name: 'a path outside of the namespace leads nowhere above the mount',
    files: { [GROUPS]: '0::/../../other\n', 'sys/fs/cgroup/memory.max': `${GIB}\n`, 'sys/memory.max': '1\n', 'other/memory.max': '1\n' },
    cores: 8,
    memoryBytes: GIB,
  },
  {
    name: 'files that hold no numbers',
    files: { [GROUPS]: '0::/\n', 'sys/fs/cgroup/cpu.max': '\n', 'sys/fs/cgroup/memory.max': 'nonsense\n' },
    cores: 8,
    memoryBytes: 16 * GIB,
  },
]

describe('limits of this process', () => {
  test.each(CASES)('$name', ({ files, cores, memoryBytes }) => {
    const one = machine(files)
    expect([availableCores(one), availableMemoryBytes(one)]).toEqual([cores, memoryBytes])
  })

  test('what Node found counts where it is less, and nothing counts as no limit', () => {
    expect(availableMemoryBytes(machine({}, 3 * GIB))).toBe(3 * GIB)
    expect(availableMemoryBytes(machine({}, 0))).toBe(16 * GIB)
  })

  test('a machine has at least one core and some memory', () => {
    expect(availableCores()).toBeGreaterThanOrEqual(1)
    expect(availableMemoryBytes()).toBeGreaterThan(64 << 20)
  })
})

describe('heapFlagBytes()', () => {
  test('is the last of the flags, of which those of the command line come behind the environment', () => {
    expect(heapFlagBytes([], '')).toBeUndefined()
    expect(heapFlagBytes(['--inspect', '--max_old_space_size=300'], '--max-old-space-size=100')).toBe(300 << 20)
    expect(heapFlagBytes([], '--enable-source-maps  --max-old-space-size=100 --max-old-space-size=200')).toBe(200 << 20)
    expect(heapFlagBytes(['--max-old-space-size=0'], '')).toBeUndefined()
  })

  test('holds for threads, whatever limit they are started with', () => {
    const program = `new (require('node:worker_threads').Worker)(
      "console.log(require('node:v8').getHeapStatistics().heap_size_limit)", { eval: true, resourceLimits: { maxOldGenerationSizeMb: 64 } })`
    const limitOf = (...flags: readonly string[]): number =>
      Number(execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } }))
    expect(limitOf()).toBeLessThan(200 << 20)
    expect(limitOf('--max-old-space-size=300')).toBeGreaterThan(300 << 20)
  })
})
