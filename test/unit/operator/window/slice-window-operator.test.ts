// The columnar windows under the harness: every shape and key, all built-in aggregates, late records to a side output.
import { describe, expect, test } from 'vitest'
import { Random } from '../../../../src/base/random.ts'
import type { KeySpec } from '../../../../src/batch/key-spec.ts'
import { defineSchema, type Schema, t } from '../../../../src/batch/types.ts'
import { avg, count, countDistinct, first, last, max, min, sum } from '../../../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../../../src/operator/window/slice-window-operator.ts'
import type { AlignedWindows } from '../../../../src/operator/window/slices.ts'
import { type HarnessOptions, type HarnessStep, runOperatorHarness } from '../../../../src/testing/operator-harness.ts'

interface Row {
  readonly key: string | null
  readonly id: number
  readonly value: number | null
  readonly price: number
}

const SCHEMA = defineSchema({ key: t.string().nullable(), id: t.int(), value: t.int().nullable(), price: t.double() }) as Schema

const WINDOWS: Record<string, AlignedWindows> = {
  tumbling: { kind: 'tumbling', sizeMs: 10, offsetMs: 3 },
  sliding: { kind: 'sliding', sizeMs: 25, slideMs: 10, offsetMs: 0 },
  'sliding with gaps': { kind: 'sliding', sizeMs: 5, slideMs: 20, offsetMs: 0 },
  cumulative: { kind: 'cumulative', sizeMs: 40, stepMs: 10, offsetMs: 0 },
}

const KEYS: Record<string, { readonly key: KeySpec; readonly fn?: () => string }> = {
  'a nullable text': { key: { kind: 'columns', columns: [0] } },
  'an integer': { key: { kind: 'columns', columns: [1] } },
  'two columns': { key: { kind: 'columns', columns: [1, 0] } },
  'no column': { key: { kind: 'columns', columns: [] } },
  // Its results do not tell their key, so that only one key has an order that can be compared.
  'a key function': { key: { kind: 'encoded', column: SCHEMA.fields.length }, fn: () => 'a key longer than an entry has room for, the same for all' },
}

function stream(seed: number): HarnessStep[] {
  const random = new Random(seed)
  const steps: HarnessStep[] = []
  let time = 100
  for (let index = 0; index < 70; index++) {
    time += random.integer(4)
    const timestamp = Math.max(0, time - random.integer(random.integer(6) === 0 ? 60 : 6))
    const row: Row = {
      key: ['a', 'bé', null][random.integer(3)],
      id: random.integer(3),
      value: random.integer(5) === 0 ? null : random.integer(4),
      price: [0, -0, 1.5, NaN][random.integer(4)],
    }
    steps.push({ row, timestamp })
    if (random.integer(4) === 0) steps.push({ watermark: time - 6 })
  }
  return steps
}

describe.each(Object.keys(WINDOWS))('%s windows in columns', (shape) => {
  test.each(Object.keys(KEYS))('by %s answer the same however they are run, and tell late records', (name) => {
    const { key, fn } = KEYS[name]
    const options: HarnessOptions = {
      create: () =>
        new SliceWindowOperator({
          inputSchema: SCHEMA,
          key,
          windows: WINDOWS[shape],
          aggregates: {
            rows: count(),
            values: count('value'),
            total: sum('value'),
            least: min('value'),
            most: max('price'),
            mean: avg('price'),
            earliest: first('value'),
            latest: last('value'),
            different: countDistinct('value'),
            prices: countDistinct('price'),
            texts: countDistinct('key'),
          },
          lateOutput: 'late',
        }),
      inputs: [{ schema: SCHEMA, ...(fn !== undefined && { key: fn as never }) }],
      sides: ['late'],
      steps: stream(5),
      keyOf: (row: Row) => `${row.key} ${row.id}`,
    }
    const { rows, sides } = runOperatorHarness(options)
    expect(rows.length).toBeGreaterThan(0)
    expect(sides.get('late')!.some((event) => 'row' in event)).toBe(true)
    for (const { row } of rows as readonly { readonly row: { readonly rows: number; readonly different: number; readonly prices: number } }[]) {
      expect(row.different).toBeLessThanOrEqual(Math.min(4, row.rows))
      // 0 and -0 are one value, as are all NaN.
      expect(row.prices).toBeLessThanOrEqual(3)
    }
  })
})
