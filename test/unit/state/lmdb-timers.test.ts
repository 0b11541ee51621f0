import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Random } from '../../../src/base/random.ts'
import { LmdbEnvironment } from '../../../src/state/lmdb-environment.ts'
import { ColdTimers } from '../../../src/state/lmdb-timers.ts'

const directory = join(tmpdir(), 'millrace-tests')

/** Keys of all lengths, numbered. */
function keyOf(number: number): Uint8Array {
  const key = Buffer.alloc(4 + (number % 41 === 0 ? 5000 : number % 13))
  key.writeUInt32LE(number)
  return key
}

it.each([
  { name: 'times that grow', timeOf: (random: Random, step: number) => step + random.integer(50_000) },
  { name: 'times of all', timeOf: (random: Random) => random.integer(1_000_000) },
  { name: 'few times', timeOf: (random: Random) => random.integer(3) },
  { name: 'most soon, some never', timeOf: (random: Random, step: number) => (random.integer(10) === 0 ? 2 ** 53 - 1 : step + random.integer(100)) },
])('gives back what was added in the order of times, whatever lies on disk: $name', ({ timeOf }) => {
  const environment = LmdbEnvironment.open(directory)
  const timers = new ColdTimers(environment, 256)
  const random = new Random(5)
  const model = new Map<number, number>()
  let number = 0
  const wrong: string[] = []
  const take = (upTo: number, most: number): number => {
    const keys = timers.take(upTo, most)
    let last = -Infinity
    for (const key of keys) {
      const taken = Buffer.from(key).readUInt32LE()
      const time = model.get(taken)
      if (time === undefined || time > upTo || time < last || Buffer.compare(key, keyOf(taken)) !== 0) wrong.push(`${taken} of ${time} behind ${last}`)
      last = time ?? last
      model.delete(taken)
    }
    // Nothing that is left is earlier.
    if (keys.length > 0 && timers.nextTime < last) wrong.push(`${timers.nextTime} is left behind ${last}`)
    return keys.length
  }
  for (let step = 0; step < 100_000; step += 1000) {
    for (let add = random.integer(3000); add > 0; add--) {
      const time = timeOf(random, step)
      model.set(number, time)
      timers.add(time, keyOf(number++))
    }
    timers.flush()
    for (let round = random.integer(4); round > 0; round--) take(step, 1 + random.integer(1500))
    // Runs of which little is left are put together.
    if (timers.runCount > 66 + (2 * model.size) / 256) wrong.push(`${timers.runCount} runs of ${model.size} entries`)
  }
  expect(number).toBeGreaterThan(100_000)
  while (take(Infinity, 1000) > 0);
  expect(wrong).toEqual([])
  expect(model.size).toBe(0)
  expect(timers.nextTime).toBe(Infinity)
  timers.close()
  environment.close()
})

it('says up to when everything has come back, also behind what is added late', () => {
  const environment = LmdbEnvironment.open(directory)
  const timers = new ColdTimers(environment)
  expect(timers.passedUpTo).toBe(Infinity)
  timers.add(10, keyOf(1))
  timers.add(10, keyOf(2))
  timers.add(20, keyOf(3))
  expect(timers.passedUpTo).toBe(9)
  timers.take(15, 1)
  // One of this time is left, and the others of it may go on.
  expect([timers.passedUpTo, timers.takenUpTo, timers.nextTime]).toEqual([10, 10, 10])
  timers.take(15, 5)
  expect([timers.passedUpTo, timers.takenUpTo, timers.nextTime]).toEqual([19, 10, 20])
  timers.add(5, keyOf(4))
  expect([timers.passedUpTo, timers.takenUpTo, timers.nextTime]).toEqual([4, 10, 5])
  timers.take(100, 5)
  expect([timers.passedUpTo, timers.takenUpTo, timers.nextTime]).toEqual([Infinity, 20, Infinity])
  timers.close()
  environment.close()
})
