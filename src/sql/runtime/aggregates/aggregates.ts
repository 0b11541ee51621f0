// The aggregates of an operator: which code computes each, and what they are over.

import { PlanError } from '../../../base/errors.ts'
import { formatType } from '../../../batch/types.ts'
import type { BoundAggregate } from '../../bound-expression.ts'
import { castOf } from '../../casts.ts'
import type { EvaluationContext } from '../../functions/scalar-function.ts'
import { type Evaluate, interpret } from '../../interpreter.ts'
import { DOUBLE } from '../../functions/scalar-function.ts'
import { keyOf, type Value } from '../../value.ts'
import type { Accumulator, Collection, Entry, Fold } from './fold.ts'
import { jsonArray, jsonObject } from './json.ts'
import { count, deviation, mean, sum } from './numbers.ts'
import { percentile } from './percentile.ts'
import { cardinality, distinct, extreme, extremeOfKept, extremeOfReplaced, lag, listed, multiset, positional, single } from './values.ts'

/** Aggregates that look at NULL themselves. */
const KEEPS_NULL = new Set(['SINGLE_VALUE', 'LAG', 'JSON_OBJECTAGG', 'JSON_ARRAYAGG', 'PERCENTILE'])

/** @throws {PlanError} `NOT_SUPPORTED` */
function foldOf(aggregate: BoundAggregate, retracts: boolean, context: EvaluationContext, kept: () => Collection): Fold {
  const { name, operands, type, ignoresNull } = aggregate
  switch (name) {
    case 'COUNT':
    case 'APPROX_COUNT_DISTINCT':
      return count()
    case 'SUM':
      return sum(type)
    case '$SUM0':
      return { ...sum(type), result: ([total]) => total as Value }
    case 'AVG':
      return mean(operands[0].type, type)
    case 'STDDEV_POP':
    case 'STDDEV_SAMP':
    case 'STDDEV':
    case 'VAR_POP':
    case 'VAR_SAMP':
    case 'VARIANCE':
      return deviation(name, type, castOf(DOUBLE, type, context)!)
    case 'MIN':
    case 'MAX':
      return retracts ? extremeOfKept(name === 'MAX' ? 1 : -1, kept()) : extreme(name === 'MAX' ? 1 : -1)
    case 'MAX OF REPLACED':
    case 'MIN OF REPLACED':
      return extremeOfReplaced(name.startsWith('MAX') ? 1 : -1)
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      return positional(name === 'LAST_VALUE', retracts)
    case 'LISTAGG':
      return listed((values, separator) => (values.length === 0 ? null : values.join((separator as string | null) ?? ',')))
    case 'ARRAY_AGG':
      return listed((values) => (values.length === 0 ? null : [...values]))
    case 'COLLECT':
      return multiset()
    case 'JSON_ARRAYAGG':
      return jsonArray(operands[0], ignoresNull)
    case 'JSON_OBJECTAGG':
      return jsonObject(operands[1], ignoresNull, kept())
    case 'PERCENTILE':
      return percentile(type.kind === 'ARRAY', kept())
    case 'BITMAP_BUILD_CARDINALITY_AGG':
      return cardinality(kept())
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
      const { name, isDistinct, operands, filter, ignoresNull } = aggregate
      const made = (of: string): Collection => {
        const one = collection(`${index} ${of}`)
        collections.push(one)
        return one
      }
      const inner = foldOf(aggregate, retracts, context, () => made(`values of ${name}`))
      return {
        // Of distinct values each is taken out once only if it is there no more.
        fold: isDistinct ? distinct(inner, made('distinct values')) : inner,
        operands: operands.map((operand) => interpret(operand, context)),
        filter: filter && interpret(filter, context),
        keepsNull: KEEPS_NULL.has(name) || (name === 'ARRAY_AGG' && !ignoresNull),
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

  /** What the collections of each aggregate hold of the current group. */
  entries(): readonly (readonly Entry[])[] {
    return this.#members.map(({ fold }) => fold.collection?.values() ?? [])
  }

  /** Adds what other accumulators know: those of a part of the rows. @param entries What the collections beside them hold. */
  merge(accumulators: readonly Accumulator[], others: readonly Accumulator[], entries: readonly (readonly Entry[])[]): void {
    this.#members.forEach(({ fold }, index) => fold.merge(accumulators[index], others[index], entries[index]))
  }

  /** Whether something is kept beside the accumulators, in collections of the current group. */
  get hasCollections(): boolean {
    return this.#collections.length > 0
  }

  /** Forgets what collections hold of the current group. */
  clear(): void {
    for (const collection of this.#collections) collection.clear()
  }
}
