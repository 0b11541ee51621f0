import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyEncoder } from '../../src/kernels/keys.ts'
import { KeyForm } from '../../src/kernels/table-layout.ts'
import { encodeDictionary } from '../../src/kernels/twin/rows.ts'
import { listAt, randomColumn, randomRows } from './row-arbitrary.ts'

const module = compileKernels()

describe('dictionaryEncode', () => {
  it('numbers distinct texts by first occurrence, or refuses when there are too many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.constantFrom(4, 1000), (seed, max) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const { column, values } = randomColumn(random, slab, { kind: 'VARCHAR', nullable: true, length: 1000 }, random.integer(300))
        const { selection, begin, n, rows } = randomRows(random, slab, values.length)
        const keys = new KeyEncoder(slab, kernels, KeyForm.BYTES, 1).encode([column.descriptor], selection, begin, n)
        const [codes, firsts, slots] = [slab.allocate(n * 4 + 64), slab.allocate(n * 4 + 64), slab.allocate(2048 * 4)]
        const count = kernels.dictionaryEncode(keys.hashes, keys.keys, keys.words, n, max, slots, 2048, codes, firsts)
        const texts = rows.map((row) => values[row] as Uint8Array | null).map((bytes) => (bytes === null ? null : Buffer.from(bytes).toString()))
        const found = count === -1 ? null : { codes: listAt(slab, codes, n), firsts: listAt(slab, firsts, count) }
        expect(found).toEqual(encodeDictionary(texts, max))
      }),
    )
  })
})
