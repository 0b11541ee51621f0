// The operators of the process functions, by kind, and the rolling reductions of keyed streams that are made of them.

import type { KeySpec } from '../../batch/key-spec.ts'
import { type DataType, formatType, isObjectSchema, type LogicalType, Schema, withNullability } from '../../batch/types.ts'
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
import { addValues, compareValues, isOrdered, sumTypeOf } from '../scalar-aggregates.ts'
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
  return new ProcessOperator([{ ...input, method: 'processElement' }], new RollingReduce(reduce, schema), schema)
}

/** What a rolling aggregate does with a column. `min` and `max` keep the other columns of the first record, `minBy` and `maxBy` those of the winner. */
export type RollingAggregate = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy'

/** The records that a rolling aggregate makes: those of the stream, where a sum has the type of sums of its column. */
export function rollingSchema<R>(schema: Schema<R>, column: string, aggregate: RollingAggregate): Schema<R> {
  if (aggregate !== 'sum' || isObjectSchema(schema)) return schema
  const fields = schema.fields.map((field) => {
    const type = field.name === column ? sumTypeOf(field.type) : undefined
    return type === undefined ? field : { name: field.name, type: withNullability(type, field.type.nullable) }
  })
  return new Schema(fields)
}

/**
 * The reduction that a rolling aggregate is. NULL is no value: it never wins, and adds nothing.
 *
 * @throws {PlanError} `AGGREGATE_NOT_APPLICABLE` if the column's type has no such aggregate.
 */
export function rollingReduce(schema: Schema, column: string, aggregate: RollingAggregate): ReduceFunction<Record<string, unknown>> {
  // Records that are JavaScript values have no column to look up: what they hold shows when it comes.
  const type = isObjectSchema(schema) ? undefined : schema.fields[schema.requireIndex(column)].type
  if (aggregate === 'sum') {
    if (type !== undefined && sumTypeOf(type) === undefined) refuseAggregate(column, type)
    return (left, right) => ({ ...left, [column]: added(left[column], right[column]) })
  }
  if (type !== undefined && !isOrdered(type)) refuseAggregate(column, type)
  const sign = aggregate === 'min' || aggregate === 'minBy' ? 1 : -1
  const better = (left: unknown, right: unknown): boolean => right !== null && (left === null || compareValues(right, left) * sign < 0)
  if (aggregate === 'min' || aggregate === 'max') return (left, right) => (better(left[column], right[column]) ? { ...left, [column]: right[column] } : left)
  return (left, right) => (better(left[column], right[column]) ? right : left)
}

/** Answers every record with the reduction of all records of its key so far. */
export class RollingReduce<T> implements KeyedProcessFunction<unknown, T, T> {
  readonly #reduce: ReduceFunction<T>
  readonly #descriptor: ValueStateDescriptor<T>
  #state!: ValueState<T>

  /** @param schema What the reduced records look like. */
  constructor(reduce: ReduceFunction<T>, schema: Schema) {
    this.#reduce = reduce
    this.#descriptor = recordState(schema)
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

function added(left: unknown, right: unknown): unknown {
  if (left === null) return right
  return right === null ? left : addValues(left, right)
}

function refuseAggregate(column: string, type: LogicalType): never {
  throw new PlanError('AGGREGATE_NOT_APPLICABLE', `Cannot aggregate column "${column}": ${formatType(type)} has no such aggregate`)
}
