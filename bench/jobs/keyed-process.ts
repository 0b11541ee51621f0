// A user's KeyedProcessFunction: a value state and one timer a key at a time.

import { defineJob, defineSchema, type KeyedProcessFunction, t, type ValueState, valueState, WatermarkStrategy } from 'millrace'
import { checkSink } from './check-sink.ts'
import { GeneratedSource } from './generated-source.ts'

export const TIMER_MS = 1000

interface Row {
  readonly key: number
  readonly amount: number
  readonly at: number
}
const RESULT = { key: t.int(), at: t.timestamp(3), rows: t.int() }

/** Counts the rows of a key; tells and forgets the count one second after the first. */
class Counter implements KeyedProcessFunction<number, Row, { key: number; at: number; rows: number }> {
  #rows!: ValueState<number>

  open(context: Parameters<NonNullable<KeyedProcessFunction<number, Row, unknown>['open']>>[0]): void {
    this.#rows = context.getState(valueState('rows', t.int()))
  }

  processElement(row: Row, context: Parameters<KeyedProcessFunction<number, Row, unknown>['processElement']>[1]): void {
    const rows = this.#rows.value()
    if (rows === null || rows === undefined) context.timerService.registerEventTimeTimer(row.at + TIMER_MS)
    this.#rows.update((rows ?? 0) + 1)
  }

  onTimer(timeMs: number, context: { getCurrentKey(): number }, out: { collect(value: { key: number; at: number; rows: number }): void }): void {
    out.collect({ key: context.getCurrentKey(), at: timeMs, rows: this.#rows.value()! })
    this.#rows.clear()
  }
}

export default defineJob(import.meta, (env, { rows, keys, rowsPerMs, result }) => {
  env
    .from(new GeneratedSource({ rows: rows as number, keys: keys as number, rowsPerMs: rowsPerMs as number }))
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at') as never)
    .keyBy('key')
    .process(new Counter() as never)
    .returns(defineSchema(RESULT) as never)
    .sinkTo(checkSink(result as string))
})
