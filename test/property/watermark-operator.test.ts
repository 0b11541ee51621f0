// The two settings of the one watermark generator side by side: a DataStream's watermark is 1 ms behind the largest timestamp less the bound and
// begins at the beginning of time, that of SQL is the value itself and says nothing at or below 0. Each against its definition, row for row, however
// the rows are cut into batches.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { WATERMARK_MIN } from '../../src/batch/crossings.ts'
import { defineSchema, type Schema, t } from '../../src/batch/types.ts'
import { DATASTREAM_WATERMARK_RULES, WatermarkOperator, type WatermarkRules } from '../../src/operator/basic/watermark-operator.ts'
import { runOperatorHarness } from '../../src/testing/operator-harness.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import type { WatermarkView } from '../../src/time/watermark-view.ts'

const SCHEMA = defineSchema({ at: t.safeInt() }) as Schema
const SQL_WATERMARK_RULES: WatermarkRules = { behindMs: 0, initialMs: 0, nullHint: '' }
const every: WatermarkView = { kind: 'every' }

const RULES: Record<string, { readonly rules: WatermarkRules; readonly watermarkMs: (maxMs: number, boundMs: number) => number }> = {
  DataStream: { rules: DATASTREAM_WATERMARK_RULES, watermarkMs: (maxMs, boundMs) => maxMs - boundMs - 1 },
  SQL: { rules: SQL_WATERMARK_RULES, watermarkMs: (maxMs, boundMs) => (maxMs - boundMs > 0 ? maxMs - boundMs : WATERMARK_MIN) },
}

it.each(Object.keys(RULES))('the watermark in front of each row is the one that %s defines', (name) => {
  const { rules, watermarkMs } = RULES[name]
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -30, max: 60 }), { maxLength: 20 }), fc.nat({ max: 12 }), (times, boundMs) => {
      const { spec } = WatermarkStrategy.forBoundedOutOfOrderness<{ readonly at: number }>(boundMs).withTimestampAssigner('at')
      const { main } = runOperatorHarness({
        create: () => new WatermarkOperator(SCHEMA, spec, every, rules),
        inputs: [{ schema: SCHEMA }],
        steps: times.map((at) => ({ row: { at } })),
        randomRuns: 2,
      })
      let maxMs = WATERMARK_MIN
      let watermark = WATERMARK_MIN
      const seen: number[] = []
      for (const event of main) {
        if ('watermark' in event) {
          watermark = event.watermark
          continue
        }
        if ('idle' in event) throw new Error('a stream without a timeout became idle')
        expect(watermark, `in front of ${event.timestamp}`).toBe(maxMs === WATERMARK_MIN ? WATERMARK_MIN : watermarkMs(maxMs, boundMs))
        maxMs = Math.max(maxMs, event.timestamp)
        seen.push(event.timestamp)
      }
      expect(seen).toEqual(times)
      expect(watermark).toBe(Infinity)
    }),
    { numRuns: 60 },
  )
})
