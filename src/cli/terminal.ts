// What the command writes to: standard error for everything it says itself, standard output for results. Passed in, so that tests see the text.

import colors from 'picocolors'

/** Where the command's own words go. */
export interface Terminal {
  /** Whether lines can be drawn over. */
  readonly isInteractive: boolean
  readonly isColored: boolean
  /** Read anew at each drawing: windows are resized, and some say 0. */
  readonly columns: number
  readonly rows: number
  /** To standard error. */
  say(text: string): void
  /** To standard output. */
  print(text: string): void
}

// Taken once: during a run the streams' own methods are diverted.
const writeError = process.stderr.write.bind(process.stderr)
const writeOutput = process.stdout.write.bind(process.stdout)

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
    return process.stderr.columns || COLUMNS_DEFAULT
  },
  get rows(): number {
    return process.stderr.rows || ROWS_DEFAULT
  },
  say: (text) => void writeError(text),
  print: (text) => void writeOutput(text),
}

/** Resolves when both streams have handed all of their text to the system; pipes on some systems write later. */
export async function flushTerminal(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => (stream.writable ? stream.write('', () => resolve()) : resolve()))),
  )
}

/** Gives whole lines that anything in this process writes to its two streams to `say`, until called. What threads print comes this way too. */
export function divertStreams(say: (text: string) => void): () => void {
  const restores = [process.stdout, process.stderr].map((stream) => {
    let rest = ''
    const write = stream.write
    const decoder = new TextDecoder()
    stream.write = (chunk: Uint8Array | string, encoding?: unknown, callback?: unknown): boolean => {
      rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      const end = rest.lastIndexOf('\n') + 1
      if (end > 0) say(rest.slice(0, end))
      rest = rest.slice(end)
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
    return () => {
      stream.write = write
      if (rest !== '') say(`${rest}\n`)
    }
  })
  return () => restores.forEach((restore) => restore())
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
