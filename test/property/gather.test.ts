import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { withNullability } from '../../src/batch/types.ts'
import { readValue } from '../../src/batch/values.ts'
import { gatherRows } from '../../src/kernels/gather.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { gatherValues } from '../../src/kernels/twin/rows.ts'
import { randomBatch, randomSchema } from './batch-arbitrary.ts'

const module = compileKernels()

describe('gatherRows', () => {
  it('appends rows of columns of any type, part by part, holes as NULL', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const schema = randomSchema(random, 3)
        const { batch } = randomBatch(random, slab, schema, 40)
        schema.fields.forEach((field, index) => {
          const source = batch.columns[index]
          const target = Column.allocate(slab, withNullability(field.type, true), 1 + random.integer(4))
          let expected: unknown[] = []
          const values = Array.from({ length: batch.rowCount }, (_, row) => readValue(source, row))
          for (let part = 0; part < 3; part++) {
            const dense = random.integer(3) === 0
            const holes = !dense && (batch.rowCount === 0 || random.integer(2) === 0)
            const begin = random.integer(batch.rowCount + 1)
            const n = dense ? random.integer(batch.rowCount - begin + 1) : random.integer(30)
            let selection = 0
            const rows = Array.from({ length: n }, (_, at) =>
              dense ? begin + at : holes && random.integer(3) === 0 ? -1 : random.integer(Math.max(1, batch.rowCount)),
            )
            if (batch.rowCount === 0) rows.fill(-1)
            if (!dense) {
              selection = slab.allocate((begin + n) * 4 + 64)
              slab.i32.set(rows, (selection >>> 2) + begin)
            }
            gatherRows(slab, kernels, source, target, selection, begin, n, expected.length, holes)
            expected = gatherValues(expected, values, rows)
          }
          expect(expected.map((_, row) => readValue(target, row))).toEqual(expected)
        })
      }),
      { numRuns: 200 },
    )
  })
})
