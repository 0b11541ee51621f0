// What the command writes to: standard error for everything it says itself, standard output for results. Passed in, so that tests see the text.

import colors from 'picocolors'

/** Where the command's own words go. */
export interface Terminal {
  /** Whether lines can be drawn over. */
  readonly isInteractive: boolean
  readonly isColored: boolean
  /** Read anew at each drawing: windows are resized. */
  readonly columns: number
  readonly rows: number
  /** To standard error. */
  say(text: string): void
  /** To standard output. */
  print(text: string): void
}

const COLUMNS_DEFAULT = 120
const ROWS_DEFAULT = 40

/** The process's own terminal. */
export const processTerminal: Terminal = {
  get isInteractive(): boolean {
    return process.stderr.isTTY && process.env['TERM'] !== 'dumb'
  },
  get isColored(): boolean {
    const { FORCE_COLOR, NO_COLOR } = process.env
    return FORCE_COLOR !== undefined && FORCE_COLOR !== '0' ? true : NO_COLOR === undefined || NO_COLOR === '' ? this.isInteractive : false
  },
  get columns(): number {
    return process.stderr.columns ?? COLUMNS_DEFAULT
  },
  get rows(): number {
    return process.stderr.rows ?? ROWS_DEFAULT
  },
  say: (text) => void process.stderr.write(text),
  print: (text) => void process.stdout.write(text),
}

/** Resolves when both streams have handed all of their text to the system; pipes on some systems write later. */
export async function flushTerminal(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => (stream.writable ? stream.write('', () => resolve()) : resolve()))))
}

/** The few styles in use; without colours they do nothing. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
}

/** The styles that a terminal shows. */
export function styleOf(terminal: Terminal): Style {
  return colors.createColors(terminal.isColored)
}
