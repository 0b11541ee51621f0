// RAND and RAND_INTEGER: with a seed what Java's Random says, one number after the other if the seed is a constant, the first one if it is the row's.

import { freshSeed, Random } from '../../base/random.ts'
import type { LogicalType } from '../../batch/types.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { isConstant } from '../constant-expressions.ts'
import type { Value } from '../value.ts'
import { alwaysType, type Arity, byRule, DOUBLE, type FunctionTable, INT, type ScalarFunction, strictType, withoutNull } from './scalar-function.ts'

const MASK = (1n << 48n) - 1n
const MULTIPLIER = 0x5deece66dn
const INCREMENT = 0xbn

/** The generator of java.util.Random: 48 bits, of which the upper ones are taken. */
class JavaRandom {
  #state: bigint

  constructor(seed: number) {
    this.#state = (BigInt(seed) ^ MULTIPLIER) & MASK
  }

  /** So many bits, 32 at most, with a sign. */
  next(bits: number): number {
    this.#state = (this.#state * MULTIPLIER + INCREMENT) & MASK
    return Number(BigInt.asIntN(32, this.#state >> BigInt(48 - bits)))
  }

  nextDouble(): number {
    return (this.next(26) * 2 ** 27 + this.next(27)) * 2 ** -53
  }

  /** From 0 to below the bound. */
  nextInt(bound: number): number {
    if ((bound & (bound - 1)) === 0) return Math.floor((bound * this.next(31)) / 2 ** 31)
    for (;;) {
      const bits = this.next(31)
      const value = bits % bound
      // What lies in the last, incomplete round would favour the small ones.
      if (bits - value + (bound - 1) < 2 ** 31) return value
    }
  }
}

function isBound({ kind }: LogicalType): boolean {
  return kind === 'TINYINT' || kind === 'SMALLINT' || kind === 'INT'
}

function checkBound(bound: Value): number {
  if ((bound as number) <= 0) throw new RangeError(`Cannot draw a number below ${bound as number}: bound must be positive`)
  return bound as number
}

function random(result: LogicalType, arity: Arity, make: ScalarFunction['make']): ScalarFunction {
  const resolve = withoutNull(byRule(strictType(alwaysType(result, isBound)), arity, INT))
  return { resolve, make, isDeterministic: false }
}

/** Finds the generator of a seed. */
function generatorOf(seed: BoundExpression): (seed: Value) => JavaRandom {
  if (!isConstant(seed)) return (value) => new JavaRandom(value as number)
  let random: JavaRandom | undefined
  return (value) => (random ??= new JavaRandom(value as number))
}

export const RANDOM_FUNCTIONS: FunctionTable = {
  RAND: random(DOUBLE, { least: 0, most: 1 }, ({ operands: [seed] }) => {
    if (seed === undefined) {
      const fresh = new Random(freshSeed())
      return () => fresh.next()
    }
    const generator = generatorOf(seed)
    return (value) => generator(value).nextDouble()
  }),
  RAND_INTEGER: random(INT, { least: 1, most: 2 }, ({ operands: [seed, bound] }) => {
    if (bound === undefined) {
      const fresh = new Random(freshSeed())
      return (value) => fresh.integer(checkBound(value))
    }
    const generator = generatorOf(seed)
    return (value, below) => generator(value).nextInt(checkBound(below))
  }),
}
