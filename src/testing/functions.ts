// Functions of users as operators for the harness: for each kind of function what `runOperatorHarness` must know to run it as a job would. Each takes
// a factory, called for every run and every restore, so that nothing a function keeps to itself outlives a snapshot.

import type { KeyValue } from '../base/key-bytes.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import { OBJECT_SCHEMA, type Schema } from '../batch/types.ts'
import { isRichFunction, processFunctionOf, type RichRowFunction } from '../api/datastream/process-body.ts'
import { type AsyncFunction, AsyncOperator, type AsyncOptions } from '../operator/async/async-operator.ts'
import { keyedSchemaOf } from '../operator/basic/key-operator.ts'
import { type NamedRowStage, rowOperator } from '../operator/basic/row-operator.ts'
import type {
  BroadcastProcessFunction,
  Collector,
  CoProcessFunction,
  FilterFunction,
  FlatMapFunction,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  MapFunction,
  OutputTag,
  ProcessFunction,
} from '../operator/function.ts'
import type { Operator } from '../operator/operator.ts'
import {
  broadcastProcessOperator,
  coProcessOperator,
  keyedBroadcastProcessOperator,
  keyedCoProcessOperator,
  type KeyedEdge,
  keyedProcessOperator,
  processOperator,
} from '../operator/process/process-operators.ts'
import type { WindowAssigner } from '../operator/window/assigners.ts'
import type { Evictor } from '../operator/window/evictors.ts'
import { GeneralWindowOperator } from '../operator/window/general-window-operator.ts'
import type { Trigger } from '../operator/window/triggers.ts'
import type { ProcessWindowFunction } from '../operator/window/window-function.ts'
import type { Window } from '../operator/window/window.ts'
import type { MapStateDescriptor } from '../state/state.ts'
import type { HarnessInput, HarnessOptions } from './operator-harness.ts'

/** What the harness must know of a function: spread it into its options. */
export type HarnessFunction = Pick<HarnessOptions, 'create' | 'inputs'>

/** One stream keyed by columns or by a function. */
export interface KeyedHarnessInput<R = never> {
  readonly schema: Schema<R>
  readonly key: string | readonly string[] | ((row: R) => KeyValue)
}

/** A broadcast stream and the states that functions keep of it. */
export interface BroadcastHarnessInput<B = never> {
  readonly schema: Schema<B>
  readonly states: readonly MapStateDescriptor<unknown, unknown>[]
}

/** As `map`: a factory of the function, or of an object with a life cycle. */
export function mapFunction<R, T>(schema: Schema<R>, create: () => ((row: R) => T) | MapFunction<R, T>, output?: Schema): HarnessFunction {
  return rowFunction('map', schema, create, output ?? OBJECT_SCHEMA)
}

/** As `filter`. */
export function filterFunction<R>(schema: Schema<R>, create: () => ((row: R) => boolean) | FilterFunction<R>): HarnessFunction {
  return rowFunction('filter', schema, create, schema)
}

/** As `flatMap`. */
export function flatMapFunction<R, T>(
  schema: Schema<R>,
  create: () => ((row: R, out: Collector<T>) => Iterable<T> | void) | FlatMapFunction<R, T>,
  output?: Schema,
): HarnessFunction {
  return rowFunction('flatMap', schema, create, output ?? OBJECT_SCHEMA)
}

/** As `process` of a stream without keys. */
export function processFunction<R, OUT>(schema: Schema<R>, create: () => ProcessFunction<R, OUT>, output: Schema = OBJECT_SCHEMA): HarnessFunction {
  return { create: () => processOperator(schema, create(), output), inputs: [{ schema }] }
}

/** As `process` of a keyed stream. */
export function keyedProcessFunction<K, R, OUT>(
  input: KeyedHarnessInput<R>,
  create: () => KeyedProcessFunction<K, R, OUT>,
  output: Schema = OBJECT_SCHEMA,
): HarnessFunction {
  return { create: () => keyedProcessOperator(edgeOf(input), create(), output), inputs: [inputOf(input)] }
}

/** As `process` of two connected streams without keys. */
export function coProcessFunction<R1, R2, OUT>(
  first: Schema<R1>,
  second: Schema<R2>,
  create: () => CoProcessFunction<R1, R2, OUT>,
  output: Schema = OBJECT_SCHEMA,
): HarnessFunction {
  return { create: () => coProcessOperator([first, second], create(), output), inputs: [{ schema: first }, { schema: second }] }
}

/** As `process` of two connected keyed streams. */
export function keyedCoProcessFunction<K, R1, R2, OUT>(
  first: KeyedHarnessInput<R1>,
  second: KeyedHarnessInput<R2>,
  create: () => KeyedCoProcessFunction<K, R1, R2, OUT>,
  output: Schema = OBJECT_SCHEMA,
): HarnessFunction {
  return { create: () => keyedCoProcessOperator([edgeOf(first), edgeOf(second)], create(), output), inputs: [inputOf(first), inputOf(second)] }
}

/** As `process` of a stream connected with a broadcast one, which is input 1. */
export function broadcastProcessFunction<R, B, OUT>(
  schema: Schema<R>,
  broadcast: BroadcastHarnessInput<B>,
  create: () => BroadcastProcessFunction<R, B, OUT>,
  output: Schema = OBJECT_SCHEMA,
): HarnessFunction {
  return {
    create: () => broadcastProcessOperator([schema, broadcast.schema], broadcast.states, create(), output),
    inputs: [{ schema }, { schema: broadcast.schema }],
  }
}

/** As `process` of a keyed stream connected with a broadcast one, which is input 1. */
export function keyedBroadcastProcessFunction<K, R, B, OUT>(
  input: KeyedHarnessInput<R>,
  broadcast: BroadcastHarnessInput<B>,
  create: () => KeyedBroadcastProcessFunction<K, R, B, OUT>,
  output: Schema = OBJECT_SCHEMA,
): HarnessFunction {
  return {
    create: () => keyedBroadcastProcessOperator(edgeOf(input), broadcast.schema, broadcast.states, create(), output),
    inputs: [inputOf(input), { schema: broadcast.schema }],
  }
}

/** How windows are made and fire. */
export interface HarnessWindows<R, W extends Window> {
  readonly assigner: WindowAssigner<R, W>
  /** @default the assigner's */
  readonly trigger?: Trigger<R, W>
  readonly evictor?: Evictor<R, W>
  /** @default 0 */
  readonly allowedLatenessMs?: number
  /** Where records go that are too late for every window. */
  readonly lateOutput?: OutputTag<R>
  /** @default any values */
  readonly output?: Schema
}

/** As `window(...).process` of a keyed stream. */
export function windowFunction<K, R, OUT, W extends Window>(
  input: KeyedHarnessInput<R>,
  windows: HarnessWindows<NoInfer<R>, W>,
  create: () => ProcessWindowFunction<R, OUT, K, W>,
): HarnessFunction {
  const { assigner, trigger, evictor, allowedLatenessMs, lateOutput, output } = windows
  return {
    create: () =>
      new GeneralWindowOperator({
        inputs: [{ schema: input.schema, key: edgeOf(input).key }],
        outputSchema: output ?? OBJECT_SCHEMA,
        assigner,
        ...(trigger && { trigger }),
        ...(evictor && { evictor }),
        contents: { kind: 'list' },
        function: create(),
        allowedLatenessMs: allowedLatenessMs ?? 0,
        lateOutputs: [lateOutput],
      }),
    inputs: [inputOf(input)],
  }
}

/** As `AsyncDataStream`; to be run by `runAsyncOperatorHarness`. */
export function asyncFunction<R, OUT>(
  schema: Schema<R>,
  create: () => AsyncFunction<R, OUT>,
  options: AsyncOptions & { readonly ordered?: boolean; readonly output?: Schema } = {},
): HarnessFunction {
  const { ordered = true, output = OBJECT_SCHEMA, ...rest } = options
  return { create: () => new AsyncOperator(schema, create(), output, ordered, rest), inputs: [{ schema }] }
}

function rowFunction(kind: NamedRowStage['kind'], schema: Schema, create: () => unknown, output: Schema): HarnessFunction {
  return {
    create: () => {
      const fn = create()
      return isRichFunction(fn, kind) ? richOperator(schema, fn, output) : rowOperator(schema, [{ name: kind, kind, fn } as unknown as NamedRowStage], output)
    },
    inputs: [{ schema }],
  }
}

function richOperator(schema: Schema, fn: RichRowFunction, output: Schema): Operator {
  return processOperator(schema, processFunctionOf(fn)() as ProcessFunction<unknown, unknown>, output)
}

function edgeOf<R>({ schema, key }: KeyedHarnessInput<R>): KeyedEdge {
  if (typeof key !== 'function') {
    const columns = typeof key === 'string' ? [key] : key
    return { schema, key: { kind: 'columns', columns: columns.map((column) => schema.requireIndex(column)) } }
  }
  const keyed = keyedSchemaOf(schema)
  const spec: KeySpec = { kind: 'encoded', column: keyed.fields.length - 1 }
  return { schema: keyed, key: spec }
}

function inputOf<R>({ schema, key }: KeyedHarnessInput<R>): HarnessInput {
  return typeof key === 'function' ? { schema, key } : { schema }
}
