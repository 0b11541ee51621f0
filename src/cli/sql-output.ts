// The results of queries on standard output: tables, CSV, JSON lines, or the changes as they come.

import type { RowKind } from '../batch/record-batch.ts'
import type { Field } from '../batch/types.ts'
import type { EvaluationContext } from '../sql/functions/scalar-function.ts'
import type { Ordering } from '../sql/ordering.ts'
import { changeText } from '../sql/runtime/run-script.ts'
import type { Value } from '../sql/value.ts'
import { boxLines, type BoxRow, displayWidth } from './box-table.ts'
import { formatCount } from './numbers.ts'
import { recordLines } from './record-lines.ts'
import type { ResultFormat } from './result-formats.ts'
import { ResultRows } from './result-rows.ts'
import type { Expansion } from './sql-helpers.ts'
import { columnTypeText, isNumber, jsonText, objectText, textWriter } from './sql-values.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** What is known of a result before its first row. */
export interface ResultHead {
  readonly columns: readonly Field[]
  /** Whether rows are only added. */
  readonly isInsertOnly: boolean
  /** The order in which the last rows are shown; undefined: that in which they came. */
  readonly ordering: Ordering | undefined
  /** What texts of values depend on. */
  readonly context: EvaluationContext
}

/** Takes the changes of one result. One of the last two calls ends it. */
export interface ResultWriter {
  change(kind: RowKind, row: readonly Value[]): void
  /** All has come, or what has come is all that is wanted. */
  end(): void
  /** The query has failed. */
  discard(): void
}

/** Where results go. */
export interface ResultScreen {
  readonly terminal: Terminal
  readonly output: ResultOutput
  /** Of a terminal, where tables are drawn while rows come, and cut to what can be seen; undefined: standard output is none. */
  readonly size: (() => ScreenSize) | undefined
  readonly expansion: Expansion
}

/** How many characters a terminal shows in a line, and how many lines. */
export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** What writes a result in a format. */
export function openResult(format: ResultFormat, head: ResultHead, screen: ResultScreen): ResultWriter {
  const { output } = screen
  switch (format) {
    case 'changelog':
      return changelogWriter(head, output)
    case 'table':
      return new TableWriter(head, screen)
    case 'csv': {
      output.write(`${head.columns.map(({ name }) => csvText(name)).join(',')}\n`)
      const writers = head.columns.map(({ type }) => textWriter(type, head.context))
      return lineWriter(head, output, (row) => row.map((value, column) => (value === null ? '' : csvText(writers[column](value)))).join(','))
    }
    case 'json':
      return lineWriter(head, output, (row) => objectText(head.columns.map(({ name, type }, column) => [name, jsonText(row[column], type)])))
  }
}

function changelogWriter({ columns }: ResultHead, output: ResultOutput): ResultWriter {
  output.write(`${JSON.stringify({ columns: columns.map(({ name, type }) => [name, columnTypeText(type)]) })}\n`)
  return { change: (kind, row) => output.write(`${JSON.stringify(changeText(kind, row, columns))}\n`), end() {}, discard() {} }
}

/** A line for each row: at once where rows stay as they are, else of the last ones when the query ends. */
function lineWriter(head: ResultHead, output: ResultOutput, lineOf: (row: readonly Value[]) => string): ResultWriter {
  const write = (row: readonly Value[]): void => output.write(`${lineOf(row)}\n`)
  if (head.isInsertOnly) return { change: (_, row) => write(row), end() {}, discard() {} }
  const rows = new ResultRows(false)
  return { change: (kind, row) => rows.change(kind, row), end: () => ordered(rows, head).forEach(write), discard() {} }
}

function ordered(rows: ResultRows, { ordering }: ResultHead): (readonly Value[])[] {
  return ordering === undefined ? rows.rows() : rows.rows().sort(ordering)
}

/** As RFC 4180 has it, but that lines end in a line feed: an empty text has quotes, NULL is nothing at all. */
function csvText(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Text on its way to standard output, by the piece: a write for each row costs more than the row. */
export class ResultOutput {
  readonly #print: (text: string) => void
  #text = ''
  #isAwaited = false

  constructor(print: (text: string) => void) {
    this.#print = print
  }

  write(text: string): void {
    this.#text += text
    if (this.#text.length >= PIECE_LENGTH) this.flush()
    else if (!this.#isAwaited) {
      this.#isAwaited = true
      setImmediate(() => this.flush())
    }
  }

  flush(): void {
    this.#isAwaited = false
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#print(text)
  }
}

const PIECE_LENGTH = 65_536

/** Queries that end sooner are not drawn. */
const FIRST_DRAWING_MS = 300
const DRAWING_INTERVAL_MS = 100
/** A terminal shows so many rows of a result at most; a pipe gets all. */
const ROWS_SHOWN_MAX = 40
/** Of rows that never change so many are kept, first and last ones: as many as a window may show. */
const ROWS_KEPT_MAX = 1000
/** Lines of the screen that are not rows of the table: three of its box, its head, what stands below it, the cursor's. */
const FRAME_LINES = 6
/** More rows than these are not put in order while they change. */
const ORDERED_MAX = 10_000

const PLAIN = { bold: (text: string): string => text, dim: (text: string): string => text }

/** A table of the rows that are left in the end; on a terminal it is drawn anew while they change. */
class TableWriter implements ResultWriter {
  readonly #head: ResultHead
  readonly #screen: ResultScreen
  readonly #rows: ResultRows
  readonly #writers: readonly ((value: Value) => string)[]
  #timer: NodeJS.Timeout | undefined
  #drawnLines = 0
  #hasChanged = false

  constructor(head: ResultHead, screen: ResultScreen) {
    this.#head = head
    this.#screen = screen
    const isCut = screen.size !== undefined && head.ordering === undefined
    this.#rows = new ResultRows(head.isInsertOnly, isCut ? ROWS_KEPT_MAX : Infinity)
    this.#writers = head.columns.map(({ type }) => textWriter(type, head.context))
    if (screen.size !== undefined) this.#timer = setTimeout(() => this.#begin(), FIRST_DRAWING_MS)
  }

  change(kind: RowKind, row: readonly Value[]): void {
    this.#rows.change(kind, row)
    this.#hasChanged = true
  }

  end(): void {
    this.discard()
    const { size, output } = this.#screen
    const { count } = this.#rows
    const rowsMax = size && ROWS_SHOWN_MAX
    const lines = this.#lines(ordered(this.#rows, this.#head), rowsMax)
    const note = rowsMax === undefined || count <= rowsMax ? '' : ` (${rowsMax} shown)`
    for (const line of [...lines, `${countText(count)}${note}`]) output.write(`${line}\n`)
    output.flush()
  }

  discard(): void {
    clearInterval(this.#timer)
    this.#wipe()
  }

  #begin(): void {
    this.#hasChanged = true
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), DRAWING_INTERVAL_MS)
  }

  #draw(): void {
    if (!this.#hasChanged) return
    this.#hasChanged = false
    const shown = Math.max(1, this.#screen.size!().rows - FRAME_LINES)
    const { count } = this.#rows
    const isOrdered = this.#head.ordering !== undefined && count <= ORDERED_MAX
    const rows = isOrdered ? ordered(this.#rows, this.#head).slice(0, shown) : this.#rows.rows(shown)
    const note = count > rows.length ? ` (the first ${formatCount(rows.length)} shown)` : ''
    const lines = [...this.#lines(rows, undefined), `${countText(count)} so far${note}, Ctrl-C ends the query`]
    this.#wipe()
    this.#drawnLines = lines.length
    this.#screen.terminal.print(`${lines.join('\n')}\n`)
  }

  #wipe(): void {
    if (this.#drawnLines > 0) this.#screen.terminal.print(`\u001b[${this.#drawnLines}A\r\u001b[J`)
    this.#drawnLines = 0
  }

  #lines(rows: readonly (readonly Value[])[], rowsMax: number | undefined): string[] {
    const { terminal, size, expansion } = this.#screen
    const columns = this.#head.columns.map(({ name, type }) => ({ name, isNumber: isNumber(type) }))
    // Cells of rows that are not shown are not made.
    const cells = rowsMax === undefined || rows.length <= rowsMax ? rows : [...rows.slice(0, rowsMax), ...rows.slice(-rowsMax)]
    const texts = cells.map((row): BoxRow => row.map((value, column) => (value === null ? null : this.#writers[column](value))))
    const columnsMax = size?.().columns
    const isWide = expansion === 'auto' && columnsMax !== undefined && displayWidth(boxLines(columns, texts, { style: PLAIN })[0]) > columnsMax
    if (expansion === 'on' || isWide) return this.#records(texts, rowsMax)
    return boxLines(columns, texts, { columnsMax, rowsMax, style: styleOf(terminal, 'print') })
  }

  /** @param texts The first and the last rows, if not all of them are shown. */
  #records(texts: readonly BoxRow[], rowsMax: number | undefined): string[] {
    const { count } = this.#rows
    const names = this.#head.columns.map(({ name }) => name)
    const style = styleOf(this.#screen.terminal, 'print')
    if (rowsMax === undefined || count <= rowsMax) return recordLines(names, texts, 1, style)
    const [first, last] = [Math.ceil(rowsMax / 2), Math.floor(rowsMax / 2)]
    return [...recordLines(names, texts.slice(0, first), 1, style), '·', ...recordLines(names, texts.slice(-last), count - last + 1, style)]
  }
}

/** How many rows. */
export function countText(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'row' : 'rows'}`
}
