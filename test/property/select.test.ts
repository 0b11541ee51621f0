import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { PhysicalKind } from '../../src/kernels/column-layout.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { Comparison } from '../../src/kernels/select.ts'
import { compares, differenceRows, unionRows } from '../../src/kernels/twin/rows.ts'
import { listAt, randomColumn, randomRows, SCALAR_TYPES } from './row-arbitrary.ts'

const module = compileKernels()
const encoder = new TextEncoder()

describe('selection kernels', () => {
  it('select the rows whose value compares with a constant, for every kind and comparison', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const type = SCALAR_TYPES[random.integer(SCALAR_TYPES.length)]
        const { column, values } = randomColumn(random, slab, type, random.integer(100))
        const { selection, begin, n, rows } = randomRows(random, slab, values.length)
        const out = slab.allocate((n + 1) * 4)
        const present = values.filter((value) => value !== null)
        const isText = column.kind === PhysicalKind.BYTES
        for (const operation of Object.values(Comparison)) {
          if (operation > Comparison.GREATER_OR_EQUAL && !isText) continue
          const chosen =
            present.length > 0
              ? present[random.integer(present.length)]
              : isText
                ? encoder.encode('flight')
                : type.kind === 'FLOAT' || type.kind === 'DOUBLE'
                  ? 1.5
                  : 3n
          // A constant has 64 bits; values may have more.
          let constant = typeof chosen === 'bigint' ? BigInt.asIntN(64, chosen) : chosen
          let count: number
          if (chosen instanceof Uint8Array) {
            const start = random.integer(chosen.length + 1)
            if (operation > Comparison.GREATER_OR_EQUAL)
              constant = chosen.subarray(
                operation === Comparison.STARTS_WITH ? 0 : start,
                random.integer(2) === 0 ? chosen.length : start + random.integer(chosen.length - start + 1),
              )
            const bytes = constant as Uint8Array
            const address = slab.allocate(bytes.length + 64)
            slab.u8.set(bytes, address)
            count = kernels.selectText(operation, column.descriptor, address, bytes.length, selection, begin, n, out)
          } else if (typeof constant === 'bigint') count = kernels.selectInteger(operation, column.descriptor, constant, selection, begin, n, out)
          else count = kernels.selectFloat(operation, column.descriptor, constant as number, selection, begin, n, out)
          expect(listAt(slab, out, count)).toEqual(rows.filter((row) => compares(operation, values[row], constant)))
        }
        for (const wanted of [0, 1]) {
          expect(listAt(slab, out, kernels.selectNull(column.descriptor, wanted, selection, begin, n, out))).toEqual(
            rows.filter((row) => (values[row] === null) === (wanted === 1)),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  it('find a short text in long ones, wherever it stands', () => {
    const slab = new Slab()
    const kernels = instantiateKernels(module, slab)
    const random = new Random(5)
    const texts = Array.from({ length: 200 }, () => Array.from({ length: random.integer(90) }, () => 'ab'[random.integer(2)]).join(''))
    const { column } = randomColumn(random, slab, { kind: 'VARCHAR', nullable: false, length: 100 }, 0)
    column.ensureRows(texts.length)
    texts.forEach((text, row) => {
      const start = slab.i32[(column.offsets >>> 2) + row]
      column.dataLength = start
      column.ensureData(text.length)
      slab.u8.set(encoder.encode(text), column.data + start)
      slab.i32[(column.offsets >>> 2) + row + 1] = start + text.length
    })
    const needle = slab.allocate(128)
    const out = slab.allocate(1024)
    for (const text of ['', 'a', 'ab', 'aab', 'abbab', 'aaaaaaaa', 'abababababababababab', texts[7]]) {
      slab.u8.set(encoder.encode(text), needle)
      const count = kernels.selectText(Comparison.CONTAINS, column.descriptor, needle, text.length, 0, 0, texts.length, out)
      expect(listAt(slab, out, count)).toEqual(texts.flatMap((candidate, row) => (candidate.includes(text) ? [row] : [])))
    }
  })

  it('refine, unite and exclude like sets', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 80 }), fc.integer({ min: 0 }), (flags, seed) => {
        const slab = new Slab()
        const kernels = instantiateKernels(module, slab)
        const { selection, begin, n, rows } = randomRows(new Random(seed), slab, flags.length)
        const [bits, bytes, left, right, out] = Array.from({ length: 5 }, () => slab.allocateZeroed(2 * flags.length * 4 + 64)) as [
          number,
          number,
          number,
          number,
          number,
        ]
        flags.forEach(([bit, byte], row) => {
          slab.u8[bits + (row >>> 3)] |= bit ? 1 << (row & 7) : 0
          slab.u8[bytes + row] = byte ? 7 : 0
        })
        const leftCount = kernels.selectBits(bits, 1, selection, begin, n, left)
        const rightCount = kernels.selectBytes(bytes, selection, begin, n, right)
        const [leftRows, rightRows] = [rows.filter((row) => flags[row][0]), rows.filter((row) => flags[row][1])]
        expect(listAt(slab, left, leftCount)).toEqual(leftRows)
        expect(listAt(slab, out, kernels.selectBits(bits, 0, selection, begin, n, out))).toEqual(rows.filter((row) => !flags[row][0]))
        expect(listAt(slab, out, kernels.selectUnion(left, leftCount, right, rightCount, out))).toEqual(unionRows(leftRows, rightRows))
        expect(listAt(slab, out, kernels.selectDifference(selection, begin, n, right, rightCount, out))).toEqual(differenceRows(rows, rightRows))
        // In place.
        expect(listAt(slab, left, kernels.selectBytes(bytes, left, 0, leftCount, left))).toEqual(leftRows.filter((row) => rightRows.includes(row)))
      }),
    )
  })
})
