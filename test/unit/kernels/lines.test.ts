import { describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { Column } from '../../../src/batch/column.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { countByteInBytes, linesInBytes } from '../../../src/kernels/lines.ts'

describe('countByte', () => {
  const slab = new Slab()
  const kernels = instantiateKernels(compileKernels(), slab)
  const block = slab.allocate(10_000)

  test('counts as its twin does, at every alignment and length', () => {
    for (let at = 0; at < 10_000; at++) slab.u8[block + at] = (at * 7919) % 13
    for (const length of [0, 1, 15, 16, 17, 31, 255 * 16, 255 * 16 + 1, 9000])
      for (let start = 0; start < 18; start++)
        expect(kernels.countByte(block + start, block + start + length, 5)).toBe(countByteInBytes(slab.u8, block + start, block + start + length, 5))
  })

  test('counts more than a lane can hold, and bytes above 127', () => {
    slab.u8.fill(200, block, block + 10_000)
    expect(kernels.countByte(block, block + 10_000, 200)).toBe(10_000)
    expect(kernels.countByte(block, block + 10_000, 10)).toBe(0)
  })
})

describe('scanLines', () => {
  const slab = new Slab()
  const kernels = instantiateKernels(compileKernels(), slab)

  test('takes lines as its twin does, from any row on, until rows or bytes run out', () => {
    const text = Buffer.from(
      Array.from({ length: 60 }, (_, row) => `${'\r'.repeat(row % 3)}${'é'.repeat((row * 7) % 40)}${row % 4 === 0 ? '\r' : ''}\n`).join('') + 'open',
    )
    const input = slab.allocate(text.length + 64)
    slab.u8.set(text, input)
    const expected = linesInBytes(text, Infinity).map((line) => line.toString())
    for (const rowsMax of [1, 7, 60]) {
      const column = Column.allocate(slab, defineSchema({ line: t.string() }).fields[0].type, 64)
      column.ensureData(100)
      const lines: string[] = []
      let at = input
      for (let stuck = 0; stuck < 2;) {
        const end = kernels.scanLines(column.descriptor, at, input + text.length, lines.length, rowsMax)
        stuck = end === at ? stuck + 1 : 0
        for (const rows = kernels.countByte(at, end, 10) + lines.length; lines.length < rows;) {
          const [from, to] = slab.i32.subarray((column.offsets >>> 2) + lines.length)
          lines.push(Buffer.from(slab.u8.slice(column.data + from, column.data + to)).toString())
          column.dataLength = to
        }
        at = end
        column.ensureData(200)
      }
      expect(lines).toEqual(expected)
      expect(at).toBe(input + text.lastIndexOf(10) + 1)
      column.free()
    }
  })
})
