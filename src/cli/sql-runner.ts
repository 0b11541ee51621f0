// Runs the statements of texts, one after the other, and prints what they answer.

import { hasCode, PlanError } from '../base/errors.ts'
import { RowKind } from '../batch/record-batch.ts'
import { logText } from '../engine/log-text.ts'
import type { LocalExecutor } from '../runtime/local-executor.ts'
import { fileGuessText } from '../sql/files/file-guess.ts'
import { withSqlAdvice } from '../sql/files/bad-record-advice.ts'
import { withValueAdvice } from '../sql/runtime/value-advice.ts'
import type { LogicalPlan } from '../sql/logical-plan.ts'
import { orderingOf } from '../sql/ordering.ts'
import { insertJobOf } from '../sql/runtime/compiled-plans.ts'
import { asksForBatch, copyOf, evaluationContext, explainedRows, insertJob, queryJob, summaryOf } from '../sql/runtime/run-script.ts'
import { checkSetting } from '../sql/runtime/script-job.ts'
import type { Rows, SqlSession, StatementResult } from '../sql/session.ts'
import { parseScript } from '../sql/statement-parser.ts'
import type { Statement } from '../sql/syntax-tree.ts'
import { ExitCode } from './error-text.ts'
import type { ResultFormat } from './result-formats.ts'
import type { Expansion } from './sql-helpers.ts'
import { countText, openResult, ResultOutput, type ResultHead, type ResultScreen, type ResultWriter } from './sql-output.ts'
import { runShown } from './sql-progress.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** What the command line says about runs. */
export interface RunnerSettings {
  readonly format: ResultFormat
  readonly parallelism: number | undefined
  /** Options of the engine. */
  readonly options: ReadonlyMap<string, string>
}

/** A session whose results are printed. */
export class SqlRunner {
  readonly session: SqlSession
  readonly #settings: RunnerSettings
  #screen: ResultScreen
  /** What files were taken for, as far as it was said. */
  readonly #told = new Set<string>()
  /** What an error means that comes now: of the statement, or of a job that runs. */
  #failureCode: number = ExitCode.USAGE

  constructor(session: SqlSession, settings: RunnerSettings, terminal: Terminal, size: ResultScreen['size']) {
    this.session = session
    this.#settings = settings
    this.#screen = { terminal, output: new ResultOutput((text) => terminal.print(text)), size, expansion: 'off' }
  }

  /** How tables show rows. */
  get expansion(): Expansion {
    return this.#screen.expansion
  }
  set expansion(expansion: Expansion) {
    this.#screen = { ...this.#screen, expansion }
  }

  /** The exit code for what {@link run} has thrown. */
  exitCodeOf(error: unknown): number {
    return hasCode(error, 'OUTPUT_CLOSED') ? ExitCode.OUTPUT_CLOSED : this.#failureCode
  }

  /**
   * Runs a text. Tables are printed of every statement, in other formats only what `printsLast` lets through: one stream holds one result.
   *
   * @returns what the last statement came to.
   * @throws {SqlError} if a statement is wrong; {@link PlanError}; what a job fails with; the reason of the signal.
   */
  async run(text: string, printsLast: boolean, signal: AbortSignal): Promise<StatementResult | undefined> {
    this.#failureCode = ExitCode.USAGE
    const statements = parseScript(text)
    if (asksForBatch(text)) this.session.options.set('execution.runtime-mode', 'batch')
    let result: StatementResult | undefined
    for (const [index, statement] of statements.entries()) {
      this.#failureCode = ExitCode.USAGE
      checkSetting(statement, text)
      await this.session.load([statement])
      result = this.session.execute(statement, text)
      this.#tellGuesses(statement.kind === 'describe' || statement.kind === 'describe query')
      const isPrinted = this.#settings.format === 'table' || (printsLast && index === statements.length - 1)
      try {
        await this.#answer(result, statement, isPrinted, signal)
      } catch (error) {
        throw withSqlAdvice(withValueAdvice(error), this.session.catalog.files)
      }
    }
    return result
  }

  /** Runs what has to be run, and prints what is asked for. */
  async #answer(result: StatementResult, statement: Statement, isPrinted: boolean, signal: AbortSignal): Promise<void> {
    const job = insertJobOf(result, this.session)
    if (job !== undefined) {
      const executor = this.#planned(() => insertJob(job, this.#jobOptions))
      await runShown(executor, this.#screen.terminal, signal)
    } else if (result.kind === 'query' && isPrinted) await this.#query(result.plan, signal)
    else if (result.kind === 'rows' && isPrinted) {
      if (statement.kind === 'show' && statement.what.startsWith('CREATE')) this.#text(result)
      else this.#rows(result)
    } else if (result.kind === 'explain' && isPrinted) this.#text(explainedRows(result, this.session, this.#jobOptions))
    else if (result.kind === 'summarize' && isPrinted) await this.#summary(result.plan, signal)
    else if (result.kind === 'copy') await this.#copy(result, signal)
  }

  /** Says what files were taken for, each once: to people, and to those who ask. */
  #tellGuesses(isAsked: boolean): void {
    const { terminal } = this.#screen
    if (!terminal.isInteractive && !(isAsked && this.#settings.format === 'table')) return
    for (const table of this.session.catalog.files) {
      const guess = fileGuessText(table)
      if (this.#told.has(guess) && !isAsked) continue
      this.#told.add(guess)
      terminal.say(styleOf(terminal).dim(`${guess}\n`))
    }
  }

  /** Prints rows that are there. */
  #rows({ columns, rows }: Rows): void {
    const writer = this.#open({ columns, isInsertOnly: true, ordering: undefined, context: evaluationContext(this.session) })
    for (const row of rows) writer.change(RowKind.INSERT, row)
    writer.end()
    this.#screen.output.flush()
  }

  /** Prints plans and statements: in place of a table the text as it is. */
  #text(answer: Rows): void {
    if (this.#settings.format !== 'table') return this.#rows(answer)
    for (const [text] of answer.rows) this.#screen.output.write(`${text as string}\n`)
    this.#screen.output.flush()
  }

  async #query(plan: LogicalPlan, signal: AbortSignal): Promise<void> {
    const context = evaluationContext(this.session)
    let writer: ResultWriter | undefined
    try {
      await this.#job(() => {
        const { executor, isInsertOnly } = queryJob(plan, this.session, (kind, row) => writer!.change(kind, row), this.#jobOptions)
        // Only now: what cannot be planned prints nothing.
        writer = this.#open({ columns: plan.columns, isInsertOnly, ordering: plan.kind === 'sort' ? orderingOf(plan.keys, context) : undefined, context })
        return executor
      }, signal)
      writer!.end()
    } catch (error) {
      // Of a query that is cancelled the rows so far are worth something.
      if (signal.aborted) writer?.end()
      else writer?.discard()
      throw error
    } finally {
      this.#screen.output.flush()
    }
  }

  async #summary(plan: LogicalPlan, signal: AbortSignal): Promise<void> {
    const { executor, answer } = this.#planned(() => summaryOf(plan, this.session, this.#jobOptions))
    try {
      await runShown(executor, this.#screen.terminal, signal)
    } catch (error) {
      // Of rows that never end those that came are summed up.
      if (signal.aborted) this.#rows(answer())
      throw error
    }
    this.#rows(answer())
  }

  async #copy(result: StatementResult & { readonly kind: 'copy' }, signal: AbortSignal): Promise<void> {
    const { executor, rowCount, discard } = this.#planned(() => copyOf(result, this.session, this.#jobOptions))
    try {
      await runShown(executor, this.#screen.terminal, signal)
    } catch (error) {
      discard()
      throw error
    }
    const { terminal } = this.#screen
    if (terminal.isInteractive) terminal.say(`${countText(rowCount())} copied to ${result.target.path === '-' ? 'standard output' : result.target.path}\n`)
  }

  async #job(make: () => LocalExecutor, signal: AbortSignal): Promise<void> {
    await this.#planned(make).run(signal)
  }

  /** What is planned: errors that come now are those of the plan, later ones those of the job. */
  #planned<Job>(make: () => Job): Job {
    let job: Job
    try {
      job = make()
    } catch (error) {
      if (!(error instanceof PlanError)) this.#failureCode = ExitCode.JOB_FAILED
      throw error
    }
    this.#failureCode = ExitCode.JOB_FAILED
    return job
  }

  #open(head: ResultHead): ResultWriter {
    return openResult(this.#settings.format, head, this.#screen)
  }

  get #jobOptions() {
    const { parallelism, options } = this.#settings
    const { terminal } = this.#screen
    const log = (operator: string, subtask: number, message: string): void => terminal.say(logText(operator, subtask, message, styleOf(terminal).dim))
    return { parallelism, options, log }
  }
}
