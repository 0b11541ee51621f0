// The queries of the Nexmark benchmark over three data sets: a real Flink's rows at parallelism 1 and 2, and again when the job is thrown away in
// the middle and goes on from a checkpoint, with as many workers or with another number. q6, q12 and q13, which Flink does not answer here, are held
// against what a few lines compute of the events.

import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { type Field, formatType } from '../../../src/batch/types.ts'
import type { JobSnapshot } from '../../../src/checkpoint/job-snapshot.ts'
import type { Sink } from '../../../src/operator/sink.ts'
import type { LocalExecutor } from '../../../src/runtime/local-executor.ts'
import { changeSink } from '../../../src/sql/runtime/change-sink.ts'
import { executorOf, type RunOptions } from '../../../src/sql/runtime/run-query.ts'
import { changeText, queryOptions } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { type Answer, type Change, difference, folded, typeOf } from '../../fixtures/answers.ts'

const FOLDER = fileURLToPath(new URL('../../nexmark', import.meta.url))
const DATA_SETS = ['dense', 'sparse', 'late']
const QUERIES = readdirSync(FOLDER)
  .flatMap((file) => /^(q.*)\.sql$/.exec(file)?.[1] ?? [])
  .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }))
/** Those whose operators keep state. */
const STATEFUL = ['q3', 'q4', 'q5', 'q7', 'q8', 'q9', 'q11', 'q11-legacy', 'q15', 'q16', 'q17', 'q18', 'q19', 'q20']
/** How many workers a job has before its first crash, behind it, and so on. */
const CRASHES = [
  [1, 1, 2],
  [2, 1],
]
/** So many rows are read between two crashes. */
const ROWS_BETWEEN_CRASHES = 700
/** Small, so that a checkpoint finds rows everywhere. */
const BATCH_ROWS = 64

/** What is left of the long answers of queries without state: their columns, the number of their rows, and a digest of them. */
const DIGESTS = JSON.parse(textOf('digests.json')) as Readonly<Record<string, readonly [columns: NonNullable<Answer['columns']>, rows: number, digest: string]>>

const scratch = mkdtempSync(join(tmpdir(), 'nexmark-'))
afterAll(() => rmSync(scratch, { recursive: true }))

function textOf(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8')
}

/** A query over the events of a file. */
function scriptOf(query: string, events: string): string {
  return `${textOf('ddl.sql').replaceAll('${EVENTS}', events)}\n${query}`
}

function eventsOf(dataSet: string): string {
  return join(FOLDER, `${dataSet}.jsonl.gz`)
}

// ---- running ----

/** A job whose last statement is a query. */
class Job {
  readonly columns: readonly Field[]
  readonly changelog: Change[] = []
  readonly executor: LocalExecutor
  /** Changes in front of the checkpoint under way. */
  #covered = 0

  constructor(script: string, options: Partial<RunOptions> = {}) {
    const session = new SqlSession()
    if (options.isBatch === true) session.options.set('execution.runtime-mode', 'batch')
    let last: ReturnType<SqlSession['execute']> | undefined
    for (const statement of parseScript(script)) last = session.execute(statement, script)
    if (last?.kind !== 'query') throw new Error(`Not a query: ${script}`)
    const { plan } = last
    this.columns = plan.columns
    const sink = this.#sink()
    this.executor = executorOf((planner) => planner.addSink(plan, sink), {
      ...queryOptions(session),
      jobName: 'nexmark',
      clock: new VirtualClock(),
      parallelism: 1,
      options: undefined,
      batchRowsMax: undefined,
      log() {},
      ...options,
    })
  }

  #sink(): Sink {
    const sink = changeSink((kind, row) => this.changelog.push(changeText(kind, row, this.columns) as Change))
    return { ...sink, createWriter: (...given) => ({ ...sink.createWriter(...given), snapshot: () => (this.#covered = this.changelog.length) }) }
  }

  run(): this {
    this.executor.runToEnd()
    return this
  }

  /** Takes a checkpoint when so many rows have been read, and throws the job and all that came behind the checkpoint away. */
  crash(checkpointId: number): JobSnapshot {
    const { executor } = this
    let snapshot: JobSnapshot | undefined
    for (let isUnderWay = false; snapshot === undefined;) {
      if (executor.hasProcessed) throw new Error('The job ended before its checkpoint')
      if (!isUnderWay && this.#readRows >= ROWS_BETWEEN_CRASHES) {
        isUnderWay = true
        executor.startCheckpoint(checkpointId)
      }
      executor.step()
      if (isUnderWay) snapshot = executor.takeCheckpoint()
    }
    executor.abandon()
    this.changelog.length = this.#covered
    return snapshot
  }

  get #readRows(): number {
    return Math.max(...this.executor.metrics.read().tasks.map(({ operators: [head] }) => head.rowsIn))
  }
}

type Outcome = Pick<Job, 'columns' | 'changelog'>

/** Runs a query through crashes: the changes in front of the checkpoints, and those that came behind the last one. */
function runThrough(script: string, parallelisms: readonly number[]): Outcome {
  const changelog: Change[] = []
  let restore: JobSnapshot | undefined
  for (const [index, parallelism] of parallelisms.slice(0, -1).entries()) {
    const job = new Job(script, { parallelism, batchRowsMax: BATCH_ROWS, isCheckpointed: true, ...(restore && { restore }) })
    restore = job.crash(index + 1)
    changelog.push(...job.changelog)
  }
  const last = new Job(script, { parallelism: parallelisms.at(-1)!, batchRowsMax: BATCH_ROWS, restore: restore! }).run()
  return { columns: last.columns, changelog: [...changelog, ...last.changelog] }
}

// ---- comparing ----

/** What is wrong with columns and rows; '' if nothing is. */
function verdict(name: string, { columns, changelog }: Outcome): string {
  const digest = DIGESTS[name]
  const answer = digest === undefined ? (JSON.parse(gunzipSync(readFileSync(join(FOLDER, `${name}.json.gz`))).toString()) as Answer) : undefined
  const given = answer?.columns ?? digest[0]
  const found = JSON.stringify(columns.map((column) => [column.name, formatType(column.type)]))
  const expected = JSON.stringify(given.map(([column, type]) => [column, formatType(typeOf(type))]))
  if (found !== expected) return `columns ${found}, not ${expected}`
  const types = given.map(([, type]) => type)
  const rows = folded(changelog, types)
  if (answer !== undefined) return difference(folded(answer.changelog, types, answer.upsertKey), rows)
  const own = `${sum(rows.values())} rows with digest ${digestOf(rows)}`
  const wanted = `${digest[1]} rows with digest ${digest[2]}`
  return own === wanted ? '' : `${own}, not ${wanted}`
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

/** A digest of rows, ordered by their texts. */
function digestOf(rows: ReadonlyMap<string, number>): string {
  const hash = createHash('sha256')
  for (const line of [...rows.keys()].sort()) hash.update(`${rows.get(line)} ${line}\n`)
  return hash.digest('hex')
}

describe.each(DATA_SETS)('%s', (dataSet) => {
  test.each(QUERIES)('%s answers as Flink does, at parallelism 1 and 2', (query) => {
    const script = scriptOf(textOf(`${query}.sql`), eventsOf(dataSet))
    expect([1, 2].map((parallelism) => verdict(`${dataSet}/${query}`, new Job(script, { parallelism }).run()))).toEqual(['', ''])
  })

  test.each(STATEFUL)('%s goes on from checkpoints', (query) => {
    const script = scriptOf(textOf(`${query}.sql`), eventsOf(dataSet))
    expect(CRASHES.map((parallelisms) => verdict(`${dataSet}/${query}`, runThrough(script, parallelisms)))).toEqual(CRASHES.map(() => ''))
  })
})
