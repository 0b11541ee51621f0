import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { keyBytesOf } from '../../../src/base/key-bytes.ts'
import { Slab } from '../../../src/base/slab.ts'
import { t } from '../../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { KeyStore } from '../../../src/state/key-store.ts'
import { LmdbEnvironment } from '../../../src/state/lmdb-environment.ts'
import { LmdbStateBackend } from '../../../src/state/lmdb-backend.ts'
import { valueState } from '../../../src/state/state.ts'
import { TimerQueue } from '../../../src/time/timer-queue.ts'
import { KEY_SCHEMAS } from '../../contract/state-contract.ts'

const module = compileKernels()
const directory = join(tmpdir(), 'millrace-tests')

function open(slab: Slab, cacheBytes: number, timers: boolean = false) {
  const store = new KeyStore({
    slab,
    kernels: instantiateKernels(module, slab),
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    tableSeed: 3,
    inputs: [{ schema: KEY_SCHEMAS.safeInt, key: { kind: 'columns', columns: [0] } }],
    timers,
  })
  const backend = new LmdbStateBackend(store, { directory, cacheBytes })
  return { store, backend, count: backend.getState(valueState('count', t.double())) }
}

it('however much of a cache has to go, no batch waits for more than a few thousand keys of it', () => {
  const slab = new Slab()
  const { store, backend, count } = open(slab, 16 * 2 ** 20)
  const add = (from: number, n: number): void => {
    for (let key = from; key < from + n; key++) {
      backend.select(backend.resolveKey(keyBytesOf(key)))
      count.update((count.value() ?? 0) + key)
    }
    backend.settle()
  }
  for (let from = 0; from < 80_000; from += 1000) add(from, 1000)
  expect(store.keyCount).toBe(80_000)
  // A quarter each: three quarters of the keys are too many at once.
  const others = [open(slab, 16 * 2 ** 20), open(slab, 16 * 2 ** 20), open(slab, 16 * 2 ** 20)]
  const written: number[] = []
  for (let from = 0; store.bytesInUse > 4 * 2 ** 20; from += 100) {
    const before = store.keyCount
    add(from, 100)
    written.push(before - store.keyCount)
  }
  expect(written.length).toBeGreaterThan(10)
  expect(Math.max(...written)).toBeLessThan(5000)
  expect(backend.keyCount).toBe(80_000)
  for (let key = 0; key < 80_000; key += 777) {
    backend.select(backend.resolveKey(keyBytesOf(key)))
    expect(count.value()).toBe(key < written.length * 100 ? key * 2 : key)
  }
  for (const other of others) other.backend.close()
  backend.close()
})

it('keys that are used stay in memory while others come and go', () => {
  const slab = new Slab()
  const { store, backend, count } = open(slab, 2 ** 20)
  const load = vi.spyOn(store.tier!, 'load')
  const use = (key: number): void => {
    backend.select(backend.resolveKey(keyBytesOf(key)))
    count.update((count.value() ?? 0) + 1)
  }
  for (let key = 0; key < 100_000; key++) {
    use(key)
    // A thousand hot ones, of some nine thousand that fit.
    use(key % 1000)
    if (key % 100 === 99) backend.settle()
  }
  // The hot ones came once, or a few times while others were as new as they.
  expect(load.mock.calls.reduce((sum, [, n]) => sum + n, 0)).toBeLessThan(110_000)
  expect(backend.keyCount).toBe(100_000)
  backend.close()
})

it('what every batch uses again stays in memory, even if that alone is too much', () => {
  const slab = new Slab()
  const { store, backend } = open(slab, 2 ** 20)
  const text = backend.getState(valueState('text', t.string()))
  const load = vi.spyOn(store.tier!, 'load')
  const use = (key: number): void => {
    backend.select(backend.resolveKey(keyBytesOf(key)))
    text.update(`${key}`.repeat(4000))
  }
  for (let batch = 0; batch < 50; batch++) {
    for (let key = 0; key < 200; key++) use(100 + (key % 100))
    // One that is not used again.
    use(1000 + batch)
    backend.settle()
  }
  expect(load.mock.calls.reduce((sum, [, n]) => sum + n, 0)).toBeLessThan(150 + 100)
  expect(store.keyCount).toBeLessThan(110)
  expect(backend.keyCount).toBe(150)
  backend.close()
})

it('keys leave memory with their timers and namespaces, and come back when it is time', () => {
  const slab = new Slab()
  const before = slab.allocatedBytes
  const { store, backend, count } = open(slab, 2 ** 20, true)
  const queue = new TimerQueue(store, 0)
  const inNamespace = backend.getState(valueState('in namespace', t.string()), 'namespace')
  const keys = 50_000
  // All at one time but the later half of the namespaces.
  const laterOf = (key: number): number => (key % 2 === 0 ? 1000 : 2000 + (key % 7))
  for (let key = 0; key < keys; key++) {
    backend.select(backend.resolveKey(keyBytesOf(key)))
    queue.register(1000)
    backend.setNamespace(1, 2)
    inNamespace.update(`of ${key}`)
    queue.registerInNamespace(laterOf(key))
    if (key % 100 === 99) backend.settle()
  }
  expect([queue.count, queue.nextMs, backend.keyCount]).toEqual([2 * keys, 1000, keys])
  expect(store.bytesInUse).toBeLessThan(1.2 * 2 ** 20)
  const fired = { keys: new Set<unknown>(), namespaces: new Set<unknown>() }
  const wrong: unknown[] = []
  let lastMs = 0
  let most = 0
  for (let polls = 1; queue.poll(5000); polls++) {
    const { firedMs, firedInNamespace } = queue
    const key = backend.currentKeyValue() as number
    const isRight = firedInNamespace ? firedMs === laterOf(key) && inNamespace.value() === `of ${key}` : firedMs === 1000
    if (!isRight || firedMs < lastMs) wrong.push([firedMs, key, inNamespace.value()])
    lastMs = firedMs
    if (firedInNamespace) {
      fired.namespaces.add(key)
      backend.clearNamespace()
    } else {
      fired.keys.add(key)
      count.update(key)
    }
    if (polls % 100 !== 0) continue
    backend.settle()
    most = Math.max(most, store.bytesInUse)
  }
  expect(wrong).toEqual([])
  expect([fired.keys.size, fired.namespaces.size, queue.count, queue.nextMs]).toEqual([keys, keys, 0, Infinity])
  expect(most).toBeLessThan(2 * 2 ** 20)
  expect(backend.keyCount).toBe(keys)
  queue.close()
  backend.close()
  expect(slab.allocatedBytes).toBe(before)
})

it('keys whose timers have moved do not come back to stay', () => {
  const slab = new Slab()
  const { store, backend, count } = open(slab, 2 ** 18, true)
  const queue = new TimerQueue(store, 0)
  const keys = 40_000
  const forEachKey = (use: () => void): void => {
    for (let key = 0; key < keys; key++) {
      backend.select(backend.resolveKey(keyBytesOf(key)))
      use()
      if (key % 500 === 499) backend.settle()
    }
  }
  forEachKey(() => {
    count.update(1)
    queue.register(1000)
  })
  forEachKey(() => {
    queue.delete(1000)
    queue.register(1_000_000)
  })
  // All are noted for a time at which none has a timer.
  expect(queue.nextMs).toBe(1000)
  expect(queue.poll(5000)).toBe(false)
  expect(store.bytesInUse).toBeLessThan(2 ** 20)
  expect([queue.count, backend.keyCount]).toEqual([keys, keys])
  expect(queue.nextMs).toBeGreaterThan(5000)
  queue.close()
  backend.close()
})

it('a timeout that is set and taken back, again and again, leaves one note', () => {
  const slab = new Slab()
  const { store, backend, count } = open(slab, 0, true)
  const queue = new TimerQueue(store, 0)
  const resolve = vi.spyOn(store, 'resolveKeys')
  for (let round = 0; round < 50; round++)
    for (let key = 0; key < 20; key++) {
      backend.select(backend.resolveKey(keyBytesOf(key)))
      count.update(round)
      queue.register(10_000)
      backend.settle()
      backend.select(backend.resolveKey(keyBytesOf(key)))
      queue.delete(10_000)
      backend.settle()
    }
  backend.select(backend.resolveKey(keyBytesOf(100)))
  queue.register(20_000)
  expect(queue.poll(15_000)).toBe(false)
  expect(resolve.mock.calls.flatMap(([taken]) => taken)).toHaveLength(20)
  queue.close()
  backend.close()
})

it('keys stay in memory where there are too many files', () => {
  const slab = new Slab()
  const { store, backend, count } = open(slab, 0)
  const environment = LmdbEnvironment.open(directory)
  while (environment.databasesLeft > 1) environment.openDatabase()
  for (let key = 0; key < 100; key++) {
    backend.select(backend.resolveKey(keyBytesOf(key)))
    count.update(key)
  }
  backend.settle()
  expect([store.keyCount, backend.keyCount]).toEqual([100, 100])
  environment.close()
  backend.close()
})
