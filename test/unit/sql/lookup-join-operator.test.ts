// The operator of lookup joins over tables that answer as a test wants: what is asked, what is kept, what fails.
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../src/batch/batch-rows.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { defineSchema, type Schema, t } from '../../../src/batch/types.ts'
import { LookupCache } from '../../../src/connector/lookup/lookup-cache.ts'
import type { StoredRow } from '../../../src/connector/lookup/lookup-table.ts'
import type { Output } from '../../../src/operator/operator.ts'
import type { BoundExpression } from '../../../src/sql/bound-expression.ts'
import { LookupJoinOperator, type LookupJoinSpec } from '../../../src/sql/runtime/lookup-join-operator.ts'
import { type HarnessStep, runAsyncOperatorHarness } from '../../../src/testing/operator-harness.ts'
import { testContext } from '../connector/file-probe.ts'

const SESSION = { timeZone: 'UTC', currentCatalog: 'c', currentDatabase: 'd' }
const LEFT = defineSchema({ n: t.int().nullable(), tag: t.string().nullable() }) as Schema
const JOINED = defineSchema({ n: t.int().nullable(), tag: t.string().nullable(), square: t.int().nullable() }) as Schema
const INT = { kind: 'INT', nullable: true } as const
const N: BoundExpression = { kind: 'column', index: 0, type: INT, start: 0, end: 0 }

type Answer = (keys: readonly (readonly unknown[])[]) => Promise<readonly (readonly StoredRow[])[]>

const specOf = (answer: Answer, options: Partial<LookupJoinSpec> = {}, cache?: LookupJoinSpec['asked']['cache'], retriesMax = 0): LookupJoinSpec => ({
  type: 'LEFT',
  keys: [{ column: { name: 'n', type: INT }, value: N }],
  before: undefined,
  filter: undefined,
  projection: [N],
  rest: undefined,
  capacity: 3,
  timeoutMs: 60_000,
  retry: undefined,
  asked: {
    table: { target: 'table "squares"', createReader: () => ({ lookup: answer, close() {} }) },
    cache,
    retriesMax,
    rowOf: (row) => row,
  },
  ...options,
})

/** Squares of odd numbers, twice. */
const squares: Answer = async (keys) => {
  await Promise.resolve()
  return keys.map(([n]) => ((n as number) % 2 === 0 ? [] : [[(n as number) ** 2], [(n as number) ** 2]]))
}

/** Joins batches of numbers one behind the other. Resolves with the rows, each as text. */
async function joined(
  spec: LookupJoinSpec,
  clock: VirtualClock,
  batches: readonly (readonly (number | null)[])[],
  between = (): void => {},
): Promise<string[]> {
  const context = { ...testContext(64), clock }
  const operator = new LookupJoinOperator(spec, JOINED, SESSION)
  const rows: string[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (batch) => {
      for (const { row } of batchToObjects(batch)) {
        const { n, square } = row as { readonly n: unknown; readonly square: unknown }
        rows.push(`${String(n)}:${String(square)}`)
      }
    },
    emitWatermark() {},
    emitStatus() {},
    side: () => undefined,
  }
  operator.open(context)
  try {
    for (const numbers of batches) {
      const batch = batchFromObjects(
        context.slab,
        LEFT,
        numbers.map((n) => ({ row: { n, tag: null } })),
      )
      while (!operator.processBatch(batch, output)) {
        await new Promise(setImmediate)
        // Time passes only while something is due.
        const dueMs = operator.nextProcessingTimeMs()
        if (dueMs !== Infinity) clock.setMs(Math.max(clock.nowMs(), dueMs))
      }
      freeBatch(batch)
      between()
    }
  } finally {
    operator.close()
  }
  return rows
}

describe('LookupJoinOperator', () => {
  it.each(['INNER', 'LEFT'] as const)('%s: gives the same however it is run', async (type) => {
    const steps: HarnessStep[] = [1, 2, 3, null, 3, 4, 5, 1].flatMap((n, index): HarnessStep[] => [
      { row: { n, tag: `${index}` }, timestamp: index * 10, kind: index === 4 ? RowKind.DELETE : RowKind.INSERT },
      ...(index % 3 === 2 ? [{ watermark: index * 10 - 5 }] : []),
    ])
    const { rows } = await runAsyncOperatorHarness({
      create: () => new LookupJoinOperator(specOf(squares, { type }), JOINED, SESSION),
      inputs: [{ schema: LEFT }],
      steps,
      ends: true,
    })
    const expected = [1, 2, 3, null, 3, 4, 5, 1].flatMap((n, index) => {
      if (n !== null && n % 2 === 1) return Array.from({ length: 2 }, () => `${n}:${n * n}:${index}`)
      return type === 'LEFT' ? [`${n}:null:${index}`] : []
    })
    expect(
      rows.map(({ row }) => Object.values(row as Record<string, unknown>)).map(([n, tag, square]) => `${String(n)}:${String(square)}:${String(tag)}`),
    ).toEqual(expected)
    expect(rows.filter(({ kind }) => kind === RowKind.DELETE).length).toBe(2)
  })

  it('asks for each key of some rows once, never for NULL', async () => {
    const asked: unknown[][] = []
    const counting: Answer = (keys) => {
      asked.push(keys.map(([n]) => n))
      return squares(keys)
    }
    await joined(specOf(counting), new VirtualClock(), [[1, null, 1, 5, 5, 1], [5]])
    expect(asked).toEqual([[1], [5, 1], [5]])
  })

  it('asks again for what is kept no longer', async () => {
    const clock = new VirtualClock()
    const asked: unknown[] = []
    const counting: Answer = (keys) => {
      for (const [n] of keys) asked.push(n)
      return squares(keys)
    }
    const cache = { keysMax: 2, expireAfterWriteMs: 100, expireAfterAccessMs: Infinity, cachesMissing: false }
    await joined(specOf(counting, {}, cache), clock, [[1], [1], [2], [2], [3], [1], [5], [3], [1]], () => clock.setMs(clock.nowMs() + 12))
    // 2 has no rows, so nothing is kept; behind 5 the first two are too many, and 1 is asked for before it is 100 ms old.
    expect(asked).toEqual([1, 2, 2, 3, 5, 3, 1])
  })

  it('tries again where asking fails, and then says what it failed with', async () => {
    let failures = 2
    const failing: Answer = (keys) => (failures-- > 0 ? Promise.reject(new Error('no route')) : squares(keys))
    expect(await joined(specOf(failing, {}, undefined, 2), new VirtualClock(), [[3]])).toEqual(['3:9', '3:9'])
    failures = 3
    await expect(joined(specOf(failing, {}, undefined, 1), new VirtualClock(), [[3]])).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: 'Cannot look rows up in table "squares": no route (2 tries)',
    })
  })

  it('asks again for keys without rows as often as it is told', async () => {
    let times = 0
    const late: Answer = (keys) => {
      times++
      return Promise.resolve(keys.map(([n]) => (n === 1 || times > 3 ? [[7]] : [])))
    }
    expect(await joined(specOf(late, { retry: { attempts: 3, delayMs: 1 } }), new VirtualClock(), [[1, 2]])).toEqual(['1:7', '2:null'])
    expect(times).toBe(3)
    times = 0
    expect(await joined(specOf(late, { retry: { attempts: 4, delayMs: 1 } }), new VirtualClock(), [[1, 2]])).toEqual(['1:7', '2:7'])
  })

  it('fails when there is no answer in time', async () => {
    const silent: Answer = () => new Promise(() => {})
    await expect(joined(specOf(silent, { timeoutMs: 5 }), new VirtualClock(), [[1]])).rejects.toMatchObject({
      code: 'LOOKUP_TIMEOUT',
      message: 'Cannot look rows up in table "squares": there is no answer after 5 ms',
    })
  })
})

describe('LookupCache', () => {
  const FOREVER = { keysMax: 2, expireAfterWriteMs: Infinity, expireAfterAccessMs: Infinity, cachesMissing: true }

  it('forgets the key that was not asked for longest', () => {
    const cache = new LookupCache<number>(FOREVER)
    cache.put('a', [1], 0)
    cache.put('b', [2], 0)
    expect(cache.get('a', 1)).toEqual([1])
    cache.put('c', [], 2)
    expect([cache.get('a', 3), cache.get('b', 3), cache.get('c', 3)]).toEqual([[1], undefined, []])
  })

  it('forgets by the time since an answer came, or was wanted', () => {
    const written = new LookupCache<number>({ ...FOREVER, expireAfterWriteMs: 10 })
    written.put('a', [1], 0)
    expect([written.get('a', 9), written.get('a', 10)]).toEqual([[1], undefined])
    const accessed = new LookupCache<number>({ ...FOREVER, expireAfterAccessMs: 10 })
    accessed.put('a', [1], 0)
    expect([accessed.get('a', 9), accessed.get('a', 18), accessed.get('a', 28)]).toEqual([[1], [1], undefined])
  })

  it('keeps that there are no rows only if it is to', () => {
    const cache = new LookupCache<number>({ ...FOREVER, cachesMissing: false })
    cache.put('a', [], 0)
    expect(cache.get('a', 0)).toBeUndefined()
  })
})
