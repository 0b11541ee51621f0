import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyGroupOfHash, subtaskOfKeyGroup } from '../../src/base/key-groups.ts'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { Scatterer } from '../../src/kernels/scatter.ts'
import { scatterRows } from '../../src/kernels/twin/rows.ts'
import { listAt, randomRows } from './row-arbitrary.ts'

const module = compileKernels()

describe('scatter kernels', () => {
  it('hand each row, in order, to the subtask that owns its key group', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.constantFrom(1, 2, 3, 8, 64), fc.constantFrom(64, 100, 128, 32_768), (seed, targetCount, maxParallelism) => {
        const random = new Random(seed)
        const slab = new Slab()
        const scatterer = new Scatterer(slab, instantiateKernels(module, slab), targetCount, maxParallelism)
        for (const count of [random.integer(50), random.integer(3000)]) {
          const { selection, begin, n, rows } = randomRows(random, slab, count)
          const hashes = slab.allocate(n * 8 + 64)
          for (let index = 0; index < n * 2; index++) slab.u32[(hashes >>> 2) + index] = random.uint32()
          const targets = rows.map((_, index) =>
            subtaskOfKeyGroup(keyGroupOfHash(slab.u64[(hashes >>> 3) + index], maxParallelism), targetCount, maxParallelism),
          )
          scatterer.scatter(hashes, selection, begin, n)
          const groups = Array.from({ length: targetCount }, (_, target) => listAt(slab, scatterer.rowsOf(target), scatterer.countOf(target)))
          expect(groups).toEqual(scatterRows(rows, targets, targetCount))
        }
        scatterer.free()
      }),
    )
  })
})
