// How much is tried, and from which seed. `npm run test:fuzz` begins at a number that the commit gives, so that each commit tries something else and
// every run of it the same; `npm test` takes a sample that never changes. SEED=n tries the one case that a failure has named, SEED=n+100 a hundred from there.

import { execFileSync } from 'node:child_process'
import { Random } from '../../src/base/random.ts'

const isFull = process.env['FUZZ'] === 'all'
const given = process.env['SEED']

function seedOfCommit(): number {
  try {
    return Number.parseInt(execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).slice(0, 7), 16)
  } catch {
    // No repository: a package that was unpacked.
    return 1
  }
}

export interface Trials {
  /** Of the first case; each further one has the next. */
  readonly first: number
  readonly count: number
}

/** The cases to try. @param all How many in a full run. @param sample How many beside other tests. */
export function trials(all: number, sample: number): Trials {
  const range = /^(\d+)(?:\+(\d+))?$/.exec(given ?? '')
  if (range !== null) return { first: Number(range[1]), count: Number(range[2] ?? 1) }
  if (given !== undefined) throw new Error(`Cannot begin at SEED=${given}: write a number, or a number, a plus sign and how many`)
  return isFull ? { first: seedOfCommit(), count: all } : { first: 1, count: sample }
}

/** Says what was tried. */
export function report(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Draws that a seed decides. */
export class Draws extends Random {
  pick<T>(from: readonly T[]): T {
    return from[this.integer(from.length)]
  }

  /** True once in so many draws. */
  once(inSoMany: number): boolean {
    return this.integer(inSoMany) === 0
  }

  list<T>(least: number, most: number, make: (index: number) => T): T[] {
    return Array.from({ length: least + this.integer(most - least + 1) }, (_, index) => make(index))
  }
}
