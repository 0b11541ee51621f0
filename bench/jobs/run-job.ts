// Runs a benchmark's job module in this process on an engine's threads. Jobs are bundled to dist/ before a run, beside this program's own bundle.

import { type Engine, type JobResult, Millrace } from 'millrace'

export function jobUrl(name: string): URL {
  return new URL(`run.bench.jobs.${name}.js`, import.meta.url)
}

/** Runs one job on threads of its own. */
export async function runJob(name: string, params: Readonly<Record<string, unknown>>, parallelism: number = 1): Promise<JobResult> {
  await using engine = await Millrace.start()
  return await runJobOn(engine, name, params, parallelism)
}

/** Runs one job, on the threads of the job before it if that had as many workers. */
export function runJobOn(engine: Engine, name: string, params: Readonly<Record<string, unknown>>, parallelism: number): Promise<JobResult> {
  return engine.submit(jobUrl(name), { params, parallelism }).result
}
