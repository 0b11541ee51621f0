// A sink that gives every change to a function, on the subtask's thread.

import type { RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Sink, SinkWriter } from '../../operator/sink.ts'
import type { Value } from '../value.ts'
import { readRow } from './row-codec.ts'

/** Calls `take` with each change, in their order. */
export function changeSink(take: (kind: RowKind, row: readonly Value[]) => void): Sink {
  const writer: SinkWriter = {
    hasCapacity: () => true,
    write(batch: RecordBatch): boolean {
      while (batch.begin < batch.end) {
        const row = batch.physicalRow(batch.begin++)
        take(batch.kindOf(row), readRow(batch, row))
      }
      return true
    },
    flush: () => true,
    finish: () => true,
    snapshot() {},
    restore() {},
    close() {},
  }
  return { name: 'Collect', needsEventLoop: false, parallelismMax: 1, describe: () => 'the result', createWriter: () => writer }
}
