// `millrace sql`: statements from the command line, a file, standard input or the keyboard.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { text as readStream } from 'node:stream/consumers'
import { PlanError } from '../base/errors.ts'
import { parseSetting } from '../engine/options.ts'
import { fillVariables } from '../sql/script-variables.ts'
import { SqlSession } from '../sql/session.ts'
import { parseSqlSetting } from '../sql/session-options.ts'
import { engineFolders, errorText, ExitCode } from './error-text.ts'
import { Interruption } from './interruption.ts'
import type { ResultFormat } from './result-formats.ts'
import { helperOf } from './sql-helpers.ts'
import type { ScreenSize } from './sql-output.ts'
import { type RunnerSettings, SqlRunner } from './sql-runner.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** What the command line says. */
export interface SqlCommandOptions {
  readonly file?: string
  readonly execute?: readonly string[]
  readonly format: ResultFormat
  readonly parallelism?: number
  readonly set?: readonly string[]
  readonly verbose?: boolean
}

/** The name of standard input, as for other commands. */
const STANDARD_INPUT = '-'

/** Runs statements. Resolves with the exit code; errors of statements and jobs are told here. @throws {PlanError} If an option is wrong. */
export async function sqlCommand(options: SqlCommandOptions, terminal: Terminal): Promise<number> {
  const isGiven = options.file !== undefined || options.execute !== undefined
  const readsStatements = options.file === STANDARD_INPUT || !isGiven
  const session = new SqlSession(readsStatements ? 'statements' : 'rows')
  const settings = settingsOf(options, session, terminal)
  const runner = new SqlRunner(session, settings, terminal, screenSize())
  if (!isGiven && process.stdin.isTTY) return runOnKeyboard(runner, options, terminal)
  const given = await textsOf(options)
  // From here on: while statements are read a signal ends the process by itself.
  const interruption = new Interruption(terminal)
  try {
    const texts = given.map(({ text, folder }) => ({ text: fillVariables(statementsOf(text), process.env), folder }))
    for (const [index, { text, folder }] of texts.entries()) {
      session.modules.folder = folder
      await runner.run(text, index === texts.length - 1, interruption.signal)
    }
    return ExitCode.OK
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode
    const code = runner.exitCodeOf(error)
    if (code !== ExitCode.OUTPUT_CLOSED) tellError(error, options, terminal)
    return code
  }
}

/** The statements of a text that may be a helper of the console, which people give to -e, too. @throws {PlanError} for one that runs none. */
function statementsOf(text: string): string {
  const action = /^\s*[\\.]\S*[^\n]*\s*$/.test(text) ? helperOf(text) : undefined
  if (action === undefined) return text
  if (action.kind === 'run') return action.sql
  if (action.kind === 'file') return textOfFile(action.path)
  throw action.kind === 'refused'
    ? new PlanError('UNKNOWN_COMMAND', action.message, { hint: action.hint })
    : new PlanError('UNKNOWN_COMMAND', `Only the prompt takes ${text.trim()}`, { hint: '`millrace sql` without statements opens it.' })
}

/** What is told to have been done, since nothing is printed. */
const ANSWERS_NOTHING: ReadonlySet<string> = new Set(['done', 'insert', 'compile plan', 'execute plan'])

/** How much a terminal shows of tables; undefined: standard output is none. Read anew at each drawing: windows are resized, and some say 0. */
function screenSize(): (() => ScreenSize) | undefined {
  const { stdout } = process
  if (!stdout.isTTY || process.env['TERM'] === 'dumb') return undefined
  return () => ({ columns: stdout.columns || COLUMNS_DEFAULT, rows: stdout.rows || ROWS_DEFAULT })
}

const COLUMNS_DEFAULT = 80
const ROWS_DEFAULT = 24

async function runOnKeyboard(runner: SqlRunner, options: SqlCommandOptions, terminal: Terminal): Promise<number> {
  const { runConsole } = await import('./sql-console.ts')
  const { historyPath } = await import('./sql-history.ts')
  const output = process.stdout.isTTY ? process.stdout : process.stderr
  return runConsole(
    {
      session: runner.session,
      get expansion() {
        return runner.expansion
      },
      set expansion(expansion) {
        runner.expansion = expansion
      },
      textOf: textOfFile,
      async run(text, signal) {
        const result = await runner.run(fillVariables(text, process.env), true, signal)
        return result !== undefined && ANSWERS_NOTHING.has(result.kind)
      },
      tell: (error) => tellError(error, options, terminal),
    },
    { input: process.stdin, output, historyPath: historyPath(process.env) },
    terminal,
  )
}

function tellError(error: unknown, { verbose }: SqlCommandOptions, terminal: Terminal): void {
  const style = styleOf(terminal)
  terminal.say(errorText(error, { isVerbose: verbose === true, folder: process.cwd(), engineFolders: engineFolders(), style }))
}

/** Statements, and the folder from which they see modules of functions. */
interface GivenText {
  readonly text: string
  readonly folder: string
}

async function textsOf({ file, execute = [] }: SqlCommandOptions): Promise<readonly GivenText[]> {
  const here = process.cwd()
  const others = execute.map((text) => ({ text, folder: here }))
  if (file === undefined && execute.length > 0) return others
  const isFile = file !== undefined && file !== STANDARD_INPUT
  return [isFile ? { text: textOfFile(file), folder: dirname(resolve(file)) } : { text: await readStream(process.stdin), folder: here }, ...others]
}

function textOfFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new PlanError('FILE_NOT_READABLE', `Cannot read "${path}": ${reason}`)
  }
}

function settingsOf({ format, parallelism, set = [] }: SqlCommandOptions, session: SqlSession, terminal: Terminal): RunnerSettings {
  const options = new Map<string, string>()
  for (const setting of set) {
    const sql = parseSqlSetting(setting)
    if (sql !== undefined) session.options.set(sql.key, sql.value)
    else {
      const { key, value, note } = parseSetting(setting)
      if (note !== undefined) terminal.say(`note: ${note}\n`)
      else {
        options.set(key, value)
        session.options.set(key, value)
      }
    }
  }
  const given = options.get('parallelism.default')
  return { format, parallelism: parallelism ?? (given === undefined ? undefined : Number(given)), options }
}
