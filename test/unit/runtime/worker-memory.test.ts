import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { RING_BYTES_MAX } from '../../../src/base/memory-budget.ts'
import { SharedBudget } from '../../../src/base/shared-budget.ts'
import { SLAB_RESERVED_BYTES } from '../../../src/base/slab.ts'
import { type ExecutionPlan, planJob } from '../../../src/plan/execution-plan.ts'
import { layoutWorker } from '../../../src/runtime/control-layout.ts'
import { createWorkerMemory, ringBytesMaxOf } from '../../../src/runtime/worker-runtime.ts'

const MIB = 2 ** 20

/** Two workers with one channel each. */
function newPlan(): ExecutionPlan {
  const env = new StreamExecutionEnvironment()
  env
    .fromCollection([1])
    .rebalance()
    .forEach(() => {})
  return planJob(env.graph, { jobName: 'memory', parallelism: 2, maxParallelism: undefined })
}

test('ringBytesMaxOf() rounds the option down to a power of two', () => {
  const of = (text: string): number => ringBytesMaxOf(new Map([['millrace.channel.memory-max', text]]))
  expect([of('512'), of('1000'), of('1024'), of('70000')]).toEqual([512, 512, 1024, 65_536])
  expect([ringBytesMaxOf(new Map()), ringBytesMaxOf(undefined)]).toEqual([RING_BYTES_MAX, RING_BYTES_MAX])
})

test('createWorkerMemory() makes a memory that holds its channels and grows to its budget', () => {
  const plan = newPlan()
  const memory = createWorkerMemory(plan, 1, 8 * MIB, 65_536)
  const { channels, fixedBytes } = layoutWorker(plan, 1, 65_536)
  expect([channels.length, channels[0].capacityBytes]).toEqual([1, 65_536])
  expect(memory.buffer.byteLength).toBeGreaterThan(fixedBytes)
  memory.grow((8 * MIB - memory.buffer.byteLength) / 65_536)
  expect(() => memory.grow(1)).toThrow(RangeError)
})

test('createWorkerMemory() takes a used memory as it has grown, cleared where the fixed region lies', () => {
  const plan = newPlan()
  const used = createWorkerMemory(plan, 1, 8 * MIB, 65_536)
  used.grow(16)
  const before = used.buffer.byteLength
  new Uint8Array(used.buffer).fill(0xff)
  const budget = SharedBudget.ofJob(SharedBudget.ofProcess(8 * MIB))
  const memory = createWorkerMemory(plan, 1, 8 * MIB, 65_536, budget, used)
  expect(memory).toBe(used)
  expect(budget.usedBytes).toBe(before)
  const { fixedBytes } = layoutWorker(plan, 1, 65_536)
  const fresh = createWorkerMemory(plan, 1, 8 * MIB, 65_536)
  const end = SLAB_RESERVED_BYTES + fixedBytes
  expect(Buffer.from(memory.buffer, 0, end).equals(Buffer.from(fresh.buffer, 0, end))).toBe(true)
  // One that is too small for a larger fixed region is left alone.
  expect(createWorkerMemory(plan, 1, 8 * MIB, 4 * MIB, undefined, used)).not.toBe(used)
})

test('createWorkerMemory() makes a new memory where the process has no room for what a used one has grown to', () => {
  const plan = newPlan()
  const used = createWorkerMemory(plan, 1, 8 * MIB, 65_536)
  used.grow(64)
  const budget = SharedBudget.ofJob(SharedBudget.ofProcess(4 * MIB))
  const memory = createWorkerMemory(plan, 1, 8 * MIB, 65_536, budget, used)
  expect(memory).not.toBe(used)
  expect(budget.usedBytes).toBe(memory.buffer.byteLength)
})

test('createWorkerMemory() refuses channels that its budget, or that of the process, has no room for', () => {
  const plan = newPlan()
  expect(() => createWorkerMemory(plan, 0, MIB, MIB)).toThrow(
    /^Cannot make room for the inbound channels of worker 0: .* the worker's memory budget is 1048576$/,
  )
  const budget = SharedBudget.ofJob(SharedBudget.ofProcess(3 * MIB))
  const memory = createWorkerMemory(plan, 0, 8 * MIB, 65_536, budget)
  expect(budget.usedBytes).toBe(memory.buffer.byteLength)
  expect(() => createWorkerMemory(plan, 1, 8 * MIB, 2 * MIB, budget)).toThrow(/the jobs of this process have used up the 3145728 bytes that they share$/)
  expect(budget.usedBytes).toBe(memory.buffer.byteLength)
})
