// COPY … TO: the rows of a query in one file, which is there when it is complete, or not at all.

import { rmSync, statSync } from 'node:fs'
import { PlanError } from '../../base/errors.ts'
import { Schema } from '../../batch/types.ts'
import { fileSink } from '../../connector/file/file-sink.ts'
import { inProgressPath } from '../../connector/file/file-writer.ts'
import { csvFormat } from '../../format/csv/csv-format.ts'
import { jsonFormat } from '../../format/json/json-format.ts'
import { parquetFormat } from '../../format/parquet/parquet-format.ts'
import type { Sink } from '../../operator/sink.ts'
import type { LocalExecutor } from '../../runtime/local-executor.ts'
import type { CopyTarget } from '../files/copy-target.ts'
import type { StatementResult } from '../session.ts'
import { errorAt } from '../sql-error.ts'
import { executorOf, type RunOptions } from './run-query.ts'

const SINK_NAME = 'Copy'

/** A copy that is ready to be made. */
export interface CopyJob {
  readonly executor: LocalExecutor
  /** Rows that were written. */
  rowCount(): number
  /** After a failure: takes away what was written so far. The file of that name stays what it was. */
  discard(): void
}

/** What runs a COPY. @throws {PlanError} `SINK_TAKES_NO_CHANGES`, `NOT_A_FILE`, and what cannot be planned */
export function copyJob({ plan, target, origin }: StatementResult & { readonly kind: 'copy' }, options: RunOptions): CopyJob {
  const names = plan.columns.map(({ name }) => name)
  const sink = copySink(target, names)
  const refuseUnlessFinal = (isInsertOnly: boolean): void => {
    if (isInsertOnly) return
    throw errorAt(
      origin,
      'SINK_TAKES_NO_CHANGES',
      `Cannot write "${target.path}": the query changes rows that it has given, and a file keeps them`,
      "Write SET 'execution.runtime-mode' = 'batch' in front of it: then each row comes once, when the input has ended.",
    )
  }
  const executor = executorOf((planner) => planner.addSink(plan, sink, refuseUnlessFinal), options)
  const written = (): number => {
    const operators = executor.metrics.read().tasks.flatMap((task) => task.operators)
    return operators.find(({ name }) => name === SINK_NAME)?.rowsIn ?? 0
  }
  return { executor, rowCount: written, discard: () => rmSync(inProgressPath(target.path), { force: true }) }
}

function copySink(target: CopyTarget, names: readonly string[]): Sink {
  const { path } = target
  if (path.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new PlanError('NOT_A_FILE', `Cannot write "${path}": it is a folder`, {
      hint: "COPY writes one file; INSERT INTO a table WITH ('connector' = 'filesystem', ...) writes files into a folder.",
    })
  const file = fileSink({ path, format: formatOf(target) })
  return {
    name: SINK_NAME,
    needsEventLoop: file.needsEventLoop,
    parallelismMax: file.parallelismMax,
    describe: () => file.describe(),
    // Columns of a plan have places, no names.
    createWriter: ({ fields }, context) => file.createWriter(new Schema(fields.map(({ type }, index) => ({ name: names[index], type }))), context),
  }
}

function formatOf({ format, csv }: CopyTarget) {
  switch (format) {
    case 'csv':
      return csvFormat(csv)
    case 'json':
      return jsonFormat()
    case 'parquet':
      return parquetFormat()
  }
}
