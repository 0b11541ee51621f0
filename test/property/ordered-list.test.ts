// A list in order against a sorted array: whatever is put in and taken out, however small its leaves are.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OrderedList } from '../../src/sql/runtime/ordered-list.ts'

/** Numbers are ordered by their remainder, then by themselves. */
const compare = (left: number, right: number): number => (left % 10) - (right % 10) || left - right

test('what is in the list is listed from anywhere on, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(80), { maxLength: 200 }), fc.integer({ min: 4, max: 9 }), fc.nat(11), fc.nat(20), (steps, leafMax, from, max) => {
      const list = new OrderedList(compare, leafMax)
      const model = new Set<number>()
      // A number comes if it is not there, else it goes.
      for (const number of steps) {
        if (model.delete(number)) list.remove(number)
        else {
          model.add(number)
          list.insert(number)
        }
      }
      expect(list.length).toBe(model.size)
      const out = new Uint32Array(100)
      const sorted = [...model].toSorted(compare)
      const count = list.listFrom(
        (number) => number % 10 < from,
        (number) => number % 10 < from + 3,
        max,
        out,
        5,
      )
      expect([...out.subarray(5, 5 + count)]).toEqual(sorted.filter((number) => number % 10 >= from && number % 10 < from + 3).slice(0, max))
      const renamed: (readonly [number, number])[] = []
      list.rename((number, name) => renamed.push([number, name]))
      expect(renamed).toEqual(sorted.map((number, index) => [number, index]))
      expect(
        list.listFrom(
          () => false,
          () => true,
          100,
          out,
          0,
        ),
      ).toBe(model.size)
      expect([...out.subarray(0, model.size)]).toEqual([...sorted.keys()])
    }),
    { numRuns: 500 },
  )
})
