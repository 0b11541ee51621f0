// The aggregates of an operator: which code computes each, and what they are over.

import { PlanError } from '../../../base/errors.ts'
import { formatType, type LogicalType } from '../../../batch/types.ts'
import { type BoundAggregate, type BoundExpression, textOf } from '../../bound-expression.ts'
import { castOf } from '../../casts.ts'
import type { EvaluationContext } from '../../functions/scalar-function.ts'
import { type Evaluate, interpret } from '../../interpreter.ts'
import { DOUBLE, INT } from '../../functions/scalar-function.ts'
import type { Value } from '../../value.ts'
import { built, combined } from './bitmaps.ts'
import { type CollectionMaker, Counts, type Entry, type Keyed } from './collections.ts'
import type { Accumulator, Fold } from './fold.ts'
import { jsonArray, jsonObject } from './json.ts'
import { count, deviation, mean, sum } from './numbers.ts'
import { percentile } from './percentile.ts'
import { userAggregate } from './user.ts'
import { cardinality, distinct, distinctInSet, extreme, extremeOfKept, extremeOfReplaced, lag, listed, multiset, positional, single } from './values.ts'

/** Aggregates that look at NULL themselves. */
const KEEPS_NULL = new Set(['SINGLE_VALUE', 'LAG', 'JSON_OBJECTAGG', 'JSON_ARRAYAGG', 'PERCENTILE'])

/** Makes what one aggregate keeps beside its accumulator. */
interface KeptMaker {
  counts(types: readonly LogicalType[]): Counts
  pairs(): Keyed<string, Entry>
}

/** @throws {PlanError} `NOT_SUPPORTED` */
function foldOf(aggregate: BoundAggregate, retracts: boolean, context: EvaluationContext, kept: KeptMaker): Fold {
  const { name, operands, type, ignoresNull, user } = aggregate
  if (user !== undefined) return userAggregate(user, operands.length)
  switch (name) {
    case 'COUNT':
    case 'APPROX_COUNT_DISTINCT':
      return count()
    case 'SUM':
      return sum(type)
    case '$SUM0':
      return sum(type, 0)
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
      return retracts ? extremeOfKept(name === 'MAX' ? 1 : -1, kept.counts(operands.map((operand) => operand.type))) : extreme(name === 'MAX' ? 1 : -1)
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
      return jsonObject(operands[1], ignoresNull, kept.pairs())
    case 'PERCENTILE':
      return percentile(type.kind === 'ARRAY', kept.counts([DOUBLE]))
    case 'BITMAP_BUILD_CARDINALITY_AGG':
      return cardinality(kept.counts(operands.map((operand) => operand.type)))
    case 'BITMAP_BUILD_AGG':
      return built(retracts ? kept.counts([INT]) : undefined)
    case 'BITMAP_AND_AGG':
    case 'BITMAP_OR_AGG':
    case 'BITMAP_XOR_AGG':
    case 'BITMAP_AND_CARDINALITY_AGG':
    case 'BITMAP_OR_CARDINALITY_AGG':
    case 'BITMAP_XOR_CARDINALITY_AGG':
      return combined(name, retracts, () => kept.counts([INT]))
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

/** One aggregate of an operator. */
interface Member {
  readonly fold: Fold
  /** Which lists of operands it takes. */
  readonly operands: number
  /** Which filter lets rows in. */
  readonly filter: number | undefined
  readonly keepsNull: boolean
}

/** Aggregates of the different ones among the same values, of rows that are never taken out: a value has a bit for each that has counted it. */
interface DistinctSet {
  readonly counts: Counts
  /** Which members, by bits. */
  readonly members: number[]
}

/** Bits of a number that an aggregate can have in a {@link DistinctSet}. */
const SET_MEMBERS_MAX = 30

/** Expressions of rows that several aggregates may share: each is computed once a row, if somebody asks for it. */
class SharedExpressions<T> {
  readonly #numbers = new Map<string, number>()
  readonly #evaluate: ((row: readonly Value[]) => T)[] = []
  #values: (T | undefined)[] = []
  #row: readonly Value[] = []

  /** @returns The number of what is computed. @param text The same for what has the same values. */
  add(text: string, evaluate: () => (row: readonly Value[]) => T): number {
    let number = this.#numbers.get(text)
    if (number === undefined) {
      number = this.#evaluate.push(evaluate()) - 1
      this.#numbers.set(text, number)
      this.#values.push(undefined)
    }
    return number
  }

  bind(row: readonly Value[]): void {
    this.#row = row
    const values = this.#values
    for (let number = 0; number < values.length; number++) values[number] = undefined
  }

  get(number: number): T {
    return (this.#values[number] ??= this.#evaluate[number](this.#row))
  }
}

/** All aggregates of an operator, over one list of accumulators. */
export class Aggregates {
  readonly #members: readonly Member[]
  /** Members that fold each row by themselves. */
  readonly #alone: readonly number[]
  readonly #sets: readonly DistinctSet[]
  /** Whether each row changes a result: one counts them. */
  readonly countsRows: boolean
  /** Everything that lies beside accumulators. */
  readonly #kept: { clear(): void }[] = []
  readonly #operands = new SharedExpressions<readonly Value[]>()
  readonly #filters = new SharedExpressions<boolean>()

  /**
   * @param retracts Whether rows may be taken out.
   * @param collections Makes what shows the current group.
   * @throws {PlanError} `NOT_SUPPORTED`
   */
  constructor(aggregates: readonly BoundAggregate[], retracts: boolean, context: EvaluationContext, collections: CollectionMaker) {
    const alone: number[] = []
    const sets: (DistinctSet & { readonly text: string })[] = []
    const countsOf = (types: readonly LogicalType[], name: string): Counts => {
      const counts = new Counts(types, name, collections)
      this.#kept.push(counts)
      return counts
    }
    this.#members = aggregates.map((aggregate, index) => {
      const { name, isDistinct, operands, filter, ignoresNull, user } = aggregate
      const ofName = `${index} values of ${name}`
      const inner = foldOf(aggregate, retracts, context, {
        counts: (types) => countsOf(types, ofName),
        pairs: () => {
          const pairs = collections.byText(ofName)
          this.#kept.push(pairs)
          return pairs
        },
      })
      const member = {
        operands: this.#operandsOf(operands, context),
        filter: filter && this.#filters.add(textOf(filter), () => isTrue(interpret(filter, context))),
        keepsNull: user !== undefined || KEEPS_NULL.has(name) || (name === 'ARRAY_AGG' && !ignoresNull),
      }
      const types = operands.map(({ type }) => type)
      if (!isDistinct || retracts) {
        alone.push(index)
        // Of distinct values each is taken out once only if it is there no more.
        return { ...member, fold: isDistinct ? distinct(inner, countsOf(types, `${index} distinct values`)) : inner }
      }
      const text = `${member.operands} ${member.keepsNull}`
      let set = sets.find((one) => one.text === text && one.members.length < SET_MEMBERS_MAX)
      if (set === undefined) sets.push((set = { text, counts: countsOf(types, `${index} distinct values`), members: [] }))
      const bit = 1 << (set.members.push(index) - 1)
      return { ...member, fold: distinctInSet(inner, set.counts, bit) }
    })
    this.countsRows = aggregates.some(({ name, operands, filter }) => name === 'COUNT' && operands.length === 0 && filter === undefined)
    this.#alone = alone
    this.#sets = sets
  }

  #operandsOf(operands: readonly BoundExpression[], context: EvaluationContext): number {
    return this.#operands.add(operands.map(textOf).join(), () => {
      const evaluate = operands.map((operand) => interpret(operand, context))
      if (evaluate.length === 1) {
        const [only] = evaluate
        return (row) => [only(row)]
      }
      return (row) => evaluate.map((operand) => operand(row))
    })
  }

  create(): Accumulator[] {
    return this.#members.map(({ fold }) => fold.create())
  }

  fold(accumulators: readonly Accumulator[], row: readonly Value[], sign: 1 | -1): void {
    this.#operands.bind(row)
    this.#filters.bind(row)
    for (const index of this.#alone) {
      const { fold, operands, filter, keepsNull } = this.#members[index]
      if (filter !== undefined && !this.#filters.get(filter)) continue
      const values = this.#operands.get(operands)
      if (keepsNull || !values.includes(null)) fold.fold(accumulators[index], values, sign)
    }
    for (const set of this.#sets) this.#foldSet(set, accumulators)
  }

  #foldSet({ counts, members }: DistinctSet, accumulators: readonly Accumulator[]): void {
    let bits = 0
    for (let bit = 0; bit < members.length; bit++) {
      const { filter } = this.#members[members[bit]]
      if (filter === undefined || this.#filters.get(filter)) bits |= 1 << bit
    }
    if (bits === 0) return
    const { operands, keepsNull } = this.#members[members[0]]
    const values = this.#operands.get(operands)
    if (!keepsNull && values.includes(null)) return
    const known = counts.get(values)
    const added = bits & ~known
    if (added === 0) return
    counts.set(values, known | added)
    for (let bit = 0; bit < members.length; bit++) {
      const index = members[bit]
      if ((added & (1 << bit)) !== 0) this.#members[index].fold.fold(accumulators[index], values, 1)
    }
  }

  results(accumulators: readonly Accumulator[]): Value[] {
    return this.#members.map(({ fold }, index) => fold.result(accumulators[index]))
  }

  /** Values that are the same for accumulators with the same results, for what counts as the same. @param results Theirs. */
  witnesses(accumulators: readonly Accumulator[], results: readonly Value[]): readonly Value[] {
    return this.#members.map(({ fold }, index) => fold.witness?.(accumulators[index]) ?? results[index])
  }

  /** What each aggregate keeps of the current group beside its accumulator. */
  entries(): readonly (readonly Entry[])[] {
    return this.#members.map(({ fold }) => fold.kept?.entries() ?? [])
  }

  /** Adds what other accumulators know: those of a part of the rows. @param entries What is kept beside them. */
  merge(accumulators: readonly Accumulator[], others: readonly Accumulator[], entries: readonly (readonly Entry[])[]): void {
    this.#members.forEach(({ fold }, index) => fold.merge(accumulators[index], others[index], entries[index]))
  }

  /** Whether something is kept beside the accumulators, of the current group. */
  get hasCollections(): boolean {
    return this.#kept.length > 0
  }

  /** Forgets what is kept of the current group beside accumulators. */
  clear(): void {
    for (const kept of this.#kept) kept.clear()
  }
}

function isTrue(evaluate: Evaluate): (row: readonly Value[]) => boolean {
  return (row) => evaluate(row) === true
}
