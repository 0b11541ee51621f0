// A source of consecutive numbers, dealt to readers in blocks.

import { PlanError } from '../../base/errors.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { compileRowWriter } from '../../operator/row-code.ts'
import type { Source, SourceReader } from '../../operator/source.ts'
import { RangeReader, rangeSplits } from './range-source.ts'

/**
 * The numbers from `from` to `to`, both included; in order where one subtask reads them.
 *
 * @throws {PlanError} `INVALID_ARGUMENT` unless both are integers and `from` is not above `to`.
 */
export function sequenceSource(from: number, to: number): Source<number> {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to)
    throw new PlanError('INVALID_ARGUMENT', `Cannot make a sequence from ${from} to ${to}: both must be integers, the first not above the last`)
  return {
    name: 'Sequence',
    schema: OBJECT_SCHEMA as Schema<number>,
    bounded: true,
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => `${from} to ${to}`,
    enumerate: (parallelism) => rangeSplits(to - from + 1, parallelism),
    createReader: (context) => reader(from, context),
  }
}

function reader(from: number, context: OperatorContext): SourceReader {
  const writer = compileRowWriter(OBJECT_SCHEMA)
  const generate = (first: number, count: number, batch: RecordBatch): number => {
    for (const column of batch.columns) {
      column.clear()
      column.ensureRows(count)
    }
    writer.bind(batch)
    for (let row = 0; row < count; row++) writer.write(row, from + first + row)
    batch.rowCount = count
    batch.rewind()
    return count
  }
  return new RangeReader(context, OBJECT_SCHEMA, { generate, rowsPerSecond: Infinity, keepAlive: false, stopAtMs: Infinity, close: () => {} })
}
