// What the process of one query does: runs it again and again on an engine's threads, its rows thrown away; or says what its rows are.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Millrace } from 'millrace'
import { systemClock } from '../../src/base/clock.ts'
import type { RowKind } from '../../src/batch/record-batch.ts'
import type { Field } from '../../src/batch/types.ts'
import { resolveJobModule } from '../../src/engine/job-bundle.ts'
import type { JobMetrics } from '../../src/runtime/thread-messages.ts'
import { changeText, queryJob } from '../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../src/sql/session.ts'
import { parseScript } from '../../src/sql/statement-parser.ts'
import type { Value } from '../../src/sql/value.ts'
import type { Change } from '../../test/fixtures/answers.ts'
import { nexmarkVerdict } from '../../test/fixtures/nexmark-answers.ts'
import { sample, type Sample, timed } from '../harness.ts'
import { eventsFile, type Input, OWN_QUERIES, queryText, ROOT, scriptText, tablesText } from './queries.ts'
import { RowSum } from './row-sum.ts'

/** One process: a query, and what to do with it. */
export interface Measurement {
  readonly query: string
  readonly source: 'file' | 'generator'
  readonly events: number
  readonly parallelism: number
  /** Passes in one process behind the first one. */
  readonly warmPasses: number
}

export function inputOf({ source, events }: Measurement): Input {
  return source === 'file' ? { kind: 'file', path: eventsFile(events) } : { kind: 'generator', events }
}

/** From when the first subtask was open to when the last one had ended. */
function passSeconds({ tasks }: JobMetrics): number {
  const lives = tasks.flatMap(({ subtasks }) => subtasks.map(({ busyMs, idleMs, backpressuredMs }) => busyMs + idleMs + backpressuredMs))
  return Math.max(...lives) / 1000
}

/**
 * Runs a query from a process that has just started, and then again on the same threads. `seconds` are those of the best pass behind the first;
 * what was computed is the number of changes that the sink took in each pass.
 */
export async function measureQuery(measurement: Measurement): Promise<Sample> {
  mkdirSync(join(ROOT, '.bench'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.bench/run-'))
  try {
    const script = join(folder, `${measurement.query}.sql`)
    writeFileSync(script, scriptText(measurement.query, inputOf(measurement)))
    const { url } = await resolveJobModule(script)
    await using engine = await Millrace.start()
    const pass = () => timed(async () => (await engine.submit(url, { parallelism: measurement.parallelism }).result).metrics)
    const cold = await pass()
    const coldFigures = {
      coldSeconds: passSeconds(cold.result),
      wholeSeconds: performance.now() / 1000,
      wholeCpuSeconds: cpuSeconds(),
      peakBytes: process.resourceUsage().maxRSS * 1024,
      slabPeakBytes: cold.result.workers.reduce((sum, { slabBytesPeak }) => sum + slabBytesPeak, 0),
    }
    const warm: Awaited<ReturnType<typeof pass>>[] = []
    while (warm.length < measurement.warmPasses) warm.push(await pass())
    const best = [cold, ...warm]
      .slice(-Math.max(1, warm.length))
      .reduce((left, right) => (passSeconds(left.result) <= passSeconds(right.result) ? left : right))
    const operators = best.result.tasks.flatMap((task) => task.operators)
    // Operators are named by what they work for too: "Join of sink "nothing"".
    const joinedRows = operators.reduce((sum, { name, rowsIn }) => sum + (/^Join\b/.test(name) ? rowsIn : 0), 0)
    const changes = operators.reduce((sum, { counters }) => sum + (counters['recordsForgotten'] ?? 0), 0)
    return sample({ seconds: passSeconds(best.result), cpuSeconds: best.cpuSeconds }, String(changes), {
      ...coldFigures,
      changes,
      joinedRows,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Of the process so far, all of its threads. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/**
 * Runs a query on this thread, over a small file that a real Flink has answered, and over the events of the measurement. The check says what is
 * wrong with the small answer, or else the number of rows and the sum over them.
 */
export async function sumQuery(measurement: Measurement): Promise<Sample> {
  const { query } = measurement
  const wrong = OWN_QUERIES.includes(query) ? '' : wrongOfSmallAnswer(query)
  if (wrong !== '') return sample({ seconds: 0, cpuSeconds: 0 }, `not what Flink answers: ${wrong}`)
  let sum: RowSum | undefined
  const time = await timed(() => {
    const isInsertOnly = run(query, inputOf(measurement), {
      columns: (columns) => (sum = new RowSum(columns)),
      change: (kind, row) => sum!.add(kind, row),
    })
    return isInsertOnly
  })
  const columns = Object.fromEntries(sum!.columnSums.map((value, index) => [`column${index}`, value]))
  return sample(time, String(sum), { rows: sum!.rows, changes: sum!.changes, isInsertOnly: Number(time.result), ...columns })
}

function wrongOfSmallAnswer(query: string): string {
  const folder = join(ROOT, 'test/nexmark')
  let columns: readonly Field[] = []
  const changelog: Change[] = []
  run(
    query,
    { kind: 'file', path: join(folder, `${SMALL}.jsonl.gz`) },
    {
      columns: (given) => (columns = given),
      change: (kind, row) => changelog.push(changeText(kind, row, columns) as Change),
    },
  )
  return nexmarkVerdict(folder, `${SMALL}/${query}`, { columns, changelog })
}

const SMALL = 'dense'

/** Runs a query on this thread. @returns Whether rows are only added to its result. */
function run(
  query: string,
  input: Input,
  target: { readonly columns: (columns: readonly Field[]) => void; readonly change: (kind: RowKind, row: readonly Value[]) => void },
): boolean {
  const session = new SqlSession()
  const text = `${tablesText(query, input)}${queryText(query)}`
  const last = parseScript(text)
    .map((statement) => session.execute(statement, text))
    .at(-1)
  if (last?.kind !== 'query') throw new Error(`${query} is no query`)
  target.columns(last.plan.columns)
  const { executor, isInsertOnly } = queryJob(last.plan, session, target.change, { clock: systemClock, log() {} })
  executor.runToEnd()
  return isInsertOnly
}
