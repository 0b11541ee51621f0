// The command on a terminal: progress drawn in place below the job's own lines, colours, the keyboard. And the same into pipes.
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, job, run, scratchFolder } from '../fixtures/command.ts'
import { HAS_PSEUDO_TERMINAL, PseudoTerminal, screenOf, shellCommand } from '../fixtures/pseudo-terminal.ts'

const BLOCK_LINE = /^(chatty {2}|\s+(Collection|Chat|Nothing)\b.*\/s)/

// Skipped where `script` of util-linux is missing: nothing else makes a terminal without a package of native code.
describe.skipIf(!HAS_PSEUDO_TERMINAL)('on a terminal', () => {
  test('progress is drawn below the lines of the job, which stay whole; Ctrl-C cancels and leaves lines and summary only', async () => {
    const terminal = new PseudoTerminal(`exec ${shellCommand('run', job('chatty.js'), '--parallelism', '1')}`)
    await terminal.shows(/Chat[^]*Chat[^]*row 100\b[^]*Chat/)
    // Up to the end of the last block that is whole: the job goes on talking and drawing.
    const running = screenOf(/^[^]*Nothing [^\n]*\n/.exec(terminal.text)![0])
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)

    const firstBlockLine = running.findIndex((line) => BLOCK_LINE.test(line))
    expect(firstBlockLine).toBeGreaterThan(10)
    expect(running.slice(0, firstBlockLine).every((line) => /^\[Chat #0\] row \d+$/.test(line))).toBe(true)
    expect(running.slice(firstBlockLine, firstBlockLine + 4).map((line) => line.trim().split(' ')[0])).toEqual(['chatty', 'Collection', 'Chat', 'Nothing'])

    const screen = screenOf(terminal.text)
    const isSaid = (line: string): boolean => line.startsWith('[Chat #0]')
    const said = screen.filter(isSaid)
    expect(said).toEqual(said.map((_, index) => `[Chat #0] row ${index * 5}`))
    // It talks on until it hears that it is cancelled.
    expect(screen.findIndex((line) => !isSaid(line))).toBeGreaterThan(20)
    const rest = screen.filter((line) => !isSaid(line)).join('\n')
    expect(rest).toMatch(
      /^(\^C)?\nCancelling\. Ctrl-C again kills\.\nchatty was cancelled in [^\n]+\n {2}task [^\n]+\n {2}Collection -> Chat -> Nothing [^\n]+\n$/,
    )
  })

  test('a second Ctrl-C kills a job that does not listen', async () => {
    const terminal = new PseudoTerminal(`exec ${shellCommand('run', job('blocking.js'))}`)
    await terminal.shows(/blocking now/)
    terminal.type('\u0003')
    await terminal.shows(/Ctrl-C again kills/)
    terminal.type('\u0003')
    // As shells tell a signal: 128 + SIGKILL.
    expect(await terminal.ended).toBe(137)
  })

  test('each stream is coloured by what it is', async () => {
    const folder = scratchFolder()
    const [output, errors] = [join(folder, 'output'), join(folder, 'errors')]
    const coloured = new PseudoTerminal(`${shellCommand('options')}; ${shellCommand('run', job('no-sink.js'))}`)
    await coloured.ended
    expect(coloured.text).toContain('\u001b[1mparallelism.default\u001b[22m')
    expect(coloured.text).toContain('\u001b[31merror\u001b[39m')
    const apart = new PseudoTerminal(
      `${shellCommand('options')} >'${output}'; ${shellCommand('run', job('no-sink.js'))} 2>'${errors}'; ${shellCommand('options')} 2>'${errors}.2'`,
    )
    await apart.ended
    expect(readFileSync(output, 'utf8')).toMatch(/^parallelism\.default {2}/)
    expect(readFileSync(errors, 'utf8')).toMatch(/^error \[NO_SINK\]/)
    expect(apart.text).toContain('\u001b[1mparallelism.default\u001b[22m')
    const plain = new PseudoTerminal(shellCommand('options'), { NO_COLOR: '1' })
    await plain.ended
    expect(plain.text).not.toContain('\u001b[')
  })

  test('bash completes commands, options and job files', async () => {
    const folder = scratchFolder()
    writeFileSync(join(folder, 'millrace'), `#!/bin/sh\nexec ${shellCommand()} "$@"\n`)
    chmodSync(join(folder, 'millrace'), 0o755)
    const terminal = new PseudoTerminal('bash --norc --noprofile -i', { PATH: `${folder}:${process.env['PATH']}`, PS1: 'ready> ', INPUTRC: '/dev/null' })
    // In two parts, so that the echo of what is typed is not taken for the answer.
    terminal.type('source <(millrace completion bash) && echo sour""ced\n')
    // And the prompt behind it: before that the terminal echoes what is typed, tabs too, and no shell reads it.
    await terminal.shows(/sourced[^]*ready> /)
    for (const [typed, completed] of [
      ['millrace expl', 'millrace explain '],
      ['millrace run --paral', 'millrace run --parallelism '],
      ['millrace run --set millrace.ba', 'millrace run --set millrace.batch.rows-max='],
      ['millrace run --set=millrace.ba', 'millrace run --set=millrace.batch.rows-max='],
      ['millrace run test/fixtures/jobs/ten', 'millrace run test/fixtures/jobs/ten-rows.js '],
      ['millrace help opt', 'millrace help options '],
      ['millrace sql --file test/answers/aggregate/batch_approx', 'millrace sql --file test/answers/aggregate/batch_approx_count_distinct.sql '],
      ['millrace sql --format chan', 'millrace sql --format changelog '],
      ['millrace sql --set parall', 'millrace sql --set parallelism.default='],
    ]) {
      const before = terminal.text.length
      terminal.type(`${typed}\t#\u0015`)
      await terminal.shows(/#/, before)
      expect(terminal.text.slice(before).replaceAll('\u0007', '')).toContain(`${completed}#`)
    }
    terminal.type('exit\n')
    await terminal.ended
  })
})

test('into a pipe progress is a line every few seconds, without escape codes', async () => {
  const command = new Command(['run', job('slow.js'), '--parallelism', '1', '--', '--kind', 'map'])
  await command.says(/written/)
  command.child.kill('SIGINT')
  const { stderr } = await command.ended
  // How long the job has run by then depends on how soon its threads were there.
  expect(stderr).toMatch(/^\[Map #0\] at it\nslow: \d+\.\d+ s, 5\.00 K rows read \(\d+\/s\), \d+ written \(\d+\/s\)\n/)
  expect(stderr).not.toContain('\u001b')
})

test('completions for bash run nothing of what is typed', async () => {
  const folder = scratchFolder()
  const { stdout } = await run('completion', 'bash')
  writeFileSync(join(folder, 'script'), stdout)
  const line = `millrace run $(touch ${folder}/ran) ; touch ${folder}/ran `
  writeFileSync(
    join(folder, 'try'),
    `millrace() { printf '%s\\n' "$@" >>'${folder}/asked'; }\nsource '${folder}/script'\nCOMP_LINE='${line}' COMP_POINT=${line.length}\n__millrace_complete\n`,
  )
  execFileSync('bash', [join(folder, 'try')])
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain('$(touch\n')
  expect(() => readFileSync(join(folder, 'ran'))).toThrow('ENOENT')
})
