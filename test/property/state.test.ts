// Keyed state of every kind against plain maps, under any sequence of operations, namespaces and snapshots.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytesOf, type KeyValue } from '../../src/base/key-bytes.ts'
import { Slab } from '../../src/base/slab.ts'
import { t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { type KeyedStateBackend, listState, mapState, valueState } from '../../src/state/state.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { KEY_SCHEMAS } from '../contract/state-contract.ts'

const module = compileKernels()

const directory = join(tmpdir(), 'millrace-tests')

type Kind = 'memory' | 'lmdb'

function openBackend(kind: Kind, slab: Slab, keyType: 'safeInt' | 'string', cacheBytes: number): KeyedStateBackend {
  const store = new KeyStore({
    slab,
    kernels: instantiateKernels(module, slab),
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    tableSeed: 7,
    inputs: [{ schema: KEY_SCHEMAS[keyType], key: { kind: 'columns', columns: [0] } }],
    timers: false,
  })
  return kind === 'memory' ? new MemoryStateBackend(store) : new LmdbStateBackend(store, { directory, cacheBytes })
}

function open(kind: Kind, slab: Slab, late: boolean) {
  const backend = openBackend(kind, slab, 'string', 0)
  // Late states lie elsewhere.
  if (late) backend.resolveKey(keyBytesOf('first'))
  const states = (['key', 'namespace'] as const).map((scope) => ({
    text: backend.getState(valueState('text', t.string()), scope),
    any: backend.getState(valueState<unknown>('any'), scope),
    list: backend.getState(listState('list', t.string()), scope),
    map: backend.getState(mapState<string, unknown>('map', t.string()), scope),
  }))
  backend.settle()
  return { backend, states }
}

/** `expect` where a test branches. */
function same(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected)
}

interface Model {
  text: string | null
  any: unknown
  list: string[]
  map: Map<string, unknown>
}

const word = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ minLength: 60, maxLength: 200 }))
const plain = fc.oneof(fc.double(), word, fc.record({ a: fc.integer(), b: word }), fc.array(fc.integer(), { maxLength: 5 }))
const operation = fc.record({
  key: fc.constantFrom('a', 'b', 'a key that is too long for an entry of the table'),
  namespace: fc.constantFrom(-1, -1, 0, 1),
  kind: fc.constantFrom('text', 'any', 'add', 'put', 'put', 'remove', 'replace', 'clear', 'clearNamespace', 'settle', 'snapshot'),
  word,
  plain,
})

const backends: readonly { readonly name: string; readonly writer: Kind; readonly reader: Kind; readonly numRuns: number }[] = [
  { name: 'MemoryStateBackend', writer: 'memory', reader: 'memory', numRuns: 400 },
  { name: 'LmdbStateBackend', writer: 'lmdb', reader: 'lmdb', numRuns: 100 },
  { name: 'what the one backend has written and the other reads', writer: 'lmdb', reader: 'memory', numRuns: 50 },
]

describe.each(backends)('$name', ({ writer, reader, numRuns }) => {
  it('is a map of maps, whatever is written, cleared, settled and restored', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 50 }), fc.boolean(), (operations, late) => {
        const slab = new Slab()
        const before = slab.allocatedBytes
        let current = writer
        let { backend, states } = open(current, slab, late)
        const models = new Map<string, Model>()
        const modelOf = (key: string, namespace: number): Model => {
          const id = `${namespace} ${key}`
          let model = models.get(id)
          if (model === undefined) models.set(id, (model = { text: null, any: null, list: [], map: new Map() }))
          return model
        }
        const select = (key: string, namespace: number) => {
          backend.select(backend.resolveKey(keyBytesOf(key)))
          if (namespace >= 0) backend.setNamespace(namespace, namespace * 1e15)
          return states[namespace >= 0 ? 1 : 0]
        }
        for (const { key, namespace, kind, word, plain } of operations) {
          const state = select(key, namespace)
          const model = modelOf(key, namespace)
          if (kind === 'text') state.text.update((model.text = word))
          else if (kind === 'any') state.any.update((model.any = plain))
          else if (kind === 'add') {
            state.list.add(word)
            model.list.push(word)
          } else if (kind === 'put') {
            state.map.put(word, plain)
            model.map.set(word, plain)
          } else if (kind === 'remove') {
            const gone = [...model.map.keys()][0] ?? word
            same(state.map.remove(gone), model.map.delete(gone))
          } else if (kind === 'replace') {
            state.list.update([word, word])
            model.list = [word, word]
          } else if (kind === 'clear') {
            for (const handle of [state.text, state.any, state.list, state.map]) handle.clear()
            Object.assign(model, { text: null, any: null, list: [], map: new Map() })
          } else if (kind === 'clearNamespace') {
            backend.clearNamespace()
            if (namespace >= 0) Object.assign(model, { text: null, any: null, list: [], map: new Map() })
          } else if (kind === 'settle') backend.settle()
          else {
            const snapshot = new MemorySnapshot()
            backend.snapshot(snapshot)
            backend.close()
            same(slab.allocatedBytes, before)
            current = current === writer ? reader : writer
            ;({ backend, states } = open(current, slab, late))
            backend.restore(snapshot.reader())
          }
        }
        for (const [id, model] of models) {
          const state = select(id.slice(id.indexOf(' ') + 1), Number(id.slice(0, id.indexOf(' '))))
          expect([state.text.value(), state.any.value(), state.list.get(), state.map.entries()]).toEqual([model.text, model.any, model.list, [...model.map]])
        }
        backend.settle()
        const held = [...models].filter(([, { text, any, list, map }]) => text !== null || any !== null || list.length > 0 || map.size > 0)
        expect(backend.keyCount).toBe(new Set(held.map(([id]) => id.slice(id.indexOf(' ') + 1))).size)
        backend.close()
        expect(slab.allocatedBytes).toBe(before)
      }),
      { numRuns },
    )
  })
})

// Many keys of two kinds, of which a few fit into memory: numbers beside their key, and values of all lengths. Buckets are filled, split and emptied.
describe('LmdbStateBackend with a small cache', () => {
  const step = fc.record({
    from: fc.integer({ min: -300, max: 3000 }),
    length: fc.integer({ min: 1, max: 400 }),
    stride: fc.integer({ min: 1, max: 7 }),
    kind: fc.constantFrom('write', 'write', 'write', 'clear', 'read', 'visit', 'snapshot'),
    value: fc.integer({ min: 0, max: 1000 }),
  })
  it.each([
    { name: 'numbers by number', keyType: 'safeInt', isLong: false },
    { name: 'texts by number', keyType: 'safeInt', isLong: true },
    { name: 'numbers by text', keyType: 'string', isLong: false },
    { name: 'texts by text', keyType: 'string', isLong: true },
  ] as const)('is a map: $name', ({ keyType, isLong }) => {
    const keyOf = (index: number): KeyValue =>
      keyType === 'safeInt' ? (index === 7 ? null : index * 1e9) : index === 7 ? null : `${'k'.repeat(Math.abs(index) % 37)}${index}`
    const textOf = (value: number): string => (value % 5 === 0 ? 'x'.repeat(value * 7) : `text ${value}`)
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), fc.integer({ min: 0, max: 100_000 }), (steps, cacheBytes) => {
        const slab = new Slab()
        const before = slab.allocatedBytes
        const declare = (opened: KeyedStateBackend) => ({
          backend: opened,
          number: opened.getState(valueState('number', t.double())),
          flag: opened.getState(valueState('flag', t.boolean())),
          big: opened.getState(valueState('big', t.bigint())),
          text: isLong ? opened.getState(valueState('text', t.string())) : undefined,
        })
        let { backend, number, flag, big, text } = declare(openBackend('lmdb', slab, keyType, cacheBytes))
        const model = new Map<number, number>()
        const select = (index: number): void => backend.select(backend.resolveKey(keyBytesOf(keyOf(index))))
        const held = () => [number.value(), flag.value(), big.value(), text?.value()]
        const expected = (value: number | undefined) =>
          value === undefined
            ? [null, null, null, isLong ? null : undefined]
            : [value, value % 2 === 0, value % 3 === 0 ? null : BigInt(value), isLong ? textOf(value) : undefined]
        for (const { from, length, stride, kind, value } of steps) {
          if (kind === 'snapshot') {
            const snapshot = new MemorySnapshot()
            backend.snapshot(snapshot)
            backend.close()
            same(slab.allocatedBytes, before)
            ;({ backend, number, flag, big, text } = declare(openBackend('lmdb', slab, keyType, cacheBytes)))
            backend.restore(snapshot.reader())
            continue
          }
          if (kind === 'visit') {
            const seen = new Map<unknown, number>()
            backend.forEachKey(valueState('number', t.double()), () => {
              seen.set(backend.currentKeyValue(), number.value()!)
              flag.update(number.value()! % 2 === 0)
            })
            same(seen, new Map([...model].map(([index, held]) => [keyOf(index), held])))
            continue
          }
          for (let index = from; index < from + length * stride; index += stride) {
            select(index)
            if (kind === 'read') same(held(), expected(model.get(index)))
            else if (kind === 'clear') {
              for (const state of [number, flag, big, text]) state?.clear()
              model.delete(index)
            } else {
              const own = value + (index & 3)
              number.update(own)
              flag.update(own % 2 === 0)
              big.update(own % 3 === 0 ? null : BigInt(own))
              text?.update(textOf(own))
              model.set(index, own)
            }
          }
          backend.settle()
        }
        same(backend.keyCount, model.size)
        for (let index = -300; index < 5800; index += 11) {
          select(index)
          expect(held(), `key ${index}`).toEqual(expected(model.get(index)))
        }
        backend.close()
        expect(slab.allocatedBytes).toBe(before)
      }),
      { numRuns: 25 },
    )
  })
})
