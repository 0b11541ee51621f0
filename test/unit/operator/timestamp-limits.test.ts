// Event timestamps that are not believed: out of the stream, counted, and without effect on the watermark, however batches are cut.
import { describe, expect, test } from 'vitest'
import { BadRecordError, defineSchema, t, type TimestampLimits, TumblingEventTimeWindows, count, WatermarkStrategy } from 'millrace'
import { runJob } from 'millrace/testing'
import { VirtualClock } from '../../../src/base/clock.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 5, 1)
const schema = defineSchema({ id: t.int(), at: t.timestampLtz(3) })
const rowsAt = (...times: number[]): { id: number; at: number }[] => times.map((at, id) => ({ id, at }))

async function run(
  times: readonly number[],
  limits: TimestampLimits | undefined,
  batchRowsMax: number = 4,
): Promise<{ windows: unknown[]; bad: number; late: number; log: readonly string[] }> {
  const strategy = WatermarkStrategy.forMonotonousTimestamps<{ id: number; at: number }>().withTimestampAssigner('at')
  const { outputs, badRecords, lateRecords, log } = await runJob(
    (env) => {
      env
        .fromCollection(rowsAt(...times), schema)
        .assignTimestampsAndWatermarks(limits === undefined ? strategy : strategy.withTimestampLimits(limits))
        .withColumn('one', t.int(), () => 1)
        .keyBy('one')
        .window(TumblingEventTimeWindows.of(HOUR))
        .aggregate({ rows: count() })
        .output('windows')
    },
    { clock: new VirtualClock(NOW), batchRowsMax },
  )
  const windows = (outputs.get('windows') ?? []).map((each) => {
    const { windowStart, rows } = each as { windowStart: number; rows: unknown }
    return [(windowStart - NOW) / HOUR, Number(rows)]
  })
  return { windows, bad: badRecords, late: lateRecords, log }
}

const FUTURE = Date.UTC(2999, 0, 1)
const INPUT = [NOW - 2 * HOUR, NOW - HOUR, FUTURE, NOW - HOUR + 1, Date.UTC(1800, 0, 1), NOW, NOW + 24 * HOUR, NOW + 24 * HOUR + 1, NOW + 23 * HOUR]

describe('withTimestampLimits', () => {
  test('without it one record from the future makes all behind it late', async () => {
    expect(await run([NOW - HOUR, FUTURE, NOW], undefined)).toMatchObject({ bad: 0, late: 1 })
  })

  test.each([1, 2, 3, 100])('skip: such records are counted and move no watermark, batches of %d', async (batchRowsMax) => {
    const { windows, bad, late, log } = await run(INPUT, { onOutside: 'skip' }, batchRowsMax)
    expect(windows).toEqual([
      [-2, 1],
      [-1, 2],
      [0, 1],
      [24, 1],
    ])
    // The last one is late by the record at exactly the limit, which counts.
    expect({ bad, late }).toEqual({ bad: 3, late: 1 })
    expect(log).toEqual([expect.stringContaining(`left out a record: the timestamp ${FUTURE} (epoch ms) lies too far ahead of the clock, which is at ${NOW}`)])
  })

  test('own limits', async () => {
    const { windows, bad } = await run([NOW - 2, NOW - 1, NOW, NOW + 1, NOW + 2], { minMs: NOW - 1, maxFutureMs: 1, onOutside: 'skip' })
    expect(windows).toEqual([
      [-1, 1],
      [0, 2],
    ])
    expect(bad).toBe(2)
  })

  test('fail: the job fails with the timestamp and the clock', async () => {
    await expect(run(INPUT, {})).rejects.toThrow(
      `Cannot assign a timestamp in operator "Timestamps/Watermarks": the timestamp ${FUTURE} (epoch ms) lies too far ahead of the clock, which is at ${NOW}`,
    )
    await expect(run([Date.UTC(1800, 0, 1)], {})).rejects.toMatchObject({ code: 'TIMESTAMP_OUT_OF_RANGE' })
    await expect(run([Date.UTC(1800, 0, 1)], {})).rejects.toBeInstanceOf(BadRecordError)
  })

  test('wrong limits are refused', () => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps()
    expect(() => strategy.withTimestampLimits({ maxFutureMs: -1 })).toThrow('Cannot use a future of -1 ms')
    expect(() => strategy.withTimestampLimits({ minMs: Number.NaN })).toThrow('minMs must be a finite number')
    expect(() => strategy.withTimestampLimits({ onOutside: 'keep' as 'skip' })).toThrow('onOutside must be fail or skip')
  })
})
