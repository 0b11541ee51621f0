// The command line: commands, their options and help. Each command's own code is imported when it runs, since most of the time to the first row
// is spent on loading code.

import { existsSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { PlanError } from '../base/errors.ts'
import { packageVersion } from '../base/platform.ts'
import { suggest } from '../base/suggest.ts'
import { engineFolders, errorText, ExitCode, exitCodeOf } from './error-text.ts'
import type { JobsOptions, StopOptions } from './control.ts'
import type { NexmarkCommandOptions } from './nexmark.ts'
import type { RunOptions } from './run.ts'
import type { SqlCommandOptions } from './sql.ts'
import { RESULT_FORMATS } from './result-formats.ts'
import { addSavepointCommands } from './savepoint-commands.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** Runs one command line (without the program's name). Resolves with the exit code; prints whatever is wrong. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const runtime = unsupportedRuntime()
  if (runtime !== undefined) {
    terminal.say(`error: Cannot run on ${runtime}: millrace needs Node.js 20.19 or newer\n`)
    return ExitCode.USAGE
  }
  try {
    let exitCode: number = ExitCode.OK
    const { own, job } = splitArguments(args)
    const program = createProgram(job, terminal, (code) => (exitCode = code))
    if (own[0] === 'completion' || own[0] === 'complete') {
      const { addCompletion, BASH_SCRIPT } = await import('./completion.ts')
      if (own[0] === 'completion' && own[1] === 'bash' && own.length === 2) {
        terminal.print(BASH_SCRIPT)
        return ExitCode.OK
      }
      const { default: tab } = await import('@bomb.sh/tab/commander')
      addCompletion(tab(withoutCompletion(program), { completionCommandName: 'completion' }))
      program.commands.find((command) => command.name() === 'completion')?.addHelpText('after', COMPLETION_EXAMPLES)
      // What is being completed stands behind `--`, as the shell's script gives it.
      await program.parseAsync([...args], { from: 'user' })
    } else await program.parseAsync([...own], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE
    terminal.say(errorText(error, { isVerbose: args.includes('--verbose'), folder: process.cwd(), engineFolders: engineFolders(), style: styleOf(terminal) }))
    return exitCodeOf(error, true)
  }
}

/** Bun and Deno say that they are Node; worker threads, shared memory and source maps differ. */
function unsupportedRuntime(): string | undefined {
  const { bun, deno } = process.versions as { bun?: string; deno?: string }
  return bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : undefined
}

/** What stands behind the first `--` belongs to the job. */
function splitArguments(args: readonly string[]): { own: readonly string[]; job: readonly string[] } {
  const end = args.indexOf('--')
  // An address is given as --inspect=ADDRESS only: what stands behind --inspect is the job.
  const own = (end < 0 ? args : args.slice(0, end)).map((argument) => (argument === '--inspect' ? '--inspect=' : argument))
  return { own, job: end < 0 ? [] : args.slice(end + 1) }
}

function positive(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('It must be a positive integer.')
  return Number(text)
}

/** Also `1e6` and `1_000_000`: counts of events are long. */
function number(text: string): number {
  const value = /^[+-]?\d/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
  if (!Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}

const JOB_ARGUMENTS = `
Arguments of the job stand behind "--" and reach its program as params: --key value and --key=value
give text, --flag gives true, --no-flag gives false, a name given twice an array, the rest is in params._
In a SQL script --NAME value is what \${NAME} stands for; without it the environment is asked.`

const COMPLETION_EXAMPLES = `
Examples:
  $ source <(millrace completion bash)
  $ millrace completion zsh > ~/.zsh/completions/_millrace
  $ millrace completion fish > ~/.config/fish/completions/millrace.fish
  $ millrace completion powershell | Out-String | Invoke-Expression`

function createProgram(jobArguments: readonly string[], terminal: Terminal, setExitCode: (code: number) => void): Command {
  const program = new Command('millrace')
    .description('A stateful stream processor for Node.js.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text),
      writeErr: (text) => terminal.say(text),
      getErrHelpWidth: () => terminal.columns,
      outputError: (text, write) => write(usageError(text, false)),
    })
    .showHelpAfterError('(--help shows how it is used)')
    .argument('[command]')
    .allowExcessArguments()
    .usage('<command> [options]')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace run job.ts                         run a job on every core
  $ millrace run job.ts -- --input clicks.json  give the job arguments
  $ millrace run report.sql                     run the INSERTs of a SQL script
  $ millrace explain job.ts                     print its plan
  $ millrace sql                                type SQL; -e and -f run statements
  $ millrace list --dir checkpoints             show jobs that take checkpoints
  $ millrace nexmark --events 1000000 --out nexmark.json

Exit codes: 0 done, 1 the job failed, 2 wrong usage or plan, 3 restore refused, 130 interrupted,
137 killed by a second Ctrl-C, 141 the reader of its output has gone, 143 terminated`,
    )
    .action((command: string | undefined) => {
      if (command === undefined) {
        program.outputHelp({ error: true })
        throw new CommanderError(ExitCode.USAGE, 'millrace.help', '')
      }
      const isFile = /\.(?:[cm]?[jt]sx?|sql)$/.test(command) || existsSync(command)
      throw unknownCommand(`Cannot run "${command}"`, isFile ? `run ${command}` : nearCommand(program, command))
    })
  jobOptions(program.command('run').description('run a job').summary('run a job'), 'run')
    .addOption(new Option('--watch', 'run it again whenever its files change').conflicts('inspect'))
    .option('--fresh', 'with execution.checkpointing.dir: begin anew, and move what earlier runs have kept aside')
    .addOption(
      new Option('--take-over', 'if another process runs the job: have it end, without a savepoint, and go on from its newest checkpoint').conflicts('inspect'),
    )
    .option('--from-savepoint <folder>', 'start from a savepoint, unless the job has taken a checkpoint since it did')
    .option('-n, --allow-non-restored-state', 'drop state, of a checkpoint or savepoint, whose operators the job does not have')
    .option('--dev', 'check more, for development: rows kept too long, maps that return nothing')
    .option('--inspect [host:port]', 'run on one thread under an inspector, so that breakpoints hold; an address is given with --inspect=')
    .option('-q, --quiet', 'no progress and no summary, only errors and what the job logs')
    .option('--json', 'the summary as one line of JSON on standard error')
    .addHelpText(
      'after',
      `${JOB_ARGUMENTS}

Results go to standard output; progress, console.log of the job and the summary to standard error.
A terminal shows progress while the job runs: rows and rows a second of each operator and sink, how far
the watermark is behind the clock, the last checkpoint. A pipe, and CI, get a line every five seconds.
Ctrl-C cancels the job, a second one kills it.

Examples:
  $ millrace run job.ts
  $ millrace run job.ts --parallelism 4 --set millrace.batch.rows-max=1024
  $ millrace run job.ts -- --input clicks.json --limit 100
  $ millrace run job.ts --set execution.checkpointing.dir=checkpoints --set execution.checkpointing.interval=1s
  $ millrace run job.ts --fresh --from-savepoint savepoints/friday --parallelism 8
  $ millrace run report.sql -- --DAY 2025-03-01  the INSERT of a script, or its STATEMENT SET
  $ millrace run job.ts --watch --dev
  $ millrace run job.ts --inspect               then attach a debugger
  $ millrace run job.ts --json 2>summary.json >rows.txt`,
    )
    .action(async (job: string, options: RunOptions) => {
      // First, and alone: a supervisor loads nothing of the engine.
      const code = await (await import('./supervisor.ts')).superviseRun(job, options, jobArguments, terminal)
      setExitCode(code ?? (await (await import('./run.ts')).runCommand(job, options, jobArguments, terminal)))
    })
  jobOptions(program.command('explain').description('print the plan of a job without running it').summary('print the plan of a job'), 'explain')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `${JOB_ARGUMENTS}

Examples:
  $ millrace explain job.ts
  $ millrace explain job.ts --parallelism 8 --json`,
    )
    .action(async (job: string, options: RunOptions) => setExitCode(await (await import('./explain.ts')).explainCommand(job, options, jobArguments, terminal)))
  program
    .command('sql')
    .description('run SQL: statements of a file, of the command line, of standard input, of the keyboard')
    .summary('run SQL statements')
    .option('-f, --file <file>', 'run the statements of a file, - for standard input')
    .option('-e, --execute <sql>', 'run statements (may be repeated); after those of the file', collect)
    .addOption(new Option('--format <format>', 'how results are printed').choices(RESULT_FORMATS).default('table'))
    .option('-p, --parallelism <count>', 'number of subtasks of each operator; default: 1', positive)
    .option('-s, --set <key=value>', "set an option of Flink's SQL or of the engine (may be repeated); SET in a script wins", collect)
    .option('--verbose', "with the engine's own lines when it fails")
    .addHelpText(
      'after',
      `
Without -f and -e the statements come from standard input; a terminal gets a prompt with history and
completion, where \\? helps. Statements share one session: tables that one creates are there for the next.
\${NAME} in them, but not in comments, is the value of an environment variable; "-- mode: batch" among the
first eight lines asks for batch mode: one answer, when all rows are there.

A file in single quotes stands for a table: SELECT * FROM 'flights.csv', globs, gzip, '-' for standard input.
DESCRIBE and SUMMARIZE look at one, COPY (query) TO 'late.csv' writes one.

Formats:
  table      a box for each result, of its last rows; a terminal sees it while it changes
  csv        a header, then a line for each row; NULL is empty, an empty text has quotes
  json       an object a line
  changelog  {"columns": [[name, type], ...]}, then a line for each change, as it comes:
             ["+I", values...] a new row, "-U" and "+U" before and after its change, "-D" it is gone
In csv and json the rows of results that change come when the query ends. All but table print what the
last statement answers, and nothing of those before.

Examples:
  $ millrace sql -e "SELECT 1 + 1"
  $ millrace sql                                then type statements
  $ millrace sql -e "SUMMARIZE 'flights.csv'"
  $ cat flights.csv | millrace sql -e "SELECT carrier, COUNT(*) FROM '-' GROUP BY carrier"
  $ millrace sql -f report.sql --format csv >report.csv
  $ millrace sql -f report.sql -e "SELECT * FROM top_sellers" --set table.local-time-zone=Europe/Berlin
  $ DAY=2025-03-01 millrace sql -f clicks.sql --format changelog | head`,
    )
    .action(async (options: SqlCommandOptions) => setExitCode(await (await import('./sql.ts')).sqlCommand(options, terminal)))
  jobsOption(program.command('list'))
    .description('list the jobs below a folder: name, status, attempt, last checkpoint, process, since when')
    .summary('list jobs and how they stand')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Status: running, restarting (it failed, and is about to be started again), finished, stopped, cancelled, failed.

Examples:
  $ millrace list --dir checkpoints
  $ millrace list --dir checkpoints --json`,
    )
    .action(async (options: JobsOptions & { json?: boolean }) => setExitCode((await import('./control.ts')).listCommand(options, terminal)))
  jobCommand(program.command('cancel'))
    .description('cancel a job that another process runs: what its newest checkpoint does not hold is not committed, and comes again')
    .summary('cancel a running job')
    .addHelpText(
      'after',
      `
The same command that started the job goes on with it from its newest checkpoint.

Examples:
  $ millrace cancel word-count --dir checkpoints
  $ millrace cancel checkpoints/word-count`,
    )
    .action(async (job: string, options: JobsOptions) => setExitCode(await (await import('./control.ts')).cancelCommand(job, options, terminal)))
  jobCommand(program.command('stop'))
    .description('stop a job that another process runs behind a last checkpoint, for which its sinks commit, so that nothing follows it')
    .summary('stop a running job behind a savepoint')
    .option('--savepoint <folder>', 'write the last checkpoint to this folder too, which must not be there or be empty; its path is printed')
    .option('--drain', 'end the sources first, so that every window and timer fires and the job has finished: for jobs that end for good')
    .addHelpText(
      'after',
      `
The same command that started the job goes on with it from its last checkpoint, unless it was drained.

Examples:
  $ millrace stop word-count --dir checkpoints
  $ millrace stop word-count --dir checkpoints --savepoint savepoints/friday
  $ millrace run word-count.ts --from-savepoint savepoints/friday --parallelism 8`,
    )
    .action(async (job: string, options: StopOptions) => setExitCode(await (await import('./control.ts')).stopCommand(job, options, terminal)))
  const savepoint = program
    .command('savepoint')
    .description('take savepoints of jobs, look at them, compare them with jobs, remove them')
    .summary('take, list, read, compare and remove savepoints')
    .argument('[command]')
    .allowExcessArguments()
    .usage('<command> [options]')
  jobCommand(savepoint.command('create'))
    .argument('<folder>', 'folder of the savepoint, which must not be there or be empty; its path is printed')
    .description('take a savepoint of a job that another process runs, and that goes on')
    .summary('take a savepoint of a running job')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace savepoint create word-count savepoints/friday --dir checkpoints
  $ millrace run word-count.ts --name copy --from-savepoint savepoints/friday`,
    )
    .action(async (job: string, folder: string, options: JobsOptions) =>
      setExitCode(await (await import('./savepoint.ts')).createSavepointCommand(job, folder, options, terminal)),
    )
  addSavepointCommands(savepoint, { jobArguments, terminal, setExitCode, jobOptions: (command) => jobOptions(command, 'compare it') })
  savepoint.action((command: string | undefined) => {
    if (command !== undefined) {
      const near = nearCommand(savepoint, command)
      throw unknownCommand(`Cannot do "savepoint ${command}"`, near && `savepoint ${near}`)
    }
    savepoint.outputHelp({ error: true })
    throw new CommanderError(ExitCode.USAGE, 'millrace.help', '')
  })
  program
    .command('nexmark')
    .description('write events of the Nexmark benchmark as JSON lines')
    .summary('write Nexmark events')
    .option('--events <count>', 'number of events; required', number)
    .option('--eps <rate>', 'events per second of event time', number, 10_000)
    .option('--disorder <ms>', 'how far an event may stand out of order, in ms', number, 0)
    .option('--seed <number>', 'decides all that is random', number, 1)
    .option('--out <file>', 'file to write, - for standard output', '-')
    .option('-q, --quiet', 'no summary')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace nexmark --events 1e6 --out nexmark.json
  $ millrace nexmark --events 1000 --eps 100 --disorder 500 --seed 7 | head`,
    )
    .action(async (options: NexmarkCommandOptions) => setExitCode((await import('./nexmark.ts')).nexmarkCommand(options, terminal)))
  program
    .command('options')
    .description('list the configuration options that --set takes')
    .summary('list the options for --set')
    .argument('[text]', 'only those whose key holds this text')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace options
  $ millrace options worker
  $ millrace options --json`,
    )
    .action(async (text: string | undefined, { json }: { json?: boolean }) =>
      setExitCode((await import('./options-list.ts')).optionsCommand(text, json === true, terminal)),
    )
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .summary('print a shell completion script')
    .argument('<shell>', 'bash, zsh, fish or powershell')
    .addHelpText('after', COMPLETION_EXAMPLES)
  program
    .command('help')
    .description('print the help of a command')
    .argument('[command]')
    .action((name: string | undefined) => {
      const command = name === undefined ? program : program.commands.find((known) => known.name() === name)
      if (command === undefined) {
        const near = nearCommand(program, name!)
        throw unknownCommand(`Cannot help with "${name}"`, near && `help ${near}`)
      }
      command.outputHelp()
    })
  // Commands inherit it, and only the program itself has to look at whatever it was given.
  for (const command of [...program.commands, ...savepoint.commands]) command.allowExcessArguments(command === savepoint)
  return program
}

/** A command to a job that another process runs. */
function jobCommand(command: Command): Command {
  return jobsOption(command).argument('<job>', 'its name below --dir, or the path of its folder')
}

function jobsOption(command: Command): Command {
  return command.option('--dir <folder>', "folder of the jobs' folders: what execution.checkpointing.dir is for them")
}

function nearCommand(program: Command, mistyped: string): string | undefined {
  return suggest(
    mistyped,
    program.commands.map((known) => known.name()),
  )
}

function unknownCommand(problem: string, near: string | undefined): PlanError {
  return new PlanError('UNKNOWN_COMMAND', `${problem}: there is no such command`, {
    hint: near === undefined ? '`millrace --help` lists the commands.' : `Did you mean "millrace ${near}"?`,
  })
}

/** What commander says of a wrong command line, with what was probably meant where it does not know. */
function usageError(text: string, isJobCommand: boolean): string {
  if (text.includes("unknown option '-v'")) return `${text}(Did you mean -V, --version?)\n`
  const isForJob = isJobCommand && !text.includes('Did you mean') && /unknown option|too many arguments/.test(text)
  return isForJob ? `${text}(Arguments of the job stand behind "--": job.ts -- --limit 3)\n` : text
}

function jobOptions(command: Command, verb: string): Command {
  return command
    .configureOutput({ outputError: (text, write) => write(usageError(text, true)) })
    .argument('<job>', `a .ts, .js or .mjs file whose default export is made by defineJob, or a .sql script with an INSERT`)
    .usage(`[options] <job> [-- arguments of the job]`)
    .option('-p, --parallelism <count>', 'number of workers; default: what the job sets, else all cores', positive)
    .option('-s, --set <key=value>', 'set an option (may be repeated); "millrace options" lists them', collect)
    .option('--name <name>', `name of the job; default: the file's name`)
    .option('--verbose', `with the engine's own lines when it cannot ${verb}`)
}

/** The completion package adds a command of this name itself. */
function withoutCompletion(program: Command): Command {
  const commands = program.commands as Command[]
  commands.splice(
    commands.findIndex((command) => command.name() === 'completion'),
    1,
  )
  return program
}
