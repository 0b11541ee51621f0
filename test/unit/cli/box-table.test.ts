// The box around rows: widths, alignment, what is cut where there is no room.
import { expect, test } from 'vitest'
import { boxLines, type BoxOptions, type BoxRow, displayWidth } from '../../../src/cli/box-table.ts'

const style = { bold: (text: string) => `*${text}*`, dim: (text: string) => `~${text}~` }
const plain = { bold: (text: string) => text, dim: (text: string) => text }

function box(names: readonly string[], rows: readonly BoxRow[], options: Omit<BoxOptions, 'style'> = {}): string[] {
  return boxLines(
    names.map((name) => ({ name: name.replace('#', ''), isNumber: name.startsWith('#') })),
    rows,
    { style: plain, ...options },
  )
}

test('numbers stand at the right, texts at the left, NULL is shown', () => {
  const lines = box(
    ['k', '#count'],
    [
      ['ab', '1'],
      [null, '1000000'],
      ['', null],
    ],
  )
  expect(lines).toEqual([
    '┌──────┬─────────┐',
    '│ k    │   count │',
    '├──────┼─────────┤',
    '│ ab   │       1 │',
    '│ NULL │ 1000000 │',
    '│      │    NULL │',
    '└──────┴─────────┘',
  ])
})

test('names are bold, NULL is dim', () => {
  expect(boxLines([{ name: 'a', isNumber: false }], [[null]], { style }).slice(1, 4)).toEqual(['│ *a   * │', '├──────┤', '│ ~NULL~ │'])
})

test('a result without rows is its head', () => {
  expect(box(['a'], [])).toEqual(['┌───┐', '│ a │', '├───┤', '└───┘'])
})

test('wide characters take two columns, marks none, and what would move the cursor is written out', () => {
  expect([displayWidth('abc'), displayWidth('日本'), displayWidth('e\u0301'), displayWidth('🙂')]).toEqual([3, 4, 1, 2])
  expect(box(['a'], [['日本'], ['x\ny\u001b[A\t']]).slice(3, 5)).toEqual(['│ 日本           │', '│ x\\ny\\u001b[A\\t │'])
})

test('of more rows the first and the last ones are shown', () => {
  const rows = Array.from({ length: 9 }, (_, index) => [`${index}`])
  expect(box(['#a'], rows, { rowsMax: 4 }).slice(3, -1)).toEqual(['│ 0 │', '│ 1 │', '│ · │', '│ 7 │', '│ 8 │'])
  expect(box(['#a'], rows, { rowsMax: 9 })).toHaveLength(9 + 4)
})

test('the widest columns are cut to the width of the terminal', () => {
  const lines = box(['id', 'text', 'more'], [['1', 'a'.repeat(50), 'b'.repeat(30)]], { columnsMax: 40 })
  expect(lines.map(displayWidth)).toEqual(lines.map(() => 40))
  expect(lines[3]).toBe('│ 1  │ aaaaaaaaaaaaa… │ bbbbbbbbbbbbb… │')
})

test('columns that have no room are left out at the right', () => {
  const names = Array.from({ length: 30 }, (_, index) => `column${index}`)
  const lines = box(names, [names], { columnsMax: 40 })
  expect(lines[1]).toMatch(/^│ col… │.*│ … │$/)
  expect(lines.every((line) => displayWidth(line) <= 40 && displayWidth(line) === displayWidth(lines[0]))).toBe(true)
})

test('any width holds every line', () => {
  for (let columnsMax = 12; columnsMax < 80; columnsMax++)
    for (const line of box(['a', '#bbb', 'cccccc'], [['x'.repeat(20), '1', '日本語'.repeat(8)]], { columnsMax }))
      expect(displayWidth(line)).toBeLessThanOrEqual(columnsMax)
})
