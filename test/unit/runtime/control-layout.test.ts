import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { createSlabMemory } from '../../../src/base/slab.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { ringRegionBytes } from '../../../src/ring/ring-layout.ts'
import {
  channelSlots,
  latencyBuckets,
  layoutWorker,
  operatorSlots,
  splitProgressAddress,
  subtaskSlots,
  workerSlots,
} from '../../../src/runtime/control-layout.ts'

test('nothing in the fixed region of a worker lies over anything else, whatever the plan', () => {
  const env = new StreamExecutionEnvironment()
  let long = env.fromElements('a')
  for (let index = 0; index < 150; index++) long = long.process({ processElement: (value, _, out) => out.collect(value) })
  const keyed = long.union(env.input<string>('more')).keyBy((value) => value)
  for (let sink = 0; sink < 3; sink++) keyed.forEach(() => {})
  long
    .rescale()
    .map((value) => value)
    .setParallelism(2)
    .forEach(() => {})
    .setParallelism(2)
  const plan = planJob(env.graph, { jobName: 'layout', parallelism: 5, maxParallelism: undefined })
  for (let worker = 0; worker < plan.workers; worker++) {
    const { channels, fixedBytes } = layoutWorker(plan, worker)
    const { buffer } = createSlabMemory(fixedBytes)
    const regions: [from: number, bytes: number][] = channels.map(({ address, capacityBytes }) => [address, ringRegionBytes(capacityBytes)])
    const take = ({ byteOffset, byteLength }: ArrayBufferView): void => void (byteLength > 0 && regions.push([byteOffset, byteLength]))
    take(workerSlots(buffer, plan))
    for (const { id, operators } of plan.tasks) {
      take(subtaskSlots(buffer, plan, id))
      take(channelSlots(buffer, plan, id))
      operators.forEach(({ kind }, index) => {
        take(operatorSlots(buffer, plan, id, index))
        if (kind === 'sink') take(latencyBuckets(buffer, plan, id, index))
      })
      const inbound = channels.filter(({ exchange }) => exchange.toTask === id)
      expect(channelSlots(buffer, plan, id).length).toBeGreaterThanOrEqual(inbound.length * 2)
    }
    regions.sort(([left], [right]) => left - right)
    expect(regions[0][0]).toBeGreaterThanOrEqual(splitProgressAddress(plan, plan.tasks.length, 0))
    for (let index = 1; index < regions.length; index++) expect(regions[index][0]).toBeGreaterThanOrEqual(regions[index - 1][0] + regions[index - 1][1])
    expect(buffer.byteLength).toBeGreaterThanOrEqual(regions.at(-1)![0] + regions.at(-1)![1])
  }
})
