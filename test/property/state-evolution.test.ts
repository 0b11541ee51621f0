// Random changes of the columns of a state, one after the other, against a model that changes plain objects: what the user reads is what the model
// says, at any parallelism and whether the state is declared before the restore or behind it.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyBytesOf } from '../../src/base/key-bytes.ts'
import { keyGroupOf, subtaskOfKeyGroup } from '../../src/base/key-groups.ts'
import { Slab } from '../../src/base/slab.ts'
import { type DataType, t } from '../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { type ListState, listState, type MapState, mapState, type StateOptions, type ValueState, valueState } from '../../src/state/state.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { KEY_SCHEMAS } from '../contract/state-contract.ts'

const module = compileKernels()
const MAX_PARALLELISM = 128

/** A column: its name, and how far its type has been widened. */
interface Column {
  readonly name: string
  readonly kind: 'integer' | 'float' | 'text'
  readonly width: number
}

const WIDTHS = { integer: [t.tinyint(), t.int(), t.bigint()], float: [t.float(), t.double()], text: [t.varchar(4), t.varchar(9), t.string()] } as const

type Row = Readonly<Record<string, unknown>>

function typeOf(columns: readonly Column[]): DataType<Row> {
  return t.row(Object.fromEntries(columns.map(({ name, kind, width }) => [name, WIDTHS[kind][width].nullable()])))
}

const change = fc.record({
  what: fc.constantFrom('add', 'drop', 'widen', 'rename', 'move'),
  at: fc.nat(),
  kind: fc.constantFrom('integer', 'float', 'text'),
  hasDefault: fc.boolean(),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

const valueOf = (kind: Column['kind'], seed: number): unknown =>
  kind === 'integer' ? (seed % 240) - 120 : kind === 'float' ? seed / 4 : 'äbc'.slice(0, seed % 4)

/** The next columns, what the descriptor must say of them, and what becomes of a row. */
function changed(
  columns: readonly Column[],
  { what, at, kind, hasDefault }: Change,
  round: number,
): { columns: readonly Column[]; options: StateOptions; follow: (row: Row) => Row } {
  const index = at % columns.length
  const column = columns[index]
  const { name } = column
  switch (what) {
    case 'add': {
      const added = { name: `new${round}`, kind, width: 0 } as const
      const value = hasDefault ? valueOf(kind, at % 250) : null
      return {
        columns: columns.toSpliced(index, 0, added),
        options: hasDefault ? { defaults: { [added.name]: value } } : {},
        follow: (row) => ({ ...row, [added.name]: value }),
      }
    }
    case 'drop':
      if (columns.length === 1) return { columns, options: {}, follow: (row) => row }
      return { columns: columns.toSpliced(index, 1), options: {}, follow: (row) => Object.fromEntries(Object.entries(row).filter(([key]) => key !== name)) }
    case 'widen': {
      const width = Math.min(column.width + 1, WIDTHS[column.kind].length - 1)
      const isBigint = column.kind === 'integer' && width === 2
      return {
        columns: columns.with(index, { ...column, width }),
        options: {},
        follow: (row) => (isBigint && row[name] !== null ? { ...row, [name]: BigInt(row[name] as number) } : row),
      }
    }
    case 'rename': {
      const to = `renamed${round}`
      return {
        columns: columns.with(index, { ...column, name: to }),
        options: { renamed: { [name]: to } },
        follow: (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key === name ? to : key, value])),
      }
    }
    case 'move':
      return { columns: [...columns.toSpliced(index, 1), column], options: {}, follow: (row) => row }
  }
}

interface Handles {
  readonly one: ValueState<Row>
  readonly list: ListState<Row>
  readonly map: MapState<string, Row>
}

const slab = new Slab()

function open(subtaskIndex: number, parallelism: number): MemoryStateBackend {
  return new MemoryStateBackend(
    new KeyStore({
      slab,
      kernels: instantiateKernels(module, slab),
      subtaskIndex,
      parallelism,
      maxParallelism: MAX_PARALLELISM,
      tableSeed: 7,
      inputs: [{ schema: KEY_SCHEMAS.string, key: { kind: 'columns', columns: [0] } }],
      timers: false,
    }),
  )
}

function declare(backend: MemoryStateBackend, columns: readonly Column[], options: StateOptions): Handles {
  const type = typeOf(columns)
  return {
    one: backend.getState(valueState('one', type, options)),
    list: backend.getState(listState('list', type, options)),
    map: backend.getState(mapState('map', t.string(), type, options)),
  }
}

test('states whose columns change hold what a model of them holds', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.record({ change, parallelism: fc.constantFrom(1, 2, 3), isLate: fc.boolean(), hasTtl: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat({ max: 1000 }), { minLength: 12, maxLength: 12 }),
      (keys, rounds, seeds) => {
        let columns: readonly Column[] = [
          { name: 'a', kind: 'integer', width: 0 },
          { name: 'b', kind: 'text', width: 0 },
        ]
        const model = new Map(
          keys.map((key, index): [string, Row] => [
            key,
            { a: seeds[index] % 7 === 0 ? null : valueOf('integer', seeds[index]), b: valueOf('text', seeds[index]) },
          ]),
        )
        let snapshot = new MemorySnapshot()
        const first = open(0, 1)
        const handles = declare(first, columns, {})
        for (const [key, row] of model) {
          first.select(first.resolveKey(keyBytesOf(key)))
          handles.one.update(row)
          handles.list.addAll([row, row])
          handles.map.put(key, row)
        }
        first.snapshot(snapshot)
        first.close()
        rounds.forEach(({ change: next, parallelism, isLate, hasTtl }, round) => {
          const step = changed(columns, next, round)
          columns = step.columns
          // Comes and goes: nothing expires within it.
          const options = hasTtl ? { ...step.options, ttl: { ttlMs: 1e9 } } : step.options
          for (const [key, row] of model) model.set(key, step.follow(row))
          const after = new MemorySnapshot()
          for (let subtask = 0; subtask < parallelism; subtask++) {
            const backend = open(subtask, parallelism)
            const early = isLate ? undefined : declare(backend, columns, options)
            backend.restore(snapshot.reader(subtask, parallelism, MAX_PARALLELISM))
            const states = early ?? declare(backend, columns, options)
            for (const [key, row] of model) {
              const bytes = keyBytesOf(key)
              if (subtaskOfKeyGroup(keyGroupOf(bytes, MAX_PARALLELISM), parallelism, MAX_PARALLELISM) !== subtask) continue
              backend.select(backend.resolveKey(bytes))
              expect(states.one.value()).toEqual(row)
              expect(states.list.get()).toEqual([row, row])
              expect(states.map.entries()).toEqual([[key, row]])
            }
            backend.settle()
            backend.snapshot(after)
            backend.close()
          }
          snapshot = after
        })
      },
    ),
    { numRuns: 50 },
  )
})
