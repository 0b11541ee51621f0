// The rows that changes leave: what replaces a row stands in its place.
import { expect, test } from 'vitest'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { ResultRows } from '../../../src/cli/result-rows.ts'

const { INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE } = RowKind

test('a row that is updated keeps its place, one that is deleted leaves none', () => {
  const rows = new ResultRows(false)
  for (const name of ['a', 'b', 'c']) rows.change(INSERT, [name, 1])
  rows.change(UPDATE_BEFORE, ['a', 1])
  rows.change(UPDATE_AFTER, ['a', 2])
  rows.change(DELETE, ['b', 1])
  rows.change(INSERT, ['d', 1])
  expect(rows.rows()).toEqual([
    ['a', 2],
    ['c', 1],
    ['d', 1],
  ])
  expect(rows.rows(2)).toEqual([
    ['a', 2],
    ['c', 1],
  ])
  expect(rows.count).toBe(3)
})

test('of rows that are only added the first and the last ones are kept, if only these are shown', () => {
  for (const total of [0, 1, 3, 4, 5, 6, 7, 20]) {
    const rows = new ResultRows(true, 3)
    const all = Array.from({ length: total }, (_, index) => [index])
    for (const row of all) rows.change(INSERT, row)
    expect(rows.count).toBe(total)
    expect(rows.rows()).toEqual(total <= 6 ? all : [...all.slice(0, 3), ...all.slice(-3)])
    expect(rows.rows(2)).toEqual(all.slice(0, 2))
  }
})

test('rows that are the same are taken away one by one, and what was never there not at all', () => {
  const rows = new ResultRows(false)
  rows.change(INSERT, ['a'])
  rows.change(INSERT, ['a'])
  rows.change(DELETE, ['x'])
  rows.change(DELETE, ['a'])
  expect(rows.rows()).toEqual([['a']])
  rows.change(DELETE, ['a'])
  expect({ rows: rows.rows(), count: rows.count }).toEqual({ rows: [], count: 0 })
})

test('places of deleted rows are given up, and updates go on', () => {
  const rows = new ResultRows(false)
  for (let index = 0; index < 10_000; index++) {
    rows.change(INSERT, [index])
    if (index >= 10) rows.change(DELETE, [index - 10])
  }
  rows.change(UPDATE_BEFORE, [9995])
  rows.change(UPDATE_AFTER, [-1])
  expect(rows.rows()).toEqual([[9990], [9991], [9992], [9993], [9994], [-1], [9996], [9997], [9998], [9999]])
})
