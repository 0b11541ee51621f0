import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { sortScratchBytes } from '../../src/kernels/sort.ts'
import { sortRows } from '../../src/kernels/twin/rows.ts'
import { listAt, randomColumn, randomRows, SCALAR_TYPES } from './row-arbitrary.ts'

const module = compileKernels()

describe('sort kernels', () => {
  it('order rows by several columns of any scalar kind, stably', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const count = random.integer([20, 400][random.integer(2)])
        const columns = Array.from({ length: 1 + random.integer(3) }, () => ({
          ...randomColumn(random, slab, SCALAR_TYPES[random.integer(SCALAR_TYPES.length)], count),
          descending: random.integer(2) === 0,
          nullsLast: random.integer(2) === 0,
        }))
        const { rows } = randomRows(random, slab, count)
        const list = slab.allocate(rows.length * 4 + 64)
        slab.i32.set(rows, list >>> 2)
        const scratch = slab.allocate(sortScratchBytes(rows.length))
        for (const { column, descending, nullsLast } of columns.toReversed())
          kernels.sortRows(column.descriptor, Number(descending), Number(nullsLast), list, rows.length, scratch)
        expect(listAt(slab, list, rows.length)).toEqual(sortRows(rows, columns))
      }),
      { numRuns: 300 },
    )
  })

  it('find the first few rows of many', () => {
    const types = SCALAR_TYPES.filter(({ kind }) => ['INT', 'BIGINT', 'DOUBLE', 'SMALLINT', 'BOOLEAN'].includes(kind))
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const { column, values } = randomColumn(random, slab, types[random.integer(types.length)], random.integer(300))
        const { rows } = randomRows(random, slab, values.length)
        const limit = random.integer(20)
        const descending = random.integer(2) === 0
        const list = slab.allocate(rows.length * 4 + 64)
        slab.i32.set(rows, list >>> 2)
        const count = kernels.sortTop(column.descriptor, Number(descending), list, rows.length, limit, slab.allocate(limit * 12 + 64))
        const present = rows.filter((row) => values[row] !== null)
        expect(listAt(slab, list, count)).toEqual(sortRows(present, [{ values, descending, nullsLast: true }]).slice(0, limit))
      }),
      { numRuns: 300 },
    )
  })
})
