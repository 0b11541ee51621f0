// Keyed state of every kind against plain maps, under any sequence of operations, namespaces and snapshots.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { Slab } from '../../src/base/slab.ts'
import { t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { type KeyedStateBackend, listState, mapState, valueState } from '../../src/state/state.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { KEY_SCHEMAS } from '../contract/state-contract.ts'

const module = compileKernels()

function open(slab: Slab, late: boolean) {
  const backend: KeyedStateBackend = new MemoryStateBackend(
    new KeyStore({
      slab,
      kernels: instantiateKernels(module, slab),
      subtaskIndex: 0,
      parallelism: 1,
      maxParallelism: 128,
      tableSeed: 7,
      inputs: [{ schema: KEY_SCHEMAS.string, key: { kind: 'columns', columns: [0] } }],
      timers: false,
    }),
  )
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

describe('MemoryStateBackend', () => {
  it('is a map of maps, whatever is written, cleared, settled and restored', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 50 }), fc.boolean(), (operations, late) => {
        const slab = new Slab()
        const before = slab.allocatedBytes
        let { backend, states } = open(slab, late)
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
            ;({ backend, states } = open(slab, late))
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
      { numRuns: 400 },
    )
  })
})
