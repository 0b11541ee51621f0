// Threads of a job that has finished run the next one.
import { describe, expect, test } from 'vitest'
import { type Engine, Millrace } from 'millrace'
import { collect, failureOf, jobUrl } from './jobs.ts'

interface Place {
  readonly threadId: number
  readonly made: number
}

async function placesOf(engine: Engine, params: Record<string, unknown> = {}, parallelism: number = 1): Promise<Place[]> {
  const handle = engine.submit(jobUrl('places'), { params, parallelism })
  const [places] = await Promise.all([collect(handle.output<Place>('places')), handle.result])
  return places
}

test("a job runs on the threads of the job before it, with its module's variables as new", async () => {
  await using engine = await Millrace.start()
  const first = await placesOf(engine)
  for (let job = 0; job < 3; job++) expect(await placesOf(engine)).toEqual(first)
  expect(first.map(({ made }) => made)).toEqual([1, 2])
})

test('a job that needs the event loop leaves its threads to the next one', async () => {
  await using engine = await Millrace.start()
  const [first] = await placesOf(engine, { asks: true })
  expect((await placesOf(engine, { asks: true }))[0].threadId).toBe(first.threadId)
})

test('what a later job prints and throws names its module as the first job would', async () => {
  await using engine = await Millrace.start()
  const lines: string[] = []
  for (let job = 0; job < 2; job++)
    await engine.submit(jobUrl('places'), { params: { tells: true }, parallelism: 1, onLog: (_operator, _subtask, line) => lines.push(line) }).result
  expect(lines).toEqual(Array.from({ length: 4 }, () => jobUrl('places').href))
})

test('params that cannot be cloned are refused, and the threads go on waiting', async () => {
  await using engine = await Millrace.start()
  const [first] = await placesOf(engine)
  expect(() => engine.submit(jobUrl('places'), { params: { fails: () => {} }, parallelism: 1 })).toThrow(/could not be cloned/)
  expect((await placesOf(engine))[0].threadId).toBe(first.threadId)
})

describe('threads of their own have', () => {
  test('jobs that run at the same time', async () => {
    await using engine = await Millrace.start()
    const [[left], [right]] = await Promise.all([placesOf(engine), placesOf(engine)])
    expect(left.threadId).not.toBe(right.threadId)
  })

  test('jobs of other parallelism', async () => {
    await using engine = await Millrace.start()
    const [first] = await placesOf(engine)
    expect((await placesOf(engine, {}, 2)).map(({ threadId }) => threadId)).not.toContain(first.threadId)
  })

  test.each(['program', 'function', 'function without a reference to it'])('jobs behind one whose %s has left a timer', async (leaves) => {
    await using engine = await Millrace.start()
    const [first] = await placesOf(engine, { leaves })
    expect((await placesOf(engine))[0].threadId).not.toBe(first.threadId)
  })

  test('jobs behind one that failed', async () => {
    await using engine = await Millrace.start()
    const [first] = await placesOf(engine)
    const failed = engine.submit(jobUrl('places'), { params: { fails: true }, parallelism: 1 })
    const error = await failureOf(failed.result)
    // On the threads of the first job, which nothing of the message or the stack shows.
    expect(error.message).toMatch(/RangeError: .*places\.mjs$/)
    expect((error.cause as Error).stack).toMatch(/places\.mjs:\d+:\d+/)
    expect((await placesOf(engine))[0].threadId).not.toBe(first.threadId)
  })
})

test('what is said to a job that has ended does not reach the next one on its threads', async () => {
  await using engine = await Millrace.start()
  const first = engine.submit(jobUrl('echo'), { parallelism: 1 })
  await first.input('numbers').end()
  expect((await first.result).state).toBe('finished')
  const second = engine.submit(jobUrl('echo'), { parallelism: 1 })
  await Promise.all([first.cancel(), first.stop()])
  await second.input<number>('numbers').push(21)
  await second.input('numbers').end()
  expect(await collect(second.output('doubled'))).toEqual([42])
  expect((await second.result).state).toBe('finished')
})

test('a TypeScript module runs again on the same threads', async () => {
  await using engine = await Millrace.start()
  for (let job = 0; job < 2; job++) {
    const handle = engine.submit(new URL('../../examples/http-server/alerts.ts', import.meta.url), { params: { limit: 10 }, parallelism: 1 })
    const orders = handle.input('orders')
    await orders.push({ user: 'ada', amount: 11 })
    await orders.end()
    expect(await collect(handle.output('alerts'))).toEqual([{ user: 'ada', total: 11 }])
  }
})
