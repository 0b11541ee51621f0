// What a barrier does to a sink and to what stands around it: rows have left before it passes, and behind the barrier of a stop no timer fires.
import { expect, test } from 'vitest'
import { BarrierKind } from '../../../../src/batch/generated/barrier-kind.ts'
import { batchFromObjects, freeBatch } from '../../../../src/batch/batch-rows.ts'
import { defineSchema, OBJECT_SCHEMA, t } from '../../../../src/batch/types.ts'
import type { OperatorContext } from '../../../../src/operator/operator.ts'
import { SinkOperator } from '../../../../src/operator/basic/sink-operator.ts'
import type { CommittingSinkWriter, Sink, SinkWriter } from '../../../../src/operator/sink.ts'
import { OperatorDriver } from '../../../../src/runtime/operator-driver.ts'
import { OutputCollector } from '../../../../src/runtime/output-collector.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'
import { testContext } from '../../connector/file-probe.ts'

test('a barrier waits until the writer has written out, and only then is the sink prepared and its state taken', () => {
  const calls: string[] = []
  let flushes = 0
  const writer: CommittingSinkWriter = {
    hasCapacity: () => true,
    write: () => true,
    flush: () => {
      calls.push('flush')
      return ++flushes > 2
    },
    finish: () => true,
    prepareCommit: () => {
      calls.push('prepare')
      return [Buffer.from('piece')]
    },
    commit: () => void calls.push('commit'),
    snapshot: () => calls.push('snapshot'),
    restore: () => {},
    close: () => {},
  }
  const sink: Sink = { name: 'sink', needsEventLoop: false, parallelismMax: 1, describe: () => '', createWriter: () => writer }
  const operator = new SinkOperator(sink, OBJECT_SCHEMA)
  operator.open({} as OperatorContext)
  const driver = new OperatorDriver('sink', operator, new OutputCollector(), 1, (snapshotted) => snapshotted.snapshot(new MemorySnapshot()))
  driver.offerBarrier({ checkpointId: 7, timestampMs: 0, kind: BarrierKind.CHECKPOINT })
  expect([driver.hasCapacity(), calls]).toEqual([false, ['flush']])
  driver.run()
  driver.run()
  expect([driver.hasCapacity(), calls.slice(0, 5), driver.isSuspended]).toEqual([true, ['flush', 'flush', 'flush', 'prepare', 'snapshot'], false])
  expect(calls).not.toContain('commit')
  operator.notifyCheckpointComplete(7)
  expect(calls.at(-1)).toBe('commit')
  driver.offerBarrier({ checkpointId: 8, timestampMs: 0, kind: BarrierKind.STOP_WITH_SAVEPOINT })
  expect([driver.hasCapacity(), driver.isSuspended]).toEqual([true, true])
})

test.each([{ newer: undefined }, { newer: 3 }])(
  'the barrier of a savepoint waits behind what an older one has overtaken; a newer one takes its place: $newer',
  ({ newer }) => {
    const calls: string[] = []
    let isBlocked = true
    const writer: SinkWriter = {
      hasCapacity: () => !isBlocked,
      write: (batch) => {
        calls.push(`${batch.end - batch.begin} rows`)
        batch.begin = batch.end
        return true
      },
      flush: () => true,
      finish: () => true,
      snapshot: () => {},
      restore: () => {},
      close: () => {},
    }
    const context = testContext()
    const sink: Sink = { name: 'sink', needsEventLoop: false, parallelismMax: 1, describe: () => '', createWriter: () => writer }
    const schema = defineSchema({ id: t.int() })
    const operator = new SinkOperator(sink, schema)
    operator.open(context)
    const driver = new OperatorDriver('sink', operator, new OutputCollector(), 1, (_operator, { checkpointId }, overtaken) => {
      calls.push(`snapshot ${checkpointId} with ${overtaken.length} batches`)
    })
    const offer = (checkpointId: number, kind: BarrierKind): void => {
      expect(driver.hasCapacity()).toBe(true)
      driver.offerBarrier({ checkpointId, timestampMs: 0, kind })
    }
    const batch = batchFromObjects(context.slab, schema, [{ row: { id: 1 } }, { row: { id: 2 } }])
    driver.overtake(true, context.slab)
    driver.offerBatch(batch)
    offer(1, BarrierKind.UNALIGNED_CHECKPOINT)
    freeBatch(batch)
    offer(2, BarrierKind.STOP_WITH_SAVEPOINT)
    if (newer !== undefined) offer(newer, BarrierKind.UNALIGNED_CHECKPOINT)
    driver.overtake(false, context.slab)
    isBlocked = false
    driver.run()
    expect(calls).toEqual([
      'snapshot 1 with 1 batches',
      ...(newer === undefined ? ['2 rows', 'snapshot 2 with 0 batches'] : [`snapshot ${newer} with 1 batches`, '2 rows']),
    ])
    expect([driver.isIdle, driver.isSuspended]).toEqual([true, newer === undefined])
  },
)
