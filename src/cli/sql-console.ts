// `millrace sql` on a terminal: statements typed line by line, with history, completion and helpers. A query runs while the event loop turns, so
// that Ctrl-C ends it.

import { createInterface, type Interface } from 'node:readline/promises'
import { systemClock } from '../base/clock.ts'
import type { SqlSession } from '../sql/session.ts'
import { packageVersion } from '../base/platform.ts'
import { ExitCode } from './error-text.ts'
import { completions } from './sql-completion.ts'
import { type Expansion, HELP, type HelperAction, helperOf, HELPERS } from './sql-helpers.ts'
import { SqlHistory } from './sql-history.ts'
import { isBlank, isComplete } from './statement-text.ts'
import type { Terminal } from './terminal.ts'

const PROMPT = 'millrace> '
const CONTINUED = '       -> '
const HISTORY_MAX = 1000
const SHOWN_AS: { readonly [expansion in Expansion]: string } = {
  on: 'lines, a column each',
  off: 'a table',
  auto: 'lines where a table would be too wide',
}

/** What runs statements for the console. */
export interface ConsoleRunner {
  readonly session: SqlSession
  /** How tables show rows. */
  expansion: Expansion
  /** The statements of a file. @throws {PlanError} `FILE_NOT_READABLE` */
  textOf(path: string): string
  /** Runs statements and prints their results. Resolves with whether the last one answered nothing; errors are thrown. */
  run(text: string, signal: AbortSignal): Promise<boolean>
  /** Tells an error. */
  tell(error: unknown): void
}

/** Where the console reads and writes. */
export interface ConsoleStreams {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly historyPath: string
}

/** Reads and runs statements until the user leaves. Resolves with the exit code. */
export function runConsole(runner: ConsoleRunner, streams: ConsoleStreams, terminal: Terminal): Promise<number> {
  return new SqlConsole(runner, streams, terminal).run()
}

class SqlConsole {
  readonly #runner: ConsoleRunner
  readonly #streams: ConsoleStreams
  readonly #terminal: Terminal
  readonly #history: SqlHistory
  readonly #readline: Interface
  /** The line editor's own list, the newest first; it is known once it has changed. */
  #recalled: string[] | undefined
  /** The lines of a statement that has not ended. */
  #lines: string[] = []
  /** Lines that came while a statement ran. */
  readonly #waiting: string[] = []
  #isRunning = false
  #isTimed = false
  #hasLeft = false
  #leave!: () => void

  constructor(runner: ConsoleRunner, streams: ConsoleStreams, terminal: Terminal) {
    this.#runner = runner
    this.#streams = streams
    this.#terminal = terminal
    this.#history = new SqlHistory(streams.historyPath)
    this.#readline = createInterface({
      input: streams.input,
      output: streams.output,
      prompt: PROMPT,
      history: [...this.#history.entries],
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
      completer: (line: string) => completions(line, this.#lines.join('\n'), runner.session, HELPERS),
    })
  }

  async run(): Promise<number> {
    const left = new Promise<void>((resolve) => (this.#leave = resolve))
    const readline = this.#readline
    readline.on('line', (line) => (this.#isRunning ? this.#waiting.push(line) : this.#take(line)))
    readline.on('history', (entries: string[]) => (this.#recalled = entries))
    readline.on('SIGINT', () => this.#drop())
    readline.on('close', () => {
      this.#hasLeft = true
      if (!this.#isRunning) this.#leave()
    })
    this.#streams.output.write(`millrace ${packageVersion()}. Statements end with a semicolon; \\? helps, \\q leaves.\n`)
    readline.prompt()
    await left
    this.#streams.output.write('\n')
    return ExitCode.OK
  }

  /** Ctrl-C while a line is edited. */
  #drop(): void {
    const readline = this.#readline
    // To the end of the line, then all of it away.
    readline.write(null, { ctrl: true, name: 'e' })
    readline.write(null, { ctrl: true, name: 'u' })
    this.#streams.output.write('^C\n')
    this.#lines = []
    this.#prompt()
  }

  #prompt(): void {
    this.#readline.setPrompt(this.#lines.length === 0 ? PROMPT : CONTINUED)
    this.#readline.prompt()
  }

  /** A line that was typed, while nothing runs. */
  #take(line: string): void {
    if (this.#lines.length === 0 && this.#help(line)) return
    this.#lines.push(line)
    const text = this.#lines.join('\n')
    if (isBlank(text)) this.#lines = []
    if (isComplete(text)) {
      this.#remember(this.#lines)
      this.#lines = []
      void this.#execute(text)
    } else this.#prompt()
  }

  /** Does what a helper says; false for what is none. */
  #help(line: string): boolean {
    const action = helperOf(line)
    if (action === undefined) return false
    if (action.kind === 'leave') this.#readline.close()
    else if (action.kind === 'run' || action.kind === 'file') {
      this.#remember([line])
      this.#runFor(action)
    } else {
      this.#answer(action)
      this.#prompt()
    }
    return true
  }

  #runFor(action: HelperAction & { readonly kind: 'run' | 'file' }): void {
    let text: string
    try {
      text = action.kind === 'run' ? action.sql : this.#runner.textOf(action.path)
    } catch (error) {
      this.#runner.tell(error)
      this.#prompt()
      return
    }
    void this.#execute(text)
  }

  #answer(action: Exclude<HelperAction, { readonly kind: 'leave' | 'run' | 'file' }>): void {
    switch (action.kind) {
      case 'help':
        this.#terminal.print(HELP)
        return
      case 'expanded':
        this.#runner.expansion = action.expansion ?? (this.#runner.expansion === 'off' ? 'on' : 'off')
        this.#terminal.print(`Rows are shown as ${SHOWN_AS[this.#runner.expansion]}.\n`)
        return
      case 'timing':
        this.#isTimed = action.isOn ?? !this.#isTimed
        this.#terminal.print(`Timing is ${this.#isTimed ? 'on' : 'off'}.\n`)
        return
      case 'refused':
        this.#terminal.say(`error: ${action.message}\n  hint: ${action.hint}\n`)
    }
  }

  #remember(lines: readonly string[]): void {
    this.#history.add(lines)
    // The editor has noted each line by itself.
    this.#recalled?.splice(0, this.#recalled.length, ...this.#history.entries)
  }

  async #execute(text: string): Promise<void> {
    this.#isRunning = true
    const interruption = new AbortController()
    const interrupt = (): void => interruption.abort()
    this.#readline.pause()
    // The terminal makes a signal of Ctrl-C then, and nobody edits a line.
    this.#setRawMode(false)
    process.on('SIGINT', interrupt)
    const startMs = systemClock.monotonicMs()
    try {
      const isSilent = await this.#runner.run(text, interruption.signal)
      if (isSilent) this.#terminal.print('OK\n')
    } catch (error) {
      if (interruption.signal.aborted) this.#terminal.say('Cancelled.\n')
      else this.#runner.tell(error)
    }
    if (this.#isTimed) this.#terminal.print(`Time: ${(systemClock.monotonicMs() - startMs).toFixed(1)} ms\n`)
    process.off('SIGINT', interrupt)
    this.#isRunning = false
    if (this.#hasLeft) return this.#leave()
    this.#setRawMode(true)
    this.#readline.resume()
    this.#goOn()
  }

  /** Lines that came meanwhile, up to the end of the next statement. */
  #goOn(): void {
    if (this.#waiting.length === 0) return this.#prompt()
    while (this.#waiting.length > 0 && !this.#isRunning && !this.#hasLeft) this.#take(this.#waiting.shift()!)
  }

  #setRawMode(isRaw: boolean): void {
    const { input } = this.#streams
    if (input.isTTY) input.setRawMode(isRaw)
  }
}
