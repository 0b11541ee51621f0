// What the command writes to: standard error for everything it says itself, standard output for results. Passed in, so that tests see the text.

import colors from 'picocolors'

/** Where the command's own words go. */
export interface Terminal {
  /** Whether lines can be drawn over. */
  readonly isInteractive: boolean
  /** Whether standard error takes colours, and whether standard output does: either may be a file. */
  readonly isColored: boolean
  readonly isOutputColored: boolean
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
    return isScreen(process.stderr) && !isContinuousIntegration()
  },
  get isColored(): boolean {
    return takesColors(process.stderr)
  },
  get isOutputColored(): boolean {
    return takesColors(process.stdout)
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

/** Streams that are no terminals do not even have `isTTY`. */
function isScreen(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb'
}

/** There a terminal may be a log, in which what is drawn over stays. */
function isContinuousIntegration(): boolean {
  const { CI } = process.env
  return CI !== undefined && CI !== '' && CI !== '0' && CI !== 'false'
}

function takesColors(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return (NO_COLOR === undefined || NO_COLOR === '') && isScreen(stream)
}

/** Resolves when both streams have handed all of their text to the system; pipes on some systems write later. */
export async function flushTerminal(): Promise<void> {
  // What could not be written is told in the next turn.
  await new Promise(setImmediate)
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) => new Promise<void>((resolve) => (stream.writable && stream.writableLength > 0 ? stream.write('', () => resolve()) : resolve())),
    ),
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

/** The styles that what is said shows, or what is printed. */
export function styleOf(terminal: Terminal, stream: 'say' | 'print' = 'say'): Style {
  return colors.createColors(stream === 'say' ? terminal.isColored : terminal.isOutputColored)
}
