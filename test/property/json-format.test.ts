import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { TypeCode } from '../../src/kernels/column-layout.ts'
import { JsonFormatPlan, type JsonFormatOptions } from '../../src/kernels/json-format.ts'
import { ScanStatus } from '../../src/kernels/json-scan-layout.ts'
import { JsonScanPlan, type ScanField } from '../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/kernels.ts'
import { formatJsonTwin } from '../../src/kernels/twin/json-format.ts'
import { TestColumns } from '../fixtures/kernel-columns.ts'
import { Dice, randomLayout, randomObject, randomSchema } from '../fixtures/random-json.ts'

const module = compileKernels()

/** Fills columns with random rows, by scanning random JSON and leaving out what is bad. */
function randomColumns(dice: Dice, slab: Slab, kernels: Kernels, fields: readonly ScanField[]): { columns: TestColumns; rows: number } {
  const layout = randomLayout(dice)
  const text = Buffer.from(Array.from({ length: 30 }, () => `${randomObject(dice, fields, layout, true)}\n`).join(''))
  const columns = new TestColumns(slab, fields, 40, Math.max(4096, text.length))
  const plan = new JsonScanPlan(slab, fields, { conversion: 'flink', nullOnError: true })
  plan.setColumns(columns.descriptors)
  const input = slab.allocate(text.length + 64)
  slab.u8.set(text, input)
  let rows = 0
  for (let at = 0; at < text.length;) {
    const result = plan.scan(kernels, input + at, input + text.length, rows, 40 - rows)
    rows += result.rows
    at += result.status === ScanStatus.BAD_RECORD ? result.lineEnd : result.consumed
    if (result.status === ScanStatus.ROWS_FULL || result.status === ScanStatus.DATA_FULL) break
  }
  return { columns, rows }
}

describe('formatJson', () => {
  test('writes rows as its twin does, through buffers of any size, with and without a selection', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const slab = new Slab(1 << 28)
        const kernels = instantiateKernels(module, slab)
        const fields = randomSchema(dice)
        const options: JsonFormatOptions = { timestampFormat: dice.pick(['SQL', 'ISO-8601']), fraction: dice.pick(['precision', 'trimmed']) }
        const { columns, rows } = randomColumns(dice, slab, kernels, fields)
        const plan = new JsonFormatPlan(slab, fields, options)
        plan.setColumns(columns.descriptors)
        const selected = dice.chance(2) ? Array.from({ length: rows }, (_, row) => row).filter(() => !dice.chance(3)) : undefined
        let selection = 0
        if (selected) {
          selection = slab.allocate(Math.max(4, selected.length * 4))
          slab.u32.set(selected, selection / 4)
        }
        const wanted = selected ?? Array.from({ length: rows }, (_, row) => row)
        const expected = wanted.map((row) => `${formatJsonTwin(fields, options, columns.row(row))}\n`)
        const capacity = plan.bufferBytesMin + dice.below(8000)
        const out = slab.allocate(capacity + 128)
        const canary = out + capacity + 64
        slab.u8.fill(0x5a, canary, canary + 64)
        let text = ''
        let next = 0
        const refused: number[] = []
        while (next < wanted.length) {
          const result = plan.format(kernels, selection, next, wanted.length, out, out + capacity)
          text += Buffer.from(slab.u8.slice(out, out + result.bytes)).toString()
          expect(result.bytes).toBeLessThanOrEqual(capacity)
          expect(slab.u8.slice(canary, canary + 64)).toEqual(new Uint8Array(64).fill(0x5a))
          if (result.nextRow === next) {
            // Not even one row fits: only a row of long texts and lists may be refused.
            refused.push(expected[next].length)
            text += expected[next]
            next++
          } else next = result.nextRow
        }
        for (const length of refused) expect(length).toBeGreaterThan(capacity - plan.bufferBytesMin - 64)
        const lines = text.split('\n')
        expected.forEach((line, index) => expect(`${lines[index]}\n`).toBe(line))
        expect(text.length).toBe(expected.join('').length)
      }),
      { numRuns: 200, endOnFailure: true },
    )
  })

  test("writes doubles and floats so that they read back, in JavaScript's own digits", () => {
    const slab = new Slab(1 << 24)
    const kernels = instantiateKernels(module, slab)
    const fields: ScanField[] = [
      { name: 'd', type: TypeCode.DOUBLE, nullable: false },
      { name: 'f', type: TypeCode.FLOAT, nullable: false },
    ]
    const columns = new TestColumns(slab, fields, 1, 64)
    const plan = new JsonFormatPlan(slab, fields)
    plan.setColumns(columns.descriptors)
    const out = slab.allocate(4096)
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt(0n, (1n << 64n) - 1n),
        (double, float, bits) => {
          const any = new Float64Array(BigUint64Array.of(bits).buffer)[0]
          for (const value of [double, ...(Number.isFinite(any) ? [any] : []), double / 1000, Math.round(double) / 100]) {
            slab.f64[slab.u32[columns.descriptors[0] / 4 + 3] / 8] = value
            slab.f32[slab.u32[columns.descriptors[1] / 4 + 3] / 4] = float
            const { bytes } = plan.format(kernels, 0, 0, 1, out, out + 4000)
            expect(Buffer.from(slab.u8.slice(out, out + bytes)).toString()).toBe(`${formatJsonTwin(fields, {}, { d: value, f: Math.fround(float) })}\n`)
          }
        },
      ),
      { numRuns: 2000, endOnFailure: true },
    )
  })
})
