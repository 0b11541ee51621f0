// `fn`: expressions that no column's methods make.

import type { DataType } from '../../batch/types.ts'
import { CONTEXT_VARIABLES } from '../../sql/reserved-words.ts'
import type { Call } from '../../sql/syntax-tree.ts'
import { CallExpression, Expression, functionOf, interval, negation, writeOperand } from './expression.ts'
import type { NullOf, Operand, Widened } from './expression-types.ts'

/**
 * Makes expressions: literals, calls of functions by name, conditions, ranks.
 *
 * @example
 * bids.groupBy((bid) => ({ host: fn.call<string>('PARSE_URL', bid.url, 'HOST') })).aggregate(() => ({ bids: fn.count() }))
 */
export const fn = {
  /** A value as a literal, of its own type or of the given one: `fn.lit(0, t.timestamp(3))`. */
  lit<T>(value: T, type?: DataType<Widened<T>>): Expression<Widened<T>> {
    return new Expression((text) => text.value(value, type?.logical))
  },

  /** A function or aggregate of SQL by its name: every one that there is. */
  call<T>(name: string, ...operands: readonly unknown[]): CallExpression<T> {
    return functionOf(name, operands, operands.length === 0 && CONTEXT_VARIABLES.has(name.toUpperCase()) ? 'variable' : 'function')
  },

  /** COUNT(*): how many rows there are. */
  count(): CallExpression<bigint> {
    return new CallExpression(
      (text): Call =>
        text.call('function', 'COUNT', [
          (own) =>
            own.node(() => {
              own.add('*')
              return (span) => ({ kind: 'star', of: [], ...span })
            }),
        ]),
      [],
    )
  },

  rowNumber(): CallExpression<bigint> {
    return functionOf('ROW_NUMBER', [])
  },

  rank(): CallExpression<bigint> {
    return functionOf('RANK', [])
  },

  denseRank(): CallExpression<bigint> {
    return functionOf('DENSE_RANK', [])
  },

  /** So many milliseconds, to be added to times. */
  interval(ms: number): Expression<number> {
    return new Expression((text) => interval(ms, text))
  },

  /** The time at which the row is processed. */
  proctime(): Expression<number> {
    return functionOf<number>('PROCTIME', [])
  },

  currentTimestamp(): Expression<number> {
    return functionOf<number>('CURRENT_TIMESTAMP', [], 'variable')
  },

  not<T extends boolean | null>(condition: Expression<T>): Expression<T> {
    return negation(condition)
  },

  /** One value where the condition is true, else the other. */
  ifThenElse<T, U>(condition: Expression<boolean | null>, then: Operand<T>, otherwise: Operand<U>): Expression<Widened<T> | Widened<U>> {
    return new Expression(
      (text) =>
        text.node(() => {
          text.add('CASE WHEN ')
          const when = condition.writeTo(text)
          text.add(' THEN ')
          const result = writeOperand(then, text)
          text.add(' ELSE ')
          const other = writeOperand(otherwise, text)
          text.add(' END')
          return (span) => ({ kind: 'case', value: undefined, branches: [{ when: [when], result }], otherwise: other, ...span })
        }),
      [condition, then, otherwise],
    )
  },

  /** The first value that is not NULL. */
  coalesce<T>(...values: readonly Operand<T>[]): Expression<Widened<Exclude<T, null>> | NullOf<T>> {
    return functionOf('COALESCE', values)
  },

  /** An ARRAY of the values. */
  array<T>(...values: readonly [Operand<T>, ...Operand<T>[]]): Expression<readonly Widened<T>[]> {
    return constructor('ARRAY', values)
  },

  /** A ROW of the values; its fields are called EXPR$0, EXPR$1 and so on, unless it is cast. */
  row(...values: readonly [unknown, ...unknown[]]): Expression<Readonly<Record<string, unknown>>> {
    return constructor('ROW', values)
  },
} as const

function constructor<T>(of: 'ROW' | 'ARRAY', values: readonly unknown[]): Expression<T> {
  return new Expression(
    (text) =>
      text.node(() => {
        text.add(`${of}[`)
        const written = text.list(values, (value) => writeOperand(value, text))
        text.add(']')
        return (span) => ({ kind: 'constructor', of, values: written, ...span })
      }),
    values,
  )
}
