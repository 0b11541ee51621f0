// Rows in a box of lines, as people read the result of a query: numbers at the right, NULL shown, as wide as the terminal at most.

import type { Style } from './terminal.ts'

/** A column: its name, and where its values stand. */
export interface BoxColumn {
  readonly name: string
  readonly isNumber: boolean
}

/** A row of cells; null is NULL. */
export type BoxRow = readonly (string | null)[]

/** How a box is drawn. */
export interface BoxOptions {
  /** Wider boxes have their widest columns cut, then lose columns at the right. Default: as wide as it gets. */
  readonly columnsMax?: number | undefined
  /** Of more rows the first and the last ones are shown. Default: all. */
  readonly rowsMax?: number | undefined
  readonly style: Pick<Style, 'bold' | 'dim'>
}

/** Columns are not cut below so many characters. */
const WIDTH_MIN = 4
/** Between columns: a line and two blanks. */
const SEPARATOR_WIDTH = 3

/** The lines of a box. */
export function boxLines(columns: readonly BoxColumn[], rows: readonly BoxRow[], { columnsMax = Infinity, rowsMax = Infinity, style }: BoxOptions): string[] {
  const names = columns.map(({ name }) => visible(name))
  const { shown, gapAt } = shownRows(rows, rowsMax)
  const cells = shown.map((row) => row.map((cell) => (cell === null ? 'NULL' : visible(cell))))
  const widths = fitted(
    names.map((name, column) => cells.reduce((width, row) => Math.max(width, displayWidth(row[column])), Math.max(1, displayWidth(name)))),
    columnsMax,
  )
  const isCut = widths.length < columns.length
  const border = (left: string, middle: string, right: string): string =>
    left + [...widths, ...(isCut ? [1] : [])].map((width) => '─'.repeat(width + 2)).join(middle) + right
  const line = (texts: readonly string[]): string => `│ ${[...texts, ...(isCut ? ['…'] : [])].join(' │ ')} │`
  const head = widths.map((width, column) => style.bold(padded(names[column], width, columns[column].isNumber)))
  const body = cells.map((row, index) =>
    line(
      widths.map((width, column) => {
        const text = padded(row[column], width, columns[column].isNumber)
        return shown[index][column] === null ? style.dim(text) : text
      }),
    ),
  )
  if (gapAt !== undefined) body.splice(gapAt, 0, line(widths.map((width, column) => padded('·', width, columns[column].isNumber))))
  return [border('┌', '┬', '┐'), line(head), border('├', '┼', '┤'), ...body, border('└', '┴', '┘')]
}

function shownRows(rows: readonly BoxRow[], rowsMax: number): { readonly shown: readonly BoxRow[]; readonly gapAt: number | undefined } {
  if (rows.length <= rowsMax) return { shown: rows, gapAt: undefined }
  const first = Math.ceil(rowsMax / 2)
  return { shown: [...rows.slice(0, first), ...rows.slice(rows.length - (rowsMax - first))], gapAt: first }
}

/** The widths of the columns that there is room for. */
function fitted(widths: readonly number[], columnsMax: number): number[] {
  let count = widths.length
  const roomOf = (kept: number): number => columnsMax - (kept < widths.length ? SEPARATOR_WIDTH + 1 : 0)
  const atMost = (cap: number): number[] => widths.slice(0, count).map((width) => Math.min(width, cap))
  // A column of dots stands for those that are left out.
  while (count > 1 && boxWidth(atMost(WIDTH_MIN)) > roomOf(count)) count--
  let [cap, tooWide] = [WIDTH_MIN, Math.max(WIDTH_MIN, ...widths) + 1]
  while (tooWide - cap > 1) {
    const middle = Math.floor((cap + tooWide) / 2)
    if (boxWidth(atMost(middle)) <= roomOf(count)) cap = middle
    else tooWide = middle
  }
  const fitting = atMost(cap)
  let left = roomOf(count) - boxWidth(fitting)
  return fitting.map((width, column) => (width < widths[column] && left-- > 0 ? width + 1 : width))
}

function boxWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + SEPARATOR_WIDTH, 1)
}

function padded(text: string, width: number, isRight: boolean): string {
  const own = displayWidth(text)
  const fitting = own <= width ? text : cut(text, width)
  const blanks = ' '.repeat(Math.max(0, width - (own <= width ? own : displayWidth(fitting))))
  return isRight ? blanks + fitting : fitting + blanks
}

function cut(text: string, width: number): string {
  let kept = ''
  let keptWidth = 0
  for (const character of text) {
    const next = keptWidth + displayWidth(character)
    if (next > width - 1) break
    kept += character
    keptWidth = next
  }
  return `${kept}…`
}

// oxlint-disable-next-line no-control-regex -- that is what must not reach a terminal
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text on one line: what would move the cursor is written out. */
export function visible(text: string): string {
  return text.replaceAll(CONTROLS, (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const PLAIN = /^[\u0020-\u007e\u00a0-\u02ff]*$/
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const character of text) if (!ZERO_WIDTH.test(character)) width += WIDE.test(character) ? 2 : 1
  return width
}
