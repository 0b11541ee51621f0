// Runs a benchmark's job on the calling thread, without a clock's virtue but with every stack in one place, for a profiler:
//   node --cpu-prof .scripts/run.mjs bench/profile.ts JOB '{"path":"...","result":"..."}' [parallelism]

import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../src/base/clock.ts'
import type { JobProgram } from '../src/plan/job-program.ts'
import { planJob } from '../src/plan/execution-plan.ts'
import { LocalExecutor } from '../src/runtime/local-executor.ts'
import { timed } from './harness.ts'
import { jobUrl } from './jobs/run-job.ts'

const [job, params = '{}', parallelism = '1'] = process.argv.slice(2) as [string, string?, string?]
await build({
  entryPoints: [fileURLToPath(new URL(`../bench/jobs/${job}.ts`, import.meta.url))],
  outfile: fileURLToPath(jobUrl(job)),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  tsconfigRaw: '{}',
})
const { default: program } = (await import(jobUrl(job).href)) as { default: JobProgram }
const { graph, options } = await program.build(JSON.parse(params) as Record<string, unknown>)
const plan = planJob(graph, { jobName: job, parallelism: Number(parallelism), maxParallelism: undefined })
const executor = new LocalExecutor(
  plan,
  Array.from({ length: plan.workers }, () => graph),
  { clock: systemClock, options, log: (name, index, message) => process.stderr.write(`${name} ${index}: ${message}\n`) },
)
const { seconds, cpuSeconds } = await timed(() => executor.run())
process.stdout.write(`${seconds.toFixed(3)} s, ${cpuSeconds.toFixed(3)} s of processor time\n`)
