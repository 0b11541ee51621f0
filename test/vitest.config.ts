// How tests run. Two copies of the engine exist: the sources (most tests) and the built package in dist/ (tests with real threads, because a
// worker cannot load TypeScript on Node 20). Each test process sees one of them: `millrace` means src/index.ts in the projects "src", "sql",
// "sim", "fuzz", "faults" and "checked", and dist/index.js in "dist", "dist-alone", "stress", "bench" and "crash". Every test file has a process of its own.
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** Alias by whole name, so that `millrace/testing` is not taken for a file below `millrace`. */
const millrace = (index: string, testing: string) => [
  { find: /^millrace$/, replacement: path(index) },
  { find: /^millrace\/testing$/, replacement: path(testing) },
]
const sources = { alias: millrace('../src/index.ts', '../src/testing/index.ts') }
const built = { alias: millrace('../dist/index.js', '../dist/testing.js') }

const folder = (...names: readonly string[]): string[] => names.map((name) => `test/${name}/**/*.test.ts`)
/** dist/ is loaded by Node itself, as users load it, not transformed. */
const external = { deps: { external: [/\/dist\//] } }

/** Runs a suite with the checked kernels: assertions on, canary words between regions. */
const checkedKernels = {
  name: 'checked-kernels',
  enforce: 'pre' as const,
  transform(code: string, id: string): string | undefined {
    if (id.endsWith('/src/base/slab.ts')) {
      if (!code.includes('canaries: boolean = false') && !code.includes('canaries = false'))
        throw new Error('Slab no longer has the default that the checked suite replaces')
      return code.replace('canaries: boolean = false', 'canaries: boolean = true').replace('canaries = false', 'canaries = true')
    }
    if (!id.endsWith('/src/kernels/kernels.ts')) return undefined
    if (!code.includes("build: KernelBuild = 'fast'")) throw new Error('compileKernels() no longer has the default that the checked suite replaces')
    return code.replace("build: KernelBuild = 'fast'", "build: KernelBuild = 'checked'")
  },
}

/** All of them, where the caller does not say otherwise. */
const FAULTS = { IO_ERRORS: 'all', POWER_IMAGES: process.env['POWER_IMAGES'] ?? '2400' }

/** Where tests have no threads of their own: all cores, also of two, of which vitest would leave one alone. */
const COMPUTING = { maxWorkers: Math.max(2, availableParallelism() - 1) }
/** Behind the others: jobs have threads and processes of their own. Most of what these files do is to wait for those, so that two share the cores. */
const RUNNING = { maxWorkers: 2, sequence: { groupOrder: 1 } }
/** One file at a time, behind all others: jobs are asked how much of a core they use, or go on until they are killed. */
const ALONE = { fileParallelism: false, sequence: { groupOrder: 2 } }
/** Some 30 s of computing each. */
const LONG_SIMULATIONS = ['checkpoints', 'unaligned', 'ring-model'].map((name) => `test/sim/${name}.test.ts`)
/** What is asked how it spends time. */
const MEASURED = ['test/threads/metrics.test.ts', 'test/threads/exits.test.ts']

export default defineConfig({
  root: path('..'),
  test: {
    pool: 'forks',
    reporters: ['default', path('reporter.ts')],
    // A limit ends what hangs. The longest tests take a few seconds, and several times that on a machine that others use too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        resolve: sources,
        test: {
          name: 'src',
          include: ['test/*.test.ts', ...folder('unit', 'contract', 'property', 'model', 'sim', 'fuzz', 'types')],
          exclude: LONG_SIMULATIONS,
          ...COMPUTING,
        },
      },
      {
        extends: true,
        resolve: built,
        test: { name: 'dist', include: folder('threads', 'e2e', 'examples'), exclude: MEASURED, server: external, ...RUNNING },
      },
      { extends: true, resolve: built, test: { name: 'dist-alone', include: MEASURED, server: external, ...ALONE } },
      { extends: true, resolve: built, test: { name: 'stress', include: folder('stress'), server: external, testTimeout: 300_000, ...ALONE } },
      { extends: true, resolve: built, test: { name: 'bench', include: folder('bench'), server: external, testTimeout: 300_000, ...ALONE } },
      // Queries of whole data sets, in many ways.
      { extends: true, resolve: sources, test: { name: 'sql', include: folder('sql'), testTimeout: 120_000, ...COMPUTING } },
      // The seeds that `npm test` leaves, and simulations that it has no time for.
      {
        extends: true,
        resolve: sources,
        test: { name: 'sim', include: [...folder('sim/engine'), ...LONG_SIMULATIONS], env: { SIM_SEEDS: '41-500' }, testTimeout: 300_000, ...COMPUTING },
      },
      // What `npm test` takes a sample of.
      { extends: true, resolve: sources, test: { name: 'fuzz', include: folder('fuzz'), env: { FUZZ: 'all' }, testTimeout: 300_000, ...COMPUTING } },
      {
        extends: true,
        resolve: built,
        // Two at once: much of their time goes into starts of processes.
        test: { name: 'crash', include: folder('crash'), server: external, testTimeout: 300_000, maxConcurrency: 2, ...ALONE },
      },
      {
        extends: true,
        resolve: sources,
        // In `npm test` the same tests take a sample.
        test: { name: 'faults', include: ['test/sim/io-errors.test.ts', 'test/sim/power-loss.test.ts'], testTimeout: 300_000, env: FAULTS, ...COMPUTING },
      },
      {
        extends: true,
        resolve: sources,
        plugins: [checkedKernels],
        test: {
          name: 'checked',
          env: { SIM_SEEDS: '501-520' },
          include: folder('unit/kernels', 'unit/batch', 'unit/exchange', 'unit/operator', 'contract', 'property', 'sim'),
          testTimeout: 120_000,
          ...COMPUTING,
        },
      },
    ],
  },
})
