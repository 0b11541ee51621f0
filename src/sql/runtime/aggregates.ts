// What aggregates compute: folds values into accumulators, takes them out again, and says what they amount to. Accumulators are lists of plain values,
// so that they can be state; what grows with the group lies in collections beside them.

import { PlanError } from '../../base/errors.ts'
import { Decimal, formatType, type LogicalType } from '../../batch/types.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import { toDecimal, wrapInteger } from '../casts.ts'
import { decimalArithmetic } from '../decimal-arithmetic.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import { compareValues, keyOf, type Value } from '../value.ts'

/** What an aggregate knows of a group: changed in place, written as it is. */
export type Accumulator = unknown[]

/** Values of a group by what tells them apart, each with how often it is there: what `MapState` is for a key. */
export interface Collection {
  get(key: string): readonly [value: readonly Value[], count: number] | null
  put(key: string, entry: readonly [value: readonly Value[], count: number]): void
  remove(key: string): unknown
  values(): readonly (readonly [value: readonly Value[], count: number])[]
  clear(): void
}

/** A collection that is no state: of what is computed at once. */
export class HeapCollection implements Collection {
  readonly #entries = new Map<string, readonly [readonly Value[], number]>()

  get(key: string): readonly [readonly Value[], number] | null {
    return this.#entries.get(key) ?? null
  }

  put(key: string, entry: readonly [readonly Value[], number]): void {
    this.#entries.set(key, entry)
  }

  remove(key: string): void {
    this.#entries.delete(key)
  }

  values(): readonly (readonly [readonly Value[], number])[] {
    return [...this.#entries.values()]
  }

  clear(): void {
    this.#entries.clear()
  }
}

/** The code of one aggregate over operands that are given by place. */
export interface Fold {
  create(): Accumulator
  /** @param sign 1: the values are added; -1: they are taken out. */
  fold(accumulator: Accumulator, values: readonly Value[], sign: 1 | -1): void
  result(accumulator: Accumulator): Value
  /** What must not change for the result to count as the same. @default the result */
  witness?(accumulator: Accumulator): Value
  /** Adds what another accumulator knows: of windows that merge. Undefined: it cannot. */
  merge?(accumulator: Accumulator, other: Accumulator): void
  /** What it keeps beside accumulators. */
  readonly collection?: Collection
}

type Shape = LogicalType & { readonly kind: 'DECIMAL' }

/** Adds or subtracts in the arithmetic of a type; null: a DECIMAL has grown too large. */
function adder(type: LogicalType): (sum: Value, value: Value, sign: 1 | -1) => Value {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return (sum, value, sign) => wrapInteger(BigInt(sum as number) + BigInt(sign) * BigInt(value as number), type.kind)
    case 'FLOAT':
      return (sum, value, sign) => Math.fround((sum as number) + sign * (value as number))
    case 'DECIMAL':
      return (sum, value, sign) => (sum === null ? null : decimalArithmetic(sign === 1 ? '+' : '-', toDecimal(sum), toDecimal(value), type))
    default:
      return (sum, value, sign) => (sum as number) + sign * (value as number)
  }
}

function zeroOf(type: LogicalType): Value {
  return type.kind === 'BIGINT' ? 0n : type.kind === 'DECIMAL' ? new Decimal(0n, type.scale) : 0
}

const count: () => Fold = () => ({
  create: () => [0],
  fold(accumulator, _values, sign) {
    accumulator[0] = (accumulator[0] as number) + sign
  },
  result: ([total]) => BigInt(total as number),
  merge(accumulator, [other]) {
    accumulator[0] = (accumulator[0] as number) + (other as number)
  },
})

function sum(type: LogicalType): Fold {
  const add = adder(type)
  return {
    create: () => [zeroOf(type), 0],
    fold(accumulator, [value], sign) {
      accumulator[0] = add(accumulator[0] as Value, value, sign)
      accumulator[1] = (accumulator[1] as number) + sign
    },
    result: ([total, counted]) => (counted === 0 ? null : (total as Value)),
    merge(accumulator, [total, counted]) {
      accumulator[0] = add(accumulator[0] as Value, total as Value, 1)
      accumulator[1] = (accumulator[1] as number) + (counted as number)
    },
  }
}

/** The mean: of whole numbers a whole one. */
function mean(operand: LogicalType, type: LogicalType): Fold {
  const total: LogicalType =
    operand.kind === 'DECIMAL'
      ? { kind: 'DECIMAL', precision: 38, scale: operand.scale, nullable: true }
      : operand.kind === 'FLOAT' || operand.kind === 'DOUBLE'
        ? { kind: 'DOUBLE', nullable: true }
        : { kind: 'BIGINT', safeInteger: false, nullable: true }
  const inner = sum(total)
  return {
    ...inner,
    result([summed, counted]) {
      if (counted === 0 || summed === null) return null
      if (summed instanceof Decimal) return decimalArithmetic('/', summed, new Decimal(BigInt(counted as number), 0), type as Shape)
      if (typeof summed === 'bigint') return wrapInteger(summed / BigInt(counted as number), type.kind)
      const value = (summed as number) / (counted as number)
      return type.kind === 'FLOAT' ? Math.fround(value) : value
    },
    witness: ([summed, counted]) => [summed as Value, counted as number],
  }
}

/** MIN (-1) or MAX (1) of what is never taken out. */
function extreme(sign: 1 | -1): Fold {
  const fold = (accumulator: Accumulator, value: Value): void => {
    const known = accumulator[0] as Value
    if (known === null || compareValues(value, known) * sign > 0) accumulator[0] = value
  }
  return {
    create: () => [null],
    fold: (accumulator, [value]) => fold(accumulator, value),
    result: ([value]) => value as Value,
    merge(accumulator, [other]) {
      if (other !== null) fold(accumulator, other as Value)
    },
  }
}

/** MIN or MAX of what may be taken out again: all values are kept, and looked through when the extreme one goes. */
function extremeOfKept(sign: 1 | -1, collection: Collection): Fold {
  const { fold: take, ...rest } = extreme(sign)
  return {
    create: rest.create,
    result: rest.result,
    collection,
    fold(accumulator, [value], change) {
      const left = bump(collection, [value], change)
      if (left > 0) {
        if (change === 1) take(accumulator, [value], 1)
        return
      }
      const known = accumulator[0] as Value
      if (known === null || compareValues(known, value) !== 0) return
      accumulator[0] = null
      for (const [kept, times] of collection.values()) if (times > 0) take(accumulator, kept, 1)
    },
  }
}

/** Counts a value once more, or once less. Returns how often it is there now; what was taken out before it came counts below zero. */
function bump(collection: Collection, values: readonly Value[], change: 1 | -1): number {
  const key = values.map(keyOf).join('|')
  const left = (collection.get(key)?.[1] ?? 0) + change
  if (left === 0) collection.remove(key)
  else collection.put(key, [values, left])
  return left
}

/** The first or last value by arrival. Values are kept in a list where they may be taken out. */
function positional(isLast: boolean, retracts: boolean): Fold {
  if (!retracts)
    return {
      create: () => [null],
      fold(accumulator, [value]) {
        if (isLast || accumulator[0] === null) accumulator[0] = value
      },
      result: ([value]) => value as Value,
      merge(accumulator, [other]) {
        if (other !== null && (isLast || accumulator[0] === null)) accumulator[0] = other
      },
    }
  return listed((values) => (values.length === 0 ? null : values[isLast ? values.length - 1 : 0]))
}

/** Keeps all values in the order in which they came. */
function listed(result: (values: readonly Value[], separator: Value) => Value): Fold {
  return {
    create: () => [[], null],
    fold(accumulator, [value, separator], sign) {
      const values = accumulator[0] as Value[]
      if (sign === 1) values.push(value)
      else {
        const key = keyOf(value)
        const at = values.findIndex((one) => keyOf(one) === key)
        if (at >= 0) values.splice(at, 1)
      }
      if (separator !== undefined) accumulator[1] = separator
    },
    result: ([values, separator]) => result(values as readonly Value[], separator as Value),
    merge(accumulator, [values, separator]) {
      ;(accumulator[0] as Value[]).push(...(values as readonly Value[]))
      if (separator !== null) accumulator[1] = separator
    },
  }
}

/** COLLECT: how often each value is there. */
function multiset(): Fold {
  return {
    ...listed((values) => {
      const pairs = new Map<string, [Value, number]>()
      for (const value of values) {
        const pair = pairs.get(keyOf(value))
        if (pair === undefined) pairs.set(keyOf(value), [value, 1])
        else pair[1]++
      }
      return [...pairs.values()]
    }),
  }
}

/** The only value of a group. */
function single(): Fold {
  return {
    ...listed((values) => {
      if (values.length > 1) throw new RangeError('A subquery that stands for a value has more than one row')
      return values.length === 0 ? null : values[0]
    }),
  }
}

/** The value so many rows before the last one. */
function lag({ operands }: BoundAggregate): Fold {
  const [, distance] = operands
  const steps = distance?.kind === 'literal' ? Number(distance.value) : 1
  return {
    create: () => [[], null],
    fold(accumulator, [value, , otherwise]) {
      const values = accumulator[0] as Value[]
      values.push(value)
      if (values.length > steps + 1) values.shift()
      accumulator[1] = otherwise ?? null
    },
    result: ([values, otherwise]) => {
      const known = values as readonly Value[]
      return known.length > steps ? known[known.length - 1 - steps] : (otherwise as Value)
    },
  }
}

/** Each value counts once, however often it is there. */
function distinct(inner: Fold, collection: Collection): Fold {
  return {
    create: inner.create,
    result: inner.result,
    ...(inner.witness && { witness: inner.witness }),
    collection,
    fold(accumulator, values, sign) {
      const left = bump(collection, values, sign)
      if (left === (sign === 1 ? 1 : 0)) inner.fold(accumulator, values, sign)
    },
  }
}

const KEEPS_NULL = new Set(['SINGLE_VALUE', 'LAG'])

function foldOf(aggregate: BoundAggregate, retracts: boolean, collection: (name: string) => Collection): Fold {
  const { name, operands, type } = aggregate
  const kept = (): Collection => collection(`values of ${name}`)
  switch (name) {
    case 'COUNT':
      return count()
    case 'SUM':
      return sum(type)
    case '$SUM0': {
      const inner = sum(type)
      return { ...inner, result: ([total]) => total as Value }
    }
    case 'AVG':
      return mean(operands[0].type, type)
    case 'MIN':
    case 'MAX':
      return retracts ? extremeOfKept(name === 'MAX' ? 1 : -1, kept()) : extreme(name === 'MAX' ? 1 : -1)
    case 'MAX OF REPLACED':
    case 'MIN OF REPLACED': {
      const inner = extreme(name.startsWith('MAX') ? 1 : -1)
      return { ...inner, fold: (accumulator, values, sign) => (sign === 1 ? inner.fold(accumulator, values, 1) : undefined) }
    }
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      return positional(name === 'LAST_VALUE', retracts)
    case 'LISTAGG':
      return listed((values, separator) => (values.length === 0 ? null : values.join((separator as string | null) ?? ',')))
    case 'ARRAY_AGG':
      return listed((values) => (values.length === 0 ? null : [...values]))
    case 'COLLECT':
      return multiset()
    case 'SINGLE_VALUE':
      return single()
    case 'ROW_NUMBER':
    case 'RANK':
    case 'DENSE_RANK':
      // Of rows in the order of time: peers count one by one.
      return count()
    case 'LAG':
      return lag(aggregate)
    default:
      throw new PlanError('NOT_SUPPORTED', `Cannot compute ${name} of ${operands.map((operand) => formatType(operand.type)).join(', ')} yet`)
  }
}

/** One aggregate of an operator: with its operands and filter, as functions of the row. */
interface Member {
  readonly fold: Fold
  readonly operands: readonly Evaluate[]
  readonly filter: Evaluate | undefined
  readonly keepsNull: boolean
}

/** All aggregates of an operator, over one list of accumulators. */
export class Aggregates {
  readonly #members: readonly Member[]
  readonly #collections: readonly Collection[]

  /**
   * @param retracts Whether rows may be taken out.
   * @param collection Makes the collection of this name, which shows the current group.
   * @throws {PlanError} `NOT_SUPPORTED`
   */
  constructor(aggregates: readonly BoundAggregate[], retracts: boolean, context: EvaluationContext, collection: (name: string) => Collection) {
    const collections: Collection[] = []
    this.#members = aggregates.map((aggregate, index) => {
      const made = (name: string): Collection => {
        const one = collection(`${index} ${name}`)
        collections.push(one)
        return one
      }
      // Of distinct values each is taken out once only if it is there no more.
      const inner = foldOf(aggregate, retracts, made)
      return {
        fold: aggregate.isDistinct ? distinct(inner, made('distinct values')) : inner,
        operands: aggregate.operands.map((operand) => interpret(operand, context)),
        filter: aggregate.filter && interpret(aggregate.filter, context),
        keepsNull: KEEPS_NULL.has(aggregate.name) || (aggregate.name === 'ARRAY_AGG' && !aggregate.ignoresNull),
      }
    })
    this.#collections = collections
  }

  create(): Accumulator[] {
    return this.#members.map(({ fold }) => fold.create())
  }

  fold(accumulators: readonly Accumulator[], row: readonly Value[], sign: 1 | -1): void {
    for (let index = 0; index < this.#members.length; index++) {
      const { fold, operands, filter, keepsNull } = this.#members[index]
      if (filter !== undefined && filter(row) !== true) continue
      const values = operands.map((operand) => operand(row))
      if (!keepsNull && values.includes(null)) continue
      fold.fold(accumulators[index], values, sign)
    }
  }

  results(accumulators: readonly Accumulator[]): Value[] {
    return this.#members.map(({ fold }, index) => fold.result(accumulators[index]))
  }

  /** Two accumulators with the same text have the same results. */
  witness(accumulators: readonly Accumulator[]): string {
    return this.#members
      .map(({ fold }, index) => keyOf(fold.witness === undefined ? fold.result(accumulators[index]) : fold.witness(accumulators[index])))
      .join('|')
  }

  merge(accumulators: readonly Accumulator[], others: readonly Accumulator[]): void {
    this.#members.forEach(({ fold }, index) => fold.merge!(accumulators[index], others[index]))
  }

  /** Whether accumulators can be merged. */
  get canMerge(): boolean {
    return this.#members.every(({ fold }) => fold.merge !== undefined)
  }

  /** Forgets what collections hold of the current group. */
  clear(): void {
    for (const collection of this.#collections) collection.clear()
  }
}
