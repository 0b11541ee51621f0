// A job for tests of what a disk may do to it: keyed windows and functions with state, a sink of part files and one of a single file.
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { t } from '../../src/batch/types.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import { type ValueState, valueState } from '../../src/state/state.ts'
import type { Random } from '../../src/base/random.ts'
import type { VirtualDisk } from '../../src/testing/virtual-disk.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { type Row, SCHEMA } from './simulation.ts'

const RECORDS = 400
const KEYS = 6
export const RESULTS = '/data/results'
export const CHECKPOINTS = '/data/checkpoints'
export const JOB_FOLDER = `${CHECKPOINTS}/test`

/** Numbered by key, so that loss, duplicates and disorder can be told apart. */
const ROWS: readonly Row[] = Array.from({ length: RECORDS }, (_, id) => ({ id: Math.floor(id / KEYS), key: `k${id % KEYS}`, at: id * 3 }))

/** Passes on each record with how many of its key there were before. */
function numbered(): KeyedProcessFunction<string, Row, { key: string; id: number; number: number }> {
  let seen: ValueState<number>
  return {
    open(context) {
      seen = context.getState(valueState('seen', t.int()))
    },
    processElement({ id, key }, _context, out) {
      const number = seen.value() ?? 0
      seen.update(number + 1)
      out.collect({ key, id, number })
    },
  }
}

/** The job. */
export function diskJob(env: StreamExecutionEnvironment): void {
  const rows = env
    .fromCollection(ROWS, SCHEMA)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at'))
    .keyBy('key')
  rows
    .process(numbered())
    .uid('numbered')
    .sinkTo(fileSink({ path: `${RESULTS}/numbered/`, format: jsonFormat() }))
  rows
    .window(TumblingEventTimeWindows.of(60))
    .aggregate({ rows: count(), all: sum('id') })
    .sinkTo(fileSink({ path: `${RESULTS}/windows.jsonl`, format: jsonFormat() }))
}

/** The records that are for readers to see, each with its sink, in a fixed order. @throws if a file has not got its name. */
export function resultsOn(disk: VirtualDisk): string[] {
  const records: string[] = []
  for (const [path, bytes] of disk.contents()) {
    if (!path.startsWith(RESULTS)) continue
    const [, sink, name] = /^\/data\/results\/(\w+)[/.](.*)$/.exec(path) ?? ['', '?', path]
    if (name.endsWith('.inprogress')) throw new Error(`${path} has not got its name`)
    for (const line of Buffer.from(bytes).toString().split('\n').slice(0, -1)) records.push(`${sink} ${line}`)
  }
  return records.sort()
}

/** What is left of a disk if nothing stays that was not synced. */
export function durable(disk: VirtualDisk): VirtualDisk {
  const never: Pick<Random, 'integer' | 'next'> = { integer: () => 0, next: () => 0 }
  return disk.powerLoss(never as Random)
}
