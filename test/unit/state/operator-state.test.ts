import { describe, expect, it } from 'vitest'
import { t } from '../../../src/batch/types.ts'
import { HeapOperatorState } from '../../../src/state/operator-state.ts'
import { listState, mapState } from '../../../src/state/state.ts'
import { MemorySnapshot } from '../../../src/testing/memory-snapshot.ts'

describe('HeapOperatorState', () => {
  it('keeps lists and broadcast maps apart, and copies what is written', () => {
    const state = new HeapOperatorState()
    const list = state.getListState(listState<{ n: number }>('s'))
    const union = state.getUnionListState(listState<{ n: number }>('s'))
    const map = state.getBroadcastState(mapState('s', t.string(), t.array(t.int())))
    const value = { n: 1 }
    list.addAll([value, { n: 2 }])
    value.n = 3
    union.add(value)
    list.get()[0].n = 7
    map.putAll([
      ['b', [1]],
      ['a', []],
    ])
    map.put('b', [2])
    expect([list.get(), union.get(), map.entries()]).toEqual([
      [{ n: 1 }, { n: 2 }],
      [{ n: 3 }],
      [
        ['b', [2]],
        ['a', []],
      ],
    ])
    expect([map.get('c'), map.has('a'), map.remove('a'), map.remove('a'), map.keys(), map.values(), map.isEmpty()]).toEqual([
      null,
      true,
      true,
      false,
      ['b'],
      [[2]],
      false,
    ])
    list.update([{ n: 5 }])
    map.clear()
    expect([list.get(), map.isEmpty()]).toEqual([[{ n: 5 }], true])
    list.clear()
    expect(list.get()).toEqual([])
    expect(() => map.put('a', ['x'] as never)).toThrow(/expected a number/)
  })

  it('is restored, whether a state is declared before, after or between snapshots', () => {
    const state = new HeapOperatorState()
    state.getListState(listState('offsets', t.int())).addAll([1, 2])
    state.getUnionListState(listState('all', t.int())).add(3)
    state.getBroadcastState(mapState('rules', t.string(), t.int())).put('a', 1)
    const snapshot = new MemorySnapshot()
    state.snapshot(snapshot)
    const between = new HeapOperatorState()
    const early = between.getListState(listState('offsets', t.int()))
    between.restore(snapshot.reader())
    expect(early.get()).toEqual([1, 2])
    const second = new MemorySnapshot()
    between.snapshot(second)
    const restored = new HeapOperatorState()
    restored.restore(second.reader())
    expect([
      restored.getListState(listState('offsets', t.int())).get(),
      restored.getUnionListState(listState('all', t.int())).get(),
      restored.getBroadcastState(mapState('rules', t.string(), t.int())).entries(),
    ]).toEqual([[1, 2], [3], [['a', 1]]])
  })
})
