// The job modules of this folder, and the engine as users import it.
import { type Engine, JobError, Millrace } from 'millrace'
import { afterAll, beforeAll } from 'vitest'

export const jobUrl = (name: string): URL => new URL(`jobs/${name}.mjs`, import.meta.url)

/** An engine for the tests of a file. */
export function withEngine(): () => Engine {
  let engine: Engine
  beforeAll(async () => void (engine = await Millrace.start()))
  afterAll(() => engine.close())
  return () => engine
}

export async function collect<R>(records: AsyncIterable<R>): Promise<R[]> {
  const list: R[] = []
  for await (const record of records) list.push(record)
  return list
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new JobError('TEST', 'expected a failure')
}
