// Changes that say by a key what its row has become, as full changes: against a map, in every way in which the harness runs an operator.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { ChangelogNormalizeOperator } from '../../../src/sql/runtime/changelog-normalize-operator.ts'
import { runOperatorHarness } from '../../../src/testing/operator-harness.ts'

const SCHEMA = defineSchema({ key: t.int(), value: t.string().nullable(), tags: t.array(t.int()).nullable() })
const SESSION = { timeZone: 'UTC', currentCatalog: '', currentDatabase: '' }
type Row = Readonly<Record<'key' | 'value' | 'tags', unknown>>

const stepArbitrary = fc.record({
  row: fc.record({
    key: fc.integer({ min: 0, max: 3 }),
    value: fc.option(fc.constantFrom('a', 'b')),
    tags: fc.option(fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 1 })),
  }),
  kind: fc.constantFrom(RowKind.INSERT, RowKind.UPDATE_BEFORE, RowKind.UPDATE_AFTER, RowKind.DELETE),
})

/** What full changes come to. */
function full(steps: readonly { readonly row: Row; readonly kind: RowKind }[], hasTtl: boolean): [RowKind, Row][] {
  const held = new Map<unknown, Row>()
  return steps.flatMap(({ row, kind }): [RowKind, Row][] => {
    const known = held.get(row.key)
    if (kind === RowKind.UPDATE_BEFORE) return []
    if (kind === RowKind.DELETE) {
      held.delete(row.key)
      return known === undefined ? [] : [[RowKind.DELETE, known]]
    }
    held.set(row.key, row)
    if (known === undefined) return [[RowKind.INSERT, row]]
    const isSame = JSON.stringify(known) === JSON.stringify(row)
    return isSame && !hasTtl
      ? []
      : [
          [RowKind.UPDATE_BEFORE, known],
          [RowKind.UPDATE_AFTER, row],
        ]
  })
}

describe('changes of a key', () => {
  test.each([false, true])('become full ones, in whatever batches they come; with a time to live: %s', (hasTtl) => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 20 }), (steps) => {
        const { rows } = runOperatorHarness({
          create: () => new ChangelogNormalizeOperator({ input: { schema: SCHEMA, key: [0] }, ttl: hasTtl ? { ttlMs: 1000 } : undefined }, SESSION),
          inputs: [{ schema: SCHEMA }],
          steps,
          keyOf: (row: Row) => row.key,
          randomRuns: 1,
        })
        const expected = full(steps, hasTtl)
        expect(rows.map(({ kind, row }) => [kind, row])).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })
})
