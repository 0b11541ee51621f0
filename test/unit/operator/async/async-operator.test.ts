import * as fc from 'fast-check'
import { BarrierKind } from '../../../../src/batch/generated/barrier-kind.ts'
import { describe, expect, test } from 'vitest'
import { PlanError, UserFunctionError } from '../../../../src/base/errors.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../../src/batch/batch-rows.ts'
import type { RecordBatch } from '../../../../src/batch/record-batch.ts'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../../src/batch/types.ts'
import type { ElementTarget } from '../../../../src/exchange/element-target.ts'
import { type AsyncFunction, AsyncOperator, type AsyncOptions } from '../../../../src/operator/async/async-operator.ts'
import { AsyncRetryStrategies } from '../../../../src/operator/async/retry-strategy.ts'
import { OperatorDriver } from '../../../../src/runtime/operator-driver.ts'
import { OutputCollector } from '../../../../src/runtime/output-collector.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'
import { testContext, type TestContext } from '../../connector/file-probe.ts'

const context = testContext(4)
const ROWS = defineSchema({ id: t.int(), name: t.string() }) as Schema

/** A call that waits to be answered by the test. */
interface Call {
  readonly record: unknown
  readonly signal: AbortSignal
  answer(results: Iterable<unknown>): void
  fail(error: unknown): void
}

/** Records the calls of a function; the test answers them in any order. */
function service(): { readonly fn: AsyncFunction<unknown, unknown>; readonly calls: Call[] } {
  const calls: Call[] = []
  const asyncInvoke = (record: unknown, signal: AbortSignal): Promise<Iterable<unknown>> =>
    new Promise((resolve, reject) => calls.push({ record, signal, answer: resolve, fail: reject }))
  return { fn: { asyncInvoke }, calls }
}

/** One operator between a driver and an output that keeps everything, as text: records `value@timestamp`, watermarks `|ms`. */
class Probe {
  readonly events: string[] = []
  readonly driver: OperatorDriver
  readonly snapshot = new MemorySnapshot()
  readonly context: TestContext
  hasCapacity = true
  wakes = 0
  batch: RecordBatch | undefined
  readonly #schema: Schema

  constructor(
    fn: AsyncFunction<unknown, unknown>,
    isOrdered: boolean,
    options: AsyncOptions = {},
    schema: Schema = OBJECT_SCHEMA,
    place: { readonly parallelism?: number } = {},
  ) {
    this.#schema = schema
    this.context = { ...context, ...place, wake: () => void this.wakes++ }
    const operator = new AsyncOperator(schema, fn, OBJECT_SCHEMA, isOrdered, options)
    const output = new OutputCollector()
    output.addTarget(this.#target())
    this.driver = new OperatorDriver('async', operator, output, 1, (snapshotted) => snapshotted.snapshot(this.snapshot))
    operator.open(this.context)
  }

  /** Feeds one batch of `value@timestamp` and `|watermark` items. */
  feed(...items: readonly (readonly [row: unknown, timestamp: number] | number)[]): this {
    const rows = items.filter((item) => typeof item !== 'number').map(([row, timestamp]) => ({ row, timestamp }))
    const batch = batchFromObjects(context.slab, this.#schema, rows)
    let position = 0
    for (const item of items)
      if (typeof item === 'number') batch.crossings.add(position, item)
      else position++
    batch.rewind()
    this.driver.offerBatch(batch)
    this.batch = batch
    return this
  }

  /** Lets promises settle and the operator go on. */
  async settle(): Promise<this> {
    await new Promise(setImmediate)
    this.driver.run()
    if (this.driver.hasCapacity() && this.driver.operator.nextProcessingTimeMs() <= this.context.clock.nowMs())
      this.driver.fireTimers(this.context.clock.nowMs())
    return this
  }

  async advanceMs(ms: number): Promise<this> {
    this.context.clock.advanceMs(ms)
    return this.settle()
  }

  close(): void {
    this.driver.operator.close()
    if (this.batch !== undefined) freeBatch(this.batch)
  }

  #target(): ElementTarget {
    const { events } = this
    return {
      hasCapacity: () => this.hasCapacity,
      offerBatch: (batch) => {
        const { crossings } = batch
        let crossing = 0
        const rows = batchToObjects(batch)
        for (let position = batch.begin; position < batch.end; position++) {
          for (; crossing < crossings.count && crossings.positions[crossing] <= position; crossing++) events.push(`|${crossings.watermarks[crossing]}`)
          events.push(`${String(rows[position].row)}@${rows[position].timestamp}`)
        }
        for (; crossing < crossings.count; crossing++) events.push(`|${crossings.watermarks[crossing]}`)
        batch.begin = batch.end
      },
      offerWatermark: (watermarkMs) => void events.push(`|${watermarkMs}`),
      offerStatus: (idle) => void events.push(idle ? 'idle' : 'active'),
      offerMarker: () => {},
      offerBarrier: () => void events.push('barrier'),
      offerEnd: () => void events.push('end'),
    }
  }
}

describe.each([
  ['ordered', true],
  ['unordered', false],
])('%s calls', (_name, isOrdered) => {
  test('give results with the timestamps of their records, in the order that is promised', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1], ['b', 2], ['c', 3])
    await probe.settle()
    expect(calls.map(({ record }) => record)).toEqual(['a', 'b', 'c'])
    calls[2].answer(['C'])
    await probe.settle()
    expect(probe.events).toEqual(isOrdered ? [] : ['C@3'])
    calls[0].answer(['A', 'AA'])
    await probe.settle()
    calls[1].answer([])
    await probe.settle()
    expect(probe.events).toEqual(isOrdered ? ['A@1', 'AA@1', 'C@3'] : ['C@3', 'A@1', 'AA@1'])
    probe.close()
  })

  test('never let a result overtake a watermark, nor a watermark a result', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1], ['b', 2], 2, ['c', 3], 5)
    calls[2].answer(['C'])
    calls[1].answer(['B'])
    await probe.settle()
    expect(probe.events).toEqual(isOrdered ? [] : ['B@2'])
    calls[0].answer(['A'])
    await probe.settle()
    expect(probe.events).toEqual(isOrdered ? ['A@1', 'B@2', '|2', 'C@3', '|5'] : ['B@2', 'A@1', '|2', 'C@3', '|5'])
    probe.close()
  })

  test('hold a watermark between batches, and the end, until all calls are done', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1])
    probe.driver.offerWatermark(9)
    await probe.settle()
    expect(probe.events).toEqual([])
    calls[0].answer(['A'])
    await probe.settle()
    probe.feed(['b', 12])
    probe.driver.offerInputEnd(0)
    await probe.settle()
    expect(probe.events).toEqual(['A@1', '|9'])
    calls[1].answer(['B'])
    await probe.settle()
    expect(probe.events).toEqual(['A@1', '|9', 'B@12', 'end'])
    probe.close()
  })

  test('give their results before the stream becomes idle', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1], 1)
    probe.driver.offerStatus(true)
    await probe.settle()
    expect(probe.events).toEqual([])
    calls[0].answer(['A'])
    await probe.settle()
    probe.driver.offerStatus(false)
    expect(probe.events).toEqual(['A@1', '|1', 'idle', 'active'])
    probe.close()
  })

  test('are in flight no more than the capacity says', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered, { capacity: 2 }).feed(['a', 1], ['b', 2], ['c', 3], ['d', 4])
    await probe.settle()
    expect(calls.length).toBe(2)
    expect(probe.driver.hasCapacity()).toBe(false)
    calls[0].answer(['A'])
    await probe.settle()
    expect(calls.length).toBe(3)
    calls[1].answer(['B'])
    calls[2].answer(['C'])
    await probe.settle()
    expect(probe.driver.hasCapacity()).toBe(true)
    calls[3].answer(['D'])
    await probe.settle()
    expect(probe.events.toSorted()).toEqual(['A@1', 'B@2', 'C@3', 'D@4'])
    probe.close()
  })

  test('wake the worker when they are done, and wait while the output refuses', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1])
    probe.hasCapacity = false
    calls[0].answer(['A'])
    await probe.settle()
    expect(probe.wakes).toBe(1)
    expect(probe.events).toEqual([])
    probe.hasCapacity = true
    await probe.settle()
    expect(probe.events).toEqual(['A@1'])
    probe.close()
  })

  test('fail the job with what they threw', async () => {
    const cause = new Error('no route')
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1])
    calls[0].fail(cause)
    const error = await probe.settle().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserFunctionError)
    expect(error).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause })
    probe.close()
  })

  test('that time out fail the job, or give what timeout() says', async () => {
    const plain = service()
    const failing = new Probe(plain.fn, isOrdered, { timeoutMs: 50 }).feed(['a', 1])
    await failing.advanceMs(49)
    expect(plain.calls[0].signal.aborted).toBe(false)
    await expect(failing.advanceMs(1)).rejects.toMatchObject({ code: 'ASYNC_TIMEOUT' })
    expect(plain.calls[0].signal.aborted).toBe(true)
    failing.close()

    const { fn, calls } = service()
    const probe = new Probe({ ...fn, timeout: (record) => [`${String(record)} late`] }, isOrdered, { timeoutMs: 50 }).feed(['a', 1], ['b', 2], 3)
    calls[1].answer(['B'])
    await probe.advanceMs(50)
    // What comes of the call now is too late, whatever it is.
    calls[0].answer(['A'])
    await probe.settle()
    expect(probe.events).toEqual(['a late@1', 'B@2', '|3'])
    probe.close()
  })

  test('are tried again after pauses that grow up to a maximum, and fail with the last error', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered, { retry: AsyncRetryStrategies.exponentialBackoff(4, 100, 500, 3) }).feed(['a', 1])
    let tries = 1
    for (const pauseMs of [100, 300, 500, 500]) {
      calls[tries - 1].fail(new Error(`try ${tries}`))
      await probe.settle()
      expect(probe.driver.operator.nextProcessingTimeMs()).toBe(probe.context.clock.nowMs() + pauseMs)
      await probe.advanceMs(pauseMs - 1)
      expect(calls.length).toBe(tries)
      await probe.advanceMs(1)
      expect(calls.length).toBe(++tries)
    }
    const cause = new Error('last')
    calls[4].fail(cause)
    await expect(probe.settle()).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED', cause })
    probe.close()
  })

  test('that are tried again have one time for all tries and pauses', async () => {
    const { fn, calls } = service()
    const retry = AsyncRetryStrategies.fixedDelay(100, 40)
    for (const runsOut of ['in a try', 'in a pause']) {
      const probe = new Probe({ ...fn, timeout: () => ['none'] }, isOrdered, { retry, timeoutMs: 100 }).feed(['a', 1])
      calls.at(-1)!.fail(new Error('first'))
      await probe.settle()
      await probe.advanceMs(40)
      const second = calls.at(-1)!
      if (runsOut === 'in a pause') {
        await probe.advanceMs(30)
        second.fail(new Error('second'))
        await probe.settle()
        await probe.advanceMs(29)
      } else await probe.advanceMs(59)
      expect(probe.events).toEqual([])
      await probe.advanceMs(1)
      expect(probe.events).toEqual(['none@1'])
      expect(second.signal.aborted).toBe(runsOut === 'in a try')
      // Neither what comes of a call, nor a try, is awaited any more.
      const made = calls.length
      second.answer(['late'])
      await probe.advanceMs(200)
      expect([calls.length, probe.events]).toEqual([made, ['none@1']])
      probe.close()
    }
  })

  test('that succeed when tried again give their results once', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered, { retry: AsyncRetryStrategies.fixedDelay(1, 5) }).feed(['a', 1])
    calls[0].fail(new Error('first'))
    await probe.settle()
    await probe.advanceMs(5)
    calls[1].answer(['second'])
    await probe.settle()
    expect(probe.events).toEqual(['second@1'])
    probe.close()
  })

  test('are tried again only where the predicates say so; the last results count whatever they are', async () => {
    const { fn, calls } = service()
    const ifResult = (results: readonly unknown[]): boolean => results.length === 0 || results[0] === 'pending'
    const ifException = (error: unknown): boolean => (error as Error).message === 'busy'
    const probe = new Probe(fn, isOrdered, { retry: AsyncRetryStrategies.fixedDelay(2, 5, { ifResult, ifException }) }).feed(['a', 1])
    calls[0].answer(new Set(['pending']))
    await probe.settle()
    expect(probe.events).toEqual([])
    await probe.advanceMs(5)
    calls[1].fail(new Error('busy'))
    await probe.settle()
    await probe.advanceMs(5)
    calls[2].answer(['pending'])
    await probe.settle()
    expect(probe.events).toEqual(['pending@1'])
    probe.feed(['b', 2])
    calls[3].fail(new Error('gone'))
    await expect(probe.settle()).rejects.toThrow('gone')
    probe.close()
  })

  test('fail the job with what a predicate throws', async () => {
    const { fn, calls } = service()
    const cause = new Error('predicate')
    const ifException = (): boolean => {
      throw cause
    }
    const probe = new Probe(fn, isOrdered, { retry: AsyncRetryStrategies.fixedDelay(2, 5, { ifException }) }).feed(['a', 1])
    calls[0].fail(new Error('call'))
    await expect(probe.settle()).rejects.toMatchObject({ cause })
    probe.close()
  })

  test('stay in flight over watermarks between batches, however many', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered, { capacity: 50 })
    for (let at = 0; at < 50; at++) {
      probe.feed([at, at])
      // Batches that a filter has emptied leave nothing but their watermarks.
      for (const watermarkMs of [at, at + 0.25, at + 0.5]) probe.driver.offerWatermark(watermarkMs)
      expect(probe.driver.hasCapacity()).toBe(true)
    }
    expect(calls.length).toBe(50)
    for (const { record, answer } of calls.toReversed()) answer([record])
    await probe.settle()
    for (let turn = 0; turn < 50; turn++) await probe.settle()
    expect(probe.events).toEqual(Array.from({ length: 50 }, (_, at) => [`${at}@${at}`, `|${at + 0.5}`]).flat())
    probe.close()
  })

  test('in flight are in a snapshot with the watermarks between them, and are made again', async () => {
    const before = service()
    const first = new Probe(before.fn, isOrdered, {}, ROWS).feed([{ id: 1, name: 'a' }, 1], 1, [{ id: 2, name: 'b' }, 7], 9)
    before.calls[1].answer(['done but held back'])
    await first.settle()
    first.driver.offerBarrier({ checkpointId: 1, timestampMs: 0, kind: BarrierKind.CHECKPOINT })
    first.close()
    expect(before.calls.every(({ signal }) => signal.aborted)).toBe(false)

    const after = service()
    const second = new Probe(after.fn, isOrdered, {}, ROWS)
    second.driver.operator.restore(first.snapshot.reader())
    expect(after.calls.map(({ record }) => record)).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])
    for (const { record, answer } of after.calls.toReversed()) answer([(record as { name: string }).name])
    await second.settle()
    expect(second.events).toEqual(['a@1', '|1', 'b@7', '|9'])
    second.close()

    // At another parallelism records of several subtasks mix: their watermarks mean nothing there.
    const other = service()
    const rescaled = new Probe(other.fn, isOrdered, {}, ROWS, { parallelism: 2 })
    rescaled.driver.operator.restore(first.snapshot.reader())
    for (const { record, answer } of other.calls) answer([(record as { name: string }).name])
    await rescaled.settle()
    expect(rescaled.events).toEqual(['a@1', 'b@7'])
    rescaled.close()
  })

  test('whose results cannot be gone through fail the job', async () => {
    const { fn, calls } = service()
    const probe = new Probe(fn, isOrdered).feed(['a', 1])
    calls[0].answer(undefined as never)
    await expect(probe.settle()).rejects.toThrow('must resolve to an iterable')
    probe.close()
  })

  test('under way when the operator closes are aborted, and wake nobody', async () => {
    const { fn, calls } = service()
    const bytes = context.slab.allocatedBytes
    let closed = 0
    const probe = new Probe({ ...fn, close: () => void closed++ }, isOrdered).feed(['a', 1])
    probe.close()
    expect(calls[0].signal.aborted).toBe(true)
    calls[0].fail(calls[0].signal.reason)
    await new Promise(setImmediate)
    expect([probe.wakes, closed, context.slab.allocatedBytes]).toEqual([0, 1, bytes])
  })

  test('keep order and watermarks for any order of answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.nat({ max: 3 }), { freq: 3 }), { minLength: 1, maxLength: 25 }),
        fc.infiniteStream(fc.nat()),
        fc.integer({ min: 1, max: 6 }),
        async (items, picks, capacity) => {
          const { fn, calls } = service()
          const probe = new Probe(fn, isOrdered, { capacity })
          // null: a watermark; a number: a record with so many results.
          const expected: string[] = []
          const batch = items.map((results, at): readonly [unknown, number] | number => {
            if (results === null) expected.push(`|${at}`)
            else expected.push(...Array.from({ length: results }, (_, index) => `${at}.${index}@${at}`))
            return results === null ? at : [at, at]
          })
          probe.feed(...batch)
          const open = new Set<Call>()
          for (let seen = 0; ; await probe.settle()) {
            for (; seen < calls.length; seen++) open.add(calls[seen])
            expect(open.size).toBeLessThanOrEqual(capacity)
            if (open.size === 0) break
            const call = [...open][picks.next().value! % open.size]
            open.delete(call)
            call.answer(Array.from({ length: items[call.record as number]! }, (_, index) => `${String(call.record)}.${index}`))
          }
          while (probe.driver.operator.nextProcessingTimeMs() <= context.clock.nowMs()) await probe.settle()
          probe.close()
          const records = (events: readonly string[]): string[] => {
            const list = events.filter((event) => !event.startsWith('|'))
            return isOrdered ? list : list.toSorted()
          }
          expect(records(probe.events)).toEqual(records(expected))
          // Between two watermarks the results are the expected ones, in any order.
          const sections = (events: readonly string[]): string[][] => {
            const list: string[][] = [[]]
            for (const event of events)
              if (event.startsWith('|')) list.push([])
              else list.at(-1)!.push(event)
            return list.filter((section) => section.length > 0).map((section) => section.toSorted())
          }
          expect(sections(probe.events)).toEqual(sections(expected))
          const last = expected.findLast((event) => event.startsWith('|'))
          expect(probe.events.findLast((event) => event.startsWith('|'))).toBe(last)
        },
      ),
      { numRuns: 60 },
    )
  })
})

test.each([{ capacity: 1.5 }, { capacity: 0 }, { timeoutMs: 0 }, { timeoutMs: Number.NaN }])('%j is refused', (options) => {
  expect(() => new AsyncOperator(OBJECT_SCHEMA, service().fn, OBJECT_SCHEMA, true, options)).toThrow(PlanError)
})

test.each([
  () => AsyncRetryStrategies.fixedDelay(-1, 10),
  () => AsyncRetryStrategies.fixedDelay(1.5, 10),
  () => AsyncRetryStrategies.fixedDelay(1, -10),
  () => AsyncRetryStrategies.exponentialBackoff(1, 10, Infinity, 2),
  () => AsyncRetryStrategies.exponentialBackoff(1, 10, 100, -2),
])('%s is refused', (make) => {
  expect(make).toThrow(PlanError)
})
