// What the compiler must know of functions of SQL: their parameters and results are those that are declared.
import { aggregateFunction, type Decimal, overloaded, scalarFunction, type ScalarFunctionDefinition, t, tableFunction } from 'millrace'

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(_proof?: T): void => {}

export const price = scalarFunction({
  arguments: [t.decimal(10, 2), t.string().nullable(), t.array(t.bigint())],
  returns: t.string().nullable(),
  eval(amount, currency, counts) {
    holds<Same<typeof amount, Decimal>>()
    holds<Same<typeof currency, string | null>>()
    holds<Same<typeof counts, readonly bigint[]>>()
    return currency
  },
})
holds<Same<typeof price, ScalarFunctionDefinition<(...values: [Decimal, string | null, readonly bigint[]]) => string | null>>>()

export const joined = scalarFunction({
  arguments: [t.string()],
  rest: t.int(),
  returns: t.string(),
  eval(first, ...others) {
    holds<Same<typeof first, string>>()
    holds<Same<typeof others, number[]>>()
    return first + others.join('')
  },
})

// @ts-expect-error NULL is no result of a type that does not admit it.
scalarFunction({ arguments: [t.string()], returns: t.string(), eval: () => null })

// @ts-expect-error An argument is what it was declared to be.
scalarFunction({ arguments: [t.string()], returns: t.int(), eval: (n: number) => n })

export const words = tableFunction({
  arguments: [t.string()],
  returns: t.row({ word: t.string(), length: t.int() }),
  *eval(text) {
    holds<Same<typeof text, string>>()
    yield { word: text, length: text.length }
  },
})

export const letters = tableFunction({
  arguments: [t.string()],
  returns: t.string(),
  eval(text) {
    this.collect(text)
    // @ts-expect-error Rows are of the declared type.
    this.collect(1)
  },
})

export const mean = aggregateFunction({
  arguments: [t.double(), t.int().nullable()],
  returns: t.double().nullable(),
  createAccumulator: () => ({ sum: 0, count: 0 }),
  accumulate(known, value, weight) {
    holds<Same<typeof known, { sum: number; count: number }>>()
    holds<Same<typeof weight, number | null>>()
    known.sum += value * (weight ?? 1)
    known.count += weight ?? 1
  },
  merge(known, others) {
    for (const { sum, count } of others) {
      known.sum += sum
      known.count += count
    }
  },
  getValue: ({ sum, count }) => (count === 0 ? null : sum / count),
})

aggregateFunction({
  arguments: [t.int()],
  returns: t.int(),
  createAccumulator: () => 0,
  accumulate: (sum, value) => sum + value,
  // @ts-expect-error A result is of the declared type.
  getValue: (sum) => String(sum),
})

export const either = overloaded(price, joined)
// @ts-expect-error Functions of different kinds are not one.
overloaded(price, words)
