// Aggregates that users write: their accumulators are state like those of others.

import type { UserCall } from '../../user-function-calls.ts'
import { toUserOf } from '../../user-values.ts'
import type { Value } from '../../value.ts'
import type { Accumulator, Fold } from './fold.ts'

/** A function of the user that adds a row to an accumulator, or takes it out. */
type Change = (held: never, values: readonly Value[]) => unknown

/** @param count How many operands it has. */
export function userAggregate(call: UserCall, count: number): Fold {
  const { code, returns, accumulator: type } = call.signature
  const take = call.takerOf(returns)
  // Accumulators of a type lie in state as values, others as users have them.
  const stored = type === undefined ? (held: unknown): unknown => call.settled(held) : call.takerOf(type)
  const show = type && toUserOf(type)
  const shown = show === undefined ? (held: unknown): unknown => held : (held: unknown): unknown => (held === null ? null : show(held as Value))
  const [add, takeOut] = changesOf(call, count)
  const fold = (accumulator: Accumulator, change: Change, of: string, values: readonly Value[]): void => {
    try {
      const held = shown(accumulator[0])
      // Changed in place, or what takes its place.
      const next = change(held as never, values)
      accumulator[0] = stored(next === undefined ? held : next)
    } catch (error) {
      throw call.failure(of, error, values)
    }
  }
  return {
    create() {
      try {
        return [stored(code.createAccumulator!())]
      } catch (error) {
        throw call.failure('createAccumulator', error, [])
      }
    },
    fold(accumulator, values, sign) {
      if (sign === 1) fold(accumulator, add, 'accumulate', values)
      else fold(accumulator, takeOut, 'retract', values)
    },
    result([held]) {
      try {
        return take(code.getValue!(shown(held) as never))
      } catch (error) {
        throw call.failure('getValue', error, [])
      }
    },
    merge(accumulator, [other]) {
      fold(accumulator, (held) => code.merge!(held, [shown(other)] as never), 'merge', [])
    },
  }
}

/** What adds rows, and what takes them out. Of one argument no array is made. */
function changesOf(call: UserCall, count: number): readonly [add: Change, takeOut: Change] {
  const { code } = call.signature
  const readers = call.readersOf(count)
  const [first] = readers
  if (count === 1) return [(held, [value]) => code.accumulate!(held, first(value)), (held, [value]) => code.retract!(held, first(value))]
  const given = (values: readonly Value[]): never[] => readers.map((read, index) => read(values[index]))
  return [(held, values) => code.accumulate!(held, ...given(values)), (held, values) => code.retract!(held, ...given(values))]
}
