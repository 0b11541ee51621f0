// The command without a running job: help, wrong usage, options, plans, Nexmark files, completion.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, job, run, scratchFolder } from '../fixtures/command.ts'

describe('help', () => {
  test('millrace --help prints commands, examples and exit codes on standard output', async () => {
    const { status, stdout, stderr } = await run('--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const text of ['run [options] <job>', 'explain', 'nexmark', 'options', 'completion', 'Examples:', '130 interrupted']) expect(stdout).toContain(text)
  })

  test.each(['run', 'sql', 'explain', 'nexmark', 'options', 'completion'])('millrace %s --help shows examples', async (command) => {
    const { status, stdout } = await run(command, '--help')
    expect(status).toBe(0)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain(`$ ${command === 'completion' ? 'source <(millrace' : 'millrace'} ${command}`)
  })

  test('millrace alone prints its help on standard error and is wrong usage', async () => {
    const { status, stdout, stderr } = await run()
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: millrace <command>')
  })
})

describe('wrong usage', () => {
  test.each([
    ['a mistyped command', ['rnu', 'job.ts'], 'Did you mean "millrace run"?'],
    ['a job without a command', [job('ten-rows.js')], `Did you mean "millrace run ${job('ten-rows.js')}"?`],
    ['a mistyped option', ['run', '--paralelism', '2', job('ten-rows.js')], 'Did you mean --parallelism?'],
    ['a mistyped key of --set', ['run', '--set', 'millrace.batch.row-max=1', job('ten-rows.js')], 'Did you mean "millrace.batch.rows-max"?'],
    ['a wrong value of --set', ['run', '--set', 'millrace.batch.rows-max=many', job('ten-rows.js')], 'expected an integer'],
    ['--set without a value', ['run', '--set', 'millrace.dev', job('ten-rows.js')], 'expected key=value'],
    ['a parallelism of 0', ['run', '--parallelism', '0', job('ten-rows.js')], 'It must be a positive integer'],
    ['no job', ['run'], "missing required argument 'job'"],
    ['two jobs', ['run', 'a.js', 'b.js'], 'too many arguments'],
    ['a job that does not exist', ['run', job('ten-rows.ts')], 'Did you mean ten-rows.js?'],
    ['a folder', ['explain', 'test/fixtures/jobs'], 'it is not a file'],
    ['a file of another kind', ['run', 'package.json'], 'a job is a .ts, .js, .mjs or .sql file'],
    ['--watch with --inspect', ['run', '--watch', '--inspect', job('ten-rows.js')], 'cannot be used with option'],
    ['Nexmark without a number of events', ['nexmark'], '--events'],
    ['Nexmark with a mistyped option', ['nexmark', '--event', '10'], 'Did you mean --events?'],
    ...['0', '-1', '1.5', '1e13'].map((events): [string, string[], string] => [
      `Nexmark with ${events} events`,
      ['nexmark', '--events', events],
      `with --events ${Number(events)}: it must be an integer in 1..9000000000000`,
    ]),
    ['Nexmark out of range', ['nexmark', '--events', '10', '--disorder', '-1'], 'with --disorder -1: it must be'],
    ['Nexmark with part of a millisecond', ['nexmark', '--events', '10', '--disorder', '1.5'], 'with --disorder 1.5: it must be'],
    ['Nexmark without a rate', ['nexmark', '--events', '10', '--eps', '0'], 'with --eps 0: it must be'],
    ["a job's own option", ['run', job('ten-rows.js'), '--limit', '3'], 'Arguments of the job stand behind "--"'],
    ["a job's own argument", ['explain', job('ten-rows.js'), 'input.csv'], 'Arguments of the job stand behind "--"'],
    ['a job whose name is mistyped', ['run', job('ten-row.js')], 'Did you mean ten-rows.js?'],
    ['-v', ['-v'], 'Did you mean -V, --version?'],
    ['help with a mistyped command', ['help', 'nexmrk'], 'Did you mean "millrace help nexmark"?'],
    ['help with what is no command', ['help', 'foo'], 'Cannot help with "foo": there is no such command'],
    [
      'more parallelism than a machine bears',
      ['run', job('ten-rows.js'), '-p', '100000'],
      'since each worker is a thread with memory of its own\n  hint: Set it with --parallelism',
    ],
  ])('%s exits with 2 and says what was meant', async (_, args, text) => {
    const { status, stdout, stderr } = await run(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(text)
  })
})

describe('help', () => {
  test('help of a command is what the command shows itself', async () => {
    expect(await run('help', 'run')).toEqual(await run('run', '--help'))
    expect(await run('help')).toEqual(await run('--help'))
  })
})

describe('a standard output that takes nothing more', () => {
  test
    .skipIf(!existsSync('/dev/full'))
    .each([['--help'], ['options'], ['explain', job('ten-rows.js')], ['nexmark', '--events', '10'], ['run', job('printing.js'), '--quiet']])(
    'fails %s with one line',
    async (...args) => {
      const { status, stderr } = await new Command(args, { stdout: '/dev/full' }).ended
      expect(stderr.replace(/^talk\n/, '')).toMatch(/^error.*: Cannot (write|print).*ENOSPC: no space left on device, write\n$/)
      expect(status).toBe(1)
    },
  )
})

describe('colours', () => {
  const failing = ['run', job('no-sink.js'), '--quiet']
  test.each([
    ['a pipe', {}, false],
    ['a pipe under continuous integration', { CI: 'true', GITHUB_ACTIONS: 'true' }, false],
    ['a pipe with FORCE_COLOR', { FORCE_COLOR: '1' }, true],
    ['a pipe with FORCE_COLOR=0', { FORCE_COLOR: '0' }, false],
    ['a pipe with NO_COLOR', { NO_COLOR: '1' }, false],
  ])('into %s', async (_, env, isColored) => {
    expect((await new Command(failing, { env }).ended).stderr.includes('\u001b[')).toBe(isColored)
    expect((await new Command(['options'], { env }).ended).stdout.includes('\u001b[')).toBe(isColored)
  })
})

describe('millrace options', () => {
  test('lists every option with type, default and documentation', async () => {
    const { status, stdout } = await run('options')
    expect(status).toBe(0)
    expect(stdout).toContain('millrace.batch.rows-max  integer, default 8192\n    Rows that one batch holds at most.\n')
  })

  test('lists those that hold a text, as JSON', async () => {
    const { stdout } = await run('options', 'worker', '--json')
    const options = JSON.parse(stdout) as { key: string; unit: string }[]
    expect(options.map(({ key, unit }) => [key, unit])).toEqual([
      ['millrace.worker.memory-max', 'bytes'],
      ['millrace.worker.hang-timeout', 'ms'],
    ])
  })

  test('says that there is none, and what may have been meant', async () => {
    expect(await run('options', 'paralelism')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'error [UNKNOWN_OPTION]: Cannot list options: no key holds "paralelism"\n  hint: Did you mean "parallelism"? `millrace options` lists all.\n',
    })
    expect((await run('options', 'WORKER')).stdout).toContain('millrace.worker.memory-max')
  })
})

describe('millrace explain', () => {
  test('prints the plan of a TypeScript job with its params', async () => {
    const { status, stdout } = await run('explain', job('numbers.ts'), '--parallelism', '3', '--name', 'n', '--', '--limit', '7')
    expect(status).toBe(0)
    expect(stdout).toContain('Job "n": 3 workers, 2 tasks')
    expect(stdout).toContain('Collection: 7 values')
    expect(stdout).toMatch(/<- task 0, rebalance, rings of \d+ KiB/)
  })

  test('prints it as JSON, and what the program prints on standard error', async () => {
    const { status, stdout, stderr } = await run('explain', job('talking-program.js'), '--json')
    expect(status).toBe(0)
    expect((JSON.parse(stdout) as { tasks: unknown[] }).tasks.length).toBeGreaterThan(0)
    expect(stderr).toBe('planning\n')
  })

  test("exits with 2 at the user's line if the job cannot be planned", async () => {
    const { status, stdout, stderr } = await run('explain', job('wrong-column.ts'))
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/wrong-column\.ts:6:\d+/)
  })
})

describe('millrace nexmark', () => {
  test('writes the same events to a file and to standard output', async () => {
    const file = join(scratchFolder(), 'events.json')
    const args = ['nexmark', '--events', '1e3', '--eps', '100', '--disorder', '50', '--seed', '7']
    const written = await run(...args, '--out', file)
    const printed = await run(...args)
    expect(written).toMatchObject({ status: 0, stdout: '' })
    expect(written.stderr).toMatch(/^1,000 events, .* KB in .* s: /)
    const text = readFileSync(file, 'utf8')
    expect(text.trimEnd().split('\n')).toHaveLength(1000)
    expect(printed).toMatchObject({ status: 0, stdout: text })
  })

  test('stops without a word when the reader of a pipe has seen enough', async () => {
    const command = new Command(['nexmark', '--events', '1e7', '--quiet'])
    command.child.stdout!.once('data', () => command.child.stdout!.destroy())
    expect(await command.ended).toMatchObject({ status: 141, stderr: '' })
  })

  test('tells once why a file cannot be written', async () => {
    const { status, stderr } = await run('nexmark', '--events', '10', '--out', '/nowhere/events.json')
    expect(status).toBe(1)
    expect(stderr).toBe(
      'error [FILE_WRITE]: Cannot write Nexmark events to "/nowhere/events.json": ENOENT: no such file or directory, open \'/nowhere/events.json\'\n',
    )
  })
})

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish', 'powershell'])('prints a script for %s that asks the command', async (shell) => {
    const { status, stdout } = await run('completion', shell)
    expect(status).toBe(0)
    expect(stdout).toMatch(/millrace.*complete/)
  })

  test('the bash script is valid', async () => {
    const { stdout } = await run('completion', 'bash')
    expect(execFileSync('bash', ['-n', '-s'], { input: stdout, encoding: 'utf8' })).toBe('')
  })

  test('refuses a shell that it does not know', async () => {
    expect((await run('completion', 'tcsh')).status).toBe(2)
  })

  test.each([
    ['commands', [''], 'explain\t'],
    ['options', ['run', '--'], '--parallelism\t'],
    ['keys of --set', ['run', '--set', ''], 'millrace.batch.rows-max=\t'],
    ['job files', ['run', 'test/fixtures/jobs/t'], 'test/fixtures/jobs/ten-rows.js'],
    ['SQL scripts', ['run', 'test/answers-own/batch/k_b_ra'], 'test/answers-own/batch/k_b_rank.sql'],
  ])('offers %s', async (_, words, text) => {
    const { status, stdout } = await run('complete', '--', ...words)
    expect(status).toBe(0)
    expect(stdout).toContain(text)
  })
})
