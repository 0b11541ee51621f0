// Checkpoints that hold only what changed: whatever is done between them, whichever of them are completed, a restore finds what was there. Keyed state of
// every kind and the windows of a column operator against tiny models.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { Slab } from '../../src/base/slab.ts'
import { t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { SegmentTable } from '../../src/state/segment-table.ts'
import { type KeyedSnapshotWriter, listState, mapState, reducingState, valueState } from '../../src/state/state.ts'
import { TableRestore } from '../../src/state/table-restore.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { Checkpoints } from '../fixtures/checkpoints.ts'
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
      { arbitrary: fc.record({ kind: fc.constant('crash' as const) }), weight: 1 },
    )
    let incremental = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.boolean(), (steps, late) => {
        let slab = new Slab()
        let { backend, states } = openBackend(slab, backendKind, late)
        let checkpoints = new Checkpoints(slab)
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
            checkpoints.take((writer) => backend.snapshot(writer), each.isCompleted)
            if (each.isCompleted) kept = new Map(now)
            continue
          }
          if (each.kind === 'crash') {
            incremental += checkpoints.incremental
            backend.close()
            slab = new Slab()
            ;({ backend, states } = openBackend(slab, backendKind, late))
            checkpoints = new Checkpoints(slab, checkpoints)
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
        backend.close()
      }),
      { numRuns: backendKind === 'memory' ? 250 : 200 },
    )
    expect(incremental).toBeGreaterThan(100)
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
      { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), isCompleted: fc.nat(3).map((n) => n > 0) }), weight: 4 },
    )
    let incremental = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 12, maxLength: 40 }), fc.constantFrom(KeyForm.VALUE, KeyForm.BYTES), (steps, form) => {
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const newTable = (): SegmentTable =>
          new SegmentTable(slab, kernels, { form, keyBytes: 8, valueBytes: 4, maxParallelism: 128, slotSeed: 1, segmentEntriesMax: 64 })
        const put = (table: SegmentTable, keys: readonly Uint8Array[], value: number): void => {
          const restore = new TableRestore(slab, kernels, table, 4)
          for (const key of keys) restore.add(key, Uint8Array.of(value, 0, 0, 0))
          restore.finish()
        }
        const tables = new Map<number, SegmentTable>()
        const checkpoints = new Checkpoints(slab)
        const model = new Map<string, number>()
        let kept = new Map<string, number>()
        let epoch = 0
        let dropped: { readonly space: number; readonly epoch: number }[] = []
        const snapshot = (writer: KeyedSnapshotWriter): void => {
          if (writer.changes('t'))
            for (const drop of dropped) if (drop.epoch >= writer.since) writer.dropped('t', Uint8Array.of(drop.space, 0, 0, 0, 0, 0, 0, 0))
          epoch = writer.nextEpoch
          for (const [space, table] of tables) {
            writer.records('t', table.records(Uint8Array.of(space, 0, 0, 0, 0, 0, 0, 0), 4))
            table.epoch = epoch
          }
        }
        tables.set(9, newTable())
        const still = Array.from({ length: 300 }, (_, key) => keyBytesOf(form === KeyForm.VALUE ? -key - 1 : `still ${key}`))
        put(tables.get(9)!, still, 7)
        for (const key of still) model.set(`9:${Buffer.from(key).toString('hex')}`, 7)
        for (const each of steps) {
          if (each.kind === 'checkpoint') {
            checkpoints.take(snapshot, each.isCompleted)
            if (each.isCompleted) kept = new Map(model)
          } else if (each.kind === 'drop') {
            tables.get(each.space)?.free()
            tables.delete(each.space)
            dropped = [...dropped, { space: each.space, epoch }]
            for (const name of model.keys()) if (name.startsWith(`${each.space}:`)) model.delete(name)
          } else {
            let table = tables.get(each.space)
            if (table === undefined) tables.set(each.space, (table = newTable()))
            table.epoch = epoch
            const keys = each.keys.map((key) => keyBytesOf(form === KeyForm.VALUE ? key : `key ${'long '.repeat(key % 50 === 0 ? 900 : key % 3)}${key}`))
            put(table, keys, each.value)
            for (const key of keys) model.set(`${each.space}:${Buffer.from(key).toString('hex')}`, each.value)
          }
        }
        const found = new Map<string, number>()
        checkpoints.reader()?.keyed('t', (_group, namespace, key, value) => {
          const name = `${namespace[0]}:${Buffer.from(key).toString('hex')}`
          expect(found.has(name), 'an entry is read once').toBe(false)
          found.set(name, value[0])
        })
        expect(found).toEqual(kept)
        incremental += checkpoints.incremental
      }),
      { numRuns: 200 },
    )
    expect(incremental).toBeGreaterThan(100)
  })
})
