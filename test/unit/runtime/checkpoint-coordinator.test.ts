import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { JobEnvironment } from '../../../src/api/datastream/job.ts'
import { CheckpointStore } from '../../../src/checkpoint/checkpoint-store.ts'
import { partId, type PartSnapshot } from '../../../src/checkpoint/job-snapshot.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { CheckpointCoordinator, type CheckpointCoordinatorOptions } from '../../../src/runtime/checkpoint-coordinator.ts'
import { plannedOperators, signaturesOf } from '../../../src/runtime/planned-operators.ts'
import { SnapshotFileWriter } from '../../../src/state/snapshot-file.ts'
import { MemoryCheckpointStorage } from '../../fixtures/memory-checkpoint-storage.ts'
import { SimulatedTime } from '../../sim/engine/simulated-time.ts'

const HOUR_MS = 3_600_000
const INTERVAL_MS = 100
const part = (): PartSnapshot => ({ sections: new SnapshotFileWriter().sections(), base: 0 })
const env = new JobEnvironment()
env.fromElements(1, 2, 3).output('numbers')
const plan = planJob(env.graph, { jobName: 'job', parallelism: 1, maxParallelism: undefined })

/** Of a job without splits: all callbacks do nothing but those that are given, and a failure is thrown. */
function coordinatorOf(
  time: SimulatedTime,
  { tolerableFailures, alignedTimeoutMs }: { readonly tolerableFailures: number; readonly alignedTimeoutMs: number | undefined },
  given: Partial<CheckpointCoordinatorOptions>,
): CheckpointCoordinator {
  return new CheckpointCoordinator({
    signatures: () => signaturesOf(plannedOperators(plan, env.graph)),
    ...{ plan, splits: new Map(), clock: time, timers: time, lastId: 0, timeoutMs: 1000, restoresInFlight: false },
    periodic: {
      ...{ intervalMs: INTERVAL_MS, minPauseMs: 0, tolerableFailures, alignedTimeoutMs },
      store: new CheckpointStore(new MemoryCheckpointStorage(), 1),
    },
    origin: { jobName: 'job', engineVersion: '0', attempt: 1 },
    begin() {},
    overtake() {},
    resume() {},
    drain() {},
    end() {},
    note() {},
    complete() {},
    fail(error) {
      throw error
    },
    log() {},
    ...given,
  })
}

test.each([-HOUR_MS, HOUR_MS])('checkpoints come at their interval while the clock of the machine is set by %d ms', async (jumpMs) => {
  const time = new SimulatedTime()
  const begunMs: number[] = []
  const coordinator = coordinatorOf(
    time,
    { tolerableFailures: 0, alignedTimeoutMs: undefined },
    {
      begin(checkpointId) {
        begunMs.push(time.monotonicMs())
        time.aheadMs += jumpMs
        for (const { operators } of plan.tasks) for (const { uid } of operators) coordinator.acknowledge(checkpointId, partId(uid, 0), part(), false, undefined)
      },
    },
  )
  for (let events = 0; events < 4; events++) {
    expect(time.runNext()).toBe(true)
    await nextTurn()
  }
  await coordinator.stop()
  expect(begunMs).toEqual([1, 2, 3, 4].map((count) => count * INTERVAL_MS))
})

test('a checkpoint that is kept is told with the time that it took, whatever the clock of the machine says', async () => {
  const time = new SimulatedTime()
  const told: [checkpointId: number, durationMs: number][] = []
  const coordinator = coordinatorOf(
    time,
    { tolerableFailures: 0, alignedTimeoutMs: undefined },
    {
      begin(checkpointId) {
        time.aheadMs -= HOUR_MS
        time.after(30, () => {
          for (const { operators } of plan.tasks)
            for (const { uid } of operators) coordinator.acknowledge(checkpointId, partId(uid, 0), part(), false, undefined)
        })
      },
      complete: (checkpointId, durationMs) => told.push([checkpointId, durationMs]),
    },
  )
  while (time.monotonicMs() < INTERVAL_MS + 30) expect(time.runNext()).toBe(true)
  await nextTurn()
  await coordinator.stop()
  expect(told).toEqual([[1, 30]])
})

test.each([
  { what: 'at once', alignedTimeoutMs: 0, restoresInFlight: false, expected: [100, 1200, 2300] },
  { what: 'after a while', alignedTimeoutMs: 30, restoresInFlight: false, expected: [130, 1230, 2330] },
  { what: 'not later than the checkpoint is given up', alignedTimeoutMs: 1001, restoresInFlight: false, expected: [] },
  { what: 'not before one is complete, behind a restore with records in flight', alignedTimeoutMs: 30, restoresInFlight: true, expected: [] },
])('barriers of a checkpoint that is not complete overtake: $what', async ({ alignedTimeoutMs, restoresInFlight, expected }) => {
  const time = new SimulatedTime()
  const overtakenMs: number[] = []
  const coordinator = coordinatorOf(
    time,
    { tolerableFailures: 10, alignedTimeoutMs },
    { restoresInFlight, overtake: () => overtakenMs.push(time.monotonicMs()) },
  )
  while (time.monotonicMs() < 3000) expect(time.runNext()).toBe(true)
  await coordinator.stop()
  expect(overtakenMs).toEqual(expected)
  // Nothing is left that would call back.
  expect(time.runNext()).toBe(false)
})

test('the barriers of a savepoint overtake nothing', async () => {
  const time = new SimulatedTime()
  const calls: unknown[] = []
  const coordinator = coordinatorOf(
    time,
    { tolerableFailures: 10, alignedTimeoutMs: 0 },
    {
      begin: (id, savepoint) => calls.push(['begin', id, savepoint]),
      overtake: (id) => calls.push(['overtake', id]),
      resume: () => calls.push(['resume']),
    },
  )
  const savepoint = coordinator.takeSavepoint({ folder: undefined, mode: 'stop' })
  await Promise.all([
    expect(savepoint).rejects.toMatchObject({ code: 'SAVEPOINT_FAILED' }),
    (async () => {
      await nextTurn()
      expect(time.runNext()).toBe(true)
      expect(time.runNext()).toBe(true)
    })(),
  ])
  await coordinator.stop()
  expect(calls).toEqual([['begin', 1, 'stop'], ['resume'], ['begin', 2, undefined], ['overtake', 2]])
})
