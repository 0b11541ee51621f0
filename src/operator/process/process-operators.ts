// The operators of the process functions, by kind, and the rolling reductions of keyed streams that are made of them.

import type { KeySpec } from '../../batch/key-spec.ts'
import { type DataType, formatType, isObjectSchema, type LogicalType, Schema } from '../../batch/types.ts'
import { PlanError } from '../../base/errors.ts'
import { type MapStateDescriptor, type ValueState, type ValueStateDescriptor, valueState } from '../../state/state.ts'
import { KEY_COLUMN } from '../basic/key-operator.ts'
import type {
  BroadcastProcessFunction,
  Collector,
  CoProcessFunction,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  KeyedProcessRuntimeContext,
  ProcessFunction,
  ReduceFunction,
} from '../function.ts'
import type { Operator } from '../operator.ts'
import { ProcessOperator } from './process-operator.ts'

/** Schema and key of a keyed edge. */
export interface KeyedEdge {
  readonly schema: Schema
  readonly key: KeySpec
}

export function processOperator<IN, OUT>(schema: Schema, fn: ProcessFunction<IN, OUT>, output: Schema): Operator {
  return new ProcessOperator([{ schema, key: undefined, method: 'processElement' }], fn, output)
}

export function keyedProcessOperator<K, IN, OUT>(input: KeyedEdge, fn: KeyedProcessFunction<K, IN, OUT>, output: Schema): Operator {
  return new ProcessOperator([{ ...input, method: 'processElement' }], fn, output)
}

export function coProcessOperator<IN1, IN2, OUT>(schemas: readonly [Schema, Schema], fn: CoProcessFunction<IN1, IN2, OUT>, output: Schema): Operator {
  return new ProcessOperator(
    [
      { schema: schemas[0], key: undefined, method: 'processElement1' },
      { schema: schemas[1], key: undefined, method: 'processElement2' },
    ],
    fn,
    output,
  )
}

export function keyedCoProcessOperator<K, IN1, IN2, OUT>(
  inputs: readonly [KeyedEdge, KeyedEdge],
  fn: KeyedCoProcessFunction<K, IN1, IN2, OUT>,
  output: Schema,
): Operator {
  return new ProcessOperator(
    [
      { ...inputs[0], method: 'processElement1' },
      { ...inputs[1], method: 'processElement2' },
    ],
    fn,
    output,
  )
}

/** Input 0 is the stream, input 1 the broadcast one. */
export function broadcastProcessOperator<IN, BROADCAST, OUT>(
  schemas: readonly [Schema, Schema],
  states: readonly MapStateDescriptor<unknown, unknown>[],
  fn: BroadcastProcessFunction<IN, BROADCAST, OUT>,
  output: Schema,
): Operator {
  return new ProcessOperator(
    [
      { schema: schemas[0], key: undefined, method: 'processElement' },
      { schema: schemas[1], key: undefined, method: 'processBroadcastElement', states },
    ],
    fn,
    output,
  )
}

/** Input 0 is the keyed stream, input 1 the broadcast one. */
export function keyedBroadcastProcessOperator<K, IN, BROADCAST, OUT>(
  input: KeyedEdge,
  broadcastSchema: Schema,
  states: readonly MapStateDescriptor<unknown, unknown>[],
  fn: KeyedBroadcastProcessFunction<K, IN, BROADCAST, OUT>,
  output: Schema,
): Operator {
  return new ProcessOperator(
    [
      { ...input, method: 'processElement' },
      { schema: broadcastSchema, key: undefined, method: 'processBroadcastElement', states },
    ],
    fn,
    output,
  )
}

/** Emits, for each record, the reduction of all records of its key so far. */
export function keyedReduceOperator<T>(input: KeyedEdge, reduce: ReduceFunction<T>): Operator {
  const schema = recordSchemaOf(input.schema)
  return new ProcessOperator([{ ...input, method: 'processElement' }], new RollingReduce(reduce, recordState(schema)), schema)
}

/** What a rolling aggregate does with a column. `min` and `max` keep the other columns of the first record, `minBy` and `maxBy` those of the winner. */
export type RollingAggregate = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy'

/**
 * The reduction that a rolling aggregate is.
 *
 * @throws {PlanError} `AGGREGATE_NOT_APPLICABLE` if the column's type has no such aggregate.
 */
export function rollingReduce(schema: Schema, column: string, aggregate: RollingAggregate): ReduceFunction<Record<string, unknown>> {
  const { type } = schema.fields[schema.requireIndex(column)]
  if (aggregate === 'sum') {
    const add = adderOf(type)
    if (add === undefined) refuseAggregate(column, type)
    return (left, right) => ({ ...left, [column]: nullsLast(left[column], right[column], add) })
  }
  if (!isOrdered(type)) refuseAggregate(column, type)
  const sign = aggregate === 'min' || aggregate === 'minBy' ? 1 : -1
  const better = (left: unknown, right: unknown): boolean => right !== null && (left === null || compare(right, left) * sign < 0)
  if (aggregate === 'min' || aggregate === 'max') return (left, right) => (better(left[column], right[column]) ? { ...left, [column]: right[column] } : left)
  return (left, right) => (better(left[column], right[column]) ? right : left)
}

class RollingReduce<T> implements KeyedProcessFunction<unknown, T, T> {
  readonly #reduce: ReduceFunction<T>
  readonly #descriptor: ValueStateDescriptor<T>
  #state!: ValueState<T>

  constructor(reduce: ReduceFunction<T>, descriptor: ValueStateDescriptor<T>) {
    this.#reduce = reduce
    this.#descriptor = descriptor
  }

  open(context: KeyedProcessRuntimeContext): void {
    this.#state = context.getState(this.#descriptor)
  }

  processElement(value: T, _context: unknown, out: Collector<T>): void {
    const left = this.#state.value()
    const reduced = left === null ? value : this.#reduce(left, value)
    this.#state.update(reduced)
    out.collect(reduced)
  }
}

/** A state of one record: as a ROW where the stream has columns. */
function recordState<T>(schema: Schema): ValueStateDescriptor<T> {
  if (isObjectSchema(schema)) return valueState<T>('reduced')
  const logical: LogicalType = { kind: 'ROW', nullable: false, fields: schema.fields }
  return valueState<T>('reduced', { logical } as DataType<T>)
}

function recordSchemaOf(schema: Schema): Schema {
  return schema.indexOf(KEY_COLUMN) === -1 ? schema : new Schema(schema.fields.filter(({ name }) => name !== KEY_COLUMN))
}

function adderOf(type: LogicalType): ((left: never, right: never) => unknown) | undefined {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'INTERVAL_DAY_TIME':
    case 'INTERVAL_YEAR_MONTH':
      return (left: number, right: number) => left + right
    case 'BIGINT':
      return type.safeInteger ? (left: number, right: number) => left + right : (left: bigint, right: bigint) => BigInt.asIntN(64, left + right)
    default:
      return undefined
  }
}

function nullsLast(left: unknown, right: unknown, add: (left: never, right: never) => unknown): unknown {
  if (left === null) return right
  return right === null ? left : add(left as never, right as never)
}

function isOrdered(type: LogicalType): boolean {
  switch (type.kind) {
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
    case 'OBJECT':
    case 'BINARY':
    case 'VARBINARY':
      return false
    default:
      return true
  }
}

/** Numbers as Java's Double.compare (NaN above all, -0 below 0), bigints, booleans and decimals by value; text by code points, which is the order of its bytes. */
function compare(left: unknown, right: unknown): number {
  if (typeof left === 'object' && left !== null && 'compare' in left) return (left as { compare(other: unknown): number }).compare(right)
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right)
  if ((left as number) < (right as number)) return -1
  if ((left as number) > (right as number)) return 1
  return rankOf(left) - rankOf(right)
}

/** Tells apart what < and > do not. */
function rankOf(value: unknown): number {
  return Number.isNaN(value) ? 1 : Object.is(value, -0) ? -1 : 0
}

function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index)
    const b = right.charCodeAt(index)
    if (a === b) continue
    // Surrogates stand for code points beyond all others of 16 bits.
    const isHighA = a >= 0xd800 && a <= 0xdfff
    const isHighB = b >= 0xd800 && b <= 0xdfff
    return isHighA === isHighB ? a - b : isHighA ? 1 : -1
  }
  return left.length - right.length
}

function refuseAggregate(column: string, type: LogicalType): never {
  throw new PlanError('AGGREGATE_NOT_APPLICABLE', `Cannot aggregate column "${column}": ${formatType(type)} has no such aggregate`)
}
