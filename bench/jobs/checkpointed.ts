// A sum by key over one window of a day, or a user's function with state for each key; and how long the workers were away from their sources.

import { writeFileSync } from 'node:fs'
import { count, days, defineJob, type KeyedProcessFunction, sum, t, TumblingEventTimeWindows, type ValueState, valueState, WatermarkStrategy } from 'millrace'
import type { OperatorContext } from '../../src/operator/operator.ts'
import { checkSink } from './check-sink.ts'
import { GeneratedSource } from './generated-source.ts'

interface Row {
  readonly key: number
  readonly at: number
}

/** Counts the rows of a key, and tells some of them. */
class Counter implements KeyedProcessFunction<number, Row, { key: number; rows: number }> {
  readonly #every: number
  #first: string | undefined
  #rows!: ValueState<number>

  /** @param first A file to write at the first result. */
  constructor(every: number, first: string | undefined) {
    this.#every = every
    this.#first = first
  }

  open(context: Parameters<NonNullable<KeyedProcessFunction<number, Row, unknown>['open']>>[0]): void {
    this.#rows = context.getState(valueState('rows', t.int()))
  }

  processElement(row: Row, _context: unknown, out: { collect(value: { key: number; rows: number }): void }): void {
    const rows = (this.#rows.value() ?? 0) + 1
    this.#rows.update(rows)
    if (rows % this.#every !== 0) return
    out.collect({ key: row.key, rows })
    if (this.#first !== undefined) writeFileSync(this.#first, `${rows}`)
    this.#first = undefined
  }
}

/** Pauses of the first second are those of V8, which compiles. */
const SETTLED_MS = 1000

/** Writes, for each worker, the longest time between two batches of its source, ms, and how long it took from its first one to its last. */
function watchPauses(path: string): (context: OperatorContext) => void {
  const seen = new Map<number, { readonly firstMs: number; lastMs: number; longestMs: number; batches: number }>()
  return ({ subtaskIndex, clock }) => {
    const nowMs = clock.monotonicMs()
    const own = seen.get(subtaskIndex)
    if (own === undefined) {
      seen.set(subtaskIndex, { firstMs: nowMs, lastMs: nowMs, longestMs: 0, batches: 0 })
      return
    }
    if (nowMs - own.firstMs > SETTLED_MS) own.longestMs = Math.max(own.longestMs, nowMs - own.lastMs)
    own.lastMs = nowMs
    // Now and then, and each time at first: a reader does not hear of its end.
    if (++own.batches % 64 === 0 || own.batches < 64)
      writeFileSync(`${path}.${subtaskIndex}`, JSON.stringify({ longestMs: own.longestMs, seconds: (nowMs - own.firstMs) / 1000 }))
  }
}

/** What the job is told; numbers come as text from a command line. */
interface Params {
  readonly rows: number | string
  readonly keys: number | string
  readonly fewerFrom?: { readonly row: number; readonly keys: number }
  readonly isFunction?: boolean | string
  readonly every?: number | string
  readonly first?: string
  readonly result: string
  readonly pauses: string
}

export default defineJob(import.meta, (env, params) => {
  const { rows, keys, fewerFrom, isFunction = false, every = 1000, first, result, pauses } = params as unknown as Params
  const source = { rows: Number(rows), keys: Number(keys), rowsPerMs: 10_000, made: watchPauses(pauses), ...(fewerFrom && { fewerFrom }) }
  const keyed = env
    .from(new GeneratedSource(source))
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ at: number }>().withTimestampAssigner('at') as never)
    .keyBy('key')
  if (String(isFunction) === 'true')
    keyed
      .process(new Counter(Number(every), first) as never)
      .returns({ key: t.int(), rows: t.int() })
      .sinkTo(checkSink(result))
  else
    keyed
      .window(TumblingEventTimeWindows.of(days(1)))
      .aggregate({ total: sum('key'), rows: count() })
      .select('key', 'rows')
      .sinkTo(checkSink(result))
})
