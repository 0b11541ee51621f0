// Planning Nexmark's queries, from the text of a script to the plan of a job, one behind the other in one process; and a query of one row at the command
// line, process start to exit.

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { changeSink } from '../../src/sql/runtime/change-sink.ts'
import { plannedJob } from '../../src/sql/runtime/run-query.ts'
import { queryOptions } from '../../src/sql/runtime/query-options.ts'
import { SqlSession } from '../../src/sql/session.ts'
import { parseScript } from '../../src/sql/statement-parser.ts'
import { type Benchmark, type Line, median, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { QUERIES, queryText, tablesText } from '../nexmark/queries.ts'
import { execute, ROOT } from './command.ts'

const SMALL = { kind: 'generator', events: 1000 } as const

/** Plans a script, and returns how many tasks its job has. */
function plan(text: string): number {
  const session = new SqlSession()
  const last = parseScript(text)
    .map((statement) => session.execute(statement, text))
    .at(-1)
  if (last?.kind !== 'query') throw new Error(`Not a query: ${text}`)
  const job = plannedJob(
    (planner) =>
      planner.addSink(
        last.plan,
        changeSink(() => {}),
      ),
    {
      ...queryOptions(session, [last.plan]),
      clock: systemClock,
      jobName: 'planning',
      parallelism: 2,
      options: undefined,
      batchRowsMax: undefined,
      log() {},
    },
  )
  return job.plan.tasks.length
}

async function planAll(): Promise<Sample> {
  const scripts = QUERIES.map((query) => `${tablesText(query, SMALL)}${queryText(query)}`)
  const milliseconds: number[] = []
  let tasks = 0
  const time = await timed(() => {
    for (const script of scripts) {
      const startedMs = performance.now()
      tasks += plan(script)
      milliseconds.push(performance.now() - startedMs)
    }
  })
  return sample(time, tasks >= 2 * QUERIES.length ? 'ok' : `${tasks} tasks`, {
    firstMs: milliseconds[0],
    medianMs: median(milliseconds),
    mostMs: Math.max(...milliseconds.slice(1)),
  })
}

async function selectOne({ folder }: Settings): Promise<Sample> {
  const time = await timed(() => execute([join(ROOT, 'dist/cli.js'), 'sql', '-e', 'SELECT 1', '--format', 'csv'], mkdtempSync(join(folder, 'cache-'))))
  return sample(time, time.result.output === 'EXPR$0\n1\n' ? 'ok' : `printed ${time.result.output}`)
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['plan', 'command'], runner.rounds(5))
  const of = (figure: string) => (one: Sample) => one.figures[figure]
  const check = (variant: keyof typeof samples): string => samples[variant].find((one) => one.check !== 'ok')?.check ?? 'ok'
  const line = (name: string, value: number, unit: string, most: number, of: keyof typeof samples, note: string): Line => ({
    name,
    value,
    unit,
    baseline: null,
    ratio: null,
    bound: { of: 'value', most },
    check: check(of),
    note,
  })
  const cpu = raw(samples.plan, ({ cpuSeconds }) => cpuSeconds)
  return [
    line(
      'planning',
      medianOf(samples.plan, of('medianMs')),
      'ms',
      15,
      'plan',
      `${QUERIES.length} queries: median of each round ${raw(samples.plan, of('medianMs'), 1)}, most ${raw(samples.plan, of('mostMs'), 1)}; processor s: ${cpu}`,
    ),
    line('planning.first', medianOf(samples.plan, of('firstMs')), 'ms', 60, 'plan', `of a process: ${raw(samples.plan, of('firstMs'), 1)}`),
    line('command.sql', medianOf(samples.command), 's', 0.5, 'command', `s: ${raw(samples.command)}`),
  ]
}

export const planning: Benchmark = {
  name: 'planning',
  title: 'planning the queries of Nexmark; millrace sql of one row, start to exit',
  data: [],
  variants: { plan: planAll, command: selectOne },
  run,
}
