import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { JobError } from '../../../src/base/errors.ts'
import { OutputQueue, PendingPushes } from '../../../src/engine/program-handles.ts'
import type { WasmMemory } from '../../../src/base/webassembly.ts'
import { RunningJob } from '../../../src/engine/running-job.ts'
import { DOORBELL_ADDRESS } from '../../../src/runtime/control-layout.ts'
import type { ProgramMessage, PushMessage } from '../../../src/runtime/thread-messages.ts'

const newQueue = (): { queue: OutputQueue; taken: () => number } => {
  let taken = 0
  const queue = new OutputQueue(
    (count) => (taken += count),
    () => {},
  )
  return { queue, taken: () => taken }
}

test('records that nobody has taken wait in order, whatever comes in between', async () => {
  const { queue, taken } = newQueue()
  for (let first = 0; first < 1000; first += 10) queue.add(Array.from({ length: 10 }, (_, index) => first + index))
  const seen: unknown[] = []
  for await (const record of queue) {
    seen.push(record)
    if (seen.length % 7 === 0 && seen.length < 700) queue.add([1000 + seen.length])
    if (seen.length === 1000) queue.end()
  }
  expect(seen.filter((record) => (record as number) < 1000)).toEqual(Array.from({ length: 1000 }, (_, index) => index))
  expect(taken()).toBe(seen.length)
})

test('two readers share the records, and both end with the output', async () => {
  const { queue } = newQueue()
  const seen: unknown[] = []
  const readers = [queue.subscribe((record) => void seen.push(record)), queue.subscribe((record) => void seen.push(record))]
  await Promise.resolve()
  queue.add([1, 2])
  await Promise.resolve()
  queue.add([3])
  queue.end()
  await Promise.all(readers)
  expect(seen).toEqual([1, 2, 3])
})

test('pushes settle as their records are taken; the rest fail when the job ends, with what failed it if anything did', async () => {
  const ended = (): JobError => new JobError('JOB_ENDED', 'ended')
  const never = new Promise<void>(() => {})
  const pushes = new PendingPushes()
  await pushes.untilEnd(Promise.resolve(), ended)
  await expect(pushes.untilEnd(Promise.reject(new RangeError('no')), ended)).rejects.toThrow('no')
  const left = pushes.untilEnd(never, ended)
  pushes.end()
  await expect(left).rejects.toMatchObject({ code: 'JOB_ENDED' })
  const failing = pushes.untilEnd(never, ended)
  pushes.end(new RangeError('failed'))
  await expect(failing).rejects.toThrow('failed')
})

test('RunningJob.expect() counts what the program has not taken yet of an attempt before, and nothing of outputs that the job does not have', () => {
  const outputPending = new SharedArrayBuffer(8)
  const job = new RunningJob(
    { kind: 'running', memories: [], ports: [], inputs: [], outputs: ['a', 'b', 'a'].map((name) => ({ name, schema: '' })), outputPending },
    () => {},
  )
  job.expect('b', 5)
  job.expect('c', 7)
  job.taken('b', 2)
  expect([...new Int32Array(outputPending)]).toEqual([0, 3])
})

test('RunningJob.push() until a checkpoint resolves with the first complete one that holds it, whichever of the two is heard first', async () => {
  const { port1, port2 } = new MessageChannel()
  const job = new RunningJob(
    {
      kind: 'running',
      memories: [{ buffer: new SharedArrayBuffer(DOORBELL_ADDRESS + 64) } as WasmMemory],
      ports: [port1],
      inputs: [],
      outputs: [],
      outputPending: new SharedArrayBuffer(4),
    },
    () => {},
  )
  const kept: number[] = []
  const push = async (input: string, n: number): Promise<void> => {
    const pushed = job.push(input, [n], 'checkpoint').then(() => kept.push(n))
    const [{ id }] = (await once(port2, 'message')) as [PushMessage]
    port2.postMessage({ accepted: id } satisfies ProgramMessage)
    void pushed
  }
  /** What the worker says is heard in order. */
  const tell = async (input: string, held: number, checkpointId: number): Promise<void> => {
    const heard = once(port1, 'message')
    port2.postMessage({ input, held, checkpointId } satisfies ProgramMessage)
    await heard
    await new Promise(setImmediate)
  }
  await push('a', 1)
  await push('a', 2)
  await push('b', 3)
  await tell('a', 1, 4)
  expect(kept).toEqual([])
  job.complete(4)
  await new Promise(setImmediate)
  expect(kept).toEqual([1])
  job.complete(5)
  await tell('a', 2, 5)
  expect(kept).toEqual([1, 2])
  // A checkpoint that was given up says nothing; the next one holds as much.
  await tell('b', 3, 6)
  job.complete(7)
  await new Promise(setImmediate)
  expect(kept).toEqual([1, 2, 3])
  expect(job.finish()).toBe(false)
  job.close()
})
