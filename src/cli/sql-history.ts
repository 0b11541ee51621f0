// What was typed in earlier sessions: a file with a line for each statement, the newest last.

import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const ENTRIES_MAX = 1000
const OWNER_ONLY = 0o600

/** Where it lies. */
export function historyPath(environment: Readonly<Record<string, string | undefined>>): string {
  const states = environment['XDG_STATE_HOME']
  return states === undefined || states === '' ? join(homedir(), '.millrace_history') : join(states, 'millrace', 'history')
}

/** Statements, the newest first. What cannot be read or written is not kept, and nobody is bothered. */
export class SqlHistory {
  readonly #path: string
  #entries: string[] = []

  constructor(path: string) {
    this.#path = path
    try {
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
      this.#entries = lines.slice(-ENTRIES_MAX).toReversed()
      // Statements may hold passwords.
      chmodSync(path, OWNER_ONLY)
      if (lines.length > 2 * ENTRIES_MAX) writeFileSync(path, `${lines.slice(-ENTRIES_MAX).join('\n')}\n`, { mode: OWNER_ONLY })
    } catch {
      // None yet, or none that may be read.
    }
  }

  get entries(): readonly string[] {
    return this.#entries
  }

  /** @param lines Those of one statement. They become one, unless a comment ends with its line. */
  add(lines: readonly string[]): void {
    const typed = lines.map((line) => line.trim()).filter((line) => line !== '')
    const added = typed.some((line) => /--|\/\//.test(line)) ? typed : [typed.join(' ')]
    for (const entry of added) this.#entries = [entry, ...this.#entries.filter((known) => known !== entry)].slice(0, ENTRIES_MAX)
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      appendFileSync(this.#path, `${added.join('\n')}\n`, { mode: OWNER_ONLY })
    } catch {
      // A home that cannot be written is no reason to stop.
    }
  }
}
