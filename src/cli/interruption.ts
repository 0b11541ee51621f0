// Ctrl-C and the signal that asks a process to end: the first one cancels what runs, the second one kills.

import { ExitCode } from './error-text.ts'
import { isSupervised, obeySupervisor } from './supervisor.ts'
import type { Terminal } from './terminal.ts'

/** The signals that end a run: the first one cancels, the second one kills. */
export class Interruption {
  readonly #terminal: Terminal
  readonly #controller = new AbortController()
  /** What the command exits with once it is interrupted. */
  exitCode: number = ExitCode.INTERRUPTED
  /** Says something above the progress. */
  say: (text: string) => void

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.say = (text) => this.#terminal.say(text)
    if (isSupervised) obeySupervisor((name) => this.#interrupt(name))
    else for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => this.#interrupt(name))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  #interrupt(name: NodeJS.Signals): void {
    // A worker may be inside a call that never returns, and an ordinary exit would wait for it.
    if (this.signal.aborted) process.kill(process.pid, 'SIGKILL')
    else {
      if (name === 'SIGTERM') this.exitCode = ExitCode.TERMINATED
      this.say(name === 'SIGINT' ? '\nCancelling. Ctrl-C again kills.\n' : 'Cancelling.\n')
      this.#controller.abort()
    }
  }
}
