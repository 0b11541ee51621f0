// What parts write for checkpoints: where it lies, and for how long; and what becomes of what is not written.

import { expect, test } from 'vitest'
import { keyBytesOf } from '../../../src/base/key-bytes.ts'
import { Slab } from '../../../src/base/slab.ts'
import { BarrierKind } from '../../../src/batch/generated/barrier-kind.ts'
import { t } from '../../../src/batch/types.ts'
import type { PartSnapshot } from '../../../src/checkpoint/job-snapshot.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { KeyForm } from '../../../src/kernels/table-layout.ts'
import { PartSnapshots } from '../../../src/runtime/part-snapshots.ts'
import { NO_RECORDS, type RecordSource } from '../../../src/state/record-rooms.ts'
import { KeyStore } from '../../../src/state/key-store.ts'
import { MemoryStateBackend } from '../../../src/state/memory-backend.ts'
import { SegmentTable } from '../../../src/state/segment-table.ts'
import { TableRestore } from '../../../src/state/table-restore.ts'
import { type ValueState, valueState } from '../../../src/state/state.ts'
import { KEY_SCHEMAS } from '../../contract/state-contract.ts'
import { Checkpoints, fillSlab, hadRoom } from '../../fixtures/checkpoints.ts'

const MIB = 1 << 20
const NO_NAMESPACE = new Uint8Array()
const module = compileKernels()

/** Writes `rooms` records of 1 MiB, each of one byte over and over. */
function bigSource(slab: Slab, rooms: number): RecordSource {
  return {
    slab,
    mayWait: false,
    begin: (_since, _until, target) => {
      const addresses = target.stage(Array.from({ length: rooms }, () => MIB))!
      addresses.forEach((address, index) => {
        slab.fill(address, index, MIB)
        target.visit(index, 1, address, MIB)
      })
      return NO_RECORDS
    },
  }
}

test.each([
  ['savepoint', BarrierKind.SAVEPOINT, true],
  ['checkpoint', BarrierKind.CHECKPOINT, false],
] as const)('what a %s is made of stays where it is, once the checkpoint is complete: %s, %s', (_name, kind, stays) => {
  const slab = new Slab()
  const snapshots = new PartSnapshots(slab, true)
  const before = slab.allocatedBytes
  let taken: PartSnapshot | undefined
  const part = { snapshot: (writer: Parameters<Parameters<PartSnapshots['take']>[1]['snapshot']>[0]) => writer.records('s', bigSource(slab, 24)) }
  snapshots.take('part', part, { checkpointId: 1, timestampMs: 0, kind }, (snapshot) => (taken = snapshot))
  snapshots.complete(1)
  // Whatever has been given back is used by others.
  for (let block = 0; block < 32; block++) slab.fill(slab.allocate(MIB), 255, MIB)
  const isWhole = taken!.sections.every(({ keyGroup, bytes }) => bytes.every((byte) => byte === keyGroup))
  expect([taken!.sections.length, isWhole]).toEqual([24, stays])
  expect(slab.allocatedBytes - before - 32 * MIB).toBeLessThanOrEqual(stays ? 25 * MIB : 16 * MIB)
  // The next one begins when nobody reads it any more.
  snapshots.take('part', { snapshot: () => {} }, { checkpointId: 2, timestampMs: 0, kind: BarrierKind.CHECKPOINT }, () => {})
  expect(slab.allocatedBytes - before - 32 * MIB).toBeLessThanOrEqual(16 * MIB)
})

/** A table of `count` keys in one segment, each with its own number. */
function tableOf(slab: Slab, count: number, segmentEntriesMax: number = 1 << 16): { readonly table: SegmentTable; put(from: number, to: number): void } {
  const kernels = instantiateKernels(module, slab)
  const table = new SegmentTable(slab, kernels, { form: KeyForm.VALUE, valueBytes: 8, maxParallelism: 128, slotSeed: 1, segmentEntriesMax })
  const put = (from: number, to: number): void => {
    const restore = new TableRestore(slab, kernels, table, 8)
    for (let key = from; key < to; key++) restore.add(keyBytesOf(key), Uint8Array.of(key & 255, key >> 8, 0, 0, 0, 0, 0, 0))
    restore.finish()
  }
  put(0, count)
  return { table, put }
}

test('a part that fails while it writes leaves nothing that waits', () => {
  const slab = new Slab()
  const { table } = tableOf(slab, 1000)
  const snapshots = new PartSnapshots(slab, true, 1)
  const snapshot = (writer: Parameters<Parameters<PartSnapshots['take']>[1]['snapshot']>[0]): void => {
    writer.records('s', table.records(NO_NAMESPACE, 8))
    throw new Error('no more')
  }
  expect(() => snapshots.take('part', { snapshot }, { checkpointId: 1, timestampMs: 0, kind: BarrierKind.CHECKPOINT }, () => {})).toThrow('no more')
  // Else this would be its second snapshot.
  let sections = 0
  const whole = { snapshot: (writer: Parameters<typeof snapshot>[0]) => writer.records('s', table.records(NO_NAMESPACE, 8)) }
  const waiting = snapshots.take(
    'part',
    whole,
    { checkpointId: 1, timestampMs: 0, kind: BarrierKind.CHECKPOINT },
    (taken) => (sections = taken.sections.length),
  )!
  while (!waiting.writeOn());
  expect(sections).toBeGreaterThanOrEqual(128)
  table.free()
})

test('a table whose last segment is divided while it is written is written once', () => {
  const slab = new Slab()
  const { table, put } = tableOf(slab, 250, 256)
  expect(table.segmentCount).toBe(1)
  const snapshots = new PartSnapshots(slab, true, 1)
  let records = 0
  const part = { snapshot: (writer: Parameters<Parameters<PartSnapshots['take']>[1]['snapshot']>[0]) => writer.records('s', table.records(NO_NAMESPACE, 8)) }
  const count = ({ sections }: PartSnapshot): void => sections.forEach((section) => (records += section.records))
  const waiting = snapshots.take('part', part, { checkpointId: 1, timestampMs: 0, kind: BarrierKind.CHECKPOINT }, count)!
  put(1000, 1100)
  expect(table.segmentCount).toBeGreaterThan(1)
  while (!waiting.writeOn());
  expect(records).toBe(250)
  table.free()
})

/** Blocks that a full slab has left: with the most of them it has to do. */
const LEFT = [0, 20, 70, 75, 80, 200]

test('in a full slab the entries of a table are written at once, or it fails', () => {
  const outcomes = LEFT.map((left) => {
    const slab = new Slab(8 * MIB)
    const { table } = tableOf(slab, 20_000)
    const [list, out] = [slab.allocate(table.entryCount * 4), slab.allocate(table.entryCount * 4)]
    let listed = 0
    table.forEachEntries((entries, n) => {
      slab.copy(list + listed * 4, entries, n * 4)
      listed += n
    })
    const keys = table.keysOf(list, listed)
    const checkpoints = new Checkpoints(slab, undefined, { pieceEntries: 1 })
    let isComplete = false
    checkpoints.take(
      (writer) => writer.records('s', table.records(NO_NAMESPACE, 8)),
      true,
      BarrierKind.CHECKPOINT,
      () => (isComplete = true),
    )
    const unfill = fillSlab(slab, left)
    const went = hadRoom(() => {
      table.findOrInsert(keys, out)
      for (let row = 0; row < listed; row++) slab.u32[(slab.u32[(out >>> 2) + row] + table.valueOffset) >>> 2] = 0xffffffff
      while (checkpoints.isWaiting) checkpoints.writeOn()
    })
    expect(isComplete).toBe(went)
    checkpoints.giveUp()
    unfill()
    const found = new Set<number>()
    let wrong = 0
    checkpoints.reader()?.keyed('s', (_group, _namespace, key, value) => {
      const number = value[0] | (value[1] << 8)
      if (value[2] !== 0 || Buffer.compare(key, keyBytesOf(number)) !== 0) wrong++
      found.add(number)
    })
    expect([found.size, wrong]).toEqual([went ? 20_000 : 0, 0])
    table.free()
    return went
  })
  expect(outcomes.at(-1)).toBe(true)
})

test('in a full slab several states of one key are written at once, or it fails', () => {
  const KEYS = 3000
  const outcomes = LEFT.map((left) => {
    const slab = new Slab(8 * MIB)
    const inputs = [{ schema: KEY_SCHEMAS.safeInt, key: { kind: 'columns' as const, columns: [0] } }]
    const open = (slab: Slab): { readonly backend: MemoryStateBackend; readonly states: readonly ValueState<number>[] } => {
      const kernels = instantiateKernels(module, slab)
      const store = new KeyStore({ slab, kernels, subtaskIndex: 0, parallelism: 1, maxParallelism: 128, tableSeed: 7, inputs, timers: false })
      const backend = new MemoryStateBackend(store)
      return { backend, states: ['a', 'b', 'c', 'd', 'e'].map((name) => backend.getState(valueState(name, t.double()))) }
    }
    const { backend, states } = open(slab)
    const select = (of: MemoryStateBackend, key: number): void => of.select(of.resolveKey(keyBytesOf(key)))
    for (let key = 0; key < KEYS; key++) {
      select(backend, key)
      for (const state of states) state.update(key)
    }
    backend.settle()
    const checkpoints = new Checkpoints(slab, undefined, { pieceEntries: 1 })
    let isComplete = false
    checkpoints.take(
      (writer) => backend.snapshot(writer),
      true,
      BarrierKind.CHECKPOINT,
      () => (isComplete = true),
    )
    const unfill = fillSlab(slab, left)
    const went = hadRoom(() => {
      for (let key = KEYS - 1; key >= 0; key--) {
        select(backend, key)
        for (const state of states) state.update(-1)
      }
      while (checkpoints.isWaiting) checkpoints.writeOn()
    })
    expect(isComplete).toBe(went)
    checkpoints.giveUp()
    unfill()
    backend.close()
    if (went) {
      const restored = open(new Slab())
      restored.backend.restore(checkpoints.reader()!)
      let right = 0
      for (let key = 0; key < KEYS; key++) {
        select(restored.backend, key)
        if (restored.states.every((state) => state.value() === key)) right++
      }
      expect(right).toBe(KEYS)
      restored.backend.close()
    }
    return went
  })
  expect(outcomes.at(-1)).toBe(true)
})
