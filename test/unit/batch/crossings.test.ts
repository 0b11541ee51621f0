import { expect, test } from 'vitest'
import { Crossings } from '../../../src/batch/crossings.ts'

const listOf = ({ count, positions, watermarks }: Crossings): number[][] => Array.from({ length: count }, (_, index) => [positions[index], watermarks[index]])

test('Crossings keeps positions and watermarks in order and grows', () => {
  const crossings = new Crossings()
  const expected = Array.from({ length: 1000 }, (_, index) => [index * 2, index * 10])
  for (const [position, watermark] of expected) crossings.add(position, watermark)
  expect(listOf(crossings)).toEqual(expected)
})

test('a second crossing at one position replaces the first', () => {
  const crossings = new Crossings()
  crossings.add(0, -Infinity)
  crossings.add(3, 5)
  crossings.add(3, Infinity)
  expect(listOf(crossings)).toEqual([
    [0, -Infinity],
    [3, Infinity],
  ])
})

test('Crossings.clear() forgets, copyFrom() takes over what another has', () => {
  const crossings = new Crossings()
  for (let position = 0; position < 40; position++) crossings.add(position, position)
  const copy = new Crossings()
  copy.add(7, 7)
  copy.copyFrom(crossings)
  expect(listOf(copy)).toEqual(listOf(crossings))
  crossings.clear()
  expect([crossings.count, copy.count]).toEqual([0, 40])
  crossings.add(0, 1)
  expect(listOf(crossings)).toEqual([[0, 1]])
})
