// The commands below `millrace savepoint` that work on files: their arguments and help. What they do is imported when they run.

import { type Command, Option } from 'commander'
import type { RunOptions } from './run.ts'
import type { SavepointListOptions, SavepointReadOptions, SavepointRemoveOptions } from './savepoint-files.ts'
import type { Terminal } from './terminal.ts'

/** What the commands need of the command line around them. */
export interface CommandSetting {
  /** What stands behind `--`. */
  readonly jobArguments: readonly string[]
  readonly terminal: Terminal
  setExitCode(code: number): void
  /** Adds the options of all commands that plan a job. */
  jobOptions(command: Command): Command
}

/** Adds `list`, `read`, `diff` and `rm`. */
export function addSavepointCommands(savepoint: Command, { jobArguments, terminal, setExitCode, jobOptions }: CommandSetting): void {
  savepoint
    .command('list')
    .description('list the savepoints and checkpoints below a folder, each checked to its last byte')
    .summary('list savepoints and checkpoints')
    .argument('<folder>', 'folder in which they lie, at any depth')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace savepoint list savepoints
  $ millrace savepoint list checkpoints/word-count --json`,
    )
    .action(async (folder: string, options: SavepointListOptions) =>
      setExitCode(await (await import('./savepoint-files.ts')).listSavepointsCommand(folder, options, terminal)),
    )
  savepoint
    .command('read')
    .description('show what a savepoint or checkpoint holds: operators, states, sizes; or the entries of a state, a JSON line each')
    .summary('show what a savepoint holds')
    .argument('<folder>', 'folder of the savepoint')
    .option('--operator <uid>', 'only this operator')
    .option('--state <name>', 'the entries of this state: key, namespace and value; bytes are base64')
    .addOption(new Option('--format <format>', 'default: table, for entries json').choices(['table', 'json']))
    .addHelpText(
      'after',
      `
Examples:
  $ millrace savepoint read savepoints/friday
  $ millrace savepoint read savepoints/friday --operator counter --format json
  $ millrace savepoint read savepoints/friday --operator counter --state count | head`,
    )
    .action(async (folder: string, options: SavepointReadOptions) =>
      setExitCode(await (await import('./savepoint-files.ts')).readSavepointCommand(folder, options, terminal)),
    )
  jobOptions(
    savepoint
      .command('diff')
      .description('show what becomes of each operator and state of a savepoint when a job starts from it, and why, without starting it')
      .summary('compare a savepoint with a job')
      .argument('<folder>', 'folder of the savepoint'),
  )
    .usage('[options] <folder> <job> [-- arguments of the job]')
    .option('-n, --allow-non-restored-state', 'drop state of operators that the job does not have')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
keep: as it is. migrate: its values follow the changed type. drop: left out. new: begins empty.
pending: decided when the function declares it. refuse: the job cannot start.
Exit codes: 0 the job can start, 1 it cannot, 2 wrong usage or plan, 3 the savepoint cannot be read.

Examples:
  $ millrace savepoint diff savepoints/friday job.ts
  $ millrace savepoint diff savepoints/friday job.ts --json -- --input clicks.json`,
    )
    .action(async (folder: string, job: string, options: RunOptions) =>
      setExitCode(await (await import('./savepoint-diff.ts')).diffSavepointCommand(folder, job, options, jobArguments, terminal)),
    )
  savepoint
    .command('rm')
    .description('remove a savepoint, and nothing that is none')
    .summary('remove a savepoint')
    .argument('<folder>', 'folder of the savepoint')
    .option('--force', 'also a checkpoint that a job goes on from, and one that is damaged')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace savepoint rm savepoints/friday
  $ millrace savepoint rm checkpoints/word-count/chk-7 --force`,
    )
    .action(async (folder: string, options: SavepointRemoveOptions) =>
      setExitCode(await (await import('./savepoint-files.ts')).removeSavepointCommand(folder, options, terminal)),
    )
}
