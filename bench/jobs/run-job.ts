// Runs a benchmark's job module in this process on an engine's threads. Jobs are bundled to dist/ before a run, beside this program's own bundle.

import { type JobResult, Millrace } from 'millrace'

export function jobUrl(name: string): URL {
  return new URL(`run.bench.jobs.${name}.js`, import.meta.url)
}

export async function runJob(name: string, params: Readonly<Record<string, unknown>>, parallelism: number = 1): Promise<JobResult> {
  await using engine = await Millrace.start()
  return await engine.submit(jobUrl(name), { params, parallelism }).result
}
