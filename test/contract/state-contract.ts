// The suite every keyed state backend must pass.

import { describe, expect, it } from 'vitest'
import { keyBytesOf, type KeyValue } from '../../src/base/key-bytes.ts'
import { keyGroupOf } from '../../src/base/key-groups.ts'
import { Slab } from '../../src/base/slab.ts'
import { batchFromObjects } from '../../src/batch/batch-rows.ts'
import { Decimal, defineSchema, t } from '../../src/batch/types.ts'
import { aggregatingState, type KeyedStateBackend, listState, mapState, reducingState, valueState } from '../../src/state/state.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'

/** One subtask's share of a job with 128 key groups, keyed by the column `key` of a batch. */
export interface BackendShare {
  readonly slab: Slab
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly keyType: 'safeInt' | 'string' | 'encoded'
}

/** Tests that an implementation does not pass, each with its reason. */
export interface ContractOptions {
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

export const KEY_SCHEMAS = {
  safeInt: defineSchema({ key: t.safeInt().nullable(), other: t.int() }),
  string: defineSchema({ key: t.string().nullable(), other: t.int() }),
  encoded: defineSchema({ value: t.object(), key: t.bytes() }),
} as const

/** Runs the suite for a backend. */
export function stateContract(name: string, newBackend: (share: BackendShare) => KeyedStateBackend, options: ContractOptions = {}): void {
  const skipped = new Set(options.skip?.flatMap(({ tests }) => tests))
  const test = (title: string, run: () => void): void => {
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title
    it.skipIf(skipped.has(title))(title, run)
  }
  const open = (share: Partial<BackendShare> = {}): KeyedStateBackend =>
    newBackend({ slab: new Slab(), subtaskIndex: 0, parallelism: 1, keyType: 'safeInt', ...share })
  const at = (backend: KeyedStateBackend, key: KeyValue): void => backend.select(backend.resolveKey(keyBytesOf(key)))

  describe(`${name} keeps the state contract`, () => {
    test('a value state holds a value for each key, null before and after', () => {
      const backend = open()
      const state = backend.getState(valueState('count', t.double()))
      for (const key of [1, 2]) {
        at(backend, key)
        expect(state.value()).toBeNull()
        state.update(key * 1.5)
      }
      at(backend, 1)
      expect(state.value()).toBe(1.5)
      state.clear()
      expect(state.value()).toBeNull()
      at(backend, 2)
      expect(state.value()).toBe(3)
      state.update(null)
      expect(state.value()).toBeNull()
    })

    test('values of every type come back as they were', () => {
      const backend = open()
      const samples: [string, ReturnType<typeof t.object>, unknown[]][] = [
        ['boolean', t.boolean(), [true, false]],
        ['tinyint', t.tinyint(), [-128, 127]],
        ['int', t.int(), [-2147483648, 2147483647]],
        ['bigint', t.bigint(), [-(2n ** 63n), 2n ** 63n - 1n, 0n]],
        ['safeInt', t.safeInt(), [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]],
        ['float', t.float(), [0.5, Math.fround(0.1)]],
        ['double', t.double(), [0.1, -0, Number.NaN, Infinity]],
        ['decimal', t.decimal(38, 2), [new Decimal(-(10n ** 37n), 2), new Decimal(5n, 2)]],
        ['string', t.string(), ['', 'plain', 'grüße 🦊', 'x'.repeat(1000)]],
        ['bytes', t.bytes(), [new Uint8Array([0, 255]), new Uint8Array(0)]],
        ['bitmap', t.bitmap(), [new Uint8Array([0, 255])]],
        ['timestamp', t.timestamp(3), [0, 1_700_000_000_000]],
        ['nanos', t.timestamp(9), [-1n, 1_700_000_000_123_456_789n]],
        ['micros', t.timestamp(6), [-1000n, 1_700_000_000_123_456_000n]],
        ['array', t.array(t.string().nullable()), [[], ['a', null, 'b']]],
        ['map', t.map(t.string(), t.int()), [new Map([['a', 1]])]],
        ['row', t.row({ a: t.int(), b: t.string().nullable() }), [{ a: 1, b: null }]],
        ['any', t.object(), [1, 'text', true, { a: [1n, new Date(5), new Map([[{ b: 2 }, new Set([1])]])] }, [null]]],
      ] as never
      for (const [stateName, type, values] of samples) {
        const state = backend.getState(valueState(stateName, type))
        const list = backend.getState(listState(`${stateName}-list`, type))
        const map = backend.getState(mapState(`${stateName}-map`, t.int(), type))
        at(backend, 7)
        for (const value of values) {
          state.update(value)
          expect(state.value(), stateName).toEqual(value)
        }
        list.addAll(values)
        expect(list.get(), stateName).toEqual(values)
        values.forEach((value, index) => map.put(index, value))
        expect(map.values(), stateName).toEqual(values)
      }
    })

    test('a value without a declared type may change its kind', () => {
      const backend = open()
      const state = backend.getState(valueState<unknown>('any'))
      at(backend, 1)
      for (const value of [1, { a: 1 }, 2, 'text', 3.5, [1, 2]]) {
        state.update(value)
        expect(state.value()).toEqual(value)
      }
    })

    test('changing a value that was read changes nothing until it is written', () => {
      const backend = open()
      const state = backend.getState(valueState<{ n: number }>('any'))
      const list = backend.getState(listState<number[]>('list'))
      at(backend, 1)
      const value = { n: 1 }
      state.update(value)
      value.n = 2
      state.value()!.n = 3
      expect(state.value()).toEqual({ n: 1 })
      list.add([1])
      list.get()[0].push(2)
      expect(list.get()).toEqual([[1]])
    })

    test('a value that does not fit is refused and changes nothing', () => {
      const backend = open()
      const int = backend.getState(valueState('int', t.int()))
      const any = backend.getState(valueState<unknown>('any'))
      const map = backend.getState(mapState('map', t.string(), t.int()))
      at(backend, 1)
      int.update(5)
      expect(() => int.update(0.5)).toThrow(/Cannot store 0.5 as INT NOT NULL in state "int": expected an integer/)
      expect(() => int.update('5' as never)).toThrow(/expected a number/)
      expect(() => int.update(2 ** 31)).toThrow(/must lie in/)
      expect(int.value()).toBe(5)
      expect(() => any.update(() => 1)).toThrow(/Cannot store a value in state "any"/)
      expect(any.value()).toBeNull()
      expect(() => map.put('a', 'b' as never)).toThrow(/expected a number/)
      expect(() => map.put('\ud800', 1)).toThrow(/lone surrogate/)
      expect(map.isEmpty()).toBe(true)
    })

    test('a list keeps its order through add, addAll and update', () => {
      const backend = open()
      const list = backend.getState(listState('list', t.string()))
      at(backend, 1)
      expect(list.get()).toEqual([])
      list.add('a')
      list.addAll(['b', 'c'])
      expect(list.get()).toEqual(['a', 'b', 'c'])
      at(backend, 2)
      expect(list.get()).toEqual([])
      at(backend, 1)
      list.update(['z'])
      expect(list.get()).toEqual(['z'])
      list.update([])
      expect(list.get()).toEqual([])
      const many = Array.from({ length: 2000 }, (_, index) => `element ${index}`)
      for (const value of many) list.add(value)
      expect(list.get()).toEqual(many)
    })

    test('a map finds, replaces and removes entries and keeps their order', () => {
      const backend = open()
      const map = backend.getState(mapState('map', t.string(), t.double()))
      at(backend, 1)
      expect(map.isEmpty()).toBe(true)
      expect(map.get('a')).toBeNull()
      map.putAll([
        ['a', 1],
        ['b', 2],
        ['', 3],
      ])
      map.put('a', 4)
      expect(map.entries()).toEqual([
        ['a', 4],
        ['b', 2],
        ['', 3],
      ])
      expect(map.remove('b')).toBe(true)
      expect(map.remove('b')).toBe(false)
      expect(map.has('b')).toBe(false)
      map.put('b', 5)
      expect(map.keys()).toEqual(['a', '', 'b'])
      expect(map.values()).toEqual([4, 3, 5])
      for (const key of map.keys()) map.remove(key)
      expect(map.isEmpty()).toBe(true)
    })

    test('a map of many entries survives growth and removals', () => {
      const backend = open()
      const map = backend.getState(mapState<unknown, { n: number }>('map'))
      const oracle = new Map<unknown, { n: number }>()
      const removals: [boolean, boolean][] = []
      at(backend, 1)
      for (let n = 0; n < 3000; n++) {
        const key = n % 3 === 0 ? n : `key ${n}`
        map.put(key, { n })
        oracle.set(key, { n })
        if (n % 5 === 0) {
          const gone = n % 2 === 0 ? n - 30 : `key ${n - 31}`
          removals.push([map.remove(gone), oracle.delete(gone)])
        }
      }
      expect(map.entries()).toEqual([...oracle])
      expect(removals.every(([own, expected]) => own === expected)).toBe(true)
      map.clear()
      expect(map.entries()).toEqual([])
    })

    test('map keys are equal as keys of streams are', () => {
      const backend = open()
      const map = backend.getState(mapState<unknown, number>('map'))
      const numbers = backend.getState(mapState('numbers', t.double(), t.double()))
      at(backend, 1)
      map.put(1, 1)
      map.put(1n, 2)
      map.put('1', 3)
      expect(map.entries()).toEqual([
        [1, 2],
        ['1', 3],
      ])
      for (const key of [0.5, -0, 0, Number.NaN, Number.NaN]) numbers.put(key, 1)
      expect(numbers.keys()).toEqual([0.5, -0, Number.NaN])
    })

    test('reducing and aggregating states fold what is added', () => {
      const backend = open()
      const sum = backend.getState(reducingState<number>('sum', (left, right) => left + right))
      const mean = backend.getState(
        aggregatingState(
          'mean',
          {
            createAccumulator: () => ({ sum: 0, count: 0 }),
            add: (value: number, accumulator) => ({ sum: accumulator.sum + value, count: accumulator.count + 1 }),
            getResult: (accumulator) => accumulator.sum / accumulator.count,
          },
          t.row({ sum: t.double(), count: t.int() }),
        ),
      )
      at(backend, 1)
      expect([sum.get(), mean.get()]).toEqual([null, null])
      for (const value of [1, 2, 6]) {
        sum.add(value)
        mean.add(value)
      }
      expect([sum.get(), mean.get()]).toEqual([9, 3])
      sum.clear()
      expect(sum.get()).toBeNull()
    })

    test('namespaces of one key keep apart, and go when they are cleared', () => {
      const backend = open()
      const global = backend.getState(valueState('v', t.int()))
      const state = backend.getState(valueState('v', t.int()), 'namespace')
      const list = backend.getState(listState('l', t.int()), 'namespace')
      at(backend, 1)
      global.update(1)
      backend.setNamespace(0, 1000)
      expect(state.value()).toBeNull()
      state.update(10)
      list.add(1)
      backend.setNamespace(1000, Infinity)
      expect(state.value()).toBeNull()
      state.update(20)
      at(backend, 2)
      backend.setNamespace(0, 1000)
      expect(state.value()).toBeNull()
      at(backend, 1)
      backend.setNamespace(0, 1000)
      expect([state.value(), list.get(), global.value()]).toEqual([10, [1], 1])
      backend.clearNamespace()
      expect([state.value(), list.get(), global.value()]).toEqual([null, [], 1])
      backend.setNamespace(1000, Infinity)
      expect(state.value()).toBe(20)
    })

    test('keys without state are forgotten, keys with state in a namespace are not', () => {
      const backend = open()
      const state = backend.getState(valueState('v', t.int()))
      const inNamespace = backend.getState(valueState('n', t.int()), 'namespace')
      for (let key = 0; key < 100; key++) {
        at(backend, key)
        if (key % 2 === 0) state.update(key)
        if (key === 1) {
          backend.setNamespace(1, 2)
          inNamespace.update(1)
        }
      }
      backend.settle()
      expect(backend.keyCount).toBe(51)
      at(backend, 1)
      backend.setNamespace(1, 2)
      inNamespace.clear()
      for (let key = 0; key < 100; key += 2) {
        at(backend, key)
        state.clear()
      }
      backend.settle()
      expect(backend.keyCount).toBe(0)
      at(backend, 4)
      expect(state.value()).toBeNull()
    })

    test('a state that is declared late works like any other', () => {
      const backend = open()
      const early = backend.getState(valueState('early', t.int()))
      at(backend, 1)
      early.update(1)
      const late = backend.getState(valueState('late', t.double()))
      const lateList = backend.getState(listState('late list', t.double()))
      const lateInNamespace = backend.getState(valueState('late', t.double()), 'namespace')
      expect(late.value()).toBeNull()
      late.update(2.5)
      lateList.add(1)
      backend.setNamespace(1, 1)
      lateInNamespace.update(7)
      at(backend, 2)
      expect(late.value()).toBeNull()
      late.update(3.5)
      late.clear()
      at(backend, 1)
      backend.setNamespace(1, 1)
      expect([late.value(), lateList.get(), lateInNamespace.value(), early.value()]).toEqual([2.5, [1], 7, 1])
      early.clear()
      late.clear()
      lateList.clear()
      lateInNamespace.clear()
      backend.settle()
      expect(backend.keyCount).toBe(0)
    })

    test('one name is one state, and may not change', () => {
      const backend = open()
      expect(backend.getState(valueState('v', t.int()))).toBe(backend.getState(valueState('v', t.int())))
      expect(() => backend.getState(listState('v', t.int()))).toThrow(
        /Cannot use state "v" as list state of INT NOT NULL: it was declared as value state of INT NOT NULL/,
      )
    })

    test('expired values, elements and entries are never returned', () => {
      const backend = open()
      const ttl = { ttlMs: 100 }
      const value = backend.getState(valueState('v', t.int(), { ttl }))
      const text = backend.getState(valueState('t', t.string(), { ttl }))
      const list = backend.getState(listState('l', t.string(), { ttl }))
      const map = backend.getState(mapState('m', t.string(), t.string(), { ttl }))
      backend.setProcessingTimeMs(1000)
      at(backend, 1)
      value.update(1)
      text.update('x')
      list.add('a')
      map.put('a', 'A')
      backend.setProcessingTimeMs(1060)
      list.add('b')
      map.put('b', 'B')
      expect([value.value(), text.value(), list.get(), map.keys()]).toEqual([1, 'x', ['a', 'b'], ['a', 'b']])
      backend.setProcessingTimeMs(1100)
      expect([value.value(), text.value(), list.get(), map.entries(), map.get('a'), map.has('a')]).toEqual([null, null, ['b'], [['b', 'B']], null, false])
      backend.setProcessingTimeMs(1160)
      expect([list.get(), map.isEmpty(), map.get('b')]).toEqual([[], true, null])
      backend.settle()
      expect(backend.keyCount).toBe(0)
    })

    test('with OnReadAndWrite reading refreshes', () => {
      const backend = open()
      const ttl = { ttlMs: 100, updateType: 'OnReadAndWrite' } as const
      const value = backend.getState(valueState('v', t.int(), { ttl }))
      const list = backend.getState(listState('l', t.string(), { ttl }))
      const map = backend.getState(mapState('m', t.string(), t.string(), { ttl }))
      at(backend, 1)
      value.update(1)
      list.addAll(['a', 'b'])
      map.putAll([
        ['a', 'A'],
        ['b', 'B'],
      ])
      for (const nowMs of [90, 180, 270]) {
        backend.setProcessingTimeMs(nowMs)
        expect([value.value(), list.get(), map.get('a'), map.has('b')]).toEqual([1, ['a', 'b'], 'A', true])
      }
      backend.setProcessingTimeMs(370)
      expect([value.value(), list.get(), map.get('a'), map.has('b')]).toEqual([null, [], null, false])
    })

    test('with ReturnExpiredIfNotCleanedUp what has expired is seen until it is cleaned up, and not refreshed by reading', () => {
      const backend = open()
      const ttl = { ttlMs: 100, updateType: 'OnReadAndWrite', stateVisibility: 'ReturnExpiredIfNotCleanedUp' } as const
      const value = backend.getState(valueState('v', t.int(), { ttl }))
      const list = backend.getState(listState('l', t.string(), { ttl }))
      const map = backend.getState(mapState('m', t.string(), t.string(), { ttl }))
      at(backend, 1)
      value.update(1)
      list.add('a')
      map.put('a', 'A')
      backend.setProcessingTimeMs(60)
      list.add('b')
      map.put('b', 'B')
      const seen = (): unknown[] => [value.value(), list.get(), map.entries(), map.get('a'), map.has('a'), map.isEmpty()]
      const all = [1, ['a', 'b'], [['a', 'A'], ['b', 'B']], 'A', true, false] // prettier-ignore
      backend.setProcessingTimeMs(100)
      expect([seen(), seen()]).toEqual([all, all])
      backend.settle()
      at(backend, 1)
      expect(seen()).toEqual([null, ['b'], [['b', 'B']], null, false, false])
      // Reading at 100 has refreshed what had not expired then.
      backend.setProcessingTimeMs(199)
      backend.settle()
      at(backend, 1)
      expect(list.get()).toEqual(['b'])
    })

    test('with updateType Disabled nothing expires', () => {
      const backend = open()
      const value = backend.getState(valueState('v', t.int(), { ttl: { ttlMs: 100, updateType: 'Disabled' } }))
      at(backend, 1)
      value.update(1)
      backend.setProcessingTimeMs(1000)
      backend.settle()
      at(backend, 1)
      expect(value.value()).toBe(1)
    })

    test('as many keys are cleaned up behind a batch as cleanupIncrementally says', () => {
      const left = (cleanupIncrementally: number | undefined): number => {
        const backend = open()
        const ttl = { ttlMs: 100, ...(cleanupIncrementally !== undefined && { cleanupIncrementally }) }
        const value = backend.getState(valueState('v', t.int(), { ttl }))
        for (let key = 0; key < 200; key++) {
          at(backend, key)
          value.update(key)
        }
        backend.setProcessingTimeMs(100)
        backend.settle()
        return backend.keyCount
      }
      expect([left(0), left(undefined), left(50), left(1000)]).toEqual([200, 184, 150, 0])
      expect(() => valueState('v', t.int(), { ttl: { ttlMs: 1, cleanupIncrementally: -1 } })).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }))
    })

    test('expired keys are cleaned up without being read', () => {
      const backend = open()
      const value = backend.getState(valueState('v', t.int(), { ttl: { ttlMs: 100 } }))
      for (let key = 0; key < 200; key++) {
        at(backend, key)
        value.update(key)
      }
      backend.setProcessingTimeMs(100)
      for (let turn = 0; turn < 100; turn++) backend.settle()
      expect(backend.keyCount).toBe(0)
    })

    for (const keyType of ['safeInt', 'string', 'encoded'] as const) {
      test(`rows of a batch find their keys: ${keyType}`, () => {
        const slab = new Slab()
        const backend = open({ slab, keyType })
        const state = backend.getState(valueState('count', t.int()))
        const keys: KeyValue[] = Array.from({ length: 3000 }, (_, row) => {
          const n = (row * 7919) % 1000
          if (keyType === 'encoded') return n % 2 === 0 ? [n, 'a longer text that fits no entry'] : n / 4
          if (n === 0) return null
          return keyType === 'safeInt' ? n - 500 : n % 2 === 0 ? `${n}` : `a key that is longer than its entry ${n}`
        })
        const batch = batchFromObjects(
          slab,
          KEY_SCHEMAS[keyType],
          keys.map((key) => ({ row: keyType === 'encoded' ? { value: 1, key: keyBytesOf(key) } : { key, other: 1 } })),
        )
        for (const [begin, end] of [
          [0, 1000],
          [1000, 3000],
        ] as const) {
          const handles = backend.resolve(batch, begin, end)
          for (let position = begin; position < end; position++) {
            backend.select(slab.u32[(handles >>> 2) + position - begin])
            expect(backend.currentKeyValue()).toEqual(keys[position])
            expect(backend.currentKeyBytes()).toEqual(keyBytesOf(keys[position]))
            expect(backend.currentKeyGroup).toBe(keyGroupOf(keyBytesOf(keys[position]), 128))
            state.update((state.value() ?? 0) + 1)
          }
          backend.settle()
        }
        const counts = new Map<string, number>()
        for (const key of keys) counts.set(String(keyBytesOf(key)), (counts.get(String(keyBytesOf(key))) ?? 0) + 1)
        expect(backend.keyCount).toBe(counts.size)
        for (const key of keys) {
          at(backend, key)
          expect(state.value()).toBe(counts.get(String(keyBytesOf(key))))
        }
        // A selection: every third row.
        const rows = Array.from({ length: 1000 }, (_, index) => index * 3)
        batch.selection = slab.allocate(rows.length * 4)
        batch.selectedCount = rows.length
        rows.forEach((row, index) => (slab.i32[(batch.selection >>> 2) + index] = row))
        const handles = backend.resolve(batch, 10, 1000)
        rows.slice(10).forEach((row, index) => {
          backend.select(slab.u32[(handles >>> 2) + index])
          expect(backend.currentKeyValue()).toEqual(keys[row])
        })
      })

      test(`a snapshot restores at another parallelism: ${keyType}`, () => {
        const declare = (backend: KeyedStateBackend) => ({
          value: backend.getState(valueState('value', t.double())),
          text: backend.getState(valueState('text', t.string())),
          any: backend.getState(valueState<unknown>('any')),
          list: backend.getState(listState('list', t.string(), { ttl: { ttlMs: 1000 } })),
          map: backend.getState(mapState('map', t.string(), t.array(t.int()))),
          numbers: backend.getState(mapState('numbers', t.int(), t.double(), { ttl: { ttlMs: 1000 } })),
          sum: backend.getState(reducingState<number>('sum', (left, right) => left + right)),
          window: backend.getState(valueState('value', t.double()), 'namespace'),
        })
        // Some longer than the head of a record can say.
        const textOf = (n: number): string => `text ${n}${n % 100 === 0 ? '.'.repeat(70_000) : ''}`
        const keyOf = (n: number): KeyValue =>
          keyType === 'string' ? `key ${n}${n % 100 === 0 ? '.'.repeat(5000) : ''}` : keyType === 'safeInt' ? n : ['composite', n]
        const entries = new MemorySnapshot()
        for (const subtaskIndex of [0, 1, 2]) {
          const backend = open({ keyType, subtaskIndex, parallelism: 3 })
          const states = declare(backend)
          for (let n = 0; n < 300; n++) {
            const key = keyOf(n)
            if (Math.floor((keyGroupOf(keyBytesOf(key), 128) * 3) / 128) !== subtaskIndex) continue
            at(backend, key)
            states.value.update(n)
            if (n % 2 === 0) states.text.update(textOf(n))
            states.any.update(n % 3 === 0 ? n : { n })
            states.list.addAll([`${n}`, 'x'])
            states.map.putAll([
              ['b', [n]],
              ['a', []],
            ])
            states.numbers.put(n, n / 2)
            states.sum.add(n)
            backend.setNamespace(n, n + 10)
            states.window.update(-n)
          }
          backend.snapshot(entries)
          backend.close()
        }
        let total = 0
        for (const subtaskIndex of [0, 1]) {
          const backend = open({ keyType, subtaskIndex, parallelism: 2 })
          const states = declare(backend)
          backend.restore(entries.reader())
          total += backend.keyCount
          for (let n = 0; n < 300; n++) {
            const key = keyOf(n)
            if (Math.floor((keyGroupOf(keyBytesOf(key), 128) * 2) / 128) !== subtaskIndex) continue
            at(backend, key)
            backend.setNamespace(n, n + 10)
            expect([
              states.value.value(),
              states.text.value(),
              states.any.value(),
              states.list.get(),
              states.map.entries(),
              states.numbers.entries(),
              states.sum.get(),
              states.window.value(),
            ]).toEqual([
              n,
              n % 2 === 0 ? textOf(n) : null,
              n % 3 === 0 ? n : { n },
              [`${n}`, 'x'],
              [
                ['b', [n]],
                ['a', []],
              ],
              [[n, n / 2]],
              n,
              -n,
            ])
          }
          // Ages came along.
          backend.setProcessingTimeMs(1000)
          at(backend, keyOf(subtaskIndex))
          expect(states.list.get()).toEqual([])
          backend.close()
        }
        expect(total).toBe(300)
      })
    }

    test('a state declared after the restore finds its entries, also after another snapshot', () => {
      const entries = new MemorySnapshot()
      const backend = open()
      const state = backend.getState(valueState('v', t.int()))
      at(backend, 1)
      state.update(5)
      backend.snapshot(entries)
      const between = open()
      between.restore(entries.reader())
      const again = new MemorySnapshot()
      between.snapshot(again)
      const restored = open()
      restored.restore(again.reader())
      at(restored, 2)
      const late = restored.getState(valueState('v', t.int()))
      expect(late.value()).toBeNull()
      at(restored, 1)
      expect(late.value()).toBe(5)
    })

    test('forEachKey() visits the keys that hold something in a state', () => {
      const backend = open()
      const state = backend.getState(valueState('v', t.int()))
      const other = backend.getState(valueState('o', t.int()))
      for (let key = 0; key < 10; key++) {
        at(backend, key)
        ;(key % 2 === 0 ? state : other).update(key)
      }
      const seen: [unknown, unknown][] = []
      backend.forEachKey(valueState('v', t.int()), () => {
        seen.push([backend.currentKeyValue(), state.value()])
        state.clear()
      })
      expect(seen).toHaveLength(5)
      expect(new Map(seen)).toEqual(new Map([0, 2, 4, 6, 8].map((key) => [key, key])))
      backend.settle()
      expect(backend.keyCount).toBe(5)
    })

    test('close() gives all memory back', () => {
      const slab = new Slab()
      const before = slab.allocatedBytes
      const backend = open({ slab, keyType: 'string' })
      const list = backend.getState(listState('l', t.string()))
      const map = backend.getState(mapState('m', t.string(), t.string()), 'namespace')
      for (let key = 0; key < 500; key++) {
        at(backend, `a key of some length ${key}`)
        for (let n = 0; n < 20; n++) list.add('an element')
        backend.setNamespace(key, key)
        for (let n = 0; n < 20; n++) map.put(`an element that is longer ${n}`, 'x'.repeat(100))
      }
      backend.close()
      expect(slab.allocatedBytes).toBe(before)
    })
  })
}
