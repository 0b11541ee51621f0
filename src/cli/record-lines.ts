// Rows as lines, a column each: for rows that are wider than the terminal.

import { type BoxRow, displayWidth, visible } from './box-table.ts'
import type { Style } from './terminal.ts'

const RULE_WIDTH_MIN = 20

/** The lines of rows, each below a rule with its number, from `first` on. */
export function recordLines(names: readonly string[], rows: readonly BoxRow[], first: number, style: Pick<Style, 'bold' | 'dim'>): string[] {
  const heads = names.map(visible)
  const width = heads.reduce((widest, name) => Math.max(widest, displayWidth(name)), 0)
  return rows.flatMap((row, index) => {
    const title = `─[ ${first + index} ]`
    return [
      title + '─'.repeat(Math.max(RULE_WIDTH_MIN, width + 2) - title.length),
      ...row.map((cell, column) => {
        const name = heads[column] + ' '.repeat(width - displayWidth(heads[column]))
        return `${style.bold(name)} │ ${cell === null ? style.dim('NULL') : visible(cell)}`
      }),
    ]
  })
}
