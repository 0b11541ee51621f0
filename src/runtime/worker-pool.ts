// Holds a job's worker threads. Few imports: the coordinator's thread starts them before it has loaded the rest.

import { getHeapStatistics } from 'node:v8'
import { Piscina } from 'piscina'
import { WORKER_YOUNG_BYTES, workerHeapBytes } from '../base/memory-budget.ts'

/** Starts worker threads: as many at least as at most, for one endless task each. */
export function startWorkerPool(workerUrl: string, workers: number): Piscina {
  return new Piscina({
    filename: workerUrl,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    idleTimeout: Infinity,
    atomics: 'disabled',
    resourceLimits: {
      maxOldGenerationSizeMb: Math.floor(workerHeapBytes(workers, getHeapStatistics().heap_size_limit) / 2 ** 20),
      maxYoungGenerationSizeMb: WORKER_YOUNG_BYTES / 2 ** 20,
    },
    execArgv: ['--enable-source-maps'],
  })
}
