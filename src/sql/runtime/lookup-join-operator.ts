// Joins rows with those that a table has for their keys when they come. Keys of many rows are asked for at once; meanwhile the worker does other things,
// and the operator takes nothing. What was answered may be kept for a while. In flight is nothing when a barrier comes: the rows of a batch that were not
// joined come again.

import { ConnectorError, MillraceError } from '../../base/errors.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { LookupCache, type LookupCacheOptions } from '../../connector/lookup/lookup-cache.ts'
import type { LookupReader, LookupTable, StoredRow } from '../../connector/lookup/lookup-table.ts'
import { userError } from '../../operator/function.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { type Evaluate, interpret, interpretColumn } from '../interpreter.ts'
import type { LookupSpec } from '../lookup-plan.ts'
import { keyOf, type Value } from '../value.ts'
import { ChangeCollector } from './change-collector.ts'
import { readRow } from './row-codec.ts'
import type { SessionContext } from './sql-operator.ts'

/** Pauses between tries: the first, then twice as long each time. */
const FIRST_PAUSE_MS = 100

/** How a table is asked. */
export interface LookupTableSpec {
  readonly table: LookupTable
  /** Undefined: nothing is kept. */
  readonly cache: LookupCacheOptions | undefined
  /** More tries of a question that failed. */
  readonly retriesMax: number
  /** What is made of a stored row. @throws {ConnectorError} `UNREADABLE_VALUE` */
  readonly rowOf: (row: StoredRow) => readonly Value[]
}

/** What a lookup join does. */
export interface LookupJoinSpec extends Omit<LookupSpec, 'table' | 'stored'> {
  readonly type: 'INNER' | 'LEFT'
  readonly asked: LookupTableSpec
  /** Rows whose keys are asked for at once, at most. */
  readonly capacity: number
  /** For an answer, all tries together. */
  readonly timeoutMs: number
  /** Keys without rows are asked for again. */
  readonly retry: { readonly attempts: number; readonly delayMs: number } | undefined
}

/** A row that waits for its partners. */
interface Waiting {
  readonly kind: RowKind
  readonly row: readonly Value[]
  /** Of its key; undefined: it has no partners. */
  readonly key: string | undefined
}

/** Keys that are asked for. */
interface Question {
  wanted: readonly (readonly [key: string, values: readonly Value[]])[]
  /** Tries of this question that have failed. */
  failures: number
  /** How often it was asked for keys without rows. */
  attempts: number
  /** When it is asked again; Infinity while an answer is awaited. In epoch ms of the clock. */
  dueMs: number
  /** When there has to be an answer. */
  readonly deadlineMs: number
}

/** See the file's head. */
export class LookupJoinOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: LookupJoinSpec
  readonly #session: SessionContext
  readonly #padding: readonly null[]
  #collector!: ChangeCollector
  #reader: LookupReader | undefined
  #cache: LookupCache<readonly Value[]> | undefined
  #keys: readonly Evaluate[] = []
  #before: Evaluate | undefined
  #filter: Evaluate | undefined
  #projection: readonly Evaluate[] = []
  #rest: Evaluate | undefined
  #watermarkMs = WATERMARK_MIN
  #bound: RecordBatch | null = null
  #crossing = 0
  /** The next rows of the batch, from its begin on. */
  #waiting: Waiting[] = []
  #joined = 0
  /** What was answered for these rows, by key. */
  #answers = new Map<string, readonly (readonly Value[])[]>()
  #question: Question | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(spec: LookupJoinSpec, outputSchema: Schema, session: SessionContext) {
    super()
    this.#spec = spec
    this.outputSchema = outputSchema
    this.#session = session
    this.#padding = spec.projection.map(() => null)
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const { keys, before, filter, projection, rest, asked } = this.#spec
    const evaluation: EvaluationContext = { ...this.#session, nowMs: () => context.clock.nowMs(), watermarkMs: () => this.#watermarkMs }
    this.#collector = new ChangeCollector(context, this.outputSchema)
    this.#keys = keys.map(({ value }) => interpretColumn(value, evaluation))
    this.#before = before && interpret(before, evaluation)
    this.#filter = filter && interpret(filter, evaluation)
    this.#projection = projection.map((expression) => interpretColumn(expression, evaluation))
    this.#rest = rest && interpret(rest, evaluation)
    this.#cache = asked.cache && new LookupCache(asked.cache)
    this.#reader = asked.table.createReader(context)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    this.#proceed()
    const collector = this.#collector
    if (!collector.flush(output)) return false
    if (this.#bound !== batch) this.#bind(batch)
    if (this.#question !== undefined) return false
    for (;;) {
      if (this.#joined === this.#waiting.length && batch.begin < batch.end && !this.#take(batch)) return false
      if (!output.hasCapacity()) return false
      collector.begin(output)
      try {
        this.#join(batch)
      } catch (error) {
        throw this.#errorOf(error)
      }
      if (!collector.flush(output)) return false
      if (batch.begin === batch.end && this.#crossing === batch.crossings.count) break
    }
    this.#bound = null
    return true
  }

  override advance(watermarkMs: number, output: Output): boolean {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs)
    return this.#collector.flush(output)
  }

  override nextProcessingTimeMs(): number {
    if (this.#failure !== undefined) return this.context.clock.nowMs()
    return this.#question === undefined ? Infinity : Math.min(this.#question.dueMs, this.#question.deadlineMs)
  }

  override fireTimers(): boolean {
    this.#proceed()
    return true
  }

  /** Rows that were joined must have left; the others come again. */
  leaveBatch(): boolean {
    if (this.#collector.isOpen) return false
    this.#bound = null
    return true
  }

  override close(): void {
    this.#question = undefined
    this.#reader?.close()
    this.#collector?.free()
  }

  #bind(batch: RecordBatch): void {
    this.#bound = batch
    this.#crossing = 0
    this.#waiting = []
    this.#joined = 0
  }

  /** Reads further rows. Returns false if their keys have to be asked for. */
  #take(batch: RecordBatch): boolean {
    const stop = Math.min(batch.end, batch.begin + this.#spec.capacity)
    const unknown = new Map<string, readonly Value[]>()
    const nowMs = this.context.clock.nowMs()
    this.#waiting = []
    this.#joined = 0
    this.#answers = new Map()
    try {
      for (let position = batch.begin; position < stop; position++) {
        const physical = batch.physicalRow(position)
        const row = readRow(batch, physical)
        this.#waiting.push({ kind: batch.kindOf(physical), row, key: this.#keyOf(row, unknown, nowMs) })
      }
    } catch (error) {
      throw this.#errorOf(error)
    }
    if (unknown.size === 0) return true
    this.#question = { wanted: [...unknown], failures: 0, attempts: 1, dueMs: Infinity, deadlineMs: nowMs + this.#spec.timeoutMs }
    void this.#ask(this.#question)
    return false
  }

  /** The key of a row, which is added to those that nothing is known of. */
  #keyOf(row: readonly Value[], unknown: Map<string, readonly Value[]>, nowMs: number): string | undefined {
    if (this.#before !== undefined && this.#before(row) !== true) return undefined
    const values: Value[] = []
    for (const evaluate of this.#keys) {
      const value = evaluate(row)
      // Nothing is equal to NULL.
      if (value === null) return undefined
      values.push(value)
    }
    const key = values.length === 1 ? keyOf(values[0]) : keyOf(values)
    if (this.#answers.has(key) || unknown.has(key)) return key
    const kept = this.#cache?.get(key, nowMs)
    if (kept === undefined) unknown.set(key, values)
    else this.#answers.set(key, kept)
    return key
  }

  /** What every step begins with: asks again where that is due, and fails where asking has failed. */
  #proceed(): void {
    const question = this.#question
    const nowMs = this.context.clock.nowMs()
    if (question !== undefined && question.deadlineMs <= nowMs) {
      this.#question = undefined
      const { timeoutMs, asked } = this.#spec
      const error = new ConnectorError('LOOKUP_TIMEOUT', `Cannot look rows up in ${asked.table.target}: there is no answer after ${timeoutMs} ms`, {
        hint: "Raise 'timeout' of the hint LOOKUP, or table.exec.async-lookup.timeout.",
      })
      this.#failure ??= { error }
    } else if (question !== undefined && question.dueMs <= nowMs) void this.#ask(question)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Asks on the event loop; the next step goes on with what has come of it. */
  async #ask(question: Question): Promise<void> {
    question.dueMs = Infinity
    const { table, retriesMax } = this.#spec.asked
    try {
      const found = await this.#reader!.lookup(question.wanted.map(([, values]) => values))
      // One whose time has run out is nobody's.
      if (this.#question === question) this.#answer(question, found)
    } catch (error) {
      if (this.#question !== question) return
      if (error instanceof MillraceError) this.#failure = { error }
      else if (question.failures === retriesMax) {
        const message = `Cannot look rows up in ${table.target}: ${(error as Error).message} (${question.failures + 1} tries)`
        this.#failure = { error: new ConnectorError('STORE_FAILED', message, { cause: error }) }
      } else question.dueMs = this.context.clock.nowMs() + FIRST_PAUSE_MS * 2 ** question.failures++
    }
    this.context.wake()
  }

  #answer(question: Question, found: readonly (readonly StoredRow[])[]): void {
    const { retry, asked } = this.#spec
    const nowMs = this.context.clock.nowMs()
    const mayFindMore = retry !== undefined && question.attempts < retry.attempts
    const missed: (readonly [string, readonly Value[]])[] = []
    for (const [place, one] of question.wanted.entries()) {
      const rows = found[place].map((row) => asked.rowOf(row))
      if (rows.length === 0 && mayFindMore) {
        missed.push(one)
        continue
      }
      this.#answers.set(one[0], rows)
      this.#cache?.put(one[0], rows, nowMs)
    }
    if (missed.length === 0) {
      this.#question = undefined
      return
    }
    question.wanted = missed
    question.attempts++
    question.dueMs = nowMs + retry!.delayMs
  }

  /** Joins the rows that wait, until the output is full. */
  #join(batch: RecordBatch): void {
    const { crossings } = batch
    const collector = this.#collector
    for (;;) {
      while (this.#crossing < crossings.count) {
        const at = batch.positionOf(crossings.positions[this.#crossing])
        if (at > batch.begin && batch.begin !== batch.end) break
        this.#watermarkMs = Math.max(this.#watermarkMs, crossings.watermarks[this.#crossing])
        collector.watermark(crossings.watermarks[this.#crossing++])
      }
      if (this.#joined === this.#waiting.length || collector.isFull) return
      this.#joinRow(this.#waiting[this.#joined++])
      batch.begin++
    }
  }

  #joinRow({ kind, row, key }: Waiting): void {
    const collector = this.#collector
    let isAlone = true
    for (const stored of key === undefined ? [] : this.#answers.get(key)!) {
      if (this.#filter !== undefined && this.#filter(stored) !== true) continue
      const joined = [...row]
      for (const evaluate of this.#projection) joined.push(evaluate(stored))
      if (this.#rest !== undefined && this.#rest(joined) !== true) continue
      isAlone = false
      collector.change(kind, joined)
    }
    if (isAlone && this.#spec.type === 'LEFT') collector.change(kind, [...row, ...this.#padding])
  }

  #errorOf(error: unknown): unknown {
    return error instanceof MillraceError ? error : userError(this.context.operatorName, this.context.subtaskIndex, error)
  }
}
