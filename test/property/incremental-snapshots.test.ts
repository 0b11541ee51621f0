// Checkpoints that hold only what changed: whatever is done between them, whichever of them are completed, a restore finds what was there. Keyed state of
// every kind and the windows of a column operator against tiny models.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { keyGroupOf } from '../../src/base/key-groups.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import { Slab } from '../../src/base/slab.ts'
import { t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyEncoder } from '../../src/kernels/keys.ts'
import { BarrierKind } from '../../src/batch/generated/barrier-kind.ts'
import type { OperatorContext } from '../../src/operator/operator.ts'
import { openKeyedState } from '../../src/operator/process/keyed-state.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { SegmentTable } from '../../src/state/segment-table.ts'
import { type KeyedSnapshotWriter, listState, mapState, reducingState, valueState } from '../../src/state/state.ts'
import { TableRestore } from '../../src/state/table-restore.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { Checkpoints, fillSlab, hadRoom } from '../fixtures/checkpoints.ts'
import { KEY_SCHEMAS } from '../contract/state-contract.ts'

const module = compileKernels()
const directory = join(tmpdir(), 'millrace-tests')
const KEYS = ['a', 'b', 'c', 'a key that is too long for an entry of the table']
const STILL_KEYS = 20
/** Long beside the descriptions of the states, which every file holds. */
const STILL_TEXT = 'x'.repeat(200)

type Kind = 'memory' | 'lmdb'

/** Of lmdb nothing stays in memory. */
function newBackend(slab: Slab, kind: Kind): MemoryStateBackend {
  const inputs = [{ schema: KEY_SCHEMAS.string, key: { kind: 'columns' as const, columns: [0] } }]
  const kernels = instantiateKernels(module, slab)
  const store = new KeyStore({ slab, kernels, subtaskIndex: 0, parallelism: 1, maxParallelism: 128, tableSeed: 7, inputs, timers: true })
  return kind === 'memory' ? new MemoryStateBackend(store) : new LmdbStateBackend(store, { directory, cacheBytes: 0, isCheckpointed: true })
}

function openBackend(slab: Slab, kind: Kind, late: boolean) {
  const backend = newBackend(slab, kind)
  if (late) backend.resolveKey(keyBytesOf('first'))
  const states = (['key', 'namespace'] as const).map((scope) => ({
    number: backend.getState(valueState('number', t.double()), scope),
    big: backend.getState(valueState('big', t.bigint()), scope),
    flag: backend.getState(valueState('flag', t.boolean()), scope),
    text: backend.getState(valueState('text', t.string()), scope),
    any: backend.getState(valueState<unknown>('any'), scope),
    list: backend.getState(listState('list', t.string()), scope),
    map: backend.getState(mapState<string, unknown>('map', t.string()), scope),
    sum: backend.getState(
      reducingState('sum', (left: number, right: number) => left + right, t.double()),
      scope,
    ),
  }))
  backend.settle()
  return { backend, states }
}

const TTL_MS = 100
const AGED = valueState('aged', t.double(), { ttl: { ttlMs: TTL_MS, cleanupIncrementally: 3 } })
const PLAIN = valueState('plain', t.string())

/** Keyed state with timers, at an instant, in a small slab. */
function openTimed(nowMs: number) {
  const slab = new Slab(2 << 20)
  const clock = new VirtualClock(nowMs)
  const kernels = instantiateKernels(module, slab)
  const context = { slab, kernels, subtaskIndex: 0, parallelism: 1, maxParallelism: 128, tableSeed: 7, clock, option: () => undefined }
  const keyed = openKeyedState(context as unknown as OperatorContext, [{ schema: KEY_SCHEMAS.string, key: { kind: 'columns', columns: [0] } }], true)
  const states = (['key', 'namespace'] as const).map((scope) => ({ aged: keyed.backend.getState(AGED, scope), plain: keyed.backend.getState(PLAIN, scope) }))
  // Its tables are there before the slab is full.
  keyed.backend.resolveKey(keyBytesOf('first'))
  keyed.backend.settle()
  return { slab, keyed, states, unfill: () => {} }
}

type Timed = ReturnType<typeof openTimed>

/** Makes a key and a namespace of it current, -1 for none. Returns the states there. */
function timedAt({ keyed, states }: Timed, key: string, namespace: number): Timed['states'][number] {
  keyed.backend.select(keyed.backend.resolveKey(keyBytesOf(key)))
  if (namespace >= 0) keyed.backend.setNamespace(namespace, namespace + 0.5)
  return states[namespace >= 0 ? 1 : 0]
}

type Held = Map<string, unknown>

describe('incremental checkpoints', () => {
  it.each(['memory', 'lmdb'] as const)('of keyed state hold, with what they build on, what was there: %s', (backendKind) => {
    const word = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ minLength: 60, maxLength: 90 }))
    const value = fc.oneof(fc.double(), word, fc.record({ a: fc.integer(), b: word }), fc.constant(null))
    const use = fc.record({
      kind: fc.constantFrom('number', 'big', 'flag', 'text', 'any', 'list', 'map', 'sum', 'unmap', 'untext', 'clear', 'clear', 'look'),
      key: fc.constantFrom(...KEYS),
      namespace: fc.constantFrom(-1, -1, 0, 1),
      n: fc.integer({ min: -3, max: 3 }),
      word,
      value,
    })
    const step = fc.oneof(
      { arbitrary: use, weight: 5 },
      { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.boolean() }), weight: 3 },
      { arbitrary: fc.record({ kind: fc.constant('piece' as const), count: fc.integer({ min: 1, max: 30 }) }), weight: 6 },
      { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
    )
    let incremental = 0
    let inPieces = 0
    const pieces = fc.record({ pieceEntries: fc.constantFrom(4, 30, 100, Infinity) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.boolean(), pieces, (steps, late, options) => {
        let slab = new Slab()
        let { backend, states } = openBackend(slab, backendKind, late)
        let checkpoints = new Checkpoints(slab, undefined, options)
        let now: Held = new Map()
        let kept: Held = new Map()
        const nameOf = (key: string, namespace: number, state: string): string => `${key}|${namespace}|${state}`
        const at = (key: string, namespace: number): (typeof states)[number] => {
          backend.select(backend.resolveKey(keyBytesOf(key)))
          if (namespace >= 0) backend.setNamespace(namespace, namespace + 0.5)
          return states[namespace >= 0 ? 1 : 0]
        }
        // Keys that stay as they are, so that changes are few.
        for (let still = 0; still < STILL_KEYS; still++) {
          at(`still ${still}`, -1).text.update(STILL_TEXT)
          now.set(nameOf(`still ${still}`, -1, 'text'), STILL_TEXT)
        }
        backend.settle()
        for (const each of steps) {
          if (each.kind === 'checkpoint') {
            const taken = new Map(now)
            checkpoints.take(
              (writer) => backend.snapshot(writer),
              each.isCompleted,
              undefined,
              () => (kept = taken),
            )
            continue
          }
          if (each.kind === 'piece') {
            for (let count = 0; count < each.count; count++) checkpoints.writeOn()
            continue
          }
          if (each.kind === 'crash') {
            incremental += checkpoints.incremental
            inPieces += checkpoints.inPieces
            backend.close()
            slab = new Slab()
            ;({ backend, states } = openBackend(slab, backendKind, late))
            checkpoints = new Checkpoints(slab, checkpoints, options)
            const reader = checkpoints.reader()
            if (reader !== undefined) backend.restore(reader)
            now = new Map(kept)
            backend.settle()
            for (let still = 0; still < STILL_KEYS; still++)
              expect(at(`still ${still}`, -1).text.value()).toBe(now.get(nameOf(`still ${still}`, -1, 'text')) ?? null)
            for (const key of KEYS)
              for (const namespace of [-1, 0, 1]) {
                const { number, big, flag, text, any, list, map, sum } = at(key, namespace)
                const found: Held = new Map<string, unknown>([
                  ['number', number.value()],
                  ['big', big.value()],
                  ['flag', flag.value()],
                  ['text', text.value()],
                  ['any', any.value()],
                  ['list', list.get().join()],
                  ['map', JSON.stringify(map.entries())],
                  ['sum', sum.get()],
                ])
                const nothing: Held = new Map<string, unknown>([
                  ['list', ''],
                  ['map', '[]'],
                ])
                for (const [state, held] of found) expect(held, state).toEqual(now.get(nameOf(key, namespace, state)) ?? nothing.get(state) ?? null)
              }
            const keys = new Set([...now.keys()].map((name) => name.split('|')[0]))
            backend.settle()
            expect(backend.keyCount).toBe(keys.size)
            continue
          }
          const { key, namespace, n, word: text, value: any, kind } = each
          const state = at(key, namespace)
          const name = (of: string): string => nameOf(key, namespace, of)
          const set = (of: string, held: unknown): void => void (held === null ? now.delete(name(of)) : now.set(name(of), held))
          if (kind === 'number') set('number', (state.number.update(n / 2), n / 2))
          else if (kind === 'big') set('big', (state.big.update(BigInt(n)), BigInt(n)))
          else if (kind === 'flag') set('flag', (state.flag.update(n > 0), n > 0))
          else if (kind === 'text') set('text', (state.text.update(text), text))
          else if (kind === 'any') set('any', (state.any.update(any), any))
          else if (kind === 'list') set('list', (state.list.add(text), state.list.get().join()))
          else if (kind === 'map') set('map', (state.map.put(`${n}`, text), JSON.stringify(state.map.entries())))
          else if (kind === 'sum') set('sum', (state.sum.add(n), state.sum.get()))
          else if (kind === 'unmap') {
            state.map.remove(`${n}`)
            set('map', state.map.isEmpty() ? null : JSON.stringify(state.map.entries()))
          } else if (kind === 'untext') set('text', (state.text.clear(), null))
          else if (kind === 'clear') {
            for (const handle of Object.values(state)) handle.clear()
            for (const of of Object.keys(state)) now.delete(name(of))
          }
          backend.settle()
        }
        incremental += checkpoints.incremental
        inPieces += checkpoints.inPieces
        backend.close()
      }),
      { numRuns: backendKind === 'memory' ? 250 : 200 },
    )
    expect(incremental).toBeGreaterThan(80)
    // What is not in memory cannot be written first.
    if (backendKind === 'memory') expect(inPieces).toBeGreaterThan(20)
    else expect(inPieces).toBe(0)
  })

  it('in pieces hold timers of both times, and what has not expired, as they were at the barrier', () => {
    const timed = fc.record({
      kind: fc.constantFrom('register', 'register', 'delete', 'set', 'set', 'clear', 'clear aged'),
      key: fc.constantFrom(...KEYS),
      namespace: fc.constantFrom(-1, -1, 0, 1),
      domain: fc.constantFrom(0, 1),
      timeMs: fc.nat(12).map((n) => n * 10),
    })
    const step = fc.oneof(
      { arbitrary: timed, weight: 8 },
      { arbitrary: fc.record({ kind: fc.constant('fire' as const), domain: fc.constantFrom(0, 1), byMs: fc.nat(40) }), weight: 2 },
      { arbitrary: fc.record({ kind: fc.constant('pass' as const), byMs: fc.nat(60) }), weight: 3 },
      { arbitrary: fc.record({ kind: fc.constant('visit' as const) }), weight: 1 },
      {
        arbitrary: fc.record({
          kind: fc.constant('checkpoint' as const),
          isSavepoint: fc.nat(9).map((n) => n === 0),
          isCompleted: fc.nat(3).map((n) => n > 0),
        }),
        weight: 4,
      },
      { arbitrary: fc.record({ kind: fc.constant('piece' as const), count: fc.integer({ min: 1, max: 60 }) }), weight: 6 },
      { arbitrary: fc.record({ kind: fc.constant('fill' as const), blocksLeft: fc.nat(60) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
    )
    /** What there is at one time; timers by their names, of both domains. */
    interface World {
      readonly nowMs: number
      readonly firedMs: readonly [number, number]
      readonly aged: ReadonlyMap<string, { readonly value: number; readonly atMs: number }>
      readonly plain: ReadonlyMap<string, string>
      readonly timers: ReadonlySet<string>
    }
    const without = <K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> => new Map([...map].filter(([other]) => other !== key))
    const nameOf = (key: string, namespace: number): string => `${key}|${namespace}`
    let incremental = 0
    let inPieces = 0
    let failures = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.record({ pieceEntries: fc.constantFrom(1, 4, 30) }), (steps, options) => {
        let job = openTimed(0)
        let checkpoints = new Checkpoints(job.slab, undefined, options)
        let now: World = { nowMs: 0, firedMs: [-1, -1], aged: new Map(), plain: new Map(), timers: new Set() }
        let kept = now
        const timersOf = ({ keyed }: typeof job, domain: number) => (domain === 0 ? keyed.eventTimers : keyed.processingTimers)
        const setAged = (name: string, value: number): void => void (now = { ...now, aged: new Map([...now.aged, [name, { value, atMs: now.nowMs }]]) })
        /** Polls what is due. Returns the names of what fired. */
        const fire = (of: typeof job, domain: number, upToMs: number, fired: () => void): string[] => {
          const names: string[] = []
          const timers = timersOf(of, domain)
          while (timers.poll(upToMs)) {
            const { backend } = of.keyed
            names.push(`${domain}|${nameOf(String(backend.currentKeyValue()), timers.firedInNamespace ? backend.namespaceFirst : -1)}|${timers.firedMs}`)
            fired()
          }
          return names
        }
        const put = (key: string, namespace: number, value: number, text: string = `${value}`): void => {
          const state = timedAt(job, key, namespace)
          state.aged.update(value)
          state.plain.update(text)
          setAged(nameOf(key, namespace), value)
          now = { ...now, plain: new Map([...now.plain, [nameOf(key, namespace), text]]) }
        }
        const isDue = (name: string, domain: number, upToMs: number): boolean => name.startsWith(`${domain}|`) && Number(name.split('|')[3]) <= upToMs
        const restore = (): typeof job => {
          const restored = openTimed(kept.nowMs)
          const reader = checkpoints.reader()
          if (reader !== undefined) restored.keyed.restore(reader)
          restored.keyed.backend.settle()
          return restored
        }
        const crash = (): void => {
          incremental += checkpoints.incremental
          inPieces += checkpoints.inPieces
          checkpoints.giveUp()
          job.unfill()
          job.keyed.close()
          const looked = restore()
          for (const name of [...KEYS, 'still 0', 'still 3'].flatMap((key) => [nameOf(key, -1), nameOf(key, 0), nameOf(key, 1)])) {
            const [key, namespace] = name.split('|')
            const state = timedAt(looked, key, Number(namespace))
            const value = kept.aged.get(name)
            expect(state.aged.value(), name).toBe(value !== undefined && kept.nowMs - value.atMs < TTL_MS ? value.value : null)
            expect(state.plain.value(), name).toBe(kept.plain.get(name) ?? null)
          }
          const fired = [0, 1].flatMap((domain) => fire(looked, domain, Infinity, () => {}))
          expect(fired.toSorted()).toEqual([...kept.timers].toSorted())
          looked.keyed.close()
          job = restore()
          checkpoints = new Checkpoints(job.slab, checkpoints, options)
          now = kept
        }
        // Keys that are hardly used: what expires of them is found by the sweep.
        for (let still = 0; still < STILL_KEYS; still++) {
          put(`still ${still}`, still % 2 === 0 ? -1 : 0, still, STILL_TEXT)
          if (still % 3 > 0) continue
          // Of each domain one in the record of the key, and one beside it.
          for (const [domain, timeMs] of [0, 1].flatMap((domain) => [1000, 2000].map((timeMs) => [domain, timeMs + still]))) {
            timersOf(job, domain).register(timeMs)
            now = { ...now, timers: new Set([...now.timers, `${domain}|still ${still}|-1|${timeMs}`]) }
          }
        }
        job.keyed.backend.settle()
        for (const each of steps) {
          const { keyed } = job
          const wentOn = hadRoom(() => {
            if (each.kind === 'checkpoint') {
              const taken = now
              const kind = each.isSavepoint ? BarrierKind.SAVEPOINT : BarrierKind.CHECKPOINT
              checkpoints.take(
                (writer) => keyed.snapshot(writer),
                each.isCompleted,
                kind,
                () => (kept = taken),
              )
            } else if (each.kind === 'piece') for (let count = 0; count < each.count; count++) checkpoints.writeOn()
            else if (each.kind === 'pass') {
              now = { ...now, nowMs: now.nowMs + each.byMs }
              keyed.backend.setProcessingTimeMs(now.nowMs)
            } else if (each.kind === 'visit') keyed.backend.forEachKey(AGED, () => {})
            else if (each.kind === 'fill') {
              job.unfill()
              job.unfill = fillSlab(job.slab, each.blocksLeft)
            } else if (each.kind === 'fire') {
              const upToMs = Math.max(0, now.firedMs[each.domain]) + each.byMs
              const due = [...now.timers].filter((name) => isDue(name, each.domain, upToMs))
              const fired = fire(job, each.domain, upToMs, () => {
                // What fires changes its key.
                const { backend } = keyed
                const inNamespace = timersOf(job, each.domain).firedInNamespace
                const name = nameOf(String(backend.currentKeyValue()), inNamespace ? backend.namespaceFirst : -1)
                job.states[inNamespace ? 1 : 0].plain.update('fired')
                now = { ...now, plain: new Map([...now.plain, [name, 'fired']]) }
              })
              expect(fired.toSorted()).toEqual(due.toSorted())
              const firedMs: [number, number] = [...now.firedMs]
              firedMs[each.domain] = upToMs
              now = { ...now, firedMs, timers: new Set([...now.timers].filter((name) => !isDue(name, each.domain, upToMs))) }
            } else if (each.kind !== 'crash') {
              const { key, namespace, domain } = each
              const name = nameOf(key, namespace)
              if (each.kind === 'set') put(key, namespace, each.timeMs)
              else {
                const state = timedAt(job, key, namespace)
                if (each.kind === 'clear') {
                  state.plain.clear()
                  now = { ...now, plain: without(now.plain, name) }
                } else if (each.kind === 'clear aged') {
                  state.aged.clear()
                  now = { ...now, aged: without(now.aged, name) }
                } else {
                  const timeMs = Math.max(0, now.firedMs[domain]) + 1 + each.timeMs
                  const timers = timersOf(job, domain)
                  const timer = `${domain}|${name}|${timeMs}`
                  if (each.kind === 'register') {
                    if (namespace >= 0) timers.registerInNamespace(timeMs)
                    else timers.register(timeMs)
                    now = { ...now, timers: new Set([...now.timers, timer]) }
                  } else {
                    if (namespace >= 0) timers.deleteInNamespace(timeMs)
                    else timers.delete(timeMs)
                    now = { ...now, timers: new Set([...now.timers].filter((other) => other !== timer)) }
                  }
                }
              }
            }
            keyed.backend.settle()
          })
          if (!wentOn) failures++
          if (!wentOn || each.kind === 'crash') crash()
        }
        crash()
        checkpoints.giveUp()
        job.keyed.close()
      }),
      { numRuns: 300 },
    )
    expect(incremental).toBeGreaterThan(20)
    expect(inPieces).toBeGreaterThan(50)
    expect(failures).toBeGreaterThan(0)
  })

  it.each(['forEachKey', 'a key that was not settled', 'a namespace that expires'] as const)('in pieces hold what goes though nobody uses it: %s', (how) => {
    const job = openTimed(0)
    const { backend } = job.keyed
    const checkpoints = new Checkpoints(job.slab, undefined, { pieceEntries: 1 })
    const take = (): void => checkpoints.take((writer) => job.keyed.snapshot(writer), true)
    // So many that some wait, of which few change.
    for (let still = 0; still < STILL_KEYS; still++) timedAt(job, `still ${still}`, -1).plain.update(STILL_TEXT)
    for (const key of KEYS) {
      timedAt(job, key, -1).plain.update('there')
      timedAt(job, key, -1).aged.update(7)
      timedAt(job, key, 0).aged.update(7)
    }
    backend.settle()
    take()
    while (checkpoints.isWaiting) checkpoints.writeOn()
    for (const key of KEYS) {
      if (how === 'forEachKey') {
        timedAt(job, key, -1).aged.update(8)
        continue
      }
      timedAt(job, key, -1).plain.clear()
      timedAt(job, key, -1).aged.clear()
      if (how === 'a key that was not settled') timedAt(job, key, 0).aged.clear()
    }
    take()
    expect(checkpoints.isWaiting).toBe(true)
    backend.setProcessingTimeMs(TTL_MS)
    if (how === 'forEachKey') backend.forEachKey(AGED, () => expect.unreachable('all have expired'))
    else while (backend.keyCount > STILL_KEYS) backend.settle()
    // Told, written by a later checkpoint, and not by this one.
    while (checkpoints.isWaiting) checkpoints.writeOn()
    expect(checkpoints.incremental).toBe(1)
    const restored = openTimed(0)
    restored.keyed.restore(checkpoints.reader()!)
    for (const key of KEYS) {
      const own = timedAt(restored, key, -1)
      expect([own.plain.value(), own.aged.value()]).toEqual(how === 'forEachKey' ? ['there', 8] : [null, null])
      expect(timedAt(restored, key, 0).aged.value()).toBe(how === 'a key that was not settled' ? null : 7)
    }
    for (const { keyed } of [job, restored]) keyed.close()
  })

  it('in pieces say of what is written before its turn what its record said before that', () => {
    const job = openTimed(0)
    const { backend } = job.keyed
    const checkpoints = new Checkpoints(job.slab, undefined, { pieceEntries: 1 })
    const take = (): void => checkpoints.take((writer) => job.keyed.snapshot(writer), true)
    for (let still = 0; still < STILL_KEYS; still++) timedAt(job, `still ${still}`, -1).plain.update(STILL_TEXT)
    backend.settle()
    take()
    while (checkpoints.isWaiting) checkpoints.writeOn()
    // No checkpoint holds anything of them: that one state is not there is nothing to say, though another one is.
    for (const key of KEYS) timedAt(job, key, -1).aged.update(7)
    backend.settle()
    take()
    const nowhere = job.slab.u8.slice(0, 256)
    for (const key of KEYS) timedAt(job, key, -1).aged.update(8)
    backend.settle()
    expect(job.slab.u8.slice(0, 256)).toEqual(nowhere)
    while (checkpoints.isWaiting) checkpoints.writeOn()
    expect(checkpoints.incremental).toBe(1)
    const counts = [...checkpoints.newest().counts()].filter(({ keyGroup }) => keyGroup !== undefined)
    expect(counts.map(({ state, records }) => [state, records])).toEqual(KEYS.map(() => ['key:aged', 1]))
    job.keyed.close()
  })

  it.each([
    ['key', 'memory'],
    ['namespace', 'memory'],
    ['key', 'lmdb'],
    ['namespace', 'lmdb'],
  ] as const)('of a %s state that is declared behind the first of them do not bring back what was cleared: %s', (scope, kind) => {
    const text = valueState('text', t.string())
    const select = (backend: MemoryStateBackend, key: string): void => {
      backend.select(backend.resolveKey(keyBytesOf(key)))
      if (scope === 'namespace') backend.setNamespace(1, 2)
    }
    const firstSlab = new Slab()
    const first = newBackend(firstSlab, kind)
    const state = first.getState(text, scope)
    for (const key of KEYS) {
      select(first, key)
      state.update(`of ${key}`)
    }
    first.settle()
    const checkpoints = new Checkpoints(firstSlab)
    checkpoints.take((writer) => first.snapshot(writer), true)

    const slab = new Slab()
    const restored = newBackend(slab, kind)
    restored.restore(checkpoints.reader()!)
    const later = new Checkpoints(slab, checkpoints)
    later.take((writer) => restored.snapshot(writer), true)
    select(restored, KEYS[0])
    const lateState = restored.getState(text, scope)
    expect(lateState.value()).toBe(`of ${KEYS[0]}`)
    lateState.clear()
    restored.settle()
    later.take((writer) => restored.snapshot(writer), true)
    expect(later.incremental).toBe(1)

    const last = newBackend(new Slab(), kind)
    const lastState = last.getState(text, scope)
    last.restore(later.reader()!)
    const found = KEYS.map((key) => {
      select(last, key)
      return lastState.value()
    })
    expect(found).toEqual([null, ...KEYS.slice(1).map((key) => `of ${key}`)])
    for (const backend of [first, restored, last]) backend.close()
  })

  it('of keys that are not in memory tell which of their states are gone, and which keys', () => {
    const slab = new Slab()
    const { backend, states } = openBackend(slab, 'lmdb', false)
    const checkpoints = new Checkpoints(slab)
    const take = (): void => {
      backend.settle()
      expect(backend.store.keyCount).toBe(0)
      checkpoints.take((writer) => backend.snapshot(writer), true)
    }
    const select = (key: string): void => backend.select(backend.resolveKey(keyBytesOf(key)))
    for (let still = 0; still < STILL_KEYS; still++) {
      select(`still ${still}`)
      states[0].text.update(STILL_TEXT)
    }
    for (const key of KEYS) {
      select(key)
      states[0].text.update(`of ${key}`)
      states[0].number.update(7)
    }
    take()
    select('a')
    states[0].text.clear()
    select('b')
    states[0].text.clear()
    states[0].number.clear()
    take()
    // As it is, but used; and anew.
    select('c')
    select('b')
    states[0].number.update(8)
    take()
    expect(checkpoints.incremental).toBe(2)
    const restored = openBackend(new Slab(), 'lmdb', false)
    restored.backend.restore(checkpoints.reader()!)
    const found = KEYS.map((key) => {
      restored.backend.select(restored.backend.resolveKey(keyBytesOf(key)))
      return [restored.states[0].text.value(), restored.states[0].number.value()]
    })
    expect(found).toEqual([[null, 7], [null, 8], ...KEYS.slice(2).map((key) => [`of ${key}`, 7])])
    for (const each of [backend, restored.backend]) each.close()
  })

  it('of tables hold, with what they build on, what was there', () => {
    const step = fc.oneof(
      {
        arbitrary: fc.record({ kind: fc.constant('put' as const), space: fc.nat(2), keys: fc.array(fc.nat(300), { maxLength: 80 }), value: fc.nat(99) }),
        weight: 4,
      },
      { arbitrary: fc.record({ kind: fc.constant('drop' as const), space: fc.nat(2) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('clear' as const), space: fc.nat(2) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('trim' as const), space: fc.nat(2) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('fill' as const), blocksLeft: fc.nat(200) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('remove' as const), space: fc.nat(2), keys: fc.uniqueArray(fc.nat(300), { maxLength: 60 }) }), weight: 1 },
      { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.nat(3).map((n) => n > 0) }), weight: 4 },
      { arbitrary: fc.record({ kind: fc.constant('piece' as const), count: fc.integer({ min: 1, max: 30 }) }), weight: 4 },
    )
    let incremental = 0
    let inPieces = 0
    let failures = 0
    const pieces = fc.record({ pieceEntries: fc.constantFrom(1, 30, 200, Infinity) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 12, maxLength: 40 }), fc.constantFrom(KeyForm.VALUE, KeyForm.BYTES), pieces, (steps, form, options) => {
        const slab = new Slab(6 << 20)
        const kernels = instantiateKernels(module, slab)
        let unfill = (): void => {}
        const newTable = (): SegmentTable =>
          new SegmentTable(slab, kernels, { form, keyBytes: 8, valueBytes: 4, maxParallelism: 128, slotSeed: 1, segmentEntriesMax: 64 })
        const put = (table: SegmentTable, keys: readonly Uint8Array[], value: number): void => {
          const restore = new TableRestore(slab, kernels, table, 4)
          for (const key of keys) restore.add(key, Uint8Array.of(value, 0, 0, 0))
          restore.finish()
        }
        const keyOf = (key: number): Uint8Array => keyBytesOf(form === KeyForm.VALUE ? key : `key ${'long '.repeat(key % 50 === 0 ? 900 : key % 3)}${key}`)
        const nameOf = (space: number, key: Uint8Array): string => `${space}:${Buffer.from(key).toString('hex')}`
        const remove = (table: SegmentTable, key: Uint8Array): void => {
          const encoder = new KeyEncoder(slab, kernels, form, 1)
          // u32 offsets[2] | u32 entry | the bytes
          const bytes = 16 + key.length + 64
          const scratch = slab.allocateZeroed(bytes)
          slab.u32[(scratch >>> 2) + 1] = key.length
          slab.u8.set(key, scratch + 16)
          table.find(encoder.encodeCanonical(scratch, scratch + 16, 1), scratch + 8)
          table.remove(scratch + 8, 1)
          slab.free(scratch, bytes)
          encoder.free()
        }
        const tables = new Map<number, SegmentTable>()
        const checkpoints = new Checkpoints(slab, undefined, options)
        const model = new Map<string, number>()
        let kept = new Map<string, number>()
        let epoch = 0
        let dropped: { readonly space: number; readonly epoch: number }[] = []
        let removed: { readonly space: number; readonly key: Uint8Array; readonly epoch: number }[] = []
        const snapshot = (writer: KeyedSnapshotWriter): void => {
          const namespaceOf = (space: number): Uint8Array => Uint8Array.of(space, 0, 0, 0, 0, 0, 0, 0)
          if (writer.changes('t')) {
            for (const { space, epoch: then } of dropped) if (then >= writer.since) writer.dropped('t', namespaceOf(space))
            for (const { space, key, epoch: then } of removed)
              if (then >= writer.since && !model.has(nameOf(space, key))) writer.removed('t', keyGroupOf(key, 128), namespaceOf(space), key)
          }
          epoch = writer.nextEpoch
          for (const [space, table] of tables) {
            writer.records('t', table.records(namespaceOf(space), 4))
            table.epoch = epoch
          }
        }
        tables.set(9, newTable())
        const still = Array.from({ length: 300 }, (_, key) => keyBytesOf(form === KeyForm.VALUE ? -key - 1 : `still ${key}`))
        put(tables.get(9)!, still, 7)
        for (const key of still) model.set(nameOf(9, key), 7)
        const take = (each: (typeof steps)[number]): void => {
          if (each.kind === 'checkpoint') {
            const taken = new Map(model)
            checkpoints.take(snapshot, each.isCompleted, undefined, () => (kept = taken))
          } else if (each.kind === 'piece') {
            for (let count = 0; count < each.count; count++) checkpoints.writeOn()
          } else if (each.kind === 'fill') {
            unfill()
            unfill = fillSlab(slab, each.blocksLeft)
          } else if (each.kind === 'trim') tables.get(each.space)?.trim()
          else if (each.kind === 'drop' || each.kind === 'clear') {
            const table = tables.get(each.space)
            if (each.kind === 'clear') table?.clear()
            else {
              table?.free()
              tables.delete(each.space)
            }
            dropped = [...dropped, { space: each.space, epoch }]
            removed = removed.filter(({ space }) => space !== each.space)
            for (const name of model.keys()) if (name.startsWith(`${each.space}:`)) model.delete(name)
          } else if (each.kind === 'remove') {
            for (const key of each.keys.map(keyOf)) {
              if (!model.delete(nameOf(each.space, key))) continue
              remove(tables.get(each.space)!, key)
              removed.push({ space: each.space, key, epoch })
            }
          } else {
            let table = tables.get(each.space)
            if (table === undefined) tables.set(each.space, (table = newTable()))
            table.epoch = epoch
            const keys = each.keys.map(keyOf)
            put(table, keys, each.value)
            for (const key of keys) model.set(nameOf(each.space, key), each.value)
          }
        }
        // Without room the job fails, and what is complete by then is what counts.
        for (const each of steps)
          if (!hadRoom(() => take(each))) {
            failures++
            break
          }
        checkpoints.giveUp()
        const found = new Map<string, number>()
        checkpoints.reader()?.keyed('t', (_group, namespace, key, value) => {
          const name = nameOf(namespace[0], key)
          expect(found.has(name), 'an entry is read once').toBe(false)
          found.set(name, value[0])
        })
        expect(found).toEqual(kept)
        incremental += checkpoints.incremental
        inPieces += checkpoints.inPieces
      }),
      { numRuns: 300 },
    )
    expect(incremental).toBeGreaterThan(100)
    expect(inPieces).toBeGreaterThan(100)
    expect(failures).toBeGreaterThan(0)
  })
})
