// Asynchronous calls for each record of a stream, with Flink's names.

import { refuseUnknownOptions } from '../../base/option-keys.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { ASYNC_KEYS, type AsyncFunction, AsyncOperator, type AsyncOptions } from '../../operator/async/async-operator.ts'
import type { TransformationBody } from '../../plan/transformation.ts'
import type { DataStream } from './data-stream.ts'

/** An {@link AsyncFunction}, or just its call for functions that give one result a record. */
export type AsyncCall<R, OUT> = AsyncFunction<R, OUT> | ((record: R, signal: AbortSignal) => Promise<OUT>)

function wait<R, OUT>(stream: DataStream<R>, call: AsyncCall<R, OUT>, ordered: boolean, options: AsyncOptions<OUT>): DataStream<OUT> {
  refuseUnknownOptions('make asynchronous calls', options, ASYNC_KEYS)
  const fn: AsyncFunction<R, OUT> = typeof call === 'function' ? { asyncInvoke: async (record, signal) => [await call(record, signal)] } : call
  const body = (schema: Schema): TransformationBody => ({
    kind: 'operator',
    watermarks: { kind: 'every' },
    needsEventLoop: true,
    withSchema: body,
    create: () => new AsyncOperator(stream.schema, fn, schema, ordered, options),
  })
  // Made once here for its checks.
  new AsyncOperator(stream.schema, fn, OBJECT_SCHEMA, ordered, options)
  return stream.operator(ordered ? 'AsyncOrdered' : 'AsyncUnordered', body(OBJECT_SCHEMA), OBJECT_SCHEMA as Schema<OUT>)
}

/**
 * Asynchronous calls for each record.
 *
 * @example
 * const priced = AsyncDataStream.unorderedWait(orders, async (order, signal) => ({ ...order, price: await lookup(order.item, signal) }), { capacity: 200 })
 */
export const AsyncDataStream = {
  /** Results leave in the order of the records. */
  orderedWait: <R, OUT>(stream: DataStream<R>, call: AsyncCall<R, OUT>, options: AsyncOptions<NoInfer<OUT>> = {}): DataStream<OUT> =>
    wait(stream, call, true, options),
  /** Results leave as they come, but never across a watermark. */
  unorderedWait: <R, OUT>(stream: DataStream<R>, call: AsyncCall<R, OUT>, options: AsyncOptions<NoInfer<OUT>> = {}): DataStream<OUT> =>
    wait(stream, call, false, options),
} as const
