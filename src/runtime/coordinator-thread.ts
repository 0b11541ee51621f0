// Entry of the coordinator's thread. Threads take as long to start as this one takes to load and to plan: so it starts the workers first, as many
// as the job will most likely want.

import { parentPort, workerData } from 'node:worker_threads'
import { availableCores, becomeEngineThread } from '../base/platform.ts'
import type { CoordinatorData } from './coordinator.ts'
import { preloadPackage } from './preload.ts'
import { startWorkerPool } from './worker-pool.ts'

const data = workerData as CoordinatorData
becomeEngineThread()
const pool = startWorkerPool(data.workerUrl, data.start.request.parallelism ?? availableCores())
preloadPackage(import.meta.url)
const { coordinate } = await import('./coordinator.ts')
void coordinate(data, parentPort!, pool)
