import { expect, test } from 'vitest'
import { JobError } from '../../../src/base/errors.ts'
import { OutputQueue, PendingPushes } from '../../../src/engine/program-handles.ts'

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
