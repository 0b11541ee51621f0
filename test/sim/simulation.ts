// Whole jobs under seeds: each seed decides the data, the order of steps, the size of batches and rings, and when outputs refuse. A failure
// names its seed; SIM_SEED=<seed> runs that one alone, SIM_SEED_BASE shifts all of them (continuous integration takes the commit's hash).
import { expect } from 'vitest'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { Random } from '../../src/base/random.ts'
import { Decimal, defineSchema, t } from '../../src/batch/types.ts'
import { type JobRun, runJob, type RunJobOptions } from '../../src/testing/run-job.ts'

/** Records by key and time, as several scenarios take them. */
export const SCHEMA = defineSchema({ id: t.int(), key: t.string(), at: t.safeInt() })
export interface Row {
  readonly id: number
  readonly key: string
  readonly at: number
}

export type Program = (env: StreamExecutionEnvironment) => void

const only = process.env['SIM_SEED'] === undefined ? undefined : Number(process.env['SIM_SEED'])
const base = Number.parseInt((process.env['SIM_SEED_BASE'] ?? '0').slice(0, 7), 16) || 0

/** The body of a test: the scenario once for each of `count` seeds, from `first` on. */
export function overSeeds(count: number, scenario: (seed: number, random: Random) => Promise<void>, first: number = 1): () => Promise<void> {
  return async () => {
    const seeds = only === undefined ? Array.from({ length: count }, (_, index) => base + index + first) : [only]
    for (const seed of seeds) {
      try {
        await scenario(seed, new Random(seed))
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed} (replay with SIM_SEED=${seed}): ${error.message}`
        throw error
      }
    }
  }
}

/** Runs a program under conditions that the seed decides: tiny batches and rings more often than roomy ones. */
export function runUnder(seed: number, parallelism: number, program: Program, options: RunJobOptions = {}): Promise<JobRun> {
  const random = new Random(seed ^ (parallelism * 0x9e3779b9))
  return runJob(program, {
    parallelism,
    seed: random.uint32(),
    batchRowsMax: pick(random, [1, 2, 3, 7, 16, 64, 1000]),
    ringBytesMax: pick(random, [512, 1024, 2048, 16_384, 1 << 20]),
    refusals: pick(random, [0, 0, 0.1, 0.4]),
    ...options,
  })
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(values.length)]
}

/** Values as text in a fixed order: for results whose order is free. */
export function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => text(value)).sort()
}

/** Tells apart what toEqual and JSON do not: bigint from number, -0 from 0, bytes from arrays. */
export function text(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return `${value}n`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'string':
      return JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return `bytes(${[...value].join()})`
      if (Array.isArray(value)) return `[${value.map(text).join()}]`
      if (value instanceof Map) return `map(${[...value].map(text).join()})`
      if (value instanceof Date) return `date(${value.getTime()})`
      if (value instanceof Decimal) return value.toString()
      if (value instanceof Set) return `set(${[...(value as Set<unknown>)].map(text).join()})`
      return `{${Object.entries(value)
        .map(([name, field]) => `${name}:${text(field)}`)
        .join()}}`
    default:
      return String(value)
  }
}

/** Equal as multisets, said with a short difference. */
export function expectSame(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const [left, right] = [sorted(actual), sorted(expected)]
  if (left.length === right.length && left.every((value, index) => value === right[index])) return
  const counts = new Map<string, number>()
  for (const value of right) counts.set(value, (counts.get(value) ?? 0) - 1)
  for (const value of left) counts.set(value, (counts.get(value) ?? 0) + 1)
  const wrong = [...counts].filter(([, count]) => count !== 0)
  const [more, less] = [wrong.find(([, count]) => count > 0)?.[0], wrong.find(([, count]) => count < 0)?.[0]]
  if (process.env['SIM_SEED'] !== undefined && more !== undefined && less !== undefined) {
    let at = 0
    while (more[at] === less[at]) at++
    console.log(`first difference: ...${more.slice(Math.max(0, at - 40), at + 60)}\n       expected: ...${less.slice(Math.max(0, at - 40), at + 60)}`)
  }
  expect.fail(
    `${what}: ${left.length} results, expected ${right.length}; wrong: ${wrong
      .slice(0, 5)
      .map(([value, count]) => `${count > 0 ? '+' : ''}${count} x ${value}`)
      .join('; ')}`,
  )
}
