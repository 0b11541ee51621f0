// What a window holds until it fires: one folded record, one accumulator, or every record. State of the current key and namespace; the window
// operator sets both before each call.

import { type LogicalType, type Schema, isObjectSchema } from '../../batch/types.ts'
import {
  type AggregateFunction,
  type KeyedStateBackend,
  type ListState,
  listState,
  type ListStateDescriptor,
  type ValueState,
  valueState,
  type ValueStateDescriptor,
} from '../../state/state.ts'
import type { ReduceFunction } from '../function.ts'
import type { SnapshotReader, SnapshotWriter } from '../operator.ts'
import type { TimestampedValue } from './evictors.ts'

const STATE_NAME = 'window-contents'

/** The contents of the current window. */
export interface ContentsState {
  add(row: unknown, timestampMs: number, input: number): void
  /** What the function gets; null if the window holds nothing. */
  get(): readonly unknown[] | null
  clear(): void
  /** Takes the contents out, for {@link put} in another namespace; null if there are none. */
  take(): unknown
  put(taken: unknown): void
  /** What is the subtask's, of contents that have such; the backend sees to the rest. */
  snapshot?(writer: SnapshotWriter): void
  restore?(reader: SnapshotReader): void
}

/** How records of a schema are stored: columns by their types, JavaScript values as they are. */
export function recordTypeOf(schema: Schema): LogicalType | undefined {
  return isObjectSchema(schema) ? undefined : { kind: 'ROW', nullable: false, fields: schema.fields }
}

function typedValue<T>(name: string, type: LogicalType | undefined): ValueStateDescriptor<T> {
  return Object.freeze({ ...valueState<T>(name), type })
}

/** A list state whose elements have a declared type. */
export function typedList<T>(name: string, type: LogicalType | undefined): ListStateDescriptor<T> {
  return Object.freeze({ ...listState<T>(name), type })
}

/** One record, the fold of all. */
export class ReducedContents implements ContentsState {
  readonly #value: ValueState<unknown>
  readonly #reduce: ReduceFunction<unknown>

  constructor(backend: KeyedStateBackend, schema: Schema, reduce: ReduceFunction<unknown>) {
    this.#value = backend.getState(typedValue(STATE_NAME, recordTypeOf(schema)), 'namespace')
    this.#reduce = reduce
  }

  add(row: unknown): void {
    const value = this.#value.value()
    this.#value.update(value === null ? row : this.#reduce(value, row))
  }

  get(): readonly unknown[] | null {
    const value = this.#value.value()
    return value === null ? null : [value]
  }

  clear(): void {
    this.#value.clear()
  }

  take(): unknown {
    const value = this.#value.value()
    this.#value.clear()
    return value
  }

  put(taken: unknown): void {
    this.add(taken)
  }
}

/** One accumulator. */
export class AggregatedContents<IN, ACC> implements ContentsState {
  readonly #accumulator: ValueState<ACC>
  readonly #aggregate: AggregateFunction<IN, ACC, unknown>

  constructor(backend: KeyedStateBackend, aggregate: AggregateFunction<IN, ACC, unknown>, type: LogicalType | undefined) {
    this.#accumulator = backend.getState(typedValue<ACC>(STATE_NAME, type), 'namespace')
    this.#aggregate = aggregate
  }

  add(row: unknown): void {
    this.#accumulator.update(this.#aggregate.add(row as IN, this.#accumulator.value() ?? this.#aggregate.createAccumulator()))
  }

  get(): readonly unknown[] | null {
    const accumulator = this.#accumulator.value()
    return accumulator === null ? null : [this.#aggregate.getResult(accumulator)]
  }

  clear(): void {
    this.#accumulator.clear()
  }

  take(): unknown {
    const accumulator = this.#accumulator.value()
    this.#accumulator.clear()
    return accumulator
  }

  put(taken: unknown): void {
    const accumulator = this.#accumulator.value()
    this.#accumulator.update(accumulator === null ? (taken as ACC) : this.#aggregate.merge!(accumulator, taken as ACC))
  }
}

/** Every record. */
export class ListedContents implements ContentsState {
  readonly #list: ListState<unknown>

  constructor(backend: KeyedStateBackend, schema: Schema) {
    this.#list = backend.getState(typedList(STATE_NAME, recordTypeOf(schema)), 'namespace')
  }

  add(row: unknown): void {
    this.#list.add(row)
  }

  get(): readonly unknown[] | null {
    const elements = this.#list.get()
    return elements.length === 0 ? null : elements
  }

  clear(): void {
    this.#list.clear()
  }

  take(): unknown {
    const elements = this.get()
    this.#list.clear()
    return elements
  }

  put(taken: unknown): void {
    this.#list.addAll(taken as readonly unknown[])
  }
}

/** Every record of two inputs. {@link get} returns the two lists. */
export class CoGroupedContents implements ContentsState {
  readonly #lists: readonly [ListState<unknown>, ListState<unknown>]

  constructor(backend: KeyedStateBackend, left: Schema, right: Schema) {
    this.#lists = [
      backend.getState(typedList(`${STATE_NAME}-left`, recordTypeOf(left)), 'namespace'),
      backend.getState(typedList(`${STATE_NAME}-right`, recordTypeOf(right)), 'namespace'),
    ]
  }

  add(row: unknown, _timestampMs: number, input: number): void {
    this.#lists[input].add(row)
  }

  get(): readonly (readonly unknown[])[] | null {
    const left = this.#lists[0].get()
    const right = this.#lists[1].get()
    return left.length === 0 && right.length === 0 ? null : [left, right]
  }

  clear(): void {
    this.#lists[0].clear()
    this.#lists[1].clear()
  }

  take(): unknown {
    const lists = this.get()
    this.clear()
    return lists
  }

  put(taken: unknown): void {
    const [left, right] = taken as readonly [readonly unknown[], readonly unknown[]]
    if (left.length > 0) this.#lists[0].addAll(left)
    if (right.length > 0) this.#lists[1].addAll(right)
  }
}

/** A record with its timestamp as it is stored: null stands for none. */
interface StoredValue {
  readonly timestamp: number | null
  readonly value: unknown
}

/** Every record with its timestamp, for evictors. {@link get} returns {@link TimestampedValue}s. */
export class TimestampedContents implements ContentsState {
  readonly #list: ListState<StoredValue>

  constructor(backend: KeyedStateBackend, schema: Schema) {
    const value = recordTypeOf(schema)
    const timestamp: LogicalType = { kind: 'BIGINT', nullable: true, safeInteger: true }
    const type: LogicalType = {
      kind: 'ROW',
      nullable: false,
      fields: [
        { name: 'timestamp', type: timestamp },
        { name: 'value', type: value ?? { kind: 'OBJECT', nullable: true } },
      ],
    }
    this.#list = backend.getState(typedList<StoredValue>(STATE_NAME, type), 'namespace')
  }

  add(row: unknown, timestampMs: number): void {
    this.#list.add({ timestamp: timestampMs === -Infinity ? null : timestampMs, value: row })
  }

  get(): readonly TimestampedValue<unknown>[] | null {
    const elements = this.#list.get()
    return elements.length === 0 ? null : elements.map(({ timestamp, value }) => ({ timestamp: timestamp ?? -Infinity, value }))
  }

  /** Replaces the list by what an evictor has left. */
  replace(elements: readonly TimestampedValue<unknown>[]): void {
    this.#list.clear()
    for (const { timestamp, value } of elements) this.add(value, timestamp)
  }

  clear(): void {
    this.#list.clear()
  }

  take(): unknown {
    const elements = this.#list.get()
    this.#list.clear()
    return elements.length === 0 ? null : elements
  }

  put(taken: unknown): void {
    this.#list.addAll(taken as readonly StoredValue[])
  }
}
