// Timers against a plain list of them: the same operations, the same firings in the same order.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { Slab } from '../../src/base/slab.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import type { KeyedStateBackend } from '../../src/state/state.ts'
import { TimerQueue } from '../../src/time/timer-queue.ts'

const module = compileKernels()
const directory = join(tmpdir(), 'millrace-tests')
const SCHEMA = defineSchema({ key: t.int() })

interface ModelTimer {
  readonly key: number
  readonly namespace: number
  readonly time: number
  readonly order: number
}

/** The timers as a list. */
class Model {
  timers: ModelTimer[] = []
  #order = 0

  register(key: number, namespace: number, time: number): void {
    if (!this.timers.some((timer) => timer.key === key && timer.namespace === namespace && timer.time === time))
      this.timers.push({ key, namespace, time, order: this.#order++ })
  }

  delete(key: number, namespace: number, time: number): void {
    this.timers = this.timers.filter((timer) => !(timer.key === key && timer.namespace === namespace && timer.time === time))
  }

  poll(upTo: number): ModelTimer | undefined {
    const due = this.timers.filter(({ time }) => time <= upTo).sort((left, right) => left.time - right.time || left.order - right.order)[0]
    if (due !== undefined) this.timers = this.timers.filter((timer) => timer !== due)
    return due
  }
}

const timeArbitrary = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 4, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
  { weight: 2, arbitrary: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }) },
  { weight: 1, arbitrary: fc.constantFrom(Infinity, -Infinity, 2 ** 31, 2 ** 30 - 1) },
)
const operation = fc.record({
  kind: fc.constantFrom('register', 'register', 'register', 'delete', 'move', 'move', 'poll', 'poll', 'settle'),
  key: fc.integer({ min: 1, max: 4 }),
  // 0 is no namespace.
  namespace: fc.constantFrom(0, 0, 0, 1, 2),
  time: timeArbitrary,
  other: timeArbitrary,
  /** What `onTimer` does while timers fire. */
  reaction: fc.option(fc.record({ delete: fc.boolean(), key: fc.integer({ min: 1, max: 4 }), time: timeArbitrary }), { nil: undefined }),
  budget: fc.integer({ min: 1, max: 8 }),
})

/** `expect` where a test branches. */
function same(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected)
}

/** Of lmdb nothing stays in memory behind a batch. */
function newQueue(kind: 'memory' | 'lmdb'): { store: KeyStore; backend: KeyedStateBackend; queue: TimerQueue } {
  const slab = new Slab()
  const store = new KeyStore({
    slab,
    kernels: instantiateKernels(module, slab),
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    tableSeed: 1,
    inputs: [{ schema: SCHEMA, key: { kind: 'columns', columns: [0] } }],
    timers: true,
  })
  const backend = kind === 'memory' ? new MemoryStateBackend(store) : new LmdbStateBackend(store, { directory, cacheBytes: 0 })
  return { store, backend, queue: new TimerQueue(store, 0) }
}

describe('TimerQueue', () => {
  it.each([
    { kind: 'memory', numRuns: 2000 },
    { kind: 'lmdb', numRuns: 300 },
  ] as const)(
    'fires as a sorted list of timers does, whatever is registered, moved and deleted, also while they fire: $kind',
    ({ kind: backendKind, numRuns }) => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
          const { store, backend, queue } = newQueue(backendKind)
          const before = store.slab.allocatedBytes
          const model = new Model()
          const at = (key: number, namespace: number): void => {
            store.select(store.resolveKey(keyBytesOf(key)))
            if (namespace !== 0) store.setNamespace(namespace, namespace + 0)
          }
          const register = (key: number, namespace: number, time: number): void => {
            at(key, namespace)
            if (namespace === 0) queue.register(time)
            else queue.registerInNamespace(time)
            model.register(key, namespace, time)
          }
          const remove = (key: number, namespace: number, time: number): void => {
            at(key, namespace)
            if (namespace === 0) queue.delete(time)
            else queue.deleteInNamespace(time)
            model.delete(key, namespace, time)
          }
          for (const { kind, key, namespace, time, other, reaction, budget } of operations) {
            if (kind === 'register') register(key, namespace, time)
            else if (kind === 'settle') backend.settle()
            else if (kind === 'delete') remove(key, namespace, time)
            else if (kind === 'move') {
              const own = model.timers.find((timer) => timer.key === key && timer.namespace === namespace)
              if (own !== undefined) remove(key, namespace, own.time)
              register(key, namespace, other)
            } else {
              for (let left = budget; left > 0; left--) {
                const expected = model.poll(time)
                same(queue.nextMs <= (expected?.time ?? Infinity), true)
                same(queue.poll(time), expected !== undefined)
                if (expected === undefined) break
                same(
                  [store.valueOf(store.key.record), queue.firedInNamespace ? store.namespaceFirst : 0, queue.firedMs],
                  [expected.key, expected.namespace, expected.time],
                )
                if (reaction?.delete === true) remove(reaction.key, 0, reaction.time)
                else if (reaction !== undefined && left > 1) register(reaction.key, 0, reaction.time)
              }
              backend.settle()
            }
            expect(queue.count).toBe(model.timers.length)
          }
          for (let expected = model.poll(Infinity); expected !== undefined; expected = model.poll(Infinity)) {
            expect(queue.poll(Infinity)).toBe(true)
            expect([store.valueOf(store.key.record), queue.firedMs]).toEqual([expected.key, expected.time])
          }
          expect(queue.poll(Infinity)).toBe(false)
          expect(queue.nextMs).toBe(Infinity)
          backend.settle()
          expect([backend.keyCount, store.namespaceCount]).toEqual([0, 0])
          queue.close()
          backend.close()
          expect(store.slab.allocatedBytes).toBeLessThanOrEqual(before)
        }),
        { numRuns },
      )
    },
  )
})
