// A worker's surroundings without a worker: a slab, kernels and a context, for benchmarks that drive a reader, a kernel or an operator directly.

import { systemClock } from '../src/base/clock.ts'
import { nodeFileSystem } from '../src/base/file-system.ts'
import { Slab } from '../src/base/slab.ts'
import type { RecordBatch } from '../src/batch/record-batch.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../src/kernels/kernels.ts'
import type { OperatorContext, Output } from '../src/operator/operator.ts'
import { PollResult, type Source, type SourceReader } from '../src/operator/source.ts'

export const BATCH_ROWS = 8192
export const TABLE_SEED = 12_345

export interface Stage {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly context: OperatorContext
}

export function newStage(): Stage {
  const slab = new Slab()
  const kernels = instantiateKernels(compileKernels(), slab)
  const counters = new Map<string, { value: number }>()
  const context: OperatorContext = {
    slab,
    kernels,
    clock: systemClock,
    operatorName: 'bench',
    uid: 'bench',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    batchRowsMax: BATCH_ROWS,
    tableSeed: TABLE_SEED,
    isCheckpointed: false,
    files: nodeFileSystem,
    metrics: {
      lateRecords: 0,
      badRecords: 0,
      bytesRead: 0,
      bytesWritten: 0,
      counter(name) {
        let counter = counters.get(name)
        if (counter === undefined) counters.set(name, (counter = { value: 0 }))
        return counter
      },
    },
    program: { send: () => {}, pendingCount: () => 0, receive: () => 'ended' },
    heldMs: () => 0,
    wake: () => {},
    log: () => {},
    option: () => undefined,
  }
  return { slab, kernels, context }
}

/** Takes whatever it gets. */
const NOWHERE: Output = { hasCapacity: () => true, emit: () => {}, emitWatermark: () => {}, emitStatus: () => {}, side: () => undefined }

/** Reads a bounded source to its end, a batch at a time. */
export function readAll(source: Source, context: OperatorContext, visit: (batch: RecordBatch) => void): void {
  const splits = source.enumerate(1)
  const reader: SourceReader = source.createReader(context)
  let next = 0
  try {
    for (;;) {
      switch (reader.poll(NOWHERE)) {
        case PollResult.BATCH:
          visit(reader.batch)
          break
        case PollResult.NEEDS_SPLIT:
          if (next === splits.length) reader.noMoreSplits()
          else reader.assign(splits[next], ++next)
          break
        case PollResult.FINISHED:
          return
        case PollResult.NOTHING:
          break
      }
    }
  } finally {
    reader.close()
  }
}
