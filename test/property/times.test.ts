import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { writeInt64 } from '../../src/batch/record-batch.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { greatestOfTimes, timesLieWithin } from '../../src/kernels/times.ts'

const module = compileKernels()
const timeArbitrary = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.maxSafeInteger(), fc.constantFrom(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))

test('kernels see the times of rows as their twins do, dense or selected', () => {
  const slab = new Slab()
  const kernels = instantiateKernels(module, slab)
  fc.assert(
    fc.property(
      fc.array(timeArbitrary, { minLength: 1, maxLength: 70 }),
      fc.infiniteStream(fc.boolean()),
      timeArbitrary,
      timeArbitrary,
      (times, coins, one, other) => {
        const timestamps = slab.allocate(times.length * 8)
        times.forEach((time, row) => writeInt64(slab, timestamps + row * 8, time))
        const rows = times.map((_, row) => row).filter(() => coins.next().value)
        if (rows.length === 0) rows.push(times.length - 1)
        const selection = slab.allocate(rows.length * 4)
        slab.i32.set(rows, selection >>> 2)
        const begin = coins.next().value ? 0 : Math.min(3, rows.length - 1)
        const [startMs, endMs] = [Math.min(one, other), Math.max(one, other)]
        for (const [at, seen] of [
          [0, times.slice(begin)],
          [selection, rows.slice(begin).map((row) => times[row])],
        ] as const) {
          expect(kernels.timesMax(timestamps, at, begin, seen.length)).toBe(greatestOfTimes(seen))
          expect(kernels.timesWithin(timestamps, at, begin, seen.length, startMs, endMs)).toBe(timesLieWithin(seen, startMs, endMs) ? 1 : 0)
        }
        slab.free(selection, rows.length * 4)
        slab.free(timestamps, times.length * 8)
      },
    ),
  )
})
