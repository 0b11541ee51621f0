import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keyBytesOf } from '../../../src/base/key-bytes.ts'
import { keyGroupOf } from '../../../src/base/key-groups.ts'
import { Random } from '../../../src/base/random.ts'
import { Slab } from '../../../src/base/slab.ts'
import { VirtualClock } from '../../../src/base/clock.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { openKeyedState } from '../../../src/operator/process/keyed-state.ts'
import type { OperatorContext } from '../../../src/operator/operator.ts'
import { KeyStore } from '../../../src/state/key-store.ts'
import { valueState } from '../../../src/state/state.ts'
import { MemorySnapshot } from '../../../src/testing/memory-snapshot.ts'
import { TimerQueue } from '../../../src/time/timer-queue.ts'

const module = compileKernels()
const INPUT = { schema: defineSchema({ key: t.int() }), key: { kind: 'columns', columns: [0] } } as const
const JOB = {
  option: () => undefined,
  maxParallelism: 128,
  tableSeed: 1,
}

function newQueue(slab: Slab = new Slab()): { slab: Slab; store: KeyStore; queue: TimerQueue } {
  const store = new KeyStore({ slab, kernels: instantiateKernels(module, slab), subtaskIndex: 0, parallelism: 1, ...JOB, inputs: [INPUT], timers: true })
  return { slab, store, queue: new TimerQueue(store, 0) }
}

/** Registers a timer and returns its key. */
function register(store: KeyStore, queue: TimerQueue, key: number, timeMs: number): void {
  store.select(store.resolveKey(keyBytesOf(key)))
  queue.register(timeMs)
}

describe('TimerQueue', () => {
  it('rounds fractions up and never says NaN', () => {
    const { store, queue } = newQueue()
    register(store, queue, 1, 1.5)
    expect([queue.nextMs <= 2, queue.poll(1.9), queue.poll(2), queue.firedMs]).toEqual([true, false, true, 2])
    expect(() => queue.register(Number.NaN)).toThrow('a timer needs a time')
  })

  it('fires a hundred thousand spread timers in order', () => {
    const { store, queue } = newQueue()
    const random = new Random(3)
    for (let n = 0; n < 100_000; n++) register(store, queue, n % 1000, random.integer(10) < 9 ? random.integer(1e6) : random.integer(2 ** 44))
    const { count } = queue
    let last = -Infinity
    let fired = 0
    let upTo = 0
    let ordered = true
    while (queue.count > 0) {
      while (queue.poll(upTo)) {
        ordered &&= queue.firedMs >= last && queue.firedMs <= upTo
        last = queue.firedMs
        fired++
      }
      upTo = upTo < 1e6 ? upTo + 7919 : upTo * 3
    }
    expect([ordered, fired]).toEqual([true, count])
  })

  it('keeps its memory while timers move, fire and come again', () => {
    const { slab, store, queue } = newQueue()
    const random = new Random(5)
    const second = new Map<number, number>()
    let steady = 0
    for (let round = 0; round < 60; round++) {
      const now = round * 100
      for (let n = 0; n < 2000; n++) {
        const key = random.integer(500)
        register(store, queue, key, now + 1_000_000 + n)
        queue.delete(now + 1_000_000 + n)
        // A second timer, moved far into the future again and again: its old nodes are stale.
        queue.register(1e9)
        queue.delete(second.get(key) ?? -1)
        second.set(key, 2e9 + round * 2000 + n)
        queue.register(second.get(key)!)
      }
      while (queue.poll(now)) register(store, queue, 1, now + 50)
      store.settle()
      if (round === 20) steady = slab.allocatedBytes
    }
    expect(slab.allocatedBytes).toBe(steady)
  })

  it('takes a timer of a snapshot once, however its time was written', () => {
    const { store, queue } = newQueue()
    store.select(store.resolveKey(keyBytesOf(1)))
    // Fractions are rounded up, and what is beyond the times that there are is infinite.
    for (const timeMs of [1.2, 1.5, 2, 1e300, Infinity, 7, 7]) queue.restore(timeMs, 1)
    expect(queue.count).toBe(3)
    const fired: number[] = []
    while (queue.poll(Infinity)) fired.push(queue.firedMs)
    expect(fired).toEqual([2, 7, Infinity])
  })

  it('keeps its memory while a further timer comes and goes at one time', () => {
    const { slab, store, queue } = newQueue()
    store.select(store.resolveKey(keyBytesOf(1)))
    queue.register(5)
    for (let n = 0; n < 20_000; n++) {
      queue.register(1000)
      queue.delete(1000)
    }
    const before = slab.allocatedBytes
    for (let n = 0; n < 100_000; n++) {
      queue.register(1000)
      queue.delete(1000)
    }
    expect(slab.allocatedBytes).toBe(before)
  })

  it('gives all memory back', () => {
    const slab = new Slab()
    const before = slab.allocatedBytes
    const { store, queue } = newQueue(slab)
    for (let n = 0; n < 10_000; n++) register(store, queue, n % 3000, n)
    queue.close()
    store.close()
    expect(slab.allocatedBytes).toBe(before)
  })
})

describe('keyed state with timers', () => {
  it.each([
    { writer: 'memory', reader: 'memory' },
    { writer: 'memory', reader: 'lmdb' },
    { writer: 'lmdb', reader: 'memory' },
    { writer: 'lmdb', reader: 'lmdb' },
  ])('is restored at another parallelism: each subtask has the timers of its keys, in their order: from $writer to $reader', ({ writer, reader }) => {
    const open = (subtaskIndex: number, parallelism: number, type: string) => {
      const slab = new Slab()
      // Of lmdb nothing stays in memory.
      const options = new Map([
        ['state.backend.type', type],
        ['state.backend.lmdb.dir', join(tmpdir(), 'millrace-tests')],
        ['state.backend.lmdb.cache-size', '0'],
      ])
      const context = {
        slab,
        kernels: instantiateKernels(module, slab),
        subtaskIndex,
        parallelism,
        ...JOB,
        clock: new VirtualClock(),
        option: (key: string) => options.get(key),
      }
      return openKeyedState(context as unknown as OperatorContext, [INPUT], true)
    }
    const ownerOf = (key: number, parallelism: number): number => Math.floor((keyGroupOf(keyBytesOf(key), 128) * parallelism) / 128)
    const snapshot = new MemorySnapshot()
    const KEYS = 200
    for (let subtaskIndex = 0; subtaskIndex < 3; subtaskIndex++) {
      const { backend, eventTimers, processingTimers, snapshot: write, close } = open(subtaskIndex, 3, writer)
      const state = backend.getState(valueState('v', t.int()))
      for (let key = KEYS - 1; key >= 0; key--) {
        if (ownerOf(key, 3) !== subtaskIndex) continue
        backend.select(backend.resolveKey(keyBytesOf(key)))
        state.update(key)
        eventTimers.register(100)
        eventTimers.register(key)
        backend.setNamespace(key, key + 1)
        eventTimers.registerInNamespace(200)
        processingTimers.register(7)
      }
      backend.settle()
      write(snapshot)
      close()
    }
    for (let subtaskIndex = 0; subtaskIndex < 2; subtaskIndex++) {
      const keyed = open(subtaskIndex, 2, reader)
      const state = keyed.backend.getState(valueState('v', t.int()))
      keyed.restore(snapshot.reader(subtaskIndex, 2))
      keyed.backend.settle()
      const own = Array.from({ length: KEYS }, (_, key) => key).filter((key) => ownerOf(key, 2) === subtaskIndex)
      const expected = own.flatMap((key) =>
        key === 100
          ? [
              [100, key, false],
              [200, key, true],
            ]
          : [
              [100, key, false],
              [key, key, false],
              [200, key, true],
            ],
      )
      const fired: unknown[][] = []
      while (keyed.eventTimers.poll(Infinity)) {
        fired.push([
          keyed.eventTimers.firedMs,
          keyed.backend.currentKeyValue(),
          keyed.eventTimers.firedInNamespace && keyed.backend.namespaceFirst === state.value(),
        ])
      }
      const byTime = (left: unknown[], right: unknown[]): number => (left[0] as number) - (right[0] as number) || (left[1] as number) - (right[1] as number)
      expect([...fired].sort(byTime)).toEqual(expected.sort(byTime))
      expect(fired.map(([time]) => time)).toEqual([...fired].map(([time]) => time as number).sort((left, right) => left - right))
      expect(keyed.processingTimers.count).toBe(own.length)
      keyed.close()
    }
  })
})
