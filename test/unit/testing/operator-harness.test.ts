// The harness over the basic operators, and over operators with a fault each, which it must find.

import { describe, expect, it } from 'vitest'
import type { RecordBatch } from '../../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { KeyOperator } from '../../../src/operator/basic/key-operator.ts'
import { ProjectOperator, projectedSchemaOf } from '../../../src/operator/basic/project-operator.ts'
import { type NamedRowStage, rowOperator } from '../../../src/operator/basic/row-operator.ts'
import type { KeyedProcessFunction } from '../../../src/operator/function.ts'
import type { Operator, Output, SnapshotReader, SnapshotWriter } from '../../../src/operator/operator.ts'
import { keyedProcessOperator } from '../../../src/operator/process/process-operators.ts'
import { type HarnessStep, runOperatorHarness } from '../../../src/testing/operator-harness.ts'

const ROW = defineSchema({ key: t.int(), text: t.string().nullable(), price: t.double() })
const STEPS: HarnessStep[] = Array.from({ length: 40 }, (_, n): HarnessStep[] => [
  { row: { key: n % 3, text: n % 4 === 0 ? null : `text ${n}`, price: n / 2 }, timestamp: n * 10 },
  ...(n % 7 === 6 ? [{ watermark: n * 10 - 25 }] : []),
]).flat()
const run = (create: () => Operator) => runOperatorHarness({ create, inputs: [{ schema: ROW }], steps: STEPS })

type Row = { readonly key: number; readonly text: string | null; readonly price: number }

const map: NamedRowStage = { kind: 'map', name: 'map', fn: (row: Row) => ({ key: row.key, text: row.text, price: row.price * 2 }) }
const filter: NamedRowStage = { kind: 'filter', name: 'filter', fn: (row: Row) => row.key !== 1 }
const flatMap: NamedRowStage = {
  kind: 'flatMap',
  name: 'flatMap',
  fn: (row: Row) => Array.from({ length: row.key }, () => ({ key: row.key, text: row.text, price: row.price })),
}

describe('runOperatorHarness() passes', () => {
  it.each([
    ['map', [map], 40],
    ['filter', [filter], 27],
    ['flatMap', [flatMap], 39],
    ['all of them', [filter, map, flatMap], 26],
  ] as const)('%s', (_, stages, rows) => {
    expect(run(() => rowOperator(ROW, stages, ROW)).rows).toHaveLength(rows)
  })

  it('projections and key functions', () => {
    const projected = projectedSchemaOf(ROW, ['price', 'key'])
    expect(run(() => new ProjectOperator(projected, [2, 0])).rows[1]).toEqual({ row: { price: 0.5, key: 1 }, kind: 0, timestamp: 10 })
    expect(run(() => new KeyOperator(ROW, (row) => (row as Row).text)).rows).toHaveLength(40)
  })
})

/** A process function that counts, changed by `fault`. */
function faulty(fault: (operator: Operator) => Partial<Operator>): () => Operator {
  const fn: KeyedProcessFunction<number, Row, Row> = {
    processElement(row, context, out) {
      context.timerService.registerEventTimeTimer(row.price * 20 + 15)
      out.collect(row)
    },
    onTimer(timeMs, context, out) {
      out.collect({ key: context.getCurrentKey(), text: 'timer', price: timeMs })
    },
  }
  return () => {
    const operator = keyedProcessOperator({ schema: ROW, key: { kind: 'columns', columns: [0] } }, fn, ROW)
    const bound: Record<string, unknown> = { crossings: operator.crossings, outputSchema: operator.outputSchema }
    for (const name of [
      'open',
      'processBatch',
      'nextCutMs',
      'advance',
      'nextProcessingTimeMs',
      'fireTimers',
      'endInput',
      'snapshot',
      'restore',
      'close',
    ] as const)
      bound[name] = operator[name].bind(operator)
    return { ...bound, ...fault(operator) } as unknown as Operator
  }
}

describe('runOperatorHarness() finds', () => {
  it('nothing wrong with an operator without a fault', () => {
    expect(run(faulty(() => ({}))).rows).toHaveLength(80)
  })

  it('state that is missing in a snapshot', () => {
    expect(() => run(faulty(() => ({ snapshot: (_writer: SnapshotWriter) => {} })))).toThrow(/restored after each/)
  })

  it('state that is not restored', () => {
    expect(() => run(faulty(() => ({ restore: (_reader: SnapshotReader) => {} })))).toThrow(/restored after each/)
  })

  it('an element sent without capacity', () => {
    const greedy = faulty((operator) => ({
      processBatch: (batch: RecordBatch, output: Output, input: number) =>
        operator.processBatch(
          batch,
          {
            hasCapacity: () => true,
            emit: (b) => output.emit(b),
            emitWatermark: (w) => output.emitWatermark(w),
            emitStatus: (i) => output.emitStatus(i),
            side: (id) => output.side(id),
          },
          input,
        ),
    }))
    expect(() => run(greedy)).toThrow(/had no capacity/)
  })

  it('rows sent twice after a refusal', () => {
    const repeating = faulty((operator) => ({
      processBatch(batch: RecordBatch, output: Output, input: number): boolean {
        const { begin } = batch
        const done = operator.processBatch(batch, output, input)
        if (!done && batch.begin > begin + 1) batch.begin--
        return done
      },
    }))
    expect(() => run(repeating)).toThrow(/HARNESS_MISMATCH|Runs differ/)
  })

  it('watermarks that are lost', () => {
    const losing = faulty((operator) => ({
      processBatch: (batch: RecordBatch, output: Output, input: number) => {
        if (batch.end - batch.begin > 1) batch.crossings.clear()
        return operator.processBatch(batch, output, input)
      },
    }))
    expect(() => run(losing)).toThrow(/Runs differ/)
  })

  it('memory that is kept', () => {
    const leaking = faulty((operator) => ({
      open(context) {
        context.slab.allocate(100)
        operator.open(context)
      },
    }))
    expect(() => run(leaking)).toThrow(/kept 128 bytes of the slab after close/)
  })

  it('an operator that never finishes', () => {
    expect(() => run(faulty(() => ({ processBatch: () => false })))).toThrow(/made no progress in 1000 calls/)
  })
})
